"""Data drawn from a softmax (multinomial logistic) regression."""

from __future__ import annotations

from typing import TYPE_CHECKING, overload

import numpy as np

from ..errors import InvalidParameterError
from .categorical import Factors
from .design import Design, gather, streams
from .recipe import Column, Recipe, Simulated, slopes

if TYPE_CHECKING:
    from collections.abc import Iterator

    from typing_extensions import Unpack

    from ..types import TruthOptions


@overload
def make_softmax(
    n: int = 1000, p: int = 5, n_classes: int = 3, *, reference: int | None = None, chunk_rows: None = None,
    **options: Unpack[TruthOptions],
) -> Simulated: ...  # fmt: skip


@overload
def make_softmax(
    n: int = 1000, p: int = 5, n_classes: int = 3, *, reference: int | None = None, chunk_rows: int,
    **options: Unpack[TruthOptions],
) -> Iterator[Simulated]: ...  # fmt: skip


def make_softmax(
    n=1000, p=5, n_classes=3, *, reference=None, beta=None, intercept=True, seed=0, rho=0.0, kind="normal",
    dtype=np.float64, order="C", density=None, levels=(), zipf=1.0, effects=None, signal=1.0, chunk_rows=None,
):  # fmt: skip
    """Draw X and class codes y from a softmax regression, P(y = k) proportional to exp(intercept_k + x beta_k).

    Parameters
    ----------
    n, p, n_classes : int
        Rows and columns of X, and the number K of classes.
    reference : int, optional
        None: the true coefficients are the symmetric ones, which sum to 0 over the classes. A class: they are those
        against this class, whose own are 0. Both describe the same model and give the same data.
    beta : array of shape (p, K), optional
        True slopes, reported as they are unless there is a reference. Drawn where not given, so that X beta_k has
        standard deviation `signal`, on average over the classes.
    intercept : bool or array of shape (K,), default True
        True: zeros; False: a model without; an array: that, such as the logs of the classes' shares.
    levels, zipf, effects
        Categorical columns as in `make_glm`; effects have shapes (levels, K).
    seed, rho, kind, dtype, order, density, chunk_rows
        As in `make_X`, which gives the same X.

    Returns
    -------
    Simulated, or an iterator of Simulated
        With y of int64 codes 0 to K - 1, `beta` of shape (p, K), and `params` of (p + 1, K) or (p, K).

    Raises
    ------
    InvalidParameterError
        For arguments out of range.

    Examples
    --------
    >>> from fastglm.simulate import make_softmax
    >>> data = make_softmax(1000, 2, 4, reference=0)
    >>> data, data.params.shape
    (<Simulated multinomial/softmax: X 1,000 x 2, y>, (3, 4))
    """
    if int(n_classes) != n_classes or n_classes < 2:
        raise InvalidParameterError(f"n_classes must be a whole number of at least 2, got {n_classes}")
    n_classes = int(n_classes)
    if reference is not None and reference not in range(n_classes):
        raise InvalidParameterError(f"reference must be None or a class from 0 to {n_classes - 1}, got {reference!r}")
    design = Design(n, p, seed=seed, rho=rho, kind=kind, dtype=dtype, density=density)
    beta = slopes(design, beta, (design.p, n_classes), signal)
    none = Column("offset", None, design.n, None, None, None)
    recipe = Recipe(
        design=design,
        factors=Factors(levels, zipf, effects, signal, (n_classes,), streams(seed)[6]) if len(levels) else None,
        draw=draw_codes,
        beta=beta,
        intercept=_intercept(intercept, n_classes, design, beta),
        weights=none,
        offset=none,
    )
    make = recipe.maker(reference=reference, family="multinomial", link="softmax", parameters={})
    return gather(recipe.units(), design.n, chunk_rows, order, make)


def draw_codes(rng, eta, weights, first):
    """Codes of classes with probabilities proportional to exp(eta), by inversion of their distribution function.

    Parameters
    ----------
    eta : (rows, K) array
    weights, first : unused; other responses need them

    Returns
    -------
    (rows,) int64 array
    """
    mass = np.exp(eta - eta.max(axis=1, keepdims=True))
    bounds = np.cumsum(mass, axis=1)
    below = rng.random(len(eta)) * bounds[:, -1]
    return (bounds[:, :-1] <= below[:, None]).sum(axis=1)


def _intercept(intercept, n_classes, design, beta):
    if intercept is False:
        return None
    if intercept is True:
        # the means of a badly scaled X leave the classes balanced
        return np.zeros(n_classes) if design.center is None else -(design.center * design.scale) @ beta
    intercept = np.array(intercept, float)
    if intercept.shape != (n_classes,):
        raise InvalidParameterError(f"intercept must be a bool or have shape ({n_classes},), got {intercept.shape}")
    return intercept
