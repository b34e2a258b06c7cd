"""Losses of rows that a fit has not seen."""

import numpy as np
import pytest

from fastglm import families, links
from fastglm.kernels.row_loops import FamilyLink
from fastglm.objective.held_out import losses


@pytest.mark.parametrize("measure", ["mse", "mae"])
def test_rows_of_weight_zero_are_left_out_whatever_their_link(measure):
    pair = FamilyLink(families.Gamma(), links.Inverse())
    eta, y, w = np.array([[0.5, 0.4], [0.0, np.inf]]), np.array([[2.0], [1.0]]), np.array([[1.5], [0.0]])
    np.testing.assert_array_equal(losses(pair, eta, y, w, measure), losses(pair, eta[:1], y[:1], w[:1], measure))
