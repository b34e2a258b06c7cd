"""The request of a fit: one record of all arguments, checked once, for every storage of rows."""

from __future__ import annotations

import operator
from dataclasses import dataclass, field
from os import PathLike
from time import perf_counter
from typing import TYPE_CHECKING, Any

import numpy as np

from ..core.records import VECTORS
from ..core.version import __version__
from ..design.recipe import MISSING, UNSEEN
from ..engines import engine_of
from ..errors import InvalidParameterError
from ..options.covariance import parse as parse_covariance
from ..options.penalties import check_solver, resolve_penalty
from ..options.solvers import declaration_of, resolve
from ..source.threads import get_threads
from .family_link import family_and_link
from .parts import check_several, split_parts

if TYPE_CHECKING:
    from ..core.protocols import RegisteredFamily, RegisteredLink
    from ..types import SolverOptions

COMPRESS = ("auto", True, False)
BIAS_REDUCTIONS = ("firth", "mean", "median", "mixed")
DISPERSIONS = ("pearson", "deviance", "ml")


@dataclass(kw_only=True, eq=False)
class FitRequest:
    """The arguments of ``fit``, ``glm``, ``plan``, an estimator or the command line.

    Its construction checks all that can be checked without reading a row, and replaces names by values. Nobody changes
    it after that; a frozen record would take a call for each field, which small fits would wait for.

    Attributes
    ----------
    data : the rows: arrays, a frame, files, a stream, a collection of Dask
    y : (n,) array, name of a column, or None where the formula has the response
    formula : str or None
        None makes every column that has no other role a term.
    family, link, solver, cov : the records that the names stand for
    weights, freq_weights, offset, exposure : (n,) array, scalar, name of a column, or None
    threads : int
    memory : int or None, bytes
    penalty : record of ``fastglm.penalties``, or None; beside it ``cov`` is None, or that of a ridge
    path : dict or None, plain values of a search over lambdas that differ for another search
    beside : tuple, the labels of folds: names of columns, or (n,) arrays
    labels : tuple or None, the labels of y where they are known before its rows
    dispersion : "pearson", "deviance" or "ml", the estimate of a free dispersion
    bias_reduction : "firth", "mean", "median", "mixed" or None
    estimation : bool, whether the fit estimates a parameter of the family that is None
    parts : tuple of str or None, the two right sides of a formula "y ~ x | z", which is that of both then
    began : float, seconds of ``time.perf_counter``
    others : as in ``fit`` and ``glm``

    Raises
    ------
    InvalidParameterError
        Naming the argument.
    """

    data: Any
    y: Any = None
    formula: str | None = None
    family: RegisteredFamily = "gaussian"
    link: RegisteredLink = None
    intercept: bool = True
    weights: Any = None
    freq_weights: Any = None
    offset: Any = None
    exposure: Any = None
    penalty: Any = None
    solver: SolverOptions = "auto"
    cov: Any = "model"
    start: Any = None
    names: Any = None
    threads: int = None
    progress: bool = False
    missing: str = "error"
    unseen: str = "error"
    compress: bool | str = "auto"
    memory: int | None = None
    client: Any = None
    checkpoint: Any = None
    labels: tuple[Any, ...] | None = None
    path: dict[Any, Any] | None = None
    beside: tuple[Any, ...] = ()
    dispersion: str = "pearson"
    bias_reduction: str | None = None
    estimation: bool = False
    parts: tuple[Any, ...] | None = None
    began: float = field(default_factory=perf_counter)

    def __post_init__(self):
        family, link = family_and_link(
            self.family, self.link, self.estimation and self.penalty is None, self.path is None and not self.beside
        )
        self.family, self.link, self.solver = family, link, resolve(self.solver)
        self.penalty, cov = resolve_penalty(self.penalty, self.path is not None), parse_covariance(self.cov)
        self.threads, self.intercept, self.memory = get_threads(self.threads), bool(self.intercept), _bytes(self.memory)
        if self.penalty is not None:
            check_solver(self.penalty, self.solver, self.path)
        self.cov = penalised_covariance(cov, self.penalty, self.path)
        if family.response_model == "several":
            check_several(self, family)
            self.compress = False
            if self.parts is None:
                self.formula, self.parts = split_parts(self.formula, family)
        if self.client is not None:
            engine_of(self.client, self.threads)
        if not (self.checkpoint is None or isinstance(self.checkpoint, (str, PathLike))):
            raise InvalidParameterError(f"checkpoint={self.checkpoint!r} must be the path of a folder")
        check_option("compress", self.compress, COMPRESS)
        check_option("missing", self.missing, MISSING)
        check_option("unseen", self.unseen, UNSEEN)
        check_dispersion(self.dispersion, family)
        if self.bias_reduction is not None:
            check_bias_reduction(self, family, link)
            self.compress = False
        check_exposure(self.exposure, link)
        if self.formula is not None and not isinstance(self.formula, str):
            swapped = " (formula and data are swapped: glm(formula, data))" if isinstance(self.data, str) else ""
            raise InvalidParameterError(
                f"formula must be text like 'y ~ x', not {type(self.formula).__name__}{swapped}"
            )
        if self.formula is None and isinstance(self.data, str) and "~" in self.data:
            raise InvalidParameterError(
                f"X={self.data!r} is a formula: fit takes arrays or files; see glm(formula, data)"
            )

    @property
    def vectors(self) -> dict[Any, Any]:
        """The weights, freq_weights, offset and exposure, by their names."""
        return {name: getattr(self, name) for name in VECTORS}

    @property
    def clusters(self) -> tuple[Any, ...]:
        """What labels rows, names of columns or arrays: the ways of clustering of the covariance, or the folds."""
        return self.beside or getattr(self.cov, "by", ())

    @property
    def clusters_role(self) -> str:
        """The name of ``clusters`` in messages."""
        return "folds" if self.beside else "cluster"


def identity(request, reader) -> dict[Any, Any]:
    """Plain values that differ for another fit; ``Journal`` names the ones that have changed."""
    said = {name: getattr(request, name) for name in ("family", "link", "solver", "cov", "start", "compress")}
    if request.penalty is not None:
        said["penalty"] = request.penalty
    said |= request.path or {}
    said = {name: v.tolist() if isinstance(v, np.ndarray) else v for name, v in said.items()}
    return {
        "the version of fastglm": __version__,
        "the data": reader.fingerprint(),
        **{f"{name}=": repr(value) for name, value in said.items()},
    }


def penalised_covariance(cov, penalty, path: bool):
    """The covariance of a fit: beside a penalty one that is made for it, or None.

    Raises
    ------
    InvalidParameterError
        For a covariance of maximum likelihood beside a penalty, and one of a ridge without it.
    """
    own = getattr(getattr(cov, "declaration", None), "penalised", False)
    if penalty is None and own:
        raise InvalidParameterError(f"cov={cov.name!r} is of a fit with a ridge: pass penalty=Ridge(...) too")
    if penalty is None or cov is None:
        return cov
    if cov == "model" or (own and not path and set(penalty.needs) <= {"ridge", "quadratic"}):
        return cov if own else None
    raise InvalidParameterError(
        f"cov={cov if isinstance(cov, str) else cov.name!r}: a penalised fit has no standard errors; leave cov out, or "
        "take 'bayesian' or 'frequentist' with a ridge, and fastglm.debiased with a lasso"
    )


def check_exposure(exposure, link) -> None:
    """Refuse an exposure beside a link that is not the logarithm."""
    if exposure is not None and not link.is_log:
        raise InvalidParameterError(f"exposure needs the log link, not {link.name!r}; pass an offset instead")


def check_dispersion(kind, family) -> None:
    """Refuse an estimate of a dispersion that is known, or that has no likelihood."""
    if isinstance(kind, str) and kind == "pearson":
        return
    check_option("dispersion", kind, DISPERSIONS)
    if family.dispersion == "one":
        raise InvalidParameterError(f"dispersion={kind!r}: that of family={family.name!r} is known to be one")
    power = getattr(family, "power", 2.0)  # that of a Tweedie family; None is estimated, above one
    if kind == "ml" and (not family.counts_dispersion or (power is not None and power <= 1.0)):
        raise InvalidParameterError(
            f"dispersion='ml': family={family.name!r} has no likelihood; take 'pearson' or 'deviance'"
        )


def check_bias_reduction(request, family, link) -> None:
    """Refuse an adjustment that a family does not have, and what does not go with one.

    Raises
    ------
    InvalidParameterError
    """
    kind = request.bias_reduction
    check_option("bias_reduction", kind, BIAS_REDUCTIONS)
    beside = f"bias_reduction={kind!r}: "
    if request.penalty is not None:
        raise InvalidParameterError(beside + "penalty= is another way to finite estimates; take one of them")
    if declaration_of(request.solver).name not in ("auto", "newton", "irls"):
        raise InvalidParameterError(beside + "it has a solver of its own; leave solver out")
    if request.dispersion != "pearson":
        raise InvalidParameterError(beside + "it estimates the dispersion with the coefficients; leave dispersion out")
    if family.response_model == "softmax" and kind not in ("firth", "mean"):
        raise InvalidParameterError(beside + "of family='multinomial' there are 'firth' and 'mean', which are the same")
    if family.response_model != "softmax" and family.dispersion != "one" and kind == "firth":
        raise InvalidParameterError(
            beside + f"the dispersion of family={family.name!r} is estimated; take 'mean', 'median' or 'mixed'"
        )
    if getattr(family, "estimated", None) and getattr(family, family.estimated) is None:
        raise InvalidParameterError(beside + f"pass family={family.name!r} with its {family.estimated}")


def check_option(name: str, value, known: tuple[Any, ...]) -> None:
    """Refuse a value that is none of those known; arrays and other values that do not compare are none."""
    if isinstance(value, str) and value in known:
        return
    if not any(value is k or (type(value) is type(k) and value == k) for k in known):
        raise InvalidParameterError(f"{name}={value!r} is unknown; known: {', '.join(map(repr, known))}")


def _bytes(memory):
    """A number of bytes, or None."""
    if memory is None:
        return None
    if isinstance(memory, (bool, np.bool_, str)) or not hasattr(memory, "__int__") or not memory >= 0:
        raise InvalidParameterError(f"memory={memory!r} must be a number of bytes, not negative, such as 2 * 10**9")
    return operator.index(memory) if hasattr(memory, "__index__") else int(memory)
