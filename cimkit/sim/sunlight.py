"""Hours of direct sun: lit intervals of each receptor, and what a standard counts of them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np

from cimkit.arrays import BoolArray, FloatArray, IntArray, one_of
from cimkit.errors import InputError
from cimkit.geometry.ragged import offsets_of
from cimkit.kernels.bvh import any_hits
from cimkit.model.community import Community
from cimkit.sim.receptors import Receptors
from cimkit.sim.sunpath import SunDay

CHUNK_PAIRS = 4_000_000  # receptor × sun pairs in one kernel call: bounded memory, and Ctrl-C is heard


@dataclass(frozen=True)
class SunlightMethod:
    """What a standard counts as sunlight.

    Parameters
    ----------
    name
        Standard or rule.
    min_segment_min
        Shorter lit segments do not count [min].
    max_segments
        Number of longest segments that count, 0 for all.
    count
        ``sum`` of the segments or the ``longest``.
    min_elevation
        Lower suns do not count [°].
    min_facade_angle
        Suns closer to the plane of the facade do not count [°].
    mark
        How sure the numbers are: P primary text, S secondary source, M from memory.
    """

    name: str
    min_segment_min: float = 5.0
    max_segments: int = 0
    count: str = "sum"
    min_elevation: float = 0.0
    min_facade_angle: float = 0.0
    mark: str = "M"

    GBT50947_2014: ClassVar[SunlightMethod]
    HANGZHOU_NOTE: ClassVar[SunlightMethod]
    PUTIAN_2022: ClassVar[SunlightMethod]
    ALL_SUN: ClassVar[SunlightMethod]

    def __post_init__(self) -> None:
        one_of(self.count, ("sum", "longest"), name="SunlightMethod.count")
        if self.min_segment_min < 0 or self.max_segments < 0:
            raise InputError(
                f"SunlightMethod: min_segment_min and max_segments must be >= 0; "
                f"got {self.min_segment_min} and {self.max_segments}."
            )


SunlightMethod.GBT50947_2014 = SunlightMethod("GB/T 50947-2014", mark="M")
SunlightMethod.HANGZHOU_NOTE = SunlightMethod("Hangzhou practice note, 2 longest", max_segments=2, mark="S")
SunlightMethod.PUTIAN_2022 = SunlightMethod("Putian 2022", mark="P")
SunlightMethod.ALL_SUN = SunlightMethod("all sun, however short", min_segment_min=0.0, mark="P")


@dataclass(frozen=True, repr=False)
class Sunlight:
    """Lit intervals of n receptors on one day, in true solar hours.

    Parameters
    ----------
    receptors
        Where.
    sun_day
        The sun.
    method
        What counts.
    offsets
        First interval of each receptor, shape (n + 1).
    starts, ends
        Lit intervals [h].
    hours
        What counts of them, shape (n) [h].
    """

    receptors: Receptors
    sun_day: SunDay
    method: SunlightMethod
    offsets: IntArray
    starts: FloatArray
    ends: FloatArray
    hours: FloatArray

    def __len__(self) -> int:
        return len(self.hours)

    def __repr__(self) -> str:
        kind = {"window": "windows", "facade": "facade points", "ground": "ground points"}.get(
            self.receptors.kind, "receptors"
        )
        if len(self) == 0:
            return f"<Sunlight of 0 {kind}>"
        short = int((self.hours < 2).sum())
        return (
            f"<Sunlight of {len(self):,} {kind} on {self.sun_day.name}: "
            f"{self.hours.min():.1f}–{self.hours.max():.1f} h, {short:,} below 2 h>"
        )

    def intervals(self, row: int) -> list[tuple[float, float]]:
        """Return the lit intervals of a receptor in true solar hours [h]."""
        own = slice(self.offsets[row], self.offsets[row + 1])
        return list(zip(self.starts[own].tolist(), self.ends[own].tolist(), strict=True))

    def to_frame(self) -> Any:
        """Return a DataFrame, one row a receptor, with the lit intervals as text."""
        frame = self.receptors.to_frame()
        frame["building_row"] = self.receptors.building
        frame["sunlight_h"] = self.hours.round(4)
        frame["segments"] = np.diff(self.offsets)
        frame["lit"] = [" ".join(f"{clock(a)}–{clock(b)}" for a, b in self.intervals(k)) for k in range(len(self))]
        return frame.drop(columns="building_row")


def clock(hours: float) -> str:
    """Return hours as ``h:mm:ss``.

    Examples
    --------
    >>> clock(8.505)
    '8:30:18'
    """
    seconds = round(hours * 3600)
    return f"{seconds // 3600}:{seconds // 60 % 60:02d}:{seconds % 60:02d}"


def sunlight(
    community: Community,
    receptors: Receptors,
    sun_day: SunDay,
    *,
    method: SunlightMethod = SunlightMethod.GBT50947_2014,
) -> Sunlight:
    """Compute the hours of direct sunlight at each receptor.

    A receptor is lit at a sun position when the sun stands above the horizon, in front of the
    receptor's surface, and nothing stands between. Of a window both ends of the sill's base
    line must be lit at once (满窗).

    Parameters
    ----------
    community
        What casts shadow.
    receptors
        Where sunlight is measured, n of them.
    sun_day
        The day's sun and the band that counts.
    method
        Which lit segments count.

    Returns
    -------
    Sunlight
        Lit intervals of each receptor (ragged, n) and the hours that count [h].

    References
    ----------
    .. [1] GB/T 50947-2014, Standard for assessment parameters of sunlight on building.
    .. [2] GB 50180-2018, table 4.0.9.
    """
    angles = sun_day.hour_angles(1.0)
    lit = _lit_samples(community, receptors.points, receptors.normals, sun_day, method)
    if receptors.other_ends is not None:
        lit &= _lit_samples(community, receptors.other_ends, receptors.normals, sun_day, method)
    offsets, starts, ends = _segments(lit, 12.0 + np.degrees(angles) / 15.0)
    hours = countable_hours(offsets, starts, ends, method)
    return Sunlight(receptors, sun_day, method, offsets, starts, ends, hours)


def _lit_samples(
    community: Community, points: FloatArray, normals: FloatArray, sun_day: SunDay, method: SunlightMethod
) -> BoolArray:
    """Return whether each receptor sees the sun at each minute, shape (n, t)."""
    suns = sun_day.directions(1.0)
    high = suns[:, 2] > max(1e-9, np.sin(np.radians(method.min_elevation)))
    lit = np.zeros((len(points), len(suns)), dtype=bool)
    upright = np.abs(normals[:, 2]) < 0.5
    least = np.where(upright, np.sin(np.radians(method.min_facade_angle)), 0.0)
    step = max(1, CHUNK_PAIRS // max(len(suns), 1))
    for first in range(0, len(points), step):
        part = slice(first, first + step)
        front = normals[part] @ suns.T > np.maximum(least[part, None], 1e-9)
        blocked = any_hits(community.scene.bvh, np.ascontiguousarray(points[part]), np.ascontiguousarray(suns))
        lit[part] = front & high & ~blocked
    return lit


def _segments(lit: BoolArray, hours: FloatArray) -> tuple[IntArray, FloatArray, FloatArray]:
    """Return runs of lit samples as intervals; a change lies half-way between two samples."""
    if lit.shape[1] == 0:
        return np.zeros(len(lit) + 1, np.int64), np.zeros(0), np.zeros(0)
    edges = np.concatenate([hours[:1], (hours[:-1] + hours[1:]) / 2, hours[-1:]])
    padded = np.zeros((lit.shape[0], lit.shape[1] + 2), dtype=np.int8)
    padded[:, 1:-1] = lit
    change = np.diff(padded, axis=1)
    row, start = np.nonzero(change == 1)
    _, end = np.nonzero(change == -1)
    return offsets_of(np.bincount(row, minlength=len(lit))), edges[start], edges[end]


def countable_hours(offsets: IntArray, starts: FloatArray, ends: FloatArray, method: SunlightMethod) -> FloatArray:
    """Return the hours that a method counts of lit intervals, shape (n) [h]."""
    length = ends - starts
    length = np.where(length * 60.0 >= method.min_segment_min - 1e-9, length, 0.0)
    row = np.repeat(np.arange(len(offsets) - 1), np.diff(offsets))
    keep = 1 if method.count == "longest" else method.max_segments
    if keep:
        order = np.lexsort((-length, row))
        rank = np.empty(len(row), dtype=np.int64)
        rank[order] = np.arange(len(row)) - offsets[row[order]]
        length = np.where(rank < keep, length, 0.0)
    return np.bincount(row, weights=length, minlength=len(offsets) - 1).astype(np.float64)
