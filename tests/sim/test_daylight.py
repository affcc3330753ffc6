"""EN 17037 and BRE 209 against cases worked by hand."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
import pytest
import shapely

import cimkit as ck
from cimkit.geometry.terrain import Terrain
from cimkit.model.kinds import SpaceKind
from cimkit.sim.neighbours import exposure_levels, noticeable_loss
from cimkit.sim.receptors import reference_points, space_points
from cimkit.sim.sunlit import amenity_sun, sunlit_ground

LONDON = ck.Location(51.5, -0.12)


def site() -> ck.Community:
    return ck.Community.of(
        location=LONDON,
        parcels=[ck.Parcel("P", shapely.box(-60, -60, 60, 60))],
        buildings=[ck.Building("A", shapely.box(-20, -10, 20, 0), storeys=6)],
        others=[
            ck.Space("G", "green", shapely.box(-15, 1, 15, 9)),
            ck.Space("H", "plaza", shapely.box(-55, -55, 55, -40)),
        ],
    )


def test_amenity_sun__open_ground_passes_and_the_strip_behind_a_slab_has_only_the_ends_of_the_day() -> None:
    frame = amenity_sun(site(), hours=6.0, spacing=2.0).set_index("id")
    assert frame.loc["H", "sunlit_share"] == 1.0
    assert not frame.loc["G", "passes"]
    assert frame.loc["G", "area_m2"] == pytest.approx(240.0)


@pytest.mark.parametrize("ground", [0.0, 30.0])
def test_space_points__stand_as_high_above_the_terrain_as_their_space(ground: float) -> None:
    """A deck above the roof that shades the lawn below it is in the sun all day, by each of the three measures."""
    town, terrain = site(), Terrain(-80.0, -80.0, 20.0, np.full((9, 9), ground))
    town = replace(town, terrain=terrain, buildings=replace(town.buildings, ground_z=np.full(1, ground)))
    kind = np.full(2, int(SpaceKind.CENTRAL_GREEN))
    for height, sunny in ((0.0, False), (19.0, True)):
        c = replace(town, spaces=replace(town.spaces, kind=kind, z=np.array([height, 0.0])))
        points, own = space_points(c, np.array([0]), 2.0)
        assert points.points[:, 2] == pytest.approx(ground + height + 0.01)
        assert (own == 0).all()
        share = amenity_sun(c, hours=6.0, spacing=2.0)["sunlit_share"][0]
        assert share == 1.0 if sunny else share < 0.5
        lit = sunlit_ground(c, ck.SunDay.great_cold(LONDON), hours=3.0, spacing=2.0)
        assert lit.intersection(shapely.box(-15, 1, 15, 9)).area == pytest.approx(4.0 * len(points) * sunny)  # squares


@pytest.mark.parametrize("date", [(2026, 2, 1), (2026, 3, 15)])
def test_sun_exposure__of_free_facades_is_the_day_above_the_horizon(date: tuple[int, int, int]) -> None:
    """South of a free house: from sunrise to sunset as cos w = −tan φ tan δ has it; north: none before the equinox."""
    c = ck.complete(site(), windows=True)
    points, day = reference_points(c), ck.SunDay.on(LONDON, date)
    assert points.other_ends is None
    assert points.points[:, 2].min() == pytest.approx(1.2)
    light = ck.sunlight(c, points, day, method=ck.SunlightMethod.EN17037)
    south, north = points.normals[:, 1] < -0.9, points.normals[:, 1] > 0.9
    way = -math.tan(math.radians(LONDON.latitude)) * math.tan(math.radians(day.declination))
    assert light.hours[south] == pytest.approx(2 * math.degrees(math.acos(way)) / 15, abs=0.05)
    assert light.hours[north].max() < 0.2
    assert set(exposure_levels(light.hours[south | north])) == {"none", "high"}


def test_noticeable_loss__needs_all_three() -> None:
    before, after = np.array([40.0, 30.0, 30.0, 26.0, 8.0]), np.array([27.0, 26.0, 23.9, 20.9, 5.0])
    assert noticeable_loss(before, after, least=27).tolist() == [False, False, True, False, True]
    assert noticeable_loss(before, after, least=27, drop=4).tolist() == [False, False, True, False, False]
