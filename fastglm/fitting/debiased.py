"""``debiased``: estimates and standard errors after a lasso by one step of Newton's, from the rows of its fit.

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
from ..core.records import VECTORS
from ..errors import InvalidParameterError
from ..inference.wald import conf_int, p_values
from ..kernels.row_loops import FamilyLink
from ..objective.base import Deviance
from ..objective.penalty import ElasticPenalty, unscaled_information
from ..postestimation.covariances import rows_of_fit
from ..solver.quadratic_model import QuadraticModel

if TYPE_CHECKING:
    from ..core.records import Array
    from ..types import Rows, Variable

MOST = 5000  # coefficients, of which two matrices are made
METHODS = ("auto", "exact", "nodewise")
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


def debiased(
    result: Any,
    X: Rows | None = None,
    y: Variable | None = None,
    *,
    data: Rows | None = None,
    method: str = "auto",
    weights: Variable | None = None,
    freq_weights: Variable | None = None,
    offset: Variable | None = None,
    exposure: Variable | None = None,
    threads: int | None = None,
) -> DebiasedResult:
    """Estimates, standard errors and intervals of the coefficients after a penalised fit of one mean a row.

    One step of Newton's from the penalised coefficients takes their bias away: b + M score(b), with standard errors
    from M J M' times the dispersion. M is the inverse of the information J where there are more rows than
    coefficients, so that the estimates are about those of maximum likelihood; else it has a lasso of each column on the
    others.

    Parameters
    ----------
    result : GLMResult
        A lasso or elastic net; its lambda about that which predicts best (``cv``).
    X, y : the rows of the fit; or ``data``, a frame or files, read by its formula
    method : {"auto", "exact", "nodewise"}
        The matrix M.
    weights, freq_weights, offset, exposure : (n,) array, or name of a column of ``data``
        As they were in the fit.
    threads : int, optional

    Returns
    -------
    DebiasedResult

    Raises
    ------
    InvalidParameterError, MissingDataError
        For rows that are not those of the fit, a softmax regression, and too many coefficients.

    Notes
    -----
    Intervals hold for one coefficient at a time where few coefficients are large (about sqrt(n) / log p of them). In
    simulations of the tests (n = 200, p = 300, 5 large coefficients, correlation 0.5 of neighbours) those of 95 percent
    have 96 percent of the zero coefficients and 86 percent of the large ones, which the lasso's bias still moves; with
    more rows than columns, 95 percent of both.

    References
    ----------
    van de Geer, S., Buehlmann, P., Ritov, Y. and Dezeure, R. (2014), Annals of Statistics 42; Javanmard, A. and
    Montanari, A. (2014), Journal of Machine Learning Research 15.

    Examples
    --------
    >>> import numpy as np, fastglm
    >>> X = np.random.default_rng(0).normal(size=(200, 3))
    >>> y = X[:, 0] + np.random.default_rng(1).normal(size=200)
    >>> found = fastglm.debiased(fastglm.fit(X, y, penalty=fastglm.penalties.Lasso(0.1)), X, y)
    >>> bool(np.allclose(found.params, fastglm.fit(X, y).params))
    True
    """
    if method not in METHODS:
        raise InvalidParameterError(f"method={method!r} is unknown; known: {', '.join(METHODS)}")
    if result.penalty is None:
        raise InvalidParameterError("debiased: the fit has no penalty, whose bias could be taken away")
    if result.family.response_model == "softmax":
        raise InvalidParameterError("debiased: of one mean a row; fit the classes one against the others")
    m = len(result.params)
    if m > MOST:
        raise InvalidParameterError(f"debiased: {m:,} coefficients; matrices of up to {MOST:,} are made")
    vectors = dict(zip(VECTORS, (weights, freq_weights, offset, exposure), strict=True))
    with rows_of_fit(result, "debiased", X, y, data, vectors, cov=None, threads=threads) as source:
        objective = Deviance(source, FamilyLink(result.family, result.link))
        q = objective.at(np.array(result.params), 2)
    J = unscaled_information(q, objective.scale).toarray()
    exact = method == "exact" or (method == "auto" and result.nobs > m)
    M = _inverse(J) if exact else approximate_inverse(J, result.nobs, int(result.intercept))
    known = ~np.isnan(M.diagonal())
    M, inside = np.where(np.isnan(M), 0.0, M), np.where(known, 1.0, np.nan)
    rest = result.nobs - result.rank
    dispersion = 1.0 if result.family.dispersion == "one" else q.pearson / rest if rest > 0 else np.nan
    variances = np.einsum("ij,jk,ik->i", M, J, M, optimize=True)
    return DebiasedResult(
        names=result.names,
        params=(result.params + M @ q.score) * inside,
        bse=np.sqrt(dispersion * variances) * inside,
        dispersion=float(dispersion),
        method="exact" if exact else "nodewise",
        library=result.schema.library,
    )


def _inverse(J):
    """The inverse of the information, NaN for columns of zeros."""
    size = np.sqrt(np.diagonal(J))
    known = np.flatnonzero(size > 0.0)
    out = np.full(J.shape, np.nan)
    try:
        scaled = np.linalg.inv(J[np.ix_(known, known)] / size[known] / size[known][:, None])
    except np.linalg.LinAlgError:
        raise InvalidParameterError("debiased: columns are collinear; take method='nodewise'") from None
    out[np.ix_(known, known)] = scaled / size[known] / size[known][:, None]
    return out


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
