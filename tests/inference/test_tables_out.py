"""Tables for people: summaries grouped by terms, tidy frames of the user's own kind, and models side by side."""

import re
import sys
import xml.etree.ElementTree as xml
from dataclasses import replace
from functools import cache

import numpy as np
import pandas as pd
import pytest
from design_frames import frame
from hypothesis import given
from hypothesis import strategies as st

import fastglm
from fastglm.design import Design, from_dict, to_dict
from fastglm.design.groups import groups
from fastglm.errors import InvalidParameterError
from fastglm.inference.etable import FORMATS, LATEX, STATS, etable
from fastglm.inference.summary import MOST_LEVELS, format_number
from fastglm.inference.wald import wald

pytest.importorskip("formulaic")
pytest.importorskip("narwhals")
LONG = MOST_LEVELS + 9


def table(n=300, seed=0):
    """The shared frame with counts, classes, and a factor of many levels."""
    rng = np.random.default_rng(seed)
    return frame(n, seed).assign(
        count=rng.poisson(3.0, n),
        food=rng.permutation(np.resize(["fish", "insects", "other"], n)),
        many=[f"m{i % LONG:02d}" for i in rng.permutation(n)],
    )


def fitted(formula="count ~ x*z + C(k, Sum) + w + flag + e", family="poisson", **options):
    return fastglm.glm(formula, table(), family=family, **options)


def grouped(formula):
    """Term -> (levels, references) of a formula's groups."""
    return {g.term: (g.levels, dict(g.references)) for g in groups(Design.from_formula(formula, table()))}


# The coefficients by terms


@pytest.mark.parametrize("formula, term, levels, references", [
    ("y ~ x", "(Intercept)", (None,), {}),
    ("y ~ x", "x", (None,), {}),
    ("y ~ z", "z", ("b", "c"), {"z": "a"}),
    ("y ~ z - 1", "z", ("a", "b", "c"), {}),
    ("y ~ flag", "flag", ("True",), {"flag": "False"}),
    ("y ~ C(z, Treatment('b'))", "C(z, Treatment('b'))", ("a", "c"), {"C(z, Treatment('b'))": "b"}),
    ("y ~ C(k, Sum)", "C(k, Sum)", ("S.0", "S.1", "S.2"), {}),
    ("y ~ x:z + x + z", "x:z", ("b", "c"), {"z": "a"}),
    ("y ~ z*w", "z:w", ("b, mid", "c, mid", "b, hi", "c, hi"), {"z": "a", "w": "lo"}),
    ("y ~ z:flag - 1", "z:flag", ("a, False", "b, False", "c, False", "a, True", "b, True", "c, True"), {}),
    ("y ~ z + z:w - 1", "z:w", ("a, mid", "b, mid", "c, mid", "a, hi", "b, hi", "c, hi"), {"w": "lo"}),
    ("y ~ z:w", "z:w", ("w[T.mid]", "w[T.hi]", "b, lo", "c, lo", "b, mid", "c, mid", "b, hi", "c, hi"), {"z": "a"}),
    ("y ~ x:e", "x:e", (None,), {}),
    ("y ~ bs(u, df=4)", "bs(u, df=4)", ("1", "2", "3", "4"), {}),
    ("y ~ `a b`", "a b", (None,), {}),
])  # fmt: skip
def test_groups_name_levels_and_what_they_are_against(formula, term, levels, references):
    assert grouped(formula)[term] == (levels, references)


@pytest.mark.parametrize("formula", ["y ~ x*z*w + bs(u, df=4)", "y ~ z:w + many - 1", "y ~ C(k, Poly) + C(d):x"])
def test_every_coefficient_is_in_one_group(formula):
    design = Design.from_formula(formula, table())
    numbers = np.concatenate([g.numbers for g in groups(design)])
    assert sorted(numbers) == list(range(len(design.names)))
    assert all(len(g.levels) == len(g.numbers) == len(set(g.levels)) for g in groups(design))


# Summaries


def test_summary_groups_levels_under_their_term_with_the_numbers_of_the_fit():
    r = fitted()
    lines = str(r.summary()).splitlines()
    headings = ["z, against a", "C(k, Sum)", "w, against lo", "flag, against False", "x:z, against z = a"]
    places = [lines.index(h) for h in headings]
    assert places == sorted(places)
    shown = {name: [format_number(v) for v in row] for name, *row in zip(r.names, r.params, r.bse, strict=True)}
    assert [line.split()[:3] for line in lines[places[0] + 1 : places[0] + 3]] == [
        ["b", *shown["z[T.b]"]],
        ["c", *shown["z[T.c]"]],
    ]
    assert lines[places[0] + 1].startswith("  b ") and lines[places[-1] + 1].split()[1:3] == shown["x:z[T.b]"]
    assert next(line for line in lines if line.startswith("(Intercept)")).split()[1:3] == shown["(Intercept)"]
    assert all(len(line) <= 80 for line in lines)


def test_summary_prints_every_number_of_the_ungrouped_one():
    r = fitted()
    numbers = re.compile(r"-?\d+\.\d\S*")
    plain = replace(r, schema=replace(r.schema, design=None))
    body, flat = (str(m.summary()).split("coef", 1)[1].splitlines()[2:] for m in (r, plain))
    rows = [sorted(tuple(numbers.findall(line)) for line in lines if len(numbers.findall(line)) > 2)
            for lines in (body, flat)]  # fmt: skip
    assert rows[0] == rows[1] and len(rows[0]) == len(r.names)


def test_summary_html_has_the_groups():
    r = fitted("count ~ z + x + many")
    tree = xml.fromstring(r.summary().as_html())
    body = tree.findall("table")[1]
    rows = [["".join(cell.itertext()) for cell in row] for row in body.iter("tr")]
    at = rows.index(["z, against a"])
    assert [row[0] for row in rows[at + 1 : at + 3]] == ["b", "c"] and rows[at + 1][1] == format_number(r.params[1])
    assert [th.get("class") for th in body.iter("th")].count("level") == 2
    spans = {int(th.get("colspan")) for th in body.iter("th") if th.get("colspan")}
    assert spans == {len(rows[0])}
    assert "see tidy()" in "".join(rows[-1])


def test_names_from_the_data_are_escaped():
    data = table().assign(z=lambda t: "<i>" + t["z"])
    html = fastglm.glm("count ~ z", data, family="poisson").summary().as_html()
    assert "<i>" not in html and "against &lt;i&gt;a" in html


def test_a_term_of_many_levels_is_one_line_with_its_joint_test():
    r = fitted("count ~ x + many")
    (line,) = [line for line in str(r.summary()).splitlines() if "many" in line]
    at = r.design.term_slices["many"]
    b, C = r.params[at], r.cov_params()[np.ix_(at, at)]
    assert float(re.search(r"chi2 (\S+) on", line)[1]) == pytest.approx(b @ np.linalg.solve(C, b), abs=0.005)
    assert f"{LONG - 1} coefficients" in line and f"on {LONG - 1} df" in line and "see tidy()" in line
    assert f"p {wald(b, C).p_value:.4f}" in line and len(line) <= 80
    assert len(r.tidy()) == len(r.names)
    bare = str(fitted("count ~ x + many", cov=None).summary())
    assert f"many: {LONG - 1} coefficients; tidy() lists them" in bare and "chi2 " not in bare.split("coef\n")[1]


@pytest.mark.parametrize("levels", [2, LONG])
def test_long_names_lose_their_middle_in_text_alone(levels):
    name = "a_" + "long_" * 20 + "name"
    data = table().assign(**{name: lambda t: np.resize([f"m{i:02d}" for i in range(levels)], len(t))})
    summary = fastglm.glm(f"count ~ {name}", data, family="poisson").summary()
    lines = str(summary).splitlines()
    heading = next(line for line in lines if line.startswith("a_long"))
    assert len(heading) == 80 and "\u2026" in heading and name in summary.as_html()
    assert heading.endswith(", against m00" if levels == 2 else "; see tidy()")


def test_softmax_summaries_are_grouped_for_each_class():
    r = fastglm.glm("food ~ z + many", table(900), family="multinomial")
    text = str(r.summary())
    tables = text.split("\ny = ")[1:]
    at, p = r.design.term_slices["many"], len(r.names)
    for k, part in enumerate(tables):
        lines = part.splitlines()
        first = lines.index("z, against a")
        assert lines[first + 1].split()[:2] == ["b", format_number(r.params[r.names.index("z[T.b]"), k])]
        numbers = k * p + at
        test = wald(r.params[at, k], r.cov_params()[np.ix_(numbers, numbers)])
        assert f"chi2 {test.statistic:.2f} on {test.df} df" in part
    assert len(tables) == 2


def test_aliased_levels_say_so():
    with pytest.warns(UserWarning):
        r = fastglm.glm("count ~ z + z2", table().assign(z2=lambda t: t["z"].str.upper()), family="poisson")
    lines = str(r.summary()).splitlines()
    first = lines.index("z2, against A")
    assert [line.split() for line in lines[first + 1 : first + 3]] == [["B", "aliased"], ["C", "aliased"]]


# Tidy frames


def pyarrow(df):
    return pytest.importorskip("pyarrow").Table.from_pandas(df)


LIBRARIES = {
    "pandas": (lambda df: df, "pandas.DataFrame"),
    "polars": (lambda df: pytest.importorskip("polars").from_pandas(df), "polars.DataFrame"),
    "polars lazy": (lambda df: pytest.importorskip("polars").from_pandas(df).lazy(), "polars.DataFrame"),
    "pyarrow": (pyarrow, "pyarrow.Table"),
    "mapping": (lambda df: {name: df[name].to_numpy() for name in df}, "pandas.DataFrame"),
}


def kind(tidy):
    return f"{type(tidy).__module__.split('.')[0]}.{type(tidy).__name__}"


@pytest.mark.parametrize("library", LIBRARIES)
@pytest.mark.parametrize("formula, family", [("count ~ x*z", "poisson"), ("food ~ x*z", "multinomial")])
def test_tidy_is_a_frame_of_the_users_own_library(library, formula, family, tmp_path):
    make, expected = LIBRARIES[library]
    data = table()[["count", "food", "x", "z"]]
    r = fastglm.glm(formula, make(data), family=family)
    tidy = r.tidy()
    assert kind(tidy) == expected
    flat = replace(r, schema=None).tidy()  # as without a formula
    columns = getattr(tidy, "column_names", None) or list(tidy.columns)
    assert columns == [*flat.columns, "variable", "level"]
    times = r.params.size // len(r.names)
    terms, levels = (tidy[c].to_pylist() if library == "pyarrow" else list(tidy[c]) for c in ("term", "level"))
    assert terms == list(flat["term"])
    assert [None if pd.isna(level) else level for level in levels] == [None, None, "b", "c", "b", "c"] * times
    np.testing.assert_array_equal(np.asarray(tidy["estimate"]), r.params.ravel(order="F"))
    r.save(tmp_path / "model.json")
    assert kind(fastglm.load(tmp_path / "model.json").tidy()) == expected


def test_designs_saved_without_a_library_are_read():
    design = Design.from_formula("y ~ z", pytest.importorskip("polars").from_pandas(table()[["y", "z"]]))
    saved = to_dict(design)
    assert from_dict(saved).library == "polars"
    del saved["library"]
    assert from_dict(saved).library == "pandas"


def test_tidy_falls_back_where_the_library_is_gone(monkeypatch):
    r = fastglm.glm("y ~ z", pytest.importorskip("polars").from_pandas(table()[["y", "z"]]))
    monkeypatch.setitem(sys.modules, "polars", None)
    assert kind(r.tidy()) == "pandas.DataFrame"


# Models side by side


def models():
    return [
        fitted("count ~ x"),
        fitted("count ~ z + x", offset="e", cov="robust"),
        fitted("y ~ x + z", family="gaussian"),
        fitted("food ~ x", family="multinomial"),
    ]


def cells(text, format):
    """A table as rows of cells, read back from its format."""
    if format == "html":
        return [["".join(cell.itertext()) for cell in row] for row in xml.fromstring(text).iter("tr")]
    if format == "markdown":
        lines = [line for line in text.splitlines() if line.startswith("|") and not line.startswith("|:")]
        rows = [re.split(r"(?<!\\)\|", line)[1:-1] for line in lines]
        return [[re.sub(r"\\(.)", r"\1", cell.strip()) for cell in row] for row in rows]
    rows = [line[:-3].split(" & ") for line in text.splitlines() if line.endswith(r"\\") and "multicolumn" not in line]
    plain = [[cell.strip().removeprefix("& ") for cell in row] for row in rows]
    back = {command: c for c, command in LATEX.items() if c != "\n"}
    pattern = re.compile("|".join(map(re.escape, sorted(back, key=len, reverse=True))))
    unstarred = [[re.sub(r"\$\^\{(\**)\}\$", r"\1", cell.replace("$-$", "-")) for cell in row] for row in plain]
    return [[pattern.sub(lambda m: back[m[0]], cell) for cell in row] for row in unstarred]


@pytest.mark.parametrize("format", ["html", "markdown", "latex"])
@pytest.mark.parametrize("stars", [False, True])
def test_etable_has_every_number_in_its_place(format, stars):
    several = models()
    one, two, three, four = several
    rows = cells(etable(several, format=format, stars=stars), format)
    head, rows = rows[0], rows[1:]
    assert head[-5:] == ["(1)", "(2)", "(3)", "(4) insects", "(4) other"]
    assert [row[0] for row in rows[:8]] == ["(Intercept)", "", "x", "", "z[T.b]", "", "z[T.c]", ""]

    def shown(b, p):
        return format_number(b) + stars * sum(p < limit for limit in (0.05, 0.01, 0.001)) * "*"

    at = two.names.index("x")
    assert rows[2][1:3] == [shown(one.params[1], one.pvalues[1]), shown(two.params[at], two.pvalues[at])]
    assert rows[3][4:] == [f"({format_number(se)})" for se in four.bse[1]]
    assert rows[2][4:] == [shown(*pair) for pair in zip(four.params[1], four.pvalues[1], strict=True)]
    at = three.names.index("z[T.c]")
    assert rows[6][1:] == ["", shown(two.params[two.names.index("z[T.c]")], two.pvalues[two.names.index("z[T.c]")]),
                           shown(three.params[at], three.pvalues[at]), "", ""]  # fmt: skip
    foot = {row[0]: row[1:] for row in rows[8:]}
    assert foot["Observations"] == ["300"] * 4 + [""]
    assert foot["AIC"][:4] == [format_number(m.aic, 7) for m in several]
    assert foot["Dispersion"] == ["1 (known)", "1 (known)", format_number(three.scale, 7), "1 (known)", ""]
    assert foot["Covariance"] == ["model", "robust", "model", "model", ""]
    assert foot["Family"] == ["poisson", "poisson", "gaussian", "multinomial", ""]
    assert foot["Link"] == ["log", "log", "identity", "softmax", ""]
    assert foot["Offset"] == ["", "offset", "", "", ""] and foot["Reference class"] == ["", "", "", "fish", ""]


def test_etable_in_text_lines_up():
    several = models()
    lines = str(etable(several)).splitlines()
    width = len(lines[0])
    assert all(len(line) <= width for line in lines) and lines[0] == "=" * width == lines[-2]
    x = next(i for i, line in enumerate(lines) if line.startswith("x "))
    # a number's last digit stands over that of its standard error
    assert [m.end() for m in re.finditer(r"\S+", lines[x])][1:] == [
        m.end() - 1 for m in re.finditer(r"\S+", lines[x + 1])
    ]
    assert lines[-1] == "Standard errors in parentheses."
    assert repr(etable(several)) == str(etable(several)) and isinstance(etable(several), str)
    assert etable(several)._repr_html_() == etable(several, format="html")
    assert "*** p < 0.001" in etable(several, stars=True)


def test_etable_without_covariance_and_with_aliased_columns():
    bare = fitted("count ~ x", cov=None)
    assert "parentheses" not in etable([bare]) and "none" in etable([bare], stats=["cov"])
    assert [line.split()[0] for line in etable([bare], stats=()).splitlines()[3:5]] == ["(Intercept)", "x"]
    with pytest.warns(UserWarning):
        twice = fastglm.glm("count ~ x + x2", table().assign(x2=lambda t: 2 * t["x"]), family="poisson")
    line = next(line for line in etable([twice, bare]).splitlines() if line.startswith("x2"))
    assert line.split() == ["x2", "aliased"] and "nan" not in etable([twice, bare])


def test_etable_of_a_quasi_likelihood_leaves_likelihoods_blank():
    text = etable([fitted("count ~ x", family="quasipoisson")])
    assert "AIC" not in text and "Log-likelihood" not in text and "Deviance" in text


def test_repeated_names_are_rows_of_their_own():
    X, y = table()[["x", "e"]].to_numpy(), table()["count"].to_numpy()
    r = fastglm.fit(X, y, family="poisson")
    rows = cells(etable([replace(r, names=("(Intercept)", "v", "v"))], format="html"), "html")
    assert [row[1] for row in rows if row[0] == "v"] == [format_number(b) for b in r.params[1:]]


@given(st.text(st.sampled_from("ab<>&|\\_*[]{}~^$%#`\"' 1-."), min_size=1).map(str.strip).filter(bool))
def test_names_survive_each_format(name):
    r = plain(name)
    for format in ("html", "markdown", "latex"):
        if format == "latex" and " & " in name:
            continue
        assert " ".join(cells(etable([r], format=format), format)[3][0].split()) == " ".join(name.split())


simple = cache(lambda: fitted("count ~ x"))


def plain(name):
    """One fit, its column called anything."""
    return replace(simple(), names=("(Intercept)", name), schema=None)


@pytest.mark.parametrize("options, match", [
    ({"models": []}, "one or more"),
    ({"models": plain("x")}, "such as"),
    ({"models": [plain("x"), 3]}, r"models\[1\] is of type int"),
    ({"names": ["a", "b"]}, "sequence of 1"),
    ({"names": "a"}, "names='a'"),
    ({"stats": ["aic", "r2"]}, "r2"),
    ({"stats": "aic"}, "sequence"),
    ({"format": "word"}, "'latex'"),
    ({"digits": 0}, "digits=0"),
])  # fmt: skip
def test_what_etable_refuses(options, match):
    with pytest.raises(InvalidParameterError, match=match):
        etable(**{"models": [plain("x")], **options})


@pytest.mark.parametrize("stat", STATS)
def test_each_line_of_the_footer_can_be_had_alone(stat):
    several = models()
    for format in FORMATS:
        assert STATS[stat][0] in etable(several, stats=[stat], format=format)
    assert pd.Series([STATS[other][0] in etable(several, stats=[stat]) for other in STATS]).sum() == 1
