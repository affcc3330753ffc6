"""The sun of a place on a standard day, in true solar time: an exact circle."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol

import numpy as np

from cimkit.errors import InputError

if TYPE_CHECKING:
    from cimkit.arrays import FloatArray

GREAT_COLD_2001 = -20.1160  # [°] at the exact term of 2001, NREL SPA (standards' base year)
WINTER_SOLSTICE_2001 = -23.441  # [°] the same, seen from the ground (parallax)


class Place(Protocol):
    """Anything with a latitude and a longitude [°]."""

    @property
    def latitude(self) -> float:
        """North positive [°]."""

    @property
    def longitude(self) -> float:
        """East positive [°]."""


@dataclass(frozen=True)
class SunDay:
    """The sun of a place on one day and within one band.

    Parameters
    ----------
    latitude, longitude
        Of the place [°].
    declination
        Of the sun [°].
    band
        First and last hour that count, true solar time [h].
    name
        Name of the day.
    """

    latitude: float
    longitude: float
    declination: float
    band: tuple[float, float] = (8.0, 16.0)
    name: str = "day"

    def __post_init__(self) -> None:
        if not 0 <= self.band[0] < self.band[1] <= 24:
            raise InputError(f"SunDay: band must be two rising hours in 0..24; got {self.band}.")

    @classmethod
    def great_cold(cls, location: Place, *, band: tuple[float, float] = (8.0, 16.0)) -> SunDay:
        """Return Great Cold day (大寒日) of the base year 2001."""
        return cls(location.latitude, location.longitude, GREAT_COLD_2001, band, "Great Cold")

    @classmethod
    def winter_solstice(cls, location: Place, *, band: tuple[float, float] = (9.0, 15.0)) -> SunDay:
        """Return winter solstice (冬至日) of the base year 2001."""
        return cls(location.latitude, location.longitude, WINTER_SOLSTICE_2001, band, "winter solstice")

    def band_radians(self) -> tuple[float, float]:
        """Return the band as hour angles, afternoon positive [rad]."""
        return math.radians((self.band[0] - 12) * 15), math.radians((self.band[1] - 12) * 15)

    def circle(self) -> tuple[FloatArray, FloatArray, FloatArray]:
        """Return a, b, c of the sun's direction a + b cos w + c sin w at hour angle w."""
        phi, dec = math.radians(self.latitude), math.radians(self.declination)
        a = np.array([0.0, math.sin(dec) * math.cos(phi), math.sin(dec) * math.sin(phi)])
        b = np.array([0.0, -math.cos(dec) * math.sin(phi), math.cos(dec) * math.cos(phi)])
        return a, b, np.array([-math.cos(dec), 0.0, 0.0])

    def hour_angles(self, step_min: float = 1.0) -> FloatArray:
        """Return hour angles from the band's start to its end, both included, shape (t) [rad]."""
        count = round((self.band[1] - self.band[0]) * 60 / step_min)
        return np.linspace(*self.band_radians(), count + 1)

    def directions(self, step_min: float = 1.0) -> FloatArray:
        """Return unit vectors to the sun, shape (t, 3)."""
        a, b, c = self.circle()
        w = self.hour_angles(step_min)[:, None]
        suns: FloatArray = a + b * np.cos(w) + c * np.sin(w)
        return suns

    def position(self, hours: Any) -> tuple[FloatArray, FloatArray]:
        """Return elevation and azimuth at true solar hours, shape (t) [°]."""
        a, b, c = self.circle()
        w = np.radians((np.atleast_1d(hours) - 12.0) * 15.0)[:, None]
        x, y, z = (a + b * np.cos(w) + c * np.sin(w)).T
        return np.degrees(np.arcsin(np.clip(z, -1, 1))), np.degrees(np.arctan2(x, y)) % 360.0
