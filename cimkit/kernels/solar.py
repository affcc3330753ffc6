"""Where the sun stands: the algorithm of Reda and Andreas (2004), good to 0.0003° from the year −2000 to 6000."""

import math
from functools import cache

import numpy as np
from numba import prange

from cimkit.kernels._jit import kernel

RATE = 360.98564736629  # turn of the sky in a day [°]
_FLATTENED = 0.99664719
_EARTH = 6378140.0  # [m]
_OBLIQUITY = np.array([84381.448, -4680.93, -1.55, 1999.25, -51.38, -249.67, -39.05, 7.12, 27.87, 5.79, 2.45])


@cache
def solar_terms() -> tuple[np.ndarray, ...]:
    """Return the periodic terms of the earth's place (k, 5) and of the nutation (63, 9), mean angles (5, 4)."""
    return tuple(np.loadtxt(f"{__file__[:-3]}_{n}.csv", delimiter=",") for n in ("terms", "nutation", "mean"))


@kernel
def _earth(terms, t):
    """Heliocentric longitude and latitude of the earth [rad], distance [au], at Julian millennia."""
    sums = np.zeros(3)
    for k in range(terms.shape[0]):
        sums[int(terms[k, 0])] += terms[k, 2] * math.cos(terms[k, 3] + terms[k, 4] * t) * t ** int(terms[k, 1])
    return sums[0] / 1e8, sums[1] / 1e8, sums[2] / 1e8


@kernel
def _nutation(nutation, mean, t):
    """Nutation in longitude and obliquity [rad], at Julian centuries."""
    x = np.empty(5)
    for k in range(5):
        x[k] = math.radians(mean[k, 0] + t * (mean[k, 1] + t * (mean[k, 2] + t / mean[k, 3])))
    psi, eps = 0.0, 0.0
    for k in range(nutation.shape[0]):
        angle = 0.0
        for a in range(5):
            angle += nutation[k, a] * x[a]
        psi += (nutation[k, 5] + nutation[k, 6] * t) * math.sin(angle)
        eps += (nutation[k, 7] + nutation[k, 8] * t) * math.cos(angle)
    return math.radians(psi / 36e6), math.radians(eps / 36e6)


@kernel
def _within(angle, half):
    """Return an angle as that between −half and half."""
    return angle - 2.0 * half * math.floor(angle / (2.0 * half) + 0.5)


@kernel
def _one(day, delta_t, place, terms, nutation, mean, obliquity, out):
    """Fill one row of ``solar_positions``."""
    days = day - 2451545.0
    century, ephemeris = days / 36525.0, (days + delta_t / 86400.0) / 36525.0
    longitude, latitude, distance = _earth(terms, ephemeris / 10.0)
    psi, eps = _nutation(nutation, mean, ephemeris)
    tilt, u = 0.0, ephemeris / 100.0
    for k in range(obliquity.size - 1, -1, -1):
        tilt = tilt * u + obliquity[k]
    tilt = math.radians(tilt / 3600.0) + eps
    beta = -latitude
    lam = longitude + math.pi + psi - math.radians(20.4898 / 3600.0 / distance)
    ascension = math.atan2(math.sin(lam) * math.cos(tilt) - math.tan(beta) * math.sin(tilt), math.cos(lam))
    declination = math.asin(math.sin(beta) * math.cos(tilt) + math.cos(beta) * math.sin(tilt) * math.sin(lam))
    sidereal = 280.46061837 + RATE * days + century * century * (0.000387933 - century / 38710000.0)
    sidereal = math.radians(sidereal % 360.0) + psi * math.cos(tilt)
    north, east = math.radians(place[0]), math.radians(place[1])
    hour = sidereal + east - ascension
    parallax = math.sin(math.radians(8.794 / 3600.0 / distance))
    v = math.atan(_FLATTENED * math.tan(north))
    x = math.cos(v) + place[2] / _EARTH * math.cos(north)
    y = _FLATTENED * math.sin(v) + place[2] / _EARTH * math.sin(north)
    below = math.cos(declination) - x * parallax * math.cos(hour)
    shift = math.atan2(-x * parallax * math.sin(hour), below)
    seen = math.atan2((math.sin(declination) - y * parallax) * math.cos(shift), below)
    turned = hour - shift
    t = ephemeris / 10.0
    cubic = 1 / 49931.0 + t * (-1 / 15300.0 - t / 2000000.0)
    mean_sun = 280.4664567 + t * (360007.6982779 + t * (0.03032028 + t * cubic))
    equation = mean_sun - 0.0057183 - math.degrees(ascension - psi * math.cos(tilt))
    sine = math.sin(north) * math.sin(seen) + math.cos(north) * math.cos(seen) * math.cos(turned)
    south = math.cos(turned) * math.sin(north) * math.cos(seen) - math.sin(seen) * math.cos(north)
    azimuth = math.atan2(math.sin(turned) * math.cos(seen), south)
    out[0] = math.degrees(math.asin(max(-1.0, min(1.0, sine))))
    out[1] = (math.degrees(azimuth) + 180.0) % 360.0
    out[2] = math.degrees(seen)
    out[3] = math.degrees(_within(turned, math.pi))
    out[4] = math.degrees(_within(hour, math.pi))
    out[5] = 4.0 * _within(equation, 180.0)


@kernel(parallel=True)
def _all(days, delta_t, place, terms, nutation, mean, obliquity):
    """Fill all rows."""
    out = np.empty((days.size, 6))
    for k in prange(days.size):
        _one(days[k], delta_t[k], place, terms, nutation, mean, obliquity, out[k])
    return out


def solar_positions(days: np.ndarray, delta_t: np.ndarray, place: np.ndarray) -> np.ndarray:
    """Compute the sun at Julian days (n) of universal time.

    ``delta_t`` (n): terrestrial less universal time [s]; ``place``: latitude, longitude [°], height [m]. Columns of the
    answer (n, 6): elevation without refraction, azimuth, declination and hour angle seen from the place, hour angle
    seen from the earth's centre [°], equation of time [min].
    """
    return _all(days, delta_t, place, *solar_terms(), _OBLIQUITY)
