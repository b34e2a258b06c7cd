"""Streams whose columns are rarely informed: empty at first, or of few rows in any order."""

import warnings

import numpy as np
import pytest
from streaming import RESPONSES, bits, made, online

import fastglm
from fastglm import OnlineGLM
from fastglm.errors import ConvergenceWarning
from fastglm.online.saved import VERSION


def drawn(kind, seed, n, where, level):
    """Three normal columns and an indicator of the rows that ``where`` picks, and a response."""
    rng = np.random.default_rng([11, seed])
    X = rng.normal(size=(n, 4))
    X[:, 3] = where(rng, n)
    return X, RESPONSES[kind](rng, level + X @ np.append([0.4, -0.3, 0.2], rng.normal()))


def late(share):
    return lambda rng, n: (rng.random(n) < share) & (np.arange(n) >= 0.8 * n)


def rare(share):
    return lambda rng, n: rng.random(n) < share


CASES = {
    "late": (30_000, late(0.5), -1.0),
    "late and rare": (30_000, late(0.01), -1.0),
    "0.02%": (60_000, rare(0.0002), -1.0),
    "0.05%": (60_000, rare(0.0005), -1.0),
    "0.2%, few events": (60_000, rare(0.002), -3.0),
}


def away(kind, seed, case, batch=1000):
    """The distance of every coefficient in standard errors, and log ratios of these; None where the data separate."""
    n, where, level = CASES[case]
    X, y = drawn(kind, seed, n, where, level)
    inside = y[X[:, 3] == 1.0]
    if not 0.0 < inside.sum() or (kind == "binomial" and inside.min() == 1.0):
        return None
    r, exact = online(X, y, kind, batch).result(), fastglm.fit(X, y, family=kind, solver="newton")
    return np.abs(r.params - exact.params) / exact.bse, np.log(r.bse / exact.bse)


@pytest.mark.parametrize("case", CASES)
@pytest.mark.parametrize("kind", ["poisson", "binomial"])
def test_a_column_that_is_rarely_informed_is_right_at_the_end(kind, case):
    found = [v for seed in range(6) if (v := away(kind, seed, case)) is not None]
    assert len(found) >= 3
    assert np.median([d.max() for d, _ in found]) < 0.3 and max(d.max() for d, _ in found) < 1.0
    assert max(np.abs(s).max() for _, s in found) < 0.3


@pytest.mark.slow
@pytest.mark.parametrize("case", CASES)
@pytest.mark.parametrize("kind", ["poisson", "binomial"])
def test_rarely_informed_columns_of_many_streams(kind, case):
    found = [v for seed in range(60) if (v := away(kind, seed, case)) is not None]
    far = np.array([d.max() for d, _ in found])
    assert np.median(far) < 0.15 and np.quantile(far, 0.9) < 0.35 and far.max() < 1.0


@pytest.mark.slow
@pytest.mark.parametrize("share, level", [(0.002, -1.0), (0.01, -3.0)])
@pytest.mark.parametrize("kind", ["poisson", "binomial"])
def test_intervals_cover_column_by_column(kind, share, level):
    hits, truth = [], np.array([level, 0.4, -0.3, 0.2, 0.5])
    for seed in range(200):
        rng = np.random.default_rng([12, seed])
        X = rng.normal(size=(40_000, 4))
        X[:, 3] = rng.random(len(X)) < share
        low, high = online(X, RESPONSES[kind](rng, truth[0] + X @ truth[1:]), kind).result().conf_int().T
        hits.append((low <= truth) & (truth <= high))
    # three binomial deviations about the level, for each of five columns
    assert (np.abs(np.mean(hits, axis=0) - 0.95) < 3.5 * np.sqrt(0.95 * 0.05 / 200)).all()


@pytest.mark.parametrize("batch", [1, 50, 5000])
def test_the_size_of_batches_does_not_matter(batch):
    X, y = drawn("poisson", 3, 6000, rare(0.005), -1.0)
    exact = fastglm.fit(X, y, family="poisson", solver="newton")
    r = online(X, y, "poisson", batch).result()
    assert (np.abs(r.params - exact.params) / exact.bse).max() < 0.3


def test_a_class_s_rare_column():
    rng = np.random.default_rng(5)
    X = np.column_stack([rng.normal(size=(30_000, 2)), rng.random(30_000) < 0.002])
    y = np.argmax(X @ rng.normal(size=(3, 3)) + rng.gumbel(size=(30_000, 3)), axis=1)
    r, exact = online(X, y, "multinomial").result(), fastglm.fit(X, y, family="multinomial", solver="newton")
    assert (np.abs(r.params - exact.params) / exact.bse).max() < 0.5


@pytest.mark.parametrize("cut", [30_000, 54_000])
def test_streams_that_keep_rows_are_merged_and_saved(cut, tmp_path):
    X, y = drawn("poisson", 1, 60_000, rare(0.0005), -1.0)
    a, b = online(X[:cut], y[:cut], "poisson", cov="robust"), online(X[cut:], y[cut:], "poisson", cov="robust")
    assert a._waiting and b._waiting
    before = bits(a), bits(b)
    both, exact = a.merge(b), fastglm.fit(X, y, family="poisson", cov="robust", solver="newton")
    assert (bits(a), bits(b)) == before and both.n_rows == 60_000
    r = both.result()
    assert (np.abs(r.params - exact.params) / exact.bse).max() < 0.3
    np.testing.assert_allclose(r.bse, exact.bse, rtol=0.05)
    a.save(tmp_path / "a.npz")
    again = OnlineGLM.load(tmp_path / "a.npz")
    for model in (a, again):
        model.partial_fit(X[cut : cut + 3000], y[cut : cut + 3000])
    assert bits(a) == bits(again) and a._drift.state().keys() == again._drift.state().keys()
    for name, value in a._drift.state().items():
        np.testing.assert_array_equal(value, again._drift.state()[name])


def test_a_state_of_the_first_version_is_read(tmp_path):
    X, y = made("poisson", 20_000, 3)
    model, path = online(X, y, "poisson"), tmp_path / "stream.npz"
    assert not model._waiting
    model.save(path)
    with np.load(path) as file:
        parts = {k: v for k, v in file.items() if not k.startswith("drift/")}
    for name in ("pull", "prior", "lost", "seen", "spreads"):
        del parts[f"running/{name}"]
    old = {"last": np.zeros(4), "waiting": np.zeros(4), "cosines": 0.0, "stretches": 0, "waited": 0}
    parts |= {f"running/{k}": np.array(v) for k, v in old.items()}
    del parts["seal"]  # which it had not
    parts["header"] = np.array(str(parts["header"]).replace(f'"version": {VERSION}', '"version": 1'))
    np.savez(path, **parts)
    again = OnlineGLM.load(path)
    np.testing.assert_array_equal(again.result().params, model.result().params)
    again.partial_fit(X[:3000], y[:3000])
    assert np.isfinite(again.result().params).all()


def test_rows_that_cannot_all_be_kept_are_spoken_of():
    # a hundred levels none of whose rows has an event, for thousands of rows
    rng = np.random.default_rng(0)
    level = rng.integers(0, 100, 60_000)
    X = (level[:, None] == np.arange(1, 100)).astype(float)
    y = rng.poisson(np.where(level == 0, 5.0, 1e-4)).astype(float)
    with pytest.warns(ConvergenceWarning, match="cannot be trusted"):
        r = online(X, y, "poisson", 5000).result()
    assert any("cannot be trusted" in note for note in r.notes)


def test_ordinary_streams_keep_nothing_in_the_end():
    X, y = made("binomial", 20_000, 5)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        model = online(X, y)
        model.result()
    assert not model._waiting
