"""The record of a fit that is solved: the statistics R prints, from its solution and the sums over its response."""

from __future__ import annotations

import time
from typing import Any, NamedTuple

import numpy as np

from ..objective.response_sums import ResponseSums
from ..options.sgd import tolerance
from ..result.multinomial import MultinomialResult
from ..result.record import GLMResult
from ..solver.problem import Solution
from ..solvers import declaration_of, name_of
from .remarks import describe, warn_of_fit, warn_of_range, without_information

CONVERGED = ("converged", "boundary", "early stopping")


class SolvedFit(NamedTuple):
    """A solved fit, as its record is computed from it: neither rows nor an objective.

    Attributes
    ----------
    family, link : the family and link values
    names : tuple of str
        The coefficients of one mean, or of one class.
    intercept, has_constant : bool
        Whether the fit added a constant, and whether the model contains one.
    vectors : frozenset of str
        The vectors beside y that the rows have, such as "weights".
    sums : ResponseSums
    n_rows : int
    null_deviance : float
    solution : Solution
    options : record of ``fastglm.solvers``
    covariances : dict
        The fields of a result that hold covariances.
    n_passes : float
    began : float
        Seconds of ``time.perf_counter``.
    notes : list of str
        The notes so far; warnings are added.
    separated : str
        The warning's text where estimates are infinite, else "".
    levels : frozenset of int
        The coefficients of a factor of very many levels.
    schema : Schema or None
        How later rows are read.
    penalty : record of ``fastglm.penalties``, or None
    edf : float or None
        The effective degrees of freedom of a penalised fit.
    bias_reduction : str or None
        The adjustment of the score.
    """

    family: Any
    link: Any
    names: tuple[str, ...]
    intercept: bool
    has_constant: bool
    vectors: frozenset[Any]
    sums: ResponseSums
    n_rows: int
    null_deviance: float
    solution: Solution
    options: Any
    covariances: dict[Any, Any]
    n_passes: float
    began: float
    notes: list[Any]
    separated: str = ""
    levels: frozenset[Any] = frozenset()
    schema: Any = None
    penalty: Any = None
    edf: float | None = None
    bias_reduction: str | None = None


def mean_result(fit: SolvedFit, classes, smearing=None, likelihoods=None, scale_of=None) -> GLMResult:
    """The record of a model of one mean a row; its warnings are given.

    Parameters
    ----------
    fit : SolvedFit
    classes : tuple of two labels, or None
        Those of a binomial response; zero and one where its numbers are no others.
    smearing : tuple of two floats, or None
        As ``GLMResult`` has it.
    likelihoods : tuple of two floats, or None
        The log-likelihoods of the model and of the null model, where the deviance alone does not tell them.
    scale_of : callable, or None
        (residual degrees of freedom, Pearson's chi-square) -> ``Scale``; Pearson's without it.
    """
    family, sums = fit.family, fit.sums
    if classes is None and family.domain.high == 1.0 and sums.binary:
        classes = (0, 1)
    params, fields, in_range = _fields(fit)
    df = sums.nobs - fields["rank"]
    pearson = fields["pearson_chi2"] if in_range else np.nan
    if likelihoods is None:
        likelihoods = sums.loglik(family, fields["deviance"]), sums.loglik(family, fit.null_deviance)
    kind, scale, scale_se = "pearson", 1.0 if family.dispersion == "one" else pearson / df if df > 0 else np.nan, np.nan
    if scale_of is not None and family.dispersion != "one":
        kind, scale, scale_se = scale_of(df, pearson)
    return GLMResult(
        params=params,
        scale=scale,
        scale_kind=kind,
        scale_se=scale_se,
        llf=likelihoods[0],
        llnull=likelihoods[1],
        df_resid=_whole(df),
        df_model=fields["rank"] - fit.has_constant,
        exposure_kind="exposure" if "exposure" in fit.vectors else "offset" if "offset" in fit.vectors else None,
        classes=classes,
        smearing=smearing,
        **fields,
    )


def class_result(fit: SolvedFit, classes: tuple[Any, ...], coef_raw=None) -> MultinomialResult:
    """The record of a softmax regression; its warnings are given.

    Parameters
    ----------
    fit : SolvedFit
    classes : tuple of the labels, sorted
    coef_raw : (p, K) array or None
        The coefficients of all classes that a first-order solver found.
    """
    params, fields, _ = _fields(fit)
    contrasts = len(classes) - 1
    params = params.reshape(contrasts, -1)
    if fields["aliased"]:
        # a column that one class cannot tell from others none can
        params[:, [fit.names.index(name) for name in fields["aliased"]]] = np.nan
    return MultinomialResult(
        params=np.ascontiguousarray(params.T),
        scale=1.0,
        llf=-0.5 * fields["deviance"],
        llnull=-0.5 * fit.null_deviance,
        df_resid=_whole(fit.sums.nobs * contrasts - fields["rank"]),
        df_model=fields["rank"] - contrasts * fit.has_constant,
        classes=classes,
        coef_raw=coef_raw,
        **fields,
    )


def _fields(fit):
    """(coefficients, the fields that every result has, whether the dispersion is within the range of float64)."""
    factor, m = fit.solution.factor, len(fit.names)
    # by number, because names may repeat; what holds for one class holds for all
    redundant = factor.aliased if factor is not None else {}
    aliased = {
        fit.names[j % m]: describe({k % m: c for k, c in combination.items()}, fit.names, fit.levels)
        for j, combination in redundant.items()
    }
    params = np.array(fit.solution.beta)
    if redundant:
        params[list(redundant)] = np.nan
    fit, converged, idle = _judged(fit)
    solution, sums = fit.solution, fit.sums
    warn_of_fit(fit, aliased, converged, idle)
    in_range = warn_of_range(fit)
    return (
        params,
        dict(
            **fit.covariances,
            names=fit.names,
            family=fit.family,
            link=fit.link,
            schema=fit.schema,
            deviance=max(solution.quadratic.deviance, 0.0),
            null_deviance=fit.null_deviance,
            pearson_chi2=solution.quadratic.pearson,
            nobs=_whole(sums.nobs),
            rank=len(params) - len(redundant) if fit.penalty is None else int(np.count_nonzero(params)),
            converged=converged,
            aliased=aliased,
            n_rows=fit.n_rows,
            weight_sum=sums.weight,
            intercept=fit.intercept,
            has_intercept=fit.has_constant,
            has_weights="weights" in fit.vectors,
            has_freq_weights="freq_weights" in fit.vectors,
            solver=name_of(fit.options),
            stop="separation" if fit.separated else solution.stop,
            n_iter=solution.n_iter,
            n_passes=round(fit.n_passes, 3),
            history=solution.history,
            certificate=solution.certificate,
            score_norm=solution.score_norm,
            elapsed=time.perf_counter() - fit.began,
            notes=tuple(fit.notes),
            penalty=fit.penalty,
            edf=fit.edf,
            bias_reduction=fit.bias_reduction,
        ),
        in_range,
    )


def _judged(fit):
    """(the fit with the reason why it stopped, whether it converged, coefficients without information)."""
    solution = fit.solution
    converged = solution.stop in CONVERGED and not fit.separated
    if declaration_of(fit.options).first_order:
        # losses that no longer fall say little; the distance to the optimum says it
        converged = solution.certificate <= tolerance(fit.options) and not fit.separated
        if not converged and solution.stop == "converged":
            solution = solution._replace(stop="the loss no longer falls")
    idle = without_information(solution, fit.names) if converged else ()
    if idle:
        converged, solution = False, solution._replace(stop="no information")
    return fit if solution is fit.solution else fit._replace(solution=solution), converged, idle


def dispersion(family, sums: ResponseSums, deviance: float, n_params: int) -> float:
    """The dispersion at a deviance: one where it is known, else deviance over degrees of freedom."""
    if family.dispersion == "one":
        # very small weights make huge standard errors, which must not pass for convergence
        return min(1.0, sums.weight / sums.nobs)
    df = sums.nobs - n_params
    return max(deviance, 0.0) / df if df > 0 else 1.0


def _whole(number):
    return int(number) if float(number).is_integer() else float(number)
