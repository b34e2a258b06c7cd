"""Models of the same rows with other terms, their fits and their scores."""

from __future__ import annotations

from contextlib import closing
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from ..errors import InvalidParameterError
from ..inference import check_one_predictor
from ..inference.hypotheses import quadratic_form
from ..result.record import GLMResult
from ..rows.open import open_rows
from ..rows.request import FitRequest
from .again import columns_of, formula_of, vectors
from .perform import perform, run_of

if TYPE_CHECKING:
    from ..types import Rows, Variable

TESTS = ("LRT", "F", "Rao", None)


class Models:
    """Models of the same rows and response as a result, with other terms.

    Parameters
    ----------
    result : GLMResult
    data, y : as the result was fitted to
    options : dict
        As for ``fit``: those of the result that were arrays.
    """

    def __init__(self, result: GLMResult, data: Rows, y: Variable | None, options: dict[Any, Any]):
        check_one_predictor(result.family, "tests between models and profiles")
        if result.penalty is not None:
            raise InvalidParameterError("a penalised fit has no tests between models")
        if data is None:
            raise InvalidParameterError("data: models are fitted anew, which takes the rows; pass data=")
        self.result, self.data, self.y = result, data, y
        self.options = {
            "family": result.family, "link": result.link, "missing": result.schema.missing,
            "bias_reduction": result.bias_reduction, **vectors(result, options), **options,
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
        if self.result.bias_reduction is not None:
            raise InvalidParameterError(
                "the deviance of a fit with bias_reduction is not the least one: there are no tests between such models"
            )
        found = perform(self.request(terms, cov))
        if found.nobs != self.result.nobs:
            raise InvalidParameterError(
                f"the model without {_without(self.terms, terms)} has {found.nobs:,} rows and not "
                f"{self.result.nobs:,}: values are missing in a column that it leaves out; drop those rows first"
            )
        same_null = np.isclose(found.null_deviance, self.result.null_deviance, rtol=1e-8, equal_nan=True)
        if found.family == self.result.family and not same_null:  # an estimated theta changes the null model
            raise InvalidParameterError("y: the response, weights or offset are not those of the result")
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
    columns: dict[Any, Any]
    inside: tuple[str, ...]

    def statistic(self, numbers) -> tuple[float, int]:
        """Rao's statistic U' I^-1 U of some coefficients beside those of the smaller model, undivided, and its degrees
        of freedom."""
        base = [self.names.index(name) for name in self.inside]
        every = np.union1d(base, numbers).astype(int)
        value, rank = quadratic_form(self.information[np.ix_(every, every)], self.score[every])
        _, inside = quadratic_form(self.information[np.ix_(base, base)], self.score[base])
        return value, rank - inside


def _without(every, terms):
    return ", ".join(":".join(term) for term in every if term not in terms)


def check_test(test):
    """
    Raises
    ------
    InvalidParameterError
        For a name that is not in ``TESTS``.
    """
    if test not in TESTS:
        raise InvalidParameterError(f"test={test!r} is unknown; there are 'LRT', 'F', 'Rao' and None")


def rao_statistic(models, smaller, terms):
    """Rao's statistic of a model with some terms at the fit of a smaller one, undivided by the dispersion."""
    scores = models.scores(terms, smaller)
    return scores.statistic(np.arange(len(scores.names)))[0]
