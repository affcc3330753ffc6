"""Lit hour angles of receptors among extruded buildings, in closed form, a column of windows at a time.

A wall from A to B with its top H over the receptor hides the sun while three planes through the receptor have it on
their inner side: the upright ones through A and B, which all receptors of a column share, and the one through the top
edge. Each is a quadratic in tan(w/2), as in ``sunfan``; the pass over all walls of a column is vector code.

Slabs (base above the receptor) need no convexity: outside the outline the receptor is the common corner of one
triangle an edge, and the signed number of those the ray is in, risen to the base, tells whether it enters from below.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, NamedTuple

import numba
import numpy as np
from numba import prange

from cimkit.kernels._jit import kernel
from cimkit.kernels.column_prisms import PrismGrid, Prisms, cells_in_reach, prism_grid, prisms_in_reach
from cimkit.kernels.column_sun import SunTable, sun_table
from cimkit.kernels.columns import farthest, load_group, sun_limits, touches
from cimkit.kernels.intervals import insert
from cimkit.kernels.sunfan_circle import (
    Fan,
    block_band,
    declination_at,
    half_space,
    narrow,
    pack_rows,
    turn,
    unite_spans,
    write_lit,
)

if TYPE_CHECKING:
    from cimkit.kernels.column_groups import Groups

ROOM = 8  # lit intervals of a receptor; a run with more is repeated with enough
STEP = math.radians(1.0)  # of the table that only tells what is in reach
U = np.uint64
_START = 1e-9  # rise after which a receptor at a wall is asked whether it looks into the solid [m]
_LOW, _HIGH, _CROSS, _HOLE = 7, 8, 9, 10  # rows of an edge after ax ay bx by ex ey top


class _Work(NamedTuple):
    """Working memory, one part of the work (a thread) along the first axis: nothing is allocated in between."""

    found: np.ndarray  # (2, prisms): prisms of the patch, prisms of the group
    edge: np.ndarray  # (11, edges): ax ay bx by ex ey top, span of tan(w/2) between the ends, cross product, hole
    wall: np.ndarray  # (10, edges): ex ey top cross low high hole of the walls in view, span below the top, hole
    chosen: np.ndarray  # (edges): edges of the walls in view
    ones: np.ndarray  # (edges): walls that are looked at one by one
    special: np.ndarray  # (prisms, 4): prism, first edge, last edge, 1 for a slab
    taken: np.ndarray  # (4, spells): starts and ends of what is blocked for all of a group, for one receptor
    event: np.ndarray  # (2, spells): when a ray enters and leaves the triangles of a slab, and their sign
    piece: np.ndarray  # (16, 2)


def _work(parts, prisms, edges):
    """Working memory for so many parts."""
    return _Work(
        found=np.empty((parts, 2, prisms), np.int64),
        edge=np.empty((parts, 11, edges)),
        wall=np.empty((parts, 10, edges)),
        chosen=np.empty((parts, edges), np.int64),
        ones=np.empty((parts, edges), np.int64),
        special=np.empty((parts, prisms, 4), np.int64),
        taken=np.empty((parts, 4, 6 * edges + 8)),
        event=np.empty((parts, 2, 8 * edges + 8)),
        piece=np.empty((parts, 16, 2)),
    )


@kernel(inline="always")
def _span(qa, qb, qc, low, high):
    """Return (from, to, 1 for a hole) of the tan(w/2) in low..high where qa t² + 2 qb t + qc > 0."""
    disc = qb * qb - qa * qc
    root = np.sqrt(disc if disc > 0.0 else 0.0)
    positive = qb >= 0.0
    q = -(qb + root) if positive else root - qb
    one_root, two_root = q / qa, qc / q
    rise = two_root if positive else one_root
    fall = one_root if positive else two_root
    through = rise >= fall  # positive through midnight
    before, after = fall <= low, rise >= high
    lo = rise if (not through) | before else -np.inf
    hi = fall if (not through) | after else np.inf
    none, never = disc <= 0.0, qa + qc <= 0.0
    lo = (np.inf if never else -np.inf) if none else lo
    hi = np.inf if none else hi
    hole = 1.0 if through & (not before) & (not after) & (not none) else 0.0
    return lo, hi, hole


@kernel
def _end_spans(edge, count, px, py, low, high, rows):
    """Span of the sun between both ends of all edges, seen from a column; rows = quadratics of n·s for n = x, y, z."""
    xa, xb, xc, xm, ya, yb, yc, ym = rows[0], rows[1], rows[2], rows[3], rows[4], rows[5], rows[6], rows[7]
    for k in range(U(count)):
        v = U(k)
        ax, ay, bx, by = edge[0, v] - px, edge[1, v] - py, edge[2, v] - px, edge[3, v] - py
        c = ax * edge[5, v] - ay * edge[4, v]
        f = 1.0 if c < 0.0 else -1.0
        nx, ny = f * ay, -f * ax
        more = abs(nx * xm + ny * ym)
        lo, hi, hole = _span(nx * xa + ny * ya + more, nx * xb + ny * yb, nx * xc + ny * yc + more, low, high)
        nx, ny = -f * by, f * bx
        more = abs(nx * xm + ny * ym)
        lo2, hi2, hole2 = _span(nx * xa + ny * ya + more, nx * xb + ny * yb, nx * xc + ny * yc + more, low, high)
        edge[7, v] = max(lo, lo2, low)
        edge[8, v] = min(hi, hi2, high)
        edge[9, v] = c
        edge[10, v] = hole + hole2


@kernel
def _walls_in_view(edge, count, lowest, wall, chosen):
    """Gather the walls that face a column between their ends and stand higher; return their number."""
    n = np.uint64(0)
    for k in range(U(count)):
        v = U(k)
        wall[0, n], wall[1, n], wall[2, n] = edge[4, v], edge[5, v], edge[6, v]
        wall[3, n], wall[4, n], wall[5, n], wall[6, n] = edge[9, v], edge[7, v], edge[8, v], edge[10, v]
        chosen[n] = np.int64(k)
        n += np.uint64(1 if (edge[9, v] < 0.0) & (edge[7, v] < edge[8, v]) & (edge[6, v] > lowest) else 0)
    return np.int64(n)


@kernel
def _top_spans(wall, count, z, low, high, rows):
    """Span of the sun hidden by each wall in view from one receptor."""
    xa, xb, xc, xm, ya, yb, yc, ym = rows[0], rows[1], rows[2], rows[3], rows[4], rows[5], rows[6], rows[7]
    za, zb, zc, zm = rows[8], rows[9], rows[10], rows[11]
    for k in range(U(count)):
        v = U(k)
        h = wall[2, v] - z
        nx, ny, nz = -h * wall[1, v], h * wall[0, v], wall[3, v]
        more = abs(nx * xm + ny * ym + nz * zm)
        lo, hi, hole = _span(
            nx * xa + ny * ya + nz * za + more,
            nx * xb + ny * yb + nz * zb,
            nx * xc + ny * yc + nz * zc + more,
            low,
            high,
        )
        lo, hi = max(lo, wall[4, v]), min(hi, wall[5, v])
        wall[7, v] = lo
        wall[8, v] = hi if h > 0.0 else lo
        wall[9, v] = wall[6, v] + hole


@kernel
def _cut(sun, nx, ny, nz, piece, count):
    """Cut pieces by the plane with this normal (x, y, z); return their number."""
    if count == 0:
        return 0
    e = sun.e
    number, rise, fall = half_space(
        sun,
        e[0, 0] * nx + e[0, 1] * ny + e[0, 2] * nz,
        e[1, 0] * nx + e[1, 1] * ny + e[1, 2] * nz,
        e[2, 0] * nx + e[2, 1] * ny + e[2, 2] * nz,
        0.0,
    )
    return narrow(piece, count, number, rise, fall)


@kernel
def _pieces(sun, edge, v, column, rises, span, piece):
    """Find when a ray meets the wall over an edge between two rises (0 for any); return the number of pieces."""
    px, py = column
    ax, ay, bx, by = edge[0, v] - px, edge[1, v] - py, edge[2, v] - px, edge[3, v] - py
    ex, ey, c = edge[4, v], edge[5, v], edge[9, v]
    f = 1.0 if c < 0.0 else -1.0
    piece[0, 0], piece[0, 1] = span
    count = _cut(sun, f * ay, -f * ax, 0.0, piece, 1)
    count = _cut(sun, -f * by, f * bx, 0.0, piece, count)
    low, high = f * rises[0], f * rises[1]
    if low != 0.0:
        count = _cut(sun, low * ey, -low * ex, -f * c, piece, count)
    if high != 0.0:
        count = _cut(sun, -high * ey, high * ex, f * c, piece, count)
    return count


@kernel
def _take_entered(sun, edge, first, last, column, rise, span, event, piece, starts, ends, taken):
    """Block the times when the ray, risen this much, is inside an outline; return the number of blocked spells."""
    n = 0
    for v in range(first, last):
        if edge[_CROSS, v] == 0.0 or (edge[_LOW, v] >= edge[_HIGH, v] and edge[_HOLE, v] == 0.0):
            continue
        sign = 1.0 if edge[_CROSS, v] > 0.0 else -1.0
        for p in range(_pieces(sun, edge, v, column, (rise, 0.0), span, piece)):
            for side in range(2):
                k, time = n, piece[p, side]
                while k > 0 and event[0, k - 1] > time:
                    event[0, k], event[1, k] = event[0, k - 1], event[1, k - 1]
                    k -= 1
                event[0, k], event[1, k] = time, sign if side == 0 else -sign
                n += 1
    inside, since = 0.0, 0.0
    for k in range(n):
        before = inside
        inside += event[1, k]
        if before == 0.0:
            since = event[0, k]
        elif inside == 0.0 and event[0, k] > since:
            taken = insert(starts, ends, taken, since, event[0, k])
    return taken


@kernel
def _take_special(sun, special, place, z, prisms, reach, edge, span, work, taken):
    """Block what one slab, or a solid the receptor touches, takes; place = (x, y) of the column."""
    b, first, last, slab = special
    event, piece, starts, ends = work.event, work.piece, work.taken[2], work.taken[3]
    rise, high = prisms.base[b] - z, prisms.top[b] - z
    if high <= 0.0:
        return taken
    if slab == 1:
        if rise > farthest(first, last, edge, place[0], place[1]) * reach:
            return taken
        for v in range(first, last):
            if edge[_CROSS, v] < 0.0 and (edge[_LOW, v] < edge[_HIGH, v] or edge[_HOLE, v] > 0.0):
                for p in range(_pieces(sun, edge, v, place, (max(rise, 0.0), high), span, piece)):
                    taken = insert(starts, ends, taken, piece[p, 0], piece[p, 1])
    if (slab == 1 and rise > 0.0) or touches(first, last, edge, place[0], place[1]):
        start = max(rise, _START)
        taken = _take_entered(sun, edge, first, last, place, start, span, event, piece, starts, ends, taken)
    return taken


@kernel
def _take_walls(sun, walls, place, z, span, rows, work, taken):
    """Block what the walls in view take from one receptor; return the number of blocked spells."""
    wall, starts, ends, piece = work.wall, work.taken[2], work.taken[3], work.piece
    _top_spans(wall, walls, z, span[0], span[1], rows)
    if sun.slack == 0.0:
        low, high, hole = wall[7, :walls], wall[8, :walls], wall[9, :walls]
        taken = unite_spans(low, high, hole, (span[0], span[1]), starts, ends, taken, work.ones)
        if hole.sum() == 0.0:
            return taken
    for k in range(walls):
        if wall[7, k] >= wall[8, k] or (wall[9, k] == 0.0 and sun.slack == 0.0):
            continue
        rises = (0.0, wall[2, k] - z)
        for p in range(_pieces(sun, work.edge, work.chosen[k], place, rises, span, piece)):
            taken = insert(starts, ends, taken, piece[p, 0], piece[p, 1])
    return taken


@kernel
def _lit_column(place, low, counts, shut, points, order, prisms, reach, sun, span, rows, work, out):
    """Write the lit spells of every receptor of a column.

    place = (first, last, x, y) about the group's centre; counts = (walls, edges, specials); out = (band's start, band's
    end, room, counts, starts, ends).
    """
    first, last, px, py = place
    edge, taken = work.edge, work.taken
    start, stop, room, number, starts, ends = out
    _end_spans(edge, counts[1], px, py, span[0], span[1], rows)
    lowest = points[order[first], 2] - low
    walls = _walls_in_view(edge, counts[0], lowest, work.wall, work.chosen)
    for i in range(first, last):
        z = points[order[i], 2]
        blocked = shut
        for k in range(shut):
            taken[2, k], taken[3, k] = taken[0, k], taken[1, k]
        blocked = _take_walls(sun, walls, (px, py), z - low, span, rows, work, blocked)
        for k in range(counts[2]):
            row = (work.special[k, 0], work.special[k, 1], work.special[k, 2], work.special[k, 3])
            blocked = _take_special(sun, row, (px, py), z, prisms, reach, edge, span, work, blocked)
        into = slice(i * room, (i + 1) * room)
        number[i] = write_lit(sun, start, stop, taken[2], taken[3], blocked, starts[into], ends[into])


@kernel
def _lit_patch(s, groups, points, normals, prisms, grid, table, limits, sun, rows, work, out):
    """Write the lit spells of the receptors of one patch."""
    order, column, circle = groups.order, groups.column, groups.circle
    bounds = (limits[0], 1)
    around = (groups.patch_circle[s, 0], groups.patch_circle[s, 1], groups.patch_circle[s, 2])
    near = cells_in_reach(around, groups.patch_low[s], grid, prisms.top, table, bounds, work.found)
    for g in range(groups.patch[s], groups.patch[s + 1]):
        first, last, low = groups.group[g], groups.group[g + 1], groups.low[g]
        head = order[column[first]]
        normal = (normals[head, 0], normals[head, 1], normals[head, 2])
        shut = block_band(sun, normal[0], normal[1], normal[2], work.taken[0], work.taken[1])
        begins, stops = work.taken[0], work.taken[1]
        lo = stops[0] if shut > 0 and begins[0] <= -sun.limit else -sun.limit
        hi = begins[shut - 1] if shut > 0 and stops[shut - 1] >= sun.limit else sun.limit
        if lo >= hi:
            out[3][column[first] : column[last]] = 0
            continue
        around = (circle[g, 0], circle[g, 1], circle[g, 2])
        found = prisms_in_reach(around, low, near, grid, prisms.top, table, bounds, work.found)
        centre = (circle[g, 0], circle[g, 1], circle[g, 2], low)
        counts = load_group(centre, normal, found, prisms, grid.circle, table, bounds, work)
        for c in range(first, last):
            head = order[column[c]]
            place = (column[c], column[c + 1], points[head, 0] - circle[g, 0], points[head, 1] - circle[g, 1])
            _lit_column(place, low, counts, shut, points, order, prisms, limits[1], sun, (lo, hi), rows, work, out)


@kernel
def _plane_rows(sun):
    """Return the quadratic (a, b, c, slack) of n·s for n = x, y and z."""
    e, minus, plus = sun.e, sun.fit_a - sun.fit_b, sun.fit_a + sun.fit_b
    rows = np.empty(12)
    for k in range(3):
        rows[4 * k] = minus * e[2, k] - e[0, k]
        rows[4 * k + 1] = e[1, k] + sun.fit_c * e[2, k]
        rows[4 * k + 2] = plus * e[2, k] + e[0, k]
        rows[4 * k + 3] = sun.slack * e[2, k]
    return rows


@kernel(parallel=True)
def _lit(groups, points, normals, prisms, grid, table, limits, sun, rows, work, out):
    """Lit spells of all receptors, in the order of the groups; patches go round the parts."""
    patches, parts = len(groups.patch) - 1, len(work.found)
    for part in prange(parts):
        own = _Work(
            work.found[part], work.edge[part], work.wall[part], work.chosen[part], work.ones[part], work.special[part],
            work.taken[part], work.event[part], work.piece[part],
        )  # fmt: skip
        for s in range(part, patches, parts):
            _lit_patch(s, groups, points, normals, prisms, grid, table, limits, sun, rows, own, out)


@kernel
def _way(fan, step):
    """Directions (t, 3) along the part of the fan's path that counts, its ends among them; below 0 between parts."""
    sun = turn(fan)
    starts, ends = np.empty(8), np.empty(8)
    shut = block_band(sun, 0.0, 0.0, 0.0, starts, ends)
    out = np.empty((int(14 / step) + 64, 3))
    n, reached = 0, -sun.limit
    for k in range(shut + 1):
        stop = starts[k] if k < shut else sun.limit
        if stop > reached:
            a, b = 2.0 * math.atan(reached), 2.0 * math.atan(stop)
            count = max(1, int((b - a) / step)) + 1
            for q in range(count + 1):
                w = a + (b - a) * q / count
                d = declination_at(sun, w)
                for axis in range(3):
                    out[n, axis] = math.cos(d) * (math.cos(w) * sun.e[0, axis] + math.sin(w) * sun.e[1, axis])
                    out[n, axis] += math.sin(d) * sun.e[2, axis]
                out[n, 2] = max(out[n, 2], 1e-7)
                n += 1
            out[n, 0], out[n, 1], out[n, 2] = 0.0, 0.0, -1.0
            n += 1
        if k < shut:
            reached = max(reached, ends[k])
    return out[:n]


def way_table(fan: Fan) -> SunTable:
    """Tabulate the path of a fan, to tell what is in reach of any of its suns."""
    return sun_table(_way(fan, STEP))


def column_lit(
    groups: Groups,
    points: np.ndarray,
    normals: np.ndarray,
    prisms: Prisms,
    fan: Fan,
    *,
    grid: PrismGrid | None = None,
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Compute the lit hour angles of each receptor among extruded buildings.

    Parameters
    ----------
    groups
        The receptors gathered by ``group_columns``.
    points, normals
        The same receptors, shapes (n, 3), normal 0 for none [m].
    prisms
        What casts shadow.
    fan
        The sun of the day.
    grid
        Grid over the prisms, if already built by ``prism_grid``.

    Returns
    -------
    tuple
        Ragged lists: offsets (n + 1), starts and ends [rad].
    """
    grid = prism_grid(prisms) if grid is None else grid
    n, table, room, sun = len(points), way_table(fan), ROOM, turn(fan)
    work = _work(numba.get_num_threads(), len(prisms.top) + 1, 2 * len(prisms.xy) + 1)
    number = np.zeros(n, np.int64)
    while True:
        starts, ends = np.empty(n * room), np.empty(n * room)
        if n:
            out = (fan.start, fan.stop, room, number, starts, ends)
            _lit(groups, points, normals, prisms, grid, table, sun_limits(table), sun, _plane_rows(sun), work, out)
        if n == 0 or number.max() <= room:
            break
        room = int(number.max())
    offsets = np.zeros(n + 1, np.int64)
    offsets[groups.order + 1] = number
    np.cumsum(offsets, out=offsets)
    out_starts, out_ends = np.empty(offsets[-1]), np.empty(offsets[-1])
    pack_rows(number, groups.order, room, starts, ends, offsets, out_starts, out_ends)
    return offsets, out_starts, out_ends
