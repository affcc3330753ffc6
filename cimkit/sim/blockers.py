"""Who takes the sun from whom, and when (遮挡关系)."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from cimkit.arrays import FloatArray, IntArray, TextArray
from cimkit.geometry.polygons import totals
from cimkit.geometry.triangles import Scene, Triangles
from cimkit.model.drawn import Drawn
from cimkit.sim.receptors import Receptors
from cimkit.sim.sunlight import USUAL, HasSpells, Spells, SunlightMethod, _lit, countable_hours, placed

if TYPE_CHECKING:
    from cimkit.model.community import Community
    from cimkit.sim.sunpath import SunDay

TOUCH = 1e-7  # [h] spells closer than this are one; rounding of their ends
SHORTEST = 1e-5  # [h] what takes less than 0.04 s takes nothing


@dataclass(frozen=True, repr=False)
class Blockers(HasSpells, Drawn):
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
        columns |= {"blocked_min": self.blocked * 60.0, "sole_min": self.sole * 60.0}
        columns |= {"joint_min": (self.blocked - self.sole) * 60.0, "gain_min": self.gain * 60.0}
        return columns | {"when": self.clocked()}

    def by_building(self) -> Any:
        """Return a DataFrame, one row a blocker, the one that takes most first."""
        import pandas as pd

        data = {"blocker": self.blocker_ids, "receptors": 1, "blocked_min": self.blocked * 60.0}
        data |= {"sole_min": self.sole * 60.0, "gain_min": self.gain * 60.0}
        table = pd.DataFrame(data).groupby("blocker", as_index=False).sum()
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
    sizes = [len(near) for _, near, _ in parts]
    rows = np.concatenate([np.zeros(0, np.int64), *[near for _, near, _ in parts]])
    owners = np.repeat(np.array([owner for owner, _, _ in parts], dtype=np.int64), sizes)
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
        part = Triangles(scene.triangles.corners[chosen], scene.triangles.owner[chosen])
        least, most = part.corners.min(axis=(0, 1)), part.corners.max(axis=(0, 1))
        away = np.hypot(*np.maximum(0, np.maximum(least[:2] - xy, xy - most[:2])).T)
        near = np.flatnonzero((z <= most[2]) & ((away - 4.0) * math.tan(low) <= most[2] - z))
        if len(near):
            yield owner, near, _lit(Scene(part, scene.closed), receptors.take(near), fan)


def _pieces(parts: list[Any], weights: IntArray) -> tuple[IntArray, FloatArray, FloatArray, IntArray]:
    """Cut spells (key, start, end) where any of its key starts or ends; sum the weights (c) over each piece."""
    key, start, end = (np.concatenate(column) for column in zip(*parts, strict=True))
    key, time = np.tile(key, 2), np.concatenate([start, end])
    order = np.lexsort((time, key))
    key, time = key[order], time[order]
    sums = np.cumsum(np.concatenate([weights, -weights])[order], axis=0)
    real = np.flatnonzero((key[1:] == key[:-1]) & (time[1:] > time[:-1]))
    return key[real], time[real], time[real + 1], sums[real]


def _won(bright: Spells, own: IntArray, start: FloatArray, end: FloatArray) -> Spells:
    """Return the lit spells of each pair's receptor together with those (own, start, end) that the pair alone takes."""
    every = [bright.listed(), (own, start - TOUCH, end + TOUCH)]
    key, start, end, over = _pieces(every, np.ones((len(bright.starts) + len(own), 1), np.int64))
    lit = over[:, 0] > 0
    key, start, end = key[lit], start[lit], end[lit]
    new = np.append(True, (key[1:] != key[:-1]) | (start[1:] > end[:-1]))[: len(key)]
    return Spells.of(key[new], start[new], end[np.roll(new, -1)], len(bright.offsets) - 1)
