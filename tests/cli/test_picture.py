"""The picture of a fit in characters: where the curve runs, and where the observed means stand."""

import io
import sys

import numpy as np
import pytest

import fastglm
from fastglm.cli.main import main
from fastglm.cli.picture import fitted_curve


@pytest.fixture(scope="module")
def fit():
    x = np.repeat(np.linspace(-2.0, 2.0, 24), 50)[:, None]
    y = 3.0 - 0.5 * x[:, 0]
    y[:50] += 1.0
    return fastglm.fit(x, y), x, y


def test_observed_means_stand_where_they_are(fit):
    result, x, y = fit
    head, *lines, axis, ends = fitted_curve(result, x, y, width=24, height=9)
    assert head == "mean of y: fitted (·), observed in groups of rows (o, @ on the curve)"
    assert axis.strip() == "+" + "-" * 24 and "linear predictor" in ends
    rows = [line.partition("|")[2].ljust(24) for line in lines]
    seen = {column: i for i, row in enumerate(rows) for column, mark in enumerate(row) if mark in "o@"}
    assert sorted(seen) == list(range(24))
    # groups run with the linear predictor; the last of them is the one that was moved up, alone at the top
    means = y.reshape(24, 50).mean(axis=1)[::-1]
    bottom, top = (float(line.split("|")[0]) for line in (lines[-1], lines[0]))
    assert [seen[k] for k in range(24)] == pytest.approx([(top - m) / (top - bottom) * 8 for m in means], abs=0.51)
    assert seen[23] == 0 and rows[0].strip() == "o"


def test_the_curve_is_that_of_the_link(fit):
    counts = fastglm.simulate.make_glm("poisson", 2000, 2, seed=1)
    result = fastglm.fit(counts.X, counts.y, family="poisson")
    _, *lines, _, _ = fitted_curve(result, counts.X, counts.y)
    rows = [line.partition("|")[2].ljust(64) for line in lines]
    curve = [next(i for i, row in enumerate(rows) if row[k] in "·@") for k in range(64)]
    assert curve == sorted(curve, reverse=True)
    steps = -np.diff(curve)
    assert steps[:32].sum() < steps[32:].sum()


def test_a_screen_without_the_dot_has_another(fit, monkeypatch):
    screen = io.TextIOWrapper(io.BytesIO(), encoding="ascii")
    monkeypatch.setattr(sys, "stdout", screen)
    assert "".join(fitted_curve(*fit)).isascii()


def test_rows_that_are_all_alike_stand_in_one_place():
    X, y = np.zeros((10, 0)), np.ones(10)
    lines = fitted_curve(fastglm.fit(X, y), X, y)
    assert sum(line.count("o") + line.count("@") for line in lines[1:-2]) == 1


def test_the_demo_opens_with_the_picture(capsys):
    assert main(["demo", "--n", "2e3", "--p", "2", "--no-compare"]) == 0
    out = capsys.readouterr().out
    assert out.index("mean of y: fitted") < out.index("Generalized linear model")
