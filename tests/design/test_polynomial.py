"""``polynomial(x, z, degree=3)``: the curves of raw powers, learnt once, the same in files and for new rows."""

import numpy as np
import pytest

import fastglm
from fastglm.errors import InvalidParameterError

pd = pytest.importorskip("pandas")
rng = np.random.default_rng(0)
FRAME = pd.DataFrame({"x": rng.uniform(20, 80, 300), "z": rng.uniform(0, 1, 300), "c": 3.0})
FRAME["y"] = FRAME.x**2 / 100 + FRAME.z * FRAME.x + rng.normal(size=300)
RAW = {
    "polynomial(x, degree=3)": "x + I(x**2) + I(x**3)",
    "polynomial(x, z)": "x + z + I(x**2) + x:z + I(z**2)",
    "polynomial(x, z, degree=3, interaction=False)": "x + z + I(x**2) + I(z**2) + I(x**3) + I(z**3)",
    "polynomial(x, z, degree=3)":
        "x + z + I(x**2) + x:z + I(z**2) + I(x**3) + I(x**2):z + x:I(z**2) + I(z**3)",
}  # fmt: skip


@pytest.mark.parametrize("text", RAW)
def test_the_fit_of_raw_powers(text):
    found, raw = fastglm.glm(f"y ~ {text}", FRAME), fastglm.glm(f"y ~ {RAW[text]}", FRAME)
    assert len(found.names) == len(raw.names)
    assert found.deviance == pytest.approx(raw.deviance, rel=1e-12)
    np.testing.assert_allclose(found.predict(FRAME[:9]), raw.predict(FRAME[:9]), rtol=1e-11)


def test_names_are_exponents_and_scales_are_learnt_once(tmp_path):
    found = fastglm.glm("y ~ polynomial(x, z)", FRAME)
    assert found.names[1:] == tuple(f"polynomial(x, z)[{e}]" for e in ("1.0", "0.1", "2.0", "1.1", "0.2"))
    unit = (FRAME.x - FRAME.x.mean()) / FRAME.x.std(ddof=0)
    assert found.predict(FRAME[:1]) == pytest.approx(found.predict(FRAME)[:1], rel=1e-14)
    alone = fastglm.glm("y ~ polynomial(x, degree=2)", FRAME)
    by_hand = fastglm.fit(np.column_stack([unit, unit**2]), FRAME.y.to_numpy())
    np.testing.assert_allclose(alone.params, by_hand.params, rtol=1e-12)
    found.save(tmp_path / "found.json")
    again = fastglm.load(tmp_path / "found.json")
    np.testing.assert_array_equal(again.predict(FRAME[:9]), found.predict(FRAME[:9]))


def test_files_have_the_columns_of_frames(tmp_path):
    pytest.importorskip("pyarrow")
    FRAME.to_parquet(tmp_path / "rows.parquet", row_group_size=70)
    found = fastglm.glm("y ~ polynomial(x, z)", str(tmp_path / "rows.parquet"))
    np.testing.assert_allclose(found.params, fastglm.glm("y ~ polynomial(x, z)", FRAME).params, rtol=1e-12)


@pytest.mark.parametrize("text, said", [
    ("polynomial(x, degree=0)", "whole number"), ("polynomial(x, degree=1.5)", "whole number"),
    ("polynomial(x, z, degree=100)", "more than 1000"), ("polynomial(x, degree=2000)", "more than 1000"),
    ("polynomial(x, c)", "constant"), ("polynomial()", "1 to 50 arguments"), ("polynomial(x, power=2)", "power"),
])  # fmt: skip
def test_what_cannot_be_computed(text, said):
    with pytest.raises(InvalidParameterError, match=said):
        fastglm.glm(f"y ~ {text}", FRAME)
