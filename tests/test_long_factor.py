"""A factor of very many levels: its fit by parts is the fit of the whole matrix."""

import numpy as np
import pandas as pd
import pytest

import fastglm
from fastglm.design import layout
from fastglm.solver import bordered


@pytest.fixture(scope="module")
def frame():
    rng = np.random.default_rng(0)
    n = 20_000
    f = pd.DataFrame({"x": rng.normal(size=n), "s": rng.choice(list("abc"), n)})
    f["g"] = pd.Categorical(rng.integers(0, 900, n).astype(str))
    f["w"] = rng.integers(1, 4, n)
    f["y"] = rng.poisson(np.exp(0.2 * f.x)) + (rng.random(n) < 0.05) * 4.0
    return f


@pytest.mark.parametrize("cov", ["model", "robust"])
def test_by_parts_and_whole(frame, cov, monkeypatch, tmp_path):
    monkeypatch.setattr(layout, "LONG", 500)

    def fitted(largest):
        monkeypatch.setattr(bordered, "LARGEST", largest)
        return fastglm.glm("y ~ x + s + g", frame, family="poisson", weights="w", cov=cov)

    whole, parts = fitted(10**6), fitted(10)
    full, some = whole.cov_params(), parts.cov_params()
    assert isinstance(full, np.ndarray) and isinstance(some, bordered.BorderedInverse)
    np.testing.assert_allclose(parts.bse, whole.bse, rtol=1e-9)
    numbers = [0, 1, 2, 3, 4, 700, 3, 700, 850]
    np.testing.assert_allclose(some.block(numbers), full[np.ix_(numbers, numbers)], rtol=0, atol=1e-10 * full.max())
    rows = np.zeros((3, len(whole.params)))
    rows[:, 0], rows[0, 1], rows[1, 9], rows[2, [3, 800]] = 1.0, 2.0, 1.0, 1.0
    np.testing.assert_allclose(some.quadratic_form(rows), np.einsum("ij,jk,ik->i", rows, full, rows), rtol=1e-8)
    parts.save(tmp_path / "model.json")
    np.testing.assert_array_equal(fastglm.load(tmp_path / "model.json").bse, parts.bse)


def test_robust_is_the_sandwich_of_scores(frame, monkeypatch):
    monkeypatch.setattr(layout, "LONG", 500)
    result = fastglm.glm("y ~ x + s + g", frame, family="poisson", cov="robust")
    X = np.column_stack([np.ones(len(frame)), result.design.build(frame).X])
    others = [frame.s == level for level in "bc"] + [frame.g == level for level in frame.g.cat.categories[1:]]
    X = np.column_stack([X, *others]).astype(float)
    mu = np.exp(X @ result.params)
    bread = np.linalg.inv((X * mu[:, None]).T @ X)
    score = X * (frame.y.to_numpy() - mu)[:, None]
    expected = np.sqrt(np.diagonal(bread @ (score.T @ score) @ bread))
    np.testing.assert_allclose(result.bse, expected, rtol=1e-7)


def test_several_classes_have_estimates_and_no_errors(frame, monkeypatch):
    monkeypatch.setattr(layout, "LONG", 500)
    f = frame.assign(kind=np.where(frame.y > 2, "many", np.where(frame.y > 0, "some", "none")))
    with pytest.raises(fastglm.errors.InvalidParameterError, match="cov=None"):
        fastglm.glm("kind ~ x + g", f, family="multinomial")
    result = fastglm.glm("kind ~ x + g", f, family="multinomial", cov=None)
    monkeypatch.setattr(layout, "LONG", 5000)
    whole = fastglm.glm("kind ~ x + g", f, family="multinomial", cov=None)
    np.testing.assert_allclose(result.llf, whole.llf, rtol=1e-10)
