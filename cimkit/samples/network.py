"""The paths of the invented site, joined where they touch."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import shapely

from cimkit.geometry.polygons import Lines
from cimkit.geometry.topology import connect_lines, mend_lines
from cimkit.model.build import path_tables
from cimkit.model.kinds import PathKind
from cimkit.model.tables import Buildings, Entrances, Facilities, PathEdges
from cimkit.samples.ground import GOES, NEW, OLD, Walk, walks

if TYPE_CHECKING:
    from cimkit.geometry.terrain import Terrain
    from cimkit.samples.rows import Rows

_NEAR = 1e-3  # [m] an end this close to a path touches it


def paths_of(rows: Rows, ground: Terrain) -> dict[str, Any]:
    """Return nodes and edges: the drawn paths, and a short way from each door and service to the nearest of them."""
    drawn = walks()
    every = drawn + _spurs(drawn, _doors(rows))
    net = connect_lines(_lines(_crossed(every), rows, ground))
    chosen = [every[line] for line in net.source]
    columns: dict[str, Any] = {
        "id": [f"E{k + 1:03d}" for k in range(len(chosen))],
        "stage": [0 if w.status == OLD else 2 for w in chosen],
        "step_free": [{PathKind.STEPS: 0, PathKind.RAMP: 1}.get(w.kind, -1) for w in chosen],
    }
    columns |= {name: [getattr(w, name) for w in chosen] for name in ("kind", "width", "clearance", "status")}
    return path_tables(net, PathEdges(**columns))


def _doors(rows: Rows) -> list[tuple[float, float, Any]]:
    """Return x, y and status of all doors, gates and services."""
    states = [b["status"] for b in rows.of(Buildings)]
    doors = [(e["x"], e["y"], states[e["building"]]) for e in rows.of(Entrances) if e.get("building", -1) >= 0]
    outside = [(f["x"], f["y"], f["status"]) for f in rows.of(Facilities) if f["building"] < 0]
    return list(dict.fromkeys(doors + outside))


def _spurs(drawn: list[Walk], doors: list[tuple[float, float, Any]]) -> list[Walk]:
    """Return a straight way from each door to the nearest path that stands at the same time."""
    shapes = {OLD: {OLD}, NEW: {OLD, NEW}, GOES: {OLD, GOES}}
    lines = {
        status: shapely.union_all([shapely.LineString(w.points) for w in drawn if w.status in mates])
        for status, mates in shapes.items()
    }
    ways = []
    for x, y, status in doors:
        way = shapely.shortest_line(shapely.Point(x, y), lines[status])
        if way.length > _NEAR:
            ways.append(Walk(tuple(way.coords), PathKind.FOOTWAY, 2.5, status))
    return ways


def _crossed(every: list[Walk]) -> Lines:
    """Return the lines with a vertex wherever another one crosses or ends on them."""
    lines = Lines.from_shapely(np.array([shapely.LineString(w.points) for w in every], dtype=object))
    return mend_lines(lines, alike=-1, gap=_NEAR).lines


def _lines(drawn: Lines, rows: Rows, ground: Terrain) -> Lines:
    """Return the courses in local coordinates with the height of the ground, rounded so that shared points are one."""
    xy = rows.turn(np.round(drawn.xyz[:, :2], 2))
    return Lines(np.column_stack([xy, np.round(ground.elevation(xy), 3)]), drawn.line)
