"""Models from formulas, by the names of ``statsmodels.formula.api``: ``glm("y ~ x + C(group)", data).fit()``."""

from __future__ import annotations

from . import designs
from .discrete import Logit, Poisson, Probit
from .glm import GLM
from .least_squares import GLS, WLS
from .linear import OLS
from .multinomial import MNLogit

__all__ = ["glm", "gls", "logit", "mnlogit", "ols", "poisson", "probit", "wls"]


def _spelling(cls):
    def make(formula, data, subset=None, drop_cols=None, *args, **kwargs):
        kwargs.setdefault("eval_env", designs.environment(1))
        return cls.from_formula(formula, data, subset, drop_cols, *args, **kwargs)

    make.__name__ = make.__qualname__ = cls.__name__.lower()
    make.__doc__ = f"``{cls.__name__}.from_formula`` with the same arguments."
    return make


MODELS = GLM, Logit, Probit, Poisson, MNLogit, OLS, WLS, GLS
glm, logit, probit, poisson, mnlogit, ols, wls, gls = map(_spelling, MODELS)
