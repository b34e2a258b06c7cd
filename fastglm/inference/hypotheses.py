"""Linear hypotheses L b = r of coefficients, written as text, and their joint Wald test (``linearHypothesis`` of R)."""

from __future__ import annotations

import ast
import re
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from ..errors import InvalidParameterError
from . import check_covariance

if TYPE_CHECKING:
    from collections.abc import Sequence

    from ..core.records import Array

SINGULAR = 1e-11  # of the largest eigenvalue of a correlation matrix, below which a hypothesis repeats others


class HypothesisTest(NamedTuple):
    """A joint test of linear hypotheses L b = r.

    Attributes
    ----------
    statistic : float
        (L b - r)' (L V L')^-1 (L b - r), of an F test divided by its degrees of freedom.
    df : int
        Independent hypotheses.
    p_value : float
    df_resid : float or None
        Of an F test.
    estimates, covariance : (k,) and (k, k) arrays
        L b - r, and L V L'.
    L, r : (k, q) and (k,) arrays
    """

    statistic: float
    df: int
    p_value: float
    df_resid: float | None
    estimates: Array
    covariance: Array
    L: Array
    r: Array


def wald_test(result, hypotheses: str | Sequence[str] | tuple[Array, Array] | Array, test: str | None = None):
    """A joint Wald test, with the covariance that the result has.

    Parameters
    ----------
    result : GLMResult
    hypotheses : str, sequence of str, (k, q) array L, or a pair of L and r
        Equations in the names of the coefficients, separated by commas, such as "x = 2 * z, C(g)[T.b] = 0"; a name
        alone is zero.
    test : {"chisq", "F"}, optional
        F on the residual degrees of freedom where the dispersion is estimated, by default.

    Returns
    -------
    HypothesisTest

    Raises
    ------
    InvalidParameterError
        For a name that there is not, what is not linear, and an aliased coefficient.
    """
    from scipy.special import chdtrc, fdtrc

    if np.ndim(result.params) != 1:
        raise InvalidParameterError(
            "wald_test is of one mean a row; a softmax regression has several coefficients a name"
        )
    if test not in (None, "chisq", "F"):
        raise InvalidParameterError(f"test={test!r} is unknown; there are 'chisq' and 'F'")
    L, r = linear_hypotheses(result, hypotheses)
    cov = np.nan_to_num(np.asarray(check_covariance(result.cov_params(), "tests")))
    estimates, V = L @ np.nan_to_num(result.params) - r, L @ cov @ L.T
    statistic, df = quadratic_form(V, estimates)
    df_resid = result.test_df if test is None else result.df_resid if test == "F" else None
    if df_resid is None:
        return HypothesisTest(statistic, df, float(chdtrc(df, statistic)), None, estimates, V, L, r)
    F = statistic / max(df, 1)
    return HypothesisTest(F, df, float(fdtrc(df, df_resid, F)), df_resid, estimates, V, L, r)


def quadratic_form(V, estimates):
    """e' V^- e, and the rank of V (k, k), of which columns that repeat others are left out; e is (k,)."""
    size = 1.0 / np.sqrt(np.maximum(np.diagonal(V), np.finfo(float).tiny))
    values, vectors = np.linalg.eigh(V * size * size[:, None])
    kept = values > SINGULAR * values.max(initial=0.0)
    parts = vectors.T[kept] @ (estimates * size)
    return float(np.sum(parts**2 / values[kept])), int(kept.sum())


def linear_hypotheses(result, hypotheses) -> tuple[np.ndarray, np.ndarray]:
    """L (k, q) and r (k,) of hypotheses about coefficients that have estimates.

    Raises
    ------
    InvalidParameterError
    """
    L, r = parsed(hypotheses, list(result.names))
    aliased = np.isnan(result.params)
    if np.any(L[:, aliased]):
        j = int(np.flatnonzero(aliased & L.any(0))[0])
        raise InvalidParameterError(f"hypotheses: {result.names[j]!r} is aliased, and has no estimate")
    return L, r


def parsed(hypotheses, names) -> tuple[np.ndarray, np.ndarray]:
    """L (k, q) and r (k,) of hypotheses.

    Raises
    ------
    InvalidParameterError
    """
    if isinstance(hypotheses, str):
        hypotheses = split(hypotheses)
    if isinstance(hypotheses, tuple) and len(hypotheses) == 2 and not isinstance(hypotheses[0], str):
        L = np.atleast_2d(np.asarray(hypotheses[0], float))
        r = np.broadcast_to(np.asarray(hypotheses[1], float), (len(L),))
    elif len(hypotheses) and isinstance(hypotheses[0], str):
        rows = [equation(text, names) for text in hypotheses]
        L, r = np.array([row for row, _ in rows]), np.array([value for _, value in rows])
    else:
        L = np.atleast_2d(np.asarray(hypotheses, float))
        r = np.zeros(len(L))
    if L.ndim != 2 or L.shape[1] != len(names) or not np.isfinite(L).all():
        raise InvalidParameterError(f"hypotheses: L has shape {L.shape}, expected (k, {len(names)}) finite numbers")
    return L, np.asarray(r, float)


def split(text: str) -> list[str]:
    """Equations between the commas that are in no brackets."""
    parts, depth = [""], 0
    for letter in text:
        depth += (letter in "([") - (letter in ")]")
        if letter == "," and not depth:
            parts.append("")
        else:
            parts[-1] += letter
    return [part.strip() for part in parts if part.strip()]


def equation(text: str, names: Sequence[str]) -> tuple[np.ndarray, float]:
    """The row of L (q,) and the number r of an equation.

    Raises
    ------
    InvalidParameterError
    """
    sides = re.split(r"(?<![<>=!])=(?!=)", text)
    if len(sides) > 2:
        raise InvalidParameterError(f"hypotheses: {text!r} has several equals signs; separate equations by commas")
    total = np.zeros(len(names) + 1)
    for side, sign in zip(sides, (1.0, -1.0), strict=False):
        total += sign * _linear(side, names, text)
    if not total[:-1].any():
        raise InvalidParameterError(f"hypotheses: {text!r} has no coefficient")
    return total[:-1], -total[-1]


def _linear(side, names, text):
    """The coefficients (q + 1,) of a linear expression, the constant last."""
    known = {}
    # the longest names first, so that none is found within another
    for j in sorted(range(len(names)), key=lambda j: -len(names[j])):
        known[f"__{j}__"] = j
        quoted = re.escape(names[j])
        side = re.sub(rf"`{quoted}`|(?<![\w.\])]){quoted}(?![\w.\[(])", f" __{j}__ ", side)
    try:
        return _value(ast.parse(side.strip(), mode="eval").body, known, len(names))
    except (SyntaxError, ValueError, KeyError, TypeError):
        raise InvalidParameterError(
            f"hypotheses: {text!r} is not linear in coefficients of the model, which are {', '.join(names[:10])}"
        ) from None


def _value(node, known, q):
    """A linear expression from its syntax tree."""
    if isinstance(node, ast.Constant) and isinstance(node.value, (int, float)) and not isinstance(node.value, bool):
        return np.append(np.zeros(q), float(node.value))
    if isinstance(node, ast.Name):
        out = np.zeros(q + 1)
        out[known[node.id]] = 1.0
        return out
    if isinstance(node, ast.UnaryOp) and isinstance(node.op, (ast.USub, ast.UAdd)):
        return (-1.0 if isinstance(node.op, ast.USub) else 1.0) * _value(node.operand, known, q)
    if not isinstance(node, ast.BinOp):
        raise ValueError
    a, b = _value(node.left, known, q), _value(node.right, known, q)
    if isinstance(node.op, ast.Add):
        return a + b
    if isinstance(node.op, ast.Sub):
        return a - b
    if isinstance(node.op, ast.Mult) and not (a[:-1].any() and b[:-1].any()):
        return a * b[-1] if not b[:-1].any() else b * a[-1]
    if isinstance(node.op, ast.Div) and not b[:-1].any() and b[-1] != 0.0:
        return a / b[-1]
    raise ValueError
