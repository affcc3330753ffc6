"""Where the sun falls: patches of sun on open ground and, through windows, on floors (光斑)."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import shapely

from cimkit.arrays import FloatArray, TextArray, one_of
from cimkit.model.drawn import Drawn
from cimkit.model.kinds import SpaceKind
from cimkit.sim.receptors import space_points, standing, window_receptors
from cimkit.sim.shadows import shadows
from cimkit.sim.sunlight import SunlightMethod, sunlight

if TYPE_CHECKING:
    from cimkit.model.community import Community
    from cimkit.sim.sunpath import SunDay


@dataclass(frozen=True, repr=False)
class SunPatches(Drawn):
    """Patches of sun, p of them.

    Parameters
    ----------
    community
        Where.
    sun_day
        The sun.
    hours
        True solar hour of each, shape (p) [h].
    windows
        Id of the window the sun comes through, "" on the ground, shape (p).
    height
        Of the floor or ground, shape (p) [m].
    areas
        Shapely (multi-)polygon of each in local metres, shape (p).
    """

    community: Community
    sun_day: SunDay
    hours: FloatArray
    windows: TextArray
    height: FloatArray
    areas: Any

    def __len__(self) -> int:
        return len(self.hours)

    def __repr__(self) -> str:
        return f"<SunPatches: {len(self):,}, {shapely.area(self.areas).sum():,.0f} m² in all>"

    def to_frame(self) -> Any:
        """Return a GeoDataFrame in map coordinates, one row a patch."""
        data = {"window": self.windows, "hour_h": self.hours, "z_m": self.height, "area_m2": shapely.area(self.areas)}
        return self.community.frame.to_geoframe(data, self.areas)


def sun_patches(community: Community, sun_day: SunDay, *, hours: Any = (), on: str = "ground") -> SunPatches:
    """Compute the patches of sun on the parcels' open ground, or on floors behind windows.

    On the ground, taken as level: the parcels without buildings and shadows. On floors: the opening of
    each window lit at both ends of its sill at that hour, thrown along the sun on its storey's floor and cut to the
    storey's outline; the wall's thickness, rooms, and shadows on a part of the opening are not taken into account.

    Parameters
    ----------
    community
        Where.
    sun_day
        The sun.
    hours
        True solar hours, shape (t); without them the full hours of the day's band [h].
    on
        ``ground`` or ``floors`` (of windows whose storey is known).

    Returns
    -------
    SunPatches
        One an hour on the ground; one a window and hour on floors.

    Raises
    ------
    InputError
        If ``on`` is neither.
    """
    one_of(on, ("ground", "floors"), name="sun_patches: on")
    times = sun_day.hours_or_full(hours)
    if on == "ground":
        shaded = shadows(community, sun_day, hours=times)
        built = shapely.union_all(standing(community))
        free = shapely.union_all(community.parcels.outline.to_shapely()).difference(built)
        night = sun_day.position(times)[0] <= 0
        areas = np.where(night, shapely.MultiPolygon(), shapely.difference(free, shaded.outlines))
        return SunPatches(community, sun_day, times, np.full(len(times), "", dtype=object), np.zeros(len(times)), areas)
    w = community.windows.take(np.flatnonzero(community.windows.storey >= 0))
    r = window_receptors(community, max_width=math.inf).take(np.flatnonzero(community.windows.storey >= 0))
    light = sunlight(community, r, sun_day, method=SunlightMethod.ALL_SUN)
    row = np.repeat(np.arange(len(r)), np.diff(light.offsets))
    s = community.storeys
    floor = s.z[w.storey] + community.buildings.ground_z[w.building]
    plates = community.plates.outline.to_shapely()[s.plate[w.storey]]
    found: list[tuple[Any, ...]] = [(np.zeros(0), np.zeros(0, np.int64), np.zeros(0, dtype=object))]
    for hour, elevation, azimuth in zip(times, *sun_day.position(times), strict=True):
        angle = np.radians(azimuth - community.frame.convergence)
        lit = np.unique(row[(light.starts <= hour) & (hour <= light.ends)])
        if elevation <= 0.0 or len(lit) == 0 or r.other_ends is None:
            continue
        away = -np.array([np.sin(angle), np.cos(angle)]) / np.tan(np.radians(elevation))
        rise = (w.z - floor)[lit, None]
        high = rise + np.nan_to_num(w.height[lit], nan=1.5)[:, None]
        one, two = r.points[lit, :2], r.other_ends[lit, :2]
        ring = np.stack([one + rise * away, two + rise * away, two + high * away, one + high * away], axis=1)
        areas = shapely.intersection(shapely.polygons(ring), plates[lit])
        some = shapely.area(areas) > 1e-4
        found.append((np.full(some.sum(), hour), lit[some], areas[some]))
    when, rows, areas = (np.concatenate(column) for column in zip(*found, strict=True))
    return SunPatches(community, sun_day, when, w.id[rows], floor[rows], areas)


def sunlit_ground(community: Community, sun_day: SunDay, *, hours: float = 2.0, spacing: float = 1.0) -> Any:
    """Compute the part of central greens (集中绿地) outside the standard shadow line: with enough sun on a day.

    Parameters
    ----------
    community
        Whose central greens, on the ground.
    sun_day
        The day of the standard, such as Great Cold from 8 to 16 h.
    hours
        Hours that a point must get [h].
    spacing
        Side of the squares the ground is cut into, each judged at its middle [m].

    Returns
    -------
    shapely.Geometry
        The sunlit squares together, in local metres; for ``site_indicators(sunlit=…)``.

    References
    ----------
    .. [1] GB 55038-2025 3.2.2 (P); that the line is the isochrone of the site's sunlight standard is our reading (M).

    Examples
    --------
    >>> import cimkit as ck
    >>> town = ck.samples.future_community(1).after()
    >>> sunlit_ground(town, ck.SunDay.great_cold(town.require_location()), spacing=4.0).area > 0
    True
    """
    spaces = community.spaces
    rows = np.flatnonzero((spaces.kind == SpaceKind.CENTRAL_GREEN) & (spaces.storey < 0))
    points, _ = space_points(community, rows, spacing)
    if not len(points):
        return shapely.Polygon()
    light = sunlight(community, points, sun_day, method=SunlightMethod.ALL_SUN)
    sunny = points.points[light.hours >= hours - 1e-9, :2]
    half = 0.5 * spacing
    return shapely.union_all(shapely.box(*(sunny - half).T, *(sunny + half).T)).intersection(
        shapely.union_all(spaces.outline.take(rows).to_shapely())
    )
