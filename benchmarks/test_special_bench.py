"""fastglm.special beside scipy.special; run with pytest --benchmark-group-by=group."""

import numpy as np
import pytest
import scipy.special

from fastglm import special

PAIRS = {
    "sigmoid": scipy.special.expit,
    "logit": scipy.special.logit,
    "log_sigmoid": scipy.special.log_expit,
    "softmax": scipy.special.softmax,
    "log_softmax": scipy.special.log_softmax,
    "logsumexp": scipy.special.logsumexp,
}
SIZES = [10, 100, 1_000, 10_000, 100_000, 1_000_000, 10_000_000]


@pytest.mark.parametrize("library", ["fastglm", "scipy"])
@pytest.mark.parametrize("dtype", ["float64", "float32"])
@pytest.mark.parametrize("n", SIZES)
@pytest.mark.parametrize("name", PAIRS)
def test_special(benchmark, name, n, dtype, library):
    rng = np.random.default_rng(0)
    x = (rng.random(n) if name == "logit" else 3 * rng.normal(size=n)).astype(dtype)
    benchmark.group = f"{name} {dtype} {n}"
    benchmark(getattr(special, name) if library == "fastglm" else PAIRS[name], x)
