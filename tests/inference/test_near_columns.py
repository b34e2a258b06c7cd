"""Columns that are nearly dependent, and rows of leverage one: what follows a fit keeps its digits, or says NaN."""

import mpmath as mp
import numpy as np
import pandas as pd
import pytest
from golden_rules import arrays, digits, load

import fastglm
from fastglm.errors import FastGLMWarning

NIST = {case["name"]: case for case in load("nist")}
KINDS = ("HC0", "HC1", "HC2", "HC3")


def robust_errors(X, y):
    """Robust standard errors of least squares, by kind, in 60 digits."""
    with mp.workdps(60):
        A, b = mp.matrix(X.tolist()), mp.matrix(y.tolist())
        n, p = X.shape
        V = (A.T * A) ** -1
        r = b - A * (V * (A.T * b))
        effects = A * V
        left = [1 - (effects[i, :] * A[i, :].T)[0] for i in range(n)]
        found = {}
        for kind in KINDS:
            power = {"HC2": 1, "HC3": 2}.get(kind, 0)
            factor = mp.mpf(n) / (n - p) if kind == "HC1" else 1
            rows = [r[i] ** 2 / left[i] ** power for i in range(n)]
            found[kind] = [mp.sqrt(factor * mp.fsum(rows[i] * effects[i, j] ** 2 for i in range(n))) for j in range(p)]
    return {kind: [mp.nstr(v, 25) for v in values] for kind, values in found.items()}


@pytest.mark.parametrize("name", ["nist_longley", "nist_filip", "nist_wampler4", "nist_wampler5"])
def test_robust_errors_of_nist_s_sets(name):
    case, a = NIST[name], arrays(NIST[name])
    constant = case["x"][0] == "(Intercept)"
    X, truth = a["X"][:, constant:], robust_errors(a["X"], a["y"])
    plain = fastglm.fit(X, a["y"], intercept=constant)
    for kind in KINDS:
        for result in (fastglm.fit(X, a["y"], intercept=constant, cov=kind), plain.with_cov(kind, X, a["y"])):
            assert digits(result.bse, truth[kind], most=15.0) >= 14.0


@pytest.mark.parametrize("family", ["gaussian", "poisson"])
@pytest.mark.parametrize("n", [500, 20_000])
@pytest.mark.parametrize("shift", [1e5, 1.7e7, 1.1e9])
def test_a_column_far_from_the_origin(shift, n, family, tmp_path):
    rng = np.random.default_rng(n)
    x, z = shift + rng.normal(size=n), rng.normal(size=n)
    y = 0.2 + 0.3 * (x - shift) + rng.normal(size=n)
    y = y if family == "gaussian" else rng.poisson(np.exp(0.3 * y)).astype(float)
    far, near = np.column_stack([x, z]), np.column_stack([x - shift, z])
    cluster = rng.integers(0, 20, n)
    tolerance = 1e-14 * shift + 1e-7  # two fits whose curvatures were made 1e-8 sqrt(n) standard errors apart
    path = tmp_path / "model.json"
    for cov in ("model", *KINDS, {"cluster": cluster}):
        a, b = (fastglm.fit(X, y, family=family, cov=cov) for X in (far, near))
        a.save(path)
        np.testing.assert_allclose(a.bse[1:], b.bse[1:], rtol=tolerance)
        for result in (a, fastglm.load(path)):
            errors = result.predict(far[:50], interval="mean").se
            np.testing.assert_allclose(errors, b.predict(near[:50], interval="mean").se, rtol=tolerance)
    a, b = a.influence(far, y), b.influence(near, y)
    np.testing.assert_allclose(a.hat, b.hat, rtol=tolerance)
    assert a.hat.sum() == pytest.approx(3.0, rel=tolerance)
    np.testing.assert_allclose(a.cooks_distance, b.cooks_distance, rtol=tolerance, atol=tolerance * b.hat.max())


@pytest.mark.parametrize("seed", range(24))
def test_rows_of_leverage_one_have_no_distances_and_no_corrections(seed, tmp_path):
    rng = np.random.default_rng(seed)
    n, p, family = int(rng.integers(30, 2000)), int(rng.integers(1, 6)), ("gaussian", "poisson", "gamma")[seed % 3]
    X = rng.normal(size=(n, p)) * 10.0 ** rng.integers(-3, 4, p) + rng.normal(size=p) * 10.0 ** rng.integers(0, 3)
    only = rng.choice(n, 2, replace=False)
    X = np.column_stack([X, np.eye(n)[:, only]])
    mu = np.exp(rng.normal(size=n) * 0.3 + 0.5)
    y = {"gaussian": mu, "poisson": rng.poisson(mu), "gamma": mu * rng.gamma(2, 0.5, n)}[family] + 1.0
    options = dict(family=family, link="log" if family == "gamma" else None)
    result = fastglm.fit(X, y, **options)
    frame = pd.DataFrame(X, columns=result.names[1:]).assign(y=y)
    frame.to_parquet(tmp_path / "rows.parquet", row_group_size=200)
    of_file = fastglm.glm("y ~ " + " + ".join(result.names[1:]), tmp_path / "rows.parquet", memory=0, **options)
    for found in (result.influence(X, y), of_file.influence(data=tmp_path / "rows.parquet")):
        assert (found.hat[only] == 1.0).all() and np.isnan(found.cooks_distance[only]).all()
        assert np.isnan(found.pearson[only]).all() and np.isfinite(np.delete(found.cooks_distance, only)).all()
    for kind in ("HC2", "HC3"):
        with pytest.warns(FastGLMWarning, match="2 rows have leverage 1"):
            assert np.isnan(fastglm.fit(X, y, cov=kind, **options).bse).all()


@pytest.mark.parametrize("far", [1e4, 1e6])
def test_a_row_far_from_all_others_is_not_of_leverage_one(far):
    rng = np.random.default_rng(2)
    x = rng.normal(size=60)
    x[7] = far
    X, y = np.column_stack([np.ones(60), x]), rng.normal(size=60)
    truth = robust_errors(X, y)
    result = fastglm.fit(x[:, None], y)
    for kind in KINDS:
        assert digits(result.with_cov(kind, x[:, None], y).bse, truth[kind], most=15.0) >= 15.0 - np.log10(far)
    with mp.workdps(40):
        A, b = mp.matrix(X.tolist()), mp.matrix(y.tolist())
        V = (A.T * A) ** -1
        r = (b - A * (V * (A.T * b)))[7]
        h = (A[7, :] * V * A[7, :].T)[0]
        cooks = float(r**2 / (1 - h) ** 2 * h / (2 * mp.mpf(result.scale)))
    assert result.influence(x[:, None], y).cooks_distance[7] == pytest.approx(cooks, rel=1e-15 * far**2 + 1e-9)
