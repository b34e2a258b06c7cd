"""Where the columns of a design are stored, and how coefficients map to them.

A term of numbers alone is stored as numbers. One with factors is stored as the codes of all combinations of their
levels, with the product of its numbers as values; contrasts are in the `ContrastMap` and never touch a row.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from functools import reduce
from itertools import product
from typing import Any, NamedTuple

import numpy as np
from scipy.sparse import coo_matrix, identity, kron

from ..core.measured import HIGH_CARDINALITY
from ..errors import InvalidParameterError
from ..matrix.contrast_map import ContrastMap
from .contrasts import code
from .scope import Scoped, scope
from .variables import Factor, Numeric

INTERCEPT = "(Intercept)"
MOST = 1_000_000  # combinations of levels: the codes are int32, and the coefficients a few MB


class ColumnBlock(NamedTuple):
    """Columns that are stored together: one of numbers, or the combinations of some factors' levels.

    Attributes
    ----------
    factors : tuple of str
        The first varies fastest in the codes.
    numbers : tuple of (str, field)
        The columns whose product are its values.
    levels : int
        All combinations; 1 without factors.
    coefs : (k,) array of ints
        The numbers of its coefficients.
    picked : (k,) array of ints or None
        The combination that each coefficient is of.
    matrix : (levels, k) scipy sparse matrix or None
    """

    factors: tuple[Any, ...]
    numbers: tuple[Any, ...]
    levels: int
    coefs: np.ndarray
    picked: np.ndarray | None
    matrix: Any


class Layout(NamedTuple):
    """The columns of a design and its coefficients.

    Attributes
    ----------
    names : tuple of str
        Of the coefficients, "(Intercept)" for the constant.
    slices : dict
        Term -> the numbers of its coefficients.
    has_intercept : bool
        Whether the constant is among the columns.
    numbers, factors : tuple of ColumnBlock
        The blocks stored as numbers and as codes, that of high cardinality, if any, last.
    coding : ContrastMap or None
        None where every stored column has its own coefficient, in the same order.
    """

    names: tuple[Any, ...]
    slices: dict[Any, Any]
    has_intercept: bool
    numbers: tuple[Any, ...]
    factors: tuple[Any, ...]
    coding: ContrastMap | None


def arrange(terms: Sequence[tuple[Any, ...]], variables: Mapping[str, Numeric | Factor]) -> Layout:
    """The layout of a design whose ``terms`` are tuples of names of variables; the empty tuple is the intercept."""
    names: list[str] = []
    blocks: list[ColumnBlock] = []
    slices: dict[Any, Any] = {}
    for term, scoped in zip(terms, scope(terms, lambda v: variables[v].spans), strict=True):
        first = len(names)
        for factors in scoped:
            blocks += _blocks(factors, variables, names)
        slices[":".join(term) or INTERCEPT] = np.arange(first, len(names))
    if len(set(names)) < len(names):
        repeated = Counter(names).most_common(1)[0][0]
        raise InvalidParameterError(f"two coefficients would be named {repeated!r}; rename a column or a level")
    return _stored(names, slices, blocks)


def _blocks(scoped: tuple[Scoped, ...], variables, names: list[Any]) -> list[ColumnBlock]:
    """The blocks of one product of variables, whose coefficients' names are added to ``names``.

    Coefficients run through the first variable's columns fastest, as in R, patsy and formulaic.
    """
    used = [(s.factor, variables[s.factor], s.reduced) for s in scoped]
    factors = tuple(name for name, v, _ in used if isinstance(v, Factor))
    levels = _combinations(scoped, [len(variables[name].levels) for name in factors])
    coded = {name: code(v, reduced) for name, v, reduced in used if isinstance(v, Factor)}
    labels = [coded[name].names if name in coded else v.names(reduced) for name, v, reduced in used]
    first = len(names)
    names += [":".join(reversed(parts)) for parts in product(*reversed(labels))] if used else [INTERCEPT]
    # axis i of the grid of coefficients is variable i; the first runs fastest
    grid = (first + np.arange(len(names) - first)).reshape([len(part) for part in labels], order="F")
    picked, matrix = _combined([coded[name] for name in factors], [len(variables[name].levels) for name in factors])
    axes = [[(None, slice(None))] if name in coded else list(enumerate(v.used(reduced))) for name, v, reduced in used]
    blocks = []
    for fields in product(*axes):  # one of each variable's columns of numbers, and all columns of its factors
        place = tuple(slice(None) if j is None else j for j, _ in fields)
        values = tuple((used[i][0], part) for i, (j, part) in enumerate(fields) if j is not None)
        blocks.append(ColumnBlock(factors, values, levels, grid[place].ravel(order="F"), picked, matrix))
    return blocks


def _combinations(scoped, sizes) -> int:
    """All combinations of factors of these numbers of levels; 1 of none."""
    levels = int(np.prod(sizes, dtype=object)) if sizes else 1
    if levels > MOST:
        raise InvalidParameterError(
            f"term '{':'.join(s.factor for s in scoped)}' has {levels} combinations of levels, more than {MOST}; "
            "make one column of those that occur"
        )
    return levels


def _combined(coded, levels):
    """The columns of factors together: the combinations picked, or the Kronecker product of their contrasts."""
    if all(c.picked is not None for c in coded):
        strides = np.cumprod([1, *levels[:-1]]) if levels else []
        picked = np.zeros(1, dtype=np.intp)
        for c, stride in zip(coded, strides, strict=True):
            picked = (c.picked[:, None] * int(stride) + picked[None, :]).ravel()
        return picked, None
    whole = [
        identity(n, format="csc")[:, c.picked] if c.matrix is None else c.matrix
        for c, n in zip(coded, levels, strict=True)
    ]
    return None, reduce(lambda slow, fast: kron(slow, fast, format="csc"), reversed(whole))


def _stored(names, slices, blocks) -> Layout:
    """Blocks in the order in which they are stored, and the coding between coefficients and stored columns."""
    high_cardinality = _long(blocks)
    if high_cardinality is not None:  # its coefficients come last
        order = np.concatenate([np.setdiff1d(np.arange(len(names)), high_cardinality.coefs), high_cardinality.coefs])
        moved = np.argsort(order)
        names = [names[j] for j in order]
        slices = {term: np.sort(moved[numbers]) for term, numbers in slices.items()}
        others = [b for b in blocks if b is not high_cardinality]
        blocks = [b._replace(coefs=moved[b.coefs]) for b in (*others, high_cardinality)]
    constant = tuple(b for b in blocks if not b.factors and not b.numbers)
    numbers = tuple(b for b in blocks if not b.factors and b.numbers)
    factors = tuple(b for b in blocks if b.factors)
    short, last = (factors, None) if high_cardinality is None else (factors[:-1], factors[-1])
    coding = _coding((*constant, *numbers, *short), last) if factors else None
    return Layout(tuple(names), slices, bool(constant), numbers, factors, coding)


def _long(blocks) -> ColumnBlock | None:
    """The block of so many levels that a matrix of all columns should not have them."""
    if sum(b.levels for b in blocks if b.factors) <= HIGH_CARDINALITY:
        return None
    fit = [b for b in blocks if b.factors and b.picked is not None and not b.numbers]
    return max(fit, key=lambda b: b.levels, default=None)


def _coding(blocks, high_cardinality) -> ContrastMap:
    """The map of the coefficients of blocks that are stored one after the other."""
    edges = np.cumsum([0, *(b.levels for b in blocks)])
    width, core = int(edges[-1]), sum(len(b.coefs) for b in blocks)
    kept, levels = (None, 0) if high_cardinality is None else (high_cardinality.picked, high_cardinality.levels)
    if all(b.picked is not None for b in blocks):
        picked = np.zeros(core, dtype=np.intp)
        for b, first in zip(blocks, edges, strict=False):
            picked[b.coefs] = first + b.picked
        return ContrastMap(picked, width, kept, levels)
    rows, columns, data = [], [], []
    for b, first in zip(blocks, edges, strict=False):
        entries = b.matrix.tocoo() if b.picked is None else None
        rows.append(first + (b.picked if entries is None else entries.row))
        columns.append(b.coefs if entries is None else b.coefs[entries.col])
        data.append(np.ones(len(b.coefs)) if entries is None else entries.data)
    places = np.concatenate(rows), np.concatenate(columns)
    return ContrastMap(coo_matrix((np.concatenate(data), places), shape=(width, core)), width, kept, levels)
