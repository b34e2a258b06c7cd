"""Paths of penalised fits against scikit-learn, at equal violation of the optimality conditions.

    python -m benchmarks.penalties a            a problem: a, b, c or e
    python -m benchmarks.penalties a --peer     with scikit-learn's path, where it has one
    python -m benchmarks.penalties a --cv       with ten folds

Problems: **a** least squares, 100,000 rows of 200 equally correlated columns; **b** logistic, 1,000,000 x 50; **c**
logistic, 1,000 x 10,000, autoregressive columns; **e** Poisson with exposure, 163,000 rows of nine factors of 530
levels. 100 lambdas down to a thousandth (a hundredth for c) of the largest. A peer's stopping rule is not ours: of both
the largest violation over lambda along the path is printed, found by dense sums of this file, and only times at about
equal violations are to be compared; ``--tol`` sets the peer's tolerance.
"""

from __future__ import annotations

import argparse
import time
from typing import NamedTuple

import numpy as np

import fastglm
from fastglm.penalties import Lasso
from fastglm.solvers import ProximalNewton

LEVELS = (2, 2, 3, 5, 12, 40, 80, 120, 266)


class Problem(NamedTuple):
    """Rows of a path; ``frame`` in the place of X where the columns are factors."""

    X: np.ndarray | None
    y: np.ndarray
    family: str
    ratio: float
    frame: dict | None = None


def equicorrelated() -> Problem:
    """Problem a."""
    rng = np.random.default_rng(1)
    n, p = 100_000, 200
    X = np.sqrt(0.5) * rng.normal(size=(n, p)) + np.sqrt(0.5) * rng.normal(size=(n, 1))
    beta = np.where(np.arange(p) < 40, rng.normal(size=p), 0.0)
    return Problem(X, X @ beta + 5.0 * rng.normal(size=n), "gaussian", 1e-3)


def tall() -> Problem:
    """Problem b."""
    rng = np.random.default_rng(1)
    n, p = 1_000_000, 50
    X = rng.normal(size=(n, p))
    beta = np.where(np.arange(p) < 20, 0.3 * rng.normal(size=p), 0.0)
    return Problem(X, (rng.random(n) < 1.0 / (1.0 + np.exp(1.0 - X @ beta))).astype(float), "binomial", 1e-3)


def wide() -> Problem:
    """Problem c."""
    rng = np.random.default_rng(1)
    n, p = 1_000, 10_000
    X = rng.normal(size=(n, p))
    for j in range(1, p):
        X[:, j] = 0.5 * X[:, j - 1] + np.sqrt(0.75) * X[:, j]
    beta = np.zeros(p)
    beta[rng.choice(p, 20, replace=False)] = rng.normal(size=20)
    return Problem(X, (rng.random(n) < 1.0 / (1.0 + np.exp(-X @ beta))).astype(float), "binomial", 1e-2)


def factors() -> Problem:
    """Problem e."""
    rng = np.random.default_rng(1)
    n, eta, frame = 163_000, -2.0, {}
    exposure = rng.uniform(0.05, 1.0, n)
    for j, levels in enumerate(LEVELS):
        share = 1.0 / np.arange(1, levels + 1)
        codes = rng.choice(levels, n, p=share / share.sum())
        eta = eta + 0.2 * rng.normal(size=levels)[codes]
        frame[f"f{j}"] = np.array([f"l{code:03d}" for code in range(levels)])[codes]
    y = rng.poisson(exposure * np.exp(eta)).astype(float)
    return Problem(None, y, "poisson", 1e-3, frame | {"y": y, "exposure": exposure})


PROBLEMS = {"a": equicorrelated, "b": tall, "c": wide, "e": factors}


def ours(problem: Problem, tol: float, function=fastglm.path):
    """The path, or its cross-validation, of a problem."""
    options = {"family": problem.family, "ratio": problem.ratio, "penalty": Lasso(), "solver": ProximalNewton(tol=tol)}
    if problem.X is None:
        import pandas

        formula = "y ~ " + " + ".join(f"f{j}" for j in range(len(LEVELS)))
        return function(formula, pandas.DataFrame(problem.frame), exposure="exposure", **options)
    return function(problem.X, problem.y, **options)


def peer(problem: Problem, lambdas: np.ndarray, tol: float) -> np.ndarray:
    """scikit-learn's coefficients along the path, (L, p + 1), of columns divided by their deviations."""
    Z = (problem.X - problem.X.mean(0)) / problem.X.std(0)
    if problem.family == "gaussian":
        from sklearn.linear_model import lasso_path

        _, coef, _ = lasso_path(Z, problem.y - problem.y.mean(), alphas=lambdas, tol=tol, max_iter=100_000)
        return np.column_stack([np.full(len(lambdas), problem.y.mean()), coef.T])
    from sklearn.linear_model import LogisticRegression

    model = LogisticRegression(l1_ratio=1.0, solver="saga", tol=tol, max_iter=10_000, warm_start=True)
    out = []
    for lam in lambdas:
        model.set_params(C=1.0 / (lam * len(problem.y))).fit(Z, problem.y)
        out.append(np.append(model.intercept_, model.coef_[0]))
    return np.array(out)


def violation(problem: Problem, coefficients: np.ndarray, lambdas: np.ndarray, standardised: bool) -> float:
    """The largest violation over lambda of a path's coefficients (L, p + 1)."""
    mean, sd, n = problem.X.mean(0), problem.X.std(0), len(problem.y)
    worst = 0.0
    for beta, lam in zip(coefficients, lambdas, strict=True):
        b = beta[1:] if standardised else beta[1:] * sd
        eta = beta[0] + problem.X @ (b / sd) - (mean @ (b / sd) if standardised else 0.0)
        residual = problem.y - (eta if problem.family == "gaussian" else 1.0 / (1.0 + np.exp(-eta)))
        score = (problem.X.T @ residual - mean * residual.sum()) / sd / n
        left = np.where(b == 0.0, np.maximum(np.abs(score) - lam, 0.0), np.abs(score - lam * np.sign(b)))
        worst = max(worst, left.max() / lam, abs(residual.sum()) / n / lam)
    return worst


def timed(function, *arguments):
    """What a function returns, and its seconds: by the clock, and of processors, which others' work does not change."""
    began, busy = time.perf_counter(), time.process_time()
    found = function(*arguments)
    return found, f"{time.perf_counter() - began:.2f} s ({time.process_time() - busy:.2f} s of processors)"


def main() -> None:
    """Run one problem."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("problem", choices=PROBLEMS)
    parser.add_argument("--peer", action="store_true")
    parser.add_argument("--cv", action="store_true")
    parser.add_argument("--ours", type=float, default=1e-6, help="tolerance of ours")
    parser.add_argument("--tol", type=float, default=1e-6, help="tolerance of the peer")
    parser.add_argument("--every", type=int, default=1, help="the peer has every so many of the lambdas")
    chosen = parser.parse_args()
    problem = PROBLEMS[chosen.problem]()
    ours(problem, chosen.ours)  # compiles
    path, seconds = timed(ours, problem, chosen.ours)
    known = problem.X is not None
    left = violation(problem, path.params, path.lambdas, False) if known else path.certificate.max()
    passes = f"{path.n_passes:g} passes, df {path.df[-1]}"
    print(f"fastglm path: {seconds}, {passes}, violation {left:.1e}", flush=True)
    if chosen.cv:
        found, seconds = timed(ours, problem, chosen.ours, fastglm.cv)
        print(f"fastglm cv: {seconds}, {found!r}", flush=True)
    if chosen.peer and known:
        lambdas = path.lambdas[:: chosen.every]
        coefficients, seconds = timed(peer, problem, lambdas, chosen.tol)
        left = violation(problem, coefficients, lambdas, True)
        print(f"scikit-learn path of {len(lambdas)}: {seconds}, violation {left:.1e}")


if __name__ == "__main__":
    main()
