"""Who takes the sun from whom: sums, removal as the slow twin, and a case by hand."""

from __future__ import annotations

import numpy as np
import pytest
import shapely
from hypothesis import given, settings
from hypothesis import strategies as st

from cimkit.model.changes import remove_object
from cimkit.model.community import Community
from cimkit.model.records import Building, Location
from cimkit.sim.receptors import Receptors, window_receptors
from cimkit.sim.sunlight import SunlightMethod, blockers, sunlight
from cimkit.sim.sunpath import SunDay

HANGZHOU = Location(30.25, 120.17)
DAY = SunDay.great_cold(HANGZHOU)
ALL = SunlightMethod.ALL_SUN


def town(seed: int, count: int = 7) -> Community:
    rng = np.random.default_rng(seed)
    houses = []
    for k in range(count):
        x, y = rng.uniform(-60, 60, 2)
        outline = shapely.box(x, y, x + rng.uniform(8, 40), y + rng.uniform(8, 16))
        houses.append(Building(f"B{k}", outline, storeys=int(rng.integers(1, 20)), stilt=bool(rng.integers(0, 2))))
    return Community.of(buildings=houses, location=HANGZHOU)


@settings(max_examples=12, deadline=None)
@given(st.integers(0, 2**32 - 1))
def test_blockers__removing_a_building_gives_back_what_it_took_alone(seed: int) -> None:
    c = town(seed)
    rng = np.random.default_rng(seed)
    points = np.column_stack([rng.uniform(-90, 90, (40, 2)), rng.choice([0.0, 5.0, 12.0], 40)])
    spots = Receptors.at(points)
    who = blockers(c, spots, DAY, method=ALL)
    with_all = sunlight(c, spots, DAY, method=ALL).hours
    np.testing.assert_allclose(who.lit, with_all, atol=1e-9)
    for k, name in enumerate(c.buildings.id):
        rest = remove_object(c, name)
        won = sunlight(rest, spots, DAY, method=ALL).hours - with_all
        own = who.building == k
        sole = np.bincount(who.receptor[own], who.sole[own], len(spots))
        gain = np.bincount(who.receptor[own], who.gain[own], len(spots))
        np.testing.assert_allclose(sole, won, atol=1e-4)
        np.testing.assert_allclose(gain, won, atol=1e-4)
        only = c.keep({"buildings": np.arange(len(c.buildings)) == k})
        lost = who.free - sunlight(only, spots, DAY, method=ALL).hours
        np.testing.assert_allclose(np.bincount(who.receptor[own], who.blocked[own], len(spots)), lost, atol=1e-4)


def test_blockers__intervals_of_all_fill_the_lost_time() -> None:
    c = town(3)
    spots = window_receptors(c)
    who = blockers(c, spots, DAY)
    minutes = np.linspace(8, 16, 961)
    for row in range(0, len(spots), 17):
        hidden = np.zeros(len(minutes), dtype=bool)
        for pair in np.flatnonzero(who.receptor == row):
            for a, b in who.intervals(pair):
                hidden |= (minutes >= a) & (minutes < b)
        assert hidden.sum() / 120 == pytest.approx(who.free[row] - who.lit[row], abs=0.05)


def test_blockers__two_slabs_one_behind_the_other_share_what_they_take() -> None:
    """The nearer slab hides all that the farther one could: nothing is taken by the farther one alone."""
    near = Building("near", shapely.box(-40, 0, 40, 10), storeys=10)
    far = Building("far", shapely.box(-40, -30, 40, -20), storeys=10)
    c = Community.of(buildings=[near, far], location=HANGZHOU)
    who = blockers(c, Receptors.at([[0.0, 20.0, 0.0]], ids=["P"]), DAY)
    frame = who.to_frame().set_index("blocker")
    assert frame.loc["near", "sole_min"] > 100
    assert frame.loc["far", "sole_min"] == pytest.approx(0, abs=1e-3)
    assert frame.loc["far", "joint_min"] == pytest.approx(frame.loc["far", "blocked_min"])
    assert frame.loc["near", "gain_min"] == pytest.approx(frame.loc["near", "sole_min"], abs=1e-3)
    assert who.by_building()["blocker"].tolist()[0] == "near"
    assert "near" in repr(who)
    assert len(frame.loc["near", "when"]) > 5


def test_blockers__nothing_in_the_way() -> None:
    c = Community.of(location=HANGZHOU)
    who = blockers(c, Receptors.at([[0.0, 0.0, 0.0]]), DAY)
    assert len(who) == 0
    assert who.free[0] == pytest.approx(8.0)
    assert len(who.to_frame()) == 0
    assert "none" in repr(who)
