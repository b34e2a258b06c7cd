"""Stochastic first-order fits: time of a pass and quality of the first one, against scikit-learn's.

Times are those of one thread, the best of several, and both sides' are marginal: the difference of fits with more and
fewer passes, so that neither pays for checks or compilation.
"""

from __future__ import annotations

import time
import warnings
from functools import partial

import numpy as np

from . import report

RATE, ALPHA = 0.01, 1e-6
HEADER = ("rows", "columns", "storage", "shuffle", "peer, ms a pass", "ours", "ratio", "target")
TARGETS = {("dense", 20): (6, 15), ("dense", 100): (5, 8), ("CSR", 50_000): (2.5, 2.5)}


def dense(n: int, p: int, seed: int = 1):
    """A logistic model on independent normal columns."""
    rng = np.random.default_rng(seed)
    X = rng.normal(size=(n, p))
    return X, (rng.random(n) < 1 / (1 + np.exp(-X @ rng.normal(size=p) / np.sqrt(p)))).astype(float)


def text(n: int, p: int, words: int = 60, seed: int = 0):
    """A logistic model on rows of unit length whose features are as frequent as words: Zipf's law."""
    from scipy import sparse

    rng = np.random.default_rng(seed)
    share = np.cumsum(1 / np.arange(1.0, p + 1))
    drawn = np.searchsorted(share / share[-1], rng.random((n, words)))
    columns = rng.permutation(p)[np.minimum(drawn, p - 1)]
    counts = (np.ones(n * words), (np.repeat(np.arange(n), words), columns.ravel()))
    X = sparse.csr_matrix(counts, shape=(n, p))
    X.data = np.log1p(X.data)
    X = (sparse.diags(1 / np.sqrt(X.multiply(X).sum(1).A1)) @ X).tocsr()
    X.sort_indices()
    b = 3 * rng.normal(size=p) * (rng.random(p) < 0.3)
    return X, (rng.random(n) < 1 / (1 + np.exp(-X @ b))).astype(float)


def best(f, repeats: int) -> float:
    """The least time of a call."""
    times = []
    for _ in range(repeats):
        start = time.perf_counter()
        f()
        times.append(time.perf_counter() - start)
    return min(times)


def peer(passes: int, alpha: float = 1e-8, **options):
    """scikit-learn's averaged SGD at a constant rate."""
    from sklearn.linear_model import SGDClassifier

    options = {"average": True, "learning_rate": "constant", "eta0": RATE, **options}
    return SGDClassifier(loss="log_loss", alpha=alpha, max_iter=passes, tol=None, random_state=0, **options)


def ours(X, y, epochs: int, **options):
    """Our averaged SGD at a constant rate, or with other options."""
    from fastglm.family.binomial import Bernoulli
    from fastglm.family.links import Logit
    from fastglm.kernels.row_loops import FamilyLink
    from fastglm.solver.sgd import SGD
    from fastglm.solver.sgd.driver import run
    from fastglm.source.in_memory import Block

    data = Block(X, True, y, None, None, None, None)
    return run(data, FamilyLink(Bernoulli(), Logit()), SGD(**options)._replace(epochs=epochs))


def marginal(f, repeats: int) -> float:
    """Seconds of one more pass."""
    few, many = 1, 5
    return (best(partial(f, many), repeats) - best(partial(f, few), repeats)) / (many - few)


def passes(repeats: int, quick: bool):
    """The table of times a pass."""
    shrink = 10 if quick else 1
    problems = [("dense", dense(500_000 // shrink, 20)), ("dense", dense(200_000 // shrink, 100))]
    problems.append(("CSR", text(200_000 // shrink, 50_000)))
    rows = [HEADER]
    for storage, (X, y) in problems:
        theirs = marginal(lambda k, X=X, y=y: peer(k).fit(X, y), repeats)
        options = {"method": "sgd", "rate": RATE, "averaging": True, "tol": None, "batch_size": 64}
        ours(X, y, 1, **options)
        for shuffle, target in zip(("rows", "batches"), TARGETS[storage, X.shape[1]], strict=True):
            fit = partial(ours, X, y, shuffle=shuffle, standardize=storage == "dense", **options)
            mine = marginal(fit, repeats)
            rows.append((f"{X.shape[0]:,}", f"{X.shape[1]:,}", storage, shuffle, f"{1e3 * theirs:.0f}",
                         f"{1e3 * mine:.1f}", f"{theirs / mine:.1f}", f"{target}"))  # fmt: skip
    return rows


def quality():
    """One pass over sparse text without a rate given: how far the penalised loss is from its minimum."""
    from sklearn.linear_model import LogisticRegression

    X, y = text(50_000, 20_000)
    n = len(y)

    def objective(intercept, slopes):
        eta = X @ slopes + intercept
        return np.mean(np.logaddexp(0.0, np.where(y > 0, -eta, eta))) + ALPHA / 2 * slopes @ slopes

    exact = LogisticRegression(C=1 / (ALPHA * n), tol=1e-10, max_iter=2000).fit(X, y)
    theirs = peer(1, ALPHA, average=False, learning_rate="optimal", eta0=0.01).fit(X, y)
    mine = ours(X, y, 1, l2=ALPHA).coef
    least = objective(exact.intercept_[0], exact.coef_[0])
    gaps = objective(theirs.intercept_[0], theirs.coef_[0]) - least, objective(mine[0], mine[1:]) - least
    return [("suboptimality after a pass", "peer", "ours", "ratio", "target"),
            ("text, l2 = 1e-6", f"{gaps[0]:.3g}", f"{gaps[1]:.3g}", f"{gaps[0] / gaps[1]:.1f}", "5")]  # fmt: skip


def run(effort, quick=False):
    """Both tables; returns them and the record behind them."""
    from threadpoolctl import threadpool_limits

    with threadpool_limits(1), warnings.catch_warnings():
        warnings.simplefilter("ignore")
        tables = passes(effort.repeats, quick), quality()
    text = "\n\n".join(report.align(rows) for rows in tables)
    return f"stochastic descent, 1 thread\n{text}", {"first_order": tables}
