"""Four doubles in a vector register, for loops whose vectors LLVM does not find by itself.

A ``Four`` lives in compiled code alone. Addresses are integers, and need the alignment of a double only.
"""

from __future__ import annotations

from llvmlite import ir
from numba import types
from numba.core.cgutils import get_or_insert_function
from numba.extending import intrinsic, models, register_model

from .compile import inner

LANES = 4  # doubles of a register of AVX2, and half of one of AVX-512
_VECTOR = ir.VectorType(ir.DoubleType(), LANES)


class Four(types.Type):
    """Numba's type of four doubles."""

    def __init__(self):
        super().__init__(name="Four")


four = Four()


@register_model(Four)
class _Model(models.PrimitiveModel):
    def __init__(self, manager, kind):
        super().__init__(manager, kind, _VECTOR)


def _at(builder, address):
    return builder.inttoptr(address, _VECTOR.as_pointer())


def _places(*numbers):
    return ir.Constant(ir.VectorType(ir.IntType(32), LANES), list(numbers))


@intrinsic
def load(typingctx, address):
    """The four doubles from an address on."""

    def codegen(context, builder, sig, args):
        value = builder.load(_at(builder, args[0]))
        value.align = 8
        return value

    return four(types.int64), codegen


@intrinsic
def store(typingctx, address, value):
    """Write four doubles to an address."""

    def codegen(context, builder, sig, args):
        builder.store(args[1], _at(builder, args[0])).align = 8
        return context.get_dummy_value()

    return types.void(types.int64, four), codegen


@intrinsic
def spread(typingctx, value):
    """One double four times."""

    def codegen(context, builder, sig, args):
        one = builder.insert_element(ir.Constant(_VECTOR, ir.Undefined), args[0], ir.Constant(ir.IntType(32), 0))
        return builder.shuffle_vector(one, one, _places(0, 0, 0, 0))

    return four(types.float64), codegen


@intrinsic
def add(typingctx, a, b):
    """a + b."""
    return four(four, four), lambda context, builder, sig, args: builder.fadd(*args)


@intrinsic
def multiply(typingctx, a, b):
    """a b."""
    return four(four, four), lambda context, builder, sig, args: builder.fmul(*args)


@intrinsic
def multiply_add(typingctx, a, b, c):
    """a b + c with one rounding."""

    def codegen(context, builder, sig, args):
        kind = ir.FunctionType(_VECTOR, [_VECTOR] * 3)
        return builder.call(get_or_insert_function(builder.module, kind, "llvm.fma.v4f64"), args)

    return four(four, four, four), codegen


@intrinsic
def last(typingctx, value, count):
    """The last ``count`` of four doubles, and zeros before them."""

    def codegen(context, builder, sig, args):
        i64 = ir.IntType(64)
        first = builder.sub(ir.Constant(i64, LANES), args[1])
        lanes = ir.VectorType(i64, LANES)
        one = builder.insert_element(ir.Constant(lanes, ir.Undefined), first, ir.Constant(ir.IntType(32), 0))
        firsts = builder.shuffle_vector(one, one, _places(0, 0, 0, 0))
        counted = builder.icmp_signed(">=", ir.Constant(lanes, list(range(LANES))), firsts)
        return builder.select(counted, args[0], ir.Constant(_VECTOR, [0.0] * LANES))

    return four(four, types.int64), codegen


@intrinsic
def turned(typingctx, a, b, c, d):
    """The columns of four rows."""
    signature = types.UniTuple(four, 4)(four, four, four, four)

    def codegen(context, builder, sig, args):
        def shuffle(x, y, *lanes):
            return builder.shuffle_vector(x, y, _places(*lanes))

        even, odd = (0, 4, 2, 6), (1, 5, 3, 7)
        pairs = [shuffle(args[k], args[k + 1], *lanes) for k in (0, 2) for lanes in (even, odd)]
        first, second = (0, 1, 4, 5), (2, 3, 6, 7)
        columns = [shuffle(pairs[k], pairs[k + 2], *lanes) for lanes in (first, second) for k in (0, 1)]
        return context.make_tuple(builder, sig.return_type, columns)

    return signature, codegen


@inner()
def sums(a, b, c, d):
    """The sums of the lanes of four vectors, as one."""
    w, x, y, z = turned(a, b, c, d)
    return add(add(w, x), add(y, z))
