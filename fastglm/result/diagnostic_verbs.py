"""The verbs of a result that examine it: collinearity, and tests of what the model assumes."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from ..inference.test_table import TestTable


class DiagnosticVerbs:
    """The methods of a ``GLMResult`` that say whether its model fits."""

    def vif(self) -> TestTable:
        """Variance inflation factors of the terms, generalised for terms of several coefficients; see
        ``fastglm.inference.inflation``."""
        from ..inference.inflation import vif

        return vif(self)
