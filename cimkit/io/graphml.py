"""Street networks of OSMnx in GraphML."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any
from xml.etree import ElementTree

import numpy as np
import shapely

from cimkit.errors import FormatError
from cimkit.io.loading import Layers, check_file

if TYPE_CHECKING:
    from os import PathLike

    from cimkit.model.notes import Note

_NAMESPACE = "{http://graphml.graphdrawing.org/xmlns}"
_KEEP = ("osmid", "highway", "name", "oneway", "access", "bridge", "tunnel", "layer", "width", "footway")


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
    path = Path(path)
    check_file(path)
    data = path.read_bytes()
    if b"<!DOCTYPE" in data or b"<!ENTITY" in data:
        raise FormatError(f"{path.name}: XML must come without a document type; got one. It is not read.")
    try:
        root = ElementTree.fromstring(data)  # noqa: S314 -- no document type, so no entities
        names = {k.get("id"): str(k.get("attr.name")) for k in root.iter(f"{_NAMESPACE}key")}
        crs = next((d.text for d in root.iter(f"{_NAMESPACE}data") if names.get(d.get("key")) == "crs"), "")
        nodes = {n.get("id"): _values(n, names) for n in root.iter(f"{_NAMESPACE}node")}
        place = {k: (float(v["x"]), float(v["y"])) for k, v in nodes.items()}
        edges = [(e.get("source"), e.get("target"), _values(e, names)) for e in root.iter(f"{_NAMESPACE}edge")]
        return [("streets", _frame(edges, place, crs or "EPSG:4326"))], []
    except (ElementTree.ParseError, KeyError, ValueError, TypeError) as error:
        raise FormatError(f"{path.name}: the file must be whole GraphML with x and y at nodes; {error!r}.") from error


def _values(element: Any, names: dict[Any, str]) -> dict[str, str]:
    """Return the data of a node or an edge."""
    return {names.get(d.get("key"), ""): d.text or "" for d in element.iter(f"{_NAMESPACE}data")}


def _frame(edges: Any, place: dict[Any, tuple[float, float]], crs: str) -> Any:
    """Return the frame of edges, one row for both directions."""
    import geopandas as gpd

    rows: list[dict[str, Any]] = []
    lines: list[Any] = []
    seen: set[Any] = set()
    for start, end, values in edges:
        course = _course(values.get("geometry", "")) or [place[start], place[end]]
        both = (frozenset((start, end)), values.get("osmid"), values.get("length", ""))
        if both in seen or len(set(course)) < 2:
            continue
        seen.add(both)
        rows.append({"id": "", **{k: _first(values.get(k, "")) for k in _KEEP}})
        lines.append(shapely.linestrings(np.array(course)))
    frame = gpd.GeoDataFrame(rows, geometry=lines, crs=crs)
    return frame.assign(id=[f"{r['osmid']}-{k}" for k, r in enumerate(rows)])


def _course(text: str) -> list[tuple[float, float]]:
    """Return the points of a line in WKT; no other shape is handed to GEOS, which nested ones could end."""
    line = shapely.from_wkt(text, on_invalid="ignore") if text.lstrip().upper().startswith("LINESTRING") else None
    return [] if line is None else list(line.coords)


def _first(text: str) -> str:
    """Return the first of values that OSMnx joined to a list."""
    return text.strip("[]").split(",")[0].strip(" '\"") if text.startswith("[") else text
