"""A community as one header of JSON values and named plain arrays, and back: the heart of our own formats."""

from __future__ import annotations

import dataclasses
import json
from math import isfinite, isnan, nan
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from cimkit.errors import CimkitError, FormatError, InputError
from cimkit.geometry.frame import Frame
from cimkit.geometry.polygons import Lines, Polygons
from cimkit.geometry.terrain import Terrain
from cimkit.geometry.triangles import Triangles
from cimkit.model.community import Community
from cimkit.model.kinds import Kind, ProjectType
from cimkit.model.notes import CODES, Note, Notes
from cimkit.model.records import Location
from cimkit.model.tables import TABLES

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from cimkit.model.table import Column, Table

VERSION = 1  # of our own formats; a reader refuses what is newer than itself
_SHAPE_PARTS = {Polygons: ("xy", "ring", "poly"), Lines: ("xyz", "line")}

_TEXTS = ("name", "city", "unit")  # of the community, as they stand in the header
Arrays = dict[str, Any]


def header_of(community: Community) -> dict[str, Any]:
    """Return everything but tables, terrain and mesh as JSON values."""
    place = community.location
    return {
        "format": "cimkit",
        "version": VERSION,
        **{key: getattr(community, key) for key in _TEXTS},
        "project_type": community.project_type.code,
        "crs": community.frame.crs,
        "origin": list(community.frame.origin),
        "location": None if place is None else [place.latitude, place.longitude],
        "kinds": {k.__name__: {m.code: int(m) for m in k} for k in _kinds()},
        "notes": [[_number_or_none(v) for v in dataclasses.astuple(n)] for n in community.notes],
    }


def header_fields(header: Any, who: str) -> dict[str, Any]:
    """Return the arguments of a Community that the header holds.

    Raises
    ------
    FormatError
        If the header is damaged, or the file was written by a newer version.
    """
    check_version(header, who)
    try:
        place = header["location"]
        origin = tuple(float(v) for v in header["origin"])
        if len(origin) != 3 or not all(isfinite(v) for v in origin):
            raise ValueError(f"origin {origin}")
        return {
            **{key: str(header[key]) for key in _TEXTS},
            "project_type": ProjectType.parse(header["project_type"]),
            "frame": Frame(str(header["crs"]), (origin[0], origin[1], origin[2])),
            "location": None if place is None else Location(float(place[0]), float(place[1])),
            "notes": Notes.of(_read_notes(header["notes"])),
        }
    except (KeyError, TypeError, ValueError, IndexError, CimkitError) as error:
        raise FormatError(f"{who}: the header must be whole; {error!r:.120}. The file is damaged.") from error


def check_version(header: Any, who: str) -> None:
    """Raise FormatError if the header is not one of ours, or is newer than this cimkit."""
    if not isinstance(header, dict) or header.get("format") != "cimkit":
        raise FormatError(f"{who}: the file must be written by cimkit; its header says otherwise.")
    version = header.get("version")
    if not isinstance(version, int) or isinstance(version, bool) or version < 1:
        raise FormatError(f"{who}: the format version must be 1 or more; got {version!r}. The file is damaged.")
    if version > VERSION:
        said = f"the format version must be at most {VERSION}; got {version}. A newer cimkit wrote this file"
        raise FormatError(f"{who}: {said}: update cimkit.")


def pack(community: Community) -> tuple[dict[str, Any], Arrays]:
    """Return the header and the arrays of a community: bool, int64, float64, or object arrays of text."""
    header = header_of(community)
    arrays: Arrays = {}
    header["tables"] = {}
    for title, table in community.tables.items():
        if not len(table):
            continue
        described: dict[str, Any] = {"rows": len(table), "extra": []}
        for col in table.columns():
            value = getattr(table, col.name)
            if col.dtype in _SHAPE_PARTS:
                arrays |= {f"{title}/{col.name}/{p}": getattr(value, p) for p in _SHAPE_PARTS[col.dtype]}
            else:
                arrays[f"{title}/{col.name}"] = value if value.dtype != np.int8 else value.astype(np.int64)
        for k, (name, values) in enumerate(table.extra.items()):
            coding, coded = encode_column(values, f"{title}, column {name!r}")
            arrays[f"{title}//{k}"] = coded
            described["extra"].append([name, coding.form, coding.dtype])
        header["tables"][title] = described
    if community.terrain is not None:
        ground = community.terrain
        header["terrain"] = [ground.x0, ground.y0, ground.spacing]
        arrays["terrain"] = ground.z
    if len(community.mesh):
        arrays |= {"mesh/corners": community.mesh.corners, "mesh/owner": community.mesh.owner}
    return header, arrays


def unpack(header: Any, arrays: Mapping[str, Any], who: str) -> Community:
    """Return the community that ``pack`` took apart.

    Raises
    ------
    FormatError
        If something is missing or contradicts itself.
    """
    fields = header_fields(header, who)
    try:
        tables: dict[str, Any] = {
            title: _unpack_table(TABLES[title], described, arrays, header.get("kinds", {}))
            for title, described in header["tables"].items()
        }
        if "terrain" in header:
            x0, y0, spacing = (float(v) for v in header["terrain"])
            fields["terrain"] = Terrain(x0, y0, spacing, np.asarray(arrays["terrain"], dtype=np.float64))
        if "mesh/owner" in arrays:
            fields["mesh"] = checked_mesh(arrays["mesh/corners"], arrays["mesh/owner"], tables.get("buildings"))
        return Community(**fields, **tables)
    except (KeyError, TypeError, ValueError, IndexError, AttributeError, CimkitError) as error:
        raise FormatError(f"{who}: tables must be whole; {error!r:.160}. The file is damaged.") from error


def _unpack_table(table: type[Table], described: Any, arrays: Mapping[str, Any], kinds: Any) -> Table:
    """Return one table; a column the file does not know gets its default."""
    title, rows = table.title(), int(described["rows"])
    data: dict[str, Any] = {}
    for col in table.columns():
        name = f"{title}/{col.name}"
        if col.dtype in _SHAPE_PARTS:
            parts = [arrays[f"{name}/{p}"] for p in _SHAPE_PARTS[col.dtype]]
            data[col.name] = checked_polygons(*parts) if col.dtype is Polygons else checked_lines(*parts)
        elif name in arrays:
            data[col.name] = renumbered(col, arrays[name], kinds)
    first = table.columns()[0]
    if first.name not in data or any(len(v) != rows for v in data.values()):
        raise ValueError(f"{title}: every column must have {rows} rows")
    extra = {}
    for k, (name, form, dtype) in enumerate(described["extra"]):
        extra[str(name)] = decode_column(Coding(form, dtype), arrays[f"{title}//{k}"], title)
    return table(**data, extra=extra)


def renumbered(col: Column, values: Any, kinds: Mapping[str, Mapping[str, int]]) -> Any:
    """Return the numbers of a kind as they are today, by the codes the file was written with."""
    if not col.is_kind or col.dtype.__name__ not in kinds:
        return values
    written = kinds[col.dtype.__name__]
    today = {m.code: int(m) for m in col.dtype}
    if all(today.get(code) == number for code, number in written.items()):
        return values
    new = {number: today[code] for code, number in written.items() if code in today}
    return np.array([new[int(v)] for v in values], dtype=np.int8)


def checked_polygons(xy: Any, ring: Any, poly: Any) -> Polygons:
    """Return polygons out of a file, or raise ValueError if offsets or coordinates are impossible."""
    xy = np.ascontiguousarray(xy, dtype=np.float64).reshape(-1, 2)
    ring, poly = np.asarray(ring, dtype=np.int64), np.asarray(poly, dtype=np.int64)
    _check_offsets(ring, len(xy), 4)
    _check_offsets(poly, len(ring) - 1, 0)
    first, last = ring[:-1], ring[1:] - 1
    if not np.isfinite(xy).all() or (len(xy) and (xy[first] != xy[last]).any()):
        raise ValueError("rings must be closed and finite")
    return Polygons(xy, ring, poly)


def checked_lines(xyz: Any, line: Any) -> Lines:
    """Return lines out of a file, or raise ValueError if offsets or coordinates are impossible."""
    xyz = np.ascontiguousarray(xyz, dtype=np.float64).reshape(-1, 3)
    line = np.asarray(line, dtype=np.int64)
    _check_offsets(line, len(xyz), 0)
    if not np.isfinite(xyz).all():
        raise ValueError("lines must be finite")
    return Lines(xyz, line)


def checked_mesh(corners: Any, owner: Any, buildings: Table | None) -> Triangles:
    """Return triangles out of a file, or raise ValueError if they are impossible."""
    corners = np.ascontiguousarray(corners, dtype=np.float64).reshape(-1, 3, 3)
    owner = np.asarray(owner, dtype=np.int64)
    count = 0 if buildings is None else len(buildings)
    wrong = len(corners) != len(owner) or not np.isfinite(corners).all()
    if wrong or (len(owner) and (owner.max() >= count or owner.min() < -1)):
        raise ValueError("triangles must be finite and belong to buildings")
    return Triangles(corners, owner)


def _check_offsets(offsets: Any, end: int, smallest: int) -> None:
    """Raise ValueError unless offsets rise from 0 to ``end``; filled rows hold at least ``smallest``."""
    steps = np.diff(offsets)
    if offsets.ndim != 1 or len(offsets) == 0 or offsets[0] != 0 or offsets[-1] != end or (steps < 0).any():
        raise ValueError("offsets must rise from 0 to the end")
    if (steps < smallest).any():
        raise ValueError(f"rings must have at least {smallest} points")


def _kinds() -> list[type[Kind]]:
    """Return every kind that a column uses, once."""
    return list(dict.fromkeys(c.dtype for t in TABLES.values() for c in t.columns() if c.is_kind))


def _number_or_none(value: Any) -> Any:
    """Return nan and infinities as None, which JSON knows."""
    return None if isinstance(value, float) and not isfinite(value) else value


def _read_notes(rows: Any) -> Iterable[Note]:
    """Return notes out of a header; codes that this version does not know are left out."""
    for code, text, table, thing, x, y, value, fix, count in rows:
        if code in CODES:
            place = (nan if x is None else float(x), nan if y is None else float(y))
            yield Note(code, str(text), str(table), str(thing), *place, str(value), str(fix), int(count))


def header_text(header: Mapping[str, Any]) -> str:
    """Return the header as JSON text."""
    return json.dumps(header, ensure_ascii=False, allow_nan=False)


# Columns of a user's own: any plain dtype as numbers or text that every format can hold, and back ----


class Coding(NamedTuple):
    """How a column was put into plain numbers or text.

    ``form`` is ``plain`` (bool, int64, float64), ``view`` (64-bit unsigned numbers and times as
    int64), ``text`` or ``json`` (any JSON value as text); ``dtype`` is the column's own.
    """

    form: str
    dtype: str


def encode_column(values: Any, who: str) -> tuple[Coding, Any]:
    """Return the coding and the values as bool, int64, float64 or an object array of text and None.

    Raises
    ------
    InputError
        If the dtype is one that files cannot hold (complex, structured, long double).
    """
    array = np.asarray(values)
    kind, dtype = array.dtype.kind, array.dtype.str
    if kind == "b":
        return Coding("plain", dtype), array
    if array.dtype.itemsize <= 8 and (kind in "if" or (kind == "u" and array.dtype.itemsize < 8)):
        return Coding("plain", dtype), array.astype(np.float64 if kind == "f" else np.int64)
    if kind in "mM" or kind == "u":
        return Coding("view", dtype), array.astype(array.dtype.newbyteorder("=")).view(np.int64)
    if kind == "U":
        return Coding("text", dtype), array.astype(object)
    if kind == "O":
        return _encode_objects(array, who)
    raise InputError(f"{who}: values must be numbers, truth values, times or text; got dtype {array.dtype}.")


def _encode_objects(array: Any, who: str) -> tuple[Coding, Any]:
    """Return text as it is, text with nan as text and None, anything else as JSON text."""
    texts = np.array([isinstance(v, str) for v in array], dtype=bool)
    if texts.all():
        return Coding("text", "O"), array
    rest = array[~texts]
    result = array.copy()
    if all(isinstance(v, float) and isnan(v) for v in rest):
        result[~texts] = None
        return Coding("text", "O:nan"), result
    if all(v is None for v in rest):
        return Coding("text", "O:none"), result
    try:
        result[:] = [json.dumps(v, ensure_ascii=False, default=_as_json) for v in array]
    except (TypeError, ValueError, RecursionError) as error:
        raise InputError(f"{who}: values must be numbers, text or plain lists; {error}.") from error
    return Coding("json", "O"), result


def _as_json(value: Any) -> Any:
    """Return numpy scalars and arrays as plain values, anything else as its text."""
    return value.tolist() if hasattr(value, "tolist") else str(value)


def decode_column(coding: Coding, values: Any, who: str) -> Any:
    """Return a column as it was before ``encode_column``.

    Raises
    ------
    FormatError
        If the values do not fit the coding.
    """
    form, dtype = coding
    try:
        if form == "text":
            fill = {"O:nan": np.nan, "O:none": None}.get(dtype, "")
            array = np.array([fill if v is None else v for v in values] + [None], dtype=object)[:-1]
            return array if dtype.startswith("O") else array.astype(np.dtype(dtype))
        if form == "json":
            decoded = [json.loads(v) for v in values]
            result = np.empty(len(decoded), dtype=object)
            result[:] = decoded
            return result
        own = _plain_dtype(dtype)
        array = np.asarray(values)
        if form == "view":
            return array.astype(np.int64).view(own.newbyteorder("="))
        return array.astype(own)
    except (TypeError, ValueError, RecursionError, OverflowError) as error:
        raise FormatError(f"{who}: values must fit {dtype!r}; {error}. The file is damaged.") from error


def _plain_dtype(text: str) -> np.dtype[Any]:
    """Return a numpy dtype of plain numbers or times, or raise ValueError."""
    dtype = np.dtype(text)
    if dtype.kind not in "biufmMU" or (dtype.itemsize > 8 and dtype.kind != "U"):
        raise ValueError(f"dtype {text!r} is not one of plain numbers")
    return dtype
