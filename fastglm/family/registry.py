"""The tables of families and links; a registration is all that a new one needs."""

from __future__ import annotations

import difflib
from collections.abc import Callable
from math import inf
from typing import Any, TypeVar

import numpy as np

from ..core.protocols import Link, RegisteredFamily, RegisteredLink
from ..core.records import Interval
from ..errors import InvalidParameterError
from .multinomial import Multinomial, Softmax
from .several import SEVERAL

C = TypeVar("C", bound=type)

FAMILIES: dict[str, type] = {}
LINKS: dict[str, type] = {}
ALIASES: dict[str, str] = {}

REAL = Interval()
POSITIVE = Interval(0.0, float("inf"), "neither")
NONNEGATIVE = Interval(0.0, float("inf"), "left")
UNIT = Interval(0.0, 1.0, "both")


class FamilyFacts:
    """Everything that a family may say of itself beyond its four formulas; a class without its own fact has this one.

    Attributes
    ----------
    response_model : {"mean", "softmax", "several"}
        Whether a row has one mean, the probabilities of several classes, or several linear predictors.
    labelled : bool
        Whether y holds labels of several classes.
    two_outcomes : bool
        Whether y is a share of two outcomes, so that labels, and columns of successes and failures, are responses too.
    estimated : str, optional
        The parameter that ``fit`` estimates by maximum likelihood where it is None.
    variance_power : float, optional
        The p of a variance function V(mu) = mu^p.
    canonical : str, optional
        The name of the link under which expected and observed information are one.
    linear_link : type, optional
        The class of the link under which the score is w (y - eta).
    saturated : method, optional
        The log-density at mu = y; without it there is no likelihood.
    tabulated, binary_is_saturated : bool
        Whether ``saturated`` of whole numbers is worth a table, and whether it is zero at y = 0 and y = 1.
    profiled : bool
        Whether the likelihood is that at the dispersion which maximises it, found by a search over the responses.
    draw : method, optional
        ``draw(rng, mu, phi, weights)``: random responses of means mu (n,) and dispersions phi, for ``simulate``.
    simulated_intercept, simulated_dispersion : float
        The intercept and the dispersion of simulated data for which none are asked.
    anscombe_change : method, optional
        ``anscombe_change(y, mu, error)``: the integral of V^(-1/3) from mu to y in closed form, with error = y - mu.
    array_loss : method, optional
        ``array_loss(y, mu, xp)``: half the unit deviance less what depends on y alone, for exports.
    statsmodels_name : str, optional
        The class of statsmodels that means the same distribution.
    density_at_mean : method, optional
        ``density_at_mean(y, w, trials, scale)``: log-densities (n,) at mu = y by statsmodels' use of weights.
    frozen : method, optional
        ``frozen(mu, scale, trials)``: the distribution of the rows in ``scipy.stats``.
    tails : method, optional
        ``tails(y, mu, phi, w)``: the probabilities below and above responses, ``tails.Tails``, for quantile residuals;
        without it those of ``frozen``, taken for one with a density, at the dispersion phi / w.
    without_columns : family
        The family without fields that choose columns, which nested models may differ in.
    """

    response_model = "mean"
    two_outcomes = labelled = profiled = tabulated = binary_is_saturated = False
    estimated = variance_power = canonical = saturated = draw = anscombe_change = array_loss = None
    statsmodels_name = density_at_mean = frozen = tails = None
    linear_link = ()
    simulated_intercept, simulated_dispersion = 0.0, 1.0

    @staticmethod
    def events(weighted_y: float, weight: float) -> float:
        """The weight of rare events in responses of these sums, infinite where the family has none."""
        return inf

    def variance_slope(self, mu: Any) -> Any:
        """dV/dmu at means, of their shape: exact for powers of the mean, else a central difference (6e-11 relative)."""
        p = power_of_variance(self)
        if p is not None:
            return p * mu ** (p - 1.0) if p else 0.0 * mu
        step = DIFFERENCE * np.abs(mu)
        variance = np.vectorize(self.variance, otypes=[float])  # type: ignore[attr-defined]
        return (variance(mu + step) - variance(mu - step)) / (2.0 * step)

    def sufficient(self, y: float) -> float:
        """T(y), the sufficient statistic of the natural parameter."""
        return y

    def of_zeros_and_ones(self, link: Any) -> Any:
        """The family with the shortest formulas of the same numbers where every y is zero or one."""
        return self

    @property
    def without_columns(self) -> Any:
        """The family without fields that choose columns, which nested models may differ in."""
        return self

    def of_fractions(self) -> Any:
        """The family for any y, of one that ``of_zeros_and_ones`` gave."""
        return self

    @staticmethod
    def loglik(deviance: float, saturated: float, weight_sum: float, nobs: float) -> float:
        """The log-likelihood at a deviance, by R's rule for the dispersion."""
        return saturated - 0.5 * deviance


class LinkFacts:
    """Everything that a link may say of itself beyond its formulas; a class without its own fact has this one.

    Attributes
    ----------
    is_log : bool
        Whether eta = log(mu), so that exposures multiply means.
    half_line : bool
        Whether means of both signs of eta are apart, so that an interval for eta ends at zero.
    power : float, optional
        The p of a link mu^p = eta.
    effect : str, optional
        The quantity that one unit of a column adds to, for plots.
    statsmodels_name : str, optional
        The class of statsmodels that means the same link.
    activation : str, optional
        The activation of neural networks that is the inverse link.
    array_inverse : method, optional
        ``array_inverse(eta, xp)``: means of an array, by the functions of ``xp`` (exp, expm1, sigmoid, normal_cdf,
        arctan, rsqrt, power), so that one formula serves NumPy, PyTorch, Keras and ONNX.
    array_log_tails : method, optional
        ``array_log_tails(eta, xp)``: log(mu) and log(1 - mu) of a link onto (0, 1), without losing the tails.
    """

    is_log = half_line = False
    power = effect = statsmodels_name = activation = array_inverse = array_log_tails = None


DIFFERENCE = np.finfo(float).eps ** (1 / 3)  # the step, relative to mu, that balances truncation and rounding


def power_of_variance(family: Any) -> float | None:
    """The p of V(mu) = mu^p, or None; not that of a parent whose variance the family replaced."""
    parents = type(family).__mro__
    told, formula = (next(c for c in parents if name in vars(c)) for name in ("variance_power", "variance"))
    return family.variance_power if issubclass(told, formula) else None


def complete(cls: type, facts: type) -> type:
    """Give a class the facts that neither it nor its parents have."""
    for name, value in vars(facts).items():
        if not name.startswith("__") and not hasattr(cls, name):
            setattr(cls, name, value)
    return cls


def link(
    name: str,
    *,
    domain: Interval = REAL,
    ends: tuple[float | None, float | None] | None = None,
    aliases: tuple[str, ...] = (),
) -> Callable[[C], C]:
    """Class decorator: register a link under ``name``.

    Parameters
    ----------
    name : str
        The public name, as in ``fit(..., link=name)``.
    domain : Interval
        The linear predictors that a fit may have.
    ends : (float or None, float or None), optional
        The linear predictors at which the mean is within 1e-17 of 0 and of 1, where it gets there exponentially fast.
    aliases : tuple of str
        Other spellings.
    """

    def register(cls):
        cls.name, cls.domain = name, domain
        cls.ends = ends or getattr(cls, "ends", (None, None))
        complete(cls, LinkFacts)
        LINKS[name] = cls
        ALIASES.update({f"link:{a}": name for a in aliases})
        return cls

    return register


def family(
    name: str,
    *,
    link: type[Link],
    domain: Interval,
    mean: Interval | None = None,
    dispersion: str = "one",
    counts_dispersion: bool = False,
    canonical: str | None = None,
    tabulated: bool | None = None,
    binary_is_saturated: bool | None = None,
    aliases: tuple[str, ...] = (),
) -> Callable[[C], C]:
    """Class decorator: register a family under ``name``.

    Parameters
    ----------
    name : str
        The public name, as in ``fit(..., family=name)``.
    link : type
        The default link's class.
    domain : Interval
        The support of y.
    mean : Interval, optional
        The means the model may predict; the interior of ``domain`` unless given.
    dispersion : {"one", "pearson"}
        Known to be one (z tests), or Pearson's chi-square over the residual degrees of freedom (t tests).
    counts_dispersion : bool
        Whether AIC counts the dispersion as a parameter, as R does for gaussian, Gamma and inverse.gaussian.
    canonical : str, optional
        The name of the canonical link. What is not given is that of the parent class, if it has it.
    tabulated, binary_is_saturated : bool, optional
        Whether ``saturated`` of whole numbers is worth a table, and whether it is zero at y = 0 and y = 1.
    aliases : tuple of str
        Other spellings.
    """
    facts = {"canonical": canonical, "tabulated": tabulated, "binary_is_saturated": binary_is_saturated}

    def register(cls):
        cls.name, cls.default_link, cls.domain = name, link, domain
        cls.mean = mean or Interval(domain.low, domain.high, "neither")
        cls.dispersion, cls.counts_dispersion = dispersion, counts_dispersion
        for fact, value in facts.items():
            if value is not None:
                setattr(cls, fact, value)
        complete(cls, FamilyFacts)
        FAMILIES[name] = cls
        ALIASES.update({f"family:{a}": name for a in aliases})
        return cls

    return register


complete(Multinomial, FamilyFacts)
complete(Softmax, LinkFacts)


def _lookup(table: dict[str, type], what: str, name: str) -> type:
    key = ALIASES.get(f"{what}:{name}", name)
    if key not in table:
        close = difflib.get_close_matches(name, table, n=1)
        hint = f" (did you mean {close[0]!r}?)" if close else ""
        raise InvalidParameterError(f"{what}={name!r} is unknown{hint}; known: {', '.join(table)}")
    return table[key]


def get_family(name: str, **params: Any) -> RegisteredFamily:
    """The family registered under ``name`` (or an alias), with its parameters.

    Raises
    ------
    InvalidParameterError
        For a name that is not registered, or parameters the family does not have.
    """
    return _build(family_class(name), "family", name, params)


def family_class(name: str) -> type:
    """The class registered under ``name`` (or an alias); errors as in ``get_family``."""
    # those of several predictors are not in the table of families of one mean, which loops are compiled for
    return _lookup(FAMILIES | {Multinomial.name: Multinomial} | SEVERAL, "family", name)


def get_link(name: str, **params: Any) -> RegisteredLink:
    """The link registered under ``name`` (or an alias), with its parameters; or "softmax", that of the multinomial."""
    return _build(_lookup(LINKS | {Softmax.name: Softmax}, "link", name), "link", name, params)


def _build(cls, what, name, params):
    try:
        return cls(**params)
    except TypeError:
        fields = ", ".join(cls._fields) or "none"
        message = f"{what}={name!r} takes the parameters: {fields}; got {', '.join(params) or 'none'}"
        if cls._fields and not params:
            message += (
                f". Pass a value such as fastglm.{'families' if what == 'family' else 'links'}.{cls.__name__}(...)"
            )
        raise InvalidParameterError(message) from None
