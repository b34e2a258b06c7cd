"""Counters that threads share inside one compiled call, and the wait for another thread."""

from __future__ import annotations

import ctypes

from llvmlite import ir
from numba import types
from numba.extending import intrinsic

from .compile import external


def _yield_address():
    """Where the operating system's function is that lets another thread run."""
    try:
        function = ctypes.CDLL(None).sched_yield
    except (TypeError, AttributeError):  # Windows
        function = ctypes.WinDLL("kernel32").SwitchToThread
    return ctypes.cast(function, ctypes.c_void_p).value


let_others_run = external("let_others_run", _yield_address(), 0)


def _counter(builder, address):
    return builder.inttoptr(address, ir.IntType(64).as_pointer())


@intrinsic
def take_next(typingctx, address):
    """The number at an address, which is one more afterwards, whatever other threads take meanwhile.

    What each of them wrote before it took its number is seen by those that take a later one.
    """

    def codegen(context, builder, sig, args):
        return builder.atomic_rmw("add", _counter(builder, args[0]), ir.Constant(ir.IntType(64), 1), "acq_rel")

    return types.int64(types.int64), codegen


@intrinsic
def look_at(typingctx, address):
    """The number at an address, and sight of all that was written before a thread told it."""

    def codegen(context, builder, sig, args):
        return builder.load_atomic(_counter(builder, args[0]), "acquire", 8)

    return types.int64(types.int64), codegen


@intrinsic
def tell(typingctx, address, number):
    """Write a number that other threads look at, after all that was written before."""

    def codegen(context, builder, sig, args):
        builder.store_atomic(args[1], _counter(builder, args[0]), "release", 8)
        return context.get_dummy_value()

    return types.void(types.int64, types.int64), codegen
