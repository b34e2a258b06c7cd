"""Generalized linear models on large data: exact fits with full inference at the cost of one cross-product.

>>> import fastglm
>>> result = fastglm.fit([[2.0], [3], [5], [7], [11], [13]], [0, 0, 1, 0, 1, 1], family="binomial")
>>> result.converged
True
"""

from importlib import import_module as _import_module

from .core.version import __version__

TYPE_CHECKING = False  # as in typing, whose import would take longer than all of this file
if TYPE_CHECKING:
    from . import datasets as datasets
    from . import errors as errors
    from . import export as export
    from . import families as families
    from . import folds as folds
    from . import links as links
    from . import nn as nn
    from . import penalties as penalties
    from . import plots as plots
    from . import simulate as simulate
    from . import solvers as solvers
    from . import special as special
    from .files import from_duckdb as from_duckdb
    from .fitting.bootstrap import bootstrap as bootstrap
    from .fitting.comparison import anova as anova
    from .fitting.cross_validation import cv as cv
    from .fitting.debiased import debiased as debiased
    from .fitting.detect_separation import detect_separation as detect_separation
    from .fitting.entry import fit as fit
    from .fitting.entry import glm as glm
    from .fitting.parallel import parallel_test as parallel_test
    from .fitting.path import path as path
    from .fitting.profile import profile as profile
    from .fitting.profile import profile_limits as profile_limits
    from .fitting.refit import refit as refit
    from .fitting.shape_profile import profile_shape as profile_shape
    from .fitting.single_terms import add1 as add1
    from .fitting.single_terms import drop1 as drop1
    from .fitting.single_terms import score_test as score_test
    from .fitting.stability import stability_selection as stability_selection
    from .fitting.stepwise import step as step
    from .fitting.update import update as update
    from .fitting.warmup import warmup as warmup
    from .inference.etable import etable as etable
    from .inference.multiplicity import p_adjust as p_adjust
    from .loading import load as load
    from .online import OnlineGLM as OnlineGLM
    from .planning import plan as plan
    from .postestimation.comparisons import compare as compare
    from .postestimation.emmeans import emmeans as emmeans
    from .postestimation.margins import margins as margins
    from .postestimation.wild_bootstrap import wild_bootstrap as wild_bootstrap
    from .result.cross_validation import CVResult as CVResult
    from .result.multinomial import MultinomialResult as MultinomialResult
    from .result.path import PathResult as PathResult
    from .result.record import GLMResult as GLMResult
    from .result.several import SeveralResult as SeveralResult
    from .smoothing.entry import local as local
    from .smoothing.result import LocalResult as LocalResult
    from .source.threads import get_threads as get_threads
    from .source.threads import set_threads as set_threads

# name -> module it is found in; nothing heavy is imported before it is used
_LAZY = {
    "fit": "fitting.entry",
    "glm": "fitting.entry",
    "path": "fitting.path",
    "anova": "fitting.comparison",
    **dict.fromkeys(("add1", "drop1", "score_test"), "fitting.single_terms"),
    "step": "fitting.stepwise",
    **dict.fromkeys(("profile", "profile_limits"), "fitting.profile"),
    "cv": "fitting.cross_validation",
    "stability_selection": "fitting.stability",
    "debiased": "fitting.debiased",
    "bootstrap": "fitting.bootstrap",
    "wild_bootstrap": "postestimation.wild_bootstrap",
    "refit": "fitting.refit",
    "detect_separation": "fitting.detect_separation",
    "profile_shape": "fitting.shape_profile",
    "parallel_test": "fitting.parallel",
    "local": "smoothing.entry",
    "LocalResult": "smoothing.result",
    "OnlineGLM": "online",
    "GLMResult": "result.record",
    "MultinomialResult": "result.multinomial",
    "PathResult": "result.path",
    "SeveralResult": "result.several",
    "CVResult": "result.cross_validation",
    "load": "loading",
    "etable": "inference.etable",
    "p_adjust": "inference.multiplicity",
    "margins": "postestimation.margins",
    "compare": "postestimation.comparisons",
    "emmeans": "postestimation.emmeans",
    "plan": "planning",
    "from_duckdb": "files",
    "set_threads": "source.threads",
    "get_threads": "source.threads",
    "update": "fitting.update",
    "warmup": "fitting.warmup",
}
_MODULES = (
    "datasets", "errors", "export", "families", "folds", "links", "nn", "penalties", "plots", "simulate", "solvers",
    "special",
)  # fmt: skip

__all__ = [*_LAZY, *_MODULES, "__version__"]


if not TYPE_CHECKING:  # else checkers would take every name for one of ours

    def __getattr__(name):
        if name in _LAZY:
            value = getattr(_import_module(f".{_LAZY[name]}", __name__), name)
            globals()[name] = value
            return value
        if name in _MODULES:
            return _import_module(f".{name}", __name__)
        raise AttributeError(f"module 'fastglm' has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted([*globals(), *__all__])
