"""Indicators of ways: to the nearest service, of paths and streets, gates and crossings, to shelters and out."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import shapely

from cimkit.arrays import FloatArray, IntArray
from cimkit.errors import MissingDataError
from cimkit.model.kinds import EntranceKind, PathKind, SpaceKind
from cimkit.rules.indicator import Given, Subjects, Values
from cimkit.rules.subjects import facility_kinds
from cimkit.sim.site_ratios import BESIDE

if TYPE_CHECKING:
    from cimkit.rules.measurements import Measurements
    from cimkit.sim.access import WalkTimes

ACROSS = 40.0  # [m] as far as the border of a parcel is looked for from the middle of a street
ON_STREET = 15.0  # [m] a crossing this near to the line of a street crosses it
AT_BORDER = 6.0  # [m] a gate this near to the border of a parcel stands in it


def _nearest(walk: WalkTimes, given: Given, *, timed: bool = False) -> tuple[FloatArray, IntArray]:
    """Return the way from each home to the nearest of the kinds a rule names, nan for none, and its facility's row.

    Raises
    ------
    MissingDataError
        If there is no service of these kinds.
    """
    wanted = facility_kinds(given)
    columns = [walk.of(k) for k in wanted if k in walk.kinds]
    if not columns:
        names = "/".join(f"{k.code} ({k.zh})" for k in wanted)
        raise MissingDataError(f"no {names} in the data: add it, or the file that holds it")
    ways = (walk.walk_min if timed else walk.distance)[:, columns]
    best = np.arange(len(ways)), ways.argmin(axis=1)
    return np.where(np.isfinite(ways[best]), ways[best], np.nan), walk.facility[:, columns][best]


def facility_distance(m: Measurements, subjects: Subjects, given: Given) -> Values:
    """Measure the walking distance from doors to the nearest service of a kind."""
    walk, homes = m.walk, m.walk.homes
    ways, facility = _nearest(walk, given)
    _, first = np.unique(homes.door, return_index=True)
    count = np.bincount(homes.door)[subjects.rows]
    persons = np.bincount(homes.door, weights=homes.persons)[subjects.rows]

    def evidence(k: int) -> dict[str, Any]:
        shown: dict[str, Any] = {homes.kind + "s": int(count[k]), "persons": round(float(persons[k]), 1)}
        row = facility[first[k]]
        return shown | ({"facility": str(walk.facility_ids[row])} if row >= 0 else {})

    if not walk.straight:
        return Values(ways[first], evidence=evidence)
    detour = walk.method.detour
    note = f"no paths in the data: straight distance × {detour:g}, the straight one as the lower end"
    missing = "no way on the path network from this door: close the gaps of the network; add paths"
    return Values(ways[first], ways[first] / detour, missing, evidence, note)


def facility_time(m: Measurements, subjects: Subjects, given: Given) -> Values:
    """Measure the longest walking time of a door's dwellings to the nearest service of a kind."""
    walk = m.walk_of(given.get("walker", "adult"))
    ways, _ = _nearest(walk, given, timed=True)
    worst = np.full(len(walk.homes.doors), -np.inf)
    np.maximum.at(worst, walk.homes.door, np.nan_to_num(ways, nan=np.inf))
    values = worst[subjects.rows]
    return Values(np.where(np.isfinite(values), values, np.nan), note=f"walker: {walk.method.name}")


def facility_coverage(m: Measurements, _: Subjects, given: Given) -> Values:
    """Measure the share of residents within a distance of a service of a kind (``within`` [m])."""
    walk, persons = m.walk, m.walk.homes.persons
    ways, _facility = _nearest(walk, given)
    weight = persons if persons.sum() > 0 else np.ones(len(walk))
    near = np.nan_to_num(ways, nan=np.inf) <= float(given["within"]) + 1e-9
    share = 100.0 * float(weight[near].sum() / weight.sum())
    return Values(np.array([share]), note="straight distances" if walk.straight else "")


def crossing_distance(m: Measurements, subjects: Subjects, _: Given) -> Values:
    """Measure the straight distance from the doors of facilities, or from gates, to the nearest crossing."""
    from cimkit.sim.joined import service_doors

    crossings = m.paths_of(PathKind.CROSSING)
    if not len(crossings):
        raise MissingDataError
    at = service_doors(m.community)[subjects.rows] if subjects.table == "facility" else subjects.places
    tree = shapely.STRtree(crossings)
    _, gaps = tree.query_nearest(shapely.points(at[:, :2]), all_matches=False, return_distance=True)
    return Values(np.round(gaps, 2))


def evacuation_ways(m: Measurements, subjects: Subjects, _: Given) -> Values:
    """Measure the ways out of each parcel that share no path, those of unknown width left out as a lower end."""
    from cimkit.sim.routes import ways_out

    return Values(*ways_out(m.community, subjects.rows))


def path_slope(m: Measurements, subjects: Subjects, _: Given) -> Values:
    """Measure the mean gradient of paths."""
    e, n, rows = m.community.path_edges, m.community.path_nodes, subjects.rows
    if not n.z.any():
        raise MissingDataError
    rise = np.abs(n.z[e.end[rows]] - n.z[e.start[rows]])
    return Values(100.0 * rise / np.maximum(e.length[rows], 0.01))


def street_spacing(_: Measurements, subjects: Subjects, __: Given) -> Values:
    """Measure how far apart the streets around blocks are: the longer side of the smallest rectangle around."""
    box = shapely.get_coordinates(shapely.minimum_rotated_rectangle(subjects.rows)).reshape(-1, 5, 2)
    sides = np.hypot(*np.moveaxis(np.diff(box, axis=1)[:, :2], 2, 0))
    return Values(np.round(sides.max(axis=1), 2))


def street_width(m: Measurements, subjects: Subjects, _: Given) -> Values:
    """Measure the width of streets from parcel to parcel, square to the middle of each path."""
    borders = shapely.union_all(m.community.parcels.outline.to_shapely())
    lines = shapely.force_2d(m.community.path_edges.course.take(subjects.rows).to_shapely())
    before, middle, after = (
        shapely.get_coordinates(shapely.line_interpolate_point(lines, p, normalized=True)) for p in (0.49, 0.5, 0.51)
    )
    along = after - before
    along /= np.maximum(np.hypot(*along.T), 1e-9)[:, None]
    out = ACROSS * np.column_stack([-along[:, 1], along[:, 0]])
    width = np.zeros(len(lines))
    for end in (middle + out, middle - out):
        ray = shapely.linestrings(np.stack([middle, end], axis=1))
        width += shapely.distance(shapely.points(middle), shapely.intersection(ray, borders))
    return Values(np.round(width, 2))


def gate_spacing(m: Measurements, subjects: Subjects, _: Given) -> Values:
    """Measure the longest way along the border of parcels from gate to gate."""
    e = m.community.entrances
    rows = np.flatnonzero(e.kind == EntranceKind.GATE)
    points = shapely.points(e.x[rows], e.y[rows])
    values, count = np.full(len(subjects), np.nan), np.zeros(len(subjects), dtype=np.int64)
    for k, shape in enumerate(m.community.parcels.outline.take(subjects.rows).to_shapely()):
        ring = shapely.get_exterior_ring(shape)
        own = (e.parcel[rows] == subjects.rows[k]) | shapely.dwithin(points, ring, AT_BORDER)
        if own.any():
            at = np.sort(shapely.line_locate_point(ring, points[own]))
            values[k], count[k] = np.diff(np.append(at, at[0] + ring.length)).max(), own.sum()
    return Values(np.round(values, 2), evidence=lambda k: {"gates": int(count[k])})


def main_drive_width(m: Measurements, subjects: Subjects, _: Given) -> Values:
    """Measure the width of the widest drive on parcels."""
    e = m.community.path_edges
    rows = np.flatnonzero((e.kind == PathKind.SERVICE) & (e.width > 0))
    tree = shapely.STRtree(e.course.take(rows).to_shapely())
    parcel, drive = tree.query(m.community.parcels.outline.take(subjects.rows).to_shapely(), predicate="intersects")
    widest = np.full(len(subjects), np.nan)
    np.fmax.at(widest, parcel, e.width[rows][drive])
    return Values(widest)


def crossing_spacing(m: Measurements, subjects: Subjects, _: Given) -> Values:
    """Measure the longest stretch of streets between crossings; with less than two, the street's length at least."""
    crossings = m.paths_of(PathKind.CROSSING)
    values, least = np.full(len(subjects), np.inf if len(crossings) else np.nan), np.zeros(len(subjects))
    counts = []
    for k, rows in enumerate(subjects.rows):
        courses = m.community.path_edges.course.take(rows).to_shapely()
        parts = shapely.get_parts(shapely.line_merge(shapely.union_all(shapely.force_2d(courses))))
        line = parts[int(shapely.length(parts).argmax())]
        near = crossings[shapely.dwithin(crossings, line, ON_STREET)]
        at = np.sort(shapely.line_locate_point(line, shapely.line_interpolate_point(near, 0.5, normalized=True)))
        counts.append(len(at))
        least[k] = line.length
        if len(at) > 1:
            values[k] = least[k] = np.diff(at).max()
    return Values(values, least, evidence=lambda k: {"crossings": counts[k]})


def parcel_shelter_per_person(m: Measurements, subjects: Subjects, _: Given) -> Values:
    """Measure the shelter ground on parcels for each of their residents."""
    ground = m.ground_of(SpaceKind.SHELTER)
    if ground is None:
        raise MissingDataError("shelters: add spaces of kind shelter (避难场所)")
    own = shapely.area(shapely.intersection(m.community.parcels.outline.take(subjects.rows).to_shapely(), ground))
    return Values(_for_each(own, m.parcel_persons[subjects.rows]))


def shelter_load(m: Measurements, subjects: Subjects, _: Given) -> Values:
    """Measure the area of shelters for each resident who has no shelter nearer."""
    area, persons = (m.shelter_loads[n].to_numpy(dtype=np.float64) for n in ("m2_per_person", "persons"))
    return Values(area[subjects.rows], evidence=lambda k: {"persons": round(float(persons[k]), 1)})


def served_residents(m: Measurements, subjects: Subjects, given: Given) -> Values:
    """Measure the residents to whom a facility of a kind is the nearest."""
    walk, (kind,) = m.walk, facility_kinds(given)
    column = walk.facility[:, walk.kinds.index(kind)]
    persons = np.bincount(column[column >= 0], walk.homes.persons[column >= 0], len(m.community.facilities))
    return Values(persons[subjects.rows].astype(np.float64))


def served_land_per_person(m: Measurements, subjects: Subjects, given: Given) -> Values:
    """Measure the land of a facility for each of the residents to whom it is the nearest."""
    area = m.community.facilities.land_area[subjects.rows]
    return Values(_for_each(area, served_residents(m, subjects, given).values))


def _for_each(area: FloatArray, persons: FloatArray) -> FloatArray:
    """Return the area for each person, without limit where there is nobody, nan where either is not known."""
    known = np.isfinite(area) & np.isfinite(persons)
    each = np.where(persons > 0, area / np.maximum(persons, 1e-9), np.inf)
    return np.where(known, each, np.nan)


def road_distance(m: Measurements, subjects: Subjects, given: Given) -> Values:
    """Measure the distance of a kind of wall from the edge of the nearest site road in front of it."""
    near = m.wall_roads[given["wall"]]
    distances = np.array([near[int(b)][0] for b in subjects.rows])
    return Values(distances, note=f"roads up to {BESIDE:g} m in front of the wall; none there: passes")
