"""Models on published data against R 4.2.2 and against 50-digit solutions, with the library's default settings.

R iterated each fit until it stood still; see ``golden/README.md``. ``golden_rules`` says how numbers are compared.
"""

import numpy as np
import pytest
from golden_adapter import Adapter
from golden_rules import array, arrays, digits, error, failures, load

import fastglm
from fastglm.errors import CollinearityWarning, SeparationWarning

CASES = {case["name"]: case for case in load("glm")}
MULTINOMIAL = {case["name"]: case for case in load("multinomial")}
# these two cannot agree with R's printout and have tests of their own
APART = ("aliased_gaussian_n_less_than_p", "aliased_binomial_all_levels")
HELD = [name for name in CASES if name not in APART]


def fitted(case):
    """Everything R reports about a case, from one fit."""
    a = arrays(case)
    start = None if case.get("start") is None else array(case["start"])
    params = case.get("family_params")
    return Adapter().fit(case["family"], case["link"], **a, family_params=params, start=start, names=case["x"])


@pytest.mark.filterwarnings("ignore::fastglm.errors.CollinearityWarning")
@pytest.mark.parametrize("name", HELD)
def test_every_number_r_reports(name):
    got = fitted(CASES[name])
    assert got["converged"]
    assert failures(CASES[name], got) == {}


@pytest.mark.filterwarnings("ignore::fastglm.errors.CollinearityWarning")
@pytest.mark.parametrize("name", [name for name in HELD if "exact" in CASES[name]])
def test_ten_digits_of_every_coefficient(name):
    exact = CASES[name]["exact"]
    assert digits(fitted(CASES[name])["coef"], exact["coef"], exact["se"]) >= 10.0


@pytest.mark.parametrize("name", [name for name in HELD if any(CASES[name]["expected"]["aliased"])])
def test_aliased_coefficients_are_r_s_and_reported(name):
    with pytest.warns(CollinearityWarning):
        got = fitted(CASES[name])
    assert list(np.isnan(got["coef"])) == CASES[name]["expected"]["aliased"]


def test_more_coefficients_than_rows():
    # No degrees of freedom are left and the fit is exact: the log-likelihood grows without bound as the dispersion
    # goes to zero, so it is +inf; R prints the logarithm of its own rounding noise.
    case = CASES["aliased_gaussian_n_less_than_p"]
    with pytest.warns(CollinearityWarning):
        got = fitted(case)
    expected = case["expected"]
    assert (got["rank"], got["df_residual"]) == (expected["rank"], 0)
    assert list(np.isnan(got["coef"])) == expected["aliased"]
    np.testing.assert_allclose(got["fitted"], arrays(case)["y"], rtol=1e-12)
    kept = ~np.isnan(got["coef"])
    np.testing.assert_allclose(got["coef"][kept], array(expected["coef"])[kept], rtol=1e-8)
    assert got["loglik"] > 100.0 and got["deviance"] < 1e-20
    assert np.isnan(got["dispersion"]) and np.isnan(got["se"]).all()


def test_a_level_without_events():
    # One level has no events, so its estimate is -inf: R's coefficients and standard errors are where its iteration
    # stopped. What is defined are the means, which are the proportions of the levels, and which column is redundant.
    case = CASES["aliased_binomial_all_levels"]
    a = arrays(case)
    with pytest.warns(SeparationWarning), pytest.warns(CollinearityWarning):
        result = fastglm.fit(a["X"], a["y"], family="binomial", intercept=False, names=case["x"])
    assert not result.converged
    assert list(result.aliased) == [case["x"][3]] and np.isnan(result.params[3])
    for level in a["X"][:, 1:].T == 1:
        np.testing.assert_allclose(result.predict(a["X"][level]), a["y"][level].mean(), rtol=0, atol=1e-5)
    np.testing.assert_allclose(result.deviance, case["expected"]["deviance"], rtol=1e-6)


@pytest.mark.parametrize("name", MULTINOMIAL)
def test_softmax_regressions_are_nnet_s(name):
    case = MULTINOMIAL[name]
    a, expected, tolerance = arrays(case), case["expected"], case["tolerance"]
    got = Adapter().multinomial(a["X"], a["y"].astype(int), len(case["classes"]), a["weights"])
    got["fitted"] = got["fitted"][: len(expected["fitted"])]
    limits = dict(coef=tolerance["coef"], se=tolerance["se"], vcov=tolerance["se"], fitted=tolerance["coef"])
    limits |= dict.fromkeys(("loglik", "deviance", "aic"), tolerance["loglik"])
    off = {key: error(key, got[key], expected[key], array(expected["se"])) for key in limits}
    assert {key: value for key, value in off.items() if not value <= limits[key]} == {}
    assert got["rank"] == expected["rank"]
