"""Layers of foreign map files as frames: by GDAL, text decoded, rings closed, shapes looked at first; of OSMnx too."""

import codecs
import contextlib
import re
import warnings
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import numpy as np
import shapely

from cimkit.errors import FormatError, needed
from cimkit.io.atomic import File
from cimkit.io.guard import check_file, check_wkb, decode_text, expected
from cimkit.lists import load_lists
from cimkit.model.notes import Note, noted

Layers = list[tuple[str, Any]]  # name and frame of each
_C1 = set(map(chr, range(0x80, 0xA0)))  # control characters that appear when text is decoded wrongly
_TAG = re.compile(r'"((?:[^"\\]|\\.)*)"=>"((?:[^"\\]|\\.)*)"')
_WANTED = load_lists(__file__)["tags"]
_NAMESPACE = "{http://graphml.graphdrawing.org/xmlns}"
_KEEP = ("osmid", "highway", "name", "oneway", "access", "bridge", "tunnel", "layer", "width", "footway")


def load_layers(path: File) -> tuple[Layers, list[Note]]:
    """Return every layer of a file as a frame, and notes on text and shapes.

    Raises
    ------
    FormatError
        If the file is missing, empty, damaged or not a map file.
    """
    path = check_file(path)
    if load := _SINGLE.get(path.suffix.lower()):
        gdf, notes = load(path)
        return [(path.stem, gdf)], notes
    loaded = {name: _load(path, name, "", path.name) for name in layer_names(path)}
    layers = [(path.stem if name in ("OGRGeoJSON", "") else name, gdf) for name, (gdf, _) in loaded.items()]
    return layers, [note for _, notes in loaded.values() for note in notes]


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


def _load_parquet(path: Path) -> tuple[Any, list[Note]]:
    """Return the frame of a GeoParquet file, its shapes looked at before GEOS sees them."""
    pq = needed("pyarrow.parquet", who=path.name, extra="parquet")
    import geopandas as gpd

    with expected(path.name, "the file must be whole GeoParquet"):  # also of its CRS
        for name in (field.name for field in pq.read_schema(path) if "binary" in str(field.type)):
            check_wkb(pq.read_table(path, columns=[name])[name].to_pylist(), path.name)
        gdf = gpd.read_parquet(path)
        return gdf if gdf.geometry.name == "geometry" else gdf.rename_geometry("geometry"), []


_SINGLE = {".shp": _load_shapefile, ".geojson": _load_geojson, ".json": _load_geojson}  # of one layer
_SINGLE |= {".parquet": _load_parquet, ".geoparquet": _load_parquet}


# OpenStreetMap: extracts through GDAL with all tags as columns, and street networks of OSMnx --------------


def load_osm(path: File) -> tuple[Layers, list[Note]]:
    """Return points, lines and areas of an extract; relations cut at its edge are skipped and noted.

    Parameters
    ----------
    path
        File with suffix .osm.pbf or .osm.

    Returns
    -------
    tuple
        Three layers, and notes on skipped records.

    Raises
    ------
    FormatError
        If GDAL cannot read it.
    """
    import pyogrio

    path = check_file(path)
    layers: Layers = []
    notes: list[Note] = []
    for name, kind in (("points", "node"), ("lines", "way"), ("multipolygons", "relation")):
        must = expected(f"{path.name}, {name}", "the file must be a whole extract")
        with must, warnings.catch_warnings(action="ignore"):  # GDAL warns of every relation that the edge has cut
            gdf = pyogrio.read_dataframe(path, layer=name, on_invalid="ignore")
        lost = shapely.is_missing(gdf.geometry.array)
        notes += noted("I02", "relations cut at the edge of the extract were skipped", lost, name)
        layers.append((name, _with_tags(gdf[~lost].reset_index(drop=True), kind)))
    return layers, notes


def _with_tags(gdf: Any, kind: str) -> Any:
    """Return the frame with the wanted keys of ``other_tags`` as columns and one id that tells ways from relations."""
    result = gdf.drop(columns=["other_tags", "osm_id", "osm_way_id"], errors="ignore")
    tags = [dict(_TAG.findall(t)) if isinstance(t, str) else {} for t in gdf.get("other_tags", ())]
    for key in _WANTED:
        if key not in result.columns and any(values := [t.get(key) for t in tags]):
            result[key] = np.array(values, dtype=object)
    ways = gdf.get("osm_way_id", [None] * len(gdf))
    ids = [f"way/{w}" if isinstance(w, str) else f"{kind}/{i}" for i, w in zip(gdf["osm_id"], ways, strict=True)]
    return result.assign(id=np.fromiter(ids, dtype=object))


def load_graphml(path: File) -> tuple[Layers, list[Note]]:
    """Return the edges of a street network as a frame of lines; both directions of a street are one.

    Parameters
    ----------
    path
        GraphML file written by OSMnx.

    Returns
    -------
    tuple
        One layer ``streets``, and no notes.

    Raises
    ------
    FormatError
        If the file is damaged, has a document type, or its nodes have no coordinates.
    """
    import geopandas as gpd

    path = check_file(path)
    data = path.read_bytes()
    if b"<!DOCTYPE" in data or b"<!ENTITY" in data:
        raise FormatError(f"{path.name}: XML must come without a document type; got one. It is not read.")
    rows: dict[Any, dict[str, str]] = {}
    lines: list[Any] = []
    with expected(path.name, "the file must be whole GraphML with x and y at nodes"):
        root = ElementTree.fromstring(data)  # noqa: S314 -- no document type, so no entities
        names = {k.get("id"): str(k.get("attr.name")) for k in root.iter(f"{_NAMESPACE}key")}
        crs = next((d.text for d in root.iter(f"{_NAMESPACE}data") if names.get(d.get("key")) == "crs"), "")
        nodes = {n.get("id"): _values(n, names) for n in root.iter(f"{_NAMESPACE}node")}
        place = {k: (float(v["x"]), float(v["y"])) for k, v in nodes.items()}
        for edge in root.iter(f"{_NAMESPACE}edge"):
            ends, values = (edge.get("source"), edge.get("target")), _values(edge, names)
            course = _course(values.get("geometry", "")) or [place[e] for e in ends]
            both = (frozenset(ends), values.get("osmid"), values.get("length", ""))
            if both not in rows and len(set(course)) > 1:
                kept = {k: _first(values.get(k, "")) for k in _KEEP}
                rows[both] = {"id": f"{kept['osmid']}-{len(lines)}", **kept}
                lines.append(shapely.linestrings(np.array(course)))
        return [("streets", gpd.GeoDataFrame(list(rows.values()), geometry=lines, crs=crs or "EPSG:4326"))], []


def _values(element: Any, names: dict[Any, str]) -> dict[str, str]:
    """Return the data of a node or an edge."""
    return {names.get(d.get("key"), ""): d.text or "" for d in element.iter(f"{_NAMESPACE}data")}


def _course(text: str) -> list[tuple[float, float]]:
    """Return the points of a line in WKT; no other shape is handed to GEOS, which nested ones could end."""
    line = shapely.from_wkt(text, on_invalid="ignore") if text.lstrip().upper().startswith("LINESTRING") else None
    return [] if line is None else list(line.coords)


def _first(text: str) -> str:
    """Return the first of values that OSMnx joined to a list."""
    return text.strip("[]").split(",")[0].strip(" '\"") if text.startswith("[") else text
