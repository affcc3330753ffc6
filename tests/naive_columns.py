"""Plain slow answers to the column kernels: every ray against every edge of every prism."""

from __future__ import annotations

import numpy as np

from cimkit.kernels.column_prisms import Prisms


def _crossings(point: np.ndarray, direction: np.ndarray, prisms: Prisms, b: int) -> np.ndarray:
    """Return the rises at which the ray's plan crosses the outline, sorted; odd numbers of them start inside."""
    rises = []
    for ring in range(prisms.poly[b], prisms.poly[b + 1]):
        q = prisms.xy[prisms.ring[ring] : prisms.ring[ring + 1]]
        a = q - point[:2]
        e = np.roll(q, -1, axis=0) - q
        side_a = direction[0] * a[:, 1] - direction[1] * a[:, 0]
        side_b = direction[0] * (a + e)[:, 1] - direction[1] * (a + e)[:, 0]
        hit = (side_a > 0) != (side_b > 0)
        den = direction[0] * e[hit, 1] - direction[1] * e[hit, 0]
        rises.append((a[hit, 0] * e[hit, 1] - a[hit, 1] * e[hit, 0]) / den * direction[2])
    rises = np.sort(np.concatenate(rises))
    return rises[rises > 1e-4]


def is_blocked(point: np.ndarray, direction: np.ndarray, prisms: Prisms) -> bool:
    """Return whether a ray meets the inside of any prism after its first 0.1 mm of rise."""
    for b in range(len(prisms.top)):
        rises = _crossings(point, direction, prisms, b)
        if len(rises) % 2:
            rises = np.concatenate([[1e-4], rises])
        for enter, leave in zip(rises[::2], rises[1::2], strict=True):
            if max(enter, prisms.base[b] - point[2]) < min(leave, prisms.top[b] - point[2]):
                return True
    return False


def column_masks(points: np.ndarray, normals: np.ndarray, prisms: Prisms, directions: np.ndarray) -> np.ndarray:
    """Return whether each sun direction lights each receptor, bool (n, t)."""
    lit = np.zeros((len(points), len(directions)), bool)
    for i, (point, normal) in enumerate(zip(points, normals, strict=True)):
        for t, direction in enumerate(directions):
            if direction[2] > 0 and normal @ direction > 1e-6:
                lit[i, t] = not is_blocked(point, direction, prisms)
    return lit


def group_columns(points: np.ndarray, normals: np.ndarray) -> list[list[int]]:
    """Return the receptors of each column, lowest first."""
    columns: dict[tuple[float, ...], list[int]] = {}
    for i, (point, normal) in enumerate(zip(points, normals, strict=True)):
        columns.setdefault((*point[:2], *normal), []).append(i)
    return [sorted(rows, key=lambda i: points[i, 2]) for rows in columns.values()]
