"""Real days; what turns with them."""

import numpy as np
import pytest
import shapely

import cimkit as ck
from cimkit.sim.sunlight import SunlightMethod
from cimkit.sim.sunpath import delta_t

HANGZHOU = ck.Location(30.25, 120.17)


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
