"""Ordered levels whose columns have a coefficient at each threshold: binomial fits, the score, the parallel model."""

import numpy as np
import pandas as pd
import pytest
import several_rows

import fastglm
from fastglm import families
from fastglm.errors import CollinearityWarning, InvalidParameterError


@pytest.fixture(scope="module")
def rows():
    return several_rows.simulated(600)


@pytest.mark.parametrize("kind", ["cumulative", "adjacent", "continuation"])
@pytest.mark.parametrize("parallel", [False, ("x",), ("g", "d")])
def test_the_score_is_zero_and_the_likelihood_no_less(kind, parallel, rows):
    fit = fastglm.glm("level ~ x + g + d", rows, family=families.Ordinal(kind, parallel=parallel))
    shared = fastglm.glm("level ~ x + g + d", rows, family=families.Ordinal(kind))
    more = 2 * sum(not parallel or c[0] not in parallel for c in ("x", "g[T.b]", "g[T.c]", "d"))
    assert fit.rank == shared.rank + more
    assert fit.llf > shared.llf
    assert fit.certificate < 1e-6
    scores = several_rows.score_rows(fit, rows, rows.level)
    assert np.abs(scores.sum(axis=0) * fit.bse).max() < 1e-6
    # the observed information is that of the scores by differences
    step = np.random.default_rng(1).normal(size=len(fit.params)) * fit.bse * 1e-3
    up, down = (
        several_rows.score_rows(several_rows.moved(fit, fit.params + s * step), rows, rows.level).sum(axis=0)
        for s in (1.0, -1.0)
    )
    np.testing.assert_allclose(fit.cov_unscaled @ (down - up) / 2.0, step, rtol=1e-3, atol=1e-6 * fit.bse.min())
    assert set(fit.part_names) == {"coefficient", "threshold"}
    assert fit.names[fit.places[1].start] == "0|1"
    assert len(fit.thresholds) == 3


def test_the_score_test_agrees_with_the_likelihood_ratio(rows):
    shared = fastglm.glm("level ~ x + g + d", rows, family="ordinal")
    tests = shared.parallel_test(rows)
    every = fastglm.glm("level ~ x + g + d", rows, family=families.Ordinal(parallel=False))
    assert 2.0 * (every.llf - shared.llf) == pytest.approx(tests.statistic[0], rel=0.05)
    alone = fastglm.glm("level ~ x + g + d", rows, family=families.Ordinal(parallel=("g", "d")))
    assert 2.0 * (alone.llf - shared.llf) == pytest.approx(tests.statistic[1], rel=0.05)
    table = fastglm.anova(shared, every)
    assert table.df[1] == tests.df[0] == 8.0
    with pytest.raises(InvalidParameterError, match="coefficients of its own at every threshold already"):
        every.parallel_test(rows)


def test_two_levels_are_a_binomial_fit(rows):
    data = rows.assign(up=(rows.level > 1) * 1.0)
    binomial = fastglm.glm("up ~ x + g", data, family="binomial")
    for parallel in (True, False, ("x",)):
        fit = fastglm.glm("up ~ x + g", data, family=families.Ordinal(parallel=parallel))
        by_name = dict(zip(fit.names, fit.params, strict=True))
        found = [-by_name["0|1"], *(by_name.get(n, by_name.get(f"{n}:0|1")) for n in binomial.names[1:])]
        np.testing.assert_allclose(found, binomial.params, rtol=1e-8)
        assert fit.llf == pytest.approx(binomial.llf, rel=1e-12)


def test_continuation_ratios_of_their_own_are_separate_binomial_fits(rows):
    fit = fastglm.glm("level ~ x + d", rows, family=families.Ordinal("continuation", parallel=False))
    apart = [
        fastglm.glm("stop ~ x + d", rows[rows.level >= k].assign(stop=lambda r, k=k: (r.level == k) * 1.0),
                    family="binomial")
        for k in range(3)
    ]  # fmt: skip
    wanted = np.concatenate([one.params * [1.0, -1.0, -1.0] for one in apart])
    np.testing.assert_allclose(fit.params, wanted, rtol=1e-7, atol=1e-9)
    np.testing.assert_allclose(fit.bse, np.concatenate([one.bse for one in apart]), rtol=1e-6)


def test_storages_saving_and_redundant_columns(rows, tmp_path):
    rows.to_parquet(tmp_path / "rows.parquet")
    family = families.Ordinal(parallel=("z",))
    frame = fastglm.glm("level ~ x + z", rows, family=family, weights="w")
    file = fastglm.glm("level ~ x + z", tmp_path / "rows.parquet", family=family, weights="w")
    X = rows[["x", "z"]].to_numpy()
    numbered = fastglm.fit(X, rows.level, family=families.Ordinal(parallel=(1,)), weights=rows.w)
    for other in (file, numbered):
        np.testing.assert_allclose(other.params, frame.params, rtol=1e-7)
    frame.save(tmp_path / "fit.json")
    again = fastglm.load(tmp_path / "fit.json")
    assert again.family == frame.family
    np.testing.assert_array_equal(again.predict(rows), frame.predict(rows))
    assert "parallel=('z',)" in str(again.summary())
    data = rows.assign(twice=2.0 * rows.x)
    with pytest.warns(CollinearityWarning, match=r"twice:0\|1"):
        double = fastglm.glm("level ~ x + twice", data, family=families.Ordinal(parallel=("x",)))
    assert double.aliased["twice:1|2"] == "2 x"
    assert double.llf == pytest.approx(fastglm.glm("level ~ x", rows, family="ordinal").llf)


def test_probabilities_that_cross_are_named():
    fit = fastglm.glm("level ~ x", several_rows.simulated(800), family=families.Ordinal(parallel=False))
    far = pd.DataFrame({"x": [0.0, 1e3, -1e3]})
    with pytest.raises(
        InvalidParameterError, match=r"cumulative probabilities cross: P\(y <= .*\) is less than .* row "
    ):
        fit.predict(far)
    # the odds of the middle fall where those of the ends rise, and one row lies where no other is
    rng = np.random.default_rng(2)
    x = np.append(rng.normal(size=400), 30.0)
    y = np.where(rng.random(401) < 1 / (1 + np.exp(-1.5 * x)), 0, np.where(rng.random(401) < 0.5, 1, 2))
    y[-1] = 0
    y[:400] = np.where((x[:400] > 0) & (rng.random(400) < 0.6), 2, y[:400])
    with pytest.raises(InvalidParameterError, match="cumulative probabilities cross.* at row .*continuation"):
        fastglm.fit(x[:, None], y, family=families.Ordinal(parallel=False))
    fastglm.fit(x[:, None], y, family=families.Ordinal("continuation", parallel=False))


@pytest.mark.parametrize(
    ("parallel", "message"),
    [
        ("x", "parallel='x' must be True, False, or a sequence"),
        ((), "must be True, False, or a sequence"),
        (("q",), "parallel: 'q' is none of the columns"),
        ((7,), "parallel: 7 is none of the columns"),
    ],
)
def test_refusals(parallel, message, rows):
    with pytest.raises(InvalidParameterError) as caught:
        fastglm.glm("level ~ x + g", rows, family=families.Ordinal(parallel=parallel))
    assert message in str(caught.value)
