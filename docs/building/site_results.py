"""The page of measured figures, made of ``docs/results/*.json``: what ``python -m benchmarks --json FILE`` writes."""

from __future__ import annotations

import json
from pathlib import Path

LABELS = {
    "fastglm": "fastglm",
    "sklearn_newton_cholesky": "scikit-learn newton-cholesky",
    "sklearn_lbfgs": "scikit-learn lbfgs",
    "glum": "glum",
    "r_glm": "R glm.fit",
    "statsmodels_newton": "statsmodels GLM, newton",
    "statsmodels_glm": "statsmodels GLM",
}
INTRODUCTION = """# Measured

Each figure stands beside the command that made it and the machine it ran on. The page is made from the files of
`docs/results/`, which `python -m benchmarks --json FILE` writes; a later run is one more file. How the runs are made,
and how to read them, is told in [benchmarks](benchmarks.md).
"""


def markdown(folder: Path) -> str:
    """The page of all stored runs, by the names of their files."""
    runs = [json.loads(file.read_text()) for file in sorted(folder.glob("*.json"))]
    return "\n\n".join([INTRODUCTION.strip(), *(part for run in runs for part in run_markdown(run))]) + "\n"


def run_markdown(run: dict) -> list[str]:
    """One run: its title, command and machine, then its races, its tables or its text."""
    parts = [f"## {run.get('title') or run['command']}"]
    parts += [f"```sh\n{run['command']}\n```", machine_line(run["machine"])]
    parts += [run["remark"]] if run.get("remark") else []
    parts += [block for race in run.get("races", ()) for block in race_markdown(race)]
    parts += [block for table in run.get("tables", ()) for block in table_markdown(table)]
    return parts + ([f"```text\n{run['text'].rstrip()}\n```"] if run.get("text") else [])


def machine_line(machine: dict) -> str:
    """The machine in one sentence."""
    versions = ", ".join(f"{name} {version}" for name, version in machine["versions"].items())
    size = f"{machine['memory'] / 2**30:.0f} GiB"
    return (
        f"*{machine['cpu']}, {machine['cores']} cores, {size}, {machine['system']}, {machine['threads']} threads; "
        f"Python {machine['python']}, {versions}.*"
    )


def race_markdown(race: dict) -> list[str]:
    """One problem: bars of the times over ours, and the table of all that was measured."""
    cells = sorted(race["cells"].items(), key=lambda item: item[1].get("median", float("inf")))
    size = 8 * race["n"] * race["p"]
    rows = [_cells_of(name, cell, size) for name, cell in cells]
    columns = ("", "time", "over fastglm's", "over `X.T @ X`", "first fit", "memory", "steps", "error/se", "SE error")
    product = f"`X.T @ X` takes {seconds(race['G'])} here; " if race.get("G") else ""
    yardstick = product + "bars are times over those of fastglm."
    return [f"### {race['problem']}", yardstick, bars(cells), *table_markdown({"columns": columns, "rows": rows})]


def _cells_of(name, cell, size):
    label = LABELS.get(name, name)
    if "median" not in cell:
        return (label, cell.get("message") or cell["status"], *[""] * 7)
    steps = "" if cell.get("iterations") is None else f"{cell['iterations']:.3g} {cell['unit']}"
    memory = "" if cell.get("memory") is None else f"{cell['memory'] / size:.2f} X"
    inference = "none" if cell.get("se_error") is None else f"{cell['se_error']:.0e}"
    ratio, per_product = (f"{cell[key]:.3g}" if cell.get(key) is not None else "" for key in ("ratio", "per_G"))
    time, cold = seconds(cell["median"]), seconds(cell.get("cold_s"))
    return label, time, ratio, per_product, cold, memory, steps, f"{cell['error']:.0e}", inference


def table_markdown(table: dict) -> list[str]:
    """A table under its title."""
    lines = ["| " + " | ".join(map(str, table["columns"])) + " |", "|" + "---|" * len(table["columns"])]
    lines += ["| " + " | ".join(map(str, row)) + " |" for row in table["rows"]]
    return ([f"### {table['title']}"] if table.get("title") else []) + ["\n".join(lines)]


def bars(cells) -> str:
    """Bars of the times over ours, in the colours of the page."""
    shown = [(LABELS.get(name, name), cell["ratio"]) for name, cell in cells if cell.get("ratio")]
    if len(shown) < 2:
        return ""
    longest = max(ratio for _, ratio in shown)
    lines = "".join(
        f'<div class="bar"><span>{label}</span><i style="--part:{ratio / longest:.4f}"></i><b>{ratio:.3g}x</b></div>'
        for label, ratio in shown
    )
    return f'<div class="bars" role="img" aria-label="times over those of fastglm">{lines}</div>'


def seconds(value) -> str:
    """Three digits and a unit."""
    if value is None:
        return ""
    return f"{value * 1e3:.3g} ms" if value < 1 else f"{value:.3g} s"
