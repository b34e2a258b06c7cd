"""Marginal effects, comparisons and intervals of models with several linear predictors: differences of predictions,
the delta method by differences in the coefficients, and quantiles of simulated distributions."""

import numpy as np
import pandas as pd
import pytest
import several_rows

import fastglm
from fastglm import families
from fastglm.errors import InvalidParameterError

MODELS = {
    "cumulative": ("level ~ x + z + g + d", "ordinal", {"link": "probit"}),
    "partial": ("level ~ x + z + d", families.Ordinal(parallel=("z",)), {}),
    "adjacent": ("level ~ x + g", families.Ordinal("adjacent"), {}),
    "continuation": ("level ~ x + d", families.Ordinal("continuation"), {"link": "cloglog"}),
    "zip": ("count ~ x + g + d | z + x", "zero_inflated_poisson", {}),
    "zinb": ("count ~ x + poly(z, 2) | z", "zero_inflated_negative_binomial", {}),
    "hurdle": ("count ~ x + d + offset(o) | x", "hurdle_poisson", {}),
    "hurdle_nb": ("count ~ x + g | z", "hurdle_negative_binomial", {"weights": "w"}),
    "truncated": ("positive ~ x + d", "zero_truncated_poisson", {}),
    "truncated_nb": ("positive ~ x + g + d", "zero_truncated_negative_binomial", {}),
    "beta": ("share ~ x * d | z", "beta", {}),
}
H = 1e-5


@pytest.fixture(scope="module")
def rows():
    return several_rows.simulated()


@pytest.fixture(scope="module", params=MODELS)
def fit(request, rows):
    formula, family, options = MODELS[request.param]
    return fastglm.glm(formula, rows, family=family, **options)


def at(fit, b):
    return several_rows.moved(fit, b)


def differences(function, b):
    """The Jacobian (k, m) of a function by central differences."""
    steps = H * np.eye(len(b))
    return np.column_stack([(function(b + e) - function(b - e)) / (2.0 * H) for e in steps])


def slope(fit, data, name, **kind):
    """The average derivative of predictions in a column."""
    up, down = (fit.predict(data.assign(**{name: data[name] + s * 1e-4}), **kind) for s in (1.0, -1.0))
    return np.atleast_1d(((up - down) / 2e-4).mean(axis=0))


def same_table(table, function, fit):
    """Values and errors of a table are those of a function of the coefficients."""
    np.testing.assert_allclose(table.estimate, function(fit.params), rtol=2e-6, atol=1e-8)
    L = differences(function, fit.params)
    errors = np.sqrt(np.einsum("ij,jk,ik->i", L, fit.cov_params(), L))
    np.testing.assert_allclose(table.std_error, errors, rtol=5e-5, atol=1e-8)


def test_effects_are_differences_of_predictions(fit, rows):
    fit = fit.with_cov("cluster:firm", data=rows)
    table = fit.margins(rows, "x")
    same_table(table, lambda b: slope(at(fit, b), rows, "x"), fit)
    if fit.family.labelled:
        assert table.labels["class"] == [0.0, 1.0, 2.0, 3.0]
        assert table.estimate.sum() == pytest.approx(0.0, abs=1e-12)
        assert "the probability of each level" in table.title


def test_levels_and_indicators_are_differences(fit, rows):
    names = [name for name in ("g", "d") if name in {v for t in fit.design.formula.terms for v in t}]
    for name in names:
        levels = ["a", "b"] if name == "g" else [0.0, 1.0]

        def difference(b, name=name, levels=levels):
            low, high = (np.atleast_1d(at(fit, b).predict(rows.assign(**{name: v})).mean(axis=0)) for v in levels)
            return high - low

        size = fit.predict(rows[:1]).size
        compared = fit.compare(name, rows, contrast=levels)
        same_table(compared, difference, fit)
        effects = fit.margins(rows, name)
        np.testing.assert_allclose(effects.estimate[:size], compared.estimate, rtol=1e-12, atol=1e-14)
        np.testing.assert_allclose(effects.std_error[:size], compared.std_error, rtol=1e-10, atol=1e-14)


def test_every_kind_of_prediction_has_effects(fit, rows):
    kinds = {
        "count": ("count", "zero", "link"), "positive": ("count", "link"), "share": ("precision", "variance", "link"),
    }  # fmt: skip
    for kind in kinds.get(fit.design.formula.response[0].columns[0], ("cumulative", "link")):
        table = fit.margins(rows, "x", scale=kind)
        same_table(table, lambda b, kind=kind: slope(at(fit, b), rows, "x", kind=kind), fit)


def test_means_elasticities_groups_and_typical_rows(fit, rows):
    predictive = fit.margins(rows, kind="mean", by="year")
    shares = np.atleast_2d(fit.predict(rows).T).T
    wanted = pd.DataFrame(shares).groupby(rows.year.to_numpy()).mean().to_numpy()
    np.testing.assert_allclose(predictive.estimate, wanted.ravel(), rtol=1e-12)
    up, down = (np.log(fit.predict(rows.assign(x=rows.x + s * 1e-4))) for s in (1.0, -1.0))
    np.testing.assert_allclose(
        fit.margins(rows, "x", kind="eydx").estimate, np.atleast_1d(((up - down) / 2e-4).mean(axis=0)), rtol=1e-6,
        atol=1e-8,
    )  # fmt: skip
    one = {name: (rows[name].mode()[0] if name in "gd" else rows[name].mean()) for name in ("x", "z", "g", "d", "o")}
    typical = pd.DataFrame({name: [v] for name, v in one.items()})
    np.testing.assert_allclose(
        fit.margins(rows, "x", at="means").estimate, slope(fit, typical, "x"), rtol=1e-6, atol=1e-8
    )
    if getattr(fit.family, "parallel", True) is not True:  # draws have probabilities that cross
        with pytest.raises(InvalidParameterError, match="cumulative probabilities cross"):
            fit.margins(rows, "x", method="simulation", draws=400)
        return
    drawn = fit.margins(rows, "x", method="simulation", draws=400)
    assert np.abs(drawn.std_error / fit.margins(rows, "x").std_error - 1.0).max() < 0.35


def test_effects_of_arrays_and_files(rows, tmp_path):
    rows.to_parquet(tmp_path / "rows.parquet")
    X = rows[["x", "z", "d"]].to_numpy()
    for y, family in (("level", "ordinal"), ("count", "zero_inflated_poisson"), ("share", "beta")):
        frame = fastglm.glm(f"{y} ~ x + z + d", rows, family=family)
        arrays = fastglm.fit(X, rows[y], family=family)
        wanted = frame.margins(rows)
        for found in (fastglm.margins(arrays, X), frame.margins(tmp_path / "rows.parquet")):
            np.testing.assert_allclose(found.estimate, wanted.estimate, rtol=1e-6, atol=1e-10)
            np.testing.assert_allclose(found.std_error, wanted.std_error, rtol=1e-6)
    bare = fastglm.fit(X, rows.level, family="ordinal", intercept=False)
    usual = fastglm.fit(X, rows.level, family="ordinal")
    np.testing.assert_allclose(bare.margins(X).estimate, usual.margins(X).estimate, rtol=1e-7, atol=1e-10)


def test_effects_that_are_refused(rows):
    fit = fastglm.glm("level ~ x + g", rows, family="ordinal")
    with pytest.raises(InvalidParameterError, match="scale='zero' is unknown; there are 'mean', 'proba', 'cumulative'"):
        fit.margins(rows, scale="zero")
    for verb in (lambda: fit.emmeans("g", rows), lambda: fastglm.emmeans(fit, "g", rows)):
        with pytest.raises(InvalidParameterError, match="emmeans"):
            verb()
    with pytest.warns(fastglm.errors.CollinearityWarning):
        double = fastglm.glm("count ~ x + I(2 * x) + d | d", rows, family="hurdle_poisson")
    single = fastglm.glm("count ~ x + d | d", rows, family="hurdle_poisson")
    np.testing.assert_allclose(double.margins(rows, "x").estimate, single.margins(rows, "x").estimate, rtol=1e-6)
    data = rows.assign(twice=2.0 * rows.x)
    with pytest.warns(fastglm.errors.CollinearityWarning):
        double = fastglm.glm("count ~ x + twice | d", data, family="hurdle_poisson")
    with pytest.raises(InvalidParameterError, match="not estimable"):
        double.margins(data, "x")


def kinds_of(fit):
    found = {"ordinal": ["proba", "cumulative", "link"], "beta": ["mean", "precision", "variance", "link", "quantile"]}
    zero = ["zero"] * (fit.family.second_field is not None)
    return found.get(fit.family.name, ["mean", "count", *zero, "proba", "link"])


def test_confidence_intervals_of_every_kind(fit, rows):
    few = rows[:7]
    for kind in kinds_of(fit):
        more = {"quantile": {"quantiles": [0.1, 0.6]}}.get(kind, {})
        more = {"counts": [0, 1, 4]} if kind == "proba" and fit.family.whole else more
        found = fit.predict(few, kind, interval="confidence", level=0.9, **more)
        np.testing.assert_allclose(found.mean, fit.predict(few, kind, **more), rtol=1e-12, atol=1e-15)
        L = differences(lambda b, kind=kind, more=more: at(fit, b).predict(few, kind, **more).ravel(), fit.params)
        errors = np.sqrt(np.einsum("ij,jk,ik->i", L, fit.cov_params(), L)).reshape(found.mean.shape)
        np.testing.assert_allclose(found.se, errors, rtol=1e-5, atol=1e-9)
        assert (found.lower <= found.mean).all()
        assert (found.mean <= found.upper).all()
        if kind == "link":
            np.testing.assert_allclose(found.upper - found.mean, 1.6448536269514722 * found.se, rtol=1e-12)
        elif kind in ("mean", "count", "precision", "variance") and fit.family.name != "beta":
            np.testing.assert_allclose(np.log(found.upper / found.mean), 1.6448536269514722 * found.se / found.mean)
        else:
            assert ((found.lower > 0.0) | (found.mean == 0.0)).all()
            assert (found.upper < 1.0).all() or kind in ("precision", "variance")


def test_intervals_of_new_responses_hold_them(fit, rows, tmp_path):
    if fit.family.labelled:
        with pytest.raises(InvalidParameterError, match="the levels of family='ordinal' are no numbers"):
            fit.predict(rows, interval="prediction")
        with pytest.raises(InvalidParameterError, match="kind='class' has no interval"):
            fit.predict(rows, "class", interval="confidence")
        return
    found = fit.predict(rows, interval="prediction", level=0.8)
    np.testing.assert_allclose(found.se, fit.predict(rows, interval="mean").se)
    if fit.family.whole:
        below = np.cumsum(fit.predict(rows, "proba", counts=range(200)), axis=1)
        for tail, limit in ((0.1, found.lower), (0.9, found.upper)):
            np.testing.assert_array_equal(limit, (below < tail).sum(axis=1))
    else:
        np.testing.assert_allclose(found.lower, fit.predict(rows, "quantile", quantiles=[0.1])[:, 0], rtol=1e-12)
        np.testing.assert_allclose(found.upper, fit.predict(rows, "quantile", quantiles=[0.9])[:, 0], rtol=1e-12)
    with pytest.raises(InvalidParameterError, match="leave kind= out"):
        fit.predict(rows, "link", interval="prediction")
    with pytest.raises(InvalidParameterError, match="unknown interval 'both'"):
        fit.predict(rows, interval="both")
    fit.predict(rows, interval="prediction", level=0.8, out=tmp_path / "limits.parquet")
    written = pd.read_parquet(tmp_path / "limits.parquet")
    np.testing.assert_array_equal(written.upper, found.upper)


def test_intervals_without_a_covariance(rows):
    fit = fastglm.glm("count ~ x | z", rows, family="hurdle_poisson", cov=None)
    found = fit.predict(rows[:3], interval="prediction")
    assert np.isnan(found.se).all()
    np.testing.assert_allclose(found.mean, fit.predict(rows[:3]))
    with pytest.raises(InvalidParameterError, match="cov=None"):
        fit.predict(rows[:3], interval="confidence")
