"""Lines as a network: cut where they share a point; connected parts."""

from typing import NamedTuple

import numpy as np

from cimkit.arrays import FloatArray, IntArray
from cimkit.geometry.polygons import Lines
from cimkit.geometry.ragged import offsets_of, owners, positions

SAME = 0.05  # [m] points this near are one
STEP = 1.0  # [m] lines farther apart in height do not meet


class Network(NamedTuple):
    """Nodes (k, 3), start and end node and course of each edge, and the line each edge was cut from."""

    nodes: FloatArray
    start: IntArray
    end: IntArray
    course: Lines
    source: IntArray


def connect_lines(lines: Lines) -> Network:
    """Split lines at the points they share and number the places where they meet.

    Two points are one if they fall into the same cell of a grid of 5 cm in plan and of 1 m in
    height, so that a bridge over a street does not meet it unless they share a point.

    Parameters
    ----------
    lines
        Lines (n).

    Returns
    -------
    Network
        Nodes are the ends of lines and points used more than once.

    Examples
    --------
    >>> cross = Lines(np.array([[0.0, 0, 0], [5, 0, 0], [9, 0, 0], [5, 0, 0], [5, 7, 0]]), np.array([0, 3, 5]))
    >>> net = connect_lines(cross)
    >>> len(net.nodes), net.source.tolist()
    (4, [0, 0, 1])
    """
    xyz, owner = lines.xyz, owners(lines.line)
    _, first, place, uses = np.unique(cells_of(xyz), axis=0, return_index=True, return_inverse=True, return_counts=True)
    cut = uses[place] > 1
    filled = np.diff(lines.line) > 0
    cut[lines.line[:-1][filled]] = cut[lines.line[1:][filled] - 1] = True
    stops = np.flatnonzero(cut)
    used, node = np.unique(place[stops], return_inverse=True)
    inner = owner[stops[:-1]] == owner[stops[1:]]
    begin, start, end = stops[:-1][inner], node[:-1][inner], node[1:][inner]
    sizes = stops[1:][inner] - begin + 1
    course = Lines(xyz[positions(sizes) + np.repeat(begin, sizes)], offsets_of(sizes))
    nodes = xyz[first[used]]
    course.xyz[course.line[:-1]], course.xyz[course.line[1:] - 1] = nodes[start], nodes[end]
    rows = np.flatnonzero((start != end) | (course.lengths() > SAME))
    return Network(nodes, start[rows], end[rows], course.take(rows), owner[begin][rows])


def cells_of(xyz: FloatArray) -> IntArray:
    """Return the cell of the grid on which points become one, shape (v, 3)."""
    return np.round(xyz / (SAME, SAME, STEP)).astype(np.int64)


def connected_parts(start: IntArray, end: IntArray, count: int) -> IntArray:
    """Return the connected part that each of ``count`` nodes belongs to; edges (m) join ``start`` and ``end``."""
    from scipy.sparse import coo_array
    from scipy.sparse.csgraph import connected_components

    graph = coo_array((np.ones(len(start)), (start, end)), shape=(count, count))
    return np.asarray(connected_components(graph, directed=False)[1], dtype=np.int64)
