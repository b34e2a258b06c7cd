"""A linear model on rows in memory, as the stochastic loop sees it."""

from __future__ import annotations

import numpy as np
from scipy.sparse import issparse

from ...errors import MissingDataError
from ...kernels.load import loader
from ...kernels.row_loops import N_PAR
from ...kernels.sgd import layout as k
from ...kernels.sgd.gradient import gradient_address
from ...kernels.sgd.implicit import implicit_address
from ...kernels.sgd.softmax import softmax_rows
from .sample import Sample
from .scaling import STRETCH, standardise
from .single import single_logistic_rows
from .training_rows import prepare

BLOCK_BYTES = 65536  # of X
DIRECT_BATCH = 4096  # rows whose linear predictors are made before any parameter moves


class LinearTask:
    """The gradient of a generalized linear or softmax model, with what the loop needs to know around it.

    Parameters
    ----------
    data : Block
        X dense, or a scipy CSR matrix.
    model : FamilyLink or int
        Family and link, or the number of classes of a softmax with y their numbers.
    options : SGD
    method : str
        Not "auto".

    Attributes
    ----------
    features, width : int
        Rows and columns of the parameters' matrix.
    rows : Rows
    lazy : bool
        Whether a step touches the features of its rows alone.
    gradient : int
        Address of the compiled gradient, which ``plan`` is for.
    """

    def __init__(self, data, model, options, method, strengths=None):
        self.data, self.options, self.method = data, options, method
        self.strengths = strengths  # the ridge and the lasso of each column, (p,) each; None for those of the options
        self.sparse = issparse(data.X)
        self.pair = None if isinstance(model, (int, np.integer)) else model
        self.width = 1 if self.pair is not None else int(model)
        self.has_intercept = bool(data.has_intercept)
        self.features = data.X.shape[1] + self.has_intercept
        self.rows = prepare(data, options)
        self.dtype = np.dtype(options.dtype or "float64")
        self.lazy = self.sparse and method != "adam" and options.momentum == 0.0 and options.gradient == "analytic"
        self.scaling = self._scaling()
        self.gradient = gradient_address(*self._types)

    def _scaling(self):
        wanted = self.options.standardize
        if wanted == "auto":
            wanted = not self.sparse and self.options.rate == "auto" and isinstance(self.options.schedule, str)
        if not wanted or self.features == self.has_intercept:
            return None
        return standardise(self.data.X, self.rows.used, self.has_intercept and not self.sparse)

    def direct(self, batch: int) -> int:
        """One more than the number of intercepts where plain SGD on CSR can do without lists of features, else 0."""
        plain = self.lazy and self.method == "sgd" and self.options.step == "explicit"
        own = self.options.l1 > 0.0 or self.strengths is not None
        if not plain or own or self.scaling is not None or batch > DIRECT_BATCH:
            return 0
        return 1 + self.has_intercept * self.width

    @property
    def _types(self):
        """The types of parameters, of numbers in X, and of indices, that kernels are compiled for."""
        X = self.data.X
        if self.sparse:
            return self.dtype, X.data.dtype, X.indices.dtype
        return self.dtype, X.dtype if self._in_place else np.float64

    @property
    def _in_place(self):
        X = self.data.X
        return X.flags.aligned and X.dtype.isnative and (X.strides[1] == X.itemsize or X.shape[1] <= 1)

    def _row_loop(self):
        if self.pair is None:
            return softmax_rows()
        return single_logistic_rows() if self.pair.logistic and self.dtype == np.float32 else self.pair.rows

    @property
    def _block(self):
        """Rows whose linear predictors are made before their formulas: a few, that stay in the first-level cache."""
        width = 0 if self.sparse else 8 * self.data.X.shape[1]
        return max(8, min(64, BLOCK_BYTES // max(width, 1) // 4 * 4))

    def plan(self, loop: np.ndarray, batch: int, table: np.ndarray) -> np.ndarray:
        """The linear model's plan for batches of at most ``batch`` rows.

        Parameters
        ----------
        loop : (LOOP,) int64
            The loop's plan, which the gradient reads.
        batch : int
        table : (n * width,) float64
            The residuals SAGA remembers; empty for other rules.
        """
        rows, width, p = self.rows, self.width, self.data.X.shape[1]
        implicit = self.options.step == "implicit"
        block = batch if implicit or loop[k.DIRECT] else min(self._block, max(batch, 1))
        plan = np.zeros(k.LINEAR, np.int64)
        plan[[k.P, k.ONES, k.CLASSES, k.BLOCK]] = p, self.has_intercept, width, block
        plan[k.IMPLICIT] = implicit_address(*self._types) if implicit else 0
        plan[k.ROWS], plan[k.LOOP_PLAN] = len(rows.y), loop.ctypes.data
        par = np.full(N_PAR, float(width)) if self.pair is None else self.pair.par
        plan[k.ROW_LOOP] = self._row_loop()
        places = {k.PAR: par, k.Y: rows.y, k.WEIGHT: rows.weight, k.SHIFT: rows.shift}
        if self.scaling is not None:
            places[k.INVERSE_SCALE] = self.scaling.inverse_scale
            if not self.sparse:
                places[k.CENTRE] = self.scaling.centre
                places[k.NATURAL] = np.empty(self.features * width, self.dtype)
        for field in (k.V_ADDRESS, k.V_NUMBER):
            places[field] = np.empty(block, np.int64)
        for field, size in ((k.V_Y, 1), (k.V_W, 1), (k.V_H, 1), (k.V_D, 1), (k.V_ETA, width), (k.V_R, width)):
            places[field] = np.ones(block * size)  # weights stay so where none are read
        if table.size:
            places[k.TABLE] = table
        if implicit:
            places[k.V_DIRECTION] = np.empty(2 * block * width)
        self._place_matrix(plan, places, block)
        for field, array in places.items():
            plan[field] = 0 if array is None else array.ctypes.data
        self._alive = (loop, places)
        return plan

    def _place_matrix(self, plan, places, block):
        X = self.data.X
        if self.sparse:
            places.update({k.X: X.data, k.INDICES: X.indices, k.INDPTR: X.indptr})
            plan[[k.ROW_STRIDE, k.COL_STRIDE]] = X.indices.itemsize, X.data.itemsize
            return
        places[k.X] = X
        plan[[k.ROW_STRIDE, k.COL_STRIDE]] = X.strides
        if not self._in_place:
            plan[k.LOAD] = loader(X.dtype)
            places[k.BUFFER] = np.empty(block * max(X.shape[1], 1))

    def rarity(self) -> np.ndarray:
        """Rows over rows that have the parameter's feature, (features * width,): what SAGA on CSR makes up for."""
        X, used = self.data.X, self.rows.used
        part = X if used is None else X[used]
        counts = np.bincount(part.indices, minlength=X.shape[1]).astype(np.float64)
        rarity = np.divide(self.rows.count, counts, out=np.zeros(len(counts)), where=counts > 0.0)
        return np.repeat(np.concatenate([np.ones(int(self.has_intercept)), rarity]), self.width)

    def penalties(self) -> tuple[np.ndarray, np.ndarray] | None:
        """The ridge and the lasso of each parameter as the loop knows it, (features * width,); None without any."""
        l2, l1 = (self.options.l2, self.options.l1) if self.strengths is None else self.strengths
        if not (np.any(l2) or np.any(l1)):
            return None
        inverse = np.ones(self.data.X.shape[1]) if self.scaling is None else self.scaling.inverse_scale
        free = np.zeros(int(self.has_intercept))
        ridge, lasso = (np.concatenate([free, v]) for v in (l2 * inverse**2, l1 * inverse))
        return np.repeat(ridge, self.width), np.repeat(lasso, self.width)

    def to_theta(self, beta) -> np.ndarray:
        """The loop's parameters, flat float64, from coefficients on the scale of X."""
        beta = np.asarray(beta, np.float64).reshape(self.features, self.width)
        return (beta if self.scaling is None else self.scaling.to_standardised(beta, self.has_intercept)).ravel()

    def to_coef(self, theta) -> np.ndarray:
        """Coefficients on the scale of X from the loop's parameters: (features,), or (features, classes)."""
        theta = np.asarray(theta, np.float64).reshape(self.features, self.width)
        beta = theta.copy() if self.scaling is None else self.scaling.to_natural(theta, self.has_intercept)
        return beta[:, 0] if self.pair is not None else beta

    def sample(self) -> Sample:
        """Some of the rows, standardised as the loop sees them."""
        return Sample(self)

    def check_finite(self) -> None:
        """Look for the cell of X that made a loss not finite.

        Raises
        ------
        MissingDataError
            Naming the first such column and row.
        """
        X = self.data.X
        stretches = (X.data,) if self.sparse else (X[a : a + STRETCH] for a in range(0, X.shape[0], STRETCH))
        for number, part in enumerate(stretches):
            bad = ~np.isfinite(part)
            if bad.any():
                first = int(np.argmax(bad))
                if self.sparse:
                    i, j = int(np.searchsorted(X.indptr, first, "right")) - 1, int(X.indices[first])
                else:
                    i, j = divmod(first, X.shape[1])
                raise MissingDataError(
                    f"X is not finite: {part.flat[first]} in column {self.data.name(j)!r} (number {j}) at row "
                    f"{number * STRETCH + i}; missing='drop' leaves such rows out"
                )
