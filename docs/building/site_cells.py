"""Scripts in cells (``# %%``, jupytext's percent format) run once, as pages with what they print and draw."""

from __future__ import annotations

import contextlib
import io
import os
import re
import warnings
from typing import NamedTuple

ROWS = "100000"  # of the largest simulation of a notebook, where the page is made
CELL = re.compile(r"^# %%(.*)\n", re.MULTILINE)
FRONT = re.compile(r"\A# ---\n(?:#.*\n)*?# ---\n")


class RunPage(NamedTuple):
    """The Markdown of a script that was run, and its figures by their file names."""

    markdown: str
    figures: dict[str, bytes]


def cells(text: str) -> list[tuple[str, str]]:
    """The cells of a script in their order, each "markdown" or "code" and its text."""
    parts = CELL.split(FRONT.sub("", text))
    found = []
    for kind, body in zip(parts[1::2], parts[2::2], strict=True):
        if "[markdown]" in kind:
            found.append(("markdown", re.sub(r"^# ?", "", body.strip(), flags=re.MULTILINE)))
        else:
            found.append(("code", body.strip()))
    return found


def run(text: str, stem: str) -> RunPage:
    """Run a script from its first cell to the last; an error in it is the caller's."""
    os.environ["FASTGLM_NOTEBOOK_ROWS"] = ROWS
    import matplotlib

    matplotlib.use("Agg")
    page, figures, scope, heading = [], {}, {"__name__": "__main__"}, stem
    for kind, body in cells(text):
        if kind == "markdown":
            heading = next((line.lstrip("# ") for line in body.splitlines()[::-1] if line.startswith("#")), heading)
            page.append(body)
            continue
        page.append(f"```python\n{body}\n```")
        printed = _printed(body, scope, stem)
        if printed:
            page.append(f"```text\n{printed}\n```")
        for image in _drawn():
            name = f"{stem}_{len(figures) + 1}.png"
            figures[name] = image
            page.append(f"![{heading}]({name})")
    return RunPage("\n\n".join(page) + "\n", figures)


def _printed(body, scope, stem) -> str:
    out = io.StringIO()
    with contextlib.redirect_stdout(out), warnings.catch_warnings():
        warnings.simplefilter("ignore")
        exec(compile(body, f"{stem}.py", "exec"), scope)
    return out.getvalue().rstrip()


def _drawn() -> list[bytes]:
    """The open figures as PNG, closed."""
    from matplotlib import pyplot

    images = []
    for number in pyplot.get_fignums():
        image = io.BytesIO()
        pyplot.figure(number).savefig(image, dpi=140, bbox_inches="tight", facecolor="white")
        images.append(image.getvalue())
    pyplot.close("all")
    return images
