"""The pages of the API reference: every public name on one of them, by task; what no page claims stands on the last."""

from __future__ import annotations

import inspect
from importlib import import_module
from typing import NamedTuple

import fastglm


class ReferencePage(NamedTuple):
    """A page of the reference: names of ``fastglm`` itself, and modules of which all public names are shown."""

    title: str
    about: str
    names: tuple[str, ...] = ()
    modules: tuple[str, ...] = ()


PAGES = {
    "fits": ReferencePage(
        "Fits", "From rows to estimates, whatever holds the rows.",
        ("fit", "glm", "update", "local", "plan", "from_duckdb", "load", "warmup", "set_threads", "get_threads"),
    ),
    "results": ReferencePage(
        "Results", "What a fit returns; it holds no rows.", ("GLMResult", "MultinomialResult", "LocalResult", "etable")
    ),
    "tests": ReferencePage(
        "Tests between models", "Terms and nested models compared, limits by profile likelihood.",
        ("anova", "drop1", "add1", "step", "score_test", "profile", "profile_limits", "p_adjust"),
    ),
    "functions": ReferencePage(
        "Margins and comparisons", "Functions of coefficients, with standard errors.", ("margins", "compare", "emmeans")
    ),
    "resampling": ReferencePage("Bootstraps", "Rows or residuals drawn again.", ("bootstrap", "wild_bootstrap")),
    "shape": ReferencePage(
        "Separation and shape", "Which estimates are infinite; parameters of a family that are estimated.",
        ("detect_separation", "profile_shape"),
    ),
    "penalised": ReferencePage(
        "Penalised fits", "Paths, cross-validation, and inference after them.",
        ("path", "cv", "PathResult", "CVResult", "refit", "debiased", "stability_selection"), ("penalties", "folds"),
    ),
    "streams": ReferencePage("Streams", "Batches as they arrive, each read once.", ("OnlineGLM",)),
    "families": ReferencePage("Families", "Distributions of the response.", (), ("families",)),
    "links": ReferencePage("Links", "From the mean to the linear predictor.", (), ("links",)),
    "solvers": ReferencePage("Solvers", "How the optimum is found.", (), ("solvers",)),
    "networks": ReferencePage("Networks", "Layers below a generalized linear model.", (), ("nn",)),
    "plots": ReferencePage("Plots", "Pictures of fits.", (), ("plots",)),
    "simulation": ReferencePage("Simulation", "Data whose coefficients are known.", (), ("simulate",)),
    "datasets": ReferencePage("Data sets", "Data for examples and checks, with their sources.", (), ("datasets",)),
    "special": ReferencePage("Special functions", "Stable functions on arrays, in Cython.", (), ("special",)),
    "exports": ReferencePage("Exports", "A fit for other programs.", (), ("export",)),
    "sklearn": ReferencePage("scikit-learn estimators", "Estimators for pipelines and searches.", (), ("sklearn",)),
    "statsmodels": ReferencePage("statsmodels' spelling", "Models with statsmodels' names.", (), ("statsmodels",)),
    "extensions": ReferencePage(
        "Rows and types", "Storages from outside, and names that type checkers read.", (), ("rows", "files", "types")
    ),
    "errors": ReferencePage("Errors and warnings", "All of them, with what they mean.", (), ("errors",)),
}  # fmt: skip


def public_names(module: str) -> tuple[str, ...]:
    """The public names of a module of ``fastglm``: its ``__all__``, or the classes that it defines."""
    held = import_module(f"fastglm.{module}")
    declared = getattr(held, "__all__", None)
    if declared is not None:
        return tuple(declared)
    own = (name for name, value in vars(held).items() if inspect.isclass(value) and value.__module__ == held.__name__)
    return tuple(name for name in own if not name.startswith("_"))


def unplaced() -> tuple[str, ...]:
    """Names of ``fastglm`` that no page claims."""
    placed = {name for page in PAGES.values() for name in (*page.names, *page.modules)}
    return tuple(name for name in fastglm.__all__ if name not in placed and not name.startswith("__"))


def pages() -> dict[str, ReferencePage]:
    """All pages, with one for names that have come since."""
    rest = unplaced()
    return PAGES | ({"more": ReferencePage("More", "What has no page of its own.", rest)} if rest else {})


def identifiers(page: ReferencePage) -> list[str]:
    """What a page documents, by full names."""
    own = [f"fastglm.{name}" for name in page.names]
    return own + [f"fastglm.{module}.{name}" for module in page.modules for name in public_names(module)]


def source(page: ReferencePage) -> str:
    """The page as Sphinx reads it: a directive for each name."""
    parts = [_heading(page.title, "="), page.about]
    parts += [directive(f"fastglm.{name}") for name in page.names]
    for module in page.modules:
        if len(page.modules) > 1 or page.names:
            parts.append(_heading(f"fastglm.{module}", "-"))
        parts += [directive(f"fastglm.{module}.{name}") for name in public_names(module)]
        if module == "types":
            parts.append(_type_names())
    return "\n\n".join(parts) + "\n"


def _heading(text: str, line: str) -> str:
    return f"{text}\n{line * len(text)}"


def directive(identifier: str) -> str:
    """The directive of one name, by what it is."""
    *path, name = identifier.split(".")
    value = getattr(import_module(".".join(path)), name)
    if inspect.ismodule(value):
        return f".. py:module:: {identifier}\n\n{inspect.getdoc(value)}"
    if inspect.isclass(value):
        return f".. autoclass:: {identifier}"
    if callable(value):
        return f".. autofunction:: {identifier}"
    return f".. autodata:: {identifier}\n   :no-value:"


def _type_names() -> str:
    """The names that only type checkers see, as their file has them."""
    text = inspect.getsource(import_module("fastglm.types"))
    block = text[text.index("\nif TYPE_CHECKING:\n") + 1 :]
    return ".. code-block:: python\n\n" + "\n".join(f"   {line}" for line in block.splitlines())
