"""Indicators of walks: to the nearest service, to shelters and out, and who is served."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import shapely

from cimkit.arrays import FloatArray, IntArray
from cimkit.errors import MissingDataError
from cimkit.model.kinds import SpaceKind
from cimkit.rules.indicator import Given, Subjects, Values
from cimkit.rules.subjects import facility_kinds

if TYPE_CHECKING:
    from cimkit.rules.measurements import Measurements
    from cimkit.sim.access import WalkTimes


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
    walk, homes = m.walk(), m.walk().homes
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
    note = f"no paths in the data: straight distance × {walk.method.detour:g}, the straight one as the lower end"
    missing = "no way on the path network from this door: close the gaps of the network; add paths"
    return Values(ways[first], ways[first] / walk.method.detour, missing, evidence, note)


def facility_time(m: Measurements, subjects: Subjects, given: Given) -> Values:
    """Measure the longest walking time of a door's dwellings to the nearest service of a kind."""
    walk = m.walk(given.get("walker", "adult"))
    ways, _ = _nearest(walk, given, timed=True)
    worst = np.full(len(walk.homes.doors), -np.inf)
    np.maximum.at(worst, walk.homes.door, np.nan_to_num(ways, nan=np.inf))
    values = worst[subjects.rows]
    return Values(np.where(np.isfinite(values), values, np.nan), note=f"walker: {walk.method.name}")


def facility_coverage(m: Measurements, _: Subjects, given: Given) -> Values:
    """Measure the share of residents within a distance of a service of a kind (``within`` [m])."""
    walk, persons = m.walk(), m.walk().homes.persons
    ways, _facility = _nearest(walk, given)
    weight = persons if persons.sum() > 0 else np.ones(len(walk))
    near = np.nan_to_num(ways, nan=np.inf) <= float(given["within"]) + 1e-9
    share = 100.0 * float(weight[near].sum() / weight.sum())
    return Values(np.array([share]), note="straight distances" if walk.straight else "")


def evacuation_ways(m: Measurements, subjects: Subjects, _: Given) -> Values:
    """Measure the ways out of each parcel that share no path, those of unknown width left out as a lower end."""
    from cimkit.sim.routes import ways_out

    return Values(*ways_out(m.community, subjects.rows))


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
    walk, (kind,) = m.walk(), facility_kinds(given)
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
