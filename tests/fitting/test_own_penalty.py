"""Penalties from outside: a matrix, or a value and a proximal step, beside the library's own and at their optima."""

from typing import Any, NamedTuple

import numpy as np
import pytest
from registries import restored

import fastglm
from fastglm import penalties
from fastglm.errors import InvalidParameterError
from fastglm.penalties import GroupLasso, Lasso, Ridge

RNG = np.random.default_rng(2)
X = RNG.normal(size=(300, 6)) * [1, 2, 0.3, 1, 5, 1]
ETA = 0.4 * X[:, 0] + 0.1 * X[:, 4]
RESPONSES = {
    "gaussian": ETA + RNG.normal(size=300),
    "poisson": RNG.poisson(np.exp(ETA)),
    "binomial": (RNG.random(300) < 1 / (1 + np.exp(-ETA))).astype(float),
    "multinomial": np.digitize(ETA + RNG.normal(size=300), [-0.5, 0.5]),
}


@pytest.fixture
def own():
    """The classes that a user writes, by their names."""
    with restored():

        @penalties.penalty("length")
        class Length(NamedTuple):
            """The Euclidean norm of all coefficients."""

            lam: float | None = None

            def value(self, b):
                return np.sqrt(b @ b)

            def prox(self, b, size):
                length = np.sqrt(b @ b)
                return b * max(1.0 - size / length, 0.0) if length > 0.0 else b

        @penalties.penalty("absolute values")
        class Absolute(NamedTuple):
            """The lasso again."""

            lam: float | None = None
            scale: bool = True

            def value(self, b):
                return np.abs(b).sum()

            def prox(self, b, size):
                return np.sign(b) * np.maximum(np.abs(b) - size, 0.0)

        @penalties.penalty("sorted")
        class Sorted(NamedTuple):
            """SLOPE (Bogdan et al. 2015): the largest coefficients have the largest weights."""

            lam: float | None = None
            weights: Any = (2.0, 1.8, 1.5, 1.2, 1.0, 0.7)

            def value(self, b):
                return np.sort(np.abs(b))[::-1] @ np.asarray(self.weights)

            def prox(self, b, size):
                order = np.argsort(-np.abs(b), kind="stable")
                pools = []  # of neighbours that would not decrease
                for x in np.abs(b)[order] - size * np.asarray(self.weights):
                    pools.append((x, 1))
                    while len(pools) > 1 and pools[-2][0] <= pools[-1][0]:
                        (a, m), (c, k) = pools[-2:]
                        pools[-2:] = [((a * m + c * k) / (m + k), m + k)]
                flat = np.maximum(np.concatenate([np.full(k, x) for x, k in pools]), 0.0)
                out = np.empty(len(b))
                out[order] = flat
                return out * np.sign(b)

        @penalties.penalty("differences")
        class Differences(NamedTuple):
            """Squared first differences of neighbours."""

            lam: float | None = None

            def matrix(self, columns):
                D = np.diff(np.eye(len(columns.names)), axis=0)
                return D.T @ D

        yield {"Length": Length, "Absolute": Absolute, "Sorted": Sorted, "Differences": Differences}


@pytest.mark.parametrize("family", [f for f in RESPONSES if f != "multinomial"])
def test_a_proximal_step_gives_the_library_s_own(own, family):
    y = RESPONSES[family]
    for mine, ours in (
        (own["Length"](0.05), GroupLasso(0.05, [0] * 6, factors=1.0)),
        (own["Absolute"](0.05), Lasso(0.05)),
    ):
        found = fastglm.fit(X, y, family=family, penalty=mine)
        known = fastglm.fit(X, y, family=family, penalty=ours)
        assert found.converged and found.certificate < 1e-8
        np.testing.assert_allclose(found.params, known.params, rtol=1e-6, atol=1e-9)
        path = fastglm.path(X, y, family=family, penalty=mine._replace(lam=None), lambdas=4)
        wanted = fastglm.path(X, y, family=family, penalty=ours._replace(lam=None), lambdas=4)
        np.testing.assert_allclose(path.lambdas, wanted.lambdas, rtol=1e-8)
        np.testing.assert_allclose(path.params, wanted.params, rtol=1e-6, atol=1e-8)


@pytest.mark.parametrize("family", RESPONSES)
def test_a_penalty_that_the_library_has_not_got(own, family):
    """At the optimum of SLOPE any small change costs."""
    y, record = RESPONSES[family], own["Sorted"](0.03)
    result = fastglm.fit(X, y, family=family, penalty=record)
    assert result.converged and result.certificate < 1e-7
    if family != "gaussian":
        return
    sd = X.std(0)

    def value(beta):
        return 0.5 * np.mean((y - beta[0] - X @ beta[1:]) ** 2) + 0.03 * record.value(sd * beta[1:])

    best = value(result.params)
    for step in 1e-4 * RNG.normal(size=(50, 7)) / np.append(1.0, sd):
        assert value(result.params + step) > best


@pytest.mark.parametrize(
    ("P", "message"), [(-np.eye(6), "semidefinite"), (np.eye(5), "5 rows"), (np.ones(6), "square")]
)
def test_a_matrix_that_is_none(P, message):
    with restored():

        @penalties.penalty("wrong")
        class Wrong(NamedTuple):
            lam: float | None = None

            def matrix(self, columns):
                return P

        with pytest.raises(InvalidParameterError, match=message):
            fastglm.fit(X, RESPONSES["gaussian"], penalty=Wrong(0.1))


@pytest.mark.parametrize("family", RESPONSES)
def test_a_matrix_is_a_ridge_with_it(own, family):
    D = np.diff(np.eye(6), axis=0)
    mine, ours = own["Differences"](0.05), Ridge(0.05, P=D.T @ D)
    found, known = (fastglm.fit(X, RESPONSES[family], family=family, penalty=p) for p in (mine, ours))
    np.testing.assert_allclose(found.params, known.params, rtol=1e-8, atol=1e-11)
    assert found.edf == pytest.approx(known.edf) and found.converged
    chosen = fastglm.cv(X, RESPONSES[family], family=family, penalty=type(mine)(), lambdas=[0.5, 0.05], folds=3)
    assert chosen.best.penalty.lam in (0.5, 0.05)
    assert fastglm.fit(X, RESPONSES[family], family=family, penalty=mine, cov="bayesian").bse.min() > 0.0
