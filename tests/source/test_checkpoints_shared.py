"""Folders of checkpoints: one fit works in each at a time, and files that were altered are refused by name."""

import gc
import json
import os
import platform
import subprocess
import sys
import threading
from pathlib import Path

import numpy as np
import pytest

import fastglm
from fastglm.core import sealed
from fastglm.errors import CheckpointError, FileFormatError
from fastglm.source import holder
from fastglm.source.journal import Journal

ROOT = Path(fastglm.__file__).parents[1]
N = 20_000
needs_locks = pytest.mark.skipif(holder.fcntl is None, reason="no locks on this operating system")


def rows():
    rng = np.random.default_rng(0)
    X = rng.normal(size=(N, 3))
    return X, rng.poisson(np.exp(0.3 * X[:, 0])) * 1.0


def fitted(folder, **options):
    return fastglm.fit(*rows(), family="poisson", checkpoint=folder, **options)


HELD = """
import sys
sys.path[:0] = [{root!r}, {tests!r}]
import numpy as np, fastglm
from fastglm.source import journal
from test_checkpoints_shared import fitted
plain = journal.Journal._save
def save(self, name, key, **values):
    plain(self, name, key, **values)
    print("saved", flush=True)
    sys.stdin.readline()
journal.Journal._save = save
found = fitted(sys.argv[1])
print("params", found.params.tobytes().hex(), flush=True)
"""


@pytest.fixture
def other(tmp_path):
    """A process that is in the middle of a fit with the checkpoint ``state``; it goes on when its input ends."""
    code = HELD.format(root=str(ROOT), tests=str(Path(__file__).parent))
    pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "text": True}
    process = subprocess.Popen([sys.executable, "-c", code, str(tmp_path / "state")], **pipes)
    assert process.stdout.readline() == "saved\n"
    yield process
    process.kill()
    process.communicate()


@needs_locks
def test_a_folder_in_use_names_its_process(tmp_path, other):
    for _ in range(2):
        with pytest.raises(CheckpointError, match=rf"state' is in use by process {other.pid} on {platform.node()}"):
            fitted(tmp_path / "state")
    out, _ = other.communicate()  # the fit in it is none the worse
    whole = fastglm.fit(*rows(), family="poisson").params.tobytes()
    assert fitted(tmp_path / "state").params.tobytes() == bytes.fromhex(out.split()[-1]) == whole


@needs_locks
def test_a_process_that_was_killed_leaves_the_folder_to_others(tmp_path, other):
    other.kill()
    other.wait()
    assert np.array_equal(fitted(tmp_path / "state").params, fastglm.fit(*rows(), family="poisson").params)


@needs_locks
def test_fits_of_one_process_are_told_apart(tmp_path, monkeypatch):
    inside, go, plain = threading.Event(), threading.Event(), Journal._save

    def save(self, *arguments, **values):
        inside.set()
        assert go.wait(120)
        plain(self, *arguments, **values)

    monkeypatch.setattr(Journal, "_save", save)
    found = []
    thread = threading.Thread(target=lambda: found.append(fitted(tmp_path / "state")))
    thread.start()
    assert inside.wait(120)
    try:
        with pytest.raises(CheckpointError, match=f"in use by process {os.getpid()} on"):
            fitted(tmp_path / "state")
    finally:
        go.set()
        thread.join()
    assert np.array_equal(fitted(tmp_path / "state").params, found[0].params)


def test_a_fit_that_fails_gives_the_folder_back(tmp_path, monkeypatch):
    gc.disable()
    try:
        with monkeypatch.context() as patch:
            patch.setattr(Journal, "run", lambda *a: (_ for _ in ()).throw(KeyboardInterrupt))
            with pytest.raises(KeyboardInterrupt) as kept:
                fitted(tmp_path / "state")
        assert fitted(tmp_path / "state").converged and kept
        with pytest.raises(CheckpointError, match="another fit"):
            fitted(tmp_path / "state", compress=True)
        fitted(tmp_path / "state")
    finally:
        gc.enable()


def test_file_systems_without_locks(tmp_path, monkeypatch):
    def flock(*arguments):
        raise OSError("no locks")

    if holder.fcntl is not None:
        monkeypatch.setattr(holder.fcntl, "flock", flock)
        assert fitted(tmp_path / "one").converged
    monkeypatch.setattr(holder, "fcntl", None)
    assert fitted(tmp_path / "two").converged


def altered(path):
    """The same archive with one number changed, as an editor of arrays would write it."""
    with np.load(path) as file:
        arrays = {name: file[name].copy() for name in file.files}
    name = next(name for name, v in arrays.items() if name != sealed.SEAL and v.dtype == np.float64 and v.size)
    arrays[name].flat[0] += 1.0
    np.savez(path, **arrays)
    return arrays


def test_an_altered_pass_is_refused_by_name(tmp_path):
    fitted(tmp_path / "state")
    path = next(path for path in sorted((tmp_path / "state").glob("pass-*.npz")) if path.stat().st_size > 900)
    whole = path.read_bytes()
    arrays = altered(path)
    with pytest.raises(FileFormatError, match=f"{path.name}: was altered.*remove the folder to start afresh"):
        fitted(tmp_path / "state")
    del arrays[sealed.SEAL]
    np.savez(path, **arrays)
    with pytest.raises(FileFormatError, match=f"{path.name}: has no checksum"):
        fitted(tmp_path / "state")
    rng = np.random.default_rng(0)
    for flip in rng.choice(8 * len(whole), 60, replace=False).tolist():  # a flip is refused, or in what nobody reads
        damaged = bytearray(whole)
        damaged[flip // 8] ^= 1 << flip % 8
        path.write_bytes(damaged)
        try:
            found = sealed.read(path)
        except FileFormatError as error:
            assert path.name in str(error)
        else:
            path.write_bytes(whole)
            right = sealed.read(path)
            assert all(np.array_equal(found[name], right[name]) for name in right) and set(found) == set(right)
    path.write_bytes(whole)
    fitted(tmp_path / "state")


def test_an_altered_state_of_a_stochastic_fit_is_refused(tmp_path):
    from fastglm.solvers import SGD

    path = tmp_path / "state.npz"
    options = {"family": "poisson", "solver": SGD(epochs=2, checkpoint=path, seed=0)}
    fastglm.fit(*rows(), **options)
    altered(path)
    with pytest.raises(FileFormatError, match="state.npz.*was altered"):
        fastglm.fit(*rows(), **options)


def test_a_folder_of_an_older_format_is_refused_by_name(tmp_path):
    fitted(tmp_path / "state")
    head = tmp_path / "state" / "fit.json"
    head.write_text(json.dumps(json.loads(head.read_text()) | {"format": 1}))
    with pytest.raises(CheckpointError, match="format was 1, now it is 2"):
        fitted(tmp_path / "state")
