"""How a source stores factors to multiply them fast: small ones as one, and the levels of the largest last."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
from scipy.sparse import vstack

from ..core.measured import FEW_COLUMNS, MANY_LEVELS, MERGE_ROWS, MERGED_AT_A_TIME, MERGED_LEVELS, PRODUCTS_IN_CACHE
from .columns import Categorical
from .contrast_map import ContrastMap


class MergedFactors(NamedTuple):
    """How a source stores a design, whatever the rows.

    Attributes
    ----------
    dense : int
        Columns of numbers, the intercept included.
    terms : tuple of Categorical and Sparse
        As they are stored, of the rows that it was made from: the one whose own block is kept as a diagonal last, if
        there is one.
    coding : ContrastMap or None
        From the coefficients to all stored columns.
    groups : tuple of tuples of int, or None
        The numbers of the terms that each stored one is made of; None where they are stored as they are.
    """

    dense: int
    terms: tuple[Any, ...]
    coding: ContrastMap | None
    groups: tuple[Any, ...] | None = None

    def of(self, terms) -> MergedFactors:
        """The same for the terms of other rows."""
        if self.groups is None:
            return self._replace(terms=tuple(terms))
        return self._replace(terms=tuple(_combined([terms[i] for i in group]) for group in self.groups))

    def expand(self, beta: np.ndarray) -> np.ndarray:
        """Coefficients of the stored columns from the model's."""
        return beta if self.coding is None else self.coding.expand(beta)

    def reduce(self, v: np.ndarray) -> np.ndarray:
        """A score of the model's coefficients from that of the stored columns."""
        return v if self.coding is None else self.coding.reduce(v)

    def reduce_squares(self, v: np.ndarray) -> np.ndarray:
        """The information's diagonal from that of the stored columns: a coefficient's columns are never in one row."""
        return v if self.coding is None else self.coding.reduce_squares(v)

    def level_rows(self, v: np.ndarray, first: int) -> np.ndarray:
        """The sum of ``v`` (n,) over the rows of each stored column's level, from row ``first`` on; else zero."""
        counted = [isinstance(t, Categorical) and t.values is None for t in self.terms]
        part = slice(first, first + len(v))
        sums = (t.rows(part).t_dot(v) if c else np.zeros(t.shape[1]) for t, c in zip(self.terms, counted, strict=True))
        return np.concatenate([np.zeros(self.dense), *sums])


def pack(terms, coding: ContrastMap | None, dense: int, n_rows: int) -> MergedFactors:
    """The way to store a design of many rows; as it is where nothing is gained.

    Parameters
    ----------
    terms : tuple of Categorical and Sparse
    coding : ContrastMap or None
    dense : int
        Columns of numbers, the intercept included.
    n_rows : int
    """
    if not terms:
        return MergedFactors(dense, terms, coding)
    high_cardinality = coding is not None and coding.high_cardinality > 0
    short = terms[:-1] if high_cardinality else terms
    few = sum(t.shape[1] for t in short) <= FEW_COLUMNS
    if n_rows < MERGE_ROWS or not few or not any(isinstance(t, Categorical) for t in terms):
        return MergedFactors(dense, terms, coding)
    edges = np.cumsum([dense, *(t.shape[1] for t in short)])
    rows = (ContrastMap(np.arange(edges[-1]), int(edges[-1])) if coding is None else coding).matrix_map()
    spans = [slice(a, b) for a, b in zip(edges[:-1], edges[1:], strict=True)]
    last = None if high_cardinality else _levels_apart(short, spans, rows)
    groups = _groups([None if i == last else t for i, t in enumerate(short)], max(t.shape[1] for t in terms))
    if last is None and all(len(g) == 1 for g in groups):
        return MergedFactors(dense, terms, coding)
    maps = [_combined_map([short[i].shape[1] for i in g], [rows[spans[i]] for i in g]) for g in groups]
    core = vstack([rows[:dense], *maps], format="csr")
    if high_cardinality:
        merged = ContrastMap(core, core.shape[0], coding.kept, coding.high_cardinality, coding.order)
        groups = [*groups, (len(short),)]
    elif last is None:
        merged = ContrastMap(core, core.shape[0])
    else:
        merged = _levels_last(core, rows[spans[last]])
        groups = [*groups, (last,)]
    return MergedFactors(dense, (), merged, tuple(groups)).of(terms)


def _levels_last(core, levels) -> ContrastMap:
    """The map of ``core`` (M0, m) and the rows ``levels`` (L, m) of a factor, whose coefficients come last."""
    kept, numbers = np.flatnonzero(np.diff(levels.indptr)), levels.indices
    others = np.setdiff1d(np.arange(core.shape[1]), numbers)
    return ContrastMap(core[:, others], core.shape[0], kept, levels.shape[0], np.concatenate([others, numbers]))


def _levels_apart(terms, spans, whole):
    """The number of the factor of most levels whose coefficients are those of its levels alone; None without one."""
    per_coefficient = np.diff(whole.tocsc().indptr)
    best, found = MANY_LEVELS - 1, None
    for i, (term, span) in enumerate(zip(terms, spans, strict=True)):
        if not isinstance(term, Categorical) or term.values is not None or term.shape[1] <= best:
            continue
        rows = whole[span]
        plain = (rows.data == 1.0).all() and np.diff(rows.indptr).max(initial=0) <= 1
        # beside it there must be others: the Schur complement of none is no matrix
        if plain and rows.nnz < whole.shape[1] and (per_coefficient[rows.indices] == 1).all():
            best, found = term.shape[1], i
    return found


def _groups(terms, widest) -> list[Any]:
    """The numbers of the terms that become one: the factors of fewest levels, as long as they have few combinations."""
    plain = [i for i, t in enumerate(terms) if isinstance(t, Categorical) and t.values is None and t.complete]
    plain.sort(key=lambda i: terms[i].shape[1])
    together, cells = [], 1
    for i in plain:
        product = cells * terms[i].shape[1]
        if product > MERGED_LEVELS or product * widest > PRODUCTS_IN_CACHE:
            break
        together, cells = [*together, i], product
    rest = [(i,) for i, t in enumerate(terms) if t is not None and i not in together]
    return [tuple(sorted(together)), *rest] if together else rest


def _combined(factors):
    """Factors as one of all combinations of their levels, the first varying fastest; one alone as it is."""
    if len(factors) == 1:
        return factors[0]
    widths = [t.shape[1] for t in factors]
    codes = factors[0].codes.copy()
    for a in range(0, len(codes), MERGED_AT_A_TIME):  # block by block, so that what is between stays in cache
        for factor, stride in zip(factors[1:], np.cumprod(widths), strict=False):
            codes[a : a + MERGED_AT_A_TIME] += factor.codes[a : a + MERGED_AT_A_TIME] * np.int32(stride)
    return Categorical(codes, int(np.prod(widths)))


def _combined_map(widths, maps):
    """The rows of the coding of such a factor."""
    if len(maps) == 1:
        return maps[0]
    digits = np.unravel_index(np.arange(int(np.prod(widths))), widths, order="F")
    return sum(m[d] for m, d in zip(maps, digits, strict=True))
