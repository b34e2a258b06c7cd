"""What the pieces of a sweep agree on: the fields of the two plans (int64) and of a step (float64)."""

from __future__ import annotations

# The loop's plan: the number of parameters, the rule, and addresses. LAST, TOUCHED,
# PRESENCE and RARITY serve lazy steps; DIRECT ones write to the parameters without a list of them (``sparse.move``),
# and it holds one more than the number of intercepts.
(
    SIZE, RULE, LAZY, DIRECT, GRADIENT, UPDATE, MODEL, THETA, GRAD, FIRST, SECOND, AVERAGE, RIDGE, LASSO, LAST,
    TOUCHED, PRESENCE, RARITY, CLOCK, BATCH_ROWS, ROWS_IN_ALL,
) = range(21)  # fmt: skip
LOOP = 21  # fields of the loop's plan

SGD, ADAGRAD, ADAM, SAGA = range(4)  # RULE

# The linear model's plan. TABLE is SAGA's memory of residuals; NATURAL holds coefficients on the scale of X.
(
    P, ONES, CLASSES, BLOCK, X, ROW_STRIDE, COL_STRIDE, LOAD, INDICES, INDPTR, Y, WEIGHT, SHIFT, ROW_LOOP, PAR, CENTRE,
    INVERSE_SCALE, NATURAL, TABLE, IMPLICIT, V_ADDRESS, V_NUMBER, V_Y, V_W, V_ETA, V_R, V_H, V_D, V_DIRECTION, BUFFER,
    LOOP_PLAN, ROWS,
) = range(32)  # fmt: skip
LINEAR = 32  # fields of the linear model's plan

# A step: what a batch is given, what it reports, and the constants of the rule. ROW_NORM is the mean weight of a row,
# SUMMED whether losses are summed, AVERAGING whether parameters are, NOW the batches since the clock was set,
# UPDATES those since the beginning, AVERAGED those in the average, NEXT the first place of the batch to come or -1.
# L2, SHRUNK and SHRUNK_SUM belong to direct steps.
(
    RATE, NORM, SHARE, LOSS, TOTAL, CAP, MOMENTUM, NESTEROV, BETA1, BETA2, EPS, ROW_NORM, SUMMED, AVERAGING, NOW,
    UPDATES, AVERAGED, NEXT, L2, SHRUNK, SHRUNK_SUM,
) = range(21)  # fmt: skip
STEP = 21  # numbers of a step
