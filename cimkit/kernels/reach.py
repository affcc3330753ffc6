"""What lies within reach of many sources: all distances, sums within any of them or by a decay, floating catchments.

A floating catchment shares what suppliers offer among those within reach, and sums it where they stand. Supplier j
offers ``capacity[j]`` to readers i of its neighbourhood, weighed by distance, f = decay(d). Methods:

- two steps: R = S / Σ P f, A = Σ R f (Luo & Wang 2003; with a stepped decay Luo & Qi 2009);
- three steps: f is replaced by f g, g = f / Σ f over the suppliers of the kind (Wan, Zou & Sternberg 2012);
- balanced: R = S / Σ P g, A = Σ R f / Σ f over the readers (Páez, Higgins & Vivona 2019).

The 32 lanes of a sweep are sources, here suppliers. Their ratios are complete when the sweep ends, so the same rows are
read again for the scores: no list of pairs is ever stored. Scores are summed in a fixed number of parts, each in a
fixed order, and then part by part, so the bits do not depend on the number of threads.
"""

from collections import namedtuple
from typing import Any

import numba
import numpy as np

from cimkit.kernels import cells
from cimkit.kernels._jit import inner, kernel
from cimkit.kernels._lanes import trailing_zeros
from cimkit.kernels.cells import Decay, Readers, Sources
from cimkit.kernels.elimination import Hierarchy
from cimkit.kernels.graph import UNREACHED, Csr
from cimkit.kernels.lanes import WIDE, add_scaled, read_place, tally

#: What is asked for: sums at the sources, within distances or by a decay; scores at the readers, ``SPREAD`` of the
#: capacities themselves, the others of ratios.
WITHIN, WEIGHTED, SPREAD, TWO_STEPS, THREE_STEPS, BALANCED = -2, -1, 0, 1, 2, 3
# Sources in a cell: larger cells are set up less often and hold more nodes; the best is flat between 256 and 1024.
CELL = 512
SUPPLIERS = 64  # suppliers in a cell
PARTS = 4  # parts of scores that are summed side by side
PAGE = 64  # readers whose scores are kept together
TILE = 16  # distances written together: one cache line of each source's row


class Supply(namedtuple("Supply", "kind capacity totals", defaults=(np.empty((1, 0)),))):
    """Kind (s) from 0 and capacity (s) of each supplier, and ``totals`` (p, k): Σ f of each reader, if it is needed."""


_NO_SUPPLY = Supply(np.empty(0, np.int64), np.empty(0))


@inner
def _count(readers, breaks, found, cell, sums):
    """Fill sums (t, 32) with the weights of the cell's readers within each break."""
    # arrays are taken out of their tuples: handing the tuples on costs 250 ns a reader, the work itself 8 ns
    rows, place, legs, who, weight = cell.rows, cell.place, cell.legs, cell.who, readers.weight
    for r in range(found):
        tally(WIDE, rows, cells.place_of(place, legs, r), weight[who[r]], breaks, sums)


@inner
def _compete(weights, lane_kind, totals, method):
    """Change weights (32) by the share of each supplier in all of its kind, totals (k)."""
    for q in range(len(lane_kind)):
        f, total = weights[q], totals[lane_kind[q]]
        if f > 0.0 and total > 0.0:
            weights[q] = f * f / total if method == THREE_STEPS else f / total


@inner
def _demand(readers, decay, rivals, found, cell, demand):
    """Fill demand (2, 32): the readers' weights times their decay, and the decay alone."""
    method, totals, lane_kind = rivals
    rows, place, legs, who, weight = cell.rows, cell.place, cell.legs, cell.who, readers.weight
    breaks, steps, table, width = decay
    distance, weights = cell.distance, cell.weights
    for r in range(found):
        people = weight[who[r]]
        if people == 0.0 and method != BALANCED:
            continue
        at = cells.place_of(place, legs, r)
        if cells.weigh_place(rows, at, breaks, steps, table, width, distance, weights) == 0:
            continue
        if method == BALANCED:
            add_scaled(WIDE, demand[1], weights, 1.0)
        if method >= THREE_STEPS:
            _compete(weights, lane_kind, totals[who[r]], method)
        add_scaled(WIDE, demand[0], weights, people)


@inner
def _score(readers, decay, rivals, ratio, found, cell, scores, touched):
    """Add ratio (32) times decay to scores (p, k), and flag the pages of readers touched."""
    method, totals, lane_kind = rivals
    rows, place, legs, who, slots = cell.rows, cell.place, cell.legs, cell.who, readers.slot
    breaks, steps, table, width = decay
    distance, weights = cell.distance, cell.weights
    for r in range(found):
        at = cells.place_of(place, legs, r)
        near = cells.weigh_place(rows, at, breaks, steps, table, width, distance, weights)
        if near == 0:
            continue
        if method == THREE_STEPS:
            _compete(weights, lane_kind, totals[who[r]], method)
        slot = slots[who[r]]
        touched[slot // PAGE] = 1
        while near != 0:
            q = trailing_zeros(near)
            scores[slot, lane_kind[q]] += weights[q] * ratio[q]
            near &= near - np.uint64(1)


@inner
def _ratios(capacity, method, demand, ratio):
    """Turn demand into what each supplier offers to one unit of it; fill ratio (32) to score with."""
    for q in range(len(capacity)):
        size = capacity[q]
        if method != SPREAD:
            size = size / demand[0, q] if demand[0, q] > 0.0 else 0.0
        demand[0, q] = size
        ratio[q] = size / demand[1, q] if method == BALANCED and demand[1, q] > 0.0 else size


@kernel(parallel=True)
def _run(graph, hierarchy, sources, readers, decay, supply, method, runs, scores, touched, out):
    """Fill out (s, t) with sums or ratios, and scores (parts, p, k) by slot of the reader with pages touched.

    ``runs`` (parts, 4): first cell, end and step of each part, and how many sources make a cell. The supply is in the
    order of the sources.
    """
    order = sources.order
    for k in numba.prange(len(runs)):
        begin, end, step, size = runs[k]
        cell = cells.new_cell(hierarchy, sources, readers)
        sums, ratio = np.empty((max(2, out.shape[1]), WIDE)), np.zeros(WIDE)
        for low in range(begin * size, min(len(order), end * size), step * size):
            high = min(len(order), low + size)
            count = cells.gather(graph, hierarchy, sources, low, high, cell)
            found, wanted = cells.gather_readers(readers, sources, low, high, count, cell)
            for b in range(low, high, WIDE):
                stop = min(high, b + WIDE)
                cells.sweep_block(graph, hierarchy, sources, b, stop, count, wanted, cell)
                met = cells.meet(sources, b, stop, count, cell)
                rivals = (method, supply.totals, supply.kind[b:stop])
                sums[:] = 0.0
                if method == WITHIN:
                    _count(readers, decay.breaks, found, cell, sums)
                elif method != SPREAD:
                    _demand(readers, decay, rivals, found, cell, sums)
                if method >= SPREAD:
                    _ratios(supply.capacity[b:stop], method, sums, ratio)
                    _score(readers, decay, rivals, ratio, found, cell, scores[k], touched[k])
                cells.part(readers, met, count, cell)
                for q in range(stop - b):
                    for t in range(out.shape[1]):
                        out[order[b + q], t] = sums[t, q]
            cells.release(count, found, cell)


@kernel(parallel=True)
def _collect(scores, touched, slot, out):
    """Sum the parts, in order, into out (p, k); pages never touched are left alone."""
    for r in numba.prange(len(slot)):
        out[r] = 0.0
        for k in range(len(scores)):
            if touched[k, slot[r] // PAGE] != 0:
                for c in range(out.shape[1]):
                    out[r, c] += scores[k, slot[r], c]


def _sums(graph: Csr, hierarchy: Hierarchy, sources: Sources, readers: Readers, decay: Decay, method: int) -> Any:
    """Return sums (s, t) at the sources; every thread takes every ``threads``-th cell, no two write one number."""
    threads, columns = numba.get_num_threads(), len(decay.breaks) if method == WITHIN else 1
    cell_count = -(-len(sources.order) // CELL)
    runs = np.array([(k, cell_count, threads, CELL) for k in range(threads)])
    near = hierarchy._replace(limit=min(hierarchy.limit, cells.farthest(decay)))
    scores, touched = np.empty((threads, 0, 0)), np.empty((threads, 0), np.uint8)
    out = np.empty((len(sources.order), columns))
    _run(graph, near, sources, readers, decay, _NO_SUPPLY, method, runs, scores, touched, out)
    return out


def sums_within(graph: Csr, hierarchy: Hierarchy, sources: Sources, readers: Readers, breaks: Any) -> Any:
    """Return the sum (s, t) of the readers' weights within each of t distances of each of s sources, inclusive.

    ``graph`` is the graph by position (``cells.by_position``), ``breaks`` (t) do not exceed the hierarchy's limit.
    """
    limits = np.minimum(np.asarray(breaks).astype(np.uint32), hierarchy.limit)
    return _sums(graph, hierarchy, sources, readers, Decay(limits, np.empty(0), np.empty(0), 1.0), WITHIN)


def weighted_sums(graph: Csr, hierarchy: Hierarchy, sources: Sources, readers: Readers, decay: Decay) -> Any:
    """Return the sum (s) of the readers' weights times their decay from each source; the rest as in ``sums_within``."""
    return _sums(graph, hierarchy, sources, readers, decay, WEIGHTED)[:, 0]


def _scores(
    network: Any, sources: Sources, readers: Readers, decay: Decay, supply: Supply, method: int
) -> tuple[Any, Any]:
    """Return scores (p, k) and ratios (s)."""
    cell_count, shape = -(-len(sources.order) // SUPPLIERS), (len(readers.weight), supply.totals.shape[1])
    ends = np.arange(PARTS + 1) * cell_count // PARTS
    runs = np.column_stack([ends[:-1], ends[1:], np.ones(PARTS, np.int64), np.full(PARTS, SUPPLIERS)])
    scores, touched = np.zeros((PARTS, *shape)), np.zeros((PARTS, shape[0] // PAGE + 1), np.uint8)
    ratios, out = np.empty((len(sources.order), 1)), np.empty(shape)
    _run(*network, sources, readers, decay, supply, method, runs, scores, touched, ratios)
    _collect(scores, touched, readers.slot, out)
    return out, ratios[:, 0]


def catchments(
    graph: Csr, hierarchy: Hierarchy, suppliers: Sources, supply: Supply, readers: Readers, decay: Decay, method: int
) -> tuple[Any, Any]:
    """Return scores (p, k) of the readers for each kind, and the ratio of capacity to demand of each supplier (s).

    Kind and capacity of the supply belong to the suppliers; the readers weigh as people. The decay must be nothing
    beyond the limit of the hierarchy. ``graph`` is the graph by position (``cells.by_position``).
    """
    kind, order = np.asarray(supply.kind, np.int64), suppliers.order
    network = graph, hierarchy._replace(limit=min(hierarchy.limit, cells.farthest(decay)))
    totals = np.zeros((len(readers.weight) if method >= THREE_STEPS else 1, int(kind.max(initial=0)) + 1))
    supply = Supply(kind[order], np.asarray(supply.capacity, np.float64)[order], totals)
    if method >= THREE_STEPS:
        ones = supply._replace(capacity=np.ones(len(order)))
        supply = supply._replace(totals=_scores(network, suppliers, readers, decay, ones, SPREAD)[0])
    return _scores(network, suppliers, readers, decay, supply, method)


@inner
def _write(order, cell, limit, tile, out):
    """Write the distances from the sources of the order, at most 32, to all readers, a tile at a time."""
    rows, place, legs, readers = cell.rows, cell.place, cell.legs, out.shape[1]
    for start in range(0, readers, TILE):
        stop = min(readers, start + TILE)
        for r in range(start, stop):
            read_place(WIDE, rows, cells.place_of(place, legs, r), tile[r - start])
        for b in range(len(order)):
            for r in range(start, stop):
                at = tile[r - start, b]
                out[order[b], r] = at if at <= limit else UNREACHED


@kernel(parallel=True)
def _distances(graph, hierarchy, sources, readers, threads, out):
    """Fill out (s, p), every thread taking every ``threads``-th block of 32 sources."""
    total, found = out.shape
    for thread in numba.prange(threads):
        cell, tile = cells.new_cell(hierarchy, sources, readers), np.empty((TILE, WIDE), np.uint32)
        count = cells.gather_above(hierarchy, sources, readers, cell)
        for r in range(found):
            cells.take_reader(readers, r, r, count, cell)
        wanted = cells.want(found, count, cell)
        for low in range(thread * WIDE, total, threads * WIDE):
            high = min(total, low + WIDE)
            cells.sweep_block(graph, hierarchy, sources, low, high, count, wanted, cell)
            met = cells.meet(sources, low, high, count, cell)
            _write(sources.order[low:high], cell, hierarchy.limit, tile, out)
            cells.part(readers, met, count, cell)


def distances(graph: Csr, hierarchy: Hierarchy, sources: Sources, readers: Readers) -> Any:
    """Return the distance (s, p) uint32 from every source to every reader, ``UNREACHED`` beyond the limit.

    ``graph`` is the graph by position (``cells.by_position``), searched where the hierarchy is not complete. Only what
    lies above sources and readers is looked at.
    """
    out = np.empty((len(sources.order), len(readers.weight)), np.uint32)
    _distances(graph, hierarchy, sources, readers, numba.get_num_threads(), out)
    return out
