"""CPU seconds of fits with several linear predictors a row beside those of statsmodels, on the same simulated rows.

    python -m benchmarks.responses [rows] [columns]

Each fit is made once to compile, then measured once, by the CPU time of the process and its threads. The gain in the
log-likelihood is printed, since the larger is the better fit; statsmodels has up to 500 iterations of its optimiser.
"""

from __future__ import annotations

import sys
import time
import warnings

import numpy as np

import fastglm


def data(n: int, p: int):
    """X, ordered levels, counts with many zeros, and shares."""
    rng = np.random.default_rng(7)
    X = rng.normal(size=(n, p))
    eta = X @ np.linspace(-0.5, 0.5, p)
    levels = np.searchsorted([-1.0, 0.0, 1.0], eta + rng.logistic(size=n))
    mu, zero = np.exp(0.5 + 0.5 * eta), 1.0 / (1.0 + np.exp(0.8 - eta))
    poisson = np.where(rng.random(n) < zero, 0, rng.poisson(mu))
    negative_binomial = np.where(rng.random(n) < zero, 0, rng.negative_binomial(2.0, 2.0 / (2.0 + mu)))
    mean = 1.0 / (1.0 + np.exp(-eta))
    shares = np.clip(rng.beta(6.0 * mean, 6.0 * (1.0 - mean)), 1e-12, 1.0 - 1e-12)
    return X, levels, poisson, negative_binomial, shares


def timed(fit):
    """What a fit returns and its CPU seconds."""
    began = time.process_time()
    result = fit()
    return result, time.process_time() - began


def statsmodels_fits(X, levels, poisson, negative_binomial, shares):
    """The same models of statsmodels by name."""
    from statsmodels.api import add_constant
    from statsmodels.discrete.count_model import ZeroInflatedNegativeBinomialP, ZeroInflatedPoisson
    from statsmodels.miscmodels.ordinal_model import OrderedModel
    from statsmodels.othermod.betareg import BetaModel

    Z = add_constant(X)
    options = {"disp": 0, "maxiter": 500}
    return {
        "ordinal": lambda: OrderedModel(levels, X, distr="logit").fit(method="bfgs", **options),
        "zero_inflated_poisson": lambda: ZeroInflatedPoisson(poisson, Z, exog_infl=Z).fit(**options),
        "zero_inflated_negative_binomial": lambda: ZeroInflatedNegativeBinomialP(negative_binomial, Z, exog_infl=Z).fit(
            **options
        ),
        "beta": lambda: BetaModel(shares, Z).fit(**options),
    }


def main(n: int = 100_000, p: int = 10) -> None:
    """Print a table of all models."""
    X, *responses = data(n, p)
    others = statsmodels_fits(X, *responses)
    print(f"{n:,} rows, {p} columns; CPU seconds\n\n| family | fastglm | statsmodels | times | llf, less theirs |")
    print("|---|---|---|---|---|")
    for (family, other), y in zip(others.items(), responses, strict=True):
        fastglm.fit(X[:2000], y[:2000], family=family)
        ours, seconds = timed(lambda family=family, y=y: fastglm.fit(X, y, family=family))
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            theirs, their_seconds = timed(other)
        gain = f"{ours.llf - theirs.llf:.2g}"
        print(
            f"| {family} | {seconds:.2f} | {their_seconds:.1f} | {their_seconds / seconds:.0f} | {gain} |", flush=True
        )


if __name__ == "__main__":
    main(*map(int, sys.argv[1:]))
