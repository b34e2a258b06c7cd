"""Reference results of R (margins, emmeans, multcomp, predict), and the fits that they are of."""

import json
from pathlib import Path

import numpy as np
import pandas as pd

import fastglm

FOLDER = Path(__file__).parent / "inference"
CASES = {path.stem: json.loads(path.read_text()) for path in sorted(FOLDER.glob("*.json"))}


def frame(case):
    data = pd.read_csv(FOLDER / Path(case["data"]).name)
    for name, levels in case["levels"].items():
        data[name] = pd.Categorical(data[name].astype(str), levels)
    return data


def fitted(case, **options):
    shift = f" + offset({case['offset']})" if case["offset"] else ""
    link = None if case["family"] == "multinomial" else case["link"]
    return fastglm.glm(case["formula"] + shift, frame(case), family=case["family"], link=link, **options)


def named(prefix):
    return sorted(name for name in CASES if name.startswith(prefix))


def column(table, *names):
    return np.array([np.nan if v is None else v for v in next(table[name] for name in names if name in table)], float)


def same(found, expected, tol=1e-8):
    expected = np.asarray(expected, float)
    np.testing.assert_allclose(found, expected, rtol=tol, atol=tol * np.nanmax(np.abs(expected)))
