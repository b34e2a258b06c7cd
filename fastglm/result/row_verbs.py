"""The verbs of a result on rows, which it does not hold: predictions, residuals, influence, scores, covariances."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, overload

import numpy as np

from ..errors import InvalidParameterError
from ..inference import linear_predictor, wald
from ..inference import retransform as means_of_y
from ..rows.matching import check_offset

if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import Any, Literal

    from typing_extensions import Self, Unpack

    from ..core.records import Array, ArrayLike, File, Labels
    from ..inference.influence import Influence
    from ..inference.wald import Prediction
    from ..postestimation.row_answers import Written
    from ..postestimation.scores import Calibration, Score
    from ..types import CovarianceOptions, PredictOptions, RowOptions, Rows, ScoreOptions, Variable


class RowVerbs:
    """The methods of a ``GLMResult`` that take rows: arrays, a frame or files."""

    def with_cov(
        self, kind: str | Mapping[str, Any], X: Rows | None = None, y: Variable | None = None,
        **options: Unpack[CovarianceOptions],
    ) -> Self:  # fmt: skip
        """The same fit with another covariance of the coefficients.

        Parameters
        ----------
        kind : "model", "robust", "HC0" to "HC5", "HC4m", "cluster:column", or "cluster" with ``cluster=``; "HAC",
            "Lumley", "Driscoll-Kraay", "panel-HAC", "PCSE", "CR2", "CR3", "jackknife", "survey" and their options as
            mappings, such as {"HAC": 4, "time": "year"}; see docs/covariances.md
        X, y : the rows of the fit, for all kinds but "model"; or ``data=``, a frame or files, read by its formula
        **options : cluster, correction, weights, freq_weights, offset, exposure, threads: see
            ``fastglm.postestimation.covariances.with_cov``

        Examples
        --------
        ``result.with_cov("HC3", data="claims/*.parquet")``

        Raises
        ------
        InvalidParameterError
            For a kind that there is not, and rows that are not those of the fit.
        """
        if self.penalty is not None:
            raise InvalidParameterError("with_cov: a penalised fit has no covariance of its estimates")
        if not isinstance(kind, str) or kind != "model":
            from ..postestimation import covariances

            return covariances.with_cov(self, kind, X, y, **options)
        if options:
            raise TypeError(f"with_cov('model') takes no {', '.join(options)}")
        return replace(self, cov_kind=kind, covariance=None, cov_df=None)

    @overload
    def predict(
        self, X: Rows, kind: Literal["mean", "link"] = "mean", offset: Variable | None = None,
        exposure: Variable | None = None, interval: None = None, *, out: None = None, **options: Unpack[PredictOptions],
    ) -> Array: ...  # fmt: skip

    @overload
    def predict(
        self, X: Rows, kind: Literal["class"], offset: Variable | None = None, exposure: Variable | None = None,
        interval: None = None, *, out: None = None, **options: Unpack[PredictOptions],
    ) -> Labels: ...  # fmt: skip

    @overload
    def predict(
        self, X: Rows, kind: Literal["mean", "link"] = "mean", offset: Variable | None = None,
        exposure: Variable | None = None, *, interval: Literal["mean", "prediction"], out: None = None,
        **options: Unpack[PredictOptions],
    ) -> Prediction: ...  # fmt: skip

    @overload
    def predict(
        self, X: Rows, kind: Literal["mean", "link", "class"] = "mean", offset: Variable | None = None,
        exposure: Variable | None = None, interval: Literal["mean", "prediction"] | None = None, *, out: File,
        **options: Unpack[PredictOptions],
    ) -> Written: ...  # fmt: skip

    def predict(
        self, X, kind="mean", offset=None, exposure=None, interval=None, level=0.95, threshold=0.5, *,
        retransform=None, simultaneous=None, trials=None, out=None, **options,
    ):  # fmt: skip
        """Predictions for new rows.

        Parameters
        ----------
        X : (n, p) array_like, data frame or sparse matrix, without the intercept column if the fit added it
            A data frame's columns are matched by name, or read by the formula of the fit, whose offset and exposure
            are then taken from it. Rows left out for missing values are NaN. Aliased coefficients count as 0. Also
            files, as ``glm`` takes them, which are read piece by piece.
        kind : "mean", "link" (the linear predictor), or "class" (labels of a binomial model fitted to labels)
        offset, exposure : scalar or (n,) array_like; one is needed if the model was fitted with one, unless the formula
            has it: then it is found in X by its name, and giving it again is an error
        interval : None, "mean" for confidence intervals of the mean, or "prediction" for intervals of new responses,
            by the quantiles of the family's distribution; see ``fastglm.inference.new_responses``
        level : float, confidence of the interval
        threshold : float, ``kind="class"`` answers the second label where the mean exceeds it
        retransform : None, or of least squares of a logarithm the mean of y itself: "lognormal" for normal errors,
            "smearing" for any; see ``fastglm.inference.retransform``
        simultaneous : None, or for intervals of the mean that hold for all rows together "scheffe", "bonferroni" or
            "sup-t" (the largest |t| of the rows in memory); see ``fastglm.inference.new_responses``
        trials : int, with interval="prediction" of a binomial model: limits are counts of so many
        out : str or Path, a Parquet file to write the predictions to, which is there whole or not at all
        **options : keep, names of columns to write beside them, threads, and progress for a bar over the rows; see
            ``fastglm.postestimation.row_answers.predict``

        Returns
        -------
        (n,) array; with an interval a Prediction(mean, se, lower, upper) of (n,) arrays, made on the link scale

        Raises
        ------
        InvalidParameterError, MissingDataError
            For an X that does not fit the model.
        InvalidParameterError
            For an offset that is missing, or a `kind` or `interval` that the model cannot give.
        """
        if kind not in ("mean", "link", "class"):
            raise InvalidParameterError(f"unknown kind of prediction {kind!r}; there are 'mean', 'link', 'class'")
        if kind == "class" and (self.classes is None or interval is not None):
            raise InvalidParameterError("kind='class' needs a binomial model fitted to labels, and has no interval")
        if interval not in (None, "mean", "prediction"):
            raise InvalidParameterError(f"unknown interval {interval!r}; there are None, 'mean', 'prediction'")
        self._check_intervals(kind, interval, simultaneous, trials, retransform)
        if trials is not None:
            options["trials"] = trials
        if simultaneous is not None:
            options["critical"] = self._critical(X, simultaneous, level, offset, exposure)
        if retransform is not None:
            means_of_y.check(self, retransform, kind)
            options["retransform"] = retransform
        from ..postestimation import row_answers

        return row_answers.predict(
            self, X, kind, interval=interval, level=level, threshold=threshold, offset=offset, exposure=exposure,
            out=out, **options,
        )  # fmt: skip

    def _check_intervals(self, kind, interval, simultaneous, trials, retransform):
        """Refuse intervals that are not of what is predicted."""
        if interval == "prediction" and kind != "mean":
            raise InvalidParameterError("interval='prediction' is of responses: leave kind= out")
        if trials is not None and (interval != "prediction" or retransform is not None):
            raise InvalidParameterError("trials belong to interval='prediction' of a binomial model")
        if simultaneous is None:
            return
        from ..inference.new_responses import BANDS

        if simultaneous not in BANDS:
            raise InvalidParameterError(
                f"simultaneous={simultaneous!r} is unknown; there are {', '.join(map(repr, BANDS))}"
            )
        if interval != "mean" or retransform is not None:
            raise InvalidParameterError("simultaneous limits are of means: give interval='mean'")

    def _critical(self, X, simultaneous, level, offset, exposure):
        """The critical value of a band over all rows."""
        from ..inference.new_responses import band_critical

        if simultaneous == "scheffe":
            return band_critical(self, None, simultaneous, level)
        vectors = {"offset": offset, "exposure": exposure}
        given = self.schema.open(X, None, vectors, respond=False, in_memory=f"simultaneous={simultaneous!r}")
        return band_critical(self, given.whole().X, simultaneous, level)

    def _predicted(self, piece, kind, interval, level, threshold, retransform=None, critical=None, trials=1):
        """The predictions for the rows of a piece."""
        offset = check_offset(self, piece.offset, piece.exposure, piece.X.shape[0])
        if retransform is not None:
            return means_of_y.retransformed(self, piece.X, offset, retransform, interval, level)
        if interval == "mean":
            return wald.mean_interval(self, piece.X, offset, kind, level, critical)
        if interval == "prediction":
            from ..inference.new_responses import new_response

            return new_response(self, piece.X, offset, level, trials)
        eta = linear_predictor(self, piece.X, offset)
        if kind == "link":
            return eta
        from ..family.means import inverse_link

        mu = inverse_link(self.link, eta)
        return mu if kind == "mean" else np.asarray(self.classes)[(mu > threshold).astype(np.intp)]

    @overload
    def residuals(
        self, X: Rows | None = None, y: ArrayLike | None = None, kind: str = "deviance", *, out: None = None,
        **options: Unpack[RowOptions],
    ) -> Array: ...  # fmt: skip

    @overload
    def residuals(
        self, X: Rows | None = None, y: ArrayLike | None = None, kind: str = "deviance", *, out: File,
        **options: Unpack[RowOptions],
    ) -> Written: ...  # fmt: skip

    def residuals(
        self, X=None, y=None, kind="deviance", *, weights=None, offset=None, exposure=None, data=None, **options
    ):
        """Residuals of rows, (n,): "deviance", "pearson", "response", "working" or "anscombe"; see
        ``fastglm.inference.residuals``; or "quantile", randomised with ``seed=`` where responses are counts, standard
        normal if the model is right; see ``fastglm.inference.quantile_residuals``. Of several classes "deviance" (n,),
        "pearson" or "response" (n, K); see ``fastglm.inference.multinomial.residuals``. In place of X and y ``data``,
        a frame or files read by the formula of the fit; out, keep and threads as for ``predict``."""
        from ..postestimation import row_answers

        shifts = {"weights": weights, "offset": offset, "exposure": exposure}
        return row_answers.residuals(self, X if data is None else data, y, kind, **shifts, **options)

    @overload
    def influence(
        self, X: Rows | None = None, y: ArrayLike | None = None, *, out: None = None, **options: Unpack[RowOptions]
    ) -> Influence: ...

    @overload
    def influence(
        self, X: Rows | None = None, y: ArrayLike | None = None, *, out: File, **options: Unpack[RowOptions]
    ) -> Written: ...

    def influence(self, X=None, y=None, *, weights=None, offset=None, exposure=None, data=None, **options):
        """Leverage, Cook's distance and standardised residuals of the rows; see ``fastglm.inference.influence``. With
        ``deletion=True`` also DFBETAS, DFFITS, COVRATIO and studentised residuals, a ``Deletion`` with R's flags; see
        ``fastglm.inference.deletion``. In place of X and y ``data``, as for ``residuals``."""
        from ..postestimation import row_answers

        shifts = {"weights": weights, "offset": offset, "exposure": exposure}
        return row_answers.influence(self, X if data is None else data, y, **shifts, **options)

    def score(self, data: Rows, y: Variable | None = None, **options: Unpack[ScoreOptions]) -> Score:
        """Measures of the predictions of rows, a ``Score``: deviance, D2, log-likelihood, mean squared error; of a
        binomial model also log loss, Brier score and AUC. ``data`` are arrays (with ``y``), a frame or files; weights,
        freq_weights, offset and exposure are arrays or names of columns; see ``postestimation.scores.score``."""
        from ..postestimation import scores

        return scores.score(self, data, y, **options)

    def calibration(
        self, data: Rows, y: Variable | None = None, *, bins: int = 10, **options: Unpack[ScoreOptions]
    ) -> Calibration:
        """Means of prediction and outcome in groups of rows by their predicted mean, a ``Calibration`` with
        ``to_pandas()``; see ``fastglm.postestimation.scores.calibration``."""
        from ..postestimation import scores

        return scores.calibration(self, data, y, bins=bins, **options)
