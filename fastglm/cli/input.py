"""Where the rows of a command come from: files, text with a delimiter of its own, and standard input."""

from __future__ import annotations

import shutil
import sys
import tempfile
from pathlib import Path

from ..errors import FileFormatError, InvalidParameterError

STDIN = "-"
NAME = "standard-input"  # of the copy, before its extension
STARTS = {b"PAR1": ".parquet", b"ARRO": ".arrow", b"\xff\xff\xff\xff": ".arrows"}
PACKED = {b"\x1f\x8b": ".gz", b"\x28\xb5\x2f\xfd": ".zst"}
WORDS = {"tab": "\t", "\\t": "\t", "space": " ", "comma": ",", "semicolon": ";", "pipe": "|"}
SAMPLE = 2**16  # bytes by which the format of standard input is told


def delimiter(text) -> str:
    """One letter, or its name."""
    letter = WORDS.get(text, text)
    if len(letter) != 1 or letter in "\r\n\"'":
        raise ValueError(text)
    return letter


delimiter.__name__ = "delimiter, such as ';' or tab,"  # what argparse calls it in an error


def add_text(parser):
    """How text is read."""
    parser.add_argument("--delimiter", type=delimiter, metavar="LETTER",
        help="between the values of text, such as ';' or tab (default: by the extension)")  # fmt: skip
    parser.add_argument("--decimal", choices=(".", ","), default=".",
        help="the decimal sign of text (default '.'); with ',' CSV is delimited by ';' unless told")  # fmt: skip


def paths(args):
    """The data as ``glm`` takes them; standard input is copied to a file once, which ``release`` removes."""
    given = [copied(args) if path == STDIN else path for path in args.data]
    letter, decimal = getattr(args, "delimiter", None), getattr(args, "decimal", ".")
    if letter is not None or decimal != ".":
        from ..files.find import DelimitedText

        if letter == decimal:
            raise InvalidParameterError(f"--delimiter {letter!r} is the decimal sign too; name another")
        given = [DelimitedText(path, letter, decimal) for path in given]
    return given[0] if len(given) == 1 else given


def copied(args) -> str:
    """The path of the copy of standard input, made at the first call."""
    if args.data.count(STDIN) > 1:
        raise InvalidParameterError("standard input (-) is given twice")
    if getattr(args, "checkpoint", None):
        raise InvalidParameterError("--checkpoint goes on with files that can be read again, not with standard input")
    if getattr(args, "copy", None) is None:
        args.copy = tempfile.mkdtemp(prefix="fastglm-input-")
        start = sys.stdin.buffer.read(SAMPLE)
        if not start.strip():
            raise FileFormatError("standard input (-) is empty")
        path = Path(args.copy, NAME + _extension(start))
        with open(path, "wb") as file:
            file.write(start)
            shutil.copyfileobj(sys.stdin.buffer, file, 2**20)
        args.copied = str(path)
    return args.copied


def release(args) -> None:
    """Remove the copy of standard input."""
    if getattr(args, "copy", None) is not None:
        shutil.rmtree(args.copy, ignore_errors=True)


def _extension(start: bytes) -> str:
    """The extension that tells the format of data, by their first bytes."""
    import pyarrow as pa

    packed = next((suffix for magic, suffix in PACKED.items() if start.startswith(magic)), "")
    if packed:
        kind = "gzip" if packed == ".gz" else "zstd"
        start = pa.CompressedInputStream(pa.BufferReader(start), kind).read(1)
    if start[:4] in STARTS:
        return STARTS[start[:4]]
    return (".ndjson" if start.removeprefix(b"\xef\xbb\xbf").lstrip()[:1] == b"{" else ".csv") + packed
