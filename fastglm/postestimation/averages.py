"""Averages of predictions and of their derivatives over rows, with their gradients in the coefficients: one read.

With f the mean, its logarithm, or the linear predictor eta = x'b itself, a row's prediction f(eta) has the gradient
f'(eta) x, and its derivative in a column, f'(eta) d with d = (dx)'b, has f''(eta) d x + f'(eta) dx. Of several classes
f has K values of m linear predictors, and the same sums run over them. A column that is a term as it stands has
dx = (0, .., 1, .., 0), so that all such columns share two sums over the rows.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np

from ..core.measured import PREDICTED_BYTES
from ..errors import InvalidParameterError, MissingDataError
from ..inference.predictor_curves import curves
from ..inference.several import CoefficientTable
from ..kernels.evaluate import mean_curve
from ..rows.supplied import check_numbers, in_order
from ..source.threads import get_threads


class Quantity(NamedTuple):
    """An average over rows.

    Attributes
    ----------
    changes : mapping of str to a value or a function of the column
        Columns that all rows have otherwise.
    slope : str or None
        The column in which the prediction is differentiated; None averages predictions.
    log, times : bool
        Of the logarithm of the prediction; the derivative times the column.
    """

    changes: dict[str, Any]
    slope: str | None = None
    log: bool = False
    times: bool = False


class NotBinary(Exception):
    """A column, its only argument, that has other numbers than zero and one."""


class Averages(NamedTuple):
    """Averages of groups of rows.

    Attributes
    ----------
    groups : list of tuple
        The values of the columns that groups are of, in their order; one empty tuple without.
    values : (G, Q, K) array
        Of G groups, Q quantities and K classes (one without classes).
    gradients : (G, Q, K, m) array
        In the m coefficients, all of a class after the other.
    weight : (G,) array
    draws : (S, G, Q, K) array or None
        The values at each of S coefficients that were drawn.
    """

    groups: list[tuple[Any, ...]]
    values: np.ndarray
    gradients: np.ndarray
    weight: np.ndarray
    draws: np.ndarray | None


class Formulas(NamedTuple):
    """f (n, K), its derivatives (n, K, m) and its second derivatives (n, K, m, m) in the linear predictors."""

    value: np.ndarray
    first: np.ndarray
    second: np.ndarray


def formulas(result, eta, scale: str, log: bool) -> Formulas:
    """The predictions of rows on a scale, "mean" or "link", or their logarithms, as functions of eta (n, m); of several
    linear predictors a row the scale is a kind of prediction."""
    n, m = eta.shape
    if result.family.response_model == "several":
        found = Formulas(*curves(result, scale, eta.T))
    elif scale == "link":
        first = np.broadcast_to(np.eye(m), (n, m, m))
        found = Formulas(eta, first, np.zeros((n, m, m, m)))
    elif result.family.response_model == "softmax":
        found = _class_formulas(result, eta)
    else:
        eta = np.ascontiguousarray(eta[:, 0])
        mu, slope, bend = mean_curve(result.family, result.link, eta)
        found = Formulas(mu[:, None], slope[:, None, None], bend[:, None, None, None])
    if not log:
        return found
    if not (found.value > 0.0).all():
        raise InvalidParameterError("a logarithm of predictions needs them positive; take another kind of effect")
    mu = found.value[:, :, None]
    first = found.first / mu
    second = found.second / mu[..., None] - first[:, :, :, None] * first[:, :, None, :]
    return Formulas(np.log(found.value), first, second)


def _class_formulas(result, eta):
    """Probabilities of the classes."""
    from ..inference.multinomial import others, probabilities

    p = probabilities(result, eta)
    free = others(result)
    q = p[:, free]
    delta = (np.arange(p.shape[1])[:, None] == free).astype(float)
    towards = delta - q[:, None, :]  # (n, K, m)
    spread = q[:, :, None] * (np.eye(len(free)) - q[:, None, :])  # (n, m, m)
    second = p[:, :, None, None] * (towards[:, :, :, None] * towards[:, :, None, :] - spread[:, None])
    return Formulas(p, p[:, :, None] * towards, second)


def averages(
    result, supplied, quantities: list[Quantity], *, scale="mean", by=(), weighted=False, draws=None, threads=None,
    shift=None, binary=(),
) -> Averages:  # fmt: skip
    """Averages over all rows, or over groups of them, in one read.

    Parameters
    ----------
    result : GLMResult
    supplied : CounterfactualRows
    quantities : list of Quantity
    scale : {"mean", "link"}
    by : sequence of str, or "row"
        Keys of the vectors beside the rows that groups are of; "row" makes each row a group.
    weighted : bool
        Whether the rows have weights of averages beside them.
    draws : (S, m) array, optional
        Coefficients at which the averages are taken too.
    threads : int, optional
    shift : float, optional
        In place of the offset of the rows.
    binary : sequence of str
        Columns that must have zeros and ones alone.

    Raises
    ------
    NotBinary
        Where one of them has other numbers.

    Returns
    -------
    Averages
    """
    plan = _Plan(result, quantities, scale, shift)

    def work(piece):
        for name in binary:
            if not zeros_and_ones(piece.values(name)):
                raise NotBinary(name)
        w = piece.frequency * (_weights(piece) if weighted else 1.0)
        keys, codes = _grouped(piece, by)
        return keys, plan.sums(piece, w, codes, len(keys), draws)

    total: dict[Any, Any] = {}
    for number, (keys, parts) in enumerate(in_order(supplied, work, get_threads(threads))):
        for i, key in enumerate(keys):
            key = (number, *key) if by == "row" else key
            own = tuple(part[i] for part in parts)
            total[key] = tuple(a + b for a, b in zip(total[key], own, strict=True)) if key in total else own
    kept = {key: parts for key, parts in total.items() if parts[0] > 0.0}
    if not kept:
        raise InvalidParameterError("no row has a positive weight")
    groups = sorted(kept, key=lambda key: tuple((isinstance(v, str), v) for v in key))
    weight, values, gradients, drawn = (np.array([kept[g][i] for g in groups]) for i in range(4))
    drawn = None if draws is None else np.moveaxis(drawn / weight[:, None, None, None], 1, 0)
    per = weight[:, None, None]
    return Averages([() if by == "row" else g for g in groups], values / per, gradients / per[..., None], weight, drawn)


def n_values(result, scale: str) -> int:
    """The numbers that a row's prediction on a scale has."""
    model = result.family.response_model
    if model == "several":
        return {"proba": len(result.classes or ()), "cumulative": len(result.columns) - 1}.get(scale, 1)
    if model == "softmax":
        return len(result.classes) - (scale == "link")
    return 1


def zeros_and_ones(values) -> bool:
    """Whether numbers are zeros and ones alone; the first few are looked at before all others."""
    return all(bool(((part == 0.0) | (part == 1.0)).all()) for part in (values[:200], values))


def _weights(piece):
    w = np.asarray(piece.beside("weights"), np.float64)
    check_numbers("weights", w)
    return w


def _grouped(piece, by):
    """The keys of the groups of a piece, and the number of the group (n,) of each row."""
    if by == "row":
        return [(i,) for i in range(piece.n)], np.arange(piece.n)
    codes, keys = np.zeros(piece.n, np.intp), [()]
    for name in by:
        values = piece.beside(name)
        try:
            found, own = np.unique(values, return_inverse=True)
        except TypeError:
            raise MissingDataError(f"by: {name!r} has missing values") from None
        if found.dtype.kind == "f" and np.isnan(found).any():
            raise MissingDataError(f"by: {name!r} has missing values")
        pairs, codes = np.unique(codes * len(found) + own, return_inverse=True)
        keys = [(*keys[pair // len(found)], found.tolist()[pair % len(found)]) for pair in pairs.tolist()]
    return keys, codes


class _Plan:
    """The quantities, those of the same changes together."""

    def __init__(self, result, quantities, scale, shift):
        self.result, self.scale, self.shift, self.quantities = result, scale, shift, quantities
        self.table = CoefficientTable.of(result) if result.family.response_model == "several" else None
        self.params = self.shaped(np.nan_to_num(np.asarray(result.params, float)))
        self.constant, self.lead, self.shifted = result.intercept, 0, np.ones(1)
        if self.table is not None:  # whose constants are a row of the table, and whose offset is of the first predictor
            self.lead, self.shifted = int(not result.intercept), np.eye(1, self.params.shape[1])[0]
            self.constant = True
        self.points: list[tuple[dict[Any, Any], list[int]]] = []
        for i, quantity in enumerate(quantities):
            same = [numbers for changes, numbers in self.points if changes == quantity.changes]
            if same:
                same[0].append(i)
            else:
                self.points.append((quantity.changes, [i]))
        self.n_values = n_values(result, scale)

    def shaped(self, beta):
        """Coefficients in a matrix (p, m), a column for each linear predictor."""
        if self.table is not None:
            return self.table.filled(beta)
        return beta if beta.ndim == 2 else beta.reshape(len(self.result.names), -1, order="F")

    def sums(self, piece, w, codes, n_groups, draws):
        """Weight (G,), values (G, Q, K), gradients (G, Q, K, m) and draws (G, S, Q, K), summed over a piece."""
        shape = (n_groups, len(self.quantities), self.n_values)
        values, gradients = np.zeros(shape), np.zeros((*shape, *self.params.T.shape))
        drawn = np.zeros((n_groups, 0 if draws is None else len(draws), *shape[1:]))
        for changes, numbers in self.points:
            X, shift = piece.changed(changes)
            shift = shift if self.shift is None else np.full(piece.n, self.shift)
            slopes = {
                name: self._derivative(piece, name, changes)
                for name in dict.fromkeys(self.quantities[i].slope for i in numbers)
                if name is not None
            }
            times = {i: piece.values(self.quantities[i].slope, changes) for i in numbers if self.quantities[i].times}
            plain = [i for i in numbers if isinstance(slopes.get(self.quantities[i].slope), int) and i not in times]
            shared: dict[Any, Any] = {}
            width = self.params.shape[0] * (1 + sum(not isinstance(d, int) for d in slopes.values()))
            width += 0 if self.table is None else self.n_values * self.params.shape[1] ** 2
            step = max(1, PREDICTED_BYTES // (8 * width))
            for a in range(0, piece.n, step):
                rows = slice(a, min(a + step, piece.n))
                block = _Block(self, X[rows], shift[rows], w[rows], codes[rows], n_groups)
                block.slopes = {name: _part(d, rows, self) for name, d in slopes.items()}
                block.times = {i: v[rows] for i, v in times.items()}
                block.plain = {self.quantities[i].log for i in plain}
                block.add([i for i in numbers if i not in plain], self.params, values, gradients, shared)
                for s in range(drawn.shape[1]):
                    beta = self.shaped(draws[s])
                    own: dict[Any, Any] = {}
                    block.add([i for i in numbers if i not in plain], beta, drawn[:, s], None, own)
                    self._plain(plain, slopes, own, beta, drawn[:, s], None)
            self._plain(plain, slopes, shared, self.params, values, gradients)
        weight = np.bincount(codes, weights=w, minlength=n_groups)
        gradients = gradients.reshape(*shape, -1) if self.table is None else self.table.gathered(gradients)
        return weight, values, gradients, drawn

    def _derivative(self, piece, name, changes):
        """The derivative of the columns in one of the data, or the row of its only coefficients."""
        found = piece.derivative(name, changes)
        return found + self.lead if isinstance(found, int) else found

    def _plain(self, numbers, slopes, shared, beta, values, gradients):
        """Add the derivatives in columns that are one coefficient each, of the sums that they share."""
        for i in numbers:
            first, second = shared.get(self.quantities[i].log, (None, None))
            if first is None:  # no rows
                continue
            j = slopes[self.quantities[i].slope]
            values[:, i] += first @ beta[j]
            if gradients is not None:
                gradients[:, i] += np.einsum("gklmp,l->gkmp", second, beta[j])
                gradients[:, i, :, :, j] += first


def _part(slope, rows, plan):
    """A block of a derivative: the number of a coefficient, or the columns and the shift's."""
    if isinstance(slope, int):
        return slope
    X, shift = slope
    dense = X[rows].toarray()
    return dense, (np.zeros(len(dense)) if shift is None else shift[rows])


class _Block:
    """Some rows at a point: their columns, and what is summed over them."""

    def __init__(self, plan, X, shift, w, codes, n_groups):
        self.plan, self.shift, self.w, self.codes, self.n_groups = plan, shift, w, codes, n_groups
        self.X = X.toarray() if hasattr(X, "toarray") else np.asarray(X, np.float64)
        self.constant = plan.constant
        self.slopes, self.times, self.plain = {}, {}, set()

    def add(self, numbers, beta, values, gradients, shared):
        """Add the sums of some quantities at coefficients beta (p, m), and those that plain columns share; gradients
        unless None."""
        plan = self.plan
        eta = self.eta(beta)
        if not np.isfinite(eta).all():
            row = int(np.argmin(np.isfinite(eta).all(axis=1)))
            raise MissingDataError(f"the linear predictor is {eta[row].tolist()} in row {row} of a piece")
        known = {log: formulas(plan.result, eta, plan.scale, log) for log in self.plain}
        for log in self.plain:
            f, (first, second) = known[log], shared.get(log, (0.0, 0.0))
            if gradients is not None:
                flat = f.second.reshape(len(eta), -1)
                n_values, m = f.first.shape[1:]
                second = second + self._with_rows(flat, self.X).reshape(self.n_groups, n_values, m, m, -1)
            shared[log] = first + self._by_group(f.first), second
        for i in numbers:
            quantity = plan.quantities[i]
            if quantity.log not in known:
                known[quantity.log] = formulas(plan.result, eta, plan.scale, quantity.log)
            f = known[quantity.log]
            if quantity.slope is None:
                values[:, i] += self._by_group(f.value)
                if gradients is not None:
                    gradients[:, i] += self._with_rows(f.first, self.X)
            else:
                self._slope(i, quantity, f, beta, values, gradients)

    def eta(self, beta):
        """The linear predictors (n, m)."""
        if not self.constant:
            return self.X @ beta + self.shift[:, None] * self.plan.shifted
        eta = self.X @ beta[1:]
        eta += beta[0]
        return eta + self.shift[:, None] * self.plan.shifted if self.shift.any() else eta

    def _slope(self, i, quantity, f, beta, values, gradients):
        """The derivative in any column."""
        slope, times, start = self.slopes[quantity.slope], self.times.get(i), int(self.constant)
        if isinstance(slope, int):
            D, moved = np.zeros_like(self.X), np.broadcast_to(beta[slope], (len(self.X), beta.shape[1]))
            D[:, slope - start] = 1.0
        else:
            D, moved = slope[0], slope[0] @ beta[start:] + slope[1][:, None] * self.plan.shifted
        first, second = f.first, np.einsum("nklm,nl->nkm", f.second, moved)
        if times is not None:
            first, second = first * times[:, None, None], second * times[:, None, None]
        values[:, i] += self._by_group(np.einsum("nkl,nl->nk", first, moved))
        if gradients is not None:
            gradients[:, i] += self._with_rows(second, self.X) + self._with_rows(first, D, 0.0)

    def _by_group(self, numbers):
        """Weighted sums of (n, ...) numbers by group, (G, ...)."""
        if self.n_groups == 1:
            return np.tensordot(self.w, numbers, axes=(0, 0))[None]
        flat = (self.w[:, None] * numbers.reshape(len(numbers), -1)).T
        found = np.array([np.bincount(self.codes, weights=v, minlength=self.n_groups) for v in flat])
        return found.T.reshape(self.n_groups, *numbers.shape[1:])

    def _with_rows(self, numbers, X, constant=1.0):
        """Weighted sums of (n, ...) numbers times the rows of X (n, p), a constant in front where the fit added it, by
        group: (G, ..., p)."""
        flat = self.w[:, None] * numbers.reshape(len(numbers), -1)
        if self.n_groups == 1:
            found = (flat.T @ X)[None]
            ones = flat.sum(axis=0)[None]
        else:
            from scipy.sparse import csr_matrix

            place, shape = (self.codes, np.arange(len(X))), (self.n_groups, len(X))
            groups = [csr_matrix((v, place), shape=shape) for v in flat.T]
            found = np.stack([own @ X for own in groups], axis=1)
            ones = np.stack([np.asarray(own.sum(axis=1)).ravel() for own in groups], axis=1)
        if self.constant:
            found = np.concatenate([constant * ones[..., None], found], axis=-1)
        return found.reshape(self.n_groups, *numbers.shape[1:], found.shape[-1])
