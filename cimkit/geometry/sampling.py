"""Points on lines, walls and polygons."""

from __future__ import annotations

import numpy as np
import shapely

from cimkit.arrays import FloatArray, IntArray
from cimkit.errors import InputError
from cimkit.geometry.polygons import Polygons
from cimkit.geometry.ragged import positions


def grid_in_polygons(polygons: Polygons, spacing: float) -> FloatArray:
    """Return the points of a square grid that lie inside any of the polygons, shape (n, 2) [m].

    The grid is anchored to multiples of the spacing, so that neighbouring areas share it.

    Examples
    --------
    >>> square = Polygons.from_shapely([shapely.box(0, 0, 4, 4)])
    >>> len(grid_in_polygons(square, 2.0))
    4
    """
    if spacing <= 0:
        raise InputError(f"grid: spacing must be > 0 m; got {spacing}.")
    if len(polygons.xy) == 0:
        return np.zeros((0, 2))
    low = np.floor(polygons.xy.min(axis=0) / spacing) * spacing + spacing / 2
    high = polygons.xy.max(axis=0)
    gx, gy = np.meshgrid(np.arange(low[0], high[0], spacing), np.arange(low[1], high[1], spacing))
    points = np.column_stack([gx.ravel(), gy.ravel()])
    inside = shapely.STRtree(polygons.to_shapely()).query(shapely.points(points), predicate="within")[0]
    return np.asarray(points[np.unique(inside)])


def grid_in_each(polygons: Polygons, spacing: float | FloatArray) -> tuple[FloatArray, IntArray]:
    """Return the points of a grid in each polygon by itself, shape (n, 2) [m], and the polygon's row (n).

    The spacing may be one for all or one each, shape (p).
    """
    steps = np.broadcast_to(np.asarray(spacing, dtype=np.float64), len(polygons))
    grids = [grid_in_polygons(polygons.take([k]), float(step)) for k, step in enumerate(steps)]
    return np.concatenate([np.zeros((0, 2)), *grids]), np.repeat(np.arange(len(grids)), [len(g) for g in grids])


def points_on_walls(start: FloatArray, end: FloatArray, spacing: float) -> tuple[FloatArray, IntArray]:
    """Return points spread evenly along walls (w, 2), at most ``spacing`` apart, and the wall row of each.

    Each wall has at least one point, in its middle.
    """
    if spacing <= 0:
        raise InputError(f"walls: spacing must be > 0 m; got {spacing}.")
    count = np.maximum(1, np.ceil(np.hypot(*(end - start).T) / spacing)).astype(np.int64)
    wall = np.repeat(np.arange(len(start)), count)
    return start[wall] + ((positions(count) + 0.5) / count[wall])[:, None] * (end - start)[wall], wall
