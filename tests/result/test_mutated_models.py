"""Saved models that were changed by chance or with intent: an error of the library's own, or a model that predicts."""

import json
import random
import warnings

import numpy as np
import pytest

import fastglm
from fastglm.errors import FastGLMError

pd = pytest.importorskip("pandas")
pytest.importorskip("formulaic")
pytest.importorskip("pyarrow")

N = 90
STRANGE = [
    None, True, False, -1, 0, 1, 10**6, 10**30, -0.5, 1e308, "", "nan", "inf", "x", "y", "__import__('os')", "np", [],
    [[]], [1], ["x"], {"a": 1}, "C(g)",
    "bs(x, df=1000000)", "poly(x, 10**9)", "I(x + 9**9**9)", "(x + z)**99999", "\x1b[2J",
    {},
    "y ~ x", "~", "drop", "missing", "factor", "number", {"pairs": []}, {"array": [1.0]}, {"pairs": [[1, 2, 3]]},
]  # fmt: skip


def table():
    rng = np.random.default_rng(0)
    d = pd.DataFrame({"x": rng.uniform(0.1, 2, N), "z": rng.normal(size=N), "g": np.resize(list("abc"), N),
                      "w": rng.uniform(1, 2, N), "o": rng.normal(size=N) * 0.1, "k": 1 + np.arange(N) % 4})  # fmt: skip
    d["flag"] = d.z > 0
    return d.assign(y=rng.poisson(np.exp(0.3 * d.x)), b=rng.choice(["no", "yes"], N), c=rng.choice(["p", "q", "r"], N))


def fit_of_all_columns(d):
    return fastglm.fit(iter([d[["x", "g", "y", "w", "k"]]]), "y", family="poisson", exposure="k", weights="w")


def fits(d):
    yield fastglm.glm("y ~ x * g + bs(z, df=4) + offset(o)", d, family="poisson", weights="w")
    yield fastglm.glm("b ~ poly(x, 2) + C(k, Sum) + flag", d, family="binomial", cov="HC1")
    yield fastglm.glm("c ~ x + g", d, family="multinomial")
    yield fastglm.fit(d[["x", "z"]].to_numpy(), d.y, family=fastglm.families.NegativeBinomial(theta=2.0))
    yield fastglm.fit(d[["x", "g"]], d.y, family=fastglm.families.Tweedie(power=1.5))
    yield fit_of_all_columns(d)
    yield fastglm.glm("y ~ 0 + scale(x) + C(g, Treatment('b'))", d, solver="sgd")


@pytest.fixture(scope="module")
def saved(tmp_path_factory):
    path = tmp_path_factory.mktemp("models") / "m.json"
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        found = []
        for fit in fits(table()):
            fit.save(path)
            found.append(path.read_text(encoding="utf-8"))
    return found


def places(value, path=()):
    """The paths of all values in a document."""
    yield path
    items = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for key, item in items:
        yield from places(item, (*path, key))


def mutate(document, rng):
    """One change: a value replaced, removed, doubled, or exchanged with another."""
    paths = [path for path in places(document) if path]
    # half of the changes in the design and in what names columns, which arrays of numbers would crowd out
    named = [path for path in paths if path[0] in ("design", "names", "classes", "family", "link", "aliased", "notes")]
    path = rng.choice(named if named and rng.random() < 0.7 else paths)
    *above, last = path
    parent = document
    for key in above:
        parent = parent[key]
    action = rng.choice(["replace", "replace", "replace", "remove", "double", "text", "exchange"])
    if action == "remove":
        del parent[last]
    elif action == "double" and isinstance(parent[last], (list, str)):
        parent[last] = parent[last] + parent[last]
    elif action == "text" and isinstance(parent[last], str) and parent[last]:
        i = rng.randrange(len(parent[last]))
        parent[last] = parent[last][:i] + rng.choice("~+*()[]{}`'\"\\\x1b\x00 9zé^%") + parent[last][i + 1 :]
    elif action == "exchange":
        other = document
        for key in (whole := rng.choice(paths)):
            other = other[key]
        parent[last] = json.loads(json.dumps(other)) if len(whole) > 1 else None
    else:
        parent[last] = rng.choice(STRANGE)
    return path, action, parent[last] if action != "remove" and not isinstance(parent, list) else "..."


@pytest.mark.parametrize("model", range(7))
def test_a_changed_model_is_refused_or_predicts(saved, model, tmp_path):
    frame, rng = table().head(7), random.Random(model)
    rows = frame[["x", "z"]].to_numpy() if model == 3 else frame
    path = tmp_path / "m.json"
    refused = at_load = 0
    for _ in range(120):
        document = json.loads(saved[model])
        what = [mutate(document, rng) for _ in range(rng.choice([1, 1, 2]))]
        path.write_text(json.dumps(document), encoding="utf-8")
        loaded = None
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")
                loaded = fastglm.load(path)
                mean = loaded.predict(rows)
                summary = str(loaded.summary())
            assert len(mean) == len(frame), what
            assert "\x1b" not in summary and "\x00" not in summary
        except FastGLMError as error:
            refused += 1
            at_load += loaded is None
            assert "\x1b" not in str(error)
        except Exception as error:
            raise AssertionError(f"{type(error).__name__}: {error} after {what}") from error
    assert refused > 30 and at_load > 0.85 * refused
