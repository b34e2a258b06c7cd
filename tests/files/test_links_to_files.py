"""Links among files and folders: every file is read once, by its own name, and what is left out is said."""

import os
import warnings

import pytest

from fastglm.cli.main import main
from fastglm.errors import InvalidParameterError, SetupWarning
from fastglm.files import open_rows

pa = pytest.importorskip("pyarrow", reason="reads Parquet files")
pytestmark = pytest.mark.skipif(not hasattr(os, "symlink"), reason="no symbolic links")


@pytest.fixture
def folder(tmp_path, monkeypatch):
    """d/year=2023/0.parquet and d/year=2024/0.parquet of 10 and 20 rows, and elsewhere/year=2025/0.parquet of 40."""
    import pyarrow.parquet as pq

    for year, n in ((2023, 10), (2024, 20)):
        (tmp_path / "d" / f"year={year}").mkdir(parents=True)
        pq.write_table(pa.table({"x": list(range(n))}), tmp_path / "d" / f"year={year}" / "0.parquet")
    (tmp_path / "elsewhere" / "year=2025").mkdir(parents=True)
    pq.write_table(pa.table({"x": list(range(40))}), tmp_path / "elsewhere" / "year=2025" / "0.parquet")
    monkeypatch.chdir(tmp_path)
    return tmp_path


def places(data):
    return [fragment.place for fragment in open_rows(data).fragments]


PLAIN = [os.path.join("d", f"year={year}", "0.parquet") for year in (2023, 2024)]
DATA = ["d", "d/**/*.parquet", "d/**", "**/d/**/*.parquet"]


@pytest.mark.parametrize("data", DATA)
@pytest.mark.parametrize("target", ["..", ".", "../d", "year=2023"])
def test_a_loop_is_read_once(folder, data, target):
    os.symlink(target, "d/again")
    os.symlink("..", "d/year=2023/up")
    with pytest.warns(SetupWarning, match="links to what is read anyway were left out.*again"):
        assert places(data) == PLAIN


@pytest.mark.parametrize("data", [*DATA, "d/*/*.parquet"])
def test_a_link_to_a_file_of_the_same_folder_is_left_out(folder, data):
    os.symlink("0.parquet", "d/year=2023/00.parquet")
    os.symlink(folder / PLAIN[0], "d/year=2024/a.parquet")
    with pytest.warns(SetupWarning, match=r"00.parquet \(is .*0.parquet\).*a.parquet \(is "):
        assert places(data) == PLAIN


@pytest.mark.parametrize("data", [*DATA, "d/*/*.parquet"])
def test_a_linked_folder_is_read_and_names_its_column(folder, data):
    os.symlink("../elsewhere/year=2025", "d/year=2025")
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        rows = open_rows(data)
    assert [fragment.place for fragment in rows.fragments] == [*PLAIN, os.path.join("d", "year=2025", "0.parquet")]
    assert rows.n_rows == 70
    years = [v for i in range(3) for batch in rows.batches(i, ["year"]) for v in set(batch["year"].to_pylist())]
    assert years == [2023, 2024, 2025]


@pytest.mark.parametrize("data", ["d", "d/**/*.parquet"])
def test_two_links_to_one_folder_are_one(folder, data):
    os.symlink("../elsewhere", "d/one")
    os.symlink("../elsewhere", "d/two")
    os.symlink("../../d", "elsewhere/year=2025/back")
    with pytest.warns(SetupWarning, match="two"):
        assert places(data) == [os.path.join("d", "one", "year=2025", "0.parquet"), *PLAIN]


def test_links_that_are_named_are_read_and_not_twice(folder):
    os.symlink(PLAIN[0], "link.parquet")
    assert places("link.parquet") == ["link.parquet"]
    os.symlink("d", "link")
    assert places("link") == [path.replace("d", "link", 1) for path in PLAIN]
    with pytest.raises(InvalidParameterError, match="is given twice: it is "):
        open_rows([PLAIN[0], "link.parquet"])
    with pytest.raises(InvalidParameterError, match="is given twice"):
        open_rows(["d", "link"])


def test_the_command_line_says_it_in_one_line(folder, capsys):
    os.symlink("0.parquet", "d/year=2023/00.parquet")
    assert main(["fit", "d", "x ~ 1", "--out", "m.json"]) == 0
    out, error = capsys.readouterr()
    assert error.count("\n") == 1 and error.startswith("fastglm: d: links to what is read anyway were left out")
    assert "30 rows read" in out
