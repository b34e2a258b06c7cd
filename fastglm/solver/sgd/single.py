"""The logistic row loop in float32: what "float32 arithmetic" means where a mean saturates and a fit stalls."""

from __future__ import annotations

from functools import cache

import numpy as np
from numba import carray

from ...family.binomial import Binomial
from ...family.links import Logit
from ...kernels.compile import address_of, fingerprint
from ...kernels.fused import find_fused
from ...kernels.row_loops import ROWS, row


@cache
def _compiled():
    digest = fingerprint(Binomial, Logit, find_fused(Binomial, Logit))

    def rows(n, par, eta, y, w, r, h, d):
        digest  # noqa: B018, an edited formula is another kernel
        etas, ys, ws = carray(eta, n), carray(y, n), carray(w, n)
        rs, hs, ds = carray(r, n), carray(h, n), carray(d, n)
        one = np.float32(1.0)
        for i in range(n):
            _, b, c = row(Binomial(), Logit(), etas[i], ys[i])
            mu = one / (one + np.exp(-np.float32(etas[i])))
            counts = ws[i] > 0.0
            rs[i] = np.float32(ws[i]) * (np.float32(ys[i]) - mu) if counts else 0.0
            hs[i] = ws[i] * b if counts else 0.0
            ds[i] = ws[i] * c if counts else 0.0
        return 0

    return address_of(ROWS, rows)


def single_logistic_rows() -> int:
    """Address of ``Pair(Binomial(), Logit()).rows`` with mean and score in float32; deviances stay float64."""
    return _compiled().address
