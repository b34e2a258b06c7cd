"""The same rows in every storage that the library reads, and how each of them is handed to a fit and to a result.

A storage is a line of ``STORAGES`` and a kind of model a line of ``CASES``: the tests run every pair of them.
"""

from __future__ import annotations

import importlib.util
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pandas as pd
import pytest
from scipy.sparse import csr_matrix

import fastglm
from fastglm.files import Fragment, Rows
from fastglm.matrix import Categorical, Dense, Split

N, N_NEW, FIRST = 1500, 240, 1100  # rows of the fit, new rows, rows of the first batch of a stream
LEVELS = ("a", "b", "c", "d")
FEATURES = ["x1", "x2", "g"]
NAMES = ["x1", "x2", *(f"g[T.{level}]" for level in LEVELS[1:])]
FORMULA = "~ x1 + x2 + g"


class Case(NamedTuple):
    """A model: its family, the column of its response, and its vectors, the columns by their arguments."""

    family: str
    y: str
    vectors: dict[str, str] = {}


CASES = {
    "gaussian": Case("gaussian", "gain", {"weights": "w"}),
    "binomial": Case("binomial", "label"),
    "poisson": Case("poisson", "count", {"exposure": "e"}),
    "multinomial": Case("multinomial", "colour"),
}


def rows(n: int = N, seed: int = 0) -> pd.DataFrame:
    """Rows whose numbers are exact in single precision and in the text of a CSV file."""
    rng = np.random.default_rng(seed)
    x = rng.normal(size=(n, 2)).astype(np.float32).astype(np.float64)
    codes = rng.integers(len(LEVELS), size=n)
    eta = 0.4 * x[:, 0] - 0.3 * x[:, 1] + np.array([0.0, 0.3, -0.2, 0.5])[codes]
    e = rng.uniform(0.5, 2.0, n)
    colour = np.argmax(np.column_stack([np.zeros(n), eta, -0.5 * eta]) + rng.gumbel(size=(n, 3)), axis=1)
    return pd.DataFrame(
        {
            "x1": x[:, 0],
            "x2": x[:, 1],
            "g": np.array(LEVELS)[codes],
            "w": rng.uniform(0.5, 2.0, n),
            "e": e,
            "c": rng.integers(40, size=n),
            "gain": eta + rng.normal(size=n),
            "label": np.where(rng.random(n) < 1.0 / (1.0 + np.exp(-eta)), "yes", "no"),
            "count": rng.poisson(e * np.exp(eta)),
            "colour": np.array(["blue", "green", "red"])[colour],
        }
    )


def numbers(frame: pd.DataFrame) -> np.ndarray:
    """The columns of the model as an array: the factor by the indicators of its levels but the first."""
    g = frame["g"].to_numpy()
    return np.column_stack([frame["x1"], frame["x2"], *(g == level for level in LEVELS[1:])]).astype(np.float64)


def column(frame: pd.DataFrame, name: str) -> np.ndarray:
    """A column as an array of numbers or of text."""
    return np.asarray(frame[name].tolist())


def split(frame: pd.DataFrame) -> Split:
    codes = np.array([LEVELS.index(level) - 1 for level in frame["g"]])
    return Split([Dense(frame[["x1", "x2"]].to_numpy()), Categorical(codes, len(LEVELS) - 1)])


def to_polars(frame):
    import polars

    return polars.DataFrame({name: frame[name].tolist() for name in frame.columns})


def to_arrow(frame):
    import pyarrow

    return pyarrow.table({name: frame[name].tolist() for name in frame.columns})


def to_parquet(frame, folder):
    path = folder / f"{'-'.join(frame.columns)}-{len(frame)}.parquet"
    if not path.exists():
        frame.to_parquet(path, row_group_size=max(400, len(frame) // 3))
    return path


def to_csv(frame, folder):
    path = folder / f"{'-'.join(frame.columns)}-{len(frame)}.csv"
    if not path.exists():
        frame.to_csv(path, index=False)
    return path


def parts(frame):
    third = -(-len(frame) // 3)
    return [frame.iloc[a : a + third].reset_index(drop=True) for a in range(0, len(frame), third)]


def to_dask(frame):
    import dask.dataframe

    return dask.dataframe.from_pandas(frame, npartitions=2)


def to_dask_array(values):
    import dask.array

    half = -(-len(values) // 2)
    chunks = (half,) if values.ndim == 1 else (half, values.shape[1])
    return dask.array.from_array(values, chunks=chunks)


class Records(NamedTuple):
    """A storage from outside: plain Python, a list of records."""

    records: list


class Ledgers(NamedTuple):
    """A storage from outside that is read piece by piece: lists of records, each of which could be a request."""

    parts: list


class LedgerRows(Rows):
    """What a fit reads of them: a schema, fragments, and the tables of each."""

    def __init__(self, ledgers):
        self.parts = ledgers.parts
        fragments = [Fragment("ledgers", i, len(part), f"ledger {i}") for i, part in enumerate(self.parts)]
        super().__init__(table_of(self.parts[0]).schema, fragments)

    def tables(self, i, columns, rows, skip):
        for first in range(skip, len(self.parts[i]), rows):
            yield table_of(self.parts[i][first : first + rows]).select(columns)


def table_of(records):
    import pyarrow

    return pyarrow.Table.from_pylist(records)


def columns_of(records):
    return {name: np.array([record[name] for record in records]) for name in records[0]}


def of_user(data):
    """Registered for the time of the tests that use these storages."""
    return isinstance(data, (Records, Ledgers))


def read_of_user(data):
    return columns_of(data.records) if isinstance(data, Records) else LedgerRows(data)


class Storage(NamedTuple):
    """One way to hold rows.

    holds : "numbers" (X alone, without names), "frame" (X in memory, with names) or "columns" (response and vectors are
        columns of the data too, given by name)
    open : (frame, folder) -> what is handed over; called anew for every use
    vector : what y and the other vectors are beside X
    tidy : the library of the frames that results hand back
    """

    holds: str
    open: Callable[[Any, Path], Any]
    modules: tuple[str, ...] = ()
    options: dict[str, Any] = {}
    vector: Callable[[np.ndarray], Any] = np.asarray
    tidy: str = "pandas"
    in_memory: bool = True

    @property
    def doors(self) -> tuple[str, ...]:
        return ("fit",) if self.holds == "numbers" else ("fit", "glm")


def array(change):
    return lambda frame, folder: change(numbers(frame))


def frame_of(change):
    return lambda frame, folder: change(frame)


# what is read by Arrow answers with its tables
FILES = {"tidy": "pyarrow", "in_memory": False}

STORAGES = {
    "C array": Storage("numbers", array(np.ascontiguousarray)),
    "F array": Storage("numbers", array(np.asfortranarray)),
    "float32 array": Storage("numbers", array(np.float32)),
    "csr": Storage("numbers", array(csr_matrix)),
    "Split": Storage("numbers", frame_of(split)),
    "dask.array": Storage("numbers", array(to_dask_array), ("dask.array",), {}, to_dask_array, in_memory=False),
    "pandas": Storage("frame", frame_of(lambda frame: frame)),
    "pandas category": Storage("frame", frame_of(lambda frame: frame.astype({"g": "category"}))),
    "polars": Storage("frame", frame_of(to_polars), ("polars",), tidy="polars"),
    "pyarrow": Storage("frame", frame_of(to_arrow), ("pyarrow",), tidy="pyarrow"),
    "Parquet": Storage("columns", to_parquet, ("pyarrow",), **FILES),
    "Parquet, memory=0": Storage("columns", to_parquet, ("pyarrow",), {"memory": 0}, **FILES),
    "CSV": Storage("columns", to_csv, ("pyarrow",), **FILES),
    "iterator": Storage("columns", frame_of(lambda frame: iter(parts(frame))), ("pyarrow",), **FILES),
    "function": Storage("columns", frame_of(lambda frame: lambda: iter(parts(frame))), ("pyarrow",), **FILES),
    "records": Storage("frame", frame_of(lambda frame: Records(frame.to_dict("records")))),
    "ledgers": Storage(
        "columns",
        frame_of(lambda frame: Ledgers([part.to_dict("records") for part in parts(frame)])),
        ("pyarrow",),
        **FILES,
    ),
    "dask.dataframe": Storage("columns", frame_of(to_dask), ("dask.dataframe",), **FILES),
}
PAIRS = [(name, door) for name, storage in STORAGES.items() for door in storage.doors]
REFERENCE = ("C array", "fit")


def needs(storage: Storage) -> None:
    """Skip the test where a library is not installed."""
    for module in storage.modules:
        if importlib.util.find_spec(module.split(".")[0]) is None:
            pytest.skip(f"{module} is not installed")


class Held(NamedTuple):
    """Rows of a case in a storage, and how the functions of the library are called with them through a door."""

    storage: Storage
    door: str
    case: Case
    frame: pd.DataFrame
    folder: Path

    @property
    def with_names(self) -> bool:
        """Whether response and vectors are columns that are given by their names."""
        return self.door == "glm" or self.storage.holds == "columns"

    def data(self, *more: str) -> Any:
        """What is handed over: with ``more`` columns where these have names."""
        if self.storage.holds == "numbers":
            return self.storage.open(self.frame, self.folder)
        columns = [*FEATURES]
        if self.with_names:
            columns += [self.case.y, *self.case.vectors.values(), *more]
        return self.storage.open(self.frame[columns], self.folder)

    def vector(self, name: str) -> Any:
        """A column by its name, or its values, as the door takes it."""
        return name if self.with_names else self.storage.vector(column(self.frame, name))

    @property
    def y(self) -> Any:
        return self.vector(self.case.y)

    @property
    def vectors(self) -> dict[str, Any]:
        return {role: self.vector(name) for role, name in self.case.vectors.items()}

    def of(self, **changed) -> Held:
        return self._replace(**changed)

    def batch(self, first: int, end: int) -> Held:
        """Some of the rows."""
        return self.of(frame=self.frame.iloc[first:end].reset_index(drop=True))

    def fit(self, cluster: str | None = None, **options) -> Any:
        """The fit through the door; with ``cluster`` its covariance is that of clusters."""
        more = () if cluster is None else (cluster,)
        if cluster is not None:
            options["cov"] = {"cluster": self.vector(cluster)}
        options = {"family": self.case.family, **self.vectors, **self.storage.options, **options}
        if self.door == "glm":
            return fastglm.glm(f"{self.case.y} {FORMULA}", self.data(*more), **options)
        if self.storage.holds == "numbers":
            options["names"] = NAMES
        return fastglm.fit(self.data(*more), self.y, **options)

    def rows(self, *more: str, leave: tuple[str, ...] = ()) -> tuple[tuple, dict[str, Any]]:
        """Positions and keywords of ``residuals``, ``influence`` and ``with_cov``; without the vectors to ``leave``."""
        if self.with_names:
            return (), {"data": self.data(*more)}
        return (self.data(), self.y), {role: v for role, v in self.vectors.items() if role not in leave}

    def scored(self) -> tuple[tuple, dict[str, Any]]:
        """Those of ``score`` and ``calibration``."""
        return ((self.data(),), {}) if self.with_names else ((self.data(), self.y), self.vectors)

    def shifts(self) -> dict[str, Any]:
        """Keywords of ``predict``: those that shift the linear predictor, where they are not found by name."""
        return {} if self.with_names else {role: v for role, v in self.vectors.items() if role != "weights"}
