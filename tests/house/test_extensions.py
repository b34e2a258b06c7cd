"""What is added from outside, each in one file that touches nothing of the library: right numbers.

Here are a solver, a covariance, an engine and a penalty. ``test_own_family.py`` has families and links, and every verb
is asked of two storages from outside in ``house/``. ``CONTRIBUTING.md`` has each of them in ten lines.
"""

import pickle
from math import sqrt
from typing import NamedTuple

import numpy as np
import pytest
from registries import restored

import fastglm
from fastglm import solvers
from fastglm.errors import ConvergenceWarning, InvalidParameterError
from fastglm.inference import covariance
from fastglm.kernels.row_loops import FamilyLink
from fastglm.linalg.symmetric import Dense
from fastglm.objective.base import Deviance
from fastglm.objective.penalised import Penalised
from fastglm.rows.family_link import family_and_link
from fastglm.simulate import make_glm
from fastglm.solver.choose import control_for
from fastglm.solver.solve import solve
from fastglm.source.base import Block
from fastglm.source.in_memory import InMemory


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
    with restored():
        solvers.register(declaration)
        yield declaration


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
    kind = covariance.CovarianceKind("lagged", newey_west, argument="lags", options=(("lags", None),))
    with restored():
        covariance.register(kind)
        yield kind


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
    ours = fastglm.fit(X, y, family=family, cov={"lagged": lags})
    assert ours.cov_kind == f"lagged (lags={lags})"
    np.testing.assert_allclose(ours.bse, theirs.bse, rtol=2e-7)
    later = fastglm.fit(X, y, family=family).with_cov({"lagged": lags}, X, y)
    np.testing.assert_allclose(later.cov_params(), ours.cov_params(), rtol=1e-12)


def test_its_default_lags_and_files_and_threads(hac, tmp_path):
    pd = pytest.importorskip("pandas")
    X, y = autocorrelated(30_000, "poisson", 1)
    lags = int(4.0 * (len(y) / 100.0) ** (2.0 / 9.0))
    ours = fastglm.fit(X, y, family="poisson", cov="Lagged")
    assert ours.cov_kind == "lagged"
    given = fastglm.fit(X, y, family="poisson", cov={"lagged": lags}, threads=2)
    np.testing.assert_array_equal(given.cov_params(), ours.cov_params())
    frame = pd.DataFrame({"a": X[:, 0], "b": X[:, 1], "y": y})
    pytest.importorskip("pyarrow")
    frame.to_parquet(tmp_path / "rows.parquet", row_group_size=7_000)
    files = fastglm.glm("y ~ a + b", tmp_path / "rows.parquet", family="poisson", cov="lagged", memory=0)
    np.testing.assert_allclose(files.cov_params(), ours.cov_params(), rtol=1e-9)


def test_lag_zero_is_HC0_for_nearly_dependent_columns_and_classes_too(hac):
    X, y = autocorrelated(500, "poisson", 2)
    near = np.column_stack([X, X[:, 0] + 1e-7 * X[:, 1] ** 2])
    for columns in (X, near):
        zero = fastglm.fit(columns, y, family="poisson", cov={"lagged": 0})
        np.testing.assert_allclose(zero.bse, fastglm.fit(columns, y, family="poisson", cov="HC0").bse, rtol=1e-6)
    classes = np.minimum(y, 2.0)
    zero = fastglm.fit(X, classes, family="multinomial", cov={"lagged": 0})
    np.testing.assert_allclose(zero.bse, fastglm.fit(X, classes, family="multinomial", cov="HC0").bse, rtol=1e-7)


def test_its_options_are_checked(hac):
    X, y = autocorrelated(50, "gaussian")
    with pytest.raises(InvalidParameterError, match="'lagged' has the options"):
        fastglm.fit(X, y, cov={"lagged": 2, "prewhite": True})
    with pytest.raises(InvalidParameterError, match="known: .*'lagged'"):
        fastglm.fit(X, y, cov="laggard")
    with pytest.raises(InvalidParameterError, match="registered already"):
        covariance.register(hac)


class Serial:
    """An engine that runs units one after the other, the last first."""

    def __init__(self):
        self.units, self.calls = 0, 0

    def run(self, chunks, task, units, tree):
        """Values may be put in any order: the tree adds them in its own."""
        with chunks.workspace() as work:
            for i in reversed(range(len(units))):
                for _, value in chunks.values(task, [units[i]], work):
                    tree.put(i, value)
        self.units += len(units)

    def map(self, f, items, held=None):
        self.calls += len(items)
        return [f(item) for item in items]


class Posted(Serial):
    """One that runs them elsewhere: rows and tasks are taken there as bytes."""

    def run(self, chunks, task, units, tree):
        super().run(*pickle.loads(pickle.dumps((chunks, task))), units, tree)


@pytest.mark.parametrize("engine", [Serial, Posted])
@pytest.mark.parametrize("family", ["gaussian", "binomial", "multinomial"])
def test_an_engine_from_outside_gives_the_bits_of_threads(engine, family):
    data = make_glm("poisson" if family == "multinomial" else family, 30_000, 4, seed=2)
    y = np.minimum(data.y, 3.0) if family == "multinomial" else data.y
    for cov in ("model", "HC1", {"cluster": np.arange(30_000) // 40}):
        here, mine = fastglm.fit(data.X, y, family=family, cov=cov), engine()
        found = fastglm.fit(data.X, y, family=family, cov=cov, client=mine)
        assert mine.units > 10
        for name in ("params", "bse"):
            np.testing.assert_array_equal(getattr(found, name), getattr(here, name))
        assert (found.deviance, found.null_deviance) == (here.deviance, here.null_deviance)


def test_an_engine_from_outside_reads_files(tmp_path):
    pd = pytest.importorskip("pandas")
    pytest.importorskip("pyarrow")
    data = make_glm("poisson", 30_000, 2, seed=2)
    level = np.array(["a", "b", "c"])[np.arange(30_000) % 3]
    frame = pd.DataFrame({"a": data.X[:, 0], "b": data.X[:, 1], "level": level, "y": data.y})
    frame.to_parquet(tmp_path / "rows.parquet", row_group_size=9_000)
    formula, options, mine = "y ~ a + b + level", {"family": "poisson", "cov": "cluster:level"}, Serial()
    here = fastglm.glm(formula, tmp_path / "rows.parquet", **options)
    found = fastglm.glm(formula, tmp_path / "rows.parquet", client=mine, checkpoint=tmp_path / "state", **options)
    assert mine.units > 10 and mine.calls >= 4
    np.testing.assert_array_equal(found.params, here.params)
    np.testing.assert_array_equal(found.bse, here.bse)


class Roughness:
    """Squared second differences of neighbouring coefficients but the first (Eilers and Marx 1996), times a number."""

    def __init__(self, m, size):
        differences = np.diff(np.eye(m - 1), 2, axis=0)
        self.P = np.zeros((m, m))
        self.P[1:, 1:] = size * differences.T @ differences

    def value(self, beta):
        return 0.5 * float(beta @ self.P @ beta)

    def score(self, beta):
        return -self.P @ beta

    def prox(self, beta, size):
        return beta

    def quadratic(self):
        return Dense(self.P)

    def active(self, beta, score):
        return np.ones(len(beta), bool)

    def degrees_of_freedom(self, beta, information):
        J = information.toarray()
        return float(np.trace(np.linalg.solve(J + self.P, J)))


def minimised(penalty, family, X, y, solver):
    """Half the deviance plus the penalty, by a solver of the library that sees one objective."""
    source = InMemory(Block(X, True, y, None, None, None, None, tuple("abcdefghi")), 2)
    pair = FamilyLink(*family_and_link(family, None))
    objective, options = Penalised(Deviance(source, pair), penalty), solvers.resolve(solver)
    control = control_for(objective, options, n_rows=len(y), information=len(y), canonical=True, need_information=True)
    start = np.zeros(objective.n_params)
    return solve(solvers.Problem(objective, options, control, start, lambda: start, lambda q: 1.0, len(y)))


@pytest.mark.parametrize("solver", ["newton", "irls", "lbfgs", "newton-cg"])
@pytest.mark.parametrize("family", ["gaussian", "binomial", "poisson"])
def test_a_penalty_from_outside_moves_the_optimum(family, solver):
    """The oracle is the score equation X'(y - mu) = P b, and for least squares its solution."""
    rng = np.random.default_rng(0)
    X = np.exp(-np.square(rng.random(3000)[:, None] - np.linspace(0, 1, 9)) * 40.0)
    eta = np.sin(6.0 * X @ np.linspace(0, 1, 9) / X.sum(1))
    draws = {"gaussian": lambda: eta + rng.normal(size=3000), "poisson": lambda: rng.poisson(np.exp(eta)),
             "binomial": lambda: (rng.random(3000) < 1 / (1 + np.exp(-eta)))}  # fmt: skip
    means = {"gaussian": lambda eta: eta, "poisson": np.exp, "binomial": lambda eta: 1 / (1 + np.exp(-eta))}
    y, A = draws[family]().astype(float), np.column_stack([np.ones(3000), X])
    for size in (0.0, 1.0, 1e3):
        penalty = Roughness(10, size)
        found = minimised(penalty, family, X, y, solver)
        assert found.stop == "converged"
        mu = means[family](A @ found.beta)
        J = (A * {"gaussian": np.ones(3000), "poisson": mu, "binomial": mu * (1 - mu)}[family][:, None]).T @ A
        V = np.linalg.inv(J + penalty.P)
        score = A.T @ (y - mu) - penalty.P @ found.beta
        assert float(score @ V @ score) ** 0.5 < 1e-7
        np.testing.assert_allclose(np.asarray(found.factor.inverse()), V, rtol=1e-6)
        assert penalty.degrees_of_freedom(found.beta, Dense(J)) <= 10.0 + 1e-9
        if family == "gaussian":
            np.testing.assert_allclose(found.beta, np.linalg.solve(J + penalty.P, A.T @ y), rtol=1e-7)
        if size == 0.0:
            exact = fastglm.fit(X, y, family=family)
            np.testing.assert_allclose(found.beta, exact.params, atol=1e-7 * exact.bse.min())
