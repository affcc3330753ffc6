"""Shelter, ways out, and what a blocked passage cuts off, on a street one can check by hand."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest

from cimkit.errors import InputError, MissingDataError
from cimkit.model.community import Community
from cimkit.model.records import Building, Facility, Parcel, Path, Space
from cimkit.sim.routes import ways_out
from cimkit.sim.supply import evacuation


def street(*, second: bool = False, width: float = 5.0, shelter: bool = True) -> Community:
    """A house at x = 50 in a parcel of 100 m, a passage to the street in the east, a shelter 200 m away there."""
    paths = [
        Path("inner", [(50, 20), (90, 20)], kind="footway", width=width),
        Path("gate", [(90, 20), (150, 20)], kind="evacuation_corridor", width=width),
        Path("road", [(150, -100), (150, 20), (150, 220)], kind="street", width=10.0),
    ]
    if second:
        paths.append(Path("back", [(50, 20), (50, -100), (150, -100)], kind="footway", width=width))
    return Community.of(
        parcels=[Parcel("P", [(0, 0), (100, 0), (100, 100), (0, 100)])],
        buildings=[Building("B", [(40, 30), (60, 30), (60, 40), (40, 40)], storeys=6, use="residential")],
        others=[*paths, *([Facility("S", "shelter", 150, 220)] if shelter else [])],
    )


def test_ways_out__one_gate_is_one_way_and_a_second_path_makes_two() -> None:
    rows = np.array([0])
    assert [v[0] for v in ways_out(street(), rows)] == [1, 1]
    assert [v[0] for v in ways_out(street(second=True), rows)] == [2, 2]
    assert [v[0] for v in ways_out(street(second=True, width=3.0), rows)] == [0, 0]  # below 4 m
    assert [v[0] for v in ways_out(street(second=True, width=float("nan")), rows)] == [2, 0]  # width not known


def test_evacuation__a_blocked_gate_cuts_the_house_off_unless_there_is_a_second_way() -> None:
    open_ = evacuation(street())
    assert np.isfinite(open_.reach_min).all()
    assert not open_.cut_off.any()
    shut = evacuation(street(), blocked=["gate"])
    assert shut.cut_off.all()
    assert "cut off by gate" in repr(shut)
    round_ = evacuation(street(second=True), blocked=["gate"])
    assert not round_.cut_off.any()
    assert (round_.blocked_min > round_.reach_min).all()
    assert round_.to_frame()["cut_off"].sum() == 0


def test_evacuation__time_by_hand() -> None:
    found = evacuation(street())
    leg = 10.0  # from the door, the middle of the house's nearest side or its point, to the path: at most
    metres = 40 + 60 + 200
    out_of_doors = metres / 1.33 / 60
    assert out_of_doors <= found.reach_min.min()
    slack = (leg + 20) / 1.33 / 60 + 3.0  # leg, and stairs from the sixth storey
    assert found.reach_min.min() <= out_of_doors + slack


def test_evacuation__a_shelter_ground_counts_with_its_area() -> None:
    ground = Space("G", "shelter", [(160, 200), (200, 200), (200, 240), (160, 240)])
    base = street(shelter=False)
    other = Community.of(others=[ground])
    with_ground = dataclasses.replace(base, spaces=other.spaces)
    found = evacuation(with_ground)
    loads = found.loads()
    assert loads["area_m2"].tolist() == pytest.approx([1600.0])
    assert np.isfinite(found.reach_min).all()
    with pytest.raises(MissingDataError, match="shelters must be known"):
        evacuation(base)
    with pytest.raises(InputError, match="no 'nowhere'"):
        evacuation(street(), blocked=["nowhere"])
