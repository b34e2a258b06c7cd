"""The verbs of a result that answer with functions of its coefficients: marginal effects, comparisons, means."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ..export import to_marginaleffects

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from ..inference.effects import EffectTable
    from ..postestimation.emmeans import MarginalMeans
    from ..types import Rows


class EffectVerbs:
    """The methods of a ``GLMResult`` whose answers are tables of effects with standard errors."""

    def margins(
        self, data: Rows | None = None, variables: str | Sequence[str] | None = None, *, kind: str = "dydx",
        **options: Any,
    ) -> EffectTable:  # fmt: skip
        """Average marginal effects, elasticities, and predictive margins; see ``fastglm.margins``."""
        from ..postestimation.margins import margins

        return margins(self, data, variables, kind=kind, **options)

    def compare(
        self, variable: str, data: Rows | None = None, contrast: Any = None, kind: str = "difference", **options: Any
    ) -> EffectTable:
        """Average predictions with a column at several values, compared; see ``fastglm.compare``."""
        from ..postestimation.comparisons import compare

        return compare(self, variable, data, contrast, kind, **options)

    def emmeans(
        self, terms: str | Sequence[str], data: Rows | None = None, *, by: str | Sequence[str] | None = None,
        at: Mapping[str, Any] | None = None, **options: Any,
    ) -> MarginalMeans:  # fmt: skip
        """Estimated marginal means with their contrasts; see ``fastglm.emmeans``."""
        from ..postestimation.emmeans import emmeans

        return emmeans(self, terms, data, by=by, at=at, **options)

    def to_marginaleffects(self, data: Any) -> Any:
        """The model for the package marginaleffects; see ``fastglm.export``."""
        return to_marginaleffects(self, data)
