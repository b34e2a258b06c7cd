"""What kinds of folds ask of the rows: how many there are, their labels, and the classes of the response."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np

from ..errors import InvalidParameterError
from ..source.task import Task
from .cluster_ids import Ids, ids_of


class Stacked(NamedTuple):
    """Values of some rows; the sum of two has those of the one before those of the other."""

    parts: tuple[Any, ...]

    def __add__(self, other: Stacked) -> Stacked:
        return Stacked(self.parts + other.parts)


class CollectLabels(Task):
    """The labels of all rows in their order, as ``Stacked`` ``Ids`` of pieces."""

    vectors_only, journaled = True, False

    def of(self, part: Any, runs: Any) -> Any:
        return Stacked(part.clusters)


class CollectResponse(Task):
    """The response of all rows in their order, as ``Stacked`` bytes: it is zero and one, or the code of a class.

    A value that is neither is 255.
    """

    vectors_only, journaled = True, False

    def __init__(self, classes: int):
        self.classes = classes

    def of(self, part: Any, runs: Any) -> Any:
        y = np.concatenate([part.data.y[a:b] for a, b in runs])
        known = np.isin(y, np.arange(self.classes))
        kind = np.min_scalar_type(self.classes)
        return Stacked((np.where(known, y, self.classes).astype(kind),))


class FoldRows:
    """The rows of a source, as ``FoldKind.assign`` asks for them.

    Parameters
    ----------
    source : Source
    family : family
    labels : (n,) array, optional
        Labels in place of those that the source has beside its rows.
    """

    def __init__(self, source: Any, family: Any, labels: Any = None) -> None:
        self.source, self.family, self.n_rows, self.given = source, family, source.n_rows, labels

    def labels(self, name: str) -> tuple[np.ndarray, np.ndarray]:
        """The label of each row as a number (n,) among the sorted labels (k,).

        Raises
        ------
        InvalidParameterError, MissingDataError
            Where labels are missing, of another length, or of types that have no order; ``name`` is the argument's.
        """
        clusters = self.source.clusters if self.given is None else (self.given,)
        if hasattr(clusters, "reduce"):
            return _joined(clusters.reduce(CollectLabels()).parts)
        values = np.asarray(clusters[0])
        ids_of(values, self.n_rows, name)  # refuses what is no label
        try:
            levels, codes = np.unique(values, return_inverse=True)
        except TypeError:
            raise InvalidParameterError(f"{name} mixes labels of types that cannot be ordered; use one type") from None
        return _numbers(codes.reshape(-1), len(levels)), _plain(levels)

    @property
    def has_classes(self) -> bool:
        """Whether the response is of classes."""
        return self.family.response_model == "softmax" or self.family.two_outcomes

    def classes(self) -> np.ndarray:
        """The class of each row, (n,) whole numbers.

        Raises
        ------
        InvalidParameterError
            For a response without classes.
        """
        several = self.family.response_model == "softmax"
        if not self.has_classes:
            raise InvalidParameterError(f"folds: family={self.family.name!r} has no classes to be stratified by")
        count = len(self.source.labels.classes) if several else 2
        codes = np.concatenate(self.source.reduce(CollectResponse(count)).parts)
        if (codes == count).any():
            raise InvalidParameterError("folds: y has shares, not zeros and ones alone, which are no classes")
        return codes


def _joined(parts: tuple[Ids, ...]) -> tuple[np.ndarray, np.ndarray]:
    """The labels of pieces as numbers among the sorted labels of all."""
    levels = np.unique(np.concatenate([part.levels for part in parts]))
    codes = [_numbers(np.searchsorted(levels, part.levels), len(levels))[part.codes] for part in parts]
    return np.concatenate(codes), levels


def _numbers(codes, count) -> np.ndarray:
    """Numbers below ``count`` in the smallest type that has them."""
    return codes.astype(np.min_scalar_type(max(count - 1, 0)))


def _plain(levels) -> Any:
    """Labels of objects as the type that all of them have."""
    return np.array(levels.tolist()) if levels.dtype.kind == "O" else levels
