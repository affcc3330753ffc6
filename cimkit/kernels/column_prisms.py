"""Extruded buildings as the column kernels read them: outlines, a grid over them, and which ones a group can see."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from cimkit.kernels._jit import kernel
from cimkit.kernels.column_sun import turn_of, turns_below

CELL = 64.0  # side of a cell of the grid [m]
_MOST_CELLS = 512  # along one side


class Prisms(NamedTuple):
    """Upright prisms: ragged outlines, and the heights they reach from and to.

    Parameters
    ----------
    xy
        Vertices, shape (v, 2) [m]. A ring may repeat its first vertex at the end or not.
    ring, poly
        First vertex of each ring (r + 1), first ring of each prism (p + 1); outer rings counter-clockwise, holes
        clockwise.
    base, top
        Lower and upper end, shape (p) [m]; a base above a receptor makes the prism a slab that light passes under.
    """

    xy: np.ndarray
    ring: np.ndarray
    poly: np.ndarray
    base: np.ndarray
    top: np.ndarray


class PrismGrid(NamedTuple):
    """Circle around each prism, and a grid of cells by the circles' centres.

    Parameters
    ----------
    circle
        Centre x, y and radius of each prism, shape (p, 3) [m].
    cell, item
        First item of each cell (c + 1), prisms by cell (p).
    cell_circle, cell_top
        Circle around each cell's prisms, shape (c, 3), and their greatest top, shape (c) [m].
    """

    circle: np.ndarray
    cell: np.ndarray
    item: np.ndarray
    cell_circle: np.ndarray
    cell_top: np.ndarray


@kernel
def _prism_circles(xy, ring, poly, circle):
    """Circle around the box of each prism."""
    for b in range(len(poly) - 1):
        first, last = ring[poly[b]], ring[poly[b + 1]]
        x0, y0, x1, y1 = np.inf, np.inf, -np.inf, -np.inf
        for v in range(first, last):
            x0, y0, x1, y1 = min(x0, xy[v, 0]), min(y0, xy[v, 1]), max(x1, xy[v, 0]), max(y1, xy[v, 1])
        x, y, r = (x0 + x1) / 2, (y0 + y1) / 2, 0.0
        for v in range(first, last):
            r = max(r, np.hypot(xy[v, 0] - x, xy[v, 1] - y))
        circle[b, 0], circle[b, 1], circle[b, 2] = x, y, r + 1e-3


@kernel
def _fill_cells(circle, top, number, cell, item, cell_circle, cell_top):
    """Sort prisms into cells (counting sort) and bound each cell."""
    for b in range(len(number)):
        cell[number[b] + 1] += 1
    for c in range(len(cell) - 1):
        cell[c + 1] += cell[c]
    place = cell.copy()
    for b in range(len(number)):
        item[place[number[b]]] = b
        place[number[b]] += 1
    for c in range(len(cell) - 1):
        x, y, r, high = 0.0, 0.0, -np.inf, -np.inf
        count = max(cell[c + 1] - cell[c], 1)
        for k in range(cell[c], cell[c + 1]):
            x += circle[item[k], 0] / count
            y += circle[item[k], 1] / count
        for k in range(cell[c], cell[c + 1]):
            b = item[k]
            r = max(r, np.hypot(circle[b, 0] - x, circle[b, 1] - y) + circle[b, 2])
            high = max(high, top[b])
        cell_circle[c, 0], cell_circle[c, 1], cell_circle[c, 2], cell_top[c] = x, y, r, high


def prism_grid(prisms: Prisms) -> PrismGrid:
    """Bound the prisms and sort them into a grid; prisms without vertices stay out of it."""
    count = len(prisms.top)
    circle = np.empty((count, 3))
    _prism_circles(prisms.xy, prisms.ring, prisms.poly, circle)
    real = np.isfinite(circle[:, 2]) & np.isfinite(circle[:, 0]) & (prisms.top > prisms.base)
    circle[~real] = 0.0
    centre = circle[real, :2] if real.any() else np.zeros((1, 2))
    low = centre.min(axis=0)
    extent = centre.max(axis=0) - low
    side = max(CELL, float(extent.max()) / _MOST_CELLS)
    wide, high = (int(e / side) + 1 for e in extent)
    number = np.full(count, wide * high, np.int64)  # the last cell holds what casts no shadow
    place = ((circle[real, :2] - low) / side).astype(np.int64)
    number[real] = place[:, 1] * wide + place[:, 0]
    cell, item = np.zeros(wide * high + 2, np.int64), np.empty(count, np.int64)
    cell_circle, cell_top = np.empty((wide * high + 1, 3)), np.empty(wide * high + 1)
    _fill_cells(circle, prisms.top, number, cell, item, cell_circle, cell_top)
    full = np.diff(cell) > 0
    full[-1] = False
    start = np.concatenate([cell[:-1][full], cell[-2:-1]])
    return PrismGrid(circle, start, item, cell_circle[full], cell_top[full])


@kernel
def in_reach(circle, height, stretch, cell, slope, limits):
    """Whether a circle (x, y, r), this high above the viewer at the origin, may hide a sun from it.

    limits = (tangent of the lowest sun, slack): slack 0 asks for the tabulated suns, 1 for the whole path through them.
    """
    x, y, r = circle
    lowest, slack = limits
    if height <= 0:
        return False
    d = np.sqrt(x * x + y * y)
    near = d - r
    if height <= near * lowest:
        return False
    if near <= 1e-3 * r:
        return True
    s = r / d
    c = np.sqrt(1 - s * s)
    ax, ay = np.float32(x * c - y * s), np.float32(y * c + x * s)
    bx, by = np.float32(x * c + y * s), np.float32(y * c - x * s)
    for p in range(len(cell)):
        mx, my = stretch[p, 0], stretch[p, 1]
        q0, q1 = stretch[p, 2], stretch[p, 3]
        qa, qb = turn_of(ax, ay, mx, my), turn_of(bx, by, mx, my)
        if (qa > q1 and (qb < q0 or qb >= qa)) or (qb < q0 and qa <= qb):
            continue
        if qa > qb:
            return True
        a, b = turns_below(qa, stretch, cell, p), turns_below(qb, stretch, cell, p)
        if a == b and slack == 0:
            continue
        a, b = max(a - slack, 0), min(b + slack, np.int64(cell[p, 1] - cell[p, 0]))
        # elevation rises and falls once along a stretch, so its least value lies at an end
        if height > near * min(slope[p, a], slope[p, b - 1]):
            return True
    return False


@kernel
def cells_in_reach(circle, low, grid, top, sun, limits, found):
    """Write prisms that may shade a circle, lowest receptor at ``low``, to row 0 of ``found``; return how many."""
    count = 0
    cell, item, prism_circle, cell_circle, cell_top = grid.cell, grid.item, grid.circle, grid.cell_circle, grid.cell_top
    stretch, turns, slope = sun.stretch, sun.cell, sun.slope
    x, y, r = circle
    for c in range(len(cell_top)):
        around = (cell_circle[c, 0] - x, cell_circle[c, 1] - y, cell_circle[c, 2] + r)
        if not in_reach(around, cell_top[c] - low, stretch, turns, slope, limits):
            continue
        for k in range(cell[c], cell[c + 1]):
            b = item[k]
            around = (prism_circle[b, 0] - x, prism_circle[b, 1] - y, prism_circle[b, 2] + r)
            if in_reach(around, top[b] - low, stretch, turns, slope, limits):
                found[0, count] = b
                count += 1
    return count


@kernel
def prisms_in_reach(circle, low, near, grid, top, sun, limits, found):
    """Of the first ``near`` prisms in row 0 of ``found`` write those that may shade a circle to row 1, nearest first.

    Rows of ``found``: prisms of the patch, prisms of the group. Return how many.
    """
    count = 0
    prism_circle, stretch, cell, slope = grid.circle, sun.stretch, sun.cell, sun.slope
    x, y, r = circle
    for k in range(near):
        b = found[0, k]
        around = (prism_circle[b, 0] - x, prism_circle[b, 1] - y, prism_circle[b, 2] + r)
        if in_reach(around, top[b] - low, stretch, cell, slope, limits):
            d = around[0] * around[0] + around[1] * around[1]
            i = count
            while i > 0 and i > count - 64:  # order only saves time: keep the sort short
                e = found[1, i - 1]
                dx, dy = prism_circle[e, 0] - x, prism_circle[e, 1] - y
                if dx * dx + dy * dy <= d:
                    break
                found[1, i] = e
                i -= 1
            found[1, i] = b
            count += 1
    return count
