"""Measures between places on a network, in arrays: all pairs, the nearest, sums within reach, floating catchments.

A place at share t of an edge stands at the whole numbers ``round(t · ahead)`` and ``round(t · back)``, so that the two
parts of an edge sum to the edge: exactly the network in which every place is a node of its own.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any, ClassVar

import numpy as np

from cimkit.arrays import FloatArray, IntArray, as_floats, one_of
from cimkit.errors import InputError
from cimkit.geometry.ragged import equal_pairs
from cimkit.kernels import cells, reach
from cimkit.kernels.graph import UNREACHED, nearest_k
from cimkit.kernels.hilbert import hilbert_order
from cimkit.kernels.sweep import nearest_kinds
from cimkit.sim.network import UNITS, Places, WalkNetwork

METHODS = {"sum": reach.SPREAD, "2sfca": reach.TWO_STEPS, "3sfca": reach.THREE_STEPS, "balanced": reach.BALANCED}
LOST = float(UNREACHED)
Floats = Sequence[float]


# Decay: how much a service counts by its distance ----

POINTS = 4097  # points of a sampled function, straight lines between: a Gaussian is met to 2e-8


@dataclass(frozen=True)
class Decay:
    """Weight of a service by its distance [m] or time [min].

    Parameters
    ----------
    limit
        Farthest that counts, inclusive.
    timed
        Whether it goes by minutes instead of metres.
    breaks, weights
        Steps: each weight holds up to its break, inclusive.
    samples
        Or weights at equal steps from 0 to the limit, straight between them.
    """

    limit: float
    timed: bool = False
    breaks: tuple[float, ...] = ()
    weights: tuple[float, ...] = ()
    samples: tuple[float, ...] = ()

    E2SFCA: ClassVar[Decay]

    @classmethod
    def steps(cls, breaks: Floats, weights: Floats | None = None, *, timed: bool = False) -> Decay:
        """Return a stepped decay; all weights are 1 without ``weights``.

        Examples
        --------
        >>> Decay.steps([300, 500], [1.0, 0.5])(np.array([0.0, 300.0, 300.5, 501.0]))
        array([1. , 1. , 0.5, 0. ])
        """
        rising = as_floats(breaks, name="breaks")
        values = np.ones(len(rising)) if weights is None else as_floats(weights, name="weights")
        if len(rising) == 0 or len(values) != len(rising) or rising[0] <= 0 or (np.diff(rising) <= 0).any():
            raise InputError(f"Decay: breaks must rise above 0, one weight each; got {rising}, {values}.")
        return cls(float(rising[-1]), timed, tuple(rising.tolist()), tuple(values.tolist()))

    @classmethod
    def of(cls, function: Callable[[FloatArray], Any], limit: float, *, timed: bool = False) -> Decay:
        """Return the decay of a function of distances, cut at the limit.

        Examples
        --------
        >>> Decay.of(lambda d: np.exp(-d / 400), 1200)(np.array([0.0, 400.0])).round(6)
        array([1.      , 0.367879])
        """
        values = as_floats(np.broadcast_to(function(np.linspace(0.0, limit, POINTS)), POINTS), name="decay")
        return cls(float(limit), timed, samples=tuple(values.tolist()))

    @classmethod
    def gaussian(cls, limit: float, *, timed: bool = False) -> Decay:
        """Return the Gaussian decay that is 1 at 0 and 0 at the limit (Dai 2010)."""
        edge = np.exp(-0.5)
        return cls.of(lambda d: (np.exp(-0.5 * (d / limit) ** 2) - edge) / (1.0 - edge), limit, timed=timed)

    def __call__(self, distance: FloatArray) -> FloatArray:
        """Return the weights of distances."""
        if self.samples:
            at = np.linspace(0.0, self.limit, len(self.samples))
            return np.where(distance <= self.limit, np.interp(distance, at, self.samples), 0.0)
        return np.append(self.weights, 0.0)[np.searchsorted(self.breaks, distance)]

    def in_whole(self, unit: float) -> cells.Decay:
        """Return the decay for the kernels, whose whole numbers are so many a metre or minute."""
        if self.samples:
            return cells.table_decay(self.samples, self.limit * unit / (len(self.samples) - 1))
        return cells.step_decay(np.floor(np.array(self.breaks) * unit + 1e-6), self.weights)


#: Bands 300, 500, 1,000 m with the weights 1, 0.68, 0.22 of Luo and Qi (2009).
Decay.E2SFCA = Decay.steps((300.0, 500.0, 1000.0), (1.0, 0.68, 0.22))


# Places along edges in the whole numbers of the kernels ----


def _stand(network: WalkNetwork, places: Places, timed: bool) -> tuple[FloatArray, FloatArray, FloatArray, FloatArray]:
    """Return share of the edge (p), ways from its start and end to the place and back (p, 2 each), and the leg (p).

    Nothing of a closed direction is nothing.
    """
    whole = network.whole[timed][:, places.edge]
    share = np.clip(np.nan_to_num(places.along) / np.maximum(network.length[places.edge], 1e-9), 0.0, 1.0)
    leg = places.leg / network.method.speed_ms / 60.0 if timed else places.leg
    with np.errstate(invalid="ignore"):
        ahead, back = to_place = np.where(share > 0, np.round(share * whole), 0.0)
        onward, rest = np.where(share >= 1, 0.0, whole - to_place)
    leg = np.where(places.edge >= 0, np.round(leg * UNITS[timed]), np.inf)
    return share, np.stack([ahead, rest], axis=1), np.stack([back, onward], axis=1), leg


def ends_of(network: WalkNetwork, places: Places, *, timed: bool, outward: bool = False) -> tuple[IntArray, FloatArray]:
    """Return end nodes (p, 2) of places and the cost to go between (p, 2), inf where there is no way.

    ``outward`` goes from the place to the ends, else from the ends to the place.
    """
    _, into, out, leg = _stand(network, places, timed)
    legs = np.nan_to_num((out if outward else into) + leg[:, None], nan=np.inf, posinf=np.inf)
    return np.stack([network.start[places.edge], network.end[places.edge]], axis=1), legs


def shared_edges(network: WalkNetwork, a: Places, b: Places, *, timed: bool) -> tuple[IntArray, IntArray, FloatArray]:
    """Return row of a, row of b and the cost along the edge from a to b, for all pairs on one edge; by row of a."""
    source, place = equal_pairs(a.edge, b.edge)
    (start, ahead, back, leg), (stop, there, past, last) = (_stand(network, p, timed) for p in (a, b))
    start, stop = start[source], stop[place]
    with np.errstate(invalid="ignore"):
        cost = np.where(start < stop, there[place, 0] - ahead[source, 0], back[source, 0] - past[place, 0])
    cost = np.where(start == stop, 0.0, np.where(np.isfinite(cost), cost, np.inf))
    return source, place, cost + leg[source] + last[place]


def closed_to_unreached(cost: Any) -> Any:
    """Return costs as uint32, what is infinite or too great as ``UNREACHED``."""
    return np.where(cost < LOST, cost, LOST).astype(np.uint32)


def _nowhere() -> WalkNetwork:
    """Return what stands for a network without edges: a closed one, as places that have none look up the last."""
    return WalkNetwork.from_arrays([(0.0, 0.0)], [0], [0], minutes=[np.inf, np.inf])


def _sweep(
    network: WalkNetwork, a: Places, b: Places, weight: Any, *, timed: bool, towards: bool = False, limit: float
) -> tuple[Any, Any, Any, Any]:
    """Return graph, hierarchy, places a as sources that know which b lie on their edge, and b (p) with weights (p).

    ``towards``: distances are those from b to a; the hierarchy is that of the graph turned round.
    """
    network = network if len(network.start) else _nowhere()
    graph, hierarchy = network.prepared(timed=timed, towards=towards, limit=limit)
    nodes, legs = ends_of(network, a, timed=timed, outward=not towards)
    seeds = 2 * np.arange(len(nodes) + 1), nodes.reshape(-1), closed_to_unreached(legs).reshape(-1)
    first, last, direct = shared_edges(network, *((b, a) if towards else (a, b)), timed=timed)
    source, reader = (last, first) if towards else (first, last)
    rows = np.argsort(source, kind="stable")
    mates = np.searchsorted(source[rows], np.arange(len(nodes) + 1)), reader[rows], closed_to_unreached(direct[rows])
    sources = cells.sources_of(hierarchy, *seeds, hilbert_order(network.nodes[nodes[:, 0], :2]), mates)
    ends, ways = ends_of(network, b, timed=timed, outward=towards)
    readers = cells.readers_of(hierarchy, ends, closed_to_unreached(ways), as_floats(weight, name="weight"))
    return graph, hierarchy, sources, readers


# Measures ----


def _in_units(cost: Any, unit: float, limit: float) -> FloatArray:
    """Return whole numbers as metres or minutes, inf beyond the limit."""
    return np.where(cost <= min(np.floor(limit * unit + 1e-6), LOST - 1), cost / unit, np.inf)


def walk_matrix(
    network: WalkNetwork, from_: Places, to: Places, *, timed: bool = False, limit: float = np.inf
) -> FloatArray:
    """Compute the way from every place to every other one, legs included.

    Parameters
    ----------
    network
        Where people walk.
    from_, to
        Places of ``WalkNetwork.place``, n and p of them.
    timed
        Minutes instead of metres.
    limit
        Farther is inf [m or min].

    Returns
    -------
    FloatArray
        Cost, inf where there is no way, shape (n, p) [m or min].

    Examples
    --------
    >>> from cimkit.sim.network import WalkNetwork
    >>> network = WalkNetwork.from_arrays([(0, 0), (100, 0)], [0], [1])
    >>> doors = network.place([(20, 5), (90, 0)])
    >>> walk_matrix(network, doors, doors)
    array([[10., 75.],
           [75.,  0.]])
    """
    ways = reach.distances(*_sweep(network, from_, to, np.ones(len(to.edge)), timed=timed, limit=limit))
    return _in_units(ways, UNITS[timed], limit)


def nearest_places(
    network: WalkNetwork,
    from_: Places,
    to: Places,
    *,
    k: int = 1,
    kind: Any = None,
    timed: bool = False,
    limit: float = np.inf,
) -> tuple[FloatArray, IntArray]:
    """Compute the k nearest places of each kind; of equally near ones the first.

    Parameters
    ----------
    network
        Where people walk.
    from_, to
        Places, n and p of them.
    k
        How many.
    kind
        Kind of each place to, from 0; all are one kind without it, shape (p).
    timed
        Minutes instead of metres.
    limit
        Farther counts as not reached [m or min].

    Returns
    -------
    tuple
        Cost, inf beyond the last that is reached, and row of the place, -1 there, shapes (n, kinds, k).
    """
    kinds = np.zeros(len(to.edge), np.int64) if kind is None else np.asarray(kind, np.int64)
    if k < 1 or len(kinds) != len(to.edge):
        raise InputError(f"nearest_places: k must be ≥ 1 and kind one a place; got {k} and {len(kinds)} kinds.")
    order = np.argsort(kinds, kind="stable")
    count = int(kinds.max(initial=0)) + 1
    shape = (len(from_.edge), count, k)
    network = network if len(network.start) else _nowhere()
    nodes, legs = ends_of(network, to.take(order), timed=timed)
    start = 2 * np.searchsorted(kinds[order], np.arange(count + 1))
    graph, whole = network.graph(timed=timed, towards=True), limit * UNITS[timed] + 1e-6
    seeds = (nodes.reshape(-1), closed_to_unreached(legs).reshape(-1), np.repeat(order, 2))
    if k == 1:
        hierarchy = network.prepared(timed=timed, towards=True, limit=limit)[1]
        cost, owner = (a[:, :, None] for a in nearest_kinds(graph, hierarchy, start, *seeds, whole))
    else:
        cuts = [slice(a, b) for a, b in pairwise(start)]
        parts = [nearest_k(graph, seeds[0][c], seeds[1][c], seeds[2][c], k, whole) for c in cuts]
        cost, owner = (np.stack(part, axis=1) for part in zip(*parts, strict=True))
    nodes, legs = ends_of(network, from_, timed=timed, outward=True)
    at = np.where(owner[nodes] >= 0, cost[nodes] + legs[:, :, None, None], np.inf)  # (n, 2, kinds, k)
    group = np.broadcast_to(np.arange(len(nodes) * count).reshape(-1, 1, count, 1), at.shape)
    near_home, near, direct = shared_edges(network, from_, to, timed=timed)
    found = (group, near_home * count + kinds[near]), (at, direct), (owner[nodes].astype(np.int64), near)
    best, row = _least(*(np.append(*pair) for pair in found), shape=(len(nodes) * count, k))
    best = _in_units(best, UNITS[timed], limit).reshape(shape)
    return best, np.where(np.isfinite(best), row.reshape(shape), -1)


def _least(group: IntArray, cost: FloatArray, row: IntArray, *, shape: tuple[int, int]) -> tuple[FloatArray, IntArray]:
    """Return cost and row of the k least of different rows in each group, shape (groups, k)."""
    good = np.isfinite(cost)
    group, cost, row = group[good], cost[good], row[good]
    order = np.lexsort((cost, row, group))
    # each row once, at its least cost
    order = order[np.append(True, (np.diff(group[order]) != 0) | (np.diff(row[order]) != 0))[: len(order)]]
    order = order[np.lexsort((row[order], cost[order], group[order]))]
    rank = np.arange(len(order)) - np.searchsorted(group[order], group[order])
    order, rank = order[rank < shape[1]], rank[rank < shape[1]]
    best, who = np.full(shape, np.inf), np.full(shape, -1, np.int64)
    best[group[order], rank], who[group[order], rank] = cost[order], row[order]
    return best, who


def reach_sums(
    network: WalkNetwork, from_: Places, to: Places, weight: Any, *, within: Floats | Decay, timed: bool = False
) -> FloatArray:
    """Compute what lies within reach of every place: the sum of weights within distances, or weighed by a decay.

    Parameters
    ----------
    network
        Where people walk.
    from_, to
        Places, n and p of them.
    weight
        What each place to counts for, persons or capacity, shape (p).
    within
        Limits, inclusive, t of them; or a decay [m or min].
    timed
        Limits in minutes instead of metres; a decay says it itself.

    Returns
    -------
    FloatArray
        Sums, shape (n, t), or (n) for a decay.
    """
    if isinstance(within, Decay):
        swept = _sweep(network, from_, to, weight, timed=within.timed, limit=within.limit)
        return np.asarray(reach.weighted_sums(*swept, within.in_whole(UNITS[within.timed])))
    limits = as_floats(within, name="within")
    swept = _sweep(network, from_, to, weight, timed=timed, limit=float(limits.max()))
    return np.asarray(reach.sums_within(*swept, np.floor(limits * UNITS[timed] + 1e-6)))


def floating_catchments(
    network: WalkNetwork,
    homes: Places,
    services: Places,
    *,
    persons: Any,
    capacity: Any,
    kind: Any = None,
    decay: Decay = Decay.E2SFCA,
    method: str = "2sfca",
) -> tuple[FloatArray, FloatArray]:
    """Compute what services offer to people within reach, shared among all who reach them.

    Parameters
    ----------
    network
        Where people walk.
    homes, services
        Places, n and p of them.
    persons
        People at each home, shape (n).
    capacity
        What each service offers, shape (p).
    kind
        Kind of each service from 0, shape (p).
    decay
        Weight by distance or time; stepped weights make ``2sfca`` the enhanced E2SFCA.
    method
        ``sum`` (cumulative opportunities, gravity), ``2sfca`` (Luo & Wang 2003; Luo & Qi 2009), ``3sfca`` (Wan, Zou
        & Sternberg 2012) or ``balanced`` (Páez, Higgins & Vivona 2019).

    Returns
    -------
    tuple
        Score of each home for each kind, shape (n, kinds), and capacity a unit of demand at each service, shape (p).
    """
    code = METHODS[one_of(method, METHODS, name="method")]
    kinds = np.zeros(len(services.edge), np.int64) if kind is None else np.asarray(kind, np.int64)
    swept = _sweep(network, services, homes, persons, timed=decay.timed, towards=True, limit=decay.limit)
    size, weights = as_floats(capacity, name="capacity"), decay.in_whole(UNITS[decay.timed])
    return reach.catchments(*swept[:3], reach.Supply(kinds, size), swept[3], weights, code)
