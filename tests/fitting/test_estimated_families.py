"""Theta and the power estimated with the coefficients, against R's MASS and exact likelihoods; other storages."""

import json
from pathlib import Path

import numpy as np
import pytest
from scipy import sparse

import fastglm
from fastglm.errors import FastGLMWarning, InvalidParameterError
from fastglm.families import NegativeBinomial, Tweedie

pd = pytest.importorskip("pandas")
FOLDER = Path(__file__).parent / "inference"


def read(name):
    case = json.loads((FOLDER / f"{name}.json").read_text())
    data = pd.read_csv(FOLDER / Path(case["data"]).name)
    for column, levels in case["levels"].items():
        data[column] = pd.Categorical(data[column].astype(str), levels)
    return case, data, case["expected"]


def counts(n=400, seed=2):
    rng = np.random.default_rng(seed)
    X = rng.normal(size=(n, 2))
    return X, rng.poisson(rng.gamma(1.5, np.exp(0.4 + 0.5 * X[:, 0]) / 1.5)).astype(float)


@pytest.mark.parametrize("name", ["nb_shape_quine", "nb_shape_recreation"])
def test_theta_is_that_of_the_largest_likelihood(name):
    case, data, expected = read(name)
    exact = expected["exact"]
    fit = fastglm.glm(case["formula"], data, family="negative_binomial")
    assert fit.shape.value == pytest.approx(exact["theta"], rel=1e-9) == fit.family.theta
    assert fit.shape.se == pytest.approx(exact["se_theta"], rel=1e-8)
    np.testing.assert_allclose(fit.params, list(exact["coef"].values()), rtol=1e-8)
    np.testing.assert_allclose(fit.bse, exact["se_expected"], rtol=1e-8)
    assert fit.llf == pytest.approx(exact["loglik"], rel=1e-12)
    assert fit.aic == pytest.approx(-2 * exact["loglik"] + 2 * (len(fit.params) + 1), rel=1e-12)  # as MASS's logLik
    limits = fit.profile_shape(data).limits
    np.testing.assert_allclose(limits, exact["theta_profile_ci_95"], rtol=1e-7)


def test_theta_of_every_storage_and_vector():
    X, y = counts()
    n, rng = len(y), np.random.default_rng(0)
    weights, offset = rng.integers(1, 4, n).astype(float), rng.normal(size=n) * 0.1
    fit = fastglm.fit(X, y, family="nb", weights=weights, offset=offset)
    times = fastglm.fit(X, y, family="negbin", freq_weights=weights, offset=offset)
    repeated = np.repeat(np.arange(n), weights.astype(int))
    rows = fastglm.fit(X[repeated], y[repeated], family=NegativeBinomial, offset=offset[repeated])
    spread = fastglm.fit(sparse.csr_matrix(X), y, family=NegativeBinomial(None), weights=weights, offset=offset)
    for other in (times, rows, spread):
        assert other.shape.value == pytest.approx(fit.shape.value, rel=1e-9)
        assert other.shape.se == pytest.approx(fit.shape.se, rel=1e-7)
        np.testing.assert_allclose(other.params, fit.params, rtol=1e-7)


def test_models_with_thetas_of_their_own_are_compared_by_their_likelihoods():
    _, data, _ = read("nb_shape_quine")
    small, large = (fastglm.glm(f, data, family="nb") for f in ("Days ~ Eth", "Days ~ Eth + Sex + Age"))
    table = fastglm.anova(small, large)  # as MASS's anova.negbin
    assert table.columns["statistic"][1] == pytest.approx(2 * (large.llf - small.llf))
    with pytest.raises(InvalidParameterError, match="'LRT' alone"):
        fastglm.anova(small, large, test="F")
    fixed = large.drop1(data)  # theta stays that of the larger model, as MASS's dropterm
    assert fixed.columns["deviance"][0] == pytest.approx(large.deviance)


def test_theta_of_files_and_saved(tmp_path):
    X, y = counts()
    data = pd.DataFrame({"y": y, "a": X[:, 0], "b": X[:, 1]})
    data.to_parquet(tmp_path / "rows.parquet")
    fit = fastglm.glm("y ~ a + b", data, family="negative_binomial")
    file = fastglm.glm("y ~ a + b", str(tmp_path / "rows.parquet"), family="negative_binomial", memory=0)
    assert file.shape.value == pytest.approx(fit.shape.value, rel=1e-9)
    fit.save(tmp_path / "fit.json")
    again = fastglm.load(tmp_path / "fit.json")
    assert again.shape == fit.shape and again.aic == fit.aic
    assert "Theta" in str(fit.summary())


def test_the_score_of_theta_is_zero_at_large_counts():
    rng = np.random.default_rng(5)
    y = rng.poisson(rng.gamma(3.0, 1e5, 300)).astype(float)  # beyond the counts that are summed one by one
    fit = fastglm.fit(np.zeros((300, 0)), y, family="nb")
    from scipy.stats import nbinom

    def llf(theta):
        mu = np.exp(fit.params[0])
        return nbinom.logpmf(y, theta, theta / (theta + mu)).sum()

    theta, step = fit.shape.value, 1e-4 * fit.shape.value
    slope = (llf(theta + step) - llf(theta - step)) / (2 * step)
    assert abs(slope) * fit.shape.se < 1e-4


def test_counts_of_poisson_have_an_infinite_theta():
    rng = np.random.default_rng(0)
    X = rng.normal(size=(300, 2))
    y = rng.binomial(10, 1 / (1 + np.exp(-X[:, 0])))
    with pytest.warns(FastGLMWarning, match="theta is infinite"):
        fit = fastglm.fit(X, y, family="nb")
    assert np.isinf(fit.shape.value) and fit.family.name == "poisson"
    np.testing.assert_allclose(fit.params, fastglm.fit(X, y, family="poisson").params, rtol=1e-9)
    with pytest.raises(InvalidParameterError, match="end of its range"):
        fit.profile_shape(X, y)


@pytest.mark.parametrize(("shape", "most"), [(2.0, 17.0), (30.0, 20.0), (None, 15.0)])
def test_theta_takes_few_passes(shape, most):
    """The first fits, at thetas that will not stay, are rough, and a theta far above its start is reached by Newton's
    method in its inverse."""
    rng, n = np.random.default_rng(0), 40_000
    X = rng.standard_normal((n, 6))
    mean = np.exp(X @ np.full(6, 0.2))
    if shape is None:
        y = rng.binomial(10, mean / 10.0 / mean.max())
        with pytest.warns(FastGLMWarning, match="infinite"):
            result = fastglm.fit(X, y, family="negative_binomial")
    else:
        y = rng.poisson(mean * rng.gamma(shape, 1.0 / shape, n))
        result = fastglm.fit(X, y, family="negative_binomial")
        again = fastglm.fit(X, y, family=NegativeBinomial(result.shape.value))
        np.testing.assert_allclose(result.params, again.params, atol=1e-8 * again.bse.min())
        log_theta = np.log(result.shape.value) + np.array([-1e-2, 0.0, 1e-2])
        below, at, above = (fastglm.fit(X, y, family=NegativeBinomial(t)).llf for t in np.exp(log_theta))
        assert abs(above - below) < 0.05 * (2.0 * at - above - below)
    assert result.n_passes < most


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"y": [0.0, 1.5, 2, 3, 4, 5, 6, 9]}, "y = 1.5 at row 1 is not a whole number"),
        ({"y": np.zeros(8)}, "zero in every row"),
        ({"penalty": {"ridge": 1.0}}, "takes the parameters: theta"),
        ({"solver": "sgd"}, "not exact enough"),
        ({"bias_reduction": "mean"}, "with its theta"),
        ({"y": np.zeros(8), "family": "tweedie"}, "zero in every row"),
    ],
)
def test_what_theta_cannot_be_estimated_from(change, words):
    options = {"y": np.arange(8.0), "family": "nb"} | change
    with pytest.raises(InvalidParameterError, match=words):
        fastglm.fit(np.arange(8.0)[:, None], options.pop("y"), **options)
    with pytest.raises(InvalidParameterError, match="NegativeBinomial"):
        fastglm.path(np.arange(8.0)[:, None], np.arange(8.0), family="nb")


def test_the_likelihood_of_tweedie_fits_and_the_power():
    case, data, expected = read("tweedie_power_recreation")
    for at in expected["at"]:
        fit = fastglm.glm(case["formula"], data, family=Tweedie(at["p"]))
        assert fit.llf == pytest.approx(at["exact_loglik_at_phi_ml"], rel=1e-12)
        assert fit.aic == -2 * fit.llf + 2 * 5
    fit = fastglm.glm(case["formula"], data, family="tweedie")
    exact = expected["exact_ml"]
    assert fit.shape.value == pytest.approx(exact["p"], abs=1e-7)
    assert fit.llf == pytest.approx(exact["loglik"], rel=1e-12)
    likeliest = fastglm.glm(case["formula"], data, family=fit.family, dispersion="ml")
    assert likeliest.scale == pytest.approx(exact["phi"], rel=1e-6)
    np.testing.assert_allclose(fit.params, exact["coef"], rtol=1e-6)
    found = fit.profile_shape(data)
    np.testing.assert_allclose(found.limits, exact["p_profile_ci_95"], rtol=1e-6)
    assert fit.shape.se == pytest.approx(np.diff(found.limits)[0] / 3.92, rel=0.03)
    curve = fit.profile_shape(data, values=[1.3, 1.6])
    values = [at["exact_loglik_at_phi_ml"] for at in expected["at"] if at["p"] in (1.3, 1.6)]
    np.testing.assert_allclose(curve.llf, values, rtol=1e-12)
    with pytest.raises(InvalidParameterError, match="power is above 1"):
        fit.profile_shape(data, values=[0.5])


def test_a_weight_of_a_tweedie_fit_divides_its_dispersion():
    # of power three it is the inverse Gaussian, whose likelihood has a closed form
    rng = np.random.default_rng(1)
    x, w = rng.normal(size=(80, 1)), rng.uniform(0.5, 3.0, 80)
    y = rng.wald(np.exp(0.3 * x[:, 0]), 2.0)
    fit = fastglm.fit(x, y, family=Tweedie(3.0), link="log", weights=w)
    phi = fit.deviance / 80 / w
    assert fit.llf == pytest.approx(-0.5 * np.log(2 * np.pi * phi * y**3).sum() - 40.0, rel=1e-12)


@pytest.mark.parametrize("name", ["gamma_shape_clotting", "gamma_shape_trees"])
def test_dispersions_by_name(name):
    case, data, expected = read(name)

    def fitted(kind, family="gamma"):
        return fastglm.glm(case["formula"], data, family=family, link=case["link"], dispersion=kind)

    for kind in ("pearson", "deviance", "ml"):
        assert fitted(kind).scale == pytest.approx(expected[f"dispersion_{kind}"], rel=1e-9)
    fit = fitted("ml")
    assert fit.scale_se / fit.scale**2 == pytest.approx(expected["shape_se"], rel=1e-9)
    np.testing.assert_allclose(fit.bse / fitted("pearson").bse, np.sqrt(fit.scale / fitted("pearson").scale))
    gaussian = fitted("ml", "gaussian")
    assert gaussian.scale == pytest.approx(gaussian.deviance / gaussian.nobs)
    with pytest.raises(InvalidParameterError, match="no likelihood"):
        fitted("ml", "quasi(mu^2)")
    with pytest.raises(InvalidParameterError, match="known to be one"):
        fitted("deviance", "poisson")


def test_the_shape_beside_weights_is_the_root_of_its_score():
    from scipy.special import psi

    rng = np.random.default_rng(3)
    x, w = rng.normal(size=(60, 1)), rng.uniform(0.5, 3.0, 60)
    y = rng.gamma(2.0, np.exp(0.2 * x[:, 0]) / 2.0)
    fit = fastglm.fit(x, y, family="gamma", link="log", weights=w, dispersion="ml")
    k = w / fit.scale
    assert w @ (np.log(k) - psi(k)) == pytest.approx(0.5 * fit.deviance, rel=1e-12)
    other = fastglm.fit(x, y, family=Tweedie(2.0), link="log", weights=w, dispersion="ml")
    assert (other.scale, other.scale_se) == pytest.approx((fit.scale, fit.scale_se), rel=1e-6)


@pytest.mark.parametrize("far", [5e3, -5e3])
def test_theta_does_not_see_rows_of_weight_zero(far):
    rng = np.random.default_rng(9)
    X = rng.normal(size=(400, 2))
    y = rng.poisson(np.exp(0.4 + X @ [0.5, 0.2]) * rng.gamma(2.0, 0.5, 400)).astype(float)
    alone = fastglm.fit(X, y, family="negative_binomial")
    beside = fastglm.fit(
        np.vstack([X, [[far, 0.0], [0.0, far]]]), np.append(y, [3.0, 1e6]), family="negative_binomial",
        weights=np.append(np.ones(400), [0.0, 0.0]),
    )  # fmt: skip
    assert beside.shape.value == pytest.approx(alone.shape.value, rel=1e-9)
    np.testing.assert_allclose(beside.params, alone.params, rtol=1e-9)
