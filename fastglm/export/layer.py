"""What all exports have in common: a fitted model as the numbers and names of one layer."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np

from ..errors import InvalidParameterError


class Layer(NamedTuple):
    """One layer of a network, mean = inverse link of (X weight + bias + offset).

    Attributes
    ----------
    weight : (p, m) array; m is 1, or K - 1 for K classes; 0 where aliased
    bias : (m,) array, or None for a model without an intercept of its own
    family, link : the values of the fit
    names : tuple of str, the columns of X
    companion : None, "offset" or "exposure", the second input
    classes : tuple of labels, or None
    reference : int or None
        Which of the K classes has no column and a linear predictor of zero; None for models of one mean.
    """

    weight: np.ndarray
    bias: np.ndarray | None
    family: Any
    link: Any
    names: tuple[str, ...]
    companion: str | None
    classes: tuple | None
    reference: int | None

    @classmethod
    def of(cls, result) -> Layer:
        """The layer of a result; InvalidParameterError for a link of one's own without the method ``array_inverse``."""
        link, family = result.link, result.family
        if getattr(link, "array_inverse", None) is None:
            raise InvalidParameterError(f"the link {link.name!r} cannot be exported: it has no array_inverse(eta, xp)")
        b = np.where(np.isnan(result.params), 0.0, result.params)
        b = b[:, None] if b.ndim == 1 else b
        bias, weight = (b[0], b[1:]) if result.intercept else (None, b)
        reference = list(result.classes).index(family.reference) if family.response_model == "softmax" else None
        names, companion = tuple(result.schema.columns), result.exposure_kind
        return cls(weight, bias, family, link, names, companion, result.classes, reference)

    def over_classes(self) -> tuple[np.ndarray, np.ndarray | None]:
        """Weight (p, K) and bias (K,) with the zeros of the reference class, or as they are for one mean."""
        if self.reference is None:
            return self.weight, self.bias
        bias = None if self.bias is None else np.insert(self.bias, self.reference, 0.0)
        return np.insert(self.weight, self.reference, 0.0, axis=1), bias
