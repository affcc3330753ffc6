"""Rows of 8, 16 or 32 numbers taken at once: many searches share every arc.

A row holds one distance for each of the searches that run side by side. The loop compiler unrolls such short rows into
single numbers; written out as vectors they take 2 ns an arc for 32 searches instead of 22 (11 times less). So every
operation stands here twice: as a plain function, which says what it does, and as the vector code that is written for
it. The plain one takes over where compiling is switched off, and where the environment variable
``CIMKIT_PLAIN_LANES`` is set when this module is first imported. The first argument, ``lanes``, is a constant.
"""

import os
from typing import Any

import numba
import numpy as np
from llvmlite import ir
from numba.core import cgutils, types, utils
from numba.extending import intrinsic

from cimkit.kernels._jit import kernel

WIDE = 32  #: Distances in a row where many sources are swept.
KINDS = 16  #: Distances in a row where kinds of facilities are swept.
OWNED = 8  #: Distances with owners in a row.
#: What a row holds before it is reached; adding a weight to it does not overflow.
FAR = np.uint32(0x80000000)
#: Weight of a direction that cannot be walked.
CLOSED = np.uint32(0x7FFFFFFF)
PLAIN: dict[str, Any] = {}
VECTOR: dict[str, Any] = {}
_USE_PLAIN = bool(numba.config.DISABLE_JIT or os.environ.get("CIMKIT_PLAIN_LANES"))
_INT32, _INT64 = ir.IntType(32), ir.IntType(64)


class _Writer:
    """Writes vector code of so many lanes; an array is the structure numba has for it."""

    def __init__(self, builder: Any, lanes: int) -> None:
        self.builder, self.lanes = builder, lanes

    def every(self, value: Any) -> Any:
        """Return a vector with the value in every lane."""
        undefined = ir.Constant(ir.VectorType(value.type, self.lanes), ir.Undefined)
        first = self.builder.insert_element(undefined, value, ir.Constant(_INT32, 0))
        lanes = ir.Constant(ir.VectorType(_INT32, self.lanes), [0] * self.lanes)
        return self.builder.shuffle_vector(first, undefined, lanes)

    def at(self, array: Any, place: Any) -> Any:
        """Return one number of an array."""
        return self.builder.load(self.builder.gep(array.data, [place]))

    def every_at(self, array: Any, place: Any) -> Any:
        """Return a vector with one number of an array in every lane."""
        return self.every(self.at(array, place))

    def vector(self, array: Any, place: Any) -> Any:
        """Return the address of the vector that begins at a place of an array."""
        begin = self.builder.gep(array.data, [place])
        return self.builder.bitcast(begin, ir.VectorType(array.data.type.pointee, self.lanes).as_pointer())

    def row(self, table: Any, row: Any) -> Any:
        """Return the address of a row of a table as that of a vector."""
        return self.vector(table, self.builder.mul(self.builder.sext(row, _INT64), ir.Constant(_INT64, self.lanes)))

    def load(self, address: Any) -> Any:
        return self.builder.load(address, align=4)

    def store(self, vector: Any, address: Any) -> None:
        self.builder.store(vector, address, align=4)

    def least(self, a: Any, b: Any) -> Any:
        return self.builder.select(self.builder.icmp_unsigned("<", a, b), a, b)

    def within(self, distance: Any, limit: Any) -> Any:
        return self.builder.icmp_unsigned("<=", distance, limit)

    def distance(self, table: Any, place: Any) -> Any:
        """Return the distances of a place (row, leg, row, leg)."""
        row_a, leg_a, row_b, leg_b = (self.builder.extract_value(place, k) for k in range(4))
        way_a = self.builder.add(self.load(self.row(table, row_a)), self.every(leg_a))
        way_b = self.builder.add(self.load(self.row(table, row_b)), self.every(leg_b))
        return self.least(way_a, way_b)


def _written_by(write: Any, returns: Any = types.void) -> Any:
    """Return a decorator that replaces a plain function by the vector code that ``write`` makes, and keeps both."""

    def define(plain: Any) -> Any:
        def operation(typing: Any, lanes: Any, *kinds: Any) -> Any:  # noqa: ARG001
            def generate(context: Any, builder: Any, signature: Any, args: Any) -> Any:
                values = [
                    cgutils.create_struct_proxy(kind)(context, builder, value=value)
                    if isinstance(kind, types.Array)
                    else value
                    for kind, value in zip(signature.args[1:], args[1:], strict=True)
                ]
                result = write(_Writer(builder, lanes.literal_value), *values)
                return context.get_dummy_value() if result is None else result

            return returns(lanes, *(types.unliteral(kind) for kind in kinds)), generate

        own = utils.pysignature(plain)
        first, *others = own.parameters.values()
        operation.__signature__ = own.replace(parameters=[first.replace(name="typing"), first, *others])
        name = plain.__name__
        PLAIN[name], VECTOR[name] = kernel(plain), intrinsic(prefer_literal=True)(operation)
        return PLAIN[name] if _USE_PLAIN else VECTOR[name]

    return define


def _write_clear(to: _Writer, table: Any, row: Any, value: Any) -> None:
    to.store(to.every(value), to.row(table, row))


@_written_by(_write_clear)
def clear(lanes, table, row, value):
    """Put the value into a row of the table (n, lanes)."""
    for q in range(lanes):
        table[row, q] = value


def _write_pull(to: _Writer, table: Any, row: Any, heads: Any, weights: Any, low: Any, high: Any) -> None:
    target = to.row(table, row)
    least = cgutils.alloca_once_value(to.builder, to.load(target))
    with cgutils.for_range(to.builder, high, start=low) as arc:
        other = to.load(to.row(table, to.at(heads, arc.index)))
        way = to.builder.add(other, to.every_at(weights, arc.index))
        to.builder.store(to.least(way, to.builder.load(least)), least)
    to.store(to.builder.load(least), target)


@_written_by(_write_pull)
def pull(lanes, table, row, heads, weights, low, high):
    """Lower a row to row ``heads[e]`` plus ``weights[e]``, low ≤ e < high."""
    for e in range(low, high):
        for q in range(lanes):
            table[row, q] = min(table[row, q], table[heads[e], q] + weights[e])


def _write_push(to: _Writer, table: Any, row: Any, heads: Any, weights: Any, low: Any, high: Any, hot: Any) -> None:
    here = to.load(to.row(table, row))
    with cgutils.for_range(to.builder, high, start=low) as arc:
        other = to.builder.sext(to.at(heads, arc.index), _INT64)
        target = to.row(table, other)
        way = to.builder.add(here, to.every_at(weights, arc.index))
        to.store(to.least(way, to.load(target)), target)
        to.builder.store(ir.Constant(ir.IntType(8), 1), to.builder.gep(hot.data, [other]))


@_written_by(_write_push)
def push(lanes, table, row, heads, weights, low, high, hot):
    """Lower rows ``heads[e]`` to this one plus ``weights[e]``, low ≤ e < high, and set ``hot[heads[e]]``."""
    for e in range(low, high):
        hot[heads[e]] = 1
        for q in range(lanes):
            table[heads[e], q] = min(table[heads[e], q], table[row, q] + weights[e])


def _write_give(to: _Writer, table: Any, row: Any, limit: Any, lost: Any, out: Any, place: Any) -> None:
    distance = to.load(to.row(table, row))
    near = to.within(distance, to.every(limit))
    to.store(to.builder.select(near, distance, to.every(lost)), to.vector(out, place))


@_written_by(_write_give)
def give(lanes, table, row, limit, lost, out, place):
    """Put a row into out from a place on, ``lost`` for what is beyond the limit."""
    for q in range(lanes):
        out[place + q] = table[row, q] if table[row, q] <= limit else lost


def _write_read_place(to: _Writer, table: Any, place: Any, out: Any) -> None:
    to.store(to.distance(table, place), to.vector(out, ir.Constant(_INT64, 0)))


@_written_by(_write_read_place)
def read_place(lanes, table, place, out):
    """Put the distances of a place (row, leg, row, leg) into out (lanes)."""
    row_a, leg_a, row_b, leg_b = place
    for q in range(lanes):
        out[q] = min(table[row_a, q] + leg_a, table[row_b, q] + leg_b)


def _write_tally(to: _Writer, table: Any, place: Any, weight: Any, breaks: Any, sums: Any) -> None:
    distance, share = to.distance(table, place), to.every(weight)
    nothing, none = ir.Constant(share.type, [0.0] * to.lanes), ir.Constant(ir.IntType(to.lanes), 0)
    with cgutils.for_range(to.builder, breaks.nitems) as step:
        near = to.within(distance, to.every_at(breaks, step.index))
        # most rows of a cell lie beyond the shorter limits of all 32
        with to.builder.if_then(to.builder.icmp_unsigned("!=", to.builder.bitcast(near, none.type), none)):
            target = to.row(sums, step.index)
            to.store(to.builder.fadd(to.load(target), to.builder.select(near, share, nothing)), target)


@_written_by(_write_tally)
def tally(lanes, table, place, weight, breaks, sums):
    """Add the weight to sums (t, lanes) where the distances of a place are within breaks (t)."""
    row_a, leg_a, row_b, leg_b = place
    for t in range(len(breaks)):
        for q in range(lanes):
            if min(table[row_a, q] + leg_a, table[row_b, q] + leg_b) <= breaks[t]:
                sums[t, q] += weight


def _write_weigh(to: _Writer, table: Any, place: Any, breaks: Any, steps: Any, out: Any) -> Any:
    distance, word = to.distance(table, place), ir.IntType(to.lanes)
    nothing = ir.Constant(ir.VectorType(ir.DoubleType(), to.lanes), [0.0] * to.lanes)
    weight = cgutils.alloca_once_value(to.builder, nothing)
    bits = cgutils.alloca_once_value(to.builder, ir.Constant(word, 0))
    with cgutils.for_range(to.builder, breaks.nitems) as step:
        near = to.within(distance, to.every_at(breaks, step.index))
        part = to.builder.select(near, to.every_at(steps, step.index), nothing)
        to.builder.store(to.builder.fadd(to.builder.load(weight), part), weight)
        to.builder.store(to.builder.or_(to.builder.load(bits), to.builder.bitcast(near, word)), bits)
    to.store(to.builder.load(weight), to.vector(out, ir.Constant(_INT64, 0)))
    return to.builder.zext(to.builder.load(bits), _INT64)


@_written_by(_write_weigh, types.uint64)
def weigh(lanes, table, place, breaks, steps, out):
    """Put the sum of the steps (t) whose breaks (t) a place is within into out (lanes); return the bits of any."""
    row_a, leg_a, row_b, leg_b = place
    bits = np.uint64(0)
    for q in range(lanes):
        out[q] = 0.0
        for t in range(len(breaks)):
            if min(table[row_a, q] + leg_a, table[row_b, q] + leg_b) <= breaks[t]:
                out[q] += steps[t]
                bits |= np.uint64(1) << np.uint64(q)
    return bits


def _write_add_scaled(to: _Writer, sums: Any, values: Any, factor: Any) -> None:
    target, value = (to.vector(array, ir.Constant(_INT64, 0)) for array in (sums, values))
    to.store(to.builder.fadd(to.load(target), to.builder.fmul(to.load(value), to.every(factor))), target)


@_written_by(_write_add_scaled)
def add_scaled(lanes, sums, values, factor):
    """Add values (lanes) times a factor to sums (lanes)."""
    for q in range(lanes):
        sums[q] += values[q] * factor


@kernel
def aligned_rows(n, lanes):
    """Return a table (n, lanes) of uint32 that starts on a cache line: rows never straddle two of them."""
    raw = np.empty(n * lanes + 16, np.uint32)
    shift = (-raw.ctypes.data % 64) // 4
    return raw[shift : shift + n * lanes].reshape((n, lanes))
