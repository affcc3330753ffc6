"""The sun against other people's numbers: NREL's algorithm by pvlib, its report, ``standards.md`` §7.1 and §7.2."""

import json
from pathlib import Path

import numpy as np
import pytest

import cimkit as ck
from benchmarks.sunpath import deviations

pytestmark = pytest.mark.validation

HANGZHOU = ck.Location(30.25, 120.17)
REFERENCE = Path(__file__).parents[2] / ".." / "shared" / "peers" / "sunlight" / "reference" / "solar_positions.json"


def test_sun_position__is_within_0_0003_degrees_of_nrel_from_minus_2000_to_6000():
    """A lean run of ``python -m benchmarks.sunpath``, which takes a million instants."""
    pytest.importorskip("pvlib")
    worst = deviations(20_000, seed=1)
    assert worst["elevation_deg"] < 1e-5
    assert worst["azimuth_deg"] < 1e-5
    assert worst["equation_of_time_min"] < 1e-4


def test_sun_position__example_of_the_report():
    """NREL/TP-560-34302, table A5.1: Golden, 17 October 2003, 12:30:30 (UTC − 7), 1830 m."""
    day = ck.julian_day(2003, 10, 17 + (19.5 + 30 / 3600) / 24)
    row = ck.sun_position(day, ck.Location(39.742476, -105.1786), height=1830.14)[0]
    assert row[0] == pytest.approx(39.872046, abs=1e-5)
    assert row[1] == pytest.approx(194.340241, abs=1e-4)
    assert row[4] == pytest.approx(11.105902, abs=1e-4)


@pytest.mark.parametrize(
    ("place", "clock"),
    [((39.90, 116.40), "8:25:30"), ((41.80, 123.43), "7:57:02"), ((34.27, 108.95), "8:55:06"),
     ((43.80, 87.60), "10:20:18"), ((23.13, 113.27), "8:37:54"), ((31.23, 121.47), "8:05:02")],
)  # fmt: skip
def test_on__eight_true_solar_in_beijing_time(place, clock):
    """Published table (standards.md §7.2)."""
    solar = ck.SunDay.on(ck.Location(*place), (2001, 1, 20), band=(8, 16))
    civil = ck.SunDay.on(ck.Location(*place), (2001, 1, 20), band=(6, 18), time="civil")
    h, m, s = map(int, clock.split(":"))
    assert civil.hour(solar.band_radians()[0]) == pytest.approx(h + m / 60 + s / 3600, abs=30 / 3600)


CITIES = {  # standards.md §7.1: noon altitude and D/H at Great Cold, at winter solstice
    "Harbin": (45.75, 24.13, 2.232, 20.81, 2.631), "Beijing": (39.90, 29.99, 1.733, 26.66, 1.992),
    "Shanghai": (31.23, 38.65, 1.250, 35.33, 1.411), "Huzhou": (30.89, 38.99, 1.235, 35.67, 1.393),
    "Jiaxing": (30.75, 39.13, 1.229, 35.81, 1.386), "Hangzhou": (30.25, 39.63, 1.207, 36.31, 1.361),
    "Ningbo": (29.87, 40.01, 1.191, 36.69, 1.342), "Wenzhou": (28.02, 41.87, 1.116, 38.54, 1.255),
    "Guangzhou": (23.13, 46.76, 0.940, 43.43, 1.056),
}  # fmt: skip


@pytest.mark.parametrize("city", CITIES)
def test_sun_day__altitude_and_shadow_at_noon_of_the_cities(city):
    latitude, *expected = CITIES[city]
    got = []
    for make in (ck.SunDay.great_cold, ck.SunDay.winter_solstice):
        altitude = float(make(ck.Location(latitude, 120.0)).position(12.0)[0][0])
        got += [altitude, 1 / np.tan(np.radians(altitude))]
    assert got[::2] == pytest.approx(expected[::2], abs=0.02)
    assert got[1::2] == pytest.approx(expected[1::2], abs=0.002)


@pytest.mark.parametrize(
    ("latitude", "hour", "altitude"), [(31.2, 8.0, 10 + 44 / 60), (31.2, 9.0, 20 + 25 / 60), (23.13, 8.0, 15.4)]
)
def test_winter_solstice__published_altitudes_of_shanghai_and_guangzhou(latitude, hour, altitude):
    day = ck.SunDay.winter_solstice(ck.Location(latitude, 120.0))
    assert float(day.position(hour)[0][0]) == pytest.approx(altitude, abs=0.05 if latitude < 30 else 0.01)


def test_great_cold__construction_angle_of_putian_and_equation_of_time():
    """Published 32.2025° = 90° less the azimuth from south at 8:00 (§7.5); −10.98 min on 20 January 2001 (§7.2)."""
    day = ck.SunDay.great_cold(ck.Location(25.42, 119.0))
    assert float(day.position(8.0)[1][0]) - 90.0 == pytest.approx(32.2025, abs=0.01)
    noon = ck.julian_day(2001, 1, 20 + 4 / 24)
    assert ck.sun_position(noon, HANGZHOU)[0, 5] == pytest.approx(-10.98, abs=0.02)


@pytest.mark.skipif(not REFERENCE.exists(), reason="../shared/peers/sunlight is not there")
def test_sun_position__reference_positions():
    records = json.loads(REFERENCE.read_text())["records"]
    assert len(records) > 500
    places = {}
    for r in records:
        places.setdefault((r["lat"], r["lon"]), []).append(r)
    for place, own in places.items():
        stamps = np.array([r["utc"].replace("+00:00", "") for r in own], dtype="datetime64[ns]")
        days = 2440587.5 + (stamps - np.datetime64("1970-01-01")) / np.timedelta64(1, "s") / 86400
        got = ck.sun_position(days, ck.Location(*place))
        elevation, azimuth = (np.array([r[k] for r in own]) for k in ("elevation", "azimuth"))
        assert np.abs(got[:, 0] - elevation).max() < 0.0005
        assert (np.abs(got[:, 1] - azimuth) * np.cos(np.radians(elevation))).max() < 0.0005
