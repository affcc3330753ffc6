"""Sorted disjoint intervals of hour angles: insert and intersect.

One list is two arrays ``starts`` and ``ends`` with its number of intervals; n lists are ragged: ``offsets`` (n + 1),
``starts``, ``ends``. Intervals of a list are sorted, do not overlap and do not touch.
"""

import numba
import numpy as np

from cimkit.kernels._jit import kernel


@kernel
def insert(starts, ends, count, a, b):
    """Merge [a, b] into the first ``count`` intervals, in place; return their new number, -1 if there is no room."""
    first = count
    while first > 0 and ends[first - 1] >= a:
        first -= 1
    last = first  # intervals first to last - 1 meet [a, b]
    while last < count and starts[last] <= b:
        a, b = min(a, starts[last]), max(b, ends[last])
        last += 1
    if last == first:
        if count >= starts.shape[0]:
            return -1
        for k in range(count, first, -1):
            starts[k], ends[k] = starts[k - 1], ends[k - 1]
    starts[first], ends[first] = a, b
    gone = last - first - 1
    if gone > 0:
        for k in range(first + 1, count - gone):
            starts[k], ends[k] = starts[k + gone], ends[k + gone]
    return count - gone


@kernel
def intersect(starts_a, ends_a, starts_b, ends_b, starts, ends):
    """Write what two lists share (room for both); return its number of intervals. Touching shares nothing."""
    i, j, count = 0, 0, 0
    while i < starts_a.shape[0] and j < starts_b.shape[0]:
        a, b = max(starts_a[i], starts_b[j]), min(ends_a[i], ends_b[j])
        if a < b:
            starts[count], ends[count] = a, b
            count += 1
        if ends_a[i] < ends_b[j]:
            i += 1
        else:
            j += 1
    return count


@kernel
def _gather(counts, room, starts, ends):
    """Close the gaps between lists that were written at ``room`` (n + 1); return them ragged."""
    n = counts.size
    offsets = np.zeros(n + 1, np.int64)
    for i in range(n):
        offsets[i + 1] = offsets[i] + counts[i]
    starts_out, ends_out = np.empty(offsets[n]), np.empty(offsets[n])
    for i in range(n):
        for k in range(counts[i]):
            starts_out[offsets[i] + k] = starts[room[i] + k]
            ends_out[offsets[i] + k] = ends[room[i] + k]
    return offsets, starts_out, ends_out


@kernel(parallel=True)
def intersect_rows(offsets, starts, ends, one, two):
    """Intersect ragged list one[i] with list two[i] (both ends of a sill lit at once) → ragged lists of p pairs."""
    p = one.size
    room = np.zeros(p + 1, np.int64)
    for i in range(p):
        own, other = one[i], two[i]
        room[i + 1] = room[i] + offsets[own + 1] - offsets[own] + offsets[other + 1] - offsets[other]
    starts_out, ends_out, counts = np.empty(room[p]), np.empty(room[p]), np.zeros(p, np.int64)
    for i in numba.prange(p):
        a, b = slice(offsets[one[i]], offsets[one[i] + 1]), slice(offsets[two[i]], offsets[two[i] + 1])
        into = slice(room[i], room[i + 1])
        counts[i] = intersect(starts[a], ends[a], starts[b], ends[b], starts_out[into], ends_out[into])
    return _gather(counts, room, starts_out, ends_out)
