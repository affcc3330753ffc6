"""One door for all formats: by content, then by suffix."""

from __future__ import annotations

import dataclasses
import json
import zipfile

import geopandas as gpd
import pyogrio
import pytest
import shapely

from cimkit.errors import FormatError, InputError
from cimkit.geometry.frame import Frame
from cimkit.io.files import format_of, read, write
from cimkit.io.results import write_table
from cimkit.model.kinds import PathKind
from tests.io.communities import assert_same, small


@pytest.mark.parametrize(
    ("suffix", "kind", "tolerance"),
    [(".gpkg", "cim", 1e-6), (".cimz", "cimz", 0.0), (".city.json", "cityjson", 1e-3), (".json", "cityjson", 1e-3)],
)
def test_write__whole_formats_give_the_community_back(tmp_path, suffix, kind, tolerance):
    path = tmp_path / f"小区{suffix}"
    write(small(), path)
    assert format_of(path) == kind
    back, notes = read(path)
    assert_same(small(), back, tolerance=tolerance)
    assert notes.items == back.notes.items


@pytest.mark.parametrize("suffix", [".geojson", ".shp", ".fgb", ".parquet"])
def test_write__map_formats_hold_the_buildings(tmp_path, suffix):
    write(small(), tmp_path / f"a{suffix}")
    assert format_of(tmp_path / f"a{suffix}") == suffix[1:]
    assert sorted(read(tmp_path / f"a{suffix}")[0].buildings.id) == ["B1", "B2"]


def test_write__refuses_other_suffixes(tmp_path):
    with pytest.raises(InputError, match="suffix must be"):
        write(small(), tmp_path / "a.dwg")


def test_read__goes_by_content_and_not_by_suffix(tmp_path):
    write(small(), tmp_path / "a.gpkg")
    (tmp_path / "b.dat").write_bytes((tmp_path / "a.gpkg").read_bytes())
    assert_same(small(), read(tmp_path / "b.dat")[0])


@pytest.mark.parametrize(
    ("name", "content", "says"),
    [
        ("a.dxf", b"  0\nSECTION\n", "DXF drawing"),
        ("a.dwg", b"AC1027", "DWG drawing"),
        ("a.ifc", b"ISO-10303-21;", "IFC model"),
        ("a.tif", b"II*\x00", "raster"),
        ("a.csv", b"id,height\n", "table"),
        ("a.bin", b"\x01\x02", "the format must be GeoPackage"),
        ("a.gpkg", b"", "size must be 1 byte"),
        ("a.dbf", b"\x03", "opened by its .shp"),
        ("a.shp", b"\x00\x00\x27\x0a", ".shx, .dbf is missing"),
        ("a.zip", b"PK\x03\x04", "zip archive"),
        ("a.xlsx", b"PK\x03\x04", "spreadsheet"),
    ],
)
def test_read__says_what_else_a_file_is(tmp_path, name, content, says):
    (tmp_path / name).write_bytes(content)
    with pytest.raises(FormatError, match=says):
        read(tmp_path / name)


def test_read__says_what_is_not_there(tmp_path):
    with pytest.raises(FormatError, match="must exist"):
        read(tmp_path / "a.gpkg")
    with pytest.raises(FormatError, match="the folder must hold map files"):
        read(tmp_path)
    with pytest.raises(InputError, match="at least one file"):
        read([])


def test_read__whole_formats_stand_alone(tmp_path):
    write(small(), tmp_path / "a.gpkg")
    write(small(), tmp_path / "b.geojson")
    with pytest.raises(FormatError, match="Read it alone"):
        read([tmp_path / "a.gpkg", tmp_path / "b.geojson"])
    with pytest.raises(InputError, match="knows where it lies"):
        read(tmp_path / "a.gpkg", crs="EPSG:4549")


def test_read__zip_without_cityjson(tmp_path):
    with zipfile.ZipFile(tmp_path / "a.zip", "w") as archive:
        archive.writestr("a.txt", "x")
    with pytest.raises(FormatError, match="must hold CityJSON"):
        read(tmp_path / "a.zip")


def test_read__frame_to_work_in(tmp_path):
    write(small(), tmp_path / "a.geojson")
    community, _ = read(tmp_path / "a.geojson", frame="EPSG:4528")
    assert community.frame.crs == "EPSG:4528"
    assert community.frame.origin[0] == pytest.approx(40520030, abs=1)
    city, _ = read(_city(tmp_path), frame="EPSG:4528")
    assert city.frame.crs == "EPSG:4528"


def _city(folder):
    write(small(), folder / "a.city.json")
    return folder / "a.city.json"


GRAPHML = """<?xml version="1.0" encoding="utf-8"?>
<graphml xmlns="http://graphml.graphdrawing.org/xmlns">
<key id="d0" for="graph" attr.name="crs" attr.type="string"/>
<key id="d1" for="node" attr.name="x" attr.type="string"/><key id="d2" for="node" attr.name="y" attr.type="string"/>
<key id="d3" for="edge" attr.name="osmid" attr.type="string"/>
<key id="d4" for="edge" attr.name="highway" attr.type="string"/>
<key id="d5" for="edge" attr.name="geometry" attr.type="string"/>
<graph edgedefault="directed"><data key="d0">epsg:4326</data>
<node id="1"><data key="d1">120.0</data><data key="d2">30.0</data></node>
<node id="2"><data key="d1">120.001</data><data key="d2">30.0</data></node>
<node id="3"><data key="d1">120.001</data><data key="d2">30.001</data></node>
<edge source="1" target="2"><data key="d3">7</data><data key="d4">footway</data></edge>
<edge source="2" target="1"><data key="d3">7</data><data key="d4">footway</data></edge>
<edge source="2" target="3"><data key="d3">[8, 9]</data><data key="d4">['steps', 'footway']</data>
<data key="d5">LINESTRING (120.001 30.0, 120.0012 30.0005, 120.001 30.001)</data></edge>
</graph></graphml>"""


def test_read__street_network_of_osmnx(tmp_path):
    (tmp_path / "a.graphml").write_text(GRAPHML)
    community, _ = read(tmp_path / "a.graphml")
    assert community.path_edges.kind.tolist() == [PathKind.FOOTWAY, PathKind.STEPS]  # one row for both directions
    assert len(community.path_nodes) == 3
    assert community.path_edges.length[0] == pytest.approx(96.5, abs=0.2)


@pytest.mark.parametrize(
    ("old", "new", "says"),
    [
        ("<graphml", "<!DOCTYPE a [<!ENTITY b SYSTEM 'file:///etc/passwd'>]><graphml", "document type"),
        ("</graphml>", "", "whole GraphML"),
        ('<data key="d1">120.0</data>', "", "x and y"),
        ('source="1"', 'source="77"', "whole GraphML"),
    ],
)
def test_read__street_network_damaged(tmp_path, old, new, says):
    (tmp_path / "a.graphml").write_text(GRAPHML.replace(old, new))
    with pytest.raises(FormatError, match=says):
        read(tmp_path / "a.graphml")


OSM = """<?xml version="1.0"?><osm version="0.6">
<node id="1" lat="30.0" lon="120.0" version="1"/><node id="2" lat="30.0" lon="120.0003" version="1"/>
<node id="3" lat="30.0002" lon="120.0003" version="1"/><node id="4" lat="30.0002" lon="120.0" version="1"/>
<node id="5" lat="30.0" lon="120.0001" version="1"><tag k="entrance" v="main"/></node>
<node id="6" lat="30.001" lon="120.0" version="1"><tag k="amenity" v="pharmacy"/><tag k="name" v="药店"/></node>
<node id="7" lat="30.002" lon="120.0" version="1"><tag k="amenity" v="bench"/></node>
<way id="10" version="1"><nd ref="1"/><nd ref="2"/><nd ref="3"/><nd ref="4"/><nd ref="1"/>
<tag k="building" v="apartments"/><tag k="building:levels" v="5"/></way>
<way id="11" version="1"><nd ref="5"/><nd ref="6"/><tag k="highway" v="footway"/></way>
</osm>"""


def test_read__openstreetmap_extract(tmp_path):
    (tmp_path / "a.osm").write_text(OSM)
    community, notes = read(tmp_path / "a.osm")
    assert community.buildings.id.tolist() == ["way/10"]
    assert community.buildings.n_above.tolist() == [5]
    assert community.facilities.name.tolist() == ["药店"]
    assert community.entrances.id.tolist() == ["node/5"]
    assert len(community.path_edges) == 1
    assert "I03" in notes.summary()  # the bench


def test_read__several_layers_of_one_name(tmp_path):
    for name in ("a", "b"):
        line = gpd.GeoDataFrame(geometry=[shapely.LineString([(0, 0), (60, ord(name))])], crs="EPSG:4549")
        pyogrio.write_dataframe(
            line.set_geometry(line.translate(520000, 3347000)), tmp_path / f"{name}.gpkg", layer="roads"
        )
    community, _ = read(tmp_path)
    assert len(community.path_edges) == 2


def test_geojson__holds_degrees_never_local_metres(tmp_path):
    local = dataclasses.replace(small(), frame=Frame())
    for write_it in (lambda p: write(local, p), lambda p: write_table(local.buildings.to_frame(), p)):
        with pytest.raises(InputError, match=r"GeoJSON holds degrees.*Write \.gpkg, or give the CRS"):
            write_it(tmp_path / "a.geojson")
    assert not (tmp_path / "a.geojson").exists()
    ring = [[0, 0], [38, 0], [38, 29], [0, 29], [0, 0]]  # a slab of 38 m as somebody else's program wrote it
    shape = {"type": "Feature", "properties": {}, "geometry": {"type": "Polygon", "coordinates": [ring]}}
    (tmp_path / "b.geojson").write_text(json.dumps({"type": "FeatureCollection", "features": [shape]}))
    with pytest.raises(InputError, match=r"C02.*are they metres"):
        read(tmp_path / "b.geojson")
