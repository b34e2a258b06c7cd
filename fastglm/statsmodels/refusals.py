"""What statsmodels has and this package has not, refused by name."""

from __future__ import annotations

from typing import Any

from ..errors import FastGLMWarning, warn


class NotSupportedError(NotImplementedError, AttributeError):
    """Something of statsmodels that is not here; the message names it and what there is instead.

    It is an ``AttributeError`` too, so that ``hasattr`` answers no.
    """


class ConventionWarning(FastGLMWarning):
    """The number is statsmodels', and may not be what its name says; the message says what it is."""


# what has nothing in its place
NOTHING_INSTEAD = """
    bootstrap cdf conf_int_el cov_params_func_l1 el_test estimate_tweedie_power family fit_constrained GEE
    GeneralizedPoisson get_diagnostic get_distribution GLMGam hessian hessian_factor im_ratio
    information link loglike_and_score loglike loglikeobs MixedLM normalized_cov_params outlier_test pdf
    pinv_wexog plot_added_variable plot_ceres_residuals plot_partial_residuals predict_prob QuantReg
    resid_generalized RLM score score_factor score_obs score_test set_null_options wendog wexog
    wexog_singular_values whiten ZeroInflatedPoisson
""".split()
# name -> what to use instead
REFUSED = dict.fromkeys(NOTHING_INSTEAD, "") | {
    "as_csv": "use as_text() or as_html()",
    "as_latex": "use as_text() or as_html()",
    "compare_f_test": "use wald_test",
    "compare_lm_test": "use wald_test",
    "compare_lr_test": "take twice the difference of llf",
    "fit_regularized": "fastglm.fit(penalty=...) penalises the coefficients of all classes alike",
    "get_influence": "OLS, GLM, Logit, Probit and Poisson have it",
    "info_criteria": "use aic and bic",
    "load": "use fastglm.statsmodels.load(path)",
    "NegativeBinomialP": "NegativeBinomial estimates alpha of the variance mu + alpha mu^2",
    "resid_pearson": "use resid_response",
    "t_test_pairwise": "use t_test with one row for each pair",
    "tables": "use as_text() or as_html()",
}


def refuse(what: str, instead: str = "") -> NotSupportedError:
    """The error that says what is not here, and what to use."""
    return NotSupportedError(f"{what} is not supported by fastglm.statsmodels{'; ' + instead if instead else ''}")


def missing(owner: str, name: str, names: Any = ()) -> AttributeError:
    """The error for an attribute that is not there."""
    if name in REFUSED:
        return refuse(f"{owner}.{name}", REFUSED[name])
    return AttributeError(f"{owner} has no attribute {name!r}" + (f"; it has {', '.join(names)}" if names else ""))


def check_options(where: str, options: dict[Any, Any], accepted: Any) -> None:
    """Refuse options that are not among those known to change only the way to the answer."""
    for name in options:
        if name not in accepted:
            raise refuse(f"{where}({name}=...)")


def caution(text: str) -> None:
    """Say, at the caller's line, what a number of statsmodels means."""
    warn(ConventionWarning, text)


class Refusing:
    """A class whose attributes that statsmodels has and it has not are refused by name."""

    def __getattr__(self, name: Any) -> None:
        if name.startswith("_"):
            raise AttributeError(name)
        raise missing(type(self).__name__, name)
