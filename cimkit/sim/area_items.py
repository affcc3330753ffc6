"""What the area ledgers are about: each storey, opening and space with its area and all that rules ask of it.

Every square metre stands in one item only: where openings and spaces of a storey overlap, the one that comes
first in ``PRIORITY`` has it, and the storey itself has what is left.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import shapely

from cimkit.geometry.polygons import Polygons
from cimkit.geometry.ragged import offsets_of, ragged_rows
from cimkit.kernels.overlay import Overlay, overlay_areas
from cimkit.kernels.overlay_edges import Shapes
from cimkit.kernels.overlay_groups import distinct_plates, every_plate, meet_parcels
from cimkit.kernels.overlay_sweep import COVERED, NET
from cimkit.model.kinds import Kind, SpaceKind, StoreyKind, VoidKind
from cimkit.sim.area_measure import SPACE, STOREY, VOID, next_storeys, short_sides

if TYPE_CHECKING:
    from cimkit.arrays import BoolArray, FloatArray, IntArray
    from cimkit.model.community import Community
    from cimkit.model.tables import Storeys

FAMILIES: dict[type[Kind], int] = {StoreyKind: 0, VoidKind: 1, SpaceKind: 2}
INSIDE = (  # spaces that take their area from the storey, in this order where they overlap
    *(SpaceKind.EVACUATION_CORRIDOR, SpaceKind.PUBLIC_PASSAGE, SpaceKind.ROOM, SpaceKind.REFUGE, SpaceKind.SHELTER),
    *(SpaceKind.CORRIDOR, SpaceKind.SKY_GARDEN, SpaceKind.BALCONY, SpaceKind.TERRACE, SpaceKind.STILT),
    *(SpaceKind.PUBLIC_OPEN_SPACE, SpaceKind.UNDER_STAND),
)
OUTSIDE = (  # spaces that have area beyond the storey's outline, in this order where they overlap
    *(SpaceKind.EVACUATION_CORRIDOR, SpaceKind.PUBLIC_PASSAGE, SpaceKind.CORRIDOR, SpaceKind.SKY_CORRIDOR),
    *(SpaceKind.SKY_GARDEN, SpaceKind.BALCONY, SpaceKind.TERRACE, SpaceKind.BAY_WINDOW, SpaceKind.EQUIPMENT_PLATFORM),
    *(SpaceKind.EXTERNAL_STAIR, SpaceKind.RAMP, SpaceKind.PUBLIC_OPEN_SPACE, SpaceKind.SHED),
    *(SpaceKind.RAIN_CORRIDOR, SpaceKind.CANOPY, SpaceKind.UNDER_STAND),
)
IN_STRUCTURE = (SpaceKind.EQUIPMENT_PLATFORM, SpaceKind.BAY_WINDOW, SpaceKind.EXTERNAL_STAIR, SpaceKind.RAMP)
BUILT_ON_GROUND = (
    *(SpaceKind.CANOPY, SpaceKind.SHED, SpaceKind.RAIN_CORRIDOR, SpaceKind.SKY_CORRIDOR, SpaceKind.RAMP),
    *(SpaceKind.EXTERNAL_STAIR, SpaceKind.BAY_WINDOW, SpaceKind.EQUIPMENT_PLATFORM),
    *(SpaceKind.STAND, SpaceKind.UNDER_STAND),
)
OPENINGS = (VoidKind.ATRIUM, VoidKind.VOID_ROOM, VoidKind.LIGHT_WELL)  # after wells, which stand in them
ATTIC_STEPS = (0.0, 1.20, 2.10, 2.20)  # [m] clear heights at which the codes change their mind
LEAST = 0.01  # [m²] what remains of a storey by rounding alone is nothing


@dataclass(frozen=True, repr=False)
class Items:
    """Columns of n items by name, and how much of the storeys' plates they share among them [m²]."""

    columns: dict[str, Any]

    def __getitem__(self, name: str) -> Any:
        return self.columns[name]

    def __len__(self) -> int:
        return len(self.columns["area"])

    def __repr__(self) -> str:
        return f"<{len(self)} items, {self['area'].sum():,.0f} m²>"


def area_items(community: Community) -> Items:
    """Return all items of a community: storeys (pitched roofs in steps of height), openings, spaces."""
    storeys, spaces = community.storeys, community.spaces
    left, opening, inside, drawn_inside = _shares(community)
    outside, drawn_outside = _beyond(community)
    whole = (spaces.storey < 0) | ~np.isin(spaces.kind, [*INSIDE, *OUTSIDE])
    outside[whole] = spaces.outline.areas()[whole]
    within = drawn_inside > drawn_outside + LEAST  # as drawn: what else lies there does not move it
    parts = [
        _storey_items(storeys, left),
        _void_items(community, opening),
        _space_items(community, inside + outside, within),
    ]
    names = dict.fromkeys(name for p in parts for name in p)
    columns = {name: np.concatenate([_column(p, name) for p in parts]) for name in names}
    family = np.repeat([STOREY, VOID, SPACE], [len(p["area"]) for p in parts])
    columns["code"] = family * 256 + columns["kind"]
    columns["area"][columns["area"] < LEAST] = 0.0
    building = np.append(storeys.building, -1)[columns["storey"]]
    columns["building"] = building
    columns["use"] = _use(community, columns["storey"], building)
    return Items(columns)


_MISSING: dict[str, Any] = {"storey": -1, "void": -1, "space": -1, "dwelling": -1, "level": 0, "public": False}
_STATES = ("on_ground", "enclosed", "roofed", "inside_structure", "columns_rows")


def _column(part: dict[str, Any], name: str) -> Any:
    """Return a column of a part, filled with "unknown" where the part has none."""
    if name in part:
        return part[name]
    empty = -1 if name in _STATES else _MISSING.get(name, np.nan)
    return np.full(len(part["area"]), empty)


def _use(community: Community, storey: IntArray, building: IntArray) -> IntArray:
    """Return the use of each item: the storey's, else the building's."""
    own = np.append(community.storeys.use, 0)[storey]
    result: IntArray = np.where(own != 0, own, np.append(community.buildings.use, 0)[building])
    return result


def _storey_items(storeys: Storeys, area: FloatArray) -> dict[str, Any]:
    """Return the items of storeys; a pitched roof has one for each step of its clear height."""
    rows = np.arange(len(storeys))
    sloped = np.flatnonzero((storeys.kind == StoreyKind.ATTIC) & (storeys.clear_height < storeys.height))
    clear = storeys.clear_height.copy()
    if len(sloped):
        plain = np.setdiff1d(rows, sloped)
        low, high = storeys.clear_height[sloped, None], storeys.height[sloped, None]
        # From eaves to ridge the height grows evenly over the plan: exact for gables and lean-tos.
        above = np.clip((high - np.array(ATTIC_STEPS)) / (high - low), 0.0, 1.0)
        above[:, 0] = 1.0
        share = above - np.column_stack([above[:, 1:], np.zeros(len(sloped))])
        where, step = np.nonzero(share > 0)
        rows = np.concatenate([plain, sloped[where]])
        area = np.concatenate([area[plain], area[sloped[where]] * share[where, step]])
        clear = np.concatenate([clear[plain], np.array(ATTIC_STEPS)[step]])
    return {
        "kind": storeys.kind[rows],
        "storey": rows,
        "level": storeys.level[rows],
        "area": area,
        "height": storeys.height[rows],
        "clear_height": clear,
        "enclosed": storeys.enclosed[rows].astype(np.int64),
        "roofed": np.ones(len(rows), np.int64),
    }


def _void_items(community: Community, area: FloatArray) -> dict[str, Any]:
    """Return the items of openings in floors; one belongs to the only dwelling of its storey or the one below."""
    voids, storeys, dwellings = community.voids, community.storeys, community.dwellings
    first = np.full(len(storeys) + 1, -1)
    first[dwellings.storey] = np.arange(len(dwellings))
    first[:-1][np.bincount(dwellings.storey, minlength=len(storeys)) != 1] = -1
    below = next_storeys(storeys, -1)[voids.storey]
    dwelling = np.where(first[voids.storey] >= 0, first[voids.storey], first[below])
    return {
        "dwelling": dwelling,
        "inner_area": np.append(dwellings.inner_area, np.nan)[dwelling],
        "kind": voids.kind,
        "storey": voids.storey,
        "void": np.arange(len(voids)),
        "level": storeys.level[voids.storey],
        "area": area,
        "height": storeys.height[voids.storey],
    }


def _space_items(community: Community, area: FloatArray, within: BoolArray) -> dict[str, Any]:
    """Return the items of spaces, with their areas, and whether they lie within their storey."""
    spaces, storeys = community.spaces, community.storeys
    height = np.append(storeys.height, np.nan)[spaces.storey]
    height = np.where(np.isnan(height), spaces.clear_height, height)
    structure = np.where(spaces.inside_structure < 0, within, spaces.inside_structure)
    structure = np.where((spaces.storey < 0) & (spaces.inside_structure < 0), -1, structure)
    inner = np.append(community.dwellings.inner_area, np.nan)[spaces.dwelling]
    with np.errstate(invalid="ignore", divide="ignore"):
        storeys_high = spaces.clear_height / height
        inner_share = np.round(area / inner, 6)
    # Open ground: under the sky unless it is said to be roofed.
    on_ground = (spaces.storey < 0) & (spaces.roofed != 1) & ~np.isin(spaces.kind, BUILT_ON_GROUND)
    return {
        "kind": spaces.kind,
        "storey": spaces.storey,
        "on_ground": on_ground.astype(np.int64),
        "space": np.arange(len(spaces)),
        "dwelling": spaces.dwelling,
        "level": np.append(storeys.level, 0)[spaces.storey],
        "area": area,
        "height": height,
        "clear_height": np.where(on_ground & np.isnan(spaces.clear_height), np.inf, spaces.clear_height),
        "storeys_high": storeys_high,
        "enclosed": np.where(on_ground & (spaces.enclosed < 0), 0, spaces.enclosed),
        "roofed": spaces.roofed,
        "roofed_known": (spaces.roofed >= 0).astype(np.int64),
        "inside_structure": structure,
        "columns_rows": spaces.columns_rows,
        "sill_height": spaces.sill_height,
        "planted_share": spaces.planted_share,
        "soil_depth": spaces.soil_depth,
        "public": spaces.public,
        "depth": _depths(community, ~within),
        "inner_area": inner,
        "inner_share": inner_share,
        "clearance": np.where(spaces.storey < 0, spaces.z, np.append(storeys.z, np.nan)[spaces.storey]),
    }


def _ragged(shapes: Polygons) -> Shapes:
    """Return polygons as the kernel reads them."""
    return Shapes(shapes.xy, shapes.ring, shapes.poly)


def _owned(shapes: Polygons, sizes: IntArray, kind: IntArray) -> Shapes:
    """Return polygons with their owners as the kernel reads them."""
    return Shapes(shapes.xy, shapes.ring, shapes.poly, offsets_of(sizes), kind.astype(np.int64))


def _overlay(plates: Polygons, voids: Polygons | None, shapes: Polygons, owner: IntArray) -> Overlay:
    """Return the totals of each plate, the area of each shape on it, and what of it no earlier shape has.

    ``owner``: plate of each shape, in ascending order. Plates that repeat with all their shapes are computed once.
    """
    n = len(plates)
    sizes = np.bincount(owner, minlength=n)
    start = offsets_of(sizes)
    none = np.zeros(n, np.int64)
    holes = _owned(Polygons.empty(), none, none[:0]) if voids is None else _owned(voids, none + 1, none)
    layers = _ragged(plates), holes, _owned(shapes, sizes, np.arange(len(owner)) - start[owner])
    rows, equal = distinct_plates(*layers)
    once = offsets_of(sizes[rows])
    result = overlay_areas(*layers, _ragged(Polygons.empty()), every_plate(rows), start=once)
    if len(rows) == n:
        return result
    shape = ragged_rows(once, equal)[0]
    return result._replace(total=result.total[equal], start=start, share=result.share[shape], own=result.own[shape])


def areas_within(parcels: Polygons, shapes: Polygons) -> tuple[FloatArray, IntArray, IntArray, FloatArray]:
    """Return what shapes cover of each parcel, overlaps once [m²]; then, by parcels, each meeting of one with a shape.

    A meeting has the parcel, the shape, and the area they share [m²].
    """
    pairs = meet_parcels(_ragged(shapes), _ragged(parcels), np.arange(len(shapes)))
    order = np.argsort(pairs.parcel, kind="stable")
    parcel, shape = pairs.parcel[order], pairs.plate[order]
    result = _overlay(parcels, None, shapes.take(shape), parcel)
    return result.total[:, COVERED], parcel, shape, result.share


def _rank(kinds: Any, order: tuple[SpaceKind, ...]) -> IntArray:
    """Return the place of each kind in an order, -1 for those not in it."""
    table = np.full(256, -1, np.int64)
    table[np.array(order, dtype=np.int64)] = np.arange(len(order))
    return table[np.asarray(kinds, dtype=np.int64)]


def _by_priority(storey: IntArray, rank: IntArray, ids: Any, shapes: Polygons) -> IntArray:
    """Return the order of shapes by storey and rank; of one rank, the one whose id comes first has an overlap.

    The order of rows must not matter; ids are sorted only where boxes overlap, for that is slow.
    """
    first = np.lexsort((rank, storey))
    group = np.cumsum(np.append(0, (np.diff(storey[first]) != 0) | (np.diff(rank[first]) != 0)))
    rows = first[np.bincount(group)[group] > 1]
    if not len(rows):
        return first
    box, tied = shapes.bounds(), np.ones(len(storey), dtype=bool)
    for axis in (0, 1):  # if any two of a group overlap, so do two neighbours
        order = rows[np.lexsort((box[rows, axis], rank[rows], storey[rows]))]
        group = np.cumsum(np.append(0, (np.diff(storey[order]) != 0) | (np.diff(rank[order]) != 0)))
        meets = (np.diff(group) == 0) & (box[order[1:], axis] < box[order[:-1], axis + 2])
        tied[order] &= np.isin(group, group[1:][meets])
    place, rows = np.zeros(len(storey), np.int64), rows[tied[rows]]
    place[rows] = np.unique(ids[rows].astype(str), return_inverse=True)[1]
    return np.lexsort((place, rank, storey))


def _shares(community: Community) -> tuple[FloatArray, FloatArray, FloatArray, FloatArray]:
    """Return the area left to each storey, that of each opening and space within its storey, and as drawn [m²]."""
    storeys, voids, spaces = community.storeys, community.voids, community.spaces
    left = community.plates.outline.areas()[storeys.plate]
    opening, inside, drawn = np.zeros(len(voids)), np.zeros(len(spaces)), np.zeros(len(spaces))
    rank = _rank(spaces.kind, INSIDE)
    kind = np.append(storeys.kind, -1)[spaces.storey]
    rank[(kind == StoreyKind.ATTIC) & (spaces.kind == SpaceKind.ROOM)] = -1  # there the roof's height decides
    built_in = np.isin(spaces.kind, IN_STRUCTURE) & (spaces.inside_structure == 1)
    rank[built_in] = len(INSIDE)
    chosen = np.flatnonzero((spaces.storey >= 0) & (rank >= 0))
    storey = np.concatenate([voids.storey, spaces.storey[chosen]])
    if len(storey) == 0:
        return left, opening, inside, drawn
    ranks = np.concatenate([np.isin(voids.kind, OPENINGS) - 2, rank[chosen]])
    ids = np.concatenate([np.full(len(voids), "", dtype=object), spaces.id[chosen]])
    shapes = Polygons.concat([voids.outline, spaces.outline.take(chosen)])
    order = _by_priority(storey, ranks, ids, shapes)
    busy, owner = np.unique(storey[order], return_inverse=True)
    result = _overlay(community.plates.outline.take(storeys.plate[busy]), None, shapes.take(order), owner)
    left[busy] = result.total[:, NET] - result.total[:, COVERED]
    areas = np.empty((2, len(order)))
    areas[:, order] = result.own, result.share
    opening[:] = areas[0, : len(voids)]
    inside[chosen], drawn[chosen] = areas[:, len(voids) :]
    return left, opening, inside, drawn


def _beyond(community: Community) -> tuple[FloatArray, FloatArray]:
    """Return the area of each space beyond the outline of its storey, and as drawn [m²]."""
    storeys, spaces = community.storeys, community.spaces
    beyond, drawn = np.zeros(len(spaces)), np.zeros(len(spaces))
    rank = _rank(spaces.kind, OUTSIDE)
    chosen = np.flatnonzero((spaces.storey >= 0) & (rank >= 0))
    if len(chosen) == 0:
        return beyond, drawn
    outlines = spaces.outline.take(chosen)
    order = _by_priority(spaces.storey[chosen], rank[chosen], spaces.id[chosen], outlines)
    chosen, shapes = chosen[order], outlines.take(order)
    busy, owner = np.unique(spaces.storey[chosen], return_inverse=True)
    plates = community.plates.outline.take(storeys.plate[busy])
    result = _overlay(_boxes(shapes, owner), plates, shapes, owner)
    beyond[chosen], drawn[chosen] = result.own, result.share
    return beyond, drawn


def _boxes(shapes: Polygons, owner: IntArray) -> Polygons:
    """Return for each owner the rectangle around its shapes; owners ascend and have at least one each."""
    box, first = shapes.bounds(), np.flatnonzero(np.diff(owner, prepend=-1))
    box = np.column_stack([np.minimum.reduceat(box[:, :2], first), np.maximum.reduceat(box[:, 2:], first)])
    corners = box[:, [0, 1, 2, 1, 2, 3, 0, 3, 0, 1]]
    return Polygons(corners.reshape(-1, 2), 5 * np.arange(len(box) + 1), np.arange(len(box) + 1))


def _depths(community: Community, outside: BoolArray) -> FloatArray:
    """Return how far each balcony, garden and canopy reaches from the wall, or its width inside the walls [m]."""
    spaces, storeys = community.spaces, community.storeys
    depth = np.full(len(spaces), np.nan)
    asked = (SpaceKind.BALCONY, SpaceKind.SKY_GARDEN, SpaceKind.CANOPY, SpaceKind.CORRIDOR, SpaceKind.BAY_WINDOW)
    chosen = np.flatnonzero(np.isin(spaces.kind, asked) & (spaces.storey >= 0))
    out = chosen[outside[chosen]]
    if len(out):
        shapes = spaces.outline.take(out)
        sizes = np.diff(shapes.ring[shapes.poly])
        plates = community.plates.outline.to_shapely()[storeys.plate[spaces.storey[out]]]
        gaps = shapely.distance(shapely.points(shapes.xy), np.repeat(plates, sizes))
        depth[out] = np.round(np.maximum.reduceat(gaps, shapes.ring[shapes.poly[:-1]]), 3)
    rest = np.setdiff1d(chosen, out)
    depth[rest] = short_sides(spaces.outline.take(rest).to_shapely())
    return depth
