"""Which columns of a design each of several linear predictors has: by parts of a formula, or the family's fields."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from ..core.protocols import Schema
from ..design.formula import parse
from ..errors import InvalidParameterError
from ..objective.several import Predictor


class PredictorColumns(NamedTuple):
    """What chooses them.

    Attributes
    ----------
    family : one of family.several
    schema : Schema
    parts : pair of str, or None
        Those of the formula, if it has two.
    names : tuple of str
        Of the columns of the design.
    first : int
        1 where the fit added a constant in front of them, else 0.
    n_levels : int
        Of an ordered response.
    """

    family: object
    schema: Schema
    parts: tuple[str, str] | None
    names: tuple[str, ...]
    first: int
    n_levels: int

    def predictors(self) -> tuple[Predictor, ...]:
        """The predictors with their columns, whether or not these repeat each other."""
        everything, second = np.arange(len(self.names)), None
        family = self.family
        if self.parts is not None:
            everything, second = (self._of_part(text) for text in self.parts)
        else:
            second = None if family.second is None else self._of_columns(family.second, family.second_field)
            if family.mean_columns is not None:
                everything = self._of_columns(family.mean_columns, "mean_columns")
        if family.labelled:
            return self._of_levels(everything[self.first :])
        shape = () if family.shape_name is None else (Predictor(np.zeros(0, np.intp), True),)
        if family.second_field is None:
            return (Predictor(everything), *shape)
        if second is None:
            constant = family.second_constant
            second = np.zeros(0, np.intp) if constant else everything
            other = Predictor(second, constant)
        else:
            other = Predictor(second)
        return (Predictor(everything), other, *shape)

    def _of_levels(self, columns):
        """The predictor of columns with one coefficient, and the thresholds with the columns that have one at each."""
        parallel, thresholds = self.family.parallel, self.n_levels - 1
        shared = columns if parallel is True else columns[:0]
        if not isinstance(parallel, bool):
            shared = np.intersect1d(columns, self._of_columns(parallel, "parallel"))
        own = np.setdiff1d(columns, shared)
        return (Predictor(shared), *[Predictor(own, True, len(own) > 0)] * thresholds)

    def _of_columns(self, chosen, field):
        """The numbers of columns of X by their names or numbers, or those of their terms, behind the constant that the
        fit added."""
        n_design, first = len(self.names), self.first
        terms = {} if self.schema.design is None else self.schema.design.term_slices
        numbers = list(range(first))
        for column in chosen:
            if isinstance(column, str) and column in self.names:
                numbers.append(self.names.index(column))
            elif isinstance(column, str) and column in terms:
                numbers += np.arange(n_design)[terms[column]].tolist()
            elif isinstance(column, (int, np.integer)) and 0 <= column < n_design - first:
                numbers.append(int(column) + first)
            else:
                raise InvalidParameterError(
                    f"{field}: {column!r} is none of the columns {list(self.names[first : first + 12])}"
                )
        return np.array(sorted(set(numbers)), np.intp)

    def _of_part(self, text):
        """The numbers of the columns of one part of a formula."""
        design = self.schema.design
        formula = parse(f"~ {text}", [*design.kinds])
        if () not in formula.terms:
            raise InvalidParameterError(f"formula: the part {text!r} has no constant, which every part has here")
        by_term = {frozenset(t): name for t, name in zip(design.formula.terms, design.layout.slices, strict=True)}
        inside = {frozenset(term) for term in formula.terms}
        for term in inside:
            for whole in by_term:
                if whole < term and whole not in inside:
                    raise InvalidParameterError(
                        f"formula: the part {text!r} has {':'.join(sorted(term))} without {':'.join(sorted(whole))}, "
                        "which another part has: both parts must have it"
                    )
        return np.sort(np.concatenate([design.term_slices[by_term[term]] for term in inside])).astype(np.intp)
