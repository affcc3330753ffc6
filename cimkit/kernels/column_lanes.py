"""Vector operations of the column kernels: 16 walls seen from a column at once, 8 walls solved in closed form at once.

Walls lie in blocks, the rows of a block one after the other, so that every operation reads a few neighbouring lines of
the cache. Each operation is written once, as a formula of lanes: compiled they are vectors of the processor, and arrays
of numpy where compiling is switched off.
"""

from __future__ import annotations

from functools import partialmethod, wraps
from typing import Any

import numba
import numpy as np
from llvmlite import ir
from numba.core import cgutils, types
from numba.extending import intrinsic

WIDE = 16  # walls of a block in float32
AX, AY, BX, BY, EX, EY, TOP, CROSS, FIRST, LAST = range(10)  # its rows: ends about the group, turns of both ends
ROWS = 10
BOUND_ROWS = 4  # of a block of circles: x, y, radius, top
NEAR_ROWS = 6  # of a block of edges about the patch: both ends, top, base
LONG = 8  # walls of a block in float64
OX, OY, PX, PY, DX, DY, HIGH, SIDE = range(8)  # its rows: ends about the column, edge, top, cross product
BETWEEN, SHADED = 8, 14  # from, to, hole of the span between the ends, outer and inner; from, to of two spans shaded
LONG_ROWS = 18
CELLS = 63  # of a band of hour angles
EVERY = (1 << CELLS) - 1
FAR = float("inf")
_DIGITS = {"float": "f32", "double": "f64", "i64": "i64"}


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

    def _is_whole(self) -> bool:
        return isinstance(self.value.type.element, ir.IntType)

    def _do(self, name: str, whole: str, other: Any) -> _Vector:
        write = getattr(self.builder, whole if self._is_whole() else name)
        return _Vector(self.builder, write(self.value, self.of(other)))

    def _compare(self, sign: str, other: Any) -> _Vector:
        compare = self.builder.icmp_unsigned if self._is_whole() else self.builder.fcmp_ordered
        return _Vector(self.builder, compare(sign, self.value, self.of(other)))

    __add__, __sub__ = partialmethod(_do, "fadd", "add"), partialmethod(_do, "fsub", "sub")
    __mul__, __truediv__ = partialmethod(_do, "fmul", "mul"), partialmethod(_do, "fdiv", "udiv")
    __and__, __or__ = partialmethod(_do, "", "and_"), partialmethod(_do, "", "or_")
    __lshift__, __rshift__ = partialmethod(_do, "", "shl"), partialmethod(_do, "", "lshr")
    __lt__, __le__ = partialmethod(_compare, "<"), partialmethod(_compare, "<=")
    __gt__, __ge__ = partialmethod(_compare, ">"), partialmethod(_compare, ">=")

    def __invert__(self) -> _Vector:
        return _Vector(self.builder, self.builder.not_(self.value))


class _Compiled:
    """What a formula may use beside the operators, as code of the processor."""

    def __init__(self, context: Any, builder: Any, signature: Any, args: Any) -> None:
        self.builder = builder
        self.args = [
            cgutils.create_struct_proxy(kind)(context, builder, value=arg).data
            if isinstance(kind, types.Array)
            else cgutils.unpack_tuple(builder, arg)
            if isinstance(kind, types.BaseTuple)
            else arg
            for kind, arg in zip(signature.args, args, strict=True)
        ]

    def _address(self, array: Any, start: Any, lanes: int) -> Any:
        address = self.builder.gep(array, [start])
        return self.builder.bitcast(address, ir.VectorType(array.type.pointee, lanes).as_pointer())

    def row(self, block: Any, row: int, rows: int, lanes: int) -> Any:
        """Return where a row of a block starts."""
        start = self.builder.mul(block, ir.Constant(block.type, rows * lanes))
        return self.builder.add(start, ir.Constant(block.type, row * lanes))

    def take(self, array: Any, start: Any, lanes: int) -> Any:
        return _Vector(self.builder, self.builder.load(self._address(array, start, lanes), align=4))

    def put(self, array: Any, start: Any, value: Any) -> None:
        address = self._address(array, start, value.value.type.count)
        self.builder.store(value.value, address, align=4)

    def mask(self, bits: Any, lanes: int) -> Any:
        word = self.builder.trunc(bits, ir.IntType(lanes))
        return _Vector(self.builder, self.builder.bitcast(word, ir.VectorType(ir.IntType(1), lanes)))

    def where(self, yes: Any, one: Any, other: Any) -> Any:
        like = one if isinstance(one, _Vector) else other
        return _Vector(self.builder, self.builder.select(yes.value, like.of(one), like.of(other)))

    def _call(self, name: str, value: Any, result: Any = None) -> Any:
        kind = value.value.type
        function = cgutils.get_or_insert_function(
            self.builder.module,
            ir.FunctionType(result or kind, [kind]),
            f"llvm.{name}.v{kind.count}{_DIGITS[str(kind.element)]}",
        )
        return self.builder.call(function, [value.value])

    def root(self, value: Any) -> Any:
        return _Vector(self.builder, self._call("sqrt", value))

    def size(self, value: Any) -> Any:
        return _Vector(self.builder, self._call("fabs", value))

    def up(self, value: Any) -> Any:
        return _Vector(self.builder, self._call("ceil", value))

    def whole(self, value: Any) -> Any:
        kind = value.value.type
        into = ir.IntType(32 if str(kind.element) == "float" else 64)
        return _Vector(self.builder, self.builder.fptosi(value.value, ir.VectorType(into, kind.count)))

    def spread(self, value: Any, like: Any) -> Any:
        return _Vector(self.builder, like.of(value))

    def together(self, value: Any) -> Any:
        return self._call("vector.reduce.or", value, value.value.type.element)

    def bits(self, value: Any) -> Any:
        word = self.builder.bitcast(value.value, ir.IntType(value.value.type.count))
        return self.builder.zext(word, ir.IntType(64))

    def pair(self, one: Any, other: Any) -> Any:
        lanes = ir.Constant(ir.IntType(64), one.value.type.count)
        return self.builder.or_(self.bits(one), self.builder.shl(self.bits(other), lanes))


class _Plain:
    """The same of numpy."""

    root, size, up, where = staticmethod(np.sqrt), staticmethod(np.abs), staticmethod(np.ceil), staticmethod(np.where)

    def row(self, block: int, row: int, rows: int, lanes: int) -> int:
        return (block * rows + row) * lanes

    def take(self, array: Any, start: int, lanes: int) -> Any:
        return array[start : start + lanes]

    def put(self, array: Any, start: int, value: Any) -> None:
        array[start : start + len(value)] = value

    def mask(self, bits: Any, lanes: int) -> Any:
        return np.unpackbits(np.array([bits], np.uint64).view(np.uint8), bitorder="little")[:lanes].astype(bool)

    def whole(self, value: Any) -> Any:
        return value.astype(np.int32 if value.dtype == np.float32 else np.uint64)

    def spread(self, value: Any, like: Any) -> Any:
        return np.full(len(like), value, like.dtype)

    def together(self, value: Any) -> Any:
        return np.bitwise_or.reduce(value)

    def bits(self, value: Any) -> Any:
        return np.packbits(np.pad(value, (0, 64 - len(value))), bitorder="little").view(np.uint64)[0]

    def pair(self, one: Any, other: Any) -> Any:
        return self.bits(np.concatenate([one, other]))


def _load(v: Any, array: Any, block: Any, row: int, rows: int, lanes: int) -> Any:
    return v.take(array, v.row(block, row, rows, lanes), lanes)


def _store(v: Any, array: Any, block: Any, row: int, rows: int, value: Any, lanes: int) -> None:
    v.put(array, v.row(block, row, rows, lanes), value)


def _least(v: Any, one: Any, other: Any) -> Any:
    return v.where(one < other, one, other)


def _most(v: Any, one: Any, other: Any) -> Any:
    return v.where(one > other, one, other)


def _turn(v: Any, x: Any, y: Any, mx: Any, my: Any, way: Any) -> Any:
    """Turns of plan directions, as ``turn_of``."""
    ahead, right = x * mx + y * my, (x * my - y * mx) * way
    share = right / (v.size(right) + v.size(ahead) + 1e-30)
    behind = v.where(right >= 0.0, share * -1.0 + 2.0, share * -1.0 - 2.0)
    return v.where(ahead >= 0.0, share, behind)


def _in_reach(v: Any, x: Any, y: Any, r: Any, height: Any, sky: Any) -> Any:
    """Whether circles, this high above the viewer at the origin, may hide a sun from it."""
    mx, my, way, q0, q1, c0, c1, c2, lowest = sky
    d = v.root(x * x + y * y)
    near, share = d - r, _least(v, r / d, 1.0)
    side, ahead = share * way, v.root(_most(v, share * share * -1.0 + 1.0, 0.0))
    qa = _turn(v, x * ahead - y * side, y * ahead + x * side, mx, my, way)
    qb = _turn(v, x * ahead + y * side, y * ahead - x * side, mx, my, way)
    wraps = qa > qb
    outside = ((qa > q1) & ((qb < q0) | (qb >= qa))) | ((qb < q0) & ~wraps)
    kept = [_most(v, _least(v, q, q1), q0) for q in (qa, qb)]
    slope = _least(v, *((q * c2 + c1) * q + c0 for q in kept))
    slope = v.where(wraps, lowest, _most(v, slope, lowest))
    around = near <= r * 1e-3
    return (height > 0.0) & (height > near * lowest) & (around | (~outside & (height > near * slope)))


def _circles(v: Any, bound: Any, block: Any, viewer: Any, sky: Any) -> Any:
    x, y, r, top = (_load(v, bound, block, row, BOUND_ROWS, WIDE) for row in range(BOUND_ROWS))
    return v.bits(_in_reach(v, x - viewer[0], y - viewer[1], r + viewer[2], top - viewer[3], sky))


def _nears(v: Any, edge: Any, block: Any, viewer: Any, sky: Any) -> Any:
    x, y, r, low, nx, ny = viewer
    ax, ay, bx, by, top, base = (_load(v, edge, block, row, NEAR_ROWS, WIDE) for row in range(NEAR_ROWS))
    ax, ay, bx, by, height = ax - x, ay - y, bx - x, by - y, top - low
    ex, ey = bx - ax, by - ay
    long2, cross = ex * ex + ey * ey, ax * ey - ay * ex
    away = (cross > 0.0) & (cross * cross > long2 * r * r)
    behind = _most(v, ax * nx + ay * ny, bx * nx + by * ny) + r <= 0.0
    share = _most(v, _least(v, (ax * ex + ay * ey) * -1.0 / long2, 1.0), 0.0)
    dx, dy = share * ex + ax, share * ey + ay
    seen = (v.root(dx * dx + dy * dy) - r) * sky[8] <= height
    reach = _in_reach(v, ex * 0.5 + ax, ey * 0.5 + ay, v.root(long2) * 0.5 + r, height, sky)
    return v.bits(reach & seen & (long2 > 0.0) & (base <= low) & ~away & ~behind)


def _touch(v: Any, edge: Any, block: Any, circle: Any) -> Any:
    x, y, reach = circle
    ax, ay, _, by, ex, ey = (_load(v, edge, block, row, ROWS, WIDE) for row in range(TOP))
    ax, ay, by = ax - x, ay - y, by - y
    long2, along, c = ex * ex + ey * ey, (ax * ex + ay * ey) * -1.0, ax * ey - ay * ex
    margin = (v.size(ex) + v.size(ey) + reach) * reach
    close = (c * c <= long2 * reach * reach) & (along + margin >= 0.0) & (along <= long2 + margin)
    rises, falls = (ay <= 0.0) & (by > 0.0), (ay > 0.0) & (by <= 0.0)
    crossed = (rises & (c > 0.0)) | (falls & ~(c > 0.0))
    return v.pair(close, crossed)


def _view(v: Any, edge: Any, place: Any, block: Any, frame: Any) -> Any:
    px, py, low, mx, my, way, q0, q1, scale = frame
    ax, ay, bx, by, ex, ey, top = (_load(v, edge, block, row, ROWS, WIDE) for row in range(CROSS))
    cross = (ax - px) * ey - (ay - py) * ex
    a, b = (_turn(v, x - px, y - py, mx, my, way) for x, y in ((ax, ay), (bx, by)))
    clockwise = v.spread(way, ax) > 0.0
    first, last = v.where(clockwise, a, b), v.where(clockwise, b, a)
    for row, value in ((CROSS, cross), (FIRST, first), (LAST, last)):
        _store(v, edge, block, row, ROWS, value, WIDE)
    for row, value in enumerate((first, last)):
        kept = _most(v, _least(v, value, q1), q0)
        _store(v, place, block, row, 2, v.whole((kept - q0) * scale), WIDE)
    before, after, ahead = first <= q1, last >= q0, first <= last
    inside = (before & after) | (~ahead & (before | after))
    return v.bits((cross < 0.0) & inside & (top > low))


def _below_line(v: Any, east: Any, north: Any, start: Any, line: Any) -> Any:
    c, ex, ey = line
    x, y = v.take(east, start, 64), v.take(north, start, 64)
    return v.bits(x * ey - y * ex < c)


def _at_most(v: Any, values: Any, start: Any, limit: Any) -> Any:
    return v.bits(v.take(values, start, 64) <= limit)


def _raise(v: Any, height: Any, east: Any, north: Any, start: Any, inside: Any, wall: Any) -> Any:
    cross, ex, ey, top = wall
    x, y, old = (v.take(array, start, WIDE) for array in (east, north, height))
    new = v.spread(top, x) - v.spread(cross, x) / (x * ey - y * ex)
    v.put(height, start, v.where(v.mask(inside, WIDE) & (new > old), new, old))


def _front(v: Any, suns: Any, block: Any, normal: Any, least: Any) -> Any:
    x, y, z = (_load(v, suns, block, axis, 3, 64) for axis in range(3))
    return v.bits((z > 0.0) & (x * normal[0] + y * normal[1] + z * normal[2] > least))


def _roots(v: Any, normal: Any, rows: Any, more: Any) -> Any:
    """Where n·s > 0: from rise to fall [tan(w/2)], through midnight if rise >= fall; or nowhere a root, and if below.

    ``more`` is the share of the slack that is added.
    """
    along = [normal[0] * rows[k] + normal[1] * rows[4 + k] for k in range(4)]
    if len(normal) == 3:
        along = [a + normal[2] * rows[8 + k] for k, a in enumerate(along)]
    qa, qb, qc, slack = along
    if more is not None:
        slack = v.size(slack) * more
        qa, qc = qa + slack, qc + slack
    disc = qb * qb - qa * qc
    root = v.root(_most(v, disc, 0.0))
    positive = qb >= 0.0
    q = v.where(positive, (qb + root) * -1.0, root - qb)
    one, two = q / qa, qc / q
    return v.where(positive, two, one), v.where(positive, one, two), disc <= 0.0, qa + qc <= 0.0


def _span(v: Any, normal: Any, band: Any, rows: Any, more: Any) -> Any:
    """From, to and hole (1 or 0) of the tan(w/2) in a band where n·s > 0."""
    rise, fall, none, never = _roots(v, normal, rows, more)
    through, before, after = rise >= fall, fall <= band[0], rise >= band[1]
    start, stop = v.where(~through | before, rise, -FAR), v.where(~through | after, fall, FAR)
    start = v.where(none, v.where(never, v.spread(FAR, rise), -FAR), start)
    hole = through & ~before & ~after & ~none
    return start, v.where(none, FAR, stop), v.where(hole, v.spread(1.0, rise), 0.0)


def _ends(v: Any, wall: Any, block: Any, band: Any, rows: Any, more: Any) -> Any:
    ax, ay, bx, by = (_load(v, wall, block, row, LONG_ROWS, LONG) for row in range(DX))
    dx, dy = bx - ax, by - ay
    cross = ax * dy - ay * dx
    for row, value in ((DX, dx), (DY, dy), (SIDE, cross)):
        _store(v, wall, block, row, LONG_ROWS, value, LONG)
    face = v.where(cross < 0.0, v.spread(1.0, cross), -1.0)
    for inner, sign in enumerate(more or (None,)):
        low, high, hole = _span(v, (face * ay, face * ax * -1.0), band, rows, sign)
        low2, high2, hole2 = _span(v, (face * by * -1.0, face * bx), band, rows, sign)
        low, high = _most(v, _most(v, low, low2), band[0]), _least(v, _least(v, high, high2), band[1])
        for k, value in enumerate((low, high, hole + hole2)):
            _store(v, wall, block, BETWEEN + 3 * inner + k, LONG_ROWS, value, LONG)


def _cell(v: Any, t: Any, band: Any) -> Any:
    """Places among the cells of a band (from, to, cells for each of tan(w/2)), whole numbers being their borders."""
    return _least(v, _most(v, (t - band[0]) * band[2], 0.0), float(CELLS))


def _cells(v: Any, low: Any, high: Any) -> Any:
    """Bits from a cell on and before another."""
    size = v.where(high > low, high - low, 0)
    return (v.spread(EVERY, size) >> (v.spread(CELLS, size) - size)) << low


def _shade(v: Any, wall: Any, block: Any, z: Any, band: Any, rows: Any, more: Any) -> Any:
    dx, dy, top, cross = (_load(v, wall, block, row, LONG_ROWS, LONG) for row in range(DX, SIDE + 1))
    h, cover = top - z, None
    for inner, sign in enumerate(more or (None,)):
        low, high, hole = (_load(v, wall, block, BETWEEN + 3 * inner + k, LONG_ROWS, LONG) for k in range(3))
        high = v.where((h > 0.0) & (cross < 0.0), high, low)
        rise, fall, none, never = _roots(v, (h * dy * -1.0, h * dx, cross), rows, sign)
        # before the fall and after the rise if the sun stands above the wall between them, else from rise to fall
        through = none | (rise >= fall)
        first = _most(v, low, v.where(through, -FAR, rise)), _least(v, high, v.where(none, FAR, fall))
        second = _most(v, low, v.where(none, FAR, rise)), v.where(through, high, -FAR)
        first = first[0], v.where(none & never, low, first[1])
        cover = None
        for piece, (start, stop) in enumerate((first, second)):
            if inner == 0:
                _store(v, wall, block, SHADED + 2 * piece, LONG_ROWS, start, LONG)
                _store(v, wall, block, SHADED + 2 * piece + 1, LONG_ROWS, stop, LONG)
            bits = _cells(v, v.whole(v.up(_cell(v, start, band))), v.whole(_cell(v, stop, band)))
            bits = v.where((start < stop) & (hole <= 0.0), bits, 0)
            cover = bits if cover is None else cover | bits
    return v.together(cover)


def _open(v: Any, wall: Any, block: Any, band: Any, cover: Any) -> Any:
    found, hole = [], _load(v, wall, block, BETWEEN + 2, LONG_ROWS, LONG)
    for piece in range(2):
        low, high = (_load(v, wall, block, SHADED + 2 * piece + k, LONG_ROWS, LONG) for k in range(2))
        first, last = (_least(v, _cell(v, t, band), CELLS - 1.0) for t in (low, high))
        cells = _cells(v, v.whole(first), v.whole(last + 1.0))
        found.append((low < high) & ((hole > 0.0) | ~((cells & cover) >= cells)))
    return v.pair(*found)


def _operation(formula: Any, result: Any = types.uint64) -> Any:
    """Return a formula as what compiled code may call, or where compiling is switched off, as a function of arrays."""
    if numba.config.DISABLE_JIT:
        return lambda *args: formula(_Plain(), *args)

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
        place = cgutils.create_struct_proxy(signature.args[0])(context, builder, value=args[0]).data
        return builder.atomic_rmw("add", place, ir.Constant(ir.IntType(64), 1), "monotonic")

    return types.int64(counter), generate


def _plain_take_next(counter: Any) -> int:
    counter[0] += 1
    return int(counter[0]) - 1


#: Turns, lookup places and cross products of a block of edges seen from a column; bits of those that may shade it.
#: frame = (x, y, lowest receptor, then of the stretch middle east and north, way, lowest and highest turn, scale).
view_edges: Any = _operation(_view)
#: Bits of the circles of a block that may hide a sun from a viewer (x, y, radius, lowest receptor); see ``sky_of``.
near_circles: Any = _operation(_circles)
#: Bits of the edges of a block that may shade a column of a group (x, y, radius, lowest receptor, normal x and y if
#: upright, 0 if not): turned to it, in front of its plane, in reach, of a solid that stands no higher.
near_edges: Any = _operation(_nears)
#: Bits of the edges of a block that come into a circle, or near; 16 bits on those a line from its centre crosses.
touch_bits: Any = _operation(_touch)
#: Bits of the 64 points (east, north) of the sun's path from ``start`` on with c > x·ey − y·ex; line = (c, ex, ey).
below_line_bits: Any = _operation(_below_line)
#: Bits of the 64 values from ``start`` on that are at most ``limit``.
at_most_bits: Any = _operation(_at_most)
#: Raise 16 heights from ``start`` on, where ``inside`` has bits, to top − c / (x·ey − y·ex); wall = (c, ex, ey, top).
raise_heights: Any = _operation(_raise, types.void)
#: Bits of 64 suns, a block of a table, that stand above the horizon and before a surface by the sine ``least``.
front_bits: Any = _operation(_front)
#: Spans between the ends of a block of walls, outer and inner if ``more`` holds the signs of two slacks.
wall_ends: Any = _operation(_ends, types.void)
#: Spans shaded from a receptor at ``z`` by a block of walls; bits of the cells of the band that single ones fill.
wall_shades: Any = _operation(_shade)
#: Bits of the walls of a block whose first span shaded is not within the cells covered; 8 bits on those of the second.
open_walls: Any = _operation(_open)
#: Next of the numbers 0, 1, … that threads share out among them.
take_next: Any = _plain_take_next if numba.config.DISABLE_JIT else _take_next
