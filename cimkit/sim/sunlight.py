"""Hours of direct sun: lit intervals of each receptor, and what a standard counts of them."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np

from cimkit.arrays import FloatArray, IntArray, one_of
from cimkit.errors import InputError
from cimkit.geometry.triangles import Scene, Triangles
from cimkit.kernels.column_groups import group_columns
from cimkit.kernels.column_lit import column_lit
from cimkit.kernels.column_prisms import Prisms
from cimkit.kernels.intervals import intersect_rows
from cimkit.kernels.sunfan import Fan, lit_intervals, make_fan
from cimkit.model.drawn import Drawn

if TYPE_CHECKING:
    from cimkit.model.community import Community
    from cimkit.sim.receptors import Receptors
    from cimkit.sim.sunpath import SunDay

BLOCK = 1 << 19  # receptors computed at once, which bounds the memory
WIDE = 1 << 14  # wide windows whose pieces are tried at once, the same
PIECE_STEP = 0.3  # [m] GB/T 50947-2014: points on windows 0.30 to 0.60 m apart (mark M)
Lists = tuple[IntArray, FloatArray, FloatArray]  # ragged: offsets (n + 1), starts, ends


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
            raise InputError(
                f"SunlightMethod: min_segment_min and max_segments must be >= 0; "
                f"got {self.min_segment_min} and {self.max_segments}."
            )


SunlightMethod.GBT50947_2014 = SunlightMethod("GB/T 50947-2014", mark="M")
SunlightMethod.HANGZHOU_NOTE = SunlightMethod("Hangzhou practice note, 2 longest", max_segments=2, mark="S")
SunlightMethod.PUTIAN_2022 = SunlightMethod("Putian 2022", mark="P")
SunlightMethod.BEIJING_GREAT_COLD = SunlightMethod("Beijing draft, Great Cold", min_facade_angle=12.0, mark="S")
SunlightMethod.BEIJING_SOLSTICE = SunlightMethod(
    "Beijing draft, winter solstice", min_segment_min=30.0, min_facade_angle=12.0, mark="S"
)
SunlightMethod.EN17037 = SunlightMethod("EN 17037", min_segment_min=0.0, mark="M")
SunlightMethod.ALL_SUN = SunlightMethod("all sun, however short", min_segment_min=0.0, mark="P")


@dataclass(frozen=True, repr=False)
class Sunlight(Drawn):
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
        """Return the lit intervals of a receptor [h]."""
        own = slice(self.offsets[row], self.offsets[row + 1])
        return list(zip(self.starts[own].tolist(), self.ends[own].tolist(), strict=True))

    def to_frame(self) -> Any:
        """Return a DataFrame, one row a receptor, with the lit intervals as text."""
        frame = self.receptors.to_frame()
        frame["sunlight_h"] = self.hours.round(4)
        frame["segments"] = np.diff(self.offsets)
        frame["lit"] = [" ".join(f"{clock(a)}–{clock(b)}" for a, b in self.intervals(k)) for k in range(len(self))]
        return frame


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
    fan = _fan(sun_day, method, community.frame.convergence)
    receptors = favourable_pieces(community.shading, receptors, sun_day, method=method, fan=fan)
    lit = _lit(community.shading, receptors, fan)
    offsets, starts, ends = lit[0], sun_day.hour(lit[1]), sun_day.hour(lit[2])
    hours = countable_hours(offsets, starts, ends, method)
    if crown_light is not None and len(community.trees):
        hours = crown_light * hours
        crowns = Scene(Triangles.empty(), prisms=_crowns(community))
        both = _meet(lit, _lit(crowns, receptors, fan))
        offsets, starts, ends = both[0], sun_day.hour(both[1]), sun_day.hour(both[2])
        hours = hours + (1.0 - crown_light) * countable_hours(offsets, starts, ends, method)
    return Sunlight(receptors, sun_day, method, offsets, starts, ends, hours)


def favourable_pieces(
    scene: Scene, receptors: Receptors, sun_day: SunDay, *, method: SunlightMethod, fan: Fan
) -> Receptors:
    """Return receptors with the measured piece of each wide window where it gets most hours.

    Pieces at most 0.3 m apart are tried, then twice the neighbourhood of the best at an eighth of the step, so the
    piece is placed to 5 mm; of equal ones the middle one is taken.
    """
    if receptors.spare is None or receptors.other_ends is None:
        return receptors
    ends = receptors.points.copy(), receptors.other_ends.copy()
    wide = np.flatnonzero(receptors.spare > 1e-6)
    for first in range(0, len(wide), WIDE):
        rows = wide[first : first + WIDE]
        part, spare = receptors.take(rows), receptors.spare[rows, None]
        along = ends[1][rows] - ends[0][rows]
        along /= np.linalg.norm(along, axis=1)[:, None]
        place, reach, steps = np.zeros((len(rows), 1)), spare, math.ceil(float(spare.max()) / PIECE_STEP)
        for _ in range(3):
            tried = np.clip(place + reach * np.linspace(-1.0, 1.0, 2 * steps + 1), -spare, spare)
            many = part.take(np.repeat(np.arange(len(rows)), tried.shape[1]))
            move = (tried[:, :, None] * along[:, None]).reshape(-1, 3)
            one, two = (np.repeat(e[rows], tried.shape[1], axis=0) + move for e in ends)
            many = replace(many, points=one, other_ends=two)
            offsets, starts, stops = _lit(scene, many, fan)
            hours = countable_hours(offsets, sun_day.hour(starts), sun_day.hour(stops), method).reshape(tried.shape)
            best = np.argmax(hours - 1e-7 * np.abs(tried), axis=1)
            place, reach, steps = np.take_along_axis(tried, best[:, None], axis=1), reach / steps, 8
        for end in ends:
            end[rows] += place * along
    return replace(receptors, points=ends[0], other_ends=ends[1], spare=None)


def _crowns(community: Community) -> Prisms:
    """Return tree crowns as upright octagons."""
    t = community.trees
    angle = np.radians(22.5 + 45.0 * np.arange(8))
    xy = np.dstack([t.x[:, None] + t.crown_radius[:, None] * np.cos(angle),
                    t.y[:, None] + t.crown_radius[:, None] * np.sin(angle)])  # fmt: skip
    rows = np.arange(len(t) + 1)
    return Prisms(xy.reshape(-1, 2), 8 * rows, rows, t.z + t.crown_base, t.z + t.height)


def _fan(sun_day: SunDay, method: SunlightMethod, convergence: float = 0.0) -> Fan:
    """Return the day's sun for the kernel in axes turned from true north [°], with what the method leaves out."""
    fan = make_fan(math.radians(sun_day.latitude), sun_day.declinations(), *sun_day.band_radians())
    c, s = math.cos(math.radians(convergence)), math.sin(math.radians(convergence))
    return fan._replace(
        axes=fan.axes @ np.array([[c, s, 0.0], [-s, c, 0.0], [0.0, 0.0, 1.0]]),
        least_height=math.sin(math.radians(method.min_elevation)),
        least_turn=math.radians(method.min_facade_angle),
    )


def _lit(scene: Scene, receptors: Receptors, fan: Fan) -> Lists:
    """Return the lit hour angles of each receptor; of a window when both ends of its sill are lit."""
    count = len(receptors)
    points, normals = receptors.points, receptors.normals
    if receptors.other_ends is not None:
        points, normals = np.concatenate([points, receptors.other_ends]), np.concatenate([normals, normals])
    parts = [
        _lit_points(scene, points[k : k + BLOCK], normals[k : k + BLOCK], fan) for k in range(0, len(points), BLOCK)
    ]
    lit = parts[0] if len(parts) == 1 else _joined(parts)
    if receptors.other_ends is not None:
        rows = np.arange(count)
        lit = intersect_rows(*lit, rows, rows + count)
    return lit


def _lit_points(scene: Scene, points: FloatArray, normals: FloatArray, fan: Fan) -> Lists:
    """Return the lit hour angles of points: outlines by columns, triangles by the sun fan."""
    prisms, lit = scene.prisms, None
    if prisms is not None:
        lit = column_lit(group_columns(points, normals), points, normals, prisms, fan)
    if lit is None or len(scene.triangles):
        fanned = lit_intervals(scene.bvh, points, normals, fan, scene.closed)
        lit = fanned if lit is None else _meet(lit, fanned)
    return lit


def _joined(parts: list[Lists]) -> Lists:
    """Return ragged lists one after another."""
    counts = [np.zeros(1, np.int64), *(np.diff(p[0]) for p in parts)]
    a, b = (np.concatenate([np.zeros(0), *(p[k] for p in parts)]) for k in (1, 2))
    return np.cumsum(np.concatenate(counts)), a, b


def _meet(one: Lists, two: Lists) -> Lists:
    """Return what two ragged lists share, row by row."""
    rows = np.arange(len(one[0]) - 1)
    lists: Lists = intersect_rows(*_joined([one, two]), rows, rows + len(rows))
    return lists


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
