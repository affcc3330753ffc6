"""Rows of different lengths in one array: offsets say where each begins."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    from collections.abc import Sequence

IntArray = NDArray[np.int64]


def ragged_rows(offsets: IntArray, rows: IntArray) -> tuple[IntArray, IntArray]:
    """Return the element numbers of the chosen rows of a ragged array, and their new offsets.

    Examples
    --------
    >>> ragged_rows(np.array([0, 2, 5]), np.array([1, 0]))
    (array([2, 3, 4, 0, 1]), array([0, 3, 5]))
    """
    first, size = offsets[rows], offsets[rows + 1] - offsets[rows]
    new = np.concatenate([[0], np.cumsum(size)]).astype(np.int64)
    items = np.arange(new[-1]) - np.repeat(new[:-1], size) + np.repeat(first, size)
    return items.astype(np.int64), new


def offsets_of(sizes: IntArray | Sequence[int]) -> IntArray:
    """Return offsets (n + 1) of rows with the given sizes (n)."""
    return np.concatenate([[0], np.cumsum(np.asarray(sizes, dtype=np.int64))]).astype(np.int64)
