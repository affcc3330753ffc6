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

from cimkit.kernels._jit import kernel
from cimkit.kernels._lanes import at_most_bits, below_line_bits, count_ones, raise_heights
from cimkit.kernels.column_prisms import PrismGrid, Prisms, cells_in_reach, in_reach, prism_grid, prisms_in_reach
from cimkit.kernels.column_sun import SunTable, turn_of, turns_below

if TYPE_CHECKING:
    from cimkit.kernels.column_groups import Groups

GRAZING = 1e-6  # a sun this close to the plane of the receptor's surface does not light it
_ALL = np.uint64(0xFFFFFFFFFFFFFFFF)
_TOUCH = 5e-3  # a receptor this close to a wall, or inside, is asked whether it looks into the solid [m]
_START = np.float32(1e-4)  # rise after which it is asked [m]
_NOTHING = np.float32(-1e30)
_FEW = 2  # up to this many receptors the half-plane test is quicker than heights


class _Scratch(NamedTuple):
    """Working memory, one part of the work (a thread) along the first axis: nothing is allocated in between."""

    found: np.ndarray  # (2, prisms): prisms of the patch, prisms of the group
    edge: np.ndarray  # float32 (10, edges): ax ay bx by ex ey top, turns of both ends, cross product
    active: np.ndarray  # int32 (edges)
    chosen: np.ndarray  # (edges)
    span: np.ndarray  # (3, spans): edge, first time, last time + 1
    special: np.ndarray  # (prisms, 4): prism, first edge, last edge, 1 for a slab
    height: np.ndarray  # float32 (t): shaded height of the column
    word: np.ndarray  # uint64 (2 + tallest, w): suns in front, scratch, blocked suns of each receptor


def _scratch(parts, prisms, vertices, tallest, padded):
    """Working memory for so many parts."""
    return _Scratch(
        found=np.empty((parts, 2, prisms), np.int64),
        edge=np.empty((parts, 10, 2 * vertices), np.float32),
        active=np.empty((parts, 2 * vertices), np.int32),
        chosen=np.empty((parts, 2 * vertices), np.int64),
        span=np.empty((parts, 3, 4 * vertices), np.int64),
        special=np.empty((parts, prisms, 4), np.int64),
        height=np.empty((parts, padded), np.float32),
        word=np.empty((parts, 2 + tallest, padded // 64), np.uint64),
    )


@kernel
def _front_bits(nx, ny, nz, direction, word):
    """Mark in row 0 the suns above the horizon and in front of the surface; return first and last + 1 of them."""
    low, high = len(direction), 0
    word[0, :] = np.uint64(0)
    for t in range(len(direction)):
        dot = nx * direction[t, 0] + ny * direction[t, 1] + nz * direction[t, 2]
        if direction[t, 2] > 0 and dot > GRAZING:
            word[0, t >> 6] |= np.uint64(1) << np.uint64(t & 63)
            low, high = min(low, t), t + 1
    return low, high


@kernel
def _store_edge(edge, k, ends, top):
    """Write one edge about the group's centre."""
    ax, ay, bx, by = ends
    edge[0, k], edge[1, k], edge[2, k], edge[3, k] = ax, ay, bx, by
    edge[4, k], edge[5, k] = bx - ax, by - ay
    edge[6, k] = top


@kernel
def edge_matters(ends, top, radius, normal, stretch, cell, slope, limits):
    """Whether a wall can shade any column of a group: it turns its face there, in front of the plane, in reach."""
    ax, ay, bx, by = ends
    ex, ey = bx - ax, by - ay
    long2 = ex * ex + ey * ey
    cross = ax * ey - ay * ex
    if long2 == 0 or (cross > 0 and cross * cross > radius * radius * long2):
        return False
    nx, ny, nz = normal
    if abs(nz) < 1e-9 and max(ax * nx + ay * ny, bx * nx + by * ny) <= -radius:
        return False
    u = min(max(-(ax * ex + ay * ey) / long2, 0.0), 1.0)
    dx, dy = ax + u * ex, ay + u * ey
    if np.sqrt(dx * dx + dy * dy) - radius > top / limits[0]:
        return False
    around = (ax + 0.5 * ex, ay + 0.5 * ey, 0.5 * np.sqrt(long2) + radius)
    return in_reach(around, top, stretch, cell, slope, limits)


@kernel
def _load_walls(b, centre, normal, prisms, sun, limits, edge, count):
    """Add the walls of a solid prism that may shade a group with this centre (x, y, radius, lowest receptor)."""
    x, y, radius, low = centre
    top = prisms.top[b] - low
    xy, stretch, cell, slope = prisms.xy, sun.stretch, sun.cell, sun.slope
    for ring in range(prisms.poly[b], prisms.poly[b + 1]):
        first, last = prisms.ring[ring], prisms.ring[ring + 1]
        ax, ay = xy[last - 1, 0] - x, xy[last - 1, 1] - y
        for v in range(first, last):
            bx, by = xy[v, 0] - x, xy[v, 1] - y
            if edge_matters((ax, ay, bx, by), top, radius, normal, stretch, cell, slope, limits):
                _store_edge(edge, count, (ax, ay, bx, by), top)
                count += 1
            ax, ay = bx, by
    return count


@kernel
def _load_outline(b, centre, prisms, edge, count):
    """Add all edges of a prism."""
    x, y, _, low = centre
    xy = prisms.xy
    for ring in range(prisms.poly[b], prisms.poly[b + 1]):
        first, last = prisms.ring[ring], prisms.ring[ring + 1]
        ax, ay = xy[last - 1, 0] - x, xy[last - 1, 1] - y
        for v in range(first, last):
            bx, by = xy[v, 0] - x, xy[v, 1] - y
            if ax != bx or ay != by:
                _store_edge(edge, count, (ax, ay, bx, by), prisms.top[b] - low)
                count += 1
            ax, ay = bx, by
    return count


@kernel
def load_group(centre, normal, found, prisms, circle, sun, limits, work):
    """Fill the edges of a group: walls of solids, then all edges of slabs and of solids it may touch.

    Return the number of walls, of all edges, and of special prisms.
    """
    x, y, radius, low = centre
    prism, edge, special = work.found, work.edge, work.special
    walls = 0
    for k in range(found):
        if prisms.base[prism[1, k]] <= low:
            walls = _load_walls(prism[1, k], centre, normal, prisms, sun, limits, edge, walls)
    edges, specials = walls, 0
    for k in range(found):
        b = prism[1, k]
        slab = prisms.base[b] > low
        dx, dy, r = circle[b, 0] - x, circle[b, 1] - y, circle[b, 2] + radius + 2 * _TOUCH
        if slab or dx * dx + dy * dy <= r * r:
            last = _load_outline(b, centre, prisms, edge, edges)
            special[specials, 0], special[specials, 1], special[specials, 2] = b, edges, last
            special[specials, 3] = 1 if slab else 0
            edges, specials = last, specials + 1
    return walls, edges, specials


@kernel
def _end_turns(edge, row, count, px, py, mx, my):
    """Turns of one end of all edges, seen from the column."""
    for k in range(np.uint64(count)):
        v = np.uint64(k)
        edge[7 + row, v] = turn_of(edge[2 * row, v] - px, edge[2 * row + 1, v] - py, mx, my)


@kernel
def _edge_states(edge, active, count, px, py, low, q0, q1):
    """Cross products of all edges, and which may shade: facing the column, within the fan, higher than it."""
    for k in range(np.uint64(count)):
        v = np.uint64(k)
        c = (edge[0, v] - px) * edge[5, v] - (edge[1, v] - py) * edge[4, v]
        edge[9, v] = c
        qa, qb = edge[7, v], edge[8, v]
        before, after = qa <= q1, qb >= q0
        inside = (before & after) if qa <= qb else (before | after)
        active[v] = np.int32(1) if ((c < 0) & inside & (edge[6, v] > low)) else np.int32(0)


@kernel
def _choose(active, count, chosen):
    """Numbers of the active edges; without a branch."""
    found = np.uint64(0)
    for k in range(np.uint64(count)):
        chosen[found] = np.int64(k)
        found += np.uint64(active[np.uint64(k)])
    return np.int64(found)


@kernel(inline="always")
def _spans(qa, qb, stretch, cell, window):
    """Ranges of times, at most two, whose azimuth lies between two turns; empty ones have last <= first."""
    p, t0, t1 = window
    a, b = turns_below(qa, stretch, cell, p), turns_below(qb, stretch, cell, p)
    first, last = np.int64(cell[p, 0]), np.int64(cell[p, 1])
    c, d = np.int64(0), np.int64(0)
    if qa > qb:
        # past the far side: the edge passes behind the viewer; less than half a turn back is rounding
        d = b if qa - qb >= 2 else np.int64(0)
        b = last - first if qa - qb >= 2 else a
    if cell[p, 2] == 0:
        a, b, c, d = last - b, last - a, last - d, last - c
    else:
        a, b, c, d = a + first, b + first, c + first, d + first
    return max(a, t0), min(b, t1), max(c, t0), min(d, t1)


@kernel(inline="always")
def _mask(place, low, high):
    """Bits of a word that lie in the range low..high."""
    bits = _ALL
    if place == low >> 6:
        bits &= _ALL << np.uint64(low & 63)
    if place == (high - 1) >> 6:
        bits &= _ALL >> np.uint64(63 - ((high - 1) & 63))
    return bits


@kernel
def _find_spans(edge, chosen, found, span, stretch, cell, window):
    """Turn chosen edges into spans (edge, first time, last time + 1); return how many are not empty.

    Empty spans are overwritten instead of branched around: 25 % of the time of single receptors.
    """
    count = 0
    for k in range(found):
        v = np.uint64(chosen[np.uint64(k)])
        a, b, c, d = _spans(edge[7, v], edge[8, v], stretch, cell, window)
        span[0, count], span[1, count], span[2, count] = np.int64(v), a, b
        count += 1 if a < b else 0
        if c < d:
            span[0, count], span[1, count], span[2, count] = np.int64(v), c, d
            count += 1
    return count


@kernel(inline="always")
def _block_word(word, row, k, bits, path, line):
    """Block the minutes of one word that pass the half-plane test c > x·ey − y·ex, line = (c, ex, ey)."""
    bits &= below_line_bits(path, np.int64(k << 6), line[0], line[1], line[2])
    word[np.uint64(row), np.uint64(k)] |= bits


@kernel(inline="always")
def _toggle(word, path, low, high, line):
    """Flip in row 1 the minutes of a range that pass the half-plane test."""
    if low < high:
        for k in range(low >> 6, ((high - 1) >> 6) + 1):
            bits = below_line_bits(path, np.int64(k << 6), line[0], line[1], line[2])
            word[1, np.uint64(k)] ^= _mask(k, low, high) & bits


@kernel(inline="always")
def _lift(height, path, low, high, edge):
    """Raise the shaded heights of a range."""
    for start in range(low & ~15, high, 16):
        raise_heights(height, path, np.int64(start), (np.int64(low), np.int64(high)), edge)


@kernel
def _shade_heights(edge, span, spans, height, path):
    """Raise the shaded heights of a column by the chosen walls."""
    for k in range(spans):
        v = np.uint64(span[0, k])
        _lift(height, path, span[1, k], span[2, k], (edge[9, v], edge[4, v], edge[5, v], edge[6, v]))


@kernel
def _shade_one(edge, span, spans, word, path, row, z):
    """Block the minutes of one receptor by the chosen walls.

    Two words are always done, the second perhaps with no bit: most spans need one or two, and a wrong guess of which
    costs more than the work.
    """
    last = word.shape[1] - 1
    for k in range(spans):
        v = np.uint64(span[0, k])
        low, high = span[1, k], span[2, k]
        h = edge[6, v] - z
        line = (edge[9, v], h * edge[4, v], h * edge[5, v])
        first, end = low >> 6, (high - 1) >> 6
        upper = _ALL >> np.uint64(63 - ((high - 1) & 63))
        bits = _ALL << np.uint64(low & 63)
        _block_word(word, row, first, bits & upper if first == end else bits, path, line)
        bits = upper if first + 1 == end else _ALL
        _block_word(word, row, min(first + 1, last), bits if first < end else np.uint64(0), path, line)
        for w in range(first + 2, end + 1):
            _block_word(word, row, w, upper if w == end else _ALL, path, line)


@kernel
def _entered_bits(first, last, edge, rise, word, path, stretch, cell, window):
    """Minutes (row 1) when the ray, risen this much, is inside the outline: it crosses it an odd number of times more.

    Front edges count when met beyond the rise (cross < rise·den < 0), back edges too (cross > rise·den > 0).
    """
    word[1, :] = np.uint64(0)
    for v in range(first, last):
        line = (edge[9, v], rise * edge[4, v], rise * edge[5, v])
        qa, qb = edge[7, v], edge[8, v]
        if line[0] == 0:
            continue
        if line[0] < 0:
            line = (-line[0], -line[1], -line[2])
        else:
            qa, qb = qb, qa
        a, b, c, d = _spans(qa, qb, stretch, cell, window)
        _toggle(word, path, a, b, line)
        _toggle(word, path, c, d, line)


@kernel
def _slab_walls(first, last, edge, rises, word, row, path, stretch, cell, window):
    """Block the minutes at which a ray meets a wall of a slab between two rises."""
    low, high = rises
    for v in range(first, last):
        c, ex, ey = edge[9, v], edge[4, v], edge[5, v]
        if c >= 0:
            continue
        spans = _spans(edge[7, v], edge[8, v], stretch, cell, window)
        for part in range(2):
            a, b = spans[2 * part], spans[2 * part + 1]
            if a >= b:
                continue
            for k in range(a >> 6, ((b - 1) >> 6) + 1):
                start = np.int64(k << 6)
                bits = _mask(k, a, b) & below_line_bits(path, start, c, high * ex, high * ey)
                if low > 0:
                    bits &= below_line_bits(path, start, -c, -low * ex, -low * ey)
                word[row, k] |= bits


@kernel
def touches(first, last, edge, px, py):
    """Whether the column stands inside an outline or within 5 mm of it."""
    inside = False
    reach, reach2 = np.float32(_TOUCH), np.float32(_TOUCH * _TOUCH)
    for v in range(first, last):
        ax, ay, by = edge[0, v] - px, edge[1, v] - py, edge[3, v] - py
        ex, ey, c = edge[4, v], edge[5, v], edge[9, v]
        long2, along = ex * ex + ey * ey, -(ax * ex + ay * ey)
        if c * c <= reach2 * long2:
            margin = reach * (reach + np.sqrt(long2))
            if along >= -margin and along <= long2 + margin:
                return True
        if ((ay > 0) != (by > 0)) and ((c > 0) == (by > ay)):
            inside = not inside
    return inside


@kernel
def farthest(first, last, edge, px, py):
    """Distance of the farthest corner from the column."""
    far2 = np.float32(0)
    for v in range(first, last):
        x, y = edge[0, v] - px, edge[1, v] - py
        far2 = max(far2, x * x + y * y)
    return np.sqrt(far2)


@kernel
def _shade_special(special, column, points, order, prisms, reach, edge, word, path, stretch, cell, window):
    """Block the minutes taken by one slab, or by a solid that the column touches; column = (start, stop, x, y)."""
    b, first, last, slab = special
    start, stop, px, py = column
    if slab == 0:
        if touches(first, last, edge, px, py):
            _entered_bits(first, last, edge, _START, word, path, stretch, cell, window)
            for k in range(start, stop):
                if points[order[k], 2] < prisms.top[b]:
                    word[2 + k - start, :] |= word[1, :]
        return
    far = farthest(first, last, edge, px, py)
    for k in range(start, stop):
        z = points[order[k], 2]
        rise, high = np.float32(prisms.base[b] - z), np.float32(prisms.top[b] - z)
        if high <= 0 or rise > far * reach:
            continue
        _slab_walls(first, last, edge, (rise, high), word, 2 + k - start, path, stretch, cell, window)
        if rise > 0 or touches(first, last, edge, px, py):
            _entered_bits(first, last, edge, max(rise, _START), word, path, stretch, cell, window)
            word[2 + k - start, :] |= word[1, :]


@kernel
def _shade_column(column, low, times, counts, points, order, prisms, reach, sky, work):
    """Fill the blocked minutes of every receptor of a column, rows 2 and on of the words.

    column = (start, stop, x, y) about the group's centre; times = (first, last); counts = (walls, edges, specials).
    """
    start, stop, px, py = column
    walls, edges, specials = counts
    path, stretch, cell = sky
    edge, active, chosen, span, special, height, word = work
    heights = stop - start > _FEW
    for k in range(stop - start):
        for w in range(word.shape[1]):
            word[2 + k, w] = ~word[0, w]
    if heights:
        height[:] = _NOTHING
    lowest = np.float32(points[order[start], 2] - low)
    for p in range(len(cell)):
        window = (p, times[0], times[1])
        _end_turns(edge, 0, edges, px, py, stretch[p, 0], stretch[p, 1])
        _end_turns(edge, 1, edges, px, py, stretch[p, 0], stretch[p, 1])
        _edge_states(edge, active, edges, px, py, lowest, stretch[p, 2], stretch[p, 3])
        spans = _find_spans(edge, chosen, _choose(active, walls, chosen), span, stretch, cell, window)
        if heights:
            _shade_heights(edge, span, spans, height, path)
        else:
            for k in range(start, stop):
                z = np.float32(points[order[k], 2] - low)
                _shade_one(edge, span, spans, word, path, 2 + k - start, z)
        for k in range(specials):
            row = (special[k, 0], special[k, 1], special[k, 2], special[k, 3])
            _shade_special(row, column, points, order, prisms, reach, edge, word, path, stretch, cell, window)
    if heights:
        for k in range(stop - start):
            z = np.float32(points[order[start + k], 2] - low)
            for w in range(word.shape[1]):
                word[2 + k, w] |= ~at_most_bits(height, np.int64(w << 6), z)


@kernel
def _hand_out(start, stop, order, word, count, mask):
    """Write the lit minutes of a column to its receptors' rows."""
    for k in range(start, stop):
        row, lit = order[k], np.uint64(0)
        for w in range(word.shape[1]):
            lit += count_ones(~word[2 + k - start, w])
        count[row] = lit
        if len(mask):
            for w in range(word.shape[1]):
                mask[row, w] = ~word[2 + k - start, w]


@kernel
def _patch_masks(s, groups, points, normals, prisms, grid, sun, limits, work, count, mask):
    """Minute masks of the receptors of one patch; limits = (tangent of the lowest sun, of the highest)."""
    order, column, circle = groups.order, groups.column, groups.circle
    sky = (sun.path, sun.stretch, sun.cell)
    own = (work.edge, work.active, work.chosen, work.span, work.special, work.height, work.word)
    bounds = (limits[0], 0)
    around = (groups.patch_circle[s, 0], groups.patch_circle[s, 1], groups.patch_circle[s, 2])
    near = cells_in_reach(around, groups.patch_low[s], grid, prisms.top, sun, bounds, work.found)
    for g in range(groups.patch[s], groups.patch[s + 1]):
        first, last, low = groups.group[g], groups.group[g + 1], groups.low[g]
        head = order[column[first]]
        normal = (normals[head, 0], normals[head, 1], normals[head, 2])
        t0, t1 = _front_bits(normal[0], normal[1], normal[2], sun.direction, work.word)
        if t0 >= t1:
            for k in range(column[first], column[last]):
                count[order[k]] = 0
            continue  # the rows of the mask are zero from the start
        around = (circle[g, 0], circle[g, 1], circle[g, 2])
        found = prisms_in_reach(around, low, near, grid, prisms.top, sun, bounds, work.found)
        centre = (circle[g, 0], circle[g, 1], circle[g, 2], low)
        counts = load_group(centre, normal, found, prisms, grid.circle, sun, bounds, work)
        for c in range(first, last):
            start, stop = column[c], column[c + 1]
            px = np.float32(points[order[start], 0] - circle[g, 0])
            py = np.float32(points[order[start], 1] - circle[g, 1])
            place = (start, stop, px, py)
            _shade_column(place, low, (t0, t1), counts, points, order, prisms, limits[1], sky, own)
            _hand_out(start, stop, order, work.word, count, mask)


@kernel(parallel=True)
def _masks(groups, points, normals, prisms, grid, sun, limits, work, count, mask):
    """Minute masks of all receptors; patches go round the parts so that each gets its share."""
    patches, parts = len(groups.patch) - 1, len(work.found)
    for part in prange(parts):
        own = _Scratch(
            work.found[part], work.edge[part], work.active[part], work.chosen[part], work.span[part],
            work.special[part], work.height[part], work.word[part],
        )  # fmt: skip
        for s in range(part, patches, parts):
            _patch_masks(s, groups, points, normals, prisms, grid, sun, limits, own, count, mask)


def sun_limits(sun: SunTable) -> tuple[float, float]:
    """Return the tangents of the lowest and of the highest sun above the horizon."""
    up = sun.direction[sun.direction[:, 2] > 0]
    if not len(up):
        return np.inf, 0.0
    tangent = up[:, 2] / np.maximum(np.hypot(up[:, 0], up[:, 1]), 1e-9)
    return float(tangent.min()), float(tangent.max())


def column_masks(
    groups: Groups,
    points: np.ndarray,
    normals: np.ndarray,
    prisms: Prisms,
    sun: SunTable,
    *,
    masks: bool = True,
    grid: PrismGrid | None = None,
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
    grid
        Grid over the prisms, if already built by ``prism_grid``.

    Returns
    -------
    tuple
        Number of suns seen, int32 (n), and one bit for each sun, uint64 (n, ceil(t / 64)), or (0, ceil(t / 64)).
    """
    grid = prism_grid(prisms) if grid is None else grid
    words = sun.path.shape[1] // 64
    count = np.zeros(len(points), np.int32)
    mask = np.zeros((len(points) if masks else 0, words), np.uint64)
    if len(points):
        tallest = int(np.diff(groups.column).max())
        work = _scratch(numba.get_num_threads(), len(prisms.top) + 1, len(prisms.xy) + 1, tallest, sun.path.shape[1])
        _masks(groups, points, normals, prisms, grid, sun, sun_limits(sun), work, count, mask)
    return count, mask
