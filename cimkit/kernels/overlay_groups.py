"""Around the area sweep: which plate meets which parcel, and which plates repeat."""

from __future__ import annotations

from typing import Any, NamedTuple

import numba
import numpy as np

from cimkit.kernels._jit import inner, kernel
from cimkit.kernels.overlay import Pairs
from cimkit.kernels.overlay_edges import Shapes, bounds_of, holds_point, touches_box


class Grid(NamedTuple):
    """Square cells over the parcels' boxes, each with a list of the parcels whose box meets it."""

    x: Any
    y: Any
    size: Any
    columns: Any
    rows: Any
    start: Any
    item: Any
    box: Any


@inner()
def _cell(value, origin, size, count):
    """Return the cell of a coordinate, held within the grid."""
    return min(count - 1, max(0, int((value - origin) / size)))


@kernel
def build_grid(parcels):
    """Build the grid of parcels, about one cell a parcel."""
    n = parcels.poly.size - 1
    box = np.empty((n, 4))
    x, y, x_end, y_end = 1e300, 1e300, -1e300, -1e300
    for p in range(n):
        box[p, 0], box[p, 1], box[p, 2], box[p, 3] = bounds_of(parcels, p)
        if box[p, 0] <= box[p, 2]:
            x, y, x_end, y_end = min(x, box[p, 0]), min(y, box[p, 1]), max(x_end, box[p, 2]), max(y_end, box[p, 3])
    if x > x_end:
        x, y, x_end, y_end = 0.0, 0.0, 0.0, 0.0
    size = max(1.0, np.sqrt((x_end - x) * (y_end - y) / max(1, n)), max(x_end - x, y_end - y) / 4096.0)
    columns, rows = int((x_end - x) / size) + 1, int((y_end - y) / size) + 1
    start = np.zeros(columns * rows + 2, np.intp)
    item = np.empty(0, np.intp)
    for fill in range(2):
        for p in range(n):
            if box[p, 0] > box[p, 2]:
                continue
            for j in range(_cell(box[p, 1], y, size, rows), _cell(box[p, 3], y, size, rows) + 1):
                for i in range(_cell(box[p, 0], x, size, columns), _cell(box[p, 2], x, size, columns) + 1):
                    c = j * columns + i + 1
                    if fill == 1:
                        item[start[c]] = p
                        start[c] += 1
                    else:
                        start[c + 1] += 1
        if fill == 0:
            for c in range(1, start.size):
                start[c] += start[c - 1]
            item = np.empty(start[start.size - 1], np.intp)
    return Grid(x, y, size, columns, rows, start, item, box)


@inner()
def _meets(plates, plate, parcels, grid, parcel, inside, first):
    """Write the parcels that one plate may meet from place ``first`` on (if there is room); return their number."""
    a, b, c, d = bounds_of(plates, plate)
    found = 0
    if a > c:
        return 0
    i0, i1 = _cell(a, grid.x, grid.size, grid.columns), _cell(c, grid.x, grid.size, grid.columns)
    j0, j1 = _cell(b, grid.y, grid.size, grid.rows), _cell(d, grid.y, grid.size, grid.rows)
    for j in range(j0, j1 + 1):
        for i in range(i0, i1 + 1):
            cell = j * grid.columns + i
            for t in range(grid.start[cell], grid.start[cell + 1]):
                p = grid.item[t]
                x, y = max(a, grid.box[p, 0]), max(b, grid.box[p, 1])
                if x > min(c, grid.box[p, 2]) or y > min(d, grid.box[p, 3]):
                    continue
                # A parcel stands in many cells; it is taken in the one that holds the corner of the common box.
                if _cell(x, grid.x, grid.size, grid.columns) != i or _cell(y, grid.y, grid.size, grid.rows) != j:
                    continue
                touched = touches_box(parcels, p, a, b, c, d)
                if not touched and not holds_point(parcels, p, 0.5 * (a + c), 0.5 * (b + d)):
                    continue
                if first + found < parcel.size:
                    parcel[first + found] = p
                    inside[first + found] = not touched
                found += 1
    return found


@kernel(parallel=True, no_cfunc_wrapper=True)
def _count_pairs(plates, rows, parcels, grid, blocks):
    """Return for each of the plates ``rows`` the number of parcels it may meet, and the first of them."""
    n = rows.size
    count = np.zeros(n, np.intp)
    parcel = np.empty(n, np.intp)
    inside = np.empty(n, np.bool_)
    for block in numba.prange(blocks):
        hit, within = np.empty(1, np.intp), np.empty(1, np.bool_)
        for i in range(n * block // blocks, n * (block + 1) // blocks):
            count[i] = _meets(plates, rows[i], parcels, grid, hit, within, 0)
            parcel[i], inside[i] = hit[0], within[0]
    return count, parcel, inside


@kernel
def _write_pairs(plates, rows, parcels, grid, count, first_parcel, first_inside):
    """Write the pairs; only plates that meet several parcels are looked at once more."""
    total = count.sum()
    plate, parcel, inside = np.empty(total, np.intp), np.empty(total, np.intp), np.empty(total, np.bool_)
    at = 0
    for i in range(count.size):
        for k in range(count[i]):
            plate[at + k] = rows[i]
        if count[i] == 1:
            parcel[at], inside[at] = first_parcel[i], first_inside[i]
        elif count[i] > 1:
            _meets(plates, rows[i], parcels, grid, parcel, inside, at)
        at += count[i]
    return plate, parcel, inside


def meet_parcels(plates: Shapes, parcels: Shapes, rows: Any) -> Pairs:
    """Find the parcels that each of the plates ``rows`` may meet, and whether a parcel contains it.

    A plate whose box no parcel edge touches lies wholly inside or outside; the others are cut by the sweep,
    so that a listed pair may turn out to have no area.
    """
    grid = build_grid(parcels)
    found = _count_pairs(plates, rows, parcels, grid, max(1, min(256, len(rows) // 64)))
    return Pairs(*_write_pairs(plates, rows, parcels, grid, *found))


def every_plate(rows: Any) -> Pairs:
    """Return one pair for each of the plates ``rows``, as if one parcel contained them all."""
    n = len(rows)
    return Pairs(np.asarray(rows, dtype=np.intp), np.full(n, -1, np.intp), np.ones(n, np.bool_))


@inner()
def _mix(state, value):
    """Stir a 64-bit value into a hash."""
    state = (state ^ value) * np.uint64(0x9E3779B97F4A7C15)
    return state ^ (state >> np.uint64(29))


@inner()
def _hash_shapes(state, shapes, lo, hi):
    """Stir the coordinates of the polygons lo to hi and their number into a hash."""
    a, b = state, _mix(state, np.uint64(hi - lo))
    for k in range(shapes.ring[shapes.poly[lo]], shapes.ring[shapes.poly[hi]]):
        a, b = _mix(a, shapes.xy[k, 0]), _mix(b, shapes.xy[k, 1])  # two chains that do not wait for each other
    return _mix(a, b)


@inner()
def _same_shapes(shapes, lo, hi, other):
    """Tell whether the polygons lo to hi equal as many from ``other`` on, bit for bit."""
    p, o, rings = shapes.poly[lo], shapes.poly[other], shapes.poly[hi] - shapes.poly[lo]
    for q in range(1, hi - lo + 1):
        if shapes.poly[lo + q] - p != shapes.poly[other + q] - o:
            return False
    v, u = shapes.ring[p], shapes.ring[o]
    for r in range(1, rings + 1):
        if shapes.ring[p + r] - v != shapes.ring[o + r] - u:
            return False
    differ = np.uint64(0)  # without leaving the loop it takes several vertices at once
    for k in range(shapes.ring[p + rings] - v):
        differ |= (shapes.xy[v + k, 0] ^ shapes.xy[u + k, 0]) | (shapes.xy[v + k, 1] ^ shapes.xy[u + k, 1])
    return differ == 0


@inner()
def _same_owned(owned, i, j):
    """Tell whether plates i and j own the same polygons of the same classes, in the same order."""
    lo, hi, other = owned.start[i], owned.start[i + 1], owned.start[j]
    if hi - lo != owned.start[j + 1] - other:
        return False
    for q in range(hi - lo):
        if owned.kind[lo + q] != owned.kind[other + q]:
            return False
    return _same_shapes(owned, lo, hi, other)


@kernel(parallel=True, no_cfunc_wrapper=True)
def _hashes(plates, voids, spaces, blocks):
    """Compute one hash for each plate with all that it owns."""
    n = plates.poly.size - 1
    result = np.empty(n, np.uint64)
    for block in numba.prange(blocks):
        for i in range(n * block // blocks, n * (block + 1) // blocks):
            state = _hash_shapes(np.uint64(1), plates, i, i + 1)
            state = _hash_shapes(state, voids, voids.start[i], voids.start[i + 1])
            state = _hash_shapes(state, spaces, spaces.start[i], spaces.start[i + 1])
            for q in range(spaces.start[i], spaces.start[i + 1]):
                state = _mix(state, np.uint64(spaces.kind[q]))
            result[i] = state
    return result


@kernel
def _first_of(hashes):
    """Return the row at which each hash stands first."""
    n = hashes.size
    size = 16
    while size < 2 * n:
        size *= 2
    table = np.full(size, -1, np.int32)
    first = np.empty(n, np.intp)
    for i in range(n):
        slot = np.intp(hashes[i] & np.uint64(size - 1))
        while table[slot] >= 0 and hashes[table[slot]] != hashes[i]:
            slot = (slot + 1) & (size - 1)
        if table[slot] < 0:
            table[slot] = i
        first[i] = table[slot]
    return first


@kernel(parallel=True, no_cfunc_wrapper=True)
def _part_unequal(plates, voids, spaces, first, blocks):
    """Make a plate that does not equal its first, bit for bit, a first itself: then only their hashes are equal."""
    n = first.size
    for block in numba.prange(blocks):
        for i in range(n * block // blocks, n * (block + 1) // blocks):
            j = first[i]
            if j != i and not (
                _same_shapes(plates, i, i + 1, j) and _same_owned(voids, i, j) and _same_owned(spaces, i, j)
            ):
                first[i] = i


def distinct_plates(plates: Shapes, voids: Shapes, spaces: Shapes) -> tuple[Any, Any]:
    """Find repeated storeys, so that each is computed once.

    Returns
    -------
    tuple
        Rows of the plates that differ from all before them in outline, voids or spaces, shape (m); and which of these
        each plate equals, shape (n).
    """
    bits = [s._replace(xy=s.xy.view(np.uint64)) for s in (plates, voids, spaces)]
    n = len(plates.poly) - 1
    blocks = max(1, min(256, n // 64))
    with np.errstate(over="ignore"):  # uncompiled, numpy would warn of what hashes are made of
        first = _first_of(_hashes(*bits, blocks))
    _part_unequal(*bits, first, blocks)
    new = first == np.arange(n)
    return np.flatnonzero(new), (np.cumsum(new) - 1)[first]
