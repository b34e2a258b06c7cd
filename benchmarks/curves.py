"""Error against time and against reads of the data: what each solver has reached when it is stopped early.

Every point is a fit of its own with a smaller or larger budget, timed as a median of interleaved repeats; its error is
the root mean square distance to the exact optimum in standard errors. One thread for everyone.
"""

from __future__ import annotations

import statistics
import time
import warnings
from pathlib import Path

import numpy as np

from . import report

HEADER = ("data", "solver", "budget", "median", "passes", "rms error/se")
DATA = {
    "logistic": ("binomial", {}), "logistic, badly scaled": ("binomial", {"kind": "badly_scaled"}),
    "Poisson": ("poisson", {}),
}  # fmt: skip
AXES = {"median": "seconds, one thread", "passes": "reads of the data"}
EPOCHS = (1, 2, 4, 8, 16)
COLOURS = {
    "fastglm auto": "#d1495b", "fastglm stream": "#8d1c2c", "fastglm SGD": "#f0a202", "fastglm SAGA": "#c77d00",
    "sklearn SGD": "#30638e", "sklearn saga": "#7fa6c9", "sklearn lbfgs": "#00798c",
}  # fmt: skip


def run(effort, quick=False):
    """All data; returns the table and the record behind it."""
    from threadpoolctl import threadpool_limits

    n, p = (20_000, 10) if quick else (200_000, 20)
    rows, records = [HEADER], []
    with threadpool_limits(1), warnings.catch_warnings():
        warnings.simplefilter("ignore")
        for name, (family, options) in DATA.items():
            points = _measured(family, n, p, options, effort)
            records.append({"data": name, "points": points})
            for q in points:
                rows.append((
                    name, q["solver"], q["budget"], report.seconds(q["median"]), f"{q['passes']:.3g}",
                    f"{q['error']:.1e}",
                ))  # fmt: skip
    title = f"n = {n:,}, p = {p}, 1 thread; medians of {effort.repeats} fits"
    return f"{title}\n{report.align(rows)}", {"n": n, "p": p, "curves": records}


def _measured(family, n, p, options, effort):
    """Points of every solver, interleaved."""
    import fastglm
    from fastglm.simulate import make_glm

    data = make_glm(family, n, p, rho=0.5, seed=5, **options)
    exact = fastglm.fit(data.X, data.y, family=family)
    scaled = (data.X - data.X.mean(0)) / data.X.std(0)
    contenders = {**_ours(data, family), **(_sklearn(data, scaled) if family == "binomial" else {})}
    times = {key: [] for key in contenders}
    found = {key: fit() for key, fit in contenders.items()}
    for _ in range(effort.repeats):
        for key, fit in contenders.items():
            start = time.perf_counter()
            fit()
            times[key].append(time.perf_counter() - start)
    points = []
    for (solver, budget), (params, passes) in found.items():
        error = float(np.sqrt(np.mean(np.square((params - exact.params) / exact.bse))))
        median = statistics.median(times[solver, budget])
        points.append({"solver": solver, "budget": budget, "median": median, "passes": passes, "error": error})
    return points


def _ours(data, family):
    """fastglm's solvers at several budgets: () -> (coefficients, passes)."""
    import fastglm
    from fastglm.solvers import SGD, Auto, Stream

    def fit(solver):
        def run():
            result = fastglm.fit(data.X, data.y, family=family, solver=solver, threads=1, cov=None)
            return result.params, float(result.n_passes)

        return run

    found = {("fastglm auto", f"tol {tol:g}"): fit(Auto(tol=tol)) for tol in (1.0, 1e-2, 1e-4, 1e-8)}
    found["fastglm stream", "1 read"] = fit(Stream(certify=False))
    found["fastglm stream", "certified"] = fit(Stream())
    for epochs in EPOCHS:
        found["fastglm SGD", f"{epochs} epochs"] = fit(SGD(epochs=epochs, tol=None))
        found["fastglm SAGA", f"{epochs} epochs"] = fit(SGD(method="saga", epochs=epochs, tol=None))
    return found


def _sklearn(data, scaled):
    """scikit-learn's, on columns that are standardised for it, which is not counted; coefficients on ours."""
    try:
        from sklearn.linear_model import LogisticRegression, SGDClassifier
    except ImportError:
        return {}
    mean, spread = data.X.mean(0), data.X.std(0)

    def natural(model):
        slopes = model.coef_[0] / spread
        return np.concatenate([model.intercept_ - slopes @ mean, slopes])

    def sgd(epochs):
        options = {"learning_rate": "invscaling", "eta0": 1.0, "power_t": 0.5, "alpha": 1e-8, "average": True}
        model = SGDClassifier(loss="log_loss", max_iter=epochs, tol=None, random_state=0, **options)
        return natural(model.fit(scaled, data.y)), float(epochs)

    def logistic(solver, steps):
        model = LogisticRegression(C=np.inf, solver=solver, max_iter=steps, tol=1e-12, random_state=0)
        return natural(model.fit(scaled, data.y)), float(steps)

    found = {("sklearn SGD", f"{e} epochs"): (lambda e=e: sgd(e)) for e in EPOCHS}
    found |= {("sklearn saga", f"{e} epochs"): (lambda e=e: logistic("saga", e)) for e in EPOCHS}
    return found | {("sklearn lbfgs", f"{e} steps"): (lambda e=e: logistic("lbfgs", e)) for e in (2, 4, 8, 16, 32)}


def draw(record, folder) -> list[Path]:
    """Write ``error_time.png``: error against seconds and against reads of the data, a row of panels for each data."""
    import matplotlib

    matplotlib.use("Agg")
    import matplotlib.pyplot as plt

    races = record["curves"]
    figure, panels = plt.subplots(
        len(races), 2, figsize=(10, 3.4 * len(races)), sharex="col", sharey=True, layout="constrained", squeeze=False
    )
    for row, race in zip(panels, races, strict=True):
        for axes, (key, label) in zip(row, AXES.items(), strict=True):
            for solver, colour in COLOURS.items():
                points = [(q[key], q["error"]) for q in race["points"] if q["solver"] == solver]
                if points:
                    axes.loglog(*zip(*points, strict=True), "o-", color=colour, label=solver, ms=4, lw=1.6)
            axes.axhline(1.0, color="#8d96a3", lw=0.8, ls=":")
            axes.set_xlabel(label)
            axes.spines[["top", "right"]].set_visible(False)
        row[0].set_ylabel("rms error, standard errors")
        row[0].set_title(f"{race['data']}, {record['n']:,} x {record['p']}", loc="left", fontsize=10)
    handles, labels = panels[0][0].get_legend_handles_labels()
    figure.legend(handles, labels, loc="outside lower center", ncols=4, frameon=False)
    path = Path(folder) / "error_time.png"
    figure.savefig(path, dpi=130)
    plt.close(figure)
    return [path]
