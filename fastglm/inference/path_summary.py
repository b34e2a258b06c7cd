"""Paths of penalised fits and their cross-validation as tables for people, in text and HTML."""

from __future__ import annotations

from typing import Any

import numpy as np

from .summary import Row, Summary, describe, format_number

LINES = 20  # lambdas that are shown, evenly along the path


class PathSummary(Summary):
    """A printable account of a path of penalised fits; ``str()`` gives the text, notebooks show the HTML.

    Parameters
    ----------
    path : PathResult
    chosen : dict of str to float
        Lambdas that are marked and always shown, by the names of the rules that choose them.
    """

    def __init__(self, path: Any, chosen: Any = None) -> None:
        self.result, self.path, self.chosen = path.first, path, dict(chosen or {})

    def _title(self):
        kind = type(self.result.penalty).__name__
        return f"{kind} path: {describe(self.result.family)}, {describe(self.result.link)} link"

    def _alert(self):
        short = int(np.count_nonzero(~self.path.converged))
        return f"{short} of {len(self.path.lambdas)} lambdas are NOT CERTIFIED." if short else ""

    def _facts(self):
        path = self.path
        return [
            ("Observations", f"{self.result.nobs:,.12g}"),
            ("Coefficients", f"{len(path.names) - self.result.intercept:,}"),
            ("Null deviance", format_number(path.null_deviance, 7)),
            ("Passes", f"{round(path.n_passes, 2):g}"),
            ("Lambdas", f"{len(path.lambdas)}"),
            ("Largest lambda", format_number(path.lambdas[0])),
            ("Smallest lambda", format_number(path.lambdas[-1])),
            ("Largest violation", f"{path.certificate.max(initial=0.0):.1e} lambda"),
        ]

    def _heads(self):
        return ("df", "explained", "violation")

    def _tables(self):
        path = self.path
        marks = {int(np.argmin(np.abs(path.lambdas - lam))): rule for rule, lam in reversed(self.chosen.items())}
        shown = np.unique(np.linspace(0, len(path.lambdas) - 1, LINES).round().astype(int)).tolist()
        rows = [
            Row(f"lambda {path.lambdas[i]:.4g}" + (f" ({marks[i]})" if i in marks else ""), self._line(i))
            for i in sorted({*shown, *marks})
        ]
        return [("", rows)]

    def _line(self, i):
        path = self.path
        return (f"{path.df[i]}", f"{path.deviance_ratio[i]:.4f}", f"{path.certificate[i]:.1e}")

    def _notes(self):
        return [f"Note: {note}" for note in self.result.notes]


class CVSummary(PathSummary):
    """A printable account of a cross-validated path.

    Parameters
    ----------
    found : CVResult
    """

    def __init__(self, found: Any) -> None:
        rules = {"min": found.lambda_min}
        if not np.isnan(found.se).all():
            rules["1se"] = found.lambda_1se
        super().__init__(found.path, rules)
        self.found = found

    def _title(self):
        return f"Cross-validated {super()._title()}"

    def _facts(self):
        found, chosen = self.found, [(f"Lambda ({rule})", format_number(lam)) for rule, lam in self.chosen.items()]
        held = [("Folds", f"{found.n_folds:,}" + (f", {found.repeats} times" if found.repeats > 1 else ""))]
        return [*super()._facts(), *held, ("Measure", found.measure), *chosen]

    def _heads(self):
        return ("df", head_of(self.found.measure), "std err")

    def _line(self, i):
        se = self.found.se[i]
        return (f"{self.path.df[i]}", format_number(self.found.mean[i]), "" if np.isnan(se) else format_number(se))


def head_of(measure: str) -> str:
    """A measure as the head of its column."""
    return {"mse": "mean sq. error", "mae": "mean abs. error", "class": "missed", "auc": "AUC"}.get(measure, measure)
