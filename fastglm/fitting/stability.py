"""``stability_selection``: how often a lasso selects each column in halves of the rows."""

from __future__ import annotations

from contextlib import closing
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from ..core.lazy import frozen
from ..errors import InvalidParameterError
from ..options.penalties import Lasso, check_lambdas
from ..rows.open import open_rows
from ..source.base import RowTransform
from ..source.folds import Fitted, Folds, Numbered
from .path import path_request, solve_path
from .perform import run_of, running

if TYPE_CHECKING:
    from ..core.records import Array, ArrayLike
    from ..types import PenaltyLike, Rows, Variable


@dataclass(frozen=True, kw_only=True, eq=False, repr=False)
class StabilityResult:
    """How often columns were selected.

    Parameters
    ----------
    names : tuple of p str
    lambdas : (L,) array, decreasing
    frequencies : (L, p) array
        The share of halves in which a column was selected at a lambda or at a larger one.
    mean_selected : (L,) array
        Columns selected so, in the mean over halves.
    n_halves : int
    """

    names: tuple[str, ...]
    lambdas: Array
    frequencies: Array
    mean_selected: Array
    n_halves: int

    def __post_init__(self) -> None:
        for name in ("lambdas", "frequencies", "mean_selected"):
            object.__setattr__(self, name, frozen(np.asarray(getattr(self, name)).view()))

    def selected(self, threshold: float = 0.75, most: float | None = None) -> tuple[str, ...]:
        """The columns whose frequency is at least ``threshold``.

        Parameters
        ----------
        threshold : float
            Above 1/2.
        most : float, optional
            The mean number of columns that a half may select: lambdas beyond it are left out.
        """
        row = self.frequencies[self._last(threshold, most)]
        return tuple(name for name, share in zip(self.names, row, strict=True) if share >= threshold)

    def error_bound(self, threshold: float = 0.75, most: float | None = None) -> float:
        """A bound of the expected number of columns that are selected and should not be, q^2 / ((2 threshold - 1) p)
        with q columns in the mean: for columns without an effect that are exchangeable, and no worse than random."""
        q = self.mean_selected[self._last(threshold, most)]
        return float(q**2 / ((2.0 * threshold - 1.0) * len(self.names)))

    def _last(self, threshold, most):
        """The number of the least lambda that counts."""
        if not 0.5 < threshold <= 1.0:
            raise InvalidParameterError(f"threshold={threshold!r} must lie between 1/2 and 1")
        few = np.flatnonzero(self.mean_selected <= (np.inf if most is None else most))
        if not len(few):
            raise InvalidParameterError(f"most={most!r}: every lambda selects more columns")
        return int(few[-1])

    def __repr__(self) -> str:
        return (
            f"<StabilityResult of {len(self.names)} columns in {self.n_halves} halves: {len(self.lambdas)} lambdas, "
            f"{self.mean_selected[-1]:.3g} columns selected in the mean>"
        )


def stability_selection(
    X: Rows | str,
    y: Variable | Rows = None,
    *,
    penalty: PenaltyLike = Lasso(),  # noqa: B008
    lambdas: int | ArrayLike = 20,
    ratio: float | None = 0.1,
    pairs: int = 50,
    seed: int = 0,
    **options: Any,
) -> StabilityResult:
    """Select columns by how often a lasso selects them in random halves of the rows.

    Parameters
    ----------
    X, y, penalty : as for ``path``
    lambdas, ratio : as for ``path``, of all rows
        The least lambda decides how many columns are selected; fewer give a smaller bound of false ones.
    pairs : int
        Of complementary halves, which leave no row out.
    seed : int
        Of the halves.
    **options
        As for ``path``.

    Returns
    -------
    StabilityResult

    Raises
    ------
    InvalidParameterError, MissingDataError
        As ``path``.

    Notes
    -----
    A half is all rows with weights of zero for the others, so that any storage will do; each reads all rows.

    References
    ----------
    Meinshausen, N. and Buehlmann, P. (2010), "Stability selection", Journal of the Royal Statistical Society B 72.
    Shah, R. and Samworth, R. (2013), "Variable selection with error control: another look at stability selection",
    Journal of the Royal Statistical Society B 75, whose complementary pairs these are.

    Examples
    --------
    >>> import numpy as np, fastglm
    >>> X = np.random.default_rng(0).normal(size=(200, 8))
    >>> y = X[:, 0] - X[:, 1] + np.random.default_rng(1).normal(size=200)
    >>> fastglm.stability_selection(X, y, pairs=10).selected(0.9)
    ('x1', 'x2')
    """
    check_lambdas(lambdas, ratio)
    if isinstance(pairs, bool) or not hasattr(pairs, "__index__") or pairs < 1:
        raise InvalidParameterError(f"pairs={pairs!r} must be a whole number, at least 1")
    request = path_request(X, y, penalty, {**options, "compress": False}, {"lambdas": lambdas, "ratio": ratio})
    schema, source = open_rows(request)
    with closing(source):
        run, _ = run_of(request, schema, source)
        first = int(run.source.data.has_intercept)
        with running(run, request.progress) as callback:
            lambdas = solve_path(run, request, lambdas, ratio, callback)[0].lambdas
            n, rng, counts, total = source.n_rows, np.random.default_rng(seed), 0.0, 0.0
            for _ in range(pairs):
                folds = Folds.each_in_turn(Numbered(2, rng.permutation(n) % 2))
                for half in (0, 1):
                    chosen = _selected(run, request, schema, Fitted(folds, half), lambdas)[:, first:]
                    counts, total = counts + chosen, total + chosen.sum(1)
        source.finish()
    halves = 2 * pairs
    return StabilityResult(
        names=run.names[first:], lambdas=lambdas, frequencies=counts / halves, mean_selected=total / halves,
        n_halves=halves,
    )  # fmt: skip


def _selected(run, request, schema, kept, lambdas) -> np.ndarray:
    """Which coefficients a half selects at each lambda or at a larger one, (L, m) bool."""
    rows = run.source.changed(RowTransform(False, kept=kept))
    rows.labels = run.whole.labels
    half = run_of(request, schema, rows)[0]
    half.penalty = request.penalty
    beta = solve_path(half, request, lambdas, None)[0].beta
    nonzero = beta != 0.0 if beta.ndim == 2 else (beta != 0.0).any(2)
    return np.logical_or.accumulate(nonzero, axis=0)
