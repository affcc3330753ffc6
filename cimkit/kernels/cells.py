"""Sources swept in cells: what lies within the limit of a few hundred neighbouring sources, 32 of them at a time.

A cell is a run of sources that lie near each other. One pass up and down the hierarchy from all of them marks the nodes
they can reach, taken in order from the bits of their positions: no queue, 4 times faster than a bounded search. Those
nodes and the arcs between them are gathered once, and every 32 sources then take one pass up and one pass down.
Exact: every node on a shortest path within the limit is itself within the limit, so the set is closed.

Readers are the places where distances are read: two ends with a leg each (twice the same end at a node). A reader on
the very edge of a source is its *mate*: the way along the edge counts too.
"""

from collections import namedtuple
from typing import Any

import numpy as np

from cimkit.kernels._jit import inner, kernel, woven
from cimkit.kernels._lanes import leading_zeros, trailing_zeros
from cimkit.kernels.elimination import Hierarchy
from cimkit.kernels.graph import UNREACHED, Csr, _whole, as_limit, bucket, search
from cimkit.kernels.lanes import CLOSED, FAR, WIDE, aligned_rows, clear, pull, push, read_place, weigh

_ONE = np.uint64(1)
_NO_NUMBERS = np.empty(0)
_NO_LIMITS = np.empty(0, np.uint32)


class Sources(namedtuple("Sources", "start positions offsets order mate_start mate direct")):
    """Many sources (s): source i has the seeds ``start[i]`` to ``start[i + 1]``, each a position and its offset (q).

    ``order`` (s) names them so that neighbours follow each other. Mates of source i are ``mate_start[i]`` to
    ``mate_start[i + 1]`` of ``mate`` (m), rows of readers, and ``direct`` (m), the way along the edge.
    """


class Readers(namedtuple("Readers", "ends legs weight first which slot")):
    """Places (p) with two ends (p, 2), positions, a leg to each (p, 2), and a weight (p).

    Position i is an end of the readers ``which[first[i]]`` to ``which[first[i + 1]]``; ``slot`` (p): rank of each
    reader by position.
    """


class Decay(namedtuple("Decay", "breaks steps table width")):
    """Weight of a distance: the sum of the ``steps`` whose ``breaks`` it does not exceed, or a table.

    ``breaks`` (t) uint32 and ``steps`` (t); or ``table`` (b): weights at 0, ``width``, 2 ``width``, …, straight between
    them and nothing beyond the last.
    """


_CELL = "time local words nodes first heads up down hot rows mates wanted place legs who slot distance weights"


class Cell(namedtuple("Cell", _CELL)):
    """Room for one cell; one for each thread. Sizes are those of the whole graph: memory is used where it is touched.

    ``time``, ``local`` (n), ``words`` (n / 64): the search and its marks. ``nodes`` (k) positions in the cell,
    ``first``, ``heads``, ``up``, ``down``: arcs between them; ``hot``, ``rows`` (k + 1 + m, 32): the sweep; row k stays
    unreached, those behind it belong to the ``mates`` (m) of a block; ``wanted``: rows that a reader or a lower wanted
    row needs, from the top. ``place`` (r, 2) rows and ``legs`` (r, 2) of the readers ``who`` (r) in the cell; ``slot``
    (p) their place in it. ``distance``, ``weights`` (32): one reader's.
    """


@kernel
def _downward(hierarchy):
    """Return offsets, heads and weights of the arcs of a hierarchy by the end they leave downward."""
    n, lower = len(hierarchy.node), np.empty(len(hierarchy.upper), np.int32)
    for i in range(n):
        lower[hierarchy.first[i] : hierarchy.first[i + 1]] = i
    offsets, arcs = bucket(hierarchy.upper, n)
    return offsets, lower[arcs], hierarchy.down[arcs]


def by_position(csr: Csr, hierarchy: Hierarchy) -> Csr:
    """Return the arcs that cells are searched by: those of the hierarchy from the top down, or else of the graph."""
    return Csr(*_downward(hierarchy)) if hierarchy.complete else csr


def sources_of(hierarchy: Hierarchy, start: Any, nodes: Any, offsets: Any, order: Any, mates: Any = None) -> Sources:
    """Return sources with the seeds ``start[i]`` to ``start[i + 1]`` of ``nodes``, ``offsets``.

    With ``mates`` (mate_start, mate, direct), source i has the readers ``mate[mate_start[i]:mate_start[i + 1]]``.
    """
    mate_start, mate, direct = mates or (np.zeros(len(start)), (), ())
    seeds = np.asarray(start, np.int64), hierarchy.position[np.asarray(nodes, np.int64)], _whole(offsets)
    near = np.asarray(mate_start, np.int64), np.asarray(mate, np.int32), _whole(direct)
    return Sources(*seeds, np.ascontiguousarray(order, np.int64), *near)


@kernel
def _by_end(ends, n):
    """Return first and which, the readers at each end, one with the same end twice only once; and slot (p)."""
    keys = ends.copy().reshape(-1)
    for r in range(len(ends)):
        if ends[r, 0] == ends[r, 1]:
            keys[2 * r + 1] = n
    first, which = bucket(keys, n + 1)
    order, slot = bucket(ends[:, 0], n)[1], np.empty(len(ends), np.int32)
    for k in range(len(ends)):
        slot[order[k]] = k
    return first, which[: first[n]] >> 1, slot


def readers_of(hierarchy: Hierarchy, ends: Any, legs: Any, weight: Any) -> Readers:
    """Return readers with two end nodes (p, 2), legs from them (p, 2) and weights (p); ``UNREACHED`` closes a leg."""
    at = np.ascontiguousarray(hierarchy.position[np.asarray(ends, np.int64)])
    first, which, slot = _by_end(at, len(hierarchy.node))
    closed = np.minimum(_whole(legs), CLOSED)
    return Readers(at, np.ascontiguousarray(closed), np.ascontiguousarray(weight, np.float64), first, which, slot)


def step_decay(breaks: Any, weights: Any) -> Decay:
    """Return the weight ``weights[i]`` up to ``breaks[i]`` (ascending, inclusive) and nothing beyond the last."""
    w = np.asarray(weights, np.float64)
    return Decay(np.asarray(breaks).astype(np.uint32), w - np.append(w[1:], 0.0), _NO_NUMBERS, 1.0)


def table_decay(values: Any, width: float) -> Decay:
    """Return the weight that is ``values`` at 0, width, 2 width, … and straight between."""
    return Decay(_NO_LIMITS, _NO_NUMBERS, np.ascontiguousarray(values, np.float64), float(width))


def farthest(decay: Decay) -> Any:
    """Return the distance beyond which the weight is nothing; cells need not be larger."""
    if len(decay.table):
        return as_limit((len(decay.table) - 1) * decay.width)
    return decay.breaks.max(initial=np.uint32(0))


@woven
def weigh_place(rows, place, breaks, steps, table, width, distance, weights):
    """Put the weights of a place into weights (32), by steps or else by a table; return the bits of those not 0."""
    if len(table) == 0:
        return weigh(WIDE, rows, place, breaks, steps, weights)
    read_place(WIDE, rows, place, distance)
    last, bits = len(table) - 1, np.uint64(0)
    for q in range(WIDE):
        at, weights[q] = float(distance[q]) / width, 0.0
        if at <= last:
            low = int(at)
            weights[q] = table[low] + (at - low) * (table[min(low + 1, last)] - table[low])
        if weights[q] != 0.0:
            bits |= _ONE << np.uint64(q)
    return bits


@inner
def new_cell(hierarchy, sources, readers):
    """Return room for cells of a graph."""
    n, arcs, count, most = len(hierarchy.node), len(hierarchy.upper), len(readers.weight), 0
    for i in range(len(sources.mate_start) - 1):
        most = max(most, sources.mate_start[i + 1] - sources.mate_start[i])
    mates = min(count, WIDE * most)
    return Cell(
        time=np.full(n, UNREACHED, np.uint32),
        local=np.full(n, -1, np.int32),
        words=np.zeros(n // 64 + 1, np.uint64),
        nodes=np.empty(n, np.int32),
        first=np.empty(n + 1, np.int64),
        heads=np.empty(arcs, np.int32),
        up=np.empty(arcs, np.uint32),
        down=np.empty(arcs, np.uint32),
        hot=np.zeros(n, np.uint8),
        rows=aligned_rows(n + 1 + mates, WIDE),
        mates=np.empty(mates, np.int64),
        wanted=np.empty(n, np.int32),
        place=np.empty((count, 2), np.int32),
        legs=np.empty((count, 2), np.uint32),
        who=np.empty(count, np.int32),
        slot=np.full(count, -1, np.int32),
        distance=np.empty(WIDE, np.uint32),
        weights=np.empty(WIDE, np.float64),
    )


@woven
def _mark(words, node):
    """Mark a node; return the word it is in."""
    words[node >> 6] |= _ONE << np.uint64(node & 63)
    return node >> 6


@inner
def _search(graph, sources, low, high, limit, time):
    """Lower time (n) to the distances from the sources low to high of the order, for graphs without a hierarchy."""
    label = np.empty(len(time), np.int32)
    for i in range(low, high):
        s = slice(sources.start[sources.order[i]], sources.start[sources.order[i] + 1])
        search(graph, sources.positions[s], sources.offsets[s], sources.positions[s], limit, True, time, label)


@inner
def _climb(graph, hierarchy, sources, low, high, cell):
    """Give every node within the limit of the sources low to high its distance and a mark; return the range marked.

    Up and down the hierarchy: a node is taken when all that may lower it have been.
    """
    limit, first, upper, up = hierarchy.limit, hierarchy.first, hierarchy.upper, hierarchy.up
    time, words, order, lowest, highest = cell.time, cell.words, sources.order, len(cell.words), -1
    for i in range(low, high):
        for s in range(sources.start[order[i]], sources.start[order[i] + 1]):
            node = np.int64(sources.positions[s])
            if sources.offsets[s] <= limit:
                time[node], w = min(time[node], sources.offsets[s]), _mark(words, node)
                lowest, highest = min(lowest, w), max(highest, w)
    w = lowest
    while w <= highest:
        word = words[w]
        while word != 0:
            bit = trailing_zeros(word)
            node = 64 * w + bit
            for e in range(first[node], first[node + 1]):
                then, head = time[node] + up[e], np.int64(upper[e])
                if then <= limit and then < time[head]:
                    time[head] = then
                    highest = max(highest, _mark(words, head))
            # the bits above, with those set just now
            word = words[w] & (~np.uint64(0) << np.uint64(bit) << _ONE)
        w += 1
    w = highest
    while w >= lowest:
        word = words[w]
        while word != 0:
            bit = 63 - leading_zeros(word)
            node = 64 * w + bit
            for e in range(graph.offsets[node], graph.offsets[node + 1]):
                then, head = time[node] + graph.weights[e], np.int64(graph.heads[e])
                if then <= limit and then < time[head]:
                    time[head] = then
                    lowest = min(lowest, _mark(words, head))
            word = words[w] & ((_ONE << np.uint64(bit)) - _ONE)
        w -= 1
    return lowest, highest


@inner
def _collect(hierarchy, lowest, highest, cell):
    """Give the nodes marked a row each, and gather the arcs between them; return how many they are."""
    count, k = 0, 0
    time, local, nodes, words = cell.time, cell.local, cell.nodes, cell.words
    for w in range(lowest, highest + 1):
        word, words[w] = words[w], np.uint64(0)
        while word != 0:
            node = 64 * w + trailing_zeros(word)
            word &= word - _ONE
            nodes[count], local[node], time[node] = node, count, UNREACHED
            count += 1
    first, upper, heads, up, down = hierarchy.first, hierarchy.upper, cell.heads, cell.up, cell.down
    for i in range(count):
        cell.first[i] = k
        for e in range(first[nodes[i]], first[nodes[i] + 1]):
            row = local[upper[e]]
            if row >= 0:
                heads[k], up[k], down[k] = row, hierarchy.up[e], hierarchy.down[e]
                k += 1
    cell.first[count] = k
    clear(WIDE, cell.rows, count, FAR)
    return count


@inner
def gather(graph, hierarchy, sources, low, high, cell):
    """Gather the nodes and arcs within the limit of the sources low to high of the order; return how many nodes."""
    if hierarchy.complete:
        lowest, highest = _climb(graph, hierarchy, sources, low, high, cell)
        return _collect(hierarchy, lowest, highest, cell)
    _search(graph, sources, low, high, hierarchy.limit, cell.time)
    for node in range(len(cell.time)):
        if cell.time[node] != UNREACHED:
            _mark(cell.words, node)
    return _collect(hierarchy, 0, len(cell.words) - 1, cell)


@inner
def gather_above(hierarchy, sources, readers, cell):
    """Gather all nodes that are sources, ends of readers or above one; return how many."""
    for node in sources.positions:
        _mark(cell.words, node)
    for node in readers.ends.flat:
        _mark(cell.words, node)
    for node in range(len(cell.local)):
        if cell.words[node >> 6] >> np.uint64(node & 63) & _ONE:
            for e in range(hierarchy.first[node], hierarchy.first[node + 1]):
                _mark(cell.words, hierarchy.upper[e])
    return _collect(hierarchy, 0, len(cell.words) - 1, cell)


@woven
def want(found, count, cell):
    """List the rows that are read, or needed for one that is, from the top; return how many."""
    hot, wanted, total = cell.hot, cell.wanted, 0
    for r in range(found):
        for k in range(2):
            if cell.place[r, k] < count:
                hot[cell.place[r, k]] = 1
    for i in range(count):
        if hot[i] != 0:
            for e in range(cell.first[i], cell.first[i + 1]):
                hot[cell.heads[e]] = 1
    for i in range(count - 1, -1, -1):
        if hot[i] != 0:
            wanted[total], hot[i] = i, 0
            total += 1
    return total


@woven
def take_reader(readers, r, at, count, cell):
    """Put reader r at a place of the cell, an end out of reach at the row that stays unreached."""
    for k in range(2):
        row = cell.local[readers.ends[r, k]]
        cell.place[at, k], cell.legs[at, k] = row if row >= 0 else count, readers.legs[r, k]
    cell.who[at], cell.slot[r] = r, at


@inner
def gather_readers(readers, sources, low, high, count, cell):
    """Gather the readers at the nodes of the cell and the mates of its sources; return how many, and wanted rows."""
    found, order = 0, sources.order
    for i in range(count):
        node = cell.nodes[i]
        for q in range(readers.first[node], readers.first[node + 1]):
            if cell.slot[readers.which[q]] < 0:
                take_reader(readers, readers.which[q], found, count, cell)
                found += 1
    for i in range(low, high):
        for q in range(sources.mate_start[order[i]], sources.mate_start[order[i] + 1]):
            if cell.slot[sources.mate[q]] < 0:  # on a long edge, both ends out of reach
                take_reader(readers, sources.mate[q], found, count, cell)
                found += 1
    return found, want(found, count, cell)


@inner
def release(count, found, cell):
    """Make the room ready for the next cell."""
    for i in range(count):
        cell.local[cell.nodes[i]] = -1
    for r in range(found):
        cell.slot[cell.who[r]] = -1


@inner
def sweep_block(graph, hierarchy, sources, low, high, count, wanted, cell):
    """Fill the wanted rows of the cell with the distances from the sources low to high of the order, at most 32."""
    rows, first, limit = cell.rows, cell.first, hierarchy.limit
    for i in range(count):
        clear(WIDE, rows, i, FAR)
    if not hierarchy.complete:
        for b in range(low, high):
            _search(graph, sources, b, b + 1, limit, cell.time)
            for i in range(count):
                rows[i, b - low] = min(cell.time[cell.nodes[i]], FAR)
            cell.time[:] = UNREACHED
        return
    lowest = count
    for b in range(low, high):
        source = sources.order[b]
        for s in range(sources.start[source], sources.start[source + 1]):
            if sources.offsets[s] <= limit:
                i = np.int64(cell.local[sources.positions[s]])
                rows[i, b - low], cell.hot[i] = min(rows[i, b - low], sources.offsets[s]), 1
                lowest = min(lowest, i)
    for i in range(lowest, count):
        if cell.hot[i] != 0:
            push(WIDE, rows, i, cell.heads, cell.up, first[i], first[i + 1], cell.hot)
            cell.hot[i] = 0
    for k in range(wanted):
        i = np.int64(cell.wanted[k])
        pull(WIDE, rows, i, cell.heads, cell.down, first[i], first[i + 1])


@woven
def place_of(place, legs, r):
    """Return reader r of a cell's ``place`` and ``legs`` as row, leg, row, leg."""
    return np.int64(place[r, 0]), legs[r, 0], np.int64(place[r, 1]), legs[r, 1]


@inner
def meet(sources, low, high, count, cell):
    """Give each mate of the sources low to high a row of its own, with the way along the edge; return how many."""
    met, place, legs, rows = 0, cell.place, cell.legs, cell.rows
    for b in range(low, high):
        for q in range(sources.mate_start[sources.order[b]], sources.mate_start[sources.order[b] + 1]):
            r = np.int64(cell.slot[sources.mate[q]])
            if place[r, 0] <= count:
                row = count + 1 + met
                read_place(WIDE, rows, place_of(place, legs, r), rows[row])
                place[r, 0], place[r, 1], legs[r, 0], legs[r, 1] = row, row, 0, 0
                cell.mates[met], met = r, met + 1
            row = place[r, 0]
            rows[row, b - low] = min(rows[row, b - low], sources.direct[q])
    return met


@inner
def part(readers, met, count, cell):
    """Undo ``meet``."""
    for k in range(met):
        take_reader(readers, cell.who[cell.mates[k]], cell.mates[k], count, cell)
