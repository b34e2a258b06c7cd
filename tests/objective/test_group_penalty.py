"""The penalty of groups by definitions: its proximal step by a search, its subgradient by differences."""

import numpy as np
import pytest
from scipy.optimize import minimize

from fastglm.objective.group_penalty import GroupPenalty, largest_of_groups
from fastglm.options.penalties.terms import PenaltyTerms

RNG = np.random.default_rng(0)
GROUPS = np.array([-1, 0, 0, 1, 1, 1, 2])
SD = np.array([1.0, 2.0, 0.5, 1.0, 3.0, 1.0, 0.1])
BOUND = np.array([np.inf] * 6 + [0.0])


def made(lasso=0.0, ridge=0.0):
    """A penalty whose last coefficient is left out."""
    own = np.where(GROUPS < 0, 0.0, 1.0)
    return GroupPenalty(ridge * own, lasso * own * SD, GROUPS, np.array([0.7, 0.4, 1.0]), SD, -BOUND, BOUND, SD)


@pytest.mark.parametrize("lasso", [0.0, 0.2])
def test_the_proximal_step_is_the_minimum(lasso):
    penalty = made(lasso)
    for size in (0.3, 1.0, 4.0):
        beta = RNG.normal(size=7) / SD
        found = penalty.prox(beta, size)

        def value(b, beta=beta, size=size):
            return 0.5 / size * np.sum((SD * (b - beta)) ** 2) + penalty.value(penalty.within(b))

        assert found[6] == 0.0
        best = minimize(
            value, found + 0.1, method="Nelder-Mead", options={"xatol": 1e-10, "fatol": 1e-14, "maxiter": 20_000}
        )
        assert value(found) - 0.5 / size * (SD[6] * beta[6]) ** 2 <= best.fun + 1e-9
    assert not penalty.prox(beta, 100.0)[1:].any() and penalty.prox(beta, 100.0)[0] == beta[0]


def test_gradients_by_differences():
    penalty, beta, score = made(0.2, 0.3), np.append(RNG.normal(size=6), 0.0), RNG.normal(size=7)
    steps = 1e-6 * np.eye(7)
    slope = np.array([(penalty.value(beta + s) - penalty.value(beta - s)) / 2e-6 for s in steps])
    left = np.abs(score - slope)[:6]
    np.testing.assert_allclose(penalty.subgradient(beta, score + penalty.score(beta))[:6], left, rtol=1e-6, atol=1e-8)
    inside = penalty.of(np.arange(6))
    bend = [(inside.value(beta[:6] + s[:6]) - inside.value(beta[:6] - s[:6])) / 2e-6 for s in steps[:6]]
    np.testing.assert_allclose(bend, slope[:6], rtol=1e-6, atol=1e-8)


def test_zero_stays_where_no_direction_gains():
    penalty = made(0.2)
    nothing = np.zeros(7)
    for score in (0.3 * SD, np.array([0.0, 0.1, 0.4, 0.9, 3.0, 0.2, 5.0])):
        stays = penalty.violation(nothing, score) == 0.0
        steps = RNG.normal(size=(4000, 7)) / SD * BOUND.clip(max=1.0)
        steps[:, 0] = 0.0
        gains = (steps @ score - np.array([penalty.value(s) for s in steps])).max()
        assert stays == (gains <= 0.0) or abs(score[0]) > 0.0


@pytest.mark.parametrize("sparsity", [0.0, 0.4, 1.0])
def test_the_largest_lambda(sparsity):
    groups, nothing = np.array([0, 0, 1, 1, 1]), np.zeros(5)
    terms = PenaltyTerms(nothing, sparsity + nothing, nothing, nothing, groups, (1 - sparsity) * np.array([1.0, 2.0]))
    score = RNG.normal(size=5)
    lam = largest_of_groups(terms, score, 1e-3)
    for factor, stays in ((1.0 + 1e-9, True), (1.0 - 1e-6, False)):
        size, one = factor * lam, np.ones(5)
        at = GroupPenalty(nothing, size * terms.l1, groups, size * terms.norms, one, -np.inf * one, np.inf * one, one)
        assert (at.violation(nothing, score) == 0.0) == stays


def test_groups_go_whole():
    penalty = made()
    assert penalty.whole(np.array([0, 4])).tolist() == [0, 3, 4, 5]
    kept = penalty.strong(np.array([0.0, 0.1, 0.1, 0.0, 9.0, 0.0, 9.0]), penalty)
    assert kept.tolist() == [True, False, False, True, True, True, True]
