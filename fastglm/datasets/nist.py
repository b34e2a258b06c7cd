"""The Statistical Reference Datasets of NIST for linear least squares, and the values that NIST certifies for them."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from ..errors import InvalidParameterError
from .frames import DATA, Library, handed, read_table

if TYPE_CHECKING:
    from ..core.records import Array

SETS = (
    "filip", "longley", "noint1", "noint2", "norris", "pontius", "wampler1", "wampler2", "wampler3", "wampler4",
    "wampler5",
)  # fmt: skip


class Certified(NamedTuple):
    """A model of a reference set and its certified values, of 15 digits.

    Attributes
    ----------
    formula : str
        The model, as ``fastglm.glm`` takes it.
    params, bse : ndarray of shape (p,)
        Coefficients in the formula's order, the intercept first, and their standard errors; 0 of exact fits.
    df_residual : int
        Rows less coefficients.
    source : str
        Where the data are from.
    """

    formula: str
    params: Array
    bse: Array
    df_residual: int
    source: str


def certified(name: str) -> Certified:
    """The values that NIST certifies for one of its sets.

    Parameters
    ----------
    name : str
        "filip", "longley", "noint1", "noint2", "norris", "pontius" or "wampler1" to "wampler5".

    Returns
    -------
    Certified

    Raises
    ------
    InvalidParameterError
        For another name.

    Notes
    -----
    Source: NIST Statistical Reference Datasets, https://www.itl.nist.gov/div898/strd/lls/lls.shtml. Licence: a work of
    the government of the United States, in the public domain there (17 U.S.C. 105).

    Examples
    --------
    >>> import fastglm
    >>> from fastglm import datasets
    >>> known = datasets.certified("norris")
    >>> result = fastglm.glm(known.formula, datasets.norris())
    >>> bool(abs(result.params / known.params - 1.0).max() < 1e-12)
    True
    """
    if name not in SETS:
        raise InvalidParameterError(f"name must be one of {', '.join(SETS)}, got {name!r}")
    values = json.loads((DATA / "certified.json").read_text())[name]
    params, bse = (np.array(values.pop(key), np.float64) for key in ("params", "bse"))
    return Certified(params=params, bse=bse, **values)


def norris(*, library: Library = "pandas") -> Any:
    """Calibration of ozone monitors, a straight line, of lower difficulty.

    Parameters
    ----------
    library : {"pandas", "polars", "pyarrow", "dict"}
        The kind of frame; "dict" gives arrays by name.

    Returns
    -------
    frame of 36 rows
        y, the reading; x, the concentration of a customer's monitor.

    Raises
    ------
    InvalidParameterError
        For another library.
    ImportError
        If the library is not installed.

    Notes
    -----
    Source: NIST StRD, Norris; J. Norris, NIST.
    Licence: a work of the government of the United States, in the public domain there (17 U.S.C. 105).

    See Also
    --------
    certified : the model, with certified coefficients and standard errors.
    """
    return handed(read_table("norris"), library)


def pontius(*, library: Library = "pandas") -> Any:
    """Calibration of load cells, a parabola, of lower difficulty.

    Parameters
    ----------
    library : {"pandas", "polars", "pyarrow", "dict"}
        The kind of frame; "dict" gives arrays by name.

    Returns
    -------
    frame of 40 rows
        y, the deflection; x, the load.

    Raises
    ------
    InvalidParameterError
        For another library.
    ImportError
        If the library is not installed.

    Notes
    -----
    Source: NIST StRD, Pontius; P. Pontius, NIST.
    Licence: a work of the government of the United States, in the public domain there (17 U.S.C. 105).

    See Also
    --------
    certified : the model, with certified coefficients and standard errors.
    """
    return handed(read_table("pontius"), library)


def noint1(*, library: Library = "pandas") -> Any:
    """A straight line through the origin, of average difficulty.

    Parameters
    ----------
    library : {"pandas", "polars", "pyarrow", "dict"}
        The kind of frame; "dict" gives arrays by name.

    Returns
    -------
    frame of 11 rows
        y and x, made up.

    Raises
    ------
    InvalidParameterError
        For another library.
    ImportError
        If the library is not installed.

    Notes
    -----
    Source: NIST StRD, NoInt1; K. Eberhardt, NIST.
    Licence: a work of the government of the United States, in the public domain there (17 U.S.C. 105).

    See Also
    --------
    certified : the model, with certified coefficients and standard errors.
    """
    return handed(read_table("noint1"), library)


def noint2(*, library: Library = "pandas") -> Any:
    """A straight line through the origin, three rows of average difficulty.

    Parameters
    ----------
    library : {"pandas", "polars", "pyarrow", "dict"}
        The kind of frame; "dict" gives arrays by name.

    Returns
    -------
    frame of 3 rows
        y and x, made up.

    Raises
    ------
    InvalidParameterError
        For another library.
    ImportError
        If the library is not installed.

    Notes
    -----
    Source: NIST StRD, NoInt2; K. Eberhardt, NIST.
    Licence: a work of the government of the United States, in the public domain there (17 U.S.C. 105).

    See Also
    --------
    certified : the model, with certified coefficients and standard errors.
    """
    return handed(read_table("noint2"), library)


def filip(*, library: Library = "pandas") -> Any:
    """A polynomial of degree ten, whose powers have a condition number of 2e15, of higher difficulty.

    Parameters
    ----------
    library : {"pandas", "polars", "pyarrow", "dict"}
        The kind of frame; "dict" gives arrays by name.

    Returns
    -------
    frame of 82 rows
        y and x.

    Raises
    ------
    InvalidParameterError
        For another library.
    ImportError
        If the library is not installed.

    Notes
    -----
    Source: NIST StRD, Filip; A. Filippelli, NIST.
    Licence: a work of the government of the United States, in the public domain there (17 U.S.C. 105).

    See Also
    --------
    certified : the model, with certified coefficients and standard errors.
    """
    return handed(read_table("filip"), library)


def longley(*, library: Library = "pandas") -> Any:
    """Employment and six nearly collinear series of the United States 1947 to 1962, of higher difficulty.

    Parameters
    ----------
    library : {"pandas", "polars", "pyarrow", "dict"}
        The kind of frame; "dict" gives arrays by name.

    Returns
    -------
    frame of 16 rows
        y, employment in thousands; x1, price deflator; x2, gross national product; x3, unemployed; x4, armed forces;
        x5, population from 14 years; x6, year.

    Raises
    ------
    InvalidParameterError
        For another library.
    ImportError
        If the library is not installed.

    Notes
    -----
    Source: NIST StRD, Longley; Longley (1967), Journal of the American Statistical Association 62, 819-841.
    Licence: a work of the government of the United States, in the public domain there (17 U.S.C. 105).

    See Also
    --------
    certified : the model, with certified coefficients and standard errors.
    """
    return handed(read_table("longley"), library)


def wampler1(*, library: Library = "pandas") -> Any:
    """An exact polynomial of degree five whose coefficients are all 1, of higher difficulty.

    Parameters
    ----------
    library : {"pandas", "polars", "pyarrow", "dict"}
        The kind of frame; "dict" gives arrays by name.

    Returns
    -------
    frame of 21 rows
        y and x, 0 to 20.

    Raises
    ------
    InvalidParameterError
        For another library.
    ImportError
        If the library is not installed.

    Notes
    -----
    Source: NIST StRD, Wampler1; Wampler (1970), Journal of the American Statistical Association 65, 549-565.
    Licence: a work of the government of the United States, in the public domain there (17 U.S.C. 105).

    See Also
    --------
    certified : the model, with certified coefficients and standard errors.
    """
    return handed(read_table("wampler1"), library)


def wampler2(*, library: Library = "pandas") -> Any:
    """An exact polynomial of degree five with coefficients 1, 0.1, ..., 0.00001, of higher difficulty.

    Parameters
    ----------
    library : {"pandas", "polars", "pyarrow", "dict"}
        The kind of frame; "dict" gives arrays by name.

    Returns
    -------
    frame of 21 rows
        y and x, 0 to 20.

    Raises
    ------
    InvalidParameterError
        For another library.
    ImportError
        If the library is not installed.

    Notes
    -----
    Source: NIST StRD, Wampler2; Wampler (1970), Journal of the American Statistical Association 65, 549-565.
    Licence: a work of the government of the United States, in the public domain there (17 U.S.C. 105).

    See Also
    --------
    certified : the model, with certified coefficients and standard errors.
    """
    return handed(read_table("wampler2"), library)


def wampler3(*, library: Library = "pandas") -> Any:
    """A polynomial of degree five with small errors, of higher difficulty.

    Parameters
    ----------
    library : {"pandas", "polars", "pyarrow", "dict"}
        The kind of frame; "dict" gives arrays by name.

    Returns
    -------
    frame of 21 rows
        y and x, 0 to 20.

    Raises
    ------
    InvalidParameterError
        For another library.
    ImportError
        If the library is not installed.

    Notes
    -----
    Source: NIST StRD, Wampler3; Wampler (1970), Journal of the American Statistical Association 65, 549-565.
    Licence: a work of the government of the United States, in the public domain there (17 U.S.C. 105).

    See Also
    --------
    certified : the model, with certified coefficients and standard errors.
    """
    return handed(read_table("wampler3"), library)


def wampler4(*, library: Library = "pandas") -> Any:
    """A polynomial of degree five with errors a hundred times as large, of higher difficulty.

    Parameters
    ----------
    library : {"pandas", "polars", "pyarrow", "dict"}
        The kind of frame; "dict" gives arrays by name.

    Returns
    -------
    frame of 21 rows
        y and x, 0 to 20.

    Raises
    ------
    InvalidParameterError
        For another library.
    ImportError
        If the library is not installed.

    Notes
    -----
    Source: NIST StRD, Wampler4; Wampler (1970), Journal of the American Statistical Association 65, 549-565.
    Licence: a work of the government of the United States, in the public domain there (17 U.S.C. 105).

    See Also
    --------
    certified : the model, with certified coefficients and standard errors.
    """
    return handed(read_table("wampler4"), library)


def wampler5(*, library: Library = "pandas") -> Any:
    """A polynomial of degree five with errors ten thousand times as large, of higher difficulty.

    Parameters
    ----------
    library : {"pandas", "polars", "pyarrow", "dict"}
        The kind of frame; "dict" gives arrays by name.

    Returns
    -------
    frame of 21 rows
        y and x, 0 to 20.

    Raises
    ------
    InvalidParameterError
        For another library.
    ImportError
        If the library is not installed.

    Notes
    -----
    Source: NIST StRD, Wampler5; Wampler (1970), Journal of the American Statistical Association 65, 549-565.
    Licence: a work of the government of the United States, in the public domain there (17 U.S.C. 105).

    See Also
    --------
    certified : the model, with certified coefficients and standard errors.
    """
    return handed(read_table("wampler5"), library)
