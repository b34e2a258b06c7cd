"""Sandwich covariances of models with several linear predictors: scores by differences, R's vcovCL, every storage."""

import numpy as np
import pytest
import several_rows

import fastglm
from fastglm import families
from fastglm.errors import CollinearityWarning, InvalidParameterError

MODELS = {
    "ordinal": ("level ~ x + g", "ordinal"),
    "partial": ("level ~ x + z", families.Ordinal(parallel=("z",))),
    "zero_inflated_negative_binomial": ("count ~ x | z", "zero_inflated_negative_binomial"),
    "hurdle_poisson": ("count ~ x + offset(o) | z", "hurdle_poisson"),
    "truncated": ("positive ~ x + d", "zero_truncated_negative_binomial"),
    "beta": ("share ~ x | z", "beta"),
}


@pytest.fixture(scope="module")
def rows():
    return several_rows.simulated()


def clustered(scores, *ways):
    """The meat of vcovCL (HC1) less (n - 1) / (n - k): sums by clusters, G / (G - 1), two ways less both at once."""

    def one(labels):
        codes = np.unique(labels, axis=0, return_inverse=True)[1].ravel()
        sums = np.array([np.bincount(codes, v) for v in scores.T]).T
        return len(sums) / (len(sums) - 1.0) * sums.T @ sums

    if len(ways) == 1:
        return one(ways[0])
    return one(ways[0]) + one(ways[1]) - one(np.column_stack(ways))


@pytest.mark.parametrize("family", MODELS)
def test_the_sandwich_of_the_rows_scores(family, rows):
    formula, family = MODELS[family]
    fit = fastglm.glm(formula, rows, family=family)
    y = rows[formula.split()[0]]
    scores = several_rows.score_rows(fit, rows, y)
    V, n, k = fit.cov_unscaled, len(rows), len(fit.params)
    assert np.abs(scores.sum(axis=0) * fit.bse).max() < 1e-6
    firm, year = rows.firm.to_numpy(), rows.year.to_numpy()
    wanted = {
        "HC0": scores.T @ scores,
        "HC1": n / (n - k) * scores.T @ scores,
        "cluster:firm": (n - 1) / (n - k) * clustered(scores, firm),
        "cluster:firm, year": (n - 1) / (n - k) * clustered(scores, firm, year),
    }
    for name, meat in wanted.items():
        kind = {"cluster": ["firm", "year"]} if "," in name else name
        again = fit.with_cov(kind, data=rows)
        np.testing.assert_allclose(again.cov_params(), V @ meat @ V, rtol=1e-5, atol=1e-8 * np.abs(V).max())
        at_once = fastglm.glm(formula, rows, family=family, cov=kind)
        np.testing.assert_allclose(at_once.cov_params(), again.cov_params(), rtol=1e-9, atol=1e-12)
        assert at_once.cov_kind == again.cov_kind == name
    np.testing.assert_array_equal(again.with_cov("model").bse, fit.bse)


def test_clusters_of_every_storage(rows, tmp_path):
    rows.to_parquet(tmp_path / "rows.parquet")
    X, kind = rows[["x", "z"]].to_numpy(), {"cluster": ["firm", "year"]}
    frame = fastglm.glm("level ~ x + z", rows, family="ordinal", cov=kind)
    arrays = fastglm.fit(X, rows.level, family="ordinal", cov={"cluster": [rows.firm.to_numpy(), rows.year.to_numpy()]})
    file = fastglm.glm("level ~ x + z", tmp_path / "rows.parquet", family="ordinal", cov=kind)
    later = arrays.with_cov("cluster", X, rows.level, cluster=[rows.firm.to_numpy(), rows.year.to_numpy()])
    later_file = file.with_cov(kind, data=tmp_path / "rows.parquet")
    for other in (arrays, file, later, later_file):
        np.testing.assert_allclose(other.bse, frame.bse, rtol=1e-9)
    file.save(tmp_path / "fit.json")
    np.testing.assert_array_equal(fastglm.load(tmp_path / "fit.json").bse, file.bse)


@pytest.mark.parametrize("family", ["ordinal", "zero_inflated_negative_binomial", "beta"])
def test_frequencies_are_repetitions_and_weights_multiply_scores(family, rows):
    formula, _ = MODELS[family]
    repeated = rows.loc[rows.index.repeat(rows.w.astype(int))]
    plain = fastglm.glm(formula, repeated, family=family, cov="cluster:firm")
    frequent = fastglm.glm(formula, rows, family=family, freq_weights="w", cov="cluster:firm")
    np.testing.assert_allclose(frequent.bse, plain.bse, rtol=1e-6)
    weighted = fastglm.glm(formula, rows, family=family, weights="w", cov="HC0")
    scores = rows.w.to_numpy()[:, None] * several_rows.score_rows(weighted, rows, rows[formula.split()[0]])
    V = weighted.cov_unscaled
    np.testing.assert_allclose(weighted.cov_params(), V @ scores.T @ scores @ V, rtol=1e-5, atol=1e-8 * np.abs(V).max())


def test_other_covariances_of_scores_and_refusals(rows):
    fit = fastglm.glm("level ~ x + g", rows, family="ordinal")
    scores = several_rows.score_rows(fit, rows, rows.level)
    lagged = scores[1:].T @ scores[:-1]
    meat = scores.T @ scores + 0.5 * (lagged + lagged.T)  # Bartlett, one lag
    found = fit.with_cov({"HAC": 1}, data=rows).cov_params()
    np.testing.assert_allclose(found, fit.cov_unscaled @ meat @ fit.cov_unscaled, rtol=1e-5, atol=1e-8)
    for kind in ("HC3", {"CR2": "firm"}, {"jackknife": "firm"}):
        with pytest.raises(InvalidParameterError, match="family='ordinal' has several linear predictors a row"):
            fit.with_cov(kind, data=rows)
    with pytest.raises(InvalidParameterError, match="the rows count"):
        fit.with_cov("HC0", data=rows[:200])


def test_redundant_columns_have_no_covariance(rows):
    data = rows.assign(twice=2.0 * rows.x)
    with pytest.warns(CollinearityWarning):
        fit = fastglm.glm("count ~ x + twice | z", data, family="hurdle_negative_binomial", cov="cluster:firm")
    alone = fastglm.glm("count ~ x | z", data, family="hurdle_negative_binomial", cov="cluster:firm")
    again = fit.with_cov("model").with_cov("cluster:firm", data=data)
    for found in (fit, again):
        assert np.isnan(found.bse[2])
        np.testing.assert_allclose(np.delete(found.bse, 2), alone.bse, rtol=1e-8)
