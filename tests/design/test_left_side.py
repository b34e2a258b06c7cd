"""The left side of a formula is arithmetic, as R reads it: from frames, files and new rows."""

import numpy as np
import pytest

import fastglm
from fastglm.errors import InvalidParameterError

pd = pytest.importorskip("pandas")
pytest.importorskip("formulaic")
pytest.importorskip("pyarrow")


def table(n=300, seed=0):
    rng = np.random.default_rng(seed)
    x = rng.normal(size=n)
    y = rng.binomial(9, 1 / (1 + np.exp(-x)))
    return pd.DataFrame({"x": x, "y": y, "n": 9, "y1": x + rng.normal(size=n), "y2": rng.uniform(1, 3, n), "a b": 1 + y,
                         "z": rng.choice(["p", "q"], n)})  # fmt: skip


LEFT = {
    "n - y": lambda f: f.n - f.y,
    "y**2": lambda f: f.y**2.0,
    "y^2": lambda f: f.y**2.0,
    "(y1 - y2)": lambda f: f.y1 - f.y2,
    "log(n) - y1": lambda f: np.log(f.n) - f.y1,
    "y1 - 1": lambda f: f.y1 - 1,
    "y1 + y2": lambda f: f.y1 + f.y2,
    "-y1": lambda f: -f.y1,
    "y * y2": lambda f: f.y * f.y2,
    "y / n": lambda f: f.y / f.n,
    "2 * y1 - 3 * (x + y2) / n": lambda f: 2 * f.y1 - 3 * (f.x + f.y2) / f.n,
    "log(`a b`) + 1": lambda f: np.log(f["a b"]) + 1,
    "`a b`": lambda f: f["a b"],
    "I(y1 - y2)": lambda f: f.y1 - f.y2,
}


@pytest.mark.parametrize("left", LEFT)
def test_the_left_side_is_arithmetic(tmp_path, left):
    frame, new = table(), table(40, seed=1)
    frame.to_parquet(tmp_path / "d.parquet", row_group_size=70)
    new.to_parquet(tmp_path / "new.parquet")
    wanted = fastglm.fit(frame[["x"]], np.asarray(LEFT[left](frame), float))
    found = fastglm.glm(f"{left} ~ x", frame)
    np.testing.assert_allclose(found.params, wanted.params, rtol=1e-12, atol=1e-14)
    assert found.deviance == pytest.approx(wanted.deviance, rel=1e-12)
    for memory in (None, 0):
        files = fastglm.glm(f"{left} ~ x", str(tmp_path / "d.parquet"), memory=memory)
        np.testing.assert_array_equal(files.params, found.params)
    y = np.asarray(LEFT[left](new), float)
    for rows in (new, str(tmp_path / "new.parquet")):
        np.testing.assert_allclose(found.residuals(data=rows), wanted.residuals(new[["x"]], y), rtol=1e-9, atol=1e-11)
        assert found.score(rows).deviance == pytest.approx(wanted.score(new[["x"]], y).deviance, rel=1e-12)


def test_two_columns_of_counts_stay_and_take_arithmetic():
    frame = table()
    counts = fastglm.glm("cbind(y, n - y) ~ x", frame, family="binomial")
    share = fastglm.glm("y / n ~ x", frame, family="binomial", weights="n")
    np.testing.assert_allclose(counts.params, share.params, rtol=1e-12)
    assert counts.llf == pytest.approx(share.llf, rel=1e-12)


def test_comparisons_are_two_classes():
    frame = table()
    found = fastglm.glm("y > 4 ~ x", frame, family="binomial")
    np.testing.assert_array_equal(found.params, fastglm.fit(frame[["x"]], frame.y > 4, family="binomial").params)
    text = fastglm.glm("z == 'q' ~ x", frame, family="binomial")
    np.testing.assert_array_equal(text.params, fastglm.fit(frame[["x"]], frame.z == "q", family="binomial").params)


def test_a_dot_leaves_out_every_column_of_the_left_side():
    frame = table().drop(columns=["z", "a b"])
    assert fastglm.glm("n - y ~ .", frame).names == ("(Intercept)", "x", "y1", "y2")


def test_a_saved_model_keeps_its_left_side(tmp_path):
    frame = table()
    fastglm.glm("log(n) - y1 ~ x", frame).save(tmp_path / "m.json")
    again = fastglm.load(tmp_path / "m.json")
    assert again.score(frame).deviance == pytest.approx(again.deviance, rel=1e-12)


@pytest.mark.parametrize("left, message", [
    ("n - q", "'q' is not in the data"),
    ("z - y", "'z' is a factor, not a number"), ("3", "not a column"),
    ("cbind(y)", "cbind takes two"), ("mean(y)", "no function 'mean'"), ("y ~ x", "several '~'"),
    ("y +", "cannot read"),
])  # fmt: skip
def test_what_cannot_stand_there(left, message):
    with pytest.raises(InvalidParameterError, match=message):
        fastglm.glm(f"{left} ~ x", table())
