"""Drawn lines mended: doubles out, crossings and ends that nearly meet joined."""

from typing import Any, NamedTuple

import numpy as np
import shapely

from cimkit.arrays import BoolArray, FloatArray, IntArray
from cimkit.geometry.polygons import Lines, point_coordinates
from cimkit.geometry.ragged import offsets_of, owners
from cimkit.geometry.topology import SAME, STEP, cells_of

Repair = tuple[str, int, float, float]  # what, line, x and y [m]

#: What may be mended.
EMPTY = "without length; left out"
DOUBLE = "drawn twice; the second is left out"
CROSSING = "crosses another on the same level without a common point; joined"
TOUCH = "ends on another without a common point; joined"
GAP = "ends short of another; joined"


class Mended(NamedTuple):
    """Lines (n), the row (n) each was before, and repairs: what, row before, and place (x, y) [m] of each."""

    lines: Lines
    source: IntArray
    repairs: list[Repair]


def mend_lines(lines: Lines, *, level: Any = 0, alike: Any = 0, gap: float = 0.5) -> Mended:
    """Mend lines so that those which meet on the ground share a point.

    Lines of no length and lines drawn twice are left out. Where two lines of one level cross or touch and no point is
    common, both get one. An end that meets nothing and lies within ``gap`` of another line is drawn out to it, to its
    end where that is as near. Lines more than 1 m apart in height do not meet.

    Parameters
    ----------
    lines
        Lines (m).
    level
        Level of each: bridges and tunnels meet only their like, shape (m).
    alike
        Only lines of one group are doubles of each other; a negative group has none, shape (m).
    gap
        Ends this near to another line are joined to it [m].

    Returns
    -------
    Mended
        Lines (n ≤ m) and what was done.

    Examples
    --------
    >>> cross = Lines(np.array([[0.0, 0, 0], [8, 0, 0], [5, -5, 0], [5, 5, 0]]), np.array([0, 2, 4]))
    >>> mended = mend_lines(cross)
    >>> mended.lines.xyz[:3].tolist(), [r[2:] for r in mended.repairs]
    ([[0.0, 0.0, 0.0], [5.0, 0.0, 0.0], [8.0, 0.0, 0.0]], [(5.0, 0.0)])
    """
    levels, groups = (np.broadcast_to(np.asarray(v, np.int64), len(lines)) for v in (level, alike))
    flat = ~(lines.lengths() > SAME)
    double = _doubles(lines, levels, groups) & ~flat
    start = point_coordinates(shapely.get_point(lines.to_shapely(), 0))
    left = ((EMPTY, flat), (DOUBLE, double))
    repairs: list[Repair] = [(what, int(k), *start[k].tolist()) for what, rows in left for k in np.flatnonzero(rows)]
    source = np.flatnonzero(~flat & ~double)
    kept, levels = lines.take(source), levels[source]
    crossed, said = _join_crossings(kept, levels)
    joined, more = _join_ends(crossed, levels, gap)
    repairs += [(what, int(source[k]), x, y) for what, k, x, y in said + more]
    return Mended(joined, source, repairs)


def _doubles(lines: Lines, levels: IntArray, groups: IntArray) -> BoolArray:
    """Return which lines of a group run through the same points as one before, either way."""
    cells = cells_of(lines.xyz)
    seen, double = set(), np.zeros(len(lines), dtype=bool)
    for k in np.flatnonzero(groups >= 0):
        part = cells[lines.line[k] : lines.line[k + 1]]
        key = (levels[k], groups[k], min(part.tobytes(), part[::-1].tobytes()))
        double[k] = key in seen
        seen.add(key)
    return double


def _join_crossings(lines: Lines, levels: IntArray) -> tuple[Lines, list[Repair]]:
    """Give lines of one level that cross or touch a common point."""
    shapes = lines.to_shapely()
    a, b = shapely.STRtree(shapes).query(shapes, predicate="intersects")
    pair = (a < b) & (levels[a] == levels[b])
    a, b = a[pair], b[pair]
    xy, pair = shapely.get_coordinates(shapely.intersection(shapes[a], shapes[b]), return_index=True)
    a, b = a[pair], b[pair]  # where they run together, along all of it
    known = _vertex_cells(owners(lines.line), lines.xyz[:, :2])
    common = np.isin(_vertex_cells(a, xy), known) & np.isin(_vertex_cells(b, xy), known)
    za, zb = (shapely.get_z(_foot(shapes[rows], xy)) for rows in (a, b))
    new = ~common & ~(np.abs(za - zb) > STEP)
    cuts: list[tuple[int, FloatArray]] = []
    repairs = []
    for *pair, place in zip(a[new].tolist(), b[new].tolist(), np.column_stack([xy, za])[new], strict=True):
        there = [_vertex_near(lines, k, place, SAME) for k in pair]
        meet = next((lines.xyz[v] for v in there if v >= 0), place)
        cuts += [(k, meet) for k, v in zip(pair, there, strict=True) if v < 0 or (lines.xyz[v] != meet).any()]
        ends = [v for k in pair for v in (lines.line[k], lines.line[k + 1] - 1)]
        repairs.append((TOUCH if np.isin(there, ends).any() else CROSSING, pair[0], *meet[:2].tolist()))
    return _inserted(lines, cuts), repairs


def _join_ends(lines: Lines, levels: IntArray, gap: float) -> tuple[Lines, list[Repair]]:
    """Draw ends that meet nothing out to the nearest line of their level within a gap."""
    _, place, uses = np.unique(cells_of(lines.xyz), axis=0, return_inverse=True, return_counts=True)
    alone = (uses == 1)[place]
    ends = np.concatenate([lines.line[:-1], lines.line[1:] - 1])
    rows = np.tile(np.arange(len(lines)), 2)
    ends, rows = ends[alone[ends]], rows[alone[ends]]
    shapes = lines.to_shapely()
    points = shapely.points(lines.xyz[ends, :2])
    k, other = shapely.STRtree(shapes).query(points, predicate="dwithin", distance=gap)
    near = np.flatnonzero((other != rows[k]) & (levels[other] == levels[rows[k]]))
    near = near[np.lexsort((shapely.distance(points[k], shapes[other])[near], k[near]))]
    k, other = k[near], other[near]
    foot = shapely.get_coordinates(_foot(shapes[other], lines.xyz[ends[k], :2]), include_z=True)
    cuts: list[tuple[int, FloatArray]] = []
    repairs, met = [], set()
    for end, row, line, to in zip(ends[k].tolist(), rows[k].tolist(), other.tolist(), foot, strict=True):
        if end in met or abs(to[2] - lines.xyz[end, 2]) > STEP:
            continue
        vertex = _vertex_near(lines, line, lines.xyz[end], gap)
        cuts += [(row, lines.xyz[vertex])] if vertex >= 0 else [(row, to), (line, to)]
        met |= {end, vertex}
        repairs.append((GAP, row, *lines.xyz[end, :2].tolist()))
    return _inserted(lines, cuts), repairs


def _vertex_cells(owner: IntArray, xy: FloatArray) -> Any:
    """Return line and cell of points as one value each, to be compared."""
    cells = np.column_stack([owner, np.round(xy / SAME)]).astype(np.int64)
    return np.ascontiguousarray(cells).view([("", np.int64)] * 3).reshape(-1)


def _vertex_near(lines: Lines, row: int, place: FloatArray, reach: float) -> int:
    """Return the vertex of a line nearest to a place within a distance, -1 if there is none."""
    own = slice(lines.line[row], lines.line[row + 1])
    away = np.hypot(*(lines.xyz[own, :2] - place[:2]).T)
    return int(own.start + away.argmin()) if away.min() <= reach else -1


def _foot(shapes: Any, xy: FloatArray) -> Any:
    """Return the place on each line nearest to a point, with its height."""
    return shapely.line_interpolate_point(shapes, shapely.line_locate_point(shapes, shapely.points(xy)))


def _inserted(lines: Lines, cuts: list[tuple[int, FloatArray]]) -> Lines:
    """Return the lines with more vertices, each where it lies along its line; beyond an end it draws the line out."""
    if not cuts:
        return lines
    rows, xyz = np.array([row for row, _ in cuts]), np.stack([place for _, place in cuts])
    owner, shapes = owners(lines.line), lines.to_shapely()[rows]
    step = np.append(0.0, np.hypot(*np.diff(lines.xyz[:, :2], axis=0).T)).cumsum()
    along = step - step[lines.line[:-1]][owner]
    at = shapely.line_locate_point(shapes, shapely.points(xyz[:, :2]))
    at = np.where(at <= 0, -1.0, np.where(at >= shapely.length(shapes), np.inf, at))
    every, every_owner = np.concatenate([along, at]), np.concatenate([owner, rows])
    order = np.lexsort((every, every_owner))
    return Lines(np.concatenate([lines.xyz, xyz])[order], offsets_of(np.bincount(every_owner, minlength=len(lines))))
