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

import math
from typing import Any, NamedTuple

import numba
import numpy as np

from cimkit.kernels._jit import kernel
from cimkit.kernels.bvh import DEPTH
from cimkit.kernels.intervals import insert
from cimkit.kernels.rays import NEAREST
from cimkit.kernels.sunfan_circle import (
    Fan,
    block_band,
    half_space,
    make_fan,
    narrow,
    pack_rows,
    turn,
    unite_spans,
    write_lit,
)
from cimkit.kernels.sunfan_walk import collect, is_enclosed, wedge_of

__all__ = ["Fan", "lit_intervals", "make_fan"]

GROUP = 32  # receptors that walk the tree together, at most
REACH = 12.0  # widest box of a group [m]
ROOM = 8  # lit intervals kept in the first pass; the few receptors with more are computed again
CHUNK = 2048  # receptors sorted and walked by one task
CAP = 512  # triangles of one vector pass
TINY, SIGN, LOW, HIGH, HOLE = 9 * CAP, 10 * CAP, 11 * CAP, 12 * CAP, 13 * CAP  # rows of a pass after the 9 coordinates
U = np.uint64


@kernel(parallel=True)
def _turn_corners(bvh, sun, centre):
    """Turn all triangles to the sun's axes, around a centre: (m, 10), last the least det of a hit."""
    m = bvh.corners.shape[0]
    out = np.empty((m, 10))
    e = sun.e
    for k in numba.prange(m):
        for c in range(3):
            x, y, z = (
                bvh.corners[k, c, 0] - centre[0],
                bvh.corners[k, c, 1] - centre[1],
                bvh.corners[k, c, 2] - centre[2],
            )
            for a in range(3):
                out[k, 3 * c + a] = e[a, 0] * x + e[a, 1] * y + e[a, 2] * z
        ux, uy, uz = out[k, 3] - out[k, 0], out[k, 4] - out[k, 1], out[k, 5] - out[k, 2]
        vx, vy, vz = out[k, 6] - out[k, 0], out[k, 7] - out[k, 1], out[k, 8] - out[k, 2]
        nx, ny, nz = uy * vz - uz * vy, uz * vx - ux * vz, ux * vy - uy * vx
        out[k, 9] = NEAREST * math.sqrt(nx * nx + ny * ny + nz * nz)
    return out


@kernel
def _load(turned, found, first, n, s):
    """Copy n found triangles into the rows of a pass."""
    for v in range(n):
        row = found[first + v]
        for a in range(10):
            s[a * CAP + v] = turned[row, a]


@kernel
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


@kernel(inline="always")  # so that rows are constants and the loop becomes vector code: 5 times faster
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


@kernel
def _pieces(sun, s, v, px, py, pz, low, high, pieces):
    """Compute the spans of tan(w/2) that triangle v of a pass hides, with drift and holes; return their number."""
    ax, ay, az = s[v] - px, s[CAP + v] - py, s[2 * CAP + v] - pz
    bx, by, bz = s[3 * CAP + v] - px, s[4 * CAP + v] - py, s[5 * CAP + v] - pz
    cx, cy, cz = s[6 * CAP + v] - px, s[7 * CAP + v] - py, s[8 * CAP + v] - pz
    g = s[SIGN + v]
    pieces[0, 0], pieces[0, 1] = low, high
    number, rise, fall = half_space(sun, (by * cz - bz * cy) * g, (bz * cx - bx * cz) * g, (bx * cy - by * cx) * g, 0.0)
    count = narrow(pieces, 1, number, rise, fall)
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


@kernel
def _passes(sun, s, n, px, py, pz, closed, low, high):
    """Run the passes of one receptor over n loaded triangles: what span each hides."""
    _sides(s, n, px, py, pz, closed, low, high)
    minus, plus = sun.fit_a - sun.fit_b, sun.fit_a + sun.fit_b
    _edge(s, n, 0, 3 * CAP, px, py, pz, minus, plus, sun.fit_c, sun.slack, low, high)
    _edge(s, n, 3 * CAP, 6 * CAP, px, py, pz, minus, plus, sun.fit_c, sun.slack, low, high)
    _edge(s, n, 6 * CAP, 0, px, py, pz, minus, plus, sun.fit_c, sun.slack, low, high)


@kernel
def _same_group(points, normals, i, k, low, high):
    """Whether receptor k fits the group that began with i and fills the box from low to high; widen the box."""
    for a in range(3):
        if normals[i, a] != normals[k, a]:
            return False
        if max(high[a], points[k, a]) - min(low[a], points[k, a]) > REACH:
            return False
    for a in range(3):
        low[a], high[a] = min(low[a], points[k, a]), max(high[a], points[k, a])
    return True


@kernel
def _next_group(points, normals, first, low, high):
    """Return where the group that begins with receptor ``first`` ends."""
    for a in range(3):
        low[a] = high[a] = points[first, a]
    last = first + 1
    while last < points.shape[0] and last - first < GROUP:
        if not _same_group(points, normals, first, last, low, high):
            break
        last += 1
    return last


@kernel
def _sort_near(receptors, first, stop):
    """Order the receptors first to stop of a walk by normal and cell, so that neighbours follow each other → places."""
    places = np.arange(first, stop)
    points, normals, order = receptors.points, receptors.normals, receptors.order
    low = np.full(3, np.inf)
    for p in places:
        for a in range(3):
            low[a] = min(low[a], points[order[p], a])
    keys = np.empty(places.size, np.int64)
    for k in range(places.size):
        i = order[places[k]]
        turn_x, turn_y, turn_z = int(normals[i, 0] * 8191.0), int(normals[i, 1] * 8191.0), int(normals[i, 2] * 8191.0)
        key = (turn_x * 7 + turn_y * 31 + turn_z * 127) & 0xFFFF
        for a in range(3):
            key = key << 15 | min(32767, int((points[i, a] - low[a]) / REACH))
        keys[k] = key
    return places[np.argsort(keys, kind="mergesort")]


class Receptors(NamedTuple):
    """Points (n, 3) with normals (n, 3), zero for none, in the order of walking; ``ignored`` (n): owner, or -1."""

    points: Any
    normals: Any
    ignored: Any
    order: Any


@kernel
def _hide(sun, rows, s, n, x, y, z, closed, low, high, chosen, pieces, ignored, starts, ends, count):
    """Add what n loaded triangles hide from one receptor to its blocked list; return its number of intervals."""
    _passes(sun, s, n, x, y, z, closed, low, high)
    for v in range(n if ignored >= 0 else 0):
        if rows[v] == ignored:
            s[HIGH + v] = s[LOW + v]
    if sun.slack == 0.0:
        lows, highs, holes = s[LOW : LOW + n], s[HIGH : HIGH + n], s[HOLE : HOLE + n]
        count = unite_spans(lows, highs, holes, (low, high), starts, ends, count, chosen)
        if holes.sum() == 0.0:
            return count
    for v in range(n):
        if s[LOW + v] >= s[HIGH + v] or (sun.slack == 0.0 and s[HOLE + v] == 0.0):
            continue
        for p in range(_pieces(sun, s, v, x, y, z, low, high, pieces)):
            count = insert(starts, ends, count, pieces[p, 0], pieces[p, 1])
    return count


@kernel(parallel=True)
def _lit(bvh, turned, centre, fan, sun, receptors, owners, closed, room, counts, out_starts, out_ends):
    """Write the lit intervals of each receptor, at most ``room`` of each, and their number."""
    n = receptors.order.size
    chunks = (n + CHUNK - 1) // CHUNK
    e = sun.e
    for chunk in numba.prange(chunks):
        stack, found = np.empty(DEPTH, np.int64), np.empty(CAP, np.int64)
        s, chosen, rows, pieces = (
            np.empty(14 * CAP),
            np.empty(CAP, np.int64),
            np.empty(CAP, np.int64),
            np.empty((16, 2)),
        )
        starts, ends, listed = np.empty((GROUP, 64)), np.empty((GROUP, 64)), np.empty(GROUP, np.int64)
        low, high = np.empty(3), np.empty(3)
        places = _sort_near(receptors, chunk * CHUNK, min(n, (chunk + 1) * CHUNK))
        points, normals = np.empty((places.size, 3)), np.empty((places.size, 3))
        for k in range(places.size):
            i = receptors.order[places[k]]
            for a in range(3):
                points[k, a], normals[k, a] = receptors.points[i, a], receptors.normals[i, a]
        first = 0
        while first < places.size:
            last = _next_group(points, normals, first, low, high)
            i = first
            shut = block_band(sun, normals[i, 0], normals[i, 1], normals[i, 2], starts[0], ends[0])
            open_from = ends[0, 0] if shut > 0 and starts[0, 0] <= -sun.limit else -sun.limit
            open_to = starts[0, shut - 1] if shut > 0 and ends[0, shut - 1] >= sun.limit else sun.limit
            total = 0
            solid = closed
            if open_from < open_to:
                for i in range(first, last):
                    solid = solid and not is_enclosed(bvh, points[i, 0], points[i, 1], points[i, 2], stack)
                wedge = wedge_of(sun, open_from, open_to, normals[i, 0], normals[i, 1], normals[i, 2], low, high)
                found, total = collect(bvh, sun, wedge, solid, stack, found)
            if 4 * total + 8 > starts.shape[1]:
                wide_starts, wide_ends = np.empty((GROUP, 8 * total)), np.empty((GROUP, 8 * total))
                wide_starts[0, :shut], wide_ends[0, :shut] = starts[0, :shut], ends[0, :shut]
                starts, ends = wide_starts, wide_ends
            for g in range(last - first):
                listed[g] = shut
                for k in range(shut):
                    starts[g, k], ends[g, k] = starts[0, k], ends[0, k]
            for block in range(0, total, CAP):
                width = min(CAP, total - block)
                _load(turned, found, block, width, s)
                for v in range(width):
                    rows[v] = owners[bvh.order[found[block + v]]]
                for g in range(last - first):
                    i = first + g
                    px, py, pz = points[i, 0] - centre[0], points[i, 1] - centre[1], points[i, 2] - centre[2]
                    x = e[0, 0] * px + e[0, 1] * py + e[0, 2] * pz
                    y = e[1, 0] * px + e[1, 1] * py + e[1, 2] * pz
                    z = e[2, 0] * px + e[2, 1] * py + e[2, 2] * pz
                    listed[g] = _hide(
                        sun, rows, s, width, x, y, z, solid, open_from, open_to, chosen, pieces,
                        receptors.ignored[receptors.order[places[i]]], starts[g], ends[g], listed[g],
                    )  # fmt: skip
            for g in range(last - first):
                place = places[first + g]
                into = slice(place * room, (place + 1) * room)
                counts[place] = write_lit(
                    sun, fan.start, fan.stop, starts[g], ends[g], listed[g], out_starts[into], out_ends[into]
                )
            first = last


@kernel
def lit_intervals(bvh, points, normals, fan, owners, ignored, closed):
    """Lit hour angles [rad] of n receptors, ragged: (offsets (n + 1), starts, ends) [1].

    ``points`` (n, 3) [m], ``normals`` (n, 3), 0 for none; ``owners`` (m) of the triangles, whose triangles receptor i
    does not see if it is ``ignored`` (n), -1 for none; ``closed``: the triangles bound solids, outer sides
    counter-clockwise.
    """
    n = points.shape[0]
    sun = turn(fan)
    centre = 0.5 * (bvh.lo[0] + bvh.hi[0]) if bvh.order.size > 0 else np.zeros(3)
    turned = _turn_corners(bvh, sun, centre)
    order = np.arange(n)
    counts, starts, ends = np.zeros(n, np.int64), np.empty(n * ROOM), np.empty(n * ROOM)
    _lit(
        bvh,
        turned,
        centre,
        fan,
        sun,
        Receptors(points, normals, ignored, order),
        owners,
        closed,
        ROOM,
        counts,
        starts,
        ends,
    )
    offsets = np.zeros(n + 1, np.int64)
    for g in range(n):
        offsets[order[g] + 1] = counts[g]
    for i in range(n):
        offsets[i + 1] += offsets[i]
    out_starts, out_ends = np.empty(offsets[n]), np.empty(offsets[n])
    pack_rows(counts, order, ROOM, starts, ends, offsets, out_starts, out_ends)
    many = order[counts > ROOM]
    if many.size > 0:
        room = counts.max()
        counts, starts, ends = np.zeros(many.size, np.int64), np.empty(many.size * room), np.empty(many.size * room)
        _lit(
            bvh,
            turned,
            centre,
            fan,
            sun,
            Receptors(points, normals, ignored, many),
            owners,
            closed,
            room,
            counts,
            starts,
            ends,
        )
        pack_rows(counts, many, room, starts, ends, offsets, out_starts, out_ends)
    return offsets, out_starts, out_ends
