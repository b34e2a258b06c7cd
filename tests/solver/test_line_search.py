"""Deviances along a step are those of passes at each size, and a search by them reads the rows a few times only."""

import numpy as np
import pytest

from fastglm import families, links
from fastglm.kernels.row_loops import FamilyLink
from fastglm.linalg.symmetric import Dense
from fastglm.matrix import Categorical
from fastglm.objective.base import Deviance
from fastglm.objective.compression import Compressed, compress
from fastglm.objective.penalised import Penalised
from fastglm.objective.penalty import QuadraticPenalty
from fastglm.objective.softmax import CrossEntropy
from fastglm.solver.newton import search
from fastglm.source.chunked import Chunked, Chunks
from fastglm.source.in_memory import Block, InMemory
from fastglm.source.pieces import Parts

N, SIZES = 9000, np.exp2(-np.arange(12.0))
RNG = np.random.default_rng(8)
NAMES = ("x", "a", "b", "c")


@pytest.fixture(autouse=True)
def quiet():
    """Fits look at what over- or underflows, and do not warn."""
    with np.errstate(all="ignore"):
        yield


def block(family="poisson", terms=True, rounded=False):
    x = RNG.normal(size=(N, 1)).round(0 if rounded else 9)
    y = {"poisson": RNG.poisson(2.0, N), "binomial": RNG.integers(0, 2, N), "classes": RNG.integers(0, 3, N)}[family]
    w = RNG.integers(0, 3, N).astype(float)
    columns = (Categorical(RNG.integers(0, 3, N), 3),) if terms else ()
    return Block(x, not terms, y.astype(float), w, None, 0.1 * RNG.normal(size=N) if not rounded else None, None,
                 NAMES[: 1 + 3 * terms], columns)  # fmt: skip


POISSON = FamilyLink(families.Poisson(), links.Log())
LOGIT = FamilyLink(families.Binomial(), links.Logit())


def compressed():
    data = block("binomial", terms=False, rounded=True)
    return Compressed(compress(data, pair=LOGIT, most=1.0), LOGIT, 1)


def ridge():
    objective = Deviance(InMemory(block(), 1), POISSON)
    m = objective.n_params
    P = np.eye(m) + 0.3
    return Penalised(objective, QuadraticPenalty(Dense(P), np.ones(m), np.arange(m) / m))


OBJECTIVES = {
    "columns": lambda: Deviance(InMemory(block(terms=False), 1), POISSON),
    "factors, two threads": lambda: Deviance(InMemory(block(), 2), POISSON),
    "rows read again": lambda: Deviance(Chunked(Chunks(Parts([block(terms=False)])), 1), POISSON),
    "a sample": lambda: Deviance(InMemory(block(), 1), POISSON).sample(2000),
    "classes": lambda: CrossEntropy(InMemory(block("classes"), 1), 3),
    "cells": compressed,
    "a quadratic": ridge,
}


@pytest.mark.parametrize("kind", OBJECTIVES)
def test_deviances_along_a_step_are_those_of_passes(kind):
    objective = OBJECTIVES[kind]()
    beta, step = 0.3 * RNG.normal(size=(2, objective.n_params))
    passes = objective.n_passes
    found = objective.along(beta, 4.0 * step, SIZES)
    cost = objective.n_passes - passes
    each = [objective.at(beta + t * 4.0 * step, 0).deviance for t in SIZES]
    np.testing.assert_allclose(found, each, rtol=1e-12)
    assert objective.n_passes - passes - cost == pytest.approx(len(SIZES) * cost)


def test_sizes_beyond_the_range_are_not_numbers():
    data = block(terms=False)
    objective = Deviance(InMemory(data._replace(y=data.y + 1.0), 1), FamilyLink(families.Poisson(), links.Identity()))
    beta, step = np.array([10.0, 0.0]), np.array([-80.0, 0.0])
    found = objective.along(beta, step, SIZES)
    each = [objective.at(beta + t * step, 0).deviance for t in SIZES]
    np.testing.assert_array_equal(np.isfinite(found), np.isfinite(each))
    assert not np.isfinite(found[0]) and np.isfinite(found[-1])
    np.testing.assert_allclose(found[np.isfinite(found)], np.array(each)[np.isfinite(each)], rtol=1e-12)


def plain_search(objective, beta, step, gain, q, tries):
    """A pass for each size: the first at which the deviance falls enough."""
    noise = 1e-11 * abs(q.deviance) + 1e-300
    for k in range(tries):
        t = 0.5**k
        new = objective.at(beta + t * step, 1)
        if new.finite and new.deviance <= q.deviance - (0.0 if gain * t <= noise else 1e-4 * t * gain) + noise:
            return t
    return None


@pytest.mark.parametrize("factor, passes", [(1.0, 1), (6.0, 4), (30.0, 4), (900.0, 4), (3e5, 5)])
@pytest.mark.parametrize("reading", [0.0, 40.0])
def test_the_size_is_that_of_a_pass_for_each(factor, passes, reading):
    objective = Deviance(InMemory(block(terms=False), 1), POISSON)
    beta = np.zeros(2)
    q = objective.at(beta, 2)
    step = factor * np.linalg.solve(q.information.toarray(), q.score)
    gain = float(q.score @ step)
    objective.source.cost = reading
    expected = plain_search(objective, beta, step, gain, q, 40)
    before = objective.n_passes
    size, found, new, _ = search(objective, beta, step, gain, q, 1, 40)
    assert size == expected and (objective.n_passes - before <= passes or not reading)
    np.testing.assert_array_equal(found, beta + size * step)
    assert new.deviance == objective.at(found, 1).deviance < q.deviance


def test_a_direction_along_which_nothing_falls_is_given_up_after_few_passes():
    objective = Deviance(InMemory(block(terms=False), 1), POISSON)
    q = objective.at(np.zeros(2), 1)
    objective.source.cost = 40.0
    before = objective.n_passes
    _, beta, new, blocked = search(objective, np.zeros(2), -q.score, 1e9, q, 2, 40)
    assert new is None and not beta.any() and objective.n_passes - before <= 6
