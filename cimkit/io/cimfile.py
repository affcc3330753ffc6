"""Our own lossless formats: the fast ``.cimz``, and one GeoPackage with a layer per table, as QGIS opens it.

A community is one header of JSON values and named plain arrays. ``.cimz`` is a stored zip of the header, one ``.npy``
file an array of numbers and one JSON list an array of texts; no code. As text it stands in our GeoPackage and CityJSON.
"""

import base64
import contextlib
import dataclasses
import json
import warnings
import zipfile
import zlib
from collections.abc import Iterator, Mapping
from io import BytesIO
from math import isnan, nan
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import shapely

from cimkit.arrays import TextArray, as_floats
from cimkit.errors import FormatError, InputError
from cimkit.geometry.frame import Frame
from cimkit.geometry.polygons import Polygons
from cimkit.geometry.terrain import Terrain
from cimkit.geometry.triangles import Triangles
from cimkit.io.atomic import File, atomic_write
from cimkit.io.guard import DAMAGED, MAX_BYTES, check_file, expected, open_archive, parse_json, read_member
from cimkit.io.loading import layer_names
from cimkit.model.community import Community
from cimkit.model.frames import kinds_of, rows_of
from cimkit.model.kinds import ProjectType
from cimkit.model.notes import CODES, Note, Notes
from cimkit.model.records import Location
from cimkit.model.table import Column, Table, lookup_names
from cimkit.model.tables import TABLES

VERSION = 2  # of our own formats; a reader refuses all others
HEADER = "cimkit.json"
_TEXTS = ("name", "city", "unit")  # of the community, as they stand in the header
_GAPS = {"text": "", "text or nan": nan, "text or none": None}  # what stands for a missing text
_NOTE = {f.name: {"x": float, "y": float, "count": int}.get(f.name, str) for f in dataclasses.fields(Note)}
META = "cimkit_meta"
KEY = "key"  # column that other tables refer to, where ids are missing or repeat

Rows = Mapping[str, Mapping[str, int]]  # table → key → row


class Layer(NamedTuple):
    """One layer as it stands in the file: field name → values, and the shapes as WKB."""

    fields: dict[str, Any]
    shapes: Any


def write_cimz(community: Community, path: File) -> None:
    """Write a community to the fast format; nothing is lost.

    Parameters
    ----------
    community
        What to write.
    path
        File, usually with suffix .cimz.

    Raises
    ------
    InputError
        If a column of the user's own holds what files cannot.
    """
    with atomic_write(path) as temporary:
        _write(community, temporary, community.tables)


def read_cimz(path: File) -> Community:
    """Read a community from the fast format.

    Parameters
    ----------
    path
        File to read.

    Returns
    -------
    Community
        As it was written, its notes in it.

    Raises
    ------
    FormatError
        If the file is not one of ours, is damaged, or was written by another version.
    """
    path = check_file(path)
    return _read(path, path.name)


def to_text(community: Community, tables: Mapping[str, Table]) -> str:
    """Return the fast format of a community with some of its tables as text, compressed."""
    stream = BytesIO()
    _write(community, stream, tables)
    return base64.b64encode(zlib.compress(stream.getvalue(), 1)).decode()


def from_text(text: str, who: str, tables: Mapping[str, Any] | None = None) -> Community:
    """Return the community of ``to_text``, with other tables where these are given.

    Raises
    ------
    FormatError
        If the text is damaged or of another version.
    """
    with expected(who, "what cimkit stored must be whole", DAMAGED):
        data = zlib.decompressobj().decompress(base64.b64decode(text), MAX_BYTES)
    return _read(BytesIO(data), who, tables)


def _write(community: Community, target: Path | BytesIO, tables: Mapping[str, Table]) -> None:
    """Write header and arrays into a zip archive."""
    header = _header_of(community)
    arrays: dict[str, Any] = {}
    for title, table in tables.items():
        if not len(table):
            continue
        for col in table.columns():
            value, name = getattr(table, col.name), f"{title}/{col.name}"
            value = col.dtype.codes(value) if col.is_kind else value
            arrays |= {f"{name}/{part}": v for part, v in vars(value).items()} if col.is_shape else {name: value}
        forms = header["tables"][title] = {}
        for k, (name, values) in enumerate(table.extra.items()):
            forms[str(name)], arrays[f"{title}//{k}"] = _encode_column(values, f"{title}, column {name!r}")
    if (ground := community.terrain) is not None:
        header["terrain"] = [ground.x0, ground.y0, ground.spacing]
        arrays["terrain"] = ground.z
    if len(community.mesh):
        arrays |= {"mesh/corners": community.mesh.corners, "mesh/owner": community.mesh.owner}
    with zipfile.ZipFile(target, "w") as archive:
        archive.writestr(HEADER, json.dumps(header, ensure_ascii=False, allow_nan=False))
        for name, values in arrays.items():
            if values.dtype == object:
                try:
                    text = json.dumps(values.tolist(), ensure_ascii=False, separators=(",\n", ":")).encode()
                except (TypeError, UnicodeEncodeError) as error:
                    raise InputError(f"{name}: values must be text that UTF-8 can hold; {error}.") from error
                archive.writestr(f"{name}.txt", text)
            else:
                with archive.open(f"{name}.npy", "w", force_zip64=True) as member:
                    np.lib.format.write_array(member, np.ascontiguousarray(values), allow_pickle=False)


def _header_of(community: Community) -> dict[str, Any]:
    """Return everything but tables, terrain and mesh as JSON values."""
    place = community.location
    header: dict[str, Any] = {"format": "cimkit", "version": VERSION}
    header |= {key: getattr(community, key) for key in _TEXTS} | {"project_type": community.project_type.code}
    header |= {"crs": community.frame.crs, "origin": list(community.frame.origin)}
    header["location"] = None if place is None else [place.latitude, place.longitude]
    notes = ({k: v for k, v in vars(n).items() if isinstance(v, str) or np.isfinite(v)} for n in community.notes)
    return header | {"notes": list(notes), "buildings": len(community.buildings), "tables": {}}


def _read(source: Path | BytesIO, who: str, tables: Mapping[str, Any] | None = None) -> Community:
    """Return the community that an archive holds, with other tables where these are given."""
    arrays: dict[str, Any] = {}
    with open_archive(source, who) as archive:
        header = parse_json(read_member(archive, HEADER, who), who)
        _check_version(header, who)
        for name in archive.namelist():
            stem, _, suffix = name.rpartition(".")
            if suffix in ("npy", "txt"):
                arrays[stem] = _array(read_member(archive, name, who), suffix == "npy", f"{who}, member {name!r}")
    with expected(who, "header and tables must be whole", DAMAGED):
        fields = _fields(header)
        if tables is None:
            tables = {t: _packed_table(TABLES[t], forms, arrays) for t, forms in header["tables"].items()}
        if "terrain" in header:
            x0, y0, spacing = (float(v) for v in header["terrain"])
            fields["terrain"] = Terrain(x0, y0, spacing, np.asarray(arrays["terrain"], dtype=np.float64))
        if "mesh/owner" in arrays and header["buildings"] == len(tables.get("buildings", ())):
            fields["mesh"] = _mesh(arrays["mesh/corners"], arrays["mesh/owner"], header["buildings"])
        return Community(**fields, **tables)


def _check_version(header: Any, who: str) -> None:
    """Raise FormatError if the header is not one of ours, or of another version."""
    if not isinstance(header, dict) or header.get("format") != "cimkit":
        raise FormatError(f"{who}: the file must be written by cimkit; its header says otherwise.")
    if (version := header.get("version")) != VERSION:
        newer = isinstance(version, int) and version > VERSION
        why = "a newer cimkit wrote it: update cimkit" if newer else "an older one did: write it anew from its sources"
        raise FormatError(f"{who}: the format version must be {VERSION}; got {version!r}. If the file is whole, {why}.")


def _array(data: bytes, numbers: bool, who: str) -> Any:
    """Return the array of a member; one whose header says more than there is ends before it is filled."""
    with expected(who, "it must be a plain array", DAMAGED), contextlib.suppress(MemoryError):
        if numbers:
            array: Any = np.lib.format.read_array(BytesIO(data), allow_pickle=False)
            if array.dtype.kind in "bif":
                return array
        else:
            values = parse_json(data, who)
            if isinstance(values, list) and all(v is None or isinstance(v, str) for v in values):
                return np.fromiter(values, dtype=object)
    raise FormatError(f"{who}: it must be a plain array of numbers, or a list of texts. {DAMAGED}")


def _frame_of(header: Any) -> Frame:
    """Return the frame that the header holds, or raise ValueError if it is impossible."""
    x, y, z = as_floats(header["origin"], name="origin").tolist()
    return Frame(str(header["crs"]), (x, y, z))


def _fields(header: Any) -> dict[str, Any]:
    """Return the arguments of a Community that the header holds."""
    rows = [row for row in header["notes"] if row["code"] in CODES]  # this version may not know them all
    notes = [Note(**{k: sort(row[k]) for k, sort in _NOTE.items() if k in row}) for row in rows]
    place = None if header["location"] is None else Location(*(float(v) for v in header["location"][:2]))
    fields: dict[str, Any] = {"frame": _frame_of(header), "location": place, "notes": Notes.of(notes)}
    return fields | {k: str(header[k]) for k in _TEXTS} | {"project_type": ProjectType.parse(header["project_type"])}


def _packed_table(table: type[Table], forms: Any, arrays: Mapping[str, Any]) -> Table:
    """Return one table; a column the file does not know gets its default."""
    data: dict[str, Any] = {}
    for col in table.columns():
        name = f"{table.title()}/{col.name}"
        if col.is_shape:
            data[col.name] = _shapes(col.dtype, *(arrays[f"{name}/{f.name}"] for f in dataclasses.fields(col.dtype)))
        elif name in arrays:
            data[col.name] = arrays[name]
    extra = {own: _decode_column(form, arrays[f"{table.title()}//{k}"]) for k, (own, form) in enumerate(forms.items())}
    return table(**data, extra=extra)


def _shapes(kind: Any, points: Any, *offsets: Any) -> Any:
    """Return polygons or lines, or raise ValueError if offsets or coordinates are impossible."""
    width = 3 if kind.DEEP else 2
    points = as_floats(np.reshape(points, (-1, width)), name="coordinates", ndim=2, width=width)
    offsets = tuple(np.asarray(o, dtype=np.int64) for o in offsets)
    for offset, end in zip(offsets, (len(points), *(len(o) - 1 for o in offsets)), strict=False):
        if offset.ndim != 1 or offset[0] != 0 or offset[-1] != end or (np.diff(offset) < 0).any():
            raise ValueError("offsets must rise from 0 to the end")
    first, last = offsets[0][:-1], offsets[0][1:] - 1
    if kind is Polygons and ((last - first < 3).any() or (points[first] != points[last]).any()):
        raise ValueError("rings must be closed and have at least 4 points")
    return kind(points, *offsets)


def _mesh(corners: Any, owner: Any, buildings: int) -> Triangles:
    """Return triangles, or raise ValueError if they are impossible."""
    corners = np.ascontiguousarray(corners, dtype=np.float64).reshape(-1, 3, 3)
    owner = np.asarray(owner, dtype=np.int64)
    if len(corners) != len(owner) or not np.isfinite(corners).all() or ((owner < -1) | (owner >= buildings)).any():
        raise ValueError("triangles must be finite and belong to buildings")
    return Triangles.of(corners, owner)


# Columns of a user's own: any plain dtype as numbers or text that every format can hold, and back ----


def _encode_column(values: Any, who: str) -> tuple[str, Any]:
    """Return how a column was stored, and its values as bool, int64, float64 or an object array of text and None.

    The form is the dtype of numbers, times and texts; of objects, which texts may be missing, or ``json``.

    Raises
    ------
    InputError
        If the dtype is one that files cannot hold (complex, structured, long double).
    """
    array = np.asarray(values)
    kind = array.dtype.kind
    if kind == "U":
        return array.dtype.str, array.astype(object)
    if kind in "biufmM" and array.dtype.itemsize <= 8:
        return array.dtype.str, array.astype({"b": np.bool_, "f": np.float64}.get(kind, np.int64))
    if kind != "O":
        raise InputError(f"{who}: values must be numbers, truth values, times or text; got dtype {array.dtype}.")
    texts = np.fromiter((isinstance(v, str) for v in array), dtype=bool)
    if texts.all():
        return "text", array
    if all(isinstance(v, float) and isnan(v) for v in array[~texts]):
        return "text or nan", np.fromiter((v if isinstance(v, str) else None for v in array), dtype=object)
    if all(v is None for v in array[~texts]):
        return "text or none", array
    try:
        coded = [json.dumps(v, ensure_ascii=False, default=_as_json) for v in array]
    except (TypeError, ValueError, RecursionError) as error:
        raise InputError(f"{who}: values must be numbers, text or plain lists; {error}.") from error
    return "json", np.fromiter(coded, dtype=object)


def _as_json(value: Any) -> Any:
    """Return numpy scalars and arrays as plain values, anything else as its text."""
    return value.tolist() if hasattr(value, "tolist") else str(value)


def _decode_column(form: str, values: Any) -> Any:
    """Return a column as it was before ``_encode_column``, or raise ValueError or TypeError if it does not fit."""
    if form == "json":
        return np.fromiter((json.loads(v) for v in values), dtype=object)
    if form in _GAPS or form.lstrip("<>|").startswith("U"):
        texts = np.fromiter((_GAPS.get(form, "") if v is None else v for v in values), dtype=object)
        return texts if form in _GAPS else texts.astype(form)
    if np.dtype(form).kind not in "biufmM":
        raise ValueError(f"dtype {form!r} is not one of plain numbers, times or texts")
    return np.asarray(values).astype(form)


# A GeoPackage with a layer per table ---------------------------------------------------------------------


def write_cim(community: Community, path: File) -> None:
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
    header = _header_of(community)
    with atomic_write(path) as temporary, _unsynchronised():
        for title, table in community.tables.items():
            if len(table):
                layer, header["tables"][title] = _layer(table, keys, community.frame)
                _write_layer(temporary, title, layer, _geometry_type(table), community.frame.crs)
        rest = [["header", "cimz"], [json.dumps(header, ensure_ascii=False), to_text(community, {})]]
        fields = dict(zip(("name", "value"), np.array(rest, dtype=object), strict=True))
        _write_layer(temporary, META, Layer(fields, None), "", "")


def is_cim(path: File) -> bool:
    """Tell whether a GeoPackage was written by cimkit."""
    with contextlib.suppress(FormatError):
        return META in layer_names(Path(path))
    return False


def read_cim(path: File) -> tuple[Community, Notes]:
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
    if META not in (names := layer_names(path)):
        raise FormatError(f"{path.name}: the file must be written by cimkit; layer {META} is missing. Use read().")
    with expected(path.name, "tables must be whole", DAMAGED):
        meta = _read_layer(path, META).fields
        rest = dict(zip(meta["name"].tolist(), meta["value"].tolist(), strict=True))
        header = parse_json(str(rest["header"]), path.name)
        _check_version(header, path.name)
        layers = {title: _read_layer(path, title) for title in TABLES if title in names}
        keys = {title: layer.fields.get(KEY, layer.fields.get("id", ())) for title, layer in layers.items()}
        rows = {title: {str(key): row for row, key in enumerate(own)} for title, own in keys.items()}
        frame = _frame_of(header)
        tables = {t: _table(TABLES[t], x, header["tables"].get(t, ()), rows, frame, notes) for t, x in layers.items()}
        return from_text(str(rest["cimz"]), path.name, tables), Notes.of(notes)


# A GeoPackage written ---------------------------------------------------------------------------------------


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
    key = keys[table.title()]
    fields: dict[str, Any] = {} if hasattr(table, "id") and key is table.names() else {KEY: key}
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
        form, fields[stored] = _encode_column(values, f"{table.title()}, column {name!r}")
        extra.append((str(name), stored, form))
    if (shapes := table.shapes()) is not None:
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


# A GeoPackage read ---------------------------------------------------------------------------------------


def _read_layer(path: Path, name: str) -> Layer:
    """Return one layer of the file."""
    import pyogrio

    with expected(f"{path.name}, layer {name}", "it must be whole"), warnings.catch_warnings(action="ignore"):
        meta, _, shapes, values = pyogrio.raw.read(path, layer=name)
    return Layer(dict(zip(meta["fields"].tolist(), values, strict=True)), shapes)


def _table(table: type[Table], layer: Layer, extra: Any, rows: Rows, frame: Frame, notes: list[Note]) -> Table:
    """Return the table of one layer, references resolved to rows; fields added elsewhere become extra columns."""
    fields = {name: values for name, values in layer.fields.items() if name != KEY}
    here = [col for col in table.columns() if col.label in fields]
    data = {col.name: _column(col, fields.pop(col.label), table.title(), rows, notes) for col in here}
    if layer.shapes is not None:
        shapes = shapely.from_wkb(layer.shapes)
        one = shapely.get_num_geometries(shapes) == 1  # QGIS promotes to multi on some edits
        data |= _placed(table, frame.moved(np.where(one, shapely.get_geometry(shapes, 0), shapes), back=True), data)
    own = {name: _decode_column(form, fields.pop(field)) for name, field, form in extra if field in fields}
    return table(**data, extra=own | fields)


def _placed(table: type[Table], shapes: Any, data: Mapping[str, Any]) -> dict[str, Any]:
    """Return the columns that hold the shapes; the height as a number survives programs that flatten points."""
    if _geometry_type(table) == "Point Z":
        return {"x": shapely.get_x(shapes), "y": shapely.get_y(shapes), "z": data.get("z", shapely.get_z(shapes))}
    return {c.name: c.dtype.from_shapely(shapes) for c in table.columns() if c.is_shape}


def _column(col: Column, values: Any, title: str, rows: Rows, notes: list[Note]) -> Any:
    """Return one declared column of a layer."""
    if col.is_kind or col.of or col.dtype is str:
        texts = np.fromiter(("" if v is None else str(v) for v in values), dtype=object)
        if col.dtype is str:
            return texts
        if col.is_kind:
            return kinds_of(col.dtype, texts, title, notes)
        return rows_of(texts, rows.get(col.of, {}), col.of, title, notes)
    if col.dtype is int and values.dtype.kind == "f":  # rows added elsewhere have no value
        return np.where(np.isnan(values), col.usual, values).astype(np.int64)
    return values
