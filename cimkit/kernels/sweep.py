"""Nearest seeds of many kinds from every node: one pass up and one pass down a hierarchy, many kinds side by side.

All distances up to the limit of the hierarchy are exact. Seeds, ``UNREACHED`` and ``NOBODY`` are as in ``graph``.
Where owners are asked for, one word of 64 bits holds a distance above its owner: the least word is the nearest, and the
lowest owner of equals; a word of ones is what is not reached. Blocks of kinds run side by side and never share a
number, so any number of threads gives the same bits.
"""

from typing import Any

import numba
import numpy as np

from cimkit.kernels._jit import kernel
from cimkit.kernels.elimination import Hierarchy
from cimkit.kernels.graph import _LOW, _SHIFT, Csr, _seeds, as_limit, nearest_by_kind
from cimkit.kernels.lanes import FAR, KINDS, OWNED, clear, give, pull, push

# Bytes that one thread sweeps: 2.7 ms for 2 million distances. Two take 1.6 on idle cores and 8 where one is in use.
SMALL = 10_000_000


def _make_sweep(lanes: int) -> Any:
    @kernel(parallel=True)
    def sweep(hierarchy, up, down, start, nodes, keys, limits, rooms, out):
        """Fill out (n k), ``lanes`` kinds at a time, each thread with its own room (t, n, lanes).

        ``limits``: the farthest key that counts, what rows hold before they are reached, and what is not reached.
        """
        n, kinds, threads = len(hierarchy.node), len(start) - 1, len(rooms)
        first, upper, limit, far, lost = hierarchy.first, hierarchy.upper, limits[0], limits[1], limits[2]
        for t in numba.prange(threads):
            rows, hot = rooms[t], np.empty(n, np.uint8)
            for low in range(lanes * t, kinds, lanes * threads):
                count = min(lanes, kinds - low)
                for i in range(n):
                    clear(lanes, rows, i, far)
                    hot[i] = 0
                for c in range(count):
                    for s in range(start[low + c], start[low + c + 1]):
                        if keys[s] <= limit:
                            i = hierarchy.position[nodes[s]]
                            rows[i, c], hot[i] = min(rows[i, c], keys[s]), 1
                for i in range(n):
                    if hot[i] != 0:
                        push(lanes, rows, i, upper, up, first[i], first[i + 1], hot)
                for i in range(n - 1, -1, -1):
                    pull(lanes, rows, i, upper, down, first[i], first[i + 1])
                    place = np.int64(hierarchy.node[i]) * kinds + low
                    if count == lanes:
                        give(lanes, rows, i, limit, lost, out, place)
                    else:
                        for q in range(count):
                            out[place + q] = rows[i, q] if rows[i, q] <= limit else lost

    return sweep


_SWEEPS = {lanes: _make_sweep(lanes) for lanes in (KINDS, OWNED)}


def _swept(hierarchy: Hierarchy, up: Any, down: Any, start: Any, nodes: Any, keys: Any, limits: Any) -> Any:
    """Return the least key (n, k) of each kind at every node."""
    n, kinds, lanes = len(hierarchy.node), len(start) - 1, 64 // keys.itemsize
    out = np.empty((n, kinds), keys.dtype)
    threads = numba.get_num_threads()
    used = 1 if out.nbytes <= SMALL else threads
    # numpy takes large pages for it: a third of the time of the first touch
    room = np.empty((used * n + 1) * lanes, keys.dtype)
    rooms = room[(-room.ctypes.data % 64) // keys.itemsize :][: used * n * lanes].reshape(used, n, lanes)
    ends = np.array(limits, keys.dtype)
    numba.set_num_threads(used)
    try:
        _SWEEPS[lanes](hierarchy, up, down, np.asarray(start, np.int64), nodes, keys, ends, rooms, out.reshape(-1))
    finally:
        numba.set_num_threads(threads)
    return out


def sweep_kinds(hierarchy: Hierarchy, start: Any, nodes: Any, offsets: Any, limit: float) -> Any:
    """Return the distance (n, k) uint32 of every node from the nearest seed of each of k kinds.

    Kind c has seeds ``start[c]`` to ``start[c + 1]`` of ``nodes``, ``offsets``. The limit must not exceed that of the
    hierarchy, and the hierarchy must be complete; ``nearest_kinds`` chooses.
    """
    limits = min(as_limit(limit), hierarchy.limit), FAR, _LOW
    return _swept(hierarchy, hierarchy.up, hierarchy.down, start, *_seeds(nodes, offsets), limits)


def sweep_owners(
    hierarchy: Hierarchy, start: Any, nodes: Any, offsets: Any, owners: Any, limit: float
) -> tuple[Any, Any]:
    """Return distance (n, k) and owner (n, k) int32 of the nearest seed of each kind; the lowest owner of equals."""
    up, down = (way.astype(np.uint64) << _SHIFT for way in (hierarchy.up, hierarchy.down))
    places, at = _seeds(nodes, offsets)
    keys = (at.astype(np.uint64) << _SHIFT) | np.asarray(owners, np.uint64)
    farthest = min(as_limit(limit), hierarchy.limit)
    limits = [(np.uint64(end) << _SHIFT) | _LOW for end in (farthest, FAR, _LOW)]
    words = _swept(hierarchy, up, down, start, places, keys, limits)
    halves = words.astype("<u8", copy=False).view("<u4").reshape(*words.shape, 2)
    return halves[:, :, 1], halves[:, :, 0].view(np.int32)


def nearest_kinds(
    csr: Csr, hierarchy: Hierarchy, start: Any, nodes: Any, offsets: Any, owners: Any, limit: float
) -> tuple[Any, Any]:
    """Return as ``sweep_owners``, by the bounded search where the graph is too dense or the limit too great for it."""
    if hierarchy.complete and as_limit(limit) <= hierarchy.limit:
        return sweep_owners(hierarchy, start, nodes, offsets, owners, limit)
    time, owner = nearest_by_kind(csr, start, nodes, offsets, owners, limit)
    return np.ascontiguousarray(time.T), np.ascontiguousarray(owner.T)
