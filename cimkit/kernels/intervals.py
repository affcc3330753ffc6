"""Sorted disjoint intervals of hour angles: insert, union, intersection, complement, lengths, countable runs.

One list is two arrays ``starts`` and ``ends`` with its number of intervals; n lists are ragged: ``offsets`` (n + 1),
``starts``, ``ends``. Intervals of a list are sorted, do not overlap and do not touch.
"""

from __future__ import annotations

import numba
import numpy as np

from cimkit.kernels._jit import kernel

TOLERANCE = 1e-9  # a run this much shorter than the least countable length still counts


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
def union(starts_a, ends_a, starts_b, ends_b, starts, ends):
    """Write the union of two lists (room for both); return its number of intervals."""
    i, j, count = 0, 0, 0
    while i < starts_a.shape[0] or j < starts_b.shape[0]:
        if j == starts_b.shape[0] or (i < starts_a.shape[0] and starts_a[i] <= starts_b[j]):
            a, b = starts_a[i], ends_a[i]
            i += 1
        else:
            a, b = starts_b[j], ends_b[j]
            j += 1
        if count > 0 and a <= ends[count - 1]:
            ends[count - 1] = max(ends[count - 1], b)
        else:
            starts[count], ends[count] = a, b
            count += 1
    return count


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
def complement(starts_a, ends_a, low, high, gap, starts, ends):
    """Write what a list leaves of the band [low, high] in pieces longer than ``gap`` (room for one more)."""
    count, reached = 0, low
    for k in range(starts_a.shape[0]):
        stop = min(starts_a[k], high)
        if stop - reached > gap:
            starts[count], ends[count] = reached, stop
            count += 1
        reached = max(reached, ends_a[k])
    if high - reached > gap:
        starts[count], ends[count] = reached, high
        count += 1
    return count


@kernel
def total(starts, ends):
    """Sum the lengths of a list."""
    length = 0.0
    for k in range(starts.shape[0]):
        length += ends[k] - starts[k]
    return length


@kernel
def longest(starts, ends):
    """Return the longest length of a list, 0 if it is empty."""
    length = 0.0
    for k in range(starts.shape[0]):
        length = max(length, ends[k] - starts[k])
    return length


@kernel
def countable(starts, ends, least, most):
    """Sum the ``most`` longest lengths of a list (0: all) among those of at least ``least``."""
    if most == 0 or most >= starts.shape[0]:
        length = 0.0
        for k in range(starts.shape[0]):
            if ends[k] - starts[k] >= least - TOLERANCE:
                length += ends[k] - starts[k]
        return length
    length, limit, left = 0.0, np.inf, most
    while left > 0:  # the next longest, with all of its length
        best, times = -1.0, 0
        for k in range(starts.shape[0]):
            own = ends[k] - starts[k]
            if own < limit and own > best:
                best, times = own, 1
            elif own == best:
                times += 1
        if best < 0.0 or best < least - TOLERANCE:
            break
        length += min(times, left) * best
        left -= times
        limit = best
    return length


@kernel(parallel=True)
def totals(offsets, starts, ends):
    """Sum the lengths of each of n ragged lists → (n)."""
    out = np.empty(offsets.size - 1)
    for i in numba.prange(out.size):
        out[i] = total(starts[offsets[i] : offsets[i + 1]], ends[offsets[i] : offsets[i + 1]])
    return out


@kernel(parallel=True)
def countables(offsets, starts, ends, least, most):
    """Sum the ``most`` longest lengths (0: all) of at least ``least`` of each of n ragged lists → (n)."""
    out = np.empty(offsets.size - 1)
    for i in numba.prange(out.size):
        own = slice(offsets[i], offsets[i + 1])
        out[i] = countable(starts[own], ends[own], least, most)
    return out


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
def _combine(offsets, starts, ends, one, two, meet):
    """Intersect (``meet``) or unite list one[i] with list two[i] → ragged lists of p pairs."""
    p = one.size
    room = np.zeros(p + 1, np.int64)
    for i in range(p):
        own, other = one[i], two[i]
        room[i + 1] = room[i] + offsets[own + 1] - offsets[own] + offsets[other + 1] - offsets[other]
    starts_out, ends_out, counts = np.empty(room[p]), np.empty(room[p]), np.zeros(p, np.int64)
    for i in numba.prange(p):
        a, b = slice(offsets[one[i]], offsets[one[i] + 1]), slice(offsets[two[i]], offsets[two[i] + 1])
        into = slice(room[i], room[i + 1])
        if meet:
            counts[i] = intersect(starts[a], ends[a], starts[b], ends[b], starts_out[into], ends_out[into])
        else:
            counts[i] = union(starts[a], ends[a], starts[b], ends[b], starts_out[into], ends_out[into])
    return _gather(counts, room, starts_out, ends_out)


@kernel
def intersect_rows(offsets, starts, ends, one, two):
    """Intersect ragged list one[i] with list two[i] (both ends of a sill lit at once) → ragged lists of p pairs."""
    return _combine(offsets, starts, ends, one, two, True)


@kernel
def unite_rows(offsets, starts, ends, one, two):
    """Unite ragged list one[i] with list two[i] → ragged lists of p pairs."""
    return _combine(offsets, starts, ends, one, two, False)


@kernel(parallel=True)
def complements(offsets, starts, ends, low, high):
    """Return what each of n ragged lists leaves of the band [low, high], ragged."""
    n = offsets.size - 1
    room = offsets + np.arange(n + 1)
    starts_out, ends_out, counts = np.empty(room[n]), np.empty(room[n]), np.zeros(n, np.int64)
    for i in numba.prange(n):
        own, into = slice(offsets[i], offsets[i + 1]), slice(room[i], room[i + 1])
        counts[i] = complement(starts[own], ends[own], low, high, 0.0, starts_out[into], ends_out[into])
    return _gather(counts, room, starts_out, ends_out)
