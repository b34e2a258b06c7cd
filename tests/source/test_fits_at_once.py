"""Fits in several threads of one process: none waits for another one's pass, and children forked meanwhile go on."""

import functools
import multiprocessing
import threading
from pathlib import Path

import numpy as np
import pytest

import fastglm
from fastglm.core.lazy import cached_property
from fastglm.matrix import Categorical, Split
from fastglm.objective import levels
from fastglm.objective.base import Deviance
from fastglm.source import threads

GUARD = 120  # seconds after which something that hangs is given up
N = 60_000  # enough for three threads


def data():
    rng = np.random.default_rng(0)
    x, codes = rng.normal(size=(N, 2)), rng.integers(0, 5, N)
    return Split([x, Categorical(codes, 5)]), rng.poisson(np.exp(0.2 * x[:, 0] - 0.1 * codes)) * 1.0


def fitted(n):
    X, y = data()
    return fastglm.fit(X, y, family="poisson", threads=n, intercept=False)


class Held:
    """A fit in a thread of its own all of whose n threads stop in a pass until they are let go."""

    def __init__(self, monkeypatch, n):
        self.inside, self.go, self.stopped = threading.Event(), threading.Event(), 0
        self.thread, lock, plain = threading.Thread(target=self.run, args=(n,)), threading.Lock(), levels.LevelRows.of

        def of(task, part, runs):
            with lock:
                self.stopped += 1
                stops = self.stopped <= n
                if self.stopped == n:
                    self.inside.set()
            assert not stops or self.go.wait(GUARD)
            return plain(task, part, runs)

        monkeypatch.setattr(levels.LevelRows, "of", of)

    def run(self, n):
        self.result = fitted(n)

    def __enter__(self):
        self.thread.start()
        assert self.inside.wait(GUARD)

    def __exit__(self, *exc):
        self.go.set()
        self.thread.join()


def answer_of_another(n):
    """The fit of another thread, while the first one is held."""
    found = []
    other = threading.Thread(target=lambda: found.append(fitted(n)), daemon=True)
    other.start()
    other.join(GUARD)
    assert found, "it waited for the pass of another fit"
    return found[0].params


@pytest.mark.parametrize("n", [1, 2, 3])
def test_no_fit_waits_for_another(monkeypatch, n):
    whole = fitted(1).params
    held = Held(monkeypatch, n)
    with held:
        assert np.array_equal(answer_of_another(n), whole)
    assert np.array_equal(held.result.params, whole)


def _child(queue):
    queue.put(fitted(1).params)


@pytest.mark.skipif("fork" not in multiprocessing.get_all_start_methods(), reason="no fork on this system")
@pytest.mark.filterwarnings("ignore:This process .* is multi-threaded:DeprecationWarning")
def test_a_child_that_is_forked_during_a_pass(monkeypatch):
    whole = fitted(1).params
    context = multiprocessing.get_context("fork")
    queue = context.Queue()
    with Held(monkeypatch, 1):
        child = context.Process(target=_child, args=(queue,))
        child.start()
        try:
            assert np.array_equal(queue.get(timeout=GUARD), whole)
        finally:
            child.join(5)
            child.kill()


def test_nothing_is_computed_under_the_lock_of_functools():
    package = Path(fastglm.__file__).parent
    users = [path.name for path in package.rglob("*.py") if "functools import cached_property" in path.read_text()]
    assert users == []
    for kind in (Deviance, type(fitted(1)), *Deviance.__mro__):
        assert not any(isinstance(v, functools.cached_property) for v in vars(kind).values())


def test_attributes_that_are_computed_once():
    class Thing:
        calls = 0

        @cached_property
        def value(self):
            """What it is."""
            self.calls += 1
            return [self.calls]

    thing = Thing()
    assert thing.value is thing.value and thing.calls == 1 and Thing.value.__doc__ == "What it is."
    assert "value" in vars(thing)


@pytest.mark.parametrize("n", [1, 2, 4])
def test_the_first_error_is_raised(n):
    def f(i):
        if i in (3, 5):
            raise ValueError(i)
        return i * i

    assert threads.mapped(n, f, range(3)) == [0, 1, 4]
    for _ in range(20):
        with pytest.raises(ValueError, match="3"):
            threads.mapped(n, f, range(9))
