"""Living circles: cut at the very place where the limit is met."""

from __future__ import annotations

import numpy as np
import pytest
import shapely

from cimkit.errors import InputError, MissingDataError
from cimkit.model.community import Community
from cimkit.model.records import Facility, Path
from cimkit.sim.network import WalkMethod
from cimkit.sim.routes import living_circles

FLAT = WalkMethod("test", speed_ms=1.0, slopes=False)


def cross(**kwargs: object) -> Community:
    arms = [Path(f"p{k}", [(0, 0), (x, y)]) for k, (x, y) in enumerate([(500, 0), (-500, 0), (0, 500), (0, -500)])]
    return Community.of(others=[*arms, Facility("F", "market", 0, 0)])


def test_living_circles__four_arms_of_speed_times_minutes() -> None:
    c = living_circles(cross(), "market", minutes=(1, 5), method=FLAT)
    assert shapely.length(c.paths).tolist() == pytest.approx([240.0, 1200.0], rel=1e-5)
    assert c.areas[1].contains(c.areas[0])
    assert c.to_frame()["within_min"].tolist() == [1.0, 5.0]


def test_living_circles__service_in_the_middle_of_an_edge_with_its_leg() -> None:
    c = Community.of(others=[Path("p", [(0, 0), (1000, 0)]), Facility("F", "market", 400, 30)])
    reached = living_circles(c, "market", minutes=(2,), method=FLAT).paths[0]
    assert reached.length == pytest.approx(2 * (120 - 30), rel=1e-6)
    assert reached.bounds[0] == pytest.approx(310)


def test_living_circles__one_way_is_cut_on_one_side() -> None:
    c = Community.of(others=[Path("p", [(0, 0), (1000, 0)], oneway=True), Facility("F", "market", 400, 0)])
    reached = living_circles(c, "market", minutes=(1,), method=FLAT).paths[0]
    assert reached.bounds[0] == pytest.approx(340)
    assert reached.bounds[2] == pytest.approx(400)


def test_living_circles__bad_requests() -> None:
    with pytest.raises(MissingDataError, match="there must be a library"):
        living_circles(cross(), "library")
    with pytest.raises(InputError, match="rise"):
        living_circles(cross(), "market", minutes=(5, 3))
    assert np.isfinite(living_circles(cross(), "market").areas[0].area)
