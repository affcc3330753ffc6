"""(Geo)DataFrames as designers have them, turned into the tables of a community."""

from __future__ import annotations

import dataclasses
import itertools
import operator
from typing import TYPE_CHECKING, Any

import numpy as np
import shapely

from cimkit.errors import InputError
from cimkit.geometry.frame import Frame, metric_crs
from cimkit.geometry.polygons import Lines, Polygons, clean_polygons
from cimkit.geometry.ragged import numbers_within
from cimkit.geometry.terrain import Terrain
from cimkit.geometry.topology import connect_lines, mend_lines
from cimkit.model.build import parcel_of, path_tables
from cimkit.model.columns import find_columns, frame_geometry, made_ids, read_values, rows_of, unique_ids
from cimkit.model.derive import complete_heights, derive_storeys
from cimkit.model.kinds import PathKind, StoreyKind
from cimkit.model.notes import Note, Notes, noted
from cimkit.model.tables import TABLES, Buildings, PathEdges, Plates, Storeys
from cimkit.model.vocabulary import synonyms

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from cimkit.arrays import IntArray, TextArray
    from cimkit.model.table import Table

MOST = 50  # notes of one kind of repair
_NO = ("", "no", "0", "0.0", "f", "false", "none", "nan")
_PREFIX = {"buildings": "b", "parcels": "p", "spaces": "s", "facilities": "f", "entrances": "e", "trees": "t"}
_ORDER = ("parcels", "buildings", "storeys", "spaces", "facilities", "entrances", "trees", "population")


def tables_from_frames(
    frames: Mapping[str, Any], *, columns: Mapping[str, str], crs: str
) -> tuple[dict[str, Any], Frame, Notes]:
    """Return tables in local metres, the frame, and what was guessed, mended or left out.

    Parameters
    ----------
    frames
        Table name (``buildings``, ``storeys``, ``paths`` …) → frame.
    columns
        Own column names, theirs → ours.
    crs
        CRS of frames that state none.

    Raises
    ------
    InputError
        If a table is unknown or a frame cannot be placed.
    """
    every = (*_ORDER, "paths", "contours")
    unknown = sorted(set(frames) - set(every))
    if unknown:
        raise InputError(f"frames: tables must be among {', '.join(every)}; got {', '.join(unknown)}.")
    notes: list[Note] = []
    placed, frame = _project(frames, crs, notes)
    tables: dict[str, Any] = {}
    if "paths" in placed:
        tables |= _paths(placed["paths"], columns, notes)
    if "contours" in placed:
        tables["terrain"] = _terrain(placed["contours"], notes)
    for title in _ORDER:
        if title not in placed:
            continue
        if title == "storeys":
            _join_storeys(tables, placed[title], columns, notes)
            continue
        tables[title] = _table(TABLES[title], placed[title], columns, tables, notes)
        if title == "buildings":
            _complete_buildings(tables, notes)
    return tables, frame, Notes.of(notes)


def _project(frames: Mapping[str, Any], crs: str, notes: list[Note]) -> tuple[dict[str, Any], Frame]:
    """Return the frames in local metres of one CRS, and that local frame."""
    import geopandas as gpd
    import pyproj

    shaped = {k: v for k, v in frames.items() if isinstance(v, gpd.GeoDataFrame) and len(v)}
    target = ""
    for title in list(shaped):
        own = shaped[title].crs or (pyproj.CRS(crs) if crs else None)
        if own is None:
            notes.append(Note("C01", "no CRS; coordinates are taken as local metres", title, fix="Give crs=."))
            continue
        shaped[title] = shaped[title].set_crs(own, allow_override=True)
        target = target or _metric_target(shaped[title], title, notes)
    if target:
        shaped = {k: v.to_crs(target) if v.crs is not None else v for k, v in shaped.items()}
    first = shaped.get("buildings", next(iter(shaped.values()), None))
    corners = np.zeros((0, 2)) if first is None else _corners(first)
    frame = Frame.around(corners, target)
    if abs(frame.origin[0]) > 1e12 or abs(frame.origin[1]) > 1e12:
        raise InputError(f"frames: coordinates must be finite metres; got {frame.origin[:2]}. Check the CRS.")
    moved = {k: v.set_geometry(frame.moved(v.geometry.array, back=True)) for k, v in shaped.items()}
    return {**frames, **moved}, frame


def _corners(gdf: Any) -> Any:
    """Return the corners of the finite bounds of a frame."""
    bounds = gdf.geometry.bounds.to_numpy().reshape(-1, 2)
    return bounds[np.isfinite(bounds).all(axis=1)]


def _metric_target(gdf: Any, title: str, notes: list[Note]) -> str:
    """Return the CRS to work in: the frame's own if it is metric and true to area, else a local one."""
    crs = gdf.crs
    mercator = "mercator" in crs.name.lower() and "transverse" not in crs.name.lower()
    metres = crs.is_projected and all(a.unit_name == "metre" for a in crs.axis_info[:2])
    if metres and not mercator:
        authority = crs.to_authority(min_confidence=60)
        return ":".join(authority) if authority else str(crs.to_wkt())
    corners = _corners(gdf.to_crs("EPSG:4326"))
    lon, lat = corners.mean(axis=0)
    target = metric_crs(float(lon), float(lat))
    notes.append(Note("C03", f"{crs.name} projected to {target}", title))
    if not metres and crs.is_projected:
        notes.append(Note("C05", f"map unit {crs.axis_info[0].unit_name} turned to metres", title))
    return target


def _table(
    table: type[Table], frame: Any, own: Mapping[str, str], tables: Mapping[str, Any], notes: list[Note]
) -> Table:
    """Return one table out of one frame in local metres."""
    title = table.title()
    data: dict[str, Any] = {}
    shape = table.shape_column()
    names = {c.name for c in table.columns()}
    geometry = frame_geometry(frame)
    part = np.zeros(len(frame), dtype=np.int64)  # 0: in one piece
    if shape and geometry:
        cleaned = clean_polygons(np.asarray(frame.geometry.array, dtype=object))
        _note_faults(cleaned.faults, title, frame, notes)
        data[shape] = cleaned.polygons
        frame = frame.iloc[cleaned.source]
        part = _part_numbers(cleaned.source)
    elif geometry and {"x", "y"} <= names:
        points = shapely.centroid(np.asarray(frame.geometry.array, dtype=object))
        here = ~shapely.is_missing(points) & ~shapely.is_empty(points)
        notes += noted("I02", "records without a place are left out", ~here, title)
        frame, part = frame[here], part[here]
        data["x"], data["y"] = shapely.get_x(points[here]), shapely.get_y(points[here])
    found = find_columns(table, frame, own)
    ids = _ids(table, frame, found, part, data, notes) if "id" in names else np.arange(len(frame)).astype(str)
    if "id" in names:
        data["id"] = ids
    for col in table.columns():
        if col.name in data or col.name not in found:
            continue
        values = frame[found[col.name]]
        if col.of and col.of not in tables:
            continue
        if col.of:
            rows = {name: k for k, name in enumerate(tables[col.of].names())}
            texts = np.where(values.isna(), "", values.astype(str)).astype(object)
            data[col.name], said = rows_of(texts, rows, col.of, title, ids)
        else:
            data[col.name], said = read_values(col, values, title, np.asarray(ids, dtype=object))
        notes.extend(said)
    renamed = {theirs: ours for ours, theirs in found.items() if str(theirs).lower() != ours}
    if renamed:
        text = ", ".join(f"{theirs} → {ours}" for theirs, ours in renamed.items())
        notes.append(Note("M06", f"columns read as: {text}", title))
    left = [c for c in frame.columns if c not in set(found.values()) and c != geometry]
    extra = {str(c): frame[c].to_numpy() for c in left}
    return table(**data, extra=extra)


def _part_numbers(source: IntArray) -> IntArray:
    """Return 0 for shapes in one piece, else 1, 2, … for the pieces of one row."""
    pieces = np.bincount(source, minlength=1)[source]
    return np.where(pieces > 1, numbers_within(source), 0)


def _note_faults(faults: Any, title: str, frame: Any, notes: list[Note]) -> None:
    """Add a note per fault of a shape, naming the row of the input."""
    for row, code, text, x, y in faults:
        notes.append(Note(code, text, title, f"row {frame.index[row]}", x, y))


def _ids(
    table: type[Table], frame: Any, found: Mapping[str, str], part: IntArray, data: Mapping[str, Any], notes: list[Note]
) -> TextArray:
    """Return unique ids: the file's own where they tell rows apart, else made from place and size."""
    title = table.title()
    texts = frame[found["id"]].astype(str).to_numpy(dtype=object) if "id" in found else np.zeros(0, dtype=object)
    whole = part <= 1
    if len(texts) and len(set(texts[whole])) > max(1, 0.5 * whole.sum()) - 1:
        ids = np.array([f"{t}/{p}" if p > 0 else t for t, p in zip(texts, part, strict=True)], dtype=object)
        if not (part > 0).any():
            ids = texts
    else:
        places, sizes = _places(table, data, len(frame))
        ids = made_ids(_PREFIX.get(title, title[0]), places, sizes)
        why = f"column {found['id']!r} does not tell rows apart" if len(texts) else "there is no id column"
        notes.append(Note("M02", f"{why}; {len(ids)} ids made from place and size", title, count=len(ids)))
    ids, said = unique_ids(ids, title)
    notes.extend(said)
    return ids


def _places(table: type[Table], data: Mapping[str, Any], count: int) -> tuple[Any, Any]:
    """Return a point and a size for each row, for making ids."""
    shape = data.get(table.shape_column() or "-")
    if isinstance(shape, Polygons):
        return shape.centroids(), shape.areas()
    if "x" in data:
        return np.column_stack([data["x"], data["y"]]), np.zeros(count)
    return np.column_stack([np.arange(count), np.zeros(count)]), np.zeros(count)


def _complete_buildings(tables: dict[str, Any], notes: list[Note]) -> None:
    """Fill heights, storeys and parcels of the buildings and write out their storeys."""
    buildings: Buildings = tables["buildings"]
    buildings, said = complete_heights(buildings)
    notes.extend(said)
    if "parcels" in tables and (buildings.parcel < 0).all():
        buildings = dataclasses.replace(buildings, parcel=parcel_of(buildings.footprint, tables["parcels"]))
    tables |= {"buildings": buildings, **derive_storeys(buildings)}
    count = len(tables["storeys"])
    notes.append(Note("H07", f"{count} storeys of equal height over the footprint", "storeys", count=count))


def _join_storeys(tables: dict[str, Any], frame: Any, own: Mapping[str, str], notes: list[Note]) -> None:
    """Replace the derived storeys of the buildings that a storey frame describes.

    Floor heights add up from the ground where none are given; outlines are the footprint's
    where the frame has none.
    """
    buildings: Buildings = tables["buildings"]
    found = find_columns(Storeys, frame, own)
    wanting = [c for c in ("building", "level") if c not in found]
    if wanting:
        raise InputError(
            f"storeys: columns {', '.join(wanting)} must be there; got {', '.join(map(str, frame.columns))}."
        )
    given: Any = _table(Storeys, frame, own, tables, notes)
    order = np.lexsort((given.level, given.building))
    order = order[given.building[order] >= 0]
    given = given.take(order)
    outlines = tables["plates"].outline
    plate = given.building.copy()
    if frame_geometry(frame):
        cleaned = clean_polygons(np.asarray(frame.geometry.array, dtype=object))
        _note_faults(cleaned.faults, "storeys", frame, notes)
        row_plate = np.full(len(frame), -1, dtype=np.int64)
        row_plate[cleaned.source] = len(outlines) + np.arange(len(cleaned.source))
        plate = np.where(row_plate[order] >= 0, row_plate[order], plate)
        outlines = Polygons.concat([outlines, cleaned.polygons])
    height = np.where(given.height > 0, given.height, 3.0)
    z = np.where(np.isnan(given.z), _floors(given.building, given.level, height), given.z)
    kind = np.where((given.level < 0) & (given.kind == 0), StoreyKind.BASEMENT, given.kind)
    given = dataclasses.replace(
        given, plate=plate, height=height, z=z, kind=kind, enclosed=kind != StoreyKind.STILT, extra={}
    )
    described = np.isin(np.arange(len(buildings)), given.building)
    kept = tables["storeys"].take(~described[tables["storeys"].building])
    both: Any = kept.stacked(given)
    tables["storeys"] = both.take(np.lexsort((both.level, both.building)))
    tables["plates"] = Plates(outline=outlines)
    tables["buildings"] = _heights_of_storeys(buildings, given, described)


def _floors(building: IntArray, level: IntArray, height: Any) -> Any:
    """Return floor heights that add up from the ground, for rows sorted by building and level."""
    z = np.zeros(len(level))
    for b in np.unique(building):
        own = np.flatnonzero(building == b)
        up, down = own[level[own] > 0], own[level[own] < 0]
        z[up] = np.cumsum(height[up]) - height[up]
        z[down] = -np.cumsum(height[down][::-1])[::-1]
    return z


def _heights_of_storeys(buildings: Buildings, storeys: Storeys, described: Any) -> Buildings:
    """Return the buildings with heights and counts that agree with their storeys."""
    top = np.zeros(len(buildings))
    np.maximum.at(top, storeys.building, storeys.z + storeys.height)
    above = np.bincount(storeys.building[storeys.level > 0], minlength=len(buildings))
    below = np.bincount(storeys.building[storeys.level < 0], minlength=len(buildings))
    return dataclasses.replace(
        buildings,
        height=np.where(described & ~(buildings.height >= top), top, buildings.height),
        n_above=np.where(described, above, buildings.n_above),
        n_below=np.where(described, below, buildings.n_below),
    )


def _terrain(gdf: Any, notes: list[Note]) -> Terrain | None:
    """Return the ground of contour lines or survey points, None where they have no heights."""
    column = next((c for c in ("elev_m", "elev", "elevation", "height", "z", "高程", "标高") if c in gdf.columns), "")
    xyz, row = shapely.get_coordinates(gdf.geometry.array, include_z=True, return_index=True)
    if column:
        xyz[:, 2] = gdf[column].to_numpy(dtype=np.float64)[row]
    xyz = xyz[np.isfinite(xyz).all(axis=1)]
    if len(xyz) < 3:
        notes.append(Note("I03", "contour lines without heights were not used", "terrain"))
        return None
    size = float(np.ptp(xyz[:, :2], axis=0).max())
    return Terrain.from_points(xyz, spacing=max(5.0, round(size / 500)))


def _paths(frame: Any, own: Mapping[str, str], notes: list[Note]) -> dict[str, Any]:
    """Return nodes and edges of a frame of lines, split where they share a point."""
    parts, source = shapely.get_parts(np.asarray(frame.geometry.array, dtype=object), return_index=True)
    is_line = shapely.get_type_id(parts) == shapely.GeometryType.LINESTRING
    notes += noted("I02", "shapes that are no lines are left out", ~is_line, "path_edges")
    parts, source = parts[is_line], source[is_line]
    every: Any = _table(PathEdges, frame.drop(columns=frame_geometry(frame)), own, {}, notes)
    mended = mend_lines(
        Lines.from_shapely(parts), level=_levels(frame, every)[source], alike=(2 * every.kind + every.oneway)[source]
    )
    notes.extend(_mended(mended.repairs, every.id[source]))
    net = connect_lines(mended.lines)
    edges = every.take(source[mended.source][net.source])
    if len(set(edges.names())) < len(edges):
        edges = dataclasses.replace(edges, id=np.array([f"w{k}" for k in range(len(edges))], dtype=object))
    return path_tables(net, edges)


def _levels(frame: Any, edges: PathEdges) -> IntArray:
    """Return the level of each path: its ``layer`` tag, else 1 on a bridge and -1 in a tunnel.

    Railways and trunk roads have a level of their own: nobody walks there, and what crosses them is a matter of tags.
    """
    import pandas as pd

    here = {str(c).lower(): c for c in frame.columns}
    layer, bridge, tunnel = (
        next((frame[here[n]] for n in synonyms("path_edges", name) if n in here), None)
        for name in ("layer", "bridge", "tunnel")
    )
    level = np.zeros(len(frame))
    for given, step in ((bridge, 1), (tunnel, -1)):
        if given is not None:
            level[~(given.isna() | given.astype(str).str.lower().isin(_NO)).to_numpy()] = step
    if layer is not None:
        said = pd.to_numeric(layer, errors="coerce").to_numpy(dtype=np.float64, na_value=np.nan)
        level = np.where(np.isfinite(said), said, level)
    apart = np.isin(edges.kind, (PathKind.RAILWAY, PathKind.TRUNK_ROAD))
    return np.where(apart, -1000 - np.arange(len(frame)), level).astype(np.int64)


def _mended(repairs: Sequence[tuple[str, int, float, float]], names: TextArray) -> list[Note]:
    """Return a note for each repair of paths, at most ``MOST`` of a kind and one that counts the rest."""
    notes = []
    for what, each in itertools.groupby(sorted(repairs), key=operator.itemgetter(0)):
        all_ = list(each)
        notes += [Note("N07", f"a path {what}", "path_edges", str(names[k]), x, y) for _, k, x, y in all_[:MOST]]
        if len(all_) > MOST:
            more = len(all_) - MOST
            notes.append(Note("N07", f"a path {what} (and {more} more)", "path_edges", count=more))
    return notes
