"""Few rows of factors are read as columns of numbers; results are those of the columns, and of the levels."""

import numpy as np
import pandas as pd
import pytest

import fastglm
from fastglm.kernels.row_loops import FamilyLink
from fastglm.objective import few_rows
from fastglm.objective.few_rows import as_columns
from fastglm.rows import FitRequest, open_rows

N = 600


@pytest.fixture(scope="module")
def data():
    rng = np.random.default_rng(0)
    frame = pd.DataFrame({"a": rng.choice(list("pqrs"), N), "b": rng.choice(["u", "v"], N), "x": rng.normal(size=N)})
    frame["y"] = rng.poisson(np.exp(0.3 * frame.x + 0.2 * (frame.a == "q")))
    frame["event"] = (frame.y > 0) * 1.0
    return frame


def opened(formula, data, family="poisson"):
    """The rows of a formula, and their family and link."""
    request = FitRequest(data=data, formula=formula, family=family)
    return open_rows(request)[1], FamilyLink(request.family, request.link)


@pytest.mark.parametrize("formula", ["y ~ a + x", "y ~ C(a, Sum) * x", "y ~ a:b + x", "y ~ C(a, Helmert) + b:x"])
def test_a_fit_is_that_of_the_levels(formula, data, monkeypatch):
    as_numbers = fastglm.glm(formula, data, family="poisson", cov="HC1")
    with monkeypatch.context() as patch:
        patch.setattr(few_rows, "MOST_NUMBERS", 0)
        as_levels = fastglm.glm(formula, data, family="poisson", cov="HC1")
    assert as_numbers.names == as_levels.names and as_numbers.aliased == as_levels.aliased
    for name in ("params", "bse", "llf", "null_deviance", "deviance"):
        np.testing.assert_allclose(getattr(as_numbers, name), getattr(as_levels, name), rtol=1e-10)


@pytest.mark.parametrize("rows, formula, read", [
    (N, "y ~ a + x", True),
    (N, "y ~ x", False),  # there are no levels
    (N, "y ~ 0 + a", False),  # the null model's constant is looked for among numbers
    (100 * N, "y ~ a + x", False),
])  # fmt: skip
def test_which_rows_are_read_as_numbers(rows, formula, read, data):
    data = pd.concat([data] * (rows // N), ignore_index=True)
    source, pair = opened(formula, data)
    found = as_columns(source, pair)
    assert (found is not source) == read
    if read:
        assert not found.data.terms and found.n_columns == source.n_columns == found.data.X.shape[1] + 1
        assert source.data.terms


def test_levels_without_a_finite_estimate_stay_levels(data):
    data = data.assign(event=data.event.where(data.a != "s", 0.0), y=data.y.where(data.a != "s", 0))
    for formula, family in (("event ~ a + x", "binomial"), ("y ~ a + x", "poisson")):
        source, pair = opened(formula, data, family)
        assert as_columns(source, pair) is source
    source, pair = opened("y ~ a + x", data, "gaussian")
    assert as_columns(source, pair) is not source
