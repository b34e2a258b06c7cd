"""Cross-validated paths against glmnet's curves, fits of the rows that are left, and themselves on other storages."""

import numpy as np
import penalty_cases as cases
import pytest

import fastglm

CURVES = [name for name in cases.NAMES if name.startswith("cv_")]
MEASURES = {"deviance": 1.0, "class": 1.0, "mse": 2.0, "mae": 2.0}  # glmnet sums both classes' squares


@pytest.mark.parametrize("name", CURVES)
def test_curves(name):
    described, columns = cases.case(name)
    X, y, options = cases.arguments(described, columns)
    net, factor = cases.penalty(described, columns)
    if described["family"] == "gaussian" and described["alpha"] < 1.0:
        pytest.skip("glmnet divides each fold's ridge by the deviation of that fold's y")
    lambdas = factor * np.array(described["expected"]["lambda"])
    for measure, expected in described["expected"]["cv"].items():
        if measure not in MEASURES:
            continue
        found = fastglm.cv(X, y, penalty=net, lambdas=lambdas, folds=columns["fold"], measure=measure, **options)
        size = MEASURES[measure] if described["family"] == "binomial" else 1.0
        # at the first lambdas of the iris two of three classes tie, which rounding decides
        tied = 2 if (described["family"], measure) == ("multinomial", "class") else 0
        np.testing.assert_allclose(size * found.mean[tied:], expected["cvm"][tied:], rtol=1e-7)
        np.testing.assert_allclose(size * found.se[tied:], expected["cvsd"][tied:], rtol=1e-6, atol=1e-12)
        assert found.lambda_min == pytest.approx(factor * expected["lambda_min"], rel=1e-12)
        assert found.lambda_1se == pytest.approx(factor * expected["lambda_1se"], rel=1e-12)
