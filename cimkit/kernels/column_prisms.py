"""Extruded buildings as the column kernels read them: outlines, a grid over them, and which ones a group can see."""

from collections import namedtuple

import numpy as np

from cimkit.kernels._jit import kernel, lean
from cimkit.kernels._lanes import trailing_zeros
from cimkit.kernels.column_lanes import HIGH, WIDE, near_circles
from cimkit.kernels.column_sun import sky_of
from cimkit.kernels.hilbert import hilbert_order


class Prisms(namedtuple("Prisms", "xy ring poly base top")):
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


class PrismTree(namedtuple("PrismTree", "origin item circle level bound")):
    """Circles around the prisms and, 16 by 16 along a Hilbert curve, around those circles.

    Parameters
    ----------
    origin
        Point (x, y, z) that the bounds count from, shape (3) [m].
    item
        Prisms in their order, those that cast no shadow left out, shape (p).
    circle
        Centre x, y and radius of each prism, shape (all prisms, 3) [m].
    level
        First block of each level, the prisms themselves first, shape (l + 1).
    bound
        Rows x, y, radius and top of the circles, 16 a block, float32, never too small, shape (4, blocks × 16).
    """


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


def prism_tree(prisms: Prisms) -> PrismTree:
    """Bound the prisms, then 16 neighbours at a time, up to a single block."""
    circle = np.empty((len(prisms.top), 3))
    _prism_circles(prisms.xy, prisms.ring, prisms.poly, circle)
    real = np.flatnonzero(np.isfinite(circle).all(axis=1) & (prisms.top > prisms.base))
    item = real[hilbert_order(circle[real, :2])]
    rows = np.column_stack([circle[item], prisms.top[item]]) if len(item) else np.array([[0, 0, 0, -np.inf]])
    origin = np.append(rows[:, :2].min(axis=0), 0.0 if not len(item) else rows[:, 3].min())
    rows -= [*origin[:2], 0.0, origin[2]]
    slack = 1e-3 + 4e-7 * np.abs(rows[np.isfinite(rows)]).max()  # of numbers in float32
    levels, level = [], [0]
    while True:
        rows = np.concatenate([rows, np.repeat(rows[-1:], -len(rows) % WIDE, axis=0)])
        blocks = rows.reshape(-1, WIDE, HIGH + 1)
        levels.append((rows + [0, 0, slack, slack]).T.astype(np.float32))
        level.append(level[-1] + len(blocks))
        if len(blocks) == 1:
            break
        middle = blocks[:, :, :2].mean(axis=1)
        away = np.hypot(*np.moveaxis(blocks[:, :, :2] - middle[:, None], 2, 0)) + blocks[:, :, 2]
        rows = np.column_stack([middle, away.max(axis=1), blocks[:, :, 3].max(axis=1)])
    return PrismTree(origin, item, circle, np.array(level), np.ascontiguousarray(np.hstack(levels)))


@lean
def seen_circles(circle, start, viewer, sun):
    """Bits of the 16 circles from ``start`` on that may hide any sun from a viewer (x, y, radius, lowest receptor)."""
    bits = np.uint64(0)
    for p in range(len(sun.part)):
        bits |= near_circles(circle, start, viewer, sky_of(sun, p))
    return bits


@lean(inline="always")
def about(circle, origin):
    """Count a circle (x, y, radius, lowest receptor) from a point (x, y, z)."""
    x, y, low = circle[0] - origin[0], circle[1] - origin[1], circle[3] - origin[2]
    return np.float32(x), np.float32(y), np.float32(circle[2]), np.float32(low)


@lean
def find_prisms(around, tree, sun, found):
    """Write the prisms that may shade a circle (x, y, r, lowest receptor) to row 0; return how many."""
    viewer = about(around, tree.origin)
    now, count = 0, 1
    found[0, 0] = 0
    for level in range(len(tree.level) - 2, -1, -1):
        n, start = 0, tree.level[level]
        last = len(tree.item) if level == 0 else start - tree.level[level - 1]
        for k in range(count):
            block = found[now, k]
            bits = seen_circles(tree.bound, WIDE * (start + block), viewer, sun)
            while bits != np.uint64(0):
                child = block * WIDE + trailing_zeros(bits)
                bits &= bits - np.uint64(1)
                if child < last:
                    found[1 - now, n] = child
                    n += 1
        now, count = 1 - now, n
    for k in range(count):
        found[0, k] = tree.item[found[now, k]]
    return count
