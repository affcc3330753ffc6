"""A community as one header of JSON values and named plain arrays, in a stored zip: the fast own format ``.cimz``.

The zip holds the header, one ``.npy`` file an array of numbers and one JSON list an array of texts; no code. As text
it stands in our GeoPackage and CityJSON.
"""

import base64
import contextlib
import dataclasses
import json
import zipfile
import zlib
from collections.abc import Mapping
from io import BytesIO
from math import isnan, nan
from os import PathLike
from pathlib import Path
from typing import Any

import numpy as np

from cimkit.errors import FormatError, InputError
from cimkit.geometry.frame import Frame
from cimkit.geometry.polygons import Polygons
from cimkit.geometry.terrain import Terrain
from cimkit.geometry.triangles import Triangles
from cimkit.io.atomic import atomic_write
from cimkit.io.guard import DAMAGED, MAX_BYTES, check_file, expected, open_archive, parse_json, read_member
from cimkit.model.community import Community
from cimkit.model.kinds import ProjectType
from cimkit.model.notes import CODES, Note, Notes
from cimkit.model.records import Location
from cimkit.model.table import Table
from cimkit.model.tables import TABLES

VERSION = 2  # of our own formats; a reader refuses all others
HEADER = "cimkit.json"
_TEXTS = ("name", "city", "unit")  # of the community, as they stand in the header
_GAPS = {"text": "", "text or nan": nan, "text or none": None}  # what stands for a missing text
_NOTE = {f.name: {"x": float, "y": float, "count": int}.get(f.name, str) for f in dataclasses.fields(Note)}


def write_cimz(community: Community, path: str | PathLike[str]) -> None:
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


def read_cimz(path: str | PathLike[str]) -> Community:
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
    check_file(Path(path))
    return _read(Path(path), Path(path).name)


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
    header = header_of(community)
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
            forms[str(name)], arrays[f"{title}//{k}"] = encode_column(values, f"{title}, column {name!r}")
    if community.terrain is not None:
        ground = community.terrain
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


def header_of(community: Community) -> dict[str, Any]:
    """Return everything but tables, terrain and mesh as JSON values."""
    place = community.location
    notes = [dataclasses.asdict(n) for n in community.notes]
    return {
        "format": "cimkit",
        "version": VERSION,
        **{key: getattr(community, key) for key in _TEXTS},
        "project_type": community.project_type.code,
        "crs": community.frame.crs,
        "origin": list(community.frame.origin),
        "location": None if place is None else [place.latitude, place.longitude],
        "notes": [{k: v for k, v in n.items() if isinstance(v, str) or np.isfinite(v)} for n in notes],
        "buildings": len(community.buildings),
        "tables": {},
    }


def _read(source: Path | BytesIO, who: str, tables: Mapping[str, Any] | None = None) -> Community:
    """Return the community that an archive holds, with other tables where these are given."""
    arrays: dict[str, Any] = {}
    with open_archive(source, who) as archive:
        header = parse_json(read_member(archive, HEADER, who), who)
        check_version(header, who)
        for name in archive.namelist():
            stem, _, suffix = name.rpartition(".")
            if suffix in ("npy", "txt"):
                arrays[stem] = _array(read_member(archive, name, who), suffix == "npy", f"{who}, member {name!r}")
    with expected(who, "header and tables must be whole", DAMAGED):
        fields = _fields(header)
        if tables is None:
            tables = {t: _table(TABLES[t], forms, arrays) for t, forms in header["tables"].items()}
        if "terrain" in header:
            x0, y0, spacing = (float(v) for v in header["terrain"])
            fields["terrain"] = Terrain(x0, y0, spacing, np.asarray(arrays["terrain"], dtype=np.float64))
        if "mesh/owner" in arrays and header["buildings"] == len(tables.get("buildings", ())):
            fields["mesh"] = _mesh(arrays["mesh/corners"], arrays["mesh/owner"], header["buildings"])
        return Community(**fields, **tables)


def check_version(header: Any, who: str) -> None:
    """Raise FormatError if the header is not one of ours, or of another version."""
    if not isinstance(header, dict) or header.get("format") != "cimkit":
        raise FormatError(f"{who}: the file must be written by cimkit; its header says otherwise.")
    version = header.get("version")
    if version != VERSION:
        newer = isinstance(version, int) and version > VERSION
        why = (
            "a newer cimkit wrote it: update cimkit"
            if newer
            else "an older one wrote it: write it anew from its sources"
        )
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


def frame_of(header: Any) -> Frame:
    """Return the frame that the header holds, or raise ValueError if it is impossible."""
    x, y, z = (float(v) for v in header["origin"])
    if not np.isfinite([x, y, z]).all():
        raise ValueError(f"origin {header['origin']}")
    return Frame(str(header["crs"]), (x, y, z))


def _fields(header: Any) -> dict[str, Any]:
    """Return the arguments of a Community that the header holds."""
    place = header["location"]
    rows = [row for row in header["notes"] if row["code"] in CODES]  # this version may not know them all
    notes = [Note(**{k: sort(row[k]) for k, sort in _NOTE.items() if k in row}) for row in rows]
    return {
        **{key: str(header[key]) for key in _TEXTS},
        "project_type": ProjectType.parse(header["project_type"]),
        "frame": frame_of(header),
        "location": None if place is None else Location(float(place[0]), float(place[1])),
        "notes": Notes.of(notes),
    }


def _table(table: type[Table], forms: Any, arrays: Mapping[str, Any]) -> Table:
    """Return one table; a column the file does not know gets its default."""
    data: dict[str, Any] = {}
    for col in table.columns():
        name = f"{table.title()}/{col.name}"
        if col.is_shape:
            parts = [f.name for f in dataclasses.fields(col.dtype)]
            data[col.name] = _shapes(col.dtype, *(arrays[f"{name}/{p}"] for p in parts))
        elif name in arrays:
            data[col.name] = arrays[name]
    extra = {name: decode_column(form, arrays[f"{table.title()}//{k}"]) for k, (name, form) in enumerate(forms.items())}
    return table(**data, extra=extra)


def _shapes(kind: Any, points: Any, *offsets: Any) -> Any:
    """Return polygons or lines, or raise ValueError if offsets or coordinates are impossible."""
    points = np.ascontiguousarray(points, dtype=np.float64).reshape(-1, 3 if kind.DEEP else 2)
    offsets = tuple(np.asarray(o, dtype=np.int64) for o in offsets)
    for offset, end in zip(offsets, (len(points), *(len(o) - 1 for o in offsets)), strict=False):
        if offset.ndim != 1 or offset[0] != 0 or offset[-1] != end or (np.diff(offset) < 0).any():
            raise ValueError("offsets must rise from 0 to the end")
    if not np.isfinite(points).all():
        raise ValueError("coordinates must be finite")
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


def encode_column(values: Any, who: str) -> tuple[str, Any]:
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


def decode_column(form: str, values: Any) -> Any:
    """Return a column as it was before ``encode_column``, or raise ValueError or TypeError if it does not fit."""
    if form == "json":
        return np.fromiter((json.loads(v) for v in values), dtype=object)
    if form in _GAPS or form.lstrip("<>|").startswith("U"):
        gap = _GAPS.get(form, "")
        texts = np.fromiter((gap if v is None else v for v in values), dtype=object)
        return texts if form in _GAPS else texts.astype(form)
    if np.dtype(form).kind not in "biufmM":
        raise ValueError(f"dtype {form!r} is not one of plain numbers, times or texts")
    return np.asarray(values).astype(form)
