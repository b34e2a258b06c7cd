"""Plots of a fit, of a path of fits, of a local regression and of a descent, drawn with matplotlib.

Each function draws into the Axes it is given, or into a figure of its own, and returns the Axes. Nothing global is
changed, neither matplotlib's settings nor the random numbers.
"""

from .decisions import regions
from .descents import animate, descent
from .histories import history
from .intervals import coefficients
from .local import local
from .means import fitted
from .paths import cv, path

__all__ = ["animate", "coefficients", "cv", "descent", "fitted", "history", "local", "path", "regions"]
