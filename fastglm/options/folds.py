"""Kinds of folds as records: how the rows of a cross-validation are cut into parts, and which are held out together.

A kind says what it reads beside the rows (``beside``: a name of a column or an array) and makes the folds (``assign``)
from the number of the rows, those labels, and the classes of the response; see ``FoldKind`` in ``core/protocols.py``.
Names and meanings are scikit-learn's. Folds do not depend on where the rows are stored.
"""

from __future__ import annotations

from collections.abc import Mapping
from hashlib import blake2b
from typing import Any, NamedTuple

import numpy as np

from ..errors import InvalidParameterError
from ..source.folds import Folds, Hashed, Numbered, Stretches, hashed

MOST_SORTED = 1 << 20  # rows, up to which folds have equal sizes; of more rows a hash alone says the fold
MOST_LEFT_OUT = 2000  # rows, each of which is left out once by a path of its own


class KFold(NamedTuple):
    """``n`` folds of rows at random, by a hash of the row's number and the seed.

    Up to 2^20 rows the sizes of folds differ by one row at most; of more rows they are random.
    """

    n: int = 10
    seed: int = 0

    each_row = False

    @property
    def beside(self) -> tuple[Any, ...]:
        """Nothing is read beside the rows."""
        return ()

    def assign(self, rows: Any) -> Folds:
        """The folds of rows."""
        _check_count(self.n, rows.n_rows)
        if rows.n_rows > MOST_SORTED:
            return Folds.each_in_turn(Hashed(self.n, self.seed))
        return _dealt(_shuffled(np.arange(rows.n_rows), self.seed), self.n)


class StratifiedKFold(NamedTuple):
    """``n`` folds of rows at random, each with its share of every class of a binomial or softmax response."""

    n: int = 10
    seed: int = 0

    each_row = False

    @property
    def beside(self) -> tuple[Any, ...]:
        """Nothing is read beside the rows."""
        return ()

    def assign(self, rows: Any) -> Folds:
        """The folds of rows: those of a class, in random order, are dealt to the folds in turn."""
        _check_count(self.n, rows.n_rows)
        classes = rows.classes()
        shuffled = _shuffled(np.arange(rows.n_rows), self.seed)
        return _dealt(shuffled[np.argsort(classes[shuffled], kind="stable")], self.n)


class GroupKFold(NamedTuple):
    """``n`` folds of groups: the rows of a group are held out together.

    Groups, in the order of a hash of their labels, are dealt to the folds in turn.

    Parameters
    ----------
    n : int
    groups : name of a column or (n,) array of labels
    seed : int
    """

    n: int = 10
    groups: Any = None
    seed: int = 0

    each_row = False

    @property
    def beside(self) -> tuple[Any, ...]:
        """The groups."""
        if self.groups is None:
            raise InvalidParameterError("folds: GroupKFold needs groups, the name of a column or a label for each row")
        return (self.groups,)

    def assign(self, rows: Any) -> Folds:
        """The folds of rows."""
        codes, levels = rows.labels("groups")
        if len(levels) < self.n:
            raise InvalidParameterError(f"groups has {len(levels)} groups, fewer than the {self.n} folds")
        _check_count(self.n, rows.n_rows)
        key = f"{self.seed}:".encode()
        digests = [blake2b(key + _text(level).encode(), digest_size=8).digest() for level in levels.tolist()]
        parts = _dealt(np.array(sorted(range(len(levels)), key=digests.__getitem__)), self.n).parts
        return Folds.each_in_turn(Numbered(self.n, parts.numbers[codes]))


class TimeSeriesSplit(NamedTuple):
    """``n`` folds in the order of time: each is fitted to all rows before those that it is measured on.

    Rows are cut into n + 1 stretches of equal length; fold i is fitted to the first i + 1 of them and measured on the
    next one.

    Parameters
    ----------
    n : int
    by : name of a column or (n,) array, optional
        Times, by whose order the rows are cut, those of one time together; by default rows are in order.
    """

    n: int = 5
    by: Any = None

    each_row = False

    @property
    def beside(self) -> tuple[Any, ...]:
        """The times, where they are not the order of the rows."""
        return () if self.by is None else (self.by,)

    def assign(self, rows: Any) -> Folds:
        """The folds of rows."""
        count = self.n + 1
        _check_count(self.n, rows.n_rows - 1, least=1)
        edges = np.linspace(0, rows.n_rows, count + 1).astype(np.int64)[1:-1]
        parts: Any = Stretches(count, edges)
        if self.by is not None:
            codes, levels = rows.labels("folds")
            sizes = np.bincount(codes, minlength=len(levels))
            first = np.cumsum(sizes) - sizes
            numbers = np.searchsorted(edges, first, side="right").astype(np.min_scalar_type(count))
            parts = Numbered(count, numbers[codes])
        return Folds(parts, np.tri(self.n, count, dtype=bool), np.eye(self.n, count, 1, dtype=bool))


class LeaveOneOut(NamedTuple):
    """Each row is held out alone.

    Least squares with a ridge is not fitted anew: with the leverage h of a row in the ridge regression of all rows the
    error without it is e / (1 - h) (Golub, Heath and Wahba 1979), where the penalty stays that of all rows. Other
    models are fitted without each row, up to 2,000 rows.
    """

    each_row = True

    @property
    def beside(self) -> tuple[Any, ...]:
        """Nothing is read beside the rows."""
        return ()

    def assign(self, rows: Any) -> Folds:
        """The folds of rows."""
        if rows.n_rows > MOST_LEFT_OUT:
            raise InvalidParameterError(
                f"folds: each of {rows.n_rows:,} rows would be left out by a path of its own, up to {MOST_LEFT_OUT:,} "
                "are; take folds=10, or least squares with a ridge, which has a closed form"
            )
        return Folds.each_in_turn(Numbered(rows.n_rows, np.arange(rows.n_rows)))


class PredefinedSplit(NamedTuple):
    """Folds by their labels; or truth values, where the rows of True are held out by one fit to the others.

    Parameters
    ----------
    labels : name of a column or (n,) array
    """

    labels: Any

    each_row = False

    @property
    def beside(self) -> tuple[Any, ...]:
        """The labels."""
        return (self.labels,)

    def assign(self, rows: Any) -> Folds:
        """The folds of rows."""
        codes, levels = rows.labels("folds")
        if levels.dtype.kind == "b":
            if len(levels) < 2:
                raise InvalidParameterError(f"folds is {levels[0]} in all rows: True holds a row out, False fits it")
            return Folds(Numbered(2, codes), np.array([[True, False]]), np.array([[False, True]]))
        if len(levels) < 2:
            raise InvalidParameterError(f"folds has one value only, {levels[0]!r}; expected 2 or more folds")
        if len(levels) > MOST_LEFT_OUT:
            raise InvalidParameterError(f"folds has {len(levels):,} different values, up to {MOST_LEFT_OUT:,}")
        return Folds.each_in_turn(Numbered(len(levels), codes))


class Splits(NamedTuple):
    """Rows to fit to and rows to be measured on, as scikit-learn has them; they may overlap from fold to fold.

    Parameters
    ----------
    pairs : sequence of (train, test) arrays of row numbers, or a splitter with ``split(X, y, groups)``
    groups : name of a column or (n,) array, optional
        What a splitter is given as groups.
    """

    pairs: Any
    groups: Any = None

    each_row = False

    @property
    def beside(self) -> tuple[Any, ...]:
        """The groups, where there are any."""
        return () if self.groups is None else (self.groups,)

    def assign(self, rows: Any) -> Folds:
        """The folds of rows: those that all folds treat alike are a part."""
        n, pairs = rows.n_rows, self.pairs
        if hasattr(pairs, "split"):
            groups = None if self.groups is None else rows.labels("groups")[0]
            pairs = pairs.split(np.zeros((n, 1)), rows.classes() if rows.has_classes else np.zeros(n), groups)
        pairs = list(pairs)
        _check_count(len(pairs), np.inf, least=1)
        roles = np.zeros((n, len(pairs)), np.uint8)  # 1 where a fold is fitted to a row, 2 where it is measured on it
        for fold, pair in enumerate(pairs):
            for role, numbers in zip((1, 2), _pair(pair, fold, n), strict=True):
                roles[numbers, fold] |= role
        if (roles == 3).any():
            raise InvalidParameterError(f"folds: fold {int((roles == 3).any(0).argmax())} has rows on both sides")
        kinds, codes = np.unique(roles, axis=0, return_inverse=True)
        if len(kinds) > MOST_LEFT_OUT:
            raise InvalidParameterError(f"folds: {len(pairs)} folds cut the rows into {len(kinds):,} parts, too many")
        parts = Numbered(len(kinds), codes.reshape(-1).astype(np.min_scalar_type(len(kinds))))
        return Folds(parts, (kinds == 1).T, (kinds == 2).T)


KINDS = {"kfold": KFold, "stratified": StratifiedKFold, "group": GroupKFold, "time": TimeSeriesSplit}


def resolve_folds(folds: Any, groups: Any = None) -> Any:
    """The kind of folds that ``folds=`` and ``groups=`` of ``cv`` stand for.

    Parameters
    ----------
    folds : int, record of ``fastglm.folds``, mapping of a name to its number, "loo", name of a column, (n,) array, or
        a splitter of scikit-learn
    groups : name of a column or (n,) array, optional

    Raises
    ------
    InvalidParameterError
    """
    if isinstance(folds, Mapping):
        if len(folds) != 1 or next(iter(folds)) not in KINDS:
            raise InvalidParameterError(f"folds={folds!r} must be one of {', '.join(KINDS)} with its number of folds")
        folds = KINDS[next(iter(folds))](*folds.values())
    elif hasattr(folds, "split") and not isinstance(folds, str):
        folds = Splits(folds)
    elif isinstance(folds, str) and folds == "loo":
        folds = LeaveOneOut()
    elif not hasattr(folds, "assign"):
        if isinstance(folds, str) or np.ndim(folds):
            folds = PredefinedSplit(folds)
        else:
            _check_count(folds, np.inf)
            folds = KFold(int(folds)) if groups is None else GroupKFold(int(folds), groups)
    if groups is not None and getattr(folds, "groups", groups) is None:
        folds = folds._replace(groups=groups)
    if groups is not None and getattr(folds, "groups", None) is not groups:
        raise InvalidParameterError(f"groups: {type(folds).__name__} has no use for them, take GroupKFold or a number")
    if hasattr(folds, "n"):
        _check_count(folds.n, np.inf, least=1 if hasattr(folds, "by") else 2)
    return folds


def repeated(kind: Any, repeats: int) -> list[Any]:
    """A kind of folds with as many seeds.

    Raises
    ------
    InvalidParameterError
        For a kind without a seed.
    """
    if isinstance(repeats, bool) or not isinstance(repeats, (int, np.integer)) or repeats < 1:
        raise InvalidParameterError(f"repeats={repeats!r} must be a whole number, at least 1")
    if repeats == 1:
        return [kind]
    if not hasattr(kind, "seed"):
        raise InvalidParameterError(f"repeats={repeats}: {type(kind).__name__} has the same folds every time")
    return [kind._replace(seed=kind.seed + i) for i in range(repeats)]


def _check_count(n, most, least: int = 2):
    """Refuse a number of folds that cannot be."""
    if isinstance(n, (bool, str)) or not isinstance(n, (int, float, np.number)) or int(n) != n or not least <= n:
        raise InvalidParameterError(f"folds={n!r} must be a whole number, at least {least}")
    if n > most:
        raise InvalidParameterError(f"folds={n!r} are more than the rows, of which there are {most}")


def _pair(pair, fold, n) -> list[np.ndarray]:
    """The row numbers to fit to and to be measured on, checked."""
    found = [np.asarray(numbers) for numbers in pair]
    for numbers in found:
        if numbers.ndim != 1 or numbers.dtype.kind not in "iu" or not ((numbers >= 0) & (numbers < n)).all():
            raise InvalidParameterError(f"folds: fold {fold} has rows that are no numbers from 0 to {n - 1}")
    if len(found) != 2:
        raise InvalidParameterError(f"folds: fold {fold} has {len(found)} arrays of rows, expected (train, test)")
    return found


def _shuffled(rows, seed):
    """Rows in the order of their hashes."""
    return rows[np.argsort(hashed(rows, seed), kind="stable")]


def _dealt(rows, count) -> Folds:
    """Folds to which rows are dealt in turn."""
    numbers = np.empty(len(rows), np.min_scalar_type(count - 1))
    numbers[rows] = np.arange(len(rows)) % count
    return Folds.each_in_turn(Numbered(count, numbers))


def _text(level):
    """A label as text, whole numbers without a decimal point, whatever type holds them."""
    return str(int(level)) if isinstance(level, float) and level.is_integer() else str(level)
