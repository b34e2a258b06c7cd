"""Columns far from zero, such as years and times: as exact as those near it, in as few passes."""

import numpy as np
import pandas as pd
import pytest
from scipy import sparse

import fastglm
from fastglm.linalg.factor import dense_cholesky
from fastglm.linalg.shifted import Shift, ShiftedFactor

SHIFT = np.array([45.0, 2010.0, 5e4, 0.0, 1.7e9])
SIZE = np.array([15.0, 5.0, 1e4, 1.0, 1e7])
FITS = [("binomial", "logit"), ("poisson", "log"), ("gamma", "log"), ("gaussian", "identity"), ("binomial", "probit")]


def people(n=300, seed=0):
    """Ages, years, incomes, a standard score, seconds since 1970, and responses by family."""
    rng = np.random.default_rng(seed)
    Z = rng.standard_normal((n, 5))
    eta = Z @ [0.3, 0.2, -0.3, 0.1, 0.2]
    y = {
        "binomial": (rng.random(n) < 1.0 / (1.0 + np.exp(-eta))).astype(float),
        "poisson": rng.poisson(np.exp(eta)).astype(float),
        "gamma": rng.gamma(2.0, np.exp(eta) / 2.0),
        "gaussian": eta + rng.standard_normal(n),
    }
    return np.round(Z * SIZE + SHIFT, 2), y


def by_definition(X, result):
    """The coefficients' covariance over the dispersion, in extended precision: the inverse of sum h x x'."""
    wide, means = X.astype(np.longdouble), X.mean(0).astype(np.longdouble)
    A = np.column_stack([np.ones(len(X)), wide - means])
    eta = A @ np.append(result.params[0] + means @ result.params[1:], result.params[1:])
    h = {
        "logit": lambda: 1.0 / (2.0 + np.exp(eta) + np.exp(-eta)),
        "log": lambda: np.exp(eta) if result.family.name == "poisson" else np.ones(len(X)),
        "identity": lambda: np.ones(len(X)),
    }[result.link.name]()
    V = np.linalg.inv(((A * h[:, None]).T @ A).astype(float))
    T = np.eye(len(V))
    T[0, 1:] = -means
    return T @ V @ T.T


@pytest.mark.parametrize(("family", "link"), FITS)
def test_they_take_the_passes_of_columns_near_zero(family, link):
    X, y = people()
    near = fastglm.fit((X - SHIFT) / SIZE, y[family], family=family, link=link)
    far = fastglm.fit(X, y[family], family=family, link=link)
    assert far.converged and far.n_passes <= near.n_passes + 3
    slopes = np.append(0.0, SHIFT / SIZE)
    np.testing.assert_allclose(far.params[1:] * SIZE, near.params[1:], atol=1e-11 * near.bse.max())
    np.testing.assert_allclose(far.bse[1:] * SIZE, near.bse[1:], rtol=1e-10)
    T = np.eye(6)
    T[0] -= slopes
    np.testing.assert_allclose(far.bse[0], np.sqrt((T @ near.cov_params() @ T.T)[0, 0]), rtol=1e-9)
    np.testing.assert_allclose(far.deviance, near.deviance, rtol=1e-12)


@pytest.mark.parametrize(("family", "link"), FITS[:4])
def test_errors_and_intervals_are_those_of_the_definition(family, link):
    X, y = people()
    fit = fastglm.fit(X, y[family], family=family, link=link)
    V = by_definition(X, fit) * fit.scale
    np.testing.assert_allclose(fit.bse, np.sqrt(np.diagonal(V)), rtol=1e-9)
    centred = np.column_stack([np.ones(3), X[:3] - X.mean(0)])
    T = np.eye(6)
    T[0, 1:] = X.mean(0)
    expected = np.sqrt(np.einsum("ij,jk,ik->i", centred, T @ V @ T.T, centred))
    np.testing.assert_allclose(fit.predict(X[:3], kind="link", interval="mean").se, expected, rtol=1e-9)


@pytest.mark.parametrize(
    "form", ["sparse", "float32", "Fortran", "start", "weights", "constant first", "constant last"]
)
def test_every_form_and_option(form):
    X, y = people()
    X, y, n = X[:, :3], y["binomial"], len(X)
    options = {
        "start": {"start": [-40.0, 0.01, 0.02, -1e-5]},
        "weights": {"weights": np.arange(n) % 3 + 0.5, "offset": np.linspace(-1, 1, n)},
    }.get(form, {})
    Z = (X - SHIFT[:3]) / SIZE[:3]
    slopes = slice(-3, None)
    if form.startswith("constant"):
        options, slopes = {"intercept": False}, slice(1, None) if form == "constant first" else slice(3)
        parts = (np.full((n, 1), 2.0),), ()
        before, after = parts if form == "constant first" else parts[::-1]
        X, Z = (np.column_stack([*before, columns, *after]) for columns in (X, Z))
    rows = {"sparse": sparse.csr_matrix, "float32": np.float32, "Fortran": np.asfortranarray}.get(form, np.array)(X)
    before = rows.copy()
    far = fastglm.fit(rows, y, family="binomial", **options)
    near = fastglm.fit(Z, y, family="binomial", **{k: v for k, v in options.items() if k != "start"})
    assert far.converged and (before != rows).sum() == 0
    assert far.n_passes <= near.n_passes + 3
    rtol = 1e-2 if form == "float32" else 1e-9  # whose incomes have other digits
    np.testing.assert_allclose(far.params[slopes] * SIZE[:3], near.params[slopes], rtol=rtol)
    np.testing.assert_allclose(far.bse[slopes] * SIZE[:3], near.bse[slopes], rtol=1e-3 if form == "float32" else 1e-9)


@pytest.mark.parametrize("n", [12_000, 60_000])
def test_times_of_many_rows(n, tmp_path):
    rng = np.random.default_rng(n)
    Z = rng.standard_normal((n, 5))
    y = (rng.random(n) < 1.0 / (1.0 + np.exp(-Z @ np.full(5, 0.2)))).astype(float)
    X = Z + [1e4, 0.0, 0.0, 3.0, -1e5]  # as times of a week, in days, from the beginning of 1970
    near, far = (fastglm.fit(rows, y, family="binomial") for rows in (Z, X))
    assert far.n_passes <= near.n_passes + 3
    np.testing.assert_allclose(far.params[1:], near.params[1:], atol=1e-9 * near.bse.max())
    np.testing.assert_allclose(far.bse[1:], near.bse[1:], rtol=1e-8)
    one = fastglm.fit(X, y, family="binomial", threads=1)
    assert np.array_equal(one.params, far.params) and np.array_equal(one.bse, far.bse)
    frame = pd.DataFrame(X, columns=list("abcde")).assign(y=y)
    frame.to_parquet(tmp_path / "rows.parquet", row_group_size=5000)
    filed = fastglm.glm("y ~ a + b + c + d + e", tmp_path / "rows.parquet", family="binomial")
    assert filed.n_passes == far.n_passes
    np.testing.assert_allclose(filed.params, far.params, rtol=1e-12)
    np.testing.assert_allclose(filed.bse, far.bse, rtol=1e-12)


def test_columns_that_stay_nearly_dependent_are_fitted_by_their_rows():
    X, y = people()
    years = X[:, 1:2]
    both = np.column_stack([years, years**2])
    fit = fastglm.fit(both, y["binomial"], family="binomial")
    near = fastglm.fit(np.column_stack([years - 2010, (years - 2010) ** 2]), y["binomial"], family="binomial")
    assert fit.converged and not fit.aliased
    np.testing.assert_allclose(fit.params[2], near.params[2], rtol=1e-8)
    np.testing.assert_allclose(fit.bse[2], near.bse[2], rtol=1e-7)
    with pytest.warns(fastglm.errors.CollinearityWarning):
        twice = fastglm.fit(np.column_stack([years, 2.0 * years]), y["binomial"], family="binomial")
    assert list(twice.aliased) == ["x2"]


def test_separated_years_are_said_to_be():
    X, _ = people()
    with pytest.warns(fastglm.errors.SeparationWarning):
        fastglm.fit(X[:, 1:2], (X[:, 1] > 2011.003).astype(float), family="binomial")


@pytest.mark.parametrize("intercept", [True, False])
def test_softmax_regressions(intercept):
    X, y = people()
    X, kind = X[:, :3], np.digitize(y["gaussian"], [-0.5, 0.7])
    Z = (X - SHIFT[:3]) / SIZE[:3]
    if not intercept:
        X, Z = (np.column_stack([rows, np.ones(len(X))]) for rows in (X, Z))
    far, near = (fastglm.fit(rows, kind, family="multinomial", intercept=intercept) for rows in (X, Z))
    slopes = slice(1, None) if intercept else slice(3)
    assert far.converged and far.n_passes <= near.n_passes + 4
    np.testing.assert_allclose(far.params[slopes] * SIZE[:3, None], near.params[slopes], atol=1e-10 * near.bse.max())
    np.testing.assert_allclose(far.bse[slopes] * SIZE[:3, None], near.bse[slopes], rtol=1e-9)
    found, expected = (fit.predict(rows[:3], interval="mean") for fit, rows in ((far, X), (near, Z)))
    for mine, theirs in zip(found, expected, strict=True):
        np.testing.assert_allclose(mine, theirs, rtol=1e-8)


@pytest.mark.parametrize("at", [0, 2])
def test_a_factor_of_shifted_columns_is_that_of_the_columns(at):
    rng = np.random.default_rng(0)
    Z, times = rng.standard_normal((50, 4)), np.array([4.0, 3.0, -2.0, 5.0])
    Z[:, at], times[at] = 2.0, 0.0
    X, shift = Z + 2.0 * times, Shift(at, times)
    inner, whole = (dense_cholesky(np.asfortranarray(A.T @ A), np.ones(4), 0.0) for A in (Z, X))
    shifted, g = ShiftedFactor(inner, shift), rng.standard_normal(4)
    np.testing.assert_allclose(shift.columns(shift.deviations(g)), g, rtol=1e-14)
    for found, expected in (
        (shifted.solve(g), whole.solve(g)),
        (shifted.inverse(), whole.inverse()),
        (np.abs(shifted.root()), np.abs(whole.root())),
        (shifted.size(g), whole.size(g)),
        (shifted.reach(g), whole.reach(g)),
    ):
        np.testing.assert_allclose(found, expected, rtol=1e-10)
    assert not shifted.faded() and not shifted.aliased and shifted.told.tolist() == [0, 1, 2, 3]
