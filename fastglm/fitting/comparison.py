"""Tests between models: analysis of deviance, terms dropped and added, stepwise selection, Rao's score test.

The conventions are those of R's ``anova.glm``, ``drop1.glm``, ``add1.glm`` and ``step``.
"""

from __future__ import annotations

from contextlib import closing
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
from scipy.special import chdtrc, fdtrc

from ..errors import InvalidParameterError
from ..inference.test_table import TestTable
from ..result.record import GLMResult
from ..rows.open import open_rows
from ..rows.request import FitRequest
from .again import columns_of, formula_of, vectors
from .perform import perform, run_of

if TYPE_CHECKING:
    from collections.abc import Sequence

    from ..core.records import Array
    from ..types import Rows, Variable

TESTS = ("LRT", "F", "Rao", None)
SINGULAR = 1e-11  # of the largest eigenvalue of a scaled information, below which a column is taken to repeat others
WORTH = 1e-7  # that a step must lower the criterion by, as in R


class Models:
    """Models of the same rows and response as a result, with other terms.

    Parameters
    ----------
    result : GLMResult
    data, y : as the result was fitted to
    options : dict
        As for ``fit``: those of the result that were arrays.
    """

    def __init__(self, result: GLMResult, data: Rows, y: Variable | None, options: dict):
        if result.penalty is not None:
            raise InvalidParameterError("a penalised fit has no tests between models")
        if data is None:
            raise InvalidParameterError("data: models are fitted anew, which takes the rows; pass data=")
        self.result, self.data, self.y = result, data, y
        self.options = {
            "family": result.family, "link": result.link, "missing": result.schema.missing, **vectors(result, options),
            **options,
        }  # fmt: skip
        self.design = result.design
        self.terms = tuple((name,) for name in result.schema.columns) if self.design is None else tuple(
            term for term in self.design.formula.terms if term
        )  # fmt: skip

    def request(self, terms, cov=None) -> FitRequest:
        """The request of a model with some terms."""
        if self.design is not None and self.design.formula.response:
            text = formula_of(self.design, list(terms))
            return FitRequest(data=self.data, formula=text, cov=cov, **self.options)
        names = self.result.schema.columns
        numbers = [j for j, name in enumerate(names) if (name,) in terms]
        X = self.data[[names[j] for j in numbers]] if hasattr(self.data, "columns") else columns_of(self.data, numbers)
        named = None if hasattr(self.data, "columns") else [names[j] for j in numbers]
        return FitRequest(data=X, y=self.y, intercept=self.result.intercept, names=named, cov=cov, **self.options)

    def fit(self, terms, cov=None) -> GLMResult:
        """The fit of a model with some terms, to the same number of rows."""
        found = perform(self.request(terms, cov))
        if found.nobs != self.result.nobs:
            raise InvalidParameterError(
                f"the model without {_without(self.terms, terms)} has {found.nobs:,} rows and not "
                f"{self.result.nobs:,}: values are missing in a column that it leaves out; drop those rows first"
            )
        return found

    def scores(self, terms, at: GLMResult) -> Scores:
        """The score and the information of a model with some terms at the coefficients of a smaller one: one pass."""
        request = self.request(terms)
        schema, source = open_rows(request)
        with closing(source):
            run, _ = run_of(request, schema, source)
            known = dict(zip(at.names, np.nan_to_num(at.params), strict=True))
            missing = [name for name in known if name not in run.names]
            if missing:
                raise InvalidParameterError(f"score test: the larger model has no coefficient {missing[0]!r}")
            beta = np.array([known.get(name, 0.0) for name in run.names])
            q = run.objective.at(beta, 2)
            scale = run.objective.scale
            information = q.information.toarray() / scale / scale[:, None]
            slices = {} if schema.design is None else schema.design.term_slices
            columns = {
                term: np.arange(len(run.names))[slices[":".join(term)]]
                if slices
                else np.array([run.names.index(term[0])])
                for term in terms
                if term
            }
            source.finish()
        return Scores(run.names, q.score, information, columns, tuple(known))


class Scores(NamedTuple):
    """The score (m,) and information (m, m) of a model at the coefficients of a smaller one.

    ``columns`` are the numbers of the coefficients of each term, ``inside`` the names of those of the smaller model.
    """

    names: tuple[str, ...]
    score: np.ndarray
    information: np.ndarray
    columns: dict
    inside: tuple[str, ...]

    def statistic(self, numbers) -> tuple[float, int]:
        """Rao's statistic U' I^-1 U of some coefficients beside those of the smaller model, undivided, and its degrees
        of freedom."""
        base = [self.names.index(name) for name in self.inside]
        every = np.union1d(base, numbers).astype(int)
        value, rank = _form(self.information[np.ix_(every, every)], self.score[every])
        _, inside = _form(self.information[np.ix_(base, base)], self.score[base])
        return value, rank - inside


def _form(information, score):
    """U' I^- U, and the rank of I."""
    size = 1.0 / np.sqrt(np.maximum(np.diagonal(information), np.finfo(float).tiny))
    values, vectors = np.linalg.eigh(information * size * size[:, None])
    kept = values > SINGULAR * values.max(initial=0.0)
    parts = vectors.T[kept] @ (score * size)
    return float(np.sum(parts**2 / values[kept])), int(kept.sum())


def _without(every, terms):
    return ", ".join(":".join(term) for term in every if term not in terms)


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
    _check_test(test)
    if not results:
        raise InvalidParameterError("anova takes one result or several")
    if len(results) == 1:
        models = Models(results[0], data, y, options)
        fits = [models.fit(models.terms[:k]) for k in range(len(models.terms))] + [results[0]]
        names = ["NULL", *(":".join(term) for term in models.terms)]
        stages = [models.terms[:k] for k in range(len(models.terms) + 1)]
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
    fall = np.array([np.nan, *((a.deviance - b.deviance) * np.sign(_rank(b) - _rank(a)) for a, b in changes)])
    columns = {
        "df": df, "deviance": fall, "df_residual": np.array([float(fit.df_resid) for fit in fits]),
        "residual_deviance": np.array([fit.deviance for fit in fits]),
    }  # fmt: skip
    if test == "Rao":
        columns["statistic"] = np.array([np.nan, *(_rao(models, *pair) for pair in _pairs(fits, stages))])
        columns["p_value"] = chdtrc(df, columns["statistic"] / full.scale)
    elif test is not None:
        columns |= _tested(test, fall, df, full.scale, full)
    return TestTable(title=title, terms=tuple(names), columns=columns, library=full.schema.library)


def _pairs(fits, stages):
    """(smaller fit, terms of the larger one) of neighbours."""
    for a, b, first, second in zip(fits, fits[1:], stages, stages[1:], strict=False):
        yield (a, second) if _rank(a) <= _rank(b) else (b, first)


def _rao(models, smaller, terms):
    scores = models.scores(terms, smaller)
    return scores.statistic(np.arange(len(scores.names)))[0]


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


def _check_test(test):
    if test not in TESTS:
        raise InvalidParameterError(f"test={test!r} is unknown; there are 'LRT', 'F', 'Rao' and None")


def _check_nested(fits):
    first = fits[0]
    for other in fits[1:]:
        same = all(type(a) is type(b) and a == b for a, b in ((first.family, other.family), (first.link, other.link)))
        rows = first.nobs == other.nobs and np.isclose(first.weight_sum, other.weight_sum, rtol=1e-12)
        response = np.isclose(first.null_deviance, other.null_deviance, rtol=1e-8)
        if not (same and rows):
            raise InvalidParameterError("models differ in their family, link, rows or weights, and cannot be compared")
        if first.has_intercept == other.has_intercept and not response:
            raise InvalidParameterError("models differ in their response or offset, and cannot be compared")
        small, large = sorted((first, other), key=_rank)
        outside = [name for name in small.names if name not in large.names]
        if outside and small.deviance < large.deviance:
            raise InvalidParameterError(f"models are not nested: {outside[0]!r} is in the smaller one only")


def droppable(terms) -> list[tuple[str, ...]]:
    """The terms that are in no other one, which a model can lose."""
    return [term for term in terms if not any(set(term) < set(other) for other in terms)]


def drop1(
    result: GLMResult, data: Rows, y: Variable | None = None, *, scope: Sequence[str] | None = None,
    test: str | None = "LRT", k: float = 2.0, **options: Any,
) -> TestTable:  # fmt: skip
    """Tests of each term that can be dropped from a model (R's ``drop1``).

    Parameters
    ----------
    result : GLMResult
    data, y : rows, as the result was fitted to
    scope : sequence of str, optional
        Terms; by default all that are in no interaction of the model.
    test : {"LRT", "F", "Rao", None}
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
    _check_test(test)
    models = Models(result, data, y, options)
    terms = droppable(models.terms) if scope is None else [_term(models.terms, text) for text in scope]
    fits = [models.fit([other for other in models.terms if other != term]) for term in terms]
    rao = None
    if test == "Rao":
        rao = [_rao(models, fit, models.terms) for fit in fits]
    return _single(result, terms, fits, test, k, rao, result.deviance / max(result.df_resid, 1), result.df_resid, "")


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
    _check_test(test)
    models, terms, union = _scope(result, scope, data, y, options)
    scores = models.scores(union, result) if test == "Rao" else None
    fits = [models.fit([*Models(result, data, y, options).terms, term]) for term in terms]
    rao = None if scores is None else [scores.statistic(scores.columns[term])[0] for term in terms]
    return _single(result, terms, fits, test, k, rao, None, None, "+ ")


def _scope(result, scope, data, y, options):
    """Models over all terms of a result and of a scope, the terms of the scope alone, and all of them."""
    base = Models(result, data, y, options)
    if base.design is None or not base.design.formula.response:
        raise InvalidParameterError("scope: the result is of no formula; fit it by glm")
    text = scope if isinstance(scope, str) else " + ".join(scope)
    text = text.split("~", 1)[-1]
    request = FitRequest(data=data, formula=f"{formula_of(base.design, base.terms)} + {text}", cov=None, **base.options)
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


def _single(result, terms, fits, test, k, rao, dispersion, df_resid, sign):
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
    for values in columns.values():
        if values is not deviance and values is not aic:
            values[0] = np.nan
    names = ("<none>", *(":".join(term) for term in terms))
    title = "Single terms " + ("added" if sign else "dropped")
    return TestTable(title=title, terms=names, columns=columns, library=result.schema.library)


class StepResult(NamedTuple):
    """A stepwise search: the ``result`` it ends with, and its ``path`` as a TestTable."""

    result: GLMResult
    path: TestTable


def step(
    result: GLMResult, data: Rows, y: Variable | None = None, *, scope: str | Sequence[str] | None = None,
    lower: str = "1", direction: str = "both", k: float | str = 2.0, **options: Any,
) -> StepResult:  # fmt: skip
    """Choose terms one by one by the AIC (R's ``step``).

    Parameters
    ----------
    result : GLMResult
        The model to begin with, of a formula.
    data, y : rows, as the result was fitted to
    scope : str or sequence of str, optional
        The largest model; that of the result without it.
    lower : str
        The smallest model, whose terms stay.
    direction : {"both", "backward", "forward"}
    k : float or "bic"
        What a parameter costs: 2 for the AIC.
    **options
        Arrays that the fit had: weights, offset, exposure.

    Returns
    -------
    StepResult

    Warns
    -----
    Tests and intervals of the model that it ends with do not know of the search.
    """
    if direction not in ("both", "backward", "forward"):
        raise InvalidParameterError(f"direction={direction!r} is unknown; there are 'both', 'backward' and 'forward'")
    k = float(np.log(result.nobs)) if k == "bic" else float(k)
    models, _, union = _scope(result, scope or " + ".join(["1", *_texts(result)]), data, y, options)
    kept = {frozenset(part.strip().split(":")) for part in lower.split("~")[-1].split("+")}
    now, terms, rows = result, list(Models(result, data, y, options).terms), [("", result)]
    criterion = [_criterion(now, k)]
    while True:
        choices = []
        if direction != "forward":
            choices += [("- ", t) for t in droppable(terms) if frozenset(t) not in kept]
        if direction != "backward":
            choices += [("+ ", t) for t in union if t not in terms and _has_margins(t, terms, union)]
        tried = [
            (models.fit([o for o in terms if o != t] if sign == "- " else [*terms, t]), sign, t) for sign, t in choices
        ]
        values = [_single(now, [t], [fit], None, k, None, None, None, sign).aic[1] for fit, sign, t in tried]
        if not values or min(values) >= criterion[-1] - WORTH:
            break
        now, sign, term = tried[int(np.argmin(values))]
        terms = [other for other in union if (other in terms or other == term) and not (sign == "- " and other == term)]
        rows.append((sign + ":".join(term), now))
        criterion.append(_criterion(now, k))
    found = models.fit(terms, "model")
    df = np.array([float(fit.df_resid) for _, fit in rows])
    deviance = np.array([fit.deviance for _, fit in rows])
    columns = {
        "df": np.append(np.nan, np.diff(df)), "deviance": np.append(np.nan, np.abs(np.diff(deviance))),
        "df_residual": df, "residual_deviance": deviance, "aic": np.array(criterion),
    }  # fmt: skip
    path = TestTable(
        title="Steps", terms=tuple(name for name, _ in rows), columns=columns, library=result.schema.library
    )
    return StepResult(found, path)


def _texts(result):
    return [":".join(term) for term in result.design.formula.terms if term] if result.design is not None else []


def _criterion(fit, k):
    return fit.aic + (k - 2.0) * fit.rank


def _has_margins(term, terms, union):
    """Whether a model has all parts of an interaction that the scope has."""
    parts = [other for other in union if set(other) < set(term)]
    return all(part in terms for part in parts)


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
    models, terms, union = _scope(result, scope, data, y, options)
    scores = models.scores(union, result)
    numbers = np.concatenate([scores.columns[term] for term in terms])
    dispersion = 1.0 if result.family.dispersion == "one" else result.scale
    value, df = scores.statistic(numbers)
    each = np.array([scores.statistic([j])[0] for j in numbers]) / dispersion
    names = tuple(scores.names[j] for j in numbers)
    return ScoreTest(names, value / dispersion, df, float(chdtrc(df, value / dispersion)), each, chdtrc(1, each))


GLMResult.above |= {"anova": anova, "drop1": drop1, "add1": add1, "step": step, "score_test": score_test}
