"""What rules are judged on: dwellings, doors, parcels, buildings, facilities, spaces, the community."""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING, Any

import numpy as np
import shapely

from cimkit.arrays import FloatArray, IntArray, TextArray
from cimkit.geometry.ragged import numbers_within, totals
from cimkit.model.kinds import BuildingUse, FacilityKind, PathKind, RoomKind, Status
from cimkit.rules.indicator import Given, Subjects

if TYPE_CHECKING:
    from cimkit.rules.measurements import Measurements

CLASSES = ("low", "multi_1", "multi_2", "high_1", "high_2", "higher")  # 1-3, 4-6, 7-9, 10-18, 19-26, more storeys
_UPPER = np.array([3.5, 6.5, 9.5, 18.5, 26.5])
HOMES = ("residential", "elderly_housing")
CARE = ("dormitory", "kindergarten", "school", "hospital")
NOT_LIVED_IN = (RoomKind.KITCHEN, RoomKind.OTHER, RoomKind.OFFICE)
STREETS = (PathKind.STREET, PathKind.MAIN_ROAD, PathKind.TRUNK_ROAD)
NEAR = 30.0  # [m] ground this near to a building belongs to it, where no building is nearer
MAIN_WIDTH = 4.0  # [m] a site road this wide is a main one, GB 50180-2018 chapter 6 (mark M)
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
    return np.array([next((c for w, c in NAMED[what].items() if w in str(n)), default) for n in names], dtype=object)


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


def facility_kinds(given: Given) -> list[FacilityKind]:
    """Return the kinds of facilities a rule names (``kind``), one or several."""
    kind = given["kind"]
    return [FacilityKind.parse(k) for k in ([kind] if isinstance(kind, str) else kind)]


def the_community(m: Measurements, _: Given) -> Subjects:
    """Return the community as the one object."""
    c = m.community
    middle = c.buildings.footprint.centroids().mean(axis=0) if len(c.buildings) else np.zeros(2)
    storeys = _housing_of_parcels(m, whole=True)[0] if len(c.storeys) else np.array([np.nan])
    attributes = {"mean_storeys": storeys, "height_class": height_class(storeys)}
    ids = np.array([c.name or "community"], dtype=object)
    return Subjects("community", ids, _with_z(middle[None]), attributes, np.zeros(1, np.int64))


def dwellings(m: Measurements, _: Given) -> Subjects:
    """Return dwellings, or storeys with homes where no window knows its dwelling."""
    c = m.community
    if not len(c.storeys):
        return Subjects.none("dwelling", "no storeys: give heights or numbers of storeys")
    if len(c.dwellings) and (m.windows.dwelling >= 0).any():
        table, rows, storey, ids = "dwelling", np.arange(len(c.dwellings)), c.dwellings.storey, c.dwellings.id
        rooms = np.where(c.dwellings.habitable_rooms > 0, c.dwellings.habitable_rooms, np.nan)
    else:
        home = np.isin(m.storey_use.astype(str), HOMES)
        if not home.any():
            return Subjects.none("dwelling", "no housing: give buildings a use (residential …)")
        rows = storey = np.flatnonzero(home & c.storeys.enclosed & (c.storeys.level > 0))
        table, ids, rooms = "storey", c.storeys.names()[rows], np.full(len(rows), np.nan)
    building = c.storeys.building[storey]
    attributes = building_attributes(m, building) | {"use": m.storey_use[storey], "habitable_rooms": rooms}
    return Subjects(table, ids, _at(m, building, c.storeys.z[storey]), attributes, rows)


def doors(m: Measurements, _: Given) -> Subjects:
    """Return the doors people set out from; a door stands for all its dwellings."""
    homes = m.homes
    used, first = np.unique(homes.door, return_index=True)
    building = homes.building[first]
    names, several = m.community.buildings.id[building], np.bincount(building)[building] > 1
    order, number = np.argsort(building, kind="stable"), np.empty(len(used), dtype=np.int64)
    number[order] = numbers_within(building[order])
    ids = np.array([f"{n}/door{k}" if s else n for n, k, s in zip(names, number, several, strict=True)], dtype=object)
    missing = "nobody lives here: give buildings a use (residential …), dwellings or residents"
    return Subjects("door", ids, homes.doors[used], building_attributes(m, building), used, missing)


def parcels(m: Measurements, _: Given) -> Subjects:
    """Return parcels with the limits of the plan and the class of their housing."""
    p, (storeys, housing) = m.community.parcels, _housing_of_parcels(m)
    homes = np.where(housing >= 0.5, "yes", np.where(np.isnan(housing), "", "no")).astype(object)
    attributes = {"housing": homes, "mean_storeys": storeys, "height_class": height_class(storeys)}
    attributes |= {name: getattr(p, name) for name in ("land_use", "far_max", "height_max")}
    attributes |= {name: getattr(p, name) * 100.0 for name in ("density_max", "green_min")}
    attributes["area"] = p.outline.areas()
    missing = "no parcels: add their outlines (地块), the ratios are taken over them"
    return Subjects("parcel", p.id, _with_z(p.outline.inner_points()), attributes, np.arange(len(p)), missing)


def _housing_of_parcels(m: Measurements, *, whole: bool = False) -> tuple[FloatArray, FloatArray]:
    """Return mean storeys of the housing of each parcel, and housing's share of the floor area above ground.

    With ``whole`` all buildings count as on one parcel.
    """
    c = m.community
    parcel_of = np.zeros(len(c.buildings), dtype=np.int64) if whole else c.buildings.parcel

    def summed(buildings: IntArray, areas: FloatArray) -> FloatArray:
        return totals(parcel_of[buildings] + 1, areas, (1 if whole else len(c.parcels)) + 1)[1:]

    above = c.storeys.level > 0
    s, home = c.storeys.take(above), np.isin(m.storey_use[above].astype(str), HOMES)
    area = c.plates.outline.areas()[s.plate]
    with_home = np.unique(s.building[home])
    total, homes = summed(s.building, area), summed(s.building[home], area[home])
    ground = summed(with_home, c.buildings.footprint.areas()[with_home])
    with np.errstate(invalid="ignore", divide="ignore"):
        return np.where(ground > 0, homes / ground, np.nan), np.where(total > 0, homes / total, np.nan)


def buildings(m: Measurements, _: Given) -> Subjects:
    """Return buildings."""
    b = m.community.buildings
    return _buildings(m, np.arange(len(b)), np.nan_to_num(b.height))


def homes_and_care(m: Measurements, _: Given) -> Subjects:
    """Return homes, schools and hospitals: the buildings whose sun rules protect."""
    b = m.community.buildings
    rows = np.flatnonzero(np.isin(BuildingUse.codes(b.use).astype(str), (*HOMES, *CARE)))
    return _buildings(m, rows) if len(rows) else Subjects.none("building", "" if len(b) else "no buildings")


def buildings_of_use(m: Measurements, given: Given) -> Subjects:
    """Return the buildings of one use (``use``) that have windows."""
    return _buildings(m, np.flatnonzero(m.community.buildings.use == BuildingUse.parse(given["use"])))


def with_roads(m: Measurements, given: Given) -> Subjects:
    """Return buildings with the kind of site road (``road``: main, minor) in front of a kind of wall."""
    e = m.community.path_edges
    if not ((e.kind == PathKind.SERVICE) & (e.width > 0)).any():
        return Subjects.none("building", "site roads with their width: paths of kind service (内部道路)")
    near, every = m.wall_roads[given["wall"]], buildings(m, given)
    wide = np.array([near[int(b)][1] for b in every.rows])
    road = np.where(wide >= MAIN_WIDTH, "main", "minor").astype(object)
    return dataclasses.replace(every, attributes={**every.attributes, "road": road}).take(~np.isnan(wide))


def facilities(m: Measurements, given: Given) -> Subjects:
    """Return the facilities of one kind (``kind``)."""
    f, rows = _of_kind(m.community.facilities, given["kind"])
    attributes = {"status": Status.codes(f.status), "capacity": f.capacity, "park": named("park", f.name)}
    return Subjects("facility", f.id, np.column_stack([f.x, f.y, f.z]), attributes, rows)


def _of_kind(table: Any, word: str) -> tuple[Any, IntArray]:
    """Return the part of a table that is of a kind, and its rows."""
    kind = next(c.dtype for c in table.columns() if c.name == "kind")
    rows = np.flatnonzero(table.kind == kind.parse(word))
    return table.take(rows), rows


def spaces(m: Measurements, given: Given) -> Subjects:
    """Return the spaces of one kind (``space``)."""
    s, rows = _of_kind(m.community.spaces, given["space"])
    level = np.append(m.community.storeys.level, 0)[s.storey].astype(np.float64)
    attributes = {"status": Status.codes(s.status), "level": level, "area": s.outline.areas()}
    attributes["public"] = np.where(s.public, "yes", "no").astype(object)
    attributes["enclosed"] = np.array(["", "no", "yes"], dtype=object)[s.enclosed + 1]
    attributes["beside"] = _beside(m, s.outline, given["space"] == "playground")
    return Subjects("space", s.id, _with_z(s.outline.inner_points(), s.z), attributes, rows)


def paths(m: Measurements, given: Given) -> Subjects:
    """Return the paths of one kind (``path``)."""
    missing = "" if len(m.community.path_edges) else "no paths: add streets and footpaths (路网)"
    (e, rows), nodes = _of_kind(m.community.path_edges, given["path"]), m.community.path_nodes
    places = np.column_stack([(v[e.start] + v[e.end]) / 2 for v in (nodes.x, nodes.y, nodes.z)])
    attributes = {"status": Status.codes(e.status), "passage": named("passage", e.name, "secondary")}
    return Subjects("path", e.id, places, attributes, rows, missing)


def street_blocks(m: Measurements, _: Given) -> Subjects:
    """Return the blocks that streets close all around."""
    courses = shapely.force_2d(m.paths_of(*STREETS))
    faces = np.array(shapely.get_parts(shapely.polygonize(shapely.get_parts(shapely.union_all(courses)))), dtype=object)
    middle = shapely.get_coordinates(shapely.point_on_surface(faces))
    order = np.lexsort((middle[:, 0].round(3), middle[:, 1].round(3)))
    ids = np.array([f"block{k + 1}" for k in range(len(faces))], dtype=object)
    missing = "streets that close a block: add paths of kind street, main_road (路网)"
    return Subjects("block", ids, _with_z(middle[order]), {}, faces[order], missing)


def named_streets(m: Measurements, _: Given) -> Subjects:
    """Return the streets that have a name, with the rows of their paths."""
    e, nodes = m.community.path_edges, m.community.path_nodes
    rows = np.flatnonzero(np.isin(e.kind, STREETS) & (e.name != ""))
    names, first, own = np.unique(e.name[rows].astype(str), return_index=True, return_inverse=True)
    parts = np.empty(len(names), dtype=object)
    for k in range(len(names)):
        parts[k] = rows[own == k]
    places = _with_z(np.column_stack([nodes.x, nodes.y])[e.start[rows[first]]])
    missing = "streets with a name: add paths of kind street, main_road (路网)"
    return Subjects("street", names.astype(object), places, {}, parts, missing)


def gates(m: Measurements, _: Given) -> Subjects:
    """Return the gates of parcels."""
    e, rows = _of_kind(m.community.entrances, "gate")
    missing = "gates: add entrances of kind gate (小区出入口)"
    return Subjects("gate", e.id, np.column_stack([e.x, e.y, e.z]), {}, rows, missing)


def storeys_of_kind(m: Measurements, given: Given) -> Subjects:
    """Return the storeys of one kind (``storey``)."""
    s, rows = _of_kind(m.community.storeys, given["storey"])
    ids = m.community.storeys.names()[rows]
    return Subjects("storey", ids, _at(m, s.building, s.z), {"use": m.storey_use[rows]}, rows)


def home_windows(m: Measurements, _: Given) -> Subjects:
    """Return the windows of homes that are not known to belong to rooms nobody stays in."""
    missing = "" if len(m.windows) else "windows, or storeys to place them on by rule"
    use = np.append(m.storey_use, "").astype(str)[m.window_storey]
    rows = np.flatnonzero(np.isin(use, HOMES) & ~np.isin(m.windows.room, NOT_LIVED_IN))
    w = m.windows.take(rows)
    facing = np.abs((w.azimuth + m.community.frame.convergence) % 360.0 - 180.0)
    attributes = {"facing": facing, "status": Status.codes(m.community.buildings.status[w.building])}
    return Subjects("window", w.id, np.column_stack([w.x, w.y, w.z]), attributes, rows, missing)


def empty_parcels(m: Measurements, given: Given) -> Subjects:
    """Return the parcels without a building: land that somebody may still build on."""
    every = parcels(m, given)
    return every.take(~np.isin(every.rows, m.community.buildings.parcel))


def shelters(m: Measurements, _: Given) -> Subjects:
    """Return the shelters that people go to."""
    ids = m.shelter_loads["shelter"].to_numpy(dtype=object)
    names = {i: n for t in (m.community.spaces, m.community.facilities) for i, n in zip(t.id, t.name, strict=True)}
    kinds = named("shelter", [names.get(i, "") for i in ids])
    return Subjects("shelter", ids, np.full((len(ids), 3), np.nan), {"shelter": kinds}, np.arange(len(ids)))


def _beside(m: Measurements, outlines: Any, asked: bool) -> TextArray:
    """Return the use of the building nearest to some outlines, empty where none is near, or it is not asked."""
    b, found = m.community.buildings, np.full(len(outlines), "", dtype=object)
    if len(b) and asked:
        tree = shapely.STRtree(b.footprint.to_shapely())
        own, other = tree.query_nearest(outlines.to_shapely(), max_distance=NEAR)
        found[own] = BuildingUse.codes(b.use[other])
    return found


def building_attributes(m: Measurements, rows: IntArray) -> dict[str, Any]:
    """Return what conditions may ask of buildings."""
    b = m.community.buildings.take(rows)
    storeys = np.where(b.n_above > 0, b.n_above, np.nan)
    most = np.append(m.community.parcels.height_max, np.nan)[b.parcel]
    codes = {"building": b.id, "use": BuildingUse.codes(b.use), "status": Status.codes(b.status)}
    return codes | {"storeys": storeys, "height_class": height_class(storeys), "height": b.height, "height_max": most}


def _buildings(m: Measurements, rows: IntArray, z: FloatArray | float = 0.0) -> Subjects:
    """Return some buildings, at a height above the ground."""
    return Subjects("building", m.community.buildings.id[rows], _at(m, rows, z), building_attributes(m, rows), rows)


def _at(m: Measurements, building: IntArray, z: FloatArray | float) -> FloatArray:
    """Return the middle of buildings at a height above the ground."""
    b = m.community.buildings
    return _with_z(b.footprint.inner_points()[building], b.ground_z[building] + z)


def _with_z(xy: FloatArray, z: FloatArray | float = 0.0) -> FloatArray:
    """Return points with a height."""
    return np.column_stack([xy, np.broadcast_to(np.asarray(z, dtype=np.float64), len(xy))])
