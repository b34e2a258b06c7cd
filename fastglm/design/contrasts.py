"""How the levels of a factor become columns: all of them, some of them, or mixtures of them."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np

from ..errors import InvalidParameterError
from .expression import contrasts as evaluate
from .variables import Factor


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

    names: tuple
    picked: np.ndarray | None
    matrix: Any = None


def code(factor: Factor, reduced: bool) -> Coded:
    """The columns of a factor, in full or by its contrasts.

    Raises
    ------
    InvalidParameterError
        For contrasts that do not fit the levels, and a single level coded by contrasts.
    """
    levels = list(factor.levels)
    if reduced and len(levels) < 2:
        held = f"one level, {levels[0]!r}" if levels else "no level"
        raise InvalidParameterError(
            f"factor {factor.name!r} has {held}, so that it has no contrast: leave it out (columns of strings and "
            "categories are factors; convert those that are numbers)"
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
    """The level that treatment contrasts compare with.

    Raises
    ------
    InvalidParameterError
        For other contrasts, which compare with no single level.
    """
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
