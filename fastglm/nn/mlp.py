"""``MLP``: a multi-layer perceptron whose output is a generalized linear model."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

import numpy as np

from ..errors import InvalidParameterError
from ..files import is_rows
from ..kernels.activation import KINDS
from ..objective.response_sums import check as check_vectors
from ..options.sgd import is_number, is_whole
from ..rows.arrays import dense
from ..rows.family_link import family_and_link
from ..rows.numbers import numeric
from ..rows.open import open_rows
from ..rows.request import FitRequest
from ..rows.storages import canonical, is_collection
from ..solver.sgd import SGD
from ..solver.sgd import check as check_solver
from ..solver.sgd.driver import Fit
from ..solver.sgd.training_rows import prepare
from ..source.in_memory import InMemory
from ..source.threads import single_threaded_blas
from . import heads
from .fit import NetworkFit
from .network import Network
from .passes import Passes
from .result import MLPResult
from .task import NetworkTask, resolve

if TYPE_CHECKING:
    from collections.abc import Sequence
    from typing import Literal

    from ..core.protocols import RegisteredFamily, RegisteredLink
    from ..core.records import Array, ArrayLike
    from ..family.multinomial import Multinomial
    from ..types import DataFrame, FamilyLike, LinkLike

# a loss with hidden layers has plateaus, which need patience
HIDDEN_DEFAULT = SGD(method="adam", epochs=500, patience=20)


class MLP:
    """A multi-layer perceptron whose output is a generalized linear model.

    Hidden layers make features of X; the linear predictor, link and family behind them are those of ``fastglm.fit``.
    The parameters are found by the stochastic solvers of ``fastglm.fit``, with gradients by back-propagation. Without
    hidden layers the model, its loss and the path of its fit *are* those of the generalized linear model.

    Parameters
    ----------
    hidden : sequence of int
        Units of each hidden layer, from X to the output; () for none.
    family, link : str or value
        As in ``fastglm.fit``. "multinomial" has a linear predictor for every class, none of them pinned. A list of
        heads (family, outputs) or (family, outputs, link), as ``[("gaussian", 3), ("softmax", 4), ("binomial", 2)]``,
        cuts the outputs into blocks with a family and a link each, whose losses are added.
    activation : {"tanh", "relu", "logistic", "identity"}
        Of the hidden units.
    skip : bool
        Connect X to the linear predictor directly as well: a generalized linear model inside the network, to which the
        hidden layers add.
    l2 : float
        The penalty l2/2 |W|^2 of all weights, on the scale of X; intercepts are free. It is added to the mean of the
        losses (to their sum under ``SGD(reduction="sum")``).
    seed : int
        Fixes the first weights; the order of the rows is fixed by the solver's own.
    outputs : int, optional
        The columns q of the response, each with a linear predictor of its own; those of y by default. Two columns of a
        binomial y are successes and failures unless ``outputs=2``. Not for a multinomial, which has one for each class.
    tied : bool
        For autoencoders: the weights of the second half of the layers are the transposes of the first half's, so that
        the units of the layers must read the same from both ends.

    Raises
    ------
    InvalidParameterError
        For arguments that cannot be used; the message names them.

    References
    ----------
    Rumelhart, D. E., Hinton, G. E. and Williams, R. J. (1986), "Learning representations by back-propagating errors",
    Nature 323, 533-536. McCullagh, P. and Nelder, J. A. (1989), Generalized Linear Models, 2nd ed.

    Examples
    --------
    >>> import numpy as np
    >>> from fastglm.nn import MLP
    >>> x = np.linspace(-3, 3, 200)[:, None]
    >>> result = MLP((16,), seed=1).fit(x, np.sin(2 * x[:, 0]))
    >>> result.n_params
    49
    """

    family: RegisteredFamily | Multinomial
    link: RegisteredLink

    def __init__(
        self, hidden: int | Sequence[int] = (16, 8), *, family: FamilyLike = "gaussian", link: LinkLike | None = None,
        activation: Literal["tanh", "relu", "logistic", "identity"] = "tanh", skip: bool = False, l2: float = 0.0,
        seed: int = 0, outputs: int | None = None, tied: bool = False,
    ) -> None:  # fmt: skip
        self.hidden = _units(hidden)
        if heads.is_list(family):
            self.family = heads.parse(family, link)
            self.link = self.family.links
        else:
            self.family, self.link = family_and_link(family, link)
        if not isinstance(activation, str) or activation not in KINDS:
            known = ", ".join(map(repr, KINDS))
            raise InvalidParameterError(f"activation={activation!r} is unknown; known: {known}")
        if skip not in (True, False):
            raise InvalidParameterError(f"skip={skip!r} must be True or False")
        if skip and not self.hidden:
            raise InvalidParameterError("skip=True needs a hidden layer: without one X is connected directly already")
        if not (is_number(l2) and np.isfinite(l2) and l2 >= 0.0):
            raise InvalidParameterError(f"l2={l2!r} must be a number, finite and not negative")
        if not is_whole(seed) or not 0 <= seed < 2**64:
            raise InvalidParameterError(f"seed={seed!r} must be a whole number from 0 to 2**64 - 1")
        self.activation, self.skip, self.l2, self.seed = activation, bool(skip), float(l2), int(seed)
        self.outputs, self.tied = outputs, bool(tied)
        self._check_outputs(tied)

    def _check_outputs(self, tied):
        softmax = self.family.response_model == "softmax"
        if self.outputs is not None and self.family.response_model == "heads":
            raise InvalidParameterError("outputs: several heads have their own; leave outputs= out")
        if self.outputs is not None and (softmax or not is_whole(self.outputs) or self.outputs < 1):
            raise InvalidParameterError(
                f"outputs={self.outputs!r} must be a whole number, at least 1"
                if not softmax
                else "outputs: a multinomial has one output for each class of y; leave outputs= out"
            )
        if tied not in (True, False):
            raise InvalidParameterError(f"tied={tied!r} must be True or False")
        several = self.family.response_model == "heads" and any(head.pair is None for head in self.family)
        if tied and (softmax or several or self.skip):
            raise InvalidParameterError("tied=True is for autoencoders, without skip=True and family='multinomial'")
        if tied and (len(self.hidden) % 2 == 0 or self.hidden != self.hidden[::-1]):
            raise InvalidParameterError(
                f"tied=True needs hidden layers that mirror each other around a middle one, such as (32, 8, 32), not "
                f"{self.hidden}"
            )

    def __repr__(self) -> str:
        skip = (", skip=True" if self.skip else "") + (", tied=True" if self.tied else "")
        return f"MLP({self.hidden}, family={self.family.name!r}, link={self.link.name!r}, {self.activation}{skip})"

    def network(self, inputs: int, outputs: int = 1) -> Network:
        """The network on a number of columns, with K outputs for K classes and q for responses of q columns; several
        heads have their own.
        """
        outputs = self.family.outputs if self.family.response_model == "heads" else outputs
        return Network(inputs, self.hidden, outputs, self.activation, self.skip, self.family, self.link, self.tied)

    def fit(
        self, X: ArrayLike | DataFrame, y: ArrayLike, *, solver: SGD | None = None, weights: ArrayLike | None = None,
        offset: ArrayLike | None = None, exposure: ArrayLike | None = None,
        start: ArrayLike | MLPResult | None = None, names: Sequence[str] | None = None,
    ) -> MLPResult:  # fmt: skip
        """Train the network.

        Parameters
        ----------
        X : (n, p) array or data frame
        y : (n,) or (n, q) array
            As in ``fastglm.fit``: for the binomial also two labels or an (n, 2) array of successes and failures, for
            the multinomial labels. An array of q columns has q means a row; their losses are added. With y = X the
            network is an autoencoder. Of several heads a list of arrays, one a head (labels of a softmax), or one array
            of all outputs, where a softmax has an indicator for each class.
        solver : SGD, optional
            ``SGD(method="adam", epochs=500, patience=20)`` where there are hidden layers, else ``SGD()``: columns
            centred and scaled, and a rate that falls when the loss no longer does. Rows held out
            (``validation_fraction``) decide when to stop. Method "auto" is Adam, or "sgd" with momentum. Method "saga"
            and implicit steps are not there for networks. ``dtype="float32"`` computes parameters, values of units and
            gradients in float32, the losses of rows in float64.
        weights, offset, exposure : (n,) array, optional
            As in ``fastglm.fit``.
        start : (n_params,) array or MLPResult, optional
            Where to begin, on the scale of X. Without it hidden weights are random, and the outputs the null model's.
        names : sequence of str, optional
            Names of the columns of X.

        Returns
        -------
        MLPResult

        Raises
        ------
        InvalidParameterError, MissingDataError
            Before any work, for input that cannot be used; the message names the argument, the column and the row.
        fastglm.solver.sgd.DivergenceError
            When the fit diverges at a rate that was given.
        """
        options = self._options(solver)
        with single_threaded_blas(), np.errstate(all="ignore"):
            data, schema, classes, network = self._prepared(X, y, weights, offset, exposure, names)
            options, method = _by_code(options, classes), resolve(options, network)
            if (network.responses > 1 or network.several) and options.class_weight is not None:
                raise InvalidParameterError("class_weight needs one response, and y has several columns")
            start = _parameters(start, network) if isinstance(start, MLPResult) else start
            task = NetworkTask(data, network, options, self.seed)
            fit = (NetworkFit if self.hidden else Fit)(task, method, start, None, None)
            if not np.isfinite(fit.start_loss):
                raise InvalidParameterError("start: the loss is not finite at the first parameters; pass other ones")
            return _result(task, fit.run(), classes, schema)

    def loss(
        self, theta: ArrayLike, X: ArrayLike | DataFrame, y: ArrayLike, *, weights: ArrayLike | None = None,
        offset: ArrayLike | None = None, exposure: ArrayLike | None = None,
    ) -> float:  # fmt: skip
        """Half the deviance of the rows, without the penalty, at parameters on the scale of X.

        Parameters
        ----------
        theta : (n_params,) array
            As ``MLPResult.theta``: of each layer the intercepts, then the weights row by row (units below x units);
            last the weights of the direct connection.
        X, y, weights, offset, exposure
            As for ``fit``.

        Raises
        ------
        InvalidParameterError, MissingDataError
        """
        with single_threaded_blas():
            passes, theta = self._passes(theta, X, y, weights, offset, exposure)
            return passes.loss(theta)

    def gradient(
        self, theta: ArrayLike, X: ArrayLike | DataFrame, y: ArrayLike, *, weights: ArrayLike | None = None,
        offset: ArrayLike | None = None, exposure: ArrayLike | None = None,
    ) -> Array:  # fmt: skip
        """The gradient of ``loss`` by back-propagation, (n_params,); arguments as there."""
        with single_threaded_blas():
            passes, theta = self._passes(theta, X, y, weights, offset, exposure)
            return passes.gradient(theta)

    def _passes(self, theta, X, y, weights, offset, exposure):
        data, _, _, network = self._prepared(X, y, weights, offset, exposure, None)
        theta = np.asarray(numeric(theta, "theta"), np.float64)
        if theta.shape != (network.n_params,):
            raise InvalidParameterError(
                f"theta has shape {theta.shape}, a network of {network.sizes} units has {network.n_params} parameters"
            )
        return Passes(network, data.X, prepare(data, SGD())), theta

    def _options(self, solver):
        options = solver
        if solver is None:
            options = HIDDEN_DEFAULT if self.hidden else SGD()
        if not isinstance(options, SGD):
            raise InvalidParameterError(f"solver={solver!r} must be an SGD, the options of the stochastic solvers")
        check_solver(options)
        if self.l2 > 0.0 and options.l2 not in (0.0, self.l2):
            raise InvalidParameterError(f"l2 is given twice: {self.l2:g} to MLP and {options.l2:g} to its solver")
        return options._replace(l2=self.l2) if self.l2 > 0.0 else options

    def _prepared(self, X, y, weights, offset, exposure, names):
        """Checked data, how later rows are read, the labels of y or None, and the network for them."""
        data = canonical(X)
        if is_rows(data) or is_collection(data):
            raise InvalidParameterError("a network needs rows in memory: arrays or a data frame")
        if hasattr(data, "tocsr"):
            raise InvalidParameterError("X is a sparse matrix; pass a dense array")
        columns, known = self._columns(y)
        several = self.family.response_model == "heads"
        if several and (offset is not None or exposure is not None):
            raise InvalidParameterError("offset, exposure: several heads have no linear predictor in common")
        request = FitRequest(
            data=X, y=y if columns is None else columns[:, 0], family="gaussian" if several else self.family,
            link=None if several else self.link, names=names, weights=weights, offset=offset, exposure=exposure,
            threads=1,
        )  # fmt: skip
        schema, source = open_rows(request)
        data, labels = dense(source.data), getattr(source.labels, "ordered", source.labels)
        InMemory(data, 1).check_finite()
        if columns is None:
            check_vectors(InMemory(data, 1), self.family)
            outputs = len(labels) if self.family.response_model == "softmax" else 1
        else:
            data, labels = data._replace(y=columns), known if several else labels
            outputs = self.family.outputs if several else columns.shape[1]
            heads.check_columns(data, self.network(data.X.shape[1], outputs).heads)
        if self.tied and outputs != data.X.shape[1]:
            raise InvalidParameterError(
                f"tied=True needs as many columns of y as X has: y has {outputs}, X has {data.X.shape[1]}"
            )
        return data, schema, labels, self.network(data.X.shape[1], outputs)

    def _columns(self, y):
        """The response as (n, q) float64 where it has several columns or heads, else None; the labels of heads.

        Raises
        ------
        InvalidParameterError
            Where it has not as many as the network has outputs.
        """
        if self.family.response_model == "heads":
            return heads.responses(self.family, y)
        shape = np.shape(y) if not hasattr(y, "shape") else y.shape
        width = shape[1] if len(shape) == 2 else 1
        if self.family.response_model == "softmax":
            return None, None
        counts = width == 2 and self.family.domain.high == 1.0 and self.outputs != 2
        found = 1 if counts else width
        if self.outputs not in (None, found):
            raise InvalidParameterError(f"y has {width} columns, the network has outputs={self.outputs}")
        return (np.asarray(numeric(y, "y"), np.float64) if found > 1 else None), None


def _units(hidden):
    units = (hidden,) if is_whole(hidden) else hidden
    try:
        units = tuple(units)
    except TypeError:
        units = (None,)
    if not all(is_whole(k) and k >= 1 for k in units):
        raise InvalidParameterError(f"hidden={hidden!r} must be a sequence of whole numbers, at least 1 each")
    return tuple(int(k) for k in units)


def _by_code(options, classes):
    """The options with weights of classes named by what y is made of: numbers in place of labels."""
    weights = options.class_weight
    if classes is None or not isinstance(weights, Mapping):
        return options
    absent = [label for label in classes if label not in weights]
    unknown = [label for label in weights if label not in classes]
    if absent or unknown:
        problem = f"no weight for the class {absent[0]!r}" if absent else f"a weight for {unknown[0]!r}, no class of y"
        raise InvalidParameterError(f"class_weight has {problem}")
    return options._replace(class_weight={float(i): weights[label] for i, label in enumerate(classes)})


def _parameters(result, network):
    """The parameters of a result whose layers are those of the network."""
    theirs = result.network._replace(family=network.family, link=network.link)
    if theirs != network:
        raise InvalidParameterError(f"start is a network of other layers, {theirs.sizes} against {network.sizes} units")
    return result.theta


def _result(task: NetworkTask, solution, classes, schema) -> MLPResult:
    """The solution as a record."""
    data, options = task.data, task.options
    theta = task.to_theta(solution.coef)
    half, penalties = task.passes.loss(theta), task.penalties()
    weight = float(len(data.y) if task.rows.weight is None else task.rows.weight.sum())
    loss = half if options.reduction == "sum" else half / weight
    if penalties is not None:
        loss += float(0.5 * penalties[0] @ (theta * theta) + penalties[1] @ np.abs(theta))
    given = "exposure" if data.exposure is not None else "offset" if data.offset is not None else None
    return MLPResult(
        network=task.network,
        theta=solution.coef,
        names=data.names,
        schema=schema,
        classes=classes,
        exposure_kind=given,
        deviance=2.0 * half,
        loss=loss,
        history=solution.history,
        stop=solution.stop,
        epochs=solution.epochs,
        notes=solution.notes,
    )
