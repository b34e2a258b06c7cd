"""``update``: a formula's fit anew with another formula, other rows or other options."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from ..errors import InvalidParameterError
from ..result.record import GLMResult
from ..rows.arguments import QUOTED
from ..rows.request import FitRequest
from .again import formula_of, vectors
from .estimated import fit_request

if TYPE_CHECKING:
    from ..types import Rows

DOT = re.compile(r"(?<![\w.])\.(?![\w.])")  # one that is no part of a number or a name


def update(result: GLMResult, formula: str | None = None, data: Rows | None = None, **options: Any) -> GLMResult:
    """Fit a model anew with what is changed (R's ``update`` and ``update.formula``).

    Parameters
    ----------
    result : GLMResult or MultinomialResult
        Of a formula.
    formula : str, optional
        The new formula, in which a dot on the left is the old response and a dot on the right are the old terms with
        their offset and exposure: "~ . + z", ". ~ . - x", "log(.) ~ .". By default the old one.
    data : rows, as the result was fitted to or others
    **options
        As for ``glm``, in place of those of the fit: family, link, weights, freq_weights, penalty, dispersion,
        bias_reduction, missing, cov and so on. Vectors that were columns are found by their names, arrays are given
        again; an estimated theta or power is estimated again.

    Returns
    -------
    GLMResult

    Raises
    ------
    InvalidParameterError
        For a fit of arrays, and without data.

    Examples
    --------
    >>> import fastglm
    >>> data = {"x": [1.0, 2, 3, 4, 5, 6], "z": [0.0, 1, 0, 0, 1, 1], "y": [1, 1, 2, 4, 3, 7]}
    >>> small = fastglm.glm("y ~ x", data, family="poisson")
    >>> fastglm.update(small, "~ . + z", data).names
    ('(Intercept)', 'x', 'z')
    """
    design = result.design
    if design is None or not design.formula.response:
        raise InvalidParameterError("update: the result is of no formula; fit arrays again by fit")
    if data is None:
        raise InvalidParameterError("update: a model is fitted anew, which takes the rows; pass data=")
    family = result.family
    if result.shape is not None:  # estimated again
        family = family.name
    known = {
        "family": family, "link": result.link, "missing": result.schema.missing, "penalty": result.penalty,
        "bias_reduction": result.bias_reduction, "dispersion": result.scale_kind, "cov": _covariance(result),
    }  # fmt: skip
    if family is not result.family or result.family.response_model == "softmax":
        del known["link"]
    if "family" in options and "link" not in options:
        known.pop("link", None)
    if known["dispersion"] not in ("pearson", "deviance", "ml"):
        del known["dispersion"]
    options = {name: value for name, value in known.items() if value is not None} | vectors(result, options) | options
    return fit_request(FitRequest(data=data, formula=updated_formula(design, formula), estimation=True, **options))


def _covariance(result):
    """The covariance of a fit where it is one of those that have a name, None for the default."""
    return None if result.cov_kind == "model" or result.cov_unscaled is None else result.cov_kind


def updated_formula(design, text: str | None) -> str:
    """A formula with the dots of ``text`` replaced by the sides of a design's."""
    old = formula_of(design, [term for term in design.formula.terms if term])
    if text is None:
        return old
    if not isinstance(text, str) or "~" not in QUOTED.sub("", text):
        raise InvalidParameterError(f"update: the formula must be text like '~ . + z', not {text!r}")
    left, right = _sides(text)
    response, terms = _sides(old)
    constant, *rest = terms.split(" + ", 1)
    inside = f"({rest[0]})" if rest else constant
    right = _without_dots(right, inside)
    if constant == "0":
        right = f"0 + {right}"
    return f"{_without_dots(left, response) if left else response} ~ {right}"


def _sides(text):
    """The left and the right side of a formula, split at the tilde that is not in quotes."""
    at = QUOTED.sub(lambda match: "q" * len(match[0]), text).index("~")
    return text[:at].strip(), text[at + 1 :].strip()


def _without_dots(text, meaning):
    """Text with its dots, but those in quotes, replaced."""
    parts, last = [], 0
    for match in QUOTED.finditer(text):
        parts += [DOT.sub(lambda _: meaning, text[last : match.start()]), match[0]]
        last = match.end()
    return "".join([*parts, DOT.sub(lambda _: meaning, text[last:])])
