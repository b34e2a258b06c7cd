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
# # Gallery
#
# Every function of `fastglm.plots`, with the code that draws it; the figures are drawn when this page is made. What
# each says is explained in [plots](plots.md).

# %%
import matplotlib.pyplot as plt
import numpy as np
import pandas as pd

import fastglm
from fastglm import plots
from fastglm.nn import MLP
from fastglm.solvers import SGD

rng = np.random.default_rng(2)
data = fastglm.simulate.make_logistic(5000, 4, seed=1)
result = fastglm.fit(data.X, data.y, family="binomial", names=["age", "income", "height", "weight"])

# %% [markdown]
# ## Coefficients with their intervals

# %%
plots.coefficients(result, level=0.95)

# %% [markdown]
# ## The fitted curve over what was observed

# %%
plots.fitted(result, data.X, data.y, column="income", bins=12)

# %% [markdown]
# ## One neuron and six points, with other settings beside it

# %%
x, y = np.array([2.0, 3, 5, 7, 11, 13])[:, None], [0, 0, 1, 0, 1, 1]
neuron = fastglm.fit(x, y, family="binomial", names=["x"])
plots.fitted(neuron, x, y, params={"flat": [-1, 0], "steep": [-8, 1.2]})

# %% [markdown]
# ## Levels of a factor

# %%
frame = pd.DataFrame({"age": rng.uniform(20, 60, 500), "town": rng.choice(["Bonn", "Kiel", "Ulm"], 500)})
frame["claims"] = rng.poisson(np.exp(0.02 * frame.age + 0.3 * (frame.town == "Kiel")))
effects = fastglm.glm("claims ~ age + I(age**2) + town", frame, family="poisson")
figure, (left, right) = plt.subplots(1, 2, figsize=(9, 3.6), layout="constrained")
plots.fitted(effects, frame, ax=left)
plots.fitted(effects, frame, column="town", ax=right)

# %% [markdown]
# ## A path of penalised fits

# %%
chosen = fastglm.cv(data.X, data.y, family="binomial", lambdas=30)
plots.path(chosen.path)

# %% [markdown]
# ## Cross-validation, both rules marked

# %%
plots.cv(chosen)

# %% [markdown]
# ## How a deviance fell

# %%
ax = plots.history(result, best=result.deviance, label="default")
newton = fastglm.fit(data.X, data.y, family="binomial", solver=fastglm.solvers.Newton())
plots.history(newton, best=result.deviance, label="Newton", ax=ax)

# %% [markdown]
# ## Two descents on the surface of one loss

# %%
descent = SGD(rate=0.02, batch_size="full", reduction="sum", epochs=2500, record="params")
runs = {
    f"rate {rate}": fastglm.fit(
        x, y, family="binomial", start=[-1, 0], names=["x"], solver=descent._replace(rate=rate), cov=None
    )
    for rate in (0.01, 0.02)
}
plots.descent(runs, x, y, start=[-1, 0])

# %% [markdown]
# ## The film of a descent

# %%
film = plots.animate(runs["rate 0.02"], x, y, start=[-1, 0], frames=12)
print(film.to_jshtml().count("data:image/png"), "pictures; film.save(\"neuron.gif\") writes them")

# %% [markdown]
# ## Regions of a softmax regression and of a network

# %%
X = rng.normal(size=(300, 2))
centres = np.array([[-1.2, -0.6], [1.2, -0.6], [0.0, 1.3]])
kind = rng.integers(0, 3, 300)
placed, labels = centres[kind] + 0.8 * X, np.array(["a", "b", "c"])[kind]
ring = np.where((X**2).sum(axis=1) < 1.2, "inside", "outside")
figure, (left, right) = plt.subplots(1, 2, figsize=(9, 3.7), layout="constrained")
plots.regions(fastglm.fit(placed, labels, family="multinomial"), placed, labels, ax=left)
plots.regions(MLP((8,), family="binomial").fit(X, ring), X, ring, ax=right)

# %% [markdown]
# ## Local regression with its band

# %%
t = np.sort(rng.uniform(0, 10, 400))
curve = fastglm.local(t, np.sin(t) + rng.normal(0, 0.4, 400), bandwidth="loo")
plots.local(curve)

# %% [markdown]
# ## Do the residuals look as they should?
#
# The four panels of R's `plot(fit)`, all at once and one by one.

# %%
plots.diagnostics(effects, frame)

# %%
figure, ((a, b), (c, d)) = plt.subplots(2, 2, figsize=(9, 7), layout="constrained")
plots.residuals(effects, frame, ax=a)
plots.qq(effects, frame, ax=b)
plots.scale_location(effects, frame, ax=c)
plots.leverage(effects, frame, ax=d)

# %% [markdown]
# ## What a column adds, and whether it is a line

# %%
figure, (left, right) = plt.subplots(1, 2, figsize=(9, 3.7), layout="constrained")
plots.added_variable(effects, frame, column="age", ax=left)
plots.component_residual(effects, frame, column="age", ax=right)

# %% [markdown]
# ## ROC curves, calibration, and the calibration belt

# %%
figure, (left, middle, right) = plt.subplots(1, 3, figsize=(12, 4.2), layout="constrained")
plots.roc(result, data.X, data.y, ax=left)
plots.calibration(result, data.X, data.y, bins=20, ax=middle)
plots.calibration_belt(result, data.X, data.y, ax=right)
