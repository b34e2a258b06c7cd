"""Labels that are whole numbers are counted, others sorted: the same labels and codes."""

import numpy as np
import pandas as pd
import pytest

from fastglm.rows.labels import first_missing, unique_labels

FAR = [[2**63 - 1, -(2**63)], [2**60, 2**60 + 1], [0, 10**6]]


@pytest.mark.parametrize("kind", ["i1", "u1", "i2", "u2", "i4", "u4", "i8", "u8", "f4", "f8"])
@pytest.mark.parametrize("edges", [(0, 5), (-100, 100), (3, 4), (-128, 127)])
def test_counted_labels_are_the_sorted_ones(kind, edges):
    low, high = (max(edges[0], 0), edges[1]) if kind[0] == "u" else edges
    y = np.random.default_rng(0).integers(low, high, 500).astype(kind)
    labels, codes = unique_labels(y)
    expected, numbers = np.unique(y, return_inverse=True)
    assert labels.dtype == expected.dtype
    np.testing.assert_array_equal(labels, expected)
    np.testing.assert_array_equal(codes, numbers)


@pytest.mark.parametrize("y", [*FAR, [0.5, 1.0], [True, False], [-0.0, 0.0, 1.0]])
def test_others_are_sorted(y):
    labels, codes = unique_labels(np.array(y))
    np.testing.assert_array_equal(labels, np.unique(y))
    np.testing.assert_array_equal(labels[codes], y)


@pytest.mark.parametrize("kind", ["U", "S", "O"])
@pytest.mark.parametrize("n_labels", [1, 2, 8, 9, 300])
def test_text_is_sorted_whether_its_labels_are_few_or_not(kind, n_labels):
    rng = np.random.default_rng(n_labels)
    y = rng.choice([f"v{i}" + "x" * (i % 3) for i in range(n_labels)], 2000).astype(kind)
    labels, codes = unique_labels(y)
    expected, numbers = np.unique(y, return_inverse=True)
    assert labels.tolist() == expected.tolist()
    assert labels.dtype == y.dtype
    assert np.array_equal(codes, numbers)


@pytest.mark.parametrize("missing", [None, float("nan"), pd.NA, pd.NaT])
def test_the_first_missing_label_is_found(missing):
    values = np.array(["a", "b"] * 50, object)
    assert first_missing(values) is None
    values[[7, 60]] = missing
    assert first_missing(values) == 7
    lists = np.empty(3, object)  # which cannot be hashed
    lists[:] = [[1], [2], missing]
    assert first_missing(lists) == 2
