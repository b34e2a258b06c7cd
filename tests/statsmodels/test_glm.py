"""statsmodels' GLM in its spelling here against statsmodels itself: every attribute, in numbers and in layout."""

import warnings

import numpy as np
import pytest
import statsmodels.api as real
from statsmodels_cases import GROUPS, PAIRS, SCALARS, VECTORS, N, both, compare, draw, family, names, same, weights

import fastglm.statsmodels as sm
from fastglm.statsmodels.refusals import ConventionWarning
from fastglm.statsmodels.translate import translate


@pytest.mark.parametrize("pair", PAIRS, ids=names(PAIRS))
@pytest.mark.parametrize("kind", ["plain", "var", "freq", "offset"])
def test_every_attribute(pair, kind):
    name, keywords, link = pair
    X, y = draw(name, link)
    ours, theirs = both(y, X, name, keywords, link, **weights(kind))
    compare(ours, theirs, SCALARS + VECTORS)
    same(ours.conf_int(0.1), theirs.conf_int(0.1))
    same(ours.cov_params(), theirs.cov_params())
    for kind_of in ("mcf", "cs"):
        same(ours.pseudo_rsquared(kind_of), theirs.pseudo_rsquared(kind_of))


def shared_family(name, keywords, link):
    """The family of statsmodels, given to both."""
    return family(real, name, keywords, link)


@pytest.mark.parametrize("pair", PAIRS, ids=names(PAIRS))
def test_families_of_statsmodels_are_accepted_and_spelled_alike(pair):
    name, keywords, link = pair
    assert translate(shared_family(*pair)) == translate(family(sm, *pair))
    theirs, ours = shared_family(*pair), family(sm, *pair)
    mu = np.array([0.2, 0.6, 0.9])
    eta = theirs.link(mu)
    for verb, at in [("__call__", mu), ("inverse", eta), ("deriv", mu), ("inverse_deriv", eta)]:
        np.testing.assert_allclose(getattr(ours.link, verb)(at), getattr(theirs.link, verb)(at), rtol=1e-10)
    np.testing.assert_allclose(ours.link.inverse_deriv2(eta), theirs.link.inverse_deriv2(eta), rtol=1e-6, atol=1e-12)
    np.testing.assert_allclose(ours.link.deriv2(mu), theirs.link.deriv2(mu), rtol=1e-6, atol=1e-10)
    np.testing.assert_allclose(ours.variance(mu), theirs.variance(mu), rtol=1e-12)
    np.testing.assert_allclose(ours.fitted(eta), mu)


@pytest.mark.parametrize("pair", PAIRS, ids=names(PAIRS))
def test_gradient_methods_have_the_observed_information(pair):
    name, keywords, link = pair
    X, y = draw(name, link)
    for fit in ({"method": "newton"}, {"method": "bfgs", "cov_type": "eim"}):
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            ours = sm.GLM(y, X, family=shared_family(*pair)).fit(**fit)
            start = {"start_params": ours._params, "skip_hessian": True}
            theirs = real.GLM(y, X, family=shared_family(*pair)).fit(**fit, **start, disp=0)
        compare(ours, theirs, ["bse", "scale", "llf"], rtol=1e-5)
        for observed in (False, True):
            # statsmodels takes the root of the observed information of a row, which may be negative
            if (ours.model.hessian_factor(ours._params, observed=observed) > 0).all():
                hat = theirs.get_hat_matrix_diag(observed)
                np.testing.assert_allclose(ours.get_hat_matrix_diag(observed), hat, rtol=1e-5, atol=1e-9)


@pytest.mark.parametrize("pair", PAIRS, ids=names(PAIRS))
@pytest.mark.parametrize("kind", ["var", "freq"])
def test_the_models_functions(pair, kind):
    name, keywords, link = pair
    X, y = draw(name, link)
    ours, theirs = both(y, X, *pair, **weights(kind))
    params = np.asarray(theirs.params) * 0.98
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        for scale in (None, 1.0, 0.7):
            for verb in ("loglike", "score", "score_obs", "score_factor", "hessian", "hessian_factor", "information"):
                expected = getattr(theirs.model, verb)(params, scale=scale)
                same(getattr(ours.model, verb)(params, scale=scale), expected, rtol=1e-8, label=verb)
        for which in ("mean", "linear", "var_unscaled"):
            same(ours.model.predict(params, which=which), theirs.model.predict(params, which=which))
        mu = theirs.model.predict(params)
        same(ours.model.estimate_scale(mu), theirs.model.estimate_scale(mu))
        same(ours.model.loglike_mu(mu, 0.7), theirs.model.loglike_mu(mu, 0.7))


@pytest.mark.parametrize("scale", ["X2", "dev", 0.8])
@pytest.mark.parametrize("pair", [PAIRS[3], PAIRS[8], PAIRS[12]], ids=names([PAIRS[3], PAIRS[8], PAIRS[12]]))
def test_scales(pair, scale):
    X, y = draw(pair[0], pair[2])
    ours, theirs = both(y, X, *pair, fit={"scale": scale}, **weights("var"))
    compare(ours, theirs, SCALARS + VECTORS)
    same(ours.info_criteria("bic", dk_params=1), theirs.info_criteria("bic", dk_params=1))
    if pair[0] != "Gamma":
        same(ours.info_criteria("qaic", scale=1.3), theirs.info_criteria("qaic", scale=1.3))


@pytest.mark.parametrize("use_t", [None, True])
@pytest.mark.parametrize(
    "fit",
    [
        {"cov_type": "HC0"},
        {"cov_type": "HC1"},
        {"cov_type": "cluster", "cov_kwds": {"groups": GROUPS}},
        {"cov_type": "cluster", "cov_kwds": {"groups": GROUPS, "use_correction": False, "df_correction": False}},
    ],
    ids=lambda fit: "-".join([fit["cov_type"], *map(str, list(fit.get("cov_kwds", {}).values())[1:])]),
)
@pytest.mark.parametrize("pair", [PAIRS[4], PAIRS[8], PAIRS[12]], ids=names([PAIRS[4], PAIRS[8], PAIRS[12]]))
def test_robust_covariances(pair, fit, use_t):
    X, y = draw(pair[0], pair[2])
    ours, theirs = both(y, X, *pair, fit=fit | {"use_t": use_t}, **weights("freq" if use_t else "plain"))
    compare(ours, theirs, ["bse", "pvalues"])
    same(ours.conf_int(), theirs.conf_int())


def test_numbered_robust_covariances_of_a_glm_are_hc0_and_say_so():
    X, y = draw("Poisson", "Log")
    with pytest.warns(ConventionWarning, match="HC1.*HC0"):
        first = sm.GLM(y, X, family=sm.families.Poisson()).fit(cov_type="HC1")
    same(first.bse, sm.GLM(y, X, family=sm.families.Poisson()).fit(cov_type="hc0").bse)


def counts(seed=2):
    rng = np.random.default_rng(seed)
    X, _ = draw("Binomial", "Logit")
    trials = rng.integers(1, 9, N)
    successes = rng.binomial(trials, 0.4)
    return X, np.column_stack([successes, trials - successes])


@pytest.mark.parametrize("link", ["Logit", "Probit"])
def test_successes_and_failures(link):
    X, y = counts()
    ours, theirs = both(y, X, "Binomial", {}, link)
    compare(ours, theirs, SCALARS + VECTORS)
    ours, theirs = both(y, X, "Binomial", {}, link, fit={"scale": "dev"}, **weights("var"))
    compare(ours, theirs, SCALARS + VECTORS)
    with pytest.warns(ConventionWarning, match="trials"):
        x2 = sm.GLM(y, X, family=sm.families.Binomial()).fit(scale="X2")
    same(x2.scale, real.GLM(y, X, family=real.families.Binomial()).fit(scale="X2").scale)


def test_a_design_of_deficient_rank_has_the_shortest_solution():
    X, y = draw("Poisson", "Log")
    X = np.column_stack([X, X[:, 1] - 2.0 * X[:, 2], X[:, 0]])
    ours, theirs = both(y, X, "Poisson", {}, "Log")
    compare(ours, theirs, [*SCALARS, *VECTORS], rtol=1e-5)
    same(ours.cov_params(), theirs.cov_params(), rtol=1e-5)
    assert ours.df_model == 2


@pytest.mark.parametrize("constant", [True, False])
def test_the_null_model_has_a_constant_even_if_the_model_has_none(constant):
    X, y = draw("Poisson", "Log")
    X = X if constant else X[:, 1:]
    for kind in ("plain", "offset"):
        ours, theirs = both(y, X, "Poisson", {}, "Log", **weights(kind))
        compare(ours, theirs, SCALARS + VECTORS)


def test_rows_of_weight_zero_and_proportions():
    X, y = draw("Binomial", "Logit")
    trials = np.arange(N) % 5.0
    share = np.round(trials * np.random.default_rng(5).random(N)) / np.maximum(trials, 1.0)
    ours, theirs = both(share, X, "Binomial", {}, "Logit", var_weights=trials)
    compare(ours, theirs, SCALARS + VECTORS)
    X, y = draw("Gamma", "Log")
    ours, theirs = both(y, X, "Gamma", {}, "Log", freq_weights=trials)
    compare(ours, theirs, SCALARS + VECTORS)


@pytest.mark.parametrize("pair", PAIRS[:17], ids=names(PAIRS[:17]))
def test_distributions(pair):
    X, y = draw(pair[0], pair[2])
    ours, theirs = both(y, X, *pair)
    for options in ({}, {"exog": X[:3]}, {"exog": X[:3], "var_weights": np.array([0.5, 1.0, 2.0])}):
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            mine, other = ours.get_distribution(**options), theirs.get_distribution(**options)
        same(mine.mean(), other.mean())
        same(mine.var(), other.var())
        same(mine.cdf(1.5), other.cdf(1.5))
    same(ours.model.get_distribution(ours._params, 0.7).var(), theirs.model.get_distribution(ours._params, 0.7).var())


def test_distributions_of_counts_and_of_families_without_one():
    X, y = draw("Poisson", "Log")
    over = sm.GLM(y, X, family=sm.families.Poisson()).fit(scale="X2")
    with pytest.warns(ConventionWarning, match="scale=1"):
        same(over.get_distribution().var(), over.mu)
    with pytest.raises(sm.NotSupportedError, match="Tweedie"):
        sm.GLM(y, X, family=sm.families.Tweedie(var_power=1.5)).fit().get_distribution()
    X, y = draw("Binomial", "Logit")
    counted = sm.GLM(y, X, family=sm.families.Binomial()).fit()
    same(counted.get_distribution(n_trials=7).mean(), 7 * counted.mu)


@pytest.mark.parametrize("observed", [False, True])
@pytest.mark.parametrize("pair", [PAIRS[4], PAIRS[12]], ids=names([PAIRS[4], PAIRS[12]]))
def test_score_tests(pair, observed):
    X, y = draw(pair[0], pair[2])
    ours, theirs = both(y, X[:, :2], *pair)
    extra = {"exog_extra": X[:, 2], "observed": observed}
    tests = ours.model.score_test(ours._params, **extra), theirs.model.score_test(theirs.params, **extra)
    for mine, other in zip(*tests, strict=True):
        same(mine, other)
    whole, known = both(y, X, *pair)
    at = np.append(theirs.params, 0.0)
    tests = whole.model.score_test(at, 1, observed=observed), known.model.score_test(at, 1, observed=observed)
    for mine, other in zip(*tests, strict=True):
        same(mine, other)
    with pytest.raises(ValueError, match="k_constraints or exog_extra"):
        whole.model.score_test(at)
