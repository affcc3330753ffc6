"""Patches of sun against shadows, rays and a window worked by hand."""

from __future__ import annotations

import math

import numpy as np
import pytest
import shapely

from cimkit.kernels.bvh import any_hits
from cimkit.model.community import Community
from cimkit.model.derive import complete
from cimkit.model.records import Building, Location, Parcel, Space
from cimkit.sim.sunlit import sun_patches
from cimkit.sim.sunpath import SunDay

HANGZHOU = Location(30.25, 120.17)
DAY = SunDay.great_cold(HANGZHOU)


def site() -> Community:
    return Community.of(
        location=HANGZHOU,
        parcels=[Parcel("P", shapely.box(-60, -60, 60, 60))],
        buildings=[Building("A", shapely.box(-20, -10, 20, 0), storeys=6)],
        others=[
            Space("G", "green", shapely.box(-15, 1, 15, 9)),
            Space("H", "plaza", shapely.box(-55, -55, 55, -40)),
        ],
    )


def test_sun_patches__on_the_ground_are_where_no_ray_is_blocked() -> None:
    c = site()
    found = sun_patches(c, DAY, hours=[9.0, 12.0, 23.0])
    spots = np.random.default_rng(0).uniform(-60, 60, (400, 2))
    spots = spots[~shapely.contains_xy(shapely.box(-20, -10, 20, 0), *spots.T)]
    for k, hour in enumerate((9.0, 12.0)):
        elevation, azimuth = (np.radians(v[0]) for v in DAY.position([hour]))
        ray = [[np.sin(azimuth) * np.cos(elevation), np.cos(azimuth) * np.cos(elevation), np.sin(elevation)]]
        points = np.column_stack([spots, np.full(len(spots), 1e-4)])
        free = ~any_hits(c.scene.bvh, points, np.array(ray))[:, 0]
        assert (shapely.contains_xy(found.areas[k], *spots.T) == free).mean() > 0.99
    assert found.areas[2].is_empty
    assert len(found.to_frame()) == 3
    assert "m² in all" in repr(found)


def test_sun_patches__through_a_south_window_at_noon() -> None:
    """Sill 0.9 m and opening 1.5 m throw a patch 1.5 cot h deep, as wide as the window."""
    c = complete(site(), windows=True)
    found = sun_patches(c, DAY, hours=[12.0], on="floors")
    assert len(found) > 10
    widths = dict(zip(c.windows.id, np.fmin(c.windows.width, 1.8), strict=True))
    height = math.tan(math.radians(90 - 30.25 - 20.116))
    for name, area in zip(found.windows, found.areas, strict=True):
        west, south, east, north = area.bounds
        assert east - west == pytest.approx(widths[name], abs=1e-6)
        assert north - south == pytest.approx(1.5 / height, abs=0.03)
        assert south == pytest.approx(-10 - 0.02 + 0.9 / height, abs=1e-6)
