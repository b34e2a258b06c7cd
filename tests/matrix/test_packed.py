"""A source that merges small factors and sets one apart answers as the design does that it stands for."""

import numpy as np
import pytest
import scipy.sparse as sp

import fastglm
from fastglm import families, links
from fastglm.kernels.row_loops import FamilyLink
from fastglm.linalg import symmetric
from fastglm.matrix import Categorical, Dense, Sparse, Split
from fastglm.matrix import merged_factors as packed
from fastglm.matrix.contrast_map import ContrastMap
from fastglm.objective.base import Deviance
from fastglm.objective.softmax import CrossEntropy
from fastglm.source.in_memory import Block, InMemory

N = 3000
LEVELS = (4, 3, 30, 2, 7)  # the fourth is times a number, the last has rows of no level
POISSON = FamilyLink(families.Poisson(), links.Log())


@pytest.fixture(autouse=True)
def small_designs_too(monkeypatch):
    monkeypatch.setattr(packed, "MERGE_ROWS", 0)
    monkeypatch.setattr(packed, "MANY_LEVELS", 10)


def terms():
    rng = np.random.default_rng(0)
    codes = [rng.integers(-1 if levels == 7 else 0, levels, N) for levels in LEVELS]
    values = [rng.normal(size=N) if levels == 2 else None for levels in LEVELS]
    made = [Categorical(c, levels, v) for c, levels, v in zip(codes, LEVELS, values, strict=True)]
    return (*made, Sparse(sp.random(N, 5, 0.3, random_state=1)))


def codings():
    """By name, the coding of an intercept, a number and the terms, and its matrix (M, m)."""
    width = 2 + sum(LEVELS) + 5
    edges = 2 + np.cumsum([0, *LEVELS])
    kept = np.r_[
        0, 1, [j for a, b in zip(edges[:-1], edges[1:], strict=True) for j in range(a + 1, b)], edges[-1] : width
    ]
    shuffled = np.random.default_rng(2).permutation(kept)
    mixed = sp.block_diag(
        [np.eye(2), sp.random(7, 5, 0.7, random_state=3), sp.eye(30, format="csc")[:, 1:], np.eye(2), np.eye(12)],
        format="csr",
    )
    eye = np.eye(width)
    return {
        "all": (None, eye),
        "treatment": (ContrastMap(kept, width), eye[:, kept]),
        "another order": (ContrastMap(shuffled, width), eye[:, shuffled]),
        "contrasts": (ContrastMap(mixed, width), mixed.toarray()),
    }


CODINGS = codings()


def sources(coding, y):
    x = np.random.default_rng(4).normal(size=(N, 1))
    made, matrix = CODINGS[coding]
    full = np.column_stack([np.ones(N), x, *(t.toarray() for t in terms())]) @ matrix
    given = dict(weights=None, freq_weights=None, offset=None, exposure=None)
    return Block(x, True, y, **given, terms=terms(), coding=made), Block(full, False, y, **given)


@pytest.mark.parametrize("coding", CODINGS)
def test_factors_are_merged_and_one_is_set_apart(coding):
    source = InMemory(sources(coding, np.zeros(N))[0], 1)
    assert [t.shape[1] for t in source.packed.terms] == [12, 2, 7, 5, 30]
    assert source.packed.coding.order is not None and source.n_columns == CODINGS[coding][1].shape[1]


@pytest.mark.parametrize("coding", CODINGS)
@pytest.mark.parametrize("classes", [0, 2, 3])
def test_passes_are_those_of_the_dense_form(coding, classes):
    rng = np.random.default_rng(5)
    y = (rng.integers(0, classes, N) if classes else rng.poisson(1.0, N)).astype(float)
    make = (
        (lambda d: CrossEntropy(InMemory(d, 2), classes)) if classes else (lambda d: Deviance(InMemory(d, 2), POISSON))
    )
    stored, dense = map(make, sources(coding, y))
    beta, v = 0.1 * rng.normal(size=dense.n_params), rng.normal(size=dense.n_params)
    got, want = stored.at(beta), dense.at(beta)
    J, wanted = np.triu(got.information.toarray()), np.triu(want.information.toarray())
    assert isinstance(got.information, symmetric.PermutedArrowhead) == (classes == 0)
    assert got.deviance == pytest.approx(want.deviance, rel=1e-13)
    np.testing.assert_allclose(got.score, want.score, rtol=1e-10, atol=1e-11 * np.abs(want.score).max())
    np.testing.assert_allclose(J, wanted, rtol=1e-10, atol=1e-13 * np.abs(wanted).max())
    np.testing.assert_allclose(stored.product(beta, v), dense.product(beta, v), rtol=1e-9, atol=1e-11 * np.abs(J).max())
    np.testing.assert_allclose(stored.at(beta, 5).information.diagonal(), np.diagonal(wanted), rtol=1e-11, atol=1e-12)
    if not classes:
        np.testing.assert_allclose(got.information.diagonal(), np.diagonal(wanted), rtol=1e-11)
        np.testing.assert_allclose(stored.root(beta).T @ stored.root(beta), wanted + np.triu(wanted, 1).T, atol=1e-8)


@pytest.mark.parametrize("coding", ["treatment", "another order"])
def test_the_factor_is_that_of_the_whole_matrix(coding):
    y = np.random.default_rng(6).poisson(1.0, N).astype(float)
    objective = Deviance(InMemory(sources(coding, y)[0], 1), POISSON)
    q = objective.at(np.zeros(objective.n_params))
    apart, whole = (J.factor(objective.scale) for J in (q.information, symmetric.Dense(q.information.toarray())))
    np.testing.assert_allclose(apart.inverse(), whole.inverse(), rtol=1e-9, atol=1e-12 * whole.inverse().max())
    np.testing.assert_allclose(apart.solve(q.score), whole.solve(q.score), rtol=1e-9, atol=1e-12)
    beta = np.arange(1.0, objective.n_params + 1)
    assert apart.size(beta) == pytest.approx(whole.size(beta), rel=1e-11)
    assert apart.reach(beta) == pytest.approx(whole.reach(beta), rel=1e-11)


def test_rows_of_each_level_are_summed():
    data, dense = sources("another order", np.zeros(N))
    v = np.random.default_rng(7).random(N)
    packed = InMemory(data, 1).packed
    sums = packed.reduce(packed.level_rows(v[:5000], 0) + packed.level_rows(v[5000:], 5000))
    levels = np.isin(dense.X, (0.0, 1.0)).all(0) & (dense.X != 1.0).any(0)
    np.testing.assert_allclose(sums[levels], (dense.X.T @ v)[levels], rtol=1e-12)
    assert not sums[~levels].any()


@pytest.mark.parametrize("family", ["poisson", "gamma", "binomial", "gaussian"])
@pytest.mark.parametrize("cov", ["model", "robust"])
def test_fits_are_those_of_the_dense_form(family, cov):
    rng = np.random.default_rng(8)
    first, second, big = (rng.integers(0, levels, N) for levels in LEVELS[:3])
    y = {"gamma": rng.gamma(2.0, 1.0, N), "binomial": rng.integers(0, 2, N)}.get(family, rng.poisson(1.0, N))
    X = Split([Categorical(first, 4), Categorical(second, 3), Categorical(big, 30), Dense(rng.normal(size=(N, 2)))])
    part = np.column_stack([X.toarray()[:, 1:4], X.toarray()[:, 5:7], X.toarray()[:, 8:]])
    options = dict(family=family, cov=cov, solver="newton", weights=rng.random(N) + 0.5)
    stored = fastglm.fit(X, y, intercept=False, **options | {"cov": None})
    assert stored.deviance == pytest.approx(fastglm.fit(part, y, **options).deviance, rel=1e-11)
    kept = Split([Categorical(first - 1, 3), Categorical(second - 1, 2), Categorical(big - 1, 29), X.parts[3]])
    stored, dense = fastglm.fit(kept, y, **options), fastglm.fit(part, y, **options)
    np.testing.assert_allclose(stored.params, dense.params, rtol=1e-9, atol=1e-11)
    np.testing.assert_allclose(stored.bse, dense.bse, rtol=1e-8)


def test_one_factor_alone_is_its_levels_means():
    codes = np.random.default_rng(9).integers(0, 30, N)
    y = np.random.default_rng(10).poisson(1.0 + codes / 10.0).astype(float)
    result = fastglm.fit(Categorical(codes, 30), y, family="poisson", intercept=False)
    events = np.bincount(codes, y)
    np.testing.assert_allclose(result.params, np.log(events / np.bincount(codes)), rtol=1e-10)
    np.testing.assert_allclose(result.bse, 1.0 / np.sqrt(events), rtol=1e-8)


def test_the_null_model_beside_an_offset_that_underflows():
    rng = np.random.default_rng(0)
    X, y = rng.normal(size=(200, 2)), rng.poisson(2, 200)
    far, near = (fastglm.fit(X, y, family="poisson", offset=np.full(200, v)) for v in (-750.0, 0.0))
    assert far.null_deviance == pytest.approx(near.null_deviance, rel=1e-12)
    np.testing.assert_allclose(far.params - [750.0, 0.0, 0.0], near.params, atol=1e-11)
