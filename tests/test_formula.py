"""The numeric formula language: what it reads, what it computes, what it says when it cannot."""

import numpy as np
import pytest

from fastglm.formula import FormulaError, design, parse

TABLE = {
    "y": np.array([1, 2, 3, 4]),
    "x": np.array([1.0, 2.0, 4.0, 8.0]),
    "z": np.array([0, 1, 0, 1]),
    "e": np.array([1.0, 2.0, 3.0, 4.0]),
    "flag": np.array([True, False, True, True]),
    "odd name": np.array([5, 6, 7, 8]),
    "class": np.array([1, 1, 2, 3]),
    "region": np.array(["n", "s", "n", "w"], dtype=object),
    "gap": np.array([1.0, np.nan, 3.0, np.nan]),
}
NUMERIC = {name: TABLE[name] for name in ("y", "x", "z", "e")}


def columns(formula, table=TABLE):
    X, _, names, _, _ = design(formula, table)
    return dict(zip(names, X.T, strict=True))


@pytest.mark.parametrize(
    "formula, names",
    [
        ("y ~ x + z", ["x", "z"]),
        ("y ~ x + x + z", ["x", "z"]),
        ("y ~ log(x) + I(x^2)", ["log(x)", "I(x**2)"]),
        ("y ~ x*z", ["x", "z", "x:z"]),
        ("y ~ x:z:e", ["x:z:e"]),
        ("y ~ (x + z) - 1", ["x", "z"]),
        ("y ~ 1", []),
        ("y ~ `odd name` + class + flag", ["odd name", "class", "flag"]),
        ("y ~ I((x - 1) / (z + 2) - (x - 2))", ["I((x - 1)/(z + 2) - (x - 2))"]),
        ("y ~ np.log1p(x)", ["log1p(x)"]),
    ],
)
def test_names(formula, names):
    assert list(columns(formula)) == names


def test_values():
    x, z = TABLE["x"], TABLE["z"]
    got = columns("y ~ log(x) + x:z + I(-x**2 + 2*z) + sqrt(x / 2)")
    want = [np.log(x), x * z, -(x**2) + 2 * z, np.sqrt(x / 2)]
    assert all(np.allclose(a, b) for a, b in zip(got.values(), want, strict=True))


@pytest.mark.parametrize("formula, expected", [("y ~ x", True), ("y ~ x - 1", False), ("y ~ 0 + x", False),
                                               ("y ~ -1 + x", False), ("y ~ x + 1", True)])  # fmt: skip
def test_intercept(formula, expected):
    assert parse(formula).intercept is expected


def test_offsets_add_up_and_leave_the_design():
    X, y, names, offset, exposure = design("y ~ x + offset(log(e)) + offset(z) + exposure(e)", TABLE)
    assert names == ["x"] and X.shape == (4, 1)
    assert np.allclose(offset, np.log(TABLE["e"]) + TABLE["z"])
    assert np.array_equal(exposure, TABLE["e"])


def test_dot_means_all_other_columns():
    assert list(columns("y ~ . + log(x) - z + offset(e)", NUMERIC)) == ["x", "log(x)"]
    assert parse("log(y) ~ .").columns(NUMERIC) == ("y", "x", "z", "e")


def test_cbind_gives_two_columns():
    assert design("cbind(y, z) ~ x", TABLE)[1].tolist() == [[1, 0], [2, 1], [3, 0], [4, 1]]


def test_labels_pass_as_a_response():
    assert design("region ~ x", TABLE)[1].tolist() == ["n", "s", "n", "w"]


@pytest.mark.parametrize(
    "formula, message",
    [
        ("y", "not of the form"),
        ("y ~ x ~ z", "not of the form"),
        ("y ~ x +", "cannot read 'x \\+'"),
        ("y ~ x z", "cannot read"),
        ("y ~ x; import os", "cannot read '; import os'"),
        ("y ~ x.__class__()", "full formula language"),
        ("y ~ x[0]", "cannot read"),
        ("y ~ 2", "2 is not a term"),
        ("y ~ x**2", r"write I\(x\*\*2\)"),
        ("y ~ x / z", r"write I\(x/z\)"),
        ("y ~ (x + z):e", "cannot be a factor"),
        ("y ~ exposure(x) + exposure(z)", "once"),
        ("y ~ C(region)", r"'C\(region\)' needs the full formula language.*column 'region' is text"),
        ("y ~ bs(x, df=4)", r"not available yet for bs\(\).*'x' is numeric"),
        ("y ~ x + region", "term 'region' needs the full formula language.*column 'region' is text"),
        ("y ~ regin", "column 'regin' is not in the data; did you mean 'region'"),
        ("y ~ gap", "column 'gap' has 2 missing values, the first in row 1"),
        ("y ~ log(z)", r"term 'log\(z\)' is -inf in row 0 \(z = 0\)"),
    ],
)
def test_errors_name_the_part(formula, message):
    with pytest.raises(ValueError, match=message):
        design(formula, TABLE)


def test_nothing_is_evaluated():
    with pytest.raises(FormulaError):
        design("y ~ __import__('os').system('true')", TABLE)
