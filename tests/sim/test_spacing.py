"""Sun spacing: rows of slabs whose required distances follow from the rules' own words."""

from __future__ import annotations

import numpy as np
import pytest
import shapely

from cimkit.errors import InputError
from cimkit.model.community import Community
from cimkit.model.records import Building
from cimkit.sim.neighbours import building_spacing


def pair(height: float, gap: float, *, turn: float = 0.0, use: str = "residential", width: float = 60.0) -> Community:
    """A blocker of one storey of this height, and a house north of it, turned together."""
    shapes = [shapely.box(0, 0, width, 12), shapely.box(0, 12 + gap, 60, 24 + gap)]
    south, north = (shapely.affinity.rotate(s, turn, origin=(0, 0)) for s in shapes)
    return Community.of(buildings=[
        Building("S", south, storeys=1, storey_height=height), Building("N", north, storeys=6, use=use),
    ])  # fmt: skip


@pytest.mark.parametrize(
    ("rule", "height", "turn", "use", "required"),
    [
        ("hangzhou", 20.0, 0, "residential", 24.0),
        ("hangzhou", 20.0, 20, "residential", 21.6),
        ("hangzhou", 20.0, 40, "residential", 19.2),
        ("hangzhou", 9.0, 0, "residential", 10.8),
        ("hangzhou", 10.5, 0, "residential", 13.0),
        ("hangzhou", 20.0, 0, "elderly_housing", 30.0),
        ("hangzhou", 54.0, 0, "residential", 0.3 * 30 + 28.8),
        ("hangzhou", 24.5, 0, "residential", 29.0),
        ("ningbo", 18.0, 0, "residential", 22.5),
        ("ningbo", 18.0, 80, "residential", 20.7),
        ("ningbo", 60.0, 0, "residential", 60.0),
        ("ningbo", 99.0, 0, "residential", 80.0),
        ("jiaxing-new", 18.0, 0, "residential", 23.4),
        ("jiaxing-old", 80.0, 0, "residential", 40.0),
        ("jiaxing-old", 40.0, 0, "residential", 30.0),
        ("taizhou-new", 12.0, 0, "residential", 18.0),
        ("taizhou-renewal", 20.0, 0, "residential", 22.0),
        ("wenzhou", 20.0, 0, "residential", 9.0),
        ("wenzhou", 60.0, 0, "residential", 15.0),
    ],
)
def test_building_spacing__asks_for_what_the_rule_says(
    rule: str, height: float, turn: float, use: str, required: float
) -> None:
    gap = required - 0.5 if required > 9 else 8.5
    found = building_spacing(pair(height, gap, turn=turn, use=use), rule=rule)
    own = found.blocker == 0
    assert found.required[own] == pytest.approx(min(required, 29.4) if height == 24.5 else required)
    assert found.distance[own] == pytest.approx(gap)
    assert found.short[own].all()
    assert found.margins()[1] == pytest.approx(-0.5)
    wide = building_spacing(pair(height, required + 0.5, turn=turn, use=use), rule=rule)
    assert not wide.short[wide.blocker == 0].any()


def test_building_spacing__towers_and_what_does_not_face() -> None:
    tower = building_spacing(pair(60.0, 41.0, width=28.0), rule="ningbo")
    assert tower.required == pytest.approx([42.0])
    beside = Community.of(buildings=[
        Building("A", shapely.box(0, 0, 30, 12), storeys=6), Building("B", shapely.box(40, 30, 70, 42), storeys=6),
    ])  # fmt: skip
    found = building_spacing(beside, rule="hangzhou")
    assert len(found) == 0
    assert np.isnan(found.margins()).all()
    with pytest.raises(InputError, match="'hangzhou'"):
        building_spacing(beside, rule="paris")


def test_building_spacing__frame_and_repr() -> None:
    found = building_spacing(pair(20.0, 20.0), rule="hangzhou")
    row = found.to_frame().iloc[0]
    assert (row["building"], row["blocker"], row["too_close"]) == ("N", "S", True)
    assert "1 too close" in repr(found)
