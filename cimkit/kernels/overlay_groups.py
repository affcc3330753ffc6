"""Around the area sweep: which plate meets which parcel, and which plates repeat."""

from typing import Any

import numba
import numpy as np

from cimkit.kernels._jit import kernel, lean
from cimkit.kernels.overlay import Pairs
from cimkit.kernels.overlay_edges import Shapes, bounds_of, holds_point, touches_box

WIDTH = 4  # parcels that a plate meets, before more room is made


@kernel
def _boxes(shapes):
    """Return the boxes (n, 4) of polygons, as (min x, min y, max x, max y)."""
    n = shapes.poly.size - 1
    box = np.empty((n, 4))
    for q in range(n):
        box[q, 0], box[q, 1], box[q, 2], box[q, 3] = bounds_of(shapes, q)
    return box


@kernel(parallel=True)
def _meetings(plates, rows, parcels, order, box, right, count, parcel, inside):
    """Fill parcel, inside (n, w) with the parcels that each of the plates ``rows`` may meet, and count (n).

    ``order`` of the parcels from left to right, ``box`` (p, 4) in that order, and how far ``right`` all up to each go.
    """
    left = box[:, 0]
    for i in numba.prange(len(rows)):
        a, b, c, d = bounds_of(plates, rows[i])
        found, k = 0, np.searchsorted(left, c, side="right") - 1
        while k >= 0 and right[k] >= a:
            if box[k, 2] >= a and box[k, 1] <= d and box[k, 3] >= b:
                touched = touches_box(parcels, order[k], a, b, c, d)
                if touched or holds_point(parcels, order[k], 0.5 * (a + c), 0.5 * (b + d)):
                    if found < parcel.shape[1]:
                        parcel[i, found], inside[i, found] = order[k], not touched
                    found += 1
            k -= 1
        count[i] = found


def meet_parcels(plates: Shapes, parcels: Shapes, rows: Any) -> Pairs:
    """Find the parcels that each of the plates ``rows`` may meet, and whether a parcel contains it.

    A plate whose box no parcel edge touches lies wholly inside or outside; the others are cut by the sweep,
    so that a listed pair may turn out to have no area.
    """
    box, n, width = _boxes(parcels), len(rows), WIDTH
    order = np.argsort(box[:, 0], kind="stable")
    box, right = box[order], np.maximum.accumulate(box[order, 2])
    count = np.zeros(n, np.intp)
    while True:
        parcel, inside = np.empty((n, width), np.intp), np.empty((n, width), np.bool_)
        _meetings(plates, rows, parcels, order, box, right, count, parcel, inside)
        if count.max(initial=0) <= width:
            break
        width = count.max()
    met = np.arange(width) < count[:, None]
    return Pairs(np.repeat(np.asarray(rows, np.intp), count), parcel[met], inside[met])


def every_plate(rows: Any) -> Pairs:
    """Return one pair for each of the plates ``rows``, as if one parcel contained them all."""
    n = len(rows)
    return Pairs(np.asarray(rows, dtype=np.intp), np.full(n, -1, np.intp), np.ones(n, np.bool_))


@lean
def _mix(state, value):
    """Stir a 64-bit value into a hash."""
    state = (state ^ value) * np.uint64(0x9E3779B97F4A7C15)
    return state ^ (state >> np.uint64(29))


@lean
def _hash(state, shapes, lo, hi):
    """Stir the coordinates of the polygons lo to hi and their number into a hash."""
    a, b = state, _mix(state, np.uint64(hi - lo))
    for k in range(shapes.ring[shapes.poly[lo]], shapes.ring[shapes.poly[hi]]):
        a, b = _mix(a, shapes.xy[k, 0]), _mix(b, shapes.xy[k, 1])  # two chains that do not wait for each other
    return _mix(a, b)


@lean
def _same_steps(offsets, i, j, count):
    """Tell whether so many offsets from i and from j on go up by the same steps."""
    for k in range(1, count + 1):
        if offsets[i + k] - offsets[i] != offsets[j + k] - offsets[j]:
            return False
    return True


@lean
def _same(shapes, i, j, count):
    """Tell whether so many polygons from i and from j on are equal, bit for bit."""
    p, o = shapes.poly[i], shapes.poly[j]
    rings = shapes.poly[i + count] - p
    if not _same_steps(shapes.poly, i, j, count) or not _same_steps(shapes.ring, p, o, rings):
        return False
    v, u = shapes.ring[p], shapes.ring[o]
    differ = np.uint64(0)  # without leaving the loop it takes several vertices at once
    for k in range(shapes.ring[p + rings] - v):
        differ |= (shapes.xy[v + k, 0] ^ shapes.xy[u + k, 0]) | (shapes.xy[v + k, 1] ^ shapes.xy[u + k, 1])
    return differ == 0


@lean
def _same_plates(plates, parts, i, j):
    """Tell whether plates i and j are equal and own the same polygons of the same classes, in the same order."""
    p, o = parts.start[i], parts.start[j]
    count = parts.start[i + 1] - p
    if not _same(plates, i, j, 1) or parts.start[j + 1] - o != count or not _same(parts, p, o, count):
        return False
    for k in range(count):
        if parts.kind[p + k] != parts.kind[o + k]:
            return False
    return True


@kernel(parallel=True)
def _hashes(plates, parts):
    """Compute one hash for each plate with all that it owns."""
    result = np.empty(plates.poly.size - 1, np.uint64)
    for i in numba.prange(result.size):
        p, o = parts.start[i], parts.start[i + 1]
        state = _hash(_hash(np.uint64(1), plates, i, i + 1), parts, p, o)
        for q in range(p, o):
            state = _mix(state, np.uint64(parts.kind[q]))
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


@kernel(parallel=True)
def _part_unequal(plates, parts, first):
    """Make a plate that does not equal its first, bit for bit, a first itself: then only their hashes are equal."""
    for i in numba.prange(first.size):
        if first[i] != i and not _same_plates(plates, parts, i, first[i]):
            first[i] = i


def distinct_plates(plates: Shapes, parts: Shapes) -> tuple[Any, Any]:
    """Find repeated storeys, so that each is computed once.

    Returns
    -------
    tuple
        Rows of the plates that differ from all before them in outline or parts, shape (m); and which of these each
        plate equals, shape (n).
    """
    bits = [s._replace(xy=s.xy.view(np.uint64)) for s in (plates, parts)]
    with np.errstate(over="ignore"):  # uncompiled, numpy would warn of what hashes are made of
        first = _first_of(_hashes(*bits))
    _part_unequal(*bits, first)
    new = first == np.arange(len(first))
    return np.flatnonzero(new), (np.cumsum(new) - 1)[first]
