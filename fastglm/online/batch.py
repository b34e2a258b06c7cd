"""One batch of a stream: checked against what the stream has seen before, without touching the stream."""

from __future__ import annotations

from dataclasses import replace
from typing import NamedTuple

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
    """What every batch must have in common with the first: names of columns and labels of y."""

    names: tuple[str, ...]
    classes: tuple | None = None


class Batch(NamedTuple):
    """Checked rows of positive weight, with the sums that the result needs of them."""

    data: Block
    sums: ResponseSums
    totals: np.ndarray | None
    shape: Shape

    def joined(self, others) -> Batch:
        """This batch with ``others`` before it, as one."""
        parts = [b.data for b in (*others, self)]
        n = [len(d.y) for d in parts]

        def stack(field, neutral):
            columns = [getattr(d, field) for d in parts]
            if all(c is None for c in columns):
                return None
            return np.concatenate([np.full(k, neutral) if c is None else c for k, c in zip(n, columns, strict=True)])

        data = Block(
            np.concatenate([d.X for d in parts]),
            self.data.has_intercept,
            np.concatenate([d.y for d in parts]),
            stack("weights", 1.0),
            stack("freq_weights", 1.0),
            stack("offset", 0.0),
            stack("exposure", 1.0),
            self.data.names,
        )
        sums, totals = self.sums, self.totals
        for b in others:
            sums = add(sums, b.sums)
            totals = None if totals is None else totals + b.totals
        return Batch(data, sums, totals, self.shape)

    def where(self, rows) -> Batch:
        """Some of the rows, a slice or a mask, for the rows' own sake: without sums."""
        totals = None if self.totals is None else np.zeros_like(self.totals)
        return Batch(_counting(self.data, rows), ResponseSums(*[0.0] * len(ResponseSums._fields)), totals, self.shape)


def add(a: ResponseSums, b: ResponseSums) -> ResponseSums:
    """The sums over the rows of both."""
    return ResponseSums(*(x + y for x, y in zip(a, b, strict=True)))


def checked(request, shape: Shape | None, schema, classes) -> tuple:
    """The rows of a batch that count, or None where there are none, and the schema that they were read by.

    Parameters
    ----------
    request : FitRequest
        Of the rows of the batch.
    shape : Shape or None
        That of the batches before.
    schema : Schema or None
        That of the first batch, whose design reads later ones.
    classes : sequence of labels, or None
        All labels, as the caller gives them.

    Raises
    ------
    InvalidParameterError, MissingDataError
        For a batch that cannot be used, or does not fit those before; nothing has been learned from it then.
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
    if _are_zero(request.weights, request.freq_weights):
        return None, schema
    known = _known_labels(family, classes, shape, request.y)
    labels = known if known is not None and known != NUMBERS else None
    request = replace(request, data=X, names=names, labels=labels)
    found, source = open_rows(request, schema if schema is not None and schema.design is not None else None)
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
    if not _counts(w):
        return None, schema
    sums = _sums(data, family, request.link)
    if w is not None and not np.all(w):
        # rows that do not count leave no trace, not even in how sums are rounded
        data = _counting(data, w > 0)
        sums = _sums(data, family, request.link)
    totals = None
    if family.response_model == "softmax":
        w = weight_of(data.weights, data.freq_weights)
        totals = np.bincount(data.y.astype(np.intp), weights=w, minlength=len(found_labels)).astype(np.float64)
    return Batch(data, sums, totals, Shape(data.names, found_labels)), schema or found


def _check_columns(names, shape):
    """Refuse columns that are not those of the batches before."""
    if shape is None or names == shape.names:
        return
    if len(names) != len(shape.names):
        raise InvalidParameterError(f"X has {len(names)} columns, the batches before had {len(shape.names)}")
    j = next(j for j, (a, b) in enumerate(zip(names, shape.names, strict=True)) if a != b)
    raise InvalidParameterError(
        f"X column {j} is {names[j]!r}, in the batches before it was {shape.names[j]!r}: the columns must stay the same"
    )


def _known_labels(family, classes, shape, y):
    """The labels known before a batch is looked at, those of the first batch or the caller's, or None."""
    known = None if shape is None else shape.classes
    if classes is None:
        return known
    several = family.response_model == "softmax"
    if not several and family.domain.high != 1.0:
        raise InvalidParameterError(f"classes are labels of y, which family={family.name!r} has not")
    try:
        given = tuple(c.item() if isinstance(c, np.generic) else c for c in classes)
        ordered = tuple(sorted(given))
    except TypeError:
        raise InvalidParameterError(f"classes must be labels of one type that has an order, not {classes!r}") from None
    if len(set(given)) < len(given) or (len(given) < 2 if several else len(given) != 2):
        count = "at least two" if several else "the two"
        raise InvalidParameterError(f"classes must be {count} labels of y, each once, not {list(given)}")
    if several and given != ordered and np.ndim(y) == 2 and np.shape(y)[1] > 1:
        raise InvalidParameterError(f"the columns of y are classes in sorted order: {list(ordered)}, not {list(given)}")
    if shape is not None and ordered != (known or NUMBERS):
        raise InvalidParameterError(f"classes={list(given)} are not those of the first batch: {list(known or NUMBERS)}")
    return ordered if shape is None else known


def _sums(data, family, link):
    """What the result needs of the rows, all of them checked."""
    source = InMemory(data, 1)
    source.check_finite()
    return (
        check(source, family)
        if family.response_model == "softmax"
        else validate_response(source, FamilyLink(family, link))
    )


def _are_zero(*vectors) -> bool:
    """Whether the product of vectors of numbers, each may be None, is zero in every row."""
    given = [np.asarray(v) for v in vectors if v is not None]
    if (
        not given
        or any(v.dtype.kind not in "biuf" or v.ndim > 1 for v in given)
        or len({v.shape for v in given if v.ndim}) > 1
    ):
        return False
    return not np.any(np.logical_and.reduce(np.broadcast_arrays(*given)))


def _counts(w) -> bool:
    """Whether some row has a weight."""
    return w is None or bool(np.any(w))


def _counting(data: Block, keep) -> Block:
    """The rows that ``keep``, a mask (n,) or a slice, marks."""
    cut = {f: getattr(data, f)[keep] for f in FIELDS if getattr(data, f) is not None}
    return data._replace(**cut)


def owned(data: Block) -> Block:
    """A copy in float64 that the caller cannot change."""
    own = {f: np.array(v, dtype=np.float64, order="C") for f in FIELDS if (v := getattr(data, f)) is not None}
    return data._replace(**own)


def objective(family, link, data: Block, sums: ResponseSums, n_classes: int | None):
    """The deviance of a batch, in this thread."""
    source = InMemory(data, 1)
    if n_classes is not None:
        return CrossEntropy(source, n_classes)
    return Deviance(source, FamilyLink(family.of_zeros_and_ones(link) if sums.binary else family, link))
