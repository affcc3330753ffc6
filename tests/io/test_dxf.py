"""Site plans in DXF: blocks, arcs, units, code pages, texts; a drawing whose truth is known."""

from __future__ import annotations

import io
from pathlib import Path

import numpy as np
import pytest
import shapely

from cimkit.errors import FormatError
from cimkit.io.dxf import load_dxf
from cimkit.io.files import read

ezdxf = pytest.importorskip("ezdxf")
DATA = Path(__file__).parents[3] / "shared" / "data" / "dxf_plans"


def drawing(version="R2010", units=6):
    made = ezdxf.new(version)
    made.header["$INSUNITS"] = units
    return made, made.modelspace()


def rectangle(space, x, y, w, h, layer="建筑轮廓", closed=True):
    points = [(x, y), (x + w, y), (x + w, y + h), (x, y + h)]
    return space.add_lwpolyline(points, close=closed, dxfattribs={"layer": layer})


@pytest.mark.parametrize("name", ["suzhou_site_plan_gbk_mm.dxf", "suzhou_site_plan_utf8_m.dxf"])
def test_read_dxf__equals_the_truth(name):
    if not DATA.exists():
        pytest.skip("../shared/data/dxf_plans is not beside this checkout")
    import pyogrio

    truth = pyogrio.read_dataframe(DATA / "suzhou_site_plan_truth.gpkg")
    town, notes = read(DATA / name, crs="EPSG:4549")
    assert not [n for n in notes if n.severity == "error"]
    assert (len(town.buildings), len(town.parcels)) == (97, 1)
    assert town.buildings.n_above.tolist() == truth["Floor"].tolist()
    shift = np.array(town.frame.origin[:2])
    drawn = shapely.transform(town.buildings.footprint.to_shapely(), lambda xy: xy + shift)
    assert shapely.area(shapely.symmetric_difference(drawn, truth.geometry.to_numpy())).max() < 0.2  # drawn to 1 mm


def test_load_dxf__texts_go_to_the_smallest_outline_around(tmp_path):
    made, space = drawing()
    rectangle(space, 0, 0, 100, 100, "用地红线")
    rectangle(space, 10, 10, 20, 10)
    rectangle(space, 50, 10, 20, 10)
    for text, x in (("18F", 12), ("H=54.6", 12), ("1#楼", 14), ("6层", 52), ("说明", 300)):
        space.add_text(text, dxfattribs={"layer": "文字", "insert": (x, 12)})
    space.add_mtext("{\\fSimSun;A地块}", dxfattribs={"insert": (90, 90)})
    made.saveas(tmp_path / "a.dxf")
    layers, notes = load_dxf(tmp_path / "a.dxf")
    by = dict(layers)
    assert not notes
    assert by["建筑轮廓"]["n_above"].tolist() == [18, 6]
    assert by["建筑轮廓"]["height"][0] == 54.6
    assert by["建筑轮廓"]["name"].tolist() == ["1#楼", ""]
    assert by["用地红线"]["name"].tolist() == ["A地块"]


def test_load_dxf__blocks_arcs_and_open_lines(tmp_path):
    made, space = drawing(units=4)
    block = made.blocks.new("楼")
    block.add_lwpolyline([(0, 0, 1.0), (20_000, 0, 1.0)], format="xyb", close=True)  # two half circles
    space.add_blockref("楼", (5_000, 5_000), dxfattribs={"layer": "建筑"})
    rectangle(space, 0, 0, 30_000, 10_000, "建筑", closed=False)
    space.add_line((0, 0), (50_000, 0), dxfattribs={"layer": "道路中心线"})
    made.saveas(tmp_path / "b.dxf")
    by = dict(load_dxf(tmp_path / "b.dxf")[0])
    assert by["建筑"].geometry.area.tolist() == pytest.approx([np.pi * 100], rel=2e-3)
    assert by["建筑 lines"].geometry.length.tolist() == pytest.approx([70.0])
    assert by["道路中心线"].geometry.length.tolist() == pytest.approx([50.0])


@pytest.mark.parametrize(("size", "metres"), [(20_000, 20.0), (20, 20.0)])
def test_load_dxf__a_unit_that_is_not_said_is_noted(tmp_path, size, metres):
    made, space = drawing(units=0)
    rectangle(space, 0, 0, size, size)
    made.saveas(tmp_path / "c.dxf")
    layers, notes = load_dxf(tmp_path / "c.dxf")
    assert layers[0][1].geometry.area[0] == pytest.approx(metres**2)
    assert [n.code for n in notes] == ["C05"]


def test_load_dxf__gbk_under_a_wrong_code_page(tmp_path):
    made, space = drawing("R2000")
    made.encoding = "gbk"
    rectangle(space, 0, 0, 9, 9)
    text = io.StringIO()
    made.write(text)
    data = text.getvalue().replace("ANSI_936", "ANSI_1252").encode("gbk")
    (tmp_path / "d.dxf").write_bytes(data)
    layers, notes = load_dxf(tmp_path / "d.dxf")
    assert [name for name, _ in layers] == ["建筑轮廓"]
    assert [n.code for n in notes] == ["I01"]


@pytest.mark.parametrize("data", [b"", b"no drawing", b"AutoCAD Binary DXF\r\n\x1a\x00", b"0\nSECTION\n2\nENTITIES\n"])
def test_load_dxf__what_is_no_drawing_is_said(tmp_path, data):
    path = tmp_path / "e.dxf"
    path.write_bytes(data)
    with pytest.raises(FormatError, match=r"e\.dxf"):
        load_dxf(path)


def test_load_dxf__a_drawing_without_shapes(tmp_path):
    made, _ = drawing()
    made.saveas(tmp_path / "f.dxf")
    with pytest.raises(FormatError, match="must hold outlines or lines"):
        load_dxf(tmp_path / "f.dxf")
