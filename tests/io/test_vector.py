"""Map layers of others: what is wrong with them is said, not swallowed."""

from __future__ import annotations

import json
from pathlib import Path

import geopandas as gpd
import numpy as np
import pyogrio
import pytest
import shapely

from cimkit.errors import FormatError, InputError
from cimkit.io.files import read, write
from cimkit.io.loading import load_layers
from cimkit.model.kinds import PathKind, SpaceKind
from tests.io.communities import small

CRS = "EPSG:4549"
E, N = 520000.0, 3347000.0


def _boxes(count: int = 2, **columns) -> gpd.GeoDataFrame:
    shapes = [shapely.box(E + 40 * k, N, E + 40 * k + 20, N + 12) for k in range(count)]
    return gpd.GeoDataFrame({k: list(v) for k, v in columns.items()}, geometry=shapes, crs=CRS)


def _geojson(path: Path, *geometries: str, encoding: str = "utf-8", name: str = "一号楼") -> Path:
    features = ",".join(
        f'{{"type":"Feature","properties":{{"name":"{name}","height":9}},"geometry":{g}}}' for g in geometries
    )
    path.write_bytes(f'{{"type":"FeatureCollection","features":[{features}]}}'.encode(encoding))
    return path


SQUARE = '{"type":"Polygon","coordinates":[[[120,30],[120.001,30],[120.001,30.001],[120,30.001],[120,30]]]}'


def _codes(notes) -> set[str]:
    return set(notes.summary())


@pytest.mark.parametrize("suffix", [".gpkg", ".geojson", ".shp", ".fgb", ".parquet"])
def test_read__every_map_format(tmp_path, suffix):
    gdf = _boxes(id=["甲", "乙"], Floor=[3, 6])
    path = tmp_path / f"buildings{suffix}"
    if suffix == ".parquet":
        gdf.to_parquet(path)
    else:
        gdf = gdf.to_crs("EPSG:4326") if suffix == ".geojson" else gdf
        pyogrio.write_dataframe(gdf, path, **({"encoding": "utf-8"} if suffix == ".shp" else {}))
    community, notes = read(path, frame=CRS)
    order = [1, 0] if community.buildings.id[0] == "乙" else [0, 1]  # FlatGeobuf sorts by place
    assert community.buildings.id[order].tolist() == ["甲", "乙"]
    assert community.buildings.n_above[order].tolist() == [3, 6]
    assert community.frame.crs == CRS
    assert community.frame.origin[:2] == pytest.approx((E + 30, N + 6), abs=1)
    assert community.buildings.footprint.areas() == pytest.approx([240, 240], abs=0.01)
    assert "M06" in _codes(notes)


def test_read__layers_of_a_geopackage_become_tables(tmp_path):
    path = tmp_path / "site.gpkg"
    pyogrio.write_dataframe(_boxes(id=["a", "b"]), path, layer="建筑")
    line = gpd.GeoDataFrame(
        {"highway": ["steps"]}, geometry=[shapely.LineString([(E, N - 5), (E + 60, N - 5)])], crs=CRS
    )
    pyogrio.write_dataframe(line, path, layer="streets")
    ground = _boxes(3, kind=["park", "industrial", "pitch"])
    pyogrio.write_dataframe(ground, path, layer="landuse")
    pyogrio.write_dataframe(_boxes(), path, layer="tessellation")
    pyogrio.write_dataframe(_boxes(1), path, layer="water")
    community, notes = read(path)
    assert len(community.buildings) == 2
    assert community.path_edges.kind.tolist() == [PathKind.STEPS]
    assert sorted(community.spaces.kind.tolist()) == [SpaceKind.GREEN, SpaceKind.PLAYGROUND, SpaceKind.WATER]
    unused = [n for n in notes if n.code == "I03"]
    assert {n.table for n in unused} == {"tessellation", "landuse"}
    assert "industrial 1" in next(n.text for n in unused if n.table == "landuse")


def test_read__layers_as_the_user_says(tmp_path):
    path = tmp_path / "site.gpkg"
    pyogrio.write_dataframe(_boxes(CENGSHU=[3, 4]), path, layer="图层1")
    pyogrio.write_dataframe(_boxes(1), path, layer="图层2")
    with pytest.raises(InputError, match="Name tables with layers="):
        read(path)
    community, _ = read(path, layers={"图层1": "buildings", "图层2": "parcels"}, columns={"CENGSHU": "n_above"})
    assert (len(community.buildings), len(community.parcels)) == (2, 1)
    assert community.buildings.n_above.tolist() == [3, 4]
    with pytest.raises(InputError, match="layers: tables must be one of"):
        read(path, layers={"图层1": "houses"})
    with pytest.raises(InputError, match="layers: names must be one of"):
        read(path, layers={"nowhere": "buildings"})


def test_read__files_and_folders_together(tmp_path):
    folder = tmp_path / "小区 data"
    folder.mkdir()
    pyogrio.write_dataframe(_boxes(Floor=[2, 2]), folder / "buildings.gpkg", layer="x_buildings")
    lines = gpd.GeoDataFrame(geometry=[shapely.LineString([(E, N - 5), (E + 60, N - 5)])], crs=CRS).to_crs("EPSG:4326")
    pyogrio.write_dataframe(lines, folder / "streets.geojson")
    (folder / "readme.txt").write_text("no map")
    for source in (folder, [folder / "buildings.gpkg", folder / "streets.geojson"]):
        community, _ = read(source)
        assert (len(community.buildings), len(community.path_edges)) == (2, 1)
        assert community.path_edges.length == pytest.approx([60], abs=0.01)


@pytest.mark.parametrize(
    ("written", "cpg", "says"),
    [
        ("gbk", None, "gb18030"),
        ("utf-8", None, "utf-8"),
        ("gbk", "GBK", "gbk"),
        ("gbk", "UTF-8", "gb18030; its .cpg says utf-8"),
        ("utf-8", "ISO-8859-1", "utf-8; its .cpg says iso8859-1"),
        ("gbk", "936", "gbk"),
    ],
)
def test_read__shapefile_text_in_the_stated_order(tmp_path, written, cpg, says):
    path = tmp_path / "buildings.shp"
    pyogrio.write_dataframe(_boxes(名称=["一号楼", "龘靐楼"], 层数=[3, 6]), path, encoding=written)
    path.with_suffix(".cpg").unlink(missing_ok=True)
    if cpg:
        path.with_suffix(".cpg").write_text(cpg)
    community, notes = read(path)
    assert community.buildings.name.tolist() == ["一号楼", "龘靐楼"]
    assert community.buildings.n_above.tolist() == [3, 6]
    assert [n.text for n in notes if n.code == "I01"] == [f"text decoded as {says}"]


def test_read__plain_ascii_needs_no_word_on_text(tmp_path):
    path = tmp_path / "buildings.shp"
    pyogrio.write_dataframe(_boxes(name=["a", "b"]), path)
    path.with_suffix(".cpg").unlink(missing_ok=True)
    assert "I01" not in _codes(read(path)[1])


@pytest.mark.parametrize("encoding", ["gbk", "utf-16", "utf-8-sig", "utf-8"])
def test_read__geojson_text(tmp_path, encoding):
    community, notes = read(_geojson(tmp_path / "b.geojson", SQUARE, encoding=encoding))
    assert community.buildings.name.tolist() == ["一号楼"]
    assert ("I01" in _codes(notes)) == (encoding != "utf-8")


def test_read__rings_left_open_are_closed_and_noted(tmp_path):
    opened = SQUARE.replace(",[120,30]]]", "]]")
    community, notes = read(_geojson(tmp_path / "b.geojson", SQUARE, opened))
    assert "G103" in _codes(notes)
    assert len(community.buildings) == 2
    assert community.buildings.footprint.areas()[1] == pytest.approx(community.buildings.footprint.areas()[0])
    assert "G103" not in _codes(read(_geojson(tmp_path / "ok.geojson", SQUARE))[1])


def test_read__rings_that_cross_themselves_are_mended_and_noted(tmp_path):
    bow = '{"type":"Polygon","coordinates":[[[120,30],[120.001,30.001],[120.001,30],[120,30.001],[120,30]]]}'
    community, notes = read(_geojson(tmp_path / "b.geojson", bow))
    assert "G104" in _codes(notes)
    assert (community.buildings.footprint.areas() > 1000).all()


@pytest.mark.parametrize("number", ["NaN", "Infinity", "-Infinity"])
def test_read__numbers_that_are_none_are_named(tmp_path, number):
    bad = SQUARE.replace("[120.001,30]", f"[{number},30]")
    community, notes = read(_geojson(tmp_path / "b.geojson", SQUARE, bad))
    assert len(community.buildings) == 1
    assert next(n for n in notes if n.code == "G101").object == "row 1"


def test_read__numbers_beyond_floats_are_refused(tmp_path):
    with pytest.raises(FormatError, match=r"b.geojson.*1e999"):
        read(_geojson(tmp_path / "b.geojson", SQUARE.replace("[120.001,30]", "[1e999,30]")))


def test_read__points_at_infinity_are_left_out(tmp_path):
    places = gpd.GeoDataFrame(geometry=shapely.points([[E, N], [np.inf, N]]), crs=CRS)
    places.to_parquet(tmp_path / "pois.parquet")
    community, notes = read(tmp_path / "pois.parquet")
    assert len(community.facilities) == 1
    assert "G101" in _codes(notes)


def test_read__records_without_a_shape_are_named(tmp_path):
    community, notes = read(_geojson(tmp_path / "b.geojson", SQUARE, "null"))
    assert len(community.buildings) == 1
    assert {"G101", "I02"} & _codes(notes)


def test_read__multipolygons_become_rows(tmp_path):
    inner = SQUARE[len('{"type":"Polygon","coordinates":') : -1]
    multi = f'{{"type":"MultiPolygon","coordinates":[{inner},{inner.replace("[120", "[119")}]}}'
    community, _ = read(_geojson(tmp_path / "b.geojson", multi))
    assert len(community.buildings) == 2
    assert len(set(community.buildings.id)) == 2


def test_read__parts_count_once(tmp_path):
    whole, half = shapely.box(0, 0, 20, 10), shapely.box(0, 0, 10, 10)
    shapes = [whole, half, shapely.box(10, 0, 20, 10), shapely.box(40, 0, 60, 10), shapely.box(40, 0, 50, 10)]
    gdf = gpd.GeoDataFrame(
        {
            "id": [1, 2, 3, 4, 5],
            "kind": ["building", "building_part", "building_part", "building", "building_part"],
            "root_id": [np.nan, 1, np.nan, np.nan, 4],
            "height": [30.0, 30, 20, 12, 40],
            "name": ["甲", None, None, None, None],
        },
        geometry=shapely.transform(np.array(shapes), lambda c: c + (E, N)),
        crs=CRS,
    )
    pyogrio.write_dataframe(gdf, tmp_path / "buildings.gpkg")
    community, notes = read(tmp_path / "buildings.gpkg")
    table = community.buildings
    assert table.id.tolist() == ["2", "3", "4", "5"]  # the first whole is its parts, the second keeps its tower
    assert table.name.tolist() == ["甲", "甲", "", ""]
    assert table.base.tolist() == [0, 0, 0, 12]
    assert "I02" in _codes(notes)


def test_read__contours_become_terrain(tmp_path):
    lines = [shapely.LineString([(E + x, N), (E + x, N + 300)]) for x in (0, 100, 200, 300)]
    gpd.GeoDataFrame({"elev_m": [0, 10, 20, 30]}, geometry=lines, crs=CRS).to_file(tmp_path / "contours.gpkg")
    pyogrio.write_dataframe(_boxes(height=[9, 9]), tmp_path / "buildings.gpkg")
    community, _ = read([tmp_path / "buildings.gpkg", tmp_path / "contours.gpkg"])
    where = np.array([[E + 150, N + 150]]) - community.frame.origin[:2]
    assert community.terrain is not None
    assert community.terrain.elevation(where) == pytest.approx([15], abs=0.2)
    alone, _ = read(tmp_path / "contours.gpkg")
    assert alone.terrain is not None
    assert alone.frame.crs == CRS


def test_read__foreign_layers_by_tags(tmp_path):
    """GeoJSON as map sites export it: everything in one collection."""
    features = [
        {"building": "apartments", "building:levels": "6", "@id": "way/1"},
        {"highway": "footway"},
        {"amenity": "kindergarten", "name": "幼儿园"},
        {"leisure": "park"},
        {"power": "tower"},
    ]
    square = json.loads(SQUARE)
    line = {"type": "LineString", "coordinates": [[120, 30], [120.001, 30.0005]]}
    point = {"type": "Point", "coordinates": [120.0005, 30.0005]}
    shapes = [square, line, point, square, point]
    text = {
        "type": "FeatureCollection",
        "features": [
            {"type": "Feature", "properties": p, "geometry": g} for p, g in zip(features, shapes, strict=True)
        ],
    }
    (tmp_path / "export.geojson").write_text(json.dumps(text))
    community, notes = read(tmp_path / "export.geojson")
    counts = {
        t: len(v) for t, v in community.tables.items() if t in ("buildings", "path_edges", "facilities", "spaces")
    }
    assert counts == {"buildings": 1, "path_edges": 1, "facilities": 2, "spaces": 1}  # a park is a service and a green
    assert community.buildings.n_above.tolist() == [6]
    assert next(n for n in notes if n.code == "I03").count == 1


@pytest.mark.parametrize("suffix", [".geojson", ".shp", ".fgb", ".parquet"])
def test_write__map_of_buildings_reads_back(tmp_path, suffix):
    community = small()
    write(community, tmp_path / f"buildings{suffix}")
    back, _ = read(tmp_path / f"buildings{suffix}", frame=CRS)
    assert back.buildings.id.tolist() == community.buildings.id.tolist()
    moved = back.buildings.footprint.xy + back.frame.origin[:2]
    assert np.abs(moved - community.buildings.footprint.xy - community.frame.origin[:2]).max() < 1e-3
    assert [p.name for p in tmp_path.iterdir() if p.name.startswith(".cimkit")] == []


def test_load_layers__closes_nothing_silently(tmp_path):
    layers, notes = load_layers(_geojson(tmp_path / "b.geojson", SQUARE))
    assert [name for name, _ in layers] == ["b"]
    assert notes == []
