"""Sources swept in cells: what lies within the limit of a few hundred neighbouring sources, 32 of them at a time.

A cell is a run of sources that lie near each other. One pass up and down the hierarchy from all of them marks the nodes
they can reach, taken in order from the bits of their positions: no queue, 4 times faster than a bounded search. Those
nodes and the arcs between them are gathered once, and every 32 sources then take one pass up and one pass down.
Exact: every node on a shortest path within the limit is itself within the limit, so the set is closed.

Readers are the places where distances are read: two ends with a leg each (twice the same end at a node). A reader on
the very edge of a source is its *mate*: the way along the edge counts too.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from cimkit.kernels._jit import inner, kernel
from cimkit.kernels._lanes import leading_zeros, trailing_zeros
from cimkit.kernels.graph import UNREACHED, Csr, _whole, as_limit, heap_pop, heap_push
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

    ``time``, ``local`` (n), ``words`` (n / 64), ``heap``: the search and its marks. ``nodes`` (k) positions in the
    cell, ``first``, ``heads``, ``up``, ``down``: arcs between them; ``hot``, ``rows`` (k + 1, 32): the sweep; the last
    row stays unreached; ``wanted``: rows that a reader or a lower wanted row needs, from the top. ``place`` (r, 2) rows
    and ``legs`` (r, 2) of the readers ``who`` (r) in the cell; ``slot`` (p) their row, ``mate`` (r) the first of their
    mates in the block, chained by ``after``, ``lane``, ``direct``. ``distance``, ``weights`` (32): one reader's.
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
    wanted: Any
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


@kernel
def _downward(hierarchy):
    """Return offsets, heads and weights of the arcs of a hierarchy by the end they leave downward."""
    n, offsets = len(hierarchy.node), np.zeros(len(hierarchy.node) + 1, np.int64)
    for e in range(len(hierarchy.upper)):
        offsets[hierarchy.upper[e] + 1] += 1
    for i in range(n):
        offsets[i + 1] += offsets[i]
    fill, heads, weights = offsets.copy(), np.empty(offsets[n], np.int32), np.empty(offsets[n], np.uint32)
    for i in range(n):
        for e in range(hierarchy.first[i], hierarchy.first[i + 1]):
            at = fill[hierarchy.upper[e]]
            heads[at], weights[at], fill[hierarchy.upper[e]] = i, hierarchy.down[e], at + 1
    return offsets, heads, weights


def by_position(csr: Csr, hierarchy: Hierarchy) -> Csr:
    """Return the arcs that cells are searched by: those of the hierarchy from the top down, or else of the graph."""
    return Csr(*_downward(hierarchy)) if hierarchy.complete else csr


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


def farthest(decay: Decay) -> Any:
    """Return the distance beyond which the weight is nothing; cells need not be larger."""
    if len(decay.table):
        return as_limit((len(decay.table) - 1) * decay.width)
    return decay.breaks.max(initial=np.uint32(0))


@inner
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


@inner
def new_cell(graph, hierarchy, sources, readers):
    """Return room for cells of a graph."""
    n, arcs, count, mates = len(hierarchy.node), len(hierarchy.upper), len(readers.weight), len(sources.mate)
    waiting = 1 if hierarchy.complete else len(graph.heads) + len(sources.positions) + 1
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
        np.empty(n, np.int32),
        np.empty((count, 2), np.int32),
        np.empty((count, 2), np.uint32),
        np.empty(count, np.int32),
        np.full(count, -1, np.int32),
        np.full(count, -1, np.int32),
        np.empty(mates, np.int64),
        np.empty(mates, np.int32),
        np.empty(mates, np.uint32),
        np.empty(WIDE, np.uint32),
        np.empty(WIDE, np.float64),
    )


@inner
def _lower(time, words, node, then):
    """Give a node a distance if it is nearer so, and mark it when it had none."""
    if then < time[node]:
        time[node] = then
        words[node >> 6] |= _ONE << np.uint64(node & 63)


@inner
def _seed(sources, low, high, limit, cell):
    """Mark the seeds of the sources low to high of the order; return the range of words marked."""
    lowest, highest, order = len(cell.words), -1, sources.order
    for i in range(low, high):
        for s in range(sources.start[order[i]], sources.start[order[i] + 1]):
            node, at = np.int64(sources.positions[s]), sources.offsets[s]
            if at <= limit:
                _lower(cell.time, cell.words, node, at)
                lowest, highest = min(lowest, node >> 6), max(highest, node >> 6)
    return lowest, highest


@inner
def _search(graph, sources, low, high, limit, cell):
    """Give every node within the limit of the sources low to high its distance and a mark; return the range marked."""
    lowest, highest = _seed(sources, low, high, limit, cell)
    time, words, heap, size = cell.time, cell.words, cell.heap, 0
    for i in range(low, high):
        for s in range(sources.start[sources.order[i]], sources.start[sources.order[i] + 1]):
            node = np.int64(sources.positions[s])
            if sources.offsets[s] <= limit:
                size = heap_push(heap, size, (np.uint64(time[node]) << _SHIFT) | np.uint64(node))
    while size > 0:
        key, size = heap_pop(heap, size)
        node, at = np.int64(key & _LOW), np.uint32(key >> _SHIFT)
        if at != time[node]:
            continue
        for e in range(graph.offsets[node], graph.offsets[node + 1]):
            head, then = np.int64(graph.heads[e]), at + graph.weights[e]
            if then <= limit and then < time[head]:
                _lower(time, words, head, then)
                lowest, highest = min(lowest, head >> 6), max(highest, head >> 6)
                size = heap_push(heap, size, (np.uint64(then) << _SHIFT) | np.uint64(head))
    return lowest, highest


@inner
def _climb(graph, hierarchy, sources, low, high, cell):
    """As ``_search``, up and down the hierarchy: a node is taken when all that may lower it have been."""
    limit, first, upper, up = hierarchy.limit, hierarchy.first, hierarchy.upper, hierarchy.up
    lowest, highest = _seed(sources, low, high, limit, cell)
    time, words, w = cell.time, cell.words, lowest
    while w <= highest:
        word = words[w]
        while word != 0:
            bit = trailing_zeros(word)
            node = 64 * w + bit
            for e in range(first[node], first[node + 1]):
                then, head = time[node] + up[e], np.int64(upper[e])
                if then <= limit:
                    _lower(time, words, head, then)
                    highest = max(highest, head >> 6)
            # the bits above, with those set just now
            word = words[w] & ~((_ONE << np.uint64(bit) << _ONE) - _ONE)
        w += 1
    w = highest
    while w >= lowest:
        word = words[w]
        while word != 0:
            bit = 63 - leading_zeros(word)
            node = 64 * w + bit
            for e in range(graph.offsets[node], graph.offsets[node + 1]):
                then, head = time[node] + graph.weights[e], np.int64(graph.heads[e])
                if then <= limit:
                    _lower(time, words, head, then)
                    lowest = min(lowest, head >> 6)
            word = words[w] & ((_ONE << np.uint64(bit)) - _ONE)
        w -= 1
    return lowest, highest


@inner
def gather(graph, hierarchy, sources, low, high, cell):
    """Gather the nodes and arcs within the limit of the sources low to high of the order; return how many nodes."""
    if hierarchy.complete:
        lowest, highest = _climb(graph, hierarchy, sources, low, high, cell)
    else:
        lowest, highest = _search(graph, sources, low, high, hierarchy.limit, cell)
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
    clear_wide(cell.rows, count, FAR)
    return count


@inner
def _want(found, count, cell):
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


@inner
def gather_readers(readers, sources, low, high, count, cell):
    """Gather the readers at the nodes of the cell and the mates of its sources; return how many, and wanted rows."""
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
    return found, _want(found, count, cell)


@inner
def release(count, found, cell):
    """Make the room ready for the next cell."""
    for i in range(count):
        cell.local[cell.nodes[i]] = -1
    for r in range(found):
        cell.slot[cell.who[r]] = -1


@inner
def _search_block(graph, sources, low, high, limit, count, cell):
    """As ``sweep_block``, one bounded search a source: for graphs too dense for a hierarchy."""
    for b in range(low, high):
        lowest, highest = _search(graph, sources, b, b + 1, limit, cell)
        cell.words[lowest : highest + 1] = np.uint64(0)
        for i in range(count):
            node = cell.nodes[i]
            cell.rows[i, b - low], cell.time[node] = min(cell.time[node], FAR), UNREACHED


@inner
def sweep_block(graph, hierarchy, sources, low, high, count, wanted, cell):
    """Fill the wanted rows of the cell with the distances from the sources low to high of the order, at most 32."""
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
    for k in range(wanted):
        i = np.int64(cell.wanted[k])
        pull_wide(cell.rows, i, cell.heads, cell.down, cell.first[i], cell.first[i + 1])


@inner
def meet(sources, low, high, cell):
    """Chain the mates of the sources low to high of the order to their readers."""
    k = 0
    for b in range(low, high):
        for q in range(sources.mate_start[sources.order[b]], sources.mate_start[sources.order[b] + 1]):
            r = cell.slot[sources.mate[q]]
            cell.after[k], cell.lane[k], cell.direct[k] = cell.mate[r], b - low, sources.direct[q]
            cell.mate[r] = k
            k += 1


@inner
def part(sources, low, high, cell):
    """Undo ``meet``."""
    for b in range(low, high):
        for q in range(sources.mate_start[sources.order[b]], sources.mate_start[sources.order[b] + 1]):
            cell.mate[cell.slot[sources.mate[q]]] = -1


@inner
def place_of(place, legs, r):
    """Return reader r of a cell's ``place`` and ``legs`` as row, leg, row, leg."""
    return np.int64(place[r, 0]), legs[r, 0], np.int64(place[r, 1]), legs[r, 1]


@inner
def read(cell, r):
    """Put the distances of reader r of the cell into ``cell.distance``, the way along a shared edge included."""
    read_place(cell.rows, place_of(cell.place, cell.legs, r), cell.distance)
    k = np.int64(cell.mate[r])
    while k >= 0:
        cell.distance[cell.lane[k]] = min(cell.distance[cell.lane[k]], cell.direct[k])
        k = cell.after[k]


@inner
def weigh_slowly(cell, r, decay):
    """Put the weights of reader r of the cell into ``cell.weights``, by a table or with mates; return those not 0."""
    read(cell, r)
    bits = np.uint64(0)
    for q in range(WIDE):
        cell.weights[q] = weight_at(decay, cell.distance[q])
        if cell.weights[q] != 0.0:
            bits |= _ONE << np.uint64(q)
    return bits
