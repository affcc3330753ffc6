"""Communities from records and frames: references, filters, notes, what is derived."""

from __future__ import annotations

import dataclasses

import geopandas as gpd
import numpy as np
import pandas as pd
import pytest
import shapely
from hypothesis import given, settings
from hypothesis import strategies as st

from cimkit.errors import InputError, MissingDataError
from cimkit.model.changes import remove_object, replace_building
from cimkit.model.community import Community
from cimkit.model.derive import derive_dwellings, derive_population, derive_windows
from cimkit.model.kinds import BuildingUse, Provenance, SpaceKind, StoreyKind
from cimkit.model.records import Building, Facility, Location, Parcel, Path, Space, Window
from cimkit.model.tables import Storeys
from cimkit.model.validate import validate


def box(x: float, y: float, w: float, d: float) -> shapely.Polygon:
    return shapely.box(x, y, x + w, y + d)


@pytest.fixture(scope="module")
def block() -> Community:
    return Community.of(
        name="block",
        location=Location(30.25, 120.17),
        parcels=[Parcel("P1", box(-10, -10, 80, 80), far_max=2.0)],
        buildings=[
            Building("A", box(0, 0, 40, 12), storeys=11, stilt=True, parapet=0.6, basements=1),
            Building("B", box(0, 40, 40, 12), storeys=6, status="planned"),
            Building("C", box(45, 0, 10, 10), storeys=3, status="demolish"),
        ],
        others=[
            Space("S1", "stilt", box(0, 0, 40, 12), building="A", level=1, public=True),
            Window("W1", "A", 20, 0, 3.9, 180),
            Facility("F1", "kindergarten", 60, 20),
            Path("p", [(0, -5), (60, -5), (60, 20)]),
        ],
    )


def test_of__storeys_heights_and_references(block: Community) -> None:
    s = block.storeys
    assert s.names()[:2].tolist() == ["A/B1", "A/F1"]
    assert s.kind[:3].tolist() == [StoreyKind.BASEMENT, StoreyKind.STILT, StoreyKind.NORMAL]
    assert block.buildings.height.tolist() == pytest.approx([33.6, 18.0, 9.0])
    assert block.buildings.parcel.tolist() == [0, 0, 0]
    assert s.names()[block.spaces.storey[0]] == "A/F1"


def test_building__gives_the_record_back(block: Community) -> None:
    a = block.building("A")
    assert (a.storeys, a.basements, a.stilt, a.storey_height, a.status) == (11, 1, True, 3.0, "existing")
    assert a.parapet == pytest.approx(0.6)
    with pytest.raises(InputError, match="id must be one of the 3 ids"):
        block.building("Z")


def test_before_after__are_one_filter(block: Community) -> None:
    assert block.before().buildings.id.tolist() == ["A", "C"]
    assert block.after().buildings.id.tolist() == ["A", "B"]
    assert block.after().storeys.building.max() == 1
    assert block.after().windows.id.tolist() == ["W1"]
    only = block.keep({"buildings": np.array([False, True, True])})
    assert len(only.windows) == len(only.spaces) == 0
    assert only.storeys.names()[0] == "B/F1"
    assert len(block.buildings) == 3  # the input is not changed


def test_replace_building__leaves_the_old_community_alone(block: Community) -> None:
    taller = dataclasses.replace(block.building("B"), storeys=9)
    after = replace_building(block, taller)
    assert after.building("B").storeys == 9
    assert block.building("B").storeys == 6
    assert set(after.buildings.id.tolist()) == {"A", "B", "C"}
    assert after.windows.id.tolist() == ["W1"]
    again = replace_building(after, dataclasses.replace(after.building("A"), storeys=5))
    assert "W01" in again.notes.summary()
    assert len(remove_object(after, "A").windows) == 0
    assert validate(after).at_least("error").to_frame()["code"].tolist() in ([], ["C01"])


def test_solids__open_ground_storey_leaves_air_below(block: Community) -> None:
    solid = block.solids
    a = np.flatnonzero(solid.owner == 0)
    assert solid.base[a].tolist() == pytest.approx([3.0])
    assert solid.top[a].tolist() == pytest.approx([33.6])


def test_community__wrong_references_are_refused(block: Community) -> None:
    with pytest.raises(InputError, match="storeys, row 0: building must be a row of buildings"):
        Community(storeys=Storeys(building=np.array([5]), level=np.array([1])))


def test_of__bad_records_are_refused() -> None:
    with pytest.raises(InputError, match="'X': outline must not cross itself"):
        Community.of(buildings=[Building("X", [(0, 0), (2, 2), (2, 0), (0, 2)])])
    with pytest.raises(InputError, match="ids must be unique; got 'X' 2 times"):
        Community.of(buildings=[Building("X", box(0, 0, 1, 1)), Building("X", box(2, 0, 1, 1))])
    with pytest.raises(InputError, match="latitude must be in"):
        Location(120.17, 30.25)
    with pytest.raises(InputError, match=r"storey_height > 0 m; got 1, 0 and -3\.0"):
        Community.of(buildings=[Building("X", box(0, 0, 1, 1), storey_height=-3.0)])


@pytest.mark.parametrize("cut", [{"storeys": 2.5}, {"basements": 0.5}, {"storeys": float("nan")}])
def test_of__a_part_of_a_storey_is_refused(cut: dict[str, float]) -> None:
    with pytest.raises(InputError, match=r"building 'X': storeys and basements must be whole numbers >= 0"):
        Community.of(buildings=[Building("X", box(0, 0, 1, 1), **cut)])


def test_require_location__says_what_to_do() -> None:
    with pytest.raises(MissingDataError, match="give location= or a CRS"):
        Community.of(buildings=[Building("X", box(0, 0, 1, 1))]).require_location()


@pytest.fixture
def footprints() -> gpd.GeoDataFrame:
    shapes = [box(520_000, 3_350_000, 20, 10), box(520_050, 3_350_000, 20, 10), box(520_090, 3_350_000, 20, 10)]
    data = {
        "楼号": ["1", "2", "2"],
        "层数": ["18F", "6", None],
        "用途": ["住宅", "商业", "神秘"],
        "业主": ["甲", "乙", "丙"],
    }
    return gpd.GeoDataFrame(data, geometry=shapes, crs="EPSG:4549")


def test_from_frames__chinese_columns_and_every_guess_noted(footprints: gpd.GeoDataFrame) -> None:
    c = Community.from_frames(buildings=footprints)
    b = c.buildings
    assert b.id.tolist() == ["1", "2", "2~2"]
    assert b.n_above.tolist() == [18, 6, 3]
    assert b.use.tolist() == [BuildingUse.RESIDENTIAL, BuildingUse.RETAIL, BuildingUse.UNKNOWN]
    assert b.height.tolist() == pytest.approx([54.0, 27.0, 9.0])
    assert b.height_src.tolist() == [Provenance.FROM_STOREYS, Provenance.FROM_STOREYS, Provenance.DEFAULT]
    assert b.extra["业主"].tolist() == ["甲", "乙", "丙"]
    assert {"M01", "M04", "M06", "H02", "H07"} <= set(c.notes.summary())
    assert c.location is not None
    assert c.buildings.to_frame().crs.to_epsg() == 4549
    np.testing.assert_allclose(
        shapely.area(c.buildings.to_frame().geometry.to_numpy()), footprints.geometry.area.to_numpy()
    )


def test_from_frames__storey_table_replaces_the_guess(footprints: gpd.GeoDataFrame) -> None:
    storeys = pd.DataFrame({"楼号": ["1"] * 3, "层": [-1, 1, 2], "层高": [3.9, 4.5, 3.0], "类型": ["", "架空层", ""]})
    c = Community.from_frames(buildings=footprints, storeys=storeys)
    own = c.storeys.take(c.storeys.building == 0)
    assert own.level.tolist() == [-1, 1, 2]
    assert own.z.tolist() == pytest.approx([-3.9, 0.0, 4.5])
    assert own.enclosed.tolist() == [True, False, True]
    assert (c.storeys.building == 1).sum() == 6


def test_from_frames__geographic_input_is_projected_and_said() -> None:
    shapes = [shapely.box(120.17, 30.25, 120.1702, 30.2501)]
    c = Community.from_frames(buildings=gpd.GeoDataFrame({"Floor": [3]}, geometry=shapes, crs="EPSG:4326"))
    assert c.frame.crs == "EPSG:4549"
    assert "C03" in c.notes.summary()
    assert 200 < c.buildings.footprint.areas()[0] < 220


def test_from_frames__text_heights_and_feet() -> None:
    shapes = [box(0, 0, 10, 10), box(20, 0, 10, 10), box(40, 0, 10, 10)]
    gdf = gpd.GeoDataFrame({"height": ["22 m", "60 ft", "tall"]}, geometry=shapes, crs="EPSG:4549")
    c = Community.from_frames(buildings=gdf)
    assert c.buildings.height[:2].tolist() == pytest.approx([22.0, 18.288])
    assert {"C05", "M05"} <= set(c.notes.summary())


def test_from_frames__nothing_is_dropped_in_silence() -> None:
    shapes = [box(0, 0, 10, 10), None, shapely.Polygon([(0, 0), (np.inf, 1), (1, 1)])]
    c = Community.from_frames(buildings=gpd.GeoDataFrame({"Floor": [1, 2, 3]}, geometry=shapes, crs="EPSG:4549"))
    assert len(c.buildings) == 1
    assert c.notes.summary()["G101"] == 2


def test_from_frames__unknown_table() -> None:
    with pytest.raises(InputError, match="frames: tables must be one of 'parcels'"):
        Community.from_frames(buildings=gpd.GeoDataFrame(geometry=[]), more={"rivers": pd.DataFrame()})


def test_derive_windows__none_on_a_party_wall() -> None:
    c = Community.of(
        buildings=[Building("A", box(0, 0, 12, 10), storeys=2), Building("B", box(12, 0, 12, 10), storeys=1)]
    )
    w = derive_windows(c)
    toward_b = (w.building == 0) & (w.azimuth == 90)
    assert set(c.storeys.level[w.storey[toward_b]].tolist()) == {2}
    assert (w.width <= 1.8).all()
    assert w.z.min() == pytest.approx(0.9)
    assert len(set(w.id.tolist())) == len(w)


def test_derive_dwellings_and_population__sums_agree() -> None:
    c = Community.of(buildings=[Building("A", box(0, 0, 40, 12), storeys=5, stilt=True)])
    d = derive_dwellings(c)
    assert len(d) == 4 * 5
    people = derive_population(dataclasses.replace(c, dwellings=d))
    assert people.persons.sum() == pytest.approx(4 * 480 / 35)


def test_validate__planted_faults_are_found() -> None:
    c = Community.of(
        parcels=[Parcel("P", box(0, 0, 30, 60))],
        buildings=[
            Building("A", box(1, 1, 20, 10), storeys=4, storey_height=1.0),
            Building("B", box(10, 5, 30, 10), storeys=4),
            Building("C", box(1, 15.3, 8, 8)),
            Building("D", box(1, 23.5, 8, 8)),
        ],
        others=[
            Space("S", "stilt", box(0, 0, 5, 5), building="A", level=1),
            Path("p", [(0, -5), (9, -5)]),
            Path("q", [(0, 99), (9, 99)]),
        ],
    )
    found = validate(c).summary()
    assert {"H03": 1, "P02": 1, "P03": 1, "P04": 1, "P05": 1, "N01": 2}.items() <= found.items()
    frame = validate(c).to_frame()
    assert set(frame["severity"]) <= {"error", "warning", "info"}
    with pytest.raises(InputError, match="note\\(s\\) of severity warning or worse"):
        validate(c).raise_on("warning")


@settings(max_examples=25, deadline=None)
@given(st.integers(0, 12), st.integers(0, 3), st.floats(2.2, 6.0), st.booleans())
def test_of__storeys_stack_without_gaps(storeys: int, basements: int, height: float, stilt: bool) -> None:
    b = Building("A", box(0, 0, 20, 10), storeys=storeys, basements=basements, storey_height=height, stilt=stilt)
    c = Community.of(buildings=[b])
    assert len(c.storeys) == storeys + basements
    assert "H04" not in validate(c).summary()
    assert c.buildings.height[0] == pytest.approx(storeys * height)


def test_space_kinds__chinese_and_code_agree() -> None:
    assert SpaceKind.parse("架空空间") is SpaceKind.STILT
    with pytest.raises(InputError, match="SpaceKind must be one of"):
        SpaceKind.parse("castle")


def test_from_frames__damaged_numbers_of_storeys_count_as_unknown() -> None:
    shapes = [shapely.box(20 * k, 0, 20 * k + 10, 10) for k in range(3)]
    data = {"id": ["a", "b", "c"], "n_above": [6, 2**40, -1], "height": [18.0, 30.0, 1e300]}
    c = Community.from_frames(buildings=gpd.GeoDataFrame(data, geometry=shapes, crs="EPSG:4549"))
    assert c.buildings.n_above.tolist() == [6, 10, 300]
    assert c.notes.summary()["M05"] == 1
