"""A factor of very many levels: its fit by parts is the fit of the whole matrix."""

import numpy as np
import pandas as pd
import pytest

import fastglm
from fastglm.design import layout
from fastglm.linalg import arrowhead

LEVELS = 450


@pytest.fixture(scope="module")
def frame():
    rng = np.random.default_rng(0)
    n = 10_000
    f = pd.DataFrame({"x": rng.normal(size=n), "s": rng.choice(list("abc"), n)})
    f["g"] = pd.Categorical(rng.integers(0, LEVELS, n).astype(str))
    f["w"] = rng.integers(1, 4, n)
    f["y"] = rng.poisson(np.exp(0.2 * f.x)) + (rng.random(n) < 0.05) * 4.0
    return f


@pytest.mark.parametrize("cov", ["model", "robust"])
def test_by_parts_and_whole(frame, cov, monkeypatch, tmp_path):
    monkeypatch.setattr(layout, "HIGH_CARDINALITY", LEVELS // 2)

    def fitted(largest):
        monkeypatch.setattr(arrowhead, "LARGEST", largest)
        return fastglm.glm("y ~ x + s + g", frame, family="poisson", weights="w", cov=cov)

    whole, parts = fitted(10**6), fitted(10)
    full, some = whole.cov_params(), parts.cov_params()
    assert isinstance(full, np.ndarray) and isinstance(some, arrowhead.ArrowheadInverse)
    np.testing.assert_allclose(parts.bse, whole.bse, rtol=1e-9)
    numbers = [0, 1, 2, 3, 4, 350, 3, 350, 425]
    np.testing.assert_allclose(some.block(numbers), full[np.ix_(numbers, numbers)], rtol=0, atol=1e-10 * full.max())
    rows = np.zeros((3, len(whole.params)))
    rows[:, 0], rows[0, 1], rows[1, 9], rows[2, [3, 400]] = 1.0, 2.0, 1.0, 1.0
    np.testing.assert_allclose(some.quadratic_form(rows), np.einsum("ij,jk,ik->i", rows, full, rows), rtol=1e-8)
    parts.save(tmp_path / "model.json")
    np.testing.assert_array_equal(fastglm.load(tmp_path / "model.json").bse, parts.bse)


def test_robust_is_the_sandwich_of_scores(frame, monkeypatch):
    monkeypatch.setattr(layout, "HIGH_CARDINALITY", LEVELS // 2)
    result = fastglm.glm("y ~ x + s + g", frame, family="poisson", cov="robust")
    X = np.column_stack([np.ones(len(frame)), result.design.build(frame).X])
    others = [frame.s == level for level in "bc"] + [frame.g == level for level in frame.g.cat.categories[1:]]
    X = np.column_stack([X, *others]).astype(float)
    mu = np.exp(X @ result.params)
    bread = np.linalg.inv((X * mu[:, None]).T @ X)
    score = X * (frame.y.to_numpy() - mu)[:, None]
    expected = np.sqrt(np.diagonal(bread @ (score.T @ score) @ bread))
    np.testing.assert_allclose(result.bse, expected, rtol=1e-7)


WITHIN = "z + v + r + one +"  # what the levels of g, with x, make redundant


@pytest.fixture(scope="module")
def collinear(frame):
    level = frame.g.cat.codes.to_numpy()
    z = np.random.default_rng(1).normal(size=LEVELS)[level]
    return frame.assign(
        z=z, v=2.0 * frame.x - 3.0 * z, r=pd.Categorical((level % 3).astype(str)), one=(level == 7) * 1.0,
        w=frame.w * ~np.isin(level, (5, 33)),
    )  # fmt: skip


@pytest.mark.parametrize("cov", ["model", "robust", "HC1", "cluster:s"])
def test_columns_that_repeat_levels_are_aliased(collinear, cov, monkeypatch):
    f, options = collinear, {"family": "poisson", "weights": "w", "cov": cov}
    monkeypatch.setattr(layout, "HIGH_CARDINALITY", LEVELS // 2)
    with pytest.warns(fastglm.errors.CollinearityWarning, match="z = .*levels of g; v = .*levels of g; r") as seen:
        whole = fastglm.glm(f"y ~ x + {WITHIN} s + g", f, **options)
    assert len(seen) == 1 and len(str(seen[0].message)) < 500
    monkeypatch.setattr(layout, "HIGH_CARDINALITY", 5000)
    with pytest.warns(fastglm.errors.CollinearityWarning):  # of the two levels
        dense = fastglm.glm("y ~ x + s + g", f, **options)
    empty = [f"g[T.{f.g.cat.categories[j]}]" for j in (5, 33)]
    assert list(whole.aliased) == ["z", "v", "r[T.1]", "r[T.2]", "one", *empty]
    assert whole.aliased["one"] == f"g[T.{f.g.cat.categories[7]}]" and whole.aliased[empty[0]] == "0"
    assert whole.aliased["v"].endswith("2 x + levels of g") and whole.aliased["r[T.1]"] == "levels of g"
    assert (whole.rank, whole.df_resid) == (dense.rank, dense.df_resid)
    np.testing.assert_allclose(whole.deviance, dense.deviance, rtol=1e-12)
    nan = np.isin(whole.names, list(whole.aliased))
    at = [dense.names.index(name) for name in np.array(whole.names)[~nan]]
    for found, expected in ((whole.params, dense.params), (whole.bse, dense.bse)):
        np.testing.assert_array_equal(np.isnan(found), nan)
        np.testing.assert_allclose(found[~nan], expected[at], rtol=1e-8, atol=1e-11)
    rows = f[f.w > 0][::40]
    for found, expected in zip(whole.predict(rows, interval="mean"), dense.predict(rows, interval="mean"), strict=True):
        np.testing.assert_allclose(found, expected, rtol=1e-8)


@pytest.mark.parametrize("cov", ["model", "robust"])
def test_aliased_by_parts_and_whole(collinear, cov, monkeypatch, tmp_path):
    monkeypatch.setattr(layout, "HIGH_CARDINALITY", LEVELS // 2)

    def fitted(largest):
        monkeypatch.setattr(arrowhead, "LARGEST", largest)
        with pytest.warns(fastglm.errors.CollinearityWarning):
            return fastglm.glm(f"y ~ x + {WITHIN} s + g", collinear, family="poisson", weights="w", cov=cov)

    whole, parts = fitted(10**6), fitted(10)
    full, some = whole.cov_params(), parts.cov_params()
    np.testing.assert_allclose(parts.bse, whole.bse, rtol=1e-9)
    np.testing.assert_allclose(some.toarray(), full, rtol=0, atol=1e-10 * np.nanmax(full))
    parts.save(tmp_path / "model.json")
    loaded = fastglm.load(tmp_path / "model.json")
    assert loaded.aliased == parts.aliased
    for result in (parts, loaded):
        found = result.predict(collinear[::50], interval="mean")
        np.testing.assert_allclose(found.se, whole.predict(collinear[::50], interval="mean").se, rtol=1e-9)


@pytest.mark.parametrize("formula", ["y ~ 0 + g", "y ~ 0 + ones + g", "y ~ 0 + ones + x + g"])
def test_levels_alone_and_a_constant_beside_all_of_them(frame, formula, monkeypatch, tmp_path):
    f = frame.assign(ones=1.0)
    monkeypatch.setattr(layout, "HIGH_CARDINALITY", LEVELS // 2)
    monkeypatch.setattr(arrowhead, "LARGEST", 10)
    if "ones" in formula:
        with pytest.warns(fastglm.errors.CollinearityWarning, match="ones = levels of g"):
            result = fastglm.glm(formula, f, family="poisson")
    else:
        result = fastglm.glm(formula, f, family="poisson")
    if " x " not in formula:
        mean = f.groupby("g", observed=True).y.agg(["mean", "sum"])
        np.testing.assert_allclose(result.params[-LEVELS:], np.log(mean["mean"]), rtol=1e-9, atol=1e-10)
        np.testing.assert_allclose(result.bse[-LEVELS:], mean["sum"] ** -0.5, rtol=1e-9)
    assert result.rank == LEVELS + (" x " in formula) and list(result.aliased) == ["ones"] * ("ones" in formula)
    result.save(tmp_path / "model.json")
    np.testing.assert_array_equal(fastglm.load(tmp_path / "model.json").bse, result.bse)


def test_intercept_beside_levels_without_a_base(frame, monkeypatch):
    f = frame.assign(w=frame.w * (frame.g.cat.codes > 0))
    monkeypatch.setattr(layout, "HIGH_CARDINALITY", LEVELS // 2)
    with pytest.warns(fastglm.errors.CollinearityWarning, match=r"\(Intercept\) = levels of g"):
        result = fastglm.glm("y ~ x + g", f, family="poisson", weights="w")
    monkeypatch.setattr(layout, "HIGH_CARDINALITY", 5000)
    other = fastglm.glm("y ~ 0 + x + g", f[f.w > 0].assign(g=f.g.cat.remove_unused_categories()), family="poisson",
                        weights="w")  # fmt: skip
    np.testing.assert_allclose(result.bse[1], other.bse[other.names.index("x")], rtol=1e-9)
    np.testing.assert_allclose(result.deviance, other.deviance, rtol=1e-12)


def classes(n=6_000, levels=110, seed=2):
    rng = np.random.default_rng(seed)
    x, level = rng.normal(size=n), rng.integers(0, levels, n)
    f = pd.DataFrame({"x": x, "u": rng.random(n), "g": pd.Categorical(level.astype(str))})
    f["z"], f["w"] = rng.normal(size=levels)[level], rng.integers(1, 4, n) * (level != 3)
    eta = np.column_stack([0.0 * x, 0.3 * x, 0.2 - 0.4 * x, -0.3 + 0.1 * x]) + rng.gumbel(size=(n, 4))
    return f.assign(kind=np.array(list("abcd"))[eta.argmax(1)])


@pytest.mark.parametrize("cov", ["model", "robust"])
def test_several_classes_by_parts_and_whole(cov, monkeypatch, tmp_path):
    f, options = classes(), {"family": "multinomial", "weights": "w", "cov": cov}

    def fitted(formula, long, largest):
        monkeypatch.setattr(layout, "HIGH_CARDINALITY", long)
        monkeypatch.setattr(arrowhead, "LARGEST", largest)
        with pytest.warns(fastglm.errors.CollinearityWarning):
            return fastglm.glm(formula, f, **options)

    whole, parts = fitted("kind ~ x + z + u + g", 100, 10**6), fitted("kind ~ x + z + u + g", 100, 10)
    dense = fitted("kind ~ x + u + g", 5000, 4000)
    assert isinstance(parts.cov_params(), arrowhead.ArrowheadInverse) and list(parts.aliased)[0] == "z"
    assert (parts.rank, parts.df_resid) == (dense.rank, dense.df_resid)
    nan = np.isin(parts.names, list(parts.aliased))
    at = [dense.names.index(name) for name in np.array(parts.names)[~nan]]
    np.testing.assert_allclose(parts.params[~nan], dense.params[at], rtol=1e-8, atol=1e-10)
    for result in (parts, whole):
        np.testing.assert_allclose(result.bse[~nan], dense.bse[at], rtol=1e-8)
    full, some, p = whole.cov_params(), parts.cov_params(), len(parts.names)
    np.testing.assert_allclose(some.toarray(), full, rtol=0, atol=1e-10 * np.nanmax(full))
    numbers = [0, 2, 3, 75, p, p + 1, p + 75, 2 * p + 75, 3]
    np.testing.assert_allclose(some.block(numbers), full[np.ix_(numbers, numbers)], atol=1e-10 * np.nanmax(full))
    rows = np.random.default_rng(3).normal(size=(5, len(full)))
    expected = np.einsum("ij,jk,ik->i", rows, np.nan_to_num(full), rows)
    np.testing.assert_allclose(some.quadratic_form(rows), expected, rtol=1e-9)
    new = f[f.w > 0][::100]
    for kind in ("mean", "link"):
        pairs = zip(parts.predict(new, kind, interval="mean"), dense.predict(new, kind, interval="mean"), strict=True)
        for found, expected in pairs:
            np.testing.assert_allclose(found, expected, rtol=1e-7, atol=1e-10)
    for mine, theirs in ((parts, whole), (parts.relevel("c"), whole.relevel("c"))):
        np.testing.assert_allclose(mine.bse, theirs.bse, rtol=1e-9)
        np.testing.assert_allclose(mine.bse_full, theirs.bse_full, rtol=1e-9)
    terms = ["x", ("x", "g[T.7]", "g[T.9]")]
    np.testing.assert_allclose(parts.wald_test(terms).statistic, whole.wald_test(terms).statistic, rtol=1e-8)
    parts.save(tmp_path / "model.json")
    loaded = fastglm.load(tmp_path / "model.json")
    np.testing.assert_array_equal(loaded.bse, parts.bse)
    np.testing.assert_array_equal(loaded.cov_params().block(numbers), some.block(numbers))


def test_classes_that_a_level_does_not_have(monkeypatch):
    """Levels without the reference have infinite estimates; the other standard errors are those of the limit."""
    f = classes(2600, 220, 4)
    monkeypatch.setattr(layout, "HIGH_CARDINALITY", 200)
    result = fastglm.glm("kind ~ x + u + g", f, family="multinomial")
    absent = ~pd.crosstab(f.g, f.kind).astype(bool)
    assert absent["a"].sum() > 5 and result.stop == "converged"
    mu = result.predict(f)[:, 1:]
    W = mu[:, :, None] * (np.eye(3) - mu[:, None])
    X = np.column_stack([np.ones(len(f)), f.x, f.u])
    schur = np.einsum("ni,nkl,nj->kilj", X, W, X).reshape(9, 9)
    for j in range(1, 220):
        mine = (f.g.cat.codes == j).to_numpy()
        border = np.einsum("nkl,nj->klj", W[mine], X[mine]).reshape(3, 9)
        schur -= border.T @ np.linalg.pinv(W[mine].sum(0), rcond=1e-7, hermitian=True) @ border
    at = [result.names.index(name) for name in ("(Intercept)", "x", "u")]
    expected = np.sqrt(np.diagonal(np.linalg.inv(schur))).reshape(3, 3).T
    np.testing.assert_allclose(result.bse[at][1:], expected[1:], rtol=1e-6)


def test_rare_references_keep_their_digits():
    w, v, a = 1e-9, 3.0, np.pi
    found = arrowhead.LevelsFactor.of(np.array([[[w, a], [a, w * v]]])).inverse()[0]
    expected = np.array([[w * v + a, a], [a, w + a]]) / (w * w * v + a * (w + w * v))
    np.testing.assert_allclose(found, expected, rtol=1e-15)


def test_several_classes_without_errors(monkeypatch):
    monkeypatch.setattr(layout, "HIGH_CARDINALITY", 100)
    f = classes()
    result = fastglm.glm("kind ~ x + g", f, family="multinomial", cov=None)
    with pytest.raises(fastglm.errors.InvalidParameterError, match="HC1"):
        fastglm.glm("kind ~ x + g", f, family="multinomial", cov="HC3")
    monkeypatch.setattr(layout, "HIGH_CARDINALITY", 5000)
    whole = fastglm.glm("kind ~ x + g", f, family="multinomial", cov=None)
    np.testing.assert_allclose(result.llf, whole.llf, rtol=1e-10)
