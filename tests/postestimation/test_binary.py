"""Discrimination and calibration of binomial models against R's pROC and ResourceSelection, and across storages."""

import numpy as np
import pytest
from reference_cases import CASES, fitted, frame, named, same

import fastglm
from fastglm.errors import InvalidParameterError, MissingDataError
from fastglm.postestimation import tallies

pd = pytest.importorskip("pandas")


@pytest.mark.parametrize("name", named("binary_diagnostics"))
def test_discrimination_and_calibration_are_those_of_r(name):
    case, expected = CASES[name], CASES[name]["expected"]
    result, data = fitted(case), frame(case)
    found = result.binary_diagnostics(data)
    area = found.auc()
    same([area.auc, area.se**2], [expected["auc"], expected["auc_delong_var"]])
    same([area.lower, area.upper], expected["auc_delong_ci"])
    assert np.isclose(found.brier().brier, expected["brier"], rtol=1e-10)
    assert np.isclose(found.brier().scaled, expected["brier_scaled"], rtol=1e-10)
    for groups in (10, 8):
        test, wanted = found.hosmer_lemeshow(groups), expected[f"hosmer_lemeshow_{groups}"]
        same([test.statistic, test.df, test.p_value], [wanted["chisq"], wanted["df"], wanted["p"]])
        same(test.observed, wanted["observed"])
        same(test.expected, wanted["expected"])
    table = found.calibration_test()
    wanted = [expected[f"calibration_{key}"] for key in ("in_the_large", "slope", "slope_se")]
    np.testing.assert_allclose([*table.estimate[:2], table.std_error[1]], wanted, rtol=1e-8, atol=1e-8)
    np.testing.assert_allclose(table.statistic[2], expected["calibration_joint_LR"], rtol=1e-8, atol=1e-9)
    assert np.isclose(table.statistic[3], expected["spiegelhalter_z"], rtol=1e-7)
    marker = "s100b" if "s100b" in data else "smoke"
    for other in (marker, data[marker].to_numpy(float)):
        test = result.roc_test(other, data)
        same([*test.auc, test.statistic, test.p_value],
             [expected[key] for key in ("auc", "auc_other", "delong_paired_Z", "delong_paired_p")])  # fmt: skip
    single = fastglm.glm(case["formula"].split("~")[0] + f"~ {marker}", data, family="binomial")
    same(result.roc_test(single, data).statistic, expected["delong_paired_Z"])


def simulated(n=2000, seed=0):
    rng = np.random.default_rng(seed)
    X = rng.normal(size=(n, 2)).round(1)
    y = rng.binomial(1, 1.0 / (1.0 + np.exp(-0.5 - X @ [1.0, -0.5])))
    return X, y, fastglm.fit(X, y, family="binomial")


def test_tables_and_curves_are_counts_of_rows():
    X, y, result = simulated()
    found, mu = result.binary_diagnostics(X, y), result.predict(X)
    table = found.confusion([0.2, 0.5])
    for i, cut in enumerate([0.2, 0.5]):
        called = mu > cut
        counts = [np.sum((called == call) & (y == seen)) for call in (True, False) for seen in (1, 0)]
        assert table.iloc[i][["tp", "fp", "fn", "tn"]].tolist() == counts
        assert table.accuracy[i] == np.mean(called == y)
    curve = found.roc()
    same(np.trapezoid(curve.tpr, curve.fpr), curve.auc)
    assert curve.auc == pytest.approx(result.score(X, y).auc, rel=1e-12)
    for k in (5, 300):
        called = mu >= curve.threshold[k] - 1e-12
        np.testing.assert_allclose([called[y == 1].mean(), called[y == 0].mean()], [curve.tpr[k], curve.fpr[k]])
    parts = found.brier(7)
    assert parts.brier == pytest.approx(parts.reliability - parts.resolution + parts.uncertainty + parts.within)
    groups = found.calibration(5)
    assert groups.weight.sum() == 2000
    assert (groups.lower < groups.observed).all() and (groups.observed < groups.upper).all()
    same(groups.weight @ groups.observed, y.sum())
    same(groups.weight @ groups.predicted, mu.sum())


def test_many_linear_predictors_share_cells_of_stated_size(monkeypatch):
    rng = np.random.default_rng(1)
    X = rng.normal(size=(5000, 2))
    y = rng.binomial(1, 1.0 / (1.0 + np.exp(-X @ [1.0, -0.5])))
    result = fastglm.fit(X, y, family="binomial")
    exact = result.binary_diagnostics(X, y)
    monkeypatch.setattr(tallies, "MOST_TALLY_CELLS", 500)
    rough = result.binary_diagnostics(X, y)
    assert exact.error == 0.0 and 0.0 < rough.error < 0.05 and len(rough.mean) <= 500
    assert abs(rough.auc().auc - exact.auc().auc) < rough.error
    assert abs(rough.brier().brier - exact.brier().brier) < 1e-3
    np.testing.assert_allclose(rough.calibration_test().estimate[1], 1.0, atol=0.01)


def test_trials_weights_and_files_count_as_rows(tmp_path):
    pytest.importorskip("pyarrow")
    X, y, result = simulated(400)
    base = result.binary_diagnostics(X, y)
    data = pd.DataFrame({"a": X[:, 0], "b": X[:, 1], "y": y, "f": 1 + np.arange(400) % 3})
    cells = data.groupby(["a", "b"], as_index=False).agg(k=("y", "sum"), n=("y", "size"))
    cells["m"] = cells.n - cells.k
    grouped = fastglm.glm("cbind(k, m) ~ a + b", cells, family="binomial")
    same(grouped.binary_diagnostics(cells).auc()[:2], base.auc()[:2], 1e-7)
    same(grouped.hosmer_lemeshow(cells)[:3], base.hosmer_lemeshow()[:3], 1e-6)
    model = fastglm.glm("y ~ a + b", data, family="binomial", freq_weights="f")
    data.to_parquet(tmp_path / "rows.parquet", row_group_size=150)
    repeated = data.loc[data.index.repeat(data.f)].assign(f=1)
    expected = model.binary_diagnostics(data).auc()
    same(model.binary_diagnostics(tmp_path / "rows.parquet").auc(), expected, 1e-10)
    same(model.binary_diagnostics(repeated).auc(), expected, 1e-10)
    other = fastglm.glm("y ~ a", data, family="binomial", freq_weights="f")
    same(model.roc_test(other, tmp_path / "rows.parquet").statistic, model.roc_test(other, repeated).statistic, 1e-10)


def test_what_makes_no_sense_is_refused_by_name():
    X, y, result = simulated(300)
    with pytest.raises(InvalidParameterError, match="of a binomial model"):
        fastglm.fit(X, y, family="poisson").binary_diagnostics(X, y)
    with pytest.raises(InvalidParameterError, match="softmax"):
        fastglm.fit(X, y + (X[:, 0] > 1), family="multinomial").roc(X, y)
    with pytest.raises(InvalidParameterError, match="both outcomes"):
        result.binary_diagnostics(X, np.ones(300))
    with pytest.raises(InvalidParameterError, match="between 0 and 1"):
        result.binary_diagnostics(X, y).confusion(1.5)
    with pytest.raises(MissingDataError, match="row 3"):
        result.roc_test(np.where(np.arange(300) == 3, np.nan, X[:, 0]), X, y)
    with pytest.raises(InvalidParameterError, match="must be a positive whole number"):
        result.hosmer_lemeshow(X, y, groups=0)
