"""``OnlineGLM``: what a stream of batches gives, beside the fit of all its rows."""

import warnings

import numpy as np
import pytest
import streaming
from hypothesis import given, settings
from hypothesis import strategies as st
from streaming import MODELS, data, distance, made, online

import fastglm
from fastglm import OnlineGLM, families
from fastglm.errors import CollinearityWarning, DriftWarning, InvalidParameterError
from fastglm.types import READ_ONCE

# What the stream gives


@pytest.mark.parametrize("batch", [1000, 313, 20_000])
@pytest.mark.parametrize("name", MODELS)
def test_every_family(name, batch):
    kind, family, link = MODELS[name]
    X, y = data(kind)
    r = online(X, y, family, batch, link=link).result()
    exact = fastglm.fit(X, y, family=family, link=link, solver="newton")
    away = distance(r, exact)
    assert away.rms < 0.15 and away.se < 0.02
    for value in ("nobs", "df_resid", "rank", "weight_sum", "n_rows", "names", "family", "link"):
        assert getattr(r, value) == getattr(exact, value)
    np.testing.assert_allclose(r.null_deviance, exact.null_deviance, rtol=1e-11)
    # in the units that likelihood ratios are judged in
    assert abs(r.deviance - exact.deviance) < 2.0 * exact.scale
    # a Tweedie's likelihood depends on the rows at its own dispersion, and they are gone
    for value in () if name == "tweedie" else ("llf", "aic", "bic", "llnull"):
        np.testing.assert_allclose(getattr(r, value), getattr(exact, value), rtol=1e-3)
    np.testing.assert_allclose(r.pearson_chi2, exact.pearson_chi2, rtol=0.02)
    assert np.isnan(r.certificate) and r.n_passes == 1.0
    assert r.classes == ((0, 1) if kind == "binomial" else None)
    assert r.stop == ("converged" if name == "gaussian" else READ_ONCE)
    assert "nan" not in str(r.summary()).split("P>|")[1].lower()
    rows = np.column_stack([np.ones(5), X[:5]])
    errors = np.sqrt(np.einsum("ij,jk,ik->i", rows, exact.cov_params(), rows))
    assert (np.abs(r.predict(X[:5], "link") - exact.predict(X[:5], "link")) < 0.5 * errors).all()


@pytest.mark.parametrize("batch", [1000, 313])
def test_softmax(batch):
    X, y = data("multinomial")
    r = online(X, y, "multinomial", batch).result()
    exact = fastglm.fit(X, y, family="multinomial", solver="newton")
    away = distance(r, exact)
    assert away.rms < 0.15 and away.se < 0.02
    assert r.classes == exact.classes == ("ash", "fir", "oak") and r.reference == exact.reference
    np.testing.assert_allclose(r.null_deviance, exact.null_deviance, rtol=1e-11)
    assert abs(r.deviance - exact.deviance) < 2.0
    np.testing.assert_allclose(r.llf, exact.llf, rtol=1e-3)
    other = online(X, y, families.Multinomial(reference="fir"), batch).result()
    np.testing.assert_allclose(other.params, r.relevel("fir").params, atol=0.2 * r.bse.max())


@pytest.mark.parametrize("batch", [1, 7, 1000, 3000])
def test_least_squares_is_exact_whatever_the_batches(batch):
    X, y = (v[:3000] for v in data("gaussian"))
    w = np.random.default_rng(0).uniform(0.2, 3.0, len(y))
    r = online(X, y, "gaussian", batch, columns=["weights"], weights=w).result()
    exact = fastglm.fit(X, y, weights=w)
    np.testing.assert_allclose(r.params, exact.params, rtol=1e-10, atol=1e-10 * exact.bse.min())
    for name in ("bse", "deviance", "null_deviance", "llf", "scale", "aic", "pearson_chi2"):
        np.testing.assert_allclose(getattr(r, name), getattr(exact, name), rtol=1e-10)


@settings(max_examples=25, deadline=None)
@given(cuts=st.lists(st.integers(0, 3000), max_size=8), seed=st.integers(0, 3))
def test_least_squares_is_exact_for_any_split(cuts, seed):
    X, y = made("gaussian", 3000, 3, seed=seed)
    model = OnlineGLM()
    for part in np.split(np.arange(3000), sorted(cuts)):
        model.partial_fit(X[part], y[part])
    exact = fastglm.fit(X, y)
    r = model.result()
    assert np.abs((r.params - exact.params) / exact.bse).max() < 1e-9
    np.testing.assert_allclose([r.deviance, r.null_deviance], [exact.deviance, exact.null_deviance], rtol=1e-10)


def test_batches_of_one_row_and_many_columns():
    X, y = data("binomial", 6000, 3)
    exact = fastglm.fit(X, y, family="binomial")
    for batch in (1, 7):
        away = distance(online(X, y, "binomial", batch).result(), exact)
        assert away.rms < 0.15 and away.se < 0.03
    X, y = data("poisson", 40_000, 60)
    away = distance(online(X, y, "poisson", 500).result(), fastglm.fit(X, y, family="poisson"))
    assert away.rms < 0.2 and away.se < 0.05


@pytest.mark.parametrize("name", ["binomial", "gamma", "gaussian", "multinomial"])
def test_few_rows_are_kept_and_fitted_exactly(name):
    kind, family, link = MODELS.get(name, (name, name, None))
    X, y = (v[:600] for v in data(kind))
    model = online(X, y, family, 50, link=link, cov="robust")
    assert "no estimate yet" in repr(model) and model.n_rows == 600
    r, exact = model.result(), fastglm.fit(X, y, family=family, link=link, cov="robust")
    np.testing.assert_allclose(r.params, exact.params, rtol=1e-9)
    np.testing.assert_allclose(r.bse, exact.bse, rtol=1e-9)
    assert r.certificate < 1e-8 and r.deviance == pytest.approx(exact.deviance, rel=1e-12)


def test_rare_events_are_waited_for_but_not_forever():
    X, y = data("poisson", 40_000, 3)
    y = np.where(np.arange(len(y)) < 25_000, 0.0, y)
    model = online(X[:15_000], y[:15_000], "poisson")
    assert model._state is None
    model = online(X[:25_000], y[:25_000], "poisson")
    assert model._state is not None
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DriftWarning)
        assert np.isfinite(model.result().params).all()
        for a in range(25_000, 40_000, 1000):
            model.partial_fit(X[a : a + 1000], y[a : a + 1000])
        r = model.result()
    assert np.isfinite(r.params).all() and np.isfinite(r.bse).all()


VECTORS = {
    "weights": lambda rng, n: rng.uniform(0.2, 3.0, n),
    "freq_weights": lambda rng, n: rng.integers(1, 4, n),
    "offset": lambda rng, n: rng.normal(size=n),
    "exposure": lambda rng, n: rng.uniform(0.5, 20.0, n),
}


@pytest.mark.parametrize("names", [[name] for name in VECTORS] + [list(VECTORS)], ids="-".join)
def test_weights_offsets_and_exposures(names):
    X, _ = data("poisson")
    rng = np.random.default_rng(4)
    vectors = {name: VECTORS[name](rng, len(X)) for name in names}
    rate = np.exp(streaming.predictor(streaming.columns(len(X), 5), -0.5) + vectors.get("offset", 0.0))
    y = rng.poisson(rate * vectors.get("exposure", 1.0)).astype(float)
    r = online(X, y, "poisson", columns=names, **vectors).result()
    exact = fastglm.fit(X, y, family="poisson", **vectors)
    away = distance(r, exact)
    # two or three rows as one have scores larger than their information says
    assert away.rms < (0.3 if "freq_weights" in names or "weights" in names else 0.15) and away.se < 0.02
    for value in ("nobs", "df_resid", "weight_sum", "exposure_kind", "has_weights", "has_freq_weights"):
        assert getattr(r, value) == pytest.approx(getattr(exact, value))
    if "offset" in names or "exposure" in names:
        # it would need the rows again
        assert np.isnan(r.null_deviance)
    else:
        np.testing.assert_allclose(r.null_deviance, exact.null_deviance, rtol=1e-11)
    str(r.summary())


def test_no_intercept_and_no_columns():
    X, y = data("poisson")
    Z = (X - X.mean(0)) / X.std(0)
    r = online(Z, y, "poisson", intercept=False).result()
    exact = fastglm.fit(Z, y, family="poisson", intercept=False)
    assert distance(r, exact).rms < 0.3 and not r.has_intercept
    np.testing.assert_allclose(r.null_deviance, exact.null_deviance, rtol=1e-11)
    r, exact = online(X[:, :0], y, "poisson").result(), fastglm.fit(X[:, :0], y, family="poisson")
    assert distance(r, exact).rms < 0.1


@pytest.mark.parametrize("family", ["gaussian", "binomial", "multinomial"])
def test_collinear_columns_are_named_and_the_others_right(family):
    X, y = data(family)
    X = np.column_stack([X, X[:, 0] + 2.0 * X[:, 1], np.zeros(len(X))])
    model = online(X, y, family)
    with pytest.warns(CollinearityWarning):
        r = model.result()
    assert r.aliased == {"x6": "x1 + 2 x2", "x7": "0"}
    with pytest.warns(CollinearityWarning):
        exact = fastglm.fit(X, y, family=family)
    assert distance(r, exact).rms < 0.15 and distance(r, exact).se < 0.03


@pytest.mark.parametrize("kind", ["overdispersed", "binomial", "multinomial"])
def test_robust_standard_errors(kind):
    X, y = data(kind)
    family = "poisson" if kind == "overdispersed" else kind
    r = online(X, y, family, cov="robust").result()
    exact = fastglm.fit(X, y, family=family, cov="robust")
    assert r.cov_kind == "robust" and distance(r, exact).se < 0.05
    plain = online(X, y, family, cov=None).result()
    np.testing.assert_array_equal(plain.params.shape, r.params.shape)
    assert np.isnan(plain.bse).all()


def test_intervals_cover_what_they_promise():
    hits = []
    for seed in range(60):
        rng = np.random.default_rng([5, seed])
        Z = streaming.columns(5000, 4, seed=[5, seed, 1])
        beta = rng.normal(size=4) * 0.3
        y = streaming.RESPONSES["binomial"](rng, Z @ beta - 0.5)
        low, high = online(Z, y, "binomial", 250).result().conf_int().T
        truth = np.append(-0.5, beta)
        hits.append((low <= truth) & (truth <= high))
    assert abs(np.mean(hits) - 0.95) < 3.0 * np.sqrt(0.95 * 0.05 / np.size(hits))


# Storage


def test_storage_does_not_matter():
    pd = pytest.importorskip("pandas")
    X, y = data("binomial")
    X = np.round(X, 2).astype(np.float32)
    names = [f"c{j}" for j in range(X.shape[1])]
    plain = online(X.astype(np.float64), y).result()
    locked, response = X.copy(), y.copy()
    locked.setflags(write=False)
    response.setflags(write=False)
    for other in (locked, np.asfortranarray(X)):
        r = online(other, response).result()
        np.testing.assert_allclose(r.params, plain.params, rtol=1e-6)
        np.testing.assert_allclose(r.bse, plain.bse, rtol=1e-6)
    r = online(pd.DataFrame(X, columns=names), y).result()
    assert r.names == ("(Intercept)", *names)
    np.testing.assert_allclose(r.params, plain.params, rtol=1e-6)


def test_kept_rows_are_the_stream_s_own():
    X, y = (v[:300].copy() for v in data("binomial"))
    model = OnlineGLM("binomial").partial_fit(X, y)
    before = model.result()
    X[:], y[:] = 0.0, 0.0
    assert model.result().params.tobytes() == before.params.tobytes()


# Drift


@pytest.mark.filterwarnings("ignore::fastglm.errors.CollinearityWarning")
@pytest.mark.parametrize("family", ["gaussian", "poisson"])
def test_robust_standard_errors_beside_a_column_that_repeats_another(family):
    X, y = data(family)
    r = online(np.column_stack([X, 2.0 * X[:, 0]]), y, family, cov="robust").result()
    exact = fastglm.fit(X, y, family=family, cov="robust")
    assert list(r.aliased) == [r.names[-1]] and np.isnan(r.bse[-1])
    np.testing.assert_allclose(r.bse[:-1], exact.bse, rtol=0.05)


@pytest.mark.parametrize("kind", ["gaussian", "binomial", "poisson"])
def test_drift_is_warned_of(kind):
    X, y = data(kind, 60_000, 4)
    order = np.argsort(y, kind="stable")
    model = online(X[order], y[order], kind)
    with pytest.warns(DriftWarning, match="the stream drifts"):
        r = model.result()
    assert any("drifts" in note for note in r.notes)


@pytest.mark.parametrize("batch", [250, 1000])
@pytest.mark.parametrize(
    "kind, level", [("binomial", -0.5), ("binomial", -2.0), ("poisson", -1.0), ("overdispersed", 0.5)]
)
def test_rows_sorted_by_y_are_always_warned_of(kind, level, batch):
    for seed in range(10):
        X, y = made(kind, 10_000, 4, level, seed=seed)
        order = np.argsort(y, kind="stable")[:: 1 if seed % 2 else -1]
        family = kind if kind != "overdispersed" else "poisson"
        model = online(X[order], y[order], family, batch, classes=(0, 1) if kind == "binomial" else None)
        with pytest.warns(DriftWarning):
            model.result()


@pytest.mark.parametrize("kind", ["binomial", "poisson"])
@pytest.mark.parametrize("level", [-4.0, -6.0])
def test_rare_events_in_random_order_do_not_drift(kind, level):
    with warnings.catch_warnings():
        warnings.simplefilter("error", DriftWarning)
        for seed in range(12):
            X, y = made(kind, 30_000, 3, level, seed=seed)
            online(X, y, kind, classes=(0, 1) if kind == "binomial" else None).result()


@pytest.mark.slow
@pytest.mark.parametrize("kind", ["gaussian", "binomial", "poisson", "overdispersed", "multinomial"])
def test_false_alarms_are_as_rare_as_is_said(kind):
    family, alarms = "poisson" if kind == "overdispersed" else kind, []
    for seed in range(400):
        X, y = streaming.classes(12_000, 3, 3, seed) if kind == "multinomial" else made(kind, 12_000, 3, seed=seed)
        model = online(X, y, family, batch=600)
        alarms.append(model._drift.p_value(model._dispersion(model._state)))
    # three deviations above the level at which p is to be a bound
    for level in (0.001, 0.05):
        assert np.mean(np.array(alarms) < level) <= level + 3.0 * np.sqrt(level / 400)


def test_coefficients_that_change_are_warned_of():
    X, y = made("binomial", 40_000, 4)
    y[20_000:] = made("binomial", 40_000, 4, level=0.2)[1][20_000:]
    with pytest.warns(DriftWarning):
        online(X, y).result()


@pytest.mark.parametrize("kind", ["gaussian", "binomial", "overdispersed", "multinomial"])
def test_shuffled_streams_do_not_drift(kind):
    family = "poisson" if kind == "overdispersed" else kind
    with warnings.catch_warnings():
        warnings.simplefilter("error", DriftWarning)
        for seed in range(25):
            X, y = streaming.classes(8000, 3, 3, seed) if kind == "multinomial" else made(kind, 8000, 3, seed=seed)
            online(X, y, family, batch=400).result()


def test_a_sorted_column_is_no_drift_where_the_model_holds():
    X, y = data("poisson", 60_000, 4)
    order = np.argsort(X[:, 0])
    with warnings.catch_warnings():
        warnings.simplefilter("error", DriftWarning)
        r = online(X[order], y[order], "poisson").result()
    assert distance(r, fastglm.fit(X, y, family="poisson")).rms < 0.3


def test_rows_outside_the_range_are_counted_and_said():
    rng = np.random.default_rng(0)
    X = rng.uniform(size=(3000, 1))
    y = rng.poisson(1.0 + 5.0 * X[:, 0]).astype(float)
    model = OnlineGLM("poisson", "identity").partial_fit(X, y)
    with pytest.warns(fastglm.errors.ConvergenceWarning, match="5 rows of this batch were not learned from"):
        model.partial_fit(np.full((5, 1), -10.0), np.ones(5))
    assert model.n_rows == 3005 and np.isfinite(model.result().params).all()


def test_what_rows_that_are_read_once_cannot_have_is_refused_by_name():
    with pytest.raises(InvalidParameterError, match=r"theta is estimated by fits .*NegativeBinomial\(theta=...\)"):
        OnlineGLM("negative_binomial")
    with pytest.raises(InvalidParameterError, match="power is estimated"):
        OnlineGLM("tweedie")
    with pytest.raises(InvalidParameterError, match="bias_reduction='firth': adjusted scores"):
        OnlineGLM("binomial", bias_reduction="firth")
