"""Which faces may hide the sun: one walk through the tree for a tile of receptors, one sieve for each group in it.

A face is a triangle or a flat convex quadrilateral, written as twice the row of its (first) triangle, plus one if the
next triangle belongs to it. The sieve works on rows of faces: coordinates of the four corners in the sun's axes.
"""

from __future__ import annotations

import math
from typing import Any, NamedTuple

import numpy as np

from cimkit.kernels._jit import inner, lean
from cimkit.kernels.rays import NEAREST

CAP = 1024  # faces of one vector pass
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


@lean
def _plane(half, x, y, z):
    """Return a plane and how far a box with these half sides reaches along it."""
    return x, y, z, abs(x) * half[0] + abs(y) * half[1] + abs(z) * half[2]


@lean
def view_of(sun, open_from, open_to, nx, ny, nz, middle, half):
    """Return what a group in a box, with normal n in x, y, z, sees of the sun between two tan(w/2)."""
    e = sun.e
    wide = 2.0 * (math.atan(open_to) - math.atan(open_from)) > math.pi
    one, two = 1.0 + open_from * open_from, 1.0 + open_to * open_to
    first = _plane(half, -2.0 * open_from / one, (1.0 - open_from * open_from) / one, 0.0)
    last = _plane(half, 2.0 * open_to / two, (open_to * open_to - 1.0) / two, 0.0)
    facade = _plane(
        half,
        e[0, 0] * nx + e[0, 1] * ny + e[0, 2] * nz,
        e[1, 0] * nx + e[1, 1] * ny + e[1, 2] * nz,
        e[2, 0] * nx + e[2, 1] * ny + e[2, 2] * nz,
    )
    return View(first, last, facade, _plane(half, e[0, 2], e[1, 2], e[2, 2]), wide, middle, half)


@lean
def _support(n, q, half):
    """Return the greatest n·p over a box given by middle and half."""
    return n[0] * q[0] + n[1] * q[1] + n[2] * q[2] + abs(n[0]) * half[0] + abs(n[1]) * half[1] + abs(n[2]) * half[2]


@lean
def _misses(sun, q, half):
    """Whether no vector of a box (middle, half) can point to the sun of the band."""
    e = sun.e
    t = sun.limit
    s, c = 2.0 * t / (1.0 + t * t), (1.0 - t * t) / (1.0 + t * t)
    first = (c * e[1, 0] + s * e[0, 0], c * e[1, 1] + s * e[0, 1], c * e[1, 2] + s * e[0, 2])
    last = (s * e[0, 0] - c * e[1, 0], s * e[0, 1] - c * e[1, 1], s * e[0, 2] - c * e[1, 2])
    before, after = _support(first, q, half) < 0.0, _support(last, q, half) < 0.0
    if (before and after) or ((before or after) and sun.half <= 0.5 * math.pi):
        return True
    ax, ay, az = abs(q[0]), abs(q[1]), abs(q[2])
    gx, gy, gz = max(ax - half[0], 0.0), max(ay - half[1], 0.0), max(az - half[2], 0.0)
    near = math.sqrt(gx * gx + gy * gy + gz * gz)
    gx, gy, gz = ax + half[0], ay + half[1], az + half[2]
    far = math.sqrt(gx * gx + gy * gy + gz * gz)
    if q[2] + half[2] < min(0.0, sun.least_height) * far:
        return True
    along = e[2, 0] * q[0] + e[2, 1] * q[1] + e[2, 2] * q[2]
    reach = abs(e[2, 0]) * half[0] + abs(e[2, 1]) * half[1] + abs(e[2, 2]) * half[2]
    low, high = sun.sin_low * (far if sun.sin_low < 0.0 else near), sun.sin_high * (near if sun.sin_high < 0.0 else far)
    return along + reach < low - 1e-6 or along - reach > high + 1e-6


@inner
def _kept(found, count, face):
    """Append to a list and return it, longer if it was full."""
    if count == found.size:
        wider = np.empty(2 * count, np.int64)
        for q in range(count):
            wider[q] = found[q]
        found = wider
    found[count] = face
    return found


@inner
def collect(bvh, sun, owners, low, high, stack, found):
    """Walk the tree for a tile (its box in x, y, z); return the faces that may hide the sun, and their number."""
    stack[0] = 0
    waiting, count = 1, 0
    while waiting > 0:
        waiting -= 1
        node = stack[waiting]
        lo, hi = bvh.lo[node], bvh.hi[node]
        q = (
            0.5 * (lo[0] + hi[0] - low[0] - high[0]),
            0.5 * (lo[1] + hi[1] - low[1] - high[1]),
            0.5 * (lo[2] + hi[2] - low[2] - high[2]),
        )
        half = (
            0.5 * (hi[0] - lo[0] + high[0] - low[0]),
            0.5 * (hi[1] - lo[1] + high[1] - low[1]),
            0.5 * (hi[2] - lo[2] + high[2] - low[2]),
        )
        if _misses(sun, q, half):
            continue
        child = bvh.left[node]
        if child >= 0:
            stack[waiting], stack[waiting + 1] = child + 1, child
            waiting += 2
            continue
        for k in range(bvh.first[node], bvh.first[node] + bvh.count[node]):
            first, second = k - 1 if bvh.fold[k] == 2 else k, k + 1 if bvh.fold[k] == 1 else k
            whole = first < second and owners[bvh.order[first]] == owners[bvh.order[second]]
            if whole and second == k:
                continue
            found = _kept(found, count, 2 * k + (1 if whole else 0))
            count += 1
    return found, count


@lean
def load(corners, e, middle, found, first, n, s):
    """Write n found faces into rows, in the sun's axes around a middle, and the least det of hits; return n, padded.

    Padding to whole vectors are copies of the first face with an infinite least det.
    """
    padded = (n + 7) & ~7
    for v in range(padded):
        face = found[first + v if v < n else first]
        k, more = face >> 1, face & 1
        for c in range(4):
            row, place = (k, c) if c < 3 else (k + more, 2)
            x = corners[row, place, 0] - middle[0]
            y = corners[row, place, 1] - middle[1]
            z = corners[row, place, 2] - middle[2]
            for a in range(3):
                s[(3 * c + a) * ROW + v] = e[a, 0] * x + e[a, 1] * y + e[a, 2] * z
    for k in range(U(padded)):
        v = U(k)
        x, y, z = s[v], s[U(ROW) + v], s[U(2 * ROW) + v]
        ux, uy, uz = s[U(3 * ROW) + v] - x, s[U(4 * ROW) + v] - y, s[U(5 * ROW) + v] - z
        vx, vy, vz = s[U(6 * ROW) + v] - x, s[U(7 * ROW) + v] - y, s[U(8 * ROW) + v] - z
        nx, ny, nz = uy * vz - uz * vy, uz * vx - ux * vz, ux * vy - uy * vx
        s[U(TINY) + v] = NEAREST * np.sqrt(nx * nx + ny * ny + nz * nz)
    for v in range(n, padded):
        s[TINY + v] = np.inf
    return padded


@lean
def _turned_away(s, n, view, solid):
    """Set the row LOW to 1 for faces that turn their inner side to all of the group, which counts if ``solid``."""
    mx, my, mz = view.middle
    hx, hy, hz = view.half
    for k in range(U(n)):
        v = U(k)
        ax, ay, az = s[v], s[U(ROW) + v], s[U(2 * ROW) + v]
        ux, uy, uz = s[U(3 * ROW) + v] - ax, s[U(4 * ROW) + v] - ay, s[U(5 * ROW) + v] - az
        vx, vy, vz = s[U(6 * ROW) + v] - ax, s[U(7 * ROW) + v] - ay, s[U(8 * ROW) + v] - az
        nx, ny, nz = uy * vz - uz * vy, uz * vx - ux * vz, ux * vy - uy * vx
        det = (ax - mx) * nx + (ay - my) * ny + (az - mz) * nz + abs(nx) * hx + abs(ny) * hy + abs(nz) * hz
        s[U(LOW) + v] = 1.0 if (det <= s[U(TINY) + v]) & solid else 0.0


@lean(inline="always")
def _most(n, ax, ay, az, bx, by, bz, cx, cy, cz, dx, dy, dz):
    """Return the greatest n·p of four corners and all places of the group."""
    one = max(n[0] * ax + n[1] * ay + n[2] * az, n[0] * bx + n[1] * by + n[2] * bz)
    two = max(n[0] * cx + n[1] * cy + n[2] * cz, n[0] * dx + n[1] * dy + n[2] * dz)
    return max(one, two) + n[3]


@lean
def _out_of_sight(s, n, view, horizon):
    """Set the row LOW to 1 for faces behind the facade, outside the band or, if that counts, below the horizon."""
    mx, my, mz = view.middle
    narrow = not view.wide
    for k in range(U(n)):
        v = U(k)
        ax, ay, az = s[v] - mx, s[U(ROW) + v] - my, s[U(2 * ROW) + v] - mz
        bx, by, bz = s[U(3 * ROW) + v] - mx, s[U(4 * ROW) + v] - my, s[U(5 * ROW) + v] - mz
        cx, cy, cz = s[U(6 * ROW) + v] - mx, s[U(7 * ROW) + v] - my, s[U(8 * ROW) + v] - mz
        dx, dy, dz = s[U(9 * ROW) + v] - mx, s[U(10 * ROW) + v] - my, s[U(11 * ROW) + v] - mz
        before = _most(view.first, ax, ay, az, bx, by, bz, cx, cy, cz, dx, dy, dz) < 0.0
        after = _most(view.last, ax, ay, az, bx, by, bz, cx, cy, cz, dx, dy, dz) < 0.0
        behind = _most(view.facade, ax, ay, az, bx, by, bz, cx, cy, cz, dx, dy, dz) < 0.0
        below = _most(view.up, ax, ay, az, bx, by, bz, cx, cy, cz, dx, dy, dz) < 0.0
        out = behind | (below & horizon) | (before & after) | ((before | after) & narrow)
        s[U(LOW) + v] = 1.0 if out else s[U(LOW) + v]


@lean
def _off_cone(s, n, view, sun):
    """Set the row LOW to 1 for faces that lie on one side of the cone of the day's suns.

    Over a face, the height along the pole less sin d times the distance is convex for d < 0 and concave for d > 0: its
    greatest or least value is at a corner. For the other value the nearest point of the face's box stands in.
    """
    mx, my, mz = view.middle
    hx, hy, hz = view.half
    spread = math.sqrt(hx * hx + hy * hy + hz * hz)
    low, high = sun.sin_low, sun.sin_high
    for k in range(U(n)):
        v = U(k)
        ax, ay, az = s[v] - mx, s[U(ROW) + v] - my, s[U(2 * ROW) + v] - mz
        bx, by, bz = s[U(3 * ROW) + v] - mx, s[U(4 * ROW) + v] - my, s[U(5 * ROW) + v] - mz
        cx, cy, cz = s[U(6 * ROW) + v] - mx, s[U(7 * ROW) + v] - my, s[U(8 * ROW) + v] - mz
        dx, dy, dz = s[U(9 * ROW) + v] - mx, s[U(10 * ROW) + v] - my, s[U(11 * ROW) + v] - mz
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
        s[U(LOW) + v] = 1.0 if under | over else s[U(LOW) + v]


@inner
def sieve(s, n, view, sun, solid, found, near, count):
    """Append those of n loaded faces that may hide the sun from a group to ``near``; return it and its number."""
    _turned_away(s, n, view, solid)
    _out_of_sight(s, n, view, sun.least_height >= 0.0)
    _off_cone(s, n, view, sun)
    for v in range(n):
        if s[LOW + v] == 0.0 and s[TINY + v] < np.inf:
            near = _kept(near, count, found[v])
            count += 1
    return near, count


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
