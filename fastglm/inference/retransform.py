"""The mean of y itself from a least-squares fit of its logarithm.

exp of a predicted log y is a median; the mean is larger. Of normal errors it is exp(eta + sigma^2 / 2) ("lognormal");
of any errors, exp(eta) times the mean of exp(residual) of the rows of the fit ("smearing", Duan 1983, "Smearing
estimate: a nonparametric retransformation method", Journal of the American Statistical Association 78).
"""

from __future__ import annotations

import ast
import re
from math import log
from typing import NamedTuple

import numpy as np

from ..errors import InvalidParameterError
from . import check_covariance, linear_predictor, quadratic_form
from .wald import Prediction, quantile

METHODS = ("lognormal", "smearing")


class Logarithm(NamedTuple):
    """log(y + shift) / rate of a response y."""

    rate: float
    shift: float

    def back(self, values: np.ndarray) -> np.ndarray:
        """The responses whose logarithms the values are."""
        return np.exp(self.rate * values) - self.shift


LOGARITHMS = {
    "log": Logarithm(1.0, 0.0),
    "log1p": Logarithm(1.0, 1.0),
    "log2": Logarithm(log(2.0), 0.0),
    "log10": Logarithm(log(10.0), 0.0),
}


def logarithm_of(text: str) -> Logarithm | None:
    """The logarithm that the response of a formula is, None for another one."""
    call = ast.parse(re.sub("`[^`]*`", "name", text), mode="eval").body
    if not isinstance(call, ast.Call):
        return None
    return LOGARITHMS.get(call.func.attr if isinstance(call.func, ast.Attribute) else getattr(call.func, "id", ""))


def response_logarithm(schema) -> Logarithm | None:
    """The logarithm that the response of a schema is, None where it is none or is not known."""
    response = schema.design.formula.response if schema is not None and schema.design is not None else ()
    return logarithm_of(response[0].text) if len(response) == 1 and response[0].column is None else None


def check(result, method: str, kind: str) -> Logarithm:
    """The logarithm that a fit is of.

    Raises
    ------
    InvalidParameterError
        For an unknown method, a model that is no least squares, a response that is no logarithm, and smearing of a fit
        that has not kept its residuals' mean.
    """
    if method not in METHODS:
        raise InvalidParameterError(f"retransform={method!r} is unknown; there are {', '.join(map(repr, METHODS))}")
    if result.family.name != "gaussian" or result.link.name != "identity" or kind != "mean":
        raise InvalidParameterError("retransform is for the means of least squares of a logarithm")
    found = response_logarithm(result.schema)
    if found is None and result.design is not None and result.design.formula.response:
        raise InvalidParameterError("retransform: the response of the formula is no log, log1p, log2 or log10")
    if method == "smearing" and result.smearing is None:
        raise InvalidParameterError(
            "retransform='smearing' needs the residuals, which only a fit by a formula such as 'log(y) ~ x' keeps the "
            "mean of; take 'lognormal'"
        )
    return found or LOGARITHMS["log"]  # arrays do not say: their y is the natural logarithm


def retransformed(result, X, offset, method: str, interval: str | None, level: float):
    """The means of y, (n,), or a ``Prediction`` with their confidence limits or those of new responses.

    The limits of a lognormal mean are Cox's, exp(eta + s^2 / 2 -+ q sqrt(se^2 + s^4 / (2 df))) (Zhou and Gao 1997,
    "Confidence intervals for the log-normal mean", Statistics in Medicine 16); those of a smeared one have in the place
    of s^4 / (2 df) the relative variance of the mean of exp(residual), less s^2 / n where there is an intercept, since
    an error of the intercept is taken back by that mean; those of a new response are the back-transformed limits of
    its logarithm.
    """
    log_of = check(result, method, "mean")
    rate, shift = log_of
    eta = linear_predictor(result, X, offset)
    if method == "lognormal":
        factor = np.exp(0.5 * rate**2 * result.scale)
        variance = 0.5 * rate**4 * result.scale**2 / result.df_resid
    else:
        factor, variance = result.smearing
        variance -= rate**2 * result.scale / result.weight_sum * result.has_intercept
    mean = factor * np.exp(rate * eta) - shift
    if interval is None:
        return mean
    cov = check_covariance(result.cov_params(), "intervals")
    squares = quadratic_form(result, X, cov, result.covariance_core)
    reach, se = quantile(level, result.test_df), np.sqrt(np.maximum(rate**2 * squares + variance, 0.0))
    if interval == "prediction":
        away = reach * np.sqrt(result.scale + squares)
        lower, upper = log_of.back(eta - away), log_of.back(eta + away)
        return Prediction(mean, (mean + shift) * se, lower, upper)
    lower, upper = ((mean + shift) * np.exp(sign * reach * se) - shift for sign in (-1.0, 1.0))
    return Prediction(mean, (mean + shift) * se, lower, upper)
