"""Models of an offset alone, or of nothing, as R fits them; and of an intercept alone, which reads no column."""

import numpy as np
import pytest

import fastglm
from fastglm.errors import InvalidParameterError

pd = pytest.importorskip("pandas")
pq = pytest.importorskip("pyarrow.parquet")
pytest.importorskip("formulaic")

N = 150


def table():
    rng = np.random.default_rng(5)
    return pd.DataFrame({"y": rng.poisson(2, N), "b": rng.integers(0, 2, N), "x": rng.normal(size=N),
                         "o": rng.normal(scale=0.3, size=N), "e": rng.uniform(0.5, 2, N)})  # fmt: skip


@pytest.fixture(scope="module")
def data(tmp_path_factory):
    path = tmp_path_factory.mktemp("rows") / "d.parquet"
    table().to_parquet(path, row_group_size=40)
    return str(path)


def gap(y, mu):
    """Half the unit deviances of counts."""
    return np.where(y > 0, y * np.log(np.where(y > 0, y, 1) / mu), 0.0) - (y - mu)


@pytest.mark.parametrize("formula", ["y ~ 0", "y ~ -1", "y ~ 0 + offset(o)", "y ~ -1 + exposure(e)"])
def test_the_deviance_is_that_of_the_offset(tmp_path, data, formula):
    frame = table()
    mu = np.asarray({"o)": np.exp(frame.o), "e)": frame.e}.get(formula[-2:], np.ones(N)))
    wanted = 2 * gap(frame.y.to_numpy(), mu).sum()
    results = [fastglm.glm(formula, frame, family="poisson")]
    results += [fastglm.glm(formula, data, family="poisson", memory=memory) for memory in (None, 0)]
    for r in results:
        assert r.params.shape == (0,) and r.names == () and r.converged and r.certificate == 0.0
        assert r.deviance == pytest.approx(wanted, rel=1e-13) and r.null_deviance == pytest.approx(wanted, rel=1e-13)
        assert (r.df_resid, r.df_null, r.rank, r.df_model, r.nobs) == (N, N, 0, 0, N)
        assert r.aic == -2 * r.llf and r.deviance == results[0].deviance
        for rows in (frame, data):
            np.testing.assert_allclose(r.predict(rows), mu, rtol=1e-14)
            np.testing.assert_array_equal(r.predict(rows, interval="mean").se, np.zeros(N))
            assert r.score(rows).deviance == pytest.approx(wanted, rel=1e-12)
            np.testing.assert_array_equal(r.influence(data=rows).hat, np.zeros(N))
        assert r.with_cov("HC1", data=frame).cov_params().shape == (0, 0)
        assert "Residual df" in str(r.summary()) and len(r.tidy()) == 0 and r.conf_int().shape == (0, 2)
        r.save(tmp_path / "m.json")
        np.testing.assert_array_equal(fastglm.load(tmp_path / "m.json").predict(frame), r.predict(frame))


def test_models_without_coefficients():
    frame = table()
    frame["third"] = frame.y % 3
    nothing = fastglm.glm("x ~ 0", frame, weights="e")
    squares = float((frame.e * frame.x**2).sum())
    assert nothing.deviance == pytest.approx(squares, rel=1e-13)
    assert nothing.scale == pytest.approx(squares / N, rel=1e-13)
    even = fastglm.glm("b ~ 0", frame, family="binomial")
    assert even.llf == pytest.approx(-N * np.log(2), rel=1e-13)
    for solver in ("newton", "irls", "lbfgs", "newton-cg", "stream", "sgd"):
        found = fastglm.glm("b ~ 0", frame, family="binomial", solver=solver)
        assert found.deviance == even.deviance and found.converged
    for cov in ("HC0", "HC3", "cluster:b", None):
        assert fastglm.glm("b ~ 0", frame, family="binomial", cov=cov).bse.shape == (0,)
    three = fastglm.glm("third ~ 0", frame, family="multinomial")
    assert three.params.shape == (0, 2) and three.llf == pytest.approx(-N * np.log(3), rel=1e-13)


def test_an_offset_outside_the_means_range_is_refused():
    with pytest.raises(InvalidParameterError, match="no coefficients.*outside the family's range"):
        fastglm.glm("e ~ 0", table(), family="gamma", link="inverse")


@pytest.mark.parametrize("missing", ["error", "drop"])
def test_an_intercept_alone_predicts_every_row_of_a_file(tmp_path, data, missing):
    frame = table()
    r = fastglm.glm("y ~ 1", frame, family="poisson", missing=missing)
    found = r.predict(data)
    assert found.shape == (N,)
    np.testing.assert_allclose(found, frame.y.mean(), rtol=1e-12)
    assert r.predict(data, interval="mean").se.shape == (N,)
    written = r.predict(data, out=tmp_path / "p.parquet", keep=["x"])
    assert written.rows == N
    kept = pq.read_table(tmp_path / "p.parquet").to_pandas()
    np.testing.assert_array_equal(kept["x"], frame.x)
    np.testing.assert_array_equal(kept["mean"], found)
    assert r.predict(data, out=tmp_path / "q.parquet").rows == N
    assert pq.read_metadata(tmp_path / "q.parquet").num_rows == N
