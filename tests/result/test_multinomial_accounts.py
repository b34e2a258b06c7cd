"""What is printed and stored of a softmax regression: tables, summaries, files that read back to the bit."""

import json
import pickle
import sys
from dataclasses import replace
from html.parser import HTMLParser

import numpy as np
import pytest
from softmax_records import NAN, fitted, made, sample

import fastglm
from fastglm import errors
from fastglm.result.multinomial import MultinomialResult
from fastglm.result.record import FIELDS

# Accounts


def test_tidy_has_a_row_for_each_class_and_term(monkeypatch):
    r = fitted(3)
    table = r.tidy(level=0.9)
    assert list(table["class"]) == ["beech"] * 4 + ["oak"] * 4 and list(table["term"]) == list(r.names) * 2
    for name, values in [("estimate", r.params), ("std_error", r.bse), ("statistic", r.tvalues)]:
        assert (np.asarray(table[name]) == np.concatenate([values[:, 0], values[:, 1]])).all()
    limits = r.conf_int(0.9)
    assert table["conf_low"][5] == limits[1, 1, 0] and table["conf_high"][5] == limits[1, 1, 1]
    monkeypatch.setitem(sys.modules, "pandas", None)
    assert r.tidy()["class"][0] == "beech" and isinstance(r.wald_test(), dict)


def test_repr_says_how_many_classes():
    assert repr(made()) == (
        "<MultinomialResult multinomial, softmax link: n=100, 3 classes, 4 coefficients,\n"
        " deviance 150.5 on 196 df, converged in 0 passes>"
    )
    assert "NOT CONVERGED" in repr(made(converged=False, stop="iteration limit"))


class WellFormed(HTMLParser):
    def __init__(self, html):
        super().__init__()
        self.stack, self.rowgroups = [], 0
        self.feed(html)
        assert not self.stack

    def handle_starttag(self, tag, attrs):
        self.stack.append(tag)
        self.rowgroups += dict(attrs).get("scope") == "rowgroup"

    def handle_endtag(self, tag):
        assert self.stack.pop() == tag


@pytest.mark.parametrize("K", [2, 3, 7, 20])
@pytest.mark.parametrize("length", [1, 90])
def test_summary_fits_the_terminal_and_the_notebook(K, length):
    labels = [f"{'c' * length}{k}" for k in range(K)]
    names = ("(Intercept)", "x" * length, "<b>&")
    r = made(p=3, labels=labels, names=names)
    text, html = str(r.summary(level=0.9)), r.summary().as_html()
    lines = text.splitlines()
    assert max(map(len, lines)) <= 80 and "multinomial, softmax link" in lines[0]
    assert sum(line.startswith("y = ") for line in lines) == K - 1
    assert text.count("std err") == K - 1 and "[0.05" in text and "Reference class" in text
    assert WellFormed(html).rowgroups == K - 1
    assert f"y = {labels[1]} against {labels[0]}" in html and "&lt;b&gt;&amp;" in html and "<b>" not in html
    assert r._repr_html_() == html
    if length == 1:
        assert f"y = {labels[-1]} against {labels[0]}" in lines


def test_summary_shows_each_class_its_own_numbers():
    r = fitted(3)
    lines = str(r.summary()).splitlines()
    for k, label in enumerate(r.contrast_classes):
        first = lines.index(f"y = {label} against ash") + 3
        for j, name in enumerate(r.names):
            cells = lines[first + j].split()
            assert cells[0] == name and float(cells[1]) == pytest.approx(r.params[j, k], rel=1e-4)
            assert float(cells[-1]) == pytest.approx(r.conf_int()[j, k, 1], rel=1e-4)
    bare = str(made(cov_unscaled=None).summary())
    assert "std err" not in bare and "nan" not in bare and "cov=None" in bare
    assert "NOT CONVERGED" in str(made(converged=False).summary())


# Saving


def same(a, b):
    """Equal to the bit, with NaN equal to itself."""
    if isinstance(a, np.ndarray):
        return a.shape == b.shape and a.tobytes() == b.tobytes()
    if hasattr(a, "columns"):  # a schema
        return repr(a) == repr(b)
    return type(a) is type(b) and (a == b or a != a or repr(a) == repr(b))


LABEL_SETS = [("a", "b", "c"), (0, 1, 2, 3), (False, True), (1.5, 2.5, 1e300), ("größe", "", "ß" * 40)]


@pytest.mark.parametrize("labels", LABEL_SETS, ids=str)
def test_round_trip_to_the_bit(tmp_path, labels):
    r = made(p=3, labels=labels, seed=4)
    cov = r.cov_unscaled.copy()
    cov[1, :] = cov[:, 1] = NAN
    r = replace(r, aliased={"x1": "2 x2"}, cov_unscaled=cov, covariance=cov / 3, cov_kind="robust").relevel(labels[1])
    path = tmp_path / "fit.json"
    r.save(path)
    other = fastglm.load(path)
    assert type(other) is MultinomialResult
    for name in FIELDS:
        assert same(getattr(r, name), getattr(other, name)), name
    assert str(other.summary()) == str(r.summary())
    again = tmp_path / "again.json"
    other.save(again)
    assert again.read_bytes() == path.read_bytes()
    assert json.loads(path.read_text())["type"] == "multinomial"


def test_a_loaded_fit_predicts_the_same(tmp_path):
    X, y = sample(4)
    r = fitted(4)
    r.save(tmp_path / "fit.json")
    for other in (fastglm.load(tmp_path / "fit.json"), pickle.loads(pickle.dumps(r))):
        assert (other.predict(X, interval="mean").upper == r.predict(X, interval="mean").upper).all()
        assert (other.residuals(X, y) == r.residuals(X, y)).all()


def rewritten(tmp_path, result, **changes):
    """The path of a saved result with fields replaced, or dropped where the value is Ellipsis."""
    path = tmp_path / "fit.json"
    result.save(path)
    record = json.loads(path.read_text()) | changes
    path.write_text(json.dumps({key: value for key, value in record.items() if value is not ...}))
    return path


def test_files_of_version_1_still_load(tmp_path):
    X, y = sample(2)
    r = fastglm.fit(X, y, family="binomial")
    other = fastglm.load(rewritten(tmp_path, r, version=1, type=...))
    assert type(other) is fastglm.GLMResult
    assert all(same(getattr(r, name), getattr(other, name)) for name in ("params", "cov_unscaled", "deviance"))


DAMAGE = [
    ({"type": "tree"}, "the type 'tree' is none of 'glm', 'multinomial'"),
    ({"type": ...}, "the type None"),
    ({"type": ["glm"]}, "the type"),
    ({"type": "glm"}, r"params has shape \(2, 2\), expected \(2,\)"),
    ({"classes": None}, "at least 2 different labels"),
    ({"classes": [0]}, "at least 2 different labels"),
    ({"classes": [0, 1, 1]}, "at least 2 different labels"),
    ({"classes": [1, 2, 3]}, "the reference 0 is not among the classes"),
    ({"classes": [0, 1]}, r"params has shape \(2, 2\), expected \(2, 1\)"),
    ({"params": [[1.0, 2.0], [3.0]]}, "'params' cannot be read"),
    ({"cov_unscaled": [[1.0, 2.0], [3.0, 4.0]]}, r"cov_unscaled has shape \(2, 2\), expected \(4, 4\)"),
    ({"family": {"name": "poisson", "params": {}}}, "the reference None is not among the classes"),
]


@pytest.mark.parametrize("changes, message", DAMAGE)
def test_damaged_files_are_refused(tmp_path, changes, message):
    with pytest.raises(errors.FileFormatError, match=message):
        fastglm.load(rewritten(tmp_path, made(), **changes))


def test_results_of_another_class_cannot_be_saved(tmp_path):
    class Own(MultinomialResult):
        pass

    with pytest.raises(errors.InvalidParameterError, match="results of type Own cannot be saved"):
        Own(**{name: getattr(made(), name) for name in FIELDS}).save(tmp_path / "fit.json")
    assert not list(tmp_path.iterdir())
