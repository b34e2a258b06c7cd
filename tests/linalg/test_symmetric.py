"""Symmetric matrices by their structure answer as the arrays that they stand for; a ridge goes over all of them."""

import numpy as np
import pytest

import fastglm
from fastglm import families, links
from fastglm.kernels.row_loops import FamilyLink
from fastglm.linalg.inverse import as_covariance
from fastglm.linalg.symmetric import ArrowheadMatrix, Dense, Diagonal, PermutedArrowhead
from fastglm.matrix import Categorical
from fastglm.matrix.contrast_map import ContrastMap
from fastglm.objective.base import Deviance
from fastglm.objective.penalised import Penalised
from fastglm.objective.penalty import QuadraticPenalty
from fastglm.objective.softmax import CrossEntropy
from fastglm.solver.decide import Control
from fastglm.solver.newton import newton_iterations
from fastglm.source.in_memory import Block, InMemory

RNG = np.random.default_rng(3)
M0, L = 3, 8


def positive(m):
    A = RNG.normal(size=(m + 5, m))
    return A.T @ A


def arrowhead(classes=1):
    """A positive definite matrix of 3 fixed columns and 8 levels of some classes."""
    coupling = RNG.normal(size=(L * classes, M0 * classes))
    weights = RNG.uniform(1.0, 2.0, (L, classes, classes)) if classes > 1 else RNG.uniform(1.0, 2.0, L)
    weights = weights + weights.transpose(0, 2, 1) if classes > 1 else weights
    order = RNG.permutation((M0 + L) * classes) if classes > 1 else None
    return ArrowheadMatrix(positive(M0 * classes) + 40.0 * np.eye(M0 * classes), coupling, weights, order)


MATRICES = {
    "dense": lambda: Dense(np.triu(positive(M0 + L)) + np.tril(np.full((M0 + L,) * 2, np.nan), -1)),
    "diagonal": lambda: Diagonal(RNG.uniform(1.0, 2.0, M0 + L)),
    "arrowhead": arrowhead,
    "arrowhead of classes": lambda: arrowhead(2),
    "permuted": lambda: PermutedArrowhead(arrowhead(), RNG.permutation(M0 + L)),
}


@pytest.mark.parametrize("kind", MATRICES)
def test_it_answers_as_its_array(kind):
    A = MATRICES[kind]()
    full = A.toarray()
    m = len(full)
    v, d = RNG.normal(size=m), RNG.uniform(1.0, 2.0, m)
    np.testing.assert_array_equal(full, full.T)
    np.testing.assert_allclose(A.diagonal(), np.diagonal(full), rtol=1e-15)
    np.testing.assert_allclose(A.times(v), full @ v, rtol=1e-12, atol=1e-12)
    np.testing.assert_allclose(A.quadratic_form(v), v @ full @ v, rtol=1e-12)
    np.testing.assert_array_equal(A.scaled(2.0).toarray(), 2.0 * full)
    np.testing.assert_allclose(A.plus_diagonal(d).toarray(), full + np.diag(d), rtol=1e-14)
    np.testing.assert_allclose(A.plus(Diagonal(d)).toarray(), full + np.diag(d), rtol=1e-14)
    other = positive(m)
    np.testing.assert_allclose(A.plus(Dense(other)).toarray(), full + other, rtol=1e-13, atol=1e-13)
    np.testing.assert_array_equal(A.toarray(), full)  # nothing was changed in place


@pytest.mark.parametrize("kind", [kind for kind in MATRICES if kind != "diagonal"])
def test_its_factor_solves_and_inverts(kind):
    A = MATRICES[kind]()
    full, scale = A.toarray(), np.exp2(RNG.integers(-2, 3, len(A.toarray())))
    beta, g = RNG.normal(size=(2, len(full)))
    factor = A.factor(scale)
    # the matrix is of columns times scale
    own = full / scale / scale[:, None]
    np.testing.assert_allclose(factor.solve(g), np.linalg.solve(own, g), rtol=1e-9)
    np.testing.assert_allclose(factor.inverse(), np.linalg.inv(own), rtol=1e-8, atol=1e-12)
    assert factor.size(beta) == pytest.approx(np.sqrt(beta @ own @ beta), rel=1e-11)
    assert factor.reach(beta) == pytest.approx(np.abs(np.sqrt(np.diagonal(own)) * beta).max(), rel=1e-12)
    assert A.factor(scale, 1.1) is None  # no column is that independent


def test_a_penalty_of_the_fixed_columns_keeps_the_structure():
    A = MATRICES["permuted"]()
    P = np.zeros((M0 + L,) * 2)
    fixed = A.order[:M0]
    P[np.ix_(fixed, fixed)] = positive(M0)
    found = A.plus(Dense(P))
    assert isinstance(found, PermutedArrowhead)
    np.testing.assert_allclose(found.toarray(), A.toarray() + P, rtol=1e-13)
    P[A.order[-1], A.order[-2]] = P[A.order[-2], A.order[-1]] = 0.5
    assert isinstance(A.plus(Dense(P)), Dense)


def test_covariances_by_parts_and_whole():
    C = positive(6)
    C[2] = C[:, 2] = np.nan
    rows, known = RNG.normal(size=(4, 3)), np.where(np.isnan(C), 0.0, C)
    full = as_covariance(C)
    np.testing.assert_array_equal(full.block([0, 3]), C[np.ix_([0, 3], [0, 3])])
    two = np.hstack([rows, rows])
    np.testing.assert_allclose(full.quadratic_form(two), np.einsum("ij,jk,ik->i", two, known, two), rtol=1e-12)
    blocks = known.reshape(2, 3, 2, 3)
    np.testing.assert_allclose(full.forms(rows, 2), np.einsum("ij,kjlm,im->ikl", rows, blocks, rows), rtol=1e-12)


def sources(n=4000, levels=300):
    """Rows beside a factor of very many levels, and the same as columns of zeros and ones."""
    x, codes = RNG.normal(size=(n, 2)), RNG.integers(0, levels, n)
    codes[:levels] = np.arange(levels)
    full = np.column_stack([np.ones(n), x, np.equal.outer(codes, np.arange(1, levels))])
    vectors = dict(weights=None, freq_weights=None, offset=None, exposure=None)
    y = RNG.poisson(1.5, n).astype(float)
    map_ = ContrastMap(np.arange(3), 3, kept=np.arange(1, levels), high_cardinality=levels)
    structured = Block(x, True, y, **vectors, terms=(Categorical(codes, levels),), coding=map_)
    return structured, Block(full, False, y, **vectors)


@pytest.mark.parametrize("classes", [0, 3])
def test_a_ridge_beside_very_many_levels_is_that_of_the_dense_design(classes):
    found, R = [], None
    for data in sources():
        data = data._replace(y=np.minimum(data.y, 2.0)) if classes else data
        source = InMemory(data, 1)
        objective = (
            CrossEntropy(source, 3) if classes else Deviance(source, FamilyLink(families.Poisson(), links.Log()))
        )
        m = objective.n_params
        R = np.r_[0.0, np.full(m // (classes - 1 if classes else 1) - 1, 2.0)] if R is None else R
        ridge = np.tile(R, classes - 1 if classes else 1)
        penalised = Penalised(objective, QuadraticPenalty(Diagonal(ridge), np.zeros(m)))
        control = Control(tol=1e-12, accept_tol=1e-12)
        found.append(newton_iterations(penalised, np.zeros(m), control, lambda q: 1.0))
        # optimality: the score of the deviance is that of the ridge
        score = objective.at(found[-1].beta, 1).score
        np.testing.assert_allclose(score, ridge * found[-1].beta, atol=1e-8 * np.abs(ridge).max())
    structured, dense = found
    assert isinstance(structured.quadratic.information, ArrowheadMatrix)
    np.testing.assert_allclose(structured.beta, dense.beta, rtol=0, atol=1e-10)
    np.testing.assert_allclose(structured.factor.inverse(), dense.factor.inverse(), rtol=0, atol=1e-10)


def test_a_stream_beside_very_many_levels_is_fitted_exactly(monkeypatch):
    pd = pytest.importorskip("pandas")
    from fastglm.design import layout

    monkeypatch.setattr(layout, "HIGH_CARDINALITY", 20)
    n = 30_000
    frame = pd.DataFrame({"x": RNG.normal(size=n), "g": RNG.integers(0, 40, n).astype(str)})
    frame["y"] = RNG.poisson(np.exp(0.2 * frame.x))
    stream, exact = (fastglm.glm("y ~ x + g", frame, family="poisson", solver=s) for s in ("stream", "auto"))
    assert stream.converged
    np.testing.assert_allclose(stream.params, exact.params, atol=1e-6 * exact.bse.min())
