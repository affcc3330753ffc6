"""The sun of a place on a standard day (an exact circle in true solar time) or on a date (ephemeris)."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np

from cimkit.arrays import FloatArray, as_floats, one_of
from cimkit.errors import InputError
from cimkit.kernels.solar import RATE, solar_positions
from cimkit.lists import load_lists
from cimkit.model.records import Location

DELTA_T = load_lists(__file__)["delta_t"]

GREAT_COLD_2001 = -20.1160  # [°] at the exact term of 2001, NREL SPA (standards' base year)
WINTER_SOLSTICE_2001 = -23.441  # [°] the same, seen from the ground (parallax)


def julian_day(year: Any, month: Any, day: Any) -> FloatArray:
    """Return Julian days of calendar dates, Gregorian from 15 October 1582 on.

    Parameters
    ----------
    year, month, day
        Of each date, shape (n), day with its fraction [d].

    Returns
    -------
    FloatArray
        Days, shape (n) [d].

    References
    ----------
    .. [1] Meeus (1998), Astronomical Algorithms, chapter 7.

    Examples
    --------
    >>> float(julian_day(2000, 1, 1.5))
    2451545.0
    """
    year, month, day = (np.asarray(v, dtype=np.float64) for v in (year, month, day))
    y, m = np.where(month <= 2, year - 1, year), np.where(month <= 2, month + 12, month)
    gregorian = year * 10000 + month * 100 + day >= 15821015
    leap = np.where(gregorian, 2 - np.floor(y / 100) + np.floor(np.floor(y / 100) / 4), 0.0)
    return np.asarray(np.floor(365.25 * (y + 4716)) + np.floor(30.6001 * (m + 1)) + day + leap - 1524.5)


def delta_t(days: Any) -> FloatArray:
    """Return terrestrial less universal time at Julian days [s]."""
    year = 2000.0 + (np.asarray(days, dtype=np.float64) - 2451544.5) / 365.2425
    pieces = [np.polynomial.polynomial.polyval((year - start) / 100.0, c) for _, start, c in DELTA_T]
    return np.asarray(np.select([year < until for until, _, _ in DELTA_T], pieces))


def sun_position(days: Any, location: Location, *, height: float = 0.0) -> FloatArray:
    """Compute the sun at instants, without refraction.

    Parameters
    ----------
    days
        Julian days of universal time, shape (n), from the year −2000 to 6000.
    location
        Latitude and longitude.
    height
        Above the sea [m].

    Returns
    -------
    FloatArray
        Elevation and azimuth, declination and hour angle seen from the place, hour angle seen from the
        earth's centre [°], equation of time [min]; shape (n, 6).

    References
    ----------
    .. [1] Reda and Andreas (2004), Solar position algorithm for solar radiation applications, Solar Energy 76.

    Examples
    --------
    >>> import cimkit as ck
    >>> noon = ck.julian_day(2026, 1, 20 + 4.17 / 24)
    >>> ck.sun_position(noon, ck.Location(30.25, 120.17))[0, :2].round(1).tolist()
    [39.6, 180.0]
    """
    days = np.atleast_1d(np.asarray(days, dtype=np.float64))
    return np.asarray(solar_positions(days, delta_t(days), np.array([location.latitude, location.longitude, height])))


def sun_vectors(latitude: float, declination: Any, w: Any) -> FloatArray:
    """Return unit vectors (east, north, up) to suns of declinations at hour angles w (…) [rad], shape (…, 3)."""
    phi, low, high, turn = math.radians(latitude), np.sin(declination), np.cos(declination), np.cos(w)
    x, y = -high * np.sin(w), low * math.cos(phi) - high * math.sin(phi) * turn
    return np.stack([x, y, low * math.sin(phi) + high * math.cos(phi) * turn], axis=-1)


def to_map(convergence: float) -> FloatArray:
    """Return the matrix (3, 3) that turns rows (…, 3) from true north to that of a map, which lies so far east [°]."""
    c, s = math.cos(math.radians(convergence)), math.sin(math.radians(convergence))
    return np.array([[c, s, 0.0], [-s, c, 0.0], [0.0, 0.0, 1.0]])


@dataclass(frozen=True)
class SunDay:
    """The sun of a place on one day and within one band.

    Parameters
    ----------
    latitude, longitude
        Of the place [°].
    declination
        Of the sun, at noon [°].
    band
        First and last hour that count, in the day's own time [h].
    name
        Name of the day.
    drift
        Change of the declination with the hour angle w and with w² [°/rad, °/rad²].
    clock
        Hour of the day's time at noon, and its change with w and with w² [h, h/rad, h/rad²].
    """

    latitude: float
    longitude: float
    declination: float
    band: tuple[float, float] = (8.0, 16.0)
    name: str = "day"
    drift: tuple[float, float] = (0.0, 0.0)
    clock: tuple[float, float, float] = (12.0, 12.0 / math.pi, 0.0)

    def __post_init__(self) -> None:
        if not 0 <= self.band[0] < self.band[1] <= 24:
            raise InputError(f"SunDay: band must be two rising hours in 0..24; got {self.band}.")

    @classmethod
    def great_cold(cls, location: Location, *, band: tuple[float, float] = (8.0, 16.0)) -> SunDay:
        """Return Great Cold day (大寒日) of the base year 2001."""
        return cls(location.latitude, location.longitude, GREAT_COLD_2001, band, "Great Cold")

    @classmethod
    def winter_solstice(cls, location: Location, *, band: tuple[float, float] = (9.0, 15.0)) -> SunDay:
        """Return winter solstice (冬至日) of the base year 2001."""
        return cls(location.latitude, location.longitude, WINTER_SOLSTICE_2001, band, "winter solstice")

    @classmethod
    def on(
        cls, location: Location, date: tuple[int, int, int], *, band: tuple[float, float] = (0.0, 24.0),
        time: str = "solar", utc_offset: float = 8.0,
    ) -> SunDay:  # fmt: skip
        """Return the sun of a real date, its declination drifting through the day.

        Parameters
        ----------
        location
            Latitude and longitude.
        date
            Year, month and day.
        band
            First and last hour that count [h].
        time
            What the hours are: ``solar`` (true solar time), ``civil`` or ``utc``.
        utc_offset
            Civil less universal time [h].

        Examples
        --------
        >>> import cimkit as ck
        >>> day = ck.SunDay.on(ck.Location(39.9, 116.4), (2001, 1, 20), band=(8, 17), time="civil")
        >>> round(float(day.hour(0.0)), 2)  # noon by the clock
        12.42
        """
        one_of(time, ("solar", "civil", "utc"), name="SunDay.on: time")
        hours = np.linspace(*band, 5)
        days = julian_day(*date) + (hours - {"solar": location.longitude / 15.0, "civil": utc_offset}.get(time, 0)) / 24
        for _ in range(4 if time == "solar" else 0):
            ahead = sun_position(days, location)[:, 4] - (hours - 12.0) * 15.0
            days = days - ((ahead + 180.0) % 360.0 - 180.0) / (RATE - 0.985647)
        seen = sun_position(days, location)
        w = np.unwrap(np.radians(seen[:, 3]))
        if time == "solar":
            w += 2 * math.pi * np.round((np.radians((hours[2] - 12.0) * 15.0) - w[2]) / (2 * math.pi))
        declination, clock = (np.polynomial.polynomial.polyfit(w, v, 2).tolist() for v in (seen[:, 2], hours))
        name = "{:d}-{:02d}-{:02d}".format(*date)
        noon, *drift = declination
        return cls(location.latitude, location.longitude, noon, band, name, tuple(drift), tuple(clock))

    def hour(self, w: Any) -> Any:
        """Return the hour of the day's time at hour angles [h]."""
        return self.clock[0] + w * (self.clock[1] + w * self.clock[2])

    def hour_angle(self, hour: Any) -> Any:
        """Return the hour angle at hours of the day's time [rad]."""
        flat = (np.asarray(hour, dtype=np.float64) - self.clock[0]) / self.clock[1]
        return flat - flat * flat * self.clock[2] / self.clock[1]

    def band_radians(self) -> tuple[float, float]:
        """Return the band as hour angles, afternoon positive [rad]."""
        start, stop = (float(self.hour_angle(h)) for h in self.band)
        return start, min(stop, start + 2 * math.pi)

    def declinations(self) -> tuple[float, float, float]:
        """Return the declination as a polynomial of the hour angle [rad]."""
        return math.radians(self.declination), math.radians(self.drift[0]), math.radians(self.drift[1])

    def suns(self, w: Any) -> FloatArray:
        """Return unit vectors (east, north, up) to the sun at hour angles, shape (t, 3)."""
        w = np.atleast_1d(w)
        return sun_vectors(self.latitude, np.polynomial.polynomial.polyval(w, self.declinations()), w)

    def circle(self) -> tuple[FloatArray, FloatArray, FloatArray]:
        """Return a, b, c of the sun's direction a + b cos w + c sin w at hour angle w, drift left out."""
        phi, dec = math.radians(self.latitude), math.radians(self.declination)
        a = np.array([0.0, math.sin(dec) * math.cos(phi), math.sin(dec) * math.sin(phi)])
        b = np.array([0.0, -math.cos(dec) * math.sin(phi), math.cos(dec) * math.cos(phi)])
        return a, b, np.array([-math.cos(dec), 0.0, 0.0])

    def travel(self, hours: Any, convergence: float) -> FloatArray:
        """Return the way of a shadow for each metre of height on a map turned by an angle, nan at night, (t, 2)."""
        elevation, azimuth = self.position(hours)
        angle, steep = np.radians(azimuth - convergence), np.where(elevation > 0.0, elevation, np.nan)
        return -np.column_stack([np.sin(angle), np.cos(angle)]) / np.tan(np.radians(steep))[:, None]

    def hour_angles(self, step_min: float = 1.0) -> FloatArray:
        """Return hour angles from the band's start to its end, both included, shape (t) [rad]."""
        count = round((self.band[1] - self.band[0]) * 60 / step_min)
        return np.asarray(self.hour_angle(np.linspace(*self.band, count + 1)))

    def hours_or_full(self, hours: Any) -> FloatArray:
        """Return hours that are asked for, shape (t), without any the full hours within the band [h]."""
        if np.size(hours):
            return as_floats(np.atleast_1d(hours), name="hours")
        return np.arange(math.ceil(self.band[0]), self.band[1] + 1e-9)

    @staticmethod
    def times(hours: Any) -> list[str]:
        """Return hours as a clock shows them, to the minute."""
        return [f"{m // 60}:{m % 60:02d}" for m in np.round(np.asarray(hours) * 60).astype(int)]

    def position(self, hours: Any) -> tuple[FloatArray, FloatArray]:
        """Return elevation and azimuth at hours of the day's time, shape (t) [°]."""
        x, y, z = self.suns(self.hour_angle(np.atleast_1d(hours))).T
        return np.degrees(np.arcsin(np.clip(z, -1, 1))), np.degrees(np.arctan2(x, y)) % 360.0
