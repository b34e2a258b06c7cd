"""Log-likelihoods by statsmodels' conventions.

In an exponential dispersion family the log-likelihood is that of the saturated model, which depends on y and the
scale only, less the deviance over twice the scale (Jørgensen 1997, The Theory of Dispersion Models, section 1.3). So
one formula serves the model and the null model, and it keeps its digits where means run into the end of their range.
Where statsmodels and R differ is in what the variance weights do: here they divide the scale of a Gaussian, Gamma,
inverse Gaussian or Tweedie response, and multiply the log-density of the others.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from ..kernels.elementary import LOG_2PI


def loglike(spec: Any, y: Any, var_weights: Any, freq_weights: Any, trials: Any, scale: Any, deviance: Any) -> Any:
    """The log-likelihood at a deviance that is weighted and not divided by the scale; NaN where the density has no
    known form.

    y (n,) are proportions where there are trials; a binomial response has no scale.
    """
    if spec.family.two_outcomes:
        scale = 1.0
    with np.errstate(all="ignore"):
        saturated = density_at_mean(spec, y, var_weights, trials, scale)
    return float(np.sum(freq_weights * saturated) - deviance / (2.0 * scale))


def density_at_mean(spec: Any, y: Any, w: Any, trials: Any, scale: Any) -> Any:
    """The log-density of each row at a mean of y, (n,)."""
    if spec.kind == "Tweedie":
        return _tweedie(spec, y, w, scale)
    if spec.family.density_at_mean is None or spec.family.saturated is None:
        return np.nan * y
    return spec.family.density_at_mean(y, w, trials, scale)


def _tweedie(spec, y, w, scale):
    """At powers 1 and 2 Poisson's and Gamma's; between them the series of Dunn and Smyth (2005), a Wright function."""
    p = spec.power
    if p in (1.0, 2.0):
        return spec.family.density_at_mean(y, w, 1.0, scale)
    if spec.eql:
        # Nelder and Pregibon (1987), equation 4
        return 0.5 * (np.log(w / scale) - p * np.log(y) - LOG_2PI)
    if not 1.0 < p < 2.0:
        return np.nan * y
    from scipy import special

    def log_wright(a, b, x):
        # SciPy before 1.14 has the function and not its logarithm
        known = getattr(special, "log_wright_bessel", None)
        return known(a, b, x) if known else np.log(special.wright_bessel(a, b, x))

    scale = scale / w + 0.0 * y
    out, positive = np.zeros(len(y)), y > 0.0
    y, scale = y[positive], scale[positive]
    alpha = (2.0 - p) / (1.0 - p)
    x = ((p - 1.0) * scale / y) ** alpha / ((2.0 - p) * scale)
    exponent = y ** (2.0 - p) / ((1.0 - p) * (2.0 - p)) / scale
    out[positive] = exponent - np.log(y) + log_wright(-alpha, 0.0, x)
    return out
