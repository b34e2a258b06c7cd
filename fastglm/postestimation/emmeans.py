"""Estimated marginal means: predictions on a grid of factor levels, averaged over those of the other factors.

The conventions are those of the R package emmeans (Searle, Speed and Milliken 1980, "Population marginal means in the
linear model", The American Statistician 34): numbers at their means, equal weights, averages on the scale of the linear
predictor. A factor that is averaged has no part in the grid of the others: the average of a design's row is that of its
terms, each of which needs the levels of its own factors alone.
"""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import closing
from dataclasses import dataclass
from itertools import combinations, product
from typing import TYPE_CHECKING, Any

import numpy as np

from ..errors import InvalidParameterError
from ..family.means import inverse_link
from ..inference.effects import EXPONENTIAL, Back, EffectTable, check_estimable, covariance_of
from ..inference.multiplicity import check_adjust
from ..kernels.evaluate import evaluate
from ..matrix.stored_rows import StoredRows
from ..rows.counterfactual import CounterfactualRows
from ..rows.supplied import in_order
from ..source.threads import get_threads
from .effect_grid import MOST_POINTS, typical, variables_of

if TYPE_CHECKING:
    from collections.abc import Sequence

    from ..core.records import Array
    from ..types import Rows

METHODS = ("pairwise", "revpairwise", "tukey", "trt.vs.ctrl", "dunnett", "consec", "eff")


@dataclass(frozen=True, kw_only=True, eq=False, repr=False)
class MarginalMeans(EffectTable):
    """Estimated marginal means, an ``EffectTable`` whose ``values`` are linear predictors.

    Parameters
    ----------
    terms : tuple of str
        The factors whose levels are compared.
    by : tuple of str
        Those within whose levels they are.
    log_scale : str
        What differences are on the scale of the mean: "ratio", "odds ratio", or "" where they have no name.
    """

    terms: tuple[str, ...] = ()
    by: tuple[str, ...] = ()
    log_scale: str = ""

    def pairs(self, adjust: str = "tukey", type: str = "link", reverse: bool = False) -> EffectTable:
        """Differences of all pairs of means, within the levels of ``by``; see ``contrast_levels``."""
        return self.contrast_levels("revpairwise" if reverse else "pairwise", adjust=adjust, type=type)

    def dunnett(self, ref: int = 0, adjust: str = "mvt", type: str = "link") -> EffectTable:
        """Differences from the mean numbered ``ref``; see ``contrast_levels``."""
        return self.contrast_levels("dunnett", ref=ref, adjust=adjust, type=type)

    def contrast_levels(
        self, method: str | Mapping[str, Sequence[float]] = "pairwise", *, adjust: str | None = None,
        type: str = "link", ref: int = 0,
    ) -> EffectTable:  # fmt: skip
        """Contrasts of the means, within the levels of ``by``.

        Parameters
        ----------
        method : {"pairwise", "revpairwise", "tukey", "dunnett", "trt.vs.ctrl", "consec", "eff"} or mapping
            Names to coefficients, one for each mean. "tukey" is "revpairwise", as in multcomp's ``mcp``.
        adjust : str, optional
            "tukey", "mvt" (single-step), "holm", "hochberg", "hommel", "bonferroni", "sidak", "BH", "BY", "scheffe" or
            "none"; by default "tukey" for pairs, "mvt" for comparisons with a control, else "none".
        type : {"link", "response"}
            "response" answers with ratios of means, or of odds, where the link is the logarithm or the logit.
        ref : int
            The number of the control.

        Returns
        -------
        EffectTable

        Raises
        ------
        InvalidParameterError
        """
        sets = self._sets()
        k = len(sets[0])
        weights = _weights_of(method, k, ref)
        pairs = method in ("pairwise", "revpairwise", "tukey")
        chosen = "tukey" if pairs else "mvt" if method in ("dunnett", "trt.vs.ctrl") else "none"
        adjust = check_adjust(chosen if adjust is None else adjust)
        if adjust == "tukey" and not pairs:
            raise InvalidParameterError("adjust='tukey' is for all pairs of means; take 'mvt' or 'sidak'")
        back = _check_type(type, self.log_scale) if type == "response" else None
        names = [", ".join(str(self.labels[term][i]) for term in self.terms) for i in range(len(self.values))]
        L, labels, blocks = [], {"contrast": [], **{name: [] for name in self.by}}, []
        for b, rows in enumerate(sets):
            for row, text in _named(weights, [names[i] for i in rows], method, back is not None):
                full = np.zeros(len(self.values))
                full[rows] = row
                L.append(full)
                labels["contrast"].append(text)
                for name in self.by:
                    labels[name].append(self.labels[name][rows[0]])
                blocks.append(b)
        if not L:
            raise InvalidParameterError(f"there is one mean of {', '.join(self.terms)}, and nothing to compare it with")
        found = self.contrast(np.array(L), title="Contrasts of marginal means")
        return EffectTable(
            title=found.title, labels=labels, values=found.values, covariance=found.covariance, df=self.df,
            level=self.level, back=back, jacobian=found.jacobian, adjust=adjust, family_size=k,
            blocks=np.array(blocks), library=self.library,
        )  # fmt: skip


def _check_type(kind, log_scale):
    if kind not in ("link", "response"):
        raise InvalidParameterError(f"type={kind!r} is unknown; there are 'link' and 'response'")
    return EXPONENTIAL if log_scale else None


def _weights_of(method, k, ref):
    """The coefficients of the contrasts of k means, a pair (high, low) or a row (k,) each."""
    if isinstance(method, Mapping):
        rows = {name: np.asarray(row, float) for name, row in method.items()}
        for name, row in rows.items():
            if row.shape != (k,):
                raise InvalidParameterError(f"method: contrast {name!r} has shape {row.shape}, there are {k} means")
        return rows
    if method not in METHODS:
        raise InvalidParameterError(f"method={method!r} is unknown; there are {', '.join(map(repr, METHODS))}")
    if not -k <= ref < k:
        raise InvalidParameterError(f"ref={ref} is none of the {k} means")
    if method == "pairwise":
        return list(combinations(range(k), 2))
    if method in ("revpairwise", "tukey"):
        return [(j, i) for i, j in combinations(range(k), 2)]
    if method in ("dunnett", "trt.vs.ctrl"):
        return [(i, ref % k) for i in range(k) if i != ref % k]
    if method == "consec":
        return [(i + 1, i) for i in range(k - 1)]
    return [i for i in range(k)]


def _named(weights, names, method, ratio):
    """(coefficients, text) of each contrast."""
    k = len(names)
    if isinstance(weights, dict):
        return [(row, name) for name, row in weights.items()]
    if method == "eff":
        return [(np.eye(k)[i] - 1.0 / k, f"{names[i]} effect") for i in weights]
    sign = " / " if ratio else " - "
    return [(np.eye(k)[high] - np.eye(k)[low], names[high] + sign + names[low]) for high, low in weights]


def emmeans(
    result: Any, terms: str | Sequence[str], data: Rows | None = None, *, by: str | Sequence[str] | None = None,
    at: Mapping[str, Any] | None = None, weights: str = "equal", type: str = "link", offset: float | None = None,
    level: float = 0.95, threads: int | None = None,
) -> MarginalMeans:  # fmt: skip
    """Estimated marginal means of the levels of some factors (R's ``emmeans``).

    Parameters
    ----------
    result : GLMResult
        Of a formula.
    terms : str or sequence of str
        Factors, or columns of numbers that ``at`` gives values to.
    data : rows, optional
        Of the fit; numbers that ``at`` leaves out are at their means, and proportional weights are counted in them.
    by : str or sequence of str, optional
        Further factors, within whose levels means are compared.
    at : mapping of columns to values or lists of these, optional
    weights : {"equal", "proportional"}
        Of the levels of the factors that are averaged.
    type : {"link", "response"}
        "response" takes the means and their limits through the inverse link.
    offset : float, optional
        Of all means; that of the mean of the rows' offsets by default.
    level : float
    threads : int, optional

    Returns
    -------
    MarginalMeans
        With ``pairs()``, ``dunnett()`` and ``contrast_levels()``.

    Raises
    ------
    InvalidParameterError
        For a column that is no factor of the model, and means that are not estimable.
    """
    if result.design is None or result.family.response_model != "mean":
        raise InvalidParameterError(
            "emmeans is for models of a formula with one mean a row; compare(kind='mean') averages any predictions"
        )
    if weights not in ("equal", "proportional"):
        raise InvalidParameterError(f"weights={weights!r} is unknown; there are 'equal' and 'proportional'")
    if type not in ("link", "response"):
        raise InvalidParameterError(f"type={type!r} is unknown; there are 'link' and 'response'")
    grid = _Grid(result, _listed(terms), _listed(by), dict(at or {}))
    grid.look_at(data, weights, threads)
    L = grid.rows()
    shift = grid.shift if offset is None else float(offset)
    values = L @ np.nan_to_num(result.params) + shift
    for point, row in zip(grid.points, L, strict=True):
        check_estimable(result, row, f"the mean of {point}")
    labels = {name: [point[name] for point in grid.points] for name in grid.focal}
    blocks = [tuple(point[name] for name in grid.by) for point in grid.points]
    first = {key: i for i, key in reversed(list(enumerate(blocks)))}
    back = None if type == "link" else _inverse(result)
    return MarginalMeans(
        title=f"Estimated marginal means: {'the linear predictor' if type == 'link' else 'the mean'}", labels=labels,
        values=values, covariance=covariance_of(result, L), df=result.test_df, level=level, jacobian=L, back=back,
        blocks=np.array([first[key] for key in blocks]), terms=grid.terms, by=grid.by, library=result.schema.library,
        log_scale={"log": "ratio", "logit": "odds ratio"}.get(result.link.name, ""), notes=grid.notes(weights),
    )  # fmt: skip


def _listed(names):
    return () if names is None else (names,) if isinstance(names, str) else tuple(names)


def _inverse(result):
    """The inverse link, and its derivative."""
    link = result.link

    def inverse(eta):
        return inverse_link(link, np.asarray(eta, float).ravel()).reshape(np.shape(eta))

    def slope(eta):
        return evaluate(result.family, link, np.asarray(eta, float), inverse(eta)).slope

    return Back(inverse, slope)


class _Grid:
    """The levels that means are of, and those that are averaged."""

    def __init__(self, result, terms, by, at):
        self.result, self.terms, self.by, self.at = result, terms, by, at
        self.variables = variables_of(result)
        self.focal = tuple(dict.fromkeys([*by, *terms]))
        if not terms:
            raise InvalidParameterError("terms: name a factor of the model")
        values = {}
        for name, argument in [*((n, "terms") for n in terms), *((n, "by") for n in by), *((n, "at") for n in at)]:
            self.variables.check(name, argument)
            given = at.get(name)
            if given is not None:
                listed = list(given) if isinstance(given, (list, tuple, np.ndarray)) else [given]
                values[name] = [self.variables.value(name, v, "at") for v in listed]
            elif name in self.variables.levels and self.variables.levels[name]:
                values[name] = list(self.variables.levels[name])
            else:
                raise InvalidParameterError(f"{argument}: {name!r} is a column of numbers; at= says at which values")
        for name in at:
            if name not in self.focal and len(values[name]) > 1:
                self.focal = (*self.focal, name)
        self.values = values
        # the first name varies fastest within the levels of by
        order = [*by, *[name for name in reversed(self.focal) if name not in by]]
        self.points = [dict(zip(order, point, strict=True)) for point in product(*(values[name] for name in order))]
        self.shift, self.base, self.shares = 0.0, {}, {}

    def look_at(self, data, weights, threads):
        """Means of numbers, the mean offset, and the shares of levels, from the rows."""
        numbers = [n for n in self.variables.terms if n not in self.variables.levels and n not in self.values]
        levels = {n: found for n, found in self.variables.levels.items() if found and n not in self.values}
        needed = numbers or self.result.exposure_kind is not None or (weights == "proportional" and levels)
        if needed and data is None:
            what = f"the mean of {numbers[0]!r}" if numbers else "offsets or shares of levels"
            raise InvalidParameterError(f"data: {what} is needed, and a result holds no rows; pass data= (or at=)")
        if needed:
            vectors = {"freq_weights": None} if self.result.has_freq_weights else {}
            with closing(CounterfactualRows(self.result, data, vectors | {"offset": None, "exposure": None})) as rows:
                sought = self.variables._replace(terms=tuple(numbers), levels={})
                self.base, self.shift, two = typical(rows, sought, False, threads)
                levels |= {name: tuple(sorted(values)) for name, values in two.items()}  # as emmeans' cov.keep
                self._averaged(levels)
                if weights == "proportional":
                    self.shares = _shares(rows, self.components, threads)
        else:
            self._averaged(levels)
        self.base |= {name: found[0] for name, found in levels.items()}
        self.base |= {name: found[0] for name, found in self.values.items()}

    def _averaged(self, levels):
        """Keep the levels that are averaged over, in sets of factors."""
        self.levels, self.components = levels, _components(self.result.design, list(levels))
        cells = [float(np.prod([len(levels[n]) for n in names])) for names in self.components]
        if len(self.points) * max(cells, default=1.0) > 100 * MOST_POINTS:
            raise InvalidParameterError("terms: the grid of levels is too large; give some factors a level by at=")

    def rows(self) -> Array:
        """The averages of the rows of the design, (k, p)."""
        L = self._design([{**self.base, **point} for point in self.points])
        start = L.copy()
        for names in self.components:
            cells = list(product(*(self.levels[name] for name in names)))
            share = np.full(len(cells), 1.0 / len(cells))
            if names in self.shares:
                share = np.array([self.shares[names].get(tuple(map(str, cell)), 0.0) for cell in cells])
                share = share / share.sum()
            listed = [
                {**self.base, **point, **dict(zip(names, cell, strict=True))} for point in self.points for cell in cells
            ]
            own = self._design(listed).reshape(len(self.points), len(cells), -1)
            L += np.tensordot(own, share, axes=(1, 0)) - start
        return L

    def _design(self, listed):
        """Rows of the design (k, p) at values of the columns."""
        design = self.result.design.without_shifts()
        frame = {name: _column([row[name] for row in listed]) for name in design.columns}
        built = design.build(frame, response=False)
        X = StoredRows(built.X, built.terms, built.coding, built.has_intercept).toarray()
        if len(X) != len(listed):
            raise InvalidParameterError("terms: a level is not known")
        return np.column_stack([np.ones(len(X)), X]) if self.result.intercept else X

    def notes(self, weights):
        """What was averaged, in words."""
        return (f"averaged over {', '.join(self.levels)}, with {weights} weights",) if self.levels else ()


def _column(values):
    return np.array(values, dtype=object if isinstance(values[0], str) else None)


def _components(design, names) -> list[tuple[str, ...]]:
    """Factors in sets, those that are in a term together in the same one."""
    sets = [{name} for name in names]
    for term in design.formula.terms:
        inside = {n for v in term for n in design.variables[v].expression.columns if n in names}
        joined = [s for s in sets if s & inside]
        if len(joined) > 1:
            sets = [s for s in sets if not s & inside] + [set().union(*joined)]
    return [tuple(n for n in names if n in s) for s in sets]


def _shares(rows, components, threads):
    """The rows of each combination of levels, by the set of their factors."""
    found: dict[Any, Any] = {names: {} for names in components}

    def work(piece):
        w, counts = piece.frequency, {}
        for names in components:
            labels = np.array([list(map(str, piece.labels(name).tolist())) for name in names])
            cells, codes = np.unique(labels, axis=1, return_inverse=True)
            counts[names] = dict(zip(map(tuple, cells.T.tolist()), np.bincount(codes, weights=w), strict=True))
        return counts

    for counts in in_order(rows, work, get_threads(threads)):
        for names, own in counts.items():
            for cell, count in own.items():
                found[names][cell] = found[names].get(cell, 0.0) + count
    return found
