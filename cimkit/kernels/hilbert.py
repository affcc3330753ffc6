"""The order of points along a Hilbert curve: neighbours in the order are neighbours on the ground."""

from __future__ import annotations

from typing import Any

import numpy as np

from cimkit.kernels._jit import kernel

BITS = 16


@kernel
def _keys(column, row, keys):
    """Fill keys (n) with the place of grid cells along the curve (Warren, Hacker's Delight, 2nd ed., 16-2)."""
    for i in range(len(keys)):
        x, y, key, side = column[i], row[i], 0, 1 << (BITS - 1)
        while side > 0:
            right, above = (x & side) > 0, (y & side) > 0
            key += side * side * ((3 * right) ^ above)
            if not above:
                if right:
                    x, y = (1 << BITS) - 1 - x, (1 << BITS) - 1 - y
                x, y = y, x
            side >>= 1
        keys[i] = key


def hilbert_order(xy: Any) -> Any:
    """Return the rows of points (n, 2) in their order along a Hilbert curve, int64 (n)."""
    xy = np.asarray(xy, np.float64)
    if len(xy) == 0:
        return np.empty(0, np.int64)
    low = xy.min(axis=0)
    span = max(float((xy.max(axis=0) - low).max()), 1e-9)
    cells = ((xy - low) / span * ((1 << BITS) - 1)).astype(np.int64)
    keys = np.empty(len(xy), np.int64)
    _keys(np.ascontiguousarray(cells[:, 0]), np.ascontiguousarray(cells[:, 1]), keys)
    return np.argsort(keys, kind="stable")
