"""Tests of terms and of models as a table: R's ``anova``, ``drop1``, ``add1`` and ``step``."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from ..core.frames_out import frame
from . import markup
from .summary import format_number

if TYPE_CHECKING:
    from collections.abc import Mapping

    from ..core.records import Array

HEADS = {
    "df": "Df", "deviance": "Deviance", "df_residual": "Resid. Df", "residual_deviance": "Resid. Dev", "aic": "AIC",
    "statistic": "Statistic", "p_value": "P-value", "cp": "Cp",
}  # fmt: skip


@dataclass(frozen=True, kw_only=True, eq=False, repr=False)
class TestTable:
    """Tests, one for each row.

    Parameters
    ----------
    title : str
    terms : tuple of k str
        What each row is of.
    columns : mapping of str to (k,) array
        By name: df, deviance, df_residual, residual_deviance, aic, statistic, p_value and so on, NaN where there is
        none.
    library : str
        Of the frame that ``table`` returns.
    """

    __test__ = False  # for pytest, which takes the name for a test

    title: str
    terms: tuple[str, ...]
    columns: Mapping[str, Array]
    library: str = "pandas"

    def __getattr__(self, name: str) -> Array:
        columns = self.__dict__.get("columns", {})
        if name in columns:
            return columns[name]
        raise AttributeError(f"{type(self).__name__} has no {name!r}; it has {', '.join(['terms', *columns])}")

    def table(self) -> Any:
        """The rows as the user's own kind of frame, with a column ``term``."""
        return frame({"term": list(self.terms), **self.columns}, self.library)

    tidy = to_frame = table  # as tables of effects are asked for

    def __str__(self) -> str:
        lines = self._lines()
        widths = [max(map(len, column)) for column in zip(*lines, strict=True)]
        pad = [str.ljust, *[str.rjust] * len(self.columns)]
        text = ["  ".join(f(cell, w) for f, cell, w in zip(pad, line, widths, strict=True)).rstrip() for line in lines]
        return "\n".join([self.title, "", *text])

    def __repr__(self) -> str:
        return str(self)

    def _repr_html_(self) -> str:
        head, *rows = self._lines()
        body = [markup.row((first,), rest) for first, *rest in rows]
        grid = markup.table(markup.heads(("", *head[1:])), "<tbody>", *body, "</tbody>", caption=self.title)
        return markup.box(grid)

    def _lines(self):
        """The cells of the heading and of every row."""
        head = ["", *(HEADS.get(name, name) for name in self.columns)]
        rows = [
            [term, *(_cell(name, values[i]) for name, values in self.columns.items())]
            for i, term in enumerate(self.terms)
        ]
        return [head, *rows]


def _cell(name, value):
    if np.isnan(value):
        return ""
    if name.startswith("df"):
        return f"{value:g}"
    return f"{value:.3g}" if name == "p_value" else format_number(value, 6)
