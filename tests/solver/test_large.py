"""Data long enough for the plan that reads X once or twice: the answer is plain IRLS's on all rows, whatever the data.

The oracle is the ``irls`` solver, which uses all rows at every iteration, iterated ten times further than the default.
"""

import threading
import warnings

import numpy as np
import pytest

import fastglm
from fastglm.matrix import Categorical, Dense, Split
from fastglm.objective.base import Deviance
from fastglm.simulate import make_glm

N = 300_000
MODELS = [("binomial", "logit"), ("poisson", "log"), ("gamma", "log"), ("gaussian", "identity")]
HARD = {
    "sorted by y": ("binomial", dict(sort_by="y")),
    "sorted counts": ("poisson", dict(sort_by="y")),
    "sorted by a column": ("gamma", dict(sort_by=1)),
    "heavy-tailed weights": ("gaussian", dict(weights="heavy")),
    "heavy-tailed trials": ("binomial", dict(weights="heavy")),
    "rare events": ("binomial", dict(event_rate=1e-4)),
    "an offset over six decades": ("poisson", dict(offset="mixed")),
    "correlated columns": ("poisson", dict(rho=0.95)),
    "heavy-tailed columns": ("gaussian", dict(kind="heavy")),
    "columns of mixed scale": ("binomial", dict(kind="scaled")),
}


def draw(family, n=N, p=6, **options):
    link = dict(MODELS)[family]
    data = make_glm(family, n, p, link=link, seed=11, **options)
    return data, dict(family=family, link=link, weights=data.weights, offset=data.offset)


def agree(result, reference, params=1e-9, bse=1e-8):
    assert result.converged and reference.converged
    # relative to the estimate, or to its standard error where that is larger
    size = np.maximum(np.abs(reference.params), reference.bse)
    assert (np.abs(result.params - reference.params) / size).max() <= params
    np.testing.assert_allclose(result.bse, reference.bse, rtol=bse)
    np.testing.assert_allclose(result.deviance, reference.deviance, rtol=1e-11)
    np.testing.assert_allclose(result.llf, reference.llf, rtol=1e-11)


def fits(data, options):
    tight = fastglm.fit(data.X, data.y, solver=fastglm.solvers.IRLS(tol=1e-9), **options)
    return fastglm.fit(data.X, data.y, **options), tight


@pytest.mark.parametrize("family", [family for family, _ in MODELS])
def test_the_cheap_plan_gives_the_answer_of_irls(family):
    result, reference = fits(*draw(family))
    agree(result, reference)
    assert result.certificate <= 1e-8
    distance = np.abs((result.params - reference.params) / reference.bse).max()
    assert distance <= max(result.certificate, 1e-9)


@pytest.mark.parametrize("family", ["binomial", "poisson", "gamma"])
def test_the_cheap_plan_reads_x_with_curvature_less_often(family):
    data, options = draw(family)
    reads = {}
    for solver in ("auto", "irls"):
        with counted() as passes:
            result = fastglm.fit(data.X, data.y, solver=solver, **options)
        reads[solver] = sum(share for order, share in passes if order == 2)
        assert result.n_passes >= reads[solver]
    assert reads["auto"] <= reads["irls"] - 2


def test_least_squares_reads_x_no_more_often_than_irls():
    data, options = draw("gaussian")
    auto, irls = (fastglm.fit(data.X, data.y, solver=solver, **options) for solver in ("auto", "irls"))
    assert auto.n_passes <= irls.n_passes


@pytest.mark.parametrize("name", HARD)
def test_awkward_data(name):
    family, options = HARD[name]
    result, reference = fits(*draw(family, **options))
    agree(result, reference, params=1e-8)


@pytest.mark.parametrize("family", [family for family, _ in MODELS])
def test_an_order_that_hides_a_column_from_half_of_the_rows(family):
    data, options = draw(family)
    X = data.X.copy()
    X[: N // 2, 0] = 0.0
    X[N // 2 :, 1] *= 1e-3
    data = type(data)(X, *(getattr(data, f) for f in list(data.__dataclass_fields__)[1:]))
    agree(*fits(data, options), params=1e-8)


@pytest.mark.parametrize("family", [family for family, _ in MODELS])
def test_any_number_of_threads_gives_the_same_bits(family):
    data, options = draw(family, n=200_000, p=7)
    results = [fastglm.fit(data.X, data.y, threads=k, **options) for k in (1, 2, 8)]
    for other in results[1:]:
        for name in ("params", "bse", "cov_unscaled"):
            np.testing.assert_array_equal(getattr(other, name), getattr(results[0], name))
        for name in ("deviance", "null_deviance", "pearson_chi2", "llf", "llnull", "certificate", "n_passes"):
            assert getattr(other, name) == getattr(results[0], name)


@pytest.mark.parametrize("solver", fastglm.solvers.names(exact=True))
def test_threads_with_every_solver(solver):
    data, options = draw("poisson", n=60_000)
    one, four = (fastglm.fit(data.X, data.y, solver=solver, threads=k, **options) for k in (1, 4))
    np.testing.assert_array_equal(one.params, four.params)
    np.testing.assert_array_equal(one.bse, four.bse)


def test_two_fits_at_once_give_the_bits_of_one_alone():
    data, options = draw("binomial", n=120_000)
    alone = fastglm.fit(data.X, data.y, **options)
    found = [None] * 4

    def work(k):
        found[k] = fastglm.fit(data.X, data.y, **options)

    threads = [threading.Thread(target=work, args=(k,)) for k in range(4)]
    for t in threads:
        t.start()
    for t in threads:
        t.join()
    for other in found:
        np.testing.assert_array_equal(other.params, alone.params)
        np.testing.assert_array_equal(other.bse, alone.bse)


def test_a_progress_bar_changes_no_bit(capsys):
    data, options = draw("poisson", n=60_000)
    quiet = fastglm.fit(data.X, data.y, **options)
    assert capsys.readouterr() == ("", "")
    shown = fastglm.fit(data.X, data.y, progress=True, **options)
    np.testing.assert_array_equal(shown.params, quiet.params)
    np.testing.assert_array_equal(shown.bse, quiet.bse)
    assert shown.n_passes == quiet.n_passes and capsys.readouterr().err


def test_without_a_covariance_no_pass_over_many_columns_brings_a_curvature():
    data, options = draw("poisson", n=60_000, p=120)
    with counted() as passes:
        result = fastglm.fit(data.X, data.y, cov=None, **options)
    assert max(share for order, share in passes if order == 2) < 0.5  # a sample's only
    reference = fastglm.fit(data.X, data.y, solver="irls", **options)
    assert np.abs((result.params - reference.params) / reference.bse).max() <= 1e-7


@pytest.mark.parametrize("family", ["binomial", "poisson"])
def test_without_a_covariance_a_fit_is_no_longer(family):
    """Over few columns a score pass costs half of one with curvature, which may save several."""
    data, options = draw(family)
    cost = {}
    for cov in ("model", None):
        with counted() as passes:
            result = fastglm.fit(data.X, data.y, cov=cov, **options)
        assert result.converged
        cost[cov] = sum(share * (1.0 if order == 2 else 0.5) for order, share in passes)
    assert cost[None] <= cost["model"]


def test_rare_levels_without_a_covariance():
    rng = np.random.default_rng(4)
    levels = rng.choice(60, 20_000, p=rng.dirichlet(np.full(60, 0.3)))
    X = Split((Dense(rng.normal(size=(20_000, 2))), Categorical(levels - 1, 59)))
    y = rng.poisson(np.exp(rng.normal(-3.0, 0.5, 60)[levels])).astype(float)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # levels without events, or without rows
        found = {cov: fastglm.fit(X, y, family="poisson", cov=cov) for cov in ("model", None)}
    assert found[None].n_passes <= found["model"].n_passes + 1
    np.testing.assert_allclose(found[None].deviance, found["model"].deviance, rtol=1e-12)


class counted:
    """Record (order, share of the rows) of every pass made over the user's X."""

    def __enter__(self):
        self.real, passes = Deviance._pass, []

        def record(objective, beta, order, *more):
            if objective.source.p:
                passes.append((order, objective.source.rows_read / objective.source.n_rows))
            return self.real(objective, beta, order, *more)

        def approach(objective, beta, steps):
            near = self.compiled(objective, beta, steps)
            passes.extend([(2, objective.share)] * steps.passes)
            return near

        self.compiled = Deviance.approach
        Deviance._pass, Deviance.approach = record, approach
        return passes

    def __exit__(self, *exc):
        Deviance._pass, Deviance.approach = self.real, self.compiled


@pytest.mark.parametrize("solver", fastglm.solvers.names(exact=True))
@pytest.mark.parametrize("n", [500, 60_000])
def test_the_number_of_passes_is_the_number_of_passes(n, solver):
    data, options = draw("poisson", n=n)
    with counted() as passes:
        result = fastglm.fit(data.X, data.y, solver=solver, **options)
    assert result.n_passes == pytest.approx(sum(share for _, share in passes), abs=0.002)


@pytest.mark.parametrize("columns", [20, 140])  # whose curvature is summed by tiles, and by BLAS
def test_steps_in_compiled_code_are_newton_s(columns):
    """Each distance is at most the square of the one before."""
    rng = np.random.default_rng(columns)
    X, y = rng.normal(size=(600, columns)), rng.poisson(1.5, 600).astype(float)
    result = fastglm.fit(X, y, family="poisson")
    distances = [row["distance"] for row in result.history if row["distance"] > 1e-12]
    assert distances[-1] < 1e-6
    assert all(after < before**2 for before, after in zip(distances[1:], distances[2:], strict=False) if before < 1)
