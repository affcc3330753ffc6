"""Pictures of the sun: which way is north, closed forms, titles with their day."""

from __future__ import annotations

import matplotlib.pyplot as plt
import numpy as np
import pytest
import shapely

import cimkit as ck
from cimkit.model.records import Building, Location, Parcel

HANGZHOU = Location(30.25, 120.17)
DAY = ck.SunDay.great_cold(HANGZHOU)


@pytest.fixture(autouse=True)
def _close():
    yield
    plt.close("all")


def _site(**more):
    tower = Building("T", shapely.box(-5, -5, 5, 5), storeys=10, storey_height=3.0, **more)
    return ck.Community.of(location=HANGZHOU, parcels=[Parcel("P", shapely.box(-80, -80, 80, 80))], buildings=[tower])


def test_plan__morning_shadow_falls_to_the_west_and_afternoon_to_the_east() -> None:
    """At 9 h the sun stands east of south, so the shadow's far end lies cot h · 30 m to the north-west."""
    c = _site()
    for hour, side in ((9.0, -1), (15.0, 1)):
        cast = ck.shadows(c, DAY, hours=[hour])
        elevation, azimuth = (np.radians(v[0]) for v in DAY.position([hour]))
        reach = 30.0 / np.tan(elevation)
        west, south, east, north = cast.outlines[0].bounds
        assert (east if side > 0 else west) == pytest.approx(side * 5 - reach * np.sin(azimuth))
        assert np.sign(-np.sin(azimuth)) == side
        assert (south, north) == pytest.approx((-5, 5 - reach * np.cos(azimuth)))
        ax = cast.plot()
        (x0, x1), (y0, y1) = ax.get_xlim(), ax.get_ylim()
        assert x0 < x1  # east to the right
        assert y0 < y1  # north up
        arrow = next(t for t in ax.texts if t.get_text() == "N")
        assert arrow.get_position()[1] < y1 - 0.05 * (y1 - y0)  # below its tip
        sun = ck.sun_patches(c, DAY, hours=[hour])
        assert sun.areas[0].centroid.x * side < 0  # sun on the other side
        assert "Great Cold" in sun.plot().get_title(loc="left")


def test_sun_path__wall_in_the_east_hides_the_east_of_the_chart() -> None:
    """A wall 10 m east, 40 m long and 20 m high hides az, el where tan el < 2 sin az and |cot az| < 2, nothing else."""
    wall = Building("W", shapely.box(10, -20, 12, 20), storeys=1, storey_height=20.0)
    c = ck.Community.of(location=HANGZHOU, buildings=[wall])
    from cimkit.sim.receptors import Receptors

    ax = ck.view.plot_sun_path(c, Receptors.at(np.array([[0.0, 0.0, 0.0]])), step=2.0)
    assert ax.get_theta_offset() == pytest.approx(np.pi / 2)  # north up
    assert ax.get_theta_direction() == -1  # east to the right
    shown = np.ma.filled(ax.collections[0].get_array(), 0.0).reshape(46, 181) == 1.0
    azimuth, elevation = np.radians(np.meshgrid(np.arange(0.0, 361.0, 2.0), np.arange(0.0, 91.0, 2.0)))
    with np.errstate(divide="ignore"):
        inside = (np.sin(azimuth) > 0) & (np.abs(np.cos(azimuth)) < 2 * np.sin(azimuth))
    hidden = inside & (np.tan(elevation) < 2 * np.sin(azimuth)) & (elevation > 0)
    sure = (np.abs(np.tan(elevation) - 2 * np.sin(azimuth)) > 1e-6) & (elevation > 0)
    np.testing.assert_array_equal(shown[sure], hidden[sure])
    assert hidden.sum() > 500
    morning = ax.lines[4].get_xdata()[0], ax.lines[4].get_xdata()[-1]  # Great Cold, first and last sun
    assert 0 < morning[0] < np.pi < morning[1]


def test_layers__say_their_day_and_small_changes_are_none() -> None:
    whole = _site(status="planned")
    lines = ck.isochrones(whole, DAY, spacing=10.0)
    assert "Great Cold" in lines.plot().get_title(loc="left")
    assert "大寒日" in ck.view.layers.layer_of(whole, lines).classes.title[1]
    change = ck.SunlightChange(np.array(["a"]), np.array(["T"]), np.array([3.0]), np.array([2.99]), 2.0)
    labels = [t.get_text() for t in change.plot(whole).get_legend().get_texts()]
    assert labels[3] == "no change"
    assert not any("0.0167" in t for t in labels)


def test_affected__picture_names_the_parts() -> None:
    house = Building("H", shapely.box(-5, 25, 5, 35), storeys=6)
    c = _site(status="planned")
    c = ck.Community.of(location=HANGZHOU, buildings=[c.building("T"), house])
    found = ck.affected_buildings(c, DAY)
    assert found.roles().tolist() == ["planned", "affected"]
    labels = [t.get_text() for t in found.plot().get_legend().get_texts()]
    assert labels == ["planned", "affected", "blocker", "reach of the shadows"]
