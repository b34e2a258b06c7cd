"""The life of a fit: stopping, divergence, interruption, checkpoints, options."""

import json

import numpy as np
import pytest
from sgd_reference import LINEAR, LOGISTIC, PLAIN, POISSON, SGD, as_csr, fit, logistic

from fastglm.core import sealed
from fastglm.errors import FastGLMError, FileFormatError, InvalidParameterError, MissingDataError
from fastglm.solver.sgd import DivergenceError, check
from fastglm.source import threads

X, Y = logistic(n=150, p=6, density=0.5)
KINDS = {
    "sgd": {},
    "averaged": {"averaging": True},
    "averaged by epoch": {"averaging": "auto"},
    "momentum": {"momentum": 0.9},
    "inverse scaling": {"schedule": "inverse_scaling"},
    "adagrad": {"method": "adagrad", "l1": 0.01},
    "adam": {"method": "adam"},
    "saga": {"method": "saga"},
    "implicit": {"step": "implicit"},
    "adaptive": {"rate": "auto", "schedule": "adaptive", "tol": 1e-3, "patience": 1},
    "validated": {"validation_fraction": 0.2},
    "single": {"dtype": "float32", "averaging": True},
    "batches": {"shuffle": "batches"},
}

RECORD = ("epoch", "loss", "validation_loss", "rate", "gradient_norm", "seconds", "passes")


def same(a, b):
    """Whether two solutions agree to the bit, but for their clocks."""
    assert a.stop == b.stop and a.epochs == b.epochs
    np.testing.assert_array_equal(a.coef, b.coef)
    np.testing.assert_array_equal(a.state.memory, b.state.memory)
    for name in set(RECORD) - {"seconds"}:
        np.testing.assert_array_equal(a.history[name], b.history[name])


@pytest.mark.parametrize("sparse", [False, True])
@pytest.mark.parametrize("kind", KINDS)
def test_resuming_continues_to_the_bit(kind, sparse, tmp_path):
    A = as_csr(X) if sparse else X
    options = PLAIN._replace(shuffle="rows", epochs=6)._replace(**KINDS[kind])
    straight = fit(A, Y, options=options)
    begun = fit(A, Y, options=options, epochs=2)
    same(straight, fit(A, Y, options=options, state=begun.state))
    path = tmp_path / "fit.npz"
    fit(A, Y, options=options, epochs=3, checkpoint=path)
    same(straight, fit(A, Y, options=options, checkpoint=path))
    assert [p.name for p in tmp_path.iterdir()] == ["fit.npz"]


def test_softmax_resumes_too(tmp_path):
    y = np.arange(150) % 3
    path = str(tmp_path / "fit.npz")
    fit(X, y, 3, epochs=2, checkpoint=path, method="saga")
    same(fit(X, y, 3, method="saga"), fit(X, y, 3, checkpoint=path, method="saga"))


@pytest.mark.parametrize(
    "change, named",
    [
        ({"batch_size": 9}, "batch_size"),
        ({"seed": 1}, "seed"),
        ({"rate": 0.2}, "rate"),
        ({"method": "adam"}, "method"),
        ({"dtype": "float32"}, "dtype"),
        ({"class_weight": {0: 1, 1: 2}}, "class_weight"),
        ({"weights": np.full(150, 2.0)}, "weights"),
        ({"offset": np.ones(150)}, "offset"),
    ],
)
def test_a_checkpoint_of_another_fit_is_refused_by_name(change, named, tmp_path):
    path = tmp_path / "fit.npz"
    fit(X, Y, checkpoint=path)
    with pytest.raises(InvalidParameterError, match=f"differs in .*{named}"):
        fit(X, Y, checkpoint=path, **change)


def test_a_checkpoint_of_other_data_is_refused(tmp_path):
    path = tmp_path / "fit.npz"
    fit(X, Y, checkpoint=path)
    other = X.copy()
    other[77, 3] += 1.0
    for A, y, pair, named in (
        (other, Y, LOGISTIC, "X"),
        (X, 1 - Y, LOGISTIC, "y"),
        (X[:, :5], Y, LOGISTIC, "shape of X"),
        (X, Y, LINEAR, "model"),
    ):
        with pytest.raises((InvalidParameterError, ValueError), match=named):
            fit(A, y, pair, checkpoint=path)


def test_what_may_change_between_sessions_may(tmp_path):
    path = tmp_path / "fit.npz"
    fit(X, Y, epochs=1, checkpoint=path)
    more = fit(X, Y, epochs=4, checkpoint=path, checkpoint_every=2, tol=1e-9, callbacks=(lambda r: None,))
    np.testing.assert_array_equal(more.coef, fit(X, Y, epochs=4).coef)


def test_a_damaged_checkpoint_is_refused(tmp_path):
    path = tmp_path / "fit.npz"
    path.write_bytes(b"not a checkpoint")
    with pytest.raises(FileFormatError, match="not a checkpoint"):
        fit(X, Y, checkpoint=path)
    sealed.write(path, {"about": np.array(json.dumps({"format": "another"}))})
    with pytest.raises(FileFormatError, match="another"):
        fit(X, Y, checkpoint=path)


def test_a_checkpoint_holds_no_pickle(tmp_path):
    path = tmp_path / "fit.npz"
    fit(X, Y, checkpoint=path)
    with np.load(path, allow_pickle=False) as file:
        assert all(file[name].dtype != object for name in file.files)


@pytest.mark.parametrize("where", [1, 2])
def test_an_interrupted_fit_can_be_resumed(where, tmp_path):
    seen = []

    def interrupt(record):
        seen.append(record["epoch"])
        if len(seen) == where:
            raise KeyboardInterrupt

    first = fit(X, Y, epochs=1)
    with pytest.raises(KeyboardInterrupt):
        fit(X, Y, epochs=6, state=first.state, callback=interrupt)
    assert first.state.epoch == 1 + where == len(first.state.history)
    same(fit(X, Y, epochs=6), fit(X, Y, epochs=6, state=first.state))
    seen.clear()
    path = tmp_path / "fit.npz"
    with pytest.raises(KeyboardInterrupt):
        fit(X, Y, epochs=6, callbacks=(interrupt,), checkpoint=path, checkpoint_every=5)
    same(fit(X, Y, epochs=6), fit(X, Y, epochs=6, checkpoint=path))


def test_an_error_inside_an_epoch_leaves_the_last_one():
    def schedule(epoch):
        return 0.1 if epoch < 2 else -1.0

    state = fit(X, Y, epochs=1, rate="auto", schedule=schedule).state
    with pytest.raises(InvalidParameterError, match="rate of epoch 2"):
        fit(X, Y, epochs=6, rate="auto", schedule=schedule, state=state)
    assert state.epoch == 2 and len(state.history) == 2
    np.testing.assert_array_equal(state.theta, fit(X, Y, epochs=2, rate=0.1).state.theta)


def test_callbacks_see_records_and_may_stop():
    records = []
    solution = fit(X, Y, epochs=50, callbacks=(records.append,), callback=lambda r: r["epoch"] == 4)
    assert solution.stop == "callback" and solution.epochs == 4
    assert [r["epoch"] for r in records] == [1, 2, 3, 4] and tuple(records[0]) == (*RECORD, "params")
    np.testing.assert_array_equal(records[-1]["params"], solution.coef)
    np.testing.assert_array_equal(solution.history["loss"], [r["loss"] for r in records])
    assert (np.diff(solution.history["seconds"]) >= 0).all()


def test_changing_a_record_changes_nothing():
    def tamper(record):
        record.pop("params")[:] = np.nan
        record.clear()

    tampered = fit(X, Y, callbacks=(tamper,), record="params")
    assert len(tampered.history["loss"]) == 3 and np.isfinite(tampered.history["params"]).all()


@pytest.mark.parametrize("standardize", [True, False])
def test_recorded_coefficients_are_those_of_fits_of_as_many_epochs(standardize, tmp_path):
    options = {"epochs": 4, "standardize": standardize, "record": "params"}
    whole = fit(X, Y, **options)
    assert "params" not in fit(X, Y, epochs=2).history
    for epochs in (1, 2, 3, 4):
        part = fit(X, Y, **options | {"epochs": epochs, "checkpoint": tmp_path / "state.npz"})
        np.testing.assert_array_equal(whole.history["params"][epochs - 1], part.coef)
    np.testing.assert_array_equal(part.history["params"], whole.history["params"])  # of four fits, each resumed
    records = whole.records()
    assert len(records) == 4 and records[1]["params"].shape == whole.coef.shape


@pytest.mark.parametrize("sparse", [False, True])
def test_threads_do_not_matter(sparse):
    A, results = as_csr(X) if sparse else X, []
    for n in (1, 2, 5):
        threads.set_threads(n)
        try:
            results.append(fit(A, Y, options=SGD(seed=3, epochs=5)).coef)
        finally:
            threads.set_threads(None)
    np.testing.assert_array_equal(results[0], results[1])
    np.testing.assert_array_equal(results[0], results[2])


def test_schedules():
    rates = fit(X, Y, rate="auto", schedule=lambda epoch: 0.5 / (1 + epoch)).history["rate"]
    np.testing.assert_allclose(rates, [0.5, 0.25, 0.5 / 3])
    adaptive = fit(X, Y, rate=8.0, schedule="adaptive", epochs=60, patience=1, tol=1e-4)
    ratios = adaptive.history["rate"][1:] / adaptive.history["rate"][:-1]
    assert set(ratios.round(12)) == {1.0, 0.2}
    # the epoch before each cut was no improvement
    assert adaptive.stop == "converged" or adaptive.epochs == 60
    decaying = fit(X, Y, schedule="inverse_scaling", power_t=0.5, batch_size="full", epochs=9)
    np.testing.assert_allclose(decaying.history["rate"], 0.1 / np.sqrt(np.arange(1, 10)))


def test_a_stop_by_tolerance():
    solution = fit(X, Y, options=SGD(rate=0.5, batch_size="full", epochs=5000, tol=1e-4, patience=3))
    losses = solution.history["loss"]
    assert solution.stop == "converged" and 3 < solution.epochs < 5000
    assert (losses[-4:] > losses[-4] * (1 - 4e-4)).all()


@pytest.mark.parametrize("sparse", [False, True])
def test_early_stopping_returns_the_best_on_held_out_rows(sparse):
    rng = np.random.default_rng(8)
    A, y = rng.normal(size=(60, 40)), rng.integers(0, 2, 60).astype(float)
    coefs = []

    def keep(record):
        coefs.append(record["validation_loss"])

    options = SGD(rate=0.5, validation_fraction=0.3, patience=4, epochs=300, batch_size=4, averaging=False)
    solution = fit(as_csr(A) if sparse else A, y, options=options, callback=keep)
    losses = solution.history["validation_loss"]
    best = int(np.argmin(losses))
    assert solution.stop == "early stopping" and solution.epochs < 300 and best < solution.epochs - 1
    until = fit(as_csr(A) if sparse else A, y, options=options, epochs=best + 1)
    np.testing.assert_array_equal(solution.coef, until.coef)
    assert coefs == losses.tolist()


def test_the_validation_loss_is_that_of_rows_never_trained_on():
    # an identity design tells which rows moved a coefficient
    n = 40
    solution = fit(np.eye(n), np.ones(n), LINEAR, has_intercept=False, validation_fraction=0.25, batch_size=1, epochs=1)
    held = solution.coef == 0.0
    assert held.sum() == 10
    np.testing.assert_allclose(solution.history["validation_loss"][-1], 0.5)


@pytest.mark.parametrize("sparse", [False, True])
def test_an_automatic_rate_heals_a_fit_that_diverges(sparse):
    rng = np.random.default_rng(9)
    A = rng.normal(size=(400, 3))
    A[::40] *= 12.0
    y = rng.poisson(np.exp(np.clip(A @ [0.3, 0.2, -0.2], None, 4.0))).astype(float)
    options = SGD(method="sgd", epochs=30, batch_size=4)
    solution = fit(as_csr(A) if sparse else A, y, POISSON, options)
    assert solution.notes and all("diverged at rate" in note for note in solution.notes)
    assert np.isfinite(solution.history["loss"]).all() and np.isfinite(solution.coef).all()
    assert solution.history["loss"][-1] < solution.history["loss"][0] and solution.epochs > 5
    with pytest.raises(DivergenceError):
        fit(as_csr(A) if sparse else A, y, POISSON, options._replace(rate=0.5))


def test_divergence_names_rate_epoch_limit_and_column():
    big = X * [1, 1, 1, 1e4, 1, 1]
    with pytest.raises(DivergenceError, match=r"epoch 1 at rate 100: .* stable below about .* 'income'") as error:
        fit(big, Y * 3, LINEAR, rate=100.0, names=("a", "b", "c", "income", "e", "f"))
    assert isinstance(error.value, FastGLMError) and isinstance(error.value, ArithmeticError)
    assert error.value.epoch == 1 and error.value.rate == 100.0 and 0 < error.value.stable_limit < 1e-6


@pytest.mark.parametrize("sparse", [False, True])
def test_steps_below_the_stable_limit_descend_and_above_it_do_not(sparse):
    A = as_csr(X) if sparse else X
    with pytest.raises(DivergenceError) as error:
        fit(A, Y, LINEAR, rate=1e6, batch_size="full", epochs=100)
    limit = error.value.stable_limit
    below = fit(A, Y, LINEAR, rate=0.98 * limit, batch_size="full", epochs=100).history["loss"]
    assert (np.diff(below) < 1e-12).all()
    with pytest.raises(DivergenceError):
        fit(A, Y, LINEAR, rate=1.1 * limit, batch_size="full", epochs=300)


@pytest.mark.parametrize("value", [np.nan, np.inf])
@pytest.mark.parametrize("sparse", [False, True])
def test_a_hole_in_the_data_is_found(value, sparse):
    broken = X.copy()
    broken[101, 2] = value
    with pytest.raises(MissingDataError, match="'c'.*row 101"):
        fit(as_csr(broken) if sparse else broken, Y, names=tuple("abcdef"))


BAD = {
    "method": ["newton", None, 3],
    "rate": [0.0, -1, np.nan, np.inf, "fast", True, None],
    "schedule": ["optimal", 3, None],
    "power_t": [-1, np.nan, "a"],
    "momentum": [1.0, -0.1, True],
    "nesterov": [True, 1],
    "step": ["proximal", True],
    "averaging": ["always", 10],
    "batch_size": [0, -1, 2.5, "all", True],
    "epochs": [0, 1.5, True],
    "tol": [-1e-3, np.nan, "small"],
    "patience": [0, 2.5],
    "shuffle": [True, "all", None],
    "l2": [-1, np.inf, None],
    "l1": [-1, np.nan],
    "class_weight": ["equal", 3, {0: -1.0}, {0: np.nan}],
    "reduction": ["none", None],
    "validation_fraction": [-0.1, 1.0],
    "standardize": ["yes", 1],
    "beta1": [1.0],
    "beta2": [-0.5],
    "eps": [0.0],
    "gradient": ["numeric"],
    "h": [0.0],
    "seed": [-1, 2**64, 1.5, None],
    "dtype": ["float16", np.float32],
    "callbacks": [("print",)],
    "checkpoint": [3],
    "checkpoint_every": [0],
    "record": ["loss", True],
}


@pytest.mark.parametrize("field, value", [(f, v) for f, values in BAD.items() for v in values])
def test_bad_options_are_refused_by_name(field, value):
    with pytest.raises(InvalidParameterError, match=field):
        check(SGD()._replace(**{field: value}))


def test_every_option_is_checked_and_documented():
    assert set(BAD) == set(SGD._fields)
    for field in SGD._fields:
        assert field in SGD.__doc__


@pytest.mark.parametrize(
    "options",
    [
        SGD(method="adam", momentum=0.5),
        SGD(nesterov=True),
        SGD(step="implicit", momentum=0.5),
        SGD(step="implicit", method="saga"),
        SGD(gradient="central"),
        SGD(gradient="central", batch_size="full", method="saga"),
        SGD(rate=0.1, schedule=lambda epoch: 0.1),
    ],
)
def test_options_that_contradict_each_other_are_refused(options):
    with pytest.raises(InvalidParameterError):
        check(options)


def test_a_start_of_the_wrong_shape_is_refused():
    for start in (np.zeros(3), np.zeros((7, 2))):
        with pytest.raises(InvalidParameterError, match="start has shape"):
            fit(X, Y, start=start)
    with pytest.raises(MissingDataError, match="start"):
        fit(X, Y, start=np.full(7, np.nan))


def test_rows_that_cannot_be_used_are_refused():
    with pytest.raises(InvalidParameterError, match="weights"):
        fit(X, Y, weights=np.zeros(len(X)))
    with pytest.raises(InvalidParameterError, match="class 1"):
        fit(X, Y, class_weight={0: 1.0})
    with pytest.raises(InvalidParameterError, match="validation_fraction"):
        fit(X[:3], Y[:3], validation_fraction=0.01)


def test_a_state_of_another_fit_is_refused():
    with pytest.raises(InvalidParameterError, match="state"):
        fit(X[:, :3], Y, state=fit(X, Y).state)
