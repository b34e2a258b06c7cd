"""Models from formulas, by the names of ``statsmodels.formula.api``: ``glm("y ~ x + C(group)", data).fit()``."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from . import designs
from .discrete import Logit, Poisson, Probit
from .glm import GLM
from .least_squares import GLS, GLSAR, WLS
from .linear import OLS
from .multinomial import MNLogit
from .negative_binomial import NegativeBinomial

__all__ = ["glm", "gls", "glsar", "logit", "mnlogit", "negativebinomial", "ols", "poisson", "probit", "wls"]


def _spelling(cls: Any) -> Callable[..., Any]:
    def make(formula, data, subset=None, drop_cols=None, *args, **kwargs):
        kwargs.setdefault("eval_env", designs.environment(1))
        return cls.from_formula(formula, data, subset, drop_cols, *args, **kwargs)

    make.__name__ = make.__qualname__ = cls.__name__.lower()
    make.__doc__ = f"``{cls.__name__}.from_formula`` with the same arguments."
    return make


MODELS = GLM, Logit, Probit, Poisson, NegativeBinomial, MNLogit, OLS, WLS, GLS, GLSAR
glm, logit, probit, poisson, negativebinomial, mnlogit, ols, wls, gls, glsar = map(_spelling, MODELS)
