"""The distribution of a response by its mean, as a frozen distribution of SciPy."""

from __future__ import annotations

import numpy as np

from .refusals import refuse


def distribution(spec, mu, scale, var_weights=1.0, trials=1.0):
    """The distribution of each row.

    Parameters
    ----------
    spec : Spec
    mu : (n,) array
    scale : float
        Not used where the family knows it.
    var_weights, trials : scalars or (n,) arrays

    Returns
    -------
    scipy.stats frozen distribution of n variables; ``rvs(n)`` draws one response for each row

    Raises
    ------
    NotSupportedError
        For a Tweedie family, whose distribution SciPy does not have.
    """
    from scipy import stats

    scale = scale / np.asarray(var_weights)
    if spec.kind == "Gaussian":
        return stats.norm(loc=mu, scale=np.sqrt(scale))
    if spec.kind == "Gamma":
        return stats.gamma(1.0 / scale, scale=mu * scale)
    if spec.kind == "InverseGaussian":
        return stats.invgauss(mu * scale, scale=1.0 / scale)
    if spec.kind == "Binomial":
        return stats.binom(n=trials, p=mu)
    if spec.kind == "Poisson":
        return stats.poisson(mu)
    if spec.kind == "NegativeBinomial":
        size = 1.0 / spec.alpha
        return stats.nbinom(size, size / (size + mu))
    raise refuse(f"get_distribution of the family {spec.kind}")
