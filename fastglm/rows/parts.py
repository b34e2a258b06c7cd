"""Requests of families with several linear predictors: formulas "y ~ x | z", and what does not go with them."""

from __future__ import annotations

import re

from ..errors import InvalidParameterError
from ..options.solvers import declaration_of

# text in quotes or backticks, which is not the formula's own
QUOTED = re.compile(r"('[^']*'|\"[^\"]*\"|`[^`]*`)")


def check_several(request, family) -> None:
    """Refuse what a family of several linear predictors does not have.

    Raises
    ------
    InvalidParameterError
    """
    of = f"family={family.name!r} "
    if request.penalty is not None:
        raise InvalidParameterError(f"penalty: {of}is fitted by maximum likelihood alone")
    if request.start is not None:
        raise InvalidParameterError(f"start: {of}begins at its null model; leave it out")
    if request.bias_reduction is not None:
        raise InvalidParameterError(f"bias_reduction={request.bias_reduction!r}: {of}has no adjusted scores")
    if declaration_of(request.solver).name not in ("auto", "newton"):
        raise InvalidParameterError(f"solver={declaration_of(request.solver).name!r}: {of}has 'newton' alone")
    cov = request.cov
    if cov not in (None, "model") and (cov.declaration.one_mean or cov.declaration.power):
        raise InvalidParameterError(
            f"cov={cov.name!r}: {of}has several linear predictors a row, and so no one leverage or mean; take 'HC0', "
            "'HC1' or clusters"
        )


def split_parts(formula, family):
    """The formula of the columns of both parts, and the two right sides; None in their place where there is one.

    Raises
    ------
    InvalidParameterError
        For several parts of a family that has one, and columns of the second part said twice.
    """
    if not isinstance(formula, str) or "|" not in formula:
        return formula, None
    depth, at = 0, []
    begin = 0
    for i, piece in enumerate(QUOTED.split(formula)):
        for j, letter in enumerate(piece if i % 2 == 0 else ""):
            depth += (letter in "([{") - (letter in ")]}")
            if letter == "|" and depth == 0:
                at.append(begin + j)
        begin += len(piece)
    if not at:
        return formula, None
    if family.second_field is None or len(at) > 1:
        has = "one part" if family.second_field is None else "two parts"
        raise InvalidParameterError(f"formula={formula!r}: family={family.name!r} has {has}")
    if family.second is not None:
        raise InvalidParameterError(
            f"formula={formula!r} has the columns of {family.second_field}: leave {family.second_field}= out"
        )
    left, tilde, first = formula[: at[0]].partition("~")
    second = formula[at[0] + 1 :]
    if not tilde or not first.strip() or not second.strip():
        raise InvalidParameterError(f"formula={formula!r} is not of the form 'y ~ x | z'")
    if re.search(r"\b(offset|exposure)\s*\(", second):
        raise InvalidParameterError(f"formula: offset and exposure belong to the first part, not to {second.strip()!r}")
    return f"{left.strip()} ~ ({first.strip()}) + ({second.strip()})", (first.strip(), second.strip())
