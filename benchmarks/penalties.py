"""Paths of penalised fits and their cross-validation against peers, at equal violation of the optimality conditions.

    python -m benchmarks --penalties            all problems, every peer that is installed
    python -m benchmarks --penalties c d        some of them
    python -m benchmarks.penalties c --no-peers --cv

Problems: **a** least squares, 100,000 rows of 200 equally correlated columns; **b** logistic, 1,000,000 x 50; **c**
logistic, 1,000 x 10,000, autoregressive columns; **d** logistic, 100,000 x 100,000, 47 entries a row; **e** Poisson
with exposure, 163,000 policies with factors of about 600 levels (beMTPL97 from a file, simulated else). 100 lambdas
down to a thousandth (a hundredth for c and d) of the largest, ten folds.

The stopping rules of peers are not ours: the largest violation over lambda_max along the path is found by sums of this
file, and a peer's tolerance is made less until it is below 1e-6. A peer's folds are timed on some of the ten.
FASTGLM_PEERS in the environment, or ``--python``, is an interpreter that has peers; FASTGLM_BEMTPL97 the file.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from scipy import sparse

import fastglm
from fastglm.penalties import Lasso
from fastglm.solvers import ProximalNewton

from . import penalty_peers, report
from .penalty_peers import timed

LEVELS = (2, 2, 3, 5, 12, 40, 80, 120, 266)
TARGET = 1e-6  # violation over lambda_max
FOLDS = 10
# of each peer the tolerance to begin with
PEERS = {
    "a": {"sklearn": 3e-7, "glum": 3e-6, "celer": 1e-9, "adelie": 1e-12},
    "b": {"adelie": 1e-10, "glum": 3e-7},
    "c": {"adelie": 1e-10, "skglm": 3e-7},
    "d": {"adelie": 1e-10, "skglm": 3e-7},
    "e": {"adelie": 1e-11, "glum": 3e-7},
}
TRIES = 3  # tolerances of a peer
LIMIT = 600.0  # seconds of each


class Problem(NamedTuple):
    """Rows of a path; ``frame`` and ``formula`` in the place of X where the columns are factors."""

    X: Any
    y: np.ndarray
    family: str
    ratio: float
    frame: Any = None
    formula: str | None = None


def equicorrelated(quick: bool) -> Problem:
    """Problem a."""
    rng = np.random.default_rng(1)
    n, p = 10_000 if quick else 100_000, 200
    X = np.sqrt(0.5) * rng.normal(size=(n, p)) + np.sqrt(0.5) * rng.normal(size=(n, 1))
    beta = np.where(np.arange(p) < 40, rng.normal(size=p), 0.0)
    return Problem(X, X @ beta + 5.0 * rng.normal(size=n), "gaussian", 1e-3)


def tall(quick: bool) -> Problem:
    """Problem b."""
    rng = np.random.default_rng(1)
    n, p = 100_000 if quick else 1_000_000, 50
    X = rng.normal(size=(n, p))
    beta = np.where(np.arange(p) < 20, 0.3 * rng.normal(size=p), 0.0)
    return Problem(X, _events(rng, X @ beta - 1.0), "binomial", 1e-3)


def wide(quick: bool) -> Problem:
    """Problem c."""
    rng = np.random.default_rng(1)
    n, p = 1_000, 2_000 if quick else 10_000
    X = rng.normal(size=(n, p))
    for j in range(1, p):
        X[:, j] = 0.5 * X[:, j - 1] + np.sqrt(0.75) * X[:, j]
    beta = np.zeros(p)
    beta[rng.choice(p, 20, replace=False)] = rng.normal(size=20)
    return Problem(X, _events(rng, X @ beta), "binomial", 1e-2)


def scattered(quick: bool) -> Problem:
    """Problem d: columns of falling frequency, as words have."""
    rng = np.random.default_rng(1)
    n = p = 10_000 if quick else 100_000
    share = 1.0 / (10.0 + np.arange(p))
    columns = rng.choice(p, (n, 50), p=share / share.sum())
    rows = np.repeat(np.arange(n), 50)
    X = sparse.csr_matrix((np.ones(columns.size), (rows, columns.ravel())), (n, p))
    X.data = np.log1p(X.data)
    beta = np.zeros(p)
    beta[rng.choice(1000, 200, replace=False)] = 2.0 * rng.normal(size=200)
    eta = X @ beta
    X = X[:, np.flatnonzero(np.diff(X.tocsc().indptr) > 1)]
    return Problem(X, _events(rng, eta - eta.mean()), "binomial", 1e-2)


def factors(quick: bool, data: str | None = None) -> Problem:
    """Problem e."""
    import pandas

    if data and not quick:
        frame = pandas.read_parquet(data)
        frame["postcode"] = frame["postcode"].astype(str).astype("category")
        formula = "y ~ coverage + ageph + bm + power + agec + postcode"
        frame["y"], frame["exposure"] = frame["nclaims"].astype(float), frame["expo"]
        return Problem(None, frame["y"].to_numpy(), "poisson", 1e-3, frame, formula)
    rng = np.random.default_rng(1)
    n, eta, frame = 16_000 if quick else 163_000, -2.0, {}
    exposure = rng.uniform(0.05, 1.0, n)
    for j, levels in enumerate(LEVELS):
        share = 1.0 / np.arange(1, levels + 1)
        codes = rng.choice(levels, n, p=share / share.sum())
        eta = eta + 0.2 * rng.normal(size=levels)[codes]
        frame[f"f{j}"] = np.array([f"l{code:03d}" for code in range(levels)])[codes]
    y = rng.poisson(exposure * np.exp(eta)).astype(float)
    formula = "y ~ " + " + ".join(f"f{j}" for j in range(len(LEVELS)))
    return Problem(None, y, "poisson", 1e-3, pandas.DataFrame(frame | {"y": y, "exposure": exposure}), formula)


PROBLEMS = {"a": equicorrelated, "b": tall, "c": wide, "d": scattered, "e": factors}


def _events(rng, eta):
    return (rng.random(len(eta)) < 1.0 / (1.0 + np.exp(-eta))).astype(float)


def ours(problem: Problem, tol: float, function=fastglm.path):
    """The path, or its cross-validation, of a problem."""
    options = {"family": problem.family, "ratio": problem.ratio, "penalty": Lasso(), "solver": ProximalNewton(tol=tol)}
    if problem.X is None:
        return function(problem.formula, problem.frame, exposure="exposure", **options)
    return function(problem.X, problem.y, **options)


class Standardised:
    """The columns of a problem divided by their deviations, as peers have them, and the referee's sums.

    Parameters
    ----------
    problem : Problem
    names : sequence of str
        The names of the columns of a formula.
    """

    def __init__(self, problem: Problem, names):
        self.problem, self.y, self.offset = problem, problem.y, None
        X = problem.X
        if X is None:
            X, self.offset = indicators(problem.frame, names), np.log(problem.frame["exposure"].to_numpy())
        if sparse.issparse(X):
            mean, square = np.asarray(X.mean(0)).ravel(), np.asarray(X.multiply(X).mean(0)).ravel()
            self.sd = np.sqrt(square - mean**2)
            self.Z = (X @ sparse.diags(1.0 / self.sd)).tocsc()
        else:
            self.sd = X.std(0)
            self.Z = np.asfortranarray((X - X.mean(0)) / self.sd)

    def of_ours(self, params: np.ndarray) -> np.ndarray:
        """Coefficients (L, p + 1) of the standardised columns from those of a result."""
        out = params.copy()
        out[:, 1:] *= self.sd
        if self.problem.X is not None and not sparse.issparse(self.problem.X):
            out[:, 0] += params[:, 1:] @ self.problem.X.mean(0)
        return out

    def violation(self, coefficients: np.ndarray, lambdas: np.ndarray) -> float:
        """The largest violation over lambda_max of a path (L, p + 1); infinite where lambdas are missing."""
        if coefficients.shape != (len(lambdas), self.Z.shape[1] + 1):
            return np.inf
        worst = 0.0
        for beta, lam in zip(coefficients, lambdas, strict=True):
            b, eta = beta[1:], beta[0] + self.Z @ beta[1:] + (0.0 if self.offset is None else self.offset)
            mean = {"gaussian": lambda x: x, "poisson": np.exp}.get(self.problem.family, lambda x: 1 / (1 + np.exp(-x)))
            residual = self.y - mean(eta)
            score = self.Z.T @ residual / len(self.y)
            left = np.where(b == 0.0, np.maximum(np.abs(score) - lam, 0.0), np.abs(score - lam * np.sign(b)))
            worst = max(worst, left.max(), abs(residual.mean()))
        return worst / lambdas[0]

    def write(self, folder: Path, lambdas: np.ndarray):
        """Leave the files that peers read."""
        if sparse.issparse(self.Z):
            sparse.save_npz(folder / "Z.npz", self.Z, compressed=False)
        else:
            np.save(folder / "Z.npy", self.Z)
        folds = np.random.default_rng(0).integers(FOLDS, size=len(self.y))
        arrays = {"y": np.asarray(self.y, float), "lambdas": lambdas, "folds": folds, "offset": self.offset}
        for name, array in arrays.items():
            if array is not None:
                np.save(folder / f"{name}.npy", array)
        (folder / "family.json").write_text(json.dumps(self.problem.family))


def indicators(frame, names) -> sparse.csc_matrix:
    """The columns of a formula without interactions: numbers, and levels named ``factor[T.level]``."""
    found = []
    for name in names:
        factor, _, level = name.partition("[T.")
        values = frame[factor].to_numpy()
        found.append(values.astype(float) if not level else (values.astype(str) == level[:-1]).astype(float))
    return sparse.hstack([sparse.csc_matrix(v[:, None]) for v in found], format="csc")


def raced(name: str, folder: Path, peer: str, lambdas, rows: Standardised, python: str, n_folds: int, threads: int):
    """A peer's record at the first of its tolerances that is good enough."""
    tol, environment = PEERS[name][peer], os.environ | {"OMP_NUM_THREADS": str(threads), "PYTHONPATH": ""}
    for _ in range(TRIES):
        command = [python, penalty_peers.__file__, str(folder), peer, str(tol), str(n_folds), str(threads)]
        try:
            done = subprocess.run(command, capture_output=True, text=True, env=environment, check=False, timeout=LIMIT)
        except subprocess.TimeoutExpired:
            return {"message": f"no path and folds within {LIMIT:.0f} s at tolerance {tol:g}"}
        if done.returncode:
            return {"message": (done.stderr.strip().splitlines() or ["failed"])[-1]}
        path, cv = (json.loads(line) for line in done.stdout.strip().splitlines()[-2:])
        violation = rows.violation(np.load(folder / f"{peer}.npy"), lambdas)
        if violation <= TARGET:
            break
        tol *= 0.1
    share = FOLDS / max(n_folds, 1)
    cv = {key: path[key] + share * cv[key] for key in ("wall", "busy")} if n_folds else None
    return {"path": path, "cv": cv, "violation": violation, "tol": tol}


def race(name, quick, threads, peers=True, cv=True, tol=TARGET, python=sys.executable, data=None, n_folds=2) -> dict:
    """The records of fastglm and of its peers on a problem."""
    problem = factors(quick, data) if name == "e" else PROBLEMS[name](quick)
    ours(problem, tol)  # compiles
    path, wall, busy = timed(ours, problem, tol)
    rows = Standardised(problem, path.names[1:])
    violation = float(rows.violation(rows.of_ours(path.params), path.lambdas))
    record = {"path": {"wall": wall, "busy": busy}, "cv": None, "violation": violation, "passes": path.n_passes}
    record |= {"df": int(path.df[-1]), "certificate": float(path.certificate.max())}
    if cv:
        ours(problem, tol, fastglm.cv)
        _, wall, busy = timed(ours, problem, tol, fastglm.cv)
        record["cv"] = {"wall": wall, "busy": busy}
    print(f"{name}: fastglm {record}", flush=True)
    found = {"fastglm": record}
    with tempfile.TemporaryDirectory(prefix="benchmarks-") as folder:
        rows.write(Path(folder), path.lambdas)
        for peer in PEERS[name] if peers else ():
            at = Path(folder), peer, path.lambdas, rows, python, n_folds if cv else 0, threads
            found[peer] = raced(name, *at)
            print(f"{name}: {peer} {found[peer]}", flush=True)
    return found


def table(races: dict) -> str:
    """Seconds, seconds of processors and their ratios to ours."""
    rows = [("problem", "peer", "path", "of processors", "10 folds", "of processors", "ratios", "violation")]
    for name, found in races.items():
        for peer, cell in found.items():
            if "path" not in cell:
                rows.append((name, f"{peer}: {cell['message']}"))
                continue
            own, times, ratios = found["fastglm"], [], []
            for part in ("path", "cv"):
                for kind in ("wall", "busy"):
                    known = cell[part] is not None and own[part] is not None
                    times.append(report.seconds(cell[part][kind] if known else None))
                    ratios.append(f"{cell[part][kind] / own[part][kind]:.2g}" if known else "?")
            rows.append((name, peer, *times, " ".join(ratios), f"{cell['violation']:.0e}"))
    return report.align(rows)


def run(effort, quick, chosen=()) -> tuple[str, dict]:
    """The study of the command line; the environment names the interpreter that has peers, and a file of problem e."""
    python, data = os.environ.get("FASTGLM_PEERS", sys.executable), os.environ.get("FASTGLM_BEMTPL97")
    races = {name: race(name, quick, effort.threads, python=python, data=data) for name in chosen or PROBLEMS}
    return table(races), {"penalties": races}


def main() -> None:
    """Some problems, for those who change the code."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("problems", nargs="*", choices=[*PROBLEMS, []])
    parser.add_argument("--no-peers", action="store_true")
    parser.add_argument("--cv", action="store_true")
    parser.add_argument("--quick", action="store_true")
    parser.add_argument("--tol", type=float, default=TARGET, help="tolerance of ours, over lambda")
    parser.add_argument("--python", default=sys.executable, help="an interpreter that has peers")
    parser.add_argument("--data", help="a Parquet file of beMTPL97")
    parser.add_argument("--folds", type=int, default=2, help="of ten, that peers are timed on")
    parser.add_argument("--threads", type=int, default=os.cpu_count() or 1)
    args = parser.parse_args()
    for name in args.problems or PROBLEMS:
        found = race(
            name, args.quick, args.threads, not args.no_peers, args.cv, args.tol, args.python, args.data, args.folds
        )
        print(table({name: found}), flush=True)


if __name__ == "__main__":
    main()
