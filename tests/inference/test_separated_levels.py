"""A factor level whose y are all at one end: named as separated, not collinear, and the rest of the fit is right."""

import warnings

import numpy as np
import pandas as pd
import pytest
import scipy.sparse as sp

import fastglm
from fastglm.errors import CollinearityWarning, ConvergenceWarning, SeparationWarning

LINKS = ("logit", "probit", "cloglog", "loglog", "cauchit")
LEVELS = list("abcd")


def frame(n, end, seed=0):
    rng = np.random.default_rng(seed)
    x, f = rng.normal(size=n), rng.choice(LEVELS, n)
    eta = 0.3 + 0.5 * x + np.select([f == "b", f == "d"], [0.4, -0.3], 0.0)
    y = (rng.random(n) < -np.expm1(-np.exp(eta - 1.0))).astype(float)
    y[f == "c"] = end
    return pd.DataFrame({"y": y, "x": x, "f": f})


def dummies(data, levels="bcd"):
    return np.column_stack([data.x, *((data.f == level).astype(float) for level in levels)])


def fitted(form, data, tmp_path, **options):
    X, y = dummies(data), data.y.to_numpy()
    if form == "frame":
        return fastglm.glm("y ~ x + f", data, **options)
    if form == "file":
        data.to_parquet(tmp_path / "rows.parquet")
        return fastglm.glm("y ~ x + f", tmp_path / "rows.parquet", memory=0, **options)
    return fastglm.fit(sp.csr_matrix(X) if form == "csr" else X, y, **options)


@pytest.mark.parametrize("form", ["frame", "file", "csr", "array"])
@pytest.mark.parametrize("n", [100, 2000, 10_000])
@pytest.mark.parametrize("end", [0, 1])
@pytest.mark.parametrize("link", LINKS)
def test_the_level_is_named_and_all_else_is_the_fit_without_it(link, end, n, form, tmp_path):
    data = frame(n, end, seed=n + 3)
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        result = fitted(form, data, tmp_path, family="binomial", link=link)
    assert {w.category for w in caught} == {SeparationWarning}
    name = "f[T.c]" if form in ("frame", "file") else "x3"
    assert f"estimates of {name} are infinite" in str(caught[0].message)
    assert not result.converged and result.stop == "separation" and not result.aliased
    rest = data[data.f != "c"]
    plain = fastglm.fit(dummies(rest, "bd"), rest.y.to_numpy(), family="binomial", link=link)
    own = [0, 1, 2, 4]
    assert (np.abs(result.params[own] - plain.params) <= 1e-6 * plain.bse).all()
    assert result.deviance == pytest.approx(plain.deviance, abs=1e-6)
    assert np.sign(result.params[3]) == (1 if end else -1)


@pytest.mark.parametrize("link", LINKS)
@pytest.mark.parametrize("seed", range(4))
def test_far_means_with_finite_estimates_are_not_separated(link, seed):
    rng = np.random.default_rng(seed)
    x = rng.normal(size=4000)
    eta = {"logit": 6.0, "probit": 3.0, "cloglog": 1.2, "loglog": 1.2, "cauchit": 30.0}[link] * x
    inverse = fastglm.fit(x[:, None], rng.integers(0, 2, 4000), family="binomial", link=link).link.inverse
    y = rng.random(4000) < np.array([inverse(v) for v in eta])
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert fastglm.fit(x[:, None], y, family="binomial", link=link).converged


@pytest.mark.parametrize("n", [2000, 10_000])
def test_a_level_of_zeros_under_the_identity_link_is_at_the_boundary(n):
    rng = np.random.default_rng(1)
    f, x = rng.choice(LEVELS, n), rng.random(n)
    y = np.where(f == "c", 0, rng.poisson(1 + 0.5 * x + 0.7 * (f == "b"))).astype(float)
    data = pd.DataFrame({"y": y, "x": x, "f": f})
    for form in ("frame", "array"):
        with warnings.catch_warnings(record=True) as caught:
            warnings.simplefilter("always")
            result = fitted(form, data, None, family="poisson", link="identity")
        assert not any(w.category is CollinearityWarning for w in caught) and not result.aliased
        new = data if form == "frame" else dummies(data)
        mu = result.predict(new)
        assert mu[f == "c"].max() < 1e-6
        with np.errstate(divide="ignore", invalid="ignore"):
            deviance = 2 * np.where(y > 0, y * np.log(y / mu) - (y - mu), mu).sum()
        assert result.deviance == pytest.approx(deviance, rel=1e-9)


@pytest.mark.parametrize("seed", range(12))
def test_the_square_root_link_has_the_optimum_of_positive_linear_predictors(seed):
    from scipy.optimize import LinearConstraint, minimize

    rng = np.random.default_rng(seed)
    X, offset = rng.normal(size=(40, 3)), rng.uniform(0.2, 1.5, 40)
    y = rng.poisson(np.maximum(X @ (rng.normal(size=3) * 0.3) + offset, 0.05) ** 2)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)
        result = fastglm.fit(X, y, family="poisson", link="sqrt", intercept=False, offset=offset)
    assert result.converged and (X @ result.params + offset).min() >= 0.0

    def loss(beta):  # convex where the linear predictors are positive
        eta = np.maximum(X @ beta + offset, 1e-9)
        return (eta**2 - 2 * y * np.log(eta)).sum(), X.T @ (2 * eta - 2 * y / eta)

    best = minimize(loss, np.zeros(3), jac=True, method="trust-constr", tol=1e-10,
                    constraints=[LinearConstraint(X, lb=1e-9 - offset)])  # fmt: skip
    assert loss(result.params)[0] <= best.fun + 1e-6
