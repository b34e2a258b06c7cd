/* The chunk kernels of softmax.h; included once for each type T, hence no include guard. */

/* n values of a strided row, padded with -inf to whole lanes where they have to be copied. */
FG_INLINE const T *FG_NAME(block)(const char *x, ptrdiff_t stride, ptrdiff_t n, T *buffer) {
    ptrdiff_t i;
    if (stride == sizeof(T) && n % FG_LANES == 0) return (const T *)x;
    for (i = 0; i < n; i++) buffer[i] = *(const T *)(x + i * stride);
    for (; i % FG_LANES; i++) buffer[i] = -INFINITY;
    return buffer;
}

/* Halves the list until one lane group is left; the order is fixed by n, not by the instruction set. */
#define FG_FOLD(list, n, OP)                                                                    \
    for (ptrdiff_t size = n, half; size > FG_LANES; size = half) {                              \
        half = (size / FG_LANES + 1) / 2 * FG_LANES;                                            \
        FG_INDEPENDENT for (ptrdiff_t i = 0; i < size - half; i++) OP(list[i], list[i + half]); \
    }                                                                                           \
    for (int half = FG_LANES / 2; half; half /= 2)                                              \
        for (int i = 0; i < half; i++) OP(list[i], list[i + half]);
#define FG_ADD(a, b) a += b
#define FG_MAX(a, b) a = b > a ? b : a

FG_CLONES static void FG_NAME(stats)(const char *x, ptrdiff_t sx, char *y, ptrdiff_t sy, ptrdiff_t n, fg_stats *stats) {
    T buffer[FG_BLOCK], e[FG_BLOCK], list[FG_BLOCK], max, shift;
    ptrdiff_t whole = n < FG_BLOCK ? (n + FG_LANES - 1) & -FG_LANES : FG_BLOCK;
    double sum = 0.0, lost = 0.0;
    ptrdiff_t count = 0;

    for (ptrdiff_t i = 0; i < whole; i++) list[i] = -INFINITY;
    for (ptrdiff_t start = 0; start < n; start += FG_BLOCK) {
        ptrdiff_t m = n - start < FG_BLOCK ? n - start : FG_BLOCK;
        const T *p = FG_NAME(block)(x + start * sx, sx, m, buffer);
        m = (m + FG_LANES - 1) & -FG_LANES;
        FG_INDEPENDENT for (ptrdiff_t i = 0; i < m; i++) FG_MAX(list[i], p[i]);
    }
    FG_FOLD(list, whole, FG_MAX)
    max = list[0];
    shift = (max < INFINITY && max > -INFINITY) ? max : 0;

    for (ptrdiff_t start = 0; start < n; start += FG_BLOCK) {
        ptrdiff_t m = n - start < FG_BLOCK ? n - start : FG_BLOCK;
        const T *p = FG_NAME(block)(x + start * sx, sx, m, buffer);
        FG_INT hits = 0;
        whole = (m + FG_LANES - 1) & -FG_LANES;
        FG_INDEPENDENT for (ptrdiff_t i = 0; i < whole; i++) {
            /* The rounding of the difference would be magnified by exp: it is carried along. */
            T d = p[i] - shift, back = d - p[i];
            T err = (p[i] - (d - back)) + (-shift - back);
            e[i] = FG_EXP_SUM(d, d > FG_LOWEST ? err : 0);
            list[i] = p[i] == shift ? 0 : e[i];
            hits += p[i] == shift;
        }
        count += hits;
        FG_FOLD(list, whole, FG_ADD)
        double term = list[0], total = sum + term, back = total - sum;
        lost += (sum - (total - back)) + (term - back);
        sum = total;
        if (y && sy == sizeof(T))
            memcpy(y + start * sy, e, m * sizeof(T));
        else if (y)
            for (ptrdiff_t i = 0; i < m; i++) *(T *)(y + (start + i) * sy) = e[i];
    }
    stats->sum = sum + lost;
    if (max == INFINITY) {
        /* The exponentials mean nothing now: the sum is infinite, or NaN if one of the values is. */
        stats->sum = INFINITY;
        for (ptrdiff_t i = 0; i < n; i++)
            if (isnan(*(const T *)(x + i * sx))) stats->sum = NAN;
    }
    stats->max = max;
    stats->shift = shift;
    stats->count = (double)count;
}

FG_CLONES static void FG_NAME(rescale)(char *y, ptrdiff_t sy, ptrdiff_t n, double factor) {
    T f = (T)factor;
    if (sy == sizeof(T)) {
        T *b = (T *)y;
        for (ptrdiff_t i = 0; i < n; i++) b[i] *= f;
    } else
        for (ptrdiff_t i = 0; i < n; i++) *(T *)(y + i * sy) *= f;
}

FG_CLONES static void FG_NAME(subtract)(const char *x, ptrdiff_t sx, char *y, ptrdiff_t sy, ptrdiff_t n, double shift,
                                        double log_sum) {
    if (sx == sizeof(T) && sy == sizeof(T)) {
        const T *a = (const T *)x;
        T *b = (T *)y;
        FG_INDEPENDENT for (ptrdiff_t i = 0; i < n; i++) b[i] = (T)((a[i] - shift) - log_sum);
    } else
        for (ptrdiff_t i = 0; i < n; i++) *(T *)(y + i * sy) = (T)((*(const T *)(x + i * sx) - shift) - log_sum);
}

#undef FG_FOLD
#undef FG_ADD
#undef FG_MAX
