"""The verbs of a result that examine it: collinearity, and tests of what the model assumes."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from ..inference.test_table import TestTable
    from ..postestimation.added_columns import DiagnosticTest
    from ..postestimation.binary import BinaryDiagnostics, HosmerLemeshow, ROCCurve, ROCTest
    from ..postestimation.calibration_belt import CalibrationBelt
    from ..types import Rows, Variable


class DiagnosticVerbs:
    """The methods of a ``GLMResult`` that say whether its model fits."""

    def vif(self) -> TestTable:
        """Variance inflation factors of the terms, generalised for terms of several coefficients; see
        ``fastglm.inference.inflation``."""
        from ..inference.inflation import vif

        return vif(self)

    def goodness_of_fit(self) -> TestTable:
        """Pearson's chi-square and the deviance against the known dispersion; see
        ``fastglm.postestimation.fit_tests.goodness_of_fit``."""
        from ..postestimation.fit_tests import goodness_of_fit

        return goodness_of_fit(self)

    def dispersion_test(self, data: Rows, y: Variable | None = None, **options: Any) -> TestTable:
        """Tests of overdispersion of a Poisson model, by Cameron and Trivedi and by Dean; see
        ``fastglm.postestimation.fit_tests.dispersion_test``."""
        from ..postestimation.fit_tests import dispersion_test

        return dispersion_test(self, data, y, **options)

    def link_test(self, data: Rows, y: Variable | None = None, **options: Any) -> TestTable:
        """The model fitted to its own linear predictor and the square of it; see
        ``fastglm.postestimation.added_columns.link_test``."""
        from ..postestimation.added_columns import link_test

        return link_test(self, data, y, **options)

    def reset_test(self, data: Rows, y: Variable | None = None, **options: Any) -> DiagnosticTest:
        """Ramsey's test of powers of the linear predictor or of the columns; see
        ``fastglm.postestimation.added_columns.reset_test``."""
        from ..postestimation.added_columns import reset_test

        return reset_test(self, data, y, **options)

    def heteroskedasticity_test(self, data: Rows, y: Variable | None = None, **options: Any) -> DiagnosticTest:
        """Koenker's, Breusch's and Pagan's, or White's test of least squares; see
        ``fastglm.postestimation.linear_tests.heteroskedasticity_test``."""
        from ..postestimation.linear_tests import heteroskedasticity_test

        return heteroskedasticity_test(self, data, y, **options)

    def durbin_watson(self, data: Rows, y: Variable | None = None, **options: Any) -> DiagnosticTest:
        """Autocorrelation of the errors of least squares in the order of the rows; see
        ``fastglm.postestimation.linear_tests.durbin_watson``."""
        from ..postestimation.linear_tests import durbin_watson

        return durbin_watson(self, data, y, **options)

    def breusch_godfrey(self, data: Rows, y: Variable | None = None, **options: Any) -> DiagnosticTest:
        """Autocorrelation of the errors of least squares up to an order; see
        ``fastglm.postestimation.linear_tests.breusch_godfrey``."""
        from ..postestimation.linear_tests import breusch_godfrey

        return breusch_godfrey(self, data, y, **options)

    def binary_diagnostics(self, data: Rows, y: Variable | None = None, **options: Any) -> BinaryDiagnostics:
        """ROC curve, AUC, Brier score, calibration and tables of a binomial model, from one read; see
        ``fastglm.postestimation.binary``."""
        from ..postestimation.binary import binary_diagnostics

        return binary_diagnostics(self, data, y, **options)

    def roc(self, data: Rows, y: Variable | None = None, **options: Any) -> ROCCurve:
        """The ROC curve of a binomial model; see ``binary_diagnostics``, which has its interval."""
        return self.binary_diagnostics(data, y, **options).roc()

    def roc_test(self, other: Any, data: Rows, y: Variable | None = None, **options: Any) -> ROCTest:
        """DeLong's test against the ROC curve of another model or of a marker; see
        ``fastglm.postestimation.binary.roc_test``."""
        from ..postestimation.binary import roc_test

        return roc_test(self, other, data, y, **options)

    def hosmer_lemeshow(
        self, data: Rows, y: Variable | None = None, *, groups: int = 10, external: bool = False, **options: Any
    ) -> HosmerLemeshow:
        """Hosmer's and Lemeshow's test of a binomial model; see ``binary_diagnostics``."""
        return self.binary_diagnostics(data, y, **options).hosmer_lemeshow(groups, external)

    def calibration_belt(
        self, data: Rows, y: Variable | None = None, *, external: bool = False, level: float = 0.95, **options: Any
    ) -> CalibrationBelt:
        """The calibration belt of the GiViTI of a binomial model, with its test; see ``binary_diagnostics`` and
        ``fastglm.postestimation.calibration_belt``."""
        return self.binary_diagnostics(data, y, **options).calibration_belt(external, level)
