"""What a softmax regression says of rows: probabilities with intervals, residuals, leverage and Cook's distance.

Rows have K - 1 linear predictors, those of the classes other than the reference, whose own is 0. All that depends on
1 - mu is made from log(1 - mu), which keeps its digits where a probability rounds to 1. Rows are taken in blocks, so
that beside the answer memory stays small however many there are.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from ..errors import InvalidParameterError
from ..linalg.inverse import as_covariance
from ..rows.labels import encode
from ..rows.matching import check_X
from ..special import log_softmax, logsumexp, sigmoid, softmax
from . import check_covariance, design_blocks, linear_predictor
from .residuals import check_weights
from .wald import Prediction, quantile

if TYPE_CHECKING:
    from ..core.records import Array


class MultinomialInfluence(NamedTuple):
    """How much each row moves a softmax regression; both fields are (n,) arrays.

    hat : leverage, the trace of the row's block of the generalised hat matrix. It sums to the rank.
    cooks_distance : change of all coefficients when the row is left out, to first order, in units of their covariance
    """

    hat: Array
    cooks_distance: Array


def with_reference(result, eta):
    """The (n, K) linear predictors in the order of ``classes``, 0 for the reference, from the (n, K - 1) others."""
    return np.insert(eta, result.classes.index(result.reference), 0.0, axis=1)


def others(result):
    """Positions in ``classes`` of the classes other than the reference, (K - 1,)."""
    return np.delete(np.arange(len(result.classes)), result.classes.index(result.reference))


def probabilities(result, eta):
    """(n, K) probabilities from the (n, K - 1) linear predictors."""
    return softmax(with_reference(result, eta))


def log_complement(log_mu):
    """log(1 - mu) from log(mu), both (n, K); the likeliest class's by adding up the others, where nothing cancels."""
    top = log_mu.argmax(axis=1)[:, None]
    rest = log_mu.copy()
    np.put_along_axis(rest, top, -np.inf, axis=1)
    log_nu = np.log1p(-np.exp(rest))
    np.put_along_axis(log_nu, top, logsumexp(rest)[:, None], axis=1)
    return log_nu


def covariance_blocks(result, X, covariance):
    """Yield (rows, covariances of their linear predictors) block by block; aliased coefficients count as 0."""
    K, covariance = len(result.classes), as_covariance(covariance)
    # a row's products with the covariance, and a few (K, K) matrices
    for first, design in design_blocks(result, X, covariance.row_numbers(K - 1) + 6 * K**2):
        yield slice(first, first + len(design)), covariance.forms(design, K - 1)


def mean_interval(result, X, kind="mean", level=0.95):
    """Confidence intervals (n, K) for the probability of each class, made on its logit scale so that they stay in (0,
    1); for kind="link" those of the linear predictors (n, K - 1).

    The delta method for logit(mu_k) = eta_k - log(sum of exp(eta_r) over the other classes r), whose gradient is 1 at k
    and minus the probability of r given "not k" elsewhere (Agresti 2013, Categorical Data Analysis, 16.1).
    """
    covariance = check_covariance(result.cov_params(), "intervals")
    reach = quantile(level, result.test_df)
    eta = linear_predictor(result, X)
    center = eta if kind == "link" else probabilities(result, eta)
    answer = Prediction(center, *(np.empty_like(center) for _ in range(3)))
    for rows, V in covariance_blocks(result, X, covariance):
        if kind == "link":
            se = np.sqrt(np.maximum(np.diagonal(V, axis1=1, axis2=2), 0.0))
            block = se, eta[rows] - reach * se, eta[rows] + reach * se
        else:
            block = _probability_interval(result, eta[rows], V, reach)
        for whole, part in zip(answer[1:], block, strict=True):
            whole[rows] = part
    return answer


def _probability_interval(result, eta, V, reach):
    """Standard errors and limits, (n, K) each, from the linear predictors and their covariances."""
    log_mu = log_softmax(with_reference(result, eta))
    log_nu = log_complement(log_mu)
    k = np.arange(log_mu.shape[1])
    with np.errstate(over="ignore"):  # on the diagonal, which is 1
        gradient = -np.exp(log_mu[:, None, :] - log_nu[:, :, None])
    gradient[:, k, k] = 1.0
    gradient = gradient[:, :, others(result)]
    se = np.sqrt(np.maximum((gradient @ V * gradient).sum(axis=2), 0.0))
    log_odds = log_mu - log_nu
    return np.exp(log_mu + log_nu) * se, sigmoid(log_odds - reach * se), sigmoid(log_odds + reach * se)


def check_rows(result, X, y, weights, needs_weights=True):
    """The rows as (X, positions in ``classes`` of the classes seen, (n,) weights); weights are asked for where they are
    needed and the fit had some.
    """
    X = check_X(result.schema, X)
    n = X.shape[0]
    seen = encode(y, n, known=result.classes)
    position = np.array([result.classes.index(label) for label in seen.classes])
    weights = check_weights(result, weights, n, needs_weights)
    return X, position[seen.codes], np.broadcast_to(weights, (n,))


def residuals(result, X, y, kind="deviance", weights=None):
    """Residuals of the rows (X, y) of a softmax regression, with y_k = 1 for the class that was seen, else 0.

    ========  ==================================================  ======
    response  y_k - mu_k                                          (n, K)
    pearson   (y_k - mu_k) sqrt(w / (mu_k (1 - mu_k)))            (n, K)
    deviance  sqrt(-2 w log(mu of the class that was seen))       (n,)
    ========  ==================================================  ======

    Parameters
    ----------
    X : (n, p) array_like, without the intercept column if the fit added it
    y : (n,) labels or (n, K) indicators in the order of ``classes``
    kind : "deviance", "pearson" or "response"
    weights : scalar or (n,) prior weights; needed if the model was fitted with weights and `kind` depends on them

    Raises
    ------
    InvalidParameterError, MissingDataError
        For an unknown `kind`, and for rows that cannot be used.
    """
    if kind not in RESIDUALS:
        raise InvalidParameterError(f"unknown kind of residual {kind!r}; there are {', '.join(RESIDUALS)}")
    X, codes, weights = check_rows(result, X, y, weights, needs_weights=kind != "response")
    log_mu = log_softmax(with_reference(result, linear_predictor(result, X)))
    return RESIDUALS[kind](log_mu, codes, weights)


def _seen(codes, K):
    return codes[:, None] == np.arange(K)


def _response(log_mu, codes, weights=None):
    return np.where(_seen(codes, log_mu.shape[1]), np.exp(log_complement(log_mu)), -np.exp(log_mu))


def _pearson(log_mu, codes, weights):
    half = 0.5 * (log_mu - log_complement(log_mu))
    seen = _seen(codes, log_mu.shape[1])
    return np.where(seen, 1.0, -1.0) * np.exp(np.where(seen, -half, half)) * np.sqrt(weights)[:, None]


def _deviance(log_mu, codes, weights):
    return np.sqrt(-2.0 * weights * np.take_along_axis(log_mu, codes[:, None], axis=1)[:, 0])


RESIDUALS = {"deviance": _deviance, "pearson": _pearson, "response": _response}


def influence(result, X, y, weights=None):
    """Leverage and Cook's distance of the rows a softmax regression was fitted to.

    With V the (K - 1, K - 1) covariance of a row's linear predictors, W = w (diag(mu) - mu mu') their information and
    s = w (y - mu) the score, the leverage is tr(V W) and Cook's distance t' V t / rank, t = (I - W V)^-1 s: the
    change by one Newton step from the estimate (Pregibon 1981, for two classes; Lesaffre and Albert 1989).

    Parameters
    ----------
    X, y, weights : as in ``residuals``, as they were in the fit

    Returns
    -------
    MultinomialInfluence
        Cook's distance is NaN where the row alone determines a linear predictor, so that I - W V is singular.

    Raises
    ------
    InvalidParameterError, MissingDataError
        If the model was fitted without a covariance, or for rows that cannot be used.
    """
    covariance = check_covariance(result.cov_unscaled, "leverages")
    X, codes, weights = check_rows(result, X, y, weights)
    log_mu = log_softmax(with_reference(result, linear_predictor(result, X)))
    hat, cooks = np.empty(len(codes)), np.empty(len(codes))
    for rows, V in covariance_blocks(result, X, covariance):
        W, score = _information_and_score(result, log_mu[rows], codes[rows], weights[rows])
        hat[rows] = np.einsum("nkl,nlk->n", V, W)
        cooks[rows] = _cooks_distance(V, W, score) / (result.scale * result.rank)
    return MultinomialInfluence(hat, cooks)


def _information_and_score(result, log_mu, codes, weights):
    """The information, (n, m, m), and the score, (n, m), of each row about its linear predictors."""
    free = others(result)
    mu = np.exp(log_mu)[:, free]
    W = -mu[:, :, None] * mu[:, None, :]
    k = np.arange(len(free))
    W[:, k, k] = np.exp(log_mu + log_complement(log_mu))[:, free]
    return W * weights[:, None, None], _response(log_mu, codes)[:, free] * weights[:, None]


def _cooks_distance(V, W, score):
    """t' V t with t = (I - W V)^-1 score, (n,); NaN where the matrix is singular to rounding."""
    one = np.eye(V.shape[1])
    kept = one - W @ V
    singular = np.linalg.det(kept) < 10.0 * np.finfo(float).eps
    kept[singular] = one
    t = np.linalg.solve(kept, score[:, :, None])
    return np.where(singular, np.nan, (t.transpose(0, 2, 1) @ V @ t)[:, 0, 0])
