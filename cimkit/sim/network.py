"""The walkable graph: edges in metres and minutes, places along edges, the way from a door to its path."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
import shapely

from cimkit.arrays import FloatArray, IntArray, as_floats
from cimkit.errors import InputError, MissingDataError
from cimkit.geometry.lines import Lines
from cimkit.kernels.graph import Csr, build_csr
from cimkit.model.kinds import PathKind
from cimkit.sim.walk_method import WalkMethod

if TYPE_CHECKING:
    from cimkit.model.community import Community

NOT_WALKABLE = (PathKind.TRUNK_ROAD, PathKind.RAILWAY)
STEPPED = (PathKind.STEPS,)
MM = 1000.0  # millimetres a metre: distances are whole millimetres inside the kernels
MS = 60_000.0  # milliseconds a minute: times are whole milliseconds inside the kernels


class Places(NamedTuple):
    """Where points join the network: edge (-1 none), distance along it, the leg from point to path [m]."""

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
    """

    nodes: FloatArray
    start: IntArray
    end: IntArray
    course: Lines
    length: FloatArray
    forward_min: FloatArray
    backward_min: FloatArray
    method: WalkMethod

    @classmethod
    def of(
        cls, community: Community, *, method: WalkMethod = WalkMethod.ADULT, hour: float | None = None
    ) -> WalkNetwork:
        """Build the network of a community's paths.

        Trunk roads and railways are left out; steps too where the method cannot use them; paths
        closed at ``hour`` too.

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
        e = community.path_edges
        usable = ~np.isin(e.kind, NOT_WALKABLE)
        if not method.steps:
            usable &= ~(np.isin(e.kind, STEPPED) & (e.step_free != 1)) & (e.step_free != 0)
        if hour is not None:
            usable &= (e.opens <= hour) & (hour < e.closes)
        rows = np.flatnonzero(usable)
        if len(rows) == 0:
            raise MissingDataError(
                "walking: there must be walkable paths; got none. Give paths= or use straight lines."
            )
        nodes = np.column_stack([community.path_nodes.x, community.path_nodes.y, community.path_nodes.z])
        edges = e.take(rows)
        forward, backward = _edge_minutes(edges.length, edges.course, edges.kind, method)
        backward = np.where(edges.oneway, np.inf, backward)
        return cls(nodes, edges.start, edges.end, edges.course, edges.length, forward, backward, method)

    @classmethod
    def from_arrays(
        cls, nodes: Any, start: Any, end: Any, *, length: Any = None, method: WalkMethod = WalkMethod.ADULT
    ) -> WalkNetwork:
        """Build a network from arrays: straight edges walked both ways at the method's speed.

        Parameters
        ----------
        nodes
            Places, shape (k, 2) or (k, 3) [m].
        start, end
            Nodes of each edge, shape (m).
        length
            Length of each edge; the straight distance without it, shape (m) [m].
        method
            Who walks.

        Examples
        --------
        >>> WalkNetwork.from_arrays([(0, 0), (60, 80)], [0], [1])
        <WalkNetwork of 2 nodes and 1 edges, 0.1 km, 1 part(s), adult>
        """
        xyz = np.asarray(nodes, dtype=np.float64)
        xyz = as_floats(np.column_stack([xyz, np.zeros(len(xyz))]) if xyz.shape[1] == 2 else xyz, name="nodes", ndim=2)
        a, b = np.asarray(start, dtype=np.int64), np.asarray(end, dtype=np.int64)
        if len(a) and (min(a.min(), b.min()) < 0 or max(a.max(), b.max()) >= len(xyz)):
            raise InputError(f"network: start and end must be rows of the {len(xyz)} nodes; got {a.max()}, {b.max()}.")
        course = Lines(np.stack([xyz[a], xyz[b]], axis=1).reshape(-1, 3), 2 * np.arange(len(a) + 1))
        size = course.lengths() if length is None else as_floats(length, name="length")
        minutes = size / method.speed_ms / 60.0
        return cls(xyz, a, b, course, size, minutes, minutes.copy(), method)

    def __repr__(self) -> str:
        km = self.length.sum() / 1000
        parts = len(np.unique(self.part[np.unique(np.concatenate([self.start, self.end]))]))
        return (
            f"<WalkNetwork of {len(self.nodes):,} nodes and {len(self.start):,} edges, {km:.1f} km, "
            f"{parts} part(s), {self.method.name}>"
        )

    @cached_property
    def part(self) -> IntArray:
        """Connected part of each node, shape (k)."""
        from scipy.sparse import coo_array
        from scipy.sparse.csgraph import connected_components

        ones = np.ones(len(self.start))
        graph = coo_array((ones, (self.start, self.end)), shape=(len(self.nodes),) * 2)
        label: IntArray = connected_components(graph, directed=False)[1].astype(np.int64)
        return label

    @cached_property
    def metres(self) -> Csr:
        """The graph towards the sources in whole millimetres: searched from services, read at doors."""
        whole = np.round(self.length * MM)
        there = np.where(np.isfinite(self.forward_min), whole, np.inf)
        back = np.where(np.isfinite(self.backward_min), whole, np.inf)
        return build_csr(len(self.nodes), self.start, self.end, back, there)

    @cached_property
    def minutes(self) -> Csr:
        """The graph towards the sources in whole milliseconds."""
        there, back = np.round(self.forward_min * MS), np.round(self.backward_min * MS)
        return build_csr(len(self.nodes), self.start, self.end, back, there)

    @cached_property
    def _tree(self) -> Any:
        return shapely.STRtree(self.course.to_shapely())

    def place(self, xy: Any) -> Places:
        """Find where points join the network: the nearest place along the nearest edge.

        Parameters
        ----------
        xy
            Points, shape (n, 2) [m].

        Returns
        -------
        Places
            Edge -1 where every path is farther than the method's ``snap_limit``.
        """
        xy = as_floats(np.asarray(xy, dtype=np.float64)[:, :2], name="points", ndim=2, width=2)
        points = shapely.points(xy)
        edge = np.full(len(xy), -1, dtype=np.int64)
        leg = np.full(len(xy), np.inf)
        (which, found), distance = self._tree.query_nearest(points, all_matches=False, return_distance=True)
        near = distance <= self.method.snap_limit
        edge[which[near]], leg[which[near]] = found[near], distance[near]
        along = np.full(len(xy), np.nan)
        on = np.flatnonzero(edge >= 0)
        if len(on):
            share = shapely.line_locate_point(self._tree.geometries[edge[on]], points[on], normalized=True)
            along[on] = np.clip(share, 0.0, 1.0) * self.length[edge[on]]
        return Places(edge, along, leg)


def _edge_minutes(
    length: FloatArray, course: Lines, kind: IntArray, method: WalkMethod
) -> tuple[FloatArray, FloatArray]:
    """Return the time along each edge and against it [min]."""
    first, last = course.line[:-1], np.maximum(course.line[1:] - 1, 0)
    rise = course.xyz[last, 2] - course.xyz[first, 2] if len(course.xyz) else np.zeros(len(length))
    slope = rise / np.maximum(length, 0.1)
    ahead, back = length / method.speeds(slope), length / method.speeds(-slope)
    steps = np.isin(kind, STEPPED)
    up, down = length / method.step_up_ms, length / method.step_down_ms
    ahead = np.where(steps, np.where(rise >= 0, up, down), ahead)
    back = np.where(steps, np.where(rise >= 0, down, up), back)
    delay = np.where(kind == PathKind.CROSSING, method.crossing_s, 0.0)
    return (ahead + delay) / 60.0, (back + delay) / 60.0
