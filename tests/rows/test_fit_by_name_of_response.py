"""Fits of whole frames and files, ``fit(data, y="count")``: every verb has the numbers that a formula's fit has."""

import numpy as np
import pytest

import fastglm

pd = pytest.importorskip("pandas")
pytest.importorskip("pyarrow")


@pytest.fixture(scope="module")
def rows(tmp_path_factory):
    rng = np.random.default_rng(5)
    n = 240
    data = pd.DataFrame({"dose mg": rng.normal(size=n), "z": rng.normal(size=n), "g": rng.choice(list("abc"), n)})
    data["time"], data["w"] = rng.uniform(0.5, 2.0, n), rng.uniform(0.5, 2.0, n)
    data["count"] = rng.poisson(data.time * np.exp(0.4 * data["dose mg"] - 0.2 * data.z + 0.3 * (data.g == "b")))
    path = tmp_path_factory.mktemp("rows") / "rows.parquet"
    data.to_parquet(path, row_group_size=70)
    return {"frame": data, "parquet": str(path)}


OPTIONS = {"family": "poisson", "exposure": "time", "weights": "w"}
NAMES = ("columns", "params", "estimate", "limits", "signed_root", "statistic", "each", "deviance", "cooks_distance")


def numbers(found):
    """The numbers of an answer, flat."""
    for name in NAMES:
        if hasattr(found, name) and not callable(getattr(found, name)):
            found = getattr(found, name)
            break
    if isinstance(found, dict):
        found = list(found.values())
    return np.concatenate([np.ravel(np.asarray(v, float)) for v in (found if isinstance(found, list) else [found])])


VERBS = {
    "drop1": lambda r, d: r.drop1(d),
    "drop1 of every test": lambda r, d: r.drop1(d, test=("LRT", "F", "Rao", "Wald")),
    "add1": lambda r, d: r.add1("z:g + exp(z)", d),
    "add1 by Rao": lambda r, d: r.add1("z:g", d, test="Rao"),
    "step": lambda r, d: r.step(d).path,
    "step over a scope": lambda r, d: r.step(d, scope="`dose mg`:z + z:g", k="bic").result,
    "anova": lambda r, d: r.anova(d),
    "anova by Rao": lambda r, d: r.anova(d, test="Rao"),
    "profile": lambda r, d: r.profile("dose mg", d),
    "conf_int": lambda r, d: r.conf_int(method="profile", data=d),
    "score_test": lambda r, d: r.score_test("z:g", d),
    "detect_separation": lambda r, d: [float(v == "finite") for v in r.detect_separation(d).verdicts.values()],
    "wald_test": lambda r, d: r.wald_test("z = 0, g[T.b] = 2 * g[T.c]"),
    "margins": lambda r, d: r.margins(d),
    "compare": lambda r, d: r.compare("g", d),
    "emmeans": lambda r, d: r.emmeans("g", d),
    "residuals": lambda r, d: r.residuals(d),
    "influence": lambda r, d: r.influence(d),
    "predict": lambda r, d: r.predict(d),
    "score": lambda r, d: r.score(d),
    "calibration": lambda r, d: r.calibration(d).observed,
    "with_cov": lambda r, d: r.with_cov("HC1", d).bse,
    "with_cov of data": lambda r, d: r.with_cov("cluster", data=d, cluster="g").bse,
    "update": lambda r, d: r.update("~ . + z:g", d),
    "link_test": lambda r, d: r.link_test(d),
    "reset_test": lambda r, d: r.reset_test(d),
    "dispersion_test": lambda r, d: r.dispersion_test(d),
    "row_values": lambda r, d: r.row_values(d)[0],
}
IN_MEMORY = ("row_values",)  # of files it is written to one


@pytest.fixture(scope="module")
def by_formula(rows):
    formula = "count ~ `dose mg` + z + g"
    fit = fastglm.glm(formula, rows["frame"], **OPTIONS)
    return {name: numbers(verb(fit, rows["frame"])) for name, verb in VERBS.items()}


@pytest.mark.parametrize("kind", ["frame", "parquet"])
@pytest.mark.parametrize("name", VERBS)
def test_every_verb(name, kind, rows, by_formula):
    if kind == "parquet" and name in IN_MEMORY:
        pytest.skip("rows of files are written to a file")
    fit = fastglm.fit(rows[kind], y="count", **OPTIONS)
    np.testing.assert_allclose(numbers(VERBS[name](fit, rows[kind])), by_formula[name], rtol=1e-10, atol=1e-10)


@pytest.mark.parametrize("name", ["drop1", "drop1 of every test", "add1", "step", "anova by Rao", "profile",
                                  "conf_int", "score_test", "detect_separation", "residuals"])  # fmt: skip
def test_a_frame_beside_an_array(name, rows, by_formula):
    """The response is an array, and the columns of the frame have no formula."""
    data = rows["frame"]
    X, y, vectors = data[["dose mg", "z", "g"]], data["count"].to_numpy(), {"weights": data.w.to_numpy()}
    fit = fastglm.fit(X, y, family="poisson", exposure=data.time.to_numpy(), **vectors)
    vectors["exposure"] = data.time.to_numpy()
    calls = {
        "drop1": lambda: fit.drop1(X, y, **vectors),
        "drop1 of every test": lambda: fit.drop1(X, y, test=("LRT", "F", "Rao", "Wald"), **vectors),
        "add1": lambda: fit.add1("z:g + exp(z)", X, y, **vectors),
        "step": lambda: fit.step(X, y, **vectors).path,
        "anova by Rao": lambda: fit.anova(X, y, test="Rao", **vectors),
        "profile": lambda: fit.profile("dose mg", X, y, **vectors),
        "conf_int": lambda: fit.conf_int(method="profile", data=X, y=y, **vectors),
        "score_test": lambda: fit.score_test("z:g", X, y, **vectors),
        "detect_separation": lambda: [float(v == "finite") for v in
                                      fit.detect_separation(X, y, **vectors).verdicts.values()],
        "residuals": lambda: fit.residuals(X, y, **vectors),
    }  # fmt: skip
    np.testing.assert_allclose(numbers(calls[name]()), by_formula[name], rtol=1e-10, atol=1e-10)


def test_a_frame_of_numbers_has_a_scope():
    rng = np.random.default_rng(6)
    X = pd.DataFrame(rng.normal(size=(200, 2)), columns=["a b", "c"])
    y = rng.poisson(np.exp(0.3 * X["a b"]))
    fit = fastglm.fit(X, y, family="poisson")
    named = fastglm.glm("y ~ `a b` + c", X.assign(y=y), family="poisson")
    for verb in ("score_test", "add1"):
        found = getattr(fit, verb)("`a b`:c", X, y)
        np.testing.assert_allclose(numbers(found), numbers(getattr(named, verb)("`a b`:c", X.assign(y=y))), rtol=1e-10)
    with pytest.raises(fastglm.errors.InvalidParameterError, match="scope"):
        fastglm.fit(X.to_numpy(), y, family="poisson").score_test("x1:x2", X.to_numpy(), y)
    with pytest.raises(fastglm.errors.InvalidParameterError, match="^y: "):
        fit.drop1(X)
