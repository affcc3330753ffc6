"""What blocks a ray: triangles with their tree, upright prisms, and the row of who owns each."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any, Self

import numpy as np
import shapely

from cimkit.arrays import BoolArray, FloatArray, IntArray, as_floats
from cimkit.geometry.polygons import Polygons
from cimkit.geometry.terrain import Terrain
from cimkit.kernels.bvh import Bvh, build
from cimkit.kernels.column_prisms import Prisms

_ODD = np.array([0x9E3779B97F4A7C15, 0xC2B2AE3D27D4EB4F, 0x165667B19E3779F9], np.uint64)  # mix the bits of numbers
_HALF = np.uint64(31)


class Owned:
    """Arrays and shapes of equal length as a dataclass, among them ``owner``, the row of who owns each."""

    owner: IntArray

    def __init__(self, *columns: Any) -> None:
        """Take the columns, as the dataclass says."""

    def take(self, rows: Any) -> Self:
        """Return the given rows; of an owner of triangles all or none."""
        return type(self)(*(c.take(rows) if isinstance(c, Polygons) else c[rows] for c in vars(self).values()))

    @classmethod
    def concat(cls, parts: Sequence[Self]) -> Self:
        """Return all rows of the parts, of which there must be one."""
        columns = zip(*(vars(p).values() for p in parts), strict=True)
        return cls(*(c[0].concat(c) if isinstance(c[0], Polygons) else np.concatenate(c) for c in columns))

    def __len__(self) -> int:
        return len(self.owner)


@dataclass(frozen=True, repr=False)
class Triangles(Owned):
    """Triangles in space.

    Parameters
    ----------
    corners
        Corner points, counter-clockwise seen from outside, shape (m, 3, 3) [m].
    owner
        Row of the object each belongs to, -1 for terrain, shape (m).
    outer
        Whether each bounds a solid, so that who stands outside need only see its outer side, shape (m).
    """

    corners: FloatArray
    owner: IntArray
    outer: BoolArray

    @classmethod
    def of(cls, corners: FloatArray, owner: IntArray) -> Triangles:
        """Return triangles of whose owners those bound solids that pass every edge both ways around some volume."""
        point = (np.ascontiguousarray(corners + 0.0).view(np.uint64) * _ODD).sum(axis=2)
        point = (point ^ point >> _HALF) * _ODD[0]
        other = np.roll(point, -1, axis=1)
        there, back = (point + _ODD[1] * other, other + _ODD[1] * point)
        left = ((there ^ there >> _HALF) * _ODD[2] - (back ^ back >> _HALF) * _ODD[2]).sum(axis=1)  # 0 if they pair
        count = int(owner.max(initial=-1)) + 2
        unpaired = np.zeros(count, np.uint64)
        np.add.at(unpaired, owner + 1, left)
        volume = np.bincount(owner + 1, np.linalg.det(corners), count)
        return cls(corners, owner, ((unpaired == 0) & (volume > 0))[owner + 1])

    @classmethod
    def empty(cls) -> Triangles:
        """Return no triangles."""
        return cls(np.zeros((0, 3, 3)), np.zeros(0, np.int64), np.zeros(0, bool))


@dataclass(frozen=True, repr=False)
class Scene:
    """What blocks the sun: triangles, with a bounding volume hierarchy over them, and upright prisms.

    Parameters
    ----------
    triangles
        What blocks as triangles.
    prisms
        What blocks as extruded outlines, if anything, and is not among the triangles.
    """

    triangles: Triangles
    prisms: Prisms | None = None

    @cached_property
    def bvh(self) -> Bvh:
        """The tree, built on first use."""
        return build(self.triangles.corners, self.triangles.outer)


@dataclass(frozen=True, repr=False)
class Solids(Owned):
    """Upright prisms that block the sun.

    Parameters
    ----------
    outline
        Outlines, n of them.
    base, top
        Underside and top above the local origin, shape (n) [m].
    owner
        Building row of each, -1 for none, shape (n).
    """

    outline: Polygons
    base: FloatArray
    top: FloatArray
    owner: IntArray

    def __repr__(self) -> str:
        raised = int((self.base > np.nanmin(self.base, initial=0.0) + 2.0).sum())
        return f"<Solids: {len(self)} prisms, {raised} of them with air below>"


def triangulate(polygons: Polygons) -> tuple[FloatArray, IntArray]:
    """Cut polygons into triangles in plan (constrained Delaunay, counter-clockwise).

    Returns
    -------
    tuple
        Corners (m, 3, 2) [m] and the polygon row of each triangle (m).
    """
    parts, row = shapely.get_parts(shapely.constrained_delaunay_triangles(polygons.to_shapely()), return_index=True)
    return shapely.get_coordinates(shapely.orient_polygons(parts)).reshape(-1, 4, 2)[:, :3], row.astype(np.int64)


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
    return Triangles(corners, owner[np.concatenate([who, who, row, row])], np.ones(len(corners), bool))


def terrain_triangles(terrain: Terrain) -> Triangles:
    """Return two upward triangles for each grid cell whose corners are known, and walls down from where they end.

    With the walls no ray comes in from below that would leave by a side that triangles of solids are not asked for.
    """
    rows, columns = terrain.z.shape
    x = terrain.x0 + terrain.spacing * np.arange(columns)
    y = terrain.y0 + terrain.spacing * np.arange(rows)
    nodes = np.dstack([*np.meshgrid(x, y), terrain.z]).reshape(-1, 3)
    at = np.arange(len(nodes)).reshape(rows, columns)
    sw, se, nw, ne = (part.reshape(-1) for part in (at[:-1, :-1], at[:-1, 1:], at[1:, :-1], at[1:, 1:]))
    triangles = np.concatenate([np.column_stack([sw, se, ne]), np.column_stack([sw, ne, nw])])
    triangles = triangles[np.isfinite(nodes[triangles, 2]).all(axis=1)]
    edges = triangles[:, [0, 1, 1, 2, 2, 0]].reshape(-1, 2)
    rim = edges[~np.isin(edges @ [len(nodes), 1], edges[:, ::-1] @ [len(nodes), 1])]
    (a, b), low = nodes[rim.T], np.nanmin(terrain.z, initial=np.inf) - 1.0
    foot_a, foot_b = (np.column_stack([end[:, :2], np.full(len(end), low)]) for end in (a, b))
    walls = [np.stack([foot_a, foot_b, b], axis=1), np.stack([foot_a, b, a], axis=1)]
    corners = np.concatenate([nodes[triangles], *walls])
    return Triangles(corners, np.full(len(corners), -1, dtype=np.int64), np.ones(len(corners), bool))
