"""Before and after, and who can be affected at all."""

from __future__ import annotations

import numpy as np
import pytest
import shapely

from cimkit.errors import InputError, MissingDataError
from cimkit.model.community import Community
from cimkit.model.records import Building, Location
from cimkit.sim.neighbours import affected_buildings, compare_sunlight
from cimkit.sim.receptors import window_receptors
from cimkit.sim.sunlight import SunlightMethod, sunlight
from cimkit.sim.sunpath import SunDay

HANGZHOU = Location(30.25, 120.17)
DAY = SunDay.great_cold(HANGZHOU)


@pytest.fixture(scope="module")
def site() -> Community:
    return Community.of(
        location=HANGZHOU,
        buildings=[
            Building("old", shapely.box(0, 40, 30, 52), storeys=6),
            Building("shed", shapely.box(0, 20, 30, 24), storeys=1, status="demolish"),
            Building("tower", shapely.box(-60, 0, 90, 12), storeys=18, status="planned"),
            Building("far", shapely.box(400, 400, 420, 412), storeys=6),
            Building("south", shapely.box(0, -120, 30, -108), storeys=6),
        ],
    )


def test_compare_sunlight__a_tower_takes_sun_and_a_demolition_gives_some(site: Community) -> None:
    states = [site.before(), site.after()]
    light = [sunlight(c, window_receptors(c), DAY) for c in states]
    change = compare_sunlight(*light, required=2.0)
    own = change.building_ids == "old"
    assert own.any()
    assert change.newly_short[own].any()
    assert not change.newly_short[change.building_ids == "far"].any()
    frame = change.to_frame()
    assert (frame["change_h"] == frame["after_h"] - frame["before_h"]).all()
    np.testing.assert_array_equal(frame["verdict"] == "newly short", change.newly_short)


def test_compare_sunlight__other_methods_are_refused(site: Community) -> None:
    r = window_receptors(site)
    one, two = sunlight(site, r, DAY), sunlight(site, r, DAY, method=SunlightMethod.ALL_SUN)
    with pytest.raises(InputError, match="day and method must be the same"):
        compare_sunlight(one, two)


def test_affected_buildings__only_those_in_the_fan(site: Community) -> None:
    found = affected_buildings(site, DAY)
    names = site.buildings.id
    assert names[found.affected].tolist() == ["old"]  # the shed goes
    assert names[found.blockers].tolist() == ["tower", "south"]  # 148 m away
    frame = found.to_frame()
    roles = {"old": "affected", "tower": "planned", "south": "blocker"}
    assert dict(zip(frame["building"], frame["role"], strict=True)) == roles
    with pytest.raises(MissingDataError, match="some buildings must have the status planned"):
        affected_buildings(site.before(), DAY)


@pytest.mark.parametrize(("storeys", "reach"), [(10, 45.0), (60, 150.0)])
def test_affected_buildings__fan_by_hand(storeys: int, reach: float) -> None:
    """Radius 1.5 H, 150 m at most; as wide as the shadow swings from 8 to 16 h, and none to the south."""
    tower = Building("T", shapely.box(-5, -5, 5, 5), storeys=storeys, storey_height=3.0, status="planned")
    c = Community.of(location=HANGZHOU, buildings=[tower])
    fan = affected_buildings(c, DAY).fan
    west, south, east, north = fan.bounds
    edge = np.radians(DAY.position([8.0])[1][0] + 180.0)  # where the shadow of 8 h goes
    assert (south, north) == pytest.approx((-5, 5 + reach))
    assert (west, east) == pytest.approx((-5 + reach * np.sin(edge), 5 - reach * np.sin(edge)))
