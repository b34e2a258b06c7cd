"""The fit as a table for people: text for terminals, HTML for notebooks, both made from the same cells."""

from __future__ import annotations

import math
from itertools import islice
from textwrap import wrap
from typing import TYPE_CHECKING, Any, NamedTuple

from ..core.lazy import cached_property
from ..core.records import READ_ONCE
from ..errors import visible
from ..linalg.inverse import as_covariance
from . import markup, wald

if TYPE_CHECKING:
    from ..core.protocols import Fitted

WIDTH = 80  # letters of a line
NAME_WIDTH = 14  # names may always have this many letters; longer ones lose their middle where the line is full
SCALES = {"pearson": "Pearson", "deviance": "deviance", "ml": "ML", "bias-reduced": "bias-reduced"}
MOST_LEVELS = 30  # of a term whose coefficients are listed one by one
MOST_TESTED = 4000  # coefficients of a joint test, whose time grows with their cube
FINEST = 1e-15  # a distance in standard errors below which digits say nothing


def format_p(p: Any) -> Any:
    """A p-value with three digits, and R's ``<2e-16`` where more would pretend to a precision no test has."""
    if math.isnan(p):
        return ""
    if p < 2.2e-16:
        return "<2e-16"
    if p < 1e-4:
        return f"{p:.2e}"
    return f"{p:.4f}"


def format_number(value: Any, digits: Any = 5) -> Any:
    """A number with `digits` significant digits and no exponent where it can be read without one."""
    if value != value:
        return "nan"
    if value == 0:
        return "0"
    if 1e-4 <= abs(value) < 10.0**digits:
        decimals = digits - 1 - math.floor(math.log10(abs(value)))
        return f"{value:.{max(decimals, 0)}f}"
    return f"{value:.{digits - 1}e}"


class Row(NamedTuple):
    """A line of a table of coefficients; one without cells speaks of a whole term, in its remark."""

    name: str
    cells: tuple[str, ...] = ()
    remark: str = ""
    is_level: bool = False


class Summary:
    """A printable account of a fit with intervals of confidence ``level``; ``str()`` gives the text, notebooks show the
    HTML.
    """

    limits: Any

    def __init__(self, result: Fitted, level: float = 0.95) -> None:
        self.result = result
        self.level = level
        self.limits = result.conf_int(level)

    def as_text(self) -> str:
        """The summary as text, 80 columns wide unless the numbers need more."""
        tables = self._tables()
        heads, *table = _columns([Row("", self._heads()), *(row for _, rows in tables for row in rows)])
        width = max(WIDTH, len(heads), *map(len, table))
        lines = [self._title().center(width).rstrip(), "=" * width]
        if self._alert():
            lines += [*_wrap(f"*** {self._alert()} ***", width), "-" * width]
        lines += _two_columns(self._facts(), width)
        remaining = iter(table)
        for heading, rows in tables:
            lines += ["=" * width, *_wrap(heading, width), heads, "-" * width]
            lines += islice(remaining, len(rows))
        lines.append("=" * width)
        for note in self._notes():
            lines += _wrap(note, width)
        return visible("\n".join(lines))

    def as_html(self) -> str:
        """The summary as one self-contained HTML element."""
        facts = self._facts()
        half = (len(facts) + 1) // 2
        pairs = zip(facts[:half], facts[half:] + [("", "")] * (2 * half - len(facts)), strict=True)
        rows = [f"<tr>{markup.fact(*left)}{markup.fact(*right)}</tr>" for left, right in pairs]
        groups = [self._group_html(heading, lines) for heading, lines in self._tables()]
        return markup.box(
            markup.alert(self._alert()),
            markup.table("<tbody>", *rows, "</tbody>", caption=self._title(), kind="facts"),
            markup.table(markup.heads(("", *self._heads())), *groups, kind="numbers"),
            markup.notes(self._notes()),
        )

    def _group_html(self, heading, rows):
        width = len(self._heads()) + 1
        head = markup.spanning(heading, width, is_group=True) if heading else ""
        return f"<tbody>{head}{''.join(_row_html(row, width) for row in rows)}</tbody>"

    __str__ = as_text
    __repr__ = as_text
    _repr_html_ = as_html

    def _title(self):
        return f"Generalized linear model: {describe(self.result.family)}, {describe(self.result.link)} link"

    def _alert(self):
        r = self.result
        if r.converged or r.stop == READ_ONCE:
            return ""
        reason = f": {r.stop}" if r.stop else ""
        return f"NOT CONVERGED{reason}. These estimates are not at the optimum; do not report them."

    def _facts(self):
        """Pairs (label, value) of the header, in reading order: the left column, then the right one."""
        r = self.result
        fixed = r.family.dispersion == "one"
        nobs = f"{r.nobs:,.12g}"
        if r.has_freq_weights and r.n_rows is not None:
            nobs += f" in {r.n_rows:,} rows"
        state = f"yes{_precise(r)}" if r.converged else "NO"
        if r.stop == READ_ONCE:
            state = "not certified (read once)"
        if r.stop == "boundary":
            state = "on the boundary of the means"
        shape = r.shape
        theirs = (
            []
            if shape is None
            else [(shape.name.capitalize(), f"{format_number(shape.value)} (se {format_number(shape.se, 4)})")]
        )
        return [
            ("Observations", nobs),
            ("Residual df", f"{r.df_resid:,.12g}"),
            ("Model df", f"{r.df_model:,}"),
            ("Scale", "1 (known)" if fixed else f"{format_number(r.scale)} ({SCALES[r.scale_kind]})"),
            ("Covariance", "none" if r.cov_params() is None else r.cov_kind),
            ("Solver", r.solver),
            ("Passes", f"{round(r.n_passes, 2):g} ({r.n_iter} iterations)"),
            ("Converged", state),
            ("Deviance", format_number(r.deviance, 7)),
            ("Null deviance", format_number(r.null_deviance, 7)),
            ("Pearson chi2", format_number(r.pearson_chi2, 7)),
            ("Log-likelihood", format_number(r.llf, 7)),
            ("AIC", format_number(r.aic, 7)),
            ("BIC", format_number(r.bic, 7)),
            ("D2 (deviance)", _share(r.deviance, r.null_deviance)),
            ("McFadden R2", _share(r.llf, r.llnull)),
            *theirs,
        ]

    def _heads(self):
        if self.result.cov_params() is None:
            return ("coef",)
        stat = "z" if getattr(self.result, "params_df", self.result.test_df) is None else "t"
        tail = (1.0 - self.level) / 2.0
        return ("coef", "std err", stat, f"P>|{stat}|", f"[{tail:.5g}", f"{1.0 - tail:.5g}]")

    def _tables(self):
        """Pairs (heading, rows), one for each table of coefficients."""
        r = self.result
        return [("", self._rows(r.params, r.bse, r.tvalues, r.pvalues, self.limits))]

    def _rows(self, *estimates, first=0):
        """The rows of one table; `estimates` as in ``_tables``, (p,) or (p, 2), `first` the place of the first
        coefficient in the covariance."""
        names = self.result.names
        cells = [self._cells(*row) for row in zip(names, *estimates, strict=True)]
        if self.result.design is None:
            return [Row(name, row) for name, row in zip(names, cells, strict=True)]
        rows = []
        for group in self._groups:
            if len(group.numbers) > MOST_LEVELS:
                rows.append(Row(group.term, remark=self._joint(group.numbers, estimates[0], first)))
            elif group.levels == (None,):
                rows.append(Row(group.term, cells[group.numbers[0]]))
            else:
                rows.append(Row(group.term, remark=f", {group.against}" if group.against else ""))
                pairs = zip(group.levels, group.numbers, strict=True)
                rows += [Row(str(level), cells[j], is_level=True) for level, j in pairs]
        return rows

    @cached_property
    def _groups(self):
        from ..design.groups import groups

        return groups(self.result.design)

    def _cells(self, name, coef, se, statistic, p, limits):
        """The numbers of one coefficient, as they are printed."""
        width = len(self._heads())
        if name in self.result.aliased or math.isnan(coef):
            return ("aliased", *[""] * (width - 1))
        cells = (format_number(coef), format_number(se), f"{statistic:.2f}", format_p(p))
        return (*cells, *map(format_number, limits))[:width]

    def _joint(self, numbers, params, first):
        """What is said of a term of very many levels: Wald's test that it has none of its coefficients."""
        covariance, size = self.result.cov_params(), f": {len(numbers):,} coefficients"
        if covariance is None or len(numbers) > MOST_TESTED:
            return f"{size}; tidy() lists them"
        at = first + numbers
        block = as_covariance(covariance).block(at)
        test = wald.wald(params[numbers], block)
        if not test.df:
            return f"{size}; tidy() lists them"
        return f"{size}, chi2 {test.statistic:.2f} on {test.df:,} df, p {format_p(test.p_value)}; see tidy()"

    def _notes(self):
        r = self.result
        notes = [f"Aliased: {name} = {combination}" for name, combination in r.aliased.items()]
        if r.penalty is not None:
            kind = type(r.penalty).__name__
            errors = "no standard errors" if r.cov_params() is None else f"standard errors are {r.cov_kind}"
            freedom = "" if r.edf is None else f" {r.edf:.4g} effective degrees of freedom,"
            notes.append(f"Penalised by {kind}, lam {r.penalty.lam:.4g}:{freedom} {errors}.")
        if r.bias_reduction is not None:
            notes.append(f"Bias-reduced estimates ({r.bias_reduction}); the deviance is not the least one.")
        if r.penalty is None and r.cov_params() is None:
            notes.append("Fitted with cov=None: no standard errors.")
        if r.exposure_kind is not None:
            notes.append(f"Fitted with an {r.exposure_kind}.")
        return notes + [f"Note: {note}" for note in r.notes]


class MultinomialSummary(Summary):
    """A printable account of a softmax regression, with a table for each class other than the reference."""

    def _title(self):
        return f"Generalized linear model: {self.result.family.name}, {self.result.link.name} link"

    def _facts(self):
        facts = super()._facts()
        half = len(facts) // 2
        classes = ("Classes", str(len(self.result.classes)))
        return [classes, *facts[:half], ("Reference class", str(self.result.reference)), *facts[half:]]

    def _tables(self):
        r = self.result
        by_class = (values.swapaxes(0, 1) for values in (r.params, r.bse, r.tvalues, r.pvalues, self.limits))
        return [
            (f"y = {label} against {r.reference}", self._rows(*estimates, first=k * len(r.names)))
            for k, (label, *estimates) in enumerate(zip(r.contrast_classes, *by_class, strict=True))
        ]


class SeveralSummary(Summary):
    """A printable account of a model with several linear predictors, with a table for each part."""

    def _title(self):
        kind = getattr(self.result.family, "kind", None)
        title = f"{self.result.family.name} regression: {f'{kind}, ' if kind else ''}{self.result.link.name} link"
        parallel = getattr(self.result.family, "parallel", True)
        return title if parallel is True else f"{title}, parallel={parallel}"

    def _facts(self):
        gone = ("Scale", "Deviance", "Null deviance", "Pearson chi2", "D2 (deviance)", "McFadden R2")
        r = self.result
        if r.family.labelled or r.family.whole:
            gone = gone[:-1]
        facts = [fact for fact in super()._facts() if fact[0] not in gone]
        if r.classes is not None:
            return [*facts, ("Levels", str(len(r.classes)))]
        return [*facts, ("Theta", format_number(r.theta))] if r.family.shape_name is not None else facts

    def _tables(self):
        r, parts = self.result, self.result.part_names
        cells = [
            self._cells(*row) for row in zip(r.names, r.params, r.bse, r.tvalues, r.pvalues, self.limits, strict=True)
        ]
        rows = [Row(name, row) for name, row in zip(r.names, cells, strict=True)]
        return [
            (part.capitalize(), [row for row, of in zip(rows, parts, strict=True) if of == part])
            for part in dict.fromkeys(parts)
        ]


def describe(value: Any) -> Any:
    """A family or link with its parameters: negative_binomial(theta=2)."""
    params = ", ".join(f"{key}={_plain(getattr(value, key))}" for key in value._fields)
    return f"{value.name}({params})" if params else value.name


def _plain(value):
    return f"{value:g}" if isinstance(value, float) else str(value)


def _precise(r):
    unit = "se" if r.penalty is None else "lambda"
    distance = f"{r.certificate:.0e}" if r.certificate >= FINEST else f"< {FINEST:.0e}"
    return "" if math.isnan(r.certificate) else f", within {distance} {unit}"


def _share(part, whole):
    """1 - part / whole, or nothing where that is not defined."""
    if not (math.isfinite(part) and math.isfinite(whole)) or whole == 0:
        return "-"
    return f"{1.0 - part / whole:.4f}"


def _row_html(row, width):
    if not row.cells:
        return markup.spanning(row.name, width, row.remark)
    return markup.row((row.name,), row.cells, row.is_level)


def _on_a_line(text):
    return visible(text).replace("\n", "\\n")


def _columns(rows, gap=2):
    """Rows as lines: names to the left, levels indented under their term, numbers to the right."""
    rows = [row._replace(name=_on_a_line(row.name), remark=_on_a_line(row.remark)) for row in rows]
    indents = [gap * row.is_level for row in rows]
    widths = [max(map(len, column)) for column in zip(*(row.cells for row in rows if row.cells), strict=True)]
    longest = max(indent + len(row.name) for row, indent in zip(rows, indents, strict=True) if row.cells)
    first = min(longest, max(NAME_WIDTH, WIDTH - sum(widths) - gap * len(widths)))
    lines = []
    for row, indent in zip(rows, indents, strict=True):
        if not row.cells:
            lines.append(_shorten(row.name, max(NAME_WIDTH, WIDTH - len(row.remark))) + row.remark)
            continue
        name = " " * indent + _shorten(row.name, first - indent)
        padded = (" " * gap + cell.rjust(width) for cell, width in zip(row.cells, widths, strict=True))
        lines.append((name.ljust(first) + "".join(padded)).rstrip())
    return lines


def _shorten(name, width):
    if len(name) <= width:
        return name
    half = (width - 1) // 2
    return f"{name[:half]}\u2026{name[half + 1 - width :]}"


def _two_columns(facts, width):
    """Facts as `label value` pairs in two columns, read downwards."""
    half = (len(facts) + 1) // 2
    column = (width - 4) // 2
    room = [column - len(label) - 1 for label, _ in facts]
    cells = [f"{label} {_shorten(value, size).rjust(size)}" for (label, value), size in zip(facts, room, strict=True)]
    cells += [""] * (2 * half - len(cells))
    return [f"{left}    {right}".rstrip() for left, right in zip(cells[:half], cells[half:], strict=True)]


def _wrap(text, width):
    return wrap(text, width, subsequent_indent="    ", break_on_hyphens=False)
