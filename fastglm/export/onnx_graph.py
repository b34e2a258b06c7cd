"""A fitted model as an ONNX graph."""

from __future__ import annotations

import json
import math

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

from ..core.atomic import replacing

OPSET, IR_VERSION = 17, 8  # of 2022, which every runtime in use reads


class Graph:
    """Nodes and constants as they are added; calling it adds a node and returns the name of its output."""

    def __init__(self):
        self.nodes, self.constants = [], []

    def __call__(self, operator, *inputs, **attributes):
        inputs = [value if isinstance(value, str) else self._constant(value) for value in inputs]
        name = f"{operator.lower()}_{len(self.nodes)}"
        self.nodes.append(helper.make_node(operator, inputs, [name], **attributes))
        return name

    def _constant(self, value):
        name = f"constant_{len(self.constants)}"
        self.constants.append(numpy_helper.from_array(np.asarray(value), name))
        return name


def _binary(operator, swapped=False):
    """A method of two operands, the other one first where they are swapped."""

    def method(self, other):
        return self.apply(operator, *((other, self) if swapped else (self, other)))

    return method


def _unary(operator, **attributes):
    """A function of one value."""
    return staticmethod(lambda value: value.apply(operator, value, **attributes))


class Value:
    """The output of a node, with the operators of Python."""

    def __init__(self, graph, name):
        self.graph, self.name = graph, name

    def apply(self, operator, *inputs, **attributes):
        """The output of a new node; its inputs are values and numbers."""
        inputs = [value.name if isinstance(value, Value) else float(value) for value in inputs]
        return Value(self.graph, self.graph(operator, *inputs, **attributes))

    def single(self, operator):
        """The output of an operator that ONNX Runtime has in float32 only."""
        narrow = self.apply("Cast", self, to=TensorProto.FLOAT)
        return self.apply("Cast", self.apply(operator, narrow), to=TensorProto.DOUBLE)

    __add__ = __radd__ = _binary("Add")
    __mul__ = __rmul__ = _binary("Mul")
    __sub__, __rsub__ = _binary("Sub"), _binary("Sub", swapped=True)
    __truediv__, __rtruediv__ = _binary("Div"), _binary("Div", swapped=True)

    def __neg__(self):
        return self.apply("Neg", self)


class Functions:
    """The functions of ONNX that the formulas of links are written in."""

    exp, log, sigmoid, softmax = _unary("Exp"), _unary("Log"), _unary("Sigmoid"), _unary("Softmax", axis=1)

    @staticmethod
    def expm1(value):
        return Functions.exp(value) - 1.0

    @staticmethod
    def normal_cdf(value):
        return 0.5 * (1.0 + (value * math.sqrt(0.5)).single("Erf"))

    @staticmethod
    def arctan(value):
        return value.single("Atan")

    @staticmethod
    def rsqrt(value):
        return 1.0 / value.apply("Sqrt", value)

    @staticmethod
    def power(value, exponent):
        return value.apply("Pow", value, exponent)


def onnx_model(layer, path=None):
    """The ``onnx.ModelProto`` of a layer; see ``fastglm.export.to_onnx``."""
    weight, bias = layer.over_classes()
    p, m = weight.shape
    g = Graph()
    eta = g("MatMul", "X", weight)
    if bias is not None:
        eta = g("Add", eta, bias)
    if layer.reference is None:
        eta = g("Squeeze", eta, np.array([1]))
    if layer.companion is not None:
        eta = g("Add", eta, g("Log", "exposure") if layer.companion == "exposure" else "offset")
    mean = layer.link.array_inverse(Value(g, eta), Functions)
    g.nodes.append(helper.make_node("Identity", [mean.name], ["mean"]))

    inputs = [_value("X", ["n", p])]
    if layer.companion is not None:
        inputs.append(_value(layer.companion, ["n"]))
    output = _value("mean", ["n"] if layer.reference is None else ["n", m])
    graph = helper.make_graph(g.nodes, "fastglm", inputs, [output], g.constants)
    opsets = [helper.make_opsetid("", OPSET)]
    model = helper.make_model(graph, opset_imports=opsets, ir_version=IR_VERSION, producer_name="fastglm")
    helper.set_model_props(model, _facts(layer))
    onnx.checker.check_model(model, full_check=True)
    if path is not None:
        with replacing(path, "xb") as file:
            onnx.save(model, file)
    return model


def _value(name, shape):
    return helper.make_tensor_value_info(name, TensorProto.DOUBLE, shape)


def _facts(layer):
    """What a reader of the file wants to know about it, as text."""
    facts = {"family": layer.family.name, "link": layer.link.name, "names": json.dumps(layer.names)}
    if layer.classes is not None:
        facts["classes"] = json.dumps([str(label) for label in layer.classes])
    return facts
