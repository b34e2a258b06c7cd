"""The profile likelihood of a parameter of the family: its curve, and the interval that likelihood ratios give.

The signed root of twice the drop of the likelihood is nearly a straight line in log theta, and in the power, so that a
secant meets the quantile in a few refits.
"""

from __future__ import annotations

from contextlib import closing
from dataclasses import replace
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from ..errors import ConvergenceWarning, InvalidParameterError, warn
from ..family.poisson import Poisson
from ..inference.wald import quantile
from ..result.record import GLMResult
from ..rows.open import open_rows
from .estimated import Refits
from .models import Models
from .power import ENDS, PowerProfile

if TYPE_CHECKING:
    from ..core.records import Array, ArrayLike
    from ..types import Rows, Variable

MET = 1e-8  # of the signed root's quantile, that a limit may miss
MOST_REFITS = 30  # for an end of an interval; chosen: a root to 1e-8 takes about eight


class ShapeProfile(NamedTuple):
    """The profile likelihood of a parameter of the family.

    Attributes
    ----------
    name : str
        "theta" or "power".
    estimate : float
    values : (k,) array
        Of the parameter, increasing: those asked for, or those that the search of the limits has come by.
    llf : (k,) array
        Log-likelihoods, the coefficients (and a dispersion) at their best for each value.
    limits : (2,) array
        Where twice the drop of the log-likelihood is the quantile; an upper one of theta is infinite where Poisson's
        likelihood is within it, and the end of the powers that there are where the likelihood does not fall enough.
    level : float
    n_passes : float
        Equivalent reads of all rows.
    """

    name: str
    estimate: float
    values: Array
    llf: Array
    limits: Array
    level: float
    n_passes: float


def profile_shape(
    result: GLMResult, data: Rows, y: Variable | None = None, *, values: ArrayLike | None = None, level: float = 0.95,
    **options: Any,
) -> ShapeProfile:  # fmt: skip
    """The profile likelihood of theta or of the power that a fit has estimated, and its confidence limits.

    Parameters
    ----------
    result : GLMResult
        Of ``family="negative_binomial"`` or ``"tweedie"``, whose parameter was estimated.
    data, y : rows, as the result was fitted to
    values : (k,) array, optional
        Values of the parameter, for a curve.
    level : float
    **options
        Arrays that the fit had: weights, offset, exposure.

    Returns
    -------
    ShapeProfile

    Raises
    ------
    InvalidParameterError
        For a result without an estimated parameter, an infinite theta, and values that a family cannot have.

    Warns
    -----
    ConvergenceWarning
        Where a limit was not met.
    """
    shape = result.shape
    if shape is None:
        raise InvalidParameterError("profile_shape: no parameter of the family was estimated with this fit")
    if not np.isfinite(shape.se):
        raise InvalidParameterError(f"profile_shape: {shape.name} = {shape.value:g} is at the end of its range")
    asked = _checked(shape.name, values, PROFILES[shape.name])
    models = Models(result, data, y, options)
    request = replace(models.request(models.terms), start=np.nan_to_num(result.params))
    schema, source = open_rows(request)
    with closing(source):
        fits = Refits(request, schema, source)
        curve = PROFILES[shape.name](fits, shape, result.llf)
        limits = [curve.limit(sign, quantile(level, None)) for sign in (-1.0, 1.0)]
        found = {float(v): curve.at(float(v)) for v in (sorted(curve.known) if asked is None else asked)}
        source.finish()
    return ShapeProfile(
        shape.name, shape.value, np.array(list(found)), np.array(list(found.values())), np.array(limits), level,
        round(fits.n_passes, 3),
    )  # fmt: skip


def _checked(name, values, kind):
    """The values of a curve, increasing."""
    if values is None:
        return None
    found = np.sort(np.atleast_1d(np.asarray(values, np.float64)))
    if not (np.isfinite(found).all() and (found > kind.least).all()):
        raise InvalidParameterError(f"values: {name} is above {kind.least:g} and finite; got {values!r}")
    return found


class _ThetaCurve:
    """The profile of theta."""

    least = 0.0

    def __init__(self, fits, shape, llf):
        self.fits, self.shape, self.top = fits, shape, llf
        self.known = {shape.value: llf}

    def at(self, theta):
        """The log-likelihood at a theta."""
        if theta not in self.known:
            self.known[theta] = self._of(type(self.fits.request.family)(theta))
        return self.known[theta]

    def _of(self, family):
        run = self.fits.at(family)
        return run.sums.loglik(family, run.solution.quadratic.deviance)

    def limit(self, sign, cut):
        """Where the signed root meets the quantile."""
        if sign > 0.0 and 2.0 * (self.top - self._of(Poisson())) <= cut * cut:
            return np.inf
        center, unit = np.log(self.shape.value), self.shape.se / self.shape.value
        return float(np.exp(_met(lambda z: self.at(float(np.exp(z))), self.top, center, unit, sign, cut)))


class _PowerCurve(PowerProfile):
    """The profile of the power."""

    least = 1.0

    def __init__(self, fits, shape, llf):
        super().__init__(fits)
        self.shape, self.top = shape, llf
        self.known[shape.value] = llf

    def limit(self, sign, cut):
        """Where the signed root meets the quantile."""
        end = ENDS[0] if sign < 0.0 else ENDS[1] if self.zeros else ENDS[2]
        if 2.0 * (self.top - self.at(end)) <= cut * cut:
            return end
        return _met(self.at, self.top, self.shape.value, self.shape.se, sign, cut)


PROFILES = {"theta": _ThetaCurve, "power": _PowerCurve}


def _met(llf, top, center, unit, sign, cut):
    """The place on one side of the center where sqrt(2 (top - llf)) is ``cut``, by the secant of the root."""

    def short(z):
        return np.sqrt(max(2.0 * (top - llf(z)), 0.0)) - cut

    old, miss, z = center, -cut, center + sign * cut * unit
    for _ in range(MOST_REFITS):
        found = short(z)
        if abs(found) < MET * cut:
            return z
        step = -found * (z - old) / (found - miss) if found != miss else sign * unit
        old, miss, z = z, found, z + float(np.clip(step, -2.0 * cut * unit, 2.0 * cut * unit))
    warn(ConvergenceWarning, f"the profile did not meet its level in {MOST_REFITS} refits")
    return z
