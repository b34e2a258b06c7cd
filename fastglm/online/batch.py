"""One batch of a stream, checked against earlier batches; the stream is not changed."""

from __future__ import annotations

from dataclasses import replace
from typing import Any, NamedTuple

import numpy as np

from ..core.records import VECTORS
from ..errors import InvalidParameterError
from ..files import is_rows
from ..kernels.row_loops import FamilyLink
from ..objective.base import Deviance
from ..objective.response_sums import ResponseSums, check, validate_response
from ..objective.softmax import CrossEntropy
from ..rows.arrays import dense
from ..rows.open import open_rows
from ..rows.response import label_values
from ..rows.storages import canonical, is_collection, is_frame
from ..source.base import Block, weight_of
from ..source.in_memory import InMemory

NUMBERS = (0, 1)  # the labels of a binomial y without any
FIELDS = ("X", "y", *VECTORS)


class Shape(NamedTuple):
    """The names of columns and the labels of y, which all batches share."""

    names: tuple[str, ...]
    classes: tuple[Any, ...] | None = None


class Batch(NamedTuple):
    """Checked rows of positive weight, with the sums that the result needs of them."""

    data: Block
    sums: ResponseSums
    totals: np.ndarray | None
    shape: Shape

    def joined(self, earlier: Any) -> Batch:
        """This batch with ``earlier`` before it, as one."""
        blocks = [batch.data for batch in (*earlier, self)]
        rows = [len(block.y) for block in blocks]

        def stack(field, neutral):
            vectors = [getattr(block, field) for block in blocks]
            if all(v is None for v in vectors):
                return None
            return np.concatenate([np.full(n, neutral) if v is None else v for n, v in zip(rows, vectors, strict=True)])

        data = Block(
            np.concatenate([block.X for block in blocks]),
            self.data.has_intercept,
            np.concatenate([block.y for block in blocks]),
            stack("weights", 1.0),
            stack("freq_weights", 1.0),
            stack("offset", 0.0),
            stack("exposure", 1.0),
            self.data.names,
        )
        sums, totals = self.sums, self.totals
        for batch in earlier:
            sums = add(sums, batch.sums)
            totals = None if totals is None else totals + batch.totals
        return Batch(data, sums, totals, self.shape)

    def where(self, rows: Any) -> Batch:
        """The rows of a slice or a mask, without sums."""
        totals = None if self.totals is None else np.zeros_like(self.totals)
        return Batch(_selected(self.data, rows), ResponseSums(*[0.0] * len(ResponseSums._fields)), totals, self.shape)


def add(first: ResponseSums, second: ResponseSums) -> ResponseSums:
    """The sums over the rows of both."""
    return ResponseSums(*(a + b for a, b in zip(first, second, strict=True)))


def open_batch(request: Any, shape: Shape | None, schema: Any, classes: Any) -> tuple[Any, ...]:
    """The rows of a batch with positive weight, None if there are none, and the schema of the stream.

    Parameters
    ----------
    request : FitRequest
        The request with the rows of the batch.
    shape : Shape or None
        The columns and labels of earlier batches.
    schema : Schema or None
        The schema of the first batch, by which later ones are read.
    classes : sequence of labels, or None
        All labels, as the caller gives them.

    Raises
    ------
    InvalidParameterError, MissingDataError
        For a batch that cannot be used, or differs from earlier ones; the stream has not learned from it.
    """
    X, family = canonical(request.data), request.family
    if is_rows(X) or is_collection(X):
        raise InvalidParameterError(
            "a batch of a stream needs rows in memory: arrays or a data frame; solver='stream' of fit reads files"
        )
    if (np.ndim(X) == 2 or hasattr(X, "shape")) and len(np.shape(X)) == 2 and np.shape(X)[0] == 0:
        return None, schema
    names = request.names
    if shape is not None and names is None and not is_frame(X) and np.ndim(X) == 2:
        names = shape.names if np.shape(X)[1] == len(shape.names) else None
    if _weights_are_zero(request.weights, request.freq_weights):
        return None, schema
    known = _known_labels(family, classes, shape, request.y)
    labels = known if known is not None and known != NUMBERS else None
    request = replace(request, data=X, names=names, labels=labels)
    new_schema, source = open_rows(request, schema if schema is not None and schema.design is not None else None)
    data = dense(source.data)
    labels = label_values(source.labels)
    found_labels = known if labels is None else labels
    _check_columns(data.names, shape)
    if shape is not None and (found_labels or NUMBERS) != (shape.classes or NUMBERS):
        raise InvalidParameterError(
            f"y has the labels {list(found_labels or NUMBERS)}, in the batches before it had "
            f"{list(shape.classes or NUMBERS)}"
        )
    w = weight_of(data.weights, data.freq_weights)
    if not _has_weight(w):
        return None, schema
    sums = _sums(data, family, request.link)
    if w is not None and not np.all(w):
        # rows of weight zero must not even change the rounding of sums
        data = _selected(data, w > 0)
        sums = _sums(data, family, request.link)
    totals = None
    if family.response_model == "softmax":
        w = weight_of(data.weights, data.freq_weights)
        totals = np.bincount(data.y.astype(np.intp), weights=w, minlength=len(found_labels)).astype(np.float64)
    return Batch(data, sums, totals, Shape(data.names, found_labels)), schema or new_schema


def _check_columns(names, shape):
    """Refuse columns that are not those of the batches before."""
    if shape is None or names == shape.names:
        return
    if len(names) != len(shape.names):
        raise InvalidParameterError(f"X has {len(names)} columns, the batches before had {len(shape.names)}")
    j = next(j for j, (name, old) in enumerate(zip(names, shape.names, strict=True)) if name != old)
    raise InvalidParameterError(
        f"X column {j} is {names[j]!r}, in the batches before it was {shape.names[j]!r}: the columns must stay the same"
    )


def _known_labels(family, classes, shape, y):
    """The labels known before a batch is read: those of the first batch or of the caller, or None."""
    known = None if shape is None else shape.classes
    if classes is None:
        return known
    is_softmax = family.response_model == "softmax"
    if not is_softmax and family.domain.high != 1.0:
        raise InvalidParameterError(f"classes are labels of y, which family={family.name!r} has not")
    try:
        labels = tuple(label.item() if isinstance(label, np.generic) else label for label in classes)
        ordered = tuple(sorted(labels))
    except TypeError:
        raise InvalidParameterError(f"classes must be labels of one type that has an order, not {classes!r}") from None
    if len(set(labels)) < len(labels) or (len(labels) < 2 if is_softmax else len(labels) != 2):
        count = "at least two" if is_softmax else "the two"
        raise InvalidParameterError(f"classes must be {count} labels of y, each once, not {list(labels)}")
    if is_softmax and labels != ordered and np.ndim(y) == 2 and np.shape(y)[1] > 1:
        raise InvalidParameterError(
            f"the columns of y are classes in sorted order: {list(ordered)}, not {list(labels)}"
        )
    if shape is not None and ordered != (known or NUMBERS):
        raise InvalidParameterError(
            f"classes={list(labels)} are not those of the first batch: {list(known or NUMBERS)}"
        )
    return ordered if shape is None else known


def _sums(data, family, link):
    """The sums over the response of the rows, with all values checked."""
    source = InMemory(data, 1)
    source.check_finite()
    return (
        check(source, family)
        if family.response_model == "softmax"
        else validate_response(source, FamilyLink(family, link))
    )


def _weights_are_zero(*vectors) -> bool:
    """Whether the product of vectors of numbers, some of them None, is zero in every row."""
    arrays = [np.asarray(vector) for vector in vectors if vector is not None]
    if (
        not arrays
        or any(array.dtype.kind not in "biuf" or array.ndim > 1 for array in arrays)
        or len({array.shape for array in arrays if array.ndim}) > 1
    ):
        return False
    return not np.any(np.logical_and.reduce(np.broadcast_arrays(*arrays)))


def _has_weight(w) -> bool:
    """Whether any row has a positive weight."""
    return w is None or bool(np.any(w))


def _selected(data: Block, keep) -> Block:
    """The rows of ``keep``, a mask (n,) or a slice."""
    cut = {field: getattr(data, field)[keep] for field in FIELDS if getattr(data, field) is not None}
    return data._replace(**cut)


def copied(data: Block) -> Block:
    """A copy in float64 that the caller cannot change."""
    vectors = {name: vector for name in FIELDS if (vector := getattr(data, name)) is not None}
    return data._replace(**{name: np.array(v, dtype=np.float64, order="C") for name, v in vectors.items()})


def objective(family: Any, link: Any, data: Block, sums: ResponseSums, n_classes: int | None) -> Any:
    """The deviance of a batch, in this thread."""
    source = InMemory(data, 1)
    if n_classes is not None:
        return CrossEntropy(source, n_classes)
    return Deviance(source, FamilyLink(family.of_zeros_and_ones(link) if sums.binary else family, link))
