"""The table of what five lectures teach, each item by its formula and by the library.

    python docs/make_lectures.py          writes docs/lectures.md

An item is a name, the call, and a function that returns the lecture's number, or what its formula gives in numpy, and
the library's. The tests compare both, and the page with what this script would write.
"""

from __future__ import annotations

import warnings
from collections.abc import Callable
from math import exp, log, pi, sqrt
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pandas as pd

import fastglm
from fastglm import families, links, penalties, plots, special
from fastglm.cli import lecture
from fastglm.nn import MLP
from fastglm.solvers import SGD

PAGE = Path(__file__).with_name("lectures.md")
HEAD = """# What five lectures teach, item by item

Each row is an item of the lectures, the call, the number that the lecture prints (or its formula gives, computed by
numpy), and the library's. The [notebooks](notebooks/1_one_neuron.py) tell the story; this table is made by
`python docs/make_lectures.py` and checked by the tests.

"""
x6, y6 = np.array(lecture.X)[:, None], np.array(lecture.Y)
rng = np.random.default_rng(0)
X001 = np.random.default_rng(0).normal(size=(1000, 3))
D001 = np.column_stack([np.ones(1000), X001])
T001 = np.array([3.2678, 1.365, 0.653, -0.0698])
LINEAR = D001 @ T001 + np.random.default_rng(0).normal(scale=1, size=1000)
LABELS = np.random.default_rng(0).binomial(1, special.sigmoid(D001 @ T001))
ASCENT = SGD(rate=1e-3, batch_size="full", reduction="sum", epochs=1000)
N4 = 80
R4 = np.random.default_rng(4)
DATA = pd.DataFrame({"x": R4.uniform(0.5, 10.0, N4), "z": R4.normal(size=N4), "t": R4.choice(["a", "b", "c"], N4)})
DATA["y"] = 2.5 + 0.4 * DATA.x - 0.3 * DATA.z + R4.normal(0.0, 0.5, N4)
DATA["price"] = np.exp(0.3 + 0.2 * DATA.x + R4.normal(0.0, 0.4, N4))
DATA["count"] = R4.poisson(np.exp(-0.5 + 0.2 * DATA.x))
DATA["label"] = R4.binomial(1, special.sigmoid(DATA.x - 5.0))
A4 = np.column_stack([np.ones(N4), DATA.x, DATA.z])
SINGULAR = np.column_stack([A4, DATA.x + DATA.z])


class Item(NamedTuple):
    """One row of the table; ``both`` returns the lecture's number and the library's."""

    lecture: str
    name: str
    call: str
    both: Callable[[], tuple[Any, Any]]
    tol: float = 1e-9
    remark: str = ""


ITEMS: list[Item] = []


def item(lecture, name, call, tol=1e-9, remark=""):
    """Decorator: add a row."""

    def add(both):
        ITEMS.append(Item(lecture, name, call, both, tol, remark))
        return both

    return add


def quiet(*args, **options):
    """A fit that stops where the lesson does, without a warning."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return fastglm.fit(*args, **options)


# --- one neuron ---


@item("neuron", "y = B X + e, no constant", "fit(X, y, intercept=False)")
def _():
    return np.linalg.lstsq(X001[:, :2], LINEAR, rcond=None)[0], fastglm.fit(X001[:, :2], LINEAR, intercept=False).params


@item("neuron", "mu = 1 / (1 + exp(-B X))", "fit(X, y, family='binomial', intercept=False).predict(X)")
def _():
    fit = fastglm.fit(X001, LABELS, family="binomial", intercept=False)
    return 1 / (1 + np.exp(-X001[:3] @ fit.params)), fit.predict(X001[:3])


@item("neuron", "the logit and its inverse", "links.get('logit').link, .inverse")
def _():
    logit = links.get("logit")
    return [log(0.3 / 0.7), 0.3], [logit.link(0.3), logit.inverse(logit.link(0.3))]


# --- gradient ascent ---


@item(
    "ascent",
    "linear, 1,000 steps of 1e-3",
    "fit(X, y, solver=SGD(rate=1e-3, batch_size='full', reduction='sum'))",
    1e-8,
)
def _():
    return [3.21293235, 1.30052909, 0.68080355, -0.05252388], quiet(
        X001, LINEAR, solver=ASCENT, start=np.ones(4)
    ).params


@item("ascent", "linear, exactly", "fit(X, y)", 1e-8)
def _():
    return [3.21293235, 1.30052909, 0.68080355, -0.05252388], fastglm.fit(X001, LINEAR).params


@item("ascent", "logistic, 2,000 steps of 1e-3", "fit(X, y, family='binomial', solver=SGD(...))", 1e-7)
def _():
    solver = ASCENT._replace(epochs=2000)
    found = quiet(X001, LABELS, family="binomial", solver=solver, start=np.ones(4)).params
    return [3.1325853, 1.38198022, 0.52704664, 0.11608256], found


@item("ascent", "logistic, exactly", "fit(X, y, family='binomial')", 1e-7)
def _():
    return [3.1325853, 1.38198022, 0.52704664, 0.11608256], fastglm.fit(X001, LABELS, family="binomial").params


def classes():
    theta = np.array([[3.0, -1.0, 0.5], [1.2, 0.3, -0.8], [0.7, -0.4, 0.2], [-0.1, 0.6, -0.3]])
    random = np.random.default_rng(0)
    return np.array([random.choice(3, p=p) for p in special.softmax(D001 @ theta, axis=1)])


@item("ascent", "softmax, no class pinned", "fit(X, y, family='multinomial', solver=SGD(...)).coef_raw", 1e-7)
def _():
    found = quiet(X001, classes(), family="multinomial", solver=ASCENT, start=np.ones((4, 3))).coef_raw
    return [3.04584903, -0.728946582, 0.683097551], found[0]


@item("ascent", "softmax, differences of classes", "fit(X, y, family='multinomial').params", 1e-4,
      "the lecture's loop stops a hundred-thousandth before the optimum")  # fmt: skip
def _():
    found = fastglm.fit(X001, classes(), family="multinomial").params
    return [[-3.7748, -2.36275], [-0.98791, -1.99788], [-0.96655, -0.37293], [0.66237, -0.37827]], found


@item("ascent", "softmax, class 0 pinned", "fit(..., family='multinomial').params[0]", 1e-3)
def _():
    return [-3.775, -2.363], fastglm.fit(X001, classes(), family="multinomial").params[0]


@item("ascent", "a design of normal columns", "simulate.make_X(n, p) beside numpy", 1e-8,
      "the lecture draws by default_rng(0).normal; make_X has streams of its own")  # fmt: skip
def _():
    return 0.12573022, X001[0, 0]


@item("ascent", "sigmoid and softmax at ±1e4", "special.sigmoid, special.softmax")
def _():
    return [0.0, 1.0, 1.0, 0.0], [*special.sigmoid(np.array([-1e4, 1e4])), *special.softmax(np.array([1e4, 0.0]))]


@item("ascent", "with regularization", "fit(X, y, family='binomial', penalty=Ridge(0.1))", 1e-9)
def _():
    fit = fastglm.fit(X001, LABELS, family="binomial", penalty=penalties.Ridge(0.1, scale=False))
    score = D001.T @ (LABELS - fit.predict(X001)) / 1000 - 0.1 * np.append(0.0, fit.params[1:])
    return np.zeros(4), score


# --- the exponential family ---


@item("family", "Bernoulli: eta, a(eta)", "Binomial().natural, .log_partition")
def _():
    f = families.Binomial()
    return [-0.8472978603872037, log(1 + exp(0.9740769841801067))], [
        f.natural(0.3),
        f.log_partition(0.9740769841801067),
    ]


@item("family", "Bernoulli: T(y), b(y)", "Binomial().sufficient, .base_measure")
def _():
    f = families.Binomial()
    return [1.0, 0.0], [f.sufficient(1.0), f.base_measure(1.0, 1.0)]


@item("family", "Gaussian: eta, a(eta), log b(y)", "Gaussian().natural, .log_partition, .base_measure")
def _():
    f = families.Gaussian()
    expected = [1.5, 1.125, -(2.0**2) / 2 - log(sqrt(2 * pi))]
    return expected, [f.natural(1.5), f.log_partition(1.5), f.base_measure(2.0, 1.0)]


@item(
    "family",
    "theta += alpha (y_i - h(x_i)) x_i, row by row",
    "SGD(batch_size=1, shuffle=False, averaging=False)",
    1e-12,
)
def _():
    theta = np.zeros(4)
    for row, label in zip(D001[:200], LABELS[:200], strict=True):
        theta += 0.1 * (label - special.sigmoid(row @ theta)) * row
    solver = SGD(
        batch_size=1, shuffle=False, averaging=False, schedule="constant", standardize=False, rate=0.1, epochs=1
    )
    return theta, quiet(X001[:200], LABELS[:200], family="binomial", start=np.zeros(4), solver=solver).params


@item("family", "l = sum of y log h + (1 - y) log(1 - h)", "result.llf", 1e-10)
def _():
    fit = fastglm.fit(X001, LABELS, family="binomial")
    h = fit.predict(X001)
    return np.sum(LABELS * np.log(h) + (1 - LABELS) * np.log(1 - h)), fit.llf


@item("family", "g' = g (1 - g)", "links.get('logit').slope", 1e-12)
def _():
    g = special.sigmoid(0.7)
    return g * (1 - g), links.get("logit").slope(0.7)


# --- the primes in every library ---


def table():
    """The rows of the primes' table by name, made once."""
    if not hasattr(table, "rows"):
        table.rows = {row.name: row for row in lecture.table()}
    return table.rows


@item(
    "primes",
    "R: w",
    "fit(x, y, family='binomial').params[1]",
    1e-9,
    "R stops after five steps; 0.551775920838949 is the optimum",
)
def _():
    return 0.551775920706039, fastglm.fit(x6, y6, family="binomial").params[1]


@item("primes", "R: b", "fit(x, y, family='binomial').params[0]", 1e-8)
def _():
    return -3.54907067213626, fastglm.fit(x6, y6, family="binomial").params[0]


@item("primes", "P(y = 1 | x = 2)", "result.predict([[2]])", 5e-9)
def _():
    return 0.07976687, fastglm.fit(x6, y6, family="binomial").predict([[2.0]])[0]


@item("primes", "P(y = 1 | x = 13)", "result.predict([[13]])", 5e-4)
def _():
    return 0.974, fastglm.fit(x6, y6, family="binomial").predict([[13.0]])[0]


@item("primes", "glm(y ~ x, data), coef(summary())", "glm('y ~ x', frame, family='binomial').tidy()", 1e-9)
def _():
    frame = pd.DataFrame({"x": x6[:, 0], "y": y6})
    return 0.551775920706039, fastglm.glm("y ~ x", frame, family="binomial").tidy().estimate[1]


@item("primes", "scikit-learn: LogisticRegression(C=1e6).coef_", "sklearn.GLMClassifier(C=1e6)", 1e-4,
      "scikit-learn stops a ten-thousandth of a standard error early; its penalty's optimum is 0.5517758")  # fmt: skip
def _():
    from fastglm.sklearn import GLMClassifier

    return 0.5518358239998236, GLMClassifier(C=1e6).fit(x6, y6).coef_[0, 0]


@item("primes", "scikit-learn: .predict([[8.5]])", "GLMClassifier().predict")
def _():
    from fastglm.sklearn import GLMClassifier

    return 1.0, float(GLMClassifier().fit(x6, y6).predict([[8.5]])[0])


@item("primes", "scikit-learn: .predict_proba([[8.5]])", "GLMClassifier(C=1e6).predict_proba", 1e-4, "as above")
def _():
    from fastglm.sklearn import GLMClassifier

    return 0.757898891570654, GLMClassifier(C=1e6).fit(x6, y6).predict_proba([[8.5]])[0, 1]


@item("primes", "the ridge of a millionth", "fit(..., penalty=Ridge(1e-6 / 6, scale=False))", 1e-7)
def _():
    return 0.5517758, fastglm.fit(x6, y6, family="binomial", penalty=penalties.Ridge(1e-6 / 6, scale=False)).params[1]


@item("primes", "numpy, numerical gradients: w", "SGD(gradient='central', h=1e-4)", 1e-9)
def _():
    return 0.5514636707705467, table()["fastglm, the same by numerical gradients"].w


@item("primes", "numpy, numerical gradients: b", "the same", 1e-9)
def _():
    return -3.5468396301032925, table()["fastglm, the same by numerical gradients"].b


@item("primes", "loss / 6 at the end", "result.history[-1]['loss'] / 6", 1e-6)
def _():
    solver = SGD(rate=0.02, batch_size="full", reduction="sum", epochs=2500)
    fit = quiet(x6, y6, family="binomial", start=[-1, 0], solver=solver)
    b, w = fit.params
    mu = special.sigmoid(w * x6[:, 0] + b)
    return -np.mean(y6 * np.log(mu) + (1 - y6) * np.log(1 - mu)), fit.history[-1]["loss"] / 6


@item("primes", "torch tensors, float32, 5,000 epochs: w", "SGD(dtype='float32')", 1e-7)
def _():
    return 0.5517694354057312, table()["fastglm, float32, 5,000 epochs"].w


@item("primes", "torch tensors, float32: b", "SGD(dtype='float32')", 1e-6)
def _():
    return -3.5490245819091797, table()["fastglm, float32, 5,000 epochs"].b


@item("primes", "torch.nn and Keras: w", "SGD(reduction='mean', rate=0.1)", 5e-5)
def _():
    return 0.5508, table()["fastglm, mean of the losses, rate 0.1"].w


@item(
    "primes",
    "torch.nn and Keras: b",
    "SGD(reduction='mean', rate=0.1)",
    5e-4,
    "the lecture's start is random, and not seeded",
)
def _():
    return -3.542, table()["fastglm, mean of the losses, rate 0.1"].b


@item("primes", "... at 8.5", "result.predict([[8.5]])", 5e-5)
def _():
    return 0.7576, table()["fastglm, mean of the losses, rate 0.1"].at


@item("primes", "the neuron as a network", "nn.MLP(()).fit(x, y, solver=SGD(...))", 1e-3)
def _():
    solver = SGD(rate=0.1, batch_size="full", schedule="constant", tol=None, epochs=2500)
    return [-3.542, 0.5508], MLP((), family="binomial").fit(
        x6, y6.astype(float), solver=solver, start=[-1.0, 0.0]
    ).theta


@item("primes", "binary cross-entropy = -log-likelihood", "-result.llf", 1e-12)
def _():
    return 2.3534040894494224, -fastglm.fit(x6, y6, family="binomial").llf


@item(
    "primes",
    "back-propagation, BP1 to BP4",
    "MLP((4, 3), activation='logistic').gradient",
    1e-7,
    "beside central differences",
)
def _():
    model = MLP((4, 3), family="binomial", activation="logistic")
    X, y = X001[:30, :2], LABELS[:30].astype(float)
    theta = np.random.default_rng(5).normal(size=31)

    def loss(at):
        W1, W2, w3 = at[4:12].reshape(2, 4), at[15:27].reshape(4, 3), at[28:31]
        a = special.sigmoid(X @ W1 + at[:4])
        a = special.sigmoid(a @ W2 + at[12:15])
        eta = a @ w3 + at[27]
        return np.sum(np.logaddexp(0.0, eta) - y * eta)

    steps = 1e-6 * np.eye(31)
    return [(loss(theta + s) - loss(theta - s)) / 2e-6 for s in steps][:4], model.gradient(theta, X, y)[:4]


@item("primes", "w, b after each epoch", "SGD(record='params').history", 1e-12, "the lecture's wb_record")
def _():
    solver = SGD(rate=0.02, batch_size="full", reduction="sum", epochs=5, record="params")
    fit = quiet(x6, y6, family="binomial", start=[-1, 0], solver=solver)
    at, expected = np.array([-1.0, 0.0]), []
    for _ in range(5):
        mu = special.sigmoid(at[0] + at[1] * x6[:, 0])
        at = at + 0.02 * np.array([(y6 - mu).sum(), (x6[:, 0] * (y6 - mu)).sum()])
        expected.append(at)
    return expected[-1], fit.history[-1]["params"]


@item("primes", "... by a callback", "SGD(callbacks=[...])", 1e-12, "w and b of each epoch, as they come")
def _():
    seen = []
    solver = SGD(rate=0.02, batch_size="full", reduction="sum", epochs=3, record="params", callbacks=[seen.append])
    fit = quiet(x6, y6, family="binomial", start=[-1, 0], solver=solver)
    return fit.params, seen[-1]["params"]


@item("primes", "... by fits of one epoch, each from the last", "fit(..., start=at, solver=SGD(epochs=1))", 1e-12)
def _():
    solver, at = SGD(rate=0.02, batch_size="full", reduction="sum", epochs=1), np.array([-1.0, 0.0])
    for _ in range(3):
        at = quiet(x6, y6, family="binomial", start=at, solver=solver).params
    return quiet(x6, y6, family="binomial", start=[-1, 0], solver=solver._replace(epochs=3)).params, at


@item("primes", "a network of several layers and outputs", "MLP((3,), family='gaussian').fit(X, Y)", 1e-7,
      "Y has two columns; the gradient beside central differences")  # fmt: skip
def _():
    X, Y = X001[:30, :2], X001[:30, 1:] ** 2
    model = MLP((3,), family="gaussian")
    theta = np.random.default_rng(5).normal(size=17)

    def loss(at):
        hidden = np.tanh(X @ at[3:9].reshape(2, 3) + at[:3])
        return 0.5 * np.sum((hidden @ at[11:17].reshape(3, 2) + at[9:11] - Y) ** 2)

    steps = 1e-6 * np.eye(17)
    return [(loss(theta + step) - loss(theta - step)) / 2e-6 for step in steps][:4], model.gradient(theta, X, Y)[:4]


@item("primes", "an autoencoder, X on both sides", "MLP((2,), activation='identity').fit(X, X)", 1e-5,
      "a linear one leaves what principal components leave")  # fmt: skip
def _():
    X = X001[:200] @ np.random.default_rng(1).normal(size=(3, 5))
    X = X - X.mean(axis=0)
    full = SGD(method="adam", batch_size="full", epochs=5000, patience=50, tol=1e-12)
    fit = MLP((2,), activation="identity").fit(X, X, solver=full)
    left = np.sum(np.linalg.svd(X, compute_uv=False)[2:] ** 2)
    return left / np.sum(X**2), np.sum((X - fit.predict(X)) ** 2) / np.sum(X**2)


@item("primes", "a progress bar", "fit(..., progress=True)", 1e-12)
def _():
    from contextlib import redirect_stderr
    from io import StringIO

    with redirect_stderr(StringIO()):
        fit = fastglm.fit(x6, y6, family="binomial", progress=True)
    return fastglm.fit(x6, y6, family="binomial").params, fit.params


def drawn(draw):
    """What a function returns of the Axes that it draws into, which are closed after."""
    import matplotlib

    before = matplotlib.get_backend()
    matplotlib.use("Agg")
    import matplotlib.pyplot as plt

    try:
        return draw(plt.figure().subplots())
    finally:
        plt.close("all")
        matplotlib.use(before)


@item(
    "primes",
    "plot: the sigmoid with the points, three parameter sets",
    "plots.fitted(fit, x, y, params=[...])",
    1e-12,
    "the curves are of these parameters",
)
def _():
    fit, sets = fastglm.fit(x6, y6, family="binomial"), [[-1.0, 0.2], [-2.0, 0.4], [-3.0, 0.5]]

    def curves(ax):
        plots.fitted(fit, x6, y6, params=sets, ax=ax)
        return [line for line in ax.get_lines() if len(line.get_xdata()) > 20]

    lines = drawn(curves)
    at = [line.get_xdata()[10] for line in lines[-3:]]
    expected = [special.sigmoid(b + w * x) for (b, w), x in zip(sets, at, strict=True)]
    return expected, [line.get_ydata()[10] for line in lines[-3:]]


@item("primes", "plot: loss against epoch", "plots.history(fit, x='epoch', y='loss', scale='linear')", 1e-9)
def _():
    fit = quiet(
        x6, y6, family="binomial", start=[-1, 0], solver=SGD(rate=0.02, batch_size="full", reduction="sum", epochs=50)
    )

    def curve(ax):
        plots.history(fit, x="epoch", y="loss", scale="linear", ax=ax)
        return ax.get_lines()[0].get_ydata()

    return [fit.history[0]["loss"], fit.history[-1]["loss"]], drawn(curve)[[0, -1]]


@item("primes", "plot: the path of (b, w) over the loss surface", "plots.descent(fit, x, y)", 1e-12)
def _():
    solver = SGD(rate=0.02, batch_size="full", reduction="sum", epochs=50, record="params")
    fit = quiet(x6, y6, family="binomial", start=[-1, 0], solver=solver)

    def end(ax):
        plots.descent(fit, x6, y6, start=[-1, 0], ax=ax)
        line = max(ax.get_lines(), key=lambda line: len(line.get_xdata()))
        return line.get_xdata()[-1], line.get_ydata()[-1]

    return fit.params, drawn(end)


@item("regressions", "plot: the regression line and its points", "plots.fitted(fit, X, y)", 1e-9)
def _():
    fit = fastglm.fit(A4[:, 1:2], DATA.y)

    def line(ax):
        plots.fitted(fit, A4[:, 1:2], DATA.y.to_numpy(), ax=ax)
        return next(line for line in ax.get_lines() if len(line.get_xdata()) > 20 and line.get_linestyle() == "-")

    found = drawn(line)
    return fit.params[0] + fit.params[1] * found.get_xdata()[[0, -1]], found.get_ydata()[[0, -1]]


# --- regressions ---


@item("regressions", "b1 = S_xy / S_xx, b0 = ȳ - b1 x̄", "glm('y ~ x', data)", 1e-12)
def _():
    dx, dy = DATA.x - DATA.x.mean(), DATA.y - DATA.y.mean()
    slope = (dx * dy).sum() / (dx**2).sum()
    return [DATA.y.mean() - slope * DATA.x.mean(), slope], fastglm.glm("y ~ x", DATA).params


@item("regressions", "the normal equations (X'X)⁻¹ X'y", "glm('y ~ x + z', data)", 1e-12)
def _():
    return np.linalg.solve(A4.T @ A4, A4.T @ DATA.y), fastglm.glm("y ~ x + z", DATA).params


@item("regressions", "ridge (X'X + λI)⁻¹ X'y", "fit(X, y, intercept=False, penalty=Ridge(λ / n, scale=False))", 1e-12)
def _():
    found = fastglm.fit(A4, DATA.y, intercept=False, penalty=penalties.Ridge(2.0 / N4, scale=False))
    return np.linalg.solve(A4.T @ A4 + 2.0 * np.eye(3), A4.T @ DATA.y), found.params


@item("regressions", "... where X'X has no inverse", "the same", 1e-10)
def _():
    found = fastglm.fit(SINGULAR, DATA.y, intercept=False, penalty=penalties.Ridge(2.0 / N4, scale=False))
    return np.linalg.solve(SINGULAR.T @ SINGULAR + 2.0 * np.eye(4), SINGULAR.T @ DATA.y), found.params


@item("regressions", "λ on a validation set", "cv(X, y, penalty=Ridge(), lambdas=..., folds=mask).lambda_min")
def _():
    held, lambdas = np.arange(N4) % 4 == 0, np.geomspace(1.0, 1e-3, 10)
    errors = []
    for lam in lambdas:
        fit = fastglm.fit(A4[~held, 1:], DATA.y[~held], penalty=penalties.Ridge(lam))
        errors.append(np.mean((DATA.y[held] - fit.predict(A4[held, 1:])) ** 2))
    found = fastglm.cv(A4[:, 1:], DATA.y, penalty=penalties.Ridge(), lambdas=lambdas, folds=held, measure="mse")
    return lambdas[int(np.argmin(errors))], found.lambda_min


@item("regressions", "polynomial regression", "glm('y ~ x + I(x**2) + I(x**3)', data)", 1e-8)
def _():
    powers = np.column_stack([DATA.x**k for k in range(4)])
    return np.linalg.lstsq(powers, DATA.y, rcond=None)[0], fastglm.glm("y ~ x + I(x**2) + I(x**3)", DATA).params


@item("regressions", "... orthogonal", "glm('y ~ poly(x, 3)', data)", 1e-10)
def _():
    powers = np.column_stack([DATA.x**k for k in range(4)])
    b = np.linalg.lstsq(powers, DATA.y, rcond=None)[0]
    return powers[:3] @ b, fastglm.glm("y ~ poly(x, 3)", DATA).predict(DATA)[:3]


@item("regressions", "... of several variables", "glm('y ~ polynomial(x, z, degree=3, interaction=False)', data)", 1e-9)
def _():
    powers = np.column_stack([np.ones(N4), *(v**k for v in (DATA.x, DATA.z) for k in (1, 2, 3))])
    b = np.linalg.lstsq(powers, DATA.y, rcond=None)[0]
    fit = fastglm.glm("y ~ polynomial(x, z, degree=3, interaction=False)", DATA)
    return powers[:3] @ b, fit.predict(DATA)[:3]


@item("regressions", "feature scaling: the largest stable step on raw powers", "DivergenceError.stable_limit", 1e-12,
      "on standardised columns descent converges at rates near one")  # fmt: skip
def _():
    powers = np.column_stack([DATA.x**k for k in (1, 2, 3)])
    design = np.column_stack([np.ones(N4), powers])
    try:
        quiet(powers, DATA.y, solver=SGD(rate=1e-3, batch_size="full", standardize=False, epochs=100))
    except fastglm.errors.DivergenceError as error:
        limit = 2.0 / np.linalg.eigvalsh(design.T @ design / N4)[-1]
        return 1.0, round(error.stable_limit / limit, 1)
    return 1.0, np.nan


@item("regressions", "locally weighted, exp(-|xi - x|² / 2τ²)", "local(X, y, at=..., bandwidth=τ).fitted", 1e-10)
def _():
    expected, design = [], np.column_stack([np.ones(N4), DATA.x])
    for at in (2.0, 5.0, 8.0):
        w = np.exp(-((DATA.x - at) ** 2) / (2 * 0.8**2)).to_numpy()
        expected.append(np.linalg.solve(design.T @ (w[:, None] * design), design.T @ (w * DATA.y)) @ [1.0, at])
    return expected, fastglm.local(
        DATA[["x"]].to_numpy(), DATA.y.to_numpy(), at=[[2.0], [5.0], [8.0]], bandwidth=0.8
    ).fitted


@item("regressions", "log-linear: E(ln y) = b'x", "glm('log(y) ~ x', data)", 1e-12)
def _():
    design = np.column_stack([np.ones(N4), DATA.x])
    return np.linalg.lstsq(design, np.log(DATA.price), rcond=None)[0], fastglm.glm("log(price) ~ x", DATA).params


@item("regressions", "... the mean of y itself", "predict(new, retransform='lognormal')", 1e-12)
def _():
    fit, new = fastglm.glm("log(price) ~ x", DATA), DATA[:3]
    return np.exp(fit.predict(new) + fit.scale / 2), fit.predict(new, retransform="lognormal")


@item("regressions", "y = exp(b'x) + e", "fit(X, y, family='gaussian', link='log')", 1e-7)
def _():
    fit = fastglm.glm("price ~ x", DATA, link="log")
    mu = fit.predict(DATA)
    design = np.column_stack([np.ones(N4), DATA.x])
    return np.zeros(2), design.T @ ((DATA.price - mu) * mu) / (mu**2).sum()


@item("regressions", "Poisson regression, zeros allowed: X'(y - mu) = 0", "fit(X, y, family='poisson')", 1e-9)
def _():
    fit = fastglm.glm("count ~ x + z", DATA, family="poisson")
    return np.zeros(3), A4.T @ (DATA["count"] - fit.predict(DATA))


@item("regressions", "y = sum of δ_i(t) (w_i x + b_i)", "glm('y ~ t + t:x - 1', data)", 1e-10)
def _():
    expected = [np.polyfit(DATA.x[DATA.t == t], DATA.y[DATA.t == t], 1)[::-1] for t in "abc"]
    return np.array(expected).T.ravel(), fastglm.glm("y ~ t + t:x - 1", DATA).params


@item("regressions", "odds and the logit", "predict(X, 'link'), exp of it", 1e-12)
def _():
    fit = fastglm.glm("label ~ x", DATA, family="binomial")
    mu = fit.predict(DATA[:3])
    return np.log(mu / (1 - mu)), fit.predict(DATA[:3], "link")


@item("regressions", "a threshold T", "predict(X, kind='class', threshold=T)")
def _():
    fit = fastglm.glm("label ~ x", DATA, family="binomial")
    return (fit.predict(DATA[:9]) > 0.7).astype(int), fit.predict(DATA[:9], kind="class", threshold=0.7)


@item("regressions", "J = mean cross-entropy", "-result.llf / n", 1e-12)
def _():
    fit = fastglm.glm("label ~ x", DATA, family="binomial")
    h = fit.predict(DATA)
    return -np.mean(DATA.label * np.log(h) + (1 - DATA.label) * np.log(1 - h)), -fit.llf / N4


@item("regressions", "logistic with transformed variables", "glm('y ~ x + I(x**2)', family='binomial')", 1e-9)
def _():
    fit = fastglm.glm("label ~ x + I(x**2)", DATA, family="binomial")
    design = np.column_stack([np.ones(N4), DATA.x, DATA.x**2])
    return np.zeros(3), design.T @ (DATA.label - fit.predict(DATA))


def text(value) -> str:
    """Numbers as they stand in the table."""
    numbers = np.ravel(np.asarray(value, float))
    shown = [f"{number:.8g}" if abs(number) > 1e-9 else "0" for number in numbers[:4]]
    return ", ".join(shown) + (", ..." if len(numbers) > 4 else "")


def page() -> str:
    """The page."""
    lines = [HEAD, "| lecture | item | call | lecture | fastglm | remark |\n", "|---|---|---|---|---|---|\n"]
    for one in ITEMS:
        expected, found = one.both()
        name, call = one.name.replace("|", "\\|"), one.call.replace("|", "\\|")
        lines.append(f"| {one.lecture} | {name} | `{call}` | {text(expected)} | {text(found)} | {one.remark} |\n")
    return "".join(lines)


if __name__ == "__main__":
    PAGE.write_text(page())
