"""Textbook loops, reproduced to the digit: gradient ascent in three lines of numpy, and a neuron trained by hand."""

import numpy as np
import pytest
from sgd_reference import LINEAR, LOGISTIC, POISSON, SGD, fit

import fastglm
from fastglm.errors import DivergenceError

THETA = np.array([3.2678, 1.365, 0.653, -0.0698])
CLASSES = np.array([(3.0, -1.0, 0.5), (1.2, 0.3, -0.8), (0.7, -0.4, 0.2), (-0.1, 0.6, -0.3)])
ASCENT = SGD(rate=1e-3, batch_size="full", reduction="sum", epochs=1000)
X = np.random.default_rng(0).normal(size=(1000, 3))
A = np.column_stack([np.ones(1000), X])
NEURON_X, NEURON_Y = np.array([[2.0], [3], [5], [7], [11], [13]]), np.array([0.0, 0, 1, 0, 1, 1])
NEURON = SGD(rate=0.02, batch_size="full", reduction="sum", epochs=2500)


def neuron(**options):
    return fit(NEURON_X, NEURON_Y, options=NEURON, start=[-1.0, 0.0], **options)


def test_gradient_ascent_of_a_linear_model():
    y = A @ THETA + np.random.default_rng(0).normal(scale=1, size=1000)
    solution = fit(X, y, LINEAR, ASCENT, start=np.ones(4))
    np.testing.assert_allclose(solution.coef, [3.21293235, 1.30052909, 0.68080355, -0.05252388], atol=5e-9)


def test_gradient_ascent_of_a_logistic_model():
    y = np.random.default_rng(0).binomial(1, 1 / (1 + np.exp(-A @ THETA)))
    solution = fit(X, y, LOGISTIC, ASCENT, start=np.ones(4), epochs=2000)
    np.testing.assert_allclose(solution.coef, [3.1325853, 1.38198022, 0.52704664, 0.11608256], atol=5e-9)


def test_gradient_ascent_of_softmax_leaves_the_sums_over_classes():
    mu = np.exp(A @ CLASSES)
    mu /= mu.sum(1, keepdims=True)
    rng = np.random.default_rng(0)
    y = np.array([rng.choice(3, p=m) for m in mu])
    coef = fit(X, y, 3, ASCENT, start=np.ones((4, 3))).coef
    expected = [
        (3.04584903, -0.728946582, 0.683097551),
        (1.995263, 1.00735078, -0.00261377540),
        (1.4464943, 0.479942781, 1.07356292),
        (0.905299805, 1.56767055, 0.527029648),
    ]
    np.testing.assert_allclose(coef, expected, atol=5e-9)
    np.testing.assert_allclose(coef.sum(1), 3.0, atol=1e-12)


def test_the_same_loop_on_counts_diverges_and_says_so():
    y = np.random.default_rng(0).poisson(np.exp(A @ THETA))
    with pytest.raises(DivergenceError, match=r"epoch \d+ at rate 0.001: .* 'c'.* step='implicit'") as error:
        fit(X * [1, 1, 9], y, POISSON, ASCENT, start=np.ones(4), names=("a", "b", "c"))
    assert error.value.rate == 1e-3 and 0.0 < error.value.stable_limit < 1e-3 and error.value.epoch >= 1


def test_a_neuron_by_its_analytic_gradient():
    solution = neuron()
    np.testing.assert_allclose(solution.coef, [-3.5468393999251, 0.5514636317048], rtol=0, atol=1e-11)
    np.testing.assert_allclose(solution.history["loss"][0], 4.879570125109, atol=1e-11)
    assert (np.diff(solution.history["loss"]) < 0).all() and solution.notes == ()


def test_a_neuron_by_central_differences():
    coef = neuron(gradient="central", h=1e-4).coef
    np.testing.assert_allclose(coef, [-3.5468396301033, 0.5514636707705], rtol=0, atol=1e-11)


def test_a_neuron_in_single_precision_stalls_where_rounding_stops_it():
    coef = neuron(dtype="float32", epochs=5000).coef
    np.testing.assert_array_equal(coef, np.float32([-3.5490245819, 0.5517694354]))


def test_a_neuron_by_the_mean_loss():
    b, w = neuron(reduction="mean", rate=0.1).coef
    assert abs(w - 0.5508) < 1e-4 and abs(b + 3.542) < 1e-3
    assert abs(1 / (1 + np.exp(-(b + 8.5 * w))) - 0.7576) < 1e-4


def test_a_neuron_above_the_stable_limit_is_noted_then_refused():
    solution = neuron(rate=0.05)
    assert "stable below about 0.021" in solution.notes[0] and "increased the loss" in solution.notes[0]
    with pytest.raises(DivergenceError, match="stable below about 0.021") as error:
        neuron(rate=0.5)
    np.testing.assert_allclose(error.value.stable_limit, 0.02097, rtol=1e-2)


def test_class_weights_are_weights_of_rows_by_label():
    rng = np.random.default_rng(0)
    X, y = rng.normal(size=(600, 2)), np.where(rng.random(600) < 0.2, "yes", "no")
    f = rng.integers(1, 4, 600)
    by_label = fastglm.fit(X, y, family="binomial", solver=SGD(class_weight={"yes": 3.0, "no": 1.0}))
    by_row = fastglm.fit(X, y, family="binomial", solver=SGD(), weights=np.where(y == "yes", 3.0, 1.0))
    np.testing.assert_array_equal(by_label.params, by_row.params)
    totals = {label: f[y == label].sum() for label in ("no", "yes")}
    balanced = {label: f.sum() / (2 * total) for label, total in totals.items()}
    results = [
        fastglm.fit(X, y, family="binomial", freq_weights=f, solver=SGD(class_weight=w)) for w in ("balanced", balanced)
    ]
    np.testing.assert_allclose(results[0].params, results[1].params, rtol=1e-12)
    with pytest.raises(fastglm.errors.InvalidParameterError, match="'maybe'.*not among"):
        fastglm.fit(X, y, family="binomial", solver=SGD(class_weight={"maybe": 1.0, "no": 1.0, "yes": 1.0}))
