"""The deviance of the null model of counts, which are summed by how many rows have each."""

import numpy as np
import pytest

import fastglm
from fastglm import families

FAMILIES = {"poisson": families.Poisson(), "negative binomial": families.NegativeBinomial(2.0)}


@pytest.mark.parametrize("family", FAMILIES.values(), ids=FAMILIES)
@pytest.mark.parametrize("largest", [3, 200, 4_000])  # the last is beyond the counts that are looked up
@pytest.mark.parametrize("n", [500, 20_000])
def test_it_is_the_sum_over_rows(family, largest, n):
    rng = np.random.default_rng(largest)
    X, y = rng.standard_normal((n, 2)), np.minimum(rng.geometric(2.0 / largest, n), 2 * largest) - 1.0
    mean = y.mean()
    expected = sum(family.deviance(float(v), mean) * k for v, k in zip(*np.unique(y, return_counts=True), strict=True))
    assert fastglm.fit(X, y, family=family).null_deviance == pytest.approx(expected, rel=1e-12)


def test_weights_and_offsets_are_not_forgotten():
    rng = np.random.default_rng(1)
    X, y, w = rng.standard_normal((800, 2)), rng.poisson(2.0, 800).astype(float), rng.integers(1, 4, 800)
    repeated = fastglm.fit(np.repeat(X, w, axis=0), np.repeat(y, w), family="poisson")
    assert fastglm.fit(X, y, family="poisson", freq_weights=w).null_deviance == pytest.approx(repeated.null_deviance)
    offset = rng.normal(0.0, 0.3, 800)
    shifted = fastglm.fit(X, y, family="poisson", offset=offset)
    mu = np.exp(offset) * y.sum() / np.exp(offset).sum()
    expected = sum(families.Poisson().deviance(a, m) for a, m in zip(y, mu, strict=True))
    assert shifted.null_deviance == pytest.approx(expected, rel=1e-10)
