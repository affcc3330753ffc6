"""Lines of equal sun on the ground (等时线), as areas that get at least so many hours."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import TYPE_CHECKING, Any

import numpy as np
import shapely

from cimkit.arrays import FloatArray
from cimkit.errors import InputError, MissingDataError, needed
from cimkit.model.drawn import Drawn
from cimkit.sim.receptors import Receptors, analysed, standing
from cimkit.sim.sunlight import USUAL, SunlightMethod, sunlight

if TYPE_CHECKING:
    from cimkit.model.community import Community
    from cimkit.sim.sunpath import SunDay


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
    area = shapely.union_all(analysed(community))
    if area.is_empty:
        raise MissingDataError("isochrones: a parcel or a building must be there; got neither.")
    ends = np.array(area.bounds).reshape(2, 2).T / spacing
    x, y = (np.arange(np.floor(low), np.ceil(high) + 1) * spacing for low, high in ends)
    gx, gy = np.meshgrid(x, y)
    xy = np.column_stack([gx.ravel(), gy.ravel()])
    points = Receptors.at(np.column_stack([xy, community.ground_at(xy) + height + 0.01]))
    hours = sunlight(community, points, sun_day, method=method).hours.reshape(gx.shape)
    built = shapely.union_all(standing(community))
    ground = area.difference(built)
    under = shapely.contains_xy(built, gx, gy)
    near = distance_transform_edt(under, return_distances=False, return_indices=True)
    known = hours[tuple(near)]  # what is dark in a building would pull the lines off its sunny walls
    shapes = np.array([_at_least(x, y, known, float(h)).intersection(ground) for h in steps], dtype=object)
    return Isochrones(steps, shapes, x, y, np.where(under, np.nan, hours), sun_day, community, ground)


def _at_least(x: FloatArray, y: FloatArray, values: FloatArray, level: float) -> Any:
    """Return the area where the linear interpolation of the values reaches a level."""
    contourpy = needed("contourpy", who="isochrones", extra="view")
    generator: Any = contourpy.contour_generator(x, y, values, fill_type=contourpy.FillType.OuterOffset)
    parts = []
    for ring, cuts in zip(*generator.filled(level, np.inf), strict=True):
        rings = [ring[a:b] for a, b in pairwise(cuts)]
        parts.append(shapely.Polygon(rings[0], rings[1:]))
    return shapely.make_valid(shapely.MultiPolygon(parts))  # they lie apart
