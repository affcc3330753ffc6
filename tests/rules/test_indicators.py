"""Indicators of site, streets, sky and view: numbers worked by hand, and what is unknown without data."""

from __future__ import annotations

import dataclasses
from typing import Any

import numpy as np
import pytest
import shapely

from cimkit.errors import FormatError, InputError
from cimkit.geometry.terrain import Terrain
from cimkit.model.community import Community
from cimkit.model.kinds import EntranceKind, SpaceKind
from cimkit.model.records import Building, Facility, Location, Parcel, Path, Space
from cimkit.model.tables import Entrances, Population
from cimkit.rules.check import check
from cimkit.rules.findings import Verdict
from cimkit.rules.indicator import Subjects, SunSetting, Values
from cimkit.rules.indicators import INDICATORS
from cimkit.rules.load import load_pack, load_packs, pack_names
from cimkit.rules.measurements import Measurements
from cimkit.rules.place import climate_zone_at, place_of
from cimkit.rules.subjects import named
from cimkit.samples import slab_rows
from cimkit.sim.joined import homes_of
from cimkit.sim.site_ratios import wall_roads

HANGZHOU = Location(30.25, 120.17)


def measured(name: str, community: Community, **given: Any) -> tuple[Subjects, Values]:
    m = Measurements(community)
    subjects = m.subjects(INDICATORS[name], given)
    return subjects, m.values(INDICATORS[name], given)


def values(name: str, community: Community, **given: Any) -> list[float]:
    return measured(name, community, **given)[1].values.tolist()


def with_gates(community: Community, *xy: tuple[float, float], kind: EntranceKind = EntranceKind.GATE) -> Community:
    x, y = np.array(xy, dtype=float).T
    ids = np.array([f"G{k + 1}" for k in range(len(xy))], dtype=object)
    building = np.zeros(len(xy), dtype=int) if kind is EntranceKind.UNIT else np.full(len(xy), -1)
    return dataclasses.replace(
        community, entrances=Entrances(id=ids, kind=np.full(len(xy), kind), x=x, y=y, building=building)
    )


def people(community: Community, *persons: float) -> Community:
    n = len(persons)
    table = Population(building=np.arange(n), band=np.ones(n, dtype=int), persons=np.array(persons))
    return dataclasses.replace(community, population=table)


def street(ident: str, *points: tuple[float, float], name: str = "", kind: str = "street") -> Path:
    return Path(ident, points, kind=kind, width=12.0)


# --- streets -----------------------------------------------------------------------------------------------


def test_street_spacing__longer_side_of_what_streets_close() -> None:
    lines = [street(f"v{x}", (x, 0), (x, 120)) for x in (0, 200, 500)]
    lines += [street(f"h{y}", (0, y), (500, y)) for y in (0, 120)]
    assert sorted(values("street_spacing", Community.of(others=lines))) == [200.0, 300.0]


def test_street_spacing__unknown_without_a_closed_block() -> None:
    subjects, _ = measured("street_spacing", Community.of(others=[street("a", (0, 0), (100, 0))]))
    assert "close a block" in subjects.missing


def test_street_width__from_parcel_to_parcel() -> None:
    parcels = [Parcel("P1", shapely.box(0, 0, 100, 50)), Parcel("P2", shapely.box(0, 68, 100, 120))]
    both = Community.of(parcels=parcels, others=[street("a", (0, 60), (100, 60))])
    assert values("street_width", both, path="street") == [18.0]
    one = Community.of(parcels=parcels[:1], others=[street("a", (0, 60), (100, 60))])
    assert np.isnan(values("street_width", one, path="street")).all()


@pytest.mark.parametrize(
    ("at", "longest", "least"),
    [((100, 300, 650), 350.0, 350.0), ((100,), np.inf, 700.0), ((), np.nan, 700.0)],
)
def test_crossing_spacing__longest_stretch_between_crossings(
    at: tuple[float, ...], longest: float, least: float
) -> None:
    paths = [street("a", (0, 0), (700, 0)), *(Path(f"c{x}", [(x, -6), (x, 6)], kind="crossing") for x in at)]
    town = Community.of(others=paths)
    edges = town.path_edges
    name = np.where(edges.kind == edges.kind[0], "Long Street", "").astype(object)
    _, got = measured("crossing_spacing", dataclasses.replace(town, path_edges=dataclasses.replace(edges, name=name)))
    assert got.values.tolist() == pytest.approx([longest], nan_ok=True)
    assert got.least is not None
    assert got.least.tolist() == [least]


def test_gate_spacing__along_the_border() -> None:
    block = Community.of(parcels=[Parcel("P", shapely.box(0, 0, 100, 50))])
    assert values("gate_spacing", with_gates(block, (50, 0), (50, 50))) == [150.0]
    assert values("gate_spacing", with_gates(block, (50, 2))) == [300.0]
    assert np.isnan(values("gate_spacing", block)).all()


def test_gate_crossing_distance__straight() -> None:
    block = with_gates(Community.of(others=[Path("c", [(30, 40), (30, 60)], kind="crossing")]), (0, 0))
    assert values("gate_crossing_distance", block) == [50.0]


def test_main_drive_width__widest_on_the_parcel() -> None:
    drives = [Path("a", [(10, 10), (90, 10)], kind="service", width=3.0)]
    drives += [Path("b", [(10, 30), (90, 30)], kind="service", width=5.5)]
    block = Community.of(parcels=[Parcel("P", shapely.box(0, 0, 100, 50))], others=drives)
    assert values("main_drive_width", block) == [5.5]


def test_road_distance__wall_entrance_gable() -> None:
    """A 10 m × 30 m house; a road 4 m wide with its middle 5 m before the east wall, one 3 m wide north of it."""
    roads = [Path("e", [(15, -20), (15, 50)], kind="service", width=4.0)]
    roads += [Path("n", [(-20, 34), (30, 34)], kind="service", width=3.0)]
    house = Community.of(buildings=[Building("B", shapely.box(0, 0, 10, 30))], others=roads)
    near = wall_roads(house)
    assert near["wall"][0] == (3.0, 4.0)
    assert near["gable"][0] == (2.5, 3.0)
    assert near["entrance"][0][0] == np.inf
    entered = with_gates(house, (10, 15), kind=EntranceKind.UNIT)
    assert wall_roads(entered)["entrance"][0] == (3.0, 4.0)
    subjects, got = measured("road_distance", entered, wall="entrance")
    assert (subjects.attributes["road"].tolist(), got.values.tolist()) == (["main"], [3.0])
    assert measured("road_distance", entered, wall="gable")[0].attributes["road"].tolist() == ["minor"]


# --- the whole circle --------------------------------------------------------------------------------------


def land(**uses: tuple[str, float]) -> Community:
    parcels, x = [], 0.0
    codes = []
    for name, (code, width) in uses.items():
        parcels.append(Parcel(name, shapely.box(x, 0, x + width, 100)))
        codes.append(code)
        x += width
    made = Community.of(parcels=parcels)
    return dataclasses.replace(made, parcels=dataclasses.replace(made.parcels, land_use=np.array(codes, dtype=object)))


def test_land_use_share__by_code_and_only_with_roads() -> None:
    circle = land(a=("R2", 60), b=("A33", 10), c=("0701", 10), d=("S1", 15), e=("G1", 5))
    assert values("land_use_share", circle, land="housing") == [pytest.approx(70.0)]
    assert values("land_use_share", circle, land="roads") == [pytest.approx(15.0)]
    for open_ in (land(a=("R2", 60)), land(a=("R2", 60), b=("", 10), c=("S1", 10))):
        _, got = measured("land_use_share", open_, land="housing")
        assert np.isnan(got.values).all()
        assert "land use" in got.missing


def test_tier_area_per_1000__what_is_not_stated_leaves_a_range() -> None:
    house = Building("B", shapely.box(0, 0, 10, 30))
    day_care = Facility("F1", "elderly_day_care", 5, 5, area=400.0)
    stated = people(Community.of(buildings=[house], others=[day_care]), 500.0)
    _, got = measured("tier_area_per_1000", stated, tier=5)
    assert (got.values.tolist(), got.least.tolist()) == ([800.0], [800.0])  # type: ignore[union-attr]
    partly = people(Community.of(buildings=[house], others=[day_care, Facility("F2", "fitness", 8, 8)]), 500.0)
    _, got = measured("tier_area_per_1000", partly, tier=5)
    assert (got.values.tolist(), got.least.tolist()) == ([np.inf], [800.0])  # type: ignore[union-attr]


def test_park__area_and_width_of_the_largest() -> None:
    greens = [Space("G1", "green", shapely.box(0, 0, 100, 40), public=True)]
    greens += [Space("G2", "green", shapely.box(0, 50, 200, 100))]  # not open to everybody
    town = Community.of(others=greens)
    assert values("park_area", town) == [4000.0]
    assert values("park_width", town) == [pytest.approx(40.0, abs=0.03)]
    assert np.isnan(values("park_area", Community.of())).all()


def test_shelter__on_the_parcel_and_for_those_nearest() -> None:
    houses = [Building("B1", shapely.box(0, 0, 10, 10)), Building("B2", shapely.box(60, 0, 70, 10))]
    parcels = [Parcel("P1", shapely.box(-5, -5, 45, 45)), Parcel("P2", shapely.box(55, -5, 105, 45))]
    ground = Space("紧急避难场地", "shelter", shapely.box(20, 20, 40, 40))
    town = people(Community.of(buildings=houses, parcels=parcels, others=[ground]), 200.0, 100.0)
    assert values("parcel_shelter_per_person", town) == [2.0, 0.0]
    subjects, got = measured("shelter_load", town)
    assert got.values.tolist() == [pytest.approx(400.0 / 300.0)]
    assert len(subjects.attributes["shelter"]) == 1
    none = dataclasses.replace(town, spaces=town.spaces.take(np.zeros(0, dtype=int)))
    assert "shelters" in measured("shelter_load", none)[0].missing


def test_served_residents__by_the_nearest_way() -> None:
    houses = [Building("B1", shapely.box(0, 0, 10, 10)), Building("B2", shapely.box(300, 0, 310, 10))]
    parks = [Facility("K1", "park", 20, 5, name="口袋公园"), Facility("K2", "park", 290, 5)]
    town = people(Community.of(buildings=houses, others=parks), 30.0, 50.0)
    sized = dataclasses.replace(town.facilities, land_area=np.array([3000.0, np.nan]))
    town = dataclasses.replace(town, facilities=sized)
    subjects, got = measured("served_residents", town, kind="park")
    assert dict(zip(subjects.ids, got.values.tolist(), strict=True)) == {"K1": 30.0, "K2": 50.0}
    each = values("served_land_per_person", town, kind="park")
    assert each[0] == 100.0
    assert np.isnan(each[1])


def test_storey_clear_height__floor_to_floor_is_only_an_upper_end() -> None:
    house = Community.of(buildings=[Building("B", shapely.box(0, 0, 10, 30), basements=1)])
    _, got = measured("storey_clear_height", house, storey="basement")
    assert got.least is not None
    assert got.least.tolist() == [0.0]
    assert got.values.tolist() == house.storeys.height[house.storeys.level < 0].tolist()


def test_named__classes_told_by_names() -> None:
    assert named("shelter", ["短期避难场所", "广场"]).tolist() == ["short", ""]
    assert named("passage", ["救灾干道", ""], "secondary").tolist() == ["rescue", "secondary"]


def test_playground__belongs_to_the_building_beside_it() -> None:
    yard = Space("Y", "playground", shapely.box(0, 40, 30, 60))
    town = Community.of(buildings=[Building("K", shapely.box(0, 0, 30, 30), use="kindergarten")], others=[yard])
    subjects, _ = measured("space_area", town, space="playground")
    assert subjects.attributes["beside"].tolist() == ["kindergarten"]


# --- sky and view ------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def alone() -> Community:
    return slab_rows(rows=1, storeys=2)


def test_vertical_sky_component__free_facade(alone: Community) -> None:
    assert INDICATORS["sky_component_ratio"].relative
    assert np.allclose(values("vertical_sky_component", alone), 39.6, atol=0.15)  # 39.62 %, CIE overcast sky


def test_sky_component_ratio__with_the_state_before() -> None:
    now, before = slab_rows(rows=2, gap=10.0, storeys=4), slab_rows(rows=2, gap=10.0, storeys=4)
    far = dataclasses.replace(before, buildings=before.buildings, name="before")
    same = check(now, packs=["UK-BRE-209"], before=far)
    ratios = [f for f in same if f.rule.id == "bre209-vsc-ratio"]
    assert {f.verdict.value for f in ratios} == {"pass"}
    blocked = [f.measured for f in ratios if np.isfinite(f.measured)]
    assert blocked
    assert np.allclose(blocked, 1.0)
    without = check(now, packs=["UK-BRE-209"])
    assert {f.verdict.value for f in without if f.rule.id == "bre209-vsc-ratio"} == {"unknown"}
    assert all("--before" in f.note for f in without if f.rule.id == "bre209-vsc-ratio")
    assert all("--weather" in f.note for f in without if f.rule.id == "bre209-apsh")


def test_view_distance__to_the_row_in_front() -> None:
    block = slab_rows(rows=2, gap=25.0, storeys=3)
    subjects, got = measured("view_distance", block)
    behind = np.array([str(i).startswith("S2") for i in subjects.ids])
    assert np.allclose(got.values[behind], 25.0, atol=0.1)
    assert np.allclose(got.values[~behind], 60.0)


def test_empty_land_sunlight__beyond_the_edge() -> None:
    wall = Building("W", shapely.box(-300, -12, 300, 0), storeys=6)
    plots = [Parcel("P1", shapely.box(-300, -20, 300, 0)), Parcel("P2", shapely.box(-40, 8, 40, 60))]
    town = Community.of(buildings=[wall], parcels=plots, location=HANGZHOU)
    day = {"day": "great_cold", "band": [8, 16]}
    subjects, at_edge = measured("empty_land_sunlight", town, **day)
    _, beyond = measured("empty_land_sunlight", town, edge=12, **day)
    assert subjects.ids.tolist() == ["P2"]
    assert at_edge.values[0] == 0.0  # 8 m behind 18 m: in shade at noon (ratio 1.207)
    assert 0.0 < beyond.values[0] < 8.0


def test_dwelling_sunlight__on_a_chosen_day(alone: Community) -> None:
    """About the equinox the sun stands before a south wall from six to six."""
    _, got = measured("dwelling_sunlight", alone, day="03-21", band=[0, 24], min_segment=0)
    assert np.allclose(got.values, 12.0, atol=0.15)
    opening = {"day": "03-21", "band": [0, 24], "min_segment": 0, "at": "opening"}
    behind = slab_rows(rows=2, gap=9.88)  # the noon sun passes 1.05 m above the ground
    _, sills = measured("dwelling_sunlight", behind, **(opening | {"at": "sill"}))
    _, middles = measured("dwelling_sunlight", behind, **opening)
    assert (middles.values >= sills.values - 1e-9).all()  # EN 17037 measures 1.2 m above the floor
    assert (middles.values > sills.values + 0.05).any()
    assert SunSetting.of({"day": "03-21"}).first == 0.0
    with pytest.raises(InputError, match="03-21"):
        SunSetting.of({"day": "13-01"})


def test_park_sports_share__counts_grounds_cut_out_of_the_green() -> None:
    park = shapely.box(0, 0, 100, 100) - shapely.box(10, 10, 40, 40)
    green = Space("G", "green", park, public=True)
    grounds = [
        Space("S", "playground", shapely.box(10, 10, 40, 40)),
        Space("T", "playground", shapely.box(95, 0, 105, 40)),
    ]
    assert values("park_sports_share", Community.of(others=[green, *grounds])) == pytest.approx([9.0 + 2.0])
    assert values(
        "park_sports_share", Community.of(others=[green, Space("F", "playground", shapely.box(200, 0, 210, 9))])
    ) == [0.0]
    _, got = measured("park_sports_share", Community.of(others=[green]))
    assert np.isnan(got.values).all()
    assert "playground" in got.missing


def test_functions__kinds_in_the_building_of_the_complex() -> None:
    houses = [Building("A", shapely.box(0, 0, 20, 20)), Building("B", shapely.box(50, 0, 70, 20))]
    inside = ["service_complex", "elderly_day_care", "elderly_service", "canteen", "canteen", "library"]
    services = [Facility(f"F{k}", kind, 5, 5) for k, kind in enumerate([*inside, "service_complex", "nursery"])]
    town = Community.of(buildings=houses, others=services)
    building = np.array([0] * len(inside) + [1, -1])
    town = dataclasses.replace(town, facilities=dataclasses.replace(town.facilities, building=building))
    for name, count in (("functions", 4.0), ("core_functions", 2.0)):
        assert values(name, town, kind="service_complex") == pytest.approx([count, np.nan], nan_ok=True)


# --- place and packs ---------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("latitude", "longitude", "zone"),
    [
        *((45.75, 126.65, "I"), (39.90, 116.40, "II"), (31.23, 121.47, "III"), (31.30, 120.62, "III")),
        *((23.13, 113.27, "IV"), (25.04, 102.71, "V"), (29.65, 91.12, "VI"), (43.83, 87.62, "VII")),
        *((33.5, 118.0, ""), (48.85, 2.35, "")),
    ],
)
def test_climate_zone__where_it_is_certain(latitude: float, longitude: float, zone: str) -> None:
    assert climate_zone_at(latitude, longitude) == zone


def test_climate_zone__from_the_coordinates_says_so() -> None:
    found = check(slab_rows(), packs=["CN-GB50180-2018"])
    assert found.place.climate_zone == "III"
    assert [n.code for n in found.notes if n.code == "C06"] == ["C06"]
    assert not [n for n in check(slab_rows(), city="hangzhou").notes if n.code == "C06"]
    assert place_of(slab_rows(), known={"climate_zone": "IV"}).climate_zone == "IV"


def test_circle__stated_makes_its_row_hold() -> None:
    town = people(Community.of(buildings=[Building("B", shapely.box(0, 0, 10, 30))]), 8000.0)
    rule = "gb50180-3.0.1-population"
    asked = {c: check(town, packs=["CN-GB50180-2018"], place={"circle": c} if c else None) for c in ("", "5", "10")}
    (unknown,), (met,), (short,) = ([f for f in asked[c] if f.rule.id == rule] for c in ("", "5", "10"))
    assert (unknown.verdict.value, met.verdict.value, short.verdict.value) == ("unknown", "pass", "fail")
    assert "--place circle" in unknown.note


@pytest.mark.parametrize(
    ("persons", "circle"),
    [*((999, "part"), (1000, "block"), (3000, "block"), (3001, "part"), (4999, "part"), (5000, ""), (60_000, ""))],
)
def test_circle__few_residents_are_no_whole_circle(persons: int, circle: str) -> None:
    town = people(Community.of(buildings=[Building("B", shapely.box(0, 0, 10, 30))]), float(persons))
    found = check(town, packs=["CN-GB50180-2018"])
    assert found.place.circle == circle
    assert [n.code for n in found.notes if n.code == "C07"] == ["C07"] * bool(circle)
    waiting = [f for f in found if "circle is not known" in f.note]
    assert bool(waiting) == (not circle)
    assert not [f for f in found if f.rule.id == "gb50180-3.0.1-population" and f.verdict is Verdict.FAIL]
    assert check(town, packs=["CN-GB50180-2018"], place={"circle": "10"}).place.circle == "10"


def test_place__knows_its_words() -> None:
    for known, said in (({"circle": "7"}, "'15', '10', '5', 'block', 'part'"), ({"zone": "I"}, "climate_zone")):
        with pytest.raises(InputError, match=said):
            place_of(slab_rows(), known=known)


def test_unknown__what_concerns_all_is_said_once() -> None:
    block = slab_rows(rows=3)
    school = [f for f in check(block, packs=["CN-GB50180-2018"]) if f.rule.id == "gb50180-primary-school-distance"]
    assert len(np.unique(homes_of(block).door)) == 3
    assert [(f.verdict.value, f.object) for f in school] == [("unknown", "")]
    assert "no primary_school" in school[0].note
    assert school[0].note.endswith("concerns all 3 objects")


def test_role__must_be_known(tmp_path: Any) -> None:
    pack = tmp_path / "p.toml"
    head = '[pack]\nname = "p"\nlevel = "project"\nsource = "s"\nstandard = "t"\n'
    text = head + '[[rule]]\nid = "r"\nmark = "P"\ntext = "x"\n'
    pack.write_text(f'{text}why = "y"\nrole = "limits"\n', encoding="utf-8")
    with pytest.raises(FormatError, match="role must be one of"):
        load_pack(pack)


def test_rules__state_of_each_is_known() -> None:
    rules = [r for n in pack_names() for r in load_pack(n)]
    states = [r.state for r in rules]
    assert set(states) == {"judged", "measured", "method", "advice", "open"}
    assert sum(s == "open" for s in states) < 45
    assert sum(s == "judged" for s in states) >= 205
    words = ("needs evidence", "needs data", "needs the document", "needs work", "needs a simulation", "threshold not")
    assert all(r.why.startswith(words) for r in rules if r.state == "open")


def test_packs__no_number_stands_twice() -> None:
    """Packs inherit by ``extends``: two of them never state the same clause with the same indicator and limits."""
    seen: dict[tuple[Any, ...], str] = {}
    for pack in load_packs(pack_names()):
        for rule in pack:
            for q in rule.requirements:
                limits = (str(q.low), str(q.high), q.usual)
                if q.usual or q.limit_from:
                    what = tuple(sorted((k, str(v)) for k, v in (*q.when.items(), *q.with_.items())))
                    key = (rule.standard, rule.clause, rule.indicator or rule.id, rule.comparator, limits, what)
                    assert key not in seen, f"{rule.id} states what {seen[key]} does"
                    seen[key] = rule.id
    assert SpaceKind.DECK.zh


def test_sunlit_ground_share__stands_on_the_terrain() -> None:
    """Open ground 10 m above the origin lies in the sun, not below the terrain."""
    lawn = Community.of(others=[Space("G", "plaza", shapely.box(0, 0, 20, 20))], location=HANGZHOU)
    hill = Terrain(x0=-50.0, y0=-50.0, spacing=50.0, z=np.full((4, 4), 10.0))
    day = {"space": "plaza", "hours": 2, "day": "great_cold"}
    assert values("sunlit_ground_share", lawn, **day) == [100.0]
    assert values("sunlit_ground_share", dataclasses.replace(lawn, terrain=hill), **day) == [100.0]
