"""The state of a stream on disk, and two streams made one."""

from __future__ import annotations

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

FORMAT, VERSION = "fastglm-stream", 3


def merged(a, b):
    """The stream of both."""
    if type(b) is not type(a):
        raise InvalidParameterError(f"other must be an {type(a).__name__}, not {b!r}")
    for name in ("family", "link", "intercept", "cov"):
        one, two = getattr(a, name), getattr(b, name)
        # families and links without parameters are empty tuples, which are all equal
        if type(one) is not type(two) or one != two:
            raise InvalidParameterError(f"the streams differ in {name}: {one!r} and {two!r}")
    if b._shape is None or a._shape is None:
        return _copy(a if b._shape is None else b)
    if a._shape.names != b._shape.names:
        raise InvalidParameterError(f"the streams have other columns: {a._shape.names} and {b._shape.names}")
    if (a._shape.classes or NUMBERS) != (b._shape.classes or NUMBERS):
        raise InvalidParameterError(f"the streams have other labels: {a._shape.classes} and {b._shape.classes}")
    if a._running is None:
        # rows that are still kept are learned from by the stream that has begun
        a, b = b, a
    out = _copy(a)
    if b._running is None:
        with np.errstate(all="ignore"):
            for batch in b._kept:
                out._learn(batch, out._given | b._given)
        return out
    shift = _null_shift(out, b)
    out._null += b._null + shift
    out._sums = add(a._sums, b._sums)
    with np.errstate(all="ignore"):
        # the rows that are kept count where the streams meet, and are then solved for together
        out._running.merge(b._running, a._complete().joint(b._complete()))
        out._drift = a._drift.merged(b._drift)
        kept = [*a._kept, *b._kept]
        if kept:
            out._kept = out._settled(out._running, kept[-1].joined(kept[:-1]), out._sums, out._shape)
    out._totals = None if a._totals is None else a._totals + b._totals
    out._given, out.n_batches = a._given | b._given, a.n_batches + b.n_batches
    return out


def _null_shift(a, b):
    """What b's deviance at its constant mean changes by at a's."""
    if not a.intercept or not hasattr(a.family, "log_partition"):
        return 0.0
    here, there = a.family.natural(a._centre), a.family.natural(b._centre)
    change = a.family.log_partition(here) - a.family.log_partition(there)
    return -2.0 * (b._sums.weighted_y * (here - there) - b._sums.weight * change)


def _copy(model):
    out = object.__new__(type(model))
    out.__dict__.update(model.__dict__)
    out._kept = list(model._kept)
    out._running = None if model._running is None else model._running.copy()
    return out


def save(model, path) -> None:
    """Write a stream's state as an npz file of plain arrays, replaced only once all of it is written."""
    header = {
        "family": named(model.family), "link": named(model.link),
        "intercept": model.intercept, "cov": model.cov, "names": model._names, "n_batches": model.n_batches,
        "given": sorted(model._given),
        "shape": None if model._shape is None else [model._shape.names, model._shape.classes],
        "kept": len(model._kept), "running": model._running is not None,
        "schema": None if model._schema is None else CODECS["schema"][0](model._schema),
    }  # fmt: skip
    arrays = {"numbers": np.array([model._centre, model._null])}
    if model._sums is not None:
        arrays["sums"] = np.array(model._sums, dtype=np.float64)
    if model._totals is not None:
        arrays["totals"] = model._totals
    for i, batch in enumerate(model._kept):
        arrays |= {f"{i}/{f}": v for f in FIELDS if (v := getattr(batch.data, f)) is not None}
        arrays[f"{i}/sums"] = np.array(batch.sums, dtype=np.float64)
        if batch.totals is not None:
            arrays[f"{i}/totals"] = batch.totals
    if model._running is not None:
        for name, part in (("running", model._running), ("drift", model._drift)):
            arrays |= {f"{name}/{k}": v for k, v in part.state().items()}
    try:
        sealed.write_document(path, FORMAT, VERSION, header, arrays)
    except TypeError as error:
        raise InvalidParameterError(f"the labels of y cannot be saved: {error}") from None


def load(cls, path):
    """Read what ``save`` wrote."""
    header, arrays = sealed.read_document(path, "a saved stream", FORMAT, VERSION)
    with sealed.restoring(path):
        return _restored(cls, header, arrays)


def _restored(cls, header, arrays):
    model = cls(
        read_named("family", header["family"]), read_named("link", header["link"]), intercept=header["intercept"],
        cov=header["cov"], names=header["names"],
    )  # fmt: skip
    model.n_batches, model._given = header["n_batches"], frozenset(header["given"])
    model._centre, model._null = arrays["numbers"].tolist()
    if header["shape"] is not None:
        names, classes = header["shape"]
        model._shape = Shape(tuple(names), None if classes is None else tuple(classes))
        model._schema = _schema_of(header.get("schema"), model, tuple(names))
    model._sums = ResponseSums(*arrays["sums"].tolist()) if "sums" in arrays else None
    model._totals = arrays.get("totals")
    for i in range(header["kept"]):
        given = {f: arrays.get(f"{i}/{f}") for f in FIELDS}
        data = Block(has_intercept=model.intercept, names=model._shape.names, **given)
        sums = ResponseSums(*arrays[f"{i}/sums"].tolist())
        model._kept.append(Batch(data, sums, arrays.get(f"{i}/totals"), model._shape))
    if header["running"]:
        model._running = StreamState.from_state(_part(arrays, "running/"))
        drift = _part(arrays, "drift/")
        # the first version looked at other sums
        model._drift = Fluctuation.from_state(drift) if drift else Fluctuation(model._running.spread())
    return model


def _schema_of(saved, model, names):
    """The schema that was saved; the first versions read arrays alone, and kept none."""
    if saved is not None:
        return CODECS["schema"][1](saved)
    return Schema(((INTERCEPT,) if model.intercept else ()) + names, model.intercept)


def _part(arrays, prefix):
    return {k.removeprefix(prefix): v for k, v in arrays.items() if k.startswith(prefix)}
