"""Models of a mean and a dispersion: the maximum of the likelihood in scipy's words, REML of groups, storages."""

import dataclasses

import numpy as np
import pytest
from scipy import optimize, stats

import fastglm
from fastglm import families
from fastglm.errors import InvalidParameterError

pd = pytest.importorskip("pandas")


@pytest.fixture(scope="module")
def rows():
    rng = np.random.default_rng(7)
    n = 400
    data = pd.DataFrame({"x": rng.normal(size=n), "z": rng.normal(size=n), "g": rng.choice(list("ab"), n)})
    data["w"], data["times"], data["o"] = rng.uniform(0.5, 2.0, n), rng.integers(1, 4, n), 0.2 * rng.normal(size=n)
    mu, phi = np.exp(0.5 + 0.3 * data.x + data.o), np.exp(-0.7 + 0.5 * data.z + 0.4 * (data.g == "b"))
    data["normal"] = rng.normal(mu, np.sqrt(phi / data.w))
    data["gamma"] = rng.gamma(data.w / phi, mu * phi / data.w)
    data["wald"] = rng.wald(mu, data.w / phi)
    data["tweedie"] = families.Tweedie(1.5).draw(rng, mu.to_numpy(), phi.to_numpy(), 1.0)
    return data


def density(kind, y, mu, phi):
    """The log-density by scipy, or by its formula."""
    if kind == "gaussian":
        return stats.norm.logpdf(y, mu, np.sqrt(phi))
    if kind == "gamma":
        return stats.gamma.logpdf(y, 1.0 / phi, scale=mu * phi)
    return stats.invgauss.logpdf(y, mu * phi, scale=1.0 / phi)


CASES = {"gaussian": ("normal", families.DoubleGaussian()), "gamma": ("gamma", families.DoubleGamma()),
         "inverse_gaussian": ("wald", families.DoubleInverseGaussian())}  # fmt: skip


@pytest.mark.parametrize("kind", CASES)
def test_the_maximum_of_the_likelihood(kind, rows):
    """The score of the log-likelihood in scipy's densities is zero, by differences, and nowhere near is it larger."""
    response, family = CASES[kind]
    fit = fastglm.glm(f"{response} ~ x + offset(o) | z + g", rows, family=family, link="log", weights="w")
    X = np.column_stack([np.ones(len(rows)), rows.x])
    Z = np.column_stack([np.ones(len(rows)), rows.z, rows.g == "b"])
    assert fit.names == ("(Intercept)", "x", *(f"(dispersion)_{n}" for n in ("(Intercept)", "z", "g[T.b]")))

    def value(b):
        mu, phi = np.exp(X @ b[:2] + rows.o), np.exp(Z @ b[2:]) / rows.w
        return density(kind, rows[response], mu, phi).sum()

    np.testing.assert_allclose(fit.llf, value(fit.params), rtol=1e-11)
    found = optimize.minimize(lambda b: -value(b), fit.params + 0.1, method="BFGS", options={"gtol": 1e-7})
    assert np.abs((found.x - fit.params) / fit.bse).max() < 1e-5
    score = optimize.approx_fprime(fit.params, value, 1e-6)
    assert np.abs(score * fit.bse).max() < 2e-4
    assert fit.converged and fit.certificate < 1e-6


def test_standard_errors_are_of_the_expected_information(rows):
    fit = fastglm.glm("normal ~ x | z", rows, family="double_gaussian")
    phi = fit.predict(rows, "dispersion")
    X, Z = (np.column_stack([np.ones(len(rows)), rows[name]]) for name in "xz")
    mean, dispersion = np.linalg.inv(X.T @ (X / phi[:, None])), 2.0 * np.linalg.inv(Z.T @ Z)
    np.testing.assert_allclose(fit.bse, np.sqrt([*np.diag(mean), *np.diag(dispersion)]), rtol=1e-8)
    assert abs(fit.cov_params()[:2, 2:]).max() < 1e-12


def test_a_constant_dispersion_is_that_of_one_mean(rows):
    """The gamma's is the reciprocal of the maximum likelihood of the shape, the normal one the mean square."""
    plain = fastglm.glm("gamma ~ x", rows, family="gamma", link="log", dispersion="ml")
    fit = fastglm.glm("gamma ~ x", rows, family="double_gamma", link="log")
    np.testing.assert_allclose(fit.params[:2], plain.params, rtol=1e-8)
    np.testing.assert_allclose(np.exp(fit.params[2]), plain.scale, rtol=1e-8)
    normal = fastglm.glm("normal ~ x", rows, family="double_gaussian")
    np.testing.assert_allclose(np.exp(normal.params[2]), normal.residuals(rows, kind="response").var(), rtol=1e-9)
    np.testing.assert_allclose(normal.llf, fastglm.glm("normal ~ x", rows).llf, rtol=1e-12)


def test_extended_quasi_likelihood_of_tweedie_responses(rows):
    fit = fastglm.glm("tweedie ~ x | z", rows, family=families.DoubleTweedie(1.5))
    X, Z = (np.column_stack([np.ones(len(rows)), rows[name]]) for name in "xz")
    mu, phi, y = np.exp(X @ fit.params[:2]), np.exp(Z @ fit.params[2:]), rows.tweedie.to_numpy()
    assert (y == 0.0).any()
    np.testing.assert_allclose(X.T @ ((y - mu) / (phi * np.sqrt(mu))), 0.0, atol=1e-7)
    deviance = 2.0 * (-4.0 * np.sqrt(y) + 2.0 * y / np.sqrt(mu) + 2.0 * np.sqrt(mu))
    np.testing.assert_allclose(Z.T @ (deviance / phi - 1.0), 0.0, atol=1e-6)
    residuals = fit.residuals(rows)
    np.testing.assert_allclose(residuals, np.sign(y - mu) * np.sqrt(deviance / phi), rtol=1e-6)
    np.testing.assert_allclose(fit.predict(rows, "variance"), phi * mu**1.5, rtol=1e-10)


def test_restricted_likelihood_of_groups(rows):
    """Of a mean and a dispersion in each group REML has the variances with n - 1."""
    family = families.DoubleGaussian(method="reml")
    fit = fastglm.glm("normal ~ 1 + g | 1 + g", rows, family=family)
    variances = rows.groupby("g").normal.var()
    np.testing.assert_allclose(np.exp(fit.params[2]), variances["a"], rtol=1e-10)
    np.testing.assert_allclose(np.exp(fit.params[2] + fit.params[3]), variances["b"], rtol=1e-10)
    sizes = rows.groupby("g").size()
    np.testing.assert_allclose(fit.bse[2], np.sqrt(2.0 / (sizes["a"] - 1)), rtol=1e-8)


def test_restricted_likelihood_is_the_integral_of_the_likelihood(rows):
    """With a mean that is linear, up to a constant: its derivatives vanish at the estimates."""
    some = rows[:40]
    fit = fastglm.glm("normal ~ x | z", some, family=families.DoubleGaussian(method="reml"))
    X, Z = (np.column_stack([np.ones(len(some)), some[name]]) for name in "xz")

    def restricted(gamma):
        phi = np.exp(Z @ gamma)
        J = X.T @ (X / phi[:, None])
        b = np.linalg.solve(J, X.T @ (some.normal / phi))
        return -2.0 * stats.norm.logpdf(some.normal, X @ b, np.sqrt(phi)).sum() + np.linalg.slogdet(J)[1]

    assert np.abs(optimize.approx_fprime(fit.params[2:], restricted, 1e-6) * fit.bse[2:]).max() < 1e-4
    np.testing.assert_allclose(fit.deviance, restricted(fit.params[2:]), rtol=1e-10)
    gamma = fastglm.glm("gamma ~ x | z", some, family=families.DoubleGamma(method="reml"), link="log")
    ml = fastglm.glm("gamma ~ x | z", some, family="double_gamma", link="log")
    smaller = fastglm.glm("normal ~ x", some, family=families.DoubleGaussian(method="reml"))
    assert fastglm.anova(smaller, fit).df[1] == 1
    other = fastglm.glm("normal ~ 1 | z", some, family=families.DoubleGaussian(method="reml"))
    with pytest.raises(InvalidParameterError, match="reml"):
        fastglm.anova(other, fit)
    assert gamma.converged and gamma.params[2] > ml.params[2]  # ML takes the dispersion for too small


def test_arrays_files_weights_and_saved_results(rows, tmp_path):
    pytest.importorskip("pyarrow")
    fit = fastglm.glm("gamma ~ x | z", rows, family="double_gamma", link="log", weights="w", freq_weights="times")
    X = rows[["x", "z"]].to_numpy()
    family = families.DoubleGamma(dispersion_columns=["x2"], mean_columns=[0])
    arrays = fastglm.fit(X, rows.gamma, family=family, link="log", weights=rows.w, freq_weights=rows.times)
    np.testing.assert_allclose(arrays.params, fit.params, rtol=1e-9)
    path = tmp_path / "rows.parquet"
    rows.to_parquet(path, row_group_size=90)
    stored = fastglm.glm("gamma ~ x | z", str(path), family="double_gamma", link="log", weights="w",
                         freq_weights="times", memory=0)  # fmt: skip
    np.testing.assert_allclose(stored.params, fit.params, rtol=1e-9)
    np.testing.assert_allclose(stored.predict(str(path), "dispersion"), fit.predict(rows, "dispersion"), rtol=1e-9)
    long = rows.loc[rows.index.repeat(rows.times)]
    repeated = fastglm.glm("gamma ~ x | z", long, family="double_gamma", link="log", weights="w")
    np.testing.assert_allclose(repeated.params, fit.params, rtol=1e-8)
    np.testing.assert_allclose([repeated.llf, repeated.nobs], [fit.llf, fit.nobs], rtol=1e-10)
    np.testing.assert_allclose(repeated.bse, fit.bse, rtol=1e-7)
    fit.save(tmp_path / "fit.json")
    loaded = fastglm.load(tmp_path / "fit.json")
    assert loaded.family == fit.family and (loaded.predict(rows, "variance") == fit.predict(rows, "variance")).all()
    assert "Dispersion" in str(fit.summary()) and list(fit.tidy().part[-2:]) == ["dispersion"] * 2
    robust = fastglm.glm("gamma ~ x | z", rows, family="double_gamma", link="log", weights="w", cov="robust")
    assert np.isfinite(robust.bse).all()


def test_what_is_refused(rows):
    for options, words in (
        ({"family": families.DoubleGaussian(method="both")}, "method="),
        ({"family": families.DoubleTweedie(2.5)}, "power="),
        ({"family": "double_gamma", "link": "logit"}, "link="),
        ({"family": families.DoubleGamma(dispersion_columns="z")}, "dispersion_columns="),
        ({"family": families.DoubleGamma(mean_columns="z")}, "mean_columns="),
        ({"family": families.DoubleGamma(dispersion_columns=["nothing"])}, "nothing"),
        ({"family": "double_gaussian", "bias_reduction": "mean"}, "bias_reduction="),
    ):
        with pytest.raises(InvalidParameterError, match=words):
            fastglm.fit(rows[["x", "z"]], rows.gamma, **options)
    with pytest.raises(InvalidParameterError):
        fastglm.fit(rows[["x"]], -rows.gamma, family="double_gamma")


EFFECTS = [("double_gaussian", "identity"), ("double_gamma", "log"), ("double_inverse_gaussian", "log")]


def _rows(name):
    rng = np.random.default_rng(3)
    frame = pd.DataFrame({"x": rng.normal(size=600), "z": rng.normal(size=600), "b": rng.integers(0, 2, 600)})
    mean = 1.0 + 0.4 * frame.x + 0.2 * frame.b
    if name == "double_gaussian":
        y = mean + np.exp(0.2 + 0.3 * frame.z) * rng.normal(size=600)
    else:
        shape = np.exp(1.0 - 0.3 * frame.z)
        y = rng.gamma(shape, np.exp(mean) / shape)
    return frame.assign(y=y)


@pytest.mark.parametrize(("name", "link"), EFFECTS)
@pytest.mark.parametrize("kind", ["mean", "dispersion", "variance"])
def test_effects_are_derivatives_of_predictions(name, link, kind):
    frame, h = _rows(name), 1e-5
    fit = fastglm.glm("y ~ x + b | x + z", frame, family=name, link=link)
    up, down = (fit.predict(frame.assign(x=frame.x + step), kind=kind) for step in (h, -h))
    found = fit.margins(frame, ["x"], scale=kind).table().iloc[0]
    assert found["estimate"] == pytest.approx(np.mean(up - down) / (2.0 * h), rel=1e-6)

    def effect(params):
        moved = dataclasses.replace(fit, params=params)
        up, down = (moved.predict(frame.assign(x=frame.x + step), kind=kind) for step in (h, -h))
        return np.mean(up - down) / (2.0 * h)

    steps = 1e-4 * np.eye(len(fit.params))
    gradient = np.array([(effect(fit.params + s) - effect(fit.params - s)) / 2e-4 for s in steps])
    assert found["std_error"] == pytest.approx(np.sqrt(gradient @ fit.cov_params() @ gradient), rel=1e-4)


@pytest.mark.parametrize(("name", "link"), EFFECTS)
def test_a_new_response_has_the_dispersion_of_its_row(name, link):
    frame = _rows(name)
    fit = fastglm.glm("y ~ x + b | x + z", frame, family=name, link=link)
    mean, phi = fit.predict(frame), fit.predict(frame, kind="dispersion")
    law = {
        "double_gaussian": stats.norm(mean, np.sqrt(phi)), "double_gamma": stats.gamma(1.0 / phi, scale=mean * phi),
        "double_inverse_gaussian": stats.invgauss(mean * phi, scale=1.0 / phi),
    }[name]  # fmt: skip
    found = fit.predict(frame, interval="prediction", level=0.9)
    np.testing.assert_allclose(found.lower, law.ppf(0.05), rtol=1e-10)
    np.testing.assert_allclose(found.upper, law.ppf(0.95), rtol=1e-10)


def test_intervals_of_a_normal_mean_are_symmetric():
    frame = _rows("double_gaussian")
    fit = fastglm.glm("y ~ x + b | z", frame, family="double_gaussian")
    found = fit.predict(frame, interval="confidence")
    np.testing.assert_allclose(found.upper - found.mean, found.mean - found.lower, rtol=1e-10)
    with pytest.raises(InvalidParameterError, match="no distribution"):
        tweedie = fastglm.glm("y ~ x | z", _rows("double_gamma"), family="double_tweedie")
        tweedie.predict(frame, interval="prediction")


@pytest.mark.parametrize("weights", [None, "weights", "freq_weights"])
def test_robust_errors_are_those_of_finite_differences(weights):
    frame = _rows("double_gaussian")
    frame["w"] = np.random.default_rng(1).integers(1, 4, len(frame))
    more = {} if weights is None else {weights: "w"}
    fit = fastglm.glm("y ~ x + b | z", frame, family="double_gaussian", **more)
    w = np.ones(len(frame)) if weights is None else frame.w.to_numpy(float)
    X, Z = np.column_stack([np.ones(600), frame.x, frame.b]), np.column_stack([np.ones(600), frame.z])
    mean, phi, y = X @ fit.params[:3], np.exp(Z @ fit.params[3:]), frame.y.to_numpy()
    prior = w if weights == "weights" else np.ones(600)
    residual = y - mean
    rows = np.hstack([X * (residual * prior / phi)[:, None], Z * (0.5 * (residual**2 * prior / phi - 1.0))[:, None]])
    repeats = w if weights == "freq_weights" else np.ones(600)
    inverse = fit.cov_params()
    expected = inverse @ (rows.T * repeats) @ rows @ inverse
    np.testing.assert_allclose(fit.with_cov("HC0", data=frame).cov_params(), expected, rtol=1e-7, atol=1e-14)
