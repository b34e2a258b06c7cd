"""Sets that other packages bring; each reader says by name which package is missing."""

from __future__ import annotations

import zlib
from importlib.util import find_spec
from io import BytesIO
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ..errors import InvalidParameterError
from .frames import Library, check_library, converted

if TYPE_CHECKING:
    from ..core.records import File

OF_SKLEARN = ("breast_cancer", "diabetes", "digits", "iris", "linnerud", "wine")


def _needs(package: str, module: str, what: str) -> None:
    """Say which package a set comes with, where it is missing."""
    if find_spec(module) is None:
        raise ImportError(f"{what} comes with {package}: pip install {package}", name=module)


def statsmodels(name: str, *, library: Library = "pandas") -> Any:
    """A set of ``statsmodels.datasets``, response and predictors in one frame.

    Parameters
    ----------
    name : str
        As statsmodels has it: "star98", "scotland", "spector", "fair", "randhie", ...
    library : {"pandas", "polars", "pyarrow", "dict"}
        The kind of frame; "dict" gives arrays by name.

    Returns
    -------
    frame

    Raises
    ------
    InvalidParameterError
        For a name that statsmodels has not got, which are then listed, and for another library.
    ImportError
        If statsmodels, pandas or the library is not installed.

    Notes
    -----
    Source and licence: ``statsmodels.datasets.NAME.SOURCE`` and ``COPYRIGHT``; most are in the public domain.

    Examples
    --------
    >>> from fastglm import datasets
    >>> datasets.statsmodels("spector").shape
    (32, 4)
    """
    check_library(library)
    _needs("statsmodels", "statsmodels", f"the data set {name!r}")
    import statsmodels.datasets as held

    known = sorted(each for each in dir(held) if hasattr(getattr(held, each), "load_pandas"))
    if name not in known:
        raise InvalidParameterError(f"statsmodels has no data set {name!r}; it has {', '.join(known)}")
    return converted(getattr(held, name).load_pandas().data, library)


def sklearn(name: str, *, library: Library = "pandas") -> Any:
    """A set that comes with scikit-learn, features and target in one frame.

    Parameters
    ----------
    name : str
        "breast_cancer", "diabetes", "digits", "iris", "linnerud" or "wine".
    library : {"pandas", "polars", "pyarrow", "dict"}
        The kind of frame; "dict" gives arrays by name.

    Returns
    -------
    frame
        The column ``target`` holds the response; of linnerud the last three columns are responses.

    Raises
    ------
    InvalidParameterError
        For another name or library.
    ImportError
        If scikit-learn, pandas or the library is not installed.

    Notes
    -----
    Source and licence: ``sklearn.datasets.load_NAME().DESCR``; copies of the UCI repository and of the literature.

    Examples
    --------
    >>> from fastglm import datasets
    >>> datasets.sklearn("wine").shape
    (178, 14)
    """
    check_library(library)
    if name not in OF_SKLEARN:
        raise InvalidParameterError(f"name must be one of {', '.join(OF_SKLEARN)}, got {name!r}")
    _needs("scikit-learn", "sklearn", f"the data set {name!r}")
    _needs("pandas", "pandas", f"the frame that scikit-learn makes of {name!r}")
    import sklearn.datasets as held

    return converted(getattr(held, f"load_{name}")(as_frame=True).frame, library)


def rdatasets(name: str, package: str = "datasets", *, folder: File | None = None, library: Library = "pandas") -> Any:
    """A set of R's packages from files on this machine: a copy of Rdatasets, or statsmodels' cache of it.

    Parameters
    ----------
    name, package : str
        "mtcars" of R's package "datasets", "quine" of "MASS", ...
    folder : path, optional
        A copy of https://github.com/vincentarelbundock/Rdatasets, or a folder that has ``csv/PACKAGE/NAME.csv``.
        Without it the files that ``statsmodels.datasets.get_rdataset(..., cache=True)`` kept are read.
    library : {"pandas", "polars", "pyarrow", "dict"}
        The kind of frame; "dict" gives arrays by name.

    Returns
    -------
    frame
        The column ``rownames`` has R's names of the rows.

    Raises
    ------
    InvalidParameterError
        If there is no such file, with where it was looked for, and for another library.
    ImportError
        If pandas, the library, or without a folder statsmodels is not installed.

    Notes
    -----
    Source and licence: those of the R package, ``?NAME`` in R; nothing is fetched over a network.
    """
    check_library(library)
    _needs("pandas", "pandas", "the reader of R's tables")
    from pandas import read_csv

    if folder is None:
        _needs("statsmodels", "statsmodels", f"the kept copy of {name!r}, where no folder is given,")
        from statsmodels.datasets import get_data_home

        kept = sorted(Path(get_data_home()).glob(f"*Rdatasets*csv,{package},{name}-v*.csv.zip"))
        if not kept:
            raise InvalidParameterError(
                f"statsmodels keeps no copy of {name!r} of {package!r}: give folder= of a copy of Rdatasets, or let "
                f"statsmodels.datasets.get_rdataset({name!r}, {package!r}, cache=True) fetch one"
            )
        return converted(_of_cache(kept[-1]), library)
    path = Path(folder) / "csv" / package / f"{name}.csv"
    if not path.is_file():
        raise InvalidParameterError(f"there is no file {path}: folder must have csv/PACKAGE/NAME.csv")
    return converted(read_csv(path), library)


def _of_cache(path: Path) -> Any:
    """A table that statsmodels keeps, compressed by zlib whatever the name of its file says."""
    from pandas import read_csv

    return read_csv(BytesIO(zlib.decompress(path.read_bytes())))
