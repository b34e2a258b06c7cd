"""Families whose rows have several linear predictors: ordered levels, counts with many zeros, shares.

They are not among the families of one mean: what a pass needs of them is the number of a compiled loop
(``kernels/several.py``) and its arguments.
"""

from __future__ import annotations

from typing import Any, NamedTuple

from ..core.records import Interval
from ..errors import InvalidParameterError
from ..kernels.layout import HURDLE, INFLATED
from ..kernels.layout import SEVERAL_LINKS as LINKS

KINDS = ("cumulative", "adjacent", "continuation")
UNIT_LINKS = LINKS[:5]
COUNTS = Interval(0.0, closed="left")


class Loop(NamedTuple):
    """A compiled loop by its ``name`` and the numbers that it takes before the predictors."""

    name: str
    arguments: tuple[int, ...]


class SeveralFacts:
    """What families of several linear predictors have in common.

    Attributes
    ----------
    parts : tuple of str
        What coefficients of the first and of the second predictor are called after; none where there is one alone.
    second_field : str or None
        The field with the columns of the second predictor.
    whole : bool
        Whether y counts.
    """

    __slots__ = ()

    response_model = "several"
    dispersion = "one"
    counts_dispersion = two_outcomes = profiled = labelled = whole = False
    canonical = saturated = estimated = reference = second_field = None
    links: tuple[str, ...] = ("log",)
    default_link: Any = "log"
    domain = COUNTS
    parts: tuple[str, ...] = ("count", "zero")
    shape_name: str | None = None

    @property
    def second(self) -> Any:
        """The columns of the second predictor, None for its default."""
        return None if self.second_field is None else getattr(self, self.second_field)

    def check(self, link: Any) -> None:
        """Refuse a link, or a field, that the family does not have.

        Raises
        ------
        InvalidParameterError
        """
        if link.name not in self.links:
            known = ", ".join(map(repr, self.links))
            raise InvalidParameterError(f"link={link.name!r}: family={self.name!r} has {known}")
        if isinstance(self.second, str):
            raise InvalidParameterError(
                f"{self.second_field}={self.second!r} must be a sequence of names or numbers of columns"
            )


class _OrdinalFields(NamedTuple):
    kind: str = "cumulative"
    levels: tuple[Any, ...] | None = None


class Ordinal(_OrdinalFields, SeveralFacts):
    """Ordered levels: thresholds less one linear predictor, as R's ``MASS::polr`` spells them.

    Parameters
    ----------
    kind : {"cumulative", "adjacent", "continuation"}
        F(threshold_k - eta) is P(y <= k), or P(y = k | y = k or k + 1), or P(y = k | y >= k), F the inverse of the
        link (McCullagh 1980; Agresti 2010, "Analysis of Ordinal Categorical Data", chapters 3 and 4).
    levels : sequence, optional
        The labels of y from the lowest to the highest. Without it numbers have their own order, and labels of an
        ordered categorical theirs.
    """

    __slots__ = ()

    name = "ordinal"
    links = UNIT_LINKS
    default_link = "logit"
    labelled = True
    parts = ()

    def check(self, link: Any) -> None:
        if self.kind not in KINDS:
            raise InvalidParameterError(f"kind={self.kind!r} is unknown; there are {', '.join(map(repr, KINDS))}")
        SeveralFacts.check(self, link)
        if self.kind == "adjacent" and link.name != "logit":
            raise InvalidParameterError(f"link={link.name!r}: kind='adjacent' has 'logit' alone")

    def loop(self, link: Any, second_link: Any, expected: Any = False) -> Loop:
        """The loop of the rows."""
        return Loop("ordinal", (KINDS.index(self.kind), LINKS.index(link.name)))


class _ZeroFields(NamedTuple):
    zero: tuple[Any, ...] | None = None


class _Counts(_ZeroFields, SeveralFacts):
    __slots__ = ()
    second_field, whole = "zero", True

    def loop(self, link: Any, second_link: Any, expected: Any = False) -> Loop:
        """The loop of the rows."""
        return Loop("count", (INFLATED if self.inflated else HURDLE, int(self.shape_name is not None)))


class ZeroInflatedPoisson(_Counts):
    """Counts that are zero with a probability of their own, else Poisson (Lambert 1992; R's ``pscl::zeroinfl``).

    Parameters
    ----------
    zero : sequence of names or numbers of columns, optional
        The columns of X that the logit of that probability has; all of them without it. A formula gives them as
        "y ~ x | z".
    """

    __slots__ = ()
    name, inflated = "zero_inflated_poisson", True


class ZeroInflatedNegativeBinomial(_Counts):
    """The same with negative binomial counts, whose theta is estimated.

    Parameters
    ----------
    zero : as for ``ZeroInflatedPoisson``
    """

    __slots__ = ()
    name, inflated, shape_name = "zero_inflated_negative_binomial", True, "theta"


class HurdlePoisson(_Counts):
    """Counts that pass a hurdle to be positive, and then are Poisson truncated at zero (Mullahy 1986; R's
    ``pscl::hurdle``).

    Parameters
    ----------
    zero : sequence of names or numbers of columns, optional
        The columns of the logit of the probability of a positive count; all of X without it.
    """

    __slots__ = ()
    name, inflated = "hurdle_poisson", False


class HurdleNegativeBinomial(_Counts):
    """The same with truncated negative binomial counts, whose theta is estimated.

    Parameters
    ----------
    zero : as for ``HurdlePoisson``
    """

    __slots__ = ()
    name, inflated, shape_name = "hurdle_negative_binomial", False, "theta"


class _BetaFields(NamedTuple):
    precision: tuple[Any, ...] | None = None
    precision_link: str | None = None


class Beta(_BetaFields, SeveralFacts):
    """Shares strictly between 0 and 1, beta-distributed (Ferrari and Cribari-Neto 2004; R's ``betareg``).

    Parameters
    ----------
    precision : sequence of names or numbers of columns, optional
        The columns of X that the precision phi depends on, none without it. A formula gives them as "y ~ x | z".
    precision_link : {"identity", "log", "sqrt"}, optional
        Identity for a constant precision, else log.
    """

    __slots__ = ()

    name = "beta"
    links = (*UNIT_LINKS, "log")
    default_link = "logit"
    domain = Interval(0.0, 1.0, "neither")
    parts = ("", "phi")
    second_field = "precision"

    def check(self, link: Any) -> None:
        SeveralFacts.check(self, link)
        if self.precision_link not in (None, *LINKS[5:]):
            raise InvalidParameterError(
                f"precision_link={self.precision_link!r} is unknown; there are 'identity', 'log', 'sqrt'"
            )

    def loop(self, link: Any, second_link: Any, expected: Any = False) -> Loop:
        """The loop of the rows."""
        return Loop("beta", (LINKS.index(link.name), LINKS.index(second_link), int(expected)))


SEVERAL: dict[str, type] = {
    cls.name: cls
    for cls in (
        Ordinal, ZeroInflatedPoisson, ZeroInflatedNegativeBinomial, HurdlePoisson, HurdleNegativeBinomial, Beta,
    )
}  # fmt: skip
