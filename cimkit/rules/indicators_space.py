"""Indicators of spaces: size, width, clear height, planting, and whether a space is free of FAR."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import shapely

from cimkit.rules.indicator import Subjects, Values, listed, stated
from cimkit.rules.subjects import spaces
from cimkit.sim.area_measure import short_sides

if TYPE_CHECKING:
    from collections.abc import Mapping

    from cimkit.rules.measurements import Measurements


def space_area(m: Measurements, subjects: Subjects, _: Mapping[str, Any]) -> Values:
    """Measure the area of spaces."""
    return Values(m.community.spaces.outline.areas()[subjects.rows])


def space_width(m: Measurements, subjects: Subjects, _: Mapping[str, Any]) -> Values:
    """Measure the width of spaces: the diameter of the largest circle inside."""
    shapes = m.community.spaces.outline.take(subjects.rows).to_shapely()
    width = 2.0 * shapely.length(shapely.maximum_inscribed_circle(shapes, 0.01))
    return Values(np.round(width, 2), note="diameter of the largest circle inside, to 1 cm")


def space_elevation(m: Measurements, subjects: Subjects, _: Mapping[str, Any]) -> Values:
    """Measure how high above the ground spaces lie."""
    s, floor = m.community.spaces, np.append(m.community.storeys.z, 0.0)
    return Values(floor[s.storey[subjects.rows]] + s.z[subjects.rows])


def space_depth(m: Measurements, subjects: Subjects, _: Mapping[str, Any]) -> Values:
    """Measure the depth of spaces: the shorter side of the smallest rectangle around."""
    depth = short_sides(m.community.spaces.outline.take(subjects.rows).to_shapely())
    return Values(np.where(depth > 0, depth, np.nan), note="shorter side of the smallest rectangle around, to 1 mm")


def space_of_dwelling(m: Measurements, subjects: Subjects, _: Mapping[str, Any]) -> Values:
    """Measure the area of spaces over the inner area of their dwelling."""
    s, d = m.community.spaces, m.community.dwellings
    inner = np.append(d.inner_area, np.nan)[s.dwelling[subjects.rows]]
    area = s.outline.areas()[subjects.rows]
    with np.errstate(invalid="ignore", divide="ignore"):
        share = np.where(inner > 0, 100.0 * area / inner, np.nan)
    return Values(share, missing="the dwelling of the space and its inner area (套内面积)")


def freed_share(m: Measurements, subjects: Subjects, given: Mapping[str, Any]) -> Values:
    """Measure which share of spaces does not count for FAR, judged by their measures and not by their name."""
    areas = m.areas_of(given.get("area_local", "NATIONAL"), given.get("area_code", "GBT50353_2013"))
    rows = np.flatnonzero(np.isin(areas.items["space"], subjects.rows) & (areas.items["area"] > 0))
    place = np.full(len(m.community.spaces) + 1, -1, dtype=np.int64)
    place[subjects.rows] = np.arange(len(subjects))
    own = place[areas.items["space"][rows]]
    whole = np.bincount(own, weights=areas.area[rows], minlength=len(subjects))
    counts = np.bincount(own, weights=areas.counted("far_area")[rows], minlength=len(subjects))
    with np.errstate(invalid="ignore", divide="ignore"):
        share = np.where(whole > 0, 100.0 * (1.0 - counts / whole), np.nan)

    def evidence(k: int) -> dict[str, Any]:
        mine = rows[own == k]
        reasons = [areas.reasons[areas.why[i, 1]] for i in mine]
        said = [f"{r.clause}: {r.text}" for r in reasons if r.text]
        return {
            "area_m2": round(float(whole[k]), 3),
            "counted_m2": round(float(counts[k]), 3),
            "why": sorted(set(said)),
        }

    return Values(np.round(share, 6).astype(np.float64), missing="area of the space on a storey", evidence=evidence)


SPACE = (
    listed("space_area", spaces, space_area),
    listed("space_width", spaces, space_width),
    listed("space_depth", spaces, space_depth),
    listed("space_elevation", spaces, space_elevation),
    listed("space_clear_height", spaces, stated("spaces", "clear_height", "clear height of the space (净高)")),
    listed("space_planted_share", spaces, stated("spaces", "planted_share", "planted share (绿化占比)", 100.0)),
    listed("space_soil_depth", spaces, stated("spaces", "soil_depth", "depth of soil (覆土厚度)")),
    listed("space_share_of_dwelling", spaces, space_of_dwelling),
    listed("freed_share", spaces, freed_share),
)
