"""Least squares with a ridge: each row left out in closed form, and effective degrees of freedom, for many lambdas.

With G the information of all rows and P the penalty at lambda one, G + lambda P has the same eigenvectors at every
lambda in the coordinates in which G + lambda_0 P is the identity: T'(G + lambda P) T = diag(1 + (lambda - lambda_0) d).
"""

from __future__ import annotations

import numpy as np
from scipy.linalg import LinAlgError, cholesky, eigh, solve_triangular

from ..errors import InvalidParameterError
from ..family.means import inverse_link
from ..objective.passes import line_blocks
from ..source.streaming_qr import design, offset, weight
from ..source.task import Task


class LeftOneOut(Task):
    """The sums over rows of w loss and w loss^2 without each row, and of w and 1, (2 L + 2,).

    Parameters
    ----------
    pair : FamilyLink
    beta : (L, m) array
        The coefficients of all rows.
    T : (m, m) array
    shrunk : (L, m) array
        The inverse of the eigenvalues of the penalised information at every lambda.
    measure : {"deviance", "mse", "mae"}
    """

    def __init__(self, pair, beta: np.ndarray, T: np.ndarray, shrunk: np.ndarray, measure: str):
        self.pair, self.beta, self.T, self.shrunk, self.measure = pair, beta, T, shrunk, measure

    def of(self, part, runs):
        total = np.zeros(2 * len(self.beta) + 2)
        for a, b in line_blocks(runs):
            X, w = design(part.data, a, b), weight(part.data, a, b)
            X = X.toarray() if hasattr(X, "toarray") else X
            leverage = w[:, None] * ((X @ self.T) ** 2 @ self.shrunk.T)
            mu = X @ self.beta.T + offset(part.data, a, b)[:, None]
            y = np.asarray(part.data.y[a:b], np.float64)[:, None]
            error = (y - inverse_link(self.pair.link, mu)) / (1.0 - leverage)
            loss = np.abs(error) if self.measure == "mae" else error**2
            total += [*(w @ loss), *(w @ loss**2), w.sum(), np.count_nonzero(w)]
        return total


def closed_form(run, scaled) -> bool:
    """Whether leaving out a row has a closed form: least squares with a quadratic penalty of all coefficients."""
    one = getattr(scaled, "smooth", False)
    return bool(one and run.objective.linear and not run.source.high_cardinality)


def leave_one_out(run, scaled, path, measure: str) -> tuple[np.ndarray, np.ndarray]:
    """The mean loss (L,) of rows that are left out one by one, and its standard error.

    Golub, G. H., Heath, M. and Wahba, G. (1979), "Generalized cross-validation as a method for choosing a good ridge
    parameter", Technometrics 21.

    Parameters
    ----------
    run : FitRun
    scaled : ScaledPenalty
    path : PathSolution
    measure : {"deviance", "mse", "mae"}
    """
    G, P = run.objective.at(path.beta[-1], 2).information.toarray(), scaled.quadratic(1.0).precision.toarray()
    T, shrunk = spectrum(G / np.outer(run.objective.scale, run.objective.scale), P, path.lambdas)
    total = run.source.reduce(LeftOneOut(run.row_pair, path.beta, T, shrunk, measure))
    run.objective.n_passes += run.objective.price
    n_lambdas, weight_sum, n = len(path.lambdas), total[-2], total[-1]
    mean, square = total[:n_lambdas] / weight_sum, total[n_lambdas:-2] / weight_sum
    return mean, np.sqrt(np.maximum(square - mean**2, 0.0) / (n - 1.0))


def spectrum(G: np.ndarray, P: np.ndarray, lambdas: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The T of this file's first lines, and (L, m) inverse eigenvalues: T diag(inverse) T' inverts G + lambda P."""
    T, d = _eigen(G, P, float(np.max(lambdas)))
    return T, 1.0 / (1.0 + (np.asarray(lambdas)[:, None] - np.max(lambdas)) * d)


def degrees(G: np.ndarray, P: np.ndarray, lambdas: np.ndarray) -> np.ndarray:
    """The trace of (G + lambda P)^-1 G at each lambda, (L,)."""
    first = float(np.max(lambdas))
    d = _eigen(G, P, first)[1]
    return ((1.0 - first * d) / (1.0 + (np.asarray(lambdas)[:, None] - first) * d)).sum(1)


def _eigen(G, P, first):
    """T and d of this file's first lines."""
    try:
        R = cholesky(G + first * P)
    except LinAlgError:
        raise InvalidParameterError(
            "penalty: the columns that it leaves free depend on each other, so that leverages and degrees of freedom "
            "are not defined; leave them out"
        ) from None
    half = solve_triangular(R, P, trans="T")
    d, Q = eigh(solve_triangular(R, half.T, trans="T"))
    return solve_triangular(R, Q), d
