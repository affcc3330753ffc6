"""Who takes the sun from whom, and when (遮挡关系)."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from cimkit.arrays import FloatArray, IntArray, TextArray
from cimkit.geometry import ragged
from cimkit.geometry.triangles import Scene, Triangles
from cimkit.model.drawn import Drawn
from cimkit.sim.sunlight import SunlightMethod, _fan, _lit, clock, countable_hours, favourable_pieces

if TYPE_CHECKING:
    from collections.abc import Iterator

    from cimkit.model.community import Community
    from cimkit.sim.receptors import Receptors
    from cimkit.sim.sunpath import SunDay

TOUCH = 1e-7  # [h] spells closer than this are one; rounding of their ends
SHORTEST = 1e-5  # [h] what takes less than 0.04 s takes nothing

Ragged = tuple[IntArray, FloatArray, FloatArray]


@dataclass(frozen=True, repr=False)
class Blockers(Drawn):
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
    offsets: IntArray
    starts: FloatArray
    ends: FloatArray

    def __len__(self) -> int:
        return len(self.receptor)

    def __repr__(self) -> str:
        text = f"<Blockers of {len(self.receptors):,} receptors on {self.sun_day.name}"
        if len(self) == 0:
            return f"{text}: none>"
        totals = self.by_building()
        first = totals.iloc[0]
        return (
            f"{text}: {len(totals):,} take sun; {first['blocker'] or 'terrain'!r} most, "
            f"{first['blocked_min']:,.0f} min of {first['receptors']:,} receptors>"
        )

    def intervals(self, pair: int) -> list[tuple[float, float]]:
        """Return when the building of a pair stands in the sun's way, true solar hours [h]."""
        own = slice(self.offsets[pair], self.offsets[pair + 1])
        return list(zip(self.starts[own].tolist(), self.ends[own].tolist(), strict=True))

    def to_frame(self) -> Any:
        """Return a DataFrame, one row a pair: minutes in the way, alone, jointly with others, and when."""
        frame = self.receptors.take(self.receptor).to_frame()[["id", "building", "kind"]]
        frame["blocker"] = self.blocker_ids
        frame["blocked_min"] = self.blocked * 60.0
        frame["sole_min"] = self.sole * 60.0
        frame["joint_min"] = (self.blocked - self.sole) * 60.0
        frame["gain_min"] = self.gain * 60.0
        frame["when"] = [" ".join(f"{clock(a)}–{clock(b)}" for a, b in self.intervals(k)) for k in range(len(self))]
        return frame

    def by_building(self) -> Any:
        """Return a DataFrame, one row a blocker, the one that takes most first."""
        import pandas as pd

        data = {"blocker": self.blocker_ids, "receptors": 1, "blocked_min": self.blocked * 60.0}
        data |= {"sole_min": self.sole * 60.0, "gain_min": self.gain * 60.0}
        table = pd.DataFrame(data).groupby("blocker", as_index=False).sum()
        return table.sort_values(["blocked_min", "blocker"], ascending=[False, True], ignore_index=True)


def blockers(
    community: Community,
    receptors: Receptors,
    sun_day: SunDay,
    *,
    method: SunlightMethod = SunlightMethod.GBT50947_2014,
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
    n, fan = len(receptors), _fan(sun_day, method, community.frame.convergence)
    receptors = favourable_pieces(community.shading, receptors, sun_day, method=method, fan=fan)
    free = _hours(_lit(Scene(Triangles.empty()), receptors, fan), sun_day)
    bright = _hours(_lit(community.shading, receptors, fan), sun_day)
    rows, owners, alone = _alone(community.scene, receptors, sun_day, fan)
    way = _cut(free, alone, rows)
    few = np.flatnonzero(_sum(way[0], way[2] - way[1], len(rows)) > SHORTEST)
    kept = np.isin(way[0], few)
    pair, start, end = np.searchsorted(few, way[0][kept]), way[1][kept], way[2][kept]
    rows, owners = rows[few], owners[few]
    segment, total = _levels(rows[pair], start, end, pair)
    single = segment[3] == 1
    own = total[single]
    sole = _sum(own, (segment[2] - segment[1])[single], len(few))
    won = _won(bright, rows, own, segment[1][single], segment[2][single])
    ids = np.array([*community.buildings.id, ""], dtype=object)
    gain = countable_hours(*won, method) - countable_hours(*bright, method)[rows]
    offsets = np.concatenate([[0], np.cumsum(np.bincount(pair, minlength=len(few)))]).astype(np.int64)
    sums = [_sum(ragged.owners(r[0]), r[2] - r[1], n) for r in (free, bright)]
    return Blockers(
        receptors, sun_day, method, sums[0], sums[1], rows, owners, ids[owners],
        _sum(pair, end - start, len(few)), sole, gain, offsets, start, end,
    )  # fmt: skip


def _hours(lit: Ragged, sun_day: SunDay) -> Ragged:
    """Return intervals of hour angles [rad] as hours of the day."""
    return lit[0], sun_day.hour(lit[1]), sun_day.hour(lit[2])


def _sum(rows: IntArray, values: FloatArray, n: int) -> FloatArray:
    """Return the sum of the values of each of n rows."""
    return np.bincount(rows, values, n).astype(np.float64)


def _alone(scene: Scene, receptors: Receptors, sun_day: SunDay, fan: Any) -> tuple[IntArray, IntArray, Ragged]:
    """Return receptor row and owner of each pair that may matter, and what is lit with that owner alone."""
    rows, owners, lists = [np.zeros(0, np.int64)], [np.zeros(0, np.int64)], []
    for owner, near, part in _candidates(scene, receptors, sun_day):
        lists.append(_lit(part, receptors.take(near), fan))
        rows.append(near)
        owners.append(np.full(len(near), owner))
    counts = np.concatenate([np.zeros(1, np.int64), *[np.diff(r[0]) for r in lists]])
    empty = [np.zeros(0)]
    joined = (np.cumsum(counts), np.concatenate(empty + [r[1] for r in lists]))
    ends = np.concatenate(empty + [r[2] for r in lists])
    return np.concatenate(rows), np.concatenate(owners), _hours((*joined, ends), sun_day)


def _candidates(scene: Scene, receptors: Receptors, sun_day: SunDay) -> Iterator[tuple[int, IntArray, Scene]]:
    """Yield each owner, the receptors its shadow may reach on the day, and its triangles."""
    low = math.radians(max(0.0, float(np.min(sun_day.position(np.array(sun_day.band))[0]))))  # highest in between
    order = np.argsort(scene.triangles.owner, kind="stable")
    names, first = np.unique(scene.triangles.owner[order], return_index=True)
    x, y, z = receptors.points.T
    for owner, chosen in zip(names.tolist(), np.split(order, first)[1:], strict=True):
        corners = scene.triangles.corners[chosen]
        box = corners.reshape(-1, 3)
        least, most = box.min(axis=0), box.max(axis=0)
        away = np.hypot(np.maximum(0, np.maximum(least[0] - x, x - most[0])),
                        np.maximum(0, np.maximum(least[1] - y, y - most[1])))  # fmt: skip
        near = np.flatnonzero((z <= most[2]) & ((away - 4.0) * math.tan(low) <= most[2] - z))
        if len(near):
            yield owner, near, Scene(Triangles(corners, scene.triangles.owner[chosen]), scene.closed)


def _levels(
    key: IntArray, start: FloatArray, end: FloatArray, label: IntArray
) -> tuple[tuple[IntArray, FloatArray, FloatArray, IntArray], IntArray]:
    """Cut overlapping intervals of each key where any begins or ends: (key, start, end, how many), sum of labels."""
    keys, time = np.concatenate([key, key]), np.concatenate([start, end])
    step, sums = np.repeat([1, -1], len(key)), np.concatenate([label, -label])
    order = np.lexsort((-step, time, keys))
    keys, time = keys[order], time[order]
    level, total = np.cumsum(step[order])[:-1], np.cumsum(sums[order])[:-1]
    real = (keys[1:] == keys[:-1]) & (time[1:] > time[:-1]) & (level > 0)
    return (keys[:-1][real], time[:-1][real], time[1:][real], level[real]), total[real]


def _cut(free: Ragged, alone: Ragged, rows: IntArray) -> tuple[IntArray, FloatArray, FloatArray]:
    """Return what the lists ``alone`` leave of the free list of their rows: (list, start, end)."""
    (pair, start, end), lit = _of(free, rows), ragged.owners(alone[0])
    key = np.concatenate([pair, pair, lit, lit])
    time = np.concatenate([start, end, alone[1], alone[2]])
    step = np.concatenate([np.repeat([1, -1], len(pair)), np.repeat([-1, 1], len(lit))])
    order = np.lexsort((time, key))
    key, time, level = key[order], time[order], np.cumsum(step[order])
    dark = (key[1:] == key[:-1]) & (level[:-1] == 1) & (time[1:] - time[:-1] > TOUCH)
    return key[:-1][dark], time[:-1][dark], time[1:][dark]


def _of(lists: Ragged, rows: IntArray) -> tuple[IntArray, FloatArray, FloatArray]:
    """Return the intervals of the lists of rows, and which of the rows each belongs to."""
    place, offsets = ragged.ragged_rows(lists[0], rows)
    return ragged.owners(offsets), lists[1][place], lists[2][place]


def _won(bright: Ragged, rows: IntArray, own: IntArray, start: FloatArray, end: FloatArray) -> Ragged:
    """Return the lit intervals of each pair's receptor together with the spells (own, start, end) of the pair."""
    pair, first_lit, last_lit = _of(bright, rows)
    key = np.concatenate([pair, own])
    begin = np.concatenate([first_lit, start - TOUCH])
    stop = np.concatenate([last_lit, end + TOUCH])
    (key, begin, stop, _), _ = _levels(key, begin, stop, key)
    new = np.ones(len(key), dtype=bool)
    new[1:] = (key[1:] != key[:-1]) | (begin[1:] > stop[:-1])
    first = np.flatnonzero(new)
    last = np.append(first[1:], len(key)) - 1 if len(first) else first
    offsets = np.concatenate([[0], np.cumsum(np.bincount(key[first], minlength=len(rows)))]).astype(np.int64)
    return offsets, begin[first], stop[last]
