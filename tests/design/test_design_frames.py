"""Frames of every library make the same design; what cannot be used is refused by name; missing and unseen values."""

import subprocess
import sys

import numpy as np
import pandas as pd
import pytest
from design_frames import frame, matrix

from fastglm.design import Design, Table, check_aligned
from fastglm.errors import InvalidParameterError, MissingDataError

pytest.importorskip("formulaic")
pa = pytest.importorskip("pyarrow")
FORMULA = "y ~ x*z + C(k) + flag + days(d) + C(d):x + w"


class Stream:
    """Something that is known by its Arrow stream alone."""

    def __init__(self, table):
        self.table = table

    def __arrow_c_stream__(self, requested_schema=None):
        return self.table.__arrow_c_stream__(requested_schema)


def polars(df):
    pl = pytest.importorskip("polars")
    return pl.from_pandas(df).with_columns(pl.col("w").cast(pl.Enum(df["w"].cat.categories)))


def duck(df):
    relation = pytest.importorskip("duckdb").from_arrow(pa.Table.from_pandas(df.assign(w=df["w"].astype(str))))
    return relation.project("*, w::ENUM('lo', 'mid', 'hi') AS v").project("* EXCLUDE (w, v), v AS w")


def recast(df, **types):
    pl = pytest.importorskip("polars")
    return polars(df).with_columns(**{name: pl.col(name).cast(type(pl)) for name, type in types.items()})


FRAMES = {
    "pandas": lambda df: df,
    "pandas nullable": lambda df: df.convert_dtypes(),
    "pandas arrow": lambda df: df.drop(columns="w").convert_dtypes(dtype_backend="pyarrow").assign(w=df["w"]),
    "pandas objects": lambda df: df.astype(object).assign(d=df["d"], w=df["w"]),
    "pandas float32 and reversed": lambda df: df.assign(k=df["k"].astype(np.float32))[df.columns[::-1]],
    "pandas without an index of numbers": lambda df: df.set_index(df["z"]),
    "pandas text categories": lambda df: df.assign(z=df["z"].astype("category")),
    "pandas arrow dictionary": lambda df: df.assign(z=df["z"].astype("category").astype(
        pd.ArrowDtype(pa.dictionary(pa.int32(), pa.string())))),
    "polars": polars,
    "polars lazy": lambda df: polars(df).lazy(),
    "polars categorical": lambda df: recast(df, z=lambda pl: pl.Categorical),
    "polars enum": lambda df: recast(df, z=lambda pl: pl.Enum(list("abcd"))),
    "polars decimal and date": lambda df: recast(df, k=lambda pl: pl.Decimal(10, 2), d=lambda pl: pl.Date),
    "polars chunks": lambda df: polars(df[:9]).vstack(polars(df[9:])),
    "pyarrow": pa.Table.from_pandas,
    "pyarrow chunks": lambda df: pa.concat_tables([pa.Table.from_pandas(df[:9]), pa.Table.from_pandas(df[9:])]),
    "pyarrow batch": pa.RecordBatch.from_pandas,
    "duckdb": duck,
    "mapping": lambda df: {name: df[name] if name in "dw" else df[name].to_numpy() for name in df},
    "lists": lambda df: {name: df[name] if name in "dw" else df[name].tolist() for name in df},
}  # fmt: skip


@pytest.mark.parametrize("kind", FRAMES)
def test_every_frame_makes_the_same_design(kind):
    df = frame().sort_values("z").reset_index(drop=True)
    wanted = Design.from_formula(FORMULA, df)
    other = FRAMES[kind](df)
    design = Design.from_formula(FORMULA, other)
    assert design.names == wanted.names and design.levels == wanted.levels
    built = design.build(other)
    np.testing.assert_allclose(matrix(built), matrix(wanted.build(df)), rtol=0, atol=1e-6 if "32" in kind else 0)
    assert np.array_equal(built.y, df["y"])
    np.testing.assert_array_equal(matrix(wanted.build(other)), matrix(built))


@pytest.mark.parametrize("kind", [k for k in FRAMES if k not in ("lists", "pandas float32 and reversed")])
def test_missing_values_are_counted_and_left_out_in_every_frame(kind):
    df = frame()
    for row, name in ((1, "x"), (4, "z"), (4, "y"), (9, "w")):
        df.loc[row, name] = None
    design = Design.from_formula("y ~ x + z + w", FRAMES[kind](df), missing="drop")
    assert design.missing_counts == {"y": 1, "x": 1, "z": 1, "w": 1} and design.n_dropped == 3
    built = design.build(FRAMES[kind](df))
    assert np.flatnonzero(~built.keep).tolist() == [1, 4, 9]
    assert np.array_equal(matrix(built)[:, 1], df["x"][built.keep])
    with pytest.raises(MissingDataError, match=r"'y' has 1 missing value, the first in row 4.*missing='drop'"):
        Design.from_formula("y ~ x + z + w", FRAMES[kind](df))


def test_nullable_integers_and_booleans_with_missing_values():
    df = frame().assign(k=lambda d: d["k"].astype("Int64").mask(d.index == 3))
    df["flag"] = df["flag"].astype("boolean").mask(df.index == 5)
    for other in (df, polars(df), pa.Table.from_pandas(df)):
        with pytest.raises(MissingDataError, match="'k' has 1 missing value, the first in row 3"):
            Design.from_formula("y ~ k", other)
        design = Design.from_formula("y ~ k + C(k) + flag", other, missing="drop")
        built = design.build(other)
        assert np.flatnonzero(~built.keep).tolist() == [3, 5] and built.X.shape == (58, 1)
        assert design.levels == {"C(k)": (0, 1, 2, 3), "flag": (False, True)}


def test_an_arrow_stream_is_read_once():
    df = frame()
    table = Table(Stream(pa.Table.from_pandas(df)))
    design = Design.from_formula(FORMULA, table)
    assert np.array_equal(matrix(design.build(table)), matrix(Design.from_formula(FORMULA, df).build(df)))


def test_dictionaries_that_differ_between_chunks_are_one():
    chunks = [pa.array(v).dictionary_encode() for v in (["b", "a"], ["c", None, "a"])]
    table = Table(pa.table({"z": pa.chunked_array(chunks)}))
    column = table.column("z")
    assert [column.levels[c] if c >= 0 else None for c in column.values] == ["b", "a", "c", None, "a"]
    assert column.missing.tolist() == [False, False, False, True, False]


def test_only_the_columns_of_the_formula_are_read():
    pl = pytest.importorskip("polars")

    def fail(_):
        raise AssertionError("a column that the formula does not name was read")

    lazy = polars(frame()).lazy().with_columns(pl.col("u").map_batches(fail, return_dtype=pl.Float64))
    assert Design.from_formula("y ~ x + z", lazy).build(lazy).X.shape == (60, 1)


def test_numbers_are_not_copied():
    df = frame()
    assert np.shares_memory(Table(df).column("x").values, df["x"].to_numpy())
    x = np.arange(5.0)
    x.flags.writeable = False
    assert np.shares_memory(Table({"x": x}).column("x").values, x)


@pytest.mark.parametrize("lazy", [lambda df: polars(df).lazy(), duck])
def test_an_intercept_alone_needs_the_number_of_rows(lazy):
    design = Design.from_formula("y ~ 1", lazy(frame()))
    built = design.build(lazy(frame(7)), response=False)
    assert matrix(built).tolist() == [[1.0]] * 7 and design.names == ("(Intercept)",)


def test_times_of_a_zone_are_read_as_its_clocks_show_them():
    df = frame().assign(d=lambda v: (v["d"] + pd.Timedelta("23:30:00")).dt.tz_localize("Europe/Brussels"))
    wanted = (df["d"].dt.tz_localize(None) - pd.Timestamp(0)) / pd.Timedelta("1D")
    for other in (df, polars(df), pa.Table.from_pandas(df)):
        np.testing.assert_allclose(Design.from_formula("y ~ days(d)", other).build(other).X[:, 0], wanted, rtol=1e-15)


def test_the_frame_is_not_changed():
    df = frame()
    before = df.copy(deep=True)
    design = Design.from_formula("y ~ poly(x, 2) + scale(u) + center(e)*z + I(k**2)", df)
    design.build(df)
    pd.testing.assert_frame_equal(df, before)


BAD = {
    "two columns of a name": (lambda df: ("y ~ x", pd.concat([df, df[["x"]]], axis=1)), "several columns named 'x'"),
    "two names that read alike": (lambda df: ("y ~ e", df.rename(columns={"x": 1, "u": "1"})), "columns named '1'"),
    "objects of two types": (
        lambda df: ("y ~ o", df.assign(o=pd.Series([1.5, "a"] * 30, dtype=object))),
        r"'o' is of objects: numbers \(row 0\) and text \(row 1\)",
    ),
    "objects of another type": (lambda df: ("y ~ o", df.assign(o=[object()] * 60)), r"objects: object \(row 0\)"),
    "complex numbers": (lambda df: ("y ~ o", df.assign(o=1j)), "'o' holds complex numbers"),
    "lists": (lambda df: ("y ~ o", pa.table({"y": [1.0], "o": [[1]]})), "'o' holds List"),
    "one level": (lambda df: ("y ~ z", df.assign(z="a")), "'z' has one level, 'a'"),
    "one level in a frame": (lambda df: ("y ~ w:z", df.assign(z="a").assign(w="b")), "has one level"),
    "levels that read alike": (lambda df: ("y ~ o", df.assign(o=pd.Categorical(["1", 1] * 30))), "that read '1'"),
    "a date": (lambda df: ("y ~ d", df), r"'d' holds dates.*days\(...\)"),
    "a span of time": (lambda df: ("y ~ d", df.assign(d=df["d"] - df["d"].min())), r"'d' holds spans.*days\(...\)"),
    "a factor of spans": (lambda df: ("y ~ C(d)", df.assign(d=df["d"] - df["d"].min())), "span of time has no levels"),
    "infinity": (lambda df: ("y ~ x", df.assign(x=df["x"].where(df.index != 7, np.inf))), "'x' .* inf at row 7"),
    "whole numbers beyond float64": (lambda df: ("y ~ k", df.assign(k=2**60)), r"'k' holds 1152921504606846976"),
    "no rows": (lambda df: ("y ~ x", df[:0]), "no rows"),
    "nothing complete": (lambda df: ("y ~ x", df.assign(x=np.nan)), "every row has missing values"),
    "no frame": (lambda df: ("y ~ x", df[["x"]].to_numpy()), "must be a data frame.*not ndarray"),
    "lengths": (lambda df: ("y ~ x", {"y": [1, 2], "x": [1, 2, 3]}), "'x' has 3 rows, others 2"),
    "a mistyped column": (lambda df: ("y ~ X + z", df), "column 'X' is not in the data; did you mean 'x'"),
    "a mistyped response": (lambda df: ("Y ~ x", df), "column 'Y' is not in the data; did you mean 'y'"),
    "a mistyped column inside": (lambda df: ("y ~ log(E)", df), r"'E' is not in the data \(term 'log\(E\)'\)"),
    "a mistyped function": (lambda df: ("y ~ lg(x)", df), r"'lg\(x\)': there is no function 'lg'; did you mean log"),
    "R's name of a function": (lambda df: ("y ~ pmin(x, 0)", df), "did you mean minimum"),
    "a function over all rows": (lambda df: ("y ~ I(x - np.mean(x))", df), "np.mean is not computed row by row"),
    "an argument that writes": (lambda df: ("y ~ np.log(e, out=e)", df), "'out' is not offered"),
    "code": (lambda df: ("y ~ I(x.__class__.__mro__)", df), "cannot be read"),
    "a comprehension": (lambda df: ("y ~ I([v for v in x])", df), "ListComp has no place"),
    "a number of a factor": (lambda df: ("y ~ log(z)", df), "'z' is a factor, not a number"),
    "a factor as offset": (lambda df: ("y ~ offset(z)", df), "'z' is a factor where a number is needed"),
    "an offset in a product": (lambda df: ("y ~ x:offset(e)", df), "are terms of one expression"),
    "two exposures": (lambda df: ("y ~ exposure(e) + exposure(u)", df), "given once"),
    "cbind to the right": (lambda df: ("y ~ cbind(x, u)", df), "cbind.* must stand left of ~"),
    "cbind of three": (lambda df: ("cbind(x, u, e) ~ z", df), "cbind takes two"),
    "a sequence as response": (lambda df: ("y:x ~ z", df), "cannot read 'y:x'"),
    "a number as response": (lambda df: ("1 ~ z", df), "'1', which is not a column"),
    "the response as a term": (lambda df: ("y ~ x + y", df), "'y' is also a term"),
    "no tilde": (lambda df: ("x + z", df), "not of the form 'y ~ x1"),
    "two tildes": (lambda df: ("y ~ x ~ z", df), "cannot be read"),
    "an open bracket": (lambda df: ("y ~ (x + z", df), "cannot be read"),
    "a loose plus": (lambda df: ("y ~ x +", df), "cannot be read"),
    "a bar": (lambda df: ("y ~ x | z", df), r"'\|' has no place"),
    "a scale": (lambda df: ("y ~ 2:x", df), r"write I\(...\)"),
    "no text": (lambda df: (3, df), "must be text like 'y ~ x', not int"),
    "an unknown base": (lambda df: ("y ~ C(z, Treatment('q'))", df), "'q'"),
    "unknown contrasts": (lambda df: ("y ~ C(z, Foo)", df), "'Foo' is unknown; known: Treatment, Sum"),
    "contrasts of another size": (lambda df: ("y ~ C(z, [[1, 2]])", df), "has 3 levels, its contrasts are for 1"),
    "a factor inside": (lambda df: ("y ~ I(C(z))", df), "must be a whole factor"),
    "too many combinations": (
        lambda df: ("y ~ a:b", pd.DataFrame({"y": np.ones(1200), **dict.fromkeys("ab", np.arange(1200).astype(str))})),
        "1440000 combinations",
    ),
}  # fmt: skip


@pytest.mark.parametrize("what", BAD)
def test_what_cannot_be_used_is_refused_by_name(what):
    case, message = BAD[what]
    formula, other = case(frame())
    with pytest.raises(InvalidParameterError, match=message):
        Design.from_formula(formula, other, missing="drop")


@pytest.mark.parametrize("option", [{"missing": "ignore"}, {"unseen": "zero"}])
def test_unknown_options_are_refused(option):
    with pytest.raises(InvalidParameterError, match="is unknown; known: 'error'"):
        Design.from_formula("y ~ x", frame(), **option)


def test_new_rows_must_have_the_columns_and_their_kinds():
    df = frame()
    design = Design.from_formula("y ~ x + z + bs(u, df=4)", df)
    with pytest.raises(InvalidParameterError, match="column 'z' is not in the data"):
        design.build(df.drop(columns="z"))
    with pytest.raises(InvalidParameterError, match="column 'z' holds numbers; it held factors"):
        design.build(df.assign(z=1.0))
    with pytest.raises(InvalidParameterError, match=r"term 'bs\(u, df=4\)' cannot be computed.*bounds"):
        design.build(df.assign(u=5.0))
    with pytest.raises(InvalidParameterError, match="column 'y' is not in the data"):
        design.build(df.drop(columns="y"))
    assert design.build(df.drop(columns="y"), response=False).X.shape == (60, 5)


@pytest.mark.parametrize("z", ["z", "C(z, Treatment('b'))"])
def test_levels_that_were_not_seen(z):
    df = frame()
    base = "a" if z == "z" else "b"
    new = df.head(6).assign(z=list("abqaqc"))
    with pytest.raises(InvalidParameterError, match=r"has no level 'q', which is in row 2; its levels are a, b, c"):
        Design.from_formula(f"y ~ x*{z} + w", df).build(new)
    left_out = Design.from_formula(f"y ~ x*{z} + w", df, unseen="missing").build(new)
    assert left_out.keep.tolist() == [True, True, False, True, False, True]
    whole = matrix(Design.from_formula(f"y ~ x*{z} + w", df).build(new.assign(z=new["z"].replace("q", base))))
    np.testing.assert_array_equal(matrix(left_out), whole[left_out.keep])
    baseline = Design.from_formula(f"y ~ x*{z} + w", df, unseen="baseline").build(new)
    np.testing.assert_array_equal(matrix(baseline), whole)
    assert baseline.keep is None


def test_a_level_not_seen_has_no_baseline_among_sums():
    df = frame()
    design = Design.from_formula("y ~ C(z, Sum)", df, unseen="baseline")
    with pytest.raises(InvalidParameterError, match="no baseline level"):
        design.build(df.assign(z="q"))


def test_rows_missing_and_not_seen_keep_their_places():
    df = frame()
    design = Design.from_formula("y ~ poly(x, 2) + z", df, missing="drop", unseen="missing")
    new = df.head(5).assign(z=["a", None, "q", "b", "c"], x=[0.1, 0.2, 0.3, None, 0.5])
    built = design.build(new, response=False)
    assert built.keep.tolist() == [True, False, False, False, True] and built.X.shape == (2, 2)
    nothing = design.build(new[2:4], response=False)
    assert not nothing.keep.any() and nothing.X.shape == (0, 2)


def test_vectors_beside_a_frame_must_have_its_index():
    df = frame(6)
    table = Table(df)
    check_aligned(table, df["x"], "weights")
    check_aligned(table, df["x"].to_numpy(), "weights")
    with pytest.raises(InvalidParameterError, match="weights and the frame are indexed differently: at row 0 5 and 0"):
        check_aligned(table, df["x"][::-1], "weights")
    with pytest.raises(InvalidParameterError, match="weights has 3 rows, the frame has 6"):
        check_aligned(table, df["x"][:3], "weights")


def test_a_frame_without_a_formula_needs_no_formulaic():
    pytest.importorskip("polars")
    code = """
import sys, polars as pl
sys.modules["formulaic"] = None
from fastglm.design import Design
frame = pl.DataFrame({"x": [1.0, 2, 3], "z": ["a", "b", "a"]})
print(*Design.from_frame(frame).names)
try:
    Design.from_formula("x ~ z", frame)
except ImportError as error:
    print(error)
sys.modules["narwhals"] = None
try:
    Design.from_frame(frame)
except ImportError as error:
    print(error)
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=600)
    assert done.stdout.splitlines() == [
        "(Intercept) x z[T.b]",
        "formulas need formulaic: pip install 'fastglm[tables]'",
        "data frames need narwhals and pyarrow: pip install 'fastglm[tables]'",
    ], done.stderr
