"""Records typed in by hand, turned into tables."""

import dataclasses
from collections.abc import Sequence
from typing import Any, TypeVar

import numpy as np
import shapely

from cimkit.errors import InputError
from cimkit.geometry.polygons import Lines, Polygons
from cimkit.geometry.ragged import numbers_within
from cimkit.geometry.topology import Network, connect_lines
from cimkit.model import tables as t
from cimkit.model.derive import derive_storeys
from cimkit.model.notes import Note, Notes
from cimkit.model.records import Building, Facility, Parcel, Path, Space, Window
from cimkit.model.table import Table

T = TypeVar("T", bound=Table)


def tables_from_records(
    buildings: Sequence[Building], parcels: Sequence[Parcel], others: Sequence[Any]
) -> tuple[dict[str, Any], Notes]:
    """Return tables and notes for records of buildings, parcels and other things.

    Raises
    ------
    InputError
        If ids repeat, a reference names nothing, or an outline is not valid.
    """
    tables: dict[str, Any] = {"parcels": _filled(t.Parcels, Parcel, parcels)}
    tables |= buildings_from_records(buildings, tables["parcels"])
    sorts: dict[type, Any] = {s: [r for r in others if type(r) is s] for s in (Space, Window, Facility, Path)}
    for strange in (r for r in others if type(r) not in sorts):
        wanted = ", ".join(s.__name__ for s in sorts)
        raise InputError(f"others: records must be {wanted}; got {type(strange).__name__}.")
    house, storeys = tables["buildings"], tables["storeys"]
    tables["spaces"] = _filled(t.Spaces, Space, sorts[Space], storey=_storey_rows(sorts[Space], house, storeys))
    own = [house.row_of(w.building) for w in sorts[Window]]
    tables["windows"] = _filled(t.Windows, Window, sorts[Window], building=own)
    tables["facilities"] = _filled(t.Facilities, Facility, sorts[Facility])
    tables |= _paths(sorts[Path])
    for title, table in tables.items():
        words, counts = np.unique(table.names().astype(str), return_counts=True)
        if (counts > 1).any():
            most = counts.argmax()
            raise InputError(f"{title}: ids must be unique; got {str(words[most])!r} {counts[most]} times.")
    notes = [Note("H07", f"storeys written out from {len(buildings)} building records", "storeys")] if buildings else []
    return tables, Notes.of(notes)


def _filled(table: type[T], sort: type, records: Sequence[Any], **given: Any) -> T:
    """Return the table of records of one sort: what both know by one name, and the columns ``given``."""
    known = {f.name for f in dataclasses.fields(sort)}
    for col in table.columns():
        if col.name in known and col.name not in given:
            values = [getattr(r, col.name) for r in records]
            given[col.name] = _outlines(values, [r.id for r in records]) if col.is_shape else values
    return table(**given)


def buildings_from_records(buildings: Sequence[Building], parcels: Table) -> dict[str, Table]:
    """Return buildings, plates and storeys written out from records."""
    for b in buildings:
        if b.storeys < 0 or b.basements < 0 or not b.storey_height > 0:
            wanted = "storeys and basements must be >= 0 and storey_height > 0 m"
            raise InputError(f"building {b.id!r}: {wanted}; got {b.storeys}, {b.basements} and {b.storey_height}.")
    names = ("storeys", "basements", "storey_height", "ground_storey_height", "parapet", "stilt")
    above, below, each, ground, parapet, stilt = np.array([[getattr(b, n) for b in buildings] for n in names], float)
    ground = np.where(np.isnan(ground), each, ground)
    height = parapet + np.where(above > 0, ground + (above - 1) * each, 0.0)
    sources = {"height_src": ["from_storeys"] * len(buildings), "storeys_src": ["measured"] * len(buildings)}
    table = _filled(t.Buildings, Building, buildings, height=height, n_above=above, n_below=below, **sources)
    table = dataclasses.replace(table, parcel=parcel_of(table.footprint, parcels))
    return {"buildings": table, **derive_storeys(table, each=each, low=ground, stilt=stilt > 0)}


def parcel_of(footprint: Polygons, parcels: Table) -> Any:
    """Return the parcel row that holds an inner point of each footprint, -1 for none."""
    result = np.full(len(footprint), -1, dtype=np.int64)
    outline = getattr(parcels, "outline", None)
    if outline is not None and len(outline) and len(footprint):
        points = shapely.points(np.nan_to_num(footprint.inner_points()))
        point, parcel = shapely.STRtree(outline.to_shapely()).query(points, predicate="within")
        result[point[::-1]] = parcel[::-1]
    return result


def _storey_rows(records: Sequence[Space], buildings: Table, storeys: t.Storeys) -> list[int]:
    """Return the storey that ``building`` and ``level`` of each space name, -1 for open ground."""
    floors = zip(buildings.names()[storeys.building], storeys.level.tolist(), strict=True)
    row = {floor: k for k, floor in enumerate(floors)}
    for r in records:
        if r.building and (r.building, r.level) not in row:
            raise InputError(f"space {r.id!r}: building and level must name a storey; got {r.building!r}, {r.level}.")
    return [row[r.building, r.level] if r.building else -1 for r in records]


def _paths(records: Sequence[Path]) -> dict[str, Table]:
    """Return nodes and edges; paths are split where they share a point."""
    for p in records:
        if len(p.points) < 2:
            raise InputError(f"path {p.id!r}: points must be two or more; got {len(p.points)}.")
    shapes = [shapely.linestrings(np.asarray(p.points, dtype=np.float64)) for p in records]
    net = connect_lines(Lines.from_shapely(shapes))
    pieces = np.bincount(net.source, minlength=len(records))
    number = numbers_within(net.source)
    chosen = [records[k] for k in net.source]
    ids = [r.id if pieces[k] == 1 else f"{r.id}/{n}" for r, k, n in zip(chosen, net.source, number, strict=True)]
    return path_tables(net, _filled(t.PathEdges, Path, chosen, id=ids))


def path_tables(net: Network, edges: t.PathEdges) -> dict[str, Any]:
    """Return the nodes of a network of lines, and its edges, whose other columns stand in ``edges``."""
    x, y, z = net.nodes.T
    ids = np.array([f"N{k}" for k in range(len(net.nodes))], dtype=object)
    edges = dataclasses.replace(edges, start=net.start, end=net.end, course=net.course, length=net.course.lengths())
    return {"path_nodes": t.PathNodes(id=ids, x=x, y=y, z=z), "path_edges": edges}


def _outlines(outlines: Sequence[Any], ids: Sequence[str]) -> Polygons:
    """Return polygons of outlines given as points or shapely polygons; invalid ones are refused."""
    shapes = np.empty(len(outlines), dtype=object)
    for k, outline in enumerate(outlines):
        shapes[k] = outline if isinstance(outline, shapely.Geometry) else shapely.Polygon(outline)
    for bad in np.flatnonzero(~shapely.is_valid(shapes)).tolist():
        reason = shapely.is_valid_reason(shapes[bad])
        raise InputError(f"{ids[bad]!r}: outline must not cross itself; got {reason}. Use clean_polygons().")
    return Polygons.from_shapely(shapes)
