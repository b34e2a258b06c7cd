"""The compiled loops on disk: a folder that is full, read-only, damaged, gone or shared changes no answer."""

import os
import pickle
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

import pytest

import fastglm
from fastglm.kernels import cache, compile, passes

ROOT = Path(fastglm.__file__).parents[1]
PROCESSES = 4
OWN = """
from fastglm.kernels.compile import address_of, jit

def made(k):
    def shifted(x):
        return inner(x) + k
    return shifted

@jit()
def inner(x):
    s = 0.0
    for i in range(10):
        s += x * i
    return s

functions = [jit()(made(k)) for k in (1.0, 2.0)]
loop = lambda: address_of("float64(float64)", made(5.0))
"""
ASK = """
import warnings
with warnings.catch_warnings(record=True) as said:
    warnings.simplefilter("always")
    import own
    answers = [f(2.0) for f in own.functions] + [own.loop().ctypes(2.0)]
hits = sum(sum(f.stats.cache_hits.values()) for f in own.functions)
misses = sum(sum(f.stats.cache_misses.values()) for f in own.functions)
print(answers, hits, misses, [str(w.message) for w in said], sep="|")
"""
RIGHT = "[91.0, 92.0, 95.0]"


@pytest.fixture
def place(tmp_path):
    (tmp_path / "own.py").write_text(OWN)
    return tmp_path


def environment(place, **changes):
    ours = {
        "PYTHONPATH": os.pathsep.join([str(place), str(ROOT)]), "NUMBA_CACHE_DIR": str(place / "cache"),
        "XDG_CACHE_HOME": str(place / "user"), "HOME": str(place / "home"), "TMPDIR": str(place / "tmp"),
        "PYTHONDONTWRITEBYTECODE": "1",
    }  # fmt: skip
    (place / "tmp").mkdir(exist_ok=True)
    return {name: value for name, value in (os.environ | ours | changes).items() if value is not None}


def ask(place, before="", **changes):
    """(answers, hits, misses, what was said) of a process that runs three loops."""
    done = subprocess.run(
        [sys.executable, "-c", before + ASK], capture_output=True, text=True, env=environment(place, **changes)
    )
    assert done.returncode == 0, done.stderr
    answers, hits, misses, said = done.stdout.strip().split("|")
    assert answers == RIGHT
    return int(hits), int(misses), eval(said)


def kept(place, folder):
    return sorted(path.name for path in (place / folder).rglob("*.nbc"))


def test_loops_are_found_again(place):
    assert ask(place) == (0, 2, [])
    files = kept(place, "cache")
    assert len(files) == 4 and ask(place) == (2, 0, [])
    assert kept(place, "cache") == files and not kept(place, "user")


# a limit for the size of files, as a full disk or a quota would have it: what is written fails half way
FULL = """
import numba.core.caching as caching, errno, os
plain = caching.IndexDataCacheFile._save_data
def save(self, name, data):
    if self._cache_path.startswith({0!r}):
        raise OSError(errno.{1}, os.strerror(errno.{1}))
    return plain(self, name, data)
caching.IndexDataCacheFile._save_data = save
"""
LIMITED = """
import resource, signal
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
resource.setrlimit(resource.RLIMIT_FSIZE, (2000, 2000))
"""


def test_a_full_folder_is_replaced_by_that_of_the_user(place):
    full = FULL.format(str(place / "cache"), "EDQUOT")
    hits, misses, said = ask(place, full)
    assert (hits, misses) == (0, 2) and len(said) == 1
    assert "cannot be written" in said[0] and "set NUMBA_CACHE_DIR" in said[0] and str(place / "user") in said[0]
    assert len(kept(place, "user")) == 4 and not kept(place, "cache")
    assert ask(place, full) == (2, 0, [])  # and they are found there


def test_folders_that_are_all_full(place):
    hits, misses, said = ask(place, FULL.format(str(place), "ENOSPC"))
    assert (hits, misses) == (0, 2) and len(said) == 1
    assert "anew in every process" in said[0] and "No space left" in said[0]


@pytest.mark.skipif(not hasattr(os, "fork"), reason="limits of POSIX")
def test_a_disk_that_is_really_full(place):
    hits, misses, said = ask(place, LIMITED)
    assert (hits, misses) == (0, 2) and len(said) == 1 and "File too large" in said[0]
    assert not [path for path in place.rglob("*.tmp.*")]
    assert ask(place) == (0, 2, [])


def blocked(place, *names):
    """A file stands where each of these folders would be."""
    for name in names:
        (place / name).write_text("not a folder")


def test_no_lasting_folder(place):
    blocked(place, "cache", "user", "home", "__pycache__")
    hits, misses, said = ask(place)
    assert (hits, misses) == (0, 2) and len(said) == 1
    assert "no lasting folder" in said[0] and str(place / "tmp") in said[0] and "until it is emptied" in said[0]
    assert len(kept(place, "tmp")) == 4
    assert ask(place) == (2, 0, [])


@pytest.mark.skipif(not hasattr(os, "geteuid"), reason="owners of POSIX")
def test_a_temporary_folder_that_others_can_write_is_not_trusted(place):
    blocked(place, "cache", "user", "home", "__pycache__")
    root = place / "tmp" / f"fastglm-loops-{os.geteuid()}"
    root.mkdir(parents=True)
    root.chmod(0o777)
    hits, misses, said = ask(place)
    assert (hits, misses) == (0, 2) and len(said) == 1 and "anew in every process" in said[0]
    assert not list(root.rglob("*.nb?"))
    root.rmdir()
    (place / "elsewhere").mkdir()
    root.symlink_to(place / "elsewhere")
    assert ask(place)[1] == 2 and not list((place / "elsewhere").iterdir())


DAMAGES = [
    lambda whole: b"", lambda whole: b"garbage", lambda whole: whole[: len(whole) // 2],
    lambda whole: pickle.dumps((1, 2)), lambda whole: pickle.dumps("0.0"),
]  # fmt: skip


@pytest.mark.parametrize("ending", [".nbc", ".nbi"])
def test_damaged_files_are_written_anew(place, ending):
    ask(place)
    files = [path for path in sorted((place / "cache").rglob(f"*{ending}")) if "shifted" in path.name]
    for k, path in enumerate(files):
        path.write_bytes(DAMAGES[k % 5](path.read_bytes()))
    hits, misses, said = ask(place)
    assert misses == 2 and said == []
    for k, path in enumerate(files):
        path.write_bytes(DAMAGES[(k + 3) % 5](path.read_bytes()))
    assert ask(place)[1:] == (2, [])
    assert ask(place) == (2, 0, [])
    shutil.rmtree(place / "cache")
    assert ask(place) == (0, 2, [])


def test_a_loop_is_never_taken_for_another(tmp_path):
    def files():
        return cache._Files(str(tmp_path), "loops", "stamp")

    files().save("a", "the loop a")
    index = (tmp_path / "loops.nbi").read_bytes()
    for path in tmp_path.glob("*.nbi"):  # as another process sees it that looked before
        path.unlink()
    files().save("b", "the loop b")
    assert (files().load("a"), files().load("b")) == (None, "the loop b")
    (tmp_path / "loops.nbi").write_bytes(index)
    assert (files().load("a"), files().load("b")) == ("the loop a", None)
    data = {path.name: path.read_bytes() for path in tmp_path.glob("*.nbc")}
    for name, other in zip(data, reversed(list(data.values())), strict=True):
        (tmp_path / name).write_bytes(other)
    assert files().load("a") is None


ONE_OF_MANY = """
import sys
import numba, fastglm.kernels.compile
print("ready", flush=True)
sys.stdin.readline()
"""


@pytest.mark.skipif(cache.fcntl is None, reason="no locks on this operating system")
def test_of_many_processes_one_compiles(place):
    run = [sys.executable, "-c", ONE_OF_MANY + ASK]
    pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "text": True}
    processes = [subprocess.Popen(run, env=environment(place), **pipes) for _ in range(PROCESSES)]
    for process in processes:
        assert process.stdout.readline() == "ready\n"
    for process in processes:
        process.stdin.write("go\n")
        process.stdin.flush()
    outcomes = [process.communicate()[0].strip().split("|") for process in processes]
    assert [outcome[0] for outcome in outcomes] == [RIGHT] * PROCESSES
    assert sum(int(outcome[2]) for outcome in outcomes) == 2  # loops, each compiled once


HOLDER = """
import sys
from fastglm.kernels.cache import compiling
with compiling:
    assert compiling.begin(sys.argv[1])
    print("held", flush=True)
    sys.stdin.readline()
"""
WAITING = """
import time
from fastglm.kernels import cache
cache.LOCKS = 1
plain = time.sleep
def sleep(seconds):
    print("waiting", flush=True)
    time.sleep = plain
    plain(seconds)
time.sleep = sleep
"""


@pytest.mark.skipif(cache.fcntl is None, reason="no locks on this operating system")
@pytest.mark.parametrize("end", ["killed", "done"])
def test_a_process_that_holds_the_lock_and_ends(place, end):
    ask(place)
    (folder,) = {path.parent for path in (place / "cache").rglob("own.*.nbi")}
    for path in folder.glob("*.nb?"):
        path.unlink()
    pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "text": True, "env": environment(place)}
    holder = subprocess.Popen([sys.executable, "-c", HOLDER, str(folder)], **pipes)
    assert holder.stdout.readline() == "held\n"
    other = subprocess.Popen([sys.executable, "-c", WAITING + ASK], **pipes)
    assert other.stdout.readline() == "waiting\n"
    holder.kill() if end == "killed" else holder.stdin.write("end\n")
    holder.communicate()
    assert other.communicate()[0].startswith(RIGHT)


def test_a_lock_that_is_never_given_back_is_passed_by(tmp_path, monkeypatch):
    if cache.fcntl is None:
        pytest.skip("no locks on this operating system")
    monkeypatch.setattr(cache, "PATIENCE", 0.05)
    one, other = cache._Compiling(), cache._Compiling()
    with one, other:
        assert one.begin(tmp_path) and one.handle is not None
        assert other.begin(tmp_path) and other.handle is None
        assert not one.begin(tmp_path)
    assert one.handle is None
    with other:
        assert other.begin(tmp_path) and other.handle is not None
    assert not cache._Compiling().begin(tmp_path)


def test_processes_compile_different_loops_at_the_same_time(tmp_path):
    if cache.fcntl is None:
        pytest.skip("no locks on this operating system")
    one, other = cache._Compiling(), cache._Compiling()
    with one, other:
        assert one.begin(tmp_path, 3) and other.begin(tmp_path, 4)
        assert one.handle is not None and other.handle is not None
        # what is inside a loop is compiled under its lock: no two processes can wait for each other
        assert not one.begin(tmp_path, 4)


BUILT = """
from fastglm.kernels import cache
cache.PACKAGE, cache.BUILT, cache.Built.there = {0!r}, {0!r} + "/loops", True
"""


def test_loops_of_the_build_are_found_and_never_changed(place):
    there = BUILT.format(str(place))
    assert ask(place, there + "cache.Built.building = True", NUMBA_CACHE_DIR=str(place / "scratch")) == (0, 2, [])
    files = kept(place, "loops")
    assert len(files) == 4 and not kept(place, "scratch")
    assert ask(place, there) == (2, 0, [])
    # of another processor, or of an edited file, its own or one of the kernels: compiled for the user, beside them
    assert ask(place, there, NUMBA_CPU_NAME="generic") == (0, 2, []) and len(kept(place, "cache")) == 4
    edited = "cache.kernels = lambda: b'of edited files'\n"
    assert ask(place, there + edited, NUMBA_CACHE_DIR=str(place / "another")) == (0, 2, [])
    (place / "own.py").write_text(OWN + "# edited\n")
    assert ask(place, there) == (0, 2, [])
    assert kept(place, "loops") == files


FIRST_FITS = """
import numpy as np
import fastglm
from fastglm import installation
warnings.simplefilter("ignore")
for work in installation.works():
    work()
x, y = np.random.default_rng(0).random((2, 100))
for rows in (x, y):
    rows.flags.writeable = False
fastglm.local(x, y > 0.5, family="binomial", bandwidth=0.4)
fastglm.fit([[1.0], [2], [3]], [1, 3, 2], weights=[1, 2, 1])
"""


def test_an_installed_package_compiles_nothing_at_a_first_fit(place):
    if not cache.Built.there:
        pytest.skip("installed without loops: they are compiled when they are first asked for")
    one = cache.kept(passes.block_pass.py_func)
    if ROOT.name != "site-packages" and not one._files(cache.Built.of(one._py_func))._load_index():
        pytest.skip("the sources were edited after the installation, which is editable: its loops count no longer")
    program = f"import warnings\n{FIRST_FITS}"
    subprocess.run([sys.executable, "-c", program], check=True, env=environment(place), cwd=place)
    assert not kept(place, "cache")


def test_the_folder_of_a_function_is_looked_for_when_it_is_first_called(monkeypatch):
    looked = []

    def kept(function):
        looked.append(function.__name__)

    monkeypatch.setattr(cache, "kept", kept)

    @compile.jit()
    def twice(x):
        return 2.0 * x

    assert looked == []
    assert twice(2.0) == 4.0 and twice(3.0) == 6.0  # where no folder is found it is compiled in memory
    assert looked == ["twice"]


def test_the_folder_of_this_process_is_numba_s():
    assert cache.Temporary(test_loops_are_found_again, __file__).get_cache_path().startswith(tempfile.gettempdir())
