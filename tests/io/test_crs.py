"""Labels are believed only where the numbers allow it."""

from __future__ import annotations

import geopandas as gpd
import numpy as np
import pytest
import shapely

from cimkit.errors import InputError
from cimkit.io.crs import Placing, gcj02_offset, parse_crs, place, to_wgs84


def _at(x: float, y: float, crs: str | None, *, size: float = 500.0) -> gpd.GeoDataFrame:
    return gpd.GeoDataFrame(geometry=[shapely.box(x, y, x + size, y + size)], crs=crs)


@pytest.mark.parametrize(
    ("x", "y", "size", "crs", "says"),
    [
        (30.25, 120.17, 0.01, "EPSG:4326", "C04.*swap_xy=True"),
        (30.25, 87.6, 0.01, "EPSG:4326", "C04.*swap_xy=True"),  # a possible latitude, but not in China
        (3347000, 520000, 500, "EPSG:4549", "C04.*swap_xy=True"),
        (30.25, 120.17, 0.01, None, "C04.*swap_xy=True"),
        (12670000, 2570000, 500, "EPSG:32649", "C02.*web mercator.*EPSG:3857"),
        (120.1, 30.1, 0.01, "EPSG:4549", "C02.*degrees.*EPSG:4326"),
        (40520000, 3347000, 500, "EPSG:4549", "C02.*zone 40.*EPSG:4528"),
        (20520000, 3347000, 500, "EPSG:4549", "C02.*6-degree zone 20.*EPSG:4498"),
        (520000, 3347000, 500, "EPSG:4528", "C02.*lack the zone prefix 40.*EPSG:4549"),
        (520000e3, 3347000e3, 500e3, "EPSG:4549", "C05.*millimetres"),
        (520000 / 0.3048, 3347000 / 0.3048, 500, "EPSG:4549", "C05.*feet"),
        (520000, 3347000, 500, "EPSG:4326", "C02.*crs="),
        (-2600000, 4500000, 10, "EPSG:4978", "geocentric"),
    ],
)
def test_place__says_what_contradicts_the_label(x, y, size, crs, says):
    with pytest.raises(InputError, match=says):
        place(_at(x, y, crs, size=size), "a.shp", Placing())


@pytest.mark.parametrize(
    ("x", "y", "size", "crs"),
    [
        (120.17, 30.25, 0.01, "EPSG:4326"),
        (-0.12, 51.5, 0.01, "EPSG:4326"),
        (520000, 3347000, 500, "EPSG:4549"),
        (680000, 3347000, 500, "EPSG:4549"),  # the next zone, kept in this one
        (40520000, 3347000, 500, "EPSG:4528"),
        (13376000, 3534000, 500, "EPSG:3857"),
        (81859, 447093, 500, "EPSG:28992"),
        (980000, 200000, 500, "EPSG:2263"),  # US feet, labelled so
    ],
)
def test_place__leaves_right_labels_alone(x, y, size, crs):
    gdf, notes = place(_at(x, y, crs, size=size), "a.shp", Placing())
    assert gdf.crs == crs
    assert notes == []


def test_place__takes_degrees_without_a_label_as_wgs84():
    gdf, notes = place(_at(120.17, 30.25, None, size=0.01), "a.shp", Placing())
    assert gdf.crs == "EPSG:4326"
    assert [n.code for n in notes] == ["C01"]


def test_place__takes_small_plans_without_a_label_as_local_metres():
    gdf, notes = place(_at(60, 30, None, size=40), "a.shp", Placing())
    assert gdf.crs is None
    assert notes == []


def test_place__hints_at_the_zone_where_there_is_no_label():
    _, notes = place(_at(40520000, 3347000, None), "a.shp", Placing())
    assert "EPSG:4528" in notes[0].text


def test_place__does_what_the_user_says():
    swapped, _ = place(_at(3347000, 520000, "EPSG:4549"), "a", Placing(swap_xy=True))
    assert swapped.total_bounds.tolist() == [520000, 3347000, 520500, 3347500]
    relabelled, _ = place(_at(520000, 3347000, "EPSG:4326"), "a", Placing(crs="EPSG:4549"))
    assert relabelled.crs == "EPSG:4549"
    unlabelled, _ = place(_at(520000, 3347000, None), "a", Placing(frame="EPSG:4549"))
    assert unlabelled.crs == "EPSG:4549"
    moved, _ = place(_at(120.17, 30.25, "EPSG:4326", size=0.001), "a", Placing(frame="EPSG:4549"))
    assert moved.crs == "EPSG:4549"
    assert moved.total_bounds[0] == pytest.approx(516361, abs=1)


def test_place__undoes_a_map_service_on_request_only():
    truth = _at(120.17, 30.25, "EPSG:4326", size=0.001)
    shown = truth.set_geometry(shapely.transform(truth.geometry.array, lambda xy: xy + gcj02_offset(xy)))
    left, _ = place(shown, "a", Placing())
    back, notes = place(shown, "a", Placing(datum="gcj02"))
    assert left.geometry.array == shown.geometry.array
    assert np.abs(back.total_bounds - truth.total_bounds).max() < 1e-9
    assert "gcj02" in notes[0].text


@pytest.mark.parametrize(
    ("options", "says"),
    [
        ({"crs": "EPSG:0"}, "crs"),
        ({"frame": "EPSG:4326"}, "projected"),
        ({"datum": "mars"}, "datum"),
        ({"frame": "x"}, "CRS"),
    ],
)
def test_placing__refuses_nonsense(options, says):
    with pytest.raises(InputError, match=says):
        Placing(**options)


def test_parse_crs__takes_the_flat_part_of_a_compound():
    assert parse_crs("EPSG:7415").to_epsg() == 28992


def test_to_wgs84__shifts_as_measured_by_others():
    """Distances of GCJ-02 to WGS 84 as given for these cities in open converters' documentation, to the metre."""
    import pyproj

    places = np.array([[120.17, 30.25], [116.4, 39.9], [87.6, 43.8]])
    shown = places + gcj02_offset(places)
    _, _, metres = pyproj.Geod(ellps="WGS84").inv(*places.T, *shown.T)
    assert np.round(metres).tolist() == [518, 556, 265]
    assert np.abs(to_wgs84(shown, "gcj02") - places).max() < 1e-9


def test_to_wgs84__baidu_lies_about_a_kilometre_off():
    """BD-09 of Tiananmen in Baidu's own example, against its WGS 84 place."""
    back = to_wgs84([[116.403963, 39.915119]], "bd09")
    assert np.abs(back - [[116.391259, 39.907383]]).max() < 0.001
