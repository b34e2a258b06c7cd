"""How the loops are compiled: cached on disk where that is possible, and callable by address.

A family or link reaches a kernel as the *type* of a NamedTuple whose scalar methods are overloads, because a jitted
function captured in a closure never hits the disk cache in a new process. The cache cannot see those methods'
source, so each kernel also captures its fingerprint: an edited formula is another kernel.
"""

from __future__ import annotations

import ctypes
import hashlib
import inspect
import sys
from contextlib import contextmanager

import numba
import numpy as np
from llvmlite import binding, ir
from numba import types
from numba.core.ccallback import CFunc
from numba.core.compiler_lock import global_compiler_lock
from numba.core.sigutils import normalize_signature
from numba.extending import intrinsic, overload

from .cache import Sought, compiling, contents, kept

DOUBLE_P = types.CPointer(types.float64)


@contextmanager
def _enabled():
    """The kernels work on raw addresses, so NUMBA_DISABLE_JIT does not apply to them."""
    before = numba.config.DISABLE_JIT
    numba.config.DISABLE_JIT = 0
    try:
        yield
    finally:
        numba.config.DISABLE_JIT = before


def jit(**options):
    """``numba.njit``, releasing the GIL, kept on disk where a folder can be written."""
    options = {"nogil": True, "error_model": "numpy", **options}

    def compile_(function):
        with _enabled():
            found = numba.njit(**options)(function)
        found._cache, found.compile = Sought(function), _alone(found.compile)
        return found

    return compile_


def _alone(compile_):
    """A dispatcher's ``compile`` that other processes wait for."""

    def alone(sig):
        with compiling:
            return compile_(sig)

    return alone


class _Callback(CFunc):
    """A C function that is kept on disk."""

    def enable_caching(self):
        self._cache = kept(self._pyfunc) or self._cache

    def compile(self):
        with compiling:
            super().compile()


def inner(**options):
    """``jit`` for functions that only compiled code calls; without a Python entry they compile in half the time."""
    return jit(no_cpython_wrapper=True, no_cfunc_wrapper=True, **options)


def address_of(signature, function, cache=True, **options):
    """Compile ``function`` as a C function of ``signature``; the compiled object keeps ``.address`` alive."""
    with _enabled():
        try:
            found = _callback(signature, function, cache, options)
        except (TypeError, AttributeError):  # a class that cannot be pickled
            found = _callback(signature, function, False, options)
        return found


def _callback(signature, function, cache, options):
    found = _Callback(function, normalize_signature(signature), {}, {"error_model": "numpy", **options})
    if cache:
        found.enable_caching()
    found.compile()
    return found


@global_compiler_lock  # inspect parses the source, which CPython 3.11 cannot do in two threads at once
def fingerprint(*classes) -> str:
    """A digest of the source of the classes and of the functions registered for them."""
    digest = hashlib.sha256()
    for c in classes:
        for base in getattr(c, "__mro__", (c,)):
            if base in (object, tuple):
                continue
            try:
                digest.update(_source(base))
            except (OSError, TypeError):  # typed at a prompt: the code itself stands in for its source
                for value in vars(base).values() if isinstance(base, type) else (base,):
                    if hasattr(value, "__code__"):
                        digest.update(value.__code__.co_code + repr(value.__code__.co_consts).encode())
    return digest.hexdigest()


def _source(found) -> bytes:
    """The source of a class, function or module; of the package's own the whole file, which need not be parsed."""
    name = found.__name__ if inspect.ismodule(found) else found.__module__
    path = getattr(sys.modules.get(name), "__file__", None)
    if path and name.startswith(f"{__package__.split('.')[0]}."):
        return f"{getattr(found, '__qualname__', '')}\n".encode() + contents(path)
    return inspect.getsource(found).encode()


def revive(cls, par):
    """Build the NamedTuple ``cls`` from an array of its parameters (compiled code only)."""


@overload(revive)
def _revive(cls, par):
    fields = cls.instance_class._fields
    if len(fields) == 0:
        return lambda cls, par: cls()
    if len(fields) == 1:
        return lambda cls, par: cls(par[0])
    if len(fields) == 2:
        return lambda cls, par: cls(par[0], par[1])
    raise numba.errors.TypingError(
        f"{cls.instance_class.__name__} has {len(fields)} parameters; at most 2 are supported"
    )


@intrinsic
def call_rows(typingctx, address, n, par, eta, y, w, r, h, d):
    """Call a compiled row loop by its address: (n, par, eta, y, w, r, h, d) -> None, all addresses as integers."""
    signature = types.void(*([types.int64] * 9))

    def codegen(context, builder, sig, args):
        i64, pointer = ir.IntType(64), ir.DoubleType().as_pointer()
        kind = ir.FunctionType(i64, [i64] + [pointer] * 7)
        function = builder.inttoptr(args[0], kind.as_pointer())
        builder.call(function, [args[1]] + [builder.inttoptr(a, pointer) for a in args[2:]])
        return context.get_dummy_value()

    return signature, codegen


@intrinsic
def call(typingctx, address, arguments):
    """Call a compiled loop by its address with a tuple of integers; it must return an int64."""
    count = len(arguments)
    if any(t not in (types.int64, types.intp) and not isinstance(t, types.IntegerLiteral) for t in arguments):
        raise numba.errors.TypingError(f"call takes integers, not {arguments}")
    signature = types.void(types.int64, arguments)

    def codegen(context, builder, sig, args):
        i64 = ir.IntType(64)
        kind = ir.FunctionType(i64, [i64] * count)
        values = [builder.extract_value(args[1], i) for i in range(count)]
        builder.call(builder.inttoptr(args[0], kind.as_pointer()), values)
        return context.get_dummy_value()

    return signature, codegen


@intrinsic
def peek(typingctx, address, kind):
    """The number of type ``kind`` at an address, as float64."""
    source = kind.dtype

    def codegen(context, builder, sig, args):
        pointer = builder.inttoptr(args[0], context.get_data_type(source).as_pointer())
        value = builder.load(pointer)
        value.align = 1
        return context.cast(builder, value, source, types.float64)

    return types.float64(types.int64, kind), codegen


@intrinsic
def doubles(typingctx, address):
    """An address as a pointer to doubles, for ``carray``."""

    def codegen(context, builder, sig, args):
        return builder.inttoptr(args[0], context.get_value_type(DOUBLE_P))

    return DOUBLE_P(types.int64), codegen


@intrinsic
def fma(typingctx, a, b, c):
    """a*b + c with one rounding."""

    def codegen(context, builder, sig, args):
        return builder.fma(*args)

    return types.float64(types.float64, types.float64, types.float64), codegen


@inner()
def at(array):
    """The address of an array's first element, signed: numba makes a float of a signed and an unsigned sum."""
    return np.int64(array.ctypes.data)


_pointer = ctypes.pythonapi.PyCapsule_GetPointer
_pointer.restype, _pointer.argtypes = ctypes.c_void_p, [ctypes.py_object, ctypes.c_char_p]
_name = ctypes.pythonapi.PyCapsule_GetName
_name.restype, _name.argtypes = ctypes.c_char_p, [ctypes.py_object]


def blas(name: str, n_arguments: int):
    """SciPy's BLAS routine as a function compiled code calls by a fixed symbol, which the disk cache can keep.

    Every argument is an address, passed as an integer.
    """
    from scipy.linalg import cython_blas

    return _routine(cython_blas, name, n_arguments)


def lapack(name: str, n_arguments: int):
    """As ``blas``, of SciPy's LAPACK."""
    from scipy.linalg import cython_lapack

    return _routine(cython_lapack, name, n_arguments)


def _routine(module, name, n_arguments):
    capsule = module.__pyx_capi__[name]
    return external(name, _pointer(capsule, _name(capsule)), n_arguments)


def external(name: str, address: int, n_arguments: int):
    """The C function at an address as one that compiled code calls by a fixed symbol; it takes integers."""
    symbol = f"fastglm_{name}"
    binding.add_symbol(symbol, address)
    return types.ExternalFunction(symbol, types.void(*([types.int64] * n_arguments)))
