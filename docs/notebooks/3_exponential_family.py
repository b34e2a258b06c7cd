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
# # The exponential family, the sigmoid, and one row at a time
#
# f(y) = b(y) exp(eta T(y) - a(eta)): the Bernoulli and the Gaussian have this form, and a'(eta) is the mean. The
# sigmoid is the slope of log(1 + e^eta).

# %%
import os
import warnings

import numpy as np

import fastglm
from fastglm.families import Binomial, Gaussian
from fastglm.solvers import SGD
from fastglm.special import sigmoid

# %% [markdown]
# ## The four parts of a density

# %%
bernoulli, gaussian = Binomial(), Gaussian()
phi = 0.3
eta = bernoulli.natural(phi)
print("eta", eta, "a(eta)", bernoulli.log_partition(eta), "T(1)", bernoulli.sufficient(1.0))
assert abs(eta - np.log(phi / (1 - phi))) < 1e-14
assert abs(bernoulli.log_partition(eta) - np.log1p(np.exp(eta))) < 1e-14
for y in (0.0, 1.0):
    log_density = bernoulli.base_measure(y, 1.0) + eta * bernoulli.sufficient(y) - bernoulli.log_partition(eta)
    assert abs(np.exp(log_density) - phi**y * (1 - phi) ** (1 - y)) < 1e-14

mu, y = 1.5, 2.0
assert gaussian.natural(mu) == mu and gaussian.log_partition(mu) == mu**2 / 2
assert abs(np.exp(gaussian.base_measure(y, 1.0)) - np.exp(-(y**2) / 2) / np.sqrt(2 * np.pi)) < 1e-15

# %% [markdown]
# ## The slope of the log-partition is the mean, and its curvature the variance

# %%
h, at = 1e-5, 0.7
slope = (bernoulli.log_partition(at + h) - bernoulli.log_partition(at - h)) / (2 * h)
g = sigmoid(at)
bend = (sigmoid(at + h) - sigmoid(at - h)) / (2 * h)
print(slope, g, bend, g * (1 - g))
assert abs(slope - g) < 1e-9 and abs(bend - g * (1 - g)) < 1e-9

# %% [markdown]
# ## theta += alpha (y_i - h(x_i)) x_i
#
# Stochastic gradient ascent takes the rows one by one. One epoch over 200 rows in their order, by hand and by the
# library; and the log-likelihood sum of y log h + (1 - y) log(1 - h).

# %%
rng = np.random.default_rng(3)
X = rng.normal(size=(200, 3))
design = np.column_stack([np.ones(200), X])
labels = rng.binomial(1, sigmoid(design @ [1.0, 0.8, 0.4, 0.4]))
theta = np.zeros(4)
for row, label in zip(design, labels, strict=True):
    theta += 0.1 * (label - sigmoid(row @ theta)) * row

with warnings.catch_warnings():
    warnings.simplefilter("ignore")  # one epoch does not converge
    by_row = SGD(batch_size=1, shuffle=False, averaging=False, schedule="constant", standardize=False)
    by_row = by_row._replace(rate=0.1, epochs=1)
    once = fastglm.fit(X, labels, family="binomial", start=np.zeros(4), solver=by_row)
print(theta, once.params)
assert np.abs(theta - once.params).max() < 1e-12

exact = fastglm.fit(X, labels, family="binomial")
h = exact.predict(X)
assert abs(exact.llf - np.sum(labels * np.log(h) + (1 - labels) * np.log(1 - h))) < 1e-10
assert exact.llf > once.llf

# %% [markdown]
# ## The same model on ten million rows, each read once
#
# A stream of batches, with standard errors at any time.

# %%
n = int(os.environ.get("FASTGLM_NOTEBOOK_ROWS", 10_000_000))
large = fastglm.simulate.make_logistic(n, 3, seed=1)
stream = fastglm.OnlineGLM("binomial")
for first in range(0, n, 100_000):
    stream.partial_fit(large.X[first : first + 100_000], large.y[first : first + 100_000])
result = stream.result()
print(result)
assert np.all(np.abs(result.params - large.params) < 5 * result.bse)
