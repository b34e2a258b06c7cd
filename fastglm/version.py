"""The version of the library."""

from __future__ import annotations

from importlib import metadata


def version() -> str:
    """The version that is installed, "(not installed)" where the code is used in place."""
    try:
        return metadata.version("fastglm")
    except metadata.PackageNotFoundError:
        return "(not installed)"
