"""Triangles and the row of who owns each, with their tree: what blocks a ray. Extrusion of polygons."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
import shapely

from cimkit.arrays import FloatArray, IntArray, as_floats
from cimkit.geometry.polygons import Polygons
from cimkit.geometry.terrain import Terrain
from cimkit.kernels.bvh import Bvh, build
from cimkit.kernels.column_prisms import Prisms


@dataclass(frozen=True, repr=False)
class Triangles:
    """Triangles in space.

    Parameters
    ----------
    corners
        Corner points, counter-clockwise seen from outside, shape (m, 3, 3) [m].
    owner
        Row of the object each belongs to, -1 for terrain, shape (m).
    """

    corners: FloatArray
    owner: IntArray

    @classmethod
    def empty(cls) -> Triangles:
        """Return no triangles."""
        return cls(np.zeros((0, 3, 3)), np.zeros(0, np.int64))

    @classmethod
    def concat(cls, parts: Sequence[Triangles]) -> Triangles:
        """Return all triangles of the parts."""
        every = (cls.empty(), *parts)
        return cls(np.concatenate([p.corners for p in every]), np.concatenate([p.owner for p in every]))

    def __len__(self) -> int:
        return len(self.owner)


@dataclass(frozen=True, repr=False)
class Scene:
    """What blocks the sun: triangles, with a bounding volume hierarchy over them, and upright prisms.

    Parameters
    ----------
    triangles
        What blocks as triangles.
    closed
        Whether they all bound solids with their corners counter-clockwise seen from outside.
    prisms
        What blocks as extruded outlines, if anything, and is not among the triangles.
    """

    triangles: Triangles
    closed: bool = True
    prisms: Prisms | None = None

    @cached_property
    def bvh(self) -> Bvh:
        """The tree, built on first use."""
        return build(self.triangles.corners)


def triangulate(polygons: Polygons) -> tuple[FloatArray, IntArray]:
    """Cut polygons into triangles in plan (constrained Delaunay, counter-clockwise).

    Returns
    -------
    tuple
        Corners (m, 3, 2) [m] and the polygon row of each triangle (m).
    """
    pieces = shapely.constrained_delaunay_triangles(polygons.to_shapely())
    parts, row = shapely.get_parts(pieces, return_index=True)
    corners = shapely.get_coordinates(parts).reshape(-1, 4, 2)[:, :3]
    side = corners[:, 1:] - corners[:, :1]
    turned = side[:, 0, 0] * side[:, 1, 1] - side[:, 0, 1] * side[:, 1, 0] < 0
    corners[turned] = corners[turned][:, ::-1]
    return corners, row.astype(np.int64)


def extrude(polygons: Polygons, base: Any, top: Any, owner: Any) -> Triangles:
    """Extrude polygons to closed prisms: walls, roof and floor.

    Parameters
    ----------
    polygons
        Outlines (n).
    base, top
        Heights of floor and roof, shape (n) [m].
    owner
        Row that each prism belongs to, shape (n).

    Returns
    -------
    Triangles
        Outward-facing triangles.
    """
    base, top = as_floats(base, name="base"), as_floats(top, name="top")
    owner = np.asarray(owner, dtype=np.int64)
    flat, row = triangulate(polygons)
    roof, floor = (np.dstack([flat, np.broadcast_to(z[row][:, None, None], (len(row), 3, 1))]) for z in (top, base))
    side, who = polygons.sides()
    ends = polygons.xy[side], polygons.xy[side + 1]
    (a0, b0), (a1, b1) = ([np.column_stack([end, z[who]]) for end in ends] for z in (base, top))
    walls = np.concatenate([np.stack([a0, b0, b1], axis=1), np.stack([a0, b1, a1], axis=1)])
    corners = np.concatenate([walls, roof, floor[:, ::-1]])
    return Triangles(corners, owner[np.concatenate([who, who, row, row])])


def terrain_triangles(terrain: Terrain) -> Triangles:
    """Return two upward triangles for each grid cell of the terrain whose corners are known."""
    rows, columns = terrain.z.shape
    x = terrain.x0 + terrain.spacing * np.arange(columns)
    y = terrain.y0 + terrain.spacing * np.arange(rows)
    nodes = np.dstack([*np.meshgrid(x, y), terrain.z])
    sw, se = nodes[:-1, :-1].reshape(-1, 3), nodes[:-1, 1:].reshape(-1, 3)
    nw, ne = nodes[1:, :-1].reshape(-1, 3), nodes[1:, 1:].reshape(-1, 3)
    corners = np.concatenate([np.stack([sw, se, ne], axis=1), np.stack([sw, ne, nw], axis=1)])
    known = np.isfinite(corners).all(axis=(1, 2))
    return Triangles(np.ascontiguousarray(corners[known]), np.full(int(known.sum()), -1, dtype=np.int64))
