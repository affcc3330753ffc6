"""IFC building models: storeys with outlines, rooms with names, windows, uses and sites, of a building or a few.

Outlines are plans of solids: of walls cut above the floor, rooms and what they enclose. A storey without a roof over
it (the roof's own level, foundations) is none. Whatever was guessed stands in the notes.
"""

import re
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from itertools import pairwise
from os import PathLike
from pathlib import Path
from typing import Any, NamedTuple, TypeVar

import ifcopenshell.geom
import numpy as np
import shapely
from ifcopenshell.util.classification import get_references
from ifcopenshell.util.element import get_aggregate, get_container, get_psets
from ifcopenshell.util.placement import get_storey_elevation
from ifcopenshell.util.unit import calculate_unit_scale

from cimkit.arrays import FloatArray, IntArray, TextArray
from cimkit.errors import FormatError
from cimkit.geometry.directions import azimuth_of
from cimkit.geometry.frame import Frame
from cimkit.geometry.polygons import Polygons
from cimkit.io.guard import check_file, expected
from cimkit.lists import load_lists
from cimkit.model.community import Community
from cimkit.model.derive import parcel_of
from cimkit.model.frames import unique_ids
from cimkit.model.kinds import BuildingUse, Kind, Provenance, RoomKind, SpaceKind, StoreyKind, VoidKind, WindowKind
from cimkit.model.notes import Note, Notes, noted
from cimkit.model.records import Location
from cimkit.model.table import Table
from cimkit.model.tables import Buildings, Parcels, Plates, Spaces, Storeys, Voids, Windows

_WORDS = load_lists(__file__)
_TELLING = re.compile(r"occupancy ?type|category|(building|space) ?type|nutzung|用途|功能|建筑类型", re.IGNORECASE)
_REACH = 1.0  # [m] so near to a side of its storey's outline the middle of a window in that wall lies
_INWARD = 1.5  # [m] behind the outer face of the wall the room begins
_FRENCH = 0.3  # [m] a sill not higher above the floor makes a French window
_LIMITS = {"far_max": "FloorAreaRatio", "density_max": "SiteCoverageRatio", "height_max": "BuildingHeightLimit"}
_STOREY = ("level", "z", "height", "kind", "clear_height")
_WALLS = ("IfcWall", "IfcCurtainWall", "IfcColumn")
_SLABS = ("IfcSlab", "IfcRoof")
_ROOMS = ("IfcSpace", "IfcStair", "IfcStairFlight")
_CUT, _LOW_CUT = 1.5, 0.3  # [m] above the floor walls are cut there, low walls under a pitched roof lower
_SEAM = 0.05  # [m] joints between walls and rooms
_HOLE = 1.0  # [m²] smaller openings in floors and gaps in plans are none
_NEAR_FLOOR = 0.5  # [m] a slab whose top is so near the storey's level is its floor
_HEADROOM = 1.5  # [m] what lies so far above the floor is a roof over it

T = TypeVar("T", bound=Table)
Move = Callable[[FloatArray], FloatArray]  # of plan coordinates


class Model(NamedTuple):
    """A parsed model: metres of its unit of length, square metres of its unit of areas, and notes on what is read."""

    path: Path
    file: Any
    scale: float
    area: float
    notes: list[Note]


class Solid(NamedTuple):
    """An element: plan, lowest and highest point, and the lowest of its sloping faces [m]."""

    element: Any
    plan: Any
    low: float
    high: float
    eaves: float


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
    path = check_file(path)
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
    parts = [_solids(model, kinds, plain=kinds is _WALLS) for kinds in (_WALLS, _SLABS, _ROOMS)]
    found = []
    for building in model.file.by_type("IfcBuilding"):
        storeys = [s for s in model.file.by_type("IfcBuildingStorey") if get_aggregate(s) == building]
        floors = []
        for storey in sorted(storeys, key=get_storey_elevation):
            if floor := _floor(storey, get_storey_elevation(storey) * model.scale, *parts):
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
    parts += [r.plan for r in own if _kind_in(SpaceKind, _called(r.element))[0] == SpaceKind.ROOM]
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
    stairs = shapely.union_all([r.plan for r in rooms if not r.element.is_a("IfcSpace") and r.low < z < r.high + 1.0])
    top = max([r.high for r in own] + [w.high for w in walls if w.low < cut < w.high])
    floor = {"element": storey, "outline": outline, "rooms": own, "voids": [], "z": z, "height": top - z}
    if shapely.area(shapely.intersection(outline, under)) >= 0.5 * outline.area:
        floor["voids"] = [(v, VoidKind.STAIR if stairs.intersects(v) else VoidKind.ATRIUM) for v in voids]
    kind, clear = (StoreyKind.ATTIC, float(np.nanmin(eaves)) - z) if pitched else (StoreyKind.NORMAL, np.nan)
    areas = [a for sets in get_psets(storey).values() if isinstance(a := sets.get("GrossFloorArea"), float)]
    return floor | {"kind": kind, "clear_height": clear, "area_declared": areas[0] if areas else np.nan}


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
    ids = unique_ids(np.array(names, dtype=object), "buildings", model.notes)
    model.notes.extend(noted("H07", "height 0 of the model is taken as the ground outside", len(floors), "storeys"))
    use, storey_use = _uses(model, storeys, elements, ids)
    tables: dict[str, Any] = {"parcels": _parcels(model, placed), "windows": _windows(model, floors, owner, place)}
    tables["spaces"] = _spaces(model, floors, placed)
    voids = [{"storey": k, "kind": kind} for k, floor in enumerate(floors) for _, kind in floor["voids"]]
    text = f"{len(voids)} openings where no floor slab lies; those with a stair in them are stair wells"
    model.notes.extend(noted("H07", text, len(voids), "voids"))
    rows = []
    for element, own in zip(elements, storeys, strict=True):
        levels = np.array([f["level"] for f in own])
        counts = {"n_above": (levels > 0).sum(), "n_below": (levels < 0).sum()}
        known = {"source_id": element.GlobalId, "height_src": Provenance.MEASURED, "storeys_src": Provenance.MEASURED}
        rows.append(known | counts | {"height": max(f["z"] + f["height"] for f in own)})
    ground = placed([min(own, key=lambda f: abs(f["level"] - 1))["outline"] for own in storeys])
    known = {"id": ids, "name": ids, "use": use, "footprint": ground, "parcel": parcel_of(ground, tables["parcels"])}
    declared = np.array([f["area_declared"] for f in floors]) * model.area
    derived = {"building": owner, "plate": np.arange(len(floors)), "use": storey_use, "area_declared": declared}
    tables["buildings"] = _table_of(Buildings, rows, model, **known)
    tables["plates"] = Plates(outline=placed([f["outline"] for f in floors]))
    tables["storeys"] = _table_of(Storeys, [{k: f[k] for k in _STOREY} for f in floors], model, **derived)
    tables["voids"] = _table_of(Voids, voids, model, outline=placed([v for f in floors for v, _ in f["voids"]]))
    location, notes = None if crs else _location(model), Notes.of(model.notes)
    return Community(name=model.path.stem, frame=frame, location=location, notes=notes, **tables)


def _spaces(model: Model, floors: list[dict[str, Any]], placed: Callable[[list[Any]], Polygons]) -> Spaces:
    """Return the rooms as spaces, their kind by the words of their names, which a note tells."""
    rows, plans, told = [], [], []
    for storey, room in ((k, r) for k, floor in enumerate(floors) for r in floor["rooms"]):
        name = _called(room.element)
        kind = SpaceKind(_kind_in(SpaceKind, name)[0])
        told += [f"{name} → {kind.code}"] if kind != SpaceKind.ROOM else []
        clear = (room.high if np.isnan(room.eaves) else room.eaves) - room.low
        plans.append(room.plan)
        known = {"id": _named(room.element), "name": name, "kind": kind, "storey": storey}
        rows.append(known | {"clear_height": clear, "roofed": 1, "enclosed": 1 if kind == SpaceKind.ROOM else -1})
    text = f"kinds of spaces by their names: {', '.join(told) or 'all are rooms'}; all are taken as roofed"
    model.notes.extend(noted("M06", text, len(rows), "spaces"))
    return _table_of(Spaces, rows, model, outline=placed(plans))


def _placing(model: Model) -> tuple[Move, str]:
    """Return how plan coordinates are turned and moved, and the CRS they are in then, empty for local metres."""
    file, scale = model.file, model.scale
    maps = file.by_type("IfcMapConversion") if file.schema != "IFC2X3" else []
    if crs := str(maps[0].TargetCRS.Name or "") if maps else "":
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


# What elements are: solids, windows in outer walls, sites, and uses guessed from what is said ----


def _table_of(kind: type[T], rows: Sequence[dict[str, Any]], model: Model, **more: Any) -> T:
    """Return a table of rows and of columns for all of them; ids that repeat are told apart, which a note says."""
    if not rows:
        return kind()
    columns = {name: [row[name] for row in rows] for name in rows[0]} | more
    if "id" in columns:
        columns["id"] = unique_ids(np.array(columns["id"], dtype=object), kind.title(), model.notes)
    return kind(**columns)


def _named(element: Any) -> str:
    """Return the name of an element, else its number."""
    return str(element.Name or element.GlobalId)


def _called(space: Any) -> str:
    """Return the name of a space in words, else its number."""
    return f"{space.LongName or ''} {space.ObjectType or ''}".strip() or space.Name or ""


def _kind_in(kind: type[Kind], *texts: str) -> tuple[int, str]:
    """Return the number of the first kind whose words stand in a text, and that text; 0 if none of the texts fits."""
    words = [(code, re.compile(pattern, re.IGNORECASE)) for code, pattern in _WORDS[kind.__name__].items()]
    return next(((int(kind.parse(code)), text) for text in texts for code, w in words if w.search(text)), (0, ""))


def _told(element: Any) -> list[str]:
    """Return what is said of an element, the most telling first: properties, classification, zones, names."""
    groups = [r.RelatingGroup for r in getattr(element, "HasAssignments", ()) if r.is_a("IfcRelAssignsToGroup")]
    sets = [s for e in (element, *groups) for s in get_psets(e).values()]
    said = [v for s in sets for key, v in s.items() if isinstance(v, str) and _TELLING.search(key)]
    said += sorted(str(getattr(r, "Name", "")) for e in (element, *groups) for r in get_references(e))
    said += [getattr(e, key, "") for e in (*groups, element) for key in ("LongName", "ObjectType", "Name")]
    return [text for text in said if text]


def _uses(model: Model, storeys: Sequence[Any], elements: Sequence[Any], ids: TextArray) -> tuple[Any, IntArray]:
    """Return the use of each building, and of each storey that has another by its rooms (else 0).

    A building's is the first told of itself that names one, else that of most of the area of the rooms that name one.
    """
    own, apart = [], []
    for floors, element, name in zip(storeys, elements, ids, strict=True):
        areas = np.zeros((len(floors), max(BuildingUse) + 1))
        for k, room in ((k, r) for k, floor in enumerate(floors) for r in floor["rooms"]):
            areas[k, _kind_in(BuildingUse, *_told(room.element))[0]] += room.plan.area
        areas[:, 0] = 0.0
        use, text = _kind_in(BuildingUse, *_told(element))
        said = f"by {text!r}" if use else "nothing said of it or of its rooms names one"
        if areas.any() and not use:
            use = int(areas.sum(axis=0).argmax())
            said = f"by rooms of {areas[:, use].sum():.0f} m²; {np.delete(areas, use, 1).sum():.0f} m² name another"
        other = np.where(areas.argmax(axis=1) == use, 0, areas.argmax(axis=1))
        for storey, kind in zip((f["element"] for f in floors), other, strict=True):
            said += f"; {_named(storey)} {BuildingUse(kind).code} by its rooms" if kind else ""
        model.notes.append(Note("D03", f"use {BuildingUse(use).code}, {said}", "buildings", str(name)))
        own.append(use)
        apart.append(other)
    return np.array(own, dtype=np.int64), np.concatenate(apart)


def _shapes(file: Any, kinds: tuple[str, ...], **options: Any) -> Iterator[tuple[Any, FloatArray, Any]]:
    """Yield elements of some classes that are in the model, their points, and their shape as a whole."""
    settings = ifcopenshell.geom.settings()
    for name, value in {"use_world_coords": True, **options}.items():
        settings.set(name.replace("_", "-"), value)
    wanted = [k for k in kinds if file.by_type(k)]
    each: Any = ifcopenshell.geom.iterator(settings, file, include=wanted) if wanted else None
    going = bool(wanted) and each.initialize()
    while going:
        shape = each.get()
        if len(shape.geometry.verts):
            yield file.by_guid(shape.guid), np.array(shape.geometry.verts).reshape(-1, 3), shape
        going = bool(each.next())


def _solids(model: Model, kinds: tuple[str, ...], *, plain: bool = False) -> list[Solid]:
    """Return the solids of elements of some classes; plain ones without openings and cuts by the roof."""
    found: list[Solid] = []
    shapes = _shapes(model.file, kinds, disable_opening_subtractions=plain, disable_boolean_result=plain)
    for element, xyz, shape in shapes:
        faces = xyz[np.array(shape.geometry.faces, dtype=np.int64).reshape(-1, 3)]
        normal = np.cross(faces[:, 1] - faces[:, 0], faces[:, 2] - faces[:, 0])
        flat = np.abs(normal[:, 2]) / np.maximum(np.linalg.norm(normal, axis=1), 1e-12)
        if len(seen := faces[flat > 1e-3][:, :, :2]):
            plan = shapely.union_all(shapely.buffer(shapely.polygons(seen), 0.0), grid_size=1e-5)
            slope = faces[(flat > 0.1) & (flat < 0.99)][..., 2]
            eaves = float(slope.min()) if len(slope) else np.nan
            found.append(Solid(element, plan, xyz[:, 2].min(), xyz[:, 2].max(), eaves))
    return found


def _windows(model: Model, floors: list[dict[str, Any]], owner: IntArray, place: Move) -> Windows:
    """Return the windows in outer walls of the storeys, and note what was guessed, what is left out, and why.

    A window belongs to the side of its storey's outline that it is thin across and near to: that side is its outer
    face, and whither it looks. The sill is the lowest point of its body; size as stated, else that of the body.
    """
    start, end, outward, row = Polygons.from_shapely(np.array([f["outline"] for f in floors], dtype=object)).walls()
    sides = shapely.linestrings(np.stack([start, end], axis=1))
    out, said = Counter[str](), Counter[str]()
    found: list[dict[str, Any]] = []
    for window, xyz, _ in _shapes(model.file, ("IfcWindow",)):
        low, tall = xyz[:, 2].min(), np.ptp(xyz[:, 2])
        storey, how = _storey(window, floors, low)
        middle = 0.5 * (xyz[:, :2].min(axis=0) + xyz[:, :2].max(axis=0))
        near = np.flatnonzero((row == storey) & (shapely.distance(sides, shapely.Point(middle)) < _REACH))
        thick = np.ptp(xyz[:, :2] @ outward[near].T, axis=0)
        if not len(near) or tall < thick.min():
            out["upright in no outer wall" if storey >= 0 else how] += 1
            continue
        side = near[np.argmin(thick + shapely.distance(sides[near], shapely.Point(middle)))]
        along = outward[side][::-1] * (1, -1)
        left, right = np.quantile((xyz[:, :2] - start[side]) @ along, (0.0, 1.0))
        face = start[side] + 0.5 * (left + right) * along
        inward = shapely.LineString([face, face - _INWARD * outward[side]])
        rooms = [r for r in floors[storey]["rooms"] if r.plan.intersects(inward)]
        behind = sorted(rooms, key=lambda r: float(shapely.distance(r.plan, shapely.Point(face))))[:1]
        room = _kind_in(RoomKind, *(t for r in behind for t in (_called(r.element), *_told(r.element))))[0]
        french = low - floors[storey]["z"] <= _FRENCH
        stated = [(v or 0) * model.scale for v in (window.OverallWidth, window.OverallHeight)]
        said[how] += 1
        said["with a room of unknown kind behind"] += not room
        said["sized by their bodies"] += not all(stated)
        said[f"French, sill at most {_FRENCH:g} m above the floor"] += bool(french)
        at, to = place(np.array([face, face + outward[side]]))
        where = {"building": owner[storey], "storey": storey, "x": at[0], "y": at[1], "z": low}
        size = {"width": stated[0] or right - left, "height": stated[1] or tall}
        kinds = {"room": room, "kind": WindowKind.FRENCH if french else WindowKind.PLAIN}
        found.append({"id": _named(window), "azimuth": azimuth_of((to - at)[None])[0], **where, **size, **kinds})
    every, *others = (len(model.file.by_type(k)) for k in ("IfcWindow", "IfcDoor", "IfcCurtainWall"))
    out["without a body"] = every - len(found) - out.total()
    notes = [Note("I02", f"{n} windows {why} are left out", "windows", count=n) for why, n in out.items() if n]
    text = f"{others[0]} doors and {others[1]} curtain walls are not read as windows"
    notes += noted("I03", text, sum(others), "windows")
    text = f"{len(found)} of {every} windows read, at the outer face of the wall, room behind by name; "
    text += ", ".join(f"{n} {w}" for w, n in said.items() if n)
    model.notes.extend(notes + noted("W03", text, len(found), "windows"))
    return _table_of(Windows, found, model)


def _storey(window: Any, floors: list[dict[str, Any]], low: float) -> tuple[int, str]:
    """Return the row of the storey that contains a window, else of that at its height, and how or why not."""
    hosts = [v.RelatingBuildingElement for f in window.FillsVoids for v in f.RelatingOpeningElement.VoidsElements]
    skylight = getattr(window, "PredefinedType", None) in ("SKYLIGHT", "LIGHTDOME")
    if skylight or any(h.is_a("IfcRoof") or h.is_a("IfcSlab") for h in hosts):
        return -1, "in a roof"
    holder = get_container(window, ifc_class="IfcBuildingStorey")
    fits = [f["element"] == holder or (not holder and -0.05 <= low - f["z"] < f["height"] - 0.05) for f in floors]
    known = "in the storey that contains them" if holder else "in the storey at their height"
    return (fits.index(True), known) if any(fits) else (-1, "in a storey left out")


def _parcels(model: Model, placed: Callable[[list[Any]], Polygons]) -> Parcels:
    """Return the sites as parcels: outline drawn as footprint, else the plan of the ground's body, which notes tell."""
    plans = {s.element: (s.plan, "the plan of the ground modelled") for s in _solids(model, ("IfcSite",))}
    for site, xyz, shape in _shapes(model.file, ("IfcSite",), dimensionality=2, context_identifiers=["FootPrint"]):
        lines = shapely.linestrings(xyz[np.array(shape.geometry.edges, dtype=np.int64).reshape(-1, 2), :2])
        if shape.context == "FootPrint" and shapely.polygonize(lines).geoms:  # without one, the others come
            plans[site] = shapely.union_all(shapely.polygonize(lines).geoms), "as drawn"
    outlines, rows = [], []
    for site in model.file.by_type("IfcSite"):
        sets = get_psets(site).values()
        own = {key: v for values in sets for key, v in values.items() if isinstance(v, (int, float)) and v > 0}
        area = float(own.get("TotalArea", own.get("GrossArea", np.nan))) * model.area
        plan, how = plans.get(site, (shapely.Polygon(), ""))
        stated = f"{area:.1f} m² stated" if area > 0 else "no area stated"
        if plan.is_empty:
            text = f"site {_named(site)!r} has no outline, {stated}; no parcel is made of it"
            model.notes.append(Note("I02", text, "parcels", _named(site)))
            continue
        outlines.append(shapely.Polygon(max(shapely.get_parts(plan), key=shapely.area).exterior))
        text = f"site {_named(site)!r} taken as a parcel of {outlines[-1].area:.1f} m², {how}; {stated}"
        model.notes.append(Note("P08", text, "parcels", _named(site)))
        limits = {column: own.get(key, np.nan) for column, key in _LIMITS.items()}
        limits["height_max"] *= model.scale
        rows.append({"id": _named(site), "area_declared": area, **limits})
    return _table_of(Parcels, rows, model, outline=placed(outlines))
