"""What commands write: lines for people, one JSON document for programs, files that are whole or not there."""

from __future__ import annotations

import json
import math
import os
import sys
from importlib import metadata

import numpy as np

from ..core.atomic import replacing
from ..errors import visible


def say(*lines) -> None:
    """Print lines; a reader that has gone (``| head -1``) is no error, and what follows is printed to nobody."""
    try:
        print(*(visible(str(line)) for line in lines), sep="\n", flush=True)
    except BrokenPipeError:
        silence()


def silence() -> None:
    """Print what follows to nobody: what is left in the buffer would complain when the interpreter ends."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def say_json(document) -> None:
    """Print a document as JSON."""
    say(json.dumps(plain(document), allow_nan=False))


def encodable(text: str) -> bool:
    """Whether what is printed to can show a text."""
    try:
        text.encode(sys.stdout.encoding or "ascii")
    except (UnicodeEncodeError, LookupError):
        return False
    return True


def plain(value):
    """A value as JSON has it: numbers that are not finite are null."""
    if isinstance(value, (np.generic, np.ndarray)):
        value = value.tolist()
    if isinstance(value, dict):
        return {str(name): plain(item) for name, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [plain(item) for item in value]
    if isinstance(value, float) and not math.isfinite(value):
        return None
    return value if value is None or isinstance(value, (str, bool, int, float)) else str(value)


def write_text(path, text) -> None:
    """Write a text file, whole or not at all."""
    with replacing(path) as file:
        file.write(text)


def version() -> str:
    """The version that is installed."""
    try:
        return metadata.version("fastglm")
    except metadata.PackageNotFoundError:
        return "(not installed)"
