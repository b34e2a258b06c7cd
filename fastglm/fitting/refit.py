"""``refit``: the unpenalised fit of the columns that a penalised path has chosen."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from ..errors import InvalidParameterError, SelectionWarning, warn
from ..result.path import PathResult
from ..result.record import GLMResult
from .again import columns_of, formula_of, terms_of, vectors
from .entry import fit, glm

if TYPE_CHECKING:
    from ..result.cross_validation import CVResult
    from ..types import Rows, Variable

SELECTED = (
    "the columns were selected by the same rows, which standard errors, tests and intervals do not know of: p-values "
    "are too small and intervals too short. Refit rows that took no part in the selection for inference"
)


def refit(
    chosen: PathResult | CVResult, X: Rows, y: Variable | None = None, *, lam: float | None = None, **options: Any
) -> GLMResult:
    """Fit the selected columns of a path without a penalty.

    Parameters
    ----------
    chosen : PathResult or CVResult
    X, y : rows and response, or the data of a formula
        Those of the path, as ``fit`` or ``glm`` took them, or others with the same columns.
    lam : float, optional
        The lambda whose coefficients that are not zero are fitted; by default that of a CVResult's rule. Of a formula
        and of factors a term with such a coefficient stays as a whole.
    **options
        As for ``fit`` or ``glm``: cov, weights, offset, exposure and so on. Those of the path that were columns are
        found by their names, arrays are given again.

    Returns
    -------
    GLMResult or MultinomialResult

    Raises
    ------
    InvalidParameterError
        For a PathResult without lam, a lambda that is not on the path, and a vector of the path that is missing.

    Warns
    -----
    SelectionWarning
        Inference after selection by the same rows is not valid (Leeb, H. and Pötscher, B. M. 2005, "Model selection and
        inference: facts and fiction", Econometric Theory 21).

    Examples
    --------
    >>> import numpy as np, fastglm, warnings
    >>> X = np.random.default_rng(0).normal(size=(100, 4))
    >>> y = X[:, 1] + np.random.default_rng(1).normal(size=100)
    >>> chosen = fastglm.cv(X, y, rule="1se")
    >>> with warnings.catch_warnings():
    ...     warnings.simplefilter("ignore")
    ...     fastglm.refit(chosen, X, y).names
    ('(Intercept)', 'x2')
    """
    path: PathResult = getattr(chosen, "path", chosen)
    if lam is None:
        lam = getattr(chosen, "chosen_lambda", None)
    if lam is None:
        raise InvalidParameterError("refit: a path has many lambdas; pass lam=")
    one, first = path.at(lam), path.first
    coefficients = one.params if one.coef_raw is None else one.coef_raw
    selected = np.flatnonzero(coefficients.reshape(len(path.names), -1).any(1)[int(first.intercept) :])
    options = {"family": first.family, "link": first.link, **vectors(first, options), **options}
    warn(SelectionWarning, SELECTED)
    if first.design is not None:
        terms = terms_of(first.design, selected + int(first.intercept))
        if first.design.formula.response:
            return glm(formula_of(first.design, terms), X, **options)
        return fit(X[[name for (name,) in terms]], y, intercept=first.intercept, **options)
    columns = first.schema.columns
    names = tuple(columns[j] for j in selected)
    rows = X[list(names)] if hasattr(X, "columns") else columns_of(X, selected)
    named = {} if hasattr(X, "columns") else {"names": names}
    return fit(rows, y, intercept=first.intercept, **named, **options)


PathResult.refitting = staticmethod(refit)
