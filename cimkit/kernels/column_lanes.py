"""Vector operations of the column kernels: 16 walls seen from a column at once, or 64 suns of a receptor.

Each operation is written once, as a formula of lanes that lie in a row of a table, one after the other: compiled they
are a vector of the processor, and an array of numpy where compiling is switched off.
"""

from __future__ import annotations

from functools import partialmethod, wraps
from typing import Any

import numba
import numpy as np
from llvmlite import ir
from numba.core import cgutils, types
from numba.extending import intrinsic

WIDE = 16  # circles or edges taken at once
AX, AY, BX, BY, EX, EY, TOP = range(7)  # rows of edges about a patch: both ends, their difference, top
BASE = 7  # and of those of the patch: base
CROSS, FIRST, LAST = range(7, 10)  # and of those seen from a column: cross product, turns of both ends
X, Y, RADIUS, HIGH = range(4)  # rows of circles; HIGH: top
_WORD = ir.IntType(64)


class _Vector:
    """Numbers, or yes and no, in the lanes of a vector of the processor, while code is written."""

    def __init__(self, builder: Any, value: Any) -> None:
        self.builder, self.value = builder, value

    def of(self, other: Any) -> Any:
        """Return another vector, or a number or lone value in every lane."""
        if isinstance(other, _Vector):
            return other.value
        kind = self.value.type
        if isinstance(other, (int, float)):
            return ir.Constant(kind, [other] * kind.count)
        first = self.builder.insert_element(ir.Constant(kind, ir.Undefined), other, ir.Constant(ir.IntType(32), 0))
        places = ir.Constant(ir.VectorType(ir.IntType(32), kind.count), [0] * kind.count)
        return self.builder.shuffle_vector(first, first, places)

    def _do(self, name: str, other: Any) -> _Vector:
        return _Vector(self.builder, getattr(self.builder, name)(self.value, self.of(other)))

    def _do_reversed(self, name: str, other: Any) -> _Vector:
        return _Vector(self.builder, getattr(self.builder, name)(self.of(other), self.value))

    def _compare(self, sign: str, other: Any) -> _Vector:
        return _Vector(self.builder, self.builder.fcmp_ordered(sign, self.value, self.of(other)))

    __add__, __sub__ = partialmethod(_do, "fadd"), partialmethod(_do, "fsub")
    __mul__, __truediv__ = partialmethod(_do, "fmul"), partialmethod(_do, "fdiv")
    __rsub__, __rtruediv__ = partialmethod(_do_reversed, "fsub"), partialmethod(_do_reversed, "fdiv")
    __and__, __or__ = partialmethod(_do, "and_"), partialmethod(_do, "or_")
    __lt__, __le__ = partialmethod(_compare, "<"), partialmethod(_compare, "<=")
    __gt__, __ge__ = partialmethod(_compare, ">"), partialmethod(_compare, ">=")

    def __invert__(self) -> _Vector:
        return _Vector(self.builder, self.builder.not_(self.value))


class _Compiled:
    """What a formula may use beside the operators, as code of the processor."""

    def __init__(self, context: Any, builder: Any, signature: Any, args: Any) -> None:
        self.context, self.builder = context, builder
        self.args = [
            (kind, context.make_array(kind)(context, builder, value=arg))
            if isinstance(kind, types.Array)
            else cgutils.unpack_tuple(builder, arg)
            if isinstance(kind, types.BaseTuple)
            else arg
            for kind, arg in zip(signature.args, args, strict=True)
        ]

    def _address(self, table: Any, row: int, start: Any, lanes: int) -> Any:
        kind, array = table
        index = [ir.Constant(_WORD, row), start][-kind.ndim :]
        address = cgutils.get_item_pointer(self.context, self.builder, kind, array, index)
        return self.builder.bitcast(address, ir.VectorType(address.type.pointee, lanes).as_pointer())

    def take(self, table: Any, row: int, start: Any, lanes: int) -> Any:
        """Return lanes of a row; a table of one row may be an array of one axis."""
        return _Vector(self.builder, self.builder.load(self._address(table, row, start, lanes), align=4))

    def put(self, table: Any, row: int, start: Any, value: Any) -> None:
        self.builder.store(value.value, self._address(table, row, start, value.value.type.count), align=4)

    def mask(self, bits: Any, lanes: int) -> Any:
        word = self.builder.trunc(bits, ir.IntType(lanes))
        return _Vector(self.builder, self.builder.bitcast(word, ir.VectorType(ir.IntType(1), lanes)))

    def where(self, yes: Any, one: Any, other: Any) -> Any:
        like = one if isinstance(one, _Vector) else other
        return _Vector(self.builder, self.builder.select(yes.value, like.of(one), like.of(other)))

    def _call(self, name: str, value: Any) -> Any:
        kind = value.value.type
        function = ir.FunctionType(kind, [kind])
        function = cgutils.get_or_insert_function(self.builder.module, function, f"llvm.{name}.v{kind.count}f32")
        return _Vector(self.builder, self.builder.call(function, [value.value]))

    def root(self, value: Any) -> Any:
        return self._call("sqrt", value)

    def size(self, value: Any) -> Any:
        return self._call("fabs", value)

    def whole(self, value: Any) -> Any:
        kind = ir.VectorType(ir.IntType(32), value.value.type.count)
        return _Vector(self.builder, self.builder.fptosi(value.value, kind))

    def bits(self, value: Any) -> Any:
        word = self.builder.bitcast(value.value, ir.IntType(value.value.type.count))
        return self.builder.zext(word, _WORD)

    def pair(self, one: Any, other: Any) -> Any:
        return self.builder.or_(self.bits(one), self.builder.shl(self.bits(other), ir.Constant(_WORD, WIDE)))


class _Plain:
    """The same of numpy."""

    root, size, where = staticmethod(np.sqrt), staticmethod(np.abs), staticmethod(np.where)

    def take(self, table: Any, row: int, start: int, lanes: int) -> Any:
        return np.atleast_2d(table)[row, start : start + lanes]

    def put(self, table: Any, row: int, start: int, value: Any) -> None:
        np.atleast_2d(table)[row, start : start + len(value)] = value

    def mask(self, bits: Any, lanes: int) -> Any:
        return np.unpackbits(np.array([bits], np.uint64).view(np.uint8), bitorder="little")[:lanes].astype(bool)

    def whole(self, value: Any) -> Any:
        return value.astype(np.int32)

    def bits(self, value: Any) -> Any:
        return np.packbits(np.pad(value, (0, 64 - len(value))), bitorder="little").view(np.uint64)[0]

    def pair(self, one: Any, other: Any) -> Any:
        return self.bits(np.concatenate([one, other]))


PLAIN = _Plain()


def _least(v: Any, one: Any, other: Any) -> Any:
    return v.where(one < other, one, other)


def _most(v: Any, one: Any, other: Any) -> Any:
    return v.where(one > other, one, other)


def turn(v: Any, x: Any, y: Any, mx: Any, my: Any, way: Any) -> Any:
    """Turns of plan directions, seen from a middle direction: see ``SunTable``."""
    ahead, right = x * mx + y * my, (x * my - y * mx) * way
    share = right / (v.size(right) + v.size(ahead) + 1e-30)
    behind = v.where(right >= 0.0, 2.0 - share, -2.0 - share)
    return v.where(ahead >= 0.0, share, behind)


def _in_reach(v: Any, x: Any, y: Any, r: Any, height: Any, sky: Any) -> Any:
    """Whether circles, this high above the viewer at the origin, may hide a sun from it."""
    mx, my, way, q0, q1, c0, c1, c2, lowest = sky
    d = v.root(x * x + y * y)
    near, share = d - r, _least(v, r / d, 1.0)
    side, ahead = share * way, v.root(_most(v, 1.0 - share * share, 0.0))
    qa = turn(v, x * ahead - y * side, y * ahead + x * side, mx, my, way)
    qb = turn(v, x * ahead + y * side, y * ahead - x * side, mx, my, way)
    wraps = qa > qb
    outside = ((qa > q1) & ((qb < q0) | (qb >= qa))) | ((qb < q0) & ~wraps)
    kept = [_most(v, _least(v, q, q1), q0) for q in (qa, qb)]
    slope = _least(v, *((q * c2 + c1) * q + c0 for q in kept))
    slope = v.where(wraps, lowest, _most(v, slope, lowest))
    around = near <= r * 1e-3
    return (height > 0.0) & (height > near * lowest) & (around | (~outside & (height > near * slope)))


def _circles(v: Any, circle: Any, start: Any, viewer: Any, sky: Any) -> Any:
    x, y, r, top = (v.take(circle, row, start, WIDE) for row in (X, Y, RADIUS, HIGH))
    return v.bits(_in_reach(v, x - viewer[0], y - viewer[1], r + viewer[2], top - viewer[3], sky))


def _nears(v: Any, edge: Any, start: Any, viewer: Any, plane: Any, sky: Any) -> Any:
    (x, y, r, low), (nx, ny) = viewer, plane
    ax, ay, bx, by, ex, ey, top, base = (v.take(edge, row, start, WIDE) for row in range(BASE + 1))
    ax, ay, bx, by, height = ax - x, ay - y, bx - x, by - y, top - low
    long2, cross = ex * ex + ey * ey, ax * ey - ay * ex
    away = (cross > 0.0) & (cross * cross > long2 * r * r)
    behind = _most(v, ax * nx + ay * ny, bx * nx + by * ny) + r <= 0.0
    share = _most(v, _least(v, (ax * ex + ay * ey) * -1.0 / long2, 1.0), 0.0)
    dx, dy = share * ex + ax, share * ey + ay
    seen = (v.root(dx * dx + dy * dy) - r) * sky[8] <= height
    reach = _in_reach(v, ex * 0.5 + ax, ey * 0.5 + ay, v.root(long2) * 0.5 + r, height, sky)
    return v.bits(reach & seen & (long2 > 0.0) & (base <= low) & ~away & ~behind)


def _touch(v: Any, edge: Any, start: Any, circle: Any) -> Any:
    x, y, reach = circle
    ax, ay, _, by, ex, ey = (v.take(edge, row, start, WIDE) for row in range(TOP))
    ax, ay, by = ax - x, ay - y, by - y
    long2, along, c = ex * ex + ey * ey, (ax * ex + ay * ey) * -1.0, ax * ey - ay * ex
    margin = (v.size(ex) + v.size(ey) + reach) * reach
    close = (c * c <= long2 * reach * reach) & (along + margin >= 0.0) & (along <= long2 + margin)
    rises, falls = (ay <= 0.0) & (by > 0.0), (ay > 0.0) & (by <= 0.0)
    crossed = (rises & (c > 0.0)) | (falls & ~(c > 0.0))
    return v.pair(close, crossed)


def _view(v: Any, edge: Any, place: Any, start: Any, frame: Any) -> Any:
    px, py, low, mx, my, way, q0, q1, scale = frame
    ax, ay, bx, by, ex, ey, top = (v.take(edge, row, start, WIDE) for row in range(CROSS))
    cross = (ax - px) * ey - (ay - py) * ex
    a, b = (turn(v, x - px, y - py, mx, my, way) for x, y in ((ax, ay), (bx, by)))
    clockwise = ax * 0.0 + way > 0.0
    first, last = v.where(clockwise, a, b), v.where(clockwise, b, a)
    for row, value in ((CROSS, cross), (FIRST, first), (LAST, last)):
        v.put(edge, row, start, value)
    for row, value in enumerate((first, last)):
        kept = _most(v, _least(v, value, q1), q0)
        v.put(place, row, start, v.whole((kept - q0) * scale))
    before, after, ahead = first <= q1, last >= q0, first <= last
    inside = (before & after) | (~ahead & (before | after))
    return v.bits((cross < 0.0) & inside & (top > low))


def _below_line(v: Any, path: Any, start: Any, line: Any) -> Any:
    c, ex, ey = line
    x, y = (v.take(path, axis, start, 64) for axis in range(2))
    return v.bits(x * ey - y * ex < c)


def _at_most(v: Any, values: Any, start: Any, limit: Any) -> Any:
    return v.bits(v.take(values, 0, start, 64) <= limit)


def _raise(v: Any, height: Any, path: Any, start: Any, inside: Any, wall: Any) -> Any:
    cross, ex, ey, top = wall
    x, y, old = v.take(path, 0, start, WIDE), v.take(path, 1, start, WIDE), v.take(height, 0, start, WIDE)
    new = top - cross / (x * ey - y * ex)
    v.put(height, 0, start, v.where(v.mask(inside, WIDE) & (new > old), new, old))


def _operation(formula: Any, result: Any = types.uint64) -> Any:
    """Return a formula as what compiled code may call, or where compiling is switched off, as a function of arrays."""
    if numba.config.DISABLE_JIT:
        return lambda *args: formula(PLAIN, *args)

    @wraps(formula)  # the compiler asks for its parameters
    def typed(typing: Any, *kinds: Any) -> Any:  # noqa: ARG001
        def generate(context: Any, builder: Any, signature: Any, args: Any) -> Any:
            v = _Compiled(context, builder, signature, args)
            answer = formula(v, *v.args)
            return context.get_dummy_value() if answer is None else answer

        return result(*kinds), generate

    return intrinsic(typed)


@intrinsic
def _take_next(typing: Any, counter: Any) -> Any:  # noqa: ARG001
    def generate(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        place = context.make_array(signature.args[0])(context, builder, value=args[0]).data
        return builder.atomic_rmw("add", place, ir.Constant(_WORD, 1), "monotonic")

    return types.int64(counter), generate


def _plain_take_next(counter: Any) -> int:
    counter[0] += 1
    return int(counter[0]) - 1


#: Turns, lookup places and cross products of 16 edges seen from a column; bits of those that may shade it.
#: frame = (x, y, lowest receptor, then of the stretch middle east and north, way, lowest and highest turn, scale).
view_edges: Any = _operation(_view)
#: Bits of the 16 circles that may hide a sun from a viewer (x, y, radius, lowest receptor); see ``sky_of``.
near_circles: Any = _operation(_circles)
#: Bits of the 16 edges that may shade a column of a group (x, y, radius, lowest receptor) with a plane (normal x and y
#: if upright, 0 if not): turned to it, in front of its plane, in reach, of a solid that stands no higher.
near_edges: Any = _operation(_nears)
#: Bits of the 16 edges that come into a circle, or near; 16 bits on those a line from its centre crosses.
touch_bits: Any = _operation(_touch)
#: Bits of the 64 points (east, north) of the sun's path from ``start`` on with c > x·ey − y·ex; line = (c, ex, ey).
below_line_bits: Any = _operation(_below_line)
#: Bits of the 64 values from ``start`` on that are at most ``limit``.
at_most_bits: Any = _operation(_at_most)
#: Raise 16 heights from ``start`` on, where ``inside`` has bits, to top − c / (x·ey − y·ex); wall = (c, ex, ey, top).
raise_heights: Any = _operation(_raise, types.void)
#: Next of the numbers 0, 1, … that threads share out among them.
take_next: Any = _plain_take_next if numba.config.DISABLE_JIT else _take_next
