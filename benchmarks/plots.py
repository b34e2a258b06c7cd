"""Figures of the races, for the README."""

from __future__ import annotations

from pathlib import Path

COLOURS = {
    "fastglm": "#d1495b", "statsmodels_logit": "#5b4b8a", "statsmodels_glm": "#30638e", "statsmodels_newton": "#7fa6c9",
    "sklearn_newton_cholesky": "#edae49", "sklearn_lbfgs": "#f3cf8e", "glum": "#00798c", "r_glm": "#8d96a3",
}  # fmt: skip


def draw(races: list[dict], folder) -> list[Path]:
    """Write ``ratios.png`` and, where sizes grow at one p, ``time_<family>_p<p>.png``."""
    import matplotlib

    matplotlib.use("Agg")
    folder = Path(folder)
    folder.mkdir(parents=True, exist_ok=True)
    series = {}
    for race in races:
        series.setdefault((race["family"], race["p"]), []).append(race)
    growing = {key: group for key, group in series.items() if len(group) > 2}
    written = [_ratios(races, folder / "ratios.png")] if _names(races, "ratio") else []
    for (family, p), group in growing.items():
        written.append(_times(group, folder / f"time_{family}_p{p}.png", f"{family}, p = {p}"))
    return written


def _names(races, key):
    found = {name for race in races for name, cell in race["cells"].items() if cell.get(key)}
    return [name for name in COLOURS if name in found]


def _ratios(races, path):
    """Bars: times fastglm's median, a group a problem."""
    import matplotlib.pyplot as plt

    names = _names(races, "ratio")
    height = 0.85 / len(names)
    figure, axes = plt.subplots(figsize=(8, 1 + 0.2 * len(names) * len(races)), layout="constrained")
    for i, name in enumerate(names):
        places = [k + i * height for k in range(len(races))]
        values = [race["cells"].get(name, {}).get("ratio") or float("nan") for race in races]
        bars = axes.barh(places, values, height * 0.95, color=COLOURS[name], label=name, left=0)
        labels = ["" if value != value else f"{value:.3g}" for value in values]
        axes.bar_label(bars, labels, padding=2, fontsize=7)
    axes.set_yticks([k + 0.425 - height / 2 for k in range(len(races))], [race["problem"] for race in races])
    axes.invert_yaxis()
    axes.set_xscale("log")
    axes.axvline(1, color="black", linewidth=0.8)
    axes.set_xlabel("time of a fit over fastglm's (log scale; scikit-learn's has no standard errors)")
    axes.spines[["top", "right"]].set_visible(False)
    axes.margins(x=0.12)
    axes.legend(loc="upper center", bbox_to_anchor=(0.5, -0.12), ncols=3, fontsize=8, frameon=False)
    return _save(figure, path)


def _times(races, path, title):
    """Lines: seconds against rows."""
    import matplotlib.pyplot as plt

    races = sorted(races, key=lambda race: race["n"])
    figure, axes = plt.subplots(figsize=(7, 4.5), layout="constrained")
    for name in _names(races, "median"):
        medians = [(race["n"], race["cells"].get(name, {}).get("median")) for race in races]
        points = [point for point in medians if point[1]]
        width = 2.5 if name == "fastglm" else 1.5
        axes.loglog(*zip(*points, strict=True), "o-", color=COLOURS[name], label=name, linewidth=width, markersize=4)
    points = [(race["n"], race["G"]) for race in races if race["G"]]
    axes.loglog(*zip(*points, strict=True), "k:", linewidth=1, label="one X'X (numpy)")
    if reads := [(race["n"], race["read"]) for race in races if race.get("read")]:
        axes.loglog(*zip(*reads, strict=True), "k--", linewidth=1, label="one read of X")
    axes.set(xlabel="rows", ylabel="seconds", title=title)
    axes.grid(alpha=0.25)
    axes.spines[["top", "right"]].set_visible(False)
    axes.legend(fontsize=8, frameon=False)
    return _save(figure, path)


def _save(figure, path):
    import matplotlib.pyplot as plt

    figure.savefig(path, dpi=150)
    plt.close(figure)
    return path
