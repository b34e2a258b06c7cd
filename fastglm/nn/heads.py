"""Heads: blocks of outputs, each with a family and a link of its own, and responses made of such blocks."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np

from ..errors import InvalidParameterError, MissingDataError
from ..kernels.row_loops import FamilyLink
from ..objective.response_sums import check as check_vectors
from ..options.sgd import is_whole
from ..rows.family_link import family_and_link
from ..rows.numbers import numeric
from ..source.in_memory import InMemory

ALIASES = {"softmax": "multinomial"}  # names that lists of heads know besides those of families


class Head(NamedTuple):
    """``outputs`` linear predictors with a family and a link: of K classes, or of responses of as many columns."""

    family: Any
    link: Any
    outputs: int

    @property
    def pair(self) -> FamilyLink | None:
        """Family and link; None for a softmax over classes."""
        return None if self.family.response_model == "softmax" else FamilyLink(self.family, self.link)

    @property
    def columns(self) -> int:
        """Columns of the response: one of classes, or as many as outputs."""
        return 1 if self.pair is None else self.outputs


class _Joined(tuple):
    @property
    def name(self) -> str:
        """The parts' names."""
        return " + ".join(part.name for part in self)


class Links(_Joined):
    """The links of several heads."""


class Heads(_Joined):
    """Several heads in place of one family."""

    response_model = "heads"

    @property
    def name(self) -> str:
        """The names of the families, with the numbers of outputs."""
        return " + ".join(f"{head.family.name}({head.outputs})" for head in self)

    @property
    def links(self) -> Links:
        """The links of the heads."""
        return Links(head.link for head in self)

    @property
    def outputs(self) -> int:
        """The outputs of all heads."""
        return sum(head.outputs for head in self)


def is_list(family: Any) -> bool:
    """Whether a family is written as a list of heads."""
    return isinstance(family, Heads) or isinstance(family, list)


def parse(family: Any, link: Any) -> Heads:
    """Heads from a list of (family, outputs) or (family, outputs, link).

    Raises
    ------
    InvalidParameterError
    """
    if isinstance(family, Heads):
        return family
    if link is not None:
        raise InvalidParameterError("link: several heads have one each, as in family=[('binomial', 2, 'cloglog'), ...]")
    if not family:
        raise InvalidParameterError("family=[]: a list of heads needs one at least")
    return Heads(_parsed(i, entry) for i, entry in enumerate(family))


def _parsed(i, entry):
    known = isinstance(entry, Sequence) and not isinstance(entry, str) and len(entry) in (2, 3)
    if not known or not is_whole(entry[1]) or entry[1] < 1:
        raise InvalidParameterError(
            f"family: head {i} is {entry!r}, not (family, outputs) or (family, outputs, link) with a whole number of "
            "outputs, at least 1"
        )
    name = ALIASES.get(entry[0], entry[0]) if isinstance(entry[0], str) else entry[0]
    head = Head(*family_and_link(name, entry[2] if len(entry) == 3 else None), int(entry[1]))
    if head.pair is None and head.outputs < 2:
        raise InvalidParameterError(f"family: head {i}, a softmax, needs at least 2 outputs, one for each class")
    return head


def responses(heads: Heads, y: Any) -> tuple[np.ndarray, tuple[Any, ...]]:
    """The response of all heads as columns (n, Q), classes as their numbers, and the labels of each head or None.

    Parameters
    ----------
    heads : Heads
    y : list or tuple of arrays, one a head, or array (n, outputs) with indicators of the classes

    Raises
    ------
    InvalidParameterError, MissingDataError
        Naming the head and the column.
    """
    parts = list(y) if isinstance(y, (list, tuple)) and len(y) == len(heads) else _cut(heads, y)
    found = [_response(i, head, part) for i, (head, part) in enumerate(zip(heads, parts, strict=True))]
    for i, (columns, _) in enumerate(found):
        if len(columns) != len(found[0][0]):
            raise InvalidParameterError(f"y: head {i} has {len(columns)} rows, head 0 has {len(found[0][0])}")
    return np.column_stack([columns for columns, _ in found]), tuple(labels for _, labels in found)


def _cut(heads, y):
    """The columns of one array by heads."""
    table = numeric(y, "y") if not isinstance(y, (list, tuple)) else np.zeros(0)
    if table.ndim != 2 or table.shape[1] != heads.outputs:
        raise InvalidParameterError(
            f"y must be a list of {len(heads)} arrays, one a head, or an array of {heads.outputs} columns (a softmax "
            "has an indicator for each class)"
        )
    return np.split(table, np.cumsum([head.outputs for head in heads])[:-1], axis=1)


def _response(i, head, part):
    """The columns (n, q) of one head, and its labels."""
    part = np.asarray(part)
    width = part.shape[1] if part.ndim == 2 else 1
    if head.pair is None and width == 1:
        return _of_labels(i, head, part.reshape(-1))
    if part.ndim not in (1, 2) or width != head.outputs:
        raise InvalidParameterError(f"y: head {i} has shape {part.shape}, expected (n, {head.outputs})")
    table = np.asarray(numeric(part, f"y: head {i}"), np.float64).reshape(len(part), width)
    if head.pair is not None:
        return table, None
    if not np.isfinite(table).all():
        raise MissingDataError(f"y: head {i} is not finite")
    wrong = (table.sum(axis=1) != 1.0) | ((table != 0.0) & (table != 1.0)).any(axis=1)
    if wrong.any():
        raise InvalidParameterError(f"y: head {i}, row {int(np.argmax(wrong))} is no indicator of one class")
    return table.argmax(axis=1).astype(np.float64)[:, None], tuple(range(width))


def _of_labels(i, head, values):
    if values.dtype.kind == "f" and not np.isfinite(values).all():
        raise MissingDataError(f"y: head {i} is not finite at row {int(np.argmin(np.isfinite(values)))}")
    if values.dtype.kind == "O" and any(v is None or v != v for v in values):
        raise MissingDataError(f"y: head {i} has missing labels")
    labels, codes = np.unique(values, return_inverse=True)
    if len(labels) != head.outputs:
        raise InvalidParameterError(f"y: head {i} has {len(labels)} classes, its softmax has {head.outputs} outputs")
    return codes.astype(np.float64)[:, None], tuple(labels.tolist())


def check_columns(data: Any, heads: Any) -> None:
    """Refuse a column of the response (n, Q) that its family cannot have; the message numbers it."""
    families = [head.family for head in heads for _ in range(head.columns)]
    for j, (column, family) in enumerate(zip(data.y.T, families, strict=True)):
        if family.response_model == "softmax":
            continue
        try:
            check_vectors(InMemory(data._replace(y=np.ascontiguousarray(column)), 1), family)
        except (InvalidParameterError, MissingDataError) as error:
            raise type(error)(f"column {j} of y: {error}") from None
