from __future__ import annotations

import numpy as np
import pytest
import shapely
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components

from cimkit.errors import InputError
from cimkit.model.community import Community
from cimkit.model.kinds import FacilityKind, PathKind, ProjectType, RoomKind, SpaceKind, Status, StoreyKind
from cimkit.samples import courtyard_block, future_community, slab_rows


def _parts(community: Community) -> int:
    edges = community.path_edges
    n = len(community.path_nodes)
    used = np.unique(np.concatenate([edges.start, edges.end]))
    graph = coo_array((np.ones(len(edges)), (edges.start, edges.end)), shape=(n, n))
    _, label = connected_components(graph, directed=False)
    return len(np.unique(label[used]))


def test_slab_rows__areas_follow_from_the_numbers() -> None:
    block = slab_rows(rows=3, gap=25.0, storeys=5, length=50.0, depth=10.0)
    assert block.buildings.footprint.areas().tolist() == [500.0] * 3
    assert block.plates.outline.areas()[block.storeys.plate].sum() == 3 * 5 * 500
    assert block.parcels.outline.areas()[0] == 70.0 * 3 * 35.0
    assert block.buildings.height.tolist() == [15.0] * 3
    assert block.buildings.footprint.bounds()[1].tolist() == [0.0, 35.0, 50.0, 45.0]


def test_slab_rows__every_storey_has_a_south_window_each_3_6_m() -> None:
    block = slab_rows(rows=2, length=40.0, storeys=4)
    assert len(block.windows) == 2 * 4 * 11
    assert set(block.windows.azimuth.round(9)) == {180.0}
    assert sorted(set(block.windows.y)) == [0.0, 42.0]
    assert np.allclose(np.unique(block.windows.z), [0.9, 3.9, 6.9, 9.9])
    assert block.windows.id[0] == "S1/F1-W01"


def test_slab_rows__walk_to_the_kindergarten_is_known() -> None:
    block = slab_rows(rows=2, gap=30.0, length=40.0, depth=12.0)
    assert _parts(block) == 1
    assert (block.facilities.x[0], block.facilities.y[0]) == (45.0, 69.0)
    lane = block.path_edges.length[block.path_edges.width == 2.5]
    assert np.allclose(lane, 2.0 + 25.0)
    spots = {
        (round(float(x), 3), round(float(y), 3)) for x, y in zip(block.path_nodes.x, block.path_nodes.y, strict=True)
    }
    assert {(20.0, 12.0), (20.0, 54.0), (45.0, 69.0)} <= spots


def test_slab_rows__refuses_what_is_not_positive() -> None:
    with pytest.raises(InputError, match="gap must be > 0"):
        slab_rows(gap=0)


def test_courtyard_block__areas_and_windows() -> None:
    block = courtyard_block(side=50.0, depth=10.0, storeys=3)
    assert block.buildings.footprint.areas()[0] == 50**2 - 30**2
    per_side = 50 // 3.6 + 30 // 3.6
    assert len(block.windows) == 3 * 4 * per_side
    assert {float(a) for a in block.windows.azimuth.round(6) % 360} == {0.0, 90.0, 180.0, 270.0}
    with pytest.raises(InputError, match="side must be > 2 depth"):
        courtyard_block(side=20, depth=10)


def test_future_community__is_about_forty_buildings_of_all_states(site: Community) -> None:
    assert 38 <= len(site.buildings) <= 46
    counts = np.bincount(site.buildings.status, minlength=3)
    assert (counts >= 8).all()
    assert len(site.before().buildings) == counts[Status.EXISTING] + counts[Status.DEMOLISH]
    assert len(site.after().buildings) == counts[Status.EXISTING] + counts[Status.PLANNED]
    assert 5000 < len(site.windows) <= 12_000
    assert site.project_type == ProjectType.PARTIAL_REBUILD
    assert (site.city, site.frame.crs) == ("hangzhou", "EPSG:4549")
    lon, lat = site.frame.lonlat([(220.0, 200.0)])[0]
    assert (round(lon, 2), round(lat, 2)) == (120.17, 30.25)


def test_future_community__stages_stand_between_before_and_after(site: Community) -> None:
    ids = {s: set(site.after(s).buildings.id) for s in (0, 1, 2)}
    assert ids[0] == set(site.before().buildings.id)
    assert ids[2] == set(site.after().buildings.id)
    assert {"B01", "B02"} <= ids[1] - ids[0]


@pytest.mark.parametrize("state", ["before", "after"])
def test_future_community__houses_do_not_overlap_and_paths_keep_out(site: Community, state: str) -> None:
    there = getattr(site, state)()
    houses = there.buildings.footprint.to_shapely()
    first, second = shapely.STRtree(houses).query(houses, predicate="intersects")
    assert (first == second).all()
    lines = there.path_edges.course.to_shapely()
    core = shapely.union_all(shapely.buffer(houses, -0.5))
    shared = shapely.length(shapely.intersection(lines, core))
    through = {str(there.path_edges.id[k]) for k in np.flatnonzero(shared > 4.0)}
    assert not through, through


@pytest.mark.parametrize("state", ["before", "after"])
def test_future_community__network_is_one_piece(site: Community, state: str) -> None:
    there = getattr(site, state)()
    assert _parts(there) == 1
    used = np.unique(np.concatenate([there.path_edges.start, there.path_edges.end]))
    nodes = shapely.points(there.path_nodes.x[used], there.path_nodes.y[used])
    doors = there.entrances.building >= 0
    apart = [
        shapely.distance(shapely.MultiPoint(nodes), shapely.Point(x, y))
        for x, y in zip(there.entrances.x[doors], there.entrances.y[doors], strict=True)
    ]
    assert max(apart) < 0.02


def test_future_community__outlines_are_valid_and_references_hold(site: Community) -> None:
    for title in ("parcels", "buildings", "plates", "spaces"):
        table = getattr(site, title)
        shapes = getattr(table, table.shape_column()).to_shapely()
        assert shapely.is_valid(shapes).all(), title
        assert (shapely.area(shapes) > 0.5).all(), title
    for title in ("buildings", "spaces", "dwellings", "windows", "facilities", "entrances", "path_edges", "trees"):
        ids = getattr(site, title).names()
        assert len(set(ids)) == len(ids), title
    home = site.windows.dwelling >= 0
    assert (site.dwellings.storey[site.windows.dwelling[home]] == site.windows.storey[home]).all()
    lit = np.unique(site.windows.dwelling[home & np.isin(site.windows.room, [RoomKind.LIVING, RoomKind.BEDROOM])])
    assert len(lit) > 0.99 * len(site.dwellings)


def test_future_community__has_what_a_renewal_site_has(site: Community) -> None:
    kinds = set(site.spaces.kind)
    wanted = (
        "STILT SKY_GARDEN BALCONY BAY_WINDOW EQUIPMENT_PLATFORM GREEN CENTRAL_GREEN PLAZA PLAYGROUND PARKING SHELTER"
    )
    assert {int(SpaceKind[k]) for k in f"{wanted} EVACUATION_CORRIDOR ROOF_GREEN PUBLIC_PASSAGE WATER".split()} <= kinds
    assert {PathKind.STEPS, PathKind.RAMP, PathKind.CROSSING, PathKind.EVACUATION_CORRIDOR} <= set(site.path_edges.kind)
    assert {StoreyKind.STILT, StoreyKind.BASEMENT} <= set(site.storeys.kind)
    services = "KINDERGARTEN PRIMARY_SCHOOL ELDERLY_DAY_CARE HEALTH_STATION CANTEEN BUS_STOP"
    assert {int(FacilityKind[k]) for k in services.split()} <= set(site.facilities.kind)
    assert set(site.population.band) == {0, 1, 2, 3}
    assert np.ptp(site.buildings.ground_z) > 2.0


def test_future_community__has_faults_to_find(site: Community) -> None:
    stilt = np.flatnonzero(site.spaces.kind == SpaceKind.STILT)
    assert (site.spaces.clear_height[stilt] < 2.5).any()
    assert set(site.spaces.public[stilt]) == {True, False}
    rescue = site.path_edges.kind == PathKind.EVACUATION_CORRIDOR
    assert site.path_edges.width[rescue].min() < 4.0 < 7.0 < site.path_edges.width[rescue].max()
    nursery = np.flatnonzero(site.facilities.kind == FacilityKind.KINDERGARTEN)[0]
    homes = site.buildings.footprint.centroids()[np.unique(site.storeys.building[site.dwellings.storey])]
    away = np.hypot(*(homes - (site.facilities.x[nursery], site.facilities.y[nursery])).T)
    assert (away < 200).any()
    assert (away > 300).any()


def test_future_community__steps_have_a_ramp_beside_them(site: Community) -> None:
    e = site.path_edges
    rise = np.abs(site.path_nodes.z[e.end] - site.path_nodes.z[e.start])
    steps, ramps = e.kind == PathKind.STEPS, e.kind == PathKind.RAMP
    assert (rise[steps] > 1.4).all()
    assert (rise[ramps] / e.length[ramps]).max() < 0.083


def test_future_community__same_seed_same_site(site: Community) -> None:
    again, other = future_community(0), future_community(1)
    for title, table in site.tables.items():
        for col in table.columns():
            one, two = getattr(table, col.name), getattr(again.tables[title], col.name)
            one, two = (getattr(v, "xy", getattr(v, "xyz", v)) for v in (one, two))
            assert np.array_equal(one, two, equal_nan=np.asarray(one).dtype.kind == "f"), (title, col.name)
    assert not np.array_equal(site.trees.x, other.trees.x[: len(site.trees)])
