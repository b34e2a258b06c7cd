"""Paths over the surface of a loss, films of them, regions of classes, effects in frames: by what was drawn."""

import numpy as np
import pandas as pd
import pytest

import fastglm
from fastglm.errors import InvalidParameterError
from fastglm.nn import MLP
from fastglm.solvers import SGD

matplotlib = pytest.importorskip("matplotlib", reason="matplotlib is not installed")
matplotlib.use("Agg")
from matplotlib import pyplot as plt  # noqa: E402
from matplotlib.colors import to_rgba  # noqa: E402

from fastglm import plots  # noqa: E402
from fastglm.plots.descents import _loss, _predictors  # noqa: E402
from fastglm.plots.held import response_numbers  # noqa: E402

pytestmark = pytest.mark.filterwarnings("ignore::fastglm.errors.ConvergenceWarning")
PRIMES, IS_PRIME = np.array([2.0, 3, 5, 7, 11, 13])[:, None], [0, 0, 1, 0, 1, 1]
DESCENT = SGD(rate=0.02, batch_size="full", reduction="sum", epochs=300, record="params")


@pytest.fixture(autouse=True)
def closed_figures():
    yield
    plt.close("all")


@pytest.fixture(scope="module")
def neuron():
    return fastglm.fit(PRIMES, IS_PRIME, family="binomial", solver=DESCENT, start=[-1, 0], names=["x"])


def by_hand(epochs, rate=0.02):
    """Gradient descent from w = 0, b = -1, in plain numpy: (epochs + 1, 2)."""
    design, at = np.column_stack([np.ones(6), PRIMES]), [np.array([-1.0, 0.0])]
    for _ in range(epochs):
        at.append(at[-1] + rate * design.T @ (IS_PRIME - 1 / (1 + np.exp(-design @ at[-1]))))
    return np.array(at)


def lines(ax, label):
    return [one for one in ax.get_lines() if one.get_label() == label]


# --- descents ---------------------------------------------------------------------------------------------------------


def test_the_path_is_that_of_the_descent(neuron):
    ax = plots.descent({"neuron": neuron}, PRIMES, IS_PRIME, start=[-1, 0])
    (path,) = lines(ax, "neuron")
    assert path.get_xydata() == pytest.approx(by_hand(300), abs=1e-9)
    assert (ax.get_xlabel(), ax.get_ylabel()) == ("(Intercept)", "x")
    # the surface reaches further than the path on all sides
    low, high = path.get_xydata().min(0), path.get_xydata().max(0)
    (left, right), (bottom, top) = ax.get_xlim(), ax.get_ylim()
    assert left < low[0] and right > high[0] and bottom < low[1] and top > high[1]
    swapped = plots.descent(neuron, PRIMES, IS_PRIME, ("x", 0))
    assert swapped.get_lines()[0].get_xydata() == pytest.approx(by_hand(300)[1:, ::-1], abs=1e-9)


def test_the_surface_of_a_glm_is_its_loss_at_other_coefficients(neuron):
    eta = _predictors(neuron, PRIMES, {}, neuron.params, [1, 0])
    at = fastglm.fit(PRIMES, IS_PRIME, family="binomial")  # the loss is what the exact fit makes smallest
    loss = _loss(neuron, eta(at.params[1], at.params[0]), np.array(IS_PRIME, float), np.ones(6))
    assert loss == pytest.approx(-at.llf)
    assert eta(0.5, -3.0) == pytest.approx(0.5 * PRIMES[:, 0] - 3.0)
    offset = np.arange(6) / 10
    shifted = fastglm.fit(PRIMES, IS_PRIME, family="binomial", offset=offset, solver=DESCENT, start=[-1, 0])
    eta = _predictors(shifted, PRIMES, {"offset": offset}, shifted.params, [1, 0])
    assert eta(0.5, -3.0) == pytest.approx(0.5 * PRIMES[:, 0] - 3.0 + offset)
    assert plots.descent(shifted, PRIMES, IS_PRIME, offset=offset).get_lines()


def test_several_paths_share_a_surface_and_are_told_apart(neuron):
    fast = fastglm.fit(PRIMES, IS_PRIME, family="binomial", solver=DESCENT._replace(rate=0.03), start=[-1, 0])
    ax = plots.descent([neuron, fast], PRIMES, IS_PRIME)
    assert [text.get_text() for text in ax.get_legend().get_texts()] == ["run 1", "run 2"]
    assert lines(ax, "run 1")[0].get_color() != lines(ax, "run 2")[0].get_color()
    assert lines(ax, "run 2")[0].get_xydata()[-1] == pytest.approx(fast.params)


@pytest.mark.parametrize("family", ["gaussian", "poisson", "multinomial", "binomial"])
def test_the_height_of_the_surface_is_half_the_deviance(family):
    rng = np.random.default_rng(1)
    X, w = rng.normal(size=(60, 2)), rng.uniform(0.5, 2, 60)
    y = np.array(["no", "so", "yes"])[rng.integers(0, 3, 60)] if family == "multinomial" else rng.integers(0, 2, 60)
    model = MLP((3,), family=family)
    result = model.fit(X, y, weights=w, solver=SGD(epochs=2))
    seen, weights = response_numbers(result, y, w)
    eta = result.predict(X, "link")
    assert _loss(result, eta, seen, weights) == pytest.approx(model.loss(result.theta, X, y, weights=w), rel=1e-10)


def test_networks_have_paths_over_two_of_their_parameters():
    rng = np.random.default_rng(2)
    X = rng.normal(size=(50, 2))
    result = MLP((2,)).fit(X, X[:, 0] ** 2, solver=SGD(epochs=4, record="params"))
    ax = plots.descent(result, X, X[:, 0] ** 2, columns=(1, 7))
    assert ax.get_lines()[0].get_xydata() == pytest.approx(result.history["params"][:, [1, 7]])
    assert ax.get_ylabel() == "parameter 7"
    shown = plots.history(result, x="epoch")
    assert shown.get_lines()[0].get_ydata() == pytest.approx(result.history["loss"])


def test_the_film_shows_the_curve_of_each_epoch(neuron, tmp_path):
    film = plots.animate(neuron, PRIMES, IS_PRIME, start=[-1, 0], frames=5, path=tmp_path / "neuron.gif")
    from PIL import Image

    with Image.open(tmp_path / "neuron.gif") as image:
        assert image.n_frames == 5
    left, right = film._fig.axes
    at = by_hand(300)
    (curve,) = [one for one in right.get_lines() if len(one.get_xdata()) == 101]
    for frame, epoch in ((0, 0), (4, 300)):
        film._func(frame)
        grid, mean = curve.get_data()
        assert mean == pytest.approx(1 / (1 + np.exp(-at[epoch, 0] - at[epoch, 1] * grid)), abs=1e-9)
        assert [one.get_xydata().tolist() for one in left.get_lines()][-1] == [pytest.approx(at[epoch].tolist())]
        assert right.get_title("left") == f"after epoch {epoch}"
    film = plots.animate(neuron, PRIMES, IS_PRIME, frames=2, path=tmp_path / "neuron.html")
    assert (tmp_path / "neuron.html").read_text().count("data:image/png") == 2


def test_a_history_without_coefficients_names_the_option(neuron):
    plain = fastglm.fit(PRIMES, IS_PRIME, family="binomial")
    for draw in (plots.descent, plots.animate):
        with pytest.raises(InvalidParameterError, match="record='params'"):
            draw(plain, PRIMES, IS_PRIME)
    with pytest.raises(InvalidParameterError, match="two different"):
        plots.descent(neuron, PRIMES, IS_PRIME, (1, "x"))
    with pytest.raises(InvalidParameterError, match="column='age'"):
        plots.descent(neuron, PRIMES, IS_PRIME, ("age", 0))
    with pytest.raises(InvalidParameterError, match="end in .gif or .html"):
        plots.animate(neuron, PRIMES, IS_PRIME, path="film.mpeg")
    with pytest.raises(InvalidParameterError, match="frames"):
        plots.animate(neuron, PRIMES, IS_PRIME, frames=1)
    shifted = fastglm.fit(PRIMES, IS_PRIME, family="binomial", offset=np.ones(6), solver=DESCENT, start=[-1, 0])
    with pytest.raises(InvalidParameterError, match="without an offset"):
        plots.animate(shifted, PRIMES, IS_PRIME)
    with pytest.raises(InvalidParameterError, match="start has shape"):
        plots.descent(neuron, PRIMES, IS_PRIME, start=[1.0])


def test_a_loss_curve_has_no_cliff_at_its_own_last_value(neuron):
    losses = [record["loss"] for record in neuron.history]
    ax = plots.history(neuron, x="epoch", y="loss")
    assert ax.get_yscale() == "linear" and ax.get_lines()[0].get_ydata() == pytest.approx(losses)
    gap = plots.history(neuron, x="epoch", y="loss", scale="gap")
    assert gap.get_yscale() == "log" and len(gap.get_lines()[0].get_ydata()) == 299
    assert gap.get_lines()[0].get_ydata() == pytest.approx(np.array(losses[:-1]) - losses[-1])
    newton = fastglm.fit(PRIMES, IS_PRIME, family="binomial")
    assert plots.history(newton, scale="linear").get_yscale() == "linear"
    with pytest.raises(InvalidParameterError, match="scale='logit'"):
        plots.history(neuron, scale="logit")


def test_curves_of_other_coefficients(neuron):
    others = {"start": [-1.0, 0.0], "steep": [-8.0, 1.0]}
    ax = plots.fitted(neuron, PRIMES, IS_PRIME, params=others)
    assert [text.get_text() for text in ax.get_legend().get_texts()][2:] == ["start", "steep"]
    grid, mean = lines(ax, "steep")[0].get_data()
    assert mean == pytest.approx(1 / (1 + np.exp(8 - grid)))
    assert lines(plots.fitted(neuron, PRIMES, IS_PRIME, params=[[0.0, 0.0]]), "parameters 1")
    with pytest.raises(InvalidParameterError, match="parameters 1 has shape"):
        plots.fitted(neuron, PRIMES, IS_PRIME, params=[[0.0]])


@pytest.mark.parametrize("family", ["gaussian", "binomial", "multinomial"])
def test_networks_have_curves_without_bands(family):
    rng = np.random.default_rng(7)
    X = rng.normal(size=(60, 1))
    y = np.sin(X[:, 0]) if family == "gaussian" else np.array(["no", "yes"])[(X[:, 0] > 0).astype(int)]
    result = MLP((4,), family=family).fit(X, y, solver=SGD(epochs=5))
    ax = plots.fitted(result, X, y, points="rows", params={"other": np.full(result.n_params, 0.1)})
    curves = [one for one in ax.get_lines() if len(one.get_xdata()) == 201]
    means = result.predict(curves[0].get_xdata()[:, None]).reshape(201, -1)
    for curve, mean in zip(curves, means.T, strict=False):
        assert curve.get_ydata() == pytest.approx(mean)
    assert len(curves) == 2 * means.shape[1] and len(ax.collections) == means.shape[1]  # the rows, and no band
    seen = ax.collections[0].get_offsets().data[:, 1]
    expected = y if family == "gaussian" else y == ("yes" if family == "binomial" else "no")
    assert seen == pytest.approx(expected.astype(float), abs=0.03)


# --- regions ----------------------------------------------------------------------------------------------------------


def painted(ax, point):
    """The colours of the regions at a point."""
    return [tuple(c.get_facecolor()[i])[:3] for c in ax.collections[:1] for i, path in enumerate(c.get_paths())
            if path.contains_point(point)]  # fmt: skip


def test_regions_are_the_predicted_classes():
    rng = np.random.default_rng(3)
    X = rng.normal(size=(200, 2))
    y = np.array(["ant", "bee", "cow"])[(X > 0).sum(1)]
    for result in (
        fastglm.fit(X, y, family="multinomial"),
        MLP((6,), family="multinomial").fit(X, y, solver=SGD(epochs=40)),
    ):
        ax = plots.regions(result, X, y)
        dots = {c.get_label(): c for c in ax.collections if len(c.get_offsets()) > 1}
        assert sorted(dots) == ["ant", "bee", "cow"]
        for label, one in dots.items():
            assert sorted(one.get_offsets()[:, 0]) == pytest.approx(sorted(X[y == label, 0]))
        for point in [(-1.5, -1.5), (1.5, 1.5), (1.5, -1.5)]:
            (label,) = result.predict(np.array([point]), "class")
            assert painted(ax, point) == [to_rgba(dots[label].get_facecolor()[0])[:3]]


def test_a_quadratic_formula_has_a_curved_boundary_between_two_classes():
    rng = np.random.default_rng(4)
    frame = pd.DataFrame(rng.normal(size=(400, 2)), columns=["u", "v"])
    frame["y"] = (rng.random(400) < 1 / (1 + np.exp(4 * (frame.u**2 + frame.v**2 - 1)))).astype(int)
    result = fastglm.glm("y ~ u + v + I(u**2) + I(v**2)", frame, family="binomial")
    ax = plots.regions(result, frame)
    assert (ax.get_xlabel(), ax.get_ylabel()) == ("u", "v")
    boundary = np.vstack([path.vertices for path in ax.collections[1].get_paths()])
    points = pd.DataFrame(boundary, columns=["u", "v"])
    assert result.predict(points) == pytest.approx(0.5, abs=0.1)  # to the width of the grid
    assert painted(ax, (0, 0)) != painted(ax, (2, 2))


def test_regions_of_more_columns_name_two():
    rng = np.random.default_rng(5)
    X = rng.normal(size=(100, 3))
    result = fastglm.fit(X, (X.sum(1) + rng.normal(size=100) > 0) * 1, family="binomial", names=["a", "b", "c"])
    y = (X.sum(1) > 0) * 1
    with pytest.raises(InvalidParameterError, match="X has 3 columns: name two of them by columns="):
        plots.regions(result, X, y)
    ax = plots.regions(result, X, y, columns=("c", "a"))
    assert (ax.get_xlabel(), ax.get_title("left")) == ("c", "other columns at their means")
    b, at = result.params, X[:, 1].mean()
    u, v = ax.collections[1].get_paths()[0].vertices.T
    assert b[0] + b[3] * u + b[2] * at + b[1] * v == pytest.approx(0, abs=0.1)
    for bad, words in ((("a", "a"), "two different"), (("a",), "two columns"), (("a", "z"), "column='z'")):
        with pytest.raises(InvalidParameterError, match=words):
            plots.regions(result, X, y, columns=bad)
    with pytest.raises(InvalidParameterError, match="regions need classes"):
        plots.regions(fastglm.fit(X, X[:, 0]), X, y)


# --- effects in frames ------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def claims():
    rng = np.random.default_rng(6)
    frame = pd.DataFrame({"age": rng.uniform(20, 60, 500), "town": rng.choice(["x", "y", "z"], 500, p=[0.2, 0.5, 0.3])})
    frame["years"] = rng.uniform(0.5, 2, 500)
    frame["claims"] = rng.poisson(frame.years * np.exp(0.02 * frame.age + 0.3 * (frame.town == "y")))
    return frame


def test_a_formulas_curve_varies_its_frame(claims):
    result = fastglm.glm("claims ~ age + I(age**2) + town", claims, family="poisson")
    ax = plots.fitted(result, claims)
    assert ax.get_xlabel() == "age (other columns at their means)"
    grid, mean = lines(ax, "fitted mean, 95 % interval")[0].get_data()
    shares = [float((claims.town == town).mean()) for town in ("y", "z")]  # the means of the columns of the factor
    columns = np.column_stack([grid, grid**2, *(np.full(len(grid), share) for share in shares)])
    expected = result.predict(columns, interval="mean")
    assert mean == pytest.approx(expected.mean)
    band = ax.collections[0].get_paths()[0].vertices[:, 1]
    assert (band.min(), band.max()) == pytest.approx((expected.lower.min(), expected.upper.max()))
    term = plots.fitted(result, claims, column="I(age ** 2)")  # a column of the model alone
    assert term.get_xlabel() == "I(age ** 2) (other columns at their means)"


def test_levels_of_a_factor_are_points_with_intervals(claims):
    for X, result in (
        (claims, fastglm.glm("claims ~ age + town", claims, family="poisson")),
        (claims[["age", "town"]], fastglm.fit(claims[["age", "town"]], claims.claims, family="poisson")),
    ):
        ax = plots.fitted(result, X, claims.claims.to_numpy(), column="town", level=0.9)
        assert [label.get_text() for label in ax.get_xticklabels()] == ["x", "y", "z"]
        at = pd.DataFrame({"age": claims.age.mean(), "town": ["x", "y", "z"]})
        expected = result.predict(at, interval="mean", level=0.9)
        points, _, (bars,) = ax.containers[0].lines
        assert points.get_xydata() == pytest.approx(np.column_stack([np.arange(3), expected.mean]))
        ends = np.array([[low[1], high[1]] for low, high in bars.get_segments()])
        assert ends == pytest.approx(np.column_stack([expected.lower, expected.upper]))
        (seen,) = lines(ax, "observed, means")
        # of a saturated factor the observed means, moved to the mean age, are the fitted ones (the score is zero)
        assert seen.get_ydata() == pytest.approx(expected.mean, rel=1e-6)


def test_an_exposure_of_the_formula_makes_rates(claims):
    result = fastglm.glm("claims ~ age + offset(log(years))", claims, family="poisson")
    ax = plots.fitted(result, claims)
    grid, mean = lines(ax, "fitted mean, 95 % interval")[0].get_data()
    assert mean == pytest.approx(np.exp(result.params[0] + result.params[1] * grid))
    assert (ax.get_xlabel(), ax.get_ylabel()) == ("age", "mean of y per unit of exposure")
    array = fastglm.glm("claims ~ age", claims, family="poisson", exposure=claims.years.to_numpy())
    other = plots.fitted(array, claims, exposure=claims.years.to_numpy())
    assert lines(other, "fitted mean, 95 % interval")[0].get_ydata() == pytest.approx(mean, rel=1e-6)


def test_an_array_needs_its_response(neuron):
    with pytest.raises(InvalidParameterError, match="y is needed"):
        plots.fitted(neuron, PRIMES)
