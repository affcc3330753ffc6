"""Indicators of a whole living circle, of its streets, gates, shelters and the ground between walls and roads."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import shapely

from cimkit.model.kinds import EntranceKind, FacilityKind, PathKind, SpaceKind
from cimkit.rules.indicator import Subjects, Values, listed
from cimkit.rules.indicators_land import site_ratio
from cimkit.rules.subjects import (
    buildings,
    facilities,
    gates,
    named_streets,
    parcels,
    paths,
    shelters,
    storeys_of_kind,
    street_blocks,
    the_community,
)
from cimkit.sim.site_ratios import GREENS
from cimkit.sim.wall_roads import BESIDE

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from cimkit.arrays import FloatArray
    from cimkit.rules.measurements import Measurements

BLOCK = ("convenience_store", "refuse_point")  # services of a block, GB 50180-2018 appendix B (mark M)
CORE = (  # elderly care, childcare with custody, meals: of the functions of a complex, national trial guide (mark S)
    ("elderly_day_care", "elderly_service", "elderly_centre", "care_home", "nursing_care"), ("nursery",), ("canteen",),
)  # fmt: skip
LAND_USES = {  # first letters or digits of land-use codes: GB 50137-2011; 国土空间分类 2023 (mark M)
    "housing": ("R", "07"),
    "facilities": ("A", "B", "08", "09"),
    "green": ("G", "14"),
    "roads": ("S", "12"),
}
ACROSS = 40.0  # [m] as far as the border of a parcel is looked for from the middle of a street
ON_STREET = 15.0  # [m] a crossing this near to the line of a street crosses it
AT_BORDER = 6.0  # [m] a gate this near to the border of a parcel stands in it
MAIN_WIDTH = 4.0  # [m] a site road this wide is a main one, GB 50180-2018 chapter 6 (mark M)


def _one(value: float, missing: str = "", **evidence: Any) -> Values:
    """Return the value of the community."""
    return Values(np.array([value]), missing=missing, evidence=lambda _k: evidence)


def residents(m: Measurements, _: Subjects, __: Mapping[str, Any]) -> Values:
    """Measure the number of residents."""
    return _one(m.persons())


def dwellings(m: Measurements, _: Subjects, __: Mapping[str, Any]) -> Values:
    """Measure the number of dwellings."""
    n = len(m.community.dwellings)
    return _one(float(n) if n else float("nan"), "dwellings (住宅套), or run complete()")


def land(m: Measurements, _: Subjects, __: Mapping[str, Any]) -> Values:
    """Measure the land of all parcels."""
    areas = m.community.parcels.outline.areas()
    return _one(float(areas.sum()) if len(areas) else float("nan"), "parcels (地块)", parcels=len(areas))


def land_use_share(m: Measurements, _: Subjects, given: Mapping[str, Any]) -> Values:
    """Measure the share of the land that serves one use, if that of every parcel is known, roads included."""
    p = m.community.parcels
    area, found = p.outline.areas(), dict.fromkeys(LAND_USES, 0.0)
    known = 0
    for code, one in zip(p.land_use, area, strict=True):
        parts = [u for part in str(code).split("/") for u, heads in LAND_USES.items() if part.strip().startswith(heads)]
        known += bool(parts)
        for use in parts:  # of mixed land each use has an equal part
            found[use] += float(one) / len(parts)
    if not known or known < len(p) or not found["roads"]:
        what = "the land use of all land: a code for every parcel (R2, A33, G1, S1 …), and parcels of roads"
        return Values.unknown(1, what)
    return _one(100.0 * found[given["land"]] / float(area.sum()), parcels=len(p))


def tier_facilities(column: str) -> Callable[..., Values]:
    """Return the measure of what the services of one circle have for 1000 residents."""

    def measure(m: Measurements, _: Subjects, given: Mapping[str, Any]) -> Values:
        from cimkit.sim.supply import CIRCLES

        f, tier = m.community.facilities, given.get("tier", 5)
        kinds = BLOCK if tier == "block" else CIRCLES[int(tier)]
        rows = np.flatnonzero(np.isin(f.kind, [FacilityKind.parse(k) for k in kinds]))
        stated = getattr(f, column)[rows]
        known = 1000.0 * float(np.nansum(stated)) / m.persons()
        open_ = int(np.isnan(stated).sum())
        shown = {"facilities": len(rows), "not_stated": open_}
        upper = np.array([np.inf if open_ or not len(rows) else known])
        what = f"{column.replace('_', ' ')} of {open_} facilities" if len(rows) else "facilities of this circle"
        return Values(upper, np.array([known]), what, lambda _k: shown, "what is not stated counts as nothing at least")

    return measure


def largest_facility_land(m: Measurements, _: Subjects, given: Mapping[str, Any]) -> Values:
    """Measure the largest stated land of the facilities of a kind."""
    f = m.community.facilities
    rows = np.flatnonzero(f.kind == FacilityKind.parse(given["kind"]))
    stated = f.land_area[rows]
    largest = float(np.nanmax(stated)) if np.isfinite(stated).any() else float("nan")
    return _one(largest, f"a {given['kind']} with its land (用地面积)", facilities=list(f.id[rows]))


def _largest_park(m: Measurements) -> tuple[Any, float, str]:
    """Return outline (None if only the facility is known), area and name of the largest public green."""
    s, f = m.community.spaces, m.community.facilities
    rows = np.flatnonzero(np.isin(s.kind, GREENS) & (s.storey < 0) & s.public)
    areas = s.outline.take(rows).areas()
    parks = np.flatnonzero((f.kind == FacilityKind.PARK) & (f.land_area > 0))
    best: tuple[Any, float, str] = (None, float("nan"), "")
    if len(rows):
        k = rows[int(areas.argmax())]
        best = (s.outline.take(np.array([k])).to_shapely()[0], float(areas.max()), str(s.id[k]))
    if len(parks) and not f.land_area[parks].max() <= best[1]:
        k = parks[int(f.land_area[parks].argmax())]
        best = (None, float(f.land_area[k]), str(f.id[k]))
    return best


def park_area(m: Measurements, _: Subjects, __: Mapping[str, Any]) -> Values:
    """Measure the largest public green."""
    _shape, area, name = _largest_park(m)
    return _one(area, "public green: spaces of kind green with public = true, or parks with their land", park=name)


def park_width(m: Measurements, _: Subjects, __: Mapping[str, Any]) -> Values:
    """Measure the width of the largest public green: the diameter of the largest circle inside."""
    shape, _area, name = _largest_park(m)
    wide = float("nan") if shape is None else 2.0 * shapely.length(shapely.maximum_inscribed_circle(shape, 0.01))
    return _one(round(wide, 2), "the outline of the largest park: a space of kind green with public = true", park=name)


def park_sports(m: Measurements, _: Subjects, __: Mapping[str, Any]) -> Values:
    """Measure the share of sports grounds and playgrounds in the largest public green."""
    s = m.community.spaces
    shape, _area, name = _largest_park(m)
    rows = np.flatnonzero((s.kind == SpaceKind.PLAYGROUND) & (s.storey < 0))
    if shape is None or not len(rows):
        return Values.unknown(1, "the outline of the largest park, and spaces of kind playground (活动场地)")
    whole = shapely.polygons(shapely.get_exterior_ring(shape))  # a ground cut out of the green lies in the park too
    inside = float(shapely.area(shapely.intersection(shapely.union_all(s.outline.take(rows).to_shapely()), whole)))
    return _one(100.0 * inside / float(whole.area), park=name, sports_m2=round(inside, 1))


def functions_beside(groups: tuple[tuple[str, ...], ...] = ()) -> Callable[..., Values]:
    """Return the measure of the kinds of services in a facility's building; of some groups, each counts once."""

    def measure(m: Measurements, subjects: Subjects, given: Mapping[str, Any]) -> Values:
        f, own = m.community.facilities, FacilityKind.parse(given["kind"])
        here = [f.kind[(f.building == b) & (b >= 0) & (f.kind != own)] for b in f.building[subjects.rows]]
        kinds = [{FacilityKind(int(k)).code for k in there} for there in here]
        counts = [sum(bool(k & set(g)) for g in groups) if groups else len(k) for k in kinds]
        values = np.where([len(k) > 0 for k in kinds], counts, np.nan)
        missing = "the other services in its building: facilities with the building they are in"
        return Values(values, missing=missing, evidence=lambda k: {"functions": sorted(kinds[k])})

    return measure


def charged_share(m: Measurements, _: Subjects, __: Mapping[str, Any]) -> Values:
    """Measure the charging places over the parking spaces."""
    f, spaces = m.community.facilities, float(m.community.spaces.parking.sum())
    places = f.capacity[f.kind == FacilityKind.CHARGING]
    if not spaces or not len(places) or np.isnan(places).any():
        return Values.unknown(1, "parking spaces, and facilities of kind charging with their number (capacity)")
    return _one(100.0 * float(places.sum()) / spaces, chargers=float(places.sum()), parking=spaces)


def exempt_share(m: Measurements, _: Subjects, given: Mapping[str, Any]) -> Values:
    """Measure the building area above ground that is not counted, over what is."""
    areas = m.areas_of(given.get("area_local", "NATIONAL"), given.get("area_code", "GBT50353_2013"))
    items = areas.items
    above = (m.community.storeys.level[items["storey"]] > 0) if len(m.community.storeys) else np.zeros(0, bool)
    whole = float(areas.counted("building_area")[above].sum())
    counted = float(areas.counted("far_area")[above].sum())
    share = 100.0 * max(whole - counted, 0.0) / counted if counted else float("nan")
    return _one(share, "storeys", building_m2=round(whole, 2), counted_m2=round(counted, 2))


def street_spacing(_: Measurements, subjects: Subjects, __: Mapping[str, Any]) -> Values:
    """Measure how far apart the streets around blocks are: the longer side of the smallest rectangle around."""
    box = shapely.get_coordinates(shapely.minimum_rotated_rectangle(subjects.rows)).reshape(-1, 5, 2)
    sides = np.hypot(*np.moveaxis(np.diff(box, axis=1)[:, :2], 2, 0))
    return Values(np.round(sides.max(axis=1), 2), note="from middle to middle of the streets")


def street_width(m: Measurements, subjects: Subjects, _: Mapping[str, Any]) -> Values:
    """Measure the width of streets from parcel to parcel, square to the middle of each path."""
    borders = shapely.union_all(m.community.parcels.outline.to_shapely())
    lines = shapely.force_2d(m.community.path_edges.course.take(subjects.rows).to_shapely())
    ends = [
        shapely.get_coordinates(shapely.line_interpolate_point(lines, p, normalized=True)) for p in (0.49, 0.5, 0.51)
    ]
    along = ends[2] - ends[0]
    along /= np.maximum(np.hypot(*along.T), 1e-9)[:, None]
    width = np.zeros(len(lines))
    for side in (1.0, -1.0):
        out = side * ACROSS * np.column_stack([-along[:, 1], along[:, 0]])
        ray = shapely.linestrings(np.stack([ends[1], ends[1] + out], axis=1))
        hit = shapely.distance(shapely.points(ends[1]), shapely.intersection(ray, borders))
        width += hit
    return Values(np.round(width, 2), missing="parcels on both sides of the street: their borders are its red lines")


def gate_spacing(m: Measurements, subjects: Subjects, _: Mapping[str, Any]) -> Values:
    """Measure the longest way along the border of parcels from gate to gate."""
    e = m.community.entrances
    rows = np.flatnonzero(e.kind == EntranceKind.GATE)
    points = shapely.points(e.x[rows], e.y[rows])
    values = np.full(len(subjects), np.nan)
    count = np.zeros(len(subjects), dtype=np.int64)
    for k, shape in enumerate(m.community.parcels.outline.take(subjects.rows).to_shapely()):
        ring = shapely.get_exterior_ring(shape)
        own = (e.parcel[rows] == subjects.rows[k]) | shapely.dwithin(points, ring, AT_BORDER)
        if own.any():
            at = np.sort(shapely.line_locate_point(ring, points[own]))
            values[k] = np.diff(np.append(at, at[0] + ring.length)).max()
            count[k] = own.sum()
    missing = "gates of the parcel: add entrances of kind gate (小区出入口)"
    return Values(np.round(values, 2), missing=missing, evidence=lambda k: {"gates": int(count[k])})


def main_drive(m: Measurements, subjects: Subjects, _: Mapping[str, Any]) -> Values:
    """Measure the width of the widest drive on parcels."""
    e = m.community.path_edges
    rows = np.flatnonzero((e.kind == PathKind.SERVICE) & (e.width > 0))
    tree = shapely.STRtree(e.course.take(rows).to_shapely())
    parcel, drive = tree.query(m.community.parcels.outline.take(subjects.rows).to_shapely(), predicate="intersects")
    widest = np.full(len(subjects), np.nan)
    np.fmax.at(widest, parcel, e.width[rows][drive])
    return Values(widest, missing="drives of the parcel with their width: paths of kind service (内部道路)")


def crossing_spacing(m: Measurements, subjects: Subjects, _: Mapping[str, Any]) -> Values:
    """Measure the longest stretch of streets between crossings; with less than two, the street's length at least."""
    e = m.community.path_edges
    crossings = e.course.take(np.flatnonzero(e.kind == PathKind.CROSSING)).to_shapely()
    values, least = np.full(len(subjects), np.inf), np.zeros(len(subjects))
    counts = np.zeros(len(subjects), dtype=np.int64)
    for k, rows in enumerate(subjects.rows):
        merged = shapely.line_merge(shapely.union_all(shapely.force_2d(e.course.take(rows).to_shapely())))
        parts = shapely.get_parts(merged)
        line = parts[int(shapely.length(parts).argmax())]
        near = crossings[shapely.dwithin(crossings, line, ON_STREET)] if len(crossings) else crossings
        at = np.sort(shapely.line_locate_point(line, shapely.line_interpolate_point(near, 0.5, normalized=True)))
        counts[k], least[k] = len(at), float(line.length)
        if not len(crossings):
            values[k] = np.nan
        if len(at) > 1:
            values[k] = least[k] = np.diff(at).max()
    missing = "crossings of the street: add paths of kind crossing (人行横道)"
    return Values(
        values, least, missing, lambda k: {"crossings": int(counts[k])}, "along the longest part of the street"
    )


def gate_crossing(m: Measurements, subjects: Subjects, _: Mapping[str, Any]) -> Values:
    """Measure the straight distance from gates to the nearest crossing."""
    return to_crossing(m, shapely.points(subjects.places[:, :2]))


def to_crossing(m: Measurements, points: Any) -> Values:
    """Measure the straight distance from points to the nearest crossing."""
    e = m.community.path_edges
    rows = np.flatnonzero(e.kind == PathKind.CROSSING)
    if not len(rows):
        return Values.unknown(len(points), "crossings: add paths of kind crossing (人行横道)")
    tree = shapely.STRtree(e.course.take(rows).to_shapely())
    _, gaps = tree.query_nearest(points, all_matches=False, return_distance=True)
    return Values(np.round(gaps, 2), note="straight distance from the gate, else from the point")


def parcel_shelter(m: Measurements, subjects: Subjects, _: Mapping[str, Any]) -> Values:
    """Measure the shelter ground on parcels for each of their residents."""
    s = m.community.spaces
    rows = np.flatnonzero((s.kind == SpaceKind.SHELTER) & (s.storey < 0))
    if not len(rows):
        return Values.unknown(len(subjects), "shelters: add spaces of kind shelter (避难场所)")
    ground = shapely.union_all(s.outline.take(rows).to_shapely())
    own = shapely.area(shapely.intersection(m.community.parcels.outline.take(subjects.rows).to_shapely(), ground))
    persons = m.parcel_persons[subjects.rows]
    share = np.where(persons > 0, own / np.maximum(persons, 1e-9), np.where(np.isnan(persons), np.nan, np.inf))
    return Values(
        share, missing="residents of the parcel", note="a parcel is taken as one block; without residents none is asked"
    )


def shelter_load(m: Measurements, subjects: Subjects, _: Mapping[str, Any]) -> Values:
    """Measure the area of shelters for each resident who has no shelter nearer."""
    loads = m.shelter_loads
    area = loads["m2_per_person"].to_numpy(dtype=np.float64)[subjects.rows]
    persons = loads["persons"].to_numpy(dtype=np.float64)
    return Values(
        area, missing="the land of the shelter", evidence=lambda k: {"persons": round(float(persons[k]), 1)},
        note="all of the shelter's ground counts as effective; the class is told by its name (紧急, 短期 …)",
    )  # fmt: skip


def served(*, land_each: bool) -> Callable[..., Values]:
    """Return the measure of the residents to whom a facility of a kind is the nearest, or its land for each of them."""

    def measure(m: Measurements, subjects: Subjects, given: Mapping[str, Any]) -> Values:
        walk, f = m.walk, m.community.facilities
        kind = FacilityKind.parse(given["kind"])
        column = walk.facility[:, walk.kinds.index(kind)]
        persons = np.bincount(column[column >= 0], walk.homes.persons[column >= 0], len(f))[subjects.rows]
        if not land_each:
            return Values(persons.astype(np.float64), note="residents to whom no other of the kind is nearer on foot")
        area = f.land_area[subjects.rows]
        each: FloatArray = np.where(persons > 0, area / np.maximum(persons, 1e-9), np.inf)
        return Values(np.where(np.isnan(area), np.nan, each), missing="land of the facility (用地面积)")

    return measure


def storey_clear(m: Measurements, subjects: Subjects, _: Mapping[str, Any]) -> Values:
    """Measure the clear height of storeys; where it is not stated, it is below the height from floor to floor."""
    s = m.community.storeys
    clear, height = s.clear_height[subjects.rows], s.height[subjects.rows]
    known = ~np.isnan(clear)
    return Values(
        np.where(known, clear, height), np.where(known, clear, 0.0), "clear height of the storey (净高)",
        note="where no clear height is stated, the height from floor to floor is the upper end",
    )  # fmt: skip


def road_distance(m: Measurements, subjects: Subjects, given: Mapping[str, Any]) -> Values:
    """Measure the distance of a kind of wall from the edge of the nearest site road in front of it."""
    near = m.wall_roads[given["wall"]]
    known = np.array([near[int(b)] for b in subjects.rows])
    return Values(known[:, 0], note=f"roads up to {BESIDE:g} m in front of the wall; none there: passes")


def with_roads(m: Measurements, given: Mapping[str, Any]) -> Subjects:
    """Return buildings with the kind of site road (``road``: main, minor) in front of a kind of wall."""
    e = m.community.path_edges
    if not ((e.kind == PathKind.SERVICE) & (e.width > 0)).any():
        return Subjects.none("building", "site roads with their width: paths of kind service (内部道路)")
    near, every = m.wall_roads[given["wall"]], buildings(m, given)
    wide = np.array([near[int(b)][1] for b in every.rows])
    own = np.flatnonzero(~np.isnan(wide))
    attributes = {k: np.asarray(v)[own] for k, v in every.attributes.items()}
    attributes["road"] = np.where(wide[own] >= MAIN_WIDTH, "main", "minor").astype(object)
    return Subjects("building", every.ids[own], every.places[own], attributes, every.rows[own])


SITE = (
    listed("residents", the_community, residents),
    listed("dwellings", the_community, dwellings),
    listed("site_area", the_community, land),
    listed("site_land_per_person", the_community, site_ratio("land_per_person", "residents and parcels")),
    listed("site_floor_area_ratio", the_community, site_ratio("far", "parcels")),
    listed("land_use_share", the_community, land_use_share),
    listed("tier_area_per_1000", the_community, tier_facilities("area")),
    listed("tier_land_per_1000", the_community, tier_facilities("land_area")),
    listed("largest_facility_land", the_community, largest_facility_land),
    listed("park_area", the_community, park_area),
    listed("park_width", the_community, park_width),
    listed("park_sports_share", the_community, park_sports),
    listed("functions", facilities, functions_beside()),
    listed("core_functions", facilities, functions_beside(CORE)),
    listed("charged_share", the_community, charged_share),
    listed("exempt_share", the_community, exempt_share),
    listed("street_spacing", street_blocks, street_spacing),
    listed("street_width", paths, street_width),
    listed("gate_spacing", parcels, gate_spacing),
    listed("main_drive_width", parcels, main_drive),
    listed("crossing_spacing", named_streets, crossing_spacing),
    listed("gate_crossing_distance", gates, gate_crossing),
    listed("parcel_shelter_per_person", parcels, parcel_shelter),
    listed("shelter_load", shelters, shelter_load),
    listed("served_residents", facilities, served(land_each=False)),
    listed("served_land_per_person", facilities, served(land_each=True)),
    listed("storey_clear_height", storeys_of_kind, storey_clear),
    listed("road_distance", with_roads, road_distance),
)
