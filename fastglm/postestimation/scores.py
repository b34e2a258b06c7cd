"""Measures of the predictions of a finished fit on rows: scores, and calibration by groups of predicted means."""

from __future__ import annotations

from math import nan, sqrt
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from ..core.frames_out import frame
from ..errors import InvalidParameterError
from ..family.links import Identity
from ..inference import linear_predictor
from ..inference.multinomial import check_rows, with_reference
from ..inference.residuals import _check_y, evaluate_rows
from ..kernels.evaluate import evaluate
from ..kernels.row_loops import FamilyLink
from ..objective.response_sums import ResponseSums, validate_response
from ..rows.matching import check_offset
from ..rows.supplied import check_numbers, in_order
from ..source.base import Block
from ..source.in_memory import InMemory
from ..source.streaming_qr import weighted_sum
from ..source.threads import get_threads
from ..special import log_softmax
from .tallies import Tally, total

if TYPE_CHECKING:
    from ..core.records import Array

STEPS = 50  # of Newton's method for one constant


class Score(NamedTuple):
    """Measures of the predictions of some rows; NaN for those that the model does not have.

    rows : rows that count, each as often as its frequency says
    weight : sum of prior weight times frequency
    deviance : R's deviance
    d2 : 1 - deviance / deviance of the best constant beside the offset, on the same rows
    llf : log-likelihood, the dispersion by R's rules at these rows; NaN for quasi-likelihoods
    mse : weighted mean of (y - mu)^2; of several classes the sum over them
    log_loss : weighted mean of minus the log-probability of the label; of trials, of each trial's
    brier : weighted mean of (label - mu)^2 likewise
    auc : probability that an event has a larger mean than a non-event, ties half
    auc_error : bound of the error of `auc`: 0 as long as at most 2^22 means differ, beyond that half of the pairs that
        fall into one cell of a table of about so many
    accuracy : of several classes, the weighted share of rows whose likeliest class is theirs
    """

    rows: float
    weight: float
    deviance: float
    d2: float
    llf: float
    mse: float
    log_loss: float = nan
    brier: float = nan
    auc: float = nan
    auc_error: float = nan
    accuracy: float = nan


class Calibration(NamedTuple):
    """Rows in groups of about equal weight by their predicted mean, lowest first; each field is a (groups,) array.

    rows : rows of the group, each as often as its frequency says
    weight : sum of prior weight times frequency
    low, high : the smallest and the largest predicted mean
    predicted, observed : weighted means of the prediction and of y
    se : standard error of `observed`, from the spread of y within the group
    """

    rows: Array
    weight: Array
    low: Array
    high: Array
    predicted: Array
    observed: Array
    se: Array

    def to_pandas(self) -> Any:
        """The groups as a pandas DataFrame, or a dict of columns where pandas is not installed."""
        return frame(self._asdict())


def score(
    result: Any,
    data: Any,
    y: Any = None,
    *,
    weights: Any = None,
    freq_weights: Any = None,
    offset: Any = None,
    exposure: Any = None,
    threads: Any = None,
) -> Score:
    """Measures of the predictions of rows: one pass, and some over the response alone for ``d2`` with an offset.

    Parameters
    ----------
    result : GLMResult
    data : arrays, data frame or files
    y : (n,) array_like or name of a column
        Left out, the response of the formula.
    weights, freq_weights, offset, exposure : arrays, or names of columns
        The columns of the formula are found by their names.
    threads : int, optional

    Returns
    -------
    Score

    Raises
    ------
    InvalidParameterError, MissingDataError, FileFormatError
    """
    vectors = {"weights": weights, "freq_weights": freq_weights, "offset": offset, "exposure": exposure}
    supplied, threads = result.schema.open(data, y, vectors), get_threads(threads)
    try:
        if result.family.response_model == "softmax":
            return _of_classes(result, supplied, threads)
        return _of_means(result, supplied, threads)
    finally:
        supplied.close()


def _rows(result, piece):
    """The rows of a piece evaluated, their prior weight and frequency."""
    frequency = np.broadcast_to(np.asarray(piece.frequency, np.float64), (piece.X.shape[0],))
    check_numbers("freq_weights", frequency)
    rows = evaluate_rows(result, piece.X, piece.y, piece.weights, piece.offset, piece.exposure)
    return rows, np.broadcast_to(rows.weights, frequency.shape), frequency


def _of_means(result, supplied, threads):
    binomial, pair = result.family.domain.high == 1.0, FamilyLink(result.family, result.link)

    def work(piece):
        rows, w, frequency = _rows(result, piece)
        total_weight, mu = w * frequency, rows.detail.mu
        data = Block(np.empty((len(frequency), 0)), True, rows.y, np.asarray(w), frequency, None, None)
        response = validate_response(InMemory(data, 1), pair) if len(frequency) else [0.0] * 6
        sums = weighted_sum(total_weight, np.column_stack([rows.detail.deviance, (rows.y - mu) ** 2]))
        extra = (0.0, 0.0)
        tally = None
        if binomial:
            spread = rows.y * (1.0 - rows.y)
            extra = float((total_weight * _entropy(rows.y)).sum()), float((total_weight * spread).sum())
            tally = Tally.of(rows.eta, np.column_stack([total_weight * rows.y, total_weight * (1.0 - rows.y)]))
        return sums, np.array(extra), np.array(response, float), tally

    sums, extra, scans = np.zeros(2), np.zeros(2), np.zeros(6)

    def tallies():
        for part in in_order(supplied, work, threads):
            for whole, own in zip((sums, extra, scans), part, strict=False):
                whole += own
            if part[3] is not None:
                yield part[3]

    tally = total(tallies())
    if not scans[1] > 0.0:
        raise InvalidParameterError("no row has a positive weight")
    response = ResponseSums(*scans.tolist())
    nobs, weight = response.nobs, response.weight
    deviance = max(float(sums[0]), 0.0)
    null = _null_deviance(result, supplied, response.mean, threads)
    measures = Score(
        nobs, weight, deviance, 1.0 - deviance / null if null > 0.0 else nan,
        float(response.loglik(result.family, deviance)), float(sums[1]) / weight,
    )  # fmt: skip
    if not binomial:
        return measures
    auc, error = tally.auc()
    return measures._replace(
        log_loss=(0.5 * deviance + extra[0]) / weight, brier=(sums[1] + extra[1]) / weight, auc=auc, auc_error=error
    )


def _entropy(y):
    """-(y log y + (1 - y) log(1 - y)), of fractions."""
    from scipy.special import entr

    return entr(y) + entr(1.0 - y)


def _null_deviance(result, supplied, mean, threads):
    """The deviance of the best constant beside the offset: of the mean itself, or by Newton's method on one number."""
    bare = supplied.without_columns()

    def at(constant, link=result.link):
        def work(piece):
            n = piece.X.shape[0]
            y, trials = _check_y(result, piece.y, n)
            w = (
                piece.frequency
                * (1.0 if piece.weights is None else piece.weights)
                * (1.0 if trials is None else trials)
            )
            shift = np.broadcast_to(check_offset(result, piece.offset, piece.exposure, n), (n,))
            if link is None:
                return np.array([(w * shift).sum(), np.sum(w * np.ones(n))])
            detail = evaluate(result.family, link, constant + shift, y)
            return np.array([(w * v).sum() for v in (detail.deviance, detail.score, detail.information)])

        return sum(in_order(bare, work, threads))

    if result.exposure_kind is None:
        return float(at(mean, Identity())[0])
    shift, weight = at(0.0, None)
    constant = float(result.link.link(mean)) - shift / weight
    deviance, slope, curvature = at(constant)
    for _ in range(STEPS):
        step = slope / curvature if curvature > 0.0 else 0.0
        for _ in range(STEPS):
            found = at(constant + step)
            if found[0] <= deviance * (1.0 + 1e-14) or step == 0.0:
                break
            step *= 0.5
        constant += step
        before, (deviance, slope, curvature) = deviance, found
        if abs(before - deviance) <= 1e-12 * abs(deviance):
            break
    return float(deviance)


def _of_classes(result, supplied, threads):
    def work(piece):
        X, codes, weights = check_rows(result, piece.X, piece.y, piece.weights)
        frequency = np.broadcast_to(piece.frequency, (len(codes),))
        w = weights * frequency
        log_mu = log_softmax(with_reference(result, linear_predictor(result, X)))
        loss = -np.take_along_axis(log_mu, codes[:, None], axis=1)[:, 0]
        indicators = codes[:, None] == np.arange(log_mu.shape[1])
        square = ((np.exp(log_mu) - indicators) ** 2).sum(1)
        right = log_mu.argmax(1) == codes
        totals = np.bincount(codes, weights=w, minlength=log_mu.shape[1])
        return np.array(
            [frequency[w > 0].sum(), w.sum(), *((w * values).sum() for values in (loss, square, right))]
        ), totals

    sums, totals = (sum(v) for v in zip(*in_order(supplied, work, threads), strict=True))
    rows, weight, loss, square, right = sums.tolist()
    if not weight > 0.0:
        raise InvalidParameterError("no row has a positive weight")
    null = 2.0 * weight * float(_entropies(totals / weight))
    d2 = 1.0 - 2.0 * loss / null if null > 0.0 else nan
    mse = square / weight
    return Score(rows, weight, 2.0 * loss, d2, -loss, mse, loss / weight, mse, accuracy=right / weight)


def _entropies(shares):
    from scipy.special import entr

    return entr(shares).sum()


def calibration(
    result: Any, data: Any, y: Any = None, *, bins: int = 10, weights: Any = None, freq_weights: Any = None,
    offset: Any = None, exposure: Any = None, threads: int | None = None,
) -> Calibration:  # fmt: skip
    """Rows grouped by their predicted mean, with the means of prediction and outcome in each group.

    The cuts are exact quantiles of the predicted means, weighted by prior weight times frequency: cut k is the smallest
    mean up to which a share k / bins of the weight lies. Rows of one mean are in one group, so that there may be fewer
    groups than asked for. One pass counts the means; where more than 2^22 differ, further ones count anew within the
    cells that hold a cut; the last one sums.

    Parameters
    ----------
    result : GLMResult
    data, y, weights, freq_weights, offset, exposure, threads
        As for ``score``.
    bins : int
        How many groups; deciles without it.

    Returns
    -------
    Calibration

    Raises
    ------
    InvalidParameterError, MissingDataError, FileFormatError
    """
    if result.family.response_model == "softmax":
        raise InvalidParameterError("calibration is of one mean a row; a softmax regression has one for each class")
    if isinstance(bins, bool) or not hasattr(bins, "__index__") or bins < 1:
        raise InvalidParameterError(f"bins={bins!r} must be a positive whole number")
    vectors = {"weights": weights, "freq_weights": freq_weights, "offset": offset, "exposure": exposure}
    supplied, threads = result.schema.open(data, y, vectors), get_threads(threads)
    try:
        cuts = _cuts(result, supplied, int(bins), threads)
        groups = [part for part in in_order(supplied, lambda piece: _grouped(result, piece, cuts), threads)]
        return _calibrated(groups)
    finally:
        supplied.close()


def _cuts(result, supplied, bins, threads):
    """The predicted means at which groups end, the last of them infinite."""
    if bins == 1:
        return np.array([np.inf])

    def tally(cells):
        def work(piece):
            rows, w, frequency = _rows(result, piece)
            return Tally.of(rows.detail.mu, (w * frequency)[:, None], cells)

        return total(in_order(supplied, work, threads))

    whole = tally(None)
    if whole is None or not whole.sums.sum() > 0.0:
        raise InvalidParameterError("no row has a positive weight")
    shares = np.arange(1, bins) / bins * whole.sums.sum()
    return np.append(whole.quantiles(shares, tally), np.inf)


def _grouped(result, piece, cuts):
    """The sums over the rows of each group in a piece, its range of means, and the centre that y is counted from."""
    rows, w, frequency = _rows(result, piece)
    mu, weight = rows.detail.mu, w * frequency
    counted = weight > 0.0
    vectors = (mu, rows.y, weight, np.asarray(w), frequency)
    mu, y, weight, w, frequency = (vector[counted] for vector in vectors)
    group = np.searchsorted(cuts, mu, side="left")
    n = len(cuts)
    low, high = np.full(n, np.inf), np.full(n, -np.inf)
    np.minimum.at(low, group, mu)
    np.maximum.at(high, group, mu)
    # y is counted from the middle of the group's means, so that its squares keep their digits
    center = np.append(cuts[:-1], cuts[-2] if n > 1 else 0.0)
    shifted, q = y - center[group], frequency * w * w
    columns = (frequency, weight, weight * mu, weight * shifted, q, q * shifted, q * shifted**2)
    return np.array([np.bincount(group, weights=v, minlength=n) for v in columns]), low, high, center


def _calibrated(parts):
    sums = np.sum([part[0] for part in parts], axis=0)
    low, high = np.min([part[1] for part in parts], axis=0), np.max([part[2] for part in parts], axis=0)
    full = sums[1] > 0.0
    rows, weight, mu, y, q, qy, qyy = sums[:, full]
    mean = y / weight
    spread = np.maximum(qyy - 2.0 * mean * qy + mean**2 * q, 0.0)
    # n / (n - 1) as for any mean; one row alone has no spread
    correction = np.where(rows > 1.0, rows / np.maximum(rows - 1.0, 1e-300), np.nan)
    se = np.array([sqrt(v) if v == v else nan for v in spread * correction]) / weight
    return Calibration(rows, weight, low[full], high[full], mu / weight, mean + parts[0][3][full], se)
