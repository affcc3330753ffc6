"""What lies around the houses of the invented site: paths joined where they touch, green on what is left, trees."""

from __future__ import annotations

from typing import Any

import numpy as np
import shapely

from cimkit.geometry.polygons import Lines
from cimkit.geometry.terrain import Terrain
from cimkit.geometry.topology import connect_lines, mend_lines
from cimkit.model import tables as t
from cimkit.model.build import path_tables
from cimkit.model.kinds import PathKind, SpaceKind, Status
from cimkit.samples.drawing import GOES, NEW, OLD, PARCELS, WALKS, Walk, box
from cimkit.samples.rows import Rows

_NEAR = 1e-3  # [m] an end this close to a path touches it


def paths_of(rows: Rows, ground: Terrain) -> dict[str, Any]:
    """Return nodes and edges: the drawn paths, and a short way from each door and service to the nearest of them."""
    every = WALKS + _spurs(rows)
    drawn = Lines.from_shapely(np.array([w.line for w in every], dtype=object))
    crossed = mend_lines(drawn, alike=-1, gap=_NEAR).lines  # a vertex wherever another one crosses or ends
    xy = rows.turn(np.round(crossed.xyz[:, :2], 2))
    net = connect_lines(Lines(np.column_stack([xy, np.round(ground.elevation(xy), 3)]), crossed.line))
    chosen = [every[line] for line in net.source]
    columns: dict[str, Any] = {
        "id": [f"E{k + 1:03d}" for k in range(len(chosen))],
        "stage": [0 if w.status == OLD else 2 for w in chosen],
        "step_free": [{PathKind.STEPS: 0, PathKind.RAMP: 1}.get(w.kind, -1) for w in chosen],
    }
    columns |= {name: [getattr(w, name) for w in chosen] for name in ("kind", "width", "clearance", "status")}
    return path_tables(net, t.PathEdges(**columns))


def _spurs(rows: Rows) -> list[Walk]:
    """Return a straight way from each door, gate and service to the nearest path that stands at the same time."""
    states = rows.column(t.Buildings, "status")
    doors = [(e["x"], e["y"], states[e["building"]]) for e in rows.of(t.Entrances) if e.get("building", -1) >= 0]
    doors += [(f["x"], f["y"], f["status"]) for f in rows.of(t.Facilities) if f["building"] < 0]
    lines = {s: shapely.union_all([w.line for w in WALKS if w.status in (OLD, s)]) for s in Status}
    ways = [(shapely.shortest_line(shapely.Point(x, y), lines[s]), s) for x, y, s in dict.fromkeys(doors)]
    return [Walk(tuple(way.coords), PathKind.FOOTWAY, 2.5, s) for way, s in ways if way.length > _NEAR]


def add_greens(rows: Rows) -> None:
    """Add green areas: 2 m off the houses, beside paths and hard ground; the river bank too."""
    west, east, school, centre = (p["outline"] for p in PARCELS)
    north = box(0, 246, 218, 154)
    areas = [(land, OLD, (OLD, NEW)) for land in (north, east, school)]
    areas += [(land, s, (OLD, s)) for land in (west.difference(north), centre) for s in (NEW, GOES)]
    shared = {"kind": SpaceKind.GREEN, "public": True, "planted_share": 1.0}
    number = 0
    for land, status, there in areas:
        free = land.difference(_taken(rows, there)).buffer(-0.6).buffer(0.6, join_style="mitre")
        about = shared | {"status": status, "stage": 0 if status == OLD else 2}
        for piece in _pieces(free):
            number += 1
            rows.add(t.Spaces, id=f"G{number:03d}", outline=shapely.set_precision(piece, 0.01), **about)
    for k, piece in enumerate(_pieces(box(434, -32, 12, 456).difference(_paved((OLD, NEW)))), 1):
        rows.add(t.Spaces, id=f"G9{k:02d}", name="滨江绿带", outline=piece, **shared)


def _taken(rows: Rows, there: tuple[Status, ...]) -> Any:
    """Return the ground that is not green while things of these states stand."""
    houses = [b["footprint"].buffer(2.0, join_style="mitre") for b in rows.of(t.Buildings) if b["status"] in there]
    ground = [s["outline"] for s in rows.of(t.Spaces) if s.get("storey", -1) < 0 and s.get("status", OLD) in there]
    return shapely.union_all([*houses, *ground, _paved(there)])


def _paved(there: tuple[Status, ...]) -> Any:
    """Return the ground under the paths of these states."""
    flat = {"cap_style": "flat", "join_style": "mitre"}
    return shapely.union_all([w.line.buffer(w.width / 2, **flat) for w in WALKS if w.status in there])


def _pieces(shape: Any) -> list[Any]:
    """Return the polygons of a shape that are not smaller than 30 m², west to east."""
    kept = [p for p in shapely.get_parts(shape) if p.area >= 30.0]
    return sorted(kept, key=lambda p: (round(p.centroid.x, 3), round(p.centroid.y, 3)))


def add_trees(rows: Rows, rng: np.random.Generator) -> None:
    """Add trees along the streets, each 12 m, and scattered over the green that stays or comes."""
    north = [y for y in range(6, 400, 12) if not (60 < y < 84 or 222 < y < 246)]
    spots = [(x, float(y)) for x in (-1.5, 216.0, 236.5) for y in north]
    spots += [(float(x), y) for y in (-1.5, 402.0) for x in range(10, 430, 12) if not 214 < x < 238]
    for space in rows.of(t.Spaces):
        if space["kind"] in (SpaceKind.GREEN, SpaceKind.CENTRAL_GREEN) and space.get("status", OLD) != GOES:
            outline = space["outline"]
            west, south, east, north_end = outline.bounds
            count = int(outline.area / 90)
            tries = rng.uniform((west, south), (east, north_end), (3 * count, 2))
            inside = tries[shapely.contains_xy(outline.buffer(-2.0), tries)]
            spots += [(round(float(x), 1), round(float(y), 1)) for x, y in inside[:count]]
    for k, (x, y) in enumerate(spots, 1):
        height = round(float(rng.uniform(5.0, 11.0)), 1)
        crown = {"crown_radius": round(0.28 * height, 1), "crown_base": round(0.3 * height, 1)}
        rows.add(t.Trees, id=f"T{k:03d}", x=x, y=y, height=height, **crown)
