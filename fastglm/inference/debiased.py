"""Estimates and standard errors after a lasso by one step of Newton's: the de-sparsified lasso.

van de Geer, Buehlmann, Ritov and Dezeure (2014), "On asymptotically optimal confidence regions and tests for
high-dimensional models", Annals of Statistics 42; Javanmard and Montanari (2014), "Confidence intervals and hypothesis
testing for high-dimensional regression", Journal of Machine Learning Research 15.
"""

from __future__ import annotations

from dataclasses import dataclass
from math import log, sqrt
from typing import TYPE_CHECKING, Any

import numpy as np

from ..core.frames_out import frame
from ..core.lazy import frozen
from ..objective.penalty import ElasticPenalty
from ..solver.quadratic_model import QuadraticModel
from .wald import conf_int, p_values

if TYPE_CHECKING:
    from ..core.records import Array

OWN_LAMBDA = 0.25  # of sqrt(2 log p / n), by coverage in simulations: 1, 0.5, 0.25 cover 74, 80, 86% of large ones
SOLVED = 1e-9  # violation over lambda that a column's own lasso may leave


@dataclass(frozen=True, kw_only=True, eq=False, repr=False)
class DebiasedResult:
    """Estimates of single coefficients with standard errors, from a penalised fit.

    Parameters
    ----------
    names : tuple of m str
    params, bse : (m,) arrays
        Estimates and standard errors on the scale of X; NaN for columns that say nothing.
    dispersion : float
    method : "exact" or "nodewise"
        Whether the inverse of the information was made, or approximated by a lasso of each column on the others.
    library : str
        Of the frame that ``tidy`` returns.
    """

    names: tuple[str, ...]
    params: Array
    bse: Array
    dispersion: float
    method: str
    library: str = "pandas"

    def __post_init__(self) -> None:
        for name in ("params", "bse"):
            object.__setattr__(self, name, frozen(np.asarray(getattr(self, name)).view()))

    @property
    def statistics(self) -> Array:
        """Estimates over standard errors, (m,): about normal where the coefficient is zero."""
        return self.params / self.bse

    @property
    def pvalues(self) -> Array:
        """Two-sided, of one coefficient each, (m,)."""
        return p_values(self.statistics)

    def conf_int(self, level: float = 0.95) -> Array:
        """Intervals of one coefficient each, (m, 2)."""
        return conf_int(self.params, self.bse, level)

    def tidy(self, level: float = 0.95) -> Any:
        """A frame with a row for each coefficient."""
        low, high = self.conf_int(level).T
        columns = {
            "term": list(self.names), "estimate": self.params, "std_error": self.bse, "statistic": self.statistics,
            "p_value": self.pvalues, "conf_low": low, "conf_high": high,
        }  # fmt: skip
        return frame(columns, self.library)

    def __repr__(self) -> str:
        return f"<DebiasedResult of {len(self.names)} coefficients, {self.method} inverse>"


def approximate_inverse(J: np.ndarray, n: float, first: int, lam: float | None = None) -> np.ndarray:
    """M, about the inverse of an information J (m, m) that may be singular, by a lasso of each column on the others.

    Parameters
    ----------
    J : (m, m) array
    n : float
        Rows.
    first : int
        1 where the first coefficient is an intercept, which the others are adjusted for.
    lam : float, optional
        Of standardised columns; a quarter of sqrt(2 log p / n) unless given.
    """
    slopes = J[first:, :first] / np.diagonal(J)[:first]
    C = J[first:, first:] - slopes @ J[:first, first:]
    size = np.sqrt(np.maximum(np.diagonal(C), 0.0))
    known = np.flatnonzero(size**2 > 1e-12 * np.diagonal(J)[first:])
    scale, p = size[known], len(known)
    S = np.ascontiguousarray(C[np.ix_(known, known)] / scale / scale[:, None])
    lam = OWN_LAMBDA * sqrt(2.0 * log(max(p, 2)) / n) if lam is None else lam
    model = QuadraticModel(S, np.zeros(p, bool))
    theta = np.array([_row(model, j, lam) for j in range(p)]).reshape(p, p)
    M = np.full((len(C), len(C)), np.nan)
    M[np.ix_(known, known)] = theta / scale / scale[:, None]
    if not first:
        return M
    out = np.full(J.shape, np.nan)
    at, s = known + 1, slopes[known, 0]
    inside = M[np.ix_(known, known)]
    out[np.ix_(at, at)], out[at, 0], out[0, at] = inside, -inside @ s, -s @ inside
    out[0, 0] = 1.0 / J[0, 0] + s @ inside @ s
    return out


def _row(model, j, lam):
    """The j-th row of the approximate inverse of a correlation matrix (p, p)."""
    S, p = model.S, len(model.S)
    upper = np.full(p, np.inf)
    upper[j] = 0.0
    net = ElasticPenalty(np.zeros(p), np.full(p, lam), -upper, upper, np.full(p, lam))
    row = -model.minimise(np.zeros(p), S[:, j], net, SOLVED)
    row[j] = 1.0
    return row / float(S[j] @ row)
