"""What a model of statsmodels is given, as checked arrays with the names and row labels that its answers carry."""

from __future__ import annotations

from typing import Any

import numpy as np

from ..errors import InvalidParameterError, MissingDataError
from ..rows.arrays import matrix
from ..rows.numbers import numeric, vector
from ..source.in_memory import constant_column
from .refusals import refuse

MISSING = ("none", "drop", "raise")


def is_pandas(value: Any) -> bool:
    """Whether a value is a pandas Series or DataFrame, without importing pandas."""
    return type(value).__module__.split(".")[0] == "pandas" and hasattr(value, "iloc")


class Data:
    """The arrays of a model: response (n,) or (n, 2), design with its constant, which is not copied, and offset,
    exposure and weights.

    ``missing`` says what becomes of rows with a NaN in any array: "none", "drop" or "raise". Errors are for arrays that
    are not numeric or do not fit together.
    """

    endog: Any
    exog: Any
    row_labels: Any
    endog_names: Any
    exog_names: Any
    extra_names: dict[str, Any]
    extras: dict[str, Any]

    def __init__(self, endog: Any, exog: Any, missing: Any = "none", **extras: Any) -> None:
        if missing not in MISSING:
            raise InvalidParameterError(f"missing={missing!r} is unknown; known: {', '.join(map(repr, MISSING))}")
        if exog is None:
            raise InvalidParameterError("exog is None: give the design, such as a column of ones")
        self.orig_endog, self.orig_exog = endog, exog
        self.pandas = is_pandas(endog) or is_pandas(exog)
        self.row_labels = _row_labels(endog, exog)
        self.endog_names, self.exog_names = _endog_name(endog), None
        self.extra_names = {name: _name_of(value, name) for name, value in extras.items()}
        labels = list(exog.columns) if hasattr(exog, "columns") else [exog.name] if is_pandas(exog) else None
        self.exog = _design(exog)
        n = len(self.exog)
        self.endog = _response(endog, n)
        self.extras = {name: vector(_plain(value), name, n) for name, value in extras.items()}
        if missing != "none":
            self._omit(missing)
        self.exog_names = labels if labels is not None else default_names(self.exog)

    def _omit(self, missing):
        """Leave out, or refuse, the rows in which anything is NaN."""
        arrays = {"endog": self.endog, "exog": self.exog, **{k: v for k, v in self.extras.items() if v is not None}}
        keep = np.ones(len(self.exog), bool)
        for name, values in arrays.items():
            bad = np.isnan(values).any(axis=1) if values.ndim == 2 else np.isnan(values)
            if missing == "raise" and bad.any():
                raise MissingDataError(f"{name} has a missing value in row {int(np.argmax(bad))}")
            keep &= ~bad
        if keep.all():
            return
        self.endog, self.exog = self.endog[keep], self.exog[keep]
        self.extras = {name: None if v is None else v[keep] for name, v in self.extras.items()}
        self.row_labels = None if self.row_labels is None else self.row_labels[keep]

    def columns(self, values: Any) -> Any:
        """One value for each coefficient, as a Series where the model was given pandas objects."""
        return self._series(values, self.exog_names) if self.pandas else values

    def square(self, values: Any) -> Any:
        """A matrix over the coefficients, as a DataFrame where the model was given pandas objects."""
        return self._frame(values, self.exog_names, self.exog_names) if self.pandas else values

    def limits(self, values: Any) -> Any:
        """Lower and upper limits of each coefficient, (p, 2)."""
        return self._frame(values, self.exog_names, None) if self.pandas else values

    def rows(self, values: Any) -> Any:
        """One value for each row, or for each of the last rows."""
        if not self.pandas:
            return values
        labels = self.row_labels[len(self.row_labels) - len(values) :]
        return self._series(values, labels) if values.ndim == 1 else self._frame(values, labels, None)

    @staticmethod
    def _series(values, index):
        from pandas import Series

        return Series(values, index=index)

    @staticmethod
    def _frame(values, index, columns):
        from pandas import DataFrame

        return DataFrame(values, index=index, columns=columns)


def default_names(X: Any) -> Any:
    """x1, x2, ... with "const" in the place of a constant column."""
    constant = constant_column(X)
    p = X.shape[1] - (constant is not None)
    names = [f"x{j + 1}" for j in range(p)]
    if constant is not None:
        names.insert(constant, "const")
    return names


def add_constant(data: Any, prepend: bool = True, has_constant: str = "skip") -> Any:
    """A design with a column of ones.

    Parameters
    ----------
    data : (n, p) or (n,) array_like, Series or DataFrame
    prepend : bool
        Whether the ones come first.
    has_constant : "skip", "add" or "raise"
        What to do where a column is constant and not zero already.

    Returns
    -------
    (n, p + 1) array, or a DataFrame whose new column is "const"
    """
    if has_constant not in ("skip", "add", "raise"):
        raise InvalidParameterError(f"has_constant={has_constant!r} is unknown; known: 'skip', 'add', 'raise'")
    values = np.asarray(data)
    values = values[:, None] if values.ndim == 1 else values
    if values.ndim != 2:
        raise InvalidParameterError(f"data must have one or two dimensions, not {values.ndim}")
    found = None if values.dtype.kind not in "fiub" else constant_column(values)
    if found is not None and has_constant == "raise":
        raise InvalidParameterError(f"column {found} of data is constant already")
    frame = is_pandas(data)
    if found is not None and has_constant == "skip":
        return (data.to_frame() if data.ndim == 1 else data.copy()) if frame else values
    if not frame:
        parts = [np.ones(len(values)), values]
        return np.column_stack(parts if prepend else parts[::-1])
    out = data.to_frame() if data.ndim == 1 else data.copy()
    out.insert(0 if prepend else out.shape[1], "const", 1.0)
    return out


def _row_labels(endog, exog):
    labels = [value.index for value in (exog, endog) if is_pandas(value)]
    if len(labels) == 2 and not labels[0].equals(labels[1]):
        raise InvalidParameterError("endog and exog have different indices; align them first")
    return labels[0] if labels else None


def _endog_name(endog):
    if hasattr(endog, "columns"):
        return endog.columns[0] if len(endog.columns) == 1 else list(endog.columns)
    return _name_of(endog, "y")


def _name_of(value, default):
    """The name of a Series, or a default for other arrays; None for None."""
    if value is None:
        return None
    name = getattr(value, "name", None) if is_pandas(value) else None
    return default if name is None else name


def _plain(value):
    return value.to_numpy() if is_pandas(value) else value


def _design(exog):
    if is_pandas(exog) and exog.ndim == 1:
        exog = exog.to_frame()
    if hasattr(exog, "tocsr"):
        raise refuse("a sparse exog", "fastglm.fit reads one with solver='sgd'")
    if not hasattr(exog, "columns"):
        exog = numeric(exog, "exog")
        exog = exog[:, None] if exog.ndim == 1 else exog
    return matrix(exog, None)[0]


def _response(endog, n):
    y = numeric(_plain(endog), "endog")
    y = y[:, 0] if y.ndim == 2 and y.shape[1] == 1 else y
    if y.ndim not in (1, 2) or len(y) != n:
        raise InvalidParameterError(f"endog has shape {y.shape}, exog has {n} rows: the lengths must match")
    return y
