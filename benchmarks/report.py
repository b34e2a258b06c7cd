"""Text tables of the races."""

from __future__ import annotations

HEADER = ("peer", "median", "min-max", "runs", "x G", "x fastglm", "cold", "memory", "steps", "SE", "gap", "error/se")


def table(race: dict) -> str:
    """One problem: a line a peer, fastest first, those without an answer last."""
    order = sorted(race["cells"].items(), key=lambda item: item[1].get("median", float("inf")))
    size = 8 * race["n"] * race["p"]
    rows = [_row(name, cell, size) for name, cell in order]
    yardstick = f"   (G = numpy's X'X: {seconds(race['G'])})" if race["G"] else ""
    return f"{race['problem']}{yardstick}\n{align([HEADER, *rows])}"


def _row(name, cell, size):
    if "median" not in cell:
        return (name, cell["message"] or cell["status"])
    repeats = f"{seconds(cell['min'])}-{seconds(cell['max'])}"
    steps = "?" if cell.get("iterations") is None else f"{cell['iterations']:.3g} {cell['unit'][:4]}"
    inference = "none" if cell.get("se_error") is None else f"{cell['se_error']:.0e}"
    row = (
        name, seconds(cell["median"]), repeats, str(len(cell["runs"])), _number(cell["per_G"]), _number(cell["ratio"]),
        seconds(cell.get("cold_s")), "?" if cell.get("memory") is None else f"{cell['memory'] / size:.2f} X", steps,
        inference, f"{cell['gap']:.0e}", f"{cell['error']:.0e}",
    )  # fmt: skip
    return (*row, cell["message"]) if cell["message"] else row


def legend(notes: dict[str, str]) -> str:
    """What the columns mean, and the peers' notes."""
    lines = [
        "median, min-max: warm fits with standard errors where the peer has them, interleaved round-robin",
        "x G: times numpy's X'X; x fastglm: times fastglm's median; cold: first fit of a fresh process, after import",
        "memory: peak resident size beyond the loaded data, in multiples of X; steps: iterations or passes over X",
        "SE: largest relative difference to the referee's standard errors; gap: (deviance - best) / best",
        "error/se: largest distance of a coefficient to the optimum, in standard errors",
    ]
    return "\n".join([*lines, *(f"{name}: {note}" for name, note in notes.items() if note)])


def heading(machine: dict) -> str:
    """The machine in two lines."""
    versions = ", ".join(f"{name} {version}" for name, version in machine["versions"].items())
    return (
        f"{machine['cpu']}, {machine['cores']} cores, {machine['memory'] / 2**30:.0f} GiB, {machine['system']}; "
        f"{machine['threads']} threads for everyone\nPython {machine['python']}, {versions}"
    )


def seconds(value) -> str:
    """Three digits and a unit."""
    if value is None:
        return "?"
    if value < 1:
        return f"{value * 1e3:.3g} ms"
    return f"{value:.3g} s" if value < 999.5 else f"{value:.0f} s"


def _number(value) -> str:
    return "?" if value is None else f"{value:.2f}" if value < 10 else f"{value:.0f}"


def align(rows) -> str:
    """Columns of text, the first to the left; a cell that is alone with its name is a message."""
    full = [row for row in rows if len(row) > 2]
    widths = [max((len(row[i]) for row in full if i < len(row)), default=0) for i in range(max(map(len, rows)))]
    widths[0] = max(len(row[0]) for row in rows)
    lines = []
    for row in rows:
        first, *rest = row
        cells = rest if len(row) == 2 else [cell.rjust(width) for cell, width in zip(rest, widths[1:], strict=False)]
        lines.append("  ".join([first.ljust(widths[0]), *cells]).rstrip())
    return "\n".join(lines)
