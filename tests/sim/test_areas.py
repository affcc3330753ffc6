"""The ledgers: invariants, exemptions by what is measured, frames, site indicators."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cimkit.geometry.polygons import Polygons
from cimkit.model.community import Community
from cimkit.model.kinds import SpaceKind, StoreyKind, VoidKind
from cimkit.model.records import Building, Parcel
from cimkit.model.tables import Spaces, Voids
from cimkit.samples import future_community
from cimkit.sim.area_local import LocalRules
from cimkit.sim.areas import LEDGERS, AreaMethod, floor_areas, site_indicators
from tests.validation.test_areas import box, house, with_spaces

BOTH = (AreaMethod.GBT50353_2013, AreaMethod.GB55031_2022)


@pytest.fixture(scope="module")
def sample():  # type: ignore[no-untyped-def]
    return future_community(1).after()


def stilt_house(**space):  # type: ignore[no-untyped-def]
    town = house(storeys=3, height=4.0, kind=np.array([StoreyKind.STILT, 0, 0]), enclosed=np.array([False, True, True]))
    about = {"kind": "stilt", "enclosed": 0, "clear_height": 3.4, "public": True, "roofed": 1, **space}
    return with_spaces(town, [box(0, 0, 20, 10)], **about)


def test_floor_areas__no_storeys():
    areas = floor_areas(Community())
    assert repr(areas) == "<FloorAreas of 0 storeys and spaces>"
    assert areas.totals()["building_area_m2"] == 0.0


def test_floor_areas__open_storey_that_passes_is_outside_far():
    areas = floor_areas(stilt_house())
    t = areas.totals()
    assert (t["building_area_m2"], t["far_area_m2"], t["exempt_m2"], t["public_space_m2"]) == (600, 400, 200, 200)
    assert len(areas.failed()) == 0


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"clear_height": 2.2}, "clear height 2.2 m, must be >= 2.8 m"),
        ({"clear_height": np.nan}, "clear height not known"),
        ({"public": False}, "not open to the public"),
        ({"enclosed": 1}, "enclosed"),
    ],
)
def test_floor_areas__a_failing_space_counts_and_says_why(change, reason):
    areas = floor_areas(stilt_house(**change))
    assert areas.totals()["far_area_m2"] == 600
    lines = areas.to_frame("far_area")
    assert lines.loc[lines["kind"] == "stilt", "reason"].iloc[-1].endswith(f"not granted: {reason}")


def test_floor_areas__label_open_but_walled_in():
    # Called open, yet rooms with walls stand on three and a half sides.
    town = stilt_house()
    walls = [box(0, 0, 20, 1), box(0, 9, 20, 1), box(0, 1, 1, 8), box(19, 1, 1, 6)]
    kinds = ["stilt", "room", "room", "room", "room"]
    town = with_spaces(
        town, [box(1, 1, 18, 8), *walls], kind=kinds, enclosed=[0, 1, 1, 1, 1], clear_height=3.4, public=True, roofed=1
    )
    areas = floor_areas(town)
    assert "open share of the perimeter" in " ".join(areas.to_frame("far_area")["reason"])
    assert areas.totals()["far_area_m2"] == pytest.approx(600)


def test_floor_areas__planted_part_of_a_sky_garden():
    garden = {"kind": "sky_garden", "enclosed": 0, "roofed": 1, "inside_structure": 0, "soil_depth": 0.3}
    town = with_spaces(house(), [box(2, -2.4, 5, 2.4)], planted_share=0.5, **garden)
    t = floor_areas(town).totals()
    assert t["building_area_m2"] == pytest.approx(200 + 0.5 * 6.0)  # 6 m² planted are out, 6 m² count half
    whole = floor_areas(town, method=AreaMethod.GBT50353_2013.at(LocalRules.LONGGANG_2025))
    assert whole.totals()["building_area_m2"] == pytest.approx(200)
    deep = with_spaces(house(), [box(2, -2.5, 5, 2.5)], planted_share=0.5, **garden)
    assert floor_areas(deep).totals()["building_area_m2"] == pytest.approx(200 + 0.5 * 12.5)


def test_floor_areas__refuge_in_a_sky_garden_counts_once():
    town = with_spaces(
        house(), [box(0, 0, 5, 4), box(2, 1, 2, 2)], kind=["sky_garden", "refuge"], enclosed=0, roofed=1, public=False
    )
    areas = floor_areas(town)
    assert areas.area[areas.items["space"] >= 0].tolist() == [16.0, 4.0]
    assert areas.area.sum() == pytest.approx(200)


def test_floor_areas__voids_and_wells():
    town = house(storeys=2)
    voids = Voids(
        storey=np.array([1, 1]),
        outline=Polygons.from_rings([[box(2, 2, 4, 5)], [box(10, 2, 2, 5)]]),
        kind=np.array([VoidKind.ATRIUM, VoidKind.STAIR]),
    )
    t = floor_areas(dataclasses.replace(town, voids=voids)).totals()
    assert t["building_area_m2"] == pytest.approx(400 - 20)


@pytest.mark.parametrize("method", BOTH)
def test_floor_areas__sample_adds_up(sample, method):
    areas = floor_areas(sample, method=method)
    t = areas.totals()
    assert t["above_ground_m2"] + t["below_ground_m2"] == pytest.approx(t["building_area_m2"])
    freed = areas.counted("building_area")[(areas.items["exempt"] == 1) & ~areas.items["below"]].sum()
    assert t["far_area_m2"] + freed == pytest.approx(t["above_ground_m2"] + t["multiplied_m2"])
    by_building = areas.totals("building")
    assert by_building["far_area_m2"].sum() == pytest.approx(t["far_area_m2"])
    frame = areas.to_frame()
    assert set(frame["ledger"]) == set(LEDGERS)
    assert frame.loc[frame["ledger"] == "far_area", "counted_m2"].sum() == pytest.approx(t["far_area_m2"])
    assert not frame["mark"].isin(["P", "S", "C", "M"]).eq(False).any()
    assert len(areas.failed()) > 0


def test_floor_areas__plates_are_shared_out_exactly(sample):
    hung = [SpaceKind.BALCONY, SpaceKind.SKY_GARDEN, SpaceKind.BAY_WINDOW, SpaceKind.EQUIPMENT_PLATFORM]
    town = sample.keep({"spaces": ~np.isin(sample.spaces.kind, [*hung, SpaceKind.ROOF_GREEN])})
    areas = floor_areas(town)
    plates = town.plates.outline.areas()[town.storeys.plate].sum()
    assert areas.area[areas.items["storey"] >= 0].sum() == pytest.approx(plates, rel=1e-6)


kinds = st.sampled_from(["room", "stilt", "balcony", "sky_garden", "refuge", "corridor", "canopy", "public_passage"])
boxes = st.builds(box, st.integers(-3, 18), st.integers(-3, 8), st.integers(1, 6), st.integers(1, 6))


@settings(max_examples=60, deadline=None)
@given(st.lists(st.tuples(kinds, boxes), max_size=5), st.randoms(use_true_random=False), st.sampled_from(BOTH))
def test_floor_areas__order_and_mirroring_change_nothing(spaces, random, method):
    def total(chosen, flip=1.0):
        outline = [(flip * x, y) for x, y in box(0, 0, 20, 10)]
        town = Community.of(buildings=[Building("B1", outline)])
        if chosen:
            shapes = [[(flip * x, y) for x, y in o] for _, o in chosen]
            town = with_spaces(town, shapes, kind=[k for k, _ in chosen], enclosed=0, roofed=1)
        return floor_areas(town, method=method).totals()

    before = total(spaces)
    assert before == pytest.approx(total(random.sample(spaces, len(spaces))), abs=1e-6)
    assert before == pytest.approx(total(spaces, -1.0), abs=1e-6)
    assert before["building_area_m2"] <= before["gross_m2"] + 1e-6


def test_site_indicators__far_density_green():
    green = {"kind": ["green"], "storey": [-1]}
    town = Community.of(
        buildings=[Building("B1", box(0, 0, 20, 10), storeys=5)], parcels=[Parcel("P1", box(-10, -10, 40, 30))]
    )
    shapes = Polygons.from_rings([[box(-10, 10, 60, 6)]])  # reaches 20 m beyond the parcel
    town = dataclasses.replace(town, spaces=Spaces(id=np.array(["G"]), outline=shapes, **green))
    result = site_indicators(town, floor_areas(town))
    assert result.value("far") == pytest.approx(1000 / 1200)
    assert result.value("building_density", 0) == pytest.approx(200 / 1200)
    assert result.value("green_ratio", 0) == pytest.approx(240 / 1200)
    assert len(result.to_frame()) == 6
    assert "far 0.833" in repr(result)
