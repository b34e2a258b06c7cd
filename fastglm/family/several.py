"""Families whose rows have several linear predictors: ordered levels, counts with many zeros, shares, dispersions.

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
POSITIVE = Interval(0.0, closed="neither")


class Loop(NamedTuple):
    """A loop over rows by its ``name`` and what it takes before the predictors; ``divides`` says that prior weights
    divide the dispersion, whose logarithm is the second predictor, rather than multiply the log-likelihood."""

    name: str
    arguments: tuple[Any, ...]
    divides: bool = False


class SeveralFacts:
    """What families of several linear predictors have in common.

    Attributes
    ----------
    parts : tuple of str
        What coefficients of the first and of the second predictor are called after; none where there is one alone.
    second_field : str or None
        The field with the columns of the second predictor.
    second_kind : str
        What the second predictor is of, in tables.
    second_constant : bool
        Whether the second predictor is a constant where it is given no columns, rather than of all columns.
    whole : bool
        Whether y counts.
    shares : bool
        Whether y lies between 0 and 1.
    separable : bool
        Whether coefficients may be infinite.
    observed : bool
        Whether the information is the observed one, rather than the expected one.
    """

    __slots__ = ()

    response_model = "several"
    dispersion, second_kind = "one", "zero"
    counts_dispersion = two_outcomes = profiled = labelled = whole = shares = second_constant = False
    separable = observed = True
    mean_columns = None
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

    @property
    def without_columns(self) -> Any:
        """The family without fields that choose columns, which nested models may differ in."""
        fields = {"zero": None, "precision": None, "parallel": True}
        return self._replace(**{name: v for name, v in fields.items() if name in self._fields})

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
    parallel: bool | tuple[Any, ...] = True


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
    parallel : bool, or sequence of names or numbers of columns, or names of terms
        Whether a column has one coefficient for all thresholds, or one at each: F(threshold_k - eta_k), with eta_k the
        columns by their coefficients there. A sequence names the columns that have one for all (partial proportional
        odds, Peterson and Harrell 1990; R's ``VGAM::cumulative(parallel=TRUE ~ x)``).
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
        named = isinstance(self.parallel, (list, tuple)) and len(self.parallel)
        if not isinstance(self.parallel, bool) and not named:
            raise InvalidParameterError(
                f"parallel={self.parallel!r} must be True, False, or a sequence of names or numbers of columns"
            )
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

    @property
    def limit(self) -> ZeroInflatedPoisson:
        """The family as theta grows to infinity."""
        return ZeroInflatedPoisson(*self)


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

    @property
    def limit(self) -> HurdlePoisson:
        """The family as theta grows to infinity."""
        return HurdlePoisson(*self)


class _NoFields(NamedTuple):
    pass


class ZeroTruncatedPoisson(_NoFields, SeveralFacts):
    """Poisson counts of one or more, whose zeros are not observed (David and Johnson 1952; R's
    ``VGAM::pospoisson`` and ``countreg::zerotrunc``): the count part of a hurdle, alone."""

    __slots__ = ()

    name, inflated, whole = "zero_truncated_poisson", False, True
    parts = ("",)
    domain = Interval(1.0, closed="left")

    def loop(self, link: Any, second_link: Any, expected: bool = False) -> Loop:
        """The loop of the rows."""
        return Loop("truncated", (int(self.shape_name is not None),))


class ZeroTruncatedNegativeBinomial(ZeroTruncatedPoisson):
    """The same of negative binomial counts, whose theta is estimated."""

    __slots__ = ()
    name, shape_name = "zero_truncated_negative_binomial", "theta"

    @property
    def limit(self) -> ZeroTruncatedPoisson:
        """The family as theta grows to infinity."""
        return ZeroTruncatedPoisson()


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
    second_field = second_kind = "precision"
    shares = second_constant = True
    separable = observed = False

    def check(self, link: Any) -> None:
        SeveralFacts.check(self, link)
        if self.precision_link not in (None, *LINKS[5:]):
            raise InvalidParameterError(
                f"precision_link={self.precision_link!r} is unknown; there are 'identity', 'log', 'sqrt'"
            )

    def loop(self, link: Any, second_link: Any, expected: Any = False) -> Loop:
        """The loop of the rows."""
        return Loop("beta", (LINKS.index(link.name), LINKS.index(second_link), int(expected)))


METHODS = ("ml", "reml")


class _DoubleFields(NamedTuple):
    dispersion_columns: tuple[Any, ...] | None = None
    mean_columns: tuple[Any, ...] | None = None
    method: str = "ml"


class _Double(SeveralFacts):
    __slots__ = ()

    links = ("identity", "log", "inverse", "inverse_squared", "sqrt", "power")
    parts = ("", "dispersion")
    second_field, second_kind, second_constant = "dispersion_columns", "dispersion", True
    separable = observed = False
    distribution = "gaussian"

    @property
    def variance_power(self) -> float:
        """The power of the mean that the variance is."""
        return {"gaussian": 0.0, "gamma": 2.0, "inverse_gaussian": 3.0}[self.distribution]

    def check(self, link: Any) -> None:
        SeveralFacts.check(self, link)
        if isinstance(self.mean_columns, str):
            raise InvalidParameterError(
                f"mean_columns={self.mean_columns!r} must be a sequence of names or numbers of columns"
            )
        if self.method not in METHODS:
            raise InvalidParameterError(f"method={self.method!r} is unknown; there are {', '.join(map(repr, METHODS))}")

    def loop(self, link: Any, second_link: Any, expected: bool = False) -> Loop:
        """The loop of the rows."""
        more = {"power": self.variance_power} if self.distribution == "tweedie" else {}
        return Loop("double", (self.distribution, more, link), True)


class DoubleGaussian(_DoubleFields, _Double):
    """Normal responses whose variance has columns of its own: log(phi_i) = z_i' gamma beside the mean (Harvey 1976;
    R's ``dglm``).

    Parameters
    ----------
    dispersion_columns : sequence of names or numbers of columns, optional
        The columns of X that the logarithm of the dispersion has, none without it. A formula gives them as "y ~ x | z".
    mean_columns : sequence of names or numbers of columns, optional
        The columns of X that the mean has; all of them without it.
    method : {"ml", "reml"}
        Maximum likelihood, or restricted: the score of the dispersion is adjusted by leverages for the coefficients of
        the mean that are estimated beside it (Smyth and Verbyla 1999, Environmetrics 10). ``llf`` then is less half the
        logarithm of the determinant of the mean's information, and compares models of one mean alone.

    References
    ----------
    Smyth, G. K. (1989), "Generalized linear models with varying dispersion", Journal of the Royal Statistical Society
    B 51; the variance of a row is phi_i V(mu_i) / weights_i.
    """

    __slots__ = ()
    name, domain, default_link = "double_gaussian", Interval(), "identity"


class DoubleGamma(_DoubleFields, _Double):
    """Gamma responses of the dispersion phi_i, the reciprocal of the shape (Smyth 1989).

    Parameters
    ----------
    dispersion_columns, mean_columns, method : as for ``DoubleGaussian``
    """

    __slots__ = ()
    name, distribution, domain, default_link = "double_gamma", "gamma", POSITIVE, "inverse"


class DoubleInverseGaussian(_DoubleFields, _Double):
    """Inverse Gaussian responses of the dispersion phi_i (Smyth 1989).

    Parameters
    ----------
    dispersion_columns, mean_columns, method : as for ``DoubleGaussian``
    """

    __slots__ = ()
    name, distribution, domain = "double_inverse_gaussian", "inverse_gaussian", POSITIVE
    default_link = "inverse_squared"


class _DoubleTweedieFields(NamedTuple):
    power: float = 1.5
    dispersion_columns: tuple[Any, ...] | None = None
    mean_columns: tuple[Any, ...] | None = None
    method: str = "ml"


class DoubleTweedie(_DoubleTweedieFields, _Double):
    """Responses of the variance phi_i mu_i^power, zero or positive, by their extended quasi-likelihood.

    Parameters
    ----------
    power : float
        Between 1 and 2.
    dispersion_columns, mean_columns, method : as for ``DoubleGaussian``

    Notes
    -----
    The extended quasi-likelihood (Nelder and Pregibon 1987, Biometrika 74) takes the saddlepoint approximation for the
    density, as R's ``dglm`` does; its V(y) is that at y + 1/6 where y is zero.
    """

    __slots__ = ()
    name, distribution, default_link = "double_tweedie", "tweedie", "log"

    @property
    def variance_power(self) -> float:
        """The power of the mean that the variance is."""
        return float(self.power)

    def check(self, link: Any) -> None:
        _Double.check(self, link)
        if not 1.0 < self.power < 2.0:
            raise InvalidParameterError(f"power={self.power!r} of family={self.name!r} must be between 1 and 2")


SEVERAL: dict[str, type] = {
    cls.name: cls
    for cls in (
        Ordinal, ZeroInflatedPoisson, ZeroInflatedNegativeBinomial, HurdlePoisson, HurdleNegativeBinomial,
        ZeroTruncatedPoisson, ZeroTruncatedNegativeBinomial, Beta,
        DoubleGaussian, DoubleGamma, DoubleInverseGaussian, DoubleTweedie,
    )
}  # fmt: skip
