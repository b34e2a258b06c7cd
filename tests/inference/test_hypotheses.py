"""Linear hypotheses: R's ``linearHypothesis`` and ``waldtest``, and equations of every spelling."""

import json
from pathlib import Path

import numpy as np
import pytest

import fastglm
from fastglm.errors import InvalidParameterError
from fastglm.inference.hypotheses import equation, parsed

pd = pytest.importorskip("pandas")
FOLDER = Path(__file__).parents[1] / "fitting/inference"
CASES = {path.stem: json.loads(path.read_text()) for path in sorted(FOLDER.glob("linhyp_*.json"))}
NAMES = ["(Intercept)", "x", "z", "x:z", "log(x)", "C(g)[T.b]", "odd name"]


def frame(case):
    data = pd.read_csv(FOLDER / Path(case["data"]).name)
    for name, levels in case["levels"].items():
        data[name] = pd.Categorical(data[name].astype(str), levels)
    return data


@pytest.mark.parametrize("kind", ["Chisq", "F", "HC0", "HC3", "CL", "CL_F"])
@pytest.mark.parametrize("name", CASES)
def test_linear_hypotheses_of_r(name, kind):
    case = CASES[name]
    expected = case["expected"]
    if kind not in expected:
        pytest.skip(f"the case has no {kind}")
    data = frame(case)
    cluster = case["r_code"].split('CL <- "')[1].split('"')[0] if "CL <-" in case["r_code"] else None
    cov = {"HC0": "robust", "HC3": "HC3", "CL": f"cluster:{cluster}", "CL_F": f"cluster:{cluster}"}.get(kind, "model")
    fit = fastglm.glm(case["formula"], data, family=case["family"], link=case["link"], cov=cov)
    L, r = np.array(expected["hypothesis_matrix"]), np.array(expected["rhs"])
    found = fit.wald_test((L, r), "F" if "F" in kind else "chisq")
    table = expected[kind]["table"]
    statistic = table["F" if "F" in kind else "Chisq"][1]
    assert found.df == table["Df"][1]
    assert found.statistic == pytest.approx(statistic, rel=1e-7)
    assert found.p_value == pytest.approx(table["Pr(>F)" if "F" in kind else "Pr(>Chisq)"][1], rel=1e-6)
    np.testing.assert_allclose(found.covariance, expected[kind]["vcov"], rtol=1e-7)


EQUATIONS = {
    "x = 1": ({"x": 1}, 1),
    "x": ({"x": 1}, 0),
    "x = 2 * z": ({"x": 1, "z": -2}, 0),
    "2*x - z/4 = -0.5": ({"x": 2, "z": -0.25}, -0.5),
    "C(g)[T.b] = x:z": ({"C(g)[T.b]": 1, "x:z": -1}, 0),
    "log(x) + (Intercept) = 3 + x": ({"log(x)": 1, "(Intercept)": 1, "x": -1}, 3),
    "`odd name` = 1": ({"odd name": 1}, 1),
    "(x + z) / 2 = 1e-3": ({"x": 0.5, "z": 0.5}, 1e-3),
    "-x = +1": ({"x": -1}, 1),
}


@pytest.mark.parametrize("text", EQUATIONS)
def test_equations(text):
    row, value = EQUATIONS[text]
    found, r = equation(text, NAMES)
    np.testing.assert_allclose(found, [row.get(name, 0.0) for name in NAMES])
    assert r == pytest.approx(value)


def test_several_equations_and_matrices():
    L, r = parsed("x = 2, C(g)[T.b] = z", NAMES)
    assert L.shape == (2, 7) and r.tolist() == [2.0, 0.0]
    again, zero = parsed(L, NAMES)
    np.testing.assert_array_equal(again, L)
    assert not zero.any()


@pytest.mark.parametrize(
    "text", ["x = 1 = 2", "x * z = 0", "y = 0", "1 = 2", "exp(x) = 1", "x +", "x == 1", "1 / x = 0"]
)
def test_what_is_no_linear_hypothesis(text):
    with pytest.raises(InvalidParameterError, match="hypotheses"):
        parsed(text, NAMES)


def test_results():
    rng = np.random.default_rng(0)
    X = rng.normal(size=(200, 2))
    fit = fastglm.fit(X, X[:, 0] + rng.normal(size=200), names=["x", "z"])
    one = fit.wald_test("x = 1")
    assert one.statistic == pytest.approx(((fit.params[1] - 1) / fit.bse[1]) ** 2, rel=1e-12)
    assert fit.wald_test("z").p_value == pytest.approx(fit.pvalues[2], rel=1e-9)
    repeated = fit.wald_test("x = 1, 2 * x = 2")
    assert repeated.df == 1 and repeated.statistic == pytest.approx(one.statistic, rel=1e-9)
    with pytest.raises(InvalidParameterError, match="unknown"):
        fit.wald_test("x", "t")
    with pytest.warns(fastglm.errors.CollinearityWarning):
        aliased = fastglm.fit(np.column_stack([X, X[:, 0]]), X[:, 1], names=["x", "z", "again"])
    with pytest.raises(InvalidParameterError, match="aliased"):
        aliased.wald_test("again")
