"""A fitted model as an ONNX graph."""

from __future__ import annotations

import json
import math

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

from ..core.atomic import whole

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


def _single(operator):
    """An operator that ONNX Runtime has in float32 only, on a float64 value."""

    def add(g, value):
        return g("Cast", g(operator, g("Cast", value, to=TensorProto.FLOAT)), to=TensorProto.DOUBLE)

    return add


_erf, _atan = _single("Erf"), _single("Atan")
INVERSES = {
    "identity": lambda g, eta, link: eta,
    "log": lambda g, eta, link: g("Exp", eta),
    "logit": lambda g, eta, link: g("Sigmoid", eta),
    "probit": lambda g, eta, link: g("Mul", 0.5, g("Add", 1.0, _erf(g, g("Mul", eta, math.sqrt(0.5))))),
    "cloglog": lambda g, eta, link: g("Sub", 1.0, g("Exp", g("Neg", g("Exp", eta)))),
    "loglog": lambda g, eta, link: g("Exp", g("Neg", g("Exp", g("Neg", eta)))),
    "cauchit": lambda g, eta, link: g("Add", 0.5, g("Mul", _atan(g, eta), 1.0 / math.pi)),
    "inverse": lambda g, eta, link: g("Reciprocal", eta),
    "inverse_squared": lambda g, eta, link: g("Reciprocal", g("Sqrt", eta)),
    "sqrt": lambda g, eta, link: g("Mul", eta, eta),
    "power": lambda g, eta, link: g("Pow", eta, 1.0 / link.p),
    "softmax": lambda g, eta, link: g("Softmax", eta, axis=1),
}


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
    mean = INVERSES[layer.link.name](g, eta, layer.link)
    g.nodes.append(helper.make_node("Identity", [mean], ["mean"]))

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
        with whole(path) as draft:
            onnx.save(model, str(draft))
    return model


def _value(name, shape):
    return helper.make_tensor_value_info(name, TensorProto.DOUBLE, shape)


def _facts(layer):
    """What a reader of the file wants to know about it, as text."""
    facts = {"family": layer.family.name, "link": layer.link.name, "names": json.dumps(layer.names)}
    if layer.classes is not None:
        facts["classes"] = json.dumps([str(label) for label in layer.classes])
    return facts
