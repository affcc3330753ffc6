"""Ragged polygons: layout, measures against shapely, repair."""

from __future__ import annotations

import numpy as np
import pytest
import shapely
from hypothesis import given, settings
from hypothesis import strategies as st

from cimkit.errors import InputError
from cimkit.geometry.polygons import Polygons, clean_polygons
from cimkit.geometry.ragged import ragged_rows

SQUARE = shapely.box(0, 0, 10, 10)
RING = shapely.Polygon([(0, 0), (10, 0), (10, 10), (0, 10)], [[(2, 2), (2, 8), (8, 8), (8, 2)]])


def test_polygons__areas_with_a_hole() -> None:
    p = Polygons.from_shapely([SQUARE, RING])
    np.testing.assert_allclose(p.areas(), [100.0, 64.0])


def test_polygons__empty_rows_keep_their_place() -> None:
    p = Polygons.from_shapely([None, SQUARE, shapely.Polygon()])
    assert len(p) == 3
    np.testing.assert_allclose(p.areas(), [0.0, 100.0, 0.0])
    assert np.isnan(p.centroids()[0]).all()


def test_polygons__rings_are_turned() -> None:
    clockwise = shapely.Polygon(SQUARE.exterior.coords[::-1])
    assert Polygons.from_shapely([clockwise]).areas()[0] == 100.0


def test_polygons__areas_far_from_the_origin_keep_their_digits() -> None:
    far = Polygons.from_shapely([shapely.affinity.translate(RING, 40_500_000.0, 3_340_000.0)])
    np.testing.assert_allclose(far.areas(), [64.0], rtol=1e-12)


def test_polygons__a_line_is_refused() -> None:
    with pytest.raises(InputError, match="row 1: shape must be a Polygon; got LineString"):
        Polygons.from_shapely([SQUARE, shapely.LineString([(0, 0), (1, 1)])])


@settings(max_examples=50, deadline=None)
@given(st.lists(st.tuples(st.integers(-50, 50), st.integers(1, 40), st.integers(1, 40)), min_size=1, max_size=8))
def test_polygons__take_concat_and_shapely_round_trip(boxes: list[tuple[int, int, int]]) -> None:
    shapes = [shapely.box(x, 0, x + w, h) for x, w, h in boxes]
    p = Polygons.from_shapely(shapes)
    np.testing.assert_allclose(p.areas(), shapely.area(shapes))
    rows = np.arange(len(p))[::-1]
    np.testing.assert_allclose(p.take(rows).areas(), p.areas()[::-1])
    both = Polygons.concat([p, p.take(rows)])
    assert shapely.equals(both.to_shapely(), np.concatenate([shapes, shapes[::-1]])).all()


def test_ragged_rows__of_nothing() -> None:
    items, offsets = ragged_rows(np.array([0, 2]), np.zeros(0, dtype=np.int64))
    assert len(items) == 0
    assert offsets.tolist() == [0]


def test_clean_polygons__every_fault_is_named() -> None:
    bow = shapely.Polygon([(0, 0), (2, 2), (2, 0), (0, 2)])
    broken = shapely.Polygon([(0, 0), (np.inf, 1), (1, 1)])
    multi = shapely.MultiPolygon([SQUARE, shapely.box(20, 0, 30, 10)])
    cleaned = clean_polygons([SQUARE, bow, broken, multi, None, shapely.LineString([(0, 0), (1, 1)])])
    assert cleaned.source.tolist() == [0, 1, 1, 3, 3]
    assert {(row, code) for row, code, *_ in cleaned.faults} == {
        *((1, "G104"), (2, "G101"), (4, "G101"), (5, "G101")),
    }
    np.testing.assert_allclose(cleaned.polygons.areas(), [100, 1, 1, 100, 100])
