"""Profile likelihood: confidence limits, and the curve of one coefficient.

All limits are found together: each read of the rows has the deviance, the score and the information at the present
point of every limit, from which the next point is that where the quadratic model meets the level, with the other
coefficients at their best (Venzon, D. J. and Moolgavkar, S. H. 1988, "A method for computing profile-likelihood-based
confidence intervals", Applied Statistics 37).
"""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from ..errors import ConvergenceWarning, InvalidParameterError, warn
from ..inference.wald import quantile
from ..objective.scaled_penalty import column_moments
from ..result.record import GLMResult
from .bias_reduction import JeffreysDeviance
from .models import Models

if TYPE_CHECKING:
    from collections.abc import Sequence

    from ..core.records import Array, ArrayLike
    from ..types import Rows, Variable

NEAR = 1e-9  # of a curve's own unit, that the last step of a limit may have
SETTLED = 1e-16  # of the rise, that the other coefficients may still gain: it moves a limit by as little
MOST_READS = 200  # of all rows; chosen: limits of the tests need ten, those far out forty
REACH = 3.0  # in the linear predictor, that a coefficient moves in a step at the most
FAR, FLAT = 40.0, 1e-7  # moved so far with no more than this left to rise, the deviance is level: there is no limit


class ProfileLimits(NamedTuple):
    """Confidence limits by profile likelihood.

    Attributes
    ----------
    names : tuple of k str
    limits : (k, 2) array
        Infinite where the deviance stays below the level.
    level : float
    n_passes : float
        Equivalent reads of all rows.
    """

    names: tuple[str, ...]
    limits: Array
    level: float
    n_passes: float


class ProfileCurve(NamedTuple):
    """The profile of one coefficient.

    Attributes
    ----------
    name : str
    values : (k,) array
    signed_root : (k,) array
        sign(value - estimate) sqrt((deviance - least deviance) / dispersion).
    params : (k, p) array
        All coefficients at their best for each value.
    """

    name: str
    values: Array
    signed_root: Array
    params: Array


def profile_limits(
    result: GLMResult, data: Rows, y: Variable | None = None, *, names: Sequence[str] | None = None,
    level: float = 0.95, normal: bool = False, **options: Any,
) -> ProfileLimits:  # fmt: skip
    """Confidence limits where sqrt((deviance - least deviance) / dispersion) meets the quantile.

    Parameters
    ----------
    result : GLMResult
    data, y : rows, as the result was fitted to
    names : sequence of str, optional
        Coefficients; all that are not aliased by default.
    level : float
    normal : bool
        The quantile of the normal distribution also where the dispersion is estimated, as R's ``confint.glm``; of
        Student's t without it.
    **options
        Arrays that the fit had: weights, offset, exposure.

    Returns
    -------
    ProfileLimits

    Raises
    ------
    InvalidParameterError
        For a name that there is not.

    Warns
    -----
    ConvergenceWarning
        Where a limit was not found.
    """
    chosen = _chosen(result, names)
    cut = quantile(level, None if normal else result.test_df)
    with opened(result, data, y, options) as (run, start):
        ends = [_Limit(j, sign, start) for j in chosen for sign in (-1.0, 1.0)]
        _meet(run, start, ends, cut**2 * _dispersion(result))
        passes = run.objective.n_passes
    stuck = [result.names[end.j] for end in ends if end.open]
    if stuck:
        warn(ConvergenceWarning, f"the profile of {stuck[0]!r} did not meet its level in {MOST_READS} passes")
    limits = np.array([end.value for end in ends]).reshape(-1, 2)
    return ProfileLimits(tuple(result.names[j] for j in chosen), limits, level, passes)


def profile(
    result: GLMResult, name: str, data: Rows, y: Variable | None = None, *, values: ArrayLike | None = None,
    **options: Any,
) -> ProfileCurve:  # fmt: skip
    """The profile of one coefficient, at values of it or out to three standard errors.

    Parameters
    ----------
    result : GLMResult
    name : str
    data, y, **options
        As for ``profile_limits``.
    values : (k,) array, optional

    Returns
    -------
    ProfileCurve
    """
    (j,) = _chosen(result, [name])
    b, se = result.params[j], result.bse[j]
    values = b + se * np.linspace(-3.0, 3.0, 21) if values is None else np.asarray(values, float)
    with opened(result, data, y, options) as (run, start):
        beta = np.tile(start.beta, (len(values), 1))
        others = start.kept[start.kept != j]
        beta[:, others] -= np.outer(values - b, np.linalg.solve(start.H[np.ix_(others, others)], start.H[others, j]))
        beta[:, j] = values
        deviance = _fixed(run, beta, others)
    root = np.sign(values - b) * np.sqrt(np.maximum(deviance - start.deviance, 0.0) / _dispersion(result))
    return ProfileCurve(name, values, root, beta)


def _dispersion(result):
    return 1.0 if result.family.dispersion == "one" else result.scale


def _chosen(result, names):
    """The numbers of coefficients by their names."""
    if np.ndim(result.params) != 1:
        raise InvalidParameterError("profiles are of one mean a row")
    canonical = result.link.name == result.family.canonical and result.family.dispersion == "one"
    if result.bias_reduction not in (("firth", "mean", None) if canonical else ("firth", None)):
        raise InvalidParameterError(
            f"profiles: the adjusted score of bias_reduction={result.bias_reduction!r} is that of no likelihood; take "
            "Wald's limits, or fit with bias_reduction='firth'"
        )
    if names is None:
        return np.flatnonzero(~np.isnan(result.params)).tolist()
    unknown = [name for name in names if name not in result.names]
    if unknown:
        raise InvalidParameterError(f"names: there is no coefficient {unknown[0]!r}")
    numbers = [result.names.index(name) for name in names]
    if any(np.isnan(result.params[j]) for j in numbers):
        raise InvalidParameterError("names: an aliased coefficient has no profile")
    return numbers


class Start(NamedTuple):
    """The estimates (m,), the least deviance and the information (m, m) there, the deviation of each column, and the
    numbers of the coefficients that are not aliased."""

    beta: np.ndarray
    deviance: float
    H: np.ndarray
    sd: np.ndarray
    kept: np.ndarray


@contextmanager
def opened(result, data, y, options):
    """The run of a result on its rows, and where it starts."""
    with Models(result, data, y, options).opened() as run:
        if result.bias_reduction is not None:
            run.objective = JeffreysDeviance(run)
        beta = np.nan_to_num(result.params)
        q = run.objective.at(beta, 2)
        sd = np.where((found := column_moments(run.whole, run.sums.weight)[1]) > 0.0, found, 1.0)
        yield run, Start(beta, q.deviance, _curvature(run.objective, q), sd, np.flatnonzero(~np.isnan(result.params)))


def _curvature(objective, q):
    return q.information.toarray() / objective.scale / objective.scale[:, None]


class _Limit:
    """Where the search of one limit has come to."""

    def __init__(self, j, sign, start):
        self.j, self.sign, self.open, self.beta = j, sign, True, start.beta.copy()
        self.last, self.flat = start.deviance, 0

    @property
    def value(self):
        return self.beta[self.j]

    def advance(self, q, H, start, rise):
        """The next point, from the deviance, score and information at this one."""
        j, score = self.j, q.score
        others = start.kept[start.kept != j]
        inner, cross = H[np.ix_(others, others)], H[others, j]
        solved = np.linalg.lstsq(inner, np.column_stack([score[others], cross]), rcond=1e-14)[0]
        towards, slopes = solved[:, 0], solved[:, 1]
        h = max(H[j, j] - cross @ slopes, 1e-300)
        u = score[j] - cross @ towards
        # twice the log-likelihood: at its best over the others it lies this much above the level
        above = start.deviance + rise - q.deviance + float(score[others] @ towards)
        root = u * u + h * above
        step = (u + self.sign * np.sqrt(root)) / h if root > 0.0 else u / h
        limit = REACH / start.sd[j]
        moved = abs(self.value - start.beta[j]) * start.sd[j]
        level = abs(q.deviance - self.last) < FLAT * rise and q.deviance < start.deviance + 0.5 * rise
        if moved > FAR and level:
            self.beta[j], self.open = self.sign * np.inf, False
            return
        self.last = q.deviance
        near = abs(step) * np.sqrt(h) <= NEAR * np.sqrt(rise)
        step = float(np.clip(step, -limit, limit))
        self.beta[j] += step
        self.beta[others] += towards - slopes * step
        settled = float(score[others] @ towards) <= SETTLED * rise
        self.open = not (near and settled)


def _meet(run, start, ends, rise):
    """Move all limits until each has met the level."""
    for _ in range(MOST_READS):
        still = [end for end in ends if end.open]
        if not still:
            return
        found = run.objective.at_each(np.array([end.beta for end in still]), 2)
        for end, q in zip(still, found, strict=True):
            if np.isfinite(q.deviance) and np.isfinite(q.score).all():
                end.advance(q, _curvature(run.objective, q), start, rise)
            else:
                end.beta = 0.5 * (end.beta + start.beta)


def _fixed(run, beta, others):
    """The least deviances where only some coefficients may change, which in ``beta`` (k, m) become the best ones."""
    deviance, still = np.full(len(beta), np.inf), np.arange(len(beta))
    for _ in range(MOST_READS):
        found = run.objective.at_each(beta[still], 2)
        left = []
        for i, q in zip(still.tolist(), found, strict=True):
            deviance[i] = q.deviance
            H = _curvature(run.objective, q)[np.ix_(others, others)]
            step = np.linalg.lstsq(H, q.score[others], rcond=1e-14)[0]
            if float(q.score[others] @ step) > 1e-22 * max(q.deviance, 1.0):
                beta[i, others] += step
                left.append(i)
        still = np.array(left, int)
        if not len(still):
            break
    return deviance
