"""Sums over rows of squared scores by their leverages, with care for rows whose leverage is nearly one."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np

from ..source.task import Task
from .row_scores import blocks, columns, repeats

NEARLY = 1.0 - 1e-3  # a leverage, beyond which 1 - h has lost digits
OWN = 0.5  # of a direction's square, which no two rows can both have
ONE = 10.0 * np.finfo(float).eps  # 1 - h, below which it is zero: R's rule


def scaled(inverse):
    """Standard errors s at dispersion one (m,), the inverse information over s s', and which coefficients are aliased.

    With columns times s every number is near one, however the columns are scaled.
    """
    variances = np.diagonal(inverse)
    gone = np.isnan(variances)
    size = np.sqrt(np.where(gone, 0.0, variances))
    kept = np.where(size > 0.0, size, 1.0)
    return size, np.where(np.isnan(inverse), 0.0, inverse) / kept / kept[:, None], gone


class Discount(NamedTuple):
    """Powers of 1 - h that depend on a row's leverage h over the mean one.

    Attributes
    ----------
    kind : {"HC4", "HC4m", "HC5"}
        Cribari-Neto, F. (2004), Computational Statistics and Data Analysis 45; Cribari-Neto and da Silva, W. B. (2011),
        Advances in Statistical Analysis 95; Cribari-Neto, Souza, T. C. and Vasconcellos, K. L. P. (2007),
        Communications in Statistics 36. As R's ``sandwich::vcovHC``.
    rows : float
        Rows for each coefficient, by which leverages are multiplied.
    largest : float
        The largest leverage.
    """

    kind: str
    rows: float
    largest: float = 0.0

    def at(self, rest: np.ndarray) -> np.ndarray:
        """The powers at 1 - h, of its shape."""
        times = self.rows * (1.0 - rest)
        if self.kind == "HC4":
            return np.minimum(4.0, times)
        if self.kind == "HC4m":
            return np.minimum(1.0, times) + np.minimum(1.5, times)
        return 0.5 * np.minimum(times, max(4.0, 0.7 * self.rows * self.largest))


def power_at(power: int | Discount, rest: np.ndarray) -> int | np.ndarray:
    """The power of 1 - h for rows, by 1 - h."""
    return power.at(rest) if isinstance(power, Discount) else power


class LargestOf(NamedTuple):
    """A number, of which adding keeps the larger one."""

    value: float

    def __add__(self, other: LargestOf) -> LargestOf:
        return LargestOf(max(self.value, other.value))


class LargestLeverage(Task):
    """The largest leverage of all rows, ``LargestOf``."""

    def __init__(self, scores, space):
        self.scores, self.space = scores, space

    def of(self, part, runs):
        largest = 0.0
        for a, b in blocks(runs, part.data, part.n_columns):
            h = self.scores.terms(part.data, a, b)[1]
            square = self.space.effects(columns(part.data, a, b))[1]
            lever = np.where(repeats(part.data, a, b) > 0.0, h * square, 0.0)
            largest = max(largest, float(np.max(lever, initial=0.0)))
        return LargestOf(largest)


class Squares(NamedTuple):
    """A sum of squares (m, m), and the rows with leverage near one that are not in it."""

    matrix: np.ndarray
    near: tuple[Any, ...]

    def __add__(self, other: Squares) -> Squares:
        return Squares(self.matrix + other.matrix, self.near + other.near)


class Products(NamedTuple):
    """Rows' products with the inverse information V (m, m), in units in which columns are times ``size`` (m,)."""

    V: np.ndarray
    size: np.ndarray

    @property
    def width(self) -> int:
        """Numbers that a row has."""
        return len(self.V)

    def rows(self, X):
        """Rows as they are."""
        return X

    def of_sums(self, sums):
        """The effect of sums of scores on the coefficients."""
        return (sums * self.size) @ self.V

    def of_inverse(self, sums):
        """The inverse of a symmetric sum over rows (m, m) in these units, zero where aliased."""
        kept = np.flatnonzero(self.V.diagonal())
        inverse = np.zeros_like(self.V)
        inverse[np.ix_(kept, kept)] = np.linalg.inv(sums[np.ix_(kept, kept)])
        return inverse / self.size / self.size[:, None]

    def effects(self, X):
        """Each row's effect on the coefficients but for its score, x' V x, and what rounding leaves undecided of it."""
        V = self.V * self.size
        A = X @ V.T
        if hasattr(X, "multiply"):
            square = np.asarray(X.multiply(self.size).multiply(A).sum(1)).ravel()
        else:
            square = np.einsum("ij,ij->i", X * self.size, A)
        return A, square

    def directions(self, X):
        """V x of some rows (k, m): with it the hat matrix is a product."""
        X = X.toarray() if hasattr(X, "toarray") else X
        return self.size * ((X * self.size) @ self.V)


class Leveraged(Task):
    """The sum of r^2 / (1 - h)^power e e', e a row's effect on the coefficients but for its score; ``Squares``.

    Rows whose leverage h is nearly one are not in it, but in the value's ``near``.

    Parameters
    ----------
    scores : MeanScores
    space : Products or Coordinates
    power : int or Discount
    """

    def __init__(self, scores, space, power):
        self.scores, self.space, self.power = scores, space, power

    def of(self, part, runs):
        data, near = part.data, []
        total = np.zeros((self.space.width, self.space.width))
        for a, b in blocks(runs, data, part.n_columns):
            with np.errstate(all="ignore"):
                r, h = self.scores.terms(data, a, b)
                f, X = repeats(data, a, b), columns(data, a, b)
                A, square = self.space.effects(X)
                lever = np.where(f > 0.0, h * square, 0.0)
                left = np.flatnonzero(lever > NEARLY) if self.power else np.zeros(0, np.intp)
                rest = 1.0 - lever
                q = np.where(f > 0.0, f * r[:, 0] ** 2 / rest ** power_at(self.power, rest), 0.0)
                q[left] = 0.0
            near += [Near(self.space.directions(X[[i]])[0], A[i], square[i], f[i] * r[i, 0] ** 2, f[i]) for i in left]
            total += (A.T * q) @ A
        return Squares(total, tuple(near))


class Near(NamedTuple):
    """A row whose leverage is nearly one: its direction, effect and x' V x, its squared score and how often it is."""

    direction: np.ndarray
    effect: np.ndarray
    square: float
    score: float
    repeats: float


class Remaining(Task):
    """Of rows with leverage near one what it is less than one: the squares that all other rows have along theirs.

    1 - h is u' (G - x x') u, G the identity that all rows sum to and u the row's own direction: as a sum over the
    other rows it keeps its digits, and is zero where the row is the only one to have its direction.
    """

    def __init__(self, scores, space, directions, squares):
        self.scores, self.space, self.directions, self.squares = scores, space, directions, squares

    def of(self, part, runs):
        total = np.zeros(len(self.squares))
        for a, b in blocks(runs, part.data, part.n_columns):
            with np.errstate(all="ignore"):
                h = self.scores.terms(part.data, a, b)[1]
                X = self.space.rows(columns(part.data, a, b))
                total += along(X, repeats(part.data, a, b) * h, self.directions, self.squares)
        return total


def along(X, h, directions, squares) -> np.ndarray:
    """The sum of squares of rows (n, m) along directions (k, m), each row's own left out, (k,)."""
    parts = np.square(np.asarray(X @ directions.T)) / squares * np.where(h > 0.0, h, 0.0)[:, None]
    return np.where(parts > OWN, 0.0, parts).sum(0)


def squares(fitted, space, power):
    """The sum of squared scores over (1 - leverage)^power in the units of ``space``, and how many rows have leverage
    one; a second pass where some are near it."""
    matrix, near = fitted.rows.reduce(Leveraged(fitted.scores, space, power))
    if not near:
        return matrix, 0.0
    directions, effects, squares, scores, counts = map(np.array, zip(*near, strict=True))
    rest = fitted.rows.reduce(Remaining(fitted.scores, space, directions, squares))
    n_leverage_one = float(counts[rest < ONE].sum())
    kept = np.maximum(rest, ONE)
    weights = np.where(rest < ONE, 0.0, scores / kept ** power_at(power, kept))
    return matrix + (effects.T * weights) @ effects, n_leverage_one
