"""Shadow outlines on level ground at given hours, and their union over a day (阴影轮廓)."""

from __future__ import annotations

from dataclasses import dataclass, replace
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
    dark = shapely.MultiPolygon()
    outlines = [dark if np.isnan(way).any() else _outline(community, way, ground) for way in travel]
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
