"""Summaries and pictures of results as one page of HTML, which needs no other file."""

from __future__ import annotations

from html import escape
from io import StringIO
from typing import TYPE_CHECKING, Any

from ..core.atomic import replacing

if TYPE_CHECKING:
    from collections.abc import Callable

    from ..core.records import File


STYLE = """
:root{color-scheme:light dark}
body{margin:0 auto;padding:1em;max-width:60em;font:15px/1.5 system-ui,sans-serif;color:#1b1b1b;background:#fff}
h1{font-size:1.5em;line-height:1.25;margin:.2em 0 .5em;overflow-wrap:anywhere}
h2{font-size:1.15em;margin:1.6em 0 .3em}
code,pre{font:13px/1.45 ui-monospace,monospace;overflow-wrap:anywhere;white-space:pre-wrap}
dl{display:grid;grid-template-columns:max-content 1fr;gap:.15em 1em;margin:0}
dt{opacity:.7}dd{margin:0;overflow-wrap:anywhere}
.fastglm{font-size:13px}.fastglm table{width:100%}
figure{margin:.5em 0}figure svg{max-width:100%;height:auto}figcaption{font-size:.87em;opacity:.8}
.pictures{display:grid;grid-template-columns:repeat(auto-fit,minmax(min(24em,100%),1fr));gap:.5em 2em}
@media (max-width:40em){
body{padding:.6em}.fastglm .numbers{letter-spacing:-.02em}
dl{grid-template-columns:1fr;gap:0}dd{margin-bottom:.5em}
.fastglm{font-size:11px}.fastglm th,.fastglm td{padding:.15em .12em!important}
.fastglm .level{padding-left:1em!important}
.facts tr{display:grid;grid-template-columns:9.5em 1fr}
.fastglm .numbers,.fastglm .numbers thead,.fastglm .numbers tbody{display:block}
.fastglm .numbers tr{display:flex;flex-wrap:wrap;border-bottom:1px solid rgba(128,128,128,.35)}
.fastglm .numbers th[scope=row]{flex:0 0 100%;border:0!important}
.fastglm .numbers thead th:first-child:empty{display:none}
.fastglm .numbers td,.fastglm .numbers th[scope=col]{flex:1 1 0;min-width:0;border:0!important}
.fastglm .numbers tr>:nth-child(4),.fastglm .numbers tr>:nth-child(5){flex-grow:.8}
}
@media (prefers-color-scheme:dark){body{color:#e6e6e6;background:#161616}}
@media print{
body{max-width:none;padding:0;font-size:10pt;color:#000;background:#fff}
h2{break-after:avoid}tr,figure,.alert{break-inside:avoid}thead{display:table-header-group}
.fastglm{overflow:visible!important;max-width:none!important}
}
"""


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
    text = page(title, f"{html}\n{''.join(parts)}")
    with replacing(path) as file:
        file.write(text)


def page(title: str, body: str) -> str:
    """A page that needs no other file, for screens of any width, light and dark, and for paper."""
    return (
        f'<!doctype html>\n<html lang="en"><head><meta charset="utf-8"><title>{escape(title)}</title>\n'
        f'<meta name="viewport" content="width=device-width,initial-scale=1"><style>{STYLE}</style></head>\n'
        f"<body><h1>{escape(title)}</h1>\n{body}</body></html>\n"
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
