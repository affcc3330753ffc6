"""Storeys of columns under sightlines: the exact cut, and spending what the windows have to spare."""

from __future__ import annotations

import heapq
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np

from cimkit.arrays import BoolArray, FloatArray, IntArray
from cimkit.sim.sunlight import SunlightMethod, countable_hours

STRIDE = 5  # [min] runs that may stay open are tried this far apart


@dataclass(frozen=True)
class Sightlines:
    """Lit minutes of w windows, p in all, and what they allow c columns.

    Parameters
    ----------
    window, minute
        Of each lit minute, windows in order, shape (p).
    allowed
        Most storeys that keep the minute lit, shape (c, p).
    need
        Minutes each window must keep, shape (w) [min].
    rows
        Which of the caller's windows they are, shape (w).
    method
        What counts as sun.
    """

    window: IntArray
    minute: IntArray
    allowed: Any
    need: FloatArray
    rows: IntArray
    method: SunlightMethod

    def span(self, window: int) -> slice:
        """Return the lit minutes of a window."""
        return slice(*np.searchsorted(self.window, [window, window + 1]))

    def counted(self, lit: BoolArray, window: int) -> float:
        """Return the minutes that count of a window [min]."""
        own = self.span(window)
        minute = self.minute[own][lit[own]]
        if len(minute) == 0:
            return 0.0
        gap = np.flatnonzero(np.diff(minute) > 1)
        start, end = minute[np.append(0, gap + 1)], minute[np.append(gap, -1)] + 1
        return float(countable_hours(np.array([0, len(start)]), start / 60.0, end / 60.0, self.method)[0]) * 60.0


def cut(lines: Sightlines, kept: BoolArray, storeys: IntArray) -> tuple[IntArray, IntArray]:
    """Cut columns to what the kept minutes allow; return storeys and the window that cut each, -1 for none."""
    if not kept.any():
        return storeys.copy(), np.full(len(storeys), -1)
    allowed = lines.allowed[:, kept].astype(np.int64)
    first, least = allowed.argmin(axis=1), allowed.min(axis=1)
    return np.minimum(least, storeys), np.where(least < storeys, lines.rows[lines.window[kept][first]], -1)


def cheapest_open(lines: Sightlines, storeys: IntArray) -> BoolArray:
    """Choose the minutes each window keeps open so that the columns lose little: the costliest window first."""
    storeys, kept = storeys.copy(), np.zeros(len(lines.window), dtype=bool)
    first = [min((c for c, _ in _choices(lines, w, storeys)), default=0) for w in range(len(lines.need))]
    for w in np.argsort(-np.array(first, dtype=np.int64), kind="stable"):
        _, places = min(_choices(lines, int(w), storeys), key=lambda c: c[0])
        kept[places] = True
        storeys = np.minimum(storeys, lines.allowed[:, places].min(axis=1, initial=255))
    return kept


def _choices(lines: Sightlines, window: int, storeys: IntArray) -> Iterator[tuple[int, slice]]:
    """Yield storeys lost and minutes kept for each way to keep a window's need: a run, or all if none is as long."""
    own, need = lines.span(window), int(np.ceil(lines.need[window] - 1e-9))
    gaps = np.flatnonzero(np.diff(lines.minute[own]) > 1) + 1
    runs = [r for r in np.split(np.arange(own.start, own.stop), gaps) if len(r) >= need]
    starts = [[*run[: len(run) - need : STRIDE], run[0] + len(run) - need] for run in runs]
    ways = [slice(start, start + need) for run in starts for start in run] or [own]
    for kept in ways:
        least = lines.allowed[:, kept].min(axis=1, initial=255).astype(np.int64)
        yield int(np.maximum(storeys - least, 0).sum()), kept


def spend(lines: Sightlines, storeys: IntArray, most: int) -> tuple[IntArray, IntArray]:
    """Add storeys where the least share of the surplus is lost; return storeys and the window that stops each."""
    storeys, binding = storeys.copy(), np.full(len(storeys), -1)
    lit = (lines.allowed >= storeys[:, None]).all(axis=0)
    counted = np.array([lines.counted(lit, w) for w in range(len(lines.need))])
    queue = [(0.0, c, -1) for c in range(len(storeys)) if storeys[c] < most]
    heapq.heapify(queue)
    turn = 0
    while queue:
        _, c, seen = heapq.heappop(queue)
        lost = np.flatnonzero(lit & (lines.allowed[c] <= storeys[c]))
        touched = np.unique(lines.window[lost])
        trial = lit.copy()
        trial[lost] = False
        left = np.array([lines.counted(trial, w) for w in touched])
        spare = left - lines.need[touched]
        if (spare < -1e-9).any():
            binding[c] = lines.rows[touched[int(spare.argmin())]]
            continue
        surplus = counted[touched] - lines.need[touched]
        cost = float(((counted[touched] - left) / np.maximum(surplus, 1e-9)).sum())
        if seen != turn and queue and (cost, c) > queue[0][:2]:
            heapq.heappush(queue, (cost, c, turn))
            continue
        lit, turn = trial, turn + 1
        counted[touched] = left
        storeys[c] += 1
        if storeys[c] < most:
            heapq.heappush(queue, (cost, c, -1))
    return storeys, binding
