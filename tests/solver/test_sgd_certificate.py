"""What a first-order fit says of its end, beside an optimum found in plain numpy: families, methods, penalties."""

import numpy as np
import oracle
import pytest
from scipy.sparse import csr_array

import fastglm
from fastglm.errors import ConvergenceWarning
from fastglm.family.registry import FAMILIES
from fastglm.options.sgd import METHODS
from fastglm.solvers import SGD

pytestmark = pytest.mark.filterwarnings("ignore::fastglm.errors.ConvergenceWarning")
PENALTIES = {"none": {}, "ridge": {"l2": 0.02}, "lasso": {"l1": 0.02}, "both": {"l2": 0.02, "l1": 0.01}}
USUAL = sorted(name for name in fastglm.families.names() if hasattr(FAMILIES[name], "default_link"))


def terms(family, link, A, y, b):
    """The gradient and expected information of the mean of half the deviance."""
    eta = A @ b
    mu, s = oracle.inverse(link, eta), oracle.slope(link, eta)
    v = oracle.variance(family, mu)
    return A.T @ ((mu - y) * s / v) / len(y), (A * (s * s / v)[:, None]).T @ A / len(y)


def softmax_terms(A, codes, b):
    """As ``terms``, for the coefficients of every class, class after class."""
    K, n, m = codes.max() + 1, *A.shape
    eta = A @ b.reshape(K, m).T
    mu = np.exp(eta - eta.max(1, keepdims=True))
    mu /= mu.sum(1, keepdims=True)
    g = A.T @ (mu - np.eye(K)[codes]) / n
    W = np.einsum("ni,ij->nij", mu, np.eye(K)) - mu[:, :, None] * mu[:, None, :]
    return g.T.ravel(), np.einsum("nij,na,nb->iajb", W, A, A).reshape(K * m, K * m) / n


def optimum(gradient, b, ridge, lasso):
    """The penalised optimum by proximal Newton steps from ``b``, its subproblems by coordinate descent, and H there."""
    for _ in range(100):
        g, H = gradient(b)
        g, H = g + ridge * b, H + np.diag(ridge)
        x = b.copy()
        for _ in range(3000):
            before = x.copy()
            for j in range(len(x)):
                z = H[j, j] * x[j] - (g[j] + H[j] @ (x - b))
                x[j] = np.sign(z) * max(abs(z) - lasso[j], 0.0) / H[j, j]
            if np.abs(x - before).max() <= 1e-15 * np.abs(x).max():
                break
        if np.abs(x - b).max() <= 1e-11 * np.abs(x).max():
            return x, H
        b = x
    raise AssertionError("the reference did not converge")


@pytest.mark.parametrize("name", USUAL)
@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("penalty", PENALTIES)
def test_converged_is_what_the_distance_to_the_optimum_says(name, method, penalty):
    family = oracle.family(name)
    link = oracle.link(type(family).default_link.name)
    X, y = oracle.draw(family, link, n=300)
    A, options = np.column_stack([np.ones(len(y)), X]), SGD(method=method, epochs=60, **PENALTIES[penalty])
    for rows in (X, csr_array(X)):
        r = fastglm.fit(rows, y, family=family, link=link, solver=options, cov=None)
        assert np.isfinite(r.certificate) and r.converged == (r.certificate <= 0.1)
        if r.certificate > 0.3:
            continue
        free = np.r_[0.0, np.ones(4)]
        ridge, lasso = (PENALTIES[penalty].get(k, 0.0) * free for k in ("l2", "l1"))
        best, H = optimum(lambda b: terms(family, link, A, y, b), r.params, ridge, lasso)
        scale = r.deviance / (len(y) - 5) if family.dispersion != "one" else 1.0
        away = np.sqrt(len(y) * (r.params - best) @ H @ (r.params - best) / scale)
        # the information is the expected one, which is the curvature itself where the link is canonical
        canonical = getattr(family, "canonical", None) == link.name
        assert away <= (1.2 if canonical else 1.5) * r.certificate + 1e-9
    if method == "saga":
        assert r.converged or "converge" in r.notes[-1]


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("penalty", ["ridge", "both", "lasso"])
def test_softmax_whose_classes_are_all_penalised(method, penalty):
    rng = np.random.default_rng(0)
    X, codes = rng.normal(size=(400, 3)), rng.integers(0, 3, 400)
    A, options = np.column_stack([np.ones(400), X]), SGD(method=method, epochs=80, **PENALTIES[penalty])
    r = fastglm.fit(X, codes, family="multinomial", solver=options, cov=None)
    coef = r.coef_raw.T.ravel()
    assert np.isfinite(r.certificate) and r.converged == (r.certificate <= 0.1)
    free = np.tile([0.0, 1.0, 1.0, 1.0], 3)
    ridge, lasso = (PENALTIES[penalty].get(k, 0.0) * free for k in ("l2", "l1"))
    if r.certificate <= 0.3:

        def gradient(b):
            # with curvature for the intercepts' sum, which changes no probability
            g, H = softmax_terms(A, codes, b)
            return g, H + np.outer(1.0 - free, 1.0 - free)

        best, H = optimum(gradient, coef, ridge, lasso)
        away = np.sqrt(400 * (coef - best) @ H @ (coef - best))
        assert away <= 1.3 * r.certificate + 1e-5


def counts(n=5000, seed=0):
    """Five normal columns and ten indicators, and counts."""
    rng = np.random.default_rng(seed)
    level = rng.integers(0, 11, n)
    X = np.column_stack([rng.normal(size=(n, 5)), level[:, None] == np.arange(1, 11)]).astype(float)
    return X, rng.poisson(np.exp(0.3 + X @ (0.4 * rng.normal(size=15)))).astype(float)


@pytest.mark.parametrize("reduction", ["mean", "sum"])
@pytest.mark.parametrize("penalty", ["ridge", "lasso", "both"])
@pytest.mark.parametrize("sparse", [False, True])
def test_a_tight_tolerance_is_kept(penalty, sparse, reduction):
    X, y = counts()
    w = np.random.default_rng(1).uniform(0.5, 2.0, len(y))
    size = 1.0 if reduction == "mean" else w.sum()
    strength = {k: v * size for k, v in PENALTIES[penalty].items()}
    options = SGD(tol=1e-12, reduction=reduction, **strength)
    r = fastglm.fit(csr_array(X) if sparse else X, y, family="poisson", weights=w, solver=options)
    assert r.converged and r.certificate <= 1e-12 and "proximal Newton" in " ".join(r.notes)
    A = np.column_stack([np.ones(len(y)), X])
    free, w = np.r_[0.0, np.ones(15)], w / w.sum()

    def gradient(b):
        mu = np.exp(A @ b)
        return A.T @ (w * (mu - y)), (A * (w * mu)[:, None]).T @ A

    best, _ = optimum(gradient, r.params, *(PENALTIES[penalty].get(k, 0.0) * free for k in ("l2", "l1")))
    np.testing.assert_allclose(r.params, best, rtol=1e-10, atol=1e-12)
    np.testing.assert_array_equal(r.params == 0.0, best == 0.0)


def test_a_fit_that_stops_short_says_so():
    X, y = counts()
    with pytest.warns(ConvergenceWarning, match="standard errors from the optimum. Raise epochs"):
        r = fastglm.fit(X, y, family="poisson", solver=SGD(method="sgd", l2=0.01, tol=1e-6, epochs=20))
    assert not r.converged and 1e-6 < r.certificate < 5.0
    near = fastglm.fit(X, y, family="poisson", solver=SGD(method="saga", l2=0.01, tol=None, epochs=60))
    assert near.converged and near.certificate < 1e-6 and near.n_iter == 60


@pytest.mark.parametrize("penalty", PENALTIES)
def test_saga_goes_on_until_it_is_there(penalty):
    X, y = counts()
    r = fastglm.fit(X, y, family="poisson", solver=SGD(method="saga", tol=1e-6, epochs=300, **PENALTIES[penalty]))
    assert r.converged and r.certificate <= 1e-6 and r.n_iter < 300 and not any("Newton" in note for note in r.notes)


@pytest.mark.parametrize("penalty", ["none", "ridge", "lasso"])
def test_very_many_coefficients_are_certified_by_products(penalty):
    rng = np.random.default_rng(3)
    X = csr_array(rng.normal(size=(4000, 300)) * (rng.random((4000, 300)) < 0.1))
    y = (rng.random(4000) < 1 / (1 + np.exp(-X @ (0.5 * rng.normal(size=300))))).astype(float)
    tol = 1e-4
    options = SGD(method="saga", tol=tol, epochs=2000, **PENALTIES[penalty])
    r = fastglm.fit(X, y, family="binomial", solver=options, cov=None)
    assert r.converged and 0.0 < r.certificate <= tol
    A = np.column_stack([np.ones(4000), X.toarray()])
    free = np.r_[0.0, np.ones(300)]
    ridge, lasso = (PENALTIES[penalty].get(k, 0.0) * free for k in ("l2", "l1"))
    best, H = optimum(lambda b: terms(r.family, r.link, A, y, b), r.params, ridge, lasso)
    assert np.sqrt(4000 * (r.params - best) @ H @ (r.params - best)) <= 1.3 * r.certificate
