"""Intervals of new responses and bands of means: R's, and their definitions."""

import numpy as np
import pytest
from reference_cases import CASES, fitted, frame, named, same

import fastglm
from fastglm.errors import InvalidParameterError

pd = pytest.importorskip("pandas")


@pytest.mark.parametrize("name", named("predict"))
def test_intervals_of_the_reference(name):
    case = CASES[name]
    R, fit = case["expected"], fitted(case)
    new = pd.DataFrame({name: values for name, values in R["newdata"].items() if name != "rows"})
    trials = {"trials": 20} if case["family"] == "binomial" else {}
    found = fit.predict(new, interval="prediction", **trials)
    same(found.lower, R["new_y"]["lower"])
    same(found.upper, R["new_y"]["upper"])
    for method in ("scheffe", "bonferroni"):
        band = fit.predict(new, interval="mean", simultaneous=method)
        same(np.sort(np.column_stack([band.lower, band.upper])), np.sort(R[f"mean_{method}"]))
    robust = fit.with_cov("HC3", data=frame(case)).predict(new, interval="mean")
    same(np.column_stack([robust.lower, robust.upper]), np.sort(R["mean_HC3"]))
    # the largest |t| of few rows is less than Bonferroni's bound, and more than one alone
    sup = fit.predict(new, interval="mean", simultaneous="sup-t", kind="link")
    reach = ((sup.upper - sup.mean) / sup.se)[0]
    assert R["critical"]["pointwise"] < reach < R["critical"]["bonferroni"]


def test_the_band_holds_for_all_rows_together():
    rng = np.random.default_rng(0)
    X = np.linspace(-1, 1, 40)[:, None] ** np.arange(1, 4)
    fit = fastglm.fit(X, rng.normal(size=40))
    band = fit.predict(X, interval="mean", simultaneous="sup-t", level=0.9)
    reach = (band.upper[0] - band.mean[0]) / band.se[0]
    A = np.column_stack([np.ones(40), X])
    Q = np.linalg.qr(A)[0]
    Q /= np.linalg.norm(Q, axis=1)[:, None]
    draws = rng.standard_normal((20_000, 4)) @ Q.T / np.sqrt(rng.chisquare(36, 20_000) / 36)[:, None]
    inside = np.mean(np.abs(draws).max(axis=1) < reach)
    assert inside == pytest.approx(0.9, abs=0.01)  # four errors of 20,000 draws
    wider = fit.predict(X, interval="mean", simultaneous="scheffe", level=0.9)
    assert (wider.upper > band.upper).all()


def test_the_interval_of_a_new_response_covers_it():
    rng = np.random.default_rng(1)
    x = rng.normal(size=(4000, 1))
    y = rng.gamma(3.0, np.exp(0.5 + 0.3 * x[:, 0]) / 3.0)
    fit = fastglm.fit(x, y, family="gamma", link="log")
    p = fit.predict(x, interval="prediction", level=0.8)
    assert np.mean((y > p.lower) & (y < p.upper)) == pytest.approx(0.8, abs=0.025)
    counts = rng.poisson(2.0 * np.exp(0.3 * x[:, 0])).astype(float)
    rate = fastglm.fit(x, counts, family="poisson", exposure=np.full(4000, 2.0))
    one = rate.predict([[0.0]], exposure=50.0, interval="prediction")
    assert one.lower[0] < 50.0 < one.upper[0] and one.lower[0] == np.floor(one.lower[0])


def test_bad_input_is_named(tmp_path):
    x = np.arange(20.0)[:, None]
    fit = fastglm.fit(x, np.arange(20.0) % 3, family="poisson")
    for options, text in [
        ({"interval": "new"}, "unknown interval 'new'"),
        ({"interval": "prediction", "kind": "link"}, "is of responses"),
        ({"interval": "mean", "simultaneous": "tukey"}, "simultaneous='tukey'"),
        ({"simultaneous": "scheffe"}, "give interval='mean'"),
        ({"interval": "prediction", "trials": 3}, "binomial"),
        ({"trials": 3}, "trials belong"),
    ]:
        with pytest.raises(InvalidParameterError, match=text):
            fit.predict(x, **options)
    quasi = fastglm.fit(x, np.arange(20.0) % 3, family="quasi_poisson")
    with pytest.raises(InvalidParameterError, match="no distribution"):
        quasi.predict(x, interval="prediction")
