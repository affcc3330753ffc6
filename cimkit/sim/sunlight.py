"""Hours of direct sun: lit intervals of each receptor, what a standard counts of them, and who takes them (遮挡)."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any, ClassVar, NamedTuple

import numpy as np

from cimkit.arrays import FloatArray, IntArray, TextArray, one_of
from cimkit.errors import InputError
from cimkit.geometry.ragged import offsets_of, owners, positions, ragged_rows, totals
from cimkit.geometry.triangles import Scene, Triangles
from cimkit.kernels import column_groups, column_lit, column_prisms, intervals, sunfan
from cimkit.lists import load_lists
from cimkit.model.community import Community
from cimkit.model.drawn import Drawn, data_frame
from cimkit.sim.receptors import AtReceptors, Receptors
from cimkit.sim.sunpath import SunDay, to_map

BLOCK = 1 << 19  # receptors computed at once, which bounds the memory
WIDE = 1 << 14  # wide windows whose pieces are tried at once, the same
PIECE_STEP = 0.3  # [m] GB/T 50947-2014: points on windows 0.30 to 0.60 m apart (mark M)
TOUCH = 1e-7  # [h] spells closer than this are one; rounding of their ends
SHORTEST = 1e-5  # [h] what takes less than 0.04 s takes nothing


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
            raise InputError(f"SunlightMethod: min_segment_min and max_segments must be >= 0; got {self}.")


for _standard, _given in load_lists(__file__).items():
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
        sizes = np.concatenate([np.diff(o) for o in offsets])
        return cls(offsets_of(sizes), np.concatenate(starts), np.concatenate(ends))

    @classmethod
    def of(cls, rows: IntArray, starts: FloatArray, ends: FloatArray, count: int) -> Spells:
        """Return spells of rising rows; those of a row that touch are one."""
        new = np.append(True, (rows[1:] != rows[:-1]) | (starts[1:] > ends[:-1]))[: len(rows)]
        return cls(offsets_of(np.bincount(rows[new], minlength=count)), starts[new], ends[np.roll(new, -1)])

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
class HasSpells(Drawn):
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
    low, flat = math.radians(method.min_elevation), math.radians(method.min_facade_angle)
    return fan._replace(axes=fan.axes @ to_map(convergence), least_height=math.sin(low), least_turn=flat)


def _lit(scene: Scene, receptors: Receptors, fan: sunfan.Fan) -> Spells:
    """Return the lit hour angles of each receptor; of a window when both ends of its sill are lit."""
    points, normals, others = receptors.points, receptors.normals, receptors.other_ends
    if others is not None:
        points, normals = np.concatenate([points, others]), np.concatenate([normals, normals])
    blocks = [slice(k, k + BLOCK) for k in range(0, len(points), BLOCK)]
    lit = Spells.joined([_lit_points(scene, points[block], normals[block], fan) for block in blocks])
    return lit if others is None else lit.halves_met()


def _lit_points(scene: Scene, points: FloatArray, normals: FloatArray, fan: sunfan.Fan) -> Spells:
    """Return the lit hour angles of points: outlines by columns, triangles by the sun fan."""
    found = []
    if scene.prisms is not None:
        groups = column_groups.group_columns(points, normals)
        found.append(Spells(*column_lit.column_lit(groups, points, normals, scene.prisms, fan)))
    if not found or len(scene.triangles):
        found.append(Spells(*sunfan.lit_intervals(scene.bvh, points, normals, fan)))
    return found[0] if len(found) == 1 else Spells.joined(found).halves_met()


def countable_hours(offsets: IntArray, starts: FloatArray, ends: FloatArray, method: SunlightMethod) -> FloatArray:
    """Return the hours that a method counts of lit intervals, shape (n) [h]."""
    length, row = ends - starts, owners(offsets)
    length = np.where(length * 60.0 >= method.min_segment_min - 1e-9, length, 0.0)
    keep = 1 if method.count == "longest" else method.max_segments
    if keep:
        # by row, the longest first
        length = np.where(positions(np.diff(offsets)) < keep, length[np.lexsort((-length, row))], 0.0)
    return totals(row, length, len(offsets) - 1)


@dataclass(frozen=True, repr=False)
class Blockers(HasSpells):
    """What each building takes from each of n receptors on one day, p pairs.

    Parameters
    ----------
    receptors
        Who loses sun.
    sun_day
        The sun.
    method
        What counts as sun.
    free, lit
        Time lit with nothing in the way and with everything, however short the spells, shape (n) [h].
    receptor, building
        Row of the receptor and of the building of each pair, -1 for terrain and parts of no building, shape (p).
    blocker_ids
        Building id of each pair, shape (p).
    blocked, sole
        Time the building stands in the sun's way, alone or not, and alone, shape (p) [h].
    gain
        Hours by the method that would be won were this building alone gone, shape (p) [h].
    offsets, starts, ends
        When it stands in the way, ragged over the pairs [h].
    """

    receptors: Receptors
    sun_day: SunDay
    method: SunlightMethod
    free: FloatArray
    lit: FloatArray
    receptor: IntArray
    building: IntArray
    blocker_ids: TextArray
    blocked: FloatArray
    sole: FloatArray
    gain: FloatArray

    def __len__(self) -> int:
        return len(self.receptor)

    def __repr__(self) -> str:
        text = f"<Blockers of {len(self.receptors):,} receptors on {self.sun_day.name}"
        if len(self) == 0:
            return f"{text}: none>"
        table = self.by_building()
        first = table.iloc[0]
        most = f"{first['blocked_min']:,.0f} min of {first['receptors']:,} receptors"
        return f"{text}: {len(table):,} take sun; {first['blocker'] or 'terrain'!r} most, {most}>"

    def columns(self) -> dict[str, Any]:
        """Return minutes in the way, alone, jointly with others, and when, one row a pair."""
        at = self.receptors.take(self.receptor)
        columns = {"id": at.ids, "building": at.building_ids, "kind": at.kind, "blocker": self.blocker_ids}
        hours = {"blocked": self.blocked, "sole": self.sole, "joint": self.blocked - self.sole, "gain": self.gain}
        return columns | {f"{name}_min": v * 60.0 for name, v in hours.items()} | {"when": self.clocked()}

    def by_building(self) -> Any:
        """Return a DataFrame, one row a blocker, the one that takes most first."""
        data = {"blocker": self.blocker_ids, "receptors": 1, "blocked_min": self.blocked * 60.0}
        data |= {"sole_min": self.sole * 60.0, "gain_min": self.gain * 60.0}
        table = data_frame(data).groupby("blocker", as_index=False).sum()
        return table.sort_values(["blocked_min", "blocker"], ascending=[False, True], ignore_index=True)


def blockers(
    community: Community, receptors: Receptors, sun_day: SunDay, *, method: SunlightMethod = USUAL
) -> Blockers:
    """Find which building takes how much sun from each receptor, and when.

    For each building the lit intervals are computed as if it stood alone; what it takes from the
    unobstructed sun is exact to the rounding of the ends. Counting how many stand in the way
    at each moment separates what it takes alone from what it shares. A window loses a moment
    when either end of its sill does.

    Parameters
    ----------
    community
        What casts shadow.
    receptors
        Who loses sun, n of them; take a few rows with ``receptors.take``.
    sun_day
        The sun.
    method
        What counts as sun, for ``gain``.

    Returns
    -------
    Blockers
        One row a receptor and building that stands in its sun.

    Examples
    --------
    >>> import cimkit as ck
    >>> block = ck.samples.slab_rows(rows=2, gap=30)
    >>> day = ck.SunDay.great_cold(block.require_location())
    >>> who = ck.blockers(block, ck.window_receptors(block), day)
    >>> bool((who.sole <= who.blocked).all())
    True
    """
    receptors, fan = placed(community, receptors, sun_day, method)
    free = _lit(Scene(Triangles.empty()), receptors, fan).by(sun_day)
    bright = _lit(community.shading, receptors, fan).by(sun_day)
    parts = list(_alone(community.scene, receptors, sun_day, fan))
    rows = np.concatenate([np.zeros(0, np.int64), *[near for _, near, _ in parts]])
    owners = np.repeat(np.array([owner for owner, _, _ in parts], dtype=np.int64), [len(near) for _, near, _ in parts])
    unshaded, alone = free.take(rows), Spells.joined([lit for _, _, lit in parts]).by(sun_day)
    signs = np.repeat([1, -1], [len(unshaded.starts), len(alone.starts)])
    pair, start, end, open_to = _pieces([unshaded.listed(), alone.listed()], signs[:, None])
    dark = (open_to[:, 0] == 1) & (end - start > TOUCH)
    blocked = totals(pair[dark], (end - start)[dark], len(rows))
    few = np.flatnonzero(blocked > SHORTEST)
    dark &= np.isin(pair, few)
    pair, start, end = np.searchsorted(few, pair[dark]), start[dark], end[dark]
    rows, owners = rows[few], owners[few]
    *piece, sums = _pieces([(rows[pair], start, end)], np.column_stack([np.ones_like(pair), pair]))
    single = sums[:, 0] == 1
    own, first, last = sums[single, 1], piece[1][single], piece[2][single]
    gain = countable_hours(*_won(bright.take(rows), own, first, last), method)
    ids = np.array([*community.buildings.id, ""], dtype=object)
    return Blockers(
        *Spells.of(pair, start, end, len(few)), receptors, sun_day, method, free.lengths(), bright.lengths(), rows,
        owners, ids[owners], blocked[few], totals(own, last - first, len(few)),
        gain - countable_hours(*bright, method)[rows],
    )  # fmt: skip


def _alone(scene: Scene, receptors: Receptors, sun_day: SunDay, fan: Any) -> Iterator[tuple[int, IntArray, Spells]]:
    """Yield each owner, the receptors its shadow may reach on the day, and when they are lit with it alone."""
    low = math.radians(max(0.0, float(np.min(sun_day.position(np.array(sun_day.band))[0]))))  # highest in between
    order = np.argsort(scene.triangles.owner, kind="stable")
    names, first = np.unique(scene.triangles.owner[order], return_index=True)
    xy, z = receptors.points[:, :2], receptors.points[:, 2]
    for owner, chosen in zip(names.tolist(), np.split(order, first)[1:], strict=True):
        part = scene.triangles.take(chosen)
        least, most = part.corners.min(axis=(0, 1)), part.corners.max(axis=(0, 1))
        away = np.hypot(*np.maximum(0, np.maximum(least[:2] - xy, xy - most[:2])).T)
        near = np.flatnonzero((z <= most[2]) & ((away - 4.0) * math.tan(low) <= most[2] - z))
        if len(near):
            yield owner, near, _lit(Scene(part), receptors.take(near), fan)


def _pieces(parts: list[Any], weights: IntArray) -> tuple[IntArray, FloatArray, FloatArray, IntArray]:
    """Cut spells (key, start, end) where any of its key starts or ends; sum the weights (c) over each piece."""
    key, start, end = (np.concatenate(column) for column in zip(*parts, strict=True))
    key, time = np.tile(key, 2), np.concatenate([start, end])
    order = np.lexsort((time, key))
    key, time = key[order], time[order]
    real = np.flatnonzero((key[1:] == key[:-1]) & (time[1:] > time[:-1]))
    return key[real], time[real], time[real + 1], np.cumsum(np.concatenate([weights, -weights])[order], axis=0)[real]


def _won(bright: Spells, own: IntArray, start: FloatArray, end: FloatArray) -> Spells:
    """Return the lit spells of each pair's receptor together with those (own, start, end) that the pair alone takes."""
    every = [bright.listed(), (own, start - TOUCH, end + TOUCH)]
    key, start, end, over = _pieces(every, np.ones((len(bright.starts) + len(own), 1), np.int64))
    lit = over[:, 0] > 0
    return Spells.of(key[lit], start[lit], end[lit], len(bright.offsets) - 1)
