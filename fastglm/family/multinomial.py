"""The multinomial distribution of one of K classes, and the softmax that gives their probabilities.

It is not among the families of one mean: a row has K - 1 linear predictors, one for each class but the reference.
"""

from __future__ import annotations

from typing import Any, NamedTuple

from ..core.records import Interval


class Softmax(NamedTuple):
    """The canonical link: eta_k = log(mu_k / mu_reference), mu = softmax(eta) with the reference's eta zero."""

    name = "softmax"
    effect, activation = "log odds against", "softmax"

    @staticmethod
    def array_inverse(eta: Any, xp: Any) -> Any:
        return xp.softmax(eta)


class _Reference(NamedTuple):
    # apart from what all have in common, which type checkers would take for fields
    reference: object = None


class Multinomial(_Reference):
    """theta_k = log(mu_k / mu_reference), T(y) the indicators, a(theta) = logsumexp(0, theta).

    Parameters
    ----------
    reference : label, optional
        The class the others are compared with; the first in sorted order without it.
    """

    __slots__ = ()

    name = "multinomial"
    canonical = "softmax"
    default_link = Softmax
    domain = Interval(0.0, closed="left")
    dispersion = "one"
    counts_dispersion = False
    labelled = True
    saturated = None
    response_model = "softmax"

    @property
    def without_columns(self) -> Any:
        """The family itself: no field chooses columns."""
        return self
