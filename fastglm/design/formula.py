"""A formula taken apart by formulaic: response, terms, offset, exposure."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import NamedTuple

from ..errors import InvalidParameterError
from .expression import CODED, Expression, check, column, split_call

# text in quotes or backticks, which is not the formula's own
QUOTED = re.compile(r"('[^']*'|\"[^\"]*\"|`[^`]*`)")


class Formula(NamedTuple):
    """A formula taken apart.

    Attributes
    ----------
    text : str
    response : tuple of Expression
        One, or the two of ``cbind(successes, failures)``; none where the formula begins with the tilde.
    terms : tuple of tuples of str
        The variables of each term, the empty tuple for the intercept, in the order of their degree.
    offset : tuple of Expression
        Summed where there are several.
    exposure : Expression or None
    """

    text: str
    response: tuple
    terms: tuple
    offset: tuple = ()
    exposure: Expression | None = None


def parse(text: str, known: Sequence[str]) -> Formula:
    """Take a formula apart.

    Parameters
    ----------
    text : str
        ``response ~ terms``, the terms in Wilkinson's notation: ``a + b``, ``a:b``, ``a*b``, ``a/b``, ``(a + b)**2``
        (or ``^``), ``- 1`` or ``+ 0`` for no intercept, ``.`` for all columns that are not named otherwise.
    known : sequence of str
        The columns there are.

    Raises
    ------
    InvalidParameterError
        Naming the part that cannot be read.
    ImportError
        Without formulaic.

    References
    ----------
    Wilkinson, G. N. and Rogers, C. E. (1973), Symbolic description of factorial models for analysis of variance.
    """
    if not isinstance(text, str):
        raise InvalidParameterError(f"the formula must be text like 'y ~ x', not {type(text).__name__}")
    left, terms = _split(text, known)
    shifts = [shift for term in terms if (shift := _shift(term, known))]
    aside = [column for _, e in shifts for column in e.columns]
    if aside and "." in QUOTED.sub("q", text):  # what shifts the predictor is not among the columns a dot stands for
        left, terms = _split(text, [name for name in known if name not in aside])
    exposure = [e for kind, e in shifts if kind == "exposure"]
    if len(exposure) > 1:
        raise InvalidParameterError("exposure(...) can be given once; multiply the two")
    terms = tuple(_variables(term, known) for term in terms if not _shift(term, known))
    response = _response(left, known)
    if any((e.text,) in terms for e in response):
        raise InvalidParameterError(f"the response {response[0].text!r} is also a term of the formula")
    if not terms:
        raise InvalidParameterError(f"formula {text!r} has no term; '1' stands for an intercept")
    offset = tuple(e for kind, e in shifts if kind == "offset")
    return Formula(text, response, terms, offset, *exposure)


def _split(text, available):
    """The variables left of the tilde and the terms right of it."""
    try:
        import formulaic
    except ImportError:
        raise ImportError("formulas need formulaic: pip install 'fastglm[tables]'") from None
    if not QUOTED.sub("q", text).partition("~")[2].strip():
        raise InvalidParameterError(f"formula {text!r} is not of the form 'y ~ x1 + x2'")
    # a caret is a power in a formula; Python's own meaning, exclusive or, would be silently wrong in I(x^2)
    power = "".join(part if i % 2 else part.replace("^", "**") for i, part in enumerate(QUOTED.split(text)))
    context = {"__formulaic_variables_available__": list(available)}
    try:
        formula = formulaic.Formula(power, _context=context)
        left, right = (formula.lhs, formula.rhs) if hasattr(formula, "rhs") else ((), formula)
        return [list(term.factors) for term in left], list(right) if all(t.factors for t in right) else []
    except RecursionError:
        raise InvalidParameterError("the formula has too many terms; '.' stands for all other columns") from None
    except AttributeError:
        raise InvalidParameterError(f"formula {text!r}: '|' has no place in the formula of a GLM") from None
    except Exception as error:  # formulaic's parser raises errors of many kinds
        raise InvalidParameterError(f"formula {text!r} cannot be read: {f'{error} '.splitlines()[0]}") from None


def _shift(term, known):
    """("offset" or "exposure", its expression) of a term that shifts the linear predictor."""
    calls = [split_call(f.expr, ("offset", "exposure")) for f in term.factors if f.eval_method.value == "python"]
    if not any(calls):
        return None
    if len(term.factors) > 1 or len(calls[0][1]) != 1 or calls[0][2]:
        raise InvalidParameterError(f"term '{term}': offset(...) and exposure(...) are terms of one expression")
    return calls[0][0], check(calls[0][1][0], known, str(term))


def _variables(term, known):
    """The texts of a term's variables, none for the intercept."""
    for f in term.factors:
        if f.eval_method.value == "lookup":
            column(f.expr, known)
    constants = [f.expr for f in term.factors if f.eval_method.value == "literal"]
    if constants and (len(term.factors) > 1 or constants != ["1"]):
        raise InvalidParameterError(f"term '{term}': a number is no variable; write I(...) around arithmetic")
    return tuple(f.expr for f in term.factors if f.expr not in constants)


def _response(left, known):
    if not left:
        return ()
    if len(left) > 1 or len(left[0]) > 1:
        shown = " + ".join(":".join(f.expr for f in term) for term in left)
        raise InvalidParameterError(f"the response must be one expression, not {shown!r}; write I(...) or cbind(...)")
    (factor,) = left[0]
    if factor.eval_method.value == "literal":
        raise InvalidParameterError(f"the response is {factor.expr!r}, which is not a column")
    if factor.eval_method.value == "lookup":
        return (column(factor.expr, known),)
    labels = split_call(factor.expr, CODED)
    if labels is not None and len(labels[1]) == 1 and not labels[2]:
        return (check(labels[1][0], known, factor.expr),)
    pair = split_call(factor.expr, ("cbind",))
    if pair is None:
        return (check(factor.expr, known),)
    if len(pair[1]) != 2 or pair[2]:
        raise InvalidParameterError("cbind takes two expressions: cbind(successes, failures)")
    return tuple(check(part, known, factor.expr) for part in pair[1])
