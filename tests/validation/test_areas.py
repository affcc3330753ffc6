"""Areas in worked examples of the two national codes and of cities."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest
import shapely

from cimkit.geometry.polygons import Polygons
from cimkit.model.community import Community
from cimkit.model.kinds import StoreyKind
from cimkit.model.records import Building
from cimkit.model.tables import Dwellings, Spaces
from cimkit.sim.area_rules import LocalRules
from cimkit.sim.areas import AreaMethod, FloorAreas, floor_areas
from tests.kernels.test_overlay import harness, per_parcel

BOTH = (AreaMethod.GBT50353_2013, AreaMethod.GB55031_2022)
NATIONAL = tuple(m.at(LocalRules.NATIONAL) for m in BOTH)


def box(x: float, y: float, w: float, h: float) -> list[tuple[float, float]]:
    return [(x, y), (x + w, y), (x + w, y + h), (x, y + h)]


def house(*, width: float = 20, depth: float = 10, storeys: int = 1, height: float = 3.0, **more: object) -> Community:
    use = str(more.pop("use", "residential"))
    building = Building("B1", box(0, 0, width, depth), storeys=storeys, storey_height=height, use=use)
    town = Community.of(buildings=[building])
    return dataclasses.replace(town, storeys=dataclasses.replace(town.storeys, **more)) if more else town


def with_spaces(town: Community, outlines: list[list[tuple[float, float]]], **columns: object) -> Community:
    n = len(outlines)
    given = {k: np.full(n, v) if np.isscalar(v) else np.asarray(v) for k, v in columns.items()}
    about = {"id": np.array([f"S{k}" for k in range(n)], dtype=object), "storey": np.zeros(n), **given}
    return dataclasses.replace(
        town, spaces=Spaces(outline=Polygons.from_shapely([shapely.Polygon(o) for o in outlines]), **about)
    )


def space_area(town: Community, method: AreaMethod) -> float:
    areas = floor_areas(town, method=method)
    return float(areas.counted("building_area")[areas.items["space"] >= 0].sum())


def both(town: Community) -> tuple[float, float]:
    return tuple(floor_areas(town, method=m).totals()["building_area_m2"] for m in NATIONAL)


def both_spaces(town: Community) -> tuple[float, float]:
    return tuple(space_area(town, m) for m in NATIONAL)


@pytest.mark.parametrize(("height", "expected"), [(2.20, (200, 200)), (2.19, (100, 0))])
def test_floor_areas__gbt50353_3_0_1_storey_height(height: float, expected: tuple[float, float]) -> None:
    assert both(house(height=height)) == pytest.approx(expected)


def test_floor_areas__gbt50353_3_0_3_gable_attic() -> None:
    attic = house(kind=np.array([StoreyKind.ATTIC]), clear_height=np.array([0.0]))
    assert both(attic) == pytest.approx((90.0, 20 * 10 * 0.8 / 3))


BALCONY = {"kind": "balcony", "roofed": 1}


@pytest.mark.parametrize(
    ("outline", "inside", "enclosed", "expected"),
    [
        (box(2, -1.5, 4, 1.5), 0, 0, (3.0, 3.0)),
        (box(2, -1.5, 4, 1.5), 0, 1, (3.0, 6.0)),
        (box(2, 0, 4, 1.5), 1, 0, (6.0, 3.0)),
        (box(2, 0, 4, 1.5), 1, 1, (6.0, 6.0)),
        (box(2, -1.5, 4, 1.5), -1, 0, (3.0, 3.0)),  # the drawing tells where it lies
        (box(2, 0, 4, 1.5), -1, 0, (6.0, 3.0)),
    ],
)
def test_floor_areas__gbt50353_3_0_21_gb55031_3_1_5_balcony(outline, inside, enclosed, expected) -> None:  # type: ignore[no-untyped-def]
    town = with_spaces(house(), [outline], inside_structure=inside, enclosed=enclosed, **BALCONY)
    assert both_spaces(town) == pytest.approx(expected)


def test_floor_areas__gbt50353_3_0_7_open_storey() -> None:
    kind = np.array([StoreyKind.STILT])
    assert both(house(width=30, depth=15, height=3.6, kind=kind, enclosed=np.array([False]))) == (450, 450)


@pytest.mark.parametrize(("depth", "expected"), [(2.0, (0, 0)), (2.1, (5.25, 0))])
def test_floor_areas__gbt50353_3_0_16_canopy_without_posts(depth: float, expected: tuple[float, float]) -> None:
    town = with_spaces(house(), [box(2, -depth, 5, depth)], kind="canopy", columns_rows=0, roofed=1)
    assert both_spaces(town) == pytest.approx(expected)


@pytest.mark.parametrize(("sill", "expected"), [(0.44, 0.60), (0.45, 0.0)])
def test_floor_areas__gbt50353_3_0_13_bay_window(sill: float, expected: float) -> None:
    town = with_spaces(
        house(), [box(2, -0.6, 2, 0.6)], kind="bay_window", sill_height=sill, clear_height=2.15, roofed=1
    )
    assert both_spaces(town) == pytest.approx((expected, 0.0))


def test_floor_areas__gbt50353_3_0_20_external_stair_for_each_storey() -> None:
    stair = box(20, 0, 3, 6)
    town = with_spaces(house(storeys=2), [stair, stair], storey=[0, 1], kind="external_stair", roofed=1, enclosed=0)
    assert both_spaces(town) == pytest.approx((18.0, 18.0))  # GB 55031 3.1.4-4: railed, without columns, half


def _dwelling(inner: float, spaces: list[tuple[str, float]], **more: object) -> FloorAreas:
    """One dwelling of 100 m² with spaces of given areas in front of it."""
    outlines = [box(3 * k, -0.5 * area, 2, 0.5 * area) for k, (_, area) in enumerate(spaces)]
    town = house(width=40)
    town = dataclasses.replace(
        town, dwellings=Dwellings(id=np.array(["D1"]), storey=np.array([0]), inner_area=np.array([inner]))
    )
    kinds = [k for k, _ in spaces]
    town = with_spaces(
        town, outlines, kind=kinds, dwelling=0, roofed=1, enclosed=0, inside_structure=0, clear_height=2.5, **more
    )
    return floor_areas(town, method=AreaMethod.GBT50353_2013)


def test_floor_areas__db33_1152_seven_percent_of_the_inner_area() -> None:
    areas = _dwelling(100, [("balcony", 12), ("bay_window", 3)], sill_height=0.4)
    assert areas.totals()["building_area_m2"] - 400 == pytest.approx(8.0)


def test_floor_areas__db33_1152_free_bays_and_platforms() -> None:
    areas = _dwelling(100, [("bay_window", 6), ("equipment_platform", 7)], sill_height=0.5)
    assert areas.totals()["building_area_m2"] - 400 == pytest.approx(0.5 * (6 - 5) + (7 - 5))
    small = _dwelling(60, [("bay_window", 3), ("equipment_platform", 3)], sill_height=0.5)
    assert small.totals()["building_area_m2"] - 400 == pytest.approx(0.0)


@pytest.mark.parametrize(("height", "expected"), [(4.5, 1000), (5.0, 2000), (5.6, 2000), (8.5, 4000)])
def test_floor_areas__shanghai_2021_storey_height(height: float, expected: float) -> None:
    town = house(width=40, depth=25, height=height, use="office")
    method = AreaMethod.GBT50353_2013.at(LocalRules.SHANGHAI_2021)
    assert floor_areas(town, method=method).totals()["far_area_m2"] == pytest.approx(expected)


@pytest.mark.parametrize(
    ("use", "height", "expected"),
    [("school", 6.0, 1500), ("hospital", 6.0, 1500), ("school", 5.0, 1000), ("school", 8, 2000), ("retail", 8, 1000)],
)
def test_floor_areas__jiaxing_2018_81_storey_height(use: str, height: float, expected: float) -> None:
    town = house(width=40, depth=25, height=height, use=use)
    method = AreaMethod.GBT50353_2013.at(LocalRules.JIAXING_2018)
    assert floor_areas(town, method=method).totals()["far_area_m2"] == pytest.approx(expected)


@pytest.mark.parametrize(("raised", "expected"), [(1.5, 0.0), (1.6, 200.0)])
def test_floor_areas__jiaxing_2018_80_basement(raised: float, expected: float) -> None:
    town = house(level=np.array([-1]), kind=np.array([StoreyKind.BASEMENT]), z=np.array([raised - 3.0]))
    assert floor_areas(town).totals()["far_area_m2"] == pytest.approx(expected)


@pytest.mark.parametrize(("count", "expected"), [(1000, 1866672.9635), (10000, 20061406.8812)])
def test_overlay_areas__checksums_of_other_libraries(count: int, expected: float) -> None:
    module, _, *layers = harness(count)
    assert module.checksum(per_parcel(*layers)[1]) == pytest.approx(expected, rel=1e-9)
