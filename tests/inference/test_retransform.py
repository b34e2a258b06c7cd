"""Means of y from least squares of its logarithm: against their formulas, simulation, and the other storages."""

import numpy as np
import pytest

import fastglm
from fastglm.errors import InvalidParameterError, MissingDataError

pd = pytest.importorskip("pandas")


def simulated(n, seed, errors="normal"):
    rng = np.random.default_rng(seed)
    x = rng.uniform(0.0, 2.0, n)
    noise = rng.normal(0.0, 0.8, n) if errors == "normal" else rng.exponential(0.5, n) - 0.5
    return pd.DataFrame({"x": x, "g": rng.choice(["a", "b"], n), "y": np.exp(0.5 + 0.6 * x + noise)})


DATA, NEW = simulated(2000, 0), pd.DataFrame({"x": [0.0, 1.0, 2.0], "g": ["a", "b", "a"]})
LOGARITHMS = {
    "log": (np.log, np.exp, 1.0), "np.log": (np.log, np.exp, 1.0), "log1p": (np.log1p, np.expm1, 1.0),
    "log2": (np.log2, np.exp2, np.log(2.0)), "log10": (np.log10, lambda v: 10.0**v, np.log(10.0)),
}  # fmt: skip


@pytest.mark.parametrize("name", LOGARITHMS)
def test_formulas_of_the_means(name):
    forward, back, rate = LOGARITHMS[name]
    fit = fastglm.glm(f"{name}(y) ~ x + g", DATA)
    eta, shift = fit.predict(NEW), float(name == "log1p")
    lognormal = np.exp(rate * eta + 0.5 * rate**2 * fit.scale) - shift
    np.testing.assert_allclose(fit.predict(NEW, retransform="lognormal"), lognormal, rtol=1e-12)
    factor = np.exp(rate * (forward(DATA.y) - fit.predict(DATA))).mean()
    smeared = factor * (back(eta) + shift) - shift
    np.testing.assert_allclose(fit.predict(NEW, retransform="smearing"), smeared, rtol=1e-11)
    assert fit.smearing[0] == pytest.approx(factor, rel=1e-11)


def test_limits_by_their_formulas():
    fit = fastglm.glm("log(y) ~ x", DATA)
    log_mean, s2 = fit.predict(NEW, interval="mean"), fit.scale
    from scipy.stats import t

    reach = t.ppf(0.975, fit.df_resid)
    mean = fit.predict(NEW, retransform="lognormal", interval="mean")
    away = reach * np.sqrt(log_mean.se**2 + s2**2 / (2.0 * fit.df_resid))
    np.testing.assert_allclose(mean.upper, np.exp(log_mean.mean + s2 / 2.0 + away), rtol=1e-11)
    new_y = fit.predict(NEW, retransform="smearing", interval="prediction")
    np.testing.assert_allclose(new_y.lower, np.exp(log_mean.mean - reach * np.sqrt(s2 + log_mean.se**2)), rtol=1e-11)


@pytest.mark.parametrize("errors, truth", [("normal", np.exp(0.32)), ("exponential", 2.0 * np.exp(-0.5))])
def test_smearing_needs_no_normal_errors(errors, truth):
    fit = fastglm.glm("log(y) ~ x", simulated(200_000, 1, errors))
    np.testing.assert_allclose(fit.predict(NEW, retransform="smearing"), truth * np.exp(0.5 + 0.6 * NEW.x), rtol=0.02)


@pytest.mark.slow
@pytest.mark.parametrize("method", ["lognormal", "smearing"])
def test_coverage_of_the_limits(method):
    inside, new_inside, runs = np.zeros(3), np.zeros(3), 2000
    truth = np.exp(0.5 + 0.6 * NEW.x.to_numpy())
    for seed in range(runs):
        fit = fastglm.glm("log(y) ~ x", simulated(200, seed))
        mean = fit.predict(NEW, retransform=method, interval="mean")
        inside += (mean.lower < truth * np.exp(0.32)) & (truth * np.exp(0.32) < mean.upper)
        y = truth * np.exp(np.random.default_rng(10_000 + seed).normal(0.0, 0.8, 3))
        limits = fit.predict(NEW, retransform=method, interval="prediction")
        new_inside += (limits.lower < y) & (y < limits.upper)
    assert (np.abs(inside / runs - 0.95) < 0.015).all(), inside / runs
    assert (np.abs(new_inside / runs - 0.95) < 0.015).all(), new_inside / runs


def test_weights_offsets_and_files(tmp_path):
    pytest.importorskip("pyarrow")
    rng = np.random.default_rng(3)
    data = DATA.assign(w=rng.uniform(0.5, 2.0, 2000), o=rng.normal(size=2000))
    fit = fastglm.glm("log(y) ~ x + g + offset(o)", data, weights="w")
    residual = np.log(data.y) - fit.predict(data)
    assert fit.smearing[0] == pytest.approx(np.average(np.exp(residual), weights=data.w), rel=1e-11)
    data.to_parquet(tmp_path / "rows.parquet", row_group_size=300)
    stored = fastglm.glm("log(y) ~ x + g + offset(o)", str(tmp_path / "rows.parquet"), weights="w")
    assert stored.smearing == pytest.approx(fit.smearing, rel=1e-10)
    fit.save(tmp_path / "fit.json")
    again, new = fastglm.load(tmp_path / "fit.json"), NEW.assign(o=0.1)
    for method in ("lognormal", "smearing"):
        np.testing.assert_array_equal(again.predict(new, retransform=method), fit.predict(new, retransform=method))


def test_arrays_are_taken_for_natural_logarithms():
    fit = fastglm.fit(DATA[["x"]].to_numpy(), np.log(DATA.y.to_numpy()))
    by_formula = fastglm.glm("log(y) ~ x", DATA)
    x = NEW[["x"]].to_numpy()
    np.testing.assert_allclose(
        fit.predict(x, retransform="lognormal"), by_formula.predict(NEW, retransform="lognormal")
    )
    with pytest.raises(InvalidParameterError, match="smearing.*log"):
        fit.predict(x, retransform="smearing")


def test_what_has_no_mean_to_go_back_to():
    with pytest.raises(InvalidParameterError, match="no log"):
        fastglm.glm("y ~ x", DATA).predict(NEW, retransform="lognormal")
    with pytest.raises(InvalidParameterError, match="least squares"):
        fastglm.glm("y ~ x", DATA, family="poisson").predict(NEW, retransform="lognormal")
    fit = fastglm.glm("log(y) ~ x", DATA)
    with pytest.raises(InvalidParameterError, match="unknown"):
        fit.predict(NEW, retransform="naive")
    with pytest.raises(InvalidParameterError, match="interval"):
        fit.predict(NEW, interval="new")
    with pytest.raises(InvalidParameterError, match="least squares"):
        fit.predict(NEW, "link", retransform="lognormal")
    with pytest.raises(MissingDataError, match="poisson.*gamma.*log1p"):
        fastglm.glm("log(y) ~ x", DATA.assign(y=DATA.y.where(DATA.x > 0.01, 0.0)))
