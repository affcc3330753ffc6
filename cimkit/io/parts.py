"""Buildings drawn as a whole and as parts: what counts once, and what rises above it."""

from __future__ import annotations

from typing import Any

import numpy as np
import shapely

from cimkit.model.notes import Note

COVER = 0.95  # share of the whole from which its parts stand for it


def settle_parts(gdf: Any) -> tuple[Any, list[Note]]:
    """Keep either a building or its parts where both are drawn.

    Parts that cover at least 95 % of the whole replace it and take over its name and use. Else the
    whole stays, and of its parts only those that rise above it, from its roof upwards.

    Parameters
    ----------
    gdf
        Frame of buildings, with parts marked by ``kind`` = building_part or ``building:part``.

    Returns
    -------
    tuple
        The frame with what counts, and a note on what was left out.
    """
    part = _part_rows(gdf)
    if not part.any():
        return gdf, []
    shapes = _valid(np.asarray(gdf.geometry.array, dtype=object))
    whole = _whole_of(gdf, part, shapes)
    height = _numbers(gdf, "height")
    base = _numbers(gdf, "min_height")
    keep = np.ones(len(gdf), dtype=bool)
    heirs = np.full(len(gdf), -1, dtype=np.int64)
    for row in np.unique(whole[whole >= 0]):
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
    for name in ("name", "building", "kind_detail"):
        if name in result.columns:
            values = result[name].to_numpy(dtype=object).copy()
            empty = (heirs >= 0) & result[name].isna().to_numpy()
            values[empty] = values[heirs[empty]]
            result[name] = values
    out = int((~keep).sum())
    text = f"{out} of {int(part.sum())} parts and the wholes they cover count once: left out"
    return result[keep], [Note("I02", text, "buildings", count=out)] if out else []


def _part_rows(gdf: Any) -> Any:
    """Return which rows are parts of buildings."""
    part = np.zeros(len(gdf), dtype=bool)
    if "kind" in gdf.columns:
        part |= (gdf["kind"].astype(str) == "building_part").to_numpy()
    if "building:part" in gdf.columns:
        part |= ~gdf["building:part"].isna().to_numpy() & (gdf["building:part"].astype(str) != "no").to_numpy()
        if "building" in gdf.columns:
            part &= gdf["building"].isna().to_numpy() | (gdf["building"].astype(str) == "").to_numpy()
    return part


def _whole_of(gdf: Any, part: Any, shapes: Any) -> Any:
    """Return the row of the whole that each part belongs to, -1 for none."""
    whole = np.full(len(gdf), -1, dtype=np.int64)
    if {"id", "root_id"} <= set(gdf.columns):
        numbers, roots = _numbers(gdf, "id"), _numbers(gdf, "root_id")
        rows = {int(numbers[k]): int(k) for k in np.flatnonzero(~part & np.isfinite(numbers))}
        for k in np.flatnonzero(part & np.isfinite(roots)):
            whole[k] = rows.get(int(roots[k]), -1)
    lost = np.flatnonzero(part & (whole < 0) & ~shapely.is_missing(shapes))
    wholes = np.flatnonzero(~part & ~shapely.is_missing(shapes))
    if len(lost) and len(wholes):
        tree = shapely.STRtree(shapes[wholes])
        inside, found = tree.query(shapely.point_on_surface(shapes[lost]), predicate="within")
        whole[lost[inside]] = wholes[found]
    return whole


def _valid(shapes: Any) -> Any:
    """Return shapes that GEOS can overlay; what is not finite becomes missing."""
    shapes = shapes.copy()
    shapes[~np.isfinite(shapely.area(shapes))] = None
    bad = ~shapely.is_valid(shapes) & ~shapely.is_missing(shapes)
    shapes[bad] = shapely.make_valid(shapes[bad])
    return shapes


def _numbers(gdf: Any, name: str) -> Any:
    """Return a column as numbers, nan where it is missing or no number."""
    import pandas as pd

    if name not in gdf.columns:
        return np.full(len(gdf), np.nan)
    return pd.to_numeric(gdf[name], errors="coerce").to_numpy(dtype=np.float64, copy=True)
