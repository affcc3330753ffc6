import math
import sys
from pathlib import Path

import numba
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cimkit.kernels.column_groups import TILE, group_columns
from cimkit.kernels.column_prisms import Prisms
from cimkit.kernels.column_sun import sun_table
from cimkit.kernels.columns import column_masks
from tests import naive_columns as naive

SHARED = Path(__file__).parents[2] / ".." / "shared" / "peers" / "sunlight"


def day(latitude, declination, start=-4.0, stop=4.0, step=1 / 60):
    """Directions of a day from hour to hour after solar noon."""
    hour = np.radians(15) * np.arange(start, stop + 1e-9, step)
    phi, delta = math.radians(latitude), math.radians(declination)
    east = -math.cos(delta) * np.sin(hour)
    north = math.sin(delta) * math.cos(phi) - math.cos(delta) * math.sin(phi) * np.cos(hour)
    up = math.sin(delta) * math.sin(phi) + math.cos(delta) * math.cos(phi) * np.cos(hour)
    return np.column_stack([east, north, up])


def prisms_of(*solids):
    """Prisms from (rings, base, top)."""
    xy, ring, poly = [], [0], [0]
    for rings, _, _ in solids:
        for points in rings:
            xy.append(np.array(points, float))
            ring.append(ring[-1] + len(points))
        poly.append(len(ring) - 1)
    base, top = (np.array([s[k] for s in solids], float) for k in (1, 2))
    return Prisms(np.concatenate(xy) if xy else np.zeros((0, 2)), np.array(ring), np.array(poly), base, top)


def box(x0, y0, x1, y1, base, top):
    return ([[(x0, y0), (x1, y0), (x1, y1), (x0, y1)]], base, top)


def minutes(points, normals, prisms, directions):
    """Lit minutes as booleans (n, t), from the kernel."""
    points, normals = np.array(points, float).reshape(-1, 3), np.array(normals, float).reshape(-1, 3)
    sun = sun_table(directions)
    count, mask = column_masks(group_columns(points, normals), points, normals, prisms, sun)
    bits = np.unpackbits(mask.view(np.uint8), axis=1, bitorder="little")[:, : len(directions)].astype(bool)
    np.testing.assert_array_equal(bits.sum(axis=1), count)
    return bits


UP, SOUTH = (0, 0, 1), (0, -1, 0)
WINTER = day(30.0, -20.0)


def test_column_masks__long_wall_cuts_by_its_height():
    # the ray towards the sun clears a wall 10 m to the south when it has risen 8 m over 10 m of southward travel
    wall = prisms_of(box(-1e5, -11, 1e5, -10, 0, 8))
    expect = WINTER[:, 2] * 10 > -WINTER[:, 1] * 8
    assert expect.any()
    assert not expect.all()
    np.testing.assert_array_equal(minutes([0, 0, 0], UP, wall, WINTER)[0], expect)


def test_column_masks__windows_above_one_another():
    wall = prisms_of(box(-1e5, -21, 1e5, -20, 0, 30))
    z = np.arange(0.9, 33, 3)
    lit = minutes(np.column_stack([0 * z, 0 * z, z]), np.tile(SOUTH, (len(z), 1)), wall, WINTER)
    expect = WINTER[:, 2] * 20 > -WINTER[:, 1] * (30 - z[:, None])
    np.testing.assert_array_equal(lit, expect & (WINTER[:, 1] < -1e-6))


def test_column_masks__sun_below_horizon_lights_nothing():
    sun = day(30.0, -20.0, -8, 8)
    lit = minutes([0, 0, 0], UP, prisms_of(), sun)[0]
    np.testing.assert_array_equal(lit, sun[:, 2] > 1e-6)


def test_column_masks__own_facade_and_corner():
    # a notch in the building: the receptor sits exactly in the inner corner, facing south
    corner = ([[(0, 0), (10, 0), (10, 10), (20, 10), (20, 20), (0, 20)]], 0, 30)
    lit = minutes([10, 10, 5], SOUTH, prisms_of(corner), WINTER)[0]
    # from the corner the wing to the west takes the afternoon, when the sun stands in the west
    np.testing.assert_array_equal(lit, (WINTER[:, 1] < -1e-6) & (WINTER[:, 0] > 0))


def test_column_masks__inside_a_solid_is_dark():
    assert not minutes([5, 5, 1], UP, prisms_of(box(0, 0, 10, 10, 0, 20)), WINTER).any()


def test_column_masks__slab_overhead():
    # a balcony 3 m deep and endless, 2 m above a window at the wall: lit when the ray leaves it below the slab
    slab = prisms_of(box(-1e5, -3, 1e5, 0, 3, 3.2))
    expect = 2 * -WINTER[:, 1] > 3 * WINTER[:, 2]
    assert expect.any()
    assert not expect.all()
    np.testing.assert_array_equal(minutes([0, -1e-9, 1], SOUTH, slab, WINTER)[0], expect & (WINTER[:, 1] < -1e-6))


def test_column_masks__light_passes_under_stilts():
    wall, lifted = box(-1e5, -11, 1e5, -10, 0, 9), box(-1e5, -11, 1e5, -10, 5, 9)
    ground = minutes([0, 0, 0], UP, prisms_of(wall), WINTER)[0]
    stilts = minutes([0, 0, 0], UP, prisms_of(lifted), WINTER)[0]
    under = WINTER[:, 2] * 11 < -WINTER[:, 1] * 5
    np.testing.assert_array_equal(stilts, ground | under)


def test_column_masks__zenith_sun_blocked_only_from_above():
    zenith = np.array([[0.3, 0, 0.95], [0.0, 0, 1.0], [-0.3, 0, 0.95]])
    assert minutes([0, 0, 0], UP, prisms_of(box(1, -1, 2, 1, 0, 50)), zenith)[0].tolist() == [False, True, True]
    assert minutes([0, 0, 0], UP, prisms_of(box(-1, -1, 0.1, 1, 9, 10)), zenith)[0, 1] == np.False_


def test_column_masks__shared_wall_and_touching_prisms():
    # two houses with a party wall shade like one
    halves = prisms_of(box(-10, -20, 0, -12, 0, 15), box(0, -20, 10, -12, 0, 15))
    whole = prisms_of(box(-10, -20, 10, -12, 0, 15))
    points = np.column_stack([np.linspace(-15, 15, 61), np.zeros(61), np.zeros(61)])
    normals = np.tile(UP, (61, 1))
    np.testing.assert_array_equal(minutes(points, normals, halves, WINTER), minutes(points, normals, whole, WINTER))


def district(seed, slabs=True):
    """A few houses, a courtyard, a bridge and slabs; receptors on walls, ground and roofs."""
    rng = np.random.default_rng(seed)
    solids = []
    for k in range(7):
        x, y = rng.uniform(-60, 60, 2)
        w, d, turn = rng.uniform(6, 20), rng.uniform(6, 20), rng.uniform(0, math.pi)
        c, s = math.cos(turn), math.sin(turn)
        corner = np.array([(-w, -d), (w, -d), (w, d / 4), (w / 4, d / 4), (w / 4, d), (-w, d)]) / 2
        rings = [corner @ [[c, s], [-s, c]] + [x, y]]
        if k == 0:
            rings = [np.array([(-15, -15), (15, -15), (15, 15), (-15, 15)]) + [x, y]]
            rings.append(np.array([(-8, -8), (-8, 8), (8, 8), (8, -8)]) + [x, y])
        base = rng.uniform(3, 12) if slabs and k % 3 == 1 else 0.0
        solids.append((rings, base, base + rng.uniform(0.3, 30)))
    points, normals = [], []
    for rings, base, top in solids:
        for q in rings:
            for a, b in zip(q, np.roll(q, -1, axis=0), strict=True):
                outward = np.array([b[1] - a[1], a[0] - b[0], 0]) / np.hypot(*(b - a))
                for z in np.arange(base + 0.9, top, 3.0)[:4]:
                    points.append([*(a * 0.7 + b * 0.3) + 0.02 * outward[:2], z])
                    normals.append(outward)
    ground = rng.uniform(-70, 70, (25, 2))
    points += [[x, y, 0.0] for x, y in ground]
    normals += [UP] * 25
    tilted = rng.normal(size=(10, 3)) + [0, 0, 1.5]
    points += [[x, y, z] for x, y, z in rng.uniform([-70, -70, 5], [70, 70, 35], (10, 3))]
    normals += list(tilted / np.linalg.norm(tilted, axis=1)[:, None])
    return np.array(points), np.array(normals), prisms_of(*solids)


@pytest.mark.parametrize(
    ("latitude", "declination", "hours"),
    [
        (30.25, -20.1, 4.0),  # 大寒 in Hangzhou
        (35.0, 23.4, 7.5),  # the sun comes from north of east
        (10.0, 23.4, 6.5),  # tropics in summer: azimuth turns back
        (-34.0, 23.4, 5.0),  # southern winter: azimuth falls
        (-20.0, -23.4, 6.5),  # southern tropics
        (70.0, 23.4, 12.0),  # polar day
        (20.0, 20.0, 6.5),  # through the zenith
    ],
)
def test_column_masks__equals_naive(latitude, declination, hours):
    sun = day(latitude, declination, -hours, hours, hours / 23)
    for seed in range(2):
        points, normals, prisms = district(seed)
        expect = naive.column_masks(points, normals, prisms, sun)
        got = minutes(points, normals, prisms, sun)
        assert (got != expect).sum() <= 1, np.argwhere(got != expect)


@given(seed=st.integers(0, 10**6), height=st.floats(1, 20))
@settings(max_examples=15, deadline=None)
def test_column_masks__taller_prisms_never_give_more_sun(seed, height):
    points, normals, prisms = district(seed, slabs=False)
    before = minutes(points, normals, prisms, WINTER[::10])
    after = minutes(points, normals, prisms._replace(top=prisms.top + height), WINTER[::10])
    assert not (after & ~before).any()


@given(seed=st.integers(0, 10**6), dx=st.integers(-4096, 4096), dz=st.integers(-100, 100))
@settings(max_examples=10, deadline=None)
def test_column_masks__moving_everything_changes_nothing(seed, dx, dz):
    points, normals, prisms = district(seed)
    moved = prisms._replace(xy=prisms.xy + [dx, 2 * dx], base=prisms.base + dz, top=prisms.top + dz)
    before = minutes(points, normals, prisms, WINTER[::7])
    after = minutes(points + [dx, 2 * dx, dz], normals, moved, WINTER[::7])
    assert (before != after).mean() < 1e-4


@given(seed=st.integers(0, 10**6))
@settings(max_examples=10, deadline=None)
def test_column_masks__order_and_closed_rings_do_not_matter(seed):
    points, normals, prisms = district(seed)
    new = np.random.default_rng(seed).permutation(len(points))
    rows = [
        k
        for a, b in zip(prisms.ring[:-1], prisms.ring[1:], strict=True)
        for k in [*range(a, b), a]
    ]  # fmt: skip
    closed = prisms._replace(xy=prisms.xy[rows], ring=prisms.ring + np.arange(len(prisms.ring)))
    before = minutes(points, normals, prisms, WINTER[::7])
    np.testing.assert_array_equal(minutes(points[new], normals[new], closed, WINTER[::7]), before[new])


def test_column_masks__threads_and_masks_do_not_matter():
    points, normals, prisms = district(5)
    groups, sun = group_columns(points, normals), sun_table(WINTER)
    count, mask = column_masks(groups, points, normals, prisms, sun)
    threads = numba.get_num_threads()
    numba.set_num_threads(1)
    one, one_mask = column_masks(group_columns(points, normals), points, normals, prisms, sun)
    numba.set_num_threads(threads)
    np.testing.assert_array_equal(mask, one_mask)
    np.testing.assert_array_equal(count, one)
    few, none = column_masks(groups, points, normals, prisms, sun, masks=False)
    np.testing.assert_array_equal(count, few)
    assert none.shape == (0, mask.shape[1])


def test_column_masks__nothing_to_do():
    empty = np.zeros((0, 3))
    assert minutes(empty, empty, prisms_of(box(0, 0, 1, 1, 0, 1)), WINTER).shape == (0, len(WINTER))
    night = np.array([[0.0, 0.6, -0.8]])
    assert not minutes([0, 0, 0], UP, prisms_of(box(2, 0, 3, 1, 0, 1)), night).any()


@given(seed=st.integers(0, 10**6), count=st.integers(0, 400))
@settings(max_examples=20, deadline=None)
def test_group_columns__equals_naive(seed, count):
    rng = np.random.default_rng(seed)
    points = np.round(rng.uniform(-1, 1, (count, 3)) * [90, 90, 4])
    points[:, 0] = np.where(rng.random(count) < 0.5, points[:, 0] % 5, points[:, 0])
    normals = np.array([UP, SOUTH, (1, 0, 0)], float)[rng.integers(0, 3, count)]
    groups = group_columns(points, normals)
    got = [
        groups.order[a:b].tolist() for a, b in zip(groups.column[:-1], groups.column[1:], strict=True)
    ]  # fmt: skip
    expect = naive.group_columns(points, normals)
    assert sorted(sorted(rows) for rows in got) == sorted(sorted(rows) for rows in expect)
    for rows in got:
        assert (np.diff(points[rows, 2]) >= 0).all()
    for g in range(len(groups.group) - 1):
        rows = groups.order[groups.column[groups.group[g]] : groups.column[groups.group[g + 1]]]
        assert (normals[rows] == normals[rows[0]]).all()
        assert np.ptp(points[rows, :2], axis=0).max() <= 2 * TILE


@pytest.mark.validation
@pytest.mark.skipif(not SHARED.exists(), reason="needs the peer harness in ../shared/peers/sunlight")
def test_column_masks__counts_of_the_peer_harness():
    # the harness states the checksum of its brute-force float64 oracle for the scene of 100 buildings
    import zlib

    sys.path.insert(0, str(SHARED))
    try:
        import scene
        import sunpath
    finally:
        sys.path.pop(0)
    city = scene.build(100)
    directions = sunpath.directions(sunpath.sun_table()[2])
    prisms = Prisms(
        city["xy"], city["ring_start"], city["bld_ring"], np.zeros(len(city["heights"])), city["heights"].astype(float)
    )
    points, normals = (np.ascontiguousarray(city[k], float) for k in ("receptors", "normals"))
    groups, sun = group_columns(points, normals), sun_table(directions)
    count, _ = column_masks(groups, points, normals, prisms, sun, masks=False)
    assert zlib.crc32(count.tobytes()) == 251612412
