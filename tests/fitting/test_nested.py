"""Models nested in one, fitted by shared reads: the numbers of their own fits, and how often the rows are read."""

import numpy as np
import pytest
from scipy.optimize import brentq

import fastglm
from fastglm.fitting.models import Models
from fastglm.source.in_memory import InMemory

pd = pytest.importorskip("pandas")
TESTS = ("LRT", "Rao", "Wald")


@pytest.fixture
def reads(monkeypatch):
    """The tasks that read X, one entry for each read of all rows."""
    found, real = [], InMemory.reduce

    def reduce(source, task):
        if not task.vectors_only:
            found.append(type(task).__name__)
        return real(source, task)

    monkeypatch.setattr(InMemory, "reduce", reduce)
    return found


@pytest.mark.parametrize("family", ["binomial", "poisson", "gaussian"])
def test_reads_of_twenty_terms(family, reads):
    """All tests of 20 terms take at most 12 reads beyond the fit, all limits by profile likelihood at most 40."""
    rng = np.random.default_rng(0)
    X = rng.normal(size=(200_000, 20)).astype(np.float32)
    eta = X @ rng.normal(size=20) * 0.15 - 0.5
    draw = {"binomial": lambda: rng.uniform(size=len(X)) < 1 / (1 + np.exp(-eta)),
            "poisson": lambda: rng.poisson(np.exp(eta)), "gaussian": lambda: rng.normal(eta)}[family]  # fmt: skip
    y = draw().astype(float)
    fit = fastglm.fit(X, y, family=family)
    reads.clear()
    table = fit.drop1(X, y, test=TESTS)
    assert len(reads) <= 7 and np.isfinite(table.statistic_rao[1:]).all()
    reads.clear()
    fit.anova(X, y, test="Rao")
    assert len(reads) <= 8
    if family == "binomial":  # by the same code for all families
        reads.clear()
        limits = fastglm.profile_limits(fit, X, y)
        assert len(reads) <= 12 and limits.n_passes <= 12


FAMILIES = ["binomial", "poisson", ("gamma", "log"), ("gamma", "inverse"), "quasi_poisson", ("gaussian", "identity")]


@pytest.mark.parametrize("family", FAMILIES, ids=str)
def test_numbers_of_separate_fits(family, monkeypatch):
    family, link = family if isinstance(family, tuple) else (family, None)
    rng = np.random.default_rng(1)
    n = 500
    data = pd.DataFrame({"x": rng.normal(size=n), "z": rng.normal(size=n), "g": rng.choice(list("abc"), n)})
    data["h"] = rng.choice(list("uv"), n)
    mu = np.exp(0.3 * data.x + 0.4 * (data.g == "b") * (data.h == "u"))
    data["y"] = rng.binomial(1, mu / (1 + mu)) if family == "binomial" else (
        rng.gamma(2, mu / 2) if family in ("gamma", "gaussian") else rng.poisson(mu))  # fmt: skip
    fit = fastglm.glm("y ~ x + z + g * h", data, family=family, link=link)
    shared = fit.drop1(data, test=("LRT", "F", "Rao")), fit.anova(data), fit.anova(data, test="Rao")
    monkeypatch.setattr(Models, "_same_coding", lambda *_: False)
    separate = fit.drop1(data, test=("LRT", "F", "Rao")), fit.anova(data), fit.anova(data, test="Rao")
    for ours, theirs in zip(shared, separate, strict=True):
        for name, values in ours.columns.items():
            np.testing.assert_allclose(values, theirs.columns[name], rtol=1e-7, atol=1e-8, err_msg=name)


def test_terms_whose_coding_changes_are_fitted_anew():
    rng = np.random.default_rng(2)
    data = pd.DataFrame({"g": rng.choice(list("abc"), 300), "h": rng.choice(list("uv"), 300)})
    data["y"] = rng.poisson(2.0, 300)
    fit = fastglm.glm("y ~ 0 + g + h", data, family="poisson")
    found = fit.drop1(data)
    for term, other in (("g", "h"), ("h", "g")):
        alone = fastglm.glm(f"y ~ 0 + {other}", data, family="poisson")
        i = found.terms.index(term)
        np.testing.assert_allclose(found.deviance[i], alone.deviance, rtol=1e-10)
        assert found.df[i] == fit.rank - alone.rank


def test_a_wald_test_of_each_term():
    rng = np.random.default_rng(3)
    data = pd.DataFrame({"x": rng.normal(size=200), "g": rng.choice(list("abc"), 200)})
    data["y"] = rng.normal(size=200)
    fit = fastglm.glm("y ~ x + g", data)
    found, robust = fit.drop1(data, test="Wald"), fit.with_cov("HC3", data=data).drop1(data, test="Wald")
    exact = fit.drop1(data, test="F")  # of least squares they are the same
    np.testing.assert_allclose(found.statistic[1:], exact.statistic[1:], rtol=1e-9)
    np.testing.assert_allclose(found.p_value[1:], exact.p_value[1:], rtol=1e-7)
    expected = fit.with_cov("HC3", data=data).wald_test("g[T.b] = 0, g[T.c] = 0")
    np.testing.assert_allclose(robust.statistic[2], expected.statistic, rtol=1e-10)
    for bad in ("wald", ("LRT", None), ()):
        with pytest.raises(fastglm.errors.InvalidParameterError, match="^test="):
            fit.drop1(data, test=bad)


def test_rows_of_another_response_are_refused():
    rng = np.random.default_rng(4)
    X, y = rng.normal(size=(100, 3)), rng.poisson(1.0, 100)
    fit = fastglm.fit(X, y, family="poisson")
    with pytest.raises(fastglm.errors.InvalidParameterError, match="response"):
        fit.drop1(X, y[::-1] + 1)
    with pytest.raises(fastglm.errors.InvalidParameterError, match="observations"):
        fit.drop1(X[:50], y[:50])


def test_limits_and_tests_of_rows_that_were_compressed():
    """The means of groups have their profile likelihood in closed form."""
    rng = np.random.default_rng(5)
    data = pd.DataFrame({"g": rng.choice(list("ab"), 200_000)})
    data["y"] = rng.poisson(np.where(data.g == "a", 1.0, 1.3))
    fit = fastglm.glm("y ~ 0 + g", data, family="poisson")
    assert any("compressed" in note for note in fit.notes)
    limits = fit.conf_int(method="profile", data=data)
    for (lower, upper), (_, y) in zip(limits, data.groupby("g").y, strict=True):
        mean, n = y.mean(), len(y)

        def rise(b, mean=mean, n=n):
            return 2 * n * (mean * (np.log(mean) - b) - mean + np.exp(b)) - 3.841458820694124

        assert lower == pytest.approx(brentq(rise, np.log(mean) - 0.1, np.log(mean), xtol=1e-14), abs=1e-9)
        assert upper == pytest.approx(brentq(rise, np.log(mean), np.log(mean) + 0.1, xtol=1e-14), abs=1e-9)
    whole = fastglm.glm("y ~ g", data, family="poisson")
    table = whole.drop1(data)
    np.testing.assert_allclose(table.statistic[1], whole.null_deviance - whole.deviance, rtol=1e-9)
