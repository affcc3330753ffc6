import numba
import numpy as np
import pytest

from cimkit.kernels import bvh
from tests import naive_bvh


def soup(seed, m=120, spread=30.0):
    rng = np.random.default_rng(seed)
    return rng.random((m, 1, 3)) * spread + rng.random((m, 3, 3)) * 6.0


def rays(seed, n):
    rng = np.random.default_rng(seed)
    d = rng.normal(size=(n, 3))
    return rng.random((n, 3)) * 30.0, d / np.linalg.norm(d, axis=1)[:, None]


@pytest.mark.parametrize("m", [0, 1, 3, 5, 400])
def test_build__every_triangle_in_one_leaf_inside_its_boxes(m):
    triangles = soup(1, m)
    tree = bvh.build(triangles)
    assert sorted(tree.order.tolist()) == list(range(m))
    assert np.array_equal(tree.corners, triangles[tree.order])
    leaves = np.flatnonzero(tree.left < 0)
    assert tree.count[leaves].sum() == m
    for node in range(tree.left.size):
        own = tree.corners[tree.first[node] : tree.first[node] + tree.count[node]].reshape(-1, 3)
        assert (own >= tree.lo[node]).all()
        assert (own <= tree.hi[node]).all()
    for node in np.flatnonzero(tree.left >= 0):
        left = tree.left[node]
        assert tree.first[left] == tree.first[node]
        assert tree.count[left] + tree.count[left + 1] == tree.count[node]


def test_build__equal_triangles_and_growing_distances_do_not_overflow():
    same = bvh.build(np.ones((1000, 3, 3)))
    assert same.count[same.left < 0].max() <= bvh.LEAF
    far = np.zeros((900, 3, 3)) + (1.7 ** np.arange(900) % 1e280)[:, None, None]
    tree = bvh.build(far + np.eye(3))
    assert not bvh.any_hits(tree, np.array([[-5.0, 0, 0]]), np.array([[-1.0, 0, 0]])).any()


def test_build__the_same_input_gives_the_same_tree():
    for one, two in zip(bvh.build(soup(2)), bvh.build(soup(2)), strict=True):
        assert np.array_equal(one, two)


def test_build__walls_are_quadrilaterals_and_bent_or_hollow_pairs_are_not():
    square = np.array([[(0, 0, 0), (4, 0, 0), (4, 0, 3)], [(4, 0, 3), (0, 0, 3), (0, 0, 0)]], float)
    tree = bvh.build(square[:, [1, 2, 0]])
    a, b, c, d = tree.faces[0, 0].reshape(4, 3)
    assert tree.sizes.tolist() == [[1, 1]]
    assert np.array_equal(a + c, b + d)
    assert {*map(tuple, (a, b, c, d))} == {*map(tuple, square.reshape(-1, 3))}
    for corner in (
        (0, 1e-3, 3),
        (3, 0, 1),
        (4, 0, -1),
    ):  # out of the plane, hollow at its corner, hollow at the shared one
        square[1, 1] = corner
        assert bvh.build(square).sizes.tolist() == [[0, 2]]


def test_any_hits__equals_naive():
    triangles = soup(3)
    origins, directions = rays(4, 25)
    tree = bvh.build(triangles)
    assert np.array_equal(bvh.any_hits(tree, origins, directions), naive_bvh.any_hits(triangles, origins, directions))


def test_any_hits__nothing_to_hit():
    origins, directions = rays(9, 4)
    tree = bvh.build(np.empty((0, 3, 3)))
    assert not bvh.any_hits(tree, origins, directions).any()


def test_any_hits__same_bits_on_one_and_two_threads_and_one_compiled_version():
    tree = bvh.build(soup(10))
    origins, directions = rays(11, 60)
    before = numba.get_num_threads()
    answers = []
    for threads in (1, min(2, before)):
        numba.set_num_threads(threads)
        answers.append(bvh.any_hits(tree, origins, directions))
    numba.set_num_threads(before)
    assert np.array_equal(*answers)
    assert len(getattr(bvh.any_hits, "signatures", [0])) == 1
