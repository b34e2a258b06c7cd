"""Plots show the numbers of the fit, and their lettering can be read."""

import subprocess
import sys

import numpy as np
import pytest

import fastglm
from fastglm.errors import CollinearityWarning, InvalidParameterError
from fastglm.simulate import make_glm, make_linear, make_logistic, make_softmax

matplotlib = pytest.importorskip("matplotlib", reason="matplotlib is not installed")
matplotlib.use("Agg")
from matplotlib import pyplot as plt  # noqa: E402

from fastglm import plots  # noqa: E402


@pytest.fixture(autouse=True)
def closed_figures():
    yield
    plt.close("all")


@pytest.fixture(scope="module")
def logistic():
    data = make_logistic(5000, 20, seed=1)
    return data, fastglm.fit(data.X, data.y, family="binomial", names=[f"measurement number {i}" for i in range(20)])


def line(ax, label):
    (found,) = [one for one in ax.get_lines() if one.get_label() == label]
    return found.get_xydata()


def dots(ax):
    """Points drawn as rows (a scatter) or as means of groups (error bars)."""
    if ax.containers:
        return ax.containers[0].lines[0].get_xydata()
    return ax.collections[-1].get_offsets().data


# --- history ----------------------------------------------------------------------------------------------------------


def test_history_draws_the_gap_to_the_best_on_a_logarithmic_axis(logistic):
    result = logistic[1]
    ax = plots.history(result)
    passes, gap = line(ax, "deviance").T
    deviances = np.array([record["deviance"] for record in result.history])
    assert ax.get_yscale() == "log" and ax.get_ylabel() == "deviance above its smallest"
    assert passes == pytest.approx([record["passes"] for record in result.history])
    assert gap == pytest.approx(np.maximum(deviances - deviances.min(), np.finfo(float).eps * deviances.min()))


def test_history_of_losses_shows_held_out_rows_on_a_plain_axis():
    records = [
        {"epoch": i, "seconds": i / 10, "loss": 0.5 + 2.0**-i, "validation_loss": 0.6 + 2.0**-i} for i in range(20)
    ]
    ax = plots.history(records, x="seconds")
    assert (ax.get_xlabel(), ax.get_ylabel(), ax.get_yscale()) == ("time, s", "loss", "linear")
    assert line(ax, "loss")[:, 1] == pytest.approx([record["loss"] for record in records])
    assert line(ax, "loss of held-out rows")[-1] == pytest.approx([1.9, 0.6 + 2.0**-19])
    assert [text.get_text() for text in ax.get_legend().get_texts()] == ["loss", "loss of held-out rows"]


def test_several_histories_share_axes_and_are_told_apart():
    records = [{"passes": i, "loss": 0.5 + 1.1**-i} for i in range(30)]
    ax = plots.history(records, best=0.5, label="slow")
    assert plots.history(records[:5], best=0.5, label="short", ax=ax) is ax
    assert line(ax, "slow")[:, 1] == pytest.approx([1.1**-i for i in range(30)])
    assert len({one.get_color() for one in ax.get_lines()}) == 2


def test_history_takes_any_key_and_names_those_there_are(logistic):
    ax = plots.history(logistic[1], x="iteration", y="distance")
    assert ax.get_ylabel() == "distance to the optimum, standard errors"
    with pytest.raises(InvalidParameterError, match="no 'parsecs'; it has .*passes"):
        plots.history(logistic[1], x="parsecs")
    with pytest.raises(InvalidParameterError, match="no records"):
        plots.history([])


# --- the fitted curve -------------------------------------------------------------------------------------------------


def test_fitted_draws_the_predicted_mean_and_its_band():
    data = make_logistic(200, 1, seed=2)
    result = fastglm.fit(data.X, data.y, family="binomial", names=["dose"])
    ax = plots.fitted(result, data.X, data.y, level=0.9)
    grid, mean = line(ax, "fitted mean, 90 % interval").T
    expected = result.predict(grid[:, None], interval="mean", level=0.9)
    assert grid[[0, -1]] == pytest.approx([data.X.min(), data.X.max()])
    assert mean == pytest.approx(expected.mean)
    band = ax.collections[0].get_paths()[0].vertices[:, 1]
    assert (band.min(), band.max()) == pytest.approx((expected.lower.min(), expected.upper.max()))
    assert (ax.get_xlabel(), ax.get_ylabel()) == ("dose", "probability that y = 1")
    x, y = dots(ax).T
    assert x == pytest.approx(data.X[:, 0])
    assert np.array_equal(np.round(y), data.y) and 0 < abs(y - data.y).max() < 0.03  # jittered


def test_observed_rows_are_those_of_one_column_and_partial_residuals_of_several():
    data = make_linear(100, 1, seed=3)
    result = fastglm.fit(data.X, data.y)
    assert dots(plots.fitted(result, data.X, data.y)) == pytest.approx(np.column_stack([data.X, data.y]))
    data = make_linear(100, 3, seed=3)
    result = fastglm.fit(data.X, data.y, names=["a", "b", "c"])
    ax = plots.fitted(result, data.X, data.y, column="b")
    other = (data.X - data.X.mean(0)) * result.params[1:] * [1, 0, 1]
    assert dots(ax)[:, 1] == pytest.approx(data.y - other.sum(1))
    assert ax.get_xlabel() == "b (other columns at their means)"


def test_groups_of_rows_show_their_means():
    rng = np.random.default_rng(4)
    x = rng.integers(0, 5, 1000)
    y = rng.binomial(1, 0.2 + 0.1 * x)
    ax = plots.fitted(fastglm.fit(x[:, None], y, family="binomial"), x[:, None], y)
    expected = [[value, y[x == value].mean()] for value in range(5)]
    assert dots(ax) == pytest.approx(np.array(expected))
    data = make_logistic(1000, 1, seed=1)
    ax = plots.fitted(fastglm.fit(data.X, data.y, family="binomial"), data.X, data.y, bins=10)
    assert len(dots(ax)) == 10 and np.mean(dots(ax)[:, 1]) == pytest.approx(data.y.mean())


def test_an_exposure_makes_rates():
    rng = np.random.default_rng(5)
    x, exposure = rng.integers(0, 4, 2000), rng.uniform(0.1, 10, 2000)
    y = rng.poisson(exposure * np.exp(0.3 * x - 1))
    result = fastglm.fit(x[:, None], y, family="poisson", exposure=exposure)
    ax = plots.fitted(result, x[:, None], y, exposure=exposure)
    rates = [y[x == value].sum() / exposure[x == value].sum() for value in range(4)]
    assert dots(ax)[:, 1] == pytest.approx(rates)
    assert ax.get_ylabel() == "mean of y per unit of exposure"
    grid, mean = line(ax, "fitted mean, 95 % interval").T
    assert mean == pytest.approx(np.exp(result.params[0] + result.params[1] * grid))
    with pytest.raises(InvalidParameterError, match="fitted with an exposure"):
        plots.fitted(result, x[:, None], y)


def test_successes_and_failures_weigh_as_many_trials():
    rng = np.random.default_rng(6)
    x, trials = rng.integers(0, 3, 900), rng.integers(1, 20, 900)
    good = rng.binomial(trials, 0.2 + 0.2 * x)
    y = np.column_stack([good, trials - good])
    ax = plots.fitted(fastglm.fit(x[:, None], y, family="binomial"), x[:, None], y)
    assert dots(ax)[:, 1] == pytest.approx([good[x == v].sum() / trials[x == v].sum() for v in range(3)])


def test_classes_have_a_curve_each():
    data = make_softmax(2000, 2, 3, seed=7)
    labels = np.array(["bus", "car", "train"])[data.y]
    result = fastglm.fit(data.X, labels, family="multinomial")
    ax = plots.fitted(result, data.X, labels, column=-1)
    curves = [line(ax, name)[:, 1] for name in ("bus", "car", "train")]
    assert np.sum(curves, axis=0) == pytest.approx(np.ones(201))
    assert [text.get_text() for text in ax.get_legend().get_texts()] == [
        "bus",
        "car",
        "train",
        "observed, in 20 groups",
    ]


@pytest.mark.parametrize(
    "options, message",
    [({"column": "c"}, "column='c' is not among"), ({"column": 2}, "column=2"), ({"points": "some"}, "points must"),
     ({"bins": 1}, "bins must"), ({"level": 2}, "level must")],
)  # fmt: skip
def test_bad_options_are_named(options, message):
    data = make_linear(50, 2)
    result = fastglm.fit(data.X, data.y, names=["a", "b"])
    with pytest.raises(InvalidParameterError, match=message):
        plots.fitted(result, data.X, data.y, **options)


# --- coefficients -----------------------------------------------------------------------------------------------------


def test_coefficients_stand_at_their_estimates_and_intervals(logistic):
    result = logistic[1]
    ax = plots.coefficients(result, level=0.9)
    points = ax.get_lines()[-1].get_xydata()
    assert points == pytest.approx(np.column_stack([result.params[1:], np.arange(20)]))
    ends = np.array([segment[:, 0] for segment in ax.collections[0].get_segments()])
    assert ends == pytest.approx(result.conf_int(0.9)[1:])
    assert ax.get_xlabel() == "change in log odds per unit" and ax.get_title(loc="left") == "90 % intervals"
    assert plots.coefficients(result, intercept=True).get_yticklabels()[0].get_text() == "(Intercept)"


@pytest.mark.parametrize("size", [None, (4, 3), (8, 12)])
def test_names_of_twenty_coefficients_do_not_overlap(logistic, size):
    ax = plt.subplots(figsize=size, layout="constrained")[1] if size else None
    ax = plots.coefficients(logistic[1], ax=ax)
    ax.figure.canvas.draw()
    boxes = [label.get_window_extent() for label in ax.get_yticklabels()]
    assert len(boxes) == 20 and all(not a.overlaps(b) for a, b in zip(boxes, boxes[1:], strict=False))
    inside = ax.figure.bbox
    assert all(box.x0 >= inside.x0 and box.x1 <= inside.x1 for box in [*boxes, ax.xaxis.label.get_window_extent()])


def test_classes_are_told_apart_beside_each_other():
    data = make_softmax(2000, 3, 3, seed=7)
    result = fastglm.fit(data.X, data.y, family="multinomial")
    ax = plots.coefficients(result)
    first, second = (line(ax, str(label)) for label in result.contrast_classes)
    assert np.array_equal(np.column_stack([first[:, 0], second[:, 0]]), result.params[1:])
    assert (first[:, 1] < second[:, 1]).all() and abs(first[:, 1] - np.arange(3)).max() < 0.5
    assert ax.get_xlabel() == "change in log odds against 0 per unit"


def test_aliased_coefficients_say_so():
    data = make_linear(50, 1)
    with pytest.warns(CollinearityWarning):
        result = fastglm.fit(np.column_stack([data.X, data.X]), data.y)
    ax = plots.coefficients(result)
    assert [(text.get_text(), text.xy[1]) for text in ax.texts] == [("aliased", 1)]


def test_a_model_of_an_intercept_has_no_coefficients_to_show():
    result = fastglm.fit(np.empty((10, 0)), np.arange(10.0))
    with pytest.raises(InvalidParameterError, match="no coefficients"):
        plots.coefficients(result)


# --- manners ----------------------------------------------------------------------------------------------------------


def test_the_axes_given_are_returned_and_nothing_global_changes(logistic):
    data, result = logistic
    before, state = dict(matplotlib.rcParams), np.random.get_state()[1].copy()
    X, y = data.X.copy(), data.y.copy()
    _, axes = plt.subplots(1, 3)
    assert plots.history(result, ax=axes[0]) is axes[0]
    assert plots.fitted(result, X, y, ax=axes[1]) is axes[1]
    assert plots.coefficients(result, ax=axes[2]) is axes[2]
    assert dict(matplotlib.rcParams) == before and np.array_equal(np.random.get_state()[1], state)
    assert np.array_equal(X, data.X) and np.array_equal(y, data.y)


def test_importing_the_module_does_not_load_matplotlib():
    code = "import sys, fastglm.plots; print('matplotlib' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True).stdout.strip() == "False"


def test_a_missing_matplotlib_is_named_with_the_command_that_installs_it(logistic, monkeypatch):
    monkeypatch.setitem(sys.modules, "matplotlib.pyplot", None)
    with pytest.raises(ImportError, match=r"pip install 'fastglm\[plot\]'"):
        plots.coefficients(logistic[1])


def test_sparse_rows_are_plotted_like_dense_ones():
    from scipy.sparse import csr_matrix

    data = make_glm("poisson", 1000, 3, kind="binary", seed=8)
    result = fastglm.fit(data.X, data.y, family="poisson")
    dense, sparse = (plots.fitted(result, X, data.y, column=1) for X in (data.X, csr_matrix(data.X)))
    assert dots(dense) == pytest.approx(dots(sparse))
    for ax in (dense, sparse):
        assert line(ax, "fitted mean, 95 % interval")[0, 0] == 0
