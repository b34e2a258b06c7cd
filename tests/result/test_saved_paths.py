"""Paths and cross-validated paths: saved and read back to the bit, as tables, summaries, pages and pictures."""

import json

import numpy as np
import pytest

import fastglm
from fastglm.errors import FileFormatError, InvalidParameterError
from fastglm.penalties import ElasticNet, Lasso, Ridge

pd = pytest.importorskip("pandas")

RNG = np.random.default_rng(6)
N = 160
FRAME = pd.DataFrame({"x": RNG.normal(size=N), "z": RNG.uniform(size=N), "g": np.resize(list("abcd"), N)})
FRAME["count"] = RNG.poisson(np.exp(0.6 * FRAME.x)).astype(float)
FRAME["size"] = FRAME.x + RNG.normal(size=N)
SCORES = np.c_[FRAME.x, -FRAME.x, 0 * FRAME.x] + RNG.gumbel(size=(N, 3))
FRAME["kind"] = np.array(list("pqr"))[np.argmax(SCORES, axis=1)]
MADE = {
    "path": lambda: fastglm.path("count ~ x + z + g", FRAME, family="poisson", lambdas=6),
    "classes": lambda: fastglm.path("kind ~ x + z", FRAME, family="multinomial", lambdas=5, penalty=Lasso()),
    "arrays": lambda: fastglm.path(FRAME[["x", "z"]].to_numpy(), FRAME["size"], lambdas=4, penalty=Ridge()),
    "quasi": lambda: fastglm.path("count ~ x", FRAME, family="quasipoisson", lambdas=3, penalty=ElasticNet(alpha=0.5)),
    "cv": lambda: fastglm.cv("count ~ x + z + g", FRAME, family="poisson", lambdas=6, folds=4, repeats=2),
    "cv of classes": lambda: fastglm.cv("kind ~ x", FRAME, family="multinomial", lambdas=4, folds={"stratified": 3}),
    "held out": lambda: fastglm.cv("size ~ x + z", FRAME, lambdas=4, folds=np.arange(N) % 3 == 0),
    "each row": lambda: fastglm.cv("size ~ x + z", FRAME, lambdas=4, folds="loo", penalty=Ridge()),
}
FRESH: dict = {}


def made(name):
    if name not in FRESH:
        FRESH[name] = MADE[name]()
    return FRESH[name]


def same(a, b, name=""):
    """Equality of two values, of records field by field, to the bit."""
    if hasattr(a, "__dataclass_fields__"):
        assert type(a) is type(b), name
        for field in a.__dataclass_fields__:
            if field != "schema":
                same(getattr(a, field), getattr(b, field), f"{name}.{field}")
    elif isinstance(a, np.ndarray):
        assert a.dtype == b.dtype and a.shape == b.shape and a.tobytes() == b.tobytes(), name
    elif isinstance(a, dict):
        assert a.keys() == b.keys(), name
        for key in a:
            same(a[key], b[key], f"{name}[{key}]")
    elif isinstance(a, (tuple, list)) and not hasattr(a, "_fields"):
        assert len(a) == len(b), name
        for i, (one, other) in enumerate(zip(a, b, strict=True)):
            same(one, other, f"{name}[{i}]")
    else:
        assert a == b or (a != a and b != b), name


@pytest.mark.parametrize("name", MADE)
def test_saved_and_read_back(name, tmp_path):
    result = made(name)
    result.save(tmp_path / "r.json")
    other = fastglm.load(tmp_path / "r.json")
    same(result, other)
    assert repr(other) == repr(result) and str(other.summary()) == str(result.summary())
    lam = float(result.lambdas[2])
    rows = FRAME[["x", "z"]].to_numpy() if name == "arrays" else FRAME
    np.testing.assert_array_equal(other.predict(rows, lam=lam), result.predict(rows, lam=lam))


@pytest.mark.parametrize(
    ("name", "change", "message"),
    [
        ("path", {"df": [0.5] * 6}, "df"),
        ("path", {"lambdas": [1.0, 2, 3, 4, 5, 6]}, "do not decrease"),
        ("path", {"params": [[1.0]] * 6}, "params has shape"),
        ("path", {"first": 3}, "no object"),
        ("path", {"first": {"type": "glm"}}, "missing fields"),
        ("cv", {"mean": [1.0]}, "mean has shape"),
        ("cv", {"rule": "best"}, "unknown"),
        ("cv", {"n_folds": 7}, "fold_values has shape"),
        ("cv", {"extra": 1}, "unknown fields"),
        ("cv", {"type": "forest"}, "none of"),
    ],
)
def test_files_that_contradict_themselves(name, change, message, tmp_path):
    made(name).save(tmp_path / "r.json")
    record = json.loads((tmp_path / "r.json").read_text())
    (tmp_path / "r.json").write_text(json.dumps(record | change))
    with pytest.raises(FileFormatError, match=message):
        fastglm.load(tmp_path / "r.json")


def test_tables():
    path, found = made("path"), made("cv")
    table = path.table()
    assert list(table) == ["lambda", "df", "effective_df", "deviance", "deviance_ratio", "certificate", "converged"]
    np.testing.assert_array_equal(table["lambda"], path.lambdas)
    tidy = path.tidy()
    assert len(tidy) == np.count_nonzero(path.params)
    for step, term, estimate in zip(tidy["step"], tidy["term"], tidy["estimate"], strict=True):
        assert path.params[step - 1, path.names.index(term)] == estimate
    assert set(made("classes").tidy()["class"]) == set("pqr")
    table = found.table().set_index("lambda")
    assert table.loc[found.lambda_min, "rules"].startswith("min") and "1se" in table.loc[found.lambda_1se, "rules"]
    np.testing.assert_allclose(table["upper"] - table["lower"], 2 * found.se, rtol=1e-12)
    assert "1se" not in " ".join(made("held out").table()["rules"])


@pytest.mark.parametrize("name", MADE)
def test_summaries(name, tmp_path):
    result = made(name)
    text, html = result.summary().as_text(), result.summary().as_html()
    assert all(len(line) <= 80 for line in text.splitlines())
    for lam in (result.lambdas[0], result.lambdas[-1]):
        assert f"lambda {lam:.4g}" in text and f"lambda {lam:.4g}" in html
    if hasattr(result, "measure"):
        assert "(min)" in text and ("(1se)" in text or name == "held out" or result.lambda_1se == result.lambda_min)
    assert result._repr_html_() == html
    result.to_html(tmp_path / "page.html")
    page = (tmp_path / "page.html").read_text()
    assert page.startswith("<!doctype html>") and html in page and page.rstrip().endswith("</html>")


def test_pictures():
    matplotlib = pytest.importorskip("matplotlib")
    matplotlib.use("Agg")
    import matplotlib.pyplot as plt

    path, found = made("path"), made("cv")
    for against, x in (("lambda", path.lambdas), ("deviance", path.deviance_ratio)):
        ax = path.plot(against)
        drawn = [line for line in ax.get_lines() if len(line.get_xdata()) == len(path.lambdas)]
        moved = np.flatnonzero(path.params[:, 1:].any(0))
        assert len(drawn) == len(moved)
        for line, j in zip(drawn, moved, strict=True):
            np.testing.assert_array_equal(line.get_ydata(), path.params[:, 1 + j])
            np.testing.assert_array_equal(line.get_xdata(), x)
    assert path.plot("norm").get_xlabel() == "sum of absolute coefficients"
    assert made("classes").plot().get_ylabel() == "size of the classes' coefficients"
    ax = found.plot()
    points = next(line for line in ax.get_lines() if len(line.get_xdata()) == len(found.lambdas))
    np.testing.assert_array_equal(points.get_ydata(), found.mean)
    marks = [float(line.get_xdata()[0]) for line in ax.get_lines() if len(line.get_xdata()) == 2]
    assert marks == [found.lambda_min, found.lambda_1se]
    assert len(made("held out").plot().get_legend().get_texts()) == 1
    with pytest.raises(InvalidParameterError, match="against"):
        path.plot("time")
    own = plt.figure().subplots()
    assert fastglm.plots.cv(found, ax=own) is own and fastglm.plots.path(path, ax=own) is own
    plt.close("all")


def test_a_page_needs_no_matplotlib(tmp_path, monkeypatch):
    import sys

    monkeypatch.setitem(sys.modules, "matplotlib.pyplot", None)
    made("cv").to_html(tmp_path / "page.html")
    assert "<svg" not in (tmp_path / "page.html").read_text()
