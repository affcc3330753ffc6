"""How much sky is seen, by half-planes exact in elevation; what energy sun and sky bring, by the sky of Perez."""

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from cimkit.arrays import BoolArray, FloatArray, IntArray, TextArray, one_of
from cimkit.errors import InputError
from cimkit.geometry.ragged import positions, totals
from cimkit.geometry.triangles import Scene, Triangles
from cimkit.kernels.dome import dome_sums
from cimkit.lists import load_lists
from cimkit.model.community import Community
from cimkit.model.drawn import Drawn
from cimkit.model.weather import Weather
from cimkit.sim.receptors import WALL_OFFSET, AtReceptors, Receptors
from cimkit.sim.sunlight import SunlightMethod, _fan, _lit
from cimkit.sim.sunpath import SunDay, julian_day, sun_position, sun_vectors, to_map

PLANES = 250  # vertical planes through a receptor: 0.72° apart, so that a vertical edge costs at most 0.001
SUN_PLANES = 120  # the same where suns are sorted into them by azimuth: 1.5° apart
SHIFT = 0.2360679775  # of a step: no plane stands along what is drawn at round angles, and none mirrors another
STEPS = 1800  # elevations of a plane, from horizon to horizon, at which running sums are kept: 0.1°

CLASS_WIDTH = 0.8  # [°] days whose declinations fall into one class share the shading of their mean: 0.4° at most
SUNSHINE = 120.0  # [W/m²] direct normal irradiance of sunshine (WMO-No. 8, 2008, chapter 8)
SOLAR_CONSTANT = 1366.1  # [W/m²] ASTM E490
MINUTES = 1440
STEEP = 0.2  # surfaces whose normal rises less are facades
WINTER = (264, 80)  # 21 September to 21 March, days of the year

_PEREZ = {name: np.array(numbers) for name, numbers in load_lists(__file__).items()}


@dataclass(frozen=True, repr=False)
class SkyView(AtReceptors):
    """Sky seen from n receptors.

    Parameters
    ----------
    receptors
        Where.
    sky_view
        Sky view factor, weighted by the cosine to the receptor's normal: 1 for open ground, 0.5 for a free
        facade, shape (n).
    vsc
        Light of the CIE overcast sky over that of open ground, for facades the vertical sky component
        (39.6 % free), shape (n) [%].
    """

    sky_view: FloatArray
    vsc: FloatArray

    def _said(self) -> str:
        low, high = self.sky_view.min(), self.sky_view.max()
        return f": {low:.2f}–{high:.2f}, {int((self.vsc < 27.0).sum()):,} below a VSC of 27 %"

    def columns(self) -> dict[str, Any]:
        """Return sky view factor and VSC, one row a receptor."""
        return super().columns() | {"sky_view": self.sky_view, "vsc_pct": self.vsc}


def sky_view(community: Community, receptors: Receptors) -> SkyView:
    """Compute the sky view factor and the vertical sky component of each receptor.

    The visible sky is cut by 250 vertical planes (azimuths 0.72° apart). In each the visible elevations
    are exact, found as the lit hours of a day are; the integrals over elevation are in closed form.
    Windows are measured in the middle of their sill's base line.

    Parameters
    ----------
    community
        What hides the sky.
    receptors
        Where, n of them.

    Returns
    -------
    SkyView
        Sky view factor (n) and VSC (n) [%].

    References
    ----------
    .. [1] BRE 209 (2022), Site layout planning for daylight and sunlight: VSC 27 % and 0.8 of the former (mark S).
    .. [2] CIE S 011:2003, overcast sky: luminance (1 + 2 sin elevation) / 3 of the zenith's.

    Examples
    --------
    >>> import cimkit as ck
    >>> open_ground = ck.Community.of(location=ck.Location(30.25, 120.17))
    >>> ck.sky_view(open_ground, ck.Receptors.at([[0.0, 0.0, 0.0]])).sky_view.round(3)
    array([1.])
    """
    (plain, rising, _), _ = _visible_dome(community.scene, receptors)
    return SkyView(receptors, plain, 100.0 * (3.0 * plain + 6.0 * rising / math.pi) / 7.0)


@dataclass(frozen=True, repr=False)
class Irradiance(AtReceptors):
    """Solar energy on n receptors.

    Parameters
    ----------
    receptors
        Where.
    days
        Days of the year, from 1, shape (d).
    direct
        From the sun and the bright sky around it, shape (n) [kWh/m²].
    diffuse
        From the rest of the sky, shape (n) [kWh/m²].
    reflected
        From open ground, shape (n) [kWh/m²].
    """

    days: IntArray
    direct: FloatArray
    diffuse: FloatArray
    reflected: FloatArray

    @property
    def total(self) -> FloatArray:
        """All together, shape (n) [kWh/m²]."""
        return self.direct + self.diffuse + self.reflected

    def columns(self) -> dict[str, Any]:
        """Return energy by where it comes from and in all, one row a receptor."""
        titles = ("direct", "diffuse", "reflected", "total")
        return super().columns() | {f"{title}_kwh_m2": getattr(self, title) for title in titles}

    def _said(self) -> str:
        span = "a year" if len(self.days) == 365 else f"{len(self.days)} days"
        return f" in {span}: {self.total.min():,.1f}–{self.total.max():,.1f} kWh/m²"


@dataclass(frozen=True, repr=False)
class ProbableSunlight(AtReceptors):
    """Share of the year's probable sunlight hours that n receptors get.

    Parameters
    ----------
    receptors
        Where.
    annual, winter
        Hours of sun in the year, and of them those from 21 September to 21 March, over the hours of open
        ground in the whole year, shape (n) [%].
    open_hours
        Hours of sun of open ground in the year [h].
    """

    annual: FloatArray
    winter: FloatArray
    open_hours: float

    def columns(self) -> dict[str, Any]:
        """Return the shares, one row a receptor."""
        return super().columns() | {"apsh_pct": self.annual, "apsh_winter_pct": self.winter}

    def _said(self) -> str:
        short = int(((self.annual < 25.0) | (self.winter < 5.0)).sum())
        return f", 100 % = {self.open_hours:,.0f} h: {short:,} below 25 % a year or 5 % in winter"


def irradiance(
    community: Community,
    receptors: Receptors,
    weather: Weather,
    *,
    days: Sequence[int] | None = None,
    albedo: float = 0.2,
    beam: str = "planes",
) -> Irradiance:
    """Compute the solar energy that falls on each receptor over chosen days or the whole year.

    The diffuse sky is that of Perez 1990: an even dome, weighed by the visible part of it; brightness
    around the sun, shaded as the sun is; brightness along the horizon, weighed by the open part of
    it. Within an hour radiation is even while the sun is up, at most twice the hour's mean. Walls reflect nothing.

    Parameters
    ----------
    community
        What casts shadow.
    receptors
        Where, n of them; windows are measured in the middle of their base line.
    weather
        Radiation of the year; the sun is that of the weather station.
    days
        Days of the year, from 1 to 365; all without it.
    albedo
        Share that open ground reflects, 0–1.
    beam
        How the sun is shaded: ``planes`` rounds its azimuth to 1.5° and keeps every minute's elevation; ``spells``
        finds exact spells of sun, for the mean declination of days within 0.8° of each other, at three times
        the cost. For a single day ``spells`` is exact and cheap.

    Returns
    -------
    Irradiance
        Energy of each receptor, shape (n) [kWh/m²].

    References
    ----------
    .. [1] Perez, Ineichen, Seals, Michalsky, Stewart (1990), Modeling daylight availability and irradiance
       components from direct and global irradiance, Solar Energy 44(5).
    .. [2] EnergyPlus Engineering Reference, "Shadowing of Sky Diffuse Solar Radiation": the three parts shaded apart.
    """
    one_of(beam, ("planes", "spells"), name="irradiance: beam")
    if not 0.0 <= albedo <= 1.0:
        raise InputError(f"irradiance: albedo must be within 0..1; got {albedo}.")
    every = np.arange(1, 366)
    wanted = every if days is None else np.asarray(days, dtype=np.int64)
    if wanted.size == 0 or not np.isin(wanted, every).all():
        raise InputError(f"irradiance: days must be within 1..365; got {wanted.tolist()[:5]}.")
    chosen = np.isin(every, wanted)
    hour, sun, declination = _year(weather, community)
    minutes, dome_dhi, horizon_dhi = _powers(weather, hour, sun[:, :, 2], chosen)
    vectors, up = minutes[:, :, None] * sun, minutes > 0.0
    suns = _sort_suns(sun[up], vectors[up]) if beam == "planes" else None
    (plain, _, open_edge), lit = _visible_dome(community.scene, receptors, suns)
    if suns is None:
        lit = _sum_lit(community, receptors, weather, declination, vectors)
    direct = np.einsum("na,na->n", lit, receptors.normals)
    ground = weather.ghi.reshape(365, 24)[chosen].sum() * albedo * (1.0 - receptors.normals[:, 2]) / 2.0
    parts = [np.maximum(v, 0.0) / 1000.0 for v in (direct, plain * dome_dhi + open_edge * horizon_dhi, ground)]
    return Irradiance(receptors, np.flatnonzero(chosen) + 1, *parts)


def probable_sunlight(community: Community, receptors: Receptors, weather: Weather) -> ProbableSunlight:
    """Compute annual and winter probable sunlight hours (APSH).

    A minute counts when the sun is up and the direct radiation of its hour reaches 120 W/m². The sun's
    azimuth is rounded to 1.5°.

    Parameters
    ----------
    community
        What casts shadow.
    receptors
        Where, n of them.
    weather
        Says when the sun shines.

    Returns
    -------
    ProbableSunlight
        Shares of each receptor, shape (n) [%].

    References
    ----------
    .. [1] BRE 209 (2022), Site layout planning for daylight and sunlight: 25 % a year, 5 % in winter (mark S).
    """
    hour, sun, _ = _year(weather, community)
    shines = (sun[:, :, 2] > 0.0) & (weather.dni[hour] >= SUNSHINE)
    day = np.arange(1, 366)[:, None]
    both = np.stack([shines, shines & ((day >= WINTER[0]) | (day <= WINTER[1]))], axis=2) / 60.0
    hours = float(shines.sum() / 60.0)
    _, found = _visible_dome(community.scene, receptors, _sort_suns(sun[shines], both[shines]))
    sums = 100.0 * found / max(hours, 1e-9)
    return ProbableSunlight(receptors, sums[:, 0], sums[:, 1], hours)


@dataclass(frozen=True, repr=False)
class SolarPotential(Drawn):
    """Solar energy on roofs and facades of b buildings in a year.

    Parameters
    ----------
    building_ids
        Of the buildings, shape (b).
    irradiance
        At the n points that stand for the surfaces.
    area
        Surface each point stands for, shape (n) [m²].
    roof
        Which points lie on roofs, the others on facades, shape (n).
    """

    building_ids: TextArray
    irradiance: Irradiance
    area: FloatArray
    roof: BoolArray

    def __repr__(self) -> str:
        roof, facade = (self._sum(m, self.irradiance.total).sum() / 1000.0 for m in (self.roof, ~self.roof))
        what = f"roofs {roof:,.0f} MWh, facades {facade:,.0f} MWh a year"
        return f"<SolarPotential of {len(self.building_ids):,} buildings: {what}>"

    def _sum(self, mask: BoolArray, values: Any = 1.0) -> FloatArray:
        """Return the sum of area times values of each building over some points."""
        return totals(self.irradiance.receptors.building[mask], (self.area * values)[mask], len(self.building_ids))

    def columns(self) -> dict[str, Any]:
        """Return area and energy of roofs and facades, one row a building."""
        columns: dict[str, Any] = {"id": self.building_ids}
        for title, mask in (("roof", self.roof), ("facade", ~self.roof)):
            columns |= {f"{title}_area_m2": self._sum(mask), f"{title}_kwh": self._sum(mask, self.irradiance.total)}
        return columns


def solar_potential(community: Community, weather: Weather, *, spacing: float = 2.0) -> SolarPotential:
    """Compute the solar energy that roofs and facades of each building receive in a year.

    Points are spread over every outer triangle; parts inside a solid or against another wall get no
    sun. What a panel makes of it (module, cables, spacing of rows) is not modelled.

    Parameters
    ----------
    community
        Whose buildings.
    weather
        Radiation of the year.
    spacing
        One point for each square of this side [m].

    Returns
    -------
    SolarPotential
        Energy of each building [kWh].
    """
    if spacing <= 0:
        raise InputError(f"solar_potential: spacing must be > 0 m; got {spacing}.")
    points, normals, area, owner = _surface_points(community.scene.triangles, spacing)
    names, ids = community.buildings.id, np.array([f"S{k}" for k in range(len(points))], dtype=object)
    receptors = Receptors(points, normals, ids, "surface", owner, names[owner])
    return SolarPotential(names, irradiance(community, receptors, weather), area, normals[:, 2] > STEEP)


def perez_brightness(
    dhi: FloatArray, dni: FloatArray, zenith: FloatArray, extraterrestrial: Any
) -> tuple[FloatArray, FloatArray]:
    """Compute the brightness coefficients F1 (around the sun) and F2 (horizon) of the Perez 1990 sky.

    Parameters
    ----------
    dhi, dni
        Diffuse horizontal and direct normal irradiance, any equal shapes [W/m²].
    zenith
        Of the sun [rad].
    extraterrestrial
        Normal irradiance outside the atmosphere [W/m²].

    Returns
    -------
    tuple
        F1 and F2, zero without diffuse light.
    """
    cube = 1.041 * zenith**3
    some = np.maximum(dhi, 1e-9)
    clear = ((some + dni) / some + cube) / (1.0 + cube)
    degrees = np.minimum(np.degrees(zenith), 90.0)
    air = 1.0 / (np.cos(np.radians(degrees)) + 0.50572 * (96.07995 - degrees) ** -1.6364)  # Kasten & Young 1989
    bright = dhi * air / extraterrestrial
    f = _PEREZ["coefficients"][np.digitize(clear, _PEREZ["clearness"])]
    around, horizon = (f[..., k] + f[..., k + 1] * bright + f[..., k + 2] * zenith for k in (0, 3))
    return np.where(dhi > 0.0, np.maximum(0.0, around), 0.0), np.where(dhi > 0.0, horizon, 0.0)


def _visible_dome(scene: Scene, receptors: Receptors, suns: FloatArray | None = None) -> tuple[FloatArray, FloatArray]:
    """Sum the visible sky of each receptor over all planes.

    Cosine / π, cosine · sin elevation and the outward part of the horizon / 2, shape (3, n); and of ``suns``, if given,
    as from ``_sort_suns``, what was asked for, shape (n, c).
    """
    suns = np.zeros((PLANES, STEPS + 1, 0)) if suns is None else suns
    azimuth = math.pi * (np.arange(len(suns)) + 0.5 + SHIFT) / len(suns)
    points, normals = (np.ascontiguousarray(v) for v in (receptors.middles(), receptors.normals))
    sums, found = dome_sums(scene.bvh, points, normals, np.column_stack([np.sin(azimuth), np.cos(azimuth)]), suns)
    return sums.T.copy(), found


def _sort_suns(directions: FloatArray, values: FloatArray) -> FloatArray:
    """Return running sums of the values (t, c) of suns (t, 3) over each plane, shape (planes, steps + 1, c).

    A sun belongs to the plane of its azimuth rounded to 1.5°; its elevation is kept to 0.1°.
    """
    x, y, z = directions.T
    half, turn = np.divmod((np.arctan2(x, y) - SHIFT * math.pi / SUN_PLANES) % (2.0 * math.pi), math.pi)
    plane = np.minimum((turn / math.pi * SUN_PLANES).astype(np.int64), SUN_PLANES - 1)
    w = np.arccos(np.clip(z, 0.0, 1.0)) * np.where(half > 0, -1.0, 1.0)
    step = np.minimum(((w / math.pi + 0.5) * STEPS).astype(np.int64), STEPS - 1)
    cells = plane * STEPS + step
    sums = [np.bincount(cells, v, SUN_PLANES * STEPS).reshape(SUN_PLANES, STEPS) for v in values.T]
    return np.pad(np.cumsum(np.stack(sums, axis=2), axis=1), ((0, 0), (1, 0), (0, 0)))


def _year(weather: Weather, community: Community) -> tuple[IntArray, FloatArray, FloatArray]:
    """Return the sun of every minute of true solar time of the base year 2001 at the weather's place.

    The row of the weather, shape (365, 1440), the unit vector on the map, and the declination at noon of each day [°].
    """
    place, day, minute = weather.location, np.arange(365)[:, None], np.arange(MINUTES) + 0.5
    noons = np.arange(-1.0, 366.0)  # UTC, days from 1 January on
    known = sun_position(julian_day(2001, 1, noons + 1.5), place).T
    when = day + (minute - 720.0) / MINUTES - place.longitude / 360.0
    declination, early = (np.interp(when, noons, known[k]) for k in (2, 5))
    standard = minute - early - 4.0 * (place.longitude - 15.0 * weather.time_zone)
    hour = (day * 24 + np.floor(standard / 60.0).astype(np.int64)) % 8760
    sun = sun_vectors(place.latitude, np.radians(declination), np.radians((minute - 720.0) / 4.0))
    return hour, sun @ to_map(community.frame.convergence), declination[:, 720]


def _powers(weather: Weather, hour: IntArray, rise: FloatArray, chosen: BoolArray) -> tuple[FloatArray, float, float]:
    """Return power from the sun each minute (365, 1440) [Wh/m²], and diffuse energy of dome and horizon [Wh/m²]."""
    up = (rise > 0.0) & chosen[:, None]
    lit_minutes = np.bincount(hour[up], minlength=8760)  # an hour's energy falls while the sun is up
    share = np.where(up, np.minimum(60.0 / np.maximum(lit_minutes[hour], 1), 2.0), 0.0)
    dni, dhi = weather.dni[hour] * share, weather.dhi[hour] * share
    distance = 1.0 + 0.033 * np.cos(2.0 * np.pi * np.arange(1, 366) / 365.0)
    around, horizon = perez_brightness(dhi, dni, np.arccos(np.clip(rise, 0.0, 1.0)), SOLAR_CONSTANT * distance[:, None])
    direct = (dni + dhi * around / np.maximum(rise, math.cos(math.radians(85.0)))) / 60.0
    return direct, float((dhi * (1.0 - around)).sum() / 60.0), float((dhi * horizon).sum() / 60.0)


def _sum_lit(
    community: Community, receptors: Receptors, weather: Weather, declination: FloatArray, values: FloatArray
) -> FloatArray:
    """Sum values of each minute (365, 1440, c) over the spells in which each receptor is lit, shape (n, c)."""
    bare = replace(receptors, points=receptors.middles(), other_ends=None)
    place, clock = weather.location, np.arange(MINUTES + 1)
    out = np.zeros((len(receptors), values.shape[2]))
    classes = np.floor((declination + 23.5) / CLASS_WIDTH)
    for own in classes == np.unique(classes[values.any(axis=(1, 2))])[:, None]:
        day = SunDay(place.latitude, place.longitude, float(declination[own].mean()), (0.0, 24.0), "class")
        fan = _fan(day, SunlightMethod.ALL_SUN, community.frame.convergence)
        steps = np.cumsum(np.pad(values[own].sum(axis=0), ((1, 0), (0, 0))), axis=0)
        row, *ends = _lit(community.shading, bare, fan).listed()
        start, end = ((np.degrees(angle) / 15.0 + 12.0) * 60.0 for angle in ends)
        for c, sums in enumerate(steps.T):
            out[:, c] += totals(row, np.interp(end, clock, sums) - np.interp(start, clock, sums), len(out))
    return out


def _surface_points(triangles: Triangles, spacing: float) -> tuple[FloatArray, FloatArray, FloatArray, Any]:
    """Return points before the buildings' triangles that do not look down: places, normals, area of each, owner."""
    a, b, c = triangles.corners.transpose(1, 0, 2)
    cross = np.cross(b - a, c - a)
    double = np.linalg.norm(cross, axis=1)
    normal = cross / np.maximum(double, 1e-12)[:, None]
    rows = np.flatnonzero((triangles.owner >= 0) & (double > 1e-6) & (normal[:, 2] > -STEEP))
    count = np.maximum(1, np.ceil(double[rows] / 2.0 / spacing**2)).astype(np.int64)
    own = np.repeat(rows, count)
    place, each = positions(count) + 0.5, np.repeat(count, count)
    u, v = place / each, (place * 0.6180339887498949) % 1.0  # evenly spread in the unit square
    u, v = 1.0 - np.sqrt(1.0 - u), v * np.sqrt(1.0 - u)
    points = a[own] + u[:, None] * (b - a)[own] + v[:, None] * (c - a)[own] + WALL_OFFSET * normal[own]
    return points, normal[own], double[own] / 2.0 / each, triangles.owner[own]
