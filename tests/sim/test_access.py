"""Walking: by hand, against scipy on the split network, and properties."""

from __future__ import annotations

import numpy as np
import pytest
import shapely
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.sparse import coo_array
from scipy.sparse.csgraph import dijkstra

from cimkit.errors import InputError, MissingDataError
from cimkit.model.community import Community
from cimkit.model.kinds import FacilityKind
from cimkit.model.records import Building, Facility, Path
from cimkit.sim.access import service_access, walk_times
from cimkit.sim.joined import homes_of, join
from cimkit.sim.network import WalkMethod, WalkNetwork
from cimkit.sim.reach import floating_catchments, nearest_places, reach_sums, walk_matrix
from cimkit.sim.routes import path_use

FLAT = WalkMethod("test", speed_ms=1.0, slopes=False)


def street(others: list[object], *, length: float = 100.0, storeys: int = 1) -> Community:
    house = Building("A", shapely.box(10, 5, 20, 15), storeys=storeys)
    return Community.of(buildings=[house], others=[Path("p", [(0, 0), (length, 0)]), *others])


def test_walk_times__both_on_one_edge_with_their_legs() -> None:
    c = street([Facility("F", "market", 60, -4)])
    w = walk_times(c, method=FLAT)
    door = homes_of(c).doors[0]
    leg, along = door[1], door[0]
    assert w.distance[0, 0] == pytest.approx(leg + (60 - along) + 4, abs=1e-3)
    assert w.walk_min[0, 0] == pytest.approx(w.distance[0, 0] / 60, abs=1e-4)
    assert w.facility_ids[w.facility[0, 0]] == "F"


def test_walk_times__beyond_the_snap_limit_is_infinity_with_a_reason() -> None:
    c = street([Facility("F", "market", 60, -400)])
    w = walk_times(c, method=FLAT)
    assert np.isinf(w.distance).all()
    assert w.facility[0, 0] == -1
    assert "1 facilities lie farther than 100 m" in " ".join(n.text for n in w.notes)


def test_walk_times__separate_parts_are_explained() -> None:
    c = street([Facility("F", "market", 60, 300), Path("q", [(50, 290), (70, 290)])])
    w = walk_times(c, method=FLAT)
    assert np.isinf(w.distance).all()
    assert "the network has 2 parts" in " ".join(n.text for n in w.notes)


def test_walk_times__without_paths_straight_lines_are_marked() -> None:
    c = Community.of(buildings=[Building("A", shapely.box(0, 0, 10, 10))], others=[Facility("F", "market", 30, 40)])
    w = walk_times(c)
    assert w.straight
    assert "N05" in w.notes.summary()
    door = homes_of(c).doors[0]
    assert w.distance[0, 0] == pytest.approx(1.3 * np.hypot(30 - door[0], 40 - door[1]), abs=1e-3)


def test_straight_lines__a_service_too_far_away_is_unreached_everywhere() -> None:
    c = Community.of(buildings=[Building("A", shapely.box(0, 0, 10, 10))], others=[Facility("F", "market", 9000, 0)])
    joined = join(c)
    ways = joined.network, joined.doors, joined.services
    assert np.isinf(walk_matrix(*ways)).all()
    assert np.isinf(walk_times(c).distance).all()
    assert reach_sums(*ways, [1.0], within=[500.0, 5000.0]).tolist() == [[0.0, 0.0]]
    access = service_access(c)
    assert access.score.tolist() == [[0.0]]
    assert access.supply.tolist() == [0.0]
    assert path_use(c).persons.sum() == 0.0


def test_networks__without_edges_nothing_is_reached() -> None:
    one = WalkNetwork.from_arrays([(0, 0), (90, 0)], [0], [1], method=FLAT)
    for network in (WalkNetwork.from_arrays([(0, 0)], [], []), one.take(np.zeros(0, dtype=np.int64))):
        places = network.place([(0.0, 0.0), (5.0, 1.0)])
        assert np.isinf(walk_matrix(network, places, places, timed=True)).all()
        assert reach_sums(network, places, places, [1.0, 2.0], within=[500.0]).tolist() == [[0.0], [0.0]]
        cost, row = nearest_places(network, places, places, k=2)
        assert np.isinf(cost).all()
        assert (row == -1).all()
        score, offered = floating_catchments(network, places, places, persons=[1.0, 1.0], capacity=[3.0, 3.0])
        assert score.tolist() == [[0.0], [0.0]]
        assert offered.tolist() == [0.0, 0.0]


@pytest.mark.parametrize(("beside", "said"), [(8, 0), (40, 1)])
def test_walk_times__streets_without_footways_are_walked_along_the_middle(beside: float, said: int) -> None:
    paths = [Path("road", [(0, 0), (100, 0)], kind="street"), Path("foot", [(0, beside), (100, beside)])]
    house = Building("A", shapely.box(10, 5, 20, 15))
    c = Community.of(buildings=[house], others=[Facility("F", "market", 60, -4), *paths])
    notes = [n for n in walk_times(c).notes if n.code == "N08"]
    assert len(notes) == said
    assert all("0.1 km of streets have no footway within 20 m" in n.text for n in notes)


def test_walk_times__nothing_to_walk_to() -> None:
    with pytest.raises(MissingDataError, match=r"(homes|services): there must be some"):
        walk_times(street([]))
    with pytest.raises(InputError, match="FacilityKind must be one of"):
        walk_times(street([]), to="castle")


def test_walk_times__one_way_paths_lengthen_the_way_back() -> None:
    house = Building("A", shapely.box(-1, 1, 1, 3))
    ring = [
        Path("there", [(0, 0), (100, 0)], oneway=True),
        Path("back", [(100, 0), (100, 50), (0, 50), (0, 0)], oneway=True),
    ]
    near = Community.of(buildings=[house], others=[*ring, Facility("F", "market", 100, 0)])
    far = Community.of(
        buildings=[Building("A", shapely.box(99, 1, 101, 3))], others=[*ring, Facility("F", "market", 0, 0)]
    )
    assert walk_times(near, method=FLAT).distance[0, 0] < 105
    assert walk_times(far, method=FLAT).distance[0, 0] > 195


def test_climb_minutes__lift_stairs_and_wheelchair() -> None:
    height, storeys = np.array([33.0]), np.array([11.0])
    yes, no = np.array([True]), np.array([False])
    adult = WalkMethod.ADULT
    assert adult.climb_minutes(height, storeys, yes)[0] == pytest.approx((30 + 7 + 22) / 60)
    assert adult.climb_minutes(height, storeys, no)[0] == pytest.approx(11 * 18 / 60)
    stuck = WalkMethod("80+, lift out of service", speed_ms=0.8, stair_s=30.0, lifts_work=False)
    assert stuck.climb_minutes(height, storeys, yes)[0] == pytest.approx(5.5)
    assert np.isinf(WalkMethod.WHEELCHAIR.climb_minutes(height, storeys, no)[0])
    assert WalkMethod.WHEELCHAIR.climb_minutes(np.zeros(1), np.zeros(1), no)[0] == 0.0


def test_walk_times__steps_are_closed_to_wheelchairs() -> None:
    house = Building("A", shapely.box(0, 1, 2, 3))
    steps = [
        Path("s", [(0, 0), (10, 0)]),
        Path("t", [(10, 0, 0), (20, 0, 3)], kind="steps"),
        Path("u", [(20, 0, 3), (40, 0, 3)]),
    ]
    c = Community.of(buildings=[house], others=[*steps, Facility("F", "market", 40, 0)])
    assert np.isfinite(walk_times(c, method=FLAT).distance[0, 0])
    assert np.isinf(walk_times(c, method=WalkMethod.WHEELCHAIR).distance[0, 0])


@settings(max_examples=60, deadline=None)
@given(st.integers(0, 10_000))
def test_walk_times__equal_scipy_on_the_split_network(seed: int) -> None:
    """Doors and services become nodes of their own; scipy searches that graph; every label agrees to 2 mm."""
    rng = np.random.default_rng(seed)
    count = int(rng.integers(3, 9))
    spots = rng.integers(0, 40, (count, 2)) * 5.0
    pairs = [(int(a), int(b)) for a, b in rng.integers(0, count, (count + 3, 2)) if (spots[a] != spots[b]).any()]
    if not pairs:
        return
    network = WalkNetwork.from_arrays(spots, [a for a, _ in pairs], [b for _, b in pairs], method=FLAT)
    houses = [
        Building(f"H{k}", shapely.box(*xy, *(xy + 1)), use="residential")
        for k, xy in enumerate(rng.uniform(0, 200, (3, 2)))
    ]
    places = [Facility(f"F{k}", "market", *xy) for k, xy in enumerate(rng.uniform(0, 200, (3, 2)))]
    c = Community.of(buildings=houses, others=places)
    w = walk_times(c, to="market", method=FLAT, network=network)
    got = w.distance[:, w.kinds.index(FacilityKind.MARKET)]
    want = split_network_distances(network, homes_of(c).doors[:, :2], np.column_stack([c.facilities.x, c.facilities.y]))
    np.testing.assert_allclose(got, want, atol=2e-3)


def split_network_distances(network: WalkNetwork, doors: np.ndarray, services: np.ndarray) -> np.ndarray:
    at = network.place(np.concatenate([doors, services]))
    total = len(network.nodes) + len(at.edge)
    row, col, cost = [], [], []
    for e in range(len(network.start)):
        own = np.flatnonzero(at.edge == e)
        own = own[np.argsort(at.along[own])]
        chain = [network.start[e], *(len(network.nodes) + own), network.end[e]]
        marks = [0.0, *at.along[own], network.length[e]]
        for a, b, step in zip(chain, chain[1:], np.diff(marks), strict=False):
            row += [a, b]
            col += [b, a]
            cost += [max(step, 1e-9)] * 2
    best: dict[tuple[int, int], float] = {}
    for a, b, value in zip(row, col, cost, strict=True):
        best[a, b] = min(best.get((a, b), np.inf), value)
    keys = np.array(list(best), dtype=int).reshape(-1, 2)
    graph = coo_array((list(best.values()), (keys[:, 0], keys[:, 1])), shape=(total, total)).tocsr()
    full = dijkstra(graph, indices=len(network.nodes) + np.arange(len(doors)))
    to = len(network.nodes) + len(doors) + np.arange(len(services))
    legs = at.leg[: len(doors), None] + at.leg[None, len(doors) :]
    lost = (at.edge[: len(doors), None] < 0) | (at.edge[None, len(doors) :] < 0)
    return np.where(lost, np.inf, full[:, to] + legs).min(axis=1)
