"""Plain slow twins of ``cimkit.kernels.rays``: Möller and Trumbore's triangle, slabs by numpy."""

import numpy as np

NEAREST = 1e-6


def hits_triangle(origin, direction, triangle):
    """Return the distance to a triangle (3, 3), inf if the ray misses it."""
    e1, e2 = triangle[1] - triangle[0], triangle[2] - triangle[0]
    p = np.cross(direction, e2)
    det = e1 @ p
    if det == 0:
        return np.inf
    s = origin - triangle[0]
    u = s @ p / det
    q = np.cross(s, e1)
    v, t = direction @ q / det, e2 @ q / det
    return t if u >= 0 and v >= 0 and u + v <= 1 and t > NEAREST else np.inf


def hits_box(origin, direction, low, high):
    """Return the distance to a box, 0 from inside, inf if the ray misses it."""
    near, far = 0.0, np.inf
    for a in range(3):
        if direction[a] == 0:
            if not low[a] <= origin[a] <= high[a]:
                return np.inf
            continue
        ends = sorted(((low[a] - origin[a]) / direction[a], (high[a] - origin[a]) / direction[a]))
        near, far = max(near, ends[0]), min(far, ends[1])
    return near if near <= far else np.inf
