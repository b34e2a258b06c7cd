"""Progress bars of commands, on standard error where that is a terminal."""

from __future__ import annotations

import sys
from contextlib import contextmanager


def shown() -> bool:
    """Whether somebody looks at standard error."""
    return sys.stderr.isatty()


@contextmanager
def counted(what: str, total: int):
    """A bar with its total and the time left; yields a function that is told how many more are done."""
    if not shown():
        yield lambda more: None
        return
    from tqdm import tqdm

    with tqdm(total=total, unit=f" {what}", unit_scale=True) as bar:
        yield bar.update
