"""OpenStreetMap: extracts (.osm.pbf, .osm) through GDAL with all tags as columns, and street networks of OSMnx."""

import re
import tomllib
import warnings
from os import PathLike
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import numpy as np
import shapely

from cimkit.errors import FormatError
from cimkit.io.guard import check_file, expected
from cimkit.io.loading import Layers
from cimkit.model.notes import Note, noted

_TAG = re.compile(r'"((?:[^"\\]|\\.)*)"=>"((?:[^"\\]|\\.)*)"')
_WANTED = tomllib.loads(Path(__file__).with_suffix(".toml").read_text(encoding="utf-8"))["tags"]
_NAMESPACE = "{http://graphml.graphdrawing.org/xmlns}"
_KEEP = ("osmid", "highway", "name", "oneway", "access", "bridge", "tunnel", "layer", "width", "footway")


def load_osm(path: str | PathLike[str]) -> tuple[Layers, list[Note]]:
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

    path = Path(path)
    check_file(path)
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
        values = [t.get(key) for t in tags]
        if key not in result.columns and any(values):
            result[key] = np.array(values, dtype=object)
    ways = gdf.get("osm_way_id", [None] * len(gdf))
    ids = [f"way/{w}" if isinstance(w, str) else f"{kind}/{i}" for i, w in zip(gdf["osm_id"], ways, strict=True)]
    return result.assign(id=np.fromiter(ids, dtype=object))


def load_graphml(path: str | PathLike[str]) -> tuple[Layers, list[Note]]:
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

    path = Path(path)
    check_file(path)
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
