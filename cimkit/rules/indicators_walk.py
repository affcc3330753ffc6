"""Indicators of walking: distance and time to the nearest service of a kind, share of residents served."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import shapely

from cimkit.errors import MissingDataError
from cimkit.model.kinds import FacilityKind
from cimkit.rules.indicator import Subjects, Values, listed, stated
from cimkit.rules.indicators_site import to_crossing
from cimkit.rules.subjects import doors, facilities, parcels, paths, the_community

if TYPE_CHECKING:
    from collections.abc import Mapping

    from cimkit.arrays import FloatArray, IntArray
    from cimkit.rules.measurements import Measurements
    from cimkit.sim.access import WalkTimes


def _kinds(given: Mapping[str, Any]) -> list[FacilityKind]:
    """Return the kinds a rule names, one or several of which the nearest counts."""
    kind = given["kind"]
    return [FacilityKind.parse(k) for k in ([kind] if isinstance(kind, str) else kind)]


def _nearest(walk: WalkTimes, given: Mapping[str, Any], *, timed: bool) -> tuple[FloatArray, IntArray, str]:
    """Return the way from each home to the nearest of the kinds, its facility's row, and what is missing.

    Raises
    ------
    MissingDataError
        If there is no service of these kinds.
    """
    kinds = [k for k in _kinds(given) if k in walk.kinds]
    if not kinds:
        names = "/".join(f"{k.code} ({k.zh})" for k in _kinds(given))
        raise MissingDataError(f"no {names} in the data: add it, or the file that holds it")
    columns = [walk.of(k) for k in kinds]
    ways = (walk.walk_min if timed else walk.distance)[:, columns]
    best = ways.argmin(axis=1)
    every = np.arange(len(ways))
    ways = ways[every, best]
    facility = walk.facility[:, columns][every, best]
    missing = "no way on the path network from this door: close the gaps of the network"
    return np.where(np.isfinite(ways), ways, np.nan), facility, missing


def door_distance(m: Measurements, subjects: Subjects, given: Mapping[str, Any]) -> Values:
    """Measure the walking distance from doors to the nearest service of a kind."""
    walk = m.walk
    ways, facility, missing = _nearest(walk, given, timed=False)
    _, first = np.unique(walk.homes.door, return_index=True)
    values = ways[first]
    homes = np.bincount(walk.homes.door)[subjects.rows]
    persons = np.bincount(walk.homes.door, weights=walk.homes.persons)[subjects.rows]

    def evidence(k: int) -> dict[str, Any]:
        shown: dict[str, Any] = {walk.homes.kind + "s": int(homes[k]), "persons": round(float(persons[k]), 1)}
        if facility[first[k]] >= 0:
            shown["facility"] = str(walk.facility_ids[facility[first[k]]])
        return shown

    if walk.straight:
        note = f"no paths in the data: straight distance × {walk.method.detour:g}, the straight one as the lower end"
        return Values(values, values / walk.method.detour, missing + "; add paths", evidence, note)
    return Values(values, missing=missing, evidence=evidence)


def door_time(m: Measurements, subjects: Subjects, given: Mapping[str, Any]) -> Values:
    """Measure the longest walking time of a door's dwellings to the nearest service of a kind."""
    walk = m.walk_of(given.get("walker", "adult"))
    ways, _, missing = _nearest(walk, given, timed=True)
    worst = np.full(len(walk.homes.doors), -np.inf)
    np.maximum.at(worst, walk.homes.door, np.nan_to_num(ways, nan=np.inf))
    values = worst[subjects.rows]
    return Values(np.where(np.isfinite(values), values, np.nan), missing=missing, note=f"walker: {walk.method.name}")


def coverage(m: Measurements, subjects: Subjects, given: Mapping[str, Any]) -> Values:
    """Measure the share of residents within a distance of a service of a kind (``within`` [m])."""
    walk = m.walk
    ways, _, missing = _nearest(walk, given, timed=False)
    weight = walk.homes.persons if walk.homes.persons.sum() > 0 else np.ones(len(walk))
    near = np.nan_to_num(ways, nan=np.inf) <= float(given["within"]) + 1e-9
    share = 100.0 * float(weight[near].sum() / weight.sum())
    note = "straight distances" if walk.straight else ""
    return Values(np.full(len(subjects), share), missing=missing, note=note)


def crossing_distance(m: Measurements, subjects: Subjects, _: Mapping[str, Any]) -> Values:
    """Measure the straight distance from facilities to the nearest crossing."""
    from cimkit.sim.joined import service_doors

    return to_crossing(m, shapely.points(service_doors(m.community)[subjects.rows, :2]))


def evacuation_ways(m: Measurements, subjects: Subjects, _: Mapping[str, Any]) -> Values:
    """Measure the ways out of each parcel that share no path, those of unknown width left out as a lower end."""
    from cimkit.sim.evacuation import ways_out

    ways, sure = ways_out(m.community, subjects.rows)
    return Values(ways, sure, "width of the paths out of the zone", note="a parcel is taken as one zone")


def path_clearance(m: Measurements, subjects: Subjects, _: Mapping[str, Any]) -> Values:
    """Measure the clear height over paths; open to the sky where none is stated."""
    clear = m.community.path_edges.clearance[subjects.rows]
    return Values(np.where(np.isnan(clear), np.inf, clear), note="open to the sky where no clearance is stated")


def path_slope(m: Measurements, subjects: Subjects, _: Mapping[str, Any]) -> Values:
    """Measure the mean gradient of paths."""
    e, n = m.community.path_edges, m.community.path_nodes
    rows = subjects.rows
    if not n.z.any():
        return Values.unknown(len(rows), "heights of the paths: all are 0; give them a z, or add a terrain")
    rise = np.abs(n.z[e.end[rows]] - n.z[e.start[rows]])
    return Values(100.0 * rise / np.maximum(e.length[rows], 0.01), note="mean gradient from node to node")


WALK = (
    listed("facility_distance", doors, door_distance),
    listed("facility_time", doors, door_time),
    listed("facility_coverage", the_community, coverage),
    listed("crossing_distance", facilities, crossing_distance),
    listed("evacuation_ways", parcels, evacuation_ways),
    listed("path_width", paths, stated("path_edges", "width", "width of the path")),
    listed("path_clearance", paths, path_clearance),
    listed("path_slope", paths, path_slope),
)
