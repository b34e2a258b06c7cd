"""What an option means, and where an error lies, is the same for frames, files in memory and files read again."""

import re

import numpy as np
import pytest

import fastglm
from fastglm.errors import InvalidParameterError

pd = pytest.importorskip("pandas")
pq = pytest.importorskip("pyarrow.parquet")
pa = pytest.importorskip("pyarrow")
pytest.importorskip("formulaic")

N = 30_000


@pytest.fixture(scope="module")
def frame():
    rng = np.random.default_rng(0)
    f = pd.DataFrame({"k": rng.integers(0, 9, N), "x": rng.normal(size=N), "g": rng.choice(list("abc"), N)})
    return f.assign(y=rng.poisson(np.exp(0.1 * f.k)))


def written(frame, path):
    # without pandas' own nulls: NaN is a number of the column
    table = pa.table({name: pa.array(frame[name].to_numpy(), from_pandas=False) for name in ("k", "x", "g", "y")})
    pq.write_table(table, path, row_group_size=4_000)
    return str(path)


@pytest.mark.parametrize("formula", ["y ~ g + k", "y ~ g + x", "y ~ x", "y ~ C(k):g + x"])
def test_compress_means_the_same_everywhere(frame, tmp_path, formula):
    path = written(frame, tmp_path / "d.parquet")
    plain = fastglm.glm(formula, frame, family="poisson", compress=False)
    notes = set()
    for data, memory in ((frame, None), (path, None), (path, 0)):
        found = fastglm.glm(formula, data, family="poisson", compress=True, memory=memory)
        np.testing.assert_allclose(found.params, plain.params, rtol=1e-9, atol=1e-11)
        np.testing.assert_allclose(found.bse, plain.bse, rtol=1e-7)
        notes.add(next(note for note in found.notes if "compressed" in note))
    assert len(notes) == 1
    if formula == "y ~ x":
        X = frame[["x"]].to_numpy()
        assert fastglm.fit(X, frame.y, family="poisson", compress=True).notes[0] in notes
        with pytest.raises(InvalidParameterError, match="compress='zz' is unknown"):
            fastglm.glm(formula, path, compress="zz", memory=0)


BAD = {
    "a NaN in a column": ("x", np.nan, "y ~ g + x", {}, "column 'x'"),
    "an infinity": ("x", np.inf, "y ~ x", {}, "column 'x'"),
    "a NaN behind a function": ("x", np.nan, "y ~ I(x**2)", {}, "x = nan"),
    "a negative count": ("y", -3.0, "y ~ x", {"family": "poisson"}, "y = -3.0"),
    "a NaN as response": ("y", np.nan, "y ~ x", {}, "y is not finite|'y'"),
    "a negative weight": ("k", -1.0, "y ~ x", {"weights": "k"}, "weights"),
}


@pytest.mark.parametrize("what", BAD)
@pytest.mark.parametrize("solver", ["auto", "irls"])
def test_an_error_of_a_value_names_the_file_and_the_row(frame, tmp_path, what, solver):
    column, value, formula, options, message = BAD[what]
    bad = frame.assign(**{column: frame[column].astype(float)})
    bad.loc[12_345, column] = value
    path = written(bad, tmp_path / "d.parquet")
    for memory in (None, 0):
        with pytest.raises(InvalidParameterError, match=message) as caught:
            fastglm.glm(formula, path, memory=memory, solver=solver, **options)
        assert re.search(r"row 345 of .*d\.parquet, row group 3", str(caught.value)), str(caught.value)


def test_rows_that_were_left_out_are_not_counted_and_that_is_said(frame, tmp_path):
    bad = frame.assign(x=frame.x.where(frame.index != 12_001))
    bad.loc[12_345, "y"] = -1
    bad.to_parquet(tmp_path / "d.parquet", row_group_size=4_000)
    for memory in (None, 0):
        with pytest.raises(InvalidParameterError, match="row 344 of .*group 3, rows with missing values not"):
            fastglm.glm("y ~ x", str(tmp_path / "d.parquet"), memory=memory, missing="drop", family="poisson")
