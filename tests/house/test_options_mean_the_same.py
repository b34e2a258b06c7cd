"""The options of ``fit`` and ``glm`` mean the same for every storage.

Where passes run, what is kept of them and what memory they may take moves no bit of a fit; what becomes of rows with
missing values or new levels does not depend on where they are kept.
"""

import warnings
from concurrent.futures import ProcessPoolExecutor, ThreadPoolExecutor
from functools import partial
from multiprocessing import get_context
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

import fastglm
from fastglm.errors import CheckpointError, InvalidParameterError, MissingDataError

pytest.importorskip("formulaic")
pytest.importorskip("narwhals")

from storages import CASES, FORMULA, NAMES, PAIRS, REFERENCE, STORAGES, Held, needs, numbers, rows  # noqa: E402

pytestmark = pytest.mark.filterwarnings("ignore:Dask support is moving out of Narwhals")
SEVERAL = 9_000  # rows of more than one unit of a pass
WITH_NAMES = [(name, door) for name, door in PAIRS if STORAGES[name].holds != "numbers"]
OF_DASK = ("dask.array", "dask.dataframe")

# option, what it cannot be, and what the message says of it
REFUSED = [
    ("compress", "nonsense", "compress='nonsense' is unknown; known: 'auto', True, False"),
    ("compress", None, "compress=None is unknown"),
    ("memory", "lots", "memory='lots' must be a number of bytes, not negative"),
    ("memory", -1, "memory=-1 must be a number of bytes, not negative"),
    ("memory", float("nan"), "memory=nan must be a number of bytes"),
    ("memory", True, "memory=True must be a number of bytes"),
    ("missing", "x", "missing='x' is unknown; known: 'error', 'drop'"),
    ("missing", None, "missing=None is unknown"),
    ("unseen", "x", "unseen='x' is unknown; known: 'error', 'missing', 'baseline'"),
    ("client", "x", "client='x' is no "),
    ("checkpoint", 5, "checkpoint=5 "),
    ("penalty", "x", "penalty"),
    ("solver", "x", "solver='x' is unknown"),
    ("cov", "x", "cov='x' is unknown"),
    ("threads", -1, "threads"),
    ("family", "x", "family='x' is unknown"),
    ("link", "x", "link='x' is unknown"),
]
CLIENTS = [("threads", "poisson"), ("cluster", "poisson"), ("processes", "poisson"), ("processes", "multinomial")]
OF_PLANS = ("compress", "memory", "missing", "solver", "cov", "threads", "family", "link")


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return tmp_path_factory.mktemp("rows")


@pytest.fixture(scope="module")
def frame():
    return rows(SEVERAL)


@pytest.fixture(scope="module")
def threads():
    with ThreadPoolExecutor(2) as executor:
        yield executor


@pytest.fixture(scope="module")
def processes():
    with ProcessPoolExecutor(2, mp_context=get_context("spawn")) as executor:
        yield executor


@pytest.fixture(scope="module")
def cluster():
    distributed = pytest.importorskip("distributed")
    # not the default client, so that collections of Dask do not find it in other tests
    local = {"processes": False, "n_workers": 1, "threads_per_worker": 2, "dashboard_address": None}
    with distributed.Client(**local, set_as_default=False) as client:
        yield client


@pytest.fixture(scope="module")
def ray_engine():
    ray = pytest.importorskip("ray")
    from fastglm.engines import Ray

    with pytest.MonkeyPatch.context() as patch:  # workers inherit it
        patch.setenv("PYTHONPATH", str(Path(fastglm.__file__).parents[1]))
        patch.setenv("RAY_USAGE_STATS_ENABLED", "0")
        patch.setenv("RAY_ACCEL_ENV_VAR_OVERRIDE_ON_ZERO", "0")
        ray.init(
            address="local", num_cpus=2, include_dashboard=False, object_store_memory=80 << 20, log_to_driver=False,
            _node_ip_address="127.0.0.1", logging_level="ERROR",
        )  # fmt: skip
        try:
            yield Ray()
        finally:
            ray.shutdown()


@pytest.fixture(scope="module")
def whole(frame, folder):
    """(storage, door, case) -> (the rows, their fit without options), each fitted once."""
    known = {}

    def find(storage, door, case):
        needs(STORAGES[storage])
        if (storage, door, case) not in known:
            held = Held(STORAGES[storage], door, CASES[case], frame, folder)
            known[storage, door, case] = held, held.fit()
        return known[storage, door, case]

    return find


def check_bits(found, expected):
    assert found.names == expected.names
    for name in ("params", "bse", "deviance", "null_deviance", "llf", "scale"):
        assert np.asarray(getattr(found, name)).tobytes() == np.asarray(getattr(expected, name)).tobytes(), name


def check_numbers(found, expected, rtol=1e-10):
    assert found.names == expected.names and found.nobs == expected.nobs
    for name in ("params", "bse", "deviance", "null_deviance", "llf", "scale"):
        a, b = np.asarray(getattr(found, name)), np.asarray(getattr(expected, name))
        np.testing.assert_allclose(a, b, rtol=rtol, atol=rtol * np.abs(b).max(), err_msg=name)


# Refusals


@pytest.mark.parametrize("option, value, message", REFUSED, ids=lambda v: str(v)[:20])
@pytest.mark.parametrize("storage, door", PAIRS)
def test_an_option_is_refused_by_one_sentence(frame, folder, storage, door, option, value, message):
    needs(STORAGES[storage])
    sentences = []
    for name, through in (REFERENCE, (storage, door)):
        held = Held(STORAGES[name], through, CASES["poisson"], frame.iloc[:200], folder)
        with pytest.raises(InvalidParameterError) as raised:
            held.fit(**{option: value})
        sentences.append(str(raised.value))
    assert message in sentences[0] and sentences[1] == sentences[0]


@pytest.mark.parametrize("option, value, message", REFUSED, ids=lambda v: str(v)[:20])
def test_an_option_is_refused_before_any_work(option, value, message):
    """Neither a stream is begun, nor a file looked for, nor are numbers looked at."""

    def stream():
        raise AssertionError("rows were read")

    nothing = np.full((5, 1), np.nan)
    calls = [
        partial(fastglm.fit, stream, "y"), partial(fastglm.glm, "y ~ x", stream),
        partial(fastglm.fit, "no such file.parquet", "y"), partial(fastglm.glm, "y ~ x", "no such file.parquet"),
        partial(fastglm.fit, nothing, nothing[:, 0]), partial(fastglm.glm, "y ~ x", pd.DataFrame({"z": ["a"]})),
    ]  # fmt: skip
    for call in calls:
        with pytest.raises(InvalidParameterError) as raised:
            call(**{option: value})
        assert message in str(raised.value)


@pytest.mark.parametrize("storage, door", PAIRS)
def test_plans_refuse_what_fits_refuse(frame, folder, storage, door):
    needs(STORAGES[storage])
    held = Held(STORAGES[storage], door, CASES["poisson"], frame.iloc[:200], folder)
    for option, value, message in REFUSED:
        if option in OF_PLANS:
            options = {"family": "poisson", **held.vectors, option: value}
            with pytest.raises(InvalidParameterError) as raised:
                fastglm.plan(f"count {FORMULA}" if door == "glm" else held.y, held.data(), **options)
            assert message in str(raised.value)


# Where passes run, what is kept, what memory they take


@pytest.mark.parametrize("kind, case", CLIENTS)
@pytest.mark.parametrize("storage, door", PAIRS)
def test_a_client_moves_no_bit(request, whole, storage, door, kind, case):
    held, expected = whole(storage, door, case)
    client = request.getfixturevalue(kind)
    if storage in OF_DASK and kind != "cluster":
        # partitions of Dask are its own workers' to read: they are, or the refusal says so
        try:
            found = held.fit(client=client)
        except InvalidParameterError as error:
            assert "client" in str(error) and "Dask" in str(error)
            return
    else:
        found = held.fit(client=client)
    check_bits(found, expected)


@pytest.mark.slow
@pytest.mark.parametrize("storage, door", [pair for pair in PAIRS if pair[0] not in OF_DASK])
def test_an_engine_of_the_library_moves_no_bit(whole, ray_engine, storage, door):
    held, expected = whole(storage, door, "poisson")
    check_bits(held.fit(client=ray_engine), expected)


@pytest.mark.parametrize("storage, door", PAIRS)
def test_a_checkpoint_moves_no_bit(whole, storage, door, tmp_path):
    held, expected = whole(storage, door, "poisson")
    check_bits(held.fit(checkpoint=tmp_path / "kept"), expected)
    passes = {path: path.stat().st_mtime_ns for path in (tmp_path / "kept").glob("pass-*")}
    assert passes
    check_bits(held.fit(checkpoint=tmp_path / "kept"), expected)
    for path, time in passes.items():  # what was kept answers the second fit
        assert path.stat().st_mtime_ns == time


@pytest.mark.parametrize("storage, door", PAIRS)
def test_a_checkpoint_is_of_one_fit(frame, storage, door, tmp_path):
    needs(STORAGES[storage])
    folder, kept = tmp_path / "rows", tmp_path / "kept"
    folder.mkdir()
    held = Held(STORAGES[storage], door, CASES["gaussian"], frame, folder)
    held.fit(checkpoint=kept)
    with pytest.raises(CheckpointError, match="solver="):
        held.fit(checkpoint=kept, solver="irls")
    for file in folder.iterdir():  # other rows by the same path
        file.unlink()
    with pytest.raises(CheckpointError, match="the data"):
        held.of(frame=frame.assign(x1=frame["x1"] + 1.0)).fit(checkpoint=kept)


@pytest.mark.parametrize("memory", [0, np.int64(10**9)])
@pytest.mark.parametrize("storage, door", PAIRS)
def test_memory_moves_no_bit(whole, storage, door, memory):
    held, expected = whole(storage, door, "poisson")
    check_bits(held.fit(memory=memory), expected)


@pytest.mark.parametrize("compress", [True, False, "auto"])
@pytest.mark.parametrize("storage, door", PAIRS)
def test_compression_gives_the_fit_of_all_rows(folder, storage, door, compress):
    needs(STORAGES[storage])
    few = rows(SEVERAL).round({"x1": 0, "x2": 0, "e": 0})
    few["e"] = few["e"].clip(lower=1.0)
    (folder / "few").mkdir(exist_ok=True)
    held = Held(STORAGES[storage], door, CASES["poisson"], few, folder / "few")
    plain = held.of(storage=STORAGES[REFERENCE[0]], door=REFERENCE[1]).fit(compress=False)
    check_numbers(held.fit(compress=compress), plain)


# Missing values


def with_holes(frame):
    """Rows with missing numbers in a column of X, the response and the vectors, as ``HOLES`` says."""
    frame = frame.copy()
    frame["count"] = frame["count"].astype(float)
    for name, where in HOLES.items():
        frame.loc[where, name] = np.nan
    return frame


HOLES = {"x1": [3, 24, 5_000], "gain": [10, 24], "count": [10, 24], "w": [17], "e": [17]}


def incomplete(case, *columns):
    """The rows in which a case misses something."""
    columns = columns or ("x1", case.y, *case.vectors.values())
    return np.isin(np.arange(SEVERAL), [row for name in columns for row in HOLES[name]])


@pytest.fixture(scope="module")
def holed(frame, tmp_path_factory):
    folder = tmp_path_factory.mktemp("holes")
    return lambda storage, door, case: Held(STORAGES[storage], door, CASES[case], with_holes(frame), folder)


@pytest.fixture(scope="module")
def complete(frame):
    """case -> the fit of the array of the complete rows."""
    known = {}

    def find(name):
        if name not in known:
            case = CASES[name]
            kept = frame[~incomplete(case)]
            vectors = {role: kept[column].to_numpy() for role, column in case.vectors.items()}
            y = kept[case.y].to_numpy(float)
            known[name] = fastglm.fit(numbers(kept), y, family=case.family, names=NAMES, **vectors)
        return known[name]

    return find


@pytest.mark.parametrize("case", ["gaussian", "poisson"])
@pytest.mark.parametrize("storage, door", PAIRS)
def test_missing_values_are_an_error_that_names_the_remedy(holed, storage, door, case):
    needs(STORAGES[storage])
    for options in ({}, {"missing": "error"}):
        with pytest.raises(MissingDataError, match="missing='drop' leaves such rows out"):
            holed(storage, door, case).fit(**options)


@pytest.mark.parametrize("case", ["gaussian", "poisson"])
@pytest.mark.parametrize("storage, door", PAIRS)
def test_rows_with_missing_values_are_left_out(holed, complete, storage, door, case):
    needs(STORAGES[storage])
    held, expected = holed(storage, door, case), complete(case)
    found = held.fit(missing="drop")
    check_numbers(found, expected)
    dropped = int(incomplete(held.case).sum())
    told = f"{dropped} of {SEVERAL} rows with missing values were left out ("
    assert any(note.startswith(told) for note in found.notes)
    assert any("x1: 3" in note for note in found.notes)
    assert f"{dropped} of {SEVERAL} rows" in found.summary().as_text()


@pytest.mark.parametrize("case", ["gaussian", "poisson"])
@pytest.mark.parametrize("storage, door", PAIRS)
def test_answers_for_rows_with_missing_values_are_nan(holed, frame, complete, storage, door, case, tmp_path):
    needs(STORAGES[storage])
    held, expected = holed(storage, door, case), complete(case)
    found = held.fit(missing="drop")
    found.save(tmp_path / "result.json")
    shifted = ["x1"] if case == "gaussian" else ["x1", "e"]
    whole = ~incomplete(held.case)
    X, y = numbers(frame[whole]), frame[held.case.y].to_numpy(float)[whole]
    vectors = {role: frame[name].to_numpy()[whole] for role, name in held.case.vectors.items()}
    for result in (found, fastglm.load(tmp_path / "result.json")):
        mean, kept = result.predict(held.data(), **held.shifts()), ~incomplete(held.case, *shifted)
        shifts = {} if case == "gaussian" else {"exposure": frame["e"].to_numpy()[kept]}
        assert np.isnan(mean[~kept]).all()
        np.testing.assert_allclose(mean[kept], expected.predict(numbers(frame[kept]), **shifts), rtol=1e-10)
        given, options = held.rows()
        residuals = result.residuals(*given, **options)
        assert np.isnan(residuals[~whole]).all()
        np.testing.assert_allclose(residuals[whole], expected.residuals(X, y, **vectors), rtol=1e-10, atol=1e-10)
        given, options = held.rows()
        robust = result.with_cov("HC1", *given, **options).bse
        np.testing.assert_allclose(robust, expected.with_cov("HC1", X, y, **vectors).bse, rtol=1e-10)


@pytest.mark.parametrize("role", ["weights", "freq_weights", "offset", "exposure"])
@pytest.mark.parametrize("storage", [name for name, s in STORAGES.items() if s.in_memory and s.holds == "numbers"])
def test_missing_values_beside_an_array(frame, folder, storage, role):
    held = Held(STORAGES[storage], "fit", CASES["poisson"]._replace(vectors={}), frame, folder)
    values = np.random.default_rng(0).integers(1, 4, SEVERAL).astype(float)
    holed = values.copy()
    holed[[4, 8_000]] = np.nan
    keep = ~np.isnan(holed)
    found = held.fit(missing="drop", **{role: holed})
    y = frame["count"].to_numpy(float)[keep]
    expected = fastglm.fit(numbers(frame[keep]), y, family="poisson", names=NAMES, **{role: values[keep]})
    # a sample leads arrays to the optimum, rows with levels all rows: standard errors are promised to 1e-8
    np.testing.assert_allclose(found.params, expected.params, rtol=1e-10, atol=1e-12)
    np.testing.assert_allclose(found.bse, expected.bse, rtol=1e-8)
    assert found.nobs == expected.nobs
    assert any(note.startswith(f"2 of {SEVERAL} rows with missing values were left out") for note in found.notes)


@pytest.mark.parametrize("storage, door", [pair for pair in PAIRS if STORAGES[pair[0]].in_memory])
def test_complete_rows_are_fitted_to_the_same_bits(whole, storage, door):
    held, expected = whole(storage, door, "binomial")
    found = held.fit(missing="drop", unseen="missing")
    check_bits(found, expected)
    assert not any("missing" in note for note in found.notes)


@pytest.mark.parametrize("storage", [name for name, s in STORAGES.items() if s.in_memory])
def test_labels_that_are_missing(whole, storage):
    held, _ = whole(storage, "fit", "binomial")
    y = np.array(held.frame["label"].tolist(), dtype=object)
    y[[6, 70]] = None
    keep = np.array([label is not None for label in y])
    options = {"names": NAMES} if STORAGES[storage].holds == "numbers" else {}
    with pytest.raises(MissingDataError, match="missing='drop' leaves such rows out"):
        fastglm.fit(held.data(), y, family="binomial", **options)
    found = fastglm.fit(held.data(), y, family="binomial", missing="drop", **options)
    kept = held.frame[keep]
    expected = fastglm.fit(numbers(kept), np.array(y[keep].tolist()), family="binomial", names=NAMES)
    check_numbers(found, expected)
    assert found.classes == ("no", "yes")


@pytest.mark.parametrize("storage, door", PAIRS)
def test_rows_that_are_all_incomplete(storage, door, tmp_path):
    needs(STORAGES[storage])
    held = Held(STORAGES[storage], door, CASES["poisson"], rows(60).assign(x1=np.nan), tmp_path)
    with pytest.raises(MissingDataError, match="every row has missing values"):
        held.fit(missing="drop")


# Levels that the fit has not seen


@pytest.mark.parametrize("storage, door", WITH_NAMES)
def test_new_levels(whole, storage, door, tmp_path):
    held, _ = whole(storage, door, "binomial")
    new = rows(60, 5)
    changed = new.assign(g=np.where(np.arange(60) % 7 == 0, "z", new["g"]))
    at = np.arange(60) % 7 == 0
    (tmp_path / "baseline").mkdir()
    other, baseline = held.of(frame=changed, folder=tmp_path), held.of(
        frame=changed.assign(g=np.where(at, "a", new["g"])), folder=tmp_path / "baseline"
    )  # fmt: skip
    refused, left_out, read = (held.fit(unseen=unseen) for unseen in ("error", "missing", "baseline"))
    known = refused.predict(baseline.data())
    with pytest.raises(InvalidParameterError, match="'z'.*unseen='missing' leaves such rows out"):
        refused.predict(other.data())
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        np.testing.assert_array_equal(left_out.predict(other.data()), np.where(at, np.nan, known))
        np.testing.assert_array_equal(read.predict(other.data()), known)


@pytest.mark.parametrize("unseen", ["error", "missing", "baseline"])
@pytest.mark.parametrize("storage", [name for name, s in STORAGES.items() if s.holds == "numbers"])
def test_columns_of_numbers_have_no_levels(whole, storage, unseen):
    held, expected = whole(storage, "fit", "binomial")
    check_bits(held.fit(unseen=unseen), expected)
