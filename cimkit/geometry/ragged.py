"""Rows of different lengths in one array: offsets say where each begins."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Sequence

    from cimkit.arrays import FloatArray, IntArray


def ragged_rows(offsets: IntArray, rows: IntArray) -> tuple[IntArray, IntArray]:
    """Return the element numbers of the chosen rows of a ragged array, and their new offsets.

    Examples
    --------
    >>> ragged_rows(np.array([0, 2, 5]), np.array([1, 0]))
    (array([2, 3, 4, 0, 1]), array([0, 3, 5]))
    """
    first, size = offsets[rows], offsets[rows + 1] - offsets[rows]
    return positions(size) + np.repeat(first, size), offsets_of(size)


def offsets_of(sizes: IntArray | Sequence[int]) -> IntArray:
    """Return offsets (n + 1) of rows with the given sizes (n)."""
    return np.concatenate([[0], np.cumsum(np.asarray(sizes, dtype=np.int64))]).astype(np.int64)


def owners(offsets: IntArray) -> IntArray:
    """Return the row that each element of a ragged array with these offsets (n + 1) belongs to."""
    return np.repeat(np.arange(len(offsets) - 1), np.diff(offsets))


def totals(rows: IntArray, values: FloatArray, count: int) -> FloatArray:
    """Return the sum of the values (n) of each of ``count`` rows."""
    return np.bincount(rows, values, count).astype(np.float64)


def positions(sizes: IntArray) -> IntArray:
    """Return 0, 1, 2 … within each of the rows with these sizes (n), one after the other."""
    return np.arange(np.sum(sizes)) - np.repeat(np.cumsum(sizes) - sizes, sizes)


def equal_pairs(one: IntArray, other: IntArray) -> tuple[IntArray, IntArray]:
    """Return the rows of all pairs of one key and an equal other one, in order; keys below 0 pair with none.

    Examples
    --------
    >>> equal_pairs(np.array([7, -1, 5]), np.array([5, -1, 7, 5]))
    (array([0, 2, 2]), array([2, 0, 3]))
    """
    order = np.argsort(other, kind="stable")
    low, high = (np.searchsorted(other[order], one, side) for side in ("left", "right"))
    count = np.where(one >= 0, high - low, 0)
    return np.repeat(np.arange(len(one)), count), order[positions(count) + np.repeat(low, count)]


def numbers_within(rows: IntArray) -> IntArray:
    """Return 1, 2, 3 … within each run of equal values of rising rows (n)."""
    return np.arange(len(rows)) - np.searchsorted(rows, rows) + 1
