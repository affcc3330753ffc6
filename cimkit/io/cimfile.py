"""Our own lossless format: one GeoPackage with a layer per table, as QGIS opens it."""

import contextlib
import json
import warnings
from collections.abc import Iterator, Mapping
from os import PathLike
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import shapely

from cimkit.arrays import TextArray
from cimkit.errors import FormatError, InputError
from cimkit.geometry.frame import Frame
from cimkit.geometry.polygons import Polygons
from cimkit.io import pack
from cimkit.io.atomic import atomic_write
from cimkit.io.guard import DAMAGED, expected, parse_json
from cimkit.io.loading import layer_names
from cimkit.model.community import Community
from cimkit.model.frames import kinds_of, rows_of
from cimkit.model.notes import Note, Notes
from cimkit.model.table import Column, Table, lookup_names
from cimkit.model.tables import TABLES

META = "cimkit_meta"
KEY = "key"  # column that other tables refer to, where ids are missing or repeat


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
    keys = {title: _keys(table) for title, table in community.tables.items()}
    header = pack.header_of(community)
    with atomic_write(path) as temporary, _unsynchronised():
        for title, table in community.tables.items():
            if len(table):
                layer, header["tables"][title] = _layer(table, keys, community.frame)
                _write_layer(temporary, title, layer, _geometry_type(table), community.frame.crs)
        rest = {"header": json.dumps(header, ensure_ascii=False), "cimz": pack.to_text(community, {})}
        fields = {"name": np.array(list(rest), dtype=object), "value": np.array(list(rest.values()), dtype=object)}
        _write_layer(temporary, META, Layer(fields, None), "", "")


def is_cim(path: str | PathLike[str]) -> bool:
    """Tell whether a GeoPackage was written by cimkit."""
    with contextlib.suppress(FormatError):
        return META in layer_names(Path(path))
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
        If the file is not one of ours, is damaged, or was written by another version.
    """
    path, notes = Path(path), list[Note]()
    names = layer_names(path)
    if META not in names:
        raise FormatError(f"{path.name}: the file must be written by cimkit; layer {META} is missing. Use read().")
    with expected(path.name, "tables must be whole", DAMAGED):
        meta = _read_layer(path, META).fields
        rest = dict(zip(meta["name"].tolist(), meta["value"].tolist(), strict=True))
        header = parse_json(str(rest["header"]), path.name)
        pack.check_version(header, path.name)
        layers = {title: _read_layer(path, title) for title in TABLES if title in names}
        rows = {title: _rows_by_key(layer) for title, layer in layers.items()}
        frame = pack.frame_of(header)
        tables = {t: _table(TABLES[t], x, header["tables"].get(t, ()), rows, frame, notes) for t, x in layers.items()}
        return pack.from_text(str(rest["cimz"]), path.name, tables), Notes.of(notes)


# Writing ---------------------------------------------------------------------------------------


@contextlib.contextmanager
def _unsynchronised() -> Iterator[None]:
    """Let SQLite leave synchronising to ``atomic_write``, which does it once: a third of the time."""
    import pyogrio

    before = pyogrio.get_gdal_config_option("OGR_SQLITE_SYNCHRONOUS")
    pyogrio.set_gdal_config_options({"OGR_SQLITE_SYNCHRONOUS": "OFF"})
    try:
        yield
    finally:
        pyogrio.set_gdal_config_options({"OGR_SQLITE_SYNCHRONOUS": before})


def _keys(table: Table) -> TextArray:
    """Return what other tables refer to a row by: its id or name if all differ, else its number."""
    names = table.names()
    if len(set(names)) == len(names) and all(isinstance(n, str) and n for n in names):
        return names
    return np.array([f"#{k}" for k in range(len(names))], dtype=object)


def _layer(table: Table, keys: Mapping[str, TextArray], frame: Frame) -> tuple[Layer, list[tuple[str, str, str]]]:
    """Return the layer of a table, and of its extra columns the name, the name in the layer, and the form."""
    own = {c.name for c in table.columns()}
    fields: dict[str, Any] = {}
    key = keys[table.title()]
    if "id" not in own or key is not table.names():
        fields[KEY] = key
    for col in table.columns():
        value = getattr(table, col.name)
        if col.is_shape or (col.name in ("x", "y") and _geometry_type(table) == "Point Z"):
            continue
        if col.is_kind:
            value = col.dtype.codes(value)
        elif col.of:
            value = lookup_names(keys[col.of], value)
        fields[col.label] = value
    taken = {"fid", "geom", "geometry", KEY, *(f.lower() for f in fields)}
    extra = []
    for name, values in table.extra.items():
        stored = _field_name(str(name), taken)
        form, fields[stored] = pack.encode_column(values, f"{table.title()}, column {name!r}")
        extra.append((str(name), stored, form))
    shapes = table.shapes()
    if shapes is not None:
        shapes = frame.moved(shapes)
        there = np.isfinite(shapely.bounds(shapes)).all(axis=1)
        shapes = np.where(there, shapely.to_wkb(shapes, output_dimension=3), None)
    return Layer(fields, shapes), extra


def _field_name(name: str, taken: set[str]) -> str:
    """Return a name that no other field of the layer has, and note it as taken."""
    plain = name if name and name.isprintable() and '"' not in name else "column"
    names = (plain, *(f"{plain}_{k}" for k in range(2, len(taken) + 3)))
    stored = next(n for n in names if n.lower() not in taken)
    taken.add(stored.lower())
    return stored


def _geometry_type(table: Table | type[Table]) -> str:
    """Return the geometry type of a layer as OGR names it, empty for none."""
    columns = {c.name: c.dtype for c in table.columns()}
    if table.shape_column():
        return "Polygon" if columns[table.shape_column()] is Polygons else "LineString Z"
    return "Point Z" if {"x", "y", "z"} <= set(columns) else ""


def _write_layer(path: Path, name: str, layer: Layer, kind: str, crs: str) -> None:
    """Write one layer of a GeoPackage; text that it would cut short is refused."""
    import pyogrio

    for title, values in layer.fields.items():
        for row, text in enumerate(values if values.dtype == object else ()):
            if text is not None and (not isinstance(text, str) or "\x00" in text):
                raise InputError(f"{name}, column {title!r}, row {row}: must be text without NUL; got {text!r:.60}.")
    about = {"geometry_type": kind, "crs": crs or None, "layer_options": {"GEOMETRY_NAME": "geom"}} if kind else {}
    fields = list(layer.fields.values())
    with warnings.catch_warnings(action="ignore"):  # a community without a map has no CRS, and that is meant
        try:
            pyogrio.raw.write(path, layer.shapes, fields, list(layer.fields), layer=name, driver="GPKG", **about)
        except UnicodeEncodeError as error:
            raise InputError(f"{name}: text must be valid Unicode; {error}.") from error


# Reading ---------------------------------------------------------------------------------------


def _read_layer(path: Path, name: str) -> Layer:
    """Return one layer of the file."""
    import pyogrio

    with expected(f"{path.name}, layer {name}", "it must be whole"), warnings.catch_warnings(action="ignore"):
        meta, _, shapes, values = pyogrio.raw.read(path, layer=name)
    return Layer(dict(zip(meta["fields"].tolist(), values, strict=True)), shapes)


def _rows_by_key(layer: Layer) -> dict[str, int]:
    """Return key → row of a layer."""
    return {str(key): row for row, key in enumerate(layer.fields.get(KEY, layer.fields.get("id", ())))}


def _table(
    table: type[Table], layer: Layer, extra: Any, rows: Mapping[str, Any], frame: Frame, notes: list[Note]
) -> Table:
    """Return the table of one layer, references resolved to rows; fields added elsewhere become extra columns."""
    fields = dict(layer.fields)
    fields.pop(KEY, None)
    data: dict[str, Any] = {}
    for col in table.columns():
        if col.label in fields:
            data[col.name] = _column(col, fields.pop(col.label), table.title(), rows, notes)
    if layer.shapes is not None:
        shapes = shapely.from_wkb(layer.shapes)
        multi = shapely.get_type_id(shapes) >= shapely.GeometryType.MULTIPOINT  # QGIS promotes to multi on some edits
        one = multi & (shapely.get_num_geometries(shapes) == 1)
        data |= _placed(table, frame.moved(np.where(one, shapely.get_geometry(shapes, 0), shapes), back=True), data)
    own = {name: pack.decode_column(form, fields.pop(field)) for name, field, form in extra if field in fields}
    return table(**data, extra=own | fields)


def _placed(table: type[Table], shapes: Any, data: Mapping[str, Any]) -> dict[str, Any]:
    """Return the columns that hold the shapes; the height as a number survives programs that flatten points."""
    if _geometry_type(table) == "Point Z":
        return {"x": shapely.get_x(shapes), "y": shapely.get_y(shapes), "z": data.get("z", shapely.get_z(shapes))}
    return {c.name: c.dtype.from_shapely(shapes) for c in table.columns() if c.is_shape}


def _column(col: Column, values: Any, title: str, rows: Mapping[str, Any], notes: list[Note]) -> Any:
    """Return one declared column of a layer."""
    if col.is_kind or col.of or col.dtype is str:
        texts = np.fromiter(("" if v is None else str(v) for v in values), dtype=object)
        if col.dtype is str:
            return texts
        of = rows.get(col.of, {})
        found, said = kinds_of(col.dtype, texts, title) if col.is_kind else rows_of(texts, of, col.of, title)
        notes += said
        return found
    if col.dtype is int and values.dtype.kind == "f":  # rows added elsewhere have no value
        return np.where(np.isnan(values), col.usual, values).astype(np.int64)
    return values
