"""Variance inflation factors of terms, from the covariance of the coefficients alone: R's ``car::vif``."""

from __future__ import annotations

import numpy as np

from ..errors import InvalidParameterError
from ..linalg.inverse import as_covariance
from . import check_covariance
from .test_table import TestTable

MOST_COEFFICIENTS = 5000  # of a matrix whose determinants are taken


def vif(result) -> TestTable:
    """Generalised variance inflation factors of the terms of a model.

    Parameters
    ----------
    result : GLMResult

    Returns
    -------
    TestTable
        gvif, det(R11) det(R22) / det(R) with R the correlation of the coefficients without the intercept, R11 that of a
        term and R22 that of all others (Fox, J. and Monette, G. 1992, "Generalized collinearity diagnostics", JASA 87);
        df, the coefficients of the term; and gvif_root, gvif^(1 / (2 df)), which terms of several are compared by. A
        term of one coefficient has the ordinary variance inflation factor.

    Raises
    ------
    InvalidParameterError
        Without a covariance, for a softmax regression, and for a model of fewer than two terms.
    """
    if result.family.response_model == "softmax":
        raise InvalidParameterError("vif is of one linear predictor; a softmax regression has one for each class")
    if result.penalty is not None:
        raise InvalidParameterError("vif: a penalised fit has no covariance of its estimates")
    if len(result.names) > MOST_COEFFICIENTS:
        raise InvalidParameterError(f"vif is of at most {MOST_COEFFICIENTS:,} coefficients, not {len(result.names):,}")
    covariance = np.asarray(as_covariance(check_covariance(result.cov_unscaled, "variance inflation")).toarray())
    terms = [(name, numbers) for name, numbers in _terms(result) if len(numbers)]
    if len(terms) < 2:
        raise InvalidParameterError(f"vif compares terms, and the model has {len(terms)} beside its intercept")
    every = np.concatenate([numbers for _, numbers in terms])
    size = np.sqrt(np.diagonal(covariance)[every])
    R = covariance[np.ix_(every, every)] / size / size[:, None]
    whole, first, gvif = _log_determinant(R), 0, []
    for _, numbers in terms:
        mine = np.zeros(len(every), bool)
        mine[first : first + len(numbers)] = True
        first += len(numbers)
        apart = _log_determinant(R[np.ix_(mine, mine)]) + _log_determinant(R[np.ix_(~mine, ~mine)])
        gvif.append(np.exp(apart - whole))
    df = np.array([float(len(numbers)) for _, numbers in terms])
    columns = {"gvif": np.array(gvif), "df": df, "gvif_root": np.array(gvif) ** (0.5 / df)}
    names = tuple(name for name, _ in terms)
    return TestTable(title="Variance inflation", terms=names, columns=columns, library=result.schema.library)


def _log_determinant(R):
    return np.linalg.slogdet(R)[1]


def _terms(result):
    """Pairs of the name of a term and the numbers of its coefficients that are not aliased, without the intercept."""
    known = ~np.isnan(result.params)
    if result.design is not None:
        from ..design.groups import groups

        for group in groups(result.design):
            if any(result.names[j] != "(Intercept)" for j in group.numbers):
                yield group.term, np.asarray(group.numbers)[known[group.numbers]]
        return
    for j, name in enumerate(result.names):
        if known[j] and not (j == 0 and result.intercept):
            yield name, np.array([j])
