# cython: language_level=3, boundscheck=False, wraparound=False, initializedcheck=False, cdivision=True
"""Array functions of the logistic and softmax families; the numerical work stands in the headers."""

import operator
import os

import numpy as np

cimport numpy as cnp
from cpython.float cimport PyFloat_AS_DOUBLE, PyFloat_Check
from libc.stddef cimport ptrdiff_t

cnp.import_array()


cdef extern from "loops.h" nogil:
    ctypedef void (*fg_loop)(const void *x, void *y, ptrdiff_t n)
    const fg_loop fg_loops[4][2]
    void fg_map(fg_loop loop, const void *x, void *y, ptrdiff_t n, ptrdiff_t size, int threads)
    double fg_sigmoid(double x)
    double fg_logit(double x)
    double fg_log_sigmoid(double x)
    double fg_log1pexp(double x)


cdef extern from "softmax.h" nogil:
    enum:
        FG_SOFTMAX
        FG_LOG_SOFTMAX
        FG_LOGSUMEXP
    ctypedef struct fg_softmax:
        const char *x
        char *y
        ptrdiff_t n, sx, sy, rows
        int mode, is_float, ndim, threads
        ptrdiff_t dims[64]
        ptrdiff_t x_strides[64]
        ptrdiff_t y_strides[64]
    int fg_softmax_run(fg_softmax *c)


# The order of fg_loops in loops.h.
cdef enum:
    SIGMOID, LOGIT, LOG_SIGMOID, LOG1PEXP

cdef double sigmoid(double x) noexcept nogil:
    return fg_sigmoid(x)

cdef double logit(double x) noexcept nogil:
    return fg_logit(x)

cdef double log_sigmoid(double x) noexcept nogil:
    return fg_log_sigmoid(x)

cdef double log1pexp(double x) noexcept nogil:
    return fg_log1pexp(x)


# Below this many elements giving the GIL away costs more than it frees.
cdef ptrdiff_t nogil_size = 4096
cdef object float64 = np.float64
cdef object AxisError = np.exceptions.AxisError


cdef int available_threads():
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1

cdef int thread_limit = available_threads()


def get_threads():
    """The most threads one call uses (int)."""
    return thread_limit


def set_threads(n=None):
    """Set the most threads one call uses; results do not depend on it.

    Parameters
    ----------
    n : int or None
        At least 1; None stands for the cores this process may run on.

    Raises
    ------
    TypeError, ValueError
        If `n` is not an integer, or below 1.
    """
    global thread_limit
    count = available_threads() if n is None else operator.index(n)
    if count < 1:
        raise ValueError(f"n must be at least 1, got {n}")
    thread_limit = min(count, 256)


cdef inline bint plain(cnp.ndarray a) noexcept:
    """Native, aligned float32 or float64 in C order."""
    cdef int kind = cnp.PyArray_TYPE(a)
    return (kind == cnp.NPY_DOUBLE or kind == cnp.NPY_FLOAT) and cnp.PyArray_ISCARRAY_RO(a)


cdef cnp.ndarray as_float(object x):
    """`x` as a native, aligned float32 or float64 array; the caller's memory where that is what it is."""
    if cnp.PyArray_CheckExact(x) and plain(x):
        return x
    cdef cnp.ndarray a = np.asarray(x)
    if plain(a):
        return a
    dtype = (<object>a).dtype
    if dtype.kind in "biu" or dtype.char == "d":
        target = float64
    elif dtype.char in "ef":
        target = np.float32
    else:
        raise TypeError(f"x must hold booleans, integers or floats of at most 64 bits, got dtype {dtype}")
    # Strides may stay as they are; byte order and alignment may not.
    a = (<object>a).astype(target, copy=False)
    return a if cnp.PyArray_ISALIGNED(a) else a.copy()


cdef int check_out(object out, object dtype, object shape) except -1:
    if not isinstance(out, np.ndarray):
        raise TypeError(f"out must be a numpy array, got {type(out).__name__}")
    if out.dtype != dtype:
        raise TypeError(f"out must have dtype {dtype}, got {out.dtype}")
    if out.shape != shape:
        raise ValueError(f"out must have shape {shape}, got {out.shape}")
    if not out.flags.writeable:
        raise ValueError("out must be writeable")
    return 0


cdef bint safe_target(cnp.ndarray a, cnp.ndarray y):
    """Whether `y` may be written element by element while `a` is read: the same elements, or none in common."""
    same = cnp.PyArray_DATA(a) == cnp.PyArray_DATA(y) and (<object>a).strides == (<object>y).strides
    return same or not np.may_share_memory(a, y)


cdef void apply(int op, cnp.ndarray a, cnp.ndarray y) noexcept:
    cdef bint single = cnp.PyArray_TYPE(a) == cnp.NPY_FLOAT
    cdef fg_loop loop = fg_loops[op][single]
    cdef ptrdiff_t n = cnp.PyArray_SIZE(a), size = 4 if single else 8
    cdef const void *source = cnp.PyArray_DATA(a)
    cdef void *target = cnp.PyArray_DATA(y)
    cdef int threads = thread_limit
    if n < nogil_size:
        loop(source, target, n)
    else:
        with nogil:
            fg_map(loop, source, target, n, size, threads)


cdef object elementwise(object x, object out, int op):
    cdef cnp.ndarray a, y
    cdef double value
    if out is None:
        if cnp.PyArray_CheckExact(x) and cnp.PyArray_NDIM(<cnp.ndarray>x) > 0 and plain(<cnp.ndarray>x):
            a = <cnp.ndarray>x
            y = cnp.PyArray_EMPTY(cnp.PyArray_NDIM(a), cnp.PyArray_DIMS(a), cnp.PyArray_TYPE(a), 0)
            apply(op, a, y)
            return y
        if PyFloat_Check(x):
            value = PyFloat_AS_DOUBLE(x)
            fg_loops[op][0](&value, &value, 1)
            return float64(value)
    a = as_float(x)
    if out is not None:
        check_out(out, (<object>a).dtype, (<object>a).shape)
    c_order, f_order = cnp.PyArray_IS_C_CONTIGUOUS(a), cnp.PyArray_IS_F_CONTIGUOUS(a)
    y = np.empty_like(a, subok=False) if out is None and (c_order or f_order) else out
    if y is not None and cnp.PyArray_ISBEHAVED(y) and (
        c_order and cnp.PyArray_IS_C_CONTIGUOUS(y) or f_order and cnp.PyArray_IS_F_CONTIGUOUS(y)
    ) and safe_target(a, y):
        apply(op, a, y)
    else:
        # Strided: the copy is contiguous, and the loop runs in place on it.
        y = np.array(a, order="K", copy=True)
        apply(op, y, y)
        if out is not None:
            out[...] = y
    if out is not None:
        return out
    return y[()] if cnp.PyArray_NDIM(y) == 0 else y


cdef object over_axis(object x, object axis, object out, int mode, bint keepdims):
    cdef cnp.ndarray a = as_float(x), source, y
    cdef fg_softmax c
    cdef int along = 0, i, ndim = cnp.PyArray_NDIM(a), status
    cdef bint reduce = mode == FG_LOGSUMEXP
    shape = (<object>a).shape
    if axis is not None:
        along = operator.index(axis)
        if not -max(ndim, 1) <= along < max(ndim, 1):
            raise AxisError(axis, ndim)
        if along < 0:
            along += max(ndim, 1)
    if not reduce:
        result_shape = shape
    elif axis is None or ndim == 0:
        result_shape = (1,) * ndim if keepdims else ()
    else:
        result_shape = shape[:along] + ((1,) if keepdims else ()) + shape[along + 1:]
    if out is not None:
        check_out(out, (<object>a).dtype, result_shape)

    source = a
    if axis is None or ndim == 0:
        source = np.ascontiguousarray(a).reshape(-1)
        along = 0
    if reduce:
        y = np.empty((<object>source).shape[:along] + (<object>source).shape[along + 1:], (<object>a).dtype)
    elif out is None:
        y = np.empty_like(a, subok=False, order="C" if axis is None else "K")
    elif cnp.PyArray_ISALIGNED(out) and (axis is not None or cnp.PyArray_IS_C_CONTIGUOUS(out)):
        y = out
        if not safe_target(a, y):
            source = source.copy()
    else:
        y = np.empty(shape, (<object>a).dtype)
    target = y if reduce else y.reshape(-1) if axis is None or ndim == 0 else y

    c.n = cnp.PyArray_DIM(source, along)
    c.rows = 1
    c.ndim = 0
    for i in range(cnp.PyArray_NDIM(source)):
        if i == along:
            continue
        c.dims[c.ndim] = cnp.PyArray_DIM(source, i)
        c.x_strides[c.ndim] = cnp.PyArray_STRIDE(source, i)
        c.y_strides[c.ndim] = cnp.PyArray_STRIDE(target, c.ndim if reduce else i)
        c.rows *= c.dims[c.ndim]
        c.ndim += 1
    c.x = <const char *>cnp.PyArray_DATA(source)
    c.y = <char *>cnp.PyArray_DATA(target)
    c.sx = cnp.PyArray_STRIDE(source, along)
    c.sy = 0 if reduce else cnp.PyArray_STRIDE(target, along)
    c.mode = mode
    c.is_float = cnp.PyArray_TYPE(source) == cnp.NPY_FLOAT
    c.threads = thread_limit
    if c.rows * c.n == 0:
        if reduce:
            y.fill(-np.inf)
    elif c.rows * c.n < nogil_size:
        fg_softmax_run(&c)
    else:
        with nogil:
            status = fg_softmax_run(&c)
        if status:
            raise MemoryError("no memory for the sums of the chunks of a row")
    if reduce:
        y = (<object>y).reshape(result_shape)
    if out is not None:
        if y is not out:
            out[...] = y
        return out
    return y[()] if cnp.PyArray_NDIM(y) == 0 else y


def py_sigmoid(x, out=None):
    """Logistic function 1 / (1 + exp(-x)), without overflow, to 4 ulp also where the result is denormal.

    Parameters
    ----------
    x : array_like
        Any shape and strides; float32 and float64 are kept, float16 becomes float32, integers and booleans float64.
    out : ndarray, optional
        Where to put the result: the shape of `x`, the dtype of the result, any strides; `x` itself is allowed.

    Returns
    -------
    ndarray or numpy scalar
        The shape of `x`; a scalar where that is ().

    Raises
    ------
    TypeError
        If `x` is complex, of objects or longer than 64 bits, or `out` has another dtype.
    ValueError
        If `out` has another shape or is read-only.

    Notes
    -----
    With e = exp(-abs(x)): 1 / (1 + e) for x >= 0, e / (1 + e) below.
    """
    return elementwise(x, out, SIGMOID)


def py_logit(x, out=None):
    """Log odds log(x / (1 - x)), to 4 ulp also near 1/2; -inf at 0, inf at 1, NaN outside.

    Parameters, returned value and errors are those of `sigmoid`.

    Notes
    -----
    2 atanh(2 x - 1) for x within 0.1 of 1/2; elsewhere the log of the ratio, corrected for the rounding of 1 - x.
    """
    return elementwise(x, out, LOGIT)


def py_log_sigmoid(x, out=None):
    """log(sigmoid(x)) = min(x, 0) - log1p(exp(-abs(x))), to 4 ulp.

    Parameters, returned value and errors are those of `sigmoid`.
    """
    return elementwise(x, out, LOG_SIGMOID)


def py_log1pexp(x, out=None):
    """log(1 + exp(x)) = max(x, 0) + log1p(exp(-abs(x))), to 4 ulp; also called softplus.

    Parameters, returned value and errors are those of `sigmoid`.
    """
    return elementwise(x, out, LOG1PEXP)


def py_softmax(x, axis=-1, out=None):
    """exp(x) / sum(exp(x)) along an axis, to 4 ulp.

    Parameters
    ----------
    x : array_like
        Any shape and strides; dtypes as for `sigmoid`.
    axis : int or None
        The axis whose values sum to 1; None takes all values together.
    out : ndarray, optional
        Where to put the result, as for `sigmoid`.

    Returns
    -------
    ndarray or numpy scalar
        The shape of `x`.  Rows of minus infinities, and rows with an infinity, are NaN.

    Raises
    ------
    TypeError, ValueError
        As for `sigmoid`; TypeError too if `axis` is not an integer.
    numpy.exceptions.AxisError
        If `x` has no such axis.
    """
    return over_axis(x, axis, out, FG_SOFTMAX, False)


def py_log_softmax(x, axis=-1, out=None):
    """x - logsumexp(x) along an axis, to 4 ulp also where the result is near 0.

    Parameters, returned value and errors are those of `softmax`.
    """
    return over_axis(x, axis, out, FG_LOG_SOFTMAX, False)


def py_logsumexp(x, axis=-1, keepdims=False, out=None):
    """log(sum(exp(x))) along an axis.

    Parameters
    ----------
    x : array_like
        Any shape and strides; dtypes as for `sigmoid`.
    axis : int or None
        The axis summed over; None takes all values together.
    keepdims : bool
        Whether that axis stays, with length 1.
    out : ndarray, optional
        Where to put the result: its shape and dtype, any strides.

    Returns
    -------
    ndarray or numpy scalar
        The shape of `x` without the axis; -inf for an empty sum.

    Raises
    ------
    TypeError, ValueError, numpy.exceptions.AxisError
        As for `softmax`.

    Notes
    -----
    max(x) + log1p(sum of the other exponentials).  The error is below 4 ulp of the larger of the result and
    abs(max(x)): where the two terms cancel, half an ulp in the data moves the result as much.
    """
    return over_axis(x, axis, out, FG_LOGSUMEXP, keepdims)


# The plain names are taken by the C functions for cimport.
cdef publish():
    for name in ("sigmoid", "logit", "log_sigmoid", "log1pexp", "softmax", "log_softmax", "logsumexp"):
        function = globals().pop("py_" + name)
        function.__name__ = function.__qualname__ = name
        function.__module__ = "fastglm.special"
        globals()[name] = function

publish()
