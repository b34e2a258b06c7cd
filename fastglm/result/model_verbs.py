"""The verbs of a result that fit models anew, or read its rows again and again: tests between models, and profiles."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any, ClassVar

from ..errors import InvalidParameterError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from ..inference.test_table import TestTable
    from ..types import Rows, Variable


class ModelVerbs:
    """The methods of a ``GLMResult`` whose functions lie above results: ``above`` has the modules that have them, put
    there by what fits models."""

    above: ClassVar[dict[str, str]] = {}

    def _by(self, name):
        """The function of a verb."""
        if name not in self.above:
            raise InvalidParameterError(f"{name}: call fastglm.{name}(result, ...), which loads what fits models")
        return getattr(import_module(self.above[name]), name)

    def anova(self, data: Rows, y: Variable | None = None, test: str | None = "LRT", **options: Any) -> TestTable:
        """Analysis of deviance, terms added in order; see ``fastglm.anova``."""
        return self._by("anova")(self, data=data, y=y, test=test, **options)

    def drop1(self, data: Rows, y: Variable | None = None, **options: Any) -> TestTable:
        """Tests of each term that can be dropped; see ``fastglm.drop1``."""
        return self._by("drop1")(self, data, y, **options)

    def add1(self, scope: str | Sequence[str], data: Rows, y: Variable | None = None, **options: Any) -> TestTable:
        """Tests of each term that can be added; see ``fastglm.add1``."""
        return self._by("add1")(self, scope, data, y, **options)

    def step(self, data: Rows, y: Variable | None = None, **options: Any) -> Any:
        """Terms chosen one by one by the AIC; see ``fastglm.step``."""
        return self._by("step")(self, data, y, **options)

    def score_test(self, scope: str | Sequence[str], data: Rows, y: Variable | None = None, **options: Any) -> Any:
        """Rao's score test of terms that the model does not have; see ``fastglm.score_test``."""
        return self._by("score_test")(self, scope, data, y, **options)

    def update(self, formula: str | None = None, data: Rows | None = None, **options: Any) -> Any:
        """The model fitted anew with another formula such as "~ . + z", other rows or options; see
        ``fastglm.update``."""
        return self._by("update")(self, formula, data, **options)

    def profile(self, name: str, data: Rows, y: Variable | None = None, **options: Any) -> Any:
        """The profile likelihood of a coefficient; see ``fastglm.profile``."""
        return self._by("profile")(self, name, data, y, **options)

    def profile_shape(self, data: Rows, y: Variable | None = None, **options: Any) -> Any:
        """The profile likelihood of an estimated theta or power; see ``fastglm.profile_shape``."""
        return self._by("profile_shape")(self, data, y, **options)

    def detect_separation(self, data: Rows, y: Variable | None = None, **options: Any) -> Any:
        """Which maximum-likelihood estimates are infinite, with a proof; see ``fastglm.detect_separation``."""
        return self._by("detect_separation")(self, data, y, **options)
