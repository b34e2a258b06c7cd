"""A fitted model as a one-layer network for PyTorch, Keras and ONNX.

A generalized linear model *is* such a network: its weights are the coefficients, its bias the intercept, its activation
the inverse link, and its loss the negative log-likelihood. Each function needs its library and nothing else does.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from ..core.protocols import Fitted
    from ..core.records import File

from .layer import Layer

__all__ = ["to_keras", "to_marginaleffects", "to_onnx", "to_torch"]


def to_torch(result: Fitted) -> Any:
    """The fitted model as a ``torch.nn.Module`` with float64 parameters.

    Parameters
    ----------
    result : GLMResult or MultinomialResult

    Returns
    -------
    torch.nn.Module
        Called with X (n, p), and `offset` or `exposure` where the model has one, it gives the means, (n,), or the
        probabilities of the classes, (n, K). ``loss(X, y)`` is what the fit made smallest, so that training goes on
        where the fit ended, and from any other start ends there. See ``fastglm.export.torch_module.GLMModule``.

    Raises
    ------
    ImportError
        If PyTorch is not installed.
    InvalidParameterError
        If the link is one's own and has no method ``array_inverse``.
    """
    return _module("torch", "torch", "to_torch").GLMModule(Layer.of(result))


def to_keras(result: Fitted, dtype: str = "float64") -> Any:
    """The fitted model as a ``keras.Model``.

    Parameters
    ----------
    result : GLMResult or MultinomialResult
    dtype : str
        Number type of weights and arithmetic. Keras on JAX calculates in float32 unless ``jax_enable_x64`` is set.

    Returns
    -------
    keras.Model
        It takes X (n, p), or [X, offset] or [X, exposure] with an (n, 1) column where the model has one, and gives the
        means, (n, 1), or the probabilities of the classes, (n, K).

    Raises
    ------
    ImportError
        If Keras or its backend is not installed.
    InvalidParameterError
        If the link is one's own and has no method ``array_inverse``.
    """
    return _module("keras", "keras torch", "to_keras").keras_model(Layer.of(result), dtype)


def to_onnx(result: Fitted, path: File | None = None) -> Any:
    """The fitted model as an ONNX graph in float64.

    Parameters
    ----------
    result : GLMResult or MultinomialResult
    path : str or Path, optional
        Where to write it too.

    Returns
    -------
    onnx.ModelProto
        Inputs "X" (n, p), and "offset" or "exposure" (n,) where the model has one; output "mean" (n,), or (n, K) with
        the probabilities of the classes. Its metadata name the family, link, columns and classes. Means of the probit
        and cauchit links are right to 1e-7 only, since ONNX Runtime has erf and atan in float32 alone.

    Raises
    ------
    ImportError
        If ONNX is not installed.
    InvalidParameterError
        If the link is one's own and has no method ``array_inverse``.
    """
    return _module("onnx", "onnx", "to_onnx").onnx_model(Layer.of(result), path)


def to_marginaleffects(result: Any, data: Any) -> Any:
    """The fitted model for the functions of the Python package marginaleffects.

    Parameters
    ----------
    result : GLMResult or MultinomialResult
        Of a formula.
    data : data frame
        The rows of the fit, whose text is categories, as that package wants it.

    Returns
    -------
    marginaleffects.classes.ModelAbstract

    Raises
    ------
    ImportError
        If marginaleffects is not installed.
    InvalidParameterError
        For a result of arrays.
    """
    module = _module("marginaleffects", "marginaleffects", "to_marginaleffects")
    return module.FittedModel(result, data)


FILES = {
    "torch": "torch_module", "keras": "keras_model", "onnx": "onnx_graph", "marginaleffects": "marginal_effects",
}  # fmt: skip


def _module(library, packages, function):
    """Our module for a library, or an error that says how to get the library."""
    try:
        import_module(library)
    except ImportError as error:
        raise ImportError(f"{function} needs {library} ({error}): pip install {packages}") from error
    return import_module(f".{FILES[library]}", __package__)
