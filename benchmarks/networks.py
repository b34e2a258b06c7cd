"""Networks: the time of an epoch against torch's, which is not asked for where it is not installed.

An autoencoder 64-32-64 of the size of scikit-learn's digits, trained by Adam on one thread. Both sides' times are
marginal, the difference of fits with more and fewer epochs, so that neither pays for checks or compilation.
"""

from __future__ import annotations

import time
from functools import partial

import numpy as np

from . import report

ROWS, COLUMNS, HIDDEN = 1797, 64, 32  # of scikit-learn's digits
BATCHES = (32, 512)
FEW, MANY = 5, 45  # epochs
HEADER = (
    "batch", "torch float32, ms an epoch", "torch float64", "fastglm float64", "ratio to the faster", "target",
    "torch's error", "fastglm's",
)  # fmt: skip


def digits(rows: int, seed: int = 0) -> np.ndarray:
    """Numbers between zero and one of about the rank of images."""
    rng = np.random.default_rng(seed)
    return 1 / (1 + np.exp(-rng.normal(size=(rows, 12)) @ rng.normal(size=(12, COLUMNS))))


def ours(X, batch: int, epochs: int) -> tuple[float, float]:
    """Seconds of a fit, and its mean squared error."""
    from fastglm.nn import MLP
    from fastglm.solvers import SGD

    began = time.perf_counter()
    result = MLP((HIDDEN,), family="binomial").fit(
        X, X, solver=SGD(method="adam", rate=1e-3, batch_size=batch, epochs=epochs, tol=None, standardize=False)
    )
    return time.perf_counter() - began, float(np.mean((result.predict(X) - X) ** 2))


def peer(X, batch: int, dtype: str, epochs: int) -> tuple[float, float]:
    """The same of torch's loop over shuffled batches."""
    import torch

    torch.set_num_threads(1)
    X = torch.tensor(X, dtype=getattr(torch, dtype))
    layers = [torch.nn.Linear(COLUMNS, HIDDEN), torch.nn.Tanh(), torch.nn.Linear(HIDDEN, COLUMNS)]
    model = torch.nn.Sequential(*layers).to(X.dtype)
    optimiser, loss = torch.optim.Adam(model.parameters(), lr=1e-3), torch.nn.BCEWithLogitsLoss()
    began = time.perf_counter()
    for _ in range(epochs):
        order = torch.randperm(len(X))
        for first in range(0, len(X), batch):
            rows = X[order[first : first + batch]]
            optimiser.zero_grad()
            loss(model(rows), rows).backward()
            optimiser.step()
    return time.perf_counter() - began, float(((torch.sigmoid(model(X)) - X) ** 2).mean())


def marginal(fit, repeats: int) -> tuple[float, float]:
    """Milliseconds of an epoch, and the error after the most epochs."""
    fit(1)
    (few, _), (many, error) = (min(fit(epochs) for _ in range(repeats)) for epochs in (FEW, MANY))
    return 1e3 * (many - few) / (MANY - FEW), error


def run(effort, quick=False):
    """The table of both batch sizes, and the record behind it."""
    from threadpoolctl import threadpool_limits

    X, rows = digits(ROWS // 3 if quick else ROWS), [HEADER]
    with threadpool_limits(1):
        for batch in BATCHES:
            mine, error = marginal(partial(ours, X, batch), effort.repeats)
            try:
                found = [marginal(partial(peer, X, batch, d), effort.repeats) for d in ("float32", "float64")]
            except ImportError:
                found = [(np.nan, np.nan)] * 2
            theirs = [per_epoch for per_epoch, _ in found]
            times = (*(f"{t:.2f}" for t in theirs), f"{mine:.2f}", f"{min(theirs) / mine:.1f}", "1")
            rows.append((str(batch), *times, f"{found[0][1]:.4f}", f"{error:.4f}"))
    title = f"autoencoder {COLUMNS}-{HIDDEN}-{COLUMNS}, {len(X):,} rows, Adam, 1 thread"
    return f"{title}\n{report.align(rows)}", {"networks": rows}
