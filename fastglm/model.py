"""One model on one source: its null model, its fit, and the statistics R prints."""

from __future__ import annotations

import time
import warnings
from functools import cached_property
from math import sqrt

import numpy as np

from . import inputs
from .errors import CollinearityWarning, ConvergenceWarning, InvalidParameterError, SeparationWarning
from .family.binomial import Binomial
from .inference.separation import find_separation
from .objective import Deviance
from .result import GLMResult
from .solver.newton import Control, factorise
from .solver.plan import solve
from .solvers import Auto, name_of
from .source.in_memory import InMemory


class Null:
    """The null model: its deviance, and as a callable the coefficients that reproduce its mean."""

    def __init__(self, model, constant):
        self.model, self.constant = model, constant
        source, sums = model.source, model.sums
        self.mean = sums.mean
        data = source.data
        shifted = data.offset is not None or data.exposure is not None
        if constant is None:
            self.deviance = self._plain(False, np.zeros(0))
        elif hasattr(model.pair.family, "null_deviance") and not shifted:
            self.deviance = model.pair.family.null_deviance(self.mean, sums.weight)
        elif not shifted:
            self.deviance = self._plain(True, np.array([self.eta]))
        else:
            self.deviance = self._fitted()

    @property
    def central(self):
        """Whether the null model is as good a start as R's."""
        data, family = self.model.source.data, self.model.family
        plain = data.ones and data.offset is None and data.exposure is None
        return plain and family.domain.high == 1.0 and 0.0 < self.mean < 1.0

    @cached_property
    def eta(self):
        """The linear predictor of the mean of y."""
        return _scalar_link(self.model.link, self.mean)

    def _objective(self, ones):
        data = self.model.source.data
        bare = InMemory(data._replace(X=data.X[:, :0], ones=ones), self.model.source.threads)
        return Deviance(bare, self.model.pair)

    def _plain(self, ones, beta):
        d = self._objective(ones).at(beta, 0).deviance
        # a mean on the boundary has an infinite linear predictor, and reproduces every y
        return d if np.isfinite(d) else (0.0 if ones and not np.isfinite(self.eta) else np.nan)

    def _fitted(self):
        """The intercept refitted with the offset, as R does."""
        objective = self._objective(True)
        seed = _Seed(objective.constant_start(self.mean, self.eta))
        control = Control(canonical=self.model.canonical, final=False)
        try:
            solution = solve(
                objective,
                Auto(),
                "auto",
                start=None,
                fallback=seed,
                dispersion=lambda q: 1.0,
                control=control,
                information=self.model.information(),
            )
            return solution.quadratic.deviance
        except (FloatingPointError, np.linalg.LinAlgError):  # the null model need not have a start (R bug 16877)
            return np.nan

    def __call__(self):
        m = self.model.objective.n_params
        if self.constant == 0 and self.model.source.data.ones and np.isfinite(self.eta):
            return self.model.objective.constant_start(self.mean, self.eta)
        beta = np.zeros(m)
        if np.isfinite(self.model.objective.at(beta, 0).deviance):
            return beta
        return self.model.objective.constant_start(self.mean, self.eta)


class _Seed:
    deviance, central = np.inf, False

    def __init__(self, beta):
        self.beta = beta

    def __call__(self):
        return self.beta


def _scalar_link(link, mean):
    try:
        return float(link.link(float(mean)))
    except (ValueError, ZeroDivisionError, OverflowError):
        return np.inf


class Model:
    """One fit: the objective, its solution, and the statistics R prints."""

    def __init__(self, source, family, link, pair, sums, options, cov):
        self.source, self.family, self.link, self.pair, self.sums = source, family, link, pair, sums
        self.options, self.cov = options, cov
        self.objective = Deviance(source, pair)
        self.canonical = getattr(family, "canonical", None) == link.name
        self.names = ((inputs.INTERCEPT,) if source.data.ones else ()) + source.data.names
        self.notes: list[str] = []

    def fit(self, start, callback):
        """Solve, then polish the last digits where they are cheap or were in danger."""
        constant = 0 if self.source.data.ones else constant_column(self.source.data.X)
        self.null = Null(self, constant)
        n = self.source.n_rows
        control = Control(
            canonical=self.canonical,
            final=self.cov is not None,
            # a curvature this many standard errors away gives standard errors to 1e-8
            near=1e-8 * np.sqrt(n),
            # Newton's remainder is the square of the distance times the root of a leverage; thirty times the average
            # root allows for outliers, and rare events carry what information there is
            bend=min(1.0, 30.0 * sqrt(self.objective.n_params / max(min(n, self.information()), 1.0))),
            score_cost=0.6 / (1.0 + 0.02 * self.objective.n_params),
            callback=callback,
        )
        self.solution = solve(
            self.objective,
            self.options,
            name_of(self.options),
            start=start,
            fallback=self.null,
            dispersion=self.dispersion,
            control=control,
            information=self.information(),
        )
        if self.solution.stop == "not finite at the start":
            raise InvalidParameterError(
                "start: at the first coefficients the deviance or its derivatives are not finite, because the numbers "
                "in X or y are so large that sums overflow (rescale them), or because a mean lies outside the "
                "family's range (pass start= with admissible coefficients, or another link)"
            )
        if self.objective.precise or (self.objective.small and self.pair.linear):
            self.solution = polish(self.objective, self.solution)
        elif self.objective.small and self.cov is not None and self._last_distance() > 1e-10:
            self.solution = self._at_the_end()

    def _last_distance(self):
        return self.solution.history[-1]["distance"] if self.solution.stop == "converged" else 0.0

    def _at_the_end(self):
        """The solution with its curvature made where it ended: on small data a pass costs microseconds."""
        q = self.objective.at(self.solution.beta, 2)
        if not q.finite:
            return self.solution
        return self.solution._replace(quadratic=q, factor=factorise(self.objective, q, self.solution.beta))

    def dispersion(self, q):
        """The dispersion at a pass: one where it is known, else deviance over degrees of freedom."""
        if self.family.dispersion == "one":
            # very small weights make huge standard errors, which must not pass for convergence
            return min(1.0, self.sums.weight / self.sums.nobs)
        df = self.sums.nobs - self.objective.n_params
        return max(q.deviance, 0.0) / df if df > 0 else 1.0

    def information(self):
        """Rows' worth of information in the response: the events, where they can be rare."""
        s = self.sums
        if isinstance(self.family, Binomial):
            return min(s.weighted_y, s.weight - s.weighted_y)
        return s.weighted_y if self.family.name in ("poisson", "quasipoisson") else self.source.n_rows

    def result(self, classes, began) -> GLMResult:
        """The solution as a frozen record, its warnings given."""
        s, solution = self.sums, self.solution
        # by number, because names may repeat
        redundant = solution.factor.aliased if solution.factor is not None else {}
        aliased = {self.names[j]: describe(c, self.names) for j, c in redundant.items()}
        separated = find_separation(self)
        params = np.array(solution.beta)
        if redundant:
            params[list(redundant)] = np.nan
        rank = len(params) - len(redundant)
        df = s.nobs - rank
        q = solution.quadratic
        deviance = max(q.deviance, 0.0)
        scale = 1.0 if self.family.dispersion == "one" else (q.pearson / df if df > 0 else np.nan)
        converged = solution.stop in ("converged", "boundary") and not separated
        self._warn(aliased, separated, converged)
        covariance = None
        if self.cov is not None and solution.factor is not None:
            covariance = solution.factor.inverse()
        constant = self.null.constant is not None
        return GLMResult(
            params=params,
            cov_unscaled=covariance,
            names=self.names,
            family=self.family,
            link=self.link,
            deviance=deviance,
            null_deviance=self.null.deviance,
            pearson_chi2=q.pearson,
            scale=scale,
            llf=self.loglik(deviance),
            llnull=self.loglik(self.null.deviance),
            nobs=_whole(s.nobs),
            df_resid=_whole(df),
            df_model=rank - constant,
            rank=rank,
            converged=converged,
            aliased=aliased,
            n_rows=self.source.n_rows,
            weight_sum=s.weight,
            intercept=self.source.data.ones,
            has_intercept=constant,
            has_weights=self.source.data.weights is not None,
            has_freq_weights=self.source.data.freq_weights is not None,
            exposure_kind=self._exposure_kind(),
            classes=classes,
            solver=name_of(self.options),
            stop="separation" if separated else solution.stop,
            n_iter=solution.n_iter,
            n_passes=round(self.objective.n_passes, 3),
            history=solution.history,
            certificate=solution.certificate,
            score_norm=solution.score_norm,
            elapsed=time.perf_counter() - began,
            notes=tuple(self.notes),
        )

    def loglik(self, deviance):
        """The log-likelihood at a deviance, by R's rules for the dispersion; NaN for quasi-likelihood."""
        if getattr(self.family, "saturated", None) is None:
            return np.nan
        if hasattr(self.family, "loglik"):
            return self.family.loglik(deviance, self.sums.saturated, self.sums.weight, self.sums.nobs)
        return self.sums.saturated - 0.5 * deviance

    def _exposure_kind(self):
        data = self.source.data
        return "exposure" if data.exposure is not None else "offset" if data.offset is not None else None

    def _warn(self, aliased, separated, converged):
        if aliased:
            each = "; ".join(f"{name} = {c}" for name, c in aliased.items())
            self._give(
                CollinearityWarning,
                f"X is rank deficient: {len(aliased)} column(s) are aliased (collinear with earlier ones) and their "
                f"coefficients NaN: {each}. Drop them, or the columns they repeat",
            )
        if separated:
            self._give(SeparationWarning, separated)
        elif self.solution.stop == "boundary":
            self._give(
                ConvergenceWarning,
                "the optimum lies on the boundary of the means' range, where the score is not zero: the estimates are "
                "right, but standard errors and tests do not apply. Another link avoids the boundary",
            )
        elif not converged:
            self._give(
                ConvergenceWarning,
                f"the fit did not converge: {self.solution.stop} after {self.solution.n_iter} iterations, an estimated "
                f"{self.solution.certificate:.2g} standard errors from the optimum. Raise max_iter, pass start=, "
                "or rescale X",
            )

    def _give(self, category, text):
        self.notes.append(text)
        warnings.warn(text, category, stacklevel=5)


def polish(objective, solution, steps: int = 6):
    """Newton steps whose score is summed in double-double arithmetic, until they no longer shrink.

    Björck, Å. (1967), "Iterative refinement of linear least squares solutions": one step already gives the digits
    that the conditioning leaves; the last pass is made at the coefficients that are returned.
    """
    if solution.stop != "converged" or solution.factor is None or not hasattr(solution.factor, "inverse"):
        return solution
    objective.precise = True
    beta, before = solution.beta, np.inf
    for _ in range(steps):
        q = objective.at(beta, 2)
        if not q.finite or not np.isfinite(q.score).all():
            return solution
        step = solution.factor.solve(q.score)
        size = float(np.max(np.abs(step) / np.maximum(np.abs(beta), 1e-300)))
        if not size < 0.25 * before:
            break
        solution = solution._replace(beta=beta, quadratic=q)
        if size <= 1.2e-16:
            break
        before, beta = size, beta + step
    return solution._replace(factor=factorise(objective, solution.quadratic, solution.beta))


def constant_column(X) -> int | None:
    """The number of a constant, nonzero column of X, or None."""
    n, p = X.shape
    probe = X[:: max(1, n // 16)]
    for j in np.nonzero((probe == probe[:1]).all(0) & (probe[0] != 0))[0]:
        c = X[0, j]
        if all((X[a : a + 65536, j] == c).all() for a in range(0, n, 65536)):
            return int(j)
    return None


def describe(combination: dict, names) -> str:
    """A linear combination in words: ``"x1 + 2 x2"``."""
    if not combination:
        return "0"
    text = ""
    for k, c in combination.items():
        size = "" if abs(abs(c) - 1.0) < 1e-9 else f"{abs(c):.6g} "
        sign = ("-" if c < 0 else "") if not text else (" - " if c < 0 else " + ")
        text += f"{sign}{size}{names[k]}"
    return text


def _whole(x):
    return int(x) if float(x).is_integer() else float(x)
