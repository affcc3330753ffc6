"""Sunlight minute by minute of receptors among extruded buildings, a column of windows at a time.

With (X, Y) the horizontal travel of a ray for each metre of rise, the ray of minute t from P meets the upright plane of
an edge at the rise u = cross(a, e) / (X·e_y − Y·e_x), where a runs from P to the edge's start and e along the edge. A
prism of top H therefore shades, for every t whose azimuth lies between the edge's ends, what lies below H − u on the
upright line through P: one height a minute serves all windows of a column.

Slabs (base above the receptor) need no convexity: the ray has entered through the slab's lower face exactly when it
crosses the outline an odd number of times beyond the rise up to the base. An edge is crossed when its ends lie on
different sides of the ray. All of that are half-plane tests without a division, 64 minutes at once.
"""

from collections import namedtuple

import numba
import numpy as np
from numba import prange

from cimkit.kernels import column_lanes as lanes
from cimkit.kernels._jit import inner, kernel, lean
from cimkit.kernels._lanes import count_ones, keep, trailing_zeros
from cimkit.kernels.column_groups import Groups
from cimkit.kernels.column_prisms import Prisms, PrismTree, prism_tree
from cimkit.kernels.column_sun import HEAD, SunTable, frame_of
from cimkit.kernels.column_walls import TOUCH, circle_around, far_of, load_group, load_patch, new_walls, touches

# Functions that one place calls are inlined: every array handed over is copied at a call, which took a quarter.
GRAZING = 1e-6  # a sun this close to the plane of the receptor's surface does not light it
U = np.uint64
_START = 1e-4  # rise after which a receptor at a wall is asked whether it looks into the solid [m]
_NOTHING = np.float32(-1e30)


class _Work(namedtuple("_Work", "walls span level height word")):
    """Working memory of a part of the work (a thread).

    ``span`` int32 (spans, 4): edge, first time, last time + 1. ``level`` float32 (tallest): height of each receptor of
    the column. ``height`` float32 (t): shaded height of the column. ``word`` uint64 (1 + tallest, w + 1): suns in
    front, blocked suns of each receptor.
    """


@inner
def _new_work(prisms, tallest, times):
    """Allocate for so many."""
    span, word = np.empty((4 * len(prisms.xy) + 16, 4), np.int32), np.empty((1 + tallest, times // 64 + 1), np.uint64)
    return _Work(new_walls(prisms), span, np.empty(tallest, np.float32), np.empty(times, np.float32), word)


@lean
def _mark_front(normal, suns, word):
    """Mark in row 0 the suns above the horizon and in front of the surface; return the first and last word of them."""
    low, high = word.shape[1], 0
    for w in range(word.shape[1] - 1):
        bits = U(0)
        for k in range(U(64)):
            t = U(64 * w) + k
            along = suns[0, t] * normal[0] + suns[1, t] * normal[1] + suns[2, t] * normal[2]
            bits |= U((suns[2, t] > 0.0) & (along > GRAZING)) << k
        word[0, w] = bits
        if bits != U(0):
            low, high = min(low, w), w + 1
    return low, high


@lean(inline="always")
def _turns_below(q, place, sun, p):
    """Number of turns of stretch p below q, whose place in the lookup is known."""
    k = sun.cell[p, U(place)]
    k += np.int32(1) if q > sun.stretch[p, U(k) + U(HEAD)] else np.int32(0)
    while sun.part[p, 2] == 1 and q > sun.stretch[p, U(k) + U(HEAD)]:
        k += np.int32(1)
    return np.int64(k)


@lean(inline="always")
def _find_spans(walls, count, column, sun, p, times, span):
    """Write (edge, first time, last time + 1) of the walls a column may see in a stretch; return how many.

    Empty spans are overwritten instead of branched around.
    """
    edge, place, frame = walls.edge, walls.place, frame_of(column, sun, p)
    start, size = sun.part[p, 0], sun.part[p, 1]
    first, last = times
    n = U(0)
    for base in range(0, count, lanes.WIDE):
        bits = lanes.view_edges(edge, place, base, frame) & keep(count - base)
        while bits != U(0):
            v = U(base + trailing_zeros(bits))
            bits &= bits - U(1)
            qa, qb = edge[lanes.FIRST, v], edge[lanes.LAST, v]
            a, b = _turns_below(qa, place[0, v], sun, p), _turns_below(qb, place[1, v], sun, p)
            if qa > qb:
                if qa - qb < 2:  # rounding
                    continue
                # past the far side: the edge passes behind the viewer
                span[n, 0], span[n, 1], span[n, 2] = v, max(start, first), min(start + b, last)
                n += U(1) if span[n, 1] < span[n, 2] else U(0)
                b = size
            a, b = max(start + a, first), min(start + b, last)
            span[n, 0], span[n, 1], span[n, 2] = v, a, b
            n += U(1) if a < b else U(0)
    return n


@lean(inline="always")
def _shade_heights(edge, span, spans, height, path):
    """Raise the shaded heights of a column by the walls seen."""
    for k in range(spans):
        v, low, high = U(span[k, 0]), np.int64(span[k, 1]), np.int64(span[k, 2])
        wall = (edge[lanes.CROSS, v], edge[lanes.EX, v], edge[lanes.EY, v], edge[lanes.TOP, v])
        for start in range(low & ~15, high, lanes.WIDE):
            inside = keep(high - start) & ~keep(max(low - start, 0))
            lanes.raise_heights(height, path, np.int64(start), inside, wall)


@lean(inline="always")
def _shade_lone(edge, span, spans, level, path, word):
    """Block the suns that the walls seen take from the only receptor of a column."""
    for k in range(spans):
        v, low, high = U(span[k, 0]), np.int64(span[k, 1]), np.int64(span[k, 2])
        rise = edge[lanes.TOP, v] - level
        line = (edge[lanes.CROSS, v] / rise, edge[lanes.EX, v], edge[lanes.EY, v])
        for w in range(low >> 6, ((high - 1) >> 6) + 1):
            inside = keep(high - (w << 6)) & ~keep(max(low - (w << 6), 0))
            if inside & word[0, w] & ~word[1, w] != U(0):
                word[1, w] |= inside & lanes.below_line_bits(path, np.int64(w << 6), line)


@lean
def _shade_special(special, edge, x, y, rises, path, words, word, k):
    """Block in row k the suns that a ray from (x, y) meets between two rises in a wall, or enters at the lower one."""
    low, high, zero = np.float32(rises[0]), np.float32(rises[1]), np.float32(0)
    for w in range(words[0], words[1]):
        t, bits, inside = np.int64(64 * w), U(0), U(0)
        for v in range(special[1], special[2]):
            ax, ay = edge[lanes.AX, v] - x, edge[lanes.AY, v] - y
            bx, by = edge[lanes.BX, v] - x, edge[lanes.BY, v] - y
            ex, ey = edge[lanes.EX, v], edge[lanes.EY, v]
            cross = ax * ey - ay * ex
            side = np.float32(1) if cross > zero else np.float32(-1)
            crossed = lanes.below_line_bits(path, t, (zero, ax, ay)) ^ lanes.below_line_bits(path, t, (zero, bx, by))
            crossed &= lanes.below_line_bits(path, t, (zero, -side * ex, -side * ey))  # ahead, not behind
            crossed &= lanes.below_line_bits(path, t, (side * cross, side * low * ex, side * low * ey))
            inside ^= crossed
            if cross < zero:
                bits |= crossed & lanes.below_line_bits(path, t, (cross, high * ex, high * ey))
        word[k, w] |= bits | inside


@lean(inline="always")
def _shade_column(start, stop, patch, words, counts, points, order, tree, prisms, sun, own):
    """Fill the heights shaded of a column, and the minutes that specials take from each of its receptors.

    words = (first, last); counts = (walls, specials).
    """
    walls, edge, word, level, path = own.walls, own.walls.edge, own.word, own.level, sun.path
    head, size = order[start], stop - start
    x, y = np.float32(points[head, 0] - patch[0]), np.float32(points[head, 1] - patch[1])
    for k in range(size):
        level[k] = points[order[start + k], 2] - patch[3]
    times = (64 * words[0], 64 * words[1])
    if size > 1:
        own.height[times[0] : times[1]] = _NOTHING
    if counts[1] > 0 or size == 1:
        word[1 : 1 + size, :] = U(0)
    for p in range(len(sun.part)):
        spans = _find_spans(walls, counts[0], (x, y, level[0]), sun, p, times, own.span)
        if size == 1:
            _shade_lone(edge, own.span, spans, level[0], path, word)
        else:
            _shade_heights(edge, own.span, spans, own.height, path)
    for s in range(counts[1]):
        special = walls.special[s]
        b, slab = special[0], special[3] == 1
        if slab or touches(special[1], special[2], edge, x, y, TOUCH):
            far = far_of(b, (points[head, 0], points[head, 1]), tree.circle)
            for k in range(size):
                z = points[order[start + k], 2]
                rise, high = prisms.base[b] - z, prisms.top[b] - z
                if high > 0.0 and rise <= far * sun.steepest:
                    _shade_special(special, edge, x, y, (max(rise, _START), high), path, words, word, 1 + k)


@lean(inline="always")
def _hand_out(start, stop, words, counts, order, own, count, mask):
    """Write the lit minutes of a column to its receptors' rows.

    Suns that reach a window reach those above it, if no slab hangs before them: once all do, all of the rest do.
    """
    height, word, level = own.height, own.word, own.level
    masks, lone = len(mask) > 0, stop - start == 1
    each = lone or counts[1] > 0
    for w in range(U(words[0]), U(words[1])):
        front, k = word[0, w], start
        bits = ~front
        while k < stop and (bits != front or each):
            i = U(order[k])
            bits = front if lone else front & lanes.at_most_bits(height, np.int64(w << U(6)), level[k - start])
            if each:
                bits &= ~word[U(1 + k - start), w]
            count[i] += np.int32(count_ones(bits))
            if masks:
                mask[i, w] = bits
            k += 1
        ones = np.int32(count_ones(front))
        for rest in range(k, stop):
            count[U(order[rest])] += ones
            if masks:
                mask[U(order[rest]), w] = front


@lean
def _patch_masks(s, groups, points, normals, prisms, tree, sun, own, count, mask):
    """Minute masks of the receptors of one patch."""
    order, column, group, walls = groups.order, groups.column, groups.group, own.walls
    patch = circle_around(points, groups, group[groups.patch[s]], group[groups.patch[s + 1]])
    found = load_patch(patch, tree, prisms, sun, walls)
    for g in range(groups.patch[s], groups.patch[s + 1]):
        first, last = group[g], group[g + 1]
        head = order[column[first]]
        normal = (normals[head, 0], normals[head, 1], normals[head, 2])
        words = _mark_front(normal, sun.direction, own.word)
        for k in range(column[first], column[last]):
            count[U(order[k])] = 0
            if len(mask):
                mask[order[k]] = U(0)
        if words[0] < words[1]:
            counts = load_group(circle_around(points, groups, first, last), normal, patch, found, prisms, sun, walls)
            for c in range(first, last):
                start, stop = column[c], column[c + 1]
                _shade_column(start, stop, patch, words, counts, points, order, tree, prisms, sun, own)
                _hand_out(start, stop, words, counts, order, own, count, mask)


@kernel(parallel=True)
def _masks(parts, counter, tallest, groups, points, normals, prisms, tree, sun, count, mask):
    """Minute masks of all receptors; each thread takes the patches it gets hold of."""
    for _ in prange(parts):
        own, s = _new_work(prisms, tallest, sun.direction.shape[1]), lanes.take_next(counter)
        while s < len(groups.patch) - 1:
            _patch_masks(s, groups, points, normals, prisms, tree, sun, own, count, mask)
            s = lanes.take_next(counter)


def column_masks(
    groups: Groups,
    points: np.ndarray,
    normals: np.ndarray,
    prisms: Prisms,
    sun: SunTable,
    *,
    masks: bool = True,
    tree: PrismTree | None = None,
    out: tuple[np.ndarray, np.ndarray] | None = None,
) -> tuple[np.ndarray, np.ndarray]:
    """Compute which suns of a day light each receptor.

    Parameters
    ----------
    groups
        The receptors gathered by ``group_columns``.
    points, normals
        The same receptors, shapes (n, 3) [m].
    prisms
        What casts shadow.
    sun
        Directions of the day, t of them.
    masks
        Whether the single suns are wanted, or only how many.
    tree
        Tree over the prisms, if already built by ``prism_tree``.
    out
        What an earlier call for as many receptors and suns returned, to be written over: no new memory is touched.

    Returns
    -------
    tuple
        Number of suns seen, int32 (n), and one bit for each sun, uint64 (n, ceil(t / 64)), or (0, ceil(t / 64)).
    """
    tree = prism_tree(prisms) if tree is None else tree
    rows, words = len(points) if masks else 0, sun.direction.shape[1] // 64
    count, mask = out or (np.empty(len(points), np.int32), np.empty((rows, words), np.uint64))
    if len(points):
        tallest, counter = int(np.diff(groups.column).max()), np.zeros(1, np.int64)
        _masks(numba.get_num_threads(), counter, tallest, groups, points, normals, prisms, tree, sun, count, mask)
    return count, mask
