"""Ground elevation on a regular grid."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from cimkit.arrays import FloatArray, as_floats
from cimkit.errors import InputError


@dataclass(frozen=True, repr=False)
class Terrain:
    """Ground heights at the nodes of a square grid, rows from south to north.

    Parameters
    ----------
    x0, y0
        Local coordinates of the south-western node [m].
    spacing
        Distance of the nodes [m].
    z
        Heights, shape (rows, columns); nan where unknown [m].
    """

    x0: float
    y0: float
    spacing: float
    z: FloatArray

    def __post_init__(self) -> None:
        if self.spacing <= 0 or self.z.ndim != 2 or min(self.z.shape) < 2:
            must = "spacing must be > 0 m and z at least 2 × 2 nodes"
            raise InputError(f"terrain: {must}; got {self.spacing} and {self.z.shape}.")

    def __repr__(self) -> str:
        low, high = np.nanmin(self.z), np.nanmax(self.z)
        rows, columns = self.z.shape
        return f"<Terrain of {columns} × {rows} nodes each {self.spacing:g} m, {low:.1f}–{high:.1f} m>"

    @classmethod
    def from_points(cls, points: Any, *, spacing: float = 5.0) -> Terrain:
        """Build from survey points or contour vertices (n, 3) by linear interpolation, flat outside the hull.

        Contour lines give flat triangles on hilltops and in pits; there the height of the
        contour is kept, which is the cautious reading.
        """
        from scipy.interpolate import griddata

        if len(xyz := as_floats(points, name="terrain points", ndim=2, width=3)) < 3:
            raise InputError(f"terrain points: at least 3 are needed; got {len(xyz)}.")
        low, high = np.floor(xyz[:, :2].min(axis=0)), xyz[:, :2].max(axis=0)
        columns, rows = np.maximum(np.ceil((high - low) / spacing).astype(int) + 1, 2)
        gx, gy = np.meshgrid(low[0] + spacing * np.arange(columns), low[1] + spacing * np.arange(rows))
        z = griddata(xyz[:, :2], xyz[:, 2], (gx, gy), method="linear")
        near = griddata(xyz[:, :2], xyz[:, 2], (gx, gy), method="nearest")
        return cls(float(low[0]), float(low[1]), float(spacing), np.where(np.isnan(z), near, z))

    def elevation(self, xy: Any) -> FloatArray:
        """Return the height of the triangles that block the sun at points (n, 2), the border's outside [m].

        Examples
        --------
        >>> Terrain(0, 0, 10, np.array([[0.0, 1.0], [2.0, 3.0]])).elevation([[5, 5], [99, 0]])
        array([1.5, 1. ])
        """
        xy = np.asarray(xy, dtype=np.float64).reshape(-1, 2)
        most = np.array(self.z.shape[::-1]) - 1
        place = np.clip((xy - (self.x0, self.y0)) / self.spacing, 0, most)
        i, j = node = np.minimum(place.astype(np.int64), most - 1).T
        u, v = place.T - node
        other = np.where(u >= v, self.z[j, i + 1], self.z[j + 1, i])
        low, high = np.minimum(u, v), np.maximum(u, v)
        return np.asarray(self.z[j, i] * (1 - high) + other * np.abs(u - v) + self.z[j + 1, i + 1] * low)
