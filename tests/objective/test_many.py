"""Sums at many coefficients are those at each of them."""

import numpy as np
import pytest
from scipy import sparse

from fastglm.family.links import Identity, Log
from fastglm.family.poisson import Poisson
from fastglm.kernels.row_loops import FamilyLink
from fastglm.objective.base import Deviance
from fastglm.objective.many import SOME
from fastglm.rows.open import open_rows
from fastglm.rows.request import FitRequest
from fastglm.source.base import RowTransform
from fastglm.source.folds import Fitted, Folds, Hashed

RNG = np.random.default_rng(3)
N, P, R = 5000, 4, SOME + 3
X, BETA = RNG.normal(size=(N, P)), 0.3 * RNG.normal(size=(R, P + 1))
Y, WEIGHTS, OFFSET = RNG.poisson(1.0, N).astype(float), RNG.uniform(0.0, 2.0, N), 0.1 * RNG.normal(size=N)


def objective(X):
    request = FitRequest(data=X, y=Y, family="poisson", weights=WEIGHTS, offset=OFFSET)
    return Deviance(open_rows(request)[1], FamilyLink(Poisson(), Log()))


@pytest.mark.parametrize("kind", [np.asarray, np.asfortranarray, sparse.csr_matrix])
def test_each_is_its_own_pass(kind):
    whole = objective(kind(X))
    sums = whole.at_many(BETA)
    for i in (0, 1, R - 1):
        q = whole.at(BETA[i], 1)
        assert sums.deviance[i] == pytest.approx(q.deviance, rel=1e-12)
        assert sums.pearson[i] == pytest.approx(q.pearson, rel=1e-12)
        np.testing.assert_allclose(sums.score[i], q.score, rtol=1e-9, atol=1e-9)


def test_rows_of_a_fold_do_not_count():
    whole, folds = objective(X), Folds.each_in_turn(Hashed(3))
    of = np.arange(R) % 3
    sums = whole.at_many(BETA, folds, of)
    for i in (0, 1, 5):
        rows = whole.source.changed(RowTransform(False, kept=Fitted(folds, int(of[i]))))
        q = Deviance(rows, whole.pair).at(BETA[i], 1)
        np.testing.assert_allclose(sums.score[i], q.score, rtol=1e-9, atol=1e-9)


def test_a_mean_out_of_range_is_not_a_number():
    whole = objective(X)
    outside = Deviance(whole.source, FamilyLink(whole.pair.family, Identity()))
    beta = np.array([[1e-3, 1.0, 0.0, 0.0, 0.0], [10.0, 0.0, 0.0, 0.0, 0.0]])
    sums = outside.at_many(beta, Folds.each_in_turn(Hashed(2)), np.zeros(2, int))
    assert np.isnan(sums.score[0]).any() and np.isfinite(sums.score[1]).all()
