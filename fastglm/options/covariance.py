"""Covariances of the estimates: how callers ask for one, and what each kind declares of itself.

A kind is a declaration and, unless squared scores by leverages are all it takes, a function
(``inference/covariance.py``). The request is parsed here from the declarations, before any row is read.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

import numpy as np

from ..errors import InvalidParameterError

MOST_SHOWN = 4  # names of columns in the name of a covariance


class CovarianceSpec(NamedTuple):
    """A covariance that was asked for.

    Attributes
    ----------
    kind : str
        The name of a ``CovarianceKind``.
    name : str
        As the result shows it.
    by : tuple
        Of clusters: names of columns, or the cluster of each row (n,), one for each way of clustering.
    correction : bool
        Whether clusters have the factors for small samples.
    source : Chunked or None
        Rows with the clusters beside them, where they are not in memory.
    options : tuple of (str, value)
        Those of other kinds.
    """

    kind: str
    name: str
    by: tuple[Any, ...] = ()
    correction: bool = True
    source: Any = None
    options: tuple[Any, ...] = ()

    def __repr__(self) -> str:
        return repr(self.name)

    @property
    def declaration(self) -> CovarianceKind:
        """What its kind declares."""
        return _KINDS[self.kind]

    @property
    def from_scores(self) -> bool:
        """Whether the sum of outer products of the rows' scores is all it takes."""
        return self.declaration.power == 0

    def option(self, name: str) -> Any:
        """The value of an option."""
        return dict(self.options)[name]


class CovarianceKind(NamedTuple):
    """What a kind of covariance says of itself.

    Attributes
    ----------
    name : str
        As ``fit(cov=...)`` takes it, in any case.
    function : callable or None
        ``(spec, fitted, space)`` -> the covariance of the coefficients in the units of ``space``; see
        ``inference/covariance.py``. None for a kind that ``power`` describes.
    aliases : tuple of str
        Other names.
    argument : str or None
        The option that is written with the kind's name: ``{"cluster": groups}``.
    options : tuple of (str, default)
        All options but those of clusters.
    parse : callable or None
        ``(kind, mapping)`` -> CovarianceSpec, for options that need more than a default.
    by_rows : bool
        Whether ``argument`` has a value for each row, or names columns: ``CovarianceSpec.by``.
    power : int, {"HC4", "HC4m", "HC5"} or None
        Squared scores of rows are divided by (1 - leverage)^power and added; by name it depends on the leverage.
    few_rows : bool
        Whether the sum is multiplied by n / (n - k), of n rows and k coefficients.
    penalised : bool
        Whether it is of fits with a quadratic penalty, and of no others.
    one_mean : bool
        Whether it needs one mean a row, which a softmax regression has not.
    check : callable or None
        ``(spec, rows)`` refuses, before a fit, options that so many rows cannot have.
    """

    name: str
    function: Callable[[Any, Any, Any], np.ndarray] | None = None
    aliases: tuple[str, ...] = ()
    argument: str | None = None
    options: tuple[tuple[str, Any], ...] = ()
    parse: Callable[[CovarianceKind, Mapping[Any, Any]], CovarianceSpec] | None = None
    by_rows: bool = False
    power: int | str | None = None
    few_rows: bool = False
    penalised: bool = False
    one_mean: bool = False
    check: Callable[[CovarianceSpec, int], None] | None = None

    def spec(self, given: Mapping[Any, Any]) -> CovarianceSpec:
        """The covariance of this kind with the options that were given, its name first among them.

        Raises
        ------
        InvalidParameterError
            For an option that it has not got.
        """
        if self.parse is not None:
            return self.parse(self, given)
        values = {self.argument or key: value for key, value in given.items() if key == self.name}
        values |= {key: value for key, value in given.items() if key != self.name}
        defaults = dict(self.options)
        unknown = [name for name in values if name not in defaults]
        if unknown:
            raise InvalidParameterError(f"cov: {self.name!r} has the options {list(defaults)}, not {unknown}")
        changed = ", ".join(f"{name}={value!r}" for name, value in values.items())
        shown = f"{self.name} ({changed})" if changed else self.name
        return CovarianceSpec(self.name, shown, options=tuple((defaults | values).items()))


_KINDS: dict[str, CovarianceKind] = {}
_NAMES: dict[str, str] = {}  # in lower case, aliases too -> the kind


def register(kind: CovarianceKind) -> None:
    """Make a kind of covariance known to ``fit(cov=name)``, ``fit(cov={name: value})`` and ``with_cov``.

    Parameters
    ----------
    kind : CovarianceKind

    Raises
    ------
    InvalidParameterError
        For a name that another kind has.
    """
    new = [name.lower() for name in (kind.name, *kind.aliases)]
    if taken := [name for name in new if name in _NAMES or name == "model"]:
        raise InvalidParameterError(f"covariances of the names {taken} are registered already")
    _KINDS[kind.name] = kind
    _NAMES.update(dict.fromkeys(new, kind.name))


def implement(name: str) -> Any:
    """Decorator of the function of a kind that was declared without one."""

    def attach(function):
        _KINDS[name] = _KINDS[name]._replace(function=function)
        return function

    return attach


def known() -> str:
    """The covariances that there are, in words."""
    words = ["'model'"]
    for kind in _KINDS.values():
        if kind.penalised:
            continue
        if kind.by_rows:
            words += [f"'{kind.name}:column'", f"{{{kind.name!r}: groups}}"]
        else:
            words += [f"{kind.aliases[0]!r} ({kind.name})" if kind.aliases else repr(kind.name)]
    return f"{', '.join(words)} or None"


def parse(cov: Any) -> CovarianceSpec | str | None:
    """The covariance that the argument of a fit means: None, "model", or a ``CovarianceSpec``.

    Raises
    ------
    InvalidParameterError
        For something unknown; the message lists what there is.
    """
    if cov is None or isinstance(cov, CovarianceSpec):
        return cov
    if isinstance(cov, Mapping):
        return _of_mapping(cov)
    if not isinstance(cov, str):
        raise InvalidParameterError(f"cov={cov!r} is unknown; known: {known()}")
    if cov.lower() == "model":
        return "model"
    name, _, column = (part.strip() for part in cov.partition(":"))
    kind = _KINDS.get(_NAMES.get(name.lower(), ""))
    if kind is None or kind.by_rows != bool(column):
        hint = f"known: {known()}" if kind is None else "say which clusters: 'cluster:column' or {'cluster': groups}"
        raise InvalidParameterError(f"cov={cov!r} is unknown; {hint}")
    if column:
        return kind.spec({kind.name: column})
    spec = kind.spec({})
    return spec._replace(name=name.lower()) if name.lower() in kind.aliases else spec


def _of_mapping(cov):
    kinds = [_NAMES[key.lower()] for key in cov if isinstance(key, str) and key.lower() in _NAMES]
    if not kinds:
        raise InvalidParameterError(f"cov has the options 'cluster' and 'correction', not {list(cov)}")
    kind = _KINDS[kinds[0]]
    return kind.spec({kind.name if _NAMES.get(str(key).lower()) == kind.name else key: v for key, v in cov.items()})


def _clusters(kind, given) -> CovarianceSpec:
    """The ways of clustering that were asked for."""
    unknown = [name for name in given if name not in (kind.name, "correction")]
    if unknown or given.get(kind.name) is None:
        raise InvalidParameterError(f"cov has the options 'cluster' and 'correction', not {list(given)}")
    by, correction = given[kind.name], given.get("correction", True)
    if not isinstance(correction, (bool, np.bool_)):
        raise InvalidParameterError(f"cov: 'correction' is True or False, not {correction!r}")
    # a list of names or of arrays is several ways; one of numbers is the cluster of each row
    several = isinstance(by, (list, tuple)) and len(by) and all(isinstance(v, str) or np.ndim(v) == 1 for v in by)
    by = tuple(by) if several else (by,)
    names = [v if isinstance(v, str) else getattr(v, "name", None) for v in by]
    shown = ""
    if all(isinstance(v, str) for v in names):
        shown = ", ".join(names[:MOST_SHOWN]) + ", ..." * (len(names) > MOST_SHOWN)
    name = f"cluster:{shown}" if shown else "cluster" if len(by) == 1 else f"cluster ({len(by)} ways)"
    return CovarianceSpec(kind.name, name if correction else f"{name}, uncorrected", by, bool(correction))


KERNELS = ("bartlett", "parzen", "quadratic-spectral", "truncated", "tukey-hanning")
LONELY = ("fail", "adjust", "certainty")
BANDWIDTHS = ("newey-west", "andrews")
LUMLEY = {"method": "truncate", "C": None, "prewhiten": False, "adjust": False}
SERIES = {"lag": None, "kernel": "bartlett", "bandwidth": None, "prewhiten": False, "adjust": False}


def _labels(kind, given, roles, defaults) -> CovarianceSpec:
    """A covariance of labelled rows: ``roles`` says by name whether each label is required, ``defaults`` the options.

    What is written with the kind's own name is its ``argument``.
    """
    values = {kind.argument if key == kind.name else key: value for key, value in given.items()}
    unknown = [name for name in values if name not in roles and name not in defaults]
    if unknown or len(values) < len(given):
        raise InvalidParameterError(f"cov: {kind.name!r} has the options {[*roles, *defaults]}, not {unknown or given}")
    absent = [role for role, required in roles.items() if required and values.get(role) is None]
    if absent:
        raise InvalidParameterError(
            f"cov={kind.name!r} needs {absent[0]}=: write {{{kind.name!r}: {kind.argument}, {absent[0]!r}: labels}}"
        )
    by = {role: values.pop(role) for role in roles if values.get(role) is not None}
    for role, labels in by.items():
        if not isinstance(labels, str) and np.ndim(labels) != 1 and not hasattr(labels, "dask"):
            raise InvalidParameterError(
                f"cov: {role} must be the name of a column or an array with a label for each row"
            )
    options = defaults | {name: value for name, value in values.items() if name in defaults}
    shown = [f"{role}={v if isinstance(v, str) else getattr(v, 'name', None) or '...'}" for role, v in by.items()]
    shown += [f"{name}={value!r}" for name, value in options.items() if value != defaults[name]]
    name = f"{kind.name} ({', '.join(shown)})" if shown else kind.name
    return CovarianceSpec(kind.name, name, tuple(by.values()), options=(*options.items(), ("roles", tuple(by))))


def _series(roles, **changed):
    """The parser of a covariance of series, some of whose options have other defaults."""

    def parse_series(kind, given):
        spec = _labels(kind, given, roles, SERIES | changed)
        lag, kernel, bandwidth = (spec.option(name) for name in ("lag", "kernel", "bandwidth"))
        whole = isinstance(lag, (int, np.integer)) and not isinstance(lag, bool)
        if lag is not None and not (whole and lag >= 0):
            raise InvalidParameterError(f"cov: lag={lag!r} must be a whole number, at least 0, or None")
        if kernel not in KERNELS:
            raise InvalidParameterError(f"cov: kernel={kernel!r} is unknown; known: {', '.join(map(repr, KERNELS))}")
        if lag is not None and bandwidth is not None:
            raise InvalidParameterError("cov: give lag= or bandwidth=, not both")
        number = isinstance(bandwidth, (int, float, np.number)) and not isinstance(bandwidth, bool)
        if not (bandwidth is None or bandwidth in BANDWIDTHS or (number and 0.0 < bandwidth < np.inf)):
            raise InvalidParameterError(f"cov: bandwidth={bandwidth!r} must be positive, 'newey-west' or 'andrews'")
        if bandwidth == "newey-west" and kernel in KERNELS[3:]:
            raise InvalidParameterError(
                f"cov: bandwidth='newey-west' has no rule for kernel={kernel!r}; take 'andrews'"
            )
        _check_truths(spec, "prewhiten", "adjust")
        if kind.name == "panel-HAC" and (spec.option("prewhiten") or isinstance(bandwidth, str)):
            raise InvalidParameterError("cov='panel-HAC': series within clusters have a lag or bandwidth that is given")
        return spec

    return parse_series


def _lumley(kind, given):
    spec = _labels(kind, given, {"time": False}, LUMLEY)
    method, level = spec.option("method"), spec.option("C")
    if method not in ("truncate", "smooth"):
        raise InvalidParameterError(f"cov: method={method!r} is unknown; there are 'truncate' and 'smooth'")
    number = isinstance(level, (int, float, np.number)) and not isinstance(level, bool)
    if not (level is None or (number and 0.0 < level < np.inf)):
        raise InvalidParameterError(f"cov: C={level!r} must be positive, or None")
    _check_truths(spec, "prewhiten", "adjust")
    return spec


def _check_truths(spec, *names):
    for name in names:
        if not isinstance(spec.option(name), (bool, np.bool_)):
            raise InvalidParameterError(f"cov: {name!r} is True or False, not {spec.option(name)!r}")


def _panel(kind, given):
    spec = _labels(kind, given, {"cluster": True, "time": True}, {"pairwise": False})
    _check_truths(spec, "pairwise")
    return spec


def _few_clusters(kind, given):
    return _labels(kind, given, {"cluster": True}, {})


def _jackknife(kind, given):
    return _labels(kind, given, {"cluster": False}, {})


def _survey(kind, given):
    spec = _labels(kind, given, {"strata": False, "cluster": False, "fpc": False}, {"lonely": "fail"})
    if spec.option("lonely") not in LONELY:
        raise InvalidParameterError(f"cov: lonely={spec.option('lonely')!r} is unknown; known: {LONELY}")
    return spec


def _check_lag(spec, n):
    lag = spec.option("lag")
    if lag is not None and lag >= n:
        raise InvalidParameterError(f"cov={spec.name!r}: lag={lag} needs more than {lag} rows, and there are {n}")


for _kind in (
    CovarianceKind("HC0", aliases=("robust",), power=0),
    CovarianceKind("HC1", power=0, few_rows=True),
    CovarianceKind("HC2", power=1),
    CovarianceKind("HC3", power=2),
    CovarianceKind("HC4", power="HC4"),
    CovarianceKind("HC4m", power="HC4m"),
    CovarianceKind("HC5", power="HC5"),
    CovarianceKind("cluster", argument="by", parse=_clusters, by_rows=True),
    CovarianceKind("HAC", aliases=("Newey-West",), argument="lag", parse=_series({"time": False}), check=_check_lag),
    CovarianceKind("Driscoll-Kraay", argument="lag", parse=_series({"time": True}, adjust=True), check=_check_lag),
    CovarianceKind("panel-HAC", argument="lag", parse=_series({"cluster": True, "time": True}), check=_check_lag),
    CovarianceKind("Lumley", aliases=("weave",), argument="method", parse=_lumley, one_mean=True),
    CovarianceKind("PCSE", argument="cluster", parse=_panel, one_mean=True),
    CovarianceKind("CR2", argument="cluster", parse=_few_clusters, by_rows=True, one_mean=True),
    CovarianceKind("CR3", argument="cluster", parse=_few_clusters, by_rows=True, one_mean=True),
    CovarianceKind("jackknife", argument="cluster", parse=_jackknife, one_mean=True),
    CovarianceKind("survey", argument="strata", parse=_survey),
    CovarianceKind("bayesian", aliases=("Vp",), penalised=True),
    CovarianceKind("frequentist", aliases=("Ve",), penalised=True),
):
    register(_kind)
