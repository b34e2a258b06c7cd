"""The areas under the ROC curves of rows that are held out, by the counts of their linear predictors."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np

from ..objective.held_out import HeldOut
from ..objective.passes import line_blocks
from ..source.folds import first_row
from ..source.pieces import selected_rows
from ..source.streaming_qr import weight
from .tallies import Tally, total

RANKS_BYTES = 1 << 29  # of tallies that are held at once; chosen: more lambdas take more passes
CELL_BYTES = 24  # of a tally: a key and two weights


class Tallies(NamedTuple):
    """Tallies by their places; adding two joins those of a place."""

    values: dict[Any, Any]

    def __add__(self, other: Tallies) -> Tallies:
        joined = dict(self.values)
        for place, tally in other.values.items():
            joined[place] = Tally.joined([joined[place], tally]) if place in joined else tally
        return Tallies(joined)


class HeldOutRanks(HeldOut):
    """The tallies of the linear predictors of held-out rows, of successes and failures, by (fold, lambda)."""

    journaled = False

    def of(self, part, runs):
        found: dict[Any, Any] = {}
        first = first_row(part)
        for a, b in line_blocks(runs):
            rows = np.arange(a, b)
            of, w = self.folds.parts.of(first + rows), weight(part.data, a, b)
            for f, measured in enumerate(self.folds.measured):
                mine = measured[of] & (w > 0.0)
                if mine.any():
                    data = selected_rows(part.data, rows[mine])
                    y = np.asarray(data.y, np.float64)
                    events = np.column_stack([w[mine] * y, w[mine] * (1.0 - y)])
                    for i, eta in enumerate(self.etas(data, f).T):
                        found.setdefault((f, i), []).append(Tally.of(eta, events))
        return Tallies({place: total(parts) for place, parts in found.items()})


def areas(source, pair, beta: np.ndarray, folds) -> np.ndarray:
    """The area under the ROC curve of the held-out rows of each fold, (F, L).

    A pair of a success and a failure counts by the product of their weights, one of equal linear predictors half.

    Parameters
    ----------
    source : Source
    pair : FamilyLink
    beta : (F, L, m) array
    folds : Folds
    """
    at_once = max(1, int(RANKS_BYTES // (CELL_BYTES * max(source.n_rows, 1))))
    out = np.full(beta.shape[:2], np.nan)
    for first in range(0, beta.shape[1], at_once):
        found = source.reduce(HeldOutRanks(pair, beta[:, first : first + at_once], folds, "auc"))
        for (f, i), tally in found.values.items():
            out[f, first + i] = tally.auc()[0]
    return out
