"""The sun of a day as the column kernels read it: tables over sun directions sorted by azimuth."""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np

from cimkit.kernels._jit import kernel

LOOKUP = 8192
HEAD = 4  # columns before the turns and the cells
_FAR = 9.0  # above every turn, which lies in -2..2


class SunTable(NamedTuple):
    """Directions of a day (t) and, for each stretch of monotonic azimuth, where an azimuth falls among them.

    A *turn* is an azimuth without trigonometry: 0 in the middle of the stretch, ±2 behind it, growing clockwise.
    The tables are few and wide because every array a compiled function takes out of a tuple costs it 4 ns.

    Parameters
    ----------
    direction
        Unit vectors towards the sun in order of time, shape (t, 3).
    path
        Horizontal travel of a ray for each metre of rise, east and north, float32, (2, t padded to a multiple of 64).
    stretch
        Of each stretch, float32: middle direction east and north, lowest and highest turn that may matter, then its
        turns in growing order, padded with 9; shape (p, 4 + longest + 2).
    cell
        Of each stretch, int32: first time, last time + 1, 1 if azimuth grows, 1 if no cell holds two turns, then the
        number of turns below each of 8,192 equal cells of -2..2; shape (p, 4 + 8193).
    slope
        Tangent of elevation in the order of the turns, shape (p, longest + 1).
    """

    direction: np.ndarray
    path: np.ndarray
    stretch: np.ndarray
    cell: np.ndarray
    slope: np.ndarray


def _stretches(direction: np.ndarray) -> list[tuple[int, int, bool]]:
    """Return (first, last, clockwise) of each stretch above the horizon with monotonic azimuth below 300°."""
    found: list[tuple[int, int, bool]] = []
    start, way, sweep = -1, 0, 0.0
    for t in range(len(direction)):
        zenith = math.hypot(direction[t, 0], direction[t, 1]) < 1e-9
        if direction[t, 2] <= 0 or zenith:
            if start >= 0:
                found.append((start, t, way >= 0))
            if zenith and direction[t, 2] > 0:
                found.append((t, t + 1, True))
            start = -1
            continue
        if start < 0:
            start, way, sweep = t, 0, 0.0
            continue
        (x0, y0), (x1, y1) = direction[t - 1, :2], direction[t, :2]
        step = math.atan2(x1 * y0 - y1 * x0, x0 * x1 + y0 * y1)
        side = (step > 0) - (step < 0)
        if (side * way < 0) or sweep + abs(step) > math.radians(300):
            found.append((start, t, way >= 0))
            start, way, sweep = t, 0, 0.0
            continue
        way, sweep = way or side, sweep + abs(step)
    if start >= 0:
        found.append((start, len(direction), way >= 0))
    return found


def _turns(direction: np.ndarray, middle: np.ndarray) -> np.ndarray:
    """Return the turns of directions (t, 3) seen from the middle direction (2)."""
    ahead = direction[:, 0] * middle[0] + direction[:, 1] * middle[1]
    right = direction[:, 0] * middle[1] - direction[:, 1] * middle[0]
    share = right / np.maximum(np.abs(right) + np.abs(ahead), 1e-30)
    return np.where(ahead >= 0, share, np.where(right >= 0, 2 - share, -2 - share))


def _middle(direction: np.ndarray) -> np.ndarray:
    """Return the unit vector half way, by angle, through the azimuths of directions in order."""
    azimuth = np.unwrap(np.arctan2(direction[:, 0], direction[:, 1]))
    angle = (azimuth[0] + azimuth[-1]) / 2
    return np.array([math.sin(angle), math.cos(angle)])


def sun_table(direction: np.ndarray) -> SunTable:
    """Tabulate the directions of a day, shape (t, 3), in order of time; those below the horizon stay unused."""
    direction = np.ascontiguousarray(direction, dtype=np.float64)
    parts = _stretches(direction)
    path = np.zeros((2, -(-max(len(direction), 1) // 64) * 64), np.float32)
    up = np.flatnonzero(direction[:, 2] > 0)
    path[:, up] = (direction[up, :2] / direction[up, 2:]).T
    longest = max((last - first for first, last, _ in parts), default=0)
    stretch = np.full((len(parts), HEAD + longest + 2), _FAR, np.float32)
    slope = np.zeros((len(parts), longest + 1))
    cell = np.zeros((len(parts), HEAD + LOOKUP + 1), np.int32)
    borders = (np.arange(LOOKUP + 1) * (4.0 / LOOKUP) - 2).astype(np.float32)
    for p, (first, last, clockwise) in enumerate(parts):
        rows = direction[first:last] if clockwise else direction[first:last][::-1]
        middle = _middle(rows).astype(np.float32)
        q = np.sort(_turns(rows, middle.astype(np.float64)).astype(np.float32))
        step = np.diff(q[[0, 1, -2, -1]])[[0, 2]] if len(q) > 1 else np.zeros(2)
        stretch[p, :HEAD] = *middle, q[0] - step[0] - 1e-5, q[-1] + step[1] + 1e-5
        stretch[p, HEAD : HEAD + len(q)] = q
        slope[p, : len(q)] = rows[:, 2] / np.maximum(np.hypot(rows[:, 0], rows[:, 1]), 1e-12)
        cell[p, HEAD:] = np.searchsorted(q, borders, side="left")
        cell[p, :HEAD] = first, last, clockwise, np.diff(cell[p, HEAD:]).max() <= 1
    return SunTable(direction, path, stretch, cell, slope)


@kernel(inline="always")
def turn_of(x, y, mx, my):
    """Turn of the plan direction (x, y) seen from the middle direction, all float32."""
    ahead = x * mx + y * my
    right = x * my - y * mx
    share = right / (abs(right) + abs(ahead) + np.float32(1e-30))
    behind = (np.float32(2) - share) if right >= 0 else (np.float32(-2) - share)
    return share if ahead >= 0 else behind


@kernel(inline="always")
def turns_below(q, stretch, cell, p):
    """Number of turns of stretch p below q."""
    k = cell[p, np.uint64(np.int32((q + np.float32(2)) * np.float32(LOOKUP / 4))) + np.uint64(4)]
    k += np.int32(1) if q > stretch[p, np.uint64(k) + np.uint64(4)] else np.int32(0)
    if cell[p, 3] == 0:
        while q > stretch[p, np.uint64(k) + np.uint64(4)]:
            k += np.int32(1)
    return np.int64(k)
