"""Stepwise selection of terms, by the conventions of R's ``step``."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from ..errors import InvalidParameterError
from ..inference.test_table import TestTable
from ..result.record import GLMResult
from .models import Models
from .single_terms import droppable, larger_models, terms_table

if TYPE_CHECKING:
    from collections.abc import Sequence

    from ..types import Rows, Variable

WORTH = 1e-7  # that a step must lower the criterion by, as in R


class StepResult(NamedTuple):
    """A stepwise search: the ``result`` it ends with, and its ``path`` as a TestTable."""

    result: GLMResult
    path: TestTable


def step(
    result: GLMResult, data: Rows, y: Variable | None = None, *, scope: str | Sequence[str] | None = None,
    lower: str = "1", direction: str = "both", k: float | str = 2.0, **options: Any,
) -> StepResult:  # fmt: skip
    """Choose terms one by one by the AIC (R's ``step``).

    Parameters
    ----------
    result : GLMResult
        The model to begin with, of a formula.
    data, y : rows, as the result was fitted to
    scope : str or sequence of str, optional
        The largest model; that of the result without it.
    lower : str
        The smallest model, whose terms stay.
    direction : {"both", "backward", "forward"}
    k : float or "bic"
        What a parameter costs: 2 for the AIC.
    **options
        Arrays that the fit had: weights, offset, exposure.

    Returns
    -------
    StepResult

    Raises
    ------
    InvalidParameterError
        For a model without a formula, a family without a likelihood, and options that there are not.

    Warns
    -----
    Tests and intervals of the model that it ends with do not know of the search.
    """
    if direction not in ("both", "backward", "forward"):
        raise InvalidParameterError(f"direction={direction!r} is unknown; there are 'both', 'backward' and 'forward'")
    k = float(np.log(result.nobs)) if k == "bic" else float(k)
    models, _, union = larger_models(result, scope or (), data, y, options)
    kept = {frozenset(part.strip().split(":")) for part in lower.split("~")[-1].split("+")}
    now, terms, rows = result, list(Models(result, data, y, options).terms), [("", result)]
    criterion = [_criterion(now, k)]
    if np.isnan(criterion[0]):
        raise InvalidParameterError(
            f"step: family={result.family.name!r} has no likelihood, and so no AIC to choose terms by; drop1 and add1 "
            "have tests"
        )
    while True:
        choices = []
        if direction != "forward":
            choices += [("- ", t) for t in droppable(terms) if frozenset(t) not in kept]
        if direction != "backward":
            choices += [("+ ", t) for t in union if t not in terms and _has_margins(t, terms, union)]
        tried = [
            (models.fit([o for o in terms if o != t] if sign == "- " else [*terms, t]), sign, t) for sign, t in choices
        ]
        values = [terms_table(now, [t], [fit], None, k, None, None, None, sign).aic[1] for fit, sign, t in tried]
        if not values or not np.nanmin(values, initial=np.inf) < criterion[-1] - WORTH:
            break
        now, sign, term = tried[int(np.nanargmin(values))]
        terms = [other for other in union if (other in terms or other == term) and not (sign == "- " and other == term)]
        rows.append((sign + ":".join(term), now))
        criterion.append(_criterion(now, k))
    found = models.fit(terms, "model")
    df = np.array([float(fit.df_resid) for _, fit in rows])
    deviance = np.array([fit.deviance for _, fit in rows])
    columns = {
        "df": np.append(np.nan, np.diff(df)), "deviance": np.append(np.nan, np.abs(np.diff(deviance))),
        "df_residual": df, "residual_deviance": deviance, "aic": np.array(criterion),
    }  # fmt: skip
    path = TestTable(
        title="Steps", terms=tuple(name for name, _ in rows), columns=columns, library=result.schema.library
    )
    return StepResult(found, path)


def _criterion(fit, k):
    return fit.aic + (k - 2.0) * fit.rank


def _has_margins(term, terms, union):
    """Whether a model has all parts of an interaction that the scope has."""
    parts = [other for other in union if set(other) < set(term)]
    return all(part in terms for part in parts)
