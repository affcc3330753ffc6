"""Every folder of real data beside the checkout gives a community or says clearly why not."""

from __future__ import annotations

import numpy as np
import pytest

from cimkit.errors import CimkitError
from cimkit.io.files import read, write
from tests.io.communities import assert_same

MAPS = {  # folder: file, buildings, paths, facilities
    "suzhou_footprints": ("suzhou_buildings.geojson", 3077, 0, 0),
    "shenzhen_nanshan_footprints": ("nanshan_buildings.geojson", 5441, 0, 0),
    "bubenec": ("bubenec.gpkg", 144, 35, 0),
    "gothenburg_dsm": ("buildings.shp", 137, 0, 0),
    "dxf_plans": ("suzhou_site_plan_truth.gpkg", 97, 0, 0),
    "delft_cityjson": ("delft.city.json", 160, 0, 0),
    "3dbag_cityjsonseq": ("3dbag_tile_901_trimmed.city.jsonl", 52, 0, 0),
}


@pytest.mark.parametrize("folder", MAPS)
def test_read__real_buildings(shared_data, folder):
    name, buildings, paths, facilities = MAPS[folder]
    community, notes = read(shared_data / folder / name)
    assert (len(community.buildings), len(community.facilities)) == (buildings, facilities)
    assert (len(community.path_edges) > 0) == (paths > 0)
    assert len(set(community.buildings.id)) == buildings
    assert np.isfinite(community.buildings.height).all()
    assert community.frame.crs
    assert len(notes) > 0


def test_read__suzhou_areas_as_others_measured(shared_data):
    """SOURCE.md gives 1 236 507 m² in UTM; it is zone 51 that gives this number."""
    community, notes = read(shared_data / "suzhou_footprints" / "suzhou_buildings.geojson")
    utm, _ = read(shared_data / "suzhou_footprints" / "suzhou_buildings.geojson", frame="EPSG:32651")
    assert utm.buildings.footprint.areas().sum() == pytest.approx(1_236_507, rel=1e-6)
    assert community.buildings.footprint.areas().sum() == pytest.approx(1_236_507, rel=5e-4)
    assert notes.summary()["M02"] == 3077  # Id is 0 in every row


def test_read__suzhou_site_plan_truth_keeps_its_storeys(shared_data):
    community, _ = read(shared_data / "dxf_plans" / "suzhou_site_plan_truth.gpkg")
    assert (community.buildings.height == 3 * community.buildings.n_above).all()


def test_read__lujiazui_layers(shared_data):
    community, notes = read(shared_data / "shanghai_lujiazui_osm" / "lujiazui_osm.gpkg")
    counts = {t: len(v) for t, v in community.tables.items() if len(v)}
    assert counts["buildings"] == 1419
    assert counts["facilities"] == 493
    assert counts["path_edges"] > 2000
    assert counts["spaces"] > 100
    assert {"C03", "I02", "I03", "H02"} <= set(notes.summary())


def test_read__helsinki_extract_is_cut_at_its_edge(shared_data):
    community, notes = read(shared_data / "helsinki_osm" / "helsinki_centre.osm.pbf")
    assert next(n for n in notes if n.code == "I02").count == 11
    assert 450 < len(community.buildings) < 520
    assert len(community.path_edges) > 3000
    assert len(community.entrances) > 300


def test_read__futian_streets(shared_data):
    community, _ = read(shared_data / "shenzhen_futian_streets" / "futian_osm.graphml")
    assert len(community.path_edges) > 2000
    assert community.frame.crs == "EPSG:4547"


def test_read__futian_and_nanshan_together(shared_data):
    streets = shared_data / "shenzhen_futian_streets" / "futian_osm.graphml"
    houses = shared_data / "shenzhen_nanshan_footprints" / "nanshan_buildings.geojson"
    community, _ = read([houses, streets])
    assert len(community.buildings) == 5441
    assert len(community.path_edges) > 2000


def test_read__hangzhou_contours_are_ground(shared_data):
    community, _ = read(shared_data / "hangzhou_contours" / "hangzhou_contours.gpkg")
    assert community.terrain is not None
    assert np.nanmin(community.terrain.z) == pytest.approx(20)
    assert np.nanmax(community.terrain.z) == pytest.approx(480)
    assert community.frame.crs == "EPSG:4549"


def test_read__den_haag_roofs(shared_data):
    community, _ = read(shared_data / "denhaag_cityjson" / "DenHaag_01.city.json.zip")
    assert len(community.mesh) > 20_000
    assert community.terrain is not None
    names = {str(n).split("/")[0] for n in community.buildings.id}
    assert 840 <= len(names) <= 844
    inside = community.buildings.footprint.bounds()[community.mesh.owner]
    low, high = community.mesh.corners[:, :, :2].min(axis=1), community.mesh.corners[:, :, :2].max(axis=1)
    assert ((low >= inside[:, :2] - 1) & (high <= inside[:, 2:] + 1)).all(axis=1).mean() > 0.98


@pytest.mark.parametrize(
    ("folder", "name"),
    [
        ("epw_china", "Shanghai-Hongqiao_1956_2023_TMYx.epw"),
        ("tasmania_dem", "dem_01.tif"),
        ("gothenburg_dsm", "DSM_KRbig.tif"),
        ("walking", "net_helsinki.npz"),
    ],
)
def test_read__what_is_no_community_is_said(shared_data, folder, name):
    with pytest.raises(CimkitError, match=name):
        read(shared_data / folder / name)


@pytest.mark.parametrize(
    ("folder", "name"),
    [("shanghai_lujiazui_osm", "lujiazui_osm.gpkg"), ("3dbag_cityjsonseq", "3dbag_tile_901_trimmed.city.jsonl")],
)
def test_write__real_communities_come_back(shared_data, tmp_path, folder, name):
    community, _ = read(shared_data / folder / name)
    write(community, tmp_path / "a.gpkg")
    first, _ = read(tmp_path / "a.gpkg")
    assert_same(community, first)
    write(first, tmp_path / "b.city.json")
    second, _ = read(tmp_path / "b.city.json")
    write(second, tmp_path / "c.gpkg")
    assert_same(community, read(tmp_path / "c.gpkg")[0], tolerance=1e-3)
