"""Choices before a descent, as a table: no rows, no matrices, and no solver known by its name."""

from types import SimpleNamespace

import pytest

from fastglm.options.solvers import Outlook, declaration_of, declarations, newton_passes, resolve
from fastglm.solver.choose import (
    LARGE_MATRIX,
    after_sample,
    choose,
    choose_sample,
    control_for,
    is_wide,
    told_by_sample,
    tolerances,
)
from fastglm.solvers import Auto, Newton


def objective(n=1_000_000, m=20, linear=False, sampleable=True, small=False, score_cost=0.4, cost=0.0, centred=True):
    source = SimpleNamespace(n_rows=n, sample_limit=float("inf"), cost=cost)
    return SimpleNamespace(
        n_params=m, n_eliminated=m, linear=linear, sampleable=sampleable, small=small, score_cost=score_cost,
        source=source, centred=centred,
    )  # fmt: skip


@pytest.mark.parametrize(
    "what, problem, information, memory, least_squares, sampled",
    [
        ("many rows", objective(), 5e5, 2, False, True),
        ("few rows", objective(n=5_000), 2_500.0, 2, False, False),
        ("a rare event", objective(), 300.0, 2, False, False),
        ("rare levels", objective(sampleable=False), 5e5, 2, False, False),
        ("least squares", objective(linear=True), 1e6, 2, True, False),
        ("very many coefficients", objective(m=LARGE_MATRIX + 1), 5e5, 1, False, False),
        ("least squares of very many", objective(m=LARGE_MATRIX + 1, linear=True), 5e5, 1, False, False),
    ],
)
def test_the_automatic_choice(what, problem, information, memory, least_squares, sampled):
    found = choose(problem, information)
    assert found.solver.automatic and found.solver.memory == memory, what
    assert (found.least_squares, found.sample is not None) == (least_squares, sampled), what


def test_a_sample_gains_more_the_larger_it_is_and_costs_less_than_newton():
    small, large = (choose_sample(n, 20, n / 2.0, 0.4) for n in (100_000, 10_000_000))
    assert 2000 <= small.rows < 100_000 and large.rows > small.rows and large.rho < small.rho < 1.0
    assert choose_sample(100_000, 20, 50_000.0, 0.4, most=1000) is None


def test_what_is_known_of_the_columns_correlation_replaces_rows_of_a_sample():
    n, m, score = 100_000, 500, 0.055
    unknown, none, some = (choose_sample(n, m, n / 2.0, score, correlation=t) for t in (float("inf"), 0.0, 2.5e-4))
    assert unknown.fitted and some.fitted and not none.fitted
    assert choose_sample(n, m, 500.0, score, correlation=0.0) is None  # events may be separated by so many columns
    assert some.rows <= unknown.rows and some.rho < unknown.rho
    assert none.rho < unknown.rho and not none.transport
    # correlated columns are chosen for as unknown ones
    assert choose_sample(n, m, n / 2.0, score, correlation=0.1).rows == unknown.rows


@pytest.mark.parametrize("correlation, sampled", [(float("inf"), False), (0.01, False), (1e-5, True)])
def test_a_matrix_too_large_to_factor_leaves_the_diagonal_where_that_is_enough(correlation, sampled):
    found = choose(objective(n=50_000, m=LARGE_MATRIX + 1, score_cost=0.015), 25_000.0, correlation)
    assert found.solver.memory == 1 and (found.sample is not None) == sampled
    assert not sampled or not found.sample.fitted


@pytest.mark.parametrize(
    "what, problem, wide",
    [
        ("many columns", objective(m=300), True),
        ("few columns", objective(m=100), False),
        ("few rows", objective(n=10_000, m=300), False),
        ("few rows a column", objective(n=30_000, m=10_000), False),
        ("rows that are expensive to read", objective(m=300, cost=1.0), False),
        ("rare levels", objective(m=300, sampleable=False), False),
        ("classes", objective(m=300, centred=False), False),
        ("least squares", objective(m=300, linear=True), False),
    ],
)
def test_columns_are_looked_at_where_they_are_many(what, problem, wide):
    assert is_wide(problem) == wide, what


def test_control_is_that_of_the_options():
    control = control_for(
        objective(n=10_000, m=4), Newton(tol=1e-6, max_iter=7), n_rows=10_000, information=100.0, canonical=False,
        need_information=True,
    )  # fmt: skip
    assert (control.tol, control.accept_tol, control.max_iter, control.canonical) == (1e-6, 1e-6, 7, False)
    assert control.curvature_tol == 1e-8 and control.newton_constant == 1.0
    assert tolerances(objective(small=True), Auto()) == {"tol": 1e-13, "accept_tol": 1e-8}
    sample = choose_sample(1_000_000, 20, 5e5, 0.4)
    far = [told_by_sample(sample._replace(transport=moved), 20, 1_000_000, 5e5) for moved in (True, False)]
    assert far[0] == 20.0 * far[1] == pytest.approx(20.0 * 1e-8 * 5e5**0.5)
    assert told_by_sample(sample, 300, 1_000_000, 5e5) == 0.0
    loose, plain = (after_sample(control, sample, 20, 0.25, distance) for distance in (far[0], 0.0))
    assert loose.curvature_tol == far[0] and plain.curvature_tol == control.curvature_tol
    assert plain.trust_radius_se == pytest.approx(10.0 * 80.0**0.5) and plain.contraction == sample.rho


def test_every_solver_declares_what_it_needs():
    first = ["auto", "newton", "irls", "proximal-newton", "lbfgs", "newton-cg", "stream", "sgd"]
    assert [d.name for d in declarations()][: len(first)] == first  # those from outside follow
    for declaration in declarations():
        options = resolve(declaration.name)
        assert declaration_of(options) is declaration and declaration.order in (1, 2) and declaration.memory in (1, 2)
        outlook = Outlook(100_000, 10, False, False, True, True, False, options)
        passes = declaration.passes(outlook)
        assert passes.curvature + passes.score > 1.0
        assert declaration.passes(outlook._replace(linear=True)).score <= passes.score
    few = Outlook(100, 10, False, False, True, True, False, resolve("stream"))
    assert declaration_of(few.options).passes(few) == newton_passes(few)
