"""(Geo)DataFrames as designers have them, turned into the tables of a community."""

import base64
import hashlib
import itertools
import re
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import shapely

from cimkit.arrays import FloatArray, IntArray, TextArray, one_of
from cimkit.errors import InputError
from cimkit.geometry.frame import Frame, metric_crs
from cimkit.geometry.mending import mend_lines
from cimkit.geometry.polygons import Cleaned, Lines, Polygons, clean_polygons
from cimkit.geometry.ragged import numbers_within
from cimkit.geometry.terrain import Terrain
from cimkit.geometry.topology import connect_lines
from cimkit.lists import load_lists
from cimkit.model.derive import complete_heights, derive_storeys, parcel_of, path_tables
from cimkit.model.kinds import BuildingUse, FacilityKind, Kind, PathKind, SpaceKind, Status, StoreyKind
from cimkit.model.notes import Note, Notes, noted
from cimkit.model.table import Column, Table
from cimkit.model.tables import TABLES, Buildings, PathEdges, Plates, Storeys

_LISTS = load_lists(__file__, "vocabulary")
WORDS: dict[type[Kind], dict[str, int]] = {  # kind → word in other people's data → number
    kind: {w: int(kind.parse(code)) for code, words in _LISTS["kinds"][kind.__name__].items() for w in words.split()}
    for kind in (BuildingUse, FacilityKind, PathKind, SpaceKind, StoreyKind, Status)
}
FOOT = 0.3048  # [m]
_NUMBER = re.compile(r"([-+]?\d+(?:\.\d+)?)")
_FEET = re.compile(r"\d\s*(?:ft|feet|')", re.IGNORECASE)
_TRUE = {"true", "yes", "1", "y", "t", "是"}
Names = Mapping[str, str]  # columns: theirs → ours, or ours → theirs
Tables = Mapping[str, Any]  # or frames, or columns, by name
MOST = 50  # notes of one kind of repair
_NO = ("", "no", "0", "0.0", "f", "false", "none", "nan")
_ORDER = ("parcels", "buildings", "storeys", "spaces", "facilities", "entrances", "trees", "population")


def tables_from_frames(frames: Tables, *, columns: Names, crs: str) -> tuple[dict[str, Any], Frame, Notes]:
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
    for title in frames:
        one_of(title, (*_ORDER, "paths", "contours"), name="frames: tables")
    notes: list[Note] = []
    placed, frame = _project(frames, crs, notes)
    tables: dict[str, Any] = {}
    if "paths" in placed:
        tables |= _paths(placed["paths"], columns, notes)
    if "contours" in placed:
        tables["terrain"] = _terrain(placed["contours"], notes)
    for title in (t for t in _ORDER if t in placed):
        made: Any = _table(TABLES[title], placed[title], columns, tables, notes)
        if title == "buildings":
            tables |= _completed(made, tables.get("parcels"), notes)
        elif title == "storeys":
            tables |= _with_storeys(tables, made, placed[title], notes)
        else:
            tables[title] = made
    return tables, frame, Notes.of(notes)


def _project(frames: Tables, crs: str, notes: list[Note]) -> tuple[dict[str, Any], Frame]:
    """Return the frames in local metres of one CRS, and that local frame."""
    import geopandas as gpd
    import pyproj

    shaped = {k: v for k, v in frames.items() if isinstance(v, gpd.GeoDataFrame) and len(v)}
    target = ""
    for title in list(shaped):
        if (own := shaped[title].crs or (pyproj.CRS(crs) if crs else None)) is None:
            notes.append(Note("C01", "no CRS; coordinates are taken as local metres", title, fix="Give crs=."))
            continue
        shaped[title] = shaped[title].set_crs(own, allow_override=True)
        target = target or _metric_target(shaped[title], title, notes)
    if target:
        shaped = {k: v.to_crs(target) if v.crs is not None else v for k, v in shaped.items()}
    first = shaped.get("buildings", next(iter(shaped.values()), gpd.GeoDataFrame(geometry=[])))
    frame = Frame.around(_corners(first), target)
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
    lon, lat = _corners(gdf.to_crs("EPSG:4326")).mean(axis=0)
    target = metric_crs(float(lon), float(lat))
    notes.append(Note("C03", f"{crs.name} projected to {target}", title))
    if not metres and crs.is_projected:
        notes.append(Note("C05", f"map unit {crs.axis_info[0].unit_name} turned to metres", title))
    return target


def _table(table: type[Table], frame: Any, own: Names, tables: Tables, notes: list[Note]) -> Table:
    """Return one table out of one frame in local metres."""
    title = table.title()
    data: dict[str, Any] = {}
    shape = table.shape_column()
    names = {c.name for c in table.columns()}
    geometry = frame_geometry(frame)
    part = np.zeros(len(frame), dtype=np.int64)  # 0: in one piece
    if shape and geometry:
        cleaned = _cleaned(frame, title, notes)
        data[shape], frame = cleaned.polygons, frame.iloc[cleaned.source]
        pieces = np.bincount(cleaned.source, minlength=1)[cleaned.source]
        part = np.where(pieces > 1, numbers_within(cleaned.source), 0)
    elif geometry and {"x", "y"} <= names:
        points = shapely.centroid(np.asarray(frame.geometry.array, dtype=object))
        here = ~shapely.is_missing(points) & ~shapely.is_empty(points)
        notes += noted("I02", "records without a place are left out", ~here, title)
        frame, part = frame[here], part[here]
        data["x"], data["y"] = shapely.get_x(points[here]), shapely.get_y(points[here])
    found = find_columns(table, frame, own)
    if wanting := [c for c in ("building", "level") if c not in found] if table is Storeys else []:
        raise InputError(f"storeys: columns {', '.join(wanting)} must be there; got {', '.join(map(str, frame))}.")
    ids = np.arange(len(frame)).astype(str).astype(object)
    if "id" in names:
        ids = data["id"] = _ids(table, frame, found, part, data, notes)
    for col in table.columns():
        if col.name in data or col.name not in found or (col.of and col.of not in tables):
            continue
        values = frame[found[col.name]]
        if col.of:
            rows = {name: k for k, name in enumerate(tables[col.of].names())}
            texts = np.where(values.isna(), "", values.astype(str)).astype(object)
            data[col.name] = rows_of(texts, rows, col.of, title, notes, ids)
        else:
            data[col.name] = _read_values(col, values, title, notes, ids)
    if renamed := {theirs: ours for ours, theirs in found.items() if str(theirs).lower() != ours}:
        text = ", ".join(f"{theirs} → {ours}" for theirs, ours in renamed.items())
        notes.append(Note("M06", f"columns read as: {text}", title))
    left = [c for c in frame.columns if c not in {*found.values(), geometry}]
    return table(**data, extra={str(c): frame[c].to_numpy() for c in left})


def _cleaned(frame: Any, title: str, notes: list[Note]) -> Cleaned:
    """Return the outlines of a frame made valid, and add a note per fault, naming the row of the input."""
    cleaned = clean_polygons(np.asarray(frame.geometry.array, dtype=object))
    notes += [Note(code, text, title, f"row {frame.index[row]}", x, y) for row, code, text, x, y in cleaned.faults]
    return cleaned


def _ids(table: type[Table], frame: Any, found: Names, part: IntArray, data: Tables, notes: list[Note]) -> TextArray:
    """Return unique ids: the file's own where they tell rows apart, else made from place and size."""
    title, count = table.title(), len(frame)
    texts = frame[found["id"]].astype(str).to_numpy(dtype=object) if "id" in found else np.zeros(0, dtype=object)
    whole = part <= 1
    if len(texts) and len(set(texts[whole])) > max(1, 0.5 * whole.sum()) - 1:
        ids = np.array([f"{t}/{p}" if p > 0 else t for t, p in zip(texts, part, strict=True)], dtype=object)
    else:
        shape = data.get(table.shape_column())
        x, y = data.get("x", np.arange(count)), data.get("y", np.zeros(count))
        places = np.column_stack([x, y]) if shape is None else shape.centroids()
        ids = made_ids(title[0], places, np.zeros(count) if shape is None else shape.areas())
        why = f"column {found['id']!r} does not tell rows apart" if len(texts) else "there is no id column"
        notes.append(Note("M02", f"{why}; {count} ids made from place and size", title, count=count))
    return unique_ids(ids, title, notes)


def _completed(buildings: Buildings, parcels: Any, notes: list[Note]) -> dict[str, Any]:
    """Return the buildings with heights, storeys and parcels filled in, their plates, and their storeys written out."""
    buildings, said = complete_heights(buildings)
    if parcels is not None and (buildings.parcel < 0).all():
        buildings = replace(buildings, parcel=parcel_of(buildings.footprint, parcels))
    made = derive_storeys(buildings)
    count = len(made["storeys"])
    notes += [*said, Note("H07", f"{count} storeys of equal height over the footprint", "storeys", count=count)]
    return {"buildings": buildings, **made}


def _with_storeys(tables: Tables, given: Storeys, frame: Any, notes: list[Note]) -> dict[str, Any]:
    """Return buildings, plates and storeys with those in place that a storey frame describes.

    Floor heights add up from the ground where none are given; outlines are the footprint's
    where the frame has none.
    """
    buildings: Buildings = tables["buildings"]
    order = np.lexsort((given.level, given.building))
    order = order[given.building[order] >= 0]
    given = given.take(order)
    outlines = tables["plates"].outline
    plate = given.building.copy()
    if frame_geometry(frame):
        cleaned = _cleaned(frame, "storeys", notes)
        row_plate = np.full(len(frame), -1, dtype=np.int64)
        row_plate[cleaned.source] = len(outlines) + np.arange(len(cleaned.source))
        plate = np.where(row_plate[order] >= 0, row_plate[order], plate)
        outlines = Polygons.concat([outlines, cleaned.polygons])
    height = np.where(given.height > 0, given.height, 3.0)
    z = np.where(np.isnan(given.z), _floors(given.building, given.level, height), given.z)
    kind = np.where((given.level < 0) & (given.kind == 0), StoreyKind.BASEMENT, given.kind)
    given = replace(given, plate=plate, height=height, z=z, kind=kind, enclosed=kind != StoreyKind.STILT, extra={})
    described = np.isin(np.arange(len(buildings)), given.building)
    both = tables["storeys"].take(~described[tables["storeys"].building]).stacked(given)
    storeys = both.take(np.lexsort((both.level, both.building)))
    top = np.zeros(len(buildings))
    np.maximum.at(top, given.building, z + height)
    top = np.where(described & ~(buildings.height >= top), top, buildings.height)
    sides = storeys.building[storeys.level > 0], storeys.building[storeys.level < 0]
    above, below = (np.bincount(rows, minlength=len(top)) for rows in sides)
    buildings = replace(buildings, height=top, n_above=above, n_below=below)
    return {"buildings": buildings, "plates": Plates(outlines), "storeys": storeys}


def _floors(building: IntArray, level: IntArray, height: Any) -> Any:
    """Return floor heights that add up from the ground, for rows sorted by building and level."""
    z = np.zeros(len(level))
    for own in np.split(np.arange(len(level)), np.flatnonzero(np.diff(building)) + 1):
        up, down = own[level[own] > 0], own[level[own] < 0][::-1]
        z[up] = np.cumsum(height[up]) - height[up]
        z[down] = -np.cumsum(height[down])
    return z


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
    return Terrain.from_points(xyz, spacing=max(5.0, round(np.ptp(xyz[:, :2], axis=0).max() / 500)))


def _paths(frame: Any, own: Names, notes: list[Note]) -> dict[str, Any]:
    """Return nodes and edges of a frame of lines, split where they share a point."""
    parts, source = shapely.get_parts(np.asarray(frame.geometry.array, dtype=object), return_index=True)
    is_line = shapely.get_type_id(parts) == shapely.GeometryType.LINESTRING
    notes += noted("I02", "shapes that are no lines are left out", ~is_line, "path_edges")
    parts, source = parts[is_line], source[is_line]
    every: Any = _table(PathEdges, frame.drop(columns=frame_geometry(frame)), own, {}, notes)
    level, alike = _levels(frame, every), 2 * every.kind + every.oneway
    mended = mend_lines(Lines.from_shapely(parts), level=level[source], alike=alike[source])
    notes += _mended(mended.repairs, every.id[source])
    net = connect_lines(mended.lines)
    edges = every.take(source[mended.source][net.source])
    if len(set(edges.names())) < len(edges):
        edges = replace(edges, id=np.array([f"w{k}" for k in range(len(edges))], dtype=object))
    return path_tables(net, edges)


def _levels(frame: Any, edges: PathEdges) -> IntArray:
    """Return the level of each path: its ``layer`` tag, else 1 on a bridge and -1 in a tunnel.

    Railways and trunk roads have a level of their own: nobody walks there, and what crosses them is a matter of tags.
    """
    import pandas as pd

    here = {str(c).lower(): frame[c] for c in frame.columns}
    level = np.zeros(len(frame))
    for name, step in (("bridge", 1), ("tunnel", -1), ("layer", 0)):
        given = next((here[n] for n in synonyms("path_edges", name) if n in here), None)
        if given is not None and step:
            level[~(given.isna() | given.astype(str).str.lower().isin(_NO)).to_numpy()] = step
        elif given is not None:
            said = pd.to_numeric(given, errors="coerce").to_numpy(dtype=np.float64, na_value=np.nan)
            level = np.where(np.isfinite(said), said, level)
    apart = np.isin(edges.kind, (PathKind.RAILWAY, PathKind.TRUNK_ROAD))
    return np.where(apart, -1000 - np.arange(len(frame)), level).astype(np.int64)


def _mended(repairs: Sequence[tuple[str, int, float, float]], names: TextArray) -> list[Note]:
    """Return a note for each repair of paths, at most ``MOST`` of a kind and one that counts the rest."""
    notes = []
    for what in sorted({repair[0] for repair in repairs}):
        own = sorted(repair for repair in repairs if repair[0] == what)
        notes += [Note("N07", f"a path {what}", "path_edges", str(names[k]), x, y) for _, k, x, y in own[:MOST]]
        more = max(len(own) - MOST, 0)
        notes += noted("N07", f"a path {what} (and {more} more)", more, "path_edges")
    return notes


def find_columns(table: type[Table], frame: Any, own: Names) -> dict[str, str]:
    """Return our column name → the frame's column name.

    ``own`` (frame's name → ours) goes before the usual names; each column of the frame is used once.
    """
    lower = {str(c).strip().lower(): c for c in frame.columns if str(c) != frame_geometry(frame)}
    found = {ours: theirs for theirs, ours in own.items() if theirs in set(frame.columns)}
    for col in (c for c in table.columns() if c.name not in found and not c.is_shape):
        words = (col.label.lower(), *synonyms(table.title(), col.name))
        if free := [lower[w] for w in words if w in lower and lower[w] not in found.values()]:
            found[col.name] = free[0]
    return found


def synonyms(table: str, name: str) -> list[str]:
    """Return the lower-case names under which a column may come, the most specific first."""
    columns = _LISTS["columns"]
    own = columns.get(table, {}).get(name) or columns["common"].get(name, name)
    return list(dict.fromkeys([name, *own.split()]))


def frame_geometry(frame: Any) -> str:
    """Return the name of a frame's geometry column, empty if it has none."""
    return str(getattr(frame, "_geometry_column_name", "") or "")


def _read_values(col: Column, values: Any, table: str, notes: list[Note], ids: TextArray) -> Any:
    """Return a frame's column as ours, and note values that could not be read."""
    if col.is_kind or col.dtype is str:
        texts = np.where(values.isna(), "", values.to_numpy(dtype=object)).astype(str).astype(object)
        return kinds_of(col.dtype, texts, table, notes, ids) if col.is_kind else texts
    if col.dtype is bool:
        return np.array([str(v).strip().lower() in _TRUE for v in values], dtype=bool)
    numbers = _numbers(col, values, table, notes, ids)
    return numbers.astype(np.int64) if col.dtype is int else numbers


def _numbers(col: Column, values: Any, table: str, notes: list[Note], ids: TextArray) -> FloatArray:
    """Return numbers, the usual one where none is; of text like "22 m" or "6F" its first, feet turned to metres."""
    import pandas as pd

    array = np.asarray(values)
    feet = np.zeros(len(array), dtype=bool)
    if array.dtype.kind in "fiub":
        numbers = array.astype(np.float64)
        unread = np.isinf(numbers)
    else:
        texts: Any = pd.Series(np.where(values.isna(), "", array)).astype(str).str.strip()
        numbers = texts.str.extract(_NUMBER, expand=False).astype(np.float64).to_numpy(copy=True)
        unread = np.isnan(numbers) & (texts != "").to_numpy()
        feet = texts.str.contains(_FEET).to_numpy() & ~np.isnan(numbers)
    numbers[np.isinf(numbers)] = np.nan
    if col.unit == "m":
        numbers[feet] *= FOOT
    text = f"{col.name}: {unread.sum()} value(s) are no number and count as missing"
    notes += noted("M05", text, unread, table, ids, value=array)
    notes += noted("C05", f"{col.name}: feet turned to metres", feet & (col.unit == "m"), table, ids)
    return np.where(np.isnan(numbers), col.usual, numbers)


def kinds_of(kind: type[Kind], texts: Any, table: str, notes: list[Note], ids: Any = None) -> Any:
    """Return numbers of a kind for texts (n); words that are not in the list become the first member and are noted."""
    known = kind.words() | WORDS.get(kind, {})
    number = {word: known.get(word.strip().lower(), -1) for word in set(texts)}
    for word in sorted(w for w, found in number.items() if found < 0 and w.strip()):
        text = f"{kind.__name__} {word!r} is not in the list; taken as {next(iter(kind)).code}"
        notes += noted("M04", text, texts == word, table, ids, value=texts)
    return np.array([max(number[t], 0) for t in texts], dtype=np.int8)


def rows_of(texts: Any, rows: Mapping[str, int], of: str, table: str, notes: list[Note], ids: Any = None) -> IntArray:
    """Return the rows of a table that its ids in texts (n) refer to, -1 and a note where there is no such id."""
    found = np.array([rows.get(t, -1) for t in texts], dtype=np.int64)
    lost = (found < 0) & (texts != "")
    notes += noted("M03", f"{lost.sum()} reference(s) to {of} point to nothing", lost, table, ids, value=texts)
    return found


def made_ids(prefix: str, places: FloatArray, sizes: FloatArray) -> TextArray:
    """Return ids made from place (to 1 dm) and size (to 1 m²), so that the same file gives the same ids."""
    keys = np.column_stack([np.round(np.nan_to_num(places) * 10), np.round(np.nan_to_num(sizes))]).astype(np.int64)
    codes = [base64.b32encode(hashlib.blake2b(key.tobytes(), digest_size=5).digest()).decode() for key in keys]
    return np.array([f"{prefix}-{code.lower()}" for code in codes], dtype=object)


def unique_ids(ids: TextArray, table: str, notes: list[Note]) -> TextArray:
    """Return ids with ``~2``, ``~3`` added to those that repeat, and note that (M01)."""
    import pandas as pd

    number = pd.Series(ids).groupby(ids, sort=False).cumcount().to_numpy() + 1
    result, taken = ids.copy(), set(ids.tolist())
    for k in np.flatnonzero(number > 1):
        result[k] = next(n for n in (f"{ids[k]}~{m}" for m in itertools.count(number[k])) if n not in taken)
        taken.add(result[k])
    repeats = number > 1
    notes += noted("M01", f"{repeats.sum()} id(s) repeat; ~2, ~3 … added", repeats, table, ids)
    return result
