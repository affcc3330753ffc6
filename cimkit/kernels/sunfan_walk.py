"""Which faces may hide the sun: a walk through the tree for a tile of receptors, then two sieves for each group in it.

The walk finds clumps of up to eight faces, triangles or flat convex quadrilaterals. The first sieve keeps the clumps
whose box may hide the sun from a group and tells in which hours; those that look large come first. The second takes the
faces in them that turn their outer side to the group, eight at a time from as many clumps as it needs. What is kept is
written to rows: coordinates of the four corners in the sun's axes, quadrilaterals from the front, triangles from the
back.
No test takes a root: heights along the pole are compared with distances by their squares.
"""

import math
from collections import namedtuple

import numpy as np

from cimkit.kernels._jit import inner, lean
from cimkit.kernels._lanes import as_number, as_word, trailing_zeros
from cimkit.kernels.bvh import BLOB, LANES, minus, volume
from cimkit.kernels.rays import NEAREST
from cimkit.kernels.sunfan_circle import CELLS, EVERY, cell_of, touched_cells

CAP = 64  # faces of one pass over the receptors of a group
LARGE = 0.4  # a box looks large if its half sides are together more than this share of its distance
ROW = CAP + 8  # numbers in a row; not a power of two, so that rows do not fall on each other in the cache
TINY, SIGN, LOW, HIGH, HOLE, FROM, TO, TOUCH, ROWS = (k * ROW for k in range(12, 21))  # after the 12 coordinates
FAR = 1e9  # [m]
U = np.uint64


class Sight(namedtuple("Sight", "first last facade pole middle half wide least low high")):
    """What receptors in a box see of the sun, in x, y, z: half-planes through the pole, facade, pole, middle, half.

    ``wide``: the band is more than half a turn. ``least``: lowest height of a ray that counts, 0 at most. Of it and of
    the least and greatest sin d the signed squares.
    """


class View(namedtuple("View", "facade middle half low high under over")):
    """The same in the sun's axes for a group: planes (x, y, z, reach of the box along it), middle, half a box.

    ``under``, ``over``: how much nearer to the cone of suns than a corner any place of the group may see it, for each
    side.
    """


@lean(inline="always")
def _signed(x):
    """Return the square of a number with its sign."""
    return x * abs(x)


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
    least, low, high = _signed(min(0.0, sun.least_height)), _signed(sun.sin_low), _signed(sun.sin_high)
    return Sight(first, last, normal, pole, middle, half, wide, least, low, high)


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
    spread = math.sqrt(half[0] * half[0] + half[1] * half[1] + half[2] * half[2])
    under = half[2] + max(-sun.sin_low, 0.0) * spread + 1e-6
    over = half[2] + max(sun.sin_high, 0.0) * spread + 1e-6
    return View(_plane(half, sun.e, sight.facade), middle, half, sight.low, sight.high, under, over)


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
    near = gx * gx + gy * gy + gz * gz
    gx, gy, gz = abs(x) + wx, abs(y) + wy, abs(z) + wz
    far = gx * gx + gy * gy + gz * gz
    most = _support(sight.pole, x, y, z, wx, wy, wz)
    least = 2.0 * (sight.pole[0] * x + sight.pole[1] * y + sight.pole[2] * z) - most
    out |= _signed(most + 1e-6) < sight.low * (far if sight.low < 0.0 else near)
    return (
        out
        | (_signed(least - 1e-6) > sight.high * (near if sight.high < 0.0 else far))
        | (_signed(z + wz) < sight.least * far)
    )


@inner
def _with_room(found, need):
    """Return a list with room, longer if it was full."""
    return found if need <= found.size else np.concatenate((found, np.empty(need, np.int64)))


@lean
def _away(crown, node, middle):
    """Return the squared distance from a point to the middle of a box."""
    x, y, z = crown[node, 0] - middle[0], crown[node, 1] - middle[1], crown[node, 2] - middle[2]
    return x * x + y * y + z * z


@inner
def collect(bvh, sight, stack, found):
    """Walk the tree for a tile, the near first; return the clumps that may hide the sun, and their number."""
    stack[0] = 0
    waiting, count = 1 if bvh.order.size > 0 else 0, U(0)
    crown, boxes, out = bvh.crown, bvh.boxes, np.empty(BLOB)
    rows = (boxes[0], boxes[1], boxes[2], boxes[3], boxes[4], boxes[5])
    while waiting > 0:
        waiting -= 1
        node = U(stack[waiting])
        if _misses(
            sight, crown[node, 0], crown[node, 1], crown[node, 2], crown[node, 3], crown[node, 4], crown[node, 5]
        ):
            continue
        first, number = np.int64(crown[node, 6]), np.int64(crown[node, 7])
        if number == 0:
            swap = 1 if _away(crown, U(first), sight.middle) < _away(crown, U(first + 1), sight.middle) else 0
            stack[waiting], stack[waiting + 1] = first + swap, first + 1 - swap
            waiting += 2
            continue
        found = _with_room(found, np.int64(count) + number)
        for k in range(U(number)):
            v = U(first) + U(k)
            miss = _misses(sight, rows[0][v], rows[1][v], rows[2][v], rows[3][v], rows[4][v], rows[5][v])
            out[U(k)] = 1.0 if miss else 0.0
        for k in range(U(number)):
            found[count] = first + np.int64(k)
            count += U(1) if out[k] == 0.0 else U(0)
    return found, np.int64(count)


@lean
def box_clumps(bvh, found, n, middle, boxes, packs):
    """Write the boxes of clumps around a point in packs of eight (p, 6, 8), middle and half, and those of the packs."""
    packs[:], packs[:, 2] = 0.0, -FAR  # places left over: below the ground
    for p in range(U(n + 7 >> 3)):
        box = boxes[p]
        for v in range(U(8)):
            clump = U(found[min(np.int64(U(8) * p + v), n - 1)])
            for a in range(U(3)):
                box[a, v] = bvh.boxes[a, clump] - middle[a]
                box[U(3) + a, v] = bvh.boxes[U(3) + a, clump]
        for a in range(U(3)):
            low, high = np.inf, -np.inf
            for v in range(U(8)):
                low, high = min(low, box[a, v] - box[U(3) + a, v]), max(high, box[a, v] + box[U(3) + a, v])
            packs[p >> U(3), a, p & U(7)], packs[p >> U(3), U(3) + a, p & U(7)] = 0.5 * (low + high), 0.5 * (high - low)


@lean(inline="always")
def _tangent(x, y):
    """Return tan(w/2) of the hour angle w in which a point of the plane across the pole lies."""
    r = np.sqrt(x * x + y * y)
    return (y if x > 0.0 else r - x) / (x + r if x > 0.0 else y)


@lean(inline="always")
def _cells_between(left, right, low, high, band, scale):
    """Return the cells of a band that a rectangle across the pole may hide, as bits."""
    around = (left <= 0.0) & (low <= 0.0) & (high >= 0.0)
    side = low if low + high > 0.0 else high  # nearest the pole, if the rectangle lies on both sides of x = 0
    one = _tangent(right if low >= 0.0 else left, low if left >= 0.0 else (high if right <= 0.0 else side))
    two = _tangent(right if high <= 0.0 else left, high if left >= 0.0 else (low if right <= 0.0 else side))
    bits = touched_cells(cell_of(one, band[0], scale) - 1e-6, cell_of(two, band[0], scale) + 1e-6)
    return EVERY if around else (U(0) if (two < band[0]) | (one > band[1]) else bits)


@lean
def _mark_cells(s, n, room, e, sight, band):
    """Write as numbers the cells of a band that boxes in rows with so much room may hide; 1 as x if one looks large."""
    a0, a1, a2, b0, b1, b2 = e[0, 0], e[0, 1], e[0, 2], e[1, 0], e[1, 1], e[1, 2]
    (px, py, pz), (hx, hy, hz), scale, row = sight.middle, sight.half, CELLS / (band[1] - band[0]), U(room)
    for v in range(U(n)):
        x, y, z = s[v] - px, s[row + v] - py, s[U(2) * row + v] - pz
        wx, wy, wz = s[U(3) * row + v], s[U(4) * row + v], s[U(5) * row + v]
        large = (wx + wy + wz) * (wx + wy + wz) > LARGE * LARGE * (x * x + y * y + z * z)
        wx, wy, wz = wx + hx, wy + hy, wz + hz
        u, w = a0 * x + a1 * y + a2 * z, b0 * x + b1 * y + b2 * z
        du, dw = abs(a0) * wx + abs(a1) * wy + abs(a2) * wz, abs(b0) * wx + abs(b1) * wy + abs(b2) * wz
        s[U(6) * row + v] = as_number(_cells_between(u - du, u + du, w - dw, w + dw, band, scale))
        s[v] = 1.0 if large else 0.0


@lean(inline="always")
def _seen_eight(boxes, sight):
    """Return which of eight boxes may hide the sun, as bits."""
    kept = U(0)
    for v in range(U(8)):
        miss = _misses(sight, boxes[0, v], boxes[1, v], boxes[2, v], boxes[3, v], boxes[4, v], boxes[5, v])
        kept |= U(0) if miss else U(1) << v
    return kept


@lean
def sift_clumps(boxes, packs, n, sun, sight, band, near, queue):
    """Find which of n clumps may hide the sun from a group, and which cells; return how many look large, and how many.

    ``queue`` (3, n + 1): their rows and cells, the large first, and the rows as they come.
    """
    rows, count, done = queue[2], U(0), U(0)
    for q in range(U(n + 63 >> 6)):
        seen = _seen_eight(packs[q], sight)
        while seen != U(0):
            p = U(8) * q + U(trailing_zeros(seen))
            seen &= seen - U(1)
            few = _seen_eight(boxes[p], sight)
            while few != U(0):
                rows[count] = U(8) * p + U(trailing_zeros(few))
                few &= few - U(1)
                count += U(1) if rows[count] < U(n) else U(0)
    for a in range(U(6)):
        for k in range(count):
            near[a, k] = boxes[rows[k] >> U(3), a, rows[k] & U(7)]
    _mark_cells(near.reshape(near.size), count, near.shape[1], sun.e, sight, band)
    large = U(0)
    for size in (1.0, 0.0):
        for k in range(count):
            queue[0, done], queue[1, done] = rows[k], as_word(near[6, k])
            done += U(1) if near[0, k] == size else U(0)
        large = done if size == 1.0 else large
    return np.int64(large), np.int64(count)


@lean(inline="always")
def _most(n, ax, ay, az, bx, by, bz, cx, cy, cz, dx, dy, dz):
    """Return the greatest n·p of four corners and all places of the group."""
    one = max(n[0] * ax + n[1] * ay + n[2] * az, n[0] * bx + n[1] * by + n[2] * bz)
    two = max(n[0] * cx + n[1] * cy + n[2] * cz, n[0] * dx + n[1] * dy + n[2] * dz)
    return max(one, two) + n[3]


@lean
def outer_faces(planes, x, y, z, half):
    """Return which of eight faces turn their outer side to any place of a box, as bits."""
    kept, (hx, hy, hz) = U(0), half
    for v in range(U(LANES)):
        nx, ny, nz = planes[0, v], planes[1, v], planes[2, v]
        ahead = nx * x + ny * y + nz * z - planes[3, v] + abs(nx) * hx + abs(ny) * hy + abs(nz) * hz
        kept |= U(0) if ahead <= NEAREST else U(1) << v
    return kept


@lean
def sift_faces(s, e, origin, view, band):
    """Turn eight faces in rows of eight to the sun's axes around an origin; return which may hide the sun, as bits.

    Not those that lie behind the facade or outside the band, or on one side of the cone of the day's suns. Over a face,
    the height along the pole
    less sin d times the distance is convex for d < 0 and concave for d > 0: its greatest or least value is at a corner.
    For the other value the nearest point of the face's box stands in. Also writes the square of the least det of hits
    and the ``cells`` of the band that each may hide.
    """
    mx, my, mz = view.middle
    hx, hy, hz = view.half
    ox, oy, oz = origin
    e0, e1, e2, f0, f1, f2, g0, g1, g2 = e[0, 0], e[0, 1], e[0, 2], e[1, 0], e[1, 1], e[1, 2], e[2, 0], e[2, 1], e[2, 2]
    scale, kept = CELLS / (band[1] - band[0]), U(0)
    for row in range(U(4)):
        for v in range(U(LANES)):
            place = U(24) * row + v
            x, y, z = s[place] - ox, s[U(8) + place] - oy, s[U(16) + place] - oz
            s[place] = e0 * x + e1 * y + e2 * z
            s[U(8) + place] = f0 * x + f1 * y + f2 * z
            s[U(16) + place] = g0 * x + g1 * y + g2 * z
    for v in range(U(LANES)):
        ax, ay, az = s[v] - mx, s[U(8) + v] - my, s[U(16) + v] - mz
        bx, by, bz = s[U(24) + v] - mx, s[U(32) + v] - my, s[U(40) + v] - mz
        cx, cy, cz = s[U(48) + v] - mx, s[U(56) + v] - my, s[U(64) + v] - mz
        dx, dy, dz = s[U(72) + v] - mx, s[U(80) + v] - my, s[U(88) + v] - mz
        ux, uy, uz, vx, vy, vz = bx - ax, by - ay, bz - az, cx - ax, cy - ay, cz - az
        nx, ny, nz = uy * vz - uz * vy, uz * vx - ux * vz, ux * vy - uy * vx
        tiny = NEAREST * NEAREST * (nx * nx + ny * ny + nz * nz)
        out = _most(view.facade, ax, ay, az, bx, by, bz, cx, cy, cz, dx, dy, dz) < 0.0
        left, right = min(ax, bx, cx, dx) - hx, max(ax, bx, cx, dx) + hx
        low, high = min(ay, by, cy, dy) - hy, max(ay, by, cy, dy) + hy
        floor, top = min(az, bz, cz, dz) - hz, max(az, bz, cz, dz) + hz
        x, y, z = max(left, -right, 0.0), max(low, -high, 0.0), max(floor, -top, 0.0)
        near = x * x + y * y + z * z
        aa, bb = ax * ax + ay * ay + az * az, bx * bx + by * by + bz * bz
        cc, dd = cx * cx + cy * cy + cz * cz, dx * dx + dy * dy + dz * dz
        under = max(
            _signed(az + view.under) - view.low * aa, _signed(bz + view.under) - view.low * bb,
            _signed(cz + view.under) - view.low * cc, _signed(dz + view.under) - view.low * dd,
        ) < 0.0 if view.low < 0.0 else _signed(top + 1e-6) < view.low * near  # fmt: skip
        over = min(
            _signed(az - view.over) - view.high * aa, _signed(bz - view.over) - view.high * bb,
            _signed(cz - view.over) - view.high * cc, _signed(dz - view.over) - view.high * dd,
        ) > 0.0 if view.high > 0.0 else _signed(floor - 1e-6) > view.high * near  # fmt: skip
        s[U(96) + v] = tiny
        mark = _cells_between(left, right, low, high, band, scale)
        s[U(104) + v] = as_number(mark)
        kept |= U(0) if out | under | over | (mark == U(0)) else U(1) << v
    return kept


class Block(namedtuple("Block", "rows marks")):
    """Faces that may hide the sun from a group, to be tried for each receptor.

    ``rows``: of numbers of each face, see above; the least det is negative where only the outer side hides.
    ``marks``: the cells that each 8 places may hide.
    """


@lean
def add_eight(block, s, kept, quads, sided, cover, fours, threes):
    """Put those kept of eight faces into a block, unless their cells are covered; return its numbers of faces.

    ``quads``, ``sided``: which of them are quadrilaterals, and which hide by their outer side alone.
    """
    while kept != U(0):
        v = U(trailing_zeros(kept))
        kept &= kept - U(1)
        mark = as_word(s[U(104) + v])
        if mark & ~cover == U(0):
            continue
        four = quads >> v & U(1) != U(0)
        fours, threes = (fours + 1, threes) if four else (fours, threes + 1)
        place = U(fours - 1 if four else CAP - threes)
        for k in range(U(13)):
            block.rows[U(ROW) * k + place] = s[U(8) * k + v]
        if sided >> v & U(1) != U(0):
            block.rows[U(TINY) + place] *= -1.0
        block.marks[place >> U(3)] |= mark
    return fours, threes


@lean
def close_block(block, fours, threes):
    """Fill what stands between quadrilaterals and triangles up to whole vectors with what hides nothing."""
    for first, last in ((fours, (fours + 7) & ~7), ((CAP - threes) & ~7, CAP - threes)):
        block.rows[TINY + first : TINY + last] = np.inf


@lean
def any_enclosed(bvh, points, rows, stack):
    """Whether any point lies in a solid or under an open part of one: surfaces of solids above it, up less down."""
    for g in range(rows.size):
        x, y, z = points[rows[g], 0], points[rows[g], 1], points[rows[g], 2]
        stack[0] = 0
        waiting, above = 1, 0
        while waiting > 0:
            waiting -= 1
            node = U(stack[waiting])
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
                above += _side_above(bvh.corners, k, x, y, z) if bvh.outer[k] else 0
        if above > 0:
            return True
    return False


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
    u, v = minus(corners[k, 1], corners[k, 0]), minus(corners[k, 2], corners[k, 0])
    height = volume((corners[k, 0, 0] - x, corners[k, 0, 1] - y, corners[k, 0, 2] - z), u, v)
    return turn if height * (u[0] * v[1] - u[1] * v[0]) > 0.0 else 0
