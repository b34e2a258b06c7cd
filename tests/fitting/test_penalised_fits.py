"""Penalised fits of every family and storage by their optimality conditions, limits and invariances."""

import numpy as np
import pandas as pd
import penalty_cases as cases
import pytest
from scipy import sparse

import fastglm
from fastglm import families
from fastglm.errors import ConvergenceWarning, InvalidParameterError
from fastglm.kernels.evaluate import evaluate
from fastglm.penalties import ElasticNet, Lasso, Ridge

RNG = np.random.default_rng(20)
N, P = 400, 7
X = RNG.normal(size=(N, P)) * [1, 1, 10, 0.1, 1, 3, 1] + [0, 5, 0, 0, -2, 0, 0]
X[:, 4] = np.where(RNG.random(N) < 0.7, 0.0, X[:, 4])
ETA = 0.4 * X[:, 0] - 0.02 * X[:, 2] + 0.3 * (X[:, 4] != 0) + 0.1
WEIGHTS, OFFSET = RNG.uniform(0.5, 2.0, N), 0.2 * RNG.normal(size=N)
RESPONSES = {
    "gaussian": ETA + RNG.normal(size=N),
    "binomial": (RNG.random(N) < 1 / (1 + np.exp(-ETA))).astype(float),
    "poisson": RNG.poisson(np.exp(ETA)).astype(float),
    "gamma": np.exp(ETA) * RNG.gamma(2.0, 0.5, N),
}
PENALTIES = {
    "lasso": ElasticNet(0.02, 1.0),
    "ridge": ElasticNet(0.05, 0.0),
    "both": ElasticNet(0.03, 0.4),
    "factors": ElasticNet(0.03, 0.7, factors=[0, 1, 2, np.inf, 1, 0.5, 1]),
    "bounds": ElasticNet(0.01, 0.5, lower=-0.01, upper=0.25),
    "unscaled": ElasticNet(0.02, 0.6, scale=False),
}


def options(family):
    return {"family": family, "link": "log"} if family == "gamma" else {"family": family}


@pytest.mark.parametrize("intercept", [True, False])
@pytest.mark.parametrize("rows", [{}, {"weights": WEIGHTS, "offset": OFFSET}], ids=["plain", "weighted"])
@pytest.mark.parametrize("penalty", PENALTIES)
@pytest.mark.parametrize("family", RESPONSES)
def test_optimality(family, penalty, rows, intercept):
    net, y = PENALTIES[penalty], RESPONSES[family]
    result = fastglm.fit(X, y, penalty=net, intercept=intercept, **options(family), **rows)
    left = cases.violation(X, y, result.params, net.lam, net, family, intercept=intercept, **rows)
    assert left < 1e-9 and result.certificate < 1e-9 and result.converged
    assert result.penalty == net and result.cov_params() is None


@pytest.mark.parametrize(
    ("family", "link"), [("binomial", "probit"), ("poisson", "sqrt"), (families.NegativeBinomial(2.0), "log")]
)
def test_other_links_reach_a_minimum(family, link):
    """Beside the optimum every small change of the coefficients costs."""
    net, y, sd = Lasso(0.02), RESPONSES["binomial" if family == "binomial" else "poisson"], X.std(0)
    result = fastglm.fit(X, y, penalty=net, family=family, link=link)

    def value(beta):
        deviance = evaluate(result.family, result.link, beta[0] + X @ beta[1:], y).deviance.mean()
        return 0.5 * deviance + net.lam * np.abs(sd * beta[1:]).sum()

    best = value(np.array(result.params))
    for step in 1e-4 * RNG.normal(size=(20, P + 1)) / np.append(1.0, sd):
        assert value(result.params + step) > best


@pytest.mark.parametrize("family", RESPONSES)
def test_no_penalty_is_maximum_likelihood(family):
    y = RESPONSES[family]
    free = fastglm.fit(X, y, **options(family)).params
    np.testing.assert_allclose(fastglm.fit(X, y, penalty=Lasso(0.0), **options(family)).params, free, rtol=1e-10)
    near = fastglm.fit(X, y, penalty=ElasticNet(1e-9, 0.5), **options(family)).params
    np.testing.assert_allclose(near, free, rtol=1e-5)


@pytest.mark.parametrize("family", RESPONSES)
def test_the_largest_lambda_leaves_the_null_model(family):
    y, net = RESPONSES[family], ElasticNet(alpha=0.5)
    path = fastglm.path(X, y, penalty=net, lambdas=5, **options(family))
    assert not path.params[0, 1:].any() and path.df[0] == 0 and path.df[1] > 0
    assert path.deviance[0] == pytest.approx(path.null_deviance, rel=1e-10)
    above = fastglm.fit(X, y, penalty=net._replace(lam=1.5 * path.lambdas[0]), **options(family))
    assert not above.params[1:].any()


@pytest.mark.parametrize("family", RESPONSES)
def test_a_path_is_its_single_fits(family):
    y = RESPONSES[family]
    path = fastglm.path(X, y, penalty=ElasticNet(alpha=0.7), lambdas=12, **options(family))
    for lam in path.lambdas[::4].tolist():
        single = fastglm.fit(X, y, penalty=ElasticNet(lam, 0.7), **options(family))
        one = path.at(lam)
        np.testing.assert_allclose(one.params, single.params, rtol=1e-8, atol=1e-11)
        assert one.deviance == pytest.approx(single.deviance, rel=1e-10)
        assert (one.rank, one.df_resid, one.penalty) == (single.rank, single.df_resid, single.penalty)
        assert one.scale == pytest.approx(single.scale, rel=1e-9) and one.llf == pytest.approx(single.llf, rel=1e-10)
        np.testing.assert_allclose(path.predict(X, lam=lam), single.predict(X), rtol=1e-8)
    assert path.predict(X[:3]).shape == (3, 12)


def test_rescaled_columns_change_nothing_but_their_units():
    y, factor = RESPONSES["poisson"], np.array([1e-6, 1, 1e4, 2, 3, 1, 1e3])
    one = fastglm.fit(X, y, family="poisson", penalty=Lasso(0.02)).params
    other = fastglm.fit(X * factor, y, family="poisson", penalty=Lasso(0.02)).params
    np.testing.assert_allclose(other[1:] * factor, one[1:], rtol=1e-9, atol=1e-14)


def test_far_means_do_not_spoil_deviations():
    y = RESPONSES["gaussian"]
    near = fastglm.fit(X, y, penalty=Lasso(0.02)).params
    far = fastglm.fit(X + 1e5, y, penalty=Lasso(0.02)).params
    np.testing.assert_allclose(far[1:], near[1:], rtol=1e-7)


def test_ridge_is_its_closed_form():
    Z, y, lam = np.column_stack([X, X[:, 0] + X[:, 1]]), RESPONSES["gaussian"], 0.03
    closed = np.linalg.solve(Z.T @ Z / N + lam * np.eye(P + 1), Z.T @ y / N)
    for penalty in (Ridge(lam, scale=False), Ridge(lam, P=np.eye(P + 1)), ElasticNet(lam, 0.0, scale=False)):
        result = fastglm.fit(Z, y, penalty=penalty, intercept=False)
        np.testing.assert_allclose(result.params, closed, rtol=1e-10)
        assert not result.aliased and result.certificate < 1e-9
    wide = RNG.normal(size=(20, 50))
    closed = wide.T @ np.linalg.solve(wide @ wide.T + 20 * lam * np.eye(20), y[:20])
    result = fastglm.fit(wide, y[:20], penalty=Ridge(lam, scale=False), intercept=False)
    np.testing.assert_allclose(result.params, closed, rtol=1e-9, atol=1e-12)


def frame():
    levels = np.array(list("abcdef"))[RNG.integers(0, 6, N)]
    return pd.DataFrame({**{f"x{j}": X[:, j] for j in range(P)}, "z": levels, "w": WEIGHTS})


FRAME = frame()


@pytest.mark.parametrize("family", RESPONSES)
def test_storages(family, tmp_path):
    """One penalised path of arrays, sparse rows, a formula with a factor, and files that are read at every pass."""
    y, net = RESPONSES[family], ElasticNet(alpha=0.6)
    data = FRAME.assign(y=y)
    dummies = np.column_stack([X, *[(data.z == level) for level in "bcdef"]]).astype(float)
    chosen = {"penalty": net, "weights": WEIGHTS, **options(family)}
    whole = fastglm.path(dummies, y, lambdas=8, **chosen)
    chosen["lambdas"] = whole.lambdas
    formula = "y ~ " + " + ".join(f"x{j}" for j in range(P)) + " + z"
    data.to_parquet(tmp_path / "rows.parquet", row_group_size=90)
    stored = chosen | {"weights": "w"}
    others = {
        "csr": fastglm.path(sparse.csr_matrix(dummies), y, **chosen),
        "float order": fastglm.path(np.asfortranarray(dummies), y, **chosen),
        "formula": fastglm.path(formula, data, **stored),
        "files": fastglm.path(formula, tmp_path / "rows.parquet", memory=0, **stored),
    }
    for name, other in others.items():
        np.testing.assert_allclose(other.params, whole.params, rtol=1e-9, atol=1e-10, err_msg=name)
        assert other.certificate.max() < 1e-8, name
    single = fastglm.glm(formula, tmp_path / "rows.parquet", memory=0, **options(family), weights="w",
                         penalty=net._replace(lam=float(whole.lambdas[4])))  # fmt: skip
    np.testing.assert_allclose(single.params, whole.params[4], rtol=1e-9, atol=1e-10)


@pytest.mark.parametrize("family", ["gaussian", "poisson"])
def test_folds_are_those_of_files(family, tmp_path):
    data = FRAME.assign(y=RESPONSES[family])
    data.to_parquet(tmp_path / "rows.parquet", row_group_size=90)
    given = {"lambdas": 6, "folds": 4, "weights": "w", "family": family}
    one = fastglm.cv("y ~ x0 + x2 + z", data, **given)
    other = fastglm.cv("y ~ x0 + x2 + z", tmp_path / "rows.parquet", memory=0, **given)
    np.testing.assert_allclose(other.fold_values, one.fold_values, rtol=1e-9)
    assert other.lambda_1se == pytest.approx(one.lambda_1se, rel=1e-12)


@pytest.mark.parametrize("family", RESPONSES)
def test_folds_are_fits_of_the_other_rows(family):
    y, folds = RESPONSES[family], np.arange(N) % 3
    found = fastglm.cv(X, y, penalty=ElasticNet(alpha=0.5), lambdas=4, folds=folds, measure="mse", **options(family))
    for f in range(3):
        rest, out = folds != f, folds == f
        for i, lam in enumerate(found.lambdas.tolist()):
            fitted = fastglm.fit(X[rest], y[rest], penalty=ElasticNet(lam, 0.5), **options(family))
            loss = np.mean((y[out] - fitted.predict(X[out])) ** 2)
            assert found.fold_values[f, i] == pytest.approx(loss, rel=1e-7)
    assert found.best.penalty.lam == found.lambda_min <= found.lambda_1se


def test_many_rows_in_rounds_and_their_folds():
    """Where one pass serves all lambdas and folds: the answers of one lambda and one fold alone."""
    rng = np.random.default_rng(3)
    Z = rng.normal(size=(30_000, 6))
    y = rng.poisson(np.exp(0.3 * Z[:, 0] - 0.2 * Z[:, 1])).astype(float)
    found = fastglm.cv(Z, y, family="poisson", lambdas=12, folds=3)
    path = found.path
    assert path.certificate.max() <= 1e-8 and path.n_passes < 60
    for lam in path.lambdas[[3, 11]].tolist():
        single = fastglm.fit(Z, y, family="poisson", penalty=Lasso(lam))
        np.testing.assert_allclose(path.at(lam).params, single.params, rtol=1e-6, atol=1e-9)
    one = fastglm.cv(Z, y, family="poisson", lambdas=path.lambdas[:9], folds=3)  # too few for rounds
    np.testing.assert_allclose(one.fold_values, found.fold_values[:, :9], rtol=1e-8)


def test_more_columns_than_a_matrix_of_all():
    rng = np.random.default_rng(4)
    Z = rng.normal(size=(120, 1500))
    y = (rng.random(120) < 1 / (1 + np.exp(-Z[:, 0] + Z[:, 1]))).astype(float)
    net = ElasticNet(alpha=0.9)
    dense = fastglm.path(Z, y, family="binomial", penalty=net, lambdas=15)
    assert dense.converged.all()
    for beta, lam in zip(dense.params[::5], dense.lambdas[::5], strict=True):
        assert cases.violation(Z, y, beta, lam, net, "binomial") < 1e-7
    other = fastglm.path(sparse.csr_matrix(Z), y, family="binomial", penalty=net, lambdas=dense.lambdas)
    np.testing.assert_allclose(other.params, dense.params, atol=1e-7)
    single = fastglm.fit(Z, y, family="binomial", penalty=ElasticNet(float(dense.lambdas[9]), 0.9))
    np.testing.assert_allclose(single.params, dense.params[9], atol=1e-7)


@pytest.mark.parametrize("penalty", [Ridge(0.05), Lasso(0.02), ElasticNet(0.03, 0.5)], ids=["ridge", "lasso", "both"])
def test_softmax_penalises_every_class(penalty):
    labels = np.array(["a", "b", "c"])[np.clip(np.round(ETA + RNG.normal(size=N)), -1, 1).astype(int) + 1]
    result = fastglm.fit(X, labels, family="multinomial", penalty=penalty)
    B, net = result.coef_raw, penalty if isinstance(penalty, ElasticNet) else None
    alpha = net.alpha if net else float(isinstance(penalty, Lasso))
    eta = B[0] + X @ B[1:]
    mean = np.exp(eta - eta.max(1, keepdims=True))
    mean /= mean.sum(1, keepdims=True)
    seen = (labels[:, None] == np.array(result.classes)).astype(float)
    residual, sd = (seen - mean) / N, X.std(0)[:, None]
    pull = X.T @ residual - penalty.lam * (1 - alpha) * sd**2 * B[1:]
    cut = penalty.lam * alpha * sd
    left = np.where(B[1:] == 0.0, np.maximum(np.abs(pull) - cut, 0.0), np.abs(pull - cut * np.sign(B[1:]))) / sd
    assert max(left.max(), np.abs(residual.sum(0)).max()) < 1e-9 * penalty.lam
    assert B[0].sum() == pytest.approx(0.0, abs=1e-10)
    assert result.predict(X, kind="proba") == pytest.approx(mean, abs=1e-12)


BAD = {
    "negative lam": (Lasso(-1.0), "lam=-1.0"),
    "lam is NaN": (Ridge(np.nan), "lam=nan"),
    "no lam": (Lasso(), "has no lam"),
    "a name alone": ("ridge", "no number beside it"),
    "an unknown name": ({"bridge": 1.0}, "must be one of"),
    "no penalty": (3.0, "no record"),
    "alpha": (ElasticNet(1.0, 1.5), "alpha=1.5"),
    "factors": (ElasticNet(1.0, 0.5, factors=[-1.0] * P), "negative"),
    "no column left": (ElasticNet(1.0, 0.5, factors=[np.inf] * P), "every column"),
    "length": (ElasticNet(1.0, 0.5, factors=[1.0, 2.0]), "shape"),
    "bounds": (ElasticNet(1.0, 0.5, lower=0.1), "excludes 0"),
    "upper": (ElasticNet(1.0, 0.5, upper=[-1.0] * P), "excludes 0"),
    "a name that there is not": (ElasticNet(1.0, 0.5, factors={"nobody": 1.0}), "nobody"),
    "P is not square": (Ridge(1.0, P=np.ones((2, 3))), "square"),
    "P is not symmetric": (Ridge(1.0, P=np.triu(np.ones((P, P)))), "symmetric"),
    "P is indefinite": (Ridge(1.0, P=-np.eye(P)), "semidefinite"),
    "P is small": (Ridge(1.0, P=np.eye(2)), "rows"),
}


@pytest.mark.parametrize("name", BAD)
def test_bad_penalties(name):
    penalty, message = BAD[name]
    with pytest.raises(InvalidParameterError, match=message):
        fastglm.fit(X, RESPONSES["gaussian"], penalty=penalty)


@pytest.mark.parametrize(
    ("more", "message"),
    [({"solver": "stream"}, "knows none"), ({"solver": "newton"}, "no lasso"), ({"cov": "HC1"}, "no standard errors")],
)
def test_bad_company(more, message):
    with pytest.raises(InvalidParameterError, match=message):
        fastglm.fit(X, RESPONSES["gaussian"], penalty=Lasso(0.1), **more)


@pytest.mark.parametrize(
    ("more", "message"),
    [
        ({"lambdas": 0}, "at least 1"), ({"lambdas": [0.1, -1.0]}, "not negative"), ({"lambdas": [0.1, 0.1]}, "twice"),
        ({"ratio": 2.0}, "between 0 and 1"), ({"penalty": Lasso(0.1)}, "leave lam out"),
        ({"folds": 1}, "folds"), ({"folds": np.zeros(N)}, "folds"), ({"folds": np.zeros(3)}, "folds"),
        ({"measure": "auc"}, "measure"), ({"measure": "class"}, "measure"), ({"rule": "best"}, "rule"),
    ],
)  # fmt: skip
def test_bad_paths(more, message):
    with pytest.raises(InvalidParameterError, match=message):
        fastglm.cv(X, RESPONSES["gaussian"], **more)


def test_a_path_that_is_not_certified_says_so():
    from fastglm.solvers import ProximalNewton

    with pytest.warns(ConvergenceWarning, match="lambdas are not certified"):
        path = fastglm.path(X, RESPONSES["poisson"], family="poisson", solver=ProximalNewton(max_iter=1))
    assert not path.converged.all() and path.certificate.max() > 1e-8


def test_a_penalised_fit_is_saved(tmp_path):
    for penalty in (Ridge(0.1, P=np.eye(P)), Lasso(0.01), PENALTIES["factors"]):
        result = fastglm.fit(X, RESPONSES["poisson"], family="poisson", penalty=penalty)
        result.save(tmp_path / "fit.json")
        read = fastglm.load(tmp_path / "fit.json")
        np.testing.assert_array_equal(read.params, result.params)
        assert type(read.penalty) is type(penalty) and read.penalty.lam == penalty.lam
        with pytest.raises(InvalidParameterError, match="penalised"):
            read.with_cov("HC0", X, RESPONSES["poisson"])


def test_columns_that_say_nothing():
    """A constant beside the intercept stays at zero; the caller's own constant is free, and so is a factor of zero."""
    y = RESPONSES["gaussian"] + 3.0
    plain = fastglm.fit(X, y, penalty=Lasso(0.05)).params
    beside = fastglm.fit(np.column_stack([X, np.full(N, 7.0)]), y, penalty=Lasso(0.05)).params
    np.testing.assert_allclose(beside, np.append(plain, 0.0), rtol=1e-10, atol=1e-12)
    own = fastglm.fit(np.column_stack([np.ones(N), X]), y, penalty=Lasso(0.05), intercept=False).params
    np.testing.assert_allclose(own, plain, rtol=1e-9, atol=1e-12)
    nothing = fastglm.fit(np.empty((N, 0)), y, penalty=Lasso(0.05)).params
    np.testing.assert_allclose(nothing, [y.mean()], rtol=1e-12)
    free = fastglm.fit(X, y, penalty=ElasticNet(1.0, 0.5, factors=0.0)).params
    np.testing.assert_allclose(free, fastglm.fit(X, y).params, rtol=1e-9)


def test_rows_without_weight_are_not_there():
    y, w = RESPONSES["poisson"], (np.arange(N) > 40).astype(float)
    rest = fastglm.fit(X[w > 0], y[w > 0], family="poisson", penalty=Lasso(0.02)).params
    for given in ({"weights": 3.0 * w}, {"freq_weights": 2.0 * w}):
        other = fastglm.fit(X, y, family="poisson", penalty=Lasso(0.02), **given).params
        np.testing.assert_allclose(other, rest, rtol=1e-9, atol=1e-12)


@pytest.mark.parametrize("weights", [None, "weighted"])
def test_a_ridge_may_penalise_the_intercept(weights):
    rng = np.random.default_rng(4)
    X = np.column_stack([np.ones(40), rng.normal(size=(40, 60))])  # X'X is singular
    y, w = rng.normal(size=40) + 3.0, np.ones(40) if weights is None else rng.uniform(0.5, 2.0, 40)
    expected = np.linalg.solve(X.T @ (w[:, None] * X) + w.sum() * 0.3 * np.eye(61), X.T @ (w * y))
    found = fastglm.fit(X, y, intercept=False, weights=weights and w, penalty=Ridge(0.3, scale=False))
    np.testing.assert_allclose(found.params, expected, rtol=1e-11, atol=1e-13)
