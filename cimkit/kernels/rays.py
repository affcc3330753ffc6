"""One ray against one triangle and one box.

The triangle test is watertight (Woop, Benthin and Wald 2013): two triangles that share an edge compute the same
edge value with opposite sign, so no ray slips between them. All in float64; directions are unit vectors.
"""

import math
from collections import namedtuple

from cimkit.kernels._jit import kernel

NEAREST = 1e-6  # hits nearer than this do not count [m]: a receptor may lie on its own wall
MISS = math.inf


class Ray(namedtuple("Ray", "ox oy oz ix iy iz kx ky kz sx sy sz")):
    """A ray ready for tests: origin, inverse direction, axes turned so that z is the longest, shear."""


@kernel
def _inverse(d):
    """Return 1/d, or a huge number of the same sign where d vanishes (never inf, so that 0 · 1/d is no nan)."""
    return 1.0 / d if abs(d) > 1e-290 else math.copysign(1e290, d)


@kernel
def make_ray(ox, oy, oz, dx, dy, dz):
    """Prepare the ray from (ox, oy, oz) in unit direction (dx, dy, dz)."""
    kx, ky, kz, u, v, w = 0, 1, 2, dx, dy, dz
    if abs(dx) > abs(dy) and abs(dx) > abs(dz):
        kx, ky, kz, u, v, w = 1, 2, 0, dy, dz, dx
    elif abs(dy) > abs(dz):
        kx, ky, kz, u, v, w = 2, 0, 1, dz, dx, dy
    return Ray(ox, oy, oz, _inverse(dx), _inverse(dy), _inverse(dz), kx, ky, kz, u / w, v / w, 1.0 / w)


@kernel
def hits_triangle(ray, corners, k):
    """Return the distance along the ray to triangle k of ``corners`` (m, 3, 3), inf if it misses [m]. Edges count."""
    kx, ky, kz = ray.kx, ray.ky, ray.kz
    origin = (ray.ox, ray.oy, ray.oz)
    ox, oy, oz = origin[kx], origin[ky], origin[kz]
    az, bz, cz = corners[k, 0, kz] - oz, corners[k, 1, kz] - oz, corners[k, 2, kz] - oz
    ax, ay = corners[k, 0, kx] - ox - ray.sx * az, corners[k, 0, ky] - oy - ray.sy * az
    bx, by = corners[k, 1, kx] - ox - ray.sx * bz, corners[k, 1, ky] - oy - ray.sy * bz
    cx, cy = corners[k, 2, kx] - ox - ray.sx * cz, corners[k, 2, ky] - oy - ray.sy * cz
    u = cx * by - cy * bx
    v = ax * cy - ay * cx
    w = bx * ay - by * ax
    if (u < 0.0 or v < 0.0 or w < 0.0) and (u > 0.0 or v > 0.0 or w > 0.0):
        return MISS
    det = u + v + w
    if det == 0.0:
        return MISS
    distance = (u * az + v * bz + w * cz) * ray.sz / det
    return distance if distance > NEAREST else MISS


@kernel
def hits_box(ray, lo, hi, k):
    """Return the distance along the ray to box k of ``lo``, ``hi`` (b, 3), inf if it misses; 0 from inside [m]."""
    x0, x1 = (lo[k, 0] - ray.ox) * ray.ix, (hi[k, 0] - ray.ox) * ray.ix
    y0, y1 = (lo[k, 1] - ray.oy) * ray.iy, (hi[k, 1] - ray.oy) * ray.iy
    z0, z1 = (lo[k, 2] - ray.oz) * ray.iz, (hi[k, 2] - ray.oz) * ray.iz
    near = max(min(x0, x1), min(y0, y1), min(z0, z1), 0.0)
    far = min(max(x0, x1), max(y0, y1), max(z0, z1))
    return near if near <= far * (1.0 + 1e-14) else MISS
