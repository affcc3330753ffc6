"""All distances between many sources and many places: 32 sources a sweep over what lies above either."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numba
import numpy as np

from cimkit.kernels._jit import inner, kernel
from cimkit.kernels.graph import UNREACHED, fill_times
from cimkit.kernels.lanes import FAR, WIDE, aligned_rows, clear_wide, pull_wide, push_wide, read_place

if TYPE_CHECKING:
    from cimkit.kernels.cells import Readers, Sources
    from cimkit.kernels.elimination import Hierarchy
    from cimkit.kernels.graph import Csr

TILE = 16  # places written together: one cache line of each source's row


@inner
def _above(hierarchy, positions, ends):
    """Return local (n), the row of each position that is a source, an end or above one, and the arcs between rows."""
    n = len(hierarchy.node)
    local = np.full(n, -1, np.int32)
    for i in range(len(positions)):
        local[positions[i]] = 0
    for r in range(len(ends)):
        local[ends[r, 0]], local[ends[r, 1]] = 0, 0
    rows, arcs = 0, 0
    for i in range(n):
        if local[i] == 0:
            local[i] = rows
            rows, arcs = rows + 1, arcs + hierarchy.first[i + 1] - hierarchy.first[i]
            for e in range(hierarchy.first[i], hierarchy.first[i + 1]):
                local[hierarchy.upper[e]] = 0
    first, heads = np.zeros(rows + 1, np.int64), np.empty(arcs, np.int32)
    up, down, k = np.empty(arcs, np.uint32), np.empty(arcs, np.uint32), 0
    for i in range(n):
        if local[i] >= 0:
            for e in range(hierarchy.first[i], hierarchy.first[i + 1]):
                heads[k], up[k], down[k] = local[hierarchy.upper[e]], hierarchy.up[e], hierarchy.down[e]
                k += 1
            first[local[i] + 1] = k
    return local, first, heads, up, down


@inner
def _block(arcs, sources, low, high, limit, rows, hot):
    """Fill the rows with the distances from the sources low to high, at most 32."""
    local, first, heads, up, down = arcs
    count = len(first) - 1
    for i in range(count):
        clear_wide(rows, i, FAR)
    lowest = count
    for b in range(low, high):
        for s in range(sources.start[b], sources.start[b + 1]):
            if sources.offsets[s] <= limit:
                i = np.int64(local[sources.positions[s]])
                rows[i, b - low] = min(rows[i, b - low], sources.offsets[s])
                hot[i], lowest = 1, min(lowest, i)
    for i in range(lowest, count):
        if hot[i] != 0:
            push_wide(rows, i, heads, up, first[i], first[i + 1], hot)
            hot[i] = 0
    for i in range(count - 1, -1, -1):
        pull_wide(rows, i, heads, down, first[i], first[i + 1])


@inner
def _write(local, readers, low, high, limit, rows, tile, out):
    """Write the distances from the sources low to high to all places, a tile at a time."""
    ends, legs = readers.ends, readers.legs
    for start in range(0, len(ends), TILE):
        stop = min(len(ends), start + TILE)
        for r in range(start, stop):
            a, b = np.int64(local[ends[r, 0]]), np.int64(local[ends[r, 1]])
            read_place(rows, (a, legs[r, 0], b, legs[r, 1]), tile[r - start])
        for b in range(low, high):
            for r in range(start, stop):
                at = tile[r - start, b - low]
                out[b, r] = at if at <= limit else UNREACHED


@kernel(parallel=True)
def _matrix(hierarchy, sources, readers, threads, out):
    """Fill out (s, p), every thread taking every ``threads``-th block."""
    arcs = _above(hierarchy, sources.positions, readers.ends)
    count, total = len(arcs[1]) - 1, len(sources.start) - 1
    for thread in numba.prange(threads):
        rows, hot, tile = aligned_rows(count, WIDE), np.zeros(count, np.uint8), np.empty((TILE, WIDE), np.uint32)
        for low in range(thread * WIDE, total, threads * WIDE):
            high = min(total, low + WIDE)
            _block(arcs, sources, low, high, hierarchy.limit, rows, hot)
            _write(arcs[0], readers, low, high, hierarchy.limit, rows, tile, out)


@kernel
def _shorten(sources, limit, out):
    """Take the way along a shared edge where it is shorter."""
    for i in range(len(out)):
        for q in range(sources.mate_start[i], sources.mate_start[i + 1]):
            if sources.direct[q] <= limit:
                out[i, sources.mate[q]] = min(out[i, sources.mate[q]], sources.direct[q])


@kernel(parallel=True)
def _searched(graph, limit, sources, readers, threads, out):
    """As ``_matrix``, one bounded search a source: for graphs too dense for a hierarchy."""
    ends, legs = readers.ends, readers.legs
    for thread in numba.prange(threads):
        time = np.empty(len(graph.offsets) - 1, np.uint32)
        for i in range(thread, len(out), threads):
            time[:] = UNREACHED
            s = slice(sources.start[i], sources.start[i + 1])
            fill_times(graph, sources.positions[s], sources.offsets[s], limit, time)
            for r in range(len(ends)):
                by_a, by_b = min(time[ends[r, 0]], FAR) + legs[r, 0], min(time[ends[r, 1]], FAR) + legs[r, 1]
                out[i, r] = min(by_a, by_b) if min(by_a, by_b) <= limit else UNREACHED


def distances(graph: Csr, hierarchy: Hierarchy, sources: Sources, readers: Readers) -> Any:
    """Return the distance (s, p) uint32 from every source to every reader, ``UNREACHED`` beyond the limit.

    ``graph`` is the graph by position (``cells.by_position``), searched where the hierarchy is not complete.
    """
    out = np.empty((len(sources.start) - 1, len(readers.weight)), np.uint32)
    if hierarchy.complete:
        _matrix(hierarchy, sources, readers, numba.get_num_threads(), out)
    else:
        _searched(graph, hierarchy.limit, sources, readers, numba.get_num_threads(), out)
    _shorten(sources, hierarchy.limit, out)
    return out
