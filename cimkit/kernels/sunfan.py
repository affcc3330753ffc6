"""The day's fan of sun rays against triangles: lit hour angles of each receptor in closed form.

The sun's direction at hour angle w is s(w) = cos d (e0 cos w + e1 sin w) + sin d e2 with the pole e2, the meridian
e0, west e1 and the declination d. A triangle with corners u0, u1, u2 seen from a receptor hides the sun while
(u1 × u2)·s, (u2 × u0)·s and (u0 × u1)·s have the sign of u0·(u1 × u2). Each of them is A + B cos w + C sin w, and with
t = tan(w/2) a quadratic (A - B) t² + 2 C t + (A + B): no angle is computed before the ends of the intervals are
known. Horizon and facade are the same test. A flat convex quadrilateral has four such conditions; both are *faces*.
A tile of receptors walks the tree once; a group with one normal in it sifts what the tile found.

Rules. Nothing nearer than ``rays.NEAREST`` to the plane of a triangle is hidden by it: a receptor in the plane of its
own wall sees it edge-on. What lies behind the plane of the receptor's facade cannot hide anything. Lit gaps shorter
than ``GAP`` are rounding. With ``closed`` only triangles that turn their outer side (corners counter-clockwise) to the
receptor are tested, unless the receptor is found to lie inside a solid or under an open roof.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numba
import numpy as np

from cimkit.kernels._jit import inner, kernel, lean
from cimkit.kernels.bvh import DEPTH, Bvh
from cimkit.kernels.intervals import insert
from cimkit.kernels.sunfan_circle import (
    Fan,
    block_band,
    half_space,
    make_fan,
    narrow,
    turn,
    unite_spans,
    write_lit,
)
from cimkit.kernels.sunfan_walk import (
    CAP,
    FROM,
    HIGH,
    HOLE,
    LOW,
    ROW,
    ROWS,
    SIGN,
    TINY,
    TO,
    collect,
    is_enclosed,
    load,
    sieve,
    view_of,
)

__all__ = ["Fan", "lit_intervals", "make_fan"]

GROUP = 32  # receptors that share their faces, at most
REACH = 12.0  # widest box of a group [m]
TILE = 48.0  # widest box of receptors that walk the tree together [m]
ROOM = 8  # lit intervals kept in the first pass; the few receptors with more are computed again
CHUNK = 1024  # receptors walked by one task
SCATTER = 1_000_003  # a prime above the number of tasks
U = np.uint64


@lean
def _sides(s, n, px, py, pz, closed, low, high):
    """Set the sign of each triangle as the receptor sees it, 0 where it cannot hide anything."""
    for k in range(U(n)):
        v = U(k)
        ax, ay, az = s[v] - px, s[U(ROW) + v] - py, s[U(2 * ROW) + v] - pz
        bx, by, bz = s[U(3 * ROW) + v] - px, s[U(4 * ROW) + v] - py, s[U(5 * ROW) + v] - pz
        cx, cy, cz = s[U(6 * ROW) + v] - px, s[U(7 * ROW) + v] - py, s[U(8 * ROW) + v] - pz
        det = ax * (by * cz - bz * cy) + ay * (bz * cx - bx * cz) + az * (bx * cy - by * cx)
        tiny = s[U(TINY) + v]
        inner = -1.0 if (det < -tiny) & (not closed) else 0.0  # the axes are left-handed
        sign = 1.0 if det > tiny else inner
        s[U(SIGN) + v] = sign
        s[U(LOW) + v] = np.inf if sign == 0.0 else low
        s[U(HIGH) + v] = high
        s[U(HOLE) + v] = 0.0
        s[U(FROM) + v] = np.inf
        s[U(TO) + v] = -np.inf


@lean(inline="always")  # so that rows are constants and the loop becomes vector code: 5 times faster
def _edge(s, n, one, two, px, py, pz, minus, plus, fit_c, slack, low, high):
    """Narrow the hidden span of each triangle by the plane of one edge, given by the rows of its ends."""
    for k in range(U(n)):
        v = U(k)
        ax, ay, az = s[U(one) + v] - px, s[U(one + ROW) + v] - py, s[U(one + 2 * ROW) + v] - pz
        bx, by, bz = s[U(two) + v] - px, s[U(two + ROW) + v] - py, s[U(two + 2 * ROW) + v] - pz
        sign = s[U(SIGN) + v]
        nx, ny, nz = (ay * bz - az * by) * sign, (az * bx - ax * bz) * sign, (ax * by - ay * bx) * sign
        more = abs(nz) * slack
        qa, qb, qc = nz * minus - nx + more, ny + nz * fit_c, nz * plus + nx + more
        disc = qb * qb - qa * qc
        root = np.sqrt(disc if disc > 0.0 else 0.0)
        positive = qb >= 0.0
        q = -(qb + root) if positive else root - qb
        one_root, two_root = q / qa, qc / q
        rise = two_root if positive else one_root
        fall = one_root if positive else two_root
        through = rise >= fall  # positive through midnight
        before = fall <= low
        after = rise >= high
        lo = rise if (not through) | before else -np.inf
        hi = fall if (not through) | after else np.inf
        hole = through & (not before) & (not after)
        never = qa + qc < 0.0  # an edge without length rules nothing out
        none = disc <= 0.0
        lo = (np.inf if never else -np.inf) if none else lo
        hi = np.inf if none else hi
        s[U(LOW) + v] = max(s[U(LOW) + v], lo)
        s[U(HIGH) + v] = min(s[U(HIGH) + v], hi)
        cut = hole & (not none)
        again = cut & (s[U(FROM) + v] < s[U(TO) + v])
        s[U(HOLE) + v] = 2.0 if again else s[U(HOLE) + v]
        s[U(FROM) + v] = fall if cut else s[U(FROM) + v]
        s[U(TO) + v] = rise if cut else s[U(TO) + v]


@lean
def _settle(s, n):
    """Cut the span of each face by its gap (FROM, TO); HOLE is 1 where the gap parts it, 2 where there are more."""
    for k in range(U(n)):
        v = U(k)
        low, high, a, b = s[U(LOW) + v], s[U(HIGH) + v], s[U(FROM) + v], s[U(TO) + v]
        gap = a < b
        low = max(low, b) if gap & (a <= low) else low
        high = min(high, a) if gap & (b >= high) else high
        s[U(LOW) + v] = low
        s[U(HIGH) + v] = high
        parted = 1.0 if gap & (low < a) & (b < high) else 0.0
        more = s[U(HOLE) + v] == 2.0
        s[U(HOLE) + v] = (2.0 if more else parted) if low < high else 0.0


@lean
def _pieces(sun, s, v, px, py, pz, low, high, pieces):
    """Compute the spans of tan(w/2) that face v of a pass hides, with drift and holes; return their number."""
    g = s[SIGN + v]
    pieces[0, 0], pieces[0, 1] = low, high
    count = np.int64(1)  # no literal: a function is compiled again for each of those
    for c in range(4):
        one, two = 3 * c * ROW + v, 3 * (c + 1) % 12 * ROW + v
        ax, ay, az = s[one] - px, s[one + ROW] - py, s[one + 2 * ROW] - pz
        bx, by, bz = s[two] - px, s[two + ROW] - py, s[two + 2 * ROW] - pz
        nx, ny, nz = (ay * bz - az * by) * g, (az * bx - ax * bz) * g, (ax * by - ay * bx) * g
        if nx != 0.0 or ny != 0.0 or nz != 0.0:
            number, rise, fall = half_space(sun, nx, ny, nz, 0.0)
            count = narrow(pieces, count, number, rise, fall)
    return count


@lean
def _passes(sun, s, n, px, py, pz, closed, low, high):
    """Run the passes of one receptor over n loaded faces: what span each hides."""
    _sides(s, n, px, py, pz, closed, low, high)
    minus, plus = sun.fit_a - sun.fit_b, sun.fit_a + sun.fit_b
    _edge(s, n, 0, 3 * ROW, px, py, pz, minus, plus, sun.fit_c, sun.slack, low, high)
    _edge(s, n, 3 * ROW, 6 * ROW, px, py, pz, minus, plus, sun.fit_c, sun.slack, low, high)
    _edge(s, n, 6 * ROW, 9 * ROW, px, py, pz, minus, plus, sun.fit_c, sun.slack, low, high)
    _edge(s, n, 9 * ROW, 0, px, py, pz, minus, plus, sun.fit_c, sun.slack, low, high)
    _settle(s, n)


@lean
def _next_tile(points, order, first, stop, low, high):
    """Return where the tile that begins at a place ends, and fill its box."""
    for a in range(3):
        low[a] = high[a] = points[order[first], a]
    last = first + 1
    while last < stop:
        k, fits = order[last], True
        for a in range(3):
            fits = fits and max(high[a], points[k, a]) - min(low[a], points[k, a]) <= TILE
        if not fits:
            break
        for a in range(3):
            low[a], high[a] = min(low[a], points[k, a]), max(high[a], points[k, a])
        last += 1
    return last


@lean
def _turn_places(points, order, first, last, e, middle, places):
    """Write the receptors of a tile in the sun's axes around its middle."""
    for g in range(last - first):
        i = order[first + g]
        x, y, z = points[i, 0] - middle[0], points[i, 1] - middle[1], points[i, 2] - middle[2]
        for a in range(3):
            places[g, a] = e[a, 0] * x + e[a, 1] * y + e[a, 2] * z


@lean
def _next_group(places, normals, rows, first, low, high):
    """Return where the group that begins with a receptor of a tile ends, and fill its box; all share one normal."""
    for a in range(3):
        low[a] = high[a] = places[first, a]
    last = first + 1
    while last < min(rows.size, first + GROUP):
        fits = True
        for a in range(3):
            wide = max(high[a], places[last, a]) - min(low[a], places[last, a]) > REACH
            fits = fits and normals[rows[first], a] == normals[rows[last], a] and not wide
        if not fits:
            break
        for a in range(3):
            low[a], high[a] = min(low[a], places[last, a]), max(high[a], places[last, a])
        last += 1
    return last


class Receptors(NamedTuple):
    """Points (n, 3) with normals (n, 3), zero for none; ``ignored`` (n): owner, or -1; ``order`` (k): those to walk."""

    points: Any
    normals: Any
    ignored: Any
    order: Any


@lean
def _hide(sun, s, n, place, low, high, chosen, pieces, starts, ends, count):
    """Add what n loaded faces hide from one receptor to its blocked list; return its number of intervals."""
    if sun.slack == 0.0:
        lows, highs, holes = s[LOW : LOW + n], s[HIGH : HIGH + n], s[HOLE : HOLE + n]
        count = unite_spans(lows, highs, holes, (low, high), starts, ends, count, chosen)
        some = False
        for k in range(U(n)):
            some |= s[U(HOLE) + U(k)] != 0.0
        if not some:
            return count
    for v in range(n):
        if s[LOW + v] >= s[HIGH + v] or (sun.slack == 0.0 and s[HOLE + v] == 0.0):
            continue
        if sun.slack == 0.0 and s[HOLE + v] == 1.0:
            count = insert(starts, ends, count, s[LOW + v], s[FROM + v])
            count = insert(starts, ends, count, s[TO + v], s[HIGH + v])
            continue
        for p in range(_pieces(sun, s, v, place[0], place[1], place[2], low, high, pieces)):
            count = insert(starts, ends, count, pieces[p, 0], pieces[p, 1])
    return count


class Tile(NamedTuple):
    """Receptors of a tile: rows (n), places (n, 3) in the sun's axes around its middle, and the faces about it."""

    rows: Any
    places: Any
    middle: Any
    found: Any
    total: int


@inner
def _sift(bvh, sun, tile, view, solid, t, loaded, near):
    """Return the faces that may hide the sun from a group of a tile, their number, and which are now loaded."""
    count = np.int64(0)
    for block in range(0, tile.total, CAP):
        n = min(CAP, tile.total - block)
        if loaded != block:
            load(bvh.corners, sun.e, tile.middle, tile.found, block, n, t)
            loaded = block
        near, count = sieve(t, n, view, sun, solid, tile.found[block:], near, count)
    return near, count, loaded


@inner
def _light_group(bvh, sun, tile, receptors, owners, first, last, solid, band, near, count, s, work):
    """Add what the faces near a group hide from each of its receptors to their blocked lists."""
    chosen, pieces, starts, ends, listed = work
    low, high = band
    for block in range(0, count, CAP):
        width = min(CAP, count - block)
        n = load(bvh.corners, sun.e, tile.middle, near, block, width, s)
        for g in range(last - first):
            place, ignored = tile.places[first + g], receptors.ignored[tile.rows[first + g]]
            _passes(sun, s, n, place[0], place[1], place[2], solid, low, high)
            for v in range(width if ignored >= 0 else 0):
                if owners[bvh.order[near[block + v] >> 1]] == ignored:
                    s[LOW + v] = np.inf
            listed[g] = _hide(sun, s, n, place, low, high, chosen, pieces, starts[g], ends[g], listed[g])


@inner
def _walk(bvh, fan, sun, receptors, owners, closed, first, stop, counts, out_starts, out_ends):
    """Write the lit intervals of the receptors at places first to stop, at most a row of each, and their number."""
    stack, found, near = np.empty(DEPTH, np.int64), np.empty(CAP, np.int64), np.empty(CAP, np.int64)
    s, t, chosen, pieces = np.empty(ROWS), np.empty(ROWS), np.empty(CAP, np.int64), np.empty((16, 2))
    starts, ends, listed = np.empty((GROUP, 64)), np.empty((GROUP, 64)), np.empty(GROUP, np.int64)
    low, high, all_places = np.empty(3), np.empty(3), np.empty((CHUNK, 3))
    points, normals = receptors.points, receptors.normals
    while first < stop:
        last = _next_tile(points, receptors.order, first, stop, low, high)
        middle = (0.5 * (low[0] + high[0]), 0.5 * (low[1] + high[1]), 0.5 * (low[2] + high[2]))
        rows, places = receptors.order[first:last], all_places[: last - first]
        _turn_places(points, receptors.order, first, last, sun.e, middle, places)
        found, total = collect(bvh, sun, owners, low, high, stack, found)
        tile, loaded = Tile(rows, places, middle, found, total), -1
        begin = 0
        while begin < rows.size:
            end = _next_group(places, normals, rows, begin, low, high)
            nx, ny, nz = normals[rows[begin], 0], normals[rows[begin], 1], normals[rows[begin], 2]
            shut = block_band(sun, nx, ny, nz, starts[0], ends[0])
            open_from = ends[0, 0] if shut > 0 and starts[0, 0] <= -sun.limit else -sun.limit
            open_to = starts[0, shut - 1] if shut > 0 and ends[0, shut - 1] >= sun.limit else sun.limit
            count, solid = np.int64(0), closed
            if open_from < open_to:
                for g in range(begin, end if closed else begin):
                    i = rows[g]
                    solid = solid and not is_enclosed(bvh, points[i, 0], points[i, 1], points[i, 2], stack)
                around = (0.5 * (low[0] + high[0]), 0.5 * (low[1] + high[1]), 0.5 * (low[2] + high[2]))
                half = (0.5 * (high[0] - low[0]), 0.5 * (high[1] - low[1]), 0.5 * (high[2] - low[2]))
                view = view_of(sun, open_from, open_to, nx, ny, nz, around, half)
                near, count, loaded = _sift(bvh, sun, tile, view, solid, t, loaded, near)
            if 4 * count + 8 > starts.shape[1]:
                starts, ends = np.empty((GROUP, 8 * count)), np.empty((GROUP, 8 * count))
                block_band(sun, nx, ny, nz, starts[0], ends[0])
            for g in range(end - begin):
                listed[g] = shut
                for k in range(shut):
                    starts[g, k], ends[g, k] = starts[0, k], ends[0, k]
            work = (chosen, pieces, starts, ends, listed)
            band = (open_from, open_to)
            _light_group(bvh, sun, tile, receptors, owners, begin, end, solid, band, near, count, s, work)
            for g in range(end - begin):
                i = rows[begin + g]
                counts[i] = write_lit(
                    sun, fan.start, fan.stop, starts[g], ends[g], listed[g], out_starts[i], out_ends[i]
                )
            begin = end
        first = last


@kernel(parallel=True)
def _lit(bvh, fan, sun, receptors, owners, closed, counts, starts, ends):
    """Write the lit intervals of receptors, at most a row of each, and their number."""
    n = receptors.order.size
    chunks = (n + CHUNK - 1) // CHUNK
    for c in numba.prange(chunks):
        first = c * SCATTER % chunks * CHUNK  # threads get a mix of the dear and the cheap
        _walk(bvh, fan, sun, receptors, owners, closed, first, min(n, first + CHUNK), counts, starts, ends)


@kernel
def _near_keys(points, normals, keys):
    """Fill keys (n) that sort receptors by tile, normal and cell, with their row in the lowest bits."""
    n, place = points.shape[0], 0
    low = np.full(3, np.inf)
    for i in range(n):
        for a in range(3):
            low[a] = min(low[a], points[i, a])
    while n > 1 << place:
        place += 1
    for i in range(n):
        turned = int(normals[i, 0] * 57337.0) + int(normals[i, 1] * 253921.0) + int(normals[i, 2] * 1040257.0)
        tile, cell = 0, turned & 0x3FF
        for a in range(3):
            quarter = int((points[i, a] - low[a]) * (4.0 / TILE))
            tile, cell = tile << 9 | (quarter >> 2 & 0x1FF), cell << 2 | (quarter & 3)
        keys[i] = (tile << 16 | cell) << place | i
    return place


def _near_order(points: Any, normals: Any) -> Any:
    """Return the rows of receptors sorted by tile, normal and cell, so that neighbours follow each other."""
    keys = np.empty(len(points), np.int64)
    place = _near_keys(points, normals, keys)
    keys.sort()
    return keys & ((1 << place) - 1)


def _rows(
    bvh: Bvh, points: Any, normals: Any, fan: Fan, owners: Any, ignored: Any, closed: bool, room: int
) -> tuple[Any, Any, Any]:
    """Return the number of lit intervals of each receptor and, in rows, the first ``room`` of them."""
    n = len(points)
    counts, starts, ends = np.zeros(n, np.int64), np.empty((n, room)), np.empty((n, room))
    receptors = Receptors(points, normals, ignored, _near_order(points, normals))
    _lit(bvh, fan, turn(fan), receptors, owners, closed, counts, starts, ends)
    return counts, starts, ends


def lit_intervals(
    bvh: Bvh, points: Any, normals: Any, fan: Fan, owners: Any, ignored: Any, closed: bool
) -> tuple[Any, Any, Any]:
    """Return lit hour angles [rad] of n receptors, ragged: (offsets (n + 1), starts, ends) [1].

    ``points`` (n, 3) [m], ``normals`` (n, 3), 0 for none; ``owners`` (m) of the triangles, whose triangles receptor i
    does not see if it is ``ignored`` (n), -1 for none; ``closed``: the triangles bound solids, outer sides
    counter-clockwise.
    """
    counts, starts, ends = _rows(bvh, points, normals, fan, owners, ignored, closed, ROOM)
    offsets = np.concatenate([np.zeros(1, np.int64), np.cumsum(counts)])
    kept, many = np.arange(ROOM) < counts[:, None], np.flatnonzero(counts > ROOM)
    if len(many) == 0:
        return offsets, starts[kept], ends[kept]
    out_starts, out_ends, few = np.empty(offsets[-1]), np.empty(offsets[-1]), np.repeat(counts <= ROOM, counts)
    kept[many] = False
    out_starts[few], out_ends[few] = starts[kept], ends[kept]
    room = int(counts.max())
    counts, starts, ends = _rows(bvh, points[many], normals[many], fan, owners, ignored[many], closed, room)
    kept = np.arange(room) < counts[:, None]
    out_starts[~few], out_ends[~few] = starts[kept], ends[kept]
    return offsets, out_starts, out_ends
