"""Stops with headways: a feed written by hand."""

from __future__ import annotations

import zipfile
from pathlib import Path

import numpy as np
import pytest

from cimkit.errors import FormatError, InputError
from cimkit.io.gtfs import read_gtfs

FEED = {
    "stops": "stop_id,stop_name,stop_lat,stop_lon\nA,东站,30.1,120.1\nB,西站,30.2,120.2\nC,空站,30.3,120.3\n",
    "routes": "route_id,route_type\nbus,3\nmetro,1\n",
    "trips": "trip_id,route_id,service_id\n1,bus,wk\n2,bus,wk\n3,metro,wk\n4,bus,sunday\n",
    "stop_times": "trip_id,stop_id,departure_time\n"
    "1,A,07:10:00\n2,A, 8:59:59\n2,A,09:00:00\n3,B,07:30:00\n4,A,08:00:00\n",
}


def feed(folder: Path, tables: dict[str, str]) -> Path:
    path = folder / "feed.zip"
    with zipfile.ZipFile(path, "w") as zipped:
        for name, text in tables.items():
            zipped.writestr(f"{name}.txt", text)
    return path


def test_read_gtfs__headways_of_the_busiest_day(tmp_path: Path) -> None:
    stops = read_gtfs(feed(tmp_path, FEED))
    assert stops.kind.tolist() == ["bus_stop", "metro_station", "bus_stop"]
    assert stops.headway_min.tolist() == [60.0, 120.0, np.inf]
    assert stops.geometry.x.tolist() == [120.1, 120.2, 120.3]


def test_read_gtfs__broken_feeds(tmp_path: Path) -> None:
    with pytest.raises(FormatError, match=r"trips\.txt"):
        read_gtfs(feed(tmp_path, {k: v for k, v in FEED.items() if k != "trips"}))
    with pytest.raises(FormatError, match="stop_lat is not"):
        read_gtfs(feed(tmp_path, FEED | {"stops": "stop_id,stop_name,stop_lon\nA,x,1\n"}))
    with pytest.raises(InputError, match="must rise"):
        read_gtfs(feed(tmp_path, FEED), hours=(9, 7))


def test_read__a_feed_beside_a_plan_gives_the_stops_near_it(tmp_path: Path) -> None:
    import geopandas as gpd
    import shapely

    import cimkit as ck

    near = gpd.GeoSeries([shapely.Point(120.1, 30.1)], crs="EPSG:4326").to_crs("EPSG:4549").iloc[0]
    house = gpd.GeoDataFrame({"floors": [3]}, geometry=[near.buffer(20)], crs="EPSG:4549")
    house.to_file(tmp_path / "buildings.gpkg")
    unpacked = tmp_path / "feed"
    unpacked.mkdir()
    for name, text in FEED.items():
        (unpacked / f"{name}.txt").write_text(text, encoding="utf-8")
    for timetable in (feed(tmp_path, FEED), unpacked):
        community, notes = ck.read([tmp_path / "buildings.gpkg", timetable], crs="EPSG:4549")
        assert community.facilities.name.tolist() == ["东站"]
        assert community.facilities.extra["headway_min"].tolist() == [60.0]
        assert np.hypot(community.facilities.x[0], community.facilities.y[0]) < 1.0
        assert any("2 of 3 stops" in n.text for n in notes)
    alone, _ = ck.read(unpacked)
    assert len(alone.facilities) == 3
