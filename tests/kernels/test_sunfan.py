import numba
import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from cimkit.kernels import sunfan, sunfan_circle
from cimkit.kernels.bvh import build
from tests import naive_sunfan

RADIANS_PER_SECOND = np.radians(15) / 3600
UP = (0.0, 0.0, 1.0)


def fan_of(latitude=30.25, declination=(-20.0, 0.0, 0.0), band=(8, 16), height=0.0, turn=0.0):
    start, stop = (np.radians(15 * (h - 12)) for h in band)
    fan = sunfan.make_fan(np.radians(latitude), tuple(np.radians(declination)), start, stop)
    return fan._replace(least_height=height, least_turn=turn)


def box(x0, x1, y0, y1, top, base=0.0):
    """Return the twelve triangles of a box, outer sides counter-clockwise."""
    c = [(x0, y0), (x1, y0), (x1, y1), (x0, y1)]
    out = []
    for (a, b), (p, q) in zip(c, c[1:] + c[:1], strict=True):
        out += [[(a, b, base), (p, q, base), (p, q, top)], [(a, b, base), (p, q, top), (a, b, top)]]
    for z, turn in ((top, 1), (base, -1)):
        ring = [(*p, z) for p in c][::turn]
        out += [[ring[0], ring[1], ring[2]], [ring[0], ring[2], ring[3]]]
    return np.array(out, float)


def lit(triangles, points, fan, normals=(0.0, 0.0, 0.0), closed=False):
    """Return the lit intervals of each point [hour angle, rad] as lists."""
    points = np.atleast_2d(np.array(points, float))
    triangles = np.asarray(triangles, float).reshape(-1, 3, 3)
    normals = np.zeros(points.shape) + normals
    offsets, starts, ends = sunfan.lit_intervals(build(triangles, closed), points, normals, fan)
    rows = list(zip(starts.tolist(), ends.tolist(), strict=True))
    return [rows[offsets[i] : offsets[i + 1]] for i in range(len(points))]


def hours(rows):
    return [[(12 + a / np.radians(15), 12 + b / np.radians(15)) for a, b in row] for row in rows]


def total_hours(rows):
    return [sum(b - a for a, b in row) for row in hours(rows)]


def closed_gaps(row, least):
    """Join the intervals of a list that lie closer than this."""
    out = []
    for a, b in row:
        if out and a - out[-1][1] <= least:
            out[-1] = (out[-1][0], b)
        else:
            out.append((a, b))
    return out


def agrees(one, two, seconds=0.01):
    """Whether two lists agree; what is shorter, lit or dark, may be missing in either."""
    least = seconds * RADIANS_PER_SECOND
    one, two = (closed_gaps([p for p in x if p[1] - p[0] > least], least) for x in (one, two))
    near = lambda p, q: np.allclose(p, q, atol=seconds * RADIANS_PER_SECOND, rtol=0)  # noqa: E731
    return len(one) == len(two) and all(near(p, q) for p, q in zip(one, two, strict=True))


def test_lit_intervals__free_field_whole_band():
    assert hours(lit([], [0, 0, 0], fan_of())) == [[(8.0, 16.0)]]


def test_lit_intervals__sunrise_and_sunset_end_a_long_band():
    half = np.arccos(-np.tan(np.radians(30.25)) * np.tan(np.radians(-20)))
    ((a, b),) = lit([], [0, 0, 0], fan_of(band=(0, 24)))[0]
    assert np.allclose([a, b], [-half, half], atol=1e-12)


@pytest.mark.parametrize(
    ("latitude", "declination", "expected"), [(75, 23, 24), (75, -23, 0), (-75, -23, 24), (90, 5, 24)]
)
def test_lit_intervals__polar_day_and_night(latitude, declination, expected):
    assert np.allclose(total_hours(lit([], [0, 0, 0], fan_of(latitude, (declination, 0, 0), (0, 24)))), expected)


def test_lit_intervals__north_wall_in_summer_sees_morning_and_evening():
    row = lit([], [0, 0, 5], fan_of(45, (23, 0, 0), (0, 24)), normals=(0, 1, 0))[0]
    assert len(row) == 2
    assert np.isclose(row[0][0], -row[1][1])


def test_lit_intervals__least_elevation_and_least_turn():
    fan = fan_of(height=np.sin(np.radians(15)))
    ((a, b),) = lit([], [0, 0, 0], fan)[0]
    up = lambda w: np.degrees(np.arcsin(naive_sunfan.sun(fan, w)[0, 2]))  # noqa: E731
    assert np.isclose(up(a), 15)
    assert np.isclose(up(b), 15)
    ((a, b),) = lit([], [0, 0, 0], fan_of(turn=np.radians(40)), normals=(0, -1, 0))[0]
    s = naive_sunfan.sun(fan, np.array([a, b]))
    assert np.allclose(np.degrees(np.arctan2(s[:, 0], -s[:, 1])), [50, -50])


def test_lit_intervals__box_to_the_south():
    expected = [(8, 9.7705565), (14.2294435, 16)]
    for closed in (False, True):
        assert np.allclose(hours(lit(box(-15, 15, -32, -20, 30), [0, 0, 0], fan_of(), closed=closed))[0], expected)


def test_lit_intervals__overhang_right_above_and_zenith_sun():
    fan = fan_of(20, (20, 0, 0))  # the sun passes the zenith
    slab = box(-3, 3, -3, 3, 4.3, base=4.0)
    for closed in (False, True):
        row = lit(slab, [0, 0, 0], fan, closed=closed)[0]
        assert len(row) == 2  # dark around noon only
        assert agrees(row, naive_sunfan.lit_intervals(fan, np.zeros(3), np.zeros(3), slab))


def test_lit_intervals__sun_below_the_slab_of_an_open_ground_floor():
    slab = box(-10, 10, -30, -20, 30, base=20.0)
    fan = fan_of(40, (-20, 0, 0))
    row = lit(slab, [0, 0, 0], fan, closed=True)[0]
    assert agrees(row, naive_sunfan.lit_intervals(fan, np.zeros(3), np.zeros(3), slab))
    assert total_hours([row])[0] > total_hours(lit(box(-10, 10, -30, -20, 30), [0, 0, 0], fan, closed=True))[0]


def test_lit_intervals__on_its_own_wall_and_in_a_corner():
    ell = np.concatenate((box(-10, 10, 0, 10, 20), box(-20, -10, -20, 10, 20)))  # share x = -10
    fan = fan_of()
    for x in (-10.0, -9.99, -10 + 1e-9, 0.0):
        for y in (0.0, -0.02, -1e-9):
            got = lit(ell, [x, y, 5], fan, normals=(0, -1, 0))[0]
            expected = naive_sunfan.lit_intervals(fan, np.array([x, y, 5]), np.array([0, -1, 0.0]), ell)
            assert agrees(got, expected), (x, y)


def test_lit_intervals__inside_a_solid_is_dark_even_when_only_outer_sides_are_tested():
    terrace = np.concatenate((box(0, 10, 0, 10, 20), box(10, 20, -4, 10, 20)))  # party wall x = 10
    points = [(5, 5, 5), (10.01, 5, 5), (10.01, -4.02, 5)]
    dark = lit(terrace, points, fan_of(), normals=(0, -1, 0), closed=True)
    assert [len(row) for row in dark[:2]] == [0, 0]
    assert np.isclose(total_hours(dark)[2], 8)
    no_floor = terrace.reshape(-1, 3, 3)
    no_floor = no_floor[~(no_floor[:, :, 2] == 0).all(axis=1)]
    assert lit(no_floor, points[:1], fan_of(), closed=True) == [[]]


def test_lit_intervals__more_spells_than_the_first_pass_keeps():
    fence = np.concatenate([box(x, x + 1, -20, -19, 40) for x in range(-30, 30, 2)])
    points = np.array([[0.0, 0, 0], [0.3, 0, 0], [0, 200, 39]])
    fan = fan_of()
    for point, row in zip(points, lit(fence, points, fan, closed=True), strict=True):
        assert agrees(row, naive_sunfan.lit_intervals(fan, point, np.zeros(3), fence))
    assert max(map(len, lit(fence, points, fan))) > sunfan.ROOM


def test_lit_intervals__no_light_through_shared_edges():
    rng = np.random.default_rng(0)
    whole = box(-40, 40, -40, -30, 25)
    cut = whole
    for _ in range(4):  # split every triangle at a point of its longest edge
        parts = []
        for t in cut:
            k = int(np.argmax(np.linalg.norm(t - np.roll(t, -1, axis=0), axis=1)))
            a, b, c = np.roll(t, -k, axis=0)
            p = a + (b - a) * (0.5 if k % 2 else 0.25)
            parts += [[a, p, c], [p, b, c]]
        cut = np.array(parts)
    points = np.column_stack((rng.uniform(-30, 30, (200, 2)), rng.uniform(0, 20, 200)))
    for one, two in zip(lit(whole, points, fan_of()), lit(cut, points, fan_of()), strict=True):
        assert len(one) == len(two)
        assert np.allclose(one, two, atol=1e-9)


def town(rng, m=12):
    x, y = rng.uniform(-60, 60, (2, m))
    w, d, h, z = rng.uniform(2, 25, (4, m))
    return np.concatenate(
        [box(x[k], x[k] + w[k], y[k], y[k] + d[k], h[k] + max(0, z[k] - 12), max(0, z[k] - 12)) for k in range(m)]
    )


@settings(max_examples=40, deadline=None)
@given(st.integers(0, 2**32 - 1), st.booleans())
@example(273, False)  # an edge takes 4 seconds
def test_lit_intervals__equals_naive_at_any_latitude(seed, drift):
    rng = np.random.default_rng(seed)
    triangles = town(rng) if seed % 3 else rng.uniform(-30, 30, (20, 1, 3)) + rng.uniform(-9, 9, (20, 3, 3))
    declination = (rng.uniform(-23.4, 23.4), *(rng.uniform(-0.07, 0.07, 2) * [1, 0.05] * drift))
    band = (8, 16) if seed % 2 else (0, 24)
    fan = fan_of(rng.uniform(-80, 80), declination, band)
    points = np.column_stack((rng.uniform(-40, 40, (4, 2)), rng.uniform(0, 15, 4)))
    normal = rng.normal(size=3) * (rng.random() < 0.6)
    for point, row in zip(points, lit(triangles, points, fan, normals=normal), strict=True):
        expected = naive_sunfan.lit_intervals(fan, point, normal, triangles)
        assert agrees(row, expected), (point, row, expected)


@settings(max_examples=25, deadline=None)
@given(st.integers(0, 2**32 - 1), st.booleans())
def test_lit_intervals__halves_of_quadrilaterals_equal_naive(seed, drift):
    rng = np.random.default_rng(seed)
    a, b, d = rng.uniform(-30, 30, (15, 3)), *rng.uniform(-9, 9, (2, 15, 3))
    halves = np.stack((np.stack((a, a + b, a + b + d), 1), np.stack((a, a + b + d, a + d), 1)), 1)
    halves = np.array([[np.roll(t, rng.integers(3), axis=0) for t in both] for both in halves])
    order = rng.permutation(30)
    triangles = halves.reshape(-1, 3, 3)[order]
    tree = build(triangles)
    assert tree.sizes[:, 0].sum() > 5
    fan = fan_of(rng.uniform(-60, 60), (rng.uniform(-23, 23), *([0.05, 0.002] * np.array(drift))))
    points = np.column_stack((rng.uniform(-30, 30, (4, 2)), rng.uniform(0, 15, 4)))
    for point, row in zip(points, lit(triangles, points, fan), strict=True):
        expected = naive_sunfan.lit_intervals(fan, point, np.zeros(3), triangles)
        assert agrees(row, expected), (point, row, expected)


def test_lit_intervals__no_receptors():
    assert lit(box(0, 5, 0, 5, 3), np.empty((0, 3)), fan_of()) == []


@settings(max_examples=25, deadline=None)
@given(st.integers(0, 2**32 - 1))
def test_lit_intervals__closed_solids_need_one_side_only(seed):
    rng = np.random.default_rng(seed)
    triangles = town(rng)
    points = np.column_stack((rng.uniform(-60, 60, (40, 2)), rng.uniform(0, 15, 40)))
    fan = fan_of(rng.uniform(-60, 60), (rng.uniform(-23, 23), 0, 0))
    soup = rng.uniform(-40, 40, (9, 1, 3)) + rng.uniform(-9, 9, (9, 3, 3))
    for every, closed in (
        (triangles, True),
        (np.concatenate((soup, triangles)), np.arange(9 + len(triangles)) >= 9),  # of both sides beside solids
    ):
        both = zip(lit(every, points, fan), lit(every, points, fan, closed=closed), strict=True)
        assert all(len(a) == len(b) and np.allclose(a, b, atol=1e-9) for a, b in both)


@settings(max_examples=25, deadline=None)
@given(st.integers(0, 2**32 - 1))
def test_lit_intervals__moved_mirrored_and_alone_is_the_same(seed):
    rng = np.random.default_rng(seed)
    triangles = town(rng)
    points = np.column_stack((rng.uniform(-60, 60, (40, 2)), rng.uniform(0, 15, 40)))
    fan = fan_of(35, (rng.uniform(-23, 23), 0, 0))
    here = lit(triangles, points, fan)
    south = lit(triangles * [1, -1, 1], points * [1, -1, 1], fan_of(-35, -np.degrees(fan.declination)))
    move = np.array([512.0, -1024.0, 8.0])
    there = lit(triangles + move, points + move, fan)
    alone = [lit(triangles, p, fan)[0] for p in points[:10]]
    for other in (south, there, alone):
        for a, b in zip(here[: len(other)], other, strict=True):
            assert len(a) == len(b)
            assert np.allclose(a, b, atol=1e-7)


@settings(max_examples=25, deadline=None)
@given(st.integers(0, 2**32 - 1), st.floats(0.1, 30))
def test_lit_intervals__a_taller_building_never_gives_more_sun(seed, more):
    rng = np.random.default_rng(seed)
    low = np.concatenate((town(rng, 4), box(-10, 10, -30, -20, 12)))
    high = np.concatenate((low[:-12], box(-10, 10, -30, -20, 12 + more)))
    points = np.column_stack((rng.uniform(-40, 40, (20, 2)), rng.uniform(0, 15, 20)))
    for a, b in zip(total_hours(lit(high, points, fan_of())), total_hours(lit(low, points, fan_of())), strict=True):
        assert a <= b + 1e-6


def test_lit_intervals__same_bits_on_one_and_two_threads_and_one_compiled_version():
    rng = np.random.default_rng(3)
    triangles = town(rng, 30)
    points = np.column_stack((rng.uniform(-60, 60, (3000, 2)), rng.uniform(0, 15, 3000)))
    before = numba.get_num_threads()
    answers = []
    for threads in (1, min(2, before)):
        numba.set_num_threads(threads)
        answers.append(lit(triangles, points, fan_of()))
    numba.set_num_threads(before)
    assert answers[0] == answers[1]
    assert len(getattr(sunfan._lit, "signatures", [0])) == 1


@numba.njit(error_model="numpy")
def solved(sun, nx, ny, nz):
    """Call a function that only kernels may call."""
    return sunfan_circle.half_space(sun, nx, ny, nz, 0.0)


@settings(max_examples=200, deadline=None)
@given(st.integers(0, 2**32 - 1), st.sampled_from([(8, 16), (4, 20), (0, 24)]))
def test_half_space__drifting_sun_changes_side_where_a_finely_sampled_one_does(seed, band):
    """At no instant of 4,001 does the side differ, but within a hundredth of a second of a root."""
    rng = np.random.default_rng(seed)
    sun = sunfan_circle.turn(
        fan_of(rng.uniform(-80, 80), (rng.uniform(-23.4, 23.4), *rng.uniform(-0.07, 0.07, 2) * [1, 0.05]), band)
    )
    nx, ny, nz = rng.normal(size=3) * 10 ** rng.uniform(-3, 4)
    w = np.linspace(-sun.half, sun.half, 4001)[1:-1]
    number, rise, fall = solved(sun, nx, ny, nz)
    near = np.zeros(w.shape, bool)
    if number == 0:
        ours = np.full(w.shape, rise > 0)
    else:
        t = np.tan(0.5 * w)
        ours = (rise < t) & (t < fall) if rise < fall else (t < fall) | (rise < t)
        for root in (rise, fall):
            near |= np.abs(w - 2 * np.arctan(root)) < 0.01 * RADIANS_PER_SECOND
    d = sun.d0 + w * (sun.d1 + w * sun.d2)
    value = np.cos(d) * (nx * np.cos(w) + ny * np.sin(w)) + nz * np.sin(d)
    size = np.linalg.norm([nx, ny, nz])
    assert np.array_equal((value > 0)[~near], ours[~near]) or np.abs(value[(value > 0) != ours]).max() < 1e-9 * size
