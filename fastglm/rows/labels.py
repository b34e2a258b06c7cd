"""The response of a softmax regression: labels, codes or indicators, to the numbers of the classes."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np

from ..errors import InvalidParameterError, MissingDataError
from .numbers import is_missing

MOST_COUNTED = 10_000  # whole numbers that are counted: tables of so many stay in the cache
LARGEST = 2**52  # whole numbers up to which every type has all of them
FEW_LABELS = 8  # of text, that are told apart by comparisons of all rows with each; chosen: a sort costs ten of them


class Encoded(NamedTuple):
    """``codes`` (n,): 0 for the reference, then the other classes in sorted order; ``classes``: all, sorted."""

    codes: np.ndarray
    classes: tuple[Any, ...]
    reference: object

    @property
    def ordered(self) -> tuple[Any, ...]:
        """The classes in the order of their codes."""
        return (self.reference, *self.others)

    @property
    def others(self) -> tuple[Any, ...]:
        """The classes other than the reference, in the order of their codes."""
        return tuple(label for label in self.classes if label != self.reference)


def encode(y, n: int, reference=None, weights=(), known=None) -> Encoded:
    """The class of each of n rows.

    Parameters
    ----------
    y : (n,) labels of any one type, or (n, K) indicators: one 1 a row, else 0
    n : int
        The rows of X.
    reference : label, optional
        The class with the code 0; by default the first in sorted order.
    weights : sequence of (n,) arrays or None
        The label of a row of weight zero makes no class.
    known : sequence of labels, optional
        All classes, if they are known before the data; y need not have them all.

    Raises
    ------
    InvalidParameterError, MissingDataError
        For another shape, one class only, numbers that are not labels, labels that are not known.
    """
    if hasattr(y, "tocsr"):
        raise InvalidParameterError("y is a sparse matrix; pass labels, one a row")
    columns = tuple(y.columns) if hasattr(y, "columns") and np.ndim(y) == 2 else None
    y = np.asarray(y)
    if y.ndim == 2 and y.shape[1] > 1:
        codes, classes = _indicators(y, n, _column_classes(y, columns, known))
        if known is None and len(np.unique(codes)) < len(classes):
            empty = int(np.argmin(np.isin(np.arange(len(classes)), codes)))
            raise InvalidParameterError(f"y column {empty} has no rows: drop the class")
    else:
        y = y[:, 0] if y.ndim == 2 else y
        if y.ndim != 1:
            raise InvalidParameterError(f"y must be labels (n,) or indicators (n, K), not of shape {y.shape}")
        if len(y) != n:
            raise InvalidParameterError(f"y has length {len(y)}, X has {n} rows: the lengths must match")
        codes, classes = _labels(y, _counting(n, weights)) if known is None else _known(y, known)
    return _numbered(codes, classes, reference)


def _numbered(codes, classes, reference) -> Encoded:
    """Codes in which the reference is number zero."""
    if len(classes) < 2:
        raise InvalidParameterError(f"y has one class only, {classes[0]!r}; at least two are needed")
    if reference is None:
        reference = classes[0]
    if reference not in classes:
        shown = ", ".join(map(repr, classes[:8]))
        raise InvalidParameterError(f"reference={reference!r} is not among the classes of y: {shown}")
    place = classes.index(reference)
    order = np.arange(len(classes))
    order[:place] += 1
    order[place] = 0
    return Encoded(order.astype(np.min_scalar_type(len(classes)))[codes], classes, reference)


def _counting(n, weights):
    """The rows of positive weight, or all."""
    keep = slice(None)
    for w in weights:
        if w is not None and not np.all(w):
            keep = np.asarray(w) > 0 if isinstance(keep, slice) else keep & (np.asarray(w) > 0)
    return keep


def _labels(y, keep):
    """Codes and sorted classes of labels; rows of weight zero get the code zero."""
    refuse_missing(y[keep], np.arange(len(y))[keep])
    classes, codes_of_counted = unique_labels(y[keep])
    if len(classes) == 0:
        raise InvalidParameterError("weights are all zero: no observations are left")
    codes = np.zeros(len(y), np.intp)
    codes[keep] = codes_of_counted.reshape(-1)
    return codes, tuple(classes.tolist())


def unique_labels(y):
    """The sorted labels, and the number of each row's label; labels that have no order are refused."""
    if y.dtype.kind in "iuf" and y.size:
        low, high = y.min().item(), y.max().item()
        near = -LARGEST <= low and high <= LARGEST and high - low < MOST_COUNTED
        if near and (y.dtype.kind != "f" or np.array_equal(y, np.floor(y))):
            # counting whole numbers spares a sort of all rows
            places = y.astype(np.int64) - int(low)
            there = np.bincount(places) > 0
            return (np.flatnonzero(there) + int(low)).astype(y.dtype), (np.cumsum(there) - 1)[places]
    if y.dtype.kind in "US" and y.size and (found := _few(y)) is not None:
        return found
    try:
        return _hashed(y) if y.dtype.kind == "O" else np.unique(y, return_inverse=True)
    except TypeError:
        raise InvalidParameterError("y mixes labels of types that cannot be ordered; use one type") from None


def _few(y):
    """The same of text with few labels, without a sort of all rows; None where there are more."""
    flat, labels = y.ravel(), []
    codes, left = np.zeros(y.size, np.intp), np.ones(y.size, dtype=bool)
    while left[row := int(np.argmax(left))]:
        if len(labels) == FEW_LABELS:
            return None
        same = flat == flat[row]
        codes += len(labels) * same
        labels.append(flat[row])
        left &= ~same
    order = np.argsort(labels)
    return np.array(labels, y.dtype)[order], np.argsort(order)[codes].reshape(y.shape)


def _hashed(y):
    """The same of objects, of which only the labels are put in order."""
    values = y.ravel().tolist()
    labels = sorted(set(values))
    numbers = {label: i for i, label in enumerate(labels)}
    codes = np.fromiter(map(numbers.__getitem__, values), np.intp, len(values))
    return np.fromiter(labels, object, len(labels)), codes.reshape(y.shape)


def first_missing(y) -> int | None:
    """The first row of an array of objects that is None, NaN, or the missing value of pandas."""
    values = y.ravel().tolist()
    try:
        each = set(values)
    except TypeError:  # of which there is no hash
        each = values
    if not any(map(is_missing, each)):
        return None
    return next(i for i, value in enumerate(values) if is_missing(value))


def _known(y, known):
    """Codes of labels among known classes, and the classes in sorted order."""
    refuse_missing(y, np.arange(len(y)))
    classes = tuple(sorted(set(known)))
    if len(classes) != len(known):
        raise InvalidParameterError(f"classes names a label twice: {list(known)}")
    numbers = {c: i for i, c in enumerate(classes)}
    labels, inverse = unique_labels(y)
    for label in labels.tolist():
        if label not in numbers:
            row = int(np.argmax(y == label))
            shown = ", ".join(map(repr, classes[:8]))
            raise InvalidParameterError(f"y has the label {label!r} at row {row}, which is not among classes: {shown}")
    return np.array([numbers[label] for label in labels.tolist()], np.intp)[inverse.reshape(-1)], classes


def refuse_missing(y, rows) -> None:
    """Refuse labels that are missing, and numbers that are measurements rather than labels."""
    if y.dtype.kind == "f":
        bad = ~np.isfinite(y)
        if bad.any():
            i = int(np.argmax(bad))
            raise MissingDataError(f"y is not finite: {y[i]} at row {rows[i]}; missing='drop' leaves such rows out")
        bad = y != np.floor(y)
        if bad.any():
            i = int(np.argmax(bad))
            raise InvalidParameterError(f"y = {y[i]} at row {rows[i]} is no label: classes are whole numbers or text")
    elif y.dtype.kind == "O":
        i = first_missing(y)
        if i is not None:
            raise MissingDataError(
                f"y has a missing value (NaN or None) at row {rows[i]}; missing='drop' leaves such rows out"
            )
    elif y.dtype.kind not in "biuUSM":
        raise InvalidParameterError(f"y has dtype {y.dtype}, which cannot be labels")


def _column_classes(y, columns, known):
    """The classes that columns of indicators represent."""
    if columns is not None and len(set(columns)) < len(columns):
        raise InvalidParameterError(f"y has repeated column names: {list(columns)}")
    if known is None:
        return tuple(range(y.shape[1])) if columns is None else columns
    if y.shape[1] != len(known):
        raise InvalidParameterError(f"y has {y.shape[1]} columns, but there are {len(known)} classes: {list(known)}")
    if columns is not None and columns != tuple(known):
        raise InvalidParameterError(f"y has the columns {list(columns)}, but the classes are {list(known)}")
    return tuple(known)


def _indicators(y, n, classes):
    """Codes of indicators, a column a class, and the classes."""
    if len(y) != n:
        raise InvalidParameterError(f"y has {len(y)} rows, X has {n}: they must match")
    if y.dtype.kind not in "biuf":
        raise InvalidParameterError(f"y of shape {y.shape} must hold indicators, 0 or 1, not dtype {y.dtype}")
    bad = ((y != 0) & (y != 1)).any(1) | (y.sum(1) != 1)
    if bad.any():
        i = int(np.argmax(bad))
        raise InvalidParameterError(
            f"y of shape {y.shape} must hold indicators with one 1 a row; row {i} is {y[i].tolist()[:8]}"
        )
    return y.argmax(1), classes
