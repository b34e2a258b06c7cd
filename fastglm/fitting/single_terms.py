"""Tests of terms dropped from a model or added to it one by one, and Rao's score test of columns it does not have.

The conventions are those of R's ``drop1.glm`` and ``add1.glm``.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
from scipy.special import chdtrc, fdtrc

from ..errors import InvalidParameterError
from ..inference.test_table import TestTable
from ..result.record import GLMResult
from ..rows.open import open_rows
from ..rows.request import FitRequest
from .again import formula_of
from .models import Models, check_test, check_tests

if TYPE_CHECKING:
    from collections.abc import Sequence

    from ..core.records import Array
    from ..types import Rows, Variable


def droppable(terms) -> list[tuple[str, ...]]:
    """The terms that are in no other one, which a model can lose."""
    return [term for term in terms if not any(set(term) < set(other) for other in terms)]


def drop1(
    result: GLMResult, data: Rows, y: Variable | None = None, *, scope: Sequence[str] | None = None,
    test: str | Sequence[str] | None = "LRT", k: float = 2.0, **options: Any,
) -> TestTable:  # fmt: skip
    """Tests of each term that can be dropped from a model (R's ``drop1``), all by the same few reads of the rows.

    Parameters
    ----------
    result : GLMResult
    data, y : rows, as the result was fitted to
    scope : sequence of str, optional
        Terms; by default all that are in no interaction of the model.
    test : {"LRT", "F", "Rao", "Wald", None}, or several of them
        "Wald" is of the result's own covariance. Of several ("LRT", "Wald", "Rao") each has its statistic and p_value,
        in columns such as statistic_wald and p_value_wald.
    k : float
        What a parameter costs in the AIC; log(n) for the BIC.
    **options
        Arrays that the fit had: weights, offset, exposure.

    Returns
    -------
    TestTable
        df, deviance, aic, statistic and p_value of each term, the model itself first. As in R the likelihood ratio of
        a gaussian is n log(deviance) and F takes the deviance over its degrees of freedom as dispersion.
    """
    tests = check_tests(test)
    models = Models(result, data, y, options)
    terms = droppable(models.terms) if scope is None else [_term(models.terms, text) for text in scope]
    stages = [[other for other in models.terms if other != term] for term in terms]
    fits, rao = models.smaller(stages, "Rao" in tests), None
    if "Rao" in tests:
        rao = [models.rao(fit, stage, models.terms) for fit, stage in zip(fits, stages, strict=True)]
    wald = [models.wald(term) for term in terms] if "Wald" in tests else None
    of_result = result.deviance / max(result.df_resid, 1), result.df_resid
    tables = {kind: terms_table(result, terms, fits, kind, k, rao, *of_result, "", wald) for kind in tests}
    if not isinstance(test, (tuple, list)):
        return tables[test]
    columns = {name: tables[tests[0]].columns[name] for name in ("df", "deviance", "aic")}
    for kind, table in tables.items():
        columns |= {f"{name}_{kind.lower()}": table.columns[name] for name in ("statistic", "p_value")}
    return replace(tables[tests[0]], columns=columns)


def add1(
    result: GLMResult, scope: str | Sequence[str], data: Rows, y: Variable | None = None, *, test: str | None = "LRT",
    k: float = 2.0, **options: Any,
) -> TestTable:  # fmt: skip
    """Tests of each term that can be added to a model (R's ``add1``).

    Parameters
    ----------
    result : GLMResult
        Of a formula.
    scope : str or sequence of str
        Terms, as the right side of a formula such as "x + z:w", or one by one.
    data, y, test, k, **options
        As for ``drop1``. Rao's test fits no model: one pass at the coefficients has the scores of all terms.

    Returns
    -------
    TestTable
    """
    check_test(test)
    models, terms, union = larger_models(result, scope, data, y, options)
    scores = models.scores(union, result) if test == "Rao" else None
    inside = [term for term in union if term not in terms]
    fits = [models.fit([*inside, term]) for term in terms]
    rao = None if scores is None else [scores.statistic(scores.columns[term])[0] for term in terms]
    return terms_table(result, terms, fits, test, k, rao, None, None, "+ ")


def larger_models(result, scope, data, y, options):
    """Models over all terms of a result and of a scope, the terms of the scope alone, and all of them."""
    base = Models(result, data, y, options)
    base = base.by_formula()
    text = scope if isinstance(scope, str) else " + ".join(scope)
    formula, y = formula_of(base.design, base.terms), None if base.design.formula.response else y
    formula += f" + {text.split('~', 1)[-1]}" if text else ""
    request = FitRequest(data=data, y=y, formula=formula, cov=None, **base.options)
    schema, source = open_rows(request)
    source.close()
    base.design = schema.design
    union = [term for term in schema.design.formula.terms if term]
    inside = {frozenset(term) for term in base.terms}
    return base, [term for term in union if frozenset(term) not in inside], union


def _term(terms, text):
    """A term by its text.

    Raises
    ------
    InvalidParameterError
    """
    for term in terms:
        if ":".join(term) == text or set(term) == set(text.split(":")):
            return term
    raise InvalidParameterError(f"scope: the model has no term {text!r}; it has {', '.join(map(':'.join, terms))}")


def terms_table(result, terms, fits, test, k, rao, dispersion, df_resid, sign, wald=None):
    """The table of models that differ from one by a term each."""
    every, known = [result, *fits], result.family.dispersion == "one"
    deviance = np.array([fit.deviance for fit in every])
    rank, n = np.array([float(fit.rank) for fit in every]), result.nobs
    level = n * np.log(deviance / n) if result.family.name == "gaussian" else deviance / result.scale
    aic = level + k * rank
    aic += result.aic + (k - 2.0) * result.rank - aic[0]
    df = np.abs(rank - rank[0])
    df[0] = np.nan
    columns = {"df": df, "deviance": deviance, "aic": aic}
    with np.errstate(all="ignore"):
        if test == "LRT":
            columns["statistic"] = np.maximum(np.abs(level - level[0]), 0.0)
            columns["p_value"] = chdtrc(df, columns["statistic"])
        elif test == "F":
            away = np.abs(deviance - deviance[0]) / df
            rest = np.full(len(every), float(result.df_resid)) if dispersion else result.df_resid - df
            columns["statistic"] = away / (dispersion if dispersion else deviance / rest)
            columns["p_value"] = fdtrc(df, rest, columns["statistic"])
        elif test == "Rao":
            columns["statistic"] = np.array([np.nan, *rao]) / (1.0 if known else result.scale)
            columns["p_value"] = chdtrc(df, columns["statistic"])
        elif test == "Wald":
            columns["statistic"] = np.array([np.nan, *(each.statistic for each in wald)])
            columns["p_value"] = np.array([np.nan, *(each.p_value for each in wald)])
    for values in columns.values():
        if values is not deviance and values is not aic:
            values[0] = np.nan
    names = ("<none>", *(":".join(term) for term in terms))
    title = "Single terms " + ("added" if sign else "dropped")
    return TestTable(title=title, terms=names, columns=columns, library=result.schema.library)


class ScoreTest(NamedTuple):
    """Rao's score test of columns that a model does not have.

    Attributes
    ----------
    terms : tuple of str
        The coefficients that were tested.
    statistic, df, p_value : float, int, float
        Of all of them together.
    each, each_p_value : (k,) arrays
        Of each by itself beside the model.
    """

    terms: tuple[str, ...]
    statistic: float
    df: int
    p_value: float
    each: Array
    each_p_value: Array


def score_test(
    result: GLMResult, scope: str | Sequence[str], data: Rows, y: Variable | None = None, **options: Any
) -> ScoreTest:
    """Rao's score test of terms that a model does not have, without fitting them: one pass.

    Parameters
    ----------
    result, scope, data, y, **options
        As for ``add1``.

    Returns
    -------
    ScoreTest
        U' I^-1 U over the dispersion of the smaller model (Rao 1948, Proceedings of the Cambridge Philosophical Society
        44), I the expected information.
    """
    models, terms, union = larger_models(result, scope, data, y, options)
    scores = models.scores(union, result)
    numbers = np.concatenate([scores.columns[term] for term in terms])
    dispersion = 1.0 if result.family.dispersion == "one" else result.scale
    value, df = scores.statistic(numbers)
    each = np.array([scores.statistic([j])[0] for j in numbers]) / dispersion
    names = tuple(scores.names[j] for j in numbers)
    return ScoreTest(names, value / dispersion, df, float(chdtrc(df, value / dispersion)), each, chdtrc(1, each))
