"""Walls and the site roads in front of them: entrance side, gable, other wall."""

from __future__ import annotations

from typing import Any

import numpy as np
import shapely

from cimkit.arrays import IntArray
from cimkit.model.community import Community
from cimkit.model.kinds import PathKind

BESIDE = 10.0  # [m] as far as a road is looked for in front of a wall
HALF = 15.0  # [m] half the width of the widest road
GABLE = 0.75  # a building whose sides are more alike than this has no gables


def wall_roads(community: Community) -> dict[str, dict[int, tuple[float, float]]]:
    """Return distance and width of the nearest site road in front of each kind of wall of each building.

    The distance is from the wall to the road's edge: to its middle less half its width [m].

    Parameters
    ----------
    community
        Buildings with their entrances, and paths of kind service with their width.

    Returns
    -------
    dict
        Kind of wall (``entrance``, ``wall``, ``gable``) → row of the building → distance and width [m];
        inf and nan where there is none in front.
    """
    e = community.path_edges
    rows = np.flatnonzero((e.kind == PathKind.SERVICE) & (e.width > 0))
    lines = shapely.force_2d(e.course.take(rows).to_shapely())
    walls, kind, building = _walls(community)
    front = shapely.buffer(walls, -(BESIDE + HALF), single_sided=True)
    wall, road = shapely.STRtree(lines).query(front, predicate="intersects")
    width = e.width[rows[road]]
    gap = shapely.distance(walls[wall], shapely.intersection(lines[road], front[wall])) - 0.5 * width
    nowhere = dict.fromkeys(range(len(community.buildings)), (np.inf, np.nan))
    out = {name: dict(nowhere) for name in ("entrance", "wall", "gable")}
    for k in np.argsort(gap, kind="stable")[::-1]:  # the nearest is written last
        if gap[k] < BESIDE:
            out[kind[wall[k]]][int(building[wall[k]])] = max(round(float(gap[k]), 3), 0.0), float(width[k])
    return out


def _walls(community: Community) -> tuple[Any, Any, IntArray]:
    """Return the walls of all outlines, counter-clockwise, the kind of each, and its building."""
    doors, shapes = community.entrances, community.buildings.footprint.to_shapely()
    rings = shapely.get_exterior_ring(shapely.orient_polygons(shapes, exterior_cw=False))
    xy, owner = shapely.get_coordinates(rings, return_index=True)
    same = owner[1:] == owner[:-1]
    owner, step = owner[1:][same], np.diff(xy, axis=0)[same]
    walls = shapely.linestrings(np.stack([xy[:-1], xy[1:]], axis=1)[same])
    box = shapely.get_coordinates(shapely.minimum_rotated_rectangle(shapes)).reshape(-1, 5, 2)
    sides = np.diff(box, axis=1)[:, :2]
    length = np.linalg.norm(sides, axis=2)
    short = sides[np.arange(len(sides)), length.argmin(axis=1)] / np.maximum(length.min(axis=1), 1e-9)[:, None]
    gabled = length.min(axis=1) < GABLE * length.max(axis=1)
    across = np.abs((step * short[owner]).sum(axis=1)) > 0.9 * np.linalg.norm(step, axis=1)
    kind = np.where(gabled[owner] & across, "gable", "wall").astype(object)
    near, door = shapely.STRtree(shapely.points(doors.x, doors.y)).query(walls, predicate="dwithin", distance=1.0)
    kind[near[doors.building[door] == owner[near]]] = "entrance"
    return walls, kind, owner
