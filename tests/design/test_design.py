"""Designs of formulas against formulaic's own dense matrices: names, numbers, blocks of rows, new rows."""

import json
import warnings

import numpy as np
import pandas as pd
import pytest
from design_frames import frame, matrix, r_name
from hypothesis import given, settings
from hypothesis import strategies as st

from fastglm.design import Design, Table, from_dict, layout, model_spec, to_dict
from fastglm.errors import FileFormatError, InvalidParameterError, MissingDataError

formulaic = pytest.importorskip("formulaic")
# what pandas says of formulaic's use of it
pytestmark = pytest.mark.filterwarnings("ignore:Constructing a Categorical with a dtype")

TERMS = """
1
x
0 + x
x + z
z - 1
z + x - 1
x * z
z * w
z : w
z : w - 1
w : x
z / x
z / w
x %in% z
(x + z + w)**2
z:w:C(k)
z*w*C(k) - 1
x:z + x:w
z + z:x
x:u*z
C(k) + x
C(z, Treatment("b")) * C(k, Treatment(2))
C(z, contr.treatment(base="c"))
C(z, contr.SAS)
C(z, Sum) * w
C(z, Sum):C(w, Sum):x
C(w, Helmert) + z
C(k, Poly) * x
C(k, contr.poly(scores=[0, 1, 4, 9]))
C(w, Diff):z
C(z, {"lin": [-1, 0, 1], "quad": [1, -2, 1]}) * x
C(z, [[1, 0], [0, 1], [-1, -1]])
C(z, levels=["c", "a", "b"])
C(z, spans_intercept=False)
C(x > 0)
C(np.floor(3 * u) / 2 - 0.25)
log(e) + I(x**2) + {x + u}
np.sqrt(e):z + np.exp2(u)
`a b` + log(`a b`**2) + `a b`:z + C(k):`a b`
center(x) + scale(u) + standardize(e)
poly(x, 3) * z
z:poly(x, 2):w
poly(x, 2, raw=True)
bs(u, df=5) + w
bs(u, df=5, include_intercept=True)
bs(u, df=5, include_intercept=True) - 1
bs(u, df=5, include_intercept=True) + z - 1
cr(u, df=4):z
cc(u, df=4) + x
""".strip().splitlines()


def expected(terms, df):
    """formulaic's matrix, its names with the intercept's as ours."""
    df = df.assign(w=df["w"].cat.remove_unused_categories())
    wanted = formulaic.model_matrix(terms, df)
    return tuple("(Intercept)" if name == "Intercept" else name for name in wanted.columns), wanted


@pytest.mark.parametrize("terms", TERMS)
def test_names_and_numbers_are_formulaics(terms):
    df = frame()
    names, wanted = expected(terms, df)
    design = Design.from_formula(f"y ~ {terms}", df)
    built = design.build(df)
    assert design.names == names
    np.testing.assert_allclose(matrix(built), wanted.to_numpy(float), rtol=0, atol=1e-12)
    assert built.X.flags.f_contiguous and built.X.dtype == np.float64
    assert np.array_equal(built.y, df["y"]) and built.keep is None


@pytest.mark.parametrize("terms", TERMS)
def test_blocks_of_rows_are_those_of_the_whole(terms):
    df = frame()
    table = Table(df)
    design = Design.from_formula(f"y ~ {terms}", table)
    whole = matrix(design.build(table))
    parts = [matrix(design.build(table, a, a + 13)) for a in range(0, len(df), 13)]
    np.testing.assert_allclose(np.vstack(parts), whole, rtol=1e-15, atol=1e-15)


@pytest.mark.parametrize("terms", TERMS)
def test_new_rows_are_encoded_as_the_first_ones_were(terms):
    df = frame()
    new = df.iloc[[5, 3, 8]].assign(y=np.nan)
    design = Design.from_formula(f"y ~ {terms}", df)
    wanted = expected(terms, df)[1].model_spec.get_model_matrix(new).to_numpy(float)
    np.testing.assert_allclose(matrix(design.build(new, response=False)), wanted, rtol=0, atol=1e-12)


@pytest.mark.parametrize("terms", TERMS)
def test_a_saved_design_builds_the_same(terms):
    df = frame()
    design = Design.from_formula(f"y ~ {terms} + offset(log(e))", df, unseen="missing")
    again = from_dict(json.loads(json.dumps(to_dict(design))))
    assert again.names == design.names and again.levels == design.levels and again.unseen == "missing"
    assert np.array_equal(matrix(again.build(df)), matrix(design.build(df)))


@pytest.mark.parametrize("terms", TERMS)
def test_the_model_spec_makes_the_same_matrix(terms):
    df = frame().assign(w=lambda d: d["w"].cat.remove_unused_categories())
    design = Design.from_formula(f"y ~ {terms}", df)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        wanted = model_spec(design).get_model_matrix(df.iloc[:7])
    np.testing.assert_allclose(matrix(design.build(df, 0, 7)), wanted.to_numpy(float), rtol=0, atol=1e-12)


PIECES = st.sampled_from(["z", "w", "C(k)", "x", "u"])
PRODUCTS = st.lists(PIECES, min_size=1, max_size=3, unique=True).map(":".join)


@settings(max_examples=60, deadline=None)
@given(st.lists(PRODUCTS, min_size=1, max_size=5), st.booleans())
def test_any_terms_are_coded_with_full_rank_as_formulaic_does(products, intercept):
    terms = " + ".join(["1" if intercept else "0", *products])
    df = frame(400)
    names, wanted = expected(terms, df)
    built = Design.from_formula(f"y ~ {terms}", df)
    assert built.names == names
    columns = matrix(built.build(df))
    np.testing.assert_allclose(columns, wanted.to_numpy(float), rtol=0, atol=1e-12)
    assert np.linalg.matrix_rank(columns) == columns.shape[1]


def test_factors_stay_codes():
    df = frame()
    built = Design.from_formula("y ~ x * z * w + C(k)", df).build(df)
    assert built.X.shape == (60, 1)
    assert [(t.shape[1], t.values is None) for t in built.terms] == [
        (3, True), (3, True), (4, True), (3, False), (3, False), (9, True), (9, False)]  # fmt: skip
    assert all(t.codes.dtype == np.int32 for t in built.terms) and built.coding.simple
    assert Design.from_formula("y ~ x + log(e)", df).build(df).coding is None


def test_the_factor_with_the_most_levels_goes_last_where_there_are_many(monkeypatch):
    df = frame()
    short = Design.from_formula("y ~ z * w + x", df)
    monkeypatch.setattr(layout, "HIGH_CARDINALITY", 5)
    long = Design.from_formula("y ~ z * w + x", df)
    assert long.layout.coding.high_cardinality == 9 and len(long.layout.coding.kept) == 4
    assert long.names[-4:] == ("z[T.b]:w[T.mid]", "z[T.c]:w[T.mid]", "z[T.b]:w[T.hi]", "z[T.c]:w[T.hi]")
    order = [short.names.index(name) for name in long.names]
    assert np.array_equal(matrix(long.build(df)), matrix(short.build(df))[:, order])
    for term, numbers in long.term_slices.items():
        assert {long.names[j] for j in numbers} == {short.names[j] for j in short.term_slices[term]}


def test_terms_know_their_coefficients_and_factors_their_levels():
    design = Design.from_formula("y ~ x * z + poly(u, 2) + C(k, Sum)", frame())
    assert design.term_names == ("(Intercept)", "x", "z", "poly(u, 2)", "C(k, Sum)", "x:z")
    assert [len(v) for v in design.term_slices.values()] == [1, 1, 2, 2, 3, 2]
    assert np.array_equal(np.concatenate(list(design.term_slices.values())), np.arange(11))
    assert design.levels == {"z": ("a", "b", "c"), "C(k, Sum)": (0, 1, 2, 3)}
    assert design.columns == ("x", "z", "u", "k")
    assert Design.from_formula("y ~ w", frame()).unused == {"w": ("none",)}


def test_names_map_to_those_of_r():
    design = Design.from_formula("y ~ z * x + w + flag + factor(k) + C(w, Poly)", frame())
    # colnames(model.matrix(y ~ z * x + w + flag + factor(k))), and contr.poly's
    assert [r_name(name) for name in design.names] == [
        "(Intercept)", "zb", "zc", "x", "wmid", "whi", "flagTRUE", "factor(k)1", "factor(k)2", "factor(k)3",
        "C(w, Poly).L", "C(w, Poly).Q", "zb:x", "zc:x"]  # fmt: skip


def test_a_caret_is_a_power():
    df = frame()
    design = Design.from_formula("y ~ I(k^2) + I((x - 1)^2 * 3) + (x + z)^2", df)
    assert design.names == ("(Intercept)", "I(k ** 2)", "I((x - 1) ** 2 * 3)", "x", "z[T.b]", "z[T.c]",
                            "x:z[T.b]", "x:z[T.c]")  # fmt: skip
    np.testing.assert_array_equal(matrix(design.build(df))[:, 1], df["k"] ** 2)


def test_whole_numbers_do_not_overflow_in_expressions():
    df = pd.DataFrame({"y": [1.0, 2, 3], "i": np.array([100, 120, 127], np.int8), "j": np.array([1, 2, 3], np.uint8)})
    built = Design.from_formula("y ~ I(i**2) + I(j - i)", df).build(df)
    np.testing.assert_array_equal(built.X, [[10000, -99], [14400, -118], [16129, -124]])


def test_whole_numbers_name_levels_alike_whatever_their_type():
    df = frame()
    for k in (df["k"], df["k"].astype(float), df["k"].astype("Int16"), df["k"].astype(np.uint8)):
        design = Design.from_formula("y ~ factor(k)", df.assign(k=k))
        assert design.names[1:] == ("factor(k)[T.1]", "factor(k)[T.2]", "factor(k)[T.3]")
        assert np.array_equal(matrix(design.build(df))[:, 3], df["k"] == 3)
    huge = df.assign(k=df["k"] + 2**60)
    assert Design.from_formula("y ~ C(k)", huge).levels == {"C(k)": tuple(2**60 + i for i in range(4))}


def test_booleans_and_comparisons_are_factors():
    df = frame()
    design = Design.from_formula('y ~ flag + I(x > 0) + I(z == "b"):x + where(z == "a", x, 0)', df)
    assert design.names == ("(Intercept)", "flag[T.True]", "I(x > 0)[T.True]", "where(z == 'a', x, 0)",
                            "I(z == 'b')[False]:x", "I(z == 'b')[True]:x")  # fmt: skip
    M = matrix(design.build(df))
    np.testing.assert_array_equal(M[:, 1], df["flag"])
    np.testing.assert_array_equal(M[:, 3], np.where(df["z"] == "a", df["x"], 0))
    np.testing.assert_array_equal(M[:, 5], np.where(df["z"] == "b", df["x"], 0))


def test_dates_are_days_or_levels():
    df = frame()
    design = Design.from_formula("y ~ days(d) + C(d)", df)
    assert design.names[1:] == ("days(d)", "C(d)[T.2020-01-02]", "C(d)[T.2020-01-03]", "C(d)[T.2020-01-04]")
    np.testing.assert_array_equal(design.build(df).X[:, 0], (df["d"] - pd.Timestamp(0)).dt.days)


def test_times_of_day_are_levels_that_do_not_depend_on_the_block():
    df = frame().assign(d=lambda v: v["d"].where(v.index != 59, pd.Timestamp("2020-01-02 06:30")))
    table = Table(df)
    design = Design.from_formula("y ~ C(d)", table)
    assert design.levels["C(d)"][1:3] == ("2020-01-02", "2020-01-02T06:30:00")
    halves = [matrix(design.build(table, a, a + 30)) for a in (0, 30)]
    assert np.array_equal(np.vstack(halves), matrix(design.build(table)))


def test_offset_exposure_and_the_dot():
    df = frame()[["y", "x", "e", "u", "z", "k"]]
    design = Design.from_formula("y ~ . - k + offset(log(e)) + offset(2 * u) + exposure(e)", df)
    built = design.build(df)
    assert design.names == ("(Intercept)", "x", "z[T.b]", "z[T.c]") and design.columns == ("e", "u", "x", "z")
    np.testing.assert_allclose(built.offset, np.log(df["e"]) + 2 * df["u"], rtol=1e-15)
    np.testing.assert_array_equal(built.exposure, df["e"])
    again = from_dict(json.loads(json.dumps(to_dict(design)))).build(df)
    np.testing.assert_array_equal(again.offset, built.offset)
    with pytest.raises(InvalidParameterError, match="column 'e' is not in the data"):
        design.build(df.drop(columns="e"), response=False)


def test_responses():
    df = frame()
    assert np.array_equal(Design.from_formula("log(e) ~ x", df).build(df).y, np.log(df["e"]))
    counts = Design.from_formula("cbind(k, 4 - k) ~ x", df).build(df)
    assert np.array_equal(counts.y, np.column_stack([df["k"], 4 - df["k"]]))
    assert list(Design.from_formula("w ~ x", df).build(df).y) == list(df["w"])
    assert list(Design.from_formula("factor(k) ~ x", df).build(df).y) == list(df["k"])
    assert np.array_equal(Design.from_formula("flag ~ x", df).build(df).y, df["flag"])
    assert Design.from_formula("y ~ x", df).build(df, response=False).y is None


def test_a_frame_without_a_formula():
    df = frame()[["x", "z", "flag", "w", "k"]]
    design = Design.from_frame(df)
    assert design.names == ("(Intercept)", "x", "z[T.b]", "z[T.c]", "flag", "w[T.mid]", "w[T.hi]", "k")
    wanted = expected("x + z + flag + w + k", df)[1].to_numpy(float)
    np.testing.assert_array_equal(matrix(design.build(df)), wanted)
    bare = Design.from_frame(df, intercept=False)
    assert bare.names[:4] == ("x", "z[a]", "z[b]", "z[c]")
    again = from_dict(json.loads(json.dumps(to_dict(design))))
    np.testing.assert_array_equal(matrix(again.build(df)), wanted)


def test_transforms_learn_from_complete_rows_only():
    df = frame()
    df.loc[[2, 7], "z"] = None
    design = Design.from_formula("y ~ center(x) + z", df, missing="drop")
    x = df["x"].drop(index=[2, 7])
    np.testing.assert_allclose(design.build(df).X[:, 0], x - x.mean(), atol=1e-15)
    assert design.missing_counts == {"z": 2} and design.n_dropped == 2 and design.n_rows == 60


@pytest.mark.parametrize(
    "damage",
    [{"version": 99}, {"columns": None}, {"variables": {}}, {"terms": [["q"]]}, {"rows": 3}],
)
def test_a_damaged_record_is_refused(damage):
    saved = to_dict(Design.from_formula("y ~ poly(x, 2) + z", frame()))
    with pytest.raises(FileFormatError):
        from_dict({**saved, **damage})


def test_a_record_cannot_run_code():
    saved = to_dict(Design.from_formula("y ~ poly(x, 2)", frame()))
    text = "__import__('os').getcwd()"
    learned = {"fields": None, "spans": False, "drop": None}
    with pytest.raises(InvalidParameterError, match="has no place|no function|cannot be read"):
        from_dict({**saved, "terms": [[], [text]], "variables": {text: learned}})
    with pytest.raises(InvalidParameterError, match="has no place|no function|cannot be read"):
        from_dict({**saved, "formula": f"y ~ offset({text})"})


def test_a_term_that_is_not_finite_is_named_with_its_row():
    df = frame().assign(e=lambda d: d["e"].where(d.index != 4, 0.0))
    with pytest.raises(MissingDataError, match=r"'log\(e\)' is -inf in row 4 \(e = 0.0\)"):
        Design.from_formula("y ~ log(e)", df)
    with pytest.raises(MissingDataError, match=r"'log\(e\)' is -inf in row 4 \(e = 0.0\)"):
        Design.from_formula("y ~ x + offset(log(e))", df).build(df)


def test_one_formula_means_the_columns_of_each_frame():
    first = pd.DataFrame({"y": [1.0, 2.0, 4.0], "a": [0.0, 1.0, 3.0]})
    second = first.assign(b=[2.0, 0.0, 5.0])
    for table, names in ((first, ("a",)), (second, ("a", "b")), (second[["b", "y"]], ("b",)), (first, ("a",))):
        assert Design.from_formula("y ~ .", table).names == ("(Intercept)", *names)
    with pytest.raises(InvalidParameterError, match="'b'"):
        Design.from_formula("y ~ a + b", first)
    assert Design.from_formula("y ~ a + b", second).names == ("(Intercept)", "a", "b")
