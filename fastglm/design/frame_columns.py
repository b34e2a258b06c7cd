"""Columns of data frames of any library, one at a time: numbers as they are stored, factors as codes.

Frames are read through narwhals, text through Arrow's dictionaries; no frame is copied as a whole.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from typing import Any

import numpy as np

from ..core.column_names import is_series, unknown_column
from ..errors import InvalidParameterError, MissingDataError, not_loaded
from .column import EXACT, Column, counted


class Table:
    """A frame as named columns, each read and checked when it is first asked for.

    Parameters
    ----------
    frame : data frame
        pandas, polars (eager or lazy), a pyarrow table, a DuckDB relation, anything else that narwhals or
        ``__arrow_c_stream__`` reads, or a mapping of names to arrays.

    Attributes
    ----------
    library : {"pandas", "polars", "pyarrow"}
        Which of these the frame is of, "pandas" for any other.
    names : tuple of str
    place : Place or None
        Where the rows are, if they are a piece of more.
    alphabetical : tuple of str
        Columns read so far whose categories have an order that was not kept.

    Raises
    ------
    InvalidParameterError
        For something else, and for column names that are not unique.
    """

    index: Any
    names: tuple[str, ...]
    known: dict[str, None]
    place: Any = None
    alphabetical: tuple[str, ...] = ()

    def __init__(self, frame: Any) -> None:
        self._frame, self._lazy, self.index = _narwhals(frame)
        self.library = _library(frame, self._frame)
        self.names = tuple(self._frame.collect_schema().names())
        self.known = dict.fromkeys(self.names)  # to look names up in
        self._columns: dict[str, Column] = {}
        self._exact: dict[str, bool] = {}
        self._coded: dict[str, Column | None] = {}
        self._rows: int | None = None

    @property
    def n_rows(self) -> int:
        """The number of rows; a lazy frame is asked for it once."""
        if self._rows is None:
            import narwhals as nw

            self._rows = int(self._frame.select(nw.len()).collect().item()) if self._lazy else len(self._frame)
        return self._rows

    def read(self, names: Any) -> None:
        """Read columns; a lazy frame is collected for them alone, in one query."""
        for name in names:
            if name not in self.known:
                raise unknown_column(name, self.names)
        wanted = [name for name in dict.fromkeys(names) if name not in self._columns]
        if not wanted:
            return
        frame = self._frame.select(wanted).collect() if self._lazy else self._frame
        for name in wanted:
            series = frame.get_column(name)
            self._columns[name] = column = column_of(name, series)
            if column.kind == "factor" and _by_sight(series) and column.levels != tuple(series.cat.get_categories()):
                self.alphabetical += (name,)
            self._rows = len(column.values)

    def to_arrow(self, name: str, first: int, stop: int) -> Any:
        """Rows ``first`` to ``stop`` of a column as an Arrow array."""
        frame = self._frame.select([name])
        array = (frame.collect() if self._lazy else frame).get_column(name).to_arrow().slice(first, stop - first)
        return array.combine_chunks() if hasattr(array, "combine_chunks") else array

    def number(self, i: int) -> str:
        """Row i in words that follow "row"."""
        return str(i) if self.place is None else self.place.row(i).removeprefix("row ")

    def column(self, name: str) -> Column:
        """One column; errors name it where it is not there, of a type that has no place in a model, or not finite."""
        if name not in self._columns:
            self.read((name,))
        return self._columns[name]

    def exact(self, name: str) -> bool:
        """Whether a column is of numbers that float64 holds exactly; looked at once."""
        if name not in self._exact:
            column = self.column(name)
            self._exact[name] = column.kind == "number" and column.largest(column.values) <= EXACT
        return self._exact[name]

    def coded(self, name: str) -> Column | None:
        """A column of whole numbers of a short range by the codes of its values in order, counted once; else None."""
        if name not in self._coded:
            self._coded[name] = counted(self.column(name))
        return self._coded[name]


def as_table(frame: Any) -> Table:
    """``frame`` as a Table."""
    return frame if isinstance(frame, Table) else Table(frame)


def check_aligned(table: Table, values: Any, name: str) -> None:
    """Refuse a pandas series whose index is not that of the pandas frame that it goes with."""
    index = getattr(values, "index", None)
    if table.index is None or not hasattr(index, "equals") or index.equals(table.index):
        return
    if len(index) != len(table.index):
        raise InvalidParameterError(f"{name} has {len(index)} rows, the frame has {len(table.index)}")
    row = next(i for i, (a, b) in enumerate(zip(index, table.index, strict=True)) if a != b)
    raise InvalidParameterError(
        f"{name} and the frame are indexed differently: at row {row} {index[row]!r} and {table.index[row]!r}; "
        f"align them ({name}.reindex(frame.index)) or pass {name}.to_numpy() if the rows do correspond"
    )


def _narwhals(frame):
    """A frame as narwhals', whether it is lazy, and its pandas index."""
    try:
        import narwhals as nw
    except ImportError as error:
        raise ImportError(not_loaded("narwhals", "data frames need narwhals and pyarrow", error)) from None
    if isinstance(frame, Mapping):
        frame = _from_mapping(frame)
    if is_series(frame):
        frame = frame.to_frame()
    names = _raw_names(frame)
    repeated = [name for name, count in Counter(map(str, names)).items() if count > 1]
    if repeated:
        raise InvalidParameterError(f"the frame has several columns named {repeated[0]!r}; names must be unique")
    index = frame.index if hasattr(frame, "iloc") else None
    if index is not None and not all(isinstance(name, str) for name in names):
        frame = frame.set_axis([str(name) for name in names], axis=1)
    try:
        found = nw.from_native(frame, pass_through=True)
        if found is frame:
            found = nw.from_native(_arrow(frame))
    except TypeError:
        raise InvalidParameterError(
            f"the data must be a data frame or a mapping of names to columns, not {type(frame).__name__}"
        ) from None
    return found, isinstance(found, nw.LazyFrame), index


def _library(given, frame):
    """The library that a frame of narwhals' is of, where it answers with frames of that library."""
    name = "" if isinstance(given, Mapping) else frame.implementation.name.lower()
    return name if name in ("polars", "pyarrow") else "pandas"


def _arrow(frame):
    """A frame that narwhals does not know as an Arrow table, where it has a stream of Arrow's."""
    if not hasattr(frame, "__arrow_c_stream__"):
        return frame
    import pyarrow as pa

    return pa.table(frame)


def _raw_names(frame):
    """The names as the frame's own library gives them, repeated ones too."""
    names = getattr(frame, "column_names", None)
    if names is None:
        names = getattr(frame, "columns", ()) if not hasattr(frame, "collect_schema") else ()
    return list(names) if not callable(names) else []


def _from_mapping(columns):
    """Arrays by name as an Arrow table."""
    import pyarrow as pa

    arrays, rows = {}, None
    for name, values in columns.items():
        try:
            arrays[str(name)] = pa.array(
                values, from_pandas=getattr(getattr(values, "dtype", None), "kind", "O") == "O"
            )
        except (pa.ArrowException, ValueError, TypeError) as error:
            raise InvalidParameterError(f"column {str(name)!r} cannot be read: {_first_line(error)}") from None
        if rows is not None and len(arrays[str(name)]) != rows:
            raise InvalidParameterError(f"column {str(name)!r} has {len(arrays[str(name)])} rows, others {rows}")
        rows = len(arrays[str(name)])
    return pa.table(arrays)


def _first_line(error):
    return str(error).splitlines()[0] if str(error) else type(error).__name__


def column_of(name: Any, series: Any) -> Column:
    """A series of narwhals' as a checked column."""
    import narwhals as nw

    dtype = series.dtype
    if dtype == nw.Object:
        series = _from_objects(name, series)
        dtype = series.dtype
    if dtype.is_numeric():
        return _numbers(name, series)
    if dtype == nw.Boolean:
        missing = _nulls(series)
        values = series if missing is None else series.fill_null(False)
        return Column(name, "boolean", values.to_numpy().astype(bool, copy=False), missing=missing)
    if dtype in (nw.String, nw.Categorical, nw.Enum):
        return _factor(name, series)
    if dtype in (nw.Date, nw.Datetime, nw.Duration):
        if getattr(dtype, "time_zone", None) is not None:
            series = series.dt.replace_time_zone(None)  # as its clocks read
        values = series.to_numpy()
        missing = np.isnat(values)
        kind = "span" if dtype == nw.Duration else "date"
        return Column(name, kind, values, missing=missing if missing.any() else None)
    if len(series) and series.null_count() == len(series):  # Arrow's null, a type that nothing has told
        return Column(name, "number", np.full(len(series), np.nan), missing=np.ones(len(series), dtype=bool))
    stored = getattr(series.to_native(), "dtype", dtype)
    what = "complex numbers" if getattr(stored, "kind", "") == "c" else f"{stored} values"
    raise InvalidParameterError(
        f"column {name!r} holds {what}; numbers, booleans, text, categories or dates are needed"
    )


def _nulls(series):
    return series.is_null().to_numpy().astype(bool, copy=False) if series.null_count() else None


def _numbers(name, series):
    import narwhals as nw

    if series.dtype.is_decimal() or series.dtype in (nw.Int128, nw.UInt128):
        series = series.cast(nw.Float64)
    missing = None
    if series.dtype.is_integer():
        missing = _nulls(series)
        series = series if missing is None else series.fill_null(0)
    values = series.to_numpy()
    if values.dtype.kind not in "iuf":  # a nullable type that its library hands out as objects
        values = np.array([np.nan if v is None or v != v else v for v in series.to_list()], dtype=np.float64)
    if values.dtype.kind == "f":
        finite = np.isfinite(values)
        if not finite.all():
            missing = np.isnan(values)
            infinite = ~(finite | missing)
            if infinite.any():
                row = int(np.argmax(infinite))
                raise MissingDataError(f"column {name!r} is not finite: {values[row]} at row {row}")
    return Column(name, "number", values, missing=missing)


def _from_objects(name, series):
    """A column of Python objects as numbers, booleans or text, where they all are."""
    import narwhals as nw

    kinds: dict[str, int] = {}
    for row, v in enumerate(series.to_numpy()):
        if v is None or v != v or type(v).__name__ in ("NAType", "NaTType"):
            continue
        text = isinstance(v, str)
        number = isinstance(v, (int, float, np.integer, np.floating)) and not isinstance(v, bool)
        kind = "text" if text else "numbers" if number else "booleans" if isinstance(v, (bool, np.bool_)) else ""
        kinds.setdefault(kind or type(v).__name__, row)
        if not kind or len(kinds) > 1:
            both = " and ".join(f"{k} (row {r})" for k, r in kinds.items())
            raise InvalidParameterError(
                f"column {name!r} is of objects: {both}; convert it to one type of number, boolean or text"
            )
    into = {"text": nw.String, "booleans": nw.Boolean}.get(next(iter(kinds), ""), nw.Float64)
    import pyarrow as pa

    values = pa.array(series.to_numpy(), from_pandas=True)
    return nw.from_native(pa.chunked_array([values]), series_only=True).cast(into)


def _factor(name, series):
    """Text or categories as codes and levels.

    The levels of a categorical type keep its order (a pandas category, a polars or DuckDB enum, an Arrow dictionary),
    those of text are sorted; so are a polars ``Categorical``'s, whose order is that of first sight in the process.
    """
    import pyarrow as pa
    import pyarrow.compute as pc

    native = series.to_native()
    if hasattr(native, "cat") and hasattr(native.cat, "codes"):  # pandas: its categories may be anything
        codes, levels = native.cat.codes.to_numpy(), [str(v) for v in native.cat.categories.tolist()]
        return coded(name, codes, levels, ordered=True)
    array = series.to_arrow()
    text = not pa.types.is_dictionary(array.type)
    if isinstance(array, pa.ChunkedArray):
        array = (array if text else array.unify_dictionaries()).combine_chunks()
        array = pa.concat_arrays(array.chunks) if isinstance(array, pa.ChunkedArray) else array
    array = pc.dictionary_encode(array, null_encoding="encode") if text else array
    codes = array.indices if not array.indices.null_count else array.indices.cast(pa.int64()).fill_null(-1)
    kept = not text and not _by_sight(series)
    return coded(name, codes.to_numpy(), array.dictionary.to_pylist(), ordered=kept)


def _by_sight(series) -> bool:
    """Whether a series has categories in the order of first sight in the process, as a polars ``Categorical`` has."""
    import narwhals as nw

    return series.implementation.is_polars() and series.dtype == nw.Categorical


def coded(name: Any, codes: Any, levels: Any, ordered: Any) -> Column:
    """A column of the codes of levels, sorted unless their order means something; a level of None is missing."""
    shown = [v for v in levels if v is not None]
    shown = [str(v) for v in (shown if ordered else sorted(shown))]
    place = {v: i for i, v in enumerate(shown)}
    if len(place) < len(shown):
        raise InvalidParameterError(
            f"column {name!r} has several levels that read {Counter(shown).most_common(1)[0][0]!r}"
        )
    # the last entry is that of the code -1
    table = np.array([*(-1 if v is None else place[str(v)] for v in levels), -1], dtype=np.int32)
    codes = codes.astype(np.int32) if (table[:-1] == np.arange(len(levels))).all() else table[codes]
    missing = codes < 0 if len(codes) and codes.min() < 0 else None
    return Column(name, "factor", codes, tuple(shown), missing)
