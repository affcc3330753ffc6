"""Which faces may hide the sun: a walk through the tree for a tile of receptors, then two sieves for each group in it.

The walk finds clumps, the lowest nodes with several triangles. The first sieve keeps the clumps whose box may hide the
sun from a group, the second the faces in them, a block at a time. A face is a triangle or a flat convex quadrilateral,
written as twice the row of its (first) triangle, plus one if the next triangle belongs to it. The second sieve works on
rows of faces: coordinates of the four corners in the sun's axes.
"""

from __future__ import annotations

import math
from typing import Any, NamedTuple

import numpy as np

from cimkit.kernels._jit import inner, lean
from cimkit.kernels.rays import NEAREST
from cimkit.kernels.sunfan_circle import CELLS, EVERY, cell_of

CAP = 64  # faces of one vector pass
CLUMP = 16  # triangles in a clump at most, unless a leaf has more
ROW = CAP + 8  # numbers in a row; not a power of two, so that rows do not fall on each other in the cache
TINY, SIGN, LOW, HIGH, HOLE, FROM, TO, ROWS = (k * ROW for k in range(12, 20))  # rows after the 12 coordinates
U = np.uint64


class View(NamedTuple):
    """What a group can see of the sun, in the sun's axes: half-planes through the pole, facade, middle, half a box.

    Each plane (x, y, z) comes with how much a box reaches along it.
    """

    first: Any
    last: Any
    facade: Any
    up: Any
    wide: bool
    middle: Any
    half: Any


class Sight(NamedTuple):
    """What receptors in a box see of the sun, in x, y, z: half-planes through the pole, facade, pole, middle, half.

    ``wide``: the band is more than half a turn. ``least``: lowest height of a ray that counts, 0 at most.
    """

    first: Any
    last: Any
    facade: Any
    pole: Any
    middle: Any
    half: Any
    wide: bool
    least: float
    sin_low: float
    sin_high: float


@lean
def sight_of(sun, open_from, open_to, normal, middle, half):
    """Return what receptors in a box, with a normal or 0, see of the sun between two tan(w/2)."""
    e = sun.e
    wide = 2.0 * (math.atan(open_to) - math.atan(open_from)) > math.pi
    one, two = 1.0 + open_from * open_from, 1.0 + open_to * open_to
    x, y = -2.0 * open_from / one, (1.0 - open_from * open_from) / one
    first = (x * e[0, 0] + y * e[1, 0], x * e[0, 1] + y * e[1, 1], x * e[0, 2] + y * e[1, 2])
    x, y = 2.0 * open_to / two, (open_to * open_to - 1.0) / two
    last = (x * e[0, 0] + y * e[1, 0], x * e[0, 1] + y * e[1, 1], x * e[0, 2] + y * e[1, 2])
    pole = (e[2, 0], e[2, 1], e[2, 2])
    least = min(0.0, sun.least_height)
    return Sight(first, last, normal, pole, middle, half, wide, least, sun.sin_low, sun.sin_high)


@lean
def _plane(half, e, n):
    """Return the plane with a normal in x, y, z in the sun's axes, and how far a box with these half sides reaches."""
    x = e[0, 0] * n[0] + e[0, 1] * n[1] + e[0, 2] * n[2]
    y = e[1, 0] * n[0] + e[1, 1] * n[1] + e[1, 2] * n[2]
    z = e[2, 0] * n[0] + e[2, 1] * n[1] + e[2, 2] * n[2]
    return x, y, z, abs(x) * half[0] + abs(y) * half[1] + abs(z) * half[2]


@lean
def view_of(sun, sight, middle, half):
    """Return the same as a sight in the sun's axes, where the group's box is this."""
    e = sun.e
    planes = (_plane(half, e, sight.first), _plane(half, e, sight.last), _plane(half, e, sight.facade))
    return View(planes[0], planes[1], planes[2], _plane(half, e, (0.0, 0.0, 1.0)), sight.wide, middle, half)


@lean(inline="always")
def _support(n, qx, qy, qz, hx, hy, hz):
    """Return the greatest n·p over a box given by middle and half."""
    return n[0] * qx + n[1] * qy + n[2] * qz + abs(n[0]) * hx + abs(n[1]) * hy + abs(n[2]) * hz


@lean(inline="always")
def _misses(sight, x, y, z, wx, wy, wz):
    """Whether nothing in a box (middle, half) can stand between any receptor and its suns; without branches."""
    x, y, z = x - sight.middle[0], y - sight.middle[1], z - sight.middle[2]
    wx, wy, wz = wx + sight.half[0], wy + sight.half[1], wz + sight.half[2]
    before = _support(sight.first, x, y, z, wx, wy, wz) < 0.0
    after = _support(sight.last, x, y, z, wx, wy, wz) < 0.0
    behind = _support(sight.facade, x, y, z, wx, wy, wz) < 0.0
    out = behind | (before & after) | ((before | after) & (not sight.wide))
    gx, gy, gz = max(abs(x) - wx, 0.0), max(abs(y) - wy, 0.0), max(abs(z) - wz, 0.0)
    near = np.sqrt(gx * gx + gy * gy + gz * gz)
    gx, gy, gz = abs(x) + wx, abs(y) + wy, abs(z) + wz
    far = np.sqrt(gx * gx + gy * gy + gz * gz)
    most = _support(sight.pole, x, y, z, wx, wy, wz)
    least = 2.0 * (sight.pole[0] * x + sight.pole[1] * y + sight.pole[2] * z) - most
    low = sight.sin_low * (far if sight.sin_low < 0.0 else near)
    high = sight.sin_high * (near if sight.sin_high < 0.0 else far)
    return out | (z + wz < sight.least * far) | (most < low - 1e-6) | (least > high + 1e-6)


@inner
def _kept(found, count, node):
    """Append to a list and return it, longer if it was full."""
    if count == found.size:
        wider = np.empty(2 * count, np.int64)
        for q in range(count):
            wider[q] = found[q]
        found = wider
    found[count] = node
    return found


@lean
def _away(bvh, node, middle):
    """Return the squared distance from a point to the middle of a box."""
    away = 0.0
    for a in range(3):
        away += (0.5 * (bvh.lo[node, a] + bvh.hi[node, a]) - middle[a]) ** 2
    return away


@inner
def collect(bvh, sight, stack, found):
    """Walk the tree for a tile, the near first; return the clumps that may hide the sun, and their number."""
    stack[0] = 0
    waiting, count = 1, 0
    while waiting > 0:
        waiting -= 1
        node = stack[waiting]
        lo, hi = bvh.lo[node], bvh.hi[node]
        if _misses(
            sight, 0.5 * (lo[0] + hi[0]), 0.5 * (lo[1] + hi[1]), 0.5 * (lo[2] + hi[2]),
            0.5 * (hi[0] - lo[0]), 0.5 * (hi[1] - lo[1]), 0.5 * (hi[2] - lo[2]),
        ):  # fmt: skip
            continue
        child = bvh.left[node]
        if child < 0 or bvh.count[node] <= CLUMP:
            found = _kept(found, count, node)
            count += 1
            continue
        swap = 1 if _away(bvh, child, sight.middle) < _away(bvh, child + 1, sight.middle) else 0
        stack[waiting], stack[waiting + 1] = child + swap, child + 1 - swap
        waiting += 2
    return found, count


@lean
def box_clumps(bvh, found, n, middle, boxes):
    """Write the boxes (6, n) of clumps, middle and half, around a point."""
    for k in range(n):
        for a in range(3):
            lo, hi = bvh.lo[found[k], a], bvh.hi[found[k], a]
            boxes[a, k], boxes[3 + a, k] = 0.5 * (lo + hi) - middle[a], 0.5 * (hi - lo)


@lean(inline="always")
def _tangent(x, y):
    """Return tan(w/2) of the hour angle w in which a point of the plane across the pole lies."""
    r = np.sqrt(x * x + y * y)
    return (y if x > 0.0 else r - x) / (x + r if x > 0.0 else y)


@lean
def _cells_of(x, y, wx, wy, low, scale):
    """Return the cells of a band that a rectangle across the pole may hide, as bits."""
    if x - wx <= 0.0 and abs(y) <= wy:
        return EVERY
    one, two, three = _tangent(x - wx, y - wy), _tangent(x - wx, y + wy), _tangent(x + wx, y - wy)
    four = _tangent(x + wx, y + wy)
    first = np.int64(cell_of(min(one, two, three, four), low, scale) - 1e-6)
    last = min(np.int64(cell_of(max(one, two, three, four), low, scale) + 1e-6), CELLS - 1)
    return (EVERY >> U(CELLS - 1 - max(last - first, 0))) << U(first)


@lean
def sift_clumps(boxes, n, sun, sight, band, seen, cells):
    """Write which of n clumps may hide the sun from a group, and which cells of its band; return their number."""
    e, out = sun.e, boxes[6]
    for k in range(U(n)):
        v = U(k)
        miss = _misses(sight, boxes[0][v], boxes[1][v], boxes[2][v], boxes[3][v], boxes[4][v], boxes[5][v])
        out[v] = 1.0 if miss else 0.0
    count, scale = U(0), CELLS / (band[1] - band[0])
    for k in range(U(n)):
        seen[count] = np.int64(k)
        count += U(1) if out[U(k)] == 0.0 else U(0)
    for k in range(count):
        v = U(seen[k])
        x, y, z = boxes[0][v] - sight.middle[0], boxes[1][v] - sight.middle[1], boxes[2][v] - sight.middle[2]
        wx, wy, wz = boxes[3][v] + sight.half[0], boxes[4][v] + sight.half[1], boxes[5][v] + sight.half[2]
        cells[k] = _cells_of(
            e[0, 0] * x + e[0, 1] * y + e[0, 2] * z,
            e[1, 0] * x + e[1, 1] * y + e[1, 2] * z,
            abs(e[0, 0]) * wx + abs(e[0, 1]) * wy + abs(e[0, 2]) * wz,
            abs(e[1, 0]) * wx + abs(e[1, 1]) * wy + abs(e[1, 2]) * wz,
            band[0],
            scale,
        )
    return np.int64(count)


@lean
def next_block(bvh, found, work, count, place, cover):
    """Write the next faces of a group's clumps and the cells they may hide, but for clumps within cells covered.

    Return the number of faces and the place.

    place = (clump, triangle in it), where to go on.
    """
    seen, cells, faces, marks = work.seen, work.cells, work.faces, work.marks
    n, (clump, at) = 0, place
    while clump < count and n < CAP:
        node = found[seen[clump]]
        first = bvh.first[node]
        if at == 0 and cells[clump] & ~cover == U(0):
            clump += 1
            continue
        while at < bvh.count[node] and n < CAP:
            k = first + at
            if bvh.fold[k] != 2:
                whole = bvh.fold[k] == 1
                faces[n], marks[n] = 2 * k + (1 if whole else 0), cells[clump]
                n += 1
            at += 1
        if at == bvh.count[node]:
            clump, at = clump + 1, 0
    return n, (clump, at)


@lean
def load(corners, e, middle, faces, n, s):
    """Write the corners of n faces into rows, in the sun's axes around a middle."""
    e0, e1, e2 = e[0, 0], e[0, 1], e[0, 2]
    f0, f1, f2 = e[1, 0], e[1, 1], e[1, 2]
    g0, g1, g2 = e[2, 0], e[2, 1], e[2, 2]
    for v in range(U(n)):
        k, more = faces[v] >> 1, faces[v] & 1
        for c in range(U(4)):
            corner = corners[U(k), c] if c < 3 else corners[U(k + more), U(2)]
            x, y, z = corner[0] - middle[0], corner[1] - middle[1], corner[2] - middle[2]
            place = U(3 * ROW) * c + v
            s[place] = e0 * x + e1 * y + e2 * z
            s[U(ROW) + place] = f0 * x + f1 * y + f2 * z
            s[U(2 * ROW) + place] = g0 * x + g1 * y + g2 * z


@lean
def pad(s, n):
    """Fill n loaded faces up to whole vectors, with copies of the first that hide nothing; return their number."""
    padded = (n + 7) & ~7
    for v in range(n, padded):
        for k in range(12):
            s[k * ROW + v] = s[k * ROW]
        s[TINY + v] = np.inf
    return padded


@lean(inline="always")
def _most(n, ax, ay, az, bx, by, bz, cx, cy, cz, dx, dy, dz):
    """Return the greatest n·p of four corners and all places of the group."""
    one = max(n[0] * ax + n[1] * ay + n[2] * az, n[0] * bx + n[1] * by + n[2] * bz)
    two = max(n[0] * cx + n[1] * cy + n[2] * cz, n[0] * dx + n[1] * dy + n[2] * dz)
    return max(one, two) + n[3]


@lean
def _rule_out(s, n, view, sun, solid):
    """Write the least det of hits, and set the row LOW to 1 for faces that can hide no sun from a group.

    They turn their inner side to all of it, which counts if ``solid``; lie behind the facade, outside the band or, if
    that counts, below the horizon; or on one side of the cone of the day's suns. Over a face, the height along the pole
    less sin d times the distance is convex for d < 0 and concave for d > 0: its greatest or least value is at a corner.
    For the other value the nearest point of the face's box stands in.
    """
    mx, my, mz = view.middle
    hx, hy, hz = view.half
    narrow, horizon = not view.wide, sun.least_height >= 0.0
    spread, low, high = math.sqrt(hx * hx + hy * hy + hz * hz), sun.sin_low, sun.sin_high
    for k in range(U(n)):
        v = U(k)
        ax, ay, az = s[v] - mx, s[U(ROW) + v] - my, s[U(2 * ROW) + v] - mz
        bx, by, bz = s[U(3 * ROW) + v] - mx, s[U(4 * ROW) + v] - my, s[U(5 * ROW) + v] - mz
        cx, cy, cz = s[U(6 * ROW) + v] - mx, s[U(7 * ROW) + v] - my, s[U(8 * ROW) + v] - mz
        dx, dy, dz = s[U(9 * ROW) + v] - mx, s[U(10 * ROW) + v] - my, s[U(11 * ROW) + v] - mz
        ux, uy, uz, vx, vy, vz = bx - ax, by - ay, bz - az, cx - ax, cy - ay, cz - az
        nx, ny, nz = uy * vz - uz * vy, uz * vx - ux * vz, ux * vy - uy * vx
        tiny = NEAREST * np.sqrt(nx * nx + ny * ny + nz * nz)
        inner = ax * nx + ay * ny + az * nz + abs(nx) * hx + abs(ny) * hy + abs(nz) * hz <= tiny
        before = _most(view.first, ax, ay, az, bx, by, bz, cx, cy, cz, dx, dy, dz) < 0.0
        after = _most(view.last, ax, ay, az, bx, by, bz, cx, cy, cz, dx, dy, dz) < 0.0
        behind = _most(view.facade, ax, ay, az, bx, by, bz, cx, cy, cz, dx, dy, dz) < 0.0
        below = _most(view.up, ax, ay, az, bx, by, bz, cx, cy, cz, dx, dy, dz) < 0.0
        out = (inner & solid) | behind | (below & horizon) | (before & after) | ((before | after) & narrow)
        ra, rb = np.sqrt(ax * ax + ay * ay + az * az), np.sqrt(bx * bx + by * by + bz * bz)
        rc, rd = np.sqrt(cx * cx + cy * cy + cz * cz), np.sqrt(dx * dx + dy * dy + dz * dz)
        x = max(max(min(ax, bx, cx, dx), -max(ax, bx, cx, dx)) - hx, 0.0)
        y = max(max(min(ay, by, cy, dy), -max(ay, by, cy, dy)) - hy, 0.0)
        z = max(max(min(az, bz, cz, dz), -max(az, bz, cz, dz)) - hz, 0.0)
        near = np.sqrt(x * x + y * y + z * z)
        top, floor = max(az, bz, cz, dz) + hz + 1e-6, min(az, bz, cz, dz) - hz - 1e-6
        most = max(az - low * ra, bz - low * rb, cz - low * rc, dz - low * rd) + hz - low * spread + 1e-6
        least = min(az - high * ra, bz - high * rb, cz - high * rc, dz - high * rd) - hz - high * spread - 1e-6
        under = (most < 0.0) if low < 0.0 else (top < low * near)
        over = (least > 0.0) if high > 0.0 else (floor > high * near)
        s[U(TINY) + v] = tiny
        s[U(LOW) + v] = 1.0 if out | under | over else 0.0


@lean
def sieve(s, n, view, sun, solid, faces, marks, chosen):
    """Keep those of n loaded faces that may hide the sun from a group, quadrilaterals first; return both numbers.

    ``marks``: then of each vector of 8 faces.
    """
    _rule_out(s, pad(s, n), view, sun, solid)
    count, fours = U(0), U(0)
    for whole in range(2):
        fours = count
        for v in range(U(n)):
            chosen[count] = np.int64(v)
            count += U(1) if (s[U(LOW) + v] == 0.0) & (faces[v] & 1 != whole) else U(0)
    for v in range(count):
        faces[U(CAP) + v], marks[U(CAP) + v] = faces[U(chosen[v])], marks[U(chosen[v])]
    for v in range(CAP >> 3):
        marks[v] = U(0)
    for v in range(count):
        faces[v] = faces[U(CAP) + v]
        marks[v >> U(3)] |= marks[U(CAP) + v]
    for k in range(13):
        row = s[k * ROW : (k + 1) * ROW]
        for v in range(count):
            s[U(LOW) + v] = row[U(chosen[v])]
        for v in range(count):
            row[v] = s[U(LOW) + v]
    pad(s, np.int64(count))
    return np.int64(count), np.int64(fours)


@lean
def is_enclosed(bvh, x, y, z, stack):
    """Whether a point of a closed mesh lies in a solid or under an open roof: surfaces above it, up less down."""
    stack[0] = 0
    waiting, above = 1, 0
    while waiting > 0:
        waiting -= 1
        node = stack[waiting]
        if x < bvh.lo[node, 0] or x > bvh.hi[node, 0] or y < bvh.lo[node, 1] or y > bvh.hi[node, 1]:
            continue
        if z > bvh.hi[node, 2]:
            continue
        child = bvh.left[node]
        if child >= 0:
            stack[waiting], stack[waiting + 1] = child, child + 1
            waiting += 2
            continue
        for k in range(bvh.first[node], bvh.first[node] + bvh.count[node]):
            above += _side_above(bvh.corners, k, x, y, z)
    return above > 0


@lean
def _side_above(corners, k, x, y, z):
    """Return 1 if triangle k passes above a point with its outer side up, -1 with its outer side down, else 0."""
    turn = 0
    for a in range(3):
        b = a + 1 if a < 2 else 0
        xa, ya, xb, yb = corners[k, a, 0], corners[k, a, 1], corners[k, b, 0], corners[k, b, 1]
        if (ya > y) == (yb > y):
            continue
        if yb > ya:  # from the lower end, so that both triangles of an edge agree
            right = (xb - xa) * (y - ya) > (x - xa) * (yb - ya)
            turn += 1 if right else 0
        else:
            right = (xa - xb) * (y - yb) > (x - xb) * (ya - yb)
            turn -= 1 if right else 0
    if turn == 0:
        return 0
    ux, uy, uz = (
        corners[k, 1, 0] - corners[k, 0, 0],
        corners[k, 1, 1] - corners[k, 0, 1],
        corners[k, 1, 2] - corners[k, 0, 2],
    )
    vx, vy, vz = (
        corners[k, 2, 0] - corners[k, 0, 0],
        corners[k, 2, 1] - corners[k, 0, 1],
        corners[k, 2, 2] - corners[k, 0, 2],
    )
    nx, ny, nz = uy * vz - uz * vy, uz * vx - ux * vz, ux * vy - uy * vx
    height = nx * (corners[k, 0, 0] - x) + ny * (corners[k, 0, 1] - y) + nz * (corners[k, 0, 2] - z)
    return turn if height * nz > 0.0 else 0
