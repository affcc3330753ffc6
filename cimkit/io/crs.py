"""Whether coordinates and their CRS agree: a label is believed only where the numbers allow it.

Longitudes and latitudes of Chinese map services (GCJ-02, BD-09) are brought back to WGS 84 on request only.
"""

from dataclasses import dataclass
from typing import Any

import numpy as np
import shapely

from cimkit.arrays import FloatArray, one_of
from cimkit.errors import InputError
from cimkit.geometry.frame import CHINA, transformer
from cimkit.model.notes import Note

DATUMS = ("", "wgs84", "gcj02", "bd09")
WIDEST = 5.0  # [°] wider than any community
MARGIN = 1.5  # [°] beyond the area of use: neighbouring 3-degree zones are often kept in one
_FOOT = 0.3048  # [m]
_WORLD = (-180.0, -90.0, 180.0, 90.0)  # west, south, east, north
_AXIS = 6378245.0  # [m] Krasovsky's ellipsoid, as the published conversion uses it
_ECCENTRICITY = 0.00669342162296594323
_BAIDU = np.pi * 3000.0 / 180.0
_TURNS = 8  # each turn of the inverse gains about four digits


@dataclass(frozen=True)
class Placing:
    """What the user says about where coordinates lie.

    Parameters
    ----------
    frame
        Projected CRS in metres to work in; empty lets the place decide.
    crs
        CRS of the coordinates, instead of what the file says or does not say.
    datum
        ``gcj02`` or ``bd09`` if longitudes and latitudes come from a map service.
    swap_xy
        Exchange the axes first.
    """

    frame: str = ""
    crs: str = ""
    datum: str = ""
    swap_xy: bool = False

    def __post_init__(self) -> None:
        one_of(self.datum, DATUMS, name="datum")
        axes, _ = (parse_crs(text, k) if text else None for k, text in (("frame", self.frame), ("crs", self.crs)))
        if axes is not None and not (axes.is_projected and axes.axis_info[0].unit_name == "metre"):
            raise InputError(f"frame must be a projected CRS in metres; got {self.frame!r} ({axes.name}).")


def parse_crs(text: Any, name: str = "crs") -> Any:
    """Return a pyproj CRS, the horizontal part of a compound one.

    Raises
    ------
    InputError
        If pyproj does not know it.
    """
    import pyproj

    try:
        crs = pyproj.CRS.from_user_input(text)
    except pyproj.exceptions.CRSError as error:
        raise InputError(f"{name} must be a CRS like 'EPSG:4549'; got {str(text)!r:.80}.") from error
    return crs.sub_crs_list[0] if crs.is_compound and crs.sub_crs_list else crs


def place(gdf: Any, who: str, placing: Placing) -> tuple[Any, list[Note]]:
    """Check a frame's coordinates against its CRS and set right what the user has told.

    Parameters
    ----------
    gdf
        GeoDataFrame as read.
    who
        File and layer, for messages.
    placing
        What the user says about coordinates.

    Returns
    -------
    tuple
        The frame with a CRS that fits its numbers (or none), and notes C01, C03.

    Raises
    ------
    InputError
        If numbers contradict the CRS (C02) or the axes are swapped (C04).
    """
    notes: list[Note] = []
    label = placing.crs or gdf.crs
    crs = None if label is None else parse_crs(label)
    if crs is None or crs.is_engineering or crs.name.lower().startswith(("undefined", "unknown")):
        crs = parse_crs(placing.frame) if placing.frame else None
    if placing.swap_xy:
        gdf = gdf.set_geometry(shapely.transform(gdf.geometry.array, lambda c: c[:, ::-1]))
    box = gdf.total_bounds
    if np.isfinite(box).all():
        crs = _missing(box, who, notes) if crs is None else crs
        if crs is not None:
            check_box(box, crs, who)
    gdf = gdf.set_crs(crs, allow_override=True)
    if placing.datum in ("gcj02", "bd09") and crs is not None:
        gdf = gdf if crs.is_geographic else gdf.to_crs("EPSG:4326")
        gdf = gdf.set_geometry(shapely.transform(gdf.geometry.array, lambda c: to_wgs84(c, placing.datum)))
        gdf = gdf.set_crs("EPSG:4326", allow_override=True)
        notes.append(Note("C03", f"the offset of {placing.datum} was undone", who))
    if placing.frame and crs is not None:
        gdf = gdf.to_crs(placing.frame)
    return gdf, notes


def _missing(box: FloatArray, who: str, notes: list[Note]) -> Any:
    """Return a CRS for coordinates that state none: degrees are recognised, all else stays without."""
    small = bool((box[2:] - box[:2] < 2.0).all())  # no site is smaller than two metres
    if small and not _inside(box, CHINA) and _inside(box[[1, 0, 3, 2]], CHINA):
        raise InputError(_swapped(who, "no CRS"))
    if small and _inside(box, _WORLD):
        notes.append(Note("C01", "no CRS; the numbers are degrees, WGS 84 is assumed", who, fix="Give crs=."))
        return parse_crs("EPSG:4326")
    if hint := _zone_hint(box):
        notes.append(Note("C01", f"no CRS; {hint}", who, fix="Give crs=."))
    return None


def check_box(box: FloatArray, crs: Any, who: str) -> None:
    """Raise InputError if a box of coordinates cannot lie in the CRS.

    Parameters
    ----------
    box
        Least x, least y, largest x, largest y.
    crs
        CRS of pyproj.
    who
        File and layer, for the message.

    Raises
    ------
    InputError
        With the likely cause: swapped axes (C04), degrees, web mercator, a zone prefix, another unit (C02).
    """
    if crs.is_geocentric:
        raise InputError(f"{who}: the CRS must be geographic or projected; got geocentric {crs.name}.")
    turned = box[[1, 0, 3, 2]]
    if crs.is_geographic:
        narrow = bool((box[2:] - box[:2] <= WIDEST).all())
        fits = narrow and _inside(box, _WORLD) and (_inside(box, CHINA) or not _inside(turned, CHINA))
        swapped = narrow and _inside(turned, _WORLD)
    else:
        fits = _lands(box, crs)
        swapped = not fits and _lands(turned, crs)
    if fits:
        return
    if swapped:
        raise InputError(_swapped(who, crs.name))
    got = f"x {box[0]:g} to {box[2]:g}, y {box[1]:g} to {box[3]:g}. {_cause(box, crs)}"
    raise InputError(f"{who}: C02, coordinates must lie in the area of use of {crs.name}; got {got}")


def _swapped(who: str, crs: str) -> str:
    """Return the message on swapped axes."""
    return f"{who}: C04, the axes must be x east, y north ({crs}); they look swapped. Pass swap_xy=True."


def _inside(box: FloatArray, bounds: Any) -> bool:
    """Tell whether a box lies inside bounds (west, south, east, north)."""
    return bool((box[:2] >= bounds[:2]).all() and (box[2:] <= bounds[2:]).all())


def _lands(box: FloatArray, crs: Any, *, area: Any = None, margin: float = MARGIN) -> bool:
    """Tell whether the corners and the middle of a box in a projected CRS fall into an area, by default its own."""
    x, y = np.array([*box[[0, 2, 0, 2]], box[[0, 2]].mean()]), np.array([*box[[1, 1, 3, 3]], box[1]])
    lon, lat = transformer(crs, "EPSG:4326").transform(x, y)
    if not np.allclose(transformer("EPSG:4326", crs).transform(lon, lat), (x, y), rtol=1e-6, atol=1.0):
        return False  # outside the projection: there is no way, or the way back leads elsewhere
    area = area or crs.area_of_use
    west, south, east, north = _WORLD if area is None else area.bounds
    spot = np.array([lon.min(), lat.min(), lon.max(), lat.max()])
    return west > east or _inside(spot, (west - margin, south - margin, east + margin, north + margin))


def _cause(box: FloatArray, crs: Any) -> str:
    """Return what the numbers look like instead, with the way out."""
    if _inside(box, _WORLD):
        if crs.is_geographic:
            return f"They span more than {WIDEST:g}°; are they metres? Then pass crs= with their CRS."
        return "They look like degrees: pass crs='EPSG:4326'."
    if hint := _zone_hint(box):
        return f"{hint[0].upper()}{hint[1:]}."
    if not crs.is_geographic:
        zone = int(next((p.value for p in crs.coordinate_operation.params if p.name == "False easting"), 0.0) // 1e6)
        if zone and _lands(box + (zone * 1e6, 0, zone * 1e6, 0), crs):
            other = f"EPSG:{4534 + zone - 25}" if 25 <= zone <= 45 else f"EPSG:{4502 + zone - 13}"
            return f"They lack the zone prefix {zone} that the label asks for: pass crs='{other}'."
        if _lands(box, parse_crs("EPSG:3857"), area=crs.area_of_use, margin=2 * MARGIN):
            return "They look like web mercator: pass crs='EPSG:3857'."
        for factor, unit in ((1e-3, "millimetres"), (_FOOT, "feet"), (1 / _FOOT, "metres, not feet")):
            if _lands(box * factor, crs):
                return f"C05, they look like {unit}: scale them first."
    return "Pass crs= with the CRS they are really in."


def _zone_hint(box: FloatArray) -> str:
    """Return which Gauss-Krüger zone a prefixed easting names, empty if it names none."""
    zone = int(box[0] // 1e6)
    rest = box[[0, 2]] - zone * 1e6
    if not (rest[0] >= 1e5 and rest[1] <= 9e5 and 1.9e6 < box[1] < 6e6 and (13 <= zone <= 23 or 25 <= zone <= 45)):
        return ""
    degrees, epsg = (3, 4513 + zone - 25) if zone >= 25 else (6, 4491 + zone - 13)
    return f"the easting has the prefix of {degrees}-degree zone {zone}: pass crs='EPSG:{epsg}' (CGCS2000)"


# Datums of map services --------------------------------------------------------------------------------


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
    lonlat = guess = np.array(lonlat, dtype=np.float64).reshape(-1, 2)
    if one_of(datum, DATUMS, name="datum") not in ("gcj02", "bd09"):
        return guess
    lonlat = _baidu_to_gcj02(guess) if datum == "bd09" else lonlat
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
