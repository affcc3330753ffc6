"""Rows of 8, 16 or 32 whole numbers taken at once: many searches share every arc.

A row holds one distance for each of the searches that run side by side. The loop compiler unrolls such short rows into
single numbers; written out as vectors they take 2 ns an arc for 32 searches instead of 22 (11 times less). Each
operation has a plain twin of the same name in ``PLAIN``; it takes over where compiling is switched off, and where the
environment variable ``CIMKIT_PLAIN_LANES`` is set when this module is first imported.
"""

from __future__ import annotations

import os
from types import SimpleNamespace
from typing import Any

import numba
import numpy as np
from llvmlite import ir
from numba.core import cgutils, types
from numba.extending import intrinsic

from cimkit.kernels._jit import kernel
from cimkit.kernels.graph import UNREACHED

WIDE = 32  #: Distances in a row where many sources are swept.
KINDS = 16  #: Distances in a row where kinds of facilities are swept.
OWNED = 8  #: Distances with owners in a row.
#: What a row holds before it is reached; adding a weight to it does not overflow.
FAR = np.uint32(0x80000000)
#: Weight of a direction that cannot be walked.
CLOSED = np.uint32(0x7FFFFFFF)
_INT32 = ir.IntType(32)
_INT64 = ir.IntType(64)
_DOUBLE = ir.DoubleType()


def _splat(builder: Any, value: Any, lanes: int) -> Any:
    """Return a vector with the value in every lane."""
    undefined = ir.Constant(ir.VectorType(value.type, lanes), ir.Undefined)
    first = builder.insert_element(undefined, value, ir.Constant(_INT32, 0))
    return builder.shuffle_vector(first, undefined, ir.Constant(ir.VectorType(_INT32, lanes), [0] * lanes))


def _data(context: Any, builder: Any, kind: Any, array: Any) -> Any:
    """Return the address of an array's first number."""
    return cgutils.create_struct_proxy(kind)(context, builder, value=array).data


def _row(builder: Any, data: Any, row: Any, lanes: int) -> Any:
    """Return the address of a row of a table as that of a vector."""
    place = builder.gep(data, [builder.mul(row, ir.Constant(_INT64, lanes))])
    return builder.bitcast(place, ir.VectorType(data.type.pointee, lanes).as_pointer())


def _load(builder: Any, address: Any) -> Any:
    return builder.load(address, align=4)


def _least(builder: Any, a: Any, b: Any) -> Any:
    return builder.select(builder.icmp_unsigned("<", a, b), a, b)


def _at(builder: Any, data: Any, place: Any) -> Any:
    return builder.load(builder.gep(data, [place]))


def _make_clear(lanes: int) -> Any:
    @intrinsic
    def clear(typing: Any, table: Any, row: Any, value: Any) -> Any:  # noqa: ARG001
        def generate(context: Any, builder: Any, signature: Any, args: Any) -> Any:
            data = _data(context, builder, signature.args[0], args[0])
            builder.store(_splat(builder, args[2], lanes), _row(builder, data, args[1], lanes), align=4)
            return context.get_dummy_value()

        return types.void(table, types.int64, table.dtype), generate

    return clear


def _make_pull(lanes: int) -> Any:
    @intrinsic
    def pull(typing: Any, table: Any, row: Any, heads: Any, weights: Any, low: Any, high: Any) -> Any:  # noqa: ARG001
        def generate(context: Any, builder: Any, signature: Any, args: Any) -> Any:
            data, head, weight = (_data(context, builder, signature.args[k], args[k]) for k in (0, 2, 3))
            target = _row(builder, data, args[1], lanes)
            least = cgutils.alloca_once_value(builder, _load(builder, target))
            with cgutils.for_range(builder, args[5], start=args[4]) as loop:
                other = builder.sext(_at(builder, head, loop.index), _INT64)
                step = _splat(builder, _at(builder, weight, loop.index), lanes)
                way = builder.add(_load(builder, _row(builder, data, other, lanes)), step)
                builder.store(_least(builder, way, builder.load(least)), least)
            builder.store(builder.load(least), target, align=4)
            return context.get_dummy_value()

        return types.void(table, types.int64, heads, weights, types.int64, types.int64), generate

    return pull


def _make_push(lanes: int) -> Any:
    @intrinsic
    def push(
        typing: Any,  # noqa: ARG001
        table: Any,
        row: Any,  # noqa: ARG001
        heads: Any,
        weights: Any,
        low: Any,  # noqa: ARG001
        high: Any,  # noqa: ARG001
        hot: Any,
    ) -> Any:
        def generate(context: Any, builder: Any, signature: Any, args: Any) -> Any:
            kinds = signature.args
            data, head, weight, flag = (_data(context, builder, kinds[k], args[k]) for k in (0, 2, 3, 6))
            here = _load(builder, _row(builder, data, args[1], lanes))
            with cgutils.for_range(builder, args[5], start=args[4]) as loop:
                other = builder.sext(_at(builder, head, loop.index), _INT64)
                step = _splat(builder, _at(builder, weight, loop.index), lanes)
                target = _row(builder, data, other, lanes)
                builder.store(_least(builder, builder.add(here, step), _load(builder, target)), target, align=4)
                builder.store(ir.Constant(ir.IntType(8), 1), builder.gep(flag, [other]))
            return context.get_dummy_value()

        return types.void(table, types.int64, heads, weights, types.int64, types.int64, hot), generate

    return push


@intrinsic
def _give_kinds(typing: Any, table: Any, row: Any, limit: Any, out: Any, place: Any) -> Any:  # noqa: ARG001
    def generate(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        data, result = (_data(context, builder, signature.args[k], args[k]) for k in (0, 3))
        distance = _load(builder, _row(builder, data, args[1], KINDS))
        near = builder.icmp_unsigned("<=", distance, _splat(builder, args[2], KINDS))
        lost = ir.Constant(distance.type, [int(UNREACHED)] * KINDS)
        target = builder.bitcast(builder.gep(result, [args[4]]), distance.type.as_pointer())
        builder.store(builder.select(near, distance, lost), target, align=4)
        return context.get_dummy_value()

    return types.void(table, types.int64, types.uint32, out, types.int64), generate


def _read(builder: Any, data: Any, place: Any) -> Any:
    """Return the distances of a place (row, leg, row, leg) as a vector."""
    row_a, leg_a, row_b, leg_b = (builder.extract_value(place, k) for k in range(4))
    way_a = builder.add(_load(builder, _row(builder, data, row_a, WIDE)), _splat(builder, leg_a, WIDE))
    way_b = builder.add(_load(builder, _row(builder, data, row_b, WIDE)), _splat(builder, leg_b, WIDE))
    return _least(builder, way_a, way_b)


_PLACE = types.Tuple((types.int64, types.uint32, types.int64, types.uint32))


@intrinsic
def _read_place(typing: Any, table: Any, place: Any, out: Any) -> Any:  # noqa: ARG001
    def generate(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        table_data, out_data = (_data(context, builder, signature.args[k], args[k]) for k in (0, 2))
        builder.store(
            _read(builder, table_data, args[1]), _row(builder, out_data, ir.Constant(_INT64, 0), WIDE), align=4
        )
        return context.get_dummy_value()

    return types.void(table, _PLACE, out), generate


@intrinsic
def _tally(typing: Any, table: Any, place: Any, weight: Any, breaks: Any, sums: Any) -> Any:  # noqa: ARG001
    def generate(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        table_data, limit, total = (_data(context, builder, signature.args[k], args[k]) for k in (0, 3, 4))
        count = cgutils.create_struct_proxy(signature.args[3])(context, builder, value=args[3]).nitems
        distance = _read(builder, table_data, args[1])
        share = _splat(builder, args[2], WIDE)
        nothing = ir.Constant(ir.VectorType(_DOUBLE, WIDE), [0.0] * WIDE)
        with cgutils.for_range(builder, count) as loop:
            near = builder.icmp_unsigned("<=", distance, _splat(builder, _at(builder, limit, loop.index), WIDE))
            # most rows of a cell lie beyond the shorter limits of all 32
            with builder.if_then(builder.icmp_unsigned("!=", builder.bitcast(near, _INT32), ir.Constant(_INT32, 0))):
                target = _row(builder, total, loop.index, WIDE)
                old = builder.load(target, align=8)
                builder.store(builder.fadd(old, builder.select(near, share, nothing)), target, align=8)
        return context.get_dummy_value()

    return types.void(table, _PLACE, types.float64, breaks, sums), generate


@intrinsic
def _weigh(typing: Any, table: Any, place: Any, breaks: Any, steps: Any, out: Any) -> Any:  # noqa: ARG001
    def generate(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        table_data, limit, step, result = (_data(context, builder, signature.args[k], args[k]) for k in (0, 2, 3, 4))
        count = cgutils.create_struct_proxy(signature.args[2])(context, builder, value=args[2]).nitems
        distance = _read(builder, table_data, args[1])
        nothing = ir.Constant(ir.VectorType(_DOUBLE, WIDE), [0.0] * WIDE)
        weight = cgutils.alloca_once_value(builder, nothing)
        bits = cgutils.alloca_once_value(builder, ir.Constant(_INT32, 0))
        with cgutils.for_range(builder, count) as loop:
            near = builder.icmp_unsigned("<=", distance, _splat(builder, _at(builder, limit, loop.index), WIDE))
            part = builder.select(near, _splat(builder, _at(builder, step, loop.index), WIDE), nothing)
            builder.store(builder.fadd(builder.load(weight), part), weight)
            builder.store(builder.or_(builder.load(bits), builder.bitcast(near, _INT32)), bits)
        builder.store(builder.load(weight), _row(builder, result, ir.Constant(_INT64, 0), WIDE), align=8)
        return builder.zext(builder.load(bits), _INT64)

    return types.uint64(table, _PLACE, breaks, steps, out), generate


@intrinsic
def _add_scaled(typing: Any, sums: Any, values: Any, factor: Any) -> Any:  # noqa: ARG001
    def generate(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        zero = ir.Constant(_INT64, 0)
        target, value = (_row(builder, _data(context, builder, signature.args[k], args[k]), zero, WIDE) for k in (0, 1))
        part = builder.fmul(builder.load(value, align=8), _splat(builder, args[2], WIDE))
        builder.store(builder.fadd(builder.load(target, align=8), part), target, align=8)
        return context.get_dummy_value()

    return types.void(sums, values, types.float64), generate


@kernel
def _plain_clear(table, row, value):
    for q in range(table.shape[1]):
        table[row, q] = value


@kernel
def _plain_pull(table, row, heads, weights, low, high):
    for e in range(low, high):
        for q in range(table.shape[1]):
            table[row, q] = min(table[row, q], table[heads[e], q] + weights[e])


@kernel
def _plain_push(table, row, heads, weights, low, high, hot):
    for e in range(low, high):
        hot[heads[e]] = 1
        for q in range(table.shape[1]):
            table[heads[e], q] = min(table[heads[e], q], table[row, q] + weights[e])


@kernel
def _plain_give_kinds(table, row, limit, out, place):
    for q in range(table.shape[1]):
        out[place + q] = table[row, q] if table[row, q] <= limit else UNREACHED


@kernel
def _plain_read_place(table, place, out):
    row_a, leg_a, row_b, leg_b = place
    for q in range(table.shape[1]):
        out[q] = min(table[row_a, q] + leg_a, table[row_b, q] + leg_b)


@kernel
def _plain_tally(table, place, weight, breaks, sums):
    row_a, leg_a, row_b, leg_b = place
    for t in range(len(breaks)):
        for q in range(table.shape[1]):
            if min(table[row_a, q] + leg_a, table[row_b, q] + leg_b) <= breaks[t]:
                sums[t, q] += weight


@kernel
def _plain_weigh(table, place, breaks, steps, out):
    row_a, leg_a, row_b, leg_b = place
    bits = np.uint64(0)
    for q in range(table.shape[1]):
        out[q] = 0.0
        for t in range(len(breaks)):
            if min(table[row_a, q] + leg_a, table[row_b, q] + leg_b) <= breaks[t]:
                out[q] += steps[t]
                bits |= np.uint64(1) << np.uint64(q)
    return bits


@kernel
def _plain_add_scaled(sums, values, factor):
    for q in range(len(sums)):
        sums[q] += values[q] * factor


PLAIN = SimpleNamespace(
    clear=_plain_clear,
    pull=_plain_pull,
    push=_plain_push,
    give_kinds=_plain_give_kinds,
    read_place=_plain_read_place,
    tally=_plain_tally,
    weigh=_plain_weigh,
    add_scaled=_plain_add_scaled,
)
VECTOR = SimpleNamespace(
    clear={lanes: _make_clear(lanes) for lanes in (OWNED, KINDS, WIDE)},
    pull={lanes: _make_pull(lanes) for lanes in (OWNED, KINDS, WIDE)},
    push={lanes: _make_push(lanes) for lanes in (OWNED, KINDS, WIDE)},
    give_kinds=_give_kinds,
    read_place=_read_place,
    tally=_tally,
    weigh=_weigh,
    add_scaled=_add_scaled,
)
_USE_PLAIN = bool(numba.config.DISABLE_JIT or os.environ.get("CIMKIT_PLAIN_LANES"))


def _pick(name: str, lanes: int) -> Any:
    return getattr(PLAIN, name) if _USE_PLAIN else getattr(VECTOR, name)[lanes]


#: ``clear(table, row, value)``: put the value into a row of the table (n, lanes).
clear_owned, clear_kinds, clear_wide = _pick("clear", OWNED), _pick("clear", KINDS), _pick("clear", WIDE)
#: ``pull(table, row, heads, weights, low, high)``: lower a row to row ``heads[e]`` plus ``weights[e]``, low ≤ e < high.
pull_owned, pull_kinds, pull_wide = _pick("pull", OWNED), _pick("pull", KINDS), _pick("pull", WIDE)
#: ``push(table, row, heads, weights, low, high, hot)``: lower rows ``heads[e]`` to this one plus ``weights[e]``, and
#: set ``hot[heads[e]]``.
push_owned, push_kinds, push_wide = _pick("push", OWNED), _pick("push", KINDS), _pick("push", WIDE)
_LANES = PLAIN if _USE_PLAIN else VECTOR
#: ``give_kinds(table, row, limit, out, place)``: a row (16) into out from a place on, beyond the limit as unreached.
give_kinds: Any = _LANES.give_kinds
#: ``read_place(table, place, out)``: distances of a place (row, leg, row, leg) into out (32).
read_place: Any = _LANES.read_place
#: ``tally(table, place, weight, breaks, sums)``: add the weight to sums (t, 32) where the place is within breaks (t).
tally: Any = _LANES.tally
#: ``weigh(table, place, breaks, steps, out)``: sum of the steps (t) whose breaks (t) a place is within, into out (32);
#: returns the bits of the distances within any.
weigh: Any = _LANES.weigh
#: ``add_scaled(sums, values, factor)``: sums (32) += values (32) × factor.
add_scaled: Any = _LANES.add_scaled


@kernel
def aligned_rows(n, lanes):
    """Return a table (n, lanes) of uint32 that starts on a cache line: rows never straddle two of them."""
    raw = np.empty(n * lanes + 16, np.uint32)
    shift = (-raw.ctypes.data % 64) // 4
    return raw[shift : shift + n * lanes].reshape((n, lanes))
