"""Multi-layer perceptrons: gradients against differences and a plain numpy back-propagation, and the GLM inside."""

import warnings

import numpy as np
import oracle
import pytest
from back_propagation import ACTIVATIONS, RNG, SHAPES, agree, differences, forward, numpy_gradient, parameters
from scipy.special import xlogy

import fastglm
from fastglm.errors import DivergenceError, FileFormatError, InvalidParameterError, MissingDataError
from fastglm.kernels.activation import tanh
from fastglm.kernels.row_loops import FamilyLink
from fastglm.nn import MLP, MLPResult
from fastglm.objective.base import Deviance
from fastglm.solver.sgd import driver as linear_driver
from fastglm.solvers import SGD
from fastglm.source.in_memory import Block, InMemory


@pytest.mark.parametrize("family, link", oracle.pairs())
def test_gradients_of_every_family_and_link_agree_with_differences(family, link):
    f, k, rng = oracle.family(family), oracle.link(link), RNG(1)
    model = MLP((3,), family=f, link=k, skip=True)
    X, low_high = rng.uniform(-1, 1, size=(30, 2)), oracle.means(f)
    y = rng.choice([0.0, 0.3, 1.0] if f.domain.high == 1.0 else [1.0, 2.0, 4.0], 30)
    given = {"weights": rng.uniform(0.5, 2, 30), "offset": rng.uniform(-0.05, 0.05, 30)}
    theta = parameters(model, 2, eta=float(oracle.to_eta(k, np.mean(low_high))))
    gradient = model.gradient(theta, X, y, **given)
    assert np.isfinite(gradient).all()
    assert agree(gradient, differences(lambda t: model.loss(t, X, y, **given), theta), 1e-6)


@pytest.mark.parametrize("activation", ACTIVATIONS)
@pytest.mark.parametrize("hidden, skip", SHAPES)
@pytest.mark.parametrize("family", ["poisson", "multinomial"])
def test_gradients_of_every_shape_agree_with_differences_and_numpy(activation, hidden, skip, family):
    rng = RNG(2)
    model = MLP(hidden, family=family, activation=activation, skip=skip)
    n, outputs = 700, 3 if family == "multinomial" else 1  # rows of several blocks
    X, w = rng.normal(size=(n, 2)), rng.uniform(0.5, 2, n)
    y = rng.integers(0, 3, n)
    theta = parameters(model, 2, outputs)
    gradient = model.gradient(theta, X, y, weights=w)
    eta = forward(model, theta, X, outputs)[1]
    mu = np.exp(eta) if outputs == 1 else np.exp(eta) / np.exp(eta).sum(1, keepdims=True)
    seen = y[:, None] if outputs == 1 else np.eye(3)[y]
    assert agree(gradient, numpy_gradient(model, theta, X, w[:, None] * (mu - seen)), 1e-12)
    few = (X[:40], y[:40])  # among more rows some relu unit changes sides within a difference
    slopes = differences(lambda t: model.loss(t, *few), theta)
    assert agree(model.gradient(theta, *few), slopes, 1e-6)


def test_the_compiled_tanh():
    z = np.concatenate([np.linspace(-20, 20, 401), [1e-300, 1e-9, -1e-5, 800.0]])
    assert np.allclose([tanh(v) for v in z], np.tanh(z), rtol=1e-15, atol=0)
    assert np.isnan(tanh(np.nan))


def glm_data(family="poisson", n=600):
    rng = RNG(3)
    X = rng.normal(size=(n, 3)) * [1.0, 30.0, 0.1] + [0.0, 50.0, 1.0]
    eta = 0.3 + (X - [0.0, 50.0, 1.0]) @ [0.5, -0.01, 2.0]
    y = rng.poisson(np.exp(eta)) if family == "poisson" else (rng.random(n) < 1 / (1 + np.exp(-eta))).astype(float)
    return X, y, rng.uniform(0.5, 2, n), rng.uniform(-0.2, 0.2, n)


def half_deviance(X, y, beta, pair, w, offset):
    """Loss and gradient of the exact solvers' objective."""
    data = Block(X, True, y, w, None, offset, None)
    q = Deviance(InMemory(data, 1), pair).at(beta, 1)
    return q.deviance / 2, -q.score


@pytest.mark.parametrize("family", ["poisson", "binomial"])
def test_without_hidden_layers_loss_and_gradient_are_the_glms(family):
    X, y, w, offset = glm_data(family)
    model, beta = MLP((), family=family), np.array([0.1, 0.3, -0.02, 1.0])
    loss, gradient = half_deviance(X, y, beta, FamilyLink(model.family, model.link), w, offset)
    assert model.loss(beta, X, y, weights=w, offset=offset) == pytest.approx(loss, rel=1e-12)
    assert agree(model.gradient(beta, X, y, weights=w, offset=offset), gradient, 1e-12)


def test_with_zeroed_hidden_outputs_the_direct_connection_is_the_glm():
    X, y, w, offset = glm_data()
    model, beta = MLP((4, 3), family="poisson", skip=True), np.array([0.1, 0.3, -0.02, 1.0])
    network = model.network(3)
    theta = RNG(0).normal(size=network.n_params)
    layers, direct = network.split(theta)
    layers[-1][0], layers[-1][1:], direct[:, 0] = beta[0], 0.0, beta[1:]
    loss, gradient = half_deviance(X, y, beta, FamilyLink(model.family, model.link), w, offset)
    assert model.loss(theta, X, y, weights=w, offset=offset) == pytest.approx(loss, rel=1e-12)
    found, found_direct = network.split(model.gradient(theta, X, y, weights=w, offset=offset))
    assert agree(np.concatenate([found[-1][0], found_direct[:, 0]]), gradient, 1e-12)


PATHS = [SGD(method="sgd", epochs=5), SGD(rate=1e-4, epochs=5, seed=3), SGD(method="adam", epochs=5)]


@pytest.mark.parametrize("options", PATHS)
def test_without_hidden_layers_the_path_is_the_stochastic_glms(options):
    X, y, w, offset = glm_data()
    model = MLP((), family="poisson")
    ours = model.fit(X, y, weights=w, offset=offset, solver=options)
    data = Block(X, True, y, w, None, offset, None)
    theirs = linear_driver.run(data, FamilyLink(model.family, model.link), options)
    assert np.allclose(ours.history["loss"], theirs.history["loss"], rtol=1e-9)
    assert np.allclose(ours.theta, theirs.coef, rtol=1e-8)


FULL = SGD(batch_size="full", schedule="constant", tol=None, epochs=4000)


@pytest.mark.parametrize("family", ["gaussian", "poisson", "binomial"])
def test_without_hidden_layers_full_batches_reach_the_exact_fit(family):
    X, y, w, _ = glm_data(family)
    result, exact = (f(X, y, weights=w) for f in (lambda *a, **k: MLP((), family=family).fit(*a, **k, solver=FULL),
                                                  lambda *a, **k: fastglm.fit(*a, **k, family=family)))  # fmt: skip
    assert np.allclose(result.theta, exact.params, rtol=1e-6)
    assert result.deviance == pytest.approx(exact.deviance, rel=1e-10)
    assert np.allclose(result.predict(X[:5]), exact.predict(X[:5]), rtol=1e-6)


def test_without_hidden_layers_the_softmax_reaches_the_exact_fit():
    rng = RNG(4)
    X = rng.normal(size=(300, 2)) + [5.0, 0.0]
    y = np.array(["ox", "ant", "bee"])[(X[:, :1] + rng.normal(size=(300, 1)) > [4.5, 5.5]).sum(1)]
    result, exact = MLP((), family="multinomial").fit(X, y, solver=FULL), fastglm.fit(X, y, family="multinomial")
    assert result.classes == exact.classes == ("ant", "bee", "ox")
    table = np.vstack([result.intercepts[0], result.coefs[0]])
    assert np.allclose(table[:, 1:] - table[:, :1], exact.params, rtol=1e-5, atol=1e-6)
    assert np.allclose(result.predict(X[:9], "proba"), exact.predict(X[:9]), atol=1e-6)
    assert (result.predict(X, "class") == exact.predict(X, "class")).all()


def test_the_penalty_is_ridge_regression_on_the_scale_of_x():
    X, y, _, _ = glm_data()
    result = MLP((), l2=0.3).fit(X, y, solver=FULL._replace(epochs=200))
    Z, n = X - X.mean(0), len(y)
    slopes = np.linalg.solve(Z.T @ Z / n + 0.3 * np.eye(3), Z.T @ (y - y.mean()) / n)
    assert np.allclose(result.coefs[0][:, 0], slopes, rtol=1e-6)
    residual = y - result.predict(X)
    assert result.loss == pytest.approx(0.5 * (residual @ residual / n + 0.3 * slopes @ slopes), rel=1e-9)


def test_the_first_loss_is_the_null_models_and_penalties_leave_intercepts_free():
    X, y, w, _ = glm_data()
    model = MLP((5,), family="poisson", skip=True, l2=1e6)
    result = model.fit(X, y, weights=w, solver=SGD(batch_size="full", epochs=1, rate=1e-12, method="sgd"))
    null = fastglm.fit(X, y, family="poisson", weights=w).null_deviance
    assert result.deviance == pytest.approx(null, rel=1e-6)
    # a strong penalty leaves the null model
    shrunk = model.fit(X, y, weights=w, solver=SGD(method="sgd", epochs=30))
    assert shrunk.deviance == pytest.approx(null, rel=1e-2)
    assert all(np.abs(c).max() < 1e-3 for c in shrunk.coefs) and np.abs(shrunk.direct).max() < 1e-3


XOR = np.array([[0.0, 0], [0, 1], [1, 0], [1, 1]])


@pytest.mark.parametrize("activation", ACTIVATIONS)
def test_learns_xor(activation):
    label = np.array(["no", "yes", "yes", "no"])
    result = MLP((8,), family="binomial", activation=activation).fit(
        XOR, label, solver=SGD(batch_size="full", epochs=1000, patience=100)
    )
    glm = fastglm.fit(XOR, label, family="binomial")
    assert glm.deviance == pytest.approx(8 * np.log(2))
    assert result.deviance < 0.1 * glm.deviance
    assert (result.predict(XOR, "class") == label).all()


@pytest.mark.parametrize("hidden, skip", [((16,), False), ((8, 8), False), ((16,), True)])
def test_learns_a_sine(hidden, skip):
    x = np.linspace(-3, 3, 200)[:, None]
    y = np.sin(2 * x[:, 0])
    result = MLP(hidden, skip=skip).fit(x, y)
    assert result.deviance < 0.01 * fastglm.fit(x, y).deviance
    assert np.abs(result.predict(x) - y).max() < 0.15


def test_learns_counts_that_a_line_cannot_follow():
    rng = RNG(5)
    X = rng.uniform(-2, 2, size=(1500, 2))
    exposure = rng.uniform(0.5, 2, 1500)
    mu = exposure * np.exp(1.5 - X[:, 0] ** 2 + 0.3 * X[:, 1])
    y = rng.poisson(mu)
    result = MLP((12,), family="poisson", skip=True).fit(X, y, exposure=exposure)
    assert result.deviance < 0.5 * fastglm.fit(X, y, family="poisson", exposure=exposure).deviance
    # below the deviance of the truth, by no more than so many parameters take: a chi-square within five deviations
    truth, m = 2.0 * float((xlogy(y, y / mu) - (y - mu)).sum()), len(result.theta)
    assert truth - m - 5.0 * np.sqrt(2.0 * m) < result.deviance < truth
    with pytest.raises(InvalidParameterError, match="exposure"):
        result.predict(X)
    assert np.allclose(result.predict(X, exposure=2.0), 2 * result.predict(X, exposure=1.0))
    assert np.allclose(result.predict(X, "link", exposure=1.0), np.log(result.predict(X, exposure=1.0)))


def test_rows_held_out_decide_when_to_stop():
    rng = RNG(6)
    X = rng.normal(size=(150, 6))
    y = X[:, 0] + rng.normal(size=150)
    result = MLP((30,)).fit(X, y, solver=SGD(method="adam", epochs=400, validation_fraction=0.3))
    assert result.stop == "early stopping"
    assert result.epochs == len(result.history["validation_loss"]) < 400


def small_fit(seed=0, **options):
    X, y, w, _ = glm_data()
    return MLP((6, 4), family="poisson", seed=seed).fit(X, y, weights=w, solver=SGD(epochs=6, **options))


def test_a_seed_gives_the_same_bits_whatever_the_threads():
    from threadpoolctl import threadpool_limits

    first = small_fit()
    for threads in (1, 2):
        fastglm.set_threads(threads)
        try:
            with threadpool_limits(threads):
                assert small_fit().theta.tobytes() == first.theta.tobytes()
        finally:
            fastglm.set_threads(None)
    assert (small_fit(seed=1).theta != first.theta).any()
    assert (small_fit(**{"seed": 0}).theta == first.theta).all()


def test_an_interrupted_fit_resumes_to_the_same_bits(tmp_path):
    path = tmp_path / "state.npz"
    X, y, w, _ = glm_data()
    whole = small_fit()
    for epochs in (2, 6):
        model = MLP((6, 4), family="poisson")
        part = model.fit(X, y, weights=w, solver=SGD(epochs=epochs, checkpoint=path))
    assert part.theta.tobytes() == whole.theta.tobytes()
    assert (part.history["loss"] == whole.history["loss"]).all()
    with pytest.raises(InvalidParameterError, match="differs in model"):
        MLP((6, 4), family="poisson", activation="relu").fit(X, y, weights=w, solver=SGD(epochs=6, checkpoint=path))


def test_training_goes_on_from_a_result():
    X, y, w, _ = glm_data()
    first = small_fit()
    again = MLP((6, 4), family="poisson").fit(X, y, weights=w, start=first, solver=SGD(epochs=1, rate=1e-12))
    assert np.allclose(again.theta, first.theta, rtol=1e-6, atol=1e-9)
    for start, words in ((first, "other layers"), (np.zeros(3), "start has shape"), (first.theta * 1e4, "not finite")):
        with pytest.raises(InvalidParameterError, match=words):
            MLP((6,) if start is first else (6, 4), family="poisson").fit(X, y, start=start)


@pytest.mark.parametrize("family", ["binomial", "multinomial"])
def test_weights_of_classes_go_by_their_labels(family):
    rng = RNG(12)
    X, y = rng.normal(size=(90, 2)), np.array(["hen", "cow"])[rng.integers(0, 2, 90)]
    model, options = MLP((3,), family=family), SGD(epochs=5)
    named = model.fit(X, y, solver=options._replace(class_weight={"hen": 3.0, "cow": 0.5}))
    given = model.fit(X, y, solver=options, weights=np.where(y == "hen", 3.0, 0.5))
    assert named.theta.tobytes() == given.theta.tobytes()
    for weights in ({"hen": 1.0}, {"hen": 1.0, "cow": 1.0, "pig": 1.0}):
        with pytest.raises(InvalidParameterError, match="class_weight has"):
            model.fit(X, y, solver=options._replace(class_weight=weights))


def test_the_scale_of_x_does_not_matter():
    X, y, w, _ = glm_data()
    a = MLP((5,), family="poisson").fit(X, y, solver=SGD(epochs=5))
    b = MLP((5,), family="poisson").fit(X * 1024 + 5, y, solver=SGD(epochs=5))
    assert np.allclose(a.predict(X), b.predict(X * 1024 + 5), rtol=1e-8)


@pytest.mark.parametrize("kind", ["float32", "fortran", "strided", "readonly", "frame", "whole"])
def test_x_is_read_as_it_lies_and_never_changed(kind):
    X = np.round(RNG(7).normal(size=(120, 3)) * 4)
    y = RNG(8).normal(size=120)
    forms = {
        "float32": lambda: X.astype(np.float32),
        "fortran": lambda: np.asfortranarray(X),
        "strided": lambda: np.repeat(X, 2, axis=1)[:, ::2],
        "readonly": lambda: X.copy(),
        "frame": lambda: pytest.importorskip("pandas").DataFrame(X, columns=["a", "b", "c"]),
        "whole": lambda: X.astype(np.int16),
    }
    other = forms[kind]()
    if kind == "readonly":
        other.setflags(write=False)
    before = np.array(other)
    model = MLP((4,))
    plain, result = (model.fit(v, y, solver=SGD(epochs=4)) for v in (X, other))
    # sums over columns depend on the order in memory in their last bits
    assert np.allclose(result.theta, plain.theta, rtol=1e-9, atol=1e-12)
    assert np.allclose(result.predict(other), plain.predict(X), rtol=1e-9)
    assert (np.array(other) == before).all()
    if kind == "frame":
        assert result.names == ("a", "b", "c")
        assert (result.predict(other[["c", "a", "b"]]) == result.predict(other)).all()


def test_differences_in_place_of_back_propagation_follow_the_same_path():
    X, y, _, _ = glm_data(n=40)
    model, options = MLP((3,), family="poisson"), SGD(method="sgd", batch_size="full", rate=0.05, epochs=20)
    analytic, central = (model.fit(X, y, solver=options._replace(gradient=g)) for g in ("analytic", "central"))
    assert np.allclose(analytic.theta, central.theta, rtol=1e-5, atol=1e-7)


def test_no_columns_leave_the_mean():
    y = RNG(9).poisson(3.0, 50)
    result = MLP((), family="poisson").fit(np.empty((50, 0)), y, solver=FULL._replace(epochs=200))
    assert result.predict(np.empty((2, 0))) == pytest.approx(y.mean(), rel=1e-6)


def test_a_rate_that_is_too_high_diverges_and_an_automatic_one_heals():
    X, y, _, _ = glm_data()
    model = MLP((6,), family="poisson")
    for batch in (16, "full"):
        with pytest.raises(DivergenceError, match="rate"):
            model.fit(X, y, solver=SGD(method="sgd", rate=1e3, batch_size=batch))
    result = model.fit(X, y, solver=SGD(method="sgd", epochs=30))
    assert result.deviance < fastglm.fit(X, y, family="poisson").null_deviance


@pytest.mark.parametrize("family", ["gaussian", "poisson", "binomial", "multinomial"])
def test_saved_networks_come_back_to_the_bit(tmp_path, family):
    rng = RNG(10)
    X = rng.normal(size=(80, 2))
    y = {"binomial": np.array(["no", "yes"]), "multinomial": np.array([3, 7, 9])}.get(family, np.arange(3.0))
    y = y[rng.integers(0, len(y), 80)]
    result = MLP((3, 2), family=family, skip=True).fit(X, y, solver=SGD(epochs=3), names=["a", "b"])
    path = tmp_path / "network.npz"
    result.save(path)
    again = MLPResult.load(path)
    assert again.theta.tobytes() == result.theta.tobytes()
    assert again.network == result.network and repr(again) == repr(result)
    for name in ("names", "classes", "exposure_kind", "deviance", "loss", "stop", "epochs", "notes"):
        assert getattr(again, name) == getattr(result, name), name
    assert all(np.array_equal(again.history[n], v, equal_nan=True) for n, v in result.history.items())
    assert again.predict(X).tobytes() == result.predict(X).tobytes()
    if result.classes is not None:
        assert (again.predict(X, "class") == result.predict(X, "class")).all()


def test_files_that_are_no_networks_are_refused(tmp_path):
    path = tmp_path / "network.npz"
    small_fit().save(path)
    content = path.read_bytes()
    for damaged in (content[: len(content) // 2], b"", b"not an archive"):
        path.write_bytes(damaged)
        with pytest.raises(FileFormatError):
            MLPResult.load(path)
    np.savez(path, theta=np.zeros(3))
    with pytest.raises(FileFormatError, match="not a saved network"):
        MLPResult.load(path)
    with pytest.raises(FileNotFoundError):
        MLPResult.load(tmp_path / "none.npz")


def test_the_record_shows_its_layers():
    result = small_fit()
    assert "3 -> 6 -> 4 -> 1 units, tanh" in repr(result)
    assert f"{result.n_params} parameters" in repr(result) and result.n_params == 3 * 6 + 6 + 6 * 4 + 4 + 4 + 1
    assert [c.shape for c in result.coefs] == [(3, 6), (6, 4), (4, 1)]
    assert [b.shape for b in result.intercepts] == [(6,), (4,), (1,)]
    assert result.direct is None
    with pytest.raises(ValueError, match="read-only"):
        result.coefs[0][0, 0] = 1.0
    assert np.isfinite(result.history["loss"]).all() and len(result.history["epoch"]) == result.epochs
    assert repr(MLP((6, 4), skip=True)) == "MLP((6, 4), family='gaussian', link='identity', tanh, skip=True)"


ARGUMENTS = [
    (dict(hidden=(0,)), "hidden"),
    (dict(hidden=(2.5,)), "hidden"),
    (dict(hidden=None), "hidden"),
    (dict(activation="step"), "activation"),
    (dict(skip="yes"), "skip"),
    (dict(hidden=(), skip=True), "skip=True needs a hidden layer"),
    (dict(l2=-1.0), "l2"),
    (dict(l2=np.nan), "l2"),
    (dict(seed=-1), "seed"),
    (dict(family="poison"), "poisson"),
    (dict(family="multinomial", link="log"), "link"),
]


@pytest.mark.parametrize("arguments, words", ARGUMENTS)
def test_arguments_that_cannot_be_used(arguments, words):
    with pytest.raises(InvalidParameterError, match=words):
        MLP(**arguments)


X3, Y3 = np.arange(12.0).reshape(6, 2), np.array([0.0, 1, 0, 1, 1, 2])
BAD = X3.copy()
BAD[4, 1] = np.inf
FITS = [
    (dict(X=BAD, y=Y3), MissingDataError, "'x2'.* row 4"),
    (dict(X=X3, y=np.where(Y3 == 2, np.nan, Y3)), MissingDataError, "y is not finite"),
    (dict(X=X3, y=-Y3), InvalidParameterError, "y = -1.0 at row 1"),
    (dict(X=X3, y=Y3[:5]), InvalidParameterError, "length"),
    (dict(X=X3[:, 0], y=Y3), InvalidParameterError, "2-d"),
    (dict(X=X3, y=Y3, weights=-np.ones(6)), InvalidParameterError, "weights"),
    (dict(X=X3, y=Y3, exposure=np.zeros(6)), InvalidParameterError, "exposure must be positive"),
    (dict(X=X3, y=Y3, solver="newton"), InvalidParameterError, "solver"),
    (dict(X=X3, y=Y3, solver=SGD(method="saga")), InvalidParameterError, "saga"),
    (dict(X=X3, y=Y3, solver=SGD(step="implicit")), InvalidParameterError, "implicit"),
    (dict(X=X3, y=Y3, solver=SGD(l2=2.0)), InvalidParameterError, "l2 is given twice"),
    (dict(X=X3, y=Y3, solver=SGD(rate=-1.0)), InvalidParameterError, "rate"),
]


@pytest.mark.parametrize("arguments, error, words", FITS)
def test_data_that_cannot_be_used(arguments, error, words):
    with pytest.raises(error, match=words):
        MLP((2,), family="poisson", l2=1.0).fit(**arguments)


def test_predictions_that_cannot_be_made():
    result = MLP((2,)).fit(X3, Y3, solver=SGD(epochs=1))
    for arguments, words in (
        (dict(X=X3[:, :1]), "columns"),
        (dict(X=BAD), "'x2'.* row 4"),
        (dict(X=X3, kind="odds"), "unknown kind"),
        (dict(X=X3, kind="proba"), "multinomial"),
        (dict(X=X3, kind="class"), "labels"),
    ):
        with pytest.raises(InvalidParameterError, match=words):
            result.predict(**arguments)
    assert result.predict(X3[:0]).shape == (0,)
    several = MLP((2,), family="multinomial").fit(X3, Y3, solver=SGD(epochs=1))
    with pytest.raises(InvalidParameterError, match="offset"):
        several.predict(X3, offset=1.0)
    with pytest.raises(InvalidParameterError, match="theta has shape"):
        MLP((2,)).loss(np.zeros(3), X3, Y3)


@pytest.mark.parametrize("activation", ACTIVATIONS)
def test_scikit_learns_network_has_the_same_loss(activation):
    networks = pytest.importorskip("sklearn.neural_network")
    rng = RNG(11)
    X, y, labels = rng.normal(size=(60, 3)), rng.normal(size=60), rng.integers(0, 3, 60)
    for family, cls, target in (("gaussian", "MLPRegressor", y), ("multinomial", "MLPClassifier", labels)):
        model, outputs = MLP((5, 4), family=family, activation=activation), 3 if family == "multinomial" else 1
        theta = rng.normal(size=model.network(3, outputs).n_params)
        layers, _ = model.network(3, outputs).split(theta)
        peer = getattr(networks, cls)(hidden_layer_sizes=(5, 4), activation=activation, max_iter=1)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            peer.fit(X, target)
        peer.coefs_, peer.intercepts_ = [a[1:] for a in layers], [a[0] for a in layers]
        if family == "gaussian":
            theirs = 0.5 * ((y - peer.predict(X)) ** 2).sum()
        else:
            theirs = -np.log(peer.predict_proba(X)[np.arange(60), labels]).sum()
        assert model.loss(theta, X, target) == pytest.approx(theirs, rel=1e-10)
