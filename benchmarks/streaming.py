"""Streaming Newton: how near one read of the rows comes to the optimum, what it costs, and what its intervals cover.

The exact fit is the judge: distances are in its standard errors. Peers that need a learning rate get one that suits
them and standardised columns; what standardising costs is shown apart. Everything runs in one thread.
"""

from __future__ import annotations

import argparse
import statistics
import time
import warnings
from typing import NamedTuple

import numpy as np

from .measure import Effort

HEADER = ("", "measured", "target", "met")
STRESS_ROWS = 200_000
REPEATS = 200  # of a coverage experiment


class Record(NamedTuple):
    """One number against its target; ``limit`` is (low, high)."""

    target: str
    what: str
    value: float
    limit: tuple[float, float]
    unit: str = ""

    @property
    def met(self) -> bool:
        return self.limit[0] <= self.value <= self.limit[1]

    def row(self):
        """Its cells of the table."""
        low, high = self.limit
        wanted = f"<= {high:g}" if low == -np.inf else f">= {low:g}" if high == np.inf else f"{low:g} to {high:g}"
        return (
            f"{self.target}: {self.what}",
            f"{self.value:.3g} {self.unit}".strip(),
            wanted,
            "yes" if self.met else "NO",
        )


def at_most(target, what, value, limit, unit=""):
    """A record of a number that should be small."""
    return Record(target, what, float(value), (-np.inf, limit), unit)


def at_least(target, what, value, limit, unit=""):
    """A record of a number that should be large."""
    return Record(target, what, float(value), (limit, np.inf), unit)


def run(effort, quick=False):
    """All experiments; returns a Markdown table and the record behind it."""
    from threadpoolctl import threadpool_limits

    import fastglm

    threads = fastglm.get_threads()
    fastglm.set_threads(1)
    try:
        with threadpool_limits(1), warnings.catch_warnings():
            warnings.simplefilter("ignore")
            records = [*accuracy(effort, quick), *softmax(effort, quick), *coverage(quick), *stress(quick)]
    finally:
        fastglm.set_threads(threads)
    return markdown(records), {"streaming": [record._asdict() | {"met": record.met} for record in records]}


def markdown(records) -> str:
    """The records as a Markdown table."""
    rows = [HEADER, ("---",) * len(HEADER), *(record.row() for record in records)]
    return "\n".join("| " + " | ".join(row) + " |" for row in rows)


def interleaved(contenders, repeats):
    """name -> (median seconds, last answer) of functions that take turns; the first turn is not counted."""
    times, answers = {name: [] for name in contenders}, {}
    for turn in range(repeats + 1):
        for name, call in contenders.items():
            start = time.perf_counter()
            answers[name] = call()
            if turn:
                times[name].append(time.perf_counter() - start)
    return {name: (statistics.median(times[name]), answers[name]) for name in contenders}


def distance(params, exact):
    """(root mean square, largest) distance of coefficients from the exact fit, in its standard errors."""
    away = (params - exact.params) / exact.bse
    return float(np.sqrt(np.nanmean(away**2))), float(np.nanmax(np.abs(away)))


def se_error(result, exact):
    """The largest relative difference of standard errors."""
    return float(np.nanmax(np.abs(result.bse / exact.bse - 1.0)))


# One read, and one score pass more (T4, T5, T6, T8)


def accuracy(effort, quick):
    """Distances and times on badly scaled columns, beside averaged stochastic gradient descent and exact IRLS."""
    sizes = ((200_000, 20), (20_000, 50)) if quick else ((1_000_000, 20), (200_000, 20), (200_000, 100), (20_000, 50))
    for n, p in sizes:
        yield from _race(n, p, effort)
    if not quick:
        yield from _wide(200_000, 500)


def _race(n, p, effort):
    import fastglm
    from fastglm.simulate import make_glm
    from fastglm.solvers import Stream

    data = make_glm("binomial", n, p, rho=0.5, kind="badly_scaled", seed=1)

    def fit(solver):
        return lambda: fastglm.fit(data.X, data.y, family="binomial", solver=solver)

    found = interleaved(
        {
            "once": fit(Stream(certify=False)), "corrected": fit(Stream(tol=np.inf)), "irls": fit("irls"),
            "sgd": lambda: _sgd(data.X, data.y), "scaler": lambda: _standardised(data.X),
        },
        effort.repeats,
    )  # fmt: skip
    exact, size = found["irls"][1], f"{report_size(n)} x {p}"
    once, corrected = found["once"][1], found["corrected"][1]
    large = n >= 200_000
    rms, largest = distance(once.params, exact)
    yield at_most("T4", f"one read, rms, {size}", rms, 0.1 if large else 0.15, "SE")
    yield at_most("T4", f"one read, largest, {size}", largest, 0.4 if large else 0.5, "SE")
    yield at_most("T8", f"standard errors of one read, {size}", se_error(once, exact), 0.02)
    if not large:
        return
    # the peer's fit alone: it standardises for nothing
    sgd = found["sgd"][0] - found["scaler"][0]
    rms = distance(found["sgd"][1], exact)[0]
    share = found["once"][0] / sgd
    what = f"time of one read over SGDClassifier's, {size} (its fit {sgd:.2g} s, {rms:.2g} SE"
    what += f"; its scaler {found['scaler'][0]:.2g} s more)"
    yield at_most("T5", what, share, 1 / 3 if p <= 20 else 1 / 2)
    yield at_most("T6", f"and a score pass, rms, {size}", distance(corrected.params, exact)[0], 0.01, "SE")
    faster = found["irls"][0] / found["corrected"][0]
    yield at_least("T6", f"exact IRLS over both, {size}", faster, 2.0 if p <= 20 else 6.0, "x")


def _wide(n, p):
    import fastglm
    from fastglm.simulate import make_glm
    from fastglm.solvers import Stream

    data = make_glm("binomial", n, p, rho=0.5, kind="badly_scaled", seed=1)
    once, exact = (fastglm.fit(data.X, data.y, family="binomial", solver=s) for s in (Stream(certify=False), "auto"))
    yield at_most("T8", f"standard errors of one read, {report_size(n)} x {p}", se_error(once, exact), 0.03)


def _standardised(X):
    from sklearn.preprocessing import StandardScaler

    scaler = StandardScaler()
    return scaler.fit_transform(X), scaler.mean_, scaler.scale_


def _sgd(X, y):
    """Coefficients of an averaged pass over standardised columns, with the best of a few learning rates."""
    from sklearn.linear_model import SGDClassifier

    Z, mean, scale = _standardised(X)
    options = dict(penalty=None, average=True, max_iter=1, tol=None, random_state=0)
    peer = SGDClassifier("log_loss", learning_rate="invscaling", eta0=1.0, power_t=0.5, **options).fit(Z, y)
    slopes = peer.coef_[0] / scale
    return np.append(peer.intercept_ - mean @ slopes, slopes)


def report_size(n):
    """200,000 as 2e5."""
    from .problems import short

    return short(n)


# Several classes (T10)


def softmax(effort, quick):
    """One read of five classes, beside one pass of scikit-learn's SAGA over standardised columns."""
    import fastglm
    from fastglm.simulate import make_softmax
    from fastglm.solvers import Stream

    n = 50_000 if quick else 200_000
    data = make_softmax(n, 20, 5, rho=0.5, kind="badly_scaled", seed=1)
    once = Stream(certify=False)
    Z = _standardised(data.X)[0]
    found = interleaved(
        {
            "once": lambda: fastglm.fit(data.X, data.y, family="multinomial", solver=once),
            "saga": lambda: _saga(Z, data.y),
        },
        effort.repeats,
    )
    exact = fastglm.fit(data.X, data.y, family="multinomial")
    size = f"{report_size(n)} x 20, 5 classes"
    yield at_most("T10", f"one read, rms, {size}", distance(found["once"][1].params, exact)[0], 0.1, "SE")
    share = found["once"][0] / found["saga"][0]
    yield at_most("T10", f"time over a pass of saga ({found['saga'][0]:.2g} s), {size}", share, 1 / 3)


def _saga(Z, y):
    from sklearn.linear_model import LogisticRegression

    return LogisticRegression(C=np.inf, solver="saga", max_iter=1).fit(Z, y)


# Intervals (T7)


def coverage(quick):
    """The share of 95% intervals of one read that cover the true coefficients."""
    repeats, n = (20, 5000) if quick else (REPEATS, 20_000)
    for p in (10, 50):
        share = covered("binomial", "binomial", "model", repeats, n, p)
        yield Record("T7", f"coverage, logistic, p = {p}, {repeats} samples", share, (94.0, 96.0), "%")
    share = covered("poisson", "overdispersed", "robust", repeats, n, 10)
    yield at_least("T7", f"coverage, overdispersed counts, robust, {repeats} samples", share, 93.5, "%")
    share = covered("poisson", "overdispersed", "model", repeats, n, 10)
    yield at_most("T7", "the same with the model's covariance, as a contrast", share, 93.5, "%")


def covered(family, kind, cov, repeats, n, p):
    """The coverage in percent, averaged over coefficients and samples."""
    import fastglm
    from fastglm.simulate import make_glm
    from fastglm.solvers import Stream

    hits = []
    for seed in range(repeats):
        offset = None
        if kind == "overdispersed":
            # a gamma variable of mean one and variance a third multiplies each mean
            offset = np.log(np.maximum(np.random.default_rng([seed, 1]).gamma(3.0, 1.0 / 3.0, n), 1e-300))
        data = make_glm(family, n, p, rho=0.5, kind="badly_scaled", seed=seed, offset=offset)
        r = fastglm.fit(data.X, data.y, family=family, solver=Stream(certify=False), cov=cov)
        low, high = r.conf_int().T
        hits.append((low <= data.params) & (data.params <= high))
    return 100.0 * float(np.mean(hits))


# Hard data (T9)


def stress(quick):
    """The certificate against the true distance, and the answers where one read fails."""
    import fastglm
    from fastglm.solvers import Stream

    n = 50_000 if quick else STRESS_ROWS
    for name, family, X, y in hard_data(n):
        exact = fastglm.fit(X, y, family=family, solver="newton")
        for shuffle in (True, False):
            r = fastglm.fit(X, y, family=family, solver=Stream(shuffle=shuffle))
            once = fastglm.fit(X, y, family=family, solver=Stream(shuffle=shuffle, certify=False))
            before, after = distance(once.params, exact)[0], distance(r.params, exact)[1]
            order = "shuffled" if shuffle else "in order"
            what = f"{name}, {order}: {before:.2g} SE after one read, certified {r.certificate:.1g}"
            what += f" in {r.n_passes:.3g} passes"
            # two exact answers differ by 1e-8, which no certificate covers
            yield at_most("T9", f"{what}; true distance over certificate", after / (r.certificate + 1e-8), 3.0)
            yield at_most("T9", f"{name}, {order}: standard errors", se_error(r, exact), 0.02)


def hard_data(n):
    """Name, family, X and y of what misleads one read."""
    from fastglm.simulate import make_glm

    plain = dict(n=n, p=20, rho=0.5, kind="badly_scaled", seed=1)
    cases = {
        "badly scaled": {}, "sorted by a column": {"sort_by": 0}, "sorted by y": {"sort_by": "y"},
        "events of 0.8%": {"event_rate": 0.008}, "events of 0.11%": {"event_rate": 0.0011},
        "near separable": {"signal": 10.0},
    }  # fmt: skip
    for name, options in cases.items():
        data = make_glm("binomial", **plain, **options)
        yield name, "binomial", data.X, data.y
    yield "one-hot, 44 levels", "binomial", *_one_hot(n)
    rng = np.random.default_rng(1)
    X = rng.standard_t(3, (n, 20))
    eta = X @ rng.normal(size=20)
    yield "counts, t3 columns", "poisson", X, rng.poisson(np.exp(eta / np.abs(eta).max() * 19.6)).astype(float)


def _one_hot(n):
    rng = np.random.default_rng(1)
    share = 1.2 ** -np.arange(42.0)
    level = rng.choice(42, size=n, p=share / share.sum())
    level[rng.choice(n, 32, replace=False)] = 42
    X = np.column_stack([level[:, None] == np.arange(1, 43), rng.normal(size=(n, 2))]).astype(float)
    chance = 1.0 / (1.0 + np.exp(1.0 - X @ rng.normal(size=X.shape[1]) * 0.5))
    return X, (rng.random(n) < chance).astype(float)


def main(argv=None) -> None:
    """Run all experiments and print their table."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.streaming", description=__doc__.splitlines()[0])
    parser.add_argument("--quick", action="store_true", help="small sizes, to see that all runs")
    parser.add_argument("--repeats", type=int, default=5, help="timed turns of each contender (default 5)")
    args = parser.parse_args(argv)
    print(run(Effort(repeats=args.repeats), args.quick)[0])


if __name__ == "__main__":
    main()
