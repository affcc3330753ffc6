"""The ephemeris against pvlib and its own report; real days; what turns with them."""

import json
from pathlib import Path

import numpy as np
import pytest
import shapely

import cimkit as ck
from cimkit.sim.sunlight import SunlightMethod
from cimkit.sim.sunpath import delta_t

HANGZHOU = ck.Location(30.25, 120.17)
REFERENCE = Path(__file__).parents[2] / ".." / "shared" / "peers" / "sunlight" / "reference" / "solar_positions.json"


@pytest.mark.validation
def test_sun_position__is_within_0_0003_degrees_of_nrel_from_minus_2000_to_6000():
    spa = pytest.importorskip("pvlib.spa")
    rng = np.random.default_rng(1)
    days = rng.uniform(ck.julian_day(-2000, 1, 1), ck.julian_day(6001, 1, 1), 20_000)
    for place in (HANGZHOU, ck.Location(-54.8, -68.3), ck.Location(78.2, 15.6)):
        ours = ck.sun_position(days, place)
        unix = (days - 2440587.5) * 86400
        theirs = spa.solar_position_numpy(unix, place.latitude, place.longitude, 0, 1013, 12, delta_t(days), 0.5667, 1)
        assert np.abs(ours[:, 0] - theirs[3]).max() < 1e-5
        away = np.abs((ours[:, 1] - theirs[4] + 180) % 360 - 180) * np.cos(np.radians(ours[:, 0]))
        assert away.max() < 1e-5
        assert np.abs(ours[:, 5] - theirs[5]).max() < 1e-4


@pytest.mark.validation
def test_sun_position__example_of_the_report():
    """NREL/TP-560-34302, table A5.1: Golden, 17 October 2003, 12:30:30 (UTC − 7), 1830 m."""
    day = ck.julian_day(2003, 10, 17 + (19.5 + 30 / 3600) / 24)
    row = ck.sun_position(day, ck.Location(39.742476, -105.1786), height=1830.14)[0]
    assert row[0] == pytest.approx(39.872046, abs=1e-5)
    assert row[1] == pytest.approx(194.340241, abs=1e-4)
    assert row[4] == pytest.approx(11.105902, abs=1e-4)


def test_delta_t__is_continuous_and_known():
    assert float(delta_t(ck.julian_day(2000, 1, 1))) == pytest.approx(63.86, abs=0.1)
    for year in (500, 1600, 1700, 1800, 1860, 1900, 1920, 1941, 1961, 1986, 2005, 2050, 2150):
        before, after = delta_t(ck.julian_day(year, 1, 1) + np.array([-7.0, 7.0]))
        assert abs(before - after) < 3


@pytest.mark.parametrize("time", ["solar", "civil", "utc"])
@pytest.mark.parametrize("date", [(2026, 3, 20), (2026, 6, 21), (2001, 1, 20)])
def test_on__follows_the_true_sun_to_a_second(date, time):
    """Position from the day's polynomials is where the ephemeris has the sun, within half a second's way."""
    band = (0.0, 8.0) if time == "utc" else (8.0, 16.0)
    day = ck.SunDay.on(HANGZHOU, date, band=band, time=time)
    hours = np.linspace(*band, 97)
    elevation, azimuth = day.position(hours)
    if time == "solar":
        true = ck.sun_position(ck.julian_day(*date) + (hours - HANGZHOU.longitude / 15) / 24, HANGZHOU)
        hours = hours - true[:, 5] / 60
    shift = {"solar": HANGZHOU.longitude / 15, "civil": 8.0, "utc": 0.0}[time]
    true = ck.sun_position(ck.julian_day(*date) + (hours - shift) / 24, HANGZHOU)
    way = np.hypot(elevation - true[:, 0], (azimuth - true[:, 1]) * np.cos(np.radians(elevation)))
    assert way.max() < 15 / 3600 / 2  # the sun goes 15″ a second


@pytest.mark.validation
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


@pytest.mark.validation
def test_great_cold__altitudes_at_noon_of_the_cities():
    """standards.md §7.1."""
    table = {45.75: (24.13, 20.81), 39.90: (29.99, 26.66), 31.23: (38.65, 35.33), 30.25: (39.63, 36.31),
             28.02: (41.87, 38.54), 23.13: (46.76, 43.43)}  # fmt: skip
    for latitude, expected in table.items():
        place = ck.Location(latitude, 120.0)
        got = [float(make(place).position(12.0)[0][0]) for make in (ck.SunDay.great_cold, ck.SunDay.winter_solstice)]
        assert got == pytest.approx(expected, abs=0.02)


@pytest.mark.validation
@pytest.mark.skipif(not REFERENCE.exists(), reason="../shared/peers/sunlight is not there")
def test_sun_position__reference_positions():
    records = json.loads(REFERENCE.read_text())
    records = records["records"] if isinstance(records, dict) else records
    assert len(records) > 500
    for r in records[::7]:
        stamp = np.datetime64(r["utc"].replace("+00:00", ""))
        day = 2440587.5 + (stamp - np.datetime64("1970-01-01")) / np.timedelta64(1, "s") / 86400
        row = ck.sun_position(day, ck.Location(r["lat"], r["lon"]))[0]
        assert row[0] == pytest.approx(r["elevation"], abs=0.0005)
        assert row[1] == pytest.approx(r["azimuth"], abs=0.0005 / max(0.02, np.cos(np.radians(row[0]))))


def test_sunlight__tree_crowns_only_when_asked_and_by_their_share():
    from cimkit.model.tables import Trees

    trees = Trees(
        id=np.array(["T"], dtype=object), x=np.array([0.0]), y=np.array([-10.0]), z=np.zeros(1),
        height=np.array([40.0]), crown_radius=np.array([3.0]), crown_base=np.zeros(1),
    )  # fmt: skip
    site = ck.Community(trees=trees, location=HANGZHOU)
    day, point, every = ck.SunDay.great_cold(HANGZHOU), ck.Receptors.at([[0, 0, 0]]), SunlightMethod.ALL_SUN
    free = ck.sunlight(site, point, day, method=every)
    dense = ck.sunlight(site, point, day, method=every, crown_light=0.0)
    half = ck.sunlight(site, point, day, method=every, crown_light=0.5)
    assert free.hours[0] == pytest.approx(8)
    assert 5 < dense.hours[0] < 7.5
    assert half.hours[0] == pytest.approx((8 + dense.hours[0]) / 2)
    assert len(half.intervals(0)) == 2


def test_sunlight__grid_north_is_turned_to_true_north():
    """At the rim of a zone the map's north is not true north: the middle of a slab's shade moves off noon."""
    frame = ck.Frame("EPSG:4549", (700000.0, 3350000.0, 0.0))
    gamma = frame.convergence
    assert abs(gamma) > 0.5
    slab = ck.Building("S", shapely.box(-10, -40, 10, -30), storeys=30)
    site = ck.Community.of(buildings=[slab], location=HANGZHOU, frame=frame)
    day = ck.SunDay.great_cold(HANGZHOU)
    (_, a), (b, _) = ck.sunlight(site, ck.Receptors.at([[0, 0, 0]]), day, method=SunlightMethod.ALL_SUN).intervals(0)
    _, azimuth = day.position([a, b])
    assert np.mean(azimuth) - 180 == pytest.approx(gamma, abs=1e-6)
