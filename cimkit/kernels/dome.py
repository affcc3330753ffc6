"""The visible sky of each receptor, cut by vertical planes: exact arcs in each plane, integrals in closed form.

In the plane of an azimuth a direction is its angle w from the zenith, in -π/2..π/2, positive towards the azimuth. A
triangle meets the plane in a segment and hides the arc between its ends. The tree is walked nearest first; a box is
skipped when it misses the plane or lies below what already hides the horizon on its side. Vertices on the plane belong
to its positive side, so nothing slips between triangles that share an edge.
"""

import math

import numba
import numpy as np

from cimkit.kernels._jit import kernel, lean
from cimkit.kernels.bvh import DEPTH
from cimkit.kernels.intervals import insert
from cimkit.kernels.rays import NEAREST

HALF = 0.5 * math.pi
SEAM = 1e-9  # arcs are widened by this, so that those of neighbouring triangles join [rad]
BLOCK = 64  # receptors of one task


@kernel
def _arc(corners, k, px, py, pz, ax, ay):
    """Return the hidden arc of triangle k: (from, to, through the nadir), from > to for none."""
    u0, z0, u1, z1, found = 0.0, 0.0, 0.0, 0.0, 0
    for i in range(3):
        j = i + 1 if i < 2 else 0
        xi, yi, xj, yj = corners[k, i, 0] - px, corners[k, i, 1] - py, corners[k, j, 0] - px, corners[k, j, 1] - py
        si, sj = xi * ay - yi * ax, xj * ay - yj * ax
        if (si >= 0.0) == (sj >= 0.0):
            continue
        t = si / (si - sj)
        ui, uj, zi, zj = xi * ax + yi * ay, xj * ax + yj * ay, corners[k, i, 2] - pz, corners[k, j, 2] - pz
        u0, z0, u1, z1 = u1, z1, ui + t * (uj - ui), zi + t * (zj - zi)
        found += 1
    if found < 2 or (z0 <= 0.0 and z1 <= 0.0):
        return 1.0, 0.0, False
    du, dz = u1 - u0, z1 - z0
    if abs(u0 * z1 - u1 * z0) <= NEAREST * math.sqrt(du * du + dz * dz):
        return 1.0, 0.0, False
    one, two = math.atan2(u0, z0), math.atan2(u1, z1)
    return min(one, two), max(one, two), abs(one - two) > math.pi


@kernel
def _slopes(starts, ends, count):
    """Return the slopes up to which the horizon is hidden on the negative and the positive side."""
    left, right = 0.0, 0.0
    if count > 0 and starts[0] <= -HALF:
        left = math.inf if ends[0] >= 0.0 else -1.0 / math.tan(ends[0])
    if count > 0 and ends[count - 1] >= HALF:
        right = math.inf if starts[count - 1] <= 0.0 else 1.0 / math.tan(starts[count - 1])
    return left, right


@lean(inline="always")
def _along(bvh, node, px, py, ax, ay):
    """Return how far the middle of a box lies ahead in a plane, and how far beside it."""
    cx, cy = 0.5 * (bvh.lo[node, 0] + bvh.hi[node, 0]) - px, 0.5 * (bvh.lo[node, 1] + bvh.hi[node, 1]) - py
    return cx * ax + cy * ay, cx * ay - cy * ax


@kernel
def _hide(bvh, px, py, pz, ax, ay, starts, ends, count, stack):
    """Add all arcs that triangles hide in one plane to the list; return (starts, ends, count), grown if need be."""
    left, right = _slopes(starts, ends, count)
    stack[0] = 0
    waiting = 1 if bvh.order.size > 0 else 0
    while waiting > 0:
        waiting -= 1
        node = stack[waiting]
        top = bvh.hi[node, 2] - pz
        hx, hy = 0.5 * (bvh.hi[node, 0] - bvh.lo[node, 0]), 0.5 * (bvh.hi[node, 1] - bvh.lo[node, 1])
        middle, beside = _along(bvh, node, px, py, ax, ay)
        if top <= 0.0 or abs(beside) > abs(ay) * hx + abs(ax) * hy:
            continue
        near = abs(middle) - abs(ax) * hx - abs(ay) * hy
        if near > 0.0 and top <= near * (right if middle > 0.0 else left):
            continue
        child = bvh.left[node]
        if child >= 0:
            ahead = abs(_along(bvh, child, px, py, ax, ay)[0]) <= abs(_along(bvh, child + 1, px, py, ax, ay)[0])
            stack[waiting], stack[waiting + 1] = (child + 1, child) if ahead else (child, child + 1)
            waiting += 2
            continue
        for k in range(bvh.first[node], bvh.first[node] + bvh.count[node]):
            low, high, nadir = _arc(bvh.corners, k, px, py, pz, ax, ay)
            if low > high:
                continue
            if count + 3 > starts.size:
                starts, ends = np.append(starts, np.empty(starts.size)), np.append(ends, np.empty(ends.size))
            one, two = (low - SEAM, high + SEAM) if not nadir else (high - SEAM, HALF)
            if one < HALF and two > -HALF:
                count = insert(starts, ends, count, max(one, -HALF), min(two, HALF))
            if nadir and low + SEAM > -HALF:
                count = insert(starts, ends, count, -HALF, min(low + SEAM, HALF))
            left, right = _slopes(starts, ends, count)
    return starts, ends, count


@kernel
def _integrals(w, flat, steep):
    """Integrate cosine / π and cosine · sin elevation from the zenith to w.

    The cosine is steep cos w + flat sin w, the solid angle |sin w| dw dα, sin elevation cos w.
    """
    side, s, c = (1.0 if w >= 0.0 else -1.0), math.sin(w), math.cos(w)
    plain = side * (steep * s * s / 2.0 + flat * (w - s * c) / 2.0) / math.pi
    return plain, side * (steep * (1.0 - c * c * c) / 3.0 + flat * s * s * s / 3.0)


@kernel
def _add_open(start, stop, flat, steep, suns, sums, out):
    """Add the open arc from start to stop to sums (plain, rising, horizon) and to out (c)."""
    one, two = _integrals(start, flat, steep), _integrals(stop, flat, steep)
    sums[0] += two[0] - one[0]
    sums[1] += two[1] - one[1]
    sums[2] += (flat if stop >= HALF else 0.0) - (flat if start <= -HALF else 0.0)
    steps = suns.shape[0] - 1
    for c in range(suns.shape[1]):
        for w, sign in ((start, -1.0), (stop, 1.0)):
            place = (w / math.pi + 0.5) * steps
            whole = min(max(int(place), 0), steps - 1)
            out[c] += sign * (suns[whole, c] + (place - whole) * (suns[whole + 1, c] - suns[whole, c]))


@kernel(parallel=True)
def dome_sums(bvh, points, normals, planes, suns):
    """Sum over the visible sky of n receptors: (n, 3) of cosine / π, cosine · sin elevation, horizon; (n, c) of suns.

    ``planes`` (p, 2): unit vectors of azimuths, evenly over half a turn; ``suns`` (p, steps + 1, c): running sums
    over w in each plane; ``horizon`` is the outward part of the open horizon over 2.
    """
    n, width = points.shape[0], math.pi / planes.shape[0]
    sums, out = np.zeros((n, 3)), np.zeros((n, suns.shape[2]))
    for block in numba.prange((n + BLOCK - 1) // BLOCK):
        stack, starts, ends = np.empty(DEPTH, np.int64), np.empty(64), np.empty(64)
        for i in range(block * BLOCK, min(n, (block + 1) * BLOCK)):
            for p in range(planes.shape[0]):
                ax, ay = planes[p, 0], planes[p, 1]
                flat, steep = normals[i, 0] * ax + normals[i, 1] * ay, normals[i, 2]
                turn, count = math.atan2(flat, steep), 0
                if turn != 0.0:
                    low, high = (-HALF, turn - HALF) if turn > 0.0 else (turn + HALF, HALF)
                    count = insert(starts, ends, count, low, high)
                x, y, z = points[i, 0], points[i, 1], points[i, 2]
                starts, ends, count = _hide(bvh, x, y, z, ax, ay, starts, ends, count, stack)
                reached = -HALF
                for k in range(count + 1):
                    stop = starts[k] if k < count else HALF
                    if stop > reached:
                        _add_open(reached, stop, flat, steep, suns[p], sums[i], out[i])
                    if k < count:
                        reached = max(reached, ends[k])
    return sums * np.array([width, width, width / 2.0]), out
