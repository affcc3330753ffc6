"""The nomenclature page, printed from the declared columns and code lists, plus the words of the field."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

from cimkit.geometry.lines import Lines
from cimkit.geometry.polygons import Polygons
from cimkit.model import kinds
from cimkit.model.kinds import Kind
from cimkit.model.notes import CODES
from cimkit.model.tables import TABLES

if TYPE_CHECKING:
    from cimkit.model.table import Column

WORDS = (  # name, 中文, unit, meaning
    ("parcel", "地块", "m²", "the land the ratios are taken over"),
    ("footprint", "基底轮廓", "m²", "outline of a building on the ground"),
    ("storey", "楼层", "", "level 1 is the ground storey, -1 the first basement, there is no 0"),
    ("plate", "楼板轮廓", "m²", "outline of a storey; typical storeys share one"),
    ("solid", "遮挡体", "", "upright prism that blocks the sun: storeys of one outline, slabs"),
    ("floor_area", "建筑面积", "m²", "measured by an area method"),
    ("counted_area", "计容面积", "m²", "part of the floor area that counts for the floor area ratio"),
    ("exempt_area", "不计容面积", "m²", "part that does not count"),
    ("floor_area_ratio", "容积率", "", "counted area / parcel area (FAR)"),
    ("building_density", "建筑密度", "", "footprint area / parcel area"),
    ("green_ratio", "绿地率", "", "green area / parcel area"),
    ("receptor", "计算点", "", "point with a normal where sun or sky is measured"),
    ("sun_day", "日照标准日", "", "the sun of a place on one day and within one band"),
    ("band", "有效时间带", "h", "hours of true solar time within which sun counts"),
    ("sunlight", "日照时数", "h", "time the sun is seen, as a method counts it"),
    ("full window", "满窗日照", "", "both ends of the sill's base line are lit at once"),
    ("sky_view", "天空可视因子", "", "share of the sky seen, 0–1"),
    ("living_circle", "生活圈", "min", "area within 5, 10, 15 minutes' walk"),
    ("catchment", "服务范围", "", "dwellings a facility serves within a time"),
    ("leg", "接驳段", "m", "way from a door to the path it is nearest to"),
    ("method", "方法", "", "how a quantity is measured, with source and mark"),
    ("pack", "规则包", "", "rules of a standard or place, as data"),
    ("finding", "审查结论", "", "one rule judged on one object"),
    ("mark", "核实标记", "", "P primary text seen, S secondary source, C computed, M from memory, unverified"),
    ("note", "数据备注", "", "something repaired, guessed, skipped or doubtful in the data"),
)


def nomenclature() -> str:
    """Return the nomenclature as a Markdown page.

    Examples
    --------
    >>> "| `height` | 建筑高度 | m |" in nomenclature()
    True
    """
    lines = ["# Nomenclature 术语", "", "Printed from the code by `make docs`; one word, one meaning.", ""]
    lines += ["Axes: x east, y north, z up, local metres. Azimuth clockwise from grid north, 0–360°.", ""]
    lines += ["| name | 中文 | unit | meaning |", "|---|---|---|---|"]
    lines += [f"| {name} | {zh} | {unit or '–'} | {meaning} |" for name, zh, unit, meaning in WORDS]
    for title, table in TABLES.items():
        lines += ["", f"## `{title}`", "", (table.__doc__ or "").splitlines()[0], ""]
        lines += ["| column | 中文 | unit | type | meaning |", "|---|---|---|---|---|"]
        lines += [_row(col) for col in table.columns()]
    lines += ["", "## Code lists 代码表"]
    listed = [k for k in vars(kinds).values() if isinstance(k, type) and issubclass(k, Kind) and k is not Kind]
    for kind in listed:
        codes = ", ".join(f"`{m.code}` {m.zh}" for m in kind)
        lines += ["", f"**{kind.__name__}** – {(kind.__doc__ or '').splitlines()[0]}", "", codes]
    lines += ["", "## Notes 数据备注代码", "", "| code | severity | meaning | 中文 |", "|---|---|---|---|"]
    lines += [f"| {code} | {severity} | {meaning} | {zh} |" for code, (severity, meaning, zh) in CODES.items()]
    return "\n".join(lines) + "\n"


def _row(col: Column) -> str:
    """Return the table line of a column."""
    shapes = {Polygons: "polygon", Lines: "line"}
    kind = f"row of `{col.of}`" if col.of else shapes.get(col.dtype, col.dtype.__name__)
    return f"| `{col.name}` | {col.zh} | {col.unit or '–'} | {kind} | {col.meaning} |"


if __name__ == "__main__":
    sys.stdout.write(nomenclature())
