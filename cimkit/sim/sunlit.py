"""Where the sun falls and where shadow: outlines (阴影轮廓), patches of sun (光斑), lines of equal sun (等时线)."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import shapely

from cimkit.arrays import FloatArray, TextArray, one_of
from cimkit.errors import InputError, MissingDataError, needed
from cimkit.model.community import Community
from cimkit.model.drawn import Drawn, data_frame
from cimkit.model.kinds import SpaceKind, Status
from cimkit.sim import receptors as at
from cimkit.sim.sunlight import USUAL, SunlightMethod, sunlight
from cimkit.sim.sunpath import SunDay

MARCH_21 = 0.15  # [°] declination at noon of 21 March 2001, Greenwich (C, almanac)
AMENITY = (SpaceKind.GREEN, SpaceKind.CENTRAL_GREEN, SpaceKind.PLAZA, SpaceKind.PLAYGROUND, SpaceKind.PUBLIC_OPEN_SPACE)


@dataclass(frozen=True, repr=False)
class Shadows(Drawn):
    """Shadow outlines at t hours on level ground.

    Parameters
    ----------
    sun_day
        The sun.
    hours
        True solar hours, shape (t) [h].
    outlines
        One shapely (multi-)polygon an hour in local metres, empty at night, shape (t).
    community
        What casts them.
    """

    sun_day: SunDay
    hours: FloatArray
    outlines: Any
    community: Community

    def __repr__(self) -> str:
        return f"<Shadows at {len(self.hours)} hours of {self.sun_day.name}: {self.union().area:,.0f} m² in all>"

    def union(self) -> Any:
        """Return the ground shaded at any of the hours."""
        return shapely.union_all(self.outlines)

    def columns(self) -> dict[str, Any]:
        """Return the outlines: one row an hour, and of several one for all, without an hour."""
        shapes, when = list(self.outlines), self.sun_day.times(self.hours)
        if len(when) > 1:
            shapes, when = [*shapes, self.union()], [*when, "any"]
        hours = np.append(self.hours, np.nan)[: len(when)]
        return {"when": when, "hour_h": hours, "area_m2": shapely.area(shapes), "geometry": shapes}


def shadows(community: Community, sun_day: SunDay, *, hours: Any = (), ground: float = 0.0) -> Shadows:
    """Compute the shadow outlines on level ground.

    Each prism's shadow is the way its outline sweeps from the shadow of its underside to that of
    its top, a detailed mesh's that of its triangles; what lies below the ground is cut off. Terrain does not take part.

    Parameters
    ----------
    community
        What casts shadow.
    sun_day
        The sun.
    hours
        True solar hours, shape (t); without them the full hours of the day's band [h].
    ground
        Height of the ground above the local origin [m].

    Returns
    -------
    Shadows
        One outline an hour.

    Raises
    ------
    InputError
        If an hour is not within the day.
    """
    hours = sun_day.hours_or_full(hours)
    if len(hours) and (hours.min() < 0 or hours.max() > 24):
        raise InputError(f"shadows: hours must be within 0..24; got {hours.min()} to {hours.max()}.")
    travel = sun_day.travel(hours, community.frame.convergence)
    outlines = [shapely.MultiPolygon() if np.isnan(way).any() else _outline(community, way, ground) for way in travel]
    return Shadows(sun_day, hours, np.array(outlines, dtype=object), community)


def _outline(community: Community, travel: FloatArray, ground: float) -> Any:
    """Return what solids and meshes shade on level ground; ``travel`` is the way (2) for each metre of height."""
    xyz = community.mesh.corners
    thrown = shapely.polygons(xyz[:, :, :2] + np.maximum(xyz[:, :, 2:] - ground, 0.0) * travel)
    thrown = thrown[xyz[:, :, 2].max(axis=1, initial=-np.inf) > ground + 1e-9]
    part = community.solids.take(np.flatnonzero(community.solids.top > ground + 1e-9))
    outline, heights = part.outline, (np.maximum(part.base - ground, 0.0), part.top - ground)
    near, far = (outline.xy + (height[:, None] * travel)[outline.vertex_rows()] for height in heights)
    a, _ = outline.sides()
    swept = np.concatenate([shapely.polygons(np.stack([near[a], near[a + 1], far[a + 1], far[a]], axis=1)), thrown])
    ends = [replace(outline, xy=xy).to_shapely() for xy in (near, far)]
    return shapely.union_all(shapely.make_valid(np.concatenate([swept[shapely.area(swept) > 1e-9], *ends])))


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
        built, land = (shapely.union_all(s) for s in (at.standing(community), community.parcels.outline.to_shapely()))
        free = shapely.difference(land.difference(built), shadows(community, sun_day, hours=times).outlines)
        areas = np.where(sun_day.position(times)[0] <= 0, shapely.MultiPolygon(), free)
        return SunPatches(community, sun_day, times, np.full(len(times), "", dtype=object), np.zeros(len(times)), areas)
    known = np.flatnonzero(community.windows.storey >= 0)
    w, r = community.windows.take(known), at.window_receptors(community, max_width=np.inf).take(known)
    row, starts, ends = sunlight(community, r, sun_day, method=SunlightMethod.ALL_SUN).spells.listed()
    away = sun_day.travel(times, community.frame.convergence)
    hour, spell = np.nonzero((starts <= times[:, None]) & (times[:, None] <= ends) & ~np.isnan(away[:, :1]))
    hour, lit = np.unique(np.stack([hour, row[spell]]), axis=1)
    floor, one, two = at.floors(community)[w.storey], r.points, r.points if r.other_ends is None else r.other_ends
    rise = (w.z - floor)[lit, None]
    low, high = (z * away[hour] for z in (rise, rise + np.nan_to_num(w.height[lit], nan=1.5)[:, None]))
    ring = np.stack([one[lit, :2] + low, two[lit, :2] + low, two[lit, :2] + high, one[lit, :2] + high], axis=1)
    plates = community.plates.outline.to_shapely()[community.storeys.plate[w.storey]]
    areas = shapely.intersection(shapely.polygons(ring), plates[lit])
    hour, lit, areas = (v[shapely.area(areas) > 1e-4] for v in (hour, lit, areas))
    return SunPatches(community, sun_day, times[hour], w.id[lit], floor[lit], areas)


@dataclass(frozen=True, repr=False)
class Isochrones(Drawn):
    """Ground with at least so many hours of sun.

    Parameters
    ----------
    levels
        Hours, shape (k) [h].
    areas
        Shapely (multi-)polygon of each level in local metres, shape (k).
    x, y
        Grid of the measured points, shapes (columns) and (rows) [m].
    hours
        Hours at the points, nan under buildings, shape (rows, columns) [h].
    sun_day
        The sun.
    community
        Where.
    ground
        What was analysed, without what is built, in local metres.
    """

    levels: FloatArray
    areas: Any
    x: FloatArray
    y: FloatArray
    hours: FloatArray
    sun_day: SunDay
    community: Community
    ground: Any

    def __repr__(self) -> str:
        parts = ", ".join(f"{a.area:,.0f} m² ≥ {h:g} h" for h, a in zip(self.levels, self.areas, strict=True))
        return f"<Isochrones: {parts}>"

    def columns(self) -> dict[str, Any]:
        """Return hours and area of each level, and the ground that has them."""
        return {"at_least_h": self.levels, "area_m2": shapely.area(self.areas), "geometry": self.areas}


def isochrones(
    community: Community,
    sun_day: SunDay,
    *,
    levels: Sequence[float] = (1.0, 2.0, 3.0, 4.0, 5.0, 6.0),
    spacing: float = 2.0,
    height: float = 0.0,
    method: SunlightMethod = USUAL,
) -> Isochrones:
    """Compute the ground that gets at least so many hours of sun.

    Hours are measured at the nodes of a grid, those under a building taken from the nearest open one, and the lines
    drawn by linear interpolation between them; the ground under buildings is cut out exactly.

    Parameters
    ----------
    community
        Where; the area is that of the parcels, else the hull of the buildings and 20 m around.
    sun_day
        The sun.
    levels
        Hours of the lines, rising [h].
    spacing
        Distance of the grid's nodes [m].
    height
        Height of the analysed plane above the ground [m].
    method
        What counts as sun.

    Returns
    -------
    Isochrones
        One area a level.

    Raises
    ------
    InputError
        If the levels do not rise or the spacing is not positive.
    MissingDataError
        If there is neither a parcel nor a building.
    """
    from scipy.ndimage import distance_transform_edt

    steps = np.asarray(levels, dtype=np.float64)
    if len(steps) == 0 or (np.diff(steps) <= 0).any() or spacing <= 0:
        raise InputError(f"isochrones: levels must rise and spacing be > 0 m; got {list(levels)} and {spacing}.")
    area = shapely.union_all(at.analysed(community))
    if area.is_empty:
        raise MissingDataError("isochrones: a parcel or a building must be there; got neither.")
    ends = np.array(area.bounds).reshape(2, 2).T / spacing
    x, y = (np.arange(np.floor(low), np.ceil(high) + 1) * spacing for low, high in ends)
    gx, gy = np.meshgrid(x, y)
    xy = np.column_stack([gx.ravel(), gy.ravel()])
    points = at.Receptors.at(np.column_stack([xy, community.ground_at(xy) + height + 0.01]))
    hours = sunlight(community, points, sun_day, method=method).hours.reshape(gx.shape)
    built = shapely.union_all(at.standing(community))
    ground = area.difference(built)
    under = shapely.contains_xy(built, gx, gy)
    # what is dark in a building would pull the lines off its sunny walls: there the nearest open node stands in
    known = hours[tuple(distance_transform_edt(under, return_distances=False, return_indices=True))]
    shapes = np.array([_at_least(x, y, known, float(h)).intersection(ground) for h in steps], dtype=object)
    return Isochrones(steps, shapes, x, y, np.where(under, np.nan, hours), sun_day, community, ground)


def _at_least(x: FloatArray, y: FloatArray, values: FloatArray, level: float) -> Any:
    """Return the area where the linear interpolation of the values reaches a level."""
    contourpy = needed("contourpy", who="isochrones", extra="view")
    generator: Any = contourpy.contour_generator(x, y, values, fill_type=contourpy.FillType.ChunkCombinedOffsetOffset)
    (points,), (ring,), (poly,) = generator.filled(level, np.inf)
    parts = [] if points is None else shapely.from_ragged_array(shapely.GeometryType.POLYGON, points, (ring, poly))
    return shapely.make_valid(shapely.MultiPolygon(list(parts)))  # they lie apart


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
    points, _ = at.space_points(community, rows, spacing)
    sunny = points.points[sunlight(community, points, sun_day, method=SunlightMethod.ALL_SUN).hours >= hours - 1e-9, :2]
    squares = shapely.box(*(sunny - 0.5 * spacing).T, *(sunny + 0.5 * spacing).T)
    return shapely.union_all(squares).intersection(shapely.union_all(spaces.outline.take(rows).to_shapely()))


def amenity_sun(
    community: Community, *, hours: float = 2.0, spacing: float = 1.0, sun_day: SunDay | None = None
) -> Any:
    """Compute the share of each open space that gets enough sun on 21 March (BRE 209: at least half for 2 h).

    Parameters
    ----------
    community
        Whose green, squares, playgrounds and public open spaces.
    hours
        Hours a point must get on the whole day [h].
    spacing
        Distance of the points [m].
    sun_day
        Another day than 21 March from dawn to dusk.

    Returns
    -------
    pandas.DataFrame
        One row a space: ``id``, ``area_m2``, ``sunlit_share`` (0–1), ``passes`` (at least half).

    References
    ----------
    .. [1] BRE 209 (2011, 2022), Site layout planning for daylight and sunlight (mark M).

    Examples
    --------
    >>> import cimkit as ck
    >>> lawn = ck.Space("G", "green", [(0, 0), (20, 0), (20, 20), (0, 20)])
    >>> ck.amenity_sun(ck.Community.of(others=[lawn], location=ck.Location(51.5, -0.1))).passes.tolist()
    [True]
    """
    s = community.spaces
    rows = np.flatnonzero(np.isin(s.kind, AMENITY) & (s.storey < 0) & (s.status != Status.DEMOLISH))
    place = community.require_location()
    day = sun_day or SunDay(place.latitude, place.longitude, MARCH_21, (0.0, 24.0), "21 March")
    spots, own = at.space_points(community, rows, spacing)
    enough = sunlight(community, spots, day, method=SunlightMethod.ALL_SUN).hours >= hours - 1e-9
    with np.errstate(invalid="ignore"):
        share = np.bincount(own, enough, len(rows)) / np.bincount(own, minlength=len(rows))
    area = shapely.area(s.outline.take(rows).to_shapely())
    return data_frame({"id": s.id[rows], "area_m2": area, "sunlit_share": share, "passes": share >= 0.5})
