"""Newton steps in compiled code, whose passes threads share: the same bits for any number of them, also late ones."""

import threading

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import fastglm
from fastglm.objective.passes import MOST_STEP_UNITS, SUMMED_ROWS, step_units
from fastglm.source.threads import pool

SIZES = [(700, 3), (9_000, 4), (20_000, 20), (60_000, 3)]  # one block; units; the steps of a sample, of few columns too


def problem(n, p, order="C"):
    rng = np.random.default_rng(n)
    X = np.asarray(rng.normal(size=(n, p)), order=order)
    return X, rng.poisson(np.exp(0.3 * X[:, 0] - 0.2 * X[:, 1])).astype(float)


def bits(result):
    history = [(row["deviance"], row["distance"], row["passes"]) for row in result.history]
    return result.params.tobytes(), result.bse.tobytes(), result.deviance, history


@pytest.mark.parametrize("order", ["C", "F"])
@pytest.mark.parametrize("n, p", SIZES)
def test_threads_change_no_bit(n, p, order):
    X, y = problem(n, p, order)
    alone = bits(fastglm.fit(X, y, family="poisson", threads=1))
    for threads in [2, 3, 8] * 5:
        assert bits(fastglm.fit(X, y, family="poisson", threads=threads)) == alone


def test_fits_at_the_same_time_do_not_wait_for_each_other():
    X, y = problem(20_000, 20)
    alone, found = bits(fastglm.fit(X, y, family="poisson", threads=1)), []
    fits = [
        threading.Thread(target=lambda: found.append(bits(fastglm.fit(X, y, family="poisson", threads=2))))
        for _ in range(6)
    ]
    for fit in fits:
        fit.start()
    for fit in fits:
        fit.join()
    assert found == [alone] * 6


def test_a_thread_that_never_comes_is_not_waited_for():
    X, y = problem(20_000, 20)
    alone, free, threads = bits(fastglm.fit(X, y, family="poisson", threads=1)), threading.Event(), 5
    held = [pool(threads).submit(free.wait) for _ in range(threads)]
    try:
        assert bits(fastglm.fit(X, y, family="poisson", threads=threads)) == alone
    finally:
        free.set()
    assert all(future.result() for future in held)


class Rows:
    """What ``step_units`` looks at of a source."""

    def __init__(self, units, block):
        self.units, self.block = units, block
        self.rows_read = sum(int((unit[:, 1] - unit[:, 0]).sum()) for unit in units)


@settings(max_examples=200, deadline=None)
@given(st.lists(st.lists(st.integers(1, 900), min_size=1, max_size=6), min_size=1, max_size=5),
       st.integers(1, 1024), st.integers(1, 60))  # fmt: skip
def test_every_row_is_in_one_unit(lengths, block, m):
    units, first = [], 0
    for unit in lengths:
        edges = first + np.cumsum([0, *unit])
        units.append(np.column_stack([edges[:-1], edges[1:]]))
        first = int(edges[-1])
    runs, ends = step_units(Rows(units, block), m)
    rows = np.concatenate([np.arange(a, b) for a, b in runs])
    assert np.array_equal(rows, np.arange(first))
    assert ends[-1] == len(runs) and np.all(np.diff(ends) > 0) and ends[0] > 0
    assert len(ends) <= max(1, min(MOST_STEP_UNITS, first // (SUMMED_ROWS * m)))
