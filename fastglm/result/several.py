"""The record of a fit with several linear predictors a row: ordered levels, counts with many zeros, shares,
dispersions."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from ..errors import InvalidParameterError
from ..inference import several, several_intervals
from ..inference.summary import SeveralSummary
from ..rows.matching import check_offset
from .record import GLMResult

if TYPE_CHECKING:
    from ..core.records import Array

VERBS = ("parallel_test",)  # of those that lie above results


@dataclass(frozen=True, kw_only=True, eq=False, repr=False)
class SeveralResult(GLMResult):
    """A fitted model of several linear predictors a row, whose coefficients are one after the other.

    It has what ``GLMResult`` has of coefficients: tables, tests and intervals. ``deviance`` is minus twice the
    log-likelihood, that of the null model being of the constants alone.

    Parameters
    ----------
    names : tuple of str
        Of ordered levels the columns, then the thresholds "a|b", each followed by the columns "x:a|b" that have a
        coefficient at every threshold; of counts ``count_...``, ``zero_...`` and "Log(theta)", of truncated ones the
        columns as they are; of shares those of the mean, then "(phi)" or "(phi)_...", and of dispersions
        "(dispersion)_...".
    columns : tuple of tuples of int
        The numbers of the columns of the design that each predictor has; none for a constant alone. Those of a
        threshold are beside its constant, and are taken from it.
    second_link : str or None
        The link of the precision of shares, or of the dispersion.
    classes : tuple of the levels from the lowest to the highest, or None
    certificate : float
        The largest part of a last Newton step in standard errors, by the information of all parameters.
    others
        As in ``GLMResult``.
    """

    columns: tuple[tuple[int, ...], ...]
    second_link: str | None = None
    _saved_as = "several"

    @property
    def places(self) -> list[slice]:
        """Where the coefficients of each predictor are among ``names``."""
        if self.family.labelled:  # thresholds are constants, beside which columns may have coefficients
            sizes = [len(c) + (i > 0) for i, c in enumerate(self.columns)]
        else:
            sizes = [len(c) or 1 for c in self.columns]
        ends = np.cumsum([0, *sizes]).tolist()
        return [slice(a, b) for a, b in zip(ends[:-1], ends[1:], strict=True)]

    @property
    def thresholds(self) -> Array:
        """The thresholds between the levels, (K - 1,)."""
        if not self.family.labelled:
            raise InvalidParameterError(f"thresholds: family={self.family.name!r} has none")
        return self.params[[at.start for at in self.places[1:]]]

    @property
    def theta(self) -> float:
        """The estimated theta of negative binomial counts, whose logarithm is among the coefficients; of Poisson
        counts, which are those of an infinite theta, infinity."""
        if self.family.shape_name is not None:
            return float(np.exp(self.params[-1]))
        if self.family.whole:
            return float("inf")
        raise InvalidParameterError(f"theta: family={self.family.name!r} has none")

    def predict(
        self, X: Any, kind: Any = None, offset: Any = None, exposure: Any = None, *, counts: Any = None,
        quantiles: Any = None, interval: Any = None, level: float = 0.95, out: Any = None, **options: Any,
    ) -> Any:  # fmt: skip
        """Predictions for new rows.

        Parameters
        ----------
        X : as for ``GLMResult.predict``
        kind : str, optional
            The first without it. Of ordered levels "proba" (n, K), "cumulative" (n, K - 1), "class" (the likeliest),
            or "link", the linear predictor without thresholds. Of counts "mean", "count" (the mean of the count part
            before its zeros are changed), "zero" (the probability of the zero part: of a structural zero, or of
            passing the hurdle), "proba" (the probabilities of ``counts``), or "link". Of shares "mean", "precision",
            "variance", "quantile" (at ``quantiles``), or "link". Of dispersions "mean", "dispersion", "variance" (of
            a row of weight one), or "link".
        offset, exposure : as for ``GLMResult.predict``
        counts : sequence of int, whose probabilities kind="proba" gives
        quantiles : sequence of float, probabilities that kind="quantile" gives the shares of
        interval : None, "confidence" (or "mean", as other results have it) for confidence intervals of any kind but
            "class", by the covariance that the result has; or "prediction" for intervals of new counts and shares, by
            the quantiles of the fitted distribution; see ``fastglm.inference.several_intervals``
        level : float, confidence of the interval
        out, options : as for ``GLMResult.predict``

        Returns
        -------
        (n,) or (n, K) array; with an interval a Prediction(mean, se, lower, upper) of such arrays. Limits of
        probabilities and shares are made on the logit scale, those of counts, precisions and variances on that of the
        logarithm.

        Raises
        ------
        InvalidParameterError, MissingDataError
            For an X that does not fit the model, and a kind or interval that there is not.
        """
        kinds = several.kinds_of(self.family)
        kind = kinds[0] if kind is None else kind
        if kind not in kinds:
            raise InvalidParameterError(
                f"unknown kind of prediction {kind!r}; family={self.family.name!r} has {', '.join(map(repr, kinds))}"
            )
        self._check_interval(kind, interval)
        more = {}
        if kind == "proba" and self.family.whole:
            more["counts"] = _wanted("counts", counts, lambda v: (v >= 0.0) & (v == np.floor(v)))
        if kind == "quantile":
            more["quantiles"] = _wanted("quantiles", quantiles, lambda v: (v > 0.0) & (v < 1.0))
        from ..postestimation import row_answers

        return row_answers.predict(
            self, X, kind, offset=offset, exposure=exposure, interval=interval, level=level, out=out, **more, **options
        )

    def _check_interval(self, kind, interval):
        """Refuse intervals that are not of what is predicted."""
        known = (None, "confidence", "mean", "prediction")
        if interval not in known:
            raise InvalidParameterError(f"unknown interval {interval!r}; there are {', '.join(map(repr, known))}")
        if interval is not None and kind == "class":
            raise InvalidParameterError("kind='class' has no interval")
        if interval == "prediction" and self.family.labelled:
            raise InvalidParameterError(
                "interval='prediction': the levels of family='ordinal' are no numbers; kind='proba' has the "
                "probability of each"
            )
        if interval == "prediction" and kind != "mean":
            raise InvalidParameterError("interval='prediction' is of responses: leave kind= out")

    def _predicted(self, piece, kind, interval, level, threshold, counts=None, quantiles=None):
        """The predictions for the rows of a piece."""
        if interval is not None:
            shift = check_offset(self, piece.offset, piece.exposure, piece.X.shape[0])
            if interval == "prediction":
                return several_intervals.new_response(self, piece.X, shift, level)
            return several_intervals.confidence(self, piece.X, shift, kind, level, counts, quantiles)
        return several.predicted(self, piece, kind, counts, quantiles)

    def _labels_of(self, kind, counts=None, quantiles=None):
        """What the columns of predictions are called after."""
        chosen = counts if counts is not None else quantiles
        return self.value_labels(kind) if chosen is None else [f"{v:g}" for v in chosen]

    def value_labels(self, kind: str) -> tuple[str, ...] | None:
        """What the columns of predictions of a kind are called after; None for one number a row."""
        if kind == "cumulative":
            return tuple(self.names[at.start] for at in self.places[1:])
        return self.classes if kind == "proba" else None

    def predict_proba(self, X: Any) -> Array:
        """Probabilities of the ordered levels, (n, K) in the order of `classes`."""
        if not self.family.labelled:
            raise InvalidParameterError("predict_proba: predict(X, 'proba', counts=...) has probabilities of counts")
        return self.predict(X, "proba")

    def residuals(self, X: Any = None, y: Any = None, kind: Any = None, **options: Any) -> Any:
        """Residuals of rows, (n,): "probability" of ordered levels, else "pearson" or "response", and of dispersions
        "deviance"; see
        ``fastglm.inference.several.residuals``, and ``GLMResult.residuals`` for the options."""
        kind = several.RESIDUALS_OF[several.loop_name(self.family)][0] if kind is None else kind
        return super().residuals(X, y, kind, **options)

    def parallel_test(self, data: Any, y: Any = None, **options: Any) -> Any:
        """The score test that the coefficients are the same at every threshold; see ``fastglm.parallel_test``."""
        return self._by("parallel_test")(self, data, y, **options)

    def summary(self, level: float = 0.95) -> SeveralSummary:
        """The fit as a table for each part, a Summary with ``as_text()`` and ``as_html()``."""
        return SeveralSummary(self, level)

    @property
    def part_names(self) -> list[str]:
        """The part that each coefficient belongs to."""
        if self.family.labelled:
            first, *others = ["coefficient"] * len(self.columns[0]), *self.columns[1:]
            return [*first, *(kind for c in others for kind in ("threshold", *["coefficient"] * len(c)))]
        if self.family.whole:
            parts = [part or "count" for part in self.family.parts]
            kinds = [*parts, "theta"][: len(self.columns)]
        else:
            kinds = ["mean", self.family.second_kind]
        return [kind for kind, at in zip(kinds, self.places, strict=True) for _ in range(at.stop - at.start)]

    def _terms(self):
        return {"part": self.part_names, "term": list(self.names)}

    def _levels(self):
        return {}

    def _by(self, name):
        if name not in VERBS:
            raise InvalidParameterError(f"{name}: family={self.family.name!r} has no such verb")
        return super()._by(name)


def _wanted(name, values, fine):
    """The numbers of an argument that a kind of prediction needs."""
    found = np.atleast_1d(np.asarray([] if values is None else values, np.float64))
    if not found.size or not fine(found).all():
        what = "counts, such as range(10)" if name == "counts" else "probabilities, such as [0.1, 0.9]"
        raise InvalidParameterError(f"{name}={values!r} must be {what}")
    return found


def _refused(name):
    """A verb that models of several predictors do not have."""

    def verb(self, *args, **options):
        raise InvalidParameterError(f"{name}: family={self.family.name!r} has no such verb")

    verb.__name__, verb.__doc__ = name, f"Refused: models of several linear predictors have no {name}."
    return verb


for _name in (
    "influence", "score", "calibration", "emmeans", "to_marginaleffects", "to_torch", "to_keras", "to_onnx",
):  # fmt: skip
    setattr(SeveralResult, _name, _refused(_name))
