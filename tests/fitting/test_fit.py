"""The optimum: the score in plain numpy is zero at every answer, and all solvers give the same one.

The score, its scale and the exact Newton step come from ``oracle``, which shares no code with the library.
"""

import gc
import warnings
import weakref

import numpy as np
import oracle
import pytest

import fastglm
from fastglm.errors import ConvergenceWarning

PAIRS = oracle.pairs()
SOLVERS = fastglm.solvers.names(exact=True)


def fitted(family, link, solver="auto", seed=0, **options):
    family, link = oracle.family(family), oracle.link(link)
    X, y = oracle.draw(family, link, seed=seed)
    return X, y, fastglm.fit(X, y, family=family, link=link, solver=solver, **options)


@pytest.mark.parametrize("solver", SOLVERS)
@pytest.mark.parametrize("family, link", PAIRS)
def test_the_score_is_zero_and_solvers_agree(family, link, solver):
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        X, y, result = fitted(family, link, solver)
    assert result.converged and result.certificate <= 1e-8 and result.solver == solver
    score, size = oracle.score(result, X, y)
    assert np.abs(score / size).max() <= 1e-6
    reference = fitted(family, link, "irls")[2]
    np.testing.assert_allclose(result.params, reference.params, rtol=1e-8, atol=1e-8 * reference.bse.max())
    np.testing.assert_allclose(result.bse, reference.bse, rtol=1e-8)
    for name in ("deviance", "null_deviance", "pearson_chi2", "scale", "llf", "aic"):
        np.testing.assert_allclose(getattr(result, name), getattr(reference, name), rtol=1e-9)


@pytest.mark.parametrize("family, link", PAIRS)
def test_standard_errors_are_those_of_the_expected_information(family, link):
    X, y, result = fitted(family, link)
    A = np.column_stack([np.ones(len(y)), X])
    eta = A @ result.params
    h = oracle.slope(result.link, eta) ** 2 / oracle.variance(result.family, oracle.inverse(result.link, eta))
    covariance = result.scale * np.linalg.inv((A * h[:, None]).T @ A)
    np.testing.assert_allclose(result.cov_params(), covariance, rtol=2e-8, atol=2e-8 * np.abs(covariance).max())


@pytest.mark.parametrize("family, link", PAIRS)
def test_deviance_and_null_deviance_are_sums_of_unit_deviances(family, link):
    X, y, result = fitted(family, link)
    mu = result.predict(X)
    total = sum(result.family.deviance(float(a), float(b)) for a, b in zip(y, mu, strict=True))
    assert result.deviance == pytest.approx(total, rel=1e-10)
    null = sum(result.family.deviance(float(a), float(y.mean())) for a in y)
    assert result.null_deviance == pytest.approx(null, rel=1e-10)
    pearson = ((y - mu) ** 2 / oracle.variance(result.family, mu)).sum()
    assert result.pearson_chi2 == pytest.approx(pearson, rel=1e-9)


@pytest.mark.parametrize("solver", SOLVERS)
@pytest.mark.parametrize("family", ["binomial", "gamma", "poisson"])
def test_without_a_covariance_the_estimates_are_the_same(family, solver):
    link = oracle.family(family).default_link.name
    _, _, full = fitted(family, link, solver)
    _, _, bare = fitted(family, link, solver, cov=None)
    np.testing.assert_allclose(bare.params, full.params, rtol=1e-8)
    assert bare.cov_params() is None and np.isnan(bare.bse).all()
    assert bare.converged and bare.deviance == pytest.approx(full.deviance, rel=1e-12)


@pytest.mark.parametrize("family", ["gaussian", "binomial", "gamma", "poisson", "inverse_gaussian"])
def test_a_start_changes_the_way_and_not_the_answer(family):
    link = "log" if family in ("gamma", "poisson", "inverse_gaussian") else oracle.family(family).default_link.name
    X, y, cold = fitted(family, link)
    for start in (cold.params, cold.params + 0.1, np.zeros(5)):
        warm = fastglm.fit(X, y, family=family, link=link, start=start)
        np.testing.assert_allclose(warm.params, cold.params, rtol=1e-9, atol=1e-10)
        np.testing.assert_allclose(warm.bse, cold.bse, rtol=1e-8)
    at_optimum = fastglm.fit(X, y, family=family, link=link, start=cold.params)
    assert at_optimum.n_iter <= cold.n_iter


@pytest.mark.parametrize("solver", SOLVERS)
def test_an_iteration_limit_is_reported(solver):
    X, y = oracle.draw(oracle.family("poisson"), oracle.link("log"))
    options = fastglm.solvers.resolve(solver)._replace(max_iter=1)
    with pytest.warns(ConvergenceWarning, match="max_iter") as caught:
        result = fastglm.fit(X, y, family="poisson", solver=options)
    assert caught[0].filename == __file__  # the caller's line, not the library's
    assert not result.converged and "iteration" in result.stop and result.certificate > 1e-8
    assert any("iteration" in note for note in result.notes)


@pytest.mark.parametrize("tol", [1e-2, 1e-4, 1e-8])
def test_the_certificate_bounds_the_distance_to_the_optimum(tol):
    family, link = oracle.family("gamma"), oracle.link("log")
    X, y = oracle.draw(family, link, n=2000)
    exact = fastglm.fit(X, y, family=family, link=link, solver=fastglm.solvers.IRLS(tol=1e-14))
    for cls in (fastglm.solvers.IRLS, fastglm.solvers.Newton, fastglm.solvers.LBFGS):
        result = fastglm.fit(X, y, family=family, link=link, solver=cls(tol=tol))
        distance = np.abs((result.params - exact.params) / exact.bse).max()
        assert distance <= max(10 * result.certificate, 1e-9) and result.certificate <= tol


def test_without_an_intercept_the_columns_are_all_there_is():
    family, link = oracle.family("poisson"), oracle.link("log")
    X, y = oracle.draw(family, link)
    A = np.column_stack([np.ones(len(y)), X])
    own = fastglm.fit(A, y, family="poisson", intercept=False)
    added = fastglm.fit(X, y, family="poisson")
    np.testing.assert_allclose(own.params, added.params, rtol=1e-10)
    np.testing.assert_allclose(own.null_deviance, added.null_deviance, rtol=1e-12)
    assert own.df_model == added.df_model and own.names[0] == "x1" and added.names[0] == "(Intercept)"
    bare = fastglm.fit(X, y, family="poisson", intercept=False)
    null = sum(bare.family.deviance(float(v), 1.0) for v in y)
    assert bare.null_deviance == pytest.approx(null, rel=1e-12) and bare.df_model == 4


@pytest.mark.parametrize("family", fastglm.families.names())
def test_a_model_of_the_intercept_alone(family):
    family = oracle.family(family)
    _, y = oracle.draw(family, family.default_link())
    result = fastglm.fit(np.zeros((len(y), 0)), y, family=family)
    assert result.predict(np.zeros((1, 0)))[0] == pytest.approx(y.mean(), rel=1e-10)
    assert result.deviance == pytest.approx(result.null_deviance, rel=1e-10) and result.df_model == 0


@pytest.mark.parametrize("solver", SOLVERS)
@pytest.mark.parametrize("family, link", PAIRS)
def test_rows_are_free_when_the_fit_ends(family, link, solver):
    """Not at the next collection of garbage, which many fits one after the other would otherwise wait for."""
    family, link = oracle.family(family), oracle.link(link)
    X, y = oracle.draw(family, link)
    held = weakref.ref(X)
    gc.disable()
    try:
        result = fastglm.fit(X, y, family=family, link=link, solver=solver)
        del X
        assert held() is None and result.converged
    finally:
        gc.enable()


def test_rows_of_classes_are_free_when_the_fit_ends():
    rng = np.random.default_rng(0)
    X, y = rng.normal(size=(100, 2)), rng.integers(0, 3, 100)
    held = weakref.ref(X)
    gc.disable()
    try:
        result = fastglm.fit(X, y, family="multinomial")
        del X
        assert held() is None and result.converged
    finally:
        gc.enable()
