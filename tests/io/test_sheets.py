"""Storey schedules in Excel: ranges, merged cells, formulas, what cannot be read, there and back."""

from __future__ import annotations

import pytest

from cimkit.errors import FormatError, InputError
from cimkit.io.results import write_table
from cimkit.io.sheets import apply_schedule, is_schedule, parse_levels, read_indicators, read_schedule
from cimkit.model.community import Community
from cimkit.model.records import Building, Parcel
from cimkit.samples import future_community
from cimkit.sim.areas import floor_areas
from cimkit.sim.site_ratios import site_indicators

openpyxl = pytest.importorskip("openpyxl")


def workbook(path, rows, merge=()):
    book = openpyxl.Workbook()
    page = book.active
    page.title = "楼层表"
    for row in rows:
        page.append(row)
    for block in merge:
        page.merge_cells(block)
    book.save(path)
    return path


@pytest.mark.parametrize(
    ("text", "levels"),
    [
        ("3F", (3,)), ("3-5F", (3, 4, 5)), ("3F-5F", (3, 4, 5)), ("3～5层", (3, 4, 5)), ("地下2-地下1层", (-2, -1)),
        ("B2~1F", (-2, -1, 1)), ("1、3F", (1, 3)), ("-1", (-1,)), ("负1层", (-1,)),
    ],
)  # fmt: skip
def test_parse_levels(text, levels):
    assert parse_levels(text) == levels


@pytest.mark.parametrize("text", ["屋面", "", "F", "1-99999999F", "=1+1"])
def test_parse_levels__says_what_it_cannot_read(text):
    with pytest.raises(FormatError, match="levels: they must read like"):
        parse_levels(text)


def test_read_schedule__ranges_merged_cells_formulas(tmp_path):
    rows = [
        ["某小区楼层表"],
        ["楼号", "楼层", "层高(m)", "单层建筑面积(㎡)"],
        ["1号楼", "B1", 3.6, 400],
        [None, "1F", 4.5, "1,200.50"],
        [None, "2-4F", 3.0, 800.25],
        [None, "5F", 3.0, "=HYPERLINK(1)"],
        ["合计", "1-5F", None, "=SUM(D3:D6)"],
        ["2号楼", "屋面", 3.0, 10],
        ["2号楼", 1.0, 3.0, 90],
    ]
    path = workbook(tmp_path / "s.xlsx", rows, ["A3:A6"])
    lines, notes = read_schedule(path)
    assert [(r.building, r.levels, r.area) for r in lines] == [
        ("1号楼", (-1,), 400.0), ("1号楼", (1,), 1200.5), ("1号楼", (2, 3, 4), 800.25), ("2号楼", (1,), 90.0),
    ]  # fmt: skip
    assert [n.code for n in notes] == ["I02", "I02"]
    assert "a formula is not run" in next(iter(notes)).text


def test_read_schedule__no_headings_no_workbook_no_sheet(tmp_path):
    path = workbook(tmp_path / "a.xlsx", [["a", "b"]])
    with pytest.raises(FormatError, match="headings 楼层 and 面积"):
        read_schedule(path)
    with pytest.raises(InputError, match="sheet must be one of '楼层表'"):
        read_schedule(path, sheet="x")
    (tmp_path / "b.xlsx").write_bytes(b"PK not a workbook")
    with pytest.raises(FormatError, match=r"b\.xlsx: it must be a workbook"):
        read_schedule(tmp_path / "b.xlsx")


def test_reconcile__storey_by_storey(tmp_path):
    square = [(0, 0), (20, 0), (20, 10), (0, 10)]
    town = Community.of(buildings=[Building("B1", square, storeys=4, basements=1)])
    path = workbook(tmp_path / "s.xlsx", [["楼层", "面积"], ["1F", 201.9], ["2-3F", 203], ["7F", 1], ["B1", 200]])
    lines, _ = read_schedule(path)
    declared, notes = apply_schedule(town, lines)
    assert [n.text for n in notes] == ["楼层表!4: no storey 7 of building ''"]
    table = floor_areas(declared).reconcile()
    assert dict(zip(table["storey"], table["agrees"], strict=True)) == {
        "B1/F1": True, "B1/F2": False, "B1/F3": False, "B1/B1": True,
    }  # fmt: skip
    assert floor_areas(declared).reconcile(tolerance=0.02)["agrees"].all()
    assert len(floor_areas(town).reconcile()) == 0


def test_schedule__there_and_back(tmp_path):
    town = future_community().after()
    areas = floor_areas(town)
    path = tmp_path / "楼层表.xlsx"
    write_table(areas.schedule(), path, layer="楼层表")
    lines, notes = read_schedule(path)
    assert not list(notes)
    assert sum(len(r.levels) for r in lines) == len(town.storeys)
    declared, notes = apply_schedule(town, lines)
    assert not list(notes)
    assert floor_areas(declared).reconcile(tolerance=1e-4)["agrees"].all()
    assert sum(r.area * len(r.levels) for r in lines) == pytest.approx(areas.of_storeys().sum(), abs=2)


INDICATORS = [
    ["经济技术指标表"],
    ["序号", "项目", "数值", "单位", "备注"],
    [1, "总用地面积", 0.5, "公顷", None],
    [2, "总建筑面积（㎡）", "1,010.0", None, None],
    [None, "其中：地上建筑面积", 800, "m2", None],
    [3, "容积率", 0.16, "-", "≤ 2.0"],
    [4, "建筑密度", "4%", None, None, "绿地率", 0.3, "%"],
    [5, "某某系数", "7 帧"],
    [6, "机动车停车位", 12, "个"],
    [7, "=HYPERLINK(1)", 3, "m2"],
]


def test_read_indicators__and_reconcile(tmp_path):
    lines, notes = read_indicators(workbook(tmp_path / "i.xlsx", INDICATORS))
    found = {r.name: (r.value, r.unit) for r in lines}
    assert found["总用地面积"] == (5000.0, "m²")
    assert found["总建筑面积（㎡）"] == (1010.0, "m²")
    assert found["其中：地上建筑面积"] == (800.0, "m²")
    assert found["建筑密度"] == (4.0, "%")
    assert found["绿地率"] == (0.3, "%")
    assert [n.text for n in notes] == ["i.xlsx, 楼层表!8: unit '帧' is not known"]
    square = [(0, 0), (20, 0), (20, 10), (0, 10)]
    town = Community.of(
        buildings=[Building("B1", square, storeys=4, basements=1)],
        parcels=[Parcel("P", [(-10, -10), (90, -10), (90, 40), (-10, 40)])],
    )
    site = site_indicators(town, floor_areas(town))
    table = site.reconcile(lines).set_index("指标 indicator")
    assert table["agrees"].to_dict() == {
        "总用地面积": True, "总建筑面积（㎡）": True, "其中：地上建筑面积": True, "容积率": True, "建筑密度": True,
        "绿地率": None, "某某系数": None, "机动车停车位": None,
    }  # fmt: skip
    assert not site.reconcile(lines, tolerance=0.001)["agrees"][1]
    assert table.loc["总建筑面积（㎡）", "difference"] == pytest.approx(10)
    assert table["cell"].iloc[0] == "楼层表!3"


@pytest.mark.parametrize(("suffix", "encoding"), [(".xlsx", ""), (".csv", "utf-8-sig"), (".csv", "gbk")])
def test_sheet__there_and_back(tmp_path, suffix, encoding):
    town = future_community().after()
    site = site_indicators(town, floor_areas(town))
    path = tmp_path / f"指标{suffix}"
    write_table(site.sheet(), path, layer="指标")
    if encoding == "gbk":
        path.write_bytes(path.read_bytes().decode("utf-8-sig").replace("²", "2").encode("gbk"))
    assert not is_schedule(path)
    lines, notes = read_indicators(path)
    assert not list(notes)
    table = site.reconcile(lines)
    assert len(table) == len(site.sheet())
    assert table["agrees"].all()


def test_read_indicators__says_what_is_no_table(tmp_path):
    (tmp_path / "a.csv").write_text("nothing,here\n")
    with pytest.raises(FormatError, match=r"a\.csv: a row must hold the name of an indicator and a number"):
        read_indicators(tmp_path / "a.csv")
    (tmp_path / "b.csv").write_bytes(b"a,\xff")
    with pytest.raises(FormatError, match=r"b\.csv: text must be UTF-8, UTF-16 or GB 18030"):
        read_indicators(tmp_path / "b.csv")
