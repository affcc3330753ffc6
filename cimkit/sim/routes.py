"""The way itself: routes in three dimensions, how many people pass each path, living circles of services, ways out.

Living circles are the paths within 5, 10, 15 minutes of a service, edge by edge, and the ground along them.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any, NamedTuple

import numpy as np
import shapely
from shapely.ops import substring

from cimkit.arrays import BoolArray, FloatArray, IntArray
from cimkit.errors import InputError, MissingDataError
from cimkit.kernels.graph import FARTHEST, NOBODY, shortest_tree, tree_loads
from cimkit.model.community import Community
from cimkit.model.drawn import Drawn
from cimkit.model.kinds import FacilityKind, PathKind
from cimkit.sim.joined import ACROSS, Hour, Joined, Kinds, Network, join, service_doors
from cimkit.sim.network import ADULT, MS, NOT_WALKABLE, STEPPED, Places, WalkMethod, WalkNetwork
from cimkit.sim.reach import closed_to_unreached, ends_of, shared_edges, walk_matrix

WAY_WIDTH = 4.0  # [m] secondary evacuation passage, GB/T 51327-2018 6.2.3 (mark P)
OUTSIDE = (PathKind.STREET, PathKind.MAIN_ROAD, PathKind.TRUNK_ROAD)


class _Tree(NamedTuple):
    """The quickest ways to p places from each of k nodes, in whole numbers, inf where there is none.

    ``nodes`` and ``into`` (p, 2): ends of the edges of the places and the way from there; ``time`` and ``previous``
    (k): the way from each node and the node that comes next on it.
    """

    nodes: IntArray
    into: FloatArray
    time: FloatArray
    previous: IntArray

    def leave(self, network: WalkNetwork, at: Places, there: Places) -> tuple[IntArray, FloatArray, FloatArray]:
        """Return by which end of their edges other places (n) are left, the way by it, and the way along the edge."""
        ends, out = ends_of(network, at, timed=True, outward=True)
        cost, along = self.time[ends] + out, np.full(len(ends), np.inf)
        place, _, direct = shared_edges(network, at, there, timed=True)
        np.minimum.at(along, place, direct)
        return cost.argmin(axis=1), cost.min(axis=1), along


def _tree_to(network: WalkNetwork, there: Places) -> _Tree:
    """Return the quickest ways to the nearest of some places."""
    nodes, into = ends_of(network, there, timed=True)
    graph = network.graph(timed=True, towards=True)
    time, previous = shortest_tree(graph, nodes.reshape(-1), closed_to_unreached(into).reshape(-1), np.inf)
    return _Tree(nodes, into, np.where(time > FARTHEST, np.inf, time), previous)


@dataclass(frozen=True, repr=False)
class Route(Drawn):
    """The quickest way from a home to a facility.

    Parameters
    ----------
    home, facility
        Ids.
    line
        From the dwelling's floor down to the door and along paths, local metres, shape (v, 3) [m].
    walk_min
        Time, the way down included; inf if there is no way, and then no line [min].
    indoor_min
        Of it, stairs or lift [min].
    community
        Where.
    method
        Who walks.
    """

    home: str
    facility: str
    line: FloatArray
    walk_min: float
    indoor_min: float
    community: Community
    method: WalkMethod

    @property
    def distance(self) -> float:
        """Return the length in plan, from the door on, inf if there is no way [m]."""
        steps = np.linalg.norm(np.diff(self.line[:, :2], axis=0), axis=1)
        return float(steps.sum()) if len(self.line) else float("inf")

    def __repr__(self) -> str:
        way = f"{self.walk_min:.1f} min ({self.indoor_min:.1f} indoors), {self.distance:,.0f} m"
        return f"<Route of {self.method.name}, {self.home} to {self.facility}: {way if len(self.line) else 'no way'}>"

    def columns(self) -> dict[str, Any]:
        """Return the way as one 3D line."""
        said = {"home": [self.home], "facility": [self.facility], "walker": [self.method.name]}
        times = {"walk_min": [self.walk_min], "indoor_min": [self.indoor_min], "distance_m": [self.distance]}
        shape = shapely.linestrings(self.line) if len(self.line) > 1 else shapely.LineString()
        return said | times | {"geometry": [shape]}


def walk_route(
    community: Community,
    home: str,
    facility: str,
    *,
    method: WalkMethod = ADULT,
    network: Network = None,
    hour: Hour = None,
) -> Route:
    """Find the quickest way from a home to a facility, as a line in three dimensions.

    Parameters
    ----------
    community
        Homes, services and paths.
    home
        Id of a dwelling, or of a building where there are no dwellings.
    facility
        Id of a facility; or a kind of service, then the one that is reached first.
    method, network, hour
        As in ``walk_times``.

    Raises
    ------
    InputError
        If there is no such home or facility.
    """
    joined, f = join(community, method=method, network=network, hour=hour), community.facilities
    homes, kind = joined.homes, FacilityKind.words().get(facility, -1)
    if home not in set(homes.ids):
        raise InputError(f"walk_route: home must be the id of a {homes.kind}; got {home!r}.")
    row = int((homes.ids == home).argmax())
    there = np.flatnonzero(f.id == facility if facility in set(f.id) else f.kind == kind)
    if len(there) == 0:
        raise InputError(f"walk_route: facility must be an id, or a kind that exists; got {facility!r}.")
    at = joined.doors.take(homes.door[[row]])
    minutes = walk_matrix(joined.network, at, joined.services.take(there), timed=True)[0]
    goal, indoor = int(there[minutes.argmin()]), float(homes.indoor_min[row])
    walk_min, line = float(minutes.min()) + indoor, np.zeros((0, 3))
    if np.isfinite(walk_min):
        door = homes.doors[homes.door[[row]]]
        up = max(community.storeys.z[community.dwellings.storey[row]], 0.0) if homes.kind == "dwelling" else 0.0
        way = _way(joined.network, at, joined.services.take([goal]))
        line = np.concatenate([door + (0.0, 0.0, up), door, way, joined.service[[goal]]])
        line = line[np.append(True, (np.diff(line, axis=0) != 0).any(axis=1))]
    return Route(home, str(f.id[goal]), line, walk_min, indoor, community, method)


def _way(network: WalkNetwork, at: Places, there: Places) -> FloatArray:
    """Return the vertices of the quickest way along paths from one place to another, shape (v, 3)."""
    tree = _tree_to(network, there)
    (end,), (cost,), (along,) = tree.leave(network, at, there)
    first, last = int(at.edge[0]), int(there.edge[0])
    start, stop = (float(p.along[0] / max(network.length[p.edge[0]], 1e-9)) for p in (at, there))
    pieces = [(first, start, stop)]
    if along > cost:
        nodes = [int((network.start, network.end)[end][first])]
        while tree.previous[nodes[-1]] != NOBODY:
            nodes.append(int(tree.previous[nodes[-1]]))
        edges, ahead = _edges_of(network, np.array(nodes[:-1]), np.array(nodes[1:]))
        goal = np.where(tree.nodes[0] == nodes[-1], tree.into[0], np.inf).argmin()
        between = [(e, 1.0 - a, float(a)) for e, a in zip(edges, ahead, strict=True)]
        pieces = [(first, start, float(end)), *between, (last, float(goal), stop)]
    lines = network.course.to_shapely()
    parts = [substring(lines[e], a, b, normalized=True) for e, a, b in pieces]
    return np.concatenate([shapely.get_coordinates(p, include_z=True) for p in parts])


@dataclass(frozen=True, repr=False)
class PathUse(Drawn):
    """How many people pass each path when everybody walks to the nearest services.

    Parameters
    ----------
    network
        The paths (m).
    persons
        People who walk on each path or a part of it, one way, shape (m).
    community
        Where.
    """

    network: WalkNetwork
    persons: FloatArray
    community: Community

    def __repr__(self) -> str:
        return f"<PathUse of {len(self.persons):,} paths: up to {self.persons.max(initial=0):,.0f} persons>"

    def columns(self) -> dict[str, Any]:
        """Return who passes, one row a path."""
        return {"path": self.network.ids, "persons": self.persons, "geometry": self.network.course.to_shapely()}


def path_use(
    community: Community, *, to: Kinds = None, method: WalkMethod = ADULT, network: Network = None, hour: Hour = None
) -> PathUse:
    """Count who passes each path (betweenness): every resident walks to the nearest service of each kind.

    Of ways equally quick one is taken. Homes without residents count as one person each if nobody is known.

    Parameters
    ----------
    community
        Homes, services and paths.
    to
        Kinds of service; all that exist without it.
    method, network, hour
        As in ``walk_times``.
    """
    joined = join(community, method=method, network=network, hour=hour)
    kinds, rows, kind = joined.of_kinds(to)
    homes = joined.homes
    load = np.bincount(homes.door, homes.persons if homes.persons.sum() > 0 else None, len(homes.doors)).astype(float)
    passing = [_passing(joined, joined.services.take(rows[kind == k]), load) for k in range(len(kinds))]
    return PathUse(joined.network, np.sum(passing, axis=0), community)


def _passing(joined: Joined, there: Places, load: FloatArray) -> FloatArray:
    """Return how many people pass each edge on the way from their doors to the nearest of some services."""
    network, at = joined.network, joined.doors
    tree = _tree_to(network, there)
    end, cost, along = tree.leave(network, at, there)
    goes = np.isfinite(np.minimum(cost, along)) & (load > 0)
    persons: FloatArray = np.bincount(at.edge[goes], load[goes], len(network.start)).astype(np.float64)
    far = goes & (cost < along)
    node = np.where(end == 0, network.start[at.edge], network.end[at.edge])
    passing = tree_loads(tree.previous, np.bincount(node[far], load[far], len(tree.time)))
    used = np.flatnonzero((tree.previous != NOBODY) & (passing > 0))
    persons += np.bincount(_edges_of(network, used, tree.previous[used])[0], passing[used], len(persons))
    # at its root a tree goes on along the edge of the service that the root belongs to
    order = np.argsort(tree.into.reshape(-1), kind="stable")
    root, first = np.unique(tree.nodes.reshape(-1)[order], return_index=True)
    ended = (tree.previous[root] == NOBODY) & (passing[root] > 0)
    return persons + np.bincount(np.repeat(there.edge, 2)[order[first]][ended], passing[root][ended], len(persons))


def _edges_of(network: WalkNetwork, a: IntArray, b: IntArray) -> tuple[IntArray, BoolArray]:
    """Return the quickest edge from each node a to node b, and whether it is walked along its course."""
    tail, head = np.concatenate([network.start, network.end]), np.concatenate([network.end, network.start])
    n, m = len(network.nodes), len(network.start)
    order = np.lexsort((np.concatenate(network.whole[True]), tail * n + head))
    key, first = np.unique((tail * n + head)[order], return_index=True)
    found = order[first[np.searchsorted(key, a * n + b)]]
    return found % m, found < m


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

    def columns(self) -> dict[str, Any]:
        """Return the ground along the paths, one row a limit."""
        size = {"paths_m": shapely.length(self.paths), "area_m2": shapely.area(self.areas)}
        return {"kind": self.kind.code, "within_min": self.minutes} | size | {"geometry": self.areas}


def living_circles(
    community: Community,
    kind: str | FacilityKind,
    *,
    minutes: Sequence[float] = (5.0, 10.0, 15.0),
    method: WalkMethod = ADULT,
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
    wanted, limits = FacilityKind.parse(kind), np.asarray(minutes, dtype=np.float64)
    if len(limits) == 0 or limits[0] <= 0 or (np.diff(limits) <= 0).any():
        raise InputError(f"living_circles: minutes must be > 0 and rise; got {list(minutes)}.")
    rows = np.flatnonzero(community.facilities.kind == wanted)
    if len(rows) == 0:
        raise MissingDataError(f"living_circles: there must be a {wanted.code}; got none.")
    network = network or WalkNetwork.of(community, method=method)
    there = network.place(service_doors(community)[rows])
    cost = _tree_to(network, there).time
    drawn, lines = _drawn(network, cost, there), network.course.to_shapely()
    paths = np.array([_reached(drawn, lines, cost / MS, there, limit) for limit in limits.tolist()], dtype=object)
    return LivingCircles(wanted, limits, paths, _ground(paths, along), along, community)


def _drawn(network: WalkNetwork, cost: FloatArray, there: Places) -> WalkNetwork:
    """Return the network with the lines of sight across open spaces closed that no quickest way takes (many)."""
    (ahead, back), here, then = network.whole[True], cost[network.start], cost[network.end]
    with np.errstate(invalid="ignore"):
        taken = (network.ids != ACROSS) | (here == ahead + then) | (then == back + here)
    taken[there.edge[there.edge >= 0]] = True
    forward, backward = (np.where(taken, v, np.inf) for v in (network.forward_min, network.backward_min))
    return replace(network, forward_min=forward, backward_min=backward)


def _reached(network: WalkNetwork, lines: Any, cost: FloatArray, there: Places, limit: float) -> Any:
    """Return the parts of all edges from which the service is within the limit: from either end, and around it."""
    from_start = _share(limit - cost[network.start], network.backward_min)
    from_end = _share(limit - cost[network.end], network.forward_min)
    whole = from_start + from_end >= 1.0
    first, last = np.flatnonzero(~whole & (from_start > 0)), np.flatnonzero(~whole & (from_end > 0))
    k = np.flatnonzero((there.edge >= 0) & ~whole[there.edge])
    left = limit - there.leg[k] / network.method.speed_ms / 60.0
    edge, at = there.edge[k], there.along[k] / np.maximum(network.length[there.edge[k]], 1e-9)
    start = np.maximum(0.0, at - _share(left, network.forward_min[edge]))
    stop = np.minimum(1.0, at + _share(left, network.backward_min[edge]))
    begin = np.concatenate([np.zeros(len(first)), 1.0 - from_end[last], start])
    end = np.concatenate([from_start[first], np.ones(len(last)), stop])
    cut = zip(lines[np.concatenate([first, last, edge])], begin, end, strict=True)
    pieces = [substring(line, a, b, normalized=True) for line, a, b in cut]
    joined = shapely.union_all(shapely.force_2d([p for p in pieces if p.geom_type == "LineString"]))
    parts = np.concatenate([shapely.force_2d(lines[whole]), shapely.get_parts(joined)])
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
    return np.asarray(np.clip(np.maximum(left, 0.0) / np.maximum(whole, 1e-12), 0.0, 1.0))


def ways_out(community: Community, parcels: IntArray) -> tuple[FloatArray, FloatArray]:
    """Count the ways out of parcels to the streets outside that share no path.

    Parameters
    ----------
    community
        Parcels and paths.
    parcels
        Rows of the parcels, p of them.

    Returns
    -------
    tuple
        The number, paths of unknown width counted as wide enough, and without them, shape (p);
        nan where no path lies within the parcel or none outside. Without streets in the data all
        paths outside every parcel stand for them.
    """
    from scipy.sparse import csr_matrix
    from scipy.sparse.csgraph import maximum_flow

    e, nodes = community.path_edges, community.path_nodes
    result, usable = np.full((2, len(parcels)), np.nan), ~np.isin(e.kind, (*NOT_WALKABLE, *STEPPED))
    points, every = shapely.points(nodes.x, nodes.y), np.arange(len(nodes))
    on_street = np.isin(e.kind, OUTSIDE)
    street = np.isin(every, np.append(e.start[on_street], e.end[on_street]))
    if not street.any():
        street = ~shapely.covers(shapely.union_all(community.parcels.outline.to_shapely()), points)
    for k, shape in enumerate(community.parcels.outline.take(parcels).to_shapely()):
        inside = shapely.covers(shape, points)
        if not inside.any() or not (street & ~inside).any():
            continue
        # nodes of the zone are one, the streets outside are one: 0 and 1, the rest from 2 on
        name = np.where(inside, 0, np.where(street, 1, every + 2))
        for which, wide in enumerate((~(e.width < WAY_WIDTH), e.width >= WAY_WIDTH)):
            ends = name[e.start[usable & wide]], name[e.end[usable & wide]]
            graph = csr_matrix((np.ones(len(ends[0]), np.int32), ends), shape=2 * (len(nodes) + 2,))
            result[which, k] = maximum_flow(graph + graph.T, 0, 1).flow_value
    return result[0], result[1]
