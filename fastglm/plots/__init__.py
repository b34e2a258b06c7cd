"""Plots of a fit, of a path of fits and of a local regression, drawn with matplotlib.

Each function draws into the Axes it is given, or into a figure of its own, and returns the Axes. Nothing global is
changed, neither matplotlib's settings nor the random numbers.
"""

from .fits import coefficients, fitted, history
from .local import local
from .paths import cv, path

__all__ = ["coefficients", "cv", "fitted", "history", "local", "path"]
