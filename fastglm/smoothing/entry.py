"""``local``: from arrays, frames or files to local fits at points."""

from __future__ import annotations

from contextlib import closing
from typing import TYPE_CHECKING, Any

import numpy as np

from ..errors import (
    ConvergenceWarning,
    InvalidParameterError,
    LocalFitWarning,
    SeparationWarning,
    warn,
)
from ..inference import check_one_predictor
from ..kernels import local as loops
from ..kernels.row_loops import FamilyLink
from ..objective.response_sums import check
from ..rows.matching import check_column
from ..rows.open import open_rows
from ..rows.request import FitRequest, check_option
from ..source import streaming_qr
from . import kernels
from .bandwidths import SELECTED, grid, parse
from .fits import Fitter, Model, SortedRows
from .result import LocalResult, numbers, open_points
from .selection import choose

if TYPE_CHECKING:
    from collections.abc import Sequence
    from typing import Literal

    from ..types import FamilyLike, LinkLike, Rows, Variable

GRID = 401  # points along one column where none are given; as many as a picture shows
DEGREES = (0, 1, 2, 3)  # that polynomials may have; chosen: a quartic follows the noise
SINGULAR = {"nan": loops.AS_NAN, "degree": loops.LOWER, "ridge": loops.ADD_RIDGE}
SEPARATED_STEPS = 20  # of Newton's method, each of which a separated fit goes one further: exp(-20) from a zero or one
SEPARATED_DEVIANCE = 1e-8  # of a window of rows; that of a fit with an optimum is far larger
WHAT = {
    loops.EMPTY: "points have no rows in their windows and are NaN",
    loops.SINGULAR: "points have too few different rows in their windows and are NaN (or pass singular='degree')",
    loops.LOWERED: "points have too few different rows in their windows and have a polynomial of lower degree",
    loops.RIDGED: "points have too few different rows in their windows, whose fit has a small ridge",
}


def local(
    X: Rows | str,
    y: Variable | Rows | None = None,
    *,
    at: Rows | None = None,
    bandwidth: Any = "gcv",
    bandwidths: Sequence[Any] | None = None,
    kernel: Any = "gaussian",
    degree: int = 1,
    family: FamilyLike = "gaussian",
    link: LinkLike | None = None,
    weights: Variable | None = None,
    offset: Variable | None = None,
    exposure: Variable | None = None,
    singular: Literal["nan", "degree", "ridge"] = "nan",
    missing: Literal["error", "drop"] = "error",
    names: Sequence[str] | None = None,
    threads: int | None = None,
) -> LocalResult:
    """Fit a local polynomial at each of many points: locally weighted regression, and local likelihood of any family.

    At a point x the rows have weights K(|x_i - x| / bandwidth), times their own; the polynomial is one in x_i - x, and
    its constant is the curve at x.

    Parameters
    ----------
    X : (n, d) array, (n,) of one column, data frame or files, as for ``fit``; or a formula
        A formula stands before its data: ``local("y ~ x + z", frame)``.
    y : (n,) array, or name of a column
        The response; beside a formula the data.
    at : (m, d) array, (m,) of one column, or data frame, optional
        The points. Without it 401 even ones over the range of one column, and of several columns the rows themselves.
    bandwidth : float, (d,) array, {"nearest": share}, {"nearest": rows}, "loo" or "gcv"
        In the units of X: the standard deviation of the gaussian kernel, the reach of the others; one a column where d
        are given. The distance of the nearest rows, by their share (the span of loess) or number, in several columns
        measured in standard deviations. Or chosen to make the deviance of left-out rows or the generalised
        cross-validation least, by closed forms.
    bandwidths : sequence, optional
        What "loo" and "gcv" choose from; without it 20 that span a few rows to all.
    kernel : "gaussian", "tricube", "epanechnikov", or one registered by ``smoothing.kernels.kernel``
    degree : 0, 1, 2 or 3
        Of all monomials of so high a total degree.
    family, link, weights, offset, exposure, missing, names, threads
        As for ``fit``. The curve is that of offset zero, of exposure one.
    singular : "nan", "degree" or "ridge"
        What becomes of points whose windows have too few different rows: NaN, the highest degree that they determine,
        or a small ridge. A ``LocalFitWarning`` counts them.

    Returns
    -------
    LocalResult
        It holds the rows.

    Raises
    ------
    InvalidParameterError, MissingDataError
        Before any work, naming the argument, the column and the row.

    Warns
    -----
    LocalFitWarning, SeparationWarning, ConvergenceWarning
        Where points have no local fit, one of lower degree, an infinite one, or one that is not certified.

    References
    ----------
    Cleveland, W. S. and Devlin, S. J. (1988), Locally weighted regression, JASA 83; Fan, J. and Gijbels, I. (1996),
    Local Polynomial Modelling; Loader, C. (1999), Local Regression and Likelihood.

    Examples
    --------
    >>> import numpy as np, fastglm
    >>> x = np.linspace(0.0, 6.0, 50)
    >>> result = fastglm.local(x, np.sin(x), at=[1.0, 3.0], bandwidth=0.3)
    >>> result.fitted.round(3)
    array([0.805, 0.135])
    """
    own = kernels.resolve(kernel)
    check_option("singular", singular, tuple(SINGULAR))
    if isinstance(degree, bool) or degree not in DEGREES:
        raise InvalidParameterError(f"degree={degree!r} must be 0, 1, 2 or 3")
    request = _request(
        X, y, family=family, link=link, weights=weights, offset=offset, exposure=exposure, missing=missing,
        names=names, threads=threads,
    )  # fmt: skip
    check_one_predictor(request.family, "local")
    pair = FamilyLink(request.family, request.link)
    if pair.family.response_model == "softmax":
        raise InvalidParameterError("family='multinomial': local regression has one curve; fit each class by binomial")
    schema, rows, notes = _read(request, pair)
    model = Model(own, int(degree), pair, SINGULAR[singular], request.threads)
    fitter = Fitter(rows, model)
    _check_columns(rows, schema.columns, fitter)
    candidates = _candidates(bandwidth, bandwidths, rows, degree)
    points = _points(schema, rows, at)
    if at is not None and (outside := _outside(rows, points)):
        notes = (*notes, f"{outside} of {len(points)} points lie outside the range of the rows: extrapolated")
    curve = None
    if isinstance(bandwidth, str):
        curve = choose(fitter, bandwidth, candidates)
    chosen = candidates[0] if curve is None else candidates[curve.best]
    fits = fitter.at(points, chosen)
    _warn(fits, pair)
    return LocalResult(
        fits=fits, bandwidth=chosen, curve=curve, schema=schema, exposure_kind=_shift_of(schema),
        fitter=fitter, notes=notes,
    )  # fmt: skip


def _shift_of(schema):
    """What the fit was given beside its columns: "exposure", "offset" or None."""
    formula = getattr(schema.design, "formula", None)
    if "exposure" in schema.vectors or (formula is not None and formula.exposure):
        return "exposure"
    return "offset" if "offset" in schema.vectors or (formula is not None and formula.offset) else None


def _request(X, y, **options) -> FitRequest:
    """The request of rows, from arrays or a formula and its data."""
    if isinstance(X, str) and "~" in X:
        if y is None:
            raise InvalidParameterError("local(formula, data): the data of the formula are needed")
        return FitRequest(data=y, formula=X, **options)
    shape = np.shape(X) if isinstance(X, (list, tuple, np.ndarray)) else ()
    if len(shape) == 1 and not isinstance(X[0], (str, bytes)):
        X = np.asarray(X).reshape(-1, 1)
    if y is None and not isinstance(X, str):
        raise InvalidParameterError("y is needed: the response of these rows")
    return FitRequest(data=X, y=y, **options)


def _read(request, pair):
    """The schema, the sorted rows and notes of a request."""
    schema, source = open_rows(request)
    with closing(source):
        check(source, pair.family)
        data = source.gather().data
        n = len(data.y)
        X = streaming_qr.design(data, 0, n)[:, int(data.has_intercept) :]
        rows = SortedRows(
            X, np.asarray(data.y, dtype=np.float64), streaming_qr.weight(data, 0, n), streaming_qr.offset(data, 0, n)
        )
        notes = tuple(source.notes)
        source.finish()
    for j, name in enumerate(schema.columns):
        check_column(f"X: column {name!r}", X[:, j], n)
    return schema, rows, notes


def _check_columns(rows, names, fitter):
    """Refuse columns and rows that determine no local polynomial anywhere, unless ``singular`` has an answer."""
    if not len(rows.x):
        raise InvalidParameterError("X has no columns: a local fit needs one at least")
    if fitter.model.singular != loops.AS_NAN:
        return
    q = len(fitter.monomials.gram)
    if rows.n < q:
        raise InvalidParameterError(
            f"degree={fitter.model.degree} of {len(rows.x)} columns has {q} coefficients, and there are {rows.n} "
            "rows of positive weight; take a lower degree"
        )
    if fitter.model.degree:
        constant = np.flatnonzero(np.ptp(rows.x, axis=1) == 0.0)
        if len(constant):
            raise InvalidParameterError(
                f"column {names[constant[0]]!r} is constant: no slope along it is determined; leave it out, or take "
                "degree=0"
            )


def _candidates(bandwidth, given, rows, degree):
    """The bandwidths to choose from, or the one that was given."""
    d = len(rows.x)
    if isinstance(bandwidth, str):
        check_option("bandwidth", bandwidth, SELECTED)
        if given is None:
            return grid(rows, degree)
        if isinstance(given, (str, dict)) or not len(given):
            raise InvalidParameterError(f"bandwidths={given!r} must be a sequence of bandwidths")
        return [parse(value, rows.n, d) for value in given]
    if given is not None:
        raise InvalidParameterError("bandwidths= are what bandwidth='loo' or 'gcv' choose from")
    return [parse(bandwidth, rows.n, d)]


def _points(schema, rows, at):
    """The points (m, d)."""
    if at is None:
        if len(rows.x) == 1:
            return np.linspace(rows.x[0, 0], rows.x[0, -1], GRID)[:, None]
        return rows.x.T[np.argsort(rows.order)]
    if isinstance(at, (int, float, list, tuple)):
        at = np.asarray(at)
    if isinstance(at, np.ndarray) and at.ndim < 2 and len(rows.x) == 1:
        at = at.reshape(-1, 1)
    points = numbers(open_points(schema, at, {}).X)
    for j, name in enumerate(schema.columns):
        check_column(f"at: column {name!r}", points[:, j], len(points))
    return points


def _outside(rows, points) -> int:
    """How many points lie outside the range of a column."""
    low, high = rows.x.min(axis=1), rows.x.max(axis=1)
    return int(((points < low) | (points > high)).any(axis=1).sum())


def _warn(fits, pair) -> None:
    """Warn of points without a local fit, and of those that are infinite or not certified."""
    status, facts = fits.status, fits.facts
    for kind, what in WHAT.items():
        _count(LocalFitWarning, fits, status == kind, what)
    if pair.linear:
        return
    far = (facts[:, loops.STEPS] > SEPARATED_STEPS) & (facts[:, loops.DEVIANCE] < SEPARATED_DEVIANCE)
    separated = "points see one outcome alone, or outcomes that their rows separate, and have an infinite fit; take a "
    _count(SeparationWarning, fits, far, f"{separated}larger bandwidth")
    _count(ConvergenceWarning, fits, (status == loops.STOPPED) & ~far, "points have fits that are not certified")


def _count(category, fits, found, what) -> None:
    if found.any():
        first = ", ".join(f"{value:.6g}" for value in fits.points[int(np.argmax(found))])
        warn(category, f"{int(found.sum())} of {len(found)} {what}; the first is at {first}")
