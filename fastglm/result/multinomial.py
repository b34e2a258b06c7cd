"""The record of a softmax (multinomial logistic) regression."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any, overload

import numpy as np

from ..core.frames_out import frame
from ..core.lazy import cached_property, frozen
from ..errors import InvalidParameterError
from ..inference import check_covariance, linear_predictor, wald
from ..inference.summary import MultinomialSummary
from ..linalg.inverse import as_covariance
from .record import GLMResult

if TYPE_CHECKING:
    from collections.abc import Sequence
    from typing import Literal

    from typing_extensions import Unpack

    from ..core.records import Array, ArrayLike, File, Labels
    from ..family.multinomial import Multinomial
    from ..inference.multinomial import MultinomialInfluence
    from ..inference.summary import MultinomialSummary
    from ..inference.wald import Prediction
    from ..postestimation.row_answers import Written
    from ..types import PredictOptions, RowOptions, Rows

KINDS = ("mean", "proba", "link", "class")


class MultinomialResult(GLMResult):
    """A fitted softmax regression of K classes: K - 1 log odds against a reference class, each linear in X.

    It has all that ``GLMResult`` has. Estimates, standard errors, statistics and p-values are (p, K - 1) arrays: one
    row for each of `names`, one column for each of `contrast_classes`; ``conf_int`` is (p, K - 1, 2),
    ``cov_params`` (q, q) as `covariance`. An aliased column of X is NaN in every class.

    Parameters
    ----------
    params : (p, K - 1) array
    cov_unscaled, covariance : (q, q) array or None, q = (K - 1) p
        In the order of ``params.ravel(order="F")``: all coefficients of the first class, then those of the next.
    classes : tuple of the K labels, sorted
    family : ``fastglm.families.Multinomial`` with one of the classes as its `reference`
    df_resid, df_model, rank
        nobs (K - 1) - rank; rank, less K - 1 if the model contains a constant; coefficients of all classes that are
        not aliased.
    **others
        As in ``GLMResult``.
    """

    family: Multinomial
    classes: tuple[Any, ...]
    _saved_as = "multinomial"

    @property
    def reference(self) -> Any:
        """The reference class, the one all coefficients are against."""
        return self.family.reference

    @property
    def contrast_classes(self) -> tuple[Any, ...]:
        """The K - 1 classes other than the reference, one for each column of `params`."""
        return tuple(label for label in self.classes if label != self.reference)

    @property
    def df_null(self) -> float:
        """Residual degrees of freedom of the null model: K - 1 for each observation, less K - 1 with a constant."""
        return (len(self.classes) - 1) * (self.nobs - bool(self.has_intercept))

    @cached_property
    def coef_full(self) -> Array:
        """Symmetric coefficients, (p, K) in the order of `classes`: those of every class, with rows that sum to zero.

        They do not depend on the reference, and are the form in which scikit-learn reports coefficients.
        """
        return frozen(self.params @ self._symmetric.T)

    @cached_property
    def bse_full(self) -> Array:
        """Standard errors of `coef_full`, (p, K): exact, since these are linear in the coefficients."""
        covariance = self.cov_params()
        if covariance is None:
            return frozen(np.full((len(self.names), len(self.classes)), np.nan))
        blocks = as_covariance(covariance).same_column(len(self.classes) - 1)
        variances = np.einsum("ck,jkl,cl->jc", self._symmetric, blocks, self._symmetric, optimize=True)
        return frozen(np.sqrt(np.maximum(variances, 0.0)))

    @property
    def _expansion(self):
        """(K, K - 1) map from coefficients to those of all classes, the reference's being zero."""
        return np.insert(np.eye(len(self.classes) - 1), self.classes.index(self.reference), 0.0, axis=0)

    @property
    def _symmetric(self):
        """(K, K - 1) map from coefficients to the symmetric ones."""
        return self._expansion - self._expansion.mean(axis=0)

    def relevel(self, reference: Any) -> MultinomialResult:
        """The same fit with its coefficients against another class; probabilities and likelihood do not change.

        Parameters
        ----------
        reference : one of `classes`

        Returns
        -------
        MultinomialResult
            Its coefficients are differences of this one's, its covariance theirs. ``score_norm``, which belongs to the
            coefficients of the fit, is NaN.

        Raises
        ------
        InvalidParameterError
            If there is no such class.
        """
        if reference not in self.classes:
            raise InvalidParameterError(f"reference={reference!r} is not one of the classes {list(self.classes)}")
        if reference == self.reference:
            return self
        new = self.classes.index(reference)
        change = np.delete(self._expansion - self._expansion[new], new, axis=0)

        def moved(covariance):
            return None if covariance is None else as_covariance(covariance).mapped(change)

        return replace(
            self,
            params=self.params @ change.T,
            cov_unscaled=moved(self.cov_unscaled),
            covariance=moved(self.covariance),
            family=self.family._replace(reference=self.classes[new]),
            score_norm=float("nan"),
        )

    @overload
    def predict(
        self, X: Rows, kind: Literal["mean", "proba", "link"] = "mean", *, interval: None = None, out: None = None,
        **options: Unpack[PredictOptions],
    ) -> Array: ...  # fmt: skip

    @overload
    def predict(
        self, X: Rows, kind: Literal["class"], *, interval: None = None, out: None = None,
        **options: Unpack[PredictOptions],
    ) -> Labels: ...  # fmt: skip

    @overload
    def predict(
        self, X: Rows, kind: Literal["mean", "proba", "link"] = "mean", *, interval: Literal["mean"], out: None = None,
        **options: Unpack[PredictOptions],
    ) -> Prediction: ...  # fmt: skip

    @overload
    def predict(
        self, X: Rows, kind: Literal["mean", "proba", "link", "class"] = "mean", *,
        interval: Literal["mean"] | None = None, out: File, **options: Unpack[PredictOptions],
    ) -> Written: ...  # fmt: skip

    def predict(self, X, kind="mean", *, interval=None, level=0.95, out=None, **options):
        """Predictions for new rows.

        Parameters
        ----------
        X : (n, p) array_like, data frame or sparse matrix, without the intercept column if the fit added it
            A data frame's columns are matched by name, or read by the formula of the fit. Rows left out for missing
            values are NaN. Aliased coefficients count as 0.
        kind : "mean" or "proba" (probabilities), "link" (linear predictors), or "class" (the likeliest label)
        interval : None, or "mean" for confidence intervals of the probabilities
        level : float, confidence of the interval
        out, **options : as for ``GLMResult.predict``

        Returns
        -------
        (n, K) array of probabilities in the order of `classes`; (n, K - 1) linear predictors; or (n,) labels.
        With an interval a Prediction(mean, se, lower, upper) of such arrays; those of probabilities are made on the
        logit scale of each.

        Raises
        ------
        InvalidParameterError, MissingDataError
            For an X that does not fit the model, and a `kind` or `interval` that there is not.
        """
        if kind not in KINDS:
            raise InvalidParameterError(f"unknown kind of prediction {kind!r}; there are {', '.join(map(repr, KINDS))}")
        if interval not in (None, "mean"):
            raise InvalidParameterError(f"unknown interval {interval!r}; there are None, 'mean'")
        if kind == "class" and interval is not None:
            raise InvalidParameterError("kind='class' has no interval")
        from ..postestimation import row_answers

        return row_answers.predict(self, X, kind, interval=interval, level=level, out=out, **options)

    def _predicted(self, piece, kind, interval, level, _):
        """The predictions for the rows of a piece."""
        from ..inference import multinomial

        if interval == "mean":
            return multinomial.mean_interval(self, piece.X, kind, level)
        eta = linear_predictor(self, piece.X)
        if kind == "link":
            return eta
        if kind == "class":
            return np.asarray(self.classes)[multinomial.with_reference(self, eta).argmax(axis=1)]
        return multinomial.probabilities(self, eta)

    def predict_proba(self, X: Rows) -> Array:
        """Probabilities of the classes, (n, K) in the order of `classes`."""
        return self.predict(X)

    @overload
    def influence(
        self, X: Rows | None = None, y: ArrayLike | None = None, *, out: None = None, **options: Unpack[RowOptions]
    ) -> MultinomialInfluence: ...

    @overload
    def influence(
        self, X: Rows | None = None, y: ArrayLike | None = None, *, out: File, **options: Unpack[RowOptions]
    ) -> Written: ...

    def influence(self, X=None, y=None, *, weights=None, data=None, **options):
        """Leverage and Cook's distance of the rows; see ``fastglm.inference.multinomial.influence``, and
        ``GLMResult.influence`` for ``data``."""
        return super().influence(X, y, weights=weights, data=data, **options)

    def wald_test(self, terms: str | Sequence[str | Sequence[str]] | None = None) -> Any:
        """Joint tests that columns of X have no coefficient in any class, by Wald's statistic.

        They do not depend on the reference class, as the tests of single coefficients do.

        Parameters
        ----------
        terms : sequence, optional
            Names of columns, tested one by one; a tuple or list of names among them is tested as one, such as the
            columns of a factor. All columns without it.

        Returns
        -------
        One row per term, a pandas DataFrame, or a dict of columns where pandas is not installed: term, statistic
        (chi-square), df, p_value. NaN and df 0 where all of a term is aliased.

        Raises
        ------
        InvalidParameterError
            For a name the model does not have, or a model fitted without a covariance.
        """
        covariance = check_covariance(self.cov_params(), "tests")
        if terms is None:
            labels, rows = list(self.names), [[j] for j in range(len(self.names))]  # names may repeat
        else:
            terms = [terms] if isinstance(terms, str) else terms
            terms = [(term,) if isinstance(term, str) else tuple(term) for term in terms]
            labels, rows = [", ".join(term) for term in terms], [self._positions(term) for term in terms]
        tests = [self._joint_test(chosen, covariance) for chosen in rows]
        columns = zip(*tests, strict=True) if tests else ((), (), ())
        return frame({"term": labels} | dict(zip(wald.WaldTest._fields, map(list, columns), strict=True)))

    def _positions(self, term):
        """The rows of `params` that a term names."""
        unknown = [name for name in term if name not in self.names]
        if unknown or not term:
            raise InvalidParameterError(f"terms: {unknown or term} not among the names {list(self.names)}")
        return [j for j, name in enumerate(self.names) if name in term]

    def _joint_test(self, rows, covariance):
        """Wald's test of some rows of `params` in all classes."""
        p, n_contrasts = self.params.shape
        at = np.add.outer(p * np.arange(n_contrasts), rows).ravel()
        block = as_covariance(covariance).block(at)
        return wald.wald(self.params.ravel(order="F")[at], block)

    def summary(self, level: float = 0.95) -> MultinomialSummary:
        """The fit as a table for each class, a Summary with ``as_text()`` and ``as_html()``."""
        return MultinomialSummary(self, level)

    def _terms(self):
        p, n_contrasts = self.params.shape
        classes = [label for label in self.contrast_classes for _ in range(p)]
        return {"class": classes, "term": list(self.names) * n_contrasts}

    def _size(self):
        return f"{len(self.classes)} classes, {self.params.size} coefficients"
