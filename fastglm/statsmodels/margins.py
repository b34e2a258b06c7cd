"""``get_margeff``: marginal effects of the columns of exog, with statsmodels' arguments and conventions."""

from __future__ import annotations

from typing import Any

import numpy as np

from ..core.lazy import cached_property
from ..errors import InvalidParameterError
from ..inference import summary as cells
from ..inference import wald
from ..postestimation.averages import formulas
from .refusals import Refusing, refuse

AT = ("overall", "mean", "median", "zero", "all")
NAMES = {"dydx": "dy/dx", "eyex": "d(lny)/d(lnx)", "dyex": "dy/d(lnx)", "eydx": "d(lny)/dx"}


class WithMargins:
    """Results that have marginal effects."""

    def get_margeff(
        self, at: str = "overall", method: str = "dydx", atexog: Any = None, dummy: bool = False, count: bool = False
    ) -> Margins:
        """Marginal effects of the columns of exog but the constant.

        Parameters
        ----------
        at : {"overall", "mean", "median", "zero", "all"}
            The average over rows; at the means, the medians, or zeros of the columns; or of every row, without errors.
        method : {"dydx", "eyex", "dyex", "eydx"}
        atexog : mapping of column numbers to values, or (n, p) array, optional
            In place of columns of exog.
        dummy, count : bool
            Differences of one from zero for columns of zeros and ones; half of the difference of one more from one less
            for other whole numbers from zero.

        Raises
        ------
        InvalidParameterError
        NotSupportedError
            For a model with an offset or an exposure, as in statsmodels.
        """
        return Margins(self, at.lower(), method.lower(), atexog, dummy, count)


class Margins(Refusing):
    """Marginal effects under the names of statsmodels' ``DiscreteMargins``.

    Attributes
    ----------
    margeff : (k,) array, (k, J) of J classes, or for every row (n, k) and (n, k, J)
    margeff_se : of the shape of ``margeff``, by the delta method
    margeff_cov : (k, k) or (J k, J k) array
    """

    margeff: Any
    margeff_cov: Any
    margeff_se: Any

    def __init__(self, results: Any, at: Any, method: Any, atexog: Any, dummy: Any, count: Any) -> None:
        model = results.model
        if at not in AT or method not in NAMES:
            raise InvalidParameterError(f"at={at!r} is one of {AT}, and method={method!r} of {tuple(NAMES)}")
        if np.any(getattr(model, "offset_total", 0.0)):
            raise refuse("get_margeff of a model with an offset", "use fastglm.margins(result, data)")
        if (dummy or count) and (method in ("dyex", "eyex") or at in ("median", "zero")):
            raise InvalidParameterError(f"at={at!r}, method={method!r}: not of dummy or count variables")
        self.results, self.margeff_options = results, {"at": at, "method": method}
        exog = np.array(model.exog, float)
        varies = exog.var(axis=0) != 0.0
        self._columns = np.flatnonzero(varies)
        kinds = _kinds(exog, dummy, count)
        exog = _rows_at(exog, at, atexog, varies)
        self._average = at != "all"
        self._rows = _Rows(results, method)
        effects, jacobian = self._rows.slopes(exog, self._average)
        for j, kind in kinds.items():
            effects[..., j, :], own = self._rows.differences(exog, j, kind, self._average)
            if self._average:
                jacobian[j] = own
        effects = effects[..., self._columns, :]
        self.margeff = effects if self._rows.J > 1 else effects[..., 0]
        if self._average:
            L = jacobian[self._columns].transpose(1, 0, 2).reshape(-1, jacobian.shape[-1])
            self.margeff_cov = L @ results._cov @ L.T
            se = np.sqrt(np.diagonal(self.margeff_cov)).reshape(self._rows.J, -1).T
            self.margeff_se = se if self._rows.J > 1 else se[:, 0]

    def _check(self):
        if not self._average:
            raise InvalidParameterError("at='all' has effects alone, without standard errors")

    def get_margeff(
        self, at: Any = "overall", method: Any = "dydx", atexog: Any = None, dummy: Any = False, count: Any = False
    ) -> Any:
        """Other effects of the same results."""
        return self.results.get_margeff(at, method, atexog, dummy, count)

    @cached_property
    def tvalues(self) -> Any:
        """Effects over their standard errors."""
        self._check()
        return self.margeff / self.margeff_se

    @cached_property
    def pvalues(self) -> Any:
        """Two-sided p-values of the normal distribution."""
        return wald.p_values(self.tvalues)

    def conf_int(self, alpha: float = 0.05) -> Any:
        """Limits (k, 2), or (k, 2, J) of classes."""
        self._check()
        limits = wald.conf_int(self.margeff, self.margeff_se, 1.0 - alpha)
        return np.moveaxis(limits, -1, 1)

    def _labels(self):
        """The names of columns, and of classes where there are several."""
        names = [self.results.model.exog_names[j] for j in self._columns]
        model = self.results.model
        own = [f"{model.endog_names}={label}" for label in self.results._class_names] if self._rows.J > 1 else []
        return names, own

    def summary_frame(self, alpha: float = 0.05) -> Any:
        """The effects as a pandas DataFrame."""
        from pandas import DataFrame, MultiIndex

        limits, (names, classes) = self.conf_int(alpha), self._labels()
        parts = [self.margeff, self.margeff_se, self.tvalues, self.pvalues, limits[:, 0], limits[:, 1]]
        heads = [
            NAMES[self.margeff_options["method"]],
            "Std. Err.",
            "z",
            "Pr(>|z|)",
            "Conf. Int. Low",
            "Cont. Int. Hi.",
        ]
        index: Any = names
        if classes:
            pairs = [(own, name) for own in classes for name in names]
            index = MultiIndex.from_tuples(pairs, names=["endog", "exog"])
        columns = {head: np.ravel(part, order="F") for head, part in zip(heads, parts, strict=True)}
        return DataFrame(columns, index=index)

    def summary(self, alpha: float = 0.05) -> MarginsSummary:
        """The effects as a table."""
        self._check()
        return MarginsSummary(self, alpha)


class MarginsSummary(Refusing):
    """A printable table of marginal effects."""

    def __init__(self, margins: Margins, alpha: float):
        self.margins, self.alpha = margins, alpha

    def _lines(self):
        margins, (names, classes) = self.margins, self.margins._labels()
        options = margins.margeff_options
        model = margins.results.model
        lines = [
            f"{type(model).__name__} Marginal Effects", "", f"Dep. Variable: {model.endog_names}",
            f"Method: {options['method']}", f"At: {options['at']}", "",
        ]  # fmt: skip
        limits = margins.conf_int(self.alpha)
        parts = (margins.margeff, margins.margeff_se, margins.tvalues, margins.pvalues, limits[:, 0], limits[:, 1])
        columns = [np.ravel(part, order="F") for part in parts]
        heads = [
            "",
            NAMES[options["method"]],
            "std err",
            "z",
            "P>|z|",
            f"[{self.alpha / 2:g}",
            f"{1 - self.alpha / 2:g}]",
        ]
        rows = [heads] + [
            [f"{own}: {name}" if own else name, *(cells.format_number(c[i], 4) for c in columns)]
            for i, (own, name) in enumerate([(own, name) for own in classes or [""] for name in names])
        ]
        widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
        pad = [str.ljust, *[str.rjust] * 6]
        lines += ["  ".join(f(c, w) for f, c, w in zip(pad, row, widths, strict=True)).rstrip() for row in rows]
        return lines

    def as_text(self) -> str:
        """The table as text."""
        return "\n".join(self._lines())

    __str__ = __repr__ = as_text


def _kinds(exog, dummy, count):
    """Column -> "dummy" or "count", of those that are taken as such."""
    found = {}
    whole = np.all(exog % 1.0 == 0.0, axis=0)
    for j in np.flatnonzero(whole):
        low, high = exog[:, j].min(), exog[:, j].max()
        if low == 0.0 and high == 1.0:
            if dummy:
                found[int(j)] = "dummy"
        elif low >= 0.0 and low != high and count:
            found[int(j)] = "count"
    return found


def _rows_at(exog, at, atexog, varies):
    """The rows that effects are taken at."""
    if isinstance(atexog, dict):
        for j, values in atexog.items():
            exog[:, j] = values
    elif atexog is not None:
        given = np.atleast_2d(np.asarray(atexog, float))
        if given.shape[1] != exog.shape[1]:
            raise InvalidParameterError(f"atexog has {given.shape[1]} columns, exog has {exog.shape[1]}")
        exog = given
    if at == "mean":
        return exog.mean(axis=0)[None]
    if at == "median":
        return np.median(exog, axis=0)[None]
    return (~varies).astype(float)[None] if at == "zero" else exog


class _Rows:
    """Effects of rows (n, p, J), and the Jacobians (p, J, m p) of their averages."""

    def __init__(self, results, method):
        self.results, self.log, self.times = results, "ey" in method, "ex" in method
        self.beta = results._params.reshape(len(results.model.exog_names), -1)
        self.J = getattr(results.model, "J", 1)

    def _formulas(self, exog):
        return formulas(self.results.fitted, exog @ self.beta, "mean", self.log)

    def slopes(self, exog, average):
        """Derivatives in every column."""
        f = self._formulas(exog)
        effects = np.einsum("njl,pl->npj", f.first, self.beta)
        times = exog if self.times else np.ones_like(exog)
        effects = effects * times[:, :, None]
        if not average:
            return effects, None
        n, p = exog.shape
        inner = np.einsum("njlm,pl,np,nq->pjmq", f.second, self.beta, times, exog, optimize=True) / n
        own = np.einsum("njm,np->pjm", f.first, times) / n
        for j in range(p):
            inner[j, :, :, j] += own[j]
        return effects.mean(axis=0), inner.reshape(p, self.J, -1)

    def differences(self, exog, j, kind, average):
        """Differences of predictions with a column changed."""
        found = []
        for step in (-1.0, 1.0):
            rows = exog.copy()
            rows[:, j] = (step > 0.0) if kind == "dummy" else rows[:, j] + step
            f = self._formulas(rows)
            found.append((f.value, np.einsum("njm,nq->jmq", f.first, rows) / len(rows)))
        half = 1.0 if kind == "dummy" else 0.5
        effects = half * (found[1][0] - found[0][0])
        jacobian = half * (found[1][1] - found[0][1]).reshape(self.J, -1)
        return (effects.mean(axis=0) if average else effects), jacobian
