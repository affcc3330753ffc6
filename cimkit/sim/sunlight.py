"""Hours of direct sun: lit intervals of each receptor, and what a standard counts of them."""

from __future__ import annotations

import math
import tomllib
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar, NamedTuple

import numpy as np

from cimkit.arrays import FloatArray, IntArray, one_of
from cimkit.errors import InputError
from cimkit.geometry.polygons import offsets_of, owners, positions, ragged_rows, totals
from cimkit.geometry.triangles import Scene, Triangles
from cimkit.kernels import column_groups, column_lit, column_prisms, intervals, sunfan
from cimkit.sim.receptors import AtReceptors, Receptors

if TYPE_CHECKING:
    from cimkit.model.community import Community
    from cimkit.sim.sunpath import SunDay

BLOCK = 1 << 19  # receptors computed at once, which bounds the memory
WIDE = 1 << 14  # wide windows whose pieces are tried at once, the same
PIECE_STEP = 0.3  # [m] GB/T 50947-2014: points on windows 0.30 to 0.60 m apart (mark M)


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
    BEIJING_GREAT_COLD: ClassVar[SunlightMethod]
    BEIJING_SOLSTICE: ClassVar[SunlightMethod]
    EN17037: ClassVar[SunlightMethod]
    ALL_SUN: ClassVar[SunlightMethod]

    def __post_init__(self) -> None:
        one_of(self.count, ("sum", "longest"), name="SunlightMethod.count")
        if self.min_segment_min < 0 or self.max_segments < 0:
            got = f"{self.min_segment_min} and {self.max_segments}"
            raise InputError(f"SunlightMethod: min_segment_min and max_segments must be >= 0; got {got}.")


for _standard, _given in tomllib.loads(Path(__file__).with_suffix(".toml").read_text(encoding="utf-8")).items():
    setattr(SunlightMethod, _standard, SunlightMethod(**_given))
USUAL = SunlightMethod.GBT50947_2014


class Spells(NamedTuple):
    """Sorted spells of n rows, ragged: first spell of each row (n + 1), starts, ends [rad or h]."""

    offsets: IntArray
    starts: FloatArray
    ends: FloatArray

    @classmethod
    def joined(cls, parts: Sequence[Spells]) -> Spells:
        """Return the rows of the parts, one after another."""
        offsets, starts, ends = zip(cls(np.zeros(1, np.int64), np.zeros(0), np.zeros(0)), *parts, strict=True)
        return cls(offsets_of(np.concatenate([np.diff(o) for o in offsets])), *map(np.concatenate, (starts, ends)))

    @classmethod
    def of(cls, rows: IntArray, starts: FloatArray, ends: FloatArray, count: int) -> Spells:
        """Return spells of rising rows."""
        return cls(offsets_of(np.bincount(rows, minlength=count)), starts, ends)

    def listed(self) -> tuple[IntArray, FloatArray, FloatArray]:
        """Return row, start and end of each spell."""
        return owners(self.offsets), self.starts, self.ends

    def lengths(self) -> FloatArray:
        """Return how long the spells of each row are together."""
        return totals(owners(self.offsets), self.ends - self.starts, len(self.offsets) - 1)

    def take(self, rows: IntArray) -> Spells:
        """Return the given rows."""
        place, offsets = ragged_rows(self.offsets, rows)
        return Spells(offsets, self.starts[place], self.ends[place])

    def by(self, sun_day: SunDay) -> Spells:
        """Return spells of hour angles as hours of the day."""
        return Spells(self.offsets, sun_day.hour(self.starts), sun_day.hour(self.ends))

    def halves_met(self) -> Spells:
        """Return what each row of the first half shares with its like of the second."""
        rows = np.arange((len(self.offsets) - 1) // 2)
        return Spells(*intervals.intersect_rows(*self, rows, rows + len(rows)))


@dataclass(frozen=True, repr=False)
class HasSpells:
    """A result with spells of each row."""

    offsets: IntArray
    starts: FloatArray
    ends: FloatArray

    @property
    def spells(self) -> Spells:
        """The spells of all rows."""
        return Spells(self.offsets, self.starts, self.ends)

    def intervals(self, row: int) -> list[tuple[float, float]]:
        """Return the spells of a row in true solar hours [h]."""
        own = slice(self.offsets[row], self.offsets[row + 1])
        return list(zip(self.starts[own].tolist(), self.ends[own].tolist(), strict=True))

    def clocked(self) -> list[str]:
        """Return the spells of each row as text."""
        rows = range(len(self.offsets) - 1)
        return [" ".join(f"{clock(a)}–{clock(b)}" for a, b in self.intervals(row)) for row in rows]


@dataclass(frozen=True, repr=False)
class Sunlight(HasSpells, AtReceptors):
    """Lit intervals of n receptors on one day, in the hours of its day.

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

    sun_day: SunDay
    method: SunlightMethod
    hours: FloatArray

    def _said(self) -> str:
        short = int((self.hours < 2).sum())
        return f" on {self.sun_day.name}: {self.hours.min():.1f}–{self.hours.max():.1f} h, {short:,} below 2 h"

    def columns(self) -> dict[str, Any]:
        """Return hours and the lit intervals as text, one row a receptor."""
        found = {"sunlight_h": self.hours.round(4), "segments": np.diff(self.offsets), "lit": self.clocked()}
        return super().columns() | found


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
    method: SunlightMethod = USUAL,
    crown_light: float | None = None,
) -> Sunlight:
    """Compute the hours of direct sunlight at each receptor.

    A receptor is lit at a sun position when the sun stands above the horizon, in front of the
    receptor's surface, and nothing stands between. Of a window both ends of the sill's base
    line must be lit at once (满窗); of one wider than 1.80 m those of the piece that gets most sun.

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
    crown_light
        Share of the sun that tree crowns let through, 0..1; None leaves trees out, as the standards do.

    Returns
    -------
    Sunlight
        Lit intervals of each receptor (ragged, n) and the hours that count [h].

    References
    ----------
    .. [1] GB/T 50947-2014, Standard for assessment parameters of sunlight on building.
    .. [2] GB 50180-2018, table 4.0.9.
    """
    receptors, fan = placed(community, receptors, sun_day, method)
    lit = _lit(community.shading, receptors, fan)
    hours = countable_hours(*lit.by(sun_day), method)
    if crown_light is not None and len(community.trees):
        crowns = Scene(Triangles.empty(), prisms=_crowns(community))
        lit = Spells.joined([lit, _lit(crowns, receptors, fan)]).halves_met()
        hours = crown_light * hours + (1.0 - crown_light) * countable_hours(*lit.by(sun_day), method)
    return Sunlight(receptors, *lit.by(sun_day), sun_day, method, hours)


def placed(
    community: Community, receptors: Receptors, sun_day: SunDay, method: SunlightMethod
) -> tuple[Receptors, sunfan.Fan]:
    """Return receptors with the measured piece of each wide window where it gets most hours, and the day's fan of suns.

    Pieces at most 0.3 m apart are tried, then twice the neighbourhood of the best at an eighth of the step, so the
    piece is placed to 5 mm; of equal ones the middle one is taken.
    """
    fan = _fan(sun_day, method, community.frame.convergence)
    if receptors.spare is None or receptors.other_ends is None:
        return receptors, fan
    ends = np.stack([receptors.points, receptors.other_ends])
    wide = np.flatnonzero(receptors.spare > 1e-6)
    for first in range(0, len(wide), WIDE):
        rows = wide[first : first + WIDE]
        spare, along = receptors.spare[rows, None], ends[1, rows] - ends[0, rows]
        along /= np.linalg.norm(along, axis=1)[:, None]
        place, reach, steps = np.zeros((len(rows), 1)), spare, math.ceil(float(spare.max()) / PIECE_STEP)
        for _ in range(3):
            tried = np.clip(place + reach * np.linspace(-1.0, 1.0, 2 * steps + 1), -spare, spare)
            own = np.repeat(np.arange(len(rows)), tried.shape[1])
            one, two = ends[:, rows[own]] + tried.reshape(-1, 1) * along[own]
            lit = _lit(community.shading, replace(receptors.take(rows[own]), points=one, other_ends=two), fan)
            hours = countable_hours(*lit.by(sun_day), method).reshape(tried.shape)
            best = np.argmax(hours - 1e-7 * np.abs(tried), axis=1)
            place, reach, steps = np.take_along_axis(tried, best[:, None], axis=1), reach / steps, 8
        ends[:, rows] += place * along
    return replace(receptors, points=ends[0], other_ends=ends[1], spare=None), fan


def _crowns(community: Community) -> column_prisms.Prisms:
    """Return tree crowns as upright octagons."""
    t, angle = community.trees, np.radians(22.5 + 45.0 * np.arange(8))
    radius, rows = t.crown_radius[:, None], np.arange(len(t) + 1)
    xy = np.dstack([t.x[:, None] + radius * np.cos(angle), t.y[:, None] + radius * np.sin(angle)])
    return column_prisms.Prisms(xy.reshape(-1, 2), 8 * rows, rows, t.z + t.crown_base, t.z + t.height)


def _fan(sun_day: SunDay, method: SunlightMethod, convergence: float = 0.0) -> sunfan.Fan:
    """Return the day's sun for the kernel in axes turned from true north [°], with what the method leaves out."""
    fan = sunfan.make_fan(math.radians(sun_day.latitude), sun_day.declinations(), *sun_day.band_radians())
    c, s = math.cos(math.radians(convergence)), math.sin(math.radians(convergence))
    axes = fan.axes @ np.array([[c, s, 0.0], [-s, c, 0.0], [0.0, 0.0, 1.0]])
    low, flat = math.radians(method.min_elevation), math.radians(method.min_facade_angle)
    return fan._replace(axes=axes, least_height=math.sin(low), least_turn=flat)


def _lit(scene: Scene, receptors: Receptors, fan: sunfan.Fan) -> Spells:
    """Return the lit hour angles of each receptor; of a window when both ends of its sill are lit."""
    points, normals, others = receptors.points, receptors.normals, receptors.other_ends
    if others is not None:
        points, normals = np.concatenate([points, others]), np.concatenate([normals, normals])
    blocks = [slice(k, k + BLOCK) for k in range(0, len(points), BLOCK)]
    parts = [_lit_points(scene, points[block], normals[block], fan) for block in blocks]
    lit = parts[0] if len(parts) == 1 else Spells.joined(parts)
    return lit if others is None else lit.halves_met()


def _lit_points(scene: Scene, points: FloatArray, normals: FloatArray, fan: sunfan.Fan) -> Spells:
    """Return the lit hour angles of points: outlines by columns, triangles by the sun fan."""
    found = []
    if scene.prisms is not None:
        groups = column_groups.group_columns(points, normals)
        found.append(Spells(*column_lit.column_lit(groups, points, normals, scene.prisms, fan)))
    if not found or len(scene.triangles):
        found.append(Spells(*sunfan.lit_intervals(scene.bvh, points, normals, fan, scene.closed)))
    return found[0] if len(found) == 1 else Spells.joined(found).halves_met()


def countable_hours(offsets: IntArray, starts: FloatArray, ends: FloatArray, method: SunlightMethod) -> FloatArray:
    """Return the hours that a method counts of lit intervals, shape (n) [h]."""
    length, row = ends - starts, owners(offsets)
    length = np.where(length * 60.0 >= method.min_segment_min - 1e-9, length, 0.0)
    keep = 1 if method.count == "longest" else method.max_segments
    if keep:
        order = np.lexsort((-length, row))  # by row, the longest first
        length = np.where(positions(np.diff(offsets)) < keep, length[order], 0.0)
    return totals(row, length, len(offsets) - 1)
