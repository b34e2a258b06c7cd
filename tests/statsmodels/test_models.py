"""statsmodels' other models in its spelling here against statsmodels itself."""

import warnings

import numpy as np
import pandas as pd
import pytest
import statsmodels.api as real
from statsmodels_cases import GROUPS, N, compare, draw, frames, same, weights

import fastglm.statsmodels as sm

DISCRETE = "llf llnull llr llr_pvalue prsquared aic bic df_model df_resid nobs params bse tvalues pvalues".split()


@pytest.mark.parametrize("pandas", [False, True])
@pytest.mark.parametrize("kind", ["plain", "offset"])
@pytest.mark.parametrize("cov_type", ["nonrobust", "HC0"])
@pytest.mark.parametrize("name", ["Logit", "Probit", "Poisson"])
def test_discrete_models(name, cov_type, kind, pandas):
    X, y = frames(*(("Poisson", "Log") if name == "Poisson" else ("Binomial", name)))
    X, y = (X, y) if pandas else (X.to_numpy(), y.to_numpy())
    theirs = getattr(real, name)(y, X, **weights(kind)).fit(disp=0, tol=1e-13, cov_type=cov_type)
    ours = getattr(sm, name)(y, X, **weights(kind)).fit(disp=0, cov_type=cov_type)
    special = ["resid"] if name == "Poisson" else ["resid_dev", "resid_generalized"]
    # statsmodels stops the search for its null model early
    compare(ours, theirs, [*DISCRETE, "fittedvalues", "resid_response", "resid_pearson", *special], rtol=1e-5)
    same(ours.conf_int(), theirs.conf_int())
    for which in ("mean", "linear", "var"):
        same(ours.predict(which=which), theirs.predict(which=which))
        same(ours.predict(X[:4], which=which), theirs.predict(X[:4], which=which))
    for which in ("mean", "linear"):
        with warnings.catch_warnings():
            warnings.simplefilter("error" if kind == "plain" else "ignore")
            same(ours.get_prediction(which=which).summary_frame(), theirs.get_prediction(which=which).summary_frame())
    for verb in ("loglike", "score", "score_obs", "score_factor", "hessian", "hessian_factor"):
        at = np.asarray(theirs.params) * 0.98
        same(getattr(ours.model, verb)(at), np.asarray(getattr(theirs.model, verb)(at)), label=verb)
    if name != "Poisson":
        same(ours.pred_table(0.4), theirs.pred_table(0.4))
    assert name in str(ours.summary())
    assert ours.converged and ours.mle_retvals["converged"]


def test_binary_models_need_zeros_and_ones():
    X, y = draw("Poisson", "Log")
    with pytest.raises(ValueError, match="0 or 1.*row"):
        sm.Logit(y, X)
    with pytest.raises(ValueError, match="unknown keywords.*freq_weights"):
        sm.Logit(y > 1, X, freq_weights=y)
    with pytest.raises(ValueError, match="unknown keywords.*exposure"):
        sm.Probit(y > 1, X, exposure=y)


def categories(kind):
    rng = np.random.default_rng(4)
    X, _ = frames()
    codes = (X["a"] * 3 + rng.uniform(0, 1.5, N)).clip(0, 2.9).astype(int)
    words = np.array(["low", "mid", "high"])[codes]
    if kind == "codes":
        return X, codes.rename("level")
    if kind == "words":
        return X, pd.Series(words, index=X.index, name="level")
    if kind == "ordered":
        return X, pd.Series(pd.Categorical(words, ["low", "mid", "high"]), index=X.index, name="level")
    return X.to_numpy(), words if kind == "array of words" else codes.to_numpy()


@pytest.mark.parametrize("kind", ["codes", "words", "ordered", "array", "array of words"])
def test_multinomial_logit(kind):
    X, y = categories(kind)
    theirs, ours = real.MNLogit(y, X).fit(disp=0, tol=1e-13), sm.MNLogit(y, X).fit(disp=0)
    compare(ours, theirs, [*DISCRETE, "resid_misclassified", "resid_response"], rtol=1e-5)
    same(ours.conf_int(), theirs.conf_int())
    same(ours.cov_params(), theirs.cov_params())
    if hasattr(X, "columns"):
        assert list(ours.conf_int().columns) == list(theirs.conf_int().columns)
        assert list(ours.cov_params().columns) == list(theirs.cov_params().columns)
        same(ours.t_test(f"y{theirs.model._ynames_map[1]}_a = 0").pvalue, theirs.t_test(np.eye(6)[1]).pvalue)
    else:
        same(ours.fittedvalues, theirs.fittedvalues)
    for which in ("mean", "linear"):
        same(ours.predict(which=which), theirs.predict(which=which))
        same(ours.predict(X[:4], which=which), theirs.predict(X[:4], which=which))
    same(ours.pred_table(), theirs.pred_table())
    same(ours.wald_test(np.eye(6)[2:4]).statistic, theirs.wald_test(np.eye(6)[2:4]).statistic)
    assert [*map(str, ours.model._ynames_map.values())] == [*map(str, theirs.model._ynames_map.values())]
    assert ours.J == 3 and ours.K == 3
    assert "LL-Null" in str(ours.summary())


def test_multinomial_logit_robust_and_refused():
    X, y = categories("array")
    theirs = real.MNLogit(y, X).fit(disp=0, tol=1e-13, cov_type="HC0")
    same(sm.MNLogit(y, X).fit(cov_type="HC0").bse, theirs.bse, rtol=1e-5)
    with pytest.raises(sm.NotSupportedError, match="cluster"):
        sm.MNLogit(y, X).fit(cov_type="cluster", cov_kwds={"groups": GROUPS})
    with pytest.raises(ValueError, match="rank deficient.*x3"), warnings.catch_warnings():
        warnings.simplefilter("ignore")
        sm.MNLogit(y, np.column_stack([X, X[:, 1]])).fit()
    with pytest.raises(sm.NotSupportedError, match="MNLogit get_prediction"):
        sm.MNLogit(y, X).fit().get_prediction()


LEAST_SQUARES = """params bse tvalues pvalues llf aic bic df_model df_resid nobs scale ssr ess centered_tss
    uncentered_tss rsquared rsquared_adj mse_model mse_resid mse_total fvalue f_pvalue fittedvalues resid wresid
    resid_pearson HC0_se HC1_se HC2_se HC3_se cov_HC1 cov_HC3 condition_number eigenvals use_t
    normalized_cov_params""".split()


@pytest.mark.parametrize("design", ["constant", "dummies", "none"])
@pytest.mark.parametrize("cov_type", ["nonrobust", "HC0", "HC1", "HC2", "HC3", "cluster"])
def test_least_squares(cov_type, design):
    X, y = frames("Gaussian", "Identity")
    if design == "dummies":
        X["const"], X["other"] = (X["a"] > 0.5).astype(float), (X["a"] <= 0.5).astype(float)
    X = X[["a", "b"]] if design == "none" else X
    kwds = {"groups": GROUPS} if cov_type == "cluster" else None
    theirs = real.OLS(y, X).fit(cov_type=cov_type, cov_kwds=kwds)
    ours = sm.OLS(y, X).fit(cov_type=cov_type, cov_kwds=kwds)
    # the p-value of the F test by clusters
    compare(ours, theirs, LEAST_SQUARES)
    same(ours.conf_int(), theirs.conf_int())
    if cov_type != "cluster":
        same(ours.get_prediction(X[:3]).summary_frame(), theirs.get_prediction(X[:3]).summary_frame())
    same(ours.predict(X[:3]), theirs.predict(X[:3]))
    same(ours.model.loglike(ours._params), theirs.model.loglike(np.asarray(theirs.params)))
    assert ours.k_constant == theirs.k_constant
    assert "R-squared" in str(ours.summary())


def test_least_squares_with_another_covariance():
    X, y = draw("Gaussian", "Identity")
    ours, theirs = (module.OLS(y, X).fit().get_robustcov_results("HC3") for module in (sm, real))
    compare(ours, theirs, ["bse", "pvalues", "use_t", "fvalue"])
    assert ours.cov_type == "HC3"
