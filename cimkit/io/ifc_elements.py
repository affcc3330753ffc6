"""What elements of an IFC model are: solids, windows in outer walls, sites, and uses guessed from what is said."""

import re
import tomllib
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any, NamedTuple, TypeVar

import ifcopenshell.geom
import numpy as np
import shapely
from ifcopenshell.util.classification import get_references
from ifcopenshell.util.element import get_container, get_psets

from cimkit.arrays import FloatArray, IntArray, TextArray
from cimkit.geometry.directions import azimuth_of
from cimkit.geometry.polygons import Polygons
from cimkit.geometry.sampling import walls_of
from cimkit.model.frames import unique_ids
from cimkit.model.kinds import BuildingUse, Kind, RoomKind, WindowKind
from cimkit.model.notes import Note
from cimkit.model.table import Table
from cimkit.model.tables import Parcels, Windows

_WORDS = tomllib.loads(Path(__file__).with_suffix(".toml").read_text(encoding="utf-8"))
_TELLING = re.compile(r"occupancy ?type|category|(building|space) ?type|nutzung|用途|功能|建筑类型", re.IGNORECASE)
_REACH = 1.0  # [m] so near to a side of its storey's outline the middle of a window in that wall lies
_INWARD = 1.5  # [m] behind the outer face of the wall the room begins
_FRENCH = 0.3  # [m] a sill not higher above the floor makes a French window
_LIMITS = {"far_max": "FloorAreaRatio", "density_max": "SiteCoverageRatio", "height_max": "BuildingHeightLimit"}


T = TypeVar("T", bound=Table)


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


def table_of(kind: type[T], rows: Sequence[dict[str, Any]], model: Model, **more: Any) -> T:
    """Return a table of rows and of columns for all of them; ids that repeat are told apart, which a note says."""
    if not rows:
        return kind()
    columns = {name: [row[name] for row in rows] for name in rows[0]} | more
    if "id" in columns:
        columns["id"], repeated = unique_ids(np.array(columns["id"], dtype=object), kind.title())
        model.notes.extend(repeated)
    return kind(**columns)


def named(element: Any) -> str:
    """Return the name of an element, else its number."""
    return str(element.Name or element.GlobalId)


def called(space: Any) -> str:
    """Return the name of a space in words, else its number."""
    return f"{space.LongName or ''} {space.ObjectType or ''}".strip() or space.Name or ""


def kind_in(kind: type[Kind], *texts: str) -> tuple[int, str]:
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


def uses(model: Model, storeys: Sequence[Any], elements: Sequence[Any], ids: TextArray) -> tuple[Any, IntArray]:
    """Return the use of each building, and of each storey that has another by its rooms (else 0).

    A building's is the first told of itself that names one, else that of most of the area of the rooms that name one.
    """
    own, apart = [], []
    for floors, element, name in zip(storeys, elements, ids, strict=True):
        areas = np.zeros((len(floors), max(BuildingUse) + 1))
        for k, room in ((k, r) for k, floor in enumerate(floors) for r in floor["rooms"]):
            areas[k, kind_in(BuildingUse, *_told(room.element))[0]] += room.plan.area
        areas[:, 0] = 0.0
        use, text = kind_in(BuildingUse, *_told(element))
        said = f"by {text!r}" if use else "nothing said of it or of its rooms names one"
        if areas.any() and not use:
            use = int(areas.sum(axis=0).argmax())
            said = f"by rooms of {areas[:, use].sum():.0f} m²; {np.delete(areas, use, 1).sum():.0f} m² name another"
        other = np.where(areas.argmax(axis=1) == use, 0, areas.argmax(axis=1))
        for storey, kind in zip((f["element"] for f in floors), other, strict=True):
            said += f"; {named(storey)} {BuildingUse(kind).code} by its rooms" if kind else ""
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


def solids(model: Model, kinds: tuple[str, ...], *, plain: bool = False) -> list[Solid]:
    """Return the solids of elements of some classes; plain ones without openings and cuts by the roof."""
    found: list[Solid] = []
    options = {"disable_opening_subtractions": plain, "disable_boolean_result": plain}
    for element, xyz, shape in _shapes(model.file, kinds, **options):
        faces = xyz[np.array(shape.geometry.faces, dtype=np.int64).reshape(-1, 3)]
        normal = np.cross(faces[:, 1] - faces[:, 0], faces[:, 2] - faces[:, 0])
        flat = np.abs(normal[:, 2]) / np.maximum(np.linalg.norm(normal, axis=1), 1e-12)
        seen = faces[flat > 1e-3][:, :, :2]
        if len(seen):
            plan = shapely.union_all(shapely.buffer(shapely.polygons(seen), 0.0), grid_size=1e-5)
            slope = faces[(flat > 0.1) & (flat < 0.99)][..., 2]
            eaves = float(slope.min()) if len(slope) else np.nan
            found.append(Solid(element, plan, xyz[:, 2].min(), xyz[:, 2].max(), eaves))
    return found


def windows(
    model: Model, floors: list[dict[str, Any]], owner: IntArray, place: Callable[[FloatArray], FloatArray]
) -> Windows:
    """Return the windows in outer walls of the storeys, and note what was guessed, what is left out, and why.

    A window belongs to the side of its storey's outline that it is thin across and near to: that side is its outer
    face, and whither it looks. The sill is the lowest point of its body; size as stated, else that of the body.
    """
    start, end, outward, row = walls_of(Polygons.from_shapely(np.array([f["outline"] for f in floors], dtype=object)))
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
        room = kind_in(RoomKind, *(t for r in behind for t in (called(r.element), *_told(r.element))))[0]
        french = low - floors[storey]["z"] <= _FRENCH
        stated = [(v or 0) * model.scale for v in (window.OverallWidth, window.OverallHeight)]
        said[how] += 1
        said["with a room of unknown kind behind"] += not room
        said["sized by their bodies"] += not all(stated)
        said[f"French, sill at most {_FRENCH:g} m above the floor"] += bool(french)
        at, to = place(np.array([face, face + outward[side]]))
        where = {"building": owner[storey], "storey": storey, "x": at[0], "y": at[1], "z": low}
        size = {
            "width": stated[0] or right - left,
            "height": stated[1] or tall,
            "azimuth": azimuth_of((to - at)[None])[0],
        }
        kinds = {"room": room, "kind": WindowKind.FRENCH if french else WindowKind.PLAIN}
        found.append({"id": named(window), **where, **size, **kinds})
    every, *others = (len(model.file.by_type(k)) for k in ("IfcWindow", "IfcDoor", "IfcCurtainWall"))
    out["without a body"] = every - len(found) - out.total()
    notes = [Note("I02", f"{n} windows {why} are left out", "windows", count=n) for why, n in out.items() if n]
    if any(others):
        text = f"{others[0]} doors and {others[1]} curtain walls are not read as windows"
        notes.append(Note("I03", text, "windows", count=sum(others)))
    if found:
        text = f"{len(found)} of {every} windows read, at the outer face of the wall, room behind by name; "
        text += ", ".join(f"{n} {w}" for w, n in said.items() if n)
        notes.append(Note("W03", text, "windows", count=len(found)))
    model.notes.extend(notes)
    return table_of(Windows, found, model)


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


def parcels(model: Model, placed: Callable[[list[Any]], Polygons]) -> Parcels:
    """Return the sites as parcels: outline drawn as footprint, else the plan of the ground's body, which notes tell."""
    plans = {s.element: (s.plan, "the plan of the ground modelled") for s in solids(model, ("IfcSite",))}
    drawn = {"dimensionality": 2, "context_identifiers": ["FootPrint"]}
    for site, xyz, shape in _shapes(model.file, ("IfcSite",), **drawn):
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
            text = f"site {named(site)!r} has no outline, {stated}; no parcel is made of it"
            model.notes.append(Note("I02", text, "parcels", named(site)))
            continue
        outlines.append(shapely.Polygon(max(shapely.get_parts(plan), key=shapely.area).exterior))
        text = f"site {named(site)!r} taken as a parcel of {outlines[-1].area:.1f} m², {how}; {stated}"
        model.notes.append(Note("P08", text, "parcels", named(site)))
        limits = {column: own.get(key, np.nan) for column, key in _LIMITS.items()}
        limits["height_max"] *= model.scale
        rows.append({"id": named(site), "area_declared": area, **limits})
    return table_of(Parcels, rows, model, outline=placed(outlines))
