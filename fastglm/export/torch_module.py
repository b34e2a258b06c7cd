"""A fitted model as a PyTorch module, which can go on learning."""

from __future__ import annotations

import torch
from torch.nn.functional import cross_entropy, logsigmoid

from ..errors import InvalidParameterError
from ..family.registry import power_of_variance


class Functions:
    """The functions of PyTorch that the formulas of links and families are written in."""

    exp, expm1, log, arctan, rsqrt, power = torch.exp, torch.expm1, torch.log, torch.atan, torch.rsqrt, torch.pow
    sigmoid, log_sigmoid, xlogy = torch.sigmoid, logsigmoid, torch.xlogy
    normal_cdf, log_normal_cdf = torch.special.ndtr, torch.special.log_ndtr


class GLMModule(torch.nn.Module):
    """A generalized linear model as a network of one layer: ``linear``, then the inverse link.

    Parameters
    ----------
    layer : fastglm.export.layer.Layer

    Attributes
    ----------
    linear : torch.nn.Linear
        Its weight holds the coefficients of the columns, (1, p), or (K - 1, p) for K classes, of which the reference
        has a linear predictor of zero; its bias holds the intercepts.
    family, link : the values of the fit
    classes : tuple of labels in the order of the probabilities, or None
    """

    def __init__(self, layer):
        super().__init__()
        self.family, self.link, self.classes = layer.family, layer.link, layer.classes
        self.companion, self.reference = layer.companion, layer.reference
        has_bias = layer.bias is not None
        # skip_init draws no random start, so torch's generator is left as it was
        self.linear = torch.nn.utils.skip_init(torch.nn.Linear, *layer.weight.shape, bias=has_bias, dtype=torch.float64)
        with torch.no_grad():
            self.linear.weight.copy_(torch.from_numpy(layer.weight.T.copy()))
            if has_bias:
                self.linear.bias.copy_(torch.from_numpy(layer.bias.copy()))

    def linear_predictor(self, X, offset=None, exposure=None):
        """eta, (n,) or (n, K) with zeros for the reference class; InvalidParameterError if the model was fitted with an
        offset or an exposure and there is none.
        """
        if self.companion is not None and offset is None and exposure is None:
            raise InvalidParameterError(f"the model was fitted with an {self.companion}: give offset= or exposure=")
        eta = self.linear(X.to(self.linear.weight.dtype))
        if self.reference is not None:
            zero = eta.new_zeros((len(eta), 1))
            return torch.cat([eta[:, : self.reference], zero, eta[:, self.reference :]], dim=1)
        eta = eta.squeeze(1)
        eta = eta if offset is None else eta + offset
        return eta if exposure is None else eta + torch.log(exposure)

    def forward(self, X, offset=None, exposure=None):
        """Means (n,), or probabilities (n, K) of the classes."""
        eta = self.linear_predictor(X, offset, exposure)
        return torch.softmax(eta, dim=1) if self.reference is not None else self.link.array_inverse(eta, Functions)

    def loss(self, X, y, offset=None, exposure=None, weights=None):
        """Mean over rows of a(theta) - theta T(y), half the deviance less what does not depend on the coefficients.

        Parameters
        ----------
        X : (n, p) tensor
        y : (n,) tensor of responses; of K classes, integer codes in the order of `classes`
        offset, exposure : (n,) tensors
        weights : (n,) tensor of prior weights

        Raises
        ------
        InvalidParameterError
            For a family of one's own without the method ``array_loss``.
        """
        eta = self.linear_predictor(X, offset, exposure)
        if self.reference is not None:
            terms = cross_entropy(eta, y, reduction="none")
        else:
            terms = self._half_deviance(eta, y.to(eta.dtype))
        return terms.mean() if weights is None else (weights * terms).sum() / weights.sum()

    def _half_deviance(self, eta, y):
        """Half the unit deviance less what depends on y alone."""
        mu = self.link.array_inverse(eta, Functions)
        family, tails = self.family, self.link.array_log_tails
        if family.two_outcomes:
            log_mu, log_nu = tails(eta, Functions) if tails else (torch.log(mu), torch.log1p(-mu))
            # where a class was not seen its logarithm may be minus infinity, and 0 times that is NaN
            seen = torch.where(y > 0, y * torch.where(y > 0, log_mu, 0.0), 0.0)
            return -seen - torch.where(y < 1, (1 - y) * torch.where(y < 1, log_nu, 0.0), 0.0)
        if family.array_loss is not None:
            return family.array_loss(y, mu, Functions)
        power = power_of_variance(family)
        if power is None:
            raise InvalidParameterError(
                f"there is no loss for the family {family.name!r}: it has no array_loss(y, mu, xp)"
            )
        return _power_terms(power, y, mu)


def _power_terms(k, y, mu):
    """a(theta) - y theta for V(mu) = mu^k: theta is the integral of 1 / V and a that of mu / V (Jorgensen 1987)."""
    if k == 1:
        return mu - torch.xlogy(y, mu)
    if k == 2:
        return y / mu + torch.log(mu)
    return mu ** (2 - k) / (2 - k) - y * mu ** (1 - k) / (1 - k)
