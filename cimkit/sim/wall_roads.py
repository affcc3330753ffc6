"""Walls and the site roads in front of them: entrance side, gable, other wall."""

from __future__ import annotations

from itertools import pairwise
from typing import TYPE_CHECKING, Any

import numpy as np
import shapely

from cimkit.model.kinds import PathKind

if TYPE_CHECKING:
    from cimkit.model.community import Community

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
    b, e, doors = community.buildings, community.path_edges, community.entrances
    rows = np.flatnonzero((e.kind == PathKind.SERVICE) & (e.width > 0))
    lines = shapely.force_2d(e.course.take(rows).to_shapely())
    tree = shapely.STRtree(lines)
    out: dict[str, dict[int, tuple[float, float]]] = {kind: {} for kind in ("entrance", "wall", "gable")}
    for k, shape in enumerate(b.footprint.to_shapely()):
        own = doors.building == k
        points = shapely.points(doors.x[own], doors.y[own])
        found: dict[str, tuple[float, float]] = {}
        close = tree.query(shape, predicate="dwithin", distance=BESIDE + HALF)
        for kind, wall in _walls(shape, points) if len(close) else ():
            front = shapely.buffer(wall, -(BESIDE + HALF), single_sided=True)
            for i in close:
                part = shapely.intersection(lines[i], front)
                gap = float(wall.distance(part)) - 0.5 * float(e.width[rows[i]]) if not part.is_empty else np.inf
                if gap < min(BESIDE, found.get(kind, (np.inf, 0.0))[0]):
                    found[kind] = (max(round(gap, 3), 0.0), float(e.width[rows[i]]))
        for kind in out:
            out[kind][k] = found.get(kind, (np.inf, np.nan))
    return out


def _walls(shape: Any, doors: Any) -> list[tuple[str, Any]]:
    """Return the walls of an outline, counter-clockwise, each with its kind."""
    ring = shapely.get_coordinates(shapely.orient_polygons(shape, exterior_cw=False).exterior)
    box = shapely.get_coordinates(shapely.minimum_rotated_rectangle(shape))
    sides = np.diff(box, axis=0)[:2]
    length = np.hypot(*sides.T)
    short = sides[int(length.argmin())] / max(float(length.min()), 1e-9)
    gabled = length.min() < GABLE * length.max()
    out = []
    for a, c in pairwise(ring):
        wall, step = shapely.linestrings([a, c]), c - a
        if len(doors) and shapely.dwithin(doors, wall, 1.0).any():
            kind = "entrance"
        else:
            kind = "gable" if gabled and abs(step @ short) > 0.9 * np.hypot(*step) else "wall"
        out.append((kind, wall))
    return out
