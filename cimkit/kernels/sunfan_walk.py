"""Which triangles may hide the sun from a group of neighbouring receptors: one walk through the tree."""

from __future__ import annotations

import math
from typing import Any, NamedTuple

import numpy as np

from cimkit.kernels._jit import inner, lean


class Wedge(NamedTuple):
    """What a group can see of the sun: first and last half-plane through the pole, facade, middle and half box."""

    first: Any
    last: Any
    facade: Any
    wide: bool
    middle: Any
    half: Any


@lean
def half_plane(sun, t, side):
    """Return the plane through the pole at tan(w/2) = t, positive on the ``side`` of later suns."""
    w = 2.0 * math.atan(t)
    s, c = math.sin(w) * side, math.cos(w) * side
    e = sun.e
    return (c * e[1, 0] - s * e[0, 0], c * e[1, 1] - s * e[0, 1], c * e[1, 2] - s * e[0, 2])


@lean
def _support(n, cx, cy, cz, hx, hy, hz):
    """Return the greatest n·q over a box given by middle and half."""
    return n[0] * cx + n[1] * cy + n[2] * cz + abs(n[0]) * hx + abs(n[1]) * hy + abs(n[2]) * hz


@lean
def misses(sun, wedge, cx, cy, cz, hx, hy, hz):
    """Whether no vector of a box (middle, half) can point to the sun as a group sees it."""
    if wedge.wide:
        if _support(wedge.first, cx, cy, cz, hx, hy, hz) < 0.0 and _support(wedge.last, cx, cy, cz, hx, hy, hz) < 0.0:
            return True
    elif _support(wedge.first, cx, cy, cz, hx, hy, hz) < 0.0 or _support(wedge.last, cx, cy, cz, hx, hy, hz) < 0.0:
        return True
    if _support(wedge.facade, cx, cy, cz, hx, hy, hz) < 0.0:
        return True
    ax, ay, az = abs(cx), abs(cy), abs(cz)
    gx, gy, gz = max(ax - hx, 0.0), max(ay - hy, 0.0), max(az - hz, 0.0)
    near = math.sqrt(gx * gx + gy * gy + gz * gz)
    gx, gy, gz = ax + hx, ay + hy, az + hz
    far = math.sqrt(gx * gx + gy * gy + gz * gz)
    if cz + hz < min(0.0, sun.least_height) * far:
        return True
    px, py, pz = sun.e[2, 0], sun.e[2, 1], sun.e[2, 2]
    along = px * cx + py * cy + pz * cz
    reach = abs(px) * hx + abs(py) * hy + abs(pz) * hz
    low, high = sun.sin_low * (far if sun.sin_low < 0.0 else near), sun.sin_high * (near if sun.sin_high < 0.0 else far)
    return along + reach < low - 1e-6 or along - reach > high + 1e-6


@lean
def triangle_misses(sun, wedge, corners, k, closed):
    """Whether triangle k cannot hide the sun from any receptor of the group."""
    mx, my, mz = wedge.middle
    hx, hy, hz = wedge.half
    ax, ay, az = corners[k, 0, 0] - mx, corners[k, 0, 1] - my, corners[k, 0, 2] - mz
    bx, by, bz = corners[k, 1, 0] - mx, corners[k, 1, 1] - my, corners[k, 1, 2] - mz
    cx, cy, cz = corners[k, 2, 0] - mx, corners[k, 2, 1] - my, corners[k, 2, 2] - mz
    if closed:
        nx = (by - ay) * (cz - az) - (bz - az) * (cy - ay)
        ny = (bz - az) * (cx - ax) - (bx - ax) * (cz - az)
        nz = (bx - ax) * (cy - ay) - (by - ay) * (cx - ax)
        slack = abs(nx) * hx + abs(ny) * hy + abs(nz) * hz
        if nx * ax + ny * ay + nz * az > slack:  # all of the group is on the inner side
            return True
    lx, ly, lz = min(ax, bx, cx), min(ay, by, cy), min(az, bz, cz)
    gx, gy, gz = max(ax, bx, cx), max(ay, by, cy), max(az, bz, cz)
    if misses(
        sun, wedge, 0.5 * (lx + gx), 0.5 * (ly + gy), 0.5 * (lz + gz),
        0.5 * (gx - lx) + hx, 0.5 * (gy - ly) + hy, 0.5 * (gz - lz) + hz,
    ):  # fmt: skip
        return True
    one = (wedge.first, wedge.last, wedge.facade)
    behind = 0
    for q in range(3):
        n = one[q]
        most = max(
            n[0] * ax + n[1] * ay + n[2] * az, n[0] * bx + n[1] * by + n[2] * bz, n[0] * cx + n[1] * cy + n[2] * cz
        )
        if most + abs(n[0]) * hx + abs(n[1]) * hy + abs(n[2]) * hz < 0.0:
            behind += 1
            if q == 2 or not wedge.wide:
                return True
    if behind == 2:
        return True
    # below or above the cone: q·p - sin d |q| is convex for d < 0 and concave for d > 0, so the corners decide
    px, py, pz = sun.e[2, 0], sun.e[2, 1], sun.e[2, 2]
    room = abs(px) * hx + abs(py) * hy + abs(pz) * hz + 1e-6
    spread = math.sqrt(hx * hx + hy * hy + hz * hz)
    pa, pb, pc = px * ax + py * ay + pz * az, px * bx + py * by + pz * bz, px * cx + py * cy + pz * cz
    ra, rb = math.sqrt(ax * ax + ay * ay + az * az), math.sqrt(bx * bx + by * by + bz * bz)
    rc = math.sqrt(cx * cx + cy * cy + cz * cz)
    if sun.sin_low < 0.0:
        s = sun.sin_low
        if max(pa - s * ra, pb - s * rb, pc - s * rc) < -(room - s * spread):
            return True
    if sun.sin_high > 0.0:
        s = sun.sin_high
        if min(pa - s * ra, pb - s * rb, pc - s * rc) > room + s * spread:
            return True
    return False


@inner
def collect(bvh, sun, wedge, closed, stack, found):
    """Walk the tree for a group; return the triangles (tree order) that may hide the sun, and their number."""
    mx, my, mz = wedge.middle
    gx, gy, gz = wedge.half
    stack[0] = 0
    waiting, count = 1, 0
    while waiting > 0:
        waiting -= 1
        node = stack[waiting]
        if misses(
            sun, wedge,
            0.5 * (bvh.lo[node, 0] + bvh.hi[node, 0]) - mx,
            0.5 * (bvh.lo[node, 1] + bvh.hi[node, 1]) - my,
            0.5 * (bvh.lo[node, 2] + bvh.hi[node, 2]) - mz,
            0.5 * (bvh.hi[node, 0] - bvh.lo[node, 0]) + gx,
            0.5 * (bvh.hi[node, 1] - bvh.lo[node, 1]) + gy,
            0.5 * (bvh.hi[node, 2] - bvh.lo[node, 2]) + gz,
        ):  # fmt: skip
            continue
        child = bvh.left[node]
        if child >= 0:
            stack[waiting], stack[waiting + 1] = child + 1, child
            waiting += 2
            continue
        for k in range(bvh.first[node], bvh.first[node] + bvh.count[node]):
            if not triangle_misses(sun, wedge, bvh.corners, k, closed):
                if count == found.size:
                    wider = np.empty(2 * count, np.int64)
                    for q in range(count):
                        wider[q] = found[q]
                    found = wider
                found[count] = k
                count += 1
    return found, count


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


@lean
def wedge_of(sun, open_from, open_to, nx, ny, nz, low, high):
    """Return what a group with box low to high and normal n sees of the sun between two tan(w/2)."""
    wide = 2.0 * (math.atan(open_to) - math.atan(open_from)) > math.pi
    middle = (0.5 * (low[0] + high[0]), 0.5 * (low[1] + high[1]), 0.5 * (low[2] + high[2]))
    half = (0.5 * (high[0] - low[0]), 0.5 * (high[1] - low[1]), 0.5 * (high[2] - low[2]))
    first, last = half_plane(sun, open_from, 1.0), half_plane(sun, open_to, -1.0)
    return Wedge(first, last, (nx, ny, nz), wide, middle, half)
