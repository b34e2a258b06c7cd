"""``plan``: a forecast of the passes, the memory and the time of a fit, from footers of files and a look at levels."""

from __future__ import annotations

from dataclasses import replace
from math import log2
from typing import TYPE_CHECKING

import numpy as np

from ..core.measured import (
    FACTOR_SECONDS,
    FIT_SECONDS,
    FRAGMENT_BYTES,
    GATHER_COPIES,
    KEEP_NS,
    PASS_COLUMN_NS,
    PASS_ROW_NS,
    PASS_SQUARE_NS,
    PIECE_BYTES,
    PIECE_COPIES,
    PROCESS_BYTES,
    READ_NS,
)
from ..errors import InvalidParameterError
from ..fitting.perform import check_size
from ..inference import check_one_predictor
from ..kernels.row_loops import FamilyLink
from ..objective.base import Deviance
from ..objective.response_sums import check
from ..objective.softmax import CrossEntropy
from ..rows.family_link import is_open
from ..rows.request import FitRequest
from ..solvers import name_of
from ..source.base import Source, n_units
from ..source.in_memory import InMemory
from .data_summary import summarise
from .pass_forecast import cells_of, forecast_passes
from .record import Plan

if TYPE_CHECKING:
    from typing import Literal

    from ..core.records import ArrayLike
    from ..types import Covariance, FamilyLike, LinkLike, Rows, SolverLike, Variable

TYPICAL = {"theta": 1.0, "power": 1.5}  # of parameters that a fit estimates; chosen: passes do not depend on them


def plan(
    formula: str | ArrayLike,
    data: Rows,
    *,
    family: FamilyLike = "gaussian",
    link: LinkLike | None = None,
    intercept: bool = True,
    weights: Variable | None = None,
    freq_weights: Variable | None = None,
    offset: Variable | None = None,
    exposure: Variable | None = None,
    solver: SolverLike = "auto",
    cov: Covariance = "model",
    threads: int | None = None,
    memory: int | None = None,
    missing: Literal["error", "drop"] = "error",
    compress: bool | Literal["auto"] = "auto",
    bias_reduction: Literal["firth", "mean", "median", "mixed"] | None = None,
) -> Plan:
    """Forecast passes, memory and time of ``glm`` or ``fit`` without fitting.

    Of files the footers are read, one piece of rows, and the columns whose levels the model must know. CSV, and streams
    that can be read once, are copied to a temporary folder, as a fit would.

    Parameters
    ----------
    formula : str, or (n,) array
        As for ``glm``; else y of ``fit``, an array or the name of a column.
    data : path, data frame or (n, p) array
        As for ``glm``, or X of ``fit``.
    family, link, intercept, weights, freq_weights, offset, exposure, solver, cov, threads, memory, missing, compress
        As for ``glm``; theta of "negative_binomial" and the power of "tweedie" are estimated where they are not given.
    bias_reduction
        As for ``glm``.

    Returns
    -------
    Plan

    Raises
    ------
    InvalidParameterError, MissingDataError
        As a fit would, for what can be seen without reading all rows.

    Notes
    -----
    Memory is that of the process (280 MiB), four times a piece of rows (16 MiB of numbers at the most) for each thread
    and one more, a fragment of the file (128 MiB at the most) for each thread, three times the rows that are kept (all
    of them, or a sample), and 8 m (threads + log2(units) + 2) bytes with m the numbers of an information matrix, p^2
    without factors.

    Time is that of reading, 10 ns a number and thread, 20 ns more where it is kept, and of passes: 12 + 0.9 p + 0.021
    p^2 ns a row and thread with curvature, what ``score_cost`` says of it without.

    Examples
    --------
    >>> import numpy as np, fastglm
    >>> fastglm.plan(np.zeros(1_000_000), np.zeros((1_000_000, 20)), family="poisson").where
    'in memory'
    """
    formula, y = (formula, None) if isinstance(formula, str) and "~" in formula else (None, formula)
    if isinstance(data, str) and "~" in data:
        raise InvalidParameterError("formula and data are swapped: plan(formula, data)")
    request = FitRequest(
        data=data, y=y, formula=formula, family=family, link=link, intercept=intercept, weights=weights,
        freq_weights=freq_weights, offset=offset, exposure=exposure, solver=solver, cov=cov, threads=threads,
        memory=memory, missing=missing, compress=compress, bias_reduction=bias_reduction, estimation=True,
    )  # fmt: skip
    check_one_predictor(request.family, "plan")
    estimated = request.family.estimated if is_open(request.family) else None
    if estimated is not None:
        request = replace(request, family=request.family._replace(**{estimated: TYPICAL[estimated]}))
    family, options, threads = request.family, request.solver, request.threads
    summary = summarise(request)
    check(InMemory(summary.piece, 1), family)
    source = Source(summary.piece, summary.rows, threads)
    source.cost, source.in_process = summary.cost, not summary.reread
    source.rows_read, source.sample_limit = summary.rows, summary.sample_limit(source)
    n_classes = summary.classes if family.response_model == "softmax" else 0
    check_size(source, request.cov, max(n_classes - 1, 0))
    objective = CrossEntropy(source, n_classes) if n_classes else Deviance(source, FamilyLink(family, request.link))
    compressible = not n_classes and request.compress is not False
    cells = cells_of(summary, objective, options, compress) if compressible else None
    forecast = forecast_passes(objective, summary, family, request.link, options, request.cov, cells)
    forecast = forecast.adjusted(summary, bias_reduction, estimated)
    return Plan(
        formula=formula,
        family=family.name,
        link=request.link.name,
        solver=name_of(options),
        threads=threads,
        rows=summary.rows,
        columns=objective.n_params,
        files=summary.files,
        fragments=summary.fragments,
        file_bytes=summary.file_bytes,
        row_bytes=summary.row_bytes,
        where="read again at every pass" if summary.reread else "in memory",
        cells=cells,
        sample=forecast.sample,
        passes=round(forecast.passes, 2),
        reads=round(forecast.reads, 2),
        memory=_memory(summary, objective, forecast, n_classes),
        seconds=_seconds(summary, objective, forecast, n_classes),
    )


def _memory(summary, objective, forecast, n_classes) -> int:
    """Bytes at the peak; see ``plan``."""
    source = objective.source
    pairs = max(1, n_classes * (n_classes - 1) // 2)
    dense, n_params = source.structured_sums.dense, objective.n_eliminated
    summed = pairs * (dense * dense + source.structured_sums.size)
    matrices = 8 * summed * (source.threads + log2(n_units(summary.rows, source.structured_sums.size)) + 2)
    if np.isfinite(n_params):
        matrices += 8 * 4 * n_params * n_params  # the assembled one, its factor and its inverse
    gathered = summary.files and (not summary.reread or forecast.gathered)
    share = 1.0 if gathered else forecast.sample / summary.rows if summary.reread else 0.0
    row_bytes = GATHER_COPIES * summary.row_bytes * share
    pieces = 0
    if summary.files:
        pages = min(FRAGMENT_BYTES, 8 * summary.width * summary.rows // summary.fragments)
        pieces = PIECE_COPIES * (source.threads + 1) * min(PIECE_BYTES, summary.row_bytes) + source.threads * pages
    caller_bytes = 2 * summary.caller_bytes if not summary.files else 0
    return int(PROCESS_BYTES + caller_bytes + pieces + row_bytes + matrices)


def _seconds(summary, objective, forecast, n_classes) -> float:
    """Seconds of all passes; see ``plan``."""
    source, n_params = objective.source, objective.source.structured_sums.dense + len(summary.piece.terms)
    per_row = (
        PASS_ROW_NS
        + PASS_COLUMN_NS * n_params
        + PASS_SQUARE_NS * n_params * n_params * max(1, n_classes * (n_classes - 1) // 2)
    )
    score_cost = objective.score_cost * (1.0 + source.cost) - source.cost
    computed = per_row * (forecast.curvature + max(score_cost, 0.05) * forecast.score + forecast.share)
    read = (READ_NS * forecast.reads + KEEP_NS * (summary.files > 0 and not summary.reread)) * summary.width
    factored = FACTOR_SECONDS * min(objective.n_eliminated, 1e4) ** 3 * forecast.curvature
    return summary.rows * (computed + read) * 1e-9 / source.threads + factored + FIT_SECONDS


__all__ = ["Plan", "plan"]
