"""Softmax regression: fastglm against statsmodels and scikit-learn, all at the same optimum, one thread each."""

from __future__ import annotations

import statistics
import time
import warnings

import numpy as np

from . import report

SIZES = ((200_000, 20, 5), (1_000_000, 20, 3), (50_000, 100, 5))
QUICK = ((20_000, 10, 3),)
CLOSE = 1e-6  # standard errors from the optimum, that a peer must reach; else its best is timed
TOLERANCES = (1e-4, 1e-6, 1e-8, 1e-10, 1e-12)
HEADER = ("n x p, classes", "solver", "median", "x fastglm", "error/se", "standard errors")


def run(effort, quick=False):
    """All sizes; returns the table and the record behind it."""
    from threadpoolctl import threadpool_limits

    rows, records = [HEADER], []
    with threadpool_limits(1), warnings.catch_warnings():
        warnings.simplefilter("ignore")
        for n, p, n_classes in QUICK if quick else SIZES:
            cells = _race(n, p, n_classes, effort)
            ours = cells["fastglm"]["median"]
            for name, cell in sorted(cells.items(), key=lambda item: item[1]["median"]):
                ratio = cell["median"] / ours
                rows.append((
                    f"{n:,} x {p}, {n_classes}", name, report.seconds(cell["median"]), f"{ratio:.3g}",
                    f"{cell['error']:.0e}", "yes" if cell["inference"] else "no",
                ))  # fmt: skip
            records.append({"n": n, "p": p, "classes": n_classes, "cells": cells})
    title = f"softmax regression, 1 thread; medians of {effort.repeats} warm fits, interleaved"
    return f"{title}\n{report.align(rows)}", {"classes": records}


def _race(n, p, n_classes, effort):
    """Medians of interleaved fits of all solvers that are installed."""
    import fastglm
    from fastglm.simulate import make_softmax

    data = make_softmax(n, p, n_classes, seed=3)
    X, y = data.X, np.asarray(data.y).astype(np.int64)
    best = fastglm.fit(X, y, family="multinomial", solver="irls")
    fits = {name: fit for name, make in SOLVERS.items() if (fit := make(X, y, best)) is not None}
    times = {name: [] for name in fits}
    errors = {name: _error(fit(), best) for name, fit in fits.items()}
    spent = dict.fromkeys(fits, 0.0)
    for _ in range(effort.repeats):
        for name, fit in fits.items():
            if spent[name] > effort.budget:
                continue
            start = time.perf_counter()
            fit()
            times[name].append(time.perf_counter() - start)
            spent[name] += times[name][-1]
    return {
        name: {"median": statistics.median(t), "runs": t, "error": errors[name], "inference": name in INFERENCE}
        for name, t in times.items()
    }


def _error(coefficients, best):
    """The largest distance to the optimum, in standard errors, of coefficients (p, K) or (p, K-1)."""
    c = np.asarray(coefficients)
    full = np.column_stack([np.zeros(len(c)), c]) if c.shape[1] < len(best.classes) else c
    return float(np.max(np.abs(full[:, 1:] - full[:, :1] - best.params) / best.bse))


def _fastglm(X, y, best):
    import fastglm

    return lambda: fastglm.fit(X, y, family="multinomial", threads=1).params


def _streaming(X, y, best):
    import fastglm

    return lambda: fastglm.fit(X, y, family="multinomial", solver="stream", threads=1).params


def _statsmodels(X, y, best):
    try:
        from statsmodels.api import MNLogit
    except ImportError:
        return None
    Z = np.column_stack([np.ones(len(X)), X])

    def fit():
        result = MNLogit(y, Z).fit(disp=0)
        result.bse  # noqa: B018, standard errors are made when asked for
        return np.asarray(result.params)

    return fit


def _sklearn(solver):
    def make(X, y, best):
        try:
            from sklearn.linear_model import LogisticRegression
        except ImportError:
            return None

        def fit(tol):
            model = LogisticRegression(C=np.inf, solver=solver, tol=tol, max_iter=10_000).fit(X, y)
            return np.column_stack([model.intercept_, model.coef_]).T

        errors = {}
        for tol in TOLERANCES:
            errors[tol] = _error(fit(tol), best)
            if errors[tol] <= CLOSE:
                break
        tol = min(errors, key=errors.get)
        return lambda: fit(tol)

    return make


SOLVERS = {
    "fastglm": _fastglm, "fastglm, stream": _streaming, "statsmodels MNLogit": _statsmodels,
    "sklearn lbfgs": _sklearn("lbfgs"), "sklearn newton-cholesky": _sklearn("newton-cholesky"),
}  # fmt: skip
INFERENCE = ("fastglm", "fastglm, stream", "statsmodels MNLogit")
