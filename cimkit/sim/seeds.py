"""Places along edges in the whole numbers of the kernels: ends, legs, and the way between two on one edge.

A place at share t of an edge stands at the whole numbers ``round(t · ahead)`` and ``round(t · back)``, so that the two
parts of an edge sum to the edge: exactly the network in which every place is a node of its own.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from cimkit.kernels.cells import Readers, Sources, readers_of, sources_of, with_mates
from cimkit.kernels.graph import UNREACHED
from cimkit.kernels.hilbert import hilbert_order

if TYPE_CHECKING:
    from cimkit.arrays import FloatArray, IntArray
    from cimkit.kernels.elimination import Hierarchy
    from cimkit.sim.network import Places, WalkNetwork


class Marks(NamedTuple):
    """Where places stand on their edges: share, whole numbers ahead and back from the start, the leg, shape (p)."""

    share: FloatArray
    ahead: FloatArray
    back: FloatArray
    leg: FloatArray


def marks_of(network: WalkNetwork, places: Places, *, timed: bool) -> Marks:
    """Return where places stand; nothing of a closed direction is nothing."""
    ahead, back = network.whole(timed=timed)
    share = np.clip(np.nan_to_num(places.along) / np.maximum(network.length[places.edge], 1e-9), 0.0, 1.0)
    leg = places.leg / network.method.speed_ms / 60.0 if timed else places.leg
    with np.errstate(invalid="ignore"):
        at = [np.where(share > 0, np.round(share * whole[places.edge]), 0.0) for whole in (ahead, back)]
    return Marks(share, at[0], at[1], np.where(places.edge >= 0, np.round(leg * network.unit(timed=timed)), np.inf))


def ends_of(
    network: WalkNetwork, places: Places, *, timed: bool = False, outward: bool = False
) -> tuple[IntArray, FloatArray]:
    """Return end nodes (p, 2) of places and the cost to go between (p, 2), inf where there is no way.

    ``outward`` goes from the place to the ends, else from the ends to the place.
    """
    ahead, back = (w[places.edge] for w in network.whole(timed=timed))
    marks = marks_of(network, places, timed=timed)
    with np.errstate(invalid="ignore"):
        on = [
            np.where(marks.share >= 1, 0.0, whole - mark) for whole, mark in ((ahead, marks.ahead), (back, marks.back))
        ]
    legs = np.stack([marks.back, on[0]] if outward else [marks.ahead, on[1]], axis=1) + marks.leg[:, None]
    legs = np.where((places.edge >= 0)[:, None] & np.isfinite(legs), legs, np.inf)
    return np.stack([network.start[places.edge], network.end[places.edge]], axis=1), legs


def shared_edges(
    network: WalkNetwork, a: Places, b: Places, *, timed: bool = False
) -> tuple[IntArray, IntArray, FloatArray]:
    """Return row of a, row of b and the cost along the edge from a to b, for all pairs on one edge; by row of a."""
    order = np.argsort(b.edge, kind="stable")
    low, high = (np.searchsorted(b.edge[order], a.edge, side) for side in ("left", "right"))
    count = np.where(a.edge >= 0, high - low, 0)
    source = np.repeat(np.arange(len(a.edge)), count)
    place = order[np.arange(len(source)) - np.repeat(np.cumsum(count) - count - low, count)]
    from_, to = marks_of(network, a, timed=timed), marks_of(network, b, timed=timed)
    start, stop = from_.share[source], to.share[place]
    with np.errstate(invalid="ignore"):
        cost = np.where(start < stop, to.ahead[place] - from_.ahead[source], from_.back[source] - to.back[place])
    cost = np.where(start == stop, 0.0, np.where(np.isfinite(cost), cost, np.inf))
    return source, place, cost + from_.leg[source] + to.leg[place]


def closed_to_unreached(cost: Any) -> Any:
    """Return costs as uint32, what is infinite or too great as ``UNREACHED``."""
    return np.where(cost < float(UNREACHED), cost, float(UNREACHED)).astype(np.uint32)


def kernel_sources(
    network: WalkNetwork, hierarchy: Hierarchy, a: Places, b: Places, *, timed: bool, towards: bool
) -> Sources:
    """Return places a as sources that know which of the places b lie on their own edge.

    ``towards``: distances are those from b to a; the hierarchy is that of the graph turned round.
    """
    nodes, legs = ends_of(network, a, timed=timed, outward=not towards)
    order = hilbert_order(network.nodes[nodes[:, 0], :2])
    start = 2 * np.arange(len(nodes) + 1)
    sources = sources_of(hierarchy, start, nodes.reshape(-1), closed_to_unreached(legs).reshape(-1), order)
    if towards:
        reader, source, direct = shared_edges(network, b, a, timed=timed)
        rows = np.argsort(source, kind="stable")
        source, reader, direct = source[rows], reader[rows], direct[rows]
    else:
        source, reader, direct = shared_edges(network, a, b, timed=timed)
    mate_start = np.searchsorted(source, np.arange(len(nodes) + 1))
    return with_mates(sources, mate_start, reader, closed_to_unreached(direct))


def kernel_readers(
    network: WalkNetwork, hierarchy: Hierarchy, b: Places, weight: Any, *, timed: bool, towards: bool
) -> Readers:
    """Return places b with their weights (p) as readers; ``towards`` as in ``kernel_sources``."""
    nodes, legs = ends_of(network, b, timed=timed, outward=towards)
    return readers_of(hierarchy, nodes, closed_to_unreached(legs), weight)
