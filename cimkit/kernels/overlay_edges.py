"""Polygon primitives of the area sweep: ring area, winding, touch of a box."""

from collections import namedtuple

import numpy as np

from cimkit.kernels._jit import woven

SIMPLE_LIMIT = 64  # larger rings go to the sweep instead of the pairwise test of their edges


_NONE = np.zeros(0, np.intp)


class Shapes(namedtuple("Shapes", "xy ring poly start kind", defaults=(_NONE, _NONE))):
    """Polygons in ragged layout, with or without owners.

    ``xy`` (v, 2) [m]: closed rings. ``ring``: first vertex of each ring, ``poly``: first ring of each polygon.
    Owner i has the polygons ``start[i]`` to ``start[i + 1]``; ``kind`` is their class.
    """


@woven
def ring_area(xy, a, b):
    """Compute twice the signed area of the closed ring of vertices ``a`` to ``b`` [m²]."""
    ox, oy = xy[a, 0], xy[a, 1]  # near the origin, so that zone-prefixed coordinates cost no digits
    twice = 0.0
    px, py = 0.0, 0.0
    for k in range(a + 1, b):
        x, y = xy[k, 0] - ox, xy[k, 1] - oy
        twice += px * y - x * py
        px, py = x, y
    return twice


@woven
def polygon_area(shapes, row):
    """Compute the area of a simple polygon: outer ring less holes, in any orientation [m²]."""
    first = shapes.poly[row]
    total = 0.0
    for r in range(first, shapes.poly[row + 1]):
        area = 0.5 * abs(ring_area(shapes.xy, shapes.ring[r], shapes.ring[r + 1]))
        total += area if r == first else -area
    return total


@woven
def _turns(xy, a, b, x, y):
    """Return how often the closed ring of vertices ``a`` to ``b`` winds round a point."""
    count = 0
    for k in range(a, b - 1):
        ya, yb = xy[k, 1], xy[k + 1, 1]
        if (ya > y) != (yb > y):
            at = (xy[k, 0] - x) + (xy[k + 1, 0] - xy[k, 0]) * ((y - ya) / (yb - ya))
            if at > 0.0:
                count += 1 if yb > ya else -1
    return count


@woven
def holds_point(shapes, row, x, y):
    """Tell whether a point lies in a polygon: its outer ring winds round the point and no hole does."""
    first, last = shapes.poly[row], shapes.poly[row + 1]
    for r in range(first, last):
        if (_turns(shapes.xy, shapes.ring[r], shapes.ring[r + 1], x, y) != 0) != (r == first):
            return False
    return last > first


@woven
def touches_box(shapes, row, x_lo, y_lo, x_hi, y_hi):
    """Tell whether an edge of the polygon touches the box."""
    xy = shapes.xy
    cx, cy, hx, hy = 0.5 * (x_lo + x_hi), 0.5 * (y_lo + y_hi), 0.5 * (x_hi - x_lo), 0.5 * (y_hi - y_lo)
    for r in range(shapes.poly[row], shapes.poly[row + 1]):
        for k in range(shapes.ring[r], shapes.ring[r + 1] - 1):
            xa, ya, xb, yb = xy[k, 0], xy[k, 1], xy[k + 1, 0], xy[k + 1, 1]
            if min(xa, xb) > x_hi or max(xa, xb) < x_lo or min(ya, yb) > y_hi or max(ya, yb) < y_lo:
                continue
            dx, dy = xb - xa, yb - ya
            if abs(dx * (cy - ya) - dy * (cx - xa)) <= abs(dx) * hy + abs(dy) * hx:
                return True
    return False


@woven
def bounds_of(shapes, row):
    """Return (min x, min y, max x, max y) of a polygon [m]; an empty one gives an inverted box."""
    xy = shapes.xy
    x_lo, y_lo, x_hi, y_hi = 1e300, 1e300, -1e300, -1e300
    for k in range(shapes.ring[shapes.poly[row]], shapes.ring[shapes.poly[row + 1]]):
        x, y = xy[k, 0], xy[k, 1]
        x_lo, y_lo, x_hi, y_hi = min(x_lo, x), min(y_lo, y), max(x_hi, x), max(y_hi, y)
    return x_lo, y_lo, x_hi, y_hi


@woven
def is_convex(shapes, row):
    """Tell whether a polygon is one ring that turns one way only, once round."""
    xy, r = shapes.xy, shapes.poly[row]
    a, b = shapes.ring[r], shapes.ring[shapes.poly[row + 1]]
    if shapes.poly[row + 1] - r != 1 or b - a < 4:
        return False
    left, right, flips = 0, 0, 0
    px, py = xy[b - 1, 0] - xy[b - 2, 0], xy[b - 1, 1] - xy[b - 2, 1]
    for k in range(a, b - 1):
        qx, qy = xy[k + 1, 0] - xy[k, 0], xy[k + 1, 1] - xy[k, 1]
        cross = px * qy - py * qx
        if cross > 0.0:
            left += 1
        elif cross < 0.0:
            right += 1
        elif px * qx + py * qy <= 0.0:
            return False  # a spike or a repeated point: the sweep decides
        flips += (py > 0.0) != (qy > 0.0)
        px, py = qx, qy
    return left * right == 0 and left + right > 0 and flips <= 2


@woven
def _sides(xy, i, j):
    """Tell whether the edges from vertices i and j have a point in common."""
    xa, ya, xb, yb = xy[i, 0], xy[i, 1], xy[i + 1, 0], xy[i + 1, 1]
    xc, yc, xd, yd = xy[j, 0], xy[j, 1], xy[j + 1, 0], xy[j + 1, 1]
    if min(xa, xb) > max(xc, xd) or max(xa, xb) < min(xc, xd):
        return False
    if min(ya, yb) > max(yc, yd) or max(ya, yb) < min(yc, yd):
        return False
    c = (xb - xa) * (yc - ya) - (yb - ya) * (xc - xa)
    d = (xb - xa) * (yd - ya) - (yb - ya) * (xd - xa)
    if (c > 0.0 and d > 0.0) or (c < 0.0 and d < 0.0):
        return False
    a = (xd - xc) * (ya - yc) - (yd - yc) * (xa - xc)
    b = (xd - xc) * (yb - yc) - (yd - yc) * (xb - xc)
    return not ((a > 0.0 and b > 0.0) or (a < 0.0 and b < 0.0))


@woven
def is_simple(shapes, row):
    """Tell whether shoelaces give the area: no edges touch but neighbours, the one hole lies inside.

    A negative answer only means that the sweep decides; so doubtful and large rings give False.
    """
    xy, ring = shapes.xy, shapes.ring
    r0, r1 = shapes.poly[row], shapes.poly[row + 1]
    if r1 == r0:
        return True
    a, b = ring[r0], ring[r1]
    if is_convex(shapes, row):
        return True
    if r1 - r0 > 2 or b - a > SIMPLE_LIMIT:
        return False
    for r in range(r0, r1):
        if ring[r + 1] - ring[r] < 4:
            return False
        for i in range(ring[r], ring[r + 1] - 1):
            for t in range(r, r1):
                last = ring[t + 1] - 2
                for j in range(i + 2 if t == r else ring[t], last + 1):
                    if not (t == r and i == ring[r] and j == last) and _sides(xy, i, j):
                        return False
    hole = ring[r0 + 1]
    return r1 - r0 == 1 or _turns(xy, a, hole, xy[hole, 0], xy[hole, 1]) != 0
