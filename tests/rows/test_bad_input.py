"""Input that cannot be used is refused before any work, by the argument, column and row; the caller's arrays stay.

The oracle of every case is the sentence that must be in the message: what is wrong, where, and what to do.
"""

import copy

import numpy as np
import pytest

import fastglm
from fastglm.errors import FastGLMError, InvalidParameterError, MissingDataError

RNG = np.random.default_rng(0)
N = 60
X = np.column_stack([RNG.normal(size=N), RNG.uniform(-1, 1, size=N)])
Y = RNG.poisson(np.exp(0.3 + X @ [0.5, -0.7])).astype(float)
NAN, INF = float("nan"), float("inf")


def put(a, where, value, dtype=float):
    """A copy of an array with one cell changed."""
    a = np.array(a, dtype=dtype)
    a[where] = value
    return a


def refuse(error, words, X=X, y=Y, family="poisson", **options):
    """The fit is refused with an error of this type whose message has all the words; nothing is modified."""
    given = dict(X=X, y=y, **options)
    before = copy.deepcopy(given)
    with pytest.raises(error) as caught:
        fastglm.fit(X, y, family=family, **options)
    assert isinstance(caught.value, ValueError) and isinstance(caught.value, FastGLMError)
    missing = [word for word in words if word not in str(caught.value)]
    assert not missing, f"{missing} not in: {caught.value}"
    for name, value in given.items():
        assert _same(value, before[name]), f"{name} was modified"


def _same(a, b):
    if hasattr(a, "to_numpy"):
        a, b = a.to_numpy(), b.to_numpy()
    if isinstance(a, np.ndarray):
        return a.tobytes() == b.tobytes() if a.dtype.kind != "O" else str(a.tolist()) == str(b.tolist())
    return str(a) == str(b)


@pytest.mark.parametrize("value", [NAN, INF, -INF])
@pytest.mark.parametrize("dtype", ["float64", "float32", ">f8", "longdouble"])
@pytest.mark.parametrize("order", "CF")
def test_a_cell_of_x_that_is_not_finite(value, dtype, order):
    bad = np.array(put(X, (7, 1), value), dtype=dtype, order=order)
    refuse(MissingDataError, ["X", str(value), "'dose'", "row 7"], X=bad, names=["age", "dose"])


@pytest.mark.parametrize("family", ["gaussian", "binomial", "poisson", "gamma"])
@pytest.mark.parametrize("solver", fastglm.solvers.names())
@pytest.mark.parametrize("row", [0, 25_000, 49_999])
def test_a_cell_of_a_long_x_that_is_not_finite(family, solver, row):
    long = np.ones((50_000, 3)) + np.arange(150_000.0).reshape(-1, 3) % 7
    y = np.where(np.arange(50_000) % 3, 1.0, 0.5 if family == "gamma" else 0.0)
    words = ["X", "nan", "x2", f"row {row}"]
    refuse(MissingDataError, words, X=put(long, (row, 1), NAN), y=y, family=family, solver=solver)


@pytest.mark.parametrize("value", [NAN, INF])
@pytest.mark.parametrize("name, error", [("y", MissingDataError), ("weights", InvalidParameterError),
                                         ("freq_weights", InvalidParameterError), ("offset", MissingDataError),
                                         ("exposure", InvalidParameterError)])  # fmt: skip
def test_a_vector_that_is_not_finite(name, error, value):
    bad = put(np.ones(N), 4, value)
    refuse(error, [name, str(value), "row 4"], **{name: bad})


def test_a_missing_value_in_a_row_of_weight_zero_is_refused_or_ignored_but_never_spread():
    weights = put(np.ones(N), 3, 0.0)
    expected = fastglm.fit(np.delete(X, 3, 0), np.delete(Y, 3), family="poisson")
    for bad in (NAN, INF):
        try:
            result = fastglm.fit(put(X, (3, 1), bad), Y, family="poisson", weights=weights)
        except MissingDataError as error:
            assert "row 3" in str(error)
        else:
            np.testing.assert_allclose(result.params, expected.params, rtol=1e-9)


SUPPORT = [
    ("poisson", -1.0, "negative"), ("negative_binomial", -0.5, "negative"), ("quasipoisson", -1.0, "negative"),
    ("gamma", 0.0, "positive"), ("gamma", -1.0, "negative"), ("inverse_gaussian", 0.0, "positive"),
    ("inverse_gaussian", -2.0, "negative"), ("tweedie", -1.0, "negative"), ("binomial", 2.0, "between 0 and 1"),
    ("binomial", 1.2, "between 0 and 1"), ("binomial", -1.0, "labels"), ("quasibinomial", 1.5, "between 0 and 1"),
]  # fmt: skip


@pytest.mark.parametrize("family, value, words", SUPPORT)
def test_a_response_outside_the_support(family, value, words):
    y = np.full(N, 0.5)
    y[::2] = 0.75
    fields = dict(negative_binomial=fastglm.families.NegativeBinomial(2.0), tweedie=fastglm.families.Tweedie(1.5))
    expected = ["y", str(value), "row 9", family, words]
    refuse(InvalidParameterError, expected, y=put(y, 9, value), family=fields.get(family, family), link=None)


def test_zeros_suggest_the_tweedie_family():
    refuse(InvalidParameterError, ["tweedie", "row 2"], y=put(np.ones(N), 2, 0.0), family="gamma", link="log")


SHAPES = {
    "no rows": (dict(X=np.zeros((0, 2)), y=np.zeros(0)), ["X", "no observations"]),
    "no columns and no intercept": (dict(X=np.zeros((N, 0)), intercept=False), ["X", "no columns", "intercept"]),
    "y too short": (dict(y=Y[:-1]), ["y", "59", "60", "length"]),
    "y in two columns": (dict(y=np.column_stack([Y, Y])), ["y", "1-d"]),
    "X in one dimension": (dict(X=X[:, 0]), ["X", "reshape(-1, 1)"]),
    "X in three dimensions": (dict(X=np.ones((N, 2, 2))), ["X", "2-d", "(60, 2, 2)"]),
    "X a number": (dict(X=3.0), ["X", "2-d"]),
    "weights too short": (dict(weights=np.ones(N - 1)), ["weights", "length", "59"]),
    "weights a matrix": (dict(weights=np.ones((N, N))), ["weights", "1-d"]),
    "frequencies too long": (dict(freq_weights=np.ones(N + 1)), ["freq_weights", "length", "61"]),
    "offset too long": (dict(offset=np.zeros(N + 1)), ["offset", "length", "61"]),
    "exposure too short": (dict(exposure=np.ones(3)), ["exposure", "length", "3"]),
    "names too few": (dict(names=["a"]), ["names", "2 columns"]),
    "start too short": (dict(start=[0.0, 1.0]), ["start", "3 coefficients"]),
    "start a matrix": (dict(start=np.zeros((3, 1))), ["start", "(3, 1)"]),
}


@pytest.mark.parametrize("name", SHAPES)
def test_a_shape_that_does_not_fit(name):
    options, words = SHAPES[name]
    refuse(InvalidParameterError, words, **options)


def test_a_start_that_is_not_finite():
    refuse(MissingDataError, ["start", "nan"], start=[0.0, NAN, 1.0])


VALUES = {
    "a negative weight": (dict(weights=put(np.ones(N), 4, -1.0)), ["weights", "-1.0", "row 4", "negative"]),
    "a negative frequency": (dict(freq_weights=put(np.ones(N), 4, -1.0)), ["freq_weights", "row 4", "negative"]),
    "weights all zero": (dict(weights=np.zeros(N)), ["weights", "all zero"]),
    "no exposure": (dict(exposure=put(np.ones(N), 4, 0.0)), ["exposure", "row 4", "positive"]),
    "log of no exposure": (dict(offset=put(np.zeros(N), 4, -INF)), ["offset", "row 4", "exposure"]),
    "family": (dict(family="poison"), ["family", "'poison'", "'poisson'"]),
    "link": (dict(link="lgo"), ["link", "'lgo'", "'log'"]),
    "a family that is no family": (dict(family=3), ["family", "3"]),
    "a link that is no link": (dict(link=3.0), ["link", "3.0"]),
    "a link onto other means": (dict(family="binomial", y=Y > 1, link="inverse"), ["link", "'inverse'", "binomial"]),
    "solver": (dict(solver="nwton"), ["solver", "nwton", "newton"]),
    "solver that is no solver": (dict(solver=3), ["solver", "irls"]),
    "a tolerance": (dict(solver=fastglm.solvers.IRLS(tol=0.0)), ["tol", "positive"]),
    "a tolerance that is NaN": (dict(solver=fastglm.solvers.IRLS(tol=NAN)), ["tol", "positive"]),
    "an iteration limit": (dict(solver=fastglm.solvers.Newton(max_iter=0)), ["max_iter", "at least 1"]),
    "covariance": (dict(cov="modle"), ["cov", "'modle'", "'model'"]),
    "penalty": (dict(penalty=1.0), ["penalty"]),
    "threads": (dict(threads=0), ["threads", "positive"]),
    "threads that are no number": (dict(threads=1.5), ["threads", "1.5"]),
    "exposure without the log link": (dict(link="sqrt", exposure=np.ones(N)), ["exposure", "log link", "offset"]),
    "an intercept twice": (dict(names=["(Intercept)", "a"]), ["(Intercept)", "intercept=False"]),
}


@pytest.mark.parametrize("name", VALUES)
def test_a_value_that_makes_no_sense(name):
    options, words = VALUES[name]
    refuse(InvalidParameterError, words, **options)


TYPES = {
    "text": (lambda: put(X, (3, 1), "abc", object), ["X", "str", "(3, 1)"]),
    "strings": (lambda: X.astype(str), ["X", "strings", "numeric"]),
    "complex": (lambda: X + 1j, ["X", "complex"]),
    "dates": (lambda: np.full((N, 2), np.datetime64("2020-01-01")), ["X", "dates"]),
    "dates as objects": (lambda: put(X, (3, 1), np.datetime64("2020-01-01").item(), object), ["X", "date", "(3, 1)"]),
    "None": (lambda: put(X, (3, 1), None, object), ["X", "missing", "(3, 1)"]),
    "masked cells": (lambda: np.ma.masked_array(X, mask=put(X * 0, (3, 1), 1)), ["X", "masked", "(3, 1)"]),
    "records": (lambda: np.zeros(N, dtype=[("a", float), ("b", float)]), ["X", "records"]),
}


@pytest.mark.parametrize("name", TYPES)
def test_a_type_that_is_not_a_number(name):
    make, words = TYPES[name]
    refuse((InvalidParameterError, MissingDataError), words, X=make())


def test_a_ragged_list():
    refuse(InvalidParameterError, ["X"], X=[[1.0, 2.0], [3.0]], y=[1.0, 2.0])


@pytest.mark.parametrize("name", ["y", "weights", "offset"])
def test_text_and_masks_in_vectors(name):
    refuse(InvalidParameterError, [name, "strings"], **{name: Y.astype(str)})
    refuse(MissingDataError, [name, "masked"], **{name: np.ma.masked_array(Y, mask=Y == Y[0])})


LABELS = {
    "one label": (["a"] * N, ["y", "1 distinct", "two"]),
    "three labels": (["a", "b", "c"] * (N // 3), ["y", "3 distinct", "'a'", "two"]),
    "a missing label": (np.array(["a", "b", None] * (N // 3), dtype=object), ["y", "missing", "row 2"]),
    "labels of two types": (np.array(["a", 1, "b"] * (N // 3), dtype=object), ["y", "types"]),
    "negative counts": (np.tile([3, -1], (N, 1)), ["y", "successes and failures", "row 0"]),
}


@pytest.mark.parametrize("name", LABELS)
def test_labels_and_counts_of_a_binomial(name):
    y, words = LABELS[name]
    refuse(InvalidParameterError, words, y=np.asarray(y), family="binomial")


def test_frames_are_refused_by_column():
    pandas = pytest.importorskip("pandas")
    frame = pandas.DataFrame(X, columns=["age", "dose"])
    refuse(InvalidParameterError, ["'place'", "one level"], X=frame.assign(place="x"))
    missing = frame.astype("Float64")
    missing.loc[3, "dose"] = pandas.NA
    refuse(MissingDataError, ["X", "'dose'", "3"], X=missing)
    refuse(InvalidParameterError, ["X", "'when'"], X=frame.assign(when=pandas.Timestamp("2020-01-01")))
    result = fastglm.fit(frame.set_axis(["a", "a"], axis=1), Y, family="poisson")
    assert result.names == ("(Intercept)", "a", "a") and np.isfinite(result.params).all()


@pytest.mark.parametrize("size", [1e200, 1e300])
def test_numbers_whose_sums_overflow_are_refused_or_right(size):
    y = 1.0 + X @ [2.0, -1.0] + 0.1 * RNG.normal(size=N)
    expected = fastglm.fit(X, y).params * size
    try:
        result = fastglm.fit(X, y * size)
    except InvalidParameterError as error:
        assert "rescale" in str(error)
    else:
        np.testing.assert_allclose(result.params, expected, rtol=1e-9)
