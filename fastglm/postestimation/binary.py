"""Discrimination and calibration of a binomial model, from one read: ROC curve, AUC, Brier score, calibration, tables.

The rows are counted by their linear predictor, events and non-events apart (``tallies.Tally``). While at most 2^22
linear predictors differ every answer is exact; beyond that neighbouring ones share a cell, ``error`` is the largest
share of the weight in one, and a cell's rows count as if they had the linear predictor in its middle. Prior weights and
frequencies count rows as often.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
from scipy.special import chdtrc, expit, ndtr

from ..core.frames_out import frame
from ..errors import InvalidParameterError, MissingDataError
from ..inference.test_table import TestTable
from ..inference.wald import p_values, quantile
from ..kernels.evaluate import evaluate
from .calibration_belt import CalibrationBelt, calibration_belt
from .passes_over_rows import RowPasses
from .tallies import Tally, total, values_of

if TYPE_CHECKING:
    from ..core.records import Array

STEPS = 60  # of Newton's method for two coefficients
ROUNDING = 64.0 * np.finfo(float).eps  # of the largest, which linear predictors that are tied may differ by


class ROCCurve(NamedTuple):
    """The ROC curve: k + 1 points from (0, 0) to (1, 1).

    threshold : (k + 1,) means from which on a row is called an event, decreasing; the first is infinite
    fpr, tpr : (k + 1,) shares of non-events and of events that are called events
    auc : float
    """

    threshold: Array
    fpr: Array
    tpr: Array
    auc: float


class AUC(NamedTuple):
    """The area under a ROC curve with DeLong's standard error and a normal interval, cut at 0 and 1."""

    auc: float
    se: float
    lower: float
    upper: float


class Brier(NamedTuple):
    """The Brier score, its share of that of the event rate, and its parts by groups (Murphy 1973).

    brier = reliability - resolution + uncertainty + within, where ``within`` is what groups hide: the variance of
    predictions in them less twice their covariance with the outcome (Stephenson, Coelho and Jolliffe 2008).
    ``scaled`` is 1 - brier / uncertainty.
    """

    brier: float
    scaled: float
    reliability: float
    resolution: float
    uncertainty: float
    within: float


class CalibrationCurve(NamedTuple):
    """Groups of about equal weight by their predicted mean: (g,) arrays; Wilson's interval of ``observed``."""

    weight: Array
    predicted: Array
    observed: Array
    lower: Array
    upper: Array


class HosmerLemeshow(NamedTuple):
    """Hosmer's and Lemeshow's test; ``observed`` and ``expected`` are (g, 2) of non-events and events."""

    statistic: float
    df: int
    p_value: float
    observed: Array
    expected: Array


class ROCTest(NamedTuple):
    """DeLong's test of two ROC curves of the same rows: areas, their difference's standard error, z and p-value."""

    auc: tuple[float, float]
    difference: float
    se: float
    statistic: float
    p_value: float


class BinaryDiagnostics(NamedTuple):
    """What one read says of the predictions of a binomial model; k distinct linear predictors, increasing in the mean.

    mean : (k,) predicted means
    log_odds : (k,) their logits
    events, non_events : (k,) weights of the rows
    error : largest share of the weight in one cell of several linear predictors; 0 where every answer is exact
    library : of the frames that tables come in
    """

    mean: Array
    log_odds: Array
    events: Array
    non_events: Array
    error: float
    library: str

    def roc(self) -> ROCCurve:
        """The ROC curve."""
        tpr, fpr = (np.append(0.0, np.cumsum(v[::-1]) / v.sum()) for v in (self.events, self.non_events))
        return ROCCurve(np.append(np.inf, self.mean[::-1]), fpr, tpr, self.auc().auc)

    def auc(self, level: float = 0.95) -> AUC:
        """The area under the ROC curve, ties half (DeLong, DeLong and Clarke-Pearson 1988, Biometrics 44; pROC)."""
        area, variance = _area(self.events, self.non_events)
        return AUC(area, *_limits(area, variance, level))

    def confusion(self, thresholds: Any = 0.5) -> Any:
        """Counts of rows called events because their mean is above each threshold, as a frame with a row for each:
        threshold, tp, fp, fn, tn, sensitivity, specificity, ppv, npv, accuracy."""
        cuts = np.atleast_1d(np.asarray(thresholds, np.float64))
        if not ((cuts >= 0.0) & (cuts <= 1.0)).all():
            raise InvalidParameterError(f"thresholds are means between 0 and 1, not {thresholds!r}")
        at = np.searchsorted(self.mean, cuts, side="right")
        fn, tn = (np.append(0.0, np.cumsum(v))[at] for v in (self.events, self.non_events))
        tp, fp = self.events.sum() - fn, self.non_events.sum() - tn
        with np.errstate(invalid="ignore", divide="ignore"):
            columns = {
                "threshold": cuts, "tp": tp, "fp": fp, "fn": fn, "tn": tn, "sensitivity": tp / (tp + fn),
                "specificity": tn / (tn + fp), "ppv": tp / (tp + fp), "npv": tn / (tn + fn),
                "accuracy": (tp + tn) / (tp + fp + fn + tn),
            }  # fmt: skip
        return frame(columns, self.library)

    def brier(self, bins: int = 10) -> Brier:
        """The Brier score of each row or trial, and its decomposition by ``bins`` groups."""
        weight = self.events + self.non_events
        n, rate = weight.sum(), self.events.sum() / weight.sum()
        score = (self.events @ (1.0 - self.mean) ** 2 + self.non_events @ self.mean**2) / n
        size, expected, observed = self._grouped(bins)
        reliability = size @ (expected / size - observed / size) ** 2 / n
        resolution, uncertainty = size @ (observed / size - rate) ** 2 / n, rate * (1.0 - rate)
        parts = float(reliability), float(resolution), float(uncertainty)
        scaled = 1.0 - score / uncertainty if uncertainty > 0.0 else np.nan
        return Brier(float(score), float(scaled), *parts, float(score - parts[0] + parts[1] - parts[2]))

    def calibration(self, bins: int = 10, level: float = 0.95) -> CalibrationCurve:
        """Means of prediction and outcome in groups of about equal weight."""
        n, expected, observed = self._grouped(bins)
        z, share = quantile(level), observed / n
        middle = (share + z * z / (2.0 * n)) / (1.0 + z * z / n)
        half = z * np.sqrt(share * (1.0 - share) / n + z * z / (4.0 * n * n)) / (1.0 + z * z / n)
        return CalibrationCurve(n, expected / n, share, middle - half, middle + half)

    def hosmer_lemeshow(self, groups: int = 10, external: bool = False) -> HosmerLemeshow:
        """Hosmer's and Lemeshow's test, groups cut as R's ``ResourceSelection::hoslem.test`` cuts them (quantiles of
        type 7); chi-square on the groups less two, or for rows that took no part in the fit (``external``) on all."""
        n, expected, events = self._grouped(groups)
        if len(n) < 3 and not external:
            raise InvalidParameterError(f"hosmer_lemeshow: {len(n)} groups of different means are too few for a test")
        expected, observed = np.column_stack([n - expected, expected]), np.column_stack([n - events, events])
        statistic = float(((observed - expected) ** 2 / expected).sum())
        df = len(n) - (0 if external else 2)
        return HosmerLemeshow(statistic, df, float(chdtrc(df, statistic)), observed, expected)

    def calibration_belt(self, external: bool = False, level: float = 0.95, **options: Any) -> CalibrationBelt:
        """The calibration belt of the GiViTI with its test; see ``postestimation.calibration_belt``."""
        return calibration_belt(
            self.log_odds, self.events, self.non_events, external=external, level=level, **options
        )  # fmt: skip

    def calibration_test(self) -> TestTable:
        """Calibration by a logistic regression of the outcome on the logit of the prediction (Cox 1958).

        Returns
        -------
        TestTable
            "in the large", the intercept at slope one, against 0; "slope" against 1; "joint", the likelihood ratio of
            intercept 0 and slope 1; and "Spiegelhalter", the z statistic of the Brier score (Spiegelhalter 1986).
            Of the rows of the fit a logistic regression has 0 and 1 exactly.
        """
        one = np.ones_like(self.log_odds)
        large, large_se, _ = self._logistic(one[:, None], self.log_odds)
        both, se, deviance = self._logistic(np.column_stack([one, self.log_odds]), 0.0, start=[0.0, 1.0])
        joint = max(self._deviance(self.log_odds) - deviance, 0.0)
        spread = (1.0 - 2.0 * self.mean) * self.mean * (1.0 - self.mean) * (1.0 - 2.0 * self.mean)
        weight = self.events + self.non_events
        difference = (self.events - weight * self.mean) @ (1.0 - 2.0 * self.mean)
        z = np.array([large[0] / large_se[0], (both[1] - 1.0) / se[1], np.nan, difference / np.sqrt(weight @ spread)])
        p = p_values(z)
        z[2], p[2] = joint, chdtrc(2, joint)
        nan = np.nan
        columns = {
            "estimate": np.array([large[0], both[1], nan, nan]), "std_error": np.array([large_se[0], se[1], nan, nan]),
            "statistic": z, "df": np.array([nan, nan, 2.0, nan]), "p_value": p,
        }  # fmt: skip
        names = ("in the large", "slope", "joint", "Spiegelhalter")
        return TestTable(title="Calibration", terms=names, columns=columns, library=self.library)

    def _grouped(self, groups):
        """Weight, expected and observed events of groups, (g,) each, cut at quantiles of type 7 of the weight."""
        if isinstance(groups, bool) or not hasattr(groups, "__index__") or groups < 1:
            raise InvalidParameterError(f"groups={groups!r} must be a positive whole number")
        weight = self.events + self.non_events
        cumulated = np.cumsum(weight)
        k = np.arange(1, groups)
        targets = np.floor((cumulated[-1] - 1.0) * k / groups + 1e-9) + 1.0
        ends = np.minimum(np.searchsorted(cumulated, targets * (1.0 - 1e-12)), len(weight) - 1)
        starts = np.unique(np.append(0, ends + 1))
        starts = starts[starts < len(weight)]
        return tuple(np.add.reduceat(v, starts) for v in (weight, weight * self.mean, self.events))

    def _deviance(self, eta):
        """Minus twice the log-likelihood of each trial at some log odds."""
        return 2.0 * float(self.events @ np.logaddexp(0.0, -eta) + self.non_events @ np.logaddexp(0.0, eta))

    def _logistic(self, Z, offset, start=None):
        """Coefficients, standard errors and deviance of a logistic regression on a few columns of the cells."""
        weight, beta = self.events + self.non_events, np.zeros(Z.shape[1]) if start is None else np.array(start)
        deviance = self._deviance(Z @ beta + offset)
        for _ in range(STEPS):
            mu = expit(Z @ beta + offset)
            information = (Z.T * (weight * mu * (1.0 - mu))) @ Z
            step = np.linalg.lstsq(information, Z.T @ (self.events - weight * mu), rcond=None)[0]
            while (new := self._deviance(Z @ (beta + step) + offset)) > deviance * (1.0 + 1e-14):
                step = 0.5 * step
            done = np.abs(step).max() < 1e-13 * max(1.0, np.abs(beta).max())
            beta, deviance = beta + step, new
            if done:
                break
        return beta, np.sqrt(np.diagonal(np.linalg.pinv(information))), deviance


def binary_diagnostics(result: Any, data: Any, y: Any = None, **options: Any) -> BinaryDiagnostics:
    """Discrimination and calibration of a binomial model on some rows: one read.

    Parameters
    ----------
    result : GLMResult
        Of family="binomial" or "quasibinomial".
    data, y : rows, as for ``residuals``
    **options : weights, freq_weights, offset, exposure, threads

    Returns
    -------
    BinaryDiagnostics

    Raises
    ------
    InvalidParameterError
        For another family, and unless there are both events and non-events.
    """
    with RowPasses(result, data, y, "binary_diagnostics", **options) as passes:
        _check(result, "binary_diagnostics")

        def work(e):
            return Tally.of(e.rows.eta, np.column_stack([e.weight * e.rows.y, e.weight * (1.0 - e.rows.y)]))

        tally = total(passes.each(work))
    if tally is None or not (tally.sums.sum(axis=0) > 0.0).all():
        raise InvalidParameterError("binary_diagnostics needs rows of both outcomes with a positive weight")
    middle = (tally.keys << tally.shift) + ((1 << tally.shift) >> 1)
    eta, sums = _tied(values_of(middle), tally.sums)
    detail = evaluate(result.family, result.link, eta, np.zeros_like(eta))
    mean = detail.mu
    with np.errstate(divide="ignore"):
        rest = np.where(mean > 0.5, detail.variance / mean, 1.0 - mean)  # keeps its digits near one
        log_odds = eta if result.link.name == "logit" else np.log(mean) - np.log(rest)
    events, non_events = sums.T
    error = float(tally.sums.sum(axis=1).max() / tally.sums.sum()) if tally.shift else 0.0
    order = slice(None) if mean[-1] >= mean[0] else slice(None, None, -1)
    return BinaryDiagnostics(
        mean[order], log_odds[order], events[order], non_events[order], error, result.schema.library
    )


def _tied(values, sums):
    """Sorted values with the sums of their rows, of which those that differ by rounding alone are one.

    The order in which the terms of a linear predictor are added depends on how many rows are read at once.
    """
    apart = np.diff(values, prepend=-np.inf) > ROUNDING * np.abs(values).max(initial=0.0)
    first = np.flatnonzero(apart)
    return values[first], np.add.reduceat(sums, first, axis=0)


def _check(result, what):
    if not result.family.two_outcomes:
        raise InvalidParameterError(f"{what} is of a binomial model, not of family={result.family.name!r}")


def _placements(events, non_events):
    """The share of non-events below each cell, ties half, and that of events above it."""
    below = (np.cumsum(non_events) - 0.5 * non_events) / non_events.sum()
    above = 1.0 - (np.cumsum(events) - 0.5 * events) / events.sum()
    return below, above


def _area(events, non_events):
    """The area under the ROC curve, and DeLong's variance of it, NaN with fewer than two of an outcome."""
    below, above = _placements(events, non_events)
    n, m = events.sum(), non_events.sum()
    area = float(events @ below / n)
    if not (n > 1.0 and m > 1.0):
        return area, np.nan
    of_events = events @ (below - area) ** 2 / (n - 1.0) / n
    return area, float(of_events + non_events @ (above - area) ** 2 / (m - 1.0) / m)


def _limits(area, variance, level):
    se = float(np.sqrt(variance))
    reach = quantile(level) * se
    return se, max(area - reach, 0.0), min(area + reach, 1.0)


def roc_test(result: Any, other: Any, data: Any, y: Any = None, **options: Any) -> ROCTest:
    """DeLong's test of two ROC curves of the same rows (R's ``pROC::roc.test(paired = TRUE)``).

    Parameters
    ----------
    result : GLMResult
    other : GLMResult of the same response, (n,) array of a marker, or the name of a column that has one
        Large values of a marker speak for the event.
    data, y : rows, as for ``residuals``
    **options : weights, freq_weights, offset, exposure, threads

    Returns
    -------
    ROCTest

    Raises
    ------
    InvalidParameterError, MissingDataError
        Also where one of them has no value for a row that the other one has.

    Notes
    -----
    Holds five numbers for each row in memory.
    """
    _check_pair(result, other)
    name = other if isinstance(other, str) else None
    first = _columns(result, data, y, name, options)
    if hasattr(other, "schema"):
        marker = _columns(other, data, y, None, options)[0]
    else:
        marker = first[3] if name is not None else np.asarray(other, np.float64)
    if marker.shape != first[0].shape:
        raise InvalidParameterError(f"other has shape {marker.shape}, the data have {len(first[0])} rows")
    if (np.isnan(marker) != np.isnan(first[0])).any():
        row = int(np.argmax(np.isnan(marker) != np.isnan(first[0])))
        raise MissingDataError(f"roc_test: only one of the two has a value for row {row}; leave out such rows first")
    known = ~np.isnan(marker)
    events, non_events = first[2][known] * first[1][known], first[2][known] * (1.0 - first[1][known])
    if not (events.sum() > 1.0 and non_events.sum() > 1.0):
        raise InvalidParameterError("roc_test needs at least two rows of each outcome")
    return _compared(events, non_events, first[0][known], marker[known])


def _compared(events, non_events, *markers):
    n, m = events.sum(), non_events.sum()
    areas, of_events, of_others = [], [], []
    for marker in markers:
        values, cell = np.unique(marker, return_inverse=True)
        cell = np.cumsum(np.diff(values, prepend=values[0]) > ROUNDING * np.abs(values).max())[cell]
        below, above = _placements(*(np.bincount(cell, v) for v in (events, non_events)))
        areas.append(float(events @ below[cell] / n))
        of_events.append(below[cell] - areas[-1])
        of_others.append(above[cell] - areas[-1])
    (a, b), (c, d) = of_events, of_others
    variance = events @ (a - b) ** 2 / (n - 1.0) / n + non_events @ (c - d) ** 2 / (m - 1.0) / m
    difference, se = areas[0] - areas[1], float(np.sqrt(variance))
    z = difference / se if se > 0.0 else np.nan
    return ROCTest((areas[0], areas[1]), difference, se, z, float(2.0 * ndtr(-abs(z))))


def _check_pair(result, other):
    _check(result, "roc_test")
    if hasattr(other, "schema"):
        _check(other, "roc_test")


def _columns(result, data, y, name, options):
    """Increasing in the mean: linear predictor, y, weight, and the numbers of a column, (n,) of all rows each."""
    with RowPasses(result, data, y, "roc_test", keep=(name,) if name else (), **options) as passes:

        def work(e):
            eta = e.rows.eta if np.all(e.rows.detail.slope >= 0.0) else -e.rows.eta
            own = [e.piece.aligned(np.asarray(v, np.float64)) for v in (eta, e.rows.y, e.weight)]
            if name:
                own.append(np.asarray(e.piece.others[name].to_numpy(zero_copy_only=False), np.float64))
                own[3] = np.where(np.isnan(own[0]), np.nan, own[3])
            return own

        return [np.concatenate(parts) for parts in zip(*passes.each(work), strict=True)]
