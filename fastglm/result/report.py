"""The report of a fit as one page: what was fitted to what, its estimates, their picture, and how it was made."""

from __future__ import annotations

import hashlib
import math
from datetime import datetime
from html import escape
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from ..core.records import READ_ONCE
from ..inference.summary import describe, format_number
from .pages import page
from .report_pictures import round_numbers, row_pictures

if TYPE_CHECKING:
    from collections.abc import Sequence

MOST_DRAWN = 40  # coefficients of a picture
MOST_FILES = 20  # files that are listed one by one
MOST_DIGESTED = 4 * 2**30  # bytes of files of which digests are made, which costs a read of them
BLOCK = 2**20  # bytes that a digest reads at a time
WIDTH, LEFT, RIGHT, STEP = 380, 8, 372, 30  # of the picture, so narrow that its letters can be read on a telephone
NAMES = {
    "gaussian": "Linear", "binomial": "Binomial", "poisson": "Poisson", "gamma": "Gamma", "multinomial": "Softmax",
    "inverse_gaussian": "Inverse Gaussian", "negative_binomial": "Negative binomial", "tweedie": "Tweedie",
}  # fmt: skip


class Origin(NamedTuple):
    """Where a fit comes from: the formula, the names of the data, the files behind them, the command, the version."""

    formula: str
    data: Sequence[str]
    files: Sequence[Any]
    command: str
    version: str


def title_of(result: Any, formula: str) -> str:
    """What was fitted, in words."""
    name = result.family.name
    response = formula.partition("~")[0].strip()
    title = f"{NAMES.get(name, name)} regression of {response}"
    return title if name == "multinomial" else f"{title}, {describe(result.link)} link"


def report(result: Any, summary: Any, origin: Origin, data: Any = None) -> str:
    """The page.

    Parameters
    ----------
    result : GLMResult or MultinomialResult
    summary : Summary
        Of the result, with the level of its intervals.
    origin : Origin
    data : rows, as for ``GLMResult.residuals``, optional
        The rows of the fit, which are read two or three times for pictures of calibration and residuals.

    Returns
    -------
    str
        HTML that needs no other file.
    """
    now = datetime.now().astimezone().isoformat(sep=" ", timespec="seconds")
    facts = [
        ("Formula", f"<code>{escape(origin.formula)}</code>"),
        ("Data", escape(", ".join(origin.data))),
        ("Made", f"{escape(now)} by fastglm {escape(origin.version)}"),
        ("Command", f"<code>{escape(origin.command)}</code>"),
    ]
    body = [_list(facts), "<h2>The fit in words</h2>", *(f"<p>{escape(line)}</p>" for line in in_words(result))]
    picture = coefficient_plot(result, summary)
    body += ["<h2>Estimates</h2>", summary.as_html(), picture]
    if data is not None and (pictures := row_pictures(result, data)):
        body += ["<h2>The rows</h2>", pictures]
    return page(title_of(result, origin.formula), "\n".join([*body, "<h2>The data</h2>", _data(result, origin), ""]))


def in_words(result: Any) -> list[str]:
    """The statistics of a fit as sentences."""
    freedom = f"{result.nobs:,.12g} observations, {result.df_model:,} model and {result.df_resid:,.12g} residual df"
    state = "not certified, as the rows were read once" if result.stop == READ_ONCE else "NOT CONVERGED"
    lines = [f"{freedom}; {'converged' if result.converged else state}."]
    if math.isfinite(result.null_deviance) and result.null_deviance > 0.0:
        share = 100.0 * (1.0 - result.deviance / result.null_deviance)
        lines.append(
            f"The deviance falls from {format_number(result.null_deviance, 7)} without covariates to "
            f"{format_number(result.deviance, 7)}: the model explains {share:.1f}% of it."
        )
    if result.df_resid > 0 and math.isfinite(result.pearson_chi2):
        ratio, known = result.pearson_chi2 / result.df_resid, result.family.dispersion == "one"
        lines.append(
            f"Pearson's chi2 is {format_number(ratio, 4)} per residual df"
            + (", where the family's variance implies about 1." if known else ", the Pearson estimate of dispersion.")
        )
    if math.isfinite(result.aic):
        criteria = f"AIC {format_number(result.aic, 7)}, BIC {format_number(result.bic, 7)}"
        lines.append(f"Log-likelihood {format_number(result.llf, 7)}, {criteria}.")
    return lines


def coefficient_plot(result: Any, summary: Any) -> str:
    """The coefficients with their intervals as SVG, without intercepts; "" where there are none.

    Of many coefficients those furthest from zero in standard errors are drawn, in the order of the table.
    """
    names, values, limits, scores = _drawn(result, summary)
    kept = np.flatnonzero(np.isfinite(values))
    if not kept.size:
        return ""
    caption = f"Coefficients with {100.0 * summary.level:g}% intervals, on the scale of the linear predictor"
    if kept.size > MOST_DRAWN:
        caption += f"; the {MOST_DRAWN} of {kept.size:,} that are furthest from zero in standard errors"
        order = np.argsort(-np.nan_to_num(np.abs(scores[kept])), kind="stable")
        kept = np.sort(kept[order[:MOST_DRAWN]])
    limits = np.where(np.isfinite(limits), limits, values[:, None])[kept]
    drawing = _drawing([names[j] for j in kept], values[kept], limits)
    told = escape(caption)
    return (
        f'<figure><svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {STEP * kept.size + 24}" role="img" '
        f'style="width:100%;max-width:36em" fill="currentColor" font-family="system-ui,sans-serif">'
        f"<title>{told}</title>{drawing}</svg><figcaption>{told}.</figcaption></figure>"
    )


def _drawing(names, values, limits) -> str:
    """Lines of intervals with points of coefficients, one below the other, over an axis."""
    ticks = round_numbers(min(0.0, limits.min()), max(0.0, limits.max()))
    scale = (RIGHT - LEFT) / (ticks[-1] - ticks[0])
    at, ends, marks = (LEFT + scale * (np.asarray(x) - ticks[0]) for x in (values, limits, ticks))
    bottom, zero = STEP * len(names) + 4, LEFT - scale * ticks[0]
    parts = [_line(zero, 0, zero, bottom, 'stroke-dasharray="3 3" opacity=".6"'), _line(LEFT, bottom, RIGHT, bottom)]
    for k, name in enumerate(names):
        y, told = STEP * k + 22, escape(f"{name}: {format_number(values[k])}")
        parts.append(f'<text x="{LEFT}" y="{y - 9}" font-size="11">{escape(name)}</text>')
        parts.append(_line(ends[k, 0], y, ends[k, 1], y, 'stroke-width="1.5"'))
        parts.append(f'<circle cx="{at[k]:.1f}" cy="{y}" r="3.2"><title>{told}</title></circle>')
    for tick, x in zip(ticks, marks, strict=True):
        anchor = "start" if tick == ticks[0] else "end" if tick == ticks[-1] else "middle"
        parts.append(_line(x, bottom, x, bottom + 4))
        parts.append(f'<text x="{x:.1f}" y="{bottom + 15}" font-size="10" text-anchor="{anchor}">{tick:g}</text>')
    return "".join(parts)


def _drawn(result, summary):
    """The labels, values, limits and scores of all coefficients but intercepts, class after class."""
    names, params = list(result.names), np.asarray(result.params, dtype=np.float64)
    classes = getattr(result, "contrast_classes", None) if params.ndim == 2 else None
    kept = [j for j, name in enumerate(names) if name != "(Intercept)"]
    labels = [names[j] if classes is None else f"{c}: {names[j]}" for c in classes or ("",) for j in kept]
    # (p,) or (p, classes) as one column of coefficients for each class
    values = params[kept].T.ravel()
    limits = np.asarray(summary.limits, dtype=np.float64).reshape(*params.shape, 2)[kept]
    limits = np.stack([limits[..., 0].T.ravel(), limits[..., 1].T.ravel()], axis=1)
    scores = np.asarray(result.tvalues, dtype=np.float64).reshape(params.shape)[kept].T.ravel()
    return labels, values, limits, scores


def _line(x1, y1, x2, y2, more=""):
    return f'<line x1="{x1:.1f}" y1="{y1:.1f}" x2="{x2:.1f}" y2="{y2:.1f}" stroke="currentColor" {more}/>'


def _data(result, origin):
    """The digest of the data: rows, columns, and the files with their sizes and SHA-256."""
    named = result.design.variables if result.design is not None else result.schema.columns
    vectors = [name for name in result.schema.vectors.values() if name is not None]
    columns = dict.fromkeys([origin.formula.partition("~")[0].strip(), *named, *_shifts(result), *vectors])
    rows = [("Rows", f"{result.n_rows:,}"), ("Columns used", escape(", ".join(map(str, columns))) or "-")]
    local = [file for file in origin.files if file.system is None]
    digested = sum(file.size for file in local) <= MOST_DIGESTED
    for file in origin.files[:MOST_FILES]:
        told = f"{escape(str(file.place))}, {file.size:,} bytes"
        if digested and file.system is None:
            told += f"<br>SHA-256 <code>{_sha256(file.path)}</code>"
        rows.append(("File", told))
    if len(origin.files) > MOST_FILES:
        rows.append(("Files", f"and {len(origin.files) - MOST_FILES:,} more"))
    if not digested:
        rows.append(("SHA-256", f"not made, as the files have more than {MOST_DIGESTED // 2**30} GiB"))
    return _list(rows)


def _shifts(result) -> list[str]:
    """The offsets and the exposure that a formula has, as they are written there."""
    formula = getattr(result.design, "formula", None)
    if formula is None:
        return []
    return [e.text for e in (*formula.offset, formula.exposure) if e is not None]


def _sha256(path) -> str:
    digest = hashlib.sha256()
    with open(path, "rb") as file:
        while block := file.read(BLOCK):
            digest.update(block)
    return digest.hexdigest()


def _list(pairs):
    return "<dl>" + "".join(f"<dt>{escape(label)}</dt><dd>{html}</dd>" for label, html in pairs) + "</dl>"
