"""Stability selection: its halves are fits of those rows, and its answers those of the columns that matter."""

import numpy as np
import pandas as pd
import pytest

import fastglm
from fastglm.errors import InvalidParameterError
from fastglm.penalties import GroupLasso, Lasso

RNG = np.random.default_rng(8)
X = RNG.normal(size=(120, 8))
Y = X[:, 0] - X[:, 1] + RNG.normal(size=120)


def test_halves_are_fits_of_their_rows():
    found = fastglm.stability_selection(X, Y, lambdas=[0.5, 0.2], pairs=2, seed=3)
    rng, counts = np.random.default_rng(3), np.zeros((2, 8))
    for _ in range(2):
        half = rng.permutation(120) % 2
        for side in (0, 1):
            path = fastglm.path(X[half != side], Y[half != side], lambdas=[0.5, 0.2])
            counts += np.logical_or.accumulate(path.params[:, 1:] != 0.0, axis=0)
    np.testing.assert_allclose(found.frequencies, counts / 4)
    np.testing.assert_allclose(found.mean_selected, counts.sum(1) / 4)


def test_columns_that_matter_are_selected(tmp_path):
    found = fastglm.stability_selection(X, Y, pairs=8, penalty=Lasso())
    assert found.selected(0.9, most=3) == ("x1", "x2") and found.n_halves == 16
    assert found.error_bound(0.9, most=3) == pytest.approx(
        found.mean_selected[found.mean_selected <= 3][-1] ** 2 / (0.8 * 8)
    )
    assert (np.diff(found.frequencies, axis=0) >= 0.0).all()
    frame = pd.DataFrame(X[:, :3], columns=list("abc")).assign(y=Y)
    frame.to_parquet(tmp_path / "rows.parquet", row_group_size=50)
    one, other = (
        fastglm.stability_selection("y ~ a + b + c", data, pairs=2) for data in (frame, tmp_path / "rows.parquet")
    )
    np.testing.assert_array_equal(other.frequencies, one.frequencies)


def test_groups_and_classes():
    labels = np.digitize(Y, [-1.0, 1.0])
    found = fastglm.stability_selection(X, labels, family="multinomial", pairs=1, lambdas=4)
    assert found.frequencies.shape == (4, 8)
    found = fastglm.stability_selection(X, Y, penalty=GroupLasso(groups=[0, 0, 1, 1, 2, 2, 3, 3]), pairs=2, lambdas=4)
    np.testing.assert_array_equal(found.frequencies[:, ::2], found.frequencies[:, 1::2])


def test_bad_arguments():
    with pytest.raises(InvalidParameterError, match="pairs=0"):
        fastglm.stability_selection(X, Y, pairs=0)
    found = fastglm.stability_selection(X, Y, pairs=1, lambdas=3)
    with pytest.raises(InvalidParameterError, match="threshold"):
        found.selected(0.4)
    with pytest.raises(InvalidParameterError, match="most"):
        found.selected(0.9, most=-1)
