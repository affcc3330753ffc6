"""Nearest services, access, routes, use of paths, change: by hand and against sums over all pairs."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest
import shapely

from cimkit.errors import InputError, MissingDataError
from cimkit.model.community import Community
from cimkit.model.records import Building, Facility, Path
from cimkit.sim.access import compare_walks, nearest_services, service_access, walk_times
from cimkit.sim.joined import join
from cimkit.sim.network import WalkMethod, WalkNetwork
from cimkit.sim.reach import Decay, walk_matrix
from cimkit.sim.routes import path_use, walk_route
from cimkit.sim.supply import young_and_old
from tests.walk_networks import FLAT


def street(*others: object) -> Community:
    houses = [Building(f"H{k}", shapely.box(x, 1, x + 2, 3), use="residential") for k, x in enumerate((9, 49, 89))]
    return Community.of(buildings=houses, others=[Path("p", [(0, 0), (100, 0)]), *others])


def test_nearest_services__in_order_with_ids() -> None:
    c = street(Facility("A", "market", 0, 0), Facility("B", "market", 100, 0), Facility("C", "pharmacy", 50, 0))
    near = nearest_services(c, "market", k=3, method=FLAT)
    frame = near.to_frame()
    assert frame[frame.building == "H0"].facility.tolist() == ["A", "B", ""]
    assert np.isinf(near.cost[:, 2]).all()
    door = near.homes.doors[0]
    assert near.cost[0, :2] == pytest.approx([door[0] + door[1], 100 - door[0] + door[1]], abs=2e-3)


def test_service_access__sum_and_catchments_over_all_pairs(site: Community) -> None:
    joined = join(site)
    kinds, rows, kind = joined.of_kinds(None)
    d = walk_matrix(joined.network, joined.doors, joined.services.take(rows))[joined.homes.door]
    count = service_access(site, decay=Decay.steps([500]), competition="sum")
    for k in range(len(kinds)):
        assert np.array_equal(count.score[:, k], (d[:, kind == k] <= 500).sum(axis=1))
    shared = service_access(site, to="kindergarten")
    own = rows[kind == kinds.index(shared.kinds[0])]
    w = Decay.E2SFCA(d[:, kind == kinds.index(shared.kinds[0])])
    ratio = site.facilities.capacity[own] / (w * joined.homes.persons[:, None]).sum(axis=0)
    np.testing.assert_allclose(shared.score[:, 0], (w * ratio).sum(axis=1), rtol=1e-9)
    assert shared.to_frame().columns[-1] == "kindergarten_places_per_person"


def test_service_access__time_counts_the_way_down(site: Community) -> None:
    walk = walk_times(site, to="kindergarten")
    near = service_access(site, to="kindergarten", decay=Decay.steps([8], timed=True), competition="sum")
    assert np.array_equal(near.score[:, 0] > 0, walk.walk_min[:, 0] <= 8)


def test_walk_route__as_long_and_as_slow_as_walk_times_say(site: Community) -> None:
    walk = walk_times(site)
    k = walk.of("primary_school")
    for row in (0, len(walk) // 2, len(walk) - 1):
        route = walk_route(site, walk.homes.ids[row], walk.facility_ids[walk.facility[row, k]])
        assert route.walk_min == pytest.approx(walk.walk_min[row, k], abs=1e-3)
        assert route.distance >= walk.distance[row, k] - 0.01
        assert route.line[0, 2] - walk.homes.doors[walk.homes.door[row], 2] == pytest.approx(
            site.storeys.z[site.dwellings.storey[row]]
        )
        assert shapely.length(route.to_frame().geometry[0]) > 0


def test_walk_route__lift_stairs_wheelchair(site: Community) -> None:
    top = int(np.argmax(site.storeys.level[site.dwellings.storey]))
    home = site.dwellings.id[top]
    old = WalkMethod.OLD_ELDER
    ride, climb = (walk_route(site, home, "F-KI1", method=m) for m in (old, dataclasses.replace(old, lifts_work=False)))
    storeys = site.storeys.level[site.dwellings.storey[top]] - 1
    assert climb.indoor_min == pytest.approx(storeys * 30 / 60)
    assert climb.walk_min - ride.walk_min == pytest.approx(climb.indoor_min - ride.indoor_min)
    stuck = walk_route(site, home, "F-KI1", method=dataclasses.replace(WalkMethod.WHEELCHAIR, lifts_work=False))
    assert np.isinf(stuck.walk_min)
    assert len(stuck.line) == 0
    with pytest.raises(InputError, match="got 'nobody'"):
        walk_route(site, "nobody", "F-KI1")


def test_path_use__everybody_passes_the_last_path() -> None:
    c = street(Path("q", [(100, 0), (100, 50)]), Facility("A", "market", 100, 50))
    use = path_use(c, method=FLAT)
    assert use.persons.tolist() == [3.0, 3.0]
    assert use.to_frame()["path"].tolist() == ["p", "q"]
    both = path_use(street(Facility("A", "market", 0, 0), Path("q", [(100, 0), (100, 50)])), method=FLAT)
    assert both.persons.tolist() == [3.0, 0.0]


def test_path_use__as_the_routes_one_by_one(site: Community) -> None:
    use = path_use(site, to="library")
    walk = walk_times(site, to="library")
    assert 0 < use.persons.max() <= walk.homes.persons.sum() + 1e-6


def test_compare_walks__who_gains_and_who_loses() -> None:
    before = walk_times(street(Facility("A", "market", 0, 0)), method=FLAT)
    after = walk_times(street(Facility("A", "market", 100, 0)), method=FLAT)
    change = compare_walks(before, after)
    assert change.summary()[["gain", "lose"]].values.tolist() == [[1, 1]]
    assert change.change_min[:, 0] == pytest.approx([78 / 60, -2 / 60, -82 / 60], abs=1e-3)  # doors at x = 11, 51, 91
    with pytest.raises(MissingDataError, match="must share"):
        compare_walks(before, walk_times(street(Facility("A", "bank", 0, 0)), method=FLAT))


def test_young_and_old__children_and_the_old_at_their_own_pace(site: Community) -> None:
    table = young_and_old(site)
    old = table.groupby("group")["median_min"].mean()
    assert old["old_elder"] > old["elder"]
    assert table[["share_5min", "share_10min", "share_15min"]].diff(axis=1).iloc[:, 1:].min().min() >= 0


def test_blind_spots_and_detour(site: Community) -> None:
    walk = walk_times(site)
    assert not walk.blind_spots().any()
    assert walk.blind_spots(["library"], beyond=0.0).all()
    assert np.nanmin(walk.detour) > 0.9
    assert walk.circles().query("circle_min == 15").share_by_time.min() == 1.0


def test_walk_times__hours_of_gates_and_services() -> None:
    gate = Path("g", [(100, 0), (100, 50)], kind="gate")
    c = street(gate, Facility("A", "market", 100, 50))
    shop = dataclasses.replace(c.facilities, opens=np.array([8.0]), closes=np.array([20.0]))
    c = dataclasses.replace(c, facilities=shop)
    assert np.isfinite(walk_times(c, method=FLAT, hour=9).distance).all()
    night = walk_times(c, method=FLAT, hour=22)
    assert np.isinf(night.distance).all()
    assert "closed at 22 h" in " ".join(n.text for n in night.notes)


def test_place__no_leg_crosses_a_barrier() -> None:
    rail = Path("r", [(-50, -2), (150, -2)], kind="railway")
    far = Path("q", [(0, -40), (100, -40)])
    c = street(rail, far, Facility("A", "market", 50, -6))
    network = WalkNetwork.of(c, method=FLAT)
    assert network.ids[network.place([(50.0, -6.0)]).edge[0]] == "q"  # 34 m away, and not p, 6 m away beyond the rails
    near = dataclasses.replace(FLAT, snap_limit=20.0)
    lost = walk_times(c, method=near)
    assert "cut off by a barrier" in " ".join(n.text for n in lost.notes)


def test_edge_minutes__outdoor_lift_and_steep_ramp() -> None:
    lift = WalkNetwork.from_arrays([(0, 0, 0), (0, 1, 6)], [0], [1], kind=[8 - 4], method=WalkMethod.WHEELCHAIR)
    assert lift.forward_min[0] == pytest.approx((30 + 7 + 6 / 1.5) / 60)
    steep = WalkNetwork.from_arrays([(0, 0, 0), (10, 0, 2)], [0], [1], method=WalkMethod.WHEELCHAIR)
    assert np.isinf(steep.forward_min[0])
    up, down = (
        getattr(WalkNetwork.from_arrays([(0, 0, 0), (10, 0, 2)], [0], [1]), n)[0]
        for n in ("forward_min", "backward_min")
    )
    assert up > down  # Tobler: uphill is slower
