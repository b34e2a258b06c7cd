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
# # Is a number large among the primes? One neuron in every library
#
# Six points, one weight and one bias: R's `glm`, scikit-learn, numpy, torch and Keras all fit the same neuron. They
# print different digits, and this notebook says why.

# %%
import os
import warnings

import numpy as np

import fastglm
from fastglm.cli import lecture
from fastglm.nn import MLP
from fastglm.special import sigmoid

warnings.simplefilter("ignore", fastglm.errors.ConvergenceWarning)
x, y = np.array([2.0, 3, 5, 7, 11, 13])[:, None], np.array([0, 0, 1, 0, 1, 1])

# %% [markdown]
# ## R's answer, and the optimum
#
# R stops after five steps, nine digits in: 0.551775920706039. The optimum is 0.551775920838949.

# %%
glm = fastglm.fit(x, y, family="binomial", names=["x"])
print(glm.summary())
b, w = glm.params
assert abs(w - 0.551775920838949) < 1e-14 and abs(b + 3.549070672801298) < 1e-13
assert abs(w - 0.551775920706039) < 1e-9 and abs(b + 3.54907067213626) < 1e-8
at_2, at_13 = glm.predict([[2.0], [13.0]])
assert round(at_2, 8) == 0.07976687 and round(at_13, 3) == 0.974
assert glm.predict([[8.5]], kind="class")[0] == 1 and abs(glm.predict([[8.5]])[0] - 0.7578677) < 1e-7

# %% [markdown]
# ## All libraries in one table
#
# scikit-learn's `C=1e6` is a ridge of a millionth, and its solver stops a ten-thousandth of a standard error early.
# float32 comes to rest where steps are smaller than the spacing of its numbers. The mean of the losses in place of
# their sum makes the rate six times smaller. Libraries that are not installed say so.

# %%
rows = lecture.table()
print("\n".join(lecture.lines(rows)))
found = {row.name: row.w for row in rows}
assert abs(found["fastglm, the same by numerical gradients"] - 0.5514636707705467) < 1e-10
assert abs(found["numpy, numerical gradients"] - 0.5514636707705467) < 1e-9
assert abs(found["fastglm, float32, 5,000 epochs"] - 0.5517694354057312) < 1e-7
assert abs(found["fastglm, mean of the losses, rate 0.1"] - 0.5508) < 5e-5

# %% [markdown]
# ## Back-propagation in four equations
#
# For layers z^l = W^l a^(l-1) + b^l, a^l = g(z^l), a cost C and the error delta^l = dC/dz^l:
#
# - BP1: delta^L = dC/da^L * g'(z^L); for cross-entropy and the sigmoid this is a^L - y
# - BP2: delta^l = (W^(l+1))' delta^(l+1) * g'(z^l)
# - BP3: dC/db^l = delta^l
# - BP4: dC/dW^l_jk = delta^l_j a^(l-1)_k
#
# Two hidden layers of sigmoids, on rows that are drawn, against the library's gradient and central differences.

# %%
rng = np.random.default_rng(5)
X, labels = rng.normal(size=(30, 2)), rng.integers(0, 2, 30)
sizes = (2, 4, 3, 1)
W = [rng.normal(size=(n, m)) for m, n in zip(sizes, sizes[1:], strict=False)]
bias = [rng.normal(size=n) for n in sizes[1:]]


def cost(W, bias):
    """The cross-entropy, summed over the rows."""
    a = X.T
    for weights, constant in zip(W, bias, strict=True):
        a = sigmoid(weights @ a + constant[:, None])
    return -np.sum(labels * np.log(a[0]) + (1 - labels) * np.log(1 - a[0]))


activations = [X.T]
for weights, constant in zip(W, bias, strict=True):
    activations.append(sigmoid(weights @ activations[-1] + constant[:, None]))
delta = activations[-1] - labels  # BP1
gradients = []
for layer in (2, 1, 0):
    gradients.insert(0, (delta.sum(1), delta @ activations[layer].T))  # BP3, BP4
    if layer:
        delta = (W[layer].T @ delta) * activations[layer] * (1 - activations[layer])  # BP2

theta = np.concatenate([part for k in range(3) for part in (bias[k], W[k].T.ravel())])
ours = MLP((4, 3), family="binomial", activation="logistic").gradient(theta, X, labels.astype(float))
by_hand = np.concatenate([part for db, dW in gradients for part in (db, dW.T.ravel())])
assert np.allclose(ours, by_hand, rtol=1e-10, atol=1e-12)

h = 1e-6
W[0][1, 0] += h
up = cost(W, bias)
W[0][1, 0] -= 2 * h
down = cost(W, bias)
W[0][1, 0] += h
print("dC/dW^1_21 by BP1 to BP4", gradients[0][1][1, 0], "by central differences", (up - down) / (2 * h))
assert abs(gradients[0][1][1, 0] - (up - down) / (2 * h)) < 1e-7

# %% [markdown]
# ## The same neuron on ten million rows

# %%
n = int(os.environ.get("FASTGLM_NOTEBOOK_ROWS", 10_000_000))
large = fastglm.simulate.make_logistic(n, 1, seed=1)
result = fastglm.fit(large.X, large.y, family="binomial")
print(result)
assert result.converged and np.all(np.abs(result.params - large.params) < 5 * result.bse)
