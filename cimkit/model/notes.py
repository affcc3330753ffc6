"""What is doubtful in the data: code, severity, table, object, place, value, what was or should be done."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from math import nan
from typing import TYPE_CHECKING, Any

from cimkit.arrays import one_of
from cimkit.errors import InputError

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

SEVERITIES = ("error", "warning", "info")

CODES: dict[str, tuple[str, str, str]] = {  # code: severity, meaning, 中文
    "G101": ("error", "a shape has too few points or no area", "点数不足或无面积"),
    "G102": ("warning", "repeated points", "重复点"),
    "G103": ("warning", "a ring was not closed", "未闭合"),
    "G104": ("warning", "a ring crosses itself", "自相交"),
    "G201": ("warning", "a hole lies outside or crosses its outer ring", "内环越界"),
    "G202": ("warning", "a ring stands twice", "重复环"),
    "G208": ("info", "a ring was turned the other way", "环方向"),
    "M01": ("warning", "an id stands more than once", "编号重复"),
    "M02": ("info", "ids were missing and have been made", "编号缺失"),
    "M03": ("error", "a reference points to nothing", "引用失效"),
    "M04": ("warning", "a code is not in its list", "代码未知"),
    "M05": ("error", "a number is out of its range", "数值越界"),
    "M06": ("info", "a column was read as another name", "字段映射"),
    "H01": ("warning", "a height is missing", "缺高度"),
    "H02": ("info", "a height or number of storeys was guessed", "高度或层数推定"),
    "H03": ("warning", "a storey height is implausible", "层高异常"),
    "H04": ("warning", "there is a gap or overlap between storeys", "楼层间隙或重叠"),
    "H05": ("info", "a plate reaches beyond the plate below", "楼板出挑"),
    "H06": ("warning", "every storey is an open one", "全为架空层"),
    "H07": ("info", "storeys were derived", "楼层推定"),
    "W01": ("info", "windows were derived by rule", "窗按规则生成"),
    "D01": ("info", "dwellings were derived by rule", "住宅套数推定"),
    "D02": ("info", "residents were derived by rule", "人口推定"),
    "P01": ("warning", "a footprint stands twice", "基底重复"),
    "P02": ("warning", "footprints overlap", "基底重叠"),
    "P03": ("info", "a gap of 0–0.5 m between footprints", "窄缝"),
    "P04": ("warning", "a building lies on more than one parcel, or on none", "建筑跨地块"),
    "P05": ("warning", "a space or void reaches beyond its plate", "空间越出楼板"),
    "P06": ("warning", "a space lies over a void", "空间与挑空重叠"),
    "P07": ("warning", "declared and computed area differ by more than 1 %", "申报面积不符"),
    "P08": ("info", "a parcel was derived", "地块推定"),
    "C01": ("error", "the CRS is missing", "缺坐标系"),
    "C02": ("error", "coordinates lie outside the CRS's area of use", "坐标越出坐标系范围"),
    "C03": ("info", "geographic or web-mercator input was projected", "经纬度已投影"),
    "C04": ("error", "the axes look swapped", "坐标轴颠倒"),
    "C05": ("warning", "the unit was guessed", "单位推定"),
    "N01": ("warning", "the path network has separate parts", "路网不连通"),
    "N02": ("warning", "an entrance lies far from any path", "出入口离路网过远"),
    "N03": ("info", "a place is reached by steps only", "仅台阶可达"),
    "N04": ("info", "entrances were derived", "出入口推定"),
    "N05": ("info", "there are no paths; straight lines are used", "无路网，直线近似"),
    "N06": ("info", "a place cannot be used at this hour or by this person", "该时段或人群不可用"),
    "I01": ("info", "text was decoded as", "文字编码"),
    "I02": ("warning", "a record was skipped", "记录跳过"),
    "I03": ("info", "a layer was not used", "图层未使用"),
    "I04": ("info", "a geometry changed its type", "几何类型改变"),
}


@dataclass(frozen=True)
class Note:
    """One doubtful thing."""

    code: str
    text: str
    table: str = ""
    object: str = ""
    x: float = nan
    y: float = nan
    value: str = ""
    fix: str = ""
    count: int = 1

    def __post_init__(self) -> None:
        one_of(self.code, CODES, name="note code")

    @property
    def severity(self) -> str:
        """``error``, ``warning`` or ``info``."""
        return CODES[self.code][0]


@dataclass(frozen=True, repr=False)
class Notes:
    """Notes on a community: repaired, guessed, skipped, doubtful."""

    items: tuple[Note, ...] = ()

    @classmethod
    def of(cls, notes: Iterable[Note]) -> Notes:
        """Collect notes."""
        return cls(tuple(notes))

    def __len__(self) -> int:
        return len(self.items)

    def __iter__(self) -> Iterator[Note]:
        return iter(self.items)

    def __add__(self, other: Notes) -> Notes:
        seen = set(self.items)
        return Notes(self.items + tuple(n for n in other.items if n not in seen))

    def __repr__(self) -> str:
        counts = Counter(n.severity for n in self.items)
        story = ", ".join(f"{counts[s]} {s}" for s in SEVERITIES if counts[s])
        return f"<Notes: {story or 'nothing to say'}>"

    def at_least(self, severity: str) -> Notes:
        """Return the notes that are at least this severe."""
        one_of(severity, SEVERITIES, name="severity")
        worst = SEVERITIES[: SEVERITIES.index(severity) + 1]
        return Notes(tuple(n for n in self.items if n.severity in worst))

    def summary(self) -> dict[str, int]:
        """Return how many objects each code concerns, worst severity first."""
        counts: Counter[str] = Counter()
        for note in self.items:
            counts[note.code] += note.count
        return dict(sorted(counts.items(), key=lambda kv: (SEVERITIES.index(CODES[kv[0]][0]), kv[0])))

    def raise_on(self, severity: str = "error") -> None:
        """Raise InputError if there are notes at least this severe, listing the first five.

        Raises
        ------
        InputError
            If such notes exist.
        """
        bad = self.at_least(severity).items
        if bad:
            lines = "\n".join(f"  {n.code} {n.table} {n.object}: {n.text}. {n.fix}" for n in bad[:5])
            raise InputError(f"community: {len(bad)} note(s) of severity {severity} or worse:\n{lines}")

    def to_frame(self) -> Any:
        """Return a DataFrame, one row a note."""
        import pandas as pd

        names = ["severity", "code", "table", "object", "text", "x_m", "y_m", "value", "fix", "count"]
        rows = [(n.severity, n.code, n.table, n.object, n.text, n.x, n.y, n.value, n.fix, n.count) for n in self.items]
        return pd.DataFrame(rows, columns=names)

    def _repr_html_(self) -> str:
        """Return a short table for notebooks."""
        html: str = self.to_frame().head(50).to_html(index=False, escape=True, na_rep="")
        return f"<p>{repr(self)[1:-1]}</p>{html}"
