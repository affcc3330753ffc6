"""Which layer of a foreign file is which table: by its name, by its shapes, by its tags (``layers.toml``)."""

import re
from collections.abc import Mapping
from typing import Any

import numpy as np
import shapely

from cimkit.arrays import one_of
from cimkit.lists import load_lists
from cimkit.model.frames import WORDS
from cimkit.model.kinds import FacilityKind, Kind, PathKind, SpaceKind
from cimkit.model.notes import Note, noted

_LISTS = load_lists(__file__)
COVER = 0.95  # share of the whole from which its parts stand for it
_FALLBACK = {"A": "buildings", "L": "paths", "P": "facilities"}
_TABLES = ("buildings", "storeys", "parcels", "spaces", "paths", "facilities", "entrances", "trees", "population")
_CHOICES = (*_TABLES, "contours")

Frames = dict[str, Any]  # by table


def shape_class(gdf: Any) -> str:
    """Return A for areas, L for lines, P for points, M for a mixture, N where there is no shape."""
    classes = set(_classes(gdf).tolist()) - {"N"} if hasattr(gdf, "to_wkb") else set()
    return classes.pop() if len(classes) == 1 else ("M" if classes else "N")


def _classes(gdf: Any) -> Any:
    """Return A, L, P or M for each shape of a frame, N where there is none."""
    return np.array([*"PLLAPLAM", "N"])[shapely.get_type_id(np.asarray(gdf.geometry.array, dtype=object))]


def table_of(layer: str, shapes: str) -> str:
    """Return the table a layer is by its name and the class of its shapes, empty if the name tells nothing.

    Examples
    --------
    >>> table_of("建筑轮廓", "A"), table_of("Streets_2020", "L"), table_of("tessellation", "A"), table_of("x", "A")
    ('buildings', 'paths', 'skip', '')
    """
    fitting = ((table, pattern) for table, pattern, wanted in _LISTS["patterns"] if shapes in wanted)
    return next((str(table) for table, pattern in fitting if re.search(pattern, layer.lower())), "")


def sort_layer(layer: str, gdf: Any, chosen: Mapping[str, str], only: bool, notes: list[Note]) -> Frames:
    """Return the frames a layer gives, by table, and note what is not used.

    Parameters
    ----------
    layer
        Name of the layer.
    gdf
        Its frame.
    chosen
        Layer → table as the user says; an empty table leaves the layer out.
    only
        Whether it is the only layer, which is then taken by its shapes if its name tells nothing.
    notes
        Where notes go.

    Raises
    ------
    InputError
        If the user names a table that layers cannot be.
    """
    shapes = shape_class(gdf)
    if layer in chosen:
        table = one_of(chosen[layer], ("", *_CHOICES), name="layers: tables")
    elif shapes == "M" or {"highway", "man_made"} & set(gdf.columns):
        return _sort_by_tags(layer, gdf, notes)
    else:
        table = table_of(layer, shapes) or (_FALLBACK.get(shapes, "") if only else "")
    if not table or table == "skip":
        text = f"layer of {len(gdf)} records was not used"
        notes.append(Note("I03", text, layer, fix="Name its table with layers=."))
        return {}
    return _settled(table, layer, gdf, notes)


def _settled(table: str, layer: str, gdf: Any, notes: list[Note]) -> Frames:
    """Return the frame of one table with its kinds in one column; none if nothing of it can be used."""
    if table == "paths":
        gdf = _paths(layer, gdf, notes)
    elif table == "spaces":
        gdf = _spaces(layer, gdf, notes)
    elif table == "buildings":
        gdf = _whole_or_parts(gdf, notes)
    elif table == "facilities":
        gdf = _one_kind(gdf, ("kind", *_LISTS["services"], "type", "category", "fclass"), FacilityKind)
    return {table: gdf} if len(gdf) else {}


def _paths(layer: str, gdf: Any, notes: list[Note]) -> Any:
    """Return paths without ferries and what is not or no longer there."""
    gdf = _one_kind(gdf, ("kind_detail", "highway", "kind", "type", "fclass", "railway"), PathKind)
    if "footway" in gdf.columns:
        gdf = gdf.assign(kind=np.where(_texts(gdf, "footway") == "crossing", "crossing", gdf["kind"]))
    gone = np.isin(_texts(gdf, "kind"), _LISTS["no_paths"])
    text = "ferries and ways not there (planned, under construction, given up) were not used"
    notes += noted("I03", text, gone, layer)
    return gdf[~gone]


def _texts(frame: Any, name: str) -> Any:
    """Return a column as lower-case text, empty where it or a value is missing."""
    if name not in frame.columns:
        return np.full(len(frame), "")
    return np.where(frame[name].isna(), "", frame[name].astype(str).str.strip().str.lower()).astype(str)


def _one_kind(gdf: Any, names: tuple[str, ...], kind: type[Kind]) -> Any:
    """Return the frame with one column ``kind``: the first known word of the named columns, else the first word."""
    if not (here := [n for n in names if n in gdf.columns]):
        return gdf
    result, settled = np.full(len(gdf), ""), np.zeros(len(gdf), dtype=bool)
    for name in here:
        good = ~settled & _known(gdf, (name,), kind)
        result = np.where(good | (result == ""), _texts(gdf, name), result)
        settled |= good
    return gdf.drop(columns=[n for n in here if n in ("kind", "kind_detail", "highway")]).assign(kind=result)


def _spaces(layer: str, gdf: Any, notes: list[Note]) -> Any:
    """Return open ground of known kinds; other land use is left out and named."""
    gdf = _one_kind(gdf, ("kind", "leisure", "landuse", "natural", "type", "fclass", "highway"), SpaceKind)
    named = next((kind for pattern, kind in _LISTS["spaces"] if re.search(pattern, layer.lower())), "")
    texts, known = _texts(gdf, "kind"), _known(gdf, ("kind",), SpaceKind)
    if named:
        return gdf.assign(kind=np.where(known, texts, named))
    if "kind" not in gdf.columns:
        notes.append(Note("I03", "areas without a kind were not used", layer, count=len(gdf)))
        return gdf[:0]
    words, counts = np.unique(texts[~known], return_counts=True)
    text = ", ".join(f"{w or 'none'} {c}" for w, c in zip(words, counts, strict=True))
    notes += noted("I03", f"areas that are no open ground were not used: {text:.200}", ~known, layer)
    return gdf[known]


def _sort_by_tags(layer: str, gdf: Any, notes: list[Note]) -> Frames:
    """Return frames sorted by OpenStreetMap tags, or by shape where there are no tags."""

    def has(*tags: str) -> Any:
        return np.logical_or.reduce([~np.isin(_texts(gdf, tag), _LISTS["nothing"]) for tag in tags])

    area, line, point = (_classes(gdf) == c for c in "ALP")
    tagged = not set(_LISTS["tags"]).isdisjoint(gdf.columns)
    picked = {"buildings": area, "paths": line, "facilities": point}
    if tagged:
        building, at_door = has("building", "building:part"), _texts(gdf, "barrier") == "gate"
        stop = (_texts(gdf, "highway") == "bus_stop") | (_texts(gdf, "railway") == "subway_entrance")
        services = (has("amenity", "shop", "leisure") | stop) & _known(gdf, _LISTS["services"], FacilityKind)
        picked = {
            "buildings": area & building,
            "paths": line & has("highway", "railway"),
            "entrances": point & (has("entrance") | at_door),
            "trees": point & (_texts(gdf, "natural") == "tree"),
            "facilities": (point | area) & services,
            "spaces": area & ~building & _known(gdf, ("leisure", "landuse", "natural", "highway"), SpaceKind),
        }
    frames: Frames = {}
    used = np.logical_or.reduce(list(picked.values()))
    for table, rows in picked.items():
        if rows.any():
            part = gdf[rows].drop(columns="kind", errors="ignore") if tagged else gdf[rows]
            if table == "entrances":
                kinds = np.where(_texts(part, "entrance") == "garage", "garage", "unit")
                part = part.assign(kind=np.where(_texts(part, "barrier") == "gate", "gate", kinds))
            frames |= _settled(table, layer, part, notes)
    text = f"{(~used).sum()} of {len(gdf)} records were not used: no building, path, service or open ground"
    notes += noted("I03", text, ~used, layer)
    return frames


def _known(gdf: Any, names: tuple[str, ...], kind: type[Kind]) -> Any:
    """Return which rows carry a known word in one of the columns."""
    words = [*kind.words(), *WORDS.get(kind, {})]
    return np.logical_or.reduce([np.isin(_texts(gdf, name), words) for name in names])


# Buildings drawn as a whole and as parts: what counts once, and what rises above it -----------------


def _whole_or_parts(gdf: Any, notes: list[Note]) -> Any:
    """Keep either a building or its parts where both are drawn.

    Parts that cover at least 95 % of the whole replace it and take over its name and use. Else the
    whole stays, and of its parts only those that rise above it, from its roof upwards.

    Parts are marked by ``kind`` = building_part or ``building:part``. What is left out is noted.
    """
    marked = ~np.isin(_texts(gdf, "building:part"), ("", "no")) & (_texts(gdf, "building") == "")
    if not (part := marked | (_texts(gdf, "kind") == "building_part")).any():
        return gdf
    shapes, none, whole = np.asarray(gdf.geometry.array, dtype=object), np.full(len(gdf), None), np.full(len(gdf), -1)
    shapes = shapely.make_valid(np.where(np.isfinite(shapely.area(shapes)), shapes, none))
    inside = shapely.point_on_surface(np.where(part, shapes, none))
    rows, found = shapely.STRtree(np.where(part, none, shapes)).query(inside, predicate="within")
    whole[rows] = found
    height, base = _numbers(gdf, "height"), _numbers(gdf, "min_height")
    keep, heirs = np.ones(len(gdf), dtype=bool), np.full(len(gdf), -1)
    for row in np.unique(found):
        own = np.flatnonzero(whole == row)
        union = shapely.union_all(shapes[own])
        if shapely.area(shapely.intersection(union, shapes[row])) >= COVER * shapely.area(shapes[row]):
            keep[row] = False
            heirs[own] = row
        elif np.isfinite(height[row]):
            keep[own] = height[own] > height[row] + 0.01
            base[own] = np.fmax(base[own], height[row])
        else:
            keep[own] = np.isfinite(base[own]) & (base[own] > 0)
    result = gdf.assign(min_height=base) if "min_height" in gdf.columns or np.isfinite(base).any() else gdf.copy()
    for name in {"name", "building", "kind_detail"} & set(result.columns):
        values = result[name].to_numpy(dtype=object)
        result[name] = np.where((heirs >= 0) & result[name].isna(), values[heirs], values)
    text = f"{(~keep).sum()} of {part.sum()} parts and the wholes they cover count once: left out"
    notes += noted("I02", text, ~keep, "buildings")
    return result[keep]


def _numbers(gdf: Any, name: str) -> Any:
    """Return a column as numbers, nan where it is missing or no number."""
    import pandas as pd

    values = gdf.get(name, pd.Series(np.nan, index=gdf.index))
    return pd.to_numeric(values, errors="coerce").to_numpy(dtype=np.float64, copy=True)
