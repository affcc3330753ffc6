"""What the area ledgers are about: each storey, opening and space with its area and all that rules ask of it.

Every square metre stands in one item only: where openings and spaces of a storey overlap, the one that comes
first in ``INSIDE`` or ``OUTSIDE`` has it, and the storey itself has what is left.
"""

from typing import Any

import numpy as np
import shapely

from cimkit.arrays import BoolArray, FloatArray, IntArray
from cimkit.geometry.polygons import Polygons
from cimkit.geometry.ragged import offsets_of, ragged_rows
from cimkit.kernels.overlay import Overlay, overlay_areas
from cimkit.kernels.overlay_edges import Shapes
from cimkit.kernels.overlay_groups import distinct_plates, every_plate, meet_parcels
from cimkit.kernels.overlay_sweep import COVERED, NET
from cimkit.model.community import Community
from cimkit.model.kinds import Kind, SpaceKind, StoreyKind, VoidKind
from cimkit.model.tables import Storeys
from cimkit.sim.area_rules import kinds_named, next_storeys, short_sides

Items = dict[str, Any]  #: Columns of n items by name.
INSIDE = kinds_named(["inside"])  # spaces that take their area from the storey, in this order where they overlap
OUTSIDE = kinds_named(["outside"])  # spaces with area beyond the storey's outline, in this order where they overlap
IN_STRUCTURE, BUILT_ON_GROUND = kinds_named(["in_structure"]), kinds_named(["built_on_ground"])
OPENINGS = (VoidKind.ATRIUM, VoidKind.VOID_ROOM, VoidKind.LIGHT_WELL)  # after wells, which stand in them
ATTIC_STEPS = (0.0, 1.20, 2.10, 2.20)  # [m] clear heights at which the codes change their mind
LEAST = 0.01  # [m²] what remains of a storey by rounding alone is nothing
_STATES = ("on_ground", "enclosed", "roofed", "inside_structure", "columns_rows")
_MISSING = dict.fromkeys((*_STATES, "storey", "void", "space", "dwelling"), -1) | {"level": 0, "public": False}


def area_items(community: Community) -> Items:
    """Return all items of a community: storeys (pitched roofs in steps of height), openings, spaces."""
    storeys, spaces = community.storeys, community.spaces
    left, opening, (inside, drawn_inside), (outside, drawn_outside) = _shares(community)
    whole = (spaces.storey < 0) | ~np.isin(spaces.kind, [*INSIDE, *OUTSIDE])
    outside[whole] = spaces.outline.areas()[whole]
    within = drawn_inside > drawn_outside + LEAST  # as drawn: what else lies there does not move it
    parts = [_storey_items(storeys, left), _void_items(community, opening)]
    parts.append(_space_items(community, inside + outside, within))
    sizes = [len(part["area"]) for part in parts]
    items: Items = {}
    for name in dict.fromkeys(name for part in parts for name in part):
        unknown = _MISSING.get(name, np.nan)
        items[name] = np.concatenate([p.get(name, np.full(n, unknown)) for p, n in zip(parts, sizes, strict=True)])
    items["code"] = np.repeat(np.arange(3), sizes) * 256 + items["kind"]
    items["area"][items["area"] < LEAST] = 0.0
    items["building"] = np.append(storeys.building, -1)[items["storey"]]
    own = np.append(storeys.use, 0)[items["storey"]]
    items["use"] = np.where(own != 0, own, np.append(community.buildings.use, 0)[items["building"]])
    return items


def _storey_items(storeys: Storeys, area: FloatArray) -> Items:
    """Return the items of storeys; a pitched roof has one for each step of its clear height."""
    sloped = np.flatnonzero((storeys.kind == StoreyKind.ATTIC) & (storeys.clear_height < storeys.height))
    plain = np.delete(np.arange(len(storeys)), sloped)
    low, high = storeys.clear_height[sloped, None], storeys.height[sloped, None]
    # From eaves to ridge the height grows evenly over the plan: exact for gables and lean-tos.
    above = np.clip((high - np.array(ATTIC_STEPS)) / (high - low), 0.0, 1.0)
    above[:, 0] = 1.0
    share = -np.diff(above, append=0.0)
    where, step = np.nonzero(share > 0)
    rows = np.concatenate([plain, sloped[where]])
    own: Items = {name: getattr(storeys, name)[rows] for name in ("kind", "level", "height")}
    own |= {"enclosed": storeys.enclosed[rows].astype(np.int64), "roofed": np.ones(len(rows), np.int64)}
    area = np.concatenate([area[plain], area[sloped[where]] * share[where, step]])
    clear = np.concatenate([storeys.clear_height[plain], np.array(ATTIC_STEPS)[step]])
    return own | {"storey": rows, "area": area, "clear_height": clear}


def _void_items(community: Community, area: FloatArray) -> Items:
    """Return the items of openings in floors; one belongs to the only dwelling of its storey or the one below."""
    voids, storeys, dwellings = community.voids, community.storeys, community.dwellings
    only = np.full(len(storeys) + 1, -1)
    only[dwellings.storey] = np.arange(len(dwellings))
    only[:-1][np.bincount(dwellings.storey, minlength=len(storeys)) != 1] = -1
    below = next_storeys(storeys, -1)[voids.storey]
    dwelling = np.where(only[voids.storey] >= 0, only[voids.storey], only[below])
    own = {"kind": voids.kind, "storey": voids.storey, "void": np.arange(len(voids)), "area": area}
    home = {"dwelling": dwelling, "inner_area": np.append(dwellings.inner_area, np.nan)[dwelling]}
    return own | home | {name: getattr(storeys, name)[voids.storey] for name in ("level", "height")}


def _space_items(community: Community, area: FloatArray, within: BoolArray) -> Items:
    """Return the items of spaces, with their areas, and whether they lie within their storey."""
    spaces, storeys = community.spaces, community.storeys
    outdoors = spaces.storey < 0
    height = np.append(storeys.height, np.nan)[spaces.storey]
    height = np.where(np.isnan(height), spaces.clear_height, height)
    structure = np.where(spaces.inside_structure < 0, np.where(outdoors, -1, within), spaces.inside_structure)
    inner = np.append(community.dwellings.inner_area, np.nan)[spaces.dwelling]
    with np.errstate(invalid="ignore", divide="ignore"):
        storeys_high, inner_share = spaces.clear_height / height, np.round(area / inner, 6)
    # Open ground: under the sky unless it is said to be roofed.
    on_ground = outdoors & (spaces.roofed != 1) & ~np.isin(spaces.kind, BUILT_ON_GROUND)
    stated = ("kind", "storey", "dwelling", "roofed", "columns_rows", "sill_height", "planted_share", "soil_depth")
    own: Items = {name: getattr(spaces, name) for name in (*stated, "public")}
    own |= {"space": np.arange(len(spaces)), "area": area, "height": height, "storeys_high": storeys_high}
    own |= {"inner_area": inner, "inner_share": inner_share, "inside_structure": structure}
    return own | {
        "on_ground": on_ground.astype(np.int64),
        "level": np.append(storeys.level, 0)[spaces.storey],
        "clear_height": np.where(on_ground & np.isnan(spaces.clear_height), np.inf, spaces.clear_height),
        "enclosed": np.where(on_ground & (spaces.enclosed < 0), 0, spaces.enclosed),
        "roofed_known": (spaces.roofed >= 0).astype(np.int64),
        "depth": _depths(community, ~within),
        "clearance": np.where(outdoors, spaces.z, np.append(storeys.z, np.nan)[spaces.storey]),
    }


def _overlay(plates: Polygons, voids: Polygons | None, shapes: Polygons, owner: IntArray) -> Overlay:
    """Return the totals of each plate, the area of each shape on it, and what of it no earlier shape has.

    ``owner``: plate of each shape, in ascending order. Plates that repeat with all their shapes are computed once.
    """
    n = len(plates)
    sizes = np.bincount(owner, minlength=n)
    start = offsets_of(sizes)
    kind = np.arange(len(owner)) - start[owner]
    parts, owned = shapes, sizes
    if voids is not None:  # one on each plate, before its shapes
        order = np.argsort(np.concatenate([np.arange(n), owner]), kind="stable")
        parts = Polygons.concat([voids, shapes]).take(order)
        owned, kind = sizes + 1, np.concatenate([np.full(n, -1), kind])[order]
    layers = Shapes(*vars(plates).values()), Shapes(*vars(parts).values())._replace(start=offsets_of(owned), kind=kind)
    rows, equal = distinct_plates(*layers)
    once = offsets_of(sizes[rows])
    result = overlay_areas(*layers, Shapes(*vars(Polygons.empty()).values()), every_plate(rows), start=once)
    if len(rows) == n:
        return result
    shape = ragged_rows(once, equal)[0]
    return result._replace(total=result.total[equal], start=start, share=result.share[shape], own=result.own[shape])


def areas_within(parcels: Polygons, shapes: Polygons) -> tuple[FloatArray, IntArray, IntArray, FloatArray]:
    """Return what shapes cover of each parcel, overlaps once [m²]; then, by parcels, each meeting of one with a shape.

    A meeting has the parcel, the shape, and the area they share [m²].
    """
    pairs = meet_parcels(Shapes(*vars(shapes).values()), Shapes(*vars(parcels).values()), np.arange(len(shapes)))
    order = np.argsort(pairs.parcel, kind="stable")
    parcel, shape = pairs.parcel[order], pairs.plate[order]
    result = _overlay(parcels, None, shapes.take(shape), parcel)
    return result.total[:, COVERED], parcel, shape, result.share


def _rank(kinds: Any, order: tuple[Kind, ...]) -> IntArray:
    """Return the place of each kind in an order, -1 for those not in it."""
    table = np.full(256, -1, np.int64)
    table[np.array(order, dtype=np.int64)] = np.arange(len(order))
    return table[np.asarray(kinds, dtype=np.int64)]


def _shares(community: Community) -> tuple[FloatArray, FloatArray, FloatArray, FloatArray]:
    """Return the area left to each storey, of each opening, and of each space within and beyond its storey [m²].

    Of spaces (2, s) both what no earlier one has and as drawn.
    """
    storeys, voids, spaces = community.storeys, community.voids, community.spaces
    left, within, beyond = community.plates.outline.areas()[storeys.plate], *np.zeros((2, 2, len(spaces)))
    rank = _rank(spaces.kind, INSIDE)
    in_attic = np.append(storeys.kind, -1)[spaces.storey] == StoreyKind.ATTIC
    rank[in_attic & (spaces.kind == SpaceKind.ROOM)] = -1  # there the roof's height decides
    rank[np.isin(spaces.kind, IN_STRUCTURE) & (spaces.inside_structure == 1)] = len(INSIDE)
    rows = np.flatnonzero((spaces.storey >= 0) & (rank >= 0))
    storey = np.concatenate([voids.storey, spaces.storey[rows]])
    ranks = np.concatenate([np.isin(voids.kind, OPENINGS) - 2, rank[rows]])
    ids = np.concatenate([np.full(len(voids), "", dtype=object), spaces.id[rows]])
    shapes = Polygons.concat([voids.outline, spaces.outline.take(rows)])
    areas, busy, total = _overlaid(community, (storey, ranks, ids, shapes))
    left[busy] = total[:, NET] - total[:, COVERED]
    within[:, rows] = areas[:, len(voids) :]
    rank = _rank(spaces.kind, OUTSIDE)
    rows = np.flatnonzero((spaces.storey >= 0) & (rank >= 0))
    chosen = spaces.storey[rows], rank[rows], spaces.id[rows], spaces.outline.take(rows)
    beyond[:, rows] = _overlaid(community, chosen, beyond=True)[0]
    return left, areas[0, : len(voids)], within, beyond


def _overlaid(
    community: Community, drawn: tuple[IntArray, IntArray, Any, Polygons], *, beyond: bool = False
) -> tuple[FloatArray, IntArray, FloatArray]:
    """Return what each shape has on its storey alone and as drawn (2, n) [m²]; the storeys with shapes, their totals.

    ``drawn``: storey, rank, id and outline of each; of one rank, the one whose id comes first has an overlap, as the
    order of rows must not matter. ``beyond``: what they have outside the outline of the storey.
    """
    storey, rank, ids, shapes = drawn
    if not len(storey):
        return np.zeros((2, 0)), storey, np.zeros((0, max(NET, COVERED) + 1))
    order = np.lexsort((np.unique(ids.astype(str), return_inverse=True)[1], rank, storey))
    busy, owner = np.unique(storey[order], return_inverse=True)
    shapes, plates = shapes.take(order), community.plates.outline.take(community.storeys.plate[busy])
    within, voids = (_boxes(shapes, owner), plates) if beyond else (plates, None)
    result = _overlay(within, voids, shapes, owner)
    areas = np.empty((2, len(order)))
    areas[:, order] = result.own, result.share
    return areas, busy, result.total


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
    chosen = np.isin(spaces.kind, asked) & (spaces.storey >= 0)
    out, rest = np.flatnonzero(chosen & outside), np.flatnonzero(chosen & ~outside)
    if len(out):
        shapes = spaces.outline.take(out)
        plates = community.plates.outline.to_shapely()[storeys.plate[spaces.storey[out]]]
        gaps = shapely.distance(shapely.points(shapes.xy), np.repeat(plates, np.diff(shapes.ring[shapes.poly])))
        depth[out] = np.round(np.maximum.reduceat(gaps, shapes.ring[shapes.poly[:-1]]), 3)
    depth[rest] = short_sides(spaces.outline.take(rest).to_shapely())
    return depth
