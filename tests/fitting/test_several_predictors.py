"""Ordered levels, counts with many zeros, and shares: R's numbers, derivatives, storages, refusals.

``responses/`` has 800 simulated rows and what R's ordinal, MASS, pscl and betareg say of them, taken to the optimum by
one exact Newton step.
"""

import json
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import scipy.sparse as sp

import fastglm
from fastglm import families
from fastglm.errors import CollinearityWarning, InvalidParameterError, MissingDataError, SeparationWarning
from fastglm.kernels import layout
from fastglm.kernels import several as loops

HERE = Path(__file__).parent / "responses"
REFERENCE = json.loads((HERE / "reference.json").read_text())
FAMILY = {
    "polr_logit": ("ordinal", "logit"), "polr_probit": ("ordinal", "probit"), "polr_cloglog": ("ordinal", "cloglog"),
    "zip": ("zero_inflated_poisson", None), "zinb": ("zero_inflated_negative_binomial", None),
    "hurdle_poisson": ("hurdle_poisson", None), "hurdle_negbin": ("hurdle_negative_binomial", None),
    "betareg": ("beta", None), "betareg_phi": ("beta", None),
}  # fmt: skip
COUNTS = (
    families.ZeroInflatedPoisson, families.ZeroInflatedNegativeBinomial, families.HurdlePoisson,
    families.HurdleNegativeBinomial,
)  # fmt: skip


@pytest.fixture(scope="module")
def rows():
    return pd.read_csv(HERE / "counts.csv")


@pytest.fixture(scope="module")
def simulated():
    """Rows of every kind of response, with an offset and weights."""
    rng = np.random.default_rng(11)
    n = 1500
    data = pd.DataFrame({"x": rng.normal(size=n), "z": rng.normal(size=n), "g": rng.choice(list("abc"), n)})
    data["o"], data["w"] = 0.3 * rng.normal(size=n), rng.integers(0, 4, n).astype(float)
    eta = 0.8 * data.x - 0.5 * data.z + 0.4 * (data.g == "b") + data.o
    data["number"] = np.searchsorted([-1.0, 0.0, 1.2], eta + rng.logistic(size=n))
    labels = np.array(["poor", "fair", "good", "best"])
    data["level"] = pd.Categorical(labels[data.number], labels, ordered=True)
    mean, zero = np.exp(0.5 + 0.4 * data.x + data.o), 1.0 / (1.0 + np.exp(1.0 - data.z))
    data["count"] = np.where(rng.random(n) < zero, 0, rng.negative_binomial(2, 2.0 / (2.0 + mean)))
    share = 1.0 / (1.0 + np.exp(-0.5 * data.x))
    data["share"] = rng.beta(4.0 * share, 4.0 * (1.0 - share))
    return data


@pytest.mark.parametrize("case", FAMILY)
def test_the_numbers_of_r(case, rows):
    family, link = FAMILY[case]
    theirs = REFERENCE[case]
    ours = fastglm.glm(theirs["formula"], rows, family=family, link=link)
    order = np.arange(len(ours.params))
    if family == "ordinal":
        slopes = len(order) - len(ours.thresholds)
        order = np.concatenate([order[slopes:], order[:slopes]])
        assert [ours.names[j] for j in order[: -slopes or None]] == theirs["names"][: len(ours.thresholds)]
    errors = np.array(theirs["se_observed"])
    assert np.abs((ours.params[order] - theirs["params"]) / errors).max() < 1e-9
    np.testing.assert_allclose(ours.llf, theirs["loglik"], rtol=1e-12)
    np.testing.assert_allclose(ours.aic, 2 * len(order) - 2 * theirs["loglik"], rtol=1e-12)
    # betareg's standard errors are of the expected information, as ours
    wanted, tolerance = (theirs["se_r"], 1e-9) if family == "beta" else (errors, 1e-6)
    np.testing.assert_allclose(ours.bse[order], wanted, rtol=tolerance)
    assert ours.converged
    assert ours.certificate < 1e-6


def derivatives(loop, arguments, eta, y):
    """First and second derivatives of each row by the loop, and by central differences of its values."""
    q, n = eta.shape

    def value(i, at):
        g, h = np.empty((q, 1)), np.empty((q * (q + 1) // 2, 1))
        total = loop(*arguments, np.ascontiguousarray(at[:, None]), y[i : i + 1], np.ones(1), g, h)
        return total, g[:, 0], h[:, 0]

    step = 1e-5
    for i in range(n):
        _, g, h = value(i, eta[:, i])
        up = [value(i, eta[:, i] + step * np.eye(q)[j]) for j in range(q)]
        down = [value(i, eta[:, i] - step * np.eye(q)[j]) for j in range(q)]
        first = np.array([(a[0] - b[0]) / (2 * step) for a, b in zip(up, down, strict=True)])
        second = np.array([(a[1] - b[1]) / (2 * step) for a, b in zip(up, down, strict=True)])
        np.testing.assert_allclose(g, first, rtol=1e-6, atol=1e-8)
        np.testing.assert_allclose(h, second[np.triu_indices(q)], rtol=1e-6, atol=1e-8)


@pytest.mark.parametrize("structure", [layout.CUMULATIVE, layout.ADJACENT, layout.CONTINUATION])
@pytest.mark.parametrize("link", range(5))
def test_derivatives_of_ordered_levels(structure, link):
    rng = np.random.default_rng(link)
    y = np.repeat(np.arange(4.0), 3)
    eta = np.vstack([rng.normal(size=12), np.sort(rng.normal(size=(3, 12)), axis=0) + [[-1.0], [0.0], [1.0]]])
    derivatives(loops.ordinal_rows, (structure, link), eta, y)


@pytest.mark.parametrize("structure", [layout.INFLATED, layout.HURDLE])
@pytest.mark.parametrize("q", [2, 3])
def test_derivatives_of_counts(structure, q):
    rng = np.random.default_rng(q)
    y = np.array([0.0, 0.0, 0.0, 1.0, 2.0, 5.0, 31.0, 33.0, 90.0])
    derivatives(loops.count_rows, (structure, q - 2), rng.normal(size=(q, len(y))), y)


@pytest.mark.parametrize("q", [1, 2])
def test_derivatives_of_truncated_counts(q):
    y = np.array([1.0, 1.0, 2.0, 3.0, 5.0, 31.0, 33.0, 90.0])
    derivatives(loops.truncated_rows, (q - 1,), np.random.default_rng(q).normal(size=(q, len(y))), y)


@pytest.mark.parametrize(("mean_link", "precision_link"), [(0, 6), (1, 5), (2, 7), (3, 5), (4, 6)])
def test_derivatives_of_shares(mean_link, precision_link):
    rng = np.random.default_rng(mean_link)
    y = rng.uniform(0.02, 0.98, 8)
    derivatives(
        loops.beta_rows, (mean_link, precision_link, 0), np.vstack([rng.normal(size=8), np.linspace(1, 4, 8)]), y
    )


@pytest.mark.parametrize("kind", ["cumulative", "adjacent", "continuation"])
@pytest.mark.parametrize("link", ["logit", "probit", "cloglog", "loglog", "cauchit"])
def test_the_likelihood_is_that_of_the_predicted_probabilities(kind, link, simulated):
    if kind == "adjacent" and link != "logit":
        with pytest.raises(InvalidParameterError, match="'adjacent' has 'logit' alone"):
            fastglm.glm("number ~ x", simulated, family=families.Ordinal(kind), link=link)
        return
    fit = fastglm.glm("number ~ x + z", simulated, family=families.Ordinal(kind), link=link)
    shares = fit.predict(simulated)
    np.testing.assert_allclose(shares.sum(axis=1), 1.0, rtol=1e-13)
    assert fit.llf == pytest.approx(np.log(shares[np.arange(len(shares)), simulated.number]).sum(), rel=1e-12)
    np.testing.assert_array_equal(fit.predict(simulated, "class"), shares.argmax(axis=1))
    np.testing.assert_allclose(fit.predict(simulated, "cumulative"), shares.cumsum(axis=1)[:, :-1], rtol=1e-12)
    assert abs(fit.residuals(data=simulated).mean()) < 0.03


def test_continuation_ratios_are_binary_fits_of_the_rows_that_remain(simulated):
    """Agresti (2010), section 4.2: of coefficients of their own the likelihood is a product of binomial ones."""
    fit = fastglm.glm("number ~ x + z", simulated, family=families.Ordinal("continuation"))
    stacked = pd.concat(
        [
            simulated[simulated.number >= k].assign(k=f"k{k}", stop=lambda d, k=k: (d.number == k) * 1.0)
            for k in range(3)
        ]
    )
    binary = fastglm.glm("stop ~ k + x + z - 1", stacked, family="binomial")
    np.testing.assert_allclose(
        fit.params, np.concatenate([-binary.params[3:], binary.params[:3]]), rtol=1e-7, atol=1e-9
    )
    np.testing.assert_allclose(fit.llf, binary.llf, rtol=1e-12)
    apart = [fastglm.glm("stop ~ x + z", d, family="binomial").llf for _, d in stacked.groupby("k")]
    test = fit.parallel_test(simulated)
    assert test.df.tolist() == [4.0, 2.0, 2.0]
    assert test.statistic[0] == pytest.approx(2.0 * (sum(apart) - fit.llf), rel=0.1)  # likelihood ratio


def test_parallel_coefficients_are_rejected_where_they_differ(simulated):
    fit = fastglm.glm("number ~ x + z", simulated, family="ordinal")
    assert fit.parallel_test(simulated).p_value[0] > 0.001
    rng = np.random.default_rng(5)
    x = rng.normal(size=3000)
    y = np.where(rng.random(3000) < 1 / (1 + np.exp(x)), 0, np.where(rng.random(3000) < 0.5, 1, 2))
    other = fastglm.fit(x[:, None], y, family="ordinal")
    assert fastglm.parallel_test(other, x[:, None], y).p_value[0] < 1e-6


@pytest.mark.parametrize("family", COUNTS)
def test_predictions_of_counts(family, simulated):
    fit = fastglm.glm("count ~ x + g | z", simulated, family=family, offset="o")
    k = np.arange(400)
    shares = fit.predict(simulated, "proba", counts=k)
    y = simulated["count"].to_numpy()
    assert fit.llf == pytest.approx(np.log(shares[np.arange(len(y)), y]).sum(), rel=1e-12)
    mean = shares @ k
    np.testing.assert_allclose(fit.predict(simulated), mean, rtol=1e-8)
    pearson = (y - mean) / np.sqrt(shares @ k**2 - mean**2)
    np.testing.assert_allclose(fit.residuals(data=simulated), pearson, rtol=1e-6, atol=1e-8)
    zero = fit.predict(simulated, "zero")
    if fit.family.inflated:
        np.testing.assert_allclose(mean, (1.0 - zero) * fit.predict(simulated, "count"), rtol=1e-8)
    else:
        np.testing.assert_allclose(zero, 1.0 - shares[:, 0], rtol=1e-12)
    assert fit.names[:1] == ("count_(Intercept)",)
    assert fit.names[4:6] == ("zero_(Intercept)", "zero_z")


def test_predictions_of_shares(simulated):
    from scipy.stats import beta

    fit = fastglm.glm("share ~ x | z", simulated, family="beta")
    alone = fastglm.glm("share ~ 1", simulated, family="beta")  # its own null model
    assert alone.llf == pytest.approx(alone.llnull, abs=1e-9)
    assert fit.llnull == pytest.approx(alone.llf, abs=1e-9)
    mean, phi = fit.predict(simulated), fit.predict(simulated, "precision")
    law = beta(mean * phi, (1.0 - mean) * phi)
    assert fit.llf == pytest.approx(law.logpdf(simulated.share).sum(), rel=1e-12)
    np.testing.assert_allclose(fit.predict(simulated, "variance"), law.var(), rtol=1e-12)
    np.testing.assert_allclose(fit.predict(simulated, "quantile", quantiles=[0.3])[:, 0], law.ppf(0.3), rtol=1e-10)
    np.testing.assert_allclose(fit.residuals(data=simulated), (simulated.share - mean) / law.std(), rtol=1e-12)


@pytest.mark.parametrize("family", ["ordinal", "zero_inflated_poisson", "hurdle_negative_binomial", "beta"])
def test_storages_agree(family, simulated, tmp_path):
    y = {"ordinal": "number", "beta": "share"}.get(family, "count")
    X, offset, weights = simulated[["x", "z"]], simulated.o.to_numpy(), simulated.w.to_numpy()
    fit = fastglm.fit(X.to_numpy(), simulated[y].to_numpy(), family=family, offset=offset, weights=weights)
    sparse = fastglm.fit(sp.csr_matrix(X.to_numpy()), simulated[y], family=family, offset=offset, weights=weights)
    frame = fastglm.glm(f"{y} ~ x + z", simulated, family=family, offset="o", weights="w")
    simulated.drop(columns="level").to_parquet(tmp_path / "rows.parquet")
    file = fastglm.glm(f"{y} ~ x + z", tmp_path / "rows.parquet", family=family, offset="o", weights="w")
    for other in (sparse, frame, file):
        assert np.abs((other.params - fit.params) / fit.bse).max() < 1e-7
        np.testing.assert_allclose(other.bse, fit.bse, rtol=1e-6)
    expected = fit.predict(X.to_numpy(), offset=offset)
    np.testing.assert_allclose(file.predict(tmp_path / "rows.parquet"), expected, rtol=1e-6)
    written = file.predict(tmp_path / "rows.parquet", out=tmp_path / "answers.parquet")
    assert written.rows == len(simulated)
    np.testing.assert_allclose(
        file.residuals(data=tmp_path / "rows.parquet"), frame.residuals(data=simulated), rtol=1e-6, atol=1e-8
    )
    frame.save(tmp_path / "fit.json")
    again = fastglm.load(tmp_path / "fit.json")
    np.testing.assert_array_equal(again.params, frame.params)
    np.testing.assert_array_equal(again.predict(simulated), frame.predict(simulated))
    assert str(again.summary()) == str(frame.summary())
    assert list(frame.tidy().columns[:3]) == ["part", "term", "estimate"]


def test_ordered_labels_from_categories_and_from_levels(simulated, tmp_path):
    numbers = fastglm.glm("number ~ x + g", simulated, family="ordinal")
    ordered = fastglm.glm("level ~ x + g", simulated, family="ordinal")
    text = simulated.assign(level=simulated.level.astype(str))
    text.to_parquet(tmp_path / "text.parquet")
    levels = families.Ordinal(levels=("poor", "fair", "good", "best"))
    for fit in (
        ordered, fastglm.glm("level ~ x + g", text, family=levels),
        fastglm.glm("level ~ x + g", tmp_path / "text.parquet", family=levels),
    ):  # fmt: skip
        np.testing.assert_allclose(fit.params, numbers.params, rtol=1e-12)
        assert fit.names[3:] == ("poor|fair", "fair|good", "good|best")
        assert fit.classes == levels.levels
    with pytest.raises(InvalidParameterError, match=r"labels without an order \('best', 'fair', 'good', 'poor'\)"):
        fastglm.glm("level ~ x + g", text, family="ordinal")


@pytest.mark.parametrize("family", ["ordinal", "zero_inflated_negative_binomial", "beta"])
def test_weights_are_repetitions_and_offsets_move_coefficients(family, simulated):
    y = {"ordinal": "number", "beta": "share"}.get(family, "count")
    repeated = simulated.loc[simulated.index.repeat(simulated.w.astype(int))]
    plain = fastglm.glm(f"{y} ~ x", repeated, family=family, cov="robust")
    weighted = fastglm.glm(f"{y} ~ x", simulated, family=family, weights="w")
    frequent = fastglm.glm(f"{y} ~ x", simulated, family=family, freq_weights="w", cov="robust")
    for fit in (weighted, frequent):
        assert np.abs((fit.params - plain.params) / plain.bse).max() < 1e-7
    np.testing.assert_allclose(frequent.bse, plain.bse, rtol=1e-6)
    assert frequent.nobs == plain.nobs
    shifted = fastglm.glm(f"{y} ~ x + offset(0.7 * x)", simulated, family=family, weights="w")
    at = [name.endswith("x") and not name.startswith(("zero", "(phi)")) for name in shifted.names].index(True)
    move = np.zeros(len(shifted.params))
    move[at] = 0.7
    np.testing.assert_allclose(shifted.params + move, weighted.params, rtol=1e-6, atol=1e-8)


def test_robust_covariance_is_the_sandwich_of_the_rows_scores(simulated):
    data = simulated[:300]
    fit = fastglm.glm("count ~ x | z", data, family="zero_inflated_poisson", cov="robust")
    y, X, Z = data["count"].to_numpy(), *(np.column_stack([np.ones(300), data[name]]) for name in "xz")

    def rows(b):
        mu, zero = np.exp(X @ b[:2]), 1.0 / (1.0 + np.exp(-Z @ b[2:]))
        return np.where(y == 0, np.log(zero + (1 - zero) * np.exp(-mu)), np.log1p(-zero) + y * np.log(mu) - mu)

    step = 1e-6
    scores = np.column_stack([(rows(fit.params + d) - rows(fit.params - d)) / (2 * step) for d in step * np.eye(4)])
    expected = fit.cov_unscaled @ scores.T @ scores @ fit.cov_unscaled
    np.testing.assert_allclose(fit.cov_params(), expected, rtol=1e-5, atol=1e-8)


def test_many_rows_begin_at_a_sample():
    rng = np.random.default_rng(3)
    X = rng.normal(size=(200_000, 2))
    y = np.searchsorted([-1.0, 0.0, 1.0], X @ [0.5, -1.0] + rng.logistic(size=len(X)))
    fit = fastglm.fit(X, y, family="ordinal")
    assert fit.n_passes < 5.5
    # the score by the predicted probabilities alone, in units of the standard errors
    shares = np.hstack([np.zeros((len(X), 1)), fit.predict(X, "cumulative"), np.ones((len(X), 1))])
    each = np.arange(len(X))
    residual = shares[each, y] + shares[each, y + 1] - 1.0  # the logistic score in eta, less its sign
    assert np.abs(X.T @ residual * fit.bse[:2]).max() < 1e-5
    np.testing.assert_allclose(fit.params, [0.5, -1.0, -1.0, 0.0, 1.0], atol=0.03)


def test_redundant_columns_and_parts(simulated):
    with pytest.warns(CollinearityWarning, match="count_I"):
        fit = fastglm.glm("count ~ x + I(2 * x) | 1", simulated, family="hurdle_poisson")
    alone = fastglm.glm("count ~ x | 1", simulated, family="hurdle_poisson")
    assert np.isnan(fit.params[2])
    np.testing.assert_allclose(np.delete(fit.params, 2), alone.params, rtol=1e-7)
    chosen = fastglm.fit(simulated[["x", "z"]], simulated["count"], family=families.HurdlePoisson(zero=["z"]))
    numbered = fastglm.fit(
        simulated[["x", "z"]].to_numpy(), simulated["count"], family=families.HurdlePoisson(zero=[1])
    )
    np.testing.assert_array_equal(chosen.params, numbered.params)
    assert chosen.names == ("count_(Intercept)", "count_x", "count_z", "zero_(Intercept)", "zero_z")
    # the two parts of a hurdle are fits of their own
    logit = fastglm.glm("I((count > 0) * 1.0) ~ z", simulated, family="binomial")
    np.testing.assert_allclose(chosen.params[3:], logit.params, rtol=1e-6)


@pytest.mark.parametrize("family", ["zero_inflated_poisson", "hurdle_poisson"])
def test_separation_in_the_zero_part_is_named(family, simulated):
    data = simulated.assign(s=((simulated["count"] == 0) & (simulated.z > 0)) * 1.0)
    with pytest.warns(SeparationWarning, match="separation in the zero part"):
        fit = fastglm.glm("count ~ x | s", data, family=family)
    assert not fit.converged
    assert fit.stop == "separation"


def refusals():
    """(message, y, options) of fits that are refused."""
    y, x = np.array([0, 1, 2, 1, 0, 3]), np.array([0.1, 0.5, 0.2, 0.9, 0.3, 0.4])
    ordinal = families.Ordinal
    return [
        ("y = -1 at row 1 is outside", np.where(y == 1, -1, y), {"family": "zero_inflated_poisson"}),
        ("y = 0.5 at row 0 is not a whole number", y + 0.5, {"family": "hurdle_poisson"}),
        ("y has no zero", y + 1, {"family": "zero_inflated_negative_binomial"}),
        ("y is zero in every row", 0 * y, {"family": "hurdle_poisson"}),
        ("strictly between 0 and 1", np.where(y == 0, 0.0, x), {"family": "beta"}),
        ("strictly between 0 and 1", np.where(y == 0, 1.0, x), {"family": "beta"}),
        ("one class only", 0 * y, {"family": "ordinal"}),
        ("the level 4 has no rows", y, {"family": ordinal(levels=(0, 1, 2, 3, 4))}),
        ("the label 3, which is not among levels", y, {"family": ordinal(levels=(0, 1, 2))}),
        ("names a label twice", y, {"family": ordinal(levels=(0, 1, 2, 3, 3))}),
        ("kind='other' is unknown", y, {"family": ordinal("other")}),
        ("link='log': family='ordinal' has 'logit'", y, {"family": "ordinal", "link": "log"}),
        ("link='logit': family='hurdle_poisson'", y, {"family": "hurdle_poisson", "link": "logit"}),
        ("precision_link='logit' is unknown", x, {"family": families.Beta(precision_link="logit")}),
        ("zero: 'q' is none of the columns", y, {"family": families.HurdlePoisson(zero=["q"])}),
        ("zero='x1' must be a sequence", y, {"family": families.HurdlePoisson(zero="x1")}),
        ("penalty: family='ordinal'", y, {"family": "ordinal", "penalty": {"ridge": 1.0}}),
        ("cov='HC3': family='ordinal'", y, {"family": "ordinal", "cov": "HC3"}),
        ("solver='lbfgs': family='beta'", x, {"family": "beta", "solver": "lbfgs"}),
        ("start: family='beta'", x, {"family": "beta", "start": [0.0]}),
        ("bias_reduction='firth'", y, {"family": "ordinal", "bias_reduction": "firth"}),
        ("exposure needs the log link", x, {"family": "beta", "exposure": 1.0 + x}),
    ]  # fmt: skip


@pytest.mark.parametrize(("message", "y", "options"), refusals(), ids=[message[:28] for message, *_ in refusals()])
def test_refusals(message, y, options):
    with pytest.raises(InvalidParameterError) as caught:
        fastglm.fit(np.arange(6.0)[:, None], y, **options)
    assert message in str(caught.value)


@pytest.mark.parametrize(
    ("message", "formula", "family"),
    [
        ("family='ordinal' has one part", "number ~ x | z", "ordinal"),
        ("has no constant", "count ~ x | z - 1", "hurdle_poisson"),
        ("offset and exposure belong to the first part", "count ~ x | offset(z)", "hurdle_poisson"),
        ("has two parts", "count ~ x | z | g", "hurdle_poisson"),
        ("leave zero= out", "count ~ x | z", families.HurdlePoisson(zero=["z"])),
        ("has g:x without g", "count ~ x:g + x | g", "hurdle_poisson"),
    ],
)
def test_refusals_of_formulas(message, formula, family, simulated):
    with pytest.raises(InvalidParameterError) as caught:
        fastglm.glm(formula, simulated, family=family)
    assert message in str(caught.value)


def test_missing_values_and_verbs_that_there_are_not(simulated):
    holes = simulated.assign(number=simulated.number.where(simulated.x > -1.5).astype(float))
    with pytest.raises(MissingDataError, match="number"):
        fastglm.glm("number ~ x", holes, family="ordinal")
    fit = fastglm.glm("number ~ x", holes, family="ordinal", missing="drop")
    assert fit.nobs == holes.number.notna().sum()
    assert fit.names[1:] == ("0|1", "1|2", "2|3")
    for verb in (
        lambda: fit.emmeans("x", simulated), lambda: fit.anova(simulated), lambda: fit.predict(simulated, "mean"),
    ):  # fmt: skip
        with pytest.raises(InvalidParameterError):
            verb()
    X = simulated[["x", "z"]].to_numpy()
    counts = fastglm.fit(X, simulated["count"], family="hurdle_poisson")
    for verb in (
        lambda: fastglm.drop1(counts, X, simulated["count"]),
        lambda: fastglm.profile(counts, "count_x1", X, simulated["count"]),
        lambda: fastglm.plan("share ~ x", simulated, family="beta"),
        lambda: fastglm.detect_separation(counts, X, simulated["count"]),
        lambda: fastglm.local(X[:, 0], simulated.share.to_numpy(), family="beta"),
    ):  # fmt: skip
        with pytest.raises(InvalidParameterError, match="several linear predictors"):
            verb()
    assert fit.wald_test("x = 0").statistic == pytest.approx(fit.tvalues[0] ** 2)


def test_log_gamma_and_its_derivatives_have_their_digits():
    import mpmath

    points = [*10.0 ** np.arange(-12.0, 12.0, 1.7), *np.linspace(0.5, 12.0, 40), 9.0, np.nextafter(9.0, 0.0)]
    with mpmath.workdps(40):
        for x in points:
            wanted = [float(f) for f in (mpmath.loggamma(x), mpmath.psi(0, x), mpmath.psi(1, x))]
            found, size = loops.gammas.py_func(float(x)), 1.0 + abs(np.log(x))
            np.testing.assert_allclose(found, wanted, rtol=2e-14, atol=2e-14 * size)


@pytest.mark.parametrize(("mean_link", "phi"), [(0, 6.0), (2, 0.3), (0, None)])
def test_the_density_of_shares_is_that_of_scipy(mean_link, phi):
    from scipy.stats import beta

    rng = np.random.default_rng(8)
    n = 700  # more than are held at a time, the last ones fewer
    y, w = rng.uniform(0.001, 0.999, n), rng.integers(0, 3, n).astype(float)
    eta = np.vstack([rng.normal(size=n), np.full(n, phi) if phi else rng.uniform(0.01, 30.0, n)])
    g, h = np.empty((2, n)), np.empty((3, n))
    mean = 1.0 / (1.0 + np.exp(-eta[0])) if mean_link == 0 else -np.expm1(-np.exp(eta[0]))
    wanted = w * beta(mean * eta[1], (1.0 - mean) * eta[1]).logpdf(y)
    assert loops.beta_rows(mean_link, 6, 1, eta, y, w, g, h) == pytest.approx(wanted.sum(), rel=1e-12)
    assert not g[:, w == 0.0].any()
    w[3], eta[1, 3] = 1.0, -1.0  # a precision out of range
    assert loops.beta_rows(mean_link, 6, 1, eta, y, w, g, h) == -np.inf
