"""Covariances of few clusters: bias-reduced (CR2) with Satterthwaite's degrees of freedom, CR3 and the jackknife.

Bell and McCaffrey (2002, Survey Methodology 28); Pustejovsky and Tipton (2018, Journal of Business and Economic
Statistics 36), as R's ``clubSandwich`` has them for ``glm``: the working covariance is V(mu) / weight.
"""

from __future__ import annotations

import numpy as np

from ..errors import FastGLMWarning, InvalidParameterError, warn
from ..options.covariance import implement
from .grouped_scores import GatheredRows, InformedScores, WithDf, labelled, sums_by
from .leverage import squares

LARGEST_CLUSTER = 5000  # rows of a cluster of unequal working variances, whose matrix has an eigendecomposition
NONE = 1e-12  # of the largest eigenvalue, below which one is zero, as in clubSandwich


@implement("CR2")
def cr2(cov, fitted, space) -> WithDf:
    """The bias-reduced covariance of clusters, in the units of ``space``, and degrees of freedom (m,)."""
    _refuse_frequencies(cov, fitted)
    found = labelled(cov, fitted)
    rows = found.source.reduce(GatheredRows(fitted.scores, found.ways, (0,), space))
    order = np.argsort(rows.codes[:, 0], kind="stable")
    edges = np.flatnonzero(np.diff(rows.codes[order, 0], prepend=-1))
    clusters = np.split(order, edges[1:])
    _refuse_one(cov, len(clusters))
    size, V = getattr(space, "size", 1.0), getattr(space, "V", None)
    effects, squared, directions = [], [], []
    back = np.linalg.inv(space.root) if hasattr(space, "root") else np.eye(space.width)
    for own in clusters:
        X, (_, _, residual, slope, variance) = rows.X[own] * size, rows.columns[own].T
        XB, DX = space.of_sums(rows.X[own]), slope[:, None] * X
        g = _adjusted(cov, slope[:, None] * XB, DX, variance, slope[:, None] / variance[:, None] * XB)
        effects.append(g.T @ residual)
        natural = g @ back.T  # in each coefficient
        squared.append((variance[:, None] * natural**2).sum(axis=0))
        directions.append(natural.T @ DX)
    effects = np.array(effects)
    df = _satterthwaite(np.array(squared), np.array(directions), np.eye(space.width) if V is None else V)
    kept = space.kept if hasattr(space, "kept") else np.flatnonzero(V.diagonal())
    whole = np.full(len(fitted.beta), np.nan)
    whole[kept] = df if hasattr(space, "kept") else df[kept]
    return WithDf(effects.T @ effects, whole)


def _adjusted(cov, DXB, DX, variance, right):
    """A right of a cluster, A = P (P (Phi - DX B X'D) P)^(-1/2) P and P = Phi^(1/2), Phi the working variances."""
    if np.ptp(variance) <= 1e-14 * variance.max():
        return _of_equal_variances(DXB / variance[0], DX, right)
    if len(variance) > LARGEST_CLUSTER:
        raise InvalidParameterError(
            f"cov={cov.name!r}: a cluster has {len(variance):,} rows of different variances, and 'CR2' needs the "
            f"eigenvalues of a matrix of all of them; at most {LARGEST_CLUSTER:,} are taken: use 'CR3' or 'cluster'"
        )
    p = np.sqrt(variance)
    M = -(p[:, None] * DXB) @ (p[:, None] * DX).T
    M[np.diag_indices(len(p))] += variance**2
    values, vectors = np.linalg.eigh(0.5 * (M + M.T))
    with np.errstate(all="ignore"):
        roots = np.where(values > NONE * values[-1], 1.0 / np.sqrt(values), 0.0)
    return p[:, None] * (vectors @ (roots[:, None] * (vectors.T @ (p[:, None] * right))))


def _of_equal_variances(left, DX, right):
    """(I - H)^(-1/2) right, H = left DX' of low rank."""
    Q, R = np.linalg.qr(DX)
    values, vectors = np.linalg.eigh(_symmetric(np.linalg.lstsq(DX, left, rcond=None)[0], R))
    U = Q @ vectors
    rest = 1.0 - values
    with np.errstate(all="ignore"):
        roots = np.where(rest > NONE, 1.0 / np.sqrt(rest), 0.0)
    return right + U @ ((roots - 1.0)[:, None] * (U.T @ right))


def _symmetric(C, R):
    """R C R' of left = DX C, made symmetric."""
    M = R @ C @ R.T
    return 0.5 * (M + M.T)


def _satterthwaite(squared, directions, B):
    """(sum of trace)^2 over the squared norm of diag(a) - b B b', for each coefficient: a (G, q), b (G, q, q)."""
    out = np.empty(squared.shape[1])
    for c in range(len(out)):
        a, b = squared[:, c], directions[:, c]
        K = b.T @ b @ B
        own = np.einsum("ij,jk,ik->i", b, B, b)
        norm = (a**2).sum() - 2.0 * (a * own).sum() + np.trace(K @ K)
        with np.errstate(all="ignore"):
            out[c] = (a.sum() - own.sum()) ** 2 / norm
    return out


@implement("CR3")
def cr3(cov, fitted, space) -> np.ndarray:
    """The sum of squared changes of the coefficients when a cluster is left out, by one step."""
    return _left_out(cov, fitted, space)[0]


@implement("jackknife")
def jackknife(cov, fitted, space) -> np.ndarray:
    """(G - 1) / G times the sum of squared changes when one of G clusters, or one of n rows, is left out."""
    if cov.by:
        found, count = _left_out(cov, fitted, space)
        return (count - 1.0) / count * found
    found, full = squares(fitted, space, 2)
    if full:
        raise InvalidParameterError(f"cov={cov.name!r}: {full:g} rows have leverage 1, without which there is no fit")
    return (fitted.nobs - 1.0) / fitted.nobs * found


def _left_out(cov, fitted, space):
    """The sum of squares of B (I - S_g B)^-1 s_g over clusters, s_g scores and S_g information; their number."""
    found, q = labelled(cov, fitted), space.width
    _refuse_one(cov, found.ways.sizes[0])
    size, V = getattr(space, "size", np.ones(q)), getattr(space, "V", np.eye(q))
    total, count = np.zeros((q, q)), 0
    for sums in sums_by(found, fitted, space, (0,), InformedScores):
        s, S = sums.sums[:, :q] * size, sums.sums[:, q + 1 :].reshape(-1, q, q) * size * size[:, None]
        rest = np.eye(q) - S @ V
        alone = np.abs(np.linalg.det(rest)) < 1e-10
        if alone.any():
            label = found.names[0][int(sums.codes[np.argmax(alone)])]
            warn(
                FastGLMWarning,
                f"cov={cov.name!r}: without cluster {label!s} some coefficient has no estimate, and the covariance is "
                "NaN; take 'CR2' or 'cluster'",
            )
            return np.full((q, q), np.nan), 2
        effects = np.linalg.solve(rest, s[:, :, None])[:, :, 0] @ V
        total, count = total + effects.T @ effects, count + len(s)
    return total, count


def _refuse_one(cov, count):
    if count < 2:
        raise InvalidParameterError(f"cov={cov.name!r}: all rows are of one cluster; there must be two at least")


def _refuse_frequencies(cov, fitted):
    if fitted.rows.data.freq_weights is not None:
        raise InvalidParameterError(f"cov={cov.name!r}: freq_weights stand for several rows each; write them out")
