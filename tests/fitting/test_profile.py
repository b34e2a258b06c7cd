"""Profile likelihood: limits and curves of an independent program, in high precision; infinite ends; other storages."""

import json
import re
from pathlib import Path

import numpy as np
import pytest

import fastglm
from fastglm.errors import InvalidParameterError
from fastglm.families import NegativeBinomial

pd = pytest.importorskip("pandas")
FOLDER = Path(__file__).parent / "inference"
CASES = {path.stem: json.loads(path.read_text()) for path in sorted(FOLDER.glob("profile_*.json"))}
pytestmark = pytest.mark.filterwarnings("ignore::fastglm.errors.SeparationWarning")


def fitted(case):
    data = pd.read_csv(FOLDER / Path(case["data"]).name)
    for name, levels in case["levels"].items():
        data[name] = pd.Categorical(data[name].astype(str), levels)
    family = NegativeBinomial(2.0) if case["family"] == "negative_binomial" else case["family"]
    shift = f" + offset({case['offset']})" if case["offset"] else ""
    return fastglm.glm(case["formula"] + shift, data, family=family, link=case["link"]), data


def named(fit):
    return [re.sub(r"\[T\.(.*?)\]", r"\1", name) for name in fit.names]


@pytest.mark.parametrize("name", CASES)
def test_limits(name):
    case = CASES[name]
    fit, data = fitted(case)
    exact = case["expected"]["exact"]
    ends = exact.get("ends", exact)
    for kind, level, normal in (("normal_95", 0.95, True), ("normal_90", 0.9, True), ("t_95", 0.95, False)):
        found = fastglm.profile_limits(fit, data, level=level, normal=normal)
        for coefficient, limits in zip(named(fit), found.limits, strict=True):
            if coefficient in ends and kind in ends[coefficient]:
                np.testing.assert_allclose(limits, [float(v) for v in ends[coefficient][kind]], rtol=1e-10, atol=1e-10)
        assert found.n_passes < 40


@pytest.mark.parametrize("name", [name for name in CASES if "curves" in CASES[name]["expected"]["exact"]])
def test_curves(name):
    case = CASES[name]
    fit, data = fitted(case)
    for coefficient, ours in zip(named(fit), fit.names, strict=True):
        points = case["expected"]["exact"]["curves"][coefficient]
        found = fit.profile(ours, data, values=[point["value"] for point in points])
        np.testing.assert_allclose(found.signed_root, [point["signed_root"] for point in points], rtol=1e-8)
        np.testing.assert_allclose(found.params, [point["params"] for point in points], rtol=1e-7, atol=1e-9)
    assert fit.profile(ours, data).values.shape == (21,)


def test_a_side_without_an_end():
    fit, data = fitted(CASES["profile_logit_separated"])
    limits = fit.conf_int(method="profile", data=data)
    j = named(fit).index("gb")
    assert limits[j, 1] == np.inf and np.isfinite(limits[j, 0])
    assert np.isfinite(np.delete(limits, j, 0)).all()


def test_arrays_files_and_least_squares(tmp_path):
    rng = np.random.default_rng(0)
    X = rng.normal(size=(300, 2))
    y = rng.poisson(np.exp(0.3 * X[:, 0])).astype(float)
    w = rng.uniform(0.5, 2.0, 300)
    data = pd.DataFrame(X, columns=["x1", "x2"]).assign(y=y, w=w)
    by_formula = fastglm.glm("y ~ x1 + x2", data, family="poisson", weights="w").conf_int(method="profile", data=data)
    by_array = fastglm.fit(X, y, family="poisson", weights=w).conf_int(method="profile", data=X, y=y, weights=w)
    np.testing.assert_allclose(by_array, by_formula, rtol=1e-10)
    pytest.importorskip("pyarrow")
    data.to_parquet(tmp_path / "rows.parquet", row_group_size=50)
    path = str(tmp_path / "rows.parquet")
    stored = fastglm.glm("y ~ x1 + x2", path, family="poisson", weights="w")
    np.testing.assert_allclose(stored.conf_int(method="profile", data=path), by_formula, rtol=1e-10)
    line = fastglm.glm("y ~ x1 + x2", data)
    np.testing.assert_allclose(line.conf_int(method="profile", data=data), line.conf_int(), rtol=1e-9)


def test_aliased_coefficients_and_bad_names():
    rng = np.random.default_rng(1)
    X = rng.normal(size=(100, 2))
    X, y = np.column_stack([X, X[:, 0]]), rng.poisson(1.0, 100)
    with pytest.warns(fastglm.errors.CollinearityWarning):
        fit = fastglm.fit(X, y, family="poisson")
    limits = fit.conf_int(method="profile", data=X, y=y)
    assert np.isnan(limits[3]).all() and np.isfinite(limits[:3]).all()
    alone = fastglm.fit(X[:, :2], y, family="poisson").conf_int(method="profile", data=X[:, :2], y=y)
    np.testing.assert_allclose(limits[:3], alone, rtol=1e-9)
    for bad in ("x3", "nothing"):
        with pytest.raises(InvalidParameterError, match="names"):
            fastglm.profile(fit, bad, X, y)
    with pytest.raises(InvalidParameterError, match="unknown"):
        fit.conf_int(method="exact")
    with pytest.raises(InvalidParameterError, match="data"):
        fit.conf_int(method="profile")
