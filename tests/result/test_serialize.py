"""Saved results read back to the bit, and files that are damaged or foreign are refused with a reason."""

import json
import math
import os
import subprocess
import sys
from typing import NamedTuple

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fastglm import errors, families, links
from fastglm.result.record import FIELDS, GLMResult
from fastglm.result.saved import CODECS, VERSION, load, save
from fastglm.rows import Schema

EDGES = [0.1, -0.0, 5e-324, 1.7976931348623157e308, math.nan, math.inf, -math.inf, 1 / 3]
FLOATS = st.floats() | st.sampled_from(EDGES)
COUNTS = st.integers(0, 2**60) | st.floats(0, 1e12)
TEXTS = st.text(max_size=12)
FREE = st.recursive(
    FLOATS | st.integers() | st.booleans() | st.none() | TEXTS.filter(lambda text: text not in ("nan", "inf", "-inf")),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(TEXTS, inner, max_size=3),
    max_leaves=5,
)
LABELS = st.none() | st.tuples(TEXTS, TEXTS) | st.tuples(st.integers(), st.integers()) | st.just((False, True))
FAMILIES = [("poisson", {}), ("negative_binomial", {"theta": 1 / 3}), ("tweedie", {"power": 1.5}), ("binomial", {})]


@st.composite
def results(draw):
    """Records with every field drawn, sense or not."""
    p = draw(st.integers(1, 4))
    names = draw(st.lists(TEXTS, min_size=p, max_size=p, unique=True))
    vector = st.lists(FLOATS, min_size=p, max_size=p).map(np.array)
    matrix = st.none() | st.lists(vector, min_size=p, max_size=p).map(np.array)
    family, params = draw(st.sampled_from(FAMILIES))
    kinds = {FLOAT: FLOATS for FLOAT in ("deviance", "null_deviance", "pearson_chi2", "scale", "llf", "llnull")}
    kinds |= dict.fromkeys(("weight_sum", "certificate", "score_norm", "elapsed"), FLOATS)
    kinds |= dict.fromkeys(("nobs", "df_resid", "n_passes"), COUNTS)
    kinds |= dict.fromkeys(("df_model", "rank", "n_iter"), st.integers(0, 9))
    kinds |= dict.fromkeys(
        ("converged", "intercept", "has_intercept", "has_weights", "has_freq_weights"), st.booleans()
    )
    kinds |= dict.fromkeys(("solver", "stop", "cov_kind"), TEXTS)
    kinds |= {"n_rows": st.none() | st.integers(), "exposure_kind": st.sampled_from([None, "offset", "exposure"])}
    kinds |= {"params": vector, "cov_unscaled": matrix, "covariance": matrix, "classes": LABELS}
    kinds |= {"aliased": st.dictionaries(st.sampled_from(names), TEXTS), "notes": st.lists(TEXTS).map(tuple)}
    kinds |= {"history": st.lists(st.dictionaries(TEXTS, FREE, max_size=3), max_size=3).map(tuple)}
    values = {name: draw(kind) for name, kind in kinds.items()}
    values |= {"names": tuple(names), "family": families.get(family, **params), "link": links.get("power", p=0.7)}
    return GLMResult(**values)


def same(a, b):
    """Equal in type and to the bit, whatever the nesting (all NaN count as one)."""
    if isinstance(a, np.ndarray):
        return a.dtype == b.dtype and a.shape == b.shape and all(map(same, a.ravel().tolist(), b.ravel().tolist()))
    if isinstance(a, float):
        return type(b) is float and (a.hex() == b.hex())
    if isinstance(a, (list, tuple)):
        return type(a) is type(b) and len(a) == len(b) and all(map(same, a, b))
    if isinstance(a, dict):
        return type(b) is dict and list(a) == list(b) and all(same(a[key], b[key]) for key in a)
    if isinstance(a, Schema):
        return type(b) is Schema and CODECS["schema"][0](a) == CODECS["schema"][0](b)
    return type(a) is type(b) and a == b


@settings(deadline=None, max_examples=150)
@given(results())
def test_round_trip_is_exact(tmp_path_factory, result):
    path = tmp_path_factory.getbasetemp() / "result.json"
    save(result, path)
    other = load(path)
    for name in FIELDS:
        assert same(getattr(result, name), getattr(other, name)), name


def a_result(**changes):
    values = dict(
        params=np.array([0.1, math.nan]),
        cov_unscaled=np.array([[2.0, math.nan], [math.nan, math.nan]]),
        names=("(Intercept)", "größe"),
        family=families.get("poisson"),
        link=links.get("log"),
        deviance=1.0,
        null_deviance=2.0,
        pearson_chi2=1.5,
        scale=1.0,
        llf=-3.0,
        llnull=-4.0,
        nobs=9,
        df_resid=8,
        df_model=0,
        rank=1,
        converged=True,
        aliased={"größe": "3 (Intercept)"},
    )
    return GLMResult(**{**values, **changes})


def test_every_field_has_a_codec():
    assert set(CODECS) == set(FIELDS)


def test_a_loaded_result_predicts_the_same(tmp_path):
    r = a_result()
    r.save(tmp_path / "fit.json")
    other = load(str(tmp_path / "fit.json"))
    assert str(other.summary()) == str(r.summary())
    assert other.predict([[1.0]], kind="link").tolist() == r.predict([[1.0]], kind="link").tolist()


def test_numpy_scalars_become_plain_ones(tmp_path):
    r = a_result(
        nobs=np.int64(9),
        llf=np.float64(-3.5),
        converged=np.bool_(True),
        rank=np.int32(1),
        classes=(np.str_("no"), np.str_("yes")),
        history=({"loss": np.float64(math.inf), "step": np.arange(2)},),
    )
    r.save(tmp_path / "fit.json")
    other = load(tmp_path / "fit.json")
    assert (other.nobs, other.llf, other.converged, other.rank) == (9, -3.5, True, 1)
    assert other.classes == ("no", "yes") and other.history == ({"loss": math.inf, "step": [0, 1]},)


@pytest.mark.parametrize("changes", [{"classes": (b"a", b"b")}, {"history": ({"x": object()},)}])
def test_what_JSON_cannot_hold_is_refused_and_leaves_the_old_file(tmp_path, changes):
    path = tmp_path / "fit.json"
    a_result().save(path)
    before = path.read_bytes()
    with pytest.raises(errors.InvalidParameterError, match="cannot be saved"):
        a_result(**changes).save(path)
    assert path.read_bytes() == before and os.listdir(tmp_path) == ["fit.json"]


def test_a_write_that_fails_leaves_no_trace(tmp_path, monkeypatch):
    path = tmp_path / "fit.json"
    a_result().save(path)
    before = path.read_bytes()

    def fail(*args):
        raise OSError("disk full")

    monkeypatch.setattr(os, "replace", fail)
    with pytest.raises(OSError, match="disk full"):
        a_result(scale=7.0).save(path)
    assert path.read_bytes() == before and os.listdir(tmp_path) == ["fit.json"]


def damaged(tmp_path, **changes):
    """The path of a saved result with fields replaced, or dropped where the value is Ellipsis."""
    path = tmp_path / "fit.json"
    a_result().save(path)
    record = json.loads(path.read_text())
    record = {key: value for key, value in {**record, **changes}.items() if value is not ...}
    path.write_text(json.dumps(record))
    return path


DAMAGE = [
    ({"format": "other"}, "no format"),
    ({"version": VERSION + 1}, f"version {VERSION + 1} by a newer fastglm"),
    ({"version": "1"}, "not a positive whole number"),
    ({"version": True}, "not a positive whole number"),
    ({"scale": ...}, r"missing fields \['scale'\]"),
    ({"surprise": 1}, r"unknown fields \['surprise'\]"),
    ({"scale": "abc"}, "'scale' cannot be read"),
    ({"scale": True}, "'scale' cannot be read"),
    ({"converged": 1}, "'converged' cannot be read"),
    ({"rank": 1.5}, "'rank' cannot be read"),
    ({"names": "ab"}, "'names' cannot be read"),
    ({"names": ["a", 1]}, "'names' cannot be read"),
    ({"params": [1.0]}, r"params has shape \(1,\), expected \(2,\)"),
    ({"params": [1.0, None]}, "'params' cannot be read"),
    ({"params": None}, "'params' cannot be read"),
    ({"cov_unscaled": [[1.0, 2.0], [3.0]]}, "'cov_unscaled' cannot be read"),
    ({"cov_unscaled": [1.0, 2.0]}, "cov_unscaled has shape"),
    ({"aliased": {"z": "x"}}, "not among the names"),
    ({"aliased": ["größe"]}, "'aliased' cannot be read"),
    ({"classes": ["a"]}, "classes has 1 labels"),
    ({"history": [1]}, "'history' cannot be read"),
    ({"family": "poisson"}, "'family' cannot be read"),
]


@pytest.mark.parametrize("changes, message", DAMAGE)
def test_damaged_files_are_refused(tmp_path, changes, message):
    with pytest.raises(errors.FileFormatError, match=message):
        load(damaged(tmp_path, **changes))


@pytest.mark.parametrize("text", ["", "{", "[1, 2]", "null", '{"scale": NaN}', "\x00", "[" * 100_000])
def test_other_files_are_refused(tmp_path, text):
    path = tmp_path / "fit.json"
    path.write_text(text)
    with pytest.raises(errors.FileFormatError, match="not a saved fastglm result"):
        load(path)
    path.write_bytes(b"\x80\x04pickle")
    with pytest.raises(errors.FileFormatError):
        load(path)
    with pytest.raises(FileNotFoundError):
        load(tmp_path / "absent.json")


def test_unknown_families_and_links_are_named(tmp_path):
    path = damaged(tmp_path, family={"name": "zipf", "params": {"s": 2.0}})
    with pytest.raises(errors.InvalidParameterError, match="(?s)family 'zipf'.*registers it before loading"):
        load(path)
    with pytest.raises(errors.InvalidParameterError, match="link 'bent'"):
        load(damaged(tmp_path, link={"name": "bent", "params": {}}))
    with pytest.raises(errors.InvalidParameterError, match="cannot be rebuilt"):
        load(damaged(tmp_path, link={"name": "log", "params": {"base": 2}}))


def test_a_family_of_ones_own_loads_once_it_is_registered(tmp_path, monkeypatch):
    from fastglm.family import registry

    monkeypatch.setattr(registry, "FAMILIES", dict(registry.FAMILIES))

    class Zipf(NamedTuple):
        s: float

    Zipf.name, Zipf.dispersion, Zipf.counts_dispersion = "zipf", "one", False
    a_result(family=Zipf(0.1)).save(tmp_path / "fit.json")
    with pytest.raises(errors.InvalidParameterError, match="zipf"):
        load(tmp_path / "fit.json")
    registry.FAMILIES["zipf"] = Zipf
    assert load(tmp_path / "fit.json").family == Zipf(0.1)


def test_a_result_loads_in_another_process(tmp_path):
    a_result().save(tmp_path / "fit.json")
    code = f"from fastglm.result.saved import load; print(load({str(tmp_path / 'fit.json')!r}).params[0].hex())"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, cwd=tmp_path, check=True)
    assert done.stdout.strip() == (0.1).hex()
