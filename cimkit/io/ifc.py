"""IFC building models: storeys with outlines, rooms with names, windows, uses and sites, of a building or a few.

Outlines are plans of solids: of walls cut above the floor, rooms and what they enclose. A storey without a roof over
it (the roof's own level, foundations) is none. Whatever was guessed stands in the notes.
"""

from collections.abc import Callable
from itertools import pairwise
from os import PathLike
from pathlib import Path
from typing import Any

import ifcopenshell
import numpy as np
import shapely
from ifcopenshell.util.element import get_aggregate, get_psets
from ifcopenshell.util.placement import get_storey_elevation
from ifcopenshell.util.unit import calculate_unit_scale

from cimkit.arrays import FloatArray
from cimkit.errors import FormatError
from cimkit.geometry.frame import Frame
from cimkit.geometry.polygons import Polygons
from cimkit.io.guard import check_file, expected
from cimkit.io.ifc_elements import Model, Solid, called, kind_in, named, parcels, solids, table_of, uses, windows
from cimkit.model.build import parcel_of
from cimkit.model.community import Community
from cimkit.model.frames import unique_ids
from cimkit.model.kinds import Provenance, SpaceKind, StoreyKind, VoidKind
from cimkit.model.notes import Note, Notes
from cimkit.model.records import Location
from cimkit.model.tables import Buildings, Plates, Spaces, Storeys, Voids

_STOREY = ("level", "z", "height", "kind", "clear_height")
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
    """
    path = Path(path)
    check_file(path)
    with expected(path.name, "it must be an IFC model"):
        file: Any = ifcopenshell.open(str(path))
    with expected(path.name, "its entities must be whole", "Export it anew."):
        scale, area = float(calculate_unit_scale(file)), float(calculate_unit_scale(file, "AREAUNIT"))
        model = Model(path, file, scale, area, [])
        if not file.by_type("IfcUnitAssignment"):
            model.notes.append(Note("C05", f"{path.name}: the model does not say its unit; taken as m"))
        community = _community(model, _buildings(model))
    return community, community.notes


def _buildings(model: Model) -> list[tuple[Any, list[dict[str, Any]]]]:
    """Return the buildings with their storeys from low to high; the ground is taken at the height 0 of the model."""
    parts = [solids(model, kinds, plain=kinds is _WALLS) for kinds in (_WALLS, _SLABS, _ROOMS)]
    found = []
    for building in model.file.by_type("IfcBuilding"):
        storeys = [s for s in model.file.by_type("IfcBuildingStorey") if get_aggregate(s) == building]
        floors = []
        for storey in sorted(storeys, key=get_storey_elevation):
            floor = _floor(storey, get_storey_elevation(storey) * model.scale, *parts)
            if floor:
                floors.append(floor)
            else:
                text = f"storey {storey.Name!r} has no walls and rooms with a roof over them; it is left out"
                model.notes.append(Note("I02", text, "storeys", storey.GlobalId))
        for low, high in pairwise(floors):
            low["height"] = high["z"] - low["z"]
        sunk = [-f["z"] / f["height"] for f in floors]
        below = sum(depth > 1 / 3 for depth in sunk)
        for k, (floor, depth) in enumerate(zip(floors, sunk, strict=True)):
            floor["level"] = k - below if k < below else k - below + 1
            if depth > 1 / 3:
                floor["kind"] = StoreyKind.BASEMENT if depth > 1 / 2 else StoreyKind.HALF_BASEMENT
        if floors:
            found.append((building, floors))
    if not found:
        raise FormatError(f"{model.path.name}: the model must have storeys with walls or rooms; it has none.")
    return found


def _floor(storey: Any, z: float, walls: list[Solid], slabs: list[Solid], rooms: list[Solid]) -> dict[str, Any]:
    """Return what a storey is: outline, height, rooms and openings; empty if no roof is over it."""
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
    areas = [v.get("GrossFloorArea") for v in get_psets(storey).values()]
    return {
        "element": storey,
        "outline": outline,
        "rooms": own,
        "voids": [(v, VoidKind.STAIR if stairs.intersects(v) else VoidKind.ATRIUM) for v in voids] if lies else [],
        "z": z,
        "height": top - z,
        "kind": StoreyKind.ATTIC if pitched else StoreyKind.NORMAL,
        "clear_height": float(np.nanmin(eaves)) - z if pitched else np.nan,
        "area_declared": next((a for a in areas if isinstance(a, float)), np.nan),
    }


def _community(model: Model, found: list[tuple[Any, list[dict[str, Any]]]]) -> Community:
    """Return the community of buildings found, turned to north and placed where the model says."""
    elements, storeys = zip(*found, strict=True)
    floors = [floor for own in storeys for floor in own]
    turn, crs = _placing(model)
    outlines = shapely.transform(np.array([f["outline"] for f in floors]), turn)
    frame = Frame.around(np.array(shapely.total_bounds(outlines)).reshape(2, 2), crs)

    def place(xy: FloatArray) -> FloatArray:
        return frame.to_local(turn(xy))

    def placed(shapes: list[Any]) -> Polygons:
        largest = [max(shapely.get_parts(s), key=shapely.area) for s in shapes]
        return Polygons.from_shapely(shapely.transform(np.array(largest, dtype=object), place))

    owner = np.repeat(np.arange(len(found)), [len(own) for own in storeys])
    names = [e.Name or e.LongName or model.path.stem for e in elements]
    ids, repeated = unique_ids(np.array(names, dtype=object), "buildings")
    text = "height 0 of the model is taken as the ground outside"
    model.notes.extend([*repeated, Note("H07", text, "storeys", count=len(floors))])
    use, storey_use = uses(model, storeys, elements, ids)
    land = parcels(model, placed)
    openings = windows(model, floors, owner, place)
    spaces = _spaces(model, floors, placed)
    voids = [{"storey": k, "kind": kind} for k, floor in enumerate(floors) for _, kind in floor["voids"]]
    if voids:
        text = f"{len(voids)} openings where no floor slab lies; those with a stair in them are stair wells"
        model.notes.append(Note("H07", text, "voids", count=len(voids)))
    rows = []
    for element, own in zip(elements, storeys, strict=True):
        levels = np.array([f["level"] for f in own])
        counts = {"n_above": (levels > 0).sum(), "n_below": (levels < 0).sum()}
        known = {"source_id": element.GlobalId, "height_src": Provenance.MEASURED, "storeys_src": Provenance.MEASURED}
        rows.append(known | counts | {"height": max(f["z"] + f["height"] for f in own)})
    ground = placed([min(own, key=lambda f: abs(f["level"] - 1))["outline"] for own in storeys])
    known = {"id": ids, "name": ids, "use": use, "footprint": ground, "parcel": parcel_of(ground, land)}
    declared = np.array([f["area_declared"] for f in floors]) * model.area
    derived = {"building": owner, "plate": np.arange(len(floors)), "use": storey_use, "area_declared": declared}
    return Community(
        name=model.path.stem,
        frame=frame,
        location=None if crs else _location(model),
        parcels=land,
        buildings=table_of(Buildings, rows, model, **known),
        plates=Plates(outline=placed([f["outline"] for f in floors])),
        storeys=table_of(Storeys, [{k: f[k] for k in _STOREY} for f in floors], model, **derived),
        voids=table_of(Voids, voids, model, outline=placed([v for floor in floors for v, _ in floor["voids"]])),
        windows=openings,
        spaces=spaces,
        notes=Notes.of(model.notes),
    )


def _spaces(model: Model, floors: list[dict[str, Any]], placed: Callable[[list[Any]], Polygons]) -> Spaces:
    """Return the rooms as spaces, their kind by the words of their names, which a note tells."""
    rows, plans, told = [], [], []
    for storey, room in ((k, r) for k, floor in enumerate(floors) for r in floor["rooms"]):
        name = called(room.element)
        kind = SpaceKind(kind_in(SpaceKind, name)[0])
        told += [f"{name} → {kind.code}"] if kind != SpaceKind.ROOM else []
        clear = (room.high if np.isnan(room.eaves) else room.eaves) - room.low
        plans.append(room.plan)
        known = {"id": named(room.element), "name": name, "kind": kind, "storey": storey}
        rows.append(known | {"clear_height": clear, "roofed": 1, "enclosed": 1 if kind == SpaceKind.ROOM else -1})
    if rows:
        text = f"kinds of spaces by their names: {', '.join(told) or 'all are rooms'}; all are taken as roofed"
        model.notes.append(Note("M06", text, "spaces", count=len(rows)))
    return table_of(Spaces, rows, model, outline=placed(plans))


def _placing(model: Model) -> tuple[Callable[[FloatArray], FloatArray], str]:
    """Return how plan coordinates are turned and moved, and the CRS they are in then, empty for local metres."""
    file, scale = model.file, model.scale
    maps = file.by_type("IfcMapConversion") if file.schema != "IFC2X3" else []
    crs = str(maps[0].TargetCRS.Name or "") if maps else ""
    if crs:
        m = maps[0]
        east, north = (1.0, 0.0) if m.XAxisAbscissa is None else (m.XAxisAbscissa, m.XAxisOrdinate)
        grow = (m.Scale or 1.0) / (scale if m.Scale else 1.0)
        shift = np.array([m.Eastings, m.Northings]) * (1.0 if m.Scale else scale)
        turn = np.array([[east, north], [-north, east]]) * grow / np.hypot(east, north)
        return lambda xy: xy @ turn + shift, crs
    norths = [c.TrueNorth for c in file.by_type("IfcGeometricRepresentationContext", include_subtypes=False)]
    x, y = next((n.DirectionRatios[:2] for n in norths if n is not None), (0.0, 1.0))
    model.notes.append(Note("C01", "no map conversion; turned to true north, in local metres", "buildings"))
    turn = np.array([[y, x], [-x, y]]) / np.hypot(x, y)
    return lambda xy: xy @ turn, ""


def _location(model: Model) -> Location | None:
    """Return latitude and longitude of the site, given in degrees, minutes, seconds and their millionths."""
    parts = np.array([1.0, 60.0, 3600.0, 3.6e9])
    for site in model.file.by_type("IfcSite"):
        if site.RefLatitude and site.RefLongitude:
            return Location(*(float(np.sum(v / parts[: len(v)])) for v in (site.RefLatitude, site.RefLongitude)))
    return None
