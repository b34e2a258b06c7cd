"""Several heads, each with a family and a link of its own, and arithmetic in float32."""

import numpy as np
import pytest
from back_propagation import RNG, SHAPES, agree, differences, parameters

import fastglm
from fastglm.errors import InvalidParameterError, MissingDataError
from fastglm.nn import MLP
from fastglm.solvers import SGD

HEADS = [("gaussian", 3), ("softmax", 4), ("binomial", 2, "cloglog")]
N = 300
rng = RNG(11)
X = rng.normal(size=(N, 4))
NUMBERS, LABELS, BITS = X[:, :3] ** 2, np.array(list("dacb"))[rng.integers(0, 4, N)], rng.integers(0, 2, (N, 2))
Y, W = [NUMBERS, LABELS, BITS], rng.uniform(0.5, 2.0, N)
SOLVER = SGD(method="adam", rate=0.01, schedule="constant", epochs=4)


@pytest.mark.parametrize("hidden, skip", SHAPES)
def test_gradients_of_several_heads_agree_with_differences(hidden, skip):
    model = MLP(hidden, family=HEADS, skip=skip)
    theta = parameters(model, 4)
    few, weights = [part[:40] for part in Y], W[:40]
    for labels in np.unique(LABELS)[None, :]:
        few[1] = np.concatenate([labels, few[1][4:]])  # all classes are seen
    slopes = differences(lambda t: model.loss(t, X[:40], few, weights=weights), theta)
    assert agree(model.gradient(theta, X[:40], few, weights=weights), slopes, 1e-6)


def test_the_loss_is_the_sum_of_those_of_the_heads():
    """Without hidden layers the outputs of each head are a network of their own."""
    whole, theta = MLP((), family=HEADS), RNG(3).normal(size=(5, 9)) * 0.3
    parts = zip((theta[:, :3], theta[:, 3:7], theta[:, 7:]), Y, (("gaussian", None), ("multinomial", None),
                ("binomial", "cloglog")), strict=True)  # fmt: skip
    alone = [MLP((), family=family, link=link, outputs=2 if family == "binomial" else None).loss(
        own.ravel(), X, y, weights=W) for own, y, (family, link) in parts]  # fmt: skip
    assert whole.loss(theta.ravel(), X, Y, weights=W) == pytest.approx(sum(alone), rel=1e-13)


@pytest.mark.parametrize("family, y", [("softmax", LABELS), ("gaussian", NUMBERS), ("binomial", BITS)])
def test_one_head_is_the_network_of_its_family(family, y):
    name, outputs = {"softmax": "multinomial"}.get(family, family), 4 if family == "softmax" else y.shape[1]
    plain = MLP((3,), family=name, outputs=2 if family == "binomial" else None).fit(X, y, weights=W, solver=SOLVER)
    head = MLP((3,), family=[(family, outputs)]).fit(X, [y], weights=W, solver=SOLVER)
    assert head.theta.tobytes() == plain.theta.tobytes() and head.deviance == plain.deviance
    assert (head.predict(X)[0] == plain.predict(X)).all()


def test_heads_learn_what_their_columns_say_and_are_saved(tmp_path):
    solver = SGD(method="adam", rate=0.02, epochs=150, batch_size=50)
    labels = np.where(X[:, 0] > 0.5, "high", np.where(X[:, 0] < -0.5, "low", "mid"))
    response = [X[:, 1] * X[:, 2], labels, np.abs(X[:, 3]).round()]
    result = MLP((16,), family=[("gaussian", 1), ("softmax", 3), ("poisson", 1)]).fit(X, response, solver=solver)
    numbers, shares, counts = result.predict(X)
    assert numbers.shape == counts.shape == (N,) and shares.shape == (N, 3)
    assert np.allclose(shares.sum(axis=1), 1.0) and (counts > 0.0).all()
    assert np.mean(result.predict(X, "class")[1] == labels) > 0.9
    assert np.var(response[0] - numbers) < 0.5 * np.var(response[0])
    assert [part.shape for part in result.decode(result.encode(X))] == [(N,), (N, 3), (N,)]
    assert "gaussian(1) + multinomial(3) + poisson(1)" in repr(result)
    result.save(tmp_path / "heads.npz")
    again = fastglm.load(tmp_path / "heads.npz")
    assert again.network == result.network and again.classes == (None, ("high", "low", "mid"), None)
    assert all((a == b).all() for a, b in zip(again.predict(X), (numbers, shares, counts), strict=True))


def test_one_array_has_an_indicator_for_each_class():
    codes = np.unique(LABELS, return_inverse=True)[1]
    table = np.column_stack([NUMBERS, np.eye(4)[codes], BITS])
    model = MLP((3,), family=HEADS)
    theta = parameters(model, 4)
    assert model.loss(theta, X, table) == model.loss(theta, X, Y)


BAD = [
    (dict(family=[("gaussian", 0)]), None, "head 0 is"),
    (dict(family=["gaussian", 1]), None, "head 0 is 'gaussian'"),
    (dict(family=[]), None, "needs one at least"),
    (dict(family=[("softmax", 1)]), None, "at least 2 outputs"),
    (dict(family=HEADS, link="log"), None, "one each"),
    (dict(family=HEADS, outputs=9), None, "leave outputs= out"),
    (dict(family=HEADS), Y[:2], "list of 3 arrays"),
    (dict(family=HEADS), np.ones((N, 8)), "array of 9 columns"),
    (dict(family=HEADS), np.ones((N, 9)), "row 0 is no indicator"),
    (dict(family=HEADS), [NUMBERS, LABELS, BITS + 1], "column 4 of y"),
    (dict(family=HEADS), [NUMBERS, np.array(list("ab"))[BITS[:, 0]], BITS], "head 1 has 2 classes"),
    (dict(family=HEADS), [NUMBERS[:, 0], LABELS, BITS], r"head 0 has shape \(300,\)"),
    (dict(family=HEADS), [NUMBERS, LABELS[:-1], BITS], "head 1 has 299 rows"),
]


@pytest.mark.parametrize("arguments, y, words", BAD)
def test_what_cannot_be_is_refused_by_name(arguments, y, words):
    with pytest.raises(InvalidParameterError, match=words):
        MLP((2,), **arguments).fit(X, y)


def test_offsets_weights_of_classes_and_missing_labels_are_refused():
    model = MLP((2,), family=HEADS)
    with pytest.raises(InvalidParameterError, match="no linear predictor in common"):
        model.fit(X, Y, offset=np.ones(N))
    with pytest.raises(InvalidParameterError, match="class_weight needs one response"):
        model.fit(X, Y, solver=SGD(class_weight="balanced"))
    missing = LABELS.astype(object)
    missing[3] = None
    with pytest.raises(MissingDataError, match="head 1 has missing labels"):
        model.fit(X, [NUMBERS, missing, BITS])


@pytest.mark.parametrize("family, y", [("poisson", BITS[:, 0]), (HEADS, Y)])
@pytest.mark.parametrize("activation", ["tanh", "relu", "logistic"])
def test_float32_differs_by_its_roundoff(family, y, activation):
    model, solver = MLP((6, 3), family=family, activation=activation, skip=True), SGD(
        method="sgd", rate=0.05, batch_size=50, schedule="constant", averaging=False, epochs=3)  # fmt: skip
    double, single = (model.fit(X, y, weights=W, solver=solver._replace(dtype=d)) for d in ("float64", "float32"))
    apart = np.abs(single.theta - double.theta).max() / np.abs(double.theta).max()
    assert 0.0 < apart < 40 * np.finfo(np.float32).eps  # of 18 steps
    assert single.deviance == pytest.approx(double.deviance, rel=1e-5)


def test_gradients_in_float32_are_those_of_float64_rounded():
    from fastglm.nn.passes import Passes
    from fastglm.solver.sgd.training_rows import Rows

    network = MLP((5, 3), family="poisson", skip=True).network(4)
    theta = RNG(5).normal(size=network.n_params).astype(np.float32) * 0.5
    rows = Rows(BITS[:, 0].astype(float), W, None, None, np.zeros(0, np.int64), 1.0)
    double, single = (Passes(network, X, rows, dtype=kind) for kind in (np.float64, np.float32))
    found = single.gradient(theta)
    assert found.dtype == np.float32 and agree(found, double.gradient(theta), 30 * np.finfo(np.float32).eps)
    assert sum(v.nbytes for layer in single._layers for v in layer) * 2 == sum(
        v.nbytes for layer in double._layers for v in layer
    )
