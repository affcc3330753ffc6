"""How much sky is seen: sky view factor and vertical sky component, by half-planes exact in elevation."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from cimkit.arrays import FloatArray
from cimkit.geometry.triangles import Scene
from cimkit.kernels.dome import dome_sums
from cimkit.sim.receptors import AtReceptors, Receptors

if TYPE_CHECKING:
    from cimkit.model.community import Community

PLANES = 250  # vertical planes through a receptor: 0.72° apart, so that a vertical edge costs at most 0.001
SUN_PLANES = 120  # the same where suns are sorted into them by azimuth: 1.5° apart
SHIFT = 0.2360679775  # of a step: no plane stands along what is drawn at round angles, and none mirrors another
STEPS = 1800  # elevations of a plane, from horizon to horizon, at which running sums are kept: 0.1°


@dataclass(frozen=True, repr=False)
class SkyView(AtReceptors):
    """Sky seen from n receptors.

    Parameters
    ----------
    receptors
        Where.
    sky_view
        Sky view factor, weighted by the cosine to the receptor's normal: 1 for open ground, 0.5 for a free
        facade, shape (n).
    vsc
        Light of the CIE overcast sky over that of open ground, for facades the vertical sky component
        (39.6 % free), shape (n) [%].
    """

    sky_view: FloatArray
    vsc: FloatArray

    def _said(self) -> str:
        low, high = self.sky_view.min(), self.sky_view.max()
        return f": {low:.2f}–{high:.2f}, {int((self.vsc < 27.0).sum()):,} below a VSC of 27 %"

    def columns(self) -> dict[str, Any]:
        """Return sky view factor and VSC, one row a receptor."""
        return super().columns() | {"sky_view": self.sky_view, "vsc_pct": self.vsc}


class Dome(NamedTuple):
    """Sums over the visible sky.

    ``plain``: cosine / π, ``rising``: cosine · sin elevation, ``horizon``: outward part of the horizon / 2, each (n).
    ``suns``: what was asked for, (n, c).
    """

    plain: FloatArray
    rising: FloatArray
    horizon: FloatArray
    suns: FloatArray


def sky_view(community: Community, receptors: Receptors) -> SkyView:
    """Compute the sky view factor and the vertical sky component of each receptor.

    The visible sky is cut by 250 vertical planes (azimuths 0.72° apart). In each the visible elevations
    are exact, found as the lit hours of a day are; the integrals over elevation are in closed form.
    Windows are measured in the middle of their sill's base line.

    Parameters
    ----------
    community
        What hides the sky.
    receptors
        Where, n of them.

    Returns
    -------
    SkyView
        Sky view factor (n) and VSC (n) [%].

    References
    ----------
    .. [1] BRE 209 (2022), Site layout planning for daylight and sunlight: VSC 27 % and 0.8 of the former (mark S).
    .. [2] CIE S 011:2003, overcast sky: luminance (1 + 2 sin elevation) / 3 of the zenith's.

    Examples
    --------
    >>> import cimkit as ck
    >>> open_ground = ck.Community.of(location=ck.Location(30.25, 120.17))
    >>> ck.sky_view(open_ground, ck.Receptors.at([[0.0, 0.0, 0.0]])).sky_view.round(3)
    array([1.])
    """
    dome = visible_dome(community.scene, receptors)
    return SkyView(receptors, dome.plain, 100.0 * (3.0 * dome.plain + 6.0 * dome.rising / math.pi) / 7.0)


def centres(receptors: Receptors) -> FloatArray:
    """Return where sky is measured: at the point, of a window in the middle of its base line, shape (n, 3) [m]."""
    return receptors.points if receptors.other_ends is None else 0.5 * (receptors.points + receptors.other_ends)


def visible_dome(scene: Scene, receptors: Receptors, suns: FloatArray | None = None) -> Dome:
    """Sum the visible sky of each receptor over all planes; ``suns``, if given, as from ``sort_suns``."""
    suns = np.zeros((PLANES, STEPS + 1, 0)) if suns is None else suns
    azimuth = math.pi * (np.arange(len(suns)) + 0.5 + SHIFT) / len(suns)
    planes = np.column_stack([np.sin(azimuth), np.cos(azimuth)])
    points, normals = (np.ascontiguousarray(v) for v in (centres(receptors), receptors.normals))
    sums, found = dome_sums(scene.bvh, points, normals, planes, suns)
    return Dome(sums[:, 0], sums[:, 1], sums[:, 2], found)


def sort_suns(directions: FloatArray, values: FloatArray) -> FloatArray:
    """Return running sums of the values (t, c) of suns (t, 3) over each plane, shape (planes, steps + 1, c).

    A sun belongs to the plane of its azimuth rounded to 1.5°; its elevation is kept to 0.1°.
    """
    x, y, z = directions.T
    azimuth = (np.arctan2(x, y) - SHIFT * math.pi / SUN_PLANES) % (2.0 * math.pi)
    half, turn = np.divmod(azimuth, math.pi)
    plane = np.minimum((turn / math.pi * SUN_PLANES).astype(np.int64), SUN_PLANES - 1)
    w = np.arccos(np.clip(z, 0.0, 1.0)) * np.where(half > 0, -1.0, 1.0)
    step = np.minimum(((w / math.pi + 0.5) * STEPS).astype(np.int64), STEPS - 1)
    cells = plane * STEPS + step
    sums = [np.bincount(cells, v, SUN_PLANES * STEPS).reshape(SUN_PLANES, STEPS) for v in values.T]
    return np.pad(np.cumsum(np.stack(sums, axis=2), axis=1), ((0, 0), (1, 0), (0, 0)))
