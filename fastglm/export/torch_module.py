"""A fitted model as a PyTorch module, which can go on learning."""

from __future__ import annotations

import math

import torch
from torch.nn.functional import cross_entropy, logsigmoid

from ..errors import InvalidParameterError
from ..inference.residuals import BINOMIAL, POWERS

INVERSES = {
    "identity": lambda eta, link: eta,
    "log": lambda eta, link: torch.exp(eta),
    "logit": lambda eta, link: torch.sigmoid(eta),
    "probit": lambda eta, link: torch.special.ndtr(eta),
    "cloglog": lambda eta, link: -torch.expm1(-torch.exp(eta)),
    "loglog": lambda eta, link: torch.exp(-torch.exp(-eta)),
    "cauchit": lambda eta, link: 0.5 + torch.atan(eta) / math.pi,
    "inverse": lambda eta, link: 1.0 / eta,
    "inverse_squared": lambda eta, link: torch.rsqrt(eta),
    "sqrt": lambda eta, link: eta * eta,
    "power": lambda eta, link: eta ** (1.0 / link.p),
}
# log(mu) and log(1 - mu) of links onto (0, 1), where the plain ones would lose the tails
LOG_TAILS = {
    "logit": lambda eta: (logsigmoid(eta), logsigmoid(-eta)),
    "probit": lambda eta: (torch.special.log_ndtr(eta), torch.special.log_ndtr(-eta)),
    "cloglog": lambda eta: (torch.log(-torch.expm1(-torch.exp(eta))), -torch.exp(eta)),
    "loglog": lambda eta: (-torch.exp(-eta), torch.log(-torch.expm1(-torch.exp(-eta)))),
}


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
        """eta, (n,) or (n, K) with zeros for the reference class.

        Raises
        ------
        InvalidParameterError
            If the model was fitted with an offset or an exposure and there is none.
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
        return torch.softmax(eta, dim=1) if self.reference is not None else INVERSES[self.link.name](eta, self.link)

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
            For a family of one's own, whose likelihood PyTorch has no formula of.
        """
        eta = self.linear_predictor(X, offset, exposure)
        if self.reference is not None:
            terms = cross_entropy(eta, y, reduction="none")
        else:
            terms = self._half_deviance(eta, y.to(eta.dtype))
        return terms.mean() if weights is None else (weights * terms).sum() / weights.sum()

    def _half_deviance(self, eta, y):
        """Half the unit deviance less what depends on y alone."""
        mu = INVERSES[self.link.name](eta, self.link)
        name = self.family.name
        if name in BINOMIAL:
            plain = LOG_TAILS.get(self.link.name)
            log_mu, log_nu = plain(eta) if plain else (torch.log(mu), torch.log1p(-mu))
            # where a class was not seen its logarithm may be minus infinity, and 0 times that is NaN
            seen = torch.where(y > 0, y * torch.where(y > 0, log_mu, 0.0), 0.0)
            return -seen - torch.where(y < 1, (1 - y) * torch.where(y < 1, log_nu, 0.0), 0.0)
        if name == "negative_binomial":
            k = self.family.theta
            return (y + k) * torch.log(mu + k) - torch.xlogy(y, mu)
        if name not in POWERS and name != "tweedie":
            raise InvalidParameterError(f"there is no loss for the family {name!r}; write it with the module's means")
        return _power_terms(POWERS.get(name, getattr(self.family, "power", None)), y, mu)


def _power_terms(k, y, mu):
    """a(theta) - y theta for V(mu) = mu^k: theta is the integral of 1 / V and a that of mu / V (Jorgensen 1987)."""
    if k == 1:
        return mu - torch.xlogy(y, mu)
    if k == 2:
        return y / mu + torch.log(mu)
    return mu ** (2 - k) / (2 - k) - y * mu ** (1 - k) / (1 - k)
