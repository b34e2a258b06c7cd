"""One batch of a stream: checked against what the stream has seen before, without touching the stream."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from .. import inputs, labels
from ..cross_entropy import CrossEntropy
from ..errors import InvalidParameterError
from ..family.binomial import Bernoulli, Binomial
from ..family.links import Logit
from ..family.multinomial import Multinomial
from ..kernels.rows import Pair
from ..objective import Deviance
from ..scan import Scan, check, scan
from ..source.in_memory import Data, InMemory


class Shape(NamedTuple):
    """What every batch must have in common with the first: names of columns and labels of y."""

    names: tuple[str, ...]
    classes: tuple | None = None


class Batch(NamedTuple):
    """Checked rows of positive weight, with the sums that the result needs of them."""

    data: Data
    sums: Scan
    totals: np.ndarray | None
    shape: Shape

    def joined(self, others) -> Batch:
        """This batch with ``others`` before it, as one."""
        parts = [b.data for b in (*others, self)]
        n = [len(d.y) for d in parts]

        def stack(field, neutral):
            columns = [getattr(d, field) for d in parts]
            if all(c is None for c in columns):
                return None
            return np.concatenate([np.full(k, neutral) if c is None else c for k, c in zip(n, columns, strict=True)])

        data = Data(
            np.concatenate([d.X for d in parts]),
            self.data.ones,
            np.concatenate([d.y for d in parts]),
            stack("weights", 1.0),
            stack("freq_weights", 1.0),
            stack("offset", 0.0),
            stack("exposure", 1.0),
            self.data.names,
        )
        sums, totals = self.sums, self.totals
        for b in others:
            sums = add(sums, b.sums)
            totals = None if totals is None else totals + b.totals
        return Batch(data, sums, totals, self.shape)


def add(a: Scan, b: Scan) -> Scan:
    """The sums over the rows of both."""
    return Scan(*(x + y for x, y in zip(a, b, strict=True)))


def checked(family, X, y, shape: Shape | None, *, intercept, names, classes, link, **vectors) -> Batch | None:
    """The rows of a batch that count, or None where there are none.

    Raises
    ------
    InvalidParameterError, MissingDataError
        For a batch that cannot be used, or does not fit those before; nothing has been learned from it then.
    """
    if np.ndim(X) == 2 and len(X) == 0:
        return None
    names = shape.names if shape is not None and names is None and not hasattr(X, "columns") else names
    X, names = inputs.matrix(X, names)
    n = len(X)
    _same_columns(names, shape)
    known = shape.classes if shape is not None else None if classes is None else tuple(sorted(set(classes)))
    if shape is not None and classes is not None and tuple(sorted(set(classes))) != known:
        raise InvalidParameterError(f"classes={list(classes)} are not those of the first batch: {list(known or ())}")
    vectors = {name: inputs.vector(v, name, n) for name, v in vectors.items()}
    y, trials, known = _response(y, n, family, known, vectors["weights"])
    data = Data(X, intercept, y, trials, vectors["freq_weights"], vectors["offset"], vectors["exposure"], names)
    if all(w is None or not np.any(w) for w in (trials, vectors["freq_weights"])) and (
        trials is not None or vectors["freq_weights"] is not None
    ):
        return None
    source = InMemory(data, 1)
    sums = check(source, family) if isinstance(family, Multinomial) else scan(source, Pair(family, link))
    source.check_finite()
    data = _counting(data)
    totals = None
    if isinstance(family, Multinomial):
        w = weight_of(data)
        totals = np.bincount(data.y.astype(np.intp), weights=w, minlength=len(known)).astype(np.float64)
    return Batch(data, sums, totals, Shape(names, known))


def _same_columns(names, shape):
    if shape is None or names == shape.names:
        return
    if len(names) != len(shape.names):
        raise InvalidParameterError(f"X has {len(names)} columns, the batches before had {len(shape.names)}")
    j = next(j for j, (a, b) in enumerate(zip(names, shape.names, strict=True)) if a != b)
    raise InvalidParameterError(
        f"X column {j} is {names[j]!r}, in the batches before it was {shape.names[j]!r}: the columns must stay the same"
    )


def _response(y, n, family, known, weights):
    """(y as numbers, weights, labels): the labels are those of the stream, once they are known."""
    if isinstance(family, Multinomial):
        if known is None:
            found = labels.encode(y, n, family.reference, (weights,))
            return found.codes, weights, found.classes
        found = labels.encode(y, n, family.reference, known=known)
        return found.codes, weights, found.classes
    if known is not None and known != (0, 1):
        if len(known) != 2:
            raise InvalidParameterError(f"classes must be the two labels of a binomial y, not {list(known)}")
        return labels.encode(y, n, known=known).codes, weights, known
    y, weights, classes = inputs.response(y, n, family, weights)
    return y, weights, known if classes is None else classes


def weight_of(data):
    """Prior weight times frequency, (n,), or None."""
    if data.weights is None or data.freq_weights is None:
        return data.weights if data.freq_weights is None else data.freq_weights
    return data.weights * data.freq_weights


def _counting(data: Data) -> Data:
    """Without the rows of weight zero: as if they were not there."""
    w = weight_of(data)
    if w is None or np.all(w):
        return data
    keep = np.asarray(w) > 0
    cut = {f: getattr(data, f)[keep] for f in ("X", "y", "weights", "freq_weights", "offset", "exposure")
           if getattr(data, f) is not None}  # fmt: skip
    return data._replace(**cut)


def owned(data: Data) -> Data:
    """A copy in float64 that the caller cannot change."""
    own = {f: np.array(getattr(data, f), dtype=np.float64, order="C")
           for f in ("X", "y", "weights", "freq_weights", "offset", "exposure")
           if getattr(data, f) is not None}  # fmt: skip
    return data._replace(**own)


def objective(family, link, data: Data, sums: Scan, n_classes: int | None):
    """The deviance of a batch, in this thread."""
    source = InMemory(data, 1)
    if n_classes is not None:
        return CrossEntropy(source, n_classes)
    quick = isinstance(family, Binomial) and isinstance(link, Logit) and sums.binary
    return Deviance(source, Pair(Bernoulli() if quick else family, link))
