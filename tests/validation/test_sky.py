"""Sky view, VSC and irradiance against closed forms and pvlib."""

from __future__ import annotations

import math
from pathlib import Path

import numpy as np
import pytest
import shapely
from hypothesis import given, settings
from hypothesis import strategies as st

import cimkit as ck
from cimkit.errors import FormatError, InputError
from cimkit.geometry.directions import direction_of
from cimkit.io.weather import read_epw
from cimkit.kernels.bvh import any_hits
from cimkit.model.community import Community
from cimkit.model.records import Building, Location
from cimkit.model.weather import Weather
from cimkit.sim.receptors import Receptors
from cimkit.sim.sky import irradiance, perez_brightness, probable_sunlight, sky_view, solar_potential

HANGZHOU = Location(30.25, 120.17)
GROUND = Receptors.at([[0.0, 0.0, 0.0]])
SOUTH = Receptors.at([[0.0, 0.0, 0.0]], normals=[[0.0, -1.0, 0.0]])
BOUND = 0.002


def site(*houses: Building) -> Community:
    return Community.of(buildings=list(houses), location=HANGZHOU)


def wall(name: str, west: float, south: float, east: float, north: float, height: float) -> Building:
    return Building(name, shapely.box(west, south, east, north), storeys=1, storey_height=height)


def made_weather() -> Weather:
    hour = np.arange(8760)
    sun = np.maximum(0.0, np.sin(np.pi * (hour % 24 - 6) / 12))
    dni, dhi = 500.0 * sun * (hour // 24 % 3 > 0), 150.0 * sun
    return Weather(HANGZHOU, 8.0, dni * sun + dhi, dni, dhi, np.full(8760, np.nan), "made")


@pytest.mark.validation
@pytest.mark.parametrize(("ratio", "share"), [(0.5, 0.7071), (1.0, 0.4472), (2.0, 0.2425)])
def test_sky_view__floor_of_an_infinite_canyon(ratio: float, share: float) -> None:
    walls = [wall(n, -9e3, y, 9e3, y + 5, 20 * ratio) for n, y in (("N", 10.0), ("S", -15.0))]
    assert sky_view(site(*walls), GROUND).sky_view[0] == pytest.approx(share, abs=1e-4)


@pytest.mark.validation
@pytest.mark.parametrize(
    ("angle", "vsc"), [(0, 39.62), (10, 35.35), (20, 30.16), (25, 27.31), (30, 24.36), (45, 15.37), (60, 7.42)]
)
def test_vsc__facing_an_infinite_obstruction(angle: float, vsc: float) -> None:
    block = [wall("W", -9e3, -25, 9e3, -20, 20 * math.tan(math.radians(angle)))] if angle else []
    assert sky_view(site(*block), SOUTH).vsc[0] == pytest.approx(vsc, abs=0.01)


@settings(max_examples=10, deadline=None)
@given(st.floats(0, 2 * math.pi), st.floats(3, 60), st.floats(5, 60), st.floats(3, 80))
def test_sky_view__wall_of_any_width_beside_ground_has_its_closed_form(
    turn: float, distance: float, half: float, height: float
) -> None:
    """Configuration factor of a rectangle standing on the plane of the point (Howell, C-4, two halves)."""
    x, d2 = half, distance
    r = math.hypot(d2, height)
    cover = 2 * (math.atan(x / d2) - d2 / r * math.atan(x / r)) / (2 * math.pi)
    box = shapely.affinity.rotate(shapely.box(-half, distance, half, distance + 0.01), turn, (0, 0), use_radians=True)
    seen = sky_view(site(Building("W", box, storeys=1, storey_height=height)), GROUND).sky_view[0]
    assert 1.0 - seen == pytest.approx(cover, abs=BOUND)


def test_sky_view__under_a_roof_and_in_a_courtyard() -> None:
    table = Building("T", shapely.box(-9e3, -9e3, 9e3, 9e3), storeys=2, stilt=True)
    assert sky_view(site(table), GROUND).sky_view[0] == pytest.approx(0.0, abs=BOUND)
    ring = shapely.Point(0, 0).buffer(40, 64) - shapely.Point(0, 0).buffer(20, 64)
    seen = sky_view(site(Building("C", ring, storeys=1, storey_height=20.0)), GROUND)
    low = math.sqrt(0.5)  # a ring up to 45° leaves cos² 45°, and of the overcast sky what stands above
    assert seen.sky_view[0] == pytest.approx(1 - low**2, abs=BOUND)
    share = ((1 - low**2) / 2 + 2 * (1 - low**3) / 3) / (7 / 6)
    assert seen.vsc[0] == pytest.approx(100 * share, abs=100 * BOUND)


def test_sky_view__agrees_with_rays_in_a_town_with_air_below_houses() -> None:
    rng = np.random.default_rng(5)
    houses = []
    for k in range(12):
        x, y = rng.uniform(-50, 50, 2)
        outline = shapely.box(x, y, x + rng.uniform(8, 30), y + rng.uniform(8, 16))
        houses.append(Building(f"B{k}", outline, storeys=int(rng.integers(2, 12)), stilt=bool(k % 2)))
    c = site(*houses)
    normals = np.concatenate([np.tile([0.0, 0.0, 1.0], (15, 1)), direction_of(rng.uniform(0, 360, 15))])
    spots = Receptors.at(np.column_stack([rng.uniform(-60, 60, (30, 2)), rng.uniform(0, 9, 30)]), normals=normals)
    u, v = (np.arange(40_000) + 0.5) / 40_000, np.arange(40_000) * 0.6180339887498949 % 1.0
    rays = np.column_stack([np.sqrt(1 - u**2) * np.cos(2 * np.pi * v), np.sqrt(1 - u**2) * np.sin(2 * np.pi * v), u])
    seen = ~any_hits(c.scene.bvh, spots.points, rays) * np.maximum(normals @ rays.T, 0.0) * 2 / len(rays)
    found = sky_view(c, spots)
    np.testing.assert_allclose(found.sky_view, seen.sum(axis=1), atol=0.004)
    vsc = 100 * (seen * (1 + 2 * u)).sum(axis=1) * 3 / 7
    np.testing.assert_allclose(found.vsc, vsc, atol=0.4)
    assert set(found.to_frame().columns) >= {"sky_view", "vsc_pct"}


@pytest.mark.validation
def test_perez_brightness__equals_pvlib() -> None:
    pvlib = pytest.importorskip("pvlib")
    rng = np.random.default_rng(0)
    zenith = rng.uniform(0, 88, 4000)
    dhi, dni = rng.uniform(1, 400, 4000), rng.uniform(0, 950, 4000)
    around, horizon = perez_brightness(dhi, dni, np.radians(zenith), 1366.1)
    air = pvlib.atmosphere.get_relative_airmass(zenith, "kastenyoung1989")
    for tilt, azimuth in ((90.0, 180.0), (90.0, 20.0), (30.0, 135.0)):
        theirs = pvlib.irradiance.perez(
            tilt, azimuth, dhi, dni, 1366.1, zenith, np.full(4000, 180.0), air, return_components=True
        )
        theirs = {k: np.asarray(v) for k, v in theirs.items()}
        some = theirs["poa_sky_diffuse"] > 0  # pvlib clips what is negative in sum
        cosine = pvlib.irradiance.aoi_projection(tilt, azimuth, zenith, np.full(4000, 180.0))
        low = np.maximum(np.cos(np.radians(zenith)), math.cos(math.radians(85)))
        own = dhi * (1 - around) * (1 + math.cos(math.radians(tilt))) / 2
        ours = {"isotropic": own, "circumsolar": dhi * around * np.maximum(cosine, 0) / low}
        ours["horizon"] = dhi * horizon * math.sin(math.radians(tilt))
        for name, values in ours.items():
            np.testing.assert_allclose(values[some], theirs[f"poa_{name}"][some], atol=1e-6)


@pytest.mark.validation
@pytest.mark.parametrize("beam", ["planes", "spells"])
@pytest.mark.parametrize("station", ["Shanghai-Hongqiao_1956_2023_TMYx", "CHN_Zhejiang.Hangzhou.584570_SWERA"])
def test_irradiance__free_surfaces_equal_pvlib_over_a_year(shared_data: Path, station: str, beam: str) -> None:
    """pvlib every 6 minutes of 2001, the radiation of each hour even."""
    pvlib, pd = pytest.importorskip("pvlib"), pytest.importorskip("pandas")
    weather = read_epw(shared_data / "epw_china" / f"{station}.epw")
    normals = np.array([[0, 0, 1.0], [0, -1, 0], [1, 0, 0], [0, 1, 0], [-1, 0, 0], [0, -0.5, math.sqrt(0.75)]])
    open_site = Community.of(location=weather.location)
    ours = irradiance(open_site, Receptors.at(np.zeros((6, 3)), normals=normals), weather, beam=beam).total
    start = pd.Timestamp("2001-01-01 00:03", tz="UTC") - pd.Timedelta(hours=weather.time_zone)
    times = pd.date_range(start, periods=87_600, freq="6min")
    sun = pvlib.solarposition.get_solarposition(times, weather.location.latitude, weather.location.longitude)
    hour, up = np.arange(87_600) // 10, sun.zenith.to_numpy() < 90
    count = np.bincount(hour[up], minlength=8760)[hour]
    share = np.where(up, 10.0 / np.maximum(count, 1), 0.0)
    dni, dhi = weather.dni[hour] * np.minimum(share, 2.0), weather.dhi[hour] * np.minimum(share, 2.0)
    air = pvlib.atmosphere.get_relative_airmass(sun.zenith)
    extra = pvlib.irradiance.get_extra_radiation(np.repeat(np.arange(1, 366), 240))
    for k, normal in enumerate(normals):
        tilt, azimuth = math.degrees(math.acos(normal[2])), math.degrees(math.atan2(normal[0], normal[1])) % 360
        cosine = np.maximum(pvlib.irradiance.aoi_projection(tilt, azimuth, sun.zenith, sun.azimuth), 0)
        sky = pvlib.irradiance.perez(tilt, azimuth, dhi, dni, extra, sun.zenith, sun.azimuth, air)
        theirs = (np.nan_to_num(sky) + dni * cosine)[up].sum() / 10_000
        theirs += weather.ghi.sum() * 0.2 * (1 - normal[2]) / 2 / 1000
        assert ours[k] == pytest.approx(theirs, rel=0.01), normal


def test_irradiance__planes_and_spells_agree_behind_a_tower() -> None:
    c = site(wall("T", -15, -30, 12, -12, 40.0), wall("S", 30, -60, 60, 40, 25.0))
    rng = np.random.default_rng(2)
    spots = Receptors.at(np.column_stack([rng.uniform(-40, 25, 60), rng.uniform(-9, 40, 60), np.full(60, 1.0)]))
    one, two = (irradiance(c, spots, made_weather(), beam=b) for b in ("planes", "spells"))
    np.testing.assert_allclose(one.direct, two.direct, atol=0.02 * two.direct.max())
    assert one.direct.mean() == pytest.approx(two.direct.mean(), rel=0.005)
    np.testing.assert_allclose(one.diffuse, two.diffuse, rtol=0.01)  # 120 planes and 250
    assert "kWh/m²" in repr(one)


def test_irradiance__days_add_up_to_the_year_and_open_ground_gets_all() -> None:
    c, weather = site(), made_weather()
    year = irradiance(c, GROUND, weather)
    halves = [irradiance(c, GROUND, weather, days=d) for d in (range(1, 183), range(183, 366))]
    assert sum(h.total[0] for h in halves) == pytest.approx(year.total[0], rel=1e-9)
    closed = irradiance(site(wall("W", -9e3, -60, 9e3, -2, 900.0)), SOUTH, weather)
    assert closed.direct[0] == 0.0
    with pytest.raises(InputError, match="days must be within"):
        irradiance(c, GROUND, weather, days=[0])


def test_irradiance__north_of_the_map_is_turned_to_true_north() -> None:
    """A site in a frame whose north is 10° off gets what the same site turned by 10° gets without a frame."""
    frame, weather = (
        ck.Frame("+proj=tmerc +lon_0=100 +datum=WGS84 +units=m", (1_950_000.0, 3_500_000.0, 0.0)),
        made_weather(),
    )
    turn = frame.convergence
    assert abs(turn) > 9
    outline, normals = shapely.box(-30, -40, 4, -20), direction_of([180.0, 90.0, 250.0, 10.0])
    turned = shapely.affinity.rotate(outline, -turn, (0, 0))
    spots = [
        Receptors.at(np.zeros((4, 3)), normals=n) for n in (normals, direction_of(np.array([180, 90, 250, 10]) + turn))
    ]
    ours = Community.of(buildings=[Building("A", outline, storeys=9)], location=HANGZHOU, frame=frame)
    plain = Community.of(buildings=[Building("A", turned, storeys=9)], location=HANGZHOU)
    for beam in ("planes", "spells"):
        one, two = (
            irradiance(c, r, weather, days=range(1, 90), beam=beam).direct
            for c, r in zip((ours, plain), spots, strict=True)
        )
        np.testing.assert_allclose(one, two, atol=0.004 * two.max())
    one, two = (probable_sunlight(c, r, weather).annual for c, r in zip((ours, plain), spots, strict=True))
    np.testing.assert_allclose(one, two, atol=0.4)


def test_probable_sunlight__open_ground_has_all_and_a_canyon_less() -> None:
    free = probable_sunlight(site(), GROUND, made_weather())
    assert free.annual[0] == pytest.approx(100.0)
    assert 35 < free.winter[0] < 50
    narrow = probable_sunlight(site(wall("S", -9e3, -30, 9e3, -20, 30.0)), GROUND, made_weather())
    assert narrow.winter[0] < 5.0 < narrow.annual[0] < 90
    assert "below 25 %" in repr(narrow)


def test_solar_potential__a_free_block_has_its_surfaces_and_the_energy_of_each() -> None:
    c, weather = site(wall("A", 0, 0, 30, 12, 18.0), wall("B", 30, 0, 40, 12, 9.0)), made_weather()
    found = solar_potential(c, weather, spacing=3.0)
    frame = found.to_frame().set_index("id")
    assert frame.loc["A", "roof_area_m2"] == pytest.approx(360.0)
    assert frame.loc["A", "facade_area_m2"] == pytest.approx(2 * (30 + 12) * 18.0)
    roof = irradiance(c, Receptors.at([[15.0, 6.0, 18.1]]), weather).total[0]
    assert frame.loc["A", "roof_kwh"] == pytest.approx(360.0 * roof, rel=0.01)
    inner = (found.irradiance.receptors.points[:, 0] > 30) & (found.irradiance.receptors.points[:, 2] < 9)
    party = inner & (found.irradiance.receptors.normals[:, 0] > 0.9) & (found.irradiance.receptors.building == 0)
    assert party.any()
    assert found.irradiance.direct[party].max() == 0.0


def test_read_epw__says_what_is_wrong(tmp_path: Path) -> None:
    good = ["LOCATION,X,-,CHN,T,1,30.0,120.0,8.0,5.0", *[f"LINE {k}" for k in range(7)]]
    row = "2001,1,1,{hour},60,A,5.0,1,90,101000,0,0,300,10,20,5"
    good += [row.format(hour=k % 24 + 1) for k in range(8760)]

    def read(lines: list[str]) -> Weather:
        path = tmp_path / "x.epw"
        path.write_text("\n".join(lines), encoding="utf-8")
        return read_epw(path)

    weather = read(good)
    assert weather.ghi.sum() == 87_600
    assert len(weather.to_frame()) == 8760
    assert "GHI 88" in repr(weather)
    bad_row, no_sun = "2001,1,1,x", good[8].replace(",10,20", ",9999,20")
    broken = [
        ("LOCATION", ["hello", *good[1:]]),
        ("8760 hours", good[:-1]),
        ("hour must be 1", good[:8] + good[9:] + good[8:9]),
        ("numbers", [*good[:8], bad_row, *good[9:]]),
        ("ghi must be known", [*good[:8], no_sun, *good[9:]]),
        ("latitude", [good[0].replace("30.0", "north"), *good[1:]]),
    ]
    for text, lines in broken:
        with pytest.raises(FormatError, match=text):
            read(lines)
    with pytest.raises(FormatError, match="readable"):
        read_epw(tmp_path / "none.epw")
