"""Local regression: its options, faces and refusals."""

import json
import warnings
from typing import NamedTuple

import numpy as np
import pandas as pd
import pytest

import fastglm
from fastglm.cli.main import main
from fastglm.errors import FileFormatError, InvalidParameterError, LocalFitWarning, MissingDataError, SeparationWarning
from fastglm.smoothing import kernels

RNG = np.random.default_rng(5)
x = RNG.uniform(0.0, 6.0, 120)
y = np.sin(x) + 0.3 * RNG.normal(size=120)
FRAME = pd.DataFrame({"y": y, "x": x, "z": RNG.normal(size=120), "t": RNG.uniform(1.0, 2.0, 120)})

REFUSED = {
    "bandwidth=0.0 must be positive": dict(bandwidth=0.0),
    "bandwidth=-1.0 must be positive": dict(bandwidth=-1.0),
    "bandwidth=nan must be positive": dict(bandwidth=np.nan),
    r"bandwidth has shape \(2,\)": dict(bandwidth=[1.0, 2.0]),
    "bandwidth='cv' is unknown": dict(bandwidth="cv"),
    "nearest must be a share": dict(bandwidth={"nearest": 1.5}),
    "or a whole number of rows from 1 to 120": dict(bandwidth={"nearest": 121}),
    "must be {'nearest'": dict(bandwidth={"span": 0.5}),
    "choose from": dict(bandwidth=1.0, bandwidths=[1.0]),
    "kernel='box' is unknown": dict(bandwidth=1.0, kernel="box"),
    "degree=4 must be 0, 1, 2 or 3": dict(bandwidth=1.0, degree=4),
    "singular='drop' is unknown": dict(bandwidth=1.0, singular="drop"),
    "outside the support": dict(bandwidth=1.0, family="poisson"),
    "has one curve": dict(bandwidth=1.0, family="multinomial"),
    "exposure needs the log link": dict(bandwidth=1.0, exposure=np.ones(120)),
    "X has 2 columns, the model has 1": dict(bandwidth=1.0, at=np.zeros((3, 2))),
}


@pytest.mark.parametrize("message", REFUSED)
def test_bad_options_are_named(message):
    with pytest.raises(InvalidParameterError, match=message):
        fastglm.local(x, y, **REFUSED[message])


def test_bad_rows_are_named():
    gap = x.copy()
    gap[7] = np.nan
    with pytest.raises(MissingDataError, match="row 7"):
        fastglm.local(gap, y, bandwidth=1.0)
    assert fastglm.local(gap, y, bandwidth=1.0, missing="drop").n_rows == 119
    with pytest.raises(MissingDataError, match="at: column 'x1' has nan in row 1"):
        fastglm.local(x, y, at=[1.0, np.nan], bandwidth=1.0)
    with pytest.raises(InvalidParameterError, match="column 'b' is constant"):
        fastglm.local(pd.DataFrame({"a": x, "b": 1.0}), y, bandwidth=1.0)
    with pytest.raises(InvalidParameterError, match="2 coefficients, and there are 1 rows"):
        fastglm.local([1.0], [2.0], bandwidth=1.0)
    assert fastglm.local([1.0], [2.0], at=[0.0, 5.0], bandwidth=1.0, degree=0).fitted.tolist() == [2.0, 2.0]
    with pytest.raises(InvalidParameterError, match="y is needed"):
        fastglm.local(x, bandwidth=1.0)


def test_points_without_rows_are_nan_and_counted():
    with pytest.warns(LocalFitWarning, match=r"2 of 3 points have no rows .* the first is at 20"):
        result = fastglm.local(x, y, at=[3.0, 20.0, 30.0], bandwidth=1.0, kernel="tricube")
    assert np.isnan(result.fitted).tolist() == [False, True, True] and not result.certified
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert np.isnan(result.predict([20.0])).all()
    assert "2 of 3 points have NO LOCAL FIT" in str(result.summary())


def test_singular_designs_by_each_option():
    """At 3 the window has one value of x: a constant is determined, a line is not."""
    place, response = np.r_[np.repeat(3.0, 5), 10.0, 11.0], np.r_[1.0, 2, 3, 4, 5, 7, 9]
    options = dict(at=[3.2, 10.5], bandwidth=1.0, kernel="epanechnikov")
    with pytest.warns(LocalFitWarning, match="1 of 2 points have too few different rows .* are NaN"):
        assert np.isnan(fastglm.local(place, response, **options).fitted).tolist() == [True, False]
    with pytest.warns(LocalFitWarning, match="lower degree"):
        lower = fastglm.local(place, response, singular="degree", **options)
    assert lower.fitted == pytest.approx([3.0, 8.0]) and lower.degrees.tolist() == [0, 1]
    with pytest.warns(LocalFitWarning, match="small ridge"):
        ridge = fastglm.local(place, response, singular="ridge", **options)
    assert ridge.fitted == pytest.approx([3.0, 8.0], abs=1e-5)


def test_windows_of_one_outcome_are_named():
    with pytest.warns(SeparationWarning, match="of 5 points see one outcome alone"):
        result = fastglm.local(x, (x > 3.0) * 1.0, at=np.linspace(1, 5, 5), bandwidth=0.3, family="binomial")
    assert result.fitted[0] < 1e-6 and result.fitted[-1] > 1 - 1e-6


def test_formulas_frames_and_arrays_are_one():
    arrays = fastglm.local(FRAME[["x", "z"]].to_numpy(), y, bandwidth=1.5)
    frame = fastglm.local("y ~ x + z", FRAME, bandwidth=1.5)
    assert frame.names == ("x", "z") and frame.points.shape == (120, 2)
    assert frame.fitted.tobytes() == arrays.fitted.tobytes()
    assert frame.predict(FRAME.head(4)).tolist() == pytest.approx(arrays.fitted[:4], rel=1e-12)
    at = fastglm.local("y ~ x + z", FRAME, at=FRAME.head(4), bandwidth=1.5)
    assert at.fitted.tolist() == frame.predict(FRAME.head(4)).tolist()


def test_exposures_are_found_and_asked_for():
    counts = FRAME.assign(y=RNG.poisson(FRAME.t * np.exp(np.sin(x))))
    named = fastglm.local("y ~ x", counts, family="poisson", exposure="t", bandwidth=0.8)
    array = fastglm.local(x, counts.y, family="poisson", exposure=counts.t, bandwidth=0.8)
    inside = fastglm.local("y ~ x + exposure(t)", counts, family="poisson", bandwidth=0.8)
    assert named.fitted.tobytes() == array.fitted.tobytes() == inside.fitted.tobytes()
    assert named.exposure_kind == array.exposure_kind == inside.exposure_kind == "exposure"
    with pytest.raises(InvalidParameterError, match="fitted with an exposure"):
        array.predict([1.0])
    rate = array.predict([1.0], exposure=1.0)
    assert array.predict([1.0], exposure=2.0) == pytest.approx(2.0 * rate, rel=1e-14)
    assert inside.predict(counts.head(2)) == pytest.approx(array.predict(x[:2], exposure=counts.t[:2]), rel=1e-12)


def test_weights_of_a_point_and_rows_of_weight_zero():
    weights = np.r_[np.zeros(20), np.ones(100)]
    result = fastglm.local(x, y, at=[2.0], bandwidth=0.5, weights=weights)
    assert result.fitted == pytest.approx(fastglm.local(x[20:], y[20:], at=[2.0], bandwidth=0.5).fitted, rel=1e-15)
    assert result.weights_at(2.0) == pytest.approx(np.exp(-0.5 * ((x[20:] - 2.0) / 0.5) ** 2), rel=1e-12)


def test_intervals_tables_and_words():
    result = fastglm.local(x, y, bandwidth="gcv")
    inner, outer = result.interval(0.5), result.interval(0.99)
    assert (outer.lower < inner.lower).all() and (inner.lower < inner.mean).all()
    table = result.table()
    assert list(table.columns) == ["x1", "fitted", "se", "lower", "upper"] and len(table) == 401
    at = result.predict(result.points, interval="mean", level=0.5)
    assert at.lower == pytest.approx(inner.lower, rel=1e-12)
    assert "gaussian kernel, bandwidth" in repr(result) and "(gcv)" in str(result.summary())
    assert result._repr_html_().startswith('<div class="fastglm"')
    with pytest.raises(InvalidParameterError, match="kind='class'"):
        result.predict([1.0], "class")


def test_saved_and_loaded(tmp_path):
    for family, response, kernel in (("gaussian", y, "tricube"), ("poisson", np.round(y + 2), "gaussian")):
        result = fastglm.local(x, response, bandwidth="gcv", family=family, kernel=kernel)
        result.save(tmp_path / "curve.npz")
        again = fastglm.load(tmp_path / "curve.npz")
        assert type(again) is fastglm.LocalResult
        assert again.interval(0.9).upper.tobytes() == result.interval(0.9).upper.tobytes()
        assert again.predict([1.0, 2.5]).tobytes() == result.predict([1.0, 2.5]).tobytes()
        assert again.curve.values.tobytes() == result.curve.values.tobytes() and again.edf == result.edf
        assert again.bandwidth.plain == result.bandwidth.plain and repr(again) == repr(result)
    (tmp_path / "curve.npz").write_bytes(b"no")
    with pytest.raises(FileFormatError):
        fastglm.LocalResult.load(tmp_path / "curve.npz")
    with pytest.raises(FileFormatError):
        fastglm.load(tmp_path / "curve.npz")
    np.savez(tmp_path / "other.npz", x=x)
    with pytest.raises(FileFormatError, match="another kind"):
        fastglm.load(tmp_path / "other.npz")


def test_saved_networks_and_streams_are_loaded_by_their_files(tmp_path):
    network = fastglm.nn.MLP((2,)).fit(x[:, None], y, solver=fastglm.solvers.SGD(method="adam", epochs=2))
    network.save(tmp_path / "network.npz")
    assert fastglm.load(tmp_path / "network.npz").predict([[1.0]]) == network.predict([[1.0]])
    stream = fastglm.OnlineGLM().partial_fit(x[:, None], y)
    stream.save(tmp_path / "stream.npz")
    assert fastglm.load(tmp_path / "stream.npz").result().params.tobytes() == stream.result().params.tobytes()


def test_predictions_of_files(tmp_path):
    result = fastglm.local("y ~ x", FRAME, bandwidth=0.5)
    FRAME.to_parquet(tmp_path / "new.parquet")
    whole = result.predict(FRAME, interval="mean")
    for found, expected in zip(result.predict(str(tmp_path / "new.parquet"), interval="mean"), whole, strict=True):
        assert found == pytest.approx(expected, rel=1e-12)
    written = result.predict(FRAME, out=tmp_path / "pred.parquet", keep=["y"])
    assert pd.read_parquet(written.path)["mean"].to_numpy() == pytest.approx(whole.mean, rel=1e-12)


def test_the_picture_shows_the_weights():
    matplotlib = pytest.importorskip("matplotlib")
    matplotlib.use("Agg")
    result = fastglm.local(x, y, bandwidth=0.5)
    ax = result.plot(point=2.0)
    curve, tangent = ax.get_lines()[:2]
    assert np.array_equal(curve.get_ydata(), result.fitted)
    slope = np.diff(tangent.get_ydata()) / np.diff(tangent.get_xdata())
    own = fastglm.local(x, y, at=[2.0], bandwidth=0.5).slope[0, 0]
    assert slope == pytest.approx(own, rel=1e-9)
    matplotlib.pyplot.close(ax.figure)
    with pytest.raises(InvalidParameterError, match="2 columns"):
        fastglm.local("y ~ x + z", FRAME, bandwidth=1.0).plot()


def test_a_kernel_of_ones_own():
    try:

        @kernels.kernel("box")
        class Box(NamedTuple):
            radius = 1.0

            def weight(self, s):
                return 1.0 if s < 1.0 else 0.0

        result = fastglm.local(x, y, at=[3.0], bandwidth=0.7, kernel="box", degree=0)
        assert result.fitted[0] == pytest.approx(y[np.abs(x - 3.0) < 0.7].mean(), rel=1e-14)
        assert fastglm.local(x, y, at=[3.0], bandwidth=0.7, kernel=Box(), degree=0).fitted == result.fitted
    finally:
        del kernels.KERNELS["box"]


def test_nearest_rows_of_several_columns_are_measured_in_standard_deviations():
    X = FRAME[["x", "z"]].to_numpy() * [1.0, 100.0]
    result = fastglm.local(X, y, at=X[:3], bandwidth={"nearest": 40}, kernel="tricube", degree=0)
    for j in range(3):
        distance = np.sqrt((((X - X[j]) / X.std(axis=0)) ** 2).sum(axis=1))
        K = np.clip(1.0 - (distance / np.sort(distance)[39]) ** 3, 0.0, None) ** 3
        assert result.fitted[j] == pytest.approx((K * y).sum() / K.sum(), rel=1e-10)


def test_the_command_line(tmp_path, capsys):
    FRAME.to_csv(tmp_path / "d.csv", index=False)
    out = tmp_path / "curve.csv"
    assert main(["local", str(tmp_path / "d.csv"), "y ~ x", "--bandwidth", "0.5", "--out", str(out)]) == 0
    assert "Local regression" in capsys.readouterr().out
    written, result = pd.read_csv(out), fastglm.local(x, y, bandwidth=0.5)
    assert written.fitted.to_numpy() == pytest.approx(result.fitted, rel=1e-9)
    nearest = ["--bandwidth", "nearest:0.5", "--kernel", "tricube", "--json"]
    assert main(["local", str(tmp_path / "d.csv"), "y ~ x", *nearest]) == 0
    document = json.loads(capsys.readouterr().out)
    assert document["bandwidth"] == 60 and len(document["curve"]) == 401
    assert main(["local", str(tmp_path / "d.csv"), "y ~ x", "--out", str(tmp_path / "curve.txt")]) == 2


def test_the_command_line_predicts_by_saved_curves(tmp_path, capsys):
    data, model, out = (str(tmp_path / name) for name in ("d.csv", "curve.npz", "pred.csv"))
    FRAME.to_csv(data, index=False)
    assert main(["local", data, "y ~ x", "--bandwidth", "0.5", "--save", model]) == 0
    assert main(["predict", model, data, "--out", out, "--interval", "--keep", "y"]) == 0
    capsys.readouterr()
    found, expected = pd.read_csv(out), fastglm.local(x, y, bandwidth=0.5).predict(x, interval="mean")
    assert found["upper"].to_numpy() == pytest.approx(expected.upper, rel=1e-9)
    assert found.y.to_list() == FRAME.y.to_list()
    assert main(["local", data, "y ~ x", "--save", model]) == 2  # the file exists
