"""Plots of a fit, of its residuals, of a path of fits, of a local regression and of a descent, drawn with matplotlib.

Each function draws into the Axes it is given, or into a figure of its own, and returns the Axes. Nothing global is
changed, neither matplotlib's settings nor the random numbers.
"""

from .binary import calibration, calibration_belt, roc
from .columns import added_variable, component_residual
from .decisions import regions
from .descents import animate, descent
from .histories import history
from .intervals import coefficients
from .local import local
from .means import fitted
from .paths import cv, path
from .residuals import diagnostics, leverage, qq, residuals, scale_location

__all__ = [
    "added_variable", "animate", "calibration", "calibration_belt", "coefficients", "component_residual", "cv",
    "descent", "diagnostics", "fitted", "history", "leverage", "local", "path", "qq", "regions", "residuals", "roc",
    "scale_location",
]  # fmt: skip
