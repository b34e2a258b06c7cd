"""Columns of files that a formula does not name may be anything; those it names are not taken for something else."""

import numpy as np
import pytest

import fastglm
from fastglm.errors import FileFormatError, InvalidParameterError

pd = pytest.importorskip("pandas")
pa = pytest.importorskip("pyarrow")
pytest.importorskip("formulaic")

N = 400


def table(seed=0, n=N):
    rng = np.random.default_rng(seed)
    d = pd.DataFrame({"x": rng.normal(size=n), "g": rng.choice(list("abc"), n)})
    return d.assign(y=0.5 * d.x + rng.normal(size=n))


def write(frame, path):
    frame.to_csv(path, index=False) if path.suffix == ".csv" else frame.to_parquet(path)


ODD = {
    "one more in a later file": (lambda a, b: (a, b.assign(q=1))),
    "one more in the first file": (lambda a, b: (a.assign(q=1), b)),
    "another type": (lambda a, b: (a.assign(q=1.5), b.assign(q="text"))),
    "another order": (lambda a, b: (a.assign(q=1.5), b.assign(q=True)[["y", "q", "g", "x"]])),
}


@pytest.mark.parametrize("kind", ["parquet", "csv"])
@pytest.mark.parametrize("what", ODD)
def test_columns_that_nobody_names_may_differ(tmp_path, what, kind):
    one, two = table(0), table(1)
    expected = fastglm.glm("y ~ x + g", pd.concat([one, two], ignore_index=True))
    for i, frame in enumerate(ODD[what](one, two)):
        write(frame, tmp_path / f"{i}.{kind}")
    for memory in (None, 0):
        found = fastglm.glm("y ~ x + g", str(tmp_path / f"*.{kind}"), memory=memory)
        np.testing.assert_allclose(found.params, expected.params, rtol=1e-12)
    assert found.predict(str(tmp_path / f"*.{kind}")).shape == (2 * N,)
    assert found.score(str(tmp_path)).rows == 2 * N
    for formula in ("y ~ x + q", "y ~ ."):
        with pytest.raises(FileFormatError, match=f"'q'.*{kind}"):
            fastglm.glm(formula, str(tmp_path))
    with pytest.raises(FileFormatError, match=f"'q'.*{kind}"):
        fastglm.fit(str(tmp_path), "y")


def test_values_of_a_csv_column_that_nobody_names_may_change_their_kind(tmp_path, monkeypatch):
    monkeypatch.setattr("fastglm.files.text.CSV_BLOCK", 2000)
    frame = table().assign(q=1, r="plain")
    text = frame.to_csv(index=False).splitlines()
    text[300] = text[300].replace(",1,plain", ",many,caf\xe9")
    (tmp_path / "d.csv").write_bytes("\n".join(text).encode("latin-1"))
    expected = fastglm.glm("y ~ x + g", frame)
    np.testing.assert_allclose(fastglm.glm("y ~ x + g", str(tmp_path / "d.csv")).params, expected.params, rtol=1e-12)
    with pytest.raises(FileFormatError, match="d.csv: column 'q' is int64 in its first rows, but 'many' stands"):
        fastglm.glm("y ~ x + q", str(tmp_path / "d.csv"))
    with pytest.raises(FileFormatError, match="d.csv: column 'r' is not UTF-8"):
        fastglm.glm("y ~ x + r", str(tmp_path / "d.csv"))


def test_a_header_that_is_not_utf8(tmp_path):
    (tmp_path / "d.csv").write_bytes("y,gr\xf6\xdfe\n1,2\n2,3\n3,5\n".encode("latin-1"))
    with pytest.raises(FileFormatError, match="d.csv: .*first line is not UTF-8; convert"):
        fastglm.glm("y ~ x", str(tmp_path / "d.csv"))


@pytest.mark.parametrize("kind", ["parquet", "csv"])
def test_a_folder_and_a_column_of_one_name(tmp_path, kind):
    for year in (2023, 2024):
        (tmp_path / f"year={year}").mkdir()
        write(table(year).assign(year=2024 - year), tmp_path / f"year={year}" / f"a.{kind}")
    assert fastglm.glm("y ~ x", str(tmp_path)).nobs == 2 * N
    with pytest.raises(FileFormatError, match="'year' is a column of the file and year=2023 the name of its folder"):
        fastglm.glm("y ~ x + year", str(tmp_path))


def test_numbers_with_separators_of_thousands_are_no_factor(tmp_path):
    frame = table().assign(cost=[f"{v:,}" for v in np.random.default_rng(0).integers(1, 90_000, N)])
    first = int(np.argmax(frame.cost.str.contains(",")))
    frame.to_csv(tmp_path / "d.csv", index=False)
    frame.to_parquet(tmp_path / "d.parquet")
    for data in (frame, str(tmp_path / "d.csv"), str(tmp_path / "d.parquet")):
        with pytest.raises(InvalidParameterError, match=rf"column 'cost'.*thousands: '\d+,\d+' in row .*{first}\b"):
            fastglm.glm("y ~ x + cost", data)
        assert len(fastglm.glm("y ~ C(cost)", data, cov=None).names) == frame.cost.nunique()
    with pytest.raises(InvalidParameterError, match="column 'cost'"):
        fastglm.fit(frame[["x", "cost"]], frame.y)


@pytest.mark.parametrize("levels", [["1,2", "3"], ["007", "12"], ["1,000 to 2,000", "under 1,000"], ["a", "1,234"]])
def test_labels_with_digits_are_factors(levels):
    frame = table().assign(k=np.resize(levels, N))
    assert len(fastglm.glm("y ~ k", frame).names) == 2


def test_categories_in_several_orders_are_said(tmp_path):
    for i, order in enumerate((["lo", "mid", "hi"], ["hi", "mid", "lo"], ["lo", "hi"])):
        column = pd.Categorical(np.resize(["lo", "hi"], N), categories=order)
        table(i).assign(k=column).to_parquet(tmp_path / f"{i}.parquet")
    for memory in (None, 0):
        found = fastglm.glm("y ~ k", str(tmp_path), memory=memory)
        assert found.names == ("(Intercept)", "k[T.hi]")
        notes = [note for note in found.notes if "several orders" in note]
        assert len(notes) == 1 and "lo, mid, hi and hi, mid, lo" in notes[0]
    one = fastglm.glm("y ~ k", str(tmp_path / "[02].parquet"))
    assert not any("several orders" in note for note in one.notes)


def test_categories_of_polars_are_in_the_order_of_the_alphabet_and_that_is_said():
    pl = pytest.importorskip("polars")
    frame = table()
    labels = np.resize(["zz-b", "zz-a"], N).tolist()
    data = pl.DataFrame({"x": frame.x.to_numpy(), "y": frame.y.to_numpy(), "k": labels})
    found = fastglm.glm("y ~ k", data.with_columns(pl.col("k").cast(pl.Categorical)))
    assert found.names == ("(Intercept)", "k[T.zz-b]")
    assert any("k is a polars Categorical" in note and "alphabet" in note for note in found.notes)
    for other in (data, data.with_columns(pl.col("k").cast(pl.Enum(["zz-b", "zz-a"])))):
        assert not any("alphabet" in note for note in fastglm.glm("y ~ k", other).notes)
