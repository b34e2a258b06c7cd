"""Unpenalised fits of selected columns: those of the columns written out, in every storage, with a warning."""

import numpy as np
import pandas as pd
import pytest
from scipy import sparse

import fastglm
from fastglm.errors import InvalidParameterError, SelectionWarning
from fastglm.penalties import Lasso

RNG = np.random.default_rng(12)
N = 300
X = RNG.normal(size=(N, 6))
ETA = 0.8 * X[:, 1] - 0.6 * X[:, 4]
WEIGHTS = RNG.uniform(0.5, 2.0, N)
RESPONSES = {
    "gaussian": ETA + RNG.normal(size=N),
    "poisson": RNG.poisson(np.exp(ETA)).astype(float),
    "multinomial": np.array(list("abc"))[np.argmax(np.c_[0 * ETA, ETA, -ETA] + RNG.gumbel(size=(N, 3)), axis=1)],
}


@pytest.mark.parametrize("family", RESPONSES)
def test_columns_of_arrays(family):
    y = RESPONSES[family]
    chosen = fastglm.cv(X, y, family=family, weights=WEIGHTS, folds=5, rule="1se")
    best = chosen.best
    coefficients = best.params if best.coef_raw is None else best.coef_raw
    selected = np.flatnonzero(coefficients[1:].reshape(6, -1).any(1))
    assert 0 < len(selected) < 6
    expected = fastglm.fit(X[:, selected], y, family=family, weights=WEIGHTS)
    frame = pd.DataFrame(X, columns=[f"x{j + 1}" for j in range(6)])
    for rows in (X, sparse.csr_matrix(X), frame):
        with pytest.warns(SelectionWarning, match="took no part in the selection"):
            found = chosen.refit(rows, y, weights=WEIGHTS)
        assert found.names == ("(Intercept)", *(f"x{j + 1}" for j in selected))
        np.testing.assert_allclose(found.params, expected.params, rtol=1e-9, atol=1e-12)
        np.testing.assert_allclose(found.bse, expected.bse, rtol=1e-9)
    with pytest.raises(InvalidParameterError, match="array as weights"):
        chosen.refit(X, y)


@pytest.mark.filterwarnings("ignore::fastglm.errors.SelectionWarning")
def test_terms_of_formulas(tmp_path):
    data = pd.DataFrame(X[:, :5], columns=["a", "b", "c 2", "d", "e"]).assign(
        g=np.resize(list("uvw"), N), t=RNG.uniform(1, 2, N), w=WEIGHTS
    )
    data["count"] = RNG.poisson(data.t * np.exp(0.8 * data.b - 0.7 * data["c 2"] + 0.9 * (data.g == "w")))
    data.to_parquet(tmp_path / "rows.parquet")
    given = {"family": "poisson", "weights": "w"}
    chosen = fastglm.cv("count ~ a + b + `c 2` + log(t) + d:e + g + exposure(t)", data, folds=5, rule="1se", **given)
    terms = {name for name, value in zip(chosen.best.names, chosen.best.params, strict=True) if value}
    assert {"b", "c 2"} < terms and "a" not in terms and any("g[" in name for name in terms)
    expected = fastglm.glm("count ~ b + `c 2` + g + exposure(t)", data, **given)
    for rows in (data, tmp_path / "rows.parquet"):
        found = chosen.refit(rows)
        assert found.names == expected.names
        np.testing.assert_allclose(found.params, expected.params, rtol=1e-8, atol=1e-10)
        np.testing.assert_allclose(found.bse, expected.bse, rtol=1e-7)
    robust = chosen.refit(data, cov="HC1")
    expected = fastglm.glm("count ~ b + `c 2` + g + exposure(t)", data, cov="HC1", **given)
    np.testing.assert_allclose(robust.bse, expected.bse, rtol=1e-7)


@pytest.mark.filterwarnings("ignore::fastglm.errors.SelectionWarning")
def test_columns_of_frames():
    data, y = pd.DataFrame(X[:, :3], columns=list("abc")).assign(g=np.resize(list("uv"), N)), RESPONSES["gaussian"]
    expected = fastglm.fit(data[["b"]], y)
    for rows, response in ((data, y), (data.assign(size=y), "size")):
        chosen = fastglm.cv(rows, response, folds=5, rule="1se", lambdas=[0.3, 0.2])
        np.testing.assert_allclose(chosen.refit(rows, y).params, expected.params, rtol=1e-9)


@pytest.mark.filterwarnings("ignore::fastglm.errors.SelectionWarning")
def test_a_loaded_result_and_other_lambdas(tmp_path):
    y = RESPONSES["gaussian"]
    chosen = fastglm.cv(X, y, folds=4)
    chosen.save(tmp_path / "r.json")
    other = fastglm.load(tmp_path / "r.json")
    np.testing.assert_array_equal(fastglm.refit(other, X, y).params, chosen.refit(X, y).params)
    path = chosen.path
    assert path.refit(X, y, lam=path.lambdas[0]).names == ("(Intercept)",)
    whole = path.refit(X, y, lam=path.lambdas[-1])
    np.testing.assert_allclose(whole.params, fastglm.fit(X, y).params, rtol=1e-12)
    with pytest.raises(InvalidParameterError, match="pass lam="):
        fastglm.refit(path, X, y)
    with pytest.raises(InvalidParameterError, match="not on the path"):
        path.refit(X, y, lam=0.123)
    no_intercept = fastglm.path(X, y, penalty=Lasso(), intercept=False, lambdas=5)
    assert no_intercept.refit(X, y, lam=no_intercept.lambdas[-1]).names[0] == "x1"
