"""``fit_regularized``: statsmodels' coefficients, results and refusals."""

import numpy as np
import pytest

import fastglm.statsmodels as ours
from fastglm.errors import InvalidParameterError
from fastglm.statsmodels import NotSupportedError

theirs = pytest.importorskip("statsmodels.api")
pd = pytest.importorskip("pandas")

rng = np.random.default_rng(0)
X = np.column_stack([np.ones(300), rng.normal(size=(300, 5))])
ETA = X @ [0.5, 0.6, -0.4, 0.0, 0.0, 0.05]
Y = {
    "Gaussian": ETA + rng.normal(size=300),
    "Poisson": rng.poisson(np.exp(ETA)).astype(float),
    "Binomial": (ETA + rng.logistic(size=300) > 0).astype(float),
}
EACH = np.array([0.0, 0.1, 0.1, 0.05, 0.1, 0.1])
ALPHAS = pytest.mark.parametrize("alpha", [0.1, EACH], ids=["one", "each"])
TIGHT = {"maxiter": 3000, "cnvrg_tol": 1e-12}
# statsmodels' coordinate descent says that it did not converge where it did
pytestmark = pytest.mark.filterwarnings("ignore::statsmodels.tools.sm_exceptions.ConvergenceWarning")


def models(module, family, **options):
    return module.GLM(Y[family], X, family=getattr(module.families, family)(), **options)


@ALPHAS
@pytest.mark.parametrize("weights", [None, rng.uniform(0.5, 2.0, 300)], ids=["plain", "weighted"])
@pytest.mark.parametrize("L1_wt", [1.0, 0.5])
@pytest.mark.parametrize("family", Y)
def test_coefficients_of_glm(family, L1_wt, weights, alpha):
    found = models(ours, family, var_weights=weights).fit_regularized(alpha=alpha, L1_wt=L1_wt)
    expected = models(theirs, family, var_weights=weights).fit_regularized(alpha=alpha, L1_wt=L1_wt, **TIGHT)
    np.testing.assert_allclose(found.params, expected.params, atol=1e-9)
    np.testing.assert_allclose(found.fittedvalues, expected.fittedvalues, atol=1e-8)
    np.testing.assert_allclose(found.predict(X[:5] + 1.0), expected.predict(X[:5] + 1.0), atol=1e-8)
    assert found.converged and found.fitted.certificate < 1e-7


@ALPHAS
@pytest.mark.parametrize("family", ["Poisson", "Binomial"])
def test_ridge_of_glm_satisfies_its_equation(family, alpha):
    model = models(ours, family)
    b = model.fit_regularized(alpha=alpha, L1_wt=0.0).params
    np.testing.assert_allclose(model.score(b, scale=1.0) / 300 - alpha * b, 0.0, atol=1e-9)
    expected = models(theirs, family).fit_regularized(alpha=alpha, L1_wt=0.0).params
    np.testing.assert_allclose(b, expected, atol=1e-4)


@ALPHAS
@pytest.mark.parametrize("L1_wt", [1.0, 0.5, 0.0])
def test_coefficients_of_ols(L1_wt, alpha):
    y = Y["Gaussian"]
    found = ours.OLS(y, X).fit_regularized(alpha=alpha, L1_wt=L1_wt).params
    more = TIGHT if L1_wt else {}
    expected = theirs.OLS(y, X).fit_regularized(alpha=alpha, L1_wt=L1_wt, **more).params
    np.testing.assert_allclose(found, expected, atol=1e-10)


@pytest.mark.parametrize("name", ["glm", "ols"])
def test_refit(name):
    options = {"alpha": EACH, "refit": True}
    if name == "glm":
        found, expected = (models(module, "Poisson").fit_regularized(**options) for module in (ours, theirs))
    else:
        found, expected = (module.OLS(Y["Gaussian"], X).fit_regularized(**options) for module in (ours, theirs))
    for attribute in ("params", "bse", "llf", "aic", "df_model", "df_resid", "scale", "tvalues"):
        left, right = getattr(found, attribute), getattr(expected, attribute)
        np.testing.assert_allclose(left, right, rtol=1e-8, atol=1e-12, err_msg=attribute)
    assert found.regularized


@pytest.mark.parametrize("name, family", [("Logit", "Binomial"), ("Probit", "Binomial"), ("Poisson", "Poisson")])
def test_lasso_of_discrete_models(name, family):
    found = getattr(ours, name)(Y[family], X).fit_regularized(alpha=300 * EACH)
    model = getattr(theirs, name)(Y[family], X)
    expected = model.fit_regularized(alpha=300 * EACH, disp=0, acc=1e-14, maxiter=10_000)
    np.testing.assert_allclose(found.params, expected.params, atol=1e-7)
    np.testing.assert_array_equal(found.trimmed, expected.trimmed)
    for attribute in ("bse", "llf", "aic", "bic", "df_model", "df_resid", "nnz_params", "prsquared", "pvalues"):
        left, right = getattr(found, attribute), getattr(expected, attribute)
        np.testing.assert_allclose(left, right, rtol=1e-5, err_msg=attribute)
    assert f"{name} Regression Results" in found.summary().as_text()


def test_frames_and_formulas():
    frame = pd.DataFrame(X[:, 1:4], columns=list("abc")).assign(y=Y["Poisson"])
    model = ours.formula.glm("y ~ a + b + c", frame, family=ours.families.Poisson())
    found = model.fit_regularized(alpha=0.1)
    assert found.params.index.tolist() == ["Intercept", "a", "b", "c"]
    new = frame.iloc[5:8]
    np.testing.assert_allclose(
        found.predict(new), np.exp(np.column_stack([np.ones(3), new[["a", "b", "c"]]]) @ found.params)
    )
    assert found.predict(new).index.tolist() == [5, 6, 7]


def test_no_penalty_is_the_fit():
    model = models(ours, "Poisson")
    np.testing.assert_allclose(model.fit_regularized().params, model.fit().params, rtol=1e-9)


@pytest.mark.parametrize("alpha", [-1.0, np.nan, np.inf, [0.1, 0.2]])
def test_alphas_that_cannot_be_used(alpha):
    for model in (models(ours, "Poisson"), ours.OLS(Y["Gaussian"], X), ours.Logit(Y["Binomial"], X)):
        with pytest.raises(InvalidParameterError, match="alpha"):
            model.fit_regularized(alpha=alpha)


def test_what_is_refused():
    ols, glm = ours.OLS(Y["Gaussian"], X), models(ours, "Gaussian")
    for options in ({"method": "sqrt_lasso"}, {"profile_scale": True}, {"unheard": 1}):
        with pytest.raises(NotSupportedError):
            ols.fit_regularized(alpha=0.1, **options)
    with pytest.raises(NotSupportedError, match="scale is estimated"):
        glm.fit_regularized(alpha=0.1, L1_wt=0.0)
    with pytest.raises(InvalidParameterError, match="L1_wt"):
        glm.fit_regularized(alpha=0.1, L1_wt=1.5)
    with pytest.raises(InvalidParameterError, match="no coefficient"):
        glm.fit_regularized(alpha=1e6, refit=True)
    with pytest.raises(InvalidParameterError, match="unknown"):
        glm.fit_regularized(method="newton")
