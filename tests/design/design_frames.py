"""A frame with columns of every kind, and designs as plain matrices; what the tests of designs share."""

import re

import numpy as np
import pandas as pd

from fastglm.source.in_memory import Block
from fastglm.source.streaming_qr import design as dense


def frame(n=60, seed=0):
    """Numbers, whole numbers, text, ordered categories of which one has no row, booleans, dates, an odd name."""
    rng = np.random.default_rng(seed)
    levels = ["lo", "mid", "hi", "none"]
    return pd.DataFrame(
        {
            "y": rng.normal(size=n),
            "x": rng.normal(size=n),
            "u": rng.uniform(0.1, 0.9, n),
            "e": rng.uniform(1.0, 2.0, n),
            "k": rng.integers(0, 4, n),
            "z": rng.permutation(np.resize(list("abc"), n)),
            "w": pd.Categorical(rng.permutation(np.resize(levels[:3], n)), categories=levels),
            "flag": rng.uniform(size=n) > 0.5,
            "d": pd.Timestamp("2020-01-01") + pd.to_timedelta(rng.permutation(np.resize(range(4), n)), unit="D"),
            "a b": rng.normal(size=n),
        }
    )


def matrix(built):
    """The columns of the model (n, m) that a built design stands for."""
    data = Block(
        built.X,
        built.has_intercept,
        built.y,
        None,
        None,
        built.offset,
        built.exposure,
        built.names,
        built.terms,
        built.coding,
    )
    return dense(data, 0, len(built.X))


def r_name(name):
    """What R calls a coefficient: ``z[T.b]:x`` is ``zb:x`` there."""
    return re.sub(r"\[(?:[TSHD]\.)?([^\]]*)\]", r"\1", name).replace("True", "TRUE").replace("False", "FALSE")
