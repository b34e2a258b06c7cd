"""Formulas to designs, by patsy as statsmodels does it: the names of the columns are patsy's."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np

from ..errors import InvalidParameterError, MissingDataError
from .refusals import refuse


class Design(NamedTuple):
    """Frames of the response and the design, the rows of the data they are of, and how to make a design again."""

    endog: Any
    exog: Any
    kept: np.ndarray
    recipe: Any


def environment(depth: int) -> Any:
    """The names that a formula sees, those of the caller `depth` frames above this function."""
    return _patsy().EvalEnvironment.capture(depth + 1)


def build(formula: str, data: Any, missing: str, env: Any) -> Design:
    """The response and the design of a formula, whose names are looked up in the ``data`` and in patsy's environment
    ``env``.

    Rows with something missing are dropped, or an error for ``missing="raise"``; a response must be numeric.
    """
    patsy = _patsy()
    from pandas import DataFrame

    frame = DataFrame(data)
    numbered = frame.set_axis(np.arange(len(frame)))
    try:
        y, X = patsy.dmatrices(formula, numbered, env, NA_action=missing, return_type="dataframe")
    except patsy.PatsyError as error:
        if "missing values" in str(error):
            raise MissingDataError(f"formula {formula!r}: the data have missing values, and missing='raise'") from None
        raise
    if any(info.type == "categorical" for info in y.design_info.factor_infos.values()):
        raise InvalidParameterError(
            f"formula {formula!r}: the response is a category, an array with multiple columns; make numbers of it"
        )
    kept, recipe = X.index.to_numpy(), X.design_info
    labels = frame.index[kept]
    return Design(y.set_axis(labels), X.set_axis(labels), kept, recipe)


def again(recipe: Any, data: Any) -> Any:
    """The design of new rows, a DataFrame with NaN in rows where something is missing; NotSupportedError for a model
    that was read from a file, which does not keep the recipe.
    """
    from pandas import DataFrame

    if recipe is None:
        raise refuse("predict of a saved formula model by a data frame", "give the columns with transform=False")
    frame = DataFrame(data)
    numbered = frame.set_axis(np.arange(len(frame)))
    X = _patsy().dmatrix(recipe, numbered, return_type="dataframe")
    return X.reindex(numbered.index).set_axis(frame.index)


def constraints(text: Any, names: Any) -> Any:
    """The matrix R and the values q of linear constraints R b = q written as text, such as ``"x1 = x2, x3 = 0"``."""
    found = _patsy().DesignInfo([str(name) for name in names]).linear_constraint(text)
    return np.asarray(found.coefs, dtype=float), np.asarray(found.constants, dtype=float).ravel()


def _patsy():
    try:
        import patsy
    except ImportError:
        raise ImportError(
            "formulas and constraints in words need patsy (pip install patsy pandas); or give arrays"
        ) from None
    return patsy
