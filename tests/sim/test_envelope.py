"""The solar envelope: a column by hand, and the forward kernel as judge."""

from __future__ import annotations

import math

import numpy as np
import pytest
import shapely

from cimkit.errors import InputError, MissingDataError
from cimkit.model.community import Community
from cimkit.model.records import Building, Location, Parcel, Window
from cimkit.samples.future import future_community
from cimkit.sim.envelope import EnvelopeGrid, solar_envelope
from cimkit.sim.sunpath import SunDay

HANGZHOU = Location(30.25, 120.17)
DAY = SunDay.great_cold(HANGZHOU)
GRID = EnvelopeGrid(cell=4.0, most_storeys=30, setback=2.0)


def site(*more: Building, window_x: float = 0.0) -> Community:
    house = Building("N", shapely.box(-20, 40, 20, 52), storeys=3)
    return Community.of(
        location=HANGZHOU,
        parcels=[Parcel("P", shapely.box(-30, 0, 30, 30))],
        buildings=[house, *more],
        others=[Window("W", "N", window_x, 40.0, 0.9, 180.0)],
    )


def test_solar_envelope__at_noon_a_column_ends_below_the_line_to_the_sun() -> None:
    found = solar_envelope(site(), "P", DAY, mode=(11.95, 12.05), grid=GRID)
    storeys, x, y = found.storeys, *shapely.get_coordinates(shapely.centroid(found.cells)).T
    height = math.tan(math.radians(90 - 30.25 - 20.116))
    south = np.abs(x) < 1e-6 + 2.0
    assert south.any()
    for k in np.flatnonzero(south):
        allowed = 0.9 + (40.02 - (y[k] + 2.0)) * height
        assert storeys[k] in (math.floor(allowed / 3.0), math.floor((allowed - 0.25) / 3.0))
    assert (storeys[np.abs(x) > 8] == 30).all()
    assert (found.binding[south] == 0).all()


@pytest.mark.parametrize("seed", [0, 1])
def test_solar_envelope__the_forward_kernel_agrees_and_searching_gives_more(seed: int) -> None:
    rng = np.random.default_rng(seed)
    east = Building("E", shapely.box(40, rng.uniform(0, 20), 52, 60), storeys=int(rng.integers(6, 20)))
    c = Community.of(
        location=HANGZHOU,
        parcels=[Parcel("P", shapely.box(-30, 0, 30, 30))],
        buildings=[
            Building("N", shapely.box(-40, 42, 10, 54), storeys=6), east,
            Building("gone", shapely.box(-20, 5, 20, 20), storeys=9, status="demolish"),
            Building("plan", shapely.box(-20, 5, 20, 20), storeys=2, status="planned"),
        ],
    )  # fmt: skip
    areas = []
    for mode in ("interval", "search"):
        found = solar_envelope(c, "P", DAY, mode=mode, grid=GRID)
        assert found.verified, repr(found)
        assert not {"gone", "plan"} & set(found.community.buildings.id)
        built = found.community.buildings.id.astype(str)
        own = np.char.startswith(built, "P-E")
        volume = found.community.buildings.footprint.areas()[own] * found.community.buildings.n_above[own]
        assert volume.sum() == pytest.approx(found.floor_area, rel=1e-4)
        areas.append(found.floor_area)
    assert areas[1] >= areas[0] > 0
    assert (found.storeys >= found.exact_storeys).all()
    assert found.far == pytest.approx(found.floor_area / 1800.0)
    frame = found.binding_windows()
    assert frame["columns"].sum() == (found.binding >= 0).sum()
    assert len(found.to_frame()) == len(found.storeys)


def test_solar_envelope__is_the_same_twice() -> None:
    one, two = (solar_envelope(site(window_x=5.0), "P", DAY, grid=GRID) for _ in range(2))
    np.testing.assert_array_equal(one.storeys, two.storeys)


def test_solar_envelope__says_what_is_missing() -> None:
    with pytest.raises(InputError, match="mode must be"):
        solar_envelope(site(), "P", DAY, mode="best")
    with pytest.raises(MissingDataError, match="a column of 90 m"):
        solar_envelope(site(), "P", DAY, grid=EnvelopeGrid(cell=90.0))
    with pytest.raises(InputError, match="most_storeys"):
        EnvelopeGrid(most_storeys=0)


@pytest.mark.slow
def test_solar_envelope__of_the_sample_passes_the_forward_check() -> None:
    c = future_community()
    found = solar_envelope(c, "P4", SunDay.great_cold(c.require_location()), grid=EnvelopeGrid(cell=9.0))
    assert found.verified
    assert found.floor_area > 100_000
    assert len(found.binding_windows()) > 3
