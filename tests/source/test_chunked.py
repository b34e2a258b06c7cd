"""Rows in pieces: every solver's answer is that of the same rows in memory, to the bit where both cost the same."""

import numpy as np
import pytest
from fits_of_sources import fit_source, rows_in_memory

import fastglm
from fastglm.matrix import Categorical, Dense, Sparse, Split
from fastglm.rows.family_link import family_and_link
from fastglm.source.chunked import Chunked, Chunks
from fastglm.source.pieces import Parts, selected_rows


def rows(seed, n=30_000, kind="dense"):
    rng = np.random.default_rng(seed)
    X = rng.normal(size=(n, 5))
    X[:, 3] = rng.integers(0, 3, n)
    codes = rng.integers(0, 12, n)
    eta = 0.3 * X[:, 0] - 0.5 * X[:, 1] + 0.05 * codes - 0.5
    if kind == "split":
        from scipy.sparse import random as sparse

        X = Split([Dense(X), Categorical(codes, 12), Sparse(sparse(n, 7, 0.2, random_state=1, format="csr"))])
    return X, eta, rng


def chunked(data, cuts, threads=2, cost=0.0):
    edges = [0, *cuts, len(data.y)]
    parts = [selected_rows(data, slice(a, b)) for a, b in zip(edges, edges[1:], strict=False)]
    reader = Parts(parts)
    reader.cost = cost
    return Chunked(Chunks(reader), threads)


def assembled(X, y, family, **vectors):
    given = dict.fromkeys(("weights", "freq_weights", "offset", "exposure")) | vectors
    family, link = family_and_link(family, None)
    data, classes = rows_in_memory(X, y, family, **given)
    return data, classes, family, link


@pytest.mark.parametrize("solver", ["auto", "irls", "newton", "lbfgs", "newton-cg", "sgd"])
@pytest.mark.parametrize("family", ["gaussian", "binomial", "poisson", "gamma"])
def test_pieces_give_the_bits_of_memory(solver, family):
    X, eta, rng = rows(1)
    mu = np.exp(eta)
    y = {
        "gaussian": eta + rng.normal(size=len(eta)),
        "binomial": (rng.random(len(eta)) < mu / (1 + mu)) * 1.0,
        "poisson": rng.poisson(mu) * 1.0,
        "gamma": rng.gamma(2.0, mu / 2.0),
    }[family]
    w = rng.integers(1, 4, len(y)) * 1.0
    data, classes, fam, link = assembled(X, y, family, weights=w)
    whole = fastglm.fit(X, y, family=family, weights=w, solver=solver)
    for cuts in ((), (7_001, 7_002, 19_000)):
        pieces = fit_source(chunked(data, cuts), fam, link, solver=solver, classes=classes)
        assert np.array_equal(pieces.params, whole.params)
        assert np.array_equal(pieces.bse, whole.bse)
        assert pieces.deviance == whole.deviance
        assert pieces.null_deviance == whole.null_deviance
        assert pieces.n_passes == whole.n_passes


@pytest.mark.parametrize("threads", [1, 2, 8])
def test_terms_in_pieces(threads):
    X, eta, rng = rows(2, kind="split")
    y = rng.poisson(np.exp(eta)) * 1.0
    e = rng.uniform(0.5, 2.0, len(y))
    data, classes, family, link = assembled(X, y, "poisson", exposure=e)
    with pytest.warns(fastglm.errors.CollinearityWarning):
        whole = fastglm.fit(X, y, family="poisson", exposure=e)
    with pytest.warns(fastglm.errors.CollinearityWarning):
        pieces = fit_source(chunked(data, (11_111,), threads), family, link, classes=classes)
    assert np.array_equal(pieces.params, whole.params, equal_nan=True)
    assert np.array_equal(pieces.bse, whole.bse, equal_nan=True)


def test_softmax_in_pieces():
    X, eta, rng = rows(3)
    y = rng.integers(0, 3, len(eta)) + (eta > 0)
    data, classes, family, link = assembled(X, y, "multinomial")
    whole = fastglm.fit(X, y, family="multinomial", cov="robust")
    pieces = fit_source(chunked(data, (9_999, 20_000)), family, link, classes=classes, cov="robust")
    assert np.array_equal(pieces.params, whole.params)
    assert np.array_equal(pieces.bse, whole.bse)


def test_stream_in_pieces():
    X, eta, rng = rows(4, 60_000)
    y = rng.poisson(np.exp(eta)) * 1.0
    data, classes, family, link = assembled(X, y, "poisson")
    whole = fastglm.fit(X, y, family="poisson", solver="stream")
    pieces = fit_source(chunked(data, (9_999, 20_000)), family, link, classes=classes, solver="stream")
    # blocks come in an order of their own
    assert np.abs(pieces.params - whole.params).max() <= 1e-3 * whole.bse.max()
    assert pieces.converged


def test_dear_rows_are_read_few_times():
    X, eta, rng = rows(5, 400_000)
    y = (rng.random(len(eta)) < 1 / (1 + np.exp(-eta))) * 1.0
    order = np.argsort(eta)  # sorted rows must not hurt
    data, classes, family, link = assembled(X[order], y[order], "binomial")
    whole = fastglm.fit(X[order], y[order], family="binomial")
    pieces = fit_source(chunked(data, (9_999, 200_000), cost=3.0), family, link, classes=classes)
    assert pieces.n_passes <= 5.0
    assert np.abs(pieces.params / whole.params - 1).max() <= 1e-10
    assert np.abs(pieces.bse / whole.bse - 1).max() <= 1e-8


def test_what_is_wrong_is_found_where_it_is():
    X, eta, rng = rows(6)
    y = rng.poisson(np.exp(eta)) * 1.0
    y[25_000] = -1.0
    data, classes, family, link = assembled(X, y, "poisson")
    with pytest.raises(fastglm.errors.InvalidParameterError, match="row 5000 of part 1"):
        fit_source(chunked(data, (20_000,)), family, link, classes=classes)
    y[25_000], X[12_345, 2] = 1.0, np.nan
    data, classes, family, link = assembled(X, y, "poisson")
    with pytest.raises(fastglm.errors.MissingDataError, match="'x3'.*row 2345 of part 1"):
        fit_source(chunked(data, (10_000,)), family, link, classes=classes)
