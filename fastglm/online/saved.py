"""The state of a stream on disk, and two streams made one."""

from __future__ import annotations

from typing import Any

import numpy as np

from ..core import sealed
from ..errors import InvalidParameterError
from ..objective.response_sums import ResponseSums
from ..result.codecs import CODECS, named, read_named
from ..rows.schema import INTERCEPT, Schema
from ..solver.stream_state import StreamState
from ..source.base import Block
from .batch import FIELDS, NUMBERS, Batch, Shape, add
from .drift import Fluctuation

FORMAT, VERSION = "fastglm-stream", 3  # the version that is written


def merged(first: Any, second: Any) -> Any:
    """The union of two streams."""
    if type(second) is not type(first):
        raise InvalidParameterError(f"other must be an {type(first).__name__}, not {second!r}")
    for name in ("family", "link", "intercept", "cov"):
        one, two = getattr(first, name), getattr(second, name)
        # families and links without parameters are empty tuples, which are all equal
        if type(one) is not type(two) or one != two:
            raise InvalidParameterError(f"the streams differ in {name}: {one!r} and {two!r}")
    if second._shape is None or first._shape is None:
        return _copy(first if second._shape is None else second)
    if first._shape.names != second._shape.names:
        raise InvalidParameterError(f"the streams have other columns: {first._shape.names} and {second._shape.names}")
    if (first._shape.classes or NUMBERS) != (second._shape.classes or NUMBERS):
        raise InvalidParameterError(
            f"the streams have other labels: {first._shape.classes} and {second._shape.classes}"
        )
    if first._state is None:
        # rows that are still kept are learned from by the stream that has begun
        first, second = second, first
    out = _copy(first)
    if second._state is None:
        with np.errstate(all="ignore"):
            for batch in second._waiting:
                out._learn(batch, out._vectors | second._vectors)
        return out
    shift = _null_shift(out, second)
    out._null += second._null + shift
    out._sums = add(first._sums, second._sums)
    with np.errstate(all="ignore"):
        # the rows that are kept count where the streams meet, and are then solved for together
        out._state.merge(second._state, first._final_state().joint(second._final_state()))
        out._drift = first._drift.merged(second._drift)
        waiting = [*first._waiting, *second._waiting]
        if waiting:
            out._waiting = out._solve_and_drop(out._state, waiting[-1].joined(waiting[:-1]), out._sums, out._shape)
    out._totals = None if first._totals is None else first._totals + second._totals
    out._vectors, out.n_batches = first._vectors | second._vectors, first.n_batches + second.n_batches
    return out


def _null_shift(first, second):
    """The change of the second stream's null deviance when its constant mean becomes that of the first."""
    if not first.intercept or not hasattr(first.family, "log_partition"):
        return 0.0
    return second._sums.deviance_change(first.family, second._null_mean, first._null_mean)


def _copy(model):
    out = object.__new__(type(model))
    out.__dict__.update(model.__dict__)
    out._waiting = list(model._waiting)
    out._state = None if model._state is None else model._state.copy()
    return out


def save(model: Any, path: Any) -> None:
    """Write a stream's state as an npz file of plain arrays, replaced only once all of it is written."""
    header = {
        "family": named(model.family), "link": named(model.link),
        "intercept": model.intercept, "cov": model.cov, "names": model._names, "n_batches": model.n_batches,
        "given": sorted(model._vectors),
        "shape": None if model._shape is None else [model._shape.names, model._shape.classes],
        "kept": len(model._waiting), "running": model._state is not None,
        "schema": None if model._schema is None else CODECS["schema"][0](model._schema),
    }  # fmt: skip
    arrays = {"numbers": np.array([model._null_mean, model._null])}
    if model._sums is not None:
        arrays["sums"] = np.array(model._sums, dtype=np.float64)
    if model._totals is not None:
        arrays["totals"] = model._totals
    for i, batch in enumerate(model._waiting):
        arrays |= {f"{i}/{field}": value for field in FIELDS if (value := getattr(batch.data, field)) is not None}
        arrays[f"{i}/sums"] = np.array(batch.sums, dtype=np.float64)
        if batch.totals is not None:
            arrays[f"{i}/totals"] = batch.totals
    if model._state is not None:
        for name, part in (("running", model._state), ("drift", model._drift)):
            arrays |= {f"{name}/{k}": value for k, value in part.state().items()}
    try:
        sealed.write_document(path, FORMAT, VERSION, header, arrays)
    except TypeError as error:
        raise InvalidParameterError(f"the labels of y cannot be saved: {error}") from None


def load(cls: Any, path: Any) -> Any:
    """Read what ``save`` wrote."""
    header, arrays = sealed.read_document(path, "a saved stream", FORMAT, VERSION)
    with sealed.restoring(path):
        return _restored(cls, header, arrays)


def _restored(cls, header, arrays):
    model = cls(
        read_named("family", header["family"]), read_named("link", header["link"]), intercept=header["intercept"],
        cov=header["cov"], names=header["names"],
    )  # fmt: skip
    model.n_batches, model._vectors = header["n_batches"], frozenset(header["given"])
    model._null_mean, model._null = arrays["numbers"].tolist()
    if header["shape"] is not None:
        names, classes = header["shape"]
        model._shape = Shape(tuple(names), None if classes is None else tuple(classes))
        model._schema = _schema_of(header.get("schema"), model, tuple(names))
    model._sums = ResponseSums(*arrays["sums"].tolist()) if "sums" in arrays else None
    model._totals = arrays.get("totals")
    for i in range(header["kept"]):
        vectors = {field: arrays.get(f"{i}/{field}") for field in FIELDS}
        data = Block(has_intercept=model.intercept, names=model._shape.names, **vectors)
        sums = ResponseSums(*arrays[f"{i}/sums"].tolist())
        model._waiting.append(Batch(data, sums, arrays.get(f"{i}/totals"), model._shape))
    if header["running"]:
        model._state = StreamState.from_state(_part(arrays, "running/"))
        drift = _part(arrays, "drift/")
        # the first version kept other sums
        model._drift = Fluctuation.from_state(drift) if drift else Fluctuation(model._state.spread())
    return model


def _schema_of(saved, model, names):
    """The saved schema; the first versions read arrays alone, and saved none."""
    if saved is not None:
        return CODECS["schema"][1](saved)
    return Schema(((INTERCEPT,) if model.intercept else ()) + names, model.intercept)


def _part(arrays, prefix):
    return {k.removeprefix(prefix): value for k, value in arrays.items() if k.startswith(prefix)}
