"""Shadow outlines on level ground at given hours, and their union over a day (阴影轮廓)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import shapely

from cimkit.arrays import FloatArray
from cimkit.errors import InputError
from cimkit.model.drawn import Drawn

if TYPE_CHECKING:
    from cimkit.model.community import Community
    from cimkit.sim.sunpath import SunDay


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

    def always(self) -> Any:
        """Return the ground shaded at all of the hours."""
        return shapely.intersection_all(self.outlines)

    def to_frame(self) -> Any:
        """Return a GeoDataFrame in map coordinates: one row an hour, and of several one for all, without an hour."""
        shapes, when = list(self.outlines), self.sun_day.times(self.hours)
        if len(when) > 1:
            shapes, when = [*shapes, self.union()], [*when, "any"]
        data = {"when": when, "hour_h": np.append(self.hours, np.nan)[: len(when)], "area_m2": shapely.area(shapes)}
        return self.community.frame.to_geoframe(data, shapes)


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
    elevation, azimuth = sun_day.position(hours)
    azimuth = azimuth - community.frame.convergence
    outlines = np.empty(len(hours), dtype=object)
    for k, (height, direction) in enumerate(zip(elevation, azimuth, strict=True)):
        if height <= 0.0:
            outlines[k] = shapely.MultiPolygon()
            continue
        away = -np.array([np.sin(np.radians(direction)), np.cos(np.radians(direction))])
        outlines[k] = _outline(community, away / np.tan(np.radians(height)), ground)
    return Shadows(sun_day, hours, outlines, community)


def _outline(community: Community, travel: FloatArray, ground: float) -> Any:
    """Return what solids and meshes shade on level ground; ``travel`` is the way (2) for each metre of height."""
    xyz = community.mesh.corners
    thrown = shapely.polygons(xyz[:, :, :2] + np.maximum(xyz[:, :, 2:] - ground, 0.0) * travel)
    thrown = thrown[xyz[:, :, 2].max(axis=1, initial=-np.inf) > ground + 1e-9]
    part = community.solids.take(np.flatnonzero(community.solids.top > ground + 1e-9))
    low = np.maximum(part.base - ground, 0.0)[:, None] * travel
    high = (part.top - ground)[:, None] * travel
    vertex_of = np.repeat(np.repeat(np.arange(len(part)), np.diff(part.outline.poly)), np.diff(part.outline.ring))
    near = part.outline.xy + low[vertex_of]
    far = part.outline.xy + high[vertex_of]
    last = np.zeros(len(near), dtype=bool)
    last[part.outline.ring[1:] - 1] = True
    a = np.flatnonzero(~last)
    quads = np.stack([near[a], near[a + 1], far[a + 1], far[a], near[a]], axis=1)
    swept = np.concatenate([shapely.polygons(quads), thrown])
    swept = swept[shapely.area(swept) > 1e-9]
    ends = [type(part.outline)(xy, part.outline.ring, part.outline.poly).to_shapely() for xy in (near, far)]
    return shapely.union_all(shapely.make_valid(np.concatenate([swept, *ends])))
