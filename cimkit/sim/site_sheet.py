"""The sheet of indicators that planners hand in (经济技术指标表): ours in that form, and theirs beside ours."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Iterable

    from cimkit.sim.site_ratios import SiteIndicators


class _Line(NamedTuple):
    """A line of the sheet: its name, what else it may be called, unit, and where its value comes from."""

    name: str
    also: str
    unit: str
    source: str


# Sources: a sum of the ledgers, `name` of a site indicator, or its numerator (.top) or denominator (.base).
_LINES = (
    _Line("总用地面积", "规划用地面积|净用地面积|用地面积|建设用地面积|地块面积", "m²", "far.base"),
    _Line("总建筑面积", "建筑总面积|建筑面积", "m²", "building_area_m2"),
    _Line("地上建筑面积", "地上总建筑面积", "m²", "above_ground_m2"),
    _Line("地下建筑面积", "地下总建筑面积", "m²", "below_ground_m2"),
    _Line("计容建筑面积", "计容总建筑面积|计容面积|地上计容建筑面积", "m²", "far_area_m2"),
    _Line("不计容公共空间面积", "不计容公共空间", "m²", "exempt_m2"),
    _Line("建筑基底面积", "建筑占地面积|基底面积|建筑基底总面积", "m²", "building_density.top"),
    _Line("容积率", "", "", "far"),
    _Line("建筑密度", "建筑覆盖率", "%", "building_density"),
    _Line("绿地率", "", "%", "green_ratio"),
    _Line("绿地面积", "绿地总面积", "m²", "green_ratio.top"),
    _Line("建筑高度", "最高建筑高度|最大建筑高度", "m", "height"),
    _Line("总户数", "户数|住宅户数|居住户数|住宅套数", "户", "parking_per_dwelling.base"),
    _Line("居住人数", "居住人口|规划人口|总人口|总人数", "人", "land_per_person.base"),
    _Line("机动车停车位", "机动车位|停车位|停车泊位|机动车停车泊位", "个", "parking_per_dwelling.top"),
    _Line("户均停车位", "户均车位", "个/户", "parking_per_dwelling"),
    _Line("人均公共绿地", "人均公共绿地面积", "m²/人", "public_green_per_person"),
    _Line("人均集中绿地", "人均集中绿地面积", "m²/人", "central_green_per_person"),
)
_NOISE = re.compile(r"[(（\[].*?[)）\]]|^[\d一二三四五六七八九十]+[、.．)]|其中|[:：\s]")


def _value(site: SiteIndicators, source: str, sums: dict[str, float]) -> float:
    """Return the value of a line, of all parcels together; nan where it is not known."""
    if source in sums:
        return sums[source]
    name, _, part = source.partition(".")
    row = next((r for r in site.rows if r.name == name and r.parcel == -1), None)
    if row is None:
        return float("nan")
    return {"top": row.numerator, "base": row.denominator}.get(part, row.value)


def indicator_sheet(site: SiteIndicators) -> Any:
    """Return the sheet of indicators of all parcels together as a DataFrame; unknown values are left empty."""
    import pandas as pd

    sums = site.areas.totals()
    values = np.array([_value(site, line.source, sums) for line in _LINES])
    percent = np.array([line.unit == "%" for line in _LINES])
    return pd.DataFrame(
        {
            "指标 indicator": [line.name for line in _LINES],
            "数值 value": np.round(np.where(percent, 100.0 * values, values), 3),
            "单位 unit": [line.unit for line in _LINES],
            "出处 source": [line.source for line in _LINES],
        }
    )


def reconcile_sheet(site: SiteIndicators, declared: Iterable[Any], tolerance: float) -> Any:
    """Return a DataFrame of declared lines beside ours; ``agrees`` is empty for what we do not compute or know."""
    import pandas as pd

    sums = site.areas.totals()
    lines = {n: line for line in _LINES for n in (line.name, *line.also.split("|")) if n}
    rows: list[tuple[Any, ...]] = []
    for name, given, unit, cell in declared:
        line = lines.get(_NOISE.sub("", name))
        own = _value(site, line.source, sums) if line else float("nan")
        if line is not None and line.unit == "%":
            own, given, unit = 100.0 * own, given * (100.0 if given <= 1.0 else 1.0), "%"  # noqa: PLW2901
        agrees = None if np.isnan(own) else bool(abs(given - own) <= tolerance * abs(own) + 1e-9)
        rows.append((name, given, own, given - own, unit or (line.unit if line else ""), agrees, cell))
    columns = ["指标 indicator", "declared", "computed", "difference", "unit", "agrees", "cell"]
    return pd.DataFrame(rows, columns=columns)
