"""Which columns are aliased is decided on X alone, to R's tolerance, the same for every storage."""

import warnings

import numpy as np
import pandas as pd
import pytest
import scipy.sparse as sp

import fastglm
from fastglm.errors import CollinearityWarning
from fastglm.objective import base as objectives

N = 20_000
RNG = np.random.default_rng(3)
x, z, f = RNG.normal(size=N), RNG.normal(size=N), RNG.choice(list("abcd"), N)
Y = RNG.poisson(np.exp(0.1 + 0.3 * x + 0.2 * z))


def fits(second, **options):
    """The same columns as an array, as a CSR matrix and in a formula."""
    X = np.column_stack([x, second, *((f == level).astype(float) for level in "bcd")])
    yield fastglm.fit(X, Y, family="poisson", **options)
    yield fastglm.fit(sp.csr_matrix(X), Y, family="poisson", **options)
    data = pd.DataFrame({"y": Y, "x": x, "second": second, "f": f})
    yield fastglm.glm("y ~ x + second + f", data, family="poisson", **options)


@pytest.mark.parametrize("distance", [1e-5, 1e-7, 1e-9])
def test_a_nearly_dependent_column_is_kept_by_every_storage(distance):
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        found = list(fits(x + distance * z))
    exact = fastglm.fit(np.column_stack([x, z, *((f == level) for level in "bcd")]), Y, family="poisson")
    for result in found:
        assert result.converged and not result.aliased
        # x + d z has rounding of its own, of 1e-16 / d of z
        assert result.deviance == pytest.approx(exact.deviance, rel=1e-15 / distance)


@pytest.mark.parametrize("cost", [objectives.QR_COST, 0.0], ids=["rows", "cross-products"])
def test_a_dependent_column_is_aliased_by_every_storage(cost, monkeypatch):
    monkeypatch.setattr(objectives, "QR_COST", cost)
    with pytest.warns(CollinearityWarning):
        found = list(fits(2.0 * x - (f == "b") + 1e-13 * z))
    for result in found:
        assert len(result.aliased) == 1 and np.isnan(result.params).sum() == 1
        assert result.deviance == pytest.approx(found[0].deviance, rel=1e-12)


def test_without_rows_cross_products_do_not_alias_what_is_only_near(monkeypatch):
    monkeypatch.setattr(objectives, "QR_COST", 0.0)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert not any(result.aliased for result in fits(x + 1e-8 * z))


def test_rows_without_weight_do_not_make_columns_independent():
    X = np.column_stack([x, np.where(np.arange(N) < 10, z, x)])
    w = (np.arange(N) >= 10).astype(float)
    with pytest.warns(CollinearityWarning):
        assert fastglm.fit(X, Y, family="poisson", weights=w).aliased == {"x2": "x1"}


def test_near_columns_with_finite_estimates_are_not_called_separated():
    rng = np.random.default_rng(0)
    x, z = rng.normal(size=(2, 2000))
    y = rng.random(2000) < 1 / (1 + np.exp(-0.3 - x - 0.5 * z))
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        near = fastglm.fit(np.column_stack([x, x + 1e-9 * z]), y, family="binomial")
        plain = fastglm.fit(np.column_stack([x, (x + 1e-9 * z) - x]), y, family="binomial")
    assert near.tvalues[2] == pytest.approx(plain.tvalues[2], rel=1e-6)
    assert near.deviance == pytest.approx(plain.deviance, rel=1e-10)


def test_a_sample_without_a_rare_level_does_not_decide_the_fit():
    rng = np.random.default_rng(4)
    n = 60_000
    rare = np.zeros(n)
    rare[rng.choice(n, 16, replace=False)] = 1.0
    X = np.column_stack([rng.normal(size=(n, 3)), rare])
    y = rng.random(n) < 1 / (1 + np.exp(1 - 0.3 * X[:, 0] + 0.5 * rare))
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        auto, newton = (fastglm.fit(X, y, family="binomial", solver=solver) for solver in ("auto", "newton"))
    assert (np.abs(auto.params - newton.params) <= 1e-7 * newton.bse).all()
