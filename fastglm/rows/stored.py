"""Rows that are not in memory, files and fragments of any kind: their reader, and the source that passes go over."""

from __future__ import annotations

import numpy as np

from ..core.column_names import unknown_column
from ..design.formula import parse
from ..design.profile import Profile, profile
from ..design.recipe import complete
from ..engines import engine_of
from ..errors import InvalidParameterError
from ..source.chunked import Chunked, Chunks
from ..source.journal import Journal
from .arguments import all_columns, notes_of, unknown, with_shifts
from .cluster_ids import ClusteredChunks, ClusterReader
from .reader import FrameReader, fragments_of
from .request import identity
from .response import ONE_PREDICTOR, StoredResponse
from .schema import Schema

MEMORY = 1 << 28  # bytes of rows that are read once and kept
NO_SHIFT = {"offset": (), "exposure": None}


def open_stored(request, rows, known: Schema | None = None, owned: bool = False):
    """The schema and the source of ``files.Rows``; see ``open_rows``.

    Parameters
    ----------
    request : FitRequest
    rows : files.Rows
    known : Schema, optional
    owned : bool
        Whether the rows are closed with the source.
    """
    engine = engine_of(request.client, request.threads)
    learns = known is None or known.design is None
    reader, vectors = reader_of(request, rows, engine) if learns else fitted_reader(request, rows, known)
    journal = None
    if request.checkpoint is not None:
        journal = Journal(request.checkpoint, identity(request, reader))
    source = Chunked(Chunks(reader), request.threads, engine, journal)
    if request.clusters:
        beside = ClusteredChunks(ClusterReader(reader, request.clusters))
        clusters = Chunked(beside, request.threads, engine, journal)
    else:
        clusters = ()
    keeps = MEMORY if request.memory is None else request.memory
    if request.checkpoint is None and request.client is None and reader.nbytes() <= keeps:
        source = source.gather()
        rows.check_read_again()
    source.labels, source.clusters = reader.response.classes, clusters
    source.notes = (*notes_of(reader.design), *reader.notes)
    source.held_by(rows, owned)
    design = reader.design
    schema = Schema(design.names, design.layout.has_intercept, design, vectors, request.missing, design.library)
    return schema, source


def reader_of(request, rows, engine):
    """The reader of a model's columns, after one look at those whose values must be known, and the vectors' names.

    Raises
    ------
    InvalidParameterError, MissingDataError, FileFormatError
    """
    given = {name: v for name, v in request.vectors.items() if v is not None}
    for name, v in (*given.items(), *(("cluster", v) for v in request.clusters)):
        if not isinstance(v, str):
            raise InvalidParameterError(f"{name} must be the name of a column where the data are files")
    # arrays beside the rows have names for this fit only, which new rows do not know
    added = {role: name for role, name in given.items() if name in getattr(rows, "added", ())}
    if request.formula is None:
        if not isinstance(request.y, str):
            raise unknown("y", request.y, rows.names)
        formula, vectors = all_columns(request, rows.names, given)
        formula = formula._replace(**{role: none for role, none in NO_SHIFT.items() if role in added})
    else:
        formula, vectors = with_shifts(request.formula, rows.names, given | dict.fromkeys(added, ()))
        formula = parse(formula, dict.fromkeys(rows.names))
    vectors |= added
    others = (*vectors.values(), *request.clusters)
    for column in others:
        if column not in rows.names:
            raise unknown_column(column, rows.names, "the files")
    several, missing = request.family.response_model == "softmax", request.missing
    fragments = fragments_of(rows, request.threads, missing == "drop", engine)
    found = profile(formula, fragments, missing=missing, unseen=request.unseen, classes=several, extra=others)
    if not found.design.formula.response:
        raise InvalidParameterError(f"formula={request.formula!r} has no response; write it as 'y ~ ...'")
    if several and (found.design.formula.offset or found.design.formula.exposure):
        raise InvalidParameterError(ONE_PREDICTOR)
    response = StoredResponse.of(found, request.family)
    names = {role: None if role in added else name for role, name in vectors.items()}
    return FrameReader(rows, found, response, vectors, others), names


def fitted_reader(request, rows, known: Schema):
    """The reader of the rows that a model was fitted to, by its design; nothing is learned anew.

    Raises
    ------
    InvalidParameterError, MissingDataError
    """
    response = [e.column for e in known.design.formula.response]
    if not response:
        raise InvalidParameterError("the fit has no formula with a response to read data by; pass X and y")
    if request.y is not None and response != [request.y]:
        raise InvalidParameterError(f"y={request.y!r} was not the response of the fit, which is found by its name")
    vectors = request.vectors | known.found_by_name(request.vectors, rows.names)
    vectors = {name: v for name, v in vectors.items() if v is not None}
    for name, v in (*vectors.items(), *(("cluster", v) for v in request.clusters)):
        if not isinstance(v, str) or v not in rows.names:
            raise unknown(name, v, rows.names)
    design, others = known.relearned().design, (*vectors.values(), *request.clusters)
    fragments = fragments_of(rows, request.threads, design.missing == "drop")
    columns = [name for e in design.formula.response for name in e.columns]
    kept = _complete_rows(fragments, tuple(dict.fromkeys([*columns, *design.columns, *others])), design.missing)
    found = Profile(design, kept, request.labels)
    return FrameReader(rows, found, StoredResponse.of(found, request.family), vectors, others), dict(known.vectors)


def _complete_rows(fragments, columns, missing):
    """How many rows of each fragment have no missing value."""

    def count(i):
        kept = 0
        for table in fragments.tables(i, columns):
            table.read(columns)
            keep = complete(table, columns, 0, table.n_rows)
            kept += table.n_rows if keep is None else int(keep.sum())
        return kept

    if missing != "drop":
        return fragments.rows
    return np.array(list(fragments.map(count, range(len(fragments.rows)))), dtype=np.int64)


__all__ = ["MEMORY", "open_stored", "reader_of"]
