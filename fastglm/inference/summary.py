"""The fit as a table for people: text for terminals, HTML for notebooks, both made from the same cells."""

from __future__ import annotations

import math
from html import escape
from itertools import islice

from ..types import READ_ONCE

WIDTH = 80
NAME_WIDTH = 14  # names may always have this many letters; longer ones lose their middle where the line is full

STYLE = (
    ".fastglm{font:13px/1.45 system-ui,sans-serif;color:#222;background:#fff;max-width:56em;padding:.6em}"
    ".fastglm table{border-collapse:collapse;margin:.4em 0 .9em;width:100%}"
    ".fastglm caption{text-align:left;font-weight:600;font-size:1.1em;padding:.2em 0}"
    ".fastglm th,.fastglm td{padding:.2em .7em;text-align:right;font-variant-numeric:tabular-nums;border:0}"
    ".fastglm th[scope=row]{text-align:left;font-weight:500}"
    ".fastglm thead th{border-bottom:1px solid #888;font-weight:600}"
    ".fastglm tbody tr{background:none;border-bottom:1px solid #eee}"
    ".fastglm .facts td{text-align:left;overflow-wrap:anywhere}.fastglm .facts th{white-space:nowrap}"
    ".fastglm th[scope=rowgroup]{text-align:left;font-weight:600;padding-top:.9em;border-bottom:1px solid #bbb}"
    ".fastglm .alert{background:#fdecea;border-left:4px solid #c0392b;padding:.5em .8em;font-weight:600}"
    ".fastglm .notes{color:#555;margin:.2em 0;padding-left:1.2em}"
)


def format_p(p):
    """A p-value with three digits, and R's ``<2e-16`` where more would pretend to a precision no test has."""
    if math.isnan(p):
        return ""
    if p < 2.2e-16:
        return "<2e-16"
    if p < 1e-4:
        return f"{p:.2e}"
    return f"{p:.4f}"


def format_number(value, digits=5):
    """A number with `digits` significant digits and no exponent where it can be read without one."""
    if value != value:
        return "nan"
    if value == 0:
        return "0"
    if 1e-4 <= abs(value) < 10.0**digits:
        decimals = digits - 1 - math.floor(math.log10(abs(value)))
        return f"{value:.{max(decimals, 0)}f}"
    return f"{value:.{digits - 1}e}"


class Summary:
    """A printable account of a fit; ``str()`` gives the text, notebooks show the HTML.

    Parameters
    ----------
    result : GLMResult
    level : float, confidence of the intervals
    """

    def __init__(self, result, level=0.95):
        self.result = result
        self.level = level
        self.limits = result.conf_int(level)

    def as_text(self):
        """The summary as text, 80 columns wide unless the numbers need more."""
        tables = self._tables()
        heads, *table = _columns([self._heads(), *(row for _, rows in tables for row in rows)])
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
        return "\n".join(lines)

    def as_html(self):
        """The summary as one self-contained HTML element."""
        facts = self._facts()
        half = (len(facts) + 1) // 2
        pairs = zip(facts[:half], facts[half:] + [("", "")] * (2 * half - len(facts)), strict=True)
        parts = [f'<div class="fastglm"><style>{STYLE}</style>']
        if self._alert():
            parts.append(f'<p class="alert" role="alert">{escape(self._alert())}</p>')
        parts.append(f'<table class="facts"><caption>{escape(self._title())}</caption><tbody>')
        parts += [f"<tr>{_fact_html(left)}{_fact_html(right)}</tr>" for left, right in pairs]
        parts.append("</tbody></table><table><thead><tr>")
        parts += [f'<th scope="col">{escape(head)}</th>' for head in self._heads()]
        parts.append("</tr></thead>")
        parts += [self._group_html(heading, rows) for heading, rows in self._tables()]
        parts.append("</table>")
        if self._notes():
            items = "".join(f"<li>{escape(note)}</li>" for note in self._notes())
            parts.append(f'<ul class="notes">{items}</ul>')
        return "".join(parts) + "</div>"

    def _group_html(self, heading, rows):
        parts = ["<tbody>"]
        if heading:
            parts.append(f'<tr><th scope="rowgroup" colspan="{len(self._heads())}">{escape(heading)}</th></tr>')
        for name, *cells in rows:
            data = "".join(f"<td>{escape(cell)}</td>" for cell in cells)
            parts.append(f'<tr><th scope="row">{escape(name)}</th>{data}</tr>')
        return "".join(parts) + "</tbody>"

    __str__ = as_text
    __repr__ = as_text
    _repr_html_ = as_html

    def _title(self):
        return f"Generalized linear model: {_value(self.result.family)}, {_value(self.result.link)} link"

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
        state = f"yes{_precise(r.certificate)}" if r.converged else "NO"
        if r.stop == READ_ONCE:
            state = "not certified (read once)"
        if r.stop == "boundary":
            state = "on the boundary of the means"
        return [
            ("Observations", nobs),
            ("Residual df", f"{r.df_resid:,.12g}"),
            ("Model df", f"{r.df_model:,}"),
            ("Scale", "1 (known)" if fixed else f"{format_number(r.scale)} (Pearson)"),
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
        ]

    def _heads(self):
        if self.result.cov_params() is None:
            return ["", "coef"]
        stat = "z" if self.result.test_df is None else "t"
        tail = (1.0 - self.level) / 2.0
        return ["", "coef", "std err", stat, f"P>|{stat}|", f"[{tail:.5g}", f"{1.0 - tail:.5g}]"]

    def _tables(self):
        """Pairs (heading, rows of cells), one for each table of coefficients."""
        r = self.result
        return [("", self._rows(r.params, r.bse, r.tvalues, r.pvalues, self.limits))]

    def _rows(self, *estimates):
        """One list of cells for each coefficient, its name first; `estimates` as in ``_tables``, (p,) or (p, 2)."""
        width = len(self._heads())
        rows = []
        for name, coef, se, statistic, p, (low, high) in zip(self.result.names, *estimates, strict=True):
            if name in self.result.aliased or math.isnan(coef):
                rows.append([name, "aliased"] + [""] * (width - 2))
                continue
            cells = [name, format_number(coef), format_number(se), f"{statistic:.2f}", format_p(p)]
            rows.append([*cells, format_number(low), format_number(high)][:width])
        return rows

    def _notes(self):
        r = self.result
        notes = [f"Aliased: {name} = {combination}" for name, combination in r.aliased.items()]
        if r.cov_params() is None:
            notes.append("Fitted with cov=None: no standard errors.")
        if r.exposure_kind is not None:
            notes.append(f"Fitted with an {r.exposure_kind}.")
        return notes + [f"Note: {note}" for note in r.notes]


class MultinomialSummary(Summary):
    """A printable account of a softmax regression, with a table for each class other than the reference.

    Parameters
    ----------
    result : MultinomialResult
    level : float, confidence of the intervals
    """

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
            (f"y = {label} against {r.reference}", self._rows(*estimates))
            for label, *estimates in zip(r.contrast_classes, *by_class, strict=True)
        ]


def _value(value):
    """A family or link with its parameters: negative_binomial(theta=2)."""
    params = ", ".join(f"{key}={_plain(getattr(value, key))}" for key in value._fields)
    return f"{value.name}({params})" if params else value.name


def _plain(value):
    return f"{value:g}" if isinstance(value, float) else str(value)


def _precise(certificate):
    return "" if math.isnan(certificate) else f", within {certificate:.0e} se"


def _share(part, whole):
    """1 - part / whole, or nothing where that is not defined."""
    if not (math.isfinite(part) and math.isfinite(whole)) or whole == 0:
        return "-"
    return f"{1.0 - part / whole:.4f}"


def _fact_html(fact):
    label, value = fact
    return f'<th scope="row">{escape(label)}</th><td>{escape(value)}</td>'


def _columns(rows, gap=2):
    """Rows of cells as lines: names to the left, numbers to the right."""
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    numbers = sum(widths[1:]) + gap * (len(widths) - 1)
    widths[0] = min(widths[0], max(NAME_WIDTH, WIDTH - numbers))
    lines = []
    for name, *cells in rows:
        padded = (" " * gap + cell.rjust(width) for cell, width in zip(cells, widths[1:], strict=True))
        lines.append((_shorten(name, widths[0]).ljust(widths[0]) + "".join(padded)).rstrip())
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
    from textwrap import wrap

    return wrap(text, width, subsequent_indent="    ", break_on_hyphens=False)
