"""``NegativeBinomial``, ``GLSAR`` and ``fit_constrained`` against statsmodels itself."""

import warnings

import numpy as np
import pytest

import fastglm.statsmodels as ours
from fastglm.errors import FastGLMWarning, InvalidParameterError

theirs = pytest.importorskip("statsmodels.api")
pd = pytest.importorskip("pandas")
N = 150


@pytest.fixture(scope="module")
def rows():
    rng = np.random.default_rng(1)
    X = theirs.add_constant(pd.DataFrame(rng.normal(size=(N, 3)), columns=list("abc")))
    mu = np.exp(X @ [1.0, 0.4, -0.3, 0.2])
    counts = pd.Series(rng.negative_binomial(1.6, 1.6 / (1.6 + mu)).astype(float), name="claims")
    errors = np.zeros(N)
    for t in range(2, N):
        errors[t] = 0.6 * errors[t - 1] - 0.2 * errors[t - 2] + rng.normal()
    y = X @ [1.0, 2.0, -1.0, 0.5] + errors
    ones = (rng.random(N) < 1.0 / (1.0 + np.exp(-(0.5 * X["a"] + 0.6 * X["b"])))).astype(float)
    return {"X": X, "counts": counts, "y": y, "ones": ones, "exposure": rng.uniform(0.5, 2.0, N),
            "groups": rng.integers(0, 12, N)}  # fmt: skip


def same(a, b, names, rtol=1e-8):
    for name in names.split():
        left, right = (getattr(r, name) for r in (a, b))
        left, right = (v() if callable(v) else v for v in (left, right))
        np.testing.assert_allclose(np.asarray(left), np.asarray(right), rtol=rtol, atol=rtol, err_msg=name)


def negative_binomials(rows, kinds=None, **options):
    """Ours, and statsmodels' by Newton's method from there, which its own stopping rule leaves short of the optimum."""
    found = ours.NegativeBinomial(rows["counts"], rows["X"], **options).fit(**(kinds or {}))
    start = np.asarray(found.params)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        model = theirs.NegativeBinomial(rows["counts"], rows["X"], **options)
        return found, model.fit(start_params=start, method="newton", disp=0, tol=1e-14, **(kinds or {}))


COUNTS = """params bse tvalues pvalues llf llnull llr llr_pvalue prsquared aic bic df_model df_resid nobs lnalpha
    lnalpha_std_err fittedvalues resid resid_response resid_pearson conf_int cov_params predict"""


@pytest.mark.parametrize("offsets", [False, True])
def test_negative_binomial(rows, offsets):
    a, b = negative_binomials(rows, **({"exposure": rows["exposure"]} if offsets else {}))
    same(a, b, " ".join(name for name in COUNTS.split() if name not in ("llnull", "llr", "llr_pvalue", "prsquared")))
    same(a, b, "llnull llr prsquared", 1e-6)  # statsmodels stops before the optimum of the null model
    assert list(a.params.index) == list(b.params.index) == ["const", "a", "b", "c", "alpha"]
    assert list(a.cov_params().columns) == list(b.cov_params().columns)
    left, right = a.get_prediction(rows["X"][:5]), b.get_prediction(rows["X"][:5])
    np.testing.assert_allclose(left.se, right.se, rtol=1e-7)
    left, right = a.t_test("a = 0.3, alpha = 1"), b.t_test("a = 0.3, alpha = 1")
    np.testing.assert_allclose(left.pvalue, right.pvalue, rtol=1e-7)
    text = str(a.summary())
    assert "NegativeBinomial Regression Results" in text and "alpha" in text and "claims" in text
    if not offsets:
        left, right = a.get_margeff(), b.get_margeff()
        np.testing.assert_allclose(left.margeff, right.margeff, rtol=1e-7)
        np.testing.assert_allclose(left.margeff_se, right.margeff_se, rtol=1e-6)


def test_its_likelihood_is_a_function_of_all_coefficients(rows):
    a, b = (sm.NegativeBinomial(rows["counts"], rows["X"], exposure=rows["exposure"]) for sm in (ours, theirs))
    params = np.array([0.9, 0.3, -0.2, 0.1, 0.7])
    b._transparams = False
    for name in ("loglike", "loglikeobs", "score", "hessian", "score_obs"):
        left, right = (np.asarray(getattr(model, name)(params)) for model in (a, b))
        np.testing.assert_allclose(left, right, rtol=1e-8, atol=1e-9, err_msg=name)
    for which in ("mean", "linear", "var"):
        np.testing.assert_allclose(a.predict(params, which=which), b.predict(params, which=which), rtol=1e-12)


@pytest.mark.parametrize("kinds", [{"cov_type": "HC0"}, {"cov_type": "cluster"}])
def test_its_robust_covariances(rows, kinds):
    if kinds["cov_type"] == "cluster":
        kinds = kinds | {"cov_kwds": {"groups": rows["groups"]}}
    same(*negative_binomials(rows, kinds), "params bse cov_params", 1e-6)


def test_the_geometric_and_what_is_not_there(rows):
    a, b = negative_binomials(rows, loglike_method="geometric")
    same(a, b, "params bse llf aic bic")
    with pytest.raises(ours.NotSupportedError, match="nb1.*'nb2' has the variance"):
        ours.NegativeBinomial(rows["counts"], rows["X"], loglike_method="nb1")
    with pytest.raises(InvalidParameterError, match="'nb3' is unknown"):
        ours.NegativeBinomial(rows["counts"], rows["X"], loglike_method="nb3")
    with pytest.raises(ours.NotSupportedError, match="fit_regularized"):
        ours.NegativeBinomial(rows["counts"], rows["X"]).fit_regularized()
    even = pd.Series(np.tile([2.0, 3.0], N // 2))
    with pytest.warns(FastGLMWarning, match="theta is infinite"):
        flat = ours.NegativeBinomial(even, rows["X"]).fit()
    poisson = ours.Poisson(even, rows["X"]).fit()
    assert flat.params["alpha"] == 0.0 and np.isnan(flat.bse["alpha"])
    np.testing.assert_allclose(flat.bse[:-1], poisson.bse, rtol=1e-9)
    assert flat.llf == pytest.approx(poisson.llf)


LEAST = """params bse tvalues pvalues llf aic bic rsquared rsquared_adj fvalue f_pvalue ssr centered_tss mse_resid resid
    wresid fittedvalues cov_params conf_int nobs df_resid df_model HC0_se condition_number"""


@pytest.mark.parametrize("rho", [1, 2, 0.4, [0.5, -0.2]])
def test_errors_of_an_autoregression(rows, rho):
    a, b = (sm.GLSAR(rows["y"], rows["X"], rho=rho) for sm in (ours, theirs))
    same(a.fit(), b.fit(), LEAST)
    np.testing.assert_allclose(a.whiten(rows["y"]), b.whiten(rows["y"]), rtol=1e-12)
    assert a.fit().summary() is not None and a.order == b.order
    for maxiter in (1, 4, 50):
        left, right = a.iterative_fit(maxiter=maxiter, rtol=1e-6), b.iterative_fit(maxiter=maxiter, rtol=1e-6)
        same(left, right, LEAST)
        np.testing.assert_allclose(a.rho, b.rho, rtol=1e-9)
        assert (left.iter, left.converged) == (right.iter, right.converged)
        np.testing.assert_allclose(left.history["rho"], right.history["rho"], rtol=1e-9)


def test_orders_that_leave_no_rows(rows):
    for rho in (-1, N, np.ones((2, 2))):
        with pytest.raises(InvalidParameterError, match="rho must be an order"):
            ours.GLSAR(rows["y"], rows["X"], rho=rho)


CASES = {
    "GLM": ("counts", {"family": "Poisson"}),
    "GLM with a scale": ("y", {"family": "Gaussian"}),
    "GLM of gamma": ("positive", {"family": "Gamma"}),
    "Poisson": ("counts", {}),
    "Poisson with an exposure": ("counts", {"exposure": True}),
    "Logit": ("ones", {}),
    "Probit": ("ones", {}),
}
CONSTRAINTS = ["a = b", "a + 2 * b = 0.5, c = 0.1", (np.array([[0.0, 0.0, 0.0, 1.0]]), np.array([0.25]))]


@pytest.mark.parametrize("which", range(len(CONSTRAINTS)))
@pytest.mark.parametrize("case", CASES)
def test_fits_under_linear_constraints(rows, case, which):
    response, options = CASES[case]
    y = rows["counts"] + 1.0 if response == "positive" else rows[response]
    results = []
    for sm in (ours, theirs):
        keywords = dict(options)
        if "family" in options:
            link = {"link": sm.families.links.Log()} if options["family"] == "Gamma" else {}
            keywords["family"] = getattr(sm.families, options["family"])(**link)
        if "exposure" in options:
            keywords["exposure"] = rows["exposure"]
        how = {"tol": 1e-13} if case.startswith("GLM") else {"disp": 0, "tol": 1e-13}
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            model = getattr(sm, case.split()[0])(y, rows["X"], **keywords)
            results.append(model.fit_constrained(CONSTRAINTS[which], **how))
    a, b = results
    same(a, b, "params bse tvalues pvalues llf df_model df_resid conf_int k_constr aic")
    R, q = a.constraints.constraint_matrix, a.constraints.constraint_values
    np.testing.assert_allclose(R @ np.asarray(a.params), q, atol=1e-12)
    np.testing.assert_allclose(a.cov_params(), b.cov_params(), atol=1e-9)
    assert list(a.params.index) == ["const", "a", "b", "c"]
    if case.startswith("GLM"):
        same(a, b, "scale deviance null_deviance")
    # the score has no part along the constraints: the condition of the optimum
    null = np.linalg.svd(R)[2][len(R) :]
    assert abs(null @ a.model.score(np.asarray(a.params))).max() < 1e-6


def test_robust_errors_under_constraints(rows):
    a, b = (sm.Poisson(rows["counts"], rows["X"]).fit_constrained("a = b", cov_type="HC0", disp=0, tol=1e-13)
            for sm in (ours, theirs))  # fmt: skip
    same(a, b, "bse")


@pytest.mark.parametrize("bad, words", [
    ((np.array([[0.0, 1, 0, 0], [0, 2, 0, 0]]), [1.0, 2.0]), "depend on each other"),
    (np.eye(4), "leave none"),
    (np.eye(3), "there are 4 coefficients"),
])  # fmt: skip
def test_constraints_that_cannot_be(rows, bad, words):
    with pytest.raises(InvalidParameterError, match=words):
        ours.Logit(rows["ones"], rows["X"]).fit_constrained(bad)


def test_their_formulas(rows):
    import statsmodels.formula.api as formulas

    from fastglm.statsmodels import formula

    frame = rows["X"].assign(y=rows["y"], counts=rows["counts"])
    same(*(f.glsar("y ~ a + b", frame, rho=1).iterative_fit(4) for f in (formula, formulas)), "params bse")
    found = formula.negativebinomial("counts ~ a + b", frame).fit()
    assert list(found.params.index) == ["Intercept", "a", "b", "alpha"] and found.predict(frame[:2]).shape == (2,)
    tied = formula.poisson("counts ~ a + b", frame).fit_constrained("a = b")
    assert tied.predict(frame[:2]).shape == (2,)


@pytest.mark.parametrize("name", ["Logit", "Probit", "Poisson"])
def test_influence_of_discrete_models(name):
    rng = np.random.default_rng(4)
    x = rng.normal(size=(120, 2))
    X = np.column_stack([np.ones(120), x])
    eta = 0.2 + x @ [0.7, -0.4]
    y = rng.poisson(np.exp(eta)) if name == "Poisson" else (rng.random(120) < 1.0 / (1.0 + np.exp(-eta)))
    y = np.asarray(y, float)
    more = {"exposure": rng.uniform(0.5, 2.0, 120)} if name == "Poisson" else {}
    found = getattr(ours, name)(y, X, **more).fit(disp=0).get_influence()
    known = getattr(theirs, name)(y, X, **more).fit(disp=0, tol=1e-12, gtol=1e-10, maxiter=100).get_influence()
    for field in ("hat_matrix_diag", "d_params", "dfbetas", "params_one", "resid_studentized", "d_fittedvalues"):
        np.testing.assert_allclose(getattr(found, field), getattr(known, field), rtol=1e-6, atol=1e-9, err_msg=field)
    for mine, other in zip(found.cooks_distance, known.cooks_distance, strict=True):
        np.testing.assert_allclose(mine, other, rtol=1e-6, atol=1e-9)
    frame, other = found.summary_frame(), known.summary_frame()
    assert list(frame.columns) == list(other.columns)
    np.testing.assert_allclose(frame, other, rtol=1e-5, atol=1e-9)
