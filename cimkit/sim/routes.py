"""The way itself: routes in three dimensions, and how many people pass each path."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import shapely
from shapely.ops import substring

from cimkit.errors import InputError
from cimkit.kernels.graph import NOBODY, UNREACHED, shortest_tree, tree_loads
from cimkit.model.drawn import Drawn
from cimkit.model.kinds import FacilityKind
from cimkit.sim.joined import Joined, join
from cimkit.sim.reach import walk_matrix
from cimkit.sim.seeds import closed_to_unreached, ends_of, shared_edges
from cimkit.sim.walk_method import WalkMethod

if TYPE_CHECKING:
    from collections.abc import Sequence

    from cimkit.arrays import BoolArray, FloatArray, IntArray
    from cimkit.model.community import Community
    from cimkit.sim.network import Places, WalkNetwork


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
        if len(self.line) == 0:
            return float("inf")
        return float(np.linalg.norm(np.diff(self.line[:, :2], axis=0), axis=1).sum())

    def __repr__(self) -> str:
        way = f"{self.walk_min:.1f} min ({self.indoor_min:.1f} indoors), {self.distance:,.0f} m"
        return f"<Route of {self.method.name}, {self.home} to {self.facility}: {way if len(self.line) else 'no way'}>"

    def to_frame(self) -> Any:
        """Return a GeoDataFrame of one 3D line in map coordinates."""
        shape = shapely.linestrings(self.line) if len(self.line) > 1 else shapely.LineString()
        data = {
            "home": [self.home],
            "facility": [self.facility],
            "walker": [self.method.name],
            "walk_min": [self.walk_min],
            "indoor_min": [self.indoor_min],
            "distance_m": [self.distance],
        }
        return self.community.frame.to_geoframe(data, [shape])


def walk_route(
    community: Community,
    home: str,
    facility: str,
    *,
    method: WalkMethod = WalkMethod.ADULT,
    network: WalkNetwork | None = None,
    hour: float | None = None,
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
    rows = np.flatnonzero(joined.homes.ids == home)
    if len(rows) == 0:
        raise InputError(f"walk_route: home must be the id of a {joined.homes.kind}; got {home!r}.")
    row, kind = int(rows[0]), FacilityKind.words().get(facility, -1)
    there = np.flatnonzero(f.id == facility) if facility in set(f.id) else np.flatnonzero(f.kind == kind)
    if len(there) == 0:
        raise InputError(f"walk_route: facility must be an id, or a kind that exists; got {facility!r}.")
    door = joined.homes.door[row]
    at = joined.doors.take([door])
    minutes = walk_matrix(joined.network, at, joined.services.take(there), timed=True)[0]
    goal, least = int(there[minutes.argmin()]), float(minutes.min())
    indoor = float(joined.homes.indoor_min[row])
    line = np.zeros((0, 3))
    if np.isfinite(least + indoor):
        floor = joined.homes.doors[door].copy()
        if joined.homes.kind == "dwelling":
            floor[2] += max(float(community.storeys.z[community.dwellings.storey[row]]), 0.0)
        way = _way(joined.network, at, joined.services.take([goal]))
        line = np.concatenate([floor[None], joined.homes.doors[[door]], way, joined.service[[goal]]])
        line = line[np.append(True, (np.diff(line, axis=0) != 0).any(axis=1))]
    return Route(home, str(f.id[goal]), line, least + indoor, indoor, community, method)


def _way(network: WalkNetwork, at: Places, there: Places) -> FloatArray:
    """Return the vertices of the quickest way along paths from one place to another, shape (v, 3)."""
    (from_nodes, out), (to_nodes, into) = (
        ends_of(network, p, timed=True, outward=o) for p, o in ((at, True), (there, False))
    )
    graph = network.graph(timed=True, towards=True)
    time, previous = shortest_tree(graph, to_nodes[0], closed_to_unreached(into[0]), np.inf)
    cost = np.where(time[from_nodes[0]] != UNREACHED, time[from_nodes[0]] + out[0], np.inf)
    along = shared_edges(network, at, there, timed=True)[2]
    share = [float(p.along[0] / max(network.length[p.edge[0]], 1e-9)) for p in (at, there)]
    lines = network.course.to_shapely()
    if len(along) and along[0] <= cost.min():
        return _piece(lines[at.edge[0]], share[0], share[1])
    end = int(cost.argmin())
    nodes = [int(from_nodes[0, end])]
    while previous[nodes[-1]] != NOBODY:
        nodes.append(int(previous[nodes[-1]]))
    edges, ahead = _edges_of(network, np.array(nodes[:-1]), np.array(nodes[1:]))
    last = np.where(to_nodes[0] == nodes[-1], into[0], np.inf).argmin()
    parts = [_piece(lines[at.edge[0]], share[0], float(end))]
    parts += [_piece(lines[e], 1.0 - a, float(a)) for e, a in zip(edges, ahead, strict=True)]
    return np.concatenate([*parts, _piece(lines[there.edge[0]], float(last), share[1])])


def _piece(line: Any, start: float, stop: float) -> FloatArray:
    """Return the vertices of a line between two shares of it, in walking order."""
    part = substring(line, start, stop, normalized=True)
    vertices: FloatArray = shapely.get_coordinates(part, include_z=True)
    return vertices


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

    def to_frame(self) -> Any:
        """Return a GeoDataFrame in map coordinates, one row a path."""
        ids = self.network.ids
        data = {"path": np.arange(len(self.persons)) if ids is None else ids, "persons": self.persons}
        return self.community.frame.to_geoframe(data, self.network.course.to_shapely())


def path_use(
    community: Community,
    *,
    to: str | Sequence[str] | None = None,
    method: WalkMethod = WalkMethod.ADULT,
    network: WalkNetwork | None = None,
    hour: float | None = None,
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
    load: FloatArray = np.bincount(joined.homes.door, joined.homes.persons, len(joined.homes.doors)).astype(float)
    if load.sum() <= 0:
        load = np.bincount(joined.homes.door, minlength=len(load)).astype(float)
    persons = np.zeros(len(joined.network.start))
    for k in range(len(kinds)):
        persons += _passing(joined, joined.services.take(rows[kind == k]), load)
    return PathUse(joined.network, persons, community)


def _passing(joined: Joined, there: Places, load: FloatArray) -> FloatArray:
    """Return how many people pass each edge on the way from their doors to the nearest of some services."""
    network, at = joined.network, joined.doors
    nodes, into = ends_of(network, there, timed=True)
    graph = network.graph(timed=True, towards=True)
    time, previous = shortest_tree(graph, nodes.reshape(-1), closed_to_unreached(into).reshape(-1), np.inf)
    ends, out = ends_of(network, at, timed=True, outward=True)
    cost = np.where(time[ends] != UNREACHED, time[ends] + out, np.inf)
    door, _, along = shared_edges(network, at, there, timed=True)
    direct = np.full(len(load), np.inf)
    np.minimum.at(direct, door, along)
    best = cost.argmin(axis=1)
    least = cost[np.arange(len(load)), best]
    goes = np.isfinite(np.minimum(least, direct)) & (load > 0)
    persons: FloatArray = np.bincount(at.edge[goes], load[goes], len(network.start)).astype(np.float64)
    far = goes & (least < direct)
    set_out = np.bincount(ends[np.arange(len(load)), best][far], load[far], len(time))
    passing = tree_loads(previous, set_out)
    used = np.flatnonzero((previous != NOBODY) & (passing > 0))
    persons += np.bincount(_edges_of(network, used, previous[used])[0], passing[used], len(persons))
    # at its root a tree goes on along the edge of the service that the root belongs to
    order = np.argsort(into.reshape(-1), kind="stable")
    root, first = np.unique(nodes.reshape(-1)[order], return_index=True)
    ended = (previous[root] == NOBODY) & (passing[root] > 0)
    edge = np.repeat(there.edge, 2)[order[first]][ended]
    persons += np.bincount(edge, passing[root][ended], len(persons))
    return persons


def _edges_of(network: WalkNetwork, a: IntArray, b: IntArray) -> tuple[IntArray, BoolArray]:
    """Return the quickest edge from each node a to node b, and whether it is walked along its course."""
    tail, head = np.concatenate([network.start, network.end]), np.concatenate([network.end, network.start])
    n, m = len(network.nodes), len(network.start)
    order = np.lexsort((np.concatenate(network.whole(timed=True)), tail * n + head))
    key, first = np.unique((tail * n + head)[order], return_index=True)
    found = order[first[np.searchsorted(key, a * n + b)]]
    return found % m, found < m
