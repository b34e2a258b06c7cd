"""The covariance of a survey's design: strata, primary sampling units and finite populations (Taylor linearisation).

    V sum over strata h of (1 - f_h) n_h / (n_h - 1) sum over units i of (u_hi - mean u_h) (u_hi - mean u_h)' V

with u_hi the sum of the weighted scores of a unit, n_h the units of a stratum and f_h the share of its population that
they are (Binder 1983, International Statistical Review 51), as R's ``survey::svyglm`` and Stata's ``svy``. Rows of
weight zero stay in the design, as those outside a subpopulation do.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from ..errors import InvalidParameterError
from ..options.covariance import implement
from .autocovariances import LaggedScores
from .clusters import SeenCodes
from .grouped_scores import DesignScores, DesignSquares, WithDf, labelled, sums_by


class Stratum(NamedTuple):
    """The units of a stratum by their sums: number, total (q,) and sum of squares (q, q)."""

    units: float
    total: np.ndarray
    squares: np.ndarray

    def __add__(self, other: Stratum) -> Stratum:
        return Stratum(*(a + b for a, b in zip(self, other, strict=True)))


@implement("survey")
def survey(cov, fitted, space) -> WithDf:
    """The design-based covariance in the units of ``space``, and the degrees of freedom of tests by it."""
    strata, labels, sizes = _strata(cov, fitted, space)
    meat, units = np.zeros((space.width, space.width)), sum(stratum.units for stratum in strata.values())
    if units < 2:
        raise InvalidParameterError(f"cov={cov.name!r}: all rows are of one unit; there must be two at least")
    for number, (n, total, squares) in strata.items():
        f = _share(cov, labels[number], n, sizes.get(number))
        if n > 1:
            meat += (1.0 - f) * n / (n - 1.0) * (squares - np.outer(total, total) / n)
        elif f < 1.0 and cov.option("lonely") == "fail":
            raise InvalidParameterError(
                f"cov={cov.name!r}: stratum {labels[number]!s} has one unit alone, whose variance is not known; join "
                "it to another one, or pass 'lonely': 'adjust' or 'certainty'"
            )
        elif cov.option("lonely") == "adjust":  # its distance from the mean of all units, which is zero
            meat += (1.0 - f) * squares
    df = units - len(strata) + 1.0 - fitted.rank
    return WithDf(space.of_sums(space.of_sums(meat).T), float(df))


def _strata(cov, fitted, space):
    """The strata by their numbers, their labels, and what is known of the sizes of their populations."""
    way = {role: i for i, role in enumerate(cov.option("roles"))}
    if not {"strata", "cluster"} & way.keys():
        if not way:
            whole = fitted.rows.reduce(LaggedScores(fitted.scores, space, 0))
            return {0: Stratum(float(whole.count), whole.total, whole.gammas[0])}, ("all",), {}
        by, inner = (way["fpc"],), 0
    else:
        by = tuple(way[role] for role in ("strata", "cluster") if role in way)
        inner = 1 if "cluster" not in way else 0
    found, strata = labelled(cov, fitted), {}
    if "strata" in way:
        inner = found.ways.sizes[way["cluster"]] if "cluster" in way else 1
    for sums in sums_by(found, fitted, space, by, DesignScores if "cluster" in way else DesignSquares):
        number = sums.codes // inner if inner else np.zeros(len(sums.codes), np.int64)
        for own in np.split(np.arange(len(number)), np.flatnonzero(np.diff(number)) + 1) if len(number) else ():
            here = _of_groups(sums.sums[own], space.width, "cluster" in way)
            i = int(number[own[0]])
            strata[i] = strata[i] + here if i in strata else here
    labels = found.names[way["strata"]] if "strata" in way else ("all",)
    return strata, labels, _sizes(cov, found, way) if "fpc" in way else {}


def _of_groups(sums, q, units) -> Stratum:
    """The stratum of groups of rows, each of which is a unit, or has rows that are."""
    total = sums[:, :q].sum(axis=0)
    if units:
        return Stratum(float(len(sums)), total, sums[:, :q].T @ sums[:, :q])
    return Stratum(float(sums[:, q].sum()), total, sums[:, q + 1 :].sum(axis=0).reshape(q, q))


def _sizes(cov, found, way):
    """The finite population correction of each stratum as it was given."""
    values = np.asarray(found.names[way["fpc"]])
    if values.dtype.kind not in "iuf" or not (values > 0.0).all():
        raise InvalidParameterError(f"cov={cov.name!r}: fpc must be positive numbers: sizes of populations, or shares")
    if (values <= 1.0).any() and not (values <= 1.0).all():
        raise InvalidParameterError(f"cov={cov.name!r}: fpc has sizes of populations beside shares up to 1")
    count, sizes = found.ways.sizes[way["fpc"]], {}
    by = tuple(way[role] for role in ("strata", "fpc") if role in way)
    for code in found.source.reduce(SeenCodes(found.ways, by)).ids.tolist():
        number, value = code // count, float(values[code % count])  # without strata the number is zero
        if sizes.setdefault(number, value) != value:
            label = found.names[way["strata"]][number] if "strata" in way else "all"
            raise InvalidParameterError(f"cov={cov.name!r}: fpc is not the same for all rows of stratum {label!s}")
    return sizes


def _share(cov, label, units, given):
    """The share of its population that a stratum's units are, zero of an infinite one."""
    if given is None:
        return 0.0
    if given <= 1.0:
        return given
    if given < units:
        raise InvalidParameterError(
            f"cov={cov.name!r}: stratum {label!s} has {units:g} units, more than its population of {given:g}"
        )
    return units / given
