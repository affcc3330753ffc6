"""Radius-pruned elimination ordering: a few arcs upward a node that hold every shortest path up to a limit.

Nodes are taken out one by one, the one with the fewest neighbours first; the neighbours of a node taken out are joined
pairwise by the way through it, unless that is longer than the limit. (The sparse Cholesky factorisation in the algebra
of minimum and sum; also known as a customisable contraction hierarchy.) Afterwards every shortest path within the limit
has a twin that climbs and then descends, so that one pass up and one pass down over all arcs answers a search, for many
searches at once. Street networks need 2 to 4 arcs a node: dead ends and chains go first by themselves.
"""

from collections import namedtuple

import numpy as np

from cimkit.kernels._jit import inner, kernel, woven
from cimkit.kernels._lanes import equal_lanes, trailing_zeros
from cimkit.kernels.graph import UNREACHED, Csr, as_limit, bucket
from cimkit.kernels.lanes import CLOSED

# Lattices and cliques fill up: past this many entries looked at a node, the search without preparation is faster.
WORK = 4000
START, SIZE, ROOM, LISTED = 0, 1, 2, 3  # columns of the state of a node
GONE = 1 << 30  # size of a node that is taken out


class Hierarchy(namedtuple("Hierarchy", "node position first upper up down limit complete")):
    """A graph of n nodes as arcs between *positions*, each leading to a higher one.

    ``node`` (n): node at each position; ``position`` (n): position of each node, int32. Position i owns arcs
    ``first[i]`` to ``first[i + 1]``, ``first`` (n + 1) int64; ``upper`` (m) int32 is the higher end, ascending; ``up``
    and ``down`` (m) uint32 are the weights towards it and back, ``CLOSED`` where there is no way. ``limit``: distances
    up to this are exact, others are not known. ``complete``: false if the graph is too dense for this method
    (lattices, squares with all lines of sight): then there are no arcs, and the bounded search is to be used.
    """


@woven
def _place(heads, at, stop, node):
    """Return the place of a node among the neighbours from one place to another, the latter if it is not there."""
    # 16 are compared at once: half the time of looking one by one, and lists of any length need no other way
    for q in range(at, stop, 16):
        bits = equal_lanes(heads, q, np.int32(node))
        if bits != 0:
            return min(q + trailing_zeros(bits), stop)
    return stop


class _Tables(namedtuple("_Tables", "heads ways state lists entries order first arcs")):
    """What elimination works on.

    ``heads`` (m), ``ways`` (m, 2): neighbours, and the weights to them and from them. ``state`` (n, 4): where the
    neighbours of a node start, how many there are and have room, and the degree it is listed under, all in one line of
    the cache. ``lists``, ``entries``: the last entry of each degree; node and the entry before it. ``order`` (n),
    ``first`` (n + 1), ``arcs`` (3 m): nodes taken out, and their neighbours then as head, weight to it, from it.
    """


@woven
def _put(tables, at, head, out, back, limit):
    """Write one neighbour: head, weight to it, weight from it."""
    tables.heads[at] = head
    tables.ways[at, 0] = out if out <= limit else UNREACHED
    tables.ways[at, 1] = back if back <= limit else UNREACHED


@woven
def _shorten(tables, at, out, back):
    """Lower the weights of one neighbour."""
    tables.ways[at, 0], tables.ways[at, 1] = min(tables.ways[at, 0], out), min(tables.ways[at, 1], back)


@woven
def _move(tables, at, last):
    """Write one neighbour over another."""
    heads, ways = tables.heads, tables.ways
    heads[at], ways[at, 0], ways[at, 1] = heads[last], ways[last, 0], ways[last, 1]


@woven
def _meet(tables, a, b, out, back, limit):
    """Make two nodes neighbours, unless both ways are too long."""
    state = tables.state
    if out <= limit or back <= limit:
        _put(tables, np.int64(state[a, START]) + state[a, SIZE], b, out, back, limit)
        _put(tables, np.int64(state[b, START]) + state[b, SIZE], a, back, out, limit)
        state[a, SIZE] += 1
        state[b, SIZE] += 1


@inner
def _neighbours(csr, limit):
    """Return tables with the neighbours of every node, and how many entries are used."""
    n, total = len(csr.offsets) - 1, np.int64(0)
    state = np.zeros((n, 4), np.int32)
    for e in range(len(csr.heads)):
        state[csr.heads[e], ROOM] += 1
    for i in range(n):
        state[i, START], state[i, ROOM] = total, state[i, ROOM] + csr.offsets[i + 1] - csr.offsets[i] + 1
        total += state[i, ROOM]
    heads, ways = np.empty(2 * total + 16, np.int32), np.empty((2 * total + 16, 2), np.uint32)
    lists, entries = np.full(min(n, 1023) + 1, -1, np.int32), np.empty(4 * n + 2, np.int32)
    order, first, arcs = np.empty(n, np.int32), np.zeros(n + 1, np.int64), np.empty(12 * n + 48, np.uint32)
    tables = _Tables(heads, ways, state, lists, entries, order, first, arcs)
    for i in range(n):
        for e in range(csr.offsets[i], csr.offsets[i + 1]):
            head, weight = np.int64(csr.heads[e]), csr.weights[e]
            at, stop = np.int64(state[i, START]), np.int64(state[i, START]) + state[i, SIZE]
            found = _place(heads, at, stop, head)
            if found < stop:  # met from there
                back = np.int64(state[head, START])
                ways[found, 0] = weight if weight <= limit else UNREACHED
                ways[_place(heads, back, back + state[head, SIZE], i), 1] = ways[found, 0]
            elif weight <= limit:
                _meet(tables, i, head, weight, UNREACHED, limit)
    return tables, total


@woven
def _take(tables, node, steps):
    """Write a node taken out and its neighbours behind those before it; return the steps done."""
    at, size, k = np.int64(tables.state[node, START]), tables.state[node, SIZE], 3 * tables.first[steps]
    tables.order[steps], tables.first[steps + 1] = node, tables.first[steps] + size
    for q in range(at, at + size):
        arcs, ways = tables.arcs, tables.ways
        arcs[k], arcs[k + 1], arcs[k + 2] = tables.heads[q], ways[q, 0], ways[q, 1]
        k += 3
    tables.state[node, SIZE] = GONE
    return steps + 1


@woven
def _join(tables, node, low, high, i, limit):
    """Join neighbour i of the node taken out to the others, in its place; return its number of neighbours now."""
    heads, state, arcs = tables.heads, tables.state, tables.arcs
    at = np.int64(state[arcs[i], START])
    known = stop = at + state[arcs[i], SIZE]
    hole = _place(heads, at, stop, node)
    back, there = np.int64(arcs[i + 2]), np.int64(arcs[i + 1])
    for j in range(low, high, 3):
        out, into = back + np.int64(arcs[j + 1]), there + np.int64(arcs[j + 2])
        if j == i or (out > limit and into > limit):
            continue
        found = _place(heads, at, known, arcs[j])
        if found < known:
            _shorten(tables, found, out, into)
        elif hole < known:
            _put(tables, hole, arcs[j], out, into, limit)
            hole = known
        else:
            _put(tables, stop, arcs[j], out, into, limit)
            stop += 1
    if hole < known:
        stop -= 1
        _move(tables, hole, stop)
    return stop - at


@woven
def _contract(tables, stack, most, limit, steps):
    """Take out all nodes with at most ``most`` (1 or 2) neighbours, dead ends or chains; return the steps done.

    They are two thirds of a street network, and no list of degrees is kept for them: 5 ms in place of 13 for 100,000.
    """
    state = tables.state
    for i in range(len(state)):
        stack[0], waiting = i, 1
        while waiting > 0:
            waiting -= 1
            node = np.int64(stack[waiting])
            size = np.int64(state[node, SIZE])
            if size > most:
                continue
            low = 3 * tables.first[steps]
            steps = _take(tables, node, steps)
            for k in range(low, low + 3 * size, 3):
                other = np.int64(tables.arcs[k])
                state[other, SIZE] = _join(tables, node, low, low + 3 * size, k, limit)
                if other < i and state[other, SIZE] <= most:
                    stack[waiting] = other
                    waiting += 1
    return steps


@woven
def _list(tables, count, node, degree):
    """Put a node in front of the list of its degree; return how many entries there are."""
    tables.entries[2 * count], tables.entries[2 * count + 1] = node, tables.lists[degree]
    tables.lists[degree], tables.state[node, LISTED] = count, degree
    return count + 1


@woven
def _grow(tables, other, size, end):
    """Move the neighbours of a node to where there is room for more; return how many entries are used."""
    at, length = np.int64(tables.state[other, START]), np.int64(tables.state[other, SIZE])
    for q in range(length):
        _move(tables, end + q, at + q)
    tables.state[other, START], tables.state[other, ROOM] = end, 2 * (length + size)
    return end + 2 * (length + size)


@woven
def _take_out(tables, done, used, limit):
    """Take out nodes, those of the least degree first, while there is room; return how far it went, and the work.

    A node may stand in several lists and counts in that of its degree: nothing is taken out of the middle of a list.
    """
    end, count, least = used
    state, lists, entries, first, arcs = tables.state, tables.lists, tables.entries, tables.first, tables.arcs
    top, work = len(lists) - 1, 0
    while done < len(tables.order):
        while lists[least] < 0:
            least += 1
        entry = 2 * np.int64(lists[least])
        node = np.int64(entries[entry])
        size, at, low, needed = np.int64(state[node, SIZE]), np.int64(state[node, START]), 3 * first[done], 0
        if state[node, LISTED] != least or size == GONE:
            lists[least] = entries[entry + 1]
            continue
        for q in range(at, at + size):
            needed += 2 * (np.int64(state[tables.heads[q], SIZE]) + size)
        short = low + 3 * size > len(arcs) or end + needed + 16 > len(tables.heads)
        if short or 2 * (count + size) > len(entries):
            break
        lists[least] = entries[entry + 1]
        done = _take(tables, node, done)
        for i in range(low, low + 3 * size, 3):
            other = np.int64(arcs[i])
            work += state[other, SIZE] + size
            if state[other, SIZE] + size - 2 > state[other, ROOM]:
                end = _grow(tables, other, size, end)
            state[other, SIZE] = _join(tables, node, low, low + 3 * size, i, limit)
            degree = min(np.int64(state[other, SIZE]), top)
            if degree != state[other, LISTED]:
                count = _list(tables, count, other, degree)
                least = min(least, degree)
        least = max(least - 1, 0)
    return done, (end, count, least), work


@inner
def _wider(table):
    """Return a table of twice the length."""
    wide = np.empty((2 * len(table), *table.shape[1:]), table.dtype)
    for i in range(table.size):  # one assignment of arrays would compile the texts of its errors
        wide.flat[i] = table.flat[i]
    return wide


@inner
def _eliminate(csr, limit):
    """Return the order (n) of elimination, first (n + 1) and arcs (3 m) of each node in it, and whether it ended."""
    n, bound = len(csr.offsets) - 1, np.int64(limit)
    tables, end = _neighbours(csr, limit)
    stack, done, work, count = np.empty(n + 1, np.int32), 0, 0, 0
    for most in range(1, 3):
        done = _contract(tables, stack, most, bound, done)
    for i in range(n - 1, -1, -1):
        if tables.state[i, SIZE] != GONE:
            count = _list(tables, count, i, min(tables.state[i, SIZE], len(tables.lists) - 1))
    used = end, count, 0
    while done < n:
        done, used, more = _take_out(tables, done, used, bound)
        work += more
        if work > WORK * n + 10_000_000:
            return tables.order, tables.first, tables.arcs[:0], False
        if done < n:
            heads, ways = _wider(tables.heads), _wider(tables.ways)
            entries, arcs = _wider(tables.entries), _wider(tables.arcs)
            tables = _Tables(heads, ways, tables.state, tables.lists, entries, tables.order, tables.first, arcs)
    return tables.order, tables.first, tables.arcs[: 3 * tables.first[n]], True


@inner
def _descend(order, first, arcs):
    """Return the new position (n) of each step: last in, first out from the top; rows used together lie together.

    The heads of the arcs become steps.
    A postorder of the elimination tree would be wrong: a higher neighbour need not be an ancestor of what was dropped.
    """
    n = len(order)
    step_of = np.empty(n, np.int32)
    for i in range(n):
        step_of[order[i]] = i
    heads, lower = np.empty(len(arcs) // 3, np.int32), np.empty(len(arcs) // 3, np.int32)
    for i in range(n):
        for e in range(first[i], first[i + 1]):
            arcs[3 * e] = heads[e] = step_of[arcs[3 * e]]
            lower[e] = i
    start, below = bucket(heads, n)
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
                other = lower[below[q]]
                left[other] -= 1
                if left[other] == 0:
                    stack[waiting] = other
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
    start, upper = np.zeros(n + 1, np.int64), np.empty(len(arcs) // 3 + 16, np.int32)
    up, down = np.empty(len(arcs) // 3, np.uint32), np.empty(len(arcs) // 3, np.uint32)
    k = 0
    for p in range(n):
        step = step_at[p]
        for e in range(first[step], first[step + 1]):
            head, q = place[arcs[3 * e]], k
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
    matched = np.zeros(len(up), np.uint8)
    for p in range(n - 1, -1, -1):
        for i in range(first[p], first[p + 1]):
            x = upper[i]
            for j in range(i + 1, first[p + 1]):
                e = _place(upper, first[x], first[x + 1], upper[j])
                if e == first[x + 1]:
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
        nodes, none = np.arange(len(order)).astype(np.int32), np.empty(0, np.uint32)
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
