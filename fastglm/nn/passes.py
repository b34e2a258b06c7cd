"""Passes over rows in memory: loss, gradient and linear predictors of a network."""

from __future__ import annotations

import ctypes
from typing import Any

import numpy as np

from ..kernels import network as n
from ..kernels.activation import activation
from ..kernels.load import loader
from ..kernels.row_loops import N_PAR
from ..kernels.sgd import layout as k
from ..kernels.sgd.softmax import softmax_rows
from .network import Network

BLOCK = 256  # rows whose values are held at a time
_gradient = ctypes.CFUNCTYPE(ctypes.c_int64, *([ctypes.c_int64] * 7))


class Passes:
    """A network over rows: ``plan`` (NETWORK,) tells the compiled gradient where everything is, as long as this object
    lives.

    X (n, p) is of any number type and strides; parameters are for X as ``scaling`` centres and scales it. Without
    ``rows`` there are linear predictors alone. Parameters, values of units and gradients are ``dtype``.
    """

    def __init__(
        self, network: Network, X: np.ndarray, rows: Any, scaling: Any = None, dtype: Any = np.float64
    ) -> None:
        self.network, self.n, self.dtype = network, X.shape[0], np.dtype(dtype)
        self.gradient_address = n.network_address(dtype)
        self.plan, self.step = np.zeros(n.NETWORK, np.int64), np.zeros(k.STEP)
        self._places = self._workspace(X, max(min(BLOCK, self.n), 1))
        if rows is None:
            self._places[k.Y] = np.zeros(self.n)
        else:
            self._places |= {k.Y: rows.y, k.WEIGHT: rows.weight, k.SHIFT: rows.shift, n.HEAD_TABLE: self._heads()}
            self.plan[k.ROW_LOOP] = 1
        if scaling is not None:
            self._places[k.CENTRE], self._places[k.INVERSE_SCALE] = scaling
        for field, array in self._places.items():
            self.plan[field] = 0 if array is None else array.ctypes.data

    def _heads(self):
        """The table of the network's heads."""
        heads = self.network.heads
        table, self._parameters = np.zeros((len(heads), n.HEAD), np.int64), []
        for row, head in zip(table, heads, strict=True):
            self._parameters.append(np.full(N_PAR, float(head.outputs)) if head.pair is None else head.pair.par)
            row[[n.OUTPUTS, n.COLUMNS]] = head.outputs, head.columns
            row[n.HEAD_LOOP] = softmax_rows() if head.pair is None else head.pair.rows
            row[n.HEAD_PAR] = self._parameters[-1].ctypes.data
        for first, size in ((n.FIRST_OUTPUT, n.OUTPUTS), (n.FIRST_COLUMN, n.COLUMNS)):
            table[:, first] = np.cumsum(table[:, size]) - table[:, size]
        return table

    def _workspace(self, X, block):
        """The arrays of a block, sizes and strides set; the values of the layers among them."""
        net, sizes, plan = self.network, self.network.sizes, self.plan
        plan[[k.P, k.CLASSES, k.BLOCK]] = net.inputs, net.outputs, block
        plan[[n.LAYERS, n.SKIP, n.SIZE]] = len(sizes) - 1, net.skip, net.n_params
        plan[[n.TIED, n.RESPONSES, n.HEADS]] = net.tied, net.responses, len(net.heads)
        if net.hidden:
            plan[[n.ACTIVATE, n.SLOPES]] = activation(net.activation, self.dtype)
        plan[[k.ROW_STRIDE, k.COL_STRIDE]], plan[k.LOAD] = X.strides, loader(X.dtype)
        values, deltas = self._layers = [
            [np.empty(block * max(units, 1), self.dtype) for units in sizes] for _ in range(2)
        ]
        doubles = [v if v.dtype == np.float64 else np.empty(v.size) for v in (values[0], values[-1], deltas[-1])]
        places = dict(zip((k.BUFFER, k.V_ETA, k.V_R), doubles, strict=True)) | {k.X: X, n.DIMS: np.empty(6, np.int32)}
        if len(net.heads) > 1:
            places |= {field: np.empty(block * net.outputs) for field in (n.HEAD_ETA, n.HEAD_R)}
        places[n.WIDTHS] = np.array(sizes, np.int64)
        places[n.VALUES], places[n.DELTAS] = (np.array([a.ctypes.data for a in v]) for v in self._layers)
        places |= {field: np.empty(block, np.int64) for field in (k.V_ADDRESS, k.V_NUMBER)}
        theta = np.arange(net.n_params)  # places among the parameters
        firsts = [layer[0, :1] for layer in net.split(theta)[0]], [w.ravel()[:1] for w in net.weights(theta)]
        for field, parts in zip((n.INTERCEPTS, n.WEIGHTS), firsts, strict=True):
            places[field] = np.array([0, *(int(part.sum()) for part in parts)], np.int64)
        # weights are read where there are any, and else stay one
        return places | {field: np.ones(block * net.responses) for field in (k.V_Y, k.V_W, k.V_H, k.V_D)}

    def _pass(self, theta, ids, gradient):
        theta = np.ascontiguousarray(theta, self.dtype)
        listed, count = (0, self.n) if ids is None else (ids.ctypes.data, len(ids))
        _gradient(self.gradient_address)(
            self.plan.ctypes.data, listed, 0, count, theta.ctypes.data,
            0 if gradient is None else gradient.ctypes.data, self.step.ctypes.data,
        )  # fmt: skip
        return float(self.step[k.LOSS])

    def loss(self, theta: np.ndarray, ids: np.ndarray | None = None) -> float:
        """Half the deviance of the rows numbered ``ids`` (int64), all without it."""
        return self._pass(theta, ids, None)

    def gradient(self, theta: np.ndarray, ids: np.ndarray | None = None) -> np.ndarray:
        """The gradient of ``loss``, (n_params,)."""
        gradient = np.empty(self.network.n_params, self.dtype)
        self._pass(theta, ids, gradient)
        return gradient

    def predictors(self, theta: np.ndarray) -> np.ndarray:
        """The linear predictors of all rows, shifted by what ``rows`` says, (n, outputs)."""
        eta = np.empty((self.n, self.network.outputs))
        self.plan[n.PREDICTORS] = eta.ctypes.data
        try:
            self._pass(theta, None, None)
        finally:
            self.plan[n.PREDICTORS] = 0
        return eta
