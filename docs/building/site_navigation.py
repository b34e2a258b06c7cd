"""The chapters of the site and their pages, in order. A page of docs/ stands in one of them."""

from __future__ import annotations

# chapter -> (what it is, groups of pages); "notebooks/" and "reference/" stand for the pages that are made there
CHAPTERS = {
    "tutorials": (
        "Tutorials",
        "Lessons from the beginning, each number of which is computed as you read.",
        {
            "First steps": ("tutorial",),
            "Lessons": ("gradients", "ridge", "polynomials", "lasso", "networks", "lectures"),
            "Notebooks": ("notebooks/",),
        },
    ),
    "how_to": (
        "How-to",
        "A page for each task.",
        {
            "Arriving": ("coming_from", "from_r", "gallery"),
            "Data": ("formulas", "command_line", "scaling", "streams", "simulate", "datasets"),
            "Models": ("families", "multinomial", "dispersion", "responses", "log_linear", "penalties", "local"),
            "Inference": ("tests_between_models", "covariances", "margins", "separation", "diagnostics"),
            "Pictures": ("plots",),
            "Other spellings": ("scikit_learn", "statsmodels"),
        },
    ),
    "reference": (
        "Reference",
        "Every public name, every command, and the conventions that all of them share.",
        {"API": ("reference/",), "Programs and files": ("commands", "conventions", "file_format", "changes")},
    ),
    "explanation": (
        "Explanation",
        "How a fit is computed, what it costs, and why the library is built as it is.",
        {
            "Theory": ("exponential_family", "solvers", "numerics"),
            "Cost": ("measured", "benchmarks", "roofline"),
            "Inside": ("design", "hostile", "contributing"),
        },
    ),
}


def placed() -> list[str]:
    """The pages that the chapters name."""
    return [page for _, _, groups in CHAPTERS.values() for pages in groups.values() for page in pages]


def chapter_markdown(name: str, made: dict[str, list[str]]) -> str:
    """The first page of a chapter: its groups, each a list of links that is its navigation too."""
    title, about, groups = CHAPTERS[name]
    parts = [f"# {title}", about]
    for caption, pages in groups.items():
        shown = [target for page in pages for target in made.get(page, [page])]
        toctree = "\n".join(["```{toctree}", ":maxdepth: 1", "", *shown, "```"])
        parts += [f"## {caption}", toctree]
    return "\n\n".join(parts) + "\n"


def contents() -> str:
    """The hidden table of contents of the first page."""
    return "\n".join(["", "```{toctree}", ":hidden:", "", *CHAPTERS, "```", ""])
