"""Update rules, penalties and averages: against plain numpy, replicated rows, and exact optima."""

import numpy as np
import oracle
import pytest
from scipy import optimize
from sgd_reference import LINEAR, LOGISTIC, PLAIN, POISSON, SGD, as_csr, data, fit, logistic, reference

import fastglm
from fastglm.kernels.row_loops import FamilyLink
from fastglm.solver.sgd.driver import run

X, Y = logistic(n=120, p=6, density=0.5)
RULES = {
    "sgd": {},
    "inverse scaling": {"schedule": "inverse_scaling", "power_t": 0.3},
    "momentum": {"momentum": 0.8},
    "nesterov": {"momentum": 0.8, "nesterov": True},
    "adagrad": {"method": "adagrad"},
    "adam": {"method": "adam"},
}
PENALTIES = [(0.0, 0.0), (0.05, 0.0), (0.0, 0.02), (0.05, 0.02)]


@pytest.mark.parametrize("sparse", [False, True])
@pytest.mark.parametrize("penalty", PENALTIES)
@pytest.mark.parametrize("name", RULES)
def test_rules_follow_their_formulas(name, penalty, sparse):
    options = PLAIN._replace(l2=penalty[0], l1=penalty[1], **RULES[name])
    path = reference(X, Y, options, penalty=penalty)
    # lazy penalties pass over several decaying rates at their mean
    exact = not (sparse and name == "inverse scaling" and any(penalty))
    tolerance = {"rtol": 1e-9, "atol": 1e-13} if exact else {"rtol": 1e-2, "atol": 1e-4}
    A = as_csr(X) if sparse else X
    np.testing.assert_allclose(fit(A, Y, options=options).coef, path[-1], **tolerance)
    averaged = fit(A, Y, options=options, averaging=True).coef
    np.testing.assert_allclose(averaged, path.mean(0), **tolerance)


@pytest.mark.parametrize("method", ["sgd", "adagrad", "adam"])
def test_weights_enter_the_rules(method):
    w = np.random.default_rng(1).uniform(0.2, 3.0, len(X))
    options = PLAIN._replace(method=method)
    np.testing.assert_allclose(
        fit(X, Y, options=options, weights=w).coef, reference(X, Y, options, weights=w)[-1], rtol=1e-10
    )


@pytest.mark.parametrize("batch_size", [1, 7, 60])
def test_lazy_penalties_and_averages_equal_eager_ones(batch_size):
    # rare features, so that many steps pass between touches and the lasso reaches zero on the way
    sparse_X, y = logistic(n=400, p=40, density=0.03, seed=3)
    for method in ("sgd", "adagrad"):
        for l2, l1 in ((0.0, 0.0), (0.1, 0.0), (0.0, 0.01), (0.1, 0.01)):
            options = PLAIN._replace(method=method, l2=l2, l1=l1, batch_size=batch_size, averaging=True, rate=0.3)
            lazy, eager = fit(as_csr(sparse_X), y, options=options), fit(sparse_X, y, options=options)
            np.testing.assert_allclose(lazy.coef, eager.coef, rtol=1e-8, atol=1e-14)
            np.testing.assert_allclose(lazy.state.theta, eager.state.theta, rtol=1e-8, atol=1e-14)


def test_the_factor_of_a_strong_ridge_does_not_vanish():
    options = PLAIN._replace(l2=50.0, batch_size=1, rate=0.5, averaging=True)
    np.testing.assert_allclose(
        fit(as_csr(X), Y, options=options).coef, fit(X, Y, options=options).coef, rtol=1e-9, atol=1e-15
    )


@pytest.mark.parametrize("sparse", [False, True])
def test_automatic_averages_are_those_of_the_last_epoch(sparse):
    A = as_csr(X) if sparse else X
    one, three = (reference(X, Y, PLAIN._replace(epochs=e)) for e in (1, 3))
    batches = len(X) // PLAIN.batch_size
    np.testing.assert_allclose(fit(A, Y, averaging="auto", epochs=1).coef, one[batches // 2 :].mean(0), rtol=1e-11)
    np.testing.assert_allclose(fit(A, Y, averaging="auto").coef, three[-batches:].mean(0), rtol=1e-11)


def optimum(X, y, loss, l2=0.0):
    """The minimum of mean loss plus ridge, by Newton's method in scipy."""
    A = np.column_stack([np.ones(len(X)), X])
    free = np.r_[0.0, np.ones(X.shape[1])]

    def f(b):
        value, r = loss(A @ b, y)
        return value.mean() + l2 / 2 * (free * b * b).sum(), A.T @ r / len(y) + l2 * free * b

    return optimize.minimize(f, np.zeros(A.shape[1]), jac=True, method="BFGS", options={"gtol": 1e-11}).x


def log_loss(eta, y):
    return np.logaddexp(0.0, eta) - y * eta, 1 / (1 + np.exp(-eta)) - y


@pytest.mark.parametrize("sparse", [False, True])
@pytest.mark.parametrize("batch_size", [1, 8])
@pytest.mark.parametrize("l2", [0.0, 0.05])
def test_saga_converges_linearly_to_the_exact_optimum(sparse, batch_size, l2):
    options = SGD(method="saga", batch_size=batch_size, epochs=120, tol=None, l2=l2, standardize=False)
    solution = fit(as_csr(X) if sparse else X, Y, options=options)
    best = optimum(X, Y, log_loss, l2)
    np.testing.assert_allclose(solution.coef, best, atol=1e-6)
    errors = [
        np.abs(fit(as_csr(X) if sparse else X, Y, options=options, epochs=e).coef - best).max() for e in (5, 20, 35)
    ]
    assert errors[1] < errors[0] / 3 and errors[2] < errors[1] / 3


def test_saga_with_a_lasso_finds_the_zeros_of_the_optimum():
    dense, sparse = (
        fit(A, Y, options=SGD(method="saga", batch_size=4, epochs=400, tol=None, l1=0.05, standardize=False))
        for A in (X, as_csr(X))
    )
    np.testing.assert_allclose(sparse.coef, dense.coef, atol=1e-7)
    A = np.column_stack([np.ones(len(X)), X])
    g = A.T @ (Y - 1 / (1 + np.exp(-A @ dense.coef))) / len(X)
    zero = dense.coef[1:] == 0.0
    assert 0 < zero.sum() < 6 and abs(g[0]) < 1e-7
    np.testing.assert_allclose(g[1:][~zero], 0.05 * np.sign(dense.coef[1:][~zero]), atol=1e-6)
    assert (np.abs(g[1:][zero]) <= 0.05).all()


@pytest.mark.parametrize(
    "name, rate", [("sgd", 0.5), ("momentum", 0.1), ("nesterov", 0.1), ("adagrad", 0.5), ("adam", 0.01)]
)
def test_every_rule_ends_at_the_penalised_optimum(name, rate):
    best = optimum(X, Y, log_loss, 0.3)
    options = SGD(rate=rate, batch_size="full", epochs=2000, l2=0.3)._replace(**RULES[name])
    # Adam's constant rate leaves a little to wish for
    np.testing.assert_allclose(fit(X, Y, options=options).coef, best, atol=1e-4 if name == "adam" else 1e-7)


@pytest.mark.parametrize("batch_size", [1, 5, "full"])
@pytest.mark.parametrize("sparse", [False, True])
def test_implicit_steps_survive_any_rate(batch_size, sparse):
    A = as_csr(X) if sparse else X
    counts = np.random.default_rng(2).poisson(np.exp(1 + X[:, 0])).astype(float)
    for pair, y in ((LOGISTIC, Y), (POISSON, counts), (LINEAR, counts)):
        for rate in (1.0, 1e3, 1e9):
            solution = fit(A, y, pair, step="implicit", rate=rate, batch_size=batch_size)
            assert np.isfinite(solution.coef).all() and np.isfinite(solution.history["loss"]).all()


def test_an_implicit_step_takes_the_gradient_where_it_ends():
    # one row: theta+ = theta - rate * gradient(theta+)
    x, rate = np.array([[0.7, -1.2, 2.0]]), 3.0
    pair = POISSON
    coef = fit(x, [4.0], pair, step="implicit", rate=rate, batch_size=1, epochs=1).coef
    a = np.r_[1.0, x[0]]
    np.testing.assert_allclose(coef, -rate * a * (np.exp(a @ coef) - 4.0), rtol=1e-8)


def test_an_implicit_softmax_step_lowers_the_loss():
    y = np.random.default_rng(4).integers(0, 3, len(X)).astype(float)
    losses = fit(X, y, 3, step="implicit", rate=1e4, batch_size="full", epochs=30).history["loss"]
    assert (np.diff(losses) <= 1e-12).all()


def test_implicit_steps_of_small_rates_are_explicit_ones():
    explicit, implicit = (fit(X, Y, step=s, rate=1e-6).coef for s in ("explicit", "implicit"))
    np.testing.assert_allclose(implicit, explicit, rtol=1e-4, atol=1e-10)


def test_class_weights_are_replicated_rows():
    copies = np.where(Y == 1.0, 3, 1)
    weighted = fit(X, Y, class_weight={0.0: 1.0, 1.0: 3.0}, batch_size="full").coef
    repeated = fit(np.repeat(X, copies, 0), np.repeat(Y, copies), batch_size="full").coef
    np.testing.assert_allclose(weighted, repeated, rtol=1e-12)
    balanced = fit(X, Y, class_weight="balanced", batch_size="full").coef
    by_hand = fit(X, Y, weights=len(Y) / (2 * np.where(Y == 1, Y.sum(), len(Y) - Y.sum())), batch_size="full").coef
    np.testing.assert_allclose(balanced, by_hand, rtol=1e-12)


@pytest.mark.parametrize("sparse", [False, True])
@pytest.mark.parametrize("options", [{}, {"method": "saga"}, {"shuffle": "rows"}, {"shuffle": "batches"}])
def test_rows_of_weight_zero_are_as_if_they_were_not_there(sparse, options):
    keep = np.random.default_rng(5).random(len(X)) < 0.7
    broken = np.where(keep[:, None], X, np.nan)
    with_zeros = fit(as_csr(broken) if sparse else broken, Y, weights=keep.astype(float), averaging=True, **options)
    without = fit(as_csr(X[keep]) if sparse else X[keep], Y[keep], averaging=True, **options)
    np.testing.assert_array_equal(with_zeros.coef, without.coef)


def test_sums_are_means_times_the_rows_of_a_batch():
    mean = fit(X, Y, rate=0.08, l2=0.1, averaging=True).coef
    np.testing.assert_allclose(
        fit(X, Y, rate=0.01, l2=0.1 * len(X), reduction="sum", averaging=True).coef, mean, rtol=1e-11
    )


@pytest.mark.parametrize("family, link", [("poisson", "log"), ("gamma", "log"), ("binomial", "probit")])
@pytest.mark.parametrize("scale", [1.0, 1e3])
def test_automatic_fits_come_near_the_optimum_on_any_scale(family, link, scale):
    rng = np.random.default_rng(6)
    f, k = oracle.family(family), oracle.link(link)
    A = rng.normal(size=(4000, 5)) * [1, scale, 1 / scale, 1, 1] + [0, scale, 0, 2, 0]
    eta = -0.3 + 0.3 * (A - A.mean(0)) / A.std(0) @ np.array([1, -1, 0.5, 0.2, 0])
    y = oracle.respond(rng, f, oracle.inverse(k, eta))
    best = fastglm.fit(A, y, family=f, link=k)
    solution = run(data(A, y), FamilyLink(f, k), SGD(epochs=30))
    assert (np.abs(solution.coef - best.params) / best.bse).max() < 0.2


def test_adagrad_is_the_automatic_rule_on_sparse_rows():
    chosen, named = (fit(as_csr(X), Y, method=m) for m in ("auto", "adagrad"))
    np.testing.assert_array_equal(chosen.coef, named.coef)


def test_one_pass_over_sparse_text_beats_a_rate_of_one_over_alpha_t():
    linear_model = pytest.importorskip("sklearn.linear_model")
    rng = np.random.default_rng(7)
    n, p, alpha = 8000, 2000, 1e-6
    share = 1 / np.arange(1, p + 1)
    words = rng.choice(p, (n, 30), p=share / share.sum())
    A = np.zeros((n, p))
    A[np.repeat(np.arange(n), 30), words.ravel()] = 1 / np.sqrt(30)
    y = (rng.random(n) < 1 / (1 + np.exp(-A @ (4 * rng.normal(size=p))))).astype(float)
    A = as_csr(A)

    def objective(b, w):
        eta = A @ w + b
        return np.mean(np.logaddexp(0.0, eta) - y * eta) + alpha / 2 * w @ w

    best = linear_model.LogisticRegression(C=1 / (alpha * n), tol=1e-8, max_iter=3000).fit(A, y)
    peer = linear_model.SGDClassifier(loss="log_loss", alpha=alpha, max_iter=1, tol=None, random_state=0).fit(A, y)
    ours = run(data(A, y), LOGISTIC, SGD(l2=alpha, epochs=1))
    least = objective(best.intercept_[0], best.coef_[0])
    peers = objective(peer.intercept_[0], peer.coef_[0])
    assert objective(ours.coef[0], ours.coef[1:]) - least < (peers - least) / 5
