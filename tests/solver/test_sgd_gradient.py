"""The compiled gradient of a batch, of every family, link and storage, against differences of losses."""

import numpy as np
import oracle
import pytest
from sgd_reference import LOGISTIC, PLAIN, Batch, as_csr, data, fit, logistic

from fastglm.kernels.evaluate import row_terms
from fastglm.kernels.row_loops import FamilyLink

FULL = PLAIN._replace(batch_size="full", epochs=1, rate=0.5)


def differences(loss, theta, h=1e-5):
    """Five-point differences."""
    g = np.zeros(len(theta))
    for j, e in enumerate(np.eye(len(theta))):
        a, b, c, d = (loss(theta + k * h * e) for k in (-2, -1, 1, 2))
        g[j] = (a - 8 * b + 8 * c - d) / (12 * h)
    return g


def admissible(pair, X):
    """Coefficients whose means lie well inside the family's range."""
    low, high = (float(oracle.to_eta(pair.link, np.float64(m))) for m in oracle.means(pair.family))
    return np.r_[low + 0.3 * (high - low), np.full(X.shape[1], 0.4 * (high - low) / X.shape[1])]


@pytest.mark.parametrize("family, link", oracle.pairs())
def test_gradients_are_slopes_of_the_loss(family, link):
    pair = FamilyLink(oracle.family(family), oracle.link(link))
    X, y = oracle.draw(pair.family, pair.link, n=30, p=3)
    rng = np.random.default_rng(1)
    record = data(X, y, weights=rng.uniform(0.5, 2, 30), offset=0.02 * rng.random(30))
    theta, rows = admissible(pair, X), np.arange(0, 30, 2)
    batch = Batch(record, pair)
    eta = theta[0] + X @ theta[1:] + record.offset
    expected = 0.5 * row_terms(pair, eta, y, record.weights)[2][rows].sum()
    np.testing.assert_allclose(batch.loss(theta, rows), expected, rtol=1e-13)
    scale = np.abs(batch.gradient(theta, rows)).max()
    slopes = differences(lambda t: batch.loss(t, rows), theta)
    np.testing.assert_allclose(batch.gradient(theta, rows), slopes, rtol=1e-6, atol=1e-7 * scale)


@pytest.mark.parametrize("sparse", [False, True])
def test_softmax_gradients_are_slopes_of_the_loss(sparse):
    rng = np.random.default_rng(2)
    X, y = rng.normal(size=(40, 3)) * (rng.random((40, 3)) < 0.6), rng.integers(0, 4, 40).astype(float)
    record = data(as_csr(X) if sparse else X, y, weights=rng.uniform(0.5, 2, 40))
    batch, theta, rows = Batch(record, 4), rng.normal(size=16), np.arange(5, 31)
    eta = theta[:4] + X @ theta[4:].reshape(3, 4)
    loss = record.weights * (np.log(np.exp(eta).sum(1)) - eta[np.arange(40), y.astype(int)])
    np.testing.assert_allclose(batch.loss(theta, rows), loss[rows].sum(), rtol=1e-13)
    slopes = differences(lambda t: batch.loss(t, rows), theta)
    np.testing.assert_allclose(batch.gradient(theta, rows), slopes, rtol=1e-8, atol=1e-8)


def test_softmax_losses_are_finite_far_out():
    X, y = np.array([[1.0], [-1.0], [1.0]]), np.array([0.0, 1.0, 2.0])
    batch = Batch(data(X, y, has_intercept=False), 3)
    theta = np.array([1000.0, 0.0, -1000.0])
    np.testing.assert_allclose(batch.loss(theta, np.arange(3)), 0.0 + 1000.0 + 2000.0)


def storages(X):
    """The same numbers in other types, orders and strides."""
    wide = np.zeros((2 * len(X), 2 * X.shape[1]))
    wide[::2, ::2] = X
    frozen = X.copy()
    frozen.flags.writeable = False
    odd = np.frombuffer(b"0" + X.tobytes(), np.float64, offset=1, count=X.size).reshape(X.shape)
    return {
        "Fortran order": np.asfortranarray(X),
        "both strides": wide[::2, ::2],
        "reversed rows": X[::-1].copy()[::-1],
        "reversed columns": X[:, ::-1].copy()[:, ::-1],
        "read-only": frozen,
        "unaligned": odd,
        "float32": X.astype(np.float32),
        "int64": X.astype(np.int64),
        "int8, Fortran order": np.asfortranarray(X.astype(np.int8)),
        "CSR": as_csr(X),
        "CSR with int64 indices": as_csr(X, np.int64),
        "CSR of float32": as_csr(X, dtype=np.float32),
        "CSR of int32": as_csr(X, dtype=np.int32),
    }


WHOLE = np.random.default_rng(3).integers(-2, 3, (50, 5)).astype(float)


@pytest.mark.parametrize("name", storages(WHOLE))
@pytest.mark.parametrize("shuffle", ["rows", "batches", False])
def test_every_storage_gives_the_same_path(name, shuffle):
    y = (WHOLE[:, 0] + np.random.default_rng(4).normal(size=50) > 0).astype(float)
    expected = fit(WHOLE, y, shuffle=shuffle, averaging=True)
    got = fit(storages(WHOLE)[name], y, shuffle=shuffle, averaging=True)
    np.testing.assert_allclose(got.coef, expected.coef, rtol=1e-12, atol=1e-14)
    np.testing.assert_allclose(got.history["loss"], expected.history["loss"], rtol=1e-12)


def test_bools_are_numbers():
    X = WHOLE > 0
    y = (np.arange(50) % 3 == 0).astype(float)
    np.testing.assert_array_equal(fit(X, y).coef, fit(X.astype(float), y).coef)


def test_a_mapped_file_is_read_in_place(tmp_path):
    X, y = logistic()
    X.tofile(tmp_path / "X")
    mapped = np.memmap(tmp_path / "X", np.float64, "r", shape=X.shape)
    np.testing.assert_array_equal(fit(mapped, y).coef, fit(X, y).coef)


@pytest.mark.parametrize("p", [1, 3, 4, 5, 20, 33])
@pytest.mark.parametrize("batch_size", [1, 2, 3, 5, 64, 130, "full"])
def test_batches_of_every_size_take_every_row_once(p, batch_size):
    X, y = logistic(n=130, p=p)
    size = len(X) if batch_size == "full" else batch_size
    theta, A = np.zeros(p + 1), np.column_stack([np.ones(len(X)), X])
    for a in range(0, len(X), size):
        rows = slice(a, a + size)
        theta -= 0.1 * A[rows].T @ (1 / (1 + np.exp(-A[rows] @ theta)) - y[rows]) / len(A[rows])
    np.testing.assert_allclose(fit(X, y, batch_size=batch_size, epochs=1).coef, theta, rtol=1e-11, atol=1e-13)


@pytest.mark.parametrize("shuffle, size", [("rows", 7), ("batches", 7), ("rows", 1)])
def test_an_epoch_visits_every_row_exactly_once(shuffle, size):
    # an identity design: each coefficient moves when its row is seen, and only then
    n = 40
    y, rate = np.arange(1.0, n + 1), 0.5
    pair = FamilyLink(oracle.family("gaussian"), oracle.link("identity"))
    solution = fit(np.eye(n), y, pair, has_intercept=False, shuffle=shuffle, batch_size=size, reduction="sum",
                   rate=rate, epochs=1)  # fmt: skip
    np.testing.assert_allclose(solution.coef, rate * y, rtol=1e-14)


def test_orders_differ_between_epochs_and_seeds():
    X, y = logistic()
    paths = {fit(X, y, shuffle="rows", seed=s, epochs=e).coef.tobytes() for s in (0, 1) for e in (1, 2)}
    assert len(paths) == 4


@pytest.mark.parametrize("sparse", [False, True])
def test_single_precision_is_close_to_double(sparse):
    X, y = logistic(n=500, p=8, density=0.7)
    X = as_csr(X) if sparse else X
    double, single = (fit(X, y, dtype=t, averaging=True) for t in ("float64", "float32"))
    np.testing.assert_allclose(single.coef, double.coef, rtol=1e-4, atol=1e-5)
    assert (single.coef != double.coef).any()
    assert single.state.theta.dtype == np.float32 and single.coef.dtype == np.float64


def test_offsets_exposures_and_weights_enter():
    rng = np.random.default_rng(5)
    X, n = rng.normal(size=(60, 2)), 60
    pair = FamilyLink(oracle.family("poisson"), oracle.link("log"))
    y, exposure, offset = rng.poisson(2.0, n).astype(float), rng.uniform(1, 3, n), rng.normal(size=n)
    w, f = rng.uniform(0.5, 2, n), rng.integers(1, 4, n)
    got = fit(X, y, pair, FULL, offset=offset, exposure=exposure, weights=w, freq_weights=f, rate=0.05)
    A = np.column_stack([np.ones(n), X])
    g = A.T @ (w * f * (np.exp(offset) * exposure - y)) / (w * f).sum()
    np.testing.assert_allclose(got.coef, -0.05 * g, rtol=1e-12)


def test_standardised_steps_are_those_on_standardised_columns():
    X, y = logistic(n=90, p=3)
    X = X * [1.0, 50.0, 0.02] + [3.0, 7.0, -0.1]
    Z = (X - X.mean(0)) / X.std(0)
    inside = fit(X, y, standardize=True, start=[0.0, 0, 0, 0])
    outside = fit(Z, y).coef
    slopes = outside[1:] / X.std(0)
    np.testing.assert_allclose(inside.coef, np.r_[outside[0] - X.mean(0) @ slopes, slopes], rtol=1e-9)


def test_a_constant_column_does_not_upset_standardisation():
    X, y = logistic(n=90, p=3)
    X[:, 1] = 1e9
    solution = fit(X, y, standardize=True)
    assert np.isfinite(solution.coef).all()


def test_the_callers_arrays_are_left_alone():
    X, y = logistic(density=0.5)
    A, w = as_csr(X), np.ones(len(X))
    kept = A.copy(), y.copy(), w.copy()
    fit(A, y, weights=w, class_weight="balanced", standardize=True, method="saga")
    for a, b in zip((A.data, A.indices, y, w), (kept[0].data, kept[0].indices, *kept[1:]), strict=True):
        np.testing.assert_array_equal(a, b)


def test_central_differences_are_close_to_the_gradient():
    X, y = logistic()
    analytic, central = (fit(X, y, LOGISTIC, FULL, gradient=g).coef for g in ("analytic", "central"))
    np.testing.assert_allclose(central, analytic, rtol=1e-6)
