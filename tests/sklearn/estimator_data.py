"""The data that the tests of the scikit-learn estimators share."""

import numpy as np

rng = np.random.default_rng(5)
X = rng.normal(size=(600, 4)) * [1.0, 0.5, 2.0, 0.1] + [0.0, 1.0, -1.0, 0.0]
ETA = 0.4 + X @ [0.5, -0.3, 0.1, 1.0]
WEIGHTS = rng.integers(0, 4, 600)
NEW = rng.normal(size=(50, 4))


def response(family):
    """A y of the family with the log link, or of one of its classes."""
    random = np.random.default_rng(7)
    draw = {
        "gaussian": lambda: ETA + random.normal(size=600),
        "poisson": lambda: random.poisson(np.exp(ETA)).astype(float),
        "gamma": lambda: random.gamma(2.0, np.exp(ETA) / 2.0),
        "two": lambda: np.where(random.uniform(size=600) < 1 / (1 + np.exp(-ETA)), "yes", "no"),
        "three": lambda: np.array([7, 2, 5])[np.digitize(ETA + random.logistic(size=600), [-0.5, 1.0])],
    }
    return draw[family]()
