"""What a fit has to say of itself: columns that repeat others, estimates that are infinite, numbers out of range."""

from __future__ import annotations

import re
from itertools import islice

import numpy as np

from ..errors import CollinearityWarning, ConvergenceWarning, FastGLMWarning, SeparationWarning
from ..solvers import declaration_of
from ..types import READ_ONCE

MOST_NAMED = 20  # columns that a warning names
MOST_LEVELS = 3  # of a factor of very many levels, that a combination names one by one
TINY = 1e-146  # a size of y, whose squares underflow


def without_information(solution, names) -> tuple[str, ...]:
    """The names of coefficients that no row has information on, because all means are at the end of their range.

    Parameters
    ----------
    solution : Solution
        Of one coefficient for each name, or of several classes one class after the other.
    names : tuple of str
    """
    kept = getattr(solution.factor, "kept", None)
    if kept is None or len(kept) == len(solution.beta):
        return ()
    idle = np.setdiff1d(np.arange(len(solution.beta)), [*kept, *solution.factor.aliased])
    return tuple(dict.fromkeys(names[j % len(names)] for j in idle.tolist()))


def warn_of_range(model, inverse) -> bool:
    """Say where squares leave the range of float64 numbers; False where the dispersion is then unknown.

    Parameters
    ----------
    model : FitRun
        Its fit is done.
    inverse : (p, p) array, ArrowheadInverse or None
        The inverse information.
    """
    s, q, known = model.sums, model.solution.quadratic, True
    if model.family.dispersion != "one":
        lost = q.pearson in (0.0, np.inf) and 0.0 < q.deviance < np.inf
        tiny = q.deviance == 0.0 and 0.0 < abs(s.mean) < TINY
        if lost or tiny:
            known = False
            which = "weights, which changes no estimate" if lost else "y"
            model.give(
                FastGLMWarning,
                "squares of the residuals leave the range of float64 numbers, so that the dispersion and standard "
                f"errors are NaN: rescale {which}",
            )
    variances = np.ones(1) if inverse is None else inverse.diagonal()
    if np.minimum.reduce(variances, initial=1.0) > 0.0 and np.add.reduce(variances) < np.inf:
        return known
    beyond = np.flatnonzero((variances == 0.0) | np.isinf(variances))
    if len(beyond):
        names = ", ".join(dict.fromkeys(model.names[j % len(model.names)] for j in beyond[:MOST_NAMED]))
        model.give(
            FastGLMWarning,
            f"the variances of {names} leave the range of float64 numbers, so that their standard errors are NaN: "
            "rescale these columns of X",
        )
    return known


def warn_of_fit(model, aliased: dict, separated: str, converged: bool, idle: tuple) -> None:
    """Warn of what is wrong with a fit, the gravest alone, beside columns that repeat others.

    Parameters
    ----------
    model : FitRun
    aliased : dict
        Name of a column -> the combination of others that it repeats, in words.
    separated : str
        What is to be said of infinite estimates, or "".
    converged : bool
    idle : tuple of str
        As ``without_information``.
    """
    solution = model.solution
    if aliased:
        each = "; ".join(f"{name} = {c}" for name, c in islice(aliased.items(), MOST_NAMED))
        more = f"; and {len(aliased) - MOST_NAMED} more in `aliased`" if len(aliased) > MOST_NAMED else ""
        others = "levels or earlier ones" if model.source.high_cardinality else "earlier ones"
        model.give(
            CollinearityWarning,
            f"X is rank deficient: {len(aliased)} column(s) are aliased (collinear with {others}) and their "
            f"coefficients NaN: {each}{more}. Drop them, or the columns they repeat",
        )
    if separated:
        model.give(SeparationWarning, separated)
    elif solution.stop == "boundary":
        model.give(
            ConvergenceWarning,
            "the optimum lies on the boundary of the means' range, where the score is not zero: the estimates are "
            "right, but standard errors and tests do not apply. Another link avoids the boundary",
        )
    elif idle:
        model.give(
            ConvergenceWarning,
            f"the rows have no information on {', '.join(idle[:MOST_NAMED])}: their means are at the end of the "
            "family's range whatever the coefficients are, as with offsets or a start far out. Look at offset and "
            "start, or take another link",
        )
    elif not converged and solution.stop != READ_ONCE:
        model.give(
            ConvergenceWarning,
            f"the fit did not converge: {solution.stop} after {solution.n_iter} iterations, {_distance(model)}. "
            f"{_remedy(model.options)}",
        )


def _distance(model):
    """How far a fit is from the optimum, in words."""
    if model.penalty is not None:
        return f"the optimality conditions violated by {model.solution.certificate:.2g} lambda"
    return f"an estimated {model.solution.certificate:.2g} standard errors from the optimum"


def _remedy(options):
    if not declaration_of(options).first_order:
        return "Raise max_iter, pass start=, or rescale X"
    if options.l1 > 0.0 or options.l2 > 0.0:
        return "Raise epochs, or leave method, rate, schedule, batch_size and averaging automatic"
    return "Raise epochs, lower tol or the rate, or take solver='auto', which is exact"


def describe(combination: dict, names, of_levels=frozenset()) -> str:
    """A linear combination in words: ``"x1 + 2 x2"``; many of the factor's levels numbered ``of_levels`` as one."""
    if not combination:
        return "0"
    text, levels = "", [k for k in combination if k in of_levels]
    if len(levels) > MOST_LEVELS:
        factor = re.sub(r"\[.*?\](?=:|$)", "", names[levels[0]])
        rest = describe({k: c for k, c in combination.items() if k not in of_levels}, names)
        return f"levels of {factor}" if rest == "0" else f"{rest} + levels of {factor}"
    for k, c in combination.items():
        size = "" if abs(abs(c) - 1.0) < 1e-9 else f"{abs(c):.6g} "
        sign = ("-" if c < 0 else "") if not text else (" - " if c < 0 else " + ")
        text += f"{sign}{size}{names[k]}"
    return text
