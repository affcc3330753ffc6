"""The day's fan of sun rays against triangles: lit hour angles of each receptor in closed form.

The sun's direction at hour angle w is s(w) = cos d (e0 cos w + e1 sin w) + sin d e2 with the pole e2, the meridian
e0, west e1 and the declination d. A triangle with corners u0, u1, u2 seen from a receptor hides the sun while
(u1 × u2)·s, (u2 × u0)·s and (u0 × u1)·s have the sign of u0·(u1 × u2). Each of them is A + B cos w + C sin w, and with
t = tan(w/2) a quadratic (A - B) t² + 2 C t + (A + B): no angle is computed before the ends of the intervals are
known. Horizon and facade are the same test. Neighbouring receptors walk the tree once, as a box.

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
from cimkit.kernels.rays import NEAREST
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
from cimkit.kernels.sunfan_walk import collect, is_enclosed, wedge_of

__all__ = ["Fan", "lit_intervals", "make_fan"]

GROUP = 32  # receptors that walk the tree together, at most
REACH = 12.0  # widest box of a group [m]
ROOM = 8  # lit intervals kept in the first pass; the few receptors with more are computed again
CHUNK = 256  # receptors walked by one task
SCATTER = 1_000_003  # a prime above the number of tasks
CAP = 512  # triangles of one vector pass
TINY, SIGN, LOW, HIGH, HOLE = 9 * CAP, 10 * CAP, 11 * CAP, 12 * CAP, 13 * CAP  # rows of a pass after the 9 coordinates
U = np.uint64


@lean
def _load(corners, e, middle, found, first, n, s):
    """Write n found triangles into the rows of a pass, in the sun's axes around a middle, and the least det of hits."""
    for v in range(n):
        k = found[first + v]
        for c in range(3):
            x, y, z = corners[k, c, 0] - middle[0], corners[k, c, 1] - middle[1], corners[k, c, 2] - middle[2]
            for a in range(3):
                s[(3 * c + a) * CAP + v] = e[a, 0] * x + e[a, 1] * y + e[a, 2] * z
    for k in range(U(n)):
        v = U(k)
        x, y, z = s[v], s[U(CAP) + v], s[U(2 * CAP) + v]
        ux, uy, uz = s[U(3 * CAP) + v] - x, s[U(4 * CAP) + v] - y, s[U(5 * CAP) + v] - z
        vx, vy, vz = s[U(6 * CAP) + v] - x, s[U(7 * CAP) + v] - y, s[U(8 * CAP) + v] - z
        nx, ny, nz = uy * vz - uz * vy, uz * vx - ux * vz, ux * vy - uy * vx
        s[U(TINY) + v] = NEAREST * np.sqrt(nx * nx + ny * ny + nz * nz)


@lean
def _sides(s, n, px, py, pz, closed, low, high):
    """Set the sign of each triangle as the receptor sees it, 0 where it cannot hide anything."""
    for k in range(U(n)):
        v = U(k)
        ax, ay, az = s[v] - px, s[U(CAP) + v] - py, s[U(2 * CAP) + v] - pz
        bx, by, bz = s[U(3 * CAP) + v] - px, s[U(4 * CAP) + v] - py, s[U(5 * CAP) + v] - pz
        cx, cy, cz = s[U(6 * CAP) + v] - px, s[U(7 * CAP) + v] - py, s[U(8 * CAP) + v] - pz
        det = ax * (by * cz - bz * cy) + ay * (bz * cx - bx * cz) + az * (bx * cy - by * cx)
        tiny = s[U(TINY) + v]
        inner = -1.0 if (det < -tiny) & (not closed) else 0.0  # the axes are left-handed
        s[U(SIGN) + v] = 1.0 if det > tiny else inner
        s[U(LOW) + v] = low
        s[U(HIGH) + v] = high
        s[U(HOLE) + v] = 0.0


@lean(inline="always")  # so that rows are constants and the loop becomes vector code: 5 times faster
def _edge(s, n, one, two, px, py, pz, minus, plus, fit_c, slack, low, high):
    """Narrow the hidden span of each triangle by the plane of one edge, given by the rows of its ends."""
    for k in range(U(n)):
        v = U(k)
        ax, ay, az = s[U(one) + v] - px, s[U(one + CAP) + v] - py, s[U(one + 2 * CAP) + v] - pz
        bx, by, bz = s[U(two) + v] - px, s[U(two + CAP) + v] - py, s[U(two + 2 * CAP) + v] - pz
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
        never = qa + qc <= 0.0
        none = disc <= 0.0
        lo = (np.inf if never else -np.inf) if none else lo
        hi = np.inf if none else hi
        s[U(LOW) + v] = max(s[U(LOW) + v], lo)
        s[U(HIGH) + v] = min(s[U(HIGH) + v], hi)
        s[U(HOLE) + v] = 1.0 if hole & (not none) else s[U(HOLE) + v]


@lean
def _pieces(sun, s, v, px, py, pz, low, high, pieces):
    """Compute the spans of tan(w/2) that triangle v of a pass hides, with drift and holes; return their number."""
    ax, ay, az = s[v] - px, s[CAP + v] - py, s[2 * CAP + v] - pz
    bx, by, bz = s[3 * CAP + v] - px, s[4 * CAP + v] - py, s[5 * CAP + v] - pz
    cx, cy, cz = s[6 * CAP + v] - px, s[7 * CAP + v] - py, s[8 * CAP + v] - pz
    g = s[SIGN + v]
    pieces[0, 0], pieces[0, 1] = low, high
    count = np.int64(1)  # no literal: a function is compiled again for each of those
    number, rise, fall = half_space(sun, (by * cz - bz * cy) * g, (bz * cx - bx * cz) * g, (bx * cy - by * cx) * g, 0.0)
    count = narrow(pieces, count, number, rise, fall)
    if count > 0:
        number, rise, fall = half_space(
            sun, (cy * az - cz * ay) * g, (cz * ax - cx * az) * g, (cx * ay - cy * ax) * g, 0.0
        )
        count = narrow(pieces, count, number, rise, fall)
    if count > 0:
        number, rise, fall = half_space(
            sun, (ay * bz - az * by) * g, (az * bx - ax * bz) * g, (ax * by - ay * bx) * g, 0.0
        )
        count = narrow(pieces, count, number, rise, fall)
    return count


@lean
def _passes(sun, s, n, px, py, pz, closed, low, high):
    """Run the passes of one receptor over n loaded triangles: what span each hides."""
    _sides(s, n, px, py, pz, closed, low, high)
    minus, plus = sun.fit_a - sun.fit_b, sun.fit_a + sun.fit_b
    _edge(s, n, 0, 3 * CAP, px, py, pz, minus, plus, sun.fit_c, sun.slack, low, high)
    _edge(s, n, 3 * CAP, 6 * CAP, px, py, pz, minus, plus, sun.fit_c, sun.slack, low, high)
    _edge(s, n, 6 * CAP, 0, px, py, pz, minus, plus, sun.fit_c, sun.slack, low, high)


@lean
def _next_group(points, normals, order, first, stop, low, high):
    """Return where the group that begins at a place ends, and fill its box; its receptors share one normal."""
    i = order[first]
    for a in range(3):
        low[a] = high[a] = points[i, a]
    last = first + 1
    while last < min(stop, first + GROUP):
        k, fits = order[last], True
        for a in range(3):
            wide = max(high[a], points[k, a]) - min(low[a], points[k, a]) > REACH
            fits = fits and normals[i, a] == normals[k, a] and not wide
        if not fits:
            break
        for a in range(3):
            low[a], high[a] = min(low[a], points[k, a]), max(high[a], points[k, a])
        last += 1
    return last


class Receptors(NamedTuple):
    """Points (n, 3) with normals (n, 3), zero for none; ``ignored`` (n): owner, or -1; ``order`` (k): those to walk."""

    points: Any
    normals: Any
    ignored: Any
    order: Any


@lean
def _hide(sun, rows, s, n, x, y, z, closed, low, high, chosen, pieces, ignored, starts, ends, count):
    """Add what n loaded triangles hide from one receptor to its blocked list; return its number of intervals."""
    _passes(sun, s, n, x, y, z, closed, low, high)
    for v in range(n if ignored >= 0 else 0):
        if rows[v] == ignored:
            s[HIGH + v] = s[LOW + v]
    if sun.slack == 0.0:
        lows, highs, holes = s[LOW : LOW + n], s[HIGH : HIGH + n], s[HOLE : HOLE + n]
        count = unite_spans(lows, highs, holes, (low, high), starts, ends, count, chosen)
    for v in range(n):
        if s[LOW + v] >= s[HIGH + v] or (sun.slack == 0.0 and s[HOLE + v] == 0.0):
            continue
        for p in range(_pieces(sun, s, v, x, y, z, low, high, pieces)):
            count = insert(starts, ends, count, pieces[p, 0], pieces[p, 1])
    return count


@inner
def _walk(bvh, fan, sun, receptors, owners, closed, first, stop, counts, out_starts, out_ends):
    """Write the lit intervals of the receptors at places first to stop, at most a row of each, and their number."""
    stack, found = np.empty(DEPTH, np.int64), np.empty(CAP, np.int64)
    s, chosen, rows, pieces = np.empty(14 * CAP), np.empty(CAP, np.int64), np.empty(CAP, np.int64), np.empty((16, 2))
    starts, ends, listed = np.empty((GROUP, 64)), np.empty((GROUP, 64)), np.empty(GROUP, np.int64)
    low, high, e = np.empty(3), np.empty(3), sun.e
    points, normals, order = receptors.points, receptors.normals, receptors.order
    while first < stop:
        last = _next_group(points, normals, order, first, stop, low, high)
        nx, ny, nz = normals[order[first], 0], normals[order[first], 1], normals[order[first], 2]
        shut = block_band(sun, nx, ny, nz, starts[0], ends[0])
        open_from = ends[0, 0] if shut > 0 and starts[0, 0] <= -sun.limit else -sun.limit
        open_to = starts[0, shut - 1] if shut > 0 and ends[0, shut - 1] >= sun.limit else sun.limit
        total = 0
        solid = closed
        wedge = wedge_of(sun, open_from, open_to, nx, ny, nz, low, high)
        if open_from < open_to:
            for g in range(first, last if closed else first):
                i = order[g]
                solid = solid and not is_enclosed(bvh, points[i, 0], points[i, 1], points[i, 2], stack)
            found, total = collect(bvh, sun, wedge, solid, stack, found)
        if 4 * total + 8 > starts.shape[1]:
            starts, ends = np.empty((GROUP, 8 * total)), np.empty((GROUP, 8 * total))
            block_band(sun, nx, ny, nz, starts[0], ends[0])
        for g in range(last - first):
            listed[g] = shut
            for k in range(shut):
                starts[g, k], ends[g, k] = starts[0, k], ends[0, k]
        for block in range(0, total, CAP):
            width = min(CAP, total - block)
            _load(bvh.corners, e, wedge.middle, found, block, width, s)
            for v in range(width):
                rows[v] = owners[bvh.order[found[block + v]]]
            for g in range(last - first):
                i = order[first + g]
                x, y, z = points[i, 0] - wedge.middle[0], points[i, 1] - wedge.middle[1], points[i, 2] - wedge.middle[2]
                listed[g] = _hide(
                    sun, rows, s, width, e[0, 0] * x + e[0, 1] * y + e[0, 2] * z,
                    e[1, 0] * x + e[1, 1] * y + e[1, 2] * z, e[2, 0] * x + e[2, 1] * y + e[2, 2] * z,
                    solid, open_from, open_to, chosen, pieces, receptors.ignored[i], starts[g], ends[g], listed[g],
                )  # fmt: skip
        for g in range(last - first):
            i = order[first + g]
            counts[i] = write_lit(sun, fan.start, fan.stop, starts[g], ends[g], listed[g], out_starts[i], out_ends[i])
        first = last


@kernel(parallel=True)
def _lit(bvh, fan, sun, receptors, owners, closed, counts, starts, ends):
    """Write the lit intervals of receptors, at most a row of each, and their number."""
    n = receptors.order.size
    chunks = (n + CHUNK - 1) // CHUNK
    for c in numba.prange(chunks):
        first = c * SCATTER % chunks * CHUNK  # threads get a mix of the dear and the cheap
        _walk(bvh, fan, sun, receptors, owners, closed, first, min(n, first + CHUNK), counts, starts, ends)


def _near_order(points: Any, normals: Any) -> Any:
    """Return the rows of receptors sorted by normal and cell, so that neighbours follow each other."""
    n = len(points)
    turns = (normals * 8191.0).astype(np.int64) @ np.array([7, 31, 127]) & 0xFFF
    cells = ((points - points.min(axis=0)) / REACH).astype(np.int64) & 0x3FF
    place = max(n - 1, 1).bit_length()
    keys = (turns << 30 | cells[:, 0] << 20 | cells[:, 1] << 10 | cells[:, 2]) << place | np.arange(n)
    keys.sort()
    return keys & ((1 << place) - 1)


def _rows(
    bvh: Bvh, points: Any, normals: Any, fan: Fan, owners: Any, ignored: Any, closed: bool, room: int
) -> tuple[Any, Any, Any]:
    """Return the number of lit intervals of each receptor and, in rows, the first ``room`` of them."""
    n = len(points)
    counts, starts, ends = np.zeros(n, np.int64), np.empty((n, room)), np.empty((n, room))
    order = _near_order(points, normals) if n else np.zeros(0, np.int64)
    _lit(bvh, fan, turn(fan), Receptors(points, normals, ignored, order), owners, closed, counts, starts, ends)
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
