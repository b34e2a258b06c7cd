"""A fitted model exported as a network gives the same means, and learns the same coefficients."""

import importlib.util
import json
import subprocess
import sys
from functools import cache

import numpy as np
import pytest

import fastglm
from fastglm.errors import CollinearityWarning, InvalidParameterError
from fastglm.export import to_keras, to_onnx, to_torch
from fastglm.family.registry import LINKS
from fastglm.simulate import make_glm, make_softmax


def installed(library):
    return importlib.util.find_spec(library) is not None


def needs(library):
    return pytest.mark.skipif(not installed(library), reason=f"{library} is not installed")


PAIRS = [
    ("gaussian", "identity"), ("poisson", "log"), ("binomial", "logit"), ("binomial", "probit"),
    ("binomial", "cloglog"), ("binomial", "loglog"), ("binomial", "cauchit"), ("gamma", "inverse"),
    ("inverse_gaussian", "inverse_squared"), ("poisson", "sqrt"), ("gamma", "power"), ("negative_binomial", "log"),
    ("tweedie", "log"), ("inverse_gaussian", "log"), ("binomial", "log"), ("quasi(mu^2)", "log"),
    ("quasi(constant)", "log"),
]  # fmt: skip
EXPOSED = ("poisson", "log", "exposure")
FAMILY = {
    "negative_binomial": fastglm.families.NegativeBinomial(2.0),
    "tweedie": fastglm.families.Tweedie(1.5),
}
# the simulated family and link where they are not those of the fit
DRAWN = {"quasi(mu^2)": ("gamma", "log"), "quasi(constant)": ("gaussian", "identity")}


def drawn(family, link):
    family, link = DRAWN.get(family, (family, "log" if link == "power" else link))
    intercept = -2.0 if (family, link) == ("binomial", "log") else True
    if family == "gaussian":
        intercept = 6.0  # keeps a log link's mean positive
    return make_glm(family, 400, 3, link=link, kind="uniform", signal=0.2, intercept=intercept, seed=1)


def fitted(family, link, **options):
    data = drawn(family, link)
    link = fastglm.links.Power(0.5) if link == "power" else link
    return data, fastglm.fit(data.X, data.y, family=FAMILY.get(family, family), link=link, **options)


def softmax_fit(reference="b"):
    data = make_softmax(500, 3, 3, seed=2)
    family = fastglm.families.Multinomial(reference=reference)
    return data, fastglm.fit(data.X, np.array(list("abc"))[data.y], family=family)


def test_every_link_of_the_library_is_tried():
    ours = {name for name, cls in LINKS.items() if cls.__module__.startswith("fastglm.")}
    assert {link for _, link in PAIRS} == ours


# --- PyTorch ----------------------------------------------------------------------------------------------------------


@needs("torch")
@pytest.mark.parametrize("family, link", PAIRS)
def test_torch_gives_the_same_means(family, link):
    import torch

    data, result = fitted(family, link)
    mean = to_torch(result)(torch.from_numpy(data.X)).detach().numpy()
    assert mean.shape == (400,) and mean.dtype == np.float64
    assert np.allclose(mean, result.predict(data.X), rtol=1e-12, atol=1e-15)


@needs("torch")
def test_torch_takes_offset_and_exposure():
    import torch

    data = drawn("poisson", "log")
    exposure = np.linspace(0.5, 3, 400)
    result = fastglm.fit(data.X, data.y, family="poisson", exposure=exposure)
    module, X = to_torch(result), torch.from_numpy(data.X)
    expected = result.predict(data.X, exposure=exposure)
    assert np.allclose(module(X, exposure=torch.from_numpy(exposure)).detach(), expected, rtol=1e-12)
    assert np.allclose(module(X, offset=torch.from_numpy(np.log(exposure))).detach(), expected, rtol=1e-12)
    with pytest.raises(InvalidParameterError, match="fitted with an exposure"):
        module(X)


@needs("torch")
@pytest.mark.parametrize("reference", ["a", "b", "c"])
def test_torch_gives_the_same_probabilities(reference):
    import torch

    data, result = softmax_fit(reference)
    module = to_torch(result)
    assert module.classes == ("a", "b", "c")
    assert np.allclose(module(torch.from_numpy(data.X)).detach(), result.predict(data.X), rtol=1e-12)


def train(module, loss, start):
    """Full-batch L-BFGS to the optimum from zero weights and a given bias."""
    import torch

    with torch.no_grad():
        module.linear.weight.zero_()
        module.linear.bias.copy_(torch.as_tensor(start, dtype=torch.float64).reshape(-1))
    optimiser = torch.optim.LBFGS(
        module.parameters(), max_iter=300, tolerance_grad=1e-12, tolerance_change=0, line_search_fn="strong_wolfe"
    )

    def closure():
        optimiser.zero_grad()
        value = loss()
        value.backward()
        return value

    optimiser.step(closure)
    weight, bias = module.linear.weight.detach().numpy(), module.linear.bias.detach().numpy()
    return np.concatenate([bias[None], weight.T])


@needs("torch")
@pytest.mark.parametrize("family, link", PAIRS)
def test_torch_learns_the_coefficients_of_the_fit(family, link):
    import torch

    data, result = fitted(family, link)
    module, X, y = to_torch(result), torch.from_numpy(data.X), torch.from_numpy(data.y)
    start = fastglm.fit(np.empty((400, 0)), data.y, family=result.family, link=result.link).params
    learnt = train(module, lambda: module.loss(X, y), start)[:, 0]
    assert np.max(np.abs(learnt - result.params) / result.bse) < 1e-5


@needs("torch")
def test_torch_learns_with_exposure_and_weights():
    import torch

    data = drawn("poisson", "log")
    exposure, weights = np.linspace(0.5, 3, 400), np.arange(400) % 3 + 0.5
    result = fastglm.fit(data.X, data.y, family="poisson", exposure=exposure, weights=weights)
    module = to_torch(result)
    X, y, e, w = map(torch.from_numpy, (data.X, data.y, exposure, weights))
    learnt = train(module, lambda: module.loss(X, y, exposure=e, weights=w), 0.0)[:, 0]
    assert np.max(np.abs(learnt - result.params) / result.bse) < 1e-5


@needs("torch")
def test_torch_learns_a_softmax_against_the_same_reference():
    import torch

    data, result = softmax_fit()
    module, X, y = to_torch(result), torch.from_numpy(data.X), torch.from_numpy(data.y)
    learnt = train(module, lambda: module.loss(X, y), [0.0, 0.0])
    assert np.max(np.abs(learnt - result.params) / result.bse) < 1e-5


@needs("torch")
def test_gradient_descent_of_torch_takes_the_steps_of_the_formula():
    import torch

    data, result = softmax_fit("a")
    X = np.column_stack([np.ones(500), data.X])
    beta, seen = np.ones((4, 2)), np.eye(3)[data.y][:, 1:]
    for _ in range(50):
        mass = np.exp(X @ beta)
        beta += 0.3 * X.T @ (seen - mass / (1 + mass.sum(1, keepdims=True))) / 500
    module, Z, y = to_torch(result), torch.from_numpy(data.X), torch.from_numpy(data.y)
    for parameter in module.parameters():
        torch.nn.init.ones_(parameter)
    optimiser = torch.optim.SGD(module.parameters(), lr=0.3)
    for _ in range(50):
        optimiser.zero_grad()
        module.loss(Z, y).backward()
        optimiser.step()
    assert module.linear.weight.detach().numpy().T == pytest.approx(beta[1:], rel=1e-10)
    assert module.linear.bias.detach().numpy() == pytest.approx(beta[0], rel=1e-10)


@needs("torch")
@pytest.mark.parametrize("name", ["cloglog", "loglog", "probit", "logit"])
def test_the_tails_of_the_loss_and_its_slope_are_finite(name):
    import torch

    _, result = fitted("binomial", name)
    module = to_torch(result)
    # predictors at which a mean rounds to 0 or 1, and not so far that exp overflows
    X = torch.tensor([[-30.0, 0, 0], [5.0, 0, 0]] if name == "cloglog" else [[30.0, 0, 0], [-5.0, 0, 0]]).double()
    with torch.no_grad():
        module.linear.weight.copy_(torch.tensor([[1.0, 0, 0]]))
    for y in ([0.0, 1.0], [1.0, 0.0]):
        loss = module.loss(X, torch.tensor(y))
        loss.backward()
        assert torch.isfinite(loss) and torch.isfinite(module.linear.weight.grad).all()


@needs("torch")
@pytest.mark.parametrize("family, link", PAIRS)
def test_the_loss_is_half_the_deviance_up_to_a_constant(family, link):
    import torch

    data, result = fitted(family, link)
    module, X, y = to_torch(result), torch.from_numpy(data.X), torch.from_numpy(data.y)
    at_fit = float(module.loss(X, y).detach())
    with torch.no_grad():
        module.linear.weight.zero_()
        module.linear.bias.fill_(float(fastglm.fit(np.empty((400, 0)), data.y, family=result.family,
                                                   link=result.link).params[0]))  # fmt: skip
    change = 2 * 400 * (float(module.loss(X, y).detach()) - at_fit)
    assert change == pytest.approx(result.null_deviance - result.deviance, rel=1e-9, abs=1e-9)


@needs("torch")
def test_torch_stays_finite_in_the_tails_and_leaves_the_random_numbers():
    import torch

    _, result = fitted("binomial", "logit")
    state = torch.get_rng_state()
    module = to_torch(result)
    assert torch.equal(state, torch.get_rng_state())
    X = torch.tensor([[1e4, 0, 0], [-1e4, 0, 0]], dtype=torch.float64, requires_grad=True)
    for y in ([0.0, 1.0], [1.0, 0.0]):
        module.loss(X, torch.tensor(y)).backward()
        assert torch.isfinite(X.grad).all() and torch.isfinite(module.linear.weight.grad).all()


# --- ONNX -------------------------------------------------------------------------------------------------------------


def run_onnx(model, **inputs):
    """The output of every runtime that is installed; they agree."""
    from onnx.reference import ReferenceEvaluator

    (mean,) = ReferenceEvaluator(model).run(None, inputs)
    if installed("onnxruntime"):
        from onnxruntime import InferenceSession

        (other,) = InferenceSession(model.SerializeToString()).run(None, inputs)
        assert other.dtype == np.float64 and np.allclose(other, mean, rtol=1e-6, atol=1e-6)
        return other
    return mean


@needs("onnx")
@pytest.mark.parametrize("family, link", PAIRS)
def test_onnx_gives_the_same_means(family, link):
    data, result = fitted(family, link)
    mean = run_onnx(to_onnx(result), X=data.X)
    tolerance = 2e-7 if link in ("probit", "cauchit") else 1e-14
    assert mean.shape == (400,)
    assert np.allclose(mean, result.predict(data.X), rtol=1e-12, atol=tolerance)


@needs("onnx")
@pytest.mark.parametrize("companion", ["offset", "exposure"])
def test_onnx_takes_offset_and_exposure(companion):
    data, column = drawn("poisson", "log"), np.linspace(0.5, 3, 400)
    result = fastglm.fit(data.X, data.y, family="poisson", **{companion: column})
    mean = run_onnx(to_onnx(result), X=data.X, **{companion: column})
    assert np.allclose(mean, result.predict(data.X, **{companion: column}), rtol=1e-12)


@needs("onnx")
def test_onnx_gives_the_same_probabilities_and_knows_its_columns(tmp_path):
    import onnx

    data, result = softmax_fit()
    to_onnx(result, tmp_path / "model.onnx")
    model = onnx.load(tmp_path / "model.onnx")
    assert np.allclose(run_onnx(model, X=data.X), result.predict(data.X), rtol=1e-12)
    facts = {item.key: item.value for item in model.metadata_props}
    assert facts["classes"] == '["a", "b", "c"]' and facts["family"] == "multinomial"
    assert json.loads(facts["names"]) == list(result.names[1:])


@needs("onnx")
def test_onnx_without_an_intercept_and_with_an_aliased_column():
    data = drawn("gaussian", "identity")
    with pytest.warns(CollinearityWarning):
        result = fastglm.fit(np.column_stack([data.X, data.X[:, 0]]), data.y, intercept=False)
    assert np.isnan(result.params).any()
    X = np.column_stack([data.X, np.full(400, 7.0)])
    assert np.allclose(run_onnx(to_onnx(result), X=X), result.predict(X), rtol=1e-12)


# --- Keras ------------------------------------------------------------------------------------------------------------


@cache
def keras_works():
    """Whether Keras finds a backend, tried in another process, since a failed import stays half done."""
    return (
        installed("keras")
        and subprocess.run([sys.executable, "-c", "import keras"], capture_output=True).returncode == 0
    )


needs_keras = pytest.mark.skipif("not keras_works()", reason="keras or its backend is not installed")


@needs_keras
@pytest.mark.parametrize("family, link", PAIRS)
def test_keras_gives_the_same_means(family, link):
    data, result = fitted(family, link)
    mean = to_keras(result).predict(data.X, verbose=0)
    assert mean.shape == (400, 1)
    assert np.allclose(mean[:, 0], result.predict(data.X), rtol=1e-6, atol=1e-6)


@needs_keras
def test_keras_takes_an_exposure_and_gives_probabilities():
    data, exposure = drawn("poisson", "log"), np.linspace(0.5, 3, 400)
    result = fastglm.fit(data.X, data.y, family="poisson", exposure=exposure)
    mean = to_keras(result).predict([data.X, exposure[:, None]], verbose=0)
    assert np.allclose(mean[:, 0], result.predict(data.X, exposure=exposure), rtol=1e-6)
    data, result = softmax_fit()
    assert np.allclose(to_keras(result).predict(data.X, verbose=0), result.predict(data.X), rtol=1e-6, atol=1e-6)


@needs_keras
@pytest.mark.parametrize("family, link", [("poisson", "log"), ("gamma", "power")])
def test_keras_models_are_saved_and_loaded(tmp_path, family, link):
    import keras

    data, result = fitted(family, link)
    to_keras(result).save(tmp_path / "model.keras")
    model = keras.models.load_model(tmp_path / "model.keras")
    assert np.allclose(model.predict(data.X, verbose=0)[:, 0], result.predict(data.X), rtol=1e-6)


# --- what is refused --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "export, library", [(to_torch, "torch"), (to_keras, "keras"), (to_onnx, "onnx")], ids=["torch", "keras", "onnx"]
)
def test_a_missing_library_is_named_with_the_command_that_installs_it(export, library, monkeypatch):
    _, result = fitted("poisson", "log")
    monkeypatch.setitem(sys.modules, library, None)
    with pytest.raises(ImportError, match=rf"to_{library} needs {library} .*pip install {library}"):
        export(result)


def test_importing_the_package_loads_none_of_the_libraries():
    code = "import sys, fastglm.export; print(*{'torch', 'keras', 'onnx'} & set(sys.modules))"
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True).stdout.split() == []


@needs("onnx")
def test_a_link_of_ones_own_is_refused_by_name():
    from dataclasses import replace

    class Softplus(tuple):
        name = "softplus"

    _, result = fitted("poisson", "log")
    with pytest.raises(InvalidParameterError, match="'softplus' cannot be exported"):
        to_onnx(replace(result, link=Softplus()))
