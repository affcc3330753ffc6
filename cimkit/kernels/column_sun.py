"""The sun of a day as the column kernels read it: tables over sun directions sorted by azimuth."""

import math
from collections import namedtuple

import numpy as np

from cimkit.kernels._jit import lean
from cimkit.kernels.column_lanes import PLAIN, turn

LOOKUP = 2048
HEAD = 10  # columns before the turns
_FAR = 9.0  # above every turn, which lies in -2..2


class SunTable(namedtuple("SunTable", "direction path stretch part cell steepest")):
    """Directions of a day (t) and, for each stretch of monotonic azimuth, where an azimuth falls among them.

    A *turn* is an azimuth without trigonometry: 0 in the middle of the stretch, ±2 behind it, growing with time:
    clockwise, or counter-clockwise where the sun goes that way.

    Parameters
    ----------
    direction
        Unit vectors towards the sun in order of time, 0 below the horizon; shape (3, t padded to a multiple of 64).
    path
        Horizontal travel east and north of a ray for each metre of rise, float32, shape (2, the same t and 64 more).
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


def _stretches(direction: np.ndarray) -> list[list[int]]:
    """Return first, last + 1, way (±1) of each stretch above the horizon with monotonic azimuth below 300°."""
    east, north, up = direction.T
    step = np.arctan2(east[1:] * north[:-1] - north[1:] * east[:-1], east[:-1] * east[1:] + north[:-1] * north[1:])
    found: list[list[int]] = []
    way, sweep = 0.0, 0.0
    for t in np.flatnonzero(up > 0).tolist():
        if found and found[-1][1] == t:
            side, swept = np.sign(step[t - 1]), sweep + abs(step[t - 1])
            if side * way >= 0 and swept <= math.radians(300):
                way, sweep = way or side, swept
                found[-1][1:] = t + 1, 1 if way >= 0 else -1
                continue
        found.append([t, t + 1, 1])
        way, sweep = 0.0, 0.0
    return found


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
    direction = np.array(direction, dtype=np.float64)
    direction[np.hypot(direction[:, 0], direction[:, 1]) < 1e-9, 1] = 1e-9  # the zenith has no azimuth
    parts = _stretches(direction)
    times = 64 * -(-max(len(direction), 1) // 64)
    path, suns, slope = np.zeros((2, times + 64), np.float32), np.zeros((3, times)), np.zeros(len(direction))
    up = np.flatnonzero(direction[:, 2] > 0)
    suns[:, up] = direction[up].T
    path[:, up] = (direction[up, :2] / direction[up, 2:]).T
    slope[up] = direction[up, 2] / np.hypot(direction[up, 0], direction[up, 1])
    longest = max((last - first for first, last, _ in parts), default=0)
    stretch = np.full((len(parts), HEAD + longest + 2), _FAR, np.float32)
    part, cell = np.zeros((len(parts), 3), np.int64), np.zeros((len(parts), LOOKUP + 2), np.int32)
    for p, (first, last, way) in enumerate(parts):
        rows = direction[first:last]
        azimuth = np.unwrap(np.arctan2(rows[:, 0], rows[:, 1]))
        angle = (azimuth[0] + azimuth[-1]) / 2
        mx, my = (float(np.float32(x)) for x in (math.sin(angle), math.cos(angle)))
        q = np.sort(turn(PLAIN, rows[:, 0], rows[:, 1], mx, my, way).astype(np.float32))
        step = np.diff(q[[0, 1, -2, -1]])[[0, 2]] if len(q) > 1 else np.zeros(2)
        low, high = q[0] - step[0] - np.float32(1e-5), q[-1] + step[1] + np.float32(1e-5)
        scale = np.float32(LOOKUP) / (high - low)
        bound = _least_slope(q.astype(np.float64), np.minimum(slope[first:last], 20.0))
        stretch[p, :HEAD] = mx, my, way, low, high, scale, *bound, slope[up].min()
        stretch[p, HEAD : HEAD + len(q)] = q
        place = ((q - low) * scale).astype(np.int64)  # as ``view_edges`` finds it
        cell[p] = np.searchsorted(place, np.arange(LOOKUP + 2), side="left")
        part[p] = first, last - first, np.diff(cell[p]).max() > 1
    return SunTable(suns, path, stretch, part, cell, float(slope.max(initial=0.0)))


@lean
def sky_of(sun, p):
    """What the culling of a stretch asks for: its middle, way, turns that matter, slopes and least slope."""
    s = sun.stretch
    return (s[p, 0], s[p, 1], s[p, 2], s[p, 3], s[p, 4], s[p, 6], s[p, 7], s[p, 8], s[p, 9])


@lean
def frame_of(column, sun, p):
    """What the view of a stretch asks for: column (x, y, lowest receptor), middle, way, turns that matter, scale."""
    s = sun.stretch
    return (column[0], column[1], column[2], s[p, 0], s[p, 1], s[p, 2], s[p, 3], s[p, 4], s[p, 5])
