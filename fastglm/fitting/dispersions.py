"""Estimates of a free dispersion by name: Pearson's, the deviance's, and that of the largest likelihood."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from ..objective.gamma_sums import shape_of
from ..objective.tweedie_sums import DispersionLikelihood


class Scale(NamedTuple):
    """A dispersion: its ``kind``, ``value``, and standard error ``se``."""

    kind: str
    value: float
    se: float


def scale_of(run, kind: str, deviance: float, pearson: float, df: float) -> Scale:
    """The dispersion of a fit by the kind that was asked for.

    Parameters
    ----------
    run : FitRun
    kind : {"pearson", "deviance", "ml"}
        Chi-square or deviance over ``df``, the residual degrees of freedom: their standard errors are those of a
        chi-square variable. Or the value of the largest likelihood, with the observed information.
    deviance, pearson, df : float
    """
    if kind == "ml":
        return Scale(kind, *_likeliest(run, deviance))
    value = (deviance if kind == "deviance" else pearson) / df if df > 0.0 else np.nan
    return Scale(kind, value, value * np.sqrt(2.0 / df) if df > 0.0 else np.nan)


def _likeliest(run, deviance):
    """The dispersion of the largest likelihood, and its standard error."""
    family, nobs = run.family, run.sums.nobs
    if family.variance_power in (0.0, 3.0) and not family.profiled:
        return deviance / nobs, deviance / nobs * np.sqrt(2.0 / nobs)
    if family.variance_power == 2.0:
        shape, se = shape_of(deviance, nobs, None if run.whole.data.weights is None else run.whole)
        return 1.0 / shape, se / shape**2
    _, log_phi, curvature = DispersionLikelihood(run.whole, family.power, nobs).maximised([deviance])
    phi = float(np.exp(log_phi[0]))
    return phi, phi / float(np.sqrt(curvature[0]))
