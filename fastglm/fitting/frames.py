"""``glm``: a fit of a data frame by a formula."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any, overload

import numpy as np

from ..core.column_names import is_series
from ..design import Design, as_table, check_aligned
from ..errors import InvalidParameterError
from ..files import is_rows
from ..inference import sandwich
from ..postestimation.covariances import clusters, vector
from ..result.record import GLMResult
from ..rows.arguments import named, notes_of, sorted_by, with_shifts
from ..types import VECTORS
from .sources import fit_arrays
from .stored import fit_rows, glm_collection

if TYPE_CHECKING:
    from typing import Literal

    from typing_extensions import Unpack

    from ..family.multinomial import Multinomial
    from ..result.multinomial import MultinomialResult
    from ..types import ArrayLike, Covariance, FamilyLike, File, GLMOptions, LinkLike, Rows, SolverLike, Variable


@overload
def glm(
    formula: str, data: Rows, *, family: Literal["multinomial"] | Multinomial, **options: Unpack[GLMOptions]
) -> MultinomialResult: ...


@overload
def glm(formula: str, data: Rows, *, family: FamilyLike = "gaussian", **options: Unpack[GLMOptions]) -> GLMResult: ...


def glm(
    formula: str,
    data: Rows,
    *,
    family: FamilyLike = "gaussian",
    link: LinkLike | None = None,
    weights: Variable | None = None,
    freq_weights: Variable | None = None,
    offset: Variable | None = None,
    exposure: Variable | None = None,
    penalty: None = None,
    solver: SolverLike = "auto",
    cov: Covariance = "model",
    start: ArrayLike | None = None,
    threads: int | None = None,
    progress: bool = False,
    missing: Literal["error", "drop"] = "error",
    unseen: Literal["error", "missing", "baseline"] = "error",
    compress: bool | Literal["auto"] = "auto",
    memory: int | None = None,
    client: Any = None,
    checkpoint: File | None = None,
) -> GLMResult:
    """Fit a generalized linear model of a data frame by a formula.

    Parameters
    ----------
    formula : str
        ``"y ~ x + C(z) + a:b + offset(log(e))"`` in Wilkinson's notation as R and formulaic read it: contrasts such as
        ``C(z, Treatment("b"))`` or ``C(z, Sum)``, interactions, ``poly``, ``bs``, ``cr``, ``log``, ``- 1``, and
        ``cbind(successes, failures) ~``. Columns of text, categories and booleans are factors, numbers are not.
    data : data frame, or path
        pandas, polars, pyarrow, DuckDB, or anything with ``__arrow_c_stream__``; only the columns that are named are
        read, one at a time. Or what is too much for memory: a Parquet, Arrow or CSV file, a pattern such as
        ``"claims/*.parquet"``, a folder with or without partitions, a URL, a list of these, ``from_duckdb("select
        ...")``, an iterator of frames, or a function that returns one. Or a ``dask.dataframe``, whose partitions stay
        where they are.
    weights, freq_weights, offset, exposure : str or (n,) array, optional
        As in ``fit``; a name is that of a column.
    family, link, penalty, solver, cov, start, threads, progress, compress
        As in ``fit``.
    missing : {"error", "drop"}
        What to do with rows that have missing values. Dropped ones are counted in the summary, and predictions of them
        are NaN.
    unseen : {"error", "missing", "baseline"}
        What a prediction does with a level that the fit has not seen.
    memory : int, optional
        Bytes that the rows of files may take in memory; more are read again at every pass. 256 MiB without it.
    client : distributed.Client, executor or ``fastglm.engines.Ray``, optional
        Where passes over files run: a Dask cluster, the processes of a ``concurrent.futures`` executor, or Ray. Workers
        read the files by the same paths. The answer is the same to the bit on processors of one kind. A Dask client
        that is there is found for collections of Dask.
    checkpoint : str or Path, optional
        A folder where the state of a fit is kept, from which an interrupted one goes on to the same bits.

    Returns
    -------
    GLMResult, or MultinomialResult for family="multinomial"
        With the ``design`` that reads new frames.

    Raises
    ------
    InvalidParameterError, MissingDataError
        Naming the column, the term and the first such row.
    ImportError
        Without formulaic and narwhals (``pip install "fastglm[tables]"``).

    Examples
    --------
    >>> import fastglm, pandas
    >>> frame = pandas.DataFrame({"y": [1, 3, 2, 5, 4, 8], "x": [0.0, 1, 2, 3, 4, 5], "z": list("aabbcc")})
    >>> fastglm.glm("y ~ x + z", frame, family="poisson").names
    ('(Intercept)', 'x', 'z[T.b]', 'z[T.c]')
    """
    if not isinstance(formula, str):
        swapped = " (formula and data are swapped: glm(formula, data))" if isinstance(data, str) else ""
        raise InvalidParameterError(f"formula must be text like 'y ~ x', not {type(formula).__name__}{swapped}")
    data = plain(data)
    collection = hasattr(data, "__dask_graph__")
    if collection or is_rows(data):
        return (glm_collection if collection else fit_rows)(
            formula, data, family=family, link=link, weights=weights, freq_weights=freq_weights, offset=offset,
            exposure=exposure, penalty=penalty, solver=solver, cov=cov, start=start, threads=threads,
            progress=progress, missing=missing, unseen=unseen, compress=compress, memory=memory, client=client,
            checkpoint=checkpoint,
        )  # fmt: skip
    table = as_table(data)
    given = {"weights": weights, "freq_weights": freq_weights, "offset": offset, "exposure": exposure}
    formula, given = with_shifts(formula, table.names, given)
    design = Design.from_formula(formula, table, missing=missing, unseen=unseen)
    built = design.build(table)
    if built.y is None:
        raise InvalidParameterError(f"formula={formula!r} has no response; write it as 'y ~ ...'")
    vectors = {name: vector(name, v, table, built.keep) for name, v in given.items()}
    cov = sandwich.parse(cov)
    if isinstance(cov, sandwich.CovarianceSpec) and cov.by:
        cov = cov._replace(by=tuple(clusters(v, table, built.keep) for v in cov.by))
    if built.offset is not None:
        more = vectors.get("offset")
        vectors["offset"] = built.offset if more is None else built.offset + more
    if built.exposure is not None:
        vectors["exposure"] = built.exposure
    result = fit_arrays(
        built, built.y, family=family, link=link, intercept=built.has_intercept, penalty=penalty, solver=solver,
        cov=cov, start=start, threads=threads, progress=progress, compress=compress, client=client,
        checkpoint=checkpoint, **vectors,
    )  # fmt: skip
    design = replace(design, vectors=named(given))
    return replace(result, design=design, notes=(*notes_of(design), *sorted_by(table, design), *result.notes))


def plain(data):
    """What is given, series of pandas and polars as frames of one column, arrays of xarray as what they hold."""
    if type(data).__module__.partition(".")[0] == "xarray":
        return _of_xarray(data)
    if is_series(data):
        data = data.to_frame() if data.name not in (None, "") else data.rename("x1").to_frame()
    return data


def _of_xarray(data):
    """A DataArray as the array that it holds, or a frame where its columns have names; a Dataset as a frame."""
    if hasattr(data, "data_vars"):
        return data.to_dataframe().reset_index(drop=True)
    if data.ndim > 2:
        raise InvalidParameterError(f"X must have one or two dimensions, not {data.ndim}-d as this DataArray")
    if data.chunks is not None:
        return data.data
    values = data.values[:, None] if data.ndim == 1 else data.values
    names = [data.name] if data.ndim == 1 else data.coords[data.dims[1]].values if data.dims[1] in data.coords else [0]
    if not all(isinstance(name, str) for name in names):
        return values
    import pandas as pd

    return pd.DataFrame(values, columns=list(names))


def has_factors(X) -> bool:
    """Whether X is a frame with columns that are text or categories, or one that only designs read."""
    if isinstance(X, np.ndarray) or not (hasattr(X, "columns") or hasattr(X, "__arrow_c_stream__")):
        return False
    if hasattr(X, "iloc"):
        return any(str(t) in ("category", "str", "string") or "dictionary" in str(t) for t in X.dtypes)
    if not hasattr(X, "to_numpy"):
        return True
    return any(str(t).startswith(("String", "Categorical", "Enum", "Utf8")) for t in X.dtypes)


def fit_frame(X, y, *, intercept=True, names=None, **options) -> GLMResult:
    """``fit`` of a frame with factors: every column is a term, numbers and booleans as they are, the rest by levels.

    Parameters
    ----------
    X : data frame
    y, intercept, **options
        As for ``fit``.

    Raises
    ------
    InvalidParameterError, MissingDataError
    """
    if names is not None:
        raise InvalidParameterError("names: the columns of a data frame have names of their own")
    table = as_table(X)
    design = Design.from_frame(table, intercept=bool(intercept))
    for what, v in (("y", y), *((name, options.get(name)) for name in VECTORS)):
        check_aligned(table, v, what)
    for v in getattr(sandwich.parse(options.get("cov")), "by", ()):
        check_aligned(table, v, "cluster")
    result = fit_arrays(design.build(table), y, intercept=bool(intercept), **options)
    return replace(result, design=design, notes=(*notes_of(design), *sorted_by(table, design), *result.notes))
