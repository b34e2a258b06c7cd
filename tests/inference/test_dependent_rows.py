"""Covariances of dependent rows and of designs: against R's sandwich, clubSandwich and survey, and plain numpy."""

import json
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

import fastglm
from fastglm.errors import FastGLMWarning, InvalidParameterError, MissingDataError
from fastglm.solvers import Newton

FOLDER = Path(__file__).parents[1] / "fitting/inference"
EXACT = Newton(tol=1e-13)
SPECTRAL = {"HAC": None, "kernel": "quadratic-spectral"}
SERIES = {
    "NW_lag3": {"HAC": 3},
    "NW_lag3_adjust": {"HAC": 3, "adjust": True},
    "NW_lag3_prewhite": {"HAC": 3, "prewhiten": True},
    "NW_lag3_prewhite_adjust": {"HAC": 3, "prewhiten": True, "adjust": True},
    "NW_auto": {"HAC": None, "prewhiten": True},
    "vcovHAC_default": SPECTRAL | {"adjust": True},
    "kernHAC_default": SPECTRAL | {"adjust": True, "prewhiten": True},
    "kern_Bartlett_bw4": {"HAC": None, "bandwidth": 4},
    "kern_QS_bw2.5": SPECTRAL | {"bandwidth": 2.5},
    "kern_Parzen_bw5": {"HAC": 4, "kernel": "parzen"},
    "kern_TukeyHanning_bw5": {"HAC": None, "bandwidth": 5, "kernel": "tukey-hanning"},
    "kern_Truncated_bw2": {"HAC": 2, "kernel": "truncated"},
    "lumley": {"weave": "truncate"},
}
PANELS = {
    "PL_default": {"Driscoll-Kraay": None},
    "PL_lag2": {"Driscoll-Kraay": 2, "adjust": False},
    "driscoll_kraay_lag2": {"Driscoll-Kraay": 2, "adjust": False},
    "PL_lag0": {"Driscoll-Kraay": 0, "adjust": False},
    "PL_lag2_cluster_by_time": {"panel-HAC": 2},
    "PC": {"PCSE": None},
    "PC_pairwise": {"PCSE": None, "pairwise": True},
}


def case(name, **options):
    """The fit of a reference case, its rows and what R says."""
    found = json.loads((FOLDER / f"{name}.json").read_text())
    data = pd.read_csv(FOLDER / Path(found["data"]).name)
    family, link = ("gaussian", None) if found["family"] == "lm" else (found["family"], found["link"])
    family = family.replace("quasi", "") if family == "quasibinomial" else family
    fit = fastglm.glm(found["formula"], data, family=family, link=link, solver=EXACT, **options)
    return fit, data, found["expected"]


def close(found, expected, rel=1e-8):
    """Whether numbers agree relative to the largest."""
    expected = np.asarray(expected, float)
    assert np.abs(found - expected).max() <= rel * np.abs(expected).max()


@pytest.mark.parametrize("name", ["hac_gaussian_investment", "hac_poisson_discoveries"])
def test_series_agree_with_sandwich(name):
    fit, data, expected = case(name)
    order = np.random.default_rng(0).permutation(len(data))
    shuffled = data.iloc[order].assign(when=2.5 * order)
    for what, kind in SERIES.items():
        close(fit.with_cov(kind, data=data).cov_params(), expected[what])
        close(fit.with_cov(kind | {"time": "when"}, data=shuffled).cov_params(), expected[what])


@pytest.mark.parametrize("method, level", [("truncate", None), ("smooth", None), ("smooth", 0.5), ("truncate", 30.0)])
def test_weights_of_lumley_and_heagerty(method, level, tmp_path):
    """The formula of the paper and of R's weightsLumley, by loops: a decreasing regression is the largest of the least
    means of stretches around each place."""
    rng = np.random.default_rng(3)
    n = 120
    x, error = rng.normal(size=n), np.zeros(n)
    for i in range(1, n):
        error[i] = 0.7 * error[i - 1] + rng.normal()
    data = pd.DataFrame({"y": 1.0 + x + error, "x": x, "when": np.arange(n)})
    fit = fastglm.glm("y ~ x", data)
    X, r = np.column_stack([np.ones(n), x]), fit.residuals(data, kind="response")
    c = r - r.mean()
    rho = np.array([c[j:] @ c[: n - j] for j in range(n)]) / (c @ c)
    means = np.array([[rho[a : b + 1].mean() if a <= b else np.nan for b in range(n)] for a in range(n)])
    rho = np.array([np.nanmin([np.nanmax(means[a, i:]) for a in range(i + 1)]) for i in range(n)])
    if method == "truncate":
        weight = np.ones(max(np.flatnonzero(rho**2 * n > (level or 4.0))) + 1)
    else:
        weight = np.minimum((level or 1.0) * n * rho**2, 1.0)
    U = X * r[:, None]
    meat = sum(w * U[j:].T @ U[: n - j] for j, w in enumerate(weight) if j)
    V = np.linalg.inv(X.T @ X)
    expected = V @ (U.T @ U + meat + meat.T) @ V
    kind = {"Lumley": method, "C": level}
    close(fit.with_cov(kind, data=data).cov_params(), expected)
    shuffled = data.sample(frac=1.0, random_state=1)
    close(fit.with_cov(kind | {"time": "when"}, data=shuffled).cov_params(), expected)
    data.to_parquet(tmp_path / "rows.parquet", row_group_size=17)
    stored = fastglm.glm("y ~ x", str(tmp_path / "rows.parquet"), cov=kind, memory=0)
    close(stored.cov_params(), expected)
    adjusted = fit.with_cov(kind | {"adjust": True}, data=data).cov_params()
    close(adjusted, expected * n / (n - 2))


@pytest.mark.parametrize("name, cluster, time", [
    ("panel_gaussian_grunfeld", "firm", "year"), ("panel_poisson_epil", "subject", "period"),
])  # fmt: skip
def test_panels_agree_with_sandwich(name, cluster, time):
    fit, data, expected = case(name)
    data = data.sample(frac=1.0, random_state=1)
    for what, kind in PANELS.items():
        if what in expected:
            own = {} if "Driscoll-Kraay" in kind else {"PCSE" if "PCSE" in kind else "cluster": cluster}
            close(fit.with_cov(kind | own | {"time": time}, data=data).cov_params(), expected[what])


@pytest.mark.parametrize("name, cluster", [
    ("cr2_lm_grunfeld", "firm"), ("cr2_logit_birthwt", "race"), ("cr2_poisson_epil", "subject"),
])  # fmt: skip
def test_few_clusters_agree_with_clubSandwich(name, cluster):
    fit, data, expected = case(name)
    few = fit.with_cov(f"CR2:{cluster}", data=data)
    close(few.cov_params(), expected["CR2"])
    close(few.cov_df, expected["CR2_satterthwaite_df"])
    np.testing.assert_allclose(few.pvalues, expected["CR2_satterthwaite_p"], rtol=1e-8)
    third = fit.with_cov({"CR3": cluster}, data=data)
    close(third.cov_params(), expected["CR3"])
    count = data[cluster].nunique()
    jackknife = fit.with_cov({"jackknife": cluster}, data=data).cov_params()
    close(jackknife, (count - 1) / count * third.cov_params(), 1e-12)


def test_jackknifes_of_least_squares_are_those_of_fits_without_rows():
    fit, data, _ = case("cr2_lm_grunfeld")
    for label in ("firm", None):
        groups = data["firm"] if label else pd.Series(range(len(data)))
        fits = [fastglm.glm("invest ~ value + capital", data[groups != g]).params for g in groups.unique()]
        changes = np.array(fits) - fit.params
        kind = {"jackknife": label} if label else "jackknife"
        close(fit.with_cov(kind, data=data).cov_params(), (len(fits) - 1) / len(fits) * changes.T @ changes)


@pytest.mark.parametrize("name, options", [
    ("survey_gaussian_apistrat_nofpc", {}), ("survey_logit_apistrat", {"fpc": "fpc"}),
])  # fmt: skip
def test_surveys_agree_with_svyglm(name, options, tmp_path):
    fit, data, expected = case(name, weights="pw")
    design = fit.with_cov({"survey": "stype"} | options, data=data)
    close(design.cov_params(), expected["vcov"])
    assert design.test_df == expected["df_residual"]
    np.testing.assert_allclose(design.tvalues, expected["t"], rtol=1e-8)
    np.testing.assert_allclose(design.pvalues, expected["p"], rtol=1e-8)
    np.testing.assert_allclose(design.conf_int(), expected["ci_default"], rtol=1e-8)
    design.save(tmp_path / "design.json")
    assert fastglm.load(tmp_path / "design.json").pvalues.tobytes() == design.pvalues.tobytes()
    data["row"] = np.arange(len(data))
    close(fit.with_cov({"survey": "stype", "cluster": "row"} | options, data=data).cov_params(), expected["vcov"])


def survey_by_hand(u, bread, strata, units, share=0.0):
    """The formula of ``inference/survey.py``."""
    meat = 0.0
    for h in np.unique(strata):
        sums = np.array([u[(strata == h) & (units == i)].sum(axis=0) for i in np.unique(units[strata == h])])
        centred = sums - sums.mean(axis=0)
        meat += (1.0 - share) * len(sums) / (len(sums) - 1.0) * centred.T @ centred
    return bread @ meat @ bread


def data_of(n=240, seed=3):
    rng = np.random.default_rng(seed)
    frame = pd.DataFrame({"x": rng.normal(size=n), "z": rng.normal(size=n), "stratum": rng.integers(0, 3, n)})
    frame["unit"], frame["share"] = rng.integers(0, 6, n), 0.25
    frame["time"], frame["panel"] = np.repeat(np.arange(n // 8), 8), np.tile(np.arange(8), n // 8)
    frame["y"] = rng.poisson(np.exp(0.3 + 0.4 * frame.x)).astype(float)
    frame["w"] = rng.integers(0, 4, n).astype(float)
    return frame


def test_units_within_strata_and_rows_of_weight_zero():
    frame = data_of()
    fit = fastglm.glm("y ~ x + z", frame, family="poisson", weights="w", solver=EXACT)
    X = np.column_stack([np.ones(len(frame)), frame.x, frame.z])
    mu = fit.predict(frame)
    u, bread = X * (frame.w * (frame.y - mu)).to_numpy()[:, None], np.linalg.inv((X.T * (frame.w * mu).to_numpy()) @ X)
    stratum, unit = frame.stratum.to_numpy(), frame.unit.to_numpy()
    kinds = {
        ("stratum", "unit"): ({"survey": "stratum", "cluster": "unit", "fpc": "share"}, stratum, unit, 0.25),
        ("unit",): ({"survey": None, "cluster": "unit"}, 0 * stratum, unit, 0.0),
        ("stratum",): ({"survey": "stratum"}, stratum, np.arange(len(frame)), 0.0),
        ("share",): ({"survey": None, "fpc": "share"}, 0 * stratum, np.arange(len(frame)), 0.25),
    }
    for kind, strata, units, share in kinds.values():
        close(fit.with_cov(kind, data=frame).cov_params(), survey_by_hand(u, bread, strata, units, share))
    positive = frame.w.to_numpy() > 0.0  # without a design there are the rows of positive weight alone
    plain = survey_by_hand(u[positive], bread, np.zeros(positive.sum()), np.arange(positive.sum()))
    close(fit.with_cov("survey", data=frame).cov_params(), plain)


def test_a_stratum_of_one_unit():
    frame = data_of()
    frame.loc[0, "stratum"] = 9
    fit = fastglm.glm("y ~ x + z", frame, family="poisson")
    with pytest.raises(InvalidParameterError, match="stratum 9 has one unit alone"):
        fit.with_cov({"survey": "stratum"}, data=frame)
    without, adjusted = (
        fit.with_cov({"survey": "stratum", "lonely": kind}, data=frame).cov_params() for kind in ("certainty", "adjust")
    )
    score = np.array([1.0, frame.x[0], frame.z[0]]) * (frame.y[0] - fit.predict(frame.iloc[:1])[0])
    close(adjusted - without, fit.cov_unscaled @ np.outer(score, score) @ fit.cov_unscaled)


KINDS = [
    {"HAC": 5}, {"HAC": None, "prewhiten": True}, {"HAC": 3, "time": "row"}, {"Driscoll-Kraay": 2, "time": "time"},
    {"panel-HAC": 2, "cluster": "panel", "time": "time"}, {"PCSE": "panel", "time": "time"}, {"CR2": "panel"},
    {"CR3": "unit"}, {"jackknife": "unit"}, {"survey": "stratum", "cluster": "unit", "fpc": "share"}, "survey",
]  # fmt: skip


def test_all_storages_have_the_same_covariances(tmp_path):
    dd = pytest.importorskip("dask.dataframe")
    frame = data_of().assign(row=lambda f: np.arange(len(f)))
    path = tmp_path / "rows.parquet"
    frame.to_parquet(path, row_group_size=70)
    for kind in KINDS:
        whole = fastglm.glm("y ~ x + z", frame, family="poisson", cov=kind)
        files = fastglm.glm("y ~ x + z", str(path), family="poisson", cov=kind, memory=0)
        lazy = fastglm.glm("y ~ x + z", dd.from_pandas(frame, npartitions=3), family="poisson", cov=kind)
        mapped = isinstance(kind, dict)
        arrays = {k: frame[v].to_numpy() if isinstance(v, str) else v for k, v in kind.items()} if mapped else kind
        plain = fastglm.fit(frame[["x", "z"]].to_numpy(), frame.y.to_numpy(), family="poisson", cov=arrays)
        for other in (files, lazy, plain):
            close(other.cov_params(), whole.cov_params(), 1e-9)
        if whole.cov_df is not None:
            np.testing.assert_allclose(files.cov_df, whole.cov_df, rtol=1e-9)


@pytest.mark.filterwarnings("ignore:X is rank deficient")
def test_nearly_dependent_columns_classes_and_aliased_coefficients():
    frame = data_of()
    near = np.column_stack([frame.x, frame.z, frame.x + 1e-6 * frame.z**2])
    for kind in ({"HAC": 3, "prewhiten": True}, {"CR2": frame.unit}, {"CR3": frame.unit}, {"survey": frame.stratum}):
        exact = fastglm.fit(np.column_stack([frame.x, frame.z, frame.z**2]), frame.y, cov=kind)
        found = fastglm.fit(near, frame.y, cov=kind)
        change = np.array([[1, 0, 0, 0], [0, 0, 1, 0], [0, 0, 0, 1e-6]])  # of near's into those of exact but x's
        others = np.ix_([0, 2, 3], [0, 2, 3])
        close(change @ found.cov_params() @ change.T, exact.cov_params()[others], 1e-8)
        twice = fastglm.fit(np.column_stack([frame.x, frame.z, frame.z**2, frame.x + frame.z]), frame.y, cov=kind)
        kept = ~np.isnan(twice.params)
        assert kept.sum() == 4
        close(twice.cov_params()[np.ix_(kept, kept)], exact.cov_params(), 1e-8)
    classes = np.minimum(frame.y, 2.0)
    softmax = fastglm.fit(frame[["x", "z"]], classes, family="multinomial", cov={"HAC": 0})
    close(softmax.cov_params(), fastglm.fit(frame[["x", "z"]], classes, family="multinomial", cov="HC0").cov_params())
    design = fastglm.fit(frame[["x", "z"]], classes, family="multinomial", cov={"survey": frame.stratum})
    assert np.isfinite(design.pvalues).all() and design.test_df == len(frame) - 3 + 1 - 6


REFUSED = [
    ({"HAC": -1}, "lag=-1 must be a whole number"),
    ({"HAC": 240}, "lag=240 needs more than 240 rows"),
    ({"HAC": 2, "bandwidth": 3}, "not both"),
    ({"HAC": None, "bandwidth": -3}, "bandwidth=-3 must be positive"),
    ({"HAC": None, "kernel": "box"}, "kernel='box' is unknown"),
    ({"HAC": None, "kernel": "truncated", "bandwidth": "newey-west"}, "no rule for kernel='truncated'"),
    ({"HAC": 2, "prewhite": True}, "has the options"),
    ({"HAC": 2, "adjust": "yes"}, "'adjust' is True or False"),
    ({"HAC": 2, "time": "time"}, "time 0 occurs 8 times"),
    ({"Lumley": "sharp"}, "method='sharp' is unknown"),
    ({"Lumley": "smooth", "C": -1}, "C=-1 must be positive"),
    ({"Lumley": "smooth", "lag": 3}, "has the options"),
    ({"Driscoll-Kraay": 2}, "needs time="),
    ({"Driscoll-Kraay": 30, "time": "time"}, "lag=30 needs more than 30 times"),
    ({"panel-HAC": 2, "time": "time"}, "needs cluster="),
    ({"panel-HAC": 2, "cluster": "stratum", "time": "time"}, "occurs . times in cluster"),
    ({"panel-HAC": 2, "cluster": "share", "time": "row"}, "all rows are of one cluster"),
    ({"PCSE": "stratum", "time": "time"}, "occurs twice in cluster"),
    ({"PCSE": "share", "time": "row"}, "all rows are of one cluster"),
    ({"CR2": "share"}, "all rows are of one cluster"),
    ({"CR3": "share"}, "all rows are of one cluster"),
    ("CR2", "is unknown"),
    ({"CR2": None}, "needs cluster="),
    ({"survey": "stratum", "lonely": "merge"}, "lonely='merge' is unknown"),
    ({"survey": "stratum", "fpc": "x"}, "fpc must be positive numbers"),
    ({"survey": "stratum", "fpc": "row1"}, "fpc has sizes of populations beside shares|fpc is not the same"),
    ({"survey": "stratum", "fpc": "two"}, "more than its population of 2"),
    ({"survey": "stratum", "cluster": 3}, "cluster must be the name of a column"),
]


@pytest.mark.parametrize("kind, words", REFUSED)
def test_what_cannot_be_is_refused_by_name(kind, words):
    frame = data_of().assign(row=lambda f: np.arange(len(f)), row1=lambda f: np.arange(1.0, len(f) + 1), two=2.0)
    with pytest.raises(InvalidParameterError, match=words):
        fastglm.glm("y ~ x + z", frame, family="poisson", cov=kind)


def test_missing_times_frequencies_and_a_cluster_that_a_coefficient_needs():
    frame = data_of()
    frame["when"] = frame.time.astype(float).where(frame.index != 5)
    with pytest.raises(MissingDataError, match="when"):
        fastglm.glm("y ~ x", frame, cov={"Driscoll-Kraay": 1, "time": "when"})
    with pytest.raises(InvalidParameterError, match="freq_weights"):
        fastglm.glm("y ~ x", frame, freq_weights=np.ones(len(frame)), cov={"HAC": 1})
    with pytest.warns(FastGLMWarning, match="without cluster 2"):
        fastglm.fit((frame.stratum == 2).to_numpy()[:, None] * 1.0, frame.y, cov={"CR3": frame.stratum})


def test_all_signs_of_few_clusters_agree_with_the_enumeration_in_R():
    fit, data, expected = case("wild_cluster_lm_grunfeld")
    for name in ("value", "capital"):
        known = expected[name]
        imposed = fastglm.wild_bootstrap(fit, name, data=data, cluster="firm")
        assert imposed.enumerated and imposed.n_clusters == expected["G"] and len(imposed.draws) == 2048
        assert imposed.statistic == pytest.approx(known["t"], rel=1e-9)
        assert imposed.p_value == known["p_null_imposed"]
        np.testing.assert_allclose(imposed.draws[1:5], known["t_star_null_first4"], rtol=1e-8)
        free = fastglm.wild_bootstrap(fit, f"{name} = 0", data=data, cluster="firm", impose_null=False)
        assert free.p_value == known["p_unrestricted"]
    webb = fastglm.wild_bootstrap(fit, "capital", data=data, cluster="firm", points="webb", draws=4000)
    assert not webb.enumerated and abs(webb.p_value - 0.0225) < 0.02
    again = fastglm.wild_bootstrap(fit, "capital", data=data, cluster="firm", points="webb", draws=4000)
    assert again.draws.tobytes() == webb.draws.tobytes()
    with pytest.raises(InvalidParameterError, match="one equation"):
        fastglm.wild_bootstrap(fit, "value, capital", data=data, cluster="firm")
    with pytest.raises(InvalidParameterError, match="points='mammen'"):
        fastglm.wild_bootstrap(fit, "value", data=data, cluster="firm", points="mammen")


def test_draws_are_the_fits_of_the_rows_they_name():
    fit, data, _ = case("cr2_poisson_epil")
    groups = data.groupby("subject").indices
    rng = np.random.default_rng(0)
    chosen = [rng.integers(0, len(data), len(data)) for _ in range(3)]
    chosen += [np.concatenate([groups[g] for g in rng.choice(list(groups), len(groups))]) for _ in range(3)]
    found = fastglm.bootstrap(fit, data=data, resamples=chosen)
    formula = json.loads((FOLDER / "cr2_poisson_epil.json").read_text())["formula"]
    fits = [fastglm.glm(formula, data.iloc[rows], family="poisson").params for rows in chosen]
    np.testing.assert_allclose(found.params, fits, rtol=1e-6, atol=1e-8)
    np.testing.assert_allclose(found.covariance, np.cov(np.array(fits).T), rtol=1e-5)


def test_a_bootstrap_of_clusters_has_the_standard_errors_of_R():
    fit, data, _ = case("cr2_poisson_epil")
    found = fastglm.bootstrap(fit, data=data, draws=300, cluster=data.subject, seed=1)
    theirs = [0.6044, 0.1638, 0.2233, 0.0677]  # of 200 other draws in R
    np.testing.assert_allclose(found.bse, theirs, rtol=0.2)
    for kind in ("percentile", "basic", "bca"):
        limits = found.conf_int(0.9, kind)
        assert (limits[:, 0] < fit.params).all() and (fit.params < limits[:, 1]).all()
    with pytest.raises(InvalidParameterError, match="draws=1"):
        fastglm.bootstrap(fit, data=data, draws=1)
    with pytest.raises(InvalidParameterError, match="one cluster"):
        fastglm.bootstrap(fit, data=data, cluster=np.ones(len(data)))
