"""Bounding volume hierarchy over triangles: build by binned surface area (Wald 2007), walk for any or the first hit."""

import math
from collections import namedtuple
from typing import Any

import numba
import numpy as np

from cimkit.kernels._jit import inner, kernel, lean
from cimkit.kernels.rays import MISS, hits_box, hits_triangle, make_ray

LEAF = 4  # triangles in a leaf at most, unless their middles coincide
BINS = 16
SAH_DEPTH = 64  # deeper nodes are cut in halves, so that no input makes a walk overflow its stack
FLAT = 1e-7  # corners this near to the plane of three others lie in it [m]
BLOB = 128  # triangles below the lowest nodes of the crown, at most
LANES = 8  # faces of a clump at most, one vector
DEPTH = SAH_DEPTH + 64  # room on the stack of a walk


class Bvh(namedtuple("Bvh", "lo hi left first count order corners clump boxes faces planes sizes crown outer sided")):
    """A tree of b boxes over m triangles.

    ``lo``, ``hi`` (b, 3): boxes [m]. ``left`` (b): first child, the other follows it; -1 for a leaf.
    ``first``, ``count`` (b): triangles below a node, in tree order. ``order`` (m): input row of each triangle in
    tree order. ``corners`` (m, 3, 3): triangles in tree order [m].

    Clumps are the highest nodes with at most 8 *faces*: flat convex quadrilaterals of two triangles, and triangles.
    ``clump`` (m + 1): clump of each triangle, and their number c. ``boxes`` (6, c): middle and half sides [m].
    ``faces`` (c, 8, 12): x, y, z of the corners a, b, c, d of its faces, c = d in triangles [m]. ``planes`` (c, 4, 8):
    outer unit normals of those that bound solids and n·a [m], 0 and -inf of others. ``sizes`` (c, 2): number of
    quadrilaterals, which come first, and of faces. ``crown`` (k, 8): the upper nodes: middle and half sides [m], and
    the first child and 0, or below at most 128 triangles the first clump and the number of clumps. ``outer``
    (m): whether a triangle, in tree order, bounds a solid; ``sided``: whether any does.
    """


@lean
def _area(box):
    """Return half the surface of a box given as (lo x, y, z, hi x, y, z) [m²]."""
    dx, dy, dz = box[3] - box[0], box[4] - box[1], box[5] - box[2]
    return dx * dy + dy * dz + dz * dx


@lean
def _grow(box, other):
    """Widen a box to hold another."""
    for a in range(3):
        box[a] = min(box[a], other[a])
        box[a + 3] = max(box[a + 3], other[a + 3])


@lean
def _clear(box):
    """Make a box empty."""
    for a in range(3):
        box[a], box[a + 3] = np.inf, -np.inf


@lean
def _bin_of(box, axis, low, extent):
    """Return the bin of a triangle by the middle of its box."""
    return min(BINS - 1, int((0.5 * (box[axis] + box[axis + 3]) - low) / extent * BINS))


@lean
def _best_cut(boxes, order, start, stop, middle, bins, number, reach):
    """Return (axis, bin) of the cheapest cut of a node, axis -1 if the middles coincide."""
    best, best_axis, best_bin = np.inf, -1, 0
    for axis in range(3):
        extent = middle[axis + 3] - middle[axis]
        if not extent > 1e-9:
            continue
        for b in range(BINS):
            number[b] = 0
            _clear(bins[b])
        for q in range(start, stop):
            box = boxes[order[q]]
            b = _bin_of(box, axis, middle[axis], extent)
            number[b] += 1
            _grow(bins[b], box)
        _clear(reach[BINS])
        for b in range(BINS - 1, 0, -1):  # reach[b]: all bins from b on
            _clear(reach[b])
            _grow(reach[b], reach[b + 1])
            _grow(reach[b], bins[b])
        below = 0
        _clear(reach[0])
        for b in range(1, BINS):
            below += number[b - 1]
            _grow(reach[0], bins[b - 1])
            above = stop - start - below
            if below == 0 or above == 0:
                continue
            cost = below * _area(reach[0]) + above * _area(reach[b])
            if cost < best:
                best, best_axis, best_bin = cost, axis, b
    return best_axis, best_bin


@lean
def _partition(boxes, order, start, stop, axis, low, extent, cut):
    """Move the triangles below the cut to the front; return where the others begin."""
    middle = start
    for q in range(start, stop):
        row = order[q]
        if _bin_of(boxes[row], axis, low, extent) < cut:
            order[q], order[middle] = order[middle], row
            middle += 1
    return middle


@inner
def _boxes_of(triangles):
    """Return the box of each triangle, shape (m, 6) [m]."""
    boxes = np.empty((triangles.shape[0], 6))
    for k in range(triangles.shape[0]):
        for a in range(3):
            p, q, r = triangles[k, 0, a], triangles[k, 1, a], triangles[k, 2, a]
            boxes[k, a], boxes[k, a + 3] = min(p, q, r), max(p, q, r)
    return boxes


@lean
def minus(one, two):
    """Return the vector from corner two to corner one."""
    return one[0] - two[0], one[1] - two[1], one[2] - two[2]


@lean
def volume(u, v, w):
    """Return u · (v × w)."""
    return u[0] * (v[1] * w[2] - v[2] * w[1]) + u[1] * (v[2] * w[0] - v[0] * w[2]) + u[2] * (v[0] * w[1] - v[1] * w[0])


@lean
def _rotate(triangle, places):
    """Begin a triangle with a later one of its corners."""
    for _ in range(places):
        for a in range(3):
            p = triangle[0, a]
            triangle[0, a], triangle[1, a], triangle[2, a] = triangle[1, a], triangle[2, a], p


@lean
def _folds(one, two):
    """Whether two triangles make a flat convex quadrilateral; turn them to (a, b, c) and (a, c, d) if they do."""
    for r in range(3):
        for s in range(3):
            a, b, c, d = one[r], one[r - 2], one[r - 1], two[s - 1]
            same = True
            for x in range(3):
                same = same and a[x] == two[s, x] and c[x] == two[s - 2, x]
            if not same:
                continue
            u, v, w = minus(b, a), minus(c, a), minus(d, a)
            n = (u[1] * v[2] - u[2] * v[1], u[2] * v[0] - u[0] * v[2], u[0] * v[1] - u[1] * v[0])
            off, size = n[0] * w[0] + n[1] * w[1] + n[2] * w[2], n[0] * n[0] + n[1] * n[1] + n[2] * n[2]
            if off * off > FLAT * FLAT * size:
                return False
            over = volume(n, v, w) <= 0.0
            if over or volume(n, u, w) <= 0.0 or volume(n, minus(d, c), minus(b, c)) <= 0.0:
                return False
            _rotate(one, r)
            _rotate(two, s)
            return True
    return False


@kernel
def _grow_tree(triangles, order, corners, nodes, left, first, count):
    """Fill the order of triangles (m, 3, 3) and the nodes of their tree; return the number of nodes."""
    m, room = triangles.shape[0], left.size
    boxes, depth = _boxes_of(triangles), np.empty(room, np.int64)
    bins, reach, number = np.empty((BINS, 6)), np.empty((BINS + 1, 6)), np.empty(BINS, np.int64)
    middle, point = np.empty(6), np.empty(6)
    stack = np.empty(room + 1, np.int64)
    stack[0] = depth[0] = first[0] = 0
    count[0] = m
    waiting, used = 1, 1
    while waiting > 0:
        waiting -= 1
        node = stack[waiting]
        start, stop = first[node], first[node] + count[node]
        _clear(nodes[node])
        _clear(middle)
        for q in range(start, stop):
            box = boxes[order[q]]
            _grow(nodes[node], box)
            for a in range(3):
                point[a] = point[a + 3] = 0.5 * (box[a] + box[a + 3])
            _grow(middle, point)
        left[node] = -1
        if stop - start <= LEAF:
            continue
        axis, cut = -1, 0
        if depth[node] < SAH_DEPTH:
            axis, cut = _best_cut(boxes, order, start, stop, middle, bins, number, reach)
        if axis >= 0:
            half = _partition(boxes, order, start, stop, axis, middle[axis], middle[axis + 3] - middle[axis], cut)
        else:
            half = (start + stop) // 2
        left[node] = used
        depth[used] = depth[used + 1] = depth[node] + 1
        first[used], count[used] = start, half - start
        first[used + 1], count[used + 1] = half, stop - half
        stack[waiting], stack[waiting + 1] = used + 1, used
        waiting += 2
        used += 2
    for q in range(m):
        for c in range(3):
            for a in range(3):
                corners[q, c, a] = triangles[order[q], c, a]
    return used


@lean
def _pair(corners, outer, first, stop, mate):
    """Write the later triangle with which each makes a face, -1 for none, -2 for that later one; return the faces."""
    mate[first:stop] = -1
    faces = stop - first
    for k in range(first, stop):
        for j in range(k + 1, stop):
            if mate[k] == mate[j] == -1 and outer[k] == outer[j] and _folds(corners[k], corners[j]):
                mate[k], mate[j] = j, -2
                faces -= 1
    return faces


@kernel
def _find_clumps(corners, outer, left, first, count, mate, clump, nodes):
    """Fill ``mate`` (m), ``clump`` (m + 1) and the node of each clump; return their number."""
    stack = np.empty(DEPTH, np.int64)
    stack[0] = 0
    waiting, found = 1 if corners.shape[0] > 0 else 0, 0
    while waiting > 0:
        waiting -= 1
        node = stack[waiting]
        start, stop = first[node], first[node] + count[node]
        if count[node] > 2 * LANES or _pair(corners, outer, start, stop, mate) > LANES:
            stack[waiting], stack[waiting + 1] = left[node] + 1, left[node]
            waiting += 2
            continue
        clump[start:stop] = found
        nodes[found] = node
        found += 1
    clump[corners.shape[0]] = found
    return found


@kernel
def _fill_clumps(corners, outer, first, count, mate, nodes, faces, planes, sizes):
    """Write the faces of each clump, quadrilaterals first, and their planes."""
    for g in range(nodes.size):
        start, n = first[nodes[g]], 0
        for whole in (True, False):
            for k in range(start, start + count[nodes[g]]):
                if mate[k] > -2 and (mate[k] >= 0) == whole:
                    for a in range(3):
                        for c in range(3):
                            faces[g, n, 3 * c + a] = corners[k, c, a]
                        faces[g, n, 9 + a] = corners[mate[k] if whole else k, 2, a]
                    u, v = minus(corners[k, 1], corners[k, 0]), minus(corners[k, 2], corners[k, 0])
                    x, y, z = u[1] * v[2] - u[2] * v[1], u[2] * v[0] - u[0] * v[2], u[0] * v[1] - u[1] * v[0]
                    size = max(math.sqrt(x * x + y * y + z * z), 1e-300)
                    x, y, z = x / size, y / size, z / size
                    planes[g, :3, n], planes[g, 3, n] = 0.0, -np.inf
                    if outer[k]:
                        planes[g, 0, n], planes[g, 1, n], planes[g, 2, n] = x, y, z
                        planes[g, 3, n] = x * corners[k, 0, 0] + y * corners[k, 0, 1] + z * corners[k, 0, 2]
                    n += 1
            sizes[g, 0 if whole else 1] = n
        faces[g, n:], planes[g, :, n:] = 0.0, 0.0


def _crown(lo: Any, hi: Any, left: Any, first: Any, count: Any, clump: Any) -> Any:
    """Return the upper nodes of a tree, each in one line of the cache."""
    wide = count > BLOB
    upper = np.sort(np.concatenate([np.flatnonzero(count[:1]), left[wide], left[wide] + 1]))
    lo, hi, wide, first, last = lo[upper], hi[upper], wide[upper], first[upper], (first + count)[upper]
    whence = np.where(wide, np.searchsorted(upper, left[upper]), clump[first])
    return np.column_stack([0.5 * (lo + hi), 0.5 * (hi - lo), whence, np.where(wide, 0, clump[last] - clump[first])])


def build(triangles: Any, outer: Any = False) -> Bvh:
    """Build the tree of triangles (m, 3, 3) [m]; the same input always gives the same tree.

    ``outer``, shape (m) or one for all: which bound solids, their corners counter-clockwise seen from outside.
    """
    m = len(triangles)
    room, order = max(1, 2 * m), np.arange(m)
    corners, mate, clump = np.empty((m, 3, 3)), np.empty(m, np.int64), np.empty(m + 1, np.int64)
    nodes, (left, first, count) = np.empty((room, 6)), np.empty((3, room), np.int64)
    used = _grow_tree(triangles, order, corners, nodes, left, first, count)
    pad = 1e-9 * (1.0 + np.abs(nodes[0]).max()) if m > 0 else 0.0  # covers the rounding of a box test
    lo, hi = nodes[:used, :3] - pad, nodes[:used, 3:] + pad
    heads = np.empty(m, np.int64)
    outer = np.broadcast_to(outer, m)[order]
    heads = heads[: _find_clumps(corners, outer, left, first, count, mate, clump, heads)]
    faces, planes = np.empty((len(heads), LANES, 12)), np.empty((len(heads), 4, LANES))
    sizes = np.empty((len(heads), 2), np.int64)
    _fill_clumps(corners, outer, first, count, mate, heads, faces, planes, sizes)
    boxes = np.ascontiguousarray(np.hstack([0.5 * (lo[heads] + hi[heads]), 0.5 * (hi[heads] - lo[heads])]).T)
    crown = _crown(lo, hi, left[:used], first[:used], count[:used], clump)
    own = (left[:used].copy(), first[:used].copy(), count[:used].copy())
    return Bvh(lo, hi, *own, order, corners, clump, boxes, faces, planes, sizes, crown, outer, bool(outer.any()))


@lean
def _walk(bvh, ray, stack):
    """Return the tree-order row of a triangle the ray hits, -1 if none."""
    stack[0] = 0
    waiting = 1 if hits_box(ray, bvh.lo, bvh.hi, 0) < MISS else 0
    while waiting > 0:
        waiting -= 1
        node = stack[waiting]
        child = bvh.left[node]
        if child < 0:
            for k in range(bvh.first[node], bvh.first[node] + bvh.count[node]):
                if hits_triangle(ray, bvh.corners, k) < MISS:
                    return k
            continue
        one, two = hits_box(ray, bvh.lo, bvh.hi, child), hits_box(ray, bvh.lo, bvh.hi, child + 1)
        near, far = (child, child + 1) if one <= two else (child + 1, child)
        if max(one, two) < MISS:
            stack[waiting] = far
            waiting += 1
        if min(one, two) < MISS:
            stack[waiting] = near
            waiting += 1
    return -1


@kernel(parallel=True)
def any_hits(bvh, origins, directions):
    """Whether anything blocks each ray: origins (n, 3) [m], unit directions (t, 3) → (n, t)."""
    n, t = origins.shape[0], directions.shape[0]
    out = np.zeros((n, t), np.bool_)
    for i in numba.prange(n):
        stack, last = np.empty(DEPTH, np.int64), -1
        x, y, z = origins[i, 0], origins[i, 1], origins[i, 2]
        for j in range(t):
            ray = make_ray(x, y, z, directions[j, 0], directions[j, 1], directions[j, 2])
            # what blocked the sun a minute ago mostly still does
            if last < 0 or hits_triangle(ray, bvh.corners, last) == MISS:
                last = _walk(bvh, ray, stack)
            out[i, j] = last >= 0
    return out
