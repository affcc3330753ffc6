"""Layers of foreign map files as frames, by GDAL: text decoded, rings closed, shapes looked at first."""

import codecs
import contextlib
import warnings
from os import PathLike
from pathlib import Path
from typing import Any

import shapely

from cimkit.errors import FormatError, needed
from cimkit.io.guard import check_file, check_wkb, decode_text, expected
from cimkit.model.notes import Note, noted

Layers = list[tuple[str, Any]]  # name and frame of each
_C1 = set(map(chr, range(0x80, 0xA0)))  # control characters that appear when text is decoded wrongly


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
    if suffix in (".geojson", ".json", ".shp"):
        gdf, notes = (_load_shapefile if suffix == ".shp" else _load_geojson)(path)
        return [(path.stem, gdf)], notes
    layers: Layers = []
    every: list[Note] = []
    for name in layer_names(path):
        gdf, notes = _load(path, name, "", path.name)
        layers.append((path.stem if name in ("OGRGeoJSON", "") else name, gdf))
        every += notes
    return layers, every


def layer_names(path: Path) -> list[str]:
    """Return the names of the layers of a file.

    Raises
    ------
    FormatError
        If GDAL cannot open it.
    """
    import pyogrio

    with expected(path.name, "the file must be a map file that GDAL reads"), warnings.catch_warnings(action="ignore"):
        return [str(n) for n in pyogrio.list_layers(path)[:, 0]]


def _load(source: Any, layer: str | None, encoding: str, who: str) -> tuple[Any, list[Note]]:
    """Return a layer as a frame; rings left open are closed and noted."""
    import pyogrio

    def once(on_invalid: str) -> Any:
        return pyogrio.read_dataframe(source, layer=layer, encoding=encoding or None, on_invalid=on_invalid)

    with expected(who, f"layer {layer or ''} must be whole"), warnings.catch_warnings(action="ignore"):
        try:
            return once("raise"), []
        except shapely.errors.ShapelyError:
            ignored, fixed = once("ignore"), once("fix")
    mended = shapely.is_missing(ignored.geometry.array) & ~shapely.is_missing(fixed.geometry.array)
    rows = [f"row {k}" for k in range(len(fixed))]
    return fixed, noted("G103", "a ring was not closed; closed", mended, str(layer or Path(who).stem), rows)


def _load_geojson(path: Path) -> tuple[Any, list[Note]]:
    """Return the frame of a GeoJSON file, whatever its text is encoded in."""
    text, encoding = decode_text(path.read_bytes(), path.name)
    head = text[:2048].lstrip("\ufeff \t\r\n")
    if not head.startswith("{"):
        raise FormatError(f"{path.name}: GeoJSON must begin with an object; got {head[:20]!r}.")
    gdf, notes = _load(path if encoding == "utf-8" else text.encode("utf-8"), None, "", path.name)
    if encoding != "utf-8":
        notes.append(Note("I01", f"text decoded as {encoding}", path.stem))
    if not hasattr(gdf, "to_wkb"):
        import geopandas as gpd

        gdf = gpd.GeoDataFrame(gdf, geometry=[None] * len(gdf), crs="EPSG:4326")
    return gdf, notes


def _load_shapefile(path: Path) -> tuple[Any, list[Note]]:
    """Return the frame of a Shapefile; its text as its .cpg says, else UTF-8 strictly, else GB 18030."""
    stated = _stated_encoding(path)
    for encoding in dict.fromkeys([e for e in (stated, "utf-8", "gb18030") if e]):
        try:
            gdf, notes = _load(path, None, encoding, path.name)
        except FormatError as error:
            if isinstance(error.__cause__, UnicodeDecodeError):
                continue
            raise
        texts = _all_text(gdf)
        if encoding != "gb18030" and _C1 & set(texts):
            continue
        if not texts.isascii():
            wrong = f"; its .cpg says {stated}" if stated and encoding != stated else ""
            notes.append(Note("I01", f"text decoded as {encoding}{wrong}", path.stem))
        return gdf, notes
    raise FormatError(f"{path.name}: text must be {stated or 'UTF-8'} or GB 18030; it is neither. Add a .cpg file.")


def _stated_encoding(path: Path) -> str:
    """Return the encoding that a .cpg file names as Python knows it, empty if there is none."""
    beside = [path.with_suffix(s) for s in (".cpg", ".CPG") if path.with_suffix(s).is_file()]
    text = beside[0].read_bytes()[:40].decode("ascii", "ignore").strip().lower() if beside else ""
    for name in (text, f"cp{text.removeprefix('ansi').strip(' -_')}"):
        with contextlib.suppress(LookupError, ValueError):
            return codecs.lookup(name).name
    return ""


def _all_text(gdf: Any) -> str:
    """Return column names and the text of a frame in one string."""
    plain = gdf.drop(columns=gdf.geometry.name if hasattr(gdf, "to_wkb") else [])
    texts = plain.select_dtypes(exclude=["number", "bool", "datetime"])
    return "".join([*map(str, gdf.columns), *(v for name in texts for v in texts[name].unique() if isinstance(v, str))])


def _load_parquet(path: Path) -> Any:
    """Return the frame of a GeoParquet file, its shapes looked at before GEOS sees them."""
    pq = needed("pyarrow.parquet", who=path.name, extra="parquet")
    import geopandas as gpd

    with expected(path.name, "the file must be whole GeoParquet"):  # also of its CRS
        for name in (field.name for field in pq.read_schema(path) if "binary" in str(field.type)):
            check_wkb(pq.read_table(path, columns=[name])[name].to_pylist(), path.name)
        gdf = gpd.read_parquet(path)
        return gdf if gdf.geometry.name == "geometry" else gdf.rename_geometry("geometry")
