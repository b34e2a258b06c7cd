"""Tables as HTML in the colours of the page around them, with every style at its element.

Notebooks that are not trusted drop style sheets but keep style attributes, and pages may be light or dark.
"""

from __future__ import annotations

from html import escape
from typing import Any

BOX = "overflow-x:auto;max-width:56em"
TABLE = "border-collapse:collapse;margin:.4em 0 .9em;color:inherit;background:transparent"
CAPTION = "text-align:left;font-weight:600;font-size:1.1em;padding:.2em 0;color:inherit"
LINE = "border:0;border-bottom:1px solid rgba(128,128,128,.35)"  # seen on white and on black
RULE = "border:0;border-bottom:1px solid currentColor"
CELL = "padding:.2em .7em;color:inherit;background:transparent"
NUMBER = f"{CELL};{LINE};text-align:right;font-variant-numeric:tabular-nums;white-space:nowrap"
HEAD = f"{CELL};{RULE};text-align:right;font-weight:600"
NAME = f"{CELL};{LINE};text-align:left;font-weight:500"
LEVEL = f"{CELL};{LINE};text-align:left;font-weight:400;padding-left:2.2em"
GROUP = f"{CELL};{RULE};text-align:left;font-weight:600;padding-top:.9em"
FACT = f"{CELL};{LINE};text-align:left;overflow-wrap:anywhere"
FAINT = "font-weight:400;opacity:.75"
ALERT = "border-left:4px solid #c0392b;background:rgba(192,57,43,.15);padding:.5em .8em;font-weight:600;color:inherit"
NOTES = "opacity:.75;margin:.2em 0;padding-left:1.2em"


def box(*parts: str) -> str:
    """An element of its own, which scrolls where it is wider than the page."""
    return f'<div class="fastglm" style="{BOX}">{"".join(parts)}</div>'


def table(*parts: str, caption: str = "", kind: str = "") -> str:
    """A table of rows that are HTML already."""
    named = f' class="{kind}"' if kind else ""
    title = f'<caption style="{CAPTION}">{escape(caption)}</caption>' if caption else ""
    return f'<table{named} style="{TABLE}">{title}{"".join(parts)}</table>'


def heads(names: Any, left: int = 1) -> str:
    """The heads of the columns, of which the first ``left`` have names and the others numbers below them."""
    cells = [_cell("th", name, f"{HEAD};text-align:left" if j < left else HEAD) for j, name in enumerate(names)]
    return f"<thead><tr>{''.join(cells)}</tr></thead>"


def row(names: Any, numbers: Any, is_level: bool = False) -> str:
    """A row of names, to the left, and of numbers, to the right."""
    kind, style = (' class="level"', LEVEL) if is_level else ("", NAME)
    left = [f'<th scope="row"{kind} style="{style}">{escape(name)}</th>' for name in names]
    right = [f'<td style="{NUMBER}">{escape(number)}</td>' for number in numbers]
    return f"<tr>{''.join(left)}{''.join(right)}</tr>"


def spanning(name: str, width: int, remark: str = "", is_group: bool = False) -> str:
    """A row of one cell across the table, which speaks of the rows below it."""
    scope, style = ("rowgroup", GROUP) if is_group else ("row", NAME)
    faint = f'<span style="{FAINT}">{escape(remark)}</span>' if remark else ""
    return f'<tr><th scope="{scope}" colspan="{width}" style="{style}">{escape(name)}{faint}</th></tr>'


def fact(label: str, value: str) -> str:
    """A label and its value."""
    return (
        f'<th scope="row" style="{NAME};white-space:nowrap">{escape(label)}</th><td style="{FACT}">{escape(value)}</td>'
    )


def notes(lines: Any) -> str:
    """Remarks as a list, nothing without any."""
    items = "".join(f"<li>{escape(line)}</li>" for line in lines)
    return f'<ul class="notes" style="{NOTES}">{items}</ul>' if items else ""


def alert(text: str) -> str:
    """What must not be overlooked."""
    return f'<p class="alert" role="alert" style="{ALERT}">{escape(text)}</p>' if text else ""


def _cell(tag, text, style):
    return f'<{tag} scope="col" style="{style}">{escape(text)}</{tag}>'
