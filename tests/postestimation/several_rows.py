"""Rows of every kind of response with several linear predictors, and the derivatives of their log-likelihoods."""

import numpy as np
import pandas as pd


def simulated(n=300, seed=21):
    """Two numbers, a factor, an indicator, two ways of clustering, ordered levels, counts, positive counts, shares."""
    rng = np.random.default_rng(seed)
    data = pd.DataFrame({"x": rng.normal(size=n), "z": rng.normal(size=n), "g": rng.choice(list("abc"), n)})
    data["d"] = rng.integers(0, 2, n).astype(float)
    data["firm"], data["year"] = rng.integers(0, 40, n), rng.integers(0, 25, n)
    data["o"], data["w"] = 0.2 * rng.normal(size=n), rng.integers(0, 4, n).astype(float)
    shared = rng.normal(size=40)[data.firm]
    eta = 0.8 * data.x - 0.5 * data.z + 0.4 * (data.g == "b") + 0.3 * data.d + shared
    data["level"] = np.searchsorted([-1.0, 0.0, 1.2], eta + rng.logistic(size=n))
    mean, zero = np.exp(0.7 + 0.3 * data.x + 0.2 * data.d), 1.0 / (1.0 + np.exp(1.0 - data.z))
    data["count"] = np.where(rng.random(n) < zero, 0, rng.negative_binomial(2, 2.0 / (2.0 + mean)))
    data["positive"] = 1.0 + rng.negative_binomial(2, 2.0 / (2.0 + mean))
    share = 1.0 / (1.0 + np.exp(-0.5 * data.x - 0.2 * shared))
    data["share"] = rng.beta(4.0 * share, 4.0 * (1.0 - share))
    return data


def moved(result, params):
    """A result at other coefficients."""
    from dataclasses import replace

    return replace(result, params=params)


def row_likelihoods(result, data, y):
    """log f(y) of each row by the predicted distribution alone."""
    from scipy.stats import beta

    if result.family.labelled:
        shares = result.predict(data)
        return np.log(shares[np.arange(len(shares)), y.astype(int)])
    if result.family.whole:
        shares = result.predict(data, "proba", counts=range(int(y.max()) + 1))
        return np.log(shares[np.arange(len(shares)), y.astype(int)])
    mean, phi = result.predict(data), result.predict(data, "precision")
    return beta(mean * phi, (1.0 - mean) * phi).logpdf(y)


def score_rows(result, data, y, step=1e-5):
    """The scores of rows (n, m) by central differences."""
    y = np.asarray(y, float)
    found = []
    for j in range(len(result.params)):
        e = step * (np.arange(len(result.params)) == j)
        up, down = (row_likelihoods(moved(result, result.params + s * e), data, y) for s in (1, -1))
        found.append((up - down) / (2.0 * step))
    return np.column_stack(found)
