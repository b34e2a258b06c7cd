"""The verbs of a result that answer with tables of the user's own kind: R's ``broom``."""

from __future__ import annotations

from typing import TYPE_CHECKING, overload

import numpy as np

from ..core.frames_out import frame, labelled

if TYPE_CHECKING:
    from typing import Any, Literal

    from ..postestimation.augmented import RowValues
    from ..types import Rows, Variable


class TableVerbs:
    """The methods of a ``GLMResult`` that are tables of its coefficients, of itself, or of its rows."""

    @property
    def coef(self) -> Any:
        """The estimates with their names: a pandas Series (of several classes a DataFrame with a column for each), or
        where rows of polars or Arrow came in their frame with a column ``term``; a dict where pandas is not installed.
        ``params`` are the same numbers as an array."""
        return labelled(self.names, self.params, getattr(self, "contrast_classes", None), self.schema.library)

    def tidy(self, level: float = 0.95, *, exponentiate: bool = False, conf_level: float | None = None) -> Any:
        """One row per coefficient, as the user's own kind of frame.

        That is a polars DataFrame or a pyarrow Table where the model was fitted to one of theirs by a formula, else a
        pandas DataFrame, or a dict of columns where pandas is not installed.

        The columns are term, estimate, std_error, statistic, p_value, conf_low, conf_high (R's ``broom::tidy``); where
        the covariance is not the model's also covariance, its name; of a formula also variable, the term of the
        formula, and level, what the coefficient is of within it (missing for a term of one column of numbers).

        Parameters
        ----------
        level, conf_level : float
            Of the limits; the second name is broom's.
        exponentiate : bool
            Whether estimates and limits are exponentials: odds ratios under the logit link, ratios of means under the
            log link. As in broom standard errors, statistics and p-values stay those of the coefficients.
        """
        if conf_level is not None:
            level = conf_level
        limits = self.conf_int(level)
        numbers = {
            "estimate": self.params,
            "std_error": self.bse,
            "statistic": self.tvalues,
            "p_value": self.pvalues,
            "conf_low": limits[..., 0],
            "conf_high": limits[..., 1],
        }
        if exponentiate:
            with np.errstate(over="ignore"):
                numbers |= {name: np.exp(numbers[name]) for name in ("estimate", "conf_low", "conf_high")}
        columns = self._terms() | {name: values.flatten(order="F") for name, values in numbers.items()}
        if self.cov_kind != "model":
            columns["covariance"] = [self.cov_kind] * self.params.size
        if self.design is not None:
            columns |= self._levels()
        return frame(columns, self.schema.library)

    def _levels(self):
        """The columns of ``tidy`` with the term and the level of each coefficient."""
        from ..design.groups import groups

        names = np.empty((2, len(self.names)), dtype=object)
        for group in groups(self.design):
            names[0, group.numbers] = group.term
            names[1, group.numbers] = group.levels
        times = self.params.size // max(len(self.names), 1)
        return {"variable": names[0].tolist() * times, "level": names[1].tolist() * times}

    def _terms(self):
        """The columns of ``tidy`` that name each coefficient."""
        return {"term": list(self.names)}

    @overload
    def glance(self, as_frame: Literal[False] = False) -> dict[str, Any]: ...

    @overload
    def glance(self, as_frame: Literal[True]) -> Any: ...

    def glance(self, as_frame=False):
        """The fit in one row, a dict with the names of R's ``broom::glance``, or with ``as_frame=True`` the user's own
        kind of frame, for tables of several fits."""
        numbers = {
            "null_deviance": self.null_deviance,
            "df_null": self.df_null,
            "logLik": self.llf,
            "AIC": self.aic,
            "BIC": self.bic,
            "deviance": self.deviance,
            "df_residual": self.df_resid,
            "nobs": self.nobs,
            "converged": self.converged,
            "n_passes": self.n_passes,
            "certificate": self.certificate,
        }
        return frame({name: [value] for name, value in numbers.items()}, self.schema.library) if as_frame else numbers

    def augment(self, data: Rows, y: Variable | None = None, **options: Any) -> Any:
        """The rows with what the fit says of each: .fitted, .resid, .hat, .sigma, .cooksd and .std_resid; see
        ``fastglm.postestimation.augmented.augment``."""
        from ..postestimation.augmented import augment

        return augment(self, data, y, **options)

    def row_values(self, data: Rows, y: Variable | None = None, **options: Any) -> RowValues:
        """Linear predictors, means, residuals, leverages and Cook's distances of rows from one read, (n,) arrays; see
        ``fastglm.postestimation.augmented.row_values``."""
        from ..postestimation.augmented import row_values

        return row_values(self, data, y, **options)
