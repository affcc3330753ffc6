"""Read and write communities; the format is chosen by content and suffix."""

from __future__ import annotations

import re
from dataclasses import replace
from os import PathLike
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from cimkit.errors import FormatError, InputError
from cimkit.io.archive import open_archive
from cimkit.io.cimfile import is_cim, read_cim, write_cim
from cimkit.io.cimz import HEADER, read_cimz, write_cimz
from cimkit.io.cityjson import read_cityjson
from cimkit.io.cityjson_write import write_cityjson
from cimkit.io.crs import Placing, place
from cimkit.io.dxf import load_dxf
from cimkit.io.graphml import load_graphml
from cimkit.io.gtfs import FEED, read_gtfs
from cimkit.io.ifc import read_ifc
from cimkit.io.loading import Layers, check_file, load_layers
from cimkit.io.osm import load_osm
from cimkit.io.vector import Reading, community_of_layers, write_vector
from cimkit.model.notes import Note

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from cimkit.model.community import Community
    from cimkit.model.notes import Notes

_MAPS = ("gpkg", "geojson", "shp", "fgb", "parquet", "graphml", "osm", "dxf", "gtfs")
_SUFFIXES = (*(f".{m}" for m in _MAPS if m != "gtfs"), ".json", ".geoparquet", ".pbf")  # as a folder may hold them
STOPS = "timetable stops"
BESIDE = 1000.0  # [m] stops this near to a plan belong to it
_CITYJSON = re.compile(rb'"type"\s*:\s*"CityJSON')
_WRITERS: dict[str, Any] = {".gpkg": write_cim, ".cimz": write_cimz, ".json": write_cityjson}
_WRITERS |= dict.fromkeys((".geojson", ".shp", ".fgb", ".parquet"), write_vector)
_LOADERS: dict[str, Any] = {"graphml": load_graphml, "osm": load_osm, "dxf": load_dxf}
_ELSEWHERE = {  # what a file is by its first bytes or suffix, and what to do with it
    "dwg": "a DWG drawing, for which there is no open reader: save it as DXF",
    "tif": "a raster: read it as terrain, not as a community",
    "xlsx": "a spreadsheet: hand its storey table to Community.from_frames(storeys=...)",
    "csv": "a table: hand it to Community.from_frames()",
    "epw": "a weather file: use read_epw()",
}


def read(
    path: str | PathLike[str] | Sequence[str | PathLike[str]],
    *,
    frame: str = "",
    crs: str = "",
    datum: str = "",
    swap_xy: bool = False,
    columns: Mapping[str, str] | None = None,
    layers: Mapping[str, str] | None = None,
) -> tuple[Community, Notes]:
    """Read a community from a file, a folder of map files, or several files that belong together.

    GeoPackage, GeoJSON, Shapefile, FlatGeobuf, GeoParquet, DXF, IFC, OpenStreetMap extracts, OSMnx street
    networks, CityJSON, CityJSONSeq (also zipped) and our own .gpkg and .cimz. A timetable (GTFS, a
    .zip or a folder) beside a plan gives its stops within 1 km of it as facilities. Whatever is
    guessed, mended or left out stands in the notes.

    Parameters
    ----------
    path
        File, folder or list of files.
    frame
        Projected CRS in metres to work in; empty lets the place decide.
    crs
        CRS of the coordinates, instead of what the file says or does not say.
    datum
        ``gcj02`` or ``bd09`` if longitudes and latitudes come from a map service; never guessed.
    swap_xy
        Exchange the axes first.
    columns
        Own column names, theirs → ours, e.g. ``{"CENGSHU": "n_above"}``.
    layers
        Layer → table, e.g. ``{"图层1": "buildings"}``; an empty table leaves the layer out.

    Returns
    -------
    tuple
        The community and its notes.

    Raises
    ------
    FormatError
        If a file is missing, damaged or of no known format.
    InputError
        If coordinates contradict their CRS, or no layer can be used.
    """
    placing = Placing(frame, crs, datum, swap_xy)
    reading = Reading(placing, dict(columns or {}), dict(layers or {}))
    each = _files(path)
    kinds = [format_of(p) for p in each]
    if len(each) == 1 and kinds[0] not in _MAPS:
        return _read_whole(each[0], kinds[0], placing)
    found: Layers = []
    notes: list[Note] = []
    for one, kind in zip(each, kinds, strict=True):
        if kind not in _MAPS:
            raise FormatError(f"{one.name}: files read together must be map files; got {kind}. Read it alone.")
        more, said = ([(STOPS, read_gtfs(one))], []) if kind == "gtfs" else _LOADERS.get(kind, load_layers)(one)
        found += _renamed(more, {name for name, _ in found}, one.stem)
        notes += said
    if "gtfs" in kinds and len(found) > 1:
        found, reading = _with_stops(found, reading, notes)
    return community_of_layers(found, reading, notes, ", ".join(p.stem for p in each))


def write(community: Community, path: str | PathLike[str]) -> None:
    """Write a community by the suffix of the file.

    .gpkg and .cimz keep everything; .city.json (or .json) is CityJSON 2.0; .geojson, .shp, .fgb
    and .parquet hold the buildings alone.

    Parameters
    ----------
    community
        What to write.
    path
        File to write; it is whole or absent at any time.

    Raises
    ------
    InputError
        If the suffix is another one, or a value does not fit the format.
    """
    suffix = Path(path).suffix.lower()
    if suffix not in _WRITERS:
        raise InputError(f"{Path(path).name}: suffix must be one of {', '.join(_WRITERS)}; got {suffix!r}.")
    _WRITERS[suffix](community, path)


def format_of(path: str | PathLike[str]) -> str:
    """Return what a file is, by its first bytes and its suffix.

    Returns
    -------
    str
        ``cim``, ``cimz``, ``cityjson``, ``gtfs`` or one of the map formats.

    Raises
    ------
    FormatError
        If it is missing, empty or of no known format.
    """
    path = Path(path)
    if _is_feed(path):
        return "gtfs"
    check_file(path)
    with path.open("rb") as handle:
        head = handle.read(4096)
    suffix = path.suffix.lower().lstrip(".")
    if head.startswith(b"SQLite format 3\x00"):
        return "cim" if is_cim(path) else "gpkg"
    if head.startswith(b"PK\x03\x04"):
        return _zip_kind(path)
    if head.startswith(b"\x00\x00\x27\x0a") or suffix in ("shp", "shx", "dbf"):
        return _shape_kind(path)
    start = head.lstrip(b"\xef\xbb\xbf \t\r\n")
    marked = {
        "fgb": head.startswith(b"fgb\x03"),
        "parquet": head.startswith(b"PAR1"),
        "graphml": b"<graphml" in head,
        "osm": b"OSMHeader" in head[:64] or (start.startswith(b"<") and b"<osm" in head),
        "geojson": start.startswith(b"{") or suffix in ("geojson", "json"),
        "ifc": head.startswith(b"ISO-10303-21") and (suffix == "ifc" or b"IFC" in head),
        "dxf": suffix == "dxf",
    }
    kind = next((kind for kind, found in marked.items() if found), "")
    if kind == "geojson" and _CITYJSON.search(path.read_bytes()):
        return "cityjson"
    if kind:
        return kind
    if suffix in _ELSEWHERE:
        raise FormatError(f"{path.name}: the file must hold a community; it is {_ELSEWHERE[suffix]}.")
    raise FormatError(
        f"{path.name}: the format must be GeoPackage, GeoJSON, Shapefile, FlatGeobuf, GeoParquet, DXF, IFC, OSM, "
        f"GraphML, CityJSON or .cimz; the first bytes are {head[:12]!r}."
    )


def _shape_kind(path: Path) -> str:
    """Return ``shp``, or say which file of a Shapefile to open."""
    if path.suffix.lower() != ".shp":
        raise FormatError(f"{path.name}: the Shapefile must be opened by its .shp; got {path.suffix}.")
    missing = [s for s in (".shx", ".dbf") if not any(path.with_suffix(t).is_file() for t in (s, s.upper()))]
    if missing:
        raise FormatError(f"{path.name}: a Shapefile must have .shp, .shx and .dbf; {', '.join(missing)} is missing.")
    return "shp"


def _zip_kind(path: Path) -> str:
    """Return what a zip archive holds."""
    if path.suffix.lower() == ".xlsx":
        raise FormatError(f"{path.name}: the file must hold a community; it is {_ELSEWHERE['xlsx']}.")
    with open_archive(path) as archive:
        names = archive.namelist()
    if set(names) >= FEED:
        return "gtfs"
    if HEADER in names:
        return "cimz"
    if any(n.lower().endswith((".json", ".jsonl")) for n in names):
        return "cityjson"
    got = ", ".join(names[:3])
    raise FormatError(f"{path.name}: the archive must hold CityJSON or GTFS; got {got} …. Unpack it first.")


def _is_feed(path: Path) -> bool:
    """Return whether a folder holds the tables of a timetable."""
    return path.is_dir() and all((path / name).is_file() for name in FEED)


def _files(path: str | PathLike[str] | Sequence[str | PathLike[str]]) -> list[Path]:
    """Return the files that are meant; those of a folder in order of their names."""
    if not isinstance(path, (str, PathLike)):
        if not len(path):
            raise InputError("read: at least one file must be given; got none.")
        return [Path(p) for p in path]
    path = Path(path)
    if not path.is_dir() or _is_feed(path):
        return [path]
    wanted = (*_SUFFIXES, ".zip", ".jsonl", ".cimz")
    here = sorted(p for p in path.iterdir() if p.is_file() and p.suffix.lower() in wanted)
    if not here:
        raise FormatError(f"{path}: the folder must hold map files ({', '.join(_SUFFIXES)}); it holds none.")
    return here


def _read_whole(path: Path, kind: str, placing: Placing) -> tuple[Community, Notes]:
    """Return the community of a format that holds all of it."""
    if kind == "cityjson":
        return read_cityjson(path, frame=placing.frame, crs=placing.crs)
    if placing != Placing():
        raise InputError(f"{path.name}: the file knows where it lies; leave out frame, crs, datum and swap_xy.")
    if kind == "ifc":
        return read_ifc(path)
    if kind == "cim":
        community, notes = read_cim(path)
        return community, community.notes + notes
    community = read_cimz(path)
    return community, community.notes


def _with_stops(layers: Layers, reading: Reading, notes: list[Note]) -> tuple[Layers, Reading]:
    """Return layers with the stops near the others, and what the user says of places taken into account.

    A timetable is in WGS-84 whatever the plan beside it is in.
    """
    plan = [(n, place(g, n, reading.placing)[0] if hasattr(g, "to_wkb") else g) for n, g in layers if n != STOPS]
    boxes = [g.to_crs("EPSG:4326").total_bounds for _, g in plan if getattr(g, "crs", None) is not None]
    stops = next(g for n, g in layers if n == STOPS)
    if boxes:
        west, south, east, north = np.concatenate([np.min(boxes, axis=0)[:2], np.max(boxes, axis=0)[2:]])
        up = BESIDE / 111_195.0
        side = up / np.cos(np.radians((south + north) / 2))
        near = stops.cx[west - side : east + side, south - up : north + up]
        if len(near) < len(stops):
            text = f"{len(stops) - len(near)} of {len(stops)} stops lie farther than {BESIDE:g} m from the plan"
            notes.append(Note("I03", text, STOPS, count=len(stops) - len(near)))
        stops = near.reset_index(drop=True)
    return [*plan, (STOPS, stops)], replace(reading, placing=Placing(reading.placing.frame))


def _renamed(layers: Layers, taken: set[str], stem: str) -> Layers:
    """Return layers with the name of their file before names that another file has."""
    return [(f"{stem}/{name}" if name in taken else name, gdf) for name, gdf in layers]
