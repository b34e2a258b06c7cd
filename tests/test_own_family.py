"""A family, a link and a closed form of a user's own, each one small class, fitted like the built-in ones.

The oracle is the score equations in plain numpy, and a built-in model that the user's repeats under another name.
"""

import math
from typing import NamedTuple

import numpy as np
import pytest
from registries import restored

import fastglm
from fastglm.types import Interval

POSITIVE = Interval(0.0, float("inf"), "neither")


@pytest.fixture(scope="module")
def own():
    """A quasi-likelihood with V(mu) = mu^1.3, and the link log(1 + mu), registered for this module only."""
    with restored():

        @fastglm.links.link("log1p", domain=POSITIVE)
        class LogOnePlus(NamedTuple):
            def link(self, mu):
                return math.log1p(mu)

            def inverse(self, eta):
                return math.expm1(eta)

            def slope(self, eta):
                return math.exp(eta)

            def bend(self, eta):
                return math.exp(eta)

        @fastglm.families.family("power13", link=LogOnePlus, domain=POSITIVE, dispersion="pearson")
        class Power13(NamedTuple):
            def variance(self, mu: float) -> float:  # annotated or not, as in the link
                return mu**1.3

            def deviance(self, y: float, mu: float) -> float:
                # 2 times the integral from mu to y of (y - t) / t^1.3
                return 2.0 * (y**0.7 / (-0.3 * 0.7) + y * mu**-0.3 / 0.3 + mu**0.7 / 0.7)

            def start(self, y: float, w: float) -> float:
                return y

        yield Power13, LogOnePlus


def data(n=500, p=3):
    rng = np.random.default_rng(3)
    X = rng.normal(size=(n, p))
    mu = np.exp(1.0 + X @ [0.3, -0.2, 0.1])
    return X, rng.gamma(5.0, mu / 5.0)


def test_the_deviance_of_the_test_s_own_family_is_right(own):
    family, y, mu = own[0](), 2.0, 1.3
    step = 1e-6
    slope = (family.deviance(y, mu + step) - family.deviance(y, mu - step)) / (2 * step)
    assert slope == pytest.approx(-2 * (y - mu) / family.variance(mu), rel=1e-6)
    assert family.deviance(y, y) == pytest.approx(0.0, abs=1e-14)


@pytest.mark.parametrize("solver", fastglm.solvers.names(exact=True))
def test_it_is_fitted_to_the_root_of_the_score(own, solver):
    X, y = data()
    result = fastglm.fit(X, y, family="power13", solver=solver)
    assert result.converged and result.link.name == "log1p"
    A = np.column_stack([np.ones(len(y)), X])
    eta = A @ result.params
    mu, slope = np.expm1(eta), np.exp(eta)
    h = slope**2 / mu**1.3
    information = (A * h[:, None]).T @ A
    phi = ((y - mu) ** 2 / mu**1.3).sum() / (len(y) - 4)
    score = A.T @ ((y - mu) * slope / mu**1.3)
    assert np.abs(score / np.sqrt(phi * np.diagonal(information))).max() < 1e-6
    np.testing.assert_allclose(result.bse, np.sqrt(phi * np.diagonal(np.linalg.inv(information))), rtol=1e-8)
    np.testing.assert_allclose(result.predict(X), mu, rtol=1e-10)
    assert np.isnan(result.llf)


def test_it_takes_values_classes_and_built_in_links(own):
    X, y = data()
    by_name = fastglm.fit(X, y, family="power13", link="log")
    by_value = fastglm.fit(X, y, family=own[0](), link=fastglm.links.Log())
    by_class = fastglm.fit(X, y, family=own[0], link=fastglm.links.Log)
    np.testing.assert_array_equal(by_name.params, by_value.params)
    np.testing.assert_array_equal(by_name.params, by_class.params)
    tweedie = fastglm.fit(X, y, family=fastglm.families.Tweedie(1.3))
    np.testing.assert_allclose(by_name.params, tweedie.params, rtol=1e-10)
    np.testing.assert_allclose(by_name.bse, tweedie.bse, rtol=1e-9)


def test_a_built_in_family_takes_the_user_s_link(own):
    X, y = data()
    result = fastglm.fit(X, y, family="gamma", link="log1p")
    mu = result.predict(X)
    eta = np.log1p(mu)
    A = np.column_stack([np.ones(len(y)), X])
    score = A.T @ ((y - mu) * np.exp(eta) / mu**2)
    size = np.sqrt(result.scale * (np.square(A).T @ (np.exp(2 * eta) / mu**2)))
    assert np.abs(score / size).max() < 1e-6


def test_a_closed_form_replaces_the_generic_formula(own):
    X, y = data()
    generic = fastglm.fit(X, y, family="power13", link="sqrt")

    class Again(own[0]):
        pass

    @fastglm.families.fused(Again, fastglm.links.Sqrt)
    def rows(family, link, eta, y):
        mu = eta * eta
        v = mu**1.3
        return (y - mu) * 2.0 * eta / v, 4.0 * mu / v, 2.0 * (y**0.7 / -0.21 + y * mu**-0.3 / 0.3 + mu**0.7 / 0.7)

    fused = fastglm.fit(X, y, family=Again(), link="sqrt")
    np.testing.assert_allclose(fused.params, generic.params, rtol=1e-9)
    np.testing.assert_allclose(fused.deviance, generic.deviance, rtol=1e-12)


def test_the_parameter_of_a_family_reaches_the_compiled_loop():
    X, y = data()
    quasi = [fastglm.fit(X, y, family=fastglm.families.Tweedie(p)).params for p in (1.2, 1.8)]
    assert np.abs(quasi[0] - quasi[1]).max() > 1e-5
    again = fastglm.fit(X, y, family=fastglm.families.Tweedie(1.2)).params
    np.testing.assert_array_equal(again, quasi[0])


# --- everything beyond the fit, by what the class of a family says of itself ------------------------------------------

SIZE = 2.0  # of the counts below: negative binomial with shape 2, and Pearson's dispersion as R's quasi families


@pytest.fixture(scope="module")
def counts():
    """Counts of variance phi (mu + mu^2 / 2) with a dispersion that is estimated, every fact on the class itself."""
    with restored():

        @fastglm.families.family(
            "overdispersed", link=fastglm.links.Log, domain=Interval(0.0, math.inf, "left"), dispersion="pearson"
        )
        class Overdispersed(NamedTuple):
            simulated_intercept = 1.0

            def variance(self, mu):
                return mu + mu * mu / 2.0

            def deviance(self, y, mu):
                a = y * math.log(y / mu) if y > 0.0 else 0.0
                return 2.0 * (a - (y + 2.0) * math.log((y + 2.0) / (mu + 2.0)))

            def start(self, y, w):
                return y + 0.1

            def saturated(self, y, w):
                return 0.0

            @staticmethod
            def events(weighted_y, weight):
                return weighted_y

            @staticmethod
            def loglik(deviance, saturated, weight_sum, nobs):
                return -0.5 * nobs * math.log(deviance)

            def draw(self, rng, mu, phi, weights):
                return rng.negative_binomial(SIZE, SIZE / (SIZE + mu)).astype(float)

            def array_loss(self, y, mu, xp):
                return (y + SIZE) * xp.log(mu + SIZE) - xp.xlogy(y, mu)

            def frozen(self, mu, scale, trials):
                from scipy import stats

                return stats.nbinom(SIZE, SIZE / (SIZE + mu))

        yield Overdispersed


@pytest.fixture(scope="module")
def drawn(counts):
    """Rows of that family, its fit, and the fit of the built-in family of the same variance."""
    rows = fastglm.simulate.make_glm("overdispersed", 4000, 3, seed=2)
    families = ("overdispersed", fastglm.families.NegativeBinomial(SIZE))
    return rows, *(fastglm.fit(rows.X, rows.y, family=family) for family in families)


def test_it_is_simulated_by_its_own_draws(drawn):
    rows, mine, _ = drawn
    assert (rows.family, rows.link, rows.intercept) == ("overdispersed", "log", 1.0)
    assert (np.abs(mine.params - rows.params) < 5 * mine.bse).all()
    assert mine.scale == pytest.approx(1.0, abs=0.15)


def test_its_dispersion_and_likelihood_reach_the_fit_and_the_summary(drawn):
    _, mine, known = drawn
    np.testing.assert_allclose(mine.params, known.params, rtol=1e-9)
    np.testing.assert_allclose(mine.bse, known.bse * np.sqrt(mine.scale), rtol=1e-7)
    assert mine.scale == pytest.approx(mine.pearson_chi2 / mine.df_resid, rel=1e-14)
    assert mine.llf == pytest.approx(-0.5 * mine.nobs * math.log(mine.deviance), rel=1e-14)
    text = str(mine.summary())
    assert "overdispersed" in text and "P>|t|" in text


@pytest.mark.parametrize("kind", ["deviance", "pearson", "response", "working", "anscombe"])
def test_its_residuals_are_those_of_the_same_variance(drawn, kind):
    rows, mine, known = drawn
    # Anscombe's by quadrature for a family without the closed form
    a, b = (r.residuals(rows.X, rows.y, kind) for r in (mine, known))
    np.testing.assert_allclose(a, b, rtol=1e-6, atol=1e-8)


def test_the_slope_of_its_variance_is_found_where_it_is_not_told(counts):
    mu = np.array([0.2, 1.0, 30.0])
    np.testing.assert_allclose(counts().variance_slope(mu), 1.0 + mu, rtol=1e-8)


def test_it_is_plotted(drawn):
    plt = pytest.importorskip("matplotlib.pyplot")
    from fastglm import plots

    rows, mine, _ = drawn
    assert plots.coefficients(mine).get_xlabel() == "change in log mean per unit"
    assert plots.fitted(mine, rows.X, rows.y, 0).get_ylabel() == "mean of y"

    plt.close("all")


def test_the_face_of_statsmodels_takes_it(drawn, counts):
    import fastglm.statsmodels as sm

    rows, mine, known = drawn
    model = sm.GLM(rows.y, sm.add_constant(rows.X), family=counts())
    fit = model.fit()
    np.testing.assert_allclose(fit.params, mine.params, rtol=1e-12)
    np.testing.assert_allclose(fit.bse, mine.bse, rtol=1e-10)
    # the observed information, against differences of the score
    b, h = fit.params, 1e-5
    slope = np.column_stack([(model.score(b + h * e, 1.0) - model.score(b - h * e, 1.0)) / (2 * h) for e in np.eye(4)])
    np.testing.assert_allclose(model.hessian(b, 1.0), slope, rtol=1e-6, atol=1e-6 * np.abs(slope).max())
    np.testing.assert_allclose(fit.get_distribution().mean(), fit.mu, rtol=1e-12)
    assert "Pearson chi2" in str(fit.summary())


def test_it_is_exported(drawn):
    rows, mine, _ = drawn
    onnxruntime = pytest.importorskip("onnxruntime")
    session = onnxruntime.InferenceSession(fastglm.export.to_onnx(mine).SerializeToString())
    np.testing.assert_allclose(session.run(None, {"X": rows.X})[0], mine.predict(rows.X), rtol=1e-12)


def test_a_link_of_one_s_own_is_exported_by_its_array_formula(own):
    X, y = data()
    assert own[1]().array_inverse is None
    with pytest.raises(fastglm.errors.InvalidParameterError, match="array_inverse"):
        fastglm.export.to_onnx(fastglm.fit(X, y, family="power13"))


def test_a_parent_s_power_is_not_that_of_a_variance_which_is_replaced():
    from fastglm.family.registry import power_of_variance

    class Cubic(fastglm.families.Poisson):
        def variance(self, mu):
            return mu * mu * mu + mu

    assert power_of_variance(fastglm.families.Poisson()) == 1.0
    assert power_of_variance(fastglm.families.Tweedie(1.7)) == 1.7
    assert power_of_variance(Cubic()) is None


def test_a_file_in_the_room_of_families_is_found_by_the_registry(tmp_path, monkeypatch):
    """In a process of its own, whose room of families has one folder more."""
    import subprocess
    import sys

    (tmp_path / "found_by_its_file.py").write_text(
        "from typing import NamedTuple\n"
        "from fastglm.family.registry import REAL, family\n"
        "from fastglm.family.links import Identity\n"
        "@family('found', link=Identity, domain=REAL, dispersion='pearson')\n"
        "class Found(NamedTuple):\n"
        "    def variance(self, mu):\n        return 1.0\n"
        "    def deviance(self, y, mu):\n        return (y - mu) ** 2\n"
        "    def start(self, y, w):\n        return y\n"
    )
    code = (
        f"import fastglm.family; fastglm.family.__path__.append({str(tmp_path)!r})\n"
        "import fastglm; print('found' in fastglm.families.names(), fastglm.families.get('found').name)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert done.stdout.split() == ["True", "found"], done.stderr
