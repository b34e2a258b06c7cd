"""Densities of Tweedie distributions at mu = y, by sums whose terms are all positive.

With the unit deviance they give the density: log f(y; mu, phi) = -d(y, mu) / (2 phi) + log f(y; y, phi), and
y f(y; y, phi) is a function of one variable for each power p.

For 1 < p < 2, a Poisson number of gamma jumps of shape a = (2 - p) / (p - 1), it is a sum over that number j with
lambda = y^(2-p) / (phi (2 - p)). The series is that of Dunn, P. K. and Smyth, G. K. (2005, "Series evaluation of
Tweedie exponential dispersion model densities", Statistics and Computing 15); its terms are written by Stirling's
errors and deviances (Loader 2000), so that nothing cancels however large lambda is:

    y f = sqrt(a) / (2 pi) sum_j exp(-delta(j) - delta(a j) - (1 + a) (j log(j / lambda) + lambda - j)).

Where many terms count, a step of half their standard deviation adds to the same sum, by Poisson's summation formula.
For p > 2, an exponentially tilted positive stable law, it is Zolotarev's integral with c = y^(2-p) / (phi (p-1) (p-2)):

    y f = (p - 2) c / pi integral_0^pi R(u) exp(-c (R(u) - 1)) du,

which takes the place of the Fourier inversion of Dunn and Smyth (2008), whose integrand oscillates.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

HALF_LOG_2PI = 0.5 * np.log(2.0 * np.pi)
WIDE, MANY = 4.0, 400.0  # standard deviation of j, and lambda (1 + a), from which terms are added in larger steps
REACH = 9.4  # standard deviations, beyond which terms are below 1e-19 of the largest
SMALL_TERMS = 26  # beyond the reach, that a skewed sum of few terms may need
FADED = 44.0  # of an exponent, after which an integrand is gone; where that is so at two, it is a peak at zero
CELLS = 2_000_000  # numbers made at once
NODE = 0.04  # distance of nodes in log lambda, over 1 + a
POWERS, MOST_INTERVALS = 6, 1 << 17  # coefficients of a quintic; chosen: six megabytes


class LogTerms(NamedTuple):
    """log(y f(y; y, phi)) at some points, and its first and second derivative in log(1 / phi), each (n,)."""

    value: np.ndarray
    slope: np.ndarray
    bend: np.ndarray


def has_density(power: float) -> bool:
    """Whether the density of a power is computed: those above one."""
    return power > 1.0


def log_argument(power: float, log_y: np.ndarray, w: np.ndarray | None) -> np.ndarray:
    """log(lambda), log(c) or the logarithm of the gamma's shape at phi = 1 for y > 0, given by its logarithm (n,), with
    prior weights w (n,) or None."""
    constant = 1.0 if power == 2.0 else abs(2.0 - power) * (power - 1.0 if power > 2.0 else 1.0)
    x = (2.0 - power) * log_y - np.log(constant)
    return x if w is None else x + np.log(w)


def log_terms(power: float, x: np.ndarray) -> LogTerms:
    """log(y f) at ``x`` (n,), the ``log_argument`` less log(phi), to about 14 digits of the density."""
    x = np.asarray(x, np.float64)
    if power == 2.0:
        return _gamma(x)
    parts = [np.zeros_like(x) for _ in range(3)]
    for where, function, width in _ways(power, x):
        for chunk in np.array_split(where, max(1, -(-len(where) * width // CELLS))):
            for part, found in zip(parts, function(power, x[chunk]), strict=True):
                part[chunk] = found
    return LogTerms(*parts)


def _ways(power, x):
    """Triples of numbers of points, the function for them, and the nodes that each takes."""
    if power > 2.0:
        two = np.array([2.0])
        peaked = x > np.log(FADED / np.expm1(_log_ratio(power, two, np.pi - two)))
        return (np.flatnonzero(peaked), _peak, 80), (np.flatnonzero(~peaked), _integral, int(300 * power))
    a = (2.0 - power) / (power - 1.0)
    lam = np.exp(x)
    wide = (lam > WIDE**2 * (1.0 + a)) & (lam * (1.0 + a) > MANY)
    return (np.flatnonzero(wide), _stepped, 80), (np.flatnonzero(~wide), _each, 200)


def _gamma(x):
    """The gamma's, of shape exp(x)."""
    from scipy.special import polygamma, psi

    k = np.exp(x)
    value = 0.5 * x - HALF_LOG_2PI - stirling_errors(k)
    slope = k * (x - psi(k))
    return LogTerms(value, slope, slope + k * (1.0 - k * polygamma(1, k)))


def _each(power, x):
    """The series term by term."""
    a, lam = (2.0 - power) / (power - 1.0), np.exp(x)
    reach = REACH * np.sqrt(lam / (1.0 + a))
    first = np.maximum(1.0, np.floor(lam - reach - 2.0))
    n_terms = int(np.max(lam + reach - first, initial=0.0)) + SMALL_TERMS
    j = first[:, None] + np.arange(n_terms)
    return _summed(a, lam[:, None], j, 0.0)


def _stepped(power, x):
    """The series in steps of half the standard deviation of its terms."""
    a, lam = (2.0 - power) / (power - 1.0), np.exp(x)
    step = 0.5 * np.sqrt(lam / (1.0 + a))
    nodes = np.arange(-np.ceil(2.0 * REACH) - 1.0, np.ceil(2.0 * REACH) + 8.0)
    j = lam[:, None] + step[:, None] * nodes
    return _summed(a, lam[:, None], np.maximum(j, 1e-300), np.log(step))


def _summed(a, lam, j, log_step):
    exponent = -stirling_errors(j) - stirling_errors(a * j) - (1.0 + a) * _poisson_gaps(j, lam)
    return _moments(exponent, (1.0 + a) * (j - lam), 0.5 * np.log(a) - 2.0 * HALF_LOG_2PI + log_step, (1.0 + a) * lam)


def _moments(exponent, q, constant, second):
    """The ``LogTerms`` of sums of exp(exponent) over rows, whose terms change by q and by q^2 - second."""
    top = exponent.max(1, keepdims=True)
    share = np.exp(exponent - top)
    total = share.sum(1)
    share /= total[:, None]
    slope = (share * q).sum(1)
    spread = (share * (q - slope[:, None]) ** 2).sum(1)
    return LogTerms(np.log(total) + top[:, 0] + constant, slope, spread - np.ravel(second))


def _log_ratio(power, u, v):
    """log R(u) for u in (0, pi) and v = pi - u."""
    alpha = (power - 2.0) / (power - 1.0)
    whole = np.where(u < 2.0, _log_sinc(np.minimum(u, 2.0)), np.log(np.sin(v)) - np.log(u))
    return (power - 2.0) * _log_sinc(alpha * u) + _log_sinc((1.0 - alpha) * u) - (power - 1.0) * whole


def _peak(power, x):
    """Zolotarev's integral by the trapezoidal rule over its peak, an even function that fades away."""
    c, nodes = np.exp(x), np.linspace(0.0, 1.0, 72)
    last = _last_angle(power, FADED / c)
    u = last[:, None] * np.maximum(nodes, 1e-12)
    log_weight = np.log(np.full(len(nodes), nodes[1]) * np.where(nodes == 0.0, 0.5, 1.0))
    return _zolotarev(power, x, u, np.pi - u, log_weight + np.log(last)[:, None])


def _last_angle(power, rise):
    """The angle at which R - 1 is ``rise`` (n,), by bisection to a thousandth."""
    low, high, target = np.zeros_like(rise), np.full_like(rise, np.pi), np.log1p(rise)
    for _ in range(60):
        middle = 0.5 * (low + high)
        below = _log_ratio(power, middle, np.pi - middle) < target
        low, high = np.where(below, middle, low), np.where(below, high, middle)
    return high


def _integral(power, x):
    """Zolotarev's integral by the double exponential rule, whose nodes crowd at both ends."""
    t = np.linspace(-4.3, 4.3, int(300 * power))  # the greater the power, the more suddenly R rises
    q = np.pi * np.sinh(t)
    u, v = np.pi / (1.0 + np.exp(-q)), np.pi / (1.0 + np.exp(q))
    log_weight = np.log(t[1] - t[0]) + np.log(np.pi * np.cosh(t)) + np.log(u) + np.log(v) - np.log(np.pi)
    kept = (u > 1e-30) & (v > 1e-250)
    return _zolotarev(power, x, u[None, kept], v[None, kept], log_weight[None, kept])


def _zolotarev(power, x, u, v, log_weight):
    log_ratio, c = _log_ratio(power, u, v), np.exp(x)[:, None]
    with np.errstate(over="ignore"):
        rise = np.minimum(c * np.expm1(np.minimum(log_ratio, 700.0)), 1e12)
    constant = np.log(power - 2.0) + x - np.log(np.pi)
    value, slope, bend = _moments(log_weight + log_ratio - rise, -rise, constant, np.zeros(len(x)))
    return LogTerms(value, slope + 1.0, bend + slope)


def stirling_errors(x: np.ndarray) -> np.ndarray:
    """log(Gamma(x + 1)) - (x + 1/2) log(x) + x - log(2 pi) / 2 of positive numbers, to 1e-15 absolute."""
    from scipy.special import gammaln

    z = 1.0 / np.maximum(x, 10.0)
    s = z * z
    series = z * (1 / 12 - s * (1 / 360 - s * (1 / 1260 - s * (1 / 1680 - s * (1 / 1188 - s * 691 / 360360)))))
    near = np.flatnonzero(np.ravel(x < 10.0))
    if len(near):
        few, series = np.ravel(x)[near], np.ravel(series)
        series[near] = gammaln(few + 1.0) - (few + 0.5) * np.log(few) + few - HALF_LOG_2PI
    return series.reshape(np.shape(x))


def _poisson_gaps(y, mu):
    """y log(y / mu) + mu - y, as ``kernels.scalars.poisson_gap``, over arrays."""
    gap = y - mu
    v = gap / (y + mu)
    s = v * v
    tail = 1 / 3 + s * (1 / 5 + s * (1 / 7 + s * (1 / 9 + s * (1 / 11 + s / 13))))
    return np.where(s < 0.0025, gap * v + 2.0 * y * v * s * tail, y * np.log(y / mu) - gap)


def _log_sinc(x):
    """log(sin(x) / x) on [0, pi), without cancellation near zero."""
    s = np.minimum(x, 0.5) ** 2
    # -sum of 2^(2k-1) |B_2k| x^2k / (k (2k)!)
    series = -s * (1 / 6 + s * (1 / 180 + s * (1 / 2835 + s * (1 / 37800 + s * (1 / 467775 + s * (
        691 / 3831077250 + s * (2 / 127702575 + s * (3617 / 2605132530000))))))))  # fmt: skip
    with np.errstate(divide="ignore", invalid="ignore"):
        return np.where(x < 0.5, series, np.log(np.sin(x) / x))


class NodeMoments(NamedTuple):
    """Moments of points between equally distant nodes: what the sum of a function over them needs where a quintic
    stands for it, in each interval that of its values and first two derivatives at both ends (Hermite's).

    Attributes
    ----------
    first : int
        The number of the first interval; that from zero on is number zero.
    sums : (6, intervals) array
        Of points x with weights f the sums of f t^k, k = 0 to 5, where t is the share of the interval before x.
    """

    first: int
    sums: np.ndarray

    @classmethod
    def of(cls, power: float, x: np.ndarray, f: np.ndarray) -> NodeMoments | None:
        """Those of ``log_argument``s x (n,) with weights f (n,); None where they are in too many intervals."""
        if not len(x):
            return cls(0, np.zeros((POWERS, 0)))
        place = x / node_distance(power)
        low = np.floor(place)
        first, last = low.min(), low.max()
        if not last - first < MOST_INTERVALS:
            return None
        i, t, count = (low - first).astype(np.intp), place - low, int(last - first) + 1
        sums = []
        for _ in range(POWERS):
            sums.append(np.bincount(i, f, count))
            f = f * t
        return cls(int(first), np.array(sums))

    def __add__(self, other: NodeMoments) -> NodeMoments | None:
        one, two = (self, other) if self.sums.shape[1] else (other, self)
        if not two.sums.shape[1]:
            return one
        first = min(one.first, two.first)
        last = max(part.first + part.sums.shape[1] for part in (one, two))
        if last - first > MOST_INTERVALS:
            return None
        total = np.zeros((POWERS, last - first))
        for part in (one, two):
            total[:, part.first - first : part.first - first + part.sums.shape[1]] += part.sums
        return NodeMoments(first, total)

    def sum_of_log_terms(self, power: float, shift: float) -> np.ndarray:
        """The weighted sums of the three ``log_terms`` at the points less ``shift``, to 13 digits, (3,)."""
        h, m = node_distance(power), self.sums
        T = log_terms(power, h * np.arange(self.first, self.first + m.shape[1] + 1) - shift)
        f, d, e = T.value[:-1], h * T.slope[:-1], 0.5 * h * h * T.bend[:-1]
        rest = T.value[1:] - f - d - e
        slope, bend = h * T.slope[1:] - d - 2.0 * e, h * h * T.bend[1:] - 2.0 * e
        a, b = 10.0 * rest - 4.0 * slope + 0.5 * bend, -15.0 * rest + 7.0 * slope - bend
        c = 6.0 * rest - 3.0 * slope + 0.5 * bend
        value = f @ m[0] + d @ m[1] + e @ m[2] + a @ m[3] + b @ m[4] + c @ m[5]
        first = d @ m[0] + 2.0 * (e @ m[1]) + 3.0 * (a @ m[2]) + 4.0 * (b @ m[3]) + 5.0 * (c @ m[4])
        second = 2.0 * (e @ m[0]) + 6.0 * (a @ m[1]) + 12.0 * (b @ m[2]) + 20.0 * (c @ m[3])
        return np.array([value, first / h, second / h**2])


def node_distance(power: float) -> float:
    """The distance of nodes in the ``log_argument``, between which a quintic has 13 digits."""
    return NODE * (power - 1.0 if power < 2.0 else 1.0)
