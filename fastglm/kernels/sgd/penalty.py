"""Proximal steps of the penalty ridge/2 b^2 + lasso |b|, one or many at once."""

from __future__ import annotations

from ..elementary import expm1, log1p
from .memory import inner


@inner()
def proximal(b, rate, ridge, lasso):
    """argmin over x of (x - b)^2 / 2 + rate (ridge/2 x^2 + lasso |x|): the soft threshold, then the shrinkage."""
    size = abs(b) - rate * lasso
    kept = size / (1 + rate * ridge)
    if size <= 0:
        kept = kept * 0
    return kept if b > 0 else -kept


@inner()
def repeated(b, k, rate, ridge, lasso):
    """What k proximal steps of one rate make of b, and the sum of the k values passed through.

    With a = 1 / (1 + rate ridge) and c = a rate lasso the size m becomes a m - c, so after i steps it is
    a^i (m + q) - q with q = c / (1 - a), until it reaches zero and stays there.
    """
    if ridge == 0.0 and lasso == 0.0:
        return b, k * b
    m, cut = abs(b), rate * lasso
    shrink = rate * ridge
    if shrink == 0.0:
        alive = k if m > k * cut else int(m / cut)
        left, sum_ = m - alive * cut, alive * m - 0.5 * cut * alive * (alive + 1.0)
    else:
        log_a = -log1p(shrink)
        q = cut / shrink
        alive = k
        if q > 0.0 and m + expm1(k * log_a) * (m + q) <= 0.0:
            alive = min(k, int(log1p(m / q) / -log_a))
        gone = -expm1(alive * log_a)
        left = m - gone * (m + q)
        sum_ = gone * (m + q) / shrink - q * alive
    left = left if alive == k and left > 0.0 else 0.0
    return (left, sum_) if b > 0.0 else (-left, -sum_)
