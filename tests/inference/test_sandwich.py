"""Sandwich covariances against R's printouts, the formulas in plain numpy, statsmodels and rows written out."""

import itertools
import warnings

import numpy as np
import pandas as pd
import pytest

import fastglm
from fastglm.errors import FastGLMWarning, InvalidParameterError, MissingDataError
from fastglm.inference import clusters as clustering
from fastglm.options.covariance import parse

MODELS = [("gaussian", "identity"), ("binomial", "logit"), ("binomial", "probit"), ("poisson", "log"), ("gamma", "log")]
KINDS = ("HC0", "HC1", "HC2", "HC3")
SURE = 2e-8  # fits end within 1e-8 in standard errors, twice that in variances


def draw(family, n=200, p=3, seed=0, weighted=False):
    rng = np.random.default_rng(seed)
    X = rng.normal(size=(n, p))
    eta = 0.3 + X @ np.linspace(-0.5, 0.5, p)
    mu = {"gaussian": eta, "binomial": 1 / (1 + np.exp(-eta)), "poisson": np.exp(eta), "gamma": np.exp(eta)}[family]
    y = {
        "gaussian": lambda: rng.normal(mu, 1 + np.abs(X[:, 0])),
        "binomial": lambda: (rng.random(n) < mu).astype(float),
        "poisson": lambda: rng.poisson(mu * rng.gamma(2.0, 0.5, n)).astype(float),
        "gamma": lambda: rng.gamma(2.0, mu / 2.0),
    }[family]()
    w = rng.uniform(0.5, 2.0, n) if weighted else None
    return X, y, w, rng.integers(0, 17, n), rng.integers(0, 7, n)


def parts(result, X, y, w=None):
    """Design, score in the linear predictor, working weight and bread of a fit, from its family's textbook formulas."""
    Z = np.column_stack([np.ones(len(y)), X])
    eta = Z @ result.params
    mu = result.predict(X)
    slope = {
        "identity": np.ones_like(mu),
        "log": mu,
        "logit": mu * (1 - mu),
        "probit": np.exp(-0.5 * eta**2) / np.sqrt(2 * np.pi),
    }[result.link.name]
    V = {"gaussian": np.ones_like(mu), "binomial": mu * (1 - mu), "poisson": mu, "gamma": mu**2}[result.family.name]
    w = np.ones(len(y)) if w is None else w
    score, work = w * (y - mu) * slope / V, w * slope**2 / V
    return Z, score, work, np.linalg.inv(Z.T @ (Z * work[:, None]))


def by_hand(kind, result, X, y, w=None):
    Z, score, work, bread = parts(result, X, y, w)
    h = work * np.einsum("ij,jk,ik->i", Z, bread, Z)
    n, k = Z.shape
    q = {"HC0": 1.0, "HC1": n / (n - k), "HC2": 1 / (1 - h), "HC3": 1 / (1 - h) ** 2}[kind] * score**2
    return bread @ (Z.T @ (Z * q[:, None])) @ bread


def of_clusters(result, X, y, groups, w=None, correction=True):
    Z, score, _, bread = parts(result, X, y, w)
    sums = pd.DataFrame(Z * score[:, None]).groupby(list(groups)).sum().to_numpy()
    n, k = Z.shape
    factor = len(sums) / (len(sums) - 1) * (n - 1) / (n - k) if correction else 1.0
    return factor * bread @ (sums.T @ sums) @ bread


def close(a, b, rtol=SURE):
    size = np.sqrt(np.diagonal(b))
    np.testing.assert_allclose(a / size / size[:, None], b / size / size[:, None], rtol=0, atol=rtol)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("weighted", [False, True])
@pytest.mark.parametrize("family,link", MODELS)
def test_the_textbook_formulas(family, link, weighted, kind):
    X, y, w, *_ = draw(family, weighted=weighted)
    r = fastglm.fit(X, y, family=family, link=link, weights=w, cov=kind.lower())
    assert r.cov_kind == kind
    close(r.cov_params(), by_hand(kind, r, X, y, w))
    again = fastglm.fit(X, y, family=family, link=link, weights=w).with_cov(kind, X, y, weights=w)
    close(again.cov_params(), r.cov_params(), 1e-12)


# vcovHC of sandwich in R 4.2.2, glm(Volume ~ log(Girth) + log(Height), Gamma("log"), trees)
GIRTH = "8.3 8.6 8.8 10.5 10.7 10.8 11 11 11.1 11.2 11.3 11.4 11.4 11.7 12 12.9 12.9 13.3 13.7 13.8 14 14.2 14.5 16 16.3 17.3 17.5 17.9 18 18 20.6"  # noqa: E501
HEIGHT = "70 65 63 72 81 83 66 75 80 75 79 76 76 69 75 74 85 86 71 64 78 80 74 72 77 81 82 80 80 80 87"
VOLUME = "10.3 10.3 10.2 16.4 18.8 19.7 15.6 18.2 22.6 19.9 24.2 21 21.4 21.3 19.1 22.2 33.8 27.4 25.7 24.9 34.5 31.7 36.3 38.3 42.6 55.4 55.7 58.3 51.5 51 77"  # noqa: E501

R_TREES = {
    "HC0": [0.7175599010073193, 0.055969238310637874, 0.18962620364987556],
    "HC1": [0.7550226713138076, 0.05889131173771891, 0.19952631498751275],
    "HC2": [0.761310526202687, 0.058919676183248164, 0.20104308193655895],
    "HC3": [0.8080712949901296, 0.06205703123394683, 0.21323747579937838],
}


@pytest.mark.parametrize("kind", KINDS)
def test_r_s_standard_errors(kind):
    girth, height, volume = (np.array(v.split(), float) for v in (GIRTH, HEIGHT, VOLUME))
    X = np.log(np.column_stack([girth, height]))
    r = fastglm.fit(X, volume, family="gamma", link="log", cov=kind)
    np.testing.assert_allclose(r.bse, R_TREES[kind], rtol=1e-8)


@pytest.mark.parametrize("kind", KINDS)
def test_statsmodels_least_squares(kind):
    sm = pytest.importorskip("statsmodels.api")
    X, y, *_ = draw("gaussian")
    expected = sm.OLS(y, sm.add_constant(X)).fit(cov_type=kind)
    np.testing.assert_allclose(fastglm.fit(X, y, cov=kind).bse, expected.bse, rtol=1e-10)


@pytest.mark.parametrize("family,link", MODELS[:2] + MODELS[3:4])
def test_statsmodels_clusters(family, link):
    sm = pytest.importorskip("statsmodels.api")
    X, y, _, a, _ = draw(family)
    kind = {"gaussian": sm.families.Gaussian, "binomial": sm.families.Binomial, "poisson": sm.families.Poisson}[family]
    model = sm.GLM(y, sm.add_constant(X), kind())
    for correction in (True, False):
        options = {"groups": a, "use_correction": correction}
        expected = model.fit(tol=1e-14, cov_type="cluster", cov_kwds=options)
        r = fastglm.fit(X, y, family=family, cov={"cluster": a, "correction": correction})
        np.testing.assert_allclose(r.bse, expected.bse, rtol=1e-7)


@pytest.mark.parametrize("kind", [*KINDS, "cluster", "ways"])
def test_a_frequency_is_as_many_rows(kind):
    X, y, w, a, b = draw("poisson", weighted=True)
    f = np.random.default_rng(1).integers(0, 4, len(y))
    i = np.repeat(np.arange(len(y)), f)
    cov = {"cluster": {"cluster": a}, "ways": {"cluster": [a, b]}}.get(kind, kind)
    rows = {"cluster": {"cluster": a[i]}, "ways": {"cluster": [a[i], b[i]]}}.get(kind, kind)
    once = fastglm.fit(X, y, family="poisson", weights=w, freq_weights=f, cov=cov)
    close(once.cov_params(), fastglm.fit(X[i], y[i], family="poisson", weights=w[i], cov=rows).cov_params())


IDS = {
    "numbers": lambda a: a,
    "negative": lambda a: -5 * a,
    "floats": lambda a: a / 3.0,
    "text": lambda a: np.array([f"firm {i}" for i in a]),
    "objects": lambda a: np.array([f"firm {i}" for i in a], dtype=object),
    "mixed": lambda a: np.array([i if i % 2 else f"firm {i}" for i in a], dtype=object),
    "dates": lambda a: np.datetime64("2020-01-01") + a.astype("m8[D]"),
    "category": lambda a: pd.Series(pd.Categorical([f"firm {i}" for i in a])),
    "list": lambda a: a.tolist(),
}


@pytest.mark.parametrize("ids", IDS)
def test_ids_of_any_type(ids):
    X, y, w, a, _ = draw("poisson", weighted=True)
    r = fastglm.fit(X, y, family="poisson", weights=w, cov={"cluster": IDS[ids](a)})
    assert r.cov_kind == "cluster"
    close(r.cov_params(), of_clusters(r, X, y, [a], w))
    close(fastglm.fit(X, y, family="poisson", weights=w).with_cov("cluster", X, y, weights=w, cluster=IDS[ids](a))
          .cov_params(), r.cov_params(), 1e-12)  # fmt: skip


def test_clusters_of_one_row_are_rows():
    X, y, *_ = draw("poisson")
    n, k = len(y), X.shape[1] + 1
    r = fastglm.fit(X, y, family="poisson", cov={"cluster": np.arange(n), "correction": False})
    assert r.cov_kind == "cluster, uncorrected"
    close(r.cov_params(), fastglm.fit(X, y, family="poisson", cov="robust").cov_params(), 1e-12)
    # n / (n - 1) (n - 1) / (n - k)
    r = fastglm.fit(X, y, family="poisson", cov={"cluster": np.arange(n)})
    close(r.cov_params(), n / (n - k) * fastglm.fit(X, y, family="poisson", cov="HC0").cov_params(), 1e-12)


@pytest.mark.parametrize("ways", [2, 3])
def test_several_ways_by_inclusion_and_exclusion(ways):
    X, y, _, a, b = draw("binomial", n=400)
    groups = [a, b, np.arange(400) % 5][:ways]
    r = fastglm.fit(X, y, family="binomial", cov={"cluster": groups})
    expected = np.zeros((4, 4))
    for size in range(1, ways + 1):
        for by in itertools.combinations(groups, size):
            expected += (-1) ** (size + 1) * of_clusters(r, X, y, by)
    close(r.cov_params(), expected)
    assert r.cov_kind == f"cluster ({ways} ways)"


def test_sums_in_parts(monkeypatch):
    X, y, _, a, b = draw("poisson", n=500)
    whole = fastglm.fit(X, y, family="poisson", cov={"cluster": [a, b]})
    monkeypatch.setattr(clustering, "CLUSTER_SUMS_BYTES", 8 * 4 * 5)  # five clusters at a time
    close(fastglm.fit(X, y, family="poisson", cov={"cluster": [a, b]}).cov_params(), whole.cov_params(), 1e-12)


def test_the_same_to_the_bit_for_any_number_of_threads():
    X, y, _, a, b = draw("poisson", n=40_000)
    for cov in ("HC1", "HC3", {"cluster": [a, b]}):
        one, two = (fastglm.fit(X, y, family="poisson", cov=cov, threads=t).cov_params() for t in (1, 2))
        assert (one == two).all()


def test_finite_population_of_clusters():
    # all ways to draw two of three clusters, each as often as it occurs: the sandwich of a mean, in closed form
    groups, y = np.repeat([0, 1, 2], 2), np.array([1.0, 2.0, 4.0, 8.0, 3.0, 1.0])
    r = fastglm.fit(np.ones((6, 1)), y, intercept=False, cov={"cluster": groups, "correction": False})
    sums = np.array([(y[groups == g] - y.mean()).sum() for g in range(3)])
    np.testing.assert_allclose(r.cov_params(), [[(sums**2).sum() / 36]])


def test_columns_of_any_scale():
    X, y, _, a, _ = draw("poisson")
    unit = np.array([1e-150, 1.0, 1e120])
    for cov in ("HC1", "HC3", {"cluster": a}):
        small, plain = (fastglm.fit(Z, y, family="poisson", cov=cov).bse for Z in (X * unit, X))
        np.testing.assert_allclose(small[1:] * unit, plain[1:], rtol=1e-8)


def test_aliased_columns():
    X, y, _, a, _ = draw("poisson")
    twice = np.column_stack([X, X[:, 0] - X[:, 1]])
    for cov in (*KINDS, {"cluster": a}):
        with pytest.warns(fastglm.errors.CollinearityWarning):
            r = fastglm.fit(twice, y, family="poisson", cov=cov)
        assert np.isnan(r.bse[-1]) and np.isnan(r.cov_params()[0, -1])
        np.testing.assert_allclose(r.bse[:-1], fastglm.fit(X, y, family="poisson", cov=cov).bse, rtol=1e-9)


def frame(n=600, seed=3):
    rng = np.random.default_rng(seed)
    d = pd.DataFrame({"x": rng.normal(size=n), "g": np.array(list("abcd"))[rng.integers(0, 4, n)]})
    d["firm"] = np.array([f"f{i:03d}" for i in rng.integers(0, 40, n)])
    d["year"] = rng.integers(2000, 2006, n)
    d["e"] = rng.uniform(0.5, 2.0, n)
    d["w"] = rng.integers(1, 4, n).astype(float)
    d["y"] = rng.poisson(d.e * np.exp(0.2 * d.x + 0.1 * (d.g == "b")))
    d["c"] = np.array(["lo", "mid", "hi"])[rng.integers(0, 3, n)]
    return d


COVS = [*KINDS, "cluster:firm", {"cluster": ["firm", "year"]}, {"cluster": ["year"], "correction": False}]
FORMULA = "y ~ x * C(g) + exposure(e)"


def dense(d, cov):
    """The same fit of the columns written out."""
    indicators = (d.g.to_numpy()[:, None] == np.array(list("bcd"))).astype(float)
    X = np.column_stack([d.x, indicators, d.x.to_numpy()[:, None] * indicators])
    if isinstance(cov, str) and cov.startswith("cluster:"):
        cov = {"cluster": [cov.removeprefix("cluster:")]}
    if isinstance(cov, dict):
        cov = {**cov, "cluster": [d[name].to_numpy() for name in cov["cluster"]]}
    return fastglm.fit(X, d.y, family="poisson", exposure=d.e, weights=d.w, cov=cov)


@pytest.fixture(scope="module")
def files(tmp_path_factory):
    pq = pytest.importorskip("pyarrow.parquet")
    import pyarrow as pa

    folder, d = tmp_path_factory.mktemp("rows"), frame()
    for i, a in enumerate(range(0, len(d), 200)):
        pq.write_table(pa.Table.from_pandas(d[a : a + 200]), folder / f"{i}.parquet", row_group_size=70)
    return folder


@pytest.mark.parametrize("cov", COVS, ids=str)
def test_frames_files_and_cells(cov, files):
    d = frame()
    expected = dense(d, cov)
    names = fastglm.glm(FORMULA, d, family="poisson", weights="w", cov=None).names
    options = dict(family="poisson", weights="w", cov=cov)
    plain = fastglm.glm(FORMULA, d, **options)
    np.testing.assert_allclose(np.sort(plain.bse), np.sort(expected.bse), rtol=1e-9)
    close(plain.cov_params(), fastglm.glm(FORMULA, d, compress=True, **options).cov_params(), 1e-9)
    for memory in (0, None):
        r = fastglm.glm(FORMULA, files, memory=memory, **options)
        assert r.names == names and r.cov_kind == plain.cov_kind
        close(r.cov_params(), plain.cov_params(), 1e-9)
    if isinstance(cov, str) and cov.startswith("cluster"):
        assert r.cov_kind == cov and cov in str(r.summary().as_text())
    base = fastglm.glm(FORMULA, d, family="poisson", weights="w")
    for data in (d, str(files / "*.parquet")):
        close(base.with_cov(cov, data=data).cov_params(), plain.cov_params(), 1e-9)


def test_missing_rows_of_files_and_frames(tmp_path):
    pytest.importorskip("pyarrow")
    d = frame()
    d.loc[[5, 77], "x"] = np.nan
    kept = d.dropna()
    d.to_parquet(tmp_path / "a.parquet", row_group_size=100)
    expected = fastglm.glm("y ~ x + g", kept, family="poisson", cov="cluster:firm")
    for data in (d, tmp_path / "a.parquet"):
        r = fastglm.glm("y ~ x + g", data, family="poisson", cov="cluster:firm", missing="drop")
        close(r.cov_params(), expected.cov_params(), 1e-9)
        again = fastglm.glm("y ~ x + g", data, family="poisson", missing="drop").with_cov("cluster:firm", data=data)
        close(again.cov_params(), expected.cov_params(), 1e-9)
    d.loc[9, "firm"] = None
    d.to_parquet(tmp_path / "b.parquet")
    with pytest.raises(MissingDataError, match="firm"):
        fastglm.glm("y ~ g", tmp_path / "b.parquet", family="poisson", cov="cluster:firm")
    r = fastglm.glm("y ~ x + g", tmp_path / "b.parquet", family="poisson", cov="cluster:firm", missing="drop")
    assert r.nobs == len(d.dropna())


def test_several_classes(files):
    d = frame()
    X, c, firm = d[["x", "e"]].to_numpy(), d.c.to_numpy(), d.firm.to_numpy()
    Z = np.column_stack([np.ones(len(d)), X])
    r = fastglm.fit(X, c, family="multinomial", cov={"cluster": firm, "correction": False})
    mu = r.predict(X)
    rest = [r.classes.index(k) for k in r.contrast_classes]
    score = np.column_stack([Z * ((c == r.classes[k]) - mu[:, k])[:, None] for k in rest])
    sums = pd.DataFrame(score).groupby(firm).sum().to_numpy()
    close(r.cov_params(), r.cov_unscaled @ (sums.T @ sums) @ r.cov_unscaled)
    robust = fastglm.fit(X, c, family="multinomial", cov="robust")
    close(robust.cov_params(), r.cov_unscaled @ (score.T @ score) @ r.cov_unscaled)
    n, k = len(d), robust.params.size
    close(fastglm.fit(X, c, family="multinomial", cov="HC1").cov_params(), n / (n - k) * robust.cov_params())
    options = {"cluster": ["firm"], "correction": False}
    close(fastglm.glm("c ~ x + e", files, family="multinomial", cov=options, memory=0).cov_params(), r.cov_params())
    base = fastglm.glm("c ~ x + e", d, family="multinomial")
    close(base.with_cov(options, data=files).cov_params(), r.cov_params())
    close(base.with_cov("HC1", data=d).cov_params(), n / (n - k) * robust.cov_params())
    for kind in ("HC2", "HC3"):
        with pytest.raises(InvalidParameterError, match=kind):
            fastglm.fit(X, c, family="multinomial", cov=kind)


def test_a_long_factor():
    rng = np.random.default_rng(5)
    n = 30_000
    d = pd.DataFrame({"x": rng.normal(size=n), "g": rng.integers(0, 4500, n)})
    d["y"] = rng.poisson(np.exp(0.3 * d.x))
    r = fastglm.glm("y ~ x + C(g)", d, family="gaussian", cov="HC0")
    more = fastglm.glm("y ~ x + C(g)", d, family="gaussian", cov="HC1")
    np.testing.assert_allclose(more.bse / r.bse, np.sqrt(n / (n - r.rank)))
    for kind in ("HC2", "HC3", "cluster:g"):
        with pytest.raises(InvalidParameterError, match=kind):
            fastglm.glm("y ~ x + C(g)", d, family="gaussian", cov=kind)


def test_a_row_alone_in_its_level():
    X, y, *_ = draw("gaussian")
    X[:, 2] = np.arange(len(y)) == 7
    with pytest.warns(FastGLMWarning, match="leverage 1"):
        r = fastglm.fit(X, y, cov="HC3")
    assert np.isnan(r.bse).all() and np.isfinite(fastglm.fit(X, y, cov="HC1").bse).all()


@pytest.mark.parametrize("solver", ["irls", "lbfgs", "newton-cg", "stream", "sgd"])
def test_every_solver(solver):
    X, y, _, a, _ = draw("poisson", n=2000)
    solver = fastglm.solvers.SGD(epochs=200) if solver == "sgd" else solver
    rtol = 2e-2 if not isinstance(solver, str) else 1e-6
    for cov in ("HC1", "HC3", {"cluster": a}):
        expected = fastglm.fit(X, y, family="poisson", cov=cov).bse
        np.testing.assert_allclose(fastglm.fit(X, y, family="poisson", cov=cov, solver=solver).bse, expected, rtol=rtol)


def test_saved_and_read_again(tmp_path):
    X, y, _, a, _ = draw("poisson")
    r = fastglm.fit(X, y, family="poisson", cov={"cluster": pd.Series(a, name="firm")})
    r.save(tmp_path / "r.json")
    back = fastglm.load(tmp_path / "r.json")
    assert set(back.tidy().covariance) == {"cluster:firm"} and "covariance" not in back.with_cov("model").tidy()
    assert back.cov_kind == r.cov_kind and (back.cov_params() == r.cov_params()).all()


BAD = [
    ("HC6", "HC4"),
    ("cluster", "which clusters"),
    ({"cluster": None}, "cluster"),
    ({"groups": 1}, "groups"),
    ({"cluster": "firm"}, "names a column"),
    ({"cluster": np.zeros(200)}, "one cluster"),
    ({"cluster": np.zeros(3)}, "shape"),
    ({"cluster": np.r_[np.nan, np.ones(199)]}, "missing at row 0"),
    ({"cluster": np.ones(200, complex)}, "complex"),
    ({"cluster": np.zeros(200), "correction": 2}, "correction"),
]


@pytest.mark.parametrize("cov,message", BAD, ids=[m for _, m in BAD])
def test_what_cannot_be_asked_for(cov, message):
    X, y, *_ = draw("poisson")
    with pytest.raises(InvalidParameterError, match=message):
        fastglm.fit(X, y, family="poisson", cov=cov)


def test_rows_that_are_not_those_of_the_fit():
    X, y, w, a, _ = draw("poisson", weighted=True)
    r = fastglm.fit(X, y, family="poisson", weights=w)
    bad = [
        (("HC1",), {}, "needs the rows"),
        (("HC1", X, y), {}, "fitted with weights"),
        (("HC1", X[:50], y[:50]), {"weights": w[:50]}, "observations"),
        (("HC1", X[:, :2], y), {"weights": w}, "coefficients"),
        (("HC1", X, y), {"weights": w, "offset": w}, "offset"),
        (("cluster", X, y), {"weights": w}, "which clusters|clusters belong"),
        (("HC1", X, y), {"weights": w, "cluster": a}, "clusters belong"),
        (("HC1",), {"data": pd.DataFrame({"x": a})}, "no formula"),
    ]
    for given, options, message in bad:
        with pytest.raises(InvalidParameterError, match=message):
            r.with_cov(*given, **options)


def test_names_are_read_in_any_case():
    assert [parse(v).kind for v in ("robust", "hc0", "Hc3", "cluster:a b")] == ["HC0", "HC0", "HC3", "cluster"]
    assert parse("cluster:a b").by == ("a b",) and parse("MODEL") == "model" and parse(None) is None


@pytest.mark.parametrize("seed", range(6))
def test_a_variance_that_rounding_leaves_below_zero_is_named(seed):
    """A level of one row has a residual of zero, and so a robust variance of zero but for rounding."""
    rng = np.random.default_rng(seed)
    level = rng.permutation(np.r_[[0], rng.integers(1, 5, 14)])
    X, y = (level[:, None] == np.arange(1, 5)) * 1.0, rng.gamma(2.0, 1.0, 15)
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        result = fastglm.fit(X, y, family="gamma", link="log", cov="HC1")
        error = result.bse[0]
    assert not any(w.category is RuntimeWarning for w in caught)
    named = any("zero but for rounding" in str(w.message) for w in caught)
    assert np.isnan(error) == named and not error > 1e-6 * np.sqrt(result.cov_unscaled[0, 0])
