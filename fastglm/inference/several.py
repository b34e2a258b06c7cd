"""What a fit with several linear predictors says of rows: probabilities, means and residuals."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np

from ..errors import InvalidParameterError
from ..objective.several import Predictor, SeveralLikelihood, crossing
from ..rows.labels import encode
from ..rows.matching import check_offset
from . import row_blocks

KINDS_OF = {
    "ordinal": ("proba", "cumulative", "class", "link"),
    "count": ("mean", "count", "zero", "proba", "link"),
    "beta": ("mean", "precision", "variance", "quantile", "link"),
    "double": ("mean", "dispersion", "variance", "link"),
}
RESIDUALS_OF = {
    "ordinal": ("probability",), "count": ("pearson", "response"), "beta": ("pearson", "response"),
    "double": ("deviance", "pearson", "response"),
}  # fmt: skip


def kinds_of(family) -> tuple[str, ...]:
    """The kinds of predictions, of which those of a zero part are of families that have one."""
    kinds = KINDS_OF[loop_name(family)]
    return kinds if family.second_field is not None or family.labelled else tuple(k for k in kinds if k != "zero")


def single(family, kind: str) -> bool:
    """Whether a kind of prediction is one number a row."""
    return kind == "link" or (not family.labelled and kind not in ("proba", "quantile"))


def predictors_of(result) -> tuple:
    """The columns of each linear predictor of a result, as ``objective.several.Predictor``."""
    columns = [np.array(numbers, np.intp) for numbers in result.columns]
    if not result.family.labelled:
        return tuple(Predictor(own, not len(own)) for own in columns)
    return (Predictor(columns[0]), *(Predictor(own, True, True) for own in columns[1:]))


def likelihood(result, source) -> SeveralLikelihood:
    """The objective of a result over rows, those of its fit or others."""
    place = None
    if result.family.labelled:
        place = np.array([result.classes.index(label) for label in source.labels.ordered])
    loop = result.family.loop(result.link, result.second_link)
    return SeveralLikelihood(source, loop, predictors_of(result), place)


def loop_name(family) -> str:
    """Which of the four groups of families one belongs to."""
    return "ordinal" if family.labelled else "count" if family.whole else "beta" if family.shares else "double"


class CoefficientTable(NamedTuple):
    """The places of the coefficients (m,) of a model of several linear predictors in a table (p + 1, Q) of a constant
    and the columns of the data, by predictors: their ``rows``, ``columns`` and ``signs``; ``shape`` is the table's."""

    rows: np.ndarray
    columns: np.ndarray
    signs: np.ndarray
    shape: tuple[int, int]

    @classmethod
    def of(cls, result) -> CoefficientTable:
        """That of a result; aliased coefficients have places too."""
        predictors, lead = predictors_of(result), not result.intercept
        # the constant and the fit's own intercept are one row
        rows = [np.where(p.places == 0, 0, p.places - 1 + lead) for p in predictors]
        columns = np.repeat(np.arange(len(rows)), [len(own) for own in rows])
        signs = np.concatenate([p.signs for p in predictors])
        return cls(np.concatenate(rows), columns, signs, (len(result.schema.names) + lead, len(rows)))

    def filled(self, params) -> np.ndarray:
        """The table of coefficients (m,), zero where a predictor has no such column."""
        table = np.zeros(self.shape)
        table[self.rows, self.columns] = self.signs * np.nan_to_num(np.asarray(params, np.float64))
        return table

    def gathered(self, gradients) -> np.ndarray:
        """The derivatives (..., m) in the coefficients, of those in the entries of the table (..., Q, p + 1)."""
        return gradients[..., self.columns, self.rows] * self.signs


def predictors(result, X, offset=0.0) -> np.ndarray:
    """The linear predictors of rows, (Q, n), redundant coefficients counted as 0."""
    table = CoefficientTable.of(result).filled(result.params)
    eta = np.empty((table.shape[1], X.shape[0]))
    for first, block in row_blocks(X):
        eta[:, first : first + len(block)] = (block @ table[1:] + table[0]).T
    eta[0] += offset
    return eta


class Counts(NamedTuple):
    """The two parts of a model of counts, (n,) each: the mean of the whole count distribution, 1 / theta, the logarithm
    of its probability of zero, and the probability that the zero part is of, one where there is none."""

    mu: np.ndarray
    excess: float
    log_none: np.ndarray
    zero: np.ndarray


def count_parts(family, eta) -> Counts:
    """The parts at linear predictors (Q, n)."""
    mu, excess = np.exp(eta[0]), np.exp(-eta[-1][0]) if family.shape_name is not None and eta.shape[1] else 0.0
    log_none = -mu if not excess else -np.log1p(mu * excess) / excess
    zero = np.ones(len(mu)) if family.second_field is None else 1.0 / (1.0 + np.exp(-eta[1]))
    return Counts(mu, excess, log_none, zero)


def count_moments(family, parts: Counts):
    """The mean and the variance of y."""
    mu, excess, log_none, zero = parts
    if family.inflated:
        mean = (1.0 - zero) * mu
        return mean, mean * (1.0 + mu * (zero + excess))
    there = zero / -np.expm1(log_none)
    mean = there * mu
    return mean, there * (mu + mu * mu * (1.0 + excess)) - mean * mean


def count_probabilities(family, parts: Counts, counts) -> np.ndarray:
    """P(y = k) for each k of ``counts``, (n, K)."""
    from scipy.special import gammaln

    mu, excess, log_none, zero = (np.asarray(v)[..., None] for v in parts)
    k = np.asarray(counts, np.float64)
    if parts.excess:
        theta = 1.0 / parts.excess
        log_f = gammaln(k + theta) - gammaln(theta) - gammaln(k + 1.0)
        log_f = log_f - theta * np.log1p(mu / theta) + k * (np.log(mu) - np.log(mu + theta))
    else:
        log_f = k * np.log(mu) - mu - gammaln(k + 1.0)
    f = np.exp(log_f)
    if family.inflated:
        return zero * (k == 0.0) + (1.0 - zero) * f
    return np.where(k == 0.0, 1.0 - zero, zero * f / -np.expm1(log_none))


def _mean(link, eta):
    """The inverse of a link, of its value or its name."""
    from ..family.means import inverse_link
    from ..links import get as get_link

    return inverse_link(get_link(link) if isinstance(link, str) else link, eta)


def level_probabilities(result, eta) -> np.ndarray:
    """P(y = k) of each level, (n, K), at linear predictors (1 + thresholds, n).

    Raises
    ------
    InvalidParameterError
        Where cumulative probabilities cross.
    """
    family, link, levels = result.family, result.link, result.classes
    inside = (eta[1:] - eta[0]).T
    if family.kind == "cumulative":
        falls = np.diff(inside, axis=1) < 0.0
        if falls.any():
            row, k = (int(v) for v in np.argwhere(falls)[0])
            raise InvalidParameterError(crossing(levels, k, f"row {row} of those given"))
        low, high = _mean(link, inside), _complement(link, inside)
        ends = np.zeros((len(inside), 1))
        low, high = np.hstack([ends, low, ends + 1.0]), np.hstack([ends + 1.0, high, ends])
        # by the smaller tail, which keeps its digits
        return np.where(low[:, :-1] > 0.5, high[:, :-1] - high[:, 1:], low[:, 1:] - low[:, :-1])
    if family.kind == "adjacent":
        u = np.hstack([np.cumsum(inside[:, ::-1], axis=1)[:, ::-1], np.zeros((len(inside), 1))])
        e = np.exp(u - u.max(axis=1, keepdims=True))
        return e / e.sum(axis=1, keepdims=True)
    stop, go = _mean(link, inside), _complement(link, inside)
    reached = np.hstack([np.ones((len(inside), 1)), np.cumprod(go, axis=1)])
    return np.hstack([reached[:, :-1] * stop, reached[:, -1:]])


def _complement(link, eta):
    """1 - F without cancellation: by the link that is its mirror image."""
    mirror = {"cloglog": "loglog", "loglog": "cloglog"}.get(link.name, link.name)
    return _mean(mirror, -eta)


def predicted(result, piece, kind: str, counts=None, quantiles=None) -> Any:
    """The predictions for the rows of a piece."""
    family, link = result.family, result.link
    eta = predictors(result, piece.X, check_offset(result, piece.offset, piece.exposure, piece.X.shape[0]))
    if kind == "link":
        return eta[0]
    group = loop_name(family)
    if group == "ordinal":
        shares = level_probabilities(result, eta)
        if kind == "class":
            return np.asarray(result.classes)[shares.argmax(axis=1)]
        return shares if kind == "proba" else np.cumsum(shares, axis=1)[:, :-1]
    if group == "count":
        parts = count_parts(family, eta)
        if kind == "proba":
            return count_probabilities(family, parts, counts)
        return {"count": parts.mu, "zero": parts.zero}[kind] if kind != "mean" else count_moments(family, parts)[0]
    mu, phi = _mean(link, eta[0]), _mean(result.second_link, eta[1])
    if group == "double":
        return {"mean": mu, "dispersion": phi, "variance": phi * mu**family.variance_power}[kind]
    if kind == "quantile":
        from scipy.special import betaincinv

        a, b = (mu * phi)[:, None], ((1.0 - mu) * phi)[:, None]
        return betaincinv(a, b, np.asarray(quantiles, np.float64))
    return {"mean": mu, "precision": phi, "variance": mu * (1.0 - mu) / (1.0 + phi)}[kind]


def base_of(family):
    """The family of one mean of a family with a dispersion of its own."""
    from ..families import get as get_family

    distribution, more, _ = family.loop(None, None).arguments
    return get_family(distribution, **more)


def unit_deviances(family, link, eta, y) -> np.ndarray:
    """The unit deviances of the distribution of a family with a dispersion of its own, (n,)."""
    from ..kernels.evaluate import evaluate

    return evaluate(base_of(family), link, eta, y).deviance


def residuals(result, X, y, kind, weights, offset, exposure) -> np.ndarray:
    """Residuals of rows, (n,).

    "probability" of ordered levels is P(Y < y) - P(Y > y), between -1 and 1 with mean zero (Li and Shepherd 2012,
    "A new residual for ordinal outcomes", Biometrika 99); "response" is y less its mean, "pearson" that over its
    standard deviation, times the root of the weight, "deviance" the signed root of the unit deviance over the row's
    dispersion.

    Raises
    ------
    InvalidParameterError, MissingDataError
    """
    family, n = result.family, X.shape[0]
    known = RESIDUALS_OF[loop_name(family)]
    if kind not in known:
        raise InvalidParameterError(f"kind={kind!r}: family={family.name!r} has {', '.join(map(repr, known))}")
    eta = predictors(result, X, check_offset(result, offset, exposure, n))
    if family.labelled:
        encoded = encode(y, n, known=result.classes)
        level = np.array([result.classes.index(label) for label in encoded.ordered])[encoded.codes]
        below = np.cumsum(level_probabilities(result, eta), axis=1)
        before = np.where(level > 0, below[np.arange(n), level - 1], 0.0)
        return before - (1.0 - below[np.arange(n), level])
    y = np.asarray(y, np.float64)
    if family.whole:
        mean, variance = count_moments(family, count_parts(family, eta))
    else:
        mean, phi = _mean(result.link, eta[0]), _mean(result.second_link, eta[1])
        variance = mean * (1.0 - mean) / (1.0 + phi) if family.shares else phi * mean**family.variance_power
    if kind == "response":
        return y - mean
    if kind == "deviance":
        root = np.sqrt(unit_deviances(family, result.link, eta[0], y) / phi)
        return np.sign(y - mean) * root * (1.0 if weights is None else np.sqrt(weights))
    return (y - mean) / np.sqrt(variance) * (1.0 if weights is None else np.sqrt(weights))
