"""Quantile residuals, deletion diagnostics and variance inflation against R, and across storages."""

import numpy as np
import pytest
from reference_cases import CASES, column, fitted, frame, named, same

import fastglm
from fastglm.errors import InvalidParameterError
from fastglm.family.tails import of_tweedie
from fastglm.inference.quantile_residuals import normal_scores, tails_of_rows

pd = pytest.importorskip("pandas")


def fit_of(case):
    of_two = fastglm.families.NegativeBinomial(2.0)
    return fitted(case | {"family": of_two if case["family"] == "negative_binomial" else case["family"]})


def rows_of(result, data):
    piece = result.schema.open(data, None, {"weights": None, "offset": None, "exposure": None}).whole()
    return piece.X, piece.y, piece.weights, piece.offset, piece.exposure


@pytest.mark.parametrize("name", named("qresid"))
def test_quantile_residuals_are_those_of_r(name):
    case, expected = CASES[name], CASES[name]["expected"]
    result, data = fit_of(case), frame(case)
    tails = tails_of_rows(result, *rows_of(result, data))
    same(tails.below, expected["lower"])
    same(tails.up_to, expected["upper"])
    scores = normal_scores(tails, np.array(expected["u"]))
    same(scores, expected["quantile"])
    uniform = np.random.default_rng(7).random(len(data))
    np.testing.assert_array_equal(result.residuals(data, kind="quantile", seed=7), normal_scores(tails, uniform))


FAMILIES = {
    "binomial": {}, "poisson": {}, "gaussian": {}, "gamma": {"link": "log"}, "inverse_gaussian": {"link": "log"},
    fastglm.families.NegativeBinomial(2.0): {}, fastglm.families.Tweedie(1.5): {},
}  # fmt: skip


@pytest.mark.parametrize("family", FAMILIES, ids=str)
def test_quantile_residuals_of_a_true_model_are_standard_normal(family):
    from scipy.stats import kstest

    rng, n = np.random.default_rng(3), 4000
    X = rng.normal(size=(n, 2)) * 0.3
    link = fastglm.links.get("logit" if family == "binomial" else "identity" if family == "gaussian" else "log")
    mu = np.array([link.inverse(eta) for eta in 0.3 + X @ [0.5, -0.4]])
    kind = fastglm.families.get(family) if isinstance(family, str) else family
    y = rng.binomial(1, mu) if family == "binomial" else kind.draw(rng, mu, np.full(n, 0.4), np.ones(n))
    result = fastglm.fit(X, y, family=family, link=link)
    assert kstest(result.residuals(X, y, kind="quantile", seed=1), "norm").pvalue > 0.01


def test_tweedie_tails_are_the_integral_of_the_density():
    mpmath = pytest.importorskip("mpmath")
    power, mu, phi, y = 1.6, 2.0, 0.7, np.array([0.0, 0.05, 1.0, 3.0, 40.0])
    tails = of_tweedie(power, y, mu, phi)
    shape, scale = (2 - power) / (power - 1), phi * (power - 1) * mu ** (power - 1)
    rate = mpmath.mpf(mu) ** (2 - power) / (phi * (2 - power))
    for i, at in enumerate(y):

        def term(j, at=at):
            return mpmath.exp(-rate) * rate**j / mpmath.factorial(j) * (
                mpmath.gammainc(j * shape, at / scale, regularized=True) if at > 0 else 1
            )  # fmt: skip

        above = mpmath.nsum(lambda j: term(int(j)), [1, 120])
        np.testing.assert_allclose(tails.above[i], float(above), rtol=1e-11)
        np.testing.assert_allclose(tails.up_to[i], float(1 - above), rtol=1e-11)
    assert tails.below[0] == 0.0 and tails.from_on[0] == 1.0


def test_quantile_residuals_take_one_number_a_row_in_every_storage(tmp_path):
    pytest.importorskip("pyarrow")
    data = frame(CASES["qresid_nb_quine"])
    data = pd.concat([data] * 5, ignore_index=True)
    result = fastglm.glm("Days ~ Eth + Sex + Age", data, family="poisson")
    path = tmp_path / "quine.parquet"
    data.astype(str).assign(Days=data.Days).to_parquet(path, row_group_size=100)
    expected = result.residuals(data, kind="quantile", seed=5)
    np.testing.assert_allclose(result.residuals(path, kind="quantile", seed=5), expected, rtol=1e-12)
    with pytest.raises(InvalidParameterError, match="seed is of the random numbers"):
        result.residuals(data, seed=5)


def test_counts_with_weights_are_means_of_counts():
    rng = np.random.default_rng(0)
    X, w = rng.normal(size=(200, 1)), rng.integers(1, 5, 200).astype(float)
    counts = rng.poisson(w * np.exp(0.3 * X[:, 0]))
    rates = fastglm.fit(X, counts / w, family="poisson", weights=w)
    totals = fastglm.fit(X, counts, family="poisson", exposure=w)
    same(
        rates.residuals(X, counts / w, weights=w, kind="quantile", seed=1),
        totals.residuals(X, counts, exposure=w, kind="quantile", seed=1), 1e-7,
    )  # fmt: skip
    with pytest.raises(InvalidParameterError, match="in row 0, which is no count"):
        rates.residuals(X[:1], [0.4], weights=[1.0], kind="quantile")
    with pytest.raises(InvalidParameterError, match="no distribution function"):
        fastglm.fit(X, counts, family="quasipoisson").residuals(X, counts, kind="quantile")


@pytest.mark.parametrize("name", named("influence_"))
def test_deletion_diagnostics_are_those_of_r(name):
    case, expected = CASES[name], CASES[name]["expected"]
    result, data = fit_of(case), frame(case)
    found, n = result.influence(data, deletion=True), len(data)
    assert list(result.names)[0] == expected["names"][0]
    same(found.dfbetas, expected["dfbetas"], 1e-6)
    for field, other in {"hat": "hat", "cooks_distance": "cooks", "dffits": "dffits", "covratio": "covratio",
                         "rstudent": "rstudent", "deviance": "rstandard_deviance"}.items():  # fmt: skip
        known = np.array([np.nan if v in (None, "inf", "-inf") else v for v in expected[other]], float)
        keep = np.isfinite(known)
        same(getattr(found, field)[keep], known[keep], 1e-7)
    flags = np.array([bool(v) for v in expected["is_influential"]]).reshape(-1, n).T
    k = len(expected["names"])
    np.testing.assert_array_equal(found.flags[:, 0], flags[:, :k].any(axis=1))
    np.testing.assert_array_equal(found.flags[:, 1:], flags[:, k:])
    np.testing.assert_array_equal(found.influential, flags.any(axis=1))
    plain = result.influence(data)
    assert len(plain) == 4 and np.array_equal(plain.hat, found.hat)


def test_deletion_diagnostics_of_nearly_dependent_columns_and_of_files(tmp_path):
    pytest.importorskip("pyarrow")
    rng = np.random.default_rng(2)
    data = pd.DataFrame({"a": rng.normal(size=60), "y": rng.normal(size=60)})
    data["b"] = data.a + 1e-7 * rng.normal(size=60)
    result = fastglm.glm("y ~ a + b", data)
    found = result.influence(data, deletion=True)
    without = fastglm.glm("y ~ a + b", data.drop(index=0))
    sigma = np.sqrt(without.scale)
    size = np.sqrt(np.diagonal(result.cov_unscaled))
    np.testing.assert_allclose(found.dfbetas[0], (result.params - without.params) / (sigma * size), rtol=1e-4)
    data.to_parquet(tmp_path / "rows.parquet")
    written = result.influence(tmp_path / "rows.parquet", deletion=True, out=tmp_path / "out.parquet")
    assert "dfbetas_b" in written.columns and "flags_hat" in written.columns and written.rows == 60


INFLATED = [*named("glm_specification"), "linear_diagnostics_investment", "influence_gaussian_mtcars"]


@pytest.mark.parametrize("name", INFLATED)
def test_variance_inflation_is_that_of_car(name):
    case = CASES[name]
    family = "gaussian" if case["family"] == "lm" else case["family"]
    found, expected = fitted(case | {"family": family}).vif(), case["expected"]["vif"]
    if "GVIF" in expected:
        same(found.gvif, expected["GVIF"])
        same(found.gvif_root, column(expected, "GVIF^(1/(2*Df))"))
        same(found.df, expected["Df"])
    else:
        same(found.gvif, list(expected.values()))


def test_variance_inflation_is_refused_where_it_has_no_meaning():
    rng = np.random.default_rng(0)
    X, y = rng.normal(size=(100, 2)), rng.integers(0, 3, 100)
    with pytest.raises(InvalidParameterError, match="softmax"):
        fastglm.fit(X, y, family="multinomial").vif()
    with pytest.raises(InvalidParameterError, match="has 1 beside its intercept"):
        fastglm.fit(X[:, :1], y).vif()
