"""Measuring as the standards do: wide windows, base lines, odd places of the sun."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import shapely

import cimkit as ck
from cimkit.model.kinds import WindowKind
from cimkit.sim.sunlight import SunlightMethod

HANGZHOU = ck.Location(30.25, 120.17)
DAY = ck.SunDay.great_cold(HANGZHOU)
EVERY = SunlightMethod.ALL_SUN


CLOCK = np.linspace(8.0, 16.0, 28_801)
TANGENT = -np.tan(np.radians(180.0 - DAY.position(CLOCK)[1]))


def hour_at(tangent: np.ndarray) -> np.ndarray:
    """Hour at which the tangent of the sun's angle east of south has a value."""
    return np.interp(-tangent, TANGENT, CLOCK)


def behind_a_gap(west: float, east: float, width: float) -> ck.Community:
    """A south window (its sill's middle at x = 0) and two endless towers 20 m before it that leave a gap."""
    house = ck.Building("H", shapely.box(-15, 20, 15, 30), storeys=1)
    walls = [
        ck.Building(name, shapely.box(*box), storeys=99, storey_height=30.0)
        for name, box in (("W", (-9e3, -0.01, west, 0.0)), ("E", (east, -0.01, 9e3, 0.0)))
    ]
    window = ck.Window("A", "H", 0.0, 20.0, 0.9, 180.0, width)
    return ck.Community.of(buildings=[house, *walls], others=[window], location=HANGZHOU)


@pytest.mark.parametrize(("west", "east", "width"), [(16.0, 27.0, 6.0), (16.0, 27.0, 1.5), (28.0, 34.0, 6.0)])
def test_sunlight__a_wide_window_is_measured_where_it_gets_most_sun(west: float, east: float, width: float) -> None:
    """Of all pieces of 1.80 m: both ends see the sun in the gap between two hours known in closed form."""
    c = behind_a_gap(west, east, width)
    found = ck.sunlight(c, ck.window_receptors(c), DAY, method=EVERY)
    half, away = min(width, 1.8) / 2, 20.0 - 0.02
    middles = np.linspace(-(width / 2 - half), width / 2 - half, 2001)
    until, since = hour_at((west - middles + half) / away), hour_at((east - middles - half) / away)
    hours = np.maximum(0.0, until - since)
    assert found.hours[0] == pytest.approx(hours.max(), abs=20 / 3600)  # 1 cm of wall: 6 s
    ends = found.receptors.points[0], found.receptors.other_ends[0]
    assert np.linalg.norm(ends[1] - ends[0]) == pytest.approx(2 * half)
    assert np.abs([ends[0][0], ends[1][0]]).max() <= width / 2 + 1e-9


def test_window_receptors__base_line_of_each_kind() -> None:
    """French and bay windows at a virtual sill of 0.9 m; corner and balcony windows on the base line they are given."""
    rows = {"plain": 0.3, "french": 0.0, "bay": 0.45, "corner": 0.3, "balcony": 0.3}
    c = ck.Community.of(buildings=[ck.Building("H", shapely.box(0, 0, 30, 10), storeys=2)], location=HANGZHOU)
    c = ck.complete(c, windows=True)
    some = c.windows.take(np.flatnonzero(c.windows.storey == 1)[: len(rows)])
    floor = c.storeys.z[1]
    kinds = np.array([WindowKind[k.upper()] for k in rows])
    c = replace(c, windows=replace(some, z=floor + np.array(list(rows.values())), kind=kinds))
    found = ck.window_receptors(c)
    assert found.points[:, 2] - floor == pytest.approx([0.3, 0.9, 0.9, 0.3, 0.3])
    assert "2 French and bay windows" in str(found.notes.to_frame().text.tolist())


def test_sunlight__of_a_closed_balcony_is_that_of_its_glazing() -> None:
    """The room's own wall lies in the dark behind it; an open balcony above costs the high sun, not the low one."""
    house = ck.Building("H", shapely.box(0, 0, 12, 10), storeys=2)
    bare = ck.Community.of(buildings=[house], location=HANGZHOU)
    hung = [ck.Space("B", "balcony", shapely.box(3, -3, 9, 0), "H", level) for level in (2, 1)]
    above, same = (ck.Community.of(buildings=[house], others=[h], location=HANGZHOU) for h in hung)
    closed = replace(same, spaces=replace(same.spaces, enclosed=np.array([1])))
    points = ck.Receptors.at([[6, -0.02, 0.9], [6, -3.02, 0.9]], normals=[[0, -1, 0]] * 2)
    hours = [ck.sunlight(c, points, DAY, method=EVERY).hours for c in (bare, above, closed)]
    assert hours[0] == pytest.approx([8, 8])
    assert 0 < hours[1][0] < 8
    assert hours[2] == pytest.approx([0, 8])


def test_receptors__say_where_both_states_stand_at_once() -> None:
    site = ck.samples.future_community()
    for make in (ck.window_receptors, ck.facade_receptors, ck.ground_receptors):
        assert "M07" in make(site).notes.summary()
        assert "M07" not in make(site.after()).notes.summary()
