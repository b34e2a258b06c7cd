"""The cone of directions along which no row's fit gets worse, by linear programs over a few rows at a time.

A program over some of the rows is a relaxation: where its optimum is zero no direction separates all rows, which is a
proof; where its solution keeps all rows, which a read of them tells, it separates them. Otherwise the rows that are
most against it enter the program (cutting planes; Kelley 1960). The programs are those of Konis, K. (2007), "Linear
programming algorithms for detecting separated data in binary logistic regression models", R's ``detectseparation``,
whose memory here is that of the rows that matter.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from ..source.streaming_qr import weight
from ..source.task import Task
from .row_scores import blocks, columns
from .separation import sides

AGAINST = 1e-7  # of a row, by which a direction may be against it: the accuracy of the programs
STRICT = 1e-6  # of a row, from which a direction separates it
ZERO = 1e-6  # of a box of one, below which a coefficient does not move
ENTERING = 256  # rows that enter a program for each direction that they are against
MOST_READS = 400  # each adding the rows that are violated; chosen: a handful decides real data


class Cone(NamedTuple):
    """Rows as the programs have them: of a family and link, or of ``n_classes`` classes, with columns shifted by
    ``mean`` and over ``sd`` (p,), zero for coefficients that cannot move."""

    family: object
    link: object
    n_classes: int | None
    mean: np.ndarray
    sd: np.ndarray

    @property
    def size(self) -> int:
        """Numbers of a direction."""
        return len(self.sd) * ((self.n_classes or 2) - 1)

    def rows(self, data, a: int, b: int) -> tuple[np.ndarray, np.ndarray]:
        """Constraints (r, m) and whether each is an equation: c'd >= 0, or c'd = 0."""
        X = columns(data, a, b)
        X = ((X.toarray() if hasattr(X, "toarray") else X) - self.mean) * np.divide(
            1.0, self.sd, out=np.zeros_like(self.sd), where=self.sd > 0.0
        )
        counts, y = weight(data, a, b) > 0.0, np.asarray(data.y[a:b])
        if self.n_classes is None:
            side = sides(y, self.family, self.link)[counts]
            return X[counts] * np.where(side == 0.0, 1.0, side)[:, None], side == 0.0
        X, codes = X[counts], y[counts].astype(np.intp)
        n, p = X.shape
        out = np.zeros((n, self.n_classes - 1, self.n_classes, p))
        others = np.array([[k for k in range(self.n_classes) if k != c] for c in range(self.n_classes)])[codes]
        each = np.arange(n)
        for j in range(self.n_classes - 1):
            out[each, j, codes] = X
            out[each, j, others[:, j]] = -X
        found = out[:, :, 1:].reshape(n * (self.n_classes - 1), -1)
        return found, np.zeros(len(found), bool)

    def back(self, d: np.ndarray) -> np.ndarray:
        """Directions (..., m) in the coefficients of the columns as they are."""
        parts = d.reshape(*d.shape[:-1], -1, len(self.sd))
        moved = np.divide(parts, self.sd, out=np.zeros_like(parts), where=self.sd > 0.0)
        shift = (moved * self.mean).sum(-1)
        if self.mean.any():  # then the first is the constant
            moved[..., 0] -= shift
        return moved.reshape(d.shape)


class Entering(NamedTuple):
    """The constraints ``rows`` (r, m) most against directions, whether they are ``equations``, by how much they are
    ``against`` the direction ``of``; of each direction ``ENTERING`` stay in a sum."""

    rows: np.ndarray
    equations: np.ndarray
    against: np.ndarray
    of: np.ndarray

    def __add__(self, other: Entering) -> Entering:
        both = Entering(*(np.concatenate(pair) for pair in zip(self, other, strict=True)))
        order = np.lexsort((-both.against, both.of))
        place = np.arange(len(order)) - np.searchsorted(both.of[order], both.of[order])
        return Entering(*(v[order[place < ENTERING]] for v in both))


class Against(Task):
    """The rows that are against some directions (R, m), ``Entering``."""

    def __init__(self, cone: Cone, directions: np.ndarray):
        self.cone, self.directions = cone, directions

    def of(self, part, runs):
        m = self.cone.size
        found = Entering(np.zeros((0, m)), np.zeros(0, bool), np.zeros(0), np.zeros(0, np.intp))
        for a, b in blocks(runs, part.data, m):
            rows, equations = self.cone.rows(part.data, a, b)
            length = np.abs(rows).sum(1)
            move = rows @ self.directions.T / np.where(length > 0.0, length, 1.0)[:, None]
            miss = np.where(equations[:, None], np.abs(move), -move)
            i, j = np.nonzero(miss > AGAINST)
            if len(i):
                found = found + Entering(rows[i], equations[i], miss[i, j], j)
        return found


class Separated(Task):
    """The sum of the inequalities that a direction does not separate, their number and that of the others, (m + 2,)."""

    def __init__(self, cone: Cone, direction: np.ndarray):
        self.cone, self.direction = cone, direction

    def of(self, part, runs):
        total = np.zeros(self.cone.size + 2)
        for a, b in blocks(runs, part.data, self.cone.size):
            rows, equations = self.cone.rows(part.data, a, b)
            strict = rows @ self.direction > STRICT * np.abs(rows).sum(1)
            left = rows[~equations & ~strict]
            length = np.abs(left).sum(1)
            total[:-2] += (left / np.where(length > 0.0, length, 1.0)[:, None]).sum(0)
            total[-2:] += np.count_nonzero(~strict), np.count_nonzero(strict)
        return total


class Programs:
    """Linear programs over a growing set of the rows of a source.

    Parameters
    ----------
    source : Source
    cone : Cone

    Attributes
    ----------
    reads : int
        Reads of all rows so far.
    """

    def __init__(self, source, cone: Cone):
        self.source, self.cone, self.reads = source, cone, 0
        self.rows, self.equations = np.zeros((0, cone.size)), np.zeros(0, bool)
        free = np.tile(cone.sd > 0.0, cone.size // len(cone.sd)).astype(float)
        self.bounds = np.column_stack([-free, free])

    def best(self, goals: np.ndarray) -> np.ndarray:
        """For each goal (R, m) the direction of the cone, in a box of one, in which it is largest, (R, m)."""
        open_goals, found = np.arange(len(goals)), np.zeros_like(goals)
        while len(open_goals):
            found[open_goals] = [self._solved(goals[i]) for i in open_goals]
            open_goals = open_goals[np.abs(found[open_goals]).max(1) > ZERO]  # zero is in the cone
            if not len(open_goals):
                break
            entering = self._reduce(Against(self.cone, found[open_goals]))
            open_goals = open_goals[np.unique(entering.of)]
            rows, first = np.unique(entering.rows, axis=0, return_index=True)
            self.rows = np.vstack([self.rows, rows])
            self.equations = np.append(self.equations, entering.equations[first])
            if self.reads > MOST_READS:
                raise FloatingPointError
        return found

    def separated(self, direction: np.ndarray) -> np.ndarray:
        """The sums of ``Separated``."""
        return self._reduce(Separated(self.cone, direction))

    def _reduce(self, task):
        self.reads += 1
        return self.source.reduce(task)

    def _solved(self, goal):
        from scipy.optimize import linprog

        kept, equal = -self.rows[~self.equations], self.rows[self.equations]
        size = np.abs(goal).max()
        if not size > 0.0:
            return np.zeros_like(goal)
        found = linprog(
            -goal / size, kept if len(kept) else None, np.zeros(len(kept)) if len(kept) else None,
            equal if len(equal) else None, np.zeros(len(equal)) if len(equal) else None, self.bounds, method="highs",
            options={"primal_feasibility_tolerance": 1e-10, "dual_feasibility_tolerance": 1e-10},
        )  # fmt: skip
        if found.x is None or -found.fun < ZERO:
            return np.zeros_like(goal)
        return found.x


def most_separating(programs: Programs) -> tuple[np.ndarray, int, int]:
    """A direction that separates every row that any separates, the rows that it leaves, and those that it separates.

    Zero where none separates a row.
    """
    total = np.zeros(programs.cone.size)
    sums = programs.separated(total)
    while True:
        found = programs.best(sums[None, :-2])[0]
        if not found.any():
            return total, int(sums[-2]), int(sums[-1])
        before, total = sums[-1], 0.5 * total + found
        sums = programs.separated(total)
        if sums[-1] <= before:
            return total, int(sums[-2]), int(sums[-1])


def verdicts(programs: Programs, numbers: np.ndarray) -> list[str]:
    """What each coefficient does in the cone: "finite", "inf", "-inf", or "either" where both signs are possible.

    Parameters
    ----------
    programs : Programs
    numbers : (k,) array
        Of coefficients.
    """
    unit = programs.cone.back(np.eye(programs.cone.size)).T[numbers]  # a coefficient as a goal
    unit /= np.maximum(np.abs(unit).max(1, keepdims=True), 1e-300)
    found = programs.best(np.vstack([unit, -unit]))
    up, down = (np.einsum("ij,ij->i", unit, part) for part in np.split(found, 2))
    names = {(False, False): "finite", (True, False): "inf", (False, True): "-inf", (True, True): "either"}
    return [names[bool(u > ZERO), bool(d < -ZERO)] for u, d in zip(up, down, strict=True)]
