import math

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from cimkit.kernels.rays import MISS, hits_box, hits_triangle, make_ray
from tests import naive_rays

TRIANGLE = np.array([[[0.0, 0.0, 5.0], [4.0, 0.0, 5.0], [0.0, 4.0, 5.0]]])


def ray_of(origin, direction):
    return make_ray(*map(float, origin), *map(float, direction))


def unit(v):
    return np.asarray(v, float) / np.linalg.norm(v)


def test_hits_triangle__distance_from_below_and_above():
    assert hits_triangle(ray_of((1, 1, 0), (0, 0, 1)), TRIANGLE, 0) == 5.0
    assert hits_triangle(ray_of((1, 1, 9), (0, 0, -1)), TRIANGLE, 0) == 4.0
    assert hits_triangle(ray_of((1, 1, 0), (0, 0, -1)), TRIANGLE, 0) == MISS
    assert hits_triangle(ray_of((3, 3, 0), (0, 0, 1)), TRIANGLE, 0) == MISS


def test_hits_triangle__edges_count_and_own_surface_does_not():
    assert hits_triangle(ray_of((0, 1, 0), (0, 0, 1)), TRIANGLE, 0) == 5.0
    assert hits_triangle(ray_of((0, 0, 0), (0, 0, 1)), TRIANGLE, 0) == 5.0
    assert hits_triangle(ray_of((1, 1, 5), (0, 0, 1)), TRIANGLE, 0) == MISS


def test_hits_triangle__ray_in_the_plane_and_needle_miss():
    assert hits_triangle(ray_of((-1, 1, 5), (1, 0, 0)), TRIANGLE, 0) == MISS
    assert hits_triangle(ray_of((0, 0, 0), (0, 0, 1)), np.zeros((1, 3, 3)), 0) == MISS


@settings(max_examples=200, deadline=None)
@given(st.integers(0, 2**32 - 1))
def test_hits_triangle__equals_naive(seed):
    rng = np.random.default_rng(seed)
    triangle, origin, direction = rng.normal(size=(3, 3)) * 5, rng.normal(size=3), unit(rng.normal(size=3))
    expected = naive_rays.hits_triangle(origin, direction, triangle)
    got = hits_triangle(ray_of(origin, direction), triangle[None], 0)
    assert math.isclose(got, expected, rel_tol=1e-7, abs_tol=1e-9)


@settings(max_examples=100, deadline=None)
@given(st.integers(0, 2**32 - 1))
def test_hits_triangle__no_ray_slips_through_a_shared_edge(seed):
    rng = np.random.default_rng(seed)
    a, b, c, d = rng.normal(size=(4, 3)) * 50 + [0, 0, 400]
    share = rng.random()
    origin = rng.normal(size=3)
    direction = unit(a + share * (b - a) - origin)  # aimed at the edge a-b
    both = np.array([[a, b, c], [b, a, 2 * (a + b) / 2 - c + 0 * d]])
    ray = ray_of(origin, direction)
    assert min(hits_triangle(ray, both, 0), hits_triangle(ray, both, 1)) < MISS


@settings(max_examples=200, deadline=None)
@given(st.integers(0, 2**32 - 1))
def test_hits_box__equals_naive(seed):
    rng = np.random.default_rng(seed)
    low = rng.normal(size=3) * 3
    high = low + rng.random(3) * 4
    origin, direction = rng.normal(size=3) * 3, rng.normal(size=3)
    direction[rng.random(3) < 0.2] = 0.0
    if not direction.any():
        direction[0] = 1.0
    direction = unit(direction)
    got = hits_box(ray_of(origin, direction), low[None], high[None], 0)
    assert math.isclose(got, naive_rays.hits_box(origin, direction, low, high), rel_tol=1e-9, abs_tol=1e-9)
