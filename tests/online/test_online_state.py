"""What leaves the state of an ``OnlineGLM`` alone: empty rows, bad batches, interrupts, questions; and labels."""

import copy
import pickle

import numpy as np
import pytest
import streaming
from streaming import bits, data, online

import fastglm
from fastglm import OnlineGLM
from fastglm.errors import InvalidParameterError, MissingDataError
from fastglm.solver.stream import StreamState

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
    """Arguments, and what the message says of them, for a stream of three columns x1 ... x3 and 0/1 labels."""
    X, y = np.ones((4, 3)), np.array([0.0, 1.0, 1.0, 0.0])

    def batch(**changes):
        return {"X": X, "y": y} | changes

    hole = X.copy()
    hole[2, 1] = np.nan
    yield pytest.param(batch(X=X[:, :2]), "2 columns, the batches before had 3", id="columns")
    yield pytest.param(batch(X=X[:, 0]), "2-d", id="vector")
    yield pytest.param(batch(X=X.astype(str)), "numeric", id="text")
    yield pytest.param(batch(X=hole), "column 'x2' .* row 2", id="missing")
    yield pytest.param(batch(X=hole * np.inf), "not finite", id="infinite")
    yield pytest.param(batch(y=y[:3]), "length 3, X has 4 rows", id="lengths")
    yield pytest.param(batch(y=[0.0, np.nan, 1.0, 1.0]), "row 1", id="missing y")
    yield pytest.param(batch(y=[0.0, 1.0, 2.0, 1.0]), "row 2 is outside", id="outside")
    yield pytest.param(batch(y=["a", "b", "a", "b"]), r"labels \['a', 'b'\]", id="labels")
    yield pytest.param(batch(classes=[0, 2]), "not those of the first batch", id="classes")
    yield pytest.param(batch(weights=[1.0, -1.0, 1.0, 1.0]), "row 1 is negative", id="weights")
    yield pytest.param(batch(weights=[0.0, np.nan, 0.0, 0.0]), "row 1", id="no weights")
    yield pytest.param(batch(offset=[0.0, 0.0, np.inf, 0.0]), "row 2", id="offset")
    yield pytest.param(batch(exposure=1.0), "exposure needs the log link", id="exposure")


@pytest.mark.parametrize("rows", [400, 5000])
@pytest.mark.parametrize("batch, message", list(bad_batches()))
def test_bad_batches_are_refused_and_leave_the_state(batch, message, rows):
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
    method = getattr(StreamState, moment)

    def interrupted(self, *args):
        method(self, *args)
        raise KeyboardInterrupt

    monkeypatch.setattr(StreamState, moment, interrupted)
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
