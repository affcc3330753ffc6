"""What roofs and facades of each building collect in a year."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from cimkit.arrays import BoolArray, FloatArray, TextArray
from cimkit.errors import InputError
from cimkit.geometry.ragged import positions, totals
from cimkit.geometry.triangles import Triangles
from cimkit.model.drawn import Drawn
from cimkit.sim.irradiance import Irradiance, irradiance
from cimkit.sim.receptors import WALL_OFFSET, Receptors

if TYPE_CHECKING:
    from cimkit.model.community import Community
    from cimkit.model.weather import Weather

STEEP = 0.2  # surfaces whose normal rises less are facades


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
            columns[f"{title}_area_m2"] = self._sum(mask)
            columns[f"{title}_kwh"] = self._sum(mask, self.irradiance.total)
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
