"""The ledgers: invariants, exemptions by what is measured, frames, site indicators."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest
import shapely
from hypothesis import example, given, settings
from hypothesis import strategies as st

from cimkit.geometry.polygons import Polygons
from cimkit.model.community import Community
from cimkit.model.kinds import SpaceKind, StoreyKind, VoidKind
from cimkit.model.records import Building, Location, Parcel, Path
from cimkit.model.tables import Dwellings, Population, Spaces, Voids
from cimkit.samples import future_community
from cimkit.sim.area_items import area_items, areas_within
from cimkit.sim.area_rules import LocalRules
from cimkit.sim.areas import LEDGERS, AreaMethod, floor_areas
from cimkit.sim.site_ratios import site_indicators
from cimkit.sim.sunlit import sunlit_ground
from cimkit.sim.sunpath import SunDay
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
    assert len(areas.schedule()) == len(areas.to_frame()) == len(areas.failures()) == 0


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
        outline=Polygons.from_shapely([shapely.Polygon(box(2, 2, 4, 5)), shapely.Polygon(box(10, 2, 2, 5))]),
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


# The second balcony lies within the walls or half outside: not the order of rows decides who has the overlap.
@example([("room", box(0, 0, 1, 1)), ("balcony", box(0, 0, 2, 1)), ("balcony", box(0, -1, 2, 2))], (2, 1, 0), 0)
@settings(deadline=None)
@given(st.lists(st.tuples(kinds, boxes), max_size=5), st.permutations(range(5)), st.sampled_from([0, 1]))
def test_floor_areas__order_and_mirroring_change_nothing(spaces, order, number):
    method = BOTH[number]  # by number: hypothesis would print all articles

    def total(rows, flip=1.0):
        outline = [(flip * x, y) for x, y in box(0, 0, 20, 10)]
        town = Community.of(buildings=[Building("B1", outline)])
        if rows:
            shapes = [[(flip * x, y) for x, y in spaces[k][1]] for k in rows]
            about = {"kind": [spaces[k][0] for k in rows], "id": [f"S{k}" for k in rows]}
            town = with_spaces(town, shapes, enclosed=0, roofed=1, **about)
        return floor_areas(town, method=method).totals()

    rows = list(range(len(spaces)))
    before = total(rows)
    assert before == pytest.approx(total([k for k in order if k in rows]), abs=1e-6)
    assert before == pytest.approx(total(rows, -1.0), abs=1e-6)
    assert before["building_area_m2"] <= before["gross_m2"] + 1e-6


@settings(deadline=None)
@given(
    st.lists(st.lists(st.tuples(kinds, boxes), max_size=3), min_size=2, max_size=2),
    st.lists(st.sampled_from([0, 1]), min_size=1, max_size=6),
)
def test_area_items__repeated_storeys_have_what_each_has_alone(designs, chosen):
    def areas(numbers):
        drawn = [(n, k, *space) for n, number in enumerate(numbers) for k, space in enumerate(designs[number])]
        if not drawn:
            return [np.full(1, 200.0)] * len(numbers)
        storey, place, kind, outline = (list(column) for column in zip(*drawn, strict=True))
        ids = [f"S{k}" for k in place]
        town = with_spaces(house(storeys=len(numbers)), outline, enclosed=0, storey=storey, kind=kind, id=ids)
        items = area_items(town)
        return [items["area"][items["storey"] == n] for n in range(len(numbers))]

    alone = [areas([number])[0].tolist() for number in (0, 1)]
    assert [a.tolist() for a in areas(chosen)] == [alone[number] for number in chosen]


@settings(deadline=None)
@given(st.lists(boxes, max_size=6))
def test_areas_within__parcels_equal_shapely(outlines):
    land = Polygons.from_shapely(
        [shapely.Polygon(p) for p in (box(0, 0, 10, 10), box(10, 0, 20, 10), [(0, 0), (15, 5), (0, 9)])]
    )
    shapes = Polygons.from_shapely([shapely.Polygon(o) for o in outlines])
    area, parcel, shape, shared = areas_within(land, shapes)
    common = shapely.intersection(land.to_shapely()[:, None], shapes.to_shapely())
    assert area == pytest.approx(shapely.area(shapely.union_all(common, axis=1)), abs=1e-9)
    found = np.zeros(common.shape)
    found[parcel, shape] = shared
    assert found == pytest.approx(shapely.area(common), abs=1e-9)
    assert (np.diff(parcel) >= 0).all()


LOCALS = tuple(v for k, v in vars(LocalRules).items() if k.isupper())


@settings(deadline=None)
@given(
    st.lists(st.tuples(kinds, boxes, st.booleans(), st.floats(2, 6)), max_size=6),
    st.sampled_from([0, 1]),
    st.integers(0, len(LOCALS) - 1),
)
def test_floor_areas__counted_and_exempt_are_the_whole(spaces, number, place):
    method, local = BOTH[number], LOCALS[place]
    town = Community.of(
        buildings=[Building("B1", box(0, 0, 20, 10), storeys=2, basements=1)],
        parcels=[Parcel("P", box(-9, -9, 40, 40))],
    )
    if spaces:
        k, outlines, public, height = zip(*spaces, strict=True)
        about = {"planted_share": 0.6, "soil_depth": 0.4, "storey": town.storeys.level.tolist().index(1)}
        town = with_spaces(
            town, outlines, kind=k, public=public, clear_height=height, enclosed=0, roofed=1, **about
        )  # fmt: skip
    areas = floor_areas(town, method=method.at(local))
    t = areas.totals()
    assert t["far_area_m2"] + t["exempt_m2"] + t["below_ground_m2"] == pytest.approx(
        t["building_area_m2"] + t["multiplied_m2"]
    )
    assert (areas.factor >= 0).all()
    assert areas.items["exempt"][areas.factor[:, 1] < areas.factor[:, 0] - 1e-9].tolist().count(0) == 0
    assert areas.to_frame("far_area")["mark"].isin(["P", "S", "C", "M"]).all()


def test_site_indicators__far_density_green():
    green = {"kind": ["green"], "storey": [-1]}
    town = Community.of(
        buildings=[Building("B1", box(0, 0, 20, 10), storeys=5)], parcels=[Parcel("P1", box(-10, -10, 40, 30))]
    )
    shapes = Polygons.from_shapely([shapely.Polygon(box(-10, 10, 60, 6))])  # reaches 20 m beyond the parcel
    town = dataclasses.replace(town, spaces=Spaces(id=np.array(["G"]), outline=shapes, **green))
    result = site_indicators(town, floor_areas(town))
    assert result.value("far") == pytest.approx(1000 / 1200)
    assert result.value("building_density", 0) == pytest.approx(200 / 1200)
    assert result.value("green_ratio", 0) == pytest.approx((240 - 22) / 1200)  # a metre beside the wall
    assert result.to_frame().query("indicator == 'far'")["objects"].tolist() == ["B1", "B1"]
    assert "far 0.833" in repr(result)


def test_site_indicators__central_green_wide_sunlit_and_clear_of_walls():
    town = Community.of(
        buildings=[Building("B1", box(0, 0, 20, 10), storeys=2)], parcels=[Parcel("P1", box(-10, -10, 60, 60))]
    )
    homes = Population(building=np.array([0]), band=np.array([1]), persons=np.array([10.0]))
    shapes = Polygons.from_shapely(
        [shapely.Polygon(box(0, 10, 20, 21.5)), shapely.Polygon(box(30, 0, 6, 40))]
    )  # the second is too narrow
    spaces = Spaces(id=np.array(["G1", "G2"]), outline=shapes, kind=np.full(2, int(SpaceKind.CENTRAL_GREEN)))
    town = dataclasses.replace(town, spaces=dataclasses.replace(spaces, storey=np.full(2, -1)), population=homes)
    areas = floor_areas(town)
    each = site_indicators(town, areas).to_frame().query("indicator == 'central_green_per_person' and parcel == 'P1'")
    assert each["value"].item() == pytest.approx(20 * 20 / 10)  # 1.5 m beside the wall does not count
    assert each["objects"].item() == "G1"
    third = shapely.box(0, 10, 20, 11.5 + 20 / 3 + 0.01)
    assert site_indicators(town, areas, sunlit=third).value("central_green_per_person") == pytest.approx(40)
    less = shapely.box(0, 10, 20, 11.5 + 20 / 3 - 0.01)
    assert site_indicators(town, areas, sunlit=less).value("central_green_per_person") == 0.0


def test_site_indicators__central_green_by_the_sun():
    # A tower of 60 m stands south of one of two equal greens; only the other has two hours of sun on a third of it.
    town = Community.of(
        buildings=[Building("B1", box(-20, -20, 60, 15), storeys=20)],
        parcels=[Parcel("P1", box(-40, -40, 400, 120))], location=Location(30.25, 120.17),
    )  # fmt: skip
    homes = Population(building=np.array([0]), band=np.array([1]), persons=np.array([10.0]))
    shapes = Polygons.from_shapely([shapely.Polygon(box(0, 2, 20, 20)), shapely.Polygon(box(300, 2, 20, 20))])
    about = {"kind": np.full(2, int(SpaceKind.CENTRAL_GREEN)), "storey": np.full(2, -1)}
    town = dataclasses.replace(
        town, spaces=Spaces(id=np.array(["G1", "G2"]), outline=shapes, **about), population=homes
    )
    lit = sunlit_ground(town, SunDay.great_cold(town.location), hours=2.0, spacing=2.0)
    assert shapely.area(shapely.intersection(lit, shapes.to_shapely())) == pytest.approx([0, 400])
    site = site_indicators(town, floor_areas(town), sunlit=lit)
    row = site.to_frame().query("indicator == 'central_green_per_person' and parcel == 'P1'")
    assert (row["value"].item(), row["objects"].item()) == (pytest.approx(40), "G2")
    assert sunlit_ground(Community(), SunDay.great_cold(town.location)).is_empty


def test_site_indicators__green_on_roofs_by_depth_of_soil():
    town = Community.of(
        buildings=[Building("B1", box(0, 0, 20, 10), storeys=2)], parcels=[Parcel("P1", box(0, 0, 20, 20))]
    )
    roofs = [box(0, 0, 10, 4), box(0, 4, 10, 2), box(0, 6, 10, 1), box(0, 8, 10, 1)]
    town = with_spaces(town, roofs, kind="roof_green", storey=1, soil_depth=[1.5, 0.6, 0.2, np.nan])
    plain = site_indicators(town, floor_areas(town))
    assert np.isnan(plain.value("green_ratio"))
    assert "80 m² on roofs not counted: no local rule stated" in plain.rows[4].counting
    local = dataclasses.replace(LocalRules.NATIONAL, roof_green=((1.5, 1.0), (0.5, 0.5)))
    areas = floor_areas(town, method=AreaMethod.GBT50353_2013.at(local))
    site = site_indicators(town, areas)
    assert site.value("green_ratio") == pytest.approx((40 + 0.5 * 20) / 400)
    assert site.rows[4].objects == ("S0", "S1")
    unplaced = dataclasses.replace(town.buildings, parcel=np.array([-1]))
    nowhere = dataclasses.replace(town, parcels=town.parcels.take([]), buildings=unplaced)
    assert np.isnan(site_indicators(nowhere, floor_areas(nowhere, method=areas.method)).value("green_ratio"))


@pytest.mark.parametrize(
    ("about", "expected"),
    [
        ({"kind": "stand", "roofed": 0, "enclosed": 0}, (0.0, 0.0)),
        ({"kind": "stand", "roofed": 1, "enclosed": 0, "columns_rows": 0}, (20.0, 20.0)),
        ({"kind": "stand", "roofed": 1, "enclosed": 1}, (40.0, 40.0)),
        ({"kind": "under_stand", "roofed": 1, "enclosed": 1, "clear_height": 2.2}, (40.0, 40.0)),
        ({"kind": "under_stand", "roofed": 1, "enclosed": 1, "clear_height": 2.1}, (40.0, 0.0)),
        ({"kind": "under_stand", "roofed": 1, "enclosed": 1, "clear_height": 1.2}, (20.0, 0.0)),
        ({"kind": "under_stand", "roofed": 1, "enclosed": 1, "clear_height": 1.1}, (0.0, 0.0)),
    ],
)
def test_floor_areas__gbt50353_3_0_4_stands(about, expected):
    town = with_spaces(house(), [box(30, 0, 10, 4)], storey=-1, **about)
    national = [m.at(LocalRules.NATIONAL) for m in BOTH]
    found = [floor_areas(town, method=m).totals()["building_area_m2"] - 200 for m in national]
    assert found == pytest.approx(expected)


def test_site_indicators__of_the_sample(sample):
    areas = floor_areas(sample)
    frame = site_indicators(sample, areas).to_frame()
    known = frame[frame["parcel"] == "all"].set_index("indicator")
    assert known["value"].notna().all()
    ratio = known["numerator"] / known["denominator"]
    ratio["elderly_area_per_100_households"] *= 100
    assert ratio.to_numpy() == pytest.approx(known["value"].to_numpy())
    assert known.loc["parking_per_dwelling", "objects"]


def _exempt_passage(shape, shelter, **more):
    """A ground space called an evacuation corridor beside a house, with a shelter somewhere."""
    town = house(storeys=2)
    about = {"storey": [-1, -1], "roofed": 0, "enclosed": 0, "public": True, **more}
    return with_spaces(town, [shape, shelter], kind=["evacuation_corridor", "shelter"], **about)


L_SHAPE = [(0, -4), (30, -4), (30, 20), (26, 20), (26, 0), (0, 0)]


@pytest.mark.parametrize(
    ("shape", "shelter", "reason"),
    [
        (box(0, -4, 60, 4), box(60, -10, 20, 20), ""),
        (L_SHAPE, box(26, 20, 20, 20), ""),  # 4 m wide all along, also round the corner
        (box(0, -3.9, 60, 3.9), box(60, -10, 20, 20), "narrowest width 3.9 m, must be >= 4 m"),
        (
            [
                (0, -4),
                (30, -4),
                (30, -3),
                (34, -3),
                (34, -4),
                (60, -4),
                (60, 0),
                (34, 0),
                (34, -2),
                (30, -2),
                (30, 0),
                (0, 0),
            ],
            box(60, -10, 20, 20),
            "narrowest width 1 m",
        ),
        (box(0, -4, 60, 4), box(61, -10, 20, 20), "leads from a building to a shelter: no"),
    ],
)
def test_floor_areas__evacuation_passage_by_width_and_continuity(shape, shelter, reason):
    areas = floor_areas(_exempt_passage(shape, shelter))
    line = areas.to_frame("far_area").query("kind == 'evacuation_corridor'")["reason"].item()
    assert (reason in line and "not granted" in line) if reason else "not counted" in line


def test_floor_areas__roof_and_height_are_measured():
    # Said to be open to the sky and 6 m high, but it lies under the next storey, which is 4 m above.
    areas = floor_areas(stilt_house(roofed=0, clear_height=6.0))
    assert areas.items["roofed"][-1] == 1
    assert areas.items["clear_height"][-1] == 4.0
    assert areas.totals()["building_area_m2"] == 600


def test_floor_areas__a_neighbour_closes_a_side():
    town = stilt_house()
    beside = Community.of(
        buildings=[
            Building("B1", box(0, 0, 20, 10), storeys=3, storey_height=4.0, stilt=True),
            Building("B2", box(-30, -20, 29.99, 50)),
            Building("B3", box(0, 10.01, 20, 10)),
            Building("B4", box(20.01, 0, 9, 10)),
        ]
    )
    assert floor_areas(town).items["open_share"][-1] == 1.0
    space = dataclasses.replace(town.spaces)
    closed = floor_areas(dataclasses.replace(beside, spaces=space))
    assert closed.items["open_share"][closed.items["space"] == 0] == pytest.approx(20 / 60, abs=0.01)
    assert "open share of the perimeter" in " ".join(closed.to_frame("far_area")["reason"])


def test_floor_areas__reachable_by_a_path_that_leads_to_a_street():
    town = stilt_house()

    def gap(paths):
        joined = Community.of(buildings=[Building("B1", box(0, 0, 20, 10))], others=paths)
        parts = {t: getattr(joined, t) for t in ("path_nodes", "path_edges")}
        return floor_areas(dataclasses.replace(town, **parts)).items["path_gap"][-1]

    lane, street = Path("a", [(0, -5), (60, -5)]), Path("s", [(60, -5), (60, 90)], kind="street")
    untested = floor_areas(town).to_frame("far_area").query("kind == 'stilt'")["reason"].tolist()
    assert untested[-1].endswith("not counted; distance to a public path that leads to a street not known")
    assert gap([lane, street]) == 5.0
    assert gap([lane, dataclasses.replace(street, points=[(61, -5), (61, 90)])]) == 41.0  # the lane leads nowhere


@pytest.mark.parametrize("depth", [3.9, 4.0, 8.0])
def test_floor_areas__singapore_45_degree_line(depth):
    # A terrace on one open side of a closed storey: what lies deeper than it is high counts.
    garden = {"kind": "sky_garden", "enclosed": 0, "roofed": 1, "public": True}
    town = with_spaces(house(height=4.0), [box(0, 0, 20, depth)], clear_height=4.0, **garden)
    local = AreaMethod.GB55031_2022.at(LocalRules.SINGAPORE_URA)
    areas = floor_areas(town, method=local)
    share = areas.items["share_45"][areas.items["space"] == 0][0]
    # Ends of the terrace are open too: of 8 m depth, only the middle beyond 4 m from all three open sides counts.
    expected = 1.0 if depth <= 4 else 1 - (20 - 8) * (depth - 4) / (20 * depth)
    assert share == pytest.approx(expected, abs=0.002)


def test_floor_areas__caps_give_back_the_excess():
    town = Community.of(
        buildings=[Building("B1", box(0, 0, 20, 10), storeys=3)], parcels=[Parcel("P1", box(-20, -20, 60, 60))]
    )
    hung = {"kind": "balcony", "enclosed": 0, "roofed": 1, "inside_structure": 0}
    town = with_spaces(town, [box(0, -2, 20, 2), box(0, 10, 20, 6)], **hung)
    local = AreaMethod.GBT50353_2013.at(LocalRules.HONG_KONG_JPN)
    t = floor_areas(town, method=local).totals()
    assert t["building_area_m2"] == pytest.approx(600 + 20 + 60)
    assert t["exempt_m2"] == pytest.approx(0.08 * 600)
    assert t["far_area_m2"] == pytest.approx(600 + 80 - 48)
    assert "the rest counts" in " ".join(floor_areas(town, method=local).to_frame("far_area")["reason"])


@pytest.mark.parametrize(
    ("inner", "height", "counted"), [(150, 3.2, 0), (140, 3.2, 24), (150, 3.3, 24), (150, 2.1, 24)]
)
def test_floor_areas__longgang_hall_of_a_duplex(inner, height, counted):
    town = house(storeys=2, height=height)
    town = dataclasses.replace(
        town,
        dwellings=Dwellings(id=np.array(["D"]), storey=np.array([0]), inner_area=np.array([float(inner)])),
        voids=Voids(
            storey=np.array([1]),
            outline=Polygons.from_shapely([shapely.box(2, 2, 8, 6)]),
            kind=np.array([VoidKind.VOID_ROOM]),
        ),
    )
    areas = floor_areas(town, method=AreaMethod.GBT50353_2013.at(LocalRules.LONGGANG_2025))
    hall = areas.items["void"] >= 0
    assert areas.counted("far_area")[hall].item() == pytest.approx(counted)
    assert areas.counted("building_area")[hall].item() == 0.0


@pytest.mark.parametrize(("depth", "width", "factor"), [(1.8, 4.4, 0.5), (1.8, 4.5, 1.0), (1.9, 4.0, 1.0)])
def test_floor_areas__shanghai_balcony(depth, width, factor):
    town = with_spaces(house(), [box(2, -depth, width, depth)], kind="balcony", roofed=1, enclosed=0)
    areas = floor_areas(town, method=AreaMethod.GBT50353_2013.at(LocalRules.SHANGHAI_2021))
    own = areas.items["space"] == 0
    assert areas.factor[own, 0].item() == factor
