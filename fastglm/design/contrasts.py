"""How the levels of a factor become columns: all of them, some of them, or mixtures of them."""

from __future__ import annotations

import ast
from typing import Any, NamedTuple

import numpy as np

from ..errors import InvalidParameterError
from .expression import Check, tree_of
from .variables import Factor

NAMED = "Treatment Sum Helmert Poly Diff contr".split()
OF_CONTR = "helmert poly sum treatment SAS diff custom".split()


class Coded(NamedTuple):
    """The columns of a factor.

    Attributes
    ----------
    names : tuple of str
        As formulaic gives them: ``z[T.b]`` for treatment contrasts, ``z[b]`` in full, ``C(z, Sum)[S.a]``, ...
    picked : (k,) array of ints or None
        The level that each column is of.
    matrix : (L, k) scipy sparse matrix or None
        Where columns mix levels.
    """

    names: tuple[Any, ...]
    picked: np.ndarray | None
    matrix: Any = None


def code(factor: Factor, reduced: bool) -> Coded:
    """The columns of a factor, in full or by its contrasts; InvalidParameterError for contrasts that do not fit the
    levels, and for a single level, as in R.
    """
    levels = list(factor.levels)
    if len(levels) < 2:
        held = f"one level, {levels[0]!r}" if levels else "no level"
        raise InvalidParameterError(
            f"factor {factor.name!r} has {held}, so that it has no contrast: leave it out (columns of strings and "
            "categories are factors; convert those that are numbers)"
        )
    if not factor.has_reference():
        raise InvalidParameterError(
            f"factor {factor.name!r}: ref={factor.reference!r} is not among the levels {levels[:10]}"
        )
    chosen = evaluate(factor.contrasts)
    if chosen is None:
        form = "{}[T.{}]" if reduced else "{}[{}]"
        picked = np.arange(int(reduced), len(levels))
        return Coded(tuple(form.format(factor.name, levels[j]) for j in picked), picked)
    chosen = _record(chosen, factor)
    try:
        fields = chosen.get_coding_column_names(levels, reduced_rank=reduced)
        matrix = chosen.get_coding_matrix(levels, reduced_rank=reduced, sparse=True).tocsc()
    except ValueError as error:
        raise InvalidParameterError(f"factor {factor.name!r} with levels {levels[:10]}: {error}") from None
    form = chosen.get_factor_format(levels, reduced_rank=reduced)
    names = tuple(form.format(name=factor.name, field=field) for field in fields)
    if matrix.shape != (len(levels), len(names)):
        raise InvalidParameterError(
            f"factor {factor.name!r} has {len(levels)} levels, its contrasts are for {matrix.shape[0]}"
        )
    if (np.diff(matrix.indptr) == 1).all() and (matrix.data == 1.0).all():
        return Coded(names, matrix.indices.astype(np.intp))
    return Coded(names, None, matrix)


def base(factor: Factor) -> int:
    """The level that treatment contrasts compare with; InvalidParameterError for other contrasts, which have none."""
    chosen = evaluate(factor.contrasts)
    if chosen is None:
        return 0
    chosen = _record(chosen, factor)
    if not hasattr(chosen, "base"):
        raise InvalidParameterError(
            f"factor {factor.name!r} has no baseline level under its contrasts; pass unseen='error' or 'missing'"
        )
    return list(factor.levels).index(chosen.get_drop_field(list(factor.levels), reduced_rank=False))


def _record(chosen, factor):
    """Contrasts as a record of formulaic's; matrices and mappings are its custom contrasts."""
    from formulaic.transforms.contrasts import Contrasts, CustomContrasts

    if isinstance(chosen, type):
        chosen = chosen()
    if not isinstance(chosen, Contrasts):
        try:
            chosen = CustomContrasts(chosen)
        except (ValueError, TypeError, AttributeError) as error:
            raise InvalidParameterError(f"factor {factor.name!r}: its contrasts cannot be read: {error}") from None
    return chosen


def evaluate(text: str | None) -> Any:
    """The contrasts named by an expression: a record of formulaic's, a matrix, a mapping, or None for treatment."""
    if text is None:
        return None
    tree, _ = tree_of(text)
    node, inner = tree.body, Check((), {}, f"C(..., {text})")
    try:
        if isinstance(node, (ast.Name, ast.Attribute)):
            return _named(node, text)
        if not isinstance(node, ast.Call):
            return _argument(node, inner)
        arguments = [_argument(v, inner) for v in node.args]
        return _named(node.func, text)(*arguments, **{v.arg: _argument(v.value, inner) for v in node.keywords})
    except (ValueError, TypeError, RecursionError) as error:
        raise InvalidParameterError(f"contrasts {text!r}: {error}") from None


def _argument(node, inner):
    """An argument of contrasts: a constant, or a mapping of constants."""
    if isinstance(node, ast.Dict):
        return {inner.constant(k): inner.constant(v) for k, v in zip(node.keys, node.values, strict=True)}
    return inner.constant(node)


def _named(node, text):
    """What a name such as ``Sum`` or ``contr.sum`` stands for."""
    from formulaic.transforms import TRANSFORMS

    named = {name: TRANSFORMS[name] for name in NAMED}
    named |= {"SDiff": named["Diff"], "SAS": TRANSFORMS["contr"].SAS}
    if isinstance(node, ast.Name) and node.id in named:
        return named[node.id]
    if isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name) and node.value.id == "contr":
        if node.attr in OF_CONTR:
            return getattr(named["contr"], node.attr)
        raise InvalidParameterError(f"contrasts {text!r}: contr.{node.attr} is unknown; known: {', '.join(OF_CONTR)}")
    raise InvalidParameterError(
        f"contrasts {text!r}: {ast.unparse(node)!r} is unknown; known: {', '.join(NAMED)}, or a matrix"
    )
