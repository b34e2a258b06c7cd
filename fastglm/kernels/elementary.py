"""Elementary functions as scalars for Numba loops, and as plain functions of floats.

`exp`, `log`, `log1p`, `expm1` and the logistic family are the formulas of fastglm/special/elementary.h, operation by
operation, and give the same bits.  They hold no branch, so that LLVM vectorises the loops which call them; compile
those loops with ``error_model="numpy"`` and without fastmath.
"""

import math
import struct

from llvmlite import ir
from numba import types
from numba.extending import intrinsic, overload, register_jitable

INF = math.inf
NAN = math.nan
LOG2E = float.fromhex("0x1.71547652b82fep+0")
# log 2 in two parts; the first has 41 bits, so that its product with an exponent is exact.
LN2_HI = float.fromhex("0x1.62e42fefa3000p-1")
LN2_LO = float.fromhex("0x1.3de6af278ece6p-42")
# Adding ROUND leaves the exponent field of 2^k in the low bits, adding ROUND_NEGATIVE that of 2^(k + 128).
ROUND = 1.5 * 2.0**52 + 1023.0
ROUND_NEGATIVE = ROUND + 128.0
TWO_M128 = 2.0**-128  # undoes the scaling of a subnormal result
TWO_54 = 2.0**54  # scales a subnormal argument to a normal one
TWO_60 = 2.0**60  # beyond which an argument has no fraction of interest
SMALLEST_NORMAL = 2.0**-1022  # of float64
SPLIT = 0x3FF0000000000000 - 0x3FE6A09E00000000  # bits of 1 less those of sqrt(1/2)
SQRT_HALF_BITS = 0x3FE6A09E00000000  # the upper bits of sqrt(1/2)
MANTISSA = 0x000FFFFFFFFFFFFF  # the mask of the 52 bits of a mantissa
TWO_52_BITS = 0x4330000000000000  # the bits of 2^52
TWO_52_BIAS = 2.0**52 + 1023.0  # 2^52 and the bias of exponents
SQRT_HALF = math.sqrt(0.5)
INV_SQRT_2PI = 1.0 / math.sqrt(2.0 * math.pi)
LOG_2PI = 1.83787706640934548356  # log(2 pi)
HALF_LOG_2PI = 0.5 * math.log(2.0 * math.pi)

# (exp(r) - 1 - r - r^2/2) / r^3 on |r| <= log(2)/2, and (2 atanh(s) - 2 s) / s^3 in s^2 <= 0.04.
E0, E1, E2, E3, E4, E5, E6, E7, E8, E9 = map(
    float.fromhex,
    "0x1.5555555555559p-3 0x1.5555555555549p-5 0x1.111111110f7e0p-7 0x1.6c16c16c1cc25p-10 0x1.a01a01af7a501p-13 "
    "0x1.a01a018346d44p-16 0x1.71ddf947dc4b4p-19 0x1.27e52a9a4af38p-22 0x1.af5d3595da4cap-26 "
    "0x1.1ef60de28d421p-29".split(),
)
A0, A1, A2, A3, A4, A5, A6, A7 = map(
    float.fromhex,
    "0x1.555555555554fp-1 0x1.999999999c160p-2 0x1.24924921e4ff8p-2 0x1.c71c748f8a7abp-3 0x1.745c4ad847e48p-3 "
    "0x1.3b35c2a081052p-3 0x1.0dcb656b4369fp-3 0x1.1b83362b5b682p-3".split(),
)


# LLVM must inline whatever its size, or the loop around it stays scalar.
vectorisable = register_jitable(forceinline=True)


def bits(x):
    """The bits of a float64 as an int64."""
    return struct.unpack("<q", struct.pack("<d", x))[0]


def from_bits(i):
    """The float64 whose bits are the low 64 of an integer."""
    return struct.unpack("<d", struct.pack("<Q", i & 0xFFFFFFFFFFFFFFFF))[0]


@intrinsic
def _bits(typingctx, x):
    def codegen(context, builder, signature, args):
        return builder.bitcast(args[0], ir.IntType(64))

    return types.int64(types.float64), codegen


@intrinsic
def _from_bits(typingctx, i):
    def codegen(context, builder, signature, args):
        return builder.bitcast(args[0], ir.DoubleType())

    return types.float64(types.int64), codegen


@overload(bits, inline="always")
def _bits_overload(x):
    return lambda x: _bits(x)


@overload(from_bits, inline="always")
def _from_bits_overload(i):
    return lambda i: _from_bits(i)


@vectorisable
def _expm1_reduced(r):
    r2 = r * r
    r4 = r2 * r2
    a = (E0 + r * E1) + r2 * (E2 + r * E3)
    b = (E4 + r * E5) + r2 * (E6 + r * E7)
    c = E8 + r * E9
    return r + r2 * (0.5 + r * (a + r4 * (b + r4 * c)))


@vectorisable
def _scale(y, k):
    """y * 2^k for integral abs(k) <= 1100, in two factors so that only the last product can round."""
    a = 0.5 * k + ROUND
    b = (k - (a - ROUND)) + ROUND
    return y * from_bits(bits(a) << 52) * from_bits(bits(b) << 52)


@vectorisable
def exp(x):
    """exp(x) of a float, to 1 ulp; 0 below -745.13, inf above 709.78."""
    x = 710.0 if x > 710.0 else x
    x = -746.0 if x < -746.0 else x
    k = (x * LOG2E + ROUND) - ROUND
    r = (x - k * LN2_HI) - k * LN2_LO
    return _scale(1.0 + _expm1_reduced(r), k)


@vectorisable
def exp_negative(x):
    """exp(x) of a float x <= 0 with fewer operations than `exp`, and the same bits."""
    x = -746.0 if x < -746.0 else x
    shifted = x * LOG2E + ROUND_NEGATIVE
    k = shifted - ROUND_NEGATIVE
    r = (x - k * LN2_HI) - k * LN2_LO
    return (1.0 + _expm1_reduced(r)) * from_bits(bits(shifted) << 52) * TWO_M128


@vectorisable
def expm1(x):
    """exp(x) - 1 of a float, to 3 ulp: 2^k ((exp(r) - 1) + (1 - 2^-k))."""
    y = 710.0 if x > 710.0 else x
    y = -50.0 if y < -50.0 else y
    k = (y * LOG2E + ROUND) - ROUND
    r = (y - k * LN2_HI) - k * LN2_LO
    # Above 2^60 the one is far below the last place.
    m = 60.0 if k > 60.0 else k
    inverse = from_bits(bits(ROUND - m) << 52)
    result = _scale(_expm1_reduced(r) + (1.0 - inverse), k)
    return x if x == 0.0 else result


@vectorisable
def _atanh_tail(z):
    z2 = z * z
    a = (A0 + z * A1) + z2 * (A2 + z * A3)
    b = (A4 + z * A5) + z2 * (A6 + z * A7)
    return z * (a + z2 * z2 * b)


@vectorisable
def _log_reduced(k, f):
    """k log 2 + log(1 + f) for f in [-0.3, 0.5]: log(1 + f) = 2 atanh(s), s = f / (2 + f), with 2 s = f - s f."""
    s = f / (2.0 + f)
    h = 0.5 * f * f
    return k * LN2_HI - ((h - (s * (h + _atanh_tail(s * s)) + k * LN2_LO)) - f)


@vectorisable
def log(x):
    """Natural logarithm of a float, to 1 ulp; -inf at 0, NaN below."""
    tiny = x < SMALLEST_NORMAL
    i = bits(x * TWO_54 if tiny else x) + SPLIT
    k = from_bits(((i >> 52) & 0x7FF) | TWO_52_BITS) - TWO_52_BIAS
    k = k - (54.0 if tiny else 0.0)
    r = _log_reduced(k, from_bits((i & MANTISSA) + SQRT_HALF_BITS) - 1.0)
    r = r if x < INF else x
    r = r if x > 0.0 else (-INF if x == 0.0 else NAN)
    return x if x != x else r


@vectorisable
def log1p(x):
    """log(1 + x) of a float, to 2 ulp; -inf at -1, NaN below."""
    u = 1.0 + x
    i = bits(u) + SPLIT
    field = (i >> 52) & 0x7FF
    k = from_bits(field | TWO_52_BITS) - TWO_52_BIAS
    # f = x 2^-k + (2^-k - 1) is exact where its rounding would show.
    inverse = from_bits((2046 - field) << 52)
    f = x * inverse + (inverse - 1.0)
    f = f if x < TWO_60 else from_bits((i & MANTISSA) + SQRT_HALF_BITS) - 1.0
    # Outside the domain, where f could be -2 and the division fail in plain Python.
    f = f if x > -1.0 else 0.0
    r = _log_reduced(k, f)
    r = r if x < INF else x
    r = r if x > -1.0 else (-INF if x == -1.0 else NAN)
    return x if x != x or x == 0.0 else r


@vectorisable
def log1p_unit(e):
    """log(1 + e) of a float e in [0, 1]."""
    big = e >= 0.5
    return _log_reduced(1.0 if big else 0.0, 0.5 * (e - 1.0) if big else e)


@vectorisable
def sigmoid(x):
    """1 / (1 + exp(-x)) of a float."""
    e = exp_negative(-abs(x))
    return (1.0 if x >= 0.0 else e) / (1.0 + e)


@vectorisable
def log_sigmoid(x):
    """log(sigmoid(x)) of a float."""
    return (0.0 if x > 0.0 else x) - log1p_unit(exp_negative(-abs(x)))


@vectorisable
def log1pexp(x):
    """log(1 + exp(x)) of a float."""
    return (0.0 if x < 0.0 else x) + log1p_unit(exp_negative(-abs(x)))


@vectorisable
def logit(p):
    """log(p / (1 - p)) of a float; -inf at 0, inf at 1, NaN outside.

    2 atanh(2 p - 1) within 0.1 of 1/2, where 2 p - 1 is exact; elsewhere with the rounding of 1 - p undone.
    """
    s = 2.0 * p - 1.0
    inner = 2.0 * s + s * _atanh_tail(s * s)
    q = 1.0 - p
    c = (1.0 - q) - p
    ratio = p / (1.0 if q == 0.0 else q)
    ratio = INF if q == 0.0 else ratio
    outer = log(ratio) - c * (1.0 + p)
    return inner if abs(p - 0.5) <= 0.1 else outer


@vectorisable
def norm_pdf(x):
    """Standard normal density of a float; the relative error grows as x^2 / 2 times that of one rounding."""
    return INV_SQRT_2PI * exp_negative(-0.5 * x * x)


@register_jitable
def norm_cdf(x):
    """Standard normal distribution function of a float, by erfc; the relative error in the tail grows as x^2 / 2."""
    return 0.5 * math.erfc(-x * SQRT_HALF)


@register_jitable
def norm_sf(x):
    """1 - norm_cdf(x) of a float, accurate in the upper tail."""
    return 0.5 * math.erfc(x * SQRT_HALF)


@register_jitable
def log_ndtr(x):
    """log(norm_cdf(x)) of a float, to 1e-14 relative.

    Below -15 by the asymptotic series of the Mills ratio (Abramowitz and Stegun 26.2.12), whose terms there fall under
    2^-60; -inf only where x^2 / 2 overflows.
    """
    if x > 0.0:
        return log1p(-norm_sf(x))
    if x > -15.0:
        return log(norm_cdf(x))
    if x == -INF:
        return x
    y = 1.0 / (x * x)
    term = 1.0
    total = 0.0
    for j in range(1, 20):
        term *= -(2.0 * j - 1.0) * y
        total += term
    return log1p(total) - 0.5 * x * x - log(-x) - HALF_LOG_2PI


@register_jitable
def _stirling_series(y):
    """sum B(2k) / (2k (2k - 1) y^(2k - 1)) to k = 10, for y >= 8 (Abramowitz and Stegun 6.1.41)."""
    t = 1.0 / (y * y)
    s = -174611.0 / 125400.0
    s = s * t + 43867.0 / 244188.0
    s = s * t - 3617.0 / 122400.0
    s = s * t + 1.0 / 156.0
    s = s * t - 691.0 / 360360.0
    s = s * t + 1.0 / 1188.0
    s = s * t - 1.0 / 1680.0
    s = s * t + 1.0 / 1260.0
    s = s * t - 1.0 / 360.0
    s = s * t + 1.0 / 12.0
    return s / y


LOG_FACTORIALS = tuple(math.log(math.factorial(n)) for n in range(171))


@register_jitable
def log_factorial(y):
    """log(y!) = log(gamma(y + 1)) of a float: a table up to 170, Stirling's series from 16 on, lgamma between.

    To 1e-14 relative from 1 on, 2e-16 absolute below.  NaN below 0 and of NaN, inf of inf.
    """
    if not y >= 0.0:
        return NAN
    if y <= 170.0:
        n = int(y)
        if n == y:
            return LOG_FACTORIALS[n]
        if y < 16.0:
            return math.lgamma(y + 1.0)
    if y == INF:
        return y
    return (y + 0.5) * log(y) - y + HALF_LOG_2PI + _stirling_series(y)


@register_jitable
def stirling_error(y):
    """log(y!) - ((y + 1/2) log(y) - y + log(2 pi) / 2) of a float, to 1e-14 relative.

    inf at 0 and 0 at inf, the limits; NaN below 0 and of NaN.

    Notes
    -----
    The quantity is Loader's (2000, Fast and Accurate Computation of Binomial Probabilities).  Below 8 by the
    recurrence delta(y) = delta(y + 1) + atanh(s) / s - 1, s = 1 / (2 y + 1), whose terms are all positive; below 1
    by the definition, where nothing cancels.
    """
    if not y >= 0.0:
        return NAN
    if y == 0.0:
        return INF
    if y < 1.0:
        return math.lgamma(y + 1.0) - (y + 0.5) * log(y) + y - HALF_LOG_2PI
    if y == INF:
        return 0.0
    total = 0.0
    while y < 8.0:
        z = 1.0 / ((2.0 * y + 1.0) * (2.0 * y + 1.0))
        # atanh(s) / s - 1 = z / 3 + z^2 / 5 + ...; z <= 1/9.
        power = z
        divisor = 3.0
        while power > 1e-18:
            total += power / divisor
            power *= z
            divisor += 2.0
        y += 1.0
    return total + _stirling_series(y)
