"""Frame, terrain, triangles, topology, lines and sampling."""

from __future__ import annotations

import numpy as np
import pytest
import shapely

from cimkit.errors import InputError
from cimkit.geometry.directions import azimuth_of, direction_of
from cimkit.geometry.frame import Frame, metric_crs
from cimkit.geometry.polygons import Lines, Polygons
from cimkit.geometry.sampling import grid_in_polygons, points_on_walls
from cimkit.geometry.terrain import Terrain
from cimkit.geometry.topology import connect_lines
from cimkit.geometry.triangles import Triangles, extrude, terrain_triangles

RING = shapely.Polygon([(0, 0), (10, 0), (10, 10), (0, 10)], [[(2, 2), (2, 8), (8, 8), (8, 2)]])


def volume(corners: np.ndarray) -> float:
    a, b, c = corners[:, 0], corners[:, 1], corners[:, 2]
    return float((a * np.cross(b, c)).sum() / 6)


def test_extrude__closed_prism_has_its_volume() -> None:
    solid = extrude(Polygons.from_shapely([RING]), [1.0], [5.0], [7])
    assert volume(solid.corners) == pytest.approx(64 * 4)
    assert set(solid.owner.tolist()) == {7}


def test_triangles__of_whole_surfaces_bound_solids() -> None:
    solid = extrude(Polygons.from_shapely([RING, shapely.box(20, 0, 25, 5)]), [1.0, 0.1], [5.0, 7.3], [7, 2])
    corners, owner = solid.corners, solid.owner
    assert Triangles.of(corners, owner).outer.all()
    assert Triangles.of(np.concatenate([corners, corners + [0.3, 0.7, 100.1]]), np.tile(owner, 2)).outer.all()
    assert not Triangles.of(corners[:, ::-1], owner).outer.any()  # inside out
    for changed in (np.delete(corners, 0, axis=0), np.concatenate([corners[:1, ::-1], corners[1:]])):
        found = Triangles.of(changed, owner[-len(changed) :])
        assert (found.outer == (found.owner == 2)).all()
    moved = corners.copy()
    moved[0, 0, 2] += 1e-9
    assert (Triangles.of(moved, owner).outer == (owner == 2)).all()
    assert len(Triangles.of(corners[:0], owner[:0])) == 0


def test_terrain__elevation_and_triangles() -> None:
    plane = Terrain(0, 0, 10, np.add.outer(np.zeros(4), 0.5 * 10 * np.arange(5)))
    np.testing.assert_allclose(plane.elevation([[12.5, 7]]), [6.25])
    solid = terrain_triangles(plane)
    assert len(solid) == 2 * 3 * 4 + 2 * 2 * (3 + 4)  # and a wall of two triangles down from each side at the rim
    up = np.cross(solid.corners[:, 1] - solid.corners[:, 0], solid.corners[:, 2] - solid.corners[:, 0])
    assert (up[:24, 2] > 0).all()
    middle = solid.corners.mean(axis=(0, 1))
    assert (np.einsum("ma,ma->m", up[24:], solid.corners[24:].mean(axis=1) - middle) > 0).all()  # they look outwards


def test_terrain__from_points_of_a_plane() -> None:
    xy = np.random.default_rng(1).uniform(0, 50, (200, 2))
    t = Terrain.from_points(np.column_stack([xy, 0.1 * xy[:, 0]]), spacing=2.0)
    np.testing.assert_allclose(t.elevation([[25, 25]]), [2.5], atol=1e-6)


def test_frame__round_trip_and_place() -> None:
    frame = Frame("EPSG:4549", (520_000.0, 3_350_000.0, 0.0))
    local = np.array([[12.5, -3.25]])
    np.testing.assert_allclose(frame.to_local(frame.to_map(local)), local)
    lon, lat = frame.lonlat(local)[0]
    assert 120.1 < lon < 120.3
    assert 30.2 < lat < 30.4
    assert 0 < frame.convergence < 0.2  # east of the central meridian


def test_metric_crs__areas_are_true_to_some_ppm() -> None:
    import pyproj

    for lon, lat, most in [(120.17, 30.25, 20), (24.94, 60.17, 20), (4.36, 52.01, 20), (-70.9, -53.16, 20)]:
        crs = metric_crs(lon, lat)
        factors = pyproj.Proj(crs).get_factors(lon, lat)
        assert abs(factors.areal_scale - 1) * 1e6 < most, crs


def test_connect_lines__splits_where_points_are_shared_only() -> None:
    tee = Lines(np.array([[0.0, 0, 0], [10, 0, 0], [5, 0, 0], [5, 9, 0]]), np.array([0, 2, 4]))
    assert len(connect_lines(tee).nodes) == 4  # (5, 0) is no point of the first line
    bridge = Lines(
        np.array([[0.0, 0, 0], [5, 0, 0], [10, 0, 0], [5, -5, 6], [5, 0, 6], [5, 5, 6]]), np.array([0, 3, 6])
    )
    assert len(connect_lines(bridge).nodes) == 4  # six metres apart in height


def test_connect_lines__a_loop_stays() -> None:
    loop = Lines(np.array([[0.0, 0, 0], [5, 0, 0], [5, 5, 0], [0, 0, 0]]), np.array([0, 4]))
    net = connect_lines(loop)
    assert net.start.tolist() == net.end.tolist() == [0]
    np.testing.assert_allclose(net.course.lengths(), [10 + np.hypot(5, 5)])


def test_lines__shapely_round_trip_with_missing() -> None:
    lines = Lines.from_shapely([shapely.LineString([(0, 0, 1), (3, 4, 1)]), None])
    assert lines.lengths().tolist() == [5.0, 0.0]
    assert lines.to_shapely()[1] is None
    assert lines.take([1, 0]).to_shapely()[1].has_z


def test_walls__normals_look_outward_in_courtyards_too() -> None:
    p = Polygons.from_shapely([RING])
    start, end, normal, row = p.walls()
    middle = (start + end) / 2 + 0.1 * normal
    assert not shapely.contains_xy(RING, middle[:, 0], middle[:, 1]).any()
    assert set(row.tolist()) == {0}
    points, wall = points_on_walls(start, end, 3.0)
    assert np.bincount(wall).tolist() == [4] * 4 + [2] * 4
    assert len(points) == 24


def test_grid__refuses_no_spacing() -> None:
    with pytest.raises(InputError, match="spacing must be > 0"):
        grid_in_polygons(Polygons.from_shapely([RING]), 0.0)


def test_directions__round_trip() -> None:
    azimuth = np.array([0.0, 45.0, 135.0, 225.0, 359.0])
    np.testing.assert_allclose(azimuth_of(direction_of(azimuth, 30.0)), azimuth)
