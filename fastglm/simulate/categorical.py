"""Categorical columns: integer codes of levels with Zipf frequencies, and an effect of each level."""

from __future__ import annotations

import numpy as np

from ..errors import InvalidParameterError


class Factors:
    """Some categorical columns and the effects of their levels on the linear predictor.

    Parameters
    ----------
    levels : sequence of int
        Number of levels of each column.
    zipf : float
        Level k of a column, from 0, has a frequency proportional to ``(k + 1) ** -zipf``; 0 makes all equally frequent.
    effects : sequence of arrays or None
        Effect of each level, one array a column, of shape (levels,) + `shape`. Drawn where None: normal with standard
        deviation `signal` over the root of the number of columns, and 0 for level 0.
    signal : float
    shape : tuple
        () for one linear predictor, (K,) for one of each of K classes.
    seed : SeedSequence, for the effects
    """

    def __init__(self, levels, zipf, effects, signal, shape, seed):
        self.levels = tuple(int(k) for k in levels)
        if any(int(k) != k or k < 1 for k in levels):
            raise InvalidParameterError(f"levels must be whole numbers of at least 1, got {tuple(levels)}")
        if not zipf >= 0:
            raise InvalidParameterError(f"zipf must not be negative, got {zipf}")
        frequencies = [np.arange(1, k + 1, dtype=float) ** -zipf for k in self.levels]
        self._bounds = [np.cumsum(f / f.sum())[:-1] for f in frequencies]
        self.effects = self._drawn(signal, shape, seed) if effects is None else self._given(effects, shape)

    def _drawn(self, signal, shape, seed):
        rng = np.random.default_rng(seed)
        effects = []
        for k in self.levels:
            effect = rng.standard_normal((k, *shape)) * signal / np.sqrt(len(self.levels))
            effect[0] = 0.0
            # classes have effects against their mean, like all symmetric coefficients
            effects.append(effect - effect.mean(axis=1, keepdims=True) if shape else effect)
        return tuple(effects)

    def _given(self, effects, shape):
        effects = tuple(np.array(effect, float) for effect in effects)
        expected = [(k, *shape) for k in self.levels]
        if [effect.shape for effect in effects] != expected:
            raise InvalidParameterError(f"effects must be arrays of shapes {expected}, one for each column of levels")
        return effects

    def codes(self, rng, rows):
        """Codes of some rows, an int32 array (rows, number of columns)."""
        codes = np.empty((rows, len(self.levels)), np.int32)
        for column, bounds in zip(codes.T, self._bounds, strict=True):
            column[:] = np.searchsorted(bounds, rng.random(rows), side="right")
        return codes

    def add(self, eta, codes):
        """Add the effects of the levels to linear predictors, in place."""
        for column, effect in zip(codes.T, self.effects, strict=True):
            eta += effect[column]
