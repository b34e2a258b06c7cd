"""Criteria of a bandwidth from the leverages of its own fit: no row is fitted without."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np

from ..errors import InvalidParameterError
from ..kernels import local as loops
from ..kernels.evaluate import row_terms
from .bandwidths import Bandwidth
from .fits import Fits, Fitter


class RowFacts(NamedTuple):
    """What local fits at the rows themselves say of them, (n,) in the order of the sorted rows.

    Attributes
    ----------
    eta : the linear predictors, with offsets
    score, information, deviance : of each row at ``eta``, with its weight
    pull : d eta_i by a unit of the score of row i: the inverse information's first entry times the largest weight
    variance : of eta_i at dispersion one, NaN where it was not asked for
    """

    eta: np.ndarray
    score: np.ndarray
    information: np.ndarray
    deviance: np.ndarray
    pull: np.ndarray
    variance: np.ndarray

    @classmethod
    def of(cls, fitter: Fitter, fits: Fits) -> RowFacts:
        """The facts of ``fitter.at_rows``."""
        rows, model = fitter.rows, fitter.model
        eta = fits.eta + rows.shift
        score, information, deviance = row_terms(model.pair, eta, rows.y, rows.w)
        pull = fits.facts[:, loops.INVERSE] * model.kernel.weight(0.0)
        variance = np.full(rows.n, np.nan) if fits.variance is None else fits.variance[:, 0]
        return cls(eta, score, information, deviance, pull, variance)

    @property
    def leverage(self) -> np.ndarray:
        """The diagonal of the smoother L, of other families that of their last weighted least squares, (n,)."""
        return self.pull * self.information

    @property
    def edf(self) -> float:
        """tr L, the effective degrees of freedom."""
        return float(self.leverage.sum())

    @property
    def residual_df(self) -> float:
        """n - 2 tr L + tr L'L (Cleveland and Devlin 1988), by prior weights."""
        return float(len(self.eta) - 2.0 * self.edf + (self.information * self.variance).sum())

    def loo(self, pair: Any, rows: Any) -> float:
        """The mean deviance of rows by fits without them.

        Of least squares exactly, mean w (r / (1 - l))^2; of other families by one Newton step from the fit of all rows
        (Loader 1999, section 5.4).
        """
        with np.errstate(all="ignore"):
            without = self.eta - self.pull * self.score / (1.0 - self.leverage)
        deviance = row_terms(pair, without, rows.y, rows.w)[2]
        usable = self.leverage < 1.0
        return float(deviance.sum() / rows.w.sum()) if usable.all() else np.nan

    def gcv(self) -> float:
        """Generalised cross-validation, n D / (n - tr L)^2 (Craven and Wahba 1979)."""
        n = len(self.eta)
        return float(n * self.deviance.sum() / (n - self.edf) ** 2) if n > self.edf else np.nan


class BandwidthCurve(NamedTuple):
    """A criterion over bandwidths.

    Attributes
    ----------
    criterion : "loo" or "gcv"
    bandwidths : tuple of Bandwidth, of increasing size where they were not given
    values : (L,) array, NaN where some row has no fit without it
    edf : (L,) array
    best : int, the place of the least value
    """

    criterion: str
    bandwidths: tuple[Bandwidth, ...]
    values: np.ndarray
    edf: np.ndarray
    best: int


def choose(fitter: Fitter, criterion: str, candidates: Any) -> BandwidthCurve:
    """The criterion at each of some bandwidths.

    Raises
    ------
    InvalidParameterError
        Where it exists at none of them.
    """
    values, edf = np.full(len(candidates), np.nan), np.full(len(candidates), np.nan)
    for i, bandwidth in enumerate(candidates):
        facts = RowFacts.of(fitter, fitter.at_rows(bandwidth))
        edf[i] = facts.edf
        values[i] = facts.loo(fitter.model.pair, fitter.rows) if criterion == "loo" else facts.gcv()
    if not np.isfinite(values).any():
        raise InvalidParameterError(
            f"bandwidth={criterion!r}: at every bandwidth some row has no local fit; give larger bandwidths="
        )
    return BandwidthCurve(criterion, tuple(candidates), values, edf, int(np.nanargmin(values)))
