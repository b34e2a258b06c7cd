"""Tests between models: R's tables, and what holds whatever R says."""

import json
import re
from pathlib import Path

import numpy as np
import pytest

import fastglm
from fastglm.errors import InvalidParameterError

pd = pytest.importorskip("pandas")
FOLDER = Path(__file__).parent / "inference"
CASES = {path.stem: json.loads(path.read_text()) for path in sorted(FOLDER.glob("*.json"))}
FAMILIES = {"quasipoisson": "quasi_poisson"}
# R's add1 leaves the offset out of the score
WITHOUT = {("drop_add_poisson_ships", "add1_Rao")}


def frame(case):
    data = pd.read_csv(FOLDER / Path(case["data"]).name)
    for name, levels in case["levels"].items():
        data[name] = pd.Categorical(data[name].astype(str), levels)
    return data


def fitted(case, formula=None):
    formula = (formula or case["formula"]).replace("^", "**")
    shift = f" + offset({case['offset']})" if case["offset"] else ""
    family = FAMILIES.get(case["family"], case["family"])
    return fastglm.glm(formula + shift, frame(case), family=family, link=case["link"])


def column(table, *names):
    name = next(name for name in names if name in table)
    return np.array([np.nan if v is None else v for v in table[name]], float)


def same(found, expected, tol=2e-8):
    found, expected = np.asarray(found, float), np.asarray(expected, float)
    assert (np.isnan(found) == np.isnan(expected)).all(), (found, expected)
    np.testing.assert_allclose(found, expected, rtol=tol, atol=tol * np.nanmax(np.abs(expected)))


@pytest.mark.parametrize("test", ["LRT", "F", "Rao", None])
@pytest.mark.parametrize("name", [name for name in CASES if name.startswith("anova_seq")])
def test_terms_in_order(name, test):
    case = CASES[name]
    found = fastglm.anova(fitted(case), data=frame(case), test=test)
    expected = case["expected"][test or "LRT"]
    assert list(found.terms) == expected["rows"]
    same(found.df, column(expected, "Df"))
    same(found.deviance, column(expected, "Deviance"))
    same(found.df_residual, column(expected, "Resid. Df"))
    same(found.residual_deviance, column(expected, "Resid. Dev"))
    if test is not None:
        same(found.p_value, column(expected, "Pr(>Chi)", "Pr(>F)"), 1e-6)
    if test in ("F", "Rao"):
        same(found.statistic, column(expected, test), 1e-7)


@pytest.mark.parametrize("test", ["LRT", "F", "Rao"])
@pytest.mark.parametrize("verb", ["drop1", "add1"])
@pytest.mark.parametrize("name", [name for name in CASES if name.startswith("drop_add")])
def test_single_terms(name, verb, test):
    if (name, f"{verb}_{test}") in WITHOUT:
        pytest.skip("R's add1 leaves the offset out of the score")
    case = CASES[name]
    if verb == "drop1":
        found = fastglm.drop1(fitted(case), frame(case), test=test)
    else:
        base = re.search(r"BASE <- \. ~ (.*)", case["r_code"])[1]
        scope = re.search(r"SCOPE <- ~ ?(.*)", case["r_code"])[1]
        small = fitted(case, case["formula"].split("~")[0] + "~ " + base)
        found = fastglm.add1(small, scope, frame(case), test=test)
    expected = case["expected"][f"{verb}_{test}"]
    assert list(found.terms) == expected["rows"]
    same(found.df, column(expected, "Df"))
    same(found.deviance, column(expected, "Deviance"))
    same(found.aic, column(expected, "AIC"))
    same(found.statistic, column(expected, "LRT", "scaled dev.", "F value", "Rao score", "scaled Rao sc."), 1e-7)
    same(found.p_value, column(expected, "Pr(>Chi)", "Pr(>F)"), 1e-6)


@pytest.mark.parametrize("search", ["backward_aic", "backward_bic", "forward_aic", "both_aic"])
@pytest.mark.parametrize("name", [name for name in CASES if name.startswith("step")])
def test_stepwise(name, search):
    case, (direction, criterion) = CASES[name], search.split("_")
    k = "bic" if criterion == "bic" else 2.0
    full, scope = fitted(case), case["formula"].split("~")[1]
    start = full if direction == "backward" else fitted(case, case["formula"].split("~")[0] + "~ 1")
    found = fastglm.step(start, frame(case), scope=scope, direction=direction, k=k)
    expected = case["expected"][search]
    assert list(found.path.terms) == expected["path"]["Step"]
    for ours, theirs in {"df": "Df", "deviance": "Deviance", "residual_deviance": "Resid. Dev", "aic": "AIC"}.items():
        same(getattr(found.path, ours), column(expected["path"], theirs))
    names = [re.sub(r"\[T\.(.*)\]", r"\1", name) for name in found.result.names]
    coef = dict(zip(names, found.result.params, strict=True))
    same([coef[name] for name in expected["coef"]], list(expected["coef"].values()), 1e-7)


@pytest.mark.parametrize("name", [name for name in CASES if name.startswith("score_added")])
def test_columns_that_are_not_there(name):
    case = CASES[name]
    extra = re.search(r"EXTRA <- ~ ?(.*)", case["r_code"])[1].replace("^", "**")
    found, expected = fastglm.score_test(fitted(case), extra, frame(case)), case["expected"]
    same(found.statistic, expected["joint_chisq"], 1e-7)
    assert found.df == expected["df"]
    same(found.p_value, expected["p"], 1e-6)
    same(found.each, expected["each_chisq"], 1e-7)
    same(found.each_p_value, expected["each_p"], 1e-6)


def test_models_that_are_nested():
    case = CASES["drop_add_logit_birthwt"]
    small, large = fitted(case, "low ~ age + lwt"), fitted(case)
    found, expected = fastglm.anova(small, large), case["expected"]["lrtest"]
    same(found.statistic[1], expected["Chisq"][1])
    same(found.p_value[1], expected["Pr(>Chisq)"][1], 1e-6)
    same(fastglm.anova(large, small).statistic, found.statistic)
    assert "Resid. Dev" in str(found) and "<table" in found._repr_html_()
    assert found.table().shape == (2, 7)
    assert found.tidy().equals(found.table()) and list(found.to_frame()["term"]) == list(found.terms)


def test_arrays_and_files(tmp_path):
    rng = np.random.default_rng(0)
    X = rng.normal(size=(200, 3))
    y = rng.poisson(np.exp(0.3 * X[:, 0])).astype(float)
    data = pd.DataFrame(X, columns=["x1", "x2", "x3"]).assign(y=y)
    by_formula = fastglm.drop1(fastglm.glm("y ~ x1 + x2 + x3", data, family="poisson"), data, test="Rao")
    by_array = fastglm.drop1(fastglm.fit(X, y, family="poisson"), X, y, test="Rao")
    same(by_array.statistic, by_formula.statistic, 1e-10)
    pytest.importorskip("pyarrow")
    data.to_parquet(tmp_path / "rows.parquet")
    path = str(tmp_path / "rows.parquet")
    stored = fastglm.drop1(fastglm.glm("y ~ x1 + x2 + x3", path, family="poisson"), path, test="Rao")
    same(stored.statistic, by_formula.statistic, 1e-10)


@pytest.mark.parametrize("family", ["quasipoisson", "quasi", "quasibinomial"])
def test_a_search_needs_a_likelihood(family):
    data = frame(CASES["anova_seq_gamma_clotting"]).assign(share=lambda d: d.time / d.time.max())
    fit = fastglm.glm("share ~ u + lot", data, family=family)
    with pytest.raises(InvalidParameterError, match="has no likelihood, and so no AIC"):
        fastglm.step(fit, data)


def test_interactions_keep_their_margins():
    case = CASES["anova_seq_gamma_clotting"]
    fit = fitted(case)
    assert fastglm.drop1(fit, frame(case)).terms == ("<none>", "log(u):lot")
    found = fastglm.step(fitted(case, "time ~ 1"), frame(case), scope="log(u) * lot", direction="forward")
    assert found.path.terms[1:3] == ("+ log(u)", "+ lot")


def test_what_cannot_be_compared():
    case = CASES["drop_add_logit_birthwt"]
    data, fit = frame(case), fitted(case)
    with pytest.raises(InvalidParameterError, match="rows"):
        fastglm.anova(fit, fastglm.glm("low ~ age", data[:100], family="binomial"))
    with pytest.raises(InvalidParameterError, match="family"):
        fastglm.anova(fit, fastglm.glm("low ~ age", data, family="poisson"))
    with pytest.raises(InvalidParameterError, match="response"):
        fastglm.anova(fit, fastglm.glm("smoke ~ age", data, family="binomial"))
    with pytest.raises(InvalidParameterError, match="data"):
        fastglm.anova(fit)
    with pytest.raises(InvalidParameterError, match="unknown"):
        fastglm.drop1(fit, data, test="t")
    with pytest.raises(InvalidParameterError, match="no term 'height'"):
        fastglm.drop1(fit, data, scope=["height"])
    with pytest.raises(InvalidParameterError, match="direction"):
        fastglm.step(fit, data, direction="up")
    holes = data.assign(lwt=data.lwt.where(data.lwt > 90))
    some = fastglm.glm("low ~ age + lwt", holes, family="binomial", missing="drop")
    with pytest.raises(InvalidParameterError, match="missing"):
        fastglm.drop1(some, holes)


def test_another_response_is_refused():
    rng = np.random.default_rng(1)
    X = rng.normal(size=(200, 3))
    fit = fastglm.fit(X, rng.poisson(2.0, 200).astype(float), family="poisson")
    with pytest.raises(fastglm.errors.InvalidParameterError, match="y: the response"):
        fastglm.drop1(fit, X, rng.poisson(2.0, 200).astype(float))
