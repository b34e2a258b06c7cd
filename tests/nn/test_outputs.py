"""Responses of several columns, tied weights and codes: against differences, numpy and principal components."""

import numpy as np
import pytest
from back_propagation import ACTIVATIONS, RNG, SHAPES, agree, differences, forward, numpy_gradient, parameters

import fastglm
from fastglm.errors import InvalidParameterError, MissingDataError
from fastglm.nn import MLP, MLPResult
from fastglm.solvers import SGD

MEANS = {"gaussian": lambda eta: eta, "binomial": lambda eta: 1 / (1 + np.exp(-eta)), "poisson": np.exp}
TIED = [(3,), (4, 2, 4)]


def responses(family, n=600, q=4, seed=1):
    """Columns X (n, q), and as many columns of responses."""
    rng = RNG(seed)
    X = rng.uniform(0.1, 0.9, size=(n, q))
    y = {"gaussian": X + rng.normal(size=X.shape), "binomial": rng.random((n, q)) < X, "poisson": rng.poisson(3 * X)}
    return X, y[family].astype(float), rng.uniform(0.5, 2, n)


@pytest.mark.parametrize("family", MEANS)
@pytest.mark.parametrize("hidden, skip", SHAPES)
def test_gradients_of_several_outputs_agree_with_differences_and_numpy(family, hidden, skip):
    X, y, w = responses(family)  # rows of several blocks
    model = MLP(hidden, family=family, skip=skip)
    theta = parameters(model, 4, 4)
    eta = forward(model, theta, X, 4)[1]
    gradient = model.gradient(theta, X, y, weights=w)
    assert agree(gradient, numpy_gradient(model, theta, X, w[:, None] * (MEANS[family](eta) - y)), 1e-12)
    few = (X[:40], y[:40])
    assert agree(model.gradient(theta, *few), differences(lambda t: model.loss(t, *few), theta), 1e-6)
    columns = sum(MLP((), family=family).loss(np.array([0.2, 0, 0, 0, 0]), X, column, weights=w) for column in y.T)
    assert MLP((), family=family).loss(np.repeat([0.2, 0.0], [4, 16]), X, y, weights=w) == pytest.approx(columns)


@pytest.mark.parametrize("hidden", TIED)
@pytest.mark.parametrize("activation", [*ACTIVATIONS, "identity"])
def test_gradients_of_tied_weights_agree_with_differences_and_the_sum_of_untied_ones(hidden, activation):
    X, y, w = responses("poisson")
    tied, free = (MLP(hidden, family="poisson", activation=activation, tied=t) for t in (True, False))
    network, loose = tied.network(4, 4), free.network(4, 4)
    theta = RNG(0).normal(size=network.n_params) * 0.5
    layers = zip(network.split(theta)[0], network.weights(theta), strict=True)
    untied = np.concatenate([np.vstack([layer[0], weights]).ravel() for layer, weights in layers])
    assert tied.loss(theta, X, y) == pytest.approx(free.loss(untied, X, y), rel=1e-13)
    slopes = differences(lambda t: tied.loss(t, X[:40], y[:40]), theta)
    assert agree(tied.gradient(theta, X[:40], y[:40]), slopes, 1e-6)
    found, parts = (net.split(m.gradient(t, X, y, weights=w))[0]
                    for net, m, t in ((network, tied, theta), (loose, free, untied)))  # fmt: skip
    for i, layer in enumerate(found):
        assert np.allclose(layer[0], parts[i][0], rtol=1e-11)
        if 2 * i < len(found):
            assert np.allclose(layer[1:], parts[i][1:] + parts[-1 - i][1:].T, rtol=1e-10, atol=1e-10)


def test_without_hidden_layers_each_column_has_its_own_glm():
    X, y, w = responses("poisson", 400)
    descent = SGD(batch_size="full", schedule="constant", tol=None, epochs=4000)
    result = MLP((), family="poisson").fit(X, y, weights=w, solver=descent)
    exact = [fastglm.fit(X, column, family="poisson", weights=w) for column in y.T]
    assert np.allclose(result.intercepts[0], [one.params[0] for one in exact], rtol=1e-5)
    assert np.allclose(result.coefs[0], np.column_stack([one.params[1:] for one in exact]), rtol=1e-5)
    assert result.deviance == pytest.approx(sum(one.deviance for one in exact), rel=1e-10)
    assert result.predict(X).shape == (400, 4)
    assert np.allclose(result.predict(X)[:, 2], exact[2].predict(X), rtol=1e-5)


def test_the_first_loss_is_the_null_models_of_all_columns():
    X, y, _ = responses("binomial")
    result = MLP((3,), family="binomial").fit(X, y, solver=SGD(method="sgd", rate=1e-12, epochs=1, batch_size="full"))
    nulls = sum(fastglm.fit(X, column, family="binomial").null_deviance for column in y.T)
    assert result.deviance == pytest.approx(nulls, rel=1e-6)


@pytest.mark.parametrize("tied", [False, True])
def test_a_linear_autoencoder_is_principal_components(tied):
    rng = RNG(2)
    X = rng.normal(size=(200, 6)) @ rng.normal(size=(6, 6)) + 3.0
    _, sizes, axes = np.linalg.svd(X - X.mean(0), full_matrices=False)
    solver = SGD(method="adam", batch_size="full", epochs=3000, patience=50, tol=1e-12)
    result = MLP((2,), activation="identity", tied=tied).fit(X, X, solver=solver)
    assert result.deviance == pytest.approx((sizes[2:] ** 2).sum(), rel=1e-6)
    span = np.linalg.qr(result.coefs[1].T)[0]
    assert np.abs(span - axes[:2].T @ (axes[:2] @ span)).max() < 1e-3  # error of the loss is its square
    if tied:
        assert (result.coefs[1] == result.coefs[0].T).all() and result.n_params == 2 + 6 + 12


def digits():
    return pytest.importorskip("sklearn.datasets").load_digits().data / 16.0


def test_an_autoencoder_beats_as_many_principal_components_on_digits_and_is_saved(tmp_path):
    X = digits()[:600]
    result = MLP((8,), family="binomial", activation="logistic").fit(
        X, X, solver=SGD(method="adam", rate=0.02, epochs=120, batch_size=32, standardize=False)
    )
    code = result.encode(X)
    assert code.shape == (600, 8) and ((code > 0) & (code < 1)).all()
    assert np.allclose(result.decode(code), result.predict(X), rtol=1e-12)
    residual = np.linalg.svd(X - X.mean(0), compute_uv=False)[8:]
    assert ((X - result.predict(X)) ** 2).sum() < 0.95 * (residual**2).sum()  # which no plane of 8 dimensions undercuts
    again = (result.save(tmp_path / "code.npz"), MLPResult.load(tmp_path / "code.npz"))[1]
    assert again.network == result.network and (again.predict(X[:5]) == result.predict(X[:5])).all()


def test_codes_are_the_values_of_a_layer():
    X, y, _ = responses("gaussian", 200)
    result = MLP((5, 2, 5), tied=True, activation="relu").fit(X, X, solver=SGD(epochs=5))
    values = np.maximum(X @ result.coefs[0] + result.intercepts[0], 0.0)
    assert np.allclose(result.encode(X, layer=1), values)
    middle = np.maximum(values @ result.coefs[1] + result.intercepts[1], 0.0)
    assert np.allclose(result.encode(X), middle)
    for layer in (1, 2, 3):
        assert np.allclose(result.decode(result.encode(X, layer), layer), result.predict(X))
    softmax = MLP((3,), family="multinomial").fit(X, np.repeat([0, 1, 2, 1], 50), solver=SGD(epochs=2))
    assert np.allclose(softmax.decode(softmax.encode(X)), softmax.predict(X))


def test_exposures_and_recorded_parameters_of_several_outputs():
    X, y, _ = responses("poisson", 300)
    exposure = RNG(3).uniform(0.5, 2, 300)
    result = MLP((2,), family="poisson").fit(X, y, exposure=exposure, solver=SGD(epochs=3, record="params"))
    assert np.allclose(result.predict(X, exposure=exposure), result.predict(X, exposure=1.0) * exposure[:, None])
    assert result.history["params"].shape == (3, result.n_params)
    assert (result.history["params"][-1] == result.theta).all()


def test_two_columns_of_a_binomial_are_counts_unless_told_otherwise():
    X, y, _ = responses("binomial", 100)
    y = y[:, :2]
    assert MLP((), family="binomial", outputs=2).fit(X, y, solver=SGD(epochs=2)).predict(X).shape == (100, 2)
    assert MLP((), family="binomial").fit(X, 1 + y, solver=SGD(epochs=2)).predict(X).shape == (100,)


BAD = [
    (lambda X: MLP((2,), outputs=3).fit(X, X), "y has 4 columns, the network has outputs=3"),
    (lambda X: MLP((2,), tied=True).fit(X, X[:, :3]), "y has 3, X has 4"),
    (lambda X: MLP((3, 2), tied=True), "mirror each other"),
    (lambda X: MLP((3, 3), tied=True), "mirror each other"),
    (lambda X: MLP((3,), tied=True, skip=True), "without skip=True"),
    (lambda X: MLP((3,), tied="yes"), "tied='yes'"),
    (lambda X: MLP((3,), outputs=0), "outputs=0"),
    (lambda X: MLP((3,), family="multinomial", outputs=2), "one output for each class"),
    (lambda X: MLP((3,), tied=True).fit(X, X, solver=SGD(standardize=True)), "standardize=True"),
    (lambda X: MLP((3,), family="poisson").fit(X, X - [0, 0, 9, 0]), "column 2 of y"),
    (lambda X: MLP((3,)).fit(X, X[:9]), "length 9, X has 80 rows"),
    (lambda X: MLP((3,)).fit(X, X, solver=SGD(class_weight="balanced")), "class_weight needs one response"),
    (lambda X: MLP(()).fit(X, X).encode(X), "no hidden layer"),
    (lambda X: MLP((3,)).fit(X, X, solver=SGD(epochs=1)).encode(X, layer=2), "layer=2"),
    (lambda X: MLP((3,)).fit(X, X, solver=SGD(epochs=1)).decode(X), r"not \(n, 3\)"),
    (lambda X: MLP((3,), skip=True).fit(X, X, solver=SGD(epochs=1)).decode(X[:, :3]), "direct connection"),
    (lambda X: MLP((3,)).fit(X, X[:, :2], start=np.zeros(3)), "start has shape"),
]


@pytest.mark.parametrize("act, words", BAD)
def test_what_cannot_be_is_refused_by_name(act, words):
    with pytest.raises(InvalidParameterError, match=words):
        act(RNG(4).uniform(0.1, 0.9, size=(80, 4)))


def test_a_missing_response_is_named():
    X = RNG(4).normal(size=(30, 3))
    y = X.copy()
    y[7, 2] = np.nan
    with pytest.raises(MissingDataError, match="column 2 of y"):
        MLP((2,)).fit(X, y)
    with pytest.raises(MissingDataError, match="Z contains NaN"):
        MLP((3,)).fit(X, X, solver=SGD(epochs=1)).decode(y)


def test_files_of_the_second_version_have_one_family_and_no_tied_weights(tmp_path):
    from fastglm.core import sealed

    X, y, _ = responses("gaussian", 60)
    result = MLP((2,)).fit(X, y[:, 0], solver=SGD(epochs=2))
    result.save(tmp_path / "new.npz")
    header, arrays = sealed.read_document(tmp_path / "new.npz", "a network", "fastglm-network", 9)
    one = header.pop("heads")[0]
    old = {name: v for name, v in header.items() if name not in ("several", "tied", "format", "version")}
    old |= {name: one[name] for name in ("family", "link", "classes")}
    sealed.write_document(tmp_path / "old.npz", "fastglm-network", 2, old, arrays)
    again = MLPResult.load(tmp_path / "old.npz")
    assert again.network == result.network and (again.predict(X) == result.predict(X)).all()
