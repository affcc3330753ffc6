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
from cimkit.sim.receptors import floors, space_points, standing, window_receptors
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

    def columns(self) -> dict[str, Any]:
        """Return window, hour, height and area of each patch, and the patch."""
        columns = {"window": self.windows, "hour_h": self.hours, "z_m": self.height}
        return columns | {"area_m2": shapely.area(self.areas), "geometry": self.areas}


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
        built, land = (shapely.union_all(s) for s in (standing(community), community.parcels.outline.to_shapely()))
        free = shapely.difference(land.difference(built), shadows(community, sun_day, hours=times).outlines)
        areas = np.where(sun_day.position(times)[0] <= 0, shapely.MultiPolygon(), free)
        return SunPatches(community, sun_day, times, np.full(len(times), "", dtype=object), np.zeros(len(times)), areas)
    known = np.flatnonzero(community.windows.storey >= 0)
    w, r = community.windows.take(known), window_receptors(community, max_width=math.inf).take(known)
    row, starts, ends = sunlight(community, r, sun_day, method=SunlightMethod.ALL_SUN).spells.listed()
    floor = floors(community)[w.storey]
    plates = community.plates.outline.to_shapely()[community.storeys.plate[w.storey]]
    found: list[tuple[Any, ...]] = [(np.zeros(0), np.zeros(0, np.int64), np.zeros(0, dtype=object))]
    for hour, away in zip(times, sun_day.travel(times, community.frame.convergence), strict=True):
        lit = np.unique(row[(starts <= hour) & (hour <= ends)])
        if np.isnan(away).any() or len(lit) == 0 or r.other_ends is None:
            continue
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
    squares = shapely.box(*(sunny - 0.5 * spacing).T, *(sunny + 0.5 * spacing).T)
    return shapely.union_all(squares).intersection(shapely.union_all(spaces.outline.take(rows).to_shapely()))
