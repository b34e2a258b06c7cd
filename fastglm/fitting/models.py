"""Models of the same rows with other terms, their fits and their scores."""

from __future__ import annotations

from contextlib import closing, contextmanager
from itertools import combinations
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from ..errors import InvalidParameterError
from ..inference import check_one_predictor
from ..inference.hypotheses import HypothesisTest, quadratic_form, wald_test
from ..result.record import GLMResult
from ..rows.arguments import quoted
from ..rows.open import open_rows
from ..rows.request import FitRequest
from ..rows.storages import is_frame
from .again import columns_of, formula_of, vectors
from .nested import NestedFit, nested_fits
from .perform import perform, run_of, running

if TYPE_CHECKING:
    from ..types import Rows, Variable

TESTS = ("LRT", "F", "Rao", None)
OF_TERMS = ("LRT", "F", "Rao", "Wald", None)


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
        if y is None and (result.design is None or not result.design.formula.response):
            raise InvalidParameterError("y: models are fitted anew, which takes the response; pass y=")
        self.result, self.data, self.y = result, data, y
        self.options = {
            "family": result.family, "link": result.link, "missing": result.schema.missing,
            "bias_reduction": result.bias_reduction, **vectors(result, options), **options,
        }  # fmt: skip
        self.design, self.n_passes = result.design, 0.0
        self.terms = tuple((name,) for name in result.schema.columns) if self.design is None else tuple(
            term for term in self.design.formula.terms if term
        )  # fmt: skip

    def request(self, terms, cov=None) -> FitRequest:
        """The request of a model with some terms."""
        if self.design is not None:
            text = formula_of(self.design, list(terms))
            y = None if self.design.formula.response else self.y
            return FitRequest(data=self.data, y=y, formula=text, cov=cov, **self.options)
        names = self.result.schema.columns
        numbers = [j for j, name in enumerate(names) if (name,) in terms]
        X = self.data[[names[j] for j in numbers]] if hasattr(self.data, "columns") else columns_of(self.data, numbers)
        named = None if hasattr(self.data, "columns") else [names[j] for j in numbers]
        return FitRequest(data=X, y=self.y, intercept=self.result.intercept, names=named, cov=cov, **self.options)

    def by_formula(self) -> Models:
        """The models by the formula of their terms, where their columns are those of a frame of numbers.

        Raises
        ------
        InvalidParameterError
            For arrays, whose columns have no names that a formula could have.
        """
        if self.design is not None:
            return self
        if not is_frame(self.data):
            raise InvalidParameterError("scope: the result is of arrays, whose columns a formula cannot name; use glm")
        right = " + ".join(["1" if self.result.intercept else "0", *map(quoted, self.result.schema.columns)])
        schema, source = open_rows(FitRequest(data=self.data, y=self.y, formula=f"~ {right}", cov=None, **self.options))
        source.close()
        self.design = schema.design
        return self

    def smaller(self, every, scores: bool = False) -> list[GLMResult | NestedFit]:
        """The fits of models with some of the result's terms, by reads of the rows that all of them share.

        Parameters
        ----------
        every : list of sequence of terms
        scores : bool
            Whether the scores and the information of the result's model are wanted at each.
        """
        found, result = [None] * len(every), self.result
        shared = [i for i, terms in enumerate(every) if self._same_coding(terms)]
        # rows that were dropped may be complete in the columns of a smaller model, which is refused by its fit
        dropped = result.schema.missing == "drop" and (self.design is None or self.design.n_dropped)
        if shared and not dropped and result.shape is None and result.bias_reduction is None:
            free = [self._numbers(every[i]) for i in shared]
            with self.opened() as run:
                for i, fit in zip(shared, nested_fits(run, result, free, scores), strict=True):
                    found[i] = fit
                self.n_passes = run.objective.n_passes
        return [self.fit(terms) if fit is None else fit for fit, terms in zip(found, every, strict=True)]

    def wald(self, term) -> HypothesisTest:
        """Wald's test that the coefficients of a term are zero, by the covariance of the result."""
        intercept = [0] if self.result.schema.intercept else []
        numbers = np.setdiff1d(self._numbers([term]), intercept)
        numbers = numbers[~np.isnan(np.asarray(self.result.params)[numbers])]
        return wald_test(self.result, np.eye(len(self.result.names))[numbers])

    @contextmanager
    def opened(self):
        """The run of the result on its rows."""
        request = self.request(self.terms)
        schema, source = open_rows(request)
        with closing(source):
            run, _ = run_of(request, schema, source)
            if tuple(run.names) != tuple(self.result.names):
                raise InvalidParameterError("data: the rows make other columns than those of the fit")
            if not np.isclose(run.sums.nobs, self.result.nobs, rtol=1e-9):
                raise InvalidParameterError(
                    f"data: the rows count {run.sums.nobs:,} observations, those of the fit {self.result.nobs:,}"
                )
            with running(run, False):
                yield run
            source.finish()

    def _same_coding(self, terms):
        """Whether the columns of some terms are the same in the model of them alone: contrasts of a factor depend on
        what stands before it, and on the parts of an interaction."""
        if self.design is None or tuple(terms) == self.terms[: len(terms)]:
            return True
        kept = [set(term) for term in terms]
        lost = [set(term) for term in self.terms if term not in terms]
        whole = all(set(part) in kept for term in lost for k in range(1, len(term)) for part in combinations(term, k))
        return () in self.design.formula.terms and whole and not any(a < b for a in lost for b in kept)

    def _numbers(self, terms):
        """The coefficients of some terms, and the intercept's."""
        names, places = self.result.names, [0] if self.result.schema.intercept else []
        if self.design is None:
            return np.array([*places, *(names.index(name) for (name,) in terms)], int)
        slices = self.design.term_slices
        return np.concatenate([np.array(places, int), *(np.arange(len(names))[slices[":".join(t)]] for t in terms)])

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

    def rao(self, smaller: GLMResult | NestedFit, inside, terms) -> float:
        """Rao's statistic, undivided by the dispersion, of a model with some terms at the fit of a smaller one, whose
        terms are those ``inside``."""
        if not hasattr(smaller, "information"):
            scores = self.scores(terms, smaller)
            return scores.statistic(np.arange(len(scores.names)))[0]
        numbers = self._numbers(terms)
        known = tuple(self.result.names[j] for j in self._numbers(inside))
        return Scores(self.result.names, smaller.score, smaller.information, {}, known).statistic(numbers)[0]

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


def check_tests(test) -> tuple:
    """The tests of terms that are asked for, one or several.

    Raises
    ------
    InvalidParameterError
        For a name that is not in ``OF_TERMS``.
    """
    several = isinstance(test, (tuple, list))
    for kind in test if several else (test,):
        if kind not in OF_TERMS or (several and kind is None):
            raise InvalidParameterError(f"test={kind!r} is unknown; there are 'LRT', 'F', 'Rao', 'Wald' and None")
    if several and not test:
        raise InvalidParameterError("test=() names no test; there are 'LRT', 'F', 'Rao' and 'Wald'")
    return tuple(test) if several else (test,)
