"""Local metres and map coordinates: one projected CRS and an origin that is taken off once."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING, Any

import numpy as np
import shapely

from cimkit.errors import InputError

if TYPE_CHECKING:
    from cimkit.arrays import FloatArray

CHINA = (73.5, 17.5, 136.5, 54.5)  # west, south, east, north [°]


@dataclass(frozen=True)
class Frame:
    """The local metric frame of a community.

    Parameters
    ----------
    crs
        Projected CRS in metres, as authority:code, WKT or PROJ text; empty for a frame without a map.
    origin
        Map easting, northing and height of the local origin [m].
    """

    crs: str = ""
    origin: tuple[float, float, float] = (0.0, 0.0, 0.0)

    @classmethod
    def around(cls, xy: FloatArray, crs: str) -> Frame:
        """Return a frame with its origin at the middle of map coordinates (n, 2), in whole metres."""
        if len(xy) == 0:
            return cls(crs)
        x, y = np.round((np.min(xy, axis=0) + np.max(xy, axis=0)) / 2)
        return cls(crs, (float(x), float(y), 0.0))

    def to_local(self, xy: Any) -> FloatArray:
        """Return local coordinates of map coordinates (n, 2) [m]."""
        return np.asarray(xy, dtype=np.float64) - self.origin[:2]

    def to_map(self, xy: Any) -> FloatArray:
        """Return map coordinates of local coordinates (n, 2) [m]."""
        return np.asarray(xy, dtype=np.float64) + self.origin[:2]

    def lonlat(self, xy: Any = ((0.0, 0.0),)) -> FloatArray:
        """Return longitude and latitude of local coordinates (n, 2) [°].

        Raises
        ------
        InputError
            If the frame has no CRS.
        """
        if not self.crs:
            raise InputError("frame: a CRS must be known to find longitude and latitude; got none. Give crs=.")
        return np.column_stack(transformer(self.crs, "EPSG:4326").transform(*self.to_map(xy).T))

    def to_geoframe(self, data: Any, shapes: Any) -> Any:
        """Return a GeoDataFrame in map coordinates of columns and local shapes (n)."""
        import geopandas as gpd

        return gpd.GeoDataFrame(data, geometry=self.moved(shapes), crs=self.crs or None)

    def moved(self, shapes: Any, *, back: bool = False) -> Any:
        """Return local shapes (n) in map coordinates; ``back``: shapes of the map in local ones."""
        shapes = np.asarray(shapes, dtype=object)
        deep = bool(shapely.has_z(shapes).any())
        shift = np.array(self.origin[: 3 if deep else 2]) * (-1.0 if back else 1.0)
        return shapely.transform(shapes, lambda xyz: xyz + shift, include_z=deep)

    @property
    def convergence(self) -> float:
        """Angle of grid north east of true north at the origin, 0 without a CRS [°]."""
        if not self.crs:
            return 0.0
        import pyproj

        return float(pyproj.Proj(pyproj.CRS(self.crs)).get_factors(*self.lonlat()[0]).meridian_convergence)


@lru_cache(maxsize=32)
def transformer(source: Any, target: Any) -> Any:
    """Return a cached pyproj transformer, x east and y north on both sides."""
    import pyproj

    return pyproj.Transformer.from_crs(source, target, always_xy=True)


def metric_crs(longitude: float, latitude: float) -> str:
    """Return the CRS in which areas and lengths at a place are true to about 10 ppm.

    In China the CGCS2000 3-degree Gauss-Krüger zone without zone prefix (EPSG:4534 to 4554);
    elsewhere a transverse Mercator projection on the nearest tenth of a degree.

    Examples
    --------
    >>> metric_crs(120.17, 30.25)
    'EPSG:4549'
    """
    west, south, east, north = CHINA
    if west <= longitude < east and south <= latitude <= north:
        return f"EPSG:{4534 + round((longitude - 75) / 3)}"
    return f"+proj=tmerc +lat_0=0 +lon_0={round(longitude, 1):g} +k=1 +x_0=500000 +y_0=0 +datum=WGS84 +units=m +no_defs"
