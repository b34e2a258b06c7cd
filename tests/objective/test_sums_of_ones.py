"""Rows of weight one, which NumPy sums, against the loop that sums weighted rows."""

import numpy as np
import pytest

from fastglm.errors import InvalidParameterError
from fastglm.families import get as get_family
from fastglm.kernels.row_loops import FamilyLink
from fastglm.links import get as get_link
from fastglm.objective.response_sums import validate_response
from fastglm.source.base import Block
from fastglm.source.in_memory import InMemory

N = 10_000
FAMILIES = {
    "binomial": lambda rng: rng.integers(0, 2, N) * 1.0,
    "poisson": lambda rng: rng.poisson(1.5, N) * 1.0,
    "negative counts": lambda rng: rng.integers(-1, 3, N) * 1.0,
    "many counts": lambda rng: rng.poisson(1.5, N) * 400.0,
    "shares of counts": lambda rng: rng.poisson(1.5, N) + 0.5 * (rng.random(N) < 0.1),
    "gaussian": lambda rng: rng.normal(size=N),
}
SPOILT = {"nothing": None, "y": np.nan, "y ": np.inf, "offset": np.nan, "offset ": np.inf, "exposure": 0.0}


def answer(family, link, vectors, weights):
    source = InMemory(
        Block(np.zeros((N, 1)), True, vectors["y"], weights, None, vectors["offset"], vectors["exposure"]), 2
    )
    try:
        return validate_response(source, FamilyLink(family, link))
    except (InvalidParameterError, ValueError) as error:
        return str(error)


@pytest.mark.parametrize("shifted", [False, True])
@pytest.mark.parametrize("spoilt", SPOILT)
@pytest.mark.parametrize("kind", FAMILIES)
def test_numpy_sums_what_the_loop_sums(kind, spoilt, shifted):
    rng = np.random.default_rng(0)
    family = get_family(kind if kind in ("binomial", "gaussian") else "poisson")
    vectors = {"y": FAMILIES[kind](rng), "offset": None, "exposure": None}
    if shifted:
        vectors |= {"offset": rng.normal(size=N), "exposure": 0.1 + rng.random(N)}
    name = spoilt.strip()
    if spoilt != "nothing" and vectors[name] is not None:
        vectors[name][7] = SPOILT[spoilt]
    found, known = (answer(family, get_link(family.canonical), vectors, w) for w in (None, np.ones(N)))
    assert type(found) is type(known)
    if isinstance(found, str):
        assert found == known
    else:
        np.testing.assert_allclose(found, known, rtol=1e-12)
