"""Compiling ahead of the first fit."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from ..kernels.cache import Built
from ..matrix import Categorical, Dense, Split
from ..options.penalties import Ridge
from .entry import fit
from .path import path

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


def build() -> None:
    """Compile what most first fits need into the package: a step of its installation, not for its users.

    Rows of numbers, weights, factors, robust covariances, predictions, penalties and classes; other loops are compiled
    when they are first asked for.
    """
    Built.building = True
    warmup()
    rng, n = np.random.default_rng(0), 200
    X, share, z = rng.uniform(0.5, 1.0, (n, 2)), rng.uniform(0.2, 0.8, n), (rng.random(n) < 0.5) * 1.0
    for family, y in {"gaussian": share, "binomial": z, "poisson": z, "gamma": share}.items():
        fit(X, y, family=family, weights=share)
        fit(X, y, family=family, offset=X[:, 0] ** 2, cov="HC1").predict(X, offset=share, interval="mean")
    fit(X, z, family="poisson", exposure=share)
    fit(X, z, family="binomial", cov="HC3")
    fit(X, rng.negative_binomial(1.0, 0.5, n), family="negative_binomial")
    fit(X, rng.integers(0, 3, n), family="multinomial")
    levels, more = rng.integers(0, 3, (2, n))
    fit(Split((Dense(X), Categorical(levels, 3, share), Categorical(more - 1, 2))), z, family="binomial")
    for family in ("gaussian", "binomial"):
        fit(X, z, family=family, penalty=Ridge(1.0))
        path(X, z, family=family, lambdas=[0.1, 0.01])
