"""Functions of coefficients with standard errors by the delta method, or by draws of the coefficients, as a table."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from ..core.frames_out import frame
from ..errors import InvalidParameterError
from ..linalg.inverse import as_covariance
from . import check_covariance, markup
from .coordinates import Coordinates
from .multiplicity import adjusted, critical_value
from .summary import format_number
from .wald import p_values

if TYPE_CHECKING:
    from ..core.records import Array

HEADS = {
    "estimate": "Estimate", "std_error": "Std. Error", "statistic": "Statistic", "p_value": "P-value",
    "conf_low": "Low", "conf_high": "High", "term": "Term", "contrast": "Contrast", "class": "Class",
}  # fmt: skip


class Back(NamedTuple):
    """From the scale of the tests to that of the estimates.

    ``inverse`` maps arrays, ``slope`` is its derivative, and ``null`` the value of a true null hypothesis.
    """

    inverse: Callable[[Array], Array]
    slope: Callable[[Array], Array]
    null: float = 0.0


EXPONENTIAL = Back(np.exp, np.exp, 1.0)


def covariance_of(result: Any, L: np.ndarray) -> np.ndarray:
    """L V L' (k, k) of rows L (k, m) with the covariance V that a result has, aliased coefficients counted as zero.

    Raises
    ------
    InvalidParameterError
        If it has none.
    """
    if result.penalty is not None and result.cov_params() is None:
        raise InvalidParameterError(
            "the estimates of a penalised fit have no covariance, and so their effects have no standard errors; "
            "se=False gives the effects alone, and a ridge has standard errors with cov='bayesian'"
        )
    V = check_covariance(result.cov_params(), "standard errors")
    L = np.asarray(L, float)
    if np.ndim(result.params) == 1 and result.information_root is not None:
        q = Coordinates.of(result.information_root, result.cov_unscaled).rows(L)
        core = result.scale if result.covariance_core is None else result.covariance_core
        return q @ core @ q.T if np.ndim(core) else core * (q @ q.T)
    return as_covariance(V).of_combinations(L)


def null_vectors(result: Any) -> np.ndarray:
    """Directions (k, p) in which the coefficients of a class can move without a prediction of the fit changing: those
    of the columns that are combinations of others, as ``aliased`` tells them. NaN stands for what it does not tell."""
    places = {name: j for j, name in enumerate(result.names)}
    longest = sorted(places, key=len, reverse=True)
    found = np.zeros((len(result.aliased), len(places)))
    for row, (name, text) in zip(found, result.aliased.items(), strict=True):
        row[places[name]] = -1.0
        while text and text != "0":
            head = re.match(r"(?: ?([-+]) ?)?(?:(\d[\d.e+-]*) )?", text)
            other = next((n for n in longest if text[head.end() :].startswith(n)), None)
            if other is None:  # many levels of a factor in one word
                row[row == 0.0] = np.nan
                break
            row[places[other]] = (-1.0 if head[1] == "-" else 1.0) * float(head[2] or 1.0)
            text = text[head.end() + len(other) :]
    return found


def check_estimable(result: Any, L: np.ndarray, what: str) -> None:
    """Refuse rows L (..., m) whose value depends on how aliased coefficients are chosen.

    Raises
    ------
    InvalidParameterError
    """
    if not result.aliased:
        return
    L = np.asarray(L, float).reshape(-1, len(result.names))
    for null in null_vectors(result):
        if np.isnan(null).any():
            continue  # what the combination is of is not told
        # the coefficients of combinations are told with six digits
        if np.any(np.abs(L @ null) > 1e-4 * (np.abs(L) @ np.abs(null))):
            raise InvalidParameterError(
                f"{what} is not estimable: it needs a coefficient that is aliased ({', '.join(result.aliased)})"
            )


@dataclass(frozen=True, kw_only=True, eq=False, repr=False)
class EffectTable:
    """Estimates that are functions of the coefficients.

    Parameters
    ----------
    title : str
    labels : mapping of str to sequence of k values
        What each row is of: term, contrast, class, and the columns of ``at`` and ``by``.
    values : (k,) array
        On the scale of the tests: the logarithm of a ratio, the linear predictor of a mean.
    covariance : (k, k) array or None
        Of ``values``; None without standard errors.
    df : float or None
        Degrees of freedom of Student's t; None for the normal distribution.
    level : float
    back : Back or None
        To the scale of the estimates, where that is another one.
    jacobian : (k, m) array or None
        The derivatives of ``values`` in the coefficients.
    draws : (S, k) array or None
        Values at coefficients that were drawn, whose spread the errors and whose quantiles the limits then are.
    adjust : str
        The adjustment of p-values and limits for several tests; see ``fastglm.p_adjust``.
    family_size : int
        Means that a Tukey adjustment is of.
    blocks : (k,) array of ints or None
        Sets of rows within each of which tests are adjusted.
    library : str
        Of the frame that ``tidy`` returns.
    """

    title: str
    labels: Mapping[str, Any]
    values: Array
    covariance: Array | None
    df: float | None = None
    level: float = 0.95
    back: Back | None = None
    jacobian: Array | None = None
    draws: Array | None = None
    adjust: str = "none"
    family_size: int = 0
    blocks: Array | None = None
    notes: tuple[str, ...] = field(default=())
    library: str = "pandas"

    def __len__(self) -> int:
        return len(self.values)

    @property
    def estimate(self) -> Array:
        """The estimates, (k,)."""
        return self.values if self.back is None else self.back.inverse(self.values)

    @property
    def _se(self):
        """Standard errors on the scale of the tests."""
        if self.draws is not None:
            return self.draws.std(axis=0, ddof=1)
        if self.covariance is None:
            return np.full(len(self.values), np.nan)
        return np.sqrt(np.maximum(np.diagonal(self.covariance), 0.0))

    @property
    def std_error(self) -> Array:
        """Standard errors of the estimates (k,), by the delta method; NaN without a covariance."""
        return self._se if self.back is None else self._se * np.abs(self.back.slope(self.values))

    @property
    def statistic(self) -> Array:
        """The values over their standard errors on the scale of the tests, (k,): of a ratio its logarithm's."""
        with np.errstate(divide="ignore", invalid="ignore"):
            return self.values / self._se

    @property
    def p_value(self) -> Array:
        """Two-sided p-values (k,), adjusted as ``adjust`` says."""
        raw, found = p_values(self.statistic, self.df), np.empty(len(self.values))
        for rows in self._sets():
            found[rows] = adjusted(
                self.adjust, self.statistic[rows], raw[rows], self.df, self._correlation(rows), self.family_size
            )
        return found

    def conf_int(self, level: float | None = None) -> Array:
        """Confidence limits (k, 2), by the same adjustment where it has some, made on the scale of the tests."""
        level = self.level if level is None else level
        if not 0.0 < level < 1.0:
            raise InvalidParameterError(f"level must lie between 0 and 1, got {level!r}")
        if self.draws is not None:
            low, high = np.quantile(self.draws, [(1.0 - level) / 2.0, (1.0 + level) / 2.0], axis=0)
        else:
            reach = np.empty(len(self.values))
            for rows in self._sets():
                reach[rows] = critical_value(
                    self.adjust, level, self.df, len(rows), self._correlation(rows), self.family_size
                )
            low, high = self.values - reach * self._se, self.values + reach * self._se
        ends = np.stack([low, high], axis=-1)
        return ends if self.back is None else np.sort(self.back.inverse(ends), axis=-1)

    def _sets(self):
        """The numbers of the rows of each set of tests."""
        blocks = np.zeros(len(self.values), int) if self.blocks is None else np.asarray(self.blocks)
        return [np.flatnonzero(blocks == b) for b in np.unique(blocks)]

    def _correlation(self, rows):
        if self.covariance is None or self.adjust not in ("mvt", "single-step", "scheffe"):
            return None
        V = self.covariance[np.ix_(rows, rows)]
        size = np.sqrt(np.maximum(np.diagonal(V), np.finfo(float).tiny))
        return V / np.outer(size, size)

    def adjusted(self, adjust: str) -> EffectTable:
        """The same estimates with another adjustment of their p-values and limits."""
        return replace(self, adjust=adjust)

    def contrast(self, L: Any, names: Any = None, title: str = "Contrasts") -> EffectTable:
        """Linear combinations of the values, on the scale of the tests.

        Parameters
        ----------
        L : (c, k) array
        names : sequence of c str, optional

        Raises
        ------
        InvalidParameterError
        """
        L = np.atleast_2d(np.asarray(L, float))
        if L.shape[1] != len(self.values):
            raise InvalidParameterError(f"L has shape {L.shape}; the table has {len(self.values)} rows")
        names = [f"c{i + 1}" for i in range(len(L))] if names is None else list(names)
        V = None if self.covariance is None else L @ self.covariance @ L.T
        jacobian = None if self.jacobian is None else L @ self.jacobian
        draws = None if self.draws is None else self.draws @ L.T
        return replace(
            self, title=title, labels={"contrast": names}, values=L @ self.values, covariance=V, jacobian=jacobian,
            draws=draws, back=None, blocks=None, notes=(),
        )  # fmt: skip

    def columns(self, level: float | None = None) -> dict[str, Any]:
        """The columns of ``tidy`` by name."""
        limits = self.conf_int(level)
        return {
            **{name: list(values) for name, values in self.labels.items()}, "estimate": self.estimate,
            "std_error": self.std_error, "statistic": self.statistic, "p_value": self.p_value,
            "conf_low": limits[:, 0], "conf_high": limits[:, 1],
        }  # fmt: skip

    def tidy(self, level: float | None = None) -> Any:
        """The rows as the user's own kind of frame, as ``GLMResult.tidy``."""
        return frame(self.columns(level), self.library)

    table = to_frame = tidy

    def to_pandas(self) -> Any:
        """The rows as a pandas DataFrame."""
        return frame(self.columns())

    def __str__(self) -> str:
        head, rows, n_labels = self._lines()
        widths = [max(map(len, column)) for column in zip(head, *rows, strict=True)]
        lines = []
        for line in [head, *rows]:
            cells = [
                cell.ljust(w) if i < n_labels else cell.rjust(w)
                for i, (cell, w) in enumerate(zip(line, widths, strict=True))
            ]
            lines.append("  ".join(cells).rstrip())
        return "\n".join([self.title, "", *lines, *self._footer()])

    def __repr__(self) -> str:
        return str(self)

    def _repr_html_(self) -> str:
        head, rows, n_labels = self._lines()
        body = [markup.row(cells[:n_labels], cells[n_labels:]) for cells in rows]
        grid = markup.table(markup.heads(head, n_labels), "<tbody>", *body, "</tbody>", caption=self.title)
        return markup.box(grid, markup.notes(self._footer()))

    def _footer(self):
        lines = list(self.notes)
        if self.adjust != "none":
            lines.insert(0, f"p-values and limits adjusted: {self.adjust}")
        return lines

    def _lines(self):
        """The cells of the heading and of every row, and the number of the columns that are labels."""
        columns = self.columns()
        head = [HEADS.get(name, name) for name in columns]
        rows = [[_cell(name, values[i]) for name, values in columns.items()] for i in range(len(self.values))]
        return head, rows, len(self.labels)


def _cell(name, value):
    if not isinstance(value, (float, np.floating)):
        return str(value)
    if np.isnan(value):
        return ""
    return f"{value:.3g}" if name == "p_value" else format_number(value, 5)
