"""Rows of files and fragments of any kind: their reader, and their source."""

from __future__ import annotations

import numpy as np

from ..core.column_names import unknown_column
from ..core.measured import KEPT_BYTES
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
        beside = ClusteredChunks(ClusterReader(reader, request.clusters, request.clusters_role))
        clusters = Chunked(beside, request.threads, engine, journal)
    else:
        clusters = ()
    keeps = KEPT_BYTES if request.memory is None else request.memory
    if request.checkpoint is None and request.client is None and reader.nbytes() <= keeps:
        source = source.gather()
        rows.check_read_again()
    source.labels, source.clusters = reader.response.classes, clusters
    source.notes = (*notes_of(reader.design), *reader.notes)
    source.keep_files(rows, owned)
    design = reader.design
    schema = Schema(design.names, design.layout.has_intercept, design, vectors, request.missing, design.library)
    return schema, source


def reader_of(request, rows, engine):
    """The reader of a model's columns, after a look at columns whose values must be known, and the names of vectors.

    Raises
    ------
    InvalidParameterError, MissingDataError, FileFormatError
    """
    vectors_given = {name: value for name, value in request.vectors.items() if value is not None}
    for name, value in (*vectors_given.items(), *((request.clusters_role, value) for value in request.clusters)):
        if not isinstance(value, str):
            raise InvalidParameterError(f"{name} must be the name of a column where the data are files")
    # arrays beside the rows have names in this fit alone, which new rows lack
    added = {role: name for role, name in vectors_given.items() if name in getattr(rows, "added", ())}
    if request.formula is None:
        if not isinstance(request.y, str):
            raise unknown("y", request.y, rows.names)
        formula, vectors = all_columns(request, rows.names, vectors_given)
        formula = formula._replace(**{role: none for role, none in NO_SHIFT.items() if role in added})
    else:
        formula, vectors = with_shifts(request.formula, rows.names, vectors_given | dict.fromkeys(added, ()))
        formula = parse(formula, dict.fromkeys(rows.names))
    vectors |= added
    more_columns = (*vectors.values(), *request.clusters)
    for column in more_columns:
        if column not in rows.names:
            raise unknown_column(column, rows.names, "the files")
    is_softmax, missing = request.family.response_model == "softmax", request.missing
    classes = request.family.labelled
    fragments = fragments_of(rows, request.threads, missing == "drop", engine)
    profiled = profile(formula, fragments, missing=missing, unseen=request.unseen, classes=classes, extra=more_columns)
    if not profiled.design.formula.response:
        raise InvalidParameterError(f"formula={request.formula!r} has no response; write it as 'y ~ ...'")
    if is_softmax and (profiled.design.formula.offset or profiled.design.formula.exposure):
        raise InvalidParameterError(ONE_PREDICTOR)
    response = StoredResponse.of(profiled, request.family)
    names = {role: None if role in added else name for role, name in vectors.items()}
    return FrameReader(rows, profiled, response, vectors, more_columns), names


def fitted_reader(request, rows, known: Schema):
    """The reader of the rows that a model was fitted to, by its design, which is not learned again.

    Raises
    ------
    InvalidParameterError, MissingDataError
    """
    response = [expression.column for expression in known.design.formula.response]
    if not response:
        raise InvalidParameterError("the fit has no formula with a response to read data by; pass X and y")
    if request.y is not None and response != [request.y]:
        raise InvalidParameterError(f"y={request.y!r} was not the response of the fit, which is found by its name")
    vectors = request.vectors | known.found_by_name(request.vectors, rows.names)
    vectors = {name: value for name, value in vectors.items() if value is not None}
    for name, value in (*vectors.items(), *((request.clusters_role, value) for value in request.clusters)):
        if not isinstance(value, str) or value not in rows.names:
            raise unknown(name, value, rows.names)
    design, more_columns = known.for_fit_rows().design, (*vectors.values(), *request.clusters)
    fragments = fragments_of(rows, request.threads, design.missing == "drop")
    columns = [name for expression in design.formula.response for name in expression.columns]
    n_complete = _complete_rows(
        fragments, tuple(dict.fromkeys([*columns, *design.columns, *more_columns])), design.missing
    )
    profiled = Profile(design, n_complete, request.labels)
    return FrameReader(rows, profiled, StoredResponse.of(profiled, request.family), vectors, more_columns), dict(
        known.vectors
    )


def _complete_rows(fragments, columns, missing):
    """The number of rows without a missing value in each fragment."""

    def count(i):
        n_complete = 0
        for table in fragments.tables(i, columns):
            table.read(columns)
            keep = complete(table, columns, 0, table.n_rows)
            n_complete += table.n_rows if keep is None else int(keep.sum())
        return n_complete

    if missing != "drop":
        return fragments.rows
    return np.array(list(fragments.map(count, range(len(fragments.rows)))), dtype=np.int64)


__all__ = ["open_stored", "reader_of"]
