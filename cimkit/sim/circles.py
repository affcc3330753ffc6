"""Living circles: the paths within 5, 10, 15 minutes of a service, edge by edge, and the ground along them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import shapely
from shapely.ops import substring

from cimkit.errors import InputError, MissingDataError
from cimkit.kernels.graph import FARTHEST, shortest_times
from cimkit.model.drawn import Drawn
from cimkit.model.kinds import FacilityKind
from cimkit.sim.homes import service_doors
from cimkit.sim.network import ACROSS, MS, Places, WalkNetwork
from cimkit.sim.seeds import closed_to_unreached, ends_of
from cimkit.sim.walk_method import WalkMethod

if TYPE_CHECKING:
    from collections.abc import Sequence

    from cimkit.arrays import BoolArray, FloatArray
    from cimkit.model.community import Community


@dataclass(frozen=True, repr=False)
class LivingCircles(Drawn):
    """Paths from which a service is reached within some minutes.

    Parameters
    ----------
    kind
        The service.
    minutes
        Limits, rising, shape (k) [min].
    paths
        One shapely multi-line a limit in local metres, shape (k).
    areas
        Ground within ``along`` of these paths, one (multi-)polygon a limit, shape (k).
    along
        Width of ground on either side of a path [m].
    community
        Where.
    """

    kind: FacilityKind
    minutes: FloatArray
    paths: Any
    areas: Any
    along: float
    community: Community

    def __repr__(self) -> str:
        parts = ", ".join(f"{m:g} min {p.length / 1000:.1f} km" for m, p in zip(self.minutes, self.paths, strict=True))
        return f"<LivingCircles around {self.kind.code}: {parts} of paths>"

    def to_frame(self) -> Any:
        """Return a GeoDataFrame of the areas in map coordinates, one row a limit."""
        data = {
            "kind": self.kind.code,
            "within_min": self.minutes,
            "paths_m": shapely.length(self.paths),
            "area_m2": shapely.area(self.areas),
        }
        return self.community.frame.to_geoframe(data, self.areas)


def living_circles(
    community: Community,
    kind: str | FacilityKind,
    *,
    minutes: Sequence[float] = (5.0, 10.0, 15.0),
    method: WalkMethod = WalkMethod.ADULT,
    network: WalkNetwork | None = None,
    along: float = 25.0,
) -> LivingCircles:
    """Compute the paths from which a kind of service is reached within some minutes.

    Exact along every edge: the part of an edge that is within the limit is cut at the very
    place where the limit is met, from either end and from a service in its middle. The area is
    the ground within ``along`` of these paths, not a hull.

    Parameters
    ----------
    community
        Services and paths.
    kind
        Kind of service.
    minutes
        Limits, rising [min].
    method
        Who walks.
    network
        A network made before.
    along
        Width of ground on either side of a path [m].

    Returns
    -------
    LivingCircles
        One set of paths and one area a limit.

    Raises
    ------
    MissingDataError
        If there is no such service.
    InputError
        If the limits do not rise.
    """
    wanted = FacilityKind.parse(kind)
    limits = np.asarray(minutes, dtype=np.float64)
    if len(limits) == 0 or limits[0] <= 0 or (np.diff(limits) <= 0).any():
        raise InputError(f"living_circles: minutes must be > 0 and rise; got {list(minutes)}.")
    rows = np.flatnonzero(community.facilities.kind == wanted)
    if len(rows) == 0:
        raise MissingDataError(f"living_circles: there must be a {wanted.code}; got none.")
    network = network or WalkNetwork.of(community, method=method)
    there = network.place(service_doors(community)[rows])
    nodes, legs = ends_of(network, there, timed=True)
    graph = network.graph(timed=True, towards=True)
    cost = shortest_times(graph, nodes.reshape(-1), closed_to_unreached(legs).reshape(-1), np.inf).astype(np.float64)
    cost[cost > float(FARTHEST)] = np.inf
    drawn, there = _drawn(network, cost, there)
    lines = drawn.course.to_shapely()
    paths = np.array([_reached(drawn, lines, cost / MS, there, limit) for limit in limits.tolist()], dtype=object)
    areas = _ground(paths, along)
    return LivingCircles(wanted, limits, paths, areas, along, community)


def _drawn(network: WalkNetwork, cost: FloatArray, there: Places) -> tuple[WalkNetwork, Places]:
    """Return the network without the lines of sight across open spaces that no quickest way takes: they are many."""
    if network.ids is None or not (sight := network.ids == ACROSS).any():
        return network, there
    ahead, back = network.whole(timed=True)
    here, then = cost[network.start], cost[network.end]
    with np.errstate(invalid="ignore"):
        taken = (here == ahead + then) | (then == back + here)
    taken[there.edge[there.edge >= 0]] = True
    rows = np.flatnonzero(~sight | taken)
    place = np.full(len(sight) + 1, -1, dtype=np.int64)
    place[rows] = np.arange(len(rows))
    return network.take(rows), there._replace(edge=place[there.edge])


def _reached(network: WalkNetwork, lines: Any, cost: FloatArray, there: Places, limit: float) -> Any:
    """Return the parts of all edges from which the service is within the limit."""
    from_start = _share(limit - cost[network.start], network.backward_min)
    from_end = _share(limit - cost[network.end], network.forward_min)
    whole = from_start + from_end >= 1.0
    pieces = [
        *(substring(lines[e], 0.0, from_start[e], normalized=True) for e in np.flatnonzero(~whole & (from_start > 0))),
        *(substring(lines[e], 1 - from_end[e], 1.0, normalized=True) for e in np.flatnonzero(~whole & (from_end > 0))),
    ]
    pieces += _around_services(network, lines, there, limit, whole)
    cut = shapely.union_all(shapely.force_2d([p for p in pieces if p.geom_type == "LineString"]))
    parts = np.concatenate([shapely.force_2d(lines[whole]), shapely.get_parts(cut)])
    return shapely.multilinestrings(parts[shapely.length(parts) > 0])


def _ground(paths: Any, along: float) -> Any:
    """Return the ground along the paths of each limit; what a smaller limit holds is not joined again."""
    areas, known, inner = np.empty(len(paths), dtype=object), np.zeros(0, dtype=np.int64), shapely.Polygon()
    for k, path in enumerate(paths):
        lines = shapely.get_parts(path)
        keys = np.array([hash(w) for w in shapely.to_wkb(lines)], dtype=np.int64)
        fresh = shapely.buffer(lines[~np.isin(keys, known)], along, quad_segs=4)
        inner = areas[k] = shapely.union_all(np.append(fresh, inner))
        known = np.append(known, keys)
    return areas


def _share(left: FloatArray, whole: FloatArray) -> FloatArray:
    """Return the share of each edge that the minutes left suffice for, 0–1."""
    with np.errstate(invalid="ignore", divide="ignore"):
        share = np.where(np.isfinite(whole), left / np.maximum(whole, 1e-12), 0.0)
    result: FloatArray = np.clip(np.nan_to_num(share, nan=0.0), 0.0, 1.0)
    return result


def _around_services(network: WalkNetwork, lines: Any, there: Places, limit: float, whole: BoolArray) -> list[Any]:
    """Return the parts of edges next to a service that lies on them."""
    k = np.flatnonzero((there.edge >= 0) & ~whole[there.edge])
    e, left = there.edge[k], limit - there.leg[k] / network.method.speed_ms / 60.0
    at = there.along[k] / np.maximum(network.length[e], 1e-9)
    start = np.maximum(0.0, at - _share(left, network.forward_min[e]))
    stop = np.minimum(1.0, at + _share(left, network.backward_min[e]))
    return [substring(lines[e[q]], start[q], stop[q], normalized=True) for q in np.flatnonzero(left > 0)]
