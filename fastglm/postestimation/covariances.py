"""Another covariance of a finished fit, from its rows given again: arrays, a frame, or files."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from ..design import as_table, check_aligned
from ..design.profile import Profile
from ..design.recipe import complete
from ..errors import InvalidParameterError
from ..family.multinomial import Multinomial
from ..files import is_rows, open_rows
from ..inference import check_covariance, sandwich
from ..inference.cluster_ids import ClusteredChunks, ClusterReader
from ..inference.row_scores import ClassScores, MeanScores
from ..kernels.row_loops import FamilyLink
from ..objective.base import Deviance
from ..objective.response_sums import check
from ..objective.softmax import CrossEntropy
from ..options.covariance import known
from ..rows import arrays
from ..rows.arguments import found_by_name, unknown
from ..rows.matching import check_X
from ..rows.reader import FrameReader, Response, fragments_of
from ..source.chunked import Chunked, Chunks
from ..source.in_memory import InMemory
from ..source.threads import get_threads
from ..types import VECTORS


def with_cov(
    result, kind, X=None, y=None, *, data=None, cluster=None, correction=None, weights=None, freq_weights=None,
    offset=None, exposure=None, threads=None,
):  # fmt: skip
    """The same fit with another covariance of the coefficients.

    Parameters
    ----------
    result : GLMResult
    kind : str or mapping
        As ``cov`` of ``fit``; "cluster" with ``cluster=``.
    X, y : arrays or data frame
        The rows of the fit, as they were then.
    data : data frame or files
        In place of X and y, where the model was fitted by a formula: read as the fit read them.
    cluster : (n,) array, name of a column, or list of these
    correction : bool
        As in ``{"cluster": ..., "correction": ...}``.
    weights, freq_weights, offset, exposure : (n,) array, or name of a column of ``data``
        As they were in the fit; those that the formula has are found.
    threads : int, optional

    Returns
    -------
    GLMResult

    Raises
    ------
    InvalidParameterError, MissingDataError
        For rows that are not those of the fit, and a covariance that the model cannot have.
    """
    cov = _asked(kind, cluster, correction)
    inverse = check_covariance(result.cov_unscaled, "sandwich")
    vectors = dict(zip(VECTORS, (weights, freq_weights, offset, exposure), strict=True))
    threads, given = get_threads(threads), None
    if (data is None) == (X is None):
        raise InvalidParameterError(f"with_cov({kind!r}) needs the rows of the fit: X and y, or data")
    try:
        if data is None:
            source, cov = _of_arrays(result, X, y, vectors, cov, threads)
        elif is_rows(data):
            given = open_rows(data)
            source, cov = _of_files(result, given, vectors, cov, threads)
        else:
            source, cov = _of_frame(result, data, vectors, cov, threads)
        with np.errstate(all="ignore"):
            found = _covariance(result, cov, source, inverse)
        if given is not None:
            given.check_read_again()
        return replace(result, cov_kind=cov.name, **found)
    finally:
        if given is not None and given is not data:
            given.close()


def _asked(kind, cluster, correction):
    if cluster is not None or kind == "cluster":
        if kind != "cluster" or cluster is None:
            raise InvalidParameterError(f"with_cov({kind!r}, cluster=...): clusters belong to the kind 'cluster'")
        kind = {"cluster": cluster, "correction": True if correction is None else correction}
    elif correction is not None:
        raise InvalidParameterError("correction belongs to the kind 'cluster'; for the others it is in their names")
    cov = sandwich.parse(kind)
    if not isinstance(cov, sandwich.CovarianceSpec):
        raise InvalidParameterError(f"unknown covariance {kind!r}; known: {known()}")
    return cov


def _covariance(result, cov, source, inverse):
    several = isinstance(result.family, Multinomial)
    _check_same(result, source, several)
    sandwich.check(cov, source, result.params.shape[1] if several else 0)
    beta = result.params.ravel(order="F")
    if several:
        others = result.params.shape[1]
        objective = CrossEntropy(source, others + 1)
        scores = ClassScores(sandwich.zeroed(beta).reshape(others, -1))
    else:
        pair = FamilyLink(result.family, result.link)
        objective, scores = Deviance(source, pair), MeanScores(pair, sandwich.zeroed(beta))
    root = result.information_root
    fitted = sandwich.Fitted(
        objective, source, scores, beta, inverse, result.nobs, result.rank, root=root, dispersion=result.scale
    )
    return sandwich.covariance(cov, fitted)


def _check_same(result, source, several):
    """Refuse rows that cannot be those of the fit."""
    if source.n_columns != len(result.names):
        raise InvalidParameterError(f"the rows have {source.n_columns} coefficients, the fit had {len(result.names)}")
    for name in ("weights", "freq_weights"):
        had = getattr(result, f"has_{name}")
        if had != (getattr(source.data, name) is not None):
            raise InvalidParameterError(
                f"the model was fitted with{'' if had else 'out'} {name}: "
                + ("give them again" if had else "leave them out")
            )
    shifted = source.data.offset is not None or source.data.exposure is not None
    if (result.exposure_kind is not None) != shifted:
        raise InvalidParameterError("offset and exposure must be those of the fit; give what it had, and nothing else")
    nobs = check(source, result.family).nobs
    if not np.isclose(nobs, result.nobs, rtol=1e-9):
        raise InvalidParameterError(f"the rows count {nobs:g} observations, those of the fit {result.nobs:g}")


def _of_arrays(result, X, y, vectors, cov, threads):
    if y is None:
        raise InvalidParameterError("with_cov needs y beside X")
    if result.design is not None and not isinstance(X, np.ndarray):
        table = as_table(X)
        check_aligned(table, y, "y")
        return _of_table(result, table, y, vectors, cov, threads)
    if hasattr(X, "columns") and hasattr(X, "to_numpy"):
        X = check_X(result, X)
    if any(isinstance(v, str) for v in (*vectors.values(), *cov.by)):
        raise InvalidParameterError("names of columns go with data=; pass arrays beside X and y")
    return _in_memory(result, X, y, vectors, cov, threads)


def _of_frame(result, data, vectors, cov, threads):
    if result.design is None or not result.design.formula.response:
        raise InvalidParameterError("the fit has no formula with a response to read data by; pass X and y")
    return _of_table(result, as_table(data), None, vectors, cov, threads)


def _of_table(result, table, y, vectors, cov, threads):
    vectors = vectors | found_by_name(result.design, vectors, table.names)
    built = result.design.build(table, response=y is None)
    keep = built.keep
    vectors = {name: vector(name, v, table, keep) for name, v in vectors.items()}
    if built.offset is not None:
        vectors["offset"] = built.offset if vectors["offset"] is None else built.offset + vectors["offset"]
    if built.exposure is not None:
        vectors["exposure"] = built.exposure
    cov = cov._replace(by=tuple(clusters(v, table, keep) for v in cov.by))
    if y is not None and keep is not None:
        y = np.asarray(y)[keep]
    return _in_memory(result, built, built.y if y is None else y, vectors, cov, threads)


def _in_memory(result, X, y, vectors, cov, threads):
    data, classes = arrays.assemble(X, y, result.family, intercept=result.intercept, names=None, **vectors)
    known = getattr(classes, "classes", classes)
    if known is not None and tuple(known) != tuple(result.classes or ()):
        raise InvalidParameterError(f"y has the labels {list(known)}, that of the fit {list(result.classes or ())}")
    return InMemory(data, threads), cov


def _of_files(result, rows, vectors, cov, threads):
    if result.design is not None:
        vectors = vectors | found_by_name(result.design, vectors, rows.names)
    vectors = {name: v for name, v in vectors.items() if v is not None}
    for name, v in (*vectors.items(), *(("cluster", v) for v in cov.by)):
        if not isinstance(v, str) or v not in rows.names:
            raise unknown(name, v, rows.names)
    reader = fitted_reader(result, rows, vectors, cov.by, threads)
    if cov.by:
        cov = cov._replace(source=Chunked(ClusteredChunks(ClusterReader(reader, cov.by)), threads))
    return Chunked(Chunks(reader), threads), cov


def fitted_reader(result, rows, vectors, others, threads) -> FrameReader:
    """The reader of the rows that a model was fitted to, by its design; nothing is learned anew.

    Parameters
    ----------
    result : GLMResult
    rows : files.Rows
    vectors : mapping of str to str
        Columns by the argument of ``fit`` that they are.
    others : sequence of str
        More columns that a row must have to be complete.
    threads : int

    Raises
    ------
    InvalidParameterError, MissingDataError
    """
    if result.design is None or not result.design.formula.response:
        raise InvalidParameterError("the fit has no formula with a response to read data by; pass X and y")
    design = replace(result.design, unseen="error")  # its own rows have no level that it does not know
    fragments = fragments_of(rows, threads, design.missing == "drop")
    columns = [name for e in design.formula.response for name in e.columns]
    columns = tuple(dict.fromkeys([*columns, *design.columns, *vectors.values(), *others]))

    def count(i):
        kept = 0
        for table in fragments.tables(i, columns):
            table.read(columns)
            keep = complete(table, columns, 0, table.n_rows)
            kept += table.n_rows if keep is None else int(keep.sum())
        return kept

    kept = fragments.rows
    if design.missing == "drop":
        kept = np.array(list(fragments.map(count, range(len(kept)))), dtype=np.int64)
    several = isinstance(result.family, Multinomial)
    labels = result.classes if several or isinstance((result.classes or (0,))[0], (str, bool)) else None
    found = Profile(design, kept, labels)
    return FrameReader(rows, found, Response.of(found, result.family), vectors, others)


def vector(name, value, table, keep):
    """A vector of numbers of the rows that are kept: a column by its name, an array, or None.

    Raises
    ------
    InvalidParameterError
    """
    if value is None:
        return None
    value = _column(name, value, table, keep, True)
    return value if keep is None else value[keep]


def clusters(value, table, keep):
    """The clusters of the rows that are kept: a column by its name, or an array.

    Raises
    ------
    InvalidParameterError
    """
    value = _column("cluster", value, table, keep, False)
    return value if keep is None else value[keep]


def _column(name, value, table, keep, numbers):
    if isinstance(value, str):
        if value not in table.names:
            raise unknown(name, value, table.names)
        table.read((value,))
        column = table.column(value)
        if column.missing is not None and (column.missing if keep is None else column.missing[keep]).any():
            raise InvalidParameterError(f"{name}: column {value!r} has missing values; fill or drop them")
        value = column.floats(column.values) if numbers else column.values
    else:
        check_aligned(table, value, name)
    value = np.asarray(value)
    if value.shape != (table.n_rows,):
        raise InvalidParameterError(f"{name} has shape {value.shape}, the data have {table.n_rows} rows")
    return value
