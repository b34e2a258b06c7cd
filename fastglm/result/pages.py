"""Summaries and pictures of results as one page of HTML, which needs no other file."""

from __future__ import annotations

from html import escape
from io import StringIO
from typing import TYPE_CHECKING, Any

from ..core.atomic import replacing

if TYPE_CHECKING:
    from collections.abc import Callable

    from ..core.records import File


def write_page(path: File, title: str, html: str, pictures: list[Callable[[], Any]]) -> None:
    """Write a page, replacing a file only once all of it is written; without matplotlib it has no pictures.

    Parameters
    ----------
    path : str or Path
    title : str
    html : str
        The summary.
    pictures : list of functions
        Each draws a figure of its own and returns its Axes.
    """
    parts = [picture for draw in pictures if (picture := _svg(draw))]
    with replacing(path) as file:
        file.write(
            f'<!doctype html>\n<html lang="en"><head><meta charset="utf-8"><title>{escape(title)}</title></head>\n'
            f"<body><h1>{escape(title)}</h1>\n{html}\n{''.join(parts)}</body></html>\n"
        )


def _svg(draw) -> str:
    """A picture as SVG within a page, "" without matplotlib."""
    try:
        import matplotlib.pyplot as plt
    except ImportError:
        return ""
    figure = draw().get_figure()
    text = StringIO()
    figure.savefig(text, format="svg", metadata={"Date": None})
    plt.close(figure)
    found = text.getvalue()
    return f'<figure style="margin:0">{found[found.index("<svg") :]}</figure>\n'
