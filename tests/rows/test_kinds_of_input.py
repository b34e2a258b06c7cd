"""What people pass in place of arrays and frames: it works, or the error says what to do."""

import builtins
import functools
import http.server
import importlib
import threading

import numpy as np
import pytest

import fastglm
from fastglm.errors import FileFormatError, InvalidParameterError, not_loaded

pd = pytest.importorskip("pandas")
pytest.importorskip("formulaic")
pytest.importorskip("pyarrow")

N = 60


@pytest.fixture(scope="module")
def frame():
    rng = np.random.default_rng(0)
    d = pd.DataFrame({"x": rng.normal(size=N), "g": rng.choice(list("ab"), N)})
    return d.assign(y=d.x + rng.normal(size=N))


@pytest.fixture(scope="module")
def expected(frame):
    return fastglm.fit(frame[["x"]].to_numpy(), frame.y)


def series(frame, library):
    if library == "pandas":
        return frame.x, frame.g, frame.x.rename(None)
    polars = pytest.importorskip("polars")
    x = polars.Series("x", frame.x.to_numpy())
    return x, polars.Series("g", frame.g.tolist()), x.alias("")


@pytest.mark.parametrize("library", ["pandas", "polars"])
def test_a_series_is_one_column(frame, expected, library):
    x, g, bare = series(frame, library)
    for X, name in ((x, "x"), (bare, "x1")):
        found = fastglm.fit(X, frame.y)
        assert found.names == ("(Intercept)", name)
        np.testing.assert_array_equal(found.params, expected.params)
        np.testing.assert_allclose(found.predict(X), expected.predict(frame[["x"]].to_numpy()), rtol=1e-14)
    assert fastglm.fit(x, frame.y, names=["q"]).names == ("(Intercept)", "q")
    assert fastglm.fit(g, frame.y).names == ("(Intercept)", "g[T.b]")
    by_formula = fastglm.glm("y ~ x", frame)
    np.testing.assert_allclose(by_formula.predict(x), by_formula.predict(frame), rtol=1e-14)


def test_arrays_of_xarray(frame, expected):
    xr = pytest.importorskip("xarray")
    one, two = xr.DataArray(frame.x.to_numpy(), dims="row", name="x"), xr.DataArray(frame[["x"]].to_numpy())
    named = xr.DataArray(frame[["x"]].to_numpy(), dims=("row", "columns"), coords={"columns": ["x"]})
    for X in (one, two, named, xr.Dataset({"x": ("row", frame.x)})):
        found = fastglm.fit(X, xr.DataArray(frame.y.to_numpy()))
        np.testing.assert_array_equal(found.params, expected.params)
    np.testing.assert_allclose(expected.predict(one), expected.predict(frame[["x"]].to_numpy()), rtol=1e-14)
    with pytest.raises(InvalidParameterError, match="one or two dimensions, not 3-d"):
        fastglm.fit(xr.DataArray(np.zeros((3, 2, 2))), [1, 2, 3])


def test_one_number_is_a_row_of_a_model_of_one_column(frame, expected):
    a, b = expected.params
    for model in (expected, fastglm.glm("y ~ x", frame)):
        for X in (1.5, np.float64(1.5), np.array(1.5), np.array([1.5])):
            np.testing.assert_allclose(model.predict(X), [a + 1.5 * b], rtol=1e-14)
    two = fastglm.fit(np.column_stack([frame.x, frame.x**2]), frame.y)
    for X in (1.5, np.array([1.0, 2.0])):
        with pytest.raises(InvalidParameterError, match="two dimensions"):
            two.predict(X)


def test_formulas_in_the_wrong_place(frame):
    with pytest.raises(InvalidParameterError, match=r"not DataFrame \(formula and data are swapped"):
        fastglm.glm(frame, "y ~ x")
    with pytest.raises(InvalidParameterError, match="formula must be text like 'y ~ x', not ndarray"):
        fastglm.glm(frame[["x"]].to_numpy(), frame.y)
    with pytest.raises(InvalidParameterError, match=r"is a formula: .*glm\(formula, data\)"):
        fastglm.fit("y ~ x", frame)


@pytest.mark.parametrize("kind", ["parquet", "csv"])
def test_a_column_without_a_name(frame, tmp_path, kind):
    for column in (frame.g, np.arange(N) % 5 * 1.0):
        d = frame[["x", "y"]].assign(**{"": column})
        path = str(tmp_path / f"d.{kind}")
        d.to_csv(path, index=False) if kind == "csv" else d.to_parquet(path)
        whole = fastglm.fit(d[["x", ""]], d.y)
        for found in (fastglm.glm("y ~ .", d), fastglm.fit(path, "y"), fastglm.glm("y ~ .", path, memory=0)):
            assert found.names == whole.names
            np.testing.assert_allclose(found.params, whole.params, rtol=1e-12)
            np.testing.assert_allclose(found.predict(d), whole.predict(d[["x", ""]]), rtol=1e-12)


@pytest.mark.parametrize("memory", ["1GB", -1, float("nan"), True, [1]])
def test_memory_is_a_number_of_bytes(frame, tmp_path, memory):
    frame.to_parquet(tmp_path / "d.parquet")
    with pytest.raises(InvalidParameterError, match="memory=.* must be a number of bytes"):
        fastglm.glm("y ~ x", str(tmp_path / "d.parquet"), memory=memory)


def test_a_package_that_does_not_load_is_not_to_be_installed(frame, tmp_path, monkeypatch):
    assert not_loaded("no_such_package_", "it needs it", ImportError("no")).endswith("pip install 'fastglm[tables]'")
    frame.to_csv(tmp_path / "d.csv")
    importlib.import_module("fastglm.rows.stored")
    load = builtins.__import__

    def failing(name, where=None, *rest):
        if name == "pyarrow" and (where or {}).get("__name__") == "fastglm.files.opening":
            raise ImportError("libarrow.so: failed to map segment from shared object")
        return load(name, where, *rest)

    monkeypatch.setattr("builtins.__import__", failing)
    with pytest.raises(InvalidParameterError, match="pyarrow is installed and cannot be loaded.*failed to map segment"):
        fastglm.glm("y ~ x", str(tmp_path / "d.csv"))


@pytest.mark.parametrize("what", ["family", "link"])
def test_the_names_there_are_follow_a_semicolon(frame, what):
    with pytest.raises(InvalidParameterError, match=f"{what}='zz' is unknown; known: "):
        fastglm.glm("y ~ x", frame, **{what: "zz"})
    with pytest.raises(InvalidParameterError, match=r"is unknown \(did you mean 'poisson'\?\); known: "):
        fastglm.glm("y ~ x", frame, family="poison")


class _Whole(http.server.SimpleHTTPRequestHandler):
    """Serves whole files only."""

    def log_message(self, *_):
        pass


class _Quiet(http.server.ThreadingHTTPServer):
    def handle_error(self, *_):
        pass


def test_a_server_that_only_sends_whole_files(frame, tmp_path):
    pytest.importorskip("fsspec")
    pytest.importorskip("aiohttp")
    many = pd.concat([frame] * 200, ignore_index=True)
    many.to_parquet(tmp_path / "d.parquet")
    frame.to_csv(tmp_path / "d.csv", index=False)
    with _Quiet(("127.0.0.1", 0), functools.partial(_Whole, directory=str(tmp_path))) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        where = f"http://127.0.0.1:{server.server_port}"
        with pytest.raises(FileFormatError, match="d.parquet.*cannot be read.*(download it|range requests)"):
            fastglm.glm("y ~ x", f"{where}/d.parquet")
        np.testing.assert_allclose(
            fastglm.glm("y ~ x", f"{where}/d.csv").params, fastglm.glm("y ~ x", frame).params, rtol=1e-12
        )
        server.shutdown()
