"""The response of a model as numbers: measurements, two labels, successes and failures, or one of several classes."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np

from ..errors import InvalidParameterError, MissingDataError
from .labels import encode, first_missing, unique_labels
from .numbers import numeric

ONE_PREDICTOR = "offset and exposure shift one linear predictor; family='multinomial' has several"


def encoded_response(y, n: int, family, weights, freq_weights=None, known=None):
    """The response of n rows as numbers, with the weights and the labels that it implies.

    Two labels become zero and one in sorted order, successes and failures a proportion with the trials as weights, and
    several classes their numbers.

    Parameters
    ----------
    y : (n,) or (n, k) array_like
    n : int
    family : family
    weights, freq_weights : (n,) array or None
    known : tuple, optional
        The labels, if they are known before the rows.

    Returns
    -------
    y : (n,) array
    weights : (n,) array or None
    labels : None, a tuple of two, or Encoded

    Raises
    ------
    InvalidParameterError, MissingDataError
    """
    if family.labelled:
        encoded = encode(y, n, family.reference, (weights, freq_weights), known)
        return encoded.codes, weights, encoded
    if known is not None:
        return encode(y, n, known=known).codes, weights, tuple(known)
    binomial = family.domain.high == 1.0 and family.response_model == "mean"
    if hasattr(y, "tocsr"):
        raise InvalidParameterError("y is a sparse matrix; pass a dense vector")
    labels = np.asarray(y)
    if binomial and labels.dtype.kind in "OUSb" and labels.ndim <= 2:
        y, classes = two_labels(labels)
        return _column(y, n), weights, classes
    y = numeric(y, "y")
    if y.ndim == 2 and y.shape[1] == 2 and binomial:
        return (*counts(y, n, weights), None)
    return _column(y, n), weights, None


def label_values(labels) -> tuple[Any, ...] | None:
    """The labels of a response, sorted; None where it is numbers."""
    return getattr(labels, "classes", labels)


def _column(y, n):
    if y.ndim == 2 and y.shape[1] == 1:
        y = y[:, 0]
    if y.ndim != 1:
        raise InvalidParameterError(
            f"y must be a 1-d array (or two columns, successes and failures, for binomial), not {y.shape}"
        )
    if len(y) != n:
        raise InvalidParameterError(f"y has length {len(y)}, X has {n} rows: the lengths must match")
    return y


def two_labels(y):
    """Two labels, or booleans, as zeros and ones, and the two in sorted order."""
    if y.dtype.kind == "b":
        return y, (False, True)
    if y.dtype.kind == "O":
        i = first_missing(y)
        if i is not None:
            raise MissingDataError(
                f"y has a missing value (NaN or None) at row {i}; missing='drop' leaves such rows out"
            )
        if all(isinstance(value, (int, float, np.number)) for value in y.ravel()):
            return y.astype(np.float64), None
    classes, codes = unique_labels(y)
    if len(classes) != 2:
        shown = ", ".join(map(repr, classes[:5].tolist()))
        raise InvalidParameterError(
            f"y has {len(classes)} distinct labels ({shown}); a binomial response needs exactly two"
        )
    return codes.reshape(y.shape).astype(np.uint8), tuple(classes.tolist())


def counts(y, n, weights):
    """Successes and failures (n, 2) as proportions and numbers of trials, R's cbind(successes, failures)."""
    if len(y) != n:
        raise InvalidParameterError(f"y has length {len(y)}, X has {n} rows: the lengths must match")
    y = y.astype(np.float64)
    bad = ~(np.isfinite(y) & (y >= 0.0))
    if bad.any():
        i = int(np.nonzero(bad.any(1))[0][0])
        raise InvalidParameterError(
            f"y holds successes and failures, which must be finite and non-negative: {y[i]} at row {i}"
        )
    trials = y.sum(1)
    proportion = np.divide(y[:, 0], trials, out=np.zeros(n), where=trials > 0.0)
    return proportion, trials if weights is None else trials * weights


def check_start(start, n_params: int, others: int | None = None) -> np.ndarray | None:
    """The starting coefficients in the order of the objective: the intercept first, and class after class.

    Raises
    ------
    InvalidParameterError, MissingDataError
    """
    if start is None:
        return None
    start = np.array(numeric(start, "start"), dtype=np.float64)
    shape = (n_params,) if others is None else (n_params, others)
    if start.shape != shape:
        per_class = "" if others is None else f" for each of the {others} classes but the reference: shape {shape}"
        raise InvalidParameterError(
            f"start has shape {start.shape}, the model has {n_params} coefficients (the intercept first){per_class}"
        )
    if not np.isfinite(start).all():
        raise MissingDataError(f"start is not finite: {start[~np.isfinite(start)][0]}")
    return start if others is None else start.T.ravel()


class StoredResponse(NamedTuple):
    """The coding of a response that is a column of files.

    Attributes
    ----------
    kind : {"number", "counts", "label"}
    known : tuple or None
        The labels, in sorted order.
    codes : array or None
        The numbers of the labels.
    classes : tuple, Encoded or None
        The labels as the result has them.
    """

    kind: str
    known: tuple[Any, ...] | None = None
    codes: Any = None
    classes: Any = None

    @classmethod
    def of(cls, found, family) -> StoredResponse:
        """The coding of the response from a profile of the files and the family.

        Raises
        ------
        InvalidParameterError
        """
        if len(found.design.formula.response) == 2:
            return cls("counts")
        if found.labels is None:
            return cls("number")
        known = found.labels
        if family.labelled:
            encoded = encode(np.array(known), len(known), family.reference)
            return cls("label", known, encoded.codes, encoded._replace(codes=encoded.codes[:0]))
        if known == (False, True):
            return cls("label", known, np.array([0, 1], np.uint8), known)
        if family.domain.high != 1.0 or family.response_model != "mean":
            raise InvalidParameterError(
                f"the response {found.design.formula.response[0].text!r} is text, family={family.name!r} needs numbers"
            )
        codes, classes = two_labels(np.array(known, dtype=object))
        return cls("label", known, codes, classes)
