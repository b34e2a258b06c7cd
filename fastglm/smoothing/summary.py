"""A local regression as a table for people, in text and HTML."""

from __future__ import annotations

from typing import Any

import numpy as np

from ..inference.summary import Row, Summary, describe, format_number

LINES = 11  # points that are shown, evenly along them


class LocalSummary(Summary):
    """A printable account of a local regression; ``str()`` gives the text, notebooks show the HTML.

    Parameters
    ----------
    result : LocalResult
    level : float
    """

    def __init__(self, result: Any, level: float = 0.95) -> None:
        self.result, self.level, self.limits = result, level, result.interval(level)

    def _title(self):
        return f"Local regression: {describe(self.result.family)}, {describe(self.result.link)} link"

    def _alert(self):
        lost = int(np.isnan(self.result.eta).sum())
        return f"{lost} of {len(self.result.eta)} points have NO LOCAL FIT." if lost else ""

    def _facts(self):
        r = self.result
        chosen = f" ({r.curve.criterion})" if r.curve is not None else ""
        return [
            ("Observations", f"{r.n_rows:,}"),
            ("Points", f"{len(r.points):,}"),
            ("Kernel", r.kernel.name),
            ("Bandwidth", f"{r.bandwidth}{chosen}"),
            ("Degree", f"{r.degree}"),
            ("Effective df", format_number(r.edf)),
            ("Deviance", format_number(r.deviance, 7)),
            ("Dispersion", format_number(r.scale)),
            ("Left out (loo)", format_number(r.loo)),
            ("GCV", format_number(r.gcv)),
        ]

    def _heads(self):
        share = f"{100.0 * self.level:g}%"
        return ("fitted", "std err", f"[{share}", f"{share}]")

    def _tables(self):
        points, limits = self.result.points, self.limits
        shown = np.unique(np.linspace(0, len(points) - 1, LINES).round().astype(int)).tolist()
        rows = []
        for i in shown:
            place = ", ".join(f"{value:.5g}" for value in points[i])
            rows.append(Row(place, tuple(format_number(float(v[i])) for v in limits)))
        return [(f"at {', '.join(self.result.names)}", rows)]

    def _notes(self):
        return [f"Note: {note}" for note in self.result.notes]
