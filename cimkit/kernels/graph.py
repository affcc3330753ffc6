"""Bounded shortest paths on a directed graph with whole-number weights, without preparation.

Weights are whole numbers of any one unit (millimetres, milliseconds), so that "within 1,000 m" is reproducible and
every answer is exact. Every search starts from *seeds*, pairs (node, offset): a place at share t of an edge (a, b) of
weight w is the two seeds (a, t w) and (b, (1 - t) w), its access leg added to both. Unreachable, closed, or farther
than the limit is ``UNREACHED``. Limits are inclusive. Every search is one sequential run, many searches run side by
side, so answers are bit-identical on any number of threads.

The heap holds one 64-bit word an entry, distance above node: 28 to 66 ns a label against 41 to 90 with a binary heap
of pairs. Other nodes than those reached are never touched after the arrays are filled.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numba
import numpy as np

from cimkit.kernels._jit import inner, kernel, lean

UNREACHED = np.uint32(0xFFFFFFFF)  #: Distance of what is not reached; as a weight: closed.
FARTHEST = np.uint32(0x7FFFFFFE)  #: Greatest limit, and greatest weight: the sum of two never overflows.
NOBODY = -1  #: Owner or previous node of what is not reached.
_LOW = np.uint64(0xFFFFFFFF)
_SHIFT = np.uint64(32)


class Csr(NamedTuple):
    """Arcs of a directed graph by the node they leave.

    Node i owns arcs ``offsets[i]`` to ``offsets[i + 1]``: ``offsets`` (n + 1) int64, ``heads`` (m) int32 are the nodes
    they enter, in ascending order, ``weights`` (m) uint32 whole numbers of the caller's unit.
    """

    offsets: Any
    heads: Any
    weights: Any


@lean
def _sort_row(heads, weights, low, high):
    """Sort a row by head: by insertion, and with gaps before it where the row is long (Shell's method)."""
    gap = 1
    while 9 * gap < high - low:
        gap = 3 * gap + 1
    while gap > 0:
        for k in range(low + gap, high):
            head, weight, q = heads[k], weights[k], k
            while q >= low + gap and heads[q - gap] > head:
                heads[q], weights[q] = heads[q - gap], weights[q - gap]
                q -= gap
            heads[q], weights[q] = head, weight
        gap //= 3


@kernel
def _fill_rows(u, v, there, back, offsets, heads, weights):
    """Sort the arcs of edges into rows, ascending heads, the shortest of parallel arcs; return how many are left."""
    n = len(offsets) - 1
    offsets[:] = 0
    for e in range(len(u)):
        if u[e] != v[e]:
            offsets[u[e] + 1] += there[e] != UNREACHED
            offsets[v[e] + 1] += back[e] != UNREACHED
    for i in range(n):
        offsets[i + 1] += offsets[i]
    fill = offsets.copy()
    for e in range(len(u)):
        for tail, head, weight in ((u[e], v[e], there[e]), (v[e], u[e], back[e])):
            if tail != head and weight != UNREACHED:
                at = fill[tail]
                heads[at], weights[at], fill[tail] = head, weight, at + 1
    k = 0
    for i in range(n):
        low, high = offsets[i], fill[i]
        _sort_row(heads, weights, low, high)
        offsets[i] = k
        for q in range(low, high):
            if k > offsets[i] and heads[k - 1] == heads[q]:
                weights[k - 1] = min(weights[k - 1], weights[q])
            else:
                heads[k], weights[k] = heads[q], weights[q]
                k += 1
    offsets[n] = k
    return k


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
    there = _whole(forward)
    back = there if backward is forward else _whole(backward)
    offsets, heads = np.empty(n_nodes + 1, np.int64), np.empty(2 * len(there), np.int32)
    weights = np.empty(len(heads), np.uint32)
    ends = np.ascontiguousarray(u, np.int32), np.ascontiguousarray(v, np.int32)
    k = _fill_rows(*ends, there, back, offsets, heads, weights)
    return Csr(offsets, heads[:k], weights[:k])


@inner
def heap_push(heap, size, key):
    """Put a key on a 4-ary heap of uint64 with room for it; return the new size."""
    i = size
    while i > 0:
        parent = (i - 1) >> 2
        if heap[parent] <= key:
            break
        heap[i] = heap[parent]
        i = parent
    heap[i] = key
    return size + 1


@inner
def heap_pop(heap, size):
    """Take the least key off a 4-ary heap; return it and the new size."""
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
    return top, size


@inner
def roomy(heap, size):
    """Return the heap, or a copy of twice the length if it is full."""
    if size < len(heap):
        return heap
    wide = np.empty(2 * len(heap), heap.dtype)
    for k in range(size):
        wide[k] = heap[k]
    return wide


@kernel
def fill_times(csr, nodes, offsets, limit, time):
    """Fill time (n), all UNREACHED before, with distances from the seeds."""
    heap, size = np.empty(1024 + len(nodes), np.uint64), 0
    for i in range(len(nodes)):
        if offsets[i] <= limit and offsets[i] < time[nodes[i]]:
            time[nodes[i]] = offsets[i]
            size = heap_push(heap, size, (np.uint64(offsets[i]) << _SHIFT) | np.uint64(nodes[i]))
    while size > 0:
        key, size = heap_pop(heap, size)
        node, at = np.int64(key & _LOW), np.uint32(key >> _SHIFT)
        if at != time[node]:
            continue
        for e in range(csr.offsets[node], csr.offsets[node + 1]):
            head, then = csr.heads[e], at + csr.weights[e]
            if then <= limit and then < time[head]:
                time[head] = then
                heap = roomy(heap, size)
                size = heap_push(heap, size, (np.uint64(then) << _SHIFT) | np.uint64(head))


@kernel
def _tree(csr, nodes, offsets, limit, time, previous):
    """As ``fill_times``, and the node before each node on its way from a seed."""
    heap, size = np.empty(1024 + len(nodes), np.uint64), 0
    for i in range(len(nodes)):
        if offsets[i] <= limit and offsets[i] < time[nodes[i]]:
            time[nodes[i]] = offsets[i]
            size = heap_push(heap, size, (np.uint64(offsets[i]) << _SHIFT) | np.uint64(nodes[i]))
    while size > 0:
        key, size = heap_pop(heap, size)
        node, at = np.int64(key & _LOW), np.uint32(key >> _SHIFT)
        if at != time[node]:
            continue
        for e in range(csr.offsets[node], csr.offsets[node + 1]):
            head, then = csr.heads[e], at + csr.weights[e]
            if then <= limit and then < time[head]:
                time[head], previous[head] = then, node
                heap = roomy(heap, size)
                size = heap_push(heap, size, (np.uint64(then) << _SHIFT) | np.uint64(head))


@inner
def _owners(csr, nodes, offsets, owners, limit, time, owner):
    """As ``fill_times``, and the owner of the nearest seed, the lowest of several as near."""
    heap, size = np.empty(1024 + len(nodes), np.uint64), 0
    for i in range(len(nodes)):
        node, at = nodes[i], offsets[i]
        if at <= limit and (at < time[node] or (at == time[node] and owners[i] < owner[node])):
            time[node], owner[node] = at, owners[i]
            size = heap_push(heap, size, (np.uint64(at) << _SHIFT) | np.uint64(node))
    while size > 0:
        key, size = heap_pop(heap, size)
        node, at = np.int64(key & _LOW), np.uint32(key >> _SHIFT)
        if at != time[node]:
            continue
        for e in range(csr.offsets[node], csr.offsets[node + 1]):
            head, then = csr.heads[e], at + csr.weights[e]
            # a lower owner at equal distance is pushed again: it can only fall, so the search ends
            if then <= limit and (then < time[head] or (then == time[head] and owner[node] < owner[head])):
                time[head], owner[head] = then, owner[node]
                heap = roomy(heap, size)
                size = heap_push(heap, size, (np.uint64(then) << _SHIFT) | np.uint64(head))


@kernel
def _nearest_k(csr, nodes, offsets, owners, limit, time, owner):
    """Fill time, owner (n, k) with the k nearest owners of each node, in order of (distance, owner)."""
    n, k = time.shape
    found = np.zeros(n, np.int64)
    # a heap of (distance, owner), with the node of each entry beside it
    heap, place, size = np.empty(1024 + len(nodes), np.uint64), np.empty(1024 + len(nodes), np.int32), 0
    for i in range(len(nodes)):
        if offsets[i] <= limit:
            size = _push_pair(heap, place, size, (np.uint64(offsets[i]) << _SHIFT) | np.uint64(owners[i]), nodes[i])
    while size > 0:
        key, node, size = _pop_pair(heap, place, size)
        at, who = np.uint32(key >> _SHIFT), np.int64(key & _LOW)
        known = found[node] == k
        for q in range(found[node]):
            known = known or owner[node, q] == who
        if known:
            continue
        time[node, found[node]], owner[node, found[node]] = at, who
        found[node] += 1
        for e in range(csr.offsets[node], csr.offsets[node + 1]):
            head, then = csr.heads[e], at + csr.weights[e]
            if then <= limit and found[head] < k:
                heap, place = roomy(heap, size), roomy(place, size)
                size = _push_pair(heap, place, size, (np.uint64(then) << _SHIFT) | np.uint64(who), head)


@inner
def _push_pair(heap, place, size, key, node):
    """Put a key and its node on a 4-ary heap with room for them; return the new size."""
    i = size
    while i > 0:
        parent = (i - 1) >> 2
        if heap[parent] <= key:
            break
        heap[i], place[i] = heap[parent], place[parent]
        i = parent
    heap[i], place[i] = key, node
    return size + 1


@inner
def _pop_pair(heap, place, size):
    """Take the least key and its node off a 4-ary heap; return them and the new size."""
    top, node, size = heap[0], place[0], size - 1
    last, moved, i = heap[size], place[size], 0
    while True:
        child = 4 * i + 1
        if child >= size:
            break
        best = child
        for q in range(child + 1, min(child + 4, size)):
            if heap[q] < heap[best]:
                best = q
        if heap[best] >= last:
            break
        heap[i], place[i] = heap[best], place[best]
        i = best
    heap[i], place[i] = last, moved
    return top, node, size


@kernel(parallel=True)
def _many_owners(csr, start, nodes, offsets, owners, limit, time, owner):
    """Fill time, owner (g, n): one search from the seeds start[i] to start[i + 1] of each group."""
    for g in numba.prange(len(start) - 1):
        s = slice(start[g], start[g + 1])
        _owners(csr, nodes[s], offsets[s], owners[s], limit, time[g], owner[g])


def as_limit(limit: float) -> np.uint32:
    """Return a limit as a whole number, rounded down; infinity is ``FARTHEST``."""
    return np.uint32(min(max(limit, 0.0), float(FARTHEST)))


def _seeds(nodes: Any, offsets: Any) -> tuple[Any, Any]:
    return np.ascontiguousarray(nodes, np.int64), np.ascontiguousarray(_whole(offsets))


def shortest_times(csr: Csr, nodes: Any, offsets: Any, limit: float) -> Any:
    """Return the distance (n) uint32 of every node from the nearest of the seeds ``nodes``, ``offsets`` (s)."""
    time = np.full(len(csr.offsets) - 1, UNREACHED, np.uint32)
    fill_times(csr, *_seeds(nodes, offsets), as_limit(limit), time)
    return time


def shortest_tree(csr: Csr, nodes: Any, offsets: Any, limit: float) -> tuple[Any, Any]:
    """Return distance (n) uint32 and the node before each on the way from a seed (n) int32, ``NOBODY`` at seeds."""
    n = len(csr.offsets) - 1
    time, previous = np.full(n, UNREACHED, np.uint32), np.full(n, NOBODY, np.int32)
    _tree(csr, *_seeds(nodes, offsets), as_limit(limit), time, previous)
    return time, previous


@kernel
def _sum_up(previous, load):
    """Add the load of every node to the one before it, those farthest up the tree first."""
    n = len(previous)
    children, stack, waiting = np.zeros(n, np.int32), np.empty(n, np.int32), 0
    for i in range(n):
        if previous[i] != NOBODY:
            children[previous[i]] += 1
    for i in range(n):
        if children[i] == 0:
            stack[waiting], waiting = i, waiting + 1
    while waiting > 0:
        waiting -= 1
        below = previous[stack[waiting]]
        if below != NOBODY:
            load[below] += load[stack[waiting]]
            children[below] -= 1
            if children[below] == 0:
                stack[waiting], waiting = below, waiting + 1


def tree_loads(previous: Any, load: Any) -> Any:
    """Return what passes each node (n) of the tree of ``shortest_tree`` if ``load`` (n) sets out at every node."""
    total = np.array(load, np.float64)
    _sum_up(previous, total)
    return total


def nearest_by_kind(csr: Csr, start: Any, nodes: Any, offsets: Any, owners: Any, limit: float) -> tuple[Any, Any]:
    """Return distance (k, n) and owner (k, n) of the nearest seed of each of k kinds, searched side by side.

    Kind i has seeds ``start[i]`` to ``start[i + 1]`` (k + 1) of ``nodes``, ``offsets``, ``owners`` (s); owners are row
    numbers ≥ 0 of whatever the seeds belong to (a facility at a place on an edge has two seeds with its number).
    Equally near: the lowest owner. Not reached: ``UNREACHED`` and ``NOBODY``.
    """
    shape = (len(start) - 1, len(csr.offsets) - 1)
    time, owner = np.full(shape, UNREACHED, np.uint32), np.full(shape, NOBODY, np.int32)
    who = np.ascontiguousarray(owners, np.int32)
    _many_owners(csr, np.asarray(start, np.int64), *_seeds(nodes, offsets), who, as_limit(limit), time, owner)
    return time, owner


def nearest_k(csr: Csr, nodes: Any, offsets: Any, owners: Any, k: int, limit: float) -> tuple[Any, Any]:
    """Return distance (n, k) and owner (n, k) of the k nearest different owners of every node, nearest first.

    Equally near owners stand in ascending order; places beyond the last owner in reach are ``UNREACHED``, ``NOBODY``.
    """
    shape = (len(csr.offsets) - 1, k)
    time, owner = np.full(shape, UNREACHED, np.uint32), np.full(shape, NOBODY, np.int32)
    _nearest_k(csr, *_seeds(nodes, offsets), np.ascontiguousarray(owners, np.int32), as_limit(limit), time, owner)
    return time, owner
