"""Cross-validated paths against glmnet's curves, fits of the rows that are left, and themselves on other storages."""

import numpy as np
import pandas as pd
import penalty_cases as cases
import pytest
from scipy import sparse

import fastglm
from fastglm import folds as kinds
from fastglm.errors import InvalidParameterError, MissingDataError
from fastglm.penalties import ElasticNet, Lasso, Ridge

CURVES = [name for name in cases.NAMES if name.startswith("cv_")]
SIZES = {"deviance": 1.0, "class": 1.0, "mse": 2.0, "mae": 2.0, "auc": 1.0}  # glmnet sums both classes' squares

RNG = np.random.default_rng(8)
N, P = 240, 5
X = RNG.normal(size=(N, P)) * [1, 2, 0.5, 1, 3] + [0, 1, 0, -2, 0]
ETA = X @ [0.5, -0.3, 0.0, 0.4, 0.0]
GROUP, WEIGHTS = RNG.integers(0, 24, N), RNG.uniform(0.5, 2.0, N)
RESPONSES = {
    "gaussian": ETA + RNG.normal(size=N),
    "binomial": (RNG.random(N) < 1 / (1 + np.exp(-ETA))).astype(float),
    "poisson": RNG.poisson(np.exp(0.5 * ETA)).astype(float),
    "multinomial": np.array(list("abc"))[np.argmax(np.c_[0 * ETA, ETA, -ETA] + RNG.gumbel(size=(N, 3)), axis=1)],
}


def compare(found, expected, factor, size=1.0, rows=slice(None)):
    np.testing.assert_allclose(size * found.mean[rows], np.array(expected["cvm"])[rows], rtol=1e-7)
    np.testing.assert_allclose(size * found.se[rows], np.array(expected["cvsd"])[rows], rtol=1e-6, atol=1e-12)
    assert found.lambda_min == pytest.approx(factor * expected["lambda_min"], rel=1e-12)
    assert found.lambda_1se == pytest.approx(factor * expected["lambda_1se"], rel=1e-12)


@pytest.mark.parametrize("name", [name for name in CURVES if name != "cv_gaussian_sim1_weights"])
def test_curves(name):
    described, columns = cases.case(name)
    rows, y, options = cases.arguments(described, columns)
    net, factor = cases.penalty(described, columns)
    lambdas = factor * np.array(described["expected"]["lambda"])
    for measure, expected in described["expected"]["cv"].items():
        found = fastglm.cv(rows, y, penalty=net, lambdas=lambdas, folds=columns["fold"], measure=measure, **options)
        tied = (described["family"], measure) == ("multinomial", "class")
        size = SIZES[measure] if described["family"] == "binomial" else 1.0
        compare(found, expected, factor, size, slice(2 * tied, None))
        if tied:
            check_ties(rows, y, columns["fold"], lambdas[:4], np.array(expected["cvm"]), found.mean)


def check_ties(rows, y, fold, lambdas, expected, found):
    """At the first two lambdas of the iris classes have the same linear predictor but for rounding, which decides in
    glmnet: its losses lie between those where all ties are won and all lost. Later there are no ties."""
    classes, codes = np.unique(y, return_inverse=True)
    for i in range(len(lambdas)):
        won = lost = shared = 0.0
        for f in np.unique(fold):
            own = fold == f
            path = fastglm.path(rows[~own], y[~own], family="multinomial", lambdas=lambdas)
            eta = path.params[i, 0] + rows[own] @ path.params[i, 1:]
            called = eta > eta.max(1, keepdims=True) - 1e-6
            right = called[np.arange(own.sum()), codes[own]]
            won, lost = won + (~right).sum(), lost + (~right | (called.sum(1) > 1)).sum()
            shared += (1.0 - right / called.sum(1)).sum()
        n = len(y)
        assert (won < lost) == (i < 2) and won / n <= expected[i] <= lost / n
        assert found[i] == pytest.approx(shared / n, rel=1e-12)


def test_the_curve_of_a_gaussian_net_in_glmnets_units():
    """glmnet divides the quadratic part by the deviation of y among each fold's rows: the same path of another penalty
    for each fold. With one penalty for all folds the curve differs by up to a part in a hundred."""
    described, columns = cases.case("cv_gaussian_sim1_weights")
    rows, y, options = cases.arguments(described, columns)
    lambdas, fold, w = np.array(described["expected"]["lambda"]), columns["fold"], columns["weights"]
    net, factor = cases.penalty(described, columns)
    for measure, expected in described["expected"]["cv"].items():
        means = []
        for f in np.unique(fold):
            own = fold == f
            its_net, its_factor = cases.penalty(described, {name: v[~own] for name, v in columns.items()})
            path = fastglm.path(rows[~own], y[~own], penalty=its_net, lambdas=its_factor * lambdas, weights=w[~own])
            error = np.abs(y[own][:, None] - path.predict(rows[own]))
            means.append(np.average(error if measure == "mae" else error**2, axis=0, weights=w[own]))
        weights = [w[fold == f].sum() for f in np.unique(fold)]
        np.testing.assert_allclose(np.average(means, axis=0, weights=weights), expected["cvm"], rtol=1e-7)
        found = fastglm.cv(rows, y, penalty=net, lambdas=factor * lambdas, folds=fold, measure=measure, **options)
        away = np.abs(found.mean / np.array(expected["cvm"]) - 1.0).max()
        assert 1e-5 < away < 1e-2
        assert found.lambda_min == pytest.approx(factor * expected["lambda_min"], rel=1e-12)


# ---- kinds of folds


def parts_of(kind, n=N, groups=None, family=None, labels=None):
    """The part of each row by a kind of folds."""
    from fastglm import families
    from fastglm.rows.fold_rows import FoldRows
    from fastglm.source.base import Block
    from fastglm.source.in_memory import InMemory

    y = RESPONSES["binomial"] if n == N else np.zeros(n)
    source = InMemory(Block(np.zeros((n, 0)), True, y, None, None, None, None), 1)
    source.clusters = kind.beside if labels is None else (labels,)
    folds = kind.assign(FoldRows(source, families.Binomial() if family is None else family))
    return folds, folds.parts.of(np.arange(n))


@pytest.mark.parametrize("n", [20, 1000, (1 << 20) + 7])
def test_k_folds_are_even_and_random(n):
    folds, of = parts_of(kinds.KFold(7), n)
    sizes = np.bincount(of, minlength=7)
    spread = 1 if n <= 1 << 20 else 6 * np.sqrt(n / 7)
    assert sizes.sum() == n and np.ptp(sizes) <= spread
    assert not np.array_equal(of, parts_of(kinds.KFold(7, seed=1), n)[1])
    assert abs(np.corrcoef(of, np.arange(n))[0, 1]) < 5 / np.sqrt(n)
    np.testing.assert_array_equal(folds.fitted, ~np.eye(7, dtype=bool))


@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize("labels", [GROUP, GROUP.astype(float), np.array([f"g{g}" for g in GROUP])])
def test_a_group_is_never_split(labels, seed):
    of = parts_of(kinds.GroupKFold(5, labels, seed))[1]
    by_group = [np.unique(of[labels == group]) for group in np.unique(labels)]
    assert all(len(parts) == 1 for parts in by_group)
    assert np.ptp(np.bincount(np.concatenate(by_group), minlength=5)) <= 1
    if labels.dtype.kind != "U":
        np.testing.assert_array_equal(of, parts_of(kinds.GroupKFold(5, GROUP, seed))[1])


def test_strata_have_their_share_of_every_class():
    of = parts_of(kinds.StratifiedKFold(6))[1]
    counts = np.array([np.bincount(of[RESPONSES["binomial"] == c], minlength=6) for c in (0.0, 1.0)])
    assert np.ptp(counts, axis=1).max() <= 1 and np.ptp(counts.sum(0)) <= 1


def test_rows_in_the_order_of_time():
    folds, of = parts_of(kinds.TimeSeriesSplit(4))
    assert folds.count == 4 and np.ptp(np.bincount(of)) <= 1
    for fold in range(4):
        fitted, held = np.flatnonzero(folds.fits(fold, np.arange(N))), np.flatnonzero(folds.measured[fold][of])
        assert fitted[-1] + 1 == held[0] and fitted[0] == 0
    time = RNG.permutation(N) // 2  # two rows have the same time
    folds, of = parts_of(kinds.TimeSeriesSplit(4, time))
    for fold in range(4):
        assert time[folds.fits(fold, np.arange(N))].max() < time[folds.measured[fold][of]].min()


@pytest.mark.parametrize("family", RESPONSES)
@pytest.mark.parametrize("kind", ["time", "held out"])
def test_folds_are_fits_of_their_rows(kind, family):
    y, held = RESPONSES[family], RNG.random(N) < 0.3
    given = kinds.TimeSeriesSplit(3) if kind == "time" else held
    measure = "class" if family == "multinomial" else "mse"
    found = fastglm.cv(X, y, family=family, weights=WEIGHTS, penalty=ElasticNet(alpha=0.5), lambdas=4, folds=given,
                       measure=measure)  # fmt: skip
    edges = np.linspace(0, N, 5).astype(int)
    splits = [(np.arange(a), np.arange(a, b)) for a, b in zip(edges[1:-1], edges[2:], strict=True)]
    splits = splits if kind == "time" else [(np.flatnonzero(~held), np.flatnonzero(held))]
    assert found.n_folds == len(splits)
    for f, (rest, out) in enumerate(splits):
        for i, lam in enumerate(found.lambdas.tolist()):
            fitted = fastglm.fit(X[rest], y[rest], family=family, weights=WEIGHTS[rest], penalty=ElasticNet(lam, 0.5))
            if measure == "class":
                loss = fitted.predict(X[out], "class") != y[out]
                if i == 0:
                    continue  # no column yet, and the classes may tie
            else:
                loss = (y[out] - fitted.predict(X[out])) ** 2
            assert found.fold_values[f, i] == pytest.approx(np.average(loss, weights=WEIGHTS[out]), rel=1e-7)
    if kind == "held out":
        assert np.isnan(found.se).all() and found.best.penalty.lam == found.lambda_min
        with pytest.raises(InvalidParameterError, match="no standard error"):
            found.lambda_1se  # noqa: B018
        with pytest.raises(InvalidParameterError, match="no standard error"):
            fastglm.cv(X, y, family=family, folds=held, rule="1se")


def test_repeats_are_other_folds():
    y = RESPONSES["gaussian"]
    lambdas = fastglm.path(X, y, lambdas=5).lambdas
    found = fastglm.cv(X, y, lambdas=lambdas, folds=4, repeats=3)
    alone = [fastglm.cv(X, y, lambdas=lambdas, folds=kinds.KFold(4, seed)) for seed in range(3)]
    np.testing.assert_array_equal(found.fold_values, np.concatenate([one.fold_values for one in alone]))
    np.testing.assert_allclose(found.se, np.sqrt(np.mean([one.se**2 for one in alone], axis=0)), rtol=1e-13)
    np.testing.assert_allclose(found.mean, np.mean([one.mean for one in alone], axis=0), rtol=1e-12)


def splitters():
    from sklearn import model_selection as sk

    return {
        "shuffled": (sk.ShuffleSplit(3, test_size=0.3, train_size=0.5, random_state=0), None),
        "repeated": (sk.RepeatedKFold(n_splits=3, n_repeats=2, random_state=1), None),
        "time": (sk.TimeSeriesSplit(3, gap=5), None),
        "groups": (sk.GroupKFold(3), GROUP),
        "strata": (sk.StratifiedKFold(3, shuffle=True, random_state=2), None),
    }


@pytest.mark.parametrize("name", ["shuffled", "repeated", "time", "groups", "strata"])
@pytest.mark.parametrize("family", ["gaussian", "binomial"])
def test_splitters_of_scikit_learn(name, family):
    pytest.importorskip("sklearn")
    if (name, family) == ("strata", "gaussian"):
        return
    (splitter, groups), y = splitters()[name], RESPONSES[family]
    found = fastglm.cv(X, y, family=family, folds=splitter, groups=groups, lambdas=[0.2, 0.01], measure="mse")
    pairs = list(splitter.split(X, y, groups))
    assert found.n_folds == len(pairs)
    for f, (train, test) in enumerate(pairs):
        path = fastglm.path(X[train], y[train], family=family, lambdas=[0.2, 0.01])
        losses = ((y[test][:, None] - path.predict(X[test])) ** 2).mean(0)
        np.testing.assert_allclose(found.fold_values[f], losses, rtol=1e-7)
    same = fastglm.cv(X, y, family=family, folds=kinds.Splits(pairs), lambdas=[0.2, 0.01], measure="mse")
    np.testing.assert_array_equal(same.fold_values, found.fold_values)


@pytest.mark.parametrize(
    ("pairs", "message"),
    [([([0, 1], [1, 2])], "both sides"), ([([0, 1], [N])], "no numbers"), ([([0.5], [1])], "no numbers"),
     ([], "at least 1"), ([([0], [1], [2])], "expected .train, test."), ([(np.arange(9), [])], "no numbers")],
)  # fmt: skip
def test_bad_splits(pairs, message):
    with pytest.raises(InvalidParameterError, match=message):
        fastglm.cv(X, RESPONSES["gaussian"], folds=kinds.Splits(pairs))


class Halves:
    """A kind of folds of its own."""

    each_row, beside = False, ()

    def assign(self, rows):
        from fastglm.source.folds import Folds, Stretches

        return Folds.each_in_turn(Stretches(2, np.array([rows.n_rows // 2])))


def test_a_kind_of_its_own():
    y = RESPONSES["poisson"]
    one = fastglm.cv(X, y, family="poisson", lambdas=3, folds=Halves())
    other = fastglm.cv(X, y, family="poisson", lambdas=one.lambdas, folds=np.arange(N) >= N // 2)
    np.testing.assert_allclose(one.fold_values[1], other.fold_values[0], rtol=1e-9)


# ---- closed forms


@pytest.mark.parametrize("intercept", [True, False])
@pytest.mark.parametrize("penalty", [Ridge(), Ridge(scale=False), Ridge(P=np.diag([1.0, 2, 0, 1, 3])),
                                     ElasticNet(alpha=0.0, factors=[0, 1, 2, 1, 1])])  # fmt: skip
def test_rows_left_out_in_closed_form(penalty, intercept):
    """Against least squares without each row, whose penalty is that of all rows."""
    n = 40
    Z, y, w = X[:n], RESPONSES["gaussian"][:n], WEIGHTS[:n]
    D = np.column_stack([np.ones(n), Z]) if intercept else Z
    sd = np.sqrt(np.average((Z - np.average(Z, axis=0, weights=w)) ** 2, axis=0, weights=w))
    f = np.ones(P) if getattr(penalty, "factors", None) is None else np.array(penalty.factors, float)
    f *= P / f.sum()
    own = getattr(penalty, "P", None)
    S = np.array(own) if own is not None else np.diag(f * (sd**2 if penalty.scale else 1.0))
    S = np.pad(S, ((D.shape[1] - P, 0), (D.shape[1] - P, 0)))
    lambdas = np.array([2.0, 0.3, 1e-3])
    losses = np.zeros((n, 3))
    for i in range(n):
        left = np.arange(n) != i
        for j, lam in enumerate(lambdas):
            G = D[left].T @ (w[left, None] * D[left]) + lam * w.sum() * S
            losses[i, j] = y[i] - D[i] @ np.linalg.solve(G, D[left].T @ (w[left] * y[left]))
    for measure, loss in (("mse", losses**2), ("mae", np.abs(losses))):
        found = fastglm.cv(Z, y, weights=w, penalty=penalty, lambdas=lambdas, folds="loo", measure=measure,
                           intercept=intercept)  # fmt: skip
        mean = np.average(loss, axis=0, weights=w)
        np.testing.assert_allclose(found.mean, mean, rtol=1e-8)
        se = np.sqrt(np.average((loss - mean) ** 2, axis=0, weights=w) / (n - 1))
        np.testing.assert_allclose(found.se, se, rtol=1e-7)
        assert found.fold_values is None and found.n_folds == n


def test_rows_left_out_as_in_longley():
    described, columns = cases.case("ridge_gcv_longley")
    rows, y, _ = cases.arguments({**described, "weights": False, "offset": False, "fit_intercept": True}, columns)
    expected, n = described["expected"], len(y)
    lambdas = np.array(expected["lambda"]) / n
    found = fastglm.cv(rows, y, penalty=Ridge(), lambdas=lambdas, folds="loo")
    np.testing.assert_allclose(found.mean[::-1], expected["loo_mse"], rtol=1e-6)
    assert found.lambda_min == pytest.approx(expected["lambda_loo"] / n)
    path = found.path
    np.testing.assert_allclose(path.effective_df[::-1], expected["df"], rtol=1e-7)
    # lm.ridge's forgets the intercept and the factor n
    theirs = path.deviance / (n - (path.effective_df - 1.0)) ** 2
    np.testing.assert_allclose(theirs[::-1], expected["gcv_lm_ridge"], rtol=1e-7)
    assert path.select("gcv").penalty.lam == path.lambdas[np.argmin(path.gcv)]


def test_rows_left_out_by_fits():
    y = RESPONSES["poisson"][:30]
    found = fastglm.cv(X[:30], y, family="poisson", lambdas=3, folds=kinds.LeaveOneOut())
    every = fastglm.cv(X[:30], y, family="poisson", lambdas=found.lambdas, folds=np.arange(30))
    np.testing.assert_array_equal(found.fold_values, every.fold_values)


def direct_auc(y, eta, w):
    """The share of pairs, by their weights, ties half."""
    up, down = y == 1, y == 0
    better = (eta[up][:, None] > eta[down]) + 0.5 * (eta[up][:, None] == eta[down])
    pairs = w[up][:, None] * w[down]
    return (pairs * better).sum() / pairs.sum()


@pytest.mark.parametrize("rows", [X, np.round(X[:, :1])], ids=["no ties", "ties"])
def test_areas_are_shares_of_pairs(rows):
    y = RESPONSES["binomial"]
    found = fastglm.cv(rows, y, family="binomial", weights=WEIGHTS, lambdas=6, folds=GROUP % 4, measure="auc")
    for f in range(4):
        own = GROUP % 4 == f
        path = fastglm.path(rows[~own], y[~own], family="binomial", weights=WEIGHTS[~own], lambdas=found.lambdas)
        areas = [direct_auc(y[own], rows[own] @ beta, WEIGHTS[own]) for beta in path.params[:, 1:]]
        np.testing.assert_allclose(found.fold_values[f], areas, rtol=1e-12)
    i = int(np.argmax(found.mean))
    assert found.lambda_min == found.lambdas[i]
    assert found.lambda_1se == found.lambdas[found.mean >= found.mean[i] - found.se[i]].max()


# ---- storages


FRAME = pd.DataFrame({f"x{j}": X[:, j] for j in range(3)}).assign(
    g=np.array(["u", "v", "w"])[GROUP % 3], w=WEIGHTS, fold=GROUP % 4, group=[f"k{g}" for g in GROUP],
    held=GROUP % 5 == 0, time=RNG.permutation(N),
)  # fmt: skip
KINDS = {
    "number": 4, "column": "fold", "mask": "held", "groups": kinds.GroupKFold(4, "group"), "strata": {"stratified": 4},
    "time": kinds.TimeSeriesSplit(3), "by time": kinds.TimeSeriesSplit(3, "time"),
}  # fmt: skip


def as_arrays(kind):
    """A kind of folds with arrays in place of names of columns."""
    if isinstance(kind, str):
        return FRAME[kind].to_numpy()
    for name in ("groups", "by"):
        if isinstance(getattr(kind, name, None), str):
            return kind._replace(**{name: FRAME[getattr(kind, name)].to_numpy()})
    return kind


@pytest.mark.parametrize("family", RESPONSES)
@pytest.mark.parametrize("name", KINDS)
def test_folds_and_curves_are_those_of_other_storages(name, family, tmp_path):
    if name == "strata" and family not in ("binomial", "multinomial"):
        return
    kind, y = KINDS[name], RESPONSES[family]
    data = FRAME.assign(y=y)
    data.to_parquet(tmp_path / "rows.parquet", row_group_size=70)
    formula, given = "y ~ x0 + x1 + x2 + C(g)", {"family": family, "penalty": Lasso()}
    design = np.column_stack([FRAME[["x0", "x1", "x2"]], FRAME.g == "v", FRAME.g == "w"]).astype(float)
    whole = fastglm.cv(design, y, weights=WEIGHTS, folds=as_arrays(kind), lambdas=5, **given)
    given["lambdas"] = whole.lambdas
    others = {
        "csr": lambda: fastglm.cv(sparse.csr_matrix(design), y, weights=WEIGHTS, folds=as_arrays(kind), **given),
        "factor": lambda: fastglm.cv(formula, data, weights="w", folds=kind, **given),
        "parquet": lambda: fastglm.cv(formula, tmp_path / "rows.parquet", memory=0, weights="w", folds=kind, **given),
        "in memory": lambda: fastglm.cv(formula, tmp_path / "rows.parquet", weights="w", folds=kind, **given),
    }
    for storage, fit in others.items():
        other = fit()
        np.testing.assert_allclose(other.fold_weights, whole.fold_weights, rtol=1e-12, err_msg=storage)
        np.testing.assert_allclose(other.fold_values, whole.fold_values, rtol=1e-10, err_msg=storage)


@pytest.mark.parametrize("name", ["number", "column", "groups", "by time"])
def test_folds_and_curves_are_those_of_dask(name):
    dd = pytest.importorskip("dask.dataframe")
    data = FRAME.assign(y=RESPONSES["poisson"])
    given = {"family": "poisson", "lambdas": 4, "folds": KINDS[name], "weights": "w"}
    one = fastglm.cv("y ~ x0 + x1 + C(g)", data, **given)
    other = fastglm.cv("y ~ x0 + x1 + C(g)", dd.from_pandas(data, npartitions=3), **given)
    np.testing.assert_allclose(other.fold_values, one.fold_values, rtol=1e-10)


def test_a_column_of_folds_is_no_term():
    data = FRAME[["x0", "x1", "fold"]].assign(y=RESPONSES["gaussian"])
    found = fastglm.cv(data, "y", folds="fold", lambdas=3)
    assert found.path.names == ("(Intercept)", "x0", "x1") and found.n_folds == 4


def test_rows_that_are_dropped_take_their_folds_along():
    data = FRAME.assign(y=RESPONSES["gaussian"])
    data.loc[[3, 50, 90], "x1"] = np.nan
    kept = data.dropna()
    one = fastglm.cv("y ~ x0 + x1", kept, folds="fold", lambdas=4)
    for folds in ("fold", data["fold"].to_numpy()):
        other = fastglm.cv("y ~ x0 + x1", data, folds=folds, lambdas=one.lambdas, missing="drop")
        np.testing.assert_allclose(other.fold_values, one.fold_values, rtol=1e-9)


# ---- what cannot be


@pytest.mark.parametrize(
    ("family", "more", "message"),
    [
        ("gaussian", {"folds": N + 1}, "more than the rows"),
        ("gaussian", {"folds": 2.5}, "whole number"),
        ("gaussian", {"folds": True}, "whole number"),
        ("gaussian", {"folds": {"stratified": 5}}, "no classes"),
        ("gaussian", {"folds": {"bootstrap": 5}}, "must be one of"),
        ("gaussian", {"folds": "fold"}, "names a column"),
        ("gaussian", {"folds": np.ones(N, bool)}, "True in all rows"),
        ("gaussian", {"folds": np.zeros(N, bool)}, "False in all rows"),
        ("gaussian", {"folds": np.zeros(N)}, "one value only"),
        ("gaussian", {"folds": GROUP[:-1]}, "one cluster for each row|shape"),
        ("gaussian", {"groups": GROUP % 3, "folds": 5}, "3 groups, fewer than the 5 folds"),
        ("gaussian", {"groups": GROUP, "folds": GROUP}, "has no use for them"),
        ("gaussian", {"folds": {"group": 5}}, "needs groups"),
        ("gaussian", {"folds": GROUP % 4, "repeats": 2}, "same folds every time"),
        ("gaussian", {"repeats": 0}, "repeats=0"),
        ("gaussian", {"folds": GROUP % 4, "weights": (GROUP % 4 > 0).astype(float)}, "fold 0 has no rows"),
        ("binomial", {"folds": RESPONSES["binomial"]}, "no y below 1"),
        ("multinomial", {"folds": np.where(RESPONSES["multinomial"] == "b", 0, 1 + GROUP % 2)}, "class 'b'"),
        ("multinomial", {"measure": "auc"}, "measure"),
        ("binomial", {"folds": GROUP % (3 - RESPONSES["binomial"]), "measure": "auc"}, "one class"),
        ("poisson", {"folds": kinds.TimeSeriesSplit(0)}, "folds=0"),
        ("poisson", {"folds": RESPONSES["poisson"] > 0}, "no y above 0"),
        ("poisson", {"lambdas": 2.5}, "whole number of values"),
        ("poisson", {"lambdas": True}, "whole number of values"),
        ("poisson", {"lambdas": {"a": 1.0}}, "whole number of values"),
        ("poisson", {"lambdas": [[0.1, 0.2]]}, "whole number of values"),
        ("poisson", {"lambdas": 3, "ratio": "small"}, "ratio"),
    ],
)  # fmt: skip
def test_bad_folds(family, more, message):
    with pytest.raises(InvalidParameterError, match=message):
        fastglm.cv(X, RESPONSES[family], family=family, **more)


def test_labels_that_are_missing():
    for labels in (np.where(GROUP == 3, np.nan, GROUP), np.where(GROUP == 3, None, GROUP)):
        with pytest.raises(MissingDataError, match="folds is missing at row"):
            fastglm.cv(X, RESPONSES["gaussian"], folds=labels)
    data = FRAME.assign(y=RESPONSES["gaussian"], fold=np.where(GROUP == 3, np.nan, GROUP % 4))
    with pytest.raises(MissingDataError, match="fold"):
        fastglm.cv("y ~ x0", data, folds="fold")
    with pytest.raises(InvalidParameterError, match="not a column"):
        fastglm.cv("y ~ x0", data, folds="nothing")


def test_rows_too_many_to_be_left_out_by_fits():
    rng = np.random.default_rng(0)
    Z = rng.normal(size=(2500, 2))
    with pytest.raises(InvalidParameterError, match="path of its own"):
        fastglm.cv(Z, Z[:, 0], folds="loo")
    assert fastglm.cv(Z, Z[:, 0] + rng.normal(size=2500), penalty=Ridge(), lambdas=3, folds="loo").n_folds == 2500


# ---- what changes nothing, or little


@pytest.mark.parametrize("family", RESPONSES)
def test_what_leaves_a_curve_as_it_is(family):
    y, fold = RESPONSES[family], GROUP % 4
    one = fastglm.cv(X, y, family=family, weights=WEIGHTS, folds=fold, lambdas=6)
    given = {"family": family, "lambdas": one.lambdas}
    order, absent = RNG.permutation(N), np.append(np.arange(N), [3, 5, 9])
    none = np.append(WEIGHTS, [0.0, 0.0, 0.0])
    others = {
        "other names of folds": fastglm.cv(X, y, weights=WEIGHTS, folds=np.array(list("dbac"))[fold], **given),
        "another order of rows": fastglm.cv(X[order], y[order], weights=WEIGHTS[order], folds=fold[order], **given),
        "twice the weights": fastglm.cv(X, y, weights=2.0 * WEIGHTS, folds=fold, **given),
        "rows of weight zero": fastglm.cv(X[absent], y[absent], weights=none, folds=fold[absent], **given),
        "other units": fastglm.cv(X * [1, 10, 0.1, 2, 1], y, weights=WEIGHTS, folds=fold, **given),
    }
    for name, other in others.items():
        np.testing.assert_allclose(other.mean, one.mean, rtol=1e-8, err_msg=name)
        np.testing.assert_allclose(other.se, one.se, rtol=1e-6, err_msg=name)
    some = fastglm.cv(X, y, family=family, weights=WEIGHTS, folds=fold, lambdas=one.lambdas[::2])
    np.testing.assert_allclose(some.mean, one.mean[::2], rtol=1e-7)


@pytest.mark.parametrize("family", RESPONSES)
def test_a_curve_is_continuous(family):
    """A change of lambda by a part in a million, and of one weight, changes the curve as little."""
    y, fold, lambdas = RESPONSES[family], GROUP % 4, np.array([0.1, 0.02, 0.004])
    given = {"family": family, "folds": fold}
    one = fastglm.cv(X, y, weights=WEIGHTS, lambdas=lambdas, **given)
    near = fastglm.cv(X, y, weights=WEIGHTS, lambdas=lambdas * (1.0 + 1e-6), **given)
    heavier = fastglm.cv(X, y, weights=WEIGHTS * np.where(np.arange(N) == 7, 1.0 + 1e-6, 1.0), lambdas=lambdas, **given)
    for other in (near, heavier):
        away = np.abs(other.mean / one.mean - 1.0)
        assert 0.0 < away.max() < 2e-6
