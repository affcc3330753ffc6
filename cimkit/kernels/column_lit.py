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

from cimkit.kernels._jit import inner, kernel, lean
from cimkit.kernels._lanes import trailing_zeros
from cimkit.kernels.column_lanes import (
    BETWEEN,
    CELLS,
    HIGH,
    LONG,
    LONG_ROWS,
    OX,
    OY,
    PX,
    PY,
    SHADED,
    SIDE,
    open_walls,
    take_next,
    wall_ends,
    wall_shades,
)
from cimkit.kernels.column_prisms import Prisms, PrismTree, prism_tree
from cimkit.kernels.column_sun import SunTable, sun_table
from cimkit.kernels.column_walls import (
    TOUCH,
    Walls,
    frame_of,
    load_group,
    load_patch,
    new_walls,
    touches,
    view_walls,
)
from cimkit.kernels.intervals import insert
from cimkit.kernels.sunfan_circle import (
    Fan,
    block_band,
    declination_at,
    half_space,
    list_cover,
    narrow,
    pack_rows,
    turn,
    write_lit,
)

if TYPE_CHECKING:
    from cimkit.kernels.column_groups import Groups

ROOM = 8  # lit intervals of a receptor; a run with more is repeated with enough
STEP = math.radians(1.0)  # of the table that only tells what is in reach
U = np.uint64
_START = 1e-9  # rise after which a receptor at a wall is asked whether it looks into the solid [m]


class _Work(NamedTuple):
    """Working memory of a part of the work (a thread)."""

    walls: Walls
    wall: np.ndarray  # walls in view, then the outlines of specials, in blocks of 8 as ``column_lanes`` reads them
    outline: np.ndarray  # (specials, 4): prism, first and last edge of its outline, 1 for a slab + 2 if touched
    taken: np.ndarray  # (4, spells): starts and ends of what is blocked for all of a group, for one receptor
    event: np.ndarray  # (2, spells): when a ray enters and leaves the triangles of a slab, and their sign
    piece: np.ndarray  # (16, 2)


@inner
def _new_work(prisms, vertices):
    """Allocate for so many."""
    edges = (2 * vertices // LONG + prisms + 4) * LONG
    return _Work(
        new_walls(prisms, vertices),
        np.empty(edges * LONG_ROWS),
        np.empty((prisms + 1, 4), np.int64),
        np.empty((4, 6 * edges + 8)),
        np.empty((2, 8 * edges + 8)),
        np.empty((16, 2)),
    )


@lean(inline="always")
def _at(k, row):
    """Place of a row of a wall."""
    return U((k >> 3) * (LONG_ROWS * LONG) + row * LONG + (k & 7))


@lean
def _add_wall(edge, place, walls, prisms, wall, count):
    """Write an edge about a column (x, y)."""
    u, v, xy = walls.ends[edge, 0], walls.ends[edge, 1], prisms.xy
    wall[_at(count, OX)], wall[_at(count, OY)] = xy[u, 0] - place[0], xy[u, 1] - place[1]
    wall[_at(count, PX)], wall[_at(count, PY)] = xy[v, 0] - place[0], xy[v, 1] - place[1]
    wall[_at(count, HIGH)] = prisms.top[walls.ends[edge, 2]]


@lean
def _fill_block(wall, count):
    """Fill the last block with walls that shade nothing; return where the next begins."""
    while count & 7:
        wall[_at(count, HIGH)] = -np.inf
        count += 1
    return count


@lean
def _walls_in_view(view, place, counts, prisms, table, work):
    """Gather the walls a column may see, then the outlines of slabs and of solids it touches; return both ends.

    view = (x, y) about the group and lowest receptor; place = (x, y) of the column.
    """
    walls, wall = work.walls, work.wall
    count, found = 0, 0
    for base in range(0, counts[0], 64):
        bits = U(0)
        for p in range(len(table.part)):
            bits |= view_walls(walls, base, counts[0], frame_of(view, table, p))
        while bits != U(0):
            _add_wall(base + trailing_zeros(bits), place, walls, prisms, wall, count)
            bits &= bits - U(1)
            count += 1
    count = _fill_block(wall, count)
    stop = count
    for k in range(counts[1]):
        special, outline = walls.special[k], work.outline[found]
        touched = touches(special[1], special[2], walls.edge, view[0], view[1], TOUCH)
        if touched or special[3] == 1:
            outline[0], outline[1], outline[3] = special[0], stop, special[3] + (2 if touched else 0)
            for v in range(special[1], special[2]):
                _add_wall(v, place, walls, prisms, wall, stop)
                stop += 1
            outline[2] = stop
            stop = _fill_block(wall, stop)
            found += 1
    return count, stop, found


@lean
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


@lean
def _pieces(sun, wall, k, rises, span, piece):
    """Find when a ray meets a wall between two rises (0 for any); return the number of pieces."""
    ax, ay, bx, by = wall[_at(k, OX)], wall[_at(k, OY)], wall[_at(k, PX)], wall[_at(k, PY)]
    ex, ey, c = bx - ax, by - ay, wall[_at(k, SIDE)]
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


@lean
def _ahead(wall, k):
    """Whether the sun may stand between the ends of an edge."""
    return wall[_at(k, BETWEEN)] < wall[_at(k, BETWEEN + 1)]


@lean
def _far(wall, first, last):
    """Distance of the farthest corner of an outline."""
    far2 = 0.0
    for v in range(first, last):
        x, y = wall[_at(v, OX)], wall[_at(v, OY)]
        far2 = max(far2, x * x + y * y)
    return math.sqrt(far2)


@lean
def _take_entered(sun, wall, first, last, rise, span, event, piece, starts, ends, taken):
    """Block the times when the ray, risen this much, is inside an outline; return the number of blocked spells."""
    n = 0
    for v in range(first, last):
        cross = wall[_at(v, SIDE)]
        if cross == 0.0 or not _ahead(wall, v):
            continue
        sign = 1.0 if cross > 0.0 else -1.0
        for p in range(_pieces(sun, wall, v, (rise, 0.0), span, piece)):
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


@lean
def _take_special(sun, outline, far, z, prisms, reach, span, work, taken):
    """Block what one slab, or a solid the receptor touches, takes; ``far`` is the distance of its farthest corner."""
    b, first, last, slab, touched = outline[0], outline[1], outline[2], outline[3] & 1 == 1, outline[3] > 1
    wall, event, piece, starts, ends = work.wall, work.event, work.piece, work.taken[2], work.taken[3]
    rise, high = prisms.base[b] - z, prisms.top[b] - z
    if high <= 0.0 or (slab and rise > far * reach):
        return taken
    if slab:
        for v in range(first, last):
            if wall[_at(v, SIDE)] < 0.0 and _ahead(wall, v):
                for p in range(_pieces(sun, wall, v, (max(rise, 0.0), high), span, piece)):
                    taken = insert(starts, ends, taken, piece[p, 0], piece[p, 1])
    if touched or rise > 0.0:
        rise = max(rise, _START)
        taken = _take_entered(sun, wall, first, last, rise, span, event, piece, starts, ends, taken)
    return taken


@lean
def _take_walls(sun, stop, z, band, rows, work, taken):
    """Block what the walls in view take from one receptor; return the number of blocked spells.

    Spans overlap a lot, and sorting them in costs a wrongly guessed branch each. So the band is cut into 63 cells:
    cells that single spans fill are marked, and only spans that do not lie within the marked ones are sorted in.
    """
    wall, starts, ends, piece = work.wall, work.taken[2], work.taken[3], work.piece
    fixed, cover = sun.slack == 0.0, U(0)
    for block in range(stop >> 3):
        if fixed:
            cover |= wall_shades(wall, block, z, band, rows, ())
        else:
            cover |= wall_shades(wall, block, z, band, rows, (1.0, -1.0))
    taken = list_cover(cover, (band[0], band[1]), starts, ends, taken)
    for block in range(stop >> 3):
        bits = open_walls(wall, block, band, cover)
        if not fixed:
            bits = (bits | (bits >> U(LONG))) & U(255)
        while bits != U(0):
            place = trailing_zeros(bits)
            bits &= bits - U(1)
            k = 8 * block + (place & 7)
            if fixed and wall[_at(k, BETWEEN + 2)] == 0.0:
                span = SHADED + 2 * (place >> 3)
                taken = insert(starts, ends, taken, wall[_at(k, span)], wall[_at(k, span + 1)])
                continue
            for p in range(_pieces(sun, wall, k, (0.0, wall[_at(k, HIGH)] - z), (band[0], band[1]), piece)):
                taken = insert(starts, ends, taken, piece[p, 0], piece[p, 1])
    return taken


@lean
def _lit_column(place, view, counts, shut, points, order, prisms, table, sun, band, rows, work, out):
    """Write the lit spells of every receptor of a column.

    place = (first, last); view = (x, y) about the group's centre and lowest receptor; counts = (walls, specials); out =
    (band's start, band's end, room, counts, starts, ends).
    """
    taken, wall = work.taken, work.wall
    start, stop, room, number, starts, ends = out
    head = order[place[0]]
    seen, edges, found = _walls_in_view(view, (points[head, 0], points[head, 1]), counts, prisms, table, work)
    for block in range(edges >> 3):
        if sun.slack == 0.0:
            wall_ends(wall, block, band, rows, ())
        else:
            wall_ends(wall, block, band, rows, (1.0, -1.0))
    for i in range(place[0], place[1]):
        z = points[order[i], 2]
        blocked = shut
        for k in range(shut):
            taken[2, k], taken[3, k] = taken[0, k], taken[1, k]
        blocked = _take_walls(sun, seen, z, band, rows, work, blocked)
        for k in range(found):
            outline = work.outline[k]
            far = _far(wall, outline[1], outline[2]) if outline[3] & 1 else 0.0
            span = (band[0], band[1])
            blocked = _take_special(sun, outline, far, z, prisms, table.steepest, span, work, blocked)
        into = slice(i * room, (i + 1) * room)
        number[i] = write_lit(sun, start, stop, taken[2], taken[3], blocked, starts[into], ends[into])


@lean
def _lit_patch(s, groups, points, normals, prisms, tree, table, sun, rows, work, out):
    """Write the lit spells of the receptors of one patch."""
    order, column, circle, walls = groups.order, groups.column, groups.circle, work.walls
    around = (groups.patch_circle[s, 0], groups.patch_circle[s, 1], groups.patch_circle[s, 2])
    patch = (around[0], around[1], groups.patch_low[s])
    near = load_patch(around, patch[2], tree, prisms, table, walls)
    begins, stops = work.taken[0], work.taken[1]
    for g in range(groups.patch[s], groups.patch[s + 1]):
        first, last, low = groups.group[g], groups.group[g + 1], groups.low[g]
        head = order[column[first]]
        normal = (normals[head, 0], normals[head, 1], normals[head, 2])
        shut = block_band(sun, normal[0], normal[1], normal[2], begins, stops)
        lo = stops[0] if shut > 0 and begins[0] <= -sun.limit else -sun.limit
        hi = begins[shut - 1] if shut > 0 and stops[shut - 1] >= sun.limit else sun.limit
        if lo >= hi:
            out[3][column[first] : column[last]] = 0
            continue
        centre = (circle[g, 0], circle[g, 1], circle[g, 2], low)
        counts = load_group(centre, normal, patch, near, prisms, tree, table, walls)
        band = (lo, hi, CELLS / (hi - lo))
        for c in range(first, last):
            head = order[column[c]]
            view = (
                np.float32(points[head, 0] - centre[0]),
                np.float32(points[head, 1] - centre[1]),
                np.float32(points[head, 2] - low),
            )
            place = (column[c], column[c + 1])
            _lit_column(place, view, counts, shut, points, order, prisms, table, sun, band, rows, work, out)


@lean
def _plane_rows(sun):
    """Return the quadratic (a, b, c, slack) of n·s for n = x, y and z."""
    e, minus, plus = sun.e, sun.fit_a - sun.fit_b, sun.fit_a + sun.fit_b
    return (
        minus * e[2, 0] - e[0, 0],
        e[1, 0] + sun.fit_c * e[2, 0],
        plus * e[2, 0] + e[0, 0],
        sun.slack * e[2, 0],
        minus * e[2, 1] - e[0, 1],
        e[1, 1] + sun.fit_c * e[2, 1],
        plus * e[2, 1] + e[0, 1],
        sun.slack * e[2, 1],
        minus * e[2, 2] - e[0, 2],
        e[1, 2] + sun.fit_c * e[2, 2],
        plus * e[2, 2] + e[0, 2],
        sun.slack * e[2, 2],
    )


@inner
def _lit_part(counter, groups, points, normals, prisms, tree, table, sun, out):
    """Lit spells of the receptors of the patches one thread gets hold of."""
    work, rows = _new_work(len(prisms.top), len(prisms.xy)), _plane_rows(sun)
    s = take_next(counter)
    while s < len(groups.patch) - 1:
        _lit_patch(s, groups, points, normals, prisms, tree, table, sun, rows, work, out)
        s = take_next(counter)


@kernel(parallel=True)
def _lit(parts, counter, groups, points, normals, prisms, tree, table, sun, out):
    """Lit spells of all receptors, in the order of the groups."""
    for _ in prange(parts):
        _lit_part(counter, groups, points, normals, prisms, tree, table, sun, out)


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
    tree: PrismTree | None = None,
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
    tree
        Tree over the prisms, if already built by ``prism_tree``.

    Returns
    -------
    tuple
        Ragged lists: offsets (n + 1), starts and ends [rad].
    """
    tree = prism_tree(prisms) if tree is None else tree
    n, table, room, sun = len(points), way_table(fan), ROOM, turn(fan)
    number = np.zeros(n, np.int64)
    while True:
        starts, ends = np.empty(n * room), np.empty(n * room)
        if n:
            out = (fan.start, fan.stop, room, number, starts, ends)
            counter = np.zeros(1, np.int64)
            _lit(numba.get_num_threads(), counter, groups, points, normals, prisms, tree, table, sun, out)
        if n == 0 or number.max() <= room:
            break
        room = int(number.max())
    offsets = np.zeros(n + 1, np.int64)
    offsets[groups.order + 1] = number
    np.cumsum(offsets, out=offsets)
    out_starts, out_ends = np.empty(offsets[-1]), np.empty(offsets[-1])
    pack_rows(number, groups.order, room, starts, ends, offsets, out_starts, out_ends)
    return offsets, out_starts, out_ends
