"""What must not change an answer: repetition against weights, the units and origin of columns, the order of rows.

Each test fits the same model twice, written in two ways, so the oracle is the identity between them.
"""

import warnings

import numpy as np
import oracle
import pytest

import fastglm
from fastglm.errors import CollinearityWarning

FAMILIES = [name for name in fastglm.families.names() if not name.startswith("quasi") or name == "quasipoisson"]
SUMS = ("deviance", "null_deviance", "pearson_chi2", "llf", "llnull")


def problem(name, n=500, p=3, seed=1):
    """A family value, its default link's name, and data."""
    family = oracle.family(name)
    link = "log" if family.domain.low == 0.0 and family.domain.high > 1.0 else family.default_link.name
    return family, link, *oracle.draw(family, oracle.link(link), n=n, p=p, seed=seed)


CURVED = {"bse": 1e-8, "cov_unscaled": 2e-8, "tvalues": 1e-8, "pvalues": 1e-7}  # as near as a curvature must be


def agree(a, b, names=("params", "bse", "cov_unscaled", "scale", *SUMS), rtol=1e-9):
    for name in names:
        got, want, tolerance = getattr(a, name), getattr(b, name), max(rtol, CURVED.get(name, 0.0))
        small = 1e-3 * tolerance * np.max(np.abs(np.nan_to_num(want)))
        np.testing.assert_allclose(got, want, rtol=tolerance, atol=small, err_msg=name)


@pytest.mark.parametrize("name", FAMILIES)
def test_frequency_weights_are_repeated_rows(name):
    family, link, X, y = problem(name)
    times = np.random.default_rng(0).integers(0, 4, size=len(y))
    counted = fastglm.fit(X, y, family=family, link=link, freq_weights=times)
    long = fastglm.fit(np.repeat(X, times, axis=0), np.repeat(y, times), family=family, link=link)
    agree(counted, long)
    for item in ("nobs", "df_resid", "df_model", "df_null", "rank"):
        assert getattr(counted, item) == getattr(long, item)
    agree(counted, long, ("aic", "bic", "pvalues"))


@pytest.mark.parametrize("name", FAMILIES)
def test_prior_weights_give_the_estimates_of_repeated_rows(name):
    family, link, X, y = problem(name)
    times = np.random.default_rng(0).integers(1, 4, size=len(y))
    weighted = fastglm.fit(X, y, family=family, link=link, weights=times)
    long = fastglm.fit(np.repeat(X, times, axis=0), np.repeat(y, times), family=family, link=link)
    agree(weighted, long, ("params", "cov_unscaled", "deviance", "null_deviance", "pearson_chi2"))
    assert weighted.nobs == len(y) and weighted.df_resid == len(y) - 4
    if family.dispersion != "one":
        assert weighted.scale == pytest.approx(long.pearson_chi2 / (len(y) - 4), rel=1e-9)


@pytest.mark.parametrize("name", FAMILIES)
def test_both_kinds_of_weights_together(name):
    family, link, X, y = problem(name)
    rng = np.random.default_rng(0)
    times, w = rng.integers(1, 4, size=len(y)), rng.uniform(0.5, 2.0, size=len(y))
    both = fastglm.fit(X, y, family=family, link=link, weights=w, freq_weights=times)
    long = fastglm.fit(
        np.repeat(X, times, axis=0), np.repeat(y, times), family=family, link=link, weights=np.repeat(w, times)
    )
    agree(both, long)
    assert both.nobs == long.nobs and both.df_resid == long.df_resid


@pytest.mark.parametrize("which", ["weights", "freq_weights"])
@pytest.mark.parametrize("name", FAMILIES)
def test_rows_of_weight_zero_are_not_there(name, which):
    family, link, X, y = problem(name)
    w = (np.arange(len(y)) % 4 > 0).astype(float)
    X, y = X.copy(), y.copy()
    X[w == 0] = 1e200
    with_zeros = fastglm.fit(X, y, family=family, link=link, **{which: w})
    dropped = fastglm.fit(X[w > 0], y[w > 0], family=family, link=link)
    agree(with_zeros, dropped)
    for item in ("nobs", "df_resid", "df_null"):
        assert getattr(with_zeros, item) == getattr(dropped, item)


@pytest.mark.parametrize("name", FAMILIES)
def test_a_common_factor_of_the_weights(name):
    family, link, X, y = problem(name)
    w = np.random.default_rng(0).uniform(0.5, 2.0, size=len(y))
    for factor in (1e-12, 1e-3, 1e6):
        one = fastglm.fit(X, y, family=family, link=link, weights=w)
        other = fastglm.fit(X, y, family=family, link=link, weights=w * factor)
        np.testing.assert_allclose(other.params, one.params, rtol=1e-8, atol=1e-9)
        np.testing.assert_allclose(other.deviance, one.deviance * factor, rtol=1e-9)
        if family.dispersion != "one":
            np.testing.assert_allclose(other.bse, one.bse, rtol=1e-8)


def test_grouped_binomial_is_ungrouped_binomial():
    rng = np.random.default_rng(0)
    X, trials = rng.normal(size=(40, 2)), rng.integers(1, 30, size=40)
    k = rng.binomial(trials, 0.4)
    proportion = fastglm.fit(X, k / trials, family="binomial", weights=trials)
    counts = fastglm.fit(X, np.column_stack([k, trials - k]), family="binomial")
    agree(counts, proportion)
    single = np.concatenate([np.repeat([1.0, 0.0], [a, b - a]) for a, b in zip(k, trials, strict=True)])
    flat = fastglm.fit(np.repeat(X, trials, axis=0), single, family="binomial")
    agree(flat, proportion, ("params", "bse"))
    assert flat.deviance - proportion.deviance == pytest.approx(flat.null_deviance - proportion.null_deviance, rel=1e-9)


@pytest.mark.parametrize("name", ["poisson", "gamma", "negative_binomial", "quasipoisson"])
def test_an_exposure_is_an_offset_of_its_logarithm(name):
    family, link, X, y = problem(name)
    exposure = np.random.default_rng(0).uniform(0.1, 50.0, size=len(y))
    agree(
        fastglm.fit(X, y, family=family, link="log", exposure=exposure),
        fastglm.fit(X, y, family=family, link="log", offset=np.log(exposure)),
    )
    half = fastglm.fit(X, y, family=family, link="log", exposure=np.sqrt(exposure), offset=0.5 * np.log(exposure))
    agree(half, fastglm.fit(X, y, family=family, link="log", offset=np.log(exposure)))


@pytest.mark.parametrize("name", FAMILIES)
def test_an_offset_in_the_columns_moves_the_coefficients(name):
    family, link, X, y = problem(name)
    plain = fastglm.fit(X, y, family=family, link=link)
    b = np.array([0.05, -0.02, 0.03])
    moved = fastglm.fit(X, y, family=family, link=link, offset=X @ b + 0.01)
    np.testing.assert_allclose(moved.params, plain.params - np.r_[0.01, b], rtol=1e-8, atol=1e-9)
    agree(moved, plain, ("bse", "deviance", "pearson_chi2", "llf"), rtol=1e-8)


@pytest.mark.parametrize("factor", [1e-8, 1e8, 2.0**-60, 1e-150, 1e150])
@pytest.mark.parametrize("name", FAMILIES)
def test_the_units_of_the_columns(name, factor):
    family, link, X, y = problem(name)
    scale = np.array([1.0, factor, 1 / factor])
    plain = fastglm.fit(X, y, family=family, link=link)
    scaled = fastglm.fit(X * scale, y, family=family, link=link)
    assert scaled.converged and not scaled.aliased
    full = np.r_[1.0, scale]
    np.testing.assert_allclose(scaled.params * full, plain.params, rtol=1e-9, atol=1e-10)
    np.testing.assert_allclose(scaled.bse * full, plain.bse, rtol=1e-8)
    agree(scaled, plain, ("deviance", "llf", "tvalues"))


@pytest.mark.parametrize("shift", [3.0, 1e4, 1e7])
@pytest.mark.parametrize("name", FAMILIES)
def test_the_origin_of_the_columns(name, shift):
    family, link, X, y = problem(name)
    X = np.round(X * 1024) / 1024  # so that the shifted columns hold the same numbers
    plain = fastglm.fit(X, y, family=family, link=link)
    moved = fastglm.fit(X + shift, y, family=family, link=link)
    assert moved.converged and not moved.aliased
    np.testing.assert_allclose(moved.params[1:], plain.params[1:], rtol=1e-8, atol=1e-9)
    np.testing.assert_allclose(moved.bse[1:], plain.bse[1:], rtol=1e-8)
    agree(moved, plain, ("deviance",))


@pytest.mark.parametrize("name", FAMILIES)
def test_the_order_of_rows_and_columns(name):
    family, link, X, y = problem(name)
    plain = fastglm.fit(X, y, family=family, link=link)
    rows, columns = np.random.default_rng(0).permutation(len(y)), [2, 0, 1]
    mixed = fastglm.fit(X[rows][:, columns], y[rows], family=family, link=link)
    back = [0, *(1 + np.argsort(columns))]
    np.testing.assert_allclose(mixed.params[back], plain.params, rtol=1e-10, atol=1e-11)
    np.testing.assert_allclose(mixed.bse[back], plain.bse, rtol=1e-8)
    agree(mixed, plain, ("deviance", "null_deviance", "llf"), rtol=1e-12)


@pytest.mark.parametrize("solver", fastglm.solvers.names(exact=True))
@pytest.mark.parametrize("name", FAMILIES)
def test_redundant_columns_are_named_with_what_makes_them_so(name, solver):
    family, link, X, y = problem(name)
    Z = np.column_stack([X[:, 0], X[:, 0], X[:, 1], 2 * X[:, 0] - X[:, 1], X[:, 2], np.full(len(y), 3.0)])
    with pytest.warns(CollinearityWarning, match="again") as caught:
        result = fastglm.fit(
            Z, y, family=family, link=link, solver=solver, names=["a", "again", "b", "mix", "c", "three"]
        )
    assert result.aliased == {"again": "a", "mix": "2 a - b", "three": "3 (Intercept)"}
    assert "mix = 2 a - b" in str(caught[0].message)
    plain = fastglm.fit(X, y, family=family, link=link)
    kept = [0, 1, 3, 5]
    assert np.isnan(np.delete(result.params, kept)).all() and np.isnan(np.delete(result.bse, kept)).all()
    np.testing.assert_allclose(result.params[kept], plain.params, rtol=1e-8, atol=1e-9)
    np.testing.assert_allclose(result.bse[kept], plain.bse, rtol=1e-8)
    assert result.rank == 4 and result.df_resid == plain.df_resid
    np.testing.assert_allclose(result.predict(Z), plain.predict(X), rtol=1e-8)


def test_tightening_the_tolerance_does_not_change_the_rank():
    _, _, X, y = problem("poisson")
    Z = np.column_stack([X, X[:, 0] + 1e-13 * X[:, 1]])
    for tol in (1e-2, 1e-8, 1e-15):
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            assert fastglm.fit(Z, y, family="poisson", solver=fastglm.solvers.Auto(tol=tol)).rank == 4


def test_a_repeated_name_does_not_move_the_nan():
    rng = np.random.default_rng(5)
    X = rng.normal(size=(200, 2))
    y = rng.poisson(np.exp(0.3 * X[:, 0])).astype(float)
    with pytest.warns(fastglm.errors.CollinearityWarning):
        result = fastglm.fit(np.column_stack([X, X[:, 0]]), y, family="poisson", names=["a", "b", "a"])
    assert np.isnan(result.params).tolist() == [False, False, False, True]
    np.testing.assert_allclose(result.params[:3], fastglm.fit(X, y, family="poisson").params, rtol=1e-10)
