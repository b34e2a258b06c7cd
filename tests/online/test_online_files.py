"""Streams of ``OnlineGLM`` merged, saved and loaded."""

import numpy as np
import pytest
from streaming import MODELS, bits, data, distance, online

import fastglm
from fastglm import OnlineGLM, families
from fastglm.errors import FileFormatError, InvalidParameterError
from fastglm.online.saved import VERSION

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
    parts.pop("seal")  # as in files of versions that wrote no digest
    np.savez(path, header=np.array(change(header, parts)), **parts)


@pytest.mark.parametrize(
    "change, message",
    [
        (lambda h, a: h.replace(f'"version": {VERSION}', '"version": 99'), "newer"),
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


def test_an_altered_number_is_refused(tmp_path):
    X, y = data("poisson")
    path = tmp_path / "stream.npz"
    online(X, y, "poisson").save(path)
    with np.load(path) as file:
        parts = dict(file)
    parts["sums"] = parts["sums"] * (1.0 + 1e-12)
    np.savez(path, **parts)
    with pytest.raises(FileFormatError, match="was altered"):
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
