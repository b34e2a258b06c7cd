"""Estimators that learn from blocks of rows: with ``partial_fit`` and penalties."""

from __future__ import annotations

from math import isfinite
from typing import TYPE_CHECKING, Any

import numpy as np
from scipy.sparse import issparse
from sklearn.utils import check_random_state
from sklearn.utils.metaestimators import available_if

from ..errors import InvalidParameterError
from ..online import OnlineGLM
from ..solvers import SGD, Stream, declaration_of, resolve
from .base import Classifier, GLMEstimator, Regressor, checked_weights

if TYPE_CHECKING:
    from typing import Literal

    from typing_extensions import Self

    from ..core.records import ArrayLike
    from ..result.record import GLMResult
    from ..types import Covariance, FamilyLike, LinkLike, Rows

MOST_COEFFICIENTS = 1000  # whose curvature, a matrix, is kept


class Stochastic(GLMEstimator):
    """A fit by a stochastic solver, or of a stream.

    A subclass has the parameters ``solver``, ``alpha``, ``l1_ratio``, ``cov`` and ``random_state``.
    """

    def __sklearn_is_fitted__(self) -> Any:
        return hasattr(self, "_result") or hasattr(self, "_stream")

    @property
    def result_(self) -> GLMResult:
        """The fit with its inference; after ``partial_fit`` it is made when it is asked for.

        Raises
        ------
        InvalidParameterError
            Where the batches so far do not make an estimate.
        """
        if hasattr(self, "_stream") and not hasattr(self, "_result"):
            self._result = self._stream.result()
        return super().result_

    def _fit(self, X, y, family, weights, **shift):
        result = super()._fit(X, y, family, weights, **shift)
        vars(self).pop("_stream", None)
        return result

    def _learn(self, X, y, family, weights, **more):
        """Give a batch to the stream."""
        stream = getattr(self, "_stream", None)
        if stream is None:
            cov = "model" if self.cov == "auto" else self.cov
            stream = OnlineGLM(family, self.link, intercept=self.fit_intercept, cov=cov, names=self._names())
        stream.partial_fit(X.toarray() if issparse(X) else X, y, weights=weights, **more)
        vars(self).pop("_result", None)
        self._stream = stream

    def _streams(self):
        """Whether the estimator has ``partial_fit``, which has no options and no penalties."""
        if self.solver in ("auto", "stream") and self.alpha == 0.0:
            return True
        raise AttributeError(
            "partial_fit is streaming Newton without penalties: it needs solver='auto' and alpha=0, not "
            f"solver={self.solver!r} and alpha={self.alpha!r}"
        )

    def _options(self, X, family):
        penalty, too_many = self._penalty(), self._many(X, family)
        solver = self.solver
        if isinstance(solver, str) and solver == "auto":
            solver = SGD() if penalty or too_many else Stream()
        solver = resolve(solver)
        declared = declaration_of(solver)
        if not (declared.first_order or declared.sequential):
            raise InvalidParameterError(f"solver={self.solver!r} must be 'auto', 'stream', 'sgd', or an SGD or Stream")
        if penalty and not (declared.first_order and solver.l1 == solver.l2 == 0.0):
            raise InvalidParameterError(
                f"alpha={self.alpha!r} is a penalty of the solver 'sgd', which must not have one of its own"
            )
        if self.random_state is not None:
            solver = solver._replace(seed=int(check_random_state(self.random_state).randint(2**31 - 1)))
        cov = self.cov if self.cov != "auto" else None if penalty or too_many else "model"
        return solver._replace(**penalty), cov

    def _penalty(self):
        """The options of ``SGD`` that stand for ``alpha`` and ``l1_ratio``."""
        alpha, share = self.alpha, self.l1_ratio
        if not (isfinite(alpha) and alpha >= 0.0):
            raise InvalidParameterError(f"alpha={alpha!r} must be finite and not negative")
        if not 0.0 <= share <= 1.0:
            raise InvalidParameterError(f"l1_ratio={share!r} must be from 0 to 1")
        return {"l2": float(alpha * (1.0 - share)), "l1": float(alpha * share)} if alpha else {}

    def _many(self, X, family):
        """Whether the coefficients are too many for a curvature matrix."""
        classes = len(self.classes_) - 1 if family.response_model == "softmax" else 1
        return classes * (X.shape[1] + self.fit_intercept) > MOST_COEFFICIENTS


class SGDGLMRegressor(Stochastic, Regressor):
    """A generalized linear model of any family, fitted stochastically: many rows or columns, penalties, streams.

    ``fit`` with ``solver="auto"`` is streaming Newton: one pass over blocks in random order, each moving the
    coefficients by a step with the curvature so far, then passes that certify the answer. It needs no learning rate,
    does not mind the scales of columns, and has standard errors. More than 1,000 coefficients, or a penalty, are for
    first-order descent, ``fastglm.solvers.SGD``.

    Parameters
    ----------
    family : str or family
        A name or a value of ``fastglm.families``.
    link : str or link, optional
        A name or a value of ``fastglm.links``; the family's default without it.
    solver : "auto", "stream", "sgd", or a Stream or SGD of ``fastglm.solvers``
        The records have all options, such as ``SGD(rate=0.01, epochs=20, batch_size=256)``.
    alpha : float
        The penalty alpha ((1 - l1_ratio) / 2 |b|^2 + l1_ratio |b|_1) of the coefficients, the intercept excepted, is
        added to the mean of half the deviance.
    l1_ratio : float
        From 0, ridge, to 1, lasso.
    fit_intercept : bool
    cov : "auto", "model", "robust" or None
        As in ``fastglm.fit``; "auto" is "model", or None where there are more than 1,000 coefficients or a penalty.
    random_state : int, RandomState or None
        Fixes the order of rows; None keeps the solver's own seed, so that fits repeat to the bit.

    Attributes
    ----------
    result_ : GLMResult
        The fit: standard errors, tests, intervals, ``summary()``, AIC.
    coef_ : (p,) array
    intercept_ : float
    n_iter_, n_features_in_ : int
    feature_names_in_ : (p,) array of str
        Where X had names.

    Examples
    --------
    >>> import numpy as np
    >>> from fastglm.sklearn import SGDGLMRegressor
    >>> rng = np.random.default_rng(0)
    >>> model = SGDGLMRegressor("poisson")
    >>> for batch in range(20):
    ...     X = rng.normal(size=(1000, 2))
    ...     model = model.partial_fit(X, rng.poisson(np.exp(0.5 + X @ [0.3, -0.2])))
    >>> model.coef_.round(1), model.result_.nobs
    (array([ 0.3, -0.2]), 20000)
    """

    def __init__(
        self, family: FamilyLike = "gaussian", link: LinkLike | None = None, *,
        solver: Literal["auto", "stream", "sgd"] | SGD | Stream = "auto", alpha: float = 0.0, l1_ratio: float = 0.0,
        fit_intercept: bool = True, cov: Covariance = "auto", random_state: Any = None,
    ) -> None:  # fmt: skip
        self.family = family
        self.link = link
        self.solver = solver
        self.alpha = alpha
        self.l1_ratio = l1_ratio
        self.fit_intercept = fit_intercept
        self.cov = cov
        self.random_state = random_state

    @available_if(Stochastic._streams)
    def partial_fit(
        self, X: Rows, y: ArrayLike, sample_weight: ArrayLike | None = None, offset: ArrayLike | None = None,
        exposure: ArrayLike | None = None,
    ) -> Self:  # fmt: skip
        """Learn from a batch, as ``fastglm.OnlineGLM`` does: no learning rate, and standard errors.

        The first call after construction or ``fit`` begins a new stream.

        Parameters
        ----------
        X, y, sample_weight, offset, exposure
            As for ``fit``. A batch whose weights are all zero changes nothing.

        Returns
        -------
        self

        Raises
        ------
        ValueError
            For a batch that cannot be used, or whose columns are not those of the batches before; nothing has been
            learned from it then.
        AttributeError
            Unless `solver` is "auto" or "stream" and `alpha` is zero.
        """
        family, first = self._family(), not hasattr(self, "_stream")
        X, y = self._rows(X, y, reset=first, y_numeric=True)
        self._learn(X, y, family, checked_weights(sample_weight, X, all_zero=True), offset=offset, exposure=exposure)
        return self


class SGDGLMClassifier(Stochastic, Classifier):
    """Binomial or softmax regression, fitted stochastically: many rows or columns, penalties, streams.

    ``fit`` with ``solver="auto"`` is streaming Newton: one pass over blocks in random order, each moving the
    coefficients by a step with the curvature so far, then passes that certify the answer. It needs no learning rate,
    does not mind the scales of columns, and has standard errors. More than 1,000 coefficients, or a penalty, are for
    first-order descent, ``fastglm.solvers.SGD``.

    Parameters
    ----------
    link : str or link, optional
        Of two classes, a name or a value of ``fastglm.links``; the logit without it. More have the softmax only.
    solver, alpha, l1_ratio, fit_intercept, cov, random_state
        As for ``SGDGLMRegressor``.

    Attributes
    ----------
    result_ : GLMResult or MultinomialResult
        The fit: standard errors, tests, intervals, ``summary()``, AIC. Of two classes, y counts as 1 where it is
        ``classes_[1]``.
    classes_ : (K,) array
    coef_ : (1, p) array, or (K, p) for K > 2
    intercept_ : (1,) array, or (K,) for K > 2
    n_iter_, n_features_in_ : int
    feature_names_in_ : (p,) array of str
        Where X had names.

    Examples
    --------
    >>> from fastglm.sklearn import SGDGLMClassifier
    >>> X = [[2.0], [3.0], [5.0], [7.0], [11.0], [13.0]]
    >>> model = SGDGLMClassifier().partial_fit(X, list("nnynyy"), classes=["n", "y"])
    >>> model.coef_.round(3), model.predict([[4.0], [12.0]])
    (array([[0.552]]), array(['n', 'y'], dtype='<U1'))
    """

    def __init__(
        self, link: LinkLike | None = None, *, solver: Literal["auto", "stream", "sgd"] | SGD | Stream = "auto",
        alpha: float = 0.0, l1_ratio: float = 0.0, fit_intercept: bool = True, cov: Covariance = "auto",
        random_state: Any = None,
    ) -> None:  # fmt: skip
        self.link = link
        self.solver = solver
        self.alpha = alpha
        self.l1_ratio = l1_ratio
        self.fit_intercept = fit_intercept
        self.cov = cov
        self.random_state = random_state

    @available_if(Stochastic._streams)
    def partial_fit(
        self, X: Rows, y: ArrayLike, classes: ArrayLike | None = None, sample_weight: ArrayLike | None = None,
        offset: ArrayLike | None = None,
    ) -> Self:  # fmt: skip
        """Learn from a batch, as ``fastglm.OnlineGLM`` does: no learning rate, and standard errors.

        The first call after construction or ``fit`` begins a new stream.

        Parameters
        ----------
        X, y, sample_weight, offset
            As for ``fit``. A batch whose weights are all zero changes nothing.
        classes : (K,) array_like of labels
            All labels of y, in the first call; a batch need not have them all. Those of ``fit`` if there was one.

        Returns
        -------
        self

        Raises
        ------
        ValueError
            For a batch that cannot be used, or whose columns or labels are not those of the batches before; nothing
            has been learned from it then.
        AttributeError
            Unless `solver` is "auto" or "stream" and `alpha` is zero.
        """
        first = not hasattr(self, "_stream")
        if classes is None and not hasattr(self, "classes_"):
            raise InvalidParameterError("classes: the first call of partial_fit needs all labels of y")
        X, y = self._rows(X, y, reset=first)
        known = self.classes_ if classes is None else np.unique(classes)
        weights = checked_weights(sample_weight, X, all_zero=True)
        self._learn(X, y, self._family(known), weights, classes=known, offset=offset)
        self.classes_ = known
        return self
