"""Plain slow twin of ``cimkit.kernels.sunfan``: one ray between any two hour angles at which a plane turns."""

import numpy as np


def sun(fan, w):
    """Return the sun's direction at hour angles w → (t, 3)."""
    w = np.atleast_1d(w)
    d = np.polynomial.polynomial.polyval(w, fan.declination)
    c = np.cos(d)
    return (
        np.outer(c * np.cos(w), fan.axes[0]) + np.outer(c * np.sin(w), fan.axes[1]) + np.outer(np.sin(d), fan.axes[2])
    )


def lit_at(fan, normal, planes, w):
    """Whether the sun is seen at hour angles w → (t)."""
    s = sun(fan, w)
    lit = s[:, 2] > fan.least_height
    turns = (fan.least_turn, -fan.least_turn) if fan.least_turn else (0.0,)
    for turn in turns if np.any(normal) else ():
        c, q = np.cos(turn), np.sin(turn)
        lit &= s @ [normal[0] * c - normal[1] * q, normal[0] * q + normal[1] * c, normal[2]] > 0
    for k in range(0, len(s), 256):
        lit[k : k + 256] &= ~(np.einsum("ta,mea->tme", s[k : k + 256], planes) > 0).all(axis=2).any(axis=1)
    return lit


def planes_of(point, triangles):
    """Return the inner normals of the planes through the point and each edge (m, 3, 3); 0 for a triangle edge-on."""
    u = np.asarray(triangles, float).reshape(-1, 3, 3) - point
    planes = np.cross(np.roll(u, -1, axis=1), np.roll(u, -2, axis=1))
    det = np.einsum("ma,ma->m", u[:, 0], planes[:, 0])
    size = np.linalg.norm(np.cross(u[:, 1] - u[:, 0], u[:, 2] - u[:, 0]), axis=1)
    return planes * (np.sign(det) * (np.abs(det) > 1e-6 * size))[:, None, None]


def turning_points(fan, normals, bounds=0.0, steps=2881):
    """Return every hour angle at which n·s − bound changes sign: samples, parabolas for close pairs, bisection."""
    w = np.linspace(fan.start, fan.stop, steps)
    value = lambda n, w: np.einsum("ka,ka->k", sun(fan, w), n) - bounds  # noqa: E731
    f = sun(fan, w) @ normals.T - bounds  # (t, k)
    t, k = np.nonzero((f[1:-1] * (f[2:] - f[1:-1]) > 0) & (f[1:-1] * (f[:-2] - f[1:-1]) > 0))  # nearest to zero
    fall, bend = f[t + 2, k] - f[t, k], f[t + 2, k] - 2 * f[t + 1, k] + f[t, k]
    peak = w[t + 1] - 0.5 * (w[1] - w[0]) * fall / bend
    crossed = value(normals[k], peak) * f[t + 1, k] < 0
    t, k, peak = t[crossed], k[crossed], peak[crossed]
    t0, k0 = np.nonzero(f[1:] * f[:-1] <= 0)  # a sample may be a root
    low, high = np.concatenate((w[t0], w[t], peak)), np.concatenate((w[t0 + 1], peak, w[t + 2]))
    rows = np.concatenate((k0, k, k))
    first = value(normals[rows], low)
    for _ in range(48):
        mid = 0.5 * (low + high)
        same = value(normals[rows], mid) * first > 0
        low, high = np.where(same, mid, low), np.where(same, high, mid)
    return low


def lit_intervals(fan, point, normal, triangles):
    """Return the lit intervals of one receptor: tried in the middle between all hour angles where any plane turns."""
    planes = planes_of(point, triangles)
    sides = planes.reshape(-1, 3)
    sides = sides[np.any(sides != 0, axis=1)]
    facades = [np.zeros((0, 3))]
    for turn in (fan.least_turn, -fan.least_turn) if np.any(normal) else ():
        c, q = np.cos(turn), np.sin(turn)
        facades.append(np.array([[normal[0] * c - normal[1] * q, normal[0] * q + normal[1] * c, normal[2]]]))
    turns = turning_points(fan, np.concatenate((sides, *facades)))
    horizon = turning_points(fan, np.array([[0.0, 0.0, 1.0]]), fan.least_height)
    ends = np.sort(np.concatenate(([fan.start, fan.stop], turns, horizon)))
    ends = ends[np.diff(ends, prepend=-np.inf) > 1e-11]
    lit = lit_at(fan, normal, planes, 0.5 * (ends[1:] + ends[:-1]))
    change = np.flatnonzero(np.diff(np.concatenate(([False], lit, [False])).astype(int)))
    return list(zip(ends[change[::2]], ends[change[1::2]], strict=True))
