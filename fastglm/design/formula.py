"""A formula taken apart: the response, which is arithmetic as in R, and the terms, offset and exposure."""

from __future__ import annotations

import re
from collections.abc import Sequence
from functools import lru_cache
from typing import Any, NamedTuple

from ..errors import InvalidParameterError, not_loaded
from .expression import CODED, Expression, check, column, spelled, split_call
from .terms import expand

# text in quotes or backticks, which is not the formula's own
QUOTED = re.compile(r"('[^']*'|\"[^\"]*\"|`[^`]*`)")

MOST_KEPT = 64  # formulas that are kept taken apart


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
    response: tuple[Any, ...]
    terms: tuple[Any, ...]
    offset: tuple[Any, ...] = ()
    exposure: Expression | None = None


def parse(text: str, known: Sequence[str]) -> Formula:
    """Take a formula apart.

    Parameters
    ----------
    text : str
        ``response ~ terms``. The response is an expression, so that ``-``, ``*``, ``/`` and ``**`` (or ``^``) are
        arithmetic there, or ``cbind(a, b)``. The terms are in Wilkinson's notation: ``a + b``, ``a:b``, ``a*b``,
        ``a/b``, ``(a + b)**2`` (or ``^``), ``- 1`` or ``+ 0`` for no intercept, ``.`` for all columns that are not
        named otherwise.
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
    return _parsed(text, tuple(known))


@lru_cache(maxsize=MOST_KEPT)
def _parsed(text, known):
    """The formula, kept for the next fit of many: to take one apart takes longer than to fit a hundred rows."""
    known = dict.fromkeys(known)
    left, right = _sides(text)
    response = _response(left, known) if left else ()
    free = [name for name in known if not any(name in e.columns for e in response)]
    terms = _terms(text, right, free)
    shifts = [shift for term in terms if (shift := _shift(term, known))]
    aside = [column for _, e in shifts for column in e.columns]
    if aside and "." in QUOTED.sub("q", right):  # what shifts the predictor is not among the columns a dot stands for
        terms = _terms(text, right, [name for name in free if name not in aside])
    exposure = [e for kind, e in shifts if kind == "exposure"]
    if len(exposure) > 1:
        raise InvalidParameterError("exposure(...) can be given once; multiply the two")
    terms = tuple(_variables(term, known) for term in terms if not _shift(term, known))
    if any((e.text,) in terms for e in response):
        raise InvalidParameterError(f"the response {response[0].text!r} is also a term of the formula")
    offset = tuple(e for kind, e in shifts if kind == "offset")
    return Formula(text, response, terms, offset, *exposure)


def _sides(text):
    """What stands left and right of the tilde, a caret written as the power it is."""
    # Python's own meaning of a caret, exclusive or, would be silently wrong in I(x^2)
    parts = [part if i % 2 else part.replace("^", "**") for i, part in enumerate(QUOTED.split(text))]
    depth, left = 0, None
    for i, part in enumerate(parts):
        for j, letter in enumerate(part if i % 2 == 0 else ""):
            depth += (letter in "([{") - (letter in ")]}")
            if letter == "~" and depth == 0:
                if left is not None:
                    raise InvalidParameterError(f"formula {text!r} cannot be read: it has several '~'")
                left = "".join([*parts[:i], part[:j]]).strip()
                right = "".join([part[j + 1 :], *parts[i + 1 :]]).strip()
    if left is None or not right:
        raise InvalidParameterError(f"formula {text!r} is not of the form 'y ~ x1 + x2'")
    return left, right


def _terms(text, right, available):
    """The terms right of the tilde."""
    try:
        import formulaic  # noqa: F401
    except ImportError as error:
        raise ImportError(not_loaded("formulaic", "formulas need formulaic", error)) from None
    try:
        terms = expand(right, available)
        return terms if all(term.factors for term in terms) else []
    except InvalidParameterError as error:
        raise InvalidParameterError(f"formula {text!r}: {error}") from None
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
    """The one expression left of the tilde, or the two of cbind; a factor's levels are labels."""
    labels = pair = None
    if left not in known:
        labels, pair = split_call(left, CODED), split_call(left, ("cbind",))
    if pair is not None and (len(pair[1]) != 2 or pair[2]):
        raise InvalidParameterError("cbind takes two expressions: cbind(successes, failures)")
    parts = pair[1] if pair else labels[1] if labels and len(labels[1]) == 1 and not labels[2] else [left]
    found = tuple(check(part if part in known else spelled(part), known, left) for part in parts)
    for e in found:
        if not e.columns:
            raise InvalidParameterError(f"the response is {e.text!r}, which is not a column")
    return found
