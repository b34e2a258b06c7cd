"""Penalised fits against glmnet's problems solved to the last digits; see ``penalties/README.md``."""

import numpy as np
import penalty_cases as cases
import pytest

import fastglm
from fastglm.penalties import Adaptive, Relaxed, Ridge

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


@pytest.mark.parametrize("name", [name for name in PATHS if "multinomial" not in name and not name.startswith("group")])
def test_optimality_by_other_code(name):
    described, columns, net, path = found_by_us(name)
    X, y, options = cases.arguments(described, columns)
    more = {name: options[name] for name in ("weights", "offset", "intercept") if name in options}
    for beta, lam in zip(path.params[::5], path.lambdas[::5], strict=True):
        assert cases.violation(X, y, beta, lam, net, described["family"], **more) < 1e-8


@pytest.mark.parametrize("gamma", [0.0, 0.4])
@pytest.mark.parametrize("name", [name for name in PATHS if name.startswith("relax")])
def test_relaxed_fits(name, gamma):
    described, columns = cases.case(name)
    X, y, options = cases.arguments(described, columns)
    expected, tolerance = described["expected"], described["tolerance"]
    kept, free = (np.column_stack([e["intercept"], e["coef"]]) for e in (expected, expected["relaxed_gamma0"]))
    path = fastglm.path(X, y, penalty=Relaxed(gamma=gamma), lambdas=expected["lambda"], **options)
    want = (gamma * kept + (1.0 - gamma) * free)[1:]
    np.testing.assert_allclose(path.params[1:], want, rtol=tolerance["coef_rel"], atol=tolerance["coef_abs"])
    assert path.converged.all() and path.certificate.max() < 1e-8


def test_an_adaptive_lasso_of_first_coefficients():
    """R's factors are 1 / |b|, ours those of standardised columns, so that b over the deviations has R's."""
    described, columns = cases.case("adaptive_gaussian_sim1")
    X, y, options = cases.arguments(described, columns)
    expected, first = described["expected"], fastglm.fit(X, y).params[1:]
    path = fastglm.path(X, y, penalty=Adaptive(weights=first / X.std(0)), lambdas=expected["lambda"], **options)
    want = np.column_stack([expected["intercept"], expected["coef"]])
    np.testing.assert_allclose(path.params, want, rtol=1e-7, atol=1e-9)


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
