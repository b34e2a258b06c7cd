"""Plots of residuals, columns and binary predictions: what the axes hold and are called."""

import numpy as np
import pytest

import fastglm
from fastglm import plots
from fastglm.errors import InvalidParameterError
from fastglm.plots import clouds

pytest.importorskip("matplotlib").use("Agg")
pd = pytest.importorskip("pandas")


@pytest.fixture(autouse=True)
def closed():
    from matplotlib import pyplot

    yield
    pyplot.close("all")


def counts(n=150):
    rng = np.random.default_rng(0)
    data = pd.DataFrame({"x": rng.normal(size=n), "town": rng.choice(["Bonn", "Kiel"], n)})
    data["claims"] = rng.poisson(np.exp(0.4 * data.x + 1))
    return data, fastglm.glm("claims ~ x + town", data, family="poisson")


def points(ax):
    return ax.collections[-1].get_offsets().data


def test_four_panels_show_the_rows_of_the_fit():
    data, result = counts()
    axes = plots.diagnostics(result, data)
    influence, eta = result.influence(data), result.predict(data, kind="link")
    (first, second), (third, fourth) = axes
    np.testing.assert_allclose(points(first), np.column_stack([eta, result.residuals(data)]))
    np.testing.assert_allclose(points(third)[:, 1], np.sqrt(np.abs(influence.deviance)))
    np.testing.assert_allclose(points(fourth), np.column_stack([influence.hat, influence.pearson]))
    np.testing.assert_allclose(points(second)[:, 1], np.sort(result.residuals(data, kind="quantile", seed=0)))
    assert first.get_xlabel() == "linear predictor of claims"
    assert fourth.get_ylabel() == "standardised Pearson residual of claims"
    contour = fourth.lines[1].get_xydata()  # after the line at zero
    h, r = contour[50]
    np.testing.assert_allclose(r**2 * h / (1 - h) / result.rank, 0.5)


@pytest.mark.parametrize("kind", ["quantile", "deviance", "pearson"])
def test_the_envelope_holds_most_points_of_a_true_model_and_not_of_a_wrong_one(kind):
    data, result = counts()
    ax = plots.qq(result, data, kind=kind, simulations=59)
    band = ax.collections[0].get_paths()[0].vertices
    assert ax.get_ylabel().endswith("of claims") and len(band) > 150

    def outside(model, rows):
        found = plots.qq(model, rows, kind=kind, simulations=59)
        low, high = envelope_of(found)
        x, r = points(found).T
        return np.mean((r < np.interp(x, *low) - 1e-9) | (r > np.interp(x, *high) + 1e-9))

    wrong = data.assign(claims=np.random.default_rng(1).negative_binomial(0.5, 0.5 / (0.5 + np.exp(data.x + 1))))
    assert outside(result, data) < 0.2
    assert outside(fastglm.glm("claims ~ x + town", wrong, family="poisson"), wrong) > 0.3


def envelope_of(ax):
    vertices = ax.collections[0].get_paths()[0].vertices
    n = (len(vertices) - 3) // 2
    first, second = vertices[1 : n + 1], vertices[n + 2 : 2 * n + 2][::-1]
    low, high = (first, second) if first[n // 2, 1] < second[n // 2, 1] else (second, first)
    return low.T, high.T


def test_many_rows_are_hexagons(monkeypatch):
    data, result = counts()
    monkeypatch.setattr(clouds, "MANY", 100)
    ax = plots.residuals(result, data)
    assert type(ax.collections[0]).__name__ == "PolyCollection"


def test_slopes_of_added_variables_are_coefficients():
    data, result = counts()
    for column in ("x", "town[T.Kiel]"):
        x, r = points(plots.added_variable(result, data, column=column)).T
        np.testing.assert_allclose(x @ r / (x @ x), result.params[result.names.index(column)], rtol=1e-6)
    least = fastglm.fit(data[["x"]].assign(z=data.x**2), data.claims)
    ax = plots.added_variable(least, data[["x"]].assign(z=data.x**2), data.claims, column="z")
    X, other = np.column_stack([np.ones(150), data.x]), data.x.to_numpy() ** 2
    wanted = [v - X @ np.linalg.lstsq(X, v, rcond=None)[0] for v in (other, data.claims.to_numpy(float))]
    np.testing.assert_allclose(points(ax).T, wanted, atol=1e-9)
    assert (ax.get_xlabel(), ax.get_ylabel()) == ("z, given the others", "claims, given the others")


def test_components_are_those_of_the_working_response():
    data, result = counts()
    ax = plots.component_residual(result, data, column="x")
    working = result.residuals(data, kind="working")
    np.testing.assert_allclose(points(ax), np.column_stack([data.x, result.params[1] * data.x + working]))
    assert ax.get_ylabel() == "component + residual of claims"
    with pytest.raises(InvalidParameterError, match="'age' is not among"):
        plots.component_residual(result, data, column="age")


def test_curves_of_a_binomial_model(tmp_path):
    pytest.importorskip("pyarrow")
    rng = np.random.default_rng(0)
    data = pd.DataFrame({"x": rng.normal(size=300), "z": rng.normal(size=300)})
    data["low"] = rng.binomial(1, 1 / (1 + np.exp(-data.x)))
    data.to_parquet(tmp_path / "rows.parquet")
    models = {f: fastglm.glm(f"low ~ {f}", data, family="binomial") for f in ("x", "z")}
    ax = plots.roc(models, tmp_path / "rows.parquet")
    area = models["x"].binary_diagnostics(data).auc()
    assert ax.get_legend().get_texts()[0].get_text() == f"x AUC {area.auc:.3f} ({area.lower:.3f}, {area.upper:.3f})"
    curve = models["x"].roc(data)
    np.testing.assert_allclose(ax.lines[1].get_xydata(), np.column_stack([curve.fpr, curve.tpr]))
    ax = plots.calibration(models["x"], data, bins=5)
    groups = models["x"].binary_diagnostics(data).calibration(5)
    np.testing.assert_allclose(ax.lines[1].get_xydata(), np.column_stack([groups.predicted, groups.observed]))
    assert ax.get_ylabel() == "observed share of low = 1"
    ax = plots.calibration_belt(models["x"], data, external=True, levels=[0.9])
    belt = models["x"].calibration_belt(data, external=True, level=0.9)
    np.testing.assert_allclose(ax.lines[1].get_xydata(), np.column_stack([belt.predicted, belt.observed]))
    ends = ax.collections[0].get_paths()[0].vertices
    assert ends[:, 1].max() == pytest.approx(belt.upper.max()) and ends[:, 1].min() == pytest.approx(belt.lower.min())


def test_what_makes_no_sense_is_refused_by_name():
    data, result = counts()
    softmax = fastglm.fit(data[["x"]], np.arange(150) % 3, family="multinomial")
    for verb in (plots.diagnostics, plots.residuals, plots.added_variable):
        with pytest.raises(InvalidParameterError, match="softmax"):
            verb(softmax, data[["x"]], np.arange(150) % 3)
    with pytest.raises(InvalidParameterError, match="cov=None"):
        plots.leverage(fastglm.glm("claims ~ x", data, family="poisson", cov=None), data)
    with pytest.raises(InvalidParameterError, match="no distribution to draw from"):
        plots.qq(fastglm.glm("claims ~ x", data, family="quasipoisson"), data, kind="deviance")
