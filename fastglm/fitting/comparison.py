"""Analysis of deviance, of the terms of a model or of nested models.

The conventions are those of R's ``anova.glm``.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from scipy.special import chdtrc, fdtrc

from ..errors import InvalidParameterError
from ..inference.test_table import TestTable
from ..result.record import GLMResult
from .models import Models, check_test

if TYPE_CHECKING:
    from ..types import Rows, Variable


def anova(
    *results: GLMResult, data: Rows | None = None, y: Variable | None = None, test: str | None = "LRT", **options: Any
) -> TestTable:
    """Analysis of deviance: terms of a model added one by one, or nested models compared.

    Parameters
    ----------
    *results : GLMResult
        One, whose terms are added in their order, or several nested ones in any order of size.
    data, y : rows, as the result was fitted to
        For one result, and for test="Rao".
    test : {"LRT", "F", "Rao", None}
        The likelihood ratio, F, or Rao's score. The dispersion is one, or Pearson's of the largest model.
    **options
        Arrays that the fit had: weights, offset, exposure.

    Returns
    -------
    TestTable
        df, deviance, df_residual, residual_deviance, statistic and p_value; the score is undivided, as in R.

    Raises
    ------
    InvalidParameterError
        For models that are not nested, or not of the same rows.

    Notes
    -----
    As R's ``anova.glm(test = ...)``: the likelihood ratio is the difference in deviance over the dispersion of the
    largest model; F divides it by its degrees of freedom.
    """
    check_test(test)
    if not results:
        raise InvalidParameterError("anova takes one result or several")
    if len(results) == 1:
        models = Models(results[0], data, y, options)
        names = ["NULL", *(":".join(term) for term in models.terms)]
        stages = [models.terms[:k] for k in range(len(models.terms) + 1)]
        fits = [*models.smaller(stages[:-1], test == "Rao"), results[0]]
        title = f"Analysis of deviance: {results[0].family.name}, {results[0].link.name} link, terms added in order"
    else:
        fits = list(results)
        _check_nested(fits)
        models = Models(max(fits, key=_rank), data, y, options) if test == "Rao" else None
        names, title = [str(i + 1) for i in range(len(fits))], "Analysis of deviance of nested models"
        stages = [None if models is None else Models(fit, data, y, options).terms for fit in fits]
    full = max(fits, key=_rank)
    changes = [(a, b) for a, b in zip(fits, fits[1:], strict=False)]
    df = np.array([np.nan, *(abs(a.df_resid - b.df_resid) for a, b in changes)])
    shaped = all(fit.shape is not None for fit in fits)  # then theta, or the power, is each model's own
    level = [-2.0 * fit.llf if shaped else fit.deviance for fit in fits]
    larger = [np.sign(_rank(b) - _rank(a)) for a, b in changes]
    fall = np.array([np.nan, *((a - b) * sign for a, b, sign in zip(level, level[1:], larger, strict=False))])
    columns = {
        "df": df, "deviance": fall, "df_residual": np.array([float(fit.df_resid) for fit in fits]),
        "residual_deviance": np.array([fit.deviance for fit in fits]),
    }  # fmt: skip
    if test == "Rao":
        columns["statistic"] = np.array([np.nan, *(models.rao(*pair) for pair in _pairs(fits, stages))])
        columns["p_value"] = chdtrc(df, columns["statistic"] / full.scale)
    elif test is not None:
        if shaped and test != "LRT":
            raise InvalidParameterError(f"test={test!r}: models that estimate {full.shape.name} have the 'LRT' alone")
        columns |= _tested(test, fall, df, 1.0 if shaped else full.scale, full)
    return TestTable(title=title, terms=tuple(names), columns=columns, library=full.schema.library)


def _pairs(fits, stages):
    """(smaller fit, its terms, terms of the larger one) of neighbours."""
    for a, b, first, second in zip(fits, fits[1:], stages, stages[1:], strict=False):
        yield (a, first, second) if _rank(a) <= _rank(b) else (b, second, first)


def _rank(fit):
    return fit.rank


def _tested(test, fall, df, dispersion, full):
    """The statistic and p-value of differences in deviance."""
    scaled = np.maximum(fall, 0.0) / dispersion
    if test == "LRT":
        return {"statistic": scaled, "p_value": chdtrc(df, scaled)}
    with np.errstate(all="ignore"):
        F = scaled / df
    known = full.family.dispersion == "one"
    return {"statistic": F, "p_value": chdtrc(df, F * df) if known else fdtrc(df, full.df_resid, F)}


def _check_nested(fits):
    first = fits[0]
    for other in fits[1:]:
        if first.bias_reduction is not None or other.bias_reduction is not None:
            raise InvalidParameterError("bias_reduction: the deviances of such fits are not the least ones, no tests")
        shaped = None not in (first.shape, other.shape) and first.shape.name == other.shape.name
        families = (0, 0) if shaped else (first.family.without_columns, other.family.without_columns)
        same = all(type(a) is type(b) and a == b for a, b in (families, (first.link, other.link)))
        rows = first.nobs == other.nobs and np.isclose(first.weight_sum, other.weight_sum, rtol=1e-12)
        response = np.isclose(first.null_deviance, other.null_deviance, rtol=1e-8)
        if not (same and rows):
            raise InvalidParameterError("models differ in their family, link, rows or weights, and cannot be compared")
        restricted = getattr(first.family, "method", "ml") == "reml"
        if restricted and first.names[first.places[0]] != other.names[other.places[0]]:
            raise InvalidParameterError("method='reml': models of different means have no common restricted likelihood")
        if first.has_intercept == other.has_intercept and not response and not shaped:
            raise InvalidParameterError("models differ in their response or offset, and cannot be compared")
        small, large = sorted((first, other), key=_rank)
        outside = [name for name in small.names if name not in large.names]
        if outside and small.deviance < large.deviance:
            raise InvalidParameterError(f"models are not nested: {outside[0]!r} is in the smaller one only")
