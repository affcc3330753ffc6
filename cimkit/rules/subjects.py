"""What rules are judged on: dwellings, doors, parcels, buildings, facilities, spaces, the community."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import shapely

from cimkit.model.kinds import (
    BuildingUse,
    EntranceKind,
    FacilityKind,
    PathKind,
    RoomKind,
    SpaceKind,
    Status,
    StoreyKind,
)
from cimkit.model.table import lookup_names
from cimkit.rules.indicator import Subjects

if TYPE_CHECKING:
    from collections.abc import Mapping

    from cimkit.arrays import FloatArray, IntArray, TextArray
    from cimkit.rules.measurements import Measurements

CLASSES = ("low", "multi_1", "multi_2", "high_1", "high_2", "higher")  # 1-3, 4-6, 7-9, 10-18, 19-26, more storeys
_UPPER = np.array([3.5, 6.5, 9.5, 18.5, 26.5])
HOMES = ("residential", "elderly_housing")
CARE = ("dormitory", "kindergarten", "school", "hospital")
NOT_LIVED_IN = (RoomKind.KITCHEN, RoomKind.OTHER, RoomKind.OFFICE)
STREETS = (PathKind.STREET, PathKind.MAIN_ROAD, PathKind.TRUNK_ROAD)
NEAR = 30.0  # [m] ground this near to a building belongs to it, where no building is nearer
NAMED = {  # classes that names tell: of parks, shelters and evacuation passages
    "park": {"综合公园": "large", "社区公园": "community", "游园": "garden", "口袋公园": "pocket"},
    "shelter": {"紧急": "emergency", "临时": "temporary", "短期": "short", "中期": "medium", "长期": "long"},
    "passage": {"救灾": "rescue", "主通道": "main", "主要疏散": "main"},
}


def named(what: str, names: Any, default: str = "") -> TextArray:
    """Return the class that each name tells: the first word of ``NAMED`` in it, else the default.

    Examples
    --------
    >>> list(named("park", ["滨江口袋公园", "滨江公园"]))
    ['pocket', '']
    """
    words = NAMED[what].items()
    return np.array([next((c for w, c in words if w in str(n)), default) for n in names], dtype=object)


def height_class(storeys: Any) -> TextArray:
    """Return the class of GB 50180 tables by (mean) storeys, empty where they are not known.

    Examples
    --------
    >>> list(height_class([2, 11.2, 33]))
    ['low', 'high_1', 'higher']
    """
    storeys = np.asarray(storeys, dtype=np.float64)
    names = np.array(CLASSES, dtype=object)[np.digitize(np.nan_to_num(storeys), _UPPER)]
    return np.where(storeys > 0, names, "")


def the_community(m: Measurements, _: Mapping[str, Any]) -> Subjects:
    """Return the community as the one object."""
    c = m.community
    middle = c.buildings.footprint.centroids().mean(axis=0) if len(c.buildings) else np.zeros(2)
    place = np.array([[middle[0], middle[1], 0.0]])
    storeys = _housing_of_parcels(m, whole=True)[0] if len(c.storeys) else np.array([np.nan])
    attributes = {"mean_storeys": storeys, "height_class": height_class(storeys)}
    ids = np.array([c.name or "community"], dtype=object)
    return Subjects("community", ids, place, attributes, np.zeros(1, np.int64))


def dwellings(m: Measurements, _: Mapping[str, Any]) -> Subjects:
    """Return dwellings, or storeys with homes where no window knows its dwelling."""
    c = m.community
    if not len(c.storeys):
        return Subjects.none("dwelling", "no storeys: give heights or numbers of storeys")
    if len(c.dwellings) and (m.windows.dwelling >= 0).any():
        rows, storey, ids, table = np.arange(len(c.dwellings)), c.dwellings.storey, c.dwellings.id, "dwelling"
        rooms = np.where(c.dwellings.habitable_rooms > 0, c.dwellings.habitable_rooms, np.nan).astype(np.float64)
    else:
        home = np.isin(m.storey_use.astype(str), HOMES)
        if not home.any():
            return Subjects.none("dwelling", "no housing: give buildings a use (residential …)")
        rows = storey = np.flatnonzero(home & c.storeys.enclosed & (c.storeys.level > 0))
        ids, table = c.storeys.names()[rows], "storey"
        rooms = np.full(len(rows), np.nan)
    building = c.storeys.building[storey]
    attributes = building_attributes(m, building) | {"use": m.storey_use[storey], "habitable_rooms": rooms}
    z = c.buildings.ground_z[building] + c.storeys.z[storey]
    return Subjects(table, ids, _at(m, building, z), attributes, rows)


def doors(m: Measurements, _: Mapping[str, Any]) -> Subjects:
    """Return the doors people set out from; a door stands for all its dwellings."""
    homes = m.homes
    if not len(homes):
        return Subjects.none("door", "nobody lives here: give buildings a use (residential …), dwellings or residents")
    used, first = np.unique(homes.door, return_index=True)
    building = homes.building[first]
    names = m.community.buildings.id[building]
    several = np.bincount(building, minlength=len(m.community.buildings))[building] > 1
    order = np.argsort(building, kind="stable")
    place = np.empty(len(used), dtype=np.int64)
    place[order] = np.arange(len(used)) - np.searchsorted(building[order], building[order]) + 1
    ids = np.array([f"{n}/door{p}" if s else n for n, p, s in zip(names, place, several, strict=True)], dtype=object)
    return Subjects("door", ids, homes.doors[used], building_attributes(m, building), used)


def parcels(m: Measurements, _: Mapping[str, Any]) -> Subjects:
    """Return parcels with the limits of the plan and the class of their housing."""
    c = m.community
    if not len(c.parcels):
        return Subjects.none("parcel", "no parcels: add their outlines (地块), the ratios are taken over them")
    p = c.parcels
    storeys, housing = _housing_of_parcels(m)
    attributes = {
        "land_use": p.land_use,
        "housing": np.where(housing >= 0.5, "yes", np.where(np.isnan(housing), "", "no")).astype(object),
        "mean_storeys": storeys,
        "height_class": height_class(storeys),
        "far_max": p.far_max,
        "density_max": p.density_max * 100.0,
        "green_min": p.green_min * 100.0,
        "height_max": p.height_max,
        "area": p.outline.areas(),
    }
    return Subjects("parcel", p.id, _with_z(p.outline.inner_points()), attributes, np.arange(len(p)))


def _housing_of_parcels(m: Measurements, *, whole: bool = False) -> tuple[FloatArray, FloatArray]:
    """Return mean storeys of the housing of each parcel, and housing's share of the floor area above ground.

    With ``whole`` all buildings count as on one parcel.
    """
    c = m.community
    n = 1 if whole else len(c.parcels)
    parcel_of = np.zeros(len(c.buildings), dtype=np.int64) if whole else c.buildings.parcel
    s = c.storeys
    above = np.flatnonzero(s.level > 0)
    area = c.plates.outline.areas()[s.plate[above]]
    parcel = parcel_of[s.building[above]]
    home = np.isin(m.storey_use[above].astype(str), HOMES)
    here = parcel >= 0
    total = np.bincount(parcel[here], weights=area[here], minlength=n)
    homes = np.bincount(parcel[here & home], weights=area[here & home], minlength=n)
    with_home = np.unique(s.building[above][home])
    base = c.buildings.footprint.areas()[with_home]
    own = parcel_of[with_home]
    ground = np.bincount(own[own >= 0], weights=base[own >= 0], minlength=n)
    with np.errstate(invalid="ignore", divide="ignore"):
        return np.where(ground > 0, homes / ground, np.nan), np.where(total > 0, homes / total, np.nan)


def buildings(m: Measurements, _: Mapping[str, Any]) -> Subjects:
    """Return buildings."""
    c = m.community
    rows = np.arange(len(c.buildings))
    z = c.buildings.ground_z + np.nan_to_num(c.buildings.height)
    return Subjects("building", c.buildings.id, _at(m, rows, z), building_attributes(m, rows), rows)


def homes_and_care(m: Measurements, _: Mapping[str, Any]) -> Subjects:
    """Return homes, schools and hospitals: the buildings whose sun rules protect."""
    b = m.community.buildings
    rows = np.flatnonzero(np.isin(BuildingUse.codes(b.use).astype(str), (*HOMES, *CARE)))
    if not len(rows):
        return Subjects.none("building", "" if len(b) else "no buildings")
    return Subjects("building", b.id[rows], _at(m, rows), building_attributes(m, rows), rows)


def buildings_of_use(m: Measurements, given: Mapping[str, Any]) -> Subjects:
    """Return the buildings of one use (``use``) that have windows."""
    c = m.community
    rows = np.flatnonzero(c.buildings.use == BuildingUse.parse(given["use"]))
    return Subjects("building", c.buildings.id[rows], _at(m, rows), building_attributes(m, rows), rows)


def facilities(m: Measurements, given: Mapping[str, Any]) -> Subjects:
    """Return the facilities of one kind (``kind``)."""
    c = m.community
    f = c.facilities
    rows = np.flatnonzero(f.kind == FacilityKind.parse(given["kind"]))
    attributes = {"status": Status.codes(f.status[rows]), "capacity": f.capacity[rows]}
    attributes["park"] = named("park", f.name[rows])
    return Subjects("facility", f.id[rows], np.column_stack([f.x[rows], f.y[rows], f.z[rows]]), attributes, rows)


def spaces(m: Measurements, given: Mapping[str, Any]) -> Subjects:
    """Return the spaces of one kind (``space``)."""
    c = m.community
    s = c.spaces
    rows = np.flatnonzero(s.kind == SpaceKind.parse(given["space"]))
    level = np.append(c.storeys.level, 0)[s.storey[rows]]
    attributes = {
        "status": Status.codes(s.status[rows]),
        "public": np.where(s.public[rows], "yes", "no").astype(object),
        "enclosed": np.array(["", "no", "yes"], dtype=object)[s.enclosed[rows] + 1],
        "level": level.astype(np.float64),
        "area": s.outline.areas()[rows],
        "beside": _beside(m, rows) if given["space"] == "playground" else np.full(len(rows), "", dtype=object),
    }
    return Subjects("space", s.id[rows], _with_z(s.outline.inner_points()[rows], s.z[rows]), attributes, rows)


def paths(m: Measurements, given: Mapping[str, Any]) -> Subjects:
    """Return the paths of one kind (``path``)."""
    e = m.community.path_edges
    if not len(e):
        return Subjects.none("path", "no paths: add streets and footpaths (路网)")
    rows = np.flatnonzero(e.kind == PathKind.parse(given["path"]))
    nodes = m.community.path_nodes
    start, end = e.start[rows], e.end[rows]
    places = np.column_stack([(v[start] + v[end]) / 2 for v in (nodes.x, nodes.y, nodes.z)])
    attributes = {"status": Status.codes(e.status[rows]), "passage": named("passage", e.name[rows], "secondary")}
    return Subjects("path", e.id[rows], places, attributes, rows)


def street_blocks(m: Measurements, _: Mapping[str, Any]) -> Subjects:
    """Return the blocks that streets close all around."""
    e = m.community.path_edges
    courses = shapely.force_2d(e.course.take(np.flatnonzero(np.isin(e.kind, STREETS))).to_shapely())
    faces = np.array(shapely.get_parts(shapely.polygonize(shapely.get_parts(shapely.union_all(courses)))), dtype=object)
    if not len(faces):
        return Subjects.none("block", "streets that close a block: add paths of kind street, main_road (路网)")
    middle = shapely.get_coordinates(shapely.point_on_surface(faces))
    order = np.lexsort((middle[:, 0].round(3), middle[:, 1].round(3)))
    ids = np.array([f"block{k + 1}" for k in range(len(faces))], dtype=object)
    return Subjects("block", ids, _with_z(middle[order]), {}, faces[order])


def named_streets(m: Measurements, _: Mapping[str, Any]) -> Subjects:
    """Return the streets that have a name, with the rows of their paths."""
    e = m.community.path_edges
    rows = np.flatnonzero(np.isin(e.kind, STREETS) & (e.name != ""))
    if not len(rows):
        return Subjects.none("street", "streets with a name: add paths of kind street, main_road (路网)")
    names, first, own = np.unique(e.name[rows].astype(str), return_index=True, return_inverse=True)
    parts = np.empty(len(names), dtype=object)
    for k in range(len(names)):
        parts[k] = rows[own == k]
    nodes = m.community.path_nodes
    start = e.start[rows[first]]
    return Subjects("street", names.astype(object), _with_z(np.column_stack([nodes.x, nodes.y])[start]), {}, parts)


def gates(m: Measurements, _: Mapping[str, Any]) -> Subjects:
    """Return the gates of parcels."""
    e = m.community.entrances
    rows = np.flatnonzero(e.kind == EntranceKind.GATE)
    if not len(rows):
        return Subjects.none("gate", "gates: add entrances of kind gate (小区出入口)")
    return Subjects("gate", e.id[rows], np.column_stack([e.x, e.y, e.z])[rows], {}, rows)


def storeys_of_kind(m: Measurements, given: Mapping[str, Any]) -> Subjects:
    """Return the storeys of one kind (``storey``)."""
    c = m.community
    rows = np.flatnonzero(c.storeys.kind == StoreyKind.parse(given["storey"]))
    building = c.storeys.building[rows]
    places = _at(m, building, c.buildings.ground_z[building] + c.storeys.z[rows])
    return Subjects("storey", c.storeys.names()[rows], places, {"use": m.storey_use[rows]}, rows)


def home_windows(m: Measurements, _: Mapping[str, Any]) -> Subjects:
    """Return the windows of homes that are not known to belong to rooms nobody stays in."""
    w, storey = m.windows, m.window_storey
    if not len(w):
        return Subjects.none("window", "windows, or storeys to place them on by rule")
    use = np.append(m.storey_use, "").astype(str)[storey]
    rows = np.flatnonzero(np.isin(use, HOMES) & ~np.isin(w.room, NOT_LIVED_IN))
    facing = np.abs((w.azimuth[rows] + m.community.frame.convergence) % 360.0 - 180.0)
    attributes = {"facing": facing, "status": Status.codes(m.community.buildings.status[w.building[rows]])}
    return Subjects("window", w.id[rows], np.column_stack([w.x, w.y, w.z])[rows], attributes, rows)


def empty_parcels(m: Measurements, given: Mapping[str, Any]) -> Subjects:
    """Return the parcels without a building: land that somebody may still build on."""
    every = parcels(m, given)
    rows = every.rows[~np.isin(every.rows, m.community.buildings.parcel)]
    attributes = {k: np.asarray(v)[rows] for k, v in every.attributes.items()}
    return Subjects("parcel", every.ids[rows], every.places[rows], attributes, rows, every.missing)


def shelters(m: Measurements, _: Mapping[str, Any]) -> Subjects:
    """Return the shelters that people go to."""
    loads = m.shelter_loads
    ids = loads["shelter"].to_numpy(dtype=object)
    c = m.community
    names = dict(zip(c.spaces.id, c.spaces.name, strict=True)) | dict(
        zip(c.facilities.id, c.facilities.name, strict=True)
    )
    kinds = named("shelter", [names.get(i, "") for i in ids])
    return Subjects("shelter", ids, np.full((len(ids), 3), np.nan), {"shelter": kinds}, np.arange(len(ids)))


def _beside(m: Measurements, rows: IntArray) -> TextArray:
    """Return the use of the building nearest to some spaces, empty where none is near."""
    b, shapes = m.community.buildings, m.community.spaces.outline.take(rows).to_shapely()
    found = np.full(len(rows), "", dtype=object)
    if len(b):
        own, other = shapely.STRtree(b.footprint.to_shapely()).query_nearest(shapes, max_distance=NEAR)
        found[own] = BuildingUse.codes(b.use[other])
    return found


def building_attributes(m: Measurements, rows: IntArray) -> dict[str, Any]:
    """Return what conditions may ask of buildings."""
    b, p = m.community.buildings, m.community.parcels
    storeys = np.where(b.n_above[rows] > 0, b.n_above[rows], np.nan).astype(np.float64)
    plan = np.append(p.height_max, np.nan) if len(p) else np.array([np.nan])
    return {
        "building": lookup_names(b.id, rows),
        "use": BuildingUse.codes(b.use[rows]),
        "status": Status.codes(b.status[rows]),
        "storeys": storeys,
        "height": b.height[rows],
        "height_class": height_class(storeys),
        "height_max": plan[b.parcel[rows] if len(p) else np.full(len(rows), -1)],
    }


def _at(m: Measurements, building: IntArray, z: FloatArray | None = None) -> FloatArray:
    """Return the middle of buildings at a height."""
    b = m.community.buildings
    return _with_z(b.footprint.inner_points()[building], b.ground_z[building] if z is None else z)


def _with_z(xy: FloatArray, z: FloatArray | float = 0.0) -> FloatArray:
    """Return points with a height."""
    return np.column_stack([xy, np.broadcast_to(np.asarray(z, dtype=np.float64), len(xy))])
