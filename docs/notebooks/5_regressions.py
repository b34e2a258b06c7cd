# ---
# jupyter:
#   jupytext:
#     text_representation:
#       extension: .py
#       format_name: percent
#   kernelspec:
#     display_name: Python 3
#     language: python
#     name: python3
# ---

# %% [markdown]
# # From the straight line to ridge, polynomials, local lines, logarithms, counts and odds
#
# Each regression by the formula of the lecture, in numpy, and by the library.

# %%
import os
import warnings

import numpy as np
import pandas as pd

import fastglm
from fastglm.penalties import Ridge
from fastglm.solvers import SGD

rng = np.random.default_rng(4)
n = 80
data = pd.DataFrame({"x": rng.uniform(0.0, 10.0, n), "z": rng.normal(size=n)})
data["y"] = 2.5 + 0.4 * data.x - 0.3 * data.z + rng.normal(0.0, 0.5, n)

# %% [markdown]
# ## Simple regression: b1 = S_xy / S_xx, b0 = ȳ - b1 x̄

# %%
dx, dy = data.x - data.x.mean(), data.y - data.y.mean()
b1 = (dx * dy).sum() / (dx**2).sum()
b0 = data.y.mean() - b1 * data.x.mean()
line = fastglm.glm("y ~ x", data)
print(line.params, (b0, b1))
assert np.allclose(line.params, [b0, b1], rtol=1e-12)

# %% [markdown]
# ## Multiple regression: the normal equations X'X b = X'y

# %%
X = np.column_stack([np.ones(n), data.x, data.z])
normal = np.linalg.solve(X.T @ X, X.T @ data.y)
assert np.allclose(fastglm.glm("y ~ x + z", data).params, normal, rtol=1e-12)

# %% [markdown]
# ## Ridge: (X'X + lambda I)^-1 X'y, also where X'X has no inverse
#
# The library's lam stands beside the mean of half the squares, so that lambda = n lam.

# %%
singular = np.column_stack([X, data.x + data.z])
assert np.linalg.matrix_rank(singular.T @ singular) == 3
lam = 1.0
ridge = fastglm.fit(singular, data.y, intercept=False, penalty=Ridge(lam / n, scale=False))
by_hand = np.linalg.solve(singular.T @ singular + lam * np.eye(4), singular.T @ data.y)
print(ridge.params, by_hand)
assert np.allclose(ridge.params, by_hand, rtol=1e-10)

# %% [markdown]
# ## Polynomials, feature scaling, and lambda on a validation set

# %%
powers = fastglm.glm("y ~ x + I(x**2) + I(x**3)", data)
orthogonal = fastglm.glm("y ~ poly(x, 3)", data)
assert np.allclose(powers.predict(data), orthogonal.predict(data), rtol=1e-9)
both = fastglm.glm("y ~ polynomial(x, z, degree=2)", data)
print(both.names)

raw = np.column_stack([data.x**k for k in (1, 2, 3)])
try:
    fastglm.fit(raw, data.y, solver=SGD(rate=1e-3, batch_size="full", standardize=False, epochs=100))
    raise AssertionError("descent on raw powers does not converge")
except fastglm.errors.DivergenceError as error:
    print(f"steps are stable below {error.stable_limit:.1e}, not at 1e-3")
    assert error.stable_limit < 1e-3
with warnings.catch_warnings():
    warnings.simplefilter("ignore")
    scaled = fastglm.fit(raw, data.y, solver=SGD(batch_size="full", standardize=True, epochs=20_000))
assert np.allclose(scaled.predict(raw), powers.predict(data), atol=0.05)

held = np.arange(n) % 4 == 0
found = fastglm.cv("y ~ poly(x, 9)", data, penalty=Ridge(), lambdas=np.geomspace(1, 1e-5, 20), folds=held)
print("lambda on the validation rows:", found.lambda_min)

# %% [markdown]
# ## Locally weighted regression: weights exp(-(x_i - x)^2 / (2 tau^2))

# %%
tau, points = 0.8, np.array([2.0, 5.0, 8.0])
by_formula = []
for at in points:
    weights = np.exp(-((data.x - at) ** 2) / (2 * tau**2))
    A = np.column_stack([np.ones(n), data.x])
    theta = np.linalg.solve(A.T @ (A * weights.to_numpy()[:, None]), A.T @ (weights * data.y))
    by_formula.append(theta @ [1.0, at])
curve = fastglm.local(data[["x"]].to_numpy(), data.y.to_numpy(), at=points[:, None], bandwidth=tau)
print(curve.fitted, by_formula)
assert np.allclose(curve.fitted, by_formula, rtol=1e-10)

# %% [markdown]
# ## Log-linear regression, and the mean of y itself

# %%
positive = data.assign(y=np.exp(0.3 + 0.2 * data.x + rng.normal(0, 0.4, n)))
log_line = fastglm.glm("log(y) ~ x", positive)
at = pd.DataFrame({"x": [5.0]})
log_mean = log_line.predict(at)[0]
mean = log_line.predict(at, retransform="lognormal")[0]
print("mean of log y", log_mean, "median of y", np.exp(log_mean), "mean of y", mean)
assert abs(mean - np.exp(log_mean + log_line.scale / 2)) < 1e-12

# %% [markdown]
# ## Poisson regression: counts, zeros allowed

# %%
counts = rng.poisson(np.exp(-0.5 + 0.2 * data.x))
poisson = fastglm.fit(data[["x", "z"]].to_numpy(), counts, family="poisson")
score = X.T @ (counts - poisson.predict(data[["x", "z"]].to_numpy()))
assert np.abs(score).max() < 1e-9 and (counts == 0).any()

# %% [markdown]
# ## Logistic regression: odds, the logit, a threshold, and the mean cross-entropy

# %%
label = rng.binomial(1, 1 / (1 + np.exp(-(data.x - 5))))
odds = fastglm.fit(data[["x"]].to_numpy(), label, family="binomial")
eta = odds.predict([[4.0]], "link")[0]
mu = odds.predict([[4.0]])[0]
assert abs(np.exp(eta) - mu / (1 - mu)) < 1e-12
assert odds.predict([[4.0]], kind="class", threshold=0.99)[0] == 0
h = odds.predict(data[["x"]].to_numpy())
assert abs(-odds.llf / n + np.mean(label * np.log(h) + (1 - label) * np.log(1 - h))) < 1e-12

# %% [markdown]
# ## The same on ten million rows

# %%
rows = int(os.environ.get("FASTGLM_NOTEBOOK_ROWS", 10_000_000))
large = fastglm.simulate.make_glm("poisson", rows, 3, seed=1)
result = fastglm.fit(large.X, large.y, family="poisson", penalty=Ridge(1e-6))
print(result)
assert result.converged
