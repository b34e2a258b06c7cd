/* Scalar exp (of what is not positive), log, log1p and the logistic family, without branches: loops over them
 * vectorise.
 *
 * Only additions, multiplications, divisions, selects and integer work on the bits are used, and no contraction
 * (-ffp-contract=off): every instruction set, and the Numba scalars in fastglm/kernels/elementary.py, give the same
 * bits.  The polynomials are weighted minimax fits (Remez / Lawson, 50 digits), summed
 * in pairs (Estrin) to shorten the chain of dependencies; their errors are noted beside them.
 */
#ifndef FASTGLM_ELEMENTARY_H
#define FASTGLM_ELEMENTARY_H

#include <math.h>
#include <stdint.h>
#include <string.h>

#if defined(__GNUC__)
#define FG_INLINE static inline __attribute__((always_inline, unused))
#else
#define FG_INLINE static inline
#endif

#define FG_LOG2E 0x1.71547652b82fep+0
/* log 2 in two parts; the first has 41 bits, so that its product with an exponent is exact. */
#define FG_LN2_HI 0x1.62e42fefa3000p-1
#define FG_LN2_LO 0x1.3de6af278ece6p-42
/* Adding this rounds to an integer k and leaves the exponent field of 2^(k + 128) in the low bits. */
#define FG_ROUND (0x1.8p52 + 1023.0 + 128.0)

FG_INLINE uint64_t fg_bits(double x) { uint64_t i; memcpy(&i, &x, 8); return i; }
FG_INLINE double fg_double(uint64_t i) { double x; memcpy(&x, &i, 8); return x; }

/* exp(r) - 1 for |r| <= log(2)/2; relative error of the polynomial 2^-61.7. */
FG_INLINE double fg_expm1_reduced(double r) {
    double r2 = r * r, r4 = r2 * r2;
    double a = (0x1.5555555555559p-3 + r * 0x1.5555555555549p-5)
             + r2 * (0x1.111111110f7e0p-7 + r * 0x1.6c16c16c1cc25p-10);
    double b = (0x1.a01a01af7a501p-13 + r * 0x1.a01a018346d44p-16)
             + r2 * (0x1.71ddf947dc4b4p-19 + r * 0x1.27e52a9a4af38p-22);
    double c = 0x1.af5d3595da4cap-26 + r * 0x1.1ef60de28d421p-29;
    return r + r2 * (0.5 + r * (a + r4 * (b + r4 * c)));
}

/* exp(x + err) for x <= 0 and |err| far below 1; of the two factors of 2^k only the last can round. */
FG_INLINE double fg_exp_negative_sum(double x, double err) {
    x = x < -746.0 ? -746.0 : x;
    double shifted = x * FG_LOG2E + FG_ROUND, k = shifted - FG_ROUND;
    double r = ((x - k * FG_LN2_HI) - k * FG_LN2_LO) + err;
    return (1.0 + fg_expm1_reduced(r)) * fg_double(fg_bits(shifted) << 52) * 0x1p-128;
}

/* exp(x) for x <= 0; spelt out, as an err of zero would still cost an addition. */
FG_INLINE double fg_exp_negative(double x) {
    x = x < -746.0 ? -746.0 : x;
    double shifted = x * FG_LOG2E + FG_ROUND, k = shifted - FG_ROUND;
    double r = (x - k * FG_LN2_HI) - k * FG_LN2_LO;
    return (1.0 + fg_expm1_reduced(r)) * fg_double(fg_bits(shifted) << 52) * 0x1p-128;
}

/* (2 atanh(s) - 2 s) / s for z = s^2 <= 0.04; the error is 2^-62.6 of 2 atanh(s). */
FG_INLINE double fg_atanh_tail(double z) {
    double z2 = z * z;
    double a = (0x1.555555555554fp-1 + z * 0x1.999999999c160p-2)
             + z2 * (0x1.24924921e4ff8p-2 + z * 0x1.c71c748f8a7abp-3);
    double b = (0x1.745c4ad847e48p-3 + z * 0x1.3b35c2a081052p-3)
             + z2 * (0x1.0dcb656b4369fp-3 + z * 0x1.1b83362b5b682p-3);
    return z * (a + z2 * z2 * b);
}

/* k log 2 + log(1 + f) for f in [-0.3, 0.5]: log(1 + f) = 2 atanh(s), s = f / (2 + f), with 2 s = f - s f. */
FG_INLINE double fg_log_reduced(double k, double f) {
    double s = f / (2.0 + f);
    double h = 0.5 * f * f;
    return k * FG_LN2_HI - ((h - (s * (h + fg_atanh_tail(s * s)) + k * FG_LN2_LO)) - f);
}

/* Bits shifted so that the exponent field of x in [sqrt(1/2), sqrt(2)) 2^k holds k + 1023. */
FG_INLINE uint64_t fg_split(double x) { return fg_bits(x) + (0x3ff0000000000000u - 0x3fe6a09e00000000u); }
FG_INLINE double fg_split_exponent(uint64_t i) {
    return fg_double(((i >> 52) & 0x7ff) | 0x4330000000000000u) - (0x1p52 + 1023.0);
}
FG_INLINE double fg_split_mantissa(uint64_t i) {
    return fg_double((i & 0x000fffffffffffffu) + 0x3fe6a09e00000000u);
}

FG_INLINE double fg_log(double x) {
    int tiny = x < 0x1p-1022;
    uint64_t i = fg_split(tiny ? x * 0x1p54 : x);
    double k = fg_split_exponent(i) - (tiny ? 54.0 : 0.0);
    double r = fg_log_reduced(k, fg_split_mantissa(i) - 1.0);
    r = x < INFINITY ? r : x;
    r = x > 0.0 ? r : (x == 0.0 ? -INFINITY : NAN);
    return x != x ? x : r;
}

/* f = x 2^-k + (2^-k - 1) is exact where its rounding would show, so that 1 + x needs no correction. */
FG_INLINE double fg_log1p(double x) {
    double u = 1.0 + x;
    uint64_t i = fg_split(u);
    double k = fg_split_exponent(i);
    double inv = fg_double(((uint64_t)2046 << 52) - (((i >> 52) & 0x7ff) << 52));
    double f = x < 0x1p60 ? x * inv + (inv - 1.0) : fg_split_mantissa(i) - 1.0;
    double r = fg_log_reduced(k, f);
    r = x < INFINITY ? r : x;
    r = x > -1.0 ? r : (x == -1.0 ? -INFINITY : NAN);
    return x != x || x == 0.0 ? x : r;
}

/* log(1 + e) for e in [0, 1]. */
FG_INLINE double fg_log1p_unit(double e) {
    int big = e >= 0.5;
    return fg_log_reduced(big ? 1.0 : 0.0, big ? 0.5 * (e - 1.0) : e);
}

FG_INLINE double fg_sigmoid(double x) {
    double e = fg_exp_negative(-fabs(x));
    return (x >= 0.0 ? 1.0 : e) / (1.0 + e);
}

FG_INLINE double fg_log1pexp(double x) {
    return (x < 0.0 ? 0.0 : x) + fg_log1p_unit(fg_exp_negative(-fabs(x)));
}

FG_INLINE double fg_log_sigmoid(double x) {
    return (x > 0.0 ? 0.0 : x) - fg_log1p_unit(fg_exp_negative(-fabs(x)));
}

/* 2 atanh(2 p - 1) near 1/2, where 2 p - 1 is exact; elsewhere log(p / (1 - p)),
 * with the rounding of 1 - p undone. */
FG_INLINE double fg_logit(double p) {
    double s = 2.0 * p - 1.0;
    double inner = 2.0 * s + s * fg_atanh_tail(s * s);
    double q = 1.0 - p;
    double c = (1.0 - q) - p;
    double outer = fg_log(p / q) - c * (1.0 + p);
    return fabs(p - 0.5) <= 0.1 ? inner : outer;
}

/* The single precision of fg_exp_negative_sum; relative error of the polynomial 2^-28.3. */
FG_INLINE float fg_float(uint32_t i) { float x; memcpy(&x, &i, 4); return x; }
FG_INLINE uint32_t fg_float_bits(float x) { uint32_t i; memcpy(&i, &x, 4); return i; }
#define FG_FLOAT_ROUND (0x1.8p23f + 127.0f + 64.0f)

FG_INLINE float fg_exp_negative_sumf(float x, float err) {
    x = x < -104.0f ? -104.0f : x;
    float shifted = x * (float)FG_LOG2E + FG_FLOAT_ROUND, k = shifted - FG_FLOAT_ROUND;
    float r = ((x - k * 0x1.62e4p-1f) - k * 0x1.7f7d1cp-20f) + err, r2 = r * r;
    float q = (0x1.5558f2p-5f + r * 0x1.1239f0p-7f) + r2 * 0x1.6a23c4p-10f;
    q = (0x1.fffffap-2f + r * 0x1.555492p-3f) + r2 * q;
    return (1.0f + (r + r2 * q)) * fg_float(fg_float_bits(shifted) << 23) * 0x1p-64f;
}

#endif
