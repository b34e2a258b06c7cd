"""``WLS``, ``GLS``, influence, nested models and covariances of dependent rows against statsmodels itself."""

import numpy as np
import pytest

import fastglm.statsmodels as ours
from fastglm.errors import InvalidParameterError

theirs = pytest.importorskip("statsmodels.api")
pd = pytest.importorskip("pandas")
N = 80
NUMBERS = """
    params bse tvalues pvalues llf aic bic rsquared rsquared_adj fvalue f_pvalue ssr centered_tss
    uncentered_tss mse_resid resid wresid resid_pearson fittedvalues HC0_se HC1_se HC2_se HC3_se cov_params
    conf_int condition_number eigenvals
""".split()


@pytest.fixture(scope="module")
def rows():
    rng = np.random.default_rng(0)
    X = theirs.add_constant(pd.DataFrame(rng.normal(size=(N, 3)), columns=list("abc")))
    w, A = rng.uniform(0.5, 3.0, N), rng.normal(size=(N, N))
    y = X @ [1.0, 2.0, -1.0, 0.5] + rng.normal(size=N) / np.sqrt(w)
    ones = (rng.random(N) < 1.0 / (1.0 + np.exp(-X["a"]))).astype(float)
    counts = rng.poisson(np.exp(0.3 * X["a"])).astype(float)
    groups = np.column_stack([rng.integers(0, 8, N), rng.integers(0, 6, N)])
    return {"X": X, "y": y, "w": w, "sigma": A @ A.T / N + np.eye(N), "ones": ones, "counts": counts, "groups": groups}


def same(a, b, names, rtol=1e-9):
    for name in names:
        left, right = (getattr(r, name) for r in (a, b))
        left, right = (v() if callable(v) else v for v in (left, right))
        left, right = (v[0] if isinstance(v, tuple) else v for v in (left, right))
        np.testing.assert_allclose(left, right, rtol=rtol, atol=rtol, err_msg=name)


@pytest.mark.parametrize("kind", ["WLS", "GLS", "GLS of a diagonal"])
def test_whitened_least_squares(rows, kind):
    options = {"WLS": {"weights": rows["w"]}, "GLS": {"sigma": rows["sigma"]}}.get(kind, {"sigma": 1.0 / rows["w"]})
    a, b = (getattr(sm, kind[:3])(rows["y"], rows["X"], **options).fit() for sm in (ours, theirs))
    same(a, b, NUMBERS)
    if kind == "WLS":
        a, b = (r.get_prediction().summary_frame() for r in (a, b))
        np.testing.assert_allclose(a, b[a.columns], rtol=1e-9)


def test_formulas_have_weights(rows):
    import statsmodels.formula.api as formulas

    from fastglm.statsmodels import formula

    frame = rows["X"].assign(y=rows["y"], g=np.arange(N) % 3)
    a, b = (f.wls("y ~ a + C(g)", frame, weights=rows["w"]).fit() for f in (formula, formulas))
    same(a, b, ["params", "bse", "llf"])
    expected = b.wald_test_terms(scalar=True).table
    found = a.wald_test_terms().table
    np.testing.assert_allclose(found, expected[found.columns].astype(float), rtol=1e-9)
    assert list(found.index) == list(expected.index)


def test_influence_on_least_squares(rows):
    a, b = (sm.OLS(rows["y"], rows["X"]).fit().get_influence() for sm in (ours, theirs))
    names = """hat_matrix_diag resid_studentized_internal resid_studentized_external dffits dfbetas cooks_distance
        cov_ratio sigma2_not_obsi dffits_internal dfbeta params_not_obsi resid resid_press ess_press influence
        hat_diag_factor resid_var resid_std nobs k_vars scale""".split()
    same(a, b, names, 1e-8)
    expected = b.summary_frame()
    pd.testing.assert_frame_equal(a.summary_frame()[expected.columns], expected, rtol=1e-8)


def test_influence_on_a_logistic_regression(rows):
    a, b = (
        sm.GLM(rows["ones"], rows["X"], family=theirs.families.Binomial()).fit(tol=1e-14).get_influence()
        for sm in (ours, theirs)
    )
    names = """hat_matrix_diag resid_studentized cooks_distance d_params d_linpred d_linpred_scaled d_fittedvalues
        d_fittedvalues_scaled nobs k_vars scale""".split()
    same(a, b, names, 1e-8)


def test_nested_models(rows):
    a, b = (sm.OLS(rows["y"], rows["X"]).fit() for sm in (ours, theirs))
    small, less = (sm.OLS(rows["y"], rows["X"].iloc[:, :3]).fit() for sm in (ours, theirs))
    np.testing.assert_allclose(a.compare_lr_test(small), tuple(b.compare_lr_test(less)), rtol=1e-9)
    np.testing.assert_allclose(a.compare_f_test(small), tuple(b.compare_f_test(less)), rtol=1e-9)


COVARIANCES = [
    ("HAC", {"maxlags": 3}), ("HAC", {"maxlags": 2, "use_correction": True}), ("cluster", 1), ("cluster", 2),
]  # fmt: skip


@pytest.mark.parametrize(("kind", "options"), COVARIANCES)
@pytest.mark.parametrize("model", ["OLS", "WLS", "GLM", "Poisson"])
def test_covariances_of_dependent_rows(rows, model, kind, options):
    if kind == "cluster":
        options = {"groups": rows["groups"][:, 0] if options == 1 else rows["groups"]}
    how = {"WLS": {"weights": rows["w"]}, "GLM": {"family": theirs.families.Binomial()}}.get(model, {})
    y = {"GLM": rows["ones"], "Poisson": rows["counts"]}.get(model, rows["y"])
    quiet = {"disp": 0} if model == "Poisson" else {}
    a, b = (
        getattr(sm, model)(y, rows["X"], **how).fit(cov_type=kind, cov_kwds=options, **quiet) for sm in (ours, theirs)
    )
    same(a, b, ["bse", "pvalues"], 1e-8)


@pytest.mark.parametrize("model", ["Logit", "Probit", "Poisson"])
def test_likelihoods_of_rows(rows, model):
    y, params = rows["counts" if model == "Poisson" else "ones"], np.array([0.1, 0.2, 0.3, -0.1])
    a, b = (getattr(sm, model)(y, rows["X"]) for sm in (ours, theirs))
    np.testing.assert_allclose(a.loglikeobs(params), b.loglikeobs(params), rtol=1e-12)
    if model != "Poisson":
        for name in ("cdf", "pdf"):
            np.testing.assert_allclose(
                getattr(a, name)([-1.0, 2.0]), getattr(b, name)(np.array([-1.0, 2.0])), rtol=1e-12
            )


def test_what_is_statsmodels_own_is_handed_on():
    assert ours.datasets is theirs.datasets


@pytest.mark.parametrize(
    ("make", "words"),
    [
        (lambda r: ours.WLS(r["y"], r["X"], weights=-r["w"]), "weights must be positive"),
        (lambda r: ours.GLS(r["y"], r["X"], sigma=-np.eye(N)), "not positive definite"),
        (lambda r: ours.GLS(r["y"], r["X"], sigma=np.eye(3)), r"sigma has shape \(3, 3\)"),
        (lambda r: ours.GLS(r["y"], r["X"], sigma=-r["w"]), "positive variances"),
        (lambda r: ours.OLS(r["y"], r["X"]).fit(cov_type="HAC"), "needs cov_kwds with maxlags"),
        (lambda r: ours.OLS(r["y"], r["X"]).fit(cov_type="HAC", cov_kwds={"maxlags": N}), "below the 80 rows"),
    ],
)
def test_bad_input(rows, make, words):
    with pytest.raises(InvalidParameterError, match=words):
        make(rows)
