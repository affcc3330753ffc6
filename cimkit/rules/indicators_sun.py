"""Indicators of sun, sky and view: hours of dwellings, rooms and ground, light of the sky, distance of the view."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import numpy as np
import shapely

from cimkit.arrays import FloatArray
from cimkit.errors import MissingDataError
from cimkit.geometry.directions import direction_of
from cimkit.geometry.polygons import Polygons
from cimkit.geometry.sampling import grid_in_polygons
from cimkit.model.kinds import RoomKind
from cimkit.rules.indicator import NO_WEATHER, Given, Subjects, SunSetting, Values
from cimkit.rules.subjects import home_windows
from cimkit.sim.receptors import Receptors, space_points

if TYPE_CHECKING:
    from cimkit.rules.measurements import Measurements

HABITABLE = (RoomKind.LIVING, RoomKind.BEDROOM)
ROOMS = (RoomKind.CLASSROOM, RoomKind.ACTIVITY, RoomKind.WARD, RoomKind.BEDROOM, RoomKind.LIVING)
GROUND_STEP = (1.0, 5.0)  # [m] GB/T 50947: 1 to 5 m on the ground (mark M)
GROUND_POINTS = 1000  # of one space: larger ones get a wider grid, within these bounds
VIEW = 60.0  # [m] as far as a view is followed
LAND_STEP = 5.0  # [m] between points on empty land, the widest GB/T 50947 allows on the ground (mark M)


def dwelling_sunlight(m: Measurements, subjects: Subjects, given: Given) -> Values:
    """Measure the hours of a dwelling's best room, or of its n-th best (``rooms``)."""
    setting, rooms, w = SunSetting.of(given), int(given.get("rooms", 1)), m.windows
    if subjects.table == "storey":
        return _storey_sunlight(m, subjects, setting, rooms)
    rows = np.flatnonzero((w.dwelling >= 0) & np.isin(w.room, HABITABLE))
    hours = m.window_hours(rows, setting)
    order = np.lexsort((-hours, w.dwelling[rows]))
    rows, hours = rows[order], hours[order]
    count = np.bincount(w.dwelling[rows], minlength=len(subjects))
    first = np.cumsum(count) - count
    values = np.where(count > 0, 0.0, np.nan)  # with fewer rooms than asked for, the n-th has no sun
    enough = count >= rooms
    values[enough] = hours[first[enough] + rooms - 1]
    note = "windows placed by rule" if m.derived_windows else ""
    return Values(values, note=note, evidence=lambda k: m.lit(rows[first[k] : first[k] + count[k]][:rooms], setting))


def _storey_sunlight(m: Measurements, subjects: Subjects, setting: SunSetting, rooms: int) -> Values:
    """Measure the best hours of a storey, and as a lower end those all along its sunniest facade."""
    import pandas as pd

    w, storey, every = m.windows, m.window_storey, range(len(subjects))
    inside = (w.room == RoomKind.UNKNOWN) | np.isin(w.room, HABITABLE)
    rows = np.flatnonzero(np.isin(storey, subjects.rows) & inside)
    own = pd.Index(subjects.rows).get_indexer(storey[rows])
    facade = np.round(w.azimuth[rows] / 10.0).astype(np.int64) % 36
    windows = pd.DataFrame({"own": own, "facade": facade, "hours": m.window_hours(rows, setting), "row": rows})
    facades = windows.groupby(["own", "facade"])["hours"].agg(["mean", "min"]).sort_values("mean", kind="stable")
    sunniest = facades.groupby("own")["min"].last().reindex(every)
    best = windows.sort_values("hours", kind="stable").groupby("own").last()
    hours, least = best["hours"].reindex(every).to_numpy(), np.zeros(len(every)) if rooms > 1 else sunniest.to_numpy()
    missing = "which windows belong to which dwelling: some windows of the storey have enough sun, some do not"
    note = f"windows do not know their dwelling{', placed by rule' if m.derived_windows else ''}: the storey's best "
    note += "window, and the worst one of its sunniest facade as the lower end"
    return Values(hours, least, missing, lambda k: m.lit([best["row"][k]], setting) if k in best.index else {}, note)


def sunlit_room_share(m: Measurements, subjects: Subjects, given: Given) -> Values:
    """Measure the share of a building's rooms that have the hours of sun a rule asks for (``hours``)."""
    setting, wanted, w = SunSetting.of(given), float(given.get("hours", 2.0)), m.windows
    room, n = np.isin(w.room, ROOMS), len(subjects)
    told = np.isin(subjects.rows, w.building[room])  # where no window says its room, any may be of one that needs sun
    rows = np.flatnonzero((room | ~np.isin(w.building, w.building[room])) & np.isin(w.building, subjects.rows))
    own = np.searchsorted(subjects.rows, w.building[rows])
    sunny = m.window_hours(rows, setting) >= wanted - 1e-9
    count, lit = np.bincount(own, minlength=n), np.bincount(own[sunny], minlength=n)
    share = 100.0 * np.divide(lit, count, out=np.full(n, np.nan), where=count > 0)
    least, most = (np.where(told | np.isnan(share), share, end) for end in (0.0, 100.0 * (lit > 0)))
    about = {"rooms_with_sun": lit, "rooms": count, "hours_asked": np.full(n, wanted)}
    return Values(most, least=least, evidence=lambda k: {name: values[k].item() for name, values in about.items()})


def sunlit_ground_share(m: Measurements, subjects: Subjects, given: Given) -> Values:
    """Measure the share of a space's ground that has the hours of sun a rule asks for (``hours``)."""
    setting, wanted = SunSetting.of(given), float(given.get("hours", 2.0))
    areas = m.community.spaces.outline.take(subjects.rows).areas()
    steps = np.clip(np.sqrt(areas / GROUND_POINTS), *GROUND_STEP).round(2)
    points, own = space_points(m.community, subjects.rows, steps)
    sunny = m.sun(points, setting).hours >= wanted - 1e-9 if len(own) else np.zeros(0, dtype=bool)
    counts, lit = np.bincount(own, minlength=len(areas)), np.bincount(own[sunny], minlength=len(areas))
    share = np.divide(100.0 * lit, counts, out=np.full(len(areas), np.nan), where=counts > 0)
    about = {"points_with_sun": lit, "points": counts, "spacing_m": steps}
    return Values(share, evidence=lambda k: {name: values[k].item() for name, values in about.items()})


def vertical_sky_component(m: Measurements, subjects: Subjects, _: Given) -> Values:
    """Measure the vertical sky component of windows."""
    return Values(m.window_sky[subjects.rows])


def probable_sunlight(m: Measurements, subjects: Subjects, given: Given) -> Values:
    """Measure the share of the year's probable sunlight hours, annual or winter (``part``), of windows."""
    return Values(getattr(m.probable_sunlight, given["part"])[subjects.rows])


def sky_component_ratio(m: Measurements, subjects: Subjects, given: Given) -> Values:
    """Measure the vertical sky component after over before, without limit where 27 % are kept: BRE 209 asks both."""
    now, before = _now_and_before(vertical_sky_component, m, subjects, given)
    return _compared(before, now >= 27.0, _ratio(now, before))


def probable_sunlight_change(m: Measurements, subjects: Subjects, given: Given) -> Values:
    """Measure the loss with the other sign, without limit where 25 % are kept or 0.8 of the former."""
    now, before = _now_and_before(probable_sunlight, m, subjects, given)
    return _compared(before, (now >= 25.0) | (_ratio(now, before) >= 0.8), now - before)


def _now_and_before(
    measure: Callable[..., Values], m: Measurements, subjects: Subjects, given: Given
) -> tuple[FloatArray, FloatArray]:
    """Return what windows measure and what they measured before, nan where they were not there."""
    if m.previous is None:
        raise MissingDataError("the state before: --before OLD.gpkg, or check(…, before=…)")
    now, old = measure(m, subjects, given).values, home_windows(m.previous, given)
    was = dict(zip(old.ids, measure(m.previous, old, given).values, strict=True))
    return now, np.array([was.get(i, np.nan) for i in subjects.ids])


def _ratio(now: FloatArray, before: FloatArray) -> FloatArray:
    """Return after over before, 1 where there was nothing."""
    return np.divide(now, before, out=np.ones(len(now)), where=before > 0)


def _compared(before: FloatArray, kept: Any, change: FloatArray) -> Values:
    """Return a change against the state before, without limit where enough is kept or nothing was before."""
    values = np.where(np.isnan(before) | kept, np.inf, change)
    return Values(values, evidence=lambda k: {"before": round(float(before[k]), 3)})


def view_distance(m: Measurements, subjects: Subjects, _: Given) -> Values:
    """Measure how far a window looks out: to the nearest building as high as the window, straight ahead."""
    b, w, rows = m.community.buildings, m.windows, subjects.rows
    ahead = direction_of(w.azimuth[rows])[:, :2]
    start = np.column_stack([w.x, w.y])[rows] + 0.05 * ahead
    rays = shapely.linestrings(np.stack([start, start + VIEW * ahead], axis=1))
    shapes = b.footprint.to_shapely()
    bottom, top = b.ground_z + b.base, b.ground_z + np.nan_to_num(b.height)
    ray, other = shapely.STRtree(shapes).query(rays, predicate="intersects")
    z = w.z[rows][ray] + 0.5 * np.nan_to_num(w.height[rows][ray], nan=1.5)
    ray, other = (v[(bottom[other] < z) & (z < top[other])] for v in (ray, other))
    far = np.full(len(rows), VIEW)
    hit = shapely.distance(shapely.points(start[ray]), shapely.intersection(rays[ray], shapes[other]))
    np.minimum.at(far, ray, hit)
    return Values(np.round(far, 2), note=f"straight ahead from the window's middle, up to {VIEW:g} m, buildings alone")


def empty_land_sunlight(m: Measurements, subjects: Subjects, given: Given) -> Values:
    """Measure the least sun of land without buildings, beyond an ``edge`` along its border [m]."""
    setting, edge = SunSetting.of(given), float(given.get("edge", 0.0))
    values = np.full(len(subjects), np.nan)
    for k, shape in enumerate(m.community.parcels.outline.take(subjects.rows).to_shapely()):
        inner = shapely.get_parts(shapely.buffer(shape, -edge)) if edge else np.array([shape], dtype=object)
        inner = inner[shapely.area(inner) > 0]
        points = grid_in_polygons(Polygons.from_shapely(inner), LAND_STEP) if len(inner) else np.zeros((0, 2))
        at = np.column_stack([points, m.community.ground_at(points) + 0.01])
        values[k] = m.sun(Receptors.at(at), setting).hours.min() if len(at) else np.inf
    return Values(values, note=f"one point each {LAND_STEP:g} m; land narrower than the edge passes")


def roof_sun(m: Measurements, _: Subjects, __: Given) -> Values:
    """Measure the solar energy that a square metre of roof receives in a year."""
    from cimkit.sim.sky import solar_potential

    if m.weather is None:
        raise MissingDataError(NO_WEATHER)
    frame = solar_potential(m.community, m.weather).to_frame()
    area, energy = float(frame["roof_area_m2"].sum()), float(frame["roof_kwh"].sum())
    return Values.one(energy / area if area else np.nan, roof_area_m2=round(area, 1), roof_kwh=round(energy))
