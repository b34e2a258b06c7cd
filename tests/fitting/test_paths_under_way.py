"""Paths and folds while they are made: interrupted and resumed to the same bits, and counted as they are done."""

import numpy as np
import pandas as pd
import pytest

import fastglm
from fastglm.errors import CheckpointError
from fastglm.penalties import ElasticNet, Lasso, Ridge
from fastglm.source.threads import Threads

RNG = np.random.default_rng(2)
N = 400
X = RNG.normal(size=(N, 4))
ETA = X @ [0.5, -0.4, 0.0, 0.2]
FRAME = pd.DataFrame(X, columns=list("abcd")).assign(
    count=RNG.poisson(np.exp(ETA)), size=ETA + RNG.normal(size=N), part=np.arange(N) % 3
)
KINDS = {
    "path": lambda **more: fastglm.path("count ~ a + b + c + d", FRAME, family="poisson", lambdas=5, **more),
    "factors": lambda **more: fastglm.path("count ~ a + C(part)", FRAME, family="poisson", lambdas=5, **more),
    "least squares": lambda **more: fastglm.path("size ~ a + b", FRAME, penalty=ElasticNet(), lambdas=5, **more),
    "cv": lambda **more: fastglm.cv("count ~ a + b", FRAME, family="poisson", lambdas=4, folds="part", **more),
    "cv of grams": lambda **more: fastglm.cv("size ~ a + b + c", FRAME, lambdas=4, folds=3, **more),
    "each row": lambda **more: fastglm.cv("size ~ a + b", FRAME, lambdas=4, folds="loo", penalty=Ridge(), **more),
}


def numbers(result):
    path = getattr(result, "path", result)
    return np.concatenate([path.params.ravel(), path.deviance, getattr(result, "mean", np.zeros(0))])


class Counted:
    """Passes that are made, of which the one after ``most`` is interrupted."""

    def __init__(self, monkeypatch, most=10**9):
        self.made, run = 0, Threads.run

        def counted(engine, *args):
            if self.made == most:
                raise KeyboardInterrupt
            self.made += 1
            return run(engine, *args)

        monkeypatch.setattr(Threads, "run", counted)


@pytest.mark.parametrize("kind", KINDS)
def test_interrupted_and_resumed(kind, tmp_path, monkeypatch):
    whole = KINDS[kind](checkpoint=tmp_path / "whole")
    with monkeypatch.context() as patch:
        again = Counted(patch)
        same = KINDS[kind](checkpoint=tmp_path / "whole")
    passes = len(list((tmp_path / "whole").glob("pass-*.npz")))
    np.testing.assert_array_equal(numbers(same), numbers(whole))
    beside = again.made  # what reads labels of rows is not kept
    assert passes >= 4 and beside < passes / 2
    with monkeypatch.context() as patch:
        Counted(patch, most=passes // 2)
        with pytest.raises(KeyboardInterrupt):
            KINDS[kind](checkpoint=tmp_path / "half")
    kept = len(list((tmp_path / "half").glob("pass-*.npz")))
    assert 0 < kept < passes
    with monkeypatch.context() as patch:
        rest = Counted(patch)
        resumed = KINDS[kind](checkpoint=tmp_path / "half")
    assert rest.made == passes - kept + beside
    np.testing.assert_array_equal(numbers(resumed), numbers(whole))
    np.testing.assert_allclose(numbers(KINDS[kind]()), numbers(whole), rtol=1e-8, atol=1e-10)


def test_a_folder_of_another_path_is_refused(tmp_path):
    given = {"family": "poisson", "checkpoint": tmp_path / "kept"}
    fastglm.path(X, FRAME["count"], lambdas=4, **given)
    for other in ({"lambdas": 5}, {"lambdas": 4, "ratio": 0.1}, {"lambdas": 4, "penalty": ElasticNet(alpha=0.3)}):
        with pytest.raises(CheckpointError, match="of another fit"):
            fastglm.path(X, FRAME["count"], **given, **other)
    with pytest.raises(CheckpointError, match="of another fit"):
        fastglm.cv(X, FRAME["count"], lambdas=4, **given)


def test_journals_are_of_files_too(tmp_path):
    FRAME.to_parquet(tmp_path / "rows.parquet", row_group_size=120)
    given = {"family": "poisson", "lambdas": 4, "folds": "part"}
    one = fastglm.cv("count ~ a + b", tmp_path / "rows.parquet", checkpoint=tmp_path / "kept", **given)
    other = fastglm.cv("count ~ a + b", tmp_path / "rows.parquet", checkpoint=tmp_path / "kept", **given)
    np.testing.assert_array_equal(one.fold_values, other.fold_values)


@pytest.mark.parametrize(
    ("kind", "total"),
    [("path", 5), ("least squares", 5), ("cv", 4 * 4), ("cv of grams", 4 * 4), ("each row", 4), ("rounds", 12 * 4)],
)
def test_the_bar_ends_at_its_total(kind, total, monkeypatch):
    pytest.importorskip("tqdm")
    import tqdm.auto as bars

    shown = []

    class Bar(bars.tqdm):
        def __init__(self, *args, **options):
            super().__init__(*args, **options)
            shown.append(self)

    monkeypatch.setattr(bars, "tqdm", Bar)
    if kind == "rounds":
        Z = RNG.normal(size=(30_000, 3))
        fastglm.cv(Z, RNG.poisson(np.exp(0.3 * Z[:, 0])), family="poisson", lambdas=12, folds=3, penalty=Lasso(),
                   progress=True)  # fmt: skip
    else:
        KINDS[kind](progress=True)
    assert [(bar.n, bar.total) for bar in shown] == [(total, total)]
