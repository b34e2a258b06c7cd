"""``ns``, ``relevel`` and ``factor`` of formulas are R's: splines::ns, stats::relevel, base::factor."""

import numpy as np
import pytest
from scipy.interpolate import CubicSpline

import fastglm
from fastglm.design import Design
from fastglm.errors import InvalidParameterError

pd = pytest.importorskip("pandas")
pytest.importorskip("formulaic")
pa = pytest.importorskip("pyarrow")
pq = pytest.importorskip("pyarrow.parquet")

# datasets::women, from The World Almanac and Book of Facts, 1975
WOMEN = pd.DataFrame({
    "height": np.arange(58.0, 73.0),
    "weight": [115.0, 117, 120, 123, 126, 129, 132, 135, 139, 142, 146, 150, 154, 159, 164],
})  # fmt: skip
RNG = np.random.default_rng(4)
FRAME = pd.DataFrame({"x": RNG.normal(size=300), "g": RNG.choice(list("abc"), 300), "k": RNG.integers(1, 4, 300)})
FRAME["y"] = RNG.poisson(np.exp(0.3 * np.sin(2 * FRAME.x) + 0.4 * (FRAME.g == "b")))


def columns(term, frame=FRAME, new=None):
    """The columns of a term, learned from a frame, of other rows where they are given."""
    design = Design.from_formula(f"~ 0 + {term}", frame)
    return design.build(frame if new is None else new).X


def test_the_fit_of_women_is_the_one_that_r_prints():
    # R: summary(lm(weight ~ ns(height, df = 5), data = women)), and the second row of ns(women$height, df = 5)
    result = fastglm.glm("weight ~ ns(height, df=5)", WOMEN)
    assert result.params == pytest.approx([114.74466, 15.94736, 25.16949, 33.25822, 50.78938, 45.03633], abs=6e-6)
    assert result.bse == pytest.approx([0.2337541, 0.3698567, 0.4322604, 0.3540711, 0.6061996, 0.2784267], abs=6e-8)
    second = [7.592323e-03, 0.0, -8.670223e-02, 2.601067e-01, -1.734045e-01]
    assert columns("ns(height, df=5)", WOMEN)[1] == pytest.approx(second, abs=6e-8)
    assert result.names[1:] == tuple(f"ns(height, df=5)[{k}]" for k in range(1, 6))


@pytest.mark.parametrize("term, df", [("ns(x)", 1), ("ns(x, df=1)", 1), ("ns(x, 2)", 2), ("ns(x, df=6)", 6),
                                      ("ns(x, knots=[-0.5, 0.7])", 3), ("ns(x, knots=0.2)", 2),
                                      ("ns(x, df=5, intercept=True)", 5)])  # fmt: skip
def test_columns_are_natural_splines(term, df):
    design = Design.from_formula(f"~ 0 + {term}", FRAME)
    (state,) = design.state.values()
    knots = np.unique(state["knots"])
    assert knots[[0, -1]].tolist() == [FRAME.x.min(), FRAME.x.max()]
    at = np.linspace(knots[0], knots[-1], 400)
    made = design.build(pd.DataFrame({"x": at})).X
    assert made.shape == (400, df)
    # the natural splines of interpolation through these knots, a basis of the space of another construction
    cardinal = CubicSpline(knots, np.eye(len(knots)), bc_type="natural")(at)
    space = made if "intercept" in term else np.column_stack([np.ones(400), made])
    fitted = cardinal @ np.linalg.lstsq(cardinal, space, rcond=None)[0]
    assert np.linalg.matrix_rank(space) == len(knots) == space.shape[1]
    np.testing.assert_allclose(fitted, space, atol=1e-9)
    if "knots" not in term and len(knots) > 2:
        shares = np.arange(1, len(knots) - 1) / (len(knots) - 1)
        np.testing.assert_allclose(knots[1:-1], np.quantile(FRAME.x, shares), atol=1e-14)  # R's type 7


def test_beyond_the_bounds_columns_are_straight():
    design = Design.from_formula("~ 0 + ns(x, df=4, lower_bound=-1, upper_bound=1.5)", FRAME)
    at = np.array([-4.0, -3.0, -2.0, -1.0, 1.5, 3.0, 4.5, 6.0])
    made = design.build(pd.DataFrame({"x": at})).X
    np.testing.assert_allclose(np.diff(made[:4], 2, axis=0), 0.0, atol=1e-12)
    np.testing.assert_allclose(np.diff(made[4:], 2, axis=0), 0.0, atol=1e-12)
    near = design.build(pd.DataFrame({"x": [1.5 - 2e-6, 1.5 - 1e-6, 1.5, 1.5 + 1e-6]})).X
    np.testing.assert_allclose(np.diff(near, axis=0)[0], np.diff(near, axis=0)[2], rtol=1e-4, atol=1e-12)


def test_an_intercept_among_the_columns_is_left_out_beside_another():
    both = fastglm.glm("y ~ ns(x, df=5, intercept=True)", FRAME, family="poisson")
    alone = fastglm.glm("y ~ 0 + ns(x, df=5, intercept=True)", FRAME, family="poisson")
    plain = fastglm.glm("y ~ ns(x, df=4)", FRAME, family="poisson")
    assert both.rank == alone.rank == plain.rank == 5 and len(both.names) == 5
    assert [both.deviance, alone.deviance] == pytest.approx([plain.deviance] * 2, rel=1e-12)


SAVED = ["ns(x, df=4)", "relevel(g, ref='b')", "factor(k)", "factor(g, levels=['c', 'b', 'a'])"]


@pytest.mark.parametrize("term", SAVED)
def test_files_and_saved_results_have_what_was_learned(term, tmp_path):
    pq.write_table(pa.Table.from_pandas(FRAME), tmp_path / "d.parquet", row_group_size=70)
    formula = f"y ~ x + {term}" if "ns" not in term else f"y ~ g + {term}"
    memory = fastglm.glm(formula, FRAME, family="poisson")
    files = fastglm.glm(formula, str(tmp_path / "d.parquet"), family="poisson", memory=0)
    memory.save(tmp_path / "fit.json")
    back = fastglm.load(tmp_path / "fit.json")
    new = FRAME.iloc[[7, 3]].assign(x=[5.0, -5.0])
    assert memory.names == files.names == back.names
    assert files.params == pytest.approx(memory.params, rel=1e-9)
    np.testing.assert_array_equal(back.predict(new), memory.predict(new))
    np.testing.assert_allclose(files.predict(new), memory.predict(new), rtol=1e-8)


def test_margins_go_through_splines_and_factors():
    result = fastglm.glm("y ~ ns(x, df=4) + relevel(g, ref='b')", FRAME, family="poisson")
    slope = fastglm.margins(result, FRAME, "x").estimate[0]
    h = 1e-5
    up, down = (result.predict(FRAME.assign(x=FRAME.x + step)).mean() for step in (h, -h))
    assert slope == pytest.approx((up - down) / (2 * h), rel=1e-6)
    steps = fastglm.margins(result, FRAME, "g")
    means = {level: result.predict(FRAME.assign(g=level)).mean() for level in "abc"}
    assert sorted(steps.estimate) == pytest.approx(sorted([means["a"] - means["b"], means["c"] - means["b"]]), rel=1e-9)


def test_the_level_of_relevel_comes_first():
    result = fastglm.glm("y ~ relevel(g, ref='b')", FRAME, family="poisson")
    assert result.names == ("(Intercept)", "relevel(g, ref='b')[T.a]", "relevel(g, ref='b')[T.c]")
    other = fastglm.glm("y ~ C(g, Treatment('b'))", FRAME, family="poisson")
    np.testing.assert_allclose(result.params, other.params, rtol=1e-12)
    for term in ("relevel(g, 'b')", "relevel(factor(g), ref='b')", "C(relevel(g, ref='b'))", "relevel(C(g), ref='b')"):
        np.testing.assert_array_equal(fastglm.glm(f"y ~ {term}", FRAME, family="poisson").params, result.params)
    summed = fastglm.glm("y ~ C(relevel(g, ref='b'), Sum)", FRAME, family="poisson")
    assert summed.names[1:] == ("C(relevel(g, ref='b'), Sum)[S.b]", "C(relevel(g, ref='b'), Sum)[S.a]")
    assert fastglm.glm("y ~ relevel(factor(k), ref='2')", FRAME).names[1].endswith("[T.1]")
    assert fastglm.glm("y ~ relevel(k, ref=3)", FRAME).names[2] == "relevel(k, ref=3)[T.2]"


def test_factor_makes_levels_of_numbers_and_takes_their_order():
    assert fastglm.glm("y ~ factor(k)", FRAME).names == ("(Intercept)", "factor(k)[T.2]", "factor(k)[T.3]")
    assert fastglm.glm("y ~ factor(k, levels=[3, 1, 2])", FRAME).names[1] == "factor(k, levels=[3, 1, 2])[T.1]"


@pytest.mark.parametrize("term, words", [
    ("relevel(g, ref='z')", "ref='z' is not among the levels"),
    ("relevel(g)", "relevel takes a factor and the level that comes first, ref="),
    ("relevel(g, ref=['a'])", "ref must be one level"),
    ("relevel(h, ref='a')", "'h'"),
    ("factor(g, labels=['u', 'v', 'w'])", "factor takes an expression, contrasts, levels="),
    ("factor(g, levels=['a', 'b'])", "has no level 'c'"),
    ("ns(x, df=3, knots=[0.0])", "give df or knots, not both"),
    ("ns(x, df=0)", "df=0 must be a whole number from 1"),
    ("ns(x, knots=[9.0])", "must lie between the bounds"),
    ("ns(x, df=2000)", "more than 1000"),
    ("ns(g, df=3)", "is a factor"),
])  # fmt: skip
def test_mistakes_are_named(term, words):
    with pytest.raises(InvalidParameterError) as caught:
        fastglm.glm(f"y ~ {term}", FRAME)
    assert words in str(caught.value)
