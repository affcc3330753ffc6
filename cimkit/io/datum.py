"""Longitudes and latitudes of Chinese map services (GCJ-02, BD-09) brought back to WGS 84, on request only."""

from __future__ import annotations

from typing import Any

import numpy as np

from cimkit.arrays import FloatArray, one_of

DATUMS = ("", "wgs84", "gcj02", "bd09")
_AXIS = 6378245.0  # [m] Krasovsky's ellipsoid, as the published conversion uses it
_ECCENTRICITY = 0.00669342162296594323
_BAIDU = np.pi * 3000.0 / 180.0
_TURNS = 8  # each turn of the inverse gains about four digits


def to_wgs84(lonlat: Any, datum: str) -> FloatArray:
    """Undo the offset of a map service, to about 0.1 m of the published formula.

    The formula is the one published in many open converters; the offset inside the services
    themselves is not public, so a residual of some metres may stay.

    Parameters
    ----------
    lonlat
        Longitude and latitude, shape (n, 2) [°].
    datum
        ``gcj02`` (AMap, Tencent), ``bd09`` (Baidu), ``wgs84`` or empty for none.

    Returns
    -------
    numpy.ndarray
        Longitude and latitude in WGS 84, shape (n, 2) [°].

    Raises
    ------
    InputError
        If the datum is another one.
    """
    datum = one_of(datum, DATUMS, name="datum")
    lonlat = np.asarray(lonlat, dtype=np.float64).reshape(-1, 2)
    if datum == "bd09":
        lonlat = _baidu_to_gcj02(lonlat)
    if datum not in ("gcj02", "bd09"):
        return np.array(lonlat)
    guess: FloatArray = np.array(lonlat)
    for _ in range(_TURNS):
        guess = lonlat - gcj02_offset(guess)
    return guess


def gcj02_offset(lonlat: FloatArray) -> FloatArray:
    """Return the GCJ-02 offset at places in WGS 84, shape (n, 2) [°]."""
    x, y = lonlat[:, 0] - 105.0, lonlat[:, 1] - 35.0
    root = np.sqrt(np.abs(x))
    common = (20 * np.sin(6 * np.pi * x) + 20 * np.sin(2 * np.pi * x)) * 2 / 3
    north = -100 + 2 * x + 3 * y + 0.2 * y * y + 0.1 * x * y + 0.2 * root + common
    north += (20 * np.sin(np.pi * y) + 40 * np.sin(np.pi * y / 3)) * 2 / 3
    north += (160 * np.sin(np.pi * y / 12) + 320 * np.sin(np.pi * y / 30)) * 2 / 3
    east = 300 + x + 2 * y + 0.1 * x * x + 0.1 * x * y + 0.1 * root + common
    east += (20 * np.sin(np.pi * x) + 40 * np.sin(np.pi * x / 3)) * 2 / 3
    east += (150 * np.sin(np.pi * x / 12) + 300 * np.sin(np.pi * x / 30)) * 2 / 3
    latitude = np.radians(lonlat[:, 1])
    w = 1 - _ECCENTRICITY * np.sin(latitude) ** 2
    meridian = _AXIS * (1 - _ECCENTRICITY) / (w * np.sqrt(w))
    parallel = _AXIS / np.sqrt(w) * np.cos(latitude)
    return np.column_stack([np.degrees(east / parallel), np.degrees(north / meridian)])


def _baidu_to_gcj02(lonlat: FloatArray) -> FloatArray:
    """Return GCJ-02 of BD-09, shape (n, 2) [°]."""
    x, y = lonlat[:, 0] - 0.0065, lonlat[:, 1] - 0.006
    radius = np.hypot(x, y) - 0.00002 * np.sin(y * _BAIDU)
    angle = np.arctan2(y, x) - 0.000003 * np.cos(x * _BAIDU)
    return np.column_stack([radius * np.cos(angle), radius * np.sin(angle)])
