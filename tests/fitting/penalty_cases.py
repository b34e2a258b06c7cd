"""Reference cases of penalised fits, read from ``penalties`` (its README has the conventions)."""

import csv
import json
from pathlib import Path

import numpy as np

from fastglm.penalties import ElasticNet, GroupLasso

FOLDER = Path(__file__).parent / "penalties"
NAMES = sorted(path.stem for path in FOLDER.glob("*.json"))


def case(name):
    """The description of a case and its columns, a dict of arrays."""
    described = json.loads((FOLDER / f"{name}.json").read_text())
    with (FOLDER / f"{name}.csv").open() as file:
        rows = list(csv.reader(file))
    return described, dict(zip(rows[0], np.array(rows[1:], float).T, strict=True))


def numbers(values):
    """Numbers written as text, where infinities are; None stays."""
    return None if values is None else np.array([float(v) for v in values])


def arguments(described, columns):
    """X, y and the arguments of a fit but for the penalty."""
    X = np.column_stack([columns[name] for name in described["x"]])
    more = {name: columns[name] for name in ("weights", "offset") if described[name]}
    options = {"family": described["family"], "intercept": described["fit_intercept"], **more}
    if described["family"] == "gamma":
        options["link"] = "log"
    return X, columns[described["y"]], options


def spread(described, columns):
    """What glmnet divides the quadratic part of the penalty by: the gaussian's deviation of y less the offset."""
    if described["family"] != "gaussian":
        return 1.0
    y = columns[described["y"]] - (columns["offset"] if described["offset"] else 0.0)
    w = columns["weights"] if described["weights"] else np.ones(len(y))
    w = w / w.sum()
    centre = w @ y if described["fit_intercept"] else 0.0
    return float(np.sqrt(w @ (y - centre) ** 2))


def penalty(described, columns):
    """The penalty without a lam, and what glmnet's lambdas are multiplied by for it."""
    if "groups" in described:
        weights = described["group_factor"]
        return GroupLasso(None, described["groups"], described["alpha"], weights, described["standardize"]), 1.0
    alpha, factors = described["alpha"], numbers(described["penalty_factor"])
    if described["exclude"]:
        factors = np.ones(described["p"]) if factors is None else factors
        factors[described["exclude"]] = np.inf
    quadratic = (1.0 - alpha) / spread(described, columns)
    net = ElasticNet(
        alpha=alpha / (alpha + quadratic), factors=factors, lower=numbers(described["lower"]),
        upper=numbers(described["upper"]), scale=described["standardize"],
        grouped=described["type_multinomial"] == "grouped",
    )  # fmt: skip
    return net, alpha + quadratic


def violation(X, y, beta, lam, net, family, weights=None, offset=0.0, intercept=True):
    """The largest violation of the optimality conditions over lam: dense sums of its own, one mean a row, canonical
    links or a gamma's log."""
    n, p = X.shape
    w = np.ones(n) if weights is None else np.asarray(weights, float)
    w = w / w.sum()
    b0, b = (beta[0], beta[1:]) if intercept else (0.0, beta)
    eta = b0 + X @ b + offset
    mean = {"gaussian": eta, "binomial": 1 / (1 + np.exp(-eta))}.get(family)
    mean = np.exp(eta) if mean is None else mean
    residual = w * ((y - mean) / mean if family == "gamma" else y - mean)
    sd = np.sqrt(np.maximum(w @ (X - w @ X) ** 2, 0.0)) if net.scale else np.ones(p)
    factors = np.ones(p) if net.factors is None else np.asarray(net.factors, float)
    gone = np.isinf(factors)
    factors = np.where(gone, 1.0, factors)
    factors *= p / factors.sum()
    assert (b[gone] == 0.0).all()
    lower, upper = (np.full(p, end if v is None else v) for end, v in ((-np.inf, net.lower), (np.inf, net.upper)))
    worst = [abs(residual.sum())] if intercept else [0.0]
    for j in np.flatnonzero(~gone):
        pull = X[:, j] @ residual - lam * factors[j] * (1 - net.alpha) * sd[j] ** 2 * b[j]
        cut = lam * factors[j] * net.alpha * sd[j]
        low, high = (pull - cut, pull + cut) if b[j] == 0.0 else (pull - np.sign(b[j]) * cut,) * 2
        if b[j] < upper[j]:
            worst.append(low / sd[j])
        if b[j] > lower[j]:
            worst.append(-high / sd[j])
    return max(worst) / lam
