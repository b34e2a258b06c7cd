"""The peers of the races of penalised paths: a script that any Python with them runs, without fastglm.

    python benchmarks/penalty_peers.py FOLDER PEER TOLERANCE FOLDS THREADS

FOLDER has ``Z.npy`` or ``Z.npz`` (columns divided by their deviations), ``y.npy``, ``lambdas.npy``, ``folds.npy``,
``family.json`` and, where rows have an exposure, ``offset.npy``. The path is left in ``PEER.npy``, (L, p + 1), the
intercept first; a line of JSON has the seconds and processor seconds of the path, and of that many of the folds.
"""

from __future__ import annotations

import json
import sys
import time
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from scipy import sparse


class Rows(NamedTuple):
    """Rows of a path."""

    Z: Any
    y: np.ndarray
    offset: np.ndarray | None
    family: str
    lambdas: np.ndarray

    def but(self, fold) -> Rows:
        """The rows outside of a fold."""
        keep = np.flatnonzero(~fold)
        Z = self.Z[keep] if sparse.issparse(self.Z) else np.asfortranarray(self.Z[keep])
        return self._replace(Z=Z, y=self.y[keep], offset=None if self.offset is None else self.offset[keep])


def adelie(rows, tol, threads):
    """adelie's ``grpnet``: coordinate descent in C++, by one thread, with which it is fastest here."""
    import adelie as ad

    kind = {"gaussian": ad.glm.gaussian, "binomial": ad.glm.binomial, "poisson": ad.glm.poisson}[rows.family]
    matrix = ad.matrix.sparse if sparse.issparse(rows.Z) else ad.matrix.dense
    state = ad.grpnet(
        X=matrix(rows.Z, n_threads=1), glm=kind(y=rows.y), offsets=rows.offset, lmda_path=rows.lambdas,
        early_exit=False, tol=tol, irls_tol=tol, n_threads=1, progress_bar=False,
    )  # fmt: skip
    return np.column_stack([state.intercepts, state.betas.toarray()])


def glum(rows, tol, threads):
    """glum's regularisation path: coordinate descent on the Gram matrix of the active set."""
    from glum import GeneralizedLinearRegressor

    family = {"gaussian": "normal"}.get(rows.family, rows.family)
    model = GeneralizedLinearRegressor(
        l1_ratio=1.0, family=family, alpha_search=True, alphas=rows.lambdas, gradient_tol=tol, max_iter=1000
    )
    model.fit(rows.Z, rows.y, offset=rows.offset)
    return np.column_stack([model.intercept_path_, model.coef_path_])


def skglm(rows, tol, threads):
    """skglm's working sets, by Anderson's extrapolation in least squares and proximal Newton else."""
    from skglm.datafits import Logistic, Quadratic
    from skglm.penalties import L1
    from skglm.solvers import AndersonCD, ProxNewton

    gaussian = rows.family == "gaussian"
    solver = AndersonCD(tol=tol, max_iter=200) if gaussian else ProxNewton(tol=tol, max_iter=200)
    solver.warm_start = True
    datafit, y = (Quadratic(), rows.y) if gaussian else (Logistic(), 2.0 * rows.y - 1.0)
    w, Xw, out = np.zeros(rows.Z.shape[1] + 1), np.zeros(len(y)), []
    for lam in rows.lambdas:
        w = solver.solve(rows.Z, y, datafit, L1(lam), w.copy(), Xw.copy())[0]
        Xw = rows.Z @ w[:-1] + w[-1]
        out.append(np.append(w[-1], w[:-1]))
    return np.array(out)


def celer(rows, tol, threads):
    """celer's working sets, least squares alone: its logistic regression has no intercept."""
    from celer import celer_path

    # columns and response about their means stand for the intercept
    mean, center = rows.Z.mean(0), rows.y.mean()
    coef = celer_path(rows.Z - mean, rows.y - center, "lasso", alphas=rows.lambdas, tol=tol, max_iter=100)[1].T
    return np.column_stack([center - coef @ mean, coef])


def sklearn(rows, tol, threads):
    """scikit-learn's ``lasso_path``, least squares alone."""
    from sklearn.linear_model import lasso_path

    mean, center = rows.Z.mean(0), rows.y.mean()
    coef = lasso_path(rows.Z - mean, rows.y - center, alphas=rows.lambdas, tol=tol, max_iter=100_000)[1].T
    return np.column_stack([center - coef @ mean, coef])


def timed(function, *arguments):
    """What a function returns, its seconds, and its seconds of processors."""
    began, busy = time.perf_counter(), time.process_time()
    found = function(*arguments)
    return found, time.perf_counter() - began, time.process_time() - busy


def main() -> None:
    """One peer on one problem."""
    folder, name, tol, n_folds, threads = sys.argv[1:]
    folder, peer = Path(folder), {f.__name__: f for f in (adelie, glum, skglm, celer, sklearn)}[name]
    read = {path.stem: np.load(path) for path in folder.glob("*.npy") if path.stem in NAMES}
    Z = np.asfortranarray(read["Z"]) if "Z" in read else sparse.load_npz(folder / "Z.npz").tocsc()
    family = json.loads((folder / "family.json").read_text())
    rows = Rows(Z, read["y"], read.get("offset"), family, read["lambdas"])
    peer(rows._replace(lambdas=rows.lambdas[:2]), float(tol), int(threads))  # compiles
    path, wall, busy = timed(peer, rows, float(tol), int(threads))
    np.save(folder / f"{name}.npy", path)
    print(json.dumps({"wall": wall, "busy": busy}), flush=True)
    wall = busy = 0.0
    for fold in range(int(n_folds)):
        _, more, seconds = timed(peer, rows.but(read["folds"] == fold), float(tol), int(threads))
        wall, busy = wall + more, busy + seconds
    print(json.dumps({"wall": wall, "busy": busy, "folds": int(n_folds)}), flush=True)


NAMES = ("Z", "y", "offset", "lambdas", "folds")

if __name__ == "__main__":
    main()
