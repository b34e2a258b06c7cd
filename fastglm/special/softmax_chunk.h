/* The kernels of softmax.h; included once for each type T, hence no include guard. */

/* n values of a strided row, padded with -inf to whole lanes where they have to be copied. */
FG_INLINE const T *FG_NAME(block)(const char *x, ptrdiff_t stride, ptrdiff_t n, T *buffer) {
    ptrdiff_t i;
    if (stride == sizeof(T) && n % FG_LANES == 0) return (const T *)x;
    for (i = 0; i < n; i++) buffer[i] = *(const T *)(x + i * stride);
    for (; i % FG_LANES; i++) buffer[i] = -INFINITY;
    return buffer;
}

/* The sum of a row with an infinity, for which the exponentials mean nothing: NaN if one of its values is. */
static double FG_NAME(infinite_sum)(const char *x, ptrdiff_t stride, ptrdiff_t n) {
    for (ptrdiff_t i = 0; i < n; i++)
        if (isnan(*(const T *)(x + i * stride))) return NAN;
    return INFINITY;
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
    if (max == INFINITY) stats->sum = FG_NAME(infinite_sum)(x, sx, n);
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

/* A tile holds n values of each of FG_GROUP rows, side by side; rows beyond `lanes` are zeros. */
FG_INLINE void FG_NAME(load)(const char *x, ptrdiff_t lx, ptrdiff_t sx, ptrdiff_t n, ptrdiff_t lanes, T *tile) {
    if (lx == sizeof(T) && lanes == FG_GROUP) {
        for (ptrdiff_t i = 0; i < n; i++) memcpy(tile + i * FG_GROUP, x + i * sx, FG_GROUP * sizeof(T));
        return;
    }
    if (lanes < FG_GROUP) memset(tile, 0, n * FG_GROUP * sizeof(T));
    for (ptrdiff_t j = 0; j < lanes; j++)
        for (ptrdiff_t i = 0; i < n; i++) tile[i * FG_GROUP + j] = *(const T *)(x + j * lx + i * sx);
}

FG_INLINE void FG_NAME(store)(const T *tile, char *y, ptrdiff_t ly, ptrdiff_t sy, ptrdiff_t n, ptrdiff_t lanes) {
    if (ly == sizeof(T) && lanes == FG_GROUP) {
        for (ptrdiff_t i = 0; i < n; i++) memcpy(y + i * sy, tile + i * FG_GROUP, FG_GROUP * sizeof(T));
        return;
    }
    for (ptrdiff_t j = 0; j < lanes; j++)
        for (ptrdiff_t i = 0; i < n; i++) *(T *)(y + j * ly + i * sy) = tile[i * FG_GROUP + j];
}

#define FG_EACH_LANE for (int j = 0; j < FG_GROUP; j++)

/* Up to FG_GROUP whole rows at a time, `lx` and `ly` apart. */
FG_CLONES static void FG_NAME(group)(int mode, const char *x, ptrdiff_t lx, ptrdiff_t sx, char *y, ptrdiff_t ly,
                                     ptrdiff_t sy, ptrdiff_t n, ptrdiff_t lanes) {
    T tile[FG_TILE * FG_GROUP], e[FG_TILE * FG_GROUP], list[FG_TILE * FG_GROUP];
    T max[FG_GROUP], shift[FG_GROUP], sum[FG_GROUP], lost[FG_GROUP], count[FG_GROUP], factor[FG_GROUP];
    double log_sum[FG_GROUP];
    int whole = n <= FG_TILE;

    FG_EACH_LANE { max[j] = -INFINITY; sum[j] = lost[j] = count[j] = 0; }
    for (ptrdiff_t start = 0; start < n; start += FG_TILE) {
        ptrdiff_t m = n - start < FG_TILE ? n - start : FG_TILE;
        FG_NAME(load)(x + start * sx, lx, sx, m, lanes, tile);
        for (ptrdiff_t i = 0; i < m; i++) {
            const T *p = tile + i * FG_GROUP;
            FG_EACH_LANE max[j] = p[j] > max[j] ? p[j] : max[j];
        }
    }
    FG_EACH_LANE shift[j] = (max[j] < INFINITY && max[j] > -INFINITY) ? max[j] : 0;

    for (ptrdiff_t start = 0; start < n; start += FG_TILE) {
        ptrdiff_t m = n - start < FG_TILE ? n - start : FG_TILE;
        if (!whole) FG_NAME(load)(x + start * sx, lx, sx, m, lanes, tile);
        for (ptrdiff_t i = 0; i < m; i++) FG_EACH_LANE {
            list[i * FG_GROUP + j] = shift[j];
            count[j] += tile[i * FG_GROUP + j] == shift[j] ? (T)1 : 0;
        }
        FG_INDEPENDENT for (ptrdiff_t i = 0; i < m * FG_GROUP; i++) {
            T d = tile[i] - list[i], back = d - tile[i];
            T err = (tile[i] - (d - back)) + (-list[i] - back);
            e[i] = FG_EXP_SUM(d, d > FG_LOWEST ? err : 0);
            list[i] = tile[i] == list[i] ? 0 : e[i];
        }
        for (ptrdiff_t size = m, half; size > 1; size = half) {
            half = (size + 1) / 2;
            FG_INDEPENDENT for (ptrdiff_t i = 0; i < (size - half) * FG_GROUP; i++)
                list[i] += list[i + half * FG_GROUP];
        }
        FG_EACH_LANE {
            T total = sum[j] + list[j], back = total - sum[j];
            lost[j] += (sum[j] - (total - back)) + (list[j] - back);
            sum[j] = total;
        }
        if (mode == FG_SOFTMAX && !whole) FG_NAME(store)(e, y + start * sy, ly, sy, m, lanes);
    }

    FG_EACH_LANE {
        log_sum[j] = ((double)count[j] - 1.0) + ((double)sum[j] + (double)lost[j]);
        factor[j] = (T)(1.0 / (1.0 + log_sum[j]));
    }
    for (ptrdiff_t j = 0; j < lanes; j++)
        if (max[j] == INFINITY) {
            log_sum[j] = FG_NAME(infinite_sum)(x + j * lx, sx, n);
            factor[j] = NAN;
        }
    if (mode != FG_SOFTMAX) FG_EACH_LANE log_sum[j] = fg_log1p(log_sum[j]);
    if (mode == FG_LOGSUMEXP) {
        FG_EACH_LANE factor[j] = (T)(shift[j] + log_sum[j]);
        for (ptrdiff_t j = 0; j < lanes; j++) *(T *)(y + j * ly) = factor[j];
        return;
    }
    for (ptrdiff_t start = 0; start < n; start += FG_TILE) {
        ptrdiff_t m = n - start < FG_TILE ? n - start : FG_TILE;
        if (!whole && mode == FG_SOFTMAX) FG_NAME(load)(y + start * sy, ly, sy, m, lanes, e);
        if (!whole && mode != FG_SOFTMAX) FG_NAME(load)(x + start * sx, lx, sx, m, lanes, tile);
        for (ptrdiff_t i = 0; i < m; i++) {
            const T *p = tile + i * FG_GROUP;
            T *q = e + i * FG_GROUP;
            if (mode == FG_SOFTMAX)
                FG_EACH_LANE q[j] *= factor[j];
            else
                FG_EACH_LANE q[j] = (T)(((double)p[j] - shift[j]) - log_sum[j]);
        }
        FG_NAME(store)(e, y + start * sy, ly, sy, m, lanes);
    }
}

#undef FG_EACH_LANE
#undef FG_FOLD
#undef FG_ADD
#undef FG_MAX
