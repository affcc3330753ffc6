"""Our own formats give back exactly what was written."""

from __future__ import annotations

import json
import sqlite3
import zipfile
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings

from cimkit.errors import FormatError, InputError
from cimkit.io.cimfile import HEADER, is_cim, read_cim, read_cimz, write_cim, write_cimz
from cimkit.model.community import Community
from cimkit.model.kinds import BuildingUse
from cimkit.model.tables import Buildings
from tests.io.communities import assert_same, communities, small

FEW = settings(max_examples=15, deadline=None, suppress_health_check=list(HealthCheck))


@FEW
@given(communities())
def test_write_cim__gives_back_everything(tmp_path_factory, community):
    path = tmp_path_factory.mktemp("cim") / "小区 1.gpkg"
    write_cim(community, path)
    back, notes = read_cim(path)
    assert_same(community, back)
    assert len(notes) == 0


@FEW
@given(communities())
def test_write_cimz__gives_back_everything(tmp_path_factory, community):
    path = tmp_path_factory.mktemp("cimz") / "小区.cimz"
    write_cimz(community, path)
    assert_same(community, read_cimz(path), tolerance=0.0)


def test_write_cim__layers_are_plain_tables_of_people(tmp_path):
    write_cim(small(), tmp_path / "a.gpkg")
    with sqlite3.connect(tmp_path / "a.gpkg") as base:
        rows = base.execute("SELECT building, level, plate, kind, height_m FROM storeys ORDER BY fid").fetchall()
        box = base.execute("SELECT min_x, max_y FROM gpkg_contents WHERE table_name = 'buildings'").fetchone()
        kinds = dict(base.execute("SELECT table_name, data_type FROM gpkg_contents").fetchall())
    base.close()
    assert rows[1][0] == "B1"
    assert rows[1][1] == 1
    assert rows[1][3] == "stilt"
    assert rows[1][4] == 4.2
    assert box == (520000.0, 3347012.0)
    assert kinds["buildings"] == "features"
    assert kinds["cimkit_meta"] == "attributes"


def test_read_cim__follows_rows_deleted_and_added_elsewhere(tmp_path):
    import geopandas as gpd
    import pandas as pd
    import pyogrio

    path = tmp_path / "a.gpkg"
    write_cim(small(), path)
    storeys = pyogrio.read_dataframe(path, layer="storeys")
    pyogrio.write_dataframe(storeys[storeys["building"] == "B2"], path, layer="storeys")
    facilities = pyogrio.read_dataframe(path, layer="facilities")
    added = gpd.GeoDataFrame(
        {"id": ["F2"], "kind": ["caféteria"]}, geometry=facilities.geometry.to_list(), crs=facilities.crs
    )
    pyogrio.write_dataframe(pd.concat([facilities, added]), path, layer="facilities")
    back, notes = read_cim(path)
    assert back.storeys.names().tolist() == ["B2/F1", "B2/F2", "B2/F3"]
    assert back.facilities.id.tolist() == ["F1", "F2"]
    assert back.facilities.building.tolist() == [-1, -1]
    assert notes.summary() == {"M03": 1, "M04": 1}  # the sky garden lost its storey


def test_read_cim__refuses_newer_versions(tmp_path):
    path = tmp_path / "a.gpkg"
    write_cim(small(), path)
    with sqlite3.connect(path) as base:
        (text,) = base.execute("SELECT value FROM cimkit_meta WHERE name = 'header'").fetchone()
        newer = json.dumps({**json.loads(text), "version": 99})
        base.execute("UPDATE cimkit_meta SET value = ? WHERE name = 'header'", (newer,))
    base.close()
    with pytest.raises(FormatError, match=r"must be 2; got 99.*update cimkit"):
        read_cim(path)


@pytest.mark.parametrize(("version", "advice"), [(3, "update cimkit"), (1, "write it anew from its sources")])
def test_read_cimz__refuses_other_versions(tmp_path, version, advice):
    with zipfile.ZipFile(tmp_path / "a.cimz", "w") as archive:
        archive.writestr(HEADER, json.dumps({"format": "cimkit", "version": version}))
    with pytest.raises(FormatError, match=f"must be 2; got {version}.*{advice}"):
        read_cimz(tmp_path / "a.cimz")


def test_write_cimz__holds_codes_and_not_numbers(tmp_path):
    """Numbers of a kind may change between versions; its codes stay."""
    write_cimz(small(), tmp_path / "a.cimz")
    with zipfile.ZipFile(tmp_path / "a.cimz") as archive:
        assert json.loads(archive.read("buildings/use.txt")) == ["residential", "retail"]
    assert read_cimz(tmp_path / "a.cimz").buildings.use.tolist() == [BuildingUse.RESIDENTIAL, BuildingUse.RETAIL]


def test_is_cim__tells_own_from_foreign(tmp_path):
    import geopandas as gpd
    import shapely

    write_cim(small(), tmp_path / "a.gpkg")
    gpd.GeoDataFrame(geometry=[shapely.box(0, 0, 1, 1)], crs="EPSG:4549").to_file(tmp_path / "b.gpkg")
    assert is_cim(tmp_path / "a.gpkg")
    assert not is_cim(tmp_path / "b.gpkg")
    with pytest.raises(FormatError, match="cimkit_meta"):
        read_cim(tmp_path / "b.gpkg")


@pytest.mark.parametrize("text", ["a\x00b", "\ud800"])
def test_write_cim__refuses_text_that_would_be_lost(tmp_path, text):
    bad = Community(buildings=Buildings(id=[text]))
    with pytest.raises(InputError, match="text"):
        write_cim(bad, tmp_path / "a.gpkg")
    assert list(tmp_path.iterdir()) == []


def test_write_cim__refuses_columns_no_file_holds(tmp_path):
    complex_ = Buildings(id=["a"], extra={"z": np.array([1j])})
    with pytest.raises(InputError, match="column 'z'"):
        write_cim(Community(buildings=complex_), tmp_path / "a.gpkg")


def test_write_cim__keeps_ids_that_repeat(tmp_path):
    community = small()
    buildings = replace(community.buildings, id=np.array(["X", "X"], dtype=object))
    community = replace(community, buildings=buildings)
    write_cim(community, tmp_path / "a.gpkg")
    assert_same(community, read_cim(tmp_path / "a.gpkg")[0])
