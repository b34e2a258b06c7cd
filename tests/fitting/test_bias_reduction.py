"""Adjusted scores against R's brglm2 and logistf, penalised profiles, softmax; separation with a proof, on streams."""

import json
import re
from pathlib import Path

import numpy as np
import pytest

import fastglm
from fastglm.errors import InvalidParameterError, SeparationWarning

pd = pytest.importorskip("pandas")
FOLDER = Path(__file__).parent / "inference"
KINDS = {"AS_mean": "mean", "AS_median": "median", "AS_mixed": "mixed", "Jeffreys_a0.5": "firth"}
BIAS = [path.stem for path in sorted(FOLDER.glob("bias_*.json"))]
GOLDEN = json.loads((Path(__file__).parent / "golden" / "separation.json").read_text())


def read(name):
    case = json.loads((FOLDER / f"{name}.json").read_text())
    data = pd.read_csv(FOLDER / Path(case["data"]).name)
    for column, levels in case["levels"].items():
        data[column] = pd.Categorical(data[column].astype(str), levels)
    if "total" in data:
        data["alive"] = data.total - data.dead
    return case["formula"].replace("total - dead", "alive"), data, case


@pytest.mark.parametrize("name", BIAS)
def test_adjusted_scores(name):
    formula, data, case = read(name)
    for said, kind in KINDS.items():
        if case["family"] == "gamma" and kind == "firth":
            continue
        expected = case["expected"][said]
        fit = fastglm.glm(formula, data, family=case["family"], link=case["link"], bias_reduction=kind)
        se = np.array(expected["se"])
        np.testing.assert_allclose(fit.params / se, np.array(list(expected["coef"].values())) / se, rtol=0, atol=1e-9)
        np.testing.assert_allclose(fit.bse, se, rtol=1e-9)
        assert fit.scale == pytest.approx(expected["dispersion"], rel=1e-9)
        assert fit.converged and fit.bias_reduction == kind


@pytest.mark.parametrize("name", ["firth_logit_endometrial", "firth_logit_separated"])
def test_penalised_profiles(name, tmp_path):
    formula, data, case = read(name)
    exact = case["expected"]["exact"]
    fit = fastglm.glm(formula, data, family="binomial", bias_reduction="firth")
    np.testing.assert_allclose(fit.params, list(case["expected"]["coef"].values()), rtol=1e-8)
    limits = fit.conf_int(method="profile", data=data)
    np.testing.assert_allclose(limits, np.column_stack([exact["ci_lower"], exact["ci_upper"]]), rtol=1e-8)
    fit.save(tmp_path / "fit.json")
    assert fastglm.load(tmp_path / "fit.json").bias_reduction == "firth"
    data.to_parquet(tmp_path / "rows.parquet")
    file = fastglm.glm(formula, str(tmp_path / "rows.parquet"), family="binomial", bias_reduction="firth", memory=0)
    np.testing.assert_allclose(file.params, fit.params, rtol=1e-8)


def test_softmax_is_at_the_top_of_its_penalised_likelihood():
    rng = np.random.default_rng(4)
    X, y = rng.normal(size=(40, 2)), rng.integers(0, 3, 40)
    fit = fastglm.fit(X, y, family="multinomial", bias_reduction="firth")
    Z = np.column_stack([np.ones(40), X])

    def penalised(b):
        eta = np.column_stack([np.zeros(40), Z @ b.reshape(2, 3).T])
        share = np.exp(eta) / np.exp(eta).sum(1, keepdims=True)
        blocks = [[(Z.T * (share[:, k] * ((k == j) - share[:, j]))) @ Z for j in (1, 2)] for k in (1, 2)]
        return np.log(share[np.arange(40), y]).sum() + 0.5 * np.linalg.slogdet(np.block(blocks))[1]

    b, h = fit.params.T.ravel(), 1e-5
    slopes = [(penalised(b + h * e) - penalised(b - h * e)) / (2 * h) for e in np.eye(6)]
    np.testing.assert_allclose(slopes, 0.0, atol=1e-7)


def test_few_reads_of_many_rows():
    rng = np.random.default_rng(0)
    X = rng.normal(size=(20_000, 20))
    y = rng.binomial(1, 1 / (1 + np.exp(-X[:, 0] - X[:, 1])))
    fits = {kind: fastglm.fit(X, y, family="binomial", bias_reduction=kind) for kind in ("firth", "mean", "median")}
    assert max(fit.n_passes for fit in fits.values()) <= 15
    np.testing.assert_allclose(fits["firth"].params, fits["mean"].params, rtol=1e-9)


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"bias_reduction": "most"}, "known: 'firth', 'mean', 'median', 'mixed'"),
        ({"bias_reduction": "firth", "penalty": {"ridge": 1.0}}, "take one of them"),
        ({"bias_reduction": "firth", "solver": "sgd"}, "a solver of its own"),
        ({"bias_reduction": "firth", "family": "gamma"}, "'mean', 'median' or 'mixed'"),
        ({"bias_reduction": "median", "family": "multinomial"}, "'firth' and 'mean'"),
        ({"bias_reduction": "mean", "family": "gamma", "dispersion": "ml"}, "leave dispersion out"),
    ],
)
def test_refusals(options, words):
    X, y = np.arange(8.0)[:, None], np.array([1.0, 0, 0, 1, 0, 1, 1, 0])
    with pytest.raises(InvalidParameterError, match=re.escape(words)):
        fastglm.fit(X, y, **{"family": "binomial"} | options)


def test_medians_have_no_profile_and_no_tests_between_models():
    formula, data, _ = read("bias_logit_endometrial")
    fit = fastglm.glm(formula, data, family="binomial", bias_reduction="median")
    with pytest.raises(InvalidParameterError, match="that of no likelihood"):
        fit.conf_int(method="profile", data=data)
    with pytest.raises(InvalidParameterError, match="no tests between"):
        fit.drop1(data)


@pytest.mark.parametrize("name", ["separation_endometrial", "separation_none_birthwt", "separation_verdicts"])
@pytest.mark.filterwarnings("ignore::fastglm.errors.SeparationWarning")
def test_verdicts(name, tmp_path):
    formula, data, case = read(name)
    fit = fastglm.glm(formula, data, family="binomial")
    found = fit.detect_separation(data)
    assert list(found.verdicts.values()) == list(case["expected"]["verdict"].values())
    assert (found.status, found.rows_separated) == (
        case["expected"]["separation"],
        len(case["expected"]["rows_separated"]),
    )
    data.to_parquet(tmp_path / "rows.parquet")
    assert fit.detect_separation(str(tmp_path / "rows.parquet")).verdicts == found.verdicts


@pytest.mark.parametrize("case", GOLDEN["cases"], ids=lambda case: case["name"])
@pytest.mark.filterwarnings("ignore::fastglm.errors.FastGLMWarning")
def test_golden_verdicts(case):
    design = {name: np.array(values, float) for name, values in GOLDEN["designs"][case["design"]].items()}
    y = design.pop("y")
    weights = {"weights": design.pop("weights")} if "weights" in design else {}
    X = np.column_stack([values for name, values in design.items() if name != "(Intercept)"])
    fit = fastglm.fit(X, y, family=case["family"], **weights)
    found = fit.detect_separation(X, y, **weights)
    said = {"finite": "0"}
    assert [said.get(v, v) for v in found.verdicts.values()] == case["expected"]["infinite"]
    assert found.status == case["expected"]["status"]


def test_classes_that_one_direction_separates():
    rng = np.random.default_rng(0)
    X = rng.normal(size=(3000, 2))
    y = np.where(X[:, 0] > 1.0, 2, rng.integers(0, 2, len(X)))
    with pytest.warns(SeparationWarning, match="bias_reduction='firth'"):
        fit = fastglm.fit(X, y, family="multinomial")
    found = fit.detect_separation(X, y)
    assert found.status == "quasi"
    assert found.infinite == {("(Intercept)", 2): "-inf", ("x1", 2): "inf", ("x2", 2): "either"}
