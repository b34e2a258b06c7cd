"""Compiled loops on disk: shared by processes, and never in the way of a fit.

Numba's cache, and what it leaves open: folders that are full, read-only or gone, files that are damaged, processes
that compile and write at the same time, and loops that were compiled when the package was built.
"""

from __future__ import annotations

import gc
import hashlib
import inspect
import os
import stat
import tempfile
import time
from functools import cache

from numba.core import caching
from numba.core.compiler_lock import global_compiler_lock
from numba.core.runtime import rtsys

from ..errors import SetupWarning, warn

try:
    import fcntl
except ImportError:  # not on this operating system
    fcntl = None

LOCKS = 32  # files to lock in a folder, of which each loop has one
LOOK, PATIENCE = 0.02, 300.0  # seconds between two looks at the lock, and after which its holder is taken for stopped
REMEDY = "set NUMBA_CACHE_DIR to a folder with room that can be written"
PACKAGE = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
BUILT = os.path.join(PACKAGE, "loops")  # see Built
_said: set = set()


@cache
def contents(path) -> bytes:
    """A digest of a file."""
    with open(path, "rb") as file:
        return hashlib.sha256(file.read()).digest()


@cache
def kernels() -> bytes:
    """A digest of the files of this folder, whose functions are compiled into the loops of others."""
    here = os.path.dirname(os.path.abspath(__file__))
    names = sorted(name for name in os.listdir(here) if name.endswith(".py"))
    return hashlib.sha256(b"".join(contents(os.path.join(here, name)) for name in names)).digest()


class Built(caching._SourceFileBackedLocatorMixin, caching._CacheLocator):
    """Loops of the package's own files, compiled when it was built: every process reads them, none changes them.

    They count where Numba, the interpreter and the processor are those of the build, which Numba's index says, and as
    long as the source file and those of the kernels are what they were.
    """

    building = False  # whether this process is the build
    there = os.path.isdir(BUILT)

    def __init__(self, py_func, py_file):
        self._py_file, self._lineno = py_file, py_func.__code__.co_firstlineno

    @classmethod
    def of(cls, py_func):
        """The place of a function's loops, None where there is none."""
        path = os.path.abspath(inspect.getfile(py_func))
        inside = (cls.there or cls.building) and path.startswith(PACKAGE + os.sep)
        return cls(py_func, path) if inside else None

    def get_cache_path(self):
        return os.path.join(BUILT, os.path.relpath(os.path.dirname(self._py_file), PACKAGE))

    def get_source_stamp(self):
        return contents(self._py_file) + kernels()  # installers set the times of files anew


class Temporary(caching._SourceFileBackedLocatorMixin, caching._CacheLocator):
    """A folder of this user's among the temporary ones, for loops that can be kept nowhere else."""

    def __init__(self, py_func, py_file):
        self._py_file, self._lineno = py_file, py_func.__code__.co_firstlineno
        user = os.geteuid() if hasattr(os, "geteuid") else "cache"
        self._root = os.path.join(tempfile.gettempdir(), f"fastglm-loops-{user}")

    def get_cache_path(self):
        return os.path.join(self._root, self.get_suitable_cache_subpath(self._py_file))

    def ensure_cache_path(self):
        os.makedirs(self._root, mode=0o700, exist_ok=True)
        found = os.lstat(self._root)
        # what is in it is run: it must be a folder that nobody else can write
        mine = not hasattr(os, "geteuid") or (found.st_uid == os.geteuid() and not found.st_mode & 0o022)
        if not (stat.S_ISDIR(found.st_mode) and mine):
            raise PermissionError(f"{self._root} belongs to somebody else")
        super().ensure_cache_path()


USER_WIDE = getattr(caching, "UserWideCacheLocator", None) or caching._UserWideCacheLocator


class _Impl(caching.CompileResultCacheImpl):
    _locator_classes = [*caching.CompileResultCacheImpl._locator_classes, Temporary]

    def get_filename_base(self, fullname, abiflags):
        return super().get_filename_base(fullname, abiflags) + "-keyed"


def number_of(key) -> int:
    """A number for the key of a loop, the same in every process."""
    return int.from_bytes(hashlib.blake2b(repr(key).encode(), digest_size=6).digest(), "big")


class _Files(caching.IndexDataCacheFile):
    """The files of one function in one folder. Each is named after its key and holds it, so that processes that write
    at the same time can lose a loop to each other, but never take one for another."""

    def save(self, key, data):
        overloads = self._load_index()
        name = overloads.setdefault(key, self._data_name(number_of(key)))
        self._save_data(name, (key, data))
        self._save_index(overloads)

    def load(self, key):
        found = super().load(key)
        return found[1] if isinstance(found, tuple) and len(found) == 2 and found[0] == key else None

    def _load_index(self):
        try:
            return super()._load_index()
        except Exception:  # a damaged pickle can fail in any way; an empty index is written anew
            return {}


class Kept(caching.FunctionCache):
    """The cache of one function, in the first of several folders that can be written; RuntimeError if none can."""

    _impl_class = _Impl

    def __init__(self, py_func):
        super().__init__(py_func)
        self._locators = [self._impl.locator]
        self._complete = False

    def load_overload(self, sig, target_context):
        """A loop from disk; else None, with this process the one that compiles."""
        rtsys.initialize(target_context)  # all that a loop needs to run: what compiling needs takes a tenth of a second
        key = self._index_key(sig, target_context.codegen())
        found = self._found(key, target_context)
        if found is None and compiling.begin(self.cache_path, number_of(key) % LOCKS):
            found = self._found(key, target_context)
        return found

    def _found(self, key, target_context):
        for locator in self._places(Built.of(self._py_func)):
            try:
                data = self._files(locator).load(key)
                if data is not None:
                    return self._impl.rebuild(target_context, data)
            except Exception:  # damaged or half gone: it is compiled and written again
                continue
        return None

    def save_overload(self, sig, data):
        """Keep a loop where there is room; what cannot be kept is said once, and is no error."""
        if not self._impl.check_cachable(data):
            return
        key, reduced, failed = self._index_key(sig, data.codegen), self._impl.reduce(data), None
        built = Built.of(self._py_func) if Built.building else None
        for locator in self._places() if built is None else [built]:
            try:
                locator.ensure_cache_path()
                self._files(locator).save(key, reduced)
            except OSError as error:
                failed = failed or (locator.get_cache_path(), error.strerror or str(error))
                continue
            _say(failed, locator)
            return
        _say(failed, None)

    def _places(self, built=None):
        """Where loops may be, the preferred place first; the others are looked for when they are needed."""
        yield self._locators[0]
        if built is not None:
            yield built
        if not self._complete:
            function, paths = self._py_func, {self.cache_path}
            for other in (kind(function, inspect.getfile(function)) for kind in (USER_WIDE, Temporary)):
                if other.get_cache_path() not in paths:
                    self._locators.append(other)
            self._complete = True
        yield from self._locators[1:]

    def _files(self, locator):
        return _Files(locator.get_cache_path(), self._impl.filename_base, locator.get_source_stamp())


def kept(py_func):
    """The cache of a function, None where no folder can be written."""
    try:
        return Kept(py_func)
    except RuntimeError:
        _say(None, None)
        return None


class Sought:
    """The cache of a function, whose folder is looked for when it is first needed: a fit needs few of the functions."""

    def __init__(self, py_func):
        self._py_func = py_func

    def __getattr__(self, name):
        if name.startswith("__"):
            raise AttributeError(name)
        if "_found" not in vars(self):
            self._found = kept(self._py_func) or caching.NullCache()
        return getattr(self._found, name)


def _say(failed, locator):
    """Say once that loops are not where they should be: why not, and where they are."""
    temporary = isinstance(locator, Temporary)
    if _said or (failed is None and locator is not None and not temporary):
        return
    _said.add(True)
    why = f"{failed[0]} cannot be written ({failed[1]})" if failed else "no lasting folder can be written"
    how = "are compiled anew in every process" if locator is None else f"are kept in {locator.get_cache_path()}"
    lost = ", until it is emptied" if temporary else ""
    warn(SetupWarning, f"{why}: compiled loops {how}{lost}; {REMEDY}")


class _Compiling:
    """One process at a time compiles a loop; the others wait, and then take its file.

    The lock is a hint that saves time: without it, or where its holder stops, processes compile the same side by side.
    It goes with the process that holds it, and a process holds one at a time: that of the loop it was asked for, with
    which it compiles the functions in it.
    """

    def __init__(self):
        self.depth, self.handle, self.collected = 0, None, False

    def begin(self, folder, number=0) -> bool:
        """Become the process that compiles what has this lock; whether to look for files again."""
        if fcntl is None or self.handle is not None or not self.depth:
            return False
        try:
            handle = os.open(os.path.join(folder, f"fastglm-{number}.lock"), os.O_RDWR | os.O_CREAT, 0o666)
        except OSError:
            return False
        end = time.monotonic() + PATIENCE
        while time.monotonic() < end:
            try:
                fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                time.sleep(LOOK)
            except OSError:  # a file system without locks
                break
            except BaseException:
                os.close(handle)
                raise
            else:
                self.handle = handle
                return True
        os.close(handle)
        return True

    @global_compiler_lock
    def __enter__(self):
        if not self.depth:
            # a compiler makes many objects and little garbage: looking for it takes a tenth of the time
            self.collected = gc.isenabled()
            gc.disable()
        self.depth += 1

    @global_compiler_lock
    def __exit__(self, *exc):
        self.depth -= 1
        if not self.depth:
            self.release()
            if self.collected:
                gc.enable()

    def release(self, unlock=True):
        """Let another process compile."""
        handle, self.handle = self.handle, None
        if handle is not None:
            if unlock:  # a child forked meanwhile may have it open
                fcntl.flock(handle, fcntl.LOCK_UN)
            os.close(handle)

    def forget(self):
        """In a forked child: what the parent holds is the parent's."""
        if self.depth and self.collected:
            gc.enable()
        self.depth = 0
        self.release(unlock=False)


compiling = _Compiling()
if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=compiling.forget)
