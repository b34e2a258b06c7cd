"""A fitted model as a Keras model."""

from __future__ import annotations

import math

import keras
from keras import ops

from ..links import LINKS


class Functions:
    """The functions of Keras that the formulas of links are written in."""

    exp, expm1, arctan, rsqrt, power = ops.exp, ops.expm1, ops.arctan, ops.rsqrt, ops.power
    sigmoid = ops.sigmoid

    @staticmethod
    def normal_cdf(eta):
        return 0.5 * (1.0 + ops.erf(eta / math.sqrt(2.0)))


@keras.saving.register_keras_serializable(package="fastglm")
class InverseLink(keras.layers.Layer):
    """The mean at a linear predictor, for links that are no activation of Keras.

    Parameters
    ----------
    link : str, its name
    power : float, of the power link
    """

    def __init__(self, link, power=1.0, **options):
        super().__init__(**options)
        self.link, self.power = link, power

    def call(self, eta):
        cls = LINKS[self.link]
        return (cls(self.power) if cls._fields else cls()).array_inverse(eta, Functions)

    def get_config(self):
        return super().get_config() | {"link": self.link, "power": self.power}


@keras.saving.register_keras_serializable(package="fastglm")
class Log(keras.layers.Layer):
    """The logarithm of an exposure."""

    def call(self, exposure):
        return ops.log(exposure)


def keras_model(layer, dtype):
    """The ``keras.Model`` of a layer; see ``fastglm.export.to_keras``."""
    weight, bias = layer.over_classes()
    X = keras.Input((weight.shape[0],), dtype=dtype, name="X")
    linear = keras.layers.Dense(weight.shape[1], use_bias=bias is not None, dtype=dtype, name="linear")
    inputs, eta = [X], linear(X)
    if layer.companion is not None:
        column = keras.Input((1,), dtype=dtype, name=layer.companion)
        inputs.append(column)
        offset = Log(dtype=dtype, name="log_exposure")(column) if layer.companion == "exposure" else column
        eta = keras.layers.Add(dtype=dtype, name="linear_predictor")([eta, offset])
    if layer.link.activation is not None:  # one of Keras itself, so that a saved model needs nothing of this library
        mean = keras.layers.Activation(layer.link.activation, dtype=dtype, name="mean")(eta)
    else:
        mean = InverseLink(layer.link.name, getattr(layer.link, "p", 1.0), dtype=dtype, name="mean")(eta)
    model = keras.Model(inputs if len(inputs) > 1 else X, mean)
    linear.set_weights([weight] if bias is None else [weight, bias])
    return model
