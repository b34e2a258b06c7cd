"""The calibration belt: ratios of fits, distributions in closed form and by simulation, the boundary of the band."""

import numpy as np
import pytest
from scipy import stats

import fastglm
from fastglm.errors import InvalidParameterError
from fastglm.postestimation.calibration_belt import calibration_belt, distribution_given, quantile_given


def drawn(n, seed, bend=0.0, slope=1.0):
    """Log odds of predictions, and outcomes whose log odds are a polynomial of them."""
    rng = np.random.default_rng(seed)
    log_odds = np.sort(rng.normal(-0.5, 1.2, n))
    y = rng.uniform(size=n) < 1.0 / (1.0 + np.exp(-(slope * log_odds + bend * log_odds**2)))
    return log_odds, y.astype(float)


def deviance(y, *columns):
    """That of a logistic regression."""
    return fastglm.fit(np.column_stack(columns), y, family="binomial").deviance


def test_the_statistic_is_that_of_two_fits():
    x, y = drawn(800, 0)
    perfect = fastglm.glm("y ~ 0 + offset(x)", {"y": y, "x": x}, family="binomial").deviance
    belt = calibration_belt(x, y, 1.0 - y, external=True, include=0.999999)
    assert belt.degree == 1
    np.testing.assert_allclose(belt.statistic, perfect - deviance(y, x), rtol=1e-9)
    np.testing.assert_allclose(belt.p_value, stats.chi2.sf(belt.statistic, 2), rtol=1e-9)


def test_degrees_are_chosen_by_likelihood_ratios():
    x, y = drawn(3000, 1, bend=0.35, slope=0.8)
    belt = calibration_belt(x, y, 1.0 - y, external=True)
    ratios = [deviance(y, *(x**k for k in range(1, m + 1))) for m in (1, 2, 3, 4)]
    falls = -np.diff(ratios)
    expected = 1 + next(i for i, fall in enumerate([*falls, 0.0]) if fall < 3.841458820694124)
    assert belt.degree == expected == 2
    perfect = -2.0 * stats.bernoulli.logpmf(y, 1.0 / (1.0 + np.exp(-x))).sum()
    np.testing.assert_allclose(belt.statistic, perfect - ratios[1], rtol=1e-9)
    assert belt.p_value < 1e-6 and belt.over.any()


def test_the_band_is_the_region_of_the_likelihood_ratio():
    """Its ends are the limits by profile likelihood of the curve at a point, at the quantile of the test."""
    x, y = drawn(500, 2)
    belt = calibration_belt(x, y, 1.0 - y, external=True, include=0.999999, points=7)
    assert belt.degree == 1
    level = stats.chi2.cdf(quantile_given(0.95, 1, 0.999999, True), 1)  # of one degree of freedom
    for p, low, middle, high in zip(belt.predicted, belt.lower, belt.observed, belt.upper, strict=True):
        Z = (x - np.log(p / (1.0 - p)))[:, None]  # so that the intercept is the curve at the point
        fit = fastglm.fit(Z, y, family="binomial")
        limits = fit.conf_int(level, method="profile", data=Z, y=y)[0]
        found = np.array([low, middle, high])
        np.testing.assert_allclose(np.log(found / (1.0 - found)), [limits[0], fit.params[0], limits[1]], atol=1e-7)


def test_distributions_given_the_degree():
    k = stats.chi2.ppf(0.95, 1)
    t = np.array([4.5, 6.0, 9.0, 15.0])
    closed = (stats.chi2.cdf(t, 1) - 0.95 - np.sqrt(2.0 / np.pi) * np.exp(-t / 2) * (np.sqrt(t) - np.sqrt(k))) / 0.05
    np.testing.assert_allclose(distribution_given(t, 2, 0.95, True), closed, rtol=1e-10)
    np.testing.assert_allclose(distribution_given(t, 2, 0.95, False), stats.chi2.cdf(t, 1), rtol=1e-12)
    rng = np.random.default_rng(0)
    above = stats.chi2.ppf(1.0 - 0.05 * rng.uniform(size=(400_000, 3)), 1)
    for degree, external, base in ((3, True, 2), (4, True, 2), (3, False, 1), (4, False, 1)):
        included = degree - (1 if external else 2)
        total = stats.chi2.rvs(base, size=len(above), random_state=rng) + above[:, :included].sum(axis=1)
        for share in (0.3, 0.8, 0.95):
            at = quantile_given(share, degree, 0.95, external)
            assert abs((total <= at).mean() - share) < 4 * np.sqrt(share * (1 - share) / len(total))


def test_a_fit_has_a_belt_of_its_own_rows(tmp_path):
    pd = pytest.importorskip("pandas")
    rng = np.random.default_rng(3)
    data = pd.DataFrame({"x": rng.normal(size=600), "z": rng.normal(size=600)})
    data["y"] = rng.uniform(size=600) < 1.0 / (1.0 + np.exp(-data.x))
    fit = fastglm.glm("y ~ x + z", data.astype({"y": float}), family="binomial")
    found = fit.binary_diagnostics(data.astype({"y": float}))
    belt = found.calibration_belt()
    assert belt.degree >= 2 and 0.0 <= belt.p_value <= 1.0 and not belt.external
    assert (belt.lower <= belt.observed).all() and (belt.observed <= belt.upper).all()
    wide = found.calibration_belt(level=0.99)
    assert (wide.lower <= belt.lower).all() and (wide.upper >= belt.upper).all()
    for options, words in (
        ({"level": 1.0}, "level="), ({"most": 1}, "most="), ({"points": 1}, "points="), ({"include": 0}, "include="),
    ):  # fmt: skip
        with pytest.raises(InvalidParameterError, match=words):
            found.calibration_belt(**options)
    with pytest.raises(InvalidParameterError, match="too few"):
        calibration_belt(np.array([0.0, 1.0]), np.ones(2), np.ones(2), external=True)
    with pytest.raises(InvalidParameterError, match="0 or 1"):
        calibration_belt(np.array([0.0, np.inf]), np.ones(2), np.ones(2), external=True)


@pytest.mark.slow
@pytest.mark.parametrize("external", [True, False])
def test_p_values_of_calibrated_predictions_are_uniform(external):
    rng, p_values = np.random.default_rng(4), []
    for _ in range(4000):
        x = np.sort(rng.normal(-0.3, 1.0, 500))
        y = (rng.uniform(size=500) < 1.0 / (1.0 + np.exp(-x))).astype(float)
        if not external:  # predictions of a model that these rows were fitted to
            params = fastglm.fit(x[:, None], y, family="binomial").params
            x = params[0] + params[1] * x
        p_values.append(calibration_belt(x, y, 1.0 - y, external=external, points=2).p_value)
    for share in (0.05, 0.25, 0.5, 0.9):
        assert abs(np.mean(np.array(p_values) < share) - share) < 0.02
