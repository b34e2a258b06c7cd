"""Estimated marginal means, their contrasts, and adjusted p-values: R's emmeans, multcomp and p.adjust."""

import numpy as np
import pytest
from reference_cases import CASES, column, fitted, frame, named, same

import fastglm
from fastglm.errors import InvalidParameterError
from fastglm.inference.multiplicity import MaximumOfT, single_step, tukey_sf

pd = pytest.importorskip("pandas")
SPECS = {"poisson": ("tension", "wool"), "gamma": ("percent", None), "binomial": ("race", None)}


@pytest.mark.parametrize("name", named("emmeans"))
def test_means_and_contrasts(name):
    case = CASES[name]
    data, fit, R = frame(case), fitted(case), case["expected"]
    terms, by = SPECS[case["family"]]
    means = fit.emmeans(terms, data, by=by)
    same(means.estimate, R["link"]["emmean"])
    same(means.std_error, R["link"]["SE"])
    response = fit.emmeans(terms, data, by=by, type="response")
    same(response.estimate, column(R["response"], "rate", "response", "prob"))
    same(response.std_error, R["response"]["SE"])
    same(response.conf_int()[:, 0], column(R["response"], "asymp.LCL", "lower.CL"))
    same(fit.emmeans(terms, data, by=by, weights="proportional").estimate, R["proportional"]["emmean"])
    for adjust in ("tukey", "none", "holm", "sidak", "bonferroni", "scheffe"):
        pairs, expected = means.pairs(adjust=adjust), R[f"pairs_{adjust}"]
        same(pairs.estimate, expected["estimate"])
        same(pairs.std_error, expected["SE"])
        same(pairs.p_value, expected["p.value"])
    ratios = means.pairs(adjust="none", type="response")
    if case["link"] in ("log", "logit"):
        same(ratios.estimate, column(R["pairs_response"], "ratio", "odds.ratio"))
        same(ratios.std_error, R["pairs_response"]["SE"])
        same(ratios.conf_int()[:, 1], column(R["pairs_response"], "asymp.UCL", "upper.CL"))
    same(means.contrast_levels("trt.vs.ctrl", adjust="holm").p_value, R["trt_vs_ctrl_holm"]["p.value"])
    same(means.contrast_levels("eff").estimate, R["eff"]["estimate"])


def test_averages_over_factors_are_those_of_the_whole_grid():
    rng = np.random.default_rng(0)
    n = 600
    data = pd.DataFrame({name: rng.choice(list("pqr"), n) for name in ("a", "b", "c")} | {"x": rng.normal(size=n)})
    data["y"] = rng.poisson(1.5, n)
    fit = fastglm.glm("y ~ a*b + b*c + a*x", data, family="poisson")
    found = fit.emmeans("a", data)
    levels = list("pqr")
    grid = pd.DataFrame([(a, b, c) for a in levels for b in levels for c in levels], columns=["a", "b", "c"])
    eta = fit.predict(grid.assign(x=data.x.mean()), kind="link").reshape(3, 9).mean(axis=1)
    np.testing.assert_allclose(found.estimate, eta, rtol=1e-12)
    shares = fit.emmeans("a", data, weights="proportional").estimate
    cells = data.groupby(["b", "c"]).size()
    w = np.array([cells.get((b, c), 0) for b in levels for c in levels], float)
    wanted = fit.predict(grid.assign(x=data.x.mean()), kind="link").reshape(3, 9) @ w / w.sum()
    np.testing.assert_allclose(shares, wanted, rtol=1e-12)
    at = fit.emmeans("x", data, at={"x": [0.0, 1.0], "a": "q"})
    assert at.labels["x"] == [0.0, 1.0]
    slope = at.contrast([[-1.0, 1.0]]).estimate[0]
    names = list(fit.names)
    wanted = fit.params[names.index("x")] + fit.params[names.index("a[T.q]:x")]
    assert slope == pytest.approx(wanted, rel=1e-10)


@pytest.mark.parametrize("name", named("glht"))
def test_single_step_adjustment(name):
    case = CASES[name]
    data, fit, R = frame(case), fitted(case), case["expected"]
    factor = {"warpbreaks": "tension", "cholesterol": "trt", "birthwt": "race"}[name.rsplit("_", 1)[1]]
    method = "dunnett" if "dunnett" in name else "tukey"
    found = fit.emmeans(factor, data).contrast_levels(method, adjust="mvt")
    order = [found.labels["contrast"].index(text) for text in R["names"]]
    same(found.estimate[order], R["estimate"])
    same(found.std_error[order], R["se"])
    np.testing.assert_allclose(found.p_value[order], R["p_single_step"], atol=5e-5)
    same(found.adjusted("holm").p_value[order], R["p_holm"], 1e-7)
    reach = (found.conf_int()[:, 1] - found.estimate) / found.std_error
    assert reach[0] == pytest.approx(R["calpha_single_step_mc"], abs=2e-3)


def test_the_maximum_of_t_has_known_values():
    independent = np.eye(3)
    from scipy.special import ndtr

    for t in (1.0, 2.0, 3.0):
        exact = 1.0 - (ndtr(t) - ndtr(-t)) ** 3
        assert MaximumOfT(independent, None).sf(t) == pytest.approx(exact, abs=1e-6)
    # all pairs of k equal means: the studentised range
    L = np.array([[1, -1, 0, 0], [1, 0, -1, 0], [1, 0, 0, -1], [0, 1, -1, 0], [0, 1, 0, -1], [0, 0, 1, -1]]) / 2**0.5
    for df in (None, 12):
        p = single_step(np.full(6, 2.5), L @ L.T, df)
        np.testing.assert_allclose(p, tukey_sf(2.5 * 2**0.5, 4, df), atol=5e-5)
    assert MaximumOfT(np.ones((2, 2)), None).sf(1.96) == pytest.approx(2 * ndtr(-1.96), abs=1e-9)


def test_the_studentised_range_is_that_of_tables():
    from scipy.stats import studentized_range

    for q, k, df in ((3.5, 4, 10), (2.0, 3, 2), (6.0, 3, 27), (4.0, 6, np.inf)):
        exact = studentized_range.sf(q, k, df)
        assert tukey_sf(q, k, None if df == np.inf else df) == pytest.approx(exact, rel=1e-10)


def test_p_adjust_is_that_of_r():
    R = CASES["p_adjust"]["expected"]
    for method in ("holm", "hochberg", "hommel", "bonferroni", "BH", "BY", "fdr", "none"):
        np.testing.assert_allclose(fastglm.p_adjust(R["p"], method), R[method], rtol=1e-14)
    some = fastglm.p_adjust([0.01, np.nan, 0.02], "bonferroni")
    np.testing.assert_allclose(some, [0.02, np.nan, 0.04])
    for p, method, text in (([0.5], "x", "unknown"), ([2.0], "holm", "between 0 and 1")):
        with pytest.raises(InvalidParameterError, match=text):
            fastglm.p_adjust(p, method)


def test_bad_input_is_named():
    case = CASES["emmeans_poisson_warpbreaks"]
    data, fit = frame(case), fitted(case)
    means = fit.emmeans("tension", data)
    for call, text in [
        (lambda: fit.emmeans("nothing", data), "'nothing' is not in the model"),
        (lambda: fit.emmeans("tension", data, at={"wool": "C"}), "no level 'C'"),
        (lambda: fit.emmeans("tension", data, weights="outer"), "weights='outer'"),
        (lambda: fit.emmeans("tension", data, type="mean"), "type='mean'"),
        (lambda: means.pairs(adjust="x"), "adjust='x'"),
        (lambda: means.contrast_levels("all"), "method='all'"),
        (lambda: means.contrast_levels({"c": [1, -1]}), "there are 3 means"),
        (lambda: means.dunnett(adjust="tukey"), "all pairs"),
        (lambda: means.dunnett(ref=5), "ref=5"),
        (lambda: fastglm.fit(np.ones((9, 1)), np.arange(9.0)).emmeans("x1"), "of a formula"),
    ]:
        with pytest.raises(InvalidParameterError, match=text):
            call()
    gap = data[~((data.wool == "B") & (data.tension == "H"))]
    missing = fastglm.glm("breaks ~ wool * tension", gap, family="poisson")
    with pytest.raises(InvalidParameterError, match="not estimable"):
        missing.emmeans("tension", gap, by="wool")
