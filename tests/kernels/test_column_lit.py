"""Columns in closed form against the sun fan over the same solids as triangles, and by hand."""

import numba
import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from cimkit.kernels.column_groups import group_columns
from cimkit.kernels.column_lit import column_lit
from cimkit.kernels.column_prisms import Prisms
from cimkit.kernels.sunfan_circle import make_fan
from tests.kernels.test_columns import box, prisms_of
from tests.kernels.test_sunfan import agrees, fan_of, hours, lit
from tests.kernels.test_sunfan import box as triangles_of


def columns(solids, points, fan, normals=(0.0, 0.0, 0.0)):
    """Return the lit intervals of each point [hour angle, rad] as lists."""
    points = np.atleast_2d(np.array(points, float))
    normals = np.zeros(points.shape) + normals
    offsets, a, b = column_lit(group_columns(points, normals), points, normals, prisms_of(*solids), fan)
    rows = list(zip(a.tolist(), b.tolist(), strict=True))
    return [rows[offsets[i] : offsets[i + 1]] for i in range(len(points))]


@settings(max_examples=40, deadline=None)
@given(st.integers(0, 2**32 - 1), st.booleans(), st.booleans())
@example(195595, False, False)  # a normal longer than one
@example(1270, False, True)  # receptors inside solids at the last second before sunset
def test_column_lit__equals_the_sun_fan_at_any_latitude(seed, drift, whole_day):
    """Solids, raised slabs, receptors inside and below them, columns, any normal, drifting sun, polar day."""
    rng = np.random.default_rng(seed)
    x, y = rng.uniform(-60, 60, (2, 14))
    w, d, h, z = rng.uniform(2, 25, (4, 14))
    z, h = np.maximum(0, z - 12), h + np.maximum(0, z - 12)
    solids = [box(x[k], y[k], x[k] + w[k], y[k] + d[k], z[k], h[k]) for k in range(14)]
    triangles = np.concatenate([triangles_of(x[k], x[k] + w[k], y[k], y[k] + d[k], h[k], z[k]) for k in range(14)])
    declination = (rng.uniform(-23.4, 23.4), *(rng.uniform(-0.07, 0.07, 2) * [1, 0.05] * drift))
    fan = fan_of(rng.uniform(-80, 80), declination, (0, 24) if whole_day else (8, 16))
    points = np.repeat(np.column_stack((rng.uniform(-40, 40, (15, 2)), rng.uniform(0, 15, 15))), 3, axis=0)
    points[:, 2] += np.tile([0.0, 3.0, 11.0], 15)
    normal = rng.normal(size=3) * (rng.random() < 0.6)
    normal[2] *= rng.random() < 0.5
    got, expected = columns(solids, points, fan, normal), lit(triangles, points, fan, normals=normal)
    for point, one, two in zip(points, got, expected, strict=True):
        assert agrees(one, two), (point, one, two)


def test_column_lit__slab_with_a_court_lets_the_sun_fall_through():
    """Below a slab with a hole the noon sun comes through the hole, and only there."""
    ring = [(-20, -20), (20, -20), (20, 20), (-20, 20)]
    hole = [(-4, -4), (-4, 4), (4, 4), (4, -4)]
    row = columns([([ring, hole], 6.0, 7.0)], [0, 0, 0], fan_of(20, (20, 0, 0)))[0]
    assert len(row) == 1
    assert row[0][0] == pytest.approx(-row[0][1])
    assert 0 < row[0][1] < np.radians(45)


def test_column_lit__own_wall_corner_and_party_wall():
    """A receptor on its wall sees out; in a corner the wing takes its side; a party wall is dark."""
    fan = fan_of(30)
    corner = [[(0, 0), (10, 0), (10, 10), (20, 10), (20, 20), (0, 20)]], 0, 30
    ((a, b),) = columns([corner], [10, 10, 5], fan, (0, -1, 0))[0]
    assert (a, b) == pytest.approx((fan.start, 0), abs=1e-9)  # the wing to the west takes the afternoon
    for y in (0.0, -1e-9, -0.02):
        assert hours(columns([corner], [5, y, 5], fan, (0, -1, 0)))[0] == [(8, 16)]
    terrace = [box(0, 0, 10, 10, 0, 20), box(10, -4, 20, 10, 0, 20)]
    assert columns(terrace, [10.01, 5, 5], fan, (0, -1, 0)) == [[]]


def test_column_lit__many_spells_and_same_bits_on_two_threads():
    """More spells than the first run keeps are kept too, and threads change no bit."""
    fence = [box(k, -20, k + 1, -19, 0, 40) for k in range(-30, 30, 2)]
    rng = np.random.default_rng(0)
    points = np.column_stack((rng.uniform(-300, 300, (4000, 2)), rng.uniform(0, 9, 4000)))
    points[0] = 0
    before, answers = numba.get_num_threads(), []
    for threads in (1, min(2, before)):
        numba.set_num_threads(threads)
        answers.append(columns(fence, points, fan_of()))
    numba.set_num_threads(before)
    assert answers[0] == answers[1]
    assert len(answers[0][0]) > 8


def test_column_lit__a_real_date_opens_no_gap_between_the_walls_of_one_building():
    """An angled block south of a point on the ground, on 20 January: its one shadow has no hole where walls meet."""
    ring = np.array(
        [
            (-18.653, -29.025),
            (10.116, -31.632),
            (11.259, -19.019),
            (-4.897, -17.555),
            (-3.748, -4.877),
            (-16.361, -3.733),
        ]
    )
    solid = Prisms(ring, np.array([0, 6]), np.array([0, 1]), np.zeros(1), np.array([27.6]))
    point, up = np.zeros((1, 3)), np.array([[0.0, 0.0, 1.0]])
    found = []
    for drift in ((6.0109e-4, 7.208e-6), (0.0, 0.0)):
        fan = make_fan(np.radians(30.25), (-0.351327, *drift), -1.0472, 1.0472)
        offsets, start, end = column_lit(group_columns(point, up), point, up, solid, fan)
        assert offsets.tolist() == [0, 1]
        found.append((start[0], end[0]))
    assert found[0] == pytest.approx(found[1], abs=3e-4)
    assert found[0] == pytest.approx((-1.0472, -0.4706), abs=1e-3)
