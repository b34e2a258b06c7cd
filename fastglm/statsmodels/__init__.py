"""statsmodels' spelling of the fits of this library: change ``import statsmodels.api as sm`` and nothing else.

``GLM``, ``Logit``, ``Probit``, ``Poisson``, ``MNLogit`` and ``OLS`` take statsmodels' arguments and give results with
its attribute names, layouts and conventions. What is not here raises ``NotSupportedError`` by name, and nothing is
answered differently in silence. Families and links of statsmodels itself are accepted; it need not be installed.

>>> import numpy as np
>>> import fastglm.statsmodels as sm
>>> x = np.array([2.0, 3, 5, 7, 11, 13])
>>> fit = sm.GLM([0, 0, 1, 0, 1, 1], sm.add_constant(x), family=sm.families.Binomial()).fit()
>>> fit.params.round(6)
array([-3.549071,  0.551776])
"""

from importlib import import_module as _import_module

TYPE_CHECKING = False  # as in fastglm
if TYPE_CHECKING:
    from . import families as families
    from . import formula as formula
    from .data import add_constant as add_constant
    from .discrete import Logit as Logit
    from .discrete import Poisson as Poisson
    from .discrete import Probit as Probit
    from .glm import GLM as GLM
    from .glm_results import GLMResults as GLMResults
    from .least_squares import GLS as GLS
    from .least_squares import GLSAR as GLSAR
    from .least_squares import WLS as WLS
    from .linear import OLS as OLS
    from .multinomial import MNLogit as MNLogit
    from .negative_binomial import NegativeBinomial as NegativeBinomial
    from .refusals import NotSupportedError as NotSupportedError
    from .results import load as load

# name -> module it is found in; nothing heavy is imported before it is used
_LAZY = {
    "GLM": "glm",
    "GLMResults": "glm_results",
    "Logit": "discrete",
    "Probit": "discrete",
    "Poisson": "discrete",
    "MNLogit": "multinomial",
    "OLS": "linear",
    "WLS": "least_squares",
    "GLS": "least_squares",
    "GLSAR": "least_squares",
    "NegativeBinomial": "negative_binomial",
    "add_constant": "data",
    "load": "results",
    "NotSupportedError": "refusals",
}
_MODULES = ("families", "formula")
# statsmodels' own, where it is installed: they take arrays, and none of its models
_FORWARDED = ("datasets", "graphics", "nonparametric", "stats", "tools")

__all__ = [*_LAZY, *_MODULES]


if not TYPE_CHECKING:

    def __getattr__(name):
        if name in _LAZY:
            value = getattr(_import_module(f".{_LAZY[name]}", __name__), name)
            globals()[name] = value
            return value
        if name in _MODULES:
            return _import_module(f".{name}", __name__)
        if name.startswith("_"):
            raise AttributeError(name)
        if name in _FORWARDED:
            return _forwarded(name)
        from .refusals import missing

        raise missing("statsmodels", name, __all__)


def _forwarded(name):
    try:
        return getattr(_import_module("statsmodels.api"), name)
    except ImportError:
        from .refusals import refuse

        raise refuse(f"statsmodels.{name}", f"it is statsmodels' own: pip install statsmodels for {name}") from None


def __dir__() -> list[str]:
    return sorted([*globals(), *__all__])
