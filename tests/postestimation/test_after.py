"""Predictions, residuals, scores and calibration of rows in files, frames and arrays: the same numbers as in memory."""

import os

import numpy as np
import pandas as pd
import pytest

import fastglm
from fastglm.errors import FileFormatError, InvalidParameterError, MissingDataError
from fastglm.postestimation import row_answers as answers
from fastglm.postestimation import tallies as after_tables
from fastglm.rows import supplied as after_rows

pa = pytest.importorskip("pyarrow")
import pyarrow.parquet as pq  # noqa: E402

N = 500


def draw(seed=0, n=N):
    rng = np.random.default_rng(seed)
    d = pd.DataFrame(
        {"id": np.arange(n) * 7, "x": rng.normal(size=n), "g": np.array(list("abcd"))[rng.integers(0, 4, n)]}
    )
    d["e"], d["w"] = rng.uniform(0.5, 2.0, n), rng.uniform(0.5, 3.0, n)
    d["f"] = rng.integers(0, 3, n)
    d["y"] = rng.poisson(d.e * np.exp(0.4 * d.x + 0.5 * (d.g == "b")))
    d["b"] = np.where(rng.random(n) < 1 / (1 + np.exp(-d.x)), "yes", "no")
    d["c"] = np.array(["lo", "mid", "top"])[rng.integers(0, 3, n)]
    d["t"] = rng.integers(1, 6, n)
    d["s"] = rng.binomial(d.t, 1 / (1 + np.exp(-d.x)))
    d["failed"] = d.t - d.s
    return d


@pytest.fixture(scope="module")
def d():
    return draw()


@pytest.fixture(scope="module")
def files(tmp_path_factory):
    folder, d = tmp_path_factory.mktemp("rows"), draw()
    for i, a in enumerate(range(0, N, 180)):
        pq.write_table(pa.Table.from_pandas(d[a : a + 180]), folder / f"{i}.parquet", row_group_size=50)
    return folder


POISSON = ("y ~ x + g + exposure(e)", dict(family="poisson"))
WEIGHTED = ("y ~ x + g + exposure(e)", dict(family="poisson", weights="w"))
LABELS = ("b ~ x * g", dict(family="binomial"))
TRIALS = ("cbind(s, failed) ~ x + g", dict(family="binomial"))
CLASSES = ("c ~ x + g", dict(family="multinomial"))
MODELS = {"poisson": POISSON, "weighted": WEIGHTED, "labels": LABELS, "trials": TRIALS, "classes": CLASSES}
Y = {"poisson": "y", "weighted": "y", "labels": "b", "trials": ["s", "failed"], "classes": "c"}


def fitted(name, d):
    formula, options = MODELS[name]
    return fastglm.glm(formula, d, **options)


def design(result, d):
    """The rows as arrays, by hand."""
    numbers = [d.x.to_numpy()] + [(d.g == level).to_numpy(float) for level in "bcd"]
    if len(result.names) == 8:
        numbers += [numbers[0] * v for v in numbers[1:]]
    return np.column_stack(numbers)


@pytest.mark.parametrize("threads", [1, 2])
@pytest.mark.parametrize("name", MODELS)
def test_predictions_of_files_are_those_in_memory(name, threads, d, files, tmp_path):
    r = fitted(name, d)
    kinds = ["mean", "link", *(["class"] if name in ("labels", "classes") else [])]
    for kind in kinds:
        expected = r.predict(d, kind)
        found = r.predict(files, kind, threads=threads)
        (np.testing.assert_array_equal if kind == "class" else np.testing.assert_allclose)(found, expected)
        written = r.predict(files, kind, out=tmp_path / "p.parquet", keep=("id", "g"), threads=threads)
        t = pq.read_table(tmp_path / "p.parquet").to_pandas()
        assert written == (tmp_path / "p.parquet", N, tuple(t.columns))
        assert (t.id == d.id).all() and (t.g == d.g).all()
        got = t.drop(columns=["id", "g"]).to_numpy()
        (np.testing.assert_array_equal if kind == "class" else np.testing.assert_allclose)(
            got if got.shape[1] > 1 else got[:, 0], expected
        )
    several = r.predict(d, interval="mean")
    for a, b in zip(r.predict(str(files / "*.parquet"), interval="mean", level=0.95), several, strict=True):
        np.testing.assert_allclose(a, b)
    r.predict(files, interval="mean", out=str(tmp_path / "i.parquet"))
    t = pq.read_table(tmp_path / "i.parquet").to_pandas()
    names = ["mean", "se", "lower", "upper"]
    names = names if name != "classes" else [f"{v}_{k}" for v in names for k in r.classes]
    assert list(t.columns) == names
    np.testing.assert_allclose(t.to_numpy(), np.column_stack(several))
    # a row group for each piece: those that were read
    assert pq.ParquetFile(tmp_path / "i.parquet").num_row_groups == sum(
        pq.ParquetFile(p).num_row_groups for p in files.iterdir()
    )


def test_the_bits_do_not_depend_on_threads(d, files):
    r = fitted("weighted", d)
    assert (r.predict(files, threads=1) == r.predict(files, threads=2)).all()
    one, two = (r.score(files, threads=t) for t in (1, 2))
    assert one[:6] == two[:6]


@pytest.mark.parametrize("name", MODELS)
def test_residuals_and_influence(name, d, files, tmp_path):
    r = fitted(name, d)
    X, y = design(r, d), d[Y[name]].to_numpy()
    w = d.w.to_numpy() if name == "weighted" else None
    options = {} if name in ("labels", "trials", "classes") else {"exposure": d.e.to_numpy()}
    for kind in ("deviance", "pearson", "response"):
        expected = r.residuals(X, y, kind, weights=w, **options)
        for data in (files, d):
            np.testing.assert_allclose(r.residuals(data=data, kind=kind), expected, rtol=1e-10, atol=1e-12)
        r.residuals(data=files, kind=kind, out=tmp_path / "r.parquet")
        t = pq.read_table(tmp_path / "r.parquet").to_pandas()
        np.testing.assert_allclose(t.to_numpy().reshape(expected.shape), expected, rtol=1e-10, atol=1e-12)
    expected = r.influence(X, y, weights=w, **options)
    found = r.influence(data=files)
    assert found._fields == expected._fields
    for a, b in zip(found, expected, strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-9)
    r.influence(data=files, out=tmp_path / "h.parquet", keep="id")
    t = pq.read_table(tmp_path / "h.parquet").to_pandas()
    assert list(t.columns) == ["id", *expected._fields]
    np.testing.assert_allclose(t.hat, expected.hat, rtol=1e-9)


@pytest.mark.parametrize("name", MODELS)
def test_the_score_on_the_rows_of_the_fit(name, d, files):
    r = fitted(name, d)
    for data in (d, files):
        s = r.score(data)
        np.testing.assert_allclose([s.deviance, s.llf, s.rows], [r.deviance, r.llf, r.nobs], rtol=1e-10)
        np.testing.assert_allclose(s.d2, 1 - r.deviance / r.null_deviance, rtol=1e-8)
    mu = r.predict(d)
    if name in ("poisson", "weighted"):
        w = d.w if name == "weighted" else np.ones(N)
        np.testing.assert_allclose(s.mse, np.average((d.y - mu) ** 2, weights=w))
        assert np.isnan([s.auc, s.brier, s.log_loss, s.accuracy]).all()


def test_binary_scores(d, files):
    metrics = pytest.importorskip("sklearn.metrics")
    r = fitted("labels", d)
    mu, y = r.predict(d), (d.b == "yes").to_numpy()
    for given, f in (({}, None), ({"freq_weights": "f"}, d.f)):
        s = r.score(files, **given)
        np.testing.assert_allclose(s.log_loss, metrics.log_loss(y, mu, sample_weight=f))
        np.testing.assert_allclose(s.brier, metrics.brier_score_loss(y, mu, sample_weight=f))
        np.testing.assert_allclose(s.auc, metrics.roc_auc_score(y, mu, sample_weight=f))
        assert s.auc_error == 0.0 and s.rows == (N if f is None else f.sum())
    # trials, written out one by one
    r = fitted("trials", d)
    each = np.repeat(np.arange(N), d.t)
    y = np.concatenate([np.r_[np.ones(a), np.zeros(b)] for a, b in zip(d.s, d.failed, strict=True)])
    s, mu = r.score(files), r.predict(d)[each]
    np.testing.assert_allclose(s.log_loss, metrics.log_loss(y, mu))
    np.testing.assert_allclose(s.brier, metrics.brier_score_loss(y, mu))
    np.testing.assert_allclose(s.auc, metrics.roc_auc_score(y, mu))
    r = fitted("classes", d)
    s, mu = r.score(files), r.predict(d)
    np.testing.assert_allclose(s.log_loss, metrics.log_loss(d.c, mu))
    np.testing.assert_allclose(s.accuracy, metrics.accuracy_score(d.c, r.predict(d, "class")))


def test_auc_in_coarse_cells_keeps_its_bound(d, files, monkeypatch):
    r = fitted("labels", d)
    exact = r.score(files).auc
    monkeypatch.setattr(after_tables, "MOST_TALLY_CELLS", 60)
    s = r.score(files)
    assert 0.0 < s.auc_error < 0.05 and abs(s.auc - exact) <= s.auc_error


def deciles(mu, y, w, f, bins):
    """Groups by exact weighted quantiles, one row after the other."""
    order = np.argsort(mu, kind="stable")
    total, run, cuts = (w * f).sum(), 0.0, []
    for i in order:
        run += w[i] * f[i]
        while len(cuts) < bins - 1 and run >= (len(cuts) + 1) / bins * total * (1 - 1e-12):
            cuts.append(mu[i])
    return np.searchsorted(np.array(cuts), mu, side="left")


@pytest.mark.parametrize("cells", [after_tables.MOST_TALLY_CELLS, 40])
@pytest.mark.parametrize("bins", [10, 3, 1])
def test_calibration(bins, cells, d, files, monkeypatch):
    monkeypatch.setattr(after_tables, "MOST_TALLY_CELLS", cells)
    r = fitted("weighted", d)
    mu, y, w, f = r.predict(d), d.y.to_numpy(), d.w.to_numpy(), d.f.to_numpy()
    group = deciles(mu, y, w, f, bins)
    for data in (files, d):
        t = r.calibration(data, bins=bins, freq_weights="f").to_pandas()
        assert len(t) == bins
        for k in range(bins):
            i = (group == k) & (f > 0)
            both, q = w[i] * f[i], f[i] * w[i] ** 2
            mean, n = np.average(y[i], weights=both), f[i].sum()
            se = np.sqrt(n / (n - 1) * (q * (y[i] - mean) ** 2).sum()) / both.sum()
            expected = [n, both.sum(), mu[i].min(), mu[i].max(), np.average(mu[i], weights=both), mean, se]
            np.testing.assert_allclose(t.iloc[k], expected, rtol=1e-9)


def test_calibration_of_arrays_and_equal_means():
    rng = np.random.default_rng(2)
    X, y = rng.normal(size=(3000, 2)), rng.random(3000) < 0.3
    r = fastglm.fit(X, y, family="binomial")
    c = r.calibration(X, y)
    assert (c.rows == 300).all() and len(c.rows) == 10
    np.testing.assert_allclose((c.weight * c.observed).sum(), y.sum())
    np.testing.assert_allclose((c.weight * c.predicted).sum(), y.sum())  # a canonical link's means are unbiased
    constant = fastglm.fit(np.ones((3000, 1)), y, family="binomial", intercept=False)
    assert constant.calibration(np.ones((3000, 1)), y).rows.tolist() == [3000]
    s = r.score(X, y)
    np.testing.assert_allclose([s.deviance, s.llf], [r.deviance, r.llf])


def test_rows_that_are_left_out_are_null(tmp_path):
    d = draw()
    d.loc[[3, 170], "x"] = np.nan
    r = fastglm.glm("y ~ x + g + exposure(e)", d, family="poisson", missing="drop", unseen="missing")
    d.loc[8, "g"] = "new"
    d.to_parquet(tmp_path / "d.parquet", row_group_size=90)
    expected = r.predict(d)
    assert np.flatnonzero(np.isnan(expected)).tolist() == [3, 8, 170]
    np.testing.assert_allclose(r.predict(tmp_path / "d.parquet"), expected)
    r.predict(tmp_path / "d.parquet", out=tmp_path / "p.parquet", keep=["id"])
    t = pq.read_table(tmp_path / "p.parquet")
    assert t["mean"].null_count == 3 and t.num_rows == N
    np.testing.assert_allclose(t.to_pandas()["mean"], expected)
    rest = d.drop(index=[3, 8, 170])
    np.testing.assert_allclose(r.score(tmp_path / "d.parquet")[:6], r.score(rest)[:6])
    labels = fastglm.glm("b ~ x", d, family="binomial", missing="drop")
    with pytest.raises(InvalidParameterError, match="no class"):
        labels.predict(tmp_path / "d.parquet", "class")
    labels.predict(tmp_path / "d.parquet", "class", out=tmp_path / "c.parquet")
    assert pq.read_table(tmp_path / "c.parquet")["class"].null_count == 2
    strict = fastglm.glm("y ~ x", d.drop(index=[3, 170]), family="poisson")
    with pytest.raises(MissingDataError, match="'x'"):
        strict.predict(tmp_path / "d.parquet")


def test_a_fit_of_arrays_reads_columns_by_name(d, files):
    X = d[["x", "e"]]
    r = fastglm.fit(X, d.y, family="poisson", offset=np.log(d.w))
    expected = r.predict(X, offset=np.log(d.w.to_numpy()))
    log = files.parent / "log.parquet"
    d.assign(o=np.log(d.w)).to_parquet(log)
    np.testing.assert_allclose(r.predict(log, offset="o"), expected)
    np.testing.assert_allclose(r.score(log, "y", offset="o").deviance, r.deviance)
    np.testing.assert_allclose(r.score(d, "y", offset=np.log(d.w)).deviance, r.deviance)
    with pytest.raises(InvalidParameterError, match="offset"):
        r.predict(files)
    with pytest.raises(InvalidParameterError, match="y is needed"):
        r.score(log, offset="o")


def test_new_files_need_no_response(d, tmp_path):
    r = fitted("labels", d)
    d[["x", "g"]].to_csv(tmp_path / "new.csv", index=False)
    np.testing.assert_allclose(r.predict(tmp_path / "new.csv"), r.predict(d))


def test_many_pieces_stay_in_order(d, files, monkeypatch):
    monkeypatch.setattr(after_rows, "BATCH", 7)
    r = fitted("poisson", d)
    np.testing.assert_allclose(r.predict(files, threads=2), r.predict(d))
    np.testing.assert_allclose(r.residuals(data=d, threads=2), r.residuals(data=files, threads=1))


@pytest.mark.parametrize("error", [KeyboardInterrupt, MissingDataError])
@pytest.mark.parametrize("threads", [1, 2])
def test_nothing_half_written_is_left(threads, error, d, files, tmp_path, monkeypatch):
    r = fitted("poisson", d)
    (tmp_path / "p.parquet").write_text("before")
    seen, align = [], after_rows.Piece.aligned

    def failing(piece, values):
        seen.append(1)
        if len(seen) == 4:
            raise error("now")
        return align(piece, values)

    monkeypatch.setattr(after_rows.Piece, "aligned", failing)
    with pytest.raises(error):
        r.predict(files, out=tmp_path / "p.parquet", threads=threads)
    assert os.listdir(tmp_path) == ["p.parquet"] and (tmp_path / "p.parquet").read_text() == "before"


def test_what_is_refused(d, files, tmp_path, monkeypatch):
    r = fitted("poisson", d)
    one = files / "0.parquet"
    with pytest.raises(InvalidParameterError, match="one of the files"):
        r.predict(one, out=one)
    with pytest.raises(FileFormatError, match="cannot be written"):
        r.predict(one, out=tmp_path / "no" / "p.parquet")
    with pytest.raises(InvalidParameterError, match="'nowhere' is not a column"):
        r.predict(one, out=tmp_path / "p.parquet", keep=["nowhere"])
    with pytest.raises(InvalidParameterError, match="keep"):
        r.predict(one, keep=["id"])
    with pytest.raises(InvalidParameterError, match="name of a column"):
        r.score(one, weights=np.ones(180))
    with pytest.raises(InvalidParameterError, match="bins"):
        r.calibration(d, bins=0)
    with pytest.raises(InvalidParameterError, match="each class"):
        fitted("classes", d).calibration(d)
    with pytest.raises(InvalidParameterError, match="fitted with weights"):
        fitted("weighted", d).score(d.drop(columns="w"))
    d.assign(mean=1).to_parquet(tmp_path / "m.parquet")
    with pytest.raises(InvalidParameterError, match="of their own"):
        r.predict(tmp_path / "m.parquet", out=tmp_path / "p.parquet", keep="mean")
    monkeypatch.setattr(answers, "MOST_ANSWER_BYTES", 1000)
    with pytest.raises(InvalidParameterError, match="out='file.parquet'"):
        r.predict(files)
    assert len(r.predict(d)) == N
