"""Sources swept in cells: what lies within the limit of a few hundred neighbouring sources, 32 of them at a time.

A cell is a run of sources that lie near each other. One bounded search from all of them marks the nodes they can reach;
those nodes and the arcs of the hierarchy between them are gathered once, and every 32 sources then take one pass up and
one pass down. Exact: every node on a shortest path within the limit is itself within the limit, so the set is closed.

Readers are the places where distances are read: two ends with a leg each (twice the same end at a node). A reader on
the very edge of a source is its *mate*: the way along the edge counts too.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from cimkit.kernels._jit import kernel
from cimkit.kernels.graph import UNREACHED, Csr, _rows, _whole, heap_pop, heap_push
from cimkit.kernels.lanes import CLOSED, FAR, WIDE, aligned_rows, clear_wide, pull_wide, push_wide, read_place

if TYPE_CHECKING:
    from cimkit.kernels.elimination import Hierarchy

_ONE = np.uint64(1)
_LOW = np.uint64(0xFFFFFFFF)
_SHIFT = np.uint64(32)
_NO_NUMBERS = np.empty(0)
_NO_LIMITS = np.empty(0, np.uint32)


class Sources(NamedTuple):
    """Many sources (s): source i has the seeds ``start[i]`` to ``start[i + 1]``, each a position and its offset (q).

    ``order`` (s) names them so that neighbours follow each other. Mates of source i are ``mate_start[i]`` to
    ``mate_start[i + 1]`` of ``mate`` (m), rows of readers, and ``direct`` (m), the way along the edge.
    """

    start: Any
    positions: Any
    offsets: Any
    order: Any
    mate_start: Any
    mate: Any
    direct: Any


class Readers(NamedTuple):
    """Places (p) with two ends (p, 2), positions, a leg to each (p, 2), and a weight (p).

    Position i is an end of the readers ``which[first[i]]`` to ``which[first[i + 1]]``; ``slot`` (p): rank of each
    reader by position.
    """

    ends: Any
    legs: Any
    weight: Any
    first: Any
    which: Any
    slot: Any


class Decay(NamedTuple):
    """Weight of a distance: the sum of the ``steps`` whose ``breaks`` it does not exceed, or a table.

    ``breaks`` (t) uint32 and ``steps`` (t); or ``table`` (b): weights at 0, ``width``, 2 ``width``, …, straight between
    them and nothing beyond the last.
    """

    breaks: Any
    steps: Any
    table: Any
    width: float


class Cell(NamedTuple):
    """Room for one cell; one for each thread. Sizes are those of the whole graph: memory is used where it is touched.

    ``time``, ``local`` (n), ``words`` (n / 64), ``heap``: the bounded search and its marks. ``nodes`` (k) positions in
    the cell, ``first``, ``heads``, ``up``, ``down``: arcs between them; ``hot``, ``rows`` (k + 1, 32): the sweep; the
    last row stays unreached. ``place`` (r, 2) rows and ``legs`` (r, 2) of the readers ``who`` (r) in the cell;
    ``slot`` (p) their row, ``mate`` (r) the first of their mates in the block, chained by ``after``, ``lane``,
    ``direct``. ``distance``, ``weights`` (32): one reader's.
    """

    time: Any
    local: Any
    words: Any
    heap: Any
    nodes: Any
    first: Any
    heads: Any
    up: Any
    down: Any
    hot: Any
    rows: Any
    place: Any
    legs: Any
    who: Any
    slot: Any
    mate: Any
    after: Any
    lane: Any
    direct: Any
    distance: Any
    weights: Any


def by_position(csr: Csr, hierarchy: Hierarchy) -> Csr:
    """Return the graph with its nodes renumbered to the positions of a hierarchy."""
    n = len(hierarchy.node)
    tails = hierarchy.position[np.repeat(np.arange(n, dtype=np.int32), np.diff(csr.offsets))]
    return _rows(n, tails, hierarchy.position[csr.heads], csr.weights)


def sources_of(hierarchy: Hierarchy, start: Any, nodes: Any, offsets: Any, order: Any) -> Sources:
    """Return sources with the seeds ``start[i]`` to ``start[i + 1]`` of ``nodes``, ``offsets``, without mates."""
    positions = np.ascontiguousarray(hierarchy.position[np.asarray(nodes, np.int64)])
    mate_start = np.zeros(len(start), np.int64)
    begin, row = np.asarray(start, np.int64), np.ascontiguousarray(order, np.int64)
    nobody = np.empty(0, np.int32)
    return Sources(begin, positions, np.ascontiguousarray(_whole(offsets)), row, mate_start, nobody, _NO_LIMITS)


def with_mates(sources: Sources, mate_start: Any, mate: Any, direct: Any) -> Sources:
    """Return the sources with mates: source i has the readers ``mate[mate_start[i]:mate_start[i + 1]]``."""
    begin, way = np.asarray(mate_start, np.int64), np.ascontiguousarray(_whole(direct))
    return sources._replace(mate_start=begin, mate=np.asarray(mate).astype(np.int32), direct=way)


@kernel
def _by_end(ends, n):
    """Return first (n + 1) and which, the readers at each end, a reader with one end once; and slot (p)."""
    first = np.zeros(n + 1, np.int64)
    for r in range(len(ends)):
        first[ends[r, 0] + 1] += 1
        if ends[r, 1] != ends[r, 0]:
            first[ends[r, 1] + 1] += 1
    for i in range(n):
        first[i + 1] += first[i]
    fill, which = first[:-1].copy(), np.empty(first[n], np.int32)
    for r in range(len(ends)):
        for k in range(2):
            if k == 0 or ends[r, 1] != ends[r, 0]:
                which[fill[ends[r, k]]] = r
                fill[ends[r, k]] += 1
    slot, count = np.empty(len(ends), np.int32), 0
    for i in range(n):
        for q in range(first[i], first[i + 1]):
            if ends[which[q], 0] == i:
                slot[which[q]] = count
                count += 1
    return first, which, slot


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


@kernel
def weight_at(decay, distance):
    """Return the weight of one distance."""
    if len(decay.table) == 0:
        total = 0.0
        for t in range(len(decay.breaks)):
            if distance <= decay.breaks[t]:
                total += decay.steps[t]
        return total
    at = float(distance) / decay.width
    low = int(at)
    if low >= len(decay.table) - 1:
        return decay.table[len(decay.table) - 1] if at == len(decay.table) - 1 else 0.0
    return decay.table[low] + (at - low) * (decay.table[low + 1] - decay.table[low])


@kernel
def new_cell(n, arcs, waiting, readers, mates):
    """Return room for cells of a graph: its nodes, the arcs of its hierarchy, entries waiting in the search."""
    return Cell(
        np.full(n, UNREACHED, np.uint32),
        np.full(n, -1, np.int32),
        np.zeros(n // 64 + 1, np.uint64),
        np.empty(waiting, np.uint64),
        np.empty(n, np.int32),
        np.empty(n + 1, np.int64),
        np.empty(arcs, np.int32),
        np.empty(arcs, np.uint32),
        np.empty(arcs, np.uint32),
        np.zeros(n, np.uint8),
        aligned_rows(n + 1, WIDE),
        np.empty((readers, 2), np.int32),
        np.empty((readers, 2), np.uint32),
        np.empty(readers, np.int32),
        np.full(readers, -1, np.int32),
        np.full(readers, -1, np.int32),
        np.empty(mates, np.int64),
        np.empty(mates, np.int32),
        np.empty(mates, np.uint32),
        np.empty(WIDE, np.uint32),
        np.empty(WIDE, np.float64),
    )


@kernel
def _mark(cell, node):
    cell.words[node >> 6] |= _ONE << np.uint64(node & 63)


@kernel
def _search(graph, sources, low, high, limit, cell):
    """Mark the nodes within the limit of the sources low to high of the order; return the range of words marked."""
    size, lowest, highest, order = 0, len(cell.words), 0, sources.order
    for i in range(low, high):
        for s in range(sources.start[order[i]], sources.start[order[i] + 1]):
            node, at = np.int64(sources.positions[s]), sources.offsets[s]
            if at <= limit and at < cell.time[node]:
                cell.time[node] = at
                _mark(cell, node)
                lowest, highest = min(lowest, node >> 6), max(highest, node >> 6)
                size = heap_push(cell.heap, size, (np.uint64(at) << _SHIFT) | np.uint64(node))
    while size > 0:
        key, size = heap_pop(cell.heap, size)
        node, at = np.int64(key & _LOW), np.uint32(key >> _SHIFT)
        if at != cell.time[node]:
            continue
        for e in range(graph.offsets[node], graph.offsets[node + 1]):
            head, then = np.int64(graph.heads[e]), at + graph.weights[e]
            if then <= limit and then < cell.time[head]:
                if cell.time[head] == UNREACHED:
                    _mark(cell, head)
                    lowest, highest = min(lowest, head >> 6), max(highest, head >> 6)
                cell.time[head] = np.uint32(then)
                size = heap_push(cell.heap, size, (np.uint64(then) << _SHIFT) | np.uint64(head))
    return lowest, highest


@kernel
def gather(graph, hierarchy, sources, low, high, cell):
    """Gather the nodes and arcs within the limit of the sources low to high of the order; return how many nodes."""
    lowest, highest = _search(graph, sources, low, high, hierarchy.limit, cell)
    count = 0
    # the marks are scanned 64 at a time, in place of sorting the nodes found
    for w in range(lowest, highest + 1):
        word = cell.words[w]
        if word == 0:
            continue
        cell.words[w] = np.uint64(0)
        for bit in range(64):
            if word & (_ONE << np.uint64(bit)):
                node = 64 * w + bit
                cell.nodes[count], cell.local[node], cell.time[node] = node, count, UNREACHED
                count += 1
    k = 0
    for i in range(count):
        cell.first[i] = k
        node = cell.nodes[i]
        for e in range(hierarchy.first[node], hierarchy.first[node + 1]):
            upper = cell.local[hierarchy.upper[e]]
            if upper >= 0:
                cell.heads[k], cell.up[k], cell.down[k] = upper, hierarchy.up[e], hierarchy.down[e]
                k += 1
    cell.first[count] = k
    clear_wide(cell.rows, count, FAR)
    return count


@kernel
def gather_readers(readers, sources, low, high, count, cell):
    """Gather the readers at the nodes of the cell and the mates of its sources; return how many."""
    found = 0
    for i in range(count):
        node = cell.nodes[i]
        for q in range(readers.first[node], readers.first[node + 1]):
            r = readers.which[q]
            here = 0 if readers.ends[r, 0] == node else 1
            other = cell.local[readers.ends[r, 1 - here]]
            if 0 <= other < i:
                continue  # taken at its other end
            cell.place[found, 0], cell.place[found, 1] = i, other if other >= 0 else count
            cell.legs[found, 0], cell.legs[found, 1] = readers.legs[r, here], readers.legs[r, 1 - here]
            cell.who[found], cell.slot[r] = r, found
            found += 1
    order = sources.order
    for i in range(low, high):
        for q in range(sources.mate_start[order[i]], sources.mate_start[order[i] + 1]):
            r = sources.mate[q]
            if cell.slot[r] < 0:  # on a long edge, both ends out of reach
                cell.place[found, 0], cell.place[found, 1] = count, count
                cell.legs[found, 0], cell.legs[found, 1] = 0, 0
                cell.who[found], cell.slot[r] = r, found
                found += 1
    return found


@kernel
def release(count, found, cell):
    """Make the room ready for the next cell."""
    for i in range(count):
        cell.local[cell.nodes[i]] = -1
    for r in range(found):
        cell.slot[cell.who[r]] = -1


@kernel
def _search_block(graph, sources, low, high, limit, count, cell):
    """As ``sweep_block``, one bounded search a source: for graphs too dense for a hierarchy."""
    for b in range(low, high):
        lowest, highest = _search(graph, sources, b, b + 1, limit, cell)
        cell.words[lowest : highest + 1] = np.uint64(0)
        for i in range(count):
            node = cell.nodes[i]
            cell.rows[i, b - low], cell.time[node] = min(cell.time[node], FAR), UNREACHED


@kernel
def sweep_block(graph, hierarchy, sources, low, high, count, cell):
    """Fill the rows of the cell with the distances from the sources low to high of the order, at most 32."""
    limit = hierarchy.limit
    for i in range(count):
        clear_wide(cell.rows, i, FAR)
    if not hierarchy.complete:
        _search_block(graph, sources, low, high, limit, count, cell)
        return
    first = count
    for b in range(low, high):
        source = sources.order[b]
        for s in range(sources.start[source], sources.start[source + 1]):
            if sources.offsets[s] <= limit:
                i = np.int64(cell.local[sources.positions[s]])
                cell.rows[i, b - low] = min(cell.rows[i, b - low], sources.offsets[s])
                cell.hot[i] = 1
                first = min(first, i)
    for i in range(first, count):
        if cell.hot[i] != 0:
            push_wide(cell.rows, i, cell.heads, cell.up, cell.first[i], cell.first[i + 1], cell.hot)
            cell.hot[i] = 0
    for i in range(count - 1, -1, -1):
        pull_wide(cell.rows, i, cell.heads, cell.down, cell.first[i], cell.first[i + 1])


@kernel
def meet(sources, low, high, cell):
    """Chain the mates of the sources low to high of the order to their readers."""
    k = 0
    for b in range(low, high):
        for q in range(sources.mate_start[sources.order[b]], sources.mate_start[sources.order[b] + 1]):
            r = cell.slot[sources.mate[q]]
            cell.after[k], cell.lane[k], cell.direct[k] = cell.mate[r], b - low, sources.direct[q]
            cell.mate[r] = k
            k += 1


@kernel
def part(sources, low, high, cell):
    """Undo ``meet``."""
    for b in range(low, high):
        for q in range(sources.mate_start[sources.order[b]], sources.mate_start[sources.order[b] + 1]):
            cell.mate[cell.slot[sources.mate[q]]] = -1


@kernel
def place_of(place, legs, r):
    """Return reader r of a cell's ``place`` and ``legs`` as row, leg, row, leg."""
    return np.int64(place[r, 0]), legs[r, 0], np.int64(place[r, 1]), legs[r, 1]


@kernel
def read(cell, r):
    """Put the distances of reader r of the cell into ``cell.distance``, the way along a shared edge included."""
    read_place(cell.rows, place_of(cell.place, cell.legs, r), cell.distance)
    k = np.int64(cell.mate[r])
    while k >= 0:
        cell.distance[cell.lane[k]] = min(cell.distance[cell.lane[k]], cell.direct[k])
        k = cell.after[k]


@kernel
def weigh_slowly(cell, r, decay):
    """Put the weights of reader r of the cell into ``cell.weights``, by a table or with mates."""
    read(cell, r)
    for q in range(WIDE):
        cell.weights[q] = weight_at(decay, cell.distance[q])
