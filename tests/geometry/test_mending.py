"""Lines mended into a network: each repair by hand, and against shapely's own noding."""

from __future__ import annotations

import geopandas as gpd
import numpy as np
import pytest
import shapely
from hypothesis import example, given, settings
from hypothesis import strategies as st

import cimkit as ck
from cimkit.geometry.mending import CROSSING, DOUBLE, EMPTY, GAP, TOUCH, mend_lines
from cimkit.geometry.polygons import Lines
from cimkit.geometry.topology import connect_lines


def drawn(*lines: list[tuple[float, ...]]) -> Lines:
    return Lines.from_shapely(np.array([shapely.LineString(p) for p in lines], dtype=object))


ROAD = [(0, 0), (10, 0)]


@pytest.mark.parametrize(
    ("other", "what", "nodes", "edges"),
    [
        ([(5, -5), (5, 5)], [CROSSING], 5, 4),
        ([(5, 0), (5, 5)], [TOUCH], 4, 3),
        ([(5, 0.4), (5, 5)], [GAP], 4, 3),
        ([(10.3, 0.3), (20, 0)], [GAP], 3, 2),  # to the end, which is as near
        ([(5, 0.6), (5, 5)], [], 4, 2),  # too far
        ([(10, 0), (0, 0)], [DOUBLE], 2, 1),
        ([(10, 0), (5, 5), (0, 0)], [], 2, 2),  # another way between the same ends
        ([(3, 3), (3, 3)], [EMPTY], 2, 1),
        ([(10, 0), (15, 0)], [], 3, 2),
        ([(5, -5, 6), (5, 5, 6)], [], 4, 2),  # six metres above
    ],
)
def test_mend_lines__one_repair(other, what, nodes, edges) -> None:
    mended = mend_lines(drawn(ROAD, other))
    net = connect_lines(mended.lines)
    assert [r[0] for r in mended.repairs] == what
    assert (len(net.nodes), len(net.source)) == (nodes, edges)
    assert set(net.source) <= set(range(len(mended.source)))


def test_mend_lines__levels_and_groups_keep_apart() -> None:
    cross = drawn(ROAD, [(5, -5), (5, 5)])
    assert not mend_lines(cross, level=[0, 1]).repairs
    twice = drawn(ROAD, ROAD)
    assert not mend_lines(twice, alike=[0, 1]).repairs
    assert not mend_lines(twice, alike=-1).repairs


def test_mend_lines__two_ends_that_face_each_other_are_one_repair() -> None:
    mended = mend_lines(drawn([(0, 0), (5, 0)], [(5.4, 0), (9, 0)]))
    assert [r[0] for r in mended.repairs] == [GAP]
    assert len(connect_lines(mended.lines).nodes) == 3


segments = st.lists(
    st.tuples(*[st.integers(0, 12)] * 4).filter(lambda s: s[:2] != s[2:]), min_size=1, max_size=9, unique=True
)


@settings(max_examples=150, deadline=None)
@given(segments)
@example([(4, 4, 6, 7), (4, 4, 7, 8), (5, 1, 3, 9)])
def test_mend_lines__nodes_and_lines_as_shapely_makes_them(ends) -> None:
    shapes = shapely.linestrings(np.array(ends, float).reshape(-1, 2, 2))
    net = connect_lines(mend_lines(Lines.from_shapely(shapes), gap=1e-6).lines)
    noded = shapely.get_parts(shapely.node(shapely.multilinestrings(shapes)))
    mine = shapely.unary_union(net.course.to_shapely())  # lines at a narrow angle are one where 5 cm apart
    assert shapely.hausdorff_distance(mine, shapely.unary_union(noded), densify=0.1) < 0.1
    nodes = shapely.MultiPoint(net.nodes[:, :2])
    assert shapely.distance(shapely.boundary(noded), nodes).max() < 0.1
    joined = shapely.distance(shapely.get_point(noded, 0), nodes).max()
    assert joined < 0.1


def test_read__repairs_of_paths_are_notes_with_a_place(tmp_path) -> None:
    lines = [shapely.LineString(p) for p in (ROAD, [(5, -5), (5, 5)], [(2, -5), (2, 5)], ROAD)]
    frame = gpd.GeoDataFrame({"name": list("abcd"), "is_bridge": [None, None, "yes", None]}, geometry=lines)
    frame = frame.set_geometry(frame.translate(500_000, 3_000_000)).set_crs("EPSG:4549")
    frame.to_file(tmp_path / "paths.gpkg")
    community, notes = ck.read(tmp_path / "paths.gpkg")
    said = [n for n in notes if n.code == "N07"]
    assert [n.text for n in said] == [f"a path {CROSSING}", f"a path {DOUBLE}"]
    origin = np.array(community.frame.origin[:2])
    assert ([said[0].x, said[0].y] + origin).tolist() == [500_005, 3_000_000]
    assert len(community.path_edges) == 5
