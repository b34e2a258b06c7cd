"""Whether maximum-likelihood estimates are finite, against the linear programs stored in ``golden/separation.json``."""

import warnings

import numpy as np
import pytest
from golden_rules import arrays, load

import fastglm
from fastglm.errors import ConvergenceWarning, SeparationWarning
from fastglm.inference.separation import separation

CASES = {case["name"].removeprefix("sep_"): case for case in load("separation")}
SEPARATED = [name for name, case in CASES.items() if case["expected"]["status"] != "none"]
FINITE = [name for name in CASES if name not in SEPARATED]
SIGNS = {"0": 0, "inf": 1, "-inf": -1}


def data(name):
    case, a = CASES[name], arrays(CASES[name])
    return case, a["X"], a["y"], fastglm.families.get(case["family"])


@pytest.mark.parametrize("name", CASES)
def test_the_linear_program_decides_as_stored(name):
    case, X, y, family = data(name)
    found = separation(X, y, family)
    assert found.status == case["expected"]["status"]
    for sign, expected in zip(found.infinite, case["expected"]["infinite"], strict=True):
        assert expected == "either" or sign == SIGNS[expected]


@pytest.mark.parametrize("name", SEPARATED)
def test_the_direction_separates(name):
    _, X, y, family = data(name)
    move = X @ separation(X, y, family).direction
    assert np.abs(move).max() > 0
    inside = (y != 0) & (y != family.mean.high)
    assert (move[y == 0] <= 1e-9).all() and (move[y == family.mean.high] >= -1e-9).all()
    np.testing.assert_allclose(move[inside], 0.0, atol=1e-9)


@pytest.mark.parametrize("solver", fastglm.solvers.names(exact=True))
@pytest.mark.parametrize("name", SEPARATED)
def test_a_separated_fit_says_so_and_names_the_columns(name, solver):
    case, X, y, _ = data(name)
    with pytest.warns(SeparationWarning) as caught:
        result = fastglm.fit(X, y, family=case["family"], intercept=False, names=case["x"], solver=solver)
    text = str(next(w.message for w in caught if w.category is SeparationWarning))
    assert not result.converged and result.stop == "separation"
    infinite = [x for x, s in zip(case["x"], case["expected"]["infinite"], strict=True) if s in ("inf", "-inf")]
    assert all(x in text for x in infinite)
    assert ("quasi-completely" in text) == (case["expected"]["status"] == "quasi")
    assert text in result.notes and "penalise" in text


@pytest.mark.parametrize("name", SEPARATED)
def test_predictions_of_a_separated_fit_are_usable(name):
    case, X, y, family = data(name)
    with pytest.warns(SeparationWarning):
        result = fastglm.fit(X, y, family=case["family"], intercept=False)
    mu = result.predict(X)
    assert np.isfinite(mu).all() and np.isfinite(result.params).all()
    # rows the direction moves strictly are at the end of the range already
    move = X @ separation(X, y, family).direction
    moved = np.abs(move) > 1e-9
    np.testing.assert_allclose(mu[moved], y[moved], atol=1e-4)


@pytest.mark.parametrize("solver", fastglm.solvers.names(exact=True))
@pytest.mark.parametrize("name", FINITE)
def test_finite_estimates_are_not_called_separated(name, solver):
    case, X, y, _ = data(name)
    with warnings.catch_warnings():
        warnings.simplefilter("error", SeparationWarning)
        warnings.simplefilter("error", ConvergenceWarning)
        result = fastglm.fit(X, y, family=case["family"], intercept=False, solver=solver)
    assert result.converged


def test_other_coefficients_are_right_where_a_dummy_separates():
    # the rows of a level with y = 1 only say nothing about the others
    rng = np.random.default_rng(1)
    x, d = rng.normal(size=(2, 60))
    d = (d > 0.8).astype(float)
    y = np.where(d == 1, 1.0, rng.random(60) < 0.5)
    with pytest.warns(SeparationWarning, match="level"):
        result = fastglm.fit(np.column_stack([x, d]), y, family="binomial", names=["x", "level"])
    rest = fastglm.fit(x[d == 0][:, None], y[d == 0], family="binomial")
    np.testing.assert_allclose(result.params[:2], rest.params, rtol=1e-5)
    np.testing.assert_allclose(result.bse[:2], rest.bse, rtol=1e-4)


def test_separation_in_data_too_long_for_a_linear_program():
    rng = np.random.default_rng(2)
    X = rng.normal(size=(300_000, 8))
    y = X[:, 0] > 0.1
    with pytest.warns(SeparationWarning, match="x1"):
        result = fastglm.fit(X, y, family="binomial")
    assert not result.converged


@pytest.mark.parametrize("shift", [0.0, 1e3, 1e7])
def test_the_origin_of_the_columns_does_not_decide_separation(shift):
    rng = np.random.default_rng(1)
    X = np.round(rng.uniform(size=(500, 3)) * 1024) / 1024
    y = rng.poisson(np.exp(0.5 * X.sum(1))).astype(float)
    design = np.column_stack([np.ones(500), X + shift])
    assert separation(design, y, fastglm.families.Poisson()).status == "none"
    lone = (X[:, 0] > 0.8).astype(float)
    found = separation(np.column_stack([design, lone]), np.where(lone == 1, 0.0, y), fastglm.families.Poisson())
    assert found.status == "quasi" and found.infinite[-1] == -1
