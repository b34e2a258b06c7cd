"""Fits of rows that are not in memory: files, streams, partitions of a cluster."""

from __future__ import annotations

import time
from dataclasses import replace

import numpy as np

from . import __version__, inputs
from .api import check_options, fit_source
from .design.expression import column
from .design.formula import Formula
from .engines import engine_of
from .errors import InvalidParameterError
from .files import open_rows
from .inference.cluster_ids import ClusteredChunks, ClusterReader
from .notes import SHIFTS, notes_of, unknown, with_shifts
from .reading import VECTORS, reader_of
from .solvers import resolve
from .source.chunked import Chunked, Chunks
from .source.journal import Journal
from .source.pieces import Parts
from .source.threads import get_threads

NO_SHIFT = {"offset": (), "exposure": None}
MEMORY = 1 << 28  # bytes of rows that are read once and kept


def fit_rows(
    formula,
    data,
    *,
    family,
    link=None,
    penalty=None,
    solver="auto",
    cov="model",
    start=None,
    threads=None,
    progress=False,
    missing="error",
    unseen="error",
    compress="auto",
    memory=None,
    client=None,
    checkpoint=None,
    began=None,
    **vectors,
):
    """Fit a model to the rows of files; see ``glm``.

    Parameters
    ----------
    formula : str or callable
        Text, or what makes a Formula of the names of the columns and the vectors that are given.
    data : what ``files.open_rows`` takes
    **vectors
        Names of the columns of weights, freq_weights, offset and exposure.

    Returns
    -------
    GLMResult or MultinomialResult
    """
    began = time.perf_counter() if began is None else began
    family, link = inputs.family_and_link(family, link)
    cov = check_options(penalty, cov, vectors.get("exposure"), link, compress)
    clusters = getattr(cov, "by", ())
    if not all(isinstance(v, str) for v in clusters):
        raise InvalidParameterError("cov: clusters must be names of columns where the data are files")
    threads = get_threads(threads)
    if memory is not None and (isinstance(memory, (bool, str)) or not hasattr(memory, "__int__") or not memory >= 0):
        raise InvalidParameterError(f"memory={memory!r} must be a number of bytes, not negative, such as 2 * 10**9")
    for name in VECTORS:
        if not isinstance(vectors.get(name), (str, type(None))):
            raise InvalidParameterError(f"{name} must be the name of a column where the data are files")
    rows, journal = open_rows(data), None
    try:
        engine = engine_of(client, threads)
        reader = reader_for(rows, formula, family, vectors, missing, unseen, threads, clusters, engine)
        check_options(penalty, cov, reader.shape.exposure, link)
        source, classes = Chunked(Chunks(reader), threads, engine), reader.response.classes
        if checkpoint is not None:
            what = {"family": family, "link": link, "solver": resolve(solver), "cov": cov, "start": start}
            what["compress"] = compress
            source.journal = journal = Journal(checkpoint, identity(reader, **what))
        if clusters:
            beside = ClusteredChunks(ClusterReader(reader, clusters))
            cov = cov._replace(source=Chunked(beside, threads, source.engine, source.journal))
        if checkpoint is None and client is None and reader.nbytes() <= (MEMORY if memory is None else memory):
            source = source.gather()
            rows.check_read_again()
        result = fit_source(
            source, family, link, solver, cov, classes, start=start, progress=progress, compress=compress, began=began
        )
        if not source.here:
            rows.check_read_again()
    finally:
        if journal is not None:
            journal.close()
        if rows is not data:
            rows.close()
    design = replace(reader.design, vectors=reader.vectors)
    return replace(result, design=design, notes=(*notes_of(design), *reader.notes, *result.notes))


def journalled(data, threads: int, checkpoint, what: dict) -> Chunked:
    """A source over rows in memory whose passes are kept in the folder ``checkpoint``."""
    reader = Parts([data])
    return Chunked(Chunks(reader), threads, journal=Journal(checkpoint, identity(reader, **what)))


def all_columns(y, intercept: bool):
    """The formula of ``fit``: every column but those that have another role is a term; for ``fit_rows``."""

    def formula(names, vectors, clusters=()):
        roles = {"y": y, **vectors, **{f"cluster {i}": name for i, name in enumerate(clusters)}}
        for role, value in roles.items():
            if not isinstance(value, str) or value not in names:
                raise unknown(role, value, names)
        terms = tuple((name,) for name in names if name not in roles.values())
        offset, exposure = (vectors.get(shift) for shift in SHIFTS)
        whole = Formula(
            "", (column(y, names),), (((),) if intercept else ()) + terms,
            () if offset is None else (column(offset, names),), None if exposure is None else column(exposure, names),
        )  # fmt: skip
        return whole, {name: v for name, v in vectors.items() if name not in SHIFTS}

    return formula


def identity(reader, **what) -> dict:
    """What tells a fit from others, as plain values; ``Journal`` names what has changed."""
    what = {name: v.tolist() if isinstance(v, np.ndarray) else v for name, v in what.items()}
    return {
        "the version of fastglm": __version__,
        "the data": reader.fingerprint(),
        **{f"{name}=": repr(value) for name, value in what.items()},
    }


def reader_for(rows, formula, family, vectors, missing="error", unseen="error", threads=1, clusters=(), engine=None):
    """The reader of a model's rows, for a formula or ``all_columns``."""
    vectors = {name: column for name, column in vectors.items() if column is not None}
    # arrays beside the rows have names for this fit only, which new rows do not know
    added = {role: name for role, name in vectors.items() if name in getattr(rows, "added", ())}
    if isinstance(formula, str):
        formula, named = with_shifts(formula, rows.names, vectors | dict.fromkeys(added, ()))
    else:
        formula, named = formula(rows.names, vectors, clusters)
        formula = formula._replace(**{role: none for role, none in NO_SHIFT.items() if role in added})
    named |= added
    return reader_of(
        rows, formula, family, named, missing=missing, unseen=unseen, threads=threads, others=clusters, engine=engine
    )
