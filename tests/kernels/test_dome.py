"""The dome kernel against the sun fan: a vertical plane is a day whose noon is the zenith."""

import math

import numpy as np
import pytest

from cimkit.kernels.bvh import build
from cimkit.kernels.dome import dome_sums
from cimkit.kernels.sunfan import Fan, lit_intervals

UP = np.array([0.0, 0.0, 1.0])


@pytest.mark.parametrize("seed", range(4))
def test_dome_sums__equals_the_sun_fan_in_each_plane(seed: int) -> None:
    """Random triangles, some below the receptors; the three integrals are those of the open arcs by quadrature."""
    rng = np.random.default_rng(seed)
    middle = rng.uniform(-30, 30, (60, 1, 3)) + np.array([0, 0, 12])
    tree = build(np.ascontiguousarray(middle + rng.uniform(-9, 9, (60, 3, 3))))
    points = np.ascontiguousarray(np.column_stack([rng.uniform(-30, 30, (50, 2)), rng.uniform(0, 20, 50)]))
    normals = rng.normal(size=(50, 3))
    normals /= np.linalg.norm(normals, axis=1)[:, None]
    azimuth = rng.uniform(0, math.pi)
    along = np.array([math.sin(azimuth), math.cos(azimuth), 0.0])
    fan = Fan(np.array([UP, along, np.cross(along, UP)]), np.zeros(3), -math.pi / 2, math.pi / 2, 0.0, 0.0)
    lit = lit_intervals(tree, points, normals, fan)
    ramp = (np.arange(181) / 180)[None, :, None]
    sums, found = dome_sums(tree, points, normals, np.ascontiguousarray(along[None, :2]), ramp)

    expected = np.zeros((50, 4))
    row = np.repeat(np.arange(50), np.diff(lit[0]))
    for i, a, b in zip(row, *lit[1:], strict=True):
        w = np.linspace(a, b, 4001)
        cosine = normals[i, 2] * np.cos(w) + normals[i] @ along * np.sin(w)
        solid = cosine * np.abs(np.sin(w))
        outward = normals[i] @ along * (float(b > math.pi / 2 - 1e-7) - float(a < 1e-7 - math.pi / 2))
        parts = np.trapezoid(solid, w), math.pi * np.trapezoid(solid * np.cos(w), w), math.pi * outward / 2
        expected[i] += [*parts, (b - a) / math.pi]
    np.testing.assert_allclose(np.column_stack([sums, found]), expected, atol=1e-5)
    assert expected[:, 3].min() < 0.1 < 0.5 < expected[:, 3].max()
