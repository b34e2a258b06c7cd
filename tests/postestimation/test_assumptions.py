"""Tests of what a model assumes against R's lmtest, car and AER, and across storages."""

import numpy as np
import pytest
from reference_cases import CASES, fitted, frame, named, same

import fastglm
from fastglm.errors import InvalidParameterError

pd = pytest.importorskip("pandas")


def linear(case):
    return fitted(case | {"family": "gaussian"}), frame(case)


def is_test(found, expected, tol=1e-8):
    parameter = expected["parameter"]
    p = expected["p"]
    same(found.statistic, expected["statistic"], tol)
    same(found.p_value, next(iter(p.values())) if isinstance(p, dict) else p, tol)
    assert [found.df, *([] if found.df_resid is None else [found.df_resid])] == parameter


@pytest.mark.parametrize("name", named("linear_diagnostics"))
def test_tests_of_least_squares_are_those_of_lmtest(name):
    expected, (result, data) = CASES[name]["expected"], linear(CASES[name])
    is_test(result.reset_test(data), expected["reset_fitted_2_3"])
    is_test(result.reset_test(data, powers=2), expected["reset_fitted_2"])
    is_test(result.reset_test(data, powers=2, kind="regressor"), expected["reset_regressor"])
    is_test(result.heteroskedasticity_test(data), expected["bptest_koenker"])
    is_test(result.heteroskedasticity_test(data, kind="breusch-pagan"), expected["bptest_original"])
    is_test(result.heteroskedasticity_test(data, kind="white"), expected["white"], 1e-7)
    ncv = result.heteroskedasticity_test(data, kind="fitted")
    same([ncv.statistic, ncv.df, ncv.p_value], [expected["ncvTest"][k] for k in ("chisq", "df", "p")])
    same(result.durbin_watson(data).statistic, expected["dw"])
    same(result.durbin_watson(data).p_value, expected["dw_p_exact"])
    same(result.durbin_watson(data, alternative="two-sided").p_value, expected["dw_p_twosided"])
    is_test(result.breusch_godfrey(data), expected["bg_order1_chisq"])
    is_test(result.breusch_godfrey(data, order=4), expected["bg_order4_chisq"])
    is_test(result.breusch_godfrey(data, test="F"), expected["bg_order1_F"])


@pytest.mark.parametrize("name", named("glm_specification"))
def test_reset_and_link_test_of_other_families(name):
    case, expected = CASES[name], CASES[name]["expected"]
    result, data = fitted(case), frame(case)
    assert np.isclose(result.reset_test(data, powers=[2]).statistic, expected["glm_reset_eta2_LR"], rtol=1e-8)
    assert np.isclose(result.reset_test(data).statistic, expected["glm_reset_eta23_LR"], rtol=1e-8)
    found = result.link_test(data)
    same(found.coef, expected["link_test_coef"])
    same(found.statistic, expected["link_test_stat"])


def test_the_link_test_finds_the_wrong_link():
    rng = np.random.default_rng(1)
    X = rng.uniform(0.5, 2.0, size=(3000, 1))
    y = rng.poisson(1.0 + 4.0 * X[:, 0])
    wrong = fastglm.fit(X, y, family="poisson").link_test(X, y)
    right = fastglm.fit(X, y, family="poisson", link="identity").link_test(X, y)
    assert wrong.p_value[2] < 1e-4 and right.p_value[2] > 0.01


@pytest.mark.parametrize("name", named("overdispersion"))
def test_overdispersion_is_that_of_aer(name):
    case, expected = CASES[name], CASES[name]["expected"]
    result, data = fitted(case), frame(case)
    found = result.dispersion_test(data)
    for row, key in enumerate(["dispersiontest_NB1", "dispersiontest_NB2"]):
        wanted = expected[key]
        same([found.estimate[row], found.statistic[row], found.p_value[row]],
             [wanted["estimate"], wanted["statistic"], wanted["p"]])  # fmt: skip
    scores = [expected[key] for key in ("score_NB1", "score_NB2_dean", "score_NB2_dean_hat")]
    same(found.statistic[2:], scores)
    both = result.dispersion_test(data, alternative="two-sided")
    same(both.p_value[1], expected["dispersiontest_twosided"]["p"])
    fit = result.goodness_of_fit()
    same(fit.statistic, [expected["pearson_chisq"], expected["deviance"]])
    assert list(fit.df) == [expected["df"]] * 2


def test_the_normal_approximation_of_durbin_and_watson_meets_the_exact_one(monkeypatch):
    from fastglm.postestimation import linear_tests

    rng = np.random.default_rng(4)
    X, y = rng.normal(size=(99, 2)), rng.normal(size=99)
    result = fastglm.fit(X, y)
    exact = result.durbin_watson(X, y)
    monkeypatch.setattr(linear_tests, "EXACT", 0)
    normal = result.durbin_watson(X, y)
    assert normal.statistic == exact.statistic
    assert abs(normal.p_value - exact.p_value) < 0.003 and normal.p_value != exact.p_value


def test_tests_of_files_are_those_of_the_frame(tmp_path, monkeypatch):
    pytest.importorskip("pyarrow")
    from fastglm.rows import supplied

    monkeypatch.setattr(supplied, "BATCH", 37)
    rng = np.random.default_rng(0)
    data = pd.DataFrame({"x": rng.normal(size=300), "z": rng.choice(["a", "b", "c"], 300), "w": rng.uniform(1, 2, 300)})
    data["y"] = data.x + rng.normal(size=300)
    data["n"] = rng.poisson(np.exp(0.2 * data.x))
    data.to_parquet(tmp_path / "rows.parquet", row_group_size=100)
    least = fastglm.glm("y ~ x + z", data, weights="w")
    for verb in ("reset_test", "heteroskedasticity_test", "durbin_watson", "breusch_godfrey"):
        one, other = (getattr(least, verb)(rows) for rows in (data, tmp_path / "rows.parquet"))
        np.testing.assert_allclose(one[1:4], other[1:4], rtol=1e-9)
    X = pd.get_dummies(data[["x", "z"]], drop_first=True, dtype=float).to_numpy()
    roots = np.sqrt(data.w.to_numpy())
    design = np.column_stack([np.ones(300), X])
    scaled, y = design * roots[:, None], data.y.to_numpy() * roots
    error = y - scaled @ np.linalg.lstsq(scaled, y, rcond=None)[0]
    lagged = np.column_stack([scaled, np.append(0.0, error[:-1])])
    fitted_error = lagged @ np.linalg.lstsq(lagged, error, rcond=None)[0]
    same(least.breusch_godfrey(data).statistic, 300 * (fitted_error @ fitted_error) / (error @ error))
    same(least.durbin_watson(data).statistic, np.sum(np.diff(error) ** 2) / (error @ error))
    counts = fastglm.glm("n ~ x + z", data, family="poisson")
    for verb in ("link_test", "dispersion_test"):
        one, other = (getattr(counts, verb)(rows) for rows in (data, tmp_path / "rows.parquet"))
        np.testing.assert_allclose(one.statistic, other.statistic, rtol=1e-8)


def test_frequencies_count_rows_as_often():
    rng = np.random.default_rng(0)
    X, y, f = rng.normal(size=(80, 2)), rng.poisson(2.0, 80), rng.integers(1, 4, 80)
    rows = np.repeat(np.arange(80), f)
    grouped = fastglm.fit(X, y, family="poisson", freq_weights=f)
    apart = fastglm.fit(X[rows], y[rows], family="poisson")
    for verb in ("dispersion_test", "link_test"):
        one = getattr(grouped, verb)(X, y, freq_weights=f)
        same(one.statistic, getattr(apart, verb)(X[rows], y[rows]).statistic)
    same(grouped.reset_test(X, y, freq_weights=f)[1:4], apart.reset_test(X[rows], y[rows])[1:4])
    least = fastglm.fit(X, y, freq_weights=f)
    same(least.heteroskedasticity_test(X, y, freq_weights=f)[1:4],
         fastglm.fit(X[rows], y[rows]).heteroskedasticity_test(X[rows], y[rows])[1:4])  # fmt: skip
    with pytest.raises(InvalidParameterError, match="have no order"):
        least.durbin_watson(X, y, freq_weights=f)


def test_what_makes_no_sense_is_refused_by_name():
    rng = np.random.default_rng(0)
    X, y = rng.normal(size=(60, 2)), rng.integers(0, 3, 60)
    softmax, gamma = fastglm.fit(X, y, family="multinomial"), fastglm.fit(X, y + 1.0, family="gamma", link="log")
    for verb in ("link_test", "reset_test"):
        with pytest.raises(InvalidParameterError, match="softmax"):
            getattr(softmax, verb)(X, y)
    with pytest.raises(InvalidParameterError, match="takes up any misfit"):
        gamma.goodness_of_fit()
    for verb in ("durbin_watson", "breusch_godfrey", "heteroskedasticity_test"):
        with pytest.raises(InvalidParameterError, match="is of least squares"):
            getattr(gamma, verb)(X, y + 1.0)
    with pytest.raises(InvalidParameterError, match="family='poisson'"):
        gamma.dispersion_test(X, y + 1.0)
    with pytest.raises(InvalidParameterError, match="pass data="):
        gamma.link_test(None)


@pytest.mark.parametrize("family, link", [("poisson", None), ("gamma", "log"), ("binomial", None)])
def test_rows_of_weight_zero_are_not_there_however_far(family, link):
    rng = np.random.default_rng(6)
    X = rng.normal(size=(150, 2))
    mu = np.exp(0.3 + X @ [0.4, -0.2])
    y = {"poisson": rng.poisson(mu) * 1.0, "gamma": rng.gamma(3.0, mu / 3.0), "binomial": (rng.random(150) < 0.5) * 1.0}
    far = np.vstack([X, [[3e3, 0.0], [0.0, -3e3]]])
    whole, weights = np.append(y[family], [1.0, 1.0]), np.append(np.ones(150), [0.0, 0.0])
    fit = fastglm.fit(X, y[family], family=family, link=link)
    same = fastglm.fit(far, whole, family=family, link=link, weights=weights)
    for verb in ("link_test", "reset_test"):
        one, other = getattr(fit, verb)(X, y[family]), getattr(same, verb)(far, whole, weights=weights)
        statistics = [r.columns["statistic"] if verb == "link_test" else r.statistic for r in (one, other)]
        np.testing.assert_allclose(statistics[1], statistics[0], rtol=1e-6, atol=1e-8)
    one, other = fit.score(X, y[family]), same.score(far, whole, weights=weights)
    assert other.deviance == pytest.approx(one.deviance, rel=1e-9)
