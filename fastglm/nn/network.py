"""The shape of a network, and its parameters as one vector and as matrices."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np

from ..kernels.row_loops import FamilyLink
from .heads import Head, Heads

VARIANCE = {"tanh": 1.0, "relu": 2.0, "logistic": 16.0, "identity": 1.0}  # of the first weights, times the units below


class Network(NamedTuple):
    """Layers of units between p inputs and the linear predictors of a generalized linear model.

    Attributes
    ----------
    inputs : int
        p, the columns of X.
    hidden : tuple of int
        Units of each hidden layer; none make the model linear.
    outputs : int
        Linear predictors of a row: 1, K for K classes, q for responses of q columns, or the sum of those of heads.
    activation : {"tanh", "relu", "logistic", "identity"}
    skip : bool
        Whether X is connected to the linear predictors directly too.
    family, link : values
        Those of all outputs, or ``Heads`` and their ``Links``.
    tied : bool
        Whether the weights of the second half of the layers are the transposes of the first half's.
    """

    inputs: int
    hidden: tuple[int, ...]
    outputs: int
    activation: str
    skip: bool
    family: Any
    link: Any
    tied: bool = False

    @property
    def sizes(self) -> tuple[int, ...]:
        """Units of all layers, from the inputs to the outputs."""
        return (self.inputs, *self.hidden, self.outputs)

    @property
    def several(self) -> bool:
        """Whether the outputs are cut into heads, each with a family of its own."""
        return self.family.response_model == "heads"

    @property
    def heads(self) -> Heads:
        """The blocks of outputs; one where they have one family."""
        return self.family if self.several else Heads([Head(self.family, self.link, self.outputs)])

    @property
    def pair(self) -> FamilyLink | None:
        """Family and link of all outputs; None for a softmax over classes, and for several heads."""
        return None if self.several else self.heads[0].pair

    @property
    def responses(self) -> int:
        """The columns of the response."""
        return sum(head.columns for head in self.heads)

    @property
    def shapes(self) -> list[tuple[int, int]]:
        """Of each layer the rows and columns of its parameters: (units below + 1, units); (1, units) of a layer whose
        weights are another's.
        """
        sizes = self.sizes
        own = len(self.sizes) // 2 if self.tied else len(sizes)
        return [(sizes[i] + 1 if i < own else 1, sizes[i + 1]) for i in range(len(sizes) - 1)]

    @property
    def n_params(self) -> int:
        """The number of parameters."""
        return sum(rows * units for rows, units in self.shapes) + self.skip * self.inputs * self.outputs

    def split(self, values: np.ndarray) -> tuple[list[np.ndarray], np.ndarray | None]:
        """A vector with an entry for each parameter as views: layers of ``shapes``, their intercepts in row 0, and the
        direct connection (p, outputs) or None.
        """
        layers, place = [], 0
        for rows, units in self.shapes:
            layers.append(values[place : place + rows * units].reshape(rows, units))
            place += rows * units
        return layers, values[place:].reshape(self.inputs, self.outputs) if self.skip else None

    def weights(self, values: np.ndarray) -> list[np.ndarray]:
        """The weights of every layer as views of a vector of parameters, (units below, units)."""
        layers = self.split(values)[0]
        own = len(self.sizes) // 2 if self.tied else len(layers)
        return [layer[1:] if i < own else layers[-1 - i][1:].T for i, layer in enumerate(layers)]

    def part(self, theta: np.ndarray, first: int, last: int) -> tuple[Network, np.ndarray]:
        """The layers between those of units ``first`` and ``last`` (the inputs are number 0) as a network of its own,
        without a direct connection, and its parameters.
        """
        sizes, intercepts, weights = self.sizes, [layer[0] for layer in self.split(theta)[0]], self.weights(theta)
        shape = {"inputs": sizes[first], "hidden": sizes[first + 1 : last], "outputs": sizes[last]}
        parts = [v.ravel() for i in range(first, last) for v in (intercepts[i], weights[i])]
        return self._replace(**shape, skip=False, tied=False), np.concatenate(parts)

    def first_parameters(self, null: np.ndarray, seed: int) -> np.ndarray:
        """Where training begins: hidden layers at random, the outputs at a linear model whatever they say.

        Parameters
        ----------
        null : (p + 1, outputs) array
            The coefficients of that model, the intercept first; zeros below it for the null model.
        seed : int

        Notes
        -----
        Weights and intercepts of hidden units are normal with the variance that keeps a signal's size from layer to
        layer: 1 / (units below) for tanh (LeCun, Bottou, Orr and Mueller 1998, "Efficient BackProp"; the forward
        condition, equation 10, of Glorot and Bengio 2010), 16 times that for the logistic function, whose slope at 0 is
        a fourth, and 2 / (units below) for relu (He, Zhang, Ren and Sun 2015, "Delving deep into rectifiers"). Random
        intercepts, unlike zeros, spread the units over the range of X. Weights of the outputs are zero, so that the
        first loss is the null model's, unless they are tied to those of the inputs.
        """
        theta = np.zeros(self.n_params)
        layers, direct = self.split(theta)
        draw = np.random.Generator(np.random.Philox(seed)).standard_normal
        for layer in layers[:-1]:
            layer[:] = draw(layer.shape) * np.sqrt(VARIANCE[self.activation] / max(layer.shape[0] - 1, 1))
        layers[-1][0] = null[0]
        if not self.hidden:
            layers[-1][1:] = null[1:]
        elif self.skip:
            direct[:] = null[1:]
        return theta

    def to_standardised(self, theta: np.ndarray, scaling: Any) -> np.ndarray:
        """Parameters for inputs that ``scaling`` (``Scaling`` or None) has centred and scaled, from those for X."""
        return self._rescaled(theta, scaling, "to_standardised")

    def to_natural(self, theta: np.ndarray, scaling: Any) -> np.ndarray:
        """Parameters for X, from those for inputs that ``scaling`` has centred and scaled."""
        return self._rescaled(theta, scaling, "to_natural")

    def _rescaled(self, theta, scaling, direction):
        theta = np.array(theta, np.float64)
        if scaling is None:
            return theta
        layers, direct = self.split(theta)
        change = getattr(scaling, direction)
        layers[0][:] = change(layers[0], True)
        if direct is not None:
            both = change(np.vstack([layers[-1][:1], direct]), True)
            layers[-1][0], direct[:] = both[0], both[1:]
        return theta
