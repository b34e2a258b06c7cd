"""What the tests of statsmodels' spelling share: pairs of family and link, data, and comparisons of two results."""

import warnings

import numpy as np
import pandas as pd
import statsmodels.api as real

import fastglm.statsmodels as sm

# statsmodels stops when the deviance moves by less than this
TIGHT = dict(tol=1e-14, maxiter=200)
N = 120
# (family, keywords of the family, link)
PAIRS = [
    ("Gaussian", {}, "Identity"),
    ("Gaussian", {}, "Log"),
    ("Gaussian", {}, "InversePower"),
    ("Binomial", {}, "Logit"),
    ("Binomial", {}, "Probit"),
    ("Binomial", {}, "CLogLog"),
    ("Binomial", {}, "LogLog"),
    ("Binomial", {}, "Cauchy"),
    ("Poisson", {}, "Log"),
    ("Poisson", {}, "Sqrt"),
    ("Poisson", {}, "Identity"),
    ("Gamma", {}, "InversePower"),
    ("Gamma", {}, "Log"),
    ("Gamma", {}, "Identity"),
    ("InverseGaussian", {}, "InverseSquared"),
    ("InverseGaussian", {}, "Log"),
    ("NegativeBinomial", {"alpha": 0.4}, "Log"),
    ("NegativeBinomial", {"alpha": 1.0}, "NegativeBinomial"),
    ("Tweedie", {"var_power": 1.5}, "Log"),
    ("Tweedie", {"var_power": 1.5, "eql": True}, "Log"),
    ("Tweedie", {"var_power": 1.0}, "Log"),
    ("Tweedie", {"var_power": 2.0}, "Log"),
    ("Tweedie", {"var_power": 0.0}, "Log"),
    ("Tweedie", {"var_power": 3.0}, "Log"),
]
SCALARS = """scale llf llnull deviance null_deviance pearson_chi2 aic bic_llf bic_deviance df_model df_resid
    nobs""".split()
VECTORS = """params bse tvalues pvalues fittedvalues mu null resid_response resid_pearson resid_working resid_deviance
    resid_anscombe resid_anscombe_scaled resid_anscombe_unscaled normalized_cov_params""".split()


def names(pairs):
    return ["-".join([family, *map(str, keywords.values()), link]) for family, keywords, link in pairs]


def family(module, name, keywords, link):
    return getattr(module.families, name)(link=getattr(module.families.links, link)(), **keywords)


def draw(name, link, seed=0):
    """A design with a constant and a response whose means lie well inside the family's range."""
    rng = np.random.default_rng(seed)
    X = np.column_stack([np.ones(N), rng.uniform(size=(N, 2))])
    g = getattr(real.families.links, link)()
    low, high = g(np.array([0.25, 0.75] if name == "Binomial" else [1.0, 3.0]))
    mu = g.inverse(low + (high - low) * (X[:, 1] + X[:, 2]) / 2.0)
    if name == "Binomial":
        return X, (rng.random(N) < mu).astype(float)
    if name in ("Poisson", "NegativeBinomial"):
        return X, rng.poisson(mu).astype(float)
    return X, rng.gamma(6.0, mu / 6.0)


def weights(kind, seed=1):
    rng = np.random.default_rng(seed)
    if kind == "var":
        return {"var_weights": rng.uniform(0.5, 2.0, N)}
    if kind == "freq":
        return {"freq_weights": rng.integers(1, 4, N).astype(float)}
    if kind == "offset":
        return {"offset": rng.uniform(-0.05, 0.05, N)}
    return {}


def same(ours, theirs, rtol=1e-6, atol=1e-7, label=""):
    """Equal values in an equal layout."""
    assert type(ours).__name__ == type(theirs).__name__ or np.ndim(theirs) == 0, (label, type(ours), type(theirs))
    if isinstance(theirs, (pd.Series, pd.DataFrame)):
        compare = pd.testing.assert_series_equal if theirs.ndim == 1 else pd.testing.assert_frame_equal
        compare(ours, theirs, rtol=rtol, atol=atol, check_names=False, check_index_type=False)
        assert list(ours.index) == list(theirs.index)
    np.testing.assert_allclose(np.asarray(ours, float), np.asarray(theirs, float), rtol=rtol, atol=atol, err_msg=label)


def compare(ours, theirs, attributes, **tolerance):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        for name in attributes:
            same(getattr(ours, name), getattr(theirs, name), label=name, **tolerance)


def both(endog, exog, name, keywords, link, fit=None, **data):
    """The fit here, and that of statsmodels."""
    fit = fit or {}
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        theirs = real.GLM(endog, exog, family=family(real, name, keywords, link), **data).fit(**TIGHT, **fit)
        ours = sm.GLM(endog, exog, family=family(sm, name, keywords, link), **data).fit(**fit)
    return ours, theirs


def frames(name="Poisson", link="Log"):
    """The design and response as pandas objects with labels of their own."""
    X, y = draw(name, link)
    labels = [f"r{i}" for i in range(N)]
    X = pd.DataFrame(X, columns=["const", "a", "b"], index=labels)
    return X, pd.Series(y, index=labels, name="count")


GROUPS = np.repeat(np.arange(N // 5), 5)


TABLE = pd.DataFrame(
    {
        "y": draw("Poisson", "Log")[1],
        "x": draw("Poisson", "Log")[0][:, 1],
        "group": np.array(["u", "v", "w"])[np.arange(N) % 3],
        "e": np.linspace(0.5, 2.0, N),
    },
    index=[f"r{i}" for i in range(N)],
)
