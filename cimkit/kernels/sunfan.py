"""The day's fan of sun rays against triangles: lit hour angles of each receptor in closed form.

The sun's direction at hour angle w is s(w) = cos d (e0 cos w + e1 sin w) + sin d e2 with the pole e2, the meridian
e0, west e1 and the declination d. A triangle with corners u0, u1, u2 seen from a receptor hides the sun while
(u1 × u2)·s, (u2 × u0)·s and (u0 × u1)·s have the sign of u0·(u1 × u2). Each of them is A + B cos w + C sin w, and with
t = tan(w/2) a quadratic (A - B) t² + 2 C t + (A + B): no angle is computed before the ends of the intervals are
known. Horizon and facade are the same test. A flat convex quadrilateral has four such conditions; both are *faces*.
A tile of receptors walks the tree once; a group with one normal in it sifts what the tile found, the near faces first,
and passes by what lies wholly in hours that are dark already.

Rules. Nothing nearer than ``rays.NEAREST`` to the plane of a triangle is hidden by it: a receptor in the plane of its
own wall sees it edge-on. What lies behind the plane of the receptor's facade cannot hide anything. Lit gaps shorter
than ``GAP`` are rounding. Triangles that bound solids are tested only where they turn their outer side to the receptor,
unless it is found to lie inside a solid or under an open roof.
"""

from collections import namedtuple
from typing import Any

import numba
import numpy as np

from cimkit.kernels import sunfan_circle as circle
from cimkit.kernels import sunfan_walk as walk
from cimkit.kernels._jit import inner, kernel, lean
from cimkit.kernels._lanes import as_number, as_word, leading_zeros, trailing_zeros
from cimkit.kernels.bvh import DEPTH, Bvh
from cimkit.kernels.intervals import insert
from cimkit.kernels.sunfan_circle import CELLS, EVERY, Fan, make_fan
from cimkit.kernels.sunfan_walk import CAP, FROM, HIGH, HOLE, LOW, ROW, ROWS, SIGN, TINY, TO, TOUCH

__all__ = ["Fan", "lit_intervals", "make_fan"]

GROUP = 32  # receptors that share their faces, at most
REACH = 7.0  # widest box of a group [m]
TILE = 32.0  # widest box of receptors that walk the tree together [m]
SPLIT = 4  # of a side of it, into parts for groups
ROOM = 8  # lit intervals kept in the first pass; the few receptors with more are computed again
CHUNK = 1024  # receptors walked by one task
SCATTER = 1_000_003  # a prime above the number of tasks
U = np.uint64


@lean(inline="always")
def _within(ax, ay, az, bx, by, bz, sign, fit, low, high):
    """Return the span of the sun on the inner side of an edge, whether it has a gap, and the gap."""
    nx, ny, nz = (ay * bz - az * by) * sign, (az * bx - ax * bz) * sign, (ax * by - ay * bx) * sign
    return circle.within(nx, ny, nz, fit, low, high)


@lean
def _hide_eight(block, base, four, place, fit, band):
    """Find the span that each of eight faces hides; HOLE is 1 where a gap (FROM, TO) parts it, 2 where more do.

    Return the cells of the band that they fill, as far as spans are whole and exact, and those they touch. All in one
    loop, so that nothing is written between the edges and it becomes vector code.
    """
    s, (px, py, pz), (low, high) = block.rows, place, band
    scale, filled, some, fixed = CELLS / (high - low), U(0), U(0), fit[3] == 0.0
    for k in range(U(8)):
        v = U(base) + k
        ax, ay, az = s[v] - px, s[U(ROW) + v] - py, s[U(2 * ROW) + v] - pz
        bx, by, bz = s[U(3 * ROW) + v] - px, s[U(4 * ROW) + v] - py, s[U(5 * ROW) + v] - pz
        cx, cy, cz = s[U(6 * ROW) + v] - px, s[U(7 * ROW) + v] - py, s[U(8 * ROW) + v] - pz
        dx, dy, dz = s[U(9 * ROW) + v] - px, s[U(10 * ROW) + v] - py, s[U(11 * ROW) + v] - pz
        det = ax * (by * cz - bz * cy) + ay * (bz * cx - bx * cz) + az * (bx * cy - by * cx)
        det, tiny = det * abs(det), s[U(TINY) + v]
        sign = 1.0 if det > abs(tiny) else (-1.0 if (det < -tiny) & (tiny > 0.0) else 0.0)  # the axes are left-handed
        start, stop, cut, gone, back = _within(ax, ay, az, bx, by, bz, sign, fit, low, high)
        gaps = 1.0 if cut else 0.0
        lo, hi, cut, fall, rise = _within(bx, by, bz, cx, cy, cz, sign, fit, low, high)
        start, stop, gaps = max(start, lo), min(stop, hi), gaps + (1.0 if cut else 0.0)
        gone, back = fall if cut else gone, rise if cut else back
        lo, hi, cut, fall, rise = _within(dx, dy, dz, ax, ay, az, sign, fit, low, high)
        start, stop, gaps = max(start, lo), min(stop, hi), gaps + (1.0 if cut else 0.0)
        gone, back = fall if cut else gone, rise if cut else back
        if four:
            lo, hi, cut, fall, rise = _within(cx, cy, cz, dx, dy, dz, sign, fit, low, high)
            start, stop, gaps = max(start, lo), min(stop, hi), gaps + (1.0 if cut else 0.0)
            gone, back = fall if cut else gone, rise if cut else back
        start, stop = max(start, low) if sign != 0.0 else np.inf, min(stop, high)
        start = max(start, back) if (gaps > 0.0) & (gone <= start) else start
        stop = min(stop, gone) if (gaps > 0.0) & (back >= stop) else stop
        parted = 1.0 if (gaps > 0.0) & (start < gone) & (back < stop) else 0.0
        hole = 2.0 if gaps > 1.0 else parted
        s[U(LOW) + v], s[U(HIGH) + v], s[U(FROM) + v], s[U(TO) + v] = start, stop, gone, back
        s[U(SIGN) + v], s[U(HOLE) + v] = sign, hole
        one, two = circle.cell_of(start, low, scale), circle.cell_of(stop, low, scale)
        full, part = circle.full_cells(one, two), circle.touched_cells(one, two)
        part = part if start < stop else U(0)
        filled |= full if (start < stop) & (hole == 0.0) & fixed else U(0)
        some |= part
        s[U(TOUCH) + v] = as_number(part)
    return filled, some


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
            number, rise, fall = circle.half_space(sun, nx, ny, nz, 0.0)
            count = circle.narrow(pieces, count, number, rise, fall)
    return count


@lean
def _widens(low, high, place, most):
    """Widen a box to hold a place, if no side becomes longer than this; tell whether it does."""
    for a in range(3):
        if max(high[a], place[a]) - min(low[a], place[a]) > most:
            return False
    for a in range(3):
        low[a], high[a] = min(low[a], place[a]), max(high[a], place[a])
    return True


@lean
def _next_tile(points, order, first, stop, low, high):
    """Return where the tile that begins at a place ends, and fill its box."""
    low[:], high[:] = np.inf, -np.inf
    while first < stop and _widens(low, high, points[order[first]], TILE):
        first += 1
    return first


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
    low[:], high[:] = np.inf, -np.inf
    one, last = normals[rows[first]], first
    while last < min(rows.size, first + GROUP):
        two = normals[rows[last]]
        turned = one[0] != two[0] or one[1] != two[1] or one[2] != two[2]
        if turned or not _widens(low, high, places[last], REACH):
            break
        last += 1
    return last


@lean
def _middle_of(low, high):
    """Return the middle of a box and half its sides."""
    middle = (0.5 * (low[0] + high[0]), 0.5 * (low[1] + high[1]), 0.5 * (low[2] + high[2]))
    return middle, (0.5 * (high[0] - low[0]), 0.5 * (high[1] - low[1]), 0.5 * (high[2] - low[2]))


@lean
def _box_of(points, rows, begin, end, middle, low, high):
    """Fill the box of a group around the middle of its tile, in x, y, z."""
    low[:], high[:] = np.inf, -np.inf
    for g in range(begin, end):
        for a in range(3):
            x = points[rows[g], a] - middle[a]
            low[a], high[a] = min(low[a], x), max(high[a], x)


class Receptors(namedtuple("Receptors", "points normals order")):
    """Points (n, 3) with normals (n, 3), zero for none; ``order`` (k): those to walk."""


@lean(inline="always")
def _add_span(a, b, touch, own, reach, starts, ends):
    """Add a dark span of a receptor that touches some cells; own = (intervals, cells covered, cells with ends).

    ``reach``: how far each cell is dark from its start on and, behind that, from where on to its end. Most spans only
    move those; what lies within a cell is sorted in.
    """
    count, cover, ragged = own
    first, last = U(trailing_zeros(touch)), U(63 - leading_zeros(touch))
    if first < last:
        reach[last], reach[first + U(64)] = max(reach[last], b), min(reach[first + U(64)], a)
    elif a <= reach[first]:
        reach[first] = max(reach[first], b)
    elif b >= reach[first + U(64)]:
        reach[first + U(64)] = min(reach[first + U(64)], a)
    else:
        count = insert(starts, ends, count, a, b)
    cover |= U(1) << last if reach[last] >= reach[last + U(64)] else U(0)
    cover |= U(1) << first if reach[first] >= reach[first + U(64)] else U(0)
    return count, cover, ragged | U(1) << first | U(1) << last


@lean
def _add_parted(sun, s, v, place, band, own, pieces, reach, starts, ends):
    """Add what a face hides from a receptor with gaps or drift; own as in ``_add_span``."""
    number, scale = 2, CELLS / (band[1] - band[0])
    if sun.slack == 0.0 and s[HOLE + v] == 1.0:
        pieces[0, 0], pieces[0, 1], pieces[1, 0], pieces[1, 1] = s[LOW + v], s[FROM + v], s[TO + v], s[HIGH + v]
    else:
        number = _pieces(sun, s, v, place[0], place[1], place[2], band[0], band[1], pieces)
    for p in range(number):
        a, b = pieces[p, 0], pieces[p, 1]
        one, two = circle.cell_of(a, band[0], scale), circle.cell_of(b, band[0], scale)
        count, cover, ragged = _add_span(a, b, circle.touched_cells(one, two), own, reach, starts, ends)
        own = (count, cover | circle.full_cells(one, two), ragged)
    return own


@lean
def _light_one(sun, block, fours, place, band, own, pieces, reach, starts, ends):
    """Add what a block of faces hides from a receptor; own as in ``_add_span``.

    Spans overlap a lot. So first all cells are marked that spans fill, and only those not within such cells are added.
    """
    count, cover, ragged = own
    fit = (sun.fit_a - sun.fit_b, sun.fit_a + sun.fit_b, sun.fit_c, sun.slack)
    hiding, s, fixed = U(0), block.rows, sun.slack == 0.0
    for base in range(0, CAP, 8):  # what stands between quadrilaterals and triangles has no marks
        if block.marks[base >> 3] & ~cover != U(0):
            filled, some = _hide_eight(block, base, base < fours, place, fit, band)
            cover |= filled
            hiding |= U(1) << U(base >> 3) if some != U(0) else U(0)
    while hiding != U(0):
        base, part = U(8 * trailing_zeros(hiding)), U(0)
        hiding &= hiding - U(1)
        for k in range(U(8)):
            part |= U(1) << k if as_word(s[U(TOUCH) + base + k]) & ~cover != U(0) else U(0)
        while part != U(0):
            v = base + U(trailing_zeros(part))
            part &= part - U(1)
            touch = as_word(s[U(TOUCH) + v])
            if touch & ~cover == U(0):
                continue
            if fixed and s[U(HOLE) + v] == 0.0:
                a, b = s[U(LOW) + v], s[U(HIGH) + v]
                count, cover, ragged = _add_span(a, b, touch, (count, cover, ragged), reach, starts, ends)
            else:
                own = (count, cover, ragged)
                count, cover, ragged = _add_parted(sun, s, np.int64(v), place, band, own, pieces, reach, starts, ends)
    return count, cover, ragged


class Tile(namedtuple("Tile", "rows places middle found total")):
    """Receptors of a tile: rows (n), places (n, 3) in the sun's axes around its middle, and the clumps about it."""


class Group(namedtuple("Group", "first last solid band sight turned large number")):
    """Receptors first to last of a tile, and what may hide the sun from them in their band.

    ``solid``: only by outer sides. ``large``, ``number``: clumps of the queue that look large, and all.
    """


class Work(namedtuple("Work", "boxes packs near queue eight block pieces listed covers reach")):
    """Working memory of a part of the work (a thread): of a tile's clumps, of a block of faces, of a group."""


@inner
def _new_work(packs):
    """Allocate for eight times so many clumps of a tile."""
    clumps = 8 * packs
    block = walk.Block(np.zeros(ROWS), np.zeros(CAP >> 3, U))
    return Work(
        np.empty((packs, 6, 8)), np.empty((packs // 8 + 1, 6, 8)), np.empty((7, clumps)),
        np.empty((3, clumps + 1), U), np.zeros(14 * 8),
        block, np.empty((16, 2)), np.empty(GROUP, np.int64), np.empty((GROUP, 2), U),
        np.zeros((GROUP + 1, 128)),
    )  # fmt: skip


@inner
def _with_room(lists, work, group):
    """Return the lists (starts or ends, interval) of a group with room for what a block may add to the longest."""
    size, need = lists.shape[2], work.listed[: group.last - group.first].max() + 5 * CAP + CELLS
    if need <= size:
        return lists
    wider = np.empty((2, GROUP, 2 * need))
    for end in range(2):  # one assignment of arrays would compile the texts of its errors
        for i in range(GROUP):
            for k in range(size):
                wider[end, i, k] = lists[end, i, k]
    return wider


@lean
def _fill_block(bvh, sun, tile, group, k, cover, work):
    """Fill a block with faces from clump k of the queue on; return the next k, its quadrilaterals and triangles.

    Faces that cannot hide the sun in cells left of the cover stay out. The last of the large clumps ends a block.
    """
    fours, threes, waiting, quads, sided, s = 0, 0, 0, U(0), U(0), work.eight
    (x, y, z), (ox, oy, oz) = group.sight.middle, tile.middle
    stop = group.large if k < group.large else group.number
    while k < stop and fours + threes <= CAP - 30:
        k += 1
        if work.queue[1, k - 1] & ~cover == U(0):
            continue
        clump = tile.found[work.queue[0, k - 1]]
        kept = (U(1) << U(bvh.sizes[clump, 1])) - U(1)
        if group.solid:
            kept &= walk.outer_faces(bvh.planes[clump], x + ox, y + oy, z + oz, group.sight.half)
        while kept != U(0):
            v = trailing_zeros(kept)
            kept &= kept - U(1)
            for c in range(U(12)):
                s[U(8) * c + U(waiting)] = bvh.faces[U(clump), U(v), c]
            quads |= U(v < bvh.sizes[clump, 0]) << U(waiting)
            sided |= U(group.solid and bvh.planes[U(clump), U(3), U(v)] > -np.inf) << U(waiting)
            waiting += 1
            if waiting == 8:
                few = walk.sift_faces(s, sun.e, tile.middle, group.turned, group.band)
                fours, threes = walk.add_eight(work.block, s, few, quads, sided, cover, fours, threes)
                waiting, quads, sided = 0, U(0), U(0)
    if waiting > 0:
        few = walk.sift_faces(s, sun.e, tile.middle, group.turned, group.band) & ((U(1) << U(waiting)) - U(1))
        fours, threes = walk.add_eight(work.block, s, few, quads, sided, cover, fours, threes)
    walk.close_block(work.block, fours, threes)
    return k, fours, threes


@lean
def _light_block(sun, tile, group, fours, lists, work):
    """Add what a block of faces hides from each receptor of a group; return the cells all have dark."""
    cover, block, pieces, band = EVERY, work.block, work.pieces, group.band
    for g in range(group.last - group.first):
        own, (starts, ends) = (work.listed[g], work.covers[g, 0], work.covers[g, 1]), (lists[0, g], lists[1, g])
        x, y, z = tile.places[group.first + g, 0], tile.places[group.first + g, 1], tile.places[group.first + g, 2]
        own = _light_one(sun, block, fours, (x, y, z), band, own, pieces, work.reach[g], starts, ends)
        work.listed[g], work.covers[g, 0], work.covers[g, 1] = own
        cover &= own[1]
    block.marks[:] = U(0)
    return cover


@lean
def _clear_group(group, work):
    """Make all cells of a group lit; the row behind those of its receptors keeps what that means."""
    (low, high), clear = group.band, work.reach[GROUP]
    step = (high - low) / CELLS
    for c in range(U(CELLS)):
        clear[c], clear[U(64) + c] = low + c * step, low + (c + U(1)) * step
    clear[64 + CELLS - 1] = high
    for g in range(group.last - group.first):
        for c in range(U(128)):
            work.reach[g, c] = clear[c]


@lean
def _list_group(group, lists, work):
    """Add to the lists of a group what its cells hold."""
    clear = work.reach[GROUP]
    for g in range(group.last - group.first):
        count, cover, reach, starts, ends = work.listed[g], work.covers[g, 0], work.reach[g], lists[0, g], lists[1, g]
        ragged = work.covers[g, 1] & ~cover
        while ragged != U(0):
            c = trailing_zeros(ragged)
            ragged &= ragged - U(1)
            if reach[c] > clear[c]:
                count = insert(starts, ends, count, clear[c], reach[c])
            if reach[64 + c] < clear[64 + c]:
                count = insert(starts, ends, count, reach[64 + c], clear[64 + c])
        work.listed[g] = circle.list_cover(cover, group.band, starts, ends, count)


@inner
def _light_group(bvh, sun, tile, group, lists, work):
    """Add what the clumps near a group hide from each of its receptors to their lists, those that look large first."""
    k, cover = 0, U(0)
    _clear_group(group, work)
    while k < group.number and cover != EVERY:
        k, fours, threes = _fill_block(bvh, sun, tile, group, k, cover, work)
        if fours + threes > 0:
            lists = _with_room(lists, work, group)
            cover = _light_block(sun, tile, group, fours, lists, work)
    _list_group(group, lists, work)
    return lists


@lean
def _write_group(fan, sun, rows, lists, listed, counts, out_starts, out_ends):
    """Write the lit intervals of a group's receptors."""
    for g in range(rows.size):
        i, (starts, ends) = rows[g], (lists[0, g], lists[1, g])
        counts[i] = circle.write_lit(sun, fan.start, fan.stop, starts, ends, listed[g], out_starts[i], out_ends[i])


@inner
def _walk(bvh, fan, sun, receptors, first, stop, counts, out_starts, out_ends):
    """Write the lit intervals of the receptors at places first to stop, at most a row of each, and their number."""
    stack, found, work = np.empty(DEPTH, np.int64), np.empty(CAP, np.int64), _new_work(CAP >> 3)
    lists = np.empty((2, GROUP, 8 * CAP))
    low, high, all_places = np.empty(3), np.empty(3), np.empty((CHUNK, 3))
    points, normals = receptors.points, receptors.normals
    while first < stop:
        last = _next_tile(points, receptors.order, first, stop, low, high)
        middle, half = _middle_of(low, high)
        rows, places = receptors.order[first:last], all_places[: last - first]
        _turn_places(points, receptors.order, first, last, sun.e, middle, places)
        sight = walk.sight_of(sun, -sun.limit, sun.limit, (0.0, 0.0, 0.0), middle, half)
        found, total = walk.collect(bvh, sight, stack, found)
        tile = Tile(rows, places, middle, found, total)
        if total > 8 * work.boxes.shape[0]:
            work = _new_work(total // 4)
        walk.box_clumps(bvh, found, total, middle, work.boxes, work.packs)
        begin = 0
        while begin < rows.size:
            end = _next_group(places, normals, rows, begin, low, high)
            own = rows[begin:end]
            normal = (normals[own[0], 0], normals[own[0], 1], normals[own[0], 2])
            starts, ends = lists[0, 0], lists[1, 0]
            shut, open_from, open_to = circle.block_band(sun, normal[0], normal[1], normal[2], starts, ends)
            for g in range(end - begin):
                work.listed[g], work.covers[g, 0], work.covers[g, 1] = shut, U(0), U(0)
                lists[0, g, :shut], lists[1, g, :shut] = starts[:shut], ends[:shut]
            if open_from < open_to:
                solid, band = bvh.sided and not walk.any_enclosed(bvh, points, own, stack), (open_from, open_to)
                around, half = _middle_of(low, high)
                _box_of(points, rows, begin, end, middle, low, high)
                sight = walk.sight_of(sun, open_from, open_to, normal, *_middle_of(low, high))
                view = walk.view_of(sun, sight, around, half)
                large, count = walk.sift_clumps(work.boxes, work.packs, total, sun, sight, band, work.near, work.queue)
                group = Group(begin, end, solid, band, sight, view, large, count)
                lists = _light_group(bvh, sun, tile, group, lists, work)
            _write_group(fan, sun, own, lists, work.listed, counts, out_starts, out_ends)
            begin = end
        first = last


@kernel(parallel=True)
def _lit(bvh, fan, sun, receptors, counts, starts, ends):
    """Write the lit intervals of receptors, at most a row of each, and their number."""
    n = receptors.order.size
    chunks = (n + CHUNK - 1) // CHUNK
    for c in numba.prange(chunks):
        first = c * SCATTER % chunks * CHUNK  # threads get a mix of the dear and the cheap
        _walk(bvh, fan, sun, receptors, first, min(n, first + CHUNK), counts, starts, ends)


@kernel
def _near_keys(points, normals, low, place, keys):
    """Fill keys (n) that sort receptors by tile, normal and cell, with their row in the lowest ``place`` bits."""
    for i in range(points.shape[0]):
        turned = int(normals[i, 0] * 57337.0) + int(normals[i, 1] * 253921.0) + int(normals[i, 2] * 1040257.0)
        tile, cell = 0, turned & 0x1FF
        for a in range(3):
            part = int((points[i, a] - low[a]) * (SPLIT / TILE))
            tile, cell = tile << 9 | (part // SPLIT & 0x1FF), cell * SPLIT + part % SPLIT
        keys[i] = (tile << 18 | cell) << place | i


def _near_order(points: Any, normals: Any) -> Any:
    """Return the rows of receptors sorted by tile, normal and cell, so that neighbours follow each other."""
    keys, place = np.empty(len(points), np.int64), (len(points) - 1).bit_length()
    _near_keys(points, normals, np.array([x.min(initial=np.inf) for x in points.T]), place, keys)
    keys.sort()
    return keys & ((1 << place) - 1)


def _rows(bvh: Bvh, points: Any, normals: Any, fan: Fan, room: int) -> tuple[Any, Any, Any]:
    """Return the number of lit intervals of each receptor and, in rows, the first ``room`` of them."""
    n = len(points)
    counts, starts, ends = np.zeros(n, np.int64), np.empty((n, room)), np.empty((n, room))
    receptors = Receptors(points, normals, _near_order(points, normals))
    _lit(bvh, fan, circle.turn(fan), receptors, counts, starts, ends)
    return counts, starts, ends


def lit_intervals(bvh: Bvh, points: Any, normals: Any, fan: Fan) -> tuple[Any, Any, Any]:
    """Return lit hour angles [rad] of n receptors, ragged: (offsets (n + 1), starts, ends) [1].

    ``points`` (n, 3) [m], ``normals`` (n, 3), 0 for none.
    """
    counts, starts, ends = _rows(bvh, points, normals, fan, ROOM)
    offsets = np.concatenate([np.zeros(1, np.int64), np.cumsum(counts)])
    kept, many = np.arange(ROOM) < counts[:, None], np.flatnonzero(counts > ROOM)
    if len(many) == 0:
        return offsets, starts[kept], ends[kept]
    out_starts, out_ends, few = np.empty(offsets[-1]), np.empty(offsets[-1]), np.repeat(counts <= ROOM, counts)
    kept[many] = False
    out_starts[few], out_ends[few] = starts[kept], ends[kept]
    room = int(counts.max())
    counts, starts, ends = _rows(bvh, points[many], normals[many], fan, room)
    kept = np.arange(room) < counts[:, None]
    out_starts[~few], out_ends[~few] = starts[kept], ends[kept]
    return offsets, out_starts, out_ends
