"""The simulated data have the shape, the moments and the reproducibility they promise."""

import tracemalloc

import numpy as np
import pytest

from fastglm.errors import InvalidParameterError
from fastglm.simulate import make_glm, make_linear, make_logistic, make_softmax, make_X

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
        ({"family": "laplace"}, "family='laplace' is unknown"),
        ({"link": "logitt"}, "did you mean 'logit'"),
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


# --- data sets of other kinds -----------------------------------------------------------------------------------------

RECIPES = [
    (make_X, {"rho": 0.5}),
    (make_X, {"density": 0.1, "kind": "uniform"}),
    (make_glm, {"family": "poisson", "offset": "mixed", "levels": (3, 40)}),
    (make_glm, {"family": "binomial", "weights": "heavy", "dtype": np.float32}),
    (make_glm, {"family": "binomial", "event_rate": 0.01, "kind": "badly_scaled", "rho": 0.5}),
    (make_linear, {"density": 0.2, "kind": "scaled", "levels": (5,)}),
    (make_logistic, {"intercept": False}),
    (make_softmax, {"n_classes": 4, "reference": 2, "levels": (3,)}),
]


def columns_of(data):
    """Columns by name, dense, of a matrix or of a Simulated."""
    named = {name: getattr(data, name, None) for name in ("y", "offset", "weights", "codes")} | {
        "X": getattr(data, "X", data)
    }
    return {name: c.toarray() if hasattr(c, "toarray") else c for name, c in named.items() if c is not None}


@pytest.mark.parametrize("chunk_rows", [1_000, 131_072, 200_000, 10**6])
@pytest.mark.parametrize("make, options", RECIPES)
def test_chunks_are_the_rows_of_the_whole_to_the_bit(make, options, chunk_rows):
    whole = columns_of(make(n=300_001, p=10, seed=4, **options))
    row = 0
    for chunk in make(n=300_001, p=10, seed=4, chunk_rows=chunk_rows, **options):
        part = columns_of(chunk)
        rows = part["X"].shape[0]
        assert rows == min(chunk_rows, 300_001 - row) and part.keys() == whole.keys()
        for name, column in part.items():
            assert column.dtype == whole[name].dtype
            assert np.array_equal(column, whole[name][row : row + rows]), name
        row += rows
        if chunk_rows == 1_000 and row == 135_000:
            return
    assert row == 300_001


def test_chunks_tell_the_same_truth():
    options = {"n": 5000, "p": 3, "levels": (4,), "seed": 1, "family": "gamma", "link": "log"}
    whole, first = make_glm(**options), next(make_glm(chunk_rows=100, **options))
    assert np.array_equal(whole.params, first.params) and np.array_equal(whole.effects[0], first.effects[0])
    assert (whole.family, whole.link, whole.parameters) == (first.family, first.link, first.parameters)


def test_chunks_need_the_memory_of_a_chunk():
    tracemalloc.start()
    total = sum(len(chunk.y) for chunk in make_logistic(3_000_000, 20, chunk_rows=50_000, levels=(10,)))
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert total == 3_000_000 and peak < 60e6  # all rows are 500 MB


def test_arrays_given_are_cut_as_the_rows_are_and_not_changed():
    offset = np.linspace(-1, 1, 2500)
    before = offset.copy()
    chunks = list(make_glm("poisson", 2500, 2, offset=offset, chunk_rows=1000))
    assert np.array_equal(np.concatenate([chunk.offset for chunk in chunks]), offset)
    chunks[0].offset[:] = 0
    assert np.array_equal(offset, before)


def test_linear_and_logistic_are_the_general_case():
    assert np.array_equal(make_linear(500, 3, seed=2).y, make_glm("gaussian", 500, 3, seed=2).y)
    assert np.array_equal(make_logistic(500, 3, seed=2).y, make_glm("binomial", 500, 3, seed=2).y)


@pytest.mark.parametrize("options", [{}, {"intercept": [1.0, 0.0, -1.0]}, {"levels": (4,)}, {"kind": "badly_scaled"}])
def test_softmax_codes_have_the_probabilities_of_the_model(options):
    data = make_softmax(200_000, 3, 3, seed=5, **options)
    eta = data.X @ data.beta + data.intercept
    if data.codes is not None:
        eta += data.effects[0][data.codes[:, 0]]
    mass = np.exp(eta - eta.max(1, keepdims=True))
    error = np.eye(3)[data.y] - mass / mass.sum(1, keepdims=True)
    z = (data.X - data.X.mean(0)) / data.X.std(0)
    assert data.y.dtype == np.int64
    assert abs(error.mean(0)).max() < 4 * 0.5 / np.sqrt(200_000)
    assert abs(z.T @ error).max() < 4.5 * 0.5 * np.sqrt(200_000)


def test_softmax_coefficients_are_symmetric_or_against_a_reference():
    free, pinned = (make_softmax(2000, 4, 3, seed=6, levels=(5,), reference=r) for r in (None, 1))
    assert np.array_equal(free.X, pinned.X) and np.array_equal(free.y, pinned.y)
    assert np.allclose(free.beta.sum(1), 0) and np.allclose(free.effects[0].sum(1), 0)
    assert np.array_equal(pinned.beta, free.beta - free.beta[:, [1]])
    assert not pinned.params[:, 1].any() and not pinned.effects[0][:, 1].any()
    assert pinned.params.shape == (5, 3) and make_softmax(10, 4, 3, intercept=False).params.shape == (4, 3)


def test_drawn_slopes_give_the_signal_asked_for():
    for kind in ("normal", "heavy", "scaled", "badly_scaled"):
        data = make_glm("gaussian", 200_000, 6, rho=0.5, kind=kind, signal=0.7, seed=3)
        assert np.std(data.X @ data.beta) == pytest.approx(0.7, rel=0.03), kind
    for kind in ("normal", "uniform", "binary", "heavy", "scaled"):
        data = make_glm("gaussian", 200_000, 50, kind=kind, signal=0.7, seed=3, density=0.1)
        assert np.std(data.X @ data.beta) == pytest.approx(0.7, rel=0.03), kind


def test_bad_scales_are_those_of_raw_data():
    data = make_glm("binomial", 50_000, 200, kind="badly_scaled", rho=0.5, seed=1)
    sd, means = data.X.std(0), data.X.mean(0) / data.X.std(0)
    assert sd.min() < 0.03 and sd.max() > 300 and abs(means).max() < 5.2 and abs(means).max() > 4.5
    assert np.corrcoef(data.X[:, :2].T)[0, 1] == pytest.approx(0.5, abs=0.02)
    # the intercept makes up for the means: an average row has the predictor of a centred design
    assert np.mean(data.X @ data.beta) + data.intercept == pytest.approx(-0.5, abs=0.02)


def test_sparse_cells_are_drawn_with_the_chance_asked_for():
    X = make_X(40_000, 300, density=0.02, kind="binary", seed=2, dtype=np.float32)
    assert X.format == "csr" and X.dtype == np.float32 and X.has_canonical_format and (X.data == 1).all()
    columns, rows = np.asarray(X.sum(0)).ravel(), np.asarray(X.sum(1)).ravel()
    assert X.nnz == pytest.approx(40_000 * 300 * 0.02, rel=0.01)
    assert columns.var() == pytest.approx(40_000 * 0.02 * 0.98, rel=0.3)  # binomial, so neither clustered nor regular
    assert rows.var() == pytest.approx(300 * 0.02 * 0.98, rel=0.05)
    assert np.array_equal(make_X(50, 4, density=1.0, kind="binary").toarray(), np.ones((50, 4)))


def test_wide_sparse_data_take_no_dense_memory():
    tracemalloc.start()
    data = make_logistic(20_000, 50_000, density=0.001)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert data.X.shape == (20_000, 50_000) and peak < 200e6  # dense it would be 8 GB


def test_sorting_moves_whole_rows_of_sparse_data_and_codes():
    plain, by_column = (make_linear(3000, 3, density=0.4, levels=(6,), seed=8, sort_by=by) for by in (None, 1))
    order = np.argsort(plain.X[:, [1]].toarray()[:, 0], kind="stable")
    assert (abs(by_column.X - plain.X[order])).nnz == 0
    assert np.array_equal(by_column.codes, plain.codes[order]) and np.array_equal(by_column.y, plain.y[order])


def test_levels_have_zipf_frequencies_and_their_effects():
    data = make_linear(400_000, 2, levels=(4, 30), zipf=1.5, seed=9)
    assert data.codes.dtype == np.int32 and data.codes.shape == (400_000, 2)
    for column, k in zip(data.codes.T, (4, 30), strict=True):
        share = np.arange(1, k + 1) ** -1.5
        assert np.bincount(column, minlength=k) / 400_000 == pytest.approx(share / share.sum(), abs=0.003)
    rest = data.y - data.X @ data.beta - data.intercept - data.effects[1][data.codes[:, 1]]
    means = [rest[data.codes[:, 0] == level].mean() for level in range(4)]
    assert means == pytest.approx(data.effects[0], abs=0.02) and data.effects[0][0] == 0


def test_codes_leave_the_design_as_it_is_and_effects_may_be_given():
    plain, coded = make_glm(n=3000, p=3), make_glm(n=3000, p=3, levels=(2,), effects=[[0.0, 5.0]])
    assert np.array_equal(plain.X, coded.X) and np.array_equal(plain.params, coded.params)
    assert coded.y == pytest.approx(plain.y + 5.0 * coded.codes[:, 0])


@pytest.mark.parametrize(
    "make, options, message",
    [
        (make_X, {"density": 1.5}, "density must lie"),
        (make_X, {"density": 0.1, "rho": 0.5}, "density goes with rho=0"),
        (make_X, {"density": 0.1, "kind": "badly_scaled"}, "badly_scaled"),
        (make_X, {"chunk_rows": 0}, "chunk_rows must be"),
        (make_X, {"order": "K"}, "order must be"),
        (make_X, {"dtype": int}, "dtype must be"),
        (make_glm, {"levels": (3, 0)}, "levels must be whole"),
        (make_glm, {"levels": (3,), "zipf": -1}, "zipf must not"),
        (make_glm, {"levels": (3,), "effects": [[1, 2]]}, "effects must be arrays of shapes"),
        (make_glm, {"sort_by": "y", "chunk_rows": 10}, "does not go with chunk_rows"),
        (make_glm, {"signal": -1}, "signal must be positive"),
        (make_softmax, {"n_classes": 1}, "n_classes must be"),
        (make_softmax, {"reference": 3}, "reference must be"),
        (make_softmax, {"intercept": [1, 2]}, "intercept must be"),
        (make_softmax, {"beta": [1, 2, 3]}, "beta must have shape"),
    ],
)
def test_bad_options_are_named_before_anything_is_drawn(make, options, message):
    with pytest.raises(InvalidParameterError, match=message):
        make(n=1000, p=3, **options)
