"""Comparisons of predictions whose rows all have one value of a column with those that all have another one.

Averages over rows of counterfactual predictions (standardisation, the g-formula), and their differences, ratios and
odds ratios: R's ``marginaleffects::avg_comparisons`` and Stata's ``margins`` with ``contrast``.
"""

from __future__ import annotations

from collections.abc import Callable
from contextlib import closing
from itertools import combinations
from typing import TYPE_CHECKING, Any

import numpy as np

from ..errors import InvalidParameterError
from ..inference.effects import EXPONENTIAL, Back, EffectTable, check_estimable
from ..rows.supplied import in_order
from ..source.threads import get_threads
from .averages import NotBinary, Quantity
from .margins import Question, _of, _pick, _shown, defaults

if TYPE_CHECKING:
    from ..types import Rows

# the logarithm of what is compared, and whether the answer is taken back from it
KINDS = {
    "difference": (None, False), "ratio": ("log", True), "lnratio": ("log", False), "lift": ("log", True),
    "odds_ratio": ("logit", True), "ln_odds_ratio": ("logit", False), "mean": (None, False),
}  # fmt: skip
OF_LEVELS = ("reference", "pairwise", "sequential")  # contrasts that zeros and ones have too
TITLES = {
    "difference": "Differences of averages", "ratio": "Ratios of averages", "lnratio": "Log ratios of averages",
    "lift": "Relative differences of averages", "odds_ratio": "Odds ratios of averages",
    "ln_odds_ratio": "Log odds ratios of averages", "mean": "Counterfactual averages",
}  # fmt: skip


def compare(
    result: Any, variable: str, data: Rows | None = None, contrast: Any = None, kind: str = "difference", **options: Any
) -> EffectTable:
    """Average predictions with a column at several values in all rows, compared.

    Parameters
    ----------
    result : GLMResult
    variable : str
        A column of the data.
    data : rows, as for ``margins``
    contrast : optional
        Of a factor, a boolean or a column of zeros and ones: "reference" (each level with the first, the default),
        "pairwise", "sequential", or a pair of levels (low, high). Of numbers: what is added to each row's (1 by
        default), "sd" (that of the rows), "iqr" (their 75 % quantile in place of the 25 % one), "minmax", a pair of
        values (low, high), or a list of more, each compared with the first.
    kind : {"difference", "ratio", "lnratio", "odds_ratio", "ln_odds_ratio", "lift", "mean"}
        "lift" is the ratio less one, "mean" the counterfactual averages themselves. Ratios have their tests and limits
        on the scale of their logarithm.
    **options : as for ``margins``

    Returns
    -------
    EffectTable

    Raises
    ------
    InvalidParameterError
    """
    if kind not in KINDS:
        raise InvalidParameterError(f"kind={kind!r} is unknown; there are {', '.join(map(repr, KINDS))}")
    question = Question(result, data, defaults(options))
    question.variables.check(variable, "variable")
    if variable in (question.at or {}):
        raise InvalidParameterError(f"at: {variable!r} is what is compared; leave it out")
    with closing(question.open()) as supplied:
        numbers = variable not in question.variables.levels and (
            contrast is None or (isinstance(contrast, str) and contrast in OF_LEVELS)
        )
        binary = question.binary(supplied, [variable]) if numbers else []
        levels, pairs, found = _averaged(question, supplied, variable, contrast, binary)
    rows: list[tuple[dict[Any, Any], Callable]] = []
    for number, point in enumerate(question.points):
        first = number * len(levels)
        if kind == "mean":
            check_estimable(result, found.gradients, "an average")
            rows += [({variable: levels[i][1], **point}, _pick(first + i)) for i in range(len(levels))]
            continue
        for low, high in pairs:
            sign = "-" if kind in ("difference", "lift") else "/"
            shown = f"{levels[high][1]} {sign} {levels[low][1]}"
            labels = {"term": variable, "contrast": shown, **point}
            rows.append((labels, _compared(kind, first + low, first + high)))
            changed = found.gradients[0, first + high, 0] - found.gradients[0, first + low, 0]
            check_estimable(result, changed, f"the effect of {variable!r}")
    back = None
    if KINDS[kind][1]:
        back = Back(np.expm1, np.exp, 0.0) if kind == "lift" else EXPONENTIAL
    return question.table(found, rows, f"{TITLES[kind]}: {_of(question)}", back)


def _averaged(question, supplied, name, contrast, binary):
    """The values of a column, their pairs, and averages at each; a column that turns out to have other numbers than
    zero and one is begun anew."""
    levels, pairs = _contrasts(question, supplied, name, contrast, bool(binary))
    quantities = [Quantity({**point, name: value}) for point in question.points for value, _ in levels]
    try:
        return levels, pairs, question.averages(supplied, quantities, binary)
    except NotBinary:  # the first rows had zeros and ones alone
        return _averaged(question, supplied, name, contrast, [])


def _compared(kind, low, high):
    """A comparison of two averages, with its gradient."""
    transform = KINDS[kind][0]

    def function(values, gradients):
        a, b = values[low], values[high]
        if transform is None:
            return b - a, gradients[high] - gradients[low]
        if not (a > 0.0 and b > 0.0):
            raise InvalidParameterError(f"kind={kind!r} needs positive averages, not {a:g} and {b:g}")
        if transform == "log":
            return np.log(b) - np.log(a), gradients[high] / b - gradients[low] / a
        if not (a < 1.0 and b < 1.0):
            raise InvalidParameterError(f"kind={kind!r} needs averages below one, not {a:g} and {b:g}")
        return (
            np.log(b) - np.log1p(-b) - np.log(a) + np.log1p(-a),
            gradients[high] / (b * (1.0 - b)) - gradients[low] / (a * (1.0 - a)),
        )

    return function


def _contrasts(question, supplied, name, contrast, binary):
    """The values of a column, each with its text, and pairs of their numbers (low, high)."""
    known = question.variables.levels.get(name, (0.0, 1.0) if binary else None)
    if known is not None:
        return _of_levels(question, name, known, contrast)
    if contrast is None or (np.ndim(contrast) == 0 and isinstance(contrast, (int, float, np.number))):
        step = 1.0 if contrast is None else float(contrast)
        if not np.isfinite(step) or step == 0.0:
            raise InvalidParameterError(f"contrast={contrast!r}: {name!r} needs a step that is not zero")
        return _stepped(name, step, _shown(step))
    if isinstance(contrast, str):
        return _of_spread(question, supplied, name, contrast)
    if isinstance(contrast, (list, tuple, np.ndarray)) and len(contrast) >= 2:
        values = [float(v) for v in contrast]
        return [(v, _shown(v)) for v in values], [(0, i) for i in range(1, len(values))]
    raise InvalidParameterError(f"contrast={contrast!r} is none that the numbers of {name!r} have; see compare")


def _stepped(name, step, shown):
    return [(_Plus(0.0), name), (_Plus(step), f"{name} + {shown}")], [(0, 1)]


class _Plus:
    """A function of a column that adds a number."""

    def __init__(self, step: float):
        self.step = step

    def __call__(self, values):
        return values + self.step

    def __eq__(self, other):
        return isinstance(other, _Plus) and other.step == self.step

    __hash__ = None  # type: ignore[assignment]


def _of_levels(question, name, known, contrast):
    """Levels and their pairs."""
    shown = [(level, _shown(level)) for level in known]
    k = len(known)
    if contrast in (None, "reference"):
        return shown, [(0, i) for i in range(1, k)]
    if contrast == "pairwise":
        return shown, list(combinations(range(k), 2))
    if contrast == "sequential":
        return shown, [(i, i + 1) for i in range(k - 1)]
    if isinstance(contrast, (list, tuple)) and len(contrast) == 2:
        if name in question.variables.levels:
            contrast = [question.variables.value(name, level, "contrast") for level in contrast]
        return [(level, _shown(level)) for level in contrast], [(0, 1)]
    raise InvalidParameterError(
        f"contrast={contrast!r} is none that the levels of {name!r} have; there are 'reference', 'pairwise', "
        "'sequential', and a pair (low, high)"
    )


def _of_spread(question, supplied, name, contrast):
    """Values of a column of numbers from those of the rows."""
    if contrast not in ("sd", "iqr", "minmax"):
        raise InvalidParameterError(
            f"contrast={contrast!r} is none that the numbers of {name!r} have; there are 'sd', 'iqr', 'minmax', a step,"
            " and a pair (low, high)"
        )
    parts = in_order(supplied, lambda piece: piece.values(name), get_threads(question.options["threads"]))
    values = np.concatenate(list(parts))
    if contrast == "sd":
        return _stepped(name, float(values.std(ddof=1)), "sd")
    low, high = np.quantile(values, (0.25, 0.75)) if contrast == "iqr" else (values.min(), values.max())
    return [(float(low), _shown(float(low))), (float(high), _shown(float(high)))], [(0, 1)]
