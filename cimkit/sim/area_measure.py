"""What exemptions ask of a space's shape, measured from the model: open perimeter, width, way to the street."""

from __future__ import annotations

from typing import Any

import numpy as np
import shapely

from cimkit.arrays import FloatArray, IntArray
from cimkit.model.community import Community
from cimkit.sim.area_items import SAME_PLACE, Items, short_sides


def measure(community: Community, items: Items, rows: IntArray) -> dict[str, FloatArray]:
    """Return columns of further properties; those of other items than ``rows`` are unknown."""
    n = len(items)
    columns = {name: np.full(n, np.nan) for name in ("open_share", "width", "short_side", "path_gap")}
    if len(rows) == 0:
        return columns
    shapes = _shapes(community, items, rows)
    columns["width"][rows] = np.round(2.0 * shapely.length(shapely.maximum_inscribed_circle(shapes, 0.01)), 2)
    columns["short_side"][rows] = short_sides(shapes)
    columns["open_share"][rows] = _open_shares(community, items, rows, shapes)
    edges = community.path_edges
    if len(edges):
        tree = shapely.STRtree(edges.course.to_shapely()[edges.public])
        found, gaps = tree.query_nearest(shapes, all_matches=False, return_distance=True)
        columns["path_gap"][rows[found[0]]] = np.round(gaps, 2)
    return columns


def _shapes(community: Community, items: Items, rows: IntArray) -> Any:
    """Return the outline of each item: the space's, else the plate of the storey."""
    space, storey = items["space"][rows], items["storey"][rows]
    shapes = np.empty(len(rows), dtype=object)
    own = space >= 0
    shapes[own] = community.spaces.outline.take(space[own]).to_shapely()
    shapes[~own] = community.plates.outline.take(community.storeys.plate[storey[~own]]).to_shapely()
    return shapes


def _open_shares(community: Community, items: Items, rows: IntArray, shapes: Any) -> FloatArray:
    """Return which share of each outline no wall of the same storey stands along."""
    result = np.ones(len(rows))
    storey = items["storey"][rows]
    plates, spaces = community.plates.outline, community.spaces
    for k in np.flatnonzero(storey >= 0):
        own = np.flatnonzero(spaces.storey == storey[k])
        own = own[own != items["space"][rows[k]]]
        closed = spaces.outline.take(own[spaces.enclosed[own] == 1]).to_shapely()
        walls = shapely.union_all(closed) if len(closed) else shapely.Polygon()
        if community.storeys.enclosed[storey[k]]:
            open_parts = spaces.outline.take(own[spaces.enclosed[own] == 0]).to_shapely()
            plate = plates.take(community.storeys.plate[storey[k : k + 1]]).to_shapely()[0]
            rest = shapely.difference(plate, shapely.union_all([shapes[k], *open_parts]))
            walls = shapely.union(walls, rest)
        border = shapely.boundary(shapes[k])
        free = shapely.difference(border, shapely.buffer(walls, SAME_PLACE))
        result[k] = round(shapely.length(free) / shapely.length(border), 3)
    return result
