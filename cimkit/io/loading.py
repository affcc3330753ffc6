"""Layers of foreign map files as frames, by GDAL: text decoded, rings closed, shapes looked at first."""

from __future__ import annotations

import codecs
import struct
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import shapely

from cimkit.errors import FormatError, needed
from cimkit.io.gdal import quiet
from cimkit.model.notes import Note

if TYPE_CHECKING:
    from collections.abc import Iterable
    from os import PathLike

MAX_BYTES = 4 * 1024**3
_C1 = set(map(chr, range(0x80, 0xA0)))  # control characters that appear when text is decoded wrongly
MAX_DEPTH = 4
_HAS_SRID = 0x20000000
_SHORT = 9 * 2_000  # bytes; a level takes at least nine, and GEOS bears two thousand levels

Layers = list[tuple[str, Any]]  # name and frame of each


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
        except (RuntimeError, ValueError, UnicodeDecodeError) as error:
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
    pyarrow = needed("pyarrow", who=path.name, extra="parquet")
    pq = needed("pyarrow.parquet", who=path.name, extra="parquet")
    import geopandas as gpd

    try:
        kinds = pq.read_schema(path)
        for name in (f.name for f in kinds if pyarrow.types.is_binary(f.type) or pyarrow.types.is_large_binary(f.type)):
            check_wkb(pq.read_table(path, columns=[name])[name].to_pylist(), path.name)
        gdf = gpd.read_parquet(path)
    except (OSError, ValueError, KeyError, TypeError, RuntimeError, pyarrow.ArrowException) as error:  # also of its CRS
        raise FormatError(f"{path.name}: the file must be whole GeoParquet; {error!s:.200}.") from error
    except shapely.errors.ShapelyError as error:
        raise FormatError(f"{path.name}: shapes must be whole WKB; {error}.") from error
    return gdf if gdf.geometry.name == "geometry" else gdf.rename_geometry("geometry")


# A look at foreign WKB before GEOS sees it: deeply nested collections end the process there ------------


def check_wkb(shapes: Iterable[Any], who: str) -> None:
    """Raise FormatError if a WKB geometry is nested deeper than its type allows.

    Parameters
    ----------
    shapes
        WKB of each geometry, None for missing.
    who
        File and layer, for the message.

    Raises
    ------
    FormatError
        If a geometry is a deep nest of collections, or cut short.
    """
    for row, wkb in enumerate(shapes):
        if wkb is not None and len(wkb) > _SHORT and _is_nest(wkb):
            said = f"collections must be nested at most {MAX_DEPTH} deep; got more"
            raise FormatError(f"{who}, row {row}: {said}. The file is damaged or meant to do harm.")


def _is_nest(wkb: bytes) -> bool:
    """Tell whether a geometry is nested deeper than allowed; what is cut short or of no known kind is left to GEOS."""
    try:
        return _end(wkb, 0, 0) < 0
    except (struct.error, IndexError, ValueError):
        return False


def _end(wkb: bytes, at: int, depth: int) -> int:
    """Return where the geometry that begins at a place ends, -1 if collections in it are nested too deep."""
    order = "<" if wkb[at] == 1 else ">"
    (kind,) = struct.unpack_from(order + "I", wkb, at + 1)
    at += 9 if kind & _HAS_SRID else 5
    base, iso = kind & 0xFFFF, (kind & 0xFFFF) // 1000
    size = 8 * (2 + bool(kind & 0x80000000) + bool(kind & 0x40000000) + (0, 1, 1, 2)[min(iso, 3)])
    if base % 1000 == 1:
        return at + size
    (count,) = struct.unpack_from(order + "I", wkb, at)
    at += 4
    if base % 1000 == 2:
        return at + size * int(count)
    if base % 1000 not in (3, 4, 5, 6, 7):
        raise ValueError(f"kind {kind}")
    for _ in range(count):
        if base % 1000 == 3:
            (points,) = struct.unpack_from(order + "I", wkb, at)
            at += 4 + size * int(points)
        else:
            at = -1 if depth == MAX_DEPTH else _end(wkb, at, depth + 1)
            if at < 0:
                return -1
    return at
