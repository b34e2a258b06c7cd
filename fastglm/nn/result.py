"""The record of a trained network. It holds no data."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np

from ..core.records import VECTORS
from ..errors import InvalidParameterError, MissingDataError
from ..family.means import inverse_link
from ..kernels.activation import activated
from ..options.sgd import is_whole
from ..rows.matching import check_offset
from ..rows.numbers import numeric
from ..rows.response import ONE_PREDICTOR
from ..rows.schema import INTERCEPT, Schema
from ..source.base import Block
from ..source.in_memory import InMemory
from ..source.threads import single_threaded_blas
from ..special import softmax
from . import saved
from .network import Network
from .passes import Passes

if TYPE_CHECKING:
    from typing import Literal

    from ..core.protocols import RegisteredFamily, RegisteredLink
    from ..core.records import Array, ArrayLike, File, Labels
    from ..family.multinomial import Multinomial
    from ..types import DataFrame
    from .heads import Heads, Links

KINDS = ("mean", "link", "class", "proba")


@dataclass(frozen=True, kw_only=True, eq=False, repr=False)
class MLPResult:
    """A trained network; parameters are on the scale of X.

    Attributes
    ----------
    network : Network
        Its layers, activation, family and link.
    theta : (n_params,) float64
        All parameters: of each layer the intercepts, then the weights row by row (units below x units); last the
        weights of the direct connection. Layers whose weights are tied to another's have their intercepts alone.
    names : tuple of str
        The columns of X.
    classes : tuple or None
        The labels of y: two of a binomial, failure first, or those of a multinomial in the order of the outputs. Of
        several heads a tuple with those of each head, None where it has none.
    exposure_kind : None, "offset" or "exposure"
        What the fit was given.
    deviance : float
        Of all rows of the fit, those held out included, with their weights and those of their classes.
    loss : float
        What was made smallest, over the same rows: half the deviance, divided by the rows' total weight unless the
        solver's reduction is "sum", and the penalty.
    history : dict of (epochs,) arrays
        "epoch" (from 1), "loss", "validation_loss", "rate", "gradient_norm", "seconds" and "passes"; under
        ``SGD(record="params")`` also "params" (epochs, n_params).
    stop : str
        Why training ended: "converged", "early stopping", "callback" or "epochs".
    epochs : int
    notes : tuple of str
        What was done without being asked for, such as halving a rate.
    schema : ``fastglm.rows.Schema``
        How later rows become the columns. Without one, that of arrays.
    """

    network: Network
    theta: Array
    names: tuple[str, ...]
    classes: tuple[Any, ...] | None
    exposure_kind: str | None
    deviance: float
    loss: float
    history: dict[str, Array]
    stop: str
    epochs: int
    notes: tuple[str, ...]
    schema: Schema | None = None

    # the names are those of X alone, as predictions of all models ask
    intercept: ClassVar[bool] = False

    def __post_init__(self) -> None:
        self.theta.setflags(write=False)
        if self.schema is None:
            object.__setattr__(self, "schema", Schema((INTERCEPT, *self.names), True))

    @property
    def family(self) -> RegisteredFamily | Multinomial | Heads:
        """The family's value, or the heads."""
        return self.network.family

    @property
    def link(self) -> RegisteredLink | Links:
        """The link's value, or the links of the heads."""
        return self.network.link

    @property
    def n_params(self) -> int:
        """The number of parameters."""
        return self.network.n_params

    @property
    def coefs(self) -> list[Array]:
        """The weights of each layer, (units below, units)."""
        return self.network.weights(self.theta)

    @property
    def intercepts(self) -> list[Array]:
        """The intercepts of each layer, (units,)."""
        return [layer[0] for layer in self.network.split(self.theta)[0]]

    @property
    def direct(self) -> Array | None:
        """The weights of the direct connection, (p, outputs); None without one."""
        return self.network.split(self.theta)[1]

    def predict(
        self, X: ArrayLike | DataFrame, kind: Literal["mean", "link", "class", "proba"] = "mean", *,
        offset: ArrayLike | None = None, exposure: ArrayLike | None = None, threshold: float = 0.5,
    ) -> Labels:  # fmt: skip
        """Predictions for new rows.

        Parameters
        ----------
        X : (n, p) array or data frame
            A data frame's columns are matched by name.
        kind : {"mean", "link", "class", "proba"}
            The mean, the linear predictor, or labels; "proba" are the probabilities of a multinomial, its mean.
        offset, exposure : scalar or (n,) array
            One is needed if the network was trained with one.
        threshold : float
            ``kind="class"`` of a binomial answers the second label where the mean exceeds it.

        Returns
        -------
        (n,) array; (n, K) in the order of ``classes`` for "mean", "proba" and "link" of a multinomial, and (n, q) for
        a response of q columns. Of several heads a tuple of one such array a head; "class" gives the labels of softmax
        heads and the means of others.

        Raises
        ------
        InvalidParameterError, MissingDataError
            For an X that does not fit the network, an offset that is missing, or a kind that there is not.
        """
        net = self.network
        softmax_alone = net.pair is None and not net.several
        if kind not in KINDS:
            raise InvalidParameterError(f"unknown kind of prediction {kind!r}; there are {', '.join(map(repr, KINDS))}")
        if kind == "proba" and not softmax_alone:
            raise InvalidParameterError("kind='proba' needs family='multinomial'; kind='mean' gives the probability")
        if net.pair is None and (offset is not None or exposure is not None):
            raise InvalidParameterError(ONE_PREDICTOR)
        if kind == "class" and (self.classes is None or not any(self.classes)):
            raise InvalidParameterError("kind='class' needs a network trained on labels")
        return self._answers(self._of_rows(X, offset, exposure, self._predictors), kind, threshold)

    def _answers(self, eta, kind="mean", threshold=0.5):
        """What linear predictors say of each head; of one head not in a tuple."""
        heads = self.network.heads
        if not self.network.several:
            return self._of_head(heads[0], eta, self.classes, kind, threshold)
        parts = np.split(eta, np.cumsum([head.outputs for head in heads])[:-1], axis=1)
        parts = [part[:, 0] if head.outputs == 1 else part for head, part in zip(heads, parts, strict=True)]
        return tuple(
            self._of_head(head, part, labels, kind if labels is not None or kind != "class" else "mean", threshold)
            for head, part, labels in zip(heads, parts, self.classes, strict=True)
        )

    def _of_head(self, head, eta, labels, kind, threshold):
        if kind == "link":
            return eta
        if head.pair is None:
            return softmax(eta) if kind != "class" else np.asarray(labels)[eta.argmax(axis=1)]
        mu = inverse_link(head.link, eta)
        return mu if kind != "class" else np.asarray(labels)[(mu > threshold).astype(np.intp)]

    def encode(self, X: ArrayLike | DataFrame, layer: int | None = None) -> Array:
        """The values of a hidden layer, an autoencoder's code of each row.

        Parameters
        ----------
        X : (n, p) array or data frame
        layer : int, optional
            The number of the hidden layer, from 1. By default the narrowest one, the first of these.

        Returns
        -------
        (n, units) array

        Raises
        ------
        InvalidParameterError, MissingDataError
            For an X that does not fit, and a layer that there is not.
        """
        network, theta = self.network.part(self.theta, 0, self._layer(layer))
        return self._of_rows(
            X, None, None,
            lambda X, piece: activated(network.activation, Passes(network, X, None).predictors(theta)),
        )  # fmt: skip

    def decode(self, Z: ArrayLike, layer: int | None = None) -> Array:
        """The means that belong to values of a hidden layer: ``decode(encode(X))`` is ``predict(X)``.

        Parameters
        ----------
        Z : (n, units) array
        layer : int, optional
            As for ``encode``.

        Returns
        -------
        (n,), (n, q) or (n, K) array
            As from ``predict``, for an offset of zero.

        Raises
        ------
        InvalidParameterError, MissingDataError
            For a Z of another width or not finite, a layer that there is not, and a network with a direct connection.
        """
        layer, Z = self._layer(layer), numeric(Z, "Z")
        if self.network.skip:
            raise InvalidParameterError("decode: the means depend on X too, by the direct connection (skip=True)")
        if Z.ndim != 2 or Z.shape[1] != self.network.sizes[layer]:
            raise InvalidParameterError(f"Z has shape {Z.shape}, not (n, {self.network.sizes[layer]})")
        if not np.isfinite(Z).all():
            raise MissingDataError("Z contains NaN or infinity")
        network, theta = self.network.part(self.theta, layer, len(self.network.sizes) - 1)
        with single_threaded_blas():
            eta = Passes(network, Z, None).predictors(theta)
        return self._answers(eta if self.network.outputs > 1 or self.network.several else eta[:, 0])

    def _layer(self, layer):
        hidden = self.network.hidden
        if not hidden:
            raise InvalidParameterError("the network has no hidden layer, whose values could be a code")
        if layer is None:
            return 1 + int(np.argmin(hidden))
        if not is_whole(layer) or not 1 <= layer <= len(hidden):
            raise InvalidParameterError(f"layer={layer!r} must be the number of a hidden layer, 1 to {len(hidden)}")
        return int(layer)

    def _of_rows(self, X, offset, exposure, function):
        """A function of checked columns (n, p) and their piece, piece by piece; NaN for rows that are left out."""
        given = self.schema.open(X, None, {"offset": offset, "exposure": exposure}, respond=False)
        try:
            with single_threaded_blas():
                parts = [
                    piece.aligned(function(self._checked(piece), piece))
                    for i in range(given.fragments)
                    for piece in given.pieces(i)
                ]
        finally:
            given.close()
        nothing = np.zeros((0, self.network.inputs))
        return np.concatenate(parts) if parts else function(nothing, None)

    def _checked(self, piece):
        X = numeric(piece.X.toarray() if hasattr(piece.X, "toarray") else piece.X, "X")
        vectors = dict.fromkeys(VECTORS)
        InMemory(Block(X, True, np.zeros(0), names=self.names, **vectors), 1).check_finite()
        return X

    def _predictors(self, X, piece):
        """Linear predictors of checked columns, with the shift of their piece."""
        eta = Passes(self.network, X, None).predictors(self.theta)
        if self.network.pair is None:
            return eta
        shift = 0.0 if piece is None else check_offset(self, piece.offset, piece.exposure, X.shape[0])
        eta = eta + np.reshape(shift, (-1, 1))
        return eta if self.network.outputs > 1 else eta[:, 0]

    def save(self, path: File) -> None:
        """Write the result to an npz file that ``MLPResult.load`` reads back to the bit; see ``fastglm.nn.saved``."""
        saved.save(self, path)

    @classmethod
    def load(cls, path: File) -> MLPResult:
        """Read what ``save`` wrote.

        Raises
        ------
        FileFormatError
            For a file that is not a saved network, is damaged, or is newer than this version.
        """
        return MLPResult(**saved.load(path))

    def __repr__(self) -> str:
        net = self.network
        layers = " -> ".join(map(str, net.sizes)) + (f" units, {net.activation}" if net.hidden else " units")
        direct = " and a direct connection" if net.skip else ", tied" if net.tied else ""
        return (
            f"<MLPResult {self.family.name}, {self.link.name} link: {layers}{direct},\n"
            f" {self.n_params:,} parameters, deviance {self.deviance:.6g} after {self.epochs} epochs ({self.stop})>"
        )
