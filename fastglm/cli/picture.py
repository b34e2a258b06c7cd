"""A picture of a fit in characters: means of the response in groups of rows, over the curve that was fitted."""

from __future__ import annotations

import math

import numpy as np

from .output import encodable

GROUPS = 24  # of rows by their means, a column of the picture each; chosen: a third of a line of text
MOST_ROWS = 100_000  # that the picture is drawn of; chosen: a standard error too small to be seen
CURVE, SEEN, BOTH = "·", "o", "@"
PLAIN_CURVE = "."


def fitted_curve(result, X, y, width: int = 64, height: int = 13) -> list[str]:
    """The mean over the linear predictor: the curve of the link, and observed means of equally many rows.

    Parameters
    ----------
    result : GLMResult
        Of a model with an intercept and one mean a row.
    X : (n, p) array
    y : (n,) array
        At most `MOST_ROWS` rows, evenly spread, are looked at.
    width, height : int
        Columns and lines of the picture, axes left out.

    Returns
    -------
    list of str
    """
    rows = slice(None, None, max(1, math.ceil(len(y) / MOST_ROWS)))
    eta, seen = np.asarray(result.predict(X[rows], kind="link")), np.asarray(y[rows], float)
    groups = np.array_split(np.argsort(eta, kind="stable"), min(GROUPS, len(eta)))
    across = np.array([eta[group].mean() for group in groups])
    observed = np.array([seen[group].mean() for group in groups])
    low, high = _limits(across)
    grid = np.linspace(low, high, width)
    curve = np.array([result.link.inverse(float(value)) for value in grid])
    bottom, top = _limits(np.concatenate([curve, observed]))
    columns = np.rint((across - low) / (high - low) * (width - 1)).astype(int)
    return _drawn(curve, dict(zip(columns, observed, strict=True)), (bottom, top), (low, high), height)


def _limits(values) -> tuple[float, float]:
    """The least and the largest number, apart."""
    low, high = float(values.min()), float(values.max())
    return (low, high) if high > low else (low - 0.5, high + 0.5)


def _drawn(curve, observed, limits, ends, height) -> list[str]:
    bottom, top = limits
    dot = CURVE if encodable(CURVE) else PLAIN_CURVE
    lines = [[" "] * len(curve) for _ in range(height)]

    def line_of(value):
        return height - 1 - round((value - bottom) / (top - bottom) * (height - 1))

    for column, value in enumerate(curve):
        lines[line_of(value)][column] = dot
    for column, value in observed.items():
        line = lines[line_of(value)]
        line[column] = BOTH if line[column] == dot else SEEN
    labels = {0: f"{top:.3g}", height - 1: f"{bottom:.3g}", height // 2: f"{(top + bottom) / 2:.3g}"}
    room = max(map(len, labels.values()))
    picture = [f"{labels.get(i, ''):>{room}} |{''.join(line)}".rstrip() for i, line in enumerate(lines)]
    left, right = f"{ends[0]:.3g}", f"{ends[1]:.3g}"
    middle = "linear predictor".center(len(curve) - len(left) - len(right))
    return [
        f"mean of y: fitted ({dot}), observed in groups of rows ({SEEN}, {BOTH} on the curve)",
        *picture,
        " " * room + " +" + "-" * len(curve),
        " " * (room + 2) + left + middle + right,
    ]
