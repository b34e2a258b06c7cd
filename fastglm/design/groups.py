"""The coefficients of a design by their terms, as people read them: a factor, its levels, and what they are against."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any, NamedTuple

import numpy as np

from ..errors import InvalidParameterError
from .contrasts import base
from .recipe import Design
from .variables import Factor


class Group(NamedTuple):
    """The coefficients of one term.

    Attributes
    ----------
    term : str
        As in ``Design.term_names``.
    numbers : (k,) array of ints
        Of its coefficients.
    levels : tuple of str or None
        What each coefficient is of within the term: ``b`` for ``z[T.b]``, ``b, mid`` for ``z[T.b]:w[T.mid]``, ``2``
        for ``bs(x, df=4)[2]``; None where the term is one column of numbers.
    references : mapping of str to str
        Factor -> the level that treatment contrasts compare with, of the factors that have them in this term.
    """

    term: str
    numbers: np.ndarray
    levels: tuple[Any, ...]
    references: Mapping[str, str]

    @property
    def against(self) -> str:
        """The references in words, empty where there are none."""
        if ":" not in self.term and len(self.references) == 1:
            (level,) = self.references.values()
            return f"against {level}"
        pairs = ", ".join(f"{name} = {level}" for name, level in self.references.items())
        return f"against {pairs}" if pairs else ""


def groups(design: Design) -> tuple[Group, ...]:
    """The terms of a design in the order of its formula, those without a coefficient left out."""
    slices = design.term_slices.items()
    pairs = zip(design.formula.terms, slices, strict=True)
    return tuple(_group(design, variables, term, numbers) for variables, (term, numbers) in pairs if len(numbers))


def _group(design, variables, term, numbers):
    if not variables:
        return Group(term, numbers, (None,), {})
    parts = [design.variables[v] for v in variables]
    texts = [v.name if isinstance(v, Factor) else v.expression.text for v in parts]
    baselines = [_baseline(v) for v in parts]
    # a term's coefficient is named after its variables in order, each with a level or a field in brackets if it has any
    pattern = re.compile(":".join(rf"{re.escape(text)}(?:\[(.*)\])?" for text in texts), re.DOTALL)
    levels: list[str | None] = []
    references: dict[str, str] = {}
    for j in numbers:
        match = pattern.fullmatch(design.names[j])
        if match is None:  # one of several products of which the term consists
            levels.append(design.names[j])
            continue
        labels = list(match.groups())
        for i, (label, baseline) in enumerate(zip(labels, baselines, strict=True)):
            if baseline is not None and label is not None and label.startswith("T."):
                labels[i] = label[2:]
                references[texts[i]] = baseline
        shown = [label for label in labels if label is not None]
        levels.append(", ".join(shown) if shown else None)
    return Group(term, numbers, tuple(levels), references)


def _baseline(variable) -> str | None:
    """The level that a factor's treatment contrasts compare with; None for other contrasts and for numbers."""
    if not isinstance(variable, Factor):
        return None
    try:
        return str(variable.levels[base(variable)])
    except InvalidParameterError:
        return None
