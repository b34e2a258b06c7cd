"""Functions of formulas: a row gives the same columns whatever rows are beside it, and nothing is without a bound."""

import numpy as np
import pytest

import fastglm
from fastglm.design import Design
from fastglm.errors import InvalidParameterError

pd = pytest.importorskip("pandas")
pa = pytest.importorskip("pyarrow")
pytest.importorskip("formulaic")

from design_frames import matrix  # noqa: E402

from fastglm.design.functions import BY_NUMPY, DECLARED, MOST_FIELDS, STATEFUL, Function  # noqa: E402

N = 240
ARGUMENTS = {**dict.fromkeys(("cr", "cs", "cc", "ns"), "x, df=4"), "bs": "x, df=5", "poly": "x, 3", "isin": "k, [1, 3]"}


def table(n=N):
    rng = np.random.default_rng(3)
    return pd.DataFrame({
        "y": rng.normal(size=n), "x": rng.uniform(0.1, 3.0, n), "z": rng.uniform(0.1, 2.0, n),
        "k": rng.integers(0, 5, n), "d": pd.Timestamp("2020-01-01") + pd.to_timedelta(rng.integers(0, 90, n), unit="D"),
    })  # fmt: skip


def call(name):
    """A call of a function that is declared, with columns wherever it takes them, finite everywhere."""
    declared: Function = DECLARED[name]
    if name == "days":
        return "days(d)"
    text = f"{name}({ARGUMENTS.get(name, ', '.join('xzz'[: declared.columns]))})"
    return text if declared.learns else f"where(isfinite({text}), {text}, 0)"


@pytest.mark.parametrize("name", DECLARED)
def test_a_row_gives_the_same_columns_whatever_rows_are_beside_it(name):
    frame = table()
    design = Design.from_formula(f"y ~ 0 + {call(name)}", frame)
    whole = matrix(design.build(frame))
    halves = [matrix(design.build(part)) for part in (frame[: N // 2], frame[N // 2 :])]
    np.testing.assert_array_equal(np.concatenate(halves), whole)
    order = np.random.default_rng(0).permutation(N)
    np.testing.assert_array_equal(matrix(design.build(frame.iloc[order])), whole[order])
    learned = matrix(Design.from_formula(f"y ~ 0 + {call(name)}", frame.iloc[order]).build(frame.iloc[order]))
    tolerance = 1e-9 if name in STATEFUL else 0.0  # sums over rows in another order
    np.testing.assert_allclose(learned, whole[order], rtol=tolerance, atol=tolerance)


def test_functions_of_numpy_are_those_of_numpy():
    frame = table()
    built = Design.from_formula("y ~ 0 + np.hypot(x, z) + hypot(z, x) + np.log1p(x)", frame).build(frame)
    wanted = np.column_stack([np.hypot(frame.x, frame.z), np.hypot(frame.z, frame.x), np.log1p(frame.x)])
    np.testing.assert_array_equal(built.X, wanted)


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("names", [list(DECLARED)[i::6] for i in range(6)])
def test_files_and_frames_give_the_same_fit(tmp_path, names):
    import pyarrow.parquet as pq

    frame = table()
    pq.write_table(pa.Table.from_pandas(frame), tmp_path / "d.parquet", row_group_size=50)
    formula = "y ~ " + " + ".join(call(name) for name in names)
    memory, files = fastglm.glm(formula, frame), fastglm.glm(formula, str(tmp_path / "d.parquet"), memory=0)
    assert memory.names == files.names
    np.testing.assert_allclose(files.predict(frame), memory.predict(frame), rtol=1e-6, atol=1e-8)
    np.testing.assert_allclose(memory.predict(frame.head(3)), memory.predict(frame)[:3], rtol=1e-8, atol=1e-10)


NOT_OF_A_ROW = {
    "a vector product": ("np.vecdot(z, z)", "np.vecdot is not computed row by row"),
    "a matrix product": ("I(x / np.matmul(z, z))", "np.matmul is not computed row by row"),
    "its operator": ("I(x / (z @ z))", "MatMult has no place"),
    "membership in a column": ("isin(x, z)", "'z' must be a constant"),
    "membership by an operator": ("I(x * (1 in z))", "In has no place"),
    "a mean": ("I(x - np.mean(x))", "np.mean is not computed row by row"),
    "a reduction": ("np.add.reduce(x)", "cannot be read"),
    "numbers by their place": ("hypot(x, [1, 2])", "a list of numbers is not a column"),
    "a second argument to write to": ("log(x, z)", "log takes 1 argument, not 2"),
    "knots by row": ("bs(x, knots=z)", "'z' must be a constant"),
    "a state of its own": ("scale(x, _state={})", "'_state' is not offered"),
    "a chain": ("I(0 < x < 1)", r"\(0 < x\) & \(x < 1\)"),
}


@pytest.mark.parametrize("what", NOT_OF_A_ROW)
def test_what_is_not_of_one_row_is_refused(what):
    term, message = NOT_OF_A_ROW[what]
    with pytest.raises(InvalidParameterError, match=message):
        Design.from_formula(f"y ~ {term}", table(3))


def test_no_function_of_numpy_that_reduces_or_has_a_signature_is_declared():
    for name in BY_NUMPY:
        f = getattr(np, name)
        assert not isinstance(f, np.ufunc) or (f.signature is None and f.nout == 1)


LARGE = {
    "a number": ("I(x + 9**9**9)", "not a number that float64 can hold"),
    "a product": ("I(x + 10.0**300 * 10.0**300)", "not a number that float64 can hold"),
    "text": ("I(x + 'a' * 10**9)", "must be a constant"),
    "a number as contrasts": ("C(k, 9**9**9)", "not a number that float64 can hold"),
    "a list as contrasts": ("C(k, [[1]] * 10**10)", "must be a constant"),
    "a polynomial": ("poly(x, 1000000)", f"degree=1e\\+06.*more than {MOST_FIELDS}"),
    "a polynomial by name": ("poly(x, degree=10**6)", f"more than {MOST_FIELDS}"),
    "a spline": ("bs(x, df=1000000)", f"df=1e\\+06.*more than {MOST_FIELDS}"),
    "a degree": ("bs(x, df=5, degree=10**9)", f"more than {MOST_FIELDS}"),
    "a natural spline": ("cr(x, 1000000)", f"more than {MOST_FIELDS}"),
    "products of terms": ("*".join(f"I(x + {i})" for i in range(40)), "products of terms"),
    "nested powers": ("(" * 9 + "(x + z + k + d + y)" + "**9)" * 9, "is also a term|levels|holds dates"),
    "brackets": ("I(" + "(" * 5000 + "x" + ")" * 5000 + ")", "cannot be read|cannot read|nested|too many"),
    "signs": ("I(" + "-" * 50_000 + "x)", "cannot be read|cannot read|nested|too many"),
}


@pytest.mark.parametrize("what", LARGE)
def test_what_asks_for_too_much_is_refused_before_it_is_computed(what):
    term, message = LARGE[what]
    with pytest.raises(InvalidParameterError, match=message):
        Design.from_formula(f"y ~ {term}", table())


def test_a_power_of_terms_ends_where_no_new_product_comes():
    frame = table()
    many, few = (Design.from_formula(f"y ~ (x + z + k)**{n}", frame).names for n in (99_999, 3))
    assert many == few and "x:z:k" in few
    with pytest.raises(InvalidParameterError, match="exponent"):
        Design.from_formula("y ~ (x + z)**k", frame)
