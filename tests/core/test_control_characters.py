"""Labels and names with control characters are shown written out: a terminal must not obey what data say."""

import warnings

import numpy as np
import pytest

import fastglm
from fastglm import cli
from fastglm.errors import FastGLMError, visible

pd = pytest.importorskip("pandas")
pytest.importorskip("formulaic")
pytest.importorskip("pyarrow")

EVIL = "\x1b[2J\x1b]0;owned\x07bad\nline\u202e\x9b31m"
SENT = set("\x1b\x07\u202e\x9b")


@pytest.fixture(scope="module")
def frame():
    rng = np.random.default_rng(0)
    d = pd.DataFrame({"x": rng.normal(size=60), "g": np.resize(["a", EVIL], 60), "b": rng.choice(["no", EVIL], 60)})
    d[f"copy {EVIL}"] = 2 * d.x
    return d.assign(y=rng.poisson(2, 60), s=np.arange(60) >= 30)


def test_characters_are_written_out():
    assert visible("a\x1b[2J\n\x9b\u202e") == "a\\x1b[2J\n\\x9b\\u202e"
    assert str(FastGLMError("level 'a\x07'")) == "level 'a\\x07'"


def test_tables_and_errors(frame):
    with warnings.catch_warnings(record=True) as given:
        warnings.simplefilter("always")
        fits = [fastglm.glm("y ~ x + g", frame), fastglm.glm("b ~ x", frame, family="binomial"),
                fastglm.glm("b ~ x + g", frame, family="multinomial"),
                fastglm.fit(frame.drop(columns=["y", "b", "s"]), frame.y),
                fastglm.fit((frame.g == "a").to_numpy(float)[:, None], np.resize([True, False], 60), family="binomial",
                            names=[EVIL])]  # fmt: skip
    assert given
    for text in (*(str(w.message) for w in given), *(str(f.summary()) for f in fits), *map(repr, fits),
                 str(fastglm.etable(fits[:2])), fastglm.etable(fits[:2], format="markdown")):  # fmt: skip
        assert not SENT & set(text)
    assert "\\x1b[2J" in str(fits[0].summary()) and "bad\nline" not in str(fits[0].summary())
    bad = frame.head(3).assign(g=["a", EVIL + "!", "a"])
    with pytest.raises(FastGLMError) as caught:
        fits[0].predict(bad)
    assert not SENT & set(str(caught.value)) and "\\x1b" in str(caught.value)
    assert EVIL in fits[0].design.levels["g"]  # the data themselves are as they were


def test_the_command_line(frame, tmp_path, capsys, monkeypatch):
    monkeypatch.chdir(tmp_path)
    frame[["x", "y", "g"]].to_parquet("d.parquet")
    assert cli.main(["fit", "d.parquet", "y ~ x + g", "--out", "m.json"]) == 0
    out = capsys.readouterr()
    assert not SENT & set(out.out + out.err) and "\\x1b[2J" in out.out
    assert cli.main(["fit", "d.parquet", "y ~ x + `\x1b[2J`"]) == 2
    out = capsys.readouterr()
    assert not SENT & set(out.out + out.err)
