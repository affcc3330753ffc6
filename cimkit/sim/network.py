"""How people walk, every number with its source and mark, and the walkable graph.

The graph has edges in metres and minutes, places along edges, and the way from a door to its path.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Any, ClassVar, NamedTuple

import numpy as np
import shapely

from cimkit.arrays import BoolArray, FloatArray, IntArray, as_floats
from cimkit.errors import InputError, MissingDataError
from cimkit.geometry.polygons import Lines
from cimkit.geometry.topology import connected_parts
from cimkit.kernels.cells import by_position
from cimkit.kernels.elimination import Hierarchy, build
from cimkit.kernels.graph import Csr, as_limit, build_csr
from cimkit.model.community import Community
from cimkit.model.kinds import EntranceKind, PathKind, SpaceKind

NOT_WALKABLE = (PathKind.TRUNK_ROAD, PathKind.RAILWAY)
STEPPED = (PathKind.STEPS,)
GATE_ON_PATH = 2.0  # [m] a gate this near to a path stands on it
MM = 1000.0  # millimetres a metre: distances are whole millimetres inside the kernels
MS = 60_000.0  # milliseconds a minute: times are whole milliseconds inside the kernels
UNITS = (MM, MS)  # whole numbers a metre and a minute, by ``timed``
EDGE_COLUMNS = ("start", "end", "length", "forward_min", "backward_min", "ids")
_FLAT = float(np.exp(-3.5 * 0.05))  # Tobler's factor on the flat, 5.0367 of 6 km/h


# How people walk ----


@dataclass(frozen=True)
class WalkMethod:
    """How a group of people walks.

    Parameters
    ----------
    name
        Whom it describes.
    speed_ms
        Speed on the flat [m/s].
    steps
        Whether steps and stairs can be used.
    step_speeds_ms
        Horizontal speed on outdoor steps, up and down [m/s].
    stair_s
        Time for one storey of indoor stairs, up or down [s].
    lift_wait_s, lift_door_s, lift_speed_ms
        Waiting, both doors, and travel of a lift [s, s, m/s].
    lifts_work
        Whether lifts are in service.
    lift_from
        Lowest level from which a lift is taken.
    lift_storeys
        Buildings with at least this many storeys have a lift where it is not stated.
    crossing_s
        Delay at a crossing [s].
    max_slope
        Steepest path that can be walked or rolled, rise over run.
    slopes
        Whether slopes change the speed (Tobler, 1993, scaled to ``speed_ms`` on the flat).
    snap_limit
        Doors farther than this from every path are not joined to it [m].
    detour
        Network distance over straight distance, used only where there are no paths.
    """

    name: str = "adult"
    speed_ms: float = 1.33  # 80 m/min, tools for Chinese 15-minute circles (mark S)
    steps: bool = True
    step_speeds_ms: tuple[float, float] = (0.5, 0.65)  # mark M; × 0.7 for the elderly
    stair_s: float = 18.0  # 15–20 s a storey (mark M)
    lift_wait_s: float = 30.0  # half the interval, 20–60 s (mark M)
    lift_door_s: float = 7.0  # 6–8 s (mark M)
    lift_speed_ms: float = 1.5  # 1.0–1.75 m/s (mark M)
    lifts_work: bool = True
    lift_from: int = 3
    lift_storeys: int = 7
    crossing_s: float = 20.0  # 15–30 s at signals (mark M)
    max_slope: float = float("inf")
    slopes: bool = True
    snap_limit: float = 100.0
    detour: float = 1.3  # 1.2–1.4 (mark S)

    CHILD: ClassVar[WalkMethod]
    ADULT: ClassVar[WalkMethod]
    ELDER: ClassVar[WalkMethod]
    OLD_ELDER: ClassVar[WalkMethod]
    WHEELCHAIR: ClassVar[WalkMethod]
    PRAM: ClassVar[WalkMethod]

    def __post_init__(self) -> None:
        for name in ("speed_ms", "step_speeds_ms", "lift_speed_ms", "snap_limit", "detour", "max_slope"):
            if not np.min(getattr(self, name)) > 0:
                raise InputError(f"WalkMethod: {name} must be > 0; got {getattr(self, name)}.")

    def speeds(self, slope: FloatArray) -> FloatArray:
        """Return the speed on slopes, rise over run in walking direction, shape (n) [m/s].

        ``speed_ms × exp(-3.5 |s + 0.05|) / exp(-3.5 × 0.05)``, Tobler's hiking function divided
        by its value on the flat.

        Examples
        --------
        >>> (WalkMethod(speed_ms=5.0367 / 3.6).speeds(np.array([-0.05, 0.0, 0.1])) * 3.6).round(3)
        array([6.   , 5.037, 3.549])
        """
        if not self.slopes:
            return np.full(slope.shape, self.speed_ms)
        return np.asarray(self.speed_ms * np.exp(-3.5 * np.abs(slope + 0.05)) / _FLAT)

    def ride_s(self, height: FloatArray) -> FloatArray:
        """Return the time of a lift over some height: waiting, doors, travel; inf if out of service [s]."""
        ride: FloatArray = self.lift_wait_s + self.lift_door_s + height / self.lift_speed_ms
        return ride if self.lifts_work else np.full(np.shape(height), np.inf)

    def climb_minutes(self, height: FloatArray, storeys: FloatArray, lift: BoolArray) -> FloatArray:
        """Return the time from a dwelling's floor to its entrance, inf where there is no way [min].

        Parameters
        ----------
        height
            Floor above the entrance, shape (n) [m].
        storeys
            Storeys between, shape (n).
        lift
            Whether there is a lift, shape (n).
        """
        by_stairs = storeys * self.stair_s if self.steps else np.where(storeys > 0, np.inf, 0.0)
        can_ride = lift & (storeys >= (self.lift_from - 1 if self.steps else 1))
        return np.where(can_ride, np.minimum(self.ride_s(height), by_stairs), by_stairs) / 60.0


# Speeds: proposals from comfortable gait by age (Bohannon 1997; Bohannon & Andrews 2011), mark M. Ramps of 1:8 are the
# steepest that barrier-free design allows over short rises (GB 50763-2012, mark M).
_OLD_STEPS = (0.35, 0.455)
WalkMethod.ADULT = ADULT = WalkMethod()
WalkMethod.CHILD = WalkMethod("child 6–12", speed_ms=1.1)
WalkMethod.ELDER = WalkMethod("60–79", speed_ms=1.0, step_speeds_ms=_OLD_STEPS, stair_s=25.0, lift_from=2)
WalkMethod.OLD_ELDER = WalkMethod("80+", speed_ms=0.8, step_speeds_ms=_OLD_STEPS, stair_s=30.0, lift_from=2)
WalkMethod.WHEELCHAIR = WalkMethod("wheelchair", speed_ms=0.8, steps=False, lift_from=2, max_slope=0.125)
WalkMethod.PRAM = WalkMethod("pram", speed_ms=1.1, steps=False, lift_from=2, max_slope=0.125)


# The network ----


class Places(NamedTuple):
    """Where points join the network: edge (-1 none), distance along it, the leg from point to path [m].

    Without an edge the leg is inf where every path is too far, nan where barriers are between.
    """

    edge: IntArray
    along: FloatArray
    leg: FloatArray

    def take(self, rows: Any) -> Places:
        """Return the given places."""
        return Places(self.edge[rows], self.along[rows], self.leg[rows])


@dataclass(frozen=True, repr=False)
class WalkNetwork:
    """Walkable edges between nodes, for one way of walking.

    Parameters
    ----------
    nodes
        Places of the nodes, shape (k, 3) [m].
    start, end
        Nodes of each edge, shape (m).
    course
        Course of each edge (m).
    length
        Length of each edge, shape (m) [m].
    forward_min, backward_min
        Time along each edge and against it, inf where it cannot be walked, shape (m) [min].
    method
        Who walks.
    ids
        Ids of the edges, shape (m).
    barriers
        Lines (shapely) that the leg from a point to its path must not cross.
    """

    nodes: FloatArray
    start: IntArray
    end: IntArray
    course: Lines
    length: FloatArray
    forward_min: FloatArray
    backward_min: FloatArray
    method: WalkMethod
    ids: Any
    barriers: Any = ()
    _graphs: dict[tuple[bool, bool], Csr] = field(default_factory=dict, init=False)
    _prepared: dict[tuple[bool, bool], tuple[Csr, Hierarchy]] = field(default_factory=dict, init=False)

    @classmethod
    def of(cls, community: Community, *, method: WalkMethod = ADULT, hour: float | None = None) -> WalkNetwork:
        """Build the network of a community's paths.

        Trunk roads and railways are left out; steps, and what is too steep, where the method cannot
        use them; paths closed at ``hour``, and paths on which a gate is closed. Trunk roads,
        railways and the shores of waters are barriers that no leg from door to path crosses.

        Parameters
        ----------
        community
            Whose paths.
        method
            Who walks.
        hour
            Hour of the day; all gates are open without it [h].

        Raises
        ------
        MissingDataError
            If there are no walkable paths.
        """
        e, gates, spaces = community.path_edges, community.entrances, community.spaces
        usable = ~np.isin(e.kind, NOT_WALKABLE)
        if not method.steps:
            usable &= ~(np.isin(e.kind, STEPPED) & (e.step_free != 1)) & (e.step_free != 0)
        lines = e.course.to_shapely()
        if hour is not None:
            usable &= open_at(e, hour)
            shut = np.flatnonzero((gates.kind == EntranceKind.GATE) & ~open_at(gates, hour))
            at = shapely.points(gates.x[shut], gates.y[shut])
            usable[shapely.STRtree(lines).query(at, predicate="dwithin", distance=GATE_ON_PATH)[1]] = False
        kind = np.where(~method.steps & np.isin(e.kind, STEPPED), PathKind.RAMP, e.kind)
        forward, backward = edge_minutes(e.length, e.course, kind, method)
        backward = np.where(e.oneway, np.inf, backward)
        rows = np.flatnonzero(usable & (np.isfinite(forward) | np.isfinite(backward)))
        if len(rows) == 0:
            raise MissingDataError("walking: walkable paths must exist; got none. Give paths= or use straight lines.")
        nodes = np.column_stack([community.path_nodes.x, community.path_nodes.y, community.path_nodes.z])
        water = shapely.boundary(spaces.outline.take(np.flatnonzero(spaces.kind == SpaceKind.WATER)).to_shapely())
        barriers = np.concatenate([lines[np.isin(e.kind, NOT_WALKABLE)], water])
        return cls(nodes, e.start, e.end, e.course, e.length, forward, backward, method, e.id, barriers).take(rows)

    @classmethod
    def from_arrays(
        cls,
        nodes: Any,
        start: Any,
        end: Any,
        *,
        length: Any = None,
        minutes: Any = None,
        kind: Any = PathKind.FOOTWAY,
        oneway: Any = False,
        method: WalkMethod = ADULT,
    ) -> WalkNetwork:
        """Build a network from arrays: straight edges walked both ways as the method says.

        Parameters
        ----------
        nodes
            Places, shape (k, 2) or (k, 3) [m].
        start, end
            Nodes of each edge, shape (m).
        length
            Length of each edge; the straight distance without it, shape (m) [m].
        minutes
            Time along each edge and against it, inf where closed, shape (m, 2); by the method without it [min].
        kind
            Kind of each edge (``PathKind``): steps, crossings; footways without it, shape (m).
        oneway
            Which edges are walked from start to end only, shape (m).
        method
            Who walks.

        Raises
        ------
        InputError
            If shapes differ, an edge has no node, or a length or time is negative.

        Examples
        --------
        >>> WalkNetwork.from_arrays([(0, 0), (60, 80)], [0], [1])
        <WalkNetwork of 2 nodes and 1 edges, 0.1 km, 1 part(s), adult>
        """
        xyz = np.asarray(nodes, dtype=np.float64)
        xyz = as_floats(np.column_stack([xyz, np.zeros(len(xyz))]) if xyz.shape[1] == 2 else xyz, name="nodes", ndim=2)
        a, b = np.asarray(start, dtype=np.int64), np.asarray(end, dtype=np.int64)
        if a.shape != b.shape or (len(a) and (min(a.min(), b.min()) < 0 or max(a.max(), b.max()) >= len(xyz))):
            raise InputError(f"network: start and end must be rows of the {len(xyz)} nodes, as many; got {a}, {b}.")
        course = Lines(np.stack([xyz[a], xyz[b]], axis=1).reshape(-1, 3), 2 * np.arange(len(a) + 1))
        size = course.lengths() if length is None else as_floats(length, name="length")
        if minutes is None:
            there, back = edge_minutes(size, course, np.broadcast_to(kind, a.shape), method)
        else:
            there, back = np.array(minutes, dtype=np.float64).reshape(len(a), 2).T.copy()
        back = np.where(oneway, np.inf, back)
        if len(size) != len(a) or (size < 0).any() or not ((there >= 0).all() and (back >= 0).all()):
            raise InputError(f"network: length and minutes must be ≥ 0, one an edge; got {size}, {there}, {back}.")
        return cls(xyz, a, b, course, size, there, back, method, np.arange(len(a)))

    @classmethod
    def straight(
        cls, doors: FloatArray, services: FloatArray, *, method: WalkMethod = ADULT, limit: float = 3000.0
    ) -> tuple[WalkNetwork, Places, Places]:
        """Return a network of straight lines times the method's ``detour``, and the places of doors and services.

        Stands for paths where there are none; every pair up to ``limit`` [m] apart in a straight line has its own edge.
        """
        from scipy.spatial import KDTree

        pairs = KDTree(doors[:, :2]).sparse_distance_matrix(KDTree(services[:, :2]), limit, output_type="coo_matrix")
        nodes, start, end = np.concatenate([doors, services]), pairs.row, len(doors) + pairs.col
        size = pairs.data * method.detour
        minutes = np.repeat(size / method.speed_ms / 60.0, 2)
        edge, along = np.full(len(nodes), -1), np.zeros(len(nodes))
        edge[start] = edge[end] = np.arange(len(size))
        along[end] = size
        if not len(size):  # nothing is near: a closed edge that no place stands on
            start, end, size, minutes = [0], [0], [0.0], np.full(2, np.inf)
        network = cls.from_arrays(nodes, start, end, length=size, minutes=minutes, method=method)
        places = Places(edge, along, np.zeros(len(nodes)))
        return network, places.take(slice(len(doors))), places.take(slice(len(doors), None))

    def take(self, rows: IntArray) -> WalkNetwork:
        """Return the network with the given edges only, between the same nodes."""
        return replace(self, course=self.course.take(rows), **{n: getattr(self, n)[rows] for n in EDGE_COLUMNS})

    def joined(self, more: WalkNetwork) -> WalkNetwork:
        """Return the network with the edges of another one too, whose nodes begin with its own."""
        edges: dict[str, Any] = {n: np.concatenate([getattr(self, n), getattr(more, n)]) for n in EDGE_COLUMNS}
        return replace(self, nodes=more.nodes, course=Lines.concat([self.course, more.course]), **edges)

    def __repr__(self) -> str:
        size = f"{len(self.nodes):,} nodes and {len(self.start):,} edges, {self.length.sum() / 1000:.1f} km"
        parts = len(np.unique(self.part[np.append(self.start, self.end)]))
        return f"<WalkNetwork of {size}, {parts} part(s), {self.method.name}>"

    @cached_property
    def part(self) -> IntArray:
        """Connected part of each node, shape (k)."""
        return connected_parts(self.start, self.end, len(self.nodes))

    @cached_property
    def whole(self) -> tuple[FloatArray, FloatArray]:
        """Distance and time along each edge and against it in whole numbers, inf where closed, shape (2, m) each."""
        minutes = np.stack([self.forward_min, self.backward_min])
        return np.where(np.isfinite(minutes), np.round(self.length * MM), np.inf), np.round(minutes * MS)

    def graph(self, *, timed: bool = False, towards: bool = False) -> Csr:
        """Return the graph in whole numbers; turned round if distances *to* the sources are searched."""
        if (timed, towards) not in self._graphs:
            costs = self.whole[timed][:: -1 if towards else 1]
            self._graphs[timed, towards] = build_csr(len(self.nodes), self.start, self.end, *costs)
        return self._graphs[timed, towards]

    def prepared(self, *, timed: bool = False, towards: bool = False, limit: float = np.inf) -> tuple[Csr, Hierarchy]:
        """Return graph by position and hierarchy for distances up to a limit [m or min]; made once and kept.

        A smaller limit is prepared faster; what a greater one prepared serves it too.
        """
        key, whole = (timed, towards), limit * UNITS[timed] + 1e-6
        if key not in self._prepared or self._prepared[key][1].limit < as_limit(whole):
            graph = self.graph(timed=timed, towards=towards)
            hierarchy = build(graph, whole)
            self._prepared[key] = by_position(graph, hierarchy), hierarchy
        return self._prepared[key]

    @cached_property
    def _tree(self) -> tuple[IntArray, Any]:
        """Edges that can be walked in some direction, and the tree of their courses."""
        rows = np.flatnonzero(np.isfinite(self.forward_min) | np.isfinite(self.backward_min))
        return rows, shapely.STRtree(self.course.take(rows).to_shapely())

    def place(self, xy: Any) -> Places:
        """Find where points join the network: the nearest place along the nearest edge behind no barrier.

        Parameters
        ----------
        xy
            Points, shape (n, 2) [m].

        Returns
        -------
        Places
            Edge -1 where every path is behind a barrier or farther than the method's ``snap_limit``.
        """
        xy = as_floats(np.asarray(xy, dtype=np.float64)[:, :2], name="points", ndim=2, width=2)
        points, (rows, tree), walls = shapely.points(xy), self._tree, shapely.STRtree(np.asarray(self.barriers, object))
        nearest = np.full(len(xy), -1, dtype=np.int64)
        which, found = tree.query_nearest(points, all_matches=False, max_distance=self.method.snap_limit)
        nearest[which] = found
        edge, along, leg = np.full(len(xy), -1, dtype=np.int64), np.full(len(xy), np.nan), np.full(len(xy), np.inf)
        leg[which] = np.nan
        legs = shapely.shortest_line(points[which], tree.geometries[found])
        behind = which[np.unique(walls.query(legs, predicate="crosses")[0])]
        point, near = tree.query(points[behind], predicate="dwithin", distance=self.method.snap_limit)
        legs = shapely.shortest_line(points[behind[point]], tree.geometries[near])
        free = np.setdiff1d(np.arange(len(near)), walls.query(legs, predicate="crosses")[0])
        free = free[np.argsort(shapely.length(legs[free]), kind="stable")[::-1]]
        nearest[behind], nearest[behind[point[free]]] = -1, near[free]  # the nearest is written last
        on = np.flatnonzero(nearest >= 0)
        lines = tree.geometries[nearest[on]]
        edge[on], leg[on] = rows[nearest[on]], shapely.distance(points[on], lines)
        along[on] = np.clip(shapely.line_locate_point(lines, points[on], normalized=True), 0, 1) * self.length[edge[on]]
        return Places(edge, along, leg)


def open_at(table: Any, hour: float) -> BoolArray:
    """Return which rows of a table with ``opens`` and ``closes`` are open at an hour; past midnight too."""
    opens, closes = table.opens, table.closes
    return np.asarray(np.where(opens <= closes, (opens <= hour) & (hour < closes), (opens <= hour) | (hour < closes)))


def edge_minutes(length: FloatArray, course: Lines, kind: IntArray, method: WalkMethod) -> FloatArray:
    """Return the time along each edge and against it, inf where the method cannot walk it, shape (2, m) [min]."""
    first, last = course.line[:-1], np.maximum(course.line[1:] - 1, 0)
    rise = course.xyz[last, 2] - course.xyz[first, 2] if len(course.xyz) else np.zeros(len(length))
    slope, up = rise / np.maximum(length, 0.1), np.stack([rise >= 0, rise < 0])
    walked = length / method.speeds(np.stack([slope, -slope]))
    climbed = length / np.where(up, *method.step_speeds_ms) if method.steps else np.inf
    stepped, lift = np.isin(kind, STEPPED), kind == PathKind.LIFT
    seconds = np.where(stepped, climbed, np.where(lift, method.ride_s(np.abs(rise)), walked))
    steep = (np.abs(slope) > method.max_slope) & ~stepped & ~lift
    delay = np.where(steep, np.inf, np.where(kind == PathKind.CROSSING, method.crossing_s, 0.0))
    return (seconds + delay) / 60.0
