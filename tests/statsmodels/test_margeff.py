"""``get_margeff`` against statsmodels' own."""

import numpy as np
import pytest

import fastglm.statsmodels as sm
from fastglm.errors import InvalidParameterError

real = pytest.importorskip("statsmodels.api")
pd = pytest.importorskip("pandas")
RNG = np.random.default_rng(0)
N = 300
X = pd.DataFrame(
    {
        "const": 1.0,
        "x": RNG.normal(size=N) + 3,
        "d": RNG.integers(0, 2, N).astype(float),
        "k": RNG.integers(0, 6, N).astype(float),
    }
)
ETA = -1 + 0.3 * X.x + 0.5 * X.d - 0.1 * X.k
BINARY = (RNG.random(N) < 1 / (1 + np.exp(-ETA))).astype(float)
COUNTS = RNG.poisson(np.exp(ETA)).astype(float)
CLASSES = RNG.integers(0, 3, N)
MODELS = {
    "GLM": lambda s: s.GLM(BINARY, X, family=s.families.Binomial()).fit(**({} if s is sm else {"tol": 1e-14})),
    "Logit": lambda s: s.Logit(BINARY, X).fit(disp=0),
    "Probit": lambda s: s.Probit(BINARY, X).fit(disp=0),
    "Poisson": lambda s: s.Poisson(COUNTS, X).fit(disp=0),
    "MNLogit": lambda s: s.MNLogit(CLASSES, X).fit(disp=0),
}


@pytest.mark.parametrize("name", MODELS)
def test_effects_are_those_of_statsmodels(name):
    ours, theirs = MODELS[name](sm), MODELS[name](real)
    compared = 0
    for at in ("overall", "mean", "median", "zero", "all"):
        for method in ("dydx", "eyex", "dyex", "eydx"):
            for dummy, count in ((False, False), (True, False), (True, True)):
                try:
                    expected = theirs.get_margeff(at, method, dummy=dummy, count=count)
                except (ValueError, TypeError):  # also where statsmodels' own arrays do not fit
                    continue
                found = ours.get_margeff(at, method, dummy=dummy, count=count)
                np.testing.assert_allclose(found.margeff, expected.margeff, rtol=1e-8, atol=1e-12)
                if at != "all":
                    np.testing.assert_allclose(found.margeff_se, expected.margeff_se, rtol=1e-8, atol=1e-12)
                    np.testing.assert_allclose(found.margeff_cov, expected.margeff_cov, rtol=1e-7, atol=1e-12)
                compared += 1
    assert compared >= 14


@pytest.mark.parametrize("name", ["Logit", "MNLogit"])
def test_tables_are_those_of_statsmodels(name):
    ours, theirs = MODELS[name](sm).get_margeff(), MODELS[name](real).get_margeff()
    expected = theirs.summary_frame(0.1)
    found = ours.summary_frame(0.1)
    pd.testing.assert_frame_equal(found, expected, rtol=1e-8)
    np.testing.assert_allclose(ours.conf_int(), theirs.conf_int(), rtol=1e-8)
    np.testing.assert_allclose(ours.pvalues, theirs.pvalues, rtol=1e-6)
    assert "dy/dx" in str(ours.summary()) and f"{name} Marginal Effects" in str(ours.summary())


def test_values_of_columns_and_what_is_refused():
    ours, theirs = MODELS["Logit"](sm), MODELS["Logit"](real)
    found, expected = (r.get_margeff("mean", atexog={1: 2.5}) for r in (ours, theirs))
    np.testing.assert_allclose(found.margeff_se, expected.margeff_se, rtol=1e-8)
    for options, text in (({"at": "top"}, "at='top'"), ({"method": "eyex", "dummy": True}, "not of dummy")):
        with pytest.raises(InvalidParameterError, match=text):
            ours.get_margeff(**options)
    with pytest.raises(InvalidParameterError, match="without standard errors"):
        ours.get_margeff("all").summary()
    shifted = sm.Poisson(COUNTS, X, exposure=np.exp(X.x)).fit(disp=0)
    with pytest.raises(sm.NotSupportedError, match="offset"):
        shifted.get_margeff()
