"""Lit hour angles of receptors among extruded buildings, in closed form, a column of windows at a time.

A wall from A to B with its top H over the receptor hides the sun while three planes through the receptor have it on
their inner side: the upright ones through A and B, which all receptors of a column share, and the one through the top
edge. Each is a quadratic in tan(w/2), as in ``sunfan``; the pass over all walls of a column is vector code.

Slabs (base above the receptor) need no convexity: outside the outline the receptor is the common corner of one
triangle an edge, and the ray, risen to the base, enters from below when it is in an odd number of those.
"""

import math
from collections import namedtuple

import numba
import numpy as np
from numba import prange

from cimkit.kernels import sunfan_circle as circle
from cimkit.kernels._jit import inner, kernel, lean
from cimkit.kernels._lanes import keep, trailing_zeros
from cimkit.kernels.column_groups import Groups
from cimkit.kernels.column_lanes import WIDE, take_next, view_edges
from cimkit.kernels.column_prisms import Prisms, PrismTree, prism_tree
from cimkit.kernels.column_sun import SunTable, frame_of, sun_table
from cimkit.kernels.column_walls import TOUCH, circle_around, far_of, load_group, load_patch, new_walls, touches
from cimkit.kernels.intervals import insert

ROOM = 8  # lit intervals of a receptor; a run with more is repeated with enough
STEP = math.radians(1.0)  # of the table that only tells what is in reach
BLOCK = 8  # walls of a block: row after row, so that the loops over one become vector code
AX, AY, BX, BY, TOP, SIDE = range(6)  # its rows: ends about the column, top, cross product
OUTER, INNER = 6, 9  # from, to, hole of the span between the ends, widened or narrowed by what the declination drifts
LOW, HIGH = 12, 14  # of two spans shaded
ROWS = 16
U = np.uint64
_START = 1e-9  # rise after which a receptor at a wall is asked whether it looks into the solid [m]


class _Work(namedtuple("_Work", "walls wall outline taken event piece")):
    """Working memory of a part of the work (a thread).

    ``wall``: blocks of the walls in view, then of the outlines of specials. ``outline`` (specials, 5): prism, first and
    last edge of its outline, whether a slab, whether touched. ``taken``: starts and ends of what is blocked for all of
    a group, then for one receptor. ``event``: when a ray enters or leaves one of the triangles of a slab. ``piece``
    (16, 2).
    """


@inner
def _new_work(prisms):
    """Allocate for so many."""
    walls = new_walls(prisms)
    edges = len(walls.origin) + BLOCK * len(prisms.top)
    outline = np.empty((len(prisms.top) + 1, 5), np.int64)
    taken = (np.empty(8), np.empty(8), np.empty(6 * edges + 8), np.empty(6 * edges + 8))
    event, piece = np.empty(8 * edges + 8), np.empty((16, 2))
    return _Work(walls, np.empty(edges * ROWS), outline, taken, event, piece)


@lean(inline="always")
def _at(k, row):
    """Place of a row of a wall."""
    return U((k >> 3) * (ROWS * BLOCK) + row * BLOCK + (k & 7))


@lean
def _add_wall(edge, place, walls, prisms, wall, count):
    """Write an edge of the group about a column (x, y)."""
    source, xy = walls.source[walls.origin[edge]], prisms.xy
    u, v = source[0], source[1]
    wall[_at(count, AX)], wall[_at(count, AY)] = xy[u, 0] - place[0], xy[u, 1] - place[1]
    wall[_at(count, BX)], wall[_at(count, BY)] = xy[v, 0] - place[0], xy[v, 1] - place[1]
    wall[_at(count, TOP)] = prisms.top[source[2]]


@lean
def _fill_block(wall, count):
    """Fill the last block with walls that shade nothing; return where the next begins."""
    while count % BLOCK:
        for row in range(TOP):
            wall[_at(count, row)] = wall[_at(count - 1, row)]
        wall[_at(count, TOP)] = -1e30
        count += 1
    return count


@lean(inline="always")
def _walls_in_view(view, place, counts, prisms, table, work):
    """Gather the walls a column may see, then the outlines of slabs and of solids it touches; return both ends.

    view = (x, y) about the patch and lowest receptor; place = (x, y) of the column.
    """
    walls, wall = work.walls, work.wall
    count, found = 0, 0
    for start in range(0, counts[0], WIDE):
        bits = U(0)
        for p in range(len(table.part)):
            bits |= view_edges(walls.edge, walls.place, start, frame_of(view, table, p))
        bits &= keep(counts[0] - start)
        while bits != U(0):
            _add_wall(start + trailing_zeros(bits), place, walls, prisms, wall, count)
            bits &= bits - U(1)
            count += 1
    count = _fill_block(wall, count)
    stop = count
    for k in range(counts[1]):
        special, outline = walls.special[k], work.outline[found]
        touched = touches(special[1], special[2], walls.edge, view[0], view[1], TOUCH)
        if touched or special[3] == 1:
            outline[0], outline[1], outline[3], outline[4] = special[0], stop, special[3], 1 if touched else 0
            for edge in range(special[1], special[2]):
                _add_wall(edge, place, walls, prisms, wall, stop)
                stop += 1
            outline[2] = stop
            stop = _fill_block(wall, stop)
            found += 1
    return count, stop, found


@lean
def _path_of(sun, share):
    """The sun's path as ``within`` reads it, with a share of the slack, and its axes."""
    path, e = (sun.fit_a - sun.fit_b, sun.fit_a + sun.fit_b, sun.fit_c, share * sun.slack), sun.e
    return path, ((e[0, 0], e[0, 1], e[0, 2]), (e[1, 0], e[1, 1], e[1, 2]), (e[2, 0], e[2, 1], e[2, 2]))


@lean
def _mark_ends(wall, stop, sun, share, band, into):
    """Write the spans of the sun between the ends of walls, from a row on."""
    low, high = band
    (path, axes), into = _path_of(sun, share), U(BLOCK * into)
    (ex, ey, _), (px, py, _), (qx, qy, _) = axes
    for block in range(U(stop) // U(BLOCK)):
        for k in range(U(BLOCK)):
            v = block * U(ROWS * BLOCK) + k
            ax, ay, bx, by = wall[v], wall[v + U(BLOCK * AY)], wall[v + U(BLOCK * BX)], wall[v + U(BLOCK * BY)]
            cross = ax * (by - ay) - ay * (bx - ax)
            f = 1.0 if cross < 0.0 else -1.0
            x, y = f * ay, -f * ax
            start, end, cut, _, _ = circle.within(ex * x + ey * y, px * x + py * y, qx * x + qy * y, path, low, high)
            x, y = -f * by, f * bx
            start2, end2, cut2, _, _ = circle.within(ex * x + ey * y, px * x + py * y, qx * x + qy * y, path, low, high)
            wall[v + U(BLOCK * SIDE)] = cross
            wall[v + into] = max(start, start2, low)
            wall[v + into + U(BLOCK)] = min(end, end2, high)
            wall[v + into + U(2 * BLOCK)] = 1.0 if cut | cut2 else 0.0


@lean
def _shade(wall, blocks, z, sun, share, band, into):
    """Find the two spans that each wall hides from a receptor at z; return the cells that whole ones fill."""
    (path, axes), (low, high), into = _path_of(sun, share), band, U(BLOCK * into)
    (ex, ey, ez), (px, py, pz), (qx, qy, qz) = axes
    scale, filled = circle.CELLS / (high - low), U(0)
    for block in range(U(blocks)):
        for k in range(U(BLOCK)):
            v = block * U(ROWS * BLOCK) + k
            ax, ay, bx, by = wall[v], wall[v + U(BLOCK * AY)], wall[v + U(BLOCK * BX)], wall[v + U(BLOCK * BY)]
            h, cross = wall[v + U(BLOCK * TOP)] - z, wall[v + U(BLOCK * SIDE)]
            x, y = h * (ay - by), h * (bx - ax)
            nx, ny, nz = (ex * x + ey * y + ez * cross, px * x + py * y + pz * cross, qx * x + qy * y + qz * cross)
            start, end, cut, fall, rise = circle.within(nx, ny, nz, path, low, high)
            first, last, hole = wall[v + into], wall[v + into + U(BLOCK)], wall[v + into + U(2 * BLOCK)]
            last = last if (h > 0.0) & (cross < 0.0) else first
            a, b = max(first, start), min(last, fall if cut else end)
            c = max(first, rise) if cut else np.inf
            wall[v + U(BLOCK * LOW)], wall[v + U(BLOCK * HIGH)] = a, b
            wall[v + U(BLOCK * (LOW + 1))], wall[v + U(BLOCK * (HIGH + 1))] = c, last
            one, two = _full(a, b, low, scale), _full(c, last, low, scale)
            filled |= (one if a < b else U(0)) | (two if c < last else U(0)) if hole == 0.0 else U(0)
    return filled


@lean(inline="always")
def _full(a, b, low, scale):
    """Return the cells that a span fills."""
    return circle.full_cells(circle.cell_of(a, low, scale), circle.cell_of(b, low, scale))


@lean(inline="always")
def _left_open(wall, block, low, scale, cover):
    """Bits of the 16 spans of a block of walls that do not lie within the cells covered."""
    bits = U(0)
    for k in range(U(2 * BLOCK)):
        v = U(block) * U(ROWS * BLOCK) + k
        a, b = wall[v + U(BLOCK * LOW)], wall[v + U(BLOCK * HIGH)]
        touched = circle.touched_cells(circle.cell_of(a, low, scale), circle.cell_of(b, low, scale))
        bits |= U((a < b) & (touched & ~cover != U(0))) << k
    return bits


@lean
def _pieces(sun, wall, k, rises, span, piece):
    """Find when a ray meets a wall between two rises (0 for any); return the number of pieces."""
    ax, ay, bx, by = wall[_at(k, AX)], wall[_at(k, AY)], wall[_at(k, BX)], wall[_at(k, BY)]
    ex, ey, e, count = bx - ax, by - ay, sun.e, 1
    f = 1.0 if wall[_at(k, SIDE)] < 0.0 else -1.0
    low, high, c = f * rises[0], f * rises[1], f * wall[_at(k, SIDE)]
    ends = (f * ay, -f * ax, 0.0), (-f * by, f * bx, 0.0)
    piece[0, 0], piece[0, 1] = span
    for x, y, z in (ends[0], ends[1], (low * ey, -low * ex, -c), (-high * ey, high * ex, c)):
        if count > 0 and (x != 0.0 or y != 0.0):
            nx, ny = e[0, 0] * x + e[0, 1] * y + e[0, 2] * z, e[1, 0] * x + e[1, 1] * y + e[1, 2] * z
            nz = e[2, 0] * x + e[2, 1] * y + e[2, 2] * z
            number, rise, fall = circle.half_space(sun, nx, ny, nz, 0.0)
            count = circle.narrow(piece, count, number, rise, fall)
    return count


@lean
def _take_entered(sun, wall, outline, rise, span, event, piece, starts, ends, taken):
    """Block the times when the ray, risen this much, is inside an outline; return the number of blocked spells."""
    n = 0
    for v in range(outline[1], outline[2]):
        if wall[_at(v, SIDE)] != 0.0 and wall[_at(v, OUTER)] < wall[_at(v, OUTER + 1)]:
            for p in range(_pieces(sun, wall, v, (rise, 0.0), span, piece)):
                for side in range(2):
                    k, time = n, piece[p, side]
                    while k > 0 and event[k - 1] > time:
                        event[k] = event[k - 1]
                        k -= 1
                    event[k] = time
                    n += 1
    for k in range(0, n, 2):
        if event[k] < event[k + 1]:
            taken = insert(starts, ends, taken, event[k], event[k + 1])
    return taken


@lean
def _take_special(sun, wall, outline, rise, high, span, event, piece, starts, ends, taken):
    """Block what one slab, or a solid the receptor touches, takes between two rises."""
    if outline[3]:
        for v in range(outline[1], outline[2]):
            if wall[_at(v, SIDE)] < 0.0 and wall[_at(v, OUTER)] < wall[_at(v, OUTER + 1)]:
                for p in range(_pieces(sun, wall, v, (max(rise, 0.0), high), span, piece)):
                    taken = insert(starts, ends, taken, piece[p, 0], piece[p, 1])
    if outline[4] or rise > 0.0:
        taken = _take_entered(sun, wall, outline, max(rise, _START), span, event, piece, starts, ends, taken)
    return taken


@lean
def _take_walls(sun, blocks, z, band, wall, piece, starts, ends, taken):
    """Block what the walls in view take from one receptor; return the number of blocked spells.

    Spans overlap a lot, and sorting them in costs a wrongly guessed branch each. So the band is cut into 63 cells:
    cells that single spans fill are marked, and only spans that do not lie within the marked ones are sorted in.
    """
    fixed, scale, cover = sun.slack == 0.0, circle.CELLS / (band[1] - band[0]), U(0)
    if not fixed:  # what is hidden however the declination drifts
        cover = _shade(wall, blocks, z, sun, -1.0, band, INNER)
    filled = _shade(wall, blocks, z, sun, 1.0, band, OUTER)
    cover = filled if fixed else cover
    taken = circle.list_cover(cover, band, starts, ends, taken)
    for block in range(blocks):
        bits = _left_open(wall, block, band[0], scale, cover)
        if not fixed:
            bits = (bits | (bits >> U(BLOCK))) & U(255)
        while bits != U(0):
            place = trailing_zeros(bits)
            bits &= bits - U(1)
            k = BLOCK * block + (place & 7)
            if fixed and wall[_at(k, OUTER + 2)] == 0.0:
                span = place >> 3
                taken = insert(starts, ends, taken, wall[_at(k, LOW + span)], wall[_at(k, HIGH + span)])
                continue
            for p in range(_pieces(sun, wall, k, (0.0, wall[_at(k, TOP)] - z), band, piece)):
                taken = insert(starts, ends, taken, piece[p, 0], piece[p, 1])
    return taken


@lean(inline="always")
def _lit_column(start, stop, patch, counts, shut, points, order, prisms, tree, table, sun, band, work, out):
    """Write the lit spells of every receptor of a column.

    counts = (walls, specials); out = (band's start, band's end, room, counts, starts, ends).
    """
    wall, event, piece, (begins, stops, starts, ends) = work.wall, work.event, work.piece, work.taken
    fan_start, fan_stop, room, number, lit_starts, lit_ends = out
    head = order[start]
    place = (points[head, 0], points[head, 1])
    x, y, low = place[0] - patch[0], place[1] - patch[1], points[head, 2] - patch[3]
    view = (np.float32(x), np.float32(y), np.float32(low))
    seen, edges, found = _walls_in_view(view, place, counts, prisms, table, work)
    _mark_ends(wall, edges, sun, 1.0, band, OUTER)
    if sun.slack > 0.0:
        _mark_ends(wall, edges, sun, -1.0, band, INNER)
    for i in range(start, stop):
        z = points[order[i], 2]
        for k in range(shut):
            starts[k], ends[k] = begins[k], stops[k]
        taken = _take_walls(sun, seen // BLOCK, z, band, wall, piece, starts, ends, shut)
        for k in range(found):
            outline = work.outline[k]
            b = outline[0]
            rise, high = prisms.base[b] - z, prisms.top[b] - z
            if high > 0.0 and rise <= far_of(b, place, tree.circle) * table.steepest:
                taken = _take_special(sun, wall, outline, rise, high, band, event, piece, starts, ends, taken)
        into = slice(i * room, (i + 1) * room)
        number[i] = circle.write_lit(sun, fan_start, fan_stop, starts, ends, taken, lit_starts[into], lit_ends[into])


@lean
def _lit_patch(s, groups, points, normals, prisms, tree, table, sun, work, out):
    """Write the lit spells of the receptors of one patch."""
    order, column, group, walls = groups.order, groups.column, groups.group, work.walls
    patch = circle_around(points, groups, group[groups.patch[s]], group[groups.patch[s + 1]])
    found = load_patch(patch, tree, prisms, table, walls)
    begins, stops = work.taken[0], work.taken[1]
    for g in range(groups.patch[s], groups.patch[s + 1]):
        first, last = group[g], group[g + 1]
        head = order[column[first]]
        normal = (normals[head, 0], normals[head, 1], normals[head, 2])
        shut, low, high = circle.block_band(sun, normal[0], normal[1], normal[2], begins, stops)
        if low >= high:
            out[3][column[first] : column[last]] = 0
            continue
        counts = load_group(circle_around(points, groups, first, last), normal, patch, found, prisms, table, walls)
        for c in range(first, last):
            start, stop, band = column[c], column[c + 1], (low, high)
            _lit_column(start, stop, patch, counts, shut, points, order, prisms, tree, table, sun, band, work, out)


@inner
def _lit_part(counter, groups, points, normals, prisms, tree, table, sun, out):
    """Lit spells of the receptors of the patches one thread gets hold of."""
    work = _new_work(prisms)
    s = take_next(counter)
    while s < len(groups.patch) - 1:
        _lit_patch(s, groups, points, normals, prisms, tree, table, sun, work, out)
        s = take_next(counter)


@kernel(parallel=True)
def _lit(parts, counter, groups, points, normals, prisms, tree, table, sun, out):
    """Lit spells of all receptors, in the order of the groups."""
    for _ in prange(parts):
        _lit_part(counter, groups, points, normals, prisms, tree, table, sun, out)


@kernel
def _shut(sun):
    """Starts and ends of what is blocked for all."""
    starts, ends = np.empty(8), np.empty(8)
    count = circle.block_band(sun, 0.0, 0.0, 0.0, starts, ends)[0]
    return starts[:count], ends[:count]


def way_table(fan: circle.Fan) -> SunTable:
    """Tabulate the part of a fan's path that counts, to tell what is in reach of any of its suns."""
    sun = circle.turn(fan)
    starts, ends = _shut(sun)
    night = np.array([[0.0, 0.0, -1.0]])
    rows = [night]
    for a, b in zip([-sun.limit, *ends], [*starts, sun.limit], strict=True):
        if a < b:
            low, high = 2.0 * math.atan(a), 2.0 * math.atan(b)
            w = np.linspace(low, high, int((high - low) / STEP) + 2)
            d = sun.d0 + w * (sun.d1 + w * sun.d2)
            way = np.column_stack([np.cos(d) * np.cos(w), np.cos(d) * np.sin(w), np.sin(d)]) @ sun.e
            way[:, 2] = np.maximum(way[:, 2], 1e-7)
            rows += [way, night]
    return sun_table(np.concatenate(rows))


def column_lit(
    groups: Groups,
    points: np.ndarray,
    normals: np.ndarray,
    prisms: Prisms,
    fan: circle.Fan,
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
    n, table, room, sun = len(points), way_table(fan), ROOM, circle.turn(fan)
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
    circle.pack_rows(number, groups.order, room, starts, ends, offsets, out_starts, out_ends)
    return offsets, out_starts, out_ends
