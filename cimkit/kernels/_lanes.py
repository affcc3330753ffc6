"""Operations on the bits of a word that Python has no name for."""

from typing import Any

import numba
import numpy as np
from llvmlite import ir
from numba.core import cgutils, types
from numba.extending import intrinsic

from cimkit.kernels._jit import lean

_COMPILED = not numba.config.DISABLE_JIT


def _of_word(result: Any, write: Any, plain: Any) -> Any:
    """Return an operation on a word as what compiled code may call, or the plain one where compiling is off."""

    @intrinsic
    def operation(typing: Any, word: Any) -> Any:  # noqa: ARG001
        return result(types.uint64), lambda context, builder, signature, args: write(builder, args[0])  # noqa: ARG005

    return operation if _COMPILED else plain


@intrinsic
def _as_word(typing: Any, number: Any) -> Any:  # noqa: ARG001
    def generate(context: Any, builder: Any, signature: Any, args: Any) -> Any:  # noqa: ARG001
        return builder.bitcast(args[0], ir.IntType(64))

    return types.uint64(types.float64), generate


@intrinsic
def _equal_lanes(typing: Any, table: Any, place: Any, word: Any) -> Any:  # noqa: ARG001
    def generate(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        data = cgutils.create_struct_proxy(signature.args[0])(context, builder, value=args[0]).data
        kind = ir.VectorType(data.type.pointee, 16)
        lanes = builder.load(builder.bitcast(builder.gep(data, [args[1]]), kind.as_pointer()), align=4)
        first = builder.insert_element(ir.Constant(kind, ir.Undefined), args[2], ir.Constant(ir.IntType(32), 0))
        wanted = builder.shuffle_vector(first, first, ir.Constant(ir.VectorType(ir.IntType(32), 16), [0] * 16))
        bits = builder.bitcast(builder.icmp_unsigned("==", lanes, wanted), ir.IntType(16))
        return builder.zext(bits, ir.IntType(64))

    return types.uint64(table, types.int64, table.dtype), generate


def _plain_equal_lanes(table: Any, place: int, word: Any) -> np.uint64:
    return np.uint64(sum(1 << q for q in range(16) if table[place + q] == word))


@lean(inline="always")
def keep(n):
    """Return a word with the n lowest bits set, all from 64 on."""
    return np.uint64(0xFFFFFFFFFFFFFFFF) if n >= 64 else (np.uint64(1) << np.uint64(n)) - np.uint64(1)


#: Number of set bits of a word.
count_ones: Any = _of_word(
    types.uint64, lambda builder, word: builder.ctpop(word), lambda word: np.uint64(int(word).bit_count())
)
#: Place of the lowest set bit of a word; 64 if none is set.
trailing_zeros: Any = _of_word(
    types.int64,
    lambda builder, word: builder.cttz(word, ir.Constant(ir.IntType(1), 0)),
    lambda word: (int(word) & -int(word)).bit_length() - 1 if word else 64,
)
#: Number of bits above the highest set bit of a word; 64 if none is set.
leading_zeros: Any = _of_word(
    types.int64,
    lambda builder, word: builder.ctlz(word, ir.Constant(ir.IntType(1), 0)),
    lambda word: 64 - int(word).bit_length(),
)
#: A word kept among numbers, and back: vector code that writes to one array alone needs no check for overlap.
as_number: Any = _of_word(
    types.float64,
    lambda builder, word: builder.bitcast(word, ir.DoubleType()),
    lambda word: np.uint64(word).view(np.float64),
)
as_word: Any = _as_word if _COMPILED else lambda number: np.float64(number).view(np.uint64)
#: ``equal_lanes(table, place, word)``: bits of the 16 words from a place of a table that equal a word.
equal_lanes: Any = _equal_lanes if _COMPILED else _plain_equal_lanes
