"""The record of a cross-validated path. It holds no data."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np

from .. import plots
from ..core.frames_out import frame
from ..core.lazy import frozen
from ..errors import InvalidParameterError
from ..inference.path_summary import CVSummary
from .codecs import save
from .pages import write_page
from .path import PathResult, refit_of
from .record import GLMResult

if TYPE_CHECKING:
    from matplotlib.axes import Axes

    from ..core.records import Array, File
    from ..types import Rows, Variable

RULES = ("min", "1se")
MEASURES = ("deviance", "mse", "mae", "class", "auc")
ARRAYS = ("mean", "se", "fold_values", "fold_weights")


@dataclass(frozen=True, kw_only=True, eq=False, repr=False)
class CVResult:
    """A path of penalised fits with its cross-validated losses.

    Parameters
    ----------
    path : PathResult
        Of all rows.
    measure : str
        The loss, a mean over held-out rows by their weights: "deviance", "mse", "mae" or "class"; or "auc".
    rule : "min" or "1se"
        What ``best`` is by.
    folds : str
        The kind of folds.
    n_folds : int
        The number of folds of each repetition.
    repeats : int
    mean : (L,) array
        The mean at each lambda, folds counted by their weights.
    se : (L,) array
        Its standard error from the variance between the folds, of several repetitions the root of the mean of their
        squares; NaN where one part of the rows is held out.
    fold_values : (F, L) array or None
        The mean loss of each fold by the coefficients that were fitted without it; None where each row was left out in
        closed form.
    fold_weights : (F,) array or None
    """

    path: PathResult
    measure: str
    rule: str
    folds: str
    n_folds: int
    repeats: int
    mean: Array
    se: Array
    fold_values: Array | None = None
    fold_weights: Array | None = None

    _saved_as: ClassVar[str] = "cv"

    def __post_init__(self) -> None:
        for name in ARRAYS:
            if (value := getattr(self, name)) is not None:
                object.__setattr__(self, name, frozen(np.asarray(value).view()))

    @classmethod
    def of(cls, *, fold_values: Array | None = None, fold_weights: Array | None = None, **known: Any) -> CVResult:
        """The record with the mean and the standard error that follow from the folds, where they are not known."""
        if fold_values is None or fold_weights is None:
            return cls(**known)
        repeats, n = known["repeats"], len(fold_values) // known["repeats"]
        mean, squares = np.average(fold_values, axis=0, weights=fold_weights), 0.0
        for values, weights in zip(np.split(fold_values, repeats), np.split(fold_weights, repeats), strict=True):
            away = (values - np.average(values, axis=0, weights=weights)) ** 2
            squares += np.average(away, axis=0, weights=weights) / (n - 1 if n > 1 else np.nan) / repeats
        return cls(
            mean=mean, se=np.sqrt(squares), n_folds=n, fold_values=fold_values, fold_weights=fold_weights, **known
        )

    @property
    def lambdas(self) -> Array:
        """The values of lambda, (L,), decreasing."""
        return self.path.lambdas

    @property
    def losses(self) -> Array:
        """The mean, (L,), of which the least value is the best: an area has its sign changed."""
        return -self.mean if self.measure == "auc" else self.mean

    @property
    def lambda_min(self) -> float:
        """The largest lambda at the best mean, the least loss or the largest area."""
        return float(self.lambdas[int(np.argmin(self.losses))])

    @property
    def lambda_1se(self) -> float:
        """The largest lambda whose mean is within a standard error of the best (Breiman et al. 1984).

        Raises
        ------
        InvalidParameterError
            Where one part of the rows is held out, of which there is no standard error.
        """
        i = int(np.argmin(self.losses))
        if np.isnan(self.se[i]):
            raise InvalidParameterError("rule='1se': one held-out part has no standard error; take rule='min'")
        return float(self.lambdas[int(np.argmax(self.losses <= self.losses[i] + self.se[i]))])

    def lambda_by(self, rule: str) -> float:
        """The lambda that a rule chooses, "min" or "1se".

        Raises
        ------
        InvalidParameterError
        """
        if rule not in RULES:
            raise InvalidParameterError(f"rule={rule!r} is unknown; known: {', '.join(RULES)}")
        return self.lambda_min if rule == "min" else self.lambda_1se

    def at(self, rule: str) -> GLMResult:
        """The fit of all rows by a rule, "min" or "1se".

        Raises
        ------
        InvalidParameterError
        """
        return self.path.at(self.lambda_by(rule))

    @property
    def best(self) -> GLMResult:
        """The fit of all rows at the chosen lambda."""
        return self.path.at(self.chosen_lambda)

    @property
    def chosen_lambda(self) -> float:
        """The lambda that ``best`` is at."""
        return self.lambda_by(self.rule)

    def refit(self, X: Rows, y: Variable | None = None, *, lam: float | None = None, **options: Any) -> GLMResult:
        """The unpenalised fit of the columns that are selected at the chosen lambda, or at another one.

        Its inference does not know of the selection, of which a ``SelectionWarning`` reminds; see ``fastglm.refit``.
        """
        return refit_of(self, X, y, lam=lam, **options)

    def predict(self, X: Rows, kind: str = "mean", *, lam: float | None = None, **options: Any) -> Array:
        """Predictions for new rows by the fit of all rows at the chosen lambda, or at another one of the path.

        Raises
        ------
        InvalidParameterError
            As ``PathResult.predict``.
        """
        return self.path.predict(X, kind, lam=self.chosen_lambda if lam is None else lam, **options)

    def table(self) -> Any:
        """One row per lambda, as the user's own kind of frame (see ``GLMResult.tidy``).

        The columns are lambda, df, mean, se, lower and upper (the mean less and plus its standard error), and rules:
        which of "min" and "1se" choose the lambda.
        """
        chosen = {"min": self.lambda_min} | ({} if np.isnan(self.se).all() else {"1se": self.lambda_1se})
        rules = [" ".join(rule for rule, lam in chosen.items() if lam == own) for own in self.lambdas.tolist()]
        columns = {"lambda": self.lambdas, "df": self.path.df, "mean": self.mean, "se": self.se}
        limits = {"lower": self.mean - self.se, "upper": self.mean + self.se, "rules": rules}
        return frame(columns | limits, self.path.first.schema.library)

    def summary(self) -> CVSummary:
        """The curve as a table, a summary with ``as_text()`` and ``as_html()``."""
        return CVSummary(self)

    def plot(self, *, ax: Axes | None = None) -> Axes:
        """The mean at each lambda with its standard error, both rules marked; see ``fastglm.plots.cv``."""
        return plots.cv(self, ax=ax)

    def to_html(self, path: File, title: str = "Cross-validated path of penalised fits") -> None:
        """Write the summary, the chosen fit and, where matplotlib is installed, the plots as one page of HTML."""
        html = self.summary().as_html() + self.best.summary().as_html()
        write_page(path, title, html, [self.plot, self.path.plot])

    def save(self, path: File) -> None:
        """Write it to a JSON file that ``fastglm.load`` reads back to the bit; see ``fastglm.result.saved``."""
        save(self, path)

    def _repr_html_(self) -> str:
        return self.summary().as_html()

    def __repr__(self) -> str:
        i = int(np.argmin(self.losses))
        times = f", {self.repeats} times" if self.repeats > 1 else ""
        spread = "" if np.isnan(self.se[i]) else f" (se {self.se[i]:.2g})"
        within = "" if np.isnan(self.se[i]) else f"; within one se to {self.lambda_1se:.4g}"
        held = "one held-out part" if self.n_folds == 1 else f"{self.n_folds:,} folds{times}"
        best = f"{self.measure} {self.mean[i]:.6g}{spread}"
        return f"<CVResult of {held}: {best} at lambda {self.lambda_min:.4g}{within}>"
