"""Design matrices drawn in chunks of rows."""

from __future__ import annotations

import math

import numpy as np

from ..errors import InvalidParameterError

CELLS = 1 << 20  # numbers in one chunk of X


def make_X(n, p, *, seed=0, rho=0.0, kind="normal", dtype=np.float64, order="C") -> np.ndarray:
    """Draw a design matrix of `n` rows and `p` columns.

    Parameters
    ----------
    n, p : int
        Its shape.
    seed : int, default 0
        Two calls with the same arguments and seed give the same bits, on any machine with the same numpy.
    rho : float, default 0
        Correlation of neighbouring columns; columns j and k have ``rho ** abs(j - k)``.
    kind : {"normal", "uniform", "binary", "heavy", "scaled"}
        Standard normal; uniform on (-1, 1); 0 or 1 with even chances; Student t with 5 degrees of freedom, a row at a
        time (rows of high leverage); or normal with column scales running from 1e-3 to 1e3.
    dtype : dtype, default float64
        Floating type of the result.
    order : {"C", "F"}
        Memory layout of the result.

    Returns
    -------
    ndarray of shape (n, p)

    Examples
    --------
    >>> from fastglm.simulate import make_X
    >>> make_X(1000, 3, rho=0.5, kind="uniform").shape
    (1000, 3)
    """
    n, p = int(n), int(p)
    if n < 1 or p < 0:
        raise InvalidParameterError(f"make_X: n must be at least 1 and p at least 0, got n={n}, p={p}")
    if kind not in KINDS:
        raise InvalidParameterError(f"make_X: unknown kind {kind!r}; choose from {', '.join(KINDS)}")
    if not -1 < rho < 1 or (rho < 0 and kind in ("uniform", "binary")):
        raise InvalidParameterError(f"make_X: rho must lie in (-1, 1), in [0, 1) for uniform and binary, got {rho}")
    X = np.empty((n, p), dtype=dtype, order=order)
    for rows, rng in chunks(n, p, streams(seed)[0]):
        X[rows] = KINDS[kind](rng, (rows.stop - rows.start, p), rho)
    return X


def streams(seed):
    """Seeds of X, beta, y, weights and offset."""
    return np.random.SeedSequence(seed).spawn(5)


def chunk_rows(p):
    """Rows of a chunk: they depend on p alone, so that a longer design starts with the same rows."""
    return max(1, CELLS // max(p, 8))


def chunks(n, p, seed):
    """Pairs of a slice of rows and its generator."""
    size = chunk_rows(p)
    for i, child in enumerate(seed.spawn(-(-n // size))):
        yield slice(i * size, min(n, (i + 1) * size)), np.random.default_rng(child)


def scales(p):
    """The column scales of the "scaled" design."""
    return np.logspace(-3, 3, p) if p > 1 else np.ones(p)


def _normal(rng, shape, rho):
    z = rng.standard_normal(shape)
    if rho:
        for j in range(1, shape[1]):
            z[:, j] = rho * z[:, j - 1] + math.sqrt(1 - rho * rho) * z[:, j]
    return z


def _copied(values):
    """Columns that repeat their left neighbour with probability rho: any marginal with the same correlations."""

    def draw(rng, shape, rho):
        x = values(rng, shape)
        if rho:
            for j in range(1, shape[1]):
                x[:, j] = np.where(rng.random(shape[0]) < rho, x[:, j - 1], x[:, j])
        return x

    return draw


def _student(rng, shape, rho):
    return _normal(rng, shape, rho) / np.sqrt(rng.chisquare(5, (shape[0], 1)) / 5)


KINDS = {
    "normal": _normal,
    "uniform": _copied(lambda rng, shape: rng.uniform(-1, 1, shape)),
    "binary": _copied(lambda rng, shape: rng.integers(0, 2, shape).astype(float)),
    "heavy": _student,
    "scaled": lambda rng, shape, rho: _normal(rng, shape, rho) * scales(shape[1]),
}
VARIANCE = {"normal": 1.0, "uniform": 1 / 3, "binary": 1 / 4, "heavy": 5 / 3, "scaled": 1.0}
