"""Sunlight against closed forms: ``standards.md`` §7.3 to §7.5, through the public functions."""

from __future__ import annotations

import numpy as np
import pytest
import shapely

from cimkit.geometry.directions import direction_of
from cimkit.model.community import Community
from cimkit.model.records import Building, Location
from cimkit.sim.receptors import Receptors, facade_receptors, window_receptors
from cimkit.sim.sunlight import SunlightMethod, sunlight
from cimkit.sim.sunpath import SunDay

HANGZHOU = Location(30.25, 120.17)
JIAXING = Location(30.75, 120.75)
EXACT = 2e-3  # [h] the closed forms are printed with three digits


def wall(height: float, *, west: float = -5000.0, east: float = 5000.0) -> Community:
    """A slab of no storeys but its height, its north face on y = 0."""
    slab = Building("S", shapely.box(west, -10.0, east, 0.0), storeys=1, storey_height=height)
    return Community.of(buildings=[slab], location=HANGZHOU)


def hours_behind(community: Community, distance: float, day: SunDay, *, z: float = 0.0) -> float:
    point = Receptors.at([[0.0, distance, z]])
    return float(sunlight(community, point, day, method=SunlightMethod.ALL_SUN).hours[0])


@pytest.mark.validation
@pytest.mark.parametrize(
    ("k", "hours"),
    [(1.20, 0), (1.21, 0.625), (1.22, 1.353), (1.25, 2.434), (1.30, 3.475), (1.40, 4.728), (1.50, 5.533), (2.0, 7.459)],
)
def test_sunlight__behind_an_infinite_wall_on_great_cold(k: float, hours: float) -> None:
    day = SunDay.great_cold(HANGZHOU)
    assert hours_behind(wall(30.0), 30.0 * k, day) == pytest.approx(hours, abs=EXACT)


@pytest.mark.validation
@pytest.mark.parametrize(("k", "hours"), [(1.37, 1.006), (1.40, 2.050), (1.50, 3.673), (1.60, 4.598), (2.0, 6.0)])
def test_sunlight__behind_an_infinite_wall_on_winter_solstice(k: float, hours: float) -> None:
    day = SunDay.winter_solstice(HANGZHOU)
    assert hours_behind(wall(30.0), 30.0 * k, day) == pytest.approx(hours, abs=EXACT)


RATIOS = {  # standards.md §7.3: D/H for 1, 2 and 3 h on the ground at Great Cold
    "Beijing": (39.90, 1.744, 1.780, 1.844), "Shanghai": (31.23, 1.257, 1.280, 1.320),
    "Jiaxing": (30.75, 1.236, 1.258, 1.297), "Hangzhou": (30.25, 1.214, 1.236, 1.274),
    "Ningbo": (29.87, 1.198, 1.219, 1.257), "Wenzhou": (28.02, 1.122, 1.142, 1.177),
}  # fmt: skip


@pytest.mark.validation
@pytest.mark.parametrize("city", RATIOS)
def test_sunlight__ratio_of_distance_to_height_for_whole_hours(city: str) -> None:
    latitude, *ratios = RATIOS[city]
    day = SunDay.great_cold(Location(latitude, 120.0))
    for hours, k in enumerate(ratios, start=1):
        less, more = (hours_behind(wall(30.0), 30.0 * (k + step), day) for step in (-6e-4, 6e-4))
        assert less < hours < more


@pytest.mark.validation
@pytest.mark.parametrize(
    ("width", "height", "distance", "hours"),
    [(30, 30, 30, 4.94), (30, 30, 20, 3.53), (60, 54, 40, 3.53), (20, 100, 60, 6.96)],
)
def test_sunlight__behind_a_finite_slab(width: float, height: float, distance: float, hours: float) -> None:
    block = wall(height, west=-width / 2, east=width / 2)
    assert hours_behind(block, distance, SunDay.great_cold(HANGZHOU)) == pytest.approx(hours, abs=6e-3)


@pytest.mark.validation
@pytest.mark.parametrize(
    ("turn", "hours"), [(0, 8.0), (15, 8.0), (30, 8.0), (45, 6.883), (60, 5.750), (90, 4.0), (135, 1.117), (180, 0.0)]
)
def test_sunlight__of_a_free_facade_by_orientation(turn: float, hours: float) -> None:
    empty = Community.of(location=HANGZHOU)
    facade = Receptors.at([[0.0, 0.0, 5.0]], normals=direction_of([180.0 + turn]), kind="facade")
    light = sunlight(empty, facade, SunDay.great_cold(HANGZHOU), method=SunlightMethod.ALL_SUN)
    assert light.hours[0] == pytest.approx(hours, abs=0.02)


@pytest.mark.validation
def test_sunlight__jiaxing_1_3_gives_its_three_hours_on_the_ground() -> None:
    day = SunDay.great_cold(JIAXING)
    assert hours_behind(wall(18.0), 18.0 * 1.3, day) == pytest.approx(3.05, abs=6e-3)
    assert hours_behind(wall(18.0), 18.0 * 1.2, day, z=0.9) == pytest.approx(2.17, abs=6e-3)


@pytest.mark.validation
@pytest.mark.parametrize(("height", "hours"), [(12, 3.43), (18, 2.76), (24, 2.34), (30, 2.05), (33, 1.93)])
def test_sunlight__hangzhou_1_2_with_the_sill_at_0_9(height: float, hours: float) -> None:
    day = SunDay.great_cold(HANGZHOU)
    assert hours_behind(wall(height), 1.2 * height, day, z=0.9) == pytest.approx(hours, abs=6e-3)


def test_sunlight__a_window_is_lit_when_both_ends_are() -> None:
    """A slab shades the east end of a window first; only the time when both ends are lit counts."""
    house = Building("A", shapely.box(-10, 20, 10, 30), storeys=1)
    tower = Building("T", shapely.box(5, 0, 15, 5), storeys=20)
    c = Community.of(buildings=[house, tower], location=HANGZHOU)
    day = SunDay.great_cold(HANGZHOU)
    windows = window_receptors(c)
    south = windows.take(np.flatnonzero((windows.building == 0) & (windows.normals[:, 1] < -0.9)))
    both = sunlight(c, south, day, method=SunlightMethod.ALL_SUN)
    ends = [
        sunlight(c, Receptors.at(p, normals=south.normals), day, method=SunlightMethod.ALL_SUN)
        for p in (south.points, south.other_ends)
    ]
    assert (both.hours <= np.minimum(ends[0].hours, ends[1].hours) + 1e-9).all()
    assert (both.hours < np.minimum(ends[0].hours, ends[1].hours) - 0.01).any() or (both.hours < 8).any()


def test_sunlight__a_taller_obstacle_never_gives_more_sun() -> None:
    day = SunDay.great_cold(HANGZHOU)
    hours = [hours_behind(wall(h), 40.0, day) for h in (10.0, 20.0, 30.0, 40.0)]
    assert hours == sorted(hours, reverse=True)


def test_sunlight__open_ground_storey_lets_the_low_sun_through() -> None:
    day = SunDay.great_cold(HANGZHOU)
    solid = Building("S", shapely.box(-40, -10, 40, 0), storeys=6, storey_height=3.0)
    on_stilts = Building(
        "S", shapely.box(-40, -10, 40, 0), storeys=6, storey_height=3.0, ground_storey_height=8.0, stilt=True
    )
    point = Receptors.at([[0.0, 1.0, 0.0]])
    below = [
        float(
            sunlight(Community.of(buildings=[b], location=HANGZHOU), point, day, method=SunlightMethod.ALL_SUN).hours[0]
        )
        for b in (solid, on_stilts)
    ]
    assert below[0] == 0.0
    assert below[1] > 0.0


def test_facade_receptors__a_receptor_is_not_shaded_by_its_own_wall() -> None:
    c = Community.of(buildings=[Building("A", shapely.box(0, 0, 30, 10), storeys=6)], location=HANGZHOU)
    f = facade_receptors(c, spacing=1.0)
    light = sunlight(c, f, SunDay.great_cold(HANGZHOU), method=SunlightMethod.ALL_SUN)
    south = f.normals[:, 1] < -0.9
    np.testing.assert_allclose(light.hours[south], 8.0, atol=0.02)
    assert (light.hours[f.normals[:, 1] > 0.9] == 0).all()


def test_sunlight__method_counts_segments() -> None:
    from cimkit.sim.sunlight import countable_hours

    offsets, starts = np.array([0, 3]), np.array([8.0, 10.0, 13.0])
    ends = np.array([9.0, 10.05, 13.5])
    count = {m.name: countable_hours(offsets, starts, ends, m)[0] for m in (
        SunlightMethod.ALL_SUN, SunlightMethod.GBT50947_2014,
        SunlightMethod("one", max_segments=1), SunlightMethod("longest", count="longest"),
    )}  # fmt: skip
    assert list(count.values()) == pytest.approx([1.55, 1.5, 1.0, 1.0])
