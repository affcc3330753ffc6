"""The sun of a day as the column kernels read it: tables over sun directions sorted by azimuth."""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np

from cimkit.kernels._jit import lean

LOOKUP = 2048
HEAD = 10  # columns before the turns
_FAR = 9.0  # above every turn, which lies in -2..2


class SunTable(NamedTuple):
    """Directions of a day (t) and, for each stretch of monotonic azimuth, where an azimuth falls among them.

    A *turn* is an azimuth without trigonometry: 0 in the middle of the stretch, ±2 behind it, growing with time:
    clockwise, or counter-clockwise where the sun goes that way.

    Parameters
    ----------
    direction
        Unit vectors towards the sun in order of time, shape (t, 3).
    block
        The same, 64 times a block and one axis after the other, 0 below the horizon; shape (blocks × 3 × 64).
    east, north
        Horizontal travel of a ray for each metre of rise, float32, shape (t padded to a multiple of 64, and 64 more).
    stretch
        Of each stretch, float32: middle direction east and north, 1 if the turn grows clockwise or -1, lowest and
        highest turn q that may matter, cells of the lookup per turn, c0, c1 and c2 of c0 + c1 q + c2 q² (c2 <= 0)
        that the tangent of elevation is never below, the least tangent of the day, then its turns in growing order,
        padded with 9; shape (p, 10 + longest + 2).
    part
        Of each stretch: first time, number of times, 1 if a cell of the lookup holds two turns; shape (p, 3).
    cell
        Of each stretch, the number of turns below each of 2,048 equal cells of the turns that matter, int32,
        shape (p, 2048 + 2).
    steepest
        Tangent of the highest sun.
    """

    direction: np.ndarray
    block: np.ndarray
    east: np.ndarray
    north: np.ndarray
    stretch: np.ndarray
    part: np.ndarray
    cell: np.ndarray
    steepest: float


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


def _turns(direction: np.ndarray, middle: np.ndarray, way: float) -> np.ndarray:
    """Return the turns of directions (t, 3) seen from the middle direction (2)."""
    ahead = direction[:, 0] * middle[0] + direction[:, 1] * middle[1]
    right = way * (direction[:, 0] * middle[1] - direction[:, 1] * middle[0])
    share = right / np.maximum(np.abs(right) + np.abs(ahead), 1e-30)
    return np.where(ahead >= 0, share, np.where(right >= 0, 2 - share, -2 - share))


def _middle(direction: np.ndarray) -> np.ndarray:
    """Return the unit vector half way, by angle, through the azimuths of directions in order."""
    azimuth = np.unwrap(np.arctan2(direction[:, 0], direction[:, 1]))
    angle = (azimuth[0] + azimuth[-1]) / 2
    return np.array([math.sin(angle), math.cos(angle)])


def _least_slope(q: np.ndarray, slope: np.ndarray) -> np.ndarray:
    """Return c0, c1, c2 of a parabola, open below, that slopes over growing turns never lie under."""
    fit = np.polynomial.polynomial.polyfit(q, slope, 2) if len(q) > 2 else np.zeros(3)
    if fit[2] > 0:
        fit[1:] = 0.0
    over = np.polynomial.polynomial.polyval(q, fit) - slope
    sag = -fit[2] * np.diff(q).max(initial=0.0) ** 2 / 4  # between two turns
    return fit - [over.max() + sag + 1e-4, 0.0, 0.0]


def sun_table(direction: np.ndarray) -> SunTable:
    """Tabulate the directions of a day, shape (t, 3), in order of time; those below the horizon stay unused."""
    direction = np.ascontiguousarray(direction, dtype=np.float64)
    parts = _stretches(direction)
    words = -(-max(len(direction), 1) // 64)
    path, block = np.zeros((2, 64 * words + 64), np.float32), np.zeros((words, 64, 3))
    up = np.flatnonzero(direction[:, 2] > 0)
    block.reshape(-1, 3)[up] = direction[up]
    path[:, up] = (direction[up, :2] / direction[up, 2:]).T
    slope = np.zeros(len(direction))
    slope[up] = direction[up, 2] / np.maximum(np.hypot(direction[up, 0], direction[up, 1]), 1e-9)
    longest = max((last - first for first, last, _ in parts), default=0)
    stretch = np.full((len(parts), HEAD + longest + 2), _FAR, np.float32)
    part, cell = np.zeros((len(parts), 3), np.int64), np.zeros((len(parts), LOOKUP + 2), np.int32)
    for p, (first, last, clockwise) in enumerate(parts):
        rows, way = direction[first:last], 1.0 if clockwise else -1.0
        middle = _middle(rows).astype(np.float32)
        q = np.sort(_turns(rows, middle.astype(np.float64), way).astype(np.float32))
        step = np.diff(q[[0, 1, -2, -1]])[[0, 2]] if len(q) > 1 else np.zeros(2)
        low, high = q[0] - step[0] - np.float32(1e-5), q[-1] + step[1] + np.float32(1e-5)
        scale = np.float32(LOOKUP) / (high - low)
        bound = _least_slope(q.astype(np.float64), np.minimum(slope[first:last], 20.0))
        stretch[p, :HEAD] = *middle, way, low, high, scale, *bound, slope[up].min()
        stretch[p, HEAD : HEAD + len(q)] = q
        place = ((q - low) * scale).astype(np.int64)  # as ``turns_below`` finds it
        cell[p] = np.searchsorted(place, np.arange(LOOKUP + 2), side="left")
        part[p] = first, last - first, np.diff(cell[p]).max() > 1
    steepest = float(slope.max(initial=0.0))
    return SunTable(direction, block.swapaxes(1, 2).ravel(), path[0], path[1], stretch, part, cell, steepest)


@lean
def sky_of(sun, p):
    """What the culling of a stretch asks for: its middle, way, turns that matter, slopes and least slope."""
    s = sun.stretch
    return (s[p, 0], s[p, 1], s[p, 2], s[p, 3], s[p, 4], s[p, 6], s[p, 7], s[p, 8], s[p, 9])


@lean
def turns_below(q, stretch, part, cell, p):
    """Number of turns of stretch p below q."""
    low, high, scale = stretch[p, 3], stretch[p, 4], stretch[p, 5]
    k = cell[p, np.uint64(np.int32((min(max(q, low), high) - low) * scale))]
    k += np.int32(1) if q > stretch[p, np.uint64(k) + np.uint64(HEAD)] else np.int32(0)
    if part[p, 2] == 1:
        while q > stretch[p, np.uint64(k) + np.uint64(HEAD)]:
            k += np.int32(1)
    return np.int64(k)
