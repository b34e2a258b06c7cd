"""``debiased``: standard errors after a lasso, from the rows of its fit."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from ..core.records import VECTORS
from ..errors import InvalidParameterError
from ..inference.debiased import DebiasedResult, approximate_inverse
from ..kernels.row_loops import FamilyLink
from ..objective.base import Deviance
from .covariances import rows_of_fit

if TYPE_CHECKING:
    from ..result.record import GLMResult
    from ..types import Rows, Variable

MOST = 5000  # coefficients, of which two matrices are made
METHODS = ("auto", "exact", "nodewise")


def debiased(
    result: GLMResult,
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
    J = q.information.toarray() / objective.scale / objective.scale[:, None]
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
