"""``detect_separation``: which estimates are infinite, and in which direction, with a proof."""

from __future__ import annotations

from contextlib import closing
from dataclasses import replace
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from ..errors import InvalidParameterError
from ..inference import check_one_predictor
from ..inference.separation import can_separate
from ..inference.separation_program import Cone, Programs, most_separating, verdicts
from ..objective.scaled_penalty import column_moments
from ..result.record import GLMResult
from ..rows.open import open_rows
from .models import Models
from .perform import run_of, running

if TYPE_CHECKING:
    from ..core.records import Array
    from ..types import Rows, Variable


class SeparationCertificate(NamedTuple):
    """Which maximum-likelihood estimates are infinite.

    Attributes
    ----------
    status : {"none", "quasi", "complete"}
        "complete" where one direction separates every row, "quasi" where some rows are left.
    verdicts : dict
        Name of a coefficient -> "finite", "inf", "-inf", or "either" where the data let it run to both; of a softmax
        regression (name, class) ->. Aliased coefficients are not in it.
    direction : (p,) or (p, K - 1) array
        Along which no row's fit gets worse, and those of as many rows as possible get better; zero without separation.
    rows_separated : int
        Rows whose fit gets better; of K classes a row counts once for each other class.
    n_passes : float
        Reads of all rows.
    """

    status: str
    verdicts: dict[Any, str]
    direction: Array
    rows_separated: int
    n_passes: float

    @property
    def infinite(self) -> dict[Any, str]:
        """The verdicts that are not "finite"."""
        return {name: verdict for name, verdict in self.verdicts.items() if verdict != "finite"}


def detect_separation(
    result: GLMResult, data: Rows, y: Variable | None = None, **options: Any
) -> SeparationCertificate:
    """Decide which maximum-likelihood estimates of a model are infinite, for rows in any storage.

    Linear programs over the rows that matter, which are found by reads of all rows (``inference.separation_program``).
    The model may be fitted by maximum likelihood, with a penalty or with bias reduction: rows alone decide it.

    Parameters
    ----------
    result : GLMResult or MultinomialResult
    data, y : rows, as the result was fitted to
    **options
        Arrays that the fit had: weights, offset, exposure.

    Returns
    -------
    SeparationCertificate

    Raises
    ------
    InvalidParameterError
        For a response whose means cannot be at the end of their range.

    References
    ----------
    Albert, A. and Anderson, J. A. (1984), "On the existence of maximum likelihood estimates in logistic regression
    models", Biometrika 71; Konis (2007); Correia, Guimaraes and Zylkin (2019) for counts.
    """
    check_one_predictor(result.family, "detect_separation")
    many = result.family.response_model == "softmax"
    if not many and not can_separate(result.family):
        raise InvalidParameterError(
            f"detect_separation: the estimates of family={result.family.name!r} are always finite, no y is at an end "
            "of the means' range"
        )
    models = Models(replace(result, penalty=None, bias_reduction=None), data, y, options)
    request = models.request(models.terms)
    schema, source = open_rows(request)
    with closing(source):
        run, labels = run_of(request, schema, source)
        with running(run, False):
            found = _decided(run, result, len(labels.classes) if many else None)
        source.finish()
    return found


def _decided(run, result, n_classes):
    """The certificate of a run's rows."""
    p, contrasts = len(run.names), (n_classes or 2) - 1
    mean, sd = (np.zeros(p), np.ones(p)) if not p else _scales(run)
    sd = np.where(np.isnan(np.asarray(result.params).reshape(p, -1)).any(1), 0.0, sd)
    programs = Programs(run.whole, Cone(run.family, run.link, n_classes, mean, sd))
    direction, left, separated = most_separating(programs)
    status = "none" if not direction.any() else "quasi" if left else "complete"
    numbers = np.flatnonzero(np.tile(sd > 0.0, contrasts))
    said = verdicts(programs, numbers) if status != "none" else ["finite"] * len(numbers)
    names = result.names if n_classes is None else [(n, c) for c in _others(result) for n in result.names]
    direction = programs.cone.back(direction)
    shaped = direction if n_classes is None else direction.reshape(contrasts, p).T
    passes = programs.reads + run.objective.n_passes
    return SeparationCertificate(
        status, {names[j]: v for j, v in zip(numbers.tolist(), said, strict=True)}, shaped, separated, float(passes)
    )


def _others(result):
    """The classes but the reference, in the order of the coefficients."""
    return [c for c in result.classes if c != result.family.reference]


def _scales(run):
    """The means that columns are shifted by, where there is a constant that makes up for it, and their deviations."""
    mean, sd = (np.array(v, np.float64) for v in column_moments(run.whole, run.sums.weight))
    size = np.sqrt(mean**2 + sd**2)
    if run.source.data.has_intercept:
        mean[0], sd[0] = 0.0, 1.0
        return mean, np.where(sd > 1e-12 * size, sd, np.where(size > 0.0, size, 1.0))
    return np.zeros(len(mean)), np.where(size > 0.0, size, 1.0)
