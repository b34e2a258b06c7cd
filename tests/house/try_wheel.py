"""What an installed wheel must do by itself: fit, and answer as R does. ``python tests/house/try_wheel.py``."""

import numpy as np

import fastglm
from fastglm.special import sigmoid

X, y = np.array([[2.0], [3], [5], [7], [11], [13]]), np.array([0, 0, 1, 0, 1, 1])
result = fastglm.fit(X, y, family="binomial")
# R 4.2, glm(y ~ x, binomial)
assert np.allclose(result.params, [-3.5490707, 0.5517759], rtol=1e-7), result.params
mu = sigmoid(result.params[0] + X[:, 0] * result.params[1])
assert abs((y - mu).sum()) < 1e-12 and abs((y - mu) @ X[:, 0]) < 1e-12
assert result.converged and np.allclose(result.predict(X), mu, rtol=1e-14)
print(f"fastglm {fastglm.__version__} at {fastglm.__file__}:", result.params)
