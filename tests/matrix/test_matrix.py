"""Every kind of columns answers as its dense form does: products, passes, fits."""

import numpy as np
import pytest
import scipy.sparse as sp

import fastglm
from fastglm import families, links
from fastglm.errors import CollinearityWarning, InvalidParameterError, MissingDataError
from fastglm.kernels.row_loops import FamilyLink
from fastglm.linalg import arrowhead
from fastglm.matrix import Categorical, Dense, Sparse, Split, as_matrix
from fastglm.matrix.contrast_map import ContrastMap
from fastglm.objective.base import Deviance
from fastglm.objective.softmax import CrossEntropy
from fastglm.source.in_memory import Block, InMemory

N = 12_000


def kinds(n=N, seed=0):
    rng = np.random.default_rng(seed)
    return {
        "dense": Dense(rng.normal(size=(n, 3))),
        "integers": Dense(rng.integers(-3, 4, (n, 2))),
        "factor": Categorical(rng.integers(0, 5, n), 5),
        "factor with gaps": Categorical(rng.integers(-1, 6, n), 7),
        "factor times a number": Categorical(rng.integers(0, 4, n), 4, rng.normal(size=n)),
        "sparse": Sparse(sp.random(n, 7, 0.3, random_state=seed)),
        "sparse, by columns": Sparse(sp.random(n, 4, 0.2, format="csc", random_state=seed + 1)),
        "array": np.asfortranarray(rng.normal(size=(n, 2))),
        "empty": Sparse(sp.csr_matrix((n, 3))),
    }


KINDS = {**kinds(500), "all": Split(kinds(500).values())}


@pytest.mark.parametrize("name", KINDS)
def test_the_four_products(name):
    X = as_matrix(KINDS[name])
    dense, rng = X.toarray(), np.random.default_rng(1)
    b, r, w = rng.normal(size=X.shape[1]), rng.normal(size=X.shape[0]), rng.random(X.shape[0])
    assert X.shape == dense.shape
    np.testing.assert_allclose(X.dot(b), dense @ b, rtol=1e-12, atol=1e-13)
    np.testing.assert_allclose(X.t_dot(r), dense.T @ r, rtol=1e-11, atol=1e-12)
    np.testing.assert_allclose(X.gram(w), (dense.T * w) @ dense, rtol=1e-11, atol=1e-12)
    np.testing.assert_allclose(X.rows(slice(10, 60)).toarray(), dense[10:60])
    two = np.column_stack([b, -2 * b])
    np.testing.assert_allclose(X.dot(two), dense @ two, rtol=1e-12, atol=1e-13)
    np.testing.assert_allclose(X.t_dot(np.column_stack([r, r]))[:, 1], dense.T @ r, rtol=1e-11, atol=1e-12)


@pytest.mark.parametrize("left", KINDS)
@pytest.mark.parametrize("right", ["dense", "factor", "sparse"])
def test_the_cross_product_of_two(left, right):
    X, Y = as_matrix(KINDS[left]), as_matrix(KINDS[right])
    w = np.random.default_rng(2).random(500)
    np.testing.assert_allclose(X.gram(w, Y), (X.toarray().T * w) @ Y.toarray(), rtol=1e-11, atol=1e-12)


def sources():
    """Pairs of objectives' data, (terms, dense), by the coding between columns and coefficients."""
    k, rng = kinds(), np.random.default_rng(3)
    X, terms = k["dense"].X, (k["factor"], k["sparse"], k["factor with gaps"])
    stored = np.column_stack([np.ones(N), X, *(t.toarray() for t in terms)])
    y = rng.poisson(1.0, N).astype(float)
    picked = np.r_[0:4, 5:9, 9:16, 17:22]
    mixed = sp.random(23, 12, 0.5, random_state=4).tocsr()

    def data(X, ones, terms=(), coding=None):
        return Block(X, ones, y, None, None, None, None, terms=terms, coding=coding)

    long = ContrastMap(np.r_[0:4, 5:9, 9:16], 16, np.arange(1, 6), 7)
    return {
        "all columns": (data(X, True, terms), data(stored[:, 1:], True)),
        "some, in another order": (
            data(X, True, terms, ContrastMap(picked[::-1], 23)),
            data(stored[:, picked[::-1]], False),
        ),
        "contrasts": (data(X, True, terms, ContrastMap(mixed, 23)), data(np.asarray(stored @ mixed), False)),
        "a long factor": (data(X, True, terms, long), data(stored[:, np.r_[1:4, 5:9, 9:16, 17:22]], True)),
    }


SOURCES = sources()
OBJECTIVES = {
    "poisson": lambda d: Deviance(InMemory(d, 2), FamilyLink(families.Poisson(), links.Log())),
    "gaussian": lambda d: Deviance(InMemory(d, 2), FamilyLink(families.Gaussian(), links.Identity())),
    "softmax": lambda d: CrossEntropy(InMemory(d._replace(y=np.minimum(d.y, 2.0)), 2), 3),
}


def whole(information):
    return information.toarray()


@pytest.mark.parametrize("name", OBJECTIVES)
@pytest.mark.parametrize("coding", SOURCES)
def test_a_pass_over_terms_is_the_pass_over_their_dense_form(name, coding):
    terms, dense = (OBJECTIVES[name](d) for d in SOURCES[coding])
    rng = np.random.default_rng(5)
    beta, v = 0.1 * rng.normal(size=dense.n_params), rng.normal(size=dense.n_params)
    assert terms.n_params == dense.n_params
    got, want = terms.at(beta), dense.at(beta)
    size = np.abs(whole(want.information)).max()
    assert got.deviance == pytest.approx(want.deviance, rel=1e-13)
    assert got.pearson == pytest.approx(want.pearson, rel=1e-12)
    np.testing.assert_allclose(got.score, want.score, rtol=1e-10, atol=1e-11 * np.abs(want.score).max())
    np.testing.assert_allclose(whole(got.information), whole(want.information), rtol=1e-10, atol=1e-13 * size)
    np.testing.assert_allclose(terms.product(beta, v), dense.product(beta, v), rtol=1e-9, atol=1e-12 * size)
    diagonal = np.diagonal(whole(want.information))
    np.testing.assert_allclose(terms.at(beta, 5).information.diagonal(), diagonal, rtol=1e-11)
    np.testing.assert_allclose(
        whole(terms.scores(beta).information), whole(dense.scores(beta).information), rtol=1e-9, atol=1e-12 * size
    )


@pytest.mark.parametrize("name", OBJECTIVES)
def test_the_root_of_a_few_rows_of_terms(name):
    few = SOURCES["contrasts"][0]
    few = few._replace(X=few.X[:200], y=few.y[:200], terms=tuple(t.rows(slice(0, 200)) for t in few.terms))
    objective = OBJECTIVES[name](few)
    beta = np.full(objective.n_params, 0.05)
    R = objective.root(beta).astype(float)
    want = whole(objective.at(beta).information)
    np.testing.assert_allclose(R.T @ R, want, rtol=1e-9, atol=1e-10 * np.abs(want).max())


@pytest.mark.parametrize("solver", fastglm.solvers.names(exact=True))
@pytest.mark.parametrize("family", ["gaussian", "binomial", "poisson", "gamma", "multinomial"])
def test_fits_do_not_depend_on_the_storage(family, solver):
    k, rng = kinds(), np.random.default_rng(6)
    X = Split((k["factor with gaps"].rows(slice(0, N)), k["dense"], k["sparse"]))
    y = {"binomial": rng.integers(0, 2, N), "multinomial": rng.integers(0, 3, N)}.get(family, rng.poisson(1.0, N) + 0.5)
    if family == "poisson":
        y = np.floor(y)
    options = dict(family=family, solver=solver, **({"link": "log"} if family == "gamma" else {}))
    terms, dense = fastglm.fit(X, y, **options), fastglm.fit(X.toarray(), y, **options | {"solver": "newton"})
    near = 0.02 if solver == "stream" else 1e-8
    assert np.nanmax(np.abs((terms.params - dense.params) / dense.bse)) < near
    np.testing.assert_allclose(terms.bse, dense.bse, rtol=0.03 if solver == "stream" else 1e-7)
    assert terms.llf == pytest.approx(dense.llf, rel=1e-6 if solver == "stream" else 1e-12)
    assert terms.converged and terms.aliased == dense.aliased


def test_scipy_matrices_of_any_format_and_a_robust_covariance():
    X = sp.random(9000, 20, 0.2, format="csr", random_state=0)
    y = np.random.default_rng(0).poisson(1.0, 9000)
    dense = fastglm.fit(X.toarray(), y, family="poisson", cov="robust")
    for form in (X, X.tocsc(), X.tocoo(), sp.csr_array(X)):
        result = fastglm.fit(form, y, family="poisson", cov="robust", names=[f"c{j}" for j in range(20)])
        np.testing.assert_allclose(result.params, dense.params, rtol=1e-10, atol=1e-12)
        np.testing.assert_allclose(result.bse, dense.bse, rtol=1e-9)
        assert result.names[1] == "c0"
    np.testing.assert_allclose(result.predict(X[:50]), dense.predict(X[:50].toarray()), rtol=1e-12)


def test_redundant_levels_are_named():
    rng = np.random.default_rng(1)
    factor = Categorical(rng.integers(0, 4, 20_000), 4)
    with pytest.warns(CollinearityWarning, match=r"x4 = \(Intercept\) - x1 - x2 - x3"):
        result = fastglm.fit(factor, rng.poisson(1.0, 20_000), family="poisson")
    assert list(result.aliased) == ["x4"] and result.rank == 4


def many_levels(n, n_levels, threads=2, seed=0):
    """A fit with a factor of many levels, through its border, and the dense data of the same."""
    rng = np.random.default_rng(seed)
    X, codes = rng.normal(size=(n, 2)), rng.permutation(np.arange(n) % n_levels)
    y = rng.poisson(np.exp(2.0 + X @ [0.1, -0.2] + 0.3 * rng.normal(size=n_levels)[codes])).astype(float)
    names = ("a", "b", *(f"level {i}" for i in range(1, n_levels)))
    columns = Split((Dense(X), Categorical(codes - 1, n_levels - 1)))
    result = fastglm.fit(columns, y, family="poisson", threads=threads, names=names)
    return result, np.column_stack([X, np.eye(n_levels)[codes][:, 1:]]) if n_levels < 1000 else None, y


@pytest.mark.parametrize("largest", [4000, 10])
def test_a_long_factor_is_eliminated(largest, monkeypatch, tmp_path):
    monkeypatch.setattr(arrowhead, "LARGEST", largest)
    monkeypatch.setattr("fastglm.matrix.columns.HIGH_CARDINALITY", 100)
    result, dense, y = many_levels(20_000, 200)
    want = fastglm.fit(dense, y, family="poisson")
    assert np.abs((result.params - want.params) / want.bse).max() < 1e-8
    np.testing.assert_allclose(result.bse, want.bse, rtol=1e-6)
    assert result.deviance == pytest.approx(want.deviance, rel=1e-13)
    covariance, numbers = result.cov_params(), np.array([0, 2, 5, 199, 201])
    block = covariance[np.ix_(numbers, numbers)] if largest == 4000 else covariance.block(numbers)
    np.testing.assert_allclose(block, want.cov_params()[np.ix_(numbers, numbers)], rtol=1e-5, atol=1e-9)
    result.save(tmp_path / "long.json")
    np.testing.assert_array_equal(fastglm.load(tmp_path / "long.json").bse, result.bse)
    interval, wanted = (r.predict(dense[:20], interval="mean") for r in (result, want))
    np.testing.assert_allclose(interval.se, wanted.se, rtol=1e-6)


def test_twenty_thousand_levels_in_the_memory_of_their_border():
    result, _, _ = many_levels(200_000, 20_000)
    assert result.converged and result.certificate <= 1e-8
    one, _, _ = many_levels(200_000, 20_000, threads=1)
    np.testing.assert_array_equal(one.params, result.params)
    with pytest.raises(InvalidParameterError, match="do not fit|does not fit"):
        fastglm.fit(sp.random(100, 9000, 0.01), np.ones(100))


BAD = {
    "floating codes": (lambda: Categorical(np.array([0.0, 1.0]), 2), "whole numbers"),
    "a code too large": (lambda: Categorical(np.array([0, 3, 1]), 3), "3 at row 1"),
    "values of another length": (lambda: Categorical(np.array([0, 1]), 2, np.ones(3)), "values has shape"),
    "rows that differ": (lambda: Split((np.ones((3, 1)), np.ones((4, 1)))), "same number"),
    "nothing": (lambda: Split(()), "at least one"),
    "complex entries": (lambda: Sparse(sp.csr_matrix(np.eye(2) * 1j)), "complex"),
    "text": (lambda: Dense(np.array([["a"]])), "numbers"),
}


@pytest.mark.parametrize("name", BAD)
def test_bad_columns_are_refused(name):
    make, message = BAD[name]
    with pytest.raises(InvalidParameterError, match=message):
        make()


def test_cells_that_are_not_finite_are_named():
    X = sp.csr_matrix(np.array([[0.0, 1.0], [2.0, np.nan]]))
    with pytest.raises(MissingDataError, match="column 1 at row 1"):
        Sparse(X)
    with pytest.raises(MissingDataError, match="row 2"):
        Categorical(np.array([0, 1, 1]), 2, np.array([1.0, 2.0, np.inf]))


# --- a factor of very many levels, as columns -------------------------------------------------------------------------


def columns_of_levels(n=60_000, n_levels=6_000, seed=4):
    rng = np.random.default_rng(seed)
    x, codes = rng.normal(size=(n, 2)), np.concatenate([np.arange(n_levels), rng.integers(0, n_levels, n - n_levels)])
    y = rng.poisson(np.exp(0.2 * x[:, 0] + 0.3 * np.sin(codes))) + (rng.random(n) < 0.3)
    return x, codes, y


def test_many_levels_take_the_path_of_formulas():
    pd = pytest.importorskip("pandas")
    x, codes, y = columns_of_levels()
    # the first level has no column, as in treatment coding
    columns = Split([Dense(x), Categorical(codes - 1, 5_999)])
    found = fastglm.fit(columns, y, family="poisson")
    names = np.array([f"{i:04d}" for i in range(6_000)])
    frame = pd.DataFrame({"a": x[:, 0], "b": x[:, 1], "g": pd.Categorical(names[codes]), "y": y})
    known = fastglm.glm("y ~ a + b + g", frame, family="poisson")
    assert found.n_passes == known.n_passes
    np.testing.assert_allclose(found.params, known.params, rtol=1e-8, atol=1e-8)
    np.testing.assert_allclose(found.bse, known.bse, rtol=1e-8)
    assert found.deviance == pytest.approx(known.deviance, rel=1e-10)
    np.testing.assert_allclose(found.predict(columns.rows(slice(0, 500))), known.predict(frame[:500]), rtol=1e-8)


@pytest.mark.parametrize("place", [0, 1, 2])
@pytest.mark.parametrize("intercept", [True, False])
def test_many_levels_stand_anywhere_among_the_columns(place, intercept, monkeypatch):
    monkeypatch.setattr("fastglm.matrix.columns.HIGH_CARDINALITY", 100)
    x, codes, y = columns_of_levels(9_000, 300)
    short = Categorical(np.random.default_rng(5).integers(-1, 3, len(x)), 3)
    parts = [Dense(x), short]
    parts.insert(place, Categorical(codes // 2 - intercept, 150 - intercept))
    columns, whole = Split(parts), np.column_stack([part.toarray() for part in parts])
    assert columns.high_cardinality == place
    for weights in (None, 1.0 + codes % 3):
        found = fastglm.fit(columns, y, family="poisson", weights=weights, intercept=intercept, cov="robust")
        known = fastglm.fit(whole, y, family="poisson", weights=weights, intercept=intercept, cov="robust")
        np.testing.assert_allclose(found.params, known.params, rtol=1e-7, atol=1e-8)
        np.testing.assert_allclose(found.bse, known.bse, rtol=1e-7)
        np.testing.assert_allclose(found.predict(columns), known.predict(whole), rtol=1e-8)


def test_many_levels_of_several_classes_stand_anywhere(monkeypatch):
    monkeypatch.setattr("fastglm.matrix.columns.HIGH_CARDINALITY", 30)
    x, codes, _ = columns_of_levels(6_000, 40)
    y = np.random.default_rng(1).integers(0, 3, len(x))
    columns = Split([Categorical(codes - 1, 39), Dense(x)])
    found = fastglm.fit(columns, y, family="multinomial")
    known = fastglm.fit(columns.toarray(), y, family="multinomial")
    np.testing.assert_allclose(found.params, known.params, rtol=1e-6, atol=1e-7)
    np.testing.assert_allclose(found.bse, known.bse, rtol=1e-6)


def test_levels_that_repeat_a_column_are_named_as_levels(monkeypatch):
    monkeypatch.setattr("fastglm.matrix.columns.HIGH_CARDINALITY", 30)
    x, codes, y = columns_of_levels(3_000, 40)
    columns = Split([Categorical(codes, 40), Dense(x)])
    with pytest.warns(CollinearityWarning):
        found = fastglm.fit(columns, y, family="poisson")
    assert list(found.aliased) == ["(Intercept)"] and "levels of" in found.aliased["(Intercept)"]
    known = fastglm.fit(columns.toarray(), y, family="poisson", intercept=False)
    np.testing.assert_allclose(found.predict(columns), known.predict(columns.toarray()), rtol=1e-8)
