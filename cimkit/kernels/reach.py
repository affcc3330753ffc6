"""What lies within reach of many sources: sums within any distances, or weighted by any decay of distance."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numba
import numpy as np

from cimkit.kernels._jit import inner, kernel
from cimkit.kernels.cells import (
    Decay,
    Readers,
    Sources,
    farthest,
    gather,
    gather_readers,
    meet,
    new_cell,
    part,
    place_of,
    read,
    release,
    sweep_block,
    weigh_slowly,
)
from cimkit.kernels.lanes import WIDE, add_scaled, tally, weigh

if TYPE_CHECKING:
    from cimkit.kernels.elimination import Hierarchy
    from cimkit.kernels.graph import Csr

# Sources in a cell: larger cells are set up less often and hold more nodes; the best is flat between 256 and 1024.
CELL = 512


@inner
def _tally_slowly(cell, r, weight, breaks, sums):
    """Add the weight of a reader with mates to sums (t, 32) where it is within the breaks (t)."""
    read(cell, r)
    for t in range(len(breaks)):
        for q in range(WIDE):
            if cell.distance[q] <= breaks[t]:
                sums[t, q] += weight


@inner
def _sum_within(readers, breaks, found, cell, sums):
    """Fill sums (t, 32) with the weights of the cell's readers within each break."""
    # arrays are taken out of their tuples: handing the tuples on costs 250 ns a reader, the work itself 8 ns
    rows, place, legs, who, mate, weight = cell.rows, cell.place, cell.legs, cell.who, cell.mate, readers.weight
    for r in range(found):
        if mate[r] < 0:
            tally(rows, place_of(place, legs, r), weight[who[r]], breaks, sums)
        else:
            _tally_slowly(cell, r, weight[who[r]], breaks, sums)


@inner
def _sum_weighted(readers, decay, found, cell, sums):
    """Fill the first row of sums (t, 32) with the weights of the cell's readers times their decay."""
    rows, place, legs, who, mate, weight = cell.rows, cell.place, cell.legs, cell.who, cell.mate, readers.weight
    breaks, steps, weights, stepped = decay.breaks, decay.steps, cell.weights, len(decay.table) == 0
    for r in range(found):
        if stepped and mate[r] < 0:
            weigh(rows, place_of(place, legs, r), breaks, steps, weights)
        else:
            weigh_slowly(cell, r, decay)
        add_scaled(sums[0], weights, weight[who[r]])


@kernel(parallel=True)
def _reach(graph, hierarchy, sources, readers, decay, threads, out):
    """Fill out (s, t): every thread takes every ``threads``-th cell; no two write one number."""
    order = sources.order
    cells, counted = (len(order) + CELL - 1) // CELL, len(decay.table) + len(decay.steps) == 0
    for thread in numba.prange(threads):
        room = new_cell(graph, hierarchy, sources, readers)
        sums = np.empty((out.shape[1], WIDE), np.float64)
        for c in range(thread, cells, threads):
            low, high = c * CELL, min(len(order), (c + 1) * CELL)
            count = gather(graph, hierarchy, sources, low, high, room)
            found, wanted = gather_readers(readers, sources, low, high, count, room)
            for b in range(low, high, WIDE):
                stop = min(high, b + WIDE)
                sweep_block(graph, hierarchy, sources, b, stop, count, wanted, room)
                meet(sources, b, stop, room)
                sums[:] = 0.0
                if counted:
                    _sum_within(readers, decay.breaks, found, room, sums)
                else:
                    _sum_weighted(readers, decay, found, room, sums)
                part(sources, b, stop, room)
                for q in range(stop - b):
                    for t in range(len(sums)):
                        out[order[b + q], t] = sums[t, q]
            release(count, found, room)


def sums_within(graph: Csr, hierarchy: Hierarchy, sources: Sources, readers: Readers, breaks: Any) -> Any:
    """Return the sum (s, t) of the readers' weights within each of t distances of each of s sources, inclusive.

    ``graph`` is the graph by position (``cells.by_position``), ``breaks`` (t) do not exceed the hierarchy's limit.
    """
    limits = np.minimum(np.asarray(breaks).astype(np.uint32), hierarchy.limit)
    out = np.empty((len(sources.order), len(limits)))
    count = Decay(limits, np.empty(0), np.empty(0), 1.0)
    near = hierarchy._replace(limit=min(hierarchy.limit, farthest(count)))
    _reach(graph, near, sources, readers, count, numba.get_num_threads(), out)
    return out


def weighted_sums(graph: Csr, hierarchy: Hierarchy, sources: Sources, readers: Readers, decay: Decay) -> Any:
    """Return the sum (s) of the readers' weights times their decay from each source; the rest as in ``sums_within``."""
    out = np.empty((len(sources.order), 1))
    near = hierarchy._replace(limit=min(hierarchy.limit, farthest(decay)))
    _reach(graph, near, sources, readers, decay, numba.get_num_threads(), out)
    return out[:, 0]
