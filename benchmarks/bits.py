"""The bits of some sixty fits, to see that a change which should change no answer changes none.

    python -m benchmarks.bits save before.json        before the change
    python -m benchmarks.bits compare before.json     after it: names every fit and number that differs

The fits go over families, links, storages (arrays of both orders and types, CSR, frames, Parquet), solvers,
covariances, weights, and several classes. Of each the estimates, standard errors, deviance, log-likelihood, scale and
number of passes are kept as hexadecimal floats, with the warnings that it gave. Both must run on one machine, as
processors may differ in last bits. Half a minute where loops must be compiled first, else a few seconds.
"""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
import time
import warnings
from pathlib import Path

import numpy as np

N, P = 3000, 4
NUMBERS = ("params", "bse", "deviance", "null_deviance", "llf", "scale", "n_passes")
LINKS = {
    "gaussian": ("identity", "log"),
    "binomial": ("logit", "probit", "cloglog", "cauchit", "loglog"),
    "poisson": ("log", "sqrt", "identity"),
    "gamma": ("inverse", "log"),
    "inverse_gaussian": ("log",),
    "negative_binomial": ("log",),
    "tweedie": ("log",),
    "quasibinomial": ("logit",),
    "quasipoisson": ("log",),
}
SOLVERS = ("newton", "irls", "lbfgs", "newton-cg", "stream", "sgd")
COVARIANCES = ("robust", "HC1", "HC2", "HC3", None)


class Rows:
    """The rows of all fits: columns, a factor, clusters and a response of each family."""

    def __init__(self, n: int = N):
        rng = np.random.default_rng(20)
        self.X = np.round(rng.normal(size=(n, P)), 3)
        self.level, self.group = rng.integers(0, 6, n), rng.integers(0, 40, n)
        self.weights, self.offset = rng.integers(1, 5, n) / 2.0, np.round(rng.normal(size=n), 2) / 4.0
        self.sparse = np.where(rng.random((n, 12)) < 0.2, np.round(rng.normal(size=(n, 12)), 2), 0.0)
        eta = 0.4 + self.X @ np.array([0.3, -0.2, 0.1, 0.0]) + 0.1 * self.level
        mu = np.exp(0.5 * eta)
        self.labels = (rng.random(n) < 1.0 / (1.0 + np.exp(-eta))).astype(float)
        self.counts = rng.poisson(mu).astype(float)
        self.positive = np.round(mu * rng.gamma(3.0, 1.0 / 3.0, n) + 0.01, 3)
        self.real = np.round(eta + rng.normal(size=n), 3)
        self.classes = np.array(["a", "b", "c"])[np.clip((eta + rng.logistic(size=n)).astype(int), 0, 2)]

    def y(self, family):
        """A response that the family admits."""
        if family in ("binomial", "quasibinomial"):
            return self.labels
        if family in ("poisson", "quasipoisson", "negative_binomial", "tweedie"):
            return self.counts
        return self.positive if family in ("gamma", "inverse_gaussian") else self.real


def fits(folder: Path):
    """Name -> function that makes a fit."""
    import pandas as pd
    from scipy.sparse import csr_matrix

    from fastglm import families, fit, glm

    rows = Rows()
    small, many = Rows(60), Rows(40_000)
    value = {"negative_binomial": families.NegativeBinomial(2.0), "tweedie": families.Tweedie(1.5)}
    frame = pd.DataFrame({f"x{j}": rows.X[:, j] for j in range(P)})
    frame = frame.assign(y=rows.labels, c=rows.counts, k=rows.classes, w=rows.weights, o=rows.offset, g=rows.group)
    frame["f"] = np.array(list("pqrstu"))[rows.level]
    path = folder / "rows.parquet"
    frame.to_parquet(path, row_group_size=700)
    terms = "x0 + x1 + x2 + C(f)"
    made = {}
    for family, links in LINKS.items():
        for link in links:
            made[f"{family} {link}"] = lambda f=family, k=link: fit(rows.X, rows.y(f), family=value.get(f, f), link=k)
    for solver in SOLVERS:
        for family in ("binomial", "poisson"):
            made[f"{solver} {family}"] = lambda s=solver, f=family: fit(rows.X, rows.y(f), family=f, solver=s)
        made[f"{solver} classes"] = lambda s=solver: fit(rows.X, rows.classes, family="multinomial", solver=s)
    for cov in COVARIANCES:
        made[f"cov {cov}"] = lambda c=cov: fit(rows.X, rows.counts, family="poisson", cov=c)
        made[f"cov {cov} Parquet"] = lambda c=cov: glm(f"c ~ {terms}", path, family="poisson", cov=c)
    clusters, two_ways = {"cluster": rows.group}, {"cluster": [rows.group, rows.level]}
    made["cov clusters"] = lambda: fit(rows.X, rows.counts, family="poisson", cov=clusters)
    made["cov two ways"] = lambda: fit(rows.X, rows.labels, family="binomial", cov=two_ways)
    made["cov clusters classes"] = lambda: fit(rows.X, rows.classes, family="multinomial", cov=clusters)
    made["cov clusters Parquet"] = lambda: glm(f"c ~ {terms}", path, family="poisson", cov="cluster:g")
    made["float32"] = lambda: fit(rows.X.astype(np.float32), rows.labels, family="binomial")
    made["columns in order"] = lambda: fit(np.asfortranarray(rows.X), rows.labels, family="binomial")
    made["CSR"] = lambda: fit(csr_matrix(rows.sparse), rows.counts, family="poisson")
    made["CSR HC3"] = lambda: fit(csr_matrix(rows.sparse), rows.counts, family="poisson", cov="HC3")
    made["weights, offset"] = lambda: fit(
        rows.X, rows.counts, family="poisson", weights=rows.weights, offset=rows.offset
    )
    made["frame with a factor"] = lambda: fit(frame[["x0", "x1", "f"]], rows.labels, family="binomial")
    for name, data in (("frame", frame), ("Parquet", path)):
        made[f"{name} binomial"] = lambda d=data: glm(f"y ~ {terms}", d, family="binomial", cov="HC1")
        made[f"{name} poisson"] = lambda d=data: glm(f"c ~ {terms}", d, family="poisson", weights="w", offset="o")
        made[f"{name} classes"] = lambda d=data: glm(f"k ~ {terms}", d, family="multinomial")
        made[f"{name} interactions"] = lambda d=data: glm("y ~ x0 * f + poly(x1, 2)", d, family="binomial")
    made["files read again"] = lambda: glm(f"y ~ {terms}", path, family="binomial", memory=0)
    made["checkpoint"] = lambda: glm(f"c ~ {terms}", path, family="poisson", checkpoint=folder / "journal")
    made["few rows"] = lambda: fit(small.X, small.counts, family="poisson", cov="HC3")
    made["few rows, dependent"] = lambda: fit(
        np.column_stack([small.X, small.X[:, 0] + 1e-9 * small.X[:, 1]]), small.real, cov="HC2"
    )
    made["redundant"] = lambda: fit(np.column_stack([rows.X, rows.X @ np.ones(P)]), rows.counts, family="poisson")
    made["separated"] = lambda: fit(small.X[:, :1], small.X[:, 0] > 0.1, family="binomial")
    made["many rows"] = lambda: fit(many.X, many.labels, family="binomial", cov="robust")
    made["many rows sampled"] = lambda: fit(many.X, many.counts, family="poisson", solver="auto", threads=2)
    made["another covariance"] = lambda: fit(rows.X, rows.counts, family="poisson").with_cov("HC3", rows.X, rows.counts)
    return made


def bits(values) -> list:
    """Numbers as text that tells every bit of them."""
    return [float(v).hex() for v in np.ravel(np.asarray(values, dtype=np.float64), order="K")]


def measured() -> dict:
    """Name of a fit -> name of a number -> its bits; with the warnings, or the error in place of all."""
    found = {}
    with tempfile.TemporaryDirectory() as folder:
        for name, make in fits(Path(folder)).items():
            with warnings.catch_warnings(record=True) as said:
                warnings.simplefilter("always")
                try:
                    result = make()
                    found[name] = {number: bits(getattr(result, number)) for number in NUMBERS}
                except (ValueError, ArithmeticError) as error:
                    found[name] = {"error": f"{type(error).__name__}: {error}".replace(folder, "")}
            found[name]["warnings"] = [f"{w.category.__name__}: {w.message}" for w in said]
    return found


def differences(before: dict, after: dict) -> list[str]:
    """A line for each fit and number that is not the same to the bit, or that only one of the two has."""
    lines = [f"{name}: only in one of the two" for name in sorted(before.keys() ^ after.keys())]
    for name in (name for name in before if name in after):
        numbers = sorted(before[name].keys() | after[name].keys())
        lines += [f"{name}: {n}" for n in numbers if before[name].get(n) != after[name].get(n)]
    return lines


def main(argv=None) -> int:
    """Save the bits of all fits, or compare them with saved ones; 1 where some differ."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.bits", description=__doc__.splitlines()[0])
    parser.add_argument("what", choices=("save", "compare"))
    parser.add_argument("file", type=Path)
    args = parser.parse_args(argv)
    began = time.perf_counter()
    found = measured()
    print(f"{len(found)} fits in {time.perf_counter() - began:.1f} s")
    if args.what == "save":
        args.file.write_text(json.dumps(found, indent=1))
        return 0
    lines = differences(json.loads(args.file.read_text()), found)
    print("\n".join(lines) or "the same to the bit")
    return int(bool(lines))


if __name__ == "__main__":
    sys.exit(main())
