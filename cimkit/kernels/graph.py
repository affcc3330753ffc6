"""Bounded shortest paths on a directed graph with whole-number weights, without preparation.

Weights are whole numbers of any one unit (millimetres, milliseconds), so that "within 1,000 m" is reproducible and
every answer is exact. Every search starts from *seeds*, pairs (node, offset): a place at share t of an edge (a, b) of
weight w is the two seeds (a, t w) and (b, (1 - t) w), its access leg added to both. Unreachable, closed, or farther
than the limit is ``UNREACHED``. Limits are inclusive. Every search is one sequential run, many searches run side by
side, so answers are bit-identical on any number of threads.

The heap holds one 64-bit word an entry, distance above node: 28 to 66 ns a label against 41 to 90 with a binary heap
of pairs. Other nodes than those reached are never touched after the arrays are filled.
"""

from collections import namedtuple
from typing import Any

import numba
import numpy as np

from cimkit.kernels._jit import inner, kernel, lean

UNREACHED = np.uint32(0xFFFFFFFF)  #: Distance of what is not reached; as a weight: closed.
FARTHEST = np.uint32(0x7FFFFFFE)  #: Greatest limit, and greatest weight: the sum of two never overflows.
NOBODY = -1  #: Owner or previous node of what is not reached.
_LOW = np.uint64(0xFFFFFFFF)
_SHIFT = np.uint64(32)


class Csr(namedtuple("Csr", "offsets heads weights")):
    """Arcs of a directed graph by the node they leave.

    Node i owns arcs ``offsets[i]`` to ``offsets[i + 1]``: ``offsets`` (n + 1) int64, ``heads`` (m) int32 are the nodes
    they enter, in ascending order, ``weights`` (m) uint32 whole numbers of the caller's unit.
    """


@inner
def bucket(keys, n):
    """Return first (n + 1) and rows: those whose key is i are ``rows[first[i]:first[i + 1]]``, ascending."""
    first, rows = np.zeros(n + 2, np.int64), np.empty(len(keys), np.int32)
    for key in keys:
        first[key + 2] += 1
    for i in range(n):
        first[i + 2] += first[i + 1]
    for r in range(len(keys)):
        at = first[keys[r] + 1]
        rows[at], first[keys[r] + 1] = r, at + 1
    return first[:-1], rows


@kernel
def _arcs(n, tails, heads, weights):
    """Return offsets, heads and weights of arcs by tail, ascending heads, the shortest of parallel arcs."""
    by_head = bucket(heads, n)[1]
    first, order = bucket(tails[by_head], n)
    sorted_heads, least, k = np.empty(len(heads), np.int32), np.empty(len(heads), np.uint32), 0
    for i in range(n):
        low, first[i], stop = first[i], k, first[i + 1]
        for q in range(low, stop):
            e = by_head[order[q]]
            if k > first[i] and sorted_heads[k - 1] == heads[e]:
                least[k - 1] = min(least[k - 1], weights[e])
            else:
                sorted_heads[k], least[k], k = heads[e], weights[e], k + 1
    first[n] = k
    return first, sorted_heads[:k].copy(), least[:k].copy()


def _whole(weights: Any) -> Any:
    """Return weights as uint32, those that are not finite, negative or too great as ``UNREACHED``."""
    w = np.asarray(weights)
    if w.dtype.kind in "iu":
        return np.where((w < 0) | (w > FARTHEST), UNREACHED, w.astype(np.uint32))
    w = w.astype(np.float64)
    good = (w >= 0) & (w <= float(FARTHEST))
    return np.where(good, np.rint(np.where(good, w, 0.0)), float(UNREACHED)).astype(np.uint32)


def build_csr(n_nodes: int, u: Any, v: Any, forward: Any, backward: Any) -> Csr:
    """Return the graph of edges u–v (m): ``forward`` (m) from u to v, ``backward`` (m) from v to u.

    Weights are rounded to whole numbers; those that are negative, infinite, not a number or above ``FARTHEST`` close
    the direction. Parallel edges become the shortest, loops are dropped, zero weights are allowed.
    """
    u, v = np.asarray(u, np.int32), np.asarray(v, np.int32)
    tails, heads = np.concatenate([u, v]), np.concatenate([v, u])
    there = _whole(forward)
    weights = np.concatenate([there, there if backward is forward else _whole(backward)])
    open_ = (tails != heads) & (weights != UNREACHED)
    return Csr(*_arcs(n_nodes, tails[open_], heads[open_], weights[open_]))


@lean
def _push(heap, size, at, node):
    """Put a distance and its node on a 4-ary heap of words with room for them; return the new size."""
    key, i = (np.uint64(at) << _SHIFT) | np.uint64(node), size
    while i > 0:
        parent = (i - 1) >> 2
        if heap[parent] <= key:
            break
        heap[i] = heap[parent]
        i = parent
    heap[i] = key
    return size + 1


@lean
def _pop(heap, size):
    """Take the least distance and its node off a heap; return them and the new size."""
    top, size = heap[0], size - 1
    last, i = heap[size], 0
    while True:
        child = 4 * i + 1
        if child >= size:
            break
        best, least = child, heap[child]
        for q in range(child + 1, min(child + 4, size)):
            if heap[q] < least:
                best, least = q, heap[q]
        if least >= last:
            break
        heap[i] = least
        i = best
    heap[i] = last
    return np.uint32(top >> _SHIFT), np.int64(top & _LOW), size


@inner
def _roomy(heap, needed):
    """Return the heap, or a longer one if there is no room for so many words."""
    return heap if needed <= len(heap) else np.concatenate((heap, np.empty(needed, heap.dtype)))


@inner
def search(csr, nodes, offsets, labels, limit, tree, time, label):
    """Lower time (n) to the distances from the seeds.

    Label (n) is then that of the nearest seed, the lowest of equals; or, in a tree, the node before each on its way.
    """
    heap, size = np.empty(1024 + len(nodes), np.uint64), 0
    for i in range(len(nodes)):
        node, at = nodes[i], offsets[i]
        if at <= limit and (at < time[node] or (at == time[node] and labels[i] < label[node])):
            time[node], label[node] = at, labels[i]
            size = _push(heap, size, at, node)
    while size > 0:
        at, node, size = _pop(heap, size)
        if at != time[node]:
            continue
        low, high, own = csr.offsets[node], csr.offsets[node + 1], label[node]
        heap = _roomy(heap, size + high - low)
        for e in range(low, high):
            head, then = csr.heads[e], at + csr.weights[e]
            if then > limit:
                continue
            # a lower label at equal distance is pushed again: it can only fall, so the search ends
            if then < time[head] or (not tree and then == time[head] and own < label[head]):
                time[head], label[head] = then, node if tree else own
                size = _push(heap, size, then, head)


@kernel(parallel=True)
def _searches(csr, start, nodes, offsets, labels, limit, tree, time, label):
    """Fill time, label (g, n): one search from the seeds start[i] to start[i + 1] of each group."""
    for g in numba.prange(len(start) - 1):
        s = slice(start[g], start[g + 1])
        search(csr, nodes[s], offsets[s], labels[s], limit, tree, time[g], label[g])


@inner
def _stand(at, who, times, owners):
    """Put an owner among the k nearest of a node, in order of (distance, owner); tell whether that is new."""
    q = len(times) - 1
    for p in range(len(times)):
        if owners[p] == who:
            q = p
    if at > times[q] or (at == times[q] and who >= owners[q]):
        return False
    while q > 0 and (at < times[q - 1] or (at == times[q - 1] and who < owners[q - 1])):
        times[q], owners[q] = times[q - 1], owners[q - 1]
        q -= 1
    times[q], owners[q] = at, who
    return True


@kernel
def _nearest_k(csr, nodes, offsets, owners, limit, time, owner):
    """Fill time, owner (n, k) with the k nearest owners of each node, in order of (distance, owner)."""
    heap, size = np.empty(1024 + len(nodes), np.uint64), 0
    for i in range(len(nodes)):
        node = nodes[i]
        if offsets[i] <= limit and _stand(offsets[i], owners[i], time[node], owner[node]):
            size = _push(heap, size, offsets[i], node)
    while size > 0:
        at, node, size = _pop(heap, size)
        low, high = csr.offsets[node], csr.offsets[node + 1]
        heap = _roomy(heap, size + (high - low) * time.shape[1])
        for e in range(low, high):
            head, then = csr.heads[e], at + csr.weights[e]
            if then > limit:
                continue
            for q in range(time.shape[1]):  # whoever else is as far is passed on with it, again where it came later
                if time[node, q] == at and _stand(then, owner[node, q], time[head], owner[head]):
                    size = _push(heap, size, then, head)


def as_limit(limit: float) -> np.uint32:
    """Return a limit as a whole number, rounded down; infinity is ``FARTHEST``."""
    return np.uint32(min(max(limit, 0.0), float(FARTHEST)))


def _seeds(nodes: Any, offsets: Any) -> tuple[Any, Any]:
    return np.ascontiguousarray(nodes, np.int64), np.ascontiguousarray(_whole(offsets))


def shortest_tree(csr: Csr, nodes: Any, offsets: Any, limit: float) -> tuple[Any, Any]:
    """Return distance (n) uint32 and the node before each on the way from a seed (n) int32, ``NOBODY`` at seeds."""
    time, previous = nearest_by_kind(csr, [0, len(nodes)], nodes, offsets, None, limit)
    return time[0], previous[0]


@kernel
def _sum_up(previous, load):
    """Add the load of every node to the one before it, those farthest up the tree first."""
    left = np.zeros(len(previous), np.int32)  # nodes behind each that are not yet added to it
    for i in range(len(previous)):
        if previous[i] != NOBODY:
            left[previous[i]] += 1
    for i in range(len(previous) - 1, -1, -1):
        node = np.int64(i)
        while left[node] == 0 and previous[node] != NOBODY:
            below, left[node] = np.int64(previous[node]), NOBODY
            load[below] += load[node]
            left[below] -= 1
            node = below


def tree_loads(previous: Any, load: Any) -> Any:
    """Return what passes each node (n) of the tree of ``shortest_tree`` if ``load`` (n) sets out at every node."""
    total = np.array(load, np.float64)
    _sum_up(previous, total)
    return total


def nearest_by_kind(csr: Csr, start: Any, nodes: Any, offsets: Any, owners: Any, limit: float) -> tuple[Any, Any]:
    """Return distance (k, n) and owner (k, n) of the nearest seed of each of k kinds, searched side by side.

    Kind i has seeds ``start[i]`` to ``start[i + 1]`` (k + 1) of ``nodes``, ``offsets``, ``owners`` (s); owners are row
    numbers ≥ 0 of whatever the seeds belong to (a facility at a place on an edge has two seeds with its number).
    Equally near: the lowest owner. Not reached: ``UNREACHED`` and ``NOBODY``. Without owners, a tree: in their place
    stands the node before each on its way.
    """
    shape, tree = (len(start) - 1, len(csr.offsets) - 1), owners is None
    time, owner = np.full(shape, UNREACHED, np.uint32), np.full(shape, NOBODY, np.int32)
    who = np.ascontiguousarray(np.full(len(nodes), NOBODY) if tree else owners, np.int32)
    _searches(csr, np.asarray(start, np.int64), *_seeds(nodes, offsets), who, as_limit(limit), tree, time, owner)
    return time, owner


def nearest_k(csr: Csr, nodes: Any, offsets: Any, owners: Any, k: int, limit: float) -> tuple[Any, Any]:
    """Return distance (n, k) and owner (n, k) of the k nearest different owners of every node, nearest first.

    Equally near owners stand in ascending order; places beyond the last owner in reach are ``UNREACHED``, ``NOBODY``.
    """
    shape = (len(csr.offsets) - 1, k)
    time, owner = np.full(shape, UNREACHED, np.uint32), np.full(shape, NOBODY, np.int32)
    _nearest_k(csr, *_seeds(nodes, offsets), np.ascontiguousarray(owners, np.int32), as_limit(limit), time, owner)
    return time, owner
