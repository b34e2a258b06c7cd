"""The information of a model with terms, put together from what a pass sums of its structured columns."""

from __future__ import annotations

import numpy as np

from ..kernels.dense import symmetric
from ..linalg.symmetric import ArrowheadMatrix, Dense, PermutedArrowhead


def assembled(source, dense: np.ndarray, extra: np.ndarray, scale: np.ndarray):
    """The information of the model's coefficients, times scale on both sides, from what a pass over terms sums.

    Parameters
    ----------
    source : InMemory
    dense : (d, d) array
        The upper triangle of the columns of numbers, the intercept first.
    extra : flat array
        Of ``kernels.structured_columns.StructuredSums``.
    scale : (m,) array

    Returns
    -------
    Dense, ArrowheadMatrix where a factor has very many levels, PermutedArrowhead where the source sets a factor apart
    """
    own, cross, border, diagonal = source.structured_sums.split(extra)
    d, width = len(dense), len(dense) + len(own)
    full = np.empty((width, width))
    full[:d, :d] = symmetric(dense)
    full[d:, :d], full[:d, d:], full[d:, d:] = cross, cross.T, symmetric(own)
    coding = source.packed.coding
    if coding is None:
        return Dense(full * scale * scale[:, None])
    order = coding.order
    core, m = coding.matrix(full), coding.core
    scale = scale if order is None else scale[order]
    core *= scale[:m] * scale[:m, None]
    if not coding.high_cardinality:
        return Dense(core)
    high_cardinality = scale[m:]
    arrowhead = ArrowheadMatrix(
        core, coding.border(border) * scale[:m] * high_cardinality[:, None], diagonal[coding.kept] * high_cardinality**2
    )
    if source.high_cardinality:
        return arrowhead._replace(order=order)
    return arrowhead if order is None else PermutedArrowhead(arrowhead, order)
