"""The error of a fit whose steps leave the finite numbers."""

from __future__ import annotations

from ...errors import FastGLMError


class DivergenceError(FastGLMError, ArithmeticError):
    """A stochastic fit diverged at a rate that was given; the message names it, the epoch and the stable limit.

    Attributes
    ----------
    epoch : int
        The epoch in which it was noticed, the first being 1.
    rate : float
        The learning rate in use.
    stable_limit : float
        2 / (largest eigenvalue of the curvature) where the fit started: larger steps overshoot.
    """

    def __init__(self, message: str, epoch: int, rate: float, stable_limit: float):
        super().__init__(message)
        self.epoch, self.rate, self.stable_limit = epoch, rate, stable_limit

    def __reduce__(self):
        return type(self), (self.args[0], self.epoch, self.rate, self.stable_limit)
