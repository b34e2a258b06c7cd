"""Every solver and family at a moderate size: ``python -m pytest benchmarks --benchmark-only``."""

from __future__ import annotations

from functools import cache

import pytest

from fastglm.simulate import make_glm

fastglm = pytest.importorskip("fastglm.fitting.entry", reason="the fitting core is not built")
pytest.importorskip("pytest_benchmark")

FAMILIES = ("gaussian", "binomial", "poisson", "gamma")


def _solvers():
    try:
        from fastglm import solvers

        return tuple(solvers.names())
    except (ImportError, AttributeError):
        return ("auto", "newton")


@cache
def _data(family):
    return make_glm(family, 100_000, 10, link="log" if family == "gamma" else None, seed=5)


@pytest.mark.parametrize("family", FAMILIES)
@pytest.mark.parametrize("solver", _solvers())
def test_fit(benchmark, solver, family):
    data = _data(family)

    def fit():
        return fastglm.fit(data.X, data.y, family=data.family, link=data.link, solver=solver)

    try:
        fit()  # compile before the clock starts
    except ValueError as error:
        pytest.skip(f"{solver} does not fit {family}: {error}")
    result = benchmark.pedantic(fit, rounds=5, warmup_rounds=1)
    benchmark.extra_info.update(passes=float(result.n_passes), converged=bool(result.converged))
    assert abs(result.params[1:] - data.beta).max() < 0.1
