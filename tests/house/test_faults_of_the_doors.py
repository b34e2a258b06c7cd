"""What is asked of the doors one by one: rows of every kind are opened the same way, for a fit and ever after."""

import numpy as np
import pandas as pd
import pytest
from scipy.sparse import csr_matrix

import fastglm
from fastglm.errors import InvalidParameterError, MissingDataError
from fastglm.matrix import Categorical, Dense, Split

pytest.importorskip("formulaic")
pytest.importorskip("narwhals")

from storages import FEATURES, NAMES, numbers, rows, split, to_arrow, to_polars  # noqa: E402


@pytest.fixture(scope="module")
def frame():
    return rows(1500)


@pytest.fixture(scope="module")
def y(frame):
    return np.asarray(frame["label"].tolist())


@pytest.fixture(scope="module")
def X(frame):
    return frame[FEATURES]


@pytest.fixture(scope="module")
def fitted(X, y):
    return fastglm.fit(X, y, family="binomial")


@pytest.fixture(scope="module")
def expected(frame, y):
    return fastglm.fit(numbers(frame), y, family="binomial", names=NAMES)


def close(a, b, rtol=1e-10):
    b = np.asarray(b)
    np.testing.assert_allclose(a, b, rtol=rtol, atol=rtol * np.abs(b).max())


# A frame with a factor, after a fit of X and y


@pytest.mark.parametrize("change", [lambda X: X, to_polars, to_arrow, lambda X: X.iloc[:, ::-1]], ids=range(4))
def test_residuals_of_the_frame_of_a_fit(fitted, expected, X, y, frame, change):
    for kind in ("deviance", "pearson", "response", "working", "anscombe"):
        close(fitted.residuals(change(X), y, kind), expected.residuals(numbers(frame), y, kind))


@pytest.mark.parametrize("change", [lambda X: X, to_polars, to_arrow, lambda X: X.iloc[:, ::-1]], ids=range(4))
def test_influence_of_the_frame_of_a_fit(fitted, expected, X, y, frame, change):
    found, wanted = fitted.influence(change(X), y), expected.influence(numbers(frame), y)
    for name, values in wanted._asdict().items():
        close(getattr(found, name), values)


def test_a_level_that_the_fit_has_not_seen_is_named(fitted, X, y):
    other = X.assign(g=np.where(np.arange(len(X)) == 7, "z", X["g"]))
    for verb in (fitted.residuals, fitted.influence, fitted.score):
        with pytest.raises(InvalidParameterError, match="'z'.*row 7"):
            verb(other, y)


# Plots


@pytest.fixture
def pyplot():
    matplotlib = pytest.importorskip("matplotlib")
    matplotlib.use("Agg")
    import matplotlib.pyplot as plt

    yield plt
    plt.close("all")


def lines(ax):
    return [line.get_xydata() for line in ax.lines]


def test_the_frame_that_a_formula_was_fitted_to_is_plotted(pyplot, frame, expected, y):
    result = fastglm.glm("label ~ x1 + x2 + g", frame, family="binomial")
    for column in ("x1", "x2", 1):
        for found, wanted in zip(
            lines(fastglm.plots.fitted(result, frame, y, column)),
            lines(fastglm.plots.fitted(expected, numbers(frame), y, column)), strict=True,
        ):  # fmt: skip
            close(found, wanted)


def test_exposures_of_the_formula_are_found_by_a_plot(pyplot, frame):
    e, count = frame["e"].to_numpy(), frame["count"].to_numpy()
    result = fastglm.glm("count ~ x1 + x2 + g", frame, family="poisson", exposure="e")
    exact = fastglm.fit(numbers(frame), count, family="poisson", exposure=e, names=NAMES)
    for found, wanted in zip(
        lines(fastglm.plots.fitted(result, frame, count, "x1")),
        lines(fastglm.plots.fitted(exact, numbers(frame), count, "x1", exposure=e)), strict=True,
    ):  # fmt: skip
        close(found, wanted)


def test_means_of_single_precision_are_those_of_double(pyplot, frame, expected, y):
    """The columns at whose means a curve is drawn are averaged in double precision."""
    single = fastglm.plots.fitted(expected, numbers(frame).astype(np.float32), y, "x1")
    for found, wanted in zip(
        lines(single), lines(fastglm.plots.fitted(expected, numbers(frame), y, "x1")), strict=True
    ):  # fmt: skip
        close(found, wanted)


# Forecasts


@pytest.mark.parametrize("option", ["weights", "freq_weights", "exposure"])
def test_a_plan_refuses_vectors_that_a_fit_refuses(frame, option):
    X, count = numbers(frame), frame["count"].to_numpy()
    bad = np.where(np.arange(len(X)) == 3, -1.0, 1.0)
    holed = np.where(np.arange(len(X)) == 3, np.nan, 1.0)
    with pytest.raises(InvalidParameterError) as raised:
        fastglm.fit(X, count, family="poisson", **{option: bad})
    for values, sentence in ((bad, str(raised.value)), (holed, "row 3"), (np.ones(5), option), (-1, option)):
        with pytest.raises(InvalidParameterError) as of_plan:
            fastglm.plan(count, X, family="poisson", **{option: values})
        assert sentence in str(of_plan.value)


def test_a_plan_refuses_a_column_of_negative_weights(frame):
    with pytest.raises(InvalidParameterError, match="weights"):
        fastglm.plan("count ~ x1 + x2", frame.assign(w=-1.0), family="poisson", weights="w")


@pytest.mark.parametrize("intercept", [True, False])
def test_a_plan_with_and_without_an_intercept(frame, X, y, intercept):
    for data in (numbers(frame), csr_matrix(numbers(frame)), split(frame), X, to_polars(X), to_arrow(X)):
        planned = fastglm.plan(y, data, family="binomial", intercept=intercept)
        model = fastglm.fit(data, y, family="binomial", intercept=intercept)
        assert planned.columns == len(model.names) and planned.rows == model.nobs


def test_a_plan_of_a_file_and_the_name_of_its_response(frame, tmp_path):
    pytest.importorskip("pyarrow")
    frame[[*FEATURES, "count", "e"]].to_parquet(tmp_path / "rows.parquet")
    found = fastglm.plan("count", tmp_path / "rows.parquet", family="poisson", exposure="e")
    assert (found.rows, found.columns) == (len(frame), 6)
    with pytest.raises(InvalidParameterError, match="y='cuont' is not a column of the data"):
        fastglm.plan("cuont", tmp_path / "rows.parquet", family="poisson", exposure="e")


# Streams and networks


@pytest.mark.parametrize("sizes", [(1500,), (700, 500, 300)])
@pytest.mark.parametrize("change", [lambda X: X, to_polars, to_arrow], ids=["pandas", "polars", "pyarrow"])
def test_a_stream_of_frames_with_factors(X, y, frame, change, sizes):
    edges = np.cumsum([0, *sizes])
    by_frame, by_array = fastglm.OnlineGLM("binomial"), fastglm.OnlineGLM("binomial", names=NAMES)
    for a, b in zip(edges, edges[1:], strict=False):
        by_frame.partial_fit(change(X.iloc[a:b]), y[a:b])
        by_array.partial_fit(numbers(frame.iloc[a:b]), y[a:b])
    found, wanted = by_frame.result(), by_array.result()
    assert found.names == wanted.names
    close(found.params, wanted.params)
    close(found.bse, wanted.bse)
    close(found.predict(change(X)), wanted.predict(numbers(frame)))


def test_a_level_that_comes_late_is_refused_and_leaves_the_stream_as_it_was(X, y):
    stream = fastglm.OnlineGLM("binomial").partial_fit(X, y)
    before = stream.result().params
    with pytest.raises(InvalidParameterError, match="'z'"):
        stream.partial_fit(X.assign(g="z"), y)
    assert stream.n_rows == len(X)
    np.testing.assert_array_equal(stream.result().params, before)


def test_a_saved_stream_of_frames_goes_on(X, y, tmp_path):
    whole = fastglm.OnlineGLM("binomial").partial_fit(X[:1200], y[:1200])
    whole.save(tmp_path / "stream.npz")
    loaded = fastglm.OnlineGLM.load(tmp_path / "stream.npz")
    for stream in (whole, loaded):
        stream.partial_fit(X[1200:], y[1200:])
    np.testing.assert_array_equal(loaded.result().params, whole.result().params)
    np.testing.assert_array_equal(loaded.result().predict(X), whole.result().predict(X))


@pytest.mark.parametrize("change", [csr_matrix, lambda X: csr_matrix(X).tocsc(), lambda X: Split([Dense(X)])])
def test_a_stream_of_sparse_batches(frame, y, change):
    sparse, dense = fastglm.OnlineGLM("binomial"), fastglm.OnlineGLM("binomial")
    for a, b in ((0, 1100), (1100, 1500)):
        sparse.partial_fit(change(numbers(frame.iloc[a:b])), y[a:b])
        dense.partial_fit(numbers(frame.iloc[a:b]), y[a:b])
    close(sparse.result().params, dense.result().params)
    close(sparse.result().bse, dense.result().bse)


@pytest.mark.parametrize("change", [lambda X: X, to_polars, to_arrow], ids=["pandas", "polars", "pyarrow"])
def test_a_network_on_frames_with_factors(X, y, frame, change, tmp_path):
    solver = fastglm.solvers.SGD(method="adam", epochs=3)
    found = fastglm.nn.MLP((4,), family="binomial", seed=2).fit(change(X), y, solver=solver)
    wanted = fastglm.nn.MLP((4,), family="binomial", seed=2).fit(numbers(frame), y, solver=solver, names=NAMES)
    assert found.names == wanted.names
    close(found.theta, wanted.theta)
    found.save(tmp_path / "net.npz")
    for net in (found, fastglm.nn.MLPResult.load(tmp_path / "net.npz")):
        close(net.predict(change(X)), wanted.predict(numbers(frame)))
        assert (net.predict(change(X.iloc[:9]), "class") == wanted.predict(numbers(frame.iloc[:9]), "class")).all()


# Missing values


@pytest.mark.parametrize("column", ["x1", "g"])
def test_the_advice_for_missing_values_can_be_followed(frame, X, y, column):
    holed = X.copy()
    holed.loc[[5, 40], column] = None
    with pytest.raises(MissingDataError, match=f"column '{column}' has 2 missing values, the first in row 5") as raised:
        fastglm.fit(holed, y, family="binomial")
    assert "missing='drop' leaves such rows out" in str(raised.value)
    found = fastglm.fit(holed, y, family="binomial", missing="drop")
    keep = holed[column].notna().to_numpy()
    wanted = fastglm.fit(X[keep], y[keep], family="binomial")
    np.testing.assert_array_equal(found.params, wanted.params)
    assert any("2 of 1500 rows with missing values were left out" in note for note in found.notes)


# A factor of thousands of levels as columns of ``fastglm.matrix``


def test_a_long_factor_of_columns_is_fitted_as_that_of_a_formula():
    rng = np.random.default_rng(3)
    n, levels = 60_000, 6_000
    codes = np.concatenate([np.arange(levels), rng.integers(levels, size=n - levels)])
    x = rng.normal(size=(n, 2))
    y = 0.5 * x[:, 0] + 0.3 * rng.normal(size=levels)[codes] + rng.normal(size=n)
    data = pd.DataFrame({"x1": x[:, 0], "x2": x[:, 1], "g": pd.Categorical(codes), "y": y})
    columns = Split([Dense(x), Categorical(codes - 1, levels - 1)])  # the first level is the baseline
    told, of_formula = fastglm.plan(y, columns), fastglm.plan("y ~ x1 + x2 + g", data)
    assert told.columns == of_formula.columns == levels + 2
    assert told.memory < 1.2 * of_formula.memory and told.seconds < 2.0 * of_formula.seconds
    found, wanted = fastglm.fit(columns, y), fastglm.glm("y ~ x1 + x2 + g", data)
    assert type(found.cov_params()) is type(wanted.cov_params())  # no matrix of all pairs of levels
    assert found.n_passes <= wanted.n_passes + 1
    np.testing.assert_allclose(found.params, wanted.params, rtol=1e-8, atol=1e-8)
    np.testing.assert_allclose(found.bse, wanted.bse, rtol=1e-8)
    np.testing.assert_allclose(found.deviance, wanted.deviance, rtol=1e-10)
    np.testing.assert_allclose(found.predict(columns), wanted.predict(data), rtol=1e-8, atol=1e-8)


# Rows of other kinds, and rows in the wrong place


def test_a_series_is_a_column(frame, y):
    wanted = fastglm.fit(frame[["x1"]].to_numpy(), y, family="binomial")
    close_names = [(frame["x1"], "x1"), (frame["x1"].rename(None), "x1")]
    polars = pytest.importorskip("polars")
    close_names.append((polars.Series("x1", frame["x1"].to_numpy()), "x1"))
    for X, name in close_names:
        found = fastglm.fit(X, y, family="binomial")
        assert found.names == ("(Intercept)", name)
        np.testing.assert_array_equal(found.params, wanted.params)
        np.testing.assert_array_equal(found.residuals(X, y), wanted.residuals(frame[["x1"]].to_numpy(), y))
        np.testing.assert_array_equal(
            found.with_cov("HC3", X, y).bse, wanted.with_cov("HC3", frame[["x1"]].to_numpy(), y).bse
        )


def test_a_series_of_text_is_a_factor(frame, y):
    wanted = fastglm.fit(numbers(frame)[:, 2:], y, family="binomial")
    for X in (frame["g"], pytest.importorskip("polars").Series("g", frame["g"].tolist())):
        found = fastglm.fit(X, y, family="binomial")
        assert found.names == ("(Intercept)", "g[T.b]", "g[T.c]", "g[T.d]")
        close(found.params, wanted.params)
        close(found.residuals(X, y), wanted.residuals(numbers(frame)[:, 2:], y))


def test_an_array_of_xarray_is_what_it_holds(frame, y):
    xarray = pytest.importorskip("xarray")
    wanted = fastglm.fit(frame[["x1", "x2"]].to_numpy(), y, family="binomial")
    for X in (
        xarray.DataArray(frame[["x1", "x2"]].to_numpy()),
        xarray.DataArray(frame[["x1", "x2"]].to_numpy(), dims=("i", "j"), coords={"j": ["x1", "x2"]}),
        xarray.Dataset({"x1": ("i", frame["x1"]), "x2": ("i", frame["x2"])}),
    ):
        found = fastglm.fit(X, xarray.DataArray(y), family="binomial")
        np.testing.assert_array_equal(found.params, wanted.params)
        np.testing.assert_array_equal(found.residuals(X, y), wanted.residuals(frame[["x1", "x2"]].to_numpy(), y))


@pytest.mark.parametrize("change", [lambda d: d, to_polars, to_arrow], ids=["pandas", "polars", "pyarrow"])
def test_formula_and_data_that_are_swapped(frame, change):
    data = change(frame)
    with pytest.raises(InvalidParameterError, match=r"swapped: glm\(formula, data\)"):
        fastglm.glm(data, "label ~ x1")
    with pytest.raises(InvalidParameterError, match=r"swapped: plan\(formula, data\)"):
        fastglm.plan(data, "label ~ x1")
    with pytest.raises(InvalidParameterError, match=r"glm\(formula, data\)"):
        fastglm.fit("label ~ x1", data)


# The frames that are handed back


@pytest.mark.parametrize("columns", [["x1", "x2"], FEATURES], ids=["numbers", "with a factor"])
@pytest.mark.parametrize("change, library", [(lambda d: d, "pandas"), (to_polars, "polars"), (to_arrow, "pyarrow")])
def test_tidy_answers_in_the_frames_of_the_fit(frame, y, columns, change, library, tmp_path):
    if library != "pandas":
        pytest.importorskip(library)
    data = change(frame[[*columns, "label"]])
    of_fit = fastglm.fit(change(frame[columns]), y, family="binomial")
    of_formula = fastglm.glm(f"label ~ {' + '.join(columns)}", data, family="binomial")
    for i, result in enumerate((of_fit, of_formula)):
        result.save(tmp_path / f"{i}.json")
        for r in (result, fastglm.load(tmp_path / f"{i}.json")):
            table = r.tidy()
            assert type(table).__module__.split(".")[0] == library
            close(np.asarray(table["estimate"]), r.params)
    wanted = fastglm.fit(numbers(frame)[:, :2] if len(columns) == 2 else numbers(frame), y, family="binomial")
    close(of_fit.params, wanted.params)
