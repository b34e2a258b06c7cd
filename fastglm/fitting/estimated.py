"""Fits of which a parameter of the family is estimated with the coefficients: theta, or the power of the variance."""

from __future__ import annotations

from contextlib import closing
from dataclasses import replace
from time import perf_counter

import numpy as np

from ..errors import InvalidParameterError
from ..rows.family_link import is_open
from ..rows.open import open_rows
from ..rows.request import FitRequest
from ..rows.response import check_start
from ..solvers import declaration_of
from .perform import fit_source, perform, run_of, running
from .power import maximise_power
from .theta import maximise_theta

ESTIMATES = {"theta": maximise_theta, "power": maximise_power}


def fit_request(request: FitRequest):
    """The result of a request, whose family may lack a parameter.

    Returns
    -------
    GLMResult or MultinomialResult
    """
    return estimate(request) if is_open(request.family) else perform(request)


def estimate(request: FitRequest):
    """The fit at the parameter of the family that maximises the likelihood together with the coefficients.

    Raises
    ------
    InvalidParameterError
        For a solver that is not exact, and a response that tells nothing of the parameter.
    """
    name, chosen = request.family.estimated, declaration_of(request.solver)
    if chosen.first_order or chosen.sequential:
        raise InvalidParameterError(
            f"solver={chosen.name!r} is not exact enough to estimate {name}: pass the family with its {name}, or leave "
            "solver out"
        )
    schema, source = open_rows(request)
    with closing(source):
        fits = Refits(request, schema, source)
        family, shape, remark = ESTIMATES[name](fits)
        result = fits.result(family, remark)
        source.finish()
    n_passes = round(result.n_passes + fits.n_passes, 3)
    return replace(result, shape=shape, n_passes=n_passes, elapsed=perf_counter() - request.began)


class Refits:
    """Fits of the same rows with families that differ in a parameter, each begun where the last one ended.

    Attributes
    ----------
    source : Source
    n_passes : float
        Reads of all rows so far.
    """

    def __init__(self, request: FitRequest, schema, source):
        self.request, self.schema, self.source, self.n_passes = request, schema, source, 0.0
        self.start = request.start

    def at(self, family, tol: float = 0.0):
        """The fitted run of a family's value, without a covariance.

        Parameters
        ----------
        family : family
        tol : float
            Standard errors that the coefficients may be from their optimum, where the request asks for less.

        Returns
        -------
        FitRun
            Its coefficients are ``solution.beta``.
        """
        options = self.request.solver
        if tol > getattr(options, "tol", tol):
            options = options._replace(tol=tol)
        request = replace(self.request, family=family, cov=None, start=self.start, solver=options)
        run, _ = run_of(request, self.schema, self.source)
        start = check_start(self.start, len(run.names), None)
        with running(run, False) as callback:
            run.fit(start, callback)
        self.n_passes += run.objective.n_passes
        self.start = np.array(run.solution.beta)
        return run

    def reduce(self, task, share: float = 1.0):
        """The sum of a task over the rows; of means only, a ``share`` of a pass."""
        self.n_passes += share
        return self.source.reduce(task)

    def result(self, family, remark: str):
        """The fit of a family's value as a record, with a remark among its notes and warnings given."""
        request = replace(self.request, family=family, start=self.start)
        found = fit_source(request, self.schema, self.source)
        return replace(found, notes=(*found.notes, remark)) if remark else found
