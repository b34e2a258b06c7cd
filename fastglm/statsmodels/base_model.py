"""What all models have in common: data, formulas, and for models of one mean a row the fit and its derivatives."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from ..core.lazy import cached_property
from ..errors import InvalidParameterError
from ..family.means import inverse_link
from ..fitting import entry
from ..kernels.evaluate import evaluate
from ..source.in_memory import constant_column
from . import covariance, designs
from .data import Data
from .likelihood import density_at_mean, loglike
from .observations import gram, information
from .refusals import Refusing, check_options, refuse

if TYPE_CHECKING:
    from collections.abc import Mapping

    from typing_extensions import Self

    from ..core.records import ArrayLike

# arguments of fit that change the way to the optimum and not the optimum
PATH_ONLY = """
    atol rtol tol tol_criterion wls_method optim_hessian callback retall warn_convergence skip_hessian gtol ftol xtol
    maxfun avextol epsilon norm min_method niter niter_success stepsize T seed xatol fatol minimizer
""".split()
GRADIENT_METHODS = ("newton", "nm", "bfgs", "lbfgs", "powell", "cg", "ncg", "basinhopping", "minimize")


class Model(Refusing):
    """A response and a design.

    Attributes
    ----------
    data : Data
    endog, exog : arrays
    endog_names, exog_names : names of the response and of the columns
    """

    data: Data
    endog: Any
    exog: Any
    extras: tuple[str, ...] = ()

    def __init__(self, endog: Any, exog: Any, missing: Any = "none", recipe: Any = None, **extras: Any) -> None:
        self.data = Data(endog, exog, missing, **extras)
        self.endog, self.exog, self.recipe = self.data.endog, self.data.exog, recipe

    @property
    def endog_names(self) -> Any:
        return self.data.endog_names

    @property
    def exog_names(self) -> Any:
        return self.data.exog_names

    @classmethod
    def from_formula(
        cls, formula: str, data: Any, subset: Any = None, drop_cols: Any = None, *args: Any, **kwargs: Any
    ) -> Self:
        """A model from a formula in patsy's language.

        Parameters
        ----------
        formula : str
            ``response ~ term + term ...``; an intercept is added unless the formula takes it away.
        data : DataFrame or mapping of names to columns
        subset : optional
            Labels or a mask of rows, as in ``data.loc``.
        missing : "drop" (the default) or "raise"
        eval_env : int or patsy.EvalEnvironment
            Where names that are not columns are looked up, 0 for the caller.
        *args, **kwargs
            As for the class. Offsets and weights have a value for each row of data.

        Raises
        ------
        InvalidParameterError, MissingDataError, NotSupportedError
        """
        if drop_cols is not None and len(drop_cols):
            raise refuse("from_formula(drop_cols=...)", "leave the term out of the formula")
        env = kwargs.pop("eval_env", 0)
        env = designs.environment(1 + env) if isinstance(env, int) else env
        frame = data if subset is None else data.loc[subset]
        missing = kwargs.pop("missing", "drop")
        design = designs.build(formula, frame, "drop" if missing == "drop" else "raise", env)
        for name in cls.extras:
            value = kwargs.get(name)
            if value is not None and np.shape(value) == (len(frame),) and len(design.kept) < len(frame):
                kwargs[name] = value.iloc[design.kept] if hasattr(value, "iloc") else np.asarray(value)[design.kept]
        model = cls(design.endog, design.exog, *args, missing=missing, recipe=design.recipe, **kwargs)
        model.formula = formula
        return model

    def prediction_design(self, exog: Any, transform: Any = True) -> Any:
        """New rows as an (n, p) array, and their labels or None."""
        if exog is None:
            return None, None
        if transform and "formula" in self.__dict__:
            if getattr(exog, "ndim", 2) == 1 and hasattr(exog, "to_frame"):
                exog = exog.to_frame() if exog.name in self.data.exog_names else exog.to_frame().T.infer_objects()
            exog = designs.again(self.recipe, exog)
        labels = None
        if hasattr(exog, "iloc"):
            # a row by itself goes by the name of its index
            labels = exog.index if exog.ndim == 2 or len(self.exog_names) == 1 else [exog.index.name]
        values = np.asarray(exog)
        if values.ndim == 1:
            values = values[:, None] if len(self.exog_names) == 1 else values[None]
        if values.shape[1] != len(self.exog_names):
            raise InvalidParameterError(f"exog has {values.shape[1]} columns, the model has {len(self.exog_names)}")
        return values, labels

    def check_fit(self, method: Any, methods: Any, maxiter: Any, options: Any) -> None:
        """Refuse arguments of fit that would change the answer."""
        if method.lower() not in methods:
            raise InvalidParameterError(f"method={method!r} is unknown; known: {', '.join(methods)}")
        if maxiter is not None and maxiter < 2:
            raise refuse(f"fit(maxiter={maxiter})", "fits go to the optimum, never a step of the way")
        check_options("fit", options, PATH_ONLY)

    def __getstate__(self) -> Any:
        # patsy's recipes cannot be pickled
        return self.__dict__ | {"recipe": None}


class GradientFit:
    """The ``fit`` of discrete models, whose subclasses estimate by ``estimated``."""

    def fit(
        self, start_params: ArrayLike | None = None, method: str = "newton", maxiter: int = 35, full_output: bool = 1,
        disp: bool = 1, callback: Any = None, cov_type: str = "nonrobust", cov_kwds: Mapping[str, Any] | None = None,
        use_t: bool | None = None, **kwargs: Any,
    ) -> Any:  # fmt: skip
        """Fit to the optimum; nothing is printed.

        Parameters
        ----------
        start_params : (p,) array_like, optional
            Of ``MNLogit`` (p (J - 1),), class after class.
        cov_type : "nonrobust" (from the observed information), "HC0" to "HC3", or "cluster"; of ``MNLogit`` two of them
        use_t : bool, optional
            Tests by Student's t in place of the normal distribution.
        method, maxiter, full_output, disp, callback, tol, ...
            Accepted: they change the way to the optimum. A callback is not called.

        Raises
        ------
        NotSupportedError
            For arguments that would change the answer.
        InvalidParameterError
            For a design of deficient rank of ``MNLogit``.
        """
        self.check_fit(method, GRADIENT_METHODS, maxiter, kwargs)
        return self.estimated(start_params, cov_type, cov_kwds, bool(use_t))


class LinkModel(Model):
    """A model of one mean a row; a subclass sets ``spec``, the weights and ``offset_total`` before it is used."""

    @cached_property
    def rank(self):
        """The rank of the design; the fit has it for nothing."""
        return int(np.linalg.matrix_rank(self.exog))

    @property
    def df_model(self) -> Any:
        """The rank less one, whether there is a constant or not."""
        return self.rank - 1

    @property
    def df_resid(self) -> Any:
        """The number of observations, frequencies counted, less the rank."""
        return self.wnobs - self.rank

    def set_offsets(self) -> None:
        """The offset, the logarithm of the exposure, and their sum, of the checked arrays."""
        self.offset, exposure = self.data.extras["offset"], self.data.extras.get("exposure")
        if exposure is not None and not (exposure > 0).all():
            raise InvalidParameterError(f"exposure must be positive: row {int(np.argmax(~(exposure > 0)))} is not")
        self.exposure = None if exposure is None else np.log(exposure)
        parts = [part for part in (self.offset, self.exposure) if part is not None]
        self.offset_total = sum(parts) if parts else 0.0

    def estimate(self, start: Any, kind: Any, cov_kwds: Any, expected: Any = False) -> Any:
        """The fit from a start, its coefficients, and the arguments of results that say how they were estimated.

        The covariance is the inverse of the observed information, or of what is ``expected`` of it.
        """
        fitted = self.maximise(start)
        self.rank = fitted.rank
        solution = covariance.least_norm(self.exog, fitted)
        normalized = solution.covariance if expected else covariance.observed(self, solution.params, solution)
        robust = None
        if kind != "nonrobust":
            robust = covariance.of_likelihood(self, solution.params, solution, kind, cov_kwds)
        how = {"robust": robust, "cov_type": kind, "cov_kwds": cov_kwds}
        return (self, fitted, solution.params, normalized), how

    @property
    def iweights(self) -> Any:
        """Variance weights times frequencies."""
        return self.freq_weights * self.var_weights

    def maximise(self, start: Any, exog: Any = None, penalty: Any = None) -> Any:
        """Fit by this library, perhaps with a penalty: a GLMResult for this design or another one of as many rows."""
        offset = np.broadcast_to(self.offset_total, len(self.endog))
        design = self.exog if exog is None else exog
        return entry.fit(
            design,
            self.endog,
            family=self.spec.family,
            link=self.spec.link,
            intercept=False,
            weights=self.var_weights * self.n_trials if self.has_weights else None,
            freq_weights=self.freq_weights if self.has_frequencies else None,
            offset=offset if np.any(self.offset_total) else None,
            start=self._first(design) if start is None else start,
            penalty=penalty,
            names=[str(name) for name in self.exog_names] if exog is None else None,
        )

    def _first(self, design):
        """A start at the mean of the response where zero is none, or another optimum lies beyond it; else None."""
        link, constant = self.spec.link, constant_column(design)
        beyond = link.half_line and np.any(self.offset_total)
        if constant is None or not (beyond or link.domain.high == 0.0):
            return None
        start = np.zeros(design.shape[1])
        mean = np.average(self.endog, weights=self.iweights * self.n_trials)
        start[constant] = link.link(mean) / design[0, constant]
        return start

    def linear(self, params: Any, exog: Any = None, exposure: Any = None, offset: Any = None) -> Any:
        """The linear predictor; those of the fit are used where no exog is given, else none."""
        if exog is None:
            exog = self.exog
            offset = self.offset if offset is None else offset
            exposure = self.exposure if exposure is None else np.log(np.asarray(exposure))
        elif exposure is not None:
            exposure = np.log(np.asarray(exposure))
        return np.dot(exog, params) + _or_zero(offset) + _or_zero(exposure)

    def mean(self, eta: Any) -> Any:
        """The mean at a linear predictor, of its shape."""
        return inverse_link(self.spec.link, eta)

    def slope(self, eta: Any) -> Any:
        """The derivative of the mean at a linear predictor, of its shape."""
        return evaluate(self.spec.family, self.spec.link, eta, 0.5).slope

    def variance(self, eta: Any) -> Any:
        """The variance function at a linear predictor, of its shape."""
        return evaluate(self.spec.family, self.spec.link, eta, 0.5).variance

    def loglike_eta(self, eta: Any, scale: Any) -> Any:
        """The log-likelihood at linear predictors, (n,)."""
        deviance = evaluate(self.spec.family, self.spec.link, eta, self.endog).deviance
        return self.loglike_deviance(float(np.sum(self.iweights * self.n_trials * deviance)), scale)

    def loglike_deviance(self, deviance: Any, scale: Any) -> Any:
        """The log-likelihood at a deviance."""
        return loglike(self.spec, self.endog, self.var_weights, self.freq_weights, self.n_trials, scale, deviance)

    def row_scores(self, eta: Any) -> Any:
        """The derivative of each row's log-likelihood in its linear predictor at scale one, (n,)."""
        score = evaluate(self.spec.family, self.spec.link, eta, self.endog).score
        return score * self.iweights * self.n_trials

    def scored_rows(self, params: Any) -> Any:
        """The rows (n, p) and their scores in the linear predictor (n,), whose products are the rows' own scores."""
        return self.exog, self.row_scores(self.linear(params))

    def row_information(self, eta: Any, observed: Any = True) -> Any:
        """Minus the second derivative of each row's log-likelihood at scale one, (n,), or what is expected of it."""
        return information(self.spec, eta, self.endog, observed) * self.iweights * self.n_trials


class LikelihoodModel(LinkModel):
    """A model with the likelihood and its derivatives as functions of the coefficients; the scale is one here."""

    def loglike(self, params: Any) -> Any:
        """The log-likelihood at coefficients."""
        return self.loglike_eta(self.linear(params), 1.0)

    def loglikeobs(self, params: Any) -> Any:
        """The log-likelihood of each row at coefficients, (n,), at scale one."""
        deviance = evaluate(self.spec.family, self.spec.link, self.linear(params), self.endog).deviance
        saturated = density_at_mean(self.spec, self.endog, self.var_weights, self.n_trials, 1.0)
        return self.freq_weights * (saturated - 0.5 * self.var_weights * self.n_trials * deviance)

    def score_factor(self, params: Any) -> Any:
        """The derivative of each row's log-likelihood in its linear predictor, (n,)."""
        return self.row_scores(self.linear(params))

    def score_obs(self, params: Any) -> Any:
        """The derivative of each row's log-likelihood in the coefficients, (n, p)."""
        return self.score_factor(params)[:, None] * self.exog

    def score(self, params: Any) -> Any:
        """The derivative of the log-likelihood in the coefficients, (p,)."""
        return self.score_factor(params) @ self.exog

    def hessian_factor(self, params: Any) -> Any:
        """The second derivative of each row's log-likelihood in its linear predictor, (n,)."""
        return -self.row_information(self.linear(params))

    def hessian(self, params: Any) -> Any:
        """The second derivative of the log-likelihood in the coefficients, (p, p)."""
        return gram(self.exog, self.hessian_factor(params))


def _or_zero(value):
    return 0.0 if value is None else np.asarray(value)
