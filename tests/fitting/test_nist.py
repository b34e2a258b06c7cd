"""NIST's linear reference sets: correct digits of every coefficient and standard error.

The oracle is the exact rational solution of the least-squares problem that the stored double-precision design poses,
and NIST's certified values, from which that solution differs where powers of x are rounded (Filip).
"""

import numpy as np
import pytest
from golden_rules import arrays, digits, load

import fastglm

CASES = {case["name"].removeprefix("nist_"): case for case in load("nist")}
COEFFICIENTS = {"wampler5": 9.0, "filip": 7.2}  # else 13
ERRORS = {"filip": 7.0}  # else 12


def fit(name, order="C"):
    case, a = CASES[name], arrays(CASES[name])
    constant = case["x"][0] == "(Intercept)"
    return fastglm.fit(np.array(a["X"][:, constant:], order=order), a["y"], intercept=constant)


@pytest.mark.parametrize("order", ["C", "F"])
@pytest.mark.parametrize("name", CASES)
def test_digits_of_the_coefficients(name, order):
    result = fit(name, order)
    assert result.converged and result.rank == len(CASES[name]["x"])
    exact = CASES[name]["expected"]["coef_exact_double_design"]
    assert digits(result.params, exact, most=15.0) >= COEFFICIENTS.get(name, 13.0)


@pytest.mark.parametrize("name", CASES)
def test_digits_of_the_certified_coefficients(name):
    exact = CASES[name]["expected"]["coef_certified_text"]
    assert digits(fit(name).params, exact, most=15.0) >= COEFFICIENTS.get(name, 13.0)


@pytest.mark.parametrize("name", CASES)
def test_digits_of_the_standard_errors(name):
    result, expected = fit(name), CASES[name]["expected"]
    if max(expected["se"]) == 0.0:  # an exact fit, certified as zero
        assert (result.bse <= 1e-9 * np.maximum(np.abs(result.params), 1.0)).all()
        return
    assert digits(result.bse, expected["se_exact_double_design"], most=15.0) >= ERRORS.get(name, 12.0)
