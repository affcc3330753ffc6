"""The walls of extruded buildings that a group of columns may see, and where a column stands to an outline."""

import math
from collections import namedtuple

import numpy as np

from cimkit.kernels import column_lanes as lanes
from cimkit.kernels._jit import inner, lean
from cimkit.kernels._lanes import count_ones, keep, trailing_zeros
from cimkit.kernels.column_lanes import WIDE
from cimkit.kernels.column_prisms import about, find_prisms, seen_circles
from cimkit.kernels.column_sun import sky_of

U = np.uint64
TOUCH = 5e-3  # a receptor this close to a wall, or inside, is asked whether it looks into the solid [m]
_FIRM = 1e-9  # component of a normal above which a surface is not upright


class Walls(namedtuple("Walls", "found circle near first source edge place origin special")):
    """What a patch and a group may see, about the centre and the lowest receptor of the patch; 16 spare at the end.

    Parameters
    ----------
    found
        Prisms that may shade the patch, and working memory to find them, (2, prisms).
    circle, near
        Their circles (4, prisms) and edges (8, edges), float32.
    first, source
        First edge of each, (prisms + 1); start and end vertex and prism of each edge, (edges, 3).
    edge, place
        Edges of the group: walls of solids, then all edges of slabs and of solids it may touch, float32, (10, edges);
        places of both ends in the lookup of the sun, int32, (2, edges).
    origin
        Which edge of the patch each of them is, (edges).
    special
        Prism, first edge, last edge + 1, 1 for a slab, (prisms, 4).
    """


@inner
def new_walls(prisms):
    """Allocate for so many."""
    solids, edges = len(prisms.top) + WIDE, len(prisms.xy) + WIDE
    found, special = np.empty((2, solids), np.int64), np.empty((solids, 4), np.int64)
    circle, first = np.empty((lanes.HIGH + 1, solids), np.float32), np.empty(solids, np.int64)
    near, source = np.empty((lanes.BASE + 1, edges), np.float32), np.empty((edges, 3), np.int64)
    edge, place = np.empty((lanes.LAST + 1, 2 * edges), np.float32), np.empty((2, 2 * edges), np.int32)
    return Walls(found, circle, near, first, source, edge, place, np.empty(2 * edges, np.int64), special)


@lean
def circle_around(points, groups, first, last):
    """Circle around some columns and their lowest receptor: (x, y, radius, z)."""
    order, column = groups.order, groups.column
    x0, y0, x1, y1, low = np.inf, np.inf, -np.inf, -np.inf, np.inf
    for c in range(first, last):
        i = order[column[c]]
        x0, y0, x1, y1 = min(x0, points[i, 0]), min(y0, points[i, 1]), max(x1, points[i, 0]), max(y1, points[i, 1])
        low = min(low, points[i, 2])
    x, y, r = (x0 + x1) / 2, (y0 + y1) / 2, 0.0
    for c in range(first, last):
        i = order[column[c]]
        r = max(r, np.hypot(points[i, 0] - x, points[i, 1] - y))
    return x, y, r + 1e-3, low


@lean
def load_patch(patch, tree, prisms, sun, walls):
    """Find the prisms that may shade a patch (x, y, r, lowest receptor), and their edges; return how many prisms."""
    x, y, low = patch[0], patch[1], patch[3]
    xy, circle, near, source, n = prisms.xy, walls.circle, walls.near, walls.source, 0
    found = find_prisms(patch, tree, sun, walls.found)
    for k in range(found):
        b = walls.found[0, k]
        circle[lanes.X, k], circle[lanes.Y, k] = tree.circle[b, 0] - x, tree.circle[b, 1] - y
        circle[lanes.RADIUS, k], circle[lanes.HIGH, k] = tree.circle[b, 2], prisms.top[b] - low
        walls.first[k] = n
        for ring in range(prisms.poly[b], prisms.poly[b + 1]):
            u = prisms.ring[ring + 1] - 1
            for v in range(prisms.ring[ring], prisms.ring[ring + 1]):
                if xy[u, 0] != xy[v, 0] or xy[u, 1] != xy[v, 1]:
                    near[lanes.AX, n], near[lanes.AY, n] = xy[u, 0] - x, xy[u, 1] - y
                    near[lanes.BX, n], near[lanes.BY, n] = xy[v, 0] - x, xy[v, 1] - y
                    near[lanes.EX, n], near[lanes.EY, n] = xy[v, 0] - xy[u, 0], xy[v, 1] - xy[u, 1]
                    near[lanes.TOP, n], near[lanes.BASE, n] = prisms.top[b] - low, prisms.base[b] - low
                    source[n, 0], source[n, 1], source[n, 2] = u, v, b
                    n += 1
                u = v
    walls.first[found] = n
    return found


@lean
def _add_edge(walls, k, count):
    """Add an edge of the patch to those of the group."""
    for row in range(lanes.TOP + 1):
        walls.edge[row, count] = walls.near[row, k]
    walls.origin[count] = k


@lean(inline="always")
def _add_walls(edges, viewer, plane, sun, walls):
    """Add the edges of the patch that are walls a group may see; return how many."""
    count = 0
    for start in range(0, edges, WIDE):
        bits = U(0)
        for p in range(len(sun.part)):
            bits |= lanes.near_edges(walls.near, start, viewer, plane, sky_of(sun, p))
        bits &= keep(edges - start)
        while bits != U(0):
            _add_edge(walls, start + trailing_zeros(bits), count)
            bits &= bits - U(1)
            count += 1
    return count


@lean
def touches(first, last, edge, x, y, reach):
    """Whether a circle with this centre (x, y) and radius meets an outline or what it encloses."""
    crossed, circle = U(0), (np.float32(x), np.float32(y), np.float32(reach))
    for start in range(first, last, WIDE):
        bits = lanes.touch_bits(edge, start, circle)
        mask = keep(min(last - start, WIDE))
        if bits & mask != U(0):
            return True
        crossed += count_ones((bits >> U(WIDE)) & mask)
    return crossed & U(1) == U(1)


@lean(inline="always")
def load_group(group, normal, patch, found, prisms, sun, walls):
    """Fill the edges of a group from those of its patch, both (x, y, r, lowest receptor); return (walls, specials)."""
    length = math.hypot(normal[0], normal[1])  # the plane is compared with a radius, whatever the normal's length
    share = 1.0 / length if length > 0.0 and abs(normal[2]) < _FIRM else 0.0
    plane = (np.float32(share * normal[0]), np.float32(share * normal[1]))
    viewer = about(group, (patch[0], patch[1], patch[3]))
    count = _add_walls(walls.first[found], viewer, plane, sun, walls)
    edges, specials, special, circle = count, 0, walls.special, walls.circle
    for start in range(0, found, WIDE):
        bits = seen_circles(circle, start, viewer, sun) & keep(found - start)
        while bits != U(0):
            k = start + trailing_zeros(bits)
            bits &= bits - U(1)
            b, reach = walls.found[0, k], group[2] + 2 * TOUCH
            slab, dx, dy = prisms.base[b] > group[3], circle[lanes.X, k] - viewer[0], circle[lanes.Y, k] - viewer[1]
            if slab or math.hypot(dx, dy) <= circle[lanes.RADIUS, k] + reach:
                first = edges
                for edge in range(walls.first[k], walls.first[k + 1]):
                    _add_edge(walls, edge, edges)
                    edges += 1
                if slab or touches(first, edges, walls.edge, viewer[0], viewer[1], reach):
                    special[specials, 0], special[specials, 1], special[specials, 2] = b, first, edges
                    special[specials, 3] = 1 if slab else 0
                    specials += 1
                else:
                    edges = first
    return count, specials


@lean(inline="always")
def far_of(b, place, circle):
    """Distance of the farthest point of a prism from a column (x, y), or more."""
    return math.hypot(circle[b, 0] - place[0], circle[b, 1] - place[1]) + circle[b, 2]
