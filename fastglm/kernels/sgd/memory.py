"""Typed pointers from addresses, and hints to the processor which rows are wanted next."""

from __future__ import annotations

import numba
import numpy as np
from llvmlite import ir
from numba import carray, types
from numba.extending import intrinsic

from ..compile import _enabled

LINE = 64  # bytes of a cache line


@intrinsic
def pointer(typingctx, address, kind):
    """An address as a pointer to numbers of type ``kind``, for ``carray``."""
    result = types.CPointer(kind.dtype)

    def codegen(context, builder, sig, args):
        return builder.inttoptr(args[0], context.get_value_type(result))

    return result(types.int64, kind), codegen


@intrinsic
def prefetch(typingctx, address):
    """Ask for the cache line at an address; any address may be given, none is read."""

    def codegen(context, builder, sig, args):
        byte, i32 = ir.IntType(8).as_pointer(), ir.IntType(32)
        kind = ir.FunctionType(ir.VoidType(), [byte, i32, i32, i32])
        function = builder.module.declare_intrinsic("llvm.prefetch", (byte,), kind)
        read, keep, data = (ir.Constant(i32, k) for k in (0, 2, 1))
        builder.call(function, [builder.inttoptr(args[0], byte), read, keep, data])
        return context.get_dummy_value()

    return types.void(types.int64), codegen


@intrinsic
def ask(typingctx, address, arguments):
    """Call a C function by its address with a tuple of int64; its int64 result."""
    count = len(arguments)

    def codegen(context, builder, sig, args):
        i64 = ir.IntType(64)
        kind = ir.FunctionType(i64, [i64] * count)
        values = [builder.extract_value(args[1], i) for i in range(count)]
        return builder.call(builder.inttoptr(args[0], kind.as_pointer()), values)

    return types.int64(types.int64, arguments), codegen


def inner(**options):
    """``compile.inner`` without a cache of its own.

    What calls it is cached, under a digest of the files involved; an inner cache would see changes of its own file
    alone, and so outlive those of the functions it calls.
    """

    def compile_(function):
        with _enabled():
            return numba.njit(
                no_cpython_wrapper=True, no_cfunc_wrapper=True, nogil=True, error_model="numpy", **options
            )(function)

    return compile_


@inner()
def vector(plan, field, n):
    """The float64 vector whose address is in a field of a plan."""
    return carray(pointer(plan[field], np.float64), n)
