"""A fitted model for the Python package marginaleffects, by its protocol for models; loaded by those who have it."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import polars as pl
from marginaleffects.classes import ModelAbstract, ModelVault
from marginaleffects.utils import ingest

from ..errors import InvalidParameterError


class FittedModel(ModelAbstract):  # type: ignore[misc]
    """A fitted model of a formula.

    Parameters
    ----------
    result : GLMResult or MultinomialResult
    data : data frame
        The rows of the fit.

    Raises
    ------
    InvalidParameterError
        For a result of arrays.
    """

    def __init__(self, result: Any, data: Any):
        if result.design is None or not result.design.formula.response:
            raise InvalidParameterError("to_marginaleffects needs a model of a formula")
        formula = result.design.formula
        self.rows = data
        vault = ModelVault(
            coef=np.asarray(result.params).ravel(order="F"),
            coefnames=np.tile(np.array(result.names), np.size(result.params) // len(result.names)),
            formula=formula.text,
            modeldata=ingest(data),
            package="fastglm",
            variable_names=[formula.response[0].columns[0], *result.design.columns],
        )
        super().__init__(result, vault)

    def get_exog(self, newdata: Any) -> Any:
        """The rows themselves: the model has its own formula."""
        return newdata

    def get_vcov(self, vcov: Any = True) -> Any:
        """The covariance that the result has, one of its kinds by name, or none."""
        if vcov is False or vcov is None:
            return None
        result = self.model if vcov is True else self.model.with_cov(vcov, data=self.rows)
        return np.array(result.cov_params())

    def get_predict(self, params: Any, newdata: Any) -> Any:
        """Predictions at coefficients, a column ``estimate`` by row and class."""
        result = self.model
        given = np.asarray(params, float).reshape(result.params.shape, order="F")
        found = replace(result, params=given).predict(newdata)
        n = len(found)
        columns = {"rowid": np.tile(np.arange(n, dtype=np.int32), found.size // max(n, 1))}
        if found.ndim == 2:
            columns["group"] = np.repeat([str(label) for label in result.classes], n)
        return pl.DataFrame(columns | {"estimate": found.ravel(order="F")})

    @property
    def df_resid(self) -> float:
        """Degrees of freedom of the tests, infinite where the dispersion is known."""
        return np.inf if self.model.test_df is None else float(self.model.test_df)
