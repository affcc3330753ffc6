"""Plain slow twin of ``cimkit.kernels.sunfan``: rays at many hour angles, changes set by bisection."""

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


def lit_intervals(fan, point, normal, triangles, steps=1441):
    """Return the lit intervals of one receptor; spells between two samples are not seen."""
    w = np.linspace(fan.start, fan.stop, steps)
    planes = planes_of(point, triangles)
    lit = lit_at(fan, normal, planes, w)
    ends = [fan.start] if lit[0] else []
    for k in np.flatnonzero(lit[1:] != lit[:-1]):
        a, b = w[k], w[k + 1]
        for _ in range(26):
            mid = 0.5 * (a + b)
            if lit_at(fan, normal, planes, mid)[0] == lit[k]:
                a = mid
            else:
                b = mid
        ends.append(a)
    if lit[-1]:
        ends.append(fan.stop)
    return list(zip(ends[::2], ends[1::2], strict=True))
