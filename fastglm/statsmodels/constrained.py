"""``fit_constrained``: the optimum among coefficients that satisfy linear equations."""

from __future__ import annotations

from copy import copy
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from ..errors import InvalidParameterError
from .contrasts import linear_constraints

if TYPE_CHECKING:
    from ..core.records import Array, ArrayLike

REDUNDANT = 1e-10  # chosen: of the largest singular value of the constraints, at which they are counted as dependent


class LinearConstraints(NamedTuple):
    """The equations R b = q that a fit satisfies.

    Attributes
    ----------
    constraint_matrix : ndarray of shape (k, p)
    constraint_values : ndarray of shape (k,)
    variable_names : list of str
        Names of the p coefficients.
    """

    constraint_matrix: Array
    constraint_values: Array
    variable_names: list[str]


class ConstrainedFit:
    """The ``fit_constrained`` of models of one mean a row."""

    def fit_constrained(self, constraints: Any, start_params: ArrayLike | None = None, **fit_kwds: Any) -> Any:
        """Fit to the optimum among the coefficients that satisfy R b = q.

        With b = N g + c, N a basis of the null space of R and c the shortest solution, g is fitted to the design X N
        with the offset X c, and its covariance V is carried back as N V N'.

        Parameters
        ----------
        constraints : str, list of str, (k, p) array_like, or pair (R, q)
            ``"x1 = x2, x3 = 1"``, or R alone for R b = 0.
        start_params : (p,) array_like, optional
            Of the whole model.
        **fit_kwds
            As for ``fit``.

        Returns
        -------
        results of this model, with ``constraints``, ``k_constr`` and ``results_constrained``, the fit of g

        Raises
        ------
        InvalidParameterError
            For constraints that depend on each other, of another number of columns, or as many as coefficients.
        NotSupportedError
            For arguments that would change the answer.
        """
        R, q = linear_constraints(constraints, self.exog_names, self.exog.shape[1])
        basis, shift = _solutions(R, q)
        start = None if start_params is None else basis.T @ (np.asarray(start_params, float) - shift)
        inner = self._reduced(basis, shift).fit(start_params=start, **fit_kwds)
        self.scaletype = getattr(inner.model, "scaletype", None)
        back = lambda cov: None if cov is None else basis @ cov @ basis.T  # noqa: E731
        found = type(inner)(
            self, inner.fitted, basis @ inner._params + shift, back(inner._normalized), scale=inner.scale,
            robust=back(inner._robust), cov_type=inner.cov_type, cov_kwds=inner.cov_kwds, use_t=inner.use_t,
            method=inner.method, df_resid=self.df_resid + len(R),
        )  # fmt: skip
        found.df_model, found.k_constr, found.results_constrained = self.df_model - len(R), len(R), inner
        found.constraints = LinearConstraints(R, q, [str(name) for name in self.exog_names])
        return found

    def _reduced(self, basis, shift):
        """The model of the columns X N with the offset X c beside its own."""
        inner = copy(self)
        for name in ("rank", "formula"):
            inner.__dict__.pop(name, None)
        inner.data, inner.recipe = copy(self.data), None
        inner.exog = inner.data.exog = np.asarray(self.exog, float) @ basis
        inner.data.exog_names = [f"x{j + 1}" for j in range(basis.shape[1])]
        moved = self.exog @ shift
        inner.offset = moved if self.offset is None else self.offset + moved
        inner.offset_total = self.offset_total + moved
        return inner


def _solutions(R, q):
    """An orthonormal basis (p, p - k) of the null space of R (k, p), and the shortest solution (p,) of R b = q."""
    left, values, right = np.linalg.svd(R)
    k, p = R.shape
    if k > p or values[-1] <= REDUNDANT * values[0]:
        raise InvalidParameterError(
            f"the {k} constraints depend on each other, or contradict each other: leave some out"
        )
    if k == p:
        raise InvalidParameterError(f"{k} constraints leave none of the {p} coefficients to be fitted")
    return right[k:].T, right[:k].T @ ((left.T @ q) / values)
