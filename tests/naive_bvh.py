"""Plain slow twins of ``cimkit.kernels.bvh``: every ray against every triangle."""

import numpy as np

from tests.naive_rays import hits_triangle


def distances(triangles, origin, direction):
    """Return the distance to each triangle, inf for a miss."""
    return np.array([hits_triangle(origin, direction, t) for t in triangles] or [np.inf])


def any_hits(triangles, origins, directions):
    """Whether anything blocks each ray → (n, t)."""
    return np.array([[np.isfinite(distances(triangles, o, d)).any() for d in directions] for o in origins])
