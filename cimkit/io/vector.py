"""GeoJSON, GeoPackage, Shapefile, FlatGeobuf, GeoParquet: foreign map layers as frames, by GDAL."""

from __future__ import annotations

import codecs
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from os import PathLike
from pathlib import Path
from typing import Any

import numpy as np
import shapely

from cimkit.errors import FormatError, InputError, MissingDataError
from cimkit.geometry.frame import Frame, metric_crs
from cimkit.geometry.terrain import Terrain
from cimkit.io.atomic import atomic_write
from cimkit.io.crs import Placing, place
from cimkit.io.gdal import quiet
from cimkit.io.layers import sort_layer
from cimkit.io.wkb import check_wkb
from cimkit.model.community import Community
from cimkit.model.frames import tables_from_frames
from cimkit.model.notes import Note, Notes

VECTOR_SUFFIXES = (".geojson", ".json", ".gpkg", ".shp", ".fgb", ".parquet", ".geoparquet")
MAX_BYTES = 4 * 1024**3
_DRIVERS = {".geojson": "GeoJSON", ".shp": "ESRI Shapefile", ".fgb": "FlatGeobuf"}
_C1 = set(map(chr, range(0x80, 0xA0)))  # control characters that appear when text is decoded wrongly


@dataclass(frozen=True)
class Reading:
    """What the user says about foreign files.

    Parameters
    ----------
    placing
        Where coordinates lie.
    columns
        Own column names, theirs → ours.
    layers
        Layer → table; an empty table leaves the layer out.
    """

    placing: Placing = field(default_factory=Placing)
    columns: Mapping[str, str] = field(default_factory=dict)
    layers: Mapping[str, str] = field(default_factory=dict)


Layers = list[tuple[str, Any]]


def read_vector(
    paths: str | PathLike[str] | Sequence[str | PathLike[str]], reading: Reading | None = None
) -> tuple[Community, Notes]:
    """Read map layers of one or more files into one community.

    Parameters
    ----------
    paths
        A file, or several that belong together.
    reading
        What the user says about them.

    Returns
    -------
    tuple
        The community, and notes on what was read as what, guessed, mended or left out.

    Raises
    ------
    FormatError
        If a file cannot be read.
    InputError
        If coordinates contradict their CRS.
    """
    reading = reading or Reading()
    each = [paths] if isinstance(paths, (str, PathLike)) else list(paths)
    notes: list[Note] = []
    layers: Layers = []
    for path in each:
        found, said = load_layers(path)
        layers += found
        notes += said
    return community_of_layers(layers, reading, notes, ", ".join(Path(p).stem for p in each))


def community_of_layers(layers: Layers, reading: Reading, notes: list[Note], who: str) -> tuple[Community, Notes]:
    """Return the community of loaded layers, and all notes.

    Raises
    ------
    InputError
        If no layer can be used, or coordinates contradict their CRS.
    """
    unknown = set(reading.layers) - {name for name, _ in layers}
    if unknown:
        names = ", ".join(n for n, _ in layers)
        raise InputError(f"layers: names must be among {names}; got {', '.join(sorted(unknown))}.")
    frames: dict[str, list[Any]] = {}
    for name, gdf in layers:
        if not len(gdf):
            notes.append(Note("I03", "layer is empty", name))
            continue
        tables, said = sort_layer(name, gdf, reading.layers, only=len(layers) == 1)
        notes += said
        for table, frame in tables.items():
            if hasattr(frame, "to_wkb"):
                frame, said = _finite(frame, name)  # noqa: PLW2901 -- the frame goes on without bad shapes
                notes += said
                frame, said = place(frame, f"{who}, {name}" if who != name else who, reading.placing)  # noqa: PLW2901
                notes += said
            frames.setdefault(table, []).append(frame)
    return _assemble(frames, reading, notes, who)


def _assemble(frames: dict[str, list[Any]], reading: Reading, notes: list[Note], who: str) -> tuple[Community, Notes]:
    """Return the community of placed frames."""
    contours = frames.pop("contours", [])
    if not frames and not contours:
        said = "; ".join(n.text for n in notes[:3])
        raise InputError(
            f"{who}: at least one layer must be buildings, paths, parcels, services or open ground; got none. "
            f"{said}. Name tables with layers=."
        )
    merged = {table: _merged(parts) for table, parts in frames.items()}
    if "storeys" in merged and "buildings" not in merged:
        raise MissingDataError(f"{who}: storeys need buildings; there is no such layer. Read both together.")
    tables, frame, derived = tables_from_frames(merged, columns=dict(reading.columns), crs="")
    frame = _frame_of(contours[0], notes) if contours and not merged else frame
    community = Community(name=who, frame=frame, **tables)
    for gdf in contours:
        community = _with_terrain(community, gdf, notes)
    every = Notes.of(notes) + derived
    return replace(community, notes=every), every


def _frame_of(gdf: Any, notes: list[Note]) -> Frame:
    """Return the local frame of a layer that comes alone."""
    if gdf.crs is None:
        return Frame()
    target = gdf.crs.to_string()
    if not gdf.crs.is_projected:
        west, south, east, north = gdf.total_bounds
        target = metric_crs((west + east) / 2, (south + north) / 2)
        notes.append(Note("C03", f"{gdf.crs.name} projected to {target}", "terrain"))
    return Frame.around(gdf.to_crs(target).total_bounds.reshape(2, 2), target)


def _merged(parts: list[Any]) -> Any:
    """Return one frame of several, in the CRS of the first that states one."""
    import pandas as pd

    if len(parts) == 1:
        return parts[0]
    crs = next((p.crs for p in parts if getattr(p, "crs", None) is not None), None)
    if crs is not None:
        parts = [p if getattr(p, "crs", None) is None else p.to_crs(crs) for p in parts]
        parts = [p.set_crs(crs, allow_override=True) if hasattr(p, "to_wkb") else p for p in parts]
    return pd.concat(parts, ignore_index=True)


def _with_terrain(community: Community, gdf: Any, notes: list[Note]) -> Community:
    """Return the community with the ground of contour lines."""
    column = next((c for c in ("elev_m", "elev", "elevation", "height", "z", "高程", "标高") if c in gdf.columns), "")
    if community.frame.crs and gdf.crs is not None:
        gdf = gdf.to_crs(community.frame.crs)
    xyz, row = shapely.get_coordinates(gdf.geometry.array, include_z=True, return_index=True)
    if column:
        xyz[:, 2] = gdf[column].to_numpy(dtype=np.float64)[row]
    xyz = xyz[np.isfinite(xyz).all(axis=1)] - community.frame.origin
    if len(xyz) < 3:
        notes.append(Note("I03", "contour lines without heights were not used", "terrain"))
        return community
    size = float((xyz[:, :2].max(axis=0) - xyz[:, :2].min(axis=0)).max())
    return replace(community, terrain=Terrain.from_points(xyz, spacing=max(5.0, round(size / 500))))


# Loading ---------------------------------------------------------------------------------------


def load_layers(path: str | PathLike[str]) -> tuple[Layers, list[Note]]:
    """Return every layer of a file as a frame, and notes on text and shapes.

    Raises
    ------
    FormatError
        If the file is missing, empty, damaged or not a map file.
    """
    path = Path(path)
    check_file(path)
    suffix = path.suffix.lower()
    if suffix in (".parquet", ".geoparquet"):
        return [(path.stem, _load_parquet(path))], []
    if suffix in (".geojson", ".json"):
        return _load_geojson(path)
    if suffix == ".shp":
        return _load_shapefile(path)
    layers: Layers = []
    notes: list[Note] = []
    for name in layer_names(path):
        gdf, said = _load(path, name, "", path.name)
        layers.append((path.stem if name in ("OGRGeoJSON", "") else name, gdf))
        notes += said
    return layers, notes


def check_file(path: Path) -> None:
    """Raise FormatError unless a path is a file of a size that can be read."""
    if not path.exists():
        raise FormatError(f"{path}: the file must exist; it does not. Check the path.")
    if not path.is_file():
        raise FormatError(f"{path}: must be a file; got a folder or device.")
    size = path.stat().st_size
    if not 0 < size <= MAX_BYTES:
        raise FormatError(f"{path.name}: the size must be 1 byte to {MAX_BYTES:,} bytes; got {size:,}.")


def layer_names(path: Path) -> list[str]:
    """Return the names of the layers of a file.

    Raises
    ------
    FormatError
        If GDAL cannot open it.
    """
    import pyogrio

    with quiet():
        try:
            return [str(n) for n in pyogrio.list_layers(path)[:, 0]]
        except (RuntimeError, ValueError) as error:
            raise FormatError(f"{path.name}: the file must be a map file that GDAL reads; {error}.") from error


def _load(source: Any, layer: str | None, encoding: str, who: str) -> tuple[Any, list[Note]]:
    """Return a layer as a frame; rings left open are closed and noted. Text that does not decode raises."""
    import pyogrio

    def once(on_invalid: str) -> Any:
        with quiet():
            return pyogrio.read_dataframe(source, layer=layer, encoding=encoding or None, on_invalid=on_invalid)

    try:
        try:
            return once("raise"), []
        except shapely.errors.ShapelyError:
            ignored, fixed = once("ignore"), once("fix")
    except UnicodeDecodeError:
        raise
    except (RuntimeError, ValueError, TypeError, OverflowError, shapely.errors.ShapelyError) as error:
        raise FormatError(f"{who}: layer {layer or ''} must be whole; {error}.") from error
    mended = np.flatnonzero(shapely.is_missing(ignored.geometry.array) & ~shapely.is_missing(fixed.geometry.array))
    text = "a ring was not closed; closed"
    name = str(layer or Path(who).stem)
    return fixed, [Note("G103", text, name, f"row {mended[0]}", count=len(mended))] if len(mended) else []


def _load_geojson(path: Path) -> tuple[Layers, list[Note]]:
    """Return the layer of a GeoJSON file, whatever its text is encoded in."""
    data = path.read_bytes()
    text, encoding = decode_text(data, path.name)
    head = text[:2048].lstrip("\ufeff \t\r\n")
    if not head.startswith("{"):
        raise FormatError(f"{path.name}: GeoJSON must begin with an object; got {head[:20]!r}.")
    source: Any = path if encoding == "utf-8" else text.encode("utf-8")
    try:
        gdf, notes = _load(source, None, "", path.name)
    except UnicodeDecodeError as error:
        raise FormatError(f"{path.name}: text must be UTF-8 or GB 18030; {error}.") from error
    if encoding != "utf-8":
        notes.append(Note("I01", f"text decoded as {encoding}", path.stem))
    if not hasattr(gdf, "to_wkb"):
        import geopandas as gpd

        gdf = gpd.GeoDataFrame(gdf, geometry=[None] * len(gdf), crs="EPSG:4326")
    return [(path.stem, gdf)], notes


def decode_text(data: bytes, who: str) -> tuple[str, str]:
    """Return text and its encoding: by its mark, else UTF-8 strictly, else GB 18030.

    Raises
    ------
    FormatError
        If it is none of these.
    """
    marks = ((codecs.BOM_UTF8, "utf-8-sig"), (codecs.BOM_UTF16_LE, "utf-16"), (codecs.BOM_UTF16_BE, "utf-16"))
    tried = [e for mark, e in marks if data.startswith(mark)] or ["utf-8", "gb18030"]
    for encoding in tried:
        try:
            return data.decode(encoding), encoding
        except UnicodeDecodeError:
            continue
    raise FormatError(f"{who}: text must be UTF-8, UTF-16 or GB 18030; it is none of them.")


def _load_shapefile(path: Path) -> tuple[Layers, list[Note]]:
    """Return the layer of a Shapefile; its text as its .cpg says, else UTF-8 strictly, else GB 18030."""
    stated = _stated_encoding(path)
    for encoding in dict.fromkeys([e for e in (stated, "utf-8", "gb18030") if e]):
        try:
            gdf, notes = _load(path, None, encoding, path.name)
        except UnicodeDecodeError:
            continue
        texts = _all_text(gdf)
        if encoding != "gb18030" and _C1 & set(texts):
            continue
        if not texts.isascii():
            wrong = f"; its .cpg says {stated}" if stated and encoding != stated else ""
            notes.append(Note("I01", f"text decoded as {encoding}{wrong}", path.stem))
        return [(path.stem, gdf)], notes
    raise FormatError(f"{path.name}: text must be {stated or 'UTF-8'} or GB 18030; it is neither. Add a .cpg file.")


def _stated_encoding(path: Path) -> str:
    """Return the encoding that a .cpg file names as Python knows it, empty if there is none."""
    beside = next((path.with_suffix(s) for s in (".cpg", ".CPG") if path.with_suffix(s).is_file()), None)
    if beside is None:
        return ""
    text = beside.read_bytes()[:40].decode("ascii", "ignore").strip().lower()
    for name in (text, f"cp{text.removeprefix('ansi').strip(' -_')}"):
        try:
            return codecs.lookup(name).name
        except (LookupError, ValueError):
            continue
    return ""


def _all_text(gdf: Any) -> str:
    """Return column names and the text of a frame in one string."""
    parts = [str(c) for c in gdf.columns]
    for name in gdf.columns[[d.kind not in "biufcmM" for d in gdf.dtypes]]:
        if name != getattr(gdf, "_geometry_column_name", None):
            parts += [v for v in gdf[name].unique() if isinstance(v, str)]
    return "".join(parts)


def _load_parquet(path: Path) -> Any:
    """Return the frame of a GeoParquet file, its shapes looked at before GEOS sees them."""
    try:
        import pyarrow  # type: ignore[import-untyped,unused-ignore]
        import pyarrow.parquet as pq  # type: ignore[import-untyped,unused-ignore]
    except ImportError as error:
        raise MissingDataError(
            f"{path.name}: the package pyarrow must be installed for GeoParquet; it is not. "
            "pip install 'cimkit[parquet]'."
        ) from error
    import geopandas as gpd

    try:
        kinds = pq.read_schema(path)
        for name in (f.name for f in kinds if pyarrow.types.is_binary(f.type) or pyarrow.types.is_large_binary(f.type)):
            check_wkb(pq.read_table(path, columns=[name])[name].to_pylist(), path.name)
        gdf = gpd.read_parquet(path)
    except (OSError, ValueError, KeyError, TypeError, RecursionError, pyarrow.ArrowException) as error:
        raise FormatError(f"{path.name}: the file must be whole GeoParquet; {error!s:.200}.") from error
    except shapely.errors.ShapelyError as error:
        raise FormatError(f"{path.name}: shapes must be whole WKB; {error}.") from error
    return gdf if gdf.geometry.name == "geometry" else gdf.rename_geometry("geometry")


def _finite(gdf: Any, layer: str) -> tuple[Any, list[Note]]:
    """Return the frame without shapes that hold nan or infinity, and a note naming the first row."""
    xy, row = shapely.get_coordinates(np.asarray(gdf.geometry.array, dtype=object), return_index=True)
    bad = np.unique(row[~np.isfinite(xy).all(axis=1)])
    if not len(bad):
        return gdf, []
    text = "a coordinate is nan or infinite; the record is left out"
    note = Note("G101", text, layer, f"row {gdf.index[bad[0]]}", count=len(bad))
    return gdf.drop(index=gdf.index[bad]), [note]


# Writing ---------------------------------------------------------------------------------------


def write_vector(community: Community, path: str | PathLike[str], *, table: str = "buildings") -> None:
    """Write one table with shapes as GeoJSON (degrees), Shapefile, FlatGeobuf or GeoParquet.

    Parameters
    ----------
    community
        What to write.
    path
        File with suffix .geojson, .shp, .fgb or .parquet.
    table
        Table to write.

    Raises
    ------
    InputError
        If the table has no shapes or the suffix is another one.
    """
    path = Path(path)
    if table not in community.tables:
        raise InputError(f"table must be among {', '.join(community.tables)}; got {table!r}.")
    gdf = community.tables[table].to_frame()
    suffix = path.suffix.lower()
    if not hasattr(gdf, "to_wkb"):
        raise InputError(f"{path.name}: table {table} must have shapes; it has none. Write .csv or .gpkg.")
    if suffix == ".geojson" and gdf.crs is not None:
        gdf = gdf.to_crs("EPSG:4326")
    if suffix == ".parquet":
        with atomic_write(path) as temporary:
            gdf.to_parquet(temporary)
        return
    if suffix not in _DRIVERS:
        raise InputError(f"{path.name}: suffix must be .geojson, .shp, .fgb or .parquet; got {suffix!r}.")
    _write_driver(gdf, path, _DRIVERS[suffix])


def _write_driver(gdf: Any, path: Path, driver: str) -> None:
    """Write a frame with GDAL; the side files of a Shapefile come with it."""
    import os

    import pyogrio

    with atomic_write(path) as temporary, quiet():  # shortened field names of Shapefiles, a missing CRS
        try:
            options: dict[str, Any] = {"encoding": "utf-8"} if driver == "ESRI Shapefile" else {}
            if driver == "FlatGeobuf":
                options["layer_options"] = {"SPATIAL_INDEX": "NO"}  # the index would sort the rows by place
            pyogrio.write_dataframe(gdf, temporary, driver=driver, **options)
        except (RuntimeError, ValueError) as error:
            raise InputError(f"{path.name}: the table must fit {driver}; {error}.") from error
        for beside in _side_files(temporary):
            os.replace(beside, path.with_suffix(beside.suffix))


def _side_files(path: Path) -> Iterable[Path]:
    """Return the files a driver wrote beside the main one."""
    return [p for p in sorted(path.parent.iterdir()) if p != path]
