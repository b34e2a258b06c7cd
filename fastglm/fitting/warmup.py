"""Compiling ahead of the first fit."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from .entry import fit

if TYPE_CHECKING:
    from collections.abc import Sequence

    from ..types import FamilyLike, LinkLike


def warmup(
    families: Sequence[FamilyLike] = ("gaussian", "binomial", "poisson", "gamma"),
    links: Sequence[LinkLike] | None = None,
) -> None:
    """Compile the loops of these families into the disk cache, so that their first fits need not.

    Parameters
    ----------
    families : sequence of str or family
        Names or values, each with its default link unless ``links`` gives another.
    links : sequence of str or link, optional
        As many as families.

    Raises
    ------
    InvalidParameterError
        For a name that is not known.
    """
    rng = np.random.default_rng(0)
    for k, family in enumerate(families):
        link = None if links is None else links[k]
        # few rows for the plain path, many for the sample's, and a proportion for the densities of counts
        for n in (200, 40_000):
            X = rng.uniform(0.5, 1.0, (n, 2))
            y = (rng.random(n) < 0.5) * 1.0 if "binomial" == family else rng.uniform(0.2, 0.8, n)
            fit(X, y, family=family, link=link)
