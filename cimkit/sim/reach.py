"""Measures between places on a network, in arrays: all pairs, the nearest, sums within reach, floating catchments."""

from __future__ import annotations

from itertools import pairwise
from typing import TYPE_CHECKING, Any

import numpy as np

from cimkit.arrays import FloatArray, IntArray, as_floats, one_of
from cimkit.errors import InputError
from cimkit.kernels.catchment import BALANCED, SPREAD, THREE_STEPS, TWO_STEPS, catchments
from cimkit.kernels.graph import nearest_k
from cimkit.kernels.matrix import distances
from cimkit.kernels.reach import sums_within, weighted_sums
from cimkit.kernels.sweep import nearest_kinds
from cimkit.sim.decay import Decay
from cimkit.sim.seeds import closed_to_unreached, ends_of, kernel_readers, kernel_sources, shared_edges

if TYPE_CHECKING:
    from collections.abc import Sequence

    from cimkit.sim.network import Places, WalkNetwork

METHODS = {"sum": SPREAD, "2sfca": TWO_STEPS, "3sfca": THREE_STEPS, "balanced": BALANCED}
LOST = float(np.uint32(0xFFFFFFFF))


def _in_units(cost: Any, unit: float, limit: float) -> FloatArray:
    """Return whole numbers as metres or minutes, inf beyond the limit."""
    result: FloatArray = np.where(cost <= min(np.floor(limit * unit + 1e-6), LOST - 1), cost / unit, np.inf)
    return result


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
    graph, hierarchy = network.prepared(timed=timed, towards=False, limit=limit)
    sources = kernel_sources(network, hierarchy, from_, to, timed=timed, towards=False)
    readers = kernel_readers(network, hierarchy, to, np.ones(len(to.edge)), timed=timed, towards=False)
    return _in_units(distances(graph, hierarchy, sources, readers), network.unit(timed=timed), limit)


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
    nodes, legs = ends_of(network, to.take(order), timed=timed)
    start = 2 * np.searchsorted(kinds[order], np.arange(count + 1))
    whole = limit * network.unit(timed=timed) + 1e-6
    seeds = (nodes.reshape(-1), closed_to_unreached(legs).reshape(-1), np.repeat(order, 2))
    if k == 1:
        graph, hierarchy = (
            network.graph(timed=timed, towards=True),
            network.prepared(timed=timed, towards=True, limit=limit)[1],
        )
        cost, owner = (a[:, :, None] for a in nearest_kinds(graph, hierarchy, start, *seeds, whole))
    else:
        graph = network.graph(timed=timed, towards=True)
        cuts = [slice(a, b) for a, b in pairwise(start)]
        parts = [nearest_k(graph, seeds[0][c], seeds[1][c], seeds[2][c], k, whole) for c in cuts]
        cost, owner = (np.stack([p[q] for p in parts], axis=1) for q in range(2))
    nodes, legs = ends_of(network, from_, timed=timed, outward=True)
    at = np.where(owner[nodes] >= 0, cost[nodes] + legs[:, :, None, None], np.inf)  # (n, 2, kinds, k)
    home = np.broadcast_to(np.arange(len(nodes))[:, None, None, None], at.shape)
    group = home * count + np.arange(count)[:, None]
    near_home, near, direct = shared_edges(network, from_, to, timed=timed)
    shape = (len(nodes), count, k)
    best, row = _least(
        np.concatenate([group.reshape(-1), near_home * count + kinds[near]]),
        np.concatenate([at.reshape(-1), direct]),
        np.concatenate([owner[nodes].reshape(-1), near]).astype(np.int64),
        (len(nodes) * count, k),
    )
    best, row = _in_units(best, network.unit(timed=timed), limit).reshape(shape), row.reshape(shape)
    return best, np.where(np.isfinite(best), row, -1)


def _least(group: IntArray, cost: FloatArray, row: IntArray, shape: tuple[int, int]) -> tuple[FloatArray, IntArray]:
    """Return cost and row of the k least of different rows in each group, shape (groups, k)."""
    good = np.isfinite(cost)
    group, cost, row = group[good], cost[good], row[good]
    order = np.lexsort((cost, row, group))
    first = np.append(True, (np.diff(group[order]) != 0) | (np.diff(row[order]) != 0))[: len(order)]
    order = order[first]  # each row once, at its least cost
    order = order[np.lexsort((row[order], cost[order], group[order]))]
    rank = np.arange(len(order)) - np.searchsorted(group[order], group[order])
    order, rank = order[rank < shape[1]], rank[rank < shape[1]]
    best, who = np.full(shape, np.inf), np.full(shape, -1, np.int64)
    best[group[order], rank], who[group[order], rank] = cost[order], row[order]
    return best, who


def reach_sums(
    network: WalkNetwork,
    from_: Places,
    to: Places,
    weight: Any,
    *,
    within: Sequence[float] | Decay,
    timed: bool = False,
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
    decay = within if isinstance(within, Decay) else None
    timed = timed if decay is None else decay.timed
    limits = as_floats([within.limit] if isinstance(within, Decay) else within, name="within")
    graph, hierarchy = network.prepared(timed=timed, limit=float(limits.max()))
    sources = kernel_sources(network, hierarchy, from_, to, timed=timed, towards=False)
    weights = as_floats(weight, name="weight")
    readers = kernel_readers(network, hierarchy, to, weights, timed=timed, towards=False)
    unit = network.unit(timed=timed)
    if decay:
        sums: FloatArray = weighted_sums(graph, hierarchy, sources, readers, decay.in_whole(unit))
    else:
        sums = sums_within(graph, hierarchy, sources, readers, np.floor(limits * unit + 1e-6))
    return sums


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
    timed, code = decay.timed, METHODS[one_of(method, METHODS, name="method")]
    kinds = np.zeros(len(services.edge), np.int64) if kind is None else np.asarray(kind, np.int64)
    graph, hierarchy = network.prepared(timed=timed, towards=True, limit=decay.limit)
    sources = kernel_sources(network, hierarchy, services, homes, timed=timed, towards=True)
    readers = kernel_readers(network, hierarchy, homes, as_floats(persons, name="persons"), timed=timed, towards=True)
    size, shape = as_floats(capacity, name="capacity"), decay.in_whole(network.unit(timed=timed))
    scores, ratios = catchments(graph, hierarchy, sources, kinds, size, readers, shape, code)
    return scores, ratios
