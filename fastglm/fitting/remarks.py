"""Warnings about a fit: columns that repeat others, infinite estimates, numbers out of range."""

from __future__ import annotations

import re
from itertools import islice
from typing import Any

import numpy as np

from ..core.records import READ_ONCE
from ..errors import CollinearityWarning, ConvergenceWarning, FastGLMWarning, SeparationWarning, warn
from ..solvers import declaration_of

MOST_NAMED = 20  # columns that a warning names
MOST_LEVELS = 3  # of a factor of very many levels, that a combination names one by one
TINY = 1e-146  # a size of y, whose squares underflow


def without_information(solution, names) -> tuple[str, ...]:
    """The names of coefficients on which no row has information, because all means are at an end of their range.

    Parameters
    ----------
    solution : Solution
        Its coefficients are those of ``names``, of several classes class after class.
    names : tuple of str
    """
    if solution.factor is None or len(solution.factor.told) == len(solution.beta):
        return ()
    idle = np.setdiff1d(np.arange(len(solution.beta)), [*solution.factor.told, *solution.factor.aliased])
    return tuple(dict.fromkeys(names[j % len(names)] for j in idle.tolist()))


def give(notes: list[str], category, text: str) -> None:
    """Warn, and keep the text among the notes of a fit."""
    notes.append(text)
    warn(category, text)


def warn_of_range(fit) -> bool:
    """Warn where squares leave the range of float64 numbers; False where the dispersion is then unknown.

    Parameters
    ----------
    fit : SolvedFit
    """
    sums, quadratic, known, inverse = fit.sums, fit.solution.quadratic, True, fit.covariances["cov_unscaled"]
    if fit.family.dispersion != "one":
        lost = quadratic.pearson in (0.0, np.inf) and 0.0 < quadratic.deviance < np.inf
        tiny = quadratic.deviance == 0.0 and 0.0 < abs(sums.mean) < TINY
        if lost or tiny:
            known = False
            which = "weights, which changes no estimate" if lost else "y"
            give(
                fit.notes,
                FastGLMWarning,
                "squares of the residuals leave the range of float64 numbers, so that the dispersion and standard "
                f"errors are NaN: rescale {which}",
            )
    variances = np.ones(1) if inverse is None else inverse.diagonal()
    if np.minimum.reduce(variances, initial=1.0) > 0.0 and np.add.reduce(variances) < np.inf:
        return known
    out_of_range = np.flatnonzero((variances == 0.0) | np.isinf(variances))
    if len(out_of_range):
        names = ", ".join(dict.fromkeys(fit.names[j % len(fit.names)] for j in out_of_range[:MOST_NAMED]))
        give(
            fit.notes,
            FastGLMWarning,
            f"the variances of {names} leave the range of float64 numbers, so that their standard errors are NaN: "
            "rescale these columns of X",
        )
    return known


def warn_of_fit(fit, aliased: dict[Any, Any], converged: bool, idle: tuple[Any, ...]) -> None:
    """Warn of what is wrong with a fit, the gravest alone, beside columns that repeat others.

    Parameters
    ----------
    fit : SolvedFit
    aliased : dict
        Name of a column -> the combination of others that it repeats, in words.
    converged : bool
    idle : tuple of str
        As ``without_information``.
    """
    solution = fit.solution
    if aliased:
        shown = "; ".join(f"{name} = {combination}" for name, combination in islice(aliased.items(), MOST_NAMED))
        more = f"; and {len(aliased) - MOST_NAMED} more in `aliased`" if len(aliased) > MOST_NAMED else ""
        sources = "levels or earlier ones" if fit.levels else "earlier ones"
        give(
            fit.notes,
            CollinearityWarning,
            f"X is rank deficient: {len(aliased)} column(s) are aliased (collinear with {sources}) and their "
            f"coefficients NaN: {shown}{more}. Drop them, or the columns they repeat",
        )
    if fit.separated:
        give(fit.notes, SeparationWarning, fit.separated)
    elif solution.stop == "boundary":
        give(
            fit.notes,
            ConvergenceWarning,
            "the optimum lies on the boundary of the means' range, where the score is not zero: the estimates are "
            "right, but standard errors and tests do not apply. Another link avoids the boundary",
        )
    elif idle:
        give(
            fit.notes,
            ConvergenceWarning,
            f"the rows have no information on {', '.join(idle[:MOST_NAMED])}: their means are at the end of the "
            "family's range whatever the coefficients are, as with offsets or a start far out. Look at offset and "
            "start, or take another link",
        )
    elif not converged and solution.stop != READ_ONCE:
        give(
            fit.notes,
            ConvergenceWarning,
            f"the fit did not converge: {solution.stop} after {solution.n_iter} iterations, {_distance(fit)}. "
            f"{_remedy(fit.options)}",
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


def describe(combination: dict[Any, Any], names, of_levels=frozenset()) -> str:
    """A linear combination in words: ``"x1 + 2 x2"``; many coefficients of ``of_levels``, a factor's, are one word."""
    if not combination:
        return "0"
    text, levels = "", [k for k in combination if k in of_levels]
    if len(levels) > MOST_LEVELS:
        factor = re.sub(r"\[.*?\](?=:|$)", "", names[levels[0]])
        remainder = describe({k: coefficient for k, coefficient in combination.items() if k not in of_levels}, names)
        return f"levels of {factor}" if remainder == "0" else f"{remainder} + levels of {factor}"
    for k, coefficient in combination.items():
        size = "" if abs(abs(coefficient) - 1.0) < 1e-9 else f"{abs(coefficient):.6g} "
        sign = ("-" if coefficient < 0 else "") if not text else (" - " if coefficient < 0 else " + ")
        text += f"{sign}{size}{names[k]}"
    return text
