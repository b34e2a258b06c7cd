"""Solvers and covariances from outside: registered by the public registries, used by their names, right numbers."""

from math import sqrt
from typing import NamedTuple

import numpy as np
import pytest

import fastglm
from fastglm import solvers
from fastglm.errors import ConvergenceWarning, InvalidParameterError
from fastglm.inference import covariance
from fastglm.options import covariance as kinds
from fastglm.options import solvers as registry
from fastglm.simulate import make_glm


class DampedGradient(NamedTuple):
    """Gradient descent scaled by the first information's diagonal; a step is halved until the deviance falls."""

    tol: float = 1e-5
    max_iter: int = 5000


def damped_gradient(problem):
    """Minimise half the deviance by score passes alone."""
    objective, beta = problem.objective, problem.first()
    q, history, distance, size = objective.at(beta, 1), [], np.inf, 1.0
    diagonal = objective.preconditioner(beta, objective.source.n_rows)
    for i in range(1, problem.control.max_iter + 1):
        step = q.score / diagonal
        distance = sqrt(float(q.score @ step) / problem.dispersion(q))
        history.append({"iteration": i, "deviance": q.deviance, "distance": distance})
        if distance <= problem.options.tol:
            break
        size, before, falls = 2.0 * size, q, False
        while not falls:
            size /= 2.0
            q = objective.at(beta + size * step, 1)
            falls = q.finite and q.deviance <= before.deviance * (1.0 + 1e-13) - 0.5 * size * float(before.score @ step)
            if size < 1e-12:
                break
        beta, size = beta + size * step, 1.5 * size
    stop = "converged" if distance <= problem.options.tol else "iteration limit reached"
    return solvers.Solution(beta, q, None, distance, float(np.abs(q.score).max()), i, stop, tuple(history))


@pytest.fixture
def gradient_solver():
    """A solver from outside, known while a test runs."""
    declaration = solvers.Declaration("damped-gradient", DampedGradient, damped_gradient, order=1, memory=1)
    solvers.register(declaration)
    yield declaration
    del registry.SOLVERS["damped-gradient"], registry._DECLARED[DampedGradient]


@pytest.mark.parametrize("family", ["gaussian", "binomial", "poisson"])
def test_a_solver_from_outside_reaches_the_optimum(gradient_solver, family):
    data = make_glm(family, 2000, 3, seed=4)
    options = {"family": family, "cov": "robust"}
    exact = fastglm.fit(data.X, data.y, **options)
    for solver in ("damped-gradient", DampedGradient(tol=1e-4)):
        found = fastglm.fit(data.X, data.y, solver=solver, **options)
        assert found.converged and found.solver == "damped-gradient" and found.certificate <= 1e-7
        np.testing.assert_allclose(found.params, exact.params, atol=1e-6 * exact.bse.min())
        np.testing.assert_allclose(found.bse, exact.bse, rtol=1e-6)
    # the score at the optimum, from its formula: X'(y - mu), for canonical links
    mu = found.predict(data.X)
    X = np.column_stack([np.ones(len(data.y)), data.X])
    assert np.abs(X.T @ (data.y - mu)).max() < 1e-5 * np.abs(X.T @ (data.y - data.y.mean())).max()


def test_it_says_that_it_has_not_converged(gradient_solver):
    data = make_glm("binomial", 500, 3, seed=4)
    with pytest.warns(ConvergenceWarning, match="iteration limit"):
        found = fastglm.fit(data.X, data.y, family="binomial", solver=DampedGradient(max_iter=2))
    assert found.n_iter == 2 and not found.converged


def test_it_is_forecast_and_listed_and_its_options_are_checked(gradient_solver):
    data = make_glm("binomial", 500, 3, seed=4)
    assert "damped-gradient" in solvers.names(exact=True)
    assert solvers.name_of(DampedGradient()) == "damped-gradient"
    assert fastglm.plan(data.y, data.X, family="binomial", solver="damped-gradient").passes > 10
    with pytest.raises(InvalidParameterError, match="tol=-1"):
        fastglm.fit(data.X, data.y, family="binomial", solver=DampedGradient(tol=-1))
    with pytest.raises(InvalidParameterError, match="registered already"):
        solvers.register(gradient_solver)


def test_without_registration_it_is_refused():
    with pytest.raises(InvalidParameterError, match="damped-gradient"):
        fastglm.fit(np.ones((3, 1)), [0, 1, 2], solver="damped-gradient")
    with pytest.raises(InvalidParameterError, match="record of fastglm.solvers"):
        fastglm.fit(np.ones((3, 1)), [0, 1, 2], solver=DampedGradient())


class Lagged(NamedTuple):
    """The long-run variance of consecutive rows of scores with their first and last ``lags`` rows; ``+`` joins two."""

    lags: int
    total: np.ndarray
    first: np.ndarray
    last: np.ndarray

    @staticmethod
    def of(rows, lags):
        """Newey and West (1987): Bartlett's weights 1 - l / (lags + 1)."""
        total = rows.T @ rows
        for lag in range(1, min(lags, len(rows) - 1) + 1):
            product = rows[lag:].T @ rows[:-lag]
            total += (1.0 - lag / (lags + 1.0)) * (product + product.T)
        return Lagged(lags, total, rows[:lags], rows[len(rows) - min(lags, len(rows)) :])

    def __add__(self, other):
        # pairs of rows on both sides of the seam: those of all near it, less those within each side
        near = Lagged.of(np.vstack([self.last, other.first]), self.lags).total
        across = near - Lagged.of(self.last, self.lags).total - Lagged.of(other.first, self.lags).total
        first, last = np.vstack([self.first, other.first]), np.vstack([self.last, other.last])
        # a side shorter than the lags is all in both of its ends
        first = first[: self.lags] if len(self.first) < self.lags else self.first
        last = last[-self.lags :] if len(other.last) < self.lags else other.last
        return Lagged(self.lags, self.total + other.total + across, first, last)


class LaggedScores(covariance.Task):
    """The long-run variance of the scores of rows in their order."""

    def __init__(self, scores, space, lags):
        self.scores, self.space, self.lags = scores, space, lags

    def of(self, part, runs):
        parts = [
            Lagged.of(covariance.score_rows(self.scores, self.space, part.data, a, b), self.lags)
            for a, b in covariance.blocks(runs, part.data, part.n_columns)
        ]
        total = parts[0]
        for more in parts[1:]:
            total = total + more
        return total


def newey_west(spec, fitted, space):
    """Heteroscedasticity and autocorrelation: scores of rows up to ``lags`` apart may depend on each other."""
    lags = spec.option("lags")
    if lags is None:
        lags = int(4.0 * (fitted.nobs / 100.0) ** (2.0 / 9.0))
    meat = fitted.rows.reduce(LaggedScores(fitted.scores, space, lags)).total
    return covariance.in_coefficients(space, meat)


@pytest.fixture
def hac():
    """A covariance from outside, known while a test runs."""
    kind = covariance.CovarianceKind("HAC", newey_west, argument="lags", options=(("lags", None),))
    covariance.register(kind)
    yield kind
    del kinds._KINDS["HAC"], kinds._NAMES["hac"]


def autocorrelated(n, family, seed=0):
    rng = np.random.default_rng(seed)
    X, noise = rng.normal(size=(n, 2)), rng.normal(size=n)
    for i in range(1, n):
        X[i] += 0.6 * X[i - 1]
        noise[i] += 0.7 * noise[i - 1]
    eta = 0.2 + X @ [0.3, -0.2] + 0.4 * noise
    draws = {"gaussian": lambda: eta, "poisson": lambda: rng.poisson(np.exp(eta)),
             "binomial": lambda: (rng.random(n) < 1 / (1 + np.exp(-eta)))}  # fmt: skip
    return X, draws[family]().astype(float)


@pytest.mark.parametrize("family, lags", [("gaussian", 4), ("poisson", 0), ("poisson", 7), ("binomial", 3)])
def test_a_covariance_from_outside_is_statsmodels_HAC(hac, family, lags):
    sm = pytest.importorskip("statsmodels.api")
    families = {"gaussian": sm.families.Gaussian, "poisson": sm.families.Poisson, "binomial": sm.families.Binomial}
    X, y = autocorrelated(20_000 if family == "poisson" else 700, family)
    theirs = sm.GLM(y, sm.add_constant(X), families[family]()).fit(
        cov_type="HAC", cov_kwds={"maxlags": lags}, tol=1e-12
    )
    ours = fastglm.fit(X, y, family=family, cov={"HAC": lags})
    assert ours.cov_kind == f"HAC (lags={lags})"
    np.testing.assert_allclose(ours.bse, theirs.bse, rtol=2e-7)
    later = fastglm.fit(X, y, family=family).with_cov({"HAC": lags}, X, y)
    np.testing.assert_allclose(later.cov_params(), ours.cov_params(), rtol=1e-12)


def test_its_default_lags_and_files_and_threads(hac, tmp_path):
    pd = pytest.importorskip("pandas")
    X, y = autocorrelated(30_000, "poisson", 1)
    lags = int(4.0 * (len(y) / 100.0) ** (2.0 / 9.0))
    ours = fastglm.fit(X, y, family="poisson", cov="hac")
    assert ours.cov_kind == "HAC"
    given = fastglm.fit(X, y, family="poisson", cov={"HAC": lags}, threads=2)
    np.testing.assert_array_equal(given.cov_params(), ours.cov_params())
    frame = pd.DataFrame({"a": X[:, 0], "b": X[:, 1], "y": y})
    pytest.importorskip("pyarrow")
    frame.to_parquet(tmp_path / "rows.parquet", row_group_size=7_000)
    files = fastglm.glm("y ~ a + b", tmp_path / "rows.parquet", family="poisson", cov="HAC", memory=0)
    np.testing.assert_allclose(files.cov_params(), ours.cov_params(), rtol=1e-9)


def test_lag_zero_is_HC0_for_nearly_dependent_columns_and_classes_too(hac):
    X, y = autocorrelated(500, "poisson", 2)
    near = np.column_stack([X, X[:, 0] + 1e-7 * X[:, 1] ** 2])
    for columns in (X, near):
        zero = fastglm.fit(columns, y, family="poisson", cov={"HAC": 0})
        np.testing.assert_allclose(zero.bse, fastglm.fit(columns, y, family="poisson", cov="HC0").bse, rtol=1e-6)
    classes = np.minimum(y, 2.0)
    zero = fastglm.fit(X, classes, family="multinomial", cov={"HAC": 0})
    np.testing.assert_allclose(zero.bse, fastglm.fit(X, classes, family="multinomial", cov="HC0").bse, rtol=1e-7)


def test_its_options_are_checked(hac):
    X, y = autocorrelated(50, "gaussian")
    with pytest.raises(InvalidParameterError, match="'HAC' has the options"):
        fastglm.fit(X, y, cov={"HAC": 2, "prewhite": True})
    with pytest.raises(InvalidParameterError, match="known: .*'HAC'"):
        fastglm.fit(X, y, cov="HAK")
    with pytest.raises(InvalidParameterError, match="registered already"):
        covariance.register(hac)
