"""Floating catchments: what suppliers offer is shared among those within reach, and summed where they stand.

Supplier j offers ``capacity[j]`` to readers i of its neighbourhood, weighed by distance, f = decay(d). Methods:

- two steps: R = S / Σ P f, A = Σ R f (Luo & Wang 2003; with a stepped decay Luo & Qi 2009);
- three steps: f is replaced by f g, g = f / Σ f over the suppliers of the kind (Wan, Zou & Sternberg 2012);
- balanced: R = S / Σ P g, A = Σ R f / Σ f over the readers (Páez, Higgins & Vivona 2019).

The 32 lanes of a sweep are suppliers. Their ratios are complete when the sweep ends, so the same rows are read again
for the scores: no list of pairs is ever stored. Scores are summed in a fixed number of parts, each in a fixed order,
and then part by part, so the bits do not depend on the number of threads.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

import numba
import numpy as np

from cimkit.kernels._jit import inner, kernel
from cimkit.kernels._lanes import trailing_zeros
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
    release,
    sweep_block,
    weigh_slowly,
)
from cimkit.kernels.lanes import WIDE, add_scaled, weigh

if TYPE_CHECKING:
    from cimkit.kernels.elimination import Hierarchy
    from cimkit.kernels.graph import Csr

SPREAD, TWO_STEPS, THREE_STEPS, BALANCED = 0, 1, 2, 3  #: Methods; ``SPREAD`` sums the capacities themselves.
CELL = 64  # suppliers in a cell
PARTS = 4  # parts that are summed side by side
PAGE = 64  # readers whose scores are kept together


class Supply(NamedTuple):
    """Kind (s) from 0 and capacity (s) of each supplier, and ``totals`` (p, k): Σ f of each reader, if it is needed."""

    kind: Any
    capacity: Any
    totals: Any


class Sums(NamedTuple):
    """Scores (parts, p, k) by slot of the reader, pages ``touched`` (parts, p / 64), and ``ratios`` (s)."""

    scores: Any
    touched: Any
    ratios: Any


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
    rows, place, legs, who, mate, weight = cell.rows, cell.place, cell.legs, cell.who, cell.mate, readers.weight
    breaks, steps, weights, stepped = decay.breaks, decay.steps, cell.weights, len(decay.table) == 0
    demand[:] = 0.0
    for r in range(found):
        people = weight[who[r]]
        if people == 0.0 and method != BALANCED:
            continue
        if stepped and mate[r] < 0:
            near = weigh(rows, place_of(place, legs, r), breaks, steps, weights)
        else:
            near = weigh_slowly(cell, r, decay)
        if near == 0:
            continue
        if method == BALANCED:
            add_scaled(demand[1], weights, 1.0)
        if method >= THREE_STEPS:
            _compete(weights, lane_kind, totals[who[r]], method)
        add_scaled(demand[0], weights, people)


@inner
def _score(readers, decay, rivals, ratio, found, cell, scores, touched):
    """Add ratio (32) times decay to scores (p, k), and flag the pages of readers touched."""
    method, totals, lane_kind = rivals
    rows, place, legs, who, mate, slots = cell.rows, cell.place, cell.legs, cell.who, cell.mate, readers.slot
    breaks, steps, weights, stepped = decay.breaks, decay.steps, cell.weights, len(decay.table) == 0
    for r in range(found):
        if stepped and mate[r] < 0:
            near = weigh(rows, place_of(place, legs, r), breaks, steps, weights)
        else:
            near = weigh_slowly(cell, r, decay)
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
def _ratios(capacity, method, demand, ratio, out):
    """Fill out (b), what each of b suppliers offers to one unit of weighted demand, and ratio (32) to score with."""
    for q in range(len(capacity)):
        size = capacity[q]
        if method != SPREAD:
            size = size / demand[0, q] if demand[0, q] > 0.0 else 0.0
        out[q] = size
        ratio[q] = size / demand[1, q] if method == BALANCED and demand[1, q] > 0.0 else size


@inner
def _part(graph, hierarchy, sources, supply, readers, decay, method, low, high, scores, touched, ratios):
    """Add the suppliers low to high of the order to the scores (p, k) of one part."""
    room = new_cell(graph, hierarchy, sources, readers)
    demand, ratio = np.empty((2, WIDE)), np.zeros(WIDE)
    for first in range(low, high, CELL):
        last = min(high, first + CELL)
        count = gather(graph, hierarchy, sources, first, last, room)
        found, wanted = gather_readers(readers, sources, first, last, count, room)
        for b in range(first, last, WIDE):
            stop = min(last, b + WIDE)
            sweep_block(graph, hierarchy, sources, b, stop, count, wanted, room)
            meet(sources, b, stop, room)
            rivals = (method, supply.totals, supply.kind[b:stop])
            if method != SPREAD:
                _demand(readers, decay, rivals, found, room, demand)
            _ratios(supply.capacity[b:stop], method, demand, ratio, ratios[b:stop])
            _score(readers, decay, rivals, ratio, found, room, scores, touched)
            part(sources, b, stop, room)
        release(count, found, room)


@kernel(parallel=True)
def _catchments(graph, hierarchy, sources, supply, readers, decay, method, sums):
    """Fill the sums, every part by itself; the supply is in the order of the sources."""
    cells = (len(sources.order) + CELL - 1) // CELL
    for k in numba.prange(PARTS):
        low, high = k * cells // PARTS * CELL, min(len(sources.order), (k + 1) * cells // PARTS * CELL)
        scores, touched = sums.scores[k], sums.touched[k]
        _part(graph, hierarchy, sources, supply, readers, decay, method, low, high, scores, touched, sums.ratios)


@kernel(parallel=True)
def _collect(sums, slot, out):
    """Sum the parts, in order, into out (p, k); pages never touched are left alone."""
    scores, touched = sums.scores, sums.touched
    for r in numba.prange(len(slot)):
        out[r] = 0.0
        for k in range(PARTS):
            if touched[k, slot[r] // PAGE] != 0:
                for c in range(out.shape[1]):
                    out[r, c] += scores[k, slot[r], c]


def _run(network: Any, sources: Sources, supply: Supply, readers: Readers, decay: Decay, method: int) -> Any:
    shape = (len(readers.weight), supply.totals.shape[1])
    scores, touched = np.zeros((PARTS, *shape)), np.zeros((PARTS, shape[0] // PAGE + 1), np.uint8)
    sums = Sums(scores, touched, np.zeros(len(sources.order)))
    _catchments(*network, sources, supply, readers, decay, method, sums)
    out = np.empty(shape)
    _collect(sums, readers.slot, out)
    return out, sums.ratios


def catchments(
    graph: Csr,
    hierarchy: Hierarchy,
    suppliers: Sources,
    kind: Any,
    capacity: Any,
    readers: Readers,
    decay: Decay,
    method: int,
) -> tuple[Any, Any]:
    """Return scores (p, k) of the readers for each kind, and the ratio of capacity to demand of each supplier (s).

    ``kind`` (s) from 0 and ``capacity`` (s) belong to the suppliers; the readers weigh as people. The decay must be
    nothing beyond the limit of the hierarchy. ``graph`` is the graph by position (``cells.by_position``).
    """
    kind, order = np.asarray(kind, np.int64), suppliers.order
    size = np.ascontiguousarray(capacity, np.float64)[order]
    near = hierarchy._replace(limit=min(hierarchy.limit, farthest(decay)))
    weighed = len(readers.weight) if method >= THREE_STEPS else 1
    totals = np.zeros((weighed, int(kind.max(initial=0)) + 1))
    sources, supply = suppliers._replace(order=order), Supply(kind[order], size, totals)
    if method >= THREE_STEPS:
        ones = supply._replace(capacity=np.ones(len(order)))
        totals = _run((graph, near), sources, ones, readers, decay, SPREAD)[0]
    scores, ratios = _run((graph, near), sources, supply._replace(totals=totals), readers, decay, method)
    out = np.empty(len(order))
    out[order] = ratios
    return scores, out
