"""What exemptions ask of a space, measured from the drawing: a label alone frees nothing."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import shapely

from cimkit.geometry.ragged import ragged_rows
from cimkit.model.kinds import FacilityKind, PathKind, SpaceKind

if TYPE_CHECKING:
    from collections.abc import Mapping

    from cimkit.arrays import FloatArray, IntArray
    from cimkit.model.community import Community
    from cimkit.model.tables import Storeys
    from cimkit.sim.area_items import Items

STOREY, VOID, SPACE = 0, 1, 2  # families of items
SAME_PLACE = 0.05  # [m] drawings meet to this
SLIVER = 0.005  # [m]

MEASURED = (
    *("open_share", "open_sides", "share_45", "width", "short_side", "corridor_width", "path_gap", "continuous"),
    *("covered_share", "void_height"),
)
STREETS = (PathKind.STREET, PathKind.MAIN_ROAD)
COVERABLE = (
    *(SpaceKind.STILT, SpaceKind.PUBLIC_OPEN_SPACE, SpaceKind.PUBLIC_PASSAGE, SpaceKind.EVACUATION_CORRIDOR),
    SpaceKind.TERRACE,
)
ROUTES = (SpaceKind.EVACUATION_CORRIDOR, SpaceKind.FIRE_LANE, SpaceKind.ROAD)
REACH, DOOR = 0.5, 30.0  # [m] parts of a route join across a kerb; a door joins it over so much open ground


def next_storeys(storeys: Storeys, step: int) -> IntArray:
    """Return the row of the storey above (``step`` 1) or below (-1) each storey of a building, -1 for none."""
    rank = storeys.level - (storeys.level > 0)  # there is no level 0
    key = storeys.building * 100_000 + rank
    order = np.argsort(key)
    at = np.minimum(np.searchsorted(key[order], key + step), max(len(order) - 1, 0))
    found: IntArray = np.where(key[order][at] == key + step, order[at], -1) if len(order) else order
    return found


def _rectangles(shapes: Any) -> FloatArray:
    """Return three corners of the smallest rectangle around each shape, shape (n, 3, 2) [m].

    Around a triangle two or three are equally small: the narrowest is taken. Of lines they are 0.
    """
    hulls = shapely.convex_hull(shapes)
    size = np.where(shapely.get_dimensions(hulls) == 2, shapely.get_num_coordinates(hulls), 0)
    corners = np.zeros((len(hulls), 3, 2))
    for count in np.unique(size[size > 0]):
        rows = np.flatnonzero(size == count)
        xy = shapely.get_coordinates(hulls[rows]).reshape(len(rows), count, 2)
        side = np.diff(xy, axis=1)  # one of them lies on the rectangle
        along = side / np.hypot(side[..., 0], side[..., 1])[..., None]
        across = np.stack([-along[..., 1], along[..., 0]], axis=-1)
        u, v = along @ xy.swapaxes(1, 2), across @ xy.swapaxes(1, 2)
        width, area = np.ptp(v, axis=2), np.ptp(u, axis=2) * np.ptp(v, axis=2)
        smallest = area <= area.min(axis=1, keepdims=True) * (1 + 1e-9)
        best = np.arange(len(rows)), np.where(smallest, width, np.inf).argmin(axis=1)
        ends = [(u.min(axis=2), v.min(axis=2)), (u.max(axis=2), v.min(axis=2)), (u.max(axis=2), v.max(axis=2))]
        for k, (a, b) in enumerate(ends):
            corners[rows, k] = a[best][:, None] * along[best] + b[best][:, None] * across[best]
    return corners


def short_sides(shapes: Any) -> FloatArray:
    """Return the short side of the smallest rectangle around each shape, to the millimetre, shape (n) [m]."""
    sides = np.hypot(*np.moveaxis(np.diff(_rectangles(shapes), axis=1), 2, 0))
    return np.round(sides.min(axis=1), 3) if len(sides) else np.zeros(0)


def measure(community: Community, items: Items, wanted: Mapping[str, IntArray]) -> dict[str, FloatArray]:
    """Return columns of measured properties; what is not asked for, or cannot be told, is nan.

    ``wanted`` says of which items each property of ``MEASURED`` is asked.
    """
    n = len(items)
    columns = {name: np.full(n, np.nan) for name in MEASURED}
    openness = np.unique(np.concatenate([wanted.get(k, np.zeros(0, np.int64)) for k in MEASURED[:3]]))
    if len(openness):
        shapes = item_shapes(community, items, openness)
        border, free = _free_borders(community, items, openness, shapes)
        columns["open_share"][openness] = np.round(shapely.length(free) / shapely.length(border), 3)
    for name, rows in wanted.items():
        if name not in _MEASURES or len(rows) == 0:
            continue
        if name in ("open_sides", "share_45"):
            at = np.searchsorted(openness, rows)
            values = _open_sides(shapes[at], border[at], free[at])
            if name == "share_45":
                values = _shares_45(shapes[at], free[at], items["clear_height"][rows])
        else:
            values = _MEASURES[name](community, items, rows)
        columns[name][rows] = values
    under = np.flatnonzero((items["code"] // 256 == SPACE) & np.isin(items["kind"], COVERABLE) & (items["storey"] >= 0))
    columns["covered_share"][under] = _covered_shares(community, items, under)
    return columns


def item_shapes(community: Community, items: Items, rows: IntArray) -> Any:
    """Return the outline of each item: the space's or opening's, else the plate of the storey."""
    shapes = np.empty(len(rows), dtype=object)
    storey = items["storey"][rows]
    for name, table in (("space", community.spaces), ("void", community.voids)):
        own = items[name][rows] >= 0
        shapes[own] = table.outline.take(items[name][rows][own]).to_shapely()
    rest = shapely.is_missing(shapes)
    shapes[rest] = community.plates.outline.take(community.storeys.plate[storey[rest]]).to_shapely()
    return shapes


def _united(shapes: Any, owner: IntArray, count: int) -> Any:
    """Return the union of the shapes of each owner, empty for those without, shape (count)."""
    result = np.full(count, shapely.Polygon(), dtype=object)
    if len(owner):
        order = np.argsort(owner, kind="stable")
        own, place = np.unique(owner[order], return_inverse=True)
        result[own] = shapely.union_all(shapely.geometrycollections(shapes[order], indices=place)[:, None], axis=1)
    return result


def _free_borders(community: Community, items: Items, rows: IntArray, shapes: Any) -> tuple[Any, Any]:
    """Return the outline of each item, and what of it no wall stands along.

    Walls are closed spaces of the storey, what remains of a storey with outer walls, and other buildings.
    """
    storeys, spaces = community.storeys, community.spaces
    storey = items["storey"][rows]
    count = len(rows)
    order = np.argsort(spaces.storey, kind="stable")
    first = np.searchsorted(spaces.storey[order], np.arange(-1, len(storeys) + 1))
    there = np.where(storey >= 0, storey, len(storeys)) + 1
    places, offsets = ragged_rows(np.append(first, len(order)), there)
    owner, other = np.repeat(np.arange(count), np.diff(offsets)), order[places]
    apart = (other != items["space"][rows][owner]) & (storey[owner] >= 0)
    owner, other = owner[apart], other[apart]
    outlines = spaces.outline.take(other).to_shapely()
    closed, opened = spaces.enclosed[other] == 1, spaces.enclosed[other] == 0
    walls = _united(outlines[closed], owner[closed], count)
    solid = np.flatnonzero((storey >= 0) & np.append(storeys.enclosed, False)[storey])
    plates = community.plates.outline.take(storeys.plate[storey[solid]]).to_shapely()
    open_parts = shapely.union(shapes[solid], _united(outlines[opened], owner[opened], count)[solid])
    walls[solid] = shapely.union(walls[solid], shapely.difference(plates, open_parts))
    footprints = community.buildings.footprint.to_shapely()
    near, building = shapely.STRtree(footprints).query(shapes, predicate="dwithin", distance=SAME_PLACE)
    floor = np.append(storeys.z, 0.0)[storey]
    beside = (building != items["building"][rows][near]) & (community.buildings.height[building] > floor[near])
    neighbours = _united(footprints[building[beside]], near[beside], count)
    walls = shapely.union(walls, neighbours)
    border = shapely.boundary(shapes)
    free = border.copy()
    some = np.flatnonzero(~shapely.is_empty(walls))
    thick = shapely.buffer(walls[some], -SLIVER, join_style="mitre")  # what rounding leaves between edges is no wall
    free[some] = shapely.difference(border[some], shapely.buffer(thick, SAME_PLACE + SLIVER))
    return border, free


def _open_sides(shapes: Any, border: Any, free: Any) -> FloatArray:
    """Return how many of the four sides of the smallest rectangle around are open over half their length."""
    corners = _rectangles(shapes)
    axis = corners[:, 1] - corners[:, 0]
    axis /= np.maximum(np.hypot(*axis.T), 1e-9)[:, None]
    middle = 0.5 * (corners[:, 0] + corners[:, 2])

    def by_side(lines: Any) -> FloatArray:
        parts, row = shapely.get_parts(lines, return_index=True)
        xy, part = shapely.get_coordinates(parts, return_index=True)
        step = np.diff(xy, axis=0)[part[1:] == part[:-1]]
        at = (0.5 * (xy[1:] + xy[:-1]))[part[1:] == part[:-1]]
        k = row[part[1:][part[1:] == part[:-1]]]
        length, off = np.hypot(*step.T), at - middle[k]
        along = np.abs((step * axis[k]).sum(axis=1)) > 0.7071 * length
        u, v = (off * axis[k]).sum(axis=1), axis[k, 0] * off[:, 1] - axis[k, 1] * off[:, 0]
        side = np.where(along, (v > 0).astype(int), 2 + (u > 0))
        sums: FloatArray = np.bincount(4 * k + side, length, 4 * len(shapes)).reshape(-1, 4).astype(np.float64)
        return sums

    whole = by_side(border)
    result: FloatArray = ((by_side(free) >= 0.5 * whole) & (whole > 0)).sum(axis=1).astype(np.float64)
    return result


def _shares_45(shapes: Any, free: Any, height: FloatArray) -> FloatArray:
    """Return the share of each space within the line that falls at 45° from the edge of what covers it."""
    lit = shapely.intersection(shapes, shapely.buffer(free, np.nan_to_num(height, posinf=1e4), quad_segs=32))
    share: FloatArray = np.where(np.isnan(height), np.nan, np.round(shapely.area(lit) / shapely.area(shapes), 4))
    return share


def _widths(community: Community, items: Items, rows: IntArray) -> FloatArray:
    """Return the diameter of the largest circle within each outline [m]."""
    shapes = item_shapes(community, items, rows)
    width: FloatArray = np.round(2.0 * shapely.length(shapely.maximum_inscribed_circle(shapes, 0.01)), 2)
    return width


def _corridor_widths(community: Community, items: Items, rows: IntArray) -> FloatArray:
    """Return the diameter of the largest circle that can be rolled through each outline, to 1 cm [m]."""
    shapes = item_shapes(community, items, rows)
    low, high = np.zeros(len(rows)), 2.0 * shapely.length(shapely.maximum_inscribed_circle(shapes, 0.01)) + 0.02
    while (high - low > 0.005).any():
        middle = 0.5 * (low + high)
        left = shapely.buffer(shapes, -0.5 * middle, join_style="mitre")
        passes = ~shapely.is_empty(left) & (shapely.get_num_geometries(left) == 1)
        low, high = np.where(passes, middle, low), np.where(passes, high, middle)
    width: FloatArray = np.round(0.5 * (low + high), 2)
    return width


def _path_gaps(community: Community, items: Items, rows: IntArray) -> FloatArray:
    """Return the distance to the nearest public path from which a street can be reached [m]."""
    from scipy.sparse import coo_array
    from scipy.sparse.csgraph import connected_components

    edges, gaps = community.path_edges, np.full(len(rows), np.nan)
    public = np.flatnonzero(edges.public)
    if len(public) == 0:
        return gaps
    size = len(community.path_nodes)
    graph = coo_array((np.ones(len(public)), (edges.start[public], edges.end[public])), shape=(size, size))
    part = connected_components(graph, directed=False)[1][edges.start[public]]
    streets = np.isin(edges.kind[public], STREETS)
    reached = np.isin(part, part[streets]) if streets.any() else part == np.bincount(part).argmax()
    tree = shapely.STRtree(edges.course.to_shapely()[public[reached]])
    found, distance = tree.query_nearest(item_shapes(community, items, rows), all_matches=False, return_distance=True)
    gaps[found[0]] = np.round(distance, 2)
    return gaps


def _continuous(community: Community, items: Items, rows: IntArray) -> FloatArray:
    """Return 1 where a route leads on from a building to a shelter, 0 where it breaks off.

    Routes go over corridors, fire lanes, roads and paths that can be walked; nan where the data knows no shelter.
    """
    from scipy.sparse import coo_array
    from scipy.sparse.csgraph import connected_components

    spaces, edges, facilities = community.spaces, community.path_edges, community.facilities
    camps = facilities.kind == FacilityKind.SHELTER
    points = shapely.points(np.column_stack([facilities.x[camps], facilities.y[camps]]))
    grounds = spaces.outline.take(np.flatnonzero(spaces.kind == SpaceKind.SHELTER)).to_shapely()
    if len(points) + len(grounds) == 0:
        return np.full(len(rows), np.nan)
    lanes = spaces.outline.take(np.flatnonzero(np.isin(spaces.kind, ROUTES))).to_shapely()
    walkable = ~np.isin(edges.kind, (PathKind.TRUNK_ROAD, PathKind.RAILWAY))
    half = 0.5 * np.nan_to_num(edges.width[walkable], nan=0.0)
    paths = shapely.buffer(edges.course.to_shapely()[walkable], half, quad_segs=2)
    shapes = np.concatenate([lanes, paths, item_shapes(community, items, rows)])
    tree, size = shapely.STRtree(shapes), len(shapes)
    near = tree.query(shapes, predicate="dwithin", distance=REACH)
    part = connected_components(coo_array((np.ones(near.shape[1]), tuple(near)), shape=(size, size)), directed=False)[1]

    def met(ends: Any, distance: float) -> IntArray:
        found: IntArray = part[tree.query(ends, predicate="dwithin", distance=distance)[1]]
        return found

    own = part[size - len(rows) :]
    begins = np.concatenate([met(community.buildings.footprint.to_shapely(), DOOR), own[items["building"][rows] >= 0]])
    ends = np.concatenate([met(grounds, REACH), met(points, DOOR)])
    return np.isin(own, np.intersect1d(begins, ends)).astype(np.float64)


def _covered_shares(community: Community, items: Items, rows: IntArray) -> FloatArray:
    """Return which share of each space lies under the next storey of its building."""
    storeys, share = community.storeys, np.zeros(len(rows))
    if len(rows) == 0:
        return share
    above = next_storeys(storeys, 1)[items["storey"][rows]]
    found = np.flatnonzero(above >= 0)
    shapes = item_shapes(community, items, rows[found])
    roofs = community.plates.outline.take(storeys.plate[above[found]]).to_shapely()
    share[found] = shapely.area(shapely.intersection(shapes, roofs)) / shapely.area(shapes)
    return np.round(share, 3)


def _void_heights(community: Community, items: Items, rows: IntArray) -> FloatArray:
    """Return the height of each hall under an opening: that of its storey and the one below [m]."""
    storeys, storey = community.storeys, items["storey"][rows]
    below = next_storeys(storeys, -1)[storey]
    top = storeys.z[storey] + storeys.height[storey]
    return np.where(below >= 0, np.round(top - storeys.z[below], 3), np.nan)


_MEASURES: dict[str, Any] = {
    "open_sides": None,
    "share_45": None,
    "width": _widths,
    "short_side": lambda c, i, r: short_sides(item_shapes(c, i, r)),
    "corridor_width": _corridor_widths,
    "path_gap": _path_gaps,
    "continuous": _continuous,
    "void_height": _void_heights,
}
