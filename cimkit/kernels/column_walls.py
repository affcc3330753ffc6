"""The walls of extruded buildings that a group of columns may see, and where a column stands to an outline."""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np

from cimkit.kernels._jit import inner, lean
from cimkit.kernels._lanes import count_ones, trailing_zeros
from cimkit.kernels.column_lanes import (
    AX,
    AY,
    BOUND_ROWS,
    BX,
    BY,
    EX,
    EY,
    NEAR_ROWS,
    ROWS,
    TOP,
    WIDE,
    near_edges,
    touch_bits,
    view_edges,
)
from cimkit.kernels.column_prisms import find_prisms, seen_circles
from cimkit.kernels.column_sun import sky_of

U = np.uint64
ALL = np.uint64(0xFFFFFFFFFFFFFFFF)
TOUCH = 5e-3  # a receptor this close to a wall, or inside, is asked whether it looks into the solid [m]
_FIRM = 1e-9  # component of a normal above which a surface is not upright


class Walls(NamedTuple):
    """What a patch and a group may see, in blocks of 16 as ``column_lanes`` reads them.

    Parameters
    ----------
    found
        Prisms that may shade the patch, and working memory to find them, (2, prisms).
    circle, near, source
        Their circles and edges about the patch, float32; start, end and prism of each edge, (edges, 3).
    edge, place, ends
        Edges of the group: walls of solids, then, from a new block on each, all edges of slabs and of solids it may
        touch; places of both ends in the lookup of the sun, int32; start and end vertex and prism, (edges, 3).
    special
        Prism, first edge, last edge, 1 for a slab, (prisms, 4).
    """

    found: np.ndarray
    circle: np.ndarray
    near: np.ndarray
    source: np.ndarray
    edge: np.ndarray
    place: np.ndarray
    ends: np.ndarray
    special: np.ndarray


@inner
def new_walls(prisms, vertices):
    """Allocate for so many."""
    edges = (2 * vertices // WIDE + prisms + 4) * WIDE
    return Walls(
        np.empty((2, prisms + WIDE), np.int64),
        np.empty((prisms + WIDE) * BOUND_ROWS, np.float32),
        np.empty((vertices + WIDE) * NEAR_ROWS, np.float32),
        np.empty((vertices + WIDE, 3), np.int64),
        np.empty(edges * ROWS, np.float32),
        np.empty(edges * 2, np.int32),
        np.empty((edges, 3), np.int64),
        np.empty((prisms + 1, 4), np.int64),
    )


@lean(inline="always")
def spot(v):
    """Place of the first row of an edge in its block."""
    return U((v >> 4) * (ROWS * WIDE) + (v & 15))


@lean(inline="always")
def row(k):
    """How far a row lies behind the first of its block."""
    return U(k * WIDE)


@lean(inline="always")
def keep(n):
    """Mask of the n lowest bits, all from 64 on."""
    return ALL if n >= 64 else (U(1) << U(n)) - U(1)


@lean
def load_patch(circle, low, tree, prisms, sun, walls):
    """Find the prisms that may shade a circle (x, y, r), lowest receptor at ``low``; return how many, and edges."""
    x, y, xy = circle[0], circle[1], prisms.xy
    around, near, source = walls.circle, walls.near, walls.source
    found = find_prisms(circle, low, tree, sun, walls.found)
    n = 0
    for k in range(found):
        b = walls.found[0, k]
        m = (k >> 4) * (BOUND_ROWS * WIDE) + (k & 15)
        around[m], around[m + WIDE] = tree.circle[b, 0] - x, tree.circle[b, 1] - y
        around[m + 2 * WIDE], around[m + 3 * WIDE] = tree.circle[b, 2], prisms.top[b] - low
        for ring in range(prisms.poly[b], prisms.poly[b + 1]):
            u = prisms.ring[ring + 1] - 1
            for v in range(prisms.ring[ring], prisms.ring[ring + 1]):
                if xy[u, 0] != xy[v, 0] or xy[u, 1] != xy[v, 1]:
                    m = (n >> 4) * (NEAR_ROWS * WIDE) + (n & 15)
                    near[m], near[m + WIDE] = xy[u, 0] - x, xy[u, 1] - y
                    near[m + 2 * WIDE], near[m + 3 * WIDE] = xy[v, 0] - x, xy[v, 1] - y
                    near[m + 4 * WIDE], near[m + 5 * WIDE] = prisms.top[b] - low, prisms.base[b] - low
                    source[n, 0], source[n, 1], source[n, 2] = u, v, b
                    n += 1
                u = v
    return found, n


@lean
def _add_edge(u, v, b, centre, prisms, walls, count):
    """Write an edge about the centre of the group."""
    edge, xy, k = walls.edge, prisms.xy, spot(count)
    ax, ay, bx, by = xy[u, 0] - centre[0], xy[u, 1] - centre[1], xy[v, 0] - centre[0], xy[v, 1] - centre[1]
    edge[k + row(AX)], edge[k + row(AY)], edge[k + row(BX)], edge[k + row(BY)] = ax, ay, bx, by
    edge[k + row(EX)], edge[k + row(EY)], edge[k + row(TOP)] = bx - ax, by - ay, prisms.top[b] - centre[3]
    walls.ends[count, 0], walls.ends[count, 1], walls.ends[count, 2] = u, v, b


@lean
def _load_outline(b, centre, prisms, walls, count):
    """Add all edges of a prism."""
    xy = prisms.xy
    for ring in range(prisms.poly[b], prisms.poly[b + 1]):
        u = prisms.ring[ring + 1] - 1
        for v in range(prisms.ring[ring], prisms.ring[ring + 1]):
            if xy[u, 0] != xy[v, 0] or xy[u, 1] != xy[v, 1]:
                _add_edge(u, v, b, centre, prisms, walls, count)
                count += 1
            u = v
    return count


@lean
def _load_walls(centre, viewer, edges, prisms, sun, walls):
    """Add the edges of the patch that are walls a group may see; return how many."""
    near, source = walls.near, walls.source
    count = 0
    for block in range((edges + 15) >> 4):
        bits = U(0)
        for p in range(len(sun.part)):
            bits |= near_edges(near, block, viewer, sky_of(sun, p))
        bits &= keep(edges - 16 * block)
        while bits != U(0):
            k = 16 * block + trailing_zeros(bits)
            bits &= bits - U(1)
            _add_edge(source[k, 0], source[k, 1], source[k, 2], centre, prisms, walls, count)
            count += 1
    return count


@lean
def touches(first, last, edge, x, y, reach):
    """Whether a circle with this centre (x, y) and radius meets an outline or what it encloses."""
    crossed, circle = U(0), (np.float32(x), np.float32(y), np.float32(reach))
    for k in range(first, last, WIDE):
        bits = touch_bits(edge, np.int64(k >> 4), circle)
        mask = keep(min(last - k, WIDE))
        if bits & mask != U(0):
            return True
        crossed += count_ones((bits >> U(WIDE)) & mask)
    return crossed & U(1) == U(1)


@lean
def load_group(centre, normal, patch, near, prisms, tree, sun, walls):
    """Fill the edges of a group from those of its patch; return (walls, specials).

    centre = (x, y, radius, lowest receptor) of the group, patch = (x, y, lowest receptor), near = (prisms, edges).
    """
    length = math.hypot(normal[0], normal[1])  # the plane is compared with a radius, whatever the normal's length
    plane = 1.0 / length if length > 0.0 and abs(normal[2]) < _FIRM else 0.0
    viewer = (
        np.float32(centre[0] - patch[0]),
        np.float32(centre[1] - patch[1]),
        np.float32(centre[2]),
        np.float32(centre[3] - patch[2]),
        np.float32(plane * normal[0]),
        np.float32(plane * normal[1]),
    )
    count = _load_walls(centre, viewer, near[1], prisms, sun, walls)
    edges, specials, special, circle = count, 0, walls.special, tree.circle
    for block in range((near[0] + 15) >> 4):
        bits = seen_circles(walls.circle, block, viewer[:4], sun) & keep(near[0] - 16 * block)
        while bits != U(0):
            b = walls.found[0, 16 * block + trailing_zeros(bits)]
            bits &= bits - U(1)
            slab, reach = prisms.base[b] > centre[3], centre[2] + 2 * TOUCH
            dx, dy, r = circle[b, 0] - centre[0], circle[b, 1] - centre[1], circle[b, 2] + reach
            if slab or dx * dx + dy * dy <= r * r:
                first = (edges + 15) & ~15
                last = _load_outline(b, centre, prisms, walls, first)
                if slab or touches(first, last, walls.edge, 0.0, 0.0, reach):
                    special[specials, 0], special[specials, 1], special[specials, 2] = b, first, last
                    special[specials, 3] = 1 if slab else 0
                    edges, specials = last, specials + 1
    return count, specials


@lean
def frame_of(column, sun, p):
    """What the view of a stretch asks for: column (x, y, lowest receptor), middle, way, turns that matter, scale."""
    s = sun.stretch
    return (column[0], column[1], column[2], s[p, 0], s[p, 1], s[p, 2], s[p, 3], s[p, 4], s[p, 5])


@lean
def view_walls(walls, base, stop, frame):
    """View up to 64 edges from a column; return bits of those that may shade it."""
    bits = U(0)
    for k in range(base, min(base + 64, stop), WIDE):
        bits |= view_edges(walls.edge, walls.place, np.int64(k >> 4), frame) << U(k - base)
    return bits & keep(stop - base)


@lean
def farthest(first, last, edge, px, py):
    """Distance of the farthest corner from the column."""
    far2 = np.float32(0)
    for v in range(first, last):
        k = spot(v)
        x, y = edge[k] - px, edge[k + row(AY)] - py
        far2 = max(far2, x * x + y * y)
    return np.sqrt(far2)
