"""IFC building models: storeys with outlines, rooms with names, windows, uses and sites, of a building or a few.

Outlines are plans of solids: of walls cut above the floor, rooms and what they enclose. A storey without a roof over
it (the roof's own level, foundations) is none. Whatever was guessed stands in the notes.
"""

from __future__ import annotations

from collections.abc import Callable
from itertools import pairwise
from os import PathLike
from pathlib import Path
from typing import Any

import numpy as np
import shapely

from cimkit.arrays import FloatArray
from cimkit.errors import FormatError, needed
from cimkit.geometry.frame import Frame
from cimkit.geometry.polygons import Polygons
from cimkit.io.guard import check_file, expected
from cimkit.io.ifc_elements import Solid, called, kind_in, parcels, solids, uses, windows
from cimkit.model.build import parcel_of
from cimkit.model.columns import unique_ids
from cimkit.model.community import Community
from cimkit.model.kinds import Provenance, SpaceKind, StoreyKind, VoidKind
from cimkit.model.notes import Note, Notes
from cimkit.model.records import Location
from cimkit.model.tables import Buildings, Plates, Spaces, Storeys, Voids

_WALLS = ("IfcWall", "IfcCurtainWall", "IfcColumn")
_SLABS = ("IfcSlab", "IfcRoof")
_ROOMS = ("IfcSpace", "IfcStair", "IfcStairFlight")
_CUT, _LOW_CUT = 1.5, 0.3  # [m] above the floor walls are cut there, low walls under a pitched roof lower
_SEAM = 0.05  # [m] joints between walls and rooms
_HOLE = 1.0  # [m²] smaller openings in floors and gaps in plans are none
_NEAR_FLOOR = 0.5  # [m] a slab whose top is so near the storey's level is its floor
_HEADROOM = 1.5  # [m] what lies so far above the floor is a roof over it


def read_ifc(path: str | PathLike[str]) -> tuple[Community, Notes]:
    """Read an IFC model (IFC2X3, IFC4): buildings, storeys with outlines, rooms, windows, openings in floors, sites.

    Parameters
    ----------
    path
        File in STEP form (.ifc).

    Returns
    -------
    tuple
        The community, and notes on what was guessed or left out: place, unit, level of the ground, kinds of
        rooms, uses, parcels, windows in roofs, storeys without a roof over them.

    Raises
    ------
    FormatError
        If it is no IFC model, is damaged, or has no storeys with walls or rooms.
    MissingDataError
        If ifcopenshell is not installed.
    """
    path = Path(path)
    ifcopenshell = needed("ifcopenshell", who=path.name, extra="ifc")
    unit = needed("ifcopenshell.util.unit", who=path.name, extra="ifc")
    check_file(path)
    with expected(path.name, "it must be an IFC model"):
        model = ifcopenshell.open(str(path))
    with expected(path.name, "its entities must be whole", "Export it anew."):
        community = _read(path, model, float(unit.calculate_unit_scale(model)))
    return community, community.notes


def _read(path: Path, model: Any, scale: float) -> Community:
    """Return the community of a parsed model, lengths in units of so many metres."""
    notes: list[Note] = []
    if not model.by_type("IfcUnitAssignment"):
        notes.append(Note("C05", f"{path.name}: the model does not say its unit; taken as m"))
    parts = [solids(model, kinds, plain=kinds is _WALLS) for kinds in (_WALLS, _SLABS, _ROOMS)]
    found = [_building(b, model, scale, notes, *parts) for b in model.by_type("IfcBuilding")]
    found = [b for b in found if b]
    if not found:
        raise FormatError(f"{path.name}: the model must have storeys with walls or rooms; it has none.")
    return _community(path.stem, found, model, scale, notes)


def _building(building: Any, model: Any, scale: float, notes: list[Note], *parts: list[Solid]) -> dict[str, Any]:
    """Return a building's storeys from low to high: elevation, height, outline, rooms, openings; empty without."""
    from ifcopenshell.util.element import get_aggregate
    from ifcopenshell.util.placement import get_storey_elevation

    storeys = [s for s in model.by_type("IfcBuildingStorey") if get_aggregate(s) == building]
    storeys.sort(key=get_storey_elevation)
    levels = np.array([get_storey_elevation(s) * scale for s in storeys])
    kept = []
    for k, storey in enumerate(storeys):
        floor = _floor(storey, levels[k], *parts)
        if floor:
            kept.append(floor)
        else:
            text = f"storey {storey.Name!r} has no walls and rooms with a roof over them; it is left out"
            notes.append(Note("I02", text, "storeys", storey.GlobalId))
    for low, high in pairwise(kept):
        low["height"] = high["z"] - low["z"]
    _number(kept)
    return {"element": building, "storeys": kept} if kept else {}


def _floor(storey: Any, z: float, walls: list[Solid], slabs: list[Solid], rooms: list[Solid]) -> dict[str, Any]:
    """Return what a storey is: outline, height, rooms and openings; empty if no roof is over it."""
    from ifcopenshell.util.element import get_aggregate, get_psets

    own = [r for r in rooms if r.element.is_a("IfcSpace") and get_aggregate(r.element) == storey]
    eaves = np.array([r.eaves for r in own])
    pitched = bool((eaves > z + 0.01).any())
    cut = z + (_LOW_CUT if pitched else _CUT)
    parts = [w.plan for w in walls if w.low < cut < w.high]
    parts += [r.plan for r in own if kind_in(SpaceKind, called(r.element))[0] == SpaceKind.ROOM]
    outline = shapely.union_all(parts).buffer(_SEAM, join_style="mitre").buffer(-_SEAM, join_style="mitre")
    under = shapely.union_all([s.plan for s in slabs if abs(s.high - z) < _NEAR_FLOOR])
    over = shapely.union_all([s.plan for s in slabs if s.high > z + _HEADROOM])
    outline = max(shapely.get_parts(outline), key=shapely.area, default=shapely.Polygon())
    covered = shapely.area(shapely.intersection(outline, over)) >= 0.5 * outline.area if slabs else bool(own)
    if outline.area < _HOLE or not covered or (not own and shapely.area(shapely.intersection(outline, under)) == 0):
        return {}
    holes = [shapely.Polygon(h) for h in outline.interiors]
    courts = [h for h in holes if slabs and h.area > _HOLE and shapely.area(h.intersection(over)) < 0.5 * h.area]
    outline = shapely.difference(shapely.Polygon(outline.exterior), shapely.union_all(courts))
    solid = shapely.union_all([under, *(w.plan for w in walls if w.low < z + _LOW_CUT < w.high)])
    missing = shapely.get_parts(shapely.difference(outline, shapely.buffer(solid, _SEAM, join_style="mitre")))
    voids = [v.buffer(_SEAM, join_style="mitre").intersection(outline) for v in missing if v.area > _HOLE]
    lies = shapely.area(shapely.intersection(outline, under)) >= 0.5 * outline.area
    stairs = shapely.union_all([r.plan for r in rooms if not r.element.is_a("IfcSpace") and r.low < z < r.high + 1.0])
    top = max([r.high for r in own] + [w.high for w in walls if w.low < cut < w.high])
    sets = get_psets(storey)
    areas = [v["GrossFloorArea"] for v in sets.values() if isinstance(v.get("GrossFloorArea"), float)]
    return {
        "element": storey, "name": storey.Name or storey.GlobalId, "z": z, "height": top - z,
        "outline": outline, "rooms": own, "clear": float(np.nanmin(eaves)) - z if pitched else np.nan,
        "voids": [(v, VoidKind.STAIR if stairs.intersects(v) else VoidKind.ATRIUM) for v in voids] if lies else [],
        "declared": areas[0] if areas else np.nan,
    }  # fmt: skip


def _number(storeys: list[dict[str, Any]]) -> None:
    """Give the storeys of a building level and kind; the ground is taken at the height 0 of the model."""
    sunk = np.array([-s["z"] / s["height"] for s in storeys])
    below = int((sunk > 1 / 3).sum())
    for k, (storey, depth) in enumerate(zip(storeys, sunk, strict=True)):
        above = StoreyKind.NORMAL if np.isnan(storey["clear"]) else StoreyKind.ATTIC
        storey["level"] = k - below if k < below else k - below + 1
        storey["kind"] = StoreyKind.BASEMENT if depth > 1 / 2 else StoreyKind.HALF_BASEMENT if depth > 1 / 3 else above


def _community(name: str, found: list[dict[str, Any]], model: Any, scale: float, notes: list[Note]) -> Community:
    """Return the community of buildings found, turned to north and placed where the model says."""
    floors = [s for b in found for s in b["storeys"]]
    rooms = [(k, r) for k, s in enumerate(floors) for r in s["rooms"]]
    voids = [(k, *v) for k, s in enumerate(floors) for v in s["voids"]]
    turn, crs = _placing(model, scale, notes)
    outlines = shapely.transform(np.array([s["outline"] for s in floors]), turn)
    frame = Frame.around(np.array(shapely.total_bounds(outlines)).reshape(2, 2), crs)

    def place(xy: FloatArray) -> FloatArray:
        return frame.to_local(turn(xy))

    def placed(shapes: list[Any]) -> Polygons:
        largest = np.array([max(shapely.get_parts(s), key=shapely.area) for s in shapes], dtype=object)
        return Polygons.from_shapely(shapely.transform(largest, place))

    column = {key: np.array([s[key] for s in floors]) for key in ("level", "z", "height", "kind", "clear", "declared")}
    owner = np.repeat(np.arange(len(found)), [len(b["storeys"]) for b in found])
    ground = [min(b["storeys"], key=lambda s: abs(s["level"] - 1)) for b in found]
    given = np.array([b["element"].Name or b["element"].LongName or name for b in found], dtype=object)
    ids, said = unique_ids(given, "buildings")
    spaces, of_spaces = _spaces(rooms, placed([r.plan for _, r in rooms]))
    openings, of_windows = windows(model, scale, floors, owner, place)
    area_scale = float(needed("ifcopenshell.util.unit", who=name, extra="ifc").calculate_unit_scale(model, "AREAUNIT"))
    land, of_land = parcels(model, scale, area_scale, placed)
    use, storey_use, of_use = uses(found, ids)
    said.append(Note("H07", "height 0 of the model is taken as the ground outside", "storeys", count=len(floors)))
    said += [*of_use, *of_land, *of_windows, *of_spaces]
    if voids:
        text = f"{len(voids)} openings where no floor slab lies; those with a stair in them are stair wells"
        said.append(Note("H07", text, "voids", count=len(voids)))
    measured = np.full(len(found), Provenance.MEASURED)
    footprint = placed([s["outline"] for s in ground])
    return Community(
        name=name, frame=frame, location=None if crs else _location(model), spaces=spaces, windows=openings,
        notes=Notes.of([*notes, *said]), plates=Plates(outline=placed([s["outline"] for s in floors])), parcels=land,
        buildings=Buildings(
            id=ids, name=ids, footprint=footprint, parcel=parcel_of(footprint, land), use=use, height_src=measured,
            height=np.array([max(s["z"] + s["height"] for s in b["storeys"]) for b in found]), storeys_src=measured,
            n_above=np.bincount(owner[column["level"] > 0], minlength=len(found)),
            n_below=np.bincount(owner[column["level"] < 0], minlength=len(found)),
            source_id=np.array([b["element"].GlobalId for b in found], dtype=object),
        ),
        storeys=Storeys(
            building=owner, level=column["level"], plate=np.arange(len(floors)), z=column["z"],
            height=column["height"], kind=column["kind"], use=storey_use, clear_height=column["clear"],
            area_declared=column["declared"] * area_scale,
        ),
        voids=Voids(
            storey=np.array([k for k, *_ in voids], dtype=np.int64), outline=placed([v for _, v, _ in voids]),
            kind=np.array([int(k) for *_, k in voids], dtype=np.int64),
        ),
    )  # fmt: skip


def _spaces(rooms: list[tuple[int, Solid]], outlines: Polygons) -> tuple[Spaces, list[Note]]:
    """Return the rooms as spaces, their kind by the words of their names, and a note on that."""
    elements = [r.element for _, r in rooms]
    names = np.array([called(e) for e in elements], dtype=object)
    kinds = np.array([kind_in(SpaceKind, n)[0] for n in names], dtype=np.int64)
    ids, said = unique_ids(np.array([e.Name or e.GlobalId for e in elements], dtype=object), "spaces")
    if rooms:
        kept = [f"{n} → {SpaceKind(k).code}" for n, k in zip(names, kinds, strict=True) if k != SpaceKind.ROOM]
        text = f"kinds of spaces by their names: {', '.join(kept) or 'all are rooms'}; all are taken as roofed"
        said.append(Note("M06", text, "spaces", count=len(rooms)))
    return Spaces(
        id=ids, name=names, outline=outlines, kind=kinds, enclosed=np.where(kinds == SpaceKind.ROOM, 1, -1),
        storey=np.array([k for k, _ in rooms], dtype=np.int64), roofed=np.ones(len(rooms), np.int64),
        clear_height=np.array([(r.high if np.isnan(r.eaves) else r.eaves) - r.low for _, r in rooms], dtype=float),
    ), said  # fmt: skip


def _placing(model: Any, scale: float, notes: list[Note]) -> tuple[Callable[[FloatArray], FloatArray], str]:
    """Return how plan coordinates are turned and moved, and the CRS they are in then, empty for local metres."""
    maps = model.by_type("IfcMapConversion") if model.schema != "IFC2X3" else []
    crs = str(maps[0].TargetCRS.Name or "") if maps else ""
    if crs:
        m = maps[0]
        east, north = (1.0, 0.0) if m.XAxisAbscissa is None else (m.XAxisAbscissa, m.XAxisOrdinate)
        grow = (m.Scale or 1.0) / (scale if m.Scale else 1.0)
        shift = np.array([m.Eastings, m.Northings]) * (1.0 if m.Scale else scale)
        turn = np.array([[east, north], [-north, east]]) * grow / np.hypot(east, north)
        return lambda xy: xy @ turn + shift, crs
    norths = [c.TrueNorth for c in model.by_type("IfcGeometricRepresentationContext", include_subtypes=False)]
    x, y = next((n.DirectionRatios[:2] for n in norths if n is not None), (0.0, 1.0))
    notes.append(Note("C01", "no map conversion; turned to true north, in local metres", "buildings"))
    turn = np.array([[y, x], [-x, y]]) / np.hypot(x, y)
    return lambda xy: xy @ turn, ""


def _location(model: Any) -> Location | None:
    """Return latitude and longitude of the site, given in degrees, minutes, seconds and their millionths."""
    parts = np.array([1.0, 60.0, 3600.0, 3.6e9])
    for site in model.by_type("IfcSite"):
        if site.RefLatitude and site.RefLongitude:
            return Location(*(float(np.sum(v / parts[: len(v)])) for v in (site.RefLatitude, site.RefLongitude)))
    return None
