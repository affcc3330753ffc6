"""Lines as they were drawn, turned into a network: split where they share a point."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from cimkit.geometry.lines import Lines
from cimkit.geometry.ragged import offsets_of

if TYPE_CHECKING:
    from cimkit.arrays import FloatArray, IntArray


class Network(NamedTuple):
    """Nodes (k, 3), start and end node and course of each edge, and the line each edge was cut from."""

    nodes: FloatArray
    start: IntArray
    end: IntArray
    course: Lines
    source: IntArray


def connect_lines(lines: Lines, *, tolerance: float = 0.05) -> Network:
    """Split lines at the points they share and number the places where they meet.

    Two points are one if they fall into the same cell of a grid of ``tolerance`` in plan and of
    1 m in height, so that a bridge over a street does not meet it unless they share a point.

    Parameters
    ----------
    lines
        Lines (n).
    tolerance
        Size of the grid on which points become one [m].

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
    xyz, offsets = lines.xyz, lines.line
    if len(xyz) == 0:
        return Network(np.zeros((0, 3)), *(np.zeros(0, np.int64),) * 2, Lines.empty(), np.zeros(0, np.int64))
    cell = np.round(xyz / (tolerance, tolerance, 1.0)).astype(np.int64)
    _, first, place, uses = np.unique(cell, axis=0, return_index=True, return_inverse=True, return_counts=True)
    place = place.reshape(-1)
    owner = np.repeat(np.arange(len(lines)), np.diff(offsets))
    is_end = np.zeros(len(xyz), dtype=bool)
    filled = np.diff(offsets) > 0
    is_end[offsets[:-1][filled]] = is_end[offsets[1:][filled] - 1] = True
    cut = is_end | (uses[place] > 1)
    stops = np.flatnonzero(cut)
    same_line = owner[stops[:-1]] == owner[stops[1:]]
    begin, finish = stops[:-1][same_line], stops[1:][same_line]
    node_places = np.unique(place[stops])
    node_of = np.full(len(first), -1, dtype=np.int64)
    node_of[node_places] = np.arange(len(node_places))
    sizes = finish - begin + 1
    line = offsets_of(sizes)
    vertices = np.arange(line[-1]) - np.repeat(line[:-1], sizes) + np.repeat(begin, sizes)
    course = Lines(xyz[vertices].copy(), line)
    nodes = xyz[first[node_places]]
    start, end = node_of[place[begin]], node_of[place[finish]]
    course.xyz[line[:-1]], course.xyz[line[1:] - 1] = nodes[start], nodes[end]
    keep = (start != end) | (course.lengths() > tolerance)
    rows = np.flatnonzero(keep)
    return Network(nodes, start[rows], end[rows], course.take(rows), owner[begin][rows].astype(np.int64))
