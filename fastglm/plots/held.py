"""Rows of a fit of which one or two columns vary, while the others are held at a typical value."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace
from typing import Any

import numpy as np

from ..errors import InvalidParameterError
from ..rows.matching import check_offset
from ..rows.response import encoded_response

CHUNK = 1 << 20  # numbers of rows made at a time
# what a column means that is read as it is, or by its logarithm, where a unit of exposure is shown
UNITS = {"offset": {(): 0.0, ("log",): 1.0}, "exposure": {(): 1.0}}


def held_rows(result: Any, X: Any, y: Any, vectors: Any, what: str, columns: Any = ()) -> Any:
    """The rows as ``HeldColumns`` or ``HeldVariables``.

    Parameters
    ----------
    result : a fitted result
    X, y : as callers give them; a frame of a model with a design varies by its own columns
    vectors : mapping of the offset, exposure and weights of the rows
    what : str
        The picture, for messages.
    columns : names of columns that will be asked for
        Names of the model's own columns, such as "I(x ** 2)", that are no columns of the frame, vary by themselves.
    """
    supplied = result.schema.open(X, y, vectors, in_memory=what, respond=y is not None or _has_response(result))
    design = result.schema.design
    if supplied.frame is None or design is None or any(_only_of_model(c, result) for c in columns):
        return HeldColumns(result, supplied.whole())
    kept = result.schema.open(X, y, vectors, keep=design.columns, respond=supplied.respond)
    return HeldVariables(result, kept.whole())


def _has_response(result):
    design = result.schema.design
    return design is not None and bool(design.formula.response)


def _only_of_model(column, result):
    return column in result.schema.columns and column not in result.schema.design.columns


def place(names: Any, column: Any) -> int:
    """The number of a column that is given by name or number.

    Raises
    ------
    InvalidParameterError
    """
    if isinstance(column, str) and column in names:
        return names.index(column)
    if isinstance(column, (int, np.integer)) and -len(names) <= column < len(names):
        return int(column) % len(names)
    raise InvalidParameterError(f"column={column!r} is not among the columns {', '.join(map(str, names[:20]))}")


def parameters_of(result: Any) -> np.ndarray:
    """The coefficients of a result, or all parameters of a network."""
    return getattr(result, _field(result))


def with_parameters(result: Any, values: Any) -> Any:
    """The result with other coefficients or parameters."""
    return replace(result, **{_field(result): values})


def is_network(result: Any) -> bool:
    """Whether the result is that of a network."""
    return _field(result) == "theta"


def _field(result):
    return "theta" if hasattr(result, "theta") else "params"


def response_numbers(result: Any, y: Any, weights: Any = None) -> Any:
    """The response of rows as numbers, the number of its class of a softmax, and their weights or None."""
    y = np.asarray(y)
    weights = None if weights is None else np.asarray(weights, float)
    if result.family.response_model == "softmax":
        code = {label: i for i, label in enumerate(result.classes)}
        return np.array([code[label] for label in y.tolist()]), weights
    if y.ndim == 2 and not (y.shape[1] == 2 and result.family.domain.high == 1.0):
        return np.asarray(y, float), weights
    return encoded_response(y, len(y), result.family, weights, known=result.classes)[:2]


class HeldColumns:
    """Rows of numbers, whose columns are held at their means.

    Attributes
    ----------
    names : list of str, the columns that can vary
    rows : the piece of all rows, whose X are the columns of the model
    """

    held_at = "at their means"

    def __init__(self, result: Any, rows: Any) -> None:
        self.result, self.rows = result, rows
        self.X = rows.X if hasattr(rows.X, "tocsr") else _dense(rows.X)
        self.names = list(self._varying())
        width = self.X.shape[1] if self.result.family.response_model == "softmax" else 1
        self.chunk = max(1, CHUNK // (self.X.shape[1] * max(width, 1)))

    def _varying(self):
        return self.result.schema.columns

    def levels(self, j: Any) -> Any:
        """The levels of a factor, None of numbers."""
        return None

    def values(self, j: Any) -> np.ndarray:
        """A column of the rows, (n,)."""
        x = self.X[:, [j]].toarray()[:, 0] if hasattr(self.X, "toarray") else self.X[:, j]
        return np.asarray(x, float)

    def at(self, given: Any) -> Any:
        """Rows for ``predict``, from the values of columns by their numbers."""
        count = len(next(iter(given.values())))
        rows = np.tile(np.asarray(self.X.mean(axis=0), float).reshape(1, -1), (count, 1))
        for j, values in given.items():
            rows[:, j] = values
        return rows

    def companion(self) -> dict[Any, Any]:
        """The offset of a prediction: that of a unit of exposure, or the mean offset."""
        result, rows = self.result, self.rows
        if result.exposure_kind is None:
            return {}
        if result.link.is_log:
            return {"offset": 0.0}
        return {"offset": float(np.mean(check_offset(result, rows.offset, rows.exposure, np.size(rows.offset))))}

    def predict(self, given: Any, result: Any = None, **options: Any) -> Any:
        """Predictions of a result, that of the fit by default, at values of columns by their numbers."""
        return (result or self.result).predict(self.at(given), **self.companion(), **options)

    def moved(self, j: Any) -> Any:
        """The observations as they would be with the other columns held (n, m), and what a row then weighs (n,)."""
        result, rows, x = self.result, self.rows, self.values(j)
        given = {"offset": rows.offset, "exposure": rows.exposure}
        shift = {name: value for name, value in given.items() if value is not None}
        n = self.X.shape[0]
        mu = result.predict(self.X, **shift).reshape(n, -1)
        if is_network(result):
            seen = response_numbers(result, rows.y)[0]
            residual = (seen.reshape(n, -1) if result.network.pair else np.eye(mu.shape[1])[seen]) - mu
        else:
            residual = result.residuals(self.X, rows.y, kind="response", **shift).reshape(n, -1)
        parts = [self.predict({j: x[i : i + self.chunk]}).reshape(-1, mu.shape[1]) for i in range(0, n, self.chunk)]
        base, share = np.concatenate(parts), np.ones(n) if rows.weights is None else rows.weights * np.ones(n)
        if np.ndim(rows.y) == 2 and mu.shape[1] == 1:
            share = share * np.asarray(rows.y, float).sum(axis=1)
        if not result.link.is_log:
            return base + residual, share
        return base * (mu + residual) / mu, share * (mu / base)[:, 0]


class HeldVariables(HeldColumns):
    """Rows of a frame that a design reads: the model's columns that do not read what varies are held at their means, as
    those of arrays (Fox 2003, "Effect displays in R for generalised linear models", Journal of Statistical Software 8);
    in interactions with it numbers are at their means and factors at their most frequent level.
    """

    def __init__(self, result: Any, rows: Any) -> None:
        self.design = result.schema.design
        super().__init__(result, rows)
        self.typical = {name: self._typical(name) for name in self.design.columns}

    def _varying(self):
        read = {c for variable in self.design.variables.values() for c in variable.expression.columns}
        return [name for name in self.design.columns if name in read]

    def _is_factor(self, name):
        return self.design.kinds[name] == "factor"

    def _typical(self, name):
        column = self.rows.others[name]
        if self._is_factor(name):
            return Counter(column.to_pylist()).most_common(1)[0][0]
        unit = self._unit(name) if self.result.link.is_log else None
        return float(np.mean(np.asarray(column, float))) if unit is None else unit

    def _unit(self, name):
        formula = self.design.formula
        expressions = [("offset", e) for e in formula.offset] + [("exposure", formula.exposure)]
        for role, expression in expressions:
            if expression is not None and expression.columns == (name,):
                return UNITS[role].get(expression.functions)
        return None

    def levels(self, j: Any) -> Any:
        name = self.names[j]
        if not self._is_factor(name):
            return None
        seen = set(self.rows.others[name].to_pylist())
        factors = [v for v in self.design.variables.values() if v.expression.columns == (name,)]
        known = next((v.levels for v in factors if hasattr(v, "levels")), sorted(seen))
        return [level for level in known if level in seen]

    def values(self, j: Any) -> Any:
        column = self.rows.others[self.names[j]]
        if self.levels(j) is None:
            return np.asarray(column, float)
        values = np.empty(len(column), object)
        values[:] = column.to_pylist()
        return values

    def at(self, given: Any) -> Any:
        count = len(next(iter(given.values())))
        rows = {name: [value] * count for name, value in self.typical.items()}
        rows |= {self.names[j]: list(values) for j, values in given.items()}
        X = _dense(self.result.schema.open(rows, None, {}, in_memory="a plot", respond=False).whole().X)
        apart = self._apart({self.names[j] for j in given})
        X[:, apart] = np.asarray(self.X.mean(axis=0), float).reshape(-1)[apart]
        return X

    def _apart(self, varying) -> np.ndarray:
        """The numbers of the model's columns that read none of some columns of the frame."""
        found, first = [], int(self.result.intercept)
        for term in filter(None, self.design.formula.terms):
            reads = {c for name in term for c in self.design.variables[name].expression.columns}
            if not reads & varying:
                found.append(np.arange(len(self.result.names))[self.design.term_slices[":".join(term)]] - first)
        return np.concatenate(found) if found else np.zeros(0, int)


def _dense(X):
    return np.asarray(X.toarray() if hasattr(X, "toarray") else X, dtype=np.float64)
