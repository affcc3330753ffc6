"""Sunlight minute by minute of receptors among extruded buildings, a column of windows at a time.

With (X, Y) the horizontal travel of a ray for each metre of rise, the ray of minute t from P meets the upright plane of
an edge at the rise u = cross(a, e) / (X·e_y − Y·e_x), where a runs from P to the edge's start and e along the edge. A
prism of top H therefore shades, for every t whose azimuth lies between the edge's ends, what lies below H − u on the
upright line through P: one height a minute serves all windows of a column. For a single receptor no division is left:
it is blocked when cross(a, e) > (H − z)·(X·e_y − Y·e_x), a half-plane test, 64 minutes at once.

Slabs (base above the receptor) need no convexity: the ray has entered through the slab's lower face exactly when it
crosses the outline an odd number of times beyond the rise up to the base.
"""

from __future__ import annotations

from typing import NamedTuple

import numba
import numpy as np
from numba import prange

from cimkit.kernels._jit import kernel
from cimkit.kernels._lanes import at_most_bits, borrow, below_line_bits, count_ones, raise_heights
from cimkit.kernels.column_groups import Groups
from cimkit.kernels.column_prisms import PrismGrid, Prisms, cells_in_reach, in_reach, prism_grid, prisms_in_reach
from cimkit.kernels.column_sun import SunTable, turn_of, turns_below

GRAZING = 1e-6  # a sun this close to the plane of the receptor's surface does not light it
_ALL = np.uint64(0xFFFFFFFFFFFFFFFF)
_TOUCH = 5e-3  # a receptor this close to a wall, or inside, is asked whether it looks into the solid [m]
_START = np.float32(1e-4)  # rise after which it is asked [m]
_NOTHING = np.float32(-1e30)
_FEW = 2  # up to this many receptors the half-plane test is quicker than heights


class _Scratch(NamedTuple):
    """Working memory of one part of the work, one part a thread: nothing is allocated while columns are worked on."""

    near: np.ndarray  # prisms of the patch
    prism: np.ndarray  # prisms of the group
    key: np.ndarray
    edge: np.ndarray  # float32 (8, edges): ax ay bx by ex ey top −
    turn: np.ndarray  # float32 (2, edges): of both ends
    cross: np.ndarray  # float32
    active: np.ndarray  # int32
    chosen: np.ndarray  # int64
    special: np.ndarray  # int64 (prisms, 4): prism, first edge, last edge, kind
    height: np.ndarray  # float32 (t): shaded height of the column
    front: np.ndarray  # uint64 (w): suns in front of the surface
    blocked: np.ndarray  # uint64 (tallest column, w)
    parity: np.ndarray  # uint64 (w)


def _scratch(threads, prisms, vertices, tallest, padded):
    """Working memory of every thread, along a first axis."""
    words = padded // 64
    return _Scratch(
        near=np.empty((threads, prisms), np.int64),
        prism=np.empty((threads, prisms), np.int64),
        key=np.empty((threads, prisms)),
        edge=np.empty((threads, 8, 2 * vertices), np.float32),
        turn=np.empty((threads, 2, 2 * vertices), np.float32),
        cross=np.empty((threads, 2 * vertices), np.float32),
        active=np.empty((threads, 2 * vertices), np.int32),
        chosen=np.empty((threads, 2 * vertices), np.int64),
        special=np.empty((threads, 2 * prisms, 4), np.int64),
        height=np.empty((threads, padded), np.float32),
        front=np.empty((threads, words), np.uint64),
        blocked=np.empty((threads, tallest, words), np.uint64),
        parity=np.empty((threads, words), np.uint64),
    )


@kernel
def _front_bits(normal, sun, front):
    """Mark the suns above the horizon and in front of the surface; return first and last + 1 of them."""
    low, high = len(sun.direction), 0
    front[:] = np.uint64(0)
    for t in range(len(sun.direction)):
        s = sun.direction[t]
        if s[2] > 0 and normal[0] * s[0] + normal[1] * s[1] + normal[2] * s[2] > GRAZING:
            front[t >> 6] |= np.uint64(1) << np.uint64(t & 63)
            low, high = min(low, t), t + 1
    return low, high


@kernel
def _store_edge(edge, k, ax, ay, bx, by, top):
    """Write one edge, float32 about the group's centre."""
    edge[0, k], edge[1, k], edge[2, k], edge[3, k] = ax, ay, bx, by
    edge[4, k], edge[5, k] = np.float32(bx - ax), np.float32(by - ay)
    edge[6, k] = top


@kernel
def _edge_matters(ax, ay, bx, by, radius, normal, top, sun, lowest):
    """Whether a wall can shade any column of the group: it turns its face there, in front of the plane, in reach."""
    ex, ey = bx - ax, by - ay
    long2 = ex * ex + ey * ey
    cross = ax * ey - ay * ex
    if long2 == 0 or (cross > 0 and cross * cross > radius * radius * long2):
        return False
    if abs(normal[2]) < 1e-9 and max(ax * normal[0] + ay * normal[1], bx * normal[0] + by * normal[1]) <= -radius:
        return False
    mx, my = ax + 0.5 * ex, ay + 0.5 * ey
    half = 0.5 * np.sqrt(long2)
    u = min(max(-(ax * ex + ay * ey) / long2, 0.0), 1.0)
    px, py = ax + u * ex, ay + u * ey
    if np.sqrt(px * px + py * py) - radius > top / lowest:
        return False
    return in_reach(mx, my, half + radius, top, sun, lowest, 0)


@kernel
def _load_plain(b, prisms, centre, radius, normal, low, sun, lowest, edge, count):
    """Add the walls of a solid prism that may shade the group."""
    top = prisms.top[b] - low
    for ring in range(prisms.poly[b], prisms.poly[b + 1]):
        first, last = prisms.ring[ring], prisms.ring[ring + 1]
        ax, ay = prisms.xy[last - 1, 0] - centre[0], prisms.xy[last - 1, 1] - centre[1]
        for v in range(first, last):
            bx, by = prisms.xy[v, 0] - centre[0], prisms.xy[v, 1] - centre[1]
            if _edge_matters(ax, ay, bx, by, radius, normal, top, sun, lowest):
                _store_edge(edge, count, ax, ay, bx, by, top)
                count += 1
            ax, ay = bx, by
    return count


@kernel
def _load_whole(b, prisms, centre, low, edge, count):
    """Add all edges of a prism."""
    for ring in range(prisms.poly[b], prisms.poly[b + 1]):
        first, last = prisms.ring[ring], prisms.ring[ring + 1]
        ax, ay = prisms.xy[last - 1, 0] - centre[0], prisms.xy[last - 1, 1] - centre[1]
        for v in range(first, last):
            bx, by = prisms.xy[v, 0] - centre[0], prisms.xy[v, 1] - centre[1]
            if ax != bx or ay != by:
                _store_edge(edge, count, ax, ay, bx, by, prisms.top[b] - low)
                count += 1
            ax, ay = bx, by
    return count


@kernel
def _load_group(g, groups, normal, found, prisms, grid, sun, lowest, work):
    """Fill the edges of a group: walls of solids, then all edges of slabs and of solids it may touch.

    Return the number of walls, of all edges, and of special prisms.
    """
    x, y, radius = groups.circle[g, 0], groups.circle[g, 1], groups.circle[g, 2]
    low = groups.low[g]
    plain = 0
    for k in range(found):
        b = work.prism[k]
        if prisms.base[b] <= low:
            plain = _load_plain(b, prisms, groups.circle[g], radius, normal, low, sun, lowest, work.edge, plain)
    edges, special = plain, 0
    for k in range(found):
        b = work.prism[k]
        slab = prisms.base[b] > low
        touching = np.hypot(grid.circle[b, 0] - x, grid.circle[b, 1] - y) <= grid.circle[b, 2] + radius + 2 * _TOUCH
        if slab or touching:
            last = _load_whole(b, prisms, groups.circle[g], low, work.edge, edges)
            work.special[special, 0], work.special[special, 1], work.special[special, 2] = b, edges, last
            work.special[special, 3] = 1 if slab else 0
            edges, special = last, special + 1
    return plain, edges, special


@kernel
def _end_turns(edge, turn, row, count, px, py, mx, my):
    """Turns of one end of all edges, seen from the column."""
    for k in range(np.uint64(count)):
        x, y = edge[2 * row, np.uint64(k)] - px, edge[2 * row + 1, np.uint64(k)] - py
        turn[row, np.uint64(k)] = turn_of(x, y, mx, my)


@kernel
def _edge_states(edge, turn, cross, active, count, px, py, low, q0, q1):
    """Cross products of all edges, and which may shade: facing the column, within the fan, higher than it."""
    for k in range(np.uint64(count)):
        v = np.uint64(k)
        c = (edge[0, v] - px) * edge[5, v] - (edge[1, v] - py) * edge[4, v]
        cross[v] = c
        qa, qb = turn[0, v], turn[1, v]
        before, after = qa <= q1, qb >= q0
        inside = (before & after) if qa <= qb else (before | after)
        active[v] = np.int32(1) if ((c < 0) & inside & (edge[6, v] > low)) else np.int32(0)


@kernel
def _choose(active, count, chosen):
    """Numbers of the active edges."""
    found = np.uint64(0)
    for k in range(np.uint64(count)):
        chosen[found] = np.int64(k)
        found += np.uint64(active[np.uint64(k)])
    return np.int64(found)


@kernel(inline="always")
def _spans(qa, qb, p, sun, t0, t1):
    """Ranges of times, at most two, whose azimuth lies between two turns; empty ones have last <= first."""
    turn, cell = sun.turn[p], sun.cell[p]
    count = sun.last[p] - sun.first[p]
    a = np.int64(turns_below(qa, turn, cell, sun.single))
    b = np.int64(turns_below(qb, turn, cell, sun.single))
    c, d = np.int64(0), np.int64(0)
    if qa > qb:
        # past the far side: the edge passes behind the viewer; less than half a turn back is rounding
        d = b if qa - qb >= 2 else np.int64(0)
        b = count if qa - qb >= 2 else a
    if not sun.clockwise[p]:
        a, b, c, d = count - b, count - a, count - d, count - c
    first = sun.first[p]
    return max(a + first, t0), min(b + first, t1), max(c + first, t0), min(d + first, t1)


@kernel(inline="always")
def _mask(word, low, high):
    """Bits of a word that lie in the range low..high."""
    bits = _ALL
    if word == low >> 6:
        bits &= _ALL << np.uint64(low & 63)
    if word == (high - 1) >> 6:
        bits &= _ALL >> np.uint64(63 - ((high - 1) & 63))
    return bits


@kernel
def _block(blocked, x, y, low, high, c, hx, hy):
    """Block the minutes of a range that pass the half-plane test."""
    if low >= high:
        return
    for word in range(low >> 6, ((high - 1) >> 6) + 1):
        bits = _mask(word, low, high) & ~blocked[np.uint64(word)]
        if bits:
            blocked[np.uint64(word)] |= bits & below_line_bits(x, y, np.int64(word << 6), c, hx, hy)


@kernel
def _lift(height, x, y, low, high, edge):
    """Raise the shaded heights of a range."""
    for start in range(low & ~15, high, 16):
        raise_heights(height, x, y, np.int64(start), (np.int64(low), np.int64(high)), edge)


@kernel
def _shade_heights(work, tables, found, p, sun, t0, t1):
    """Raise the shaded heights of a column by the chosen walls."""
    edge, turn, cross, chosen, height = tables
    for k in range(found):
        v = np.uint64(chosen[k])
        a, b, c, d = _spans(turn[0, v], turn[1, v], p, sun, t0, t1)
        wall = (cross[v], edge[4, v], edge[5, v], edge[6, v])
        _lift(height, sun.x, sun.y, a, b, wall)
        _lift(height, sun.x, sun.y, c, d, wall)


@kernel
def _shade_one(work, tables, found, z, p, sun, t0, t1, blocked):
    """Block the minutes of one receptor by the chosen walls."""
    edge, turn, cross, chosen, _ = tables
    for k in range(found):
        v = np.uint64(chosen[k])
        h = edge[6, v] - z
        a, b, c, d = _spans(turn[0, v], turn[1, v], p, sun, t0, t1)
        _block(blocked, sun.x, sun.y, a, b, cross[v], h * edge[4, v], h * edge[5, v])
        _block(blocked, sun.x, sun.y, c, d, cross[v], h * edge[4, v], h * edge[5, v])


@kernel
def _toggle(parity, x, y, low, high, c, hx, hy):
    """Flip the minutes of a range that pass the half-plane test."""
    if low >= high:
        return
    for word in range(low >> 6, ((high - 1) >> 6) + 1):
        parity[word] ^= _mask(word, low, high) & below_line_bits(x, y, np.int64(word << 6), c, hx, hy)


@kernel
def _entered_bits(first, last, tables, rise, p, sun, t0, t1, parity):
    """Minutes at which the ray is inside the outline once it has risen this much: it crosses it an odd number of times.

    Front edges count when met beyond the rise (cross < rise·den < 0), back edges too (cross > rise·den > 0).
    """
    edge, turn, cross, _, _ = tables
    parity[:] = np.uint64(0)
    for v in range(first, last):
        c, ex, ey = cross[v], rise * edge[4, v], rise * edge[5, v]
        if c < 0:
            a, b, d, e = _spans(turn[0, v], turn[1, v], p, sun, t0, t1)
            c, ex, ey = -c, -ex, -ey
        elif c > 0:
            a, b, d, e = _spans(turn[1, v], turn[0, v], p, sun, t0, t1)
        else:
            continue
        _toggle(parity, sun.x, sun.y, a, b, c, ex, ey)
        _toggle(parity, sun.x, sun.y, d, e, c, ex, ey)


@kernel
def _slab_walls(first, last, tables, low, high, p, sun, t0, t1, blocked):
    """Block the minutes at which a ray meets a wall of a slab after rising more than ``low`` and less than ``high``."""
    edge, turn, cross, _, _ = tables
    for v in range(first, last):
        c = cross[v]
        if c >= 0:
            continue
        spans = _spans(turn[0, v], turn[1, v], p, sun, t0, t1)
        for part in range(2):
            a, b = spans[2 * part], spans[2 * part + 1]
            if a >= b:
                continue
            for word in range(a >> 6, ((b - 1) >> 6) + 1):
                bits = _mask(word, a, b) & ~blocked[word]
                start = np.int64(word << 6)
                bits &= below_line_bits(sun.x, sun.y, start, c, high * edge[4, v], high * edge[5, v])
                if low > 0 and bits:
                    bits &= below_line_bits(sun.x, sun.y, start, -c, -low * edge[4, v], -low * edge[5, v])
                blocked[word] |= bits


@kernel
def _touches(first, last, edge, px, py):
    """Whether the column stands inside an outline or within 5 mm of it."""
    inside = False
    for v in range(first, last):
        ax, ay, bx, by = edge[0, v] - px, edge[1, v] - py, edge[2, v] - px, edge[3, v] - py
        ex, ey = edge[4, v], edge[5, v]
        c, long2, along = ax * ey - ay * ex, ex * ex + ey * ey, -(ax * ex + ay * ey)
        margin = _TOUCH * (_TOUCH + np.sqrt(long2))
        if c * c <= _TOUCH * _TOUCH * long2 and along >= -margin and along <= long2 + margin:
            return True
        if (ay > 0) != (by > 0) and (c > 0) == (by > ay):
            inside = not inside
    return inside


@kernel
def _farthest(first, last, edge, px, py):
    """Distance of the farthest corner from the column."""
    far2 = np.float32(0)
    for v in range(first, last):
        x, y = edge[0, v] - px, edge[1, v] - py
        far2 = max(far2, x * x + y * y)
    return np.sqrt(far2)


@kernel
def _shade_special(special, column, points, order, low, prisms, tables, px, py, p, sun, reach, t0, t1, blocked, parity):
    """Block the minutes taken by one slab, or by a solid the column touches."""
    b, first, last, slab = special
    edge = tables[0]
    start, stop = column
    if not slab:
        if not _touches(first, last, edge, px, py):
            return
        _entered_bits(first, last, tables, _START, p, sun, t0, t1, parity)
        for k in range(start, stop):
            if points[order[k], 2] < prisms.top[b]:
                for word in range(len(parity)):
                    blocked[k - start, word] |= parity[word]
        return
    far = _farthest(first, last, edge, px, py)
    for k in range(start, stop):
        z = points[order[k], 2]
        rise, top = np.float32(prisms.base[b] - z), np.float32(prisms.top[b] - z)
        if top <= 0 or rise > far * reach:
            continue
        _slab_walls(first, last, tables, max(rise, np.float32(0)), top, p, sun, t0, t1, blocked[k - start])
        if rise > 0 or _touches(first, last, edge, px, py):
            _entered_bits(first, last, tables, max(rise, _START), p, sun, t0, t1, parity)
            for word in range(len(parity)):
                blocked[k - start, word] |= parity[word]


@kernel
def _shade_column(c, g, groups, points, prisms, sun, counts, reach, t0, t1, work):
    """Fill the blocked minutes of every receptor of a column; counts = (walls, edges, special prisms)."""
    start, stop = groups.column[c], groups.column[c + 1]
    plain, edges, special = counts
    low = groups.low[g]
    head = points[groups.order[start]]
    px, py = np.float32(head[0] - groups.circle[g, 0]), np.float32(head[1] - groups.circle[g, 1])
    lowest = np.float32(head[2] - low)
    heights = stop - start > _FEW
    words = len(work.front)
    for k in range(stop - start):
        for word in range(words):
            work.blocked[k, word] = ~work.front[word]
    if heights:
        work.height[:] = _NOTHING
    tables = (work.edge, work.turn, work.cross, work.chosen, work.height)
    for p in range(len(sun.first)):
        mx, my = sun.middle[p, 0], sun.middle[p, 1]
        _end_turns(work.edge, work.turn, 0, edges, px, py, mx, my)
        _end_turns(work.edge, work.turn, 1, edges, px, py, mx, my)
        q0, q1 = sun.fan[p, 0], sun.fan[p, 1]
        _edge_states(work.edge, work.turn, work.cross, work.active, edges, px, py, lowest, q0, q1)
        found = _choose(work.active, plain, work.chosen)
        if heights:
            _shade_heights(work, tables, found, p, sun, t0, t1)
        else:
            for k in range(start, stop):
                z = np.float32(points[groups.order[k], 2] - low)
                _shade_one(work, tables, found, z, p, sun, t0, t1, work.blocked[k - start])
        for k in range(special):
            row = (work.special[k, 0], work.special[k, 1], work.special[k, 2], work.special[k, 3] == 1)
            _shade_special(
                row, (start, stop), points, groups.order, low, prisms, tables, px, py, p, sun, reach, t0, t1,
                work.blocked, work.parity,
            )  # fmt: skip
    if heights:
        for k in range(stop - start):
            z = np.float32(points[groups.order[start + k], 2] - low)
            for word in range(words):
                work.blocked[k, word] |= ~at_most_bits(work.height, np.int64(word << 6), z)


@kernel
def _own(work, thread):
    """Working memory of one thread."""
    return _Scratch(
        work.near[thread], work.prism[thread], work.key[thread], work.edge[thread], work.turn[thread],
        work.cross[thread], work.active[thread], work.chosen[thread], work.special[thread], work.height[thread],
        work.front[thread], work.blocked[thread], work.parity[thread],
    )  # fmt: skip


@kernel
def _patch_masks(s, groups, points, normals, prisms, grid, sun, limits, work, count, mask):
    """Minute masks of the receptors of one patch; limits = (tangent of the lowest sun, of the highest)."""
    lowest, reach = limits
    x, y, r = groups.patch_circle[s]
    near = cells_in_reach(x, y, r, groups.patch_low[s], grid, prisms.top, sun, lowest, 0, work.near)
    for g in range(groups.patch[s], groups.patch[s + 1]):
        first = groups.group[g]
        normal = normals[groups.order[groups.column[first]]]
        t0, t1 = _front_bits(normal, sun, work.front)
        if t0 >= t1:
            for k in range(groups.column[first], groups.column[groups.group[g + 1]]):
                count[groups.order[k]] = 0
                if len(mask):
                    mask[groups.order[k]] = np.uint64(0)
            continue
        x, y, r = groups.circle[g]
        found = prisms_in_reach(
            x, y, r, groups.low[g], work.near, near, grid, prisms.top, sun, lowest, 0, work.prism, work.key
        )
        counts = _load_group(g, groups, normal, found, prisms, grid, sun, lowest, work)
        for c in range(first, groups.group[g + 1]):
            _shade_column(c, g, groups, points, prisms, sun, counts, reach, t0, t1, work)
            for k in range(groups.column[c], groups.column[c + 1]):
                row, lit = groups.order[k], np.uint64(0)
                blocked = work.blocked[k - groups.column[c]]
                for word in range(len(blocked)):
                    lit += count_ones(~blocked[word])
                count[row] = lit
                if len(mask):
                    for word in range(len(blocked)):
                        mask[row, word] = ~blocked[word]


@kernel(parallel=True)
def _masks(groups, points, normals, prisms, grid, sun, limits, work, count, mask):
    """Minute masks of all receptors; patches go round the parts so that each thread gets its share."""
    patches, parts = len(groups.patch) - 1, len(work.near)
    for part in prange(parts):
        own = borrow(_own(work, part))
        g, b, c, d = borrow(groups), borrow(prisms), borrow(grid), borrow(sun)
        for s in range(part, patches, parts):
            _patch_masks(s, g, points, normals, b, c, d, limits, own, count, mask)


def sun_limits(sun: SunTable) -> tuple[float, float]:
    """Return the tangents of the lowest and of the highest sun above the horizon."""
    up = sun.direction[sun.direction[:, 2] > 0]
    if not len(up):
        return np.inf, 0.0
    tangent = up[:, 2] / np.maximum(np.hypot(up[:, 0], up[:, 1]), 1e-9)
    return float(tangent.min()), float(tangent.max())


def column_masks(
    groups: Groups,
    points: np.ndarray,
    normals: np.ndarray,
    prisms: Prisms,
    sun: SunTable,
    *,
    masks: bool = True,
    grid: PrismGrid | None = None,
) -> tuple[np.ndarray, np.ndarray]:
    """Compute which suns of a day light each receptor.

    Parameters
    ----------
    groups
        The receptors gathered by ``group_columns``.
    points, normals
        The same receptors, shapes (n, 3) [m].
    prisms
        What casts shadow.
    sun
        Directions of the day, t of them.
    masks
        Whether the single suns are wanted, or only how many.
    grid
        Grid over the prisms, if already built by ``prism_grid``.

    Returns
    -------
    tuple
        Number of suns seen, int32 (n), and one bit for each sun, uint64 (n, ceil(t / 64)), or (0, ceil(t / 64)).
    """
    grid = prism_grid(prisms) if grid is None else grid
    words = len(sun.x) // 64
    count = np.zeros(len(points), np.int32)
    mask = np.zeros((len(points) if masks else 0, words), np.uint64)
    if len(points):
        tallest = int(np.diff(groups.column).max())
        work = _scratch(numba.get_num_threads(), len(prisms.top) + 1, len(prisms.xy) + 1, tallest, len(sun.x))
        _masks(groups, points, normals, prisms, grid, sun, sun_limits(sun), work, count, mask)
    return count, mask
