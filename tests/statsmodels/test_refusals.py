"""What statsmodels has and its spelling here has not is refused by name, and what may surprise is said."""

import subprocess
import sys

import numpy as np
import pytest
import statsmodels.api as real
from scipy import stats
from statsmodels_cases import TABLE, TIGHT, draw, frames, same

import fastglm.statsmodels as sm
from fastglm.statsmodels import formula
from fastglm.statsmodels.refusals import REFUSED, ConventionWarning


def test_results_are_saved_and_lose_their_data(tmp_path):
    text = formula.glm("y ~ x", TABLE, family=sm.families.Poisson()).fit()
    X, y = frames()
    plain = sm.GLM(y, X, family=sm.families.Poisson()).fit()
    llf = plain.llf
    plain.save(tmp_path / "plain.pickle", remove_data=True)
    again = sm.load(tmp_path / "plain.pickle")
    same(again.params, plain.params)
    assert again.llf == llf and again.model.exog is None and "Scale" in str(again.summary())
    same(again.predict(X[:4]), sm.GLM(y, X, family=sm.families.Poisson()).fit().predict(X[:4]))
    text.save(tmp_path / "text.pickle")
    again = sm.load(tmp_path / "text.pickle")
    same(again.fittedvalues, text.fittedvalues)
    with pytest.raises(sm.NotSupportedError, match="saved formula model"):
        again.predict(TABLE[:4])


FITTED = sm.GLM(*reversed(draw("Poisson", "Log")), family=sm.families.Poisson()).fit()


@pytest.mark.parametrize(
    "name", sorted(set(REFUSED) & set(dir(real.GLM(np.arange(4.0), np.ones(4)).fit())) - set(dir(FITTED)))
)
def test_refused_methods_are_named(name):
    with pytest.raises(sm.NotSupportedError, match=rf"GLMResults\.{name} is not supported"):
        getattr(FITTED, name)
    assert not hasattr(FITTED, name)


def test_whatever_statsmodels_has_is_here_or_refused_by_name():
    X, y = draw("Binomial", "Logit")
    pairs = [
        (FITTED, real.GLM(*reversed(draw("Poisson", "Log")), family=real.families.Poisson()).fit()),
        (sm.Logit(y, X).fit(), real.Logit(y, X).fit(disp=0)),
        (sm.MNLogit(y, X).fit(), real.MNLogit(y, X).fit(disp=0)),
        (sm.OLS(y, X).fit(), real.OLS(y, X).fit()),
    ]
    # settings of statsmodels' optimizers and what it keeps for itself
    internal = {"initialize", "mle_settings", "k_constant", "het_scale", "cov_params_default", "margeff"}
    internal |= {"k_extra", "raise_on_perfect_prediction", "mu", "scale", "weights"}
    pairs += [(ours.model, theirs.model) for ours, theirs in pairs]
    for ours, theirs in pairs:
        for name in set(dir(theirs)) - internal:
            if not name.startswith("_"):
                assert name in REFUSED or hasattr(ours, name) or name in dir(ours), (type(ours), name)


def test_what_would_change_the_answer_is_refused():
    X, y = draw("Poisson", "Log")
    model = sm.GLM(y, X, family=sm.families.Poisson())
    for options, text in [
        ({"maxiter": 1}, "maxiter=1"),
        ({"cov_type": "hac-panel"}, "'hac-panel'.*'nonrobust', 'HC0'"),
        ({"attach_wls": True}, "attach_wls"),
        ({"penalty": 1.0}, "penalty"),
        ({"cov_type": "HC0", "cov_kwds": {"maxlags": 2}}, "maxlags"),
    ]:
        with pytest.raises(sm.NotSupportedError, match=text):
            model.fit(**options)
    for options, text in [
        ({"method": "simplex"}, "simplex"),
        ({"scale": "x3"}, "x3"),
        ({"cov_type": "cluster"}, "groups"),
        ({"start_params": [1.0]}, "start"),
    ]:
        with pytest.raises(ValueError, match=text):
            model.fit(**options)
    with pytest.raises(ValueError, match="unknown keywords.*weights"):
        sm.GLM(y, X, weights=y)
    with pytest.raises(ValueError, match="which='median'"):
        FITTED.predict(which="median")
    for name in ("NegativeBinomialP", "GEE"):
        with pytest.raises(sm.NotSupportedError, match=name):
            getattr(sm, name)
    with pytest.raises(AttributeError, match="nothing_like_it"):
        sm.nothing_like_it  # noqa: B018


def test_families_that_are_not_here_are_refused():
    X, y = draw("Binomial", "Logit")
    logc = sm.GLM(1.0 - y, X, family=sm.families.Binomial(sm.families.links.Log())).fit(start_params=[-0.7, 0.0, 0.0])
    theirs = real.GLM(y, X, family=real.families.Binomial(real.families.links.LogC())).fit(**TIGHT)
    same(logc.params, theirs.params)
    with pytest.raises(sm.NotSupportedError, match="LogC.*1 - y with links.Log"):
        sm.GLM(y, X, family=theirs.family)
    for link, text in [(real.families.links.CDFLink(), "CDFLink"), (real.families.links.Probit(stats.t(4)), "norm")]:
        with pytest.raises(sm.NotSupportedError, match=f"link.*{text}"):
            sm.GLM(y, X, family=real.families.Binomial(link))

    class Own(real.families.Poisson):
        """A family whose formulas may be another's."""

    for family_value, text in [(Own(), "Own"), ("poisson", "'poisson'"), (sm.families.Poisson, "Poisson")]:
        with pytest.raises(ValueError, match=text):
            sm.GLM(y, X, family=family_value)
    with pytest.raises(ValueError, match="var_power=0.5"):
        sm.GLM(y, X, family=sm.families.Tweedie(var_power=0.5))
    with pytest.raises(ValueError, match="alpha must be positive"):
        sm.GLM(y, X, family=sm.families.NegativeBinomial(alpha=0.0))
    with pytest.raises(TypeError, match="not the class"):
        sm.families.Poisson(sm.families.links.Log)
    with pytest.warns(UserWarning, match="alpha"):
        assert sm.families.NegativeBinomial().alpha == 1.0


def test_bic_is_that_of_the_likelihood_and_says_so():
    with pytest.warns(ConventionWarning, match="bic_deviance"):
        assert FITTED.bic == FITTED.bic_llf


def test_the_callers_arrays_are_left_alone():
    X, y = draw("Poisson", "Log")
    before = X.copy(), y.copy()
    X.flags.writeable = y.flags.writeable = False
    fit = sm.GLM(y, X, family=sm.families.Poisson()).fit(cov_type="HC0")
    fit.params[:] = 0.0
    assert fit.params.any() and (X == before[0]).all() and (y == before[1]).all()


def test_statsmodels_is_never_imported(tmp_path):
    code = (
        "import sys, numpy as np, fastglm.statsmodels as sm; X = sm.add_constant(np.arange(9.0));"
        "fit = sm.GLM(np.arange(9.0), X, family=sm.families.Poisson()).fit(method='newton', cov_type='HC0');"
        "fit.summary(), fit.t_test(np.eye(2)), fit.get_prediction();"
        "print([m for m in ('statsmodels', 'pandas', 'patsy') if m in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, cwd=tmp_path, timeout=600)
    assert done.stdout.strip() == "[]", done.stderr
