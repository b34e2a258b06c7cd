"""Choices made before a descent: tolerances, the automatic solver, the sample. Forecasts make them too.

Nothing here reads a row or factors a matrix.
"""

from __future__ import annotations

from math import inf, log, sqrt
from typing import NamedTuple

from ..core.measured import LARGE_MATRIX, MANY_COLUMNS, NEWTON_PASSES, SAMPLE_READS, SMALL_ROWS
from ..options.solvers import Declaration, declarations
from .decide import Control

TRANSPORT = 20.0  # how much nearer to the optimum a sample's correction brings the curvature, at the least
TIGHT = 1e-13  # the distance asked for where a pass costs microseconds
CURVATURE_ERROR = 1e-8  # of standard errors, that a curvature may have which was made away from the optimum
LEVERAGE_ROOTS = 30.0  # average roots of a leverage, that the largest is taken to be at most
SHARES = (1 / 64, 1 / 32, 1 / 16, 1 / 8, 1 / 4)  # of the rows, that a sample may have
EVENTS = 4.0  # rows that a rare event is worth: it and the rows it is compared with
LEAST_SAMPLE, LEAST_GAIN = 2000, 10.0  # rows of a sample, and its rows' worth of information a coefficient
# rows' worth of information a coefficient that knowing the correlation of columns brings: the most, as the weights of
# rows make columns of the information differ too, and the least for which its diagonal is enough
MOST_KNOWN, LEAST_KNOWN = 400.0, 6.0
CORRECTED = 1.1  # times what conjugate gradients would leave, that corrections of a diagonal leave


def control_for(objective, options, *, n_rows, information, canonical, need_information, **more) -> Control:
    """The options of a descent.

    Parameters
    ----------
    objective : Objective
    options : record of ``fastglm.solvers``
        Its ``tol`` and ``max_iter`` are read, where it has them.
    n_rows : int
    information : float
        Rows' worth of information in the response.
    canonical, need_information : bool
        As for ``Control``.
    **more
        Other fields of ``Control``.

    Notes
    -----
    Newton's remainder is the square of the distance times the root of the largest leverage, for which thirty times the
    average root is taken: that allows for outliers. Rare events carry what information there is. A curvature may change
    by as much as the distance: a level of one event has all of its information in a row.
    """
    informative = max(min(n_rows, information), 1.0)
    return Control(
        **tolerances(objective, options),
        max_iter=getattr(options, "max_iter", Control().max_iter),
        canonical=canonical,
        need_information=need_information,
        curvature_tol=CURVATURE_ERROR,
        curvature_if_cheaper=True,
        newton_constant=min(1.0, LEVERAGE_ROOTS * sqrt(objective.n_params / informative)),
        score_cost=objective.score_cost,
        **more,
    )


def tolerances(objective, options) -> dict:
    """The fields of ``Control`` that say how near is near enough: where a pass costs microseconds, every digit."""
    tol = getattr(options, "tol", Control().tol)
    return {"tol": min(tol, TIGHT) if objective.small else tol, "accept_tol": tol}


class Sample(NamedTuple):
    """A sample's ``rows``, the factor ``rho`` a score pass with its curvature is expected to gain, and whether it pays
    to ``transport`` the final curvature by it.

    Of one that is not ``fitted`` the diagonal of the information alone is used, at the null model.
    """

    rows: int
    rho: float
    transport: bool
    fitted: bool = True


def choose_sample(n, m, information, score_cost, most=inf, correlation=inf) -> Sample | None:
    """The sample that makes the fit cheapest, or None where none does.

    In curvature passes, fitting a sample of r rows costs about 1.5 r / n. Its curvature is off by about sqrt(m / r),
    which is what each score pass then gains, from sqrt(m n / r) standard errors down to 1e-4 with the final curvature
    moved by the sample (two more of its curvatures), or further without. Of columns whose mean square ``correlation``
    is t the curvature is shrunk towards its diagonal, which leaves sqrt(m / (r + 1 / t)) of a distance, and if m t is
    small the diagonal is enough.
    """
    if n < SMALL_ROWS or m == 0:
        return None
    known = _known(n, m, correlation)
    # a rare event leaves most rows empty of information
    density = min(1.0, EVENTS * information / n)
    best, choice = NEWTON_PASSES, None
    for share in (most / n, *SHARES) if most < SHARES[0] * n else SHARES:
        gain = share * n * density / m
        if share * n < LEAST_SAMPLE or gain < LEAST_GAIN or share * n > 1.001 * most:
            continue
        rho = _left(max(gain, min(gain + known, MOST_KNOWN)))
        extra = log(TRANSPORT) / -log(rho) * score_cost
        passes = log(1e4 * sqrt(m / share)) / -log(rho)
        cost = SAMPLE_READS * share + passes * score_cost + min(2.0 * share, extra)
        if cost < best:
            best, choice = cost, Sample(int(share * n), rho, 2.0 * share < extra)
    plain = choose_diagonal(n, m, information, most, correlation)
    if plain is not None and (1.0 + log(1e4 * sqrt(n)) / -log(plain.rho)) * score_cost < best:
        return plain
    return choice


def choose_diagonal(n, m, information, most, correlation) -> Sample | None:
    """The sample whose diagonal alone is used, or None where columns are too correlated for it, or events so few that
    they may be separated."""
    known = _known(n, m, correlation)
    if known < LEAST_KNOWN or EVENTS * information < LEAST_GAIN * m:
        return None
    rows = int(min(n, most, max(LEAST_SAMPLE, n // 16, LEAST_GAIN * m)))
    return Sample(rows, CORRECTED / sqrt(known), False, fitted=False)


def _known(n, m, correlation):
    """Rows' worth of information that knowing the columns' mean square correlation brings a coefficient."""
    return min(1.0 / (m * max(correlation, 1.0 / n)), MOST_KNOWN)


def _left(rows):
    """What a score pass leaves of a distance with the curvature of so many rows a coefficient: the edge of its noise,
    see Marchenko and Pastur (1967)."""
    return 1.0 / (sqrt(rows) - 1.0)


def after_sample(control: Control, sample: Sample, n_params: int, share: float, far: float) -> Control:
    """The options of the descent over all rows that begins at the optimum of a sample of a ``share`` of them, with a
    curvature made as ``far`` from the optimum as the sample can tell what that changes."""
    return control._replace(
        curvature_tol=max(far, control.curvature_tol),
        trust_radius_se=10.0 * sqrt(n_params / share),
        contraction=sample.rho,
    )


def told_by_sample(sample: Sample, n_params: int, n_rows: int, information: float) -> float:
    """The distance from the optimum, in standard errors, over which a sample is likely to tell how the curvature of all
    rows changes, or that it hardly does; zero for many columns, of which it tells little."""
    if n_params >= MANY_COLUMNS:
        return 0.0
    return (TRANSPORT if sample.transport else 1.0) * CURVATURE_ERROR * sqrt(max(min(n_rows, information), 1.0))


class Choice(NamedTuple):
    """What the automatic solver does: by whose declaration, whether one curvature solves all, and with which sample."""

    solver: Declaration
    least_squares: bool = False
    sample: Sample | None = None


def exact_solver(objective) -> Declaration:
    """The solver of all rows: with a matrix of the coefficients, or without one of very many."""
    memory = 1 if objective.n_eliminated > LARGE_MATRIX else 2
    for declaration in declarations():
        if declaration.automatic and declaration.memory == memory:
            return declaration
    raise LookupError(f"no solver of memory {memory} is automatic")


def is_wide(objective) -> bool:
    """Whether columns are so many that it pays to look how correlated they are before a descent is chosen."""
    source = objective.source
    many = objective.n_params >= MANY_COLUMNS and source.n_rows >= max(SMALL_ROWS, 4 * objective.n_params)
    return many and not objective.linear and not source.cost and objective.sampleable and objective.centred


def choose(objective, information: float, correlation: float = inf) -> Choice:
    """The automatic choice, from what solvers declare and what the objective says of its costs.

    Parameters
    ----------
    objective : Objective
    information : float
        As for ``Problem``.
    correlation : float
        The mean square correlation of the columns, where it is known.
    """
    solver = exact_solver(objective)
    if objective.linear:
        return Choice(solver, least_squares=solver.memory == 2)
    if not objective.sampleable:
        return Choice(solver)
    n, m, most = objective.source.n_rows, objective.n_params, objective.source.sample_limit
    if solver.memory == 1:
        return Choice(solver, sample=choose_diagonal(n, m, information, most, correlation))
    return Choice(solver, sample=choose_sample(n, m, information, objective.score_cost, most, correlation))
