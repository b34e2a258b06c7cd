"""Many columns: fits with errors in units of X'X, and without at the accuracy that scikit-learn is brought to."""

from __future__ import annotations

import statistics
import time
import warnings

import numpy as np

from . import report

SIZES = ((100_000, 500), (50_000, 1000), (50_000, 2000), (30_000, 4000))
QUICK = ((20_000, 250),)
CORRELATIONS = {"uncorrelated": 0.0, "rho 0.5": 0.5}  # of neighbouring columns
TARGETS = (1e-3, 1e-6)  # standard errors from the optimum, at the most
TOLERANCES = tuple(10.0**-k for k in range(2, 11))
HEADER = (
    "n x p",
    "columns",
    "X'X",
    "with errors",
    "x X'X",
    "target/se",
    "fastglm",
    "lbfgs",
    "x fastglm",
    "newton-chol.",
)


def run(effort, quick=False):
    """All sizes; returns the table and the record behind it."""
    rows, records = [HEADER], []
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        for n, p in QUICK if quick else SIZES:
            for name, rho in CORRELATIONS.items():
                record = {"n": n, "p": p, "columns": name, **_race(n, p, rho, effort)}
                records.append(record)
                rows.extend(_lines(record))
    title = f"logistic regression, {effort.threads} threads; medians of {effort.repeats} warm fits, interleaved"
    return f"{title}\n{report.align(rows)}", {"wide": records}


def _lines(record):
    whole = record["medians"]
    for i, target in enumerate(TARGETS):
        ours, theirs = whole[f"fastglm {target}"], whole.get(f"lbfgs {target}")
        yield (
            f"{record['n']:,} x {record['p']:,}" * (i == 0), record["columns"] * (i == 0),
            report.seconds(whole["G"]) * (i == 0), report.seconds(whole["errors"]) * (i == 0),
            f"{whole['errors'] / whole['G']:.2f}" * (i == 0), f"{target:.0e}", report.seconds(ours),
            "" if theirs is None else report.seconds(theirs), "" if theirs is None else f"{theirs / ours:.2f}",
            report.seconds(whole["cholesky"]) if i == 0 and "cholesky" in whole else "",
        )  # fmt: skip


def _race(n, p, rho, effort):
    """Medians of interleaved fits."""
    import fastglm
    from fastglm.simulate import make_glm

    data = make_glm("binomial", n, p, rho=rho, seed=4)
    X, y = data.X, data.y
    best = fastglm.fit(X, y, family="binomial", threads=effort.threads)
    fits = {"G": lambda: X.T @ X, "errors": lambda: fastglm.fit(X, y, family="binomial", threads=effort.threads)}
    for target in TARGETS:
        # ours bounds every combination of coefficients, so that single ones are nearer than its tolerance
        solver = fastglm.solvers.Auto(tol=target)
        fits[f"fastglm {target}"] = lambda solver=solver: fastglm.fit(
            X, y, family="binomial", cov=None, solver=solver, threads=effort.threads
        )
    fits |= _sklearn(X, y, best)
    times = {name: [] for name in fits}
    for _ in range(effort.repeats):
        for name, fit in fits.items():
            if sum(times[name]) <= effort.budget:
                start = time.perf_counter()
                fit()
                times[name].append(time.perf_counter() - start)
    errors = {f"fastglm {t}": _error(fits[f"fastglm {t}"]().params, best) for t in TARGETS}
    return {"medians": {name: statistics.median(t) for name, t in times.items()}, "runs": times, "errors": errors}


def _sklearn(X, y, best):
    """Fits by scikit-learn at the loosest tolerance that reaches each target, and by its Newton steps."""
    try:
        from sklearn.linear_model import LogisticRegression
    except ImportError:
        return {}

    def fit(tol, solver="lbfgs"):
        model = LogisticRegression(C=np.inf, solver=solver, tol=tol, max_iter=10_000).fit(X, y)
        return np.r_[model.intercept_, model.coef_[0]]

    fits, left = {"cholesky": lambda: fit(1e-6, "newton-cholesky")}, list(TARGETS)
    for tol in TOLERANCES:
        error = _error(fit(tol), best) if left else 0.0
        while left and error <= left[0]:
            fits[f"lbfgs {left.pop(0)}"] = lambda tol=tol: fit(tol)
    return fits


def _error(coefficients, best):
    """The largest distance to the optimum, in standard errors."""
    return float(np.max(np.abs(coefficients - best.params) / best.bse))
