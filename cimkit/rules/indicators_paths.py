"""Indicators of paths and streets, their crossings, gates and the roads before walls."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import shapely

from cimkit.errors import MissingDataError
from cimkit.model.kinds import EntranceKind, PathKind
from cimkit.rules.indicator import Given, Subjects, Values
from cimkit.sim.site_ratios import BESIDE

if TYPE_CHECKING:
    from cimkit.rules.measurements import Measurements

ACROSS = 40.0  # [m] as far as the border of a parcel is looked for from the middle of a street
ON_STREET = 15.0  # [m] a crossing this near to the line of a street crosses it
AT_BORDER = 6.0  # [m] a gate this near to the border of a parcel stands in it


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
    at = shapely.line_interpolate_point(lines[:, None], (0.49, 0.5, 0.51), normalized=True)
    before, middle, after = shapely.get_coordinates(at).reshape(-1, 3, 2).swapaxes(0, 1)
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


def road_distance(m: Measurements, subjects: Subjects, given: Given) -> Values:
    """Measure the distance of a kind of wall from the edge of the nearest site road in front of it."""
    near = m.wall_roads[given["wall"]]
    distances = np.array([near[int(b)][0] for b in subjects.rows])
    return Values(distances, note=f"roads up to {BESIDE:g} m in front of the wall; none there: passes")
