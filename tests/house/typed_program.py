"""The README's code as a program with types: it is run, and checked by mypy and pyright, in ``test_types``.

``assert_type`` says what a checker must take a value for; an ignored line is one in which it must find a mistake.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

import fastglm
from fastglm.inference.wald import Prediction
from fastglm.postestimation.row_answers import Written

if TYPE_CHECKING:
    from typing_extensions import assert_type
else:

    def assert_type(value, kind):
        return value


Array = NDArray[np.float64]


def quick_start(rng: np.random.Generator, n: int) -> tuple[Array, NDArray[np.int64], Array]:
    X = np.column_stack([rng.uniform(18, 80, n), rng.gamma(4, 25, n)])
    years = rng.uniform(0.1, 1, n)
    claims = rng.poisson(years * np.exp(-2 - 0.02 * X[:, 0] + 0.005 * X[:, 1]))
    result = fastglm.fit(X, claims, family="poisson", exposure=years, names=["age", "power"])
    assert_type(result, fastglm.GLMResult)
    assert_type(result.summary().as_text(), str)
    assert_type(result.params, Array)
    assert_type(result.bse, Array)
    assert_type(result.pvalues, Array)
    assert_type(result.conf_int(0.9)[:, 0], Array)
    assert_type(result.deviance, float)
    assert_type(result.aic, float)
    assert_type(result.names, tuple[str, ...])
    assert_type(result.family.name, str)
    assert_type(result.converged, bool)

    age_30_and_60 = [[30, 100], [60, 100]]
    assert_type(result.predict(age_30_and_60, exposure=1), Array)
    rate = result.predict(age_30_and_60, exposure=1, interval="mean", level=0.9)
    assert_type(rate, Prediction)
    assert_type(rate.lower.round(4), Array)
    assert_type(result.with_cov("HC3", X, claims, exposure=years), fastglm.GLMResult)
    assert_type(result.score(X, claims, exposure=years).d2, float)
    assert_type(result.residuals(X, claims, exposure=years), Array)
    assert_type(result.influence(X, claims, exposure=years).hat, Array)
    again = fastglm.fit(X, claims, family=result.family, link=fastglm.links.Log(), exposure=years, cov="robust")
    print(fastglm.etable([result, again], format="markdown"))
    return X, claims, years


def of_files(X: Array, claims: NDArray[np.int64], folder: Path) -> None:
    data = folder / "claims.csv"
    np.savetxt(data, np.column_stack([claims, X]), delimiter=",", header="claims,age,power", comments="")
    plan = fastglm.plan("claims ~ age", data, family="poisson")
    assert_type(plan.passes, float)
    fit = fastglm.glm("claims ~ age + log(power)", data, family="poisson", missing="drop")
    assert_type(fit, fastglm.GLMResult)
    assert_type(fit.predict(str(data), out=folder / "predicted.parquet", interval="mean"), Written)
    fit.save(folder / "model.json")
    assert_type(fastglm.load(folder / "model.json"), fastglm.GLMResult)
    fastglm.glm("claims ~ age", data, family="poisson", cov={"cluster": "power", "correction": False})


def stream(X: Array, claims: NDArray[np.int64], years: Array, folder: Path) -> None:
    model = fastglm.OnlineGLM(family="poisson")
    for rows in np.array_split(np.arange(len(X)), 4):
        model = model.partial_fit(X[rows], claims[rows], exposure=years[rows])
    model.save(folder / "stream.npz")
    assert_type(fastglm.OnlineGLM.load(folder / "stream.npz").merge(model), fastglm.OnlineGLM)
    assert_type(model.result(), fastglm.GLMResult)


def classes(X: Array, rng: np.random.Generator) -> None:
    kind = np.array(["bike", "car", "van"])[np.digitize(X[:, 0] - 50 + rng.normal(0, 20, len(X)), [-10, 15])]
    softmax = fastglm.fit(X, kind, family="multinomial", names=["age", "power"])
    assert_type(softmax, fastglm.MultinomialResult)
    assert_type(softmax.contrast_classes, tuple[Any, ...])
    assert_type(softmax.predict(X[:3], kind="class"), NDArray[Any])
    assert_type(softmax.predict_proba(X[:3]), Array)
    relevelled = fastglm.fit(X, kind, family=fastglm.families.Multinomial("car")).relevel("van")
    assert_type(relevelled.coef_full, Array)


def descent(X: Array, y: NDArray[np.int64]) -> None:
    sgd = fastglm.solvers.SGD(method="saga", rate="auto", epochs=100, seed=1)
    assert_type(fastglm.fit(X, y, family="poisson", solver=sgd, cov=None), fastglm.GLMResult)
    fastglm.fit(X, y, family=fastglm.families.Tweedie(1.5), solver=fastglm.solvers.Newton(tol=1e-6))
    network = fastglm.nn.MLP((4,), family="poisson", seed=1).fit(X, y, solver=fastglm.solvers.SGD(epochs=2))
    assert_type(network.coefs, list[Array])


def penalised(X: Array, y: NDArray[np.int64]) -> None:
    lasso = fastglm.fit(X, y, family="poisson", penalty=fastglm.penalties.Lasso(0.1, positive=True))
    assert_type(lasso.edf, float | None)
    assert_type(fastglm.debiased(lasso, X, y).conf_int(), Array)
    grouped = fastglm.penalties.GroupLasso(groups=[0, 0])
    assert_type(fastglm.path(X, y, family="poisson", penalty=grouped, lambdas=3).params, Array)
    assert_type(fastglm.stability_selection(X, y, pairs=1, lambdas=3).selected(), tuple[str, ...])
    ridge = fastglm.fit(X, y, family="poisson", penalty={"ridge": 0.1}, cov="bayesian")
    assert_type(ridge.bse, Array)


def arrays() -> None:
    data = fastglm.simulate.make_glm("binomial", 100, 2, seed=1)
    assert_type(data.params, Array)
    assert_type(fastglm.special.sigmoid(data.X @ data.beta), Any)
    assert_type(fastglm.special.softmax(np.zeros((2, 3), np.float32)), NDArray[np.float32])
    assert_type(fastglm.get_threads(), int)


def other_spellings(X: Array, y: NDArray[np.int64]) -> None:
    import fastglm.statsmodels as sm
    from fastglm.sklearn import GLMRegressor

    fit = sm.GLM(y, sm.add_constant(X), family=sm.families.Poisson()).fit()
    assert_type(fit, sm.GLMResults)
    print(fit.summary())
    estimator = GLMRegressor("poisson", solver="newton").fit(X, y)
    assert_type(estimator.result_, fastglm.GLMResult)
    assert_type(estimator.predict(X[:2]), Array)


def mistakes(result: fastglm.GLMResult, X: Array, y: Array) -> None:
    fastglm.fti(X, y)  # type: ignore[attr-defined]
    fastglm.fit(X, y, famly="poisson")  # type: ignore[call-overload]
    fastglm.fit(X, y, solver="nutn")  # type: ignore[call-overload]
    fastglm.fit(X, y, missing="dorp")  # type: ignore[call-overload]
    fastglm.fit(X, y, family=1.5)  # type: ignore[call-overload]
    result.predict(X, "lnik")  # type: ignore[call-overload]
    result.parms  # type: ignore[attr-defined]  # noqa: B018
    result.params = y  # type: ignore[misc]
    fastglm.families.Tweedie()  # type: ignore[call-arg]
    fastglm.solvers.SGD(rat=0.1)  # type: ignore[call-arg]


def main(folder: Path) -> None:
    rng = np.random.default_rng(7)
    X, claims, years = quick_start(rng, 2000)
    of_files(X, claims, folder)
    stream(X, claims, years, folder)
    classes(X, rng)
    descent(X, claims)
    penalised(X, claims)
    other_spellings(X, claims)
    arrays()
