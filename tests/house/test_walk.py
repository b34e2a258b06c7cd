"""The way of a vector from ``fit`` to the kernels goes down through the rooms; what climbs again is counted."""

import sys
from collections import Counter
from pathlib import Path

import numpy as np
import pytest
from test_imports import ROOMS

import fastglm

ROOT = Path(fastglm.__file__).parent
# what a lower room calls by a protocol: two tasks that are summed over rows, and the dispersion of a model
CLIMBS = {
    ("source.in_memory", "objective.response_sums"),
    ("source.in_memory", "objective.passes"),
    ("solver.newton", "fitting.run"),
}


def reaches(value, target, depth=3):
    """Whether a value is an array, a view of it, or something that holds it."""
    if isinstance(value, np.ndarray):
        return value is target or value.base is target
    if depth == 0:
        return False
    if isinstance(value, dict):
        return any(reaches(v, target, depth - 1) for v in value.values())
    if isinstance(value, (tuple, list)):
        return len(value) < 40 and any(reaches(v, target, depth - 1) for v in value)
    ours = type(value).__module__.startswith("fastglm") and hasattr(value, "__dict__")
    return ours and any(reaches(v, target, depth - 1) for v in vars(value).values())


def module(frame):
    """The module of a frame inside the package, or None."""
    path = Path(frame.f_code.co_filename)
    return ".".join(path.relative_to(ROOT).with_suffix("").parts) if path.is_relative_to(ROOT) else None


def followed(target, run):
    """(calling module, called module) of every call that receives an array, and how often."""
    calls = Counter()

    def watch(frame, event, _):
        if event == "call" and module(frame) and any(reaches(v, target) for v in list(frame.f_locals.values())):
            caller = frame.f_back
            while caller is not None and module(caller) is None:
                caller = caller.f_back
            if caller is not None:
                calls[module(caller), module(frame)] += 1

    sys.setprofile(watch)
    try:
        run()
    finally:
        sys.setprofile(None)
    return calls


@pytest.mark.parametrize("followed_array", ["weights", "X"])
def test_a_vector_goes_down_to_the_kernels(followed_array):
    rng = np.random.default_rng(0)
    X, weights = rng.normal(size=(3000, 4)), rng.uniform(1.0, 2.0, 3000)
    y = rng.poisson(1.0, 3000).astype(float)

    def run():
        fastglm.fit(X, y, family="poisson", weights=weights)

    run()  # what is compiled or imported at first use is not followed
    calls = followed(weights if followed_array == "weights" else X, run)
    order = {name: place for place, name in enumerate(ROOMS)}
    climbs = {pair for pair in calls if order[pair[1].split(".")[0]] > order[pair[0].split(".")[0]]}
    assert len(calls) > 10 and climbs <= CLIMBS
