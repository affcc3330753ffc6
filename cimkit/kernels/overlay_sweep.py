"""The slab sweep itself: edges of one job in, areas by class out."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np

from cimkit.kernels._jit import kernel
from cimkit.kernels.overlay_edges import Edges, lean

PARCEL, PLATE, VOID, SPACE = 0, 1, 2, 3  # classes of edges; spaces of class c have SPACE + c
GROSS, VOIDS, NET, COVERED = 0, 1, 2, 3  # columns of Overlay.total
TABLE_BITS = 12  # parcel, plate, void and up to nine classes of space have one table entry for each combination


class Scratch(NamedTuple):
    """Working arrays of one block of jobs, allocated once for it."""

    edges: Edges
    order: Any
    key: Any
    active: Any
    at: Any
    count: Any
    fixed: Any
    live: Any
    local: Any
    kind_of: Any
    table: Any
    acc: Any
    box: Any
    row: Any
    kind: Any
    label: Any


@kernel
def new_scratch(edges, classes, parts):
    """Allocate the working arrays for jobs of up to so many edges, classes of space, and parts."""
    f, i = np.float64, np.intp
    e = Edges(
        np.empty(edges, f),
        np.empty(edges, f),
        np.empty(edges, f),
        np.empty(edges, f),
        np.empty(edges, i),
        np.empty(edges, i),
    )
    return Scratch(
        e,
        np.empty(edges, i),
        np.empty(edges, f),
        np.empty(edges, i),
        np.empty(edges, f),
        np.zeros(SPACE + classes, i),
        np.zeros(SPACE + classes, i),
        np.empty(classes + 1, i),
        np.zeros(SPACE + classes, i),
        np.zeros(TABLE_BITS, i),
        np.zeros(1 << TABLE_BITS, f),
        np.zeros(4, f),
        np.empty((parts, 4), f),
        np.empty(parts, i),
        np.empty(parts, i),
        np.empty(parts, i),
    )


@lean()
def _sort_edges(s, m):
    """Order the edges by lower height (insertion: jobs have about twenty edges)."""
    for i in range(m):
        value = s.edges.y0[i]
        k = i - 1
        while k >= 0 and s.key[k] > value:
            s.key[k + 1] = s.key[k]
            s.order[k + 1] = s.order[k]
            k -= 1
        s.key[k + 1] = value
        s.order[k + 1] = i


@lean()
def _crossings(s, m, heights):
    """Write the heights at which two edges cross; return how many there are (perhaps more than fit)."""
    e = s.edges
    n = 0
    for p in range(m):
        i = s.order[p]
        x0, y0, y1, slope = e.x0[i], e.y0[i], e.y1[i], e.slope[i]
        for q in range(p + 1, m):
            low = s.key[q]
            if low >= y1:
                break
            j = s.order[q]
            high = min(y1, e.y1[j])
            gap = (e.x0[j] - x0) - (low - y0) * slope  # signed gap at both ends of the common range
            end = gap + (high - low) * (e.slope[j] - slope)
            if gap * end < 0.0:
                if n < heights.size:
                    heights[n] = low + (high - low) * (gap / (gap - end))
                n += 1
    return n


@lean()
def _sort(values, n):
    """Sort the first n values (by shrinking gaps: insertion for the usual ten, no memory for thousands)."""
    gap = 1
    while gap < n // 9:
        gap = 3 * gap + 1
    while gap > 0:
        for i in range(gap, n):
            value = values[i]
            k = i - gap
            while k >= 0 and values[k] > value:
                values[k + gap] = values[k]
                k -= gap
            values[k + gap] = value
        gap //= 3


@lean()
def _toggle(s, kind, turn, live):
    """Cross an edge: change the winding number of its class, keep the list of covering spaces in order."""
    before = s.count[kind]
    after = before - turn
    s.count[kind] = after
    if kind < SPACE or (before != 0 and after != 0):
        return live
    k = live - 1
    if before == 0:
        while k >= 0 and s.live[k] > kind:
            s.live[k + 1] = s.live[k]
            k -= 1
        s.live[k + 1] = kind
        return live + 1
    while s.live[k] != kind:
        k -= 1
    while k < live - 1:
        s.live[k] = s.live[k + 1]
        k += 1
    return live - 1


@lean()
def _scan_lists(s, active, height, share, own, first):
    """Walk one slab from left to right and add each gap's area to all that cover it, however many they are."""
    live = 0
    for t in range(active):
        e = s.active[t]
        live = _toggle(s, s.edges.kind[e], s.edges.turn[e], live)
        if t + 1 < active and s.count[PARCEL] != 0 and s.count[PLATE] != 0:
            area = (s.at[t + 1] - s.at[t]) * height
            s.acc[GROSS] += area
            if s.count[VOID] != 0:
                s.acc[VOIDS] += area
            elif live > 0:
                s.acc[COVERED] += area
                own[first + s.live[0] - SPACE] += area
                for k in range(live):
                    share[first + s.live[k] - SPACE] += area


@lean()
def _scan_table(s, active, height, state):
    """Walk one slab from left to right and add each gap's area to the entry of its combination of classes."""
    e = s.active[0]
    for t in range(active - 1):
        kind = s.edges.kind[e]
        after = s.count[kind] - s.edges.turn[e]
        s.count[kind] = after
        state = (state & ~(1 << kind)) | ((after != 0) << kind)
        e = s.active[t + 1]
        s.table[state] += (s.at[t + 1] - s.at[t]) * height
    s.count[s.edges.kind[e]] -= s.edges.turn[e]


@lean()
def _number_classes(s, m):
    """Give the classes at hand small numbers, so that each combination has a table entry; return their number."""
    n = SPACE
    for i in range(m):
        kind = s.edges.kind[i]
        if kind >= SPACE and s.local[kind] == 0:
            s.local[kind] = n
            if n < TABLE_BITS:
                s.kind_of[n] = kind
            n += 1
    if n <= TABLE_BITS:
        for i in range(m):
            if s.edges.kind[i] >= SPACE:
                s.edges.kind[i] = s.local[s.edges.kind[i]]
        for state in range(1 << n):
            s.table[state] = 0.0
        for k in range(SPACE, n):
            s.local[s.kind_of[k]] = 0
    else:
        for i in range(m):
            s.local[s.edges.kind[i]] = 0
    return n


@lean()
def _read_table(s, bits, share, own, first):
    """Add the areas of all combinations of classes to what they belong to."""
    for state in range(1 << bits):
        area = s.table[state]
        if area == 0.0 or state & 3 != 3:
            continue
        s.acc[GROSS] += area
        if state & (1 << VOID):
            s.acc[VOIDS] += area
        elif state >> SPACE:
            s.acc[COVERED] += area
            lowest = own.size
            for k in range(SPACE, bits):
                if state & (1 << k):
                    row = first + s.kind_of[k] - SPACE
                    share[row] += area
                    lowest = min(lowest, row)
            own[lowest] += area


@lean()
def sweep(s, m, heights, share, own, first):
    """Add the areas of the m edges collected; return 0, or for how many heights there should be room.

    ``s.fixed`` says in which of parcel and plate the whole window lies.
    """
    e = s.edges
    _sort_edges(s, m)
    crossings = _crossings(s, m, heights)
    if crossings > heights.size:  # rare: hundreds of edges that cross one another
        return crossings
    _sort(heights, crossings)
    # A table entry for each combination of classes: XX times faster than lists of covering spaces.
    bits = _number_classes(s, m)
    base = s.fixed[PARCEL] | (s.fixed[PLATE] << PLATE)
    for k in range(s.count.size):
        s.count[k] = 0
    active, started, crossed = 0, 0, 0
    low = 0.0
    while active > 0 or started < m:
        if active == 0:
            low = s.key[started]
        kept = 0
        high = 1e300
        for t in range(active):
            i = s.active[t]
            s.active[kept] = i
            if e.y1[i] > low:
                kept += 1
                high = min(high, e.y1[i])
        while started < m and s.key[started] <= low:
            i = s.order[started]
            s.active[kept] = i
            started += 1
            kept += 1
            high = min(high, e.y1[i])
        active = kept
        if active == 0:
            continue
        if started < m:
            high = min(high, s.key[started])
        while crossed < crossings and heights[crossed] <= low:
            crossed += 1
        if crossed < crossings:
            high = min(high, heights[crossed])
        middle = 0.5 * (low + high)
        for t in range(active):
            i = s.active[t]
            x = e.x0[i] + (middle - e.y0[i]) * e.slope[i]
            k = t - 1
            while k >= 0 and s.at[k] > x:
                s.at[k + 1] = s.at[k]
                s.active[k + 1] = s.active[k]
                k -= 1
            s.at[k + 1] = x
            s.active[k + 1] = i
        s.count[PARCEL], s.count[PLATE] = s.fixed[PARCEL], s.fixed[PLATE]
        if bits <= TABLE_BITS:
            _scan_table(s, active, high - low, base)
        else:
            _scan_lists(s, active, high - low, share, own, first)
        low = high
    if bits <= TABLE_BITS:
        _read_table(s, bits, share, own, first)
    return 0
