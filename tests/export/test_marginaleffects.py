"""The adapter for the package marginaleffects: its numbers are those of the result's own verbs."""

import numpy as np
import pytest

import fastglm
from fastglm.errors import InvalidParameterError

pd = pytest.importorskip("pandas")
me = pytest.importorskip("marginaleffects")


def test_the_package_gives_the_numbers_of_the_verbs():
    rng = np.random.default_rng(0)
    data = pd.DataFrame({"x": rng.normal(size=300), "g": pd.Categorical(rng.choice(["a", "b", "c"], 300))})
    data["y"] = rng.poisson(np.exp(0.2 * data.x + 0.3 * (data.g == "b"))).astype(float)
    fit = fastglm.glm("y ~ x * g", data, family="poisson")
    model = fit.to_marginaleffects(data)
    found, own = me.avg_slopes(model).sort("term", "contrast"), fit.margins(data, ["g", "x"])
    np.testing.assert_allclose(found["estimate"], own.estimate, rtol=1e-6)
    np.testing.assert_allclose(found["std_error"], own.std_error, rtol=1e-4)  # by numerical derivatives there
    robust = me.avg_comparisons(model, variables="g", vcov="HC3")
    expected = fit.with_cov("HC3", data=data).compare("g", data)
    np.testing.assert_allclose(robust["std_error"], expected.std_error, rtol=1e-5)
    with pytest.raises(InvalidParameterError, match="of a formula"):
        fastglm.fit(data[["x"]], data.y).to_marginaleffects(data)
