"""The fit as a table for people, with statsmodels' numbers."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import numpy as np

from ..inference import summary as cells
from ..inference import wald
from .refusals import Refusing


class Summary(cells.Summary, Refusing):
    """A printable account of results; ``str()`` gives the text, notebooks show the HTML.

    ``yname`` and ``xname`` replace the names of the response and of the coefficients; intervals have confidence 1 -
    ``alpha``.
    """

    def __init__(
        self, results: Any, yname: Any = None, xname: Any = None, title: Any = None, alpha: Any = 0.05
    ) -> None:
        self.title, self.level = title or results.model_title, 1.0 - alpha
        names = [str(name) for name in (xname or results.coefficient_names)]
        p = results._params.size
        flat = [np.ravel(v, order="F") for v in (results._params, results._bse, results._tvalues)]
        self.result = SimpleNamespace(
            names=names,
            aliased={},
            design=None,
            params=flat[0],
            bse=flat[1],
            tvalues=flat[2],
            pvalues=wald.p_values(flat[2], results._test_df),
            test_df=results._test_df,
            converged=results.converged,
            stop=results.fitted.stop,
            cov_params=lambda: results._cov,
        )
        if len(names) != p:
            raise ValueError(f"xname has {len(names)} names for {p} coefficients")
        self.limits = wald.conf_int(flat[0], flat[1], self.level, results._test_df)
        response = yname or results.model.endog_names
        shared = [
            ("Dep. Variable", str(response)),
            ("Method", str(results.method)),
            ("Covariance type", results.cov_type),
            ("No. Observations", f"{results.nobs:,.12g}"),
            ("Df Residuals", f"{results.df_resid:,.12g}"),
            ("Df Model", f"{results.df_model:,.12g}"),
        ]
        extra = [(label, cells.format_number(float(value), 6)) for label, value in results.summary_facts()]
        self.facts, self.notes = shared + extra, list(results.fitted.notes)

    def _title(self):
        return self.title

    def _facts(self):
        return self.facts

    def _notes(self):
        return [f"Note: {note}" for note in self.notes]
