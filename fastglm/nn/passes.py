"""Passes over rows in memory: loss, gradient and linear predictors of a network."""

from __future__ import annotations

import ctypes

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
    ``rows`` there are linear predictors alone.
    """

    def __init__(self, network: Network, X: np.ndarray, rows, scaling=None):
        self.network, self.n = network, X.shape[0]
        self.gradient_address = n.network_address()
        self.plan, self.step = np.zeros(n.NETWORK, np.int64), np.zeros(k.STEP)
        self._places = self._workspace(X, max(min(BLOCK, self.n), 1))
        if rows is None:
            self._places[k.Y] = np.zeros(self.n)
        else:
            pair = network.pair
            self._places |= {k.Y: rows.y, k.WEIGHT: rows.weight, k.SHIFT: rows.shift}
            self._places[k.PAR] = np.full(N_PAR, float(network.outputs)) if pair is None else pair.par
            self.plan[k.ROW_LOOP] = softmax_rows() if pair is None else pair.rows
        if scaling is not None:
            self._places[k.CENTRE], self._places[k.INVERSE_SCALE] = scaling
        for field, array in self._places.items():
            self.plan[field] = 0 if array is None else array.ctypes.data

    def _workspace(self, X, block):
        """The arrays of a block, sizes and strides set; the values of the layers among them."""
        net, sizes, plan = self.network, self.network.sizes, self.plan
        plan[[k.P, k.CLASSES, k.BLOCK]] = net.inputs, net.outputs, block
        plan[[n.LAYERS, n.SKIP, n.SIZE]] = len(sizes) - 1, net.skip, net.n_params
        plan[[n.TIED, n.RESPONSES]] = net.tied, net.responses
        if net.hidden:
            plan[[n.ACTIVATE, n.SLOPES]] = activation(net.activation)
        plan[[k.ROW_STRIDE, k.COL_STRIDE]], plan[k.LOAD] = X.strides, loader(X.dtype)
        values, deltas = self._layers = [[np.empty(block * max(units, 1)) for units in sizes] for _ in range(2)]
        places = {k.X: X, k.BUFFER: values[0], k.V_ETA: values[-1], k.V_R: deltas[-1], n.DIMS: np.empty(6, np.int32)}
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
        theta = np.ascontiguousarray(theta, np.float64)
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
        gradient = np.empty(self.network.n_params)
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
