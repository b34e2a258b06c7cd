"""Problems on which fits diverge, cycle, start badly or end on a boundary.

``golden/hard.json`` holds nine models on which R's glm stops, cycles or needs a start, with the best deviance known;
the others have closed forms, or a plain rewriting that is easy.
"""

import math
import warnings

import numpy as np
import oracle
import pytest
from golden_rules import array, arrays, load
from scipy.optimize import nnls

import fastglm
from fastglm.errors import CollinearityWarning, ConvergenceWarning, FastGLMWarning, SeparationWarning

HARD = {case["name"]: case for case in load("hard")}
BOUNDARY = ("crabs_full", "binomial_identity", "snails_sqrt")  # a mean of zero where y is zero
BETTER = {"snails_sqrt": [-1.55440279, 1.05068329, 1.55440279]}  # scipy's SLSQP, eta >= 0; stored: 55.63
RNG = np.random.default_rng(5)
X = RNG.normal(size=(60, 2))
Y = RNG.poisson(np.exp(0.3 + X @ [0.5, -0.7])).astype(float)


def quietly(*args, **options):
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        return fastglm.fit(*args, **options)


@pytest.mark.parametrize("given_start", [False, True])
@pytest.mark.parametrize("name", [name for name in HARD if name not in BOUNDARY])
def test_models_on_which_r_fails(name, given_start):
    case, a = HARD[name], arrays(HARD[name])
    start = array(case["start"]) if given_start and case["start"] is not None else None
    options = dict(family=case["family"], link=case["link"], weights=a["weights"], intercept=False)
    result = quietly(a["X"], a["y"], start=start, **options)
    assert result.converged
    expected = case["expected"]
    assert result.deviance <= expected["deviance"] * (1 + 1e-9)
    np.testing.assert_allclose(result.params, expected["coef"], rtol=1e-5, atol=1e-5 * result.bse.max())
    score, size = oracle.score(result, a["X"], a["y"], 1.0 if a["weights"] is None else a["weights"])
    assert np.abs(score / size).max() <= 1e-6


@pytest.mark.parametrize("solver", fastglm.solvers.names(exact=True))
@pytest.mark.parametrize("name", BOUNDARY)
def test_an_optimum_on_the_boundary_is_found_and_said_to_be_one(name, solver):
    case, a = HARD[name], arrays(HARD[name])
    options = dict(family=case["family"], link=case["link"], weights=a["weights"], intercept=False)
    with pytest.warns(ConvergenceWarning, match="boundary") as caught:
        result = fastglm.fit(a["X"], a["y"], solver=solver, **options)
    assert all(issubclass(w.category, FastGLMWarning) for w in caught)
    assert result.stop == "boundary" and result.converged and result.certificate < 1e-5
    assert result.deviance <= case["expected"]["deviance"] * (1 + 1e-9) - (1.0 if name in BETTER else 0.0)
    np.testing.assert_allclose(result.params, BETTER.get(name, case["expected"]["coef"]), rtol=1e-8)
    assert result.predict(a["X"]).min() >= 0.0
    assert left_of_score(result, a["X"], a["y"], a["weights"]) < 1e-8


def left_of_score(result, X, y, weights):
    """What the rows whose linear predictor is zero leave of the score, in multiples of its size (Karush, Kuhn, Tucker).

    At the optimum the score is minus a sum of these rows, none of them with a negative factor.
    """
    eta, w = X @ result.params, np.ones(len(y)) if weights is None else weights
    slope = np.where(y > 0, y / np.where(y > 0, eta, 1.0), 0.0)
    if result.link.name == "sqrt":
        slope = 2.0 * (slope - eta)
    else:
        slope -= 1.0 if result.family.name == "poisson" else np.where(y < 1, (1 - y) / (1 - eta), 0.0)
    score, size = X.T @ (w * slope), np.sqrt(np.square(X * (w * slope)[:, None]).sum(0))
    edge = X[(eta < 1e-7 * np.abs(eta).max()) & (y == 0)]
    return nnls(-edge.T / size[:, None], score / size)[1]


@pytest.mark.parametrize("solver", fastglm.solvers.names(exact=True))
@pytest.mark.parametrize("start", [5.0, -1.81, 30.0, -30.0, 700.0])
def test_a_start_from_which_newton_s_method_diverges(solver, start):
    for y, odds in ((np.r_[np.ones(10), np.zeros(5)], 2.0), (np.array([1.0, 1, 1, 0]), 3.0)):
        result = quietly(np.zeros((len(y), 0)), y, family="binomial", start=[start], solver=solver)
        assert result.converged
        np.testing.assert_allclose(result.params, [math.log(odds)], rtol=1e-9)


@pytest.mark.parametrize("shift", [750.0, -750.0, 1e4])
def test_an_offset_beyond_the_range_of_exp_goes_into_the_intercept(shift):
    plain = fastglm.fit(X, Y, family="poisson")
    result = quietly(X, Y, family="poisson", offset=np.full(60, shift))
    np.testing.assert_allclose(result.params, plain.params - [shift, 0, 0], rtol=1e-9)
    np.testing.assert_allclose(result.bse, plain.bse, rtol=1e-7)
    np.testing.assert_allclose(result.deviance, plain.deviance, rtol=1e-9)


@pytest.mark.parametrize("unit", [1e-200, 1e-30, 1e30, 1e200])
def test_the_unit_of_a_gamma_response_moves_the_intercept_only(unit):
    y = RNG.gamma(3.0, np.exp(X @ [0.5, -0.7]) / 3.0)
    plain = fastglm.fit(X, y, family="gamma", link="log")
    result = quietly(X, y * unit, family="gamma", link="log")
    np.testing.assert_allclose(result.params, plain.params + [math.log(unit), 0, 0], rtol=1e-9)
    np.testing.assert_allclose(result.bse, plain.bse, rtol=1e-8)


@pytest.mark.parametrize("factor", [1e-200, 1e200])
def test_weights_of_any_size(factor):
    w = RNG.uniform(0.5, 2.0, size=60)
    plain = fastglm.fit(X, Y, family="poisson", weights=w)
    result = fastglm.fit(X, Y, family="poisson", weights=w * factor)
    np.testing.assert_allclose(result.params, plain.params, rtol=1e-8)


def test_weights_over_24_decades():
    w = 10.0 ** np.linspace(-12, 12, 60)
    y = RNG.normal(size=60)
    A = np.column_stack([np.ones(60), X]).astype(np.longdouble) * np.sqrt(w.astype(np.longdouble))[:, None]
    b = (y * np.sqrt(w.astype(np.longdouble))).astype(np.longdouble)
    expected = np.linalg.lstsq(A.astype(float), b.astype(float), rcond=None)[0]
    np.testing.assert_allclose(quietly(X, y, weights=w).params, expected, rtol=1e-9)


def test_a_response_without_variance():
    result = quietly(X, np.full(60, 5.0))
    np.testing.assert_allclose(result.params, [5.0, 0, 0], atol=1e-14)
    assert result.deviance <= 1e-25 and (result.bse <= 1e-13).all()
    result = quietly(X, np.full(60, 2.0), family="gamma", link="log")
    np.testing.assert_allclose(result.params, [math.log(2.0), 0, 0], atol=1e-12)
    assert result.deviance <= 1e-25 and not np.isnan(result.bse).any()


def test_an_exact_fit():
    beta = np.array([0.3, 0.5, -0.7])
    eta = beta[0] + X @ beta[1:]
    np.testing.assert_allclose(quietly(X, eta).params, beta, rtol=1e-13)
    for family in ("poisson", "gamma"):
        result = quietly(X, np.exp(eta), family=family, link="log")
        np.testing.assert_allclose(result.params, beta, rtol=1e-11)
        assert 0.0 <= result.deviance < 1e-15  # the square of the distance, 1e-8 standard errors, to the optimum


def test_a_saturated_model():
    result = quietly([[0.0], [1.0]], [1.0, 11.0], family="poisson")
    np.testing.assert_allclose(result.params, [0.0, math.log(11.0)], atol=1e-12)
    assert result.df_resid == 0 and result.deviance < 1e-20 and np.isfinite(result.bse).all()


def test_more_columns_than_rows():
    with pytest.warns(CollinearityWarning):
        result = fastglm.fit(RNG.normal(size=(3, 6)), [1.0, 2.0, 4.0])
    assert result.rank == 3 and len(result.aliased) == 4 and result.df_resid == 0


@pytest.mark.parametrize("family, y", [("gaussian", 3.0), ("poisson", 3.0), ("gamma", 3.0)])
def test_a_single_row(family, y):
    with pytest.warns(CollinearityWarning, match="x1"):
        result = fastglm.fit([[2.0]], [y], family=family, link="log" if family != "gaussian" else None)
    assert result.rank == 1 and np.isnan(result.params[1])
    assert result.predict([[2.0]])[0] == pytest.approx(y, rel=1e-12)


def test_an_outlier_whose_mean_underflows():
    x = np.array([3.0, 4, 5, 6, 7, 8, 1000])
    y = np.array([1.0, 1, 0, 1, 0, 0, 0])
    result = quietly(x[:, None], y, family="binomial")
    np.testing.assert_allclose(result.params, fastglm.fit(x[:6, None], y[:6], family="binomial").params, rtol=1e-9)
    assert np.isfinite(result.llf)


@pytest.mark.parametrize("link", ["logit", "probit", "cloglog", "loglog"])
def test_an_outlier_far_on_the_right_side_changes_nothing(link):
    x = RNG.normal(size=300)
    y = (RNG.random(300) < 0.5 + 0.3 * np.tanh(x)).astype(float)
    plain = quietly(x[:, None], y, family="binomial", link=link)
    for far, label in ((3000.0, 1.0), (-3000.0, 0.0)):
        result = quietly(np.r_[x, far][:, None], np.r_[y, label], family="binomial", link=link)
        np.testing.assert_allclose(result.params, plain.params, rtol=1e-9, atol=1e-10)


@pytest.mark.parametrize("scale", [1e24, 1e150])
def test_separation_in_columns_of_any_size(scale):
    x = np.array([-1.0, -1, 1, 1]) * scale
    with pytest.warns(SeparationWarning):
        result = fastglm.fit(x[:, None], x > 0, family="binomial")
    np.testing.assert_allclose(result.predict(x[:, None]), x > 0, atol=1e-6)


def test_columns_of_any_size_take_no_more_passes_over_a_sample():
    rng, n = np.random.default_rng(0), 20_000
    X = rng.standard_normal((n, 15))
    y = (rng.random(n) < 1.0 / (1.0 + np.exp(-X @ rng.normal(0.0, 0.1, 15)))).astype(float)
    far = X * np.logspace(-6, 6, 15) + np.logspace(-3, 8, 15)
    near, found = (fastglm.fit(columns, y, family="binomial") for columns in (X, far))
    assert found.n_passes <= near.n_passes + 0.1
    np.testing.assert_allclose(found.bse[1:] * np.logspace(-6, 6, 15), near.bse[1:], rtol=1e-8)


def test_overlapping_data_far_from_the_origin_are_not_called_separated():
    x = RNG.normal(size=(300, 1))
    y = RNG.random(300) < 1 / (1 + np.exp(-6 * x[:, 0]))
    plain = quietly(x, y, family="binomial")
    for shift in (1e3, 1e6):
        moved = quietly(x + shift, y, family="binomial")
        np.testing.assert_allclose(moved.params[1], plain.params[1], rtol=1e-8)
    counts = RNG.poisson(np.exp(0.2 * x[:, 0])).astype(float)
    quietly(x + 1e7, counts, family="poisson")
    quietly(x + 1e7, counts, family=fastglm.families.NegativeBinomial(2.0))


def test_counts_around_a_million_million():
    y = np.round(1e12 * np.exp(0.5 * X[:, 0]))
    result = quietly(X, y, family="poisson")
    np.testing.assert_allclose(result.params, [math.log(1e12), 0.5, 0.0], atol=1e-11)
    assert 0.0 <= result.deviance < 1e-9


def test_a_null_model_that_overflows_does_not_stop_the_fit():
    # the offset is undone by a column; the null model has the offset alone, and means from e^-400 to e^400
    offset = np.where(np.arange(60) % 2, 400.0, -400.0)
    A = np.column_stack([X, offset / 400.0])
    plain = fastglm.fit(A, Y, family="poisson")
    result = fastglm.fit(A, Y, family="poisson", offset=offset)
    np.testing.assert_allclose(result.params, plain.params - [0, 0, 0, 400.0], rtol=1e-9, atol=1e-9)
    np.testing.assert_allclose(result.deviance, plain.deviance, rtol=1e-9)
