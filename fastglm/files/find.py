"""The files of a path, a glob, a folder, a URL or a list of them, in the order of their paths."""

from __future__ import annotations

import glob
import os
import re
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Any, NamedTuple
from urllib.parse import unquote

from ..core.column_names import DELIMITERS, PARQUET
from ..errors import FileFormatError, InvalidParameterError, SetupWarning, warn

ARROW = (".arrow", ".feather", ".ipc", ".arrows")
JSON_LINES = (".ndjson", ".jsonl")
PACKED = (".gz", ".bz2", ".zst", ".lz4")
MAGIC = {b"PAR1": "parquet", b"ARRO": "ipc", b"\xff\xff\xff\xff": "stream"}
BY_PYARROW = ("s3", "gs", "gcs", "hdfs", "viewfs", "abfs", "abfss")  # others are left to fsspec
SHOWN = 5  # links that a warning names
BY_NAME = (None, ".")  # the delimiter that the extension tells, and the decimal point
NO_VALUE = "__HIVE_DEFAULT_PARTITION__"


class DelimitedText(str):
    """The path, pattern or URL of text whose delimiter or decimal sign are not those of its extension.

    Parameters
    ----------
    path : str
    delimiter : str, optional
        One letter; by default that of the extension, and ";" in CSV files whose decimal sign is a comma.
    decimal : str
        The decimal sign.
    """

    dialect: tuple[Any, ...]

    def __new__(cls, path: str, delimiter: str | None = None, decimal: str = ".") -> DelimitedText:
        text = super().__new__(cls, path)
        text.dialect = (delimiter, decimal)
        return text


class File(NamedTuple):
    """One file, in the state in which it was found.

    ``place`` is its name in messages; ``path`` is the path within ``system``, a pyarrow file system, or the absolute
    path on the local disk, where ``system`` is None; ``kind`` is "parquet", "ipc", "stream" (Arrow's), "csv" or "json"
    (lines of it); ``stamp`` is the time of the last change in ns, or an etag; ``partition`` has the columns in the
    names of folders, as (name, value); ``mark`` is a digest of parts of the file, or ""; ``dialect`` has the delimiter
    of CSV, None for that of its extension, and the decimal sign.
    """

    place: str
    path: str
    system: Any
    kind: str
    size: int
    stamp: Any
    partition: tuple[Any, ...] = ()
    mark: str = ""
    dialect: tuple[Any, ...] = BY_NAME

    def open(self) -> Any:
        """The file opened for random access."""
        import pyarrow as pa

        return pa.OSFile(self.path, "rb") if self.system is None else self.system.open_input_file(self.path)

    def now(self) -> Any:
        """The current size and stamp of the file, None if it was removed."""
        if self.system is None:
            try:
                status = os.stat(self.path)
            except FileNotFoundError:
                return None
            return status.st_size, status.st_mtime_ns
        handler = getattr(self.system, "handler", None)
        if hasattr(handler, "fs"):
            handler.fs.invalidate_cache()
        info = self.system.get_file_info(self.path)
        return (info.size, stamp_of(self.system, info)) if info.type.name == "File" else None


def find(data: Any) -> list[File]:
    """The files of paths, globs, folders and URLs.

    Parameters
    ----------
    data : str, Path or list of them

    Raises
    ------
    FileFormatError, InvalidParameterError
        Names the path that matches no file, cannot be read, is of an unknown format, or is repeated.
    """
    texts = [os.fspath(item) for item in (data if isinstance(data, (list, tuple)) else [data])]
    paths, bases = [], []
    for text in texts:
        told = getattr(text, "dialect", None)
        read = _remote if "://" in text and not text.startswith("file://") else _local
        base, files = read(text, told is not None)
        bases.append(base)
        if told is not None:
            files = [file._replace(dialect=told) for file in files]
        paths += files
    first_with: dict[Any, Any] = {}
    for file in paths:
        known = first_with.setdefault(file.place if file.system else os.path.realpath(file.path), file)
        if known is not file:
            as_other = "" if known.place == file.place else f": it is {known.place}"
            raise InvalidParameterError(f"{file.place} is given twice{as_other}")
    return _partitioned(paths, bases)


def _local(text, is_text=False):
    """(the folder before any wildcard, the files) of a path or pattern on the local disk."""
    text = os.path.expanduser(unquote(text.removeprefix("file://")) if text.startswith("file://") else text)
    skipped: list[Any] = []
    if os.path.exists(text) or not glob.has_magic(text):
        paths, base = [text], text if os.path.isdir(text) else os.path.dirname(text)
    else:
        paths = _globbed(text, skipped)
        base = os.path.dirname(text[: re.search(r"[*?[]", text).start()])
        if not paths:
            raise FileFormatError(f"{text}: no file matches this pattern")
    files = {
        os.path.normpath(file)
        for path in paths
        for file in (_below(path, ("_", "."), skipped)[1] if os.path.isdir(path) else [path])
    }
    if not files:
        raise FileFormatError(f"{text}: there is no file in it")
    once = _once(files, skipped)
    if skipped:
        shown = "; ".join(skipped[:SHOWN]) + (f"; and {len(skipped) - SHOWN} more" if len(skipped) > SHOWN else "")
        warn(SetupWarning, f"{text}: links to what is read anyway were left out: {shown}; remove them, or name files")
    return os.path.abspath(base), [_local_file(path, is_text) for path in once]


def _once(files, skipped) -> list[Any]:
    """Sorted paths, one for each file: of several paths to a file the one without links, or else the first."""
    real: dict[Any, Any] = {}
    for path in sorted(files):
        real.setdefault(os.path.realpath(path), []).append(path)
    chosen = []
    for file, names in real.items():
        best = next((name for name in names if os.path.abspath(name) == file), names[0])
        chosen.append(best)
        skipped += [f"{name} (is {best})" for name in names if name != best]
    return sorted(chosen)


def _globbed(pattern, skipped) -> list[Any]:
    """The paths that match a pattern; ** follows links to folders, but none twice."""
    parts = pattern.split("/") if os.sep == "/" else re.split(r"[\\/]", pattern)
    if "**" not in parts:
        return sorted(glob.glob(pattern))
    head, pattern_parts = os.sep.join(parts[: parts.index("**")]), parts[parts.index("**") :]
    if not head:
        head = os.sep if parts[0] == "" else os.curdir
    pattern_parts = [part for part in pattern_parts if part]
    hidden = () if any(part.startswith(".") for part in pattern_parts) else (".",)
    matching = set()
    for top in glob.glob(head) if glob.has_magic(head) else [head]:
        if os.path.isdir(top):
            folders, files = _below(top, hidden, skipped)
            inner = {path: os.path.relpath(path, top).split(os.sep) for path in (*folders, *files)}
            matching |= {path for path, names in inner.items() if _matches(names, pattern_parts)}
    return sorted(matching)


def _below(folder, left_out, skipped, links=()) -> tuple[list[Any], list[Any]]:
    """The folders and the files below a folder, without those whose names begin with one of ``left_out``.

    Links to folders are followed, unless they lead to a folder that contains them; ``links`` are the folders of the
    links that led to this one.
    """
    folders, files = [], []
    for at, inner, names in os.walk(folder, onerror=_failed):
        folder_path = os.path.realpath(at)
        below = [os.path.join(at, name) for name in sorted(inner) if not name.startswith(left_out)]
        files += [os.path.join(at, name) for name in names if not name.startswith(left_out)]
        inner[:] = [os.path.basename(path) for path in below if not os.path.islink(path)]
        for path in below:
            real = os.path.realpath(path).rstrip(os.sep) + os.sep
            if os.path.islink(path) and any((way + os.sep).startswith(real) for way in (*links, folder_path)):
                skipped.append(f"{path} (is {real})")
                continue
            folders.append(path)
            if os.path.islink(path):
                more = _below(path, left_out, skipped, (*links, folder_path))
                folders, files = folders + more[0], files + more[1]
    return folders, files


def _failed(error):
    raise FileFormatError(f"{error.filename}: no permission to read it") from None


def _local_file(path, is_text) -> File:
    try:
        status = os.stat(path)
        kind = _by_name(path, is_text)
        if kind is None:
            with open(path, "rb") as handle:
                kind = _by_magic(path, handle.read(8))
    except FileNotFoundError:
        raise FileFormatError(f"{path}: no such file") from None
    except PermissionError:
        raise FileFormatError(f"{path}: no permission to read it") from None
    return File(path, os.path.abspath(path), None, kind, status.st_size, status.st_mtime_ns)


def _by_name(path, is_text):
    """The format by the extension of a file; None for unknown extensions, unless the files are known to be text."""
    parts = [suffix.lower() for suffix in Path(path).suffixes[-2:]]
    while parts and parts[-1] in PACKED:
        parts.pop()
    last = parts[-1] if parts else ""
    if last in DELIMITERS:
        return "csv"
    if last in JSON_LINES:
        return "json"
    return "parquet" if last in PARQUET else "csv" if is_text and last not in ARROW else None


def _by_magic(place, start: bytes) -> str:
    """The format by the first bytes of a file."""
    kind = MAGIC.get(start[:4])
    if kind is None and Path(place).suffix.lower() in ARROW:
        raise FileFormatError(f"{place}: cannot be read: it does not begin as an Arrow file or stream does")
    if kind is None:
        known = ", ".join((*DELIMITERS, *JSON_LINES, *PARQUET, *ARROW))
        raise FileFormatError(
            f"{place}: cannot tell the format from the extension (known are {known}) or the first bytes; "
            "leave other files out with a pattern such as 'folder/*.parquet'"
        )
    return kind


def _remote(url, is_text=False):
    """(the folder before any wildcard, the files) of a URL."""
    from pyarrow.fs import FileSelector, FileType

    system, path, prefix = _system(url)
    wild = None if url.startswith("http") else re.search(r"[*?[]", path)
    info = system.get_file_info(path)
    if info.type == FileType.File:
        return prefix + os.path.dirname(path), [_remote_file(system, prefix, info, is_text)]
    if info.type == FileType.NotFound and not wild:
        raise FileFormatError(f"{url}: no such file")
    base = os.path.dirname(path[: wild.start()]) if wild else path.rstrip("/")
    deep = not wild or "/" in path[wild.start() :] or "**" in path
    infos = system.get_file_info(FileSelector(base, recursive=deep, allow_not_found=True))
    infos = [item for item in infos if item.type == FileType.File]
    if wild:
        infos = [item for item in infos if _matches(item.path.split("/"), path.split("/"))]
    else:
        inner = len(base.strip("/")) + 1
        infos = [i for i in infos if not re.search(r"(^|/)[_.]", i.path.strip("/")[inner:])]
    if not infos:
        raise FileFormatError(f"{url}: no file {'matches this pattern' if wild else 'is in it'}")
    return prefix + base, [_remote_file(system, prefix, i, is_text) for i in sorted(infos, key=lambda i: i.path)]


def _system(url):
    """The file system of a URL, the path within it, and the prefix before the path."""
    import pyarrow as pa
    from pyarrow.fs import FileSystem, FSSpecHandler, PyFileSystem

    scheme = url.split("://")[0]
    try:
        if scheme in BY_PYARROW:
            system, path = FileSystem.from_uri(url)
            return system, path, f"{scheme}://"
    except (pa.ArrowNotImplementedError, pa.ArrowInvalid):
        pass  # pyarrow was built without it
    try:
        import fsspec

        system, path = fsspec.core.url_to_fs(url)
    except ImportError as error:
        raise InvalidParameterError(f"{url}: {scheme}:// needs a package that is not installed: {error}") from None
    except ValueError as error:
        raise InvalidParameterError(f"{url}: {error}") from None
    return PyFileSystem(FSSpecHandler(system)), path, "" if path.startswith(f"{scheme}:") else f"{scheme}://"


def _remote_file(system, prefix, info, is_text) -> File:
    kind = _by_name(info.path, is_text)
    if kind is None:
        with system.open_input_file(info.path) as handle:
            kind = _by_magic(prefix + info.path, handle.read(8))
    return File(prefix + info.path, info.path, system, kind, info.size, stamp_of(system, info))


def stamp_of(system: Any, info: Any) -> Any:
    """The time of a file's last change in ns, or the etag that its file system has instead."""
    if info.mtime_ns is not None:
        return info.mtime_ns
    details = system.handler.fs.info(info.path) if hasattr(getattr(system, "handler", None), "fs") else {}
    return next((str(details[key]) for key in ("ETag", "etag", "created", "LastModified") if details.get(key)), None)


def _matches(parts, pattern) -> bool:
    """Whether the parts of a path match those of a pattern, in which ** is any number of folders."""
    if not pattern or not parts:
        return not pattern and not parts
    if pattern[0] == "**":
        return any(_matches(parts[k:], pattern[1:]) for k in range(len(parts) + 1))
    return fnmatchcase(parts[0], pattern[0]) and _matches(parts[1:], pattern[1:])


def _partitioned(files, bases):
    """The files with the columns of ``key=value`` folders, below the folder that all paths have in common."""
    shared = os.path.commonprefix([_folders(base) for base in bases])
    partitions = []
    for file in files:
        folders = _folders(file.path if file.system is None else file.place)[len(shared) : -1]
        pairs = (folder.partition("=") for folder in folders)
        partitions.append({unquote(key): unquote(text) for key, equals, text in pairs if equals and key})
    is_integer = {}
    for name in dict.fromkeys(name for keys in partitions for name in keys):
        values = [keys[name] for keys in partitions if keys.get(name, NO_VALUE) != NO_VALUE]
        is_integer[name] = bool(values) and all(re.fullmatch(r"[+-]?\d{1,18}", value) for value in values)
    return [
        file._replace(partition=tuple((k, _value(text, is_integer[k])) for k, text in keys.items()))
        for file, keys in zip(files, partitions, strict=True)
    ]


def _folders(path):
    return [part for part in path.replace(os.sep, "/").split("/") if part]


def _value(text, is_integer):
    return None if text == NO_VALUE else int(text) if is_integer else text
