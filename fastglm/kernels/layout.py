"""What the loops of a pass agree on: the plan's fields, the rows of the workspace, and how X is stored."""

from __future__ import annotations

# The plan of a pass is an int64 array with these fields; the last are addresses of loops compiled on demand.
P, ONES, STORAGE, X, ROW_STRIDE, COL_STRIDE, LOAD, ROWS, BLOCK, PRECISE, CURVATURE, PRECISE_ETA, PRECISE_SCORE = range(
    13
)
# Vectors are three fields each: (address, byte stride, loader), address 0 for none and loader 0 for plain float64.
Y, W, F, OFFSET, EXPOSURE = 13, 16, 19, 22, 25
MEAT = 28  # whether a curvature sums the scores' outer products instead of the information
COLUMNS, WEIGHTED = 29, 30  # loops for several curvatures of one block
# terms: their table and number, the columns of all but that of high cardinality, the size of their sums, their loops
TERMS, N_TERMS, SHORT, ROOM, T_PREDICT, T_SCATTER, T_SQUARES, T_CURVATURE = range(31, 39)
SQUARES = 39  # the loop that sums the information's diagonal, or moments, where one asks for them
ADVANCE = 40  # the loop that takes a Newton step between two passes of one call
COMBINE = 41  # the loop that makes one weight and one offset of several vectors, 0 where there is nothing to do
PLAN = 42  # fields of a plan

ORDER_PRODUCT = 3  # beside the orders 0, 1 and 2 of a pass: the information times a direction in place of the score
ORDER_BLOCKS = 4  # for classes: the information of each class alone
ORDER_DIAGONAL = 5  # the score, and of the information its diagonal
ORDER_MOMENTS = 6  # the sums of w x and of w x^2 in their places, whatever the response
DIAGONALS = (ORDER_DIAGONAL, ORDER_MOMENTS)  # orders whose information is a diagonal

LOADED, C_ORDER, F_ORDER = 0, 1, 2  # STORAGE: through the loader, or in place
ROUNDED, EXACT = 1, 2  # PRECISE: residuals rounded to double, or carried exactly because the score is linear

# The vectors of a block, in the workspace; the first five as they are read.
V_Y, V_W, V_F, V_SHIFT, V_EXPOSURE, V_ETA, V_R, V_H, V_D, V_LOW, V_ROOT = range(11)
VECTORS = 11  # vectors of a block

DEVIANCE, PEARSON, MAX_ETA = range(3)  # the entries of a pass's sums
SUMS = 3  # entries of the sums

# loops of several linear predictors: links, models of ordered levels and of zeros, by their numbers
SEVERAL_LINKS = ("logit", "probit", "cloglog", "loglog", "cauchit", "log", "identity", "sqrt")
CUMULATIVE, ADJACENT, CONTINUATION = range(3)
INFLATED, HURDLE = range(2)
