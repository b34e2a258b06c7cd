"""Compiled loops of first-order stochastic solvers: one sweep over batches, with gradient and update as pieces.

A sweep (``sweep.py``) knows no model and no rule. For each batch it calls two C functions by their addresses; every
argument is an int64, and numbers travel in the float64 array ``step`` (fields in ``layout.py``):

``gradient(model, rows, first, n, theta, grad, step) -> count``
    Writes to ``step[LOSS]`` the loss of the batch of n rows at the flat parameter vector at ``theta``, and to the
    vector at ``grad`` its gradient: sums over the rows, not means. The rows are the int64 numbers at
    ``rows + 8 first``, or first, first + 1, ... where ``rows`` is 0. ``grad`` 0 asks for the loss alone. Returns -1
    where all of the gradient was written; otherwise only the parameters in the list at ``loop[TOUCHED]`` matter, and
    ``count`` is their number (0 where the function took the step itself, as plain SGD on CSR does, ``sparse.move``).
    ``model`` is the address of whatever the function needs to know, its plan.

``update(loop, count, step) -> 0``
    Moves the parameters touched (all for -1) and adds them to the sum that becomes their average.
    ``step[NORM]`` times the sum is the gradient; ``step[RATE]`` is the learning rate of this batch.

A further model needs a gradient function with a plan of its own; a further rule a branch in ``rules.py``. What is
lazy on sparse rows (penalties and averages of parameters that no row of a batch has touched) is settled by
``rules.catch_up`` in closed form, so that a pass costs as much as its non-zeros.

Parameters and gradients are float32 or float64 (``real``), losses and averages float64. The loops are sequential and
release the GIL; their results do not depend on threads.
"""
