"""``OnlineGLM``: what a stream of batches gives, beside the fit of all rows; what leaves its state alone; its files."""

import copy
import pickle
import warnings
from functools import cache

import numpy as np
import pytest
import streaming
from hypothesis import given, settings
from hypothesis import strategies as st
from streaming import distance, made, online

import fastglm
from fastglm import OnlineGLM, families
from fastglm.errors import (
    CollinearityWarning,
    DriftWarning,
    FileFormatError,
    InvalidParameterError,
    MissingDataError,
)
from fastglm.solver.stream import Running
from fastglm.types import READ_ONCE

# name -> (kind of response, family, link)
MODELS = {
    "gaussian": ("gaussian", "gaussian", None),
    "gaussian with the log link": ("normal", "gaussian", "log"),
    "binomial": ("binomial", "binomial", None),
    "probit": ("binomial", "binomial", "probit"),
    "poisson": ("poisson", "poisson", None),
    "quasi-poisson": ("overdispersed", "quasipoisson", None),
    "quasi-binomial": ("binomial", "quasibinomial", None),
    "negative binomial": ("overdispersed", families.NegativeBinomial(1.0), "log"),
    "gamma": ("gamma", "gamma", "log"),
    "inverse gaussian": ("wald", "inverse_gaussian", "log"),
    "tweedie": ("poisson", families.Tweedie(1.4), "log"),
    "quasi": ("gamma", families.Quasi("mu^2"), "log"),
}


@cache
def data(kind, n=20_000, p=5):
    if kind == "multinomial":
        X, codes = streaming.classes(n, p, 3)
        return X, np.array(["oak", "ash", "fir"])[codes]
    return made(kind, n, p)


def bits(model):
    """Everything that a stream's state is made of, as bytes."""
    parts = [model.n_rows, model.n_batches, model._shape, model._sums, model._given, model._centre, model._null]
    arrays = {} if model._running is None else model._running.state()
    kept = [v for b in model._kept for v in b.data if isinstance(v, np.ndarray)]
    arrays = [*arrays.values(), *kept, *([] if model._totals is None else [model._totals])]
    return repr(parts), tuple(np.asarray(a).tobytes() for a in arrays)


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
    for value in ("llf", "aic", "bic", "llnull"):
        np.testing.assert_allclose(getattr(r, value), getattr(exact, value), rtol=1e-3)
    np.testing.assert_allclose(r.pearson_chi2, exact.pearson_chi2, rtol=0.02)
    assert np.isnan(r.certificate) and r.n_passes == 1.0
    assert r.classes == ((0, 1) if kind == "binomial" else None)
    assert r.stop == ("converged" if name == "gaussian" else READ_ONCE)
    assert "nan" not in str(r.summary()).split("P>|")[1].lower()
    np.testing.assert_allclose(r.predict(X[:5]), exact.predict(X[:5]), rtol=0.2)


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
    assert model._running is None
    model = online(X[:25_000], y[:25_000], "poisson")
    assert model._running is not None
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


# What leaves no trace


def spread(v, keep, fill):
    """``v`` at the rows that ``keep`` (n,) marks, ``fill`` elsewhere."""
    out = np.full((len(keep), *v.shape[1:]), fill, dtype=v.dtype)
    out[keep] = v
    return out


@pytest.mark.parametrize("which", ["weights", "freq_weights"])
@pytest.mark.parametrize("family", ["poisson", "gaussian", "multinomial"])
def test_rows_of_weight_zero_are_as_if_they_were_not_there(family, which):
    X, y = (v[:8000] for v in data(family))
    w = np.random.default_rng(2).integers(1, 4, len(y)).astype(float)
    keep = np.random.default_rng(3).random(12_000) < 2 / 3
    keep[np.flatnonzero(keep)[8000:]] = False
    short = np.flatnonzero(keep)
    plain, padded = OnlineGLM(family, cov="robust"), OnlineGLM(family, cov="robust")
    X2, y2, w2 = (
        spread(X[: len(short)], keep, 7.0),
        spread(y[: len(short)], keep, y[0]),
        spread(w[: len(short)], keep, 0.0),
    )
    for a in range(0, 12_000, 1500):
        inside = slice(a, a + 1500)
        padded.partial_fit(X2[inside], y2[inside], **{which: w2[inside]})
        chosen = keep[inside]
        plain.partial_fit(X2[inside][chosen], y2[inside][chosen], **{which: w2[inside][chosen]})
    assert bits(padded) == bits(plain)


@pytest.mark.parametrize("rows", [400, 8000])
@pytest.mark.parametrize("family", ["poisson", "multinomial"])
def test_empty_batches_and_batches_of_weight_zero_change_nothing(family, rows):
    X, y = (v[:rows] for v in data(family))
    model = online(X, y, family)
    before = bits(model)
    model.partial_fit(X[:0], y[:0]).partial_fit(X[:9], y[:9], weights=np.zeros(9))
    model.partial_fit(X[:9], y[:9], freq_weights=0)
    model.partial_fit(X[:2], y[:2], weights=[0.0, 1.0], freq_weights=[1, 0])
    assert bits(model) == before
    fresh = OnlineGLM(family).partial_fit(X[:0], y[:0]).partial_fit(X[:9], y[:9], weights=0.0)
    assert bits(fresh) == bits(OnlineGLM(family))


def bad_batches():
    """(what it is, arguments, what the message says), for a stream of three columns x1 ... x3 and 0/1 labels."""
    X, y = np.ones((4, 3)), np.array([0.0, 1.0, 1.0, 0.0])

    def batch(**changes):
        return {"X": X, "y": y} | changes

    hole = X.copy()
    hole[2, 1] = np.nan
    yield "columns", batch(X=X[:, :2]), "2 columns, the batches before had 3"
    yield "vector", batch(X=X[:, 0]), "2-d"
    yield "text", batch(X=X.astype(str)), "numeric"
    yield "missing", batch(X=hole), "column 'x2' .* row 2"
    yield "infinite", batch(X=hole * np.inf), "not finite"
    yield "lengths", batch(y=y[:3]), "length 3, X has 4 rows"
    yield "missing y", batch(y=[0.0, np.nan, 1.0, 1.0]), "row 1"
    yield "outside", batch(y=[0.0, 1.0, 2.0, 1.0]), "row 2 is outside"
    yield "labels", batch(y=["a", "b", "a", "b"]), r"labels \['a', 'b'\]"
    yield "classes", batch(classes=[0, 2]), "not those of the first batch"
    yield "weights", batch(weights=[1.0, -1.0, 1.0, 1.0]), "row 1 is negative"
    yield "no weights", batch(weights=[0.0, np.nan, 0.0, 0.0]), "row 1"
    yield "offset", batch(offset=[0.0, 0.0, np.inf, 0.0]), "row 2"
    yield "exposure", batch(exposure=1.0), "exposure needs the log link"


@pytest.mark.parametrize("rows", [400, 5000])
@pytest.mark.parametrize(
    "what, batch, message", bad_batches(), ids=lambda v: v if isinstance(v, str) and " " not in v else ""
)
def test_bad_batches_are_refused_and_leave_the_state(what, batch, message, rows):
    X, y = (v[:rows] for v in data("binomial", 20_000, 3))
    model = online(X, y)
    before = bits(model)
    with pytest.raises(InvalidParameterError, match=message):
        model.partial_fit(**batch)
    assert bits(model) == before
    model.partial_fit(X[:50], y[:50])
    assert model.n_rows == rows + 50


def test_frames_must_keep_their_columns():
    pd = pytest.importorskip("pandas")
    X, y = data("binomial", 20_000, 3)
    frame = pd.DataFrame(X, columns=["a", "b", "c"])
    model = online(frame[:5000], y[:5000])
    before = bits(model)
    with pytest.raises(InvalidParameterError, match="column 0 is 'b', in the batches before it was 'a'"):
        model.partial_fit(frame[["b", "a", "c"]], y)
    assert bits(model) == before
    # an array has no names to contradict
    assert model.partial_fit(X[:10], y[:10]).result().names == ("(Intercept)", "a", "b", "c")


@pytest.mark.parametrize("kept", [True, False])
@pytest.mark.parametrize("moment", ["learn", "start"])
def test_an_interrupt_leaves_the_state(monkeypatch, kept, moment):
    X, y = data("poisson")
    model = online(X[: 500 if kept else 3000], y[: 500 if kept else 3000], "poisson", 500)
    before = bits(model)
    method = getattr(Running, moment)

    def interrupted(self, *args):
        method(self, *args)
        raise KeyboardInterrupt

    monkeypatch.setattr(Running, moment, interrupted)
    if kept == (moment == "start"):
        with pytest.raises(KeyboardInterrupt):
            model.partial_fit(X[3000:12_000], y[3000:12_000])
        assert bits(model) == before
    monkeypatch.undo()
    model.partial_fit(X[3000:12_000], y[3000:12_000])
    assert model.n_rows == 9000 + (500 if kept else 3000)


def test_results_have_no_side_effects():
    X, y = data("poisson")
    model, quiet = (OnlineGLM("poisson", cov="robust") for _ in range(2))
    for a in range(0, len(y), 700):
        for m in (model, quiet):
            m.partial_fit(X[a : a + 700], y[a : a + 700])
        first, second = model.result(), model.result()
        assert first.params.tobytes() == second.params.tobytes() and first.bse.tobytes() == second.bse.tobytes()
    assert bits(model) == bits(quiet)


@pytest.mark.parametrize("rows", [400, 9000])
@pytest.mark.parametrize("again", [copy.copy, copy.deepcopy, lambda m: pickle.loads(pickle.dumps(m))])
def test_copies_go_on_apart(again, rows):
    X, y = data("binomial")
    model = online(X[:rows], y[:rows])
    other = again(model)
    assert bits(other) == bits(model)
    before = bits(model)
    other.partial_fit(X[rows : rows + 3000], y[rows : rows + 3000])
    assert bits(model) == before
    model.partial_fit(X[rows : rows + 3000], y[rows : rows + 3000])
    assert bits(other) == bits(model)


# Labels


@pytest.mark.parametrize("labels", [("no", "yes"), (False, True), (1, 2), (0, 1)])
def test_two_labels(labels):
    X, y = data("binomial")
    codes = y.astype(int)
    named = np.array(labels)[codes]
    if labels == (1, 2):
        model = OnlineGLM("binomial").partial_fit(X[:300], named[:300], classes=[2, 1])
    else:
        model = OnlineGLM("binomial").partial_fit(X[:300], named[:300])
    expected = fastglm.fit(X[:300], y[:300], family="binomial")
    r = model.result()
    np.testing.assert_allclose(r.params, expected.params, rtol=1e-10)
    assert r.classes == labels and [type(c) for c in r.classes] == [type(c) for c in labels]
    for a in range(300, len(y), 1000):
        model.partial_fit(X[a : a + 1000], named[a : a + 1000])
    ones = codes == 1
    model.partial_fit(X[ones][:50], named[ones][:50])  # one label is enough, once both are known
    r = model.result()
    assert r.classes == labels and [type(c) for c in r.classes] == [type(c) for c in labels]
    assert set(r.predict(X, kind="class")) == set(labels)
    with pytest.raises(InvalidParameterError):
        model.partial_fit(X[:5], ["maybe"] * 5)


def test_one_label_alone_needs_classes():
    X, y = data("binomial")
    for family in ("binomial", "multinomial"):
        with pytest.raises(InvalidParameterError, match="one class only|1 distinct labels"):
            OnlineGLM(family).partial_fit(X[:50], ["a"] * 50)
        model = OnlineGLM(family).partial_fit(X[:50], ["a"] * 50, classes=["b", "a"])
        model.partial_fit(X[50:99], ["b"] * 49)
        assert model.n_rows == 99 and model._shape.classes == ("a", "b")


@pytest.mark.parametrize(
    "family, classes, message",
    [
        ("gaussian", [0, 1], "has not"), ("poisson", [0, 1, 2], "has not"), ("binomial", ["a"], "the two"),
        ("binomial", ["a", "b", "c"], "the two"), ("multinomial", ["a", "b", "a"], "each once"),
        ("multinomial", ["a", 1], "an order"), ("multinomial", 3, "an order"),
        ("multinomial", ["b", "c"], "'a' at row 0"),
    ],
)  # fmt: skip
def test_classes_that_cannot_be(family, classes, message):
    X, _ = data("binomial")
    y = ["a", "b"] * 25 if family in ("binomial", "multinomial") else np.ones(50)
    model = OnlineGLM(family)
    with pytest.raises(InvalidParameterError, match=message):
        model.partial_fit(X[:50], y, classes=classes)
    assert bits(model) == bits(OnlineGLM(family))


def test_a_class_that_comes_late():
    X, codes = streaming.classes(40_000, 3, 3, seed=3)
    y = np.array(["a", "b", "c"])[codes]
    rare = np.flatnonzero(codes == 2)
    drop = np.random.default_rng(0).random(len(rare)) < 0.99
    keep = np.delete(np.arange(len(y)), rare[drop | (rare < 3000)])
    X, y = X[keep], y[keep]
    late = int(np.argmax(y == "c"))
    with pytest.raises(InvalidParameterError, match="'c' at row .* not among classes"):
        OnlineGLM("multinomial").partial_fit(X[:late], y[:late]).partial_fit(X[late:], y[late:])
    model = online(X, y, "multinomial", 500, classes=["a", "b", "c"])
    exact = fastglm.fit(X, y, family="multinomial", solver="newton")
    r = model.result()
    assert r.classes == exact.classes == ("a", "b", "c")
    # the common classes as always, the rare one within its much larger standard errors
    away = np.abs(r.params - exact.params) / exact.bse
    assert away[:, 0].max() < 0.5 and away[:, 1].max() < 1.5
    np.testing.assert_allclose(r.null_deviance, exact.null_deviance, rtol=1e-11)


def test_indicators_and_their_order():
    pd = pytest.importorskip("pandas")
    X, y = data("multinomial")
    classes = ["ash", "fir", "oak"]
    one_hot = (y[:, None] == np.array(classes)).astype(float)
    by_label = online(X, y, "multinomial").result()
    for indicators in (one_hot, pd.DataFrame(one_hot, columns=classes)):
        model = online(X, indicators, "multinomial", classes=classes)
        assert model.result().classes == tuple(classes)
        assert model.result().params.tobytes() == by_label.params.tobytes()
    assert online(X, one_hot, "multinomial").result().classes == (0, 1, 2)
    with pytest.raises(InvalidParameterError, match="sorted order"):
        OnlineGLM("multinomial").partial_fit(X, one_hot, classes=["oak", "fir", "ash"])
    shuffled = OnlineGLM("multinomial").partial_fit(X, pd.DataFrame(one_hot[:, ::-1], columns=classes[::-1]))
    with pytest.raises(InvalidParameterError, match="in the batches before"):
        shuffled.partial_fit(X, y)


def test_a_multinomial_has_no_offset():
    X, y = data("multinomial")
    with pytest.raises(InvalidParameterError, match="one linear predictor"):
        OnlineGLM("multinomial").partial_fit(X, y, offset=np.zeros(len(y)))


def test_models_that_cannot_be():
    X, y = data("poisson")
    with pytest.raises(InvalidParameterError, match="nothing to report"):
        OnlineGLM().result()
    with pytest.raises(InvalidParameterError, match="cov="):
        OnlineGLM(cov="hc3")
    with pytest.raises(InvalidParameterError, match="intercept=False"):
        OnlineGLM(names=["(Intercept)", *"abcd"]).partial_fit(X, y)
    with pytest.raises(InvalidParameterError, match="nothing to fit"):
        OnlineGLM(intercept=False).partial_fit(X[:, :0], y)
    with pytest.raises(InvalidParameterError, match="rescale"):
        OnlineGLM().partial_fit(X * 1e200, y)
    with pytest.raises(InvalidParameterError, match="admit no start"):
        OnlineGLM("gaussian", "log").partial_fit(X, -1.0 - y)
    with pytest.raises(MissingDataError):
        OnlineGLM("poisson").partial_fit(np.full((5, 2), np.nan), np.ones(5))


# Merging


@pytest.mark.parametrize("cut", [0, 400, 8000])
@pytest.mark.parametrize("name", [*MODELS, "multinomial"])
def test_two_streams_make_one(name, cut):
    kind, family, link = MODELS.get(name, (name, name, None))
    X, y = data(kind)
    parts = slice(0, cut), slice(cut, None)
    a, b = (online(X[s], y[s], family, link=link, cov="robust") for s in parts)
    before = bits(a), bits(b)
    both, other = a.merge(b), b.merge(a)
    assert (bits(a), bits(b)) == before
    exact = fastglm.fit(X, y, family=family, link=link, cov="robust", solver="newton")
    for r in (both.result(), other.result()):
        assert distance(r, exact).rms < 0.2 and distance(r, exact).se < 0.06
        assert r.nobs == exact.nobs and r.n_rows == exact.n_rows
        np.testing.assert_allclose(r.null_deviance, exact.null_deviance, rtol=1e-10)
        assert abs(r.deviance - exact.deviance) < 3.0 * exact.scale
    if name == "gaussian":
        assert distance(both.result(), exact).largest < 1e-9
    np.testing.assert_allclose(both.result().params, other.result().params, atol=1e-9 * exact.bse.max(), rtol=1e-7)
    # and goes on as a stream does
    both.partial_fit(X[:500], y[:500])
    assert both.n_rows == len(y) + 500 and np.isfinite(both.result().params).all()


def test_two_short_streams_make_one():
    X, y = data("poisson")
    a, b = online(X[:300], y[:300], "poisson"), online(X[300:700], y[300:700], "poisson")
    r, exact = a.merge(b).result(), fastglm.fit(X[:700], y[:700], family="poisson")
    np.testing.assert_allclose(r.params, exact.params, rtol=1e-9)
    assert a.n_rows == 300 and b.n_rows == 400


@pytest.mark.parametrize(
    "change, message",
    [({"family": "binomial"}, "family"), ({"link": "sqrt"}, "link"), ({"intercept": False}, "intercept"),
     ({"cov": "robust"}, "cov"), ({"names": list("abcde")}, "columns")],
)  # fmt: skip
def test_streams_that_do_not_go_together(change, message):
    X, y = data("poisson")
    y = np.minimum(y, 1.0)
    one = OnlineGLM("poisson").partial_fit(X, y)
    other = OnlineGLM(**{"family": "poisson"} | change).partial_fit(X, y)
    with pytest.raises(InvalidParameterError, match=message):
        one.merge(other)
    with pytest.raises(InvalidParameterError, match="OnlineGLM"):
        one.merge(None)


def test_streams_of_other_labels_do_not_go_together():
    X, y = data("binomial")
    streams = [
        OnlineGLM("binomial").partial_fit(X, np.array(pair)[y.astype(int)]) for pair in (("a", "b"), ("a", "c"), (0, 1))
    ]
    for one, other in [(0, 1), (0, 2), (2, 0)]:
        with pytest.raises(InvalidParameterError, match="labels"):
            streams[one].merge(streams[other])
    assert streams[2].merge(OnlineGLM("binomial").partial_fit(X, y > 0)).n_rows == 2 * len(y)


# Files


@pytest.mark.parametrize("rows", [0, 400, 5000])
@pytest.mark.parametrize("name", [*MODELS, "multinomial", "reference"])
def test_a_saved_stream_goes_on_to_the_same_bits(tmp_path, name, rows):
    kind, family, link = MODELS.get(name, ("multinomial", "multinomial", None))
    if name == "reference":
        family = families.Multinomial(reference="fir")
    X, y = data(kind)
    w = np.random.default_rng(0).uniform(0.5, 2.0, len(y))
    model = online(X[:rows], y[:rows], family, 700, columns=["weights"], weights=w[:rows], link=link, cov="robust")
    model.save(tmp_path / "stream.npz")
    loaded = OnlineGLM.load(tmp_path / "stream.npz")
    assert bits(loaded) == bits(model) and repr(loaded) == repr(model)
    for m in (model, loaded):
        for a in range(5000, 8000, 700):
            m.partial_fit(X[a : a + 700], y[a : a + 700], weights=w[a : a + 700])
    assert bits(loaded) == bits(model)
    first, second = model.result(), loaded.result()
    assert first.bse.tobytes() == second.bse.tobytes() and first.classes == second.classes
    np.testing.assert_array_equal([first.llf, first.deviance], [second.llf, second.deviance])
    assert [f.name for f in tmp_path.iterdir()] == ["stream.npz"]


def test_names_and_labels_are_saved(tmp_path):
    X, y = data("binomial")
    for classes in (np.array([3, 7]), ["no", "yes"], [False, True]):
        model = OnlineGLM("binomial", names=list("abcde"))
        model.partial_fit(X, np.asarray(classes)[y.astype(int)], classes=classes)
        model.save(tmp_path / "s")
        loaded = OnlineGLM.load(tmp_path / "s")
        assert loaded.result().classes == tuple(np.asarray(classes).tolist())
        assert loaded.result().names == ("(Intercept)", *"abcde")
    with pytest.raises(InvalidParameterError, match="labels"):
        OnlineGLM("binomial").partial_fit(X[:9], [b"a", b"b", b"a"] * 3, classes=[b"a", b"b"]).save(tmp_path / "t")
    assert [f.name for f in tmp_path.iterdir()] == ["s"]


def test_damaged_files(tmp_path):
    X, y = data("binomial")
    path = tmp_path / "stream.npz"
    online(X[:3000], y[:3000]).save(path)
    whole = path.read_bytes()
    rng = np.random.default_rng(0)
    damaged = [whole[:n] for n in (0, 1, 10, 500, len(whole) // 2, len(whole) - 3)] + [b"{}", b"PK\x03\x04"]
    for _ in range(60):
        broken = bytearray(whole)
        broken[rng.integers(len(whole))] ^= 0xFF
        damaged.append(bytes(broken))
    for content in damaged:
        path.write_bytes(content)
        try:
            r = OnlineGLM.load(path).result()
        except FileFormatError as error:
            assert str(path) in str(error)
        else:  # a byte that nothing depends on, such as a date
            assert np.isfinite(r.params).all()
    with pytest.raises(FileNotFoundError):
        OnlineGLM.load(tmp_path / "none")


def resaved(path, change):
    with np.load(path) as file:
        parts = dict(file)
    header = parts.pop("header").item()
    np.savez(path, header=np.array(change(header, parts)), **parts)


@pytest.mark.parametrize(
    "change, message",
    [
        (lambda h, a: h.replace('"version": 1', '"version": 99'), "newer"),
        (lambda h, a: h.replace("fastglm-stream", "something"), "not a saved stream"),
        (lambda h, a: h.replace("poisson", "no-such-family"), "no-such-family"),
        (lambda h, a: h.replace('"n_batches"', '"batches"'), "damaged"),
        (lambda h, a: "[]", "not a saved stream"),
        (lambda h, a: (a.pop("running/J"), h)[1], "damaged"),
        (lambda h, a: (a.update({"running/margins": np.ones(2)}), h)[1], "margins"),
        (lambda h, a: (a.update({"sums": np.ones(2)}), h)[1], "damaged"),
    ],
)
def test_files_that_are_not_streams(tmp_path, change, message):
    X, y = data("poisson")
    path = tmp_path / "stream.npz"
    online(X, y, "poisson").save(path)
    resaved(path, change)
    with pytest.raises(InvalidParameterError, match=message):
        OnlineGLM.load(path)


def test_a_failed_save_leaves_the_old_file(tmp_path, monkeypatch):
    X, y = data("poisson")
    path = tmp_path / "stream.npz"
    online(X[:3000], y[:3000], "poisson").save(path)
    before = path.read_bytes()

    def full(*args, **kwargs):
        raise OSError("no space left")

    monkeypatch.setattr(np, "savez", full)
    with pytest.raises(OSError, match="no space"):
        online(X, y, "poisson").save(path)
    assert path.read_bytes() == before and len(list(tmp_path.iterdir())) == 1


# Drift


@pytest.mark.parametrize("kind", ["gaussian", "binomial", "poisson"])
def test_drift_is_warned_of(kind):
    X, y = data(kind, 60_000, 4)
    order = np.argsort(y, kind="stable")
    model = online(X[order], y[order], kind)
    with pytest.warns(DriftWarning, match="the stream drifts"):
        r = model.result()
    assert any("drifts" in note for note in r.notes)


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
