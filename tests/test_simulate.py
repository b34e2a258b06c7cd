"""The simulated data have the shape, the moments and the reproducibility they promise."""

import tracemalloc

import numpy as np
import pytest

from fastglm.simulate import make_glm, make_X

FAMILIES = [
    "gaussian", "binomial", "poisson", "gamma", "inverse_gaussian", "negative_binomial", "tweedie",
    "quasi", "quasi_binomial", "quasi_poisson",
]  # fmt: skip


@pytest.mark.parametrize("kind", ["normal", "uniform", "binary", "heavy", "scaled"])
def test_columns_have_the_promised_correlation(kind):
    X = make_X(200_000, 3, rho=0.6, kind=kind, seed=1)
    assert np.corrcoef(X.T)[0] == pytest.approx([1, 0.6, 0.36], abs=0.02)


def test_same_seed_same_bits_other_seed_other_numbers():
    a, b, c = (make_glm("gamma", 5000, 4, link="log", seed=seed) for seed in (3, 3, 4))
    assert np.array_equal(a.X, b.X) and np.array_equal(a.y, b.y)
    assert not np.array_equal(a.X, c.X)


def test_a_longer_design_starts_with_the_same_rows_in_any_layout():
    short, long = make_X(1000, 40, seed=2), make_X(100_000, 40, seed=2, order="F", dtype=np.float32)
    assert long.flags.f_contiguous and long.dtype == np.float32
    assert np.array_equal(short.astype(np.float32), long[:1000])


@pytest.mark.parametrize("family", FAMILIES)
def test_the_mean_is_that_of_the_model(family):
    data = make_glm(family, 200_000, 3, link="logit" if "binomial" in family[:14] and "neg" not in family else "log",
                    seed=5)  # fmt: skip
    eta = data.X @ data.beta + data.intercept
    mu = 1 / (1 + np.exp(-eta)) if data.link == "logit" else np.exp(eta)
    pearson = (data.y - mu) / np.std(data.y - mu)
    assert abs(pearson.mean()) * np.sqrt(len(mu)) < 4
    assert abs((pearson[:, None] * data.X).mean(0)).max() < 0.02


@pytest.mark.parametrize("family", ["gamma", "inverse_gaussian"])
def test_canonical_links_keep_the_mean_positive(family):
    assert make_glm(family, 10_000, 3).y.min() > 0


def test_dispersion_is_divided_by_weights():
    data = make_glm("gaussian", 200_000, 2, weights="heavy", seed=6)
    residual = data.y - data.X @ data.beta - data.intercept
    assert data.weights.max() > 100
    assert np.mean(data.weights * residual**2) == pytest.approx(1, abs=0.02)


def test_binomial_weights_are_trials():
    data = make_glm("binomial", 1000, 2, weights="heavy", seed=6)
    successes = data.y * data.weights
    assert np.allclose(successes, np.round(successes))


def test_rare_events_have_the_asked_rate():
    data = make_glm("binomial", 400_000, 5, event_rate=1e-3, seed=7)
    assert data.y.mean() == pytest.approx(1e-3, rel=0.2)


def test_sorting_moves_whole_rows():
    plain, by_y = (make_glm("poisson", 3000, 3, offset="mixed", seed=8, sort_by=by) for by in (None, "y"))
    order = np.argsort(plain.y, kind="stable")
    assert np.array_equal(by_y.X, plain.X[order])
    assert np.array_equal(by_y.offset, plain.offset[order])
    assert (np.diff(make_glm("poisson", 3000, 3, sort_by=1).X[:, 1]) >= 0).all()


def test_little_memory_beyond_the_result():
    tracemalloc.start()
    data = make_glm("binomial", 1_000_000, 20)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak - data.X.nbytes - data.y.nbytes < 60e6


@pytest.mark.parametrize(
    "options, message",
    [
        ({"family": "bernoulli"}, "unknown family"),
        ({"link": "logitt"}, "unknown link"),
        ({"kind": "cauchy"}, "unknown kind"),
        ({"beta": [1, 2]}, "beta must have shape"),
        ({"sort_by": 9}, "sort_by must be"),
        ({"family": "poisson", "link": "identity", "signal": 3.0}, "has no mean at linear predictor"),
        ({"family": "tweedie", "power": 3}, "Tweedie power"),
    ],
)
def test_bad_arguments_are_named(options, message):
    with pytest.raises(ValueError, match=message):
        make_glm(**{"family": "gaussian", "n": 1000, "p": 3, **options})
