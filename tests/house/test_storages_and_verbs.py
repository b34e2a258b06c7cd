"""Every verb on every storage of the same rows gives the numbers of the array, or the one refusal that is documented.

Storages and cases are the registries of ``storages.py``; a verb is a line of ``VERBS``. A new line of any of them is
tested with all of the others.
"""

import warnings

import numpy as np
import pytest

import fastglm
from fastglm.errors import InvalidParameterError

pytest.importorskip("formulaic")
pytest.importorskip("narwhals")

from storages import (  # noqa: E402
    CASES,
    FIRST,
    N_NEW,
    NAMES,
    PAIRS,
    REFERENCE,
    STORAGES,
    Held,
    needs,
    rows,
)  # fmt: skip

pytestmark = pytest.mark.filterwarnings("ignore:Dask support is moving out of Narwhals")
RTOL = 1e-10
# what a verb that needs all rows at hand says to files, streams and collections of Dask: one sentence for all
IN_MEMORY = "needs rows in memory: arrays or a data frame"
GLANCE = ("null_deviance", "df_null", "logLik", "AIC", "BIC", "deviance", "df_residual", "nobs", "converged")
ESTIMATES = ("estimate", "std_error", "statistic", "p_value", "conf_low", "conf_high")


# Verbs: (result, held) -> numbers or texts by name


def estimates(result):
    found = {name: getattr(result, name) for name in ("params", "bse", "deviance", "null_deviance", "llf", "llnull")}
    return found | {"scale": result.scale, "nobs": result.nobs, "df_resid": result.df_resid, "names": result.names}


def fit(result, held):
    return estimates(result) | {"classes": result.classes, "conf_int": result.conf_int(0.9)}


def predict(result, held):
    return {kind: result.predict(held.data(), kind, **held.shifts()) for kind in ("mean", "link")}


def interval(result, held):
    return result.predict(held.data(), interval="mean", level=0.9, **held.shifts())._asdict()


def label(result, held):
    return {"class": result.predict(held.data(), "class", **held.shifts())}


def residuals_of(*kinds):
    def residuals(result, held):
        calls = [(kind, *held.rows()) for kind in kinds]
        return {kind: result.residuals(*given, kind=kind, **options) for kind, given, options in calls}

    return residuals


def influence(result, held):
    given, options = held.rows()
    return result.influence(*given, **options)._asdict()


def diagnostics(result, held):
    given, options = held.scored()
    found = {"link": result.link_test(*given, **options).statistic}
    given, options = held.rows()
    found["quantile"] = result.residuals(*given, kind="quantile", seed=3, **options)
    given, options = held.rows()
    found |= result.influence(*given, deletion=True, **options)._asdict()
    if result.family.two_outcomes:
        given, options = held.scored()
        found |= result.binary_diagnostics(*given, **options).auc()._asdict()
    return found


def score(result, held):
    given, options = held.scored()
    return result.score(*given, **options)._asdict()


def calibration(result, held):
    given, options = held.scored()
    return result.calibration(*given, bins=8, **options)._asdict()


def with_cov(*kinds):
    def covariance(result, held):
        calls = [(kind, *held.rows()) for kind in kinds]
        return {kind: result.with_cov(kind, *given, **options).cov_params() for kind, given, options in calls}

    return covariance


def clusters(result, held):
    given, options = held.rows("c")
    return {"cluster": result.with_cov("cluster", *given, cluster=held.vector("c"), **options).cov_params()}


def clusters_of_the_fit(result, held):
    return estimates(held.fit(cluster="c"))


def summary(result, held):
    lines = result.summary().as_text().splitlines()
    numbers = [line.split()[-6:] for line in lines if len(line.split()) > 6 and "err" not in line]
    return {"coefficients": [words for words in numbers if all(is_number(word) for word in words)]}


def is_number(word):
    return word.lstrip("<+-").replace(".", "", 1).replace("e-", "", 1).isdigit()


def tidy(result, held):
    table = result.tidy()
    assert type(table).__module__.split(".")[0] == held.storage.tidy
    columns = {name: np.asarray(table[name]) for name in ESTIMATES}
    return columns | {"term": list(map(str, np.asarray(table["term"])))}


def glance(result, held):
    found = result.glance()
    return {name: found[name] for name in GLANCE}


def plan(result, held):
    options = {"family": held.case.family, **held.vectors, **held.storage.options}
    first = f"{held.case.y} ~ x1 + x2 + g" if held.door == "glm" else held.y
    found = fastglm.plan(first, held.data(), **options)
    return {name: getattr(found, name) for name in ("rows", "columns", "family", "link", "solver")}


def partial_fit(result, held):
    names = NAMES if held.storage.holds == "numbers" else None
    model = fastglm.OnlineGLM(held.case.family, names=names)
    for batch in (held.batch(0, FIRST), held.batch(FIRST, len(held.frame))):
        model.partial_fit(batch.data(), batch.y, **batch.vectors)
    return estimates(model.result())


def network(result, held):
    solver = fastglm.solvers.SGD(method="adam", epochs=2)
    trained = fastglm.nn.MLP((3,), family=held.case.family, seed=1).fit(held.data(), held.y, solver=solver,
                                                                       **held.vectors)  # fmt: skip
    shifts = {role: v for role, v in held.vectors.items() if role != "weights"}
    return {"theta": trained.theta, "loss": trained.loss, "mean": trained.predict(held.data(), **shifts)}


def plots(result, held):
    import matplotlib

    matplotlib.use("Agg")
    import matplotlib.pyplot as plt

    vectors = {} if held.with_names else held.vectors
    y = np.asarray(held.frame[held.case.y].tolist())
    try:
        ax = fastglm.plots.fitted(result, held.data(), y, "x2", **vectors)
        found = {f"fitted, line {i}": line.get_xydata() for i, line in enumerate(ax.lines)}
        ax = fastglm.plots.coefficients(result)
        found |= {f"coefficients, line {i}": np.asarray(line.get_xydata()) for i, line in enumerate(ax.lines)}
        return found | {"xlabel": ax.get_xlabel()}
    finally:
        plt.close("all")


# What is answered of a result alone, of the rows of the fit, of any rows, and without a result
OF_RESULTS = {"fit": fit, "summary": summary, "tidy": tidy, "glance": glance}
OF_FITTED_ROWS = {
    "influence": influence,
    "diagnostics": diagnostics,
    "with_cov HC0, HC1": with_cov("HC0", "HC1"),
    "with_cov HC2, HC3": with_cov("HC2", "HC3"),
    "with_cov cluster": clusters,
    "plots": plots,
}
OF_ANY_ROWS = {
    "predict": predict,
    "predict interval": interval,
    "predict class": label,
    "residuals": residuals_of("deviance", "pearson", "response"),
    "residuals of one mean": residuals_of("working", "anscombe"),
    "score": score,
    "calibration": calibration,
}
OF_DATA = {"plan": plan, "cov of the fit by clusters": clusters_of_the_fit, "partial_fit": partial_fit, "MLP": network}
VERBS = OF_RESULTS | OF_FITTED_ROWS | OF_ANY_ROWS | OF_DATA
# these have no formula: they are asked of what ``fit`` takes
WITHOUT_FORMULA = ("partial_fit", "MLP")
READING_OFTEN = ("diagnostics",)  # for the suite's time these are asked of the same rows only
OF_FIT = (*WITHOUT_FORMULA, *READING_OFTEN)
ASKED = [(*pair, verb) for pair in PAIRS for verb in VERBS if pair[1] == "fit" or verb not in OF_FIT]


def may_say(verb, storage):
    """The one sentence by which a verb may refuse a storage, or None where it must answer."""
    if verb in ("partial_fit", "MLP", "plots") and not STORAGES[storage].in_memory:
        return IN_MEMORY
    return "X is a sparse matrix; pass a dense array" if (verb, storage) == ("MLP", "csr") else None


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return tmp_path_factory.mktemp("rows")


@pytest.fixture(scope="module")
def fitted(folder):
    """(storage, door, case) -> (the rows, their fit), each fitted once."""
    frame, known = rows(), {}

    def find(storage, door, case):
        if (storage, door, case) not in known:
            held = Held(STORAGES[storage], door, CASES[case], frame, folder)
            known[storage, door, case] = held, quiet(held.fit)
        return known[storage, door, case]

    return find


@pytest.fixture(scope="module")
def reference():
    return {}


def quiet(do, *given):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return do(*given)


def outcome(verb, result, held):
    """What a verb answers, or the sentence by which it refuses."""
    try:
        return quiet(VERBS[verb], result, held)
    except InvalidParameterError as error:
        return str(error)


def check_same(found, expected):
    """Numbers as exactly as rounding lets them be, texts and names as they are."""
    assert found.keys() == expected.keys()
    for name, value in expected.items():
        a, b = np.asarray(found[name]), np.asarray(value)
        if b.dtype.kind in "fc":
            np.testing.assert_allclose(a, b, rtol=RTOL, atol=RTOL * np.nanmax(np.abs(b), initial=0.0), err_msg=name)
        else:
            assert found[name] is value is None or a.tolist() == b.tolist(), name


def check_verb(verb, storage, held, result, expected):
    found, sentence = outcome(verb, result, held), may_say(verb, storage)
    if sentence is not None and isinstance(found, str):
        assert sentence in found
    elif isinstance(expected, str):
        assert found == expected
    else:
        assert not isinstance(found, str), found
        check_same(found, expected)


@pytest.mark.parametrize("case", CASES)
@pytest.mark.parametrize("storage, door, verb", ASKED)
def test_a_verb_gives_the_numbers_of_the_array(fitted, reference, storage, door, case, verb):
    needs(STORAGES[storage])
    if verb == "plots":
        pytest.importorskip("matplotlib")
    if (case, verb) not in reference:
        held, result = fitted(*REFERENCE, case)
        reference[case, verb] = outcome(verb, result, held)
    held, result = (None, None) if verb in OF_DATA else fitted(storage, door, case)
    held = held or fitted(*REFERENCE, case)[0].of(storage=STORAGES[storage], door=door)
    check_verb(verb, storage, held, result, reference[case, verb])


@pytest.mark.parametrize("case", ["binomial", "poisson", "multinomial"])
@pytest.mark.parametrize("storage, door", PAIRS)
def test_a_saved_result_answers_for_new_rows(fitted, reference, storage, door, case, tmp_path):
    needs(STORAGES[storage])
    held, result = fitted(storage, door, case)
    result.save(tmp_path / "result.json")
    loaded, new = fastglm.load(tmp_path / "result.json"), held.of(frame=rows(N_NEW, 1))
    for verb in OF_RESULTS | OF_FITTED_ROWS | OF_ANY_ROWS:
        if verb == "plots":  # tested above; it takes longer than all others
            continue
        key = case, verb, "new rows" if verb in OF_ANY_ROWS else "rows of the fit"
        of = new if verb in OF_ANY_ROWS else held
        if key not in reference:
            first, array_result = fitted(*REFERENCE, case)
            first = first.of(frame=new.frame) if verb in OF_ANY_ROWS else first
            reference[key] = outcome(verb, array_result, first)
        check_verb(verb, storage, of, loaded, reference[key])


def test_the_array_answers(fitted, reference):
    """What the others are compared with are numbers, apart from what no model of the kind has."""
    for case in CASES:
        held, result = fitted(*REFERENCE, case)
        refused = {verb for verb in VERBS if isinstance(outcome(verb, result, held), str)}
        allowed = {"predict class"} if case in ("gaussian", "poisson") else set()
        if case == "multinomial":
            allowed = {"calibration", "diagnostics", "residuals of one mean", "with_cov HC2, HC3"}
        assert refused == allowed, case


@pytest.mark.parametrize("storage", [name for name, s in STORAGES.items() if s.holds == "columns"])
@pytest.mark.parametrize("case", CASES)
def test_files_are_rows_in_the_place_of_X_too(fitted, storage, case):
    """``residuals(X, y)`` takes the files and names that ``fit(X, y)`` and ``score(X, y)`` take."""
    needs(STORAGES[storage])
    held, result = fitted(storage, "fit", case)
    # weights and exposure are found by the names that they had
    np.testing.assert_array_equal(result.residuals(held.data(), held.y), result.residuals(data=held.data()))
    found = result.influence(held.data(), held.y)
    for mine, same in zip(found, result.influence(data=held.data()), strict=True):
        np.testing.assert_array_equal(mine, same)
    found = result.with_cov("HC1", held.data(), held.y).bse
    np.testing.assert_array_equal(found, result.with_cov("HC1", data=held.data()).bse)


@pytest.mark.parametrize("storage", [name for name, s in STORAGES.items() if s.holds == "frame"])
def test_exposure_is_a_name_or_an_array(fitted, storage):
    needs(STORAGES[storage])
    held, by_name = fitted(storage, "glm", "poisson")
    e = held.frame["e"].to_numpy()
    by_array = fastglm.glm("count ~ x1 + x2 + g", held.data(), family="poisson", exposure=e)
    np.testing.assert_array_equal(by_array.params, by_name.params)
    np.testing.assert_allclose(by_array.predict(held.data(), exposure=e), by_name.predict(held.data()), rtol=1e-14)
