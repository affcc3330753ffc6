"""Our own lossless format: one GeoPackage with a layer per table, as QGIS opens it."""

from __future__ import annotations

import base64
import json
import zlib
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
import shapely

from cimkit.errors import CimkitError, FormatError, InputError
from cimkit.geometry.frame import Frame
from cimkit.geometry.polygons import Lines, Polygons
from cimkit.geometry.terrain import Terrain
from cimkit.io.atomic import atomic_write
from cimkit.io.gdal import quiet, unsynchronised
from cimkit.io.jsontext import parse_json
from cimkit.io.loading import check_wkb, layer_names
from cimkit.io.pack import Coding, checked_mesh, decode_column, encode_column, header_fields, header_of, header_text
from cimkit.model.columns import kinds_of, rows_of
from cimkit.model.community import Community
from cimkit.model.notes import Note, Notes
from cimkit.model.tables import TABLES

if TYPE_CHECKING:
    from collections.abc import Mapping
    from os import PathLike

    from cimkit.arrays import TextArray
    from cimkit.model.table import Column, Table

META = "cimkit_meta"
KEY = "key"  # column that other tables refer to, where ids are missing or repeat
_GEOMETRY_TYPES = {Polygons: "Polygon", Lines: "LineString Z"}


class Layer(NamedTuple):
    """One layer as it stands in the file: field name → values, and the shapes as WKB."""

    fields: dict[str, Any]
    shapes: Any


def write_cim(community: Community, path: str | PathLike[str]) -> None:
    """Write a community to a GeoPackage; nothing is lost.

    Every table is a layer in map coordinates; references are written as ids or keys, kinds as
    codes. ``cimkit_meta`` keeps the rest: version, frame, location, notes, terrain, mesh.

    Parameters
    ----------
    community
        What to write.
    path
        File, usually with suffix .gpkg.

    Raises
    ------
    InputError
        If a text cannot be stored (a NUL character, half a surrogate pair).
    """
    header = header_of(community)
    keys = {title: _keys(table) for title, table in community.tables.items()}
    described: dict[str, Any] = {}
    with atomic_write(path) as temporary, unsynchronised():
        for title, table in community.tables.items():
            if len(table):
                fields, described[title] = _table_fields(table, keys)
                _write_layer(temporary, title, fields, _shapes(table), community.frame.crs, _geometry_type(table))
        header["tables"] = described
        texts = {"header": header_text(header), **_blobs(community)}
        meta = {"name": np.array(list(texts), dtype=object), "value": np.array(list(texts.values()), dtype=object)}
        _write_layer(temporary, META, meta, None, "", None)


def is_cim(path: str | PathLike[str]) -> bool:
    """Tell whether a GeoPackage was written by cimkit."""
    try:
        return META in layer_names(Path(path))
    except FormatError:
        return False


def read_cim(path: str | PathLike[str]) -> tuple[Community, Notes]:
    """Read a community from a GeoPackage written by ``write_cim``, also after edits in QGIS.

    Parameters
    ----------
    path
        File to read.

    Returns
    -------
    tuple
        The community, and notes on what an edit left without a partner or outside a code list.

    Raises
    ------
    FormatError
        If the file is not one of ours, is damaged, or was written by a newer version.
    """
    who = Path(path).name
    layers = layer_names(Path(path))
    if META not in layers:
        raise FormatError(f"{who}: the file must be written by cimkit; layer {META} is missing. Use read().")
    meta = _read_layer(path, META).fields
    try:
        texts = dict(zip(meta["name"].tolist(), meta["value"].tolist(), strict=True))
        header = parse_json(str(texts["header"]), who)
        fields = header_fields(header, who)
        notes: list[Note] = []
        tables: dict[str, Any] = _read_tables(path, [t for t in TABLES if t in layers], header, fields["frame"], notes)
        fields |= _unblob(texts, header, tables)
        community = Community(**fields, **tables)
    except (KeyError, TypeError, ValueError, AttributeError, IndexError, zlib.error, CimkitError) as error:
        if isinstance(error, FormatError):
            raise
        raise FormatError(f"{who}: tables must be whole; {error!r:.200}. The file is damaged.") from error
    return community, Notes.of(notes)


# Writing ---------------------------------------------------------------------------------------


def _keys(table: Table) -> TextArray:
    """Return what other tables refer to a row by: its id or name if all differ, else its number."""
    names = table.names()
    if len(set(names)) == len(names) and all(isinstance(n, str) and n for n in names):
        return names
    return np.array([f"#{k}" for k in range(len(names))], dtype=object)


def _table_fields(table: Table, keys: Mapping[str, TextArray]) -> tuple[dict[str, Any], dict[str, Any]]:
    """Return the fields of a layer, and how its extra columns are named and coded."""
    own = {c.name for c in table.columns()}
    fields: dict[str, Any] = {}
    key = keys[table.title()]
    if "id" not in own or key is not table.names():
        fields[KEY] = key
    for col in table.columns():
        value = getattr(table, col.name)
        if col.is_shape or (col.name in ("x", "y") and {"x", "y", "z"} <= own):
            continue
        if col.is_kind:
            value = col.dtype.codes(value)
        elif col.of:
            value = np.append(keys[col.of], "")[value]
        fields[col.label] = value
    taken = {"fid", "geom", "geometry", KEY, *(f.lower() for f in fields)}
    extra = []
    for name, values in table.extra.items():
        coding, coded = encode_column(values, f"{table.title()}, column {name!r}")
        stored = _field_name(str(name), taken)
        fields[stored] = coded
        extra.append([name, stored, coding.form, coding.dtype])
    return fields, {"rows": len(table), "extra": extra}


def _field_name(name: str, taken: set[str]) -> str:
    """Return a name that no other field of the layer has, and note it as taken."""
    plain = name if name and name.isprintable() and '"' not in name else "column"
    stored, number = plain, 2
    while stored.lower() in taken:
        stored, number = f"{plain}_{number}", number + 1
    taken.add(stored.lower())
    return stored


def _shapes(table: Table) -> Any:
    """Return the shapes of a table in map coordinates as WKB, or None."""
    shapes = table.shapes()
    if shapes is None:
        return None
    shapes = (table.context.frame if table.context else Frame()).moved(shapes)
    there = np.isfinite(shapely.bounds(shapes)).all(axis=1)
    return np.where(there, shapely.to_wkb(shapes, output_dimension=3), None)


def _is_point_table(table: type[Table]) -> bool:
    """Tell whether rows of a table are points."""
    return {"x", "y", "z"} <= {c.name for c in table.columns()}


def _geometry_type(table: Table) -> str | None:
    """Return the geometry type of a layer as OGR names it."""
    shaped = [_GEOMETRY_TYPES[c.dtype] for c in table.columns() if c.is_shape]
    return shaped[0] if shaped else "Point Z" if _is_point_table(type(table)) else None


def _write_layer(path: Path, name: str, fields: Mapping[str, Any], shapes: Any, crs: str, kind: str | None) -> None:
    """Write one layer of a GeoPackage."""
    import pyogrio

    _check_texts(name, fields)
    wkb = None if shapes is None else np.asarray(shapes, dtype=object)
    about = {"geometry_type": kind, "crs": crs or None, "layer_options": {"GEOMETRY_NAME": "geom"}} if kind else {}
    with quiet():  # a community without a map has no CRS, and that is meant
        try:
            pyogrio.raw.write(path, wkb, list(fields.values()), list(fields), layer=name, driver="GPKG", **about)
        except UnicodeEncodeError as error:
            raise InputError(f"{name}: text must be valid Unicode; {error}.") from error


def _check_texts(layer: str, fields: Mapping[str, Any]) -> None:
    """Raise InputError for text that a GeoPackage would cut short."""
    for name, values in fields.items():
        if values.dtype != object:
            continue
        for row, text in enumerate(values):
            if text is not None and (not isinstance(text, str) or "\x00" in text):
                raise InputError(f"{layer}, column {name!r}, row {row}: must be text without NUL; got {text!r:.60}.")


def _blobs(community: Community) -> dict[str, str]:
    """Return terrain and mesh as JSON and compressed text."""
    texts = {}
    if community.terrain is not None:
        ground = community.terrain
        texts["terrain"] = json.dumps([ground.x0, ground.y0, ground.spacing, *ground.z.shape])
        texts["terrain_z"] = _blob(ground.z, "<f8")
    if len(community.mesh):
        texts["mesh_corners"] = _blob(community.mesh.corners, "<f8")
        texts["mesh_owner"] = _blob(community.mesh.owner, "<i8")
    return texts


def _blob(values: Any, dtype: str) -> str:
    """Return an array as compressed text."""
    return base64.b64encode(zlib.compress(np.ascontiguousarray(values, dtype=dtype).tobytes(), 1)).decode()


# Reading ---------------------------------------------------------------------------------------


def _read_layer(path: str | PathLike[str], name: str) -> Layer:
    """Return one layer of the file."""
    import pyogrio

    try:
        with quiet():
            meta, _, shapes, values = pyogrio.raw.read(path, layer=name)
    except (RuntimeError, ValueError, UnicodeDecodeError) as error:
        raise FormatError(f"{Path(path).name}, layer {name}: it must be whole; {error}.") from error
    if shapes is not None:
        check_wkb(shapes, f"{Path(path).name}, layer {name}")
    return Layer(dict(zip(meta["fields"].tolist(), values, strict=True)), shapes)


def _read_tables(path: Any, titles: list[str], header: Any, frame: Frame, notes: list[Note]) -> dict[str, Any]:
    """Return the tables of the layers, references resolved to rows."""
    layers = {title: _read_layer(path, title) for title in titles}
    rows = {title: _rows_by_key(layer) for title, layer in layers.items()}
    described = header.get("tables", {})
    return {t: _table(TABLES[t], layer, described.get(t, {}), rows, frame, notes) for t, layer in layers.items()}


def _rows_by_key(layer: Layer) -> dict[str, int]:
    """Return key → row of a layer."""
    keys = layer.fields.get(KEY, layer.fields.get("id"))
    return {} if keys is None else {str(k): row for row, k in enumerate(keys)}


def _table(
    table: type[Table], layer: Layer, described: Any, rows: Mapping[str, Any], frame: Frame, notes: list[Note]
) -> Table:
    """Return the table of one layer."""
    data = _placed(table, layer, frame)
    used = {KEY}
    for col in table.columns():
        if col.label in layer.fields:
            used.add(col.label)
            if col.name not in data:
                data[col.name] = _column(col, layer.fields[col.label], table.title(), rows, notes)
    extra: dict[str, Any] = {}
    for name, stored, form, dtype in described.get("extra", []):
        if stored in layer.fields:
            used.add(stored)
            extra[name] = decode_column(Coding(form, dtype), layer.fields[stored], table.title())
    added = {name: values for name, values in layer.fields.items() if name not in used}
    return table(**data, extra=extra | added)


def _placed(table: type[Table], layer: Layer, frame: Frame) -> dict[str, Any]:
    """Return the columns that hold the shapes, in local metres."""
    if layer.shapes is None:
        return {}
    shapes = frame.moved(_single(shapely.from_wkb(layer.shapes)), back=True)
    for col in table.columns():
        if col.is_shape:
            return {col.name: col.dtype.from_shapely(shapes)}
    if not _is_point_table(table):
        return {}
    at = {"x": shapely.get_x(shapes), "y": shapely.get_y(shapes), "z": shapely.get_z(shapes)}
    z = layer.fields.get("z_m")  # the height as a number survives programs that flatten points
    return at if z is None else {**at, "z": z}


def _single(shapes: Any) -> Any:
    """Return multi-shapes of one part as that part (QGIS promotes to multi on some edits)."""
    multi = shapely.get_type_id(shapes) >= shapely.GeometryType.MULTIPOINT
    one = multi & (shapely.get_num_geometries(shapes) == 1)
    return np.where(one, shapely.get_geometry(shapes, 0), shapes)


def _column(col: Column, values: Any, title: str, rows: Mapping[str, Any], notes: list[Note]) -> Any:
    """Return one declared column of a layer."""
    if col.is_kind or col.of or col.dtype is str:
        texts = np.array([*("" if v is None else str(v) for v in values), None], dtype=object)[:-1]
        if col.dtype is str:
            return texts
        of = rows.get(col.of, {})
        found, said = kinds_of(col.dtype, texts, title) if col.is_kind else rows_of(texts, of, col.of, title)
        notes += said
        return found
    numbers = np.asarray(values)
    if col.dtype is int and numbers.dtype.kind == "f":  # rows added elsewhere have no value
        return np.where(np.isnan(numbers), col.usual, numbers).astype(np.int64)
    return numbers


def _unblob(texts: Mapping[str, Any], header: Any, tables: Mapping[str, Table]) -> dict[str, Any]:
    """Return terrain and mesh out of the texts of the meta layer."""
    fields: dict[str, Any] = {}
    if "terrain" in texts:
        x0, y0, spacing, height, width = parse_json(texts["terrain"], "terrain")
        z = _array(texts["terrain_z"], "<f8").reshape(int(height), int(width))
        fields["terrain"] = Terrain(float(x0), float(y0), float(spacing), z)
    if "mesh_owner" in texts:
        buildings = tables.get("buildings")
        rows = 0 if buildings is None else len(buildings)
        if rows == header["tables"].get("buildings", {}).get("rows", 0):
            corners = _array(texts["mesh_corners"], "<f8")
            fields["mesh"] = checked_mesh(corners, _array(texts["mesh_owner"], "<i8"), buildings)
    return fields


def _array(text: str, dtype: str) -> Any:
    """Return the array of compressed text."""
    expander = zlib.decompressobj()
    data = expander.decompress(base64.b64decode(text), 2 * 1024**3)
    return np.frombuffer(data, dtype=dtype).astype(np.dtype(dtype).newbyteorder("="))
