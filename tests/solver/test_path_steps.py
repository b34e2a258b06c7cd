"""Paths whose steps are made in compiled code: optimal for every family and link, the same as descents step by step,
and the same bits for any number of threads."""

import numpy as np
import oracle
import pytest
from scipy import sparse

import fastglm
from fastglm.kernels.path_steps import PathSteps
from fastglm.objective.base import Deviance
from fastglm.penalties import ElasticNet, Lasso, Ridge
from fastglm.solver import working_set

RNG = np.random.default_rng(41)
N, P = 300, 5
X = RNG.normal(size=(N, P)) @ (np.eye(P) + 0.3)
ETA = 0.4 * X[:, 0] - 0.3 * X[:, 1] + 0.1 * X[:, 2]
WEIGHTS, OFFSET = RNG.uniform(0.5, 2.0, N), 0.1 * RNG.normal(size=N)
COUNTS, SIZES = RNG.poisson(np.exp(ETA)).astype(float), np.exp(ETA) * RNG.gamma(1.0, 1.0, N)
PENALTIES = {
    "lasso": Lasso(),
    "ridge": Ridge(),
    "both": ElasticNet(alpha=0.5),
    "two free": ElasticNet(alpha=0.8, factors=[1, 0, 0, 2, np.inf]),
    "bounds": ElasticNet(alpha=0.9, lower=-0.05, upper=[0.2, 0.1, 0.1, np.inf, 0.0]),
    "unscaled": Lasso(scale=False),
}


@pytest.fixture
def solved(monkeypatch):
    """How many lambdas each walk in compiled code has solved."""
    found, follow = [], Deviance.follow

    def seen(objective, beta, steps: PathSteps):
        done = follow(objective, beta, steps)
        found.append(steps.solved if done else None)
        return done

    monkeypatch.setattr(Deviance, "follow", seen)
    return found


def violation(path, lam, A, y, weights=1.0, offset=0.0):
    """The largest violation of a lasso's optimality conditions, over lambda."""
    one, w = path.at(lam), np.broadcast_to(weights, len(y))
    score, b = oracle.score(one, A, y, weights, offset)[0] / w.sum(), one.params[1:]
    sd = np.sqrt(np.average((A - np.average(A, axis=0, weights=w)) ** 2, axis=0, weights=w))
    pull = score[1:] / sd
    left = np.where(b == 0.0, np.maximum(np.abs(pull) - lam, 0.0), pull - lam * np.sign(b))
    return max(abs(score[0]), np.abs(left).max()) / lam


@pytest.mark.parametrize("family, link", oracle.pairs())
def test_the_optimum_of_every_family_and_link(family, link, solved):
    f, k = oracle.family(family), oracle.link(link)
    A, y = oracle.draw(f, k)
    path = fastglm.path(A, y, family=f, link=k, lambdas=12, ratio=1e-3)
    assert all(path.converged) and solved == ([] if isinstance(k, f.linear_link) else [12])
    assert max(violation(path, lam, A, y) for lam in path.lambdas.tolist()) < 1e-9


@pytest.mark.parametrize("family, y", [("gamma", SIZES), ("inverse_gaussian", SIZES), ("gaussian", SIZES)])
@pytest.mark.parametrize("columns", [1, P, 60])
def test_spread_far_from_the_familys_is_no_obstacle(family, y, columns, solved):
    """The expected information then foretells steps of a log link badly."""
    A = np.column_stack([X, np.random.default_rng(0).normal(size=(N, 55))])[:, :columns]
    path = fastglm.path(A, y, family=family, link="log", weights=WEIGHTS, offset=OFFSET, lambdas=30)
    assert all(path.converged) and path.n_passes < 30 * 50
    assert max(violation(path, lam, A, y, WEIGHTS, OFFSET) for lam in path.lambdas.tolist()) < 1e-7


@pytest.mark.parametrize("columns", [1, P, 60])
def test_nor_is_it_one_of_many_columns(columns, monkeypatch):
    monkeypatch.setattr(working_set, "WIDE", 0)
    A = np.column_stack([X, np.random.default_rng(0).normal(size=(N, 55))])[:, :columns]
    path = fastglm.path(A, SIZES, family="gamma", link="log", weights=WEIGHTS, offset=OFFSET, lambdas=30)
    assert all(path.converged)
    assert max(violation(path, lam, A, SIZES, WEIGHTS, OFFSET) for lam in path.lambdas.tolist()) < 1e-7


def test_a_curvature_along_a_step_may_be_next_to_nothing():
    """As an inverse Gaussian's is, whose deviance is not convex: pairs are damped, and dropped where they hinder."""
    rng = np.random.default_rng(7)
    A = rng.normal(size=(12_000, 6))
    y = rng.wald(np.exp(A @ (0.53 * rng.normal(size=6))), 0.3) + 1e-6
    for part in range(10):
        some = np.arange(len(y)) % 10 != part
        path = fastglm.path(A[some], y[some], family="inverse_gaussian", link="log", lambdas=30)
        assert all(path.converged)


@pytest.mark.parametrize("intercept", [True, False])
@pytest.mark.parametrize("rows", [{}, {"weights": WEIGHTS, "offset": OFFSET}], ids=["plain", "weighted"])
@pytest.mark.parametrize("penalty", PENALTIES)
@pytest.mark.parametrize("family, link, y", [("poisson", "log", COUNTS), ("gamma", "log", SIZES)])
def test_as_step_by_step(family, link, y, penalty, rows, intercept, solved):
    """Sparse rows have no steps in compiled code."""
    given = {"family": family, "link": link, "penalty": PENALTIES[penalty], "intercept": intercept, "lambdas": 20}
    path = fastglm.path(X, y, **given, **rows)
    other = fastglm.path(sparse.csr_matrix(X), y, **given, **rows)
    assert solved == [20, None] and all(path.converged)
    for name in ("lambdas", "params", "deviance", "pearson_chi2"):
        np.testing.assert_allclose(getattr(path, name), getattr(other, name), rtol=1e-10, atol=1e-12, err_msg=name)


def test_lambdas_of_the_callers():
    """Zero among them, and values at which nothing, or all at once, enters."""
    given, lambdas = {"family": "poisson"}, [10.0, 1.0, 1e-3]
    path = fastglm.path(X, COUNTS, lambdas=[*lambdas, 0.0], **given)
    apart = fastglm.path(X, COUNTS, lambdas=lambdas, **given)
    np.testing.assert_allclose(path.params[:3], apart.params, rtol=1e-10, atol=1e-13)
    np.testing.assert_allclose(path.params[3], fastglm.fit(X, COUNTS, **given).params, rtol=1e-9)


def test_a_start_that_full_steps_leave_for_nowhere(solved):
    """Python's descent takes over where a step must be cut, and hands the rest back."""
    y = 3.0 + 0.5 * RNG.normal(size=N) + 8.0 * (X[:, 0] > 1.8)
    path = fastglm.path(X, np.abs(y), family="gaussian", link="log", lambdas=[1e-1, 1e-5], start=[-3, 2.0, 0, 0, 0, 0])
    assert all(path.converged)
    assert max(violation(path, lam, X, np.abs(y)) for lam in (1e-1, 1e-5)) < 1e-7


@pytest.mark.parametrize("n, p", [(700, 3), (9_000, 4), (20_000, 20)])
def test_threads_change_no_bit(n, p):
    rng = np.random.default_rng(n)
    A = rng.normal(size=(n, p))
    y = rng.poisson(np.exp(0.3 * A[:, 0] - 0.2 * A[:, 1])).astype(float)

    def bits(threads):
        path = fastglm.path(A, y, family="poisson", lambdas=20, threads=threads)
        return path.params.tobytes(), path.deviance.tobytes(), path.certificate.tobytes()

    alone = bits(1)
    assert all(bits(threads) == alone for threads in [2, 3, 8] * 2)


def test_cells_know_their_deviances():
    """Rows that repeat are compressed: sums within cells are no part of the steps, but of the result."""
    A = RNG.integers(0, 3, (40_000, 3)).astype(float)
    y = RNG.poisson(np.exp(0.2 * A[:, 0])).astype(float)
    path = fastglm.path(A, y, family="poisson", lambdas=8)
    plain = fastglm.path(A, y, family="poisson", lambdas=8, compress=False)
    for name in ("params", "deviance", "pearson_chi2", "llf"):
        np.testing.assert_allclose(getattr(path, name), getattr(plain, name), rtol=1e-9, atol=1e-12, err_msg=name)
