"""Fits of rows that are not in memory: files, streams, partitions of a cluster."""

from __future__ import annotations

import time
from dataclasses import replace

from ..core.column_names import needed
from ..design.expression import column
from ..design.formula import Formula
from ..engines import engine_of
from ..errors import InvalidParameterError
from ..files import open_rows
from ..inference import sandwich
from ..inference.cluster_ids import ClusteredChunks, ClusterReader
from ..rows import arrays
from ..rows.arguments import SHIFTS, notes_of, unknown, with_shifts
from ..rows.collections import check_unique, client_of, columns_of, is_array, partitions
from ..rows.reader import reader_of
from ..solvers import resolve
from ..source.chunked import Chunked, Chunks
from ..source.journal import Journal
from ..source.threads import get_threads
from ..types import VECTORS
from .sources import check_options, fit_source, identity

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
    family, link = arrays.family_and_link(family, link)
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


def glm_collection(formula, data, *, client, **options):
    """``glm`` of a dask.dataframe.

    Raises
    ------
    InvalidParameterError, MissingDataError, EngineError
    """
    columns, client = columns_of(data), client_of(client)
    names, added = _named(columns, {name: options.pop(name, None) for name in VECTORS})
    clusters = getattr(sandwich.parse(options.get("cov")), "by", ())
    read = needed(columns, formula, [v for v in (*names.values(), *clusters) if isinstance(v, str)])
    rows = partitions(data[[columns[name] for name in read]], read, added, client)
    return _without(fit_rows(formula, rows, **options, **names, client=client), added)


def fit_collection(X, y, *, intercept, names, client, **options):
    """``fit`` of a dask.dataframe or dask.array.

    Raises
    ------
    InvalidParameterError, MissingDataError, EngineError
    """
    client, array = client_of(client), is_array(X)
    if array:
        if X.ndim != 2:
            raise InvalidParameterError(f"X must be a 2-d array of shape (n, p), not {X.ndim}-d")
        columns = [f"x{j + 1}" for j in range(X.shape[1])] if names is None else [str(name) for name in names]
        if len(columns) != X.shape[1]:
            raise InvalidParameterError(f"names has length {len(columns)}, X has {X.shape[1]} columns")
        check_unique(columns)
    elif names is not None:
        raise InvalidParameterError("names: the columns of a data frame have names of their own")
    else:
        columns = list(columns_of(X))
    roles, added = _named(columns, {"y": y, **{name: options.pop(name, None) for name in VECTORS}})
    y = roles.pop("y")
    rows = partitions(X, columns, added, client)
    result = fit_rows(all_columns(y, bool(intercept)), rows, **options, **roles, client=client)
    return replace(result, design=None) if array else _without(result, added)


def _named(known, vectors):
    """Vectors with a column name for each that is none, and those to add by that name."""
    added, names = {}, {}
    for role, v in vectors.items():
        if v is None or isinstance(v, str):
            names[role] = v
            continue
        name = role
        while name in known or name in added:
            name += "_"
        added[name], names[role] = v, name
    return names, added


def _without(result, added):
    """A result whose design knows columns that were added as the arrays that they were."""
    design = result.design
    vectors = {role: None if name in added else name for role, name in design.vectors.items()}
    return replace(result, design=replace(design, vectors=vectors))
