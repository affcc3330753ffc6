"""Squares crossed in straight lines around buildings, joined to the paths."""

from __future__ import annotations

import numpy as np
import pytest
import shapely

from cimkit.model.community import Community
from cimkit.model.records import Building, Path, Space
from cimkit.sim.joined import with_open_space
from cimkit.sim.network import WalkNetwork
from cimkit.sim.reach import walk_matrix
from tests.walk_networks import FLAT


def square(*buildings: Building) -> Community:
    ring = Path("ring", [(-20, 0), (0, 0), (0, -30), (130, -30), (130, 100), (100, 100)])
    return Community.of(buildings=list(buildings), others=[ring, Space("S", "plaza", shapely.box(0, 0, 100, 100))])


def corner_to_corner(c: Community) -> tuple[float, float]:
    before = WalkNetwork.of(c, method=FLAT)
    after, notes = with_open_space(before, c)
    assert not len(notes)
    ends = np.array([(0.0, 0.0), (100.0, 100.0)])
    a, b = (walk_matrix(n, n.place(ends), n.place(ends))[0, 1] for n in (before, after))
    assert after.length.sum() > before.length.sum()
    return float(a), float(b)


def test_with_open_space__the_diagonal_instead_of_the_way_round() -> None:
    around, across = corner_to_corner(square())
    assert around == pytest.approx(30 + 130 + 130 + 30, abs=0.01)
    assert across == pytest.approx(np.hypot(100, 100), abs=5)


def test_with_open_space__around_a_building_in_the_middle() -> None:
    _, across = corner_to_corner(square(Building("B", shapely.box(30, 30, 70, 70))))
    assert across == pytest.approx(2 * np.hypot(30, 70), abs=5)


def test_with_open_space__a_square_that_no_path_leads_to() -> None:
    c = Community.of(others=[Path("p", [(0, -50), (9, -50)]), Space("S", "plaza", shapely.box(0, 0, 9, 9))])
    network, notes = with_open_space(WalkNetwork.of(c, method=FLAT), c)
    assert len(network.start) == 1
    assert "1 of 1 open spaces are not crossed" in " ".join(n.text for n in notes)
