"""Several models side by side, as journals print them: text, HTML, LaTeX and Markdown from the same cells."""

from __future__ import annotations

import math
import re
from collections import Counter
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

from ..core.records import Record
from ..errors import InvalidParameterError, visible
from . import markup
from .summary import describe, format_number

if TYPE_CHECKING:
    from typing import Literal

    from ..core.protocols import Fitted

HANGING = ")*"
STARS = ((0.001, "***"), (0.01, "**"), (0.05, "*"))


class Column(NamedTuple):
    """What one column says: cells by row, and its share of the footer."""

    head: str
    estimates: dict[tuple[str, int], str]
    errors: dict[tuple[str, int], str]
    footer: dict[str, str]


class Line(NamedTuple):
    """A row of the table; ``starts`` marks the first of a part, above which formats draw a rule."""

    name: str
    cells: tuple[str, ...]
    starts: bool = False


class ETable(str):
    """A finished table: a string in the format that was asked for, which notebooks show as HTML."""

    html: str

    def __repr__(self) -> str:
        return str(self)

    def _repr_html_(self) -> str:
        return self.html


def _number(digits: int, value: float) -> str:
    return "" if math.isnan(value) else format_number(value, digits)


def _dispersion(result, digits: int) -> str:
    return "1 (known)" if result.family.dispersion == "one" else _number(digits, result.scale)


# name of a line of the footer -> its label, and what it says of a result with so many digits
STATS: dict[str, tuple[str, Callable[[Any, int], str]]] = {
    "nobs": ("Observations", lambda r, digits: f"{r.nobs:,.12g}"),
    "deviance": ("Deviance", lambda r, digits: _number(digits, r.deviance)),
    "llf": ("Log-likelihood", lambda r, digits: _number(digits, r.llf)),
    "aic": ("AIC", lambda r, digits: _number(digits, r.aic)),
    "bic": ("BIC", lambda r, digits: _number(digits, r.bic)),
    "dispersion": ("Dispersion", _dispersion),
    "cov": ("Covariance", lambda r, digits: "none" if r.cov_params() is None else r.cov_kind),
    "family": ("Family", lambda r, digits: r.family.name if hasattr(r, "reference") else describe(r.family)),
    "link": ("Link", lambda r, digits: describe(r.link)),
    "offset": ("Offset", lambda r, digits: r.exposure_kind or ""),
    "reference": ("Reference class", lambda r, digits: str(getattr(r, "reference", ""))),
}


def etable(
    models: Sequence[Fitted],
    names: Sequence[str] | None = None,
    stats: Sequence[str] = tuple(STATS),
    format: Literal["text", "html", "latex", "markdown"] = "text",
    *,
    stars: bool = False,
    digits: int = 5,
) -> ETable:
    """Models side by side: coefficients in order of first appearance, standard errors in parentheses below them.

    Parameters
    ----------
    models : sequence of GLMResult
        A softmax regression has one column for each class other than the reference, what is said of the whole model
        under the first of them.
    names : sequence of str, optional
        The heads of the models; (1), (2), ... without them.
    stats : sequence of str
        The lines of the footer among "nobs", "deviance", "llf", "aic", "bic", "dispersion", "cov", "family", "link",
        "offset", "reference"; lines that are blank for all models are left out.
    format : {"text", "html", "latex", "markdown"}
        LaTeX needs the package booktabs.
    stars : bool
        Whether to mark p-values below 0.05, 0.01 and 0.001 by one, two and three stars.
    digits : int
        Significant digits of coefficients and standard errors; the footer has two more.

    Returns
    -------
    ETable
        A str, which prints as it reads and which notebooks show as HTML.

    Raises
    ------
    InvalidParameterError
        For something that is not a result, and options that there are not.

    Examples
    --------
    >>> import fastglm
    >>> from fastglm.inference.etable import etable
    >>> y, x, z = [1, 3, 2, 5, 4, 8], [0, 1, 2, 3, 4, 5], [1, 0, 0, 1, 0, 1]
    >>> one = fastglm.fit([[a] for a in x], y, family="poisson", names=["x"])
    >>> two = fastglm.fit(list(zip(x, z)), y, family="poisson", names=["x", "z"])
    >>> etable([one, two], stats=["nobs", "aic"])
    ==================================
                        (1)        (2)
    ----------------------------------
    (Intercept)    0.38190    0.31863
                  (0.49989)  (0.50922)
    x              0.32501    0.30284
                  (0.13397)  (0.13654)
    z                         0.23768
                             (0.44609)
    ----------------------------------
    Observations         6          6
    AIC           23.84124   25.55469
    ==================================
    Standard errors in parentheses.
    """
    models, names = _checked(models, names, stats, format, digits)
    columns = [c for m, name in zip(models, names, strict=True) for c in _columns(m, name, stats, stars, digits)]
    heads = [visible(c.head) for c in columns]
    lines = [line._replace(name=visible(line.name)) for line in _lines(columns, stats)]
    notes = ["Standard errors in parentheses."] if any(c.errors for c in columns) else []
    if stars:
        notes.append("  ".join(f"{mark} p < {limit:g}" for limit, mark in reversed(STARS)))
    table = ETable(FORMATS[format](heads, lines, notes))
    table.html = _html(heads, lines, notes)
    return table


def _checked(models, names, stats, format, digits):
    if isinstance(models, Record) or not isinstance(models, Sequence) or not models:
        raise InvalidParameterError("models must be a sequence of one or more results, such as [m1, m2]")
    for i, model in enumerate(models):
        if not isinstance(model, Record):
            raise InvalidParameterError(f"models[{i}] is of type {type(model).__name__}, not a GLMResult")
    names = [f"({i + 1})" for i in range(len(models))] if names is None else names
    if isinstance(names, str) or len(names) != len(models):
        raise InvalidParameterError(f"names={names!r} must be a sequence of {len(models)}, one for each model")
    unknown = [name for name in stats if name not in STATS]
    if isinstance(stats, str) or unknown:
        raise InvalidParameterError(f"stats={stats!r} must be a sequence of names among {', '.join(map(repr, STATS))}")
    if format not in FORMATS:
        raise InvalidParameterError(f"format={format!r} is unknown; known: {', '.join(map(repr, FORMATS))}")
    if isinstance(digits, bool) or not isinstance(digits, int) or digits < 1:
        raise InvalidParameterError(f"digits={digits!r} must be a whole number of at least 1")
    return models, [str(name) for name in names]


def _columns(result, name, stats, stars, digits) -> list[Column]:
    """The columns of one model: one, or one for each class other than the reference."""
    classes = getattr(result, "contrast_classes", (None,))
    seen: Counter = Counter()
    keys = []  # names may repeat
    for term in result.names:
        keys.append((term, seen[term]))
        seen[term] += 1
    shape = (len(keys), len(classes))
    params, errors, p_values = (v.reshape(shape) for v in (result.params, result.bse, result.pvalues))
    columns = []
    for k, label in enumerate(classes):
        shown = {
            key: "aliased" if math.isnan(b) else format_number(b, digits) + (_stars(p) if stars else "")
            for key, b, p in zip(keys, params[:, k], p_values[:, k], strict=True)
        }
        below = {
            key: f"({format_number(se, digits)})"
            for key, se in zip(keys, errors[:, k], strict=True)
            if not math.isnan(se)
        }
        footer = {stat: STATS[stat][1](result, digits + 2) for stat in stats} if k == 0 else {}
        columns.append(Column(name if label is None else f"{name} {label}", shown, below, footer))
    return columns


def _stars(p: float) -> str:
    return next((mark for limit, mark in STARS if p < limit), "")


def _lines(columns, stats) -> list[Line]:
    lines = []
    for key in dict.fromkeys(key for c in columns for key in c.estimates):
        lines.append(Line(key[0], tuple(c.estimates.get(key, "") for c in columns), not lines))
        below = tuple(c.errors.get(key, "") for c in columns)
        lines += [Line("", below)] if any(below) else []
    starts = True
    for stat in stats:
        cells = tuple(c.footer.get(stat, "") for c in columns)
        if any(cells):
            lines.append(Line(STATS[stat][0], cells, starts))
            starts = False
    return lines


def _text(heads, lines, notes) -> str:
    rows = [("", *heads), *((line.name, *line.cells) for line in lines)]
    # digits end in one place, parentheses and stars hang to the right of it
    hang = max(len(cell) - len(cell.rstrip(HANGING)) for _, *cells in rows for cell in cells)
    rows = [(name, *(cell.ljust(len(cell.rstrip(HANGING)) + hang) for cell in cells)) for name, *cells in rows]
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    shown = ["  ".join([name.ljust(widths[0]), *map(str.rjust, cells, widths[1:])]).rstrip() for name, *cells in rows]
    width = sum(widths) + 2 * len(heads)
    out = ["=" * width, shown[0]]
    for line, text in zip(lines, shown[1:], strict=True):
        out += ["-" * width, text] if line.starts else [text]
    return "\n".join([*out, "=" * width, *notes])


def _html(heads, lines, notes) -> str:
    parts = [markup.heads(("", *heads)), "<tbody>"]
    for i, line in enumerate(lines):
        parts += ["</tbody><tbody>"] * (line.starts and i > 0)
        parts.append(markup.row((line.name,), line.cells))
    return markup.box(markup.table(*parts, "</tbody>"), markup.notes(notes))


LATEX = {
    "\\": r"\textbackslash{}",
    "~": r"\textasciitilde{}",
    "^": r"\textasciicircum{}",
    "<": r"\textless{}",
    ">": r"\textgreater{}",
    "|": r"\textbar{}",
    "[": "{[}",  # after the end of a row it would be the length of a gap
    "]": "{]}",
    "*": "{*}",
    "\n": " ",
    **{c: "\\" + c for c in "&%$#_{}"},
}
MARKDOWN = {**{c: "\\" + c for c in "\\`*_{}[]<>|~$&"}, "\n": " "}


def _latex(heads, lines, notes) -> str:
    escapes = str.maketrans(LATEX)

    def cell(text):
        number = text.rstrip("*")
        if not _is_number(number):
            return text.translate(escapes)
        marks = text[len(number) :]
        return number.replace("-", "$-$") + (f"$^{{{marks}}}$" if marks else "")  # a hyphen is no minus

    rows = [" & ".join([line.name.translate(escapes), *map(cell, line.cells)]) + r" \\" for line in lines]
    out = [rf"\begin{{tabular}}{{l{'r' * len(heads)}}}", r"\toprule"]
    out.append(" & ".join(["", *(head.translate(escapes) for head in heads)]).lstrip() + r" \\")
    for line, row in zip(lines, rows, strict=True):
        out += [r"\midrule", row] if line.starts else [row]
    out.append(r"\bottomrule")
    for note in notes:
        marked = re.sub(r"\*+", lambda stars: f"$^{{{stars[0]}}}$", note.replace("<", "$<$"))
        out.append(rf"\multicolumn{{{len(heads) + 1}}}{{l}}{{{marked}}} \\")
    return "\n".join([*out, r"\end{tabular}"])


def _is_number(text: str) -> bool:
    try:
        float(text.strip("()").replace(",", ""))
    except ValueError:
        return False
    return True


def _markdown(heads, lines, notes) -> str:
    escapes = str.maketrans(MARKDOWN)
    rows = [("", *heads), *((line.name, *line.cells) for line in lines)]
    shown = ["| " + " | ".join(cell.translate(escapes) for cell in row) + " |" for row in rows]
    shown.insert(1, "|:--|" + "--:|" * len(heads))
    return "\n".join([*shown, *(f"\n{note.translate(escapes)}" for note in notes)])


FORMATS: dict[str, Callable[[list[Any], list[Any], list[Any]], str]] = {
    "text": _text,
    "html": _html,
    "latex": _latex,
    "markdown": _markdown,
}
