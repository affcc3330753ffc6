"""Indicators of sky and view: vertical sky component, probable sunlight, distance of the view, sun of empty land."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import shapely

from cimkit.errors import MissingDataError
from cimkit.geometry.directions import direction_of
from cimkit.geometry.polygons import Polygons
from cimkit.geometry.sampling import grid_in_polygons
from cimkit.rules.indicator import NO_WEATHER, Subjects, SunSetting, Values, listed
from cimkit.rules.subjects import empty_parcels, home_windows, the_community
from cimkit.sim.receptors import Receptors

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from cimkit.arrays import FloatArray
    from cimkit.rules.measurements import Measurements

VIEW = 60.0  # [m] as far as a view is followed
LAND_STEP = 5.0  # [m] between points on empty land, the widest GB/T 50947 allows on the ground (mark M)
_BEFORE = "the state before: --before OLD.gpkg, or check(…, before=…)"
_KEPT = "windows that were not there before pass"


def sky_component(m: Measurements, subjects: Subjects, _: Mapping[str, Any]) -> Values:
    """Measure the vertical sky component of windows."""
    return Values(m.window_sky[subjects.rows], note="in the middle of the sill")


def probable_sun(what: str) -> Callable[..., Values]:
    """Return the measure of the share of the year's probable sunlight hours, annual or winter, of windows."""

    def measure(m: Measurements, subjects: Subjects, _: Mapping[str, Any]) -> Values:
        shares: FloatArray = getattr(m.probable_sunlight, what)[subjects.rows]
        return Values(shares, note="a minute of sun counts from 120 W/m² direct radiation")

    return measure


def compared_with_before(measure: Callable[..., Values], compare: Callable[..., FloatArray]) -> Callable[..., Values]:
    """Return the measure that compares the windows' values with those they had before."""

    def both(m: Measurements, subjects: Subjects, given: Mapping[str, Any]) -> Values:
        if m.previous is None:
            raise MissingDataError(_BEFORE)
        now = measure(m, subjects, given).values
        old = home_windows(m.previous, given)
        was = dict(zip(old.ids, measure(m.previous, old, given).values, strict=True))
        before = np.array([was.get(i, np.nan) for i in subjects.ids])
        values = np.where(np.isnan(before), np.inf, compare(now, before))
        return Values(values, note=_KEPT, evidence=lambda k: {"before": round(float(before[k]), 3)})

    return both


def _ratio(now: FloatArray, before: FloatArray) -> FloatArray:
    """Return after over before, 1 where there was nothing."""
    with np.errstate(invalid="ignore", divide="ignore"):
        ratio: FloatArray = np.where(before > 0, now / before, 1.0)
    return ratio


def sky_ratio(now: FloatArray, before: FloatArray) -> FloatArray:
    """Return after over before, without limit where 27 % are kept: BRE 209 asks both."""
    return np.where(now >= 27.0, np.inf, _ratio(now, before))


def sun_kept(now: FloatArray, before: FloatArray) -> FloatArray:
    """Return the loss with the other sign, without limit where 25 % are kept or 0.8 of the former."""
    return np.where((now >= 25.0) | (_ratio(now, before) >= 0.8), np.inf, now - before)


def view_distance(m: Measurements, subjects: Subjects, _: Mapping[str, Any]) -> Values:
    """Measure how far a window looks out: to the nearest building as high as the window, straight ahead."""
    c, w = m.community, m.windows
    rows = subjects.rows
    ahead = direction_of(w.azimuth[rows])[:, :2]
    start = np.column_stack([w.x, w.y])[rows] + 0.05 * ahead
    rays = shapely.linestrings(np.stack([start, start + VIEW * ahead], axis=1))
    shapes = c.buildings.footprint.to_shapely()
    bottom, top = c.buildings.ground_z + c.buildings.base, c.buildings.ground_z + np.nan_to_num(c.buildings.height)
    ray, other = shapely.STRtree(shapes).query(rays, predicate="intersects")
    z = w.z[rows][ray] + 0.5 * np.nan_to_num(w.height[rows][ray], nan=1.5)
    ray, other = (v[(bottom[other] < z) & (z < top[other])] for v in (ray, other))
    far = np.full(len(rows), VIEW)
    hit = shapely.distance(shapely.points(start[ray]), shapely.intersection(rays[ray], shapes[other]))
    np.minimum.at(far, ray, hit)
    return Values(np.round(far, 2), note=f"straight ahead from the window's middle, up to {VIEW:g} m, buildings alone")


def land_sun(m: Measurements, subjects: Subjects, given: Mapping[str, Any]) -> Values:
    """Measure the least sun of land without buildings, beyond an ``edge`` along its border [m]."""
    setting, edge = SunSetting.of(given), float(given.get("edge", 0.0))
    values = np.full(len(subjects), np.nan)
    for k, shape in enumerate(m.community.parcels.outline.take(subjects.rows).to_shapely()):
        inner = shapely.get_parts(shapely.buffer(shape, -edge)) if edge else np.array([shape], dtype=object)
        inner = inner[shapely.area(inner) > 0]
        points = grid_in_polygons(Polygons.from_shapely(inner), LAND_STEP) if len(inner) else np.zeros((0, 2))
        at = np.column_stack([points, m.community.ground_at(points) + 0.01])
        values[k] = m.ground_hours(Receptors.at(at), setting).min() if len(at) else np.inf
    return Values(values, note=f"one point each {LAND_STEP:g} m; land narrower than the edge passes")


def roof_sun(m: Measurements, _: Subjects, __: Mapping[str, Any]) -> Values:
    """Measure the solar energy that a square metre of roof receives in a year."""
    from cimkit.sim.solar_potential import solar_potential

    if m.weather is None:
        raise MissingDataError(NO_WEATHER)
    frame = solar_potential(m.community, m.weather).to_frame()
    area, energy = float(frame["roof_area_m2"].sum()), float(frame["roof_kwh"].sum())
    shown = {"roof_area_m2": round(area, 1), "roof_kwh": round(energy)}
    return Values(np.array([energy / area if area else np.nan]), missing="roofs", evidence=lambda _k: shown)


SKY = (
    listed("vertical_sky_component", home_windows, sky_component),
    listed("sky_component_ratio", home_windows, compared_with_before(sky_component, sky_ratio)),
    listed("probable_sunlight", home_windows, probable_sun("annual")),
    listed("probable_sunlight_winter", home_windows, probable_sun("winter")),
    listed("probable_sunlight_change", home_windows, compared_with_before(probable_sun("annual"), sun_kept)),
    listed("roof_sun", the_community, roof_sun),
    listed("view_distance", home_windows, view_distance),
    listed("empty_land_sunlight", empty_parcels, land_sun),
)
