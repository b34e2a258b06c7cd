"""Every registered penalty with every family and storage, by conditions of optimality that share no code with it."""

from functools import cache

import numpy as np
import oracle
import pandas as pd
import pytest
from scipy import sparse

import fastglm
from fastglm.errors import InvalidParameterError
from fastglm.options.penalties import PENALTIES
from fastglm.penalties import Adaptive, ElasticNet, GroupLasso, Lasso, Relaxed, Ridge
from fastglm.solvers import SGD

P, LAM = 6, 0.02
GROUPS = np.array([0, 0, 1, 1, 1, 2])
FACTORS = np.array([0.0, 1.0, 2.0, 1.0, 0.5, 1.5])
MATRIX = np.diag([2.0, 1, 1, 1, 1, 0.5]) + 0.3
EXACT = [name for name in sorted(fastglm.families.names()) if name != "quasi"]
ROOT = np.sqrt([2.0, 3.0, 1.0])


def parts(l1=0.0, l2=0.0, norms=0.0, lower=-np.inf, matrix=None):
    """A penalty of standardised columns at lambda one, in plain arrays."""
    ones = np.ones(P)
    return l1 * ones, l2 * ones, norms * np.ones(3), lower, matrix


# the record, and what it means
KINDS = {
    "ridge": (Ridge(LAM), parts(l2=1.0)),
    "ridge with a matrix": (Ridge(LAM, P=MATRIX), parts(matrix=MATRIX)),
    "positive ridge": (Ridge(LAM, positive=True), parts(l2=1.0, lower=0.0)),
    "lasso": (Lasso(LAM), parts(l1=1.0)),
    "positive lasso": (Lasso(LAM, positive=True), parts(l1=1.0, lower=0.0)),
    "elastic net": (ElasticNet(LAM, 0.6, factors=FACTORS), parts(0.6 * FACTORS, 0.4 * FACTORS)),
    "group lasso": (GroupLasso(LAM, GROUPS), parts(norms=ROOT)),
    "sparse groups": (
        GroupLasso(LAM, GROUPS, 0.8, sparsity=0.4),
        parts(0.32, 0.2 * ROOT[GROUPS], 0.48 * ROOT),
    ),
    "group factors": (GroupLasso(LAM, GROUPS, factors=[0.0, 2.0, 1.0]), parts(norms=np.array([0.0, 2.0, 1.0]))),
    "adaptive": (Adaptive(LAM, 0.9), None),
    "relaxed": (Relaxed(LAM, 1.0), parts(l1=1.0)),
}
SINGLE = [name for name in KINDS if name != "relaxed"]


@cache
def rows(name):
    """(X, y, family, link) of a family."""
    family = oracle.family(name)
    link = oracle.link(type(family).default_link.name)
    X, y = oracle.draw(family, link, n=300)
    rng = np.random.default_rng(5)
    scale = np.array([1.0, 3.0, 0.2, 1.0, 1.0, 10.0])
    return np.column_stack([X, rng.normal(size=(len(y), P - X.shape[1]))]) * scale, y, family, link


def violation(X, y, family, link, beta, lam, means, w=None):
    """The largest violation of the optimality conditions over lambda, an intercept first among the coefficients."""
    l1, l2, norms, lower, matrix = means
    w = np.ones(len(y)) / len(y) if w is None else w / w.sum()
    eta = beta[0] + X @ beta[1:]
    mu, slope = oracle.inverse(link, eta), oracle.slope(link, eta)
    residual = w * (y - mu) * slope / oracle.variance(family, mu)
    sd = np.sqrt(w @ (X - w @ X) ** 2)
    z, pull = sd * beta[1:], X.T @ residual / sd
    if matrix is not None:
        pull -= lam * (matrix @ beta[1:]) / sd
    pull -= lam * l2 * z
    worst = [abs(residual.sum())]
    for g, norm in enumerate(norms):
        own = np.flatnonzero(GROUPS == g)
        size = np.linalg.norm(z[own])
        t = pull[own] - (lam * norm * z[own] / size if size > 0.0 else 0.0)
        cut = lam * l1[own]
        soft = np.sign(t) * np.maximum(np.abs(t) - cut, 0.0)
        left = np.where(z[own] != 0.0, t - cut * np.sign(z[own]), soft)
        if size == 0.0 and norm > 0.0:
            worst.append(max(np.linalg.norm(soft) - lam * norm, 0.0))
            continue
        worst.append(np.abs(np.where((z[own] <= lower) & (left < 0.0), 0.0, left)).max())
    return max(worst) / lam


def adaptive_means(X, y, family, link, record):
    """The factors of an adaptive lasso from a fit of their own."""
    b = fastglm.fit(X, y, family=family, link=link).params[1:]
    factors = 1.0 / np.abs(b * X.std(0))
    factors *= P / factors.sum()
    return parts(record.alpha * factors, (1.0 - record.alpha) * factors)


def test_every_registered_penalty_is_here():
    assert {type(record).name for record, _ in KINDS.values()} == set(PENALTIES)


@pytest.mark.parametrize("name", EXACT)
@pytest.mark.parametrize("kind", KINDS)
def test_optimality(kind, name):
    X, y, family, link = rows(name)
    record, means = KINDS[kind]
    means = adaptive_means(X, y, family, link, record) if means is None else means
    result = fastglm.fit(X, y, family=family, link=link, penalty=record)
    assert result.converged and result.certificate < 1e-8 and type(result.penalty) is type(record)
    assert violation(X, y, family, link, result.params, LAM, means) < 1e-7
    if kind == "group lasso":
        zero = result.params[1:] == 0.0
        assert all(zero[GROUPS == g].all() or not zero[GROUPS == g].any() for g in range(3))


@pytest.mark.parametrize("kind", SINGLE)
def test_a_path_is_its_single_fits_and_ends_at_the_null_model(kind):
    X, y, family, link = rows("poisson")
    record = KINDS[kind][0]
    path = fastglm.path(X, y, family=family, link=link, penalty=record._replace(lam=None), lambdas=5)
    assert path.converged.all()
    if "ridge" not in kind:
        assert not path.params[0, 1:][FACTORS > 0.0].any() if kind == "elastic net" else path.df[0] <= 2
        above = fastglm.fit(X, y, family=family, link=link, penalty=record._replace(lam=1.001 * path.lambdas[0]))
        assert np.count_nonzero(above.params[1:]) == {"elastic net": 1, "group factors": 2}.get(kind, 0)
    for i in (1, 3):
        single = fastglm.fit(X, y, family=family, link=link, penalty=record._replace(lam=float(path.lambdas[i])))
        np.testing.assert_allclose(path.params[i], single.params, rtol=1e-7, atol=1e-10)
        assert path.at(float(path.lambdas[i])).penalty.lam == single.penalty.lam


@pytest.mark.parametrize("kind", SINGLE)
def test_a_vanishing_lambda_is_maximum_likelihood(kind):
    X, y, family, link = rows("gamma")
    record = KINDS[kind][0]
    free = fastglm.fit(X, y, family=family, link=link)
    near = fastglm.fit(X, y, family=family, link=link, penalty=record._replace(lam=1e-10))
    if "positive" in kind:
        bounded = fastglm.fit(X, y, family=family, link=link, penalty=ElasticNet(0.0, lower=0.0))
        np.testing.assert_allclose(near.params, bounded.params, rtol=1e-5, atol=1e-7)
        assert (near.params[1:] >= 0.0).all() and near.deviance >= free.deviance
    else:
        np.testing.assert_allclose(near.params, free.params, atol=1e-4 * free.bse.min())
        at = fastglm.fit(X, y, family=family, link=link, penalty=record._replace(lam=0.0))
        np.testing.assert_allclose(at.params, free.params, rtol=1e-7, atol=1e-10)


@pytest.mark.parametrize("kind", [kind for kind in KINDS if kind != "ridge with a matrix"])
def test_units_of_columns_do_not_matter(kind):
    X, y, family, link = rows("binomial")
    units = np.array([1e-3, 1.0, 100.0, 2.0, 7.0, 1e3])
    one, other = (fastglm.fit(Z, y, family=family, penalty=KINDS[kind][0]).params for Z in (X, X * units))
    np.testing.assert_allclose(other[1:] * units, one[1:], rtol=1e-8, atol=1e-12)


@pytest.mark.parametrize("kind", KINDS)
def test_the_order_of_columns_does_not_matter(kind):
    X, y, family, link = rows("gaussian")
    order = np.array([3, 0, 5, 1, 4, 2])
    record = KINDS[kind][0]
    moved = record
    if hasattr(record, "groups"):
        # factors are in the order in which groups appear
        factors = record.factors if record.factors is None else dict(enumerate(record.factors))
        moved = record._replace(groups=GROUPS[order], factors=factors)
    elif getattr(record, "factors", None) is not None:
        moved = record._replace(factors=FACTORS[order])
    elif kind == "ridge with a matrix":
        moved = record._replace(P=MATRIX[np.ix_(order, order)])
    one = fastglm.fit(X, y, penalty=record).params
    other = fastglm.fit(X[:, order], y, penalty=moved).params
    np.testing.assert_allclose(other[1:], one[1:][order], rtol=1e-9, atol=1e-12)


RNG = np.random.default_rng(3)
N = 240
FRAME = pd.DataFrame(
    {"a": RNG.normal(size=N), "b": RNG.normal(size=N), "z": np.array(list("pqrs"))[RNG.integers(4, size=N)]}
)
ETA = 0.5 * FRAME.a + 0.4 * (FRAME.z == "q")
FRAME["y"] = RNG.poisson(np.exp(ETA)).astype(float)
FRAME["w"] = RNG.uniform(0.5, 2.0, N)
DUMMIES = np.column_stack([FRAME.a, FRAME.b, *[(FRAME.z == level) for level in "qrs"]]).astype(float)
OF_TERMS = {
    "ridge": (Ridge(LAM), Ridge(LAM)),
    "lasso": (Lasso(LAM, positive=True), Lasso(LAM, positive=True)),
    "elastic net": (ElasticNet(LAM, factors={"z": 0.0, "a": 2.0}), ElasticNet(LAM, factors=[2.0, 1, 0, 0, 0])),
    "bounds": (ElasticNet(LAM, upper={"z": 0.1}), ElasticNet(LAM, upper=[np.inf, np.inf, 0.1, 0.1, 0.1])),
    "one level": (ElasticNet(LAM, factors={"z[T.q]": 0.0}), ElasticNet(LAM, factors=[1.0, 1, 0, 1, 1])),
    "group lasso": (GroupLasso(LAM), GroupLasso(LAM, ["a", "b", "z", "z", "z"])),
    "named groups": (GroupLasso(LAM, {"a": "n", "b": "n", "z": "f"}), GroupLasso(LAM, [0, 0, 1, 1, 1])),
    "adaptive": (Adaptive(LAM), Adaptive(LAM)),
    "relaxed": (Relaxed(LAM, 0.3), Relaxed(LAM, 0.3)),
}


@pytest.mark.parametrize("kind", OF_TERMS)
def test_storages_and_terms(kind, tmp_path):
    """Arrays, sparse rows, a formula whose factor is named as one term, files and Dask have the same coefficients."""
    by_term, by_column = OF_TERMS[kind]
    chosen = {"family": "poisson", "weights": FRAME.w.to_numpy()}
    whole = fastglm.fit(DUMMIES, FRAME.y, penalty=by_column, **chosen).params
    np.testing.assert_allclose(
        fastglm.fit(sparse.csr_matrix(DUMMIES), FRAME.y, penalty=by_column, **chosen).params,
        whole,
        rtol=1e-9,
        atol=1e-11,
    )
    FRAME.to_parquet(tmp_path / "rows.parquet", row_group_size=70)
    stored = {"family": "poisson", "weights": "w", "penalty": by_term}
    others = [fastglm.glm("y ~ a + b + z", FRAME, **stored)]
    others.append(fastglm.glm("y ~ a + b + z", tmp_path / "rows.parquet", memory=0, **stored))
    for other in others:
        np.testing.assert_allclose(other.params, whole, rtol=1e-9, atol=1e-11)


@pytest.mark.parametrize("kind", ["group lasso", "relaxed"])
def test_dask(kind):
    dask = pytest.importorskip("dask.dataframe")
    frame = dask.from_pandas(FRAME, npartitions=3)
    here, there = (fastglm.glm("y ~ a + b + z", f, penalty=OF_TERMS[kind][0], family="poisson") for f in (FRAME, frame))
    np.testing.assert_allclose(there.params, here.params, rtol=1e-9, atol=1e-11)


LABELS = np.digitize(ETA + RNG.normal(size=N), [-0.6, 0.8])


def softmax_violation(B, lam, alpha, across):
    """That of all classes' coefficients (p + 1, K), with norms over the classes or absolute values."""
    X, sd = DUMMIES, DUMMIES.std(0)[:, None]
    eta = B[0] + X @ B[1:]
    mean = np.exp(eta - eta.max(1, keepdims=True))
    residual = (np.eye(3)[LABELS] - mean / mean.sum(1, keepdims=True)) / N
    z = sd * B[1:]
    pull = X.T @ residual / sd - lam * (1 - alpha) * z
    if across:
        size = np.linalg.norm(z, axis=1, keepdims=True)
        with np.errstate(all="ignore"):
            left = np.where(size > 0.0, pull - lam * alpha * z / size, 0.0)
        zero = np.maximum(np.linalg.norm(pull, axis=1) - lam * alpha, 0.0)[size[:, 0] == 0.0].max(initial=0.0)
    else:
        left, zero = (
            np.where(z != 0.0, pull - lam * alpha * np.sign(z), np.maximum(np.abs(pull) - lam * alpha, 0.0)),
            0.0,
        )
    return max(np.abs(left).max(), zero, np.abs(residual.sum(0)).max()) / lam


@pytest.mark.parametrize("alpha", [1.0, 0.4])
@pytest.mark.parametrize("grouped", [True, False])
def test_softmax(grouped, alpha):
    record = ElasticNet(0.03, alpha, grouped=grouped)
    result = fastglm.fit(DUMMIES, LABELS, family="multinomial", penalty=record)
    assert softmax_violation(result.coef_raw, 0.03, alpha, grouped) < 1e-8
    zero = result.coef_raw[1:] == 0.0
    assert not grouped or (zero.all(1) == zero.any(1)).all()
    path = fastglm.path(DUMMIES, LABELS, family="multinomial", penalty=record._replace(lam=None), lambdas=[0.1, 0.03])
    np.testing.assert_allclose(path.params[1], result.coef_raw, rtol=1e-7, atol=1e-9)
    if grouped and alpha == 1.0:
        alone = GroupLasso(0.03, np.arange(5), grouped=True)
        same = fastglm.fit(DUMMIES, LABELS, family="multinomial", penalty=alone)
        np.testing.assert_allclose(same.coef_raw, result.coef_raw, rtol=1e-8, atol=1e-10)


@pytest.mark.parametrize("record", [Ridge(0.02, P=np.eye(5)), Adaptive(0.02), Relaxed(0.02, 0.5), GroupLasso(0.02)])
def test_softmax_paths_are_their_single_fits(record):
    path = fastglm.path(DUMMIES, LABELS, family="multinomial", penalty=record._replace(lam=None), lambdas=[0.05, 0.02])
    single = fastglm.fit(DUMMIES, LABELS, family="multinomial", penalty=record)
    np.testing.assert_allclose(path.params[1], single.coef_raw, rtol=1e-6, atol=1e-7)
    assert path.certificate.max() < 1e-8


def test_a_relaxed_fit_is_a_mixture():
    X, y, family, link = rows("binomial")
    lasso = fastglm.fit(X, y, family=family, penalty=Lasso(LAM))
    kept = np.flatnonzero(lasso.params[1:])
    free = np.zeros(P + 1)
    free[np.append(0, kept + 1)] = fastglm.fit(X[:, kept], y, family=family).params
    for gamma in (0.0, 0.4, 1.0):
        result = fastglm.fit(X, y, family=family, penalty=Relaxed(LAM, gamma))
        np.testing.assert_allclose(result.params, gamma * lasso.params + (1 - gamma) * free, rtol=1e-8, atol=1e-11)
        again = fastglm.fit(X, y, family=family, penalty=Lasso(0.0), start=result.params)
        assert result.deviance >= again.deviance - 1e-9


def test_first_fits_of_an_adaptive_lasso():
    X, y, family, link = rows("poisson")
    first = fastglm.fit(X, y, family=family)
    own, given = (fastglm.fit(X, y, family=family, penalty=Adaptive(LAM, weights=w)) for w in (None, first))
    np.testing.assert_allclose(given.params, own.params, rtol=1e-9, atol=1e-12)
    named = dict(zip(first.names[1:], first.params[1:], strict=True))
    named = fastglm.fit(X, y, family=family, penalty=Adaptive(LAM, weights=named))
    np.testing.assert_allclose(named.params, own.params, rtol=1e-9, atol=1e-12)
    # without scaling the factors are those of other units, which their sum is rescaled by
    inverse = 1.0 / np.abs(first.params[1:])
    lam = LAM * inverse.sum() / (inverse / X.std(0)).sum()
    plain = fastglm.fit(X, y, family=family, penalty=Adaptive(lam, scale=False))
    np.testing.assert_allclose(plain.params, own.params, rtol=1e-8, atol=1e-11)
    wide = np.column_stack([X, X[:, 0]])
    with pytest.raises(InvalidParameterError, match="weights='ridge'"):
        fastglm.fit(wide, y, family=family, penalty=Adaptive(LAM))
    assert fastglm.fit(wide, y, family=family, penalty=Adaptive(LAM, weights="ridge")).converged


@pytest.mark.parametrize("kind", ["group lasso", "adaptive", "relaxed", "positive lasso"])
def test_folds_are_fits_of_the_other_rows(kind):
    X, y, family, link = rows("poisson")
    record, folds = KINDS[kind][0], np.arange(len(y)) % 3
    found = fastglm.cv(
        X, y, family=family, penalty=record._replace(lam=None), lambdas=[0.1, 0.02], folds=folds, measure="mse"
    )
    rest, out = folds != 1, folds == 1
    alone = fastglm.fit(X[rest], y[rest], family=family, penalty=record)
    assert found.fold_values[1, 1] == pytest.approx(np.mean((y[out] - alone.predict(X[out])) ** 2), rel=1e-6)


@pytest.mark.parametrize("family", ["gaussian", "poisson", "multinomial"])
@pytest.mark.parametrize("record", [Ridge(LAM), Lasso(LAM), ElasticNet(LAM, 0.5, factors=[2.0, 1, 1, 0, 1])])
def test_first_order_fits(record, family):
    """The solver's own l1 and l2 are the penalty without scaling; with a record its end is that of the exact fit."""
    y = LABELS if family == "multinomial" else FRAME.y
    exact = fastglm.fit(DUMMIES, y, family=family, penalty=record)
    for X in (DUMMIES, sparse.csr_array(DUMMIES)):
        found = fastglm.fit(X, y, family=family, penalty=record, solver="sgd")
        assert found.converged and found.certificate < 1e-8 and found.solver == "sgd"
        np.testing.assert_allclose(found.predict(DUMMIES, kind="link"), exact.predict(DUMMIES, kind="link"), atol=1e-7)
        assert found.edf == pytest.approx(exact.edf, rel=1e-6)
    saga = fastglm.fit(DUMMIES, y, family=family, penalty=record, solver=SGD(method="saga", epochs=400, tol=1e-3))
    assert saga.converged == (saga.certificate <= 1e-3)


def test_the_options_of_the_first_order_solver_are_a_penalty_without_scaling():
    own = fastglm.fit(DUMMIES, FRAME.y, family="poisson", solver=SGD(l1=0.01, l2=0.02, tol=1e-10), cov=None)
    net = ElasticNet(0.03, 1 / 3, scale=False)
    for solver in ("auto", "sgd"):
        found = fastglm.fit(DUMMIES, FRAME.y, family="poisson", penalty=net, solver=solver)
        np.testing.assert_allclose(found.params, own.params, rtol=1e-7, atol=1e-9)


def test_a_penalised_separated_response_is_finite():
    X = np.linspace(-1, 1, 40)[:, None] + np.zeros((1, 2)) * 1.0
    X[:, 1] = np.cos(np.arange(40.0))
    y = (X[:, 0] > 0).astype(float)
    for record in (Ridge(0.01), Lasso(0.01), GroupLasso(0.01, [0, 0]), Adaptive(0.01, weights="ridge")):
        result = fastglm.fit(X, y, family="binomial", penalty=record)
        assert result.converged and np.isfinite(result.params).all() and not result.aliased
        assert any("separated" in note for note in result.notes) and not any(
            "collinear" in note for note in result.notes
        )


@pytest.mark.parametrize("record", [Lasso(0.1), Ridge(0.1), GroupLasso(0.1, [0, 0, 1]), Relaxed(0.1), ElasticNet(0.1)])
def test_columns_that_are_all_constant_leave_the_intercept(record):
    y = rows("gaussian")[1]
    result = fastglm.fit(np.full((len(y), 3), 2.0) * [1, 0, 3], y, penalty=record)
    np.testing.assert_allclose(result.params, [y.mean(), 0, 0, 0], rtol=1e-12)
    assert result.converged


BAD = {
    "bounds": (GroupLasso(1.0, [0, 1]), "2 labels"),
    "matrix of groups": (GroupLasso(1.0, np.zeros((2, 3))), "array of the label"),
    "unknown name": (GroupLasso(1.0, {"nobody": 1}), "nobody"),
    "group of size zero": (GroupLasso(1.0, GROUPS, factors={7: 1.0}), "size zero"),
    "one factor too many": (GroupLasso(1.0, GROUPS, factors=[1.0] * 4), "size zero"),
    "sparsity": (GroupLasso(1.0, GROUPS, sparsity=2.0), "sparsity=2.0"),
    "negative factors": (GroupLasso(1.0, GROUPS, factors=-1.0), "negative"),
    "gamma": (Relaxed(1.0, 2.0), "gamma=2.0"),
    "power": (Adaptive(1.0, gamma=-1.0), "gamma=-1.0"),
    "weights": (Adaptive(1.0, weights="lasso"), "weights='lasso'"),
    "weights of NaN": (Adaptive(1.0, weights=[np.nan] * P), "finite"),
    "weights of zero": (Adaptive(1.0, weights=np.zeros(P)), "zero for every column"),
    "length of weights": (Adaptive(1.0, weights=[1.0, 2.0]), "shape"),
    "positive twice": (ElasticNet(1.0, lower=0.0, positive=True), "leave one"),
    "positive matrix": (Ridge(1.0, P=MATRIX, positive=True), "does not go with P"),
    "grouped bounds": (ElasticNet(1.0, grouped=True, positive=True), "does not go with bounds"),
}


@pytest.mark.parametrize("name", BAD)
def test_bad_penalties(name):
    record, message = BAD[name]
    X, y, *_ = rows("gaussian")
    with pytest.raises(InvalidParameterError, match=message):
        fastglm.fit(X, y, penalty=record)


@pytest.mark.parametrize(
    ("record", "more", "message"),
    [
        (GroupLasso(0.1, GROUPS), {"solver": "newton"}, "no groups"),
        (GroupLasso(0.1, GROUPS), {"solver": "sgd"}, "no groups"),
        (Lasso(0.1, positive=True), {"solver": "sgd"}, "no bounds"), (Relaxed(0.1), {"solver": "sgd"}, "no bounds"),
        (Ridge(0.1, P=MATRIX), {"solver": "sgd"}, "no quadratic"), (Ridge(0.1), {"solver": SGD(l2=0.1)}, "its own l1"),
        (Lasso(0.1), {"cov": "bayesian"}, "no standard errors"), (None, {"cov": "bayesian"}, "pass penalty=Ridge"),
    ],
)  # fmt: skip
def test_bad_company(record, more, message):
    X, y, *_ = rows("gaussian")
    with pytest.raises(InvalidParameterError, match=message):
        fastglm.fit(X, y, penalty=record, **more)


def test_a_path_takes_no_first_order_solver():
    with pytest.raises(InvalidParameterError, match="one lambda at a time"):
        fastglm.path(DUMMIES, FRAME.y, solver="sgd")


def test_every_penalty_is_saved(tmp_path):
    X, y, family, link = rows("poisson")
    named = GroupLasso(LAM, np.array(list("aabbbc")), factors={"a": 1.0})
    for record in (*(record for record, _ in KINDS.values()), named, Adaptive(LAM, weights="ridge")):
        result = fastglm.fit(X, y, family=family, penalty=record)
        result.save(tmp_path / "fit.json")
        read = fastglm.load(tmp_path / "fit.json")
        assert type(read.penalty) is type(record) and read.penalty.lam == record.lam and read.edf == result.edf
        again = fastglm.fit(X, y, family=family, penalty=read.penalty)
        np.testing.assert_array_equal(again.params, result.params)


@pytest.mark.filterwarnings("ignore::fastglm.errors.ConvergenceWarning")
def test_a_first_order_fit_resumes_with_its_own_penalty(tmp_path):
    kept = SGD(method="saga", epochs=4, tol=None, checkpoint=tmp_path / "state.npz")
    chosen = {"family": "poisson", "penalty": ElasticNet(LAM, factors=[2.0, 1, 1, 0, 1])}
    fastglm.fit(DUMMIES, FRAME.y, solver=kept, **chosen)
    again = fastglm.fit(DUMMIES, FRAME.y, solver=kept._replace(epochs=9), **chosen)
    whole = fastglm.fit(DUMMIES, FRAME.y, solver=kept._replace(epochs=9, checkpoint=None), **chosen)
    np.testing.assert_array_equal(again.params, whole.params)
    with pytest.raises(InvalidParameterError, match="differs in penalty"):
        fastglm.fit(DUMMIES, FRAME.y, family="poisson", penalty=ElasticNet(2 * LAM), solver=kept)
