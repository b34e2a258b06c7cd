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
# # Gradient ascent: linear, logistic and softmax regression in one loop
#
# The gradient of the log-likelihood is X'(y - mu) for all three, so that `theta += rate * X.T @ (y - mu)` fits them
# all. We run that loop, the library's own descent, and the exact fit, and compare every number.

# %%
import os
import warnings

import numpy as np

import fastglm
from fastglm.solvers import SGD
from fastglm.special import sigmoid, softmax

warnings.simplefilter("ignore", fastglm.errors.ConvergenceWarning)  # descents stop where the lesson does
X = np.random.default_rng(0).normal(size=(1000, 3))
design = np.column_stack([np.ones(1000), X])
theta = np.array([3.2678, 1.365, 0.653, -0.0698])


def ascend(y, mean, steps, start):
    """The loop of the lecture."""
    at = start.copy()
    for _ in range(steps):
        at += 1e-3 * design.T @ (y - mean(design @ at))
    return at


ascent = SGD(rate=1e-3, batch_size="full", reduction="sum", epochs=1000)

# %% [markdown]
# ## Linear regression

# %%
y = design @ theta + np.random.default_rng(0).normal(scale=1, size=1000)
by_hand = ascend(y, lambda eta: eta, 1000, np.ones(4))
ours = fastglm.fit(X, y, solver=ascent, start=np.ones(4)).params
exact = fastglm.fit(X, y).params
print(by_hand, ours, exact, sep="\n")
for found in (by_hand, ours, exact):
    assert np.abs(found - [3.21293235, 1.30052909, 0.68080355, -0.05252388]).max() < 1e-8

# %% [markdown]
# ## Logistic regression

# %%
y = np.random.default_rng(0).binomial(1, sigmoid(design @ theta))
by_hand = ascend(y, sigmoid, 2000, np.ones(4))
ours = fastglm.fit(X, y, family="binomial", solver=ascent._replace(epochs=2000), start=np.ones(4)).params
exact = fastglm.fit(X, y, family="binomial").params
print(by_hand, ours, exact, sep="\n")
for found in (by_hand, ours, exact):
    assert np.abs(found - [3.1325853, 1.38198022, 0.52704664, 0.11608256]).max() < 1e-7

# %% [markdown]
# ## Softmax regression
#
# No class is pinned, so that adding a vector to all classes changes nothing: the row sums stay those of the start.

# %%
theta3 = np.array([[3.0, -1.0, 0.5], [1.2, 0.3, -0.8], [0.7, -0.4, 0.2], [-0.1, 0.6, -0.3]])
random = np.random.default_rng(0)
y = np.array([random.choice(3, p=p) for p in softmax(design @ theta3, axis=1)])
by_hand = ascend(np.eye(3)[y], lambda eta: softmax(eta, axis=1), 1000, np.ones((4, 3)))
ours = fastglm.fit(X, y, family="multinomial", solver=ascent, start=np.ones((4, 3))).coef_raw
exact = fastglm.fit(X, y, family="multinomial").params
print(by_hand, ours, exact, sep="\n")
assert np.abs(by_hand - ours).max() < 1e-9
assert np.abs(ours[0] - [3.04584903, -0.72894658, 0.68309755]).max() < 1e-8
assert np.allclose(ours.sum(1), 3.0)
assert np.abs(exact - (ours[:, 1:] - ours[:, :1])).max() < 1e-4
assert np.abs(exact[0] - [-3.775, -2.363]).max() < 1e-3

# %% [markdown]
# ## Large numbers
#
# exp(1e4) is infinite. The kernels of the library are stable without clipping.

# %%
with np.errstate(all="raise"):
    assert sigmoid(np.array([-1e4, 1e4])).tolist() == [0.0, 1.0]
    assert softmax(np.array([1e4, 0.0])).tolist() == [1.0, 0.0]

# %% [markdown]
# ## The same model on ten million rows

# %%
n = int(os.environ.get("FASTGLM_NOTEBOOK_ROWS", 10_000_000))
large = fastglm.simulate.make_linear(n, 3, seed=1)
result = fastglm.fit(large.X, large.y)
print(result)
assert result.converged and np.all(np.abs(result.params - large.params) < 5 * result.bse)
