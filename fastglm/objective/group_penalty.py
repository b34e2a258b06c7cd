"""The penalty of groups of coefficients: their norms, beside ridge and absolute values.

Yuan and Lin (2006), "Model selection and estimation in regression with grouped variables", Journal of the Royal
Statistical Society B 68; Simon, Friedman, Hastie and Tibshirani (2013), "A sparse-group lasso", Journal of
Computational and Graphical Statistics 22.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from ..kernels.group_descent import minimise_groups
from ..linalg.symmetric import Dense, Diagonal
from .penalty import effective_number

BISECTIONS = 200  # of the largest lambda: to the last bit


class GroupPenalty(NamedTuple):
    """sum of ridge_j / 2 b_j^2 + lasso_j |b_j| + sum of norms_g |(sd b)_g|_2 over groups g.

    ``ridge``, ``lasso`` (m,) >= 0, ``groups`` (m,) the group of each coefficient or -1, ``norms`` (G,), ``sd`` (m,)
    the scale of the norms. ``lower`` and ``upper`` (m,) are infinite, or both zero where a coefficient is left out;
    ``unit`` (m,) is what violations of the optimality conditions are divided by.
    """

    ridge: np.ndarray
    lasso: np.ndarray
    groups: np.ndarray
    norms: np.ndarray
    sd: np.ndarray
    lower: np.ndarray
    upper: np.ndarray
    unit: np.ndarray

    separable, screened, smooth = False, True, False

    @property
    def norm(self) -> np.ndarray:
        """The multiplier of each coefficient's group, (m,)."""
        return norm_of_each(self.groups, self.norms)

    @property
    def kink(self) -> np.ndarray:
        """The largest gradient that leaves each coefficient at zero, (m,)."""
        return self.lasso + self.norm * self.sd

    @property
    def free(self) -> np.ndarray:
        """Which coefficients have no penalty and no bound, (m,) bool."""
        return (self.ridge == 0.0) & (self.kink == 0.0) & (self.upper == np.inf)

    @property
    def held(self) -> np.ndarray:
        """Which coefficients are left out, (m,) bool."""
        return self.upper == 0.0

    def of(self, numbers: np.ndarray) -> GroupPenalty:
        """The penalty of some of the coefficients, by their numbers."""
        parts = ("ridge", "lasso", "groups", "sd", "lower", "upper", "unit")
        return self._replace(**{name: getattr(self, name)[numbers] for name in parts})

    def strong(self, score: np.ndarray, last: GroupPenalty) -> np.ndarray:
        """The coefficients of groups that the strong rule keeps, (m,) bool, from the score at another lambda."""
        # the first one of a path comes after the null model's, which has no groups
        cut, norms = 2.0 * self.lasso - last.lasso, 2.0 * self.norms - getattr(last, "norms", 0.0)
        soft = np.maximum(np.abs(score) - np.maximum(cut, 0.0), 0.0) / self.sd
        keeps = norm_of_each(self.groups, self.lengths(soft) >= norms) > 0.0
        return np.where(self.groups < 0, np.abs(score) >= cut, keeps)

    def whole(self, numbers: np.ndarray) -> np.ndarray:
        """The numbers of all coefficients of the groups that some numbers are of."""
        groups = self.groups[numbers]
        return np.union1d(numbers, np.flatnonzero(np.isin(self.groups, groups[groups >= 0])))

    def times(self, factor: float) -> GroupPenalty:
        """The penalty and its unit times a number."""
        parts = ("ridge", "lasso", "norms", "unit")
        return self._replace(**{name: factor * getattr(self, name) for name in parts})

    def within(self, beta: np.ndarray) -> np.ndarray:
        """``beta`` with zeros where coefficients are left out."""
        return np.where(self.upper > 0.0, beta, 0.0)

    def lengths(self, z: np.ndarray) -> np.ndarray:
        """The norm of each group of a vector z (m,), (G,)."""
        inside = self.groups >= 0
        return np.sqrt(np.bincount(self.groups[inside], z[inside] ** 2, len(self.norms)))

    def value(self, beta: np.ndarray) -> float:
        """The penalty at ``beta``."""
        own = (0.5 * self.ridge * beta * beta + self.lasso * np.abs(beta)).sum()
        return float(own + (self.norms * self.lengths(self.sd * beta)).sum())

    def score(self, beta: np.ndarray) -> np.ndarray:
        """The negative gradient of the quadratic part at ``beta``."""
        return -self.ridge * beta

    def prox(self, beta: np.ndarray, size: float | np.ndarray) -> np.ndarray:
        """The b that minimises |sd b - sd beta|^2 / (2 size) plus absolute values and norms."""
        z = self.within(beta) * self.sd
        soft = np.sign(z) * np.maximum(np.abs(z) - size * self.lasso / self.sd, 0.0)
        return soft * self._kept(soft, size) / self.sd

    def _kept(self, soft, size):
        """What is left of each coefficient by the thresholds of the groups, (m,)."""
        length = norm_of_each(self.groups, self.lengths(soft))
        with np.errstate(all="ignore"):
            kept = np.maximum(1.0 - size * self.norm / length, 0.0)
        return np.where(self.norm == 0.0, 1.0, np.where(length > 0.0, kept, 0.0))

    def quadratic(self) -> Diagonal | None:
        """The ridge as a matrix, or None without one."""
        return Diagonal(self.ridge) if self.ridge.any() else None

    def active(self, beta: np.ndarray, score: np.ndarray) -> np.ndarray:
        """Which coefficients are not zero, or would leave it by the ``score`` of the smooth part, (m,) bool."""
        return (beta != 0.0) | (self.subgradient(beta, score) > 0.0) | (self.kink == 0.0)

    def residual(self, beta: np.ndarray, score: np.ndarray) -> np.ndarray:
        """The smallest subgradient of standardised coefficients, (m,); ``score`` is that of the smooth part."""
        z, t, lasso = beta * self.sd, score / self.sd, self.lasso / self.sd
        length = norm_of_each(self.groups, self.lengths(z))
        with np.errstate(all="ignore"):
            t = t - np.where(length > 0.0, self.norm * z / length, 0.0)
        soft = np.sign(t) * np.maximum(np.abs(t) - lasso, 0.0)
        rest = np.where(z != 0.0, t - lasso * np.sign(z), soft)
        zero = (length == 0.0) & (self.norm > 0.0)
        kept = np.where(zero, self._kept(np.where(zero, soft, 0.0), 1.0), 1.0)
        return np.where(self.upper > 0.0, rest * kept, 0.0)

    def subgradient(self, beta: np.ndarray, score: np.ndarray) -> np.ndarray:
        """The smallest subgradient of each coefficient in absolute terms, zero at the optimum."""
        return np.abs(self.residual(beta, score)) * self.sd

    def violation(self, beta: np.ndarray, score: np.ndarray) -> float:
        """The largest length of a group's violation, in units; ``score`` is that of the loss alone."""
        left = self.residual(beta, score + self.score(beta)) * self.sd / self.unit
        alone = np.abs(left[self.groups < 0]).max(initial=0.0)
        return float(max(self.lengths(left).max(initial=0.0), alone))

    def degrees_of_freedom(self, beta: np.ndarray, information) -> float:
        """The trace of (J + D)^-1 J over the coefficients that are not zero, D the curvature of penalty at ``beta``
        (Vaiter et al. 2017, "The degrees of freedom of partly smooth regularizers", Annals of the Institute of
        Statistical Mathematics 69)."""
        face = np.flatnonzero((beta != 0.0) | (self.kink == 0.0))
        inner = np.zeros((len(beta), len(beta)))
        inner[np.ix_(face, face)] = self.of(face).curvature(beta[face])
        return effective_number(information, Dense(inner), np.isin(np.arange(len(beta)), face))

    def curvature(self, beta: np.ndarray) -> np.ndarray:
        """The second derivatives of the penalty where no group is zero, (m, m)."""
        z = beta * self.sd
        length = norm_of_each(self.groups, self.lengths(z))
        with np.errstate(all="ignore"):
            bend = np.where(length > 0.0, self.norm / length, 0.0)
            u = np.where(length > 0.0, z / length, 0.0)
        same = (self.groups[:, None] == self.groups) & (self.groups >= 0)
        inside = np.diag(bend) - np.where(same, (bend * u)[:, None] * u, 0.0)
        return np.diag(self.ridge) + inside * self.sd * self.sd[:, None]

    def minimum(self, S: np.ndarray, beta: np.ndarray, score: np.ndarray, tol: float) -> np.ndarray:
        """The minimum of a quadratic model with the penalty, by block descent and Newton steps along the face.

        Parameters
        ----------
        S : (m, m) array
            Positive semidefinite.
        beta : (m,) array
            Where the model was made.
        score : (m,) array
            The model's negative gradient there.
        tol : float
            The violation of the optimality conditions, in units, that may be left.
        """
        model, out = GroupModel(self, S, beta, score), np.zeros(len(beta))
        out[model.inside] = model.solve(tol)
        return out


class GroupModel:
    """A quadratic model with a ``GroupPenalty``, in standardised coefficients z = sd b of groups beside each other.

    Parameters
    ----------
    penalty : GroupPenalty
    S, beta, score : as for ``GroupPenalty.minimum``
    """

    def __init__(self, penalty: GroupPenalty, S: np.ndarray, beta: np.ndarray, score: np.ndarray):
        inside = np.flatnonzero(penalty.upper > 0.0)
        ids = penalty.groups[inside]
        alone = np.flatnonzero(ids < 0)
        ids[alone] = len(penalty.norms) + np.arange(len(alone))  # each a group by itself, without a norm
        order = np.argsort(ids, kind="stable")
        self.inside = inside = inside[order]
        present, starts = np.unique(ids[order], return_index=True)
        self.starts = np.append(starts, len(ids))
        self.norms = np.append(penalty.norms, np.zeros(len(alone)))[present]
        self.sd = scale = penalty.sd[inside]
        ridge = penalty.ridge[inside] / scale**2
        self.lasso, self.units = penalty.lasso[inside] / scale, penalty.unit[inside] / scale
        self.S = S[np.ix_(inside, inside)] / scale / scale[:, None]
        self.S.flat[:: len(inside) + 1] += ridge
        self.start = beta[inside] * scale
        self.g0 = score[inside] / scale - ridge * self.start

    def solve(self, tol: float) -> np.ndarray:
        """The minimum, (k,) coefficients in the order of ``inside``."""
        z = self.start.copy()
        if len(z):
            limit = tol * float(self.units.min())
            minimise_groups(
                self.S, self.start, self.g0, z, self.lasso, self.norms, self._curvatures(), self.starts, limit
            )
        return z / self.sd

    def _curvatures(self):
        """The largest eigenvalue of each group's block, (G,)."""
        sizes = np.diff(self.starts)
        largest = np.empty(len(sizes))
        for size in np.unique(sizes).tolist():
            some = np.flatnonzero(sizes == size)
            rows = self.starts[some][:, None] + np.arange(size)
            largest[some] = np.linalg.eigvalsh(self.S[rows[:, :, None], rows[:, None, :]])[:, -1]
        return np.maximum(largest * (1.0 + 1e-12), np.finfo(float).tiny)


def norm_of_each(groups: np.ndarray, norms: np.ndarray) -> np.ndarray:
    """A value of each group (G,) for each of its coefficients, (m,); zero for those of none."""
    return np.append(norms, 0.0)[groups]


def largest_of_groups(terms, score: np.ndarray, least: float) -> float:
    """The least lambda at which every group is zero, from the score (m,) of standardised coefficients.

    Parameters
    ----------
    terms : PenaltyTerms
        With groups.
    score : (m,) array
    least : float
        The part of the ridge that counts as one of the norm.
    """
    found = 0.0
    for g, norm in enumerate(terms.norms.tolist()):
        own = terms.groups == g
        l1, ridge = terms.l1[own], float(terms.l2[own].max(initial=0.0))
        norm = norm if l1.any() else max(norm, least * (norm + ridge))
        if norm > 0.0 or l1.any():
            found = max(found, _largest_of_group(np.abs(score[own]), l1, norm))
    return found


def _largest_of_group(pull, l1, norm):
    """The least lambda with |soft(pull, lambda l1)| <= lambda norm."""

    def leaves(lam):
        return np.linalg.norm(np.maximum(pull - lam * l1, 0.0)) > lam * norm

    if not l1.any():
        return float(np.linalg.norm(pull)) / norm
    low, high = 0.0, float((pull / l1).max())
    for _ in range(BISECTIONS):
        middle = 0.5 * (low + high)
        if middle in (low, high):
            break
        low, high = (middle, high) if leaves(middle) else (low, middle)
    return high
