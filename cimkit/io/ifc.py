"""IFC building models: storeys with their outlines, and rooms with names, as a community of a building or a few.

Outlines are plans of solids: of walls cut above the floor, rooms and what they enclose. A storey without a roof over
it (the roof's own level, foundations) is none. Whatever was guessed stands in the notes.
"""

from __future__ import annotations

import re
from itertools import pairwise
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
import shapely

from cimkit.errors import FormatError, needed
from cimkit.geometry.frame import Frame
from cimkit.geometry.polygons import Polygons
from cimkit.io.loading import check_file
from cimkit.model.columns import unique_ids
from cimkit.model.community import Community
from cimkit.model.kinds import Provenance, SpaceKind, StoreyKind, VoidKind
from cimkit.model.notes import Note, Notes
from cimkit.model.records import Location
from cimkit.model.tables import Buildings, Plates, Spaces, Storeys, Voids

if TYPE_CHECKING:
    from collections.abc import Callable
    from os import PathLike

    from cimkit.arrays import FloatArray

_WALLS = ("IfcWall", "IfcCurtainWall", "IfcColumn")
_SLABS = ("IfcSlab", "IfcRoof")
_ROOMS = ("IfcSpace", "IfcStair", "IfcStairFlight")
_KINDS = (  # words in the name of a room → what it is; anything else is a room
    ("阳台|balcon|balkon|loggia", SpaceKind.BALCONY),
    ("露台|terra[cs]", SpaceKind.TERRACE),
    ("架空|pilotis|stilt", SpaceKind.STILT),
    ("凸窗|飘窗|bay window", SpaceKind.BAY_WINDOW),
    ("设备平台|空调", SpaceKind.EQUIPMENT_PLATFORM),
    ("避难|refuge", SpaceKind.REFUGE),
    ("雨篷|canopy", SpaceKind.CANOPY),
)
_CUT, _LOW_CUT = 1.5, 0.3  # [m] above the floor walls are cut there, low walls under a pitched roof lower
_SEAM = 0.05  # [m] joints between walls and rooms
_HOLE = 1.0  # [m²] smaller openings in floors and gaps in plans are none
_NEAR_FLOOR = 0.5  # [m] a slab whose top is so near the storey's level is its floor
_HEADROOM = 1.5  # [m] what lies so far above the floor is a roof over it


class _Solid(NamedTuple):
    """An element: plan, lowest and highest point, and the lowest of its sloping faces [m]."""

    element: Any
    plan: Any
    low: float
    high: float
    eaves: float


def read_ifc(path: str | PathLike[str]) -> tuple[Community, Notes]:
    """Read an IFC model (IFC2X3, IFC4): buildings, storeys with outlines, rooms, openings in floors.

    Parameters
    ----------
    path
        File in STEP form (.ifc).

    Returns
    -------
    tuple
        The community, and notes on what was guessed or left out: place, unit, level of the ground, kinds of
        rooms, storeys without a roof over them.

    Raises
    ------
    FormatError
        If it is no IFC model or has no storeys with walls or rooms.
    MissingDataError
        If ifcopenshell is not installed.
    """
    path = Path(path)
    ifcopenshell = needed("ifcopenshell", who=path.name, extra="ifc")
    unit = needed("ifcopenshell.util.unit", who=path.name, extra="ifc")
    check_file(path)
    try:
        model = ifcopenshell.open(str(path))
    except Exception as error:  # the parser has errors of its own
        raise FormatError(f"{path.name}: it must be an IFC model; {type(error).__name__}: {error}.") from error
    notes: list[Note] = []
    scale = float(unit.calculate_unit_scale(model))
    if not model.by_type("IfcUnitAssignment"):
        notes.append(Note("C05", f"{path.name}: the model does not say its unit; taken as m"))
    walls, slabs, rooms = (_solids(model, kinds, plain=kinds is _WALLS) for kinds in (_WALLS, _SLABS, _ROOMS))
    found = [_building(b, model, scale, (walls, slabs, rooms), notes) for b in model.by_type("IfcBuilding")]
    found = [b for b in found if b]
    if not found:
        raise FormatError(f"{path.name}: the model must have storeys with walls or rooms; it has none.")
    community = _community(path.stem, found, model, scale, notes)
    return community, community.notes


def _solids(model: Any, kinds: tuple[str, ...], *, plain: bool) -> list[_Solid]:
    """Return the solids of elements of some classes; plain ones without openings and cuts by the roof."""
    import ifcopenshell.geom

    settings = ifcopenshell.geom.settings()
    settings.set("use-world-coords", True)
    for name in ("disable-opening-subtractions", "disable-boolean-result") if plain else ():
        settings.set(name, True)
    wanted = [k for k in kinds if model.by_type(k)]
    solids: list[_Solid] = []
    each: Any = ifcopenshell.geom.iterator(settings, model, include=wanted) if wanted else None
    going = bool(wanted) and each.initialize()
    while going:
        shape = each.get()
        xyz = np.array(shape.geometry.verts, dtype=np.float64).reshape(-1, 3)
        faces = xyz[np.array(shape.geometry.faces, dtype=np.int64).reshape(-1, 3)]
        normal = np.cross(faces[:, 1] - faces[:, 0], faces[:, 2] - faces[:, 0])
        flat = np.abs(normal[:, 2]) / np.maximum(np.linalg.norm(normal, axis=1), 1e-12)
        seen = faces[flat > 1e-3][:, :, :2]
        if len(seen):
            plan = shapely.union_all(shapely.buffer(shapely.polygons(seen), 0.0), grid_size=1e-5)
            slope = faces[(flat > 0.1) & (flat < 0.99)][..., 2]
            eaves = float(slope.min()) if len(slope) else np.nan
            solids.append(_Solid(model.by_guid(shape.guid), plan, xyz[:, 2].min(), xyz[:, 2].max(), eaves))
        going = bool(each.next())
    return solids


def _building(
    building: Any, model: Any, scale: float, solids: tuple[list[_Solid], ...], notes: list[Note]
) -> dict[str, Any]:
    """Return a building's storeys from low to high: elevation, height, outline, rooms, openings; empty without."""
    from ifcopenshell.util.element import get_aggregate
    from ifcopenshell.util.placement import get_storey_elevation

    storeys = [s for s in model.by_type("IfcBuildingStorey") if get_aggregate(s) == building]
    storeys.sort(key=get_storey_elevation)
    levels = np.array([get_storey_elevation(s) * scale for s in storeys])
    kept = []
    for k, storey in enumerate(storeys):
        floor = _floor(storey, levels[k], *solids)
        if floor:
            kept.append(floor)
        else:
            text = f"storey {storey.Name!r} has no walls and rooms with a roof over them; it is left out"
            notes.append(Note("I02", text, "storeys", storey.GlobalId))
    for low, high in pairwise(kept):
        low["height"] = high["z"] - low["z"]
    _number(kept)
    return {"element": building, "storeys": kept} if kept else {}


def _floor(storey: Any, z: float, walls: list[_Solid], slabs: list[_Solid], rooms: list[_Solid]) -> dict[str, Any]:
    """Return what a storey is: outline, height, rooms and openings; empty if no roof is over it."""
    from ifcopenshell.util.element import get_aggregate, get_psets

    own = [r for r in rooms if r.element.is_a("IfcSpace") and get_aggregate(r.element) == storey]
    eaves = np.array([r.eaves for r in own])
    pitched = bool((eaves > z + 0.01).any())
    cut = z + (_LOW_CUT if pitched else _CUT)
    parts = [w.plan for w in walls if w.low < cut < w.high]
    parts += [r.plan for r in own if _kind(r.element) == SpaceKind.ROOM]
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
        "name": storey.Name or storey.GlobalId, "z": z, "height": top - z, "outline": outline, "rooms": own,
        "clear": float(np.nanmin(eaves)) - z if pitched else np.nan,
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

    def placed(shapes: list[Any]) -> Polygons:
        largest = np.array([max(shapely.get_parts(s), key=shapely.area) for s in shapes], dtype=object)
        return Polygons.from_shapely(shapely.transform(largest, lambda xy: frame.to_local(turn(xy))))

    def column(key: str) -> Any:
        return np.array([s[key] for s in floors])

    owner = np.repeat(np.arange(len(found)), [len(b["storeys"]) for b in found])
    ground = [min(b["storeys"], key=lambda s: abs(s["level"] - 1)) for b in found]
    given = np.array([b["element"].Name or b["element"].LongName or name for b in found], dtype=object)
    ids, said = unique_ids(given, "buildings")
    spaces, more = _spaces(rooms, placed([r.plan for _, r in rooms]))
    text = "height 0 of the model is taken as the ground outside; use and parcel are not read"
    said.append(Note("H07", text, "storeys", count=len(floors)))
    if voids:
        text = f"{len(voids)} openings where no floor slab lies; those with a stair in them are stair wells"
        said.append(Note("H07", text, "voids", count=len(voids)))
    measured = np.full(len(found), Provenance.MEASURED)
    return Community(
        name=name, frame=frame, location=None if crs else _location(model), spaces=spaces,
        notes=Notes.of([*notes, *said, *more]), plates=Plates(outline=placed([s["outline"] for s in floors])),
        buildings=Buildings(
            id=ids, name=ids, footprint=placed([s["outline"] for s in ground]), height_src=measured,
            height=np.array([max(s["z"] + s["height"] for s in b["storeys"]) for b in found]), storeys_src=measured,
            n_above=np.bincount(owner[column("level") > 0], minlength=len(found)),
            n_below=np.bincount(owner[column("level") < 0], minlength=len(found)),
            source_id=np.array([b["element"].GlobalId for b in found], dtype=object),
        ),
        storeys=Storeys(
            building=owner, level=column("level"), plate=np.arange(len(floors)), z=column("z"),
            height=column("height"), kind=column("kind"), clear_height=column("clear"),
            area_declared=column("declared") * scale**2,
        ),
        voids=Voids(
            storey=np.array([k for k, *_ in voids], dtype=np.int64), outline=placed([v for _, v, _ in voids]),
            kind=np.array([int(k) for *_, k in voids], dtype=np.int64),
        ),
    )  # fmt: skip


def _called(space: Any) -> str:
    """Return the name of a space in words, else its number."""
    return f"{space.LongName or ''} {space.ObjectType or ''}".strip() or space.Name or ""


def _kind(space: Any) -> SpaceKind:
    """Return what a space is by the words of its name."""
    return next((k for words, k in _KINDS if re.search(words, _called(space), re.IGNORECASE)), SpaceKind.ROOM)


def _spaces(rooms: list[tuple[int, _Solid]], outlines: Polygons) -> tuple[Spaces, list[Note]]:
    """Return the rooms as spaces, their kind by the words of their names, and a note on that."""
    elements = [r.element for _, r in rooms]
    names, kinds = [_called(e) for e in elements], [_kind(e) for e in elements]
    ids, said = unique_ids(np.array([e.Name or e.GlobalId for e in elements], dtype=object), "spaces")
    if rooms:
        kept = [f"{n} → {k.name.lower()}" for n, k in zip(names, kinds, strict=True) if k != SpaceKind.ROOM]
        text = f"kinds of spaces by their names: {', '.join(kept) or 'all are rooms'}; all are taken as roofed"
        said.append(Note("M06", text, "spaces", count=len(rooms)))
    spaces = Spaces(
        id=ids, name=np.array(names, dtype=object), outline=outlines, kind=np.array(kinds, dtype=np.int64),
        storey=np.array([k for k, _ in rooms], dtype=np.int64), roofed=np.ones(len(rooms), np.int64),
        clear_height=np.array([(r.high if np.isnan(r.eaves) else r.eaves) - r.low for _, r in rooms], dtype=float),
        enclosed=np.where(np.array(kinds, dtype=np.int64) == SpaceKind.ROOM, 1, -1),
    )  # fmt: skip
    return spaces, said


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
