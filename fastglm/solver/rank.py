"""Which columns of X depend on earlier ones: decided once, on X itself.

The information's own rank will not do: where means run to the end of their range its rows fade, and columns that X
tells apart look dependent.
"""

from __future__ import annotations

import numpy as np

from ..linalg.factor import from_root, root_of_products
from ..linalg.symmetric import CROSS_PRODUCT

UNDERFLOWN = 1e-200  # a sum of squares at which digits may be lost, or which is zero
TOLERANCE = 1e-11  # of a column's length; R's glm.fit, min(1e-7, epsilon / 1000); not the convergence tolerance


def decide_rank(objective) -> None:
    """Find the coefficients whose columns depend on no earlier ones, and what the others are made of, unless known.

    Rows of weight zero do not count; all others count the same, except in least squares, whose weights are fixed and
    count as in R.

    Parameters
    ----------
    objective : RowObjective
        Which is given ``kept`` (r,), ``aliased`` {j: {k: c_k}}, where column j is the sum of c_k times column k, and
        ``own`` (r,), what is left of the length of each column that is kept beside earlier ones, None beside very many
        levels.
    """
    if objective.kept is not None:
        return
    design = objective.design()
    factor = _factor(design)
    objective.n_passes += design.n_passes
    objective.factorable = design.factorable
    m, blocks = objective.n_columns, objective.n_params // objective.n_columns
    objective.kept = np.concatenate([factor.kept + b * m for b in range(blocks)])
    objective.aliased = {
        j + b * m: {k + b * m: c for k, c in combination.items()}
        for b in range(blocks)
        for j, combination in factor.aliased.items()
    }
    objective.own = None if factor.own is None else np.tile(factor.own, blocks)


def _factor(design):
    """The factor of X over its independent columns."""
    zero = np.zeros(design.n_params)
    if design.source.high_cardinality:
        # beside very many levels there are only cross-products
        return design.at(zero, 2).information.rank_factor(design.scale)
    if not design.small:
        # few passes tell candidates and prove them; rows are factored where they do not, or where squares underflow
        J = design.at(zero, 2).information
        squares, whole = J.diagonal(), J.toarray()
        if np.isfinite(whole).all() and (not design.factorable or (squares > UNDERFLOWN).all()):
            factor = from_root(root_of_products(whole), design.scale, tolerance=CROSS_PRODUCT)
            if not factor.aliased or _are_dependent(design, factor, np.sqrt(squares)):
                return factor
        design.factorable = True
    return from_root(design.root(zero), design.scale, tolerance=TOLERANCE)


def _are_dependent(design, factor, length) -> bool:
    """Whether nothing but rounding is left of columns beside those that they look dependent on: two score passes.

    All are looked at together, in a random combination of what is left of each, from which the independent columns
    are projected out once more: residuals of rows do not lose the digits that a cross-product does.
    """
    signs = np.random.default_rng(len(factor.aliased)).choice([-1.0, 1.0], len(factor.aliased))
    probe = np.zeros(design.n_params)
    for sign, (j, combination) in zip(signs, factor.aliased.items(), strict=True):
        if length[j] > 0.0:
            size = sign * design.scale[j] / length[j]
            probe[j] += size
            for k, c in combination.items():
                probe[k] -= size * c
    probe = probe + factor.solve(design.at(probe, 1).score)
    return bool(np.sqrt(design.at(probe, 1).deviance) <= TOLERANCE * np.sqrt(len(factor.aliased)))
