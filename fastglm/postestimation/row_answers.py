"""Predictions, residuals and influence of rows that need not be in memory.

Rows are read piece by piece, and the functions of ``inference`` are called for each. Answers are written to a temporary
file beside the named one, and replace it only when all are written.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from ..core.atomic import is_same_file, whole
from ..core.measured import MOST_ANSWER_BYTES
from ..errors import FileFormatError, InvalidParameterError
from ..inference import multinomial, several
from ..inference.deletion import FLAGS
from ..inference.influence import influence as influence_of
from ..inference.quantile_residuals import normal_scores, tails_of_rows
from ..inference.residuals import evaluate_rows
from ..inference.residuals import residuals as residuals_of
from ..rows.supplied import in_order
from ..source.threads import get_threads


class Written(NamedTuple):
    """A Parquet file of answers: its ``path``, the number of its ``rows``, and the names of its ``columns``."""

    path: Path
    rows: int
    columns: tuple[str, ...]


def predict(result, data, kind="mean", *, interval=None, level=0.95, threshold=0.5, offset=None, exposure=None,
            out=None, keep=(), threads=None, progress=False, **more):  # fmt: skip
    """Predictions for rows of files, or of a frame or arrays into a file.

    Parameters
    ----------
    result : GLMResult
    data : files, data frame or arrays
        As for ``fastglm.files.open_rows``; the response may be absent.
    kind, interval, level, threshold, retransform
        As for ``GLMResult.predict``.
    offset, exposure : names of columns, or arrays beside rows in memory
        The columns of the formula are found by their names.
    out : str or Path, optional
        A Parquet file to write: a row for each of the data, in their order, in columns named by ``kind`` (several
        classes have one each, ``mean_label``) and mean, se, lower, upper for an interval. Rows that the fit's
        ``missing`` or ``unseen`` leave out are null.
    keep : sequence of str
        Columns of the data to write before them.
    threads : int, optional
    progress : bool
        Show a bar over the rows, with the time that is left.

    Returns
    -------
    Written, or without ``out`` what ``GLMResult.predict`` returns

    Raises
    ------
    InvalidParameterError, MissingDataError, FileFormatError
        Also without ``out`` for so many rows that the answer is larger than 256 MiB.
    """
    if kind == "class" and out is None:
        refused = "kind='class': rows with missing values have no class; leave them out"
    else:
        refused = ""

    def work(piece):
        if refused and piece.keep is not None and not piece.keep.all():
            raise InvalidParameterError(refused)
        return result._predicted(piece, kind, interval, level, threshold, **more)

    vectors = {"offset": offset, "exposure": exposure}
    if hasattr(result, "_labels_of"):
        return answer(
            result, data, None, vectors, work, kind, result._labels_of(kind, **more), out, keep, threads, False,
            progress=progress,
        )  # fmt: skip
    labels = result.contrast_classes if kind == "link" and hasattr(result, "contrast_classes") else result.classes
    return answer(result, data, None, vectors, work, kind, labels, out, keep, threads, False, progress=progress)


def residuals(result, data, y=None, kind="deviance", *, weights=None, offset=None, exposure=None, seed=None, out=None,
              keep=(), threads=None):  # fmt: skip
    """Residuals of rows of files, or of a frame or arrays into a file; see ``predict`` and ``inference.residuals``.

    ``seed`` is of the random numbers of kind="quantile": one for each row in their order, the same however rows are
    stored.
    """
    if seed is not None and kind != "quantile":
        raise InvalidParameterError(f"seed is of the random numbers of kind='quantile'; kind={kind!r} has none")
    is_softmax = result.family.response_model == "softmax"
    of_rows = multinomial.residuals if is_softmax else residuals_of
    if result.family.response_model == "several":
        of_rows = several.residuals

    def work(piece):
        shifts = () if is_softmax else (piece.offset, piece.exposure)
        return of_rows(result, piece.X, piece.y, kind, piece.weights, *shifts)

    vectors = {"weights": weights, "offset": offset, "exposure": exposure}
    if kind != "quantile" or is_softmax:
        return answer(result, data, y, vectors, work, kind, result.classes, out, keep, threads, True)
    rng = np.random.default_rng(seed)

    def tails(piece):
        return tails_of_rows(result, piece.X, piece.y, piece.weights, piece.offset, piece.exposure)

    def scores(tails):
        return normal_scores(tails, rng.random(len(tails.below)))

    return answer(result, data, y, vectors, tails, kind, None, out, keep, threads, True, scores)


def influence(result, data, y=None, *, weights=None, offset=None, exposure=None, deletion=False, out=None, keep=(),
              threads=None):  # fmt: skip
    """Leverage and Cook's distance of rows of files, or of a frame or arrays into a file; see ``predict`` and
    ``inference.influence``."""
    is_softmax = result.family.response_model == "softmax"
    of_rows = multinomial.influence if is_softmax else influence_of
    vectors = {"weights": weights, "offset": offset, "exposure": exposure}

    everyone = informed_rows(result, data, y, vectors)

    def work(piece):
        if is_softmax:
            return of_rows(result, piece.X, piece.y, piece.weights)
        return of_rows(result, piece.X, piece.y, piece.weights, piece.offset, piece.exposure, everyone, deletion)

    if deletion and is_softmax:
        raise InvalidParameterError("deletion=True is of one mean a row; a softmax regression has one for each class")
    labels = {"dfbetas": result.names, "flags": FLAGS}
    return answer(result, data, y, vectors, work, "influence", labels, out, keep, threads, True)


def informed_rows(result, data, y, vectors):
    """A function that reads all rows again: pairs of X and the information in the linear predictor, in parts."""

    def informed(piece):
        rows = evaluate_rows(result, piece.X, piece.y, piece.weights, piece.offset, piece.exposure)
        return rows.X, piece.frequency * rows.weights * rows.detail.information

    def all_rows():
        supplied = result.schema.open(data, y, vectors)
        try:
            yield from in_order(supplied, informed, 1)  # the threads are those that ask
        finally:
            supplied.close()

    return all_rows


def answer(
    result, data, y, vectors, work, kind, labels, out, keep, threads, respond, finish=None, progress=False
):  # fmt: skip
    """The answers for all rows: written, or as one. ``finish`` is applied to each in their order; ``progress`` shows a
    bar over the rows.
    """
    if keep and out is None:
        raise InvalidParameterError("keep names columns to write beside the answers: give out='file.parquet'")
    supplied = result.schema.open(data, y, vectors, keep=keep, respond=respond)
    try:

        def each(piece):
            value = work(piece)
            return piece.others, _mapped(piece.aligned, value)

        answers = in_order(supplied, each, get_threads(threads))
        if finish is not None:
            answers = ((others, finish(value)) for others, value in answers)
        if progress:
            answers = _shown(answers, supplied.n_rows)
        if out is None:
            return _joined([value for _, value in _bounded(answers, supplied.rows is not None, supplied.n_rows)])
        return write(out, answers, kind, labels, supplied.rows)
    finally:
        supplied.close()


def _shown(answers, n_rows):
    """The answers, with a bar that counts their rows, of as many as there are, and tells the time that is left."""
    from tqdm.auto import tqdm

    with tqdm(total=n_rows, unit=" rows", unit_scale=True) as bar:
        for others, value in answers:
            yield others, value
            bar.update(len(value[0] if isinstance(value, tuple) else value))


def _mapped(function, value):
    """A function of an array, or of each of a record of arrays."""
    return type(value)(*map(function, value)) if isinstance(value, tuple) else function(value)


def _joined(values):
    if isinstance(values[0], tuple):
        return type(values[0])(*(np.concatenate(parts) for parts in zip(*values, strict=True)))
    return np.concatenate(values)


def _bounded(answers, limited, n_rows):
    """The answers, refused once the first piece shows that they are too large to return."""
    first = True
    for kept_columns, value in answers:
        if first and limited:
            arrays = value if isinstance(value, tuple) else (value,)
            size = sum(np.asarray(values).nbytes for values in arrays) / max(len(arrays[0]), 1) * n_rows
            if size > MOST_ANSWER_BYTES:
                raise InvalidParameterError(
                    f"the answers for {n_rows} rows take {size / 2**20:.0f} MiB; give out='file.parquet' to write them"
                )
        first = False
        yield kept_columns, value


def columns_of(value, kind: str, labels) -> dict[Any, Any]:
    """An answer as columns by name; of several classes a column for each, ``labels`` by the name of the answer too."""
    fields = {kind: value}
    if isinstance(value, tuple):
        fields = dict(zip(getattr(value, "column_names", value._fields), value, strict=True))
    columns = {}
    for name, values in fields.items():
        if values.ndim == 1:
            columns[name] = values
        else:
            of_columns = labels[name] if isinstance(labels, dict) else labels
            columns |= {f"{name}_{label}": values[:, j] for j, label in enumerate(of_columns)}
    return columns


def write(path, answers, kind: str, labels, rows: Any = None) -> Written:
    """Write answers to a Parquet file, a row group for each piece, whole or not at all.

    Parameters
    ----------
    path : str or Path
    answers : iterable of (columns to write too, answer)
    kind, labels
        As for ``columns_of``.
    rows : files.Rows, optional
        The files that are read at the same time, which must not be overwritten.

    Raises
    ------
    FileFormatError, InvalidParameterError
    """
    path = Path(path)
    if rows is not None and any(is_same_file(file, path) for file in rows.local_files):
        raise InvalidParameterError(f"out={str(path)!r} is one of the files that are read; name another")
    try:
        with whole(path) as draft:
            return Written(path, *_written(draft, answers, kind, labels))
    except OSError as error:
        raise FileFormatError(f"out={str(path)!r}: cannot be written: {error.strerror or error}") from None


def _written(draft, answers, kind, labels):
    """Write the answers to a draft; the number of rows and the names of the columns."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    writer, n, names = None, 0, ()
    try:
        for kept_columns, value in answers:
            arrays = kept_columns | {name: _arrow(values) for name, values in columns_of(value, kind, labels).items()}
            table = pa.table(arrays)
            if writer is None:
                repeated = set(kept_columns) & set(columns_of(value, kind, labels))
                if repeated:
                    raise InvalidParameterError(f"keep: the answers have a column {repeated.pop()!r} of their own")
                writer, names = pq.ParquetWriter(draft, table.schema), tuple(table.schema.names)
            writer.write_table(table.cast(writer.schema), row_group_size=max(table.num_rows, 1))
            n += table.num_rows
        if writer is None:
            raise InvalidParameterError("the data have no rows")
    finally:
        if writer is not None:
            writer.close()
    return n, names


def _arrow(values):
    """An array for Parquet, NaN and None as null."""
    import pyarrow as pa

    values = np.ascontiguousarray(values)
    if values.dtype.kind == "O":
        return pa.array(values.tolist(), from_pandas=True)
    return pa.array(values, from_pandas=True)
