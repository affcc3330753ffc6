"""Records typed in by hand, turned into tables."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import shapely

from cimkit.errors import InputError
from cimkit.geometry.lines import Lines
from cimkit.geometry.polygons import Polygons
from cimkit.geometry.ragged import offsets_of
from cimkit.geometry.topology import connect_lines
from cimkit.model.derive import BASEMENT_HEIGHT
from cimkit.model.kinds import Provenance, StoreyKind
from cimkit.model.notes import Note, Notes
from cimkit.model.records import Building, Facility, Parcel, Path, Space, Window
from cimkit.model.tables import (
    Buildings,
    Facilities,
    Parcels,
    PathEdges,
    PathNodes,
    Plates,
    Spaces,
    Storeys,
    Windows,
)

if TYPE_CHECKING:
    from collections.abc import Sequence

    from cimkit.arrays import FloatArray
    from cimkit.model.table import Table


def tables_from_records(
    buildings: Sequence[Building], parcels: Sequence[Parcel], others: Sequence[Any]
) -> tuple[dict[str, Any], Notes]:
    """Return tables and notes for records of buildings, parcels and other things.

    Raises
    ------
    InputError
        If ids repeat, a reference names nothing, or an outline is not valid.
    """
    tables: dict[str, Table] = {"parcels": parcels_from_records(parcels)}
    tables |= buildings_from_records(buildings, tables["parcels"])
    sorts: dict[type, list[Any]] = {Space: [], Window: [], Facility: [], Path: []}
    for record in others:
        if type(record) not in sorts:
            wanted = ", ".join(t.__name__ for t in sorts)
            raise InputError(f"others: records must be {wanted}; got {type(record).__name__}.")
        sorts[type(record)].append(record)
    house = tables["buildings"]
    storeys = tables["storeys"]
    tables["spaces"] = _spaces(sorts[Space], house, storeys)
    tables["windows"] = _windows(sorts[Window], house)
    tables["facilities"] = Facilities(**_fields(sorts[Facility], "id kind name x y z area capacity"))
    tables |= _paths(sorts[Path])
    for table in tables.values():
        _check_ids(table)
    notes = [Note("H07", f"storeys written out from {len(buildings)} building records", "storeys")] if buildings else []
    return tables, Notes.of(notes)


def parcels_from_records(parcels: Sequence[Parcel]) -> Parcels:
    """Return the table of parcels."""
    return Parcels(
        outline=_outlines([p.outline for p in parcels], [p.id for p in parcels]),
        **_fields(parcels, "id far_max density_max green_min height_max"),
    )


def buildings_from_records(buildings: Sequence[Building], parcels: Table) -> dict[str, Table]:
    """Return buildings, plates and storeys written out from records."""
    for b in buildings:
        if b.storeys < 0 or b.basements < 0 or not b.storey_height > 0:
            raise InputError(
                f"building {b.id!r}: storeys and basements must be >= 0 and storey_height > 0 m; "
                f"got {b.storeys}, {b.basements} and {b.storey_height}."
            )
    footprint = _outlines([b.footprint for b in buildings], [b.id for b in buildings])
    rows = [_storeys_of(k, b) for k, b in enumerate(buildings)]
    columns: list[Any] = [np.concatenate(c) for c in zip(*rows, strict=True)] if rows else [np.zeros(0)] * 6
    building, level, z, height, kind, enclosed = columns
    table = Buildings(
        footprint=footprint,
        parcel=parcel_of(footprint, parcels),
        height=np.array([b.parapet + sum(_heights(b)) for b in buildings]),
        height_src=np.full(len(buildings), Provenance.FROM_STOREYS),
        n_above=np.array([b.storeys for b in buildings], dtype=np.int64),
        n_below=np.array([b.basements for b in buildings], dtype=np.int64),
        storeys_src=np.full(len(buildings), Provenance.MEASURED),
        **_fields(buildings, "id use status ground_z year lift"),
    )
    storeys = Storeys(
        building=building, level=level, plate=building, z=z, height=height, kind=kind, enclosed=enclosed.astype(bool)
    )
    return {"buildings": table, "plates": Plates(outline=footprint), "storeys": storeys}


def parcel_of(footprint: Polygons, parcels: Table) -> Any:
    """Return the parcel row that holds an inner point of each footprint, -1 for none."""
    result = np.full(len(footprint), -1, dtype=np.int64)
    outline = getattr(parcels, "outline", None)
    if outline is not None and len(outline) and len(footprint):
        points = shapely.points(np.nan_to_num(footprint.inner_points()))
        point, parcel = shapely.STRtree(outline.to_shapely()).query(points, predicate="within")
        result[point[::-1]] = parcel[::-1]
    return result


def _heights(b: Building) -> list[float]:
    """Return the storey heights of a building from the ground upwards."""
    heights = [b.storey_height] * b.storeys
    if heights and b.ground_storey_height == b.ground_storey_height:  # not nan
        heights[0] = b.ground_storey_height
    return heights


def _storeys_of(row: int, b: Building) -> tuple[Any, ...]:
    """Return building, level, floor height, storey height, kind and walls of a building's storeys."""
    above = np.array(_heights(b))
    height = np.concatenate([np.full(b.basements, BASEMENT_HEIGHT), above])
    level = np.concatenate([np.arange(-b.basements, 0), np.arange(1, b.storeys + 1)])
    z = np.concatenate([level[: b.basements] * BASEMENT_HEIGHT, offsets_float(above)[:-1]])
    kind = np.where(level < 0, StoreyKind.BASEMENT, StoreyKind.NORMAL)
    open_ground = (level == 1) & b.stilt
    kind[open_ground] = StoreyKind.STILT
    return np.full(len(level), row), level, z, height, kind, (~open_ground).astype(np.int64)


def offsets_float(steps: FloatArray) -> FloatArray:
    """Return the running sum with a leading 0."""
    return np.concatenate([[0.0], np.cumsum(steps)])


def _spaces(records: Sequence[Space], buildings: Table, storeys: Table) -> Spaces:
    """Return the table of spaces; ``building`` and ``level`` name the storey."""
    names = {(str(buildings.names()[b]), int(v)): k for k, (b, v) in enumerate(_building_level(storeys))}
    rows: Any = []
    for r in records:
        if r.building and (r.building, r.level) not in names:
            raise InputError(f"space {r.id!r}: building and level must name a storey; got {r.building!r}, {r.level}.")
        rows.append(names[r.building, r.level] if r.building else -1)
    return Spaces(
        storey=rows,
        outline=_outlines([r.outline for r in records], [r.id for r in records]),
        **_fields(records, "id kind clear_height roofed public planted_share status"),
    )


def _building_level(storeys: Table) -> Any:
    """Return (building row, level) of each storey."""
    if not isinstance(storeys, Storeys):
        return []
    return zip(storeys.building, storeys.level, strict=True)


def _windows(records: Sequence[Window], buildings: Table) -> Windows:
    """Return the table of windows."""
    building: Any = [buildings.row_of(w.building) for w in records]
    return Windows(
        building=building,
        **_fields(records, "id x y z azimuth width height"),
    )


def _paths(records: Sequence[Path]) -> dict[str, Table]:
    """Return nodes and edges; paths are split where they share a point."""
    shapes = [np.asarray(p.points, dtype=np.float64) for p in records]
    points = [s if s.shape[1] == 3 else np.column_stack([s, np.zeros(len(s))]) for s in shapes]
    xyz = np.concatenate(points) if points else np.zeros((0, 3))
    net = connect_lines(Lines(xyz, offsets_of([len(p) for p in points])))
    pieces = np.bincount(net.source, minlength=len(records))
    seen = np.zeros(len(records), dtype=int)
    ids: Any = []
    for line in net.source:
        seen[line] += 1
        ids.append(records[line].id if pieces[line] == 1 else f"{records[line].id}/{seen[line]}")
    chosen = [records[k] for k in net.source]
    names: Any = [f"N{k}" for k in range(len(net.nodes))]
    nodes = PathNodes(id=names, x=net.nodes[:, 0], y=net.nodes[:, 1], z=net.nodes[:, 2])
    edges = PathEdges(
        id=ids,
        start=net.start,
        end=net.end,
        course=net.course,
        length=net.course.lengths(),
        **_fields(chosen, "kind width oneway"),
    )
    return {"path_nodes": nodes, "path_edges": edges}


def _fields(records: Sequence[Any], names: str) -> dict[str, Any]:
    """Return one list per field name."""
    return {name: [getattr(r, name) for r in records] for name in names.split()}


def _outlines(outlines: Sequence[Any], ids: Sequence[str]) -> Polygons:
    """Return polygons of outlines given as points or shapely polygons; invalid ones are refused."""
    shapes = np.empty(len(outlines), dtype=object)
    for k, outline in enumerate(outlines):
        shapes[k] = outline if isinstance(outline, shapely.Geometry) else shapely.Polygon(outline)
    bad: Any = np.flatnonzero(~shapely.is_valid(shapes)) if len(shapes) else []
    if len(bad):
        reason = shapely.is_valid_reason(shapes[bad[0]])
        raise InputError(f"{ids[bad[0]]!r}: outline must not cross itself; got {reason}. Use clean_polygons().")
    return Polygons.from_shapely(shapes)


def _check_ids(table: Table) -> None:
    """Raise InputError if an id stands twice."""
    ids = table.names()
    words, counts = np.unique(ids.astype(str), return_counts=True)
    if len(words) and counts.max() > 1:
        raise InputError(
            f"{table.title()}: ids must be unique; got {str(words[counts.argmax()])!r} {counts.max()} times."
        )
