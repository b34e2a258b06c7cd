"""From what the caller passes to checked arrays: shapes, types, names, labels. Nothing of the caller's is changed."""

from __future__ import annotations

import difflib

import numpy as np

from .. import families, links
from ..design.recipe import Built
from ..errors import InvalidParameterError, MissingDataError
from ..family.multinomial import Multinomial, Softmax
from ..matrix import Categorical, Dense, Sparse, Split
from ..source.base import Block
from . import labels

INTERCEPT = "(Intercept)"
ONE_PREDICTOR = "offset and exposure shift one linear predictor; family='multinomial' has several"


def numeric(a, name: str, column: str | None = None) -> np.ndarray:
    """``a`` as an array of a type the kernels read, without a copy where it already is one.

    Raises
    ------
    InvalidParameterError
        For text, objects that are not numbers, dates, complex numbers, masked cells or sparse matrices.
    """
    where = f"{name} column {column!r}" if column is not None else name
    if type(a) is np.ndarray and a.dtype.kind in "fiub" and a.dtype.itemsize <= 8 and a.dtype.isnative:
        # half precision is a storage format, not a type to compute in
        return a.astype(np.float32) if a.dtype == np.float16 else a
    if hasattr(a, "tocsr"):
        raise InvalidParameterError(f"{name} is a sparse matrix; pass a dense array")
    if isinstance(a, np.ma.MaskedArray):
        if np.ma.is_masked(a):
            i = tuple(int(v[0]) for v in np.nonzero(np.ma.getmaskarray(a)))
            raise MissingDataError(f"{where} has masked (missing) cells, the first at {i}; fill or drop them")
        a = a.data
    try:
        a = np.asarray(a)
    except ValueError as error:
        raise InvalidParameterError(f"{where} is not a rectangular array of numbers: {error}") from None
    if a.dtype.kind == "O":
        a = _from_objects(a, where)
    if a.dtype.kind not in "fiub":
        kind = {"c": "complex", "M": "dates", "m": "time spans", "U": "strings", "S": "bytes", "V": "records"}
        raise InvalidParameterError(
            f"{where} has dtype {a.dtype} ({kind.get(a.dtype.kind, 'not numeric')}); numeric values are needed"
        )
    if a.dtype == np.float16:
        return a.astype(np.float32)
    return a if a.dtype.isnative and a.dtype.itemsize <= 8 else a.astype(np.float64)


def _from_objects(a, where):
    """An object array of numbers as float64."""
    for i, v in np.ndenumerate(a):
        if v is None or type(v).__name__ in ("NAType", "NaTType"):
            raise MissingDataError(f"{where} has a missing value (NA) at {i}; fill or drop it")
        if isinstance(v, (str, bytes)) or not isinstance(v, (int, float, np.number, np.bool_)):
            raise InvalidParameterError(
                f"{where} has dtype object and a {type(v).__name__} at {i}; numeric values are needed"
            )
    return a.astype(np.float64)


def columns(X, names, intercept: bool):
    """X as an array of its columns of numbers (n, p), its terms, their coding and all names.

    Raises
    ------
    InvalidParameterError, MissingDataError
    """
    if isinstance(X, Built):
        return X.X, X.terms, X.coding, X.names
    if hasattr(X, "tocsr"):
        X = Sparse(X)
    if not isinstance(X, (Categorical, Dense, Sparse, Split)):
        X, names = matrix(X, names)
        return X, (), None, names
    if X.shape[0] == 0:
        raise InvalidParameterError(f"X is empty: no observations, shape {X.shape}")
    names = _named(names, X.shape[1])
    parts = X if isinstance(X, Split) else Split((X,))
    dense = [numeric(part.X, "X") for part in parts.parts if isinstance(part, Dense)]
    numbers = dense[0] if len(dense) == 1 else np.column_stack([np.zeros((X.shape[0], 0)), *dense])
    return numbers, parts.terms, parts.contrast_map(intercept), names


def matrix(X, names):
    """X as (n, p) and its column names.

    Raises
    ------
    InvalidParameterError, MissingDataError
    """
    if hasattr(X, "columns") and hasattr(X, "dtypes"):
        columns = [str(c) for c in X.columns]
        names = columns if names is None else names
        X = _frame(X, columns)
    X = numeric(X, "X")
    if X.ndim != 2:
        hint = "; for one column pass X.reshape(-1, 1)" if X.ndim == 1 else ""
        raise InvalidParameterError(f"X must be a 2-d array of shape (n, p), not {X.ndim}-d of shape {X.shape}{hint}")
    n, p = X.shape
    if n == 0:
        raise InvalidParameterError(f"X is empty: no observations, shape {X.shape}")
    return X, _named(names, p)


def _named(names, p):
    """Names of p columns as text, x1, x2, ... where there are none."""
    if names is None:
        return tuple(f"x{j + 1}" for j in range(p))
    names = tuple(str(v) for v in names)
    if len(names) != p:
        raise InvalidParameterError(f"names has length {len(names)}, X has {p} columns")
    return names


def _frame(X, columns):
    """A data frame's columns as one array; a column that is not numeric is named."""
    if not hasattr(X, "iloc"):  # frames other than pandas', column by column
        return np.column_stack([numeric(np.asarray(X[column]), "X", column) for column in columns])
    kinds = [getattr(t, "kind", "O") for t in X.dtypes]
    for j, (column, kind) in enumerate(zip(columns, kinds, strict=True)):
        if kind not in "fiub" or not isinstance(X.dtypes.iloc[j], np.dtype):
            if str(X.dtypes.iloc[j]) == "category":
                raise InvalidParameterError(
                    f"X column {column!r} is categorical; numeric columns are needed (encode it first)"
                )
            numeric(np.asarray(X.iloc[:, j], dtype=object), "X", column)
    return X.to_numpy(dtype=None if len(set(kinds)) == 1 and kinds[0] in "fiub" else np.float64)


def vector(v, name: str, n: int) -> np.ndarray | None:
    """A vector of n numbers, a scalar repeated, or None."""
    if v is None:
        return None
    v = numeric(v, name)
    if v.ndim == 0:
        v = np.broadcast_to(v, (n,))
    if v.ndim == 2 and v.shape[1] == 1:
        v = v[:, 0]
    if v.ndim != 1:
        raise InvalidParameterError(f"{name} must be a 1-d array, not of shape {v.shape}")
    if len(v) != n:
        raise InvalidParameterError(f"{name} has length {len(v)}, X has {n} rows: the lengths must match")
    return v


def response(y, n: int, family, weights):
    """y as n numbers with the weights and labels it implies: (y, weights, classes).

    Two labels become zero and one in sorted order, successes and failures a proportion with the trials as weights.
    """
    binomial = family.domain.high == 1.0
    if hasattr(y, "tocsr"):
        raise InvalidParameterError("y is a sparse matrix; pass a dense vector")
    labels = np.asarray(y)
    if binomial and labels.dtype.kind in "OUSb" and labels.ndim <= 2:
        y, classes = two_labels(labels)
        return _column(y, n), weights, classes
    y = numeric(y, "y")
    if y.ndim == 2 and y.shape[1] == 2 and binomial:
        return (*counts(y, n, weights), None)
    return _column(y, n), weights, None


def _column(y, n):
    if y.ndim == 2 and y.shape[1] == 1:
        y = y[:, 0]
    if y.ndim != 1:
        raise InvalidParameterError(
            f"y must be a 1-d array (or two columns, successes and failures, for binomial), not {y.shape}"
        )
    if len(y) != n:
        raise InvalidParameterError(f"y has length {len(y)}, X has {n} rows: the lengths must match")
    return y


def two_labels(y):
    """Labels of which there are two, or booleans, as zeros and ones, and the two in sorted order."""
    if y.dtype.kind == "b":
        return y, (False, True)
    flat = y.ravel()
    for i, v in enumerate(flat):
        if v is None or v != v or type(v).__name__ == "NAType":
            raise MissingDataError(f"y has a missing value (NaN or None) at row {i}; remove the row")
    if y.dtype.kind == "O" and all(isinstance(v, (int, float, np.number)) for v in flat):
        return y.astype(np.float64), None
    try:
        classes, codes = np.unique(y, return_inverse=True)
    except TypeError:
        raise InvalidParameterError("y mixes labels of types that cannot be ordered; use one type") from None
    if len(classes) != 2:
        shown = ", ".join(map(repr, classes[:5].tolist()))
        raise InvalidParameterError(
            f"y has {len(classes)} distinct labels ({shown}); a binomial response needs exactly two"
        )
    return codes.reshape(y.shape).astype(np.uint8), tuple(classes.tolist())


def counts(y, n, weights):
    """Successes and failures to a proportion and its number of trials, R's cbind(successes, failures)."""
    if len(y) != n:
        raise InvalidParameterError(f"y has length {len(y)}, X has {n} rows: the lengths must match")
    y = y.astype(np.float64)
    bad = ~(np.isfinite(y) & (y >= 0.0))
    if bad.any():
        i = int(np.nonzero(bad.any(1))[0][0])
        raise InvalidParameterError(
            f"y holds successes and failures, which must be finite and non-negative: {y[i]} at row {i}"
        )
    trials = y.sum(1)
    proportion = np.divide(y[:, 0], trials, out=np.zeros(n), where=trials > 0.0)
    return proportion, trials if weights is None else trials * weights


def check_start(start, m: int, others: int | None = None) -> np.ndarray | None:
    """The starting coefficients, the intercept first, as the objective keeps them: class after class.

    Raises
    ------
    InvalidParameterError, MissingDataError
    """
    if start is None:
        return None
    start = np.array(numeric(start, "start"), dtype=np.float64)
    shape = (m,) if others is None else (m, others)
    if start.shape != shape:
        each = "" if others is None else f" for each of the {others} classes but the reference: shape {shape}"
        raise InvalidParameterError(
            f"start has shape {start.shape}, the model has {m} coefficients (the intercept first){each}"
        )
    if not np.isfinite(start).all():
        raise MissingDataError(f"start is not finite: {start[~np.isfinite(start)][0]}")
    return start if others is None else start.T.ravel()


def family_and_link(family, link):
    """The family and link values for names, classes or values.

    Raises
    ------
    InvalidParameterError
        For a name that is not registered.
    InvalidParameterError
        For something that is neither a name nor a family or link.
    """

    def value(v, get, method, what):
        if isinstance(v, str):
            return get(v)
        if isinstance(v, type) and issubclass(v, tuple) and not getattr(v, "_fields", ()):
            v = v()
        if isinstance(v, Multinomial) and what == "family":
            return v
        if not (isinstance(v, tuple) and hasattr(type(v), method)):
            raise InvalidParameterError(f"{what} must be a name or a value of fastglm.{what}, not {v!r}")
        return v

    family = value(family, families.get, "variance", "family")
    if isinstance(family, Multinomial):
        if link not in (None, "softmax", "logit") and not isinstance(link, Softmax):
            raise InvalidParameterError(f"link={link!r}: family='multinomial' has the softmax link only")
        return family, Softmax()
    link = type(family).default_link() if link is None else value(link, links.get, "slope", "link")
    if family.domain.high == 1.0 and not hasattr(type(link), "tails"):
        raise InvalidParameterError(f"link={link.name!r} does not map onto (0, 1), which family={family.name!r} needs")
    return family, link


def assemble(X, y, family, *, intercept, weights, freq_weights, offset, exposure, names):
    """All arguments of a fit as ``Data``, with the response's labels: a tuple, None, or ``labels.Encoded``.

    Raises
    ------
    InvalidParameterError
        A subclass that names the argument, the column and the row.
    """
    of_formula = isinstance(X, Built)
    X, terms, coding, names = columns(X, names, bool(intercept))
    n = X.shape[0]
    if not (names or intercept or of_formula):
        raise InvalidParameterError(
            "X has no columns and intercept=False: there is nothing to fit; glm('y ~ 0 + offset(o)', data) has an "
            "offset alone"
        )
    weights, freq_weights = vector(weights, "weights", n), vector(freq_weights, "freq_weights", n)
    if isinstance(family, Multinomial):
        if offset is not None or exposure is not None:
            raise InvalidParameterError(ONE_PREDICTOR)
        classes = labels.encode(y, n, family.reference, (weights, freq_weights))
        y = classes.codes
    else:
        y, weights, classes = response(y, n, family, weights)
    if intercept and INTERCEPT in names:
        close = difflib.get_close_matches(INTERCEPT, names)
        raise InvalidParameterError(f"X has a column named {close[0]!r} already; pass intercept=False")
    data = Block(
        X,
        bool(intercept),
        y,
        weights,
        freq_weights,
        vector(offset, "offset", n),
        vector(exposure, "exposure", n),
        names,
        terms,
        coding,
    )
    return data, classes
