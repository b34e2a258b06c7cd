"""CONTRIBUTING.md adds eight things in ten lines each: each block is a file, and what it adds is compared."""

import importlib.util
import re
from pathlib import Path

import numpy as np
import pytest
from registries import restored

import fastglm

PAGE = (Path(__file__).parents[2] / "CONTRIBUTING.md").read_text()
# the title of each section with a block, and the block; the first are the imports
BLOCKS = dict(re.findall(r"^#+ ([^\n]*)\n(?:(?!^#).)*?```python\n(.*?)```", PAGE, re.M | re.S))
IMPORTS = BLOCKS.pop("Contributing")
RNG = np.random.default_rng(0)
N = 20_000
X = RNG.normal(size=(N, 2))
ETA = 0.3 + X @ [0.5, -0.2]
COUNTS = RNG.poisson(np.exp(ETA)).astype(float)


@pytest.fixture
def block(request, tmp_path):
    """The module that a section's block makes, its registrations undone in the end."""
    path = tmp_path / f"from_outside_{re.sub('[^a-z]', '_', request.param.lower())}.py"
    path.write_text(IMPORTS + "\n\n" + BLOCKS[request.param])
    spec = importlib.util.spec_from_file_location(path.stem, path)
    module = importlib.util.module_from_spec(spec)
    with restored():
        spec.loader.exec_module(module)
        yield module


def of(title):
    return pytest.mark.parametrize("block", [title], indirect=True)


def test_there_are_eight_of_ten_lines():
    assert len(BLOCKS) == 8
    for title, text in BLOCKS.items():
        lines = [line for line in text.splitlines() if line]
        assert len(lines) <= 10, title
        assert max(map(len, lines)) <= 120, title


@of("A family")
def test_the_family_is_a_negative_binomial_of_shape_one(block):
    y = RNG.geometric(1 / (1 + np.exp(ETA))) - 1.0
    mine = fastglm.fit(X, y, family="geometric")
    known = fastglm.fit(X, y, family=fastglm.families.NegativeBinomial(1.0))
    np.testing.assert_allclose(mine.params, known.params, atol=1e-8 * known.bse.min())
    np.testing.assert_allclose(mine.bse, known.bse, rtol=1e-8)


@of("A link")
def test_the_link_is_fitted_to_the_root_of_the_score(block):
    y = RNG.poisson(np.log1p(np.exp(1.0 + X @ [1.0, -0.5])))
    found = fastglm.fit(X, y, family="poisson", link="softplus")
    A = np.column_stack([np.ones(N), X])
    eta = A @ found.params
    mu, slope = np.logaddexp(0.0, eta), 1 / (1 + np.exp(-eta))
    V = np.linalg.inv((A * (slope**2 / mu)[:, None]).T @ A)
    np.testing.assert_allclose(found.bse, np.sqrt(V.diagonal()), rtol=1e-8)
    score = A.T @ ((y - mu) * slope / mu)
    assert float(score @ V @ score) ** 0.5 < 1e-7
    # the second derivative of the inverse, against differences of the first
    link, x, h = block.Softplus(), np.array([-3.0, 0.2, 4.0]), 1e-6
    numeric = [(link.slope(float(v + h)) - link.slope(float(v - h))) / (2 * h) for v in x]
    np.testing.assert_allclose([link.bend(float(v)) for v in x], numeric, rtol=1e-7)


@of("A solver")
@pytest.mark.parametrize("n", [300, N])
def test_the_solver_reaches_the_optimum(block, n):
    options = {"family": "poisson", "cov": "HC1"}
    found = fastglm.fit(X[:n], COUNTS[:n], solver="scoring", **options)
    exact = fastglm.fit(X[:n], COUNTS[:n], solver=fastglm.solvers.Newton(tol=1e-12), **options)
    assert found.converged and found.solver == "scoring"
    np.testing.assert_allclose(found.params, exact.params, atol=1e-7 * exact.bse.min())
    np.testing.assert_allclose(found.bse, exact.bse, rtol=1e-7)


@of("A covariance")
def test_the_covariance_is_the_inverse_of_the_sum_of_outer_products(block):
    A = np.column_stack([np.ones(N), X])
    for threads in (1, 2):
        found = fastglm.fit(X, COUNTS, family="poisson", cov="OPG", threads=threads)
        scores = A * (COUNTS - found.predict(X))[:, None]
        np.testing.assert_allclose(found.cov_params(), np.linalg.inv(scores.T @ scores), rtol=1e-8)
    aliased = fastglm.fit(np.column_stack([X, X.sum(1)]), COUNTS, family="poisson", cov="OPG")
    np.testing.assert_allclose(aliased.bse, [*found.bse, np.nan], rtol=1e-8)
    near = np.column_stack([X, X[:, 0] + 1e-6 * X[:, 1] ** 2])  # in coordinates of the design's triangle
    found = fastglm.fit(near, COUNTS, family="poisson", cov="OPG")
    scores = np.column_stack([A, near[:, 2]]) * (COUNTS - found.predict(near))[:, None]
    R = np.linalg.qr(scores)[1]
    np.testing.assert_allclose(found.bse, np.sqrt(np.square(np.linalg.inv(R)).sum(1)), rtol=1e-4)


@of("A penalty")
def test_the_penalty_moves_the_optimum(block):
    waves = np.sin(np.outer(RNG.random(N), np.arange(1, 8)))
    P = np.diff(np.eye(7), 2, axis=0).T @ np.diff(np.eye(7), 2, axis=0)
    for penalty in (block.Roughness(0.01), {"roughness": 0.01}):
        result = fastglm.fit(waves, COUNTS, penalty=penalty, intercept=False)
        closed = np.linalg.solve(waves.T @ waves / N + 0.01 * P, waves.T @ COUNTS / N)
        np.testing.assert_allclose(result.params, closed, rtol=1e-8)
        assert result.converged and result.certificate < 1e-8 and result.penalty.lam == 0.01
    path = fastglm.path(X, COUNTS, family="poisson", penalty=block.Roughness(), lambdas=[0.1, 0.01])
    wanted = fastglm.fit(X, COUNTS, family="poisson", penalty=fastglm.penalties.Ridge(0.01, P=np.zeros((2, 2))))
    np.testing.assert_allclose(path.params[1], wanted.params, rtol=1e-8)  # two columns have no second difference


@of("A storage")
def test_the_storage_gives_the_numbers_of_the_array(block):
    rows = block.Records([{"a": a, "b": b, "y": y} for (a, b), y in zip(X[:500].tolist(), COUNTS[:500], strict=True)])
    exact = fastglm.fit(X[:500], COUNTS[:500], family="poisson")
    for found in (fastglm.fit(rows, "y", family="poisson"), fastglm.glm("y ~ a + b", rows, family="poisson")):
        np.testing.assert_allclose(found.params, exact.params, rtol=1e-13)
        np.testing.assert_allclose(found.predict(rows), exact.predict(X[:500]), rtol=1e-13)
        np.testing.assert_allclose(found.residuals(data=rows), exact.residuals(X[:500], COUNTS[:500]), rtol=1e-12)
        robust = exact.with_cov("HC1", X[:500], COUNTS[:500])
        np.testing.assert_allclose(found.with_cov("HC1", data=rows).bse, robust.bse, rtol=1e-12)
    assert fastglm.plan("y ~ a + b", rows, family="poisson").columns == 3


@of("An engine")
def test_the_engine_gives_the_bits_of_threads(block):
    here = fastglm.fit(X, COUNTS, family="poisson", cov="HC1", threads=2)
    found = fastglm.fit(X, COUNTS, family="poisson", cov="HC1", client=block.Serial())
    np.testing.assert_array_equal(found.params, here.params)
    np.testing.assert_array_equal(found.bse, here.bse)


@of("A verb of a result")
def test_the_verb_answers_for_every_storage(block, tmp_path):
    pd = pytest.importorskip("pandas")
    years = RNG.uniform(0.5, 2.0, N)
    level = np.array(["u", "v", "w"])[RNG.integers(3, size=N)]
    frame = pd.DataFrame({"a": X[:, 0], "level": level, "years": years, "y": RNG.poisson(years * np.exp(ETA))})
    result = fastglm.glm("y ~ a + level + exposure(years)", frame, family="poisson")
    wanted = np.abs(frame["y"] - result.predict(frame)).mean()
    assert block.mean_absolute_error(result, frame) == pytest.approx(wanted, rel=1e-12)
    pytest.importorskip("pyarrow")
    frame.to_parquet(tmp_path / "rows.parquet", row_group_size=7_000)
    assert block.mean_absolute_error(result, tmp_path / "rows.parquet") == pytest.approx(wanted, rel=1e-12)
    arrays = fastglm.fit(X, COUNTS, family="poisson")
    wanted = np.abs(COUNTS - arrays.predict(X)).mean()
    assert block.mean_absolute_error(arrays, X, COUNTS) == pytest.approx(wanted, rel=1e-12)
