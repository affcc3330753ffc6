"""Nearest seeds of many kinds from every node: one pass up and one pass down a hierarchy, 16 kinds side by side.

All distances up to the limit of the hierarchy are exact. Seeds, ``UNREACHED`` and ``NOBODY`` are as in ``graph``.
Blocks of kinds run side by side and never share a number, so any number of threads gives the same bits.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numba
import numpy as np

from cimkit.kernels._jit import inner, kernel
from cimkit.kernels.graph import NOBODY, UNREACHED, Csr, _seeds, as_limit, nearest_by_kind
from cimkit.kernels.lanes import (
    FAR,
    KINDS,
    OWNED,
    aligned_rows,
    clear_kinds,
    clear_owned,
    give_kinds,
    pull_kinds,
    pull_owned,
    push_kinds,
    push_owned,
)

if TYPE_CHECKING:
    from cimkit.kernels.elimination import Hierarchy

# Distances that one thread sweeps: 2.7 ms for 2 million. Two take 1.6 on idle cores and 8 where one of them is in use.
SMALL = 2_500_000
_SHIFT = np.uint64(32)
_LOW = np.uint64(0xFFFFFFFF)
_FAR_OWNED = (np.uint64(FAR) << _SHIFT) | _LOW


@kernel(parallel=True)
def _sweep(hierarchy, start, nodes, offsets, limit, rooms, out):
    """Fill out (n k): 16 kinds at a time, each thread with its own room (t, n, 16)."""
    n, kinds, threads = len(hierarchy.node), len(start) - 1, len(rooms)
    for t in numba.prange(threads):
        rows, hot = rooms[t], np.empty(n, np.uint8)
        for low in range(KINDS * t, kinds, KINDS * threads):
            count = min(KINDS, kinds - low)
            for i in range(n):
                clear_kinds(rows, i, FAR)
                hot[i] = 0
            for c in range(count):
                for s in range(start[low + c], start[low + c + 1]):
                    if offsets[s] <= limit:
                        i = hierarchy.position[nodes[s]]
                        rows[i, c] = min(rows[i, c], offsets[s])
                        hot[i] = 1
            for i in range(n):
                if hot[i] != 0:
                    push_kinds(rows, i, hierarchy.upper, hierarchy.up, hierarchy.first[i], hierarchy.first[i + 1], hot)
            for i in range(n - 1, -1, -1):
                pull_kinds(rows, i, hierarchy.upper, hierarchy.down, hierarchy.first[i], hierarchy.first[i + 1])
                place = np.int64(hierarchy.node[i]) * kinds + low
                if count == KINDS:
                    give_kinds(rows, i, limit, out, place)
                else:
                    for q in range(count):
                        out[place + q] = rows[i, q] if rows[i, q] <= limit else UNREACHED


@inner
def _sweep_owned(hierarchy, up, down, seeds, low, high, time, owner):
    """Fill columns low to high, at most 8, of time and owner (n, k): one word holds distance above owner."""
    n = len(hierarchy.node)
    start, nodes, offsets, owners, limit = seeds
    rows, hot = aligned_rows(n, 2 * OWNED).view(np.uint64), np.zeros(n, np.uint8)
    for i in range(n):
        clear_owned(rows, i, _FAR_OWNED)
    for c in range(low, high):
        for s in range(start[c], start[c + 1]):
            if offsets[s] <= limit:
                i = hierarchy.position[nodes[s]]
                key = (np.uint64(offsets[s]) << _SHIFT) | np.uint64(owners[s])
                rows[i, c - low] = min(rows[i, c - low], key)
                hot[i] = 1
    for i in range(n):
        if hot[i] != 0:
            push_owned(rows, i, hierarchy.upper, up, hierarchy.first[i], hierarchy.first[i + 1], hot)
    for i in range(n - 1, -1, -1):
        pull_owned(rows, i, hierarchy.upper, down, hierarchy.first[i], hierarchy.first[i + 1])
        node = hierarchy.node[i]
        for q in range(high - low):
            at = rows[i, q] >> _SHIFT
            near = at <= limit
            time[node, low + q] = np.uint32(at) if near else UNREACHED
            owner[node, low + q] = np.int32(rows[i, q] & _LOW) if near else NOBODY


@kernel(parallel=True)
def _sweep_owners(hierarchy, up, down, seeds, time, owner):
    """Fill time and owner (n, k), the kinds in equal blocks."""
    kinds = len(seeds[0]) - 1
    blocks = (kinds + OWNED - 1) // OWNED
    for b in numba.prange(blocks):
        _sweep_owned(hierarchy, up, down, seeds, b * kinds // blocks, (b + 1) * kinds // blocks, time, owner)


def sweep_kinds(hierarchy: Hierarchy, start: Any, nodes: Any, offsets: Any, limit: float) -> Any:
    """Return the distance (n, k) uint32 of every node from the nearest seed of each of k kinds.

    Kind c has seeds ``start[c]`` to ``start[c + 1]`` of ``nodes``, ``offsets``. The limit must not exceed that of the
    hierarchy, and the hierarchy must be complete; ``nearest_kinds`` chooses.
    """
    n, kinds = len(hierarchy.node), len(start) - 1
    out = np.empty((n, kinds), np.uint32)
    whole, threads = min(as_limit(limit), hierarchy.limit), numba.get_num_threads()
    used = 1 if out.size <= SMALL else threads
    # numpy takes large pages for it: a third of the time of the first touch
    room = np.empty((used * n + 1) * KINDS, np.uint32)
    rooms = room[(-room.ctypes.data % 64) // 4 :][: used * n * KINDS].reshape(used, n, KINDS)
    numba.set_num_threads(used)
    try:
        _sweep(hierarchy, np.asarray(start, np.int64), *_seeds(nodes, offsets), whole, rooms, out.reshape(-1))
    finally:
        numba.set_num_threads(threads)
    return out


def sweep_owners(
    hierarchy: Hierarchy, start: Any, nodes: Any, offsets: Any, owners: Any, limit: float
) -> tuple[Any, Any]:
    """Return distance (n, k) and owner (n, k) int32 of the nearest seed of each kind; the lowest owner of equals."""
    shape = (len(hierarchy.node), len(start) - 1)
    time, owner = np.empty(shape, np.uint32), np.empty(shape, np.int32)
    whole = min(as_limit(limit), hierarchy.limit)
    up, down = hierarchy.up.astype(np.uint64) << _SHIFT, hierarchy.down.astype(np.uint64) << _SHIFT
    who = np.ascontiguousarray(owners, np.int32)
    _sweep_owners(hierarchy, up, down, (np.asarray(start, np.int64), *_seeds(nodes, offsets), who, whole), time, owner)
    return time, owner


def nearest_kinds(
    csr: Csr, hierarchy: Hierarchy, start: Any, nodes: Any, offsets: Any, owners: Any, limit: float
) -> tuple[Any, Any]:
    """Return as ``sweep_owners``, by the bounded search where the graph is too dense or the limit too great for it."""
    if hierarchy.complete and as_limit(limit) <= hierarchy.limit:
        return sweep_owners(hierarchy, start, nodes, offsets, owners, limit)
    time, owner = nearest_by_kind(csr, start, nodes, offsets, owners, limit)
    return np.ascontiguousarray(time.T), np.ascontiguousarray(owner.T)
