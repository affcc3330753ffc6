"""Operations on the bits of a word that Python has no name for."""

from __future__ import annotations

from typing import Any

import numba
import numpy as np
from llvmlite import ir
from numba.core import cgutils, types
from numba.extending import intrinsic


@intrinsic
def _count_ones(typing: Any, word: Any) -> Any:  # noqa: ARG001
    def generate(context: Any, builder: Any, signature: Any, args: Any) -> Any:  # noqa: ARG001
        return builder.ctpop(args[0])

    return types.uint64(types.uint64), generate


@intrinsic
def _trailing_zeros(typing: Any, word: Any) -> Any:  # noqa: ARG001
    def generate(context: Any, builder: Any, signature: Any, args: Any) -> Any:  # noqa: ARG001
        return builder.cttz(args[0], ir.Constant(ir.IntType(1), 0))

    return types.int64(types.uint64), generate


@intrinsic
def _leading_zeros(typing: Any, word: Any) -> Any:  # noqa: ARG001
    def generate(context: Any, builder: Any, signature: Any, args: Any) -> Any:  # noqa: ARG001
        return builder.ctlz(args[0], ir.Constant(ir.IntType(1), 0))

    return types.int64(types.uint64), generate


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


def _plain_count_ones(word: Any) -> np.uint64:
    return np.uint64(int(word).bit_count())


def _plain_trailing_zeros(word: Any) -> int:
    return (int(word) & -int(word)).bit_length() - 1 if word else 64


def _plain_leading_zeros(word: Any) -> int:
    return 64 - int(word).bit_length()


_COMPILED = not numba.config.DISABLE_JIT
#: Number of set bits of a word.
count_ones: Any = _count_ones if _COMPILED else _plain_count_ones
#: Place of the lowest set bit of a word; 64 if none is set.
trailing_zeros: Any = _trailing_zeros if _COMPILED else _plain_trailing_zeros
#: ``equal_lanes(table, place, word)``: bits of the 16 words from a place of a table that equal a word.
equal_lanes: Any = _equal_lanes if _COMPILED else _plain_equal_lanes
#: Number of bits above the highest set bit of a word; 64 if none is set.
leading_zeros: Any = _leading_zeros if _COMPILED else _plain_leading_zeros
