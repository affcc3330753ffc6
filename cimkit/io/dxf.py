"""Site plans in DXF: closed outlines and lines by layer, with the texts that stand in them."""

import re
from collections.abc import Iterator
from os import PathLike
from pathlib import Path
from typing import Any

import numpy as np
import shapely

from cimkit.errors import FormatError, needed
from cimkit.io.guard import check_file, expected
from cimkit.io.loading import Layers
from cimkit.model.notes import Note

_UNITS = {1: 0.0254, 2: 0.3048, 4: 0.001, 5: 0.01, 6: 1.0}  # $INSUNITS → metres
_DRAWN = {"LINE", "LWPOLYLINE", "POLYLINE", "CIRCLE", "ARC", "ELLIPSE", "SPLINE"}
_FLAT = 0.01  # [m] largest distance of an arc from its chords
_SHUT = 0.01  # [m] an outline whose ends are so near is closed
_STOREYS = re.compile(r"(\d{1,3})(?:\+\d+)?\s*(?:F|层|L)", re.IGNORECASE)
_HEIGHT = re.compile(r"H\s*[=:：]\s*(\d+(?:\.\d+)?)", re.IGNORECASE)
_DEEP = 8  # blocks within blocks


def load_dxf(path: str | PathLike[str]) -> tuple[Layers, list[Note]]:
    """Return the layers of a drawing as frames of outlines or lines in metres, without CRS, and notes.

    Outlines carry ``n_above`` and ``height`` from texts such as ``18F`` or ``H=54.0`` that stand in them (of nested
    outlines in the smallest), and other text as ``name``. Blocks are taken apart, arcs become chords within 1 cm.

    Parameters
    ----------
    path
        DXF file of any version from R12 on; text in UTF-8 or the file's code page, GBK too.

    Returns
    -------
    tuple
        A frame for the outlines and one for the lines of each layer, and notes on unit and code page.

    Raises
    ------
    FormatError
        If it is no DXF file or holds no outlines and lines.
    MissingDataError
        If ezdxf is not installed.
    """
    readfile = needed("ezdxf.filemanagement", who=Path(path).name, extra="dxf").readfile
    import geopandas as gpd

    path = check_file(path)
    notes: list[Note] = []
    with expected(path.name, "it must be a DXF drawing", "Save it as DXF R2010."):
        drawing = readfile(path)
        if drawing.dxfversion < "AC1021" and drawing.encoding == "cp1252" and _is_gbk(path):
            drawing = readfile(path, encoding="gbk")
            notes.append(Note("I01", f"{path.name}: text was decoded as GBK; the file says {drawing.encoding}"))
    parts = list(_entities(drawing.modelspace(), "", 0))
    scale = _scale(drawing.header.get("$INSUNITS", 0), parts, path.name, notes)
    drawn = [(layer, s) for e, layer in parts if e.dxftype() in _DRAWN and (s := _shape(e, scale)) is not None]
    if not drawn:
        raise FormatError(f"{path.name}: the drawing must hold outlines or lines; its model space has none.")
    names, shapes = zip(*drawn, strict=True)
    closed = np.array([isinstance(s, shapely.Polygon) for s in shapes])
    told = _told([e for e, _ in parts], [s if isinstance(s, shapely.Polygon) else None for s in shapes], scale)
    frame = gpd.GeoDataFrame({"layer": names, "closed": closed, **told}, geometry=list(shapes))
    layers: Layers = []
    for (layer, outlines), own in frame.groupby(["layer", "closed"], sort=False):
        both = closed[frame["layer"] == layer].any() and not outlines
        columns = [*told, "geometry"] if outlines else ["geometry"]
        layers.append((f"{layer} lines" if both else layer, own[columns].reset_index(drop=True)))
    return layers, notes


def _is_gbk(path: Path) -> bool:
    """Tell whether a file's bytes are Chinese text in GBK."""
    try:
        return any("一" <= c <= "鿿" for c in path.read_bytes().decode("gbk"))
    except UnicodeDecodeError:
        return False


def _entities(space: Any, layer: str, depth: int) -> Iterator[tuple[Any, str]]:
    """Give all entities with their layer, those of blocks too; what a block has on layer 0 takes the insert's."""
    for e in space:
        own = layer if layer and e.dxf.layer == "0" else e.dxf.layer
        if e.dxftype() == "INSERT" and depth < _DEEP:
            yield from _entities(e.virtual_entities(), own, depth + 1)
        else:
            yield e, own


def _scale(code: int, parts: list[tuple[Any, str]], name: str, notes: list[Note]) -> float:
    """Return metres a drawing unit; where the drawing does not say, by the size of what is drawn."""
    if code in _UNITS:
        return _UNITS[code]
    outlines = [e for e, _ in parts if e.dxftype() == "LWPOLYLINE"]
    sizes = [float(np.ptp(np.array(e.get_points("xy")), axis=0).max()) for e in outlines if len(e) > 1]
    scale = 0.001 if sizes and float(np.median(sizes)) > 1000 else 1.0
    unit = "mm" if scale < 1 else "m"
    notes.append(Note("C05", f"{name}: the drawing does not say its unit ($INSUNITS {code}); taken as {unit}"))
    return scale


def _shape(entity: Any, scale: float) -> Any:
    """Return an entity as polygon or line [m], None if it has no extent."""
    from ezdxf.path import make_path

    points = np.array([(p.x, p.y) for p in make_path(entity).flattening(_FLAT / scale)]) * scale
    if len(points) < 2 or not np.ptp(points, axis=0).any():
        return None
    shut = getattr(entity, "is_closed", False) or getattr(entity, "closed", False)
    if len(points) > 3 and (shut or np.hypot(*(points[0] - points[-1])) <= _SHUT):
        return shapely.Polygon(points)
    return shapely.LineString(points)


def _told(entities: list[Any], outlines: list[Any], scale: float) -> dict[str, Any]:
    """Return storeys, height and name of outlines (None for lines), each text told of the smallest around it."""
    storeys, height = np.full(len(outlines), -1), np.full(len(outlines), np.nan)
    name = np.full(len(outlines), "", dtype=object)
    tree, area = shapely.STRtree(outlines), shapely.area(outlines)
    for e in (e for e in entities if e.dxftype() in ("TEXT", "MTEXT")):
        text = (e.plain_text() if e.dxftype() == "MTEXT" else e.dxf.text).strip()
        around = tree.query(shapely.Point(e.dxf.insert.x * scale, e.dxf.insert.y * scale), predicate="intersects")
        if not len(around) or not text:
            continue
        row = around[area[around].argmin()]
        if found := _HEIGHT.fullmatch(text):
            height[row] = float(found[1])
        elif found := _STOREYS.fullmatch(text):
            storeys[row] = int(found[1])
        else:
            name[row] = text
    return {"n_above": storeys, "height": height, "name": name}
