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
# # A generalized linear model is one neuron
#
# A neuron weighs its inputs and applies a function to the sum: mu = g(x · b). With the identity it is linear
# regression, with the sigmoid logistic regression. The inverse of g is the *link* of a GLM. Every number of this
# notebook is checked by an `assert`.

# %%
import os

import numpy as np

import fastglm
from fastglm import links
from fastglm.nn import MLP
from fastglm.solvers import SGD

rng = np.random.default_rng(0)
X = rng.normal(size=(200, 2))

# %% [markdown]
# ## The identity: y = X b + e, without a constant

# %%
y = X @ [1.0, -2.0] + rng.normal(size=200)
linear = fastglm.fit(X, y, intercept=False)
print(linear.params, "and by numpy", np.linalg.lstsq(X, y, rcond=None)[0])
assert np.allclose(linear.params, np.linalg.lstsq(X, y, rcond=None)[0], rtol=1e-12)

# %% [markdown]
# ## The logit link and its inverse, the sigmoid
#
# eta = log(mu / (1 - mu)), and mu = 1 / (1 + exp(-eta)).

# %%
logit = links.get("logit")
assert abs(logit.inverse(logit.link(0.3)) - 0.3) < 1e-15
assert abs(logit.link(0.3) - np.log(0.3 / 0.7)) < 1e-15

clicked = rng.uniform(size=200) < 1 / (1 + np.exp(-X @ [1.0, -2.0]))
logistic = fastglm.fit(X, clicked, family="binomial", intercept=False)
by_hand = 1 / (1 + np.exp(-X @ logistic.params))
print(logistic.params, logistic.predict(X[:3]))
assert np.allclose(logistic.predict(X), by_hand, rtol=1e-13)

# %% [markdown]
# ## The same neuron, trained as a network

# %%
descent = SGD(batch_size="full", schedule="constant", tol=None, epochs=2000)
neuron = MLP((), family="binomial").fit(X, clicked.astype(float), solver=descent)
exact = fastglm.fit(X, clicked, family="binomial")
print(neuron.theta, exact.params)
assert np.allclose(neuron.theta, exact.params, atol=1e-6)

# %% [markdown]
# ## The same model on ten million rows

# %%
n = int(os.environ.get("FASTGLM_NOTEBOOK_ROWS", 10_000_000))
large = fastglm.simulate.make_logistic(n, 2, seed=1)
result = fastglm.fit(large.X, large.y, family="binomial")
print(result)
assert result.converged and np.all(np.abs(result.params - large.params) < 5 * result.bse)
