"""Rows compressed to cells: every statistic is that of all rows, for every family, and so is every fit."""

from itertools import product

import mpmath
import numpy as np
import oracle
import pytest
from scipy.sparse import csr_matrix

import fastglm
from fastglm.errors import InvalidParameterError
from fastglm.family.binomial import Bernoulli
from fastglm.family.registry import FAMILIES
from fastglm.kernels import group
from fastglm.kernels.row_loops import FamilyLink
from fastglm.matrix import Categorical, Sparse, Split
from fastglm.objective import compression as c
from fastglm.objective.base import Deviance
from fastglm.source.in_memory import Block, InMemory

NAMES = sorted(FAMILIES)
POWERS = {"gaussian": 0, "poisson": 1, "gamma": 2, "inverse_gaussian": 3, "tweedie": 1.4, "quasipoisson": 1}


def pair(name, link=None):
    family = oracle.family(name)
    return FamilyLink(family, oracle.link(link) if link else type(family).default_link())


def response(rng, family, mu):
    if family.name == "tweedie":
        return rng.poisson(mu) * rng.gamma(2.0, 0.5, len(mu))
    return oracle.respond(rng, family, mu)


def rows(name, n=600, seed=0, link=None, weights=True, freq=True):
    """Small whole numbers whose linear predictor stays inside the family's range."""
    rng, p = np.random.default_rng(seed), pair(name, link)
    X = rng.integers(0, 3, (n, 3)).astype(float)
    low, high = (float(oracle.to_eta(p.link, np.float64(m))) for m in oracle.means(p.family))
    beta = np.r_[low, np.full(3, (high - low) / 6.0)]
    y = response(rng, p.family, oracle.inverse(p.link, beta[0] + X @ beta[1:]))
    w = np.where(rng.random(n) < 0.1, 0.0, rng.uniform(0.5, 2.0, n)) if weights else None
    f = rng.integers(0, 4, n) if freq else None
    return Block(X, True, y, w, f, None, None, ("a", "b", "c")), p, beta


def full(data, p, beta):
    """The pass over all rows, and the scores' outer products."""
    objective = Deviance(InMemory(data, 1), p)
    return objective.at(beta, 2), objective.scores(beta).information.toarray()


def same_as_full(cells, data, p, beta, rtol=1e-11):
    q, outer = full(data, p, beta)
    own, mine = c.of_means(p), Deviance(InMemory(cells.data, 1), c.of_means(p)).at(beta, 2)
    assert mine.deviance + cells.deviance_within == pytest.approx(q.deviance, rel=rtol)
    size = np.sqrt(q.information.diagonal())
    np.testing.assert_allclose(mine.score / size, q.score / size, rtol=rtol, atol=rtol * np.abs(q.score / size).max())
    np.testing.assert_allclose(mine.information.toarray(), q.information.toarray(), rtol=rtol, atol=1e-300)
    assert c.pearson(cells, own, beta) == pytest.approx(q.pearson, rel=rtol)
    got = c.meat(cells, own, beta).toarray()
    np.testing.assert_allclose(got, outer, rtol=rtol, atol=rtol * np.abs(outer).max())


def exact_deviance(family, y, mu):
    """2 int_mu^y (y - t) / V(t) dt, the definition (McCullagh and Nelder 1989, 9.2.2)."""
    power = {"negative_binomial": lambda t: t + t * t / 2.5, "tweedie": lambda t: t ** mpmath.mpf("1.4")}
    v = power.get(family.name, lambda t: family.variance(t) if family.domain.high == 1.0 else t ** POWERS[family.name])
    y, mu = mpmath.mpf(float(y)), mpmath.mpf(float(mu))
    return 2 * mpmath.quad(lambda t: (y - t) / v(t), [mu, y]) if y != mu else mpmath.mpf(0)


@pytest.mark.parametrize("name", NAMES)
def test_a_pass_over_cells_is_the_pass_over_rows(name):
    data, p, beta = rows(name)
    cells = c.compress(data, pair=p)
    assert len(cells.data.y) <= 27 and cells.rows == 600
    for b in (beta, 0.9 * beta):
        same_as_full(cells, data, p, b)


@pytest.mark.parametrize("name", NAMES)
def test_statistics_are_the_sums_of_their_definition(name):
    data, p, _ = rows(name, 200, seed=3)
    cells = c.compress(data, pair=p)
    weight, frequency = np.array(data.weights), np.array(data.freq_weights, float)
    w, q = weight * frequency, weight**2 * frequency
    np.testing.assert_array_equal(cells.cell_of < 0, w == 0)
    order = [int(np.flatnonzero(cells.cell_of == k)[0]) for k in range(len(cells.data.y))]
    assert order == sorted(order)
    for k, first in enumerate(order):
        here = cells.cell_of == k
        np.testing.assert_array_equal(data.X[here], np.broadcast_to(data.X[first], (here.sum(), 3)))
        np.testing.assert_array_equal(cells.data.X[k], data.X[first])
        ws, qs = [mpmath.mpf(v) for v in w[here]], [mpmath.mpf(v) for v in q[here]]
        ys = [mpmath.mpf(float(v)) for v in data.y[here]]
        mean = mpmath.fdot(ws, ys) / mpmath.fsum(ws)
        gaps = [y - mean for y in ys]
        expected = [mpmath.fsum(ws), mean, mpmath.fdot(ws, [g * g for g in gaps]),
                    mpmath.fdot(qs, [g * g for g in gaps]), mpmath.fdot(qs, gaps), mpmath.fsum(qs)]  # fmt: skip
        got = [cells.data.weights[k], cells.data.y[k], cells.SS[k], cells.A[k], cells.B[k], cells.C[k]]
        np.testing.assert_allclose(got, [float(v) for v in expected], rtol=1e-12, atol=1e-13)
        assert cells.counts[k] == frequency[here].sum()


@pytest.mark.parametrize("name", ["gaussian", "poisson", "gamma", "inverse_gaussian", "negative_binomial", "tweedie"])
def test_deviance_within_is_the_integral_of_its_definition(name):
    data, p, _ = rows(name, 40, seed=1)
    data = data._replace(X=data.X[:, :1])
    cells = c.compress(data, pair=p)
    total = mpmath.mpf(0)
    for y, w, f, k in zip(data.y, data.weights, data.freq_weights, cells.cell_of, strict=True):
        if k >= 0:
            total += float(w * f) * exact_deviance(p.family, y, cells.data.y[k])
    assert cells.deviance_within == pytest.approx(float(total), rel=1e-10)


@pytest.mark.parametrize("name", NAMES)
def test_a_unit_deviance_is_a_bregman_divergence(name):
    p, rng = pair(name), np.random.default_rng(5)
    mu = oracle.means(p.family)[1]
    y, w = response(rng, p.family, np.full(50, mu)), rng.uniform(0.1, 3.0, 50)
    mean = (w * y).sum() / w.sum()

    def d(a, b):
        return 0.0 if a == b else float(p.family.deviance(float(a), float(b)))

    left = sum(v * d(a, 0.8 * mu) for v, a in zip(w, y, strict=True))
    right = w.sum() * d(mean, 0.8 * mu) + sum(v * d(a, mean) for v, a in zip(w, y, strict=True))
    assert left == pytest.approx(right, rel=1e-12)


def textbook(p, data, beta):
    """X'WX, Pearson's chi-square and the scores' outer products, in numpy."""
    A = np.column_stack([np.ones(len(data.y)), data.X])
    mu = oracle.inverse(p.link, A @ beta)
    g, v = oracle.slope(p.link, A @ beta), oracle.variance(p.family, mu)
    r = data.weights * (data.y - mu) * g / v
    return (A.T * (data.weights * g * g / v)) @ A, (data.weights * (data.y - mu) ** 2 / v).sum(), (A.T * r**2) @ A


@pytest.mark.parametrize("name", NAMES)
def test_a_fit_of_cells_is_the_fit_of_rows(name):
    data, p, _ = rows(name, seed=7, freq=False)
    whole = fastglm.fit(data.X, data.y, family=p.family, weights=data.weights, cov="robust")
    cells = c.compress(data, pair=p)
    few = fastglm.fit(cells.data.X, cells.data.y, family=p.family, weights=cells.data.weights)
    np.testing.assert_allclose(few.params, whole.params, rtol=1e-10)
    assert few.deviance + cells.deviance_within == pytest.approx(whole.deviance, rel=1e-10)
    chi2 = c.pearson(cells, p, few.params)
    assert chi2 == pytest.approx(whole.pearson_chi2, rel=1e-10)
    information, expected, outer = textbook(p, data, whole.params)
    assert chi2 == pytest.approx(expected, rel=1e-10)
    own = Deviance(InMemory(cells.data, 1), p).at(few.params, 2)
    bread, mine = np.linalg.inv(information), np.linalg.inv(own.information.toarray())
    np.testing.assert_allclose(mine, bread, rtol=1e-9, atol=1e-10 * np.abs(bread).max())
    robust, got = bread @ outer @ bread, mine @ c.meat(cells, p, few.params).toarray() @ mine
    np.testing.assert_allclose(np.sqrt(np.diagonal(got)), np.sqrt(np.diagonal(robust)), rtol=1e-10)
    np.testing.assert_allclose(got, robust, rtol=1e-9, atol=1e-10 * np.abs(robust).max())
    # the curvature of a fit is made up to 1e-8 from its end
    np.testing.assert_allclose(got, whole.cov_params(), rtol=1e-7, atol=1e-8 * np.abs(robust).max())


def test_statsmodels_agrees():
    sm = pytest.importorskip("statsmodels.api")
    data, p, _ = rows("poisson", seed=2, weights=False)
    design = sm.add_constant(data.X)
    model = sm.GLM(data.y, design, family=sm.families.Poisson(), freq_weights=np.asarray(data.freq_weights, float))
    ref = model.fit(tol=1e-14, maxiter=100)
    cells = c.compress(data, pair=p)
    few = fastglm.fit(cells.data.X, cells.data.y, family="poisson", weights=cells.data.weights)
    np.testing.assert_allclose(few.params, ref.params, rtol=1e-10)
    np.testing.assert_allclose(few.bse, ref.bse, rtol=1e-10)
    assert few.deviance + cells.deviance_within == pytest.approx(ref.deviance, rel=1e-10)
    assert c.pearson(cells, p, few.params) == pytest.approx(ref.pearson_chi2, rel=1e-10)
    repeated = np.repeat(np.arange(len(data.y)), data.freq_weights)
    hc0 = sm.GLM(data.y[repeated], design[repeated], family=sm.families.Poisson()).fit(tol=1e-14, cov_type="HC0")
    bread = few.cov_unscaled
    got = bread @ c.meat(cells, p, few.params).toarray() @ bread
    np.testing.assert_allclose(got, hc0.cov_params(), rtol=1e-9)


@pytest.mark.parametrize("name, shift", list(product(POWERS, ["offset", "exposure", "both"])))
def test_rows_of_unequal_exposure_share_a_cell_where_the_variance_is_a_power(name, shift):
    data, p, beta = rows(name, seed=4, link="log")
    rng = np.random.default_rng(8)
    data = data._replace(
        offset=rng.normal(0.0, 0.4, 600) if shift != "exposure" else None,
        exposure=rng.uniform(20.0, 60.0, 600) if shift != "offset" else None,
    )
    cells = c.compress(data, pair=p)
    assert len(cells.data.y) <= 27
    same_as_full(cells, data, p, beta)


@pytest.mark.parametrize("name", ["negative_binomial", "binomial"])
def test_other_offsets_are_part_of_a_cell(name):
    data, p, beta = rows(name, seed=4)
    data = data._replace(offset=np.random.default_rng(1).choice([-0.2, 0.0, 0.3], 600))
    cells = c.compress(data, pair=p)
    assert 27 < len(cells.data.y) <= 81
    same_as_full(cells, data, p, beta)


def test_exposures_out_of_all_proportion_are_left_to_the_rows():
    data, p, _ = rows("poisson")
    data = data._replace(offset=np.r_[np.zeros(599), -800.0])
    assert c.compress(data, pair=p) is None


def terms(n, seed=0):
    rng = np.random.default_rng(seed)
    codes, wide = rng.integers(-1, 3, n), rng.integers(0, 2, n)
    values = rng.integers(1, 3, n).astype(float)
    sparse = csr_matrix(rng.integers(0, 2, (n, 2)) * rng.integers(1, 3, (n, 2)))
    return (Sparse(sparse), Categorical(codes, 3), Categorical(wide, 2, values))


@pytest.mark.parametrize("numbers", [0, 2])
def test_terms_are_part_of_a_cell(numbers):
    n, rng = 900, np.random.default_rng(3)
    parts = terms(n)
    X = rng.integers(0, 2, (n, numbers)).astype(np.int8)
    data = Block(X, True, rng.poisson(2.0, n), None, None, None, None, (), parts)
    p, beta = pair("poisson"), rng.normal(0.0, 0.2, 1 + numbers + 7)
    cells = c.compress(data, pair=p)
    stored = Split((X.astype(float), *parts)).toarray()
    assert len(cells.data.y) == len(np.unique(stored, axis=0)) or parts[1].codes.min() < 0
    mine = Split((cells.data.X, *cells.data.terms)).toarray()
    np.testing.assert_array_equal(mine[cells.cell_of], stored)
    same_as_full(cells, data, p, beta)


def test_negative_codes_are_one_level_and_their_values_nothing():
    codes, values = np.array([-1, -2, 0, 0, -1]), np.array([1.0, 2.0, 5.0, 5.0, 3.0])
    data = Block(np.empty((5, 0)), True, np.arange(5.0), *[None] * 4, (), (Categorical(codes, 1, values),))
    cells = c.compress(data, pair=pair("gaussian"))
    assert cells.cell_of.tolist() == [0, 0, 1, 1, 0]
    assert cells.data.y.tolist() == [5.0 / 3.0, 2.5]


def test_many_factors_whose_levels_need_several_words():
    rng = np.random.default_rng(0)
    codes = rng.integers(0, 2, (400, 3)) * 9_999_999
    factors = tuple(Categorical(v, 10**7) for v in codes.T)
    data = Block(np.empty((400, 0)), True, rng.normal(size=400), *[None] * 4, (), factors)
    cells = c.compress(data, pair=pair("gaussian"))
    _, first, inverse = np.unique(codes, axis=0, return_index=True, return_inverse=True)
    np.testing.assert_array_equal(np.argsort(np.argsort(first))[inverse.ravel()], cells.cell_of)


def test_zeros_of_both_signs_are_equal_and_types_do_not_matter():
    X = np.array([[0.0], [-0.0], [1.0], [1.0]])
    for kind in (np.float64, np.float32, np.int8, np.int64, bool):
        for order in ("C", "F"):
            data = Block(np.asarray(X, kind, order=order), True, np.arange(4.0), *[None] * 4)
            assert c.compress(data, pair=pair("gaussian")).cell_of.tolist() == [0, 0, 1, 1]
    data = Block(X, True, np.arange(4.0), None, None, np.array([0.0, -0.0, -0.0, 0.0]), None)
    assert c.compress(data, pair=pair("gaussian")).cell_of.tolist() == [0, 0, 1, 1]


@pytest.mark.parametrize("common", [0, 2**63, 2**64 - 1])
def test_rows_of_one_hash_are_told_apart(monkeypatch, common):
    data, p, _ = rows("gamma")
    plain = c.compress(data, pair=p)
    monkeypatch.setattr(group, "hashes", lambda keys, n, out: out.fill(common))
    forced = c.compress(data, pair=p)
    np.testing.assert_array_equal(plain.cell_of, forced.cell_of)
    np.testing.assert_array_equal(plain.A, forced.A)


def test_the_table_grows():
    rng = np.random.default_rng(0)
    X = rng.integers(0, 20_000, (100_000, 1))
    data = Block(X, True, rng.normal(size=100_000), *[None] * 4)
    cells = c.compress(data, pair=pair("gaussian"))
    values, first, inverse = np.unique(X[:, 0], return_index=True, return_inverse=True)
    np.testing.assert_array_equal(np.argsort(np.argsort(first))[inverse], cells.cell_of)
    np.testing.assert_array_equal(cells.data.X[:, 0], X[np.sort(first), 0])
    np.testing.assert_allclose(cells.data.y[cells.cell_of[first]], np.bincount(inverse, data.y) / np.bincount(inverse),
                               rtol=1e-13, atol=1e-16)  # fmt: skip


def test_rows_without_weight_may_hold_anything():
    data, p, beta = rows("poisson", freq=False)
    y = np.where(data.weights > 0.0, data.y, -5.0)
    same_as_full(c.compress(data._replace(y=y), pair=p), data, p, beta)


def test_cells_at_the_end_of_the_support():
    X = np.repeat([[0.0], [1.0], [2.0]], 20, axis=0)
    y = np.r_[np.zeros(20), np.ones(20), np.tile([0.0, 1.0], 10)]
    weights = np.random.default_rng(0).uniform(0.1, 1.0, 60)
    data, beta = Block(X, True, y, weights, *[None] * 3), np.array([0.1, -0.3])
    for p in (FamilyLink(Bernoulli(), oracle.link("logit")), pair("binomial", "probit"), pair("poisson")):
        cells = c.compress(data, pair=p)
        assert cells.data.y[:2].tolist() == [0.0, 1.0]
        same_as_full(cells, data, p, beta)


def test_a_mean_that_rounds_to_the_end_of_the_support_is_left_to_the_rows():
    data = Block(np.zeros((4, 1)), True, np.array([0.0, 1, 1, 1]), np.array([1e-30, 1, 1, 1]), *[None] * 3)
    assert c.compress(data, pair=pair("binomial")) is None


def test_columns_that_are_not_finite_are_left_to_the_rows_that_name_them():
    data, p, _ = rows("gaussian")
    X = data.X.copy()
    X[17, 1] = np.nan
    assert c.compress(data._replace(X=X), pair=p) is None


def test_data_that_hardly_repeat_stay_as_they_are():
    rng, p = np.random.default_rng(0), pair("gaussian")
    n = 200_000
    y = rng.normal(size=n)
    distinct = Block(rng.normal(size=(n, 2)), True, y, *[None] * 4)
    assert c.compress(distinct, pair=p) is None
    half = distinct._replace(X=np.where(rng.random((n, 1)) < 0.5, 0.0, distinct.X))
    assert c.compress(half, pair=p, most=0.3) is None
    assert len(c.compress(half, pair=p, most=0.7).data.y) == len(np.unique(half.X, axis=0))
    few = Block(np.arange(10.0)[:, None], True, y[:10], *[None] * 4)
    assert c.compress(few, pair=p) is None and len(c.compress(few, pair=p, most=1.0).data.y) == 10


def split(data, edges):
    for a, b in zip(edges[:-1], edges[1:], strict=True):
        vectors = {name: v if v is None else v[a:b] for name, v in data._asdict().items()
                   if name in ("X", "y", "weights", "freq_weights", "offset", "exposure")}  # fmt: skip
        yield data._replace(**vectors, terms=tuple(t.rows(slice(a, b)) for t in data.terms))


@pytest.mark.parametrize("name", NAMES)
def test_blocks_give_the_cells_of_all_rows(name):
    data, p, beta = rows(name, seed=11)
    edges = [0, 7, 7, 50, 300, 301, 600]
    whole, blocks = c.compress(data, pair=p), c.compress_blocks(split(data, edges), p)
    assert blocks.rows == 600 and blocks.cell_of is None
    np.testing.assert_array_equal(blocks.data.X, whole.data.X)
    for field in ("counts", "SS", "A", "B", "C", "deviance_within"):
        np.testing.assert_allclose(getattr(blocks, field), getattr(whole, field), rtol=1e-12, atol=1e-12)
    same_as_full(blocks, data, p, beta)


def test_blocks_with_terms_and_exposure():
    rng, n = np.random.default_rng(3), 900
    X, exposure = rng.integers(0, 2, (n, 1)).astype(float), rng.uniform(1.0, 5.0, n)
    data = Block(X, True, rng.poisson(2.0, n), None, rng.integers(1, 3, n), None, exposure, (), terms(n))
    blocks = c.compress_blocks(split(data, [0, 450, 900]), pair("poisson"))
    same_as_full(blocks, data, pair("poisson"), rng.normal(0.0, 0.2, 9))


def test_blocks_give_up_beyond_the_limit_and_refuse_other_columns():
    data, p, _ = rows("poisson")
    assert c.compress_blocks(split(data, [0, 300, 600]), p, limit=10) is None
    assert c.compress_blocks([], p) is None
    first, second = split(data, [0, 300, 600])
    with pytest.raises(InvalidParameterError, match="blocks differ"):
        c.compress_blocks([first, second._replace(weights=None)], p)


def test_nothing_of_the_caller_s_is_changed():
    data, p, _ = rows("poisson")
    data = data._replace(exposure=np.full(600, 2.0))
    before = [np.array(v) for v in (data.X, data.y, data.weights, data.freq_weights, data.exposure)]
    c.compress(data, pair=p)
    for old, new in zip(before, (data.X, data.y, data.weights, data.freq_weights, data.exposure), strict=True):
        np.testing.assert_array_equal(old, new)


def test_any_number_of_threads_gives_the_same_bits():
    rng, n, p = np.random.default_rng(0), 1_100_000, pair("poisson")
    X = rng.integers(0, 5, (n, 3)).astype(np.int8)
    data = Block(X, True, rng.poisson(2.0, n), rng.uniform(0.0, 1.0, n), None, None, rng.uniform(1.0, 2.0, n))
    one, three = (c.compress(data, pair=p, threads=t) for t in (1, 3))
    for a, b in zip(one[1:], three[1:], strict=True):
        np.testing.assert_array_equal(a, b)
    np.testing.assert_array_equal(one.data.y, three.data.y)
    np.testing.assert_array_equal(one.data.X[one.cell_of], X)
    _, first, inverse = np.unique(X, axis=0, return_index=True, return_inverse=True)
    np.testing.assert_array_equal(np.argsort(np.argsort(first))[inverse.ravel()], one.cell_of)
    same_as_full(one, data, p, np.array([0.3, 0.1, -0.1, 0.05]), rtol=1e-10)


def tabular(n=40_000, seed=5):
    import pandas as pd

    rng = np.random.default_rng(seed)
    frame = pd.DataFrame({"a": rng.choice(list("abcd"), n), "x": rng.integers(0, 6, n) * 0.5})
    frame["t"], frame["w"] = rng.uniform(0.1, 2.0, n), rng.integers(1, 4, n)
    mu = frame.t * np.exp(0.4 * frame.x - 1.0)
    return frame.assign(y=rng.poisson(mu), g=rng.gamma(2.0, mu) + 1e-3, d=rng.random(n) < mu / (1 + mu))


FITS = [
    ("y ~ a + x", {"family": "poisson", "exposure": "t"}),
    ("y ~ a * x", {"family": "poisson", "weights": "w", "cov": "robust"}),
    ("g ~ a + x", {"family": "gamma", "link": "log", "weights": "w"}),
    ("d ~ a + x", {"family": "binomial", "freq_weights": "w", "cov": "robust"}),
    ("d ~ a + x - 1", {"family": "binomial", "link": "probit"}),
    ("y ~ a + x", {"family": "quasipoisson"}),
]


@pytest.mark.parametrize("formula, options", FITS)
def test_a_compressed_fit_is_the_fit_of_all_rows(formula, options, tmp_path):
    frame = tabular()
    full = fastglm.glm(formula, frame, compress=False, **options)
    frame.to_parquet(tmp_path / "rows.parquet", row_group_size=7_000)
    path = str(tmp_path / "rows.parquet")
    for found in (
        fastglm.glm(formula, frame, compress=True, **options),
        fastglm.glm(formula, path, compress=True, memory=0, **options),
    ):
        assert "compressed to" in found.notes[-1]
        for name in ("params", "bse", "deviance", "null_deviance", "llf", "pearson_chi2", "scale", "aic"):
            np.testing.assert_allclose(getattr(found, name), getattr(full, name), rtol=1e-9, equal_nan=True)
        np.testing.assert_allclose(found.params, full.params, rtol=1e-10)
        assert (found.nobs, found.n_rows, found.df_resid) == (full.nobs, full.n_rows, full.df_resid)
        assert found.n_passes < 1.1 and found.converged


def test_rows_are_compressed_by_themselves_where_it_pays():
    rng = np.random.default_rng(0)
    n = 250_000
    few, many = rng.integers(0, 3, (n, 4)) * 1.0, rng.normal(size=(n, 4))
    y = rng.poisson(1.0, n)
    assert any("compressed" in note for note in fastglm.fit(few, y, family="poisson").notes)
    assert not fastglm.fit(many, y, family="poisson").notes
    assert not fastglm.fit(few[:1000], y[:1000], family="poisson").notes
    with pytest.raises(fastglm.errors.InvalidParameterError, match="compress"):
        fastglm.fit(few, y, compress="yes")
