"""Marginal effects and comparisons: analytic references, closed forms, and the same numbers from every storage."""

import re
from math import log

import numpy as np
import pytest
from reference_cases import CASES, fitted, frame, named, same

import fastglm
from fastglm.errors import InvalidParameterError, MissingDataError

pd = pytest.importorskip("pandas")
RNG = np.random.default_rng(0)
N = 800


def rows(n=N):
    rng = np.random.default_rng(1)
    data = pd.DataFrame(
        {
            "x": rng.uniform(1.0, 4.0, n),
            "z": rng.normal(size=n),
            "d": rng.integers(0, 2, n).astype(float),
            "g": rng.choice(["a", "b", "c"], n),
            "flag": rng.random(n) < 0.4,
            "e": rng.uniform(0.5, 2.0, n),
            "w": rng.integers(1, 4, n).astype(float),
        }
    )
    eta = 0.3 * np.log(data.x) + 0.2 * data.z + 0.3 * data.d - 0.2 * (data.g == "b") + 0.1 * data.flag * data.z
    data["y"] = rng.poisson(data.e * np.exp(eta)).astype(float)
    data["colour"] = np.array(["blue", "green", "red"])[rng.integers(0, 3, n)]
    return data


DATA = rows()
FORMULA = "y ~ bs(x, df=5) + z*g + I(z**2) + d + flag + exposure(e)"


@pytest.fixture(scope="module")
def fit():
    return fastglm.glm(FORMULA, DATA, family="poisson")


def differences(function, beta, h=1e-6):
    """The gradient of a function of coefficients."""
    return np.array([(function(beta + h * e) - function(beta - h * e)) / (2 * h) for e in np.eye(len(beta))])


def with_params(result, beta):
    from dataclasses import replace

    return replace(result, params=beta)


# R's effects: exact derivatives, their errors by the model's covariance and by robust ones


def asked(fit, data, name):
    """The answer to what a reference is called, None for others."""
    given = {c: set(map(str, data[c])) for c in data.columns if data[c].dtype == "category"}

    def values(variable, high, low):
        return (low, high) if variable in given else (float(low), float(high))

    if match := re.fullmatch(r"ame_(dydx|eyex|dyex|eydx)_(\w+?)", name):
        if match[2] in data.columns:
            return fit.margins(data, match[2], kind=match[1], discrete=())
    if (match := re.fullmatch(r"mem_dydx_(\w+)", name)) and match[1] in data.columns:
        return fit.margins(data, match[1], at="means", discrete=())
    if match := re.fullmatch(r"(ame_contrast|ratio|mem_contrast)_([^_]+)_(\w+)_vs_(\w+)", name):
        pair = values(match[2], match[3], match[4])
        at = "means" if match[1] == "mem_contrast" else None
        kind = "ratio" if match[1] == "ratio" else "difference"
        return fit.compare(match[2], data, contrast=pair, kind=kind, at=at)
    if match := re.fullmatch(r"log_odds_ratio_of_averages_([^_]+)_(\w+)_vs_(\w+)", name):
        return fit.compare(match[1], data, contrast=values(match[1], match[2], match[3]), kind="ln_odds_ratio")
    if match := re.fullmatch(r"contrast_(\w+)_plus_1", name):
        return fit.compare(match[1], data, contrast=1)
    if match := re.fullmatch(r"contrast_(\w+)_q75_minus_q25", name):
        return fit.compare(match[1], data, contrast="iqr")
    if (match := re.fullmatch(r"prediction_([^_]+)_(\w+)", name)) and match[1] in data.columns:
        return fit.margins(data, kind="mean", at={match[1]: match[2] if match[1] in given else float(match[2])})
    return None


@pytest.mark.parametrize("name", [name for name in named("margins") if "multinomial" not in name])
def test_effects_of_the_reference(name):
    case = CASES[name]
    data, fit = frame(case), fitted(case)
    results = {"model": fit, "HC3": fit.with_cov("HC3", data=data)}
    seen = 0
    for effect, expected in case["expected"]["effects"].items():
        if asked(fit, data, effect) is None:
            continue
        for kind, result in results.items():
            found = asked(result, data, effect)
            assert found.estimate[0] == pytest.approx(expected["estimate"], rel=1e-8, abs=1e-12)
            assert found.std_error[0] == pytest.approx(expected["se"][kind], rel=1e-8)
            seen += 1
    assert seen >= 14


def test_effects_of_classes():
    case = CASES["margins_multinomial_beps"]
    data, fit = frame(case), fitted(case)
    for effect, expected in case["expected"]["effects"].items():
        found = asked(fit, data, effect)
        by_class = dict(zip(found.labels["class"], zip(found.estimate, found.std_error, strict=True), strict=True))
        for label, value in expected["estimate"].items():
            assert by_class[label] == pytest.approx((value, expected["se"][label]), rel=1e-7)
    slopes = fit.margins(data, "age")
    assert slopes.estimate.sum() == pytest.approx(0.0, abs=1e-15)  # probabilities sum to one
    assert list(fit.margins(data, "age", scale="link").estimate) == pytest.approx(
        list(fit.params[list(fit.names).index("age")]), rel=1e-12
    )


# derivatives of the formula's own transforms


def test_derivatives_of_terms_are_those_of_predictions(fit):
    h = 1e-5
    for name, kind in (("x", "dydx"), ("z", "dydx"), ("x", "eydx"), ("z", "dyex")):
        inside = DATA[(DATA.x > DATA.x.min() + 0.01) & (DATA.x < DATA.x.max() - 0.01)]
        found = fit.margins(inside, name, kind=kind)
        up, down = (fit.predict(inside.assign(**{name: inside[name] + s * h})) for s in (1.0, -1.0))
        slope = (up - down) / (2.0 * h)
        slope = slope / fit.predict(inside) if kind == "eydx" else slope * inside[name] if kind == "dyex" else slope
        assert found.estimate[0] == pytest.approx(np.mean(slope), rel=1e-8)
        gradient = differences(lambda b, n=name, k=kind, d=inside: with_params(fit, b).margins(
            d, n, kind=k, se=False).estimate[0], fit.params)  # fmt: skip
        np.testing.assert_allclose(found.jacobian[0], gradient, rtol=1e-6, atol=1e-7 * np.abs(gradient).max())


@pytest.mark.parametrize(
    ("term", "closed"),
    [
        ("log(x)", lambda x: 1 / x),
        ("I(x**2) + sqrt(x)", None),
        ("poly(x, 3)", None),
        ("cr(x, df=4)", None),
        ("exp(-x)", lambda x: -np.exp(-x)),
        ("scale(x)", lambda x: np.full(len(x), 1 / np.std(DATA.x, ddof=1))),
    ],
)
def test_derivatives_of_transforms(term, closed):
    fit = fastglm.glm(f"y ~ {term} + z", DATA, family="poisson", cov=None)
    inside = DATA[(DATA.x > DATA.x.min() + 0.01) & (DATA.x < DATA.x.max() - 0.01)]
    found = fit.margins(inside, "x", scale="link", se=False).estimate[0]
    if closed is not None:
        assert found == pytest.approx(fit.params[1] * np.mean(closed(inside.x)), rel=1e-13)
    h = 1e-4  # a difference of the fourth order
    points = [np.mean(fit.predict(inside.assign(x=inside.x + k * h), kind="link")) for k in (-2, -1, 1, 2)]
    assert found == pytest.approx((points[0] - 8 * points[1] + 8 * points[2] - points[3]) / (12 * h), rel=2e-9)


def test_a_spline_has_its_derivative_at_the_bounds_too():
    fit = fastglm.glm("z ~ bs(x, df=5)", DATA)
    ends = pd.DataFrame({"x": [DATA.x.min(), DATA.x.max()]})
    found = fit.margins(ends, "x", average=False, se=False).estimate
    h = 1e-5
    inside = fit.predict(pd.DataFrame({"x": [ends.x[0] + h, ends.x[0] + 2 * h, ends.x[1] - h, ends.x[1] - 2 * h]}))
    f = fit.predict(ends)
    expected = [(-3 * f[0] + 4 * inside[0] - inside[1]) / (2 * h), (3 * f[1] - 4 * inside[2] + inside[3]) / (2 * h)]
    np.testing.assert_allclose(found, expected, rtol=1e-6)


def test_what_steps_has_no_derivative():
    fit = fastglm.glm("y ~ I(x > 2) + z", DATA, family="poisson")
    with pytest.raises(InvalidParameterError, match="no derivative in 'x'"):
        fit.margins(DATA, "x")
    assert len(fit.compare("x", DATA, contrast=(1.5, 2.5))) == 1


# averages in closed form


def test_means_and_groups_are_those_of_predictions(fit):
    means = fit.margins(DATA, kind="mean", by="g")
    expected = [fit.predict(DATA[DATA.g == level]).mean() for level in "abc"]
    np.testing.assert_allclose(means.estimate, expected, rtol=1e-13)
    weighted = fit.margins(DATA, kind="mean", weights="w")
    assert weighted.estimate[0] == pytest.approx(np.average(fit.predict(DATA), weights=DATA.w), rel=1e-13)
    both = fit.compare("flag", DATA, by=["g", "d"])
    assert both.labels["g"] == ["a", "a", "b", "b", "c", "c"] and both.labels["d"] == [0.0, 1.0] * 3
    part = DATA[(DATA.g == "b") & (DATA.d == 1)]
    change = fit.predict(part.assign(flag=True)) - fit.predict(part.assign(flag=False))
    assert both.estimate[3] == pytest.approx(change.mean(), rel=1e-12)
    grid = fit.margins(DATA, "z", at={"x": [2.0, 3.0], "g": "c"})
    assert grid.labels["x"] == [2.0, 3.0] and grid.labels["g"] == ["c", "c"]
    each = fit.margins(DATA.head(7), "z", average=False)
    assert fit.margins(DATA.head(7), "z").estimate[0] == pytest.approx(each.estimate.mean(), rel=1e-13)


def test_the_offset_moves_with_its_column(fit):
    found = fit.compare("e", DATA, contrast=(1.0, 2.0), kind="ratio")
    assert found.estimate[0] == pytest.approx(2.0, rel=1e-12)
    assert fit.margins(DATA, "e", kind="eyex").estimate[0] == pytest.approx(1.0, rel=1e-12)


def test_kinds_of_comparisons_agree(fit):
    means = fit.compare("g", DATA, kind="mean")
    low, high = means.estimate[:2]
    wanted = {"difference": high - low, "ratio": high / low, "lnratio": log(high / low), "lift": high / low - 1}
    for kind, value in wanted.items():
        assert fit.compare("g", DATA, kind=kind).estimate[0] == pytest.approx(value, rel=1e-12)
    ratio, logs = fit.compare("g", DATA, kind="ratio"), fit.compare("g", DATA, kind="lnratio")
    np.testing.assert_allclose(ratio.conf_int(), np.exp(logs.conf_int()), rtol=1e-12)
    np.testing.assert_allclose(ratio.p_value, logs.p_value, rtol=1e-12)
    pairs = fit.compare("g", DATA, "pairwise").labels["contrast"]
    assert pairs == ["b - a", "c - a", "c - b"]
    assert fit.compare("g", DATA, ("c", "a")).estimate[0] == pytest.approx(means.estimate[0] - means.estimate[2])
    with pytest.raises(InvalidParameterError, match="below one"):
        fit.compare("g", DATA, kind="odds_ratio", at={"x": 3.5, "e": 9.0})


def test_a_contrast_of_effects_has_the_joint_covariance(fit):
    effects = fit.compare("g", DATA)
    difference = effects.contrast([[-1.0, 1.0]], ["c against b"])
    direct = fit.compare("g", DATA, ("b", "c"))
    assert difference.estimate[0] == pytest.approx(direct.estimate[0], rel=1e-11)
    assert difference.std_error[0] == pytest.approx(direct.std_error[0], rel=1e-11)


def test_drawn_coefficients_have_the_spread_of_the_delta_method(fit):
    exact = fit.margins(DATA)
    drawn = fit.margins(DATA, method="simulation", draws=2000, seed=3)
    np.testing.assert_array_equal(drawn.estimate, exact.estimate)
    # the error of a standard deviation of 2000 draws is 1.6 %
    np.testing.assert_allclose(drawn.std_error, exact.std_error, rtol=0.08)
    same = fit.margins(DATA, method="simulation", draws=50, seed=3)
    np.testing.assert_array_equal(same.std_error, fit.margins(DATA, method="simulation", draws=50, seed=3).std_error)
    # a linear model's effects are its coefficients, and their draws normal
    line = fastglm.glm("z ~ x", DATA)
    wide = line.margins(DATA, method="simulation", draws=4000)
    assert wide.std_error[0] == pytest.approx(line.bse[1], rel=0.05)


# storages


def test_every_storage_gives_the_numbers_of_the_frame(fit, tmp_path):
    pytest.importorskip("pyarrow")
    exact = fit.margins(DATA, by="g")
    path = tmp_path / "rows.parquet"
    DATA.to_parquet(path, row_group_size=300)
    frames = [path]
    polars = pytest.importorskip("polars")
    frames.append(polars.DataFrame(DATA.to_dict("list")))
    for data in frames:
        found = fit.margins(data, by="g", threads=2)
        np.testing.assert_allclose(found.estimate, exact.estimate, rtol=1e-12)
        np.testing.assert_allclose(found.std_error, exact.std_error, rtol=1e-12)
        one = fit.emmeans("g", data)
        np.testing.assert_allclose(one.estimate, fit.emmeans("g", DATA).estimate, rtol=1e-12)


def test_arrays_by_the_names_of_columns():
    X = np.column_stack([DATA.z, DATA.d, DATA.x])
    y = (DATA.y > 1).to_numpy(float)
    fit = fastglm.fit(X, y, family="binomial", names=["z", "d", "x"])
    named_columns = fastglm.glm("y ~ z + d + x", DATA.assign(y=y), family="binomial")
    for kind in ("dydx", "eydx"):
        expected = named_columns.margins(DATA, kind=kind)
        for data in (X, np.asfortranarray(X), pd.DataFrame(X, columns=["z", "d", "x"])):
            found = fit.margins(data, kind=kind)
            assert found.labels["contrast"] == ["derivative" if kind == "dydx" else "ey/dx", "1 - 0"] + (
                ["derivative" if kind == "dydx" else "ey/dx"]
            )
            np.testing.assert_allclose(found.estimate, expected.estimate, rtol=1e-12)
            np.testing.assert_allclose(found.std_error, expected.std_error, rtol=1e-12)
    sparse = pytest.importorskip("scipy.sparse").csr_matrix(X)
    np.testing.assert_allclose(fit.margins(sparse).estimate, fit.margins(X).estimate, rtol=1e-12)
    groups = fit.margins(X, "z", by=DATA.g.to_numpy())
    np.testing.assert_allclose(groups.estimate, named_columns.margins(DATA, "z", by="g").estimate, rtol=1e-12)
    assert fastglm.fit(X, y, family="binomial").margins(X, "x1").estimate[0] == pytest.approx(groups_of(fit, X))


def groups_of(fit, X):
    mu = fit.predict(X)
    return fit.params[1] * np.mean(mu * (1 - mu))


def test_zeros_and_ones_that_end_are_numbers():
    x = np.r_[np.tile([0.0, 1.0], 35_000), 2.0]
    X, y = x[:, None], (np.arange(len(x)) % 3 == 0).astype(float)
    fit = fastglm.fit(X, y, family="binomial")
    found = fit.margins(X)
    assert found.labels["contrast"] == ["derivative"]
    assert fit.margins(X[:-1]).labels["contrast"] == ["1 - 0"]


def test_typical_rows_and_rows_of_at(fit):
    typical = fit.margins(DATA, "z", at="means")
    row = {"x": DATA.x.mean(), "z": DATA.z.mean(), "d": float(DATA.d.mean() > 0.5), "g": DATA.g.mode()[0]}
    row |= {"flag": False, "e": np.exp(np.mean(np.log(DATA.e)))}
    assert typical.estimate[0] == pytest.approx(fit.margins(None, "z", at=row).estimate[0], rel=1e-12)
    mixed = fit.margins(DATA, "z", at={"g": "b"}, typical=True)
    assert mixed.estimate[0] == pytest.approx(fit.margins(None, "z", at={**row, "g": "b"}).estimate[0], rel=1e-12)


# what is refused


def test_bad_input_is_named(fit):
    for options, text in [
        ({"variables": "nothing"}, "'nothing' is not in the model"),
        ({"at": {"g": "q"}}, "'g' has no level 'q'; it has a, b, c"),
        ({"at": {"q": 1}}, "'q' is not in the model"),
        ({"at": {"x": []}}, "'x' has no value"),
        ({"kind": "dx"}, "kind='dx' is unknown"),
        ({"variables": "g", "kind": "eyex"}, "'g' is a factor"),
        ({"variables": "g", "at": {"g": "a"}}, "'g' is given a level"),
        ({"method": "jackknife"}, "method='jackknife'"),
        ({"scale": "y"}, "scale='y'"),
        ({"by": "nobody"}, "nobody"),
        ({"at": "means", "by": "g"}, "typical row has no groups"),
        ({"at": {"x": "two"}}, "holds numbers"),
    ]:
        with pytest.raises(InvalidParameterError, match=text):
            fit.margins(DATA, **options)
    with pytest.raises(TypeError, match="unknown option 'weight'"):
        fit.margins(DATA, weight="w")
    with pytest.raises(InvalidParameterError, match="a result holds no rows"):
        fit.margins()
    with pytest.raises(InvalidParameterError, match="by: 'by' has missing values|missing"):
        fit.margins(DATA, by=np.where(DATA.z > 0, np.nan, 1.0))
    with pytest.raises(InvalidParameterError, match="contrast='sd'"):
        fit.compare("g", DATA, contrast="sd")
    with pytest.raises((InvalidParameterError, MissingDataError), match="weights"):
        fit.margins(DATA, weights=np.full(N, -1.0))


def test_levels_without_rows_and_aliased_columns():
    data = DATA.assign(g=pd.Categorical(DATA.g, ["a", "b", "c", "unused"]))
    fit = fastglm.glm("y ~ g + x", data, family="poisson")
    with pytest.raises(InvalidParameterError, match="no row of the fit had the level 'unused'"):
        fit.margins(data, "x", at={"g": "unused"})
    twice = fastglm.glm("y ~ x + z + double", DATA.assign(double=2 * DATA.z), family="poisson")
    with pytest.raises(InvalidParameterError, match="'double' is not estimable"):
        twice.margins(DATA.assign(double=2 * DATA.z), "double")
    found = twice.margins(DATA.assign(double=2 * DATA.z), "x")
    assert any("double is aliased" in note for note in found.notes)
    same(found.estimate, fastglm.glm("y ~ x + z", DATA, family="poisson").margins(DATA, "x").estimate)
    with pytest.raises(InvalidParameterError, match="'z' is not estimable"):  # with double as it is
        twice.margins(DATA.assign(double=2 * DATA.z), "z")


def test_penalised_fits_have_effects_without_errors():
    X, y = DATA[["x", "z"]].to_numpy(), DATA.y.to_numpy()
    lasso = fastglm.fit(X, y, family="poisson", penalty={"lasso": 0.01})
    with pytest.raises(InvalidParameterError, match="penalised fit have no covariance.*se=False"):
        lasso.margins(X)
    found = lasso.margins(X, se=False)
    np.testing.assert_allclose(found.estimate, lasso.params[1:] * lasso.predict(X).mean(), rtol=1e-12)
    assert np.isnan(found.std_error).all()
    ridge = fastglm.fit(X, y, family="poisson", penalty={"ridge": 0.1}, cov="bayesian")
    assert (ridge.margins(X).std_error > 0).all()


def test_tables_print_and_go_out(fit):
    found = fit.margins(DATA, "z")
    assert str(found).startswith("Average marginal effects: the mean\n\nTerm")
    assert "<table" in found._repr_html_()
    table = found.tidy()
    assert list(table.columns) == [
        "term", "contrast", "estimate", "std_error", "statistic", "p_value", "conf_low", "conf_high"
    ]  # fmt: skip
    assert found.to_frame().equals(table) and len(found) == 1
    narrow, wide = found.conf_int(0.5), found.conf_int(0.99)
    assert wide[0, 0] < narrow[0, 0] < narrow[0, 1] < wide[0, 1]
    with pytest.raises(InvalidParameterError, match="level"):
        found.conf_int(2.0)
    same(found.estimate, [table["estimate"][0]])


def test_a_covariance_of_parts_gives_the_numbers_of_its_matrix(monkeypatch):
    monkeypatch.setattr("fastglm.design.layout.HIGH_CARDINALITY", 20)  # levels from which it is never one matrix
    monkeypatch.setattr("fastglm.linalg.arrowhead.LARGEST", 10)
    rng = np.random.default_rng(2)
    n = 900
    data = pd.DataFrame({"k": rng.integers(0, 60, n).astype(str), "x": rng.normal(size=n), "d": rng.random(n) < 0.5})
    data["y"] = rng.normal(size=n) + data.x
    fit = fastglm.glm("y ~ x + d + k", data)
    V = fit.cov_params()
    assert not isinstance(V, np.ndarray)
    few = data.head(300)
    for result in (fit, fit.with_cov("HC1", data=data)):
        found = result.compare("d", few, by=few.d.to_numpy())
        means = result.margins(few, kind="mean", by=few.d.to_numpy())
        dense = np.nan_to_num(result.cov_params().toarray())
        np.testing.assert_allclose(means.covariance, means.jacobian @ dense @ means.jacobian.T, rtol=1e-8)
        place = list(fit.names).index("d[T.True]")
        np.testing.assert_allclose(found.std_error, result.bse[place], rtol=1e-9)


@pytest.mark.parametrize("storage", ["frame", "file", "arrays"])
def test_zeros_and_ones_and_typical_rows_take_one_read(storage, tmp_path, monkeypatch):
    from fastglm.rows import counterfactual, supplied

    monkeypatch.setattr(supplied, "BATCH", 100)  # rows of a piece
    data = DATA.assign(b=(DATA.x > 2.5) * 1.0, late=np.where(np.arange(N) < N - 3, 1.0, 2.0))
    model = fastglm.glm("y ~ x + b + late", data, family="poisson")
    rows = data
    if storage == "file":
        rows = tmp_path / "rows.parquet"
        data.to_parquet(rows, row_group_size=150)
    elif storage == "arrays":
        model = fastglm.fit(data[["x", "b", "late"]], data.y, family="poisson")
        rows = data[["x", "b", "late"]].to_numpy()
    read = []
    plain = counterfactual.Counterfactual.__init__

    def counted(self, owner, piece, *others):
        plain(self, owner, piece, *others)
        read.append(self.n)

    monkeypatch.setattr(counterfactual.Counterfactual, "__init__", counted)

    def reads(ask):
        read.clear()
        found = ask()
        return found, sum(n for n in read if n > 1) / N

    for ask in (
        lambda: model.margins(rows, ["x", "b"]), lambda: model.margins(rows, ["x", "b"], at="means"),
        lambda: model.compare("b", rows), lambda: model.compare("b", rows, at="means"),
        lambda: model.compare("late", rows, at="means"),
    ):  # fmt: skip
        assert reads(ask)[1] == 1.0
    # a two in the last rows begins anew
    found, count = reads(lambda: model.compare("late", rows))
    assert count > 1.0
    assert found.labels["contrast"] == ["late + 1 - late"]
    found, _ = reads(lambda: model.compare("late", rows, at="means"))
    assert found.labels["contrast"] == ["late + 1 - late"]
    found, _ = reads(lambda: model.compare("b", rows, at="means"))
    assert found.labels["contrast"] == ["1 - 0"]
    with pytest.raises(InvalidParameterError, match="contrast='pairwise' is none that the numbers of 'late' have"):
        model.compare("late", rows, "pairwise")
