"""Radius-pruned elimination ordering: a few arcs upward a node that hold every shortest path up to a limit.

Nodes are taken out one by one, the one with the fewest neighbours first; the neighbours of a node taken out are joined
pairwise by the way through it, unless that is longer than the limit. (The sparse Cholesky factorisation in the algebra
of minimum and sum; also known as a customisable contraction hierarchy.) Afterwards every shortest path within the limit
has a twin that climbs and then descends, so that one pass up and one pass down over all arcs answers a search, for many
searches at once. Street networks need 2 to 4 arcs a node: dead ends and chains go first by themselves.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np

from cimkit.kernels._jit import inner, kernel
from cimkit.kernels.graph import UNREACHED, Csr, as_limit
from cimkit.kernels.lanes import CLOSED

# Lattices and cliques fill up: past this many entries looked at a node, the search without preparation is faster.
WORK = 4000
SCAN = 8  # neighbours up to which a list is scanned; longer ones are looked up


class Hierarchy(NamedTuple):
    """A graph of n nodes as arcs between *positions*, each leading to a higher one.

    ``node`` (n): node at each position; ``position`` (n): position of each node, int32. Position i owns arcs
    ``first[i]`` to ``first[i + 1]``, ``first`` (n + 1) int64; ``upper`` (m) int32 is the higher end, ascending; ``up``
    and ``down`` (m) uint32 are the weights towards it and back, ``CLOSED`` where there is no way. ``limit``: distances
    up to this are exact, others are not known. ``complete``: false if the graph is too dense for this method
    (lattices, squares with all lines of sight): then there are no arcs, and the bounded search is to be used.
    """

    node: Any
    position: Any
    first: Any
    upper: Any
    up: Any
    down: Any
    limit: Any
    complete: bool


@inner
def _find(upper, low, high, head):
    """Return the place of a head among sorted ones, -1 if it is not there."""
    stop = high
    while low < high:
        middle = (low + high) >> 1
        if upper[middle] < head:
            low = middle + 1
        else:
            high = middle
    return low if low < stop and upper[low] == head else -1


@inner
def _put(pool, at, head, out, back, limit):
    """Write one neighbour: head, weight to it, weight from it."""
    pool[at] = head
    pool[at + 1] = out if out <= limit else UNREACHED
    pool[at + 2] = back if back <= limit else UNREACHED


@inner
def _move(pool, at, last):
    """Write one neighbour over another."""
    pool[at], pool[at + 1], pool[at + 2] = pool[last], pool[last + 1], pool[last + 2]


@inner
def _neighbours(csr, limit):
    """Return pool, the neighbours of each node with the weights there and back, its used length, and three lists (n).

    Neighbour k of node i stands at ``offset[i] + 3 k``: node, weight to it, weight from it; there are ``length[i]``
    and there is room for ``room[i]``.
    """
    n = len(csr.offsets) - 1
    twin, room = np.empty(len(csr.heads), np.int64), np.empty(n, np.int64)
    for i in range(n):
        room[i] = csr.offsets[i + 1] - csr.offsets[i] + 3
    place = csr.offsets[:-1].copy()  # rows ascend and so do heads: every row is walked once
    for i in range(n):
        for e in range(csr.offsets[i], csr.offsets[i + 1]):
            head = csr.heads[e]
            q, stop = place[head], csr.offsets[head + 1]
            while q < stop and csr.heads[q] < i:
                q += 1
            place[head] = q
            twin[e] = q if q < stop and csr.heads[q] == i else -1
            if twin[e] < 0:
                room[head] += 1
    offset, length, total = np.empty(n, np.int64), np.zeros(n, np.int64), 0
    for i in range(n):
        offset[i] = total
        total += 3 * room[i]
    pool = np.empty(total * 2, np.uint32)
    for i in range(n):
        for e in range(csr.offsets[i], csr.offsets[i + 1]):
            head, weight = csr.heads[e], csr.weights[e]
            back = csr.weights[twin[e]] if twin[e] >= 0 else UNREACHED
            if weight > limit and back > limit:
                continue
            _put(pool, offset[i] + 3 * length[i], head, weight, back, limit)
            length[i] += 1
            if twin[e] < 0:
                _put(pool, offset[head] + 3 * length[head], i, UNREACHED, weight, limit)
                length[head] += 1
    return pool, total, offset, length, room


@inner
def _unlink(lists, bucket, node):
    """Take a node out of the list of its degree; lists (3, n): first of a degree, next, before."""
    after, before = lists[1, node], lists[2, node]
    if before >= 0:
        lists[1, before] = after
    else:
        lists[0, bucket[node]] = after
    if after >= 0:
        lists[2, after] = before


@inner
def _link(lists, bucket, node, degree):
    """Put a node in front of the list of a degree."""
    bucket[node] = degree
    head = lists[0, degree]
    lists[1, node], lists[2, node] = head, -1
    if head >= 0:
        lists[2, head] = node
    lists[0, degree] = node


@inner
def _more(table, used, needed):
    """Return a table (m) with room for the numbers needed."""
    if used + needed <= len(table):
        return table
    wide = np.empty(max(2 * len(table), used + needed), table.dtype)
    for k in range(used):
        wide[k] = table[k]
    return wide


@inner
def _drop(pool, offset, length, owner, node):
    """Take a node out of the neighbours of another."""
    at, last = offset[owner], offset[owner] + 3 * (length[owner] - 1)
    while pool[at] != node:
        at += 3
    _move(pool, at, last)
    length[owner] -= 1


@inner
def _bridge(pool, at, size, node, other, out, back, limit):
    """Put the way through a node to another in its place among the neighbours at ``at``; return how many there are."""
    hole, found = np.int64(-1), np.int64(-1)
    for q in range(at, at + 3 * size, 3):
        if pool[q] == node:
            hole = q
        elif pool[q] == other:
            found = q
    if found < 0 and (out <= limit or back <= limit):
        _put(pool, hole, other, out, back, limit)
        return size
    if found >= 0:
        pool[found + 1], pool[found + 2] = min(pool[found + 1], out), min(pool[found + 2], back)
    _move(pool, hole, at + 3 * (size - 1))
    return size - 1


@inner
def _take(pool, at, size, node, order, first, arcs, steps):
    """Write a node taken out and its neighbours behind those before it; return the steps done."""
    k = 3 * first[steps]
    order[steps], first[steps + 1] = node, first[steps] + size
    for q in range(3 * size):
        arcs[k + q] = pool[at + q]
    return steps + 1


@inner
def _contract(pool, offset, length, most, limit, gone, order, first, arcs, steps):
    """Take out all nodes with at most ``most`` (1 or 2) neighbours, dead ends or chains; return the steps done.

    They are two thirds of a street network, and no list of degrees is kept for them: 12 ms in place of 23 for 100,000.
    """
    stack = np.empty(len(gone) + 1, np.int32)
    for i in range(len(gone)):
        stack[0], waiting = i, 1
        while waiting > 0:
            waiting -= 1
            node = np.int64(stack[waiting])
            at, size = offset[node], length[node]
            if gone[node] != 0 or size > most:
                continue
            gone[node] = 1
            steps = _take(pool, at, size, node, order, first, arcs, steps)
            a, b = np.int64(pool[at]), np.int64(pool[at + 3])
            if size == 1:
                _drop(pool, offset, length, a, node)
            elif size == 2:
                out = np.int64(pool[at + 2]) + np.int64(pool[at + 4])
                back = np.int64(pool[at + 1]) + np.int64(pool[at + 5])
                length[a] = _bridge(pool, offset[a], length[a], node, b, out, back, limit)
                length[b] = _bridge(pool, offset[b], length[b], node, a, back, out, limit)
            for q in range(at, at + 3 * size, 3):
                if pool[q] < i and length[pool[q]] <= most:
                    stack[waiting] = pool[q]
                    waiting += 1
    return steps


@inner
def _join(pool, at, size, node, arcs, low, high, i, limit, slot):
    """Join neighbour i of the node taken out to the others, in its place; return its number of neighbours now."""
    # a list of some length is laid out by node, so that each of the others is found at once: 1M nodes without limit
    # 3 times faster
    looked_up, stop, hole = size > SCAN, at + 3 * size, np.int64(-1)
    known = stop
    for q in range(at, stop, 3):
        if looked_up:
            slot[pool[q]] = q
        if pool[q] == node:
            hole = q
    back, there = np.int64(arcs[i + 2]), np.int64(arcs[i + 1])
    for j in range(low, high, 3):
        out, into = back + np.int64(arcs[j + 1]), there + np.int64(arcs[j + 2])
        if j == i or (out > limit and into > limit):
            continue
        other, found = arcs[j], at
        if looked_up:
            found = slot[other]
            if not at <= found < known or pool[found] != other:
                found = known
        else:
            while found < known and pool[found] != other:
                found += 3
        if found < known:
            pool[found + 1], pool[found + 2] = min(pool[found + 1], out), min(pool[found + 2], into)
        else:
            if hole >= 0:
                found, hole = hole, np.int64(-1)
            else:
                found, stop = stop, stop + 3
            _put(pool, found, other, out, into, limit)
    if hole >= 0:
        stop -= 3
        _move(pool, hole, stop)
    return (stop - at) // 3


@inner
def _eliminate(csr, limit):
    """Return the order (n) of elimination, first (n + 1) and arcs (3 m) of each node in it, and whether it ended."""
    n = len(csr.offsets) - 1
    pool, end, offset, length, room = _neighbours(csr, limit)
    order, first, gone = np.empty(n, np.int32), np.zeros(n + 1, np.int64), np.zeros(n, np.uint8)
    arcs, done = np.empty(12 * n + 48, np.uint32), 0
    for most in range(1, 3):
        done = _contract(pool, offset, length, most, np.int64(limit), gone, order, first, arcs, done)
    top = min(n, 1023)
    lists, bucket = np.full((3, max(n, top + 1)), -1, np.int32), np.empty(n, np.int32)
    for i in range(n - 1, -1, -1):
        if gone[i] == 0:
            _link(lists, bucket, i, min(length[i], top))
    slot, work, least = np.zeros(n, np.int64), 0, 0
    while done < n:
        least = max(least - 1, 0)
        while lists[0, least] < 0:
            least += 1
        node = np.int64(lists[0, least])
        _unlink(lists, bucket, node)
        size, low = length[node], 3 * first[done]
        arcs = _more(arcs, low, 3 * size)
        done = _take(pool, offset[node], size, node, order, first, arcs, done)
        high = 3 * first[done]
        for i in range(low, high, 3):
            other = np.int64(arcs[i])
            if length[other] + size - 2 > room[other]:
                grown = 2 * (length[other] + size)
                pool = _more(pool, end, 3 * grown)
                pool[end : end + 3 * length[other]] = pool[offset[other] : offset[other] + 3 * length[other]]
                offset[other], room[other], end = end, grown, end + 3 * grown
            work += length[other] + size
            length[other] = _join(pool, offset[other], length[other], node, arcs, low, high, i, np.int64(limit), slot)
            degree = min(length[other], top)
            if degree != bucket[other]:
                _unlink(lists, bucket, other)
                _link(lists, bucket, other, degree)
                least = min(least, degree)
        if work > WORK * n + 10_000_000:
            return order, first, arcs[:0], False
    return order, first, arcs[: 3 * first[n]], True


@inner
def _descend(order, first, arcs):
    """Return the new position (n) of each step: last in, first out from the top; rows used together lie together.

    A postorder of the elimination tree would be wrong: a higher neighbour need not be an ancestor of what was dropped.
    """
    n = len(order)
    step_of = np.empty(n, np.int32)
    for i in range(n):
        step_of[order[i]] = i
    start = np.zeros(n + 1, np.int64)
    for e in range(len(arcs) // 3):
        start[step_of[arcs[3 * e]] + 1] += 1
    for i in range(n):
        start[i + 1] += start[i]
    fill, below = start[:-1].copy(), np.empty(len(arcs) // 3, np.int32)
    for i in range(n):
        for e in range(first[i], first[i + 1]):
            upper = step_of[arcs[3 * e]]
            below[fill[upper]] = i
            fill[upper] += 1
    left, stack, position, count = np.empty(n, np.int32), np.empty(n, np.int32), np.empty(n, np.int32), n
    for i in range(n):
        left[i] = first[i + 1] - first[i]
    for root in range(n - 1, -1, -1):
        if left[root] != 0 or first[root + 1] != first[root]:
            continue
        stack[0], waiting = root, 1
        while waiting > 0:
            waiting -= 1
            step = stack[waiting]
            count -= 1
            position[step] = count
            for q in range(start[step], start[step + 1]):
                left[below[q]] -= 1
                if left[below[q]] == 0:
                    stack[waiting] = below[q]
                    waiting += 1
    return position


@inner
def _arrange(order, first, arcs, place):
    """Return node, position, first, and arcs by position, sorted by upper end."""
    n = len(order)
    node, position, step_at = np.empty(n, np.int32), np.empty(n, np.int32), np.empty(n, np.int32)
    for i in range(n):
        node[place[i]], step_at[place[i]] = order[i], i
        position[order[i]] = place[i]
    start, upper = np.zeros(n + 1, np.int64), np.empty(len(arcs) // 3, np.int32)
    up, down = np.empty(len(arcs) // 3, np.uint32), np.empty(len(arcs) // 3, np.uint32)
    k = 0
    for p in range(n):
        step = step_at[p]
        for e in range(first[step], first[step + 1]):
            head, q = position[arcs[3 * e]], k
            while q > start[p] and upper[q - 1] > head:
                upper[q], up[q], down[q] = upper[q - 1], up[q - 1], down[q - 1]
                q -= 1
            upper[q], up[q], down[q] = head, min(arcs[3 * e + 1], CLOSED), min(arcs[3 * e + 2], CLOSED)
            k += 1
        start[p + 1] = k
    return node, position, start, upper, up, down


@inner
def _thin(first, upper, up, down):
    """Lower every arc to the distance of its ends and leave out those that two others replace; from the top down.

    2.3 arcs a node become 2.1 in 7 ms of 64 at 100,000 nodes.
    """
    n = len(first) - 1
    matched = np.zeros(len(upper), np.uint8)
    for p in range(n - 1, -1, -1):
        for i in range(first[p], first[p + 1]):
            x = upper[i]
            for j in range(i + 1, first[p + 1]):
                e = _find(upper, first[x], first[x + 1], upper[j])
                if e < 0:
                    continue
                there, back = up[e], down[e]
                # an arc of no length replaces nothing: three ends in one place would all be left out
                if up[j] + back <= up[i]:
                    up[i], matched[i] = up[j] + back, matched[i] | (back > 0)
                elif up[i] + there <= up[j]:
                    up[j], matched[j] = up[i] + there, matched[j] | (there > 0)
                if down[j] + there <= down[i]:
                    down[i], matched[i] = down[j] + there, matched[i] | (there > 0) << 1
                elif down[i] + back <= down[j]:
                    down[j], matched[j] = down[i] + back, matched[j] | (back > 0) << 1
    start, k = np.zeros(n + 1, np.int64), 0
    for p in range(n):
        for i in range(first[p], first[p + 1]):
            if not ((matched[i] & 1 or up[i] == CLOSED) and (matched[i] & 2 or down[i] == CLOSED)):
                upper[k], up[k], down[k] = upper[i], up[i], down[i]
                k += 1
        start[p + 1] = k
    return start, k


@kernel
def _build(csr, limit):
    """Return the fields of a hierarchy but its limit."""
    order, first, arcs, complete = _eliminate(csr, limit)
    if not complete:
        nodes, none = np.empty(len(order), np.int32), np.empty(0, np.uint32)
        for k in range(len(nodes)):
            nodes[k] = k
        return nodes, nodes, np.zeros(len(order) + 1, np.int64), np.empty(0, np.int32), none, none, False
    node, position, first, upper, up, down = _arrange(order, first, arcs, _descend(order, first, arcs))
    first, kept = _thin(first, upper, up, down)
    return node, position, first, upper[:kept], up[:kept], down[:kept], True


def build(csr: Csr, limit: float) -> Hierarchy:
    """Return the hierarchy of a graph for distances up to the limit; infinity for all distances.

    The smaller the limit, the fewer arcs. What changes the graph (an edit, a gate that opens) needs a new hierarchy:
    0.4 µs a node.
    """
    whole = as_limit(limit)
    node, position, first, upper, up, down, complete = _build(csr, whole)
    return Hierarchy(node, position, first, upper.copy(), up.copy(), down.copy(), whole, complete)
