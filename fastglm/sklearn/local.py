"""Local regression as a scikit-learn estimator."""

from __future__ import annotations

import warnings
from typing import TYPE_CHECKING, Any

import numpy as np

from ..errors import FastGLMWarning
from ..fitting.entry import fit
from ..kernels.evaluate import row_terms
from ..kernels.row_loops import FamilyLink
from ..smoothing.entry import local
from .base import Regressor, checked_weights

if TYPE_CHECKING:
    from ..core.records import ArrayLike
    from ..types import FamilyLike, LinkLike, Rows


class LocalGLMRegressor(Regressor):
    """Locally weighted regression and local likelihood of any family: a polynomial is fitted at each predicted point.

    Parameters
    ----------
    bandwidth : float, (p,) array, {"nearest": share or number of rows}, "loo" or "gcv"
        As of ``fastglm.local``, in the units of X.
    kernel : str
        "gaussian", "tricube" or "epanechnikov".
    degree : 0, 1, 2 or 3
    family : str or family
        A name or a value of ``fastglm.families``.
    link : str or link, optional
        A name or a value of ``fastglm.links``; the family's default without it.
    singular : "nan", "degree" or "ridge"
        What is predicted where too few rows are near: NaN, a polynomial of lower degree, or one with a small ridge.

    Attributes
    ----------
    result_ : LocalResult
    bandwidth_ : float, or (p,) array, or int
        What was used: a number of rows of nearest ones.
    n_features_in_ : int
    feature_names_in_ : (p,) array of str
        Where X had names.

    Examples
    --------
    >>> import numpy as np
    >>> from fastglm.sklearn import LocalGLMRegressor
    >>> X = np.linspace(0.0, 6.0, 60)[:, None]
    >>> LocalGLMRegressor(bandwidth=0.2).fit(X, np.sin(X[:, 0])).predict([[1.0], [4.0]]).round(2)
    array([ 0.82, -0.74])
    """

    def __init__(
        self, bandwidth: Any = 1.0, kernel: str = "gaussian", degree: int = 1, *, family: FamilyLike = "gaussian",
        link: LinkLike | None = None, singular: str = "degree",
    ) -> None:  # fmt: skip
        self.bandwidth = bandwidth
        self.kernel = kernel
        self.degree = degree
        self.family = family
        self.link = link
        self.singular = singular

    def _rows(self, X, *y, reset=False, **checks):
        least = {"ensure_min_samples": 2} if reset else {}
        return super()._rows(X, *y, reset=reset, **checks, **least)

    def _fit(self, X, y, family, weights, **shift):
        # the curve is evaluated at the rows that are asked for: one point here, of no interest
        dense = X.toarray() if hasattr(X, "toarray") else np.asarray(X)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", FastGLMWarning)
            return local(
                dense, y, at=dense[:1], bandwidth=self.bandwidth, kernel=self.kernel, degree=self.degree, family=family,
                link=self._link(), weights=weights, singular=self.singular, names=self._names(), **shift,
            )  # fmt: skip

    @property
    def bandwidth_(self) -> Any:
        """The bandwidth that was used: (p,) of fixed ones, or a number of rows."""
        used = self.result_.bandwidth
        return used.rows or used.value

    def score(
        self, X: Rows, y: ArrayLike, sample_weight: ArrayLike | None = None, offset: ArrayLike | None = None,
        exposure: ArrayLike | None = None,
    ) -> float:  # fmt: skip
        """D2, the fraction of the deviance that the curve explains; see ``GLMRegressor.score``."""
        result, shift = self.result_, dict(offset=offset, exposure=exposure)
        X, y = self._rows(X, y, y_numeric=True)
        weights = checked_weights(sample_weight, X)
        eta = result.predict(X, "link", **shift)
        own = np.ones(len(y)) if weights is None else weights
        pair = FamilyLink(result.family, result.link)
        deviance = row_terms(pair, eta, np.asarray(y, np.float64), own)[2].sum()
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", FastGLMWarning)  # of a constant that fits perfectly
            constant = fit(
                np.empty((len(y), 0)), y, family=result.family, link=result.link, weights=weights, cov=None, **shift
            )  # fmt: skip
        null = constant.null_deviance
        return 1.0 - float(deviance) / null if null > 0.0 else np.nan
