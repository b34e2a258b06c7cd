"""Sandwich covariances: right whatever the variance of y is, with leverages, or within clusters of dependent rows.

With r x the score of a row, w its information in the linear predictor, V the inverse information and k the rank,

    HC0      V (sum of r^2 x x') V
    HC1      HC0 times n / (n - k)
    HC2      r^2 / (1 - h) in place of r^2, h = w x' V x the leverage
    HC3      r^2 / (1 - h)^2
    HC4, HC4m, HC5   powers that grow with the leverage (``leverage.Discount``)
    cluster  V (sum over clusters of S S') V, S the sum of a cluster's scores; see ``clusters``

as R's ``sandwich`` has them for ``glm`` (Zeileis 2004, 2006; MacKinnon and White 1985). A row of frequency f counts as
f rows: n is the sum of the frequencies.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np

from ..errors import FastGLMWarning, InvalidParameterError, warn
from ..kernels import double_double as dd
from ..linalg.arrowhead import LARGEST
from ..linalg.inverse import as_covariance
from ..options.covariance import CovarianceSpec, implement
from ..options.covariance import parse as parse
from . import hac as hac
from . import panel_corrected as panel_corrected
from . import small_clusters as small_clusters
from . import survey as survey
from . import weave as weave
from .clusters import clustered
from .coordinates import MOST, Coordinates, at_optimum, placed, residuals
from .grouped_scores import WithDf
from .leverage import ONE, Discount, LargestLeverage, Products, power_at, scaled, squares
from .row_scores import columns, repeats

RESIDUE = 1e-12  # of a standard error of the model, below which a robust one is rounding
BELOW_ZERO = 1e-10  # of a variance of the model, within which a negative one is rounding

implement("cluster")(clustered)


def check(cov, source, several: int) -> None:
    """Refuse, before a fit, a covariance that its model cannot have.

    Parameters
    ----------
    cov : CovarianceSpec, str or None
    source : InMemory or Chunked
    several : int
        Classes beside the reference in a softmax regression, else 0.

    Raises
    ------
    InvalidParameterError
    """
    if cov in (None, "model") or cov.from_scores:
        return
    if cov.declaration.check is not None:
        cov.declaration.check(cov, source.n_rows)
    if several and cov.declaration.one_mean:
        raise InvalidParameterError(f"cov={cov.name!r} needs one mean a row, and a softmax has several; take 'cluster'")
    if several and cov.declaration.power:
        raise InvalidParameterError(
            f"cov={cov.name!r}: rows of several classes have no one leverage; take 'HC1', or clusters"
        )
    m = source.n_columns * max(int(several), 1)
    if source.high_cardinality and m > LARGEST:
        raise InvalidParameterError(
            f"cov={cov.name!r}: the covariance of {m} coefficients does not fit in one matrix, which "
            "this kind needs; take 'HC0' or 'HC1'"
        )


class Fitted(NamedTuple):
    """What a covariance is made from.

    ``objective`` has the model's rows, or cells; ``rows`` is a source of the rows themselves; ``scores`` their scores
    at ``beta`` (m,), NaN where aliased; ``inverse`` (m, m) is that of the information, and ``root`` its triangular
    factor where columns are nearly dependent; ``meat`` the sum of the outer products of the scores where a fit has
    made it; ``dispersion`` tells the size of the model's own variances.
    """

    objective: Any
    rows: Any
    scores: Any
    beta: np.ndarray
    inverse: Any
    nobs: float
    rank: int
    meat: Any = None
    root: Any = None
    dispersion: float = 1.0


def covariance(cov: CovarianceSpec, fitted: Fitted):
    """A sandwich covariance of the coefficients, one pass over the rows; clusters may take more.

    Parameters
    ----------
    cov : CovarianceSpec
    fitted : Fitted

    Returns
    -------
    dict of the fields of a result
        ``covariance``, an (m, m) array, NaN where aliased; of very many levels an object with its parts. Where columns
        are nearly dependent also ``information_root`` and ``covariance_core``.
    """
    if fitted.root is None and cov.from_scores:
        meat = fitted.meat
        if meat is None:
            meat = fitted.objective.scores(zeroed(fitted.beta)).information
        scale, size = fitted.objective.scale, (fitted.nobs, fitted.rank)
        return {"covariance": of_scores(cov, fitted.inverse, meat, scale, *size, fitted.dispersion)}
    if fitted.root is None:
        found, df = _plain(cov, fitted)
        return {"covariance": _nan_for_rounding(cov, fitted.inverse, fitted.dispersion, found), "cov_df": df}
    kind, space = cov.declaration, Coordinates.of(fitted.root, fitted.inverse)
    df = None
    if kind.power is None:
        core, df = _of_function(cov, fitted, space)
        found = space.covariance(core)
    else:
        exact = fitted.rows.in_process and fitted.rows.n_rows * len(space.kept) ** 2 <= MOST
        found, core, n_leverage_one = (_of_few if exact else _of_many)(fitted, space, _power(kind, fitted, space))
        factor = _few_rows(cov, fitted.nobs, fitted.rank) * _warned(cov, n_leverage_one)
        found, core = factor * found, factor * core
    found = _nan_for_rounding(cov, fitted.inverse, fitted.dispersion, found)
    return {"covariance": found, "covariance_core": core, "information_root": fitted.root, "cov_df": df}


def _of_function(cov, fitted, space):
    """What the function of a kind gives: a covariance in the units of ``space``, and its degrees of freedom or None."""
    found = cov.declaration.function(cov, fitted, space)
    return found if isinstance(found, WithDf) else (found, None)


def of_scores(cov: CovarianceSpec, inverse, meat, scale, nobs: float, rank: int, dispersion: float):
    """The covariance of squared scores that are summed already, HC0 or HC1.

    Parameters
    ----------
    cov : CovarianceSpec
    inverse : (m, m) array or ArrowheadInverse
        That of the information.
    meat : SymmetricOperator
        The sum of outer products of the rows' scores, its columns multiplied by ``scale`` (m,).
    nobs, rank, dispersion
        As in ``Fitted``.
    """
    found = as_covariance(inverse).around(meat, scale)
    if cov.declaration.few_rows:
        found = _few_rows(cov, nobs, rank) * found
    return _nan_for_rounding(cov, inverse, dispersion, found)


def _few_rows(cov, n, k) -> float:
    """The factor for few rows, n of them and k coefficients, where the kind has one."""
    return 1.0 if not cov.declaration.few_rows else n / (n - k) if n > k else np.nan


def _nan_for_rounding(cov, inverse, dispersion, found):
    """The covariance, NaN where a variance is nothing but rounding: scores that sum to zero in every cluster."""
    own = found.diagonal()
    with np.errstate(all="ignore"):
        model = dispersion * inverse.diagonal()
        none = (np.abs(own) <= RESIDUE**2 * model) | ((own < 0.0) & (own >= -BELOW_ZERO * model))
        told = none & (inverse.diagonal() > 0.0)  # others are held, and have no error by the model either
    if not none.any() or not isinstance(found, np.ndarray):
        return found
    if told.any():
        warn(
            FastGLMWarning,
            f"cov={cov.name!r}: the variances of {int(told.sum())} coefficients are zero but for rounding, as those of "
            "a column that is constant within clusters and fits one alone; their standard errors are NaN, cluster "
            "otherwise",
        )
    found[none] = found[:, none] = np.nan
    return found


def _plain(cov, fitted):
    """The covariance by products with the inverse information, and its degrees of freedom or None."""
    kind = cov.declaration
    size, V, gone = scaled(fitted.inverse)
    space = Products(V, size)
    df = None
    if kind.power is None:
        found, df = _of_function(cov, fitted, space)
    else:
        found, n_leverage_one = squares(fitted, space, _power(kind, fitted, space))
        found = _few_rows(cov, fitted.nobs, fitted.rank) * _warned(cov, n_leverage_one) * found
    found = size * found * size[:, None]
    found[gone] = found[:, gone] = np.nan
    return found, df


def _warned(cov, n_leverage_one) -> float:
    """1, or where a covariance is not defined NaN and a warning."""
    if not n_leverage_one:
        return 1.0
    warn(
        FastGLMWarning,
        f"cov={cov.name!r}: {n_leverage_one:g} rows have leverage 1, such as the only row of a level, where it is not "
        "defined (R's vcovHC gives NaN too); take 'HC1', or leave such rows or levels out",
    )
    return np.nan


def _power(kind, fitted, space):
    """The power of 1 - leverage of a kind, for the rows and coefficients of a fit."""
    if not isinstance(kind.power, str):
        return kind.power
    largest = 0.0
    if kind.power == "HC5":
        largest = fitted.rows.reduce(LargestLeverage(fitted.scores, space)).value
    return Discount(kind.power, fitted.nobs / max(fitted.rank, 1), largest)


def _of_many(fitted, space, power):
    """The covariance of squared scores over (1 - leverage)^power, its core, and the rows that have leverage one."""
    core, n_leverage_one = squares(fitted, space, power)
    return space.covariance(core), core, n_leverage_one


def _of_few(fitted, space, power):
    """The same of few rows, in double-double arithmetic."""
    data, n, scores = fitted.rows.data, fitted.rows.n_rows, fitted.scores
    f, X = repeats(data, 0, n), columns(data, 0, n)
    there = f > 0.0
    X = X.toarray() if hasattr(X, "toarray") else X
    r, h = scores.terms(data, 0, n)
    low = np.zeros(n)
    r = r[:, 0]
    if scores.pair.linear:
        r, low = dd.multiply((h, low), residuals(data, X, data.y, scores.beta))
    r, low, h, f, X = (v[there] for v in (r, low, h, f, X))
    Q, back = dd.orthogonal(X[:, space.kept], f * h)
    r, q = at_optimum(Q, r, low, h, f), Q[0]
    square = dd.total(tuple(part.T for part in dd.multiply(Q, Q)))
    rest = dd.add((np.ones_like(h), np.zeros_like(h)), dd.negative(dd.multiply((h, np.zeros_like(h)), square)))[0]
    full = (rest < ONE) & (power != 0)
    kept = np.where(full, 1.0, rest)
    w = np.where(full, 0.0, f * r**2 / kept ** power_at(power, kept))
    core = (q.T * w) @ q
    found = placed(back[0] @ core @ back[0].T, space.kept, space.n_params)
    # Q is that of the factor but for signs
    signs = np.sign(space.root.diagonal())
    return found, core * signs * signs[:, None], float(f[full].sum())


def zeroed(beta) -> np.ndarray:
    """Coefficients with zeros for aliased ones."""
    return np.where(np.isnan(beta), 0.0, beta)
