"""The group lasso and its mixtures."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple

import numpy as np

from ...errors import InvalidParameterError
from .checks import check_factors, check_share
from .registry import penalty
from .terms import Columns, PenaltyTerms


@penalty("group lasso")
class GroupLasso(NamedTuple):
    """The sum of the norms of groups of coefficients, of which all are in the model or none.

    With the vector b_g of a group's coefficients, of columns divided by their standard deviations, it is

        lam (alpha ((1 - sparsity) sum w_g |b_g|_2 + sparsity sum |b_j|) + (1 - alpha) / 2 sum w_g |b_g|_2^2)

    (Yuan and Lin 2006, Journal of the Royal Statistical Society B 68; Simon et al. 2013, Journal of Computational and
    Graphical Statistics 22, whose alpha is ``sparsity``). Columns of a group are not made orthogonal, as by gglasso;
    grpreg's orthonormal groups are another penalty.

    Parameters
    ----------
    lam : float, optional
        Not negative. Left out for a path, which has its own values.
    groups : (p,) array of labels or mapping of names, optional
        The group of each column; in a mapping, names are those of columns or of terms of a formula, and a column that
        it leaves out is a group by itself. Without it every term is a group: a factor, or one column.
    alpha : float
        The part of the norms, from 0 (ridge) to 1.
    factors : (G,) array or mapping of labels, optional
        The w_g, in the order in which groups appear; the square root of a group's size unless given. Zero leaves a
        group free, infinity leaves it out.
    scale : bool
        Whether columns are divided by their standard deviations first.
    sparsity : float
        The part of absolute values beside norms, from 0 (group lasso) to 1 (lasso).
    grouped : bool
        Of a softmax regression: whether a group has its columns' coefficients of all classes.
    """

    lam: float | None = None
    groups: Any = None
    alpha: float = 1.0
    factors: Any = None
    scale: bool = True
    sparsity: float = 0.0
    grouped: bool = False

    @property
    def needs(self) -> tuple[str, ...]:
        """The kinds of penalties that a solver must handle."""
        return ("groups",)

    @property
    def confined(self) -> bool:
        """Whether groups are left out."""
        return self.factors is not None

    def checked(self) -> GroupLasso:
        """The record, its numbers looked at as far as that needs no row."""
        check_share("alpha", self.alpha, "ridge", "norms of groups")
        check_share("sparsity", self.sparsity, "norms of groups", "absolute values")
        check_factors(self.factors)
        if self.groups is not None and not isinstance(self.groups, Mapping) and np.ndim(self.groups) != 1:
            raise InvalidParameterError("penalty: groups must be an array of the label of each column, or a mapping")
        return self

    def terms(self, columns: Columns) -> PenaltyTerms:
        """The penalty of the columns of a model at lambda one."""
        labels = self._labels(columns)
        order = {label: g for g, label in enumerate(dict.fromkeys(labels))}
        groups = np.array([order[label] for label in labels], np.intp)
        groups[columns.intercept] = -1
        sizes = np.bincount(groups[groups >= 0], minlength=len(order))
        weights = self._weights(order, sizes)
        gone = (np.isinf(weights[groups]) | columns.constant) & ~columns.intercept
        weights = np.where(np.isinf(weights), 1.0, weights)
        own = np.where(columns.intercept, 0.0, weights[groups])
        return PenaltyTerms(
            l2=(1.0 - self.alpha) * own,
            l1=np.where(own > 0.0, self.alpha * self.sparsity, 0.0),
            lower=np.where(gone, 0.0, -np.inf),
            upper=np.where(gone, 0.0, np.inf),
            groups=groups,
            norms=self.alpha * (1.0 - self.sparsity) * weights,
            across=self.grouped,
        )

    def _labels(self, columns):
        """The label of each column's group."""
        names, terms, groups = columns.names, columns.terms, self.groups
        if groups is None:
            return list(terms)
        if isinstance(groups, Mapping):
            unknown = [key for key in groups if key not in names and key not in terms]
            if unknown:
                raise InvalidParameterError(
                    f"penalty: groups has {unknown[0]!r}, which is no column or term of the model"
                )
            pairs = zip(names, terms, strict=True)
            # a column that is not named must not meet the label of a group
            return [groups.get(name, groups.get(term, ("a group by itself", name))) for name, term in pairs]
        if len(groups) != len(names):
            raise InvalidParameterError(
                f"penalty: groups has {len(groups)} labels, expected {len(names)} for the columns of the model"
            )
        return np.asarray(groups).tolist()

    def _weights(self, order, sizes):
        """The factor of each group, (G,)."""
        weights = np.sqrt(sizes)
        if isinstance(self.factors, Mapping):
            for label, w in self.factors.items():
                if label not in order:
                    raise InvalidParameterError(f"penalty: factors has {label!r}, a group of size zero")
                weights[order[label]] = w
        elif self.factors is not None:
            weights = np.asarray(self.factors, np.float64)
            weights = np.full(len(order), float(weights)) if weights.ndim == 0 else weights
            if weights.shape != (len(order),):
                raise InvalidParameterError(
                    f"penalty: factors has {len(weights)} values, expected one for each of {len(order)} groups; more "
                    "would be of groups of size zero"
                )
        return weights
