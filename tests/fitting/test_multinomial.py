"""Softmax regression: the fit, against Newton in plain numpy, optimality conditions and other forms of its data."""

import numpy as np
import pytest
from scipy.special import log_softmax

import fastglm
from fastglm.errors import CollinearityWarning, InvalidParameterError, MissingDataError, SeparationWarning
from fastglm.objective.softmax import CrossEntropy, laplacian
from fastglm.source.in_memory import Block, InMemory

SOLVERS = [name for name in fastglm.solvers.names(exact=True) if name != "stream"]


def draw(n=600, p=3, n_classes=4, seed=0, spread=0.7):
    rng = np.random.default_rng(seed)
    X = rng.normal(size=(n, p))
    eta = X @ rng.normal(size=(p, n_classes)) * spread / np.sqrt(p) + rng.normal(size=n_classes) * 0.3
    mu = np.exp(log_softmax(eta, axis=1))
    return X, (rng.random((n, 1)) > mu.cumsum(1)).sum(1).clip(0, n_classes - 1)


def design(X):
    return np.column_stack([np.ones(len(X)), X])


def newton(Z, codes, n_classes, w=None):
    """Coefficients (p, K-1), covariance and log-likelihood by undamped Newton steps on dense matrices."""
    n, m = Z.shape
    w = np.ones(n) if w is None else w
    theta = np.zeros((m, n_classes - 1))
    for _ in range(12):
        mu = np.exp(log_softmax(np.column_stack([np.zeros(n), Z @ theta]), axis=1))[:, 1:]
        r = w[:, None] * (np.eye(n_classes)[codes][:, 1:] - mu)
        information = blocks(Z, lambda j, k, mu=mu: w * mu[:, j] * ((j == k) - mu[:, k]), n_classes - 1)
        theta = theta + np.linalg.solve(information, (Z.T @ r).T.ravel()).reshape(n_classes - 1, m).T
    logp = log_softmax(np.column_stack([np.zeros(n), Z @ theta]), axis=1)
    meat = blocks(Z, lambda j, k: r[:, j] * r[:, k], n_classes - 1)
    return theta, np.linalg.inv(information), float(w @ logp[np.arange(n), codes]), meat


def blocks(Z, weight, others):
    """The matrix whose block (j, k) is Z' diag(weight(j, k)) Z."""
    return np.block([[(Z.T * weight(j, k)) @ Z for k in range(others)] for j in range(others)])


@pytest.mark.parametrize("n_classes", [2, 3, 4, 7])
def test_it_is_newtons_optimum(n_classes):
    X, y = draw(n_classes=n_classes)
    result = fastglm.fit(X, y, family="multinomial")
    theta, covariance, llf, _ = newton(design(X), y, n_classes)
    np.testing.assert_allclose(result.params, theta, rtol=1e-10, atol=1e-12)
    np.testing.assert_allclose(result.cov_params(), covariance, rtol=1e-9, atol=1e-13)
    assert result.llf == pytest.approx(llf, rel=1e-13)
    counts = np.bincount(y)
    assert result.llnull == pytest.approx(counts @ np.log(counts / len(y)), rel=1e-13)
    assert result.converged and result.certificate <= 1e-8


@pytest.mark.parametrize("solver", SOLVERS)
@pytest.mark.parametrize("n", [400, 30_000])
def test_every_solver_ends_at_the_same_optimum(solver, n):
    X, y = draw(n, 5, 4)
    best, other = (fastglm.fit(X, y, family="multinomial", solver=s) for s in ("irls", solver))
    assert other.converged
    assert np.abs((other.params - best.params) / best.bse).max() < 2e-8
    np.testing.assert_allclose(other.bse, best.bse, rtol=2e-8)


def test_the_score_vanishes_at_the_estimate():
    X, y = draw(50_000, 6, 5)
    result = fastglm.fit(X, y, family="multinomial")
    r = np.eye(5)[y] - result.predict(X)
    # the distance in standard errors, from the conditions of optimality alone
    score = (design(X).T @ r[:, 1:]).ravel(order="F")
    assert np.sqrt(score @ result.cov_params() @ score) < 1e-8


def test_two_classes_are_logistic_regression():
    X, y = draw(n_classes=2)
    several, one = (fastglm.fit(X, y, family=f) for f in ("multinomial", "binomial"))
    np.testing.assert_allclose(several.params[:, 0], one.params, rtol=1e-12)
    np.testing.assert_allclose(several.bse[:, 0], one.bse, rtol=1e-11)
    assert several.deviance == pytest.approx(one.deviance, rel=1e-13)
    assert several.null_deviance == pytest.approx(one.null_deviance, rel=1e-13)
    assert several.pearson_chi2 == pytest.approx(one.pearson_chi2, rel=1e-10)


FORMS = {
    "codes": lambda y: y,
    "text": lambda y: np.array(["a", "b", "c", "d"])[y],
    "objects": lambda y: np.array(["a", "b", "c", "d"], dtype=object)[y],
    "floats": lambda y: y * 10.0,
    "a column": lambda y: y[:, None],
    "a list": lambda y: y.tolist(),
    "indicators": lambda y: np.eye(4)[y],
    "bool indicators": lambda y: np.eye(4, dtype=bool)[y],
    "int8": lambda y: y.astype(np.int8) - 3,
}


@pytest.mark.parametrize("form", FORMS)
def test_labels_codes_and_indicators_are_the_same(form):
    X, y = draw()
    result, plain = (fastglm.fit(X, v, family="multinomial") for v in (FORMS[form](y), y))
    np.testing.assert_array_equal(result.params, plain.params)
    assert len(result.classes) == 4 and result.reference == result.classes[0]


def test_pandas_labels_and_indicator_columns():
    pd = pytest.importorskip("pandas")
    X, y = draw()
    plain = fastglm.fit(X, y, family="multinomial")
    words = pd.Series(np.array(["a", "b", "c", "d"])[y])
    for form in (words, words.astype("category"), pd.get_dummies(words)):
        result = fastglm.fit(X, form, family="multinomial")
        np.testing.assert_array_equal(result.params, plain.params)
        assert result.classes == ("a", "b", "c", "d")


def test_the_reference_can_be_chosen():
    X, y = draw()
    words = np.array(["a", "b", "c", "d"])[y]
    first = fastglm.fit(X, words, family="multinomial")
    third = fastglm.fit(X, words, family=fastglm.families.Multinomial(reference="c"))
    assert third.reference == "c" and third.contrast_classes == ("a", "b", "d")
    np.testing.assert_allclose(third.params[:, 0], -first.params[:, 1], rtol=1e-10, atol=1e-12)
    np.testing.assert_allclose(third.coef_full, first.coef_full, rtol=1e-10, atol=1e-12)
    np.testing.assert_allclose(third.predict(X), first.predict(X), rtol=1e-11)


@pytest.mark.parametrize("kind", ["weights", "freq_weights"])
def test_weights_count_as_repeated_rows(kind):
    X, y = draw(300)
    w = np.random.default_rng(1).integers(0, 4, 300)
    weighted = fastglm.fit(X, y, family="multinomial", **{kind: w})
    repeated = fastglm.fit(np.repeat(X, w, 0), np.repeat(y, w), family="multinomial")
    np.testing.assert_allclose(weighted.params, repeated.params, rtol=1e-10, atol=1e-13)
    np.testing.assert_allclose(weighted.bse, repeated.bse, rtol=1e-10)
    assert weighted.deviance == pytest.approx(repeated.deviance, rel=1e-13)
    assert weighted.null_deviance == pytest.approx(repeated.null_deviance, rel=1e-13)
    assert weighted.nobs == (repeated.nobs if kind == "freq_weights" else (w > 0).sum())


STORAGES = {
    "F": np.asfortranarray,
    "strided": lambda X: np.repeat(np.repeat(X, 2, 0), 2, 1)[::2, ::2],
    "reversed": lambda X: X[::-1][::-1],
    "read-only": lambda X: np.require(X, requirements="C").view(),
    "wide rows": lambda X: np.column_stack([X, X])[:, : X.shape[1]],
}


@pytest.mark.parametrize("storage", STORAGES)
def test_storage_does_not_matter(storage):
    X, y = draw(9000, 5)
    other = STORAGES[storage](X)
    other.flags.writeable = False
    result, plain = (fastglm.fit(v, y, family="multinomial") for v in (other, X))
    np.testing.assert_allclose(result.params, plain.params, rtol=1e-10, atol=1e-13)
    np.testing.assert_allclose(result.cov_params(), plain.cov_params(), rtol=1e-9, atol=1e-15)


def test_float32_columns_are_read_in_place():
    X, y = draw(9000, 5)
    X = X.astype(np.float32)
    result, plain = (fastglm.fit(v, y, family="multinomial") for v in (X, X.astype(float)))
    np.testing.assert_allclose(result.params, plain.params, rtol=1e-11, atol=1e-13)


@pytest.mark.parametrize("options", [{}, {"cov": "robust"}, {"solver": "newton-cg"}], ids=str)
def test_same_bits_for_any_number_of_threads(options):
    X, y = draw(40_000, 8, 4)
    one, *others = (fastglm.fit(X, y, family="multinomial", threads=t, **options) for t in (1, 2, 8))
    for other in others:
        np.testing.assert_array_equal(one.params, other.params)
        np.testing.assert_array_equal(one.cov_params(), other.cov_params())


@pytest.mark.parametrize("kind", [None, "weights", "freq_weights"])
@pytest.mark.parametrize("p", [3, 140])
def test_the_sandwich_is_the_outer_product_of_scores(kind, p):
    X, y = draw(3000, p, 3)
    w = None if kind is None else np.random.default_rng(1).integers(1, 4, len(y))
    result = fastglm.fit(X, y, family="multinomial", cov="robust", **({} if w is None else {kind: w}))
    rows = (X, y) if w is None or kind == "weights" else (np.repeat(X, w, 0), np.repeat(y, w))
    _, inverse, _, meat = newton(design(rows[0]), rows[1], 3, w * 1.0 if kind == "weights" else None)
    want = inverse @ meat @ inverse
    np.testing.assert_allclose(result.cov_params(), want, rtol=1e-7, atol=1e-8 * np.abs(want).max())


def test_wide_designs_use_other_loops_for_the_same_numbers():
    X, y = draw(2000, 150, 3, spread=0.3)
    theta, covariance, llf, _ = newton(design(X), y, 3)
    result = fastglm.fit(X, y, family="multinomial")
    np.testing.assert_allclose(result.params, theta, rtol=1e-8, atol=1e-10)
    np.testing.assert_allclose(result.bse.ravel(order="F"), np.sqrt(np.diagonal(covariance)), rtol=1e-9)
    assert result.llf == pytest.approx(llf, rel=1e-12)


def test_thousands_of_coefficients_need_no_matrix_of_all():
    X, y = draw(6000, 120, 20, spread=0.3)
    result = fastglm.fit(X, y, family="multinomial", cov=None)
    assert result.params.size > 2000 and result.converged
    r = np.eye(20)[y] - result.predict(X)
    assert np.abs(design(X).T @ r).max() < 1e-5 * np.sqrt(len(y))


@pytest.mark.parametrize("order", [0, 1, 2, 3, 5])
def test_passes_agree_with_finite_differences(order):
    X, y = draw(500, 3, 4)
    w = np.random.default_rng(3).uniform(0.5, 2.0, 500)
    objective = CrossEntropy(InMemory(Block(X, True, y.astype(np.uint8), w, None, None, None), 2), 4)
    rng = np.random.default_rng(2)
    beta, v, h = rng.normal(size=12) * 0.5, rng.normal(size=12), 1e-5

    def scores(b):
        return objective.at(b, 1).score

    def derivative(direction):
        return -(scores(beta + h * direction) - scores(beta - h * direction)) / (2 * h)

    if order == 0:
        logp = log_softmax(np.column_stack([np.zeros(500), design(X) @ beta.reshape(3, 4).T]), axis=1)
        assert objective.at(beta, 0).deviance == pytest.approx(-2 * w @ logp[np.arange(500), y], rel=1e-13)
    elif order == 1:
        steps = [objective.at(beta + s * h * v, 0).deviance for s in (1, -1)]
        assert objective.at(beta, 1).score @ v == pytest.approx((steps[1] - steps[0]) / (4 * h), rel=1e-7)
    elif order == 3:
        np.testing.assert_allclose(objective.product(beta, v), derivative(v), rtol=1e-6)
    else:
        hessian = np.array([derivative(e) for e in np.eye(12)])
        if order == 2:
            information = objective.at(beta, 2).information
            np.testing.assert_allclose(np.triu(information), np.triu(hessian), rtol=1e-5, atol=1e-5)
        else:
            np.testing.assert_allclose(objective.at(beta, 5).information.diagonal(), np.diagonal(hessian), rtol=1e-6)


def test_the_laplacian_of_pairs():
    rng = np.random.default_rng(0)
    halves = rng.normal(size=(6, 5, 2))
    W = np.einsum("kia,kib->kab", halves, halves)
    pairs = [(i, j) for i in range(4) for j in range(i + 1, 4)]
    want = np.zeros((3, 2, 3, 2))
    for (i, j), one in zip(pairs, W, strict=True):
        e = np.eye(4)[i] - np.eye(4)[j]
        want += np.einsum("j,k,ab->jakb", e[1:], e[1:], one)
    np.testing.assert_allclose(laplacian(np.triu(W), 4), want.reshape(6, 6))


def test_far_tails_keep_their_digits():
    """A row the model is sure of has deviance 2 exp(-lead), not zero; one it is wrong about has 2 lead."""
    X = np.array([[1.0], [2.0]])
    objective = CrossEntropy(InMemory(Block(X, False, np.array([1, 0], np.uint8), None, None, None, None), 1), 3)
    beta = np.array([300.0, -50.0])
    d = objective.at(beta, 0).deviance
    assert d == pytest.approx(2 * np.exp(-300.0) + 2 * 600.0, rel=1e-15)
    only = CrossEntropy(InMemory(Block(X[:1], False, np.array([1], np.uint8), None, None, None, None), 1), 3)
    q = only.at(beta, 1)
    assert q.deviance == pytest.approx(2 * np.exp(-300.0), rel=1e-13)
    assert q.score[0] == pytest.approx(np.exp(-300.0), rel=1e-13)


def test_redundant_columns_are_named_once():
    X, y = draw(400)
    X = np.column_stack([X, X[:, 0] + 2 * X[:, 1]])
    with pytest.warns(CollinearityWarning, match=r"x4 = x1 \+ 2 x2"):
        result = fastglm.fit(X, y, family="multinomial")
    plain = fastglm.fit(X[:, :3], y, family="multinomial")
    assert result.aliased == {"x4": "x1 + 2 x2"} and np.isnan(result.params[4]).all()
    np.testing.assert_allclose(result.params[:4], plain.params, rtol=1e-7, atol=1e-9)
    np.testing.assert_allclose(result.bse[:4], plain.bse, rtol=1e-7)
    assert result.rank == plain.rank and result.df_resid == plain.df_resid


def test_separation_is_found_and_named():
    x = np.arange(30.0)[:, None]
    with pytest.warns(SeparationWarning, match="completely separated"):
        result = fastglm.fit(x, np.repeat([0, 1, 2], 10), family="multinomial")
    assert not result.converged
    mixed = np.repeat([0, 1, 2], 10)
    mixed[[3, 14]] = 1, 0
    with pytest.warns(SeparationWarning, match="quasi-completely"):
        fastglm.fit(x, mixed, family="multinomial")


def test_badly_scaled_columns():
    X, y = draw(2000, 4)
    scale = np.array([1e-6, 1e5, 1.0, 1e-2])
    scaled, plain = (fastglm.fit(v, y, family="multinomial") for v in (X * scale + 3 * scale, X))
    np.testing.assert_allclose(scaled.params[1:] * scale[:, None], plain.params[1:], rtol=1e-7, atol=1e-9)
    assert scaled.llf == pytest.approx(plain.llf, rel=1e-12)


def test_without_an_intercept_and_from_a_start():
    X, y = draw()
    theta, covariance, llf, _ = newton(X, y, 4)
    result = fastglm.fit(X, y, family="multinomial", intercept=False, start=theta)
    np.testing.assert_allclose(result.params, theta, rtol=1e-10)
    assert result.llnull == pytest.approx(-len(y) * np.log(4))
    assert result.n_iter <= 3


def test_rows_of_weight_zero_are_not_there():
    X, y = draw(500)
    w = np.ones(500)
    w[y == 3] = 0.0
    kept = y != 3
    result, plain = (
        fastglm.fit(X, y, family="multinomial", weights=w),
        fastglm.fit(X[kept], y[kept], family="multinomial"),
    )
    assert result.classes == plain.classes == (0, 1, 2)
    np.testing.assert_allclose(result.params, plain.params, rtol=1e-10, atol=1e-13)


BAD = {
    "one class": (dict(y=np.zeros(50)), "one class only"),
    "shape": (dict(y=np.zeros((50, 2, 2))), r"shape \(50, 2, 2\)"),
    "length": (dict(y=np.zeros(49)), "length 49"),
    "not one-hot": (dict(y=np.ones((50, 3))), "one 1 a row; row 0"),
    "an empty column": (dict(y=np.column_stack([np.eye(2)[np.arange(50) % 2], np.zeros(50)])), "column 2 has no rows"),
    "measurements": (dict(y=np.linspace(0, 1, 50)), "no label"),
    "reference": (dict(family=fastglm.families.Multinomial("z")), "reference='z' is not among"),
    "link": (dict(link="log"), "softmax link only"),
    "offset": (dict(offset=np.zeros(50)), "several"),
    "exposure": (dict(exposure=np.ones(50)), "log link|several"),
    "start": (dict(start=np.zeros(4)), r"shape \(4, 2\)"),
    "mixed labels": (dict(y=np.array(["a", 1] * 25, dtype=object)), "cannot be ordered"),
    "all weights zero": (dict(weights=np.zeros(50)), "weights are all zero"),
    "negative weight": (dict(weights=-np.ones(50)), "non-negative"),
}


@pytest.mark.parametrize("name", BAD)
def test_bad_input_is_refused_by_name(name):
    X, y = draw(50, n_classes=3)
    options, message = BAD[name]
    with pytest.raises(InvalidParameterError, match=message):
        fastglm.fit(X, **({"y": y, "family": "multinomial"} | options))


@pytest.mark.parametrize("value", [None, np.nan, float("inf")])
def test_missing_labels_and_cells_are_named(value):
    X, y = draw(50)
    labels = y.astype(object) if value is None else y.astype(float)
    labels[7] = value
    with pytest.raises(MissingDataError, match="row 7"):
        fastglm.fit(X, labels, family="multinomial")
    bad = X.copy()
    bad[3, 1] = np.nan if value is None else value
    with pytest.raises(MissingDataError, match="x2.*row 3"):
        fastglm.fit(bad, y, family="multinomial")
