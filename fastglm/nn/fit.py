"""The fit of a network: the stochastic driver with a judgement of losses that suits hidden layers."""

from __future__ import annotations

import numpy as np

from ..solver.sgd.driver import WORSE_THAN_START, Fit


class NetworkFit(Fit):
    """``Fit`` of a ``NetworkTask`` with hidden layers."""

    def _diverged(self, loss):
        """Whether the epoch left the finite numbers, or all that the null model was worth.

        A network's loss may be a thousandth of the null model's, and rise to ten times as much for an epoch.
        """
        state, loop, first = self.state, self.loop, self.first_theta
        most = WORSE_THAN_START * (self.start_loss * loop.per_mean + loop.penalty_at(first))
        if not np.isfinite(state.theta).all() or not loss <= most:
            return True
        # the loss of a full batch is that before its step, which the next epoch could not take back
        after = self.sample.loss(state.theta) * loop.per_mean + loop.penalty_at(state.theta) if loop.full else 0.0
        return not after <= most
