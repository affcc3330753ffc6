"""Edits: what moves with a building, storeys added and taken, records added, scenarios replayed."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import cimkit as ck
from cimkit.errors import FormatError, InputError
from cimkit.model.changes import Edit, described, read_scenario, scenario_json

SITE = ck.samples.future_community().after()
BLOCK = ck.samples.slab_rows(rows=2, gap=30)


def test_move_object__takes_everything_that_hangs_on_the_building() -> None:
    row = SITE.buildings.row_of("B11")
    moved = ck.move_object(SITE, "B11", dx=5, dy=-2)
    for title in ("windows", "entrances", "facilities"):
        old, new = getattr(SITE, title), getattr(moved, title)
        own = old.building == row
        assert np.allclose(new.x[own] - old.x[own], 5)
        assert np.allclose(new.y[own] - old.y[own], -2)
        assert np.array_equal(new.x[~own], old.x[~own])
    on = np.append(SITE.storeys.building == row, False)[SITE.spaces.storey]
    shift = moved.spaces.outline.take(np.flatnonzero(on)).xy - SITE.spaces.outline.take(np.flatnonzero(on)).xy
    assert on.any()
    assert np.allclose(shift, (5, -2))
    own = SITE.solids.owner == row
    assert np.allclose(
        moved.solids.outline.take(np.flatnonzero(own)).xy.mean(0)
        - SITE.solids.outline.take(np.flatnonzero(own)).xy.mean(0),
        (5, -2),
    )


@given(st.floats(-180, 180))
@settings(max_examples=10, deadline=None)
def test_move_object__turning_back_gives_the_same_place(turn: float) -> None:
    back = ck.move_object(ck.move_object(BLOCK, "S1", turn=turn), "S1", turn=-turn)
    assert np.allclose(back.buildings.footprint.xy, BLOCK.buildings.footprint.xy, atol=1e-6)
    assert np.allclose((back.windows.azimuth - BLOCK.windows.azimuth + 180) % 360, 180, atol=1e-6)


def test_move_object__a_quarter_turn_clockwise_makes_south_west() -> None:
    turned = ck.move_object(BLOCK, "S1", turn=90)
    south = (BLOCK.windows.building == 0) & np.isclose(BLOCK.windows.azimuth, 180)
    assert south.any()
    assert np.allclose(turned.windows.azimuth[south], 270)
    middle = BLOCK.buildings.footprint.take([0]).xy.mean(axis=0)[0]
    assert (turned.windows.x[south] < middle).all()


def test_move_object__refuses_paths_and_strangers() -> None:
    with pytest.raises(InputError, match="path cannot be moved"):
        ck.move_object(BLOCK, str(BLOCK.path_edges.id[0]), dx=1)
    with pytest.raises(InputError, match="must be of a building"):
        ck.move_object(BLOCK, "nobody", dx=1)


@pytest.mark.parametrize("count", [1, 4, 9])
def test_set_storeys__storeys_windows_and_homes_follow(count: int) -> None:
    made = ck.set_storeys(BLOCK, "S1", count=count)
    own = made.storeys.building == 0
    assert made.buildings.n_above[0] == count == own.sum()
    assert made.buildings.height[0] - BLOCK.buildings.height[0] == pytest.approx(3.0 * (count - 6))
    for title in ("windows", "dwellings"):
        table = getattr(made, title)
        floors = np.bincount(table.storey[np.isin(table.storey, np.flatnonzero(own))])
        assert len(np.unique(floors[floors > 0])) == 1
        assert len(set(table.id)) == len(table)
    w = made.windows
    mine = w.dwelling >= 0
    assert np.array_equal(made.dwellings.storey[w.dwelling[mine]], w.storey[mine])
    assert (w.z[w.building == 0].max() - BLOCK.windows.z[BLOCK.windows.building == 0].max()) == pytest.approx(
        3.0 * (count - 6)
    )


def test_set_storeys__up_and_down_again_is_the_same_place() -> None:
    back = ck.set_storeys(ck.set_storeys(SITE, "B11", count=9), "B11", count=6)
    row = SITE.buildings.row_of("B11")
    assert back.buildings.height[row] == pytest.approx(SITE.buildings.height[row])
    assert set(back.windows.id) == set(SITE.windows.id)
    assert set(back.dwellings.id) == set(SITE.dwellings.id)
    for count in (0, 7.5):
        with pytest.raises(InputError, match="count must be a whole number >= 1"):
            ck.set_storeys(SITE, "B11", count=count)


def test_add_and_remove__all_four_sorts() -> None:
    things = [
        ck.Building("NEW", [(200, 200), (220, 200), (220, 212), (200, 212)], storeys=3),
        ck.Space("GREEN", "green", [(230, 200), (240, 200), (240, 210), (230, 210)]),
        ck.Space("ROOM", "sky_garden", [(2, 2), (6, 2), (6, 6), (2, 6)], building="S1", level=1),
        ck.Facility("SHOP", "supermarket", 10.0, 20.0),
        ck.Path("LANE", [(float(BLOCK.path_nodes.x[0]), float(BLOCK.path_nodes.y[0])), (300.0, 300.0)]),
    ]  # fmt: skip
    for record in things:
        more = ck.add_object(BLOCK, record)
        with pytest.raises(InputError, match="must be free"):
            ck.add_object(more, record)
        gone = ck.remove_object(more, record.id)
        for title in set(BLOCK.tables) - {"plates", "path_nodes"}:  # those stay where nobody uses them
            assert len(getattr(gone, title)) == len(getattr(BLOCK, title))
    lane = ck.add_object(BLOCK, things[-1])
    assert lane.path_edges.start[-1] == 0
    assert len(lane.path_nodes) == len(BLOCK.path_nodes) + 1


def test_scenario__is_written_and_read_and_does_the_same() -> None:
    edits = [
        Edit("storeys", "S1", {"count": 8}),
        Edit("move", "S2", {"dx": 3.0, "turn": 10.0}),
        Edit("add", "NEW", described(ck.Building("NEW", [(200, 200), (220, 200), (220, 212), (200, 212)], storeys=3))),
        Edit("remove", "S2"),
    ]
    again = read_scenario(scenario_json(edits, name="tall"))
    assert again == edits
    first = second = BLOCK
    for a, b in zip(edits, again, strict=True):
        first, second = a.apply(first), b.apply(second)
    assert np.array_equal(first.buildings.footprint.xy, second.buildings.footprint.xy)
    with pytest.raises(FormatError, match="schema"):
        read_scenario('{"schema": "other/1", "edits": []}')
    with pytest.raises(FormatError, match="JSON"):
        read_scenario("{")
    with pytest.raises(InputError, match="edit must be one of"):
        Edit("explode", "S1")
