"""Designs of factors, from the data frame to standard errors: fastglm's ``glm`` against glum's fit and covariance.

The simulated table has the make-up of a motor portfolio: seven factors of 3 to 520 levels, some of them rare, three
numbers and an exposure.
"""

from __future__ import annotations

import statistics
import time
import warnings

import numpy as np

from . import report

LEVELS = {"coverage": 3, "sex": 2, "bm": 23, "fuel": 2, "use": 2, "fleet": 2, "region": 520}
NUMBERS = ("age", "power", "years")
ROWS, TIMES = 163_212, (1, 10)
HEADER = ("rows", "coefficients", "fastglm", "passes", "glum fit", "glum covariance", "x fastglm", "SE apart", "gap/se")


def table(n: int, seed: int = 0):
    """A portfolio of n policies, as a pandas frame."""
    import pandas as pd

    rng, eta, columns = np.random.default_rng(seed), np.full(n, -2.0), {}
    for name, levels in LEVELS.items():
        share = rng.dirichlet(np.full(levels, 0.7))
        codes = rng.choice(levels, n, p=share)
        eta += rng.normal(0.0, 0.2, levels)[codes]
        width = len(str(levels))
        kinds = pd.Categorical.from_codes(codes, [f"{name}{k:0{width}d}" for k in range(levels)])
        columns[name] = kinds.remove_unused_categories()
    for name in NUMBERS:
        columns[name] = rng.integers(0, 60, n)
        eta += 0.004 * columns[name]
    columns["exposure"] = rng.uniform(0.05, 1.0, n)
    columns["claims"] = rng.poisson(columns["exposure"] * np.exp(eta))
    return pd.DataFrame(columns)


def run(effort, quick=False):
    """One and ten times the rows; returns the table and the record behind it."""
    rows, records = [HEADER], []
    for times in TIMES[:1] if quick else TIMES:
        record = _race(table(ROWS * times), effort)
        records.append(record)
        other = "not installed" if record["glum"] is None else report.seconds(record["glum"])
        rows.append((
            f"{record['rows']:,}", str(record["coefficients"]), report.seconds(record["fastglm"]),
            f"{record['passes']:.1f}", other, report.seconds(record["covariance"]),
            "?" if record["ratio"] is None else f"{record['ratio']:.1f}", f"{record['se_gap']:.0e}",
            f"{record['gap']:.0e}",
        ))  # fmt: skip
    title = f"Poisson with exposure, 7 factors and 3 numbers; {effort.threads} threads, medians of {effort.repeats}"
    return f"{title}\n{report.align(rows)}", {"factors": records}


def _race(frame, effort):
    import fastglm

    formula = f"claims ~ {' + '.join(LEVELS)} + {' + '.join(NUMBERS)}"

    def ours():
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # rare levels without claims
            return fastglm.glm(formula, frame, family="poisson", exposure="exposure", threads=effort.threads)

    peer = _glum(frame)
    found, times = ours(), {"fastglm": [], "glum": [], "covariance": []}
    other = peer() if peer else None
    for _ in range(effort.repeats):
        start = time.perf_counter()
        found = ours()
        times["fastglm"].append(time.perf_counter() - start)
        if peer:
            other = peer()
            times["glum"].append(other[0])
            times["covariance"].append(other[1])
    medians = {name: statistics.median(v) if v else None for name, v in times.items()}
    both = None if other is None else medians["glum"] + medians["covariance"]
    gap, se_gap = (np.nan, np.nan) if other is None else _apart(found, *other[2:])
    return {
        "rows": len(frame), "coefficients": len(found.params), **medians, "passes": found.n_passes, "gap": gap,
        "se_gap": se_gap, "ratio": None if both is None else both / medians["fastglm"],
    }  # fmt: skip


def _glum(frame):
    """A function that fits the same model by glum: seconds of the fit and of the covariance, coefficients, errors."""
    try:
        from glum import GeneralizedLinearRegressor
    except ImportError:
        return None
    X, w = frame[[*LEVELS, *NUMBERS]].astype(dict.fromkeys(NUMBERS, float)), frame.exposure.to_numpy()
    y = frame.claims.to_numpy() / w

    def fit():
        model = GeneralizedLinearRegressor(family="poisson", alpha=0.0, drop_first=True, gradient_tol=1e-7)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            start = time.perf_counter()
            model.fit(X, y, sample_weight=w)
            fitted = time.perf_counter()
            errors = model.std_errors(X, y, sample_weight=w, robust=False, dispersion=1.0, expected_information=True)
            end = time.perf_counter()
        coefficients = np.concatenate([[model.intercept_], model.coef_])
        return fitted - start, end - fitted, coefficients, np.asarray(errors)

    return fit


def _apart(found, coefficients, errors):
    """How far glum's coefficients are in standard errors, and its standard errors relatively, where they are finite."""
    finite = found.bse < 1.0
    gap = np.abs(coefficients - found.params)[finite] / found.bse[finite]
    # glum's covariance may have a scale of its own
    ratio = errors[finite] / found.bse[finite]
    return float(gap.max()), float(np.abs(ratio / np.median(ratio) - 1.0).max())
