"""Receptors gathered in columns (one above the other), columns in groups (one wall, one patch of ground)."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numba import prange

from cimkit.kernels._jit import kernel, lean

PATCH = 64.0  # side of a patch of groups [m]
TILE = 16.0  # side of a tile of ground; walls are cut at twice this [m]
_BLOCKS = 64
_DIGIT = 11


class Groups(NamedTuple):
    """Receptors in columns, columns in groups, groups in patches; each level an offset array into the one below.

    Parameters
    ----------
    order
        Receptor at each place, shape (n); places of a column are neighbours and rise.
    column, group, patch
        First place of each column (c + 1), first column of each group (g + 1), first group of each patch (s + 1).
    circle
        Centre x, y and radius around the columns of each group, shape (g, 3) [m].
    patch_circle
        The same around the groups of each patch, shape (s, 3) [m].
    low, patch_low
        Lowest receptor of each group and patch, shapes (g) and (s) [m].
    """

    order: np.ndarray
    column: np.ndarray
    group: np.ndarray
    patch: np.ndarray
    circle: np.ndarray
    patch_circle: np.ndarray
    low: np.ndarray
    patch_low: np.ndarray


@lean
def _share(n, part, parts):
    """First of n items that belongs to a part."""
    return n * part // parts


@kernel(parallel=True)
def _bounds(points, bounds):
    """Least and greatest x, y of each block of receptors."""
    n = len(points)
    for block in prange(_BLOCKS):
        x0, y0, x1, y1 = np.inf, np.inf, -np.inf, -np.inf
        for i in range(_share(n, block, _BLOCKS), _share(n, block + 1, _BLOCKS)):
            x0, x1 = min(x0, points[i, 0]), max(x1, points[i, 0])
            y0, y1 = min(y0, points[i, 1]), max(y1, points[i, 1])
        bounds[block, 0], bounds[block, 1], bounds[block, 2], bounds[block, 3] = x0, y0, x1, y1


@kernel(parallel=True)
def _tile_keys(points, normals, x0, y0, wide, key):
    """Number of the patch and tile of each receptor."""
    for i in prange(len(points)):
        tx, ty = np.int64((points[i, 0] - x0) / TILE), np.int64((points[i, 1] - y0) / TILE)
        wall = abs(normals[i, 2]) < 0.7
        inner = (16 | (ty & 2) | ((tx & 2) >> 1)) if wall else (((ty & 3) << 2) | (tx & 3))
        key[i] = np.uint64((((ty >> 2) * wide + (tx >> 2)) << 5) | inner)


def _number_tiles(points: np.ndarray, normals: np.ndarray, key: np.ndarray) -> int:
    """Number the patch and tile of each receptor; return how many numbers there may be."""
    if not len(points):
        return 1
    bounds = np.empty((_BLOCKS, 4))
    _bounds(points, bounds)
    x0, y0 = (float(v) for v in bounds[:, :2].min(axis=0))
    x1, y1 = (float(v) for v in bounds[:, 2:].max(axis=0))
    wide, high = int((x1 - x0) / PATCH) + 1, int((y1 - y0) / PATCH) + 1
    _tile_keys(points, normals, x0, y0, wide, key)
    return wide * high * 32


@kernel(parallel=True)
def _sort_digit(key, item, key_out, item_out, shift):
    """One stable pass of a radix sort; blocks count and scatter side by side."""
    n = len(key)
    size = np.int64(1) << _DIGIT
    mask = np.uint64(size - 1)
    place = np.zeros((_BLOCKS, size), np.int64)
    for block in prange(_BLOCKS):
        for i in range(_share(n, block, _BLOCKS), _share(n, block + 1, _BLOCKS)):
            place[block, (key[i] >> shift) & mask] += 1
    total = 0
    for digit in range(size):
        for block in range(_BLOCKS):
            count = place[block, digit]
            place[block, digit] = total
            total += count
    for block in prange(_BLOCKS):
        for i in range(_share(n, block, _BLOCKS), _share(n, block + 1, _BLOCKS)):
            digit = (key[i] >> shift) & mask
            k = place[block, digit]
            place[block, digit] = k + 1
            key_out[k] = key[i]
            item_out[k] = item[i]


@lean
def _mix(seed, value):
    """Fold the bits of a coordinate into a hash."""
    bits = np.float64(value + 0.0).view(np.uint64)  # + 0.0 makes −0 equal to 0
    h = (seed ^ bits) * np.uint64(0x9E3779B97F4A7C15)
    return h ^ (h >> np.uint64(29))


@lean
def _same_column(points, normals, i, j):
    """Whether two receptors share x, y and normal."""
    return points[i, 0] == points[j, 0] and points[i, 1] == points[j, 1] and _same_normal(normals, i, j)


@lean
def _same_normal(normals, i, j):
    """Whether two receptors face the same way."""
    return normals[i, 0] == normals[j, 0] and normals[i, 1] == normals[j, 1] and normals[i, 2] == normals[j, 2]


@lean
def _before(points, item, runs, a, b):
    """Whether run a sorts before run b: by hash, then height, then place."""
    if runs[a, 0] != runs[b, 0]:
        return np.uint64(runs[a, 0]) < np.uint64(runs[b, 0])
    za, zb = points[item[runs[a, 1]], 2], points[item[runs[b, 1]], 2]
    return za < zb or (za == zb and runs[a, 1] < runs[b, 1])


@lean
def _swap(runs, a, b):
    """Swap two runs."""
    for k in range(3):
        runs[a, k], runs[b, k] = runs[b, k], runs[a, k]


@lean
def _sort_runs(points, item, runs, count):
    """Sort runs in place: insertion for a few, heap sort for many."""
    if count <= 24:
        for a in range(1, count):
            b = a
            while b > 0 and _before(points, item, runs, b, b - 1):
                _swap(runs, b, b - 1)
                b -= 1
        return
    for root in range(count // 2 - 1, -1, -1):
        _sift(points, item, runs, root, count)
    for end in range(count - 1, 0, -1):
        _swap(runs, 0, end)
        _sift(points, item, runs, 0, end)


@lean
def _sift(points, item, runs, root, end):
    """Let a run sink to its place in the heap."""
    while 2 * root + 1 < end:
        child = 2 * root + 1
        if child + 1 < end and _before(points, item, runs, child, child + 1):
            child += 1
        if not _before(points, item, runs, root, child):
            return
        _swap(runs, root, child)
        root = child


@lean
def _sort_tile(points, normals, item, out, runs, start, stop):
    """Bring columns of one tile together, groups of equal normal too; rising runs move as one."""
    count = 0
    for i in range(start, stop):
        r = item[i]
        if i > start and _same_column(points, normals, r, item[i - 1]) and points[r, 2] >= points[item[i - 1], 2]:
            runs[count - 1, 2] = i + 1
            continue
        facing = _mix(_mix(_mix(np.uint64(1), normals[r, 0]), normals[r, 1]), normals[r, 2])
        place = _mix(_mix(np.uint64(2), points[r, 0]), points[r, 1])
        runs[count, 0] = np.int64((facing & np.uint64(0xFFFFF00000000000)) | (place >> np.uint64(20)))
        runs[count, 1] = i
        runs[count, 2] = i + 1
        count += 1
    _sort_runs(points, item, runs, count)
    k = start
    for a in range(count):
        for i in range(runs[a, 1], runs[a, 2]):
            out[k] = item[i]
            k += 1
    for i in range(start + 1, stop):  # runs of one column may overlap in height
        k = i
        while k > start and points[out[k], 2] < points[out[k - 1], 2]:
            if not _same_column(points, normals, out[k], out[k - 1]):
                break
            out[k], out[k - 1] = out[k - 1], out[k]
            k -= 1


@kernel(parallel=True)
def _sort_tiles(points, normals, key, item, out):
    """Sort inside every tile; a tile belongs to the block its first place lies in."""
    n = len(key)
    for block in prange(_BLOCKS * 4):
        i, end = _share(n, block, _BLOCKS * 4), _share(n, block + 1, _BLOCKS * 4)
        while 0 < i < end and key[i] == key[i - 1]:
            i += 1
        runs = np.empty((256, 3), np.int64)
        while i < end:
            stop = i + 1
            while stop < n and key[stop] == key[i]:
                stop += 1
            if stop - i > len(runs):
                runs = np.empty((2 * (stop - i), 3), np.int64)
            _sort_tile(points, normals, item, out, runs, i, stop)
            i = stop


@kernel(parallel=True)
def _levels(points, normals, key, order, level):
    """What starts at each place: 0 nothing, 1 a column, 2 a group, 3 a patch; counts of each block, (blocks, 3)."""
    n = len(order)
    count = np.zeros((_BLOCKS, 3), np.int64)
    for block in prange(_BLOCKS):
        for i in range(_share(n, block, _BLOCKS), _share(n, block + 1, _BLOCKS)):
            starts = 0
            if i == 0 or key[i] >> np.uint64(5) != key[i - 1] >> np.uint64(5):
                starts = 3
            elif key[i] != key[i - 1] or not _same_normal(normals, order[i], order[i - 1]):
                starts = 2
            elif not _same_column(points, normals, order[i], order[i - 1]):
                starts = 1
            level[i] = starts
            for k in range(starts):
                count[block, k] += 1
    return count


@kernel(parallel=True)
def _offsets(level, count, column, group, patch):
    """Fill the offset arrays from the levels."""
    n = len(level)
    for block in prange(_BLOCKS):
        c, g, s = count[:block, 0].sum(), count[:block, 1].sum(), count[:block, 2].sum()
        for i in range(_share(n, block, _BLOCKS), _share(n, block + 1, _BLOCKS)):
            if level[i] >= 3:
                patch[s] = g
                s += 1
            if level[i] >= 2:
                group[g] = c
                g += 1
            if level[i] >= 1:
                column[c] = i
                c += 1
    column[-1], group[-1], patch[-1] = n, len(column) - 1, len(group) - 1


@kernel(parallel=True)
def _circles(points, order, column, group, circle, low):
    """Circle around the columns of each group, and its lowest receptor."""
    for g in prange(len(group) - 1):
        x0, y0, x1, y1, z = np.inf, np.inf, -np.inf, -np.inf, np.inf
        for c in range(group[g], group[g + 1]):
            p = points[order[column[c]]]
            x0, y0, x1, y1 = min(x0, p[0]), min(y0, p[1]), max(x1, p[0]), max(y1, p[1])
        for i in range(column[group[g]], column[group[g + 1]]):
            z = min(z, points[order[i], 2])
        x, y, r = (x0 + x1) / 2, (y0 + y1) / 2, 0.0
        for c in range(group[g], group[g + 1]):
            p = points[order[column[c]]]
            r = max(r, np.hypot(p[0] - x, p[1] - y))
        circle[g, 0], circle[g, 1], circle[g, 2], low[g] = x, y, r + 1e-3, z


@kernel(parallel=True)
def _patch_circles(circle, low, patch, patch_circle, patch_low):
    """Circle around the groups of each patch."""
    for s in prange(len(patch) - 1):
        x0, y0, x1, y1, z = np.inf, np.inf, -np.inf, -np.inf, np.inf
        for g in range(patch[s], patch[s + 1]):
            x0, x1 = min(x0, circle[g, 0]), max(x1, circle[g, 0])
            y0, y1 = min(y0, circle[g, 1]), max(y1, circle[g, 1])
            z = min(z, low[g])
        x, y, r = (x0 + x1) / 2, (y0 + y1) / 2, 0.0
        for g in range(patch[s], patch[s + 1]):
            r = max(r, np.hypot(circle[g, 0] - x, circle[g, 1] - y) + circle[g, 2])
        patch_circle[s, 0], patch_circle[s, 1], patch_circle[s, 2], patch_low[s] = x, y, r + 1e-3, z


def group_columns(points: np.ndarray, normals: np.ndarray) -> Groups:
    """Gather receptors, points (n, 3) and unit normals (n, 3), in columns of equal x, y and normal, and in groups.

    A group holds the columns of one normal inside a tile: 16 m wide on the ground and on roofs, 32 m along walls.
    """
    n = len(points)
    key, item = np.empty(n, np.uint64), np.arange(n, dtype=np.int64)
    tiles = _number_tiles(points, normals, key)
    key_out, item_out = np.empty_like(key), np.empty_like(item)
    for shift in range(0, int(tiles).bit_length(), _DIGIT):
        _sort_digit(key, item, key_out, item_out, np.uint64(shift))
        key, key_out, item, item_out = key_out, key, item_out, item
    _sort_tiles(points, normals, key, item, item_out)
    order, level = item_out, np.empty(n, np.uint8)
    count = _levels(points, normals, key, order, level)
    columns, groups, patches = count.sum(axis=0)
    column, group, patch = (np.zeros(size + 1, np.int64) for size in (columns, groups, patches))
    _offsets(level, count, column, group, patch)
    circle, patch_circle = np.empty((groups, 3)), np.empty((patches, 3))
    low, patch_low = np.empty(groups), np.empty(patches)
    _circles(points, order, column, group, circle, low)
    _patch_circles(circle, low, patch, patch_circle, patch_low)
    return Groups(order, column, group, patch, circle, patch_circle, low, patch_low)
