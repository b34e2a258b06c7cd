"""``polynomial(x, z, degree=3)`` of a formula: all powers and products of several columns, each standardised first."""

from __future__ import annotations

from itertools import product
from math import comb, isfinite
from typing import Any

import numpy as np

MOST_FIELDS = 1000  # columns that one spline or polynomial may have


def exponents(n: int, degree: int, interaction: bool) -> list[tuple[int, ...]]:
    """The exponents of ``n`` columns in each monomial, by degree; without ``interaction`` the powers of
    single columns alone.
    """
    if not interaction:
        return [tuple(d * (i == j) for i in range(n)) for d in range(1, degree + 1) for j in range(n)]
    found = [powers for powers in product(range(degree, -1, -1), repeat=n) if 0 < sum(powers) <= degree]
    return sorted(found, key=sum)


def polynomial(x: Any, *more: Any, degree: Any = 2, interaction: Any = True, _state: Any = None) -> Any:
    """Monomials of columns that are standardised by the mean and the deviation of the rows of the fit.

    The fit is that of raw powers; its columns are of one size, so that descent moves and penalties are fair.

    Parameters
    ----------
    x, *more : (n,) arrays
    degree : int
        The largest sum of exponents.
    interaction : bool
        Whether there are products of different columns.

    Returns
    -------
    (n, k) array whose fields are the exponents, "2.0" and "1.1" of two columns

    Raises
    ------
    ValueError
    """
    from formulaic.materializers.types import FactorValues

    columns = [np.asarray(v, np.float64) for v in (x, *more)]
    if int(degree) != degree or degree < 1:
        raise ValueError(f"degree={degree} must be a whole number from 1")
    n, degree = len(columns), int(degree)
    many = comb(n + degree, degree) - 1 if interaction else n * degree
    if many > MOST_FIELDS:
        raise ValueError(f"{many:,} columns are more than {MOST_FIELDS}")
    if "scale" not in _state:
        scale = [[float(v.mean()), float(v.std())] for v in columns]
        if not all(isfinite(number) for pair in scale for number in pair):
            raise ValueError("a column is not finite")
        if any(deviation == 0.0 for _, deviation in scale):
            raise ValueError("a column is constant")
        _state["scale"] = scale
    units = [(v - mean) / deviation for v, (mean, deviation) in zip(columns, _state["scale"], strict=True)]
    powers = exponents(n, degree, interaction)
    values = np.empty((len(units[0]), len(powers)))
    for k, numbers in enumerate(powers):
        values[:, k] = np.prod([unit**number for unit, number in zip(units, numbers, strict=True) if number], axis=0)
    names = tuple(".".join(map(str, numbers)) for numbers in powers)
    return FactorValues(values, column_names=names, format="{name}[{field}]")
