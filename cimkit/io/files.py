"""Read and write communities; the format is chosen by content and suffix."""

import re
from collections.abc import Mapping, Sequence
from os import PathLike
from pathlib import Path
from typing import Any

import numpy as np
import shapely

from cimkit.arrays import one_of
from cimkit.errors import FormatError, InputError, MissingDataError, needed
from cimkit.io import cimfile, cityjson, cityjson_write, dxf, gtfs, loading
from cimkit.io.crs import Placing, place
from cimkit.io.guard import check_file, open_archive
from cimkit.io.layers import Frames, sort_layer
from cimkit.io.loading import Layers
from cimkit.io.results import write_table
from cimkit.model.community import Community
from cimkit.model.frames import tables_from_frames
from cimkit.model.notes import Note, Notes, noted

BESIDE = 1000.0  # [m] stops this near to a plan belong to it
_CITYJSON = re.compile(rb'"type"\s*:\s*"CityJSON')
_WRITERS: dict[str, Any] = {".gpkg": cimfile.write_cim, ".cimz": cimfile.write_cimz}
_WRITERS |= {".json": cityjson_write.write_cityjson}
_ONE_TABLE = (".geojson", ".shp", ".fgb", ".parquet")
_LOADERS: dict[str, Any] = dict.fromkeys(("gpkg", "geojson", "shp", "fgb", "parquet"), loading.load_layers)
_LOADERS |= {"graphml": loading.load_graphml, "osm": loading.load_osm, "dxf": dxf.load_dxf, "gtfs": gtfs.load_gtfs}
_SUFFIXES = (*(f".{kind}" for kind in _LOADERS if kind != "gtfs"), ".json", ".geoparquet", ".pbf")  # in a folder
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
    each = _files(path)
    kinds = [format_of(p) for p in each]
    if len(each) == 1 and kinds[0] not in _LOADERS:
        return _read_whole(each[0], kinds[0], placing)
    found: Layers = []
    notes: list[Note] = []
    for one, kind in zip(each, kinds, strict=True):
        if kind not in _LOADERS:
            raise FormatError(f"{one.name}: files read together must be map files; got {kind}. Read it alone.")
        more, said = _LOADERS[kind](one)
        found += [(f"{one.stem}/{name}" if name in dict(found) else name, gdf) for name, gdf in more]
        notes += said
    if "gtfs" in kinds and len(found) > 1:
        found = _near_stops(found, placing, notes)
        placing = Placing(frame)  # the rest has been applied: a timetable is in WGS-84 whatever the plan is in
    who = ", ".join(p.stem for p in each)
    return _community(_sorted(found, placing, layers or {}, notes, who), columns or {}, notes, who)


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
    suffix = one_of(Path(path).suffix.lower(), (*_WRITERS, *_ONE_TABLE), name=f"{Path(path).name}: suffix")
    if suffix in _WRITERS:
        _WRITERS[suffix](community, path)
    else:
        write_table(community.buildings.to_frame(), path, layer="buildings")


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
    with check_file(path).open("rb") as handle:
        head = handle.read(4096)
    suffix = path.suffix.lower().lstrip(".")
    start = head.lstrip(b"\xef\xbb\xbf \t\r\n")
    marked = {
        "gpkg": head.startswith(b"SQLite format 3\x00"),
        "zip": head.startswith(b"PK\x03\x04"),
        "shp": head.startswith(b"\x00\x00\x27\x0a") or suffix in ("shp", "shx", "dbf"),
        "fgb": head.startswith(b"fgb\x03"),
        "parquet": head.startswith(b"PAR1"),
        "graphml": b"<graphml" in head,
        "osm": b"OSMHeader" in head[:64] or (start.startswith(b"<") and b"<osm" in head),
        "geojson": start.startswith(b"{") or suffix in ("geojson", "json"),
        "ifc": head.startswith(b"ISO-10303-21") and (suffix == "ifc" or b"IFC" in head),
        "dxf": suffix == "dxf",
    }
    kind = next((kind for kind, found in marked.items() if found), "")
    if kind in ("", "zip") and suffix in _ELSEWHERE:
        raise FormatError(f"{path.name}: the file must hold a community; it is {_ELSEWHERE[suffix]}.")
    if kind == "zip":
        return _zip_kind(path)
    if kind == "shp":
        _check_shapefile(path)
    if kind == "gpkg" and cimfile.is_cim(path):
        return "cim"
    if kind == "geojson" and _CITYJSON.search(path.read_bytes()):
        return "cityjson"
    if not kind:
        wanted = "GeoPackage, GeoJSON, Shapefile, FlatGeobuf, GeoParquet, DXF, IFC, OSM, GraphML, CityJSON or .cimz"
        raise FormatError(f"{path.name}: the format must be {wanted}; the first bytes are {head[:12]!r}.")
    return kind


def _check_shapefile(path: Path) -> None:
    """Say which file of a Shapefile to open, or which is missing."""
    if path.suffix.lower() != ".shp":
        raise FormatError(f"{path.name}: the Shapefile must be opened by its .shp; got {path.suffix}.")
    if missing := [s for s in (".shx", ".dbf") if not any(path.with_suffix(t).is_file() for t in (s, s.upper()))]:
        raise FormatError(f"{path.name}: a Shapefile must have .shp, .shx and .dbf; {', '.join(missing)} is missing.")


def _zip_kind(path: Path) -> str:
    """Return what a zip archive holds."""
    with open_archive(path, path.name) as archive:
        names = archive.namelist()
    json = any(n.lower().endswith((".json", ".jsonl")) for n in names)
    kind = "gtfs" if set(names) >= gtfs.FEED else "cimz" if cimfile.HEADER in names else "cityjson" if json else ""
    if not kind:
        got = ", ".join(names[:3])
        raise FormatError(f"{path.name}: the archive must hold CityJSON or GTFS; got {got} …. Unpack it first.")
    return kind


def _is_feed(path: Path) -> bool:
    """Return whether a folder holds the tables of a timetable."""
    return path.is_dir() and all((path / name).is_file() for name in gtfs.FEED)


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
    if not (here := sorted(p for p in path.iterdir() if p.is_file() and p.suffix.lower() in wanted)):
        raise FormatError(f"{path}: the folder must hold map files ({', '.join(_SUFFIXES)}); it holds none.")
    return here


def _read_whole(path: Path, kind: str, placing: Placing) -> tuple[Community, Notes]:
    """Return the community of a format that holds all of it."""
    if kind == "cityjson":
        return cityjson.read_cityjson(path, frame=placing.frame, crs=placing.crs)
    if placing != Placing():
        raise InputError(f"{path.name}: the file knows where it lies; leave out frame, crs, datum and swap_xy.")
    if kind == "ifc":
        needed("ifcopenshell", who=path.name, extra="ifc")
        from cimkit.io.ifc import read_ifc

        return read_ifc(path)
    community, notes = cimfile.read_cim(path) if kind == "cim" else (cimfile.read_cimz(path), Notes())
    return community, community.notes + notes


def _near_stops(layers: Layers, placing: Placing, notes: list[Note]) -> Layers:
    """Return layers where the user says they lie, with the stops near the others."""
    placed = [(n, place(g, n, placing)[0] if hasattr(g, "to_wkb") else g) for n, g in layers if n != gtfs.STOPS]
    boxes = [g.to_crs("EPSG:4326").total_bounds for _, g in placed if getattr(g, "crs", None) is not None]
    stops = next(g for n, g in layers if n == gtfs.STOPS)
    if boxes:
        west, south, east, north = np.concatenate([np.min(boxes, axis=0)[:2], np.max(boxes, axis=0)[2:]])
        up = BESIDE / 111_195.0
        side = up / np.cos(np.radians((south + north) / 2))
        near = stops.cx[west - side : east + side, south - up : north + up]
        far = ~stops.index.isin(near.index)
        text = f"{far.sum()} of {len(far)} stops lie farther than {BESIDE:g} m from the plan"
        notes += noted("I03", text, far, gtfs.STOPS)
        stops = near.reset_index(drop=True)
    return [*placed, (gtfs.STOPS, stops)]


# Map layers of others as a community -----------------------------------------------------------------


def _sorted(layers: Layers, placing: Placing, chosen: Mapping[str, str], notes: list[Note], who: str) -> Frames:
    """Return the frames of loaded layers by table, in a CRS that fits their numbers."""
    for name in chosen:
        one_of(name, dict(layers), name="layers: names")
    frames: Frames = {}
    for name, gdf in layers:
        if not len(gdf):
            notes.append(Note("I03", "layer is empty", name))
            continue
        for table, frame in sort_layer(name, gdf, chosen, len(layers) == 1, notes).items():
            if hasattr(frame, "to_wkb"):
                finite = _finite(frame, name, notes)
                frame, said = place(finite, f"{who}, {name}" if who != name else who, placing)  # noqa: PLW2901
                notes += said
            frames.setdefault(table, []).append(frame)
    return frames


def _community(frames: Frames, columns: Mapping[str, str], notes: list[Note], who: str) -> tuple[Community, Notes]:
    """Return the community of placed frames, and all notes."""
    if not frames:
        said = "; ".join(n.text for n in notes[:3])
        wanted = "buildings, paths, parcels, services or open ground"
        raise InputError(f"{who}: at least one layer must be {wanted}; got none. {said}. Name tables with layers=.")
    if "storeys" in frames and "buildings" not in frames:
        raise MissingDataError(f"{who}: storeys need buildings; there is no such layer. Read both together.")
    merged = {table: _merged(parts) for table, parts in frames.items()}
    made, frame, derived = tables_from_frames(merged, columns=columns, crs="")
    every = Notes.of(notes) + derived
    return Community(name=who, frame=frame, notes=every, **made), every


def _merged(parts: list[Any]) -> Any:
    """Return one frame of several, in the CRS of the first that states one."""
    import pandas as pd

    if len(parts) == 1:
        return parts[0]
    if (crs := next((p.crs for p in parts if getattr(p, "crs", None) is not None), None)) is not None:
        parts = [p if getattr(p, "crs", None) is None else p.to_crs(crs) for p in parts]
        parts = [p.set_crs(crs, allow_override=True) if hasattr(p, "to_wkb") else p for p in parts]
    return pd.concat(parts, ignore_index=True)


def _finite(gdf: Any, layer: str, notes: list[Note]) -> Any:
    """Return the frame without shapes that hold nan or infinity, and note the first row."""
    xy, row = shapely.get_coordinates(np.asarray(gdf.geometry.array, dtype=object), return_index=True)
    bad = np.isin(np.arange(len(gdf)), row[~np.isfinite(xy).all(axis=1)])
    rows = [f"row {k}" for k in gdf.index]
    notes += noted("G101", "a coordinate is nan or infinite; the record is left out", bad, layer, rows)
    return gdf[~bad] if bad.any() else gdf
