"""Marginal effects, comparisons and predictive margins of a finished fit, averaged over rows.

The quantities are those of the R package marginaleffects and of Stata's ``margins``: averages over rows of derivatives
of the prediction, or of predictions with a column changed in all rows, each with its exact gradient in the
coefficients, so that one covariance serves all of them.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from contextlib import closing
from typing import TYPE_CHECKING, Any

import numpy as np

from ..errors import InvalidParameterError
from ..inference.effects import EffectTable, check_estimable, covariance_of
from ..inference.predictor_curves import effect_kinds
from ..linalg.inverse import as_covariance
from ..rows.counterfactual import CounterfactualRows
from .averages import Averages, NotBinary, Quantity, averages, zeros_and_ones
from .effect_grid import CONSTANTS, Variables, grid, one_row, typical, variables_of

if TYPE_CHECKING:
    from collections.abc import Callable

    from ..types import Rows

KINDS = {"dydx": (False, False), "eydx": (True, False), "dyex": (False, True), "eyex": (True, True)}
MOST_ROWS = 100_000  # whose effects are answered one by one
WORDS = {
    "mean": "the mean", "link": "the linear predictor", "proba": "the probability of each level",
    "cumulative": "the probability of levels up to each", "count": "the mean of the count part",
    "zero": "the probability of the zero part", "precision": "the precision",
    "dispersion": "the dispersion", "variance": "the variance",
}  # fmt: skip
HOW = {"dydx": "derivative", "eyex": "elasticity", "dyex": "dy/ex", "eydx": "ey/dx", "mean": "mean"}


def scales_of(result) -> tuple[str, ...]:
    """The scales that effects can be on: of several linear predictors a row the kinds of its predictions."""
    if result.family.response_model == "several":
        return ("mean", *(kind for kind in effect_kinds(result.family) if kind != "mean"))
    return ("mean", "link")


class Question:
    """What is asked of which rows; it opens them, and makes the table of the answers.

    Parameters
    ----------
    result : GLMResult
    data : rows
    options : dict
        at, typical, by, weights, freq_weights, offset, exposure, scale, average, se, method, draws, seed, level,
        threads.

    Raises
    ------
    InvalidParameterError
    """

    def __init__(self, result, data, options: dict[Any, Any]):
        self.result, self.options, self.data = result, options, data
        self.variables: Variables = variables_of(result)
        self.method, self.scale = options["method"], options["scale"]
        for name, known in (("method", ("delta", "simulation")), ("scale", scales_of(result))):
            if options[name] not in known:
                raise InvalidParameterError(
                    f"{name}={options[name]!r} is unknown; there are {', '.join(map(repr, known))}"
                )
        if result.family.response_model == "several" and self.scale == "mean":
            self.scale = effect_kinds(result.family)[0]
        self.at = None if options["at"] == "means" else options["at"]
        self.typical = options["typical"] or options["at"] == "means"
        self.points = grid(self.at, self.variables)
        self.by = _names(options["by"])
        self.weighted, self._typical_row = options["weights"] is not None, None
        if self.typical and (self.by or not options["average"]):
            raise InvalidParameterError("by: a typical row has no groups; leave by= out, or at='means'")
        if data is None:
            self.data = self._rows_of_at()

    def _rows_of_at(self):
        """A row for what ``at`` gives to every column."""
        missing = [name for name in self.variables.every if name not in (self.at or {})]
        if missing:
            raise InvalidParameterError(
                f"data: a result holds no rows; pass data=, or at= with every column of the model: {missing[0]!r} is "
                "not there"
            )
        return one_row(self.result, self.points[0])

    def open(self):
        """The rows."""
        options = self.options
        vectors = {name: options[name] for name in ("freq_weights", "offset", "exposure")}
        vectors = {name: v for name, v in vectors.items() if v is not None or name != "freq_weights"} | (
            {"freq_weights": options["freq_weights"]} if self.result.has_freq_weights else {}
        )
        if self.result.family.response_model == "softmax":
            vectors = {name: v for name, v in vectors.items() if name == "freq_weights"}
        beside = dict(zip(self.by, _vectors(options["by"]), strict=True))
        if self.weighted:
            beside["weights"] = options["weights"]
        return CounterfactualRows(self.result, self.data, vectors, beside)

    def typical_row(self, supplied):
        """The typical row, the mean of the offset, and the values of columns that have two: one read."""
        if self._typical_row is None:
            self._typical_row = typical(supplied, self.variables, self.weighted, self.options["threads"])
        return self._typical_row

    def binary(self, supplied, names) -> list[str]:
        """The columns of numbers that are zeros and ones alone, by the first rows, or for a typical row by all."""
        if self.typical:
            two = self.typical_row(supplied)[2]
            return [name for name in names if two.get(name, {None}) <= {0.0, 1.0}]
        piece = supplied.peek()
        return [] if piece is None or not piece.n else [name for name in names if zeros_and_ones(piece.values(name))]

    def averages(self, supplied, quantities: list[Quantity], binary=()) -> Averages:
        """The averages that quantities are of."""
        options = self.options
        by: Any = self.by if options["average"] else "row"
        if by == "row" and supplied.n_rows > MOST_ROWS:
            raise InvalidParameterError(f"average=False is for at most {MOST_ROWS:,} rows, not {supplied.n_rows:,}")
        weighted, shift = self.weighted, None
        if self.typical:
            row, shift, two = self.typical_row(supplied)
            row = row | {name: float(row[name] > 0.5) for name, values in two.items() if values <= {0.0, 1.0}}
            weighted = False
            data = one_row(self.result, row)
            if self.result.exposure_kind is None:
                shift = None
            vectors = {"offset": shift if self.result.design is None or self.result.schema.vectors else None}
            supplied, binary = CounterfactualRows(self.result, data, vectors), ()
        draws = self._draws() if self.method == "simulation" else None
        return averages(
            self.result, supplied, quantities, scale=self.scale, by=by, weighted=weighted, draws=draws,
            threads=options["threads"], shift=shift, binary=binary,
        )  # fmt: skip

    def _draws(self):
        """Coefficients (S, m) drawn from their normal approximation."""
        result, rng = self.result, np.random.default_rng(self.options["seed"])
        covariance_of(result, np.zeros((1, np.size(result.params))))  # refuses results without one
        V = np.nan_to_num(as_covariance(result.cov_params()).toarray())
        values, vectors = np.linalg.eigh(V)
        z = rng.standard_normal((int(self.options["draws"]), len(V)))
        beta = np.nan_to_num(result.params).ravel(order="F")
        return beta + (z * np.sqrt(np.maximum(values, 0.0))) @ vectors.T

    def classes(self):
        """The classes that an average has values of; None for one mean a row."""
        if self.result.family.response_model == "several":
            return self.result.value_labels(self.scale)
        if self.result.family.response_model != "softmax":
            return None
        return self.result.classes if self.scale == "mean" else self.result.contrast_classes

    def table(self, found: Averages, rows: list[Any], title: str, back=None, notes=()) -> EffectTable:
        """The table of rows that are functions of averages.

        Parameters
        ----------
        found : Averages
        rows : list of (labels, function)
            A function takes values (Q,) and gradients (Q, m) of a group and a class, and gives a value and a gradient.
        """
        classes, labels, values, gradients, drawn = self.classes(), {}, [], [], []
        listed: list[dict[Any, Any]] = []
        for own, function in rows:
            for g, key in enumerate(found.groups):
                for k in range(found.values.shape[2]):
                    one = dict(own) | dict(zip(self.by, key, strict=True))
                    if not self.options["average"]:
                        one["row"] = g
                    if classes is not None:
                        one["class"] = classes[k]
                    value, gradient = function(found.values[g, :, k], found.gradients[g, :, k])
                    listed.append(one)
                    values.append(value)
                    gradients.append(gradient)
                    if found.draws is not None:
                        none = np.zeros((found.draws.shape[2], 0))
                        drawn.append([function(v[g, :, k], none)[0] for v in found.draws])
        names = dict.fromkeys(name for one in listed for name in one)
        labels = {name: [one.get(name, "") for one in listed] for name in names}
        jacobian = np.array(gradients)
        V = covariance_of(self.result, jacobian) if self.options["se"] else None
        notes = (*notes, *(f"{name} is aliased: its coefficient counts as zero" for name in self.result.aliased))
        return EffectTable(
            title=title, labels=labels, values=np.array(values), covariance=V, df=self.result.test_df, notes=notes,
            level=self.options["level"], back=back, jacobian=jacobian, draws=np.array(drawn).T if drawn else None,
            library=self.result.schema.library,
        )  # fmt: skip


def _names(by) -> tuple[str, ...]:
    if by is None:
        return ()
    if isinstance(by, str):
        return (by,)
    if isinstance(by, (list, tuple)) and by and all(isinstance(name, str) for name in by):
        return tuple(by)
    if isinstance(by, Mapping):
        return tuple(by)
    return ("by",)


def _vectors(by) -> tuple[Any, ...]:
    if by is None:
        return ()
    if isinstance(by, Mapping):
        return tuple(by.values())
    names = _names(by)
    return (by,) if names == ("by",) and not isinstance(by, str) else names


def defaults(given: Mapping[str, Any]) -> dict[str, Any]:
    """The options of a question, those left out by their defaults.

    Raises
    ------
    TypeError
        For an option that there is not.
    """
    every = {
        "at": None, "typical": False, "by": None, "weights": None, "freq_weights": None, "offset": None,
        "exposure": None, "scale": "mean", "average": True, "se": True, "method": "delta", "draws": 1000, "seed": 0,
        "level": 0.95, "threads": None,
    }  # fmt: skip
    unknown = [name for name in given if name not in every]
    if unknown:
        raise TypeError(f"unknown option {unknown[0]!r}; there are {', '.join(every)}")
    return every | dict(given)


def margins(
    result: Any, data: Rows | None = None, variables: str | Sequence[str] | None = None, *, kind: str = "dydx",
    discrete: Any = "auto", **options: Any,
) -> EffectTable:  # fmt: skip
    """Average marginal effects, with standard errors by the delta method.

    Parameters
    ----------
    result : GLMResult
    data : rows: arrays, data frame, files, a collection of Dask
        Over which effects are averaged: those of the fit, or others. It may be left out where ``at`` gives a value to
        every column.
    variables : str or sequence of str, optional
        Columns of the data (not of the design); all of the model's terms by default.
    kind : {"dydx", "eyex", "dyex", "eydx", "mean"}
        Derivatives, elasticities and semi-elasticities of each row; "mean" answers with averages of predictions
        themselves (Stata's predictive margins).
    discrete : "auto", or sequence of str
        Columns of numbers whose effect is the difference of one from zero; by default those of zeros and ones only.
        Factors and booleans always have the differences of their levels from the first.
    **options
        at : mapping of columns to values or lists of these, or "means"
            Values that all rows have; "means" is one typical row, of means of numbers and likeliest levels.
        typical : bool
            The typical row for columns that ``at`` leaves out.
        by : name of a column, list of these, an array, or a mapping of names to arrays
            Groups of rows.
        weights : (n,) array or name of a column
            Of the averages; rows count alike by default, also where the fit had weights.
        freq_weights, offset, exposure : as in the fit
        scale : {"mean", "link"}
            Of ordered levels "mean" is the probability of each level, and there is "cumulative"; of counts with many
            zeros there are "count" and "zero" too, of shares "precision" and "variance": the kinds of ``predict``.
        average : bool
            False answers for each row.
        se : bool
        method : {"delta", "simulation"}
            "simulation" takes the spread and the quantiles of ``draws`` effects at drawn coefficients (Krinsky and Robb
            1986), from ``seed``.
        level : float
        threads : int

    Returns
    -------
    EffectTable

    Raises
    ------
    InvalidParameterError
        For an unknown column or level, a derivative that does not exist, and effects that are not estimable.
    """
    question = Question(result, data, defaults(options))
    if kind == "mean":
        return _predictive(question)
    if kind not in KINDS:
        raise InvalidParameterError(f"kind={kind!r} is unknown; there are {', '.join(map(repr, [*KINDS, 'mean']))}")
    chosen = _chosen(question, variables, kind)
    with closing(question.open()) as supplied:
        binary = _binary(question, supplied, chosen, kind, discrete)
        return _effects(question, supplied, chosen, binary, kind, discrete == "auto")


def _chosen(question, variables, kind):
    """The columns that effects are of."""
    known = question.variables
    if variables is None:
        found = [name for name in known.terms if question.result.design is not None or name not in CONSTANTS]
    else:
        found = [known.check(name, "variables") for name in ([variables] if isinstance(variables, str) else variables)]
    levels = [name for name in found if name in known.levels]
    if KINDS[kind][1] and levels:
        raise InvalidParameterError(
            f"kind={kind!r} multiplies by a number, and {levels[0]!r} is a factor; name the columns of numbers in "
            "variables="
        )
    fixed = [name for name in found if name in known.levels and name in (question.at or {})]
    if fixed:
        raise InvalidParameterError(f"at: {fixed[0]!r} is given a level, so that it has no effect; leave it out")
    if not found:
        raise InvalidParameterError("variables: the model has no column that could have an effect")
    return found


def _binary(question, supplied, chosen, kind, discrete):
    """The columns of numbers whose effect is the difference of one from zero."""
    if discrete != "auto":
        return [question.variables.check(name, "discrete") for name in discrete]
    if KINDS[kind][1]:
        return []
    numbers = [name for name in chosen if name not in question.variables.levels and name not in (question.at or {})]
    return question.binary(supplied, numbers) if numbers else []


def _effects(question, supplied, chosen, binary, kind, checked):
    """The table of effects; columns that turn out to have other numbers than zero and one are begun anew."""
    log, times = KINDS[kind]
    quantities: list[Quantity] = []
    rows: list[tuple[dict[Any, Any], Callable]] = []
    for point in question.points:
        for name in chosen:
            levels = question.variables.levels.get(name, (0.0, 1.0) if name in binary else None)
            if levels is None:
                rows.append(({"term": name, "contrast": HOW[kind], **point}, _pick(len(quantities))))
                quantities.append(Quantity(point, name, log, times))
                continue
            first = len(quantities)
            quantities += [Quantity({**point, name: level}, None, log) for level in levels]
            for i in range(1, len(levels)):
                shown = f"{_shown(levels[i])} - {_shown(levels[0])}"
                rows.append(({"term": name, "contrast": shown, **point}, _difference(first, first + i)))
    try:
        found = question.averages(supplied, quantities, binary if checked else ())
    except NotBinary as error:  # the first rows had zeros and ones alone
        fewer = [name for name in binary if name != error.args[0]]
        return _effects(question, supplied, chosen, fewer, kind, checked)
    for labels, function in rows:
        L = function(found.values[0, :, 0], found.gradients[0, :, 0])[1]
        check_estimable(question.result, L, f"the effect of {labels['term']!r}")
    title = "Marginal effects" if question.typical or not question.options["average"] else "Average marginal effects"
    return question.table(found, rows, f"{title}: {_of(question, log)}")


def _pick(i):
    return lambda values, gradients: (values[i], gradients[i])


def _difference(low, high):
    return lambda values, gradients: (values[high] - values[low], gradients[high] - gradients[low])


def _shown(level):
    return f"{level:g}" if isinstance(level, float) else str(level)


def _of(question, log=False):
    """The prediction in words."""
    base = WORDS[question.scale]
    base = "the probability of each class" if question.classes() is not None and question.scale == "mean" else base
    base = f"the logarithm of {base}" if log else base
    return f"{base} in a typical row" if question.typical else base


def _predictive(question):
    """Averages of predictions at the points of the grid."""
    with closing(question.open()) as supplied:
        found = question.averages(supplied, [Quantity(point) for point in question.points])
    check_estimable(question.result, found.gradients, "an average")
    rows: list[Any] = [(dict(point), _pick(i)) for i, point in enumerate(question.points)]
    if question.points == [{}] and not question.by and question.classes() is None and question.options["average"]:
        rows = [({"term": "mean"}, _pick(0))]
    return question.table(found, rows, f"Averages of {_of(question)}" if not question.typical else _of(question))
