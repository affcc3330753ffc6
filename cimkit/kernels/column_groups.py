"""Receptors gathered in columns (one above the other), columns in groups (one wall, one patch of ground)."""

from collections import namedtuple

import numpy as np
from numba import prange

from cimkit.kernels._jit import kernel, lean

PATCH = 64.0  # side of a patch of groups [m]
TILE = 16.0  # side of a tile of ground; walls are cut at twice this [m]
_TILES = 32  # of a patch: 16 of ground, 4 of walls
U = np.uint64


class Groups(namedtuple("Groups", "order column group patch")):
    """Receptors in columns, columns in groups, groups in patches; each level an offset array into the one below.

    Parameters
    ----------
    order
        Receptor at each place, shape (n); places of a column are neighbours and rise.
    column, group, patch
        First place of each column (c + 1), first column of each group (g + 1), first group of each patch (s + 1).
    """


@lean
def _mix(seed, value):
    """Fold the bits of a coordinate into a hash."""
    bits = np.float64(value + 0.0).view(np.uint64)  # + 0.0 makes −0 equal to 0
    h = (seed ^ bits) * U(0x9E3779B97F4A7C15)
    return h ^ (h >> U(29))


@kernel(parallel=True)
def _keys(points, normals, origin, wide, bits):
    """Key of each receptor: its patch and tile in the upper bits, then a hash of its normal, then one of its place."""
    key = np.empty(len(points), np.uint64)
    for i in prange(len(points)):
        tx, ty = np.int64((points[i, 0] - origin[0]) / TILE), np.int64((points[i, 1] - origin[1]) / TILE)
        wall = abs(normals[i, 2]) < 0.7
        inner = (16 | (ty & 2) | ((tx & 2) >> 1)) if wall else (((ty & 3) << 2) | (tx & 3))
        facing = _mix(_mix(_mix(U(1), normals[i, 0]), normals[i, 1]), normals[i, 2])
        place = _mix(_mix(U(2), points[i, 0]), points[i, 1])
        tile = U(((ty >> 2) * wide + (tx >> 2)) * _TILES + inner)
        key[i] = (tile << (U(64) - bits)) | (((facing & U(0xFFFFF00000000000)) | (place >> U(20))) >> bits)
    return key


@kernel(parallel=True)
def _levels(points, normals, tile, order):
    """What starts at each place: 0 nothing, 1 a column, 2 a group, 3 a patch."""
    level = np.empty(len(order), np.uint8)
    for k in prange(len(order)):
        i, j = order[k], order[max(k - 1, 0)]
        turned = normals[i, 0] != normals[j, 0] or normals[i, 1] != normals[j, 1] or normals[i, 2] != normals[j, 2]
        if k == 0 or tile[i] // U(_TILES) != tile[j] // U(_TILES):
            level[k] = 3
        elif turned or tile[i] != tile[j]:
            level[k] = 2
        else:
            level[k] = 1 if points[i, 0] != points[j, 0] or points[i, 1] != points[j, 1] else 0
    return level


@kernel(parallel=True)
def _sort_columns(points, order, column):
    """Let the places of each column rise."""
    for c in prange(len(column) - 1):
        for place in range(column[c] + 1, column[c + 1]):
            item, k = order[place], place
            while k > column[c] and points[item, 2] < points[order[k - 1], 2]:
                order[k] = order[k - 1]
                k -= 1
            order[k] = item


def group_columns(points: np.ndarray, normals: np.ndarray) -> Groups:
    """Gather receptors, points (n, 3) and unit normals (n, 3), in columns of equal x, y and normal, and in groups.

    A group holds the columns of one normal inside a tile: 16 m wide on the ground and on roofs, 32 m along walls.
    """
    plan = [points[:, axis] for axis in range(2)] if len(points) else [np.zeros(1), np.zeros(1)]
    wide, high = (int(np.ptp(x) / PATCH) + 1 for x in plan)
    bits = U(min((wide * high * _TILES).bit_length(), 44))  # enough are left to tell normals apart
    key = _keys(points, normals, (plan[0].min(), plan[1].min()), wide, bits)
    order = np.argsort(key, kind="stable")
    level = _levels(points, normals, key >> (U(64) - bits), order)
    column = np.append(np.flatnonzero(level), len(order))
    group = np.append(np.flatnonzero(level[column[:-1]] >= 2), len(column) - 1)
    patch = np.append(np.flatnonzero(level[column[group[:-1]]] == 3), len(group) - 1)
    _sort_columns(points, order, column)
    return Groups(order, column, group, patch)
