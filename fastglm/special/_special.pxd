"""Scalar entry points for other Cython code: ``from fastglm.special._special cimport sigmoid``."""

cdef double sigmoid(double x) noexcept nogil
cdef double logit(double x) noexcept nogil
cdef double log_sigmoid(double x) noexcept nogil
cdef double log1pexp(double x) noexcept nogil
