"""Sandwiches whose powers depend on the leverage: R's ``vcovHC``."""

import json
from pathlib import Path

import numpy as np
import pytest

import fastglm

pd = pytest.importorskip("pandas")
FOLDER = Path(__file__).parents[1] / "fitting/inference"
CASES = {path.stem: json.loads(path.read_text()) for path in sorted(FOLDER.glob("hc_*.json"))}
KINDS = ["HC0", "HC1", "HC2", "HC3", "HC4", "HC4m", "HC5"]


def frame(case):
    data = pd.read_csv(FOLDER / Path(case["data"]).name)
    for name, levels in case["levels"].items():
        data[name] = pd.Categorical(data[name].astype(str), levels)
    return data


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("name", CASES)
def test_covariances_of_r(name, kind):
    case = CASES[name]
    family = {"lm": "gaussian"}.get(case["family"], case["family"])
    fit = fastglm.glm(case["formula"].replace("^", "**"), frame(case), family=family, link=case["link"], cov=kind)
    expected = np.array(case["expected"][kind])
    np.testing.assert_allclose(fit.cov_params(), expected, rtol=2e-8, atol=2e-8 * np.abs(expected).max())


@pytest.mark.parametrize("kind", KINDS[4:])
def test_storages_have_the_same(kind, tmp_path):
    pytest.importorskip("pyarrow")
    rng = np.random.default_rng(0)
    data = pd.DataFrame({"x": rng.standard_t(3, 3000), "g": rng.choice(list("abcd"), 3000)})
    data["y"] = rng.poisson(np.exp(0.2 * np.clip(data.x, -3, 3)))
    whole = fastglm.glm("y ~ x + g", data, family="poisson", cov=kind)
    data.to_parquet(tmp_path / "rows.parquet", row_group_size=500)
    stored = fastglm.glm("y ~ x + g", str(tmp_path / "rows.parquet"), family="poisson", cov=kind)
    np.testing.assert_allclose(stored.bse, whole.bse, rtol=1e-10)
    after = fastglm.glm("y ~ x + g", data, family="poisson").with_cov(kind, data=data)
    np.testing.assert_allclose(after.bse, whole.bse, rtol=1e-10)
