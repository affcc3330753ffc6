"""Sunlight minute by minute of receptors among extruded buildings, a column of windows at a time.

With (X, Y) the horizontal travel of a ray for each metre of rise, the ray of minute t from P meets the upright plane of
an edge at the rise u = cross(a, e) / (X·e_y − Y·e_x), where a runs from P to the edge's start and e along the edge. A
prism of top H therefore shades, for every t whose azimuth lies between the edge's ends, what lies below H − u on the
upright line through P: one height a minute serves all windows of a column. For a single receptor no division is left:
it is blocked when cross(a, e) > (H − z)·(X·e_y − Y·e_x), a half-plane test, 64 minutes at once.

Slabs (base above the receptor) need no convexity: the ray has entered through the slab's lower face exactly when it
crosses the outline an odd number of times beyond the rise up to the base.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numba
import numpy as np
from numba import prange

from cimkit.kernels._jit import inner, kernel, lean
from cimkit.kernels._lanes import count_ones, trailing_zeros
from cimkit.kernels.column_lanes import (
    CROSS,
    EX,
    EY,
    FIRST,
    LAST,
    TOP,
    at_most_bits,
    below_line_bits,
    front_bits,
    raise_heights,
    take_next,
)
from cimkit.kernels.column_prisms import Prisms, PrismTree, prism_tree
from cimkit.kernels.column_sun import HEAD, SunTable, turns_below
from cimkit.kernels.column_walls import (
    TOUCH,
    farthest,
    frame_of,
    keep,
    load_group,
    load_patch,
    new_walls,
    row,
    spot,
    touches,
    view_walls,
)

if TYPE_CHECKING:
    from cimkit.kernels.column_groups import Groups

GRAZING = 1e-6  # a sun this close to the plane of the receptor's surface does not light it
U = np.uint64
_ALL = np.uint64(0xFFFFFFFFFFFFFFFF)
_START = np.float32(1e-4)  # rise after which a receptor at a wall is asked whether it looks into the solid [m]
_NOTHING = np.float32(-1e30)
_FEW = 2  # up to this many receptors the half-plane test is quicker than heights


class _Times(NamedTuple):
    """Working memory of a part of the work (a thread)."""

    span: np.ndarray  # int32 (4 × spans): edge, first time, last time + 1
    level: np.ndarray  # float32 (tallest): height of each receptor of the column
    height: np.ndarray  # float32 (t): shaded height of the column
    word: np.ndarray  # uint64 (2 + tallest, w + 1): suns in front, scratch, blocked suns of each receptor


@inner
def _new_times(vertices, tallest, words):
    """Allocate for so many."""
    return _Times(
        np.empty(16 * vertices + 64, np.int32),
        np.empty(tallest, np.float32),
        np.empty(64 * words, np.float32),
        np.empty((2 + tallest, words + 1), np.uint64),
    )


@lean
def _mark_front(normal, suns, word):
    """Mark in row 0 the suns above the horizon and in front of the surface; return the first and last word of them."""
    low, high = word.shape[1], 0
    for w in range(word.shape[1] - 1):
        bits = front_bits(suns, w, normal, GRAZING)
        word[0, w] = bits
        if bits != U(0):
            low, high = min(low, w), w + 1
    return low, high


@lean(inline="always")
def _put(word, k, t, bits):
    """Set bits of row k from time t on."""
    w, shift = U(t >> 6), U(t & 63)
    word[U(k), w] |= bits << shift
    word[U(k), w + U(1)] |= (bits >> U(1)) >> (U(63) - shift)


@lean(inline="always")
def _flip(word, t, bits):
    """Flip bits of row 1 from time t on."""
    w, shift = U(t >> 6), U(t & 63)
    word[1, w] ^= bits << shift
    word[1, w + U(1)] ^= (bits >> U(1)) >> (U(63) - shift)


@lean
def _merge(word, k):
    """Block in row k what row 1 marks."""
    for w in range(word.shape[1]):
        word[k, w] |= word[1, w]


@lean(inline="always")
def _look(q, place, stretch, cell, p, twice):
    """Number of turns of stretch p below q, whose place in the lookup is known."""
    k = cell[p, U(place)]
    k += np.int32(1) if q > stretch[p, U(k) + U(HEAD)] else np.int32(0)
    while twice and q > stretch[p, U(k) + U(HEAD)]:
        k += np.int32(1)
    return np.int64(k)


@lean
def _find_spans(walls, count, column, sun, p, times, span):
    """Write (edge, first time, last time + 1) of the walls a column may see in a stretch; return how many.

    Empty spans are overwritten instead of branched around.
    """
    edge, place, stretch, cell = walls.edge, walls.place, sun.stretch, sun.cell
    frame = frame_of(column, sun, p)
    start, size, twice = sun.part[p, 0], sun.part[p, 1], sun.part[p, 2] == 1
    first, last = times
    n = U(0)
    for base in range(0, count, 64):
        bits = view_walls(walls, base, count, frame)
        while bits != U(0):
            v = base + trailing_zeros(bits)
            bits &= bits - U(1)
            k, m = spot(v), U((v >> 4) * 32 + (v & 15))
            qa, qb = edge[k + row(FIRST)], edge[k + row(LAST)]
            a = _look(qa, place[m], stretch, cell, p, twice)
            b = _look(qb, place[m + U(16)], stretch, cell, p, twice)
            if qa > qb:
                if qa - qb < 2:  # rounding
                    continue
                # past the far side: the edge passes behind the viewer
                span[n], span[n + U(1)], span[n + U(2)] = v, max(start, first), min(start + b, last)
                n += U(4) if span[n + U(1)] < span[n + U(2)] else U(0)
                b = size
            a, b = max(start + a, first), min(start + b, last)
            span[n], span[n + U(1)], span[n + U(2)] = v, a, b
            n += U(4) if a < b else U(0)
    return np.int64(n >> U(2))


@lean
def _shade_heights(edge, span, spans, height, sun):
    """Raise the shaded heights of a column by the walls seen."""
    east, north = sun.east, sun.north
    for k in range(U(spans)):
        m = k << U(2)
        v, low, high = spot(np.int64(span[m])), np.int64(span[m + U(1)]), np.int64(span[m + U(2)])
        wall = (edge[v + row(CROSS)], edge[v + row(EX)], edge[v + row(EY)], edge[v + row(TOP)])
        for start in range(low & ~15, high, 16):
            inside = keep(high - start) & ~keep(max(low - start, 0))
            raise_heights(height, east, north, np.int64(start), inside, wall)


@lean
def _shade_one(edge, span, spans, word, sun, k, z):
    """Block in row k the minutes of one receptor by the walls seen."""
    east, north = sun.east, sun.north
    for s in range(U(spans)):
        m = s << U(2)
        v, t, end = spot(np.int64(span[m])), np.int64(span[m + U(1)]), np.int64(span[m + U(2)])
        h = edge[v + row(TOP)] - z
        c, ex, ey = edge[v + row(CROSS)], h * edge[v + row(EX)], h * edge[v + row(EY)]
        while True:
            _put(word, k, t, keep(end - t) & below_line_bits(east, north, t, (c, ex, ey)))
            t += 64
            if t >= end:
                break


@lean
def _spans(qa, qb, sun, p, times):
    """Ranges of times, at most two, whose azimuth lies between two turns; empty ones have last <= first."""
    start, size = sun.part[p, 0], sun.part[p, 1]
    a, b = (turns_below(qa, sun.stretch, sun.part, sun.cell, p), turns_below(qb, sun.stretch, sun.part, sun.cell, p))
    d = 0
    if qa > qb:
        # past the far side: the edge passes behind the viewer; less than half a turn back is rounding
        d, b = (b, size) if qa - qb >= 2 else (0, a)
    return (
        max(start + a, times[0]), min(start + b, times[1]), max(start, times[0]), min(start + d, times[1]),
    )  # fmt: skip


@lean
def _entered_bits(first, last, edge, rise, word, sun, p, times):
    """Minutes (row 1) when the ray, risen this much, is inside the outline: it crosses it an odd number of times more.

    Front edges count when met beyond the rise (cross < rise·den < 0), back edges too (cross > rise·den > 0).
    """
    east, north = sun.east, sun.north
    word[1, :] = U(0)
    for v in range(first, last):
        k = spot(v)
        c, ex, ey = edge[k + row(CROSS)], rise * edge[k + row(EX)], rise * edge[k + row(EY)]
        qa, qb = edge[k + row(FIRST)], edge[k + row(LAST)]
        if c == 0:
            continue
        if c < 0:
            c, ex, ey = -c, -ex, -ey
        else:
            qa, qb = qb, qa
        spans = _spans(qa, qb, sun, p, times)
        for part in range(2):
            a, b = spans[2 * part], spans[2 * part + 1]
            for t in range(a, b, 64):
                _flip(word, t, keep(b - t) & below_line_bits(east, north, np.int64(t), (c, ex, ey)))


@lean
def _slab_walls(first, last, edge, rises, word, into, sun, p, times):
    """Block the minutes at which a ray meets a wall of a slab between two rises."""
    east, north = sun.east, sun.north
    low, high = rises
    for v in range(first, last):
        k = spot(v)
        c, ex, ey = edge[k + row(CROSS)], edge[k + row(EX)], edge[k + row(EY)]
        if c >= 0:
            continue
        spans = _spans(edge[k + row(FIRST)], edge[k + row(LAST)], sun, p, times)
        for part in range(2):
            a, b = spans[2 * part], spans[2 * part + 1]
            for t in range(a, b, 64):
                bits = keep(b - t) & below_line_bits(east, north, np.int64(t), (c, high * ex, high * ey))
                if low > 0:
                    bits &= below_line_bits(east, north, np.int64(t), (-c, -low * ex, -low * ey))
                _put(word, into, t, bits)


@lean
def _shade_special(special, column, view, points, order, prisms, sun, p, times, walls, word):
    """Block the minutes taken by one slab, or by a solid that the column touches; column = (start, stop, x, y)."""
    b, first, last, slab = special[0], special[1], special[2], special[3]
    start, stop, px, py = column
    edge = walls.edge
    touched = touches(first, last, edge, px, py, TOUCH)
    if slab == 0 and not touched:
        return
    for base in range(first, last, 64):
        view_walls(walls, base, last, frame_of(view, sun, p))
    if slab == 0:
        _entered_bits(first, last, edge, _START, word, sun, p, times)
        for k in range(start, stop):
            if points[order[k], 2] < prisms.top[b]:
                _merge(word, 2 + k - start)
        return
    far = farthest(first, last, edge, px, py)
    for k in range(start, stop):
        z = points[order[k], 2]
        rise, high = np.float32(prisms.base[b] - z), np.float32(prisms.top[b] - z)
        if high <= 0 or rise > far * sun.steepest:
            continue
        _slab_walls(first, last, edge, (rise, high), word, 2 + k - start, sun, p, times)
        if rise > 0 or touched:
            _entered_bits(first, last, edge, max(rise, _START), word, sun, p, times)
            _merge(word, 2 + k - start)


@lean
def _shade_column(column, low, words, counts, points, order, prisms, sun, walls, own):
    """Fill the blocked minutes of every receptor of a column, or the heights shaded; return 1 for heights.

    column = (start, stop, x, y) about the group's centre; words = (first, last); counts = (walls, specials).
    """
    start, stop, px, py = column
    edge, span, height, word, level = walls.edge, own.span, own.height, own.word, own.level
    for k in range(stop - start):
        level[k] = points[order[start + k], 2] - low
    heights = stop - start > _FEW
    if not heights or counts[1] > 0:
        word[2 : 2 + stop - start, :] = U(0)
    times = (64 * words[0], 64 * words[1])
    if heights:
        height[times[0] : times[1]] = _NOTHING
    view = (px, py, level[0])
    for p in range(len(sun.part)):
        spans = _find_spans(walls, counts[0], view, sun, p, times, span)
        if heights:
            _shade_heights(edge, span, spans, height, sun)
        else:
            for k in range(stop - start):
                _shade_one(edge, span, spans, word, sun, 2 + k, level[k])
        for k in range(counts[1]):
            _shade_special(walls.special[k], column, view, points, order, prisms, sun, p, times, walls, word)
    return heights


@lean
def _hand_out(place, words, heights, specials, order, own, count, mask):
    """Write the lit minutes of a column to its receptors' rows; place = (start, stop).

    Suns that reach a window reach those above it, if no slab hangs before them: once all do, all of the rest do.
    """
    height, word, level = own.height, own.word, own.level
    start, stop = place
    masks = len(mask) > 0
    for w in range(U(words[0]), U(words[1])):
        front, k = word[0, w], start
        bits = ~front
        while k < stop and (bits != front or specials):
            i = U(order[k])
            bits = front
            if heights:
                bits &= at_most_bits(height, np.int64(w << U(6)), level[k - start])
            if specials or not heights:
                bits &= ~word[U(2 + k - start), w]
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
def _patch_masks(s, groups, points, normals, prisms, tree, sun, walls, own, count, mask):
    """Minute masks of the receptors of one patch."""
    order, column, circle = groups.order, groups.column, groups.circle
    around = (groups.patch_circle[s, 0], groups.patch_circle[s, 1], groups.patch_circle[s, 2])
    patch = (around[0], around[1], groups.patch_low[s])
    near = load_patch(around, patch[2], tree, prisms, sun, walls)
    for g in range(groups.patch[s], groups.patch[s + 1]):
        first, last, low = groups.group[g], groups.group[g + 1], groups.low[g]
        head = order[column[first]]
        normal = (normals[head, 0], normals[head, 1], normals[head, 2])
        words = _mark_front(normal, sun.block, own.word)
        for k in range(column[first], column[last]):
            count[U(order[k])] = 0
            if len(mask):
                for w in range(mask.shape[1]):
                    mask[U(order[k]), U(w)] = U(0)
        if words[0] >= words[1]:
            continue
        centre = (circle[g, 0], circle[g, 1], circle[g, 2], low)
        counts = load_group(centre, normal, patch, near, prisms, tree, sun, walls)
        for c in range(first, last):
            start, stop = column[c], column[c + 1]
            px = np.float32(points[order[start], 0] - circle[g, 0])
            py = np.float32(points[order[start], 1] - circle[g, 1])
            place = (start, stop, px, py)
            heights = _shade_column(place, low, words, counts, points, order, prisms, sun, walls, own)
            _hand_out((start, stop), words, heights, counts[1] > 0 or not heights, order, own, count, mask)


@inner
def _masks_part(counter, tallest, groups, points, normals, prisms, tree, sun, count, mask):
    """Minute masks of the patches one thread gets hold of."""
    walls = new_walls(len(prisms.top), len(prisms.xy))
    own = _new_times(len(prisms.xy), tallest, len(sun.block) // 192)
    s = take_next(counter)
    while s < len(groups.patch) - 1:
        _patch_masks(s, groups, points, normals, prisms, tree, sun, walls, own, count, mask)
        s = take_next(counter)


@kernel(parallel=True)
def _masks(parts, counter, tallest, groups, points, normals, prisms, tree, sun, count, mask):
    """Minute masks of all receptors."""
    for _ in prange(parts):
        _masks_part(counter, tallest, groups, points, normals, prisms, tree, sun, count, mask)


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
    words = len(sun.block) // 192
    count, mask = out or (
        np.empty(len(points), np.int32),
        np.empty((len(points) if masks else 0, words), np.uint64),
    )
    if len(points):
        tallest, counter = int(np.diff(groups.column).max()), np.zeros(1, np.int64)
        _masks(numba.get_num_threads(), counter, tallest, groups, points, normals, prisms, tree, sun, count, mask)
    return count, mask
