"""Penalised fits against glmnet's problems solved to the last digits; see ``penalties/README.md``."""

import numpy as np
import penalty_cases as cases
import pytest

import fastglm
from fastglm.penalties import Ridge

PATHS = [name for name in cases.NAMES if name != "ridge_gcv_longley"]


def found_by_us(name):
    """(described, columns, lambdas of ours, the path, the reference's coefficients) of a case."""
    described, columns = cases.case(name)
    X, y, options = cases.arguments(described, columns)
    net, factor = cases.penalty(described, columns)
    lambdas = factor * np.array(described["expected"]["lambda"])
    path = fastglm.path(X, y, penalty=net, lambdas=lambdas, **options)
    return described, columns, net, path


@pytest.mark.parametrize("name", PATHS)
def test_coefficients(name):
    described, _, _, path = found_by_us(name)
    expected, tolerance = described["expected"], described["tolerance"]
    coef, intercept = np.array(expected["coef"]), np.array(expected["intercept"])
    ours = path.params
    if described["family"] == "multinomial":
        want = np.concatenate([intercept.T[..., None], coef], axis=2).transpose(1, 2, 0)
        # the intercepts have no penalty, so that what is common to all classes is nobody's
        want[:, 0] -= want[:, 0].mean(1, keepdims=True)
    else:
        want = np.column_stack([intercept, coef]) if described["fit_intercept"] else coef
    assert path.converged.all() and path.certificate.max() < 1e-8
    np.testing.assert_allclose(ours, want, rtol=tolerance["coef_rel"], atol=10 * tolerance["coef_abs"])


@pytest.mark.parametrize("name", [name for name in PATHS if "multinomial" not in name])
def test_optimality_by_other_code(name):
    described, columns, net, path = found_by_us(name)
    X, y, options = cases.arguments(described, columns)
    more = {name: options[name] for name in ("weights", "offset", "intercept") if name in options}
    for beta, lam in zip(path.params[::5], path.lambdas[::5], strict=True):
        assert cases.violation(X, y, beta, lam, net, described["family"], **more) < 1e-8


@pytest.mark.parametrize("name", [name for name in PATHS if name.startswith("sequence")])
def test_the_default_lambdas(name):
    described, columns = cases.case(name)
    X, y, options = cases.arguments(described, columns)
    net, factor = cases.penalty(described, columns)
    # glmnet's alpha counts at least a thousandth, before its ridge is divided by the deviation of y
    size = max(described["alpha"], 1e-3) / max(net.alpha, 1e-3)
    path = fastglm.path(X, y, penalty=net, **options)
    assert len(path.lambdas) == 100
    if described["alpha"] >= 1e-3:
        np.testing.assert_allclose(path.lambdas / factor, described["lambda_full"], rtol=1e-9)
    else:
        assert path.lambdas[0] * net.alpha <= described["lambda_full"][0] * size * factor


def test_ridge_of_collinear_columns():
    described, columns = cases.case("ridge_gcv_longley")
    X, y = np.column_stack([columns[name] for name in described["x"]]), columns["y"]
    expected = described["expected"]
    for lam, intercept, coef in zip(expected["lambda"], expected["intercept"], expected["coef"], strict=True):
        result = fastglm.fit(X, y, penalty=Ridge(lam / len(y)))
        np.testing.assert_allclose(result.params, [intercept, *coef], rtol=described["tolerance"]["coef_rel"])
        assert result.certificate * lam / len(y) < 1e-9
